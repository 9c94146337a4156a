/* Sparse constants: the values that are not 0, and where they are. They become dense when the model is opened.
 *
 * The tensor's dimensions, and blocks that some of them are cut into, are levels, the outermost first. A level is dense, and has
 * every index, or sparse: then `segments` has, for each place of the level above, where its part of `indices` begins, and the
 * next one's. Values stand in the order in which the levels are walked. (sparsity/format_converter.cc) */
#include <string.h>

#include "model_read.h"

enum { TRAVERSAL_ORDER, BLOCK_MAP, DIM_METADATA };
enum { FORMAT, DENSE_SIZE, SEGMENTS_TYPE, SEGMENTS, INDICES_TYPE, INDICES };
enum { INT32_VECTOR = 1, UINT16_VECTOR, UINT8_VECTOR };
enum { MOST_LEVELS = 2 * EQ_MAX_RANK };

/* Numbers of one, two or four bytes. */
typedef struct numbers {
    eq_vector items;
    int32_t bytes;
} numbers;

typedef struct level {
    bool is_sparse;
    int32_t size;     /* indices that it may have */
    ptrdiff_t stride; /* elements of the tensor from one to the next */
    numbers segments, indices;
} level;

typedef struct walk {
    const level *levels;
    int32_t count;
    const uint8_t *values;
    size_t value_count, used, element; /* bytes of a value */
    uint8_t *to;
} walk;

static int64_t number_at(const numbers *n, size_t index) {
    const uint8_t *at = n->items.items + index * (size_t)n->bytes;
    if (n->bytes == 4) {
        return eq_vector_i32(&n->items, (uint32_t)index);
    }
    return n->bytes == 2 ? at[0] | at[1] << 8 : at[0];
}

static bool read_numbers(const eq_table *table, int32_t type_field, int32_t field, numbers *n) {
    const int32_t type = eq_table_u8(table, type_field, 0);
    eq_table values;
    n->bytes = type == INT32_VECTOR ? 4 : type == UINT16_VECTOR ? 2 : 1;
    return type >= INT32_VECTOR && type <= UINT8_VECTOR && eq_table_child(table, field, &values) && values.position != 0 &&
           eq_table_vector(&values, 0, (uint32_t)n->bytes, &n->items);
}

/* ---- levels: which dimension or block each is of ---- */

static const char *read_level(const eq_table *table, level *l) {
    const int32_t format = eq_table_i8(table, FORMAT, 0);
    l->is_sparse = format == 1;
    l->size = eq_table_i32(table, DENSE_SIZE, 0);
    if (format != 0 && format != 1) {
        return "a format that there is not";
    }
    if (!l->is_sparse) {
        return l->size > 0 ? NULL : "a dense level of no size";
    }
    return read_numbers(table, SEGMENTS_TYPE, SEGMENTS, &l->segments) && read_numbers(table, INDICES_TYPE, INDICES, &l->indices)
               ? NULL
               : "a sparse level without segments or indices";
}

/* The level of each dimension, of.., then of each block; each once, blocks innermost. */
static bool read_order(const eq_vector *order, int32_t rank, int32_t count, int32_t *level_of) {
    for (int32_t i = 0; i < count; i++) {
        level_of[i] = -1;
    }
    for (int32_t i = 0; i < count; i++) {
        const int32_t what = eq_vector_i32(order, (uint32_t)i);
        if (what < 0 || what >= count || level_of[what] != -1 || (what < rank) != (i < rank)) {
            return false;
        }
        level_of[what] = i;
    }
    return true;
}

/* Sizes and strides, from the tensor's shape and the blocks' sizes. */
static const char *set_strides(const eq_tensor *tensor, const eq_vector *block_map, const int32_t *level_of, level *levels) {
    int32_t blocks[EQ_MAX_RANK];
    const int32_t rank = tensor->rank;
    for (int32_t d = 0; d < rank; d++) {
        blocks[d] = 1;
    }
    for (uint32_t b = 0; b < block_map->count; b++) {
        const int32_t d = eq_vector_i32(block_map, b);
        const level *l = &levels[level_of[rank + (int32_t)b]];
        if (d < 0 || d >= rank || blocks[d] != 1 || l->is_sparse || tensor->dims[d] % l->size != 0) {
            return "blocks that do not fit its shape";
        }
        blocks[d] = l->size;
    }
    ptrdiff_t stride = 1;
    for (int32_t d = rank - 1; d >= 0; d--) {
        level *l = &levels[level_of[d]];
        for (uint32_t b = 0; b < block_map->count; b++) {
            if (eq_vector_i32(block_map, b) == d) {
                levels[level_of[rank + (int32_t)b]].stride = stride;
            }
        }
        if (!l->is_sparse && l->size != tensor->dims[d] / blocks[d]) {
            return "a level of another size than its shape";
        }
        l->size = tensor->dims[d] / blocks[d];
        l->stride = stride * blocks[d];
        stride *= tensor->dims[d];
    }
    return NULL;
}

static const char *read_levels(const eq_table *sparsity, const eq_tensor *tensor, level *levels, int32_t *count) {
    eq_vector order, block_map, metadata;
    int32_t level_of[MOST_LEVELS];
    if (!eq_table_vector(sparsity, TRAVERSAL_ORDER, 4, &order) || !eq_table_vector(sparsity, BLOCK_MAP, 4, &block_map) ||
        !eq_table_vector(sparsity, DIM_METADATA, 4, &metadata)) {
        return "lists that lie outside the file";
    }
    const uint32_t levels_count = (uint32_t)tensor->rank + (block_map.count > EQ_MAX_RANK ? MOST_LEVELS + 1 : block_map.count);
    if (levels_count > MOST_LEVELS || order.count != levels_count || metadata.count != levels_count ||
        !read_order(&order, tensor->rank, (int32_t)levels_count, level_of)) {
        return "levels that are not its dimensions and blocks, each once";
    }
    *count = (int32_t)levels_count;
    for (uint32_t i = 0; i < levels_count; i++) {
        eq_table table;
        const char *wrong = eq_vector_table(sparsity, &metadata, i, &table) ? read_level(&table, &levels[i])
                                                                            : "a level that lies outside the file";
        if (wrong != NULL) {
            return wrong;
        }
    }
    return set_strides(tensor, &block_map, level_of, levels);
}

/* ---- values ---- */

/* `place` counts the entries of the level above that came before. Every entry has a value, so that the file's size bounds the work. */
static const char *put(walk *w, int32_t depth, int64_t place, ptrdiff_t at) {
    if (depth == w->count) {
        if (w->used == w->value_count) {
            return "fewer values than places";
        }
        memcpy(w->to + (size_t)at * w->element, w->values + w->used++ * w->element, w->element);
        return NULL;
    }
    const level *l = &w->levels[depth];
    int64_t first = 0, last = l->size;
    if (l->is_sparse) {
        if (place + 1 >= (int64_t)l->segments.items.count) {
            return "fewer segments than places";
        }
        first = number_at(&l->segments, (size_t)place);
        last = number_at(&l->segments, (size_t)place + 1);
        if (first < 0 || last < first || last > (int64_t)l->indices.items.count) {
            return "segments that are out of order, or past its indices";
        }
    }
    const char *wrong = NULL;
    for (int64_t i = first; i < last && wrong == NULL; i++) {
        const int64_t index = l->is_sparse ? number_at(&l->indices, (size_t)i) : i;
        if (index < 0 || index >= l->size) {
            return "an index outside of its shape";
        }
        wrong = put(w, depth + 1, l->is_sparse ? i : place * l->size + i, at + (ptrdiff_t)index * l->stride);
    }
    return wrong;
}

eq_status eq_read_sparse(eq_reader *reader, const eq_table *sparsity, int32_t index, const eq_tensor *tensor,
                         const uint8_t **bytes, uint64_t *count) {
    level levels[MOST_LEVELS] = {{0}};
    int32_t level_count = 0;
    const size_t element = (size_t)eq_type_size(tensor->file_type);
    const char *wrong = read_levels(sparsity, tensor, levels, &level_count);
    const size_t dense = (size_t)eq_tensor_elements(tensor) * element;
    uint8_t *to = NULL;
    if (wrong == NULL) {
        to = eq_reader_take(reader, dense, 1);
        if (to == NULL) {
            return reader->failure;
        }
        walk w = {levels, level_count, *bytes, (size_t)*count / element, 0, element, to};
        wrong = put(&w, 0, 0, 0);
        if (wrong == NULL && w.used * element != *count) {
            wrong = "more values than places";
        }
    }
    if (wrong != NULL) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "its sparsity has %s", wrong);
    }
    reader->model->packed_bytes += dense;
    *bytes = to;
    *count = dense;
    return EQ_OK;
}
