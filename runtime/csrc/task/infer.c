/* What task.json leaves out, from the model's own tensors; and whether the two fit. */
#include <math.h>
#include <string.h>

#include "task.h"

enum { USUAL_FILL = 114, USUAL_RATE = 16000, FRONTEND_BANDS = 40, FRONTEND_ROWS = 49, STREAMED_ROWS = 8 };
enum { KEYWORD_ROWS = 49, KEYWORD_COEFFICIENTS = 10 }; /* of MLPerf Tiny's keyword spotter */

void eq_spec_unsaid(eq_spec *spec) {
    *spec = (eq_spec){.input = EQ_UNSAID,
                      .output = EQ_UNSAID,
                      .activation = EQ_UNSAID,
                      .decoder = EQ_UNSAID,
                      .points = EQ_UNSAID,
                      .units = EQ_UNSAID,
                      .measure = EQ_UNSAID,
                      .least_score = EQ_UNSAID,
                      .most_overlap = EQ_UNSAID,
                      .threshold = NAN};
    spec->image = (eq_image_input){.fit = EQ_UNSAID, .fill = EQ_UNSAID, .colour = EQ_UNSAID, .layout = EQ_UNSAID};
    spec->audio = (eq_audio_input){.features = EQ_UNSAID, .is_area_normal = true, .power = 2, .floor = 1e-10f};
}

static int32_t last_of(const eq_tensor_info *info) {
    return info->rank > 0 ? info->shape[info->rank - 1] : 1;
}

static eq_status refuse(eq_error *error, const char *sentence) {
    return eq_fail(error, EQ_ERROR_ARGUMENT, "%s", sentence);
}

/* ---- input ---- */

/* height, width, channels, with or without a batch of 1, in either order; whether the tensor is a picture at all. */
static bool picture_of(const eq_tensor_info *info, int32_t wanted_layout, int32_t *height, int32_t *width, int32_t *channels,
                       int32_t *layout) {
    const int32_t *dims = info->shape + (info->rank == 4);
    if ((info->rank != 3 && info->rank != 4) || (info->rank == 4 && info->shape[0] != 1)) {
        return false;
    }
    const bool may_be_nhwc = dims[2] == 1 || dims[2] == 3, may_be_nchw = dims[0] == 1 || dims[0] == 3;
    *layout = wanted_layout != EQ_UNSAID ? wanted_layout : may_be_nhwc ? EQ_NHWC : EQ_NCHW;
    if (*layout == EQ_NHWC ? !may_be_nhwc : !may_be_nchw) {
        return false;
    }
    *height = *layout == EQ_NHWC ? dims[0] : dims[1];
    *width = *layout == EQ_NHWC ? dims[1] : dims[2];
    *channels = *layout == EQ_NHWC ? dims[2] : dims[0];
    return *height <= EQ_FRAME_MOST && *width <= EQ_FRAME_MOST;
}

static bool is_about(float value, float wanted) {
    return value > 0.98f * wanted && value < 1.02f * wanted;
}

static eq_status set_normal(eq_task *task, float mean, float std, eq_error *error) {
    float *numbers = eq_memory_take(&task->memory, 2 * sizeof *numbers);
    if (numbers == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the task");
    }
    numbers[0] = mean;
    numbers[1] = std;
    task->spec.normal = (eq_normal){{numbers, 1}, {numbers + 1, 1}};
    return EQ_OK;
}

static bool decodes(const eq_task *task, int32_t decoder) {
    return task->spec.output == EQ_TASK_DETECTIONS && task->spec.decoder == decoder;
}

/* What a pixel is to the model. Inputs of 8 bits whose range is 0 to 1, -1 to 1 or that of bytes take the bytes of a picture as they are,
 * less 128 where they have a sign; others are 0 to 1, or -1 to 1 where they can be negative. */
static eq_status infer_pixels(eq_task *task, eq_error *error) {
    const eq_tensor_info *info = &task->encoder.info;
    const bool is_byte = task->encoder.value_bytes == 1;
    if (task->spec.normal.mean.count > 0 || task->spec.normal.std.count > 0) {
        return EQ_OK;
    }
    if (decodes(task, EQ_BLAZEFACE)) {
        return eq_blazeface_kind(task) == EQ_BLAZE_PALM ? set_normal(task, 0, 255, error)
                                                        : set_normal(task, 127.5f, 127.5f, error);
    }
    if (decodes(task, EQ_RETINAFACE) && eq_retinaface_is_ultraface(task)) {
        return set_normal(task, 127, 128, error);
    }
    if (decodes(task, EQ_YOLOX)) {
        return set_normal(task, 0, 1, error);
    }
    const float scale = info->scale > 0 ? info->scale : 1, range = scale * 255;
    if (is_byte && (is_about(range, 1) || is_about(range, 2) || is_about(range, 255))) {
        return set_normal(task, (float)(info->zero_point - task->encoder.least), 1 / scale, error);
    }
    const bool is_negative = is_byte && scale * (float)(task->encoder.least - info->zero_point) < -0.5f;
    return is_negative ? set_normal(task, 127.5f, 127.5f, error) : set_normal(task, 0, 255, error);
}

static eq_status check_normal(const eq_normal *normal, int32_t channels, eq_error *error) {
    if (normal->mean.count > 1 && normal->mean.count != channels) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "its 'input.mean' must be one number or %d", (int)channels);
    }
    if (normal->std.count > 1 && normal->std.count != channels) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "its 'input.std' must be one number or %d", (int)channels);
    }
    return EQ_OK;
}

static eq_status infer_image(eq_task *task, eq_error *error) {
    eq_image_input *spec = &task->spec.image;
    eq_image_side *image = &task->image;
    if (!picture_of(&task->encoder.info, spec->layout, &image->height, &image->width, &image->channels, &spec->layout)) {
        return refuse(
            error,
            "the model's input is no picture: it must be (1, height, width, channels) or (1, channels, height, width) "
            "with 1 or 3 channels");
    }
    if ((spec->width != 0 && spec->width != image->width) || (spec->height != 0 && spec->height != image->height)) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "its picture is %d x %d, width by height, and the model takes %d x %d",
                       (int)spec->width, (int)spec->height, (int)image->width, (int)image->height);
    }
    spec->width = image->width;
    spec->height = image->height;
    return check_normal(&task->spec.normal, image->channels, error);
}

/* What follows from the decoder: these see the whole picture between bars, MediaPipe's between black ones. */
static eq_status complete_image(eq_task *task, eq_error *error) {
    eq_image_input *spec = &task->spec.image;
    const bool is_grey = task->image.channels == 1;
    const bool is_blazeface = decodes(task, EQ_BLAZEFACE), is_yolox = decodes(task, EQ_YOLOX);
    spec->fit = spec->fit != EQ_UNSAID ? spec->fit : is_blazeface || is_yolox ? EQ_FIT_LETTERBOX : EQ_FIT_STRETCH;
    spec->fill = spec->fill != EQ_UNSAID ? spec->fill : is_blazeface ? 0 : USUAL_FILL;
    if (spec->colour == EQ_UNSAID) {
        spec->colour = is_grey ? EQ_COLOUR_GREY : is_yolox ? EQ_COLOUR_BGR : EQ_COLOUR_RGB;
    }
    if ((spec->colour == EQ_COLOUR_GREY) != is_grey) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "its 'input.colour' does not fit the model, whose pictures have %d channels",
                       (int)task->image.channels);
    }
    return infer_pixels(task, error);
}

static int32_t power_of_two_from(int32_t least) {
    int32_t power = 4;
    while (power < least) {
        power *= 2;
    }
    return power;
}

static eq_status check_audio(const eq_audio_input *audio, eq_error *error) {
    if (audio->features == EQ_WAVEFORM) {
        return EQ_OK;
    }
    if (audio->fft < audio->window || (audio->fft & (audio->fft - 1)) != 0) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "its 'input.fft' must be a power of two, and %d or more as 'input.window' is",
                       (int)audio->window);
    }
    if (audio->high_hz > (float)audio->rate / 2 || audio->low_hz >= audio->high_hz) {
        return eq_fail(error, EQ_ERROR_ARGUMENT,
                       "its 'input.low_hz' must be under 'input.high_hz', and that %g, half of the rate, at most",
                       audio->rate / 2.0);
    }
    if (audio->log != EQ_LOG_NONE && audio->floor <= 0) {
        return refuse(error, "its 'input.floor' must be above 0, which has no logarithm");
    }
    return EQ_OK;
}

/* The values of a row of features: the last dimension, but for one channel. TensorFlow Lite Micro's micro_speech has all in one. */
static int32_t row_of(const eq_tensor_info *info) {
    const int32_t last = last_of(info);
    if (last == FRONTEND_ROWS * FRONTEND_BANDS && eq_elements(info) == last) {
        return FRONTEND_BANDS;
    }
    return last == 1 && info->rank > 1 ? info->shape[info->rank - 2] : last;
}

/* As tf.signal makes them for MLPerf Tiny's keyword spotter: of a second, 10 coefficients every 20 ms. */
static bool is_keyword_spotter(const eq_tensor_info *info) {
    return info->rank >= 3 && row_of(info) == KEYWORD_COEFFICIENTS &&
           eq_elements(info) == (int64_t)KEYWORD_ROWS * KEYWORD_COEFFICIENTS;
}

static bool is_sound(const eq_tensor_info *info) {
    const int32_t row = row_of(info);
    const bool is_square = info->rank >= 3 && eq_elements(info) == (int64_t)row * row; /* a picture, and no sound */
    return is_keyword_spotter(info) || (row == FRONTEND_BANDS && !is_square && (info->rank >= 3 || row != last_of(info)));
}

static void take_keyword_features(eq_audio_input *audio) {
    audio->features = EQ_MFCC;
    audio->mel = EQ_MEL_TENSORFLOW;
    audio->is_area_normal = false;
    audio->power = 1;
    audio->log = EQ_LOG_LN;
    audio->floor = 1e-6f;
    audio->hop = audio->hop > 0 ? audio->hop : (audio->rate > 0 ? audio->rate : USUAL_RATE) / 50;
    audio->low_hz = audio->low_hz > 0 ? audio->low_hz : 20;
    audio->high_hz = audio->high_hz > 0 ? audio->high_hz : 4000;
}

static eq_status infer_features(eq_task *task, int32_t elements, eq_error *error) {
    eq_audio_input *audio = &task->spec.audio;
    const eq_tensor_info *info = &task->encoder.info;
    const int32_t last = row_of(info);
    if (audio->features == EQ_UNSAID && is_keyword_spotter(info)) {
        take_keyword_features(audio);
    }
    if (audio->features == EQ_UNSAID) {
        audio->features = elements == last && last >= 400 ? EQ_WAVEFORM
                          : last == FRONTEND_BANDS        ? EQ_MICRO_FRONTEND
                                                          : EQ_UNSAID;
    }
    if (audio->features == EQ_UNSAID) {
        return refuse(error, "its 'input.features' must say what the model takes: waveform, log_mel, mfcc or micro_frontend");
    }
    const bool is_micro = audio->features == EQ_MICRO_FRONTEND;
    audio->rate = audio->rate > 0 ? audio->rate : USUAL_RATE;
    if (audio->features == EQ_WAVEFORM) {
        /* A row of the history is as long as what goes from one inference to the next. */
        audio->window = audio->hop = audio->hop > 0 ? audio->hop : elements;
        task->history.width = audio->hop;
    } else {
        audio->window = audio->window > 0 ? audio->window : audio->rate * 3 / 100;
        const bool is_streaming = elements > last && elements <= STREAMED_ROWS * last; /* as ESPHome's, every 10 ms */
        audio->hop = audio->hop > 0 ? audio->hop : !is_micro ? audio->window / 2 : audio->rate / (is_streaming ? 100 : 50);
        audio->fft = audio->fft > 0 ? audio->fft : power_of_two_from(audio->window);
        audio->high_hz = audio->high_hz > 0 ? audio->high_hz : is_micro ? 7500 : (float)audio->rate / 2;
        audio->low_hz = audio->low_hz > 0 || !is_micro ? audio->low_hz : 125;
        if (audio->features == EQ_MFCC) {
            audio->coefficients = audio->coefficients > 0 ? audio->coefficients : last;
            audio->bands = audio->bands > 0 ? audio->bands : FRONTEND_BANDS;
        } else {
            audio->bands = audio->bands > 0 ? audio->bands : last;
        }
        task->history.width = audio->features == EQ_MFCC ? audio->coefficients : audio->bands;
    }
    if (audio->features == EQ_MFCC && audio->coefficients > audio->bands) {
        return refuse(error, "its 'input.coefficients' must not be more than 'input.bands'");
    }
    return check_audio(audio, error);
}

/* micro_speech's bytes less 128, where the model takes them as they are. */
static eq_status infer_bytes(eq_task *task, eq_error *error) {
    const eq_encoder *encoder = &task->encoder;
    const eq_normal *normal = &task->spec.normal;
    const bool is_plain = encoder->info.type == EQ_INT8 && encoder->info.zero_point == 0 &&
                          (encoder->info.scale == 1 || encoder->info.scale == 0);
    const bool is_said = normal->mean.count > 0 || normal->std.count > 0;
    return is_plain && !is_said ? set_normal(task, 128.0f * 26 / 255, 26.0f / 255, error) : EQ_OK;
}

static eq_status infer_rows(eq_task *task, int32_t elements, eq_error *error) {
    eq_history *history = &task->history;
    if (history->width < 1 || elements % history->width != 0) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "the model's input has %d values, which are no whole rows of %d",
                       (int)elements, (int)history->width);
    }
    history->rows = elements / history->width;
    if (task->spec.step > history->rows) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "its 'input.step' is %d: the model sees %d rows", (int)task->spec.step,
                       (int)history->rows);
    }
    history->step = task->spec.step = task->spec.step > 0 ? task->spec.step : history->rows;
    return EQ_OK;
}

static eq_status infer_input(eq_task *task, eq_error *error) {
    eq_tensor_info info;
    eq_spec *spec = &task->spec;
    int32_t height, width, channels, layout;
    if (eq_session_input_count(task->session) != 1) {
        return eq_fail(error, EQ_ERROR_UNSUPPORTED, "a task fills one input, and the model has %d",
                       (int)eq_session_input_count(task->session));
    }
    eq_status status = eq_session_input_info(task->session, 0, &info, error);
    if (status != EQ_OK || (status = eq_encoder_make(&info, &task->encoder, error)) != EQ_OK) {
        return status;
    }
    const int64_t elements = eq_elements(&info);
    if (elements < 1 || elements > INT32_MAX / 4) {
        return refuse(error, "the model's input is empty, or too large for a task");
    }
    if (spec->input == EQ_UNSAID) {
        const bool is_picture =
            picture_of(&info, spec->image.layout, &height, &width, &channels, &layout) && height >= 8 && width >= 8;
        spec->input = is_sound(&info) ? EQ_TASK_AUDIO : is_picture && info.rank == 4 ? EQ_TASK_IMAGE : EQ_TASK_VECTOR;
    }
    if (spec->input == EQ_TASK_IMAGE) {
        return infer_image(task, error);
    }
    if (spec->input == EQ_TASK_AUDIO) {
        status = infer_features(task, (int32_t)elements, error);
        if (status == EQ_OK && spec->audio.features == EQ_MICRO_FRONTEND) {
            status = infer_bytes(task, error);
        }
    } else {
        task->history.width = spec->columns.count > 0 ? spec->columns.count : last_of(&info);
    }
    if (status != EQ_OK || (status = infer_rows(task, (int32_t)elements, error)) != EQ_OK) {
        return status;
    }
    return check_normal(&spec->normal, task->history.width, error);
}

eq_status eq_infer(eq_task *task, eq_error *error) {
    eq_spec *spec = &task->spec;
    eq_status status = infer_input(task, error);
    task->output_count = eq_session_output_count(task->session);
    if (status == EQ_OK && (task->output_count < 1 || task->output_count > EQ_OUTPUTS_MOST)) {
        status = eq_fail(error, EQ_ERROR_UNSUPPORTED, "a task reads 1 to %d outputs, and the model has %d", EQ_OUTPUTS_MOST,
                         (int)task->output_count);
    }
    for (int32_t i = 0; status == EQ_OK && i < task->output_count; i++) {
        status = eq_reals_make(task->session, i, &task->memory, &task->outputs[i], error);
    }
    if (status != EQ_OK) {
        return status;
    }
    status = eq_infer_output(task, error);
    return status == EQ_OK && spec->input == EQ_TASK_IMAGE ? complete_image(task, error) : status;
}
