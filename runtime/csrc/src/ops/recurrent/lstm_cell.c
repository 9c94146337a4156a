#include "lstm_cell.h"

#include <math.h>
#include <string.h>

#include "activation.h"
#include "ops/quantization.h"

const eq_lstm_types eq_lstm_types_f32 = {EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32};
const eq_lstm_types eq_lstm_types_hybrid = {EQ_FLOAT32, EQ_INT8, EQ_INT8, EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32};

/* Products of a cell; of those with a gate, the first one's. */
enum { IN = 0, RECURRENT = EQ_GATES, AUX = 2 * EQ_GATES, PROJECTION = 3 * EQ_GATES };

typedef struct gate {
    const eq_tensor *peephole; /* or NULL */
    const float *norm, *norm_bias;
} gate;

typedef struct cell {
    eq_lstm lstm;
    const eq_kernels *kernels;
    int32_t first_product;
    gate gates[EQ_GATES];
    eq_recurrent_activation activation;
} cell;

/* The vectors that gates read, ready for their products. */
typedef struct vectors {
    eq_vector in, aux, state;
} vectors;

static float clip(float x, float limit) {
    return !(limit > 0) ? x : x < -limit ? -limit : x > limit ? limit : x;
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

static void add_peephole(const eq_tensor *peephole, const float *state, int32_t n, float *values) {
    if (peephole->type == EQ_FLOAT32) {
        const float *weights = peephole->data;
        for (int32_t i = 0; i < n; i++) {
            values[i] += weights[i] * state[i];
        }
        return;
    }
    for (int32_t i = 0; i < n; i++) {
        const float weight = (float)eq_vector_weight(peephole, i) * peephole->scales[0];
        values[i] += weight * state[i];
    }
}

/* What goes into a gate's function. */
static void gate_input(const cell *c, const eq_vector_products *products, int32_t index, const vectors *v, const float *state,
                       float *values, void *sums) {
    const gate *g = &c->gates[index];
    const int32_t cells = c->lstm.cells;
    eq_vector_write(products, c->first_product + IN + index, &v->in, values, sums);
    if (c->lstm.aux_inputs > 0) {
        eq_vector_add(products, c->first_product + AUX + index, &v->aux, values, sums);
    }
    eq_vector_add(products, c->first_product + RECURRENT + index, &v->state, values, sums);
    if (g->peephole) {
        add_peephole(g->peephole, state, cells, values);
    }
    if (g->norm) {
        normalize(values, cells);
        for (int32_t i = 0; i < cells; i++) {
            values[i] = values[i] * g->norm[i] + g->norm_bias[i];
        }
    }
}

/* The new state; and in place of the cell gate its activation. */
static void update_cell(const cell *c, float *const values[EQ_GATES], float *state) {
    const int32_t cells = c->lstm.cells;
    const bool has_input_gate = c->lstm.first_gate == EQ_GATE_INPUT;
    const int32_t gates = EQ_GATE_CELL - c->lstm.first_gate; /* whose values are adjacent */
    eq_logistic_all(c->kernels, values[c->lstm.first_gate], gates * cells);
    float *news = values[EQ_GATE_CELL];
    eq_activate_all(c->kernels, &c->activation, news, cells);
    for (int32_t i = 0; i < cells; i++) {
        const float forget = values[EQ_GATE_FORGET][i], input = has_input_gate ? values[EQ_GATE_INPUT][i] : 1 - forget;
        news[i] = state[i] = clip(forget * state[i] + news[i] * input, c->lstm.cell_clip);
    }
    eq_activate_all(c->kernels, &c->activation, news, cells);
}

static void give_output(const cell *c, const eq_vector_products *products, const float *hidden, float *out,
                        const eq_cell_scratch *scratch) {
    if (!c->lstm.projection) {
        memcpy(out, hidden, (size_t)c->lstm.outputs * sizeof *out);
        return;
    }
    const eq_vector vector = eq_vector_read(products, hidden, c->lstm.cells, scratch->rows[0]);
    eq_vector_write(products, c->first_product + PROJECTION, &vector, out, scratch->sums);
    for (int32_t i = 0; i < c->lstm.outputs; i++) {
        out[i] = clip(out[i], c->lstm.proj_clip);
    }
}

static void run(const void *of, const eq_vector_products *products, const eq_cell_values *v, const eq_cell_scratch *scratch) {
    const cell *c = of;
    const eq_lstm *lstm = &c->lstm;
    float *output_state = v->states[0], *state = v->states[1], *values[EQ_GATES];
    for (size_t g = 0; g < EQ_GATES; g++) {
        values[g] = scratch->values + g * (size_t)lstm->cells;
    }
    vectors read = {.in = eq_vector_read(products, v->in, lstm->inputs, scratch->rows[0]),
                    .state = eq_vector_read(products, output_state, lstm->outputs, scratch->rows[1])};
    if (v->aux) {
        read.aux = eq_vector_read(products, v->aux, lstm->aux_inputs, scratch->rows[2]);
    }
    for (int32_t g = lstm->first_gate; g < EQ_GATE_OUTPUT; g++) {
        gate_input(c, products, g, &read, state, values[g], scratch->sums);
    }
    update_cell(c, values, state);
    float *hidden = values[EQ_GATE_OUTPUT];
    gate_input(c, products, EQ_GATE_OUTPUT, &read, state, hidden, scratch->sums);
    eq_logistic_all(c->kernels, hidden, lstm->cells);
    for (int32_t i = 0; i < lstm->cells; i++) {
        hidden[i] = hidden[i] * values[EQ_GATE_CELL][i];
    }
    give_output(c, products, hidden, v->out, scratch);
    memcpy(output_state, v->out, (size_t)lstm->outputs * sizeof *output_state);
}

/* ---- preparation ---- */

static eq_status read_activation(eq_plan *plan, const eq_operator *op, cell *c) {
    if (c->lstm.activation == EQ_ACTIVATION_NONE) { /* LiteRT then takes the cell gate for the cell in its output */
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has no activation function");
    }
    return eq_recurrent_activation_read(plan, op, c->lstm.activation, &c->activation);
}

static eq_status read_peephole(eq_plan *plan, const eq_operator *op, int32_t slot, const eq_tensor **peephole) {
    *peephole = eq_plan_input(plan, op, slot);
    if ((*peephole)->type == EQ_INT8 && (*peephole)->scale_count != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs one scale for its input %d", (int)slot);
    }
    return EQ_OK;
}

static eq_status read_gate(eq_plan *plan, const eq_operator *op, int32_t index, eq_vector_products *products, cell *c) {
    const eq_lstm *lstm = &c->lstm;
    const eq_lstm_slots *slots = &lstm->slots;
    gate *g = &c->gates[index];
    eq_vector_product *own = products->products + c->first_product;
    own[IN + index] =
        (eq_vector_product){.weights_slot = slots->weights + index, .bias_slot = lstm->norm ? 0 : slots->bias + index};
    own[RECURRENT + index].weights_slot = slots->recurrent + index;
    if (lstm->aux_inputs > 0) {
        own[AUX + index].weights_slot = slots->aux_weights + index;
    }
    if (lstm->norm) {
        g->norm = eq_plan_input(plan, op, slots->norm + index)->data;
        g->norm_bias = eq_plan_input(plan, op, slots->bias + index)->data;
    }
    return lstm->peephole && index != EQ_GATE_CELL ? read_peephole(plan, op, eq_lstm_peephole_slot(slots, index), &g->peephole)
                                                   : EQ_OK;
}

eq_status eq_lstm_cell_make(eq_plan *plan, const eq_operator *op, const eq_lstm *lstm, int32_t first_product,
                            eq_vector_products *products, eq_direction *direction) {
    cell *c = eq_plan_take(plan, sizeof *c);
    if (!c) {
        return (eq_status)plan->error->status;
    }
    *c = (cell){.lstm = *lstm, .kernels = plan->kernels, .first_product = first_product};
    eq_status status = read_activation(plan, op, c);
    for (int32_t g = lstm->first_gate; g < EQ_GATES && status == EQ_OK; g++) {
        status = read_gate(plan, op, g, products, c);
    }
    if (lstm->projection) {
        products->products[first_product + PROJECTION] =
            (eq_vector_product){.weights_slot = lstm->slots.projection, .bias_slot = lstm->slots.projection_bias};
    }
    direction->run = run;
    direction->cell = c;
    direction->scratch_values = EQ_GATES * (size_t)lstm->cells;
    direction->macs = eq_lstm_macs(lstm);
    direction->states[0] = op->inputs[lstm->slots.output_state];
    direction->states[1] = op->inputs[lstm->slots.cell_state];
    direction->state_sizes[0] = direction->outputs = direction->out_width = lstm->outputs;
    direction->state_sizes[1] = lstm->cells;
    return status;
}
