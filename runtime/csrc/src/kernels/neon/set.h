#ifndef EQ_NEON_SET_H
#define EQ_NEON_SET_H

#ifdef __arm__
#include "../armv6/set.h"
#define EQ_NEON_BASE_SET EQ_ARMV6_SET
#else
#include "../scalar/set.h"
#define EQ_NEON_BASE_SET EQ_SCALAR_SET
#endif

#define EQ_NEON_SET EQ_NEON_BASE_SET

#endif
