/* LiteRT's table for the logistic function and the hyperbolic tangent of int16. */
#ifndef EQ_SIGMOID_H
#define EQ_SIGMOID_H

#include <stdint.h>

/* 2^16 / (1 + exp(-i / 24)), off by one here and there: read from the results of LiteRT's TANH. */
extern const uint16_t eq_sigmoid_table[256];

/* The logistic function times 2^15, of x in units of 1 / (3 * 4096), with lines between the table's values. */
static inline int16_t eq_sigmoid_s16(int32_t x) {
    const uint32_t size = (uint32_t)(x < 0 ? -x : x), place = size >> 9;
    uint32_t y = UINT32_C(0x7fff) << 10;
    if (place < 255) {
        y = ((uint32_t)eq_sigmoid_table[place] << 9) +
            (size & 0x1ff) * ((uint32_t)(eq_sigmoid_table[place + 1] - eq_sigmoid_table[place]));
    }
    y = x >= 0 ? y + (1 << 9) : (1u << 25) - y + (1 << 9) - 1;
    return (int16_t)(y >> 10);
}

/* The hyperbolic tangent in the same way. */
static inline int16_t eq_tanh_s16(int32_t x) {
    const uint32_t size = (uint32_t)(x < 0 ? -x : x), place = size >> 8;
    int32_t y = 0xffff << 8;
    if (place < 255) {
        y = (int32_t)(((uint32_t)eq_sigmoid_table[place] << 8) +
                      (size & 0xff) * ((uint32_t)(eq_sigmoid_table[place + 1] - eq_sigmoid_table[place])));
    }
    y = x >= 0 ? y - (1 << 23) + (1 << 7) : -y + (1 << 23) + (1 << 7) - 1;
    return (int16_t)(y >> 8);
}

#endif
