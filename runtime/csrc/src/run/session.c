/* Sessions: a plan, its memory, its threads, and the loop that runs it. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "plan/body.h"
#include "plan/fill.h"
#include "plan/plan.h"
#include "threads.h"
#include "plan/variables.h"

/* Below this much work, sharing a step costs more than it saves. */
enum { EQ_SHARED_COST = 10000, EQ_MOST_THREADS = 256 };

typedef struct eq_binding {
    void *memory; /* NULL: the session's own */
} eq_binding;

typedef struct eq_timing {
    uint64_t runs, nanoseconds;
} eq_timing;

struct eq_session {
    eq_model *model;
    eq_plan *plan;
    eq_storage *storage; /* of each tensor of the plan */
    uint8_t *arena, *scratch;
    size_t arena_bytes;
    eq_pool *pool;
    const void **bound_inputs;
    void **bound_outputs;
    eq_timing *timings; /* of each step; NULL: not measured */
};

/* Some step is worth sharing. */
static bool needs_threads(const eq_plan *plan) {
    for (int32_t s = 0; s < plan->step_count; ++s) {
        if (plan->steps[s]->units > 1 && plan->steps[s]->cost >= EQ_SHARED_COST) {
            return true;
        }
    }
    return false;
}

static eq_status take_memory(eq_session *session, int32_t threads, eq_error *error) {
    eq_plan *plan = session->plan;
    eq_error own;
    plan->error = &own;
    size_t edges = (size_t)plan->graph->input_count + (size_t)plan->graph->output_count;
    size_t *offsets = eq_plan_take(plan, eq_size_times((size_t)plan->tensor_count, sizeof *offsets));
    session->storage = eq_plan_take(plan, eq_size_times((size_t)plan->tensor_count, sizeof *session->storage));
    session->bound_inputs = eq_plan_take(plan, eq_size_times(edges, sizeof *session->bound_inputs));
    size_t tensors = offsets && session->storage && session->bound_inputs ? eq_plan_arena(plan, offsets) : SIZE_MAX;
    plan->error = NULL;
    size_t stride = eq_plan_most_scratch(plan), scratch = eq_size_times(stride, (size_t)threads);
    uint64_t limit = session->model->memory_limit;
    if (tensors == SIZE_MAX || scratch == SIZE_MAX || tensors > limit || scratch > limit - tensors) {
        return eq_fail(error, EQ_ERROR_LIMIT, "the model's tensors need more memory than the limit of %llu bytes",
                       (unsigned long long)limit);
    }
    session->bound_outputs = (void **)(session->bound_inputs + plan->graph->input_count);
    session->arena_bytes = tensors + scratch + 2 * EQ_SLACK;
    if (posix_memalign((void **)&session->arena, 64, session->arena_bytes) != 0) {
        session->arena = NULL;
        return eq_fail(error, EQ_ERROR_MEMORY, "the system gave no memory for %zu bytes of tensors", session->arena_bytes);
    }
    memset(session->arena, 0, session->arena_bytes);
    session->scratch = session->arena + EQ_SLACK + tensors;
    eq_plan_place(plan, offsets, session->arena + EQ_SLACK, session->storage);
    if (threads > 1 && needs_threads(plan)) {
        session->pool = eq_pool_start(threads, session->scratch, stride);
        if (!session->pool) {
            return eq_fail(error, EQ_ERROR_MEMORY, "the system gave no %d threads", (int)threads);
        }
    }
    return EQ_OK;
}

static eq_status open_session(eq_session *session, const eq_session_options *options, eq_error *error) {
    int32_t threads = options->threads == 0 ? 1 : options->threads;
    if (threads < 1 || threads > EQ_MOST_THREADS) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "%d threads were asked for; 1 to %d can be had", (int)threads,
                       (int)EQ_MOST_THREADS);
    }
    eq_error own;
    eq_status status = eq_plan_make(session->model, options->input_shapes, &session->plan, &own);
    if (status != EQ_OK) {
        return eq_fail(error, eq_plan_status(status), "%s", own.message);
    }
    if (status == EQ_OK) {
        status = take_memory(session, threads, error);
    }
    if (status == EQ_OK && options->profile) {
        session->timings = calloc((size_t)session->plan->step_count + 1, sizeof *session->timings);
        if (!session->timings) {
            status = eq_fail(error, EQ_ERROR_MEMORY, "the system gave no memory for a profile");
        }
    }
    return status;
}

eq_status eq_session_open(eq_model *model, const eq_session_options *options, eq_session **session, eq_error *error) {
    const eq_session_options defaults = {0};
    if (!model || !session) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "a model and a place for the session are needed");
    }
    *session = NULL;
    eq_session *made = calloc(1, sizeof *made);
    if (!made) {
        return eq_fail(error, EQ_ERROR_MEMORY, "the system gave no memory for a session");
    }
    made->model = model;
    eq_model_keep(model);
    eq_status status = open_session(made, options ? options : &defaults, error);
    if (status != EQ_OK) {
        eq_session_close(made);
        return status;
    }
    eq_session_reset(made);
    *session = made;
    return EQ_OK;
}

void eq_session_close(eq_session *session) {
    if (session) {
        eq_pool_stop(session->pool);
        free(session->timings);
        free(session->arena);
        eq_plan_free(session->plan);
        eq_model_close(session->model);
        free(session);
    }
}

/* ---- inputs and outputs ---- */

int32_t eq_session_input_count(const eq_session *session) {
    return session->plan->graph->input_count;
}

int32_t eq_session_output_count(const eq_session *session) {
    return session->plan->graph->output_count;
}

static size_t edge_bytes(const eq_session *session, int32_t tensor) {
    const eq_tensor *t = &session->plan->tensors[tensor].tensor;
    return (size_t)eq_tensor_elements(t) * (size_t)eq_type_size(t->type);
}

/* All but the name. `inner` is the graph's tensor, `outer` what the caller sees of it. */
static void describe(const eq_session *session, int32_t inner, int32_t outer, eq_tensor_info *info) {
    const eq_tensor *t = &session->plan->tensors[inner].tensor;
    *info = (eq_tensor_info){
        .type = session->plan->tensors[outer].tensor.type, .rank = t->rank, .bytes = edge_bytes(session, outer)};
    memcpy(info->shape, t->dims, sizeof info->shape);
    /* Files may leave out the shape of what an operator gives. */
    bool known = session->plan->graph->tensors[inner].rank == t->rank;
    memcpy(info->shape_signature, known ? t->signature : t->dims, sizeof info->shape_signature);
    if (t->scale_count == 1) {
        info->scale = t->scales[0];
        info->zero_point = t->zero_points[0] + (t->type == t->file_type ? 0 : 128);
    }
}

static eq_status check_index(int32_t index, int32_t count, const char *kind, eq_error *error) {
    if (index < 0 || index >= count) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "there is no %s %d; the model has %d", kind, (int)index, (int)count);
    }
    return EQ_OK;
}

eq_status eq_session_input_info(const eq_session *session, int32_t index, eq_tensor_info *info, eq_error *error) {
    eq_status status = check_index(index, eq_session_input_count(session), "input", error);
    if (status == EQ_OK) {
        describe(session, session->plan->graph->inputs[index], session->plan->inputs[index], info);
        info->name = session->plan->graph->input_names[index];
    }
    return status;
}

eq_status eq_session_output_info(const eq_session *session, int32_t index, eq_tensor_info *info, eq_error *error) {
    eq_status status = check_index(index, eq_session_output_count(session), "output", error);
    if (status == EQ_OK) {
        describe(session, session->plan->graph->outputs[index], session->plan->outputs[index], info);
        info->name = session->plan->graph->output_names[index];
    }
    return status;
}

void *eq_session_input_data(eq_session *session, int32_t index) {
    bool fits = index >= 0 && index < eq_session_input_count(session);
    return fits ? session->storage[session->plan->inputs[index]].data : NULL;
}

const void *eq_session_output_data(const eq_session *session, int32_t index) {
    bool fits = index >= 0 && index < eq_session_output_count(session);
    return fits ? session->storage[session->plan->outputs[index]].data : NULL;
}

static eq_status check_bytes(const eq_session *session, int32_t tensor, const void *data, size_t bytes, eq_error *error) {
    size_t expected = edge_bytes(session, tensor);
    if (data && bytes != expected) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "%zu bytes were given for a tensor of %zu", bytes, expected);
    }
    return EQ_OK;
}

eq_status eq_session_bind_input(eq_session *session, int32_t index, const void *data, size_t bytes, eq_error *error) {
    eq_status status = check_index(index, eq_session_input_count(session), "input", error);
    if (status == EQ_OK) {
        status = check_bytes(session, session->plan->inputs[index], data, bytes, error);
    }
    if (status == EQ_OK) {
        session->bound_inputs[index] = data;
    }
    return status;
}

eq_status eq_session_bind_output(eq_session *session, int32_t index, void *data, size_t bytes, eq_error *error) {
    eq_status status = check_index(index, eq_session_output_count(session), "output", error);
    if (status == EQ_OK) {
        status = check_bytes(session, session->plan->outputs[index], data, bytes, error);
    }
    if (status == EQ_OK) {
        session->bound_outputs[index] = data;
    }
    return status;
}

/* ---- running ---- */

static void run_step(eq_session *session, const eq_step *step) {
    if (session->pool && step->units > 1 && step->cost >= EQ_SHARED_COST) {
        eq_pool_run(session->pool, step, session->storage);
    } else {
        eq_step_run(step, session->storage, 0, step->units, session->scratch);
    }
}

static void run_steps(eq_session *session) {
    const eq_plan *plan = session->plan;
    uint64_t begin = session->timings ? eq_nanoseconds() : 0;
    for (int32_t s = 0; s < plan->step_count && !eq_loops_are_stopped(plan->loops); ++s) {
        run_step(session, plan->steps[s]);
        if (session->timings) {
            uint64_t end = eq_nanoseconds();
            session->timings[s].runs += 1;
            session->timings[s].nanoseconds += end - begin;
            begin = end;
        }
    }
}

eq_status eq_session_run(eq_session *session, eq_error *error) {
    if (!session) {
        return eq_fail(error, EQ_ERROR_NO_SESSION, "there is no session to run");
    }
    const eq_plan *plan = session->plan;
    for (int32_t i = 0; i < plan->graph->input_count; ++i) {
        if (session->bound_inputs[i]) {
            memcpy(session->storage[plan->inputs[i]].data, session->bound_inputs[i], edge_bytes(session, plan->inputs[i]));
        }
    }
    if (session->model->begins_anew) {
        eq_plan_reset_variables(session->plan, session->storage, plan->graph->tensor_count);
    }
    plan->loops->rounds = 0;
    plan->loops->endless = plan->loops->outside = NULL;
    if (session->pool) {
        eq_pool_begin(session->pool);
    }
    run_steps(session);
    if (session->pool) {
        eq_pool_end(session->pool);
    }
    if (plan->loops->endless) {
        return eq_fail(error, EQ_ERROR_LIMIT, "%s (operator %d): its loops went round %d times, more than one run may take",
                       plan->loops->endless->name, (int)plan->loops->endless->index, EQ_MOST_ROUNDS);
    }
    if (plan->loops->outside) {
        return eq_fail(error, EQ_ERROR_ARGUMENT,
                       "%s (operator %d): it computed a place that is not in its tensor; look at the values of the inputs",
                       plan->loops->outside->name, (int)plan->loops->outside->index);
    }
    for (int32_t i = 0; i < plan->graph->output_count; ++i) {
        if (session->bound_outputs[i]) {
            memcpy(session->bound_outputs[i], session->storage[plan->outputs[i]].data, edge_bytes(session, plan->outputs[i]));
        }
    }
    return EQ_OK;
}

void eq_session_reset(eq_session *session) {
    eq_plan_reset_variables(session->plan, session->storage, session->plan->tensor_count);
}

int32_t eq_session_profile(const eq_session *session, eq_profile_step *steps, int32_t capacity) {
    const eq_plan *plan = session->plan;
    for (int32_t s = 0; s < plan->step_count && s < capacity; ++s) {
        const eq_step *step = plan->steps[s];
        steps[s] = (eq_profile_step){
            .operators = step->fused ? step->fused : step->op->name,
            .first_operator = step->op->index,
            .runs = session->timings ? session->timings[s].runs : 0,
            .nanoseconds = session->timings ? session->timings[s].nanoseconds : 0,
            .macs = step->macs,
        };
    }
    return plan->step_count;
}

void eq_session_memory(const eq_session *session, eq_memory *memory) {
    *memory = (eq_memory){
        .packed_weights = session->model->packed_bytes,
        .arena = session->arena_bytes,
        .plan = session->plan->memory_used,
    };
}
