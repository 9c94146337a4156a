#include "halves.h"

#include "set.h"

#include "kernels/winograd_f16_template.h"
