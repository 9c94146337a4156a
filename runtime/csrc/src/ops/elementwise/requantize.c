/* QUANTIZE from quantized numbers to others. Between int8 tensors, and between uint8 ones, it is a table (unary.c); the rest is
 * LiteRT's own kernel. */
#include "arithmetic/arithmetic.h"
#include "arithmetic/fixed_point.h"
#include "elements.h"
#include "ops/quantization.h"
#include "plan/operator.h"
#include "lookup.h"
#include "unary.h"

typedef struct eq_requantize_data {
    eq_fixed factor;
    int32_t in_zero_point, zero_point, min, max;
} eq_requantize_data;

static int32_t requantized(const eq_requantize_data *r, int32_t q) {
    const int32_t y =
        eq_add_wrapping(eq_fixed_multiply((int32_t)((uint32_t)q - (uint32_t)r->in_zero_point), r->factor), r->zero_point);
    return eq_clamp(y, r->min, r->max);
}

#define RUN(name, in_type, out_type)                                                       \
    static void name(const void *data, const void *from, void *to, size_t n) {             \
        for (size_t i = 0; i < n; i++) {                                                   \
            ((out_type *)to)[i] = (out_type)requantized(data, ((const in_type *)from)[i]); \
        }                                                                                  \
    }
RUN(int8_to_int16, int8_t, int16_t)
RUN(int8_to_int32, int8_t, int32_t)
RUN(int16_to_int8, int16_t, int8_t)
RUN(int16_to_int16, int16_t, int16_t)
RUN(int16_to_int32, int16_t, int32_t)
RUN(int32_to_int8, int32_t, int8_t)
RUN(int32_to_int16, int32_t, int16_t)

static const struct {
    eq_type from, to;
    eq_elements_fn run;
} runs[] = {
    {EQ_INT8, EQ_INT16, int8_to_int16},   {EQ_INT8, EQ_INT32, int8_to_int32},   {EQ_INT16, EQ_INT8, int16_to_int8},
    {EQ_INT16, EQ_INT16, int16_to_int16}, {EQ_INT16, EQ_INT32, int16_to_int32}, {EQ_INT32, EQ_INT8, int32_to_int8},
    {EQ_INT32, EQ_INT16, int32_to_int16},
};

/* An input without a scale counts by 1, as in LiteRT. */
static eq_requantize_data parameters(const eq_tensor *in, const eq_tensor *out) {
    const double ratio = (double)in->scales[0] / (double)out->scales[0];
    return (eq_requantize_data){
        .factor = eq_fixed_from(ratio),
        .in_zero_point = in->zero_points[0],
        .zero_point = out->zero_points[0],
        .min = out->type == EQ_INT8    ? INT8_MIN
               : out->type == EQ_INT16 ? INT16_MIN
                                       : INT32_MIN,
        .max = out->type == EQ_INT8    ? INT8_MAX
               : out->type == EQ_INT16 ? INT16_MAX
                                       : INT32_MAX,
    };
}

static eq_status between_signs(eq_plan *plan, const eq_operator *op) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const eq_requantize_data r = parameters(in, eq_plan_output(plan, op, 0));
    int8_t table[256];
    for (int32_t q = 0; q < 256; ++q) {
        table[q] = (int8_t)requantized(&r, q - 128);
    }
    const eq_status status = eq_plan_shape(plan, op, 0, in->rank, in->dims);
    return status == EQ_OK ? eq_lookup_step(plan, op, op->inputs[0], table) : status;
}

eq_status eq_prepare_requantize(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    if (in->type == EQ_INT8 && out->type == EQ_INT8 && in->file_type == out->file_type) {
        return eq_prepare_unary_s8(plan, op);
    }
    if (in->scale_count != 1 || out->scale_count != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its input and output need one scale each");
    }
    if (in->type == EQ_INT8 && out->type == EQ_INT8) {
        return between_signs(plan, op);
    }
    for (size_t i = 0; i < sizeof runs / sizeof *runs; ++i) {
        if (runs[i].from == in->type && runs[i].to == out->type) {
            const eq_requantize_data r = parameters(in, out);
            return eq_elements_step(plan, op, runs[i].run, &r, sizeof r);
        }
    }
    return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not go from %s to %s", eq_type_name(in->file_type),
                        eq_type_name(out->file_type));
}

EQ_OPERATOR(QUANTIZE, eq_prepare_requantize, INT8);
EQ_OPERATOR(QUANTIZE, eq_prepare_requantize, INT16);
EQ_OPERATOR(QUANTIZE, eq_prepare_requantize, INT32);
