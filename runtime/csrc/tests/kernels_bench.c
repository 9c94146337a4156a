/* How fast the kernels are on layers of real networks, in billions of multiply-accumulates per second.
 *
 *     kernels_bench [SET [FILTER]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "kernels/kernels.h"
#include "plan/plan.h"

typedef struct layer {
    const char *name;
    bool is_depthwise;
    int32_t height, width, channels, columns; /* of the input, padding included; of the output for a matrix product */
    int32_t kernel_height, kernel_width, stride;
} layer;

static const layer layers[] = {
    {"kws first 10x4", false, 58, 12, 1, 64, 10, 4, 2},
    {"kws depthwise 25x5x64", true, 27, 7, 64, 64, 3, 3, 1},
    {"kws pointwise", false, 25, 5, 64, 64, 1, 1, 1},
    {"resnet8 first", false, 34, 34, 3, 16, 3, 3, 1},
    {"resnet8 32x32x16", false, 34, 34, 16, 16, 3, 3, 1},
    {"resnet8 16x16x32", false, 18, 18, 32, 32, 3, 3, 1},
    {"resnet8 8x8x64", false, 10, 10, 64, 64, 3, 3, 1},
    {"ad01 640 to 128", false, 1, 1, 640, 128, 1, 1, 1},
    {"ad01 128 to 128", false, 1, 1, 128, 128, 1, 1, 1},
    {"ad01 128 to 640", false, 1, 1, 128, 640, 1, 1, 1},
    {"ad01 128 to 8", false, 1, 1, 128, 8, 1, 1, 1},
    {"ad01 8 to 128", false, 1, 1, 8, 128, 1, 1, 1},
    {"mobilenet2 first", false, 225, 225, 3, 32, 3, 3, 2},
    {"mobilenet2 depthwise 112x112x32", true, 114, 114, 32, 32, 3, 3, 1},
    {"mobilenet2 project 112 32-16", false, 112, 112, 32, 16, 1, 1, 1},
    {"mobilenet2 expand 112 16-96", false, 112, 112, 16, 96, 1, 1, 1},
    {"mobilenet2 depthwise 112x112x96 /2", true, 113, 113, 96, 96, 3, 3, 2},
    {"mobilenet2 project 56 96-24", false, 56, 56, 96, 24, 1, 1, 1},
    {"mobilenet2 expand 56 24-144", false, 56, 56, 24, 144, 1, 1, 1},
    {"mobilenet2 depthwise 56x56x144", true, 58, 58, 144, 144, 3, 3, 1},
    {"mobilenet2 project 56 144-24", false, 56, 56, 144, 24, 1, 1, 1},
    {"mobilenet2 depthwise 56x56x144 /2", true, 57, 57, 144, 144, 3, 3, 2},
    {"mobilenet2 depthwise 28x28x192", true, 30, 30, 192, 192, 3, 3, 1},
    {"mobilenet2 project 28 192-32", false, 28, 28, 192, 32, 1, 1, 1},
    {"mobilenet2 depthwise 14x14x384", true, 16, 16, 384, 384, 3, 3, 1},
    {"mobilenet2 expand 14 64-384", false, 14, 14, 64, 384, 1, 1, 1},
    {"mobilenet2 project 14 384-64", false, 14, 14, 384, 64, 1, 1, 1},
    {"mobilenet2 depthwise 14x14x576", true, 16, 16, 576, 576, 3, 3, 1},
    {"mobilenet2 project 14 576-96", false, 14, 14, 576, 96, 1, 1, 1},
    {"mobilenet2 depthwise 7x7x960", true, 9, 9, 960, 960, 3, 3, 1},
    {"mobilenet2 expand 7 160-960", false, 7, 7, 160, 960, 1, 1, 1},
    {"mobilenet2 project 7 960-320", false, 7, 7, 960, 320, 1, 1, 1},
    {"mobilenet2 last 320-1280", false, 7, 7, 320, 1280, 1, 1, 1},
    {"mobilenet2 1280-1000", false, 1, 1, 1280, 1000, 1, 1, 1},
    {"efficientnet depthwise 5x5 28x28x240", true, 32, 32, 240, 240, 5, 5, 1},
    {"efficientnet depthwise 5x5 14x14x672 /2", true, 17, 17, 672, 672, 5, 5, 2},
};

static int8_t *take(size_t bytes) {
    int8_t *data = aligned_alloc(64, (bytes + 2 * EQ_SLACK + 63) / 64 * 64);
    if (!data) {
        abort();
    }
    for (size_t i = 0; i < bytes + EQ_SLACK; i++) {
        data[i] = (int8_t)(i * 31 % 97);
    }
    return data;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A layer with everything that its runs need. */
typedef struct work {
    const layer *layer;
    const eq_kernels *kernels;
    eq_gemm gemm;
    eq_depthwise depthwise;
    ptrdiff_t offsets[16];
    int8_t *input, *output;
    int32_t out_height, out_width;
} work;

static void run_depthwise(const work *w) {
    const int32_t rows = w->kernels->depthwise.rows;
    for (int32_t y = 0; y < w->out_height; y += rows) {
        w->kernels->depthwise.run(&w->depthwise, w->input + y * w->depthwise.in_row, w->output + y * w->depthwise.out_row,
                                  w->out_height - y < rows ? w->out_height - y : rows);
    }
}

static void run_gemm(const work *w) {
    const layer *l = w->layer;
    const eq_gemm_kernel *kernel = &w->kernels->gemm;
    const int8_t *in[256];
    int8_t *out[256];
    const int32_t pixels = w->out_height * w->out_width;
    for (int32_t pixel = 0, n = 0; pixel < pixels; pixel++) {
        const int32_t y = pixel / w->out_width, x = pixel % w->out_width;
        in[n] = w->input + (y * l->width + x) * l->stride * l->channels;
        out[n++] = w->output + pixel * l->columns;
        if (n == kernel->rows || pixel + 1 == pixels) {
            kernel->run(&w->gemm, in, out, n, 0, l->columns);
            n = 0;
        }
    }
}

static void *prepare_weights(work *w, size_t taps) {
    const layer *l = w->layer;
    int8_t *weights = take(taps * (size_t)l->columns);
    int32_t *bias = calloc((size_t)l->columns, sizeof *bias);
    float *scale = calloc((size_t)l->columns, sizeof *scale);
    if (!bias || !scale) {
        abort();
    }
    for (int32_t n = 0; n < l->columns; n++) {
        scale[n] = 0.01f;
    }
    void *packed;
    if (l->is_depthwise) {
        const eq_depthwise_weights source = {l->columns, l->kernel_height, l->kernel_width, weights, bias, scale, 0, true};
        packed = memset(take(w->kernels->depthwise.packed_bytes(&source)), 0, w->kernels->depthwise.packed_bytes(&source));
        w->kernels->depthwise.pack(&source, packed);
    } else {
        const eq_gemm_weights source = {l->columns, w->gemm.segments, w->gemm.segment_bytes, weights, bias, scale, 0, true, 0};
        packed = memset(take(w->kernels->gemm.packed_bytes(&source)), 0, w->kernels->gemm.packed_bytes(&source));
        w->kernels->gemm.pack(&source, packed);
    }
    free(weights), free(bias), free(scale);
    return packed;
}

static void bench(const layer *l, const eq_kernels *kernels) {
    work w = {.layer = l, .kernels = kernels};
    w.out_height = (l->height - l->kernel_height) / l->stride + 1;
    w.out_width = (l->width - l->kernel_width) / l->stride + 1;
    const ptrdiff_t row = (ptrdiff_t)l->width * l->channels;
    const int32_t taps = l->kernel_height * l->kernel_width * (l->is_depthwise ? 1 : l->channels);
    w.gemm = (eq_gemm){.columns = l->columns,
                       .segments = l->kernel_height,
                       .segment_bytes = l->kernel_width * l->channels,
                       .segment_offsets = w.offsets,
                       .min = -128,
                       .max = 127,
                       .small = true};
    for (int32_t s = 0; s < l->kernel_height; s++) {
        w.offsets[s] = s * row;
    }
    w.depthwise = (eq_depthwise){.channels = l->channels,
                                 .height = l->kernel_height,
                                 .width = l->kernel_width,
                                 .tap_row = row,
                                 .tap_column = l->channels,
                                 .in_row = row * l->stride,
                                 .in_column = l->channels * l->stride,
                                 .out_row = (ptrdiff_t)w.out_width * l->channels,
                                 .out_width = w.out_width,
                                 .min = -128,
                                 .max = 127,
                                 .small = true};
    void *packed = prepare_weights(&w, (size_t)taps);
    w.gemm.packed = w.depthwise.packed = packed;
    w.input = take((size_t)l->height * (size_t)row);
    w.output = take((size_t)w.out_height * (size_t)w.out_width * (size_t)l->columns);
    void (*run)(const work *) = l->is_depthwise ? run_depthwise : run_gemm;

    double best = 1e9;
    for (int round = 0; round < 15; round++) {
        int runs = 0;
        const double start = seconds();
        double now;
        do {
            run(&w), runs++;
        } while ((now = seconds()) < start + 0.004);
        if ((now - start) / runs < best) {
            best = (now - start) / runs;
        }
    }
    const double macs = (double)w.out_height * w.out_width * l->columns * taps;
    printf("%-12s %-40s %9.2f us %8.1f GMAC/s\n", kernels->name, l->name, 1e6 * best, 1e-9 * macs / best);
    free(packed), free(w.input), free(w.output);
}

int main(int argc, char **argv) {
    eq_cpu cpu;
    eq_cpu_detect(&cpu);
    const eq_kernels *kernels;
    for (int32_t i = 0; (kernels = eq_kernels_at(&cpu, i)); i++) {
        if (argc > 1 && strcmp(argv[1], kernels->name) != 0) {
            continue;
        }
        for (size_t l = 0; l < sizeof layers / sizeof *layers; l++) {
            if (argc <= 2 || strstr(layers[l].name, argv[2])) {
                bench(&layers[l], kernels);
            }
        }
    }
    return 0;
}
