/* Frames as they come: how many bytes, which planes, and what people call them. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "frame.h"

static const char names[][12] = {"rgb", "bgr", "grey", "yuv420", "nv12", "yuv420-full", "nv12-full"};
enum { FORMATS = sizeof names / sizeof *names };

int32_t eq_frame_channels(int32_t format) {
    return format == EQ_FRAME_RGB || format == EQ_FRAME_BGR ? 3 : 1;
}

bool eq_frame_has_colour_planes(int32_t format) {
    return format >= EQ_FRAME_YUV420;
}

bool eq_frame_is_nv12(int32_t format) {
    return format == EQ_FRAME_NV12 || format == EQ_FRAME_NV12_FULL;
}

static bool is_frame(int32_t format, int32_t width, int32_t height) {
    return format >= 0 && format < FORMATS && width >= 1 && width <= EQ_FRAME_MOST && height >= 1 && height <= EQ_FRAME_MOST;
}

size_t eq_frame_bytes(int32_t format, int32_t width, int32_t height) {
    if (!is_frame(format, width, height)) {
        return 0;
    }
    const size_t pixels = (size_t)width * (size_t)height, colours = ((size_t)width + 1) / 2 * (((size_t)height + 1) / 2);
    return pixels * (size_t)eq_frame_channels(format) + (eq_frame_has_colour_planes(format) ? 2 * colours : 0);
}

eq_status eq_frame_of(const void *bytes, size_t size, int32_t format, int32_t width, int32_t height, eq_frame *frame,
                      eq_error *error) {
    const size_t needed = eq_frame_bytes(format, width, height);
    if (needed == 0) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "there is no frame of %d x %d pixels in format %d: 1 to %d pixels each way",
                       (int)width, (int)height, (int)format, EQ_FRAME_MOST);
    }
    if (size != needed) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "a frame of %d x %d pixels in %s has %zu bytes, not %zu", (int)width,
                       (int)height, names[format], needed, size);
    }
    const size_t row = (size_t)width * (size_t)eq_frame_channels(format), half = ((size_t)width + 1) / 2;
    const uint8_t *first = bytes, *colours = first + row * (size_t)height;
    *frame = (eq_frame){format, width, height, {first, NULL, NULL}, {row, 0, 0}};
    if (eq_frame_is_nv12(format)) {
        frame->planes[1] = colours;
        frame->strides[1] = 2 * half;
    } else if (eq_frame_has_colour_planes(format)) {
        frame->planes[1] = colours;
        frame->planes[2] = colours + half * (((size_t)height + 1) / 2);
        frame->strides[1] = frame->strides[2] = half;
    }
    return EQ_OK;
}

eq_status eq_frame_parse(const char *text, eq_frame *frame, eq_error *error) {
    int width = 0, height = 0, end = 0;
    if (sscanf(text, "%5dx%5d:%n", &width, &height, &end) == 2 && end > 0) {
        for (int32_t format = 0; format < FORMATS; format++) {
            if (strcmp(text + end, names[format]) == 0 && is_frame(format, width, height)) {
                *frame = (eq_frame){.format = format, .width = width, .height = height};
                return EQ_OK;
            }
        }
    }
    return eq_fail(error, EQ_ERROR_ARGUMENT,
                   "'%s' are no frames: give WIDTHxHEIGHT:FORMAT, as 640x480:yuv420; formats are rgb, bgr, grey, yuv420, nv12, "
                   "yuv420-full and nv12-full",
                   text);
}
