/* A plan: the model's operators turned into steps with kernels, memory and shapes settled, ready to run.
 *
 * Each operator has one `eq_prepare_*` function (ops/), called in the model's order when a session opens. It
 *   1. checks its options, inputs and their types, shapes and quantization (the file is untrusted),
 *   2. gives its outputs their shapes, eq_plan_shape(), from the inputs' (not from the file: the batch may differ),
 *   3. adds one or more steps, eq_plan_step(), each a `run` function and its private data.
 * Memory addresses are known later: a step names tensors, and `run` finds them in `storage`.
 *
 * Constants: if all inputs of an operator are constant the planner runs its steps at once and makes the outputs constant.
 */
#ifndef EQ_PLAN_H
#define EQ_PLAN_H

#include "kernels/kernels.h"
#include "read/model.h"

/* Where a tensor is during a run. Dense tensors are in C order. A tensor "in rows" is a 4-D tensor (batch, height,
 * width, channels) whose pixels of a row are adjacent, but whose rows lie `row_stride` and images `image_stride` bytes apart:
 * the gap holds padding for a later convolution. For dense tensors of rank 4 the strides are right too. At least
 * EQ_SLACK bytes before and after every tensor may be read (not constants of the file: see eq_plan_is_constant). */
typedef struct eq_storage {
    void *data;
    ptrdiff_t row_stride, image_stride; /* bytes */
} eq_storage;

enum { EQ_SLACK = 64 };

typedef struct eq_halo {
    int32_t top, bottom, left, right; /* pixels */
} eq_halo;

/* A tensor that a step reads or writes. */
typedef struct eq_use {
    int32_t tensor;
    bool rows;    /* the step follows the strides; otherwise the tensor is dense */
    eq_halo halo; /* pixels around the image that the step reads; they hold the zero point, or 0. Needs `rows`. Inputs only */
} eq_use;

typedef struct eq_step eq_step;

/* Do units `first` to `last` - 1 of the step. Runs on any thread; units may run in any order and at the same time.
 * `scratch` has step->scratch bytes, aligned to 64, private to this call. It cannot fail; a step of one unit that computes a place
 * outside of a tensor may end the run (eq_loops.outside, body.h). What runs steps calls eq_step_run (fill.h). */
typedef void (*eq_run_fn)(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch);

struct eq_step {
    eq_run_fn run;
    const eq_operator *op;
    int32_t units; /* independent parts of the work; 1 if it cannot be split */
    uint64_t cost; /* multiply-accumulates, or bytes touched / 4: small steps stay on one thread */
    uint64_t macs; /* for the profile */
    bool floats;   /* float32, dynamic range or 16 bits, in what networks of those are full of */
    bool
        slow; /* other engines do it faster on some CPU, whichever this is: loops of plain C, or kernels that are not yet level */
    bool open_ended; /* values decide how long it takes, or it grows faster than its cost */
    size_t scratch;  /* bytes for each call */
    int32_t input_count, output_count;
    eq_use *inputs, *outputs;
    const struct eq_fill *fills; /* the padding around images that it writes, or NULL (fill.h) */
    void *data;                  /* the operator's own */
    const char *fused;           /* names of all operators that the step does, or NULL for op's */
};

typedef struct eq_plan_tensor {
    eq_tensor tensor;           /* dims are this session's; data is set for constants */
    const eq_operator *made_by; /* NULL: the graph's input, a constant of the file, a temporary */
    const struct eq_part *part; /* of another tensor: nothing is copied, only ops/move/list.c takes it. NULL: an own tensor */
    int32_t alias;              /* an earlier tensor whose memory this one shares (RESHAPE), or -1 */
    eq_halo halo;               /* padding that its memory has around each image (layout.c) */
    /* Set by PAD if all it does is put `pad` zero points around the images of `pad_source`, else pad_source is -1: a
     * convolution may read the source with a halo, and the step of the PAD goes if nobody else reads it. */
    int32_t pad_source;
    eq_halo pad;
} eq_plan_tensor;

typedef struct eq_plan {
    eq_model *model;
    const eq_graph *graph;
    const eq_kernels *kernels;
    int32_t *inputs, *outputs; /* the graph's, as the caller sees them: uint8 where the file says so */
    int32_t tensor_count, tensor_capacity;
    eq_plan_tensor *tensors;
    int32_t step_count, step_capacity;
    eq_step **steps;
    struct eq_variable *variables;
    struct eq_loops *loops;    /* shared with the plans of graphs that operators run */
    struct eq_plan *bodies;    /* these plans */
    struct eq_plan *next_body; /* of the plan that this one belongs to */
    bool is_body;
    bool half;         /* products compute with float16 (half.h) */
    int32_t *others;   /* for each tensor, where half: one more than the tensor of its values in float32 or float16, or 0 */
    int32_t past_half; /* products whose constants float16 does not hold */
    bool takes_empty;  /* the operator that is prepared now gives outputs of no elements as others (empty.c) */
    struct eq_memory_block *memory;
    uint64_t memory_used;
    eq_error *error;
} eq_plan;

/* ---- for prepare functions (helpers.c). After a failure return the status; the error is written. ---- */

/* "CONV_2D (operator 3): <sentence>". */
__attribute__((format(printf, 4, 5))) eq_status eq_plan_fail(eq_plan *plan, const eq_operator *op, eq_status status,
                                                             const char *format, ...);
/* Checks the numbers of inputs and outputs, and that no input but those marked optional (bit i of `optional`) is absent. */
eq_status eq_plan_arity(eq_plan *plan, const eq_operator *op, int32_t least_inputs, int32_t most_inputs, uint64_t optional,
                        int32_t outputs);
/* An operator's input or output as it is in this session; NULL for an absent input. */
const eq_tensor *eq_plan_input(const eq_plan *plan, const eq_operator *op, int32_t slot);
const eq_tensor *eq_plan_output(const eq_plan *plan, const eq_operator *op, int32_t slot);
/* Give an output its shape: fails if a dimension is < 0 or the tensor is larger than the limit. If it has no elements, that ends
 * the prepare function like a failure, and all is well (empty.h). */
eq_status eq_plan_shape(eq_plan *plan, const eq_operator *op, int32_t slot, int32_t rank, const int32_t *dims);
/* Zeroed memory that lives as long as the plan; NULL (error written) past the limit. */
void *eq_plan_take(eq_plan *plan, size_t bytes);
/* A new dense tensor for intermediate results; returns -1 (error written) past the limit. */
int32_t eq_plan_temporary(eq_plan *plan, eq_type type, int32_t rank, const int32_t *dims);
/* A new step, appended; its uses are zeroed and tensor is -1, units 1. NULL: error written. */
eq_step *eq_plan_step(eq_plan *plan, const eq_operator *op, eq_run_fn run, size_t data_bytes, int32_t inputs, int32_t outputs);
eq_status eq_plan_append(eq_plan *plan, eq_step *step);
/* Let an output share its input's memory (same bytes, other shape) without a step, or a copy where that cannot be. */
eq_status eq_plan_alias(eq_plan *plan, const eq_operator *op, int32_t output, int32_t input);
/* Make an output a constant; `values` must live as long as the plan (eq_plan_take) or the model. */
void eq_plan_constant(eq_plan *plan, int32_t tensor, const void *values);
/* Packed weights of the operator: made by `pack(arguments, memory)` the first time, shared with the model's other sessions.
 * NULL: error written. The size must not depend on the session. */
const void *eq_plan_packed(eq_plan *plan, const eq_operator *op, size_t bytes,
                           void (*pack)(const void *arguments, void *packed), const void *arguments);

/* ---- for sessions (plan.c) ---- */

/* Plan the model's main graph for these input shapes (NULL: the file's). */
eq_status eq_plan_make(eq_model *model, const eq_shape *input_shapes, eq_plan **plan, eq_error *error);
void eq_plan_free(eq_plan *plan);
/* What a caller is told: operators that do not fit together are EQ_ERROR_MODEL among planners, but the file was found whole, and
 * another engine may make sense of it. */
eq_status eq_plan_status(eq_status status);
/* Plan once and throw the plan away: finds out whether the model can run and how much work it is, and packs its weights. */
eq_status eq_plan_check(eq_model *model, eq_error *error);

/* Decide which tensors carry padding, and add the steps that fill it or copy tensors to get it. (layout.c) */
eq_status eq_plan_layout(eq_plan *plan);
/* The tensor whose memory this one uses: itself, or the end of its chain of aliases. */
int32_t eq_plan_root(const eq_plan *plan, int32_t tensor);
/* Whether what an operator reads of a tensor is there for those after it too: of all but variables. */
bool eq_plan_stays(const eq_plan *plan, int32_t tensor);
bool eq_plan_is_edge(const eq_plan *plan, int32_t tensor); /* an input or output of the graph */
/* Bytes of a tensor's memory with its halo, and where and how its values lie in it. */
size_t eq_plan_tensor_bytes(const eq_plan_tensor *tensor);
eq_storage eq_plan_storage(const eq_plan_tensor *tensor, void *memory);
/* Offsets of every tensor in one block of memory, such that tensors that live at the same time do not overlap: greedy, largest
 * first. Constants and aliases have none. Returns the block's size, SIZE_MAX without memory. (arena.c) */
size_t eq_plan_arena(eq_plan *plan, size_t *offsets);
/* Where each tensor is, with that block at `arena`. (arena.c) */
void eq_plan_place(const eq_plan *plan, const size_t *offsets, uint8_t *arena, eq_storage *storage);
/* What the step with the most scratch needs, in whole lines of 64 bytes. (arena.c) */
size_t eq_plan_most_scratch(const eq_plan *plan);

#endif
