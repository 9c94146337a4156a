/* A session's threads.
 *
 * The caller publishes a step in `state`; workers that are awake join it, take chunks of units until none are left, and report
 * themselves done. Each begins with its own share of the units, the same part of the image in every step, so that it reads what
 * it wrote, which is in its cache; then it helps with the others' shares. When no units are left the caller closes the step
 * and waits for those that joined, not for those that slept.
 * A step of a small network takes microseconds, of which cache lines that travel from core to core are a part: what is published
 * lies in one line, and a share's count is left as it is between steps, in the cache of the thread whose share it is.
 * While a run goes on workers spin for the next step, since steps follow each other within microseconds. They do so for a moment
 * after it as well, as waking a thread costs about what a small network does and runs often come one after the other; then they
 * sleep on the condition. */
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arithmetic/arithmetic.h"
#include "base/clock.h"
#include "plan/fill.h"

enum { EQ_SPINS_BEFORE_YIELD = 1024 };

/* How long a worker stays awake after a run: several times what waking it costs, which was 14 microseconds on an x86-64. */
enum { EQ_AWAKE_NANOSECONDS = 100 * 1000 };

/* Kernels keep up to 80 KB of rows and sums on the stack; musl gives a thread 128 KB, glibc 8 MB. */
enum { EQ_STACK_BYTES = 512 * 1024 };

/* `state`: the step's number, whether it can be joined, and how many workers have. */
enum { EQ_STATE_STEP = 1 << 16, EQ_STATE_OPEN = 1 << 15, EQ_STATE_JOINED = EQ_STATE_OPEN - 1 };

enum { EQ_SHARE_CHUNKS = 2, EQ_CACHE_LINE = 64 };

/* How many chunks of a thread's share are taken, below EQ_STATE_STEP, and in which step: in any other none are. */
typedef struct eq_share {
    _Alignas(EQ_CACHE_LINE) atomic_uint taken;
} eq_share;

struct eq_pool {
    int32_t workers, started;
    uint8_t *scratch;
    size_t scratch_stride;
    pid_t process; /* that the threads belong to: a fork has a copy of the pool, but no threads to wait for */
    pthread_t *threads;
    eq_share *shares; /* one for each thread, the caller's first */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* What the caller writes for a step and workers watch, and what they write stay apart. */
    _Alignas(EQ_CACHE_LINE) const eq_step *step; /* published by `state` */
    const eq_storage *storage;
    atomic_uint state;
    atomic_bool running, stopping;
    _Alignas(EQ_CACHE_LINE) atomic_uint done; /* workers that joined and are through */
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

/* Take the next chunk of a share in this step; EQ_SHARE_CHUNKS: none is left. */
static unsigned take_chunk(eq_share *share, unsigned step) {
    unsigned taken = atomic_load_explicit(&share->taken, memory_order_relaxed);
    for (;;) {
        const unsigned chunk = taken / EQ_STATE_STEP == step ? taken % EQ_STATE_STEP : 0;
        if (chunk == EQ_SHARE_CHUNKS ||
            atomic_compare_exchange_weak_explicit(&share->taken, &taken, step * EQ_STATE_STEP + chunk + 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            return chunk;
        }
    }
}

/* The units are divided evenly among the threads, and a thread's among its chunks. */
static void work(eq_pool *pool, unsigned number, int32_t thread) {
    const eq_step *step = pool->step;
    const int32_t threads = pool->workers + 1;
    uint8_t *scratch = pool->scratch + (size_t)thread * pool->scratch_stride;
    for (int32_t i = 0; i < threads; ++i) {
        const int32_t owner = thread + i < threads ? thread + i : thread + i - threads;
        const int64_t begin = (int64_t)step->units * owner / threads, end = (int64_t)step->units * (owner + 1) / threads;
        for (unsigned chunk; (chunk = take_chunk(&pool->shares[owner], number)) < EQ_SHARE_CHUNKS;) {
            const int64_t first = begin + (end - begin) * chunk / EQ_SHARE_CHUNKS;
            const int64_t last = begin + (end - begin) * (chunk + 1) / EQ_SHARE_CHUNKS;
            if (first < last) {
                eq_step_run(step, pool->storage, (int32_t)first, (int32_t)last, scratch);
            }
        }
    }
}

/* Join the step that `state` publishes, if it is open and not `*seen`, which becomes its number. */
static bool join(eq_pool *pool, unsigned *seen) {
    unsigned state = atomic_load_explicit(&pool->state, memory_order_relaxed);
    const unsigned number = state / EQ_STATE_STEP;
    if (number == *seen || !(state & EQ_STATE_OPEN) ||
        !atomic_compare_exchange_strong_explicit(&pool->state, &state, state + 1, memory_order_acquire, memory_order_relaxed)) {
        return false;
    }
    *seen = number;
    return true;
}

/* Whether a worker that found no step is to look again: in a run always, after it until `*until`, which the first call sets. */
static bool stay_awake(eq_pool *pool, uint64_t *until) {
    if (atomic_load_explicit(&pool->running, memory_order_relaxed)) {
        *until = 0;
        return true;
    }
    if (atomic_load_explicit(&pool->stopping, memory_order_relaxed)) {
        return false;
    }
    const uint64_t now = eq_nanoseconds();
    if (*until == 0) {
        *until = now + EQ_AWAKE_NANOSECONDS;
    }
    return now < *until;
}

static void take_steps(eq_pool *pool, int32_t number) {
    unsigned seen = 0;
    uint64_t until = 0;
    for (uint32_t spin = 1; stay_awake(pool, &until); ++spin) {
        if (join(pool, &seen)) {
            work(pool, seen, number);
            atomic_fetch_add_explicit(&pool->done, 1, memory_order_release);
        } else if (spin % EQ_SPINS_BEFORE_YIELD == 0) {
            sched_yield(); /* there may be fewer cores than threads */
        } else {
            relax();
        }
    }
}

/* Sleep until a run begins; false when the pool stops. */
static bool await_run(eq_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    while (!atomic_load(&pool->running) && !atomic_load(&pool->stopping)) {
        pthread_cond_wait(&pool->wake, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return !atomic_load(&pool->stopping);
}

static void *run_worker(void *argument) {
    eq_worker *worker = argument;
    eq_pool *pool = worker->pool;
    int32_t number = worker->number;
    free(worker);
    while (await_run(pool)) {
        take_steps(pool, number);
    }
    return NULL;
}

static bool start_worker(eq_pool *pool, int32_t number) {
    eq_worker *worker = malloc(sizeof *worker);
    if (!worker) {
        return false;
    }
    *worker = (eq_worker){pool, number};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, EQ_STACK_BYTES);
    bool started = pthread_create(&pool->threads[number - 1], &attributes, run_worker, worker) == 0;
    pthread_attr_destroy(&attributes);
    if (started) {
        pool->started += 1;
    } else {
        free(worker);
    }
    return started;
}

static void *aligned_zeros(size_t bytes) {
    void *memory;
    return posix_memalign(&memory, EQ_CACHE_LINE, bytes) == 0 ? memset(memory, 0, bytes) : NULL;
}

eq_pool *eq_pool_start(int32_t threads, uint8_t *scratch, size_t scratch_stride) {
    eq_pool *pool = aligned_zeros(sizeof *pool);
    if (!pool) {
        return NULL;
    }
    pool->process = getpid();
    pool->workers = threads - 1;
    pool->scratch = scratch;
    pool->scratch_stride = scratch_stride;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->threads = calloc((size_t)pool->workers, sizeof *pool->threads);
    pool->shares = aligned_zeros((size_t)threads * sizeof *pool->shares);
    bool started = pool->threads && pool->shares;
    for (int32_t number = 1; started && number < threads; ++number) {
        started = start_worker(pool, number);
    }
    if (!started) {
        eq_pool_stop(pool);
        return NULL;
    }
    return pool;
}

static void end_workers(eq_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stopping, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int32_t i = 0; i < pool->started; ++i) {
        pthread_join(pool->threads[i], NULL);
    }
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
}

void eq_pool_stop(eq_pool *pool) {
    if (!pool) {
        return;
    }
    if (pool->process == getpid()) {
        end_workers(pool);
    }
    free(pool->shares);
    free(pool->threads);
    free(pool);
}

void eq_pool_begin(eq_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->running, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

void eq_pool_end(eq_pool *pool) {
    atomic_store(&pool->running, false);
}

void eq_pool_run(eq_pool *pool, const eq_step *step, const eq_storage *storage) {
    pool->step = step;
    pool->storage = storage;
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    unsigned number = (atomic_load_explicit(&pool->state, memory_order_relaxed) + EQ_STATE_STEP) / EQ_STATE_STEP;
    atomic_store_explicit(&pool->state, number * EQ_STATE_STEP + EQ_STATE_OPEN, memory_order_release);
    work(pool, number, 0);
    unsigned closed = atomic_fetch_and_explicit(&pool->state, ~(unsigned)EQ_STATE_OPEN, memory_order_acq_rel);
    unsigned joined = closed & EQ_STATE_JOINED;
    for (uint32_t spin = 1; atomic_load_explicit(&pool->done, memory_order_acquire) != joined; ++spin) {
        if (spin % EQ_SPINS_BEFORE_YIELD == 0) {
            sched_yield();
        } else {
            relax();
        }
    }
}
