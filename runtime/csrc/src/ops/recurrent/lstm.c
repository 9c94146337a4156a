#include "lstm.h"

#include <math.h>

#include "read/operator_codes.h"
#include "weights.h"

enum { ACTIVATION, CELL_CLIP, PROJ_CLIP, TIME_MAJOR_OR_KERNEL, ASYMMETRIC };

int32_t eq_lstm_peephole_slot(const eq_lstm_slots *slots, int32_t gate) {
    return slots->peephole + (gate == EQ_GATE_OUTPUT ? 2 : gate);
}

static eq_status check_gate(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, const eq_lstm *lstm,
                            int32_t gate) {
    const eq_lstm_slots *slots = &lstm->slots;
    eq_status status = eq_recurrent_weights_check(plan, op, slots->weights + gate, types->weights, lstm->cells, lstm->inputs);
    if (status == EQ_OK) {
        status = eq_recurrent_weights_check(plan, op, slots->recurrent + gate, types->weights, lstm->cells, lstm->outputs);
    }
    if (status == EQ_OK) {
        status = eq_recurrent_weights_check(plan, op, slots->bias + gate, types->bias, lstm->cells, 0);
    }
    if (status == EQ_OK && lstm->peephole && gate != EQ_GATE_CELL) {
        status = eq_recurrent_weights_check(plan, op, eq_lstm_peephole_slot(slots, gate), types->peephole, lstm->cells, 0);
    }
    if (status == EQ_OK && lstm->norm) {
        status = eq_recurrent_weights_check(plan, op, slots->norm + gate, types->norm, lstm->cells, 0);
    }
    if (status == EQ_OK && lstm->aux_inputs > 0) {
        status = eq_recurrent_weights_check(plan, op, slots->aux_weights + gate, types->weights, lstm->cells, lstm->aux_inputs);
    }
    return status;
}

static eq_status check_absent(eq_plan *plan, const eq_operator *op, int32_t slot) {
    return slot > 0 && eq_plan_input(plan, op, slot)
               ? eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has an input %d without its fellows", (int)slot)
               : EQ_OK;
}

static eq_status check_optional(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, const eq_lstm *lstm) {
    const eq_lstm_slots *slots = &lstm->slots;
    eq_status status = EQ_OK;
    if (lstm->first_gate != EQ_GATE_INPUT) {
        const int32_t of_input_gate[] = {slots->recurrent, slots->peephole, slots->bias, slots->norm, slots->aux_weights};
        for (size_t i = 0; i < sizeof of_input_gate / sizeof *of_input_gate && status == EQ_OK; i++) {
            status = check_absent(plan, op, of_input_gate[i]);
        }
    }
    if (status == EQ_OK && !lstm->peephole) {
        status = check_absent(plan, op, slots->peephole);
        status = status == EQ_OK ? check_absent(plan, op, slots->peephole + EQ_GATE_FORGET) : status;
    }
    for (int32_t gate = 0; gate < EQ_GATES && slots->aux_weights > 0 && lstm->aux_inputs == 0 && status == EQ_OK; gate++) {
        status = check_absent(plan, op, slots->aux_weights + gate);
    }
    if (status != EQ_OK || !lstm->projection) {
        return status == EQ_OK ? check_absent(plan, op, slots->projection_bias) : status;
    }
    status = eq_recurrent_weights_check(plan, op, slots->projection, types->weights, lstm->outputs, lstm->cells);
    if (status == EQ_OK && eq_plan_input(plan, op, slots->projection_bias)) {
        status = eq_recurrent_weights_check(plan, op, slots->projection_bias, types->bias, lstm->outputs, 0);
    }
    return status;
}

static eq_status check_states(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, const eq_lstm *lstm) {
    eq_status status =
        eq_recurrent_state_check(plan, op, lstm->slots.output_state, types->output_state, lstm->batch, lstm->outputs);
    return status == EQ_OK
               ? eq_recurrent_state_check(plan, op, lstm->slots.cell_state, types->cell_state, lstm->batch, lstm->cells)
               : status;
}

/* The sizes as two of the weights have them, and which of the optional inputs are there. */
static eq_status read_weights(eq_plan *plan, const eq_operator *op, eq_lstm *lstm) {
    const eq_lstm_slots *slots = &lstm->slots;
    const eq_tensor *weights = eq_plan_input(plan, op, slots->weights + EQ_GATE_OUTPUT);
    const eq_tensor *recurrent = eq_plan_input(plan, op, slots->recurrent + EQ_GATE_OUTPUT);
    if (weights->rank != 2 || recurrent->rank != 2) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has an input or weights of another rank than the operator takes");
    }
    lstm->cells = weights->dims[0];
    lstm->outputs = recurrent->dims[1];
    lstm->first_gate = eq_plan_input(plan, op, slots->weights) ? EQ_GATE_INPUT : EQ_GATE_FORGET;
    lstm->peephole = eq_plan_input(plan, op, eq_lstm_peephole_slot(slots, EQ_GATE_OUTPUT)) != NULL;
    lstm->norm = slots->norm > 0 && eq_plan_input(plan, op, slots->norm + EQ_GATE_FORGET) != NULL;
    lstm->projection = eq_plan_input(plan, op, slots->projection) != NULL;
    if (lstm->inputs > EQ_RECURRENT_LARGEST || lstm->cells > EQ_RECURRENT_LARGEST || lstm->outputs > EQ_RECURRENT_LARGEST ||
        lstm->aux_inputs > EQ_RECURRENT_LARGEST) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has more than %d inputs, cells or outputs", (int)EQ_RECURRENT_LARGEST);
    }
    if (!lstm->projection && lstm->cells != lstm->outputs) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has %d cells and %d outputs, and no projection between them",
                            (int)lstm->cells, (int)lstm->outputs);
    }
    return EQ_OK;
}

eq_status eq_lstm_check(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, eq_lstm *lstm) {
    eq_status status = read_weights(plan, op, lstm);
    for (int32_t gate = lstm->first_gate; gate < EQ_GATES && status == EQ_OK; gate++) {
        status = check_gate(plan, op, types, lstm, gate);
    }
    if (status == EQ_OK) {
        status = check_optional(plan, op, types, lstm);
    }
    return status == EQ_OK ? check_states(plan, op, types, lstm) : status;
}

bool eq_lstm_is_basic(const eq_operator *op) {
    return op->code == EQ_OP_LSTM && eq_option_byte(op, TIME_MAJOR_OR_KERNEL, 0) != 0;
}

static eq_status read_options(eq_plan *plan, const eq_operator *op, eq_lstm *lstm) {
    const bool sequence = op->code == EQ_OP_UNIDIRECTIONAL_SEQUENCE_LSTM;
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (in->rank != (sequence ? 3 : 2)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has an input or weights of another rank than the operator takes");
    }
    *lstm = (eq_lstm){
        .slots = {EQ_LSTM_WEIGHTS, EQ_LSTM_RECURRENT, EQ_LSTM_PEEPHOLE, EQ_LSTM_BIAS, EQ_LSTM_PROJECTION,
                  EQ_LSTM_PROJECTION_BIAS, EQ_LSTM_OUTPUT_STATE, EQ_LSTM_CELL_STATE, EQ_LSTM_NORM, 0},
        .inputs = in->dims[in->rank - 1],
        .time_major = sequence && eq_option_bool(op, TIME_MAJOR_OR_KERNEL, false),
        .asymmetric = eq_option_bool(op, ASYMMETRIC, false),
        .activation = eq_option_byte(op, ACTIVATION, 0),
        .cell_clip = eq_option_float(op, CELL_CLIP, 0),
        .proj_clip = eq_option_float(op, PROJ_CLIP, 0),
    };
    lstm->batch = in->dims[lstm->time_major ? 1 : 0];
    lstm->time = sequence ? in->dims[lstm->time_major ? 0 : 1] : 1;
    return EQ_OK;
}

static eq_status give_shape(eq_plan *plan, const eq_operator *op, const eq_lstm *lstm) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    int32_t dims[3];
    for (int32_t i = 0; i < in->rank; i++) {
        dims[i] = i == in->rank - 1 ? lstm->outputs : in->dims[i];
    }
    return eq_plan_shape(plan, op, 0, in->rank, dims);
}

eq_status eq_lstm_read(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, eq_lstm *lstm) {
    const uint32_t optional = 1u << 1 | 1u << 5 | 7u << 9 | 1u << 12 | 3u << 16 | 15u << 20;
    eq_status status = eq_plan_arity(plan, op, EQ_LSTM_NORM, EQ_LSTM_INPUTS, optional, 1);
    if (status == EQ_OK) {
        status = read_options(plan, op, lstm);
    }
    if (status == EQ_OK) {
        status = eq_lstm_check(plan, op, types, lstm);
    }
    if (status != EQ_OK) {
        return status;
    }
    const int32_t output = op->inputs[EQ_LSTM_OUTPUT_STATE], cell = op->inputs[EQ_LSTM_CELL_STATE], in = op->inputs[0];
    if (output == cell || output == in || cell == in) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has one tensor as two of its input and its states");
    }
    if (eq_plan_output(plan, op, 0)->type != types->in) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "must give the type that it takes");
    }
    return give_shape(plan, op, lstm);
}

eq_status eq_lstm_cell_shift(eq_plan *plan, const eq_operator *op, const eq_lstm *lstm, int32_t *shift) {
    const eq_tensor *state = eq_plan_input(plan, op, lstm->slots.cell_state);
    int exponent = 0;
    if (state->scale_count != 1 || state->zero_points[0] != 0 || frexpf(state->scales[0], &exponent) != 0.5f ||
        exponent - 1 > -9 || exponent - 1 < -15) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                            "needs a cell state whose scale is a power of two from "
                            "2^-15 to 2^-9, and no zero point");
    }
    *shift = exponent - 1;
    return EQ_OK;
}

uint64_t eq_lstm_macs(const eq_lstm *lstm) {
    const uint64_t gates = (uint64_t)(EQ_GATES - lstm->first_gate) *
                           ((uint64_t)lstm->inputs + (uint64_t)lstm->aux_inputs + (uint64_t)lstm->outputs);
    return (uint64_t)lstm->cells * (gates + (lstm->projection ? (uint64_t)lstm->outputs : 0));
}

eq_step *eq_lstm_step(eq_plan *plan, const eq_operator *op, const eq_lstm *lstm, eq_run_fn run, size_t data_bytes) {
    eq_step *step = eq_plan_step(plan, op, run, data_bytes, 3, 3);
    if (step) {
        const int32_t states[] = {op->inputs[EQ_LSTM_OUTPUT_STATE], op->inputs[EQ_LSTM_CELL_STATE]};
        step->inputs[0].tensor = op->inputs[0];
        step->outputs[0].tensor = op->outputs[0];
        step->inputs[1].tensor = step->outputs[1].tensor = states[0];
        step->inputs[2].tensor = step->outputs[2].tensor = states[1];
        step->units = lstm->batch;
        step->macs = (uint64_t)lstm->batch * (uint64_t)lstm->time * eq_lstm_macs(lstm);
        step->cost = step->macs;
    }
    return step;
}

size_t eq_lstm_at(const eq_lstm *lstm, int32_t time, int32_t item, int32_t depth) {
    const size_t row =
        lstm->time_major ? (size_t)time * (size_t)lstm->batch + (size_t)item : (size_t)item * (size_t)lstm->time + (size_t)time;
    return row * (size_t)depth;
}
