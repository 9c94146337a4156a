/* For templates: functions that are compiled anew for each set of constant arguments. */
#ifndef EQ_INLINE_H
#define EQ_INLINE_H

#define EQ_INLINE static inline __attribute__((always_inline))

/* Before a loop over registers with a constant count: gcc -O2 keeps arrays that it indexes in memory. */
#define EQ_UNROLL _Pragma("GCC unroll 16")

#endif
