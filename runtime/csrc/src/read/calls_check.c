/* Graphs that run other graphs: none may run itself, by whatever way round, since an engine would never come back. */
#include "model_read.h"

enum { DEEPEST = 64 }; /* calls inside calls; real models have two or three */

static int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

/* How many graphs deep the calls of a graph go, itself included; more than DEEPEST if it is called deeper than that already.
 * `known` has it for each graph, 0 where it is not known yet. */
static int32_t depth_of(const eq_model *model, int32_t index, int32_t level, int32_t *known) {
    const eq_graph *graph = &model->graphs[index];
    if (known[index] != 0 || level > DEEPEST) {
        return known[index] != 0 ? known[index] : DEEPEST + 1;
    }
    int32_t deepest = 0;
    for (int32_t i = 0; i < graph->operator_count && deepest <= DEEPEST; i++) {
        for (int32_t c = 0; c < EQ_MAX_CALLS; c++) {
            if (graph->operators[i].calls[c] >= 0 && deepest <= DEEPEST) {
                deepest = larger(deepest, depth_of(model, graph->operators[i].calls[c], level + 1, known));
            }
        }
    }
    known[index] = deepest + 1;
    return deepest + 1;
}

eq_status eq_calls_check(eq_reader *reader) {
    const eq_model *model = reader->model;
    int32_t *known = eq_reader_take(reader, (size_t)model->graph_count, sizeof *known);
    if (known == NULL) {
        return reader->failure;
    }
    for (int32_t i = 0; i < model->graph_count; i++) {
        if (depth_of(model, i, 1, known) > DEEPEST) {
            return eq_fail(reader->error, EQ_ERROR_MODEL,
                           "graph %d runs itself, or graphs that run graphs more than %d deep, and so would never end", (int)i,
                           DEEPEST);
        }
    }
    return EQ_OK;
}
