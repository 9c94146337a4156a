/* The micro frontend of TensorFlow Lite Micro: window, transform, filter bank, noise reduction, gain control and logarithm, all in
 * integers, with the settings of its micro_speech example and of ESPHome's wake words. (tflite-micro,
 * tensorflow/lite/experimental/microfrontend; examples/micro_speech/audio_preprocessor.py) */
#include <math.h>
#include <string.h>

#include "arithmetic/portable_math.h"
#include "arithmetic/spectrum.h"
#include "task.h"

enum {
    WINDOW_BITS = 12,
    WEIGHT_BITS = 12,
    NOISE_BITS = 14,
    SMOOTHING_BITS = 10,
    GAIN_BITS = 21,
    LOG_SCALE = 64,
    OUT_SCALE = 666
};

static const double gain_strength = 0.95, gain_offset = 80, even_smoothing = 0.025, odd_smoothing = 0.06, least_signal = 0.05;

struct eq_micro_frontend {
    const eq_audio_input *audio;
    int16_t *window, *samples;               /* (fft), (fft) */
    eq_complex_s16 *factors, *work, *output; /* (fft), (fft), (fft / 2 + 1) */
    uint32_t *energies;                      /* (fft / 2 + 1) */
    int16_t *weights[2], *lists[3];
    uint64_t *sums;           /* (bands) */
    uint32_t *signal, *noise; /* (bands) */
    eq_filter_bank bank;
    eq_noise_filter filter;
    eq_log_table log;
    int16_t gains[EQ_GAIN_VALUES];
    int32_t correction_bits;
    bool is_in_bytes;
};

/* In float32 as there, where a frequency on the edge of a band decides by its last bit. */
static float mel_of(float hz) {
    return (float)(1127.0 * eq_log(1 + (double)hz / 700.0));
}

/* Cut off, as audio_preprocessor.py does it; the older C library of that frontend rounds. */
static int16_t fixed(double value) {
    return (int16_t)(value * (1 << WEIGHT_BITS));
}

/* Triangles that meet: a frequency has a weight for its band and the rest of 1 for the next. */
static void fill_bank(eq_micro_frontend *micro) {
    const eq_audio_input *audio = micro->audio;
    const int32_t frequencies = audio->fft / 2 + 1;
    const float low = mel_of(audio->low_hz), high = mel_of(audio->high_hz), step = (high - low) / (float)(audio->bands + 1);
    const float hz = 0.5f * (float)audio->rate / ((float)frequencies - 1);
    int32_t k = (int32_t)(1.5f + audio->low_hz / hz), weight = 0;
    for (int32_t band = 0; band <= audio->bands; band++) {
        const float centre = low + step * (float)(band + 1), before = band == 0 ? low : low + step * (float)band;
        micro->lists[0][band] = (int16_t)k;
        micro->lists[1][band] = (int16_t)weight;
        for (; k < frequencies && mel_of((float)k * hz) <= centre; k++, weight++) {
            const float share = (centre - mel_of((float)k * hz)) / (centre - before);
            micro->weights[0][weight] = fixed((double)share);
            micro->weights[1][weight] = fixed(1 - (double)share);
        }
        micro->lists[2][band] = (int16_t)(weight - micro->lists[1][band]);
    }
    micro->bank =
        (eq_filter_bank){audio->bands, micro->weights[0], micro->weights[1], micro->lists[0], micro->lists[1], micro->lists[2]};
}

static int32_t gain_at(int32_t input_bits, uint32_t x) {
    const double noise = (double)x / (double)(UINT32_C(1) << input_bits);
    const double gain = (double)(1 << GAIN_BITS) * eq_exp(-gain_strength * eq_log(noise + gain_offset));
    return gain > INT16_MAX ? INT16_MAX : (int32_t)(gain + 0.5);
}

/* A parabola through the gains at the begin, the middle and the end of each power of two. */
static void fill_gains(eq_micro_frontend *micro) {
    const int32_t bits = SMOOTHING_BITS - micro->correction_bits;
    micro->gains[0] = (int16_t)gain_at(bits, 0);
    micro->gains[1] = (int16_t)gain_at(bits, 1);
    for (int32_t interval = 2; interval <= 32; interval++) {
        const uint32_t begin = UINT32_C(1) << (interval - 1), middle = begin + (begin >> 1);
        const uint32_t end = interval == 32 ? begin + (begin - 1) : 2 * begin;
        const int32_t y = gain_at(bits, begin), half = gain_at(bits, middle) - y, whole = gain_at(bits, end) - y;
        int16_t *part = micro->gains + 4 * interval - 6;
        part[0] = (int16_t)y;
        part[1] = (int16_t)(4 * half - whole);
        part[2] = (int16_t)(2 * whole - 4 * half);
    }
}

static bool take_memory(eq_micro_frontend *micro, eq_memory_block **memory) {
    const size_t fft = (size_t)micro->audio->fft, bands = (size_t)micro->audio->bands + 1;
    for (int32_t i = 0; i < 2; i++) {
        micro->weights[i] = eq_memory_take(memory, fft * sizeof(int16_t));
        if (micro->weights[i] == NULL) {
            return false;
        }
    }
    for (int32_t i = 0; i < 3; i++) {
        micro->lists[i] = eq_memory_take(memory, bands * sizeof(int16_t));
        if (micro->lists[i] == NULL) {
            return false;
        }
    }
    micro->window = eq_memory_take(memory, fft * sizeof *micro->window);
    micro->samples = eq_memory_take(memory, fft * sizeof *micro->samples);
    micro->factors = eq_memory_take(memory, fft * sizeof *micro->factors);
    micro->work = eq_memory_take(memory, fft * sizeof *micro->work);
    micro->output = eq_memory_take(memory, fft * sizeof *micro->output);
    micro->energies = eq_memory_take(memory, fft * sizeof *micro->energies);
    micro->sums = eq_memory_take(memory, bands * sizeof *micro->sums);
    micro->signal = eq_memory_take(memory, bands * sizeof *micro->signal);
    micro->noise = eq_memory_take(memory, bands * sizeof *micro->noise);
    return micro->window != NULL && micro->samples != NULL && micro->factors != NULL && micro->work != NULL &&
           micro->output != NULL && micro->energies != NULL && micro->sums != NULL && micro->signal != NULL &&
           micro->noise != NULL;
}

static int32_t log2_of(int32_t power_of_two) {
    int32_t bits = 0;
    for (; power_of_two > 1; power_of_two /= 2) {
        bits++;
    }
    return bits;
}

eq_micro_frontend *eq_micro_make(const eq_audio_input *audio, bool is_in_bytes, eq_memory_block **memory) {
    eq_micro_frontend *micro = eq_memory_take(memory, sizeof *micro);
    if (micro == NULL) {
        return NULL;
    }
    micro->audio = audio;
    micro->is_in_bytes = is_in_bytes;
    if (!take_memory(micro, memory)) {
        return NULL;
    }
    for (int32_t n = 0; n < audio->window; n++) {
        double cosine, sine;
        eq_turn(2 * n + 1, 2 * audio->window, &cosine, &sine);
        micro->window[n] = (int16_t)floor((0.5 - 0.5 * cosine) * (1 << WINDOW_BITS) + 0.5);
    }
    eq_fft_s16_factors(audio->fft, false, micro->factors);
    fill_bank(micro);
    micro->correction_bits = log2_of(audio->fft) - WEIGHT_BITS / 2;
    micro->correction_bits = micro->correction_bits > 0 ? micro->correction_bits : 0;
    fill_gains(micro);
    const uint32_t one = 1 << NOISE_BITS, even = (uint32_t)(even_smoothing * one), odd = (uint32_t)(odd_smoothing * one);
    micro->filter = (eq_noise_filter){.channels = audio->bands,
                                      .smoothing_bits = SMOOTHING_BITS,
                                      .bits = NOISE_BITS,
                                      .smoothing = {even, odd},
                                      .rest = {one - even, one - odd},
                                      .remaining = (uint32_t)(least_signal * one)};
    micro->log = (eq_log_table){.scale = LOG_SCALE, .bits = micro->correction_bits};
    eq_log_table_fill(&micro->log);
    return micro;
}

void eq_micro_reset(eq_micro_frontend *micro) {
    memset(micro->noise, 0, (size_t)micro->audio->bands * sizeof *micro->noise);
}

/* In units of 1/25.6, or for inputs of 8 bits the byte that micro_speech and ESPHome make of it, 255 of which are 26. */
static float value_of(const eq_micro_frontend *micro, int32_t log) {
    if (!micro->is_in_bytes) {
        return (float)log / 25.6f;
    }
    const int32_t byte = (log * 256 + OUT_SCALE / 2) / OUT_SCALE;
    return (float)(byte < 255 ? byte : 255) * 26 / 255;
}

void eq_micro_frame(eq_micro_frontend *micro, const int16_t *samples, float *row) {
    const eq_audio_input *audio = micro->audio;
    eq_window_s16(samples, micro->window, audio->window, WINDOW_BITS, micro->samples);
    memset(micro->samples + audio->window, 0, (size_t)(audio->fft - audio->window) * sizeof *micro->samples);
    const int32_t bits = eq_free_bits(micro->samples, audio->window);
    for (int32_t n = 0; n < audio->window; n++) {
        micro->samples[n] = (int16_t)(micro->samples[n] * (1 << bits));
    }
    eq_fft_s16_forward(micro->samples, audio->fft, micro->factors, micro->work, micro->output);
    for (int32_t k = 0; k <= audio->fft / 2; k++) {
        micro->energies[k] = eq_energy_s16(micro->output[k]);
    }
    eq_filter_bank_sums(&micro->bank, micro->energies, micro->sums);
    for (int32_t b = 0; b < audio->bands; b++) {
        micro->signal[b] = eq_root_of(micro->sums[b]) >> bits;
    }
    eq_subtract_noise(&micro->filter, micro->signal, micro->noise, micro->signal);
    const int32_t shift = GAIN_BITS - micro->correction_bits - EQ_RATIO_BITS;
    for (int32_t b = 0; b < audio->bands; b++) {
        const uint32_t louder = eq_pcan_value(micro->signal[b], micro->noise[b], micro->gains, shift);
        row[b] = value_of(micro, eq_log_value(&micro->log, louder));
    }
}
