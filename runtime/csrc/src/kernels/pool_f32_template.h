/* What pools and resizing of float32 do with a window, in vectors of channels. Include after what winograd_f32_template.h asks of floats.h,
 * and larger(a, b), load_some(p, count), store_some(p, v, count): `count` lanes, LANES at most. */
#include <math.h>

#include "inline.h"
#include "kernels.h"

EQ_INLINE vec take(const float *p, int32_t count) {
    return count == LANES ? load(p) : load_some(p, count);
}

EQ_INLINE void put(float *p, vec v, int32_t count) {
    if (count == LANES) {
        store(p, v);
    } else {
        store_some(p, v, count);
    }
}

/* DO(c, count) for the channels from c on, LANES at once. */
#define EACH_VECTOR(channels, DO)                 \
    int32_t c = 0;                                \
    for (; c <= (channels) - LANES; c += LANES) { \
        DO(c, LANES)                              \
    }                                             \
    if (c < (channels)) {                         \
        DO(c, (channels) - c)                     \
    }

EQ_INLINE vec largest_of(const eq_windows_f32 *w, const float *in, int32_t count) {
    const float lowest = -INFINITY;
    vec most = splat(&lowest);
    for (int32_t j = 0; j < w->columns; j++, in += w->channels) {
        const float *from = in;
        for (int32_t i = 0; i < w->rows; i++, from += w->row) {
            most = larger(most, take(from, count));
        }
    }
    return most;
}

void PREFIX(largest_f32)(const eq_windows_f32 *windows, const float *in, float *out) {
    const eq_windows_f32 w = *windows; /* not behind a pointer that `out` could be the same as */
    for (int32_t x = 0; x < w.pixels; x++, in += w.step, out += w.channels) {
#define LARGEST(c, count) put(out + (c), largest_of(&w, in + (c), count), count);
        EACH_VECTOR(w.channels, LARGEST)
    }
}

void PREFIX(average_f32)(const float *const taps[9], const float *before, float scale, const eq_bounds *bounds,
                         int32_t channels, float *out) {
    const vec factor = splat(&scale);
    const float min = bounds->min, max = bounds->max;
#define TAP(i, c, count) take(taps[i] + (c), count)
#define AVERAGE(c, count)                                                                                              \
    const vec ends = (TAP(0, c, count) + TAP(1, c, count)) + TAP(8, c, count) + (TAP(6, c, count) + TAP(7, c, count)); \
    const vec sum = (TAP(2, c, count) + TAP(3, c, count)) + (TAP(4, c, count) + TAP(5, c, count)) + ends;              \
    put(out + (c), clamp((sum + take(before + (c), count)) * factor, min, max), count);
    EACH_VECTOR(channels, AVERAGE)
}

EQ_INLINE vec mix(const float *a, const float *b, vec part, int32_t count) {
    const vec first = take(a, count);
    return first + (take(b, count) - first) * part;
}

void PREFIX(bilinear_f32)(const float *const corners[4], float right, float bottom, int32_t channels, float *out) {
    const vec to_right = splat(&right), down = splat(&bottom);
#define BILINEAR(c, count)                                                      \
    const vec above = mix(corners[0] + (c), corners[1] + (c), to_right, count); \
    const vec below = mix(corners[2] + (c), corners[3] + (c), to_right, count); \
    put(out + (c), above + (below - above) * down, count);
    EACH_VECTOR(channels, BILINEAR)
}
