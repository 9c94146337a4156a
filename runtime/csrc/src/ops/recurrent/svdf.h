/* What SVDF says, for all types: each filter keeps its last `memory` products with the input, and a unit is the sum of what `rank`
 * filters make of theirs. */
#ifndef EQ_SVDF_H
#define EQ_SVDF_H

#include "plan/plan.h"

/* The operator's inputs. */
enum {
    EQ_SVDF_IN,      /* (batch, inputs) */
    EQ_SVDF_FEATURE, /* (filters, inputs) */
    EQ_SVDF_TIME,    /* (filters, memory) */
    EQ_SVDF_BIAS,    /* (units), or absent */
    EQ_SVDF_STATE,   /* (batch, filters * memory), a variable */
    EQ_SVDF_INPUTS,
};

typedef struct eq_svdf {
    int32_t batch, inputs, filters, memory, rank, units;
    int32_t activation;
    bool asymmetric; /* how a hybrid one quantizes */
} eq_svdf;

typedef struct eq_svdf_types {
    eq_type in, feature, time, bias, state;
} eq_svdf_types;

/* Read and check all of it, and give the output its shape. */
eq_status eq_svdf_read(eq_plan *plan, const eq_operator *op, const eq_svdf_types *types, eq_svdf *svdf);
/* Add the step: a unit is an item of the batch. Its inputs are the input and the state, its outputs the output and the state. */
eq_step *eq_svdf_step(eq_plan *plan, const eq_operator *op, const eq_svdf *svdf, eq_run_fn run, size_t data_bytes);

#endif
