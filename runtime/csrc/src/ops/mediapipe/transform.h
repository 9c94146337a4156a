/* The first two rows of a matrix (4, 4): where a point of the plane goes. */
#ifndef EQ_TRANSFORM_H
#define EQ_TRANSFORM_H

typedef struct eq_transform {
    float x[3], y[3]; /* factors of x and y, and what is added */
} eq_transform;

static inline eq_transform eq_transform_from(const float *matrix) {
    return (eq_transform){{matrix[0], matrix[1], matrix[3]}, {matrix[4], matrix[5], matrix[7]}};
}

static inline float eq_transformed(const float *row, float x, float y) {
    return row[0] * x + row[1] * y + row[2];
}

#endif
