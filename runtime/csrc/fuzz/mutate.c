/* Exercise damaged copies of model files: cut off at every 64th byte, and with one byte changed. The same on every run.
 *
 *     mutate [--truncations] [--mutations N] MODEL...        N: of all models together
 *
 * prints a line for each model, and one with the slowest run and the most memory. A crash, a wrong result or a hang ends the
 * program with a message that says which copy it was; one that takes more than a second makes it fail at the end. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exercise.h"
#include "heap.h"
#include "base/memory.h"
#include "read/model.h"

enum { TRUNCATION_STEP = 64, SECONDS_MAX = 60 };

static const eq_exercise_limits limits = {.memory = 64 << 20, .macs = 50000000};

typedef struct file {
    const char *path;
    uint8_t *bytes;
    size_t size;
    size_t *structure; /* places of the bytes that are no constant's values */
    size_t structure_count;
} file;

typedef struct counts {
    long results[3]; /* by eq_exercise_result */
    double slowest;
} counts;

static char current[512]; /* what is being exercised, for a crash's message */

static void report_current(int signal_number) {
    /* Only functions that a signal handler may call. */
    const char *what = signal_number == SIGALRM ? "too slow: " : "crash: ";
    if (write(STDERR_FILENO, what, strlen(what)) < 0 || write(STDERR_FILENO, current, strlen(current)) < 0 ||
        write(STDERR_FILENO, "\n", 1) < 0) {
        _exit(2);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Of the CPU: other programs may be running. */
static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void exercise(const uint8_t *bytes, size_t size, counts *counted) {
    alarm(SECONDS_MAX);
    eq_heap_begin();
    const double begin = seconds();
    counted->results[eq_exercise(bytes, size, &limits)]++;
    const double taken = seconds() - begin;
    alarm(0);
    if (taken > counted->slowest) {
        counted->slowest = taken;
    }
    if (taken > 1) {
        fprintf(stderr, "%.2f s: %s\n", taken, current);
    }
}

static void truncate_file(const file *whole, counts *counted) {
    for (size_t size = 0; size < whole->size; size += TRUNCATION_STEP) {
        snprintf(current, sizeof current, "%s, cut to %zu bytes", whole->path, size);
        uint8_t *copy = malloc(size != 0 ? size : 1); /* of that size, so that reading past it is noticed */
        if (copy == NULL) {
            exit(2);
        }
        memcpy(copy, whole->bytes, size);
        exercise(copy, size, counted);
        free(copy);
    }
}

static uint32_t random_number(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

/* Three of four changes hit the structure, which is a small part of most files. */
static void mutate_file(const file *whole, long mutations, counts *counted) {
    uint64_t state = 1;
    for (long i = 0; i < mutations; i++) {
        const bool hits_structure = random_number(&state) % 4 != 0;
        const size_t place = hits_structure ? whole->structure[random_number(&state) % whole->structure_count]
                                            : random_number(&state) % whole->size;
        const uint8_t change = (uint8_t)(1 + random_number(&state) % 255);
        snprintf(current, sizeof current, "%s, byte %zu xor %d", whole->path, place, (int)change);
        whole->bytes[place] ^= change;
        exercise(whole->bytes, whole->size, counted);
        whole->bytes[place] ^= change;
    }
}

static void mark_constants(const eq_graph *graph, const file *whole, bool *is_constant) {
    for (int32_t t = 0; t < graph->tensor_count; t++) {
        const uint8_t *data = graph->tensors[t].data;
        if (data == NULL || data < whole->bytes || data >= whole->bytes + whole->size) {
            continue;
        }
        const size_t bytes = (size_t)eq_tensor_elements(&graph->tensors[t]) * (size_t)eq_type_size(graph->tensors[t].type);
        memset(is_constant + (data - whole->bytes), true, bytes);
    }
}

static void find_structure(file *whole) {
    eq_model model = {.file = whole->bytes, .size = whole->size, .memory_limit = limits.memory};
    bool *is_constant = calloc(whole->size, sizeof *is_constant);
    whole->structure = malloc(whole->size * sizeof *whole->structure);
    if (is_constant == NULL || whole->structure == NULL) {
        exit(2);
    }
    if (eq_model_read(&model, NULL) == EQ_OK) {
        for (int32_t i = 0; i < model.graph_count; i++) {
            mark_constants(&model.graphs[i], whole, is_constant);
        }
    }
    eq_memory_free(&model.memory);
    for (size_t i = 0; i < whole->size; i++) {
        if (!is_constant[i]) {
            whole->structure[whole->structure_count++] = i;
        }
    }
    free(is_constant);
}

static bool load(file *whole) {
    FILE *stream = fopen(whole->path, "rb");
    if (stream == NULL || fseek(stream, 0, SEEK_END) != 0) {
        return false;
    }
    whole->size = (size_t)ftell(stream);
    whole->bytes = malloc(whole->size + 1);
    rewind(stream);
    const bool is_read = whole->bytes != NULL && fread(whole->bytes, 1, whole->size, stream) == whole->size;
    fclose(stream);
    if (is_read && whole->size > 0) {
        find_structure(whole);
    }
    return is_read && whole->size > 0;
}

static void print_counts(const char *what, const counts *counted) {
    printf(" %s: %ld refused, %ld ran, %ld too large to run;", what, counted->results[EQ_EXERCISE_REFUSED],
           counted->results[EQ_EXERCISE_RAN], counted->results[EQ_EXERCISE_LARGE]);
}

int main(int argc, char **argv) {
    bool truncations = false;
    long mutations = 0;
    int first = 1;
    for (; first < argc && argv[first][0] == '-'; first++) {
        if (strcmp(argv[first], "--truncations") == 0) {
            truncations = true;
        } else if (strcmp(argv[first], "--mutations") == 0 && first + 1 < argc) {
            mutations = atol(argv[++first]);
        } else {
            break;
        }
    }
    if (first == argc || argv[first][0] == '-') {
        fprintf(stderr, "usage: mutate [--truncations] [--mutations N] MODEL...\n");
        return 2;
    }
    const int handled[] = {SIGALRM, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) {
        signal(handled[i], report_current);
    }
    eq_heap_watch();
    double slowest = 0;
    for (int i = first; i < argc; i++) {
        file whole = {.path = argv[i]};
        counts cut = {0}, changed = {0};
        if (!load(&whole)) {
            fprintf(stderr, "%s cannot be read\n", argv[i]);
            return 2;
        }
        if (truncations) {
            truncate_file(&whole, &cut);
        }
        mutate_file(&whole, mutations / (argc - first) + (i - first < mutations % (argc - first)), &changed);
        printf("%s:", whole.path);
        print_counts("cut off", &cut);
        print_counts("one byte changed", &changed);
        printf(" slowest %.3f s\n", cut.slowest > changed.slowest ? cut.slowest : changed.slowest);
        slowest = slowest > cut.slowest ? slowest : cut.slowest;
        slowest = slowest > changed.slowest ? slowest : changed.slowest;
        fflush(stdout);
        free(whole.structure);
        free(whole.bytes);
    }
    printf("slowest %.3f s, most memory %.1f MB beside the files, limit %d MB\n", slowest, (double)eq_heap_peak() / (1 << 20),
           (int)(limits.memory >> 20));
    return slowest > 1;
}
