/* Colours of video: from brightness and two differences of colour to red, green and blue (ITU-R BT.601). */
#ifndef EQ_COLOUR_H
#define EQ_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

/* In units of 1/256. */
typedef struct eq_colour_table {
    int32_t black, brightness, red_v, green_u, green_v, blue_u;
} eq_colour_table;

void eq_colour_table_fill(eq_colour_table *table, bool is_full);

/* Rows of `count` pixels; `out` (count, 3), or (count) for eq_brightness. `pairs` (count, 2) are u and v. */
void eq_colours(const eq_colour_table *table, const uint8_t *y, const uint8_t *u, const uint8_t *v, int32_t count,
                uint8_t *out);
void eq_colours_of_pairs(const eq_colour_table *table, const uint8_t *y, const uint8_t *pairs, int32_t count, uint8_t *out);
void eq_brightness(const eq_colour_table *table, const uint8_t *y, int32_t count, uint8_t *out);

/* The brightness of a colour, as Pillow has it: (19595 R + 38470 G + 7471 B + 32768) / 65536. */
static inline uint8_t eq_grey(uint8_t red, uint8_t green, uint8_t blue) {
    return (uint8_t)((19595u * red + 38470u * green + 7471u * blue + 0x8000u) >> 16);
}

#endif
