#include <arm_neon.h>

#include "set.h"

enum { SIDE = 16 };

/* 16 x 16 bytes. A byte's place has 8 bits, row and column; interleaving the first 8 rows with the last rotates them by one,
 * so that four times swap rows and columns. */
static void transpose16(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride) {
    int8x16_t a[SIDE], b[SIDE];
    for (int i = 0; i < SIDE; i++) {
        a[i] = vld1q_s8(in + i * in_stride);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < SIDE / 2; i++) {
            const int8x16x2_t zipped = vzipq_s8(a[i], a[i + 8]);
            b[2 * i] = zipped.val[0];
            b[2 * i + 1] = zipped.val[1];
        }
        for (int i = 0; i < SIDE / 2; i++) {
            const int8x16x2_t zipped = vzipq_s8(b[i], b[i + 8]);
            a[2 * i] = zipped.val[0];
            a[2 * i + 1] = zipped.val[1];
        }
    }
    for (int i = 0; i < SIDE; i++) {
        vst1q_s8(out + i * out_stride, a[i]);
    }
}

void eq_neon_transpose(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows,
                       int32_t columns) {
    const int32_t whole_rows = rows & -SIDE, whole_columns = columns & -SIDE;
    for (int32_t r = 0; r < whole_rows; r += SIDE) {
        for (int32_t c = 0; c < whole_columns; c += SIDE) {
            transpose16(in + r * in_stride + c, in_stride, out + c * out_stride + r, out_stride);
        }
    }
    eq_scalar_transpose(in + whole_columns, in_stride, out + whole_columns * out_stride, out_stride, whole_rows,
                        columns - whole_columns);
    eq_scalar_transpose(in + whole_rows * in_stride, in_stride, out + whole_rows, out_stride, rows - whole_rows, columns);
}
