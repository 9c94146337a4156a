#include "frames.h"

#include <pthread.h>
#include <stdlib.h>

#include "failure.h"
#include "source.h"

/* One buffer is read into, one holds the latest whole frame, one is in use: with those three nobody waits for the other's copy. */
enum { BUFFERS = 3, NONE = -1 };

struct frames {
    int file;
    size_t bytes, rest;
    bool drops, is_at_end;
    uint8_t *buffers[BUFFERS];
    uint64_t numbers[BUFFERS];
    uint64_t next;
    int latest, in_use; /* buffers */
    pthread_t reader;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static int free_buffer(const frames *stream) {
    int buffer = 0;
    while (buffer == stream->latest || buffer == stream->in_use) {
        buffer++;
    }
    return buffer;
}

/* Whether a whole frame was read. */
static bool read_frame(frames *stream, uint8_t *to) {
    const size_t got = source_read(stream->file, to, stream->bytes, false);
    stream->rest = got < stream->bytes ? got : 0;
    return got == stream->bytes;
}

static void *read_on(void *context) {
    frames *stream = context;
    for (bool goes_on = true; goes_on;) {
        pthread_mutex_lock(&stream->lock);
        const int buffer = free_buffer(stream);
        pthread_mutex_unlock(&stream->lock);
        goes_on = read_frame(stream, stream->buffers[buffer]);
        pthread_mutex_lock(&stream->lock);
        if (goes_on) {
            stream->numbers[buffer] = stream->next++;
            stream->latest = buffer;
        }
        stream->is_at_end = !goes_on;
        pthread_cond_signal(&stream->changed);
        pthread_mutex_unlock(&stream->lock);
    }
    return NULL;
}

frames *frames_open(int file, size_t frame_bytes, bool drops) {
    frames *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        fail(EXIT_SYSTEM, "there is no memory for frames");
    }
    *stream = (frames){.file = file, .bytes = frame_bytes, .drops = drops, .latest = NONE, .in_use = NONE};
    for (int i = 0; i < (drops ? BUFFERS : 1); i++) {
        stream->buffers[i] = malloc(frame_bytes);
        if (stream->buffers[i] == NULL) {
            fail(EXIT_SYSTEM, "there is no memory for frames");
        }
    }
    if (drops) {
        pthread_mutex_init(&stream->lock, NULL);
        pthread_cond_init(&stream->changed, NULL);
        if (pthread_create(&stream->reader, NULL, read_on, stream) != 0) {
            fail(EXIT_SYSTEM, "there is no thread to read frames with");
        }
    }
    return stream;
}

const uint8_t *frames_next(frames *stream, uint64_t *number) {
    if (!stream->drops) {
        *number = stream->next++;
        return read_frame(stream, stream->buffers[0]) ? stream->buffers[0] : NULL;
    }
    pthread_mutex_lock(&stream->lock);
    stream->in_use = NONE;
    while (stream->latest == NONE && !stream->is_at_end) {
        pthread_cond_wait(&stream->changed, &stream->lock);
    }
    const int buffer = stream->in_use = stream->latest;
    stream->latest = NONE;
    pthread_mutex_unlock(&stream->lock);
    if (buffer == NONE) {
        return NULL;
    }
    *number = stream->numbers[buffer];
    return stream->buffers[buffer];
}

size_t frames_rest(const frames *stream) {
    return stream->rest;
}

void frames_close(frames *stream) {
    if (stream->drops) {
        pthread_join(stream->reader, NULL);
        pthread_cond_destroy(&stream->changed);
        pthread_mutex_destroy(&stream->lock);
    }
    for (int i = 0; i < BUFFERS; i++) {
        free(stream->buffers[i]);
    }
    free(stream);
}
