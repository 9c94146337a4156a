#ifndef EQ_AVX512VBMI_SET_H
#define EQ_AVX512VBMI_SET_H

#include "kernels/avx512vnni/set.h"

void eq_avx512vbmi_lookup(const int8_t table[256], const int8_t *in, int8_t *out, size_t n);

#define EQ_AVX512VBMI_SET EQ_AVX512VNNI_SET, .lookup = eq_avx512vbmi_lookup

#endif
