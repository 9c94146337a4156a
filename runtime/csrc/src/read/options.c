#include "flatbuffer.h"

int32_t eq_option_int(const eq_operator *op, int field, int32_t fallback) {
    return eq_table_i32(&op->options, field, fallback);
}

bool eq_option_bool(const eq_operator *op, int field, bool fallback) {
    return eq_table_u8(&op->options, field, fallback) != 0;
}

int32_t eq_option_byte(const eq_operator *op, int field, int32_t fallback) {
    return eq_table_i8(&op->options, field, (int8_t)fallback);
}

float eq_option_float(const eq_operator *op, int field, float fallback) {
    return eq_table_f32(&op->options, field, fallback);
}

int32_t eq_option_ints(const eq_operator *op, int field, int32_t *values, int32_t capacity) {
    eq_vector vector;
    if (!eq_table_vector(&op->options, field, sizeof(int32_t), &vector)) {
        return 0;
    }
    for (uint32_t i = 0; i < vector.count && i < (uint32_t)capacity; i++) {
        values[i] = eq_vector_i32(&vector, i);
    }
    return (int32_t)vector.count;
}

int32_t eq_option_floats(const eq_operator *op, int field, float *values, int32_t capacity) {
    eq_vector vector;
    if (!eq_table_vector(&op->options, field, sizeof(float), &vector)) {
        return 0;
    }
    for (uint32_t i = 0; i < vector.count && i < (uint32_t)capacity; i++) {
        values[i] = eq_vector_f32(&vector, i);
    }
    return (int32_t)vector.count;
}
