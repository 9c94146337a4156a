#ifndef EQ_AVX512VNNI_SET_H
#define EQ_AVX512VNNI_SET_H

#include "../avx2/set.h"

#define EQ_AVX512VNNI_SET EQ_AVX2_SET

#endif
