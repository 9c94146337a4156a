/* Files of one array, as numpy.save writes them: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef NPY_H
#define NPY_H

#include <stdio.h>

#include "types.h"

typedef struct npy_file {
    const char *path;
    FILE *file; /* at the first value */
    const type_names *type;
    int32_t rank;
    int32_t dims[EQ_MAX_RANK];
} npy_file;

/* Every function ends the program with a sentence if it cannot do what it says. */

/* Open a file and read its header: format version 1, 2 or 3, C order, little-endian, a type that tensors have. */
npy_file npy_open(const char *path);
/* Read exactly the `bytes` that the array has, and close the file. */
void npy_read(npy_file *npy, void *values, size_t bytes);
/* Write an array to a temporary file that then takes the name `path`: it is there whole or not at all. */
void npy_write(const char *path, const eq_tensor_info *info, const void *values);

#endif
