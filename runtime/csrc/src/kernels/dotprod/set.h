#ifndef EQ_DOTPROD_SET_H
#define EQ_DOTPROD_SET_H

#include "../neon/set.h"

#define EQ_DOTPROD_SET EQ_NEON_SET

#endif
