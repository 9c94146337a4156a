/* Time that only goes forward: what steps take, and how long to wait. */
#ifndef EQ_CLOCK_H
#define EQ_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t eq_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

#endif
