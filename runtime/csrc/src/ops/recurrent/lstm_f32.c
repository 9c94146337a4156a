/* LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM of float activations, with float or int8 weights ("hybrid"). (lstm_eval.cc,
 * LstmStepWithAuxInput) */
#include "lstm_cell.h"
#include "plan/operator.h"

static eq_status prepare(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types) {
    eq_lstm lstm;
    eq_status status = eq_lstm_read(plan, op, types, &lstm);
    if (status != EQ_OK) {
        return status;
    }
    eq_sequence sequence = {.batch = lstm.batch, .time = lstm.time, .time_major = lstm.time_major, .direction_count = 1};
    sequence.products = (eq_vector_products){.hybrid = types->weights == EQ_INT8, .asymmetric = lstm.asymmetric};
    eq_direction *direction = &sequence.directions[0];
    *direction = (eq_direction){.in = op->inputs[0], .aux = -1, .out = op->outputs[0], .inputs = lstm.inputs};
    status = eq_lstm_cell_make(plan, op, &lstm, 0, &sequence.products, direction);
    return status == EQ_OK ? eq_sequence_plan(plan, op, &sequence) : status;
}

eq_status eq_prepare_lstm_f32(eq_plan *plan, const eq_operator *op) {
    return eq_lstm_is_basic(op) ? eq_lstm_basic(plan, op) : prepare(plan, op, &eq_lstm_types_f32);
}

eq_status eq_prepare_lstm_hybrid(eq_plan *plan, const eq_operator *op) {
    if (eq_lstm_is_basic(op)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "of the BASIC kernel takes weights of float32 or uint8");
    }
    return prepare(plan, op, &eq_lstm_types_hybrid);
}

EQ_OPERATOR(UNIDIRECTIONAL_SEQUENCE_LSTM, eq_prepare_lstm_f32, FLOAT32, ANY, FLOAT32);
EQ_OPERATOR(LSTM, eq_prepare_lstm_f32, FLOAT32, ANY, FLOAT32);
EQ_OPERATOR(UNIDIRECTIONAL_SEQUENCE_LSTM, eq_prepare_lstm_hybrid, FLOAT32, ANY, INT8);
EQ_OPERATOR(LSTM, eq_prepare_lstm_hybrid, FLOAT32, ANY, INT8);
