#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "failure.h"

char *json_quoted(const char *text) {
    char *quoted = malloc(6 * strlen(text) + 3), *to = quoted;
    if (quoted == NULL) {
        fail(EXIT_SYSTEM, "there is no memory for a text");
    }
    *to++ = '"';
    for (size_t left = strlen(text), bytes; left > 0; text += bytes, left -= bytes) {
        const unsigned char c = (unsigned char)*text;
        bytes = eq_utf8_bytes(text, left);
        if (bytes == 0) { /* a control character, or a byte of a path that is no text */
            bytes = 1;
            to += sprintf(to, "\\u%04x", c < 0x80 ? c : 0xfffdu);
        } else if (c == '"' || c == '\\') {
            *to++ = '\\';
            *to++ = (char)c;
        } else {
            memcpy(to, text, bytes);
            to += bytes;
        }
    }
    *to++ = '"';
    *to = 0;
    return quoted;
}

void json_string(const char *text) {
    char *quoted = json_quoted(text);
    fputs(quoted, stdout);
    free(quoted);
}
