/* WAV files: RIFF chunks, of which "fmt " says what a sample is and "data" holds them. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "edgequant_task.h"

enum {
    RIFF_BYTES = 12,
    CHUNK_BYTES = 8,
    FORMAT_BYTES = 16,
    EXTENSIBLE_BYTES = 26,
    HEADER_MOST = 65536,
    PCM = 1,
    IEEE_FLOAT = 3,
    EXTENSIBLE = 0xfffe,
    UNKNOWN_FROM = 0x7fff0000, /* what programs write that do not know: this or more, or 0 */
    CHANNELS_MOST = 64,
    RATE_MOST = 768000,
};

static uint32_t number_at(const uint8_t *bytes, int count) {
    uint32_t number = 0;
    for (int i = 0; i < count; i++) {
        number |= (uint32_t)bytes[i] << (8 * i);
    }
    return number;
}

static eq_status read_format(const uint8_t *chunk, size_t bytes, eq_sound *sound, eq_error *error) {
    if (bytes < FORMAT_BYTES) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "it is a damaged WAV file: its format has %zu bytes", bytes);
    }
    uint32_t kind = number_at(chunk, 2);
    if (kind == EXTENSIBLE && bytes >= EXTENSIBLE_BYTES) {
        kind = number_at(chunk + 24, 2); /* the first bytes of a GUID */
    }
    const uint32_t channels = number_at(chunk + 2, 2), rate = number_at(chunk + 4, 4), bits = number_at(chunk + 14, 2);
    const bool is_known =
        (kind == PCM && (bits == 8 || bits == 16 || bits == 24 || bits == 32)) || (kind == IEEE_FLOAT && bits == 32);
    if (!is_known) {
        return eq_fail(
            error, EQ_ERROR_ARGUMENT,
            "it is a WAV file of format %u with %u bits: only integers of 8, 16, 24 and 32 bits and float32 are read",
            (unsigned)kind, (unsigned)bits);
    }
    if (channels < 1 || channels > CHANNELS_MOST || rate < 1 || rate > RATE_MOST) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "it is a damaged WAV file: %u channels at %u Hz", (unsigned)channels,
                       (unsigned)rate);
    }
    sound->channels = (int32_t)channels;
    sound->rate = (int32_t)rate;
    sound->bits = kind == IEEE_FLOAT ? -32 : (int32_t)bits;
    return EQ_OK;
}

eq_status eq_sound_read_wav(const void *bytes, size_t size, eq_sound *sound, eq_error *error) {
    const uint8_t *file = bytes;
    *sound = (eq_sound){0};
    const size_t known = size < RIFF_BYTES ? size : RIFF_BYTES;
    if (memcmp(file, "RIFF", known < 4 ? known : 4) != 0 || (known == RIFF_BYTES && memcmp(file + 8, "WAVE", 4) != 0)) {
        return eq_fail(error, EQ_ERROR_ARGUMENT,
                       "it is no WAV file: record with 'arecord -f S16_LE -r RATE clip.wav', or convert it");
    }
    for (size_t at = RIFF_BYTES; at + CHUNK_BYTES <= size;) {
        const size_t length = number_at(file + at + 4, 4), begin = at + CHUNK_BYTES, left = size - begin;
        if (memcmp(file + at, "data", 4) == 0) {
            if (sound->rate == 0) {
                return eq_fail(error, EQ_ERROR_ARGUMENT, "it is a damaged WAV file: its samples come before their format");
            }
            sound->data = file + begin;
            sound->offset = begin;
            sound->declared = length < UNKNOWN_FROM ? length : 0;
            sound->bytes = sound->declared > 0 && length < left ? length : left;
            return EQ_OK;
        }
        if (memcmp(file + at, "fmt ", 4) == 0 && length <= left) {
            const eq_status status = read_format(file + begin, length, sound, error);
            if (status != EQ_OK) {
                return status;
            }
        }
        if (length > left || begin + length + length % 2 > size) {
            break;
        }
        at = begin + length + length % 2;
    }
    return size < HEADER_MOST ? EQ_OK
                              : eq_fail(error, EQ_ERROR_ARGUMENT, "it is a WAV file without samples in its first 64 KiB");
}

/* In units of 1/32768, to nearest; more than int16 holds is cut off. */
static int32_t value_at(const uint8_t *bytes, int32_t bits) {
    if (bits == 8) {
        return (bytes[0] - 128) * 256;
    }
    if (bits == -32) {
        float value;
        const uint32_t number = number_at(bytes, 4);
        memcpy(&value, &number, sizeof value);
        value *= 32768;
        return value >= 32767 ? 32767 : value <= -32768 ? -32768 : value == value ? (int32_t)floorf(value + 0.5f) : 0;
    }
    /* The top 16 bits, and the next to round by. */
    const int32_t top = (int16_t)(uint16_t)number_at(bytes + bits / 8 - 2, 2);
    const int32_t rounded = top + (bits > 16 ? bytes[bits / 8 - 3] >> 7 : 0);
    return rounded < INT16_MAX ? rounded : INT16_MAX;
}

void eq_sound_to_int16(const eq_sound *sound, const uint8_t *data, size_t count, int16_t *samples) {
    const size_t bytes = (size_t)(sound->bits < 0 ? 4 : sound->bits / 8);
    for (size_t i = 0; i < count; i++) {
        int32_t sum = 0;
        for (int32_t c = 0; c < sound->channels; c++, data += bytes) {
            sum += value_at(data, sound->bits);
        }
        samples[i] = (int16_t)(sum / sound->channels);
    }
}
