#include "utf8.h"

#include <stdint.h>
#include <string.h>

size_t eq_utf8_bytes(const char *text, size_t length) {
    const uint8_t *byte = (const uint8_t *)text;
    if (byte[0] < 0x80) {
        return byte[0] >= 0x20 && byte[0] != 0x7F;
    }
    const size_t bytes = byte[0] >= 0xF0 ? 4 : byte[0] >= 0xE0 ? 3 : 2;
    if (byte[0] < 0xC2 || byte[0] > 0xF4 || bytes > length) {
        return 0;
    }
    for (size_t i = 1; i < bytes; i++) {
        if ((byte[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    if ((byte[0] == 0xE0 && byte[1] < 0xA0) || (byte[0] == 0xED && byte[1] > 0x9F)) {
        return 0;
    }
    if ((byte[0] == 0xF0 && byte[1] < 0x90) || (byte[0] == 0xF4 && byte[1] > 0x8F)) {
        return 0;
    }
    return byte[0] == 0xC2 && byte[1] < 0xA0 ? 0 : bytes;
}

void eq_utf8_copy(char *to, size_t capacity, const char *text, size_t length) {
    size_t copied = 0;
    for (size_t i = 0; i < length;) {
        const size_t found = eq_utf8_bytes(text + i, length - i), bytes = found != 0 ? found : 1;
        if (bytes >= capacity - copied) {
            break;
        }
        if (found != 0) {
            memcpy(to + copied, text + i, bytes);
        } else {
            to[copied] = '?';
        }
        copied += bytes;
        i += bytes;
    }
    to[copied] = '\0';
}
