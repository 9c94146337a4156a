/* Pointers to the pixels of a line, which are what a tile costs besides its products. */
#ifndef EQ_PLACES_H
#define EQ_PLACES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { EQ_SPARE_PLACES = 7 }; /* written after the last */

typedef uintptr_t eq_two_places __attribute__((vector_size(2 * sizeof(uintptr_t))));

/* `n` places that are `step` apart, and as many as fill up eight. */
static inline void eq_write_places(void *places, const void *first, ptrdiff_t step, int32_t n) {
    const uintptr_t place = (uintptr_t)first, forward = (uintptr_t)step;
    const eq_two_places two = {2 * forward, 2 * forward};
    eq_two_places a = {place, place + forward};
    for (uintptr_t *to = places; n > 0; n -= 8, to += 8) {
        const eq_two_places b = a + two, c = b + two, d = c + two;
        memcpy(to + 4, &c, sizeof c);
        memcpy(to + 6, &d, sizeof d);
        memcpy(to, &a, sizeof a); /* last: with the step to the next eight */
        memcpy(to + 2, &b, sizeof b);
        a = d + two;
    }
}

#endif
