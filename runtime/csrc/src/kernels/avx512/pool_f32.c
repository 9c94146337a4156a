/* Pools and resizing of float32. */
#include "floats.h"

#include "set.h"

#include "kernels/pool_f32_template.h"
