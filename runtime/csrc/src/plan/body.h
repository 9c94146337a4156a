/* Graphs that an operator runs, as IF and WHILE do: each is a plan of its own, a body, whose tensors lie in one block that the
 * operator's step has in the arena. Its steps run on the thread of that step. */
#ifndef EQ_BODY_H
#define EQ_BODY_H

#include "plan.h"

typedef struct eq_body {
    const eq_plan *plan;
    const size_t *offsets; /* of its tensors in the block */
    size_t bytes;          /* of the block */
    size_t scratch;        /* bytes that a run needs beside it: the table of storage, and what its steps need */
} eq_body;

/* What all plans of a session share about the graphs inside of graphs. */
typedef struct eq_loops {
    int32_t bodies;             /* planned so far: graphs that run graphs could be beyond number */
    int32_t rounds;             /* of all loops in this run */
    const eq_operator *endless; /* the loop that was stopped, after EQ_MOST_ROUNDS */
    const eq_operator *outside; /* what was stopped because it computed a place that its tensor does not have */
} eq_loops;

/* End the run, once the step is done: an operator computed a place that its tensor does not have. Any thread may say so. */
static inline void eq_loops_end_outside(eq_loops *loops, const eq_operator *op) {
    __atomic_store_n(&loops->outside, op, __ATOMIC_RELAXED);
}

static inline bool eq_loops_are_stopped(const eq_loops *loops) {
    return loops->endless || loops->outside;
}

#ifndef EQ_MOST_ROUNDS /* a fuzzer has less patience */
#define EQ_MOST_ROUNDS (1 << 24)
#endif
enum { EQ_MOST_BODIES = 256 };

/* Plan graph `index` for these tensors of `plan` as its inputs; those that are constant are so in the body too if `keep_constants`. */
eq_status eq_body_make(eq_plan *plan, const eq_operator *op, int32_t index, const int32_t *inputs, int32_t count,
                       bool keep_constants, eq_body *body);
/* The body's output as the operator's: fails unless the types are those of the file. */
eq_status eq_body_output(eq_plan *plan, const eq_operator *op, const eq_body *body, int32_t slot, const eq_tensor **tensor);
/* A step with the operator's inputs and outputs and, as its last output, a block of so many bytes. NULL: error written. */
eq_step *eq_body_step(eq_plan *plan, const eq_operator *op, eq_run_fn run, size_t data_bytes, size_t block);
/* Add what a run of the body costs. */
void eq_body_add_cost(const eq_body *body, eq_step *step);

/* ---- in a run ---- */

/* Where the body's tensors are; `scratch` begins with that table, so a body that runs again needs this once. */
void eq_body_place(const eq_body *body, void *block, void *scratch);
/* Run with the outer tensors of `inputs`, one for each of the body's. */
void eq_body_run(const eq_body *body, void *scratch, const eq_storage *outer, const eq_use *inputs);
/* An output's values after that, and copies of all to outer tensors. */
const void *eq_body_result(const eq_body *body, const void *scratch, int32_t slot);
void eq_body_give(const eq_body *body, const void *scratch, const eq_storage *outer, const eq_use *outputs);

#endif
