/* Memory that is freed together, counted against a limit. */
#ifndef EQ_MEMORY_H
#define EQ_MEMORY_H

#include "error.h"

typedef struct eq_memory_block eq_memory_block; /* a chain; NULL is the empty one */

/* Zeroed bytes, aligned to 64, kept in `chain`; NULL if the system has no memory. */
void *eq_memory_take(eq_memory_block **chain, size_t bytes);
void eq_memory_free(eq_memory_block **chain);

/* a * b, or SIZE_MAX if that overflows. */
size_t eq_size_times(size_t a, size_t b);

#endif
