#include "sequence.h"

enum { MOST_USES = EQ_DIRECTIONS * (2 + EQ_STATES) };

static ptrdiff_t row_at(const eq_sequence *s, int32_t time, int32_t item) {
    return s->time_major ? (ptrdiff_t)time * s->batch + item : (ptrdiff_t)item * s->time + time;
}

static void run_item(const eq_step *step, const eq_storage *storage, const eq_direction *d, int32_t item,
                     const eq_cell_scratch *scratch) {
    const eq_sequence *s = step->data;
    const float *in = storage[step->inputs[d->in].tensor].data;
    const float *aux = d->aux < 0 ? NULL : storage[step->inputs[d->aux].tensor].data;
    float *out = storage[step->outputs[d->out].tensor].data;
    eq_cell_values values = {0};
    for (int32_t i = 0; i < EQ_STATES; i++) {
        if (d->states[i] >= 0) {
            values.states[i] = (float *)storage[step->inputs[d->states[i]].tensor].data + (ptrdiff_t)item * d->state_sizes[i];
        }
    }
    for (int32_t t = 0; t < s->time; t++) {
        const ptrdiff_t row = row_at(s, d->backwards ? s->time - 1 - t : t, item);
        values.in = in + row * d->inputs;
        values.aux = aux ? aux + row * d->aux_inputs : NULL;
        values.out = out + row * d->out_width + d->out_offset;
        d->run(d->cell, &s->products, &values, scratch);
    }
}

/* Parts of `memory`, which is NULL to learn how many bytes come before the values. */
static size_t divide(const eq_sequence *s, uint8_t *memory, eq_cell_scratch *scratch) {
    const size_t sums = eq_vector_sums_bytes(&s->products), row = eq_vector_row_bytes(&s->products);
    if (memory) {
        scratch->sums = memory;
        for (size_t i = 0; i < EQ_CELL_ROWS; i++) {
            scratch->rows[i] = memory + sums + i * row;
        }
        scratch->values = (float *)(void *)(memory + sums + EQ_CELL_ROWS * row);
    }
    return sums + EQ_CELL_ROWS * row;
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *memory) {
    const eq_sequence *s = step->data;
    eq_cell_scratch scratch;
    divide(s, memory, &scratch);
    for (int32_t unit = first; unit < last; unit++) {
        run_item(step, storage, &s->directions[unit / s->batch], unit % s->batch, &scratch);
    }
}

/* ---- preparation ---- */

typedef struct uses {
    int32_t count, tensors[MOST_USES];
} uses;

/* The number of a tensor's use, which is new unless it has one; -1 stays. */
static int32_t use_of(uses *u, int32_t tensor) {
    for (int32_t i = 0; i < u->count; i++) {
        if (u->tensors[i] == tensor) {
            return i;
        }
    }
    if (tensor >= 0) {
        u->tensors[u->count++] = tensor;
    }
    return tensor < 0 ? -1 : u->count - 1;
}

static void number_uses(eq_sequence *s, uses *ins, uses *outs) {
    for (int32_t i = 0; i < s->direction_count; i++) {
        eq_direction *d = &s->directions[i];
        d->in = use_of(ins, d->in);
        d->aux = use_of(ins, d->aux);
        d->out = use_of(outs, d->out);
        for (int32_t k = 0; k < EQ_STATES; k++) {
            use_of(outs, d->states[k]);
            d->states[k] = use_of(ins, d->states[k]);
        }
    }
}

/* Every state has a tensor of its own, which is no input. */
static bool is_apart(const eq_sequence *s) {
    for (int32_t i = 0; i < s->direction_count * EQ_STATES; i++) {
        const int32_t state = s->directions[i / EQ_STATES].states[i % EQ_STATES];
        for (int32_t k = 0; k < s->direction_count && state >= 0; k++) {
            const eq_direction *d = &s->directions[k];
            if (state == d->in || state == d->aux) {
                return false;
            }
        }
        for (int32_t k = 0; k < i && state >= 0; k++) {
            if (state == s->directions[k / EQ_STATES].states[k % EQ_STATES]) {
                return false;
            }
        }
    }
    return true;
}

eq_status eq_sequence_read(eq_plan *plan, const eq_operator *op, bool has_time, bool time_major, eq_sequence *sequence) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (in->rank != (has_time ? 3 : 2)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has an input of another rank than the operator takes");
    }
    *sequence = (eq_sequence){.time_major = has_time && time_major, .time = 1, .direction_count = 1};
    sequence->batch = in->dims[sequence->time_major ? 1 : 0];
    if (has_time) {
        sequence->time = in->dims[sequence->time_major ? 0 : 1];
    }
    return EQ_OK;
}

eq_status eq_sequence_shape(eq_plan *plan, const eq_operator *op, int32_t output, int32_t depth) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (eq_plan_output(plan, op, output)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "must give the type that it takes");
    }
    int32_t dims[3];
    for (int32_t i = 0; i < in->rank; i++) {
        dims[i] = i == in->rank - 1 ? depth : in->dims[i];
    }
    return eq_plan_shape(plan, op, output, in->rank, dims);
}

eq_status eq_sequence_inputs(eq_plan *plan, const eq_operator *op, int32_t aux_slot, bool has_aux_weights,
                             eq_sequence *sequence) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *aux = eq_plan_input(plan, op, aux_slot);
    if (!aux && has_aux_weights) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has weights of a second input, and no such input");
    }
    if (aux &&
        (aux->type != EQ_FLOAT32 || aux->rank != in->rank || aux->dims[0] != in->dims[0] || aux->dims[1] != in->dims[1])) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has a second input of another type or shape than the first");
    }
    for (int32_t i = 0; i < sequence->direction_count; i++) {
        eq_direction *d = &sequence->directions[i];
        const bool in_place = aux && !has_aux_weights && i == 1;
        d->backwards = i == 1;
        d->in = op->inputs[in_place ? aux_slot : 0];
        d->inputs = (in_place ? aux : in)->dims[2];
        d->aux = has_aux_weights ? op->inputs[aux_slot] : -1;
        d->aux_inputs = has_aux_weights ? aux->dims[2] : 0;
    }
    return EQ_OK;
}

eq_status eq_sequence_outputs(eq_plan *plan, const eq_operator *op, bool merged, eq_sequence *sequence) {
    eq_direction *forwards = &sequence->directions[0], *backwards = &sequence->directions[1];
    forwards->out = op->outputs[0];
    backwards->out = op->outputs[merged ? 0 : 1];
    if (merged) { /* each has 2^24 at most */
        forwards->out_width = backwards->out_width = forwards->outputs + backwards->outputs;
        backwards->out_offset = forwards->outputs;
        return eq_sequence_shape(plan, op, 0, forwards->out_width);
    }
    const eq_status status = eq_sequence_shape(plan, op, 0, forwards->outputs);
    return status == EQ_OK ? eq_sequence_shape(plan, op, 1, backwards->outputs) : status;
}

eq_status eq_sequence_plan(eq_plan *plan, const eq_operator *op, const eq_sequence *sequence) {
    eq_sequence s = *sequence;
    uses ins = {0}, outs = {0};
    if (!is_apart(&s)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has one tensor as two of its inputs and its states");
    }
    if (s.batch > INT32_MAX / s.direction_count) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has a batch of %d items", (int)s.batch);
    }
    number_uses(&s, &ins, &outs);
    const eq_status status = eq_vector_products_pack(plan, op, &s.products);
    eq_step *step = status == EQ_OK ? eq_plan_step(plan, op, run, sizeof s, ins.count, outs.count) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < ins.count; i++) {
        step->inputs[i].tensor = ins.tensors[i];
    }
    for (int32_t i = 0; i < outs.count; i++) {
        step->outputs[i].tensor = outs.tensors[i];
    }
    size_t values = 0;
    for (int32_t i = 0; i < s.direction_count; i++) {
        values = s.directions[i].scratch_values > values ? s.directions[i].scratch_values : values;
        step->macs += (uint64_t)s.batch * (uint64_t)s.time * s.directions[i].macs;
    }
    step->scratch = divide(&s, NULL, NULL) + values * sizeof(float);
    *(eq_sequence *)step->data = s;
    step->units = s.batch * s.direction_count;
    step->cost = step->macs;
    step->slow = true;
    return EQ_OK;
}
