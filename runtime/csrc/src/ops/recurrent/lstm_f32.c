/* LSTM of floats. A gate's products with the input begin with its bias, those with the output state with 0; each is one chain of fused
 * multiply-adds, and then they are added. (lstm_eval.cc, LstmStepWithAuxInput) */
#include <math.h>
#include <string.h>

#include "arithmetic/portable_math.h"
#include "lstm.h"
#include "ops/quantization.h"
#include "plan/operator.h"

enum { ACTIVATION_TANH = 4 };
enum { MATRICES = 2 * EQ_GATES + 1, RECURRENT = EQ_GATES, PROJECTION = 2 * EQ_GATES };

typedef struct gate {
    const float *peephole, *norm, *norm_bias; /* or NULL */
} gate;

typedef struct step_data {
    eq_lstm lstm;
    const eq_gemm_f32_kernel *kernel;
    eq_gemm_f32 matrices[MATRICES]; /* of the gates and the input, of the gates and the output state, the projection */
    gate gates[EQ_GATES];
    float min, max; /* of the activation if it is no tanh */
} step_data;

static const ptrdiff_t no_offset = 0;

static float logistic(float x) {
    return (float)(1 / (1 + eq_exp(-(double)x)));
}

static float activate(const step_data *d, float x) {
    if (d->lstm.activation == ACTIVATION_TANH) {
        return (float)eq_tanh((double)x);
    }
    x = x < d->min ? d->min : x;
    return x > d->max ? d->max : x;
}

static float clip(float x, float limit) {
    return !(limit > 0) ? x : x < -limit ? -limit : x > limit ? limit : x;
}

static void multiply(const step_data *d, int32_t matrix, const float *in, float *out) {
    d->kernel->run(&d->matrices[matrix], &in, &out, 1, 0, d->matrices[matrix].columns);
}

/* To mean 0 and standard deviation 1. */
static void normalize(float *values, int32_t n) {
    float sum = 0, squares = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += values[i];
    }
    const float mean = sum / (float)n;
    for (int32_t i = 0; i < n; i++) {
        values[i] -= mean;
        squares += values[i] * values[i];
    }
    const float factor = 1 / sqrtf(squares / (float)n + 1e-8f);
    for (int32_t i = 0; i < n; i++) {
        values[i] *= factor;
    }
}

/* What goes into a gate's function; `part` is scratch. */
static void gate_input(const step_data *d, int32_t index, const float *in, const float *state, const float *cell, float *values,
                       float *part) {
    const gate *g = &d->gates[index];
    const int32_t cells = d->lstm.cells;
    multiply(d, index, in, values);
    multiply(d, RECURRENT + index, state, part);
    for (int32_t i = 0; i < cells; i++) {
        values[i] += part[i];
        if (g->peephole) {
            values[i] += g->peephole[i] * cell[i];
        }
    }
    if (g->norm) {
        normalize(values, cells);
        for (int32_t i = 0; i < cells; i++) {
            values[i] = values[i] * g->norm[i] + g->norm_bias[i];
        }
    }
}

static void update_cell(const step_data *d, float *const values[EQ_GATES], float *cell) {
    for (int32_t i = 0; i < d->lstm.cells; i++) {
        const float forget = logistic(values[EQ_GATE_FORGET][i]);
        const float input = d->lstm.first_gate == EQ_GATE_INPUT ? logistic(values[EQ_GATE_INPUT][i]) : 1 - forget;
        const float news = activate(d, values[EQ_GATE_CELL][i]);
        cell[i] = clip(forget * cell[i] + news * input, d->lstm.cell_clip);
    }
}

/* `values` has room for the cells of each gate, and once more. */
static void step_once(const step_data *d, const float *in, float *state, float *cell, float *out, float *scratch) {
    const eq_lstm *lstm = &d->lstm;
    float *values[EQ_GATES + 1];
    for (size_t g = 0; g <= EQ_GATES; g++) {
        values[g] = scratch + g * (size_t)lstm->cells;
    }
    for (int32_t g = lstm->first_gate; g < EQ_GATE_OUTPUT; g++) {
        gate_input(d, g, in, state, cell, values[g], values[EQ_GATES]);
    }
    update_cell(d, values, cell);
    float *hidden = values[EQ_GATE_OUTPUT];
    gate_input(d, EQ_GATE_OUTPUT, in, state, cell, hidden, values[EQ_GATES]);
    for (int32_t i = 0; i < lstm->cells; i++) {
        hidden[i] = logistic(hidden[i]) * activate(d, cell[i]);
    }
    if (lstm->projection) {
        multiply(d, PROJECTION, hidden, out);
        for (int32_t i = 0; i < lstm->outputs; i++) {
            out[i] = clip(out[i], lstm->proj_clip);
        }
    } else {
        memcpy(out, hidden, (size_t)lstm->outputs * sizeof *out);
    }
    memcpy(state, out, (size_t)lstm->outputs * sizeof *out);
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_lstm *lstm = &d->lstm;
    const float *in = storage[step->inputs[0].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    for (int32_t item = first; item < last; item++) {
        float *state = (float *)storage[step->inputs[1].tensor].data + (size_t)item * (size_t)lstm->outputs;
        float *cell = (float *)storage[step->inputs[2].tensor].data + (size_t)item * (size_t)lstm->cells;
        for (int32_t t = 0; t < lstm->time; t++) {
            step_once(d, in + eq_lstm_at(lstm, t, item, lstm->inputs), state, cell,
                      out + eq_lstm_at(lstm, t, item, lstm->outputs), scratch);
        }
    }
}

/* ---- preparation ---- */

typedef struct packing {
    const eq_gemm_f32_kernel *kernel;
    eq_gemm_f32_weights weights[MATRICES]; /* 0 columns: absent */
    size_t at[MATRICES];
} packing;

static void add_matrix(eq_plan *plan, const eq_operator *op, packing *p, int32_t matrix, int32_t slot, int32_t bias_slot) {
    const eq_tensor *weights = eq_plan_input(plan, op, slot), *bias = bias_slot < 0 ? NULL : eq_plan_input(plan, op, bias_slot);
    p->weights[matrix] = (eq_gemm_f32_weights){weights->dims[0], 1, weights->dims[1], weights->data, bias ? bias->data : NULL};
}

/* Where each matrix begins; returns the size of all, SIZE_MAX if it is too large. */
static size_t lay_out(packing *p) {
    size_t at = 0;
    for (size_t i = 0; i < MATRICES; i++) {
        const eq_gemm_f32_weights *w = &p->weights[i];
        p->at[i] = at;
        if (w->columns == 0) {
            continue;
        }
        enum { PADDING = 64 };
        const uint64_t values = ((uint64_t)w->columns + PADDING) * ((uint64_t)w->taps + 1);
        if (values > (uint64_t)PTRDIFF_MAX / (2 * sizeof(float)) / MATRICES) {
            return SIZE_MAX;
        }
        at += (p->kernel->packed_bytes(w) + 63) / 64 * 64;
    }
    return at;
}

static void pack(const void *arguments, void *packed) {
    const packing *p = arguments;
    for (size_t i = 0; i < MATRICES; i++) {
        if (p->weights[i].columns > 0) {
            p->kernel->pack(&p->weights[i], (uint8_t *)packed + p->at[i]);
        }
    }
}

static eq_status read_activation(eq_plan *plan, const eq_operator *op, step_data *d) {
    if (d->lstm.activation == ACTIVATION_TANH) {
        return EQ_OK;
    }
    if (d->lstm.activation == EQ_ACTIVATION_NONE) { /* LiteRT then takes the cell gate for the cell in its output */
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has no activation function");
    }
    return eq_activation_range_float(plan, op, d->lstm.activation, &d->min, &d->max);
}

static const float *values_of(const eq_plan *plan, const eq_operator *op, int32_t slot) {
    const eq_tensor *tensor = eq_plan_input(plan, op, slot);
    return tensor ? tensor->data : NULL;
}

static void read_gates(eq_plan *plan, const eq_operator *op, step_data *d, packing *p) {
    for (int32_t g = d->lstm.first_gate; g < EQ_GATES; g++) {
        add_matrix(plan, op, p, g, EQ_LSTM_WEIGHTS + g, d->lstm.norm ? -1 : EQ_LSTM_BIAS + g);
        add_matrix(plan, op, p, RECURRENT + g, EQ_LSTM_RECURRENT + g, -1);
        if (d->lstm.peephole && g != EQ_GATE_CELL) {
            d->gates[g].peephole = values_of(plan, op, eq_lstm_peephole_slot(g));
        }
        if (d->lstm.norm) {
            d->gates[g].norm = values_of(plan, op, EQ_LSTM_NORM + g);
            d->gates[g].norm_bias = values_of(plan, op, EQ_LSTM_BIAS + g);
        }
    }
    if (d->lstm.projection) {
        add_matrix(plan, op, p, PROJECTION, EQ_LSTM_PROJECTION, EQ_LSTM_PROJECTION_BIAS);
    }
}

eq_status eq_prepare_lstm_f32(eq_plan *plan, const eq_operator *op) {
    static const eq_lstm_types types = {EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32};
    step_data d = {.kernel = &plan->kernels->gemm_f32};
    packing p = {.kernel = d.kernel};
    eq_status status = eq_lstm_read(plan, op, &types, &d.lstm);
    if (status == EQ_OK) {
        status = read_activation(plan, op, &d);
    }
    if (status != EQ_OK) {
        return status;
    }
    read_gates(plan, op, &d, &p);
    const uint8_t *packed = eq_plan_packed(plan, op, lay_out(&p), pack, &p);
    eq_step *step = packed ? eq_lstm_step(plan, op, &d.lstm, run, sizeof d) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    for (size_t i = 0; i < MATRICES; i++) {
        const eq_gemm_f32_weights *w = &p.weights[i];
        d.matrices[i] = (eq_gemm_f32){packed + p.at[i], w->columns, 1, w->taps, &no_offset, -INFINITY, INFINITY};
    }
    *(step_data *)step->data = d;
    step->scratch = (EQ_GATES + 1) * (size_t)d.lstm.cells * sizeof(float);
    return EQ_OK;
}

EQ_OPERATOR(UNIDIRECTIONAL_SEQUENCE_LSTM, eq_prepare_lstm_f32, FLOAT32, ANY, FLOAT32);
EQ_OPERATOR(LSTM, eq_prepare_lstm_f32, FLOAT32, ANY, FLOAT32);
