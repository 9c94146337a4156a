/* Pools and resizing of float32. */
#include "four_floats.h"

#include "set.h"

#include "kernels/pool_f32_template.h"
