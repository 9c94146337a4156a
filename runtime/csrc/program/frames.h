/* Frames from a pipe, all of them in their order or the latest alone. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct frames frames;

/* `drops`: frames that come while the last one is in use are passed over, but for the latest, by a thread that goes on reading. */
frames *frames_open(int file, size_t frame_bytes, bool drops);
/* The next frame, good until the next call; `number` counts all frames of the stream from 0. NULL at the end. */
const uint8_t *frames_next(frames *stream, uint64_t *number);
/* Bytes of a last frame that was not whole. */
size_t frames_rest(const frames *stream);
void frames_close(frames *stream);

#endif
