/* RNN, UNIDIRECTIONAL_SEQUENCE_RNN and BIDIRECTIONAL_SEQUENCE_RNN of float activations, with float or int8 weights ("hybrid").
 * (kernel_utils.cc, RnnBatchStep) */
#include <string.h>

#include "activation.h"
#include "plan/operator.h"
#include "sequence.h"
#include "weights.h"

/* Which of the operator's inputs are what. */
typedef struct slots {
    int32_t weights;     /* (units, inputs) */
    int32_t recurrent;   /* (units, units) */
    int32_t bias;        /* (units) */
    int32_t state;       /* (batch, units), a variable */
    int32_t aux_weights; /* (units, inputs of the second input); 0: none */
} slots;

static const slots slots_of[EQ_DIRECTIONS] = {{1, 2, 3, 4, 10}, {5, 6, 7, 8, 11}};

/* Of one cell. */
enum { IN, RECURRENT, AUX, PRODUCTS };

typedef struct cell {
    int32_t inputs, aux_inputs, units;
    int32_t first_product;
    eq_recurrent_activation activation;
} cell;

static void run(const void *of, const eq_vector_products *products, const eq_cell_values *v, const eq_cell_scratch *scratch) {
    const cell *c = of;
    const eq_vector in = eq_vector_read(products, v->in, c->inputs, scratch->rows[0]);
    eq_vector_write(products, c->first_product + IN, &in, v->out, scratch->sums);
    if (v->aux) {
        const eq_vector aux = eq_vector_read(products, v->aux, c->aux_inputs, scratch->rows[0]);
        eq_vector_add(products, c->first_product + AUX, &aux, v->out, scratch->sums);
    }
    const eq_vector state = eq_vector_read(products, v->states[0], c->units, scratch->rows[0]);
    eq_vector_add(products, c->first_product + RECURRENT, &state, v->out, scratch->sums);
    for (int32_t i = 0; i < c->units; i++) {
        v->states[0][i] = v->out[i] = eq_activate(&c->activation, v->out[i]);
    }
}

/* ---- preparation ---- */

static eq_status check_tensors(eq_plan *plan, const eq_operator *op, const slots *s, eq_type type, int32_t batch,
                               const cell *c) {
    if (c->inputs > EQ_RECURRENT_LARGEST || c->units > EQ_RECURRENT_LARGEST || c->aux_inputs > EQ_RECURRENT_LARGEST) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has more than %d inputs or units", (int)EQ_RECURRENT_LARGEST);
    }
    eq_status status = eq_recurrent_weights_check(plan, op, s->weights, type, c->units, c->inputs);
    if (status == EQ_OK) {
        status = eq_recurrent_weights_check(plan, op, s->recurrent, type, c->units, c->units);
    }
    if (status == EQ_OK) {
        status = eq_recurrent_weights_check(plan, op, s->bias, EQ_FLOAT32, c->units, 0);
    }
    if (status == EQ_OK && c->aux_inputs > 0) {
        status = eq_recurrent_weights_check(plan, op, s->aux_weights, type, c->units, c->aux_inputs);
    }
    return status == EQ_OK ? eq_recurrent_state_check(plan, op, s->state, EQ_FLOAT32, batch, c->units) : status;
}

static eq_status make_cell(eq_plan *plan, const eq_operator *op, int32_t activation, eq_sequence *sequence, int32_t which) {
    const slots *s = &slots_of[which];
    eq_direction *d = &sequence->directions[which];
    cell *c = eq_plan_take(plan, sizeof *c);
    if (!c) {
        return (eq_status)plan->error->status;
    }
    const eq_tensor *bias = eq_plan_input(plan, op, s->bias);
    *c = (cell){d->inputs, d->aux_inputs, bias->rank == 1 ? bias->dims[0] : 0, which * PRODUCTS, {0}};
    eq_status status = check_tensors(plan, op, s, sequence->products.hybrid ? EQ_INT8 : EQ_FLOAT32, sequence->batch, c);
    if (status == EQ_OK) {
        status = eq_recurrent_activation_read(plan, op, activation, &c->activation);
    }
    eq_vector_product *own = sequence->products.products + c->first_product;
    own[IN] = (eq_vector_product){.weights_slot = s->weights, .bias_slot = s->bias};
    own[RECURRENT] = (eq_vector_product){.weights_slot = s->recurrent};
    own[AUX] = (eq_vector_product){.weights_slot = c->aux_inputs > 0 ? s->aux_weights : 0};
    d->run = run;
    d->cell = c;
    d->macs = (uint64_t)c->units * ((uint64_t)c->inputs + (uint64_t)c->aux_inputs + (uint64_t)c->units);
    d->states[0] = op->inputs[s->state];
    d->states[1] = -1;
    d->state_sizes[0] = d->outputs = d->out_width = c->units;
    return status;
}

/* Fields of the operators' options; -1: no such option. */
typedef struct fields {
    int32_t time_major, activation, merge_outputs, asymmetric;
} fields;

static bool flag(const eq_operator *op, int32_t field) {
    return field >= 0 && eq_option_bool(op, field, false);
}

static eq_status prepare(eq_plan *plan, const eq_operator *op, bool has_time, const fields *f, eq_sequence *sequence) {
    const bool hybrid = eq_plan_input(plan, op, slots_of[0].weights)->type == EQ_INT8;
    const bool asymmetric = flag(op, f->asymmetric);
    const eq_status status = eq_sequence_read(plan, op, has_time, flag(op, f->time_major), sequence);
    sequence->products = (eq_vector_products){.hybrid = hybrid, .asymmetric = asymmetric};
    return status;
}

static eq_status prepare_one(eq_plan *plan, const eq_operator *op, bool has_time, const fields *f) {
    eq_sequence sequence;
    eq_status status = eq_plan_arity(plan, op, 5, 5, 0, 1);
    if (status == EQ_OK) {
        status = prepare(plan, op, has_time, f, &sequence);
    }
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    eq_direction *d = &sequence.directions[0];
    *d = (eq_direction){.in = op->inputs[0], .aux = -1, .out = op->outputs[0], .inputs = in->dims[in->rank - 1]};
    status = make_cell(plan, op, eq_option_byte(op, f->activation, 0), &sequence, 0);
    if (status == EQ_OK) {
        status = eq_sequence_shape(plan, op, 0, d->outputs);
    }
    return status == EQ_OK ? eq_sequence_plan(plan, op, &sequence) : status;
}

eq_status eq_prepare_rnn(eq_plan *plan, const eq_operator *op) {
    return prepare_one(plan, op, false, &(fields){-1, 0, -1, 1});
}

eq_status eq_prepare_sequence_rnn(eq_plan *plan, const eq_operator *op) {
    return prepare_one(plan, op, true, &(fields){0, 1, -1, 2});
}

eq_status eq_prepare_bidirectional_rnn(eq_plan *plan, const eq_operator *op) {
    enum { AUX_INPUT = 9, INPUTS = 12 };
    const fields f = {0, 1, 2, 3};
    const bool merged = flag(op, f.merge_outputs);
    eq_sequence sequence;
    eq_status status = eq_plan_arity(plan, op, INPUTS, INPUTS, 7u << AUX_INPUT, merged ? 1 : 2);
    if (status == EQ_OK) {
        status = prepare(plan, op, true, &f, &sequence);
    }
    if (status != EQ_OK) {
        return status;
    }
    sequence.direction_count = EQ_DIRECTIONS;
    status = eq_sequence_inputs(plan, op, AUX_INPUT, eq_plan_input(plan, op, slots_of[0].aux_weights) != NULL, &sequence);
    for (int32_t which = 0; which < EQ_DIRECTIONS && status == EQ_OK; which++) {
        status = make_cell(plan, op, eq_option_byte(op, f.activation, 0), &sequence, which);
    }
    if (status == EQ_OK) {
        status = eq_sequence_outputs(plan, op, merged, &sequence);
    }
    return status == EQ_OK ? eq_sequence_plan(plan, op, &sequence) : status;
}

EQ_OPERATOR(RNN, eq_prepare_rnn, FLOAT32);
EQ_OPERATOR(UNIDIRECTIONAL_SEQUENCE_RNN, eq_prepare_sequence_rnn, FLOAT32);
EQ_OPERATOR(BIDIRECTIONAL_SEQUENCE_RNN, eq_prepare_bidirectional_rnn, FLOAT32);
EQ_OPERATOR_NOTE(RNN, "constant weights, of floats or int8");
EQ_OPERATOR_NOTE(UNIDIRECTIONAL_SEQUENCE_RNN, "as RNN");
EQ_OPERATOR_NOTE(BIDIRECTIONAL_SEQUENCE_RNN, "as RNN; a second input");
