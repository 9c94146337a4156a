/* Seeded random shapes and values, and the comparison of two kernels' results. */
#ifndef EQ_RANDOM_CASES_H
#define EQ_RANDOM_CASES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "kernels/kernels.h"

enum { SKIPPED = 77 }; /* what a test returns that cannot run here */

static uint64_t random_state;

static inline uint32_t random_bits(void) { /* splitmix64 */
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

static inline int32_t random_between(int32_t low, int32_t high) {
    return low + (int32_t)(random_bits() % (uint32_t)(high - low + 1));
}

#define PICK(...) pick((const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static inline int32_t pick(const int32_t *values, size_t count) {
    return values[random_bits() % count];
}

static inline void *take(size_t bytes) {
    void *data = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
    if (!data) {
        abort();
    }
    return memset(data, 0, bytes);
}

/* Of exactly this size. */
static inline int8_t *take_exact(size_t bytes) {
    int8_t *data = malloc(bytes ? bytes : 1);
    if (!data) {
        abort();
    }
    return data;
}

static inline void fill(int8_t *data, size_t n, int32_t lowest) {
    const int32_t kind = random_between(0, 3);
    for (size_t i = 0; i < n; i++) {
        data[i] = (int8_t)(kind == 0 ? PICK(lowest, 127) : kind == 1 ? random_between(-4, 4) : random_between(lowest, 127));
    }
}

static inline float random_scale(void) {
    const float powers[] = {0.5f, 0.25f, 1.0f, 0.125f, 1.5f, 3.0f};
    const float size[] = {1e-6f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1.0f};
    if (random_between(0, 3) == 0) {
        return powers[random_bits() % 6];
    }
    return size[random_bits() % 6] * (1.0f + (float)random_between(0, 1000) / 250.0f);
}

typedef struct output_range {
    int32_t zero_point, min, max;
} output_range;

static inline output_range random_range(void) {
    output_range range = {PICK(-128, -1, 0, 3, 127, random_between(-128, 127)), -128, 127};
    if (random_between(0, 1)) {
        range.min = random_between(-128, 127);
    }
    if (random_between(0, 1)) {
        range.max = random_between(range.min, 127);
    }
    return range;
}

/* Where the CPU is said to have a set, by its name in EQ_TEST_BEST_SET, it must be the best that this CPU runs: else an emulator
 * with another CPU, or a mistake in finding the CPU's features, would leave kernels untested without a word. */
static inline void require_best_set(const eq_cpu *cpu) {
    const char *told = getenv("EQ_TEST_BEST_SET");
    const eq_kernels *best = NULL, *set;
    for (int32_t i = 0; (set = eq_kernels_at(cpu, i)); i++) {
        best = set;
    }
    if (told && strcmp(told, best->name) != 0) {
        printf("the best kernels here are '%s', not '%s'\n", best->name, told);
        exit(1);
    }
}

static const char *set_name, *kernel_name;

static inline void expect_equal(const void *expected, const void *actual, size_t bytes, const char *parameters) {
    if (memcmp(expected, actual, bytes) == 0) {
        return;
    }
    size_t at = 0;
    while (((const int8_t *)expected)[at] == ((const int8_t *)actual)[at]) {
        at++;
    }
    printf("%s %s: byte %zu of %zu is %d, not %d\n%s\n", set_name, kernel_name, at, bytes, ((const int8_t *)actual)[at],
           ((const int8_t *)expected)[at], parameters);
    exit(1);
}

/* Run test_<kernel> `cases` times if the set has a kernel of its own there. */
#define TEST(kernel, member, cases)                                               \
    do {                                                                          \
        if (set->member == slower->member)                                        \
            break;                                                                \
        set_name = set->name, kernel_name = #kernel, random_state = 1;            \
        for (long i = 0; i < (cases); i++)                                        \
            test_##kernel(scalar, set);                                           \
        printf("%s %s: %ld cases equal\n", set_name, kernel_name, (long)(cases)); \
        fflush(stdout);                                                           \
    } while (0)

/* The main of a test: `TEST [CASES [SET]]` tests each set that this CPU runs, or the one that is named, against the scalar set. */
static inline int test_every_set(int argc, char **argv,
                                 void (*test)(const eq_kernels *scalar, const eq_kernels *set, const eq_kernels *slower,
                                              long cases)) {
    const long cases = argc > 1 ? atol(argv[1]) : 300;
    eq_cpu cpu;
    eq_cpu_detect(&cpu);
    require_best_set(&cpu);
    const eq_kernels *scalar = eq_kernels_at(&cpu, 0), *slower = scalar, *set;
    for (int32_t i = 1; (set = eq_kernels_at(&cpu, i)); slower = set, i++) {
        if (argc <= 2 || strcmp(argv[2], set->name) == 0) {
            test(scalar, set, slower, cases);
        }
    }
    return 0;
}

#endif
