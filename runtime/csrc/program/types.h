/* The types of tensors, as .npy files and people name them. */
#ifndef TYPES_H
#define TYPES_H

#include <stddef.h>

#include "edgequant.h"

typedef struct type_names {
    eq_type type;
    size_t bytes;
    const char *name;  /* as numpy names it */
    const char *descr; /* as a .npy file of a little-endian machine has it */
} type_names;

/* NULL for a type that has no row. */
const type_names *type_by_number(int32_t type);
const type_names *type_by_descr(const char *descr);

/* "1x49x10" in `text`, which has room for every shape. */
enum { SHAPE_TEXT = 12 * EQ_MAX_RANK };
const char *shape_text(const int32_t *dims, int32_t rank, char text[SHAPE_TEXT]);

#endif
