/* Elementwise operators of one input. */
#ifndef EQ_UNARY_H
#define EQ_UNARY_H

#include "plan/plan.h"

/* The schema's numbers. */
enum {
    EQ_OP_FLOOR = 8,
    EQ_OP_LOGISTIC = 14,
    EQ_OP_RELU = 19,
    EQ_OP_RELU_N1_TO_1 = 20,
    EQ_OP_RELU6 = 21,
    EQ_OP_TANH = 28,
    EQ_OP_EXP = 47,
    EQ_OP_NEG = 59,
    EQ_OP_SIN = 66,
    EQ_OP_LOG = 73,
    EQ_OP_SQRT = 75,
    EQ_OP_RSQRT = 76,
    EQ_OP_SQUARE = 92,
    EQ_OP_LEAKY_RELU = 98,
    EQ_OP_ABS = 101,
    EQ_OP_CEIL = 104,
    EQ_OP_COS = 108,
    EQ_OP_ELU = 111,
    EQ_OP_QUANTIZE = 114,
    EQ_OP_ROUND = 116,
    EQ_OP_HARD_SWISH = 117,
    EQ_OP_GELU = 150,
    EQ_OP_RELU_0_TO_1 = 152,
};

/* An int8 tensor's values and what they mean. Numbers are the file's: 0 to 255 for a tensor that is uint8 there. */
typedef struct eq_unary {
    float in_scale, out_scale;
    int32_t in_zero_point, out_zero_point;
    int32_t lowest, highest; /* of the output */
    float alpha;             /* LEAKY_RELU's slope */
    bool approximate;        /* GELU by tanh */
} eq_unary;

/* table[q + 128] is the operator's result for q; false if it does not take int8. (unary_tables.c) */
bool eq_unary_table(const eq_operator *op, const eq_tensor *in, const eq_tensor *out, int8_t table[256]);

/* The step's work on n values of float32 or int32. */
typedef void (*eq_unary_run_fn)(const eq_unary *options, const void *in, void *out, size_t n);
/* NULL if the operator does not take that type. (plain_unary.c) */
eq_unary_run_fn eq_plain_unary(int32_t code, eq_type type);

#endif
