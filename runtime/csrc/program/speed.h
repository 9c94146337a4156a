/* How fast this CPU multiplies matrices on one core, everything in its first cache: what int8 can gain here. */
#ifndef SPEED_H
#define SPEED_H

/* Multiplications and additions in a second, each counted. */
double speed_int8(void);    /* with the engine's best kernels */
double speed_float32(void); /* with this compiler's best vectors */

#endif
