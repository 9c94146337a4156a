#include "halves.h"

#include "set.h"

#include "kernels/binary_f16_template.h"
