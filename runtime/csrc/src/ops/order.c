#include "order.h"

#include <string.h>

static void merge(const float *values, const int32_t *left, const int32_t *right, const int32_t *end, int32_t *out) {
    const int32_t *l = left, *r = right;
    while (l < right && r < end) {
        *out++ = values[*r] > values[*l] ? *r++ : *l++;
    }
    memcpy(out, l, (size_t)(right - l) * sizeof *out);
    memcpy(out + (right - l), r, (size_t)(end - r) * sizeof *out);
}

void eq_order_decreasing(const float *values, int32_t *indices, int32_t count, int32_t *spare) {
    int32_t *from = indices, *to = spare;
    for (int64_t run = 1; run < count; run *= 2) {
        for (int64_t start = 0; start < count; start += 2 * run) {
            const int64_t middle = start + run < count ? start + run : count;
            const int64_t end = middle + run < count ? middle + run : count;
            merge(values, from + start, from + middle, from + end, to + start);
        }
        int32_t *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != indices) {
        memcpy(indices, from, (size_t)count * sizeof *indices);
    }
}

/* ---- a heap of indices, whose first stands for the smallest value ---- */

/* Put `index` where `hole` is or below: the hole sinks to the bottom along the smaller children, and the index rises from there. */
static void sink(const float *values, int32_t *heap, int32_t count, int32_t hole, int32_t index) {
    const int32_t top = hole;
    int32_t child = hole;
    while (child < (count - 1) / 2) {
        child = 2 * (child + 1);
        child -= values[heap[child]] > values[heap[child - 1]];
        heap[hole] = heap[child];
        hole = child;
    }
    if (count % 2 == 0 && child == (count - 2) / 2) {
        child = 2 * child + 1;
        heap[hole] = heap[child];
        hole = child;
    }
    for (int32_t parent; hole > top && values[heap[parent = (hole - 1) / 2]] > values[index]; hole = parent) {
        heap[hole] = heap[parent];
    }
    heap[hole] = index;
}

/* The first of the heap's `count` goes to `place`, and the index that is there into the heap. */
static void replace_first(const float *values, int32_t *heap, int32_t count, int32_t *place) {
    const int32_t index = *place;
    *place = heap[0];
    sink(values, heap, count, 0, index);
}

void eq_order_largest(const float *values, int32_t *indices, int32_t count, int32_t most) {
    if (most == 1) {
        indices[0] = 0;
        for (int32_t i = 1; i < count; ++i) {
            indices[0] = values[i] > values[indices[0]] ? i : indices[0];
        }
        return;
    }
    for (int32_t i = 0; i < count; ++i) {
        indices[i] = i;
    }
    for (int32_t i = most / 2 - 1; i >= 0; --i) {
        sink(values, indices, most, i, indices[i]);
    }
    for (int32_t i = most; i < count; ++i) {
        if (values[indices[i]] > values[indices[0]]) {
            replace_first(values, indices, most, &indices[i]);
        }
    }
    for (int32_t last = most - 1; last > 0; --last) {
        replace_first(values, indices, last, &indices[last]);
    }
}
