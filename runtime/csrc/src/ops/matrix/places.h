/* Pointers to the pixels of a line, which are what a tile costs besides its products. */
#ifndef EQ_PLACES_H
#define EQ_PLACES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { EQ_SPARE_PLACES = 3 }; /* written after the last */

typedef uintptr_t eq_two_places __attribute__((vector_size(2 * sizeof(uintptr_t))));

/* `n` places that are `step` apart, and as many as fill up four. */
static inline void eq_write_places(void *places, const void *first, ptrdiff_t step, int32_t n) {
    const uintptr_t place = (uintptr_t)first, forward = (uintptr_t)step;
    eq_two_places a = {place, place + forward}, b = a + 2 * forward;
    for (uintptr_t *to = places, *end = to + n; to < end; to += 4, a += 4 * forward, b += 4 * forward) {
        memcpy(to, &a, sizeof a);
        memcpy(to + 2, &b, sizeof b);
    }
}

#endif
