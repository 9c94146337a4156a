/* The normalization of a layer, which exporters write as nine operators:
 *
 *     deviation = x - MEAN(x);   out = deviation * RSQRT(MEAN(deviation * deviation) + epsilon)   * gain + offset
 *
 * ADD, the last of them, looks back at what made its inputs. Every operation is rounded as it is in an operator of its own, so that
 * the bits are the same. */
#include "normalization.h"

#include "ops/elementwise/binary.h"
#include "ops/quantization.h"
#include "read/operator_codes.h"

typedef struct normalization {
    int32_t in, gain, offset; /* tensors */
    int32_t depth;
    float epsilon;
} normalization;

static const eq_tensor *tensor_of(const eq_plan *plan, int32_t tensor) {
    return &plan->tensors[tensor].tensor;
}

/* The operator that made a tensor, if it has this code and nothing fused. */
static const eq_operator *maker(const eq_plan *plan, int32_t tensor, int32_t code) {
    const eq_operator *op = plan->tensors[tensor].made_by;
    return op && op->code == code && eq_binary_activation(op) == EQ_ACTIVATION_NONE ? op : NULL;
}

/* The tensor whose rows' means these are, -1 if they are not. */
static int32_t tensor_of_means(const eq_plan *plan, int32_t means) {
    const eq_operator *op = maker(plan, means, EQ_OP_MEAN);
    if (!op || eq_tensor_elements(tensor_of(plan, op->inputs[1])) != 1) {
        return -1;
    }
    const eq_tensor *in = tensor_of(plan, op->inputs[0]), *out = tensor_of(plan, means);
    const int32_t last = in->rank - 1; /* the only axis, if it alone has become 1 */
    const bool is_last = out->rank == in->rank && out->dims[last] == 1 && in->dims[last] > 1;
    return is_last ? op->inputs[0] : -1;
}

/* Whether these are the squares of the deviations of `in` from `means`. */
static bool are_squares(const eq_plan *plan, int32_t squares, int32_t deviations, int32_t in, int32_t means) {
    const eq_operator *op = plan->tensors[squares].made_by;
    if (!op || eq_binary_activation(op) != EQ_ACTIVATION_NONE) {
        return false;
    }
    const int32_t a = op->inputs[0], b = op->input_count > 1 ? op->inputs[1] : a;
    return op->code == EQ_OP_SQUARED_DIFFERENCE
               ? (a == in && b == means) || (a == means && b == in)
               : (op->code == EQ_OP_MUL || op->code == EQ_OP_SQUARE) && a == deviations && b == a;
}

/* Whether these are the factors that deviations of `in` from `means` are multiplied by. */
static bool find_epsilon(const eq_plan *plan, int32_t factors, int32_t deviations, int32_t in, int32_t means, float *epsilon) {
    const eq_operator *root = maker(plan, factors, EQ_OP_RSQRT), *sum = root ? maker(plan, root->inputs[0], EQ_OP_ADD) : NULL;
    for (int32_t slot = 0; sum && slot < 2; ++slot) {
        const eq_tensor *added = tensor_of(plan, sum->inputs[1 - slot]);
        const int32_t squares = tensor_of_means(plan, sum->inputs[slot]);
        if (added->data && eq_tensor_elements(added) == 1 && squares >= 0 &&
            are_squares(plan, squares, deviations, in, means)) {
            *epsilon = *(const float *)added->data;
            return true;
        }
    }
    return false;
}

static bool find_product(const eq_plan *plan, const eq_operator *op, normalization *found) {
    for (int32_t slot = 0; slot < 2; ++slot) {
        const int32_t deviations = op->inputs[slot];
        const eq_operator *difference = maker(plan, deviations, EQ_OP_SUB);
        const int32_t in = difference ? difference->inputs[0] : -1, means = difference ? difference->inputs[1] : -1;
        if (difference && tensor_of_means(plan, means) == in &&
            find_epsilon(plan, op->inputs[1 - slot], deviations, in, means, &found->epsilon)) {
            found->in = in;
            found->depth = tensor_of(plan, in)->dims[tensor_of(plan, in)->rank - 1];
            return true;
        }
    }
    return false;
}

/* Whether every row has the same `depth` values of this tensor. */
static bool is_for_rows(const eq_plan *plan, int32_t tensor, int32_t depth) {
    const eq_tensor *t = tensor_of(plan, tensor);
    return t->rank > 0 && t->dims[t->rank - 1] == depth && eq_tensor_elements(t) == depth;
}

static bool find_sum(const eq_plan *plan, const eq_operator *op, normalization *found) {
    for (int32_t slot = 0; slot < 4; ++slot) {
        const int32_t product = op->inputs[slot % 2], offset = op->inputs[1 - slot % 2];
        const eq_operator *scaled = maker(plan, product, EQ_OP_MUL);
        const int32_t rows = scaled ? scaled->inputs[slot / 2] : -1, gain = scaled ? scaled->inputs[1 - slot / 2] : -1;
        const eq_operator *normalized = scaled ? maker(plan, rows, EQ_OP_MUL) : NULL;
        if (normalized && find_product(plan, normalized, found) && is_for_rows(plan, gain, found->depth) &&
            is_for_rows(plan, offset, found->depth) && eq_plan_stays(plan, found->in) && eq_plan_stays(plan, gain)) {
            found->gain = gain, found->offset = offset;
            return true;
        }
    }
    return false;
}

eq_status eq_normalization_step(eq_plan *plan, const eq_operator *op, bool *found) {
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    normalization n;
    /* With float16 what made a tensor may have made another in its place. */
    *found = !plan->half && op->code == EQ_OP_ADD && out->type == EQ_FLOAT32 &&
             eq_binary_activation(op) == EQ_ACTIVATION_NONE && find_sum(plan, op, &n) &&
             eq_tensor_elements(tensor_of(plan, n.in)) == eq_tensor_elements(out);
    if (!*found) {
        return EQ_OK;
    }
    eq_step *step = eq_plan_step(plan, op, eq_normalize_rows, sizeof(eq_normalized_rows), 3, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_normalized_rows *)step->data = (eq_normalized_rows){n.depth, n.epsilon};
    step->inputs[0].tensor = n.in;
    step->inputs[1].tensor = n.gain;
    step->inputs[2].tensor = n.offset;
    step->outputs[0].tensor = op->outputs[0];
    step->units = (int32_t)(eq_tensor_elements(out) / n.depth);
    step->cost = (uint64_t)eq_tensor_elements(out) * 2;
    step->floats = true;
    step->fused = "MEAN+SUB+MUL+MEAN+ADD+RSQRT+MUL+MUL+ADD";
    return EQ_OK;
}
