/* STABLEHLO_ADD, STABLEHLO_MULTIPLY, STABLEHLO_MAXIMUM and STABLEHLO_MINIMUM: two tensors of one shape, value by value. Integers are as
 * they are, whatever their scales, and wrap; of bools, ADD and MAXIMUM are or, the others and. */
#include <string.h>

#include "ops/stepped.h"
#include "plan/operator.h"

/* `type` adds and multiplies without overflow, `ordered` compares. */
#define CHOOSE(code, type, ordered, a, b)                                    \
    ((code) == EQ_OP_STABLEHLO_ADD        ? (ordered)((type)(a) + (type)(b)) \
     : (code) == EQ_OP_STABLEHLO_MULTIPLY ? (ordered)((type)(a) * (type)(b)) \
     : (code) == EQ_OP_STABLEHLO_MAXIMUM  ? ((a) < (b) ? (b) : (a))          \
                                          : ((b) < (a) ? (b) : (a)))

enum {
    WHOLE = 1 << EQ_INT8 | 1 << EQ_UINT8 | 1 << EQ_INT16 | 1 << EQ_UINT16 | 1 << EQ_INT32 | 1 << EQ_UINT32 | 1 << EQ_INT64 |
    1 << EQ_BOOL
};

/* A loop for each type would be four times the code, of what models seldom have. */
static int64_t integer_at(eq_type type, const void *values, size_t i) {
    switch (type) {
    case EQ_INT8:
        return ((const int8_t *)values)[i];
    case EQ_UINT8:
        return ((const uint8_t *)values)[i];
    case EQ_INT16:
        return ((const int16_t *)values)[i];
    case EQ_UINT16:
        return ((const uint16_t *)values)[i];
    case EQ_INT32:
        return ((const int32_t *)values)[i];
    case EQ_UINT32:
        return ((const uint32_t *)values)[i];
    case EQ_INT64:
        return ((const int64_t *)values)[i];
    default:
        return ((const uint8_t *)values)[i] != 0;
    }
}

static bool run(const eq_stepped *stepped, const void *first, size_t first_step, const void *second, size_t second_step,
                void *out, size_t n) {
    const eq_type type = stepped->type;
    if (type == EQ_FLOAT32) {
        EQ_STEPPED(float, CHOOSE(stepped->code, float, float, a, b))
    }
    if ((WHOLE >> type & 1) == 0) {
        return false;
    }
    const size_t size = (size_t)eq_type_size(type);
    for (size_t i = 0; i < n; i++) {
        const int64_t a = integer_at(type, first, i * first_step), b = integer_at(type, second, i * second_step);
        const int64_t result = CHOOSE(stepped->code, uint64_t, int64_t, a, b), of_bools = result != 0;
        memcpy((uint8_t *)out + i * size, type == EQ_BOOL ? &of_bools : &result, size); /* the low bytes */
    }
    return true;
}

eq_status eq_prepare_stablehlo_elementwise(eq_plan *plan, const eq_operator *op) {
    return eq_stepped_plain(plan, op, run);
}

EQ_OPERATOR(STABLEHLO_ADD, eq_prepare_stablehlo_elementwise, ANY);
EQ_OPERATOR(STABLEHLO_MULTIPLY, eq_prepare_stablehlo_elementwise, ANY);
EQ_OPERATOR(STABLEHLO_MAXIMUM, eq_prepare_stablehlo_elementwise, ANY);
EQ_OPERATOR(STABLEHLO_MINIMUM, eq_prepare_stablehlo_elementwise, ANY);
EQ_OPERATOR_NOTE(STABLEHLO_ADD, "not quantized uint8");
