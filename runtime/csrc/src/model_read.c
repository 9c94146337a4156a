/* From the bytes of a .tflite file to graphs of tensors and operators. */
#include <string.h>

#include "model_read.h"
#include "operator_names.h"

enum { MODEL_VERSION, MODEL_OPERATOR_CODES, MODEL_SUBGRAPHS, MODEL_BUFFERS = 4 };
enum { GRAPH_TENSORS, GRAPH_INPUTS, GRAPH_OUTPUTS, GRAPH_OPERATORS };
enum { OPERATOR_CODE, OPERATOR_INPUTS, OPERATOR_OUTPUTS, OPERATOR_OPTIONS = 4 };
enum { CODE_DEPRECATED, CODE_CUSTOM, CODE_BUILTIN = 3 };
enum { CUSTOM = 32 }; /* BuiltinOperator of operators that are not built in */

/* Files of before 2020 have the operator's number in one byte, which newer ones fill with 127 if it is too small. */
static eq_status read_code(eq_reader *reader, uint32_t index, eq_operator *op) {
    eq_table table;
    eq_vector custom;
    if (index >= reader->codes.count) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "operator %d has the code %u, and the model has %u of them",
                       (int)op->index, (unsigned)index, (unsigned)reader->codes.count);
    }
    if (!eq_vector_table(&reader->root, &reader->codes, index, &table) || !eq_table_string(&table, CODE_CUSTOM, &custom)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the code of operator %d lies outside the file", (int)op->index);
    }
    const int32_t old = eq_table_i8(&table, CODE_DEPRECATED, 0), new = eq_table_i32(&table, CODE_BUILTIN, 0);
    op->code = old > new ? old : new;
    op->name = eq_operator_name(op->code);
    if (op->code != CUSTOM) {
        return EQ_OK;
    }
    const char *name = eq_reader_name(reader, &custom);
    char *full = name == NULL ? NULL : eq_reader_take(reader, strlen(name) + sizeof "CUSTOM ", 1);
    if (full == NULL) {
        return reader->failure;
    }
    memcpy(full, "CUSTOM ", sizeof "CUSTOM ");
    op->name = strcat(full, name);
    return EQ_OK;
}

/* Indices of tensors of the graph. */
static eq_status read_indices(eq_reader *reader, const eq_table *table, int field, const eq_graph *graph, bool may_be_absent,
                              const int32_t **indices, int32_t *count) {
    eq_vector vector;
    if (!eq_table_vector(table, field, 4, &vector)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "a list of inputs or outputs lies outside the file");
    }
    *indices = eq_reader_ints(reader, &vector);
    if (*indices == NULL) {
        return reader->failure;
    }
    *count = (int32_t)vector.count;
    for (int32_t i = 0; i < *count; i++) {
        const int32_t t = (*indices)[i];
        if ((t >= 0 && t < graph->tensor_count) || (t == -1 && may_be_absent)) {
            continue;
        }
        return eq_fail(reader->error, EQ_ERROR_MODEL, "tensor %d does not exist: an operator or a graph of %d tensors names it",
                       (int)t, (int)graph->tensor_count);
    }
    return EQ_OK;
}

static eq_status read_operator(eq_reader *reader, const eq_table *table, const eq_graph *graph, eq_operator *op) {
    if (!eq_table_child(table, OPERATOR_OPTIONS, &op->options)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the options of operator %d lie outside the file", (int)op->index);
    }
    eq_status status = read_code(reader, eq_table_u32(table, OPERATOR_CODE, 0), op);
    if (status == EQ_OK) {
        status = read_indices(reader, table, OPERATOR_INPUTS, graph, true, &op->inputs, &op->input_count);
    }
    if (status == EQ_OK) {
        status = read_indices(reader, table, OPERATOR_OUTPUTS, graph, false, &op->outputs, &op->output_count);
    }
    return status;
}

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
    graph->tensor_count = (int32_t)tensors.count;
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
        const eq_status status = read_operator(reader, &entry, graph, &graph->operators[i]);
        if (status != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}

static eq_status read_graph(eq_reader *reader, const eq_table *table, eq_graph *graph) {
    eq_status status = read_tensors(reader, table, graph);
    if (status == EQ_OK) {
        status = read_indices(reader, table, GRAPH_INPUTS, graph, false, &graph->inputs, &graph->input_count);
    }
    if (status == EQ_OK) {
        status = read_indices(reader, table, GRAPH_OUTPUTS, graph, false, &graph->outputs, &graph->output_count);
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
    return eq_read_signature(reader);
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
    return read_graphs(&reader);
}
