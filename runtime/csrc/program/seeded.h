/* Inputs for those who give none: the same on every machine, and over the whole range of int8. */
#ifndef SEEDED_H
#define SEEDED_H

#include "edgequant.h"

/* Fill an input. Value number n (from 0, counted through all inputs in their order) comes from
 *     z = (n + 1) * 0x9e3779b97f4a7c15;  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;  z = (z ^ z >> 27) * 0x94d049bb133111eb;
 *     z = z ^ z >> 31                                                     (SplitMix64 with seed 0, modulo 2^64)
 * int8, uint8: the top 8 bits of z; float32: its top 24 bits, as a number from -1 to 1; others: its top bit, 0 or 1, since
 * they may be indices. `*next` is the number of the first value, and afterwards of the one behind the last. */
void seeded_fill(const eq_tensor_info *info, void *values, uint64_t *next);

#endif
