/* Orders of indices by keys that they stand for, without memory of their own. */
#ifndef EQ_ORDER_H
#define EQ_ORDER_H

#include <stdint.h>
#include <string.h>

/* A key whose order is that of floats: zeros are equal, NaN lies beyond the infinities. */
static inline int64_t eq_order_key(float value) {
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return value == 0 ? 0 : bits < 0 ? -(int64_t)(bits & INT32_MAX) : bits;
}

/* Sort `count` indices by their keys, the largest first; those of equal keys stay in their order. `spare` has room for as many. */
void eq_order_decreasing(const int64_t *keys, int32_t *indices, int32_t count, int32_t *spare);

/* The `most` largest of values[0] to values[count - 1], 1 <= most <= count, as indices at the beginning of `indices`, which has
 * room for `count`. Of equal values the heap below decides, as in libstdc++'s partial_sort, which LiteRT uses; if only one is
 * asked for, it is the first. */
void eq_order_largest(const float *values, int32_t *indices, int32_t count, int32_t most);

/* A heap of indices, the one of the smallest value first. Of equal values comes first what does in libstdc++'s priority_queue. */
void eq_heap_push(const float *values, int32_t *heap, int32_t *count, int32_t index);
int32_t eq_heap_pop(const float *values, int32_t *heap, int32_t *count);

#endif
