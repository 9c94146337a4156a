#ifndef EQ_AVX2_SET_H
#define EQ_AVX2_SET_H

#include "../scalar/set.h"

#define EQ_AVX2_SET EQ_SCALAR_SET

#endif
