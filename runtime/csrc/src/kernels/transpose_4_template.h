/* Transposes of values of four bytes: include after PREFIX(name), enum { BLOCK_ROWS, BLOCK_COLUMNS } and transpose_block(in, in_stride,
 * out, out_stride), which does so many; what is left goes one by one. */
#include <stdint.h>
#include <string.h>

enum { BYTES = 4 };

static void copy(const int8_t *in, ptrdiff_t in_step, int8_t *out, ptrdiff_t out_step, int32_t count) {
    for (; count > 0; count--, in += in_step, out += out_step) {
        memcpy(out, in, BYTES);
    }
}

/* The inner loop is the longer one. */
static void transpose_one_by_one(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows,
                                 int32_t columns) {
    for (int32_t r = 0; rows <= columns && r < rows; r++) {
        copy(in + r * in_stride, BYTES, out + r * BYTES, out_stride, columns);
    }
    for (int32_t c = 0; rows > columns && c < columns; c++) {
        copy(in + c * BYTES, in_stride, out + c * out_stride, BYTES, rows);
    }
}

void PREFIX(transpose_4)(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows,
                         int32_t columns) {
#ifdef INTERLEAVES_THREE
    if (rows == 3 && out_stride == 3 * BYTES) {
        const int32_t done = interleave_three(in, in_stride, out, columns);
        in += done * BYTES, out += done * out_stride, columns -= done;
    }
#endif
    const int32_t whole_rows = rows & -BLOCK_ROWS, whole_columns = columns & -BLOCK_COLUMNS;
    for (int32_t r = 0; r < whole_rows; r += BLOCK_ROWS) {
        for (int32_t c = 0; c < whole_columns; c += BLOCK_COLUMNS) {
            transpose_block(in + r * in_stride + c * BYTES, in_stride, out + c * out_stride + r * BYTES, out_stride);
        }
    }
    transpose_one_by_one(in + whole_columns * BYTES, in_stride, out + whole_columns * out_stride, out_stride, whole_rows,
                         columns - whole_columns);
    transpose_one_by_one(in + whole_rows * in_stride, in_stride, out + whole_rows * BYTES, out_stride, rows - whole_rows,
                         columns);
}
