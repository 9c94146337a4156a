#include "json.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

void json_string(const char *text) {
    putchar('"');
    for (size_t left = strlen(text), bytes; left > 0; text += bytes, left -= bytes) {
        const unsigned char c = (unsigned char)*text;
        bytes = eq_utf8_bytes(text, left);
        if (bytes == 0) { /* a control character, or a byte of a path that is no text */
            bytes = 1;
            printf("\\u%04x", c < 0x80 ? c : 0xfffdu);
        } else if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else {
            fwrite(text, 1, bytes, stdout);
        }
    }
    putchar('"');
}
