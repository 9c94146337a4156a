/* Sound of one rate as sound of another: a sinc under Blackman's window, sampled anew for each place that an output can have between
 * two inputs. Weights are integers and sums are exact, so that every CPU gives the same bits.
 *
 *   y[j] = sum over i of x[i] h(i - t), t = j from / to, h(d) = c sin(pi c d) / (pi c d) (0.42 + 0.5 cos(pi d / half) + 0.08 cos(2 pi d / half))
 *   c = 0.95 min(1, to / from), half = 32 max(1, from / to), h of each t scaled to a sum of 1
 *
 * What is above 52 % of the lower rate is 70 dB down or more, what is under 43 % stays as it is, to 0.02 dB. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arithmetic/portable_math.h"
#include "base/memory.h"
#include "edgequant_task.h"
#include "task.h"

enum { CROSSINGS = 32, UNITY_BITS = 24, WEIGHTS_MOST = 1 << 18, BLOCK = 4096, RATE_MOST = 768000 };

struct eq_resampler {
    eq_memory_block *memory;
    int32_t up, down, taps; /* up / down outputs for an input */
    int32_t *weights;       /* (up, taps), 1 is 2^UNITY_BITS */
    int16_t *samples;       /* (taps + BLOCK) inputs, `filled` of them */
    size_t filled, begin;   /* `begin`: where the next output's window begins; may be past the end */
    int32_t phase;          /* of the next output, 0 to up - 1, between two inputs */
    uint64_t taken, centre; /* inputs so far; the input at or before the next output */
    bool has_ended;
};

static int32_t common_divisor(int32_t a, int32_t b) {
    while (b != 0) {
        const int32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static double weight_at(double distance, double share, double half) {
    static const double pi = 3.14159265358979323846;
    double sine, cosine, unused;
    const double part = distance / half;
    if (!(part > -1 && part < 1)) {
        return 0;
    }
    eq_sine_cosine(pi * part, &unused, &cosine);
    eq_sine_cosine(pi * share * distance, &sine, &unused);
    const double window = 0.42 + 0.5 * cosine + 0.08 * (2 * cosine * cosine - 1);
    return (distance == 0 ? share : sine / (pi * distance)) * window;
}

/* (taps) weights of outputs that are `phase` / up past an input. */
static void fill_weights(const eq_resampler *r, int32_t phase, double half, double *row, int32_t *weights) {
    const double share = 0.95 * (r->up < r->down ? (double)r->up / r->down : 1);
    double sum = 0;
    for (int32_t k = 0; k < r->taps; k++) {
        row[k] = weight_at(k - r->taps / 2 + 1 - (double)phase / r->up, share, half);
        sum += row[k];
    }
    for (int32_t k = 0; k < r->taps; k++) {
        weights[k] = (int32_t)floor(row[k] / sum * (1 << UNITY_BITS) + 0.5);
    }
}

static eq_status open_resampler(eq_resampler *r, int32_t from, int32_t to, eq_error *error) {
    const int32_t divisor = common_divisor(from, to);
    r->up = to / divisor;
    r->down = from / divisor;
    const double half = r->up < r->down ? (double)CROSSINGS * r->down / r->up : CROSSINGS;
    r->taps = 2 * (int32_t)ceil(half);
    if ((int64_t)r->up * r->taps > WEIGHTS_MOST) {
        return eq_fail(error, EQ_ERROR_LIMIT,
                       "it has %d samples a second, which have no simple ratio to the %d that are wanted: convert it, as by "
                       "'ffmpeg -i clip.wav -ar %d converted.wav'",
                       (int)from, (int)to, (int)to);
    }
    r->weights = eq_memory_take(&r->memory, (size_t)r->up * (size_t)r->taps * sizeof *r->weights);
    r->samples = eq_memory_take(&r->memory, ((size_t)r->taps + BLOCK) * sizeof *r->samples);
    double *row = malloc((size_t)r->taps * sizeof *row);
    if (r->weights == NULL || r->samples == NULL || row == NULL) {
        free(row);
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory to change the rate of a sound");
    }
    for (int32_t phase = 0; phase < r->up; phase++) {
        fill_weights(r, phase, half, row, r->weights + (ptrdiff_t)phase * r->taps);
    }
    free(row);
    r->filled = (size_t)r->taps / 2 - 1; /* silence before the first sample */
    return EQ_OK;
}

eq_status eq_resampler_open(int32_t from, int32_t to, eq_resampler **resampler, eq_error *error) {
    *resampler = NULL;
    if (from < 1 || to < 1 || from > RATE_MOST || to > RATE_MOST) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "a sound has 1 to %d samples a second", RATE_MOST);
    }
    eq_resampler *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory to change the rate of a sound");
    }
    const eq_status status = open_resampler(r, from, to, error);
    if (status != EQ_OK) {
        eq_resampler_close(r);
        return status;
    }
    *resampler = r;
    return EQ_OK;
}

void eq_resampler_close(eq_resampler *resampler) {
    if (resampler != NULL) {
        eq_memory_free(&resampler->memory);
        free(resampler);
    }
}

static int16_t output_of(const eq_resampler *r) {
    const int16_t *samples = r->samples + r->begin;
    const int32_t *weights = r->weights + (ptrdiff_t)r->phase * r->taps;
    int64_t sum = 1 << (UNITY_BITS - 1);
    for (int32_t k = 0; k < r->taps; k++) {
        sum += (int64_t)samples[k] * weights[k];
    }
    sum >>= UNITY_BITS;
    return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

static void advance(eq_resampler *r) {
    const int32_t phase = r->phase + r->down, whole = phase / r->up;
    r->phase = phase % r->up;
    r->begin += (size_t)whole;
    r->centre += (uint64_t)whole;
}

/* Inputs that no output needs any more go; returns how many of `count` had room. */
static size_t refill(eq_resampler *r, const int16_t *samples, size_t count) {
    const size_t gone = r->begin < r->filled ? r->begin : r->filled, room = (size_t)r->taps + BLOCK;
    memmove(r->samples, r->samples + gone, (r->filled - gone) * sizeof *r->samples);
    r->filled -= gone;
    r->begin -= gone;
    const size_t taken = count < room - r->filled ? count : room - r->filled;
    if (samples != NULL) {
        memcpy(r->samples + r->filled, samples, taken * sizeof *samples);
    } else {
        memset(r->samples + r->filled, 0, taken * sizeof *samples);
    }
    r->filled += taken;
    return taken;
}

size_t eq_resampler_run(eq_resampler *r, const int16_t *samples, size_t count, size_t *used, int16_t *to, size_t room) {
    size_t made = 0;
    *used = 0;
    r->has_ended |= samples == NULL;
    while (made < room && !(r->has_ended && r->centre >= r->taken)) {
        if (r->begin + (size_t)r->taps <= r->filled) {
            to[made++] = output_of(r);
            advance(r);
            continue;
        }
        if (!r->has_ended && *used == count) {
            break;
        }
        const size_t taken = refill(r, r->has_ended ? NULL : samples + *used, r->has_ended ? (size_t)r->taps : count - *used);
        *used += r->has_ended ? 0 : taken;
        r->taken += r->has_ended ? 0 : taken;
    }
    return made;
}
