#include "json_write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static void put(eq_json_text *json, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++, json->length++) {
        if (json->length + 1 < json->capacity) {
            json->text[json->length] = text[i];
        }
    }
}

static void put_word(eq_json_text *json, const char *word) {
    put(json, word, strlen(word));
}

static void put_quoted(eq_json_text *json, const char *text) {
    put_word(json, "\"");
    for (size_t left = strlen(text), bytes; left > 0; text += bytes, left -= bytes) {
        const unsigned char c = (unsigned char)*text;
        char escaped[8];
        bytes = eq_utf8_bytes(text, left);
        if (bytes == 0) { /* a control character, or a byte that is no text */
            bytes = 1;
            put(json, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", c < 0x80 ? c : 0xfffdu));
        } else if (c == '"' || c == '\\') {
            put(json, (const char[]){'\\', (char)c}, 2);
        } else {
            put(json, text, bytes);
        }
    }
    put_word(json, "\"");
}

static void begin(eq_json_text *json, const char *key) {
    if (json->has_members) {
        put_word(json, ", ");
    }
    json->has_members = true;
    if (key != NULL) {
        put_quoted(json, key);
        put_word(json, ": ");
    }
}

void eq_json_open(eq_json_text *json, const char *key, char bracket) {
    begin(json, key);
    put(json, &bracket, 1);
    json->has_members = false;
}

void eq_json_close(eq_json_text *json, char bracket) {
    put(json, &bracket, 1);
    json->has_members = true;
}

void eq_json_put_string(eq_json_text *json, const char *key, const char *value) {
    begin(json, key);
    if (value != NULL) {
        put_quoted(json, value);
    } else {
        put_word(json, "null");
    }
}

void eq_json_put_number(eq_json_text *json, const char *key, double value) {
    char digits[32];
    begin(json, key);
    if (!isfinite(value)) {
        put_word(json, "null");
        return;
    }
    snprintf(digits, sizeof digits, "%.9g", value);
    for (char *comma = digits; (comma = strchr(comma, ',')) != NULL;) {
        *comma = '.'; /* of a process whose language writes numbers so */
    }
    put_word(json, digits);
}

void eq_json_put_bool(eq_json_text *json, const char *key, bool value) {
    begin(json, key);
    put_word(json, value ? "true" : "false");
}

size_t eq_json_end(eq_json_text *json) {
    if (json->capacity > 0) {
        json->text[json->length < json->capacity ? json->length : json->capacity - 1] = 0;
    }
    return json->length;
}
