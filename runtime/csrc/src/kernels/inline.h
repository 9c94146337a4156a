/* For templates: functions that are compiled anew for each set of constant arguments. */
#ifndef EQ_INLINE_H
#define EQ_INLINE_H

#define EQ_INLINE static inline __attribute__((always_inline))

#endif
