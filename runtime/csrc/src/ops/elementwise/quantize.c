/* QUANTIZE of floats and DEQUANTIZE: the edges between quantized numbers and float32. QUANTIZE from numbers to numbers is in
 * requantize.c. */
#include <math.h>

#include "arithmetic/arithmetic.h"
#include "arithmetic/half.h"
#include "elements.h"
#include "ops/arguments.h"
#include "ops/quantization.h"
#include "plan/operator.h"

/* ---- QUANTIZE ---- */

typedef struct eq_quantize {
    float step, scale; /* the tensor's scale, and 1 / it */
    int32_t zero_point;
} eq_quantize;

/* XNNPACK's f32-qs8-vcvt: saturate(round_half_even(x * (1 / scale)) + zero point); NaN becomes the largest value. */
static void to_int8(const void *data, const void *from, void *to, size_t n) {
    const eq_quantize q = *(const eq_quantize *)data; /* not behind a pointer that `to` could be the same as */
    const float low = (float)(-128 - q.zero_point), high = (float)(127 - q.zero_point);
    for (size_t i = 0; i < n; i++) {
        float x = ((const float *)from)[i] * q.scale;
        x = x < high ? x : high;
        x = x > low ? x : low;
        ((int8_t *)to)[i] = (int8_t)(eq_round(x) + q.zero_point);
    }
}

/* LiteRT's of float16: to int8 as above, by a float16 of 1 / scale (XNNPACK's f16-qs8-vcvt); to uint8 the zero point is added before it
 * rounds, so that halves go to the even byte. */
static int8_t from_half_to_int8(const eq_quantize *q, uint16_t half, float before, int32_t after) {
    const float x = eq_half_to_float(half) * q->scale + before, low = (float)(-128 - after), high = (float)(127 - after);
    const float below = x < high ? x : high; /* what is not a number becomes the largest */
    return (int8_t)(eq_round(below > low ? below : low) + after);
}

static void half_to_int8(const void *data, const void *from, void *to, size_t n) {
    const eq_quantize *q = data;
    for (size_t i = 0; i < n; i++) {
        ((int8_t *)to)[i] = from_half_to_int8(q, ((const uint16_t *)from)[i], 0, q->zero_point);
    }
}

static void half_to_uint8(const void *data, const void *from, void *to, size_t n) {
    const eq_quantize *q = data;
    for (size_t i = 0; i < n; i++) {
        ((int8_t *)to)[i] = from_half_to_int8(q, ((const uint16_t *)from)[i], (float)(q->zero_point + 128), -128);
    }
}

/* LiteRT's: eight values at a time as above, and what is left of the last ones divided in double precision and rounded with halves
 * away from zero. NaN becomes the largest value. */
static void to_int16(const void *data, const void *from, void *to, size_t n) {
    const eq_quantize *q = data;
    const float *in = from;
    for (size_t i = 0; i < n; i++) {
        const bool is_last = i >= n / 8 * 8;
        double x = is_last ? round((double)in[i] / (double)q->step) : (double)rintf(in[i] * q->scale);
        x = x < 65536 ? x : 65536;
        x = x > -65536 ? x : -65536;
        ((int16_t *)to)[i] = (int16_t)eq_clamp((int32_t)x + q->zero_point, INT16_MIN, INT16_MAX);
    }
}

eq_status eq_prepare_quantize_f32(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    const bool wide = out->type == EQ_INT16;
    if ((status = wide ? eq_check_int16(plan, op, out, "its output") : eq_check_int8(plan, op, out, "its output")) != EQ_OK) {
        return status;
    }
    const eq_quantize q = {out->scales[0], 1.0f / out->scales[0], out->zero_points[0]};
    return eq_elements_step(plan, op, wide ? to_int16 : to_int8, &q, sizeof q);
}

eq_status eq_prepare_quantize_f16(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    if ((status = eq_check_int8(plan, op, out, "its output")) != EQ_OK) {
        return status;
    }
    const bool to_uint8 = out->file_type == EQ_UINT8;
    eq_quantize q = {out->scales[0], 1.0f / out->scales[0], out->zero_points[0]};
    q.scale = to_uint8 ? q.scale : eq_half_to_float(eq_half_from_float(q.scale));
    return eq_elements_step(plan, op, to_uint8 ? half_to_uint8 : half_to_int8, &q, sizeof q);
}

/* ---- DEQUANTIZE ---- */

static void from_int8(const void *data, const void *from, void *to, size_t n) {
    const float *values = data; /* (256) */
    for (size_t i = 0; i < n; i++) {
        ((float *)to)[i] = values[((const int8_t *)from)[i] + 128];
    }
}

static void from_int16(const void *data, const void *from, void *to, size_t n) {
    const eq_quantize *q = data;
    for (size_t i = 0; i < n; i++) {
        ((float *)to)[i] = (float)(((const int16_t *)from)[i] - q->zero_point) * q->step;
    }
}

static void from_half(const void *data, const void *from, void *to, size_t n) {
    (void)data;
    for (size_t i = 0; i < n; i++) {
        ((float *)to)[i] = eq_half_to_float(((const uint16_t *)from)[i]);
    }
}

/* With a scale for each channel: weights that are stored in int8. (outer, channels, inner) */
typedef struct eq_channels {
    const float *scales;
    const int32_t *zero_points;
    int32_t channels;
    size_t inner;
} eq_channels;

static void run_channels(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_channels *c = step->data;
    const int8_t *in = storage[step->inputs[0].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    for (int32_t unit = first; unit < last; ++unit) {
        const float scale = c->scales[unit % c->channels];
        const int32_t zero_point = c->zero_points[unit % c->channels];
        for (size_t i = (size_t)unit * c->inner; i < (size_t)(unit + 1) * c->inner; ++i) {
            out[i] = (float)(in[i] - zero_point) * scale;
        }
    }
}

static eq_status dequantize_channels(eq_plan *plan, const eq_operator *op) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    eq_step *step = eq_plan_step(plan, op, run_channels, sizeof(eq_channels), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    size_t inner = 1;
    for (int32_t i = in->channel_axis + 1; i < in->rank; ++i) {
        inner *= (size_t)in->dims[i];
    }
    *(eq_channels *)step->data = (eq_channels){in->scales, in->zero_points, in->scale_count, inner};
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    step->units = (int32_t)((size_t)eq_tensor_elements(in) / (inner > 0 ? inner : 1));
    step->cost = (uint64_t)eq_tensor_elements(in);
    return EQ_OK;
}

eq_status eq_prepare_dequantize(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    if (out->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its output must be float32");
    }
    if (in->type == EQ_FLOAT16) {
        return eq_elements_step(plan, op, from_half, NULL, 0);
    }
    if (in->type == EQ_INT16) {
        if ((status = eq_check_int16(plan, op, in, "its input")) != EQ_OK) {
            return status;
        }
        const eq_quantize q = {in->scales[0], 1.0f / in->scales[0], in->zero_points[0]};
        return eq_elements_step(plan, op, from_int16, &q, sizeof q);
    }
    if (in->type == EQ_INT8 && in->scale_count > 1) {
        status = eq_plan_shape(plan, op, 0, in->rank, in->dims);
        return status == EQ_OK ? dequantize_channels(plan, op) : status;
    }
    if ((status = eq_check_int8(plan, op, in, "its input")) != EQ_OK) {
        return status;
    }
    float values[256];
    for (int32_t value = -128; value < 128; ++value) {
        values[value + 128] = (float)(value - in->zero_points[0]) * in->scales[0];
    }
    return eq_elements_step(plan, op, from_int8, values, sizeof values);
}

EQ_OPERATOR(DEQUANTIZE, eq_prepare_dequantize, ANY);
EQ_OPERATOR(QUANTIZE, eq_prepare_quantize_f32, FLOAT32);
EQ_OPERATOR(QUANTIZE, eq_prepare_quantize_f16, FLOAT16);
EQ_OPERATOR_KERNEL(lookup, QUANTIZE);
EQ_OPERATOR_NOTE(QUANTIZE, "from float32, float16, int8, int16, int32");
EQ_OPERATOR_NOTE(DEQUANTIZE, "from int8, with one scale or one a channel, int4 constants, int16, float16");
