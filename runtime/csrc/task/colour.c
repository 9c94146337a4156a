#include "colour.h"

enum { BITS = 8, HALF = 1 << (BITS - 1), APART = 256 /* pixels whose pairs are taken apart at once */ };

void eq_colour_table_fill(eq_colour_table *table, bool is_full) {
    *table = is_full ? (eq_colour_table){0, 256, 359, 88, 183, 454} : (eq_colour_table){16, 298, 409, 100, 208, 516};
}

static inline uint8_t to_byte(int32_t value) {
    value = value < 0 ? 0 : value;
    return (uint8_t)(value > 255 ? 255 : value);
}

static inline void put(const eq_colour_table *t, uint8_t y, int32_t u, int32_t v, uint8_t *out) {
    const int32_t light = t->brightness * (y - t->black) + HALF;
    u -= 128;
    v -= 128;
    out[0] = to_byte((light + t->red_v * v) >> BITS);
    out[1] = to_byte((light - t->green_u * u - t->green_v * v) >> BITS);
    out[2] = to_byte((light + t->blue_u * u) >> BITS);
}

__attribute__((noinline)) /* into the next */
void eq_colours(const eq_colour_table *table, const uint8_t *restrict y, const uint8_t *restrict u, const uint8_t *restrict v,
                int32_t count, uint8_t *restrict out) {
    const eq_colour_table t = *table;
    for (int32_t x = 0; x < count; x++) {
        put(&t, y[x], u[x], v[x], out + 3 * x);
    }
}

void eq_colours_of_pairs(const eq_colour_table *table, const uint8_t *restrict y, const uint8_t *restrict pairs, int32_t count,
                         uint8_t *restrict out) {
    uint8_t u[APART], v[APART];
    for (int32_t x = 0; x < count; x += APART) {
        const int32_t some = count - x < APART ? count - x : APART;
        for (int32_t i = 0; i < some; i++) {
            u[i] = pairs[2 * (x + i)];
            v[i] = pairs[2 * (x + i) + 1];
        }
        eq_colours(table, y + x, u, v, some, out + 3 * x);
    }
}

void eq_brightness(const eq_colour_table *table, const uint8_t *restrict y, int32_t count, uint8_t *restrict out) {
    for (int32_t x = 0; x < count; x++) {
        out[x] = to_byte((table->brightness * (y[x] - table->black) + HALF) >> BITS);
    }
}
