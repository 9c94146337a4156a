/* Which graph is run, and the names that users know its inputs and outputs by: those of the signature that was asked for, or of the
 * only one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_read.h"

enum { MODEL_SIGNATURES = 7 };
enum { SIGNATURE_INPUTS, SIGNATURE_OUTPUTS, SIGNATURE_KEY, SIGNATURE_GRAPH = 4 };
enum { MAP_NAME, MAP_TENSOR };

typedef struct name_of_tensor {
    int32_t tensor;
    const char *name;
} name_of_tensor;

static int by_tensor_and_name(const void *left, const void *right) {
    const name_of_tensor *a = left, *b = right;
    return a->tensor != b->tensor ? (a->tensor > b->tensor) - (a->tensor < b->tensor) : strcmp(a->name, b->name);
}

static eq_status read_map(eq_reader *reader, const eq_vector *map, const eq_graph *graph, name_of_tensor *entries) {
    eq_table entry;
    eq_vector characters;
    for (uint32_t i = 0; i < map->count; i++) {
        if (!eq_vector_table(&reader->root, map, i, &entry) || !eq_table_string(&entry, MAP_NAME, &characters)) {
            return eq_fail(reader->error, EQ_ERROR_MODEL, "a name of the model's signature lies outside the file");
        }
        const uint32_t tensor = eq_table_u32(&entry, MAP_TENSOR, 0);
        if (tensor >= (uint32_t)graph->tensor_count) {
            return eq_fail(reader->error, EQ_ERROR_MODEL, "the model's signature names tensor %u, and there are %d",
                           (unsigned)tensor, (int)graph->tensor_count);
        }
        entries[i].tensor = (int32_t)tensor;
        entries[i].name = eq_reader_name(reader, &characters);
        if (entries[i].name == NULL) {
            return reader->failure;
        }
    }
    return EQ_OK;
}

/* Give each of `tensors` (the graph's inputs or outputs) its name. A tensor that occurs twice takes its names in order. */
static eq_status name_edges(eq_reader *reader, const eq_vector *map, const eq_graph *graph, const int32_t *tensors,
                            int32_t count, const char ***names) {
    name_of_tensor *entries = eq_reader_take(reader, map->count, sizeof *entries);
    uint32_t *next = entries == NULL ? NULL : eq_reader_take(reader, (size_t)graph->tensor_count, sizeof *next);
    *names = next == NULL ? NULL : eq_reader_take(reader, (size_t)count, sizeof **names);
    if (*names == NULL) {
        return reader->failure;
    }
    const eq_status status = read_map(reader, map, graph, entries);
    if (status != EQ_OK) {
        return status;
    }
    if (map->count != 0) {
        qsort(entries, map->count, sizeof *entries, by_tensor_and_name);
    }
    for (uint32_t i = map->count; i > 0; i--) {
        next[entries[i - 1].tensor] = i; /* one more than its first entry */
    }
    for (int32_t i = 0; i < count; i++) {
        const int32_t tensor = tensors[i];
        const uint32_t entry = next[tensor];
        const bool is_named = entry != 0 && entry <= map->count && entries[entry - 1].tensor == tensor;
        (*names)[i] = is_named ? entries[entry - 1].name : graph->tensors[tensor].name;
        next[tensor] += is_named;
    }
    return EQ_OK;
}

/* The lists of one signature, and the graph that they are of. */
static eq_status read_lists(eq_reader *reader, const eq_vector *signatures, uint32_t index, eq_vector *inputs,
                            eq_vector *outputs, uint32_t *graph) {
    eq_table signature;
    eq_vector key;
    if (!eq_vector_table(&reader->root, signatures, index, &signature) ||
        !eq_table_vector(&signature, SIGNATURE_INPUTS, 4, inputs) ||
        !eq_table_vector(&signature, SIGNATURE_OUTPUTS, 4, outputs) || !eq_table_string(&signature, SIGNATURE_KEY, &key)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the model's signature %u lies outside the file", (unsigned)index);
    }
    *graph = eq_table_u32(&signature, SIGNATURE_GRAPH, 0);
    if (*graph >= (uint32_t)reader->model->graph_count) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the model's signature %u is of graph %u, and there are %d",
                       (unsigned)index, (unsigned)*graph, (int)reader->model->graph_count);
    }
    return EQ_OK;
}

/* Whichever counts, what they all point at must be there. */
static eq_status check_signatures(eq_reader *reader, const eq_vector *signatures) {
    for (uint32_t i = 0; i < signatures->count; i++) {
        eq_vector lists[2];
        uint32_t graph;
        eq_status status = read_lists(reader, signatures, i, &lists[0], &lists[1], &graph);
        for (int32_t side = 0; side < 2 && status == EQ_OK; side++) {
            name_of_tensor *entries = eq_reader_take(reader, lists[side].count, sizeof *entries);
            status = entries == NULL ? reader->failure : read_map(reader, &lists[side], &reader->model->graphs[graph], entries);
        }
        if (status != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}

/* Where the signature of this name is, or signatures->count. All were checked. */
static uint32_t find_signature(eq_reader *reader, const eq_vector *signatures, const char *name) {
    const size_t length = strlen(name);
    for (uint32_t i = 0; i < signatures->count; i++) {
        eq_table signature;
        eq_vector key;
        if (eq_vector_table(&reader->root, signatures, i, &signature) && eq_table_string(&signature, SIGNATURE_KEY, &key) &&
            key.count == length && memcmp(key.items, name, length) == 0) {
            return i;
        }
    }
    return signatures->count;
}

static eq_status no_signature(eq_reader *reader, const eq_vector *signatures) {
    char names[512] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < signatures->count && used < sizeof names; i++) {
        eq_table signature;
        eq_vector key;
        if (eq_vector_table(&reader->root, signatures, i, &signature) && eq_table_string(&signature, SIGNATURE_KEY, &key)) {
            const char *name = eq_reader_name(reader, &key);
            used += (size_t)snprintf(names + used, sizeof names - used, "%s'%.80s'", i > 0 ? ", " : "", name ? name : "");
        }
    }
    return signatures->count == 0 ? eq_fail(reader->error, EQ_ERROR_ARGUMENT,
                                            "there is no signature '%.80s': the model has none", reader->model->signature)
                                  : eq_fail(reader->error, EQ_ERROR_ARGUMENT, "there is no signature '%.80s': the model has %s",
                                            reader->model->signature, names);
}

/* Find the main graph, and the lists of the signature that names its inputs and outputs, empty if none does. */
static eq_status choose(eq_reader *reader, const eq_vector *signatures, eq_vector *inputs, eq_vector *outputs) {
    eq_model *model = reader->model;
    uint32_t graph = 0, index = 0;
    model->main = model->graphs;
    if (model->signature != NULL && (index = find_signature(reader, signatures, model->signature)) == signatures->count) {
        return no_signature(reader, signatures);
    }
    if (model->signature == NULL && signatures->count != 1) {
        return EQ_OK;
    }
    const eq_status status = read_lists(reader, signatures, index, inputs, outputs, &graph);
    if (status == EQ_OK && model->signature != NULL) {
        model->main = &model->graphs[graph];
    } else if (graph != 0) {
        inputs->count = outputs->count = 0;
    }
    return status;
}

eq_status eq_read_signature(eq_reader *reader) {
    eq_vector signatures, inputs = {0}, outputs = {0};
    if (!eq_table_vector(&reader->root, MODEL_SIGNATURES, 4, &signatures)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the list of signatures lies outside the file");
    }
    eq_status status = check_signatures(reader, &signatures);
    if (status == EQ_OK) {
        status = choose(reader, &signatures, &inputs, &outputs);
    }
    if (status != EQ_OK) {
        return status;
    }
    eq_graph *graph = reader->model->main;
    status = name_edges(reader, &inputs, graph, graph->inputs, graph->input_count, &graph->input_names);
    return status == EQ_OK ? name_edges(reader, &outputs, graph, graph->outputs, graph->output_count, &graph->output_names)
                           : status;
}
