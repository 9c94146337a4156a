/* Frames to pictures of a model's size. Rows first, into 14 bits; then columns. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "colour.h"
#include "frame.h"

enum {
    WEIGHT_BITS = 14,
    ROW_BITS = 6, /* of a fraction, between the two passes */
    FIRST_SHIFT = WEIGHT_BITS - ROW_BITS,
    SECOND_SHIFT = WEIGHT_BITS + ROW_BITS,
    WHOLE = 1 << WEIGHT_BITS,
    PAST = 64, /* values past a row's end that may be read, with weight 0 */
};

/* ---- filters: which of the source's pixels make one of the result's ---- */

typedef struct filter {
    int32_t count, taps;
    int32_t *starts;  /* (count) */
    int16_t *weights; /* (count, taps), each row WHOLE together */
} filter;

static double triangle(double x) {
    x = x < 0 ? -x : x;
    return x < 1 ? 1 - x : 0;
}

/* Weights of what lies around `centre`, in units of 1 / WHOLE: differences of rounded sums, so that all are WHOLE together. Returns
 * their number. */
static int32_t fill_weights(int16_t *weights, int32_t *start, int32_t source, double centre, double width) {
    int32_t first = (int32_t)(centre - width + 0.5), last = (int32_t)(centre + width + 0.5);
    first = first > 0 ? first : 0;
    last = last < source ? last : source;
    double sum = 0, part = 0;
    for (int32_t i = first; i < last; i++) {
        sum += triangle((i + 0.5 - centre) / width);
    }
    int32_t before = 0, taps = 0;
    *start = first;
    for (int32_t i = first; i < last; i++) {
        part += triangle((i + 0.5 - centre) / width);
        const int32_t until = (int32_t)(part / sum * WHOLE + 0.5);
        if (taps == 0 && until == 0) {
            *start = i + 1;
            continue;
        }
        weights[taps++] = (int16_t)(until - before);
        before = until;
    }
    while (taps > 1 && weights[taps - 1] == 0) {
        taps--;
    }
    return taps;
}

/* `count` pixels of the stretch from `begin` on with `length` of `source` pixels. */
static bool make_filter(filter *made, eq_memory_block **memory, int32_t source, double begin, double length, int32_t count) {
    const double scale = length / count, width = scale > 1 ? scale : 1;
    const int32_t room = (int32_t)width * 2 + 3;
    int16_t *weights = eq_memory_take(memory, eq_size_times((size_t)count, (size_t)room * sizeof *weights));
    made->starts = eq_memory_take(memory, (size_t)count * sizeof *made->starts);
    if (weights == NULL || made->starts == NULL) {
        return false;
    }
    made->count = count;
    made->taps = 1;
    for (int32_t i = 0; i < count; i++) {
        double centre = begin + (i + 0.5) * scale;
        centre = centre < 0.5 ? 0.5 : centre > source - 0.5 ? source - 0.5 : centre;
        const int32_t taps = fill_weights(weights + (size_t)i * (size_t)room, &made->starts[i], source, centre, width);
        made->taps = taps > made->taps ? taps : made->taps;
    }
    for (int32_t i = 0; i < count; i++) { /* without the room that none needs */
        memmove(weights + (size_t)i * (size_t)made->taps, weights + (size_t)i * (size_t)room,
                (size_t)made->taps * sizeof *weights);
    }
    made->weights = weights;
    return true;
}

static bool is_identity(const filter *f) {
    return f->taps == 1 && f->starts[f->count - 1] - f->starts[0] == f->count - 1;
}

/* ---- the two passes ---- */

#define ROUND(x, shift) (((x) + (1 << ((shift) - 1))) >> (shift))

static inline void add_rows(const uint8_t *const *rows, const int16_t *weights, int32_t taps, int32_t count,
                            int16_t *restrict out) {
    const uint8_t *restrict a = rows[0], *restrict b = rows[1], *restrict c = rows[2], *restrict d = rows[3];
    const int32_t u = weights[0], v = taps > 1 ? weights[1] : 0, w = taps > 2 ? weights[2] : 0, z = taps > 3 ? weights[3] : 0;
    for (int32_t x = 0; x < count; x++) {
        const int32_t sum = a[x] * u + (taps > 1 ? b[x] * v : 0) + (taps > 2 ? c[x] * w : 0) + (taps > 3 ? d[x] * z : 0);
        out[x] = (int16_t)ROUND(sum, FIRST_SHIFT);
    }
}

/* Each row in turn is added to sums, which are kept in `sums`. */
static void add_many_rows(const uint8_t *first, size_t stride, const int16_t *weights, int32_t taps, int32_t count,
                          int32_t *restrict sums, int16_t *restrict out) {
    for (int32_t x = 0; x < count; x++) {
        sums[x] = 1 << (FIRST_SHIFT - 1);
    }
    for (int32_t t = 0; t < taps; t++) {
        const uint8_t *restrict row = first + (size_t)t * stride;
        const int32_t weight = weights[t];
        for (int32_t x = 0; x < count; x++) {
            sums[x] += row[x] * weight;
        }
    }
    for (int32_t x = 0; x < count; x++) {
        out[x] = (int16_t)(sums[x] >> FIRST_SHIFT);
    }
}

/* With 1 to 4 taps in a loop of its own, which compilers make vectors of. */
static void first_pass(const uint8_t *plane, size_t stride, const filter *f, int32_t y, int32_t count, int32_t *sums,
                       int16_t *restrict out) {
    const uint8_t *rows[4];
    const int16_t *weights = f->weights + (ptrdiff_t)y * f->taps;
    const uint8_t *restrict first = plane + (size_t)f->starts[y] * stride;
    int32_t taps = f->taps;
    while (taps > 1 && weights[taps - 1] == 0) {
        taps--;
    }
    for (int32_t t = 0; t < 4; t++) {
        rows[t] = first + (size_t)(t < taps ? t : 0) * stride;
    }
    switch (taps) {
    case 1:
        for (int32_t x = 0; x < count; x++) {
            out[x] = (int16_t)(first[x] << ROW_BITS);
        }
        break;
    case 2:
        add_rows(rows, weights, 2, count, out);
        break;
    case 3:
        add_rows(rows, weights, 3, count, out);
        break;
    case 4:
        add_rows(rows, weights, 4, count, out);
        break;
    default:
        add_many_rows(first, stride, weights, taps, count, sums, out);
    }
}

/* `taps` and `channels` are constants where this is called. Values of 14 bits fit int16_t, which the fastest products take. */
static inline __attribute__((always_inline)) void add_columns(const int16_t *restrict row, const filter *f, int32_t taps,
                                                              int32_t channels, uint8_t *restrict out) {
    const int16_t *restrict weights = f->weights;
    const int32_t *restrict starts = f->starts;
    const int32_t count = f->count, step = f->taps;
    for (int32_t x = 0; x < count; x++, weights += step, out += channels) {
        const int16_t *restrict from = row + (ptrdiff_t)starts[x] * channels;
        for (int32_t c = 0; c < channels; c++) {
            int32_t sum = 0;
            for (int32_t t = 0; t < taps; t++) {
                sum += from[t * channels + c] * weights[t];
            }
            out[c] = (uint8_t)ROUND(sum, SECOND_SHIFT);
        }
    }
}

/* A function for each number of channels, so that compilers do not share one among them. */
#define SECOND_PASS(name, channels)                                                                 \
    static __attribute__((noinline)) void name(const int16_t *row, const filter *f, uint8_t *out) { \
        switch (f->taps) {                                                                          \
        case 1:                                                                                     \
            add_columns(row, f, 1, channels, out);                                                  \
            break;                                                                                  \
        case 2:                                                                                     \
            add_columns(row, f, 2, channels, out);                                                  \
            break;                                                                                  \
        case 3:                                                                                     \
            add_columns(row, f, 3, channels, out);                                                  \
            break;                                                                                  \
        case 4:                                                                                     \
            add_columns(row, f, 4, channels, out);                                                  \
            break;                                                                                  \
        default:                                                                                    \
            add_columns(row, f, f->taps, channels, out);                                            \
        }                                                                                           \
    }

SECOND_PASS(second_pass_of_1, 1)
SECOND_PASS(second_pass_of_2, 2)
SECOND_PASS(second_pass_of_3, 3)

static void second_pass(const int16_t *restrict row, const filter *f, int32_t channels, uint8_t *restrict out) {
    if (is_identity(f)) {
        row += (ptrdiff_t)f->starts[0] * channels;
        for (int32_t i = 0; i < f->count * channels; i++) {
            out[i] = (uint8_t)ROUND(row[i], ROW_BITS);
        }
    } else if (channels == 1) {
        second_pass_of_1(row, f, out);
    } else if (channels == 2) {
        second_pass_of_2(row, f, out);
    } else {
        second_pass_of_3(row, f, out);
    }
}

/* ---- frames ---- */

struct eq_resizer {
    eq_memory_block *memory;
    int32_t format, width, height, channels; /* of frames; bytes of a result's pixel */
    int32_t out_width, out_height;
    int32_t left, top, inner_width, inner_height; /* where the picture lies in the result */
    uint8_t fill;
    eq_geometry geometry;
    filter columns, rows, colour_columns, colour_rows;
    int16_t *row; /* of the source's width */
    int32_t *sums;
    uint8_t *brightness, *colours[2]; /* rows of the result's width */
    eq_colour_table colour;
};

static int32_t share(int32_t length, int32_t part, int32_t whole) {
    const int32_t rounded = (int32_t)(((int64_t)length * part * 2 + whole) / (2 * (int64_t)whole));
    return rounded > 1 ? rounded : 1;
}

static bool make_filters(eq_resizer *r, double left, double top, double width, double height) {
    const int32_t w = (r->width + 1) / 2, h = (r->height + 1) / 2;
    return make_filter(&r->columns, &r->memory, r->width, left, width, r->inner_width) &&
           make_filter(&r->rows, &r->memory, r->height, top, height, r->inner_height) &&
           (!eq_frame_has_colour_planes(r->format) || r->channels == 1 ||
            (make_filter(&r->colour_columns, &r->memory, w, left / 2, width / 2, r->inner_width) &&
             make_filter(&r->colour_rows, &r->memory, h, top / 2, height / 2, r->inner_height)));
}

static bool make_rows(eq_resizer *r) {
    const size_t widest = (size_t)(r->width + 2) * 3, taps = (size_t)(r->columns.taps + r->colour_columns.taps + PAST) * 3;
    r->row = eq_memory_take(&r->memory, (widest + taps) * sizeof *r->row);
    r->sums = eq_memory_take(&r->memory, widest * sizeof *r->sums);
    r->brightness = eq_memory_take(&r->memory, (size_t)r->inner_width * 3);
    r->colours[0] = eq_memory_take(&r->memory, (size_t)r->inner_width * 2);
    r->colours[1] = eq_memory_take(&r->memory, (size_t)r->inner_width);
    return r->row != NULL && r->sums != NULL && r->brightness != NULL && r->colours[0] != NULL && r->colours[1] != NULL;
}

eq_resizer *eq_resizer_make(const eq_frame *like, int32_t fit, uint8_t fill, int32_t width, int32_t height, int32_t channels) {
    eq_resizer *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    *r = (eq_resizer){.format = like->format,
                      .width = like->width,
                      .height = like->height,
                      .channels = channels,
                      .out_width = width,
                      .out_height = height,
                      .inner_width = width,
                      .inner_height = height,
                      .fill = fill,
                      .geometry = {.frame_width = like->width, .frame_height = like->height}};
    int32_t left = 0, top = 0, w = like->width, h = like->height;
    const bool is_wider = (int64_t)like->width * height > (int64_t)like->height * width;
    if (fit == EQ_FIT_CROP && is_wider) {
        w = share(like->height, width, height);
        w = w < like->width ? w : like->width;
        left = (like->width - w) / 2;
    } else if (fit == EQ_FIT_CROP) {
        h = share(like->width, height, width);
        h = h < like->height ? h : like->height;
        top = (like->height - h) / 2;
    } else if (fit == EQ_FIT_LETTERBOX && is_wider) {
        r->inner_height = share(like->height, width, like->width);
        r->top = (height - r->inner_height) / 2;
    } else if (fit == EQ_FIT_LETTERBOX) {
        r->inner_width = share(like->width, height, like->height);
        r->left = (width - r->inner_width) / 2;
    }
    r->geometry.scale[0] = (float)w / (float)r->inner_width;
    r->geometry.scale[1] = (float)h / (float)r->inner_height;
    r->geometry.origin[0] = (float)left - (float)r->left * r->geometry.scale[0];
    r->geometry.origin[1] = (float)top - (float)r->top * r->geometry.scale[1];
    if (!make_filters(r, left, top, w, h) || !make_rows(r)) {
        eq_resizer_free(r);
        return NULL;
    }
    eq_colour_table_fill(&r->colour, like->format == EQ_FRAME_YUV420_FULL || like->format == EQ_FRAME_NV12_FULL);
    return r;
}

void eq_resizer_free(eq_resizer *resizer) {
    if (resizer != NULL) {
        eq_memory_block *memory = resizer->memory;
        eq_memory_free(&memory);
        free(resizer);
    }
}

bool eq_resizer_suits(const eq_resizer *resizer, const eq_frame *frame) {
    return resizer != NULL && resizer->format == frame->format && resizer->width == frame->width &&
           resizer->height == frame->height;
}

const eq_geometry *eq_resizer_geometry(const eq_resizer *resizer) {
    return &resizer->geometry;
}

static void resize_plane(eq_resizer *r, const eq_frame *frame, int32_t plane, const filter *rows, const filter *columns,
                         int32_t y, int32_t width, int32_t channels, uint8_t *out) {
    first_pass(frame->planes[plane], frame->strides[plane], rows, y, width * channels, r->sums, r->row);
    second_pass(r->row, columns, channels, out);
}

static void resize_colour_row(eq_resizer *r, const eq_frame *frame, int32_t y, uint8_t *out) {
    const int32_t half = (r->width + 1) / 2, width = r->inner_width;
    resize_plane(r, frame, 0, &r->rows, &r->columns, y, r->width, 1, r->brightness);
    if (r->channels == 1) {
        eq_brightness(&r->colour, r->brightness, width, out);
    } else if (eq_frame_is_nv12(r->format)) {
        resize_plane(r, frame, 1, &r->colour_rows, &r->colour_columns, y, half, 2, r->colours[0]);
        eq_colours_of_pairs(&r->colour, r->brightness, r->colours[0], width, out);
    } else {
        resize_plane(r, frame, 1, &r->colour_rows, &r->colour_columns, y, half, 1, r->colours[0]);
        resize_plane(r, frame, 2, &r->colour_rows, &r->colour_columns, y, half, 1, r->colours[1]);
        eq_colours(&r->colour, r->brightness, r->colours[0], r->colours[1], width, out);
    }
}

/* Of frames whose pixels are bytes one behind the other. */
static void resize_row(eq_resizer *r, const eq_frame *frame, int32_t y, uint8_t *out) {
    const int32_t channels = eq_frame_channels(r->format), width = r->inner_width;
    uint8_t *row = channels == r->channels && r->format != EQ_FRAME_BGR ? out : r->brightness;
    resize_plane(r, frame, 0, &r->rows, &r->columns, y, r->width, channels, row);
    if (channels == 1 && r->channels == 3) {
        for (int32_t x = 0; x < width; x++) {
            out[3 * x] = out[3 * x + 1] = out[3 * x + 2] = row[x];
        }
    } else if (r->channels == 1 && channels == 3) {
        const int32_t red = r->format == EQ_FRAME_BGR ? 2 : 0;
        for (int32_t x = 0; x < width; x++) {
            out[x] = eq_grey(row[3 * x + red], row[3 * x + 1], row[3 * x + 2 - red]);
        }
    } else if (row != out) {
        for (int32_t x = 0; x < width; x++) {
            out[3 * x] = row[3 * x + 2];
            out[3 * x + 1] = row[3 * x + 1];
            out[3 * x + 2] = row[3 * x];
        }
    }
}

void eq_resizer_run(eq_resizer *r, const eq_frame *frame, uint8_t *pixels) {
    const size_t stride = (size_t)r->out_width * (size_t)r->channels;
    if (r->inner_width != r->out_width || r->inner_height != r->out_height) {
        memset(pixels, r->fill, stride * (size_t)r->out_height);
    }
    for (int32_t y = 0; y < r->inner_height; y++) {
        uint8_t *out = pixels + (size_t)(y + r->top) * stride + (size_t)r->left * (size_t)r->channels;
        if (eq_frame_has_colour_planes(r->format)) {
            resize_colour_row(r, frame, y, out);
        } else {
            resize_row(r, frame, y, out);
        }
    }
}

eq_status eq_frame_resize(const eq_frame *frame, int32_t fit, uint8_t fill, int32_t width, int32_t height, int32_t channels,
                          uint8_t *pixels, eq_error *error) {
    if (eq_frame_bytes(frame->format, frame->width, frame->height) == 0 || fit < EQ_FIT_STRETCH || fit > EQ_FIT_LETTERBOX ||
        width < 1 || width > EQ_FRAME_MOST || height < 1 || height > EQ_FRAME_MOST || (channels != 1 && channels != 3)) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "a frame becomes 1 to %d pixels each way, of 1 or 3 channels", EQ_FRAME_MOST);
    }
    eq_resizer *resizer = eq_resizer_make(frame, fit, fill, width, height, channels);
    if (resizer == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory to resize a frame");
    }
    eq_resizer_run(resizer, frame, pixels);
    eq_resizer_free(resizer);
    return EQ_OK;
}
