/* Filling the padding around images. */
#include "fill.h"

#include <string.h>

/* The step's name in a profile. */
static const eq_operator FILL = {.index = -1, .code = -1, .name = "padding"};

enum { PATTERN = 16 };

typedef struct eq_fill {
    int32_t images, height;
    size_t gap, width, top, bottom; /* bytes: between rows, of a row's pixels, and before and after an image */
    uint8_t pattern[PATTERN];       /* the zero point over and over */
} eq_fill;

static __attribute__((noinline)) void fill_exactly(const eq_fill *fill, uint8_t *to, size_t bytes) {
    uint8_t pattern[PATTERN];
    memcpy(pattern, fill->pattern, PATTERN);
    for (; bytes >= PATTERN; to += PATTERN, bytes -= PATTERN) {
        memcpy(to, pattern, PATTERN);
    }
    memcpy(to, pattern, bytes);
}

/* The gaps are short and many: whole patterns are written, over the next row's first pixels if need be. */
static void fill_gaps(const eq_fill *fill, uint8_t *row, ptrdiff_t row_stride) {
    const size_t width = fill->width, gap = fill->gap;
    uint8_t pattern[PATTERN]; /* a register */
    memcpy(pattern, fill->pattern, PATTERN);
    for (int32_t left = fill->height - 1; left > 0; --left, row += row_stride) {
        uint8_t *to = row + width, *end = to + gap;
        for (; to < end; to += PATTERN) {
            memcpy(to, pattern, PATTERN);
        }
    }
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_fill *fill = step->data;
    const eq_storage to = storage[step->outputs[0].tensor];
    for (int32_t image = 0; image < fill->images; ++image) {
        uint8_t *row = (uint8_t *)to.data + image * to.image_stride;
        fill_exactly(fill, row - fill->top, fill->top);
        if (fill->gap > 0 && fill->width >= PATTERN) {
            fill_gaps(fill, row, to.row_stride);
        } else if (fill->gap > 0) {
            for (int32_t y = 0; y < fill->height - 1; ++y) {
                fill_exactly(fill, row + y * to.row_stride + fill->width, fill->gap);
            }
        }
        fill_exactly(fill, row + (fill->height - 1) * to.row_stride + fill->width, fill->bottom);
    }
}

eq_status eq_plan_fill(eq_plan *plan, int32_t tensor) {
    const eq_plan_tensor *t = &plan->tensors[tensor];
    eq_step *step = eq_plan_step(plan, &FILL, run, sizeof(eq_fill), 0, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const size_t size = (size_t)eq_type_size(t->tensor.type);
    const bool has_zero_point = t->tensor.scale_count > 0 && (t->tensor.type == EQ_INT8 || t->tensor.type == EQ_INT16);
    const size_t pixel = (size_t)t->tensor.dims[3] * size, row = (size_t)eq_plan_storage(t, NULL).row_stride;
    eq_fill *fill = step->data;
    *fill = (eq_fill){
        .images = t->tensor.dims[0],
        .height = t->tensor.dims[1],
        .gap = row - (size_t)t->tensor.dims[2] * pixel,
        .width = (size_t)t->tensor.dims[2] * pixel,
        .top = (size_t)t->halo.top * row + (size_t)t->halo.left * pixel,
        .bottom = (size_t)t->halo.bottom * row + (size_t)t->halo.right * pixel,
    };
    const int32_t zero_point = has_zero_point ? t->tensor.zero_points[0] : 0;
    for (size_t i = 0; i < PATTERN; ++i) {
        fill->pattern[i] = (uint8_t)((uint32_t)zero_point >> (t->tensor.type == EQ_INT16 && i % 2 ? 8 : 0));
    }
    step->outputs[0] = (eq_use){.tensor = tensor, .rows = true};
    return EQ_OK;
}
