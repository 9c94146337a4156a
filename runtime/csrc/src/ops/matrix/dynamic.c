#include "dynamic.h"

#include <math.h>
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "kernels/inline.h"

typedef struct step_data {
    const eq_kernels *kernels;
    eq_dynamic_rule rule;
    int64_t group, line, pixel; /* values of a group, of its lines, and of their pixels */
    int32_t lines;
    int64_t left, right, above, below; /* bytes around them */
    bool alone;                        /* no lines, nothing around */
    eq_halo halo;                      /* what is around them, in pixels */
    eq_dynamic_input made;
} step_data;

/* How a group becomes int8, by the smallest and the largest of its values and 0. */
typedef struct way {
    eq_quantize_f32 to;
    eq_dynamic_scale scale;
} way;

/* XNNPACK's xnn_f32_qd8_asymmetric_quantization_params and f32-qs8-vcvt. */
EQ_INLINE way way_of_xnnpack(float least, float most) {
    const float factor = least == most ? 1.0f : 255.0f / (most - least);
    const float low = least * factor, high = most * factor;
    float zero_point = (-128.0f + low) + (127.0f + high) > 0 ? -128.0f - low : 127.0f - high;
    zero_point = zero_point > -128.0f ? zero_point : -128.0f; /* also where it is no number: the range was infinite */
    zero_point = zero_point < 127.0f ? zero_point : 127.0f;
    const int32_t zero = eq_round(zero_point);
    return (way){{factor, (float)(-128 - zero), (float)(127 - zero), false, zero}, {1.0f / factor, zero}};
}

static double litert_zero_point(double low, double high) {
    const double zero_point = 128 + fabs(low) < 127 + fabs(high) ? -128 - low : 127 - high;
    return zero_point <= -128 ? -128 : zero_point < 127 ? round(zero_point) : 127;
}

static way way_of_zeros(void) {
    return (way){{0.0f, 0.0f, 0.0f, true, 0}, {1.0f, 0}};
}

/* NeonAsymmetricQuantizeFloats, which LiteRT's builds for x86 have too. */
static way way_of_litert(float least, float most) {
    if (!(least < most)) {
        return way_of_zeros();
    }
    const double exact = (double)(most - least) / 255;
    const float scale = (float)exact;
    const int32_t zero = (int32_t)litert_zero_point(least / exact, most / exact);
    return (way){{1.0f / scale, (float)(-128 - zero), (float)(127 - zero), true, zero}, {scale, zero}};
}

static way symmetric_way(float least, float most) {
    most = -least > most ? -least : most;
    if (!(most > 0)) {
        return way_of_zeros();
    }
    return (way){{127.0f / most, -127.0f, 127.0f, true, 0}, {most / 127.0f, 0}};
}

EQ_INLINE way find_way(const eq_kernels *kernels, eq_dynamic_rule rule, const float *in, int64_t n) {
    float least, most;
    kernels->range_f32(in, (size_t)n, &least, &most);
    if (rule == EQ_DYNAMIC_XNNPACK) {
        return way_of_xnnpack(least, most);
    }
    return rule == EQ_DYNAMIC_LITERT ? way_of_litert(least, most) : symmetric_way(least, most);
}

EQ_INLINE void quantize_group(const eq_kernels *kernels, eq_dynamic_rule rule, const float *in, int64_t n, int8_t *out,
                              eq_dynamic_scale *made) {
    const way found = find_way(kernels, rule, in, n);
    kernels->quantize_f32(&found.to, in, out, (size_t)n);
    *made = found.scale;
}

void eq_dynamic_quantize_group(const eq_kernels *kernels, eq_dynamic_rule rule, const float *in, int64_t n, int8_t *out,
                               eq_dynamic_scale *made) {
    quantize_group(kernels, rule, in, n, out, made);
}

static int8_t *fill(int8_t *out, int32_t zero_point, int64_t bytes) {
    memset(out, zero_point, (size_t)bytes);
    return out + bytes;
}

static void quantize_lines(const step_data *d, const float *in, int8_t *out, eq_dynamic_scale *made) {
    const way found = find_way(d->kernels, d->rule, in, d->group);
    const int32_t zero = found.scale.zero_point;
    out = fill(out, zero, d->above);
    for (int32_t i = 0; i < d->lines; ++i, in += d->line) {
        out = fill(out, zero, d->left);
        d->kernels->quantize_f32(&found.to, in, out, (size_t)d->line);
        out = fill(out + d->line, zero, d->right);
    }
    fill(out, zero, d->below);
    *made = found.scale;
}

/* A unit is a group. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const int64_t out_group = d->above + (d->left + d->line + d->right) * d->lines + d->below;
    const float *in = (const float *)storage[step->inputs[0].tensor].data + first * d->group;
    int8_t *out = (int8_t *)storage[step->outputs[0].tensor].data + first * out_group;
    eq_dynamic_scale *scales = (eq_dynamic_scale *)storage[step->outputs[1].tensor].data + first;
    (void)scratch;
    for (int32_t unit = first; unit < last; ++unit, in += d->group, out += out_group, ++scales) {
        if (d->alone && d->rule == EQ_DYNAMIC_XNNPACK) { /* rows of a matrix, which may be short: its rule is compiled in */
            quantize_group(d->kernels, EQ_DYNAMIC_XNNPACK, in, d->group, out, scales);
        } else {
            quantize_lines(d, in, out, scales);
        }
    }
}

static bool contains(const eq_halo *a, const eq_halo *b) {
    return a->top >= b->top && a->bottom >= b->bottom && a->left >= b->left && a->right >= b->right;
}

/* Find what an earlier step made of the same tensor: layers side by side read one input, as a shortcut does and what it passes by. */
static bool find_made(const eq_plan *plan, int32_t tensor, int32_t groups, const step_data *wanted, bool or_wider,
                      eq_dynamic_input *made) {
    enum { NEAR = 64 }; /* steps */
    const int32_t root = eq_plan_root(plan, tensor), last = plan->step_count - 1;
    for (int32_t s = last; s >= 0 && s > last - NEAR && eq_plan_stays(plan, root); --s) {
        const eq_step *step = plan->steps[s];
        const step_data *d = step->run == run ? step->data : NULL;
        if (d && eq_plan_root(plan, step->inputs[0].tensor) == root && step->units == groups && d->rule == wanted->rule &&
            d->line == wanted->line && d->pixel == wanted->pixel &&
            (memcmp(&d->halo, &wanted->halo, sizeof d->halo) == 0 || (or_wider && contains(&d->halo, &wanted->halo)))) {
            *made = d->made;
            return true;
        }
    }
    return false;
}

static eq_status plan_step(eq_plan *plan, const eq_operator *op, int32_t tensor, int32_t groups, step_data *data, int32_t rank,
                           const int32_t *dims, eq_dynamic_input *made) {
    const int32_t words = sizeof(eq_dynamic_scale) / 4;
    if (groups > INT32_MAX / words) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the input is too large");
    }
    made->halo = data->halo;
    made->values = eq_plan_temporary(plan, EQ_INT8, rank, dims);
    made->scales = made->values < 0 ? -1 : eq_plan_temporary(plan, EQ_INT32, 1, (int32_t[]){groups * words});
    eq_step *step = made->scales < 0 ? NULL : eq_plan_step(plan, op, run, sizeof *data, 1, 2);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    data->made = *made;
    *(step_data *)step->data = *data;
    step->inputs[0].tensor = tensor;
    step->outputs[0].tensor = made->values;
    step->outputs[1].tensor = made->scales;
    step->units = groups;
    step->cost = (uint64_t)groups * (uint64_t)data->group;
    return EQ_OK;
}

eq_status eq_dynamic_quantize(eq_plan *plan, const eq_operator *op, int32_t tensor, int32_t groups, eq_dynamic_rule rule,
                              eq_dynamic_input *made) {
    const int32_t elements = (int32_t)eq_tensor_elements(&plan->tensors[tensor].tensor), group = elements / groups;
    step_data data = {
        .kernels = plan->kernels, .rule = rule, .group = group, .line = group, .pixel = group, .lines = 1, .alone = true};
    return find_made(plan, tensor, groups, &data, false, made) ? EQ_OK
                                                               : plan_step(plan, op, tensor, groups, &data, 1, &elements, made);
}

eq_status eq_dynamic_quantize_images(eq_plan *plan, const eq_operator *op, int32_t tensor, const eq_halo *halo, bool or_wider,
                                     eq_dynamic_rule rule, eq_dynamic_input *made) {
    const int32_t *in = plan->tensors[tensor].tensor.dims;
    const int64_t height = (int64_t)in[1] + halo->top + halo->bottom, width = (int64_t)in[2] + halo->left + halo->right;
    if (height > INT32_MAX || width > INT32_MAX) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the padding is too large");
    }
    const int64_t channels = in[3], line = in[2] * channels;
    step_data data = {.kernels = plan->kernels,
                      .rule = rule,
                      .group = in[1] * line,
                      .line = line,
                      .pixel = channels,
                      .lines = in[1],
                      .left = halo->left * channels,
                      .right = halo->right * channels,
                      .above = halo->top * width * channels,
                      .below = halo->bottom * width * channels,
                      .halo = *halo};
    const int32_t dims[] = {in[0], (int32_t)height, (int32_t)width, in[3]};
    return find_made(plan, tensor, in[0], &data, or_wider, made) ? EQ_OK
                                                                 : plan_step(plan, op, tensor, in[0], &data, 4, dims, made);
}

static bool has_zero_point(const eq_tensor *weights) {
    for (int32_t i = 0; i < weights->scale_count; ++i) {
        if (weights->zero_points[i] != 0) {
            return true;
        }
    }
    return false;
}

eq_status eq_dynamic_weights_check(eq_plan *plan, const eq_operator *op, const eq_tensor *weights, const eq_tensor *bias,
                                   int32_t axis, int32_t columns) {
    if (eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the output must be float32 where the input is");
    }
    if (weights->scale_count != 1 && (weights->scale_count != columns || weights->channel_axis != axis)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the weights have %d scales for %d output channels",
                            (int)weights->scale_count, (int)columns);
    }
    if (has_zero_point(weights)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes int8 weights with a float input only with the zero point 0");
    }
    if (!weights->data || (bias && (!bias->data || bias->type != EQ_FLOAT32))) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "weights must be constant, and a bias constant float32");
    }
    if (bias && eq_tensor_elements(bias) != columns) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the bias has %lld values for %d output channels",
                            (long long)eq_tensor_elements(bias), (int)columns);
    }
    return EQ_OK;
}
