/* LSTM of int8 weights and activations with a 16-bit cell, LiteRT's "8x8_16": gates are Q3.12, their values Q0.15, the cell's scale is
 * a power of two. (lstm_eval.cc, LstmStepInteger; lstm.cc, PopulateQuantizedLstmParams8x8_16) */
#include <math.h>
#include <string.h>

#include "arithmetic/fixed_point.h"
#include "arithmetic/portable_math.h"
#include "base/memory.h"
#include "lstm.h"
#include "ops/quantization.h"
#include "plan/operator.h"

typedef struct gate {
    eq_fixed in, recurrent, peephole, norm; /* from sums to Q3.12, or before a norm to its intermediate */
    const int16_t *peephole_weights, *norm_weights;
    const int32_t *norm_bias;
    int32_t least_variance; /* in place of one that is 0 */
} gate;

/* Weights in the form of eq_kernels.dot, (columns, depth) padded with zeros, and what is added to its sums: the bias, and the input's
 * zero point times the weights. */
typedef struct matrix {
    int32_t depth, columns; /* padded */
    const int8_t *weights;
    const int32_t *bias;
} matrix;

typedef struct step_data {
    eq_lstm lstm;
    const eq_kernels *kernels;
    gate gates[EQ_GATES];
    matrix in, recurrent, projection; /* the gates' columns begin at multiples of gate_columns */
    int32_t gate_columns;
    int32_t cell_shift; /* its scale is 2^cell_shift */
    eq_fixed hidden, project;
    int32_t hidden_zero_point, output_zero_point;
    int32_t cell_clip, proj_clip; /* 0: none */
} step_data;

/* Scratch of one call. */
typedef struct workspace {
    int8_t *row, *hidden; /* padded to the depths of the matrices that read them */
    int32_t *in_sums, *recurrent_sums;
    int16_t *gates[EQ_GATES];
} workspace;

static int32_t padded(int32_t n, int32_t step) {
    return (n + step - 1) / step * step;
}

static int16_t saturated(int32_t x) {
    return (int16_t)eq_clamp(x, INT16_MIN, INT16_MAX);
}

/* Sums of int16 values and products that may have left int16 far behind. */
static int16_t saturated_sum(int32_t a, int32_t b) {
    const int64_t sum = (int64_t)a + b;
    return (int16_t)(sum < INT16_MIN ? INT16_MIN : sum > INT16_MAX ? INT16_MAX : sum);
}

static void normalize(const gate *g, int16_t *values, int32_t n) {
    int64_t sum = 0, squares = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += values[i];
        squares += values[i] * values[i];
    }
    const int32_t mean = (int32_t)(sum * 1024 / n);
    const int64_t variance = (squares * ((1 << 20) / n) - (int64_t)mean * mean) / (1 << 20);
    const eq_fixed inverse = eq_fixed_inverse_square_root(variance < 1 ? g->least_variance : (int32_t)variance);
    const eq_fixed scale = {g->norm.multiplier, g->norm.shift + 12};
    for (int32_t i = 0; i < n; i++) {
        const int32_t normal = eq_fixed_multiply(values[i] * 1024 - mean, inverse);
        const int32_t x = eq_add_wrapping(eq_multiply_wrapping(normal, g->norm_weights[i]), g->norm_bias[i]);
        const int64_t rounded = x > 0 ? (int64_t)x + 512 : (int64_t)x - 512;
        values[i] = saturated(eq_fixed_multiply((int32_t)(rounded / 1024), scale));
    }
}

/* What goes into a gate's tanh or logistic function. */
static void gate_input(const step_data *d, const workspace *w, int32_t index, const int16_t *cell) {
    const gate *g = &d->gates[index];
    int16_t *values = w->gates[index];
    const int32_t first = (index - d->lstm.first_gate) * d->gate_columns;
    const size_t columns = (size_t)d->gate_columns;
    memset(values, 0, columns * sizeof *values);
    d->kernels->add_fixed(g->in, w->in_sums + first, d->in.bias + first, values, columns);
    d->kernels->add_fixed(g->recurrent, w->recurrent_sums + first, d->recurrent.bias + first, values, columns);
    for (int32_t i = 0; g->peephole_weights && i < d->lstm.cells; i++) {
        values[i] = saturated_sum(eq_fixed_multiply(g->peephole_weights[i] * cell[i], g->peephole), values[i]);
    }
    if (g->norm_weights) {
        normalize(g, values, d->lstm.cells);
    }
}

static void update_cell(const step_data *d, const workspace *w, int16_t *cell) {
    int16_t *const new_values = w->gates[EQ_GATE_CELL];
    d->kernels->fixed_tanh(new_values, 3, new_values, (size_t)d->lstm.cells);
    for (int32_t i = 0; i < d->lstm.cells; i++) {
        const int32_t forget = w->gates[EQ_GATE_FORGET][i];
        const int32_t input = d->lstm.first_gate == EQ_GATE_INPUT ? w->gates[EQ_GATE_INPUT][i] : INT16_MAX - forget;
        const int16_t kept = (int16_t)eq_divide_by_power_of_two(forget * cell[i], 15);
        const int16_t added = (int16_t)eq_divide_by_power_of_two(input * new_values[i], 30 + d->cell_shift);
        cell[i] = saturated(kept + added);
        if (d->cell_clip > 0) {
            cell[i] = (int16_t)eq_clamp(cell[i], -d->cell_clip, d->cell_clip);
        }
    }
}

static void give_output(const step_data *d, const workspace *w, const int16_t *cell, int8_t *out) {
    const int32_t cells = d->lstm.cells, outputs = d->lstm.outputs;
    int8_t *hidden = d->lstm.projection ? w->hidden : out;
    int16_t *const bent = w->gates[EQ_GATE_CELL]; /* which the cell has in it now */
    d->kernels->fixed_tanh(cell, 15 + d->cell_shift, bent, (size_t)cells);
    for (int32_t i = 0; i < cells; i++) {
        const int32_t product = w->gates[EQ_GATE_OUTPUT][i] * bent[i];
        hidden[i] = (int8_t)eq_clamp(eq_add_wrapping(eq_fixed_multiply(product, d->hidden), d->hidden_zero_point), -128, 127);
    }
    if (!d->lstm.projection) {
        return;
    }
    d->kernels->dot(hidden, d->projection.weights, d->projection.depth, d->projection.columns, w->in_sums);
    const eq_rescale rescale = {d->project, d->output_zero_point, -128, 127};
    for (int32_t i = 0; i < outputs; i++) {
        w->in_sums[i] = eq_add_wrapping(w->in_sums[i], d->projection.bias[i]);
    }
    d->kernels->rescale(&rescale, w->in_sums, out, (size_t)outputs);
    for (int32_t i = 0; i < outputs && d->proj_clip > 0; i++) {
        out[i] = (int8_t)eq_clamp(out[i], -d->proj_clip, d->proj_clip);
    }
}

static void multiply(const step_data *d, const matrix *m, const int8_t *values, int32_t count, int8_t *row, int32_t *sums) {
    memcpy(row, values, (size_t)count);
    d->kernels->dot(row, m->weights, m->depth, m->columns, sums);
}

static void step_once(const step_data *d, const workspace *w, const int8_t *in, int8_t *state, int16_t *cell, int8_t *out) {
    const eq_lstm *lstm = &d->lstm;
    multiply(d, &d->in, in, lstm->inputs, w->row, w->in_sums);
    multiply(d, &d->recurrent, state, lstm->outputs, w->row, w->recurrent_sums);
    for (int32_t index = lstm->first_gate; index < EQ_GATE_OUTPUT; index++) {
        gate_input(d, w, index, cell);
        if (index != EQ_GATE_CELL) {
            d->kernels->fixed_logistic(w->gates[index], w->gates[index], (size_t)lstm->cells);
        }
    }
    update_cell(d, w, cell);
    gate_input(d, w, EQ_GATE_OUTPUT, cell);
    d->kernels->fixed_logistic(w->gates[EQ_GATE_OUTPUT], w->gates[EQ_GATE_OUTPUT], (size_t)lstm->cells);
    give_output(d, w, cell, out);
    memcpy(state, out, (size_t)lstm->outputs);
}

static size_t aligned(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

static int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

/* Parts of `memory`, which is NULL to learn how many bytes they take. */
static size_t divide(const step_data *d, uint8_t *memory, workspace *w) {
    const size_t sums = aligned((size_t)larger(d->in.columns, d->projection.columns) * sizeof(int32_t));
    const size_t row = aligned((size_t)larger(d->in.depth, d->recurrent.depth));
    const size_t hidden = aligned((size_t)d->projection.depth), values = aligned((size_t)d->lstm.cells * sizeof(int16_t));
    if (memory) {
        w->in_sums = (int32_t *)(void *)memory;
        w->recurrent_sums = (int32_t *)(void *)(memory + sums);
        w->row = (int8_t *)(memory + 2 * sums);
        w->hidden = w->row + row;
        for (size_t g = 0; g < EQ_GATES; g++) {
            w->gates[g] = (int16_t *)(void *)(memory + 2 * sums + row + hidden + g * values);
        }
    }
    return 2 * sums + row + hidden + EQ_GATES * values;
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_lstm *lstm = &d->lstm;
    const int8_t *in = storage[step->inputs[0].tensor].data;
    int8_t *out = storage[step->outputs[0].tensor].data;
    workspace w;
    divide(d, scratch, &w);
    for (int32_t item = first; item < last; item++) {
        int8_t *state = (int8_t *)storage[step->inputs[1].tensor].data + (size_t)item * (size_t)lstm->outputs;
        int16_t *cell = (int16_t *)storage[step->inputs[2].tensor].data + (size_t)item * (size_t)lstm->cells;
        for (int32_t t = 0; t < lstm->time; t++) {
            step_once(d, &w, in + eq_lstm_at(lstm, t, item, lstm->inputs), state, cell,
                      out + eq_lstm_at(lstm, t, item, lstm->outputs));
        }
    }
}

/* ---- packing ---- */

typedef struct packing {
    eq_plan *plan;
    const eq_operator *op;
    const step_data *d;
    int32_t in_zero_point, state_zero_point, hidden_zero_point;
} packing;

/* The three matrices one after the other, weights and then bias of each; returns their size. */
static size_t lay_out(step_data *d, const uint8_t *memory) {
    matrix *matrices[] = {&d->in, &d->recurrent, &d->projection};
    size_t at = 0;
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        matrix *m = matrices[i];
        const size_t weights = eq_size_times((size_t)m->columns, (size_t)m->depth),
                     bias = aligned((size_t)m->columns * sizeof(int32_t));
        if (weights > SIZE_MAX / 8 || at > SIZE_MAX / 8) {
            return SIZE_MAX;
        }
        if (memory) {
            m->weights = (const int8_t *)memory + at;
            m->bias = (const int32_t *)(const void *)(memory + at + aligned(weights));
        }
        at += aligned(weights) + bias;
    }
    return at;
}

static void pack_rows(const matrix *m, int32_t first, const eq_tensor *weights, const eq_tensor *bias, int32_t zero_point) {
    const int32_t rows = weights->dims[0], depth = weights->dims[1];
    int32_t *sums = (int32_t *)(uintptr_t)m->bias + first;
    int8_t *to = (int8_t *)(uintptr_t)m->weights + (size_t)first * (size_t)m->depth;
    for (int32_t r = 0; r < rows; r++, to += m->depth) {
        const int8_t *from = (const int8_t *)weights->data + (size_t)r * (size_t)depth;
        int32_t sum = 0;
        for (int32_t k = 0; k < depth; k++) {
            sum += from[k];
        }
        memcpy(to, from, (size_t)depth);
        sums[r] = eq_add_wrapping(bias ? ((const int32_t *)bias->data)[r] : 0, eq_multiply_wrapping(-zero_point, sum));
    }
}

static void pack(const void *arguments, void *packed) {
    const packing *p = arguments;
    step_data d = *p->d;
    lay_out(&d, packed);
    for (int32_t g = d.lstm.first_gate; g < EQ_GATES; g++) {
        const int32_t first = (g - d.lstm.first_gate) * d.gate_columns;
        const eq_tensor *bias = d.lstm.norm ? NULL : eq_plan_input(p->plan, p->op, EQ_LSTM_BIAS + g);
        pack_rows(&d.in, first, eq_plan_input(p->plan, p->op, EQ_LSTM_WEIGHTS + g), bias, p->in_zero_point);
        pack_rows(&d.recurrent, first, eq_plan_input(p->plan, p->op, EQ_LSTM_RECURRENT + g), NULL, p->state_zero_point);
    }
    if (d.lstm.projection) {
        pack_rows(&d.projection, 0, eq_plan_input(p->plan, p->op, EQ_LSTM_PROJECTION),
                  eq_plan_input(p->plan, p->op, EQ_LSTM_PROJECTION_BIAS), p->hidden_zero_point);
    }
}

/* ---- preparation ---- */

/* The one scale of an input; weights have no zero point. */
static eq_status read_scale(eq_plan *plan, const eq_operator *op, int32_t slot, float *scale) {
    const eq_tensor *tensor = eq_plan_input(plan, op, slot);
    if (tensor->scale_count != 1 || tensor->file_type == EQ_UINT8 || tensor->zero_points[0] != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs one scale and no zero point for its input %d", (int)slot);
    }
    *scale = tensor->scales[0];
    return EQ_OK;
}

/* An intermediate result: tensors that have nothing but a scale. */
static eq_status read_intermediate(eq_plan *plan, const eq_operator *op, int32_t index, float *scale, int32_t *zero_point) {
    const int32_t t = op->intermediates[index];
    const eq_tensor *tensor = t < 0 ? NULL : &plan->tensors[t].tensor;
    if (!tensor || tensor->unsupported || tensor->scale_count != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has no scale for its intermediate result %d", (int)index);
    }
    *scale = tensor->scales[0];
    *zero_point = tensor->zero_points[0];
    return EQ_OK;
}

static eq_status read_gate(eq_plan *plan, const eq_operator *op, step_data *d, int32_t index, float in_scale,
                           float state_scale) {
    float scale = 0x1p-12f, weights, recurrent, peephole = 1, norm = 1;
    int32_t ignored;
    gate *g = &d->gates[index];
    eq_status status = EQ_OK;
    if (d->lstm.norm) {
        status = read_intermediate(plan, op, index, &scale, &ignored);
        status = status == EQ_OK ? read_scale(plan, op, EQ_LSTM_NORM + index, &norm) : status;
    }
    if (status == EQ_OK && d->lstm.peephole && index != EQ_GATE_CELL) {
        status = read_scale(plan, op, eq_lstm_peephole_slot(&d->lstm.slots, index), &peephole);
        g->peephole_weights = eq_plan_input(plan, op, eq_lstm_peephole_slot(&d->lstm.slots, index))->data;
    }
    if (status == EQ_OK) {
        status = read_scale(plan, op, EQ_LSTM_WEIGHTS + index, &weights);
    }
    if (status == EQ_OK) {
        status = read_scale(plan, op, EQ_LSTM_RECURRENT + index, &recurrent);
    }
    if (status != EQ_OK) {
        return status;
    }
    g->in = eq_fixed_from((double)(weights * in_scale / scale));
    g->recurrent = eq_fixed_from((double)(recurrent * state_scale / scale));
    g->peephole = eq_fixed_from((double)(float)(eq_power_of_two(d->cell_shift) * (double)peephole / (double)scale));
    g->norm = eq_fixed_from((double)norm);
    if (d->lstm.norm) {
        const float guard = 10000 * norm;
        g->norm_weights = eq_plan_input(plan, op, EQ_LSTM_NORM + index)->data;
        g->norm_bias = eq_plan_input(plan, op, EQ_LSTM_BIAS + index)->data;
        g->least_variance = guard >= 0x1p30f ? 1 << 30 : guard < 1 ? 1 : (int32_t)guard;
    }
    return EQ_OK;
}

/* Clipped values are quantized with the scale alone, and rounded towards zero. */
static int32_t quantized_clip(float clip, float scale, int32_t most) {
    const float x = clip > 0 ? clip / scale : 0;
    return x >= (float)most ? most : (int32_t)x;
}

static eq_status read_cell(eq_plan *plan, const eq_operator *op, step_data *d) {
    const eq_status status = eq_lstm_cell_shift(plan, op, &d->lstm, &d->cell_shift);
    if (status == EQ_OK) {
        d->cell_clip = quantized_clip(d->lstm.cell_clip, (float)eq_power_of_two(d->cell_shift), INT16_MAX);
    }
    return status;
}

static eq_status read_hidden(eq_plan *plan, const eq_operator *op, step_data *d, float state_scale) {
    float scale, projection = 1;
    eq_status status = read_intermediate(plan, op, 4, &scale, &d->hidden_zero_point);
    if (status == EQ_OK && d->lstm.projection) {
        status = read_scale(plan, op, EQ_LSTM_PROJECTION, &projection);
    }
    if (status == EQ_OK && (d->hidden_zero_point < -128 || d->hidden_zero_point > 127)) {
        status = eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has an intermediate result whose zero point is %d",
                              (int)d->hidden_zero_point);
    }
    if (status == EQ_OK) {
        /* Before a projection LiteRT subtracts the zero point where it adds it elsewhere: values are clamped elsewhere. */
        d->hidden_zero_point *= d->lstm.projection ? -1 : 1;
        d->hidden = eq_fixed_from((double)(float)(0x1p-15 / (double)scale * 0x1p-15));
        d->project = eq_fixed_from((double)(projection * scale / state_scale));
    }
    return status;
}

static eq_status read_all(eq_plan *plan, const eq_operator *op, step_data *d) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *state = eq_plan_input(plan, op, EQ_LSTM_OUTPUT_STATE);
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    if (op->intermediate_count != 5) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has %d intermediate results where the int8 LSTM that runs has 5",
                            (int)op->intermediate_count);
    }
    if (d->lstm.peephole && d->lstm.cells != d->lstm.outputs) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has peepholes and another number of outputs than cells");
    }
    eq_status status = eq_check_int8(plan, op, in, "the input");
    status = status == EQ_OK ? eq_check_int8(plan, op, out, "the output") : status;
    status = status == EQ_OK ? eq_check_int8(plan, op, state, "the output state") : status;
    status = status == EQ_OK ? read_cell(plan, op, d) : status;
    status = status == EQ_OK ? read_hidden(plan, op, d, state->scales[0]) : status;
    for (int32_t g = d->lstm.first_gate; g < EQ_GATES && status == EQ_OK; g++) {
        status = read_gate(plan, op, d, g, in->scales[0], state->scales[0]);
    }
    if (status == EQ_OK) {
        d->output_zero_point = state->zero_points[0];
        d->proj_clip = quantized_clip(d->lstm.proj_clip, out->scales[0], INT8_MAX);
    }
    return status;
}

eq_status eq_prepare_lstm_s8(eq_plan *plan, const eq_operator *op) {
    if (eq_lstm_is_basic(op)) {
        return eq_lstm_basic(plan, op);
    }
    static const eq_lstm_types types = {EQ_INT8, EQ_INT8, EQ_INT16, EQ_INT32, EQ_INT16, EQ_INT8, EQ_INT16};
    step_data d = {.kernels = plan->kernels};
    eq_status status = eq_lstm_read(plan, op, &types, &d.lstm);
    if (status == EQ_OK) {
        status = read_all(plan, op, &d);
    }
    if (status != EQ_OK) {
        return status;
    }
    const int32_t gates = EQ_GATES - d.lstm.first_gate;
    d.gate_columns = padded(d.lstm.cells, EQ_DOT_COLUMNS);
    d.in = (matrix){.depth = padded(d.lstm.inputs, EQ_DOT_DEPTH), .columns = gates * d.gate_columns};
    d.recurrent = (matrix){.depth = padded(d.lstm.outputs, EQ_DOT_DEPTH), .columns = gates * d.gate_columns};
    if (d.lstm.projection) {
        d.projection = (matrix){.depth = padded(d.lstm.cells, EQ_DOT_DEPTH), .columns = padded(d.lstm.outputs, EQ_DOT_COLUMNS)};
    }
    const packing arguments = {plan,
                               op,
                               &d,
                               eq_plan_input(plan, op, 0)->zero_points[0],
                               eq_plan_input(plan, op, EQ_LSTM_OUTPUT_STATE)->zero_points[0],
                               d.hidden_zero_point};
    const void *packed = eq_plan_packed(plan, op, lay_out(&d, NULL), pack, &arguments);
    eq_step *step = packed ? eq_lstm_step(plan, op, &d.lstm, run, sizeof d) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    lay_out(&d, packed);
    *(step_data *)step->data = d;
    step->scratch = divide(&d, NULL, NULL);
    return EQ_OK;
}

EQ_OPERATOR(UNIDIRECTIONAL_SEQUENCE_LSTM, eq_prepare_lstm_s8, INT8, ANY, INT8);
EQ_OPERATOR(LSTM, eq_prepare_lstm_s8, INT8, ANY, INT8);
EQ_OPERATOR_KERNEL(dot, UNIDIRECTIONAL_SEQUENCE_LSTM, LSTM);
EQ_OPERATOR_NOTE(UNIDIRECTIONAL_SEQUENCE_LSTM,
                 "constant weights; int8 with a 16-bit cell state and five intermediates; int16 without optional parts; "
                 "floats with an activation, and weights of floats or int8");
EQ_OPERATOR_NOTE(LSTM, "as UNIDIRECTIONAL_SEQUENCE_LSTM, but not in int16; the BASIC kernel in float32 and uint8");
