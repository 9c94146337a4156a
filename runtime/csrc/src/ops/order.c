#include "order.h"

static void merge(const int64_t *keys, const int32_t *left, const int32_t *right, const int32_t *end, int32_t *out) {
    const int32_t *l = left, *r = right;
    while (l < right && r < end) {
        *out++ = keys[*r] > keys[*l] ? *r++ : *l++;
    }
    memcpy(out, l, (size_t)(right - l) * sizeof *out);
    memcpy(out + (right - l), r, (size_t)(end - r) * sizeof *out);
}

void eq_order_decreasing(const int64_t *keys, int32_t *indices, int32_t count, int32_t *spare) {
    int32_t *from = indices, *to = spare;
    for (int64_t run = 1; run < count; run *= 2) {
        for (int64_t start = 0; start < count; start += 2 * run) {
            const int64_t middle = start + run < count ? start + run : count;
            const int64_t end = middle + run < count ? middle + run : count;
            merge(keys, from + start, from + middle, from + end, to + start);
        }
        int32_t *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != indices) {
        memcpy(indices, from, (size_t)count * sizeof *indices);
    }
}

/* ---- the heap ---- */

/* Put `index` where `hole` is, or above it up to `top`. */
static void rise(const float *values, int32_t *heap, int32_t top, int32_t hole, int32_t index) {
    for (int32_t parent; hole > top && values[heap[parent = (hole - 1) / 2]] > values[index]; hole = parent) {
        heap[hole] = heap[parent];
    }
    heap[hole] = index;
}

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
    rise(values, heap, top, hole, index);
}

/* The first of the heap's `count` goes to `place`, and the index that is there into the heap. */
static void replace_first(const float *values, int32_t *heap, int32_t count, int32_t *place) {
    const int32_t index = *place;
    *place = heap[0];
    sink(values, heap, count, 0, index);
}

void eq_heap_push(const float *values, int32_t *heap, int32_t *count, int32_t index) {
    rise(values, heap, 0, (*count)++, index);
}

int32_t eq_heap_pop(const float *values, int32_t *heap, int32_t *count) {
    const int32_t last = --*count;
    int32_t first = heap[0];
    if (last > 0) {
        first = heap[last];
        replace_first(values, heap, last, &first);
    }
    return first;
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
