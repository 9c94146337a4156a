/* One tensor: its name, type, shape and values.
 *
 * What is wrong here is wrong for every engine. What only this engine lacks is noted in the tensor, and stops the operators
 * that use it. */
#include <string.h>

#include "base/built_in.h"
#include "model_read.h"

enum { SHAPE, TYPE, BUFFER, NAME, QUANTIZATION, IS_VARIABLE, SPARSITY, SHAPE_SIGNATURE, EXTERNAL_BUFFER = 10 };
enum { BUFFER_DATA, BUFFER_OFFSET, BUFFER_SIZE };

/* A free dimension is -1 in the signature, and 1, 0 or -1 in the shape, as the converter likes. */
static eq_status read_dim(eq_reader *reader, int32_t index, const eq_tensor *tensor, int32_t axis, bool is_free, int32_t *dim) {
    if (*dim < (is_free ? -1 : 0)) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "dimension %d is %d, and no dimension is negative",
                                     (int)axis, (int)*dim);
    }
    if (is_free && *dim < 1) {
        *dim = 1;
    }
    return EQ_OK;
}

/* At most 2^31 - 1 elements, so that an index fits an int32_t and no product of dimensions overflows later, whichever of them
 * are 0. */
static eq_status read_shape(eq_reader *reader, const eq_table *table, int32_t index, eq_tensor *tensor) {
    eq_vector shape, signature;
    if (!eq_table_vector(table, SHAPE, 4, &shape) || !eq_table_vector(table, SHAPE_SIGNATURE, 4, &signature)) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "its shape lies outside the file");
    }
    const bool has_signature = signature.count == shape.count; /* else it is nobody's: the shape counts */
    int64_t elements = 1;
    for (uint32_t i = 0; i < shape.count; i++) {
        int32_t dim = eq_vector_i32(&shape, i);
        const bool is_free = has_signature && eq_vector_i32(&signature, i) == -1;
        const eq_status status = read_dim(reader, index, tensor, (int32_t)i, is_free, &dim);
        if (status != EQ_OK) {
            return status;
        }
        elements *= dim > 0 ? dim : 1;
        if (elements > INT32_MAX) {
            return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_LIMIT, "it has more than 2^31 - 1 elements");
        }
        if (shape.count <= EQ_MAX_RANK) {
            tensor->dims[i] = dim;
            tensor->signature[i] = is_free ? -1 : dim;
        }
    }
    if (shape.count <= EQ_MAX_RANK) {
        tensor->rank = (int32_t)shape.count;
    } else {
        tensor->unsupported = "of more than 8 dimensions";
    }
    return EQ_OK;
}

/* The bytes of a buffer: in the flatbuffer, or after it in files of more than 2 GB. */
static eq_status find_buffer(eq_reader *reader, const eq_table *table, int32_t index, const eq_tensor *tensor,
                             const uint8_t **bytes, uint64_t *count) {
    const uint32_t number = eq_table_u32(table, BUFFER, 0);
    *count = 0;
    if (number == 0) {
        return EQ_OK; /* by the schema's convention the empty one */
    }
    if (number >= reader->buffers.count) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "its buffer %u is not one of the model's %u",
                                     (unsigned)number, (unsigned)reader->buffers.count);
    }
    eq_table buffer;
    eq_vector data;
    if (!eq_vector_table(&reader->root, &reader->buffers, number, &buffer) ||
        !eq_table_vector(&buffer, BUFFER_DATA, 1, &data)) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "its buffer %u lies outside the file",
                                     (unsigned)number);
    }
    *bytes = data.items;
    *count = data.count;
    const uint64_t offset = eq_table_u64(&buffer, BUFFER_OFFSET, 0), size = eq_table_u64(&buffer, BUFFER_SIZE, 0);
    if (offset <= 1) {
        return EQ_OK; /* 1 is a converter's placeholder */
    }
    if (offset > reader->model->size || size > reader->model->size - offset) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "its buffer %u lies outside the file",
                                     (unsigned)number);
    }
    *bytes = reader->model->file + offset;
    *count = size;
    return EQ_OK;
}

/* What a run would allocate: a damaged shape can ask for any number of bytes. */
static eq_status check_computed(eq_reader *reader, int32_t index, const eq_tensor *tensor, uint64_t bytes) {
    if (bytes <= reader->model->memory_limit) {
        return EQ_OK;
    }
    return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_LIMIT, "it needs %llu bytes, past the limit of %llu",
                                 (unsigned long long)bytes, (unsigned long long)reader->model->memory_limit);
}

/* Bytes for the engine of bytes of the file: uint8 with the top bit flipped, or int4, two in a byte with the first in the lower
 * half, as int8. */
static void to_int8(eq_type file_type, const uint8_t *bytes, size_t elements, uint8_t *to) {
    for (size_t i = 0; i < elements; i++) {
        const uint8_t half = (uint8_t)(bytes[i / (file_type == EQ_INT4 ? 2 : 1)] >> (i % 2 * 4) & 15);
        to[i] = file_type == EQ_INT4 ? (uint8_t)((half ^ 8) - 8) : (uint8_t)(bytes[i] ^ 0x80);
    }
}

/* A constant's values stay in the file, unless they are misaligned or become int8. */
static eq_status read_data(eq_reader *reader, const eq_table *table, const eq_table *sparsity, int32_t index,
                           eq_tensor *tensor) {
    const uint8_t *bytes = NULL;
    uint64_t count;
    const bool is_external = eq_table_u32(table, EXTERNAL_BUFFER, 0) != 0;
    eq_status status = find_buffer(reader, table, index, tensor, &bytes, &count);
    if (status == EQ_OK && tensor->unsupported == NULL && sparsity->position != 0 && count != 0) {
        if (EQ_HAS_SPARSE) {
            status = eq_read_sparse(reader, sparsity, index, tensor, &bytes, &count);
        } else {
            tensor->unsupported = "that is sparse, which this build of the engine leaves out";
        }
    }
    if (status != EQ_OK) {
        return status;
    }
    if (tensor->unsupported != NULL) { /* nobody will look at the values, only whether there are some */
        tensor->data = is_external ? reader->model->file : count != 0 ? bytes : NULL;
        return EQ_OK;
    }
    const uint64_t size = (uint64_t)eq_type_size(tensor->type), bits = (uint64_t)eq_type_bits(tensor->file_type);
    const uint64_t needed = ((uint64_t)eq_tensor_elements(tensor) * bits + 7) / 8;
    if (count == 0) {
        return check_computed(reader, index, tensor, needed);
    }
    if (bits != 0 && needed != count) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL,
                                     "its shape and type need %llu bytes, and the file has %llu", (unsigned long long)needed,
                                     (unsigned long long)count);
    }
    const bool flips = tensor->type != tensor->file_type;
    tensor->data = bytes;
    if (!flips && (size == 0 || (uintptr_t)bytes % size == 0)) {
        return EQ_OK;
    }
    const uint64_t kept = flips ? (uint64_t)eq_tensor_elements(tensor) : count;
    uint8_t *copy = eq_reader_take(reader, (size_t)kept, 1);
    if (copy == NULL) {
        return reader->failure;
    }
    if (flips) {
        to_int8(tensor->file_type, bytes, (size_t)kept, copy);
    } else {
        memcpy(copy, bytes, (size_t)count);
    }
    reader->model->packed_bytes += kept;
    tensor->data = copy;
    return EQ_OK;
}

eq_status eq_read_tensor(eq_reader *reader, const eq_table *table, int32_t index, eq_tensor *tensor) {
    eq_vector characters;
    eq_table sparsity;
    if (!eq_table_string(table, NAME, &characters)) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "its name lies outside the file");
    }
    tensor->name = eq_reader_name(reader, &characters);
    if (tensor->name == NULL) {
        return reader->failure;
    }
    tensor->type = tensor->file_type = (eq_type)eq_table_i8(table, TYPE, EQ_FLOAT32);
    tensor->is_variable = eq_table_u8(table, IS_VARIABLE, 0) != 0;
    if (!eq_table_child(table, SPARSITY, &sparsity)) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "its sparsity lies outside the file");
    }
    if (sparsity.position != 0 && eq_type_size(tensor->file_type) == 0) {
        tensor->unsupported = "that is sparse and of elements of less than a byte";
    }
    if (eq_table_u32(table, EXTERNAL_BUFFER, 0) != 0) {
        tensor->unsupported = "with its values in another file";
    }
    eq_status status = read_shape(reader, table, index, tensor);
    if (status == EQ_OK) {
        status = eq_read_quantization(reader, table, index, tensor);
    }
    if (status == EQ_OK) {
        status = read_data(reader, table, &sparsity, index, tensor);
    }
    if (status == EQ_OK && tensor->file_type == EQ_INT4 && !tensor->data) {
        tensor->unsupported = "of type INT4 that is no constant";
    }
    return status;
}
