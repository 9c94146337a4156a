/* A session's threads: they spin between the steps of a run and for a moment after it, then sleep on a condition. */
#ifndef EQ_THREADS_H
#define EQ_THREADS_H

#include "plan/plan.h"

typedef struct eq_pool eq_pool;

/* A pool of `threads` - 1 threads beside the caller's; `scratch` has threads * scratch_stride bytes. NULL: no thread or memory. */
eq_pool *eq_pool_start(int32_t threads, uint8_t *scratch, size_t scratch_stride);
void eq_pool_stop(eq_pool *pool);
/* Around the steps of a run. */
void eq_pool_begin(eq_pool *pool);
void eq_pool_end(eq_pool *pool);
/* Do all units of a step on all threads; returns when they are done. */
void eq_pool_run(eq_pool *pool, const eq_step *step, const eq_storage *storage);

#endif
