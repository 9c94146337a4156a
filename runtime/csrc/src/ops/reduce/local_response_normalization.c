/* LOCAL_RESPONSE_NORMALIZATION along the last dimension:
 *
 *     out[c] = in[c] / (bias + alpha * sum of in[k]^2 over the channels k at most `radius` away from c) ^ beta
 *
 * (Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012, 3.3) */
#include <math.h>

#include "arithmetic/functions_f32.h"
#include "plan/operator.h"

enum { RADIUS, BIAS, ALPHA, BETA }; /* fields of the options */

typedef struct eq_local_response {
    int32_t channels, radius;
    float bias, alpha, beta;
} eq_local_response;

static float divisor(const eq_local_response *d, const float *in, int32_t channel) {
    const int32_t first = channel > d->radius ? channel - d->radius : 0;
    const int32_t last = d->channels - 1 - channel > d->radius ? channel + d->radius : d->channels - 1;
    double squares = 0;
    for (int32_t k = first; k <= last; ++k) {
        squares += (double)in[k] * in[k];
    }
    return (float)(d->bias + d->alpha * squares);
}

/* x to the power of -beta. */
static float inverse_power(float x, float beta) {
    if (beta == 1) {
        return 1 / x;
    }
    if (beta == 0.5f) {
        return 1 / sqrtf(x);
    }
    if (!(x > 0 && x < INFINITY)) {
        return x < 0 || isnan(x) ? NAN : (x == 0) == (beta > 0) ? INFINITY : 0;
    }
    return (float)eq_exp_of_f32(-(double)beta * eq_log_of_f32((double)x));
}

/* A unit is a pixel. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_local_response *d = step->data;
    const float *in = (const float *)storage[step->inputs[0].tensor].data + (size_t)first * (size_t)d->channels;
    float *out = (float *)storage[step->outputs[0].tensor].data + (size_t)first * (size_t)d->channels;
    for (int32_t unit = first; unit < last; ++unit, in += d->channels, out += d->channels) {
        for (int32_t c = 0; c < d->channels; ++c) {
            out[c] = in[c] * inverse_power(divisor(d, in, c), d->beta);
        }
    }
}

eq_status eq_prepare_local_response_normalization(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const eq_local_response data = {in->rank == 4 ? in->dims[3] : 0, eq_option_int(op, RADIUS, 0), eq_option_float(op, BIAS, 0),
                                    eq_option_float(op, ALPHA, 0), eq_option_float(op, BETA, 0)};
    if (in->rank != 4 || data.radius < 0 || eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs an input of four dimensions, a radius, and a float32 output");
    }
    if ((status = eq_plan_shape(plan, op, 0, in->rank, in->dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof data, 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_local_response *)step->data = data;
    step->units = in->dims[0] * in->dims[1] * in->dims[2];
    step->cost =
        (uint64_t)eq_tensor_elements(in) * (16 + 2 * (uint64_t)(data.radius < data.channels ? data.radius : data.channels));
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    return EQ_OK;
}

EQ_OPERATOR(LOCAL_RESPONSE_NORMALIZATION, eq_prepare_local_response_normalization, FLOAT32);
