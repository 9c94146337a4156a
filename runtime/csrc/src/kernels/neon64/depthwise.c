/* Depthwise convolution of ARMv8.0: SMULL and SMLAL add the products of two
 * taps in 16 bits, SADDW adds them to the sums. Two weights of -128 would
 * overflow: a group of channels in which one has two of them adds every product
 * alone.
 *
 * The packed weights are described in channels.h. */
#include "channels.h"
#include "set.h"

size_t eq_neon64_depthwise_packed_bytes(const eq_depthwise_weights *w) {
    return eq_depthwise_group_bytes(w->height, w->width) * (size_t)eq_groups_of(w->channels);
}

static bool two_minima(const eq_depthwise_weights *w, int32_t channel) {
    int32_t count = 0;
    for (int32_t tap = 0; tap < w->height * w->width; tap++) {
        count += w->weights[tap * w->channels + channel] == -128;
    }
    return count > 1;
}

void eq_neon64_depthwise_pack(const eq_depthwise_weights *w, void *packed) {
    const size_t bytes = eq_depthwise_group_bytes(w->height, w->width);
    const int32_t bits = eq_bias_bits(w->small, w->zero_point);
    for (int32_t group = 0; group < eq_groups_of(w->channels); group++) {
        const int32_t first = eq_first_channel(group, w->channels), count = w->channels < 16 ? w->channels : 16;
        int8_t *to = (int8_t *)packed + (size_t)group * bytes;
        memcpy(to + 64, w->scale + first, (size_t)count * 4);
        for (int32_t tap = 0; tap < w->height * w->width; tap++) {
            memcpy(to + EQ_GROUP_HEAD_BYTES + tap * 16, w->weights + tap * w->channels + first, (size_t)count);
        }
        for (int32_t c = 0; c < count; c++) {
            const int32_t bias = eq_add_wrapping(w->bias[first + c], bits);
            memcpy(to + 4 * c, &bias, 4);
            to[bytes - 16] |= two_minima(w, first + c);
        }
    }
}

/* 16 channels, or 8 in the lower half. */
EQ_INLINE int8x16_t load(const int8_t *from, const bool wide) {
    return wide ? vld1q_s8(from) : vcombine_s8(vld1_s8(from), vdup_n_s8(0));
}

EQ_INLINE void add_products(int32x4_t sums[2], int16x8_t products) {
    sums[0] = vaddw_s16(sums[0], vget_low_s16(products));
    sums[1] = vaddw_high_s16(sums[1], products);
}

EQ_INLINE void add_tap(int32x4_t *sums, int8x16_t a, int8x16_t w, const bool wide) {
    add_products(sums, vmull_s8(vget_low_s8(a), vget_low_s8(w)));
    if (wide) {
        add_products(sums + 2, vmull_high_s8(a, w));
    }
}

EQ_INLINE void add_two_taps(int32x4_t *sums, int8x16_t a, int8x16_t w, int8x16_t b, int8x16_t v, const bool wide) {
    add_products(sums, vmlal_s8(vmull_s8(vget_low_s8(a), vget_low_s8(w)), vget_low_s8(b), vget_low_s8(v)));
    if (wide) {
        add_products(sums + 2, vmlal_high_s8(vmull_high_s8(a, w), b, v));
    }
}

/* Lines of outputs: rows, or columns where these are longer. */
typedef struct lines {
    const eq_depthwise *d;
    const eq_output_stage *stage;
    int32_t count, outputs;      /* of each */
    ptrdiff_t in_line, out_line; /* from line to line */
    ptrdiff_t in_step, out_step; /* from output to output */
    ptrdiff_t right, down;       /* from tap to tap along a line, and across */
    ptrdiff_t weights_down;      /* bytes of packed weights from tap to tap across lines of 3x3 */
    ptrdiff_t *offsets;          /* of the taps from a window's start, MOST_TAPS at a time */
} lines;

enum { MOST_TAPS = 64 }; /* even */

static void find_offsets(const eq_depthwise *d, int32_t first, int32_t count, ptrdiff_t *offsets) {
    int32_t y = first / d->width, x = first % d->width;
    for (int32_t i = 0; i < count; i++) {
        offsets[i] = y * d->tap_row + x * d->tap_column;
        if (++x == d->width) {
            x = 0, y++;
        }
    }
}

EQ_INLINE void add_taps(const int8_t *const *windows, const ptrdiff_t *offset, int32_t taps, const int8_t *weights,
                        int32x4_t sums[2][4], bool in_pairs, const int windows_count, const bool wide) {
    const ptrdiff_t *end = offset + taps;
    for (; in_pairs && end - offset > 1; offset += 2, weights += 32) {
        const int8x16_t w = load(weights, wide), v = load(weights + 16, wide);
        EQ_UNROLL
        for (int i = 0; i < windows_count; i++) {
            add_two_taps(sums[i], load(windows[i] + offset[0], wide), w, load(windows[i] + offset[1], wide), v, wide);
        }
    }
    for (; offset != end; offset++, weights += 16) {
        const int8x16_t w = load(weights, wide);
        EQ_UNROLL
        for (int i = 0; i < windows_count; i++) {
            add_tap(sums[i], load(windows[i] + *offset, wide), w, wide);
        }
    }
}

/* One output, or two adjacent ones, which share the weights. */
EQ_INLINE void run_outputs(const lines *l, const eq_channels *c, const eq_channel_scale *scale, const int8_t *in, int8_t *out,
                           const int count, const bool wide) {
    const int8_t *windows[2] = {in, in + l->in_step};
    int32x4_t sums[2][4];
    EQ_UNROLL
    for (int i = 0; i < count; i++) {
        EQ_UNROLL
        for (int k = 0; k < (wide ? 4 : 2); k++) {
            sums[i][k] = scale->bias[k];
        }
    }
    const int32_t taps = l->d->height * l->d->width;
    for (int32_t first = 0; first < taps; first += MOST_TAPS) {
        const int32_t some = taps - first < MOST_TAPS ? taps - first : MOST_TAPS;
        if (taps > MOST_TAPS) {
            find_offsets(l->d, first, some, l->offsets);
        }
        add_taps(windows, l->offsets, some, c->weights + (ptrdiff_t)first * 16, sums, c->in_pairs, count, wide);
    }
    EQ_UNROLL
    for (int i = 0; i < count; i++) {
        eq_store_channels(l->stage, scale, sums[i], out + i * l->out_step, c->count, wide, l->stage->small, false);
    }
}

EQ_INLINE void run_line(const lines *l, const eq_channels *c, const eq_channel_scale *scale, const int8_t *in, int8_t *out,
                        const bool wide) {
    int32_t left = l->outputs;
    for (; left > 1; left -= 2, in += 2 * l->in_step, out += 2 * l->out_step) {
        run_outputs(l, c, scale, in, out, 2, wide);
    }
    if (left) {
        run_outputs(l, c, scale, in, out, 1, wide);
    }
}

/* Any kernel. */
EQ_INLINE void run_lines(const lines *l, const eq_channels *c, const int8_t *in, int8_t *out, const bool wide) {
    const eq_channel_scale scale = eq_load_scale(c, wide);
    for (int32_t left = l->count; left > 0; left--, in += l->in_line, out += l->out_line) {
        run_line(l, c, &scale, in, out, wide);
    }
}

/* Three rows at one column. */
typedef struct column {
    int8x16_t top, middle, bottom;
} column;

EQ_INLINE column load_column(const int8_t *in, ptrdiff_t down, const bool wide) {
    return (column){load(in, wide), load(in + down, wide), load(in + 2 * down, wide)};
}

/* clang-format off */
#define PAIR_16(t, u, a, w, b, v) \
    "smull %" #t ".8h, %" #a ".8b, %" #w ".8b\n\tsmull2 %" #u ".8h, %" #a ".16b, %" #w ".16b\n\t" \
    "smlal %" #t ".8h, %" #b ".8b, %" #v ".8b\n\tsmlal2 %" #u ".8h, %" #b ".16b, %" #v ".16b\n\t"
#define ADD_16(t, u) \
    "saddw %0.4s, %0.4s, %" #t ".4h\n\tsaddw2 %1.4s, %1.4s, %" #t ".8h\n\t" \
    "saddw %2.4s, %2.4s, %" #u ".4h\n\tsaddw2 %3.4s, %3.4s, %" #u ".8h\n\t"
/* clang-format on */

/* The sums of 16 channels. With the six vectors of the output stage all registers are taken: written out, since compilers begin the next
 * window before this one is done, and have none left. */
EQ_INLINE void sum_16(const int32x4_t bias[4], const column w[3], column a, column b, column c, int32x4_t sums[4]) {
    register int32x4_t s0 __asm__("v0"), s1 __asm__("v1"), s2 __asm__("v2"), s3 __asm__("v3"); /* neighbours, loaded at once */
    int16x8_t t, u, v, x;
    __asm__(
        "ld1 {v0.4s-v3.4s}, [%26]\n\t"
        "smull %4.8h, %16.8b, %25.8b\n\tsmull2 %5.8h, %16.16b, %25.16b\n\t" PAIR_16(6, 7, 8, 17, 11, 20) ADD_16(4, 5)
            PAIR_16(4, 5, 9, 18, 12, 21) ADD_16(6, 7) PAIR_16(6, 7, 10, 19, 13, 22) ADD_16(4, 5) PAIR_16(4, 5, 14, 23, 15, 24)
                ADD_16(6, 7) ADD_16(4, 5)
        : "=&w"(s0), "=&w"(s1), "=&w"(s2), "=&w"(s3), "=&w"(t), "=&w"(u), "=&w"(v), "=&w"(x)
        : "w"(a.top), "w"(a.middle), "w"(a.bottom), "w"(b.top), "w"(b.middle), "w"(b.bottom), "w"(c.top), "w"(c.middle),
          "w"(c.bottom), "w"(w[0].top), "w"(w[0].middle), "w"(w[0].bottom), "w"(w[1].top), "w"(w[1].middle), "w"(w[1].bottom),
          "w"(w[2].top), "w"(w[2].middle), "w"(w[2].bottom), "r"(bias), "m"(*(const int32x4_t(*)[4])(const void *)bias));
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

typedef struct begin { /* what sums and fused products of 16 channels begin with, in memory */
    int32x4_t bias[4];
    float start[16];
} begin;

/* The outputs of 16 channels whose stage is `plain` and `small`: written out for the same reason. */
EQ_INLINE void store_plain_16(const eq_output_stage *stage, const float32x4_t scale[4], const float start[16],
                              const int32x4_t sums[4], int8_t *out) {
    __asm__ volatile(
        "tbnz %w12, #0, 1f\n\t"
        "fsub v24.4s, %0.4s, %13.4s\n\tfsub v25.4s, %1.4s, %13.4s\n\t"
        "fsub v26.4s, %2.4s, %13.4s\n\tfsub v27.4s, %3.4s, %13.4s\n\t"
        "fmul v24.4s, v24.4s, %4.4s\n\tfmul v25.4s, v25.4s, %5.4s\n\t"
        "fmul v26.4s, v26.4s, %6.4s\n\tfmul v27.4s, v27.4s, %7.4s\n\tb 2f\n"
        "1:\n\tld1 {v24.4s-v27.4s}, [%10]\n\t"
        "fmla v24.4s, %0.4s, %4.4s\n\tfmla v25.4s, %1.4s, %5.4s\n\t"
        "fmla v26.4s, %2.4s, %6.4s\n\tfmla v27.4s, %3.4s, %7.4s\n"
        "2:\n\tfadd v24.4s, v24.4s, %8.4s\n\tfadd v25.4s, v25.4s, %8.4s\n\t"
        "fadd v26.4s, v26.4s, %8.4s\n\tfadd v27.4s, v27.4s, %8.4s\n\t"
        "uzp1 v24.8h, v24.8h, v25.8h\n\tuzp1 v26.8h, v26.8h, v27.8h\n\t"
        "sqxtn v24.8b, v24.8h\n\tsqxtn2 v24.16b, v26.8h\n\tstr q24, [%9]"
        :
        : "w"(sums[0]), "w"(sums[1]), "w"(sums[2]), "w"(sums[3]), "w"(scale[0]), "w"(scale[1]), "w"(scale[2]), "w"(scale[3]),
          "w"(stage->rounding), "r"(out), "r"(start), "m"(*(const float (*)[16])start), "r"((uint32_t)stage->fused),
          "w"(stage->magic)
        : "v24", "v25", "v26", "v27", "memory");
}

/* The output of a 3x3 window, its taps in pairs. */
EQ_INLINE void run_3x3(const eq_output_stage *stage, const eq_channel_scale *scale, const column w[3], column a, column b,
                       column c, int8_t *out, const begin *begin, const bool wide, const bool small, const bool plain) {
    int32x4_t sums[4] = {scale->bias[0], scale->bias[1], scale->bias[2], scale->bias[3]};
    if (begin && wide) {
        sum_16(begin->bias, w, a, b, c, sums);
        store_plain_16(stage, scale->scale, begin->start, sums, out);
        return;
    }
    add_two_taps(sums, a.top, w[0].top, b.top, w[1].top, wide);
    add_two_taps(sums, a.middle, w[0].middle, b.middle, w[1].middle, wide);
    add_two_taps(sums, a.bottom, w[0].bottom, b.bottom, w[1].bottom, wide);
    add_two_taps(sums, c.top, w[2].top, c.middle, w[2].middle, wide);
    add_tap(sums, c.bottom, w[2].bottom, wide);
    eq_store_channels(stage, scale, sums, out, wide ? 16 : 8, wide, small, plain);
}

/* A 3x3 kernel: the weights stay in registers, and if `plain`, which most layers are, columns too. */
EQ_INLINE void run_lines_3x3(const lines *l, const eq_channels *c, const int8_t *in, int8_t *out, const bool wide,
                             const bool small, const bool plain) {
    const eq_channel_scale scale = eq_load_scale(c, wide);
    const eq_output_stage stage = *l->stage;
    const ptrdiff_t down = l->down, right = l->right, in_step = l->in_step, out_step = l->out_step;
    const ptrdiff_t weights_down = l->weights_down, weights_right = 64 - weights_down;
    const column w[3] = {load_column(c->weights, weights_down, wide),
                         load_column(c->weights + weights_right, weights_down, wide),
                         load_column(c->weights + 2 * weights_right, weights_down, wide)};
    begin begin;
    EQ_UNROLL
    for (int i = 0; wide && i < 4; i++) {
        begin.bias[i] = scale.bias[i];
        vst1q_f32(begin.start + 4 * i, eq_fused_starts(scale.scale[i]));
    }
    const int32_t outputs = l->outputs;
    for (int32_t lines_left = l->count; lines_left > 0; lines_left--, in += l->in_line, out += l->out_line) {
        const int8_t *next = in;
        int8_t *to = out;
        int32_t left = outputs;
        if (plain && in_step == right && left >= 3) { /* neighbours share two columns, which change places instead of moving */
            column x = load_column(next, down, wide), y = load_column(next + right, down, wide), z;
            next += 2 * right;
            for (; left >= 3; left -= 3) {
                z = load_column(next, down, wide), next += right;
                run_3x3(&stage, &scale, w, x, y, z, to, &begin, wide, small, plain), to += out_step;
                x = load_column(next, down, wide), next += right;
                run_3x3(&stage, &scale, w, y, z, x, to, &begin, wide, small, plain), to += out_step;
                y = load_column(next, down, wide), next += right;
                run_3x3(&stage, &scale, w, z, x, y, to, &begin, wide, small, plain), to += out_step;
            }
            next -= 2 * right;
        }
        for (; left > 0; left--, next += in_step, to += out_step) {
            run_3x3(&stage, &scale, w, load_column(next, down, wide), load_column(next + right, down, wide),
                    load_column(next + 2 * right, down, wide), to, NULL, wide, small, plain);
        }
    }
}

typedef void (*run_lines_fn)(const lines *l, const eq_channels *c, const int8_t *in, int8_t *out);

#define RUN_LINES(name, function, ...)                                                                                \
    static __attribute__((noinline)) void name(const lines *l, const eq_channels *c, const int8_t *in, int8_t *out) { \
        function(l, c, in, out, __VA_ARGS__);                                                                         \
    }

RUN_LINES(run_16, run_lines, true)
RUN_LINES(run_8, run_lines, false)
RUN_LINES(run_16_3x3_plain, run_lines_3x3, true, true, true)
RUN_LINES(run_16_3x3_any, run_lines_3x3, true, l->stage->small, false)
RUN_LINES(run_8_3x3_plain, run_lines_3x3, false, true, true)
RUN_LINES(run_8_3x3_any, run_lines_3x3, false, l->stage->small, false)

static run_lines_fn choose(const lines *l, const eq_channels *c) {
    if (l->d->height != 3 || l->d->width != 3 || !c->in_pairs || c->count < 8) {
        return c->wide ? run_16 : run_8;
    }
    if (l->stage->small && l->stage->plain) {
        return c->wide ? run_16_3x3_plain : run_8_3x3_plain;
    }
    return c->wide ? run_16_3x3_any : run_8_3x3_any;
}

/* The channels from `first` on: 16 of them, or 8 if no more than 8 are left. */
static eq_channels next_channels(const eq_depthwise *d, int32_t first) {
    const int32_t left = d->channels - first;
    if (left > 8 && d->channels >= 16) {
        return eq_channels_at(d, left < 16 ? d->channels - 16 : first, true);
    }
    return eq_eight_channels(d, first);
}

void eq_neon64_depthwise_run(const eq_depthwise *d, const int8_t *in, int8_t *out, int32_t rows) {
    const eq_output_stage stage = eq_output_stage_of(d->zero_point, d->min, d->max, d->small);
    const bool by_columns = rows > d->out_width;
    const int32_t taps = d->height * d->width;
    ptrdiff_t offsets[MOST_TAPS];
    lines l = {
        .d = d,
        .stage = &stage,
        .count = rows,
        .outputs = d->out_width,
        .in_line = d->in_row,
        .out_line = d->out_row,
        .in_step = d->in_column,
        .out_step = d->channels,
        .right = d->tap_column,
        .down = d->tap_row,
        .weights_down = 48,
        .offsets = offsets,
    };
    if (by_columns) {
        l.count = d->out_width, l.outputs = rows;
        l.in_line = d->in_column, l.out_line = d->channels, l.in_step = d->in_row, l.out_step = d->out_row;
        l.right = d->tap_row, l.down = d->tap_column, l.weights_down = 16;
    }
    find_offsets(d, 0, taps < MOST_TAPS ? taps : MOST_TAPS, offsets);
    for (int32_t done = 0; done < d->channels;) {
        const eq_channels c = next_channels(d, done);
        choose(&l, &c)(&l, &c, in + c.first, out + c.first);
        done = c.first + (c.wide ? 16 : 8);
    }
}
