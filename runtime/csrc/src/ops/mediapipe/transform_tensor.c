/* TransformTensor and TransformTensorBilinear: an image (1, height, width, channels) seen through a matrix (4, 4) that says where in it
 * each pixel of the output lies; between four pixels, bilinearly, and 0 outside the image. TransformTensorBilinear counts from the
 * corners of pixels, TransformTensor from their middles. */
#include <math.h>
#include <string.h>

#include "ops/custom_options.h"
#include "plan/operator.h"
#include "transform.h"

typedef struct eq_see_through {
    int32_t height, width, channels, out_width;
    bool from_corners;
} eq_see_through;

static void put_pixel(const eq_see_through *s, const float *in, float x, float y, float *out) {
    if (!(x >= 0 && y >= 0 && (double)x <= s->width - 1.0 && (double)y <= s->height - 1.0)) {
        memset(out, 0, (size_t)s->channels * sizeof *out);
        return;
    }
    const int32_t left = (int32_t)x, top = (int32_t)y;
    const float right_part = x - (float)left, lower_part = y - (float)top;
    /* The last row and column have no neighbours, and those would count nothing. */
    const int64_t right = left + 1 < s->width ? s->channels : 0,
                  below = top + 1 < s->height ? (int64_t)s->width * s->channels : 0;
    const float *pixel = in + ((int64_t)top * s->width + left) * s->channels;
    for (int32_t c = 0; c < s->channels; ++c, ++pixel) {
        const float upper = (1 - right_part) * pixel[0] + right_part * pixel[right];
        const float lower = (1 - right_part) * pixel[below] + right_part * pixel[below + right];
        out[c] = lower_part * lower + (1 - lower_part) * upper;
    }
}

/* A unit is a row. */
static void run_see_through(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_see_through *s = step->data;
    const float *in = storage[step->inputs[0].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    eq_transform t = eq_transform_from(storage[step->inputs[1].tensor].data);
    if (s->from_corners) {
        t.x[2] += t.x[0] * 0.5f + t.x[1] * 0.5f - 0.5f;
        t.y[2] += t.y[0] * 0.5f + t.y[1] * 0.5f - 0.5f;
    }
    for (int32_t y = first; y < last; ++y) {
        for (int32_t x = 0; x < s->out_width; ++x) {
            float *pixel = out + ((int64_t)y * s->out_width + x) * s->channels;
            put_pixel(s, in, eq_transformed(t.x, (float)x, (float)y), eq_transformed(t.y, (float)x, (float)y), pixel);
        }
    }
}

static eq_status prepare(eq_plan *plan, const eq_operator *op, bool from_corners, int32_t height, int32_t width) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *matrix = eq_plan_input(plan, op, 1);
    if (in->rank != 4 || in->dims[0] != 1 || eq_tensor_elements(matrix) != 16 ||
        eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs one image, a matrix (4, 4) and a float32 output");
    }
    const int32_t dims[] = {1, height, width, in->dims[3]};
    const eq_status status = eq_plan_shape(plan, op, 0, 4, dims);
    if (status != EQ_OK) { /* also EQ_PLAN_EMPTY, which the plan's error does not tell */
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_see_through, sizeof(eq_see_through), 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_see_through *)step->data = (eq_see_through){in->dims[1], in->dims[2], in->dims[3], width, from_corners};
    step->inputs[0].tensor = op->inputs[0];
    step->inputs[1].tensor = op->inputs[1];
    step->outputs[0].tensor = op->outputs[0];
    step->units = height;
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) * 4;
    step->slow = true;
    return EQ_OK;
}

eq_status eq_prepare_transform_tensor(eq_plan *plan, const eq_operator *op) {
    const eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    return status != EQ_OK
               ? status
               : prepare(plan, op, false, eq_custom_item(op, "output_size", 0, 0), eq_custom_item(op, "output_size", 1, 0));
}

eq_status eq_prepare_transform_tensor_bilinear(eq_plan *plan, const eq_operator *op) {
    const eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    return status != EQ_OK
               ? status
               : prepare(plan, op, true, eq_custom_int(op, "output_height", 0), eq_custom_int(op, "output_width", 0));
}

EQ_CUSTOM_OPERATOR("TransformTensor", eq_prepare_transform_tensor, FLOAT32, FLOAT32);
EQ_CUSTOM_OPERATOR("TransformTensorBilinear", eq_prepare_transform_tensor_bilinear, FLOAT32, FLOAT32);
