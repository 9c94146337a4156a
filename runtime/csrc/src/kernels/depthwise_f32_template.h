/* Float depthwise convolution, for any width of vectors: include after what gemm_f32_template.h asks, and
 *
 *     enum { PIXELS }   output pixels at once
 *     ANY_WINDOW        or nothing: there is no code for windows of 3 x 3 alone
 *
 * Packed, for every LANES channels: bias (channels), weights (width, height, channels); missing channels are zero. */
#include "float_value.h"
#include "inline.h"
#include "kernels.h"

#ifndef ANY_WINDOW
enum { SMALL = 3 }; /* windows of 3 x 3 have their weights in registers */
#ifdef STORES_SOME
#define SMALL_COUNT count
#else
#define SMALL_COUNT LANES /* a part of a vector is stored by a call, which the registers do not outlive */
#endif
#endif
enum {
    BLOCK_PIXELS = 32
}; /* of narrow rows, so that a block of channels is prepared once for several and the rows stay in a cache */

size_t FLOAT_NAME(depthwise, packed_bytes)(const eq_depthwise_f32_weights *w) {
    const size_t blocks = (size_t)w->channels / LANES + (w->channels % LANES != 0);
    return blocks * (1 + (size_t)w->height * (size_t)w->width) * LANES * sizeof(value);
}

void FLOAT_NAME(depthwise, pack)(const eq_depthwise_f32_weights *w, void *packed) {
    const size_t height = (size_t)w->height, width = (size_t)w->width, channels = (size_t)w->channels;
    for (size_t c = 0; c < channels; c++) {
        value *to = (value *)packed + c / LANES * (1 + height * width) * LANES + c % LANES;
        *to = to_value(w->bias ? w->bias[c] : 0.0f);
        for (size_t x = 0; x < width; x++) {
            for (size_t y = 0; y < height; y++) {
                *(to += LANES) = to_value(w->weights[(ptrdiff_t)y * w->row + (ptrdiff_t)x * w->column + (ptrdiff_t)c]);
            }
        }
    }
}

static const value *at(const value *p, ptrdiff_t bytes) {
    return (const value *)(const void *)((const char *)p + bytes);
}

static value *place(value *p, ptrdiff_t bytes) {
    return (value *)(void *)((char *)p + bytes);
}

EQ_INLINE void put(const eq_depthwise_f32 *d, value *out, vec sum, int32_t count) {
    const vec x = clamp(sum, d->min, d->max);
    if (count == LANES) {
        store(out, x);
        return;
    }
#ifdef STORES_SOME
    store_some(out, x, count);
#else
    value last[LANES];
    store(last, x);
    memcpy(out, last, (size_t)count * sizeof *last);
#endif
}

/* `count` channels of `pixels` adjacent outputs (a constant), windows of any size. */
EQ_INLINE void run_any(const eq_depthwise_f32 *d, const value *weights, const value *in, value *out, int32_t count,
                       const int pixels) {
    vec sums[PIXELS];
    EQ_UNROLL
    for (int p = 0; p < pixels; p++) {
        sums[p] = load(weights);
    }
    for (int32_t x = 0; x < d->width; x++) {
        const value *tap = at(in, x * d->tap_column);
        for (int32_t y = 0; y < d->height; y++, tap = at(tap, d->tap_row)) {
            const vec w = load(weights += LANES);
            EQ_UNROLL
            for (int p = 0; p < pixels; p++) {
                sums[p] = fused(w, load(at(tap, p * d->in_column)), sums[p]);
            }
        }
    }
    EQ_UNROLL
    for (int p = 0; p < pixels; p++) {
        put(d, place(out, p * d->out_column), sums[p], count);
    }
}

#ifndef ANY_WINDOW
/* 3 x 3 taps, whose weights and places are in registers. */
typedef struct small_window {
    vec bias, weights[SMALL * SMALL];
    ptrdiff_t offsets[SMALL * SMALL];
} small_window;

/* Keeps the compiler from moving a pointer for every tap instead of this one. */
#define ONE_POINTER(p) __asm__("" : "+r"(p))

EQ_INLINE void run_small(const eq_depthwise_f32 *d, const small_window *window, const value *in, value *out, int32_t count,
                         const int pixels) {
    (void)count;
    vec sums[PIXELS];
    const value *from[PIXELS];
    EQ_UNROLL
    for (int p = 0; p < pixels; p++) {
        sums[p] = window->bias;
        from[p] = at(in, p * d->in_column);
        ONE_POINTER(from[p]);
    }
    EQ_UNROLL
    for (int tap = 0; tap < SMALL * SMALL; tap++) {
        EQ_UNROLL
        for (int p = 0; p < pixels; p++) {
            sums[p] = fused(window->weights[tap], load(at(from[p], window->offsets[tap])), sums[p]);
        }
    }
    EQ_UNROLL
    for (int p = 0; p < pixels; p++) {
        put(d, place(out, p * d->out_column), sums[p], SMALL_COUNT);
    }
}

/* PIXELS outputs whose windows are a tap apart: each input is read once for all of them. */
EQ_INLINE void run_overlapping(const eq_depthwise_f32 *d, const small_window *window, const value *in, value *out,
                               int32_t count) {
    (void)count;
    vec sums[PIXELS];
    const value *rows[SMALL];
    EQ_UNROLL
    for (int p = 0; p < PIXELS; p++) {
        sums[p] = window->bias;
    }
    EQ_UNROLL
    for (int y = 0; y < SMALL; y++) {
        rows[y] = at(in, y * d->tap_row);
        ONE_POINTER(rows[y]);
    }
    EQ_UNROLL
    for (int x = 0; x < PIXELS + SMALL - 1; x++) {
        EQ_UNROLL
        for (int y = 0; y < SMALL; y++) {
            const vec value = load(at(rows[y], x * d->tap_column));
            EQ_UNROLL
            for (int p = 0; p < PIXELS; p++) {
                if (x - p >= 0 && x - p < SMALL) {
                    sums[p] = fused(window->weights[(x - p) * SMALL + y], value, sums[p]);
                }
            }
        }
    }
    EQ_UNROLL
    for (int p = 0; p < PIXELS; p++) {
        put(d, place(out, p * d->out_column), sums[p], SMALL_COUNT);
    }
}

/* `rows` rows of outputs of `count` channels. */
static __attribute__((noinline)) void run_rows_small(const eq_depthwise_f32 *layer, const value *weights, const value *in,
                                                     value *out, int32_t count, int32_t rows) {
    (void)count;
    const eq_depthwise_f32 d = *layer; /* not behind a pointer that `out` could be the same as */
    const bool overlapping = d.in_column == d.tap_column;
    small_window window = {.bias = load(weights)};
    EQ_UNROLL
    for (int tap = 0; tap < SMALL * SMALL; tap++) {
        window.weights[tap] = load(weights + (tap + 1) * LANES);
        window.offsets[tap] = tap / SMALL * d.tap_column + tap % SMALL * d.tap_row;
    }
    for (; rows > 0; rows--, in = at(in, d.in_row), out = place(out, d.out_row)) {
        const value *from = in;
        value *to = out;
        int32_t left = d.out_width;
        for (; left >= PIXELS; left -= PIXELS, to = place(to, PIXELS * d.out_column), from = at(from, PIXELS * d.in_column)) {
            if (overlapping) {
                run_overlapping(&d, &window, from, to, count);
            } else {
                run_small(&d, &window, from, to, count, PIXELS);
            }
        }
        for (; left > 0; left--, to = place(to, d.out_column), from = at(from, d.in_column)) {
            run_small(&d, &window, from, to, count, 1);
        }
    }
}

#endif

static void run_line(const eq_depthwise_f32 *d, const value *weights, const value *in, value *out, int32_t count) {
    int32_t x = 0;
    for (; x <= d->out_width - PIXELS;
         x += PIXELS, out = place(out, PIXELS * d->out_column), in = at(in, PIXELS * d->in_column)) {
        run_any(d, weights, in, out, count, PIXELS);
    }
    for (; x < d->out_width; x++, out = place(out, d->out_column), in = at(in, d->in_column)) {
        run_any(d, weights, in, out, count, 1);
    }
}

/* `rows` rows of outputs of all channels. */
static void run_block(const eq_depthwise_f32 *d, const value *in, value *out, int32_t rows) {
    const size_t block = (1 + (size_t)d->height * (size_t)d->width) * LANES;
    const value *weights = d->packed;
    for (int32_t c = 0; c < d->channels; c += LANES, weights += block) {
        const int32_t count = d->channels - c < LANES ? d->channels - c : LANES;
#ifndef ANY_WINDOW
        if (d->height == SMALL && d->width == SMALL && count == SMALL_COUNT) {
            run_rows_small(d, weights, in + c, out + c, count, rows);
            continue;
        }
#endif
        for (int32_t y = 0; y < rows; y++) {
            run_line(d, weights, at(in, y * d->in_row) + c, place(out, y * d->out_row) + c, count);
        }
    }
}

void FLOAT_NAME(depthwise, run)(const eq_depthwise_f32 *d, const void *in, void *out, int32_t rows) {
    const int32_t most = d->out_width < BLOCK_PIXELS ? BLOCK_PIXELS / d->out_width : 1;
    for (int32_t y = 0; y < rows; y += most) {
        const int32_t some = rows - y < most ? rows - y : most;
        run_block(d, at(in, y * d->in_row), place(out, y * d->out_row), some);
    }
}
