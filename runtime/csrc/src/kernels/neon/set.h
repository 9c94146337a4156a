/* The NEON set. This folder holds what ARMv7 and AArch64 share: the elementwise kernels. The matrix product and the depthwise
 * convolution differ too much (16 registers of 128 bits against 32): ../neon32 has those of ARMv7, ../neon64 of AArch64. */
#ifndef EQ_NEON_SET_H
#define EQ_NEON_SET_H

#ifdef __arm__
#include "../armv6/set.h"
#define EQ_NEON_BASE_SET EQ_ARMV6_SET
#else
#include "../neon64/set.h"
#define EQ_NEON_BASE_SET EQ_NEON64_SET
#endif

#define EQ_NEON_SET EQ_NEON_BASE_SET

#endif
