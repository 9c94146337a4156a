/* What frames have in common, for those who read and resize them. */
#ifndef EQ_FRAME_H
#define EQ_FRAME_H

#include "edgequant_task.h"

int32_t eq_frame_channels(int32_t format); /* bytes of a pixel in the first plane */
bool eq_frame_has_colour_planes(int32_t format);
bool eq_frame_is_nv12(int32_t format); /* both colours in one plane */

/* From a model's pixels to a frame's: frame x = x * scale[0] + origin[0], frame y = y * scale[1] + origin[1]. */
typedef struct eq_geometry {
    float scale[2], origin[2];
    int32_t frame_width, frame_height;
} eq_geometry;

/* eq_frame_resize with the geometry; the arguments are right. */
typedef struct eq_resizer eq_resizer;

/* What resizing needs, made once for all frames of one format and size; NULL: no memory. */
eq_resizer *eq_resizer_make(const eq_frame *like, int32_t fit, uint8_t fill, int32_t width, int32_t height, int32_t channels);
void eq_resizer_free(eq_resizer *resizer);
bool eq_resizer_suits(const eq_resizer *resizer, const eq_frame *frame);
void eq_resizer_run(eq_resizer *resizer, const eq_frame *frame, uint8_t *pixels);
const eq_geometry *eq_resizer_geometry(const eq_resizer *resizer);

#endif
