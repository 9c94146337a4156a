/* Several threads use one model at the same time, each with sessions of one, two and three threads, and all get the bits that
 * one thread alone gets. Built with -DEQ_SANITIZE=thread it shows that nothing is shared without a lock.
 *
 *     threads_test MODEL... */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgequant.h"

enum { USERS = 4, SESSIONS = 3, RUNS = 3, SKIPPED = 77 };

static void require(bool holds, const char *what) {
    if (holds) {
        return;
    }
    fprintf(stderr, "threads_test: %s\n", what);
    exit(1);
}

static void fill_inputs(eq_session *session, uint32_t seed) {
    for (int32_t i = 0; i < eq_session_input_count(session); i++) {
        eq_tensor_info info;
        require(eq_session_input_info(session, i, &info, NULL) == EQ_OK, "an input has no description");
        uint8_t *bytes = eq_session_input_data(session, i);
        for (size_t k = 0; k < info.bytes; k++) {
            seed = seed * 1664525 + 1013904223;
            bytes[k] = (uint8_t)(info.type == EQ_INT8 || info.type == EQ_UINT8 ? seed >> 24 : 0);
        }
    }
}

/* FNV-1a of all outputs after a run on inputs of that seed. */
static uint64_t hash_of_run(eq_session *session, uint32_t seed) {
    eq_error error;
    uint64_t hash = 14695981039346656037u;
    fill_inputs(session, seed);
    require(eq_session_run(session, &error) == EQ_OK, "a run failed");
    for (int32_t i = 0; i < eq_session_output_count(session); i++) {
        eq_tensor_info info;
        require(eq_session_output_info(session, i, &info, NULL) == EQ_OK, "an output has no description");
        const uint8_t *bytes = eq_session_output_data(session, i);
        for (size_t k = 0; k < info.bytes; k++) {
            hash = (hash ^ bytes[k]) * 1099511628211u;
        }
    }
    return hash;
}

static eq_session *open_session(eq_model *model, int32_t threads) {
    eq_error error;
    eq_session *session;
    if (eq_session_open(model, &(eq_session_options){.threads = threads, .profile = true}, &session, &error) == EQ_OK) {
        return session;
    }
    require(false, error.message);
    return NULL;
}

typedef struct user {
    pthread_t thread;
    eq_model *model;
    const uint64_t *expected; /* by seed */
} user;

static void *use(void *argument) {
    const user *self = argument;
    for (int32_t s = 0; s < SESSIONS; s++) {
        eq_session *session = open_session(self->model, s + 1);
        for (uint32_t seed = 0; seed < RUNS; seed++) {
            require(hash_of_run(session, seed) == self->expected[seed], "threads change the result");
        }
        eq_session_close(session);
    }
    return NULL;
}

static void test_model(const char *path) {
    eq_error error;
    eq_model *model;
    if (eq_model_open_file(path, NULL, &model, &error) != EQ_OK) {
        require(false, error.message);
    }
    uint64_t expected[RUNS];
    eq_session *alone = open_session(model, 1);
    for (uint32_t seed = 0; seed < RUNS; seed++) {
        expected[seed] = hash_of_run(alone, seed);
    }
    user users[USERS];
    for (int i = 0; i < USERS; i++) {
        users[i] = (user){.model = model, .expected = expected};
        require(pthread_create(&users[i].thread, NULL, use, &users[i]) == 0, "the system gave no thread");
    }
    for (int i = 0; i < USERS; i++) {
        pthread_join(users[i].thread, NULL);
    }
    eq_model_close(model); /* before its last session */
    require(hash_of_run(alone, 0) == expected[0], "a session does not keep its model");
    eq_session_close(alone);
    printf("%s: %d users agree\n", path, USERS);
}

int main(int argc, char **argv) {
    if (argc == 1) {
        fprintf(stderr, "usage: threads_test MODEL...\n");
        return SKIPPED;
    }
    for (int i = 1; i < argc; i++) {
        test_model(argv[i]);
    }
    return 0;
}
