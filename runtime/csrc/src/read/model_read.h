/* What the parts of the reader share. Field numbers are those of the schema (tensorflow/lite/schema/schema.fbs). */
#ifndef EQ_MODEL_READ_H
#define EQ_MODEL_READ_H

#include "flatbuffer.h"

typedef struct eq_reader {
    eq_model *model;
    eq_table root;
    eq_vector codes, buffers; /* tables */
    int32_t tensor_count;     /* of the graph that is being read */
    uint64_t taken;           /* bytes of memory: a small file can name one big thing many times, so they are counted */
    eq_status failure;        /* why eq_reader_take or eq_reader_ints gave NULL */
    eq_error *error;
} eq_reader;

/* Zeroed memory that lives as long as the model; NULL (error written) past the memory limit. */
void *eq_reader_take(eq_reader *reader, size_t count, size_t bytes);
/* A vector's numbers in such memory. */
int32_t *eq_reader_ints(eq_reader *reader, const eq_vector *vector);
/* A name that is printable UTF-8 and not too long, whatever the file has; NULL: error written. */
const char *eq_reader_name(eq_reader *reader, const eq_vector *characters);

/* "tensor 3 'name': <sentence>". */
__attribute__((format(printf, 5, 6))) eq_status eq_reader_fail_tensor(eq_reader *reader, const eq_tensor *tensor, int32_t index,
                                                                      eq_status status, const char *format, ...);
/* Read tensor `index` of a graph (tensor_read.c), its shape too; then its quantization (quantization_read.c). */
eq_status eq_read_tensor(eq_reader *reader, const eq_table *table, int32_t index, eq_tensor *tensor);
eq_status eq_read_quantization(eq_reader *reader, const eq_table *table, int32_t index, eq_tensor *tensor);

/* The values of a sparse constant, `count` bytes at `bytes`, as those of a dense one. (sparsity_read.c) */
eq_status eq_read_sparse(eq_reader *reader, const eq_table *sparsity, int32_t index, const eq_tensor *tensor,
                         const uint8_t **bytes, uint64_t *count);

/* One operator (operator_read.c), and lists of tensors of the graph, -1 in it where one is absent. */
eq_status eq_read_operator(eq_reader *reader, const eq_table *table, eq_operator *op);
eq_status eq_read_indices(eq_reader *reader, const eq_table *table, int32_t field, bool may_be_absent, const int32_t **indices,
                          int32_t *count);

/* Check that no graph runs itself (calls_check.c). */
eq_status eq_calls_check(eq_reader *reader);

/* Check all signatures, find the main graph, and name its inputs and outputs (signature_read.c). */
eq_status eq_read_signature(eq_reader *reader);

/* Check that operators stand in an order in which each tensor has its value before it is read (graph_check.c). */
eq_status eq_graph_check(eq_reader *reader, const eq_graph *graph);

#endif
