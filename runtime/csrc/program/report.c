#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#include "failure.h"
#include "json.h"
#include "peak_memory.h"
#include "types.h"

static eq_profile_step *profile_of(const run *done, int32_t *count) {
    *count = eq_session_profile(done->session, NULL, 0);
    eq_profile_step *steps = calloc((size_t)*count + 1, sizeof *steps);
    if (steps == NULL) {
        fail(EXIT_SYSTEM, "there is no memory for the profile");
    }
    eq_session_profile(done->session, steps, *count);
    return steps;
}

static double step_microseconds(const eq_profile_step *step) {
    return step->runs == 0 ? 0 : (double)step->nanoseconds / (double)step->runs / 1e3;
}

/* ---- for people ---- */

static void print_tensors(const char *kind, const eq_tensor_info *infos, int32_t count) {
    char shape[SHAPE_TEXT];
    for (int32_t i = 0; i < count; i++) {
        printf("%-8s '%s' %s %s", kind, infos[i].name, type_by_number(infos[i].type)->name,
               shape_text(infos[i].shape, infos[i].rank, shape));
        if (infos[i].scale > 0) {
            printf(", scale %.9g, zero point %d", (double)infos[i].scale, (int)infos[i].zero_point);
        }
        putchar('\n');
    }
}

static void print_profile(const run *done) {
    int32_t count;
    eq_profile_step *steps = profile_of(done, &count);
    double total = 0;
    for (int32_t i = 0; i < count; i++) {
        total += step_microseconds(&steps[i]);
    }
    printf("\n%12s %6s %12s %8s  %s\n", "us", "%", "MACs", "GMAC/s", "operators (from)");
    for (int32_t i = 0; i < count; i++) {
        const double time = step_microseconds(&steps[i]);
        printf("%12.1f %6.1f %12llu %8.2f  %s (%d)\n", time, total > 0 ? 100 * time / total : 0,
               (unsigned long long)steps[i].macs, time > 0 ? (double)steps[i].macs / time / 1e3 : 0, steps[i].operators,
               (int)steps[i].first_operator);
    }
    free(steps);
}

void report_text(const run *done, const arguments *given) {
    eq_memory memory;
    char digest[65];
    eq_session_memory(done->session, &memory);
    run_digest(done, -1, digest);
    print_tensors("input", done->inputs, done->input_count);
    print_tensors("output", done->outputs, done->output_count);
    printf("kernels  %s, %d thread%s\n", eq_model_kernels(done->model), (int)given->threads, given->threads == 1 ? "" : "s");
    printf("memory   %llu bytes of packed weights, %llu of tensors, %llu of tables; peak of the process %lld\n",
           (unsigned long long)memory.packed_weights, (unsigned long long)memory.arena, (unsigned long long)memory.plan,
           peak_memory());
    const latency took = run_latency(done);
    printf("latency  median %.1f us, least %.1f us, %d run%s; the model was opened in %.1f ms\n", took.median, took.min,
           (int)done->runs, done->runs == 1 ? "" : "s", done->open_microseconds / 1e3);
    printf("sha256   %s of the outputs\n", digest);
    if (given->profile) {
        print_profile(done);
    }
}

/* ---- as JSON ---- */

static void json_tensors(const run *done, const char *key, const eq_tensor_info *infos, int32_t count, bool digests) {
    char digest[65];
    printf("  \"%s\": [", key);
    for (int32_t i = 0; i < count; i++) {
        printf(i == 0 ? "\n    {\"name\": " : ",\n    {\"name\": ");
        json_string(infos[i].name);
        printf(", \"type\": \"%s\", \"shape\": [", type_by_number(infos[i].type)->name);
        for (int32_t d = 0; d < infos[i].rank; d++) {
            printf(d == 0 ? "%d" : ", %d", (int)infos[i].shape[d]);
        }
        printf("], \"scale\": %.9g, \"zero_point\": %d", (double)infos[i].scale, (int)infos[i].zero_point);
        if (digests) {
            run_digest(done, i, digest);
            printf(", \"sha256\": \"%s\"", digest);
        }
        putchar('}');
    }
    printf("\n  ],\n");
}

static void json_profile(const run *done) {
    int32_t count;
    eq_profile_step *steps = profile_of(done, &count);
    printf("  \"profile\": [");
    for (int32_t i = 0; i < count; i++) {
        printf("%s\n    {\"operators\": \"%s\", \"first_operator\": %d, \"microseconds\": %.3f, \"macs\": %llu}",
               i == 0 ? "" : ",", steps[i].operators, (int)steps[i].first_operator, step_microseconds(&steps[i]),
               (unsigned long long)steps[i].macs);
    }
    printf("\n  ],\n");
    free(steps);
}

static void json_latencies(const run *done) {
    printf("  \"latencies_us\": [");
    for (int32_t i = 0; i < done->runs; i++) {
        printf(i == 0 ? "%.3f" : ", %.3f", done->microseconds[i]);
    }
    printf("],\n");
}

static void json_latency(const run *done) {
    const latency took = run_latency(done);
    printf("  \"open_us\": %.3f,\n  \"runs\": %d,\n  \"median_us\": %.3f,\n  \"min_us\": %.3f,\n  \"p95_us\": %.3f,\n",
           done->open_microseconds, (int)done->runs, took.median, took.min, took.p95);
}

void report_json(const run *done, const arguments *given) {
    eq_memory memory;
    char digest[65];
    eq_session_memory(done->session, &memory);
    run_digest(done, -1, digest);
    printf("{\n  \"version\": \"%s\",\n  \"model\": ", eq_version());
    json_string(given->model);
    printf(",\n  \"kernels\": \"%s\",\n  \"threads\": %d,\n", eq_model_kernels(done->model), (int)given->threads);
    json_tensors(done, "inputs", done->inputs, done->input_count, false);
    json_tensors(done, "outputs", done->outputs, done->output_count, true);
    if (given->profile) {
        json_profile(done);
    }
    printf(
        "  \"memory_bytes\": {\"packed_weights\": %llu, \"tensors\": %llu, \"tables\": %llu, \"peak_of_process\": %lld, "
        "\"before_opening\": %lld},\n",
        (unsigned long long)memory.packed_weights, (unsigned long long)memory.arena, (unsigned long long)memory.plan,
        peak_memory(), done->memory_before);
    if (given->latencies) {
        json_latencies(done);
    }
    json_latency(done);
    printf("  \"sha256\": \"%s\"\n}\n", digest);
}
