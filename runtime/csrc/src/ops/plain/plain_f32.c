/* ADD, SUB and MUL of float32. */
#include "plain_rows.h"

EQ_RUNS(add_f32, float, eq_bounded(parameters, a + b))
EQ_RUNS(sub_f32, float, eq_bounded(parameters, a - b))
EQ_RUNS(sub_f32_swapped, float, eq_bounded(parameters, b - a))
EQ_RUNS(mul_f32, float, eq_bounded(parameters, a *b))

const eq_plain_row eq_plain_rows_f32[] = {
    EQ_SAME_RUNS(EQ_OP_ADD, add_f32),
    EQ_ORDERED_RUNS(EQ_OP_SUB, sub_f32),
    EQ_SAME_RUNS(EQ_OP_MUL, mul_f32),
};
const size_t eq_plain_row_count_f32 = sizeof eq_plain_rows_f32 / sizeof *eq_plain_rows_f32;
