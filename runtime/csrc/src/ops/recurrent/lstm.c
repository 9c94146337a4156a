#include "lstm.h"

#include "read/operator_codes.h"
#include "weights.h"

enum { ACTIVATION, CELL_CLIP, PROJ_CLIP, TIME_MAJOR_OR_KERNEL };

int32_t eq_lstm_peephole_slot(int32_t gate) {
    return EQ_LSTM_PEEPHOLE + (gate == EQ_GATE_OUTPUT ? 2 : gate);
}

static eq_status check_gate(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, const eq_lstm *lstm,
                            int32_t gate) {
    eq_status status = eq_recurrent_weights_check(plan, op, EQ_LSTM_WEIGHTS + gate, types->weights, lstm->cells, lstm->inputs);
    if (status == EQ_OK) {
        status = eq_recurrent_weights_check(plan, op, EQ_LSTM_RECURRENT + gate, types->weights, lstm->cells, lstm->outputs);
    }
    if (status == EQ_OK) {
        status = eq_recurrent_weights_check(plan, op, EQ_LSTM_BIAS + gate, types->bias, lstm->cells, 0);
    }
    if (status == EQ_OK && lstm->peephole && gate != EQ_GATE_CELL) {
        status = eq_recurrent_weights_check(plan, op, eq_lstm_peephole_slot(gate), types->peephole, lstm->cells, 0);
    }
    if (status == EQ_OK && lstm->norm) {
        status = eq_recurrent_weights_check(plan, op, EQ_LSTM_NORM + gate, types->norm, lstm->cells, 0);
    }
    return status;
}

static eq_status check_absent(eq_plan *plan, const eq_operator *op, int32_t slot) {
    return eq_plan_input(plan, op, slot)
               ? eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has an input %d without its fellows", (int)slot)
               : EQ_OK;
}

static eq_status check_optional(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, const eq_lstm *lstm) {
    eq_status status = EQ_OK;
    if (lstm->first_gate != EQ_GATE_INPUT) {
        static const int32_t slots[] = {EQ_LSTM_RECURRENT, EQ_LSTM_PEEPHOLE, EQ_LSTM_BIAS, EQ_LSTM_NORM};
        for (size_t i = 0; i < sizeof slots / sizeof *slots && status == EQ_OK; i++) {
            status = check_absent(plan, op, slots[i]);
        }
    }
    if (status == EQ_OK && !lstm->peephole) {
        status = check_absent(plan, op, EQ_LSTM_PEEPHOLE);
        status = status == EQ_OK ? check_absent(plan, op, EQ_LSTM_PEEPHOLE + EQ_GATE_FORGET) : status;
    }
    if (status != EQ_OK || !lstm->projection) {
        return status == EQ_OK ? check_absent(plan, op, EQ_LSTM_PROJECTION_BIAS) : status;
    }
    status = eq_recurrent_weights_check(plan, op, EQ_LSTM_PROJECTION, types->weights, lstm->outputs, lstm->cells);
    if (status == EQ_OK && eq_plan_input(plan, op, EQ_LSTM_PROJECTION_BIAS)) {
        status = eq_recurrent_weights_check(plan, op, EQ_LSTM_PROJECTION_BIAS, types->bias, lstm->outputs, 0);
    }
    return status;
}

static eq_status check_states(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, const eq_lstm *lstm) {
    const int32_t output = op->inputs[EQ_LSTM_OUTPUT_STATE], cell = op->inputs[EQ_LSTM_CELL_STATE], in = op->inputs[EQ_LSTM_IN];
    if (output == cell || output == in || cell == in) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has one tensor as two of its input and its states");
    }
    eq_status status =
        eq_recurrent_state_check(plan, op, EQ_LSTM_OUTPUT_STATE, types->output_state, lstm->batch, lstm->outputs);
    return status == EQ_OK ? eq_recurrent_state_check(plan, op, EQ_LSTM_CELL_STATE, types->cell_state, lstm->batch, lstm->cells)
                           : status;
}

/* Options, and the sizes as the input and two of the weights have them. */
static eq_status read_sizes(eq_plan *plan, const eq_operator *op, eq_lstm *lstm) {
    const bool sequence = op->code == EQ_OP_UNIDIRECTIONAL_SEQUENCE_LSTM;
    const eq_tensor *in = eq_plan_input(plan, op, EQ_LSTM_IN);
    const eq_tensor *weights = eq_plan_input(plan, op, EQ_LSTM_WEIGHTS + EQ_GATE_OUTPUT);
    const eq_tensor *recurrent = eq_plan_input(plan, op, EQ_LSTM_RECURRENT + EQ_GATE_OUTPUT);
    if (in->rank != (sequence ? 3 : 2) || weights->rank != 2 || recurrent->rank != 2) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has an input or weights of another rank than the operator takes");
    }
    *lstm = (eq_lstm){
        .inputs = in->dims[in->rank - 1],
        .cells = weights->dims[0],
        .outputs = recurrent->dims[1],
        .time_major = sequence && eq_option_bool(op, TIME_MAJOR_OR_KERNEL, false),
        .activation = eq_option_byte(op, ACTIVATION, 0),
        .cell_clip = eq_option_float(op, CELL_CLIP, 0),
        .proj_clip = eq_option_float(op, PROJ_CLIP, 0),
        .first_gate = eq_plan_input(plan, op, EQ_LSTM_WEIGHTS) ? EQ_GATE_INPUT : EQ_GATE_FORGET,
        .peephole = eq_plan_input(plan, op, eq_lstm_peephole_slot(EQ_GATE_OUTPUT)) != NULL,
        .norm = eq_plan_input(plan, op, EQ_LSTM_NORM + EQ_GATE_FORGET) != NULL,
        .projection = eq_plan_input(plan, op, EQ_LSTM_PROJECTION) != NULL,
    };
    lstm->batch = in->dims[lstm->time_major ? 1 : 0];
    lstm->time = sequence ? in->dims[lstm->time_major ? 0 : 1] : 1;
    if (lstm->inputs > EQ_RECURRENT_LARGEST || lstm->cells > EQ_RECURRENT_LARGEST || lstm->outputs > EQ_RECURRENT_LARGEST) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has more than %d inputs, cells or outputs", (int)EQ_RECURRENT_LARGEST);
    }
    if (!lstm->projection && lstm->cells != lstm->outputs) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has %d cells and %d outputs, and no projection between them",
                            (int)lstm->cells, (int)lstm->outputs);
    }
    return EQ_OK;
}

static eq_status give_shape(eq_plan *plan, const eq_operator *op, const eq_lstm *lstm) {
    const eq_tensor *in = eq_plan_input(plan, op, EQ_LSTM_IN);
    int32_t dims[3];
    for (int32_t i = 0; i < in->rank; i++) {
        dims[i] = i == in->rank - 1 ? lstm->outputs : in->dims[i];
    }
    return eq_plan_shape(plan, op, 0, in->rank, dims);
}

eq_status eq_lstm_read(eq_plan *plan, const eq_operator *op, const eq_lstm_types *types, eq_lstm *lstm) {
    const uint32_t optional = 1u << 1 | 1u << 5 | 7u << 9 | 1u << 12 | 3u << 16 | 15u << 20;
    if (op->code == EQ_OP_LSTM && eq_option_byte(op, TIME_MAJOR_OR_KERNEL, 0) != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "is of the BASIC kernel");
    }
    eq_status status = eq_plan_arity(plan, op, EQ_LSTM_NORM, EQ_LSTM_INPUTS, optional, 1);
    if (status == EQ_OK) {
        status = read_sizes(plan, op, lstm);
    }
    for (int32_t gate = lstm->first_gate; gate < EQ_GATES && status == EQ_OK; gate++) {
        status = check_gate(plan, op, types, lstm, gate);
    }
    if (status == EQ_OK) {
        status = check_optional(plan, op, types, lstm);
    }
    if (status == EQ_OK) {
        status = check_states(plan, op, types, lstm);
    }
    if (status == EQ_OK && eq_plan_output(plan, op, 0)->type != types->in) {
        status = eq_plan_fail(plan, op, EQ_ERROR_MODEL, "must give the type that it takes");
    }
    return status == EQ_OK ? give_shape(plan, op, lstm) : status;
}

eq_step *eq_lstm_step(eq_plan *plan, const eq_operator *op, const eq_lstm *lstm, eq_run_fn run, size_t data_bytes) {
    eq_step *step = eq_plan_step(plan, op, run, data_bytes, 3, 3);
    if (step) {
        const int32_t states[] = {op->inputs[EQ_LSTM_OUTPUT_STATE], op->inputs[EQ_LSTM_CELL_STATE]};
        step->inputs[0].tensor = op->inputs[EQ_LSTM_IN];
        step->outputs[0].tensor = op->outputs[0];
        step->inputs[1].tensor = step->outputs[1].tensor = states[0];
        step->inputs[2].tensor = step->outputs[2].tensor = states[1];
        step->units = lstm->batch;
        const uint64_t gates = (uint64_t)(EQ_GATES - lstm->first_gate) * (uint64_t)(lstm->inputs + lstm->outputs);
        step->macs = (uint64_t)lstm->batch * (uint64_t)lstm->time * (uint64_t)lstm->cells *
                     (gates + (lstm->projection ? (uint64_t)lstm->outputs : 0));
        step->cost = step->macs;
        step->slow = eq_plan_output(plan, op, 0)->type == EQ_FLOAT32;
    }
    return step;
}

size_t eq_lstm_at(const eq_lstm *lstm, int32_t time, int32_t item, int32_t depth) {
    const size_t row =
        lstm->time_major ? (size_t)time * (size_t)lstm->batch + (size_t)item : (size_t)item * (size_t)lstm->time + (size_t)time;
    return row * (size_t)depth;
}
