/* What a task is, inside: as task.json says it and the model completes it. */
#ifndef EQ_TASK_H
#define EQ_TASK_H

#include "base/error.h"
#include "base/memory.h"
#include "edgequant_task.h"
#include "frame.h"

enum { EQ_LABELS_MOST = 65536, EQ_ITEMS_MOST = 1000, EQ_OUTPUTS_MOST = 16 };
enum { EQ_UNSAID = -1 }; /* of a choice that task.json leaves to the model */

typedef enum eq_colour { EQ_COLOUR_RGB, EQ_COLOUR_BGR, EQ_COLOUR_GREY } eq_colour;
typedef enum eq_layout { EQ_NHWC, EQ_NCHW } eq_layout;
typedef enum eq_features { EQ_WAVEFORM, EQ_LOG_MEL, EQ_MFCC, EQ_MICRO_FRONTEND } eq_features;
typedef enum eq_mel { EQ_MEL_SLANEY, EQ_MEL_HTK, EQ_MEL_TENSORFLOW } eq_mel;
typedef enum eq_log_kind { EQ_LOG_DB, EQ_LOG_LN, EQ_LOG_NONE } eq_log_kind;
typedef enum eq_activation { EQ_NO_ACTIVATION, EQ_SOFTMAX, EQ_SIGMOID } eq_activation;
typedef enum eq_decoder {
    EQ_SSD,
    EQ_SSD_ANCHORS,
    EQ_YOLOV5,
    EQ_YOLOV8,
    EQ_YOLOV10,
    EQ_BLAZEFACE,
    EQ_RETINAFACE,
    EQ_CORNERS,
    EQ_YOLOX,
    EQ_DECODERS
} eq_decoder;
typedef enum eq_points { EQ_YXS, EQ_XYZ, EQ_HEATMAP } eq_points;
typedef enum eq_units { EQ_UNIT, EQ_PIXELS } eq_units;
typedef enum eq_measure { EQ_RECONSTRUCTION, EQ_VALUE } eq_measure;

typedef struct eq_numbers {
    const float *values;
    int32_t count;
} eq_numbers;

typedef struct eq_names {
    const char *const *names;
    int32_t count;
} eq_names;

/* (value - mean) / std, with one number or one for each channel, band or column. */
typedef struct eq_normal {
    eq_numbers mean, std;
} eq_normal;

typedef struct eq_image_input {
    int32_t width, height; /* 0: the model's */
    int32_t fit, colour, layout, fill;
} eq_image_input;

typedef struct eq_audio_input {
    int32_t rate, features, window, hop; /* samples */
    int32_t fft, bands, coefficients;
    float low_hz, high_hz; /* 0: half of the rate */
    int32_t mel, log;
    bool is_area_normal; /* "norm": "slaney": each filter's area is the same */
    int32_t power;       /* of the spectrum's size: 1 or 2 */
    float floor;
} eq_audio_input;

typedef struct eq_references {
    const float *values; /* (names.count, width) */
    int32_t width;
    eq_names names;
} eq_references;

typedef struct eq_spec {
    int32_t input, output;
    eq_normal normal;
    eq_image_input image;
    eq_audio_input audio;
    eq_names columns;
    int32_t step; /* new rows before each inference; 0: as many as the model sees */
    eq_names labels;
    int32_t activation, decoder, points, units, measure;
    int32_t top;
    float least_score, most_overlap, threshold;
    bool is_agnostic;    /* boxes of different classes suppress one another */
    bool has_background; /* class 0 of raw SSD scores is none */
    eq_numbers anchors, scales;
    eq_references references;
} eq_spec;

/* ---- task.json ---- */

eq_status eq_spec_read(const char *text, size_t size, eq_memory_block **memory, eq_spec *spec, eq_error *error);
/* Replace the labels by these lines. */
eq_status eq_labels_read(const char *text, size_t size, eq_memory_block **memory, eq_names *labels, eq_error *error);
/* Where the file says nothing, with what EQ_UNSAID, 0 and empty lists mean. */
void eq_spec_unsaid(eq_spec *spec);

/* ---- the model's tensors ---- */

/* What one pixel, band or column becomes: a number, normal and then quantized as the input's tensor is. */
typedef struct eq_encoder {
    eq_tensor_info info;
    size_t value_bytes;
    float inverse_scale; /* 0: not quantized */
    int32_t least, most;
} eq_encoder;

eq_status eq_encoder_make(const eq_tensor_info *info, eq_encoder *encoder, eq_error *error);
void eq_encode(const eq_encoder *encoder, float value, uint8_t *to);
/* (count) values of the tensor as numbers. */
void eq_decode(const eq_encoder *encoder, const void *data, float *values, int64_t count);
float eq_normalize(const eq_normal *normal, int32_t channel, float value);

/* An output as float32, (elements); of what is not quantized its own numbers. */
typedef struct eq_reals_out {
    eq_tensor_info info;
    int64_t elements;
    float *values;
} eq_reals_out;

int64_t eq_elements(const eq_tensor_info *info);
eq_status eq_reals_make(eq_session *session, int32_t index, eq_memory_block **memory, eq_reals_out *out, eq_error *error);
void eq_reals_read(const eq_session *session, int32_t index, eq_reals_out *out);

/* ---- inputs ---- */

typedef struct eq_image_side {
    eq_resizer *resizer;
    int32_t width, height, channels;
    uint8_t *pixels; /* (height, width, channels) */
    uint8_t *table;  /* (channels, 256) values of the tensor */
} eq_image_side;

/* The rows that an inference sees: feature frames, samples or lines. */
typedef struct eq_history {
    int32_t rows, width, step;
    int32_t filled, fresh; /* rows that there are; of them, since the last inference */
    float *values;         /* (rows, width) */
} eq_history;

/* Add a row; whether an inference is due. */
bool eq_history_add(eq_history *history, const float *row);
void eq_history_reset(eq_history *history);

typedef struct eq_mel_features eq_mel_features;
typedef struct eq_micro_frontend eq_micro_frontend;

typedef struct eq_audio_side {
    int16_t *samples;     /* (window) */
    int32_t filled, skip; /* samples that there are; that a hop longer than the window leaves out */
    float *row;
    eq_mel_features *mel;
    eq_micro_frontend *micro;
} eq_audio_side;

eq_mel_features *eq_mel_make(const eq_audio_input *audio, eq_memory_block **memory);
void eq_mel_frame(eq_mel_features *mel, const int16_t *samples, float *row);
eq_micro_frontend *eq_micro_make(const eq_audio_input *audio, bool is_in_bytes, eq_memory_block **memory);
void eq_micro_frame(eq_micro_frontend *micro, const int16_t *samples, float *row);
void eq_micro_reset(eq_micro_frontend *micro);

/* ---- outputs ---- */

typedef struct eq_box {
    float left, top, right, bottom, score;
    int32_t class;
} eq_box;

typedef struct eq_kept_box {
    float left, top, right, bottom, area;
    int32_t class, place; /* among the candidates */
    const struct eq_kept_box *next;
} eq_kept_box;

typedef struct eq_boxes {
    eq_box *found; /* (capacity) candidates */
    int32_t count, capacity;
    uint64_t *keys;    /* (2, capacity + 1) */
    eq_kept_box *kept; /* (EQ_ITEMS_MOST) */
} eq_boxes;

eq_status eq_boxes_make(eq_boxes *boxes, int32_t capacity, eq_memory_block **memory, eq_error *error);
/* The best `most`, EQ_ITEMS_MOST at most, that overlap no better one by more than `overlap`, in `kept`, the best first. Of equal scores
 * the first is better. Classes are 0 or more. Returns their number. */
int32_t eq_suppress(eq_boxes *boxes, float overlap, bool is_agnostic, int32_t most);

/* Which output is what, -1: none, and what codes around anchors mean. */
typedef struct eq_detector {
    int32_t boxes, scores, classes, count, points;
    int32_t point_column, point_count; /* of a box's row in `points`: where they begin, and how many there are */
    int32_t x_at;                      /* 0: x comes before y, and width before height */
    bool is_linear;                    /* sizes are codes, else the powers of e that codes tell */
    float scales[4];                   /* by what codes are divided */
    const float *anchors;              /* (count, 4) centres and sizes, in the order of the codes */
} eq_detector;

struct eq_task {
    eq_memory_block *memory;
    eq_session *session;
    eq_spec spec;
    eq_encoder encoder;
    eq_image_side image;
    eq_audio_side audio;
    eq_history history;
    int32_t output_count;
    eq_reals_out outputs[EQ_OUTPUTS_MOST];
    eq_boxes boxes;
    bool has_unit_boxes;  /* of this answer: their coordinates are 0 to 1 */
    bool has_unit_points; /* of this answer: points are no codes around anchors */
    eq_detector detector;
    float *scores;    /* of candidates; an embedding */
    int32_t *classes; /* of candidates */
    int32_t *rows;    /* of candidates that have points: where their outputs are */
    eq_point *points; /* (top, point_count) */
    uint8_t *mask;
    float *input_values; /* what the model was given, for a reconstruction's error */
    eq_answer_item *items;
    int32_t item_room;
    eq_answer answer;
    eq_geometry geometry; /* of the last frame */
};

/* Complete what the task leaves out, and check it against the model. */
eq_status eq_infer(eq_task *task, eq_error *error);
eq_status eq_infer_output(eq_task *task, eq_error *error);
eq_status eq_input_open(eq_task *task, eq_error *error);
void eq_input_write_history(eq_task *task);
eq_status eq_output_open(eq_task *task, eq_error *error);
void eq_output_answer(eq_task *task);

/* Put an item into the answer, if there is room. */
void eq_answer_add(eq_task *task, int32_t index, float score);
const char *eq_label_of(const eq_task *task, int32_t index);
/* In place: (count) scores. */
void eq_activate_scores(int32_t activation, float *scores, int32_t count);

/* The outputs of TFLite_Detection_PostProcess, or codes and scores around anchors; whether they are there. */
bool eq_find_ssd(const eq_task *task, eq_detector *detector);
bool eq_find_codes(const eq_task *task, eq_detector *detector);
/* Whether `count` places are the cells of YOLOX's three strides. */
bool eq_are_yolox_cells(const eq_task *task, int64_t count);
void eq_yolox_decode(eq_task *task);
bool eq_looks_like_blazeface(const eq_task *task);
bool eq_looks_like_retinaface(const eq_task *task);
/* What it finds, by the number of its points. The palm detector's pixels are 0 to 1, those of the others -1 to 1. */
typedef enum eq_blaze_kind { EQ_BLAZE_FACE, EQ_BLAZE_PALM, EQ_BLAZE_PERSON } eq_blaze_kind;
eq_blaze_kind eq_blazeface_kind(const eq_task *task);
bool eq_retinaface_is_ultraface(const eq_task *task);
/* Scales and anchors of codes, whose outputs are found. */
eq_status eq_detector_open(eq_task *task, eq_error *error);
eq_status eq_codes_open(eq_task *task, eq_error *error);
void eq_codes_decode(eq_task *task);
/* The points of the box that the answer has at `place`, whose outputs are in `row`. */
void eq_codes_answer_points(eq_task *task, int32_t place, int32_t row);

/* A finite box that scores well enough becomes a candidate; in the model's pixels, or from its centre in the decoder's units. */
void eq_add_box(eq_task *task, eq_box box);
void eq_add_centred(eq_task *task, float x, float y, float width, float height, float score, int32_t class);
/* Pixels of the model in a unit of the decoder. */
void eq_units_of(const eq_task *task, float *x, float *y);
/* The first of the best classes, whose scores are `step` apart. */
int32_t eq_best_of(const float *scores, int32_t count, int32_t step);
/* Of a row with a box, whether something is there, and classes: the best class and its score, if `least_score` can be reached. */
float eq_score_of_row(const eq_task *task, const float *row, int32_t classes, int32_t *class);
eq_status eq_decoder_misfit(const char *what, eq_error *error);
eq_status eq_detections_open(eq_task *task, eq_error *error);
void eq_detections_answer(eq_task *task);
/* The `top` highest of (count) scores that reach `least`, into the answer. */
void eq_rank(eq_task *task, const float *scores, int32_t count, float least);

#endif
