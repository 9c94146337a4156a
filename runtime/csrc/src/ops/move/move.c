#include "move.h"

#include <string.h>

#include "base/memory.h"
#include "ops/arguments.h"

typedef struct eq_moves {
    const eq_kernels *kernels;
    int32_t count;
    eq_move moves[];
} eq_moves;

/* ---- what to move ---- */

eq_place eq_place_along(const eq_tensor *tensor, int32_t axis, ptrdiff_t steps) {
    if (eq_is_image(tensor) && axis < 2) {
        return axis == 0 ? (eq_place){.images = steps} : (eq_place){.rows = steps};
    }
    ptrdiff_t bytes = steps * eq_type_size(tensor->type);
    for (int32_t i = axis + 1; i < tensor->rank; ++i) {
        bytes *= tensor->dims[i];
    }
    return (eq_place){.bytes = bytes};
}

eq_place eq_place_sum(eq_place a, eq_place b) {
    return (eq_place){.images = a.images + b.images, .rows = a.rows + b.rows, .bytes = a.bytes + b.bytes};
}

eq_move eq_move_of(const eq_tensor *tensor, int32_t input, int32_t output) {
    return (eq_move){.input = input, .output = output, .run = (size_t)eq_type_size(tensor->type)};
}

void eq_move_loop_inside(eq_move *move, int32_t count, eq_place in, eq_place out) {
    if (count > 1) {
        move->loops[move->loop_count++] = (eq_move_loop){.count = count, .in = in, .out = out};
    }
}

static bool is_bytes(eq_place place, ptrdiff_t bytes) {
    return place.images == 0 && place.rows == 0 && place.bytes == bytes;
}

/* Whether `count` inner steps are one outer step. */
static bool spans(eq_place inner, int32_t count, eq_place outer) {
    return is_bytes(inner, inner.bytes) && is_bytes(outer, inner.bytes * count);
}

static void move_loop_last(eq_move *move, int32_t which) {
    const eq_move_loop loop = move->loops[which];
    for (int32_t i = which; i + 1 < move->loop_count; ++i) {
        move->loops[i] = move->loops[i + 1];
    }
    move->loops[move->loop_count - 1] = loop;
}

/* The order of loops does not matter to the result. Innermost: where the set has a kernel, the two that a transpose is made of; else the
 * longer of the last two. */
static void sort(eq_move *move, const eq_kernels *kernels) {
    int32_t row = -1, column = -1; /* loops over adjacent values of the output, of the input */
    for (int32_t i = 0; i < move->loop_count; ++i) {
        row = is_bytes(move->loops[i].out, (ptrdiff_t)move->run) ? i : row;
        column = is_bytes(move->loops[i].in, (ptrdiff_t)move->run) ? i : column;
    }
    move->transposes = (move->run == 1 || (move->run == 4 && kernels->transpose_4)) && row >= 0 && column >= 0 && row != column;
    if (move->transposes) {
        move_loop_last(move, row);
        move_loop_last(move, column > row ? column - 1 : column);
    } else if (move->loop_count > 1 && move->run <= 8 &&
               move->loops[move->loop_count - 1].count < move->loops[move->loop_count - 2].count) {
        move_loop_last(move, move->loop_count - 2);
    }
}

/* Longer runs and fewer loops. */
static void simplify(eq_move *move, const eq_kernels *kernels) {
    int32_t kept = 0;
    for (int32_t i = 0; i < move->loop_count; ++i) {
        eq_move_loop loop = move->loops[i];
        eq_move_loop *outer = kept > 0 ? &move->loops[kept - 1] : NULL;
        if (outer && spans(loop.in, loop.count, outer->in) && spans(loop.out, loop.count, outer->out)) {
            loop.count *= outer->count;
            *outer = loop;
        } else {
            move->loops[kept++] = loop;
        }
    }
    while (kept > 0 && is_bytes(move->loops[kept - 1].in, (ptrdiff_t)move->run) &&
           is_bytes(move->loops[kept - 1].out, (ptrdiff_t)move->run)) {
        move->run *= (size_t)move->loops[--kept].count;
    }
    move->loop_count = kept;
    sort(move, kernels);
}

/* ---- moving ---- */

typedef struct walk { /* a loop whose steps are known */
    int32_t count;
    ptrdiff_t in, out;
} walk;

static ptrdiff_t offset(eq_place place, const eq_storage *storage) {
    return place.images * storage->image_stride + place.rows * storage->row_stride + place.bytes;
}

/* Constant sizes become single loads and stores. */
#define MOVE_RUNS(size)                                                           \
    for (int32_t i = 0; i < known.count; ++i, in += known.in, out += known.out) { \
        memcpy(out, in, size);                                                    \
    }

static void innermost(const walk *loop, size_t run, const uint8_t *in, uint8_t *out) {
    if (loop->in == (ptrdiff_t)run && loop->out == (ptrdiff_t)run) { /* rows of images without padding */
        memcpy(out, in, (size_t)loop->count * run);
        return;
    }
    const walk known = *loop; /* which bytes that are written might be, else */
    switch (run) {
    case 1:
        MOVE_RUNS(1)
        break;
    case 4:
        MOVE_RUNS(4)
        break;
    case 8:
        MOVE_RUNS(8)
        break;
    case 64: /* the part of a vector that a head of attention has */
        MOVE_RUNS(64)
        break;
    default:
        MOVE_RUNS(run)
    }
}

static void walk_all(const eq_move *move, const eq_kernels *kernels, const walk *loops, int32_t count, const uint8_t *in,
                     uint8_t *out) {
    if (count == 2 && move->transposes) {
        (move->run == 4 ? kernels->transpose_4 : kernels->transpose)((const int8_t *)in, loops[0].in, (int8_t *)out,
                                                                     loops[1].out, loops[0].count, loops[1].count);
        return;
    }
    if (count == 1) {
        innermost(loops, move->run, in, out);
        return;
    }
    for (int32_t i = 0; i < loops->count; ++i) {
        walk_all(move, kernels, loops + 1, count - 1, in + i * loops->in, out + i * loops->out);
    }
}

/* A unit is a step of the outermost loop. */
static int32_t units_of(const eq_move *move) {
    return move->loop_count > 0 ? move->loops[0].count : 1;
}

static void run_move(const eq_move *move, const eq_kernels *kernels, const eq_storage *from, const eq_storage *to,
                     int32_t first, int32_t last) {
    if (move->loop_count == 0) {
        memcpy((uint8_t *)to->data + offset(move->out, to), (const uint8_t *)from->data + offset(move->in, from), move->run);
        return;
    }
    walk loops[EQ_MOVE_LOOPS]; /* not cleared: that would take longer than many a move */
    for (int32_t i = 0; i < move->loop_count; ++i) {
        const eq_move_loop *loop = &move->loops[i];
        loops[i] = (walk){.count = loop->count, .in = offset(loop->in, from), .out = offset(loop->out, to)};
    }
    loops[0].count = last - first;
    const uint8_t *in = (const uint8_t *)from->data + offset(move->in, from) + first * loops[0].in;
    uint8_t *out = (uint8_t *)to->data + offset(move->out, to) + first * loops[0].out;
    walk_all(move, kernels, loops, move->loop_count, in, out);
}

static void run_moves(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_moves *moves = step->data;
    for (int32_t i = 0; i < moves->count && last > 0; ++i) {
        const eq_move *move = &moves->moves[i];
        const int32_t units = units_of(move);
        if (first < units) {
            run_move(move, moves->kernels, &storage[step->inputs[move->input].tensor],
                     &storage[step->outputs[move->output].tensor], first > 0 ? first : 0, last < units ? last : units);
        }
        first -= units;
        last -= units;
    }
}

/* ---- steps ---- */

static uint64_t bytes_of(const eq_move *move) {
    uint64_t bytes = move->run;
    for (int32_t i = 0; i < move->loop_count; ++i) {
        bytes *= (uint64_t)move->loops[i].count;
    }
    return bytes;
}

static eq_use use_of(const eq_plan *plan, int32_t tensor) {
    return (eq_use){.tensor = tensor, .rows = eq_is_image(&plan->tensors[tensor].tensor)};
}

eq_status eq_move_step(eq_plan *plan, const eq_operator *op, const eq_move *moves, int32_t count, const int32_t *inputs,
                       const int32_t *outputs) {
    int32_t input_count = 0, output_count = 0;
    for (int32_t i = 0; i < count; ++i) {
        input_count = input_count > moves[i].input ? input_count : moves[i].input + 1;
        output_count = output_count > moves[i].output ? output_count : moves[i].output + 1;
    }
    const size_t bytes = eq_size_times((size_t)count, sizeof *moves);
    eq_step *step = eq_plan_step(plan, op, run_moves, bytes > SIZE_MAX / 2 ? SIZE_MAX : sizeof(eq_moves) + bytes, input_count,
                                 output_count);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_moves *all = step->data;
    all->kernels = plan->kernels;
    all->count = count;
    step->units = 0;
    for (int32_t i = 0; i < count; ++i) {
        all->moves[i] = moves[i];
        simplify(&all->moves[i], plan->kernels);
        step->units += units_of(&all->moves[i]);
        step->cost += bytes_of(&all->moves[i]) / 4;
        step->inputs[moves[i].input] = use_of(plan, inputs[moves[i].input]);
        step->outputs[moves[i].output] = use_of(plan, outputs[moves[i].output]);
    }
    return EQ_OK;
}
