/* SOFTMAX and LOG_SOFTMAX of int8: LiteRT's float arithmetic with a table of exponentials. docs/arithmetic.md has the formulas. */
#include <math.h>

#include "arithmetic/arithmetic.h"
#include "arithmetic/portable_math.h"
#include "ops/quantization.h"
#include "plan/operator.h"
#include "softmax.h"

enum { SHORT_ROW = 256 }; /* longer ones are worth a table of the 256 results */
enum { LANES = 16 };      /* inner loops of so many turn into vector code */

typedef struct eq_softmax_s8 {
    eq_softmax rows;
    const eq_kernels *kernels;
    float in_scale, out_scale;
    int32_t zero_point;
    int32_t shift;           /* 128 if the file has uint8 */
    float exponentials[256]; /* [255 - d] is exp(-d * in_scale * beta), d steps below the row's largest value */
} eq_softmax_s8;

/* Of 0 to 65536. The roundf of C libraries, but a vector's. */
static int32_t round_away(float x) {
    const int32_t whole = (int32_t)x;
    return whole + (x - (float)whole >= 0.5f);
}

static int32_t log_probability(float scaled, int32_t zero_point) {
    return eq_clamp((int32_t)rintf(fmaxf(fminf(scaled, 65536.0f), -65536.0f)) + zero_point, -128, 127);
}

/* LANES results, in loops that compilers make vectors of. */
static void sixteen_probabilities(const float *exponentials, float factor, int32_t zero_point, int8_t out[LANES]) {
    float scaled[LANES];
    for (int32_t i = 0; i < LANES; i++) {
        const float x = exponentials[i] * factor;
        scaled[i] = x < 65536.0f ? x : 65536.0f;
    }
    int8_t lanes[LANES]; /* `out` could be anywhere */
    for (int32_t i = 0; i < LANES; i++) {
        lanes[i] = (int8_t)eq_clamp(round_away(scaled[i]) + zero_point, -128, 127);
    }
    memcpy(out, lanes, sizeof lanes);
}

static void probabilities(const eq_softmax_s8 *s, float sum, const float *exponentials, int8_t *out, int32_t n) {
    const float factor = 1.0f / (sum * s->out_scale);
    for (; n >= LANES; n -= LANES, exponentials += LANES, out += LANES) {
        sixteen_probabilities(exponentials, factor, s->zero_point, out);
    }
    if (n == 0) {
        return;
    }
    float part[LANES] = {0};
    int8_t results[LANES];
    memcpy(part, exponentials, (size_t)n * sizeof *part);
    sixteen_probabilities(part, factor, s->zero_point, results);
    memcpy(out, results, (size_t)n);
}

static void log_probabilities(const eq_softmax_s8 *s, float offset, const int8_t *values, int8_t *out, int32_t n) {
    const float step = s->in_scale / s->out_scale;
    for (int32_t i = 0; i < n; i++) {
        out[i] = (int8_t)log_probability(step * (float)(values[i] + s->shift) - offset, s->zero_point);
    }
}

static int32_t largest_of(const int8_t *in, int32_t n) {
    int32_t largest = -128;
    for (int32_t i = 0; i < n; i++) {
        largest = in[i] > largest ? in[i] : largest;
    }
    return largest;
}

/* A value's result is the same wherever it is in the row: a long row is looked up. */
static void softmax_row(const eq_softmax_s8 *s, const int8_t *in, int8_t *out) {
    const int32_t largest = largest_of(in, s->rows.depth);
    const float *of_value = s->exponentials + 255 - largest; /* [q]: from -128 to the largest */
    float sum = 0;
    if (s->rows.depth <= SHORT_ROW) {
        float exponentials[SHORT_ROW];
        for (int32_t i = 0; i < s->rows.depth; i++) {
            sum += exponentials[i] = of_value[in[i]];
        }
        probabilities(s, sum, exponentials, out, s->rows.depth);
        return;
    }
    for (int32_t i = 0; i < s->rows.depth; i++) {
        sum += of_value[in[i]];
    }
    int8_t table[256] = {0};
    probabilities(s, sum, of_value - 128, table, largest + 129);
    s->kernels->lookup(table, in, out, (size_t)s->rows.depth);
}

/* To int16, as TensorFlow Lite Micro's models have it. */
static void softmax_row_wide(const eq_softmax_s8 *s, const int8_t *in, int16_t *out) {
    const float *of_value = s->exponentials + 255 - largest_of(in, s->rows.depth);
    float sum = 0;
    for (int32_t i = 0; i < s->rows.depth; i++) {
        sum += of_value[in[i]];
    }
    const float factor = 1.0f / (sum * s->out_scale);
    for (int32_t i = 0; i < s->rows.depth; i++) {
        const float x = of_value[in[i]] * factor;
        out[i] = (int16_t)eq_clamp(round_away(x < 65536.0f ? x : 65536.0f) + s->zero_point, INT16_MIN, INT16_MAX);
    }
}

static void log_softmax_row(const eq_softmax_s8 *s, const int8_t *in, int8_t *out) {
    const int32_t largest = largest_of(in, s->rows.depth);
    const float *of_value = s->exponentials + 255 - largest;
    float sum = 0;
    for (int32_t i = 0; i < s->rows.depth; i++) {
        sum += of_value[in[i]];
    }
    const float log_sum = (float)eq_log((double)sum);
    const float offset = (s->in_scale * (float)(largest + s->shift) + log_sum) / s->out_scale;
    if (s->rows.depth <= SHORT_ROW) {
        log_probabilities(s, offset, in, out, s->rows.depth);
        return;
    }
    int8_t all[256], table[256];
    for (int32_t i = 0; i < 256; i++) {
        all[i] = (int8_t)(i - 128);
    }
    log_probabilities(s, offset, all, table, 256);
    s->kernels->lookup(table, in, out, (size_t)s->rows.depth);
}

static void run_int8_to_int16(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_softmax_s8 *s = step->data;
    const int8_t *in = storage[step->inputs[0].tensor].data;
    int16_t *out = storage[step->outputs[0].tensor].data;
    for (int32_t row = first; row < last; row++) {
        softmax_row_wide(s, in + (size_t)row * (size_t)s->rows.depth, out + (size_t)row * (size_t)s->rows.depth);
    }
}

static void run_int8(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_softmax_s8 *s = step->data;
    const int8_t *in = storage[step->inputs[0].tensor].data;
    int8_t *out = storage[step->outputs[0].tensor].data;
    for (int32_t row = first; row < last; row++) {
        const size_t at = (size_t)row * (size_t)s->rows.depth;
        (s->rows.logarithm ? log_softmax_row : softmax_row)(s, in + at, out + at);
    }
}

eq_status eq_prepare_softmax_s8(eq_plan *plan, const eq_operator *op) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    const bool is_wide = out->type == EQ_INT16 && op->code == EQ_OP_SOFTMAX;
    eq_step *step = eq_softmax_step(plan, op, is_wide ? run_int8_to_int16 : run_int8, sizeof(eq_softmax_s8));
    eq_status status = step ? eq_check_int8(plan, op, in, "the input") : (eq_status)plan->error->status;
    if (status == EQ_OK) {
        status = is_wide ? eq_check_int16(plan, op, out, "the output") : eq_check_int8(plan, op, out, "the output");
    }
    if (status != EQ_OK) {
        return status;
    }
    eq_softmax_s8 *s = step->data;
    s->kernels = plan->kernels;
    s->in_scale = in->scales[0];
    s->out_scale = out->scales[0];
    s->zero_point = out->zero_points[0];
    s->shift = in->file_type == EQ_UINT8 ? 128 : 0;
    const float unit = -in->scales[0] * s->rows.beta;
    for (int32_t d = 0; d < 256; d++) {
        s->exponentials[255 - d] = (float)eq_exp((double)(unit * (float)d));
    }
    return EQ_OK;
}

EQ_OPERATOR(SOFTMAX, eq_prepare_softmax_s8, INT8);
EQ_OPERATOR(LOG_SOFTMAX, eq_prepare_softmax_s8, INT8);
