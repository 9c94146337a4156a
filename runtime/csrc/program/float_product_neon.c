/* Compiled with NEON on 32-bit ARM, and empty elsewhere. */
#include "float_product.h"

#ifdef __arm__
DEFINE_FLOAT_PRODUCT(float_product_neon, 16)
#else
typedef int float_product_neon_is_for_arm; /* C has no empty files */
#endif
