/* Tasks: what stands around a model, so that a picture, a sound or a line of numbers goes in and an answer comes out.
 *
 *     eq_task *task;
 *     if (eq_task_open(session, json, size, NULL, 0, &task, &error) != EQ_OK) { ... }     json: a task.json, see docs/task.md
 *     eq_task_image(task, &frame, &error);
 *     eq_task_run(task, &answer, &error);
 *     for (int32_t i = 0; i < answer->count; i++) { printf("%s %.2f\n", answer->items[i].label, answer->items[i].score); }
 *     eq_task_close(task);                                                               before its session
 *
 * The same bits on every CPU, as those of the engine. A task serves one thread at a time, together with its session. */
#ifndef EDGEQUANT_TASK_H
#define EDGEQUANT_TASK_H

#include "edgequant.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { EQ_TASK_VERSION = 1 }; /* of task.json */

/* ---- frames: pictures as cameras and files give them ---- */

typedef enum eq_frame_format {
    EQ_FRAME_RGB = 0,
    EQ_FRAME_BGR = 1,
    EQ_FRAME_GREY = 2,
    EQ_FRAME_YUV420 = 3,      /* planes Y, U, V; ITU-R BT.601 with 16 to 235 of brightness, as cameras give it */
    EQ_FRAME_NV12 = 4,        /* planes Y and UV */
    EQ_FRAME_YUV420_FULL = 5, /* brightness 0 to 255, as JPEG has it */
    EQ_FRAME_NV12_FULL = 6,
} eq_frame_format;

enum { EQ_FRAME_MOST = 16384 }; /* pixels in a row or column */

typedef struct eq_frame {
    int32_t format; /* an eq_frame_format */
    int32_t width, height;
    const uint8_t *planes[3]; /* the caller's; colour planes of YUV have (width + 1) / 2 by (height + 1) / 2 values */
    size_t strides[3];        /* bytes from a row to the next */
} eq_frame;

/* The bytes of a frame without gaps; 0 if there is no such format or size. */
EQ_API size_t eq_frame_bytes(int32_t format, int32_t width, int32_t height);
/* A frame whose bytes lie in memory without gaps. */
EQ_API eq_status eq_frame_of(const void *bytes, size_t size, int32_t format, int32_t width, int32_t height, eq_frame *frame,
                             eq_error *error);
/* "640x480:yuv420": width, height and rgb, bgr, grey, yuv420, nv12, yuv420-full or nv12-full. Without planes. */
EQ_API eq_status eq_frame_parse(const char *text, eq_frame *frame, eq_error *error);
/* A binary PPM or PGM file (P6, P5) with values to 255; the planes point into `bytes`. */
EQ_API eq_status eq_frame_read_pnm(const void *bytes, size_t size, eq_frame *frame, eq_error *error);

typedef enum eq_fit { EQ_FIT_STRETCH = 0, EQ_FIT_CROP = 1, EQ_FIT_LETTERBOX = 2 } eq_fit;

/* A frame as `height` rows of `width` pixels with `channels` bytes: 3, red green blue, or 1, brightness. The filter is a triangle as
 * wide as the source's pixels or the result's, whichever are wider (Pillow's BILINEAR): two of 255 steps apart at most. */
EQ_API eq_status eq_frame_resize(const eq_frame *frame, int32_t fit, uint8_t fill, int32_t width, int32_t height,
                                 int32_t channels, uint8_t *pixels, eq_error *error);

/* ---- sound ---- */

typedef struct eq_sound {
    int32_t rate, channels; /* samples a second, values a sample */
    int32_t bits;           /* 8, 16, 24, 32, and -32 for float32 */
    const uint8_t *data;    /* in the bytes that were read; NULL where the header is not whole yet */
    size_t bytes;           /* of the samples that are there */
    size_t offset;          /* of the first sample in the file */
    size_t declared;        /* bytes of samples that the header tells of; 0: it does not know */
} eq_sound;

/* The header of a WAV file, whose end need not be there: programs that write to a pipe do not know it. `size` bytes of 64 KiB or
 * more have a whole header, or the file is refused. */
EQ_API eq_status eq_sound_read_wav(const void *bytes, size_t size, eq_sound *sound, eq_error *error);
/* `count` samples of `data`, in the format of `sound`, as int16 of one channel: the mean of all. */
EQ_API void eq_sound_to_int16(const eq_sound *sound, const uint8_t *data, size_t count, int16_t *samples);

/* A sound of another rate, as int16 of one channel: the same bits on every CPU, however it is divided into calls. A second of n samples
 * becomes one of `to`; its filter keeps what is under 43 % of the lower rate. EQ_ERROR_LIMIT: the rates have no simple ratio. */
typedef struct eq_resampler eq_resampler;
EQ_API eq_status eq_resampler_open(int32_t from, int32_t to, eq_resampler **resampler, eq_error *error);
EQ_API void eq_resampler_close(eq_resampler *resampler);
/* Samples go in, `used` of `count`, and at most `room` come out; returns how many. At the end of the sound `samples` is NULL, until
 * 0 is returned. Call again with the rest until all are used. */
EQ_API size_t eq_resampler_run(eq_resampler *resampler, const int16_t *samples, size_t count, size_t *used, int16_t *to,
                               size_t room);

/* ---- tasks ---- */

typedef enum eq_task_input { EQ_TASK_IMAGE = 0, EQ_TASK_AUDIO = 1, EQ_TASK_VECTOR = 2 } eq_task_input;

typedef enum eq_task_output {
    EQ_TASK_CLASSES = 0,
    EQ_TASK_DETECTIONS = 1,
    EQ_TASK_SEGMENTATION = 2,
    EQ_TASK_KEYPOINTS = 3,
    EQ_TASK_EMBEDDING = 4,
    EQ_TASK_ANOMALY = 5,
} eq_task_output;

typedef struct eq_task eq_task;

typedef struct eq_task_info {
    int32_t input, output; /* an eq_task_input, an eq_task_output */
    int32_t width, height; /* of pictures */
    int32_t rate;          /* of sound */
    int32_t columns, rows; /* of vectors: the numbers of a line, and the lines that one inference sees */
    int32_t step;          /* new lines or feature frames before each inference */
    int32_t label_count;
} eq_task_info;

typedef struct eq_answer_item {
    int32_t index;     /* of the class, keypoint or reference */
    const char *label; /* NULL: it has none */
    float score;       /* 0 to 1 as a rule; segmentation: the class's share of the picture; embedding: the distance */
    float left, top, right, bottom; /* in pixels of the frame; a keypoint is at (left, top) */
} eq_answer_item;

typedef struct eq_point {
    float x, y; /* in pixels of the frame */
} eq_point;

typedef struct eq_answer {
    int32_t kind; /* an eq_task_output */
    int32_t count;
    const eq_answer_item *items; /* highest score first; keypoints in the model's order, references the nearest first */
    const uint8_t *mask;         /* segmentation: (mask_height, mask_width) classes */
    int32_t mask_width, mask_height;
    float mask_left, mask_top, mask_right,
        mask_bottom;     /* what the mask covers, in pixels of the frame; may go past its edges */
    const float *values; /* embedding: of length 1 */
    int32_t value_count;
    bool is_anomaly; /* anomaly: items[0].score is at `threshold` or above */
    float threshold;
    const eq_point *points; /* detections: (count, points_each), as a face's eyes, nose and mouth; NULL where there are none */
    int32_t points_each;
} eq_answer;

/* `json` NULL: everything is inferred from the model, as is all that it leaves out. `labels`, one a line, replace the task's; NULL:
 * none are given. The session must outlive the task. EQ_ERROR_ARGUMENT says what in the task is wrong or does not fit the model. */
EQ_API eq_status eq_task_open(eq_session *session, const char *json, size_t size, const char *labels, size_t labels_size,
                              eq_task **task, eq_error *error);
EQ_API void eq_task_close(eq_task *task);
EQ_API void eq_task_describe(const eq_task *task, eq_task_info *info);
/* The whole task as JSON; returns the length without the final zero, as snprintf does. */
EQ_API size_t eq_task_json(const eq_task *task, char *text, size_t capacity);

/* Write the model's input. */
EQ_API eq_status eq_task_image(eq_task *task, const eq_frame *frame, eq_error *error);
/* Take samples until the model has one inference's worth: `used` says how many were taken, `ready` whether to run now. Any division of a
 * sound into calls gives the same answers. */
EQ_API eq_status eq_task_audio(eq_task *task, const int16_t *samples, size_t count, size_t *used, bool *ready, eq_error *error);
EQ_API eq_status eq_task_vector(eq_task *task, const float *values, int32_t count, bool *ready, eq_error *error);
/* Run the model; the answer is the task's own, good until the next call. */
EQ_API eq_status eq_task_run(eq_task *task, const eq_answer **answer, eq_error *error);
/* Forget the sound or lines so far, and what the model remembers. */
EQ_API void eq_task_reset(eq_task *task);
/* The answer as one line of JSON, without its end; returns the length without the final zero, as snprintf does. */
EQ_API size_t eq_answer_json(const eq_answer *answer, char *text, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
