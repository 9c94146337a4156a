/* FULLY_CONNECTED of a float input with int4 weights in blocks, as XNNPACK's qd8-f32-qb4w: each vector of the input becomes int8 by its
 * range, and a block's sum is exact.
 *
 *     sum = (float)(sum of block 0) * block scale, then fused((float)(sum of block b), block scale, sum) for b = 1, 2, ...
 *     out = clamp(fused(sum, input scale, bias[n]))
 *
 * Block scales are rounded to bfloat16, nearest, ties to even. Sums are of weight * (q - zero point). */
#include <string.h>

#include "arithmetic/fused.h"
#include "base/memory.h"
#include "ops/blocks_s4.h"
#include "dynamic.h"
#include "layers.h"
#include "ops/quantization.h"
#include "plan/operator.h"

enum { CHUNK = 64 }; /* columns of a unit */

/* Packed: of each block, for all columns, weights (padded columns, padded block), then scale and sum of each column. */
typedef struct eq_block_column {
    float scale;
    int32_t sum;
} eq_block_column;

typedef struct eq_blocks_layer {
    const eq_kernels *kernels;
    const uint8_t *packed;
    const float *bias;
    int32_t rows, columns, depth, block, blocks, padded_block, padded_columns, chunks;
    size_t block_bytes;
    float min, max;
    const eq_tensor *weights;
    const uint16_t *scales;
} eq_blocks_layer;

static float to_bfloat16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void pack(const void *arguments, void *packed) {
    const eq_blocks_layer *d = arguments;
    for (int32_t b = 0; b < d->blocks; ++b) {
        int8_t *weights = (int8_t *)packed + (size_t)b * d->block_bytes;
        eq_block_column *columns = (eq_block_column *)(void *)(weights + (size_t)d->padded_columns * (size_t)d->padded_block);
        for (int32_t n = 0; n < d->columns; ++n) {
            columns[n].scale = to_bfloat16(eq_half_to_float(d->scales[(size_t)n * (size_t)d->blocks + (size_t)b]));
            for (int32_t k = 0; k < d->block; ++k) {
                const size_t index = (size_t)n * (size_t)d->depth + (size_t)b * (size_t)d->block + (size_t)k;
                const int32_t value = eq_blocks_s4_value(d->weights->data, index);
                weights[(size_t)n * (size_t)d->padded_block + (size_t)k] = (int8_t)value;
                columns[n].sum += value;
            }
        }
    }
}

static void add_block(const eq_blocks_layer *d, int32_t block, const int8_t *in, int32_t zero_point, int32_t first,
                      int32_t count, float *sums) {
    const int8_t *weights = (const int8_t *)d->packed + (size_t)block * d->block_bytes;
    const eq_block_column *columns =
        (const eq_block_column *)(const void *)(weights + (size_t)d->padded_columns * (size_t)d->padded_block);
    int32_t products[CHUNK];
    d->kernels->dot(in, weights + (size_t)first * (size_t)d->padded_block, d->padded_block,
                    (count + EQ_DOT_COLUMNS - 1) / EQ_DOT_COLUMNS * EQ_DOT_COLUMNS, products);
    for (int32_t n = 0; n < count; ++n) {
        const eq_block_column *c = &columns[first + n];
        sums[n] = eq_fused((float)(products[n] - zero_point * c->sum), c->scale, sums[n]);
    }
}

/* Units: of each row the chunks of columns. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_blocks_layer *d = step->data;
    const int8_t *in = storage[step->inputs[0].tensor].data;
    const eq_dynamic_scale *scales = storage[step->inputs[1].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    int8_t *line = scratch;
    memset(line, 0, (size_t)d->padded_block); /* what pads a block meets zeros */
    for (int32_t unit = first; unit < last; ++unit) {
        const int32_t row = unit / d->chunks, column = unit % d->chunks * CHUNK;
        const int32_t count = d->columns - column < CHUNK ? d->columns - column : CHUNK;
        float sums[CHUNK] = {0};
        for (int32_t b = 0; b < d->blocks; ++b) {
            memcpy(line, in + (size_t)row * (size_t)d->depth + (size_t)b * (size_t)d->block, (size_t)d->block);
            add_block(d, b, line, scales[row].zero_point, column, count, sums);
        }
        for (int32_t n = 0; n < count; ++n) {
            float x = eq_fused(sums[n], scales[row].scale, d->bias ? d->bias[column + n] : 0.0f);
            x = x < d->min ? d->min : x;
            out[(size_t)row * (size_t)d->columns + (size_t)(column + n)] = x > d->max ? d->max : x;
        }
    }
}

static int32_t round_up(int32_t n, int32_t step) {
    return (n + step - 1) / step * step;
}

/* Sizes, and the weights in the kernel's order. */
static eq_status take_weights(eq_plan *plan, const eq_operator *op, eq_blocks_layer *d) {
    d->columns = d->weights->dims[0];
    d->depth = d->weights->dims[1];
    d->block = d->weights->block_size;
    d->blocks = d->depth / d->block;
    if (d->columns > INT32_MAX - CHUNK || d->block > INT32_MAX / (8 * 128) / 2) { /* sums of int8 times int4 fit int32 */
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the layer is too large");
    }
    d->padded_columns = round_up(d->columns, EQ_DOT_COLUMNS);
    d->padded_block = round_up(d->block, EQ_DOT_DEPTH);
    d->chunks = (d->columns + CHUNK - 1) / CHUNK;
    const size_t weights = eq_size_times((size_t)d->padded_columns, (size_t)d->padded_block);
    if ((int64_t)d->rows * d->chunks > INT32_MAX || weights > SIZE_MAX / 4) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the layer is too large");
    }
    d->block_bytes = (weights + (size_t)d->columns * sizeof(eq_block_column) + 63) / 64 * 64;
    d->packed = eq_plan_packed(plan, op, eq_size_times((size_t)d->blocks, d->block_bytes), pack, d);
    return d->packed ? EQ_OK : (eq_status)plan->error->status;
}

static eq_status append(eq_plan *plan, const eq_operator *op, const eq_blocks_layer *d) {
    eq_dynamic_input input;
    const eq_status status = eq_dynamic_quantize(plan, op, op->inputs[0], d->rows, EQ_DYNAMIC_XNNPACK, &input);
    eq_step *step = status == EQ_OK ? eq_plan_step(plan, op, run, sizeof *d, 2, 1) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    memcpy(step->data, d, sizeof *d);
    step->inputs[0].tensor = input.values;
    step->inputs[1].tensor = input.scales;
    step->outputs[0].tensor = op->outputs[0];
    step->units = d->rows * d->chunks;
    step->scratch = (size_t)d->padded_block;
    step->macs = step->cost = (uint64_t)d->rows * (uint64_t)d->columns * (uint64_t)d->depth;
    step->slow = true;
    return EQ_OK;
}

eq_status eq_prepare_fully_connected_blocks(eq_plan *plan, const eq_operator *op) {
    eq_blocks_layer d = {.kernels = plan->kernels};
    int32_t activation;
    eq_status status = eq_fully_connected_read(plan, op, &d.rows, &activation);
    if (status == EQ_OK) {
        status = eq_activation_range_float(plan, op, activation, &d.min, &d.max);
    }
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *bias = eq_plan_input(plan, op, 2);
    d.weights = eq_plan_input(plan, op, 1);
    d.scales = eq_blocks_s4_scales(plan, op, d.weights);
    if (!d.scales) {
        return (eq_status)plan->error->status;
    }
    if (eq_plan_output(plan, op, 0)->type != EQ_FLOAT32 ||
        (bias && (bias->type != EQ_FLOAT32 || !bias->data || eq_tensor_elements(bias) != d.weights->dims[0]))) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs a float32 output, and a constant float32 bias for each column");
    }
    d.bias = bias ? bias->data : NULL;
    status = take_weights(plan, op, &d);
    return status == EQ_OK ? append(plan, op, &d) : status;
}

EQ_OPERATOR(FULLY_CONNECTED, eq_prepare_fully_connected_blocks, FLOAT32, INT4);
