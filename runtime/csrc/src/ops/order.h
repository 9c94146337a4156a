/* Sorting of indices by the values that they stand for, largest first, without memory of its own. */
#ifndef EQ_ORDER_H
#define EQ_ORDER_H

#include <stdint.h>

/* Sort `count` indices into `values`; those of equal values stay in their order. `spare` has room for as many. */
void eq_order_decreasing(const float *values, int32_t *indices, int32_t count, int32_t *spare);

/* The `most` largest of values[0] to values[count - 1], 1 <= most <= count, as indices at the beginning of `indices`, which has
 * room for `count`. Of equal values the heap decides as in libstdc++'s partial_sort, which LiteRT uses; if only one is asked
 * for, it is the first. */
void eq_order_largest(const float *values, int32_t *indices, int32_t count, int32_t most);

#endif
