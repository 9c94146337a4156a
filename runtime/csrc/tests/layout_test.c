/* The layout pass gives a tensor of any type the halo that its reader wants, in rows that its writer follows, and fills it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "plan/fill.h"
#include "plan/plan.h"

enum { IMAGES = 2, HEIGHT = 3, WIDTH = 4, MOST_CHANNELS = 17, TENSORS = 3, MOST_UNITS = 8, UNTOUCHED = 0x55 };
static const eq_halo halo = {.top = 1, .bottom = 2, .left = 2, .right = 1};
static const eq_operator op = {.name = "test"};

static void nothing(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)step, (void)storage, (void)first, (void)last, (void)scratch;
}

static eq_step *add_step(eq_plan *plan, int32_t in, int32_t out) {
    eq_step *step = eq_plan_step(plan, &op, nothing, 0, in >= 0, out >= 0);
    if (step && in >= 0) {
        step->inputs[0] = (eq_use){.tensor = in, .rows = true};
    }
    if (step && out >= 0) {
        step->outputs[0] = (eq_use){.tensor = out, .rows = true};
    }
    return step;
}

/* Tensor 1, between two steps, is the one in question; tensors 0 and 2 are the graph's input and output. */
static eq_status lay_out(eq_plan *plan) {
    eq_step *writer = add_step(plan, 0, 1), *reader = add_step(plan, 1, 2);
    if (!writer || !reader) {
        return EQ_ERROR_MEMORY;
    }
    reader->inputs[0].halo = halo;
    return eq_plan_layout(plan);
}

/* Whether the padding of image `n`, seen from its pixel (0, 0), has the value everywhere, and no pixel was touched. */
static bool is_padded(const eq_storage *at, int32_t n, int32_t channels, size_t size, const void *value) {
    const ptrdiff_t pixel = channels * (ptrdiff_t)size;
    const uint8_t *image = (const uint8_t *)at->data + n * at->image_stride;
    bool good = true;
    for (int32_t y = -halo.top; y < HEIGHT + halo.bottom; ++y) {
        for (int32_t x = -halo.left; x < WIDTH + halo.right; ++x) {
            const bool inside = y >= 0 && y < HEIGHT && x >= 0 && x < WIDTH;
            for (int32_t c = 0; c < channels; ++c) {
                const uint8_t *element = image + y * at->row_stride + x * pixel + c * (ptrdiff_t)size;
                good = good && (inside ? element[0] == UNTOUCHED : memcmp(element, value, size) == 0);
            }
        }
    }
    return good;
}

/* The step that writes tensor 1 fills its padding, in memory of exactly its bytes: all at once, and part by part, which leaves the
 * pixels as they are. */
static bool run(const eq_plan *plan, size_t size, const void *value, int32_t units) {
    const size_t bytes = eq_plan_tensor_bytes(&plan->tensors[1]);
    uint8_t *memory = malloc(bytes);
    if (!memory) {
        return false;
    }
    memset(memory, UNTOUCHED, bytes);
    eq_storage storage[2 * TENSORS];
    storage[1] = eq_plan_storage(&plan->tensors[1], memory);
    for (int32_t s = 0; s < plan->step_count; ++s) {
        eq_step *step = plan->steps[s];
        if (step->fills) {
            step->units = units;
            for (int32_t unit = units - 1; unit >= 0; --unit) {
                eq_step_run(step, storage, unit, unit + 1, NULL);
            }
        }
    }
    bool good = true;
    for (int32_t image = 0; image < IMAGES; ++image) {
        good = good && is_padded(&storage[1], image, plan->tensors[1].tensor.dims[3], size, value);
    }
    free(memory);
    return good;
}

static bool test_layout(eq_type type, int32_t channels, int32_t zero_point, const void *value) {
    const float scale = 0.5f;
    eq_error error = {0};
    eq_model model = {.memory_limit = 1 << 20};
    int32_t edges[2] = {0, 2};
    const eq_graph graph = {.input_count = 1, .output_count = 1};
    eq_plan_tensor tensors[TENSORS];
    eq_plan plan = {.model = &model, .graph = &graph, .inputs = &edges[0], .outputs = &edges[1], .tensors = tensors};
    plan.tensor_count = plan.tensor_capacity = TENSORS;
    plan.error = &error;
    for (int32_t i = 0; i < TENSORS; ++i) {
        tensors[i] = (eq_plan_tensor){.alias = -1, .pad_source = -1};
        tensors[i].tensor = (eq_tensor){.name = "",
                                        .type = type,
                                        .rank = 4,
                                        .dims = {IMAGES, HEIGHT, WIDTH, channels},
                                        .scale_count = 1,
                                        .scales = &scale,
                                        .zero_points = &zero_point};
    }
    bool good = lay_out(&plan) == EQ_OK;
    for (int32_t units = 1; units <= MOST_UNITS; ++units) {
        good = good && run(&plan, (size_t)eq_type_size(type), value, units);
    }
    eq_memory_free(&plan.memory);
    if (!good) {
        fprintf(stderr, "layout: %s of %d channels has no halo of its zero point %s\n", eq_type_name(type), (int)channels,
                error.message);
    }
    return good;
}

int main(void) {
    const int8_t byte = -3;
    const int16_t two_bytes = 517;
    const float zero = 0;
    bool good = true;
    for (int32_t channels = 1; channels <= MOST_CHANNELS; ++channels) {
        good = test_layout(EQ_INT8, channels, byte, &byte) && good;
        good = test_layout(EQ_INT16, channels, two_bytes, &two_bytes) && good;
        good = test_layout(EQ_INT16, channels, 0, &(int16_t){0}) && good;
        good = test_layout(EQ_FLOAT32, channels, byte, &zero) && good;
    }
    return !good;
}
