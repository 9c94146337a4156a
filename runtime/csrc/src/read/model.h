/* What a .tflite file says, after every offset, length and index in it was checked: the rest of the engine trusts this. */
#ifndef EQ_MODEL_H
#define EQ_MODEL_H

#include "edgequant.h"
#include "base/error.h"

/* A table inside the file; all fields are read through the bounds-checked functions of flatbuffer.h. */
typedef struct eq_table {
    const uint8_t *file;
    uint32_t size;     /* of the file */
    uint32_t position; /* of the table; 0: absent, every field has its default */
} eq_table;

typedef struct eq_tensor {
    const char *name;
    /* The type inside the engine. Quantized uint8 is read as int8: zero points are 128 less and constants have their top
     * bit flipped, so that no operator needs to know; the graph's edges translate. Constants of quantized int4 become int8. */
    eq_type type;
    eq_type file_type;
    int32_t rank;
    int32_t dims[EQ_MAX_RANK];      /* all >= 0: a tensor may have no elements (plan/empty.h) */
    int32_t signature[EQ_MAX_RANK]; /* as dims, or -1 where the size is free */
    int32_t scale_count;            /* 0: not quantized; 1: per tensor; else dims[channel_axis], per channel */
    const float *scales;            /* each finite and > 0; per channel also 0, of a dead channel */
    const int32_t *zero_points;     /* scale_count of them, within the type's range */
    int32_t channel_axis;
    int32_t block_size,
        block_scales; /* int4 that keeps its type, two in a byte, with a scale for each so many values of a row: that
                                       * many, and the tensor of float16 scales. 0: not so */
    const void *data; /* a constant's values, aligned for their type; NULL: computed during a run */
    bool is_variable;
    /* What keeps every operator of this engine from using it, as in "a tensor that is sparse"; NULL: nothing. Only name and type are good
     * then. */
    const char *unsupported;
} eq_tensor;

enum { EQ_MAX_CALLS = 2 };

typedef struct eq_operator {
    int32_t index; /* in the file's order */
    int32_t code;  /* EQ_OP_... */
    const char *name;
    const char *custom; /* the name alone, where code is EQ_OP_CUSTOM */
    int32_t input_count, output_count;
    const int32_t *inputs, *outputs; /* tensors; an input may be -1: absent. Outputs are written once, by one operator */
    const int32_t *intermediates;    /* tensors whose scales an operator needs inside, as LSTM does; -1: absent */
    int32_t intermediate_count;
    eq_table options;              /* builtin_options */
    const uint8_t *custom_options; /* of a custom operator, for flexbuffer.h to read or as it has them */
    size_t custom_options_size;
    int32_t calls[EQ_MAX_CALLS]; /* graphs that it runs, as IF and WHILE do; -1: none */
} eq_operator;

typedef struct eq_graph {
    int32_t tensor_count, operator_count, input_count, output_count;
    eq_tensor *tensors;
    eq_operator *operators;
    const int32_t *inputs, *outputs;
    const char **input_names, **output_names; /* of the main graph: a signature's, or the tensors' */
} eq_graph;

/* The bytes of one operator's weights as its kernel wants them; made once, shared by all sessions. */
typedef struct eq_packed {
    void *data;
    size_t bytes;
    void (*pack)(const void *arguments, void *packed); /* that wrote them */
} eq_packed;

struct eq_model {
    const uint8_t *file;
    size_t size;
    bool is_mapped;
    uint64_t memory_limit;
    uint64_t packed_bytes;
    eq_model_work work;
    bool begins_anew;  /* the file says that its variable tensors hold nothing from one run to the next */
    int32_t past_half; /* layers that float16 cannot hold the constants of */
    int32_t graph_count;
    eq_graph *graphs;
    eq_graph *main;                 /* the one that sessions run: of the signature that was asked for, or the first */
    const char *signature;          /* that was asked for, while the file is read; NULL: none */
    eq_packed *packed;              /* for each operator of the main graph */
    struct eq_memory_block *memory; /* of everything above but the file */
    const struct eq_kernels *kernels;
    int32_t precision;                          /* an eq_precision */
    const eq_custom_operator *custom_operators; /* the caller's */
    int32_t custom_operator_count;
    void *lock; /* guards packed and references */
    int32_t references;
};

/* Read `model->file` into `model->graphs`. (model_read.c) */
eq_status eq_model_read(eq_model *model, eq_error *error);

/* One more user of the model; eq_model_close is the other half. (model_open.c) */
void eq_model_keep(eq_model *model);

int64_t eq_tensor_elements(const eq_tensor *tensor);
int32_t eq_type_size(eq_type type); /* bytes of one element; 0 for types that the engine does not have */
int32_t eq_type_bits(eq_type type); /* of one element in a file, also of other types; 0 where that differs or is not known */

const char *eq_type_name(eq_type type); /* as the schema has it, also for types that the engine does not have */

/* An option of an operator by its field number in the schema's table, or `fallback` where the file leaves it out. */
int32_t eq_option_int(const eq_operator *op, int field, int32_t fallback);
bool eq_option_bool(const eq_operator *op, int field, bool fallback);
int32_t eq_option_byte(const eq_operator *op, int field, int32_t fallback); /* enums such as Padding: one signed byte */
float eq_option_float(const eq_operator *op, int field, float fallback);
/* A vector of int32, or of float; returns its length (0 if absent) and copies up to `capacity` values. */
int32_t eq_option_ints(const eq_operator *op, int field, int32_t *values, int32_t capacity);
int32_t eq_option_floats(const eq_operator *op, int field, float *values, int32_t capacity);

#endif
