#include "dynamic.h"

#include <math.h>
#include <string.h>

#include "arithmetic/arithmetic.h"

typedef struct step_data {
    eq_dynamic_rule rule;
    int64_t size; /* of a group */
} step_data;

typedef struct range {
    float min, max; /* min <= 0 <= max */
} range;

static range range_of(const float *in, int64_t n) {
    enum { LANES = 8 }; /* so many chains turn into vector code, and the order of comparisons does not matter */
    float low[LANES] = {0}, high[LANES] = {0};
    int64_t i = 0;
    for (; i <= n - LANES; i += LANES) {
        for (int lane = 0; lane < LANES; ++lane) {
            const float x = in[i + lane];
            low[lane] = x < low[lane] ? x : low[lane];
            high[lane] = x > high[lane] ? x : high[lane];
        }
    }
    for (; i < n; ++i) {
        low[0] = in[i] < low[0] ? in[i] : low[0];
        high[0] = in[i] > high[0] ? in[i] : high[0];
    }
    range r = {low[0], high[0]};
    for (int lane = 1; lane < LANES; ++lane) {
        r.min = low[lane] < r.min ? low[lane] : r.min;
        r.max = high[lane] > r.max ? high[lane] : r.max;
    }
    return r;
}

/* XNNPACK's xnn_f32_qd8_asymmetric_quantization_params and f32-qs8-vcvt. */
static void quantize_xnnpack(const float *in, int64_t n, int8_t *out, eq_dynamic_scale *made) {
    const range r = range_of(in, n);
    const float scale = r.min == r.max ? 1.0f : 255.0f / (r.max - r.min);
    const float low = r.min * scale, high = r.max * scale;
    float zero_point = (-128.0f + low) + (127.0f + high) > 0 ? -128.0f - low : 127.0f - high;
    zero_point = zero_point > -128.0f ? zero_point : -128.0f; /* also where it is no number: the range was infinite */
    zero_point = zero_point < 127.0f ? zero_point : 127.0f;
    const int32_t zero = eq_round(zero_point);
    *made = (eq_dynamic_scale){1.0f / scale, zero};
    const float least = (float)(-128 - zero), most = (float)(127 - zero);
    for (int64_t i = 0; i < n; ++i) {
        float x = in[i] * scale;
        x = x < most ? x : most;
        x = x > least ? x : least;
        out[i] = (int8_t)(eq_round(x) + zero);
    }
}

static double litert_zero_point(double low, double high) {
    const double zero_point = 128 + fabs(low) < 127 + fabs(high) ? -128 - low : 127 - high;
    return zero_point <= -128 ? -128 : zero_point < 127 ? round(zero_point) : 127;
}

static void quantize_litert(const float *in, int64_t n, int8_t *out, eq_dynamic_scale *made) {
    const range r = range_of(in, n);
    if (!(r.min < r.max)) {
        *made = (eq_dynamic_scale){1.0f, 0};
        memset(out, 0, (size_t)n);
        return;
    }
    const float scale = (r.max - r.min) / 255.0f;
    *made = (eq_dynamic_scale){scale, (int32_t)litert_zero_point((double)r.min / scale, (double)r.max / scale)};
    const float inverse = 1.0f / made->scale, zero = (float)made->zero_point;
    for (int64_t i = 0; i < n; ++i) {
        float x = roundf(zero + inverse * in[i]);
        x = x < 127.0f ? x : 127.0f;
        out[i] = (int8_t)(x > -128.0f ? x : -128.0f);
    }
}

static void quantize_symmetric(const float *in, int64_t n, int8_t *out, eq_dynamic_scale *made) {
    const range r = range_of(in, n);
    const float most = -r.min > r.max ? -r.min : r.max;
    if (!(most > 0)) {
        *made = (eq_dynamic_scale){1.0f, 0};
        memset(out, 0, (size_t)n);
        return;
    }
    *made = (eq_dynamic_scale){most / 127.0f, 0};
    const float inverse = 127.0f / most;
    for (int64_t i = 0; i < n; ++i) {
        float x = roundf(in[i] * inverse);
        x = x < 127.0f ? x : 127.0f;
        out[i] = (int8_t)(x > -127.0f ? x : -127.0f);
    }
}

void eq_dynamic_quantize_group(eq_dynamic_rule rule, const float *in, int64_t n, int8_t *out, eq_dynamic_scale *made) {
    static void (*const quantize[])(const float *, int64_t, int8_t *, eq_dynamic_scale *) = {
        [EQ_DYNAMIC_XNNPACK] = quantize_xnnpack,
        [EQ_DYNAMIC_LITERT] = quantize_litert,
        [EQ_DYNAMIC_SYMMETRIC] = quantize_symmetric,
    };
    quantize[rule](in, n, out, made);
}

/* A unit is a group. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const float *in = storage[step->inputs[0].tensor].data;
    int8_t *out = storage[step->outputs[0].tensor].data;
    eq_dynamic_scale *scales = storage[step->outputs[1].tensor].data;
    (void)scratch;
    for (int32_t unit = first; unit < last; ++unit) {
        const int64_t place = unit * d->size;
        eq_dynamic_quantize_group(d->rule, in + place, d->size, out + place, &scales[unit]);
    }
}

eq_status eq_dynamic_quantize(eq_plan *plan, const eq_operator *op, int32_t tensor, int32_t groups, eq_dynamic_rule rule,
                              eq_dynamic_input *made) {
    const int32_t elements = (int32_t)eq_tensor_elements(&plan->tensors[tensor].tensor), words = sizeof(eq_dynamic_scale) / 4;
    if (groups > INT32_MAX / words) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the input is too large");
    }
    made->values = eq_plan_temporary(plan, EQ_INT8, 1, &elements);
    made->scales = eq_plan_temporary(plan, EQ_INT32, 1, (int32_t[]){groups * words});
    if (made->values < 0 || made->scales < 0) {
        return (eq_status)plan->error->status;
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof(step_data), 1, 2);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = (step_data){rule, elements / groups};
    step->inputs[0].tensor = tensor;
    step->outputs[0].tensor = made->values;
    step->outputs[1].tensor = made->scales;
    step->units = groups;
    step->cost = (uint64_t)elements;
    return EQ_OK;
}

static bool has_zero_point(const eq_tensor *weights) {
    for (int32_t i = 0; i < weights->scale_count; ++i) {
        if (weights->zero_points[i] != 0) {
            return true;
        }
    }
    return false;
}

eq_status eq_dynamic_weights_check(eq_plan *plan, const eq_operator *op, const eq_tensor *weights, const eq_tensor *bias,
                                   int32_t axis, int32_t columns) {
    if (eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the output must be float32 where the input is");
    }
    if (weights->scale_count != 1 && (weights->scale_count != columns || weights->channel_axis != axis)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the weights have %d scales for %d output channels",
                            (int)weights->scale_count, (int)columns);
    }
    if (has_zero_point(weights)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes int8 weights with a float input only with the zero point 0");
    }
    if (!weights->data || (bias && (!bias->data || bias->type != EQ_FLOAT32))) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "weights must be constant, and a bias constant float32");
    }
    if (bias && eq_tensor_elements(bias) != columns) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the bias has %lld values for %d output channels",
                            (long long)eq_tensor_elements(bias), (int)columns);
    }
    return EQ_OK;
}
