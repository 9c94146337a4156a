/* LiteRT's table for the logistic function and the hyperbolic tangent of int16. */
#ifndef EQ_SIGMOID_H
#define EQ_SIGMOID_H

#include <stdint.h>

/* 2^16 / (1 + exp(-i / 24)), off by one here and there: read from the results of LiteRT's TANH. */
extern const uint16_t eq_sigmoid_table[256];

#endif
