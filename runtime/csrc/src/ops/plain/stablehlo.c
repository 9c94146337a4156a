/* STABLEHLO_ADD, STABLEHLO_MULTIPLY, STABLEHLO_MAXIMUM and STABLEHLO_MINIMUM: two tensors of one shape, value by value. Integers are as
 * they are, whatever their scales, and wrap; of bools, ADD and MAXIMUM are or, the others and. */
#include "ops/integers.h"
#include "ops/stepped.h"
#include "plan/operator.h"

/* `type` adds and multiplies without overflow, `ordered` compares. */
#define CHOOSE(code, type, ordered, a, b)                                    \
    ((code) == EQ_OP_STABLEHLO_ADD        ? (ordered)((type)(a) + (type)(b)) \
     : (code) == EQ_OP_STABLEHLO_MULTIPLY ? (ordered)((type)(a) * (type)(b)) \
     : (code) == EQ_OP_STABLEHLO_MAXIMUM  ? ((a) < (b) ? (b) : (a))          \
                                          : ((b) < (a) ? (b) : (a)))

static bool run(const eq_stepped *stepped, const void *first, size_t first_step, const void *second, size_t second_step,
                void *out, size_t n) {
    const eq_type type = stepped->type;
    if (type == EQ_FLOAT32) {
        EQ_STEPPED(float, CHOOSE(stepped->code, float, float, a, b))
    }
    if (!eq_is_integer(type)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const int64_t a = eq_integer_at(type, first, i * first_step), b = eq_integer_at(type, second, i * second_step);
        eq_put_integer(type, out, i, CHOOSE(stepped->code, uint64_t, int64_t, a, b));
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
EQ_OPERATOR_FLOAT16(STABLEHLO_ADD, STABLEHLO_MULTIPLY, STABLEHLO_MAXIMUM, STABLEHLO_MINIMUM);
EQ_OPERATOR_NOTE(STABLEHLO_ADD, "not quantized uint8");
