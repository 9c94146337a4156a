/* Winograd's transforms of float16: the specification. */
#include "halves.h"

#include "set.h"

#undef EQ_UNROLL
#define EQ_UNROLL /* a value at a time keeps nothing in registers: half of the code */
#include "kernels/winograd_f16_template.h"
