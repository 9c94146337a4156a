#include "arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "edgequant.h"
#include "failure.h"

static const char help[] =
    "Usage: edgequant-run MODEL [OPTION]...\n"
    "       edgequant-run --probe\n"
    "\n"
    "Run an int8 .tflite model, and print how long it took and the SHA-256 of its outputs.\n"
    "\n"
    "  --input FILE.npy    an input; once for each, in the model's order. Without: seeded values, the same everywhere\n"
    "  --output FILE.npy   where to write an output; once for each, in the model's order\n"
    "  --repeat N          run N inferences on the same inputs (1)\n"
    "  --seconds S         start no inference after S seconds; as many as fit, or --repeat N of them at most\n"
    "  --warmup S          first run inferences for S seconds that are not counted\n"
    "  --threads N         threads of one inference, 1 to 256 (1); results do not depend on it\n"
    "  --kernels NAME      use these kernels and not the best that this CPU runs; --probe names them\n"
    "  --json              print the results as JSON\n"
    "  --latencies         add the latency of each inference to the JSON\n"
    "  --profile           print what each step costs\n"
    "  --probe             print the CPU, the memory and the speed in int8 and float32 as JSON\n"
    "  --version, --help\n"
    "\n"
    "Exit code 0: done; 1: the system had no memory, thread or disk space; 2: an argument, file or model is wrong.\n";

enum { INPUT = 256, OUTPUT, REPEAT, SECONDS, WARMUP, THREADS, KERNELS, JSON, LATENCIES, PROFILE, PROBE, VERSION, HELP };
enum { REPEAT_MAX = 1000000, SECONDS_MAX = 86400 };

static const struct option options[] = {
    {"input", required_argument, NULL, INPUT},
    {"output", required_argument, NULL, OUTPUT},
    {"repeat", required_argument, NULL, REPEAT},
    {"seconds", required_argument, NULL, SECONDS},
    {"warmup", required_argument, NULL, WARMUP},
    {"threads", required_argument, NULL, THREADS},
    {"kernels", required_argument, NULL, KERNELS},
    {"json", no_argument, NULL, JSON},
    {"latencies", no_argument, NULL, LATENCIES},
    {"profile", no_argument, NULL, PROFILE},
    {"probe", no_argument, NULL, PROBE},
    {"version", no_argument, NULL, VERSION},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static int32_t parse_number(const char *option, const char *word, int32_t most) {
    char *end;
    errno = 0;
    const long value = strtol(word, &end, 10);
    if (end == word || *end != 0 || errno != 0 || value < 1 || value > most) {
        fail(EXIT_USER, "%s %s: give a number from 1 to %d", option, word, (int)most);
    }
    return (int32_t)value;
}

static double parse_seconds(const char *option, const char *word) {
    char *end;
    const double value = strtod(word, &end);
    if (end == word || *end != 0 || !(value > 0 && value <= SECONDS_MAX)) { /* NaN is not */
        fail(EXIT_USER, "%s %s: give seconds, more than 0 and %d at most", option, word, SECONDS_MAX);
    }
    return value;
}

static void add_file(const char *option, const char *word, const char **files, int32_t *count) {
    if (*count == ARGUMENT_FILES_MAX) {
        fail(EXIT_USER, "%s may be given %d times, not more", option, ARGUMENT_FILES_MAX);
    }
    files[(*count)++] = word;
}

static void parse_option(arguments *parsed, int option, const char *word) {
    switch (option) {
    case INPUT:
        add_file("--input", word, parsed->inputs, &parsed->input_count);
        break;
    case OUTPUT:
        add_file("--output", word, parsed->outputs, &parsed->output_count);
        break;
    case REPEAT:
        parsed->repeat = parse_number("--repeat", word, REPEAT_MAX);
        break;
    case SECONDS:
        parsed->seconds = parse_seconds("--seconds", word);
        break;
    case WARMUP:
        parsed->warmup = parse_seconds("--warmup", word);
        break;
    case THREADS:
        parsed->threads = parse_number("--threads", word, 256);
        break;
    case KERNELS:
        parsed->kernels = word;
        break;
    case JSON:
        parsed->as_json = true;
        break;
    case LATENCIES:
        parsed->latencies = true;
        break;
    case PROFILE:
        parsed->profile = true;
        break;
    case PROBE:
        parsed->probe = true;
        break;
    case VERSION:
        printf("edgequant-run %s\n", eq_version());
        exit(EXIT_SUCCESS);
    case HELP:
        fputs(help, stdout);
        exit(EXIT_SUCCESS);
    case ':':
        fail(EXIT_USER, "%s needs a value: see edgequant-run --help", word);
    default:
        fail(EXIT_USER, "there is no option %s: see edgequant-run --help", word);
    }
}

arguments parse_arguments(int count, char **words) {
    arguments parsed = {.threads = 1};
    for (int option; (option = getopt_long(count, words, ":", options, NULL)) != -1;) {
        parse_option(&parsed, option, option == '?' || option == ':' ? words[optind - 1] : optarg);
    }
    if (parsed.probe) {
        return parsed;
    }
    if (count - optind != 1) {
        fail(EXIT_USER, "give one model: see edgequant-run --help");
    }
    if (parsed.latencies && !parsed.as_json) {
        fail(EXIT_USER, "--latencies goes with --json");
    }
    if (parsed.repeat == 0) {
        parsed.repeat = parsed.seconds > 0 ? REPEAT_MAX : 1;
    }
    parsed.model = words[optind];
    return parsed;
}
