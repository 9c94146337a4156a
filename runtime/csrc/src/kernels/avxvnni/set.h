#ifndef EQ_AVXVNNI_SET_H
#define EQ_AVXVNNI_SET_H

#include "../avx2/set.h"

#define EQ_AVXVNNI_SET EQ_AVX2_SET

#endif
