/* Elementwise operators of one input. */
#ifndef EQ_UNARY_H
#define EQ_UNARY_H

#include "elements.h"

/* An int8 tensor's values and what they mean. Numbers are the file's: 0 to 255 for a tensor that is uint8 there. */
typedef struct eq_unary {
    float in_scale, out_scale;
    int32_t in_zero_point, out_zero_point;
    int32_t lowest, highest; /* of the output */
    float alpha;             /* LEAKY_RELU's slope */
    bool approximate;        /* GELU by tanh */
} eq_unary;

eq_status eq_prepare_unary(eq_plan *plan, const eq_operator *op);

/* table[q + 128] is the operator's result for q; false if it does not take int8. (unary_tables.c) */
bool eq_unary_table(const eq_operator *op, const eq_tensor *in, const eq_tensor *out, int8_t table[256]);

/* What computes it on plain numbers, whose `data` is an eq_unary; NULL if the operator does not take that type. (plain_unary.c) */
eq_elements_fn eq_plain_unary(int32_t code, eq_type type);

#endif
