#ifndef EQ_I8MM_SET_H
#define EQ_I8MM_SET_H

#include "../dotprod/set.h"

#define EQ_I8MM_SET EQ_DOTPROD_SET

#endif
