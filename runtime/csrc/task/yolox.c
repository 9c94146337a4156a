/* YOLOX and its like, which have one candidate in each cell of three grids.
 *
 * Their files have codes in them (Megvii, exported without decoding: centre from the cell's corner and the logarithms of width and
 * height, in strides), or boxes that are made of them (exported with decoding; YOLOv6): centre, width and height in pixels. Shapes are
 * the same. Values tell, because a candidate lies about its own cell: all of them are asked, so that no odd one decides, and what is in
 * the picture hardly matters. */
#include <math.h>

#include "arithmetic/functions_f32.h"
#include "task.h"

enum { STRIDES = 3, AFTER_BOX = 5 };

static const int32_t strides[STRIDES] = {8, 16, 32};

typedef struct grid {
    int32_t columns, cells;
    float stride;
} grid;

static grid grid_of(const eq_task *task, int32_t stride) {
    const int32_t columns = (task->image.width + stride - 1) / stride, rows = (task->image.height + stride - 1) / stride;
    return (grid){columns, columns * rows, (float)stride};
}

bool eq_are_yolox_cells(const eq_task *task, int64_t count) {
    for (int32_t s = 0; s < STRIDES; s++) {
        count -= grid_of(task, strides[s]).cells;
    }
    return count == 0;
}

/* ---- codes or boxes ---- */

/* Strides between a centre and the middle of a cell, along both axes. */
static float distance(float x, float y, int32_t column, int32_t row) {
    return fabsf(x - (float)column - 0.5f) + fabsf(y - (float)row - 0.5f);
}

/* 1: nearer to its cell if it is a code; -1: if it is a box; 0: a candidate without values. */
static int32_t vote(const float *box, const grid *g, int32_t cell) {
    const bool is_none = box[0] == 0 && box[1] == 0 && box[2] == 0 && box[3] == 0;
    if (is_none || !isfinite(box[0]) || !isfinite(box[1]) || !isfinite(box[2]) || !isfinite(box[3])) {
        return 0;
    }
    const float as_box = distance(box[0] / g->stride, box[1] / g->stride, cell % g->columns, cell / g->columns);
    const bool is_logarithm = box[2] < 0 || box[3] < 0; /* no box is as wide */
    return is_logarithm || distance(box[0], box[1], 0, 0) <= as_box ? 1 : -1;
}

static bool has_codes(const eq_task *task) {
    const int32_t width = task->outputs[0].info.shape[2];
    const float *row = task->outputs[0].values;
    int32_t votes = 0;
    for (int32_t s = 0; s < STRIDES; s++) {
        const grid g = grid_of(task, strides[s]);
        for (int32_t i = 0; i < g.cells; i++, row += width) {
            votes += vote(row, &g, i);
        }
    }
    return votes >= 0;
}

/* ---- boxes ---- */

static void add_code(eq_task *task, const float *code, const grid *g, int32_t cell, float score, int32_t class) {
    const float x = (code[0] + (float)(cell % g->columns)) * g->stride, y = (code[1] + (float)(cell / g->columns)) * g->stride;
    const float w = eq_exp_f32(code[2]) * g->stride, h = eq_exp_f32(code[3]) * g->stride;
    eq_add_box(task, (eq_box){x - w / 2, y - h / 2, x + w / 2, y + h / 2, score, class});
}

void eq_yolox_decode(eq_task *task) {
    const eq_reals_out *out = &task->outputs[0];
    const int32_t width = out->info.shape[2], classes = width - AFTER_BOX;
    const bool is_code =
        task->spec.units != EQ_UNIT && has_codes(task); /* codes are in strides, whatever units the task says */
    const float *row = out->values;
    for (int32_t s = 0; s < STRIDES; s++) {
        const grid g = grid_of(task, strides[s]);
        for (int32_t i = 0; i < g.cells; i++, row += width) {
            int32_t class;
            const float score = eq_score_of_row(task, row, classes, &class);
            if (!(score >= task->spec.least_score)) {
                continue;
            }
            if (is_code) {
                add_code(task, row, &g, i, score, class);
            } else {
                eq_add_centred(task, row[0], row[1], row[2], row[3], score, class);
            }
        }
    }
}
