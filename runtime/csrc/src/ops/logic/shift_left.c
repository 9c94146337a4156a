/* STABLEHLO_SHIFT_LEFT of integers of up to 32 bits, by as many places as 5 bits say: LiteRT leaves more to the CPU. */
#include "ops/stepped.h"
#include "plan/operator.h"

#define SHIFT(type) EQ_STEPPED(type, (uint32_t)a << ((uint32_t)b & 31))

static bool run(const eq_stepped *stepped, const void *first, size_t first_step, const void *second, size_t second_step,
                void *out, size_t n) {
    switch (stepped->type) {
    case EQ_INT8:
        SHIFT(int8_t)
    case EQ_INT16:
        SHIFT(int16_t)
    case EQ_INT32:
        SHIFT(int32_t)
    default:
        return false;
    }
}

eq_status eq_prepare_shift_left(eq_plan *plan, const eq_operator *op) {
    return eq_stepped_plain(plan, op, run);
}

EQ_OPERATOR(STABLEHLO_SHIFT_LEFT, eq_prepare_shift_left, INT8, INT8);
EQ_OPERATOR(STABLEHLO_SHIFT_LEFT, eq_prepare_shift_left, INT16, INT16);
EQ_OPERATOR(STABLEHLO_SHIFT_LEFT, eq_prepare_shift_left, INT32, INT32);
