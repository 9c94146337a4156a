/* MaxPoolingWithArgmax2D: the largest value of each window, and where in the window it was, as y * window width + x + 0.1 in a
 * float32. MaxUnpooling2D: zeros, and each value at the place in its window that such a number gives; the output is the input
 * times the window's size, and a place outside it is left out. Their options are LiteRT's TfLitePoolParams as memory has them. */
#include <float.h>
#include <string.h>

#include "ops/quantization.h"
#include "plan/operator.h"

enum { PADDING, STRIDE_X, STRIDE_Y, WIDTH, HEIGHT, ACTIVATION, NUMBERS };
enum { SAME = 1, VALID };
enum { LARGEST = 1 << 15 }; /* windows and strides: real ones are 2 */

/* Along one direction. Small are pooled images, large the others. */
typedef struct eq_windows {
    int32_t large, small, stride, taps, before;
} eq_windows;

typedef struct eq_argmax_pool {
    eq_windows y, x;
    int32_t channels;
    float min, max;
} eq_argmax_pool;

static eq_windows place(int32_t large, int32_t small, int32_t stride, int32_t taps) {
    const int64_t missing = ((int64_t)small - 1) * stride + taps - large;
    return (eq_windows){large, small, stride, taps, missing > 0 ? (int32_t)(missing / 2) : 0};
}

/* The first tap of a window that is inside the image, and the one after the last. */
static int32_t first_tap(int64_t origin) {
    return origin < 0 ? (int32_t)-origin : 0;
}

static int32_t end_tap(const eq_windows *w, int64_t origin) {
    return w->large - origin < w->taps ? (int32_t)(w->large - origin) : w->taps;
}

/* A unit is a row of windows. */
static void run_pool(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_argmax_pool *p = step->data;
    const float *in = storage[step->inputs[0].tensor].data;
    float *values = storage[step->outputs[0].tensor].data, *places = storage[step->outputs[1].tensor].data;
    for (int32_t unit = first; unit < last; ++unit) {
        const int64_t top = (int64_t)(unit % p->y.small) * p->y.stride - p->y.before;
        const float *image = in + (int64_t)(unit / p->y.small) * p->y.large * p->x.large * p->channels;
        for (int32_t i = 0; i < p->x.small * p->channels; ++i) {
            const int64_t left = (int64_t)(i / p->channels) * p->x.stride - p->x.before;
            float largest = -FLT_MAX;
            int32_t place = 0;
            for (int32_t y = first_tap(top); y < end_tap(&p->y, top); ++y) {
                for (int32_t x = first_tap(left); x < end_tap(&p->x, left); ++x) {
                    const float value = image[((top + y) * p->x.large + left + x) * p->channels + i % p->channels];
                    if (value > largest) {
                        largest = value;
                        place = y * p->x.taps + x;
                    }
                }
            }
            const int64_t at = (int64_t)unit * p->x.small * p->channels + i;
            values[at] = largest < p->min ? p->min : largest > p->max ? p->max : largest;
            places[at] = (float)place + 0.1f;
        }
    }
}

/* One value of a row of the small image. `to` is the large one. */
static void put_back(const eq_argmax_pool *p, int32_t row, int32_t i, float value, float place, float *to) {
    if (!(place >= 0 && place < (float)INT32_MAX)) {
        return;
    }
    const int32_t where = (int32_t)place;
    const int64_t y = (int64_t)row * p->y.stride - p->y.before + where / p->x.taps;
    const int64_t x = (int64_t)(i / p->channels) * p->x.stride - p->x.before + where % p->x.taps;
    if (y >= 0 && y < p->y.large && x >= 0 && x < p->x.large) {
        to[(y * p->x.large + x) * p->channels + i % p->channels] = value;
    }
}

/* A unit is an image. */
static void run_unpool(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_argmax_pool *p = step->data;
    const float *values = storage[step->inputs[0].tensor].data, *places = storage[step->inputs[1].tensor].data;
    const int64_t row_size = (int64_t)p->x.small * p->channels, size = (int64_t)p->y.large * p->x.large * p->channels;
    for (int32_t unit = first; unit < last; ++unit) {
        float *to = (float *)storage[step->outputs[0].tensor].data + unit * size;
        memset(to, 0, (size_t)size * sizeof *to);
        for (int32_t row = 0; row < p->y.small; ++row) {
            const int64_t from = ((int64_t)unit * p->y.small + row) * row_size;
            for (int32_t i = 0; i < (int32_t)row_size; ++i) {
                put_back(p, row, i, values[from + i], places[from + i], to);
            }
        }
    }
}

static eq_status read_options(eq_plan *plan, const eq_operator *op, int32_t *numbers) {
    if (op->custom_options_size < NUMBERS * sizeof *numbers) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "lacks its options");
    }
    memcpy(numbers, op->custom_options, NUMBERS * sizeof *numbers);
    for (int32_t i = STRIDE_X; i <= HEIGHT; ++i) {
        if (numbers[i] < 1 || numbers[i] > LARGEST) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its windows and strides must be 1 to %d", (int)LARGEST);
        }
    }
    if (numbers[PADDING] != SAME && numbers[PADDING] != VALID) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "padding %d does not exist", (int)numbers[PADDING]);
    }
    return EQ_OK;
}

/* Checks the tensors of either operator; all are float32 images, and `inputs` or `outputs` is 2. */
static eq_status check(eq_plan *plan, const eq_operator *op, int32_t inputs, int32_t outputs, int32_t *numbers) {
    eq_status status = eq_plan_arity(plan, op, inputs, inputs, 0, outputs);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *places = eq_plan_input(plan, op, inputs - 1);
    bool fits = in->rank == 4 && places->rank == 4 && places->type == EQ_FLOAT32;
    for (int32_t i = 0; fits && i < 4; ++i) {
        fits = in->dims[i] == places->dims[i];
    }
    for (int32_t slot = 0; slot < outputs; ++slot) {
        fits = fits && eq_plan_output(plan, op, slot)->type == EQ_FLOAT32;
    }
    return fits ? read_options(plan, op, numbers) : eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs float32 images of one size");
}

static int32_t pooled(int32_t size, int32_t taps, int32_t stride, int32_t padding) {
    return padding == SAME ? (int32_t)(((int64_t)size + stride - 1) / stride) : size < taps ? 0 : (size - taps) / stride + 1;
}

static eq_step *add_step(eq_plan *plan, const eq_operator *op, eq_run_fn run, const eq_argmax_pool *pool) {
    eq_step *step = eq_plan_step(plan, op, run, sizeof *pool, op->input_count, op->output_count);
    if (!step) {
        return NULL;
    }
    memcpy(step->data, pool, sizeof *pool);
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        step->inputs[slot].tensor = op->inputs[slot];
    }
    for (int32_t slot = 0; slot < op->output_count; ++slot) {
        step->outputs[slot].tensor = op->outputs[slot];
    }
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_input(plan, op, 0)) * 2;
    step->slow = true;
    return step;
}

eq_status eq_prepare_max_pool_with_argmax(eq_plan *plan, const eq_operator *op) {
    int32_t n[NUMBERS];
    eq_status status = check(plan, op, 1, 2, n);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const int32_t dims[] = {in->dims[0], pooled(in->dims[1], n[HEIGHT], n[STRIDE_Y], n[PADDING]),
                            pooled(in->dims[2], n[WIDTH], n[STRIDE_X], n[PADDING]), in->dims[3]};
    eq_argmax_pool pool = {.channels = dims[3]};
    if ((status = eq_activation_range_float(plan, op, n[ACTIVATION], &pool.min, &pool.max)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 0, 4, dims)) != EQ_OK || (status = eq_plan_shape(plan, op, 1, 4, dims)) != EQ_OK) {
        return status;
    }
    pool.y = place(in->dims[1], dims[1], n[STRIDE_Y], n[HEIGHT]);
    pool.x = place(in->dims[2], dims[2], n[STRIDE_X], n[WIDTH]);
    eq_step *step = add_step(plan, op, run_pool, &pool);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    step->units = dims[0] * dims[1];
    return EQ_OK;
}

eq_status eq_prepare_max_unpooling(eq_plan *plan, const eq_operator *op) {
    int32_t n[NUMBERS];
    eq_status status = check(plan, op, 2, 1, n);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const int64_t height = (int64_t)in->dims[1] * n[HEIGHT], width = (int64_t)in->dims[2] * n[WIDTH];
    const int32_t dims[] = {in->dims[0], height < INT32_MAX ? (int32_t)height : INT32_MAX,
                            width < INT32_MAX ? (int32_t)width : INT32_MAX, in->dims[3]};
    if ((status = eq_plan_shape(plan, op, 0, 4, dims)) != EQ_OK) {
        return status;
    }
    const eq_argmax_pool pool = {.y = place(dims[1], in->dims[1], n[STRIDE_Y], n[HEIGHT]),
                                 .x = place(dims[2], in->dims[2], n[STRIDE_X], n[WIDTH]),
                                 .channels = in->dims[3]};
    eq_step *step = add_step(plan, op, run_unpool, &pool);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    step->units = in->dims[0];
    return EQ_OK;
}

EQ_CUSTOM_OPERATOR("MaxPoolingWithArgmax2D", eq_prepare_max_pool_with_argmax, FLOAT32);
EQ_CUSTOM_OPERATOR("MaxUnpooling2D", eq_prepare_max_unpooling, FLOAT32, FLOAT32);
