/* PPM and PGM files (netpbm's P6 and P5): "P6", width, height and greatest value in digits, one white space, the pixels. */
#include <stdbool.h>

#include "base/error.h"
#include "frame.h"

typedef struct header {
    const uint8_t *bytes;
    size_t size, at;
} header;

static bool is_space(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* A number behind white space and comments; -1: there is none, or it is too large. */
static int32_t next_number(header *h) {
    for (; h->at < h->size && (is_space(h->bytes[h->at]) || h->bytes[h->at] == '#'); h->at++) {
        if (h->bytes[h->at] == '#') {
            while (h->at < h->size && h->bytes[h->at] != '\n') {
                h->at++;
            }
            if (h->at == h->size) {
                return -1;
            }
        }
    }
    int32_t number = -1;
    for (; h->at < h->size && h->bytes[h->at] >= '0' && h->bytes[h->at] <= '9' && number < 100000; h->at++) {
        number = (number < 0 ? 0 : number * 10) + (h->bytes[h->at] - '0');
    }
    return number < 100000 ? number : -1;
}

eq_status eq_frame_read_pnm(const void *bytes, size_t size, eq_frame *frame, eq_error *error) {
    header h = {.bytes = bytes, .size = size, .at = 2};
    if (size < 2 || h.bytes[0] != 'P' || (h.bytes[1] != '6' && h.bytes[1] != '5')) {
        return eq_fail(error, EQ_ERROR_ARGUMENT,
                       "it is no binary PPM or PGM file (P6, P5): convert the picture, as with ImageMagick's 'convert "
                       "photo.jpg photo.ppm'");
    }
    const int32_t width = next_number(&h), height = next_number(&h), most = next_number(&h);
    if (width < 1 || height < 1 || width > EQ_FRAME_MOST || height > EQ_FRAME_MOST || h.at >= size ||
        !is_space(h.bytes[h.at])) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "its header is damaged, or it has more than %d pixels each way",
                       EQ_FRAME_MOST);
    }
    if (most != 255) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "its greatest value is %d: only 255, one byte a value, is read", (int)most);
    }
    const int32_t format = h.bytes[1] == '6' ? EQ_FRAME_RGB : EQ_FRAME_GREY;
    const size_t needed = eq_frame_bytes(format, width, height), left = size - h.at - 1;
    if (left < needed) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "it is cut off: %zu of its %zu bytes of pixels are there", left, needed);
    }
    return eq_frame_of(h.bytes + h.at + 1, needed, format, width, height, frame, error);
}
