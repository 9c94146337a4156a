/* Padding a tensor on all sides. */
#ifndef EQ_PAD_H
#define EQ_PAD_H

#include "plan/plan.h"

/* What stands in the padding: one value, or what a mirror in front of the edge shows (SYMMETRIC) or on it (REFLECT). */
typedef enum eq_pad_mode { EQ_PAD_CONSTANT = -1, EQ_PAD_REFLECT = 0, EQ_PAD_SYMMETRIC = 1 } eq_pad_mode;

typedef struct eq_padding {
    eq_pad_mode mode;
    int32_t before[EQ_MAX_RANK], after[EQ_MAX_RANK];
    uint8_t value[8]; /* an element */
} eq_padding;

/* Append a step that copies tensor `from` to `to`, which is larger by the padding. */
eq_status eq_pad_step(eq_plan *plan, const eq_operator *op, const eq_padding *padding, int32_t from, int32_t to);

#endif
