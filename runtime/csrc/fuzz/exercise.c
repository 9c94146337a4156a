#include "exercise.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgequant.h"

enum { STEPS_MAX = 256, FREE_SIZE = 2, INPUTS_MAX = 16 };

static void require(bool holds, const char *what) {
    if (holds) {
        return;
    }
    fprintf(stderr, "exercise: %s\n", what);
    abort();
}

static void require_sentence(eq_status status, const eq_error *error) {
    require(error->status == (int32_t)status, "the error's status is not the function's");
    require(error->message[0] != '\0' && memchr(error->message, '\0', sizeof error->message), "an error has no sentence");
}

/* Opens again with every free dimension 2, if there are some. */
static eq_status open_session(eq_model *model, eq_session **session, eq_error *error) {
    eq_status status = eq_session_open(model, NULL, session, error);
    if (status != EQ_OK || eq_session_input_count(*session) > INPUTS_MAX) {
        return status;
    }
    eq_shape shapes[INPUTS_MAX];
    bool is_free = false;
    for (int32_t i = 0; i < eq_session_input_count(*session); i++) {
        eq_tensor_info info;
        require(eq_session_input_info(*session, i, &info, error) == EQ_OK, "an input has no description");
        shapes[i].rank = info.rank;
        for (int32_t d = 0; d < info.rank; d++) {
            shapes[i].dims[d] = info.shape_signature[d] == -1 ? FREE_SIZE : info.shape[d];
            is_free |= info.shape_signature[d] == -1;
        }
    }
    if (!is_free) {
        return EQ_OK;
    }
    eq_session_close(*session);
    *session = NULL;
    return eq_session_open(model, &(eq_session_options){.input_shapes = shapes}, session, error);
}

static bool is_large(const eq_session *session, uint64_t most) {
    eq_profile_step steps[STEPS_MAX];
    const int32_t count = eq_session_profile(session, steps, STEPS_MAX);
    uint64_t macs = 0;
    for (int32_t i = 0; i < count && i < STEPS_MAX; i++) {
        macs += steps[i].macs <= most ? steps[i].macs : most + 1;
    }
    return count > STEPS_MAX || macs > most;
}

static void fill_inputs(eq_session *session) {
    uint32_t state = 1;
    for (int32_t i = 0; i < eq_session_input_count(session); i++) {
        eq_tensor_info info;
        eq_session_input_info(session, i, &info, NULL);
        uint8_t *bytes = eq_session_input_data(session, i);
        for (size_t k = 0; k < info.bytes; k++) {
            state = state * 1664525 + 1013904223;
            bytes[k] = info.type == EQ_BOOL ? state >> 31 : state >> 24;
        }
    }
}

static void check_memory(const eq_session *session, uint64_t limit) {
    eq_memory memory;
    eq_session_memory(session, &memory);
    const bool fits = memory.packed_weights <= limit && memory.plan <= limit && memory.arena <= limit + 4096;
    require(fits, "the session has more memory than the limit");
}

/* A run's outputs, one after the other. */
typedef struct results {
    eq_status status;
    bool is_large;
    uint8_t *bytes;
    size_t size;
} results;

/* Which of its many bits a result that is not a number has is the CPU's choice. */
static void settle_nan(const eq_tensor_info *info, uint8_t *bytes) {
    if (info->type != EQ_FLOAT32 && info->type != EQ_COMPLEX64) {
        return;
    }
    for (size_t k = 0; k < info->bytes; k += sizeof(float)) {
        float value;
        memcpy(&value, bytes + k, sizeof value);
        if (value != value) {
            memset(bytes + k, 0xff, sizeof value);
        }
    }
}

static void keep_outputs(const eq_session *session, results *kept) {
    for (int32_t i = 0; i < eq_session_output_count(session); i++) {
        eq_tensor_info info;
        require(eq_session_output_info(session, i, &info, NULL) == EQ_OK, "an output has no description");
        uint8_t *bytes = realloc(kept->bytes, kept->size + info.bytes + 1); /* an output may be empty */
        require(bytes != NULL, "no memory for the results");
        memcpy(bytes + kept->size, eq_session_output_data(session, i), info.bytes);
        settle_nan(&info, bytes + kept->size);
        kept->bytes = bytes;
        kept->size += info.bytes;
    }
}

static results exercise(const uint8_t *data, size_t size, const eq_exercise_limits *limits, const char *kernels) {
    const eq_model_options options = {.memory_limit = limits->memory, .kernels = kernels};
    eq_error error = {0};
    eq_model *model = NULL;
    eq_session *session = NULL;
    results kept = {.status = eq_model_open_memory(data, size, &options, &model, &error)};
    if (kept.status == EQ_OK) {
        kept.status = open_session(model, &session, &error);
    }
    if (kept.status == EQ_OK) {
        check_memory(session, limits->memory);
        kept.is_large = is_large(session, limits->macs);
        if (!kept.is_large) {
            fill_inputs(session);
            kept.status = eq_session_run(session, &error);
            keep_outputs(session, &kept);
        }
    }
    if (kept.status != EQ_OK) {
        require_sentence(kept.status, &error);
    }
    eq_session_close(session);
    eq_model_close(model);
    return kept;
}

eq_exercise_result eq_exercise(const uint8_t *data, size_t size, const eq_exercise_limits *limits) {
    const results scalar = exercise(data, size, limits, "scalar"), best = exercise(data, size, limits, NULL);
    /* The sets pack weights differently, so that one may reach the limit and the other not. */
    if (scalar.status != EQ_ERROR_LIMIT && best.status != EQ_ERROR_LIMIT) {
        require(scalar.status == best.status, "the kernel sets disagree on an error");
        require(scalar.size == best.size && (scalar.size == 0 || memcmp(scalar.bytes, best.bytes, scalar.size) == 0),
                "the kernel sets disagree on a result");
    }
    free(scalar.bytes);
    free(best.bytes);
    if (scalar.status != EQ_OK || best.status != EQ_OK) {
        return EQ_EXERCISE_REFUSED;
    }
    return scalar.is_large ? EQ_EXERCISE_LARGE : EQ_EXERCISE_RAN;
}
