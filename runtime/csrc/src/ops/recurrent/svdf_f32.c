/* SVDF of floats, with float or int8 weights ("hybrid"). (reference/svdf.h, EvalFloatSVDF and EvalHybridSVDF) */
#include <string.h>

#include "activation.h"
#include "plan/operator.h"
#include "svdf.h"
#include "vector_product.h"

typedef struct step_data {
    eq_svdf svdf;
    eq_vector_products products; /* one, of the filters and the input */
    eq_recurrent_activation activation;
    const eq_tensor *time;
    const float *bias; /* or NULL */
} step_data;

static float weighted(const step_data *d, int32_t filter, const float *state) {
    const ptrdiff_t first = (ptrdiff_t)filter * d->svdf.memory;
    float sum = 0;
    if (d->products.hybrid) {
        for (int32_t i = 0; i < d->svdf.memory; i++) {
            const float weight = (float)eq_vector_weight(d->time, first + i) * d->time->scales[0];
            sum += weight * state[i];
        }
        return sum;
    }
    const float *weights = (const float *)d->time->data + first;
    for (int32_t i = 0; i < d->svdf.memory; i++) {
        sum += weights[i] * state[i];
    }
    return sum;
}

static float unit_of(const step_data *d, int32_t unit, const float *news, float *state) {
    const int32_t memory = d->svdf.memory, first = unit * d->svdf.rank;
    float sum = d->bias ? d->bias[unit] : 0;
    for (int32_t filter = first; filter < first + d->svdf.rank; filter++) {
        float *own = state + (ptrdiff_t)filter * memory;
        own[memory - 1] = news[filter];
        sum += weighted(d, filter, own);
        memmove(own, own + 1, (size_t)(memory - 1) * sizeof *own);
    }
    return eq_activate(&d->activation, sum);
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_svdf *svdf = &d->svdf;
    uint8_t *row = scratch, *sums = row + eq_vector_row_bytes(&d->products);
    float *news = (float *)(void *)(sums + eq_vector_sums_bytes(&d->products));
    for (int32_t item = first; item < last; item++) {
        const float *in = (const float *)storage[step->inputs[0].tensor].data + (ptrdiff_t)item * svdf->inputs;
        float *out = (float *)storage[step->outputs[0].tensor].data + (ptrdiff_t)item * svdf->units;
        float *state = (float *)storage[step->inputs[1].tensor].data + (ptrdiff_t)item * svdf->filters * svdf->memory;
        const eq_vector vector = eq_vector_read(&d->products, in, svdf->inputs, row);
        eq_vector_write(&d->products, 0, &vector, news, sums);
        for (int32_t unit = 0; unit < svdf->units; unit++) {
            out[unit] = unit_of(d, unit, news, state);
        }
    }
}

static eq_status prepare(eq_plan *plan, const eq_operator *op, eq_type weights) {
    const eq_svdf_types types = {EQ_FLOAT32, weights, weights, EQ_FLOAT32, EQ_FLOAT32};
    step_data d = {.products = {.hybrid = weights == EQ_INT8, .products = {{.weights_slot = EQ_SVDF_FEATURE}}}};
    eq_status status = eq_svdf_read(plan, op, &types, &d.svdf);
    if (status == EQ_OK) {
        status = eq_recurrent_activation_read(plan, op, d.svdf.activation, &d.activation);
    }
    if (status == EQ_OK) {
        d.products.asymmetric = d.svdf.asymmetric;
        status = eq_vector_products_pack(plan, op, &d.products);
    }
    d.time = eq_plan_input(plan, op, EQ_SVDF_TIME);
    if (status == EQ_OK && d.products.hybrid && d.time->scale_count != 1) {
        status = eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs one scale for its input %d", (int)EQ_SVDF_TIME);
    }
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *bias = eq_plan_input(plan, op, EQ_SVDF_BIAS);
    d.bias = bias ? bias->data : NULL;
    eq_step *step = eq_svdf_step(plan, op, &d.svdf, run, sizeof d);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = d;
    step->scratch =
        eq_vector_row_bytes(&d.products) + eq_vector_sums_bytes(&d.products) + (size_t)d.svdf.filters * sizeof(float);
    return EQ_OK;
}

eq_status eq_prepare_svdf_f32(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, EQ_FLOAT32);
}

eq_status eq_prepare_svdf_hybrid(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, EQ_INT8);
}

EQ_OPERATOR(SVDF, eq_prepare_svdf_f32, FLOAT32, FLOAT32, FLOAT32);
EQ_OPERATOR(SVDF, eq_prepare_svdf_hybrid, FLOAT32, INT8, INT8);
