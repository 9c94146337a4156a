/* BIDIRECTIONAL_SEQUENCE_LSTM: two LSTM of float activations, one of which reads the sequence from its end. */
#include "lstm_cell.h"
#include "plan/operator.h"

enum { AUX = 39, INPUTS = 48 };
enum { ACTIVATION, CELL_CLIP, PROJ_CLIP, MERGE_OUTPUTS, TIME_MAJOR, ASYMMETRIC };

static const eq_lstm_slots slots_of[EQ_DIRECTIONS] = {
    {.weights = 1,
     .recurrent = 5,
     .peephole = 9,
     .bias = 12,
     .projection = 16,
     .projection_bias = 17,
     .output_state = 35,
     .cell_state = 36,
     .aux_weights = 40},
    {.weights = 18,
     .recurrent = 22,
     .peephole = 26,
     .bias = 29,
     .projection = 33,
     .projection_bias = 34,
     .output_state = 37,
     .cell_state = 38,
     .aux_weights = 44},
};

/* Inputs of one LSTM that may be absent: those of the input gate, peepholes and projection. */
static uint64_t optional_of(const eq_lstm_slots *s) {
    return UINT64_C(1) << s->weights | UINT64_C(1) << s->recurrent | UINT64_C(7) << s->peephole | UINT64_C(1) << s->bias |
           UINT64_C(1) << s->projection | UINT64_C(1) << s->projection_bias | UINT64_C(15) << s->aux_weights;
}

static eq_status make_direction(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, eq_sequence *sequence,
                                int32_t which) {
    eq_direction *direction = &sequence->directions[which];
    eq_lstm lstm = {
        .slots = slots_of[which],
        .batch = sequence->batch,
        .inputs = direction->inputs,
        .aux_inputs = direction->aux_inputs,
        .activation = eq_option_byte(op, ACTIVATION, 0),
        .cell_clip = eq_option_float(op, CELL_CLIP, 0),
        .proj_clip = eq_option_float(op, PROJ_CLIP, 0),
    };
    const eq_status status = eq_lstm_check(plan, op, types, &lstm);
    return status == EQ_OK ? eq_lstm_cell_make(plan, op, &lstm, which * EQ_LSTM_PRODUCTS, &sequence->products, direction)
                           : status;
}

static eq_status prepare(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types) {
    const uint64_t optional = optional_of(&slots_of[0]) | optional_of(&slots_of[1]) | UINT64_C(1) << AUX;
    const bool merged = eq_option_bool(op, MERGE_OUTPUTS, false);
    eq_sequence sequence;
    eq_status status = eq_plan_arity(plan, op, INPUTS, INPUTS, optional, merged ? 1 : 2);
    if (status == EQ_OK) {
        status = eq_sequence_read(plan, op, true, eq_option_bool(op, TIME_MAJOR, true), &sequence);
    }
    if (status != EQ_OK) {
        return status;
    }
    sequence.direction_count = EQ_DIRECTIONS;
    sequence.products.hybrid = types->weights == EQ_INT8;
    sequence.products.asymmetric = eq_option_bool(op, ASYMMETRIC, false);
    const bool has_aux_weights = eq_plan_input(plan, op, slots_of[0].aux_weights + EQ_GATE_FORGET) != NULL;
    status = eq_sequence_inputs(plan, op, AUX, has_aux_weights, &sequence);
    for (int32_t which = 0; which < EQ_DIRECTIONS && status == EQ_OK; which++) {
        status = make_direction(plan, op, types, &sequence, which);
    }
    if (status == EQ_OK) {
        status = eq_sequence_outputs(plan, op, merged, &sequence);
    }
    return status == EQ_OK ? eq_sequence_plan(plan, op, &sequence) : status;
}

eq_status eq_prepare_bidirectional_lstm_f32(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, &eq_lstm_types_f32);
}

eq_status eq_prepare_bidirectional_lstm_hybrid(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, &eq_lstm_types_hybrid);
}

EQ_OPERATOR(BIDIRECTIONAL_SEQUENCE_LSTM, eq_prepare_bidirectional_lstm_f32, FLOAT32, ANY, FLOAT32);
EQ_OPERATOR(BIDIRECTIONAL_SEQUENCE_LSTM, eq_prepare_bidirectional_lstm_hybrid, FLOAT32, ANY, INT8);
EQ_OPERATOR_NOTE(BIDIRECTIONAL_SEQUENCE_LSTM, "constant weights, of floats or int8; an activation; a second input");
