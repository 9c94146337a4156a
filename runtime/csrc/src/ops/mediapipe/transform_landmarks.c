/* TransformLandmarks: points of 2 or 3 coordinates, of which a matrix (4, 4) moves the first two. Version 1 has them one behind the other
 * in the last of 4 dimensions, and its options say how many coordinates; version 2 has 3 dimensions, the last being those. */
#include "ops/custom_options.h"
#include "plan/operator.h"
#include "transform.h"

typedef struct eq_move_points {
    int64_t points;
    int32_t coordinates;
    float scale; /* of what the matrix adds */
} eq_move_points;

static void run_move_points(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_move_points *m = step->data;
    const float *in = storage[step->inputs[0].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    eq_transform t = eq_transform_from(storage[step->inputs[1].tensor].data);
    t.x[2] *= m->scale;
    t.y[2] *= m->scale;
    for (int64_t i = 0; i < m->points * m->coordinates; i += m->coordinates) {
        out[i] = eq_transformed(t.x, in[i], in[i + 1]);
        out[i + 1] = eq_transformed(t.y, in[i], in[i + 1]);
        if (m->coordinates == 3) {
            out[i + 2] = in[i + 2];
        }
    }
}

eq_status eq_prepare_transform_landmarks(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if ((in->rank != 4 && in->rank != 3) || eq_tensor_elements(eq_plan_input(plan, op, 1)) != 16 ||
        eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL,
                            "needs points in 3 or 4 dimensions, a matrix (4, 4) and a float32 output");
    }
    const int32_t last = in->dims[in->rank - 1];
    eq_move_points m = {.coordinates = in->rank == 3 ? last : eq_custom_int(op, "dimensions", 3), .scale = 1};
    if (in->rank == 4) {
        m.scale = eq_custom_float(op, "scale", 1);
    }
    if ((m.coordinates != 2 && m.coordinates != 3) || last % m.coordinates != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its points have %d coordinates, in %d values; 2 or 3 are possible",
                            (int)m.coordinates, (int)last);
    }
    if ((status = eq_plan_shape(plan, op, 0, in->rank, in->dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_move_points, sizeof m, 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    m.points = eq_tensor_elements(in) / m.coordinates;
    *(eq_move_points *)step->data = m;
    step->inputs[0].tensor = op->inputs[0];
    step->inputs[1].tensor = op->inputs[1];
    step->outputs[0].tensor = op->outputs[0];
    step->cost = (uint64_t)m.points * 4;
    step->slow = true;
    return EQ_OK;
}

EQ_CUSTOM_OPERATOR("TransformLandmarks", eq_prepare_transform_landmarks, FLOAT32, FLOAT32);
