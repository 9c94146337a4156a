/* Elementwise operators of one input. */
#ifndef EQ_UNARY_H
#define EQ_UNARY_H

#include "elements.h"

/* An operator's options; of an int8 tensor also its values and what they mean. Numbers are the file's: 0 to 255 for a tensor that is uint8 there. */
typedef struct eq_unary {
    int32_t code;
    eq_type type;
    float in_scale, out_scale;
    int32_t in_zero_point, out_zero_point;
    int32_t lowest, highest; /* of the output */
    float alpha;             /* LEAKY_RELU's slope */
    bool approximate;        /* GELU by tanh */
} eq_unary;

eq_status eq_prepare_unary(eq_plan *plan, const eq_operator *op);

/* table[q + 128] is the operator's result for q; false if it does not take int8. (unary_tables.c) */
bool eq_unary_table(const eq_operator *op, const eq_tensor *in, const eq_tensor *out, int8_t table[256]);

/* `n` elements of `to` from `n` of `from`. Returns whether there is such an operator of plain numbers of such a type, and does nothing else
 * if n is 0. (plain_unary.c) */
bool eq_plain_unary(const eq_unary *options, const void *from, void *to, size_t n);

#endif
