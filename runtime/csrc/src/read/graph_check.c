/* A graph's operators run in the file's order: each tensor must have its value before it is read. */
#include "model_read.h"

enum { NOWHERE = -1, BEFOREHAND = -2 }; /* beside the index of the operator that writes a tensor first */

/* The values of constants that have none, with the bytes around them that kernels may read. */
static const _Alignas(64) uint8_t no_values[192];

static bool is_given(const eq_tensor *tensor) {
    return tensor->data != NULL || tensor->is_variable;
}

static eq_status note_inputs(eq_reader *reader, const eq_graph *graph, int32_t *writers) {
    for (int32_t i = 0; i < graph->tensor_count; i++) {
        const eq_tensor *tensor = &graph->tensors[i];
        if (tensor->is_variable && tensor->data != NULL) {
            return eq_reader_fail_tensor(reader, tensor, i, EQ_ERROR_MODEL, "it is a variable and a constant");
        }
        writers[i] = is_given(tensor) ? BEFOREHAND : NOWHERE;
    }
    for (int32_t i = 0; i < graph->input_count; i++) {
        const int32_t t = graph->inputs[i];
        eq_tensor *tensor = &graph->tensors[t];
        if (tensor->data != NULL) {
            return eq_reader_fail_tensor(reader, tensor, t, EQ_ERROR_MODEL, "it is an input of the model and a constant");
        }
        if (tensor->is_variable) {
            tensor->unsupported = "that is an input of the model and a variable";
        } else if (writers[t] != NOWHERE) {
            tensor->unsupported = "that is an input of the model twice";
        }
        writers[t] = BEFOREHAND;
    }
    return EQ_OK;
}

static eq_status note_outputs(eq_reader *reader, const eq_graph *graph, const eq_operator *op, int32_t *writers) {
    for (int32_t i = 0; i < op->output_count; i++) {
        const int32_t t = op->outputs[i];
        eq_tensor *tensor = &graph->tensors[t];
        if (tensor->data != NULL) {
            return eq_reader_fail_tensor(reader, tensor, t, EQ_ERROR_MODEL, "%s (operator %d) writes it, and it is a constant",
                                         op->name, (int)op->index);
        }
        if (tensor->is_variable) { /* its shape would be that of its last writer, for those before too */
            tensor->unsupported = "that is a variable, and written without a handle";
        } else if (writers[t] == BEFOREHAND) {
            tensor->unsupported = "that is an input of the model, and written";
        } else if (writers[t] >= 0) {
            tensor->unsupported = "that is written twice";
        } else {
            writers[t] = op->index;
        }
    }
    return EQ_OK;
}

/* A tensor without elements needs nobody to write it. */
static void note_empty(const eq_graph *graph, int32_t *writers) {
    for (int32_t i = 0; i < graph->tensor_count; i++) {
        if (writers[i] == NOWHERE && graph->tensors[i].unsupported == NULL && eq_tensor_elements(&graph->tensors[i]) == 0) {
            graph->tensors[i].data = no_values + sizeof no_values / 3;
            writers[i] = BEFOREHAND;
        }
    }
}

static eq_status check_inputs(eq_reader *reader, const eq_graph *graph, const eq_operator *op, const int32_t *writers) {
    for (int32_t i = 0; i < op->input_count; i++) {
        const int32_t t = op->inputs[i];
        if (t < 0 || writers[t] == BEFOREHAND || (writers[t] >= 0 && writers[t] < op->index)) {
            continue;
        }
        const eq_tensor *tensor = &graph->tensors[t];
        if (writers[t] == NOWHERE) {
            return eq_reader_fail_tensor(reader, tensor, t, EQ_ERROR_MODEL,
                                         "%s (operator %d) reads it, and nothing gives it a value", op->name, (int)op->index);
        }
        return eq_reader_fail_tensor(reader, tensor, t, EQ_ERROR_MODEL,
                                     "%s (operator %d) reads it before operator %d writes it: the operators are in no order in "
                                     "which they can run",
                                     op->name, (int)op->index, (int)writers[t]);
    }
    return EQ_OK;
}

eq_status eq_graph_check(eq_reader *reader, const eq_graph *graph) {
    int32_t *writers = eq_reader_take(reader, (size_t)graph->tensor_count, sizeof *writers);
    if (writers == NULL) {
        return reader->failure;
    }
    eq_status status = note_inputs(reader, graph, writers);
    for (int32_t i = 0; i < graph->operator_count && status == EQ_OK; i++) {
        status = note_outputs(reader, graph, &graph->operators[i], writers);
    }
    note_empty(graph, writers);
    for (int32_t i = 0; i < graph->operator_count && status == EQ_OK; i++) {
        status = check_inputs(reader, graph, &graph->operators[i], writers);
    }
    for (int32_t i = 0; i < graph->output_count && status == EQ_OK; i++) {
        const int32_t t = graph->outputs[i];
        if (writers[t] == NOWHERE) {
            status = eq_reader_fail_tensor(reader, &graph->tensors[t], t, EQ_ERROR_MODEL,
                                           "it is an output of the model, and nothing gives it a value");
        }
    }
    return status;
}
