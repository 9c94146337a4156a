#include "arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgequant.h"
#include "failure.h"

static const char help[] =
    "Usage: edgequant-run MODEL [OPTION]...\n"
    "       edgequant-run --probe\n"
    "\n"
    "Run a .tflite model, and print answers for what is given, or how long it took and the SHA-256 of its outputs.\n"
    "\n"
    "Answers; everything that no task says is inferred from the model:\n"
    "  --image FILE.ppm    answer for a picture, PPM or PGM; may be given several times\n"
    "  --frames WxH:FORMAT answer for each frame on standard input; rgb, bgr, grey, yuv420, nv12, yuv420-full, nv12-full\n"
    "  --drop              pass over frames that come while one is being answered; without: answer all, in their order\n"
    "  --audio FILE.wav    answer for a sound, as often as there is something new; -: a WAV file or int16 on standard input\n"
    "  --lines FILE.csv    answer for lines of numbers; -: those on standard input\n"
    "  --task FILE.json    what the model takes and gives; docs/task.md describes it\n"
    "  --labels FILE.txt   names of its classes, one a line\n"
    "  --top N             print the N best at most\n"
    "  --json              print an object a line\n"
    "\n"
    "Outputs:\n"
    "  --input FILE.npy    an input; once for each, in the model's order. Without: seeded values, the same everywhere\n"
    "  --output FILE.npy   where to write an output; once for each, in the model's order\n"
    "  --repeat N          run N inferences on the same inputs (1)\n"
    "  --seconds S         start no inference after S seconds; as many as fit, or --repeat N of them at most\n"
    "  --warmup S          first run inferences for S seconds that are not counted\n"
    "  --signature NAME    run the graph that the file has under this name, and not its first\n"
    "  --threads N         threads of one inference, 1 to 256 (1); results do not depend on it\n"
    "  --kernels NAME      use these kernels and not the best that this CPU runs; --probe names them\n"
    "  --precision P       what layers of floats compute with: float32, or float16 where the CPU has it (Raspberry Pi 5)\n"
    "  --json              print the results as JSON\n"
    "  --latencies         add the latency of each inference to the JSON\n"
    "  --profile           print what each step costs\n"
    "  --probe             print the CPU, the memory and the speed in int8 and float32 as JSON\n"
    "  --version, --help\n"
    "\n"
    "Exit code 0: done; 1: the system had no memory, thread or disk space; 2: an argument, file or model is wrong.\n";

enum {
    INPUT = 256,
    OUTPUT,
    REPEAT,
    SECONDS,
    WARMUP,
    SIGNATURE,
    THREADS,
    KERNELS,
    PRECISION,
    JSON,
    LATENCIES,
    PROFILE,
    PROBE,
    VERSION,
    HELP,
    TASK,
    LABELS,
    IMAGE,
    FRAMES,
    DROP,
    AUDIO,
    LINES,
    TOP
};
enum { REPEAT_MAX = 1000000, SECONDS_MAX = 86400, TOP_MAX = 1000 };

static const struct option options[] = {
    {"input", required_argument, NULL, INPUT},
    {"output", required_argument, NULL, OUTPUT},
    {"repeat", required_argument, NULL, REPEAT},
    {"seconds", required_argument, NULL, SECONDS},
    {"warmup", required_argument, NULL, WARMUP},
    {"signature", required_argument, NULL, SIGNATURE},
    {"threads", required_argument, NULL, THREADS},
    {"kernels", required_argument, NULL, KERNELS},
    {"precision", required_argument, NULL, PRECISION},
    {"json", no_argument, NULL, JSON},
    {"latencies", no_argument, NULL, LATENCIES},
    {"profile", no_argument, NULL, PROFILE},
    {"probe", no_argument, NULL, PROBE},
    {"task", required_argument, NULL, TASK},
    {"labels", required_argument, NULL, LABELS},
    {"image", required_argument, NULL, IMAGE},
    {"frames", required_argument, NULL, FRAMES},
    {"drop", no_argument, NULL, DROP},
    {"audio", required_argument, NULL, AUDIO},
    {"lines", required_argument, NULL, LINES},
    {"top", required_argument, NULL, TOP},
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

static int32_t parse_precision(const char *word) {
    const bool is_float16 = strcmp(word, "float16") == 0;
    if (!is_float16 && strcmp(word, "float32") != 0) {
        fail(EXIT_USER, "--precision %s: give float32 or float16", word);
    }
    return is_float16 ? EQ_PRECISION_FLOAT16 : EQ_PRECISION_FLOAT32;
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
    case SIGNATURE:
        parsed->signature = word;
        break;
    case THREADS:
        parsed->threads = parse_number("--threads", word, 256);
        break;
    case KERNELS:
        parsed->kernels = word;
        break;
    case PRECISION:
        parsed->precision = parse_precision(word);
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
    case TASK:
        parsed->task = word;
        break;
    case LABELS:
        parsed->labels = word;
        break;
    case IMAGE:
        add_file("--image", word, parsed->images, &parsed->image_count);
        break;
    case FRAMES:
        parsed->frames = word;
        break;
    case DROP:
        parsed->drops = true;
        break;
    case AUDIO:
        parsed->audio = word;
        break;
    case LINES:
        parsed->lines = word;
        break;
    case TOP:
        parsed->top = parse_number("--top", word, TOP_MAX);
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

bool asks_for_answers(const arguments *given) {
    return given->image_count > 0 || given->frames != NULL || given->audio != NULL || given->lines != NULL;
}

static void check_answers(const arguments *given) {
    const int sources = (given->image_count > 0) + (given->frames != NULL) + (given->audio != NULL) + (given->lines != NULL);
    if (sources > 1) {
        fail(EXIT_USER, "give one of --image, --frames, --audio and --lines");
    }
    if (sources == 0 && (given->task != NULL || given->labels != NULL || given->top > 0 || given->drops)) {
        fail(EXIT_USER, "--task, --labels, --top and --drop go with --image, --frames, --audio or --lines");
    }
    if (given->drops && given->frames == NULL) {
        fail(EXIT_USER, "--drop goes with --frames");
    }
    const bool asks_for_outputs = given->input_count > 0 || given->output_count > 0 || given->repeat > 0 ||
                                  given->seconds > 0 || given->warmup > 0 || given->latencies || given->profile;
    if (sources > 0 && asks_for_outputs) {
        fail(EXIT_USER, "answers go with --task, --labels, --top, --drop, --threads, --kernels, --precision and --json alone");
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
    check_answers(&parsed);
    if (parsed.repeat == 0) {
        parsed.repeat = parsed.seconds > 0 ? REPEAT_MAX : 1;
    }
    parsed.model = words[optind];
    return parsed;
}
