/* What GATHER_ND and SCATTER_ND share: indices (places ..., depth), each of which names a slice of a tensor by its coordinates in
 * the first `depth` dimensions. */
#ifndef EQ_COORDINATES_H
#define EQ_COORDINATES_H

#include "indices.h"

typedef struct eq_coordinates {
    eq_indices read;
    int32_t depth, sizes[EQ_MAX_RANK];
    int32_t places;               /* product of the indices' dimensions but the last */
    int64_t strides[EQ_MAX_RANK]; /* elements from one coordinate to the next */
    int64_t slice;                /* elements */
} eq_coordinates;

/* Fails unless the indices in `slot` fit a tensor of these dimensions. */
eq_status eq_coordinates_read(eq_plan *plan, const eq_operator *op, int32_t slot, int32_t rank, const int32_t *dims,
                              eq_coordinates *coordinates);

/* The first element of the slice that place `place` names, in a run of the step. */
int64_t eq_coordinates_offset(const eq_coordinates *coordinates, const eq_step *step, const void *indices, int32_t place);

#endif
