/* LSTM of the BASIC kernel, one time step of older networks: 5 inputs, and 4 outputs of which two are what others keep to themselves.
 * In float32, or in uint8 with a cell state of Q4.11. (lstm.cc, basic; reference_ops.h, LstmCell) */
#include <math.h>
#include <string.h>

#include "arithmetic/fixed_gates.h"
#include "arithmetic/fixed_point.h"
#include "activation.h"
#include "lstm.h"
#include "ops/quantization.h"
#include "vector_product.h"
#include "weights.h"

/* `PREVIOUS` and `STATE` are variables of the network, or whatever else it gives. */
enum { IN, PREVIOUS, WEIGHTS, BIAS, STATE, INPUTS };
enum { OUT, NEW_STATE, JOINED, SUMS, OUTPUTS };
enum { INPUT_GATE, NEWS, FORGET_GATE, OUTPUT_GATE }; /* the order of the rows of weights */
enum { STATE_INTEGER_BITS = 4 };

typedef struct step_data {
    int32_t inputs, cells;
    int32_t kept; /* inputs 1 and 4 that are variables: they follow the step's outputs */
    /* float32 */
    eq_vector_products products;
    const eq_kernels *kernels;
    /* uint8 */
    const int8_t *weights; /* (4 cells, inputs + cells) */
    const int32_t *bias;
    int32_t weights_zero_point;
    eq_fixed scale; /* from sums to Q3.12 */
} step_data;

/* The values of one item. */
static void *row(const eq_storage *storage, const eq_use *use, int32_t item, int32_t count, size_t size) {
    return (uint8_t *)storage[use->tensor].data + (size_t)item * (size_t)count * size;
}

static void join(const step_data *d, const eq_step *step, const eq_storage *storage, int32_t item, size_t size) {
    uint8_t *joined = row(storage, &step->outputs[JOINED], item, d->inputs + d->cells, size);
    memcpy(joined, row(storage, &step->inputs[IN], item, d->inputs, size), (size_t)d->inputs * size);
    memcpy(joined + (size_t)d->inputs * size, row(storage, &step->inputs[PREVIOUS], item, d->cells, size),
           (size_t)d->cells * size);
}

static void keep(const step_data *d, const eq_step *step, const eq_storage *storage, int32_t item, size_t size,
                 size_t state_size) {
    for (int32_t i = 0; i < d->kept; i++) {
        const eq_use *to = &step->outputs[OUTPUTS + i];
        const bool is_state = to->tensor == step->inputs[STATE].tensor;
        const size_t bytes = is_state ? state_size : size;
        memcpy(row(storage, to, item, d->cells, bytes),
               row(storage, &step->outputs[is_state ? NEW_STATE : OUT], item, d->cells, bytes), (size_t)d->cells * bytes);
    }
}

static void run_f32(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    static const eq_recurrent_activation by_tanh = {.tanh = true};
    const step_data *d = step->data;
    const int32_t cells = d->cells;
    float *gates = scratch, *input = gates + INPUT_GATE * cells, *news = gates + NEWS * cells;
    float *forget = gates + FORGET_GATE * cells, *output = gates + OUTPUT_GATE * cells; /* adjacent */
    for (int32_t item = first; item < last; item++) {
        join(d, step, storage, item, sizeof(float));
        float *sums = row(storage, &step->outputs[SUMS], item, 4 * cells, sizeof *sums);
        float *out = row(storage, &step->outputs[OUT], item, cells, sizeof *out);
        float *state = row(storage, &step->outputs[NEW_STATE], item, cells, sizeof *state);
        const float *before = row(storage, &step->inputs[STATE], item, cells, sizeof *before);
        const float *joined = row(storage, &step->outputs[JOINED], item, d->inputs + cells, sizeof *joined);
        const eq_vector vector = eq_vector_read(&d->products, joined, d->inputs + cells, NULL);
        eq_vector_write(&d->products, 0, &vector, sums, NULL);
        memcpy(gates, sums, 4 * (size_t)cells * sizeof *gates);
        eq_logistic_all(d->kernels, input, cells);
        eq_activate_all(d->kernels, &by_tanh, news, cells);
        eq_logistic_all(d->kernels, forget, 2 * cells);
        for (int32_t i = 0; i < cells; i++) {
            news[i] = state[i] = input[i] * news[i] + forget[i] * before[i];
        }
        eq_activate_all(d->kernels, &by_tanh, news, cells);
        for (int32_t i = 0; i < cells; i++) {
            out[i] = output[i] * news[i];
        }
        keep(d, step, storage, item, sizeof(float), sizeof(float));
    }
}

static int16_t saturated(int32_t x) {
    return (int16_t)eq_clamp(x, INT16_MIN, INT16_MAX);
}

static void multiply_u8(const step_data *d, const int8_t *joined, int16_t *sums) {
    const int32_t depth = d->inputs + d->cells;
    for (int32_t n = 0; n < 4 * d->cells; n++) {
        const int8_t *weights = d->weights + (ptrdiff_t)n * depth;
        int32_t sum = d->bias[n];
        for (int32_t k = 0; k < depth; k++) {
            sum = eq_add_wrapping(sum, joined[k] * (weights[k] - d->weights_zero_point));
        }
        sums[n] = saturated(eq_fixed_multiply_ties_up(sum, d->scale));
    }
}

enum { BLOCK = 32 };

/* `n` cells, at most BLOCK, from the sums of their gates, which are `cells` apart. */
static void update_block(const eq_kernels *kernels, const int16_t *sums, int32_t cells, const int16_t *before, int16_t *state,
                         int8_t *out, int32_t n) {
    int16_t input[BLOCK], forget[BLOCK], output[BLOCK], values[BLOCK];
    kernels->fixed_logistic(sums + INPUT_GATE * cells, input, (size_t)n);
    kernels->fixed_logistic(sums + FORGET_GATE * cells, forget, (size_t)n);
    kernels->fixed_logistic(sums + OUTPUT_GATE * cells, output, (size_t)n);
    kernels->fixed_tanh(sums + NEWS * cells, 3, values, (size_t)n);
    for (int32_t i = 0; i < n; i++) {
        const int16_t news = eq_fixed_product(input[i], values[i]), kept = eq_fixed_product(forget[i], before[i]);
        state[i] = saturated(eq_divide_by_power_of_two(news, STATE_INTEGER_BITS) + kept);
    }
    kernels->fixed_tanh(state, STATE_INTEGER_BITS, values, (size_t)n);
    for (int32_t i = 0; i < n; i++) {
        const int16_t given = eq_fixed_product(output[i], values[i]);
        out[i] = (int8_t)eq_clamp(eq_divide_by_power_of_two(given, 8), INT8_MIN, INT8_MAX);
    }
}

/* The zero point of uint8 is 128, that of the int8 which stands for it 0. */
static void run_u8(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const step_data *d = step->data;
    const int32_t cells = d->cells;
    for (int32_t item = first; item < last; item++) {
        join(d, step, storage, item, sizeof(int8_t));
        int16_t *sums = row(storage, &step->outputs[SUMS], item, 4 * cells, sizeof *sums);
        int8_t *out = row(storage, &step->outputs[OUT], item, cells, sizeof *out);
        int16_t *state = row(storage, &step->outputs[NEW_STATE], item, cells, sizeof *state);
        const int16_t *before = row(storage, &step->inputs[STATE], item, cells, sizeof *before);
        multiply_u8(d, row(storage, &step->outputs[JOINED], item, d->inputs + cells, sizeof(int8_t)), sums);
        for (int32_t i = 0; i < cells; i += BLOCK) {
            update_block(d->kernels, sums + i, cells, before + i, state + i, out + i, cells - i < BLOCK ? cells - i : BLOCK);
        }
        keep(d, step, storage, item, sizeof(int8_t), sizeof(int16_t));
    }
}

/* ---- preparation ---- */

static eq_status check_values(eq_plan *plan, const eq_operator *op, const eq_tensor *tensor, eq_type type, int32_t batch,
                              int32_t size) {
    const bool fits = tensor->rank == 2 && tensor->dims[0] == batch && tensor->dims[1] == size && tensor->type == type;
    return fits ? EQ_OK
                : eq_plan_fail(plan, op, EQ_ERROR_MODEL, "of the BASIC kernel needs %s of (%d, %d) where it has another",
                               eq_type_name(type), (int)batch, (int)size);
}

static eq_status give_shapes(eq_plan *plan, const eq_operator *op, const step_data *d, eq_type type, eq_type state) {
    const int32_t batch = eq_plan_input(plan, op, IN)->dims[0];
    const int32_t sizes[OUTPUTS] = {d->cells, d->cells, d->inputs + d->cells, 4 * d->cells};
    const eq_type types[OUTPUTS] = {type, state, type, state};
    eq_status status = EQ_OK;
    for (int32_t i = 0; i < OUTPUTS && status == EQ_OK; i++) {
        const int32_t dims[] = {batch, sizes[i]};
        status = eq_plan_output(plan, op, i)->type == types[i]
                     ? eq_plan_shape(plan, op, i, 2, dims)
                     : eq_plan_fail(plan, op, EQ_ERROR_MODEL, "of the BASIC kernel has an output %d of another type than %s",
                                    (int)i, eq_type_name(types[i]));
    }
    return status;
}

static eq_status read_sizes(eq_plan *plan, const eq_operator *op, step_data *d, eq_type type, eq_type state, eq_type bias) {
    const eq_tensor *in = eq_plan_input(plan, op, IN), *before = eq_plan_input(plan, op, STATE);
    if (in->rank != 2 || before->rank != 2 || in->dims[1] > EQ_RECURRENT_LARGEST || before->dims[1] > EQ_RECURRENT_LARGEST) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "of the BASIC kernel needs an input and a state of two dimensions");
    }
    d->inputs = in->dims[1];
    d->cells = before->dims[1];
    eq_status status = check_values(plan, op, before, state, in->dims[0], d->cells);
    status = status == EQ_OK ? check_values(plan, op, eq_plan_input(plan, op, PREVIOUS), type, in->dims[0], d->cells) : status;
    if (status == EQ_OK) {
        status = eq_recurrent_weights_check(plan, op, WEIGHTS, type, 4 * d->cells, d->inputs + d->cells);
    }
    if (status == EQ_OK) {
        status = eq_recurrent_weights_check(plan, op, BIAS, bias, 4 * d->cells, 0);
    }
    return status == EQ_OK ? give_shapes(plan, op, d, type, state) : status;
}

static eq_status read_u8(eq_plan *plan, const eq_operator *op, step_data *d) {
    const eq_tensor *weights = eq_plan_input(plan, op, WEIGHTS), *bias = eq_plan_input(plan, op, BIAS);
    const eq_tensor *state = eq_plan_output(plan, op, NEW_STATE);
    if (eq_plan_input(plan, op, IN)->file_type != EQ_UINT8 || weights->file_type != EQ_UINT8 || weights->scale_count != 1 ||
        bias->scale_count != 1 || state->scale_count != 1 || state->scales[0] != 0x1p-11f) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                            "of the BASIC kernel needs uint8 with one scale each, and a state whose scale is 2^-11");
    }
    d->weights = weights->data;
    d->bias = bias->data;
    d->weights_zero_point = weights->zero_points[0];
    d->scale = eq_fixed_from(4096 * (double)bias->scales[0]);
    return EQ_OK;
}

static eq_status append(eq_plan *plan, const eq_operator *op, step_data *d, eq_run_fn run) {
    eq_step *step = eq_plan_step(plan, op, run, sizeof *d, INPUTS, OUTPUTS + 2);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < INPUTS; i++) {
        step->inputs[i].tensor = op->inputs[i];
    }
    for (int32_t i = 0; i < OUTPUTS; i++) {
        step->outputs[i].tensor = op->outputs[i];
    }
    for (int32_t slot = PREVIOUS; slot <= STATE; slot += STATE - PREVIOUS) {
        if (eq_plan_input(plan, op, slot)->is_variable) {
            step->outputs[OUTPUTS + d->kept++].tensor = op->inputs[slot];
        }
    }
    step->output_count = OUTPUTS + d->kept;
    const eq_tensor *in = eq_plan_input(plan, op, IN);
    step->units = in->dims[0];
    step->macs = step->cost = (uint64_t)in->dims[0] * 4 * (uint64_t)d->cells * ((uint64_t)d->inputs + (uint64_t)d->cells);
    step->slow = true;
    step->scratch = run == run_f32 ? 4 * (size_t)d->cells * sizeof(float) : 0;
    memcpy(step->data, d, sizeof *d);
    return EQ_OK;
}

eq_status eq_lstm_basic(eq_plan *plan, const eq_operator *op) {
    const bool is_float = eq_plan_input(plan, op, IN)->type == EQ_FLOAT32;
    step_data d = {.kernels = plan->kernels};
    eq_status status = eq_plan_arity(plan, op, INPUTS, INPUTS, 0, OUTPUTS);
    if (status == EQ_OK) {
        status = is_float ? read_sizes(plan, op, &d, EQ_FLOAT32, EQ_FLOAT32, EQ_FLOAT32)
                          : read_sizes(plan, op, &d, EQ_INT8, EQ_INT16, EQ_INT32);
    }
    if (status == EQ_OK && !is_float) {
        status = read_u8(plan, op, &d);
    }
    if (status == EQ_OK && is_float) {
        d.products.products[0] = (eq_vector_product){.weights_slot = WEIGHTS, .bias_slot = BIAS};
        status = eq_vector_products_pack(plan, op, &d.products);
    }
    return status == EQ_OK ? append(plan, op, &d, is_float ? run_f32 : run_u8) : status;
}
