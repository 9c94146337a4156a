/* Filling the padding around images. */
#include "fill.h"

#include <string.h>

#include "kernels/inline.h"

enum { PATTERN = 16 };

typedef struct eq_fill {
    const struct eq_fill *next;
    int32_t tensor, images, height;
    size_t gap, width, top, bottom; /* bytes: between rows, of a row's pixels, and before and after an image */
    uint8_t pattern[PATTERN];       /* the zero point over and over */
} eq_fill;

static void fill_bytes(const eq_fill *fill, uint8_t *to, size_t bytes) {
    uint8_t pattern[PATTERN]; /* a register */
    memcpy(pattern, fill->pattern, PATTERN);
    for (; bytes >= PATTERN; to += PATTERN, bytes -= PATTERN) {
        memcpy(to, pattern, PATTERN);
    }
    memcpy(to, pattern, bytes);
}

/* Gaps are short and many: each is written by `step` bytes at a time, the last of them over what is written already. It has no fewer. */
EQ_INLINE void fill_by(const eq_fill *fill, uint8_t *row, ptrdiff_t row_stride, int32_t rows, const size_t step) {
    uint8_t pattern[PATTERN];
    memcpy(pattern, fill->pattern, PATTERN);
    for (; rows > 0; --rows, row += row_stride) {
        uint8_t *to = row + fill->width, *last = to + fill->gap - step;
        for (; to < last; to += step) {
            memcpy(to, pattern, step);
        }
        memcpy(last, pattern, step);
    }
}

/* After each of `rows` rows. A step is a multiple of the pattern's period, of 1 or 2 bytes. */
static void fill_gaps(const eq_fill *fill, uint8_t *row, ptrdiff_t row_stride, int32_t rows) {
    if (fill->gap >= PATTERN) {
        fill_by(fill, row, row_stride, rows, PATTERN);
    } else if (fill->gap >= 4) {
        fill_by(fill, row, row_stride, rows, 4);
    } else if (fill->gap >= 2) {
        fill_by(fill, row, row_stride, rows, 2);
    } else if (fill->gap == 1) {
        fill_by(fill, row, row_stride, rows, 1);
    }
}

/* The padding of rows `first` to `last` - 1 of all images': what is after each, what is before an image with its first row. */
static void fill_rows(const eq_fill *fill, const eq_storage *to, int32_t first, int32_t last) {
    while (first < last) {
        const int32_t image = first / fill->height, y = first - image * fill->height;
        const int32_t left = fill->height - y, rows = last - first < left ? last - first : left;
        uint8_t *row = (uint8_t *)to->data + image * to->image_stride + y * to->row_stride;
        if (y == 0) {
            fill_bytes(fill, row - fill->top, fill->top);
        }
        fill_gaps(fill, row, to->row_stride, rows < left ? rows : rows - 1);
        if (rows == left) {
            fill_bytes(fill, row + (rows - 1) * to->row_stride + fill->width, fill->bottom);
        }
        first += rows;
    }
}

void eq_step_run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    for (const eq_fill *fill = step->fills; fill; fill = fill->next) {
        const int64_t rows = (int64_t)fill->images * fill->height;
        fill_rows(fill, &storage[fill->tensor], (int32_t)(rows * first / step->units), (int32_t)(rows * last / step->units));
    }
    step->run(step, storage, first, last, scratch);
}

eq_status eq_plan_fill(eq_plan *plan, eq_step *step, int32_t tensor) {
    const eq_plan_tensor *t = &plan->tensors[tensor];
    if (eq_tensor_elements(&t->tensor) == 0) {
        return EQ_OK;
    }
    eq_fill *fill = eq_plan_take(plan, sizeof *fill);
    if (!fill) {
        return (eq_status)plan->error->status;
    }
    const size_t size = (size_t)eq_type_size(t->tensor.type);
    const bool has_zero_point = t->tensor.scale_count > 0 && (t->tensor.type == EQ_INT8 || t->tensor.type == EQ_INT16);
    const size_t pixel = (size_t)t->tensor.dims[3] * size, row = (size_t)eq_plan_storage(t, NULL).row_stride;
    *fill = (eq_fill){
        .next = step->fills,
        .tensor = tensor,
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
    step->fills = fill;
    return EQ_OK;
}
