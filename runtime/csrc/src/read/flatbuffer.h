/* Reads flatbuffers of untrusted bytes: nothing outside the file is touched, whatever its offsets say, at any alignment.
 *
 * A field that the file leaves out is absent: a table's position is 0, a vector's count is 0, a number is the fallback.
 * A field that points outside the file is broken: the function returns false. A number whose bytes lie outside its table
 * counts as absent. */
#ifndef EQ_FLATBUFFER_H
#define EQ_FLATBUFFER_H

#include "model.h"

typedef struct eq_vector {
    const uint8_t *items; /* any alignment */
    uint32_t count;
} eq_vector;

bool eq_flatbuffer_root(const uint8_t *file, size_t size, eq_table *root);

bool eq_table_child(const eq_table *table, int field, eq_table *child);
bool eq_table_vector(const eq_table *table, int field, uint32_t item_bytes, eq_vector *vector);
/* Characters without the final zero, which is there if the vector is not empty. */
bool eq_table_string(const eq_table *table, int field, eq_vector *characters);

uint8_t eq_table_u8(const eq_table *table, int field, uint8_t fallback);
int8_t eq_table_i8(const eq_table *table, int field, int8_t fallback);
int32_t eq_table_i32(const eq_table *table, int field, int32_t fallback);
uint32_t eq_table_u32(const eq_table *table, int field, uint32_t fallback);
uint64_t eq_table_u64(const eq_table *table, int field, uint64_t fallback);
float eq_table_f32(const eq_table *table, int field, float fallback);

/* Item `index` < count of a vector of the file of `table`. */
bool eq_vector_table(const eq_table *table, const eq_vector *vector, uint32_t index, eq_table *item);
int32_t eq_vector_i32(const eq_vector *vector, uint32_t index);
int64_t eq_vector_i64(const eq_vector *vector, uint32_t index);
float eq_vector_f32(const eq_vector *vector, uint32_t index);

#endif
