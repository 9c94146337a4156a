#ifndef EQ_ARMV6_SET_H
#define EQ_ARMV6_SET_H

#include "../scalar/set.h"

#define EQ_ARMV6_SET EQ_SCALAR_SET

#endif
