/* A session's threads.
 *
 * The caller publishes a step by raising `generation`; every worker takes chunks of units until none are left and then
 * reports itself done. While a run goes on workers spin for the next step, since steps follow each other within microseconds;
 * between runs they sleep on the condition. */
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "arithmetic.h"

enum { EQ_SPINS_BEFORE_YIELD = 64 };

struct eq_pool {
    int32_t workers, started;
    uint8_t *scratch;
    size_t scratch_stride;
    pthread_t *threads;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    const eq_step *step; /* published by `generation` */
    const eq_storage *storage;
    int32_t chunk;
    atomic_uint generation;
    atomic_int next;    /* unit that nobody has taken */
    atomic_int working; /* workers that are not done with this generation */
    atomic_bool running, stopping;
    atomic_int sleeping;
};

typedef struct eq_worker {
    eq_pool *pool;
    int32_t number;
} eq_worker;

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__ARM_ARCH) && __ARM_ARCH >= 7)
    __asm__ volatile("yield");
#endif
}

static void work(eq_pool *pool, int32_t number) {
    const eq_step *step = pool->step;
    uint8_t *scratch = pool->scratch + (size_t)number * pool->scratch_stride;
    for (;;) {
        int32_t first = atomic_fetch_add_explicit(&pool->next, pool->chunk, memory_order_relaxed);
        if (first >= step->units) {
            return;
        }
        int32_t last = step->units - first < pool->chunk ? step->units : first + pool->chunk;
        step->run(step, pool->storage, first, last, scratch);
    }
}

/* Spin while a run goes on; false once it is over, true at a generation other than `seen`. */
static bool spin_for_step(eq_pool *pool, unsigned seen) {
    for (uint32_t spin = 1; atomic_load_explicit(&pool->running, memory_order_relaxed); ++spin) {
        if (atomic_load_explicit(&pool->generation, memory_order_acquire) != seen) {
            return true;
        }
        if (spin % EQ_SPINS_BEFORE_YIELD == 0) {
            sched_yield(); /* there may be fewer cores than threads */
        } else {
            relax();
        }
    }
    return false;
}

/* Wait for a generation other than `seen`; false when the pool stops. */
static bool await_step(eq_pool *pool, unsigned seen) {
    while (!spin_for_step(pool, seen)) {
        pthread_mutex_lock(&pool->lock);
        atomic_fetch_add(&pool->sleeping, 1);
        while (!atomic_load(&pool->running) && !atomic_load(&pool->stopping)) {
            pthread_cond_wait(&pool->wake, &pool->lock);
        }
        atomic_fetch_sub(&pool->sleeping, 1);
        pthread_mutex_unlock(&pool->lock);
        if (atomic_load(&pool->stopping)) {
            return false;
        }
    }
    return true;
}

static void *run_worker(void *argument) {
    eq_worker *worker = argument;
    eq_pool *pool = worker->pool;
    int32_t number = worker->number;
    free(worker);
    unsigned seen = 0;
    while (await_step(pool, seen)) {
        ++seen;
        work(pool, number);
        atomic_fetch_sub_explicit(&pool->working, 1, memory_order_release);
    }
    return NULL;
}

static bool start_worker(eq_pool *pool, int32_t number) {
    eq_worker *worker = malloc(sizeof *worker);
    if (!worker) {
        return false;
    }
    *worker = (eq_worker){pool, number};
    if (pthread_create(&pool->threads[number - 1], NULL, run_worker, worker) != 0) {
        free(worker);
        return false;
    }
    pool->started += 1;
    return true;
}

eq_pool *eq_pool_start(int32_t threads, uint8_t *scratch, size_t scratch_stride) {
    eq_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        return NULL;
    }
    pool->workers = threads - 1;
    pool->scratch = scratch;
    pool->scratch_stride = scratch_stride;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->threads = calloc((size_t)pool->workers, sizeof *pool->threads);
    for (int32_t number = 1; number < threads; ++number) {
        if (!pool->threads || !start_worker(pool, number)) {
            eq_pool_stop(pool);
            return NULL;
        }
    }
    return pool;
}

void eq_pool_stop(eq_pool *pool) {
    if (!pool) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stopping, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int32_t i = 0; i < pool->started; ++i) {
        pthread_join(pool->threads[i], NULL);
    }
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}

void eq_pool_begin(eq_pool *pool) {
    atomic_store(&pool->running, true);
    if (atomic_load(&pool->sleeping) > 0) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
}

void eq_pool_end(eq_pool *pool) {
    atomic_store(&pool->running, false);
}

void eq_pool_run(eq_pool *pool, const eq_step *step, const eq_storage *storage) {
    pool->step = step;
    pool->storage = storage;
    pool->chunk = step->units / (4 * (pool->workers + 1)) + 1;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->working, pool->workers, memory_order_relaxed);
    atomic_fetch_add(&pool->generation, 1);
    work(pool, 0);
    for (uint32_t spin = 1; atomic_load_explicit(&pool->working, memory_order_acquire) > 0; ++spin) {
        if (spin % EQ_SPINS_BEFORE_YIELD == 0) {
            sched_yield();
        } else {
            relax();
        }
    }
}
