/* Sequences of floats: a cell is run for one time step after the other, forwards or backwards, and keeps its states. All recurrent
 * operators with float activations are one or two of these. */
#ifndef EQ_SEQUENCE_H
#define EQ_SEQUENCE_H

#include "vector_product.h"

enum { EQ_DIRECTIONS = 2, EQ_STATES = 2 };

/* What a cell is given for one time step of one item. */
typedef struct eq_cell_values {
    const float *in, *aux; /* aux: of the second input; NULL: there is none */
    float *out;
    float *states[EQ_STATES];
} eq_cell_values;

enum { EQ_CELL_ROWS = 3 };

typedef struct eq_cell_scratch {
    void *sums;               /* for eq_vector_write and eq_vector_add */
    void *rows[EQ_CELL_ROWS]; /* for eq_vector_read */
    float *values;            /* scratch_values of them */
} eq_cell_scratch;

typedef void (*eq_cell_fn)(const void *cell, const eq_vector_products *products, const eq_cell_values *values,
                           const eq_cell_scratch *scratch);

typedef struct eq_direction {
    eq_cell_fn run;
    const void *cell; /* lives as long as the plan */
    size_t scratch_values;
    uint64_t macs; /* of one time step */
    bool backwards;
    int32_t in, aux, out, states[EQ_STATES]; /* tensors, -1: none; in a step's data their uses */
    int32_t inputs, aux_inputs, outputs, state_sizes[EQ_STATES];
    int32_t out_width, out_offset; /* of the output, which two directions may share */
} eq_direction;

typedef struct eq_sequence {
    int32_t batch, time;
    bool time_major;
    int32_t direction_count;
    eq_direction directions[EQ_DIRECTIONS];
    eq_vector_products products; /* packed */
} eq_sequence;

/* Read batch and time from the operator's input 0: 3-D, or 2-D where there is no time. */
eq_status eq_sequence_read(eq_plan *plan, const eq_operator *op, bool has_time, bool time_major, eq_sequence *sequence);
/* The second input of bidirectional operators. With weights of its own both directions read it besides the first; without, the backward
 * one reads it in place of the first. Sets what each direction reads: tensors and sizes. */
eq_status eq_sequence_inputs(eq_plan *plan, const eq_operator *op, int32_t aux_slot, bool has_aux_weights,
                             eq_sequence *sequence);
/* The outputs of bidirectional operators, whose directions know how many values they give: one after the other in one output if
 * they are merged, else an output each. */
eq_status eq_sequence_outputs(eq_plan *plan, const eq_operator *op, bool merged, eq_sequence *sequence);
/* Give an output its shape: the input's with another depth. It must be float32. */
eq_status eq_sequence_shape(eq_plan *plan, const eq_operator *op, int32_t output, int32_t depth);
/* Pack the products and add the step: a unit is one direction of one item. */
eq_status eq_sequence_plan(eq_plan *plan, const eq_operator *op, const eq_sequence *sequence);

#endif
