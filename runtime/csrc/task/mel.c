/* Log-mel spectra and cepstral coefficients, in double precision with the engine's own functions: the same bits everywhere.
 *
 *   power spectrum   P[k] = |sum over n of w[n] x[n] e^(-2 pi i k n / fft)|^power, x = sample / 32768, w Hann's periodic window,
 *                    zeros after the window's end
 *   mel scale        "slaney": 3 f / 200 below 1000 Hz, 15 + 27 ln(f / 1000) / ln 6.4 above (M. Slaney, Auditory Toolbox, 1998);
 *                    "htk": 2595 log10(1 + f / 700) (S. Young et al., The HTK Book)
 *   bands            triangles between points at equal steps of mel; "norm": "slaney" divides by half their width in Hz
 *   log              "db": 10 log10(max(floor, S)), "ln": ln(max(floor, S))
 *   coefficients     c[i] = s(i) sum over b of S[b] cos(pi i (b + 1/2) / bands), s(0) = sqrt(1 / bands), s(i) = sqrt(2 / bands)
 *
 * "tensorflow" is the scale of "htk" with what else tf.signal does otherwise: triangles are straight over mel, not over Hz, and 0 Hz
 * is in none; the floor is added, ln(S + floor); and s(0) is that of the other coefficients.
 *
 * The others are librosa's feature.melspectrogram(center=False), power_to_db(top_db=None) and feature.mfcc. */
#include <math.h>
#include <string.h>

#include "arithmetic/fft.h"
#include "arithmetic/portable_math.h"
#include "task.h"

typedef struct band {
    int32_t first, count, weights; /* frequencies; the place of the first weight */
} band;

static const double ln_10 = 2.30258509299404568402;

struct eq_mel_features {
    const eq_audio_input *audio;
    double *window;       /* (window), over 32768 */
    eq_complex *factors;  /* (fft / 2) */
    eq_complex *spectrum; /* (fft / 2 + 1) */
    double *power;        /* (fft / 2 + 1) */
    band *bands;
    double *weights;
    double *logs;    /* (bands) */
    double *cosines; /* (coefficients, bands) */
};

static double mel_of(int32_t scale, double hz) {
    if (scale != EQ_MEL_SLANEY) {
        return 2595 * eq_log(1 + hz / 700) / ln_10;
    }
    return hz < 1000 ? 3 * hz / 200 : 15 + 27 * eq_log(hz / 1000) / eq_log(6.4);
}

static double hz_of(int32_t scale, double mel) {
    if (scale != EQ_MEL_SLANEY) {
        return 700 * eq_exp_minus_1(mel * ln_10 / 2595);
    }
    return mel < 15 ? 200 * mel / 3 : 1000 * eq_exp((mel - 15) * eq_log(6.4) / 27);
}

/* Triangles over the frequencies k * rate / fft. `weights` NULL: only count them. */
static int32_t fill_bands(const eq_audio_input *audio, band *bands, double *weights) {
    const double high = audio->high_hz > 0 ? (double)audio->high_hz : audio->rate / 2.0;
    const double low_mel = mel_of(audio->mel, (double)audio->low_hz),
                 step = (mel_of(audio->mel, high) - low_mel) / (audio->bands + 1);
    const bool is_over_mel = audio->mel == EQ_MEL_TENSORFLOW;
    int32_t total = 0;
    for (int32_t b = 0; b < audio->bands; b++) {
        const double left = hz_of(audio->mel, low_mel + b * step), middle = hz_of(audio->mel, low_mel + (b + 1) * step);
        const double right = hz_of(audio->mel, low_mel + (b + 2) * step);
        const double height = audio->is_area_normal ? 2 / (right - left) : 1;
        bands[b] = (band){.weights = total};
        for (int32_t k = is_over_mel; k <= audio->fft / 2; k++) {
            const double hz = (double)k * audio->rate / audio->fft;
            double rise = (hz - left) / (middle - left), fall = (right - hz) / (right - middle);
            if (is_over_mel) {
                const double steps = (mel_of(audio->mel, hz) - low_mel) / step - b; /* from the band's left edge */
                rise = steps;
                fall = 2 - steps;
            }
            const double weight = rise < fall ? rise : fall;
            if (!(weight > 0)) {
                continue;
            }
            bands[b].first = bands[b].count == 0 ? k : bands[b].first;
            bands[b].count++;
            if (weights != NULL) {
                weights[total] = weight * height;
            }
            total++;
        }
    }
    return total;
}

eq_mel_features *eq_mel_make(const eq_audio_input *audio, eq_memory_block **memory) {
    eq_mel_features *mel = eq_memory_take(memory, sizeof *mel);
    if (mel == NULL) {
        return NULL;
    }
    const size_t frequencies = (size_t)audio->fft / 2 + 1, coefficients = (size_t)audio->coefficients;
    mel->audio = audio;
    mel->window = eq_memory_take(memory, (size_t)audio->window * sizeof *mel->window);
    mel->factors = eq_memory_take(memory, frequencies * sizeof *mel->factors);
    mel->spectrum = eq_memory_take(memory, frequencies * sizeof *mel->spectrum);
    mel->power = eq_memory_take(memory, frequencies * sizeof *mel->power);
    mel->bands = eq_memory_take(memory, (size_t)audio->bands * sizeof *mel->bands);
    mel->logs = eq_memory_take(memory, (size_t)audio->bands * sizeof *mel->logs);
    mel->cosines = eq_memory_take(memory, coefficients * (size_t)audio->bands * sizeof *mel->cosines);
    if (mel->window == NULL || mel->factors == NULL || mel->spectrum == NULL || mel->power == NULL || mel->bands == NULL ||
        mel->logs == NULL || mel->cosines == NULL) {
        return NULL;
    }
    mel->weights = eq_memory_take(memory, (size_t)fill_bands(audio, mel->bands, NULL) * sizeof *mel->weights);
    if (mel->weights == NULL) {
        return NULL;
    }
    fill_bands(audio, mel->bands, mel->weights);
    eq_fft_factors(audio->fft, mel->factors);
    const bool is_even = audio->mel == EQ_MEL_TENSORFLOW;
    double cosine, sine;
    for (int32_t n = 0; n < audio->window; n++) {
        eq_turn(n, audio->window, &cosine, &sine);
        mel->window[n] = (0.5 - 0.5 * cosine) / 32768;
    }
    for (int32_t i = 0; i < audio->coefficients; i++) {
        for (int32_t b = 0; b < audio->bands; b++) {
            const int32_t turns = 4 * audio->bands; /* i (b + 1/2) / bands of half a turn */
            eq_turn(i * (2 * b + 1) % turns, turns, &cosine, &sine);
            mel->cosines[(size_t)i * (size_t)audio->bands + (size_t)b] =
                cosine * sqrt((i == 0 && !is_even ? 1.0 : 2.0) / audio->bands);
        }
    }
    return mel;
}

static void compute_power(eq_mel_features *mel, const int16_t *samples) {
    const eq_audio_input *audio = mel->audio;
    memset(mel->spectrum, 0, ((size_t)audio->fft / 2 + 1) * sizeof *mel->spectrum);
    for (int32_t n = 0; n < audio->window; n++) {
        const double value = samples[n] * mel->window[n];
        if (n % 2 == 0) {
            mel->spectrum[n / 2].real = value;
        } else {
            mel->spectrum[n / 2].imaginary = value;
        }
    }
    eq_fft_real(mel->spectrum, audio->fft, mel->factors);
    for (int32_t k = 0; k <= audio->fft / 2; k++) {
        const eq_complex c = mel->spectrum[k];
        const double square = c.real * c.real + c.imaginary * c.imaginary;
        mel->power[k] = audio->power == 1 ? sqrt(square) : square;
    }
}

static double log_of(const eq_audio_input *audio, double value) {
    if (audio->log == EQ_LOG_NONE) {
        return value;
    }
    const double floor = (double)audio->floor;
    const double log = eq_log(audio->mel == EQ_MEL_TENSORFLOW ? value + floor : value > floor ? value : floor);
    return audio->log == EQ_LOG_DB ? 10 * log / ln_10 : log;
}

void eq_mel_frame(eq_mel_features *mel, const int16_t *samples, float *row) {
    const eq_audio_input *audio = mel->audio;
    compute_power(mel, samples);
    for (int32_t b = 0; b < audio->bands; b++) {
        const band *one = &mel->bands[b];
        double sum = 0;
        for (int32_t k = 0; k < one->count; k++) {
            sum += mel->weights[one->weights + k] * mel->power[one->first + k];
        }
        mel->logs[b] = log_of(audio, sum);
    }
    if (audio->features == EQ_LOG_MEL) {
        for (int32_t b = 0; b < audio->bands; b++) {
            row[b] = (float)mel->logs[b];
        }
        return;
    }
    const double *cosine = mel->cosines;
    for (int32_t i = 0; i < audio->coefficients; i++) {
        double sum = 0;
        for (int32_t b = 0; b < audio->bands; b++) {
            sum += mel->logs[b] * *cosine++;
        }
        row[i] = (float)sum;
    }
}
