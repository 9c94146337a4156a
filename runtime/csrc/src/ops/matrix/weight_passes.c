/* Plain loops over blocks whose sums fit a narrow type: compiled with -O3, they become vectors on every CPU that has some. The C
 * library's memchr, of which a static program has one that goes byte by byte, took half of what opening takes. */
#include "weight_passes.h"

enum { BLOCK = 128 }; /* 128 * 128 fits int16, 128 * 511 int32 */

static size_t block_at(size_t at, size_t count) {
    return count - at < BLOCK ? count - at : BLOCK;
}

eq_weight_sums eq_weight_sums_of(const int8_t *weights, size_t count) {
    eq_weight_sums sums = {0};
    for (size_t at = 0; at < count; at += BLOCK) {
        const size_t block = block_at(at, count);
        int16_t all = 0, positive = 0;
        for (size_t i = 0; i < block; ++i) {
            const int8_t w = weights[at + i];
            all = (int16_t)(all + w);
            positive = (int16_t)(positive + (w > 0 ? w : 0));
        }
        sums.all += all;
        sums.positive += positive;
    }
    return sums;
}

eq_weight_sums eq_weight_sums_of_shifted(const int16_t *weights, size_t count) {
    eq_weight_sums sums = {0};
    for (size_t at = 0; at < count; at += BLOCK) {
        const size_t block = block_at(at, count);
        int32_t all = 0, positive = 0;
        for (size_t i = 0; i < block; ++i) {
            const int16_t w = weights[at + i];
            all += w;
            positive += w > 0 ? w : 0;
        }
        sums.all += all;
        sums.positive += positive;
    }
    return sums;
}

eq_weight_range eq_weight_range_of(const int8_t *weights, size_t count) {
    int8_t least = INT8_MAX, most = INT8_MIN;
    for (size_t i = 0; i < count; ++i) {
        least = weights[i] < least ? weights[i] : least;
        most = weights[i] > most ? weights[i] : most;
    }
    return (eq_weight_range){least, most};
}

void eq_weights_shift(const int8_t *weights, size_t count, int32_t zero_point, int16_t *shifted) {
    const int16_t shift = (int16_t)zero_point;
    for (size_t i = 0; i < count; ++i) {
        shifted[i] = (int16_t)(weights[i] - shift);
    }
}

void eq_weights_split(int16_t *rest, size_t count, int16_t least, int8_t *pieces) {
    for (size_t i = 0; i < count; ++i) {
        int16_t piece = rest[i] < least ? least : rest[i];
        piece = piece > 127 ? 127 : piece;
        rest[i] = (int16_t)(rest[i] - piece);
        pieces[i] = (int8_t)piece;
    }
}
