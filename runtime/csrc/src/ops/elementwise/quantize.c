/* QUANTIZE of floats and DEQUANTIZE: the edges between int8 and float32. QUANTIZE from int8 to int8 is a table. (unary.c) */
#include "arithmetic/arithmetic.h"
#include "ops/arguments.h"
#include "plan/operator.h"
#include "unary.h"
#include "ops/quantization.h"

enum { CHUNK = 4096 }; /* elements of a unit */

typedef struct eq_quantize {
    int64_t elements;
    float scale; /* 1 / scale */
    int32_t zero_point;
} eq_quantize;

/* XNNPACK's f32-qs8-vcvt: saturate(round_half_even(x * (1 / scale)) + zero point); NaN becomes the largest value. */
static int8_t quantize(const eq_quantize *q, float x) {
    const float low = (float)(-128 - q->zero_point), high = (float)(127 - q->zero_point);
    x *= q->scale;
    x = x < high ? x : high;
    x = x > low ? x : low;
    return (int8_t)(eq_round(x) + q->zero_point);
}

static void run_quantize(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_quantize *q = step->data;
    const float *in = storage[step->inputs[0].tensor].data;
    int8_t *out = storage[step->outputs[0].tensor].data;
    const int64_t end = (int64_t)last * CHUNK < q->elements ? (int64_t)last * CHUNK : q->elements;
    for (int64_t i = (int64_t)first * CHUNK; i < end; ++i) {
        out[i] = quantize(q, in[i]);
    }
}

typedef struct eq_dequantize {
    int64_t elements;
    float values[256];
} eq_dequantize;

static void run_dequantize(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_dequantize *d = step->data;
    const int8_t *in = storage[step->inputs[0].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    const int64_t end = (int64_t)last * CHUNK < d->elements ? (int64_t)last * CHUNK : d->elements;
    for (int64_t i = (int64_t)first * CHUNK; i < end; ++i) {
        out[i] = d->values[in[i] + 128];
    }
}

/* A step from the only input to the only output, of the same shape. */
static eq_step *add_step(eq_plan *plan, const eq_operator *op, eq_run_fn run, size_t data_bytes) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (eq_plan_shape(plan, op, 0, in->rank, in->dims) != EQ_OK) {
        return NULL;
    }
    eq_step *step = eq_plan_step(plan, op, run, data_bytes, 1, 1);
    if (step) {
        step->inputs[0].tensor = op->inputs[0];
        step->outputs[0].tensor = op->outputs[0];
        step->units = (int32_t)((eq_tensor_elements(in) + CHUNK - 1) / CHUNK);
        step->cost = (uint64_t)eq_tensor_elements(in);
    }
    return step;
}

eq_status eq_prepare_quantize(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    if (in->type == EQ_INT8) {
        return eq_prepare_unary(plan, op);
    }
    if (in->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its input must be float32 or int8");
    }
    if ((status = eq_check_int8(plan, op, out, "its output")) != EQ_OK) {
        return status;
    }
    eq_step *step = add_step(plan, op, run_quantize, sizeof(eq_quantize));
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_quantize *)step->data = (eq_quantize){
        .elements = eq_tensor_elements(in),
        .scale = 1.0f / out->scales[0],
        .zero_point = out->zero_points[0],
    };
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
    if ((status = eq_check_int8(plan, op, in, "its input")) != EQ_OK) {
        return status;
    }
    eq_step *step = add_step(plan, op, run_dequantize, sizeof(eq_dequantize));
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_dequantize *d = step->data;
    d->elements = eq_tensor_elements(in);
    for (int32_t value = -128; value < 128; ++value) {
        d->values[value + 128] = (float)(value - in->zero_points[0]) * in->scales[0];
    }
    return EQ_OK;
}

EQ_OPERATOR(DEQUANTIZE, eq_prepare_dequantize, ANY);
EQ_OPERATOR(QUANTIZE, eq_prepare_quantize, ANY);
EQ_OPERATOR_KERNEL(lookup, QUANTIZE);
