/* Landmarks2TransformMatrix: points of 3 coordinates -> the matrix (1, 4, 4) that takes a pixel of a crop to its place in the image. The
 * crop is the box around some of the points, turned so that two of them lie level. Version 1 (4 dimensions) and 2 (3) differ in their
 * options, and version 1 in places that go from -1 to 1 in between.
 *
 *   turn by -angle, where angle is that of the line from the left point to the right one (version 2: less a target)
 *   box    = of the turned points
 *   matrix = move to the box's middle, turned back * turn back * box / crop * move the crop's middle to 0 */
#include <math.h>
#include <string.h>

#include "arithmetic/portable_math.h"
#include "ops/custom_options.h"
#include "plan/operator.h"

enum { COORDINATES = 3, MATRIX = 16 };

typedef struct eq_crop {
    int32_t left, right; /* points */
    int32_t count;       /* of points that the box is around */
    const int32_t *points;
    bool is_first_version;
    float target;           /* angle */
    float scale_x, scale_y; /* of the box */
    float width, height;    /* of the crop */
    /* Version 1. */
    float image_width, image_height, range; /* range: of the points' coordinates */
} eq_crop;

typedef struct eq_box {
    double x, y, width, height; /* its middle, turned back */
} eq_box;

/* The turn that makes the line from left to right level. Version 1 does not tell left from right. */
static double turn_of(const eq_crop *c, const float *points) {
    const float *left = points + (int64_t)c->left * COORDINATES, *right = points + (int64_t)c->right * COORDINATES;
    const double x = (double)(right[0] - left[0]), y = (double)(right[1] - left[1]);
    return c->is_first_version ? -(x < 0 ? eq_atan2(-y, -x) : eq_atan2(y, x)) : (double)c->target - eq_atan2(y, x);
}

static eq_box box_of(const eq_crop *c, const float *points, double sine, double cosine) {
    double low_x = INFINITY, low_y = INFINITY, high_x = -INFINITY, high_y = -INFINITY;
    for (int32_t i = 0; i < c->count; ++i) {
        const float *point = points + (int64_t)c->points[i] * COORDINATES;
        const double x = (double)point[0] * cosine - (double)point[1] * sine,
                     y = (double)point[0] * sine + (double)point[1] * cosine;
        low_x = x < low_x ? x : low_x;
        low_y = y < low_y ? y : low_y;
        high_x = x > high_x ? x : high_x;
        high_y = y > high_y ? y : high_y;
    }
    const double x = (low_x + high_x) / 2, y = (low_y + high_y) / 2;
    return (eq_box){x * cosine + y * sine, -x * sine + y * cosine, high_x - low_x, high_y - low_y};
}

static void run_crop(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_crop *c = step->data;
    const float *points = storage[step->inputs[0].tensor].data;
    float *matrix = storage[step->outputs[0].tensor].data;
    double sine, cosine;
    eq_sine_cosine(turn_of(c, points), &sine, &cosine);
    const eq_box box = box_of(c, points, sine, cosine);
    double scale_x = (double)c->scale_x * box.width, scale_y = (double)c->scale_y * box.height;
    double row_x = 1, row_y = 1, x = box.x, y = box.y, middle_x = (double)c->width / 2, middle_y = (double)c->height / 2;
    if (c->is_first_version) { /* from -1 to 1 over the crop, and back over the image */
        scale_x *= 2 / (double)c->range / ((double)c->width - 1);
        scale_y *= 2 / (double)c->range / ((double)c->height - 1);
        row_x = ((double)c->image_width - 1) / 2;
        row_y = ((double)c->image_height - 1) / 2;
        x = x / (double)c->range * 2;
        y = y / (double)c->range * 2;
        middle_x -= 0.5;
        middle_y -= 0.5;
    } else {
        scale_x /= (double)c->width;
        scale_y /= (double)c->height;
    }
    const double xx = row_x * cosine * scale_x, xy = row_x * sine * scale_y;
    const double yx = row_y * -sine * scale_x, yy = row_y * cosine * scale_y;
    memset(matrix, 0, MATRIX * sizeof *matrix);
    matrix[0] = (float)xx;
    matrix[1] = (float)xy;
    matrix[3] = (float)(row_x * x - xx * middle_x - xy * middle_y);
    matrix[4] = (float)yx;
    matrix[5] = (float)yy;
    matrix[7] = (float)(row_y * y - yx * middle_x - yy * middle_y);
    matrix[10] = matrix[15] = 1;
}

static bool is_point(int32_t point, int64_t count) {
    return point >= 0 && point < count;
}

static eq_status read_points(eq_plan *plan, const eq_operator *op, const char *key, int64_t count, eq_crop *c) {
    const eq_flex subset = eq_custom_option(op, key);
    c->left = eq_custom_int(op, "left_rotation_idx", -1);
    c->right = eq_custom_int(op, "right_rotation_idx", -1);
    c->count = eq_flex_count(&subset) / 2 * 2;
    int32_t *points = eq_plan_take(plan, (size_t)c->count * sizeof *points);
    if (!points) {
        return (eq_status)plan->error->status;
    }
    bool fits = c->count > 0 && is_point(c->left, count) && is_point(c->right, count);
    for (int32_t i = 0; i < c->count; ++i) {
        const eq_flex point = eq_flex_item(&subset, i);
        points[i] = eq_flex_int(&point, -1);
        fits = fits && is_point(points[i], count);
    }
    c->points = points;
    return fits ? EQ_OK : eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its options name points that its input does not have");
}

static bool is_positive(float x) {
    return x > 0 && isfinite(x);
}

static eq_status read_sizes(eq_plan *plan, const eq_operator *op, eq_crop *c) {
    bool fits;
    if (c->is_first_version) {
        c->image_height = (float)eq_custom_item(op, "input_hw", 0, 0);
        c->image_width = (float)eq_custom_item(op, "input_hw", 1, 0);
        c->height = (float)eq_custom_item(op, "output_hw", 0, 0);
        c->width = (float)eq_custom_item(op, "output_hw", 1, 0);
        c->range = (float)eq_custom_int(op, "landmarks_range", 0);
        c->scale_x = c->scale_y = eq_custom_float(op, "bbox_size_multiplier", 0);
        fits = c->image_height > 0 && c->image_width > 0 && c->height > 1 && c->width > 1 && c->range > 0 &&
               eq_custom_int(op, "dimensions", 0) == COORDINATES;
    } else {
        c->height = (float)eq_custom_int(op, "output_height", 0);
        c->width = (float)eq_custom_int(op, "output_width", 0);
        c->scale_x = eq_custom_float(op, "scale_x", 0);
        c->scale_y = eq_custom_float(op, "scale_y", 0);
        c->target = eq_custom_float(op, "target_rotation_radians", 0);
        fits = c->height > 0 && c->width > 0 && isfinite(c->target);
    }
    fits = fits && is_positive(c->scale_x) && is_positive(c->scale_y);
    return fits ? EQ_OK
                : eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its options must give positive sizes and scales, and 3 dimensions");
}

eq_status eq_prepare_landmarks_to_matrix(eq_plan *plan, const eq_operator *op) {
    static const int32_t dims[] = {1, 4, 4};
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if ((in->rank != 3 && in->rank != 4) || in->dims[0] != 1 || eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs points in 3 or 4 dimensions, the first 1, and a float32 output");
    }
    eq_crop c = {.is_first_version = in->rank == 4};
    const char *subset = c.is_first_version ? "subset" : "subset_idxs";
    if ((status = read_sizes(plan, op, &c)) != EQ_OK ||
        (status = read_points(plan, op, subset, eq_tensor_elements(in) / COORDINATES, &c)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 0, 3, dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_crop, sizeof c, 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_crop *)step->data = c;
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    step->cost = (uint64_t)c.count * 4 + 200; /* the angle's functions */
    step->slow = true;
    return EQ_OK;
}

EQ_CUSTOM_OPERATOR("Landmarks2TransformMatrix", eq_prepare_landmarks_to_matrix, FLOAT32);
