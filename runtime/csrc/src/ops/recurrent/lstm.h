/* What the LSTM operators say, for all types: shapes, options and which of the optional inputs are there. */
#ifndef EQ_LSTM_H
#define EQ_LSTM_H

#include "plan/plan.h"

enum { EQ_GATE_INPUT, EQ_GATE_FORGET, EQ_GATE_CELL, EQ_GATE_OUTPUT, EQ_GATES };

/* Which of the operator's inputs are what; of those with a gate, the first one's. 0: this operator has no such inputs. */
typedef struct eq_lstm_slots {
    int32_t weights;    /* (cells, inputs) for each gate; the input gate's is absent if it is 1 minus the forget gate (CIFG) */
    int32_t recurrent;  /* (cells, outputs) */
    int32_t peephole;   /* (cells), of the input, forget and output gates */
    int32_t bias;       /* (cells) */
    int32_t projection; /* (outputs, cells) */
    int32_t projection_bias; /* (outputs) */
    int32_t output_state;    /* (batch, outputs), a variable */
    int32_t cell_state;      /* (batch, cells), a variable */
    int32_t norm;            /* (cells) */
    int32_t aux_weights;     /* (cells, inputs of the second input) */
} eq_lstm_slots;

/* LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM; input 0 is the input of all. */
enum {
    EQ_LSTM_WEIGHTS = 1,
    EQ_LSTM_RECURRENT = 5,
    EQ_LSTM_PEEPHOLE = 9,
    EQ_LSTM_BIAS = 12,
    EQ_LSTM_PROJECTION = 16,
    EQ_LSTM_PROJECTION_BIAS = 17,
    EQ_LSTM_OUTPUT_STATE = 18,
    EQ_LSTM_CELL_STATE = 19,
    EQ_LSTM_NORM = 20,
    EQ_LSTM_INPUTS = 24,
};

typedef struct eq_lstm {
    eq_lstm_slots slots;
    int32_t batch, time, inputs, cells, outputs;
    int32_t aux_inputs; /* 0: no second input */
    int32_t first_gate; /* EQ_GATE_FORGET with CIFG */
    bool time_major, peephole, norm, projection;
    bool asymmetric;            /* how a hybrid one quantizes */
    int32_t activation;         /* of the cell's input and output */
    float cell_clip, proj_clip; /* 0: none */
} eq_lstm;

/* The types that the inputs must have; those of `in` and the output are `in`. */
typedef struct eq_lstm_types {
    eq_type in, weights, peephole, bias, norm, output_state, cell_state;
} eq_lstm_types;

/* Read and check all of LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM, and give the output its shape. All weights are constant, of these types
 * and of the shapes above. */
eq_status eq_lstm_read(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, eq_lstm *lstm);
/* The same of one LSTM whose slots, batch, inputs and aux_inputs are set, without its output and its options. */
eq_status eq_lstm_check(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, eq_lstm *lstm);
/* The input of a gate's peephole; the cell gate has none. */
int32_t eq_lstm_peephole_slot(const eq_lstm_slots *slots, int32_t gate);
/* The exponent of the scale of a cell state of int16, a power of two from 2^-15 to 2^-9. */
eq_status eq_lstm_cell_shift(eq_plan *plan, const eq_operator *op, const eq_lstm *lstm, int32_t *shift);
/* Whether this is an LSTM of the BASIC kernel, which has other inputs and outputs, and what prepares it. (lstm_basic.c) */
bool eq_lstm_is_basic(const eq_operator *op);
eq_status eq_lstm_basic(eq_plan *plan, const eq_operator *op);
/* Multiply-accumulates of one time step of one item. */
uint64_t eq_lstm_macs(const eq_lstm *lstm);
/* Add the step: a unit is an item of the batch. Its inputs are the input, the output state and the cell state, its outputs the
 * output and both states. NULL: error written. */
eq_step *eq_lstm_step(eq_plan *plan, const eq_operator *op, const eq_lstm *lstm, eq_run_fn run, size_t data_bytes);
/* Where the values of an item at a time begin in the input or output, `depth` values each. */
size_t eq_lstm_at(const eq_lstm *lstm, int32_t time, int32_t item, int32_t depth);

#endif
