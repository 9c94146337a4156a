/* Options of custom operators that are a flexbuffer: a value by its key, or a fallback. */
#ifndef EQ_CUSTOM_OPTIONS_H
#define EQ_CUSTOM_OPTIONS_H

#include "plan/plan.h"
#include "read/flexbuffer.h"

static inline eq_flex eq_custom_option(const eq_operator *op, const char *key) {
    const eq_flex root = eq_flex_root(op->custom_options, op->custom_options_size);
    return eq_flex_field(&root, key);
}

static inline int32_t eq_custom_int(const eq_operator *op, const char *key, int32_t fallback) {
    const eq_flex value = eq_custom_option(op, key);
    return eq_flex_int(&value, fallback);
}

static inline float eq_custom_float(const eq_operator *op, const char *key, float fallback) {
    const eq_flex value = eq_custom_option(op, key);
    return eq_flex_float(&value, fallback);
}

static inline bool eq_custom_bool(const eq_operator *op, const char *key, bool fallback) {
    const eq_flex value = eq_custom_option(op, key);
    return eq_flex_bool(&value, fallback);
}

/* A number of a vector. */
static inline int32_t eq_custom_item(const eq_operator *op, const char *key, int32_t index, int32_t fallback) {
    const eq_flex vector = eq_custom_option(op, key), value = eq_flex_item(&vector, index);
    return eq_flex_int(&value, fallback);
}

#endif
