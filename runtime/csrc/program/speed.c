#include "speed.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "failure.h"
#include "float_product.h"
#include "kernels/kernels.h"

enum { TRIALS = 3, TRIAL_MILLISECONDS = 50, DEPTH = 256, COLUMNS = 64, ROWS_MAX = 64, SLACK = 64 };

typedef void (*work)(void *context);

static double seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Calls in a second, of the best of some short trials. */
static double rate(work call, void *context) {
    double best = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        const double begin = seconds();
        double elapsed;
        long calls = 0;
        do {
            for (int i = 0; i < 16; i++, calls++) {
                call(context);
            }
            elapsed = seconds() - begin;
        } while (elapsed < TRIAL_MILLISECONDS * 1e-3);
        best = (double)calls / elapsed > best ? (double)calls / elapsed : best;
    }
    return best;
}

/* ---- int8 ---- */

typedef struct int8_product {
    const eq_gemm_kernel *kernel;
    eq_gemm gemm;
    int32_t rows;
    const int8_t *in[ROWS_MAX];
    int8_t *out[ROWS_MAX];
} int8_product;

static void multiply_int8(void *context) {
    const int8_product *p = context;
    p->kernel->run(&p->gemm, p->in, p->out, p->rows, 0, COLUMNS);
}

/* Zeroed and aligned to 64 bytes, with as many to spare as kernels may read too far. */
static void *take(size_t bytes) {
    const size_t size = (bytes + SLACK + 63) / 64 * 64;
    void *memory = aligned_alloc(64, size);
    if (memory == NULL) {
        fail(EXIT_SYSTEM, "there is no memory to measure with");
    }
    memset(memory, 0, size);
    return memory;
}

double speed_int8(void) {
    static int8_t weights[COLUMNS * DEPTH], inputs[ROWS_MAX * DEPTH + SLACK], outputs[ROWS_MAX * COLUMNS];
    static int32_t bias[COLUMNS];
    static float scale[COLUMNS];
    static const ptrdiff_t segment_offset = 0;
    eq_cpu cpu;
    eq_cpu_detect(&cpu);
    const eq_kernels *kernels = NULL, *next;
    for (int32_t i = 0; (next = eq_kernels_at(&cpu, i)) != NULL; i++) {
        kernels = next;
    }
    for (int i = 0; i < COLUMNS * DEPTH; i++) {
        weights[i] = (int8_t)(i % 15 - 7);
    }
    for (int i = 0; i < ROWS_MAX * DEPTH; i++) {
        inputs[i] = (int8_t)(i % 13 - 6);
    }
    for (int i = 0; i < COLUMNS; i++) {
        scale[i] = 1e-3f;
    }
    const eq_gemm_weights w = {COLUMNS, 1, DEPTH, weights, bias, scale, 0, true, 0};
    void *packed = take(kernels->gemm.packed_bytes(&w));
    kernels->gemm.pack(&w, packed);
    int8_product p = {.kernel = &kernels->gemm, .rows = kernels->gemm.rows < ROWS_MAX ? kernels->gemm.rows : ROWS_MAX};
    p.gemm = (eq_gemm){packed, COLUMNS, 1, DEPTH, &segment_offset, 0, -128, 127, true, 0, DEPTH};
    for (int32_t r = 0; r < p.rows; r++) {
        p.in[r] = inputs + r * DEPTH;
        p.out[r] = outputs + r * COLUMNS;
    }
    const double operations = 2.0 * p.rows * COLUMNS * DEPTH * rate(multiply_int8, &p);
    free(packed);
    return operations;
}

/* ---- float32 ---- */

typedef struct float_work {
    float_product *product;
    float *a, *b, *c;
} float_work;

static void multiply_float(void *context) {
    const float_work *w = context;
    w->product(w->a, w->b, w->c, FLOAT_DEPTH);
}

double speed_float32(void) {
    const float_kernel kernel = best_float_kernel();
    const size_t row = (size_t)kernel.columns * sizeof(float);
    void *a = take(FLOAT_DEPTH * FLOAT_ROWS * sizeof(float)), *b = take(FLOAT_DEPTH * row), *c = take(FLOAT_ROWS * row);
    float_work w = {kernel.product, a, b, c};
    const double operations = 2.0 * FLOAT_ROWS * kernel.columns * FLOAT_DEPTH * rate(multiply_float, &w);
    free(a);
    free(b);
    free(c);
    return operations;
}
