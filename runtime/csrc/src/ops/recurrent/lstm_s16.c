/* UNIDIRECTIONAL_SEQUENCE_LSTM of int16 activations with int8 weights, which LiteRT lacks: TensorFlow Lite Micro's arithmetic. Gates are
 * Q3.12, their values Q0.15, the cell's scale is a power of two. (micro/kernels/lstm_eval.h) */
#include <string.h>

#include "arithmetic/fixed_point.h"
#include "arithmetic/portable_math.h"
#include "arithmetic/sigmoid.h"
#include "lstm.h"
#include "ops/matrix/requantize_s16.h"
#include "ops/quantization.h"
#include "plan/operator.h"

enum {
    ACTIVATION_TANH = 4,
    PRODUCTS = 504 /* that an int32 holds the sum of: 504 * 2^15 * 2^7 < 2^31 */
};

typedef struct gate {
    const int8_t *weights, *recurrent; /* (cells, inputs), (cells, cells) */
    const int64_t *bias;
    eq_fixed in_scale, recurrent_scale; /* from sums to Q3.12 */
} gate;

typedef struct step_data {
    eq_lstm lstm;
    gate gates[EQ_GATES];
    int32_t cell_shift, cell_clip; /* the cell's scale is 2^cell_shift; clip 0: none */
    eq_fixed keep, add, give;      /* forget gate times cell, input gate times news, output gate times tanh */
} step_data;

static int16_t saturated(int32_t x) {
    return (int16_t)eq_clamp(x, INT16_MIN, INT16_MAX);
}

static int64_t dot(const int8_t *weights, const int16_t *values, int32_t n) {
    int64_t sum = 0;
    for (int32_t first = 0; first < n; first += PRODUCTS) {
        const int32_t last = n - first < PRODUCTS ? n : first + PRODUCTS;
        int32_t part = 0;
        for (int32_t k = first; k < last; k++) {
            part += weights[k] * values[k];
        }
        sum += part;
    }
    return sum;
}

/* tanh of a Q(15 + shift).(-shift) number, in Q0.15. */
static int16_t tanh_of(int16_t x, int32_t shift) {
    const int32_t left = 12 + shift; /* to units of 1 / (3 * 4096) */
    return eq_tanh_s16(left >= 0 ? x * (3 << left) : (x * 3 + (1 << (-left - 1))) >> -left);
}

static void compute_gate(const step_data *d, int32_t index, const int16_t *in, const int16_t *state, int16_t *values) {
    const gate *g = &d->gates[index];
    const int32_t inputs = d->lstm.inputs, cells = d->lstm.cells;
    for (int32_t i = 0; i < cells; i++) {
        const int64_t in_sum = dot(g->weights + (ptrdiff_t)i * inputs, in, inputs);
        const int64_t biased = (int64_t)((uint64_t)in_sum + (uint64_t)g->bias[i]);
        const int64_t state_sum = dot(g->recurrent + (ptrdiff_t)i * cells, state, cells);
        const int16_t of_in = saturated(eq_multiply_by_sixteen_bits(biased, g->in_scale));
        const int16_t x = saturated(of_in + saturated(eq_multiply_by_sixteen_bits(state_sum, g->recurrent_scale)));
        values[i] = index == EQ_GATE_CELL ? tanh_of(x, -12) : eq_sigmoid_s16(x * 3);
    }
}

/* `values` has room for the cells of each gate. */
static void step_once(const step_data *d, const int16_t *in, int16_t *state, int16_t *cell, int16_t *out, int16_t *values) {
    const size_t cells = (size_t)d->lstm.cells;
    for (int32_t g = 0; g < EQ_GATES; g++) {
        compute_gate(d, g, in, state, values + (size_t)g * cells);
    }
    for (size_t i = 0; i < cells; i++) {
        const int16_t *gates = values + i;
        const int16_t kept = saturated(eq_fixed_multiply(gates[EQ_GATE_FORGET * cells] * cell[i], d->keep));
        const int32_t news = gates[EQ_GATE_INPUT * cells] * gates[EQ_GATE_CELL * cells];
        cell[i] = saturated(kept + saturated(eq_fixed_multiply(news, d->add)));
        if (d->cell_clip > 0) {
            cell[i] = (int16_t)eq_clamp(cell[i], -d->cell_clip, d->cell_clip);
        }
        out[i] = saturated(eq_fixed_multiply(gates[EQ_GATE_OUTPUT * cells] * tanh_of(cell[i], d->cell_shift), d->give));
    }
    memcpy(state, out, cells * sizeof *state);
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_lstm *lstm = &d->lstm;
    const int16_t *in = storage[step->inputs[0].tensor].data;
    int16_t *out = storage[step->outputs[0].tensor].data;
    for (int32_t item = first; item < last; item++) {
        int16_t *state = (int16_t *)storage[step->inputs[1].tensor].data + (size_t)item * (size_t)lstm->cells;
        int16_t *cell = (int16_t *)storage[step->inputs[2].tensor].data + (size_t)item * (size_t)lstm->cells;
        for (int32_t t = 0; t < lstm->time; t++) {
            step_once(d, in + eq_lstm_at(lstm, t, item, lstm->inputs), state, cell,
                      out + eq_lstm_at(lstm, t, item, lstm->cells), scratch);
        }
    }
}

/* ---- preparation ---- */

static eq_status check_parts(eq_plan *plan, const eq_operator *op, const eq_lstm *lstm) {
    if (lstm->peephole || lstm->norm || lstm->projection || lstm->first_gate != EQ_GATE_INPUT) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                            "has peepholes, a norm, a projection or no input gate, "
                            "which it may not have in int16");
    }
    if (lstm->activation != ACTIVATION_TANH) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes no activation but tanh in int16");
    }
    return EQ_OK;
}

static eq_status check_symmetric(eq_plan *plan, const eq_operator *op, const eq_tensor *tensor, const char *what) {
    const eq_status status = eq_check_int16(plan, op, tensor, what);
    return status == EQ_OK && tensor->zero_points[0] != 0
               ? eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes int16 without zero points only")
               : status;
}

static eq_status read_matrix(eq_plan *plan, const eq_operator *op, int32_t slot, float values_scale, const int8_t **weights,
                             eq_fixed *scale) {
    const eq_tensor *tensor = eq_plan_input(plan, op, slot);
    if (tensor->scale_count != 1 || tensor->file_type == EQ_UINT8 || tensor->zero_points[0] != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs one scale and no zero point for its input %d", (int)slot);
    }
    *weights = tensor->data;
    *scale = eq_fixed_from((double)(values_scale * tensor->scales[0]) / 0x1p-12);
    if (scale->shift > 14) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has a scale out of range as its input %d", (int)slot);
    }
    return EQ_OK;
}

static eq_status read_all(eq_plan *plan, const eq_operator *op, step_data *d) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *state = eq_plan_input(plan, op, EQ_LSTM_OUTPUT_STATE);
    eq_status status = check_parts(plan, op, &d->lstm);
    status = status == EQ_OK ? check_symmetric(plan, op, in, "the input") : status;
    status = status == EQ_OK ? check_symmetric(plan, op, state, "the output state") : status;
    status = status == EQ_OK ? eq_lstm_cell_shift(plan, op, &d->lstm, &d->cell_shift) : status;
    for (int32_t i = 0; i < EQ_GATES && status == EQ_OK; i++) {
        gate *g = &d->gates[i];
        g->bias = eq_plan_input(plan, op, EQ_LSTM_BIAS + i)->data;
        status = read_matrix(plan, op, EQ_LSTM_WEIGHTS + i, in->scales[0], &g->weights, &g->in_scale);
        if (status == EQ_OK) {
            status = read_matrix(plan, op, EQ_LSTM_RECURRENT + i, state->scales[0], &g->recurrent, &g->recurrent_scale);
        }
    }
    if (status == EQ_OK) {
        const double cell_scale = eq_power_of_two(d->cell_shift), clip = (double)d->lstm.cell_clip / cell_scale;
        d->cell_clip = clip > 0 ? (int32_t)fmin(clip, INT16_MAX) : 0;
        d->keep = eq_fixed_from(0x1p-15);
        d->add = eq_fixed_from(0x1p-30 / cell_scale);
        d->give = eq_fixed_from(0x1p-30 / (double)state->scales[0]);
    }
    return status;
}

eq_status eq_prepare_lstm_s16(eq_plan *plan, const eq_operator *op) {
    static const eq_lstm_types types = {EQ_INT16, EQ_INT8, EQ_INT16, EQ_INT64, EQ_INT16, EQ_INT16, EQ_INT16};
    step_data d = {.cell_clip = 0};
    eq_status status = eq_lstm_read(plan, op, &types, &d.lstm);
    if (status == EQ_OK) {
        status = read_all(plan, op, &d);
    }
    if (status != EQ_OK) {
        return status;
    }
    eq_step *step = eq_lstm_step(plan, op, &d.lstm, run, sizeof d);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = d;
    step->scratch = EQ_GATES * (size_t)d.lstm.cells * sizeof(int16_t);
    step->slow = true;
    return EQ_OK;
}

EQ_OPERATOR(UNIDIRECTIONAL_SEQUENCE_LSTM, eq_prepare_lstm_s16, INT16, ANY, INT8);
