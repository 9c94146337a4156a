/* CONV_2D and DEPTHWISE_CONV_2D of int8 with int4 weights, by LiteRT's own kernels, for XNNPACK takes none of them: the product of int16
 * without zero points, between a step that takes away the input's and one that adds the output's. */
#include "arithmetic/arithmetic.h"
#include "ops/quantization.h"
#include "product_s16.h"

enum { CHUNK = 4096 }; /* values of a unit */

typedef struct step_data {
    int64_t values;
    int32_t zero_point;
} step_data;

static int64_t end_of(const step_data *d, int32_t last) {
    return (int64_t)last * CHUNK < d->values ? (int64_t)last * CHUNK : d->values;
}

static void run_widen(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const int8_t *in = storage[step->inputs[0].tensor].data;
    int16_t *out = storage[step->outputs[0].tensor].data;
    (void)scratch;
    for (int64_t i = (int64_t)first * CHUNK; i < end_of(d, last); ++i) {
        out[i] = (int16_t)(in[i] - d->zero_point);
    }
}

static void run_narrow(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const int16_t *in = storage[step->inputs[0].tensor].data;
    int8_t *out = storage[step->outputs[0].tensor].data;
    (void)scratch;
    for (int64_t i = (int64_t)first * CHUNK; i < end_of(d, last); ++i) {
        out[i] = (int8_t)eq_clamp(in[i] + d->zero_point, INT8_MIN, INT8_MAX);
    }
}

/* A step from one tensor to another of as many values. */
static eq_status add_step(eq_plan *plan, const eq_operator *op, eq_run_fn run, int32_t from, int32_t to, int32_t zero_point) {
    eq_step *step = eq_plan_step(plan, op, run, sizeof(step_data), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const int64_t values = eq_tensor_elements(&plan->tensors[from].tensor);
    *(step_data *)step->data = (step_data){values, zero_point};
    step->units = (int32_t)((values + CHUNK - 1) / CHUNK);
    step->cost = (uint64_t)values;
    step->inputs[0].tensor = from;
    step->outputs[0].tensor = to;
    return EQ_OK;
}

/* A tensor of int16 with the shape and scale of one of int8; -1 with the error written. */
static int32_t take_wide(eq_plan *plan, const eq_operator *op, int32_t narrow, const char *what) {
    static const int32_t zero_point = 0;
    const eq_tensor *tensor = &plan->tensors[narrow].tensor;
    if (eq_check_int8(plan, op, tensor, what) != EQ_OK) {
        return -1;
    }
    const int32_t made = eq_plan_temporary(plan, EQ_INT16, tensor->rank, tensor->dims);
    if (made >= 0) {
        plan->tensors[made].tensor.scale_count = 1;
        plan->tensors[made].tensor.scales = plan->tensors[narrow].tensor.scales;
        plan->tensors[made].tensor.zero_points = &zero_point;
    }
    return made;
}

static eq_status plan_layer(eq_plan *plan, const eq_operator *op, eq_product_s16 *product) {
    const int32_t in = product->in_tensor, out = product->out_tensor;
    if (product->bias && product->bias->type != EQ_INT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the bias must be constant int32 here");
    }
    product->in_tensor = take_wide(plan, op, in, "the input");
    product->out_tensor = product->in_tensor < 0 ? -1 : take_wide(plan, op, out, "the output");
    if (product->out_tensor < 0) {
        return (eq_status)plan->error->status;
    }
    eq_status status = add_step(plan, op, run_widen, in, product->in_tensor, plan->tensors[in].tensor.zero_points[0]);
    if (status == EQ_OK) {
        status = eq_product_s16_plan(plan, op, product);
    }
    return status == EQ_OK ? add_step(plan, op, run_narrow, product->out_tensor, out, plan->tensors[out].tensor.zero_points[0])
                           : status;
}

eq_status eq_conv_plan_s4(eq_plan *plan, const eq_operator *op) {
    eq_product_s16 product;
    const eq_status status = eq_conv_read_s16(plan, op, &product);
    if (status != EQ_OK) {
        return status;
    }
    product.rounding = product.group_channels == product.in_channels ? EQ_TWICE_TIES_UP : EQ_TWICE_TIES_OUT;
    return plan_layer(plan, op, &product);
}

eq_status eq_depthwise_plan_s4(eq_plan *plan, const eq_operator *op) {
    eq_product_s16 product;
    const eq_status status = eq_depthwise_read_s16(plan, op, &product);
    if (status != EQ_OK) {
        return status;
    }
    product.rounding = EQ_TWICE_BY_EIGHT;
    return plan_layer(plan, op, &product);
}
