/* EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL: two tensors of one type to bools.
 *
 * Quantized numbers are compared as LiteRT's kernels do: (q - zero point) * 2^8 * scale, in fixed point. Those of int16 that are not
 * asked for equality it takes as they are. */
#include "arithmetic/fixed_point.h"
#include "plan/operator.h"
#include "ops/stepped.h"

/* How two numbers may lie: bits, of which an operator holds for some. NaN lies in no way to any number. */
enum { UNORDERED = 0, LESS = 1, EQUAL = 2, GREATER = 4 };

typedef struct eq_compare {
    uint32_t holds; /* bit 1 << how two numbers lie: whether that makes true */
    bool by_scale;
    int32_t zero_points[2];
    eq_fixed scales[2];
} eq_compare;

static int32_t scaled(const eq_compare *c, int32_t which, int32_t q) {
    return eq_fixed_multiply(eq_shift_left(q - c->zero_points[which], 8), c->scales[which]);
}

static bool asks_equality(int32_t code) {
    return code == EQ_OP_EQUAL || code == EQ_OP_NOT_EQUAL;
}

static uint32_t holds_for(int32_t code) {
    return code == EQ_OP_EQUAL        ? 1 << EQUAL
           : code == EQ_OP_NOT_EQUAL  ? 1 << UNORDERED | 1 << LESS | 1 << GREATER
           : code == EQ_OP_LESS       ? 1 << LESS
           : code == EQ_OP_LESS_EQUAL ? 1 << LESS | 1 << EQUAL
           : code == EQ_OP_GREATER    ? 1 << GREATER
                                      : 1 << GREATER | 1 << EQUAL;
}

#define HOW_THEY_LIE(name, type)                                            \
    static uint32_t name(type a, type b) {                                  \
        return a < b ? LESS : a == b ? EQUAL : a > b ? GREATER : UNORDERED; \
    }
HOW_THEY_LIE(lie_f32, float)
HOW_THEY_LIE(lie_i32, int32_t)
HOW_THEY_LIE(lie_i64, int64_t)

#define COMPARE(type, lie) EQ_STEPPED_TO(type, bool, c->holds >> lie(a, b) & 1)
#define COMPARE_SCALED(type) EQ_STEPPED_TO(type, bool, c->holds >> lie_i32(scaled(c, 0, a), scaled(c, 1, b)) & 1)

static bool run_compare(const eq_stepped *stepped, const void *first, size_t first_step, const void *second, size_t second_step,
                        void *out, size_t n) {
    const eq_compare *c = stepped->parameters;
    switch (stepped->type) {
    case EQ_FLOAT32:
        COMPARE(float, lie_f32)
    case EQ_BOOL:
    case EQ_UINT8:
        COMPARE(uint8_t, lie_i32)
    case EQ_INT8:
        if (c->by_scale) {
            COMPARE_SCALED(int8_t)
        }
        COMPARE(int8_t, lie_i32)
    case EQ_INT16:
        if (c->by_scale) {
            COMPARE_SCALED(int16_t)
        }
        COMPARE(int16_t, lie_i32)
    case EQ_INT32:
        COMPARE(int32_t, lie_i32)
    case EQ_INT64:
        COMPARE(int64_t, lie_i64)
    default:
        return false;
    }
}

eq_status eq_prepare_comparison(eq_plan *plan, const eq_operator *op) {
    eq_broadcast shape;
    eq_binary binary;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_broadcast_shape(plan, op, &shape)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in[2] = {eq_plan_input(plan, op, 0), eq_plan_input(plan, op, 1)};
    if (in[0]->type != in[1]->type || in[0]->file_type != in[1]->file_type || eq_plan_output(plan, op, 0)->type != EQ_BOOL) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "does not compare one type and give bool");
    }
    if (in[0]->type == EQ_BOOL && !asks_equality(op->code)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not order bools");
    }
    eq_compare *c = eq_plan_take(plan, sizeof *c);
    if (!c) {
        return (eq_status)plan->error->status;
    }
    c->holds = holds_for(op->code);
    c->by_scale = in[0]->scale_count == 1 && in[1]->scale_count == 1 &&
                  (in[0]->type == EQ_INT8 || (in[0]->type == EQ_INT16 && asks_equality(op->code)));
    for (int32_t i = 0; c->by_scale && i < 2; ++i) {
        c->zero_points[i] = in[i]->zero_points[0];
        c->scales[i] = eq_fixed_from(in[i]->scales[0]);
    }
    status = eq_stepped_binary(plan, op, &shape, run_compare, c, &binary);
    return status == EQ_OK ? eq_broadcast_step(plan, op, &shape, &binary) : status;
}

EQ_OPERATOR(EQUAL, eq_prepare_comparison, ANY);
EQ_OPERATOR(NOT_EQUAL, eq_prepare_comparison, ANY);
EQ_OPERATOR(LESS, eq_prepare_comparison, ANY);
EQ_OPERATOR(LESS_EQUAL, eq_prepare_comparison, ANY);
EQ_OPERATOR(GREATER, eq_prepare_comparison, ANY);
EQ_OPERATOR(GREATER_EQUAL, eq_prepare_comparison, ANY);
EQ_OPERATOR_FLOAT16(EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL);
