/* LOGICAL_AND, LOGICAL_OR and LOGICAL_NOT of bools, BITWISE_XOR and RIGHT_SHIFT of integers. */
#include "plan/operator.h"
#include "ops/stepped.h"

/* LiteRT's: a number of places outside of the type counts as its ends; the sign is shifted in. */
static int places(int64_t asked, size_t bytes) {
    const int most = (int)bytes * 8 - 1;
    return asked < 0 ? 0 : asked > most ? most : (int)asked;
}

#define SHIFT(type) EQ_STEPPED(type, a >> places(b, sizeof(type)))

static bool run_shift(const eq_stepped *stepped, const void *first, size_t first_step, const void *second, size_t second_step,
                      void *out, size_t n) {
    switch (stepped->type) {
    case EQ_INT8:
        SHIFT(int8_t)
    case EQ_UINT8:
        SHIFT(uint8_t)
    case EQ_INT16:
        SHIFT(int16_t)
    case EQ_UINT16:
        SHIFT(uint16_t)
    case EQ_INT32:
        SHIFT(int32_t)
    case EQ_UINT32:
        SHIFT(uint32_t)
    case EQ_INT64:
        SHIFT(int64_t)
    default:
        return false;
    }
}

static bool run_xor(const eq_stepped *stepped, const void *first, size_t first_step, const void *second, size_t second_step,
                    void *out, size_t n) {
    switch (stepped->type) {
    case EQ_INT8:
    case EQ_UINT8:
        EQ_STEPPED(uint8_t, a ^ b)
    case EQ_INT16:
    case EQ_UINT16:
        EQ_STEPPED(uint16_t, a ^ b)
    case EQ_INT32:
    case EQ_UINT32:
        EQ_STEPPED(uint32_t, a ^ b)
    case EQ_INT64:
        EQ_STEPPED(uint64_t, a ^ b)
    default:
        return false;
    }
}

static bool run_logical(const eq_stepped *stepped, const void *first, size_t first_step, const void *second, size_t second_step,
                        void *out, size_t n) {
    if (stepped->type != EQ_BOOL) {
        return false;
    }
    if (stepped->code == EQ_OP_LOGICAL_AND) {
        EQ_STEPPED(uint8_t, (a != 0) & (b != 0))
    }
    EQ_STEPPED(uint8_t, (a != 0) | (b != 0))
}

eq_status eq_prepare_logical(eq_plan *plan, const eq_operator *op) {
    return eq_stepped_plain(plan, op, run_logical);
}

eq_status eq_prepare_xor(eq_plan *plan, const eq_operator *op) {
    return eq_stepped_plain(plan, op, run_xor);
}

eq_status eq_prepare_right_shift(eq_plan *plan, const eq_operator *op) {
    return eq_stepped_plain(plan, op, run_shift);
}

EQ_OPERATOR(LOGICAL_AND, eq_prepare_logical, ANY);
EQ_OPERATOR(LOGICAL_OR, eq_prepare_logical, ANY);
EQ_OPERATOR(BITWISE_XOR, eq_prepare_xor, ANY);
EQ_OPERATOR(RIGHT_SHIFT, eq_prepare_right_shift, ANY);
EQ_OPERATOR_NOTE(BITWISE_XOR, "not quantized uint8");
EQ_OPERATOR_NOTE(RIGHT_SHIFT, "not quantized uint8");
