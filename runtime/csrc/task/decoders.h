/* How many numbers the outputs of detectors have (detections.c). */
#ifndef EQ_DECODERS_H
#define EQ_DECODERS_H

#include "task.h"

enum { CORNERS = 4, YOLOV5_EXTRA = 5, YOLOV10_COLUMNS = 6, GRID_ANCHORS = 3 };

#endif
