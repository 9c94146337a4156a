/* LOGICAL_AND, LOGICAL_OR and LOGICAL_NOT of bools, BITWISE_XOR and RIGHT_SHIFT of integers. */
#include "broadcast.h"
#include "plan/operator.h"
#include "runs.h"

/* LiteRT's: a number of places outside of the type counts as its ends; the sign is shifted in. */
static int places(int64_t asked, size_t bytes) {
    const int most = (int)bytes * 8 - 1;
    return asked < 0 ? 0 : asked > most ? most : (int)asked;
}

#define SHIFTS(type, suffix)                                    \
    EQ_RUNS(shift_##suffix, type, a >> places(b, sizeof(type))) \
    EQ_RUNS(shift_##suffix##_swapped, type, b >> places(a, sizeof(type)))

EQ_RUNS(and_bool, uint8_t, (a != 0) & (b != 0))
EQ_RUNS(or_bool, uint8_t, (a != 0) | (b != 0))
EQ_RUNS(xor_8, uint8_t, a ^ b)
EQ_RUNS(xor_16, uint16_t, a ^ b)
EQ_RUNS(xor_32, uint32_t, a ^ b)
EQ_RUNS(xor_64, uint64_t, a ^ b)
SHIFTS(int8_t, i8)
SHIFTS(uint8_t, u8)
SHIFTS(int16_t, i16)
SHIFTS(uint16_t, u16)
SHIFTS(int32_t, i32)
SHIFTS(uint32_t, u32)
SHIFTS(int64_t, i64)

#define BOTH(code, type, name)           \
    {                                    \
        code, type, {                    \
            {EQ_RUN_PAIR(name), NULL}, { \
                EQ_RUN_PAIR(name), NULL  \
            }                            \
        }                                \
    }
#define ORDERED(code, type, name)                 \
    {                                             \
        code, type, {                             \
            {EQ_RUN_PAIR(name), NULL}, {          \
                EQ_RUN_PAIR(name##_swapped), NULL \
            }                                     \
        }                                         \
    }

static const struct {
    int32_t code;
    eq_type type;
    eq_binary order[2]; /* as in the file, or swapped */
} rows[] = {
    BOTH(EQ_OP_LOGICAL_AND, EQ_BOOL, and_bool),       BOTH(EQ_OP_LOGICAL_OR, EQ_BOOL, or_bool),
    BOTH(EQ_OP_BITWISE_XOR, EQ_INT8, xor_8),          BOTH(EQ_OP_BITWISE_XOR, EQ_UINT8, xor_8),
    BOTH(EQ_OP_BITWISE_XOR, EQ_INT16, xor_16),        BOTH(EQ_OP_BITWISE_XOR, EQ_UINT16, xor_16),
    BOTH(EQ_OP_BITWISE_XOR, EQ_INT32, xor_32),        BOTH(EQ_OP_BITWISE_XOR, EQ_UINT32, xor_32),
    BOTH(EQ_OP_BITWISE_XOR, EQ_INT64, xor_64),        ORDERED(EQ_OP_RIGHT_SHIFT, EQ_INT8, shift_i8),
    ORDERED(EQ_OP_RIGHT_SHIFT, EQ_UINT8, shift_u8),   ORDERED(EQ_OP_RIGHT_SHIFT, EQ_INT16, shift_i16),
    ORDERED(EQ_OP_RIGHT_SHIFT, EQ_UINT16, shift_u16), ORDERED(EQ_OP_RIGHT_SHIFT, EQ_INT32, shift_i32),
    ORDERED(EQ_OP_RIGHT_SHIFT, EQ_UINT32, shift_u32), ORDERED(EQ_OP_RIGHT_SHIFT, EQ_INT64, shift_i64),
};

eq_status eq_prepare_bits(eq_plan *plan, const eq_operator *op) {
    eq_broadcast shape;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_broadcast_shape(plan, op, &shape)) != EQ_OK) {
        return status;
    }
    const eq_tensor *a = eq_plan_input(plan, op, 0), *b = eq_plan_input(plan, op, 1), *out = eq_plan_output(plan, op, 0);
    if (a->file_type != b->file_type || a->file_type != out->file_type || a->type != b->type || a->type != out->type) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "mixes types");
    }
    if (a->type != a->file_type) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "quantized uint8 is not supported here");
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        if (rows[i].code == op->code && rows[i].type == a->type) {
            return eq_broadcast_step(plan, op, &shape, &rows[i].order[shape.slots[0]]);
        }
    }
    return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take tensors of type %s", eq_type_name(a->type));
}

EQ_OPERATOR(LOGICAL_AND, eq_prepare_bits, ANY);
EQ_OPERATOR(LOGICAL_OR, eq_prepare_bits, ANY);
EQ_OPERATOR(BITWISE_XOR, eq_prepare_bits, ANY);
EQ_OPERATOR(RIGHT_SHIFT, eq_prepare_bits, ANY);
EQ_OPERATOR_NOTE(BITWISE_XOR, "not quantized uint8");
EQ_OPERATOR_NOTE(RIGHT_SHIFT, "not quantized uint8");
