/* Moving values about as they are: nested loops over two tensors. Slices, transposes, concatenations, tiles and blocks are all
 * made of moves. */
#ifndef EQ_MOVE_H
#define EQ_MOVE_H

#include "plan/plan.h"

enum { EQ_MOVE_LOOPS = 2 * EQ_MAX_RANK };

/* A place in a tensor, or a step from one to another. The sizes of rows and images are known when the step runs; only images
 * (eq_is_image) are counted in them, others in bytes. */
typedef struct eq_place {
    ptrdiff_t images, rows, bytes;
} eq_place;

typedef struct eq_move_loop {
    int32_t count;
    eq_place in, out; /* steps */
} eq_move_loop;

/* for each loop, outermost first: copy `run` adjacent bytes from `in` to `out`. */
typedef struct eq_move {
    int32_t input, output; /* which of the step's uses */
    eq_place in, out;      /* where it starts */
    size_t run;
    bool transposes; /* the two innermost loops are a transpose of bytes: set by eq_move_step */
    int32_t loop_count;
    eq_move_loop loops[EQ_MOVE_LOOPS];
} eq_move;

/* `steps` along an axis of a tensor of this shape. */
eq_place eq_place_along(const eq_tensor *tensor, int32_t axis, ptrdiff_t steps);
eq_place eq_place_sum(eq_place a, eq_place b);

/* A move of single elements without loops, and another loop inside of its loops. */
eq_move eq_move_of(const eq_tensor *tensor, int32_t input, int32_t output);
void eq_move_loop_inside(eq_move *move, int32_t count, eq_place in, eq_place out);

/* Append one step that does all of the moves; move->input and output count in `inputs` and `outputs`, which are tensors. */
eq_status eq_move_step(eq_plan *plan, const eq_operator *op, const eq_move *moves, int32_t count, const int32_t *inputs,
                       const int32_t *outputs);

#endif
