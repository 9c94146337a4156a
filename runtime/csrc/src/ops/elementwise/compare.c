/* EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL: two tensors of one type to bools.
 *
 * Quantized numbers are compared as LiteRT's kernels do: (q - zero point) * 2^8 * scale, in fixed point. Those of int16 that are not
 * asked for equality it takes as they are. */
#include "arithmetic/fixed_point.h"
#include "broadcast.h"
#include "plan/operator.h"
#include "runs.h"

typedef struct eq_scaled_inputs {
    int32_t zero_points[2];
    eq_fixed scales[2];
} eq_scaled_inputs;

static int32_t scaled(const eq_scaled_inputs *inputs, int32_t which, int32_t q) {
    return eq_fixed_multiply(eq_shift_left(q - inputs->zero_points[which], 8), inputs->scales[which]);
}

#define COMPARISONS(type, suffix)                       \
    EQ_RUNS_TO(equal_##suffix, type, bool, a == b)      \
    EQ_RUNS_TO(not_equal_##suffix, type, bool, a != b)  \
    EQ_RUNS_TO(less_##suffix, type, bool, a < b)        \
    EQ_RUNS_TO(less_equal_##suffix, type, bool, a <= b) \
    EQ_RUNS_TO(greater_##suffix, type, bool, a > b)     \
    EQ_RUNS_TO(greater_equal_##suffix, type, bool, a >= b)
#define SCALED(type, suffix)                                                                          \
    EQ_RUNS_TO(equal_##suffix, type, bool, scaled(parameters, 0, a) == scaled(parameters, 1, b))      \
    EQ_RUNS_TO(not_equal_##suffix, type, bool, scaled(parameters, 0, a) != scaled(parameters, 1, b))  \
    EQ_RUNS_TO(less_##suffix, type, bool, scaled(parameters, 0, a) < scaled(parameters, 1, b))        \
    EQ_RUNS_TO(less_equal_##suffix, type, bool, scaled(parameters, 0, a) <= scaled(parameters, 1, b)) \
    EQ_RUNS_TO(greater_##suffix, type, bool, scaled(parameters, 0, a) > scaled(parameters, 1, b))     \
    EQ_RUNS_TO(greater_equal_##suffix, type, bool, scaled(parameters, 0, a) >= scaled(parameters, 1, b))
COMPARISONS(float, f32)
COMPARISONS(int8_t, i8)
COMPARISONS(uint8_t, u8)
COMPARISONS(int16_t, i16)
COMPARISONS(int32_t, i32)
COMPARISONS(int64_t, i64)
SCALED(int8_t, s8)
SCALED(int16_t, s16)

typedef enum eq_comparison { EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL } eq_comparison;

#define ROW(type, quantized, suffix)                                                                                          \
    {                                                                                                                         \
        type, quantized, {                                                                                                    \
            {EQ_RUN_PAIR(equal_##suffix), NULL}, {EQ_RUN_PAIR(not_equal_##suffix), NULL}, {EQ_RUN_PAIR(less_##suffix), NULL}, \
                {EQ_RUN_PAIR(less_equal_##suffix), NULL}, {EQ_RUN_PAIR(greater_##suffix), NULL},                              \
                {EQ_RUN_PAIR(greater_equal_##suffix), NULL},                                                                  \
        }                                                                                                                     \
    }

static const struct {
    eq_type type;
    bool quantized;
    eq_binary runs[6];
} rows[] = {
    ROW(EQ_FLOAT32, false, f32), ROW(EQ_INT8, false, i8),   ROW(EQ_UINT8, false, u8),
    ROW(EQ_INT16, false, i16),   ROW(EQ_INT32, false, i32), ROW(EQ_INT64, false, i64),
    ROW(EQ_BOOL, false, u8),     ROW(EQ_INT8, true, s8),    ROW(EQ_INT16, true, s16),
};

static eq_comparison comparison_of(int32_t code) {
    return code == EQ_OP_EQUAL        ? EQUAL
           : code == EQ_OP_NOT_EQUAL  ? NOT_EQUAL
           : code == EQ_OP_LESS       ? LESS
           : code == EQ_OP_LESS_EQUAL ? LESS_EQUAL
           : code == EQ_OP_GREATER    ? GREATER
                                      : GREATER_EQUAL;
}

/* The comparison that holds between b and a where `c` holds between a and b. */
static eq_comparison swapped(eq_comparison c) {
    static const eq_comparison others[] = {EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL};
    return others[c];
}

static eq_status set_scales(eq_plan *plan, const eq_tensor *const in[2], eq_binary *binary) {
    eq_scaled_inputs *inputs = eq_plan_take(plan, sizeof *inputs);
    if (!inputs) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < 2; ++i) {
        inputs->zero_points[i] = in[i]->zero_points[0];
        inputs->scales[i] = eq_fixed_from(in[i]->scales[0]);
    }
    binary->parameters = inputs;
    return EQ_OK;
}

eq_status eq_prepare_comparison(eq_plan *plan, const eq_operator *op) {
    eq_broadcast shape;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_broadcast_shape(plan, op, &shape)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in[2] = {eq_plan_input(plan, op, shape.slots[0]), eq_plan_input(plan, op, shape.slots[1])};
    if (in[0]->type != in[1]->type || in[0]->file_type != in[1]->file_type || eq_plan_output(plan, op, 0)->type != EQ_BOOL) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "does not compare one type and give bool");
    }
    const eq_comparison asked = comparison_of(op->code), c = shape.slots[0] == 0 ? asked : swapped(asked);
    const bool by_scale = in[0]->scale_count == 1 && in[1]->scale_count == 1 &&
                          (in[0]->type == EQ_INT8 || (in[0]->type == EQ_INT16 && c <= NOT_EQUAL));
    if (in[0]->type == EQ_BOOL && c > NOT_EQUAL) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not order bools");
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        if (rows[i].type == in[0]->type && rows[i].quantized == by_scale) {
            eq_binary binary = rows[i].runs[c];
            if (by_scale && (status = set_scales(plan, in, &binary)) != EQ_OK) {
                return status;
            }
            return eq_broadcast_step(plan, op, &shape, &binary);
        }
    }
    return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take tensors of type %s", eq_type_name(in[0]->type));
}

EQ_OPERATOR(EQUAL, eq_prepare_comparison, ANY);
EQ_OPERATOR(NOT_EQUAL, eq_prepare_comparison, ANY);
EQ_OPERATOR(LESS, eq_prepare_comparison, ANY);
EQ_OPERATOR(LESS_EQUAL, eq_prepare_comparison, ANY);
EQ_OPERATOR(GREATER, eq_prepare_comparison, ANY);
EQ_OPERATOR(GREATER_EQUAL, eq_prepare_comparison, ANY);
