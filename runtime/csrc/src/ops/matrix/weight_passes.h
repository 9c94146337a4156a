/* Passes over the weights of a whole layer, which are most of what opening a model costs. */
#ifndef EQ_WEIGHT_PASSES_H
#define EQ_WEIGHT_PASSES_H

#include <stddef.h>
#include <stdint.h>

typedef struct eq_weight_sums {
    int64_t all, positive; /* of all weights; of those above 0 */
} eq_weight_sums;

eq_weight_sums eq_weight_sums_of(const int8_t *weights, size_t count);

/* The same of weights minus their zero point. */
eq_weight_sums eq_weight_sums_of_shifted(const int16_t *weights, size_t count);

typedef struct eq_weight_range {
    int32_t least, most; /* of none: 127 and -128 */
} eq_weight_range;

eq_weight_range eq_weight_range_of(const int8_t *weights, size_t count);

/* shifted[i] = weights[i] - zero_point */
void eq_weights_shift(const int8_t *weights, size_t count, int32_t zero_point, int16_t *shifted);

/* pieces[i] = what of rest[i] fits `least` to 127; the rest stays. */
void eq_weights_split(int16_t *rest, size_t count, int16_t least, int8_t *pieces);

#endif
