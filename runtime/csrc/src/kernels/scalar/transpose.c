#include <string.h>

#include "set.h"

/* Swap the bytes of a that `mask` covers, `shift` bits up, with those of b that it covers. */
#define SWAP(a, b, shift, mask)                                \
    do {                                                       \
        const uint64_t difference = ((a >> shift) ^ b) & mask; \
        a ^= difference << shift;                              \
        b ^= difference;                                       \
    } while (0)

/* 8 x 8 bytes in eight registers: blocks of 4, of 2, of 1 change places. */
static void transpose8(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride) {
    uint64_t rows[8];
    for (int i = 0; i < 8; ++i) {
        memcpy(&rows[i], in + i * in_stride, 8);
    }
    for (int i = 0; i < 4; ++i) {
        SWAP(rows[i], rows[i + 4], 32, UINT64_C(0x00000000ffffffff));
    }
    for (int i = 0; i < 8; i += i % 4 == 1 ? 3 : 1) {
        SWAP(rows[i], rows[i + 2], 16, UINT64_C(0x0000ffff0000ffff));
    }
    for (int i = 0; i < 8; i += 2) {
        SWAP(rows[i], rows[i + 1], 8, UINT64_C(0x00ff00ff00ff00ff));
    }
    for (int i = 0; i < 8; ++i) {
        memcpy(out + i * out_stride, &rows[i], 8);
    }
}

/* Any size: the longer side is the inner loop. */
static void transpose_part(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows,
                           int32_t columns) {
    if (rows > columns) {
        for (int32_t c = 0; c < columns; ++c) {
            for (int32_t r = 0; r < rows; ++r) {
                out[c * out_stride + r] = in[r * in_stride + c];
            }
        }
        return;
    }
    for (int32_t r = 0; r < rows; ++r) {
        for (int32_t c = 0; c < columns; ++c) {
            out[c * out_stride + r] = in[r * in_stride + c];
        }
    }
}

void eq_scalar_transpose(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows,
                         int32_t columns) {
    const int32_t whole_rows = rows & ~7, whole_columns = columns & ~7;
    for (int32_t r = 0; r < whole_rows; r += 8) {
        for (int32_t c = 0; c < whole_columns; c += 8) {
            transpose8(in + r * in_stride + c, in_stride, out + c * out_stride + r, out_stride);
        }
    }
    transpose_part(in + whole_columns, in_stride, out + whole_columns * out_stride, out_stride, whole_rows,
                   columns - whole_columns);
    transpose_part(in + whole_rows * in_stride, in_stride, out + whole_rows, out_stride, rows - whole_rows, columns);
}
