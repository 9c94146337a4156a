#include "svdf.h"

#include "weights.h"

enum { RANK, ACTIVATION, ASYMMETRIC };

static eq_status read_sizes(eq_plan *plan, const eq_operator *op, eq_svdf *svdf) {
    const eq_tensor *in = eq_plan_input(plan, op, EQ_SVDF_IN);
    const eq_tensor *feature = eq_plan_input(plan, op, EQ_SVDF_FEATURE), *time = eq_plan_input(plan, op, EQ_SVDF_TIME);
    if (in->rank != 2 || feature->rank != 2 || time->rank != 2) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has an input or weights of another rank than 2");
    }
    *svdf = (eq_svdf){
        .batch = in->dims[0],
        .inputs = in->dims[1],
        .filters = feature->dims[0],
        .memory = time->dims[1],
        .rank = eq_option_int(op, RANK, 0),
        .activation = eq_option_byte(op, ACTIVATION, 0),
        .asymmetric = eq_option_bool(op, ASYMMETRIC, false),
    };
    if (svdf->rank < 1 || svdf->filters % svdf->rank != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has %d filters of the rank %d, which does not divide them",
                            (int)svdf->filters, (int)svdf->rank);
    }
    if (svdf->inputs > EQ_RECURRENT_LARGEST || svdf->filters > EQ_RECURRENT_LARGEST || svdf->memory > EQ_RECURRENT_LARGEST) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has more than %d inputs, filters or time steps",
                            (int)EQ_RECURRENT_LARGEST);
    }
    svdf->units = svdf->filters / svdf->rank;
    return EQ_OK;
}

static eq_status check_tensors(eq_plan *plan, const eq_operator *op, const eq_svdf_types *types, const eq_svdf *svdf) {
    if ((int64_t)svdf->filters * svdf->memory > INT32_MAX) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has filters of another size than its state");
    }
    eq_status status = eq_recurrent_weights_check(plan, op, EQ_SVDF_FEATURE, types->feature, svdf->filters, svdf->inputs);
    if (status == EQ_OK) {
        status = eq_recurrent_weights_check(plan, op, EQ_SVDF_TIME, types->time, svdf->filters, svdf->memory);
    }
    if (status == EQ_OK && eq_plan_input(plan, op, EQ_SVDF_BIAS)) {
        status = eq_recurrent_weights_check(plan, op, EQ_SVDF_BIAS, types->bias, svdf->units, 0);
    }
    if (status == EQ_OK) {
        status = eq_recurrent_state_check(plan, op, EQ_SVDF_STATE, types->state, svdf->batch, svdf->filters * svdf->memory);
    }
    if (status == EQ_OK && eq_plan_output(plan, op, 0)->type != types->in) {
        status = eq_plan_fail(plan, op, EQ_ERROR_MODEL, "must give the type that it takes");
    }
    return status;
}

eq_status eq_svdf_read(eq_plan *plan, const eq_operator *op, const eq_svdf_types *types, eq_svdf *svdf) {
    eq_status status = eq_plan_arity(plan, op, EQ_SVDF_INPUTS, EQ_SVDF_INPUTS, 1u << EQ_SVDF_BIAS, 1);
    if (status == EQ_OK) {
        status = read_sizes(plan, op, svdf);
    }
    if (status == EQ_OK) {
        status = check_tensors(plan, op, types, svdf);
    }
    return status == EQ_OK ? eq_plan_shape(plan, op, 0, 2, (int32_t[]){svdf->batch, svdf->units}) : status;
}

eq_step *eq_svdf_step(eq_plan *plan, const eq_operator *op, const eq_svdf *svdf, eq_run_fn run, size_t data_bytes) {
    eq_step *step = eq_plan_step(plan, op, run, data_bytes, 2, 2);
    if (step) {
        step->inputs[0].tensor = op->inputs[EQ_SVDF_IN];
        step->outputs[0].tensor = op->outputs[0];
        step->inputs[1].tensor = step->outputs[1].tensor = op->inputs[EQ_SVDF_STATE];
        step->units = svdf->batch;
        step->macs = (uint64_t)svdf->batch * (uint64_t)svdf->filters * ((uint64_t)svdf->inputs + (uint64_t)svdf->memory);
        step->cost = step->macs;
        step->slow = eq_plan_output(plan, op, 0)->type == EQ_FLOAT32;
    }
    return step;
}
