/* What LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM say, for all types: shapes, options and which of the optional inputs are there. */
#ifndef EQ_LSTM_H
#define EQ_LSTM_H

#include "plan/plan.h"

enum { EQ_GATE_INPUT, EQ_GATE_FORGET, EQ_GATE_CELL, EQ_GATE_OUTPUT, EQ_GATES };

/* The operators' inputs; of those with a gate, add its number. */
enum {
    EQ_LSTM_IN = 0,
    EQ_LSTM_WEIGHTS = 1, /* (cells, inputs) for each gate; the input gate's is absent if it is 1 minus the forget gate (CIFG) */
    EQ_LSTM_RECURRENT = 5,   /* (cells, outputs) */
    EQ_LSTM_PEEPHOLE = 9,    /* (cells), of the input, forget and output gates */
    EQ_LSTM_BIAS = 12,       /* (cells) */
    EQ_LSTM_PROJECTION = 16, /* (outputs, cells) */
    EQ_LSTM_PROJECTION_BIAS = 17,
    EQ_LSTM_OUTPUT_STATE = 18, /* (batch, outputs), a variable */
    EQ_LSTM_CELL_STATE = 19,   /* (batch, cells), a variable */
    EQ_LSTM_NORM = 20,         /* (cells) */
    EQ_LSTM_INPUTS = 24,
};

typedef struct eq_lstm {
    int32_t batch, time, inputs, cells, outputs;
    int32_t first_gate; /* EQ_GATE_FORGET with CIFG */
    bool time_major, peephole, norm, projection;
    int32_t activation;         /* of the cell's input and output */
    float cell_clip, proj_clip; /* 0: none */
} eq_lstm;

/* The types that the inputs must have; those of `in` and the output are `in`. */
typedef struct eq_lstm_types {
    eq_type in, weights, peephole, bias, norm, output_state, cell_state;
} eq_lstm_types;

/* Read and check all of it, and give the output its shape. All weights are constant, of these types and of the shapes above. */
eq_status eq_lstm_read(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, eq_lstm *lstm);
/* The input of a gate's peephole; the cell gate has none. */
int32_t eq_lstm_peephole_slot(int32_t gate);
/* Add the step: a unit is an item of the batch. Its inputs are the input, the output state and the cell state, its outputs the
 * output and both states. NULL: error written. */
eq_step *eq_lstm_step(eq_plan *plan, const eq_operator *op, const eq_lstm *lstm, eq_run_fn run, size_t data_bytes);
/* Where the values of an item at a time begin in the input or output, `depth` values each. */
size_t eq_lstm_at(const eq_lstm *lstm, int32_t time, int32_t item, int32_t depth);

#endif
