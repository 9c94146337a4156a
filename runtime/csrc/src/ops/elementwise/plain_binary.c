/* Elementwise operators of two inputs on float32 and complex64, on int32 and int64 for the arithmetic of shapes, and FLOOR_DIV and
 * FLOOR_MOD of int8 and int16, which stand for themselves there. */
#include <math.h>

#include "plain_rows.h"
#include "ops/quantization.h"
#include "read/operator_codes.h"

/* ---- one pair of values ---- */

/* Integers wrap, and have 0 for a division by 0 and INT_MIN / -1 wrapped: files are untrusted, and C leaves both undefined. */
#define INTEGER_DIVISIONS(type, unsigned_type, suffix)                                          \
    static type quotient_##suffix(type a, type b) {                                             \
        return b == 0 ? 0 : b == -1 ? (type)(0 - (unsigned_type)a) : a / b;                     \
    }                                                                                           \
    static type remainder_##suffix(type a, type b) {                                            \
        return b == 0 || b == -1 ? 0 : a % b;                                                   \
    }                                                                                           \
    static type floor_quotient_##suffix(type a, type b) {                                       \
        return quotient_##suffix(a, b) - (remainder_##suffix(a, b) != 0 && (a < 0) != (b < 0)); \
    }                                                                                           \
    static type floor_remainder_##suffix(type a, type b) {                                      \
        const type r = remainder_##suffix(a, b);                                                \
        return r != 0 && (r < 0) != (b < 0) ? r + b : r;                                        \
    }
INTEGER_DIVISIONS(int8_t, uint8_t, i8)
INTEGER_DIVISIONS(int16_t, uint16_t, i16)
INTEGER_DIVISIONS(int32_t, uint32_t, i32)
INTEGER_DIVISIONS(int64_t, uint64_t, i64)

static float floor_remainder(float a, float b) {
    const float r = fmodf(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

typedef float _Complex complex_float;

/* ---- runs of them ---- */

#define ORDERED_RUNS(name, type, function) EQ_RUNS(name, type, function(a, b)) EQ_RUNS(name##_swapped, type, function(b, a))

#define WRAPPED(operation, type, unsigned_type) (type)((unsigned_type)a operation(unsigned_type) b)
#define WRAPPED_BACK(operation, type, unsigned_type) (type)((unsigned_type)b operation(unsigned_type) a)

EQ_RUNS(div_f32, float, eq_bounded(parameters, a / b))
EQ_RUNS(div_f32_swapped, float, eq_bounded(parameters, b / a))
EQ_RUNS(max_f32, float, a > b ? a : b)
EQ_RUNS(min_f32, float, a < b ? a : b)
EQ_RUNS(squared_difference_f32, float, (a - b) * (a - b))
EQ_RUNS(prelu_f32, float, a >= 0 ? a : a * b)
EQ_RUNS(floor_div_f32, float, floorf(a / b))
EQ_RUNS(floor_div_f32_swapped, float, floorf(b / a))
ORDERED_RUNS(floor_mod_f32, float, floor_remainder)

#define INTEGER_RUNS(type, unsigned_type, suffix)                               \
    EQ_RUNS(add_##suffix, type, WRAPPED(+, type, unsigned_type))                \
    EQ_RUNS(sub_##suffix, type, WRAPPED(-, type, unsigned_type))                \
    EQ_RUNS(sub_##suffix##_swapped, type, WRAPPED_BACK(-, type, unsigned_type)) \
    EQ_RUNS(mul_##suffix, type, WRAPPED(*, type, unsigned_type))                \
    EQ_RUNS(max_##suffix, type, a > b ? a : b)                                  \
    EQ_RUNS(min_##suffix, type, a < b ? a : b)                                  \
    ORDERED_RUNS(div_##suffix, type, quotient_##suffix)                         \
    ORDERED_RUNS(floor_div_##suffix, type, floor_quotient_##suffix)             \
    ORDERED_RUNS(floor_mod_##suffix, type, floor_remainder_##suffix)
#define DIVISION_RUNS(type, suffix)                                 \
    ORDERED_RUNS(floor_div_##suffix, type, floor_quotient_##suffix) \
    ORDERED_RUNS(floor_mod_##suffix, type, floor_remainder_##suffix)
DIVISION_RUNS(int8_t, i8)
DIVISION_RUNS(int16_t, i16)
INTEGER_RUNS(int32_t, uint32_t, i32)
INTEGER_RUNS(int64_t, uint64_t, i64)
EQ_RUNS(squared_difference_i32, int32_t, ((uint32_t)a - (uint32_t)b) * ((uint32_t)a - (uint32_t)b))
EQ_RUNS(mul_u32, uint32_t, a *b)
EQ_RUNS(mul_c64, complex_float, a *b)

/* ---- the table ---- */

#define DIVISIONS(type, suffix) \
    EQ_ORDERED_RUNS(EQ_OP_FLOOR_DIV, type, floor_div_##suffix), EQ_ORDERED_RUNS(EQ_OP_FLOOR_MOD, type, floor_mod_##suffix)
#define INTEGERS(type, suffix)                                                                            \
    EQ_SAME_RUNS(EQ_OP_ADD, type, add_##suffix), EQ_ORDERED_RUNS(EQ_OP_SUB, type, sub_##suffix),          \
        EQ_SAME_RUNS(EQ_OP_MUL, type, mul_##suffix), EQ_ORDERED_RUNS(EQ_OP_DIV, type, div_##suffix),      \
        EQ_SAME_RUNS(EQ_OP_MAXIMUM, type, max_##suffix), EQ_SAME_RUNS(EQ_OP_MINIMUM, type, min_##suffix), \
        DIVISIONS(type, suffix)

static const eq_plain_row plain[] = {
    EQ_ORDERED_RUNS(EQ_OP_DIV, EQ_FLOAT32, div_f32),
    EQ_SAME_RUNS(EQ_OP_MAXIMUM, EQ_FLOAT32, max_f32),
    EQ_SAME_RUNS(EQ_OP_MINIMUM, EQ_FLOAT32, min_f32),
    EQ_SAME_RUNS(EQ_OP_SQUARED_DIFFERENCE, EQ_FLOAT32, squared_difference_f32),
    EQ_SAME_RUNS(EQ_OP_PRELU, EQ_FLOAT32, prelu_f32), /* the input has the output's shape, so it is never swapped */
    EQ_ORDERED_RUNS(EQ_OP_FLOOR_DIV, EQ_FLOAT32, floor_div_f32),
    EQ_ORDERED_RUNS(EQ_OP_FLOOR_MOD, EQ_FLOAT32, floor_mod_f32),
    DIVISIONS(EQ_INT8, i8),
    DIVISIONS(EQ_INT16, i16),
    INTEGERS(EQ_INT32, i32),
    INTEGERS(EQ_INT64, i64),
    EQ_SAME_RUNS(EQ_OP_SQUARED_DIFFERENCE, EQ_INT32, squared_difference_i32),
    EQ_SAME_RUNS(EQ_OP_MUL, EQ_UINT32, mul_u32),
    EQ_SAME_RUNS(EQ_OP_MUL, EQ_COMPLEX64, mul_c64),
};

static const eq_plain_row *find(const eq_plain_row *rows, size_t count, int32_t code, eq_type type) {
    for (size_t i = 0; i < count; ++i) {
        if (rows[i].code == code && rows[i].type == type) {
            return &rows[i];
        }
    }
    return NULL;
}

eq_status eq_plain_binary(eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, eq_binary *binary) {
    const eq_type type = eq_plan_output(plan, op, 0)->type;
    eq_bounds *bounds = eq_plan_take(plan, sizeof *bounds);
    if (!bounds) {
        return (eq_status)plan->error->status;
    }
    eq_status status = eq_activation_range_float(plan, op, eq_binary_activation(op), &bounds->min, &bounds->max);
    if (status != EQ_OK) {
        return status;
    }
    if (type != EQ_FLOAT32 && eq_binary_activation(op) != EQ_ACTIVATION_NONE) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has a fused activation on integers");
    }
    const eq_plain_row *row = find(plain, sizeof plain / sizeof *plain, op->code, type);
    row = row ? row : find(eq_plain_rows_f32, eq_plain_row_count_f32, op->code, type);
    if (row) {
        const int32_t order = shape->slots[0];
        *binary = (eq_binary){row->order[order].run, row->order[order].run_scalar, bounds};
        return EQ_OK;
    }
    return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take tensors of type %s", eq_type_name(type));
}
