/* Winograd's transforms of float16: the specification. */
#include "halves.h"

#include "set.h"

#include "kernels/winograd_f16_template.h"
