/* From the bytes of a .tflite file to graphs of tensors and operators. */
#include <string.h>

#include "model_read.h"

enum { MODEL_VERSION, MODEL_OPERATOR_CODES, MODEL_SUBGRAPHS, MODEL_DESCRIPTION, MODEL_BUFFERS, MODEL_METADATA = 6 };
enum { METADATA_NAME, METADATA_BUFFER };
enum { GRAPH_TENSORS, GRAPH_INPUTS, GRAPH_OUTPUTS, GRAPH_OPERATORS };

static const char BEGINS_ANEW[] = "edgequant.begins_anew";

static eq_status read_tensors(eq_reader *reader, const eq_table *table, eq_graph *graph) {
    eq_vector tensors;
    eq_table tensor;
    if (!eq_table_vector(table, GRAPH_TENSORS, 4, &tensors)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the list of tensors lies outside the file");
    }
    graph->tensors = eq_reader_take(reader, tensors.count, sizeof *graph->tensors);
    if (graph->tensors == NULL) {
        return reader->failure;
    }
    graph->tensor_count = reader->tensor_count = (int32_t)tensors.count;
    for (int32_t i = 0; i < graph->tensor_count; i++) {
        if (!eq_vector_table(table, &tensors, (uint32_t)i, &tensor)) {
            return eq_fail(reader->error, EQ_ERROR_MODEL, "tensor %d lies outside the file", (int)i);
        }
        const eq_status status = eq_read_tensor(reader, &tensor, i, &graph->tensors[i]);
        if (status != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}

static eq_status read_operators(eq_reader *reader, const eq_table *table, eq_graph *graph) {
    eq_vector operators;
    eq_table entry;
    if (!eq_table_vector(table, GRAPH_OPERATORS, 4, &operators)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the list of operators lies outside the file");
    }
    graph->operators = eq_reader_take(reader, operators.count, sizeof *graph->operators);
    if (graph->operators == NULL) {
        return reader->failure;
    }
    graph->operator_count = (int32_t)operators.count;
    for (int32_t i = 0; i < graph->operator_count; i++) {
        if (!eq_vector_table(table, &operators, (uint32_t)i, &entry)) {
            return eq_fail(reader->error, EQ_ERROR_MODEL, "operator %d lies outside the file", (int)i);
        }
        graph->operators[i].index = i;
        const eq_status status = eq_read_operator(reader, &entry, &graph->operators[i]);
        if (status != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}

static eq_status read_graph(eq_reader *reader, const eq_table *table, eq_graph *graph) {
    eq_status status = read_tensors(reader, table, graph);
    if (status == EQ_OK) {
        status = eq_read_indices(reader, table, GRAPH_INPUTS, false, &graph->inputs, &graph->input_count);
    }
    if (status == EQ_OK) {
        status = eq_read_indices(reader, table, GRAPH_OUTPUTS, false, &graph->outputs, &graph->output_count);
    }
    if (status == EQ_OK) {
        status = read_operators(reader, table, graph);
    }
    if (status == EQ_OK) {
        status = eq_graph_check(reader, graph);
    }
    return status;
}

static eq_status read_graphs(eq_reader *reader) {
    eq_model *model = reader->model;
    eq_vector graphs;
    eq_table table;
    if (!eq_table_vector(&reader->root, MODEL_OPERATOR_CODES, 4, &reader->codes) ||
        !eq_table_vector(&reader->root, MODEL_BUFFERS, 4, &reader->buffers) ||
        !eq_table_vector(&reader->root, MODEL_SUBGRAPHS, 4, &graphs)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the model's lists lie outside the file: it is damaged or cut off");
    }
    if (graphs.count == 0) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the model has no graph");
    }
    model->graphs = eq_reader_take(reader, graphs.count, sizeof *model->graphs);
    if (model->graphs == NULL) {
        return reader->failure;
    }
    model->graph_count = (int32_t)graphs.count;
    for (int32_t i = 0; i < model->graph_count; i++) {
        if (!eq_vector_table(&reader->root, &graphs, (uint32_t)i, &table)) {
            return eq_fail(reader->error, EQ_ERROR_MODEL, "graph %d lies outside the file", (int)i);
        }
        const eq_status status = read_graph(reader, &table, &model->graphs[i]);
        if (status != EQ_OK) {
            return status;
        }
    }
    return eq_calls_check(reader);
}

/* Notes about the model, in buffers of their own: engines look for those that they know. Ours is that of a network without
 * a state, whose recurrent operators have one in LiteRT. */
static eq_status read_metadata(eq_reader *reader) {
    eq_vector entries, characters;
    eq_table entry;
    if (!eq_table_vector(&reader->root, MODEL_METADATA, 4, &entries) ||
        !eq_table_string(&reader->root, MODEL_DESCRIPTION, &characters)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the model's metadata lies outside the file");
    }
    for (uint32_t i = 0; i < entries.count; i++) {
        if (!eq_vector_table(&reader->root, &entries, i, &entry) || !eq_table_string(&entry, METADATA_NAME, &characters)) {
            return eq_fail(reader->error, EQ_ERROR_MODEL, "the model's metadata lies outside the file");
        }
        if (eq_table_u32(&entry, METADATA_BUFFER, 0) >= reader->buffers.count) {
            return eq_fail(reader->error, EQ_ERROR_MODEL, "the model's metadata is in buffer %u of %u",
                           (unsigned)eq_table_u32(&entry, METADATA_BUFFER, 0), (unsigned)reader->buffers.count);
        }
        if (characters.count == sizeof BEGINS_ANEW - 1 && memcmp(characters.items, BEGINS_ANEW, characters.count) == 0) {
            reader->model->begins_anew = true;
        }
    }
    return EQ_OK;
}

eq_status eq_model_read(eq_model *model, eq_error *error) {
    eq_reader reader = {.model = model, .error = error};
    if (model->size < 8 || memcmp(model->file + 4, "TFL3", 4) != 0) {
        return eq_fail(error, EQ_ERROR_MODEL, "this is no .tflite file: its bytes 4 to 7 are not 'TFL3'");
    }
    if (!eq_flatbuffer_root(model->file, model->size, &reader.root)) {
        return eq_fail(error, EQ_ERROR_MODEL, "the .tflite file is damaged or cut off");
    }
    const uint32_t version = eq_table_u32(&reader.root, MODEL_VERSION, 0);
    if (version != 3) {
        return eq_fail(error, EQ_ERROR_MODEL, "the .tflite file has version %u of the format; 3 is the only one known",
                       (unsigned)version);
    }
    eq_status status = read_graphs(&reader);
    if (status == EQ_OK) {
        status = eq_read_signature(&reader);
    }
    return status == EQ_OK ? read_metadata(&reader) : status;
}
