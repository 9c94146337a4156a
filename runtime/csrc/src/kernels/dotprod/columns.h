/* Depthwise convolution with SDOT: the bytes of four input rows are
 * interleaved, so that one instruction adds four vertical taps of each channel.
 */
#ifndef EQ_DOTPROD_COLUMNS_H
#define EQ_DOTPROD_COLUMNS_H

#include "kernels/neon64/channels.h"

/* Eight channels of four rows at one column: (channel, row). */
typedef struct column {
    int8x16_t low, high;
} column;

EQ_INLINE column interleave(int8x8_t a, int8x8_t b, int8x8_t c, int8x8_t d) {
    const int8x16_t none = vdupq_n_s8(0);
    const int8x16_t ab = vzip1q_s8(vcombine_s8(a, vget_low_s8(none)), vcombine_s8(b, vget_low_s8(none)));
    const int8x16_t cd = vzip1q_s8(vcombine_s8(c, vget_low_s8(none)), vcombine_s8(d, vget_low_s8(none)));
    return (column){
        vreinterpretq_s8_s16(vzip1q_s16(vreinterpretq_s16_s8(ab), vreinterpretq_s16_s8(cd))),
        vreinterpretq_s8_s16(vzip2q_s16(vreinterpretq_s16_s8(ab), vreinterpretq_s16_s8(cd))),
    };
}

/* Go on to the next two rows of outputs, with stride 1. If one is left, it comes with the row before it once more. Returns whether
 * there is any. */
EQ_INLINE bool eq_next_two_rows(const eq_depthwise *d, const int8_t **in, int8_t **out, int32_t *rows) {
    *rows -= 2;
    const ptrdiff_t step = *rows < 2 ? *rows : 2;
    *in += step * d->in_row;
    *out += step * d->out_row;
    return *rows > 0;
}

/* `rows` rows, at least two, of outputs of eight channels, of a kernel that is 4 to 7
 * high and at most EQ_TALL_WIDTH wide, with stride 1. */
enum { EQ_TALL_WIDTH = 7 };
void eq_dotprod_tall_rows(const eq_depthwise *d, const eq_channels *c, const eq_output_stage *stage, const int8_t *in,
                          int8_t *out, int32_t rows);

#endif
