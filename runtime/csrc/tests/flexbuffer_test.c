/* The reader of flexbuffers: the values of a buffer that Google's library wrote, and that nothing outside the bytes is read
 * whatever they are (scripts/fuzz builds this with sanitizers). */
#include "read/flexbuffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* {"max_detections": 10, "nms_score_threshold": 0.25, "use_regular_nms": true, "big": -70000, "sizes": [3, 5, 700],
 * "pair": [7, -9] of a fixed type, "mixed": [1, 2.5, "x"], "far": an indirect 1.5}, by flatbuffers.flexbuffers of Python */
static const uint8_t written[] = {
    109, 97,  120, 95,  100, 101, 116, 101, 99,  116, 105, 111, 110, 115, 0,   110, 109, 115, 95,  115, 99,  111, 114,
    101, 95,  116, 104, 114, 101, 115, 104, 111, 108, 100, 0,   117, 115, 101, 95,  114, 101, 103, 117, 108, 97,  114,
    95,  110, 109, 115, 0,   98,  105, 103, 0,   115, 105, 122, 101, 115, 0,   0,   3,   0,   3,   0,   5,   0,   188,
    2,   112, 97,  105, 114, 0,   7,   247, 109, 105, 120, 101, 100, 0,   1,   120, 0,   0,   0,   3,   0,   0,   0,
    1,   0,   0,   0,   0,   0,   32,  64,  16,  0,   0,   0,   6,   14,  20,  102, 97,  114, 0,   0,   0,   0,   192,
    63,  8,   66,  11,  119, 43,  106, 52,  68,  89,  0,   0,   0,   11,  0,   0,   0,   1,   0,   0,   0,   8,   0,
    0,   0,   144, 238, 254, 255, 32,  0,   0,   0,   10,  0,   0,   0,   60,  0,   0,   0,   0,   0,   128, 62,  85,
    0,   0,   0,   100, 0,   0,   0,   1,   0,   0,   0,   6,   34,  6,   42,  14,  64,  45,  106, 40,  38,  1,
};

static int failures;

static void expect(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "flexbuffer: %s\n", what);
        failures++;
    }
}

static const char *const keys[] = {
    "max_detections", "nms_score_threshold", "use_regular_nms", "big", "sizes", "pair", "mixed", "far", "none", ""};

static void test_values(void) {
    const eq_flex root = eq_flex_root(written, sizeof written);
    eq_flex v = eq_flex_field(&root, "max_detections");
    expect(eq_flex_int(&v, -1) == 10 && eq_flex_float(&v, -1) == 10.0f, "a small integer");
    v = eq_flex_field(&root, "nms_score_threshold");
    expect(eq_flex_float(&v, -1) == 0.25f && eq_flex_int(&v, -1) == 0, "a float");
    v = eq_flex_field(&root, "use_regular_nms");
    expect(eq_flex_bool(&v, false) && eq_flex_int(&v, -1) == 1, "a boolean");
    v = eq_flex_field(&root, "big");
    expect(eq_flex_int(&v, -1) == -70000, "a negative integer");
    v = eq_flex_field(&root, "far");
    expect(eq_flex_float(&v, -1) == 1.5f, "an indirect float");
    v = eq_flex_field(&root, "none");
    expect(eq_flex_int(&v, -1) == -1 && eq_flex_count(&v) == 0 && eq_flex_bool(&v, true), "what is absent");
    expect(eq_flex_count(&root) == 8, "a map's number of values");
}

static void test_vectors(void) {
    const eq_flex root = eq_flex_root(written, sizeof written);
    const eq_flex sizes = eq_flex_field(&root, "sizes"), pair = eq_flex_field(&root, "pair");
    const eq_flex mixed = eq_flex_field(&root, "mixed");
    eq_flex v = eq_flex_item(&sizes, 2);
    expect(eq_flex_count(&sizes) == 3 && eq_flex_int(&v, -1) == 700, "a vector of integers");
    v = eq_flex_item(&sizes, 3);
    expect(eq_flex_int(&v, -1) == -1, "an item past the end");
    v = eq_flex_item(&pair, 1);
    expect(eq_flex_count(&pair) == 2 && eq_flex_int(&v, -1) == -9, "two integers of a fixed type");
    v = eq_flex_item(&mixed, 1);
    expect(eq_flex_count(&mixed) == 3 && eq_flex_float(&v, -1) == 2.5f, "a vector of several types");
    v = eq_flex_item(&mixed, 2);
    expect(eq_flex_int(&v, -1) == -1, "a string where a number is wanted");
}

/* Asks everything. The sum keeps the compiler from leaving reads out. */
static int32_t ask(const eq_flex *value, int32_t depth) {
    int32_t sum = eq_flex_int(value, 1) ^ (int32_t)eq_flex_bool(value, false) ^ (eq_flex_float(value, 0) > 1);
    const int32_t count = eq_flex_count(value);
    for (int32_t i = 0; depth > 0 && i < count && i < 300; i++) {
        const eq_flex inner = eq_flex_item(value, i);
        sum ^= ask(&inner, depth - 1);
    }
    for (size_t k = 0; depth > 0 && k < sizeof keys / sizeof *keys; k++) {
        const eq_flex inner = eq_flex_field(value, keys[k]);
        sum ^= ask(&inner, depth - 1);
    }
    return sum;
}

static int32_t ask_copy(const uint8_t *bytes, size_t size) { /* in memory that ends where the bytes do */
    uint8_t *copy = malloc(size);
    if (!copy) {
        return 0;
    }
    memcpy(copy, bytes, size);
    const eq_flex root = eq_flex_root(copy, size);
    const int32_t sum = ask(&root, 2);
    free(copy);
    return sum;
}

static void test_broken(void) {
    uint8_t bytes[sizeof written];
    volatile int32_t sum = 0;
    for (size_t first = 0; first < sizeof written; first++) { /* cut off, from either end */
        sum = sum ^ ask_copy(written + first, sizeof written - first) ^ ask_copy(written, sizeof written - first);
    }
    for (size_t i = 0; i < sizeof written; i++) {
        for (int32_t value = 0; value < 256; value += i < sizeof written - 80 ? 37 : 1) {
            memcpy(bytes, written, sizeof bytes);
            bytes[i] = (uint8_t)value;
            sum = sum ^ ask_copy(bytes, sizeof bytes);
        }
    }
    expect(eq_flex_root(written, 0).type == 0 && eq_flex_root(NULL, 0).type == 0, "a buffer without bytes");
}

int main(void) {
    test_values();
    test_vectors();
    test_broken();
    return failures != 0;
}
