#include "json_read.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

typedef struct reader {
    const char *text;
    int32_t size, at, depth;
    eq_json_value *values;
    int32_t count;
    const char *problem;
} reader;

static bool read_value(reader *r);

static bool stop(reader *r, const char *problem) {
    r->problem = r->problem != NULL ? r->problem : problem;
    return false;
}

static int next_byte(const reader *r) {
    return r->at < r->size ? (unsigned char)r->text[r->at] : -1;
}

static void skip_space(reader *r) {
    while (r->at < r->size && strchr(" \t\r\n", r->text[r->at]) != NULL && r->text[r->at] != 0) {
        r->at++;
    }
}

static bool take(reader *r, char byte) {
    skip_space(r);
    if (next_byte(r) != byte) {
        return false;
    }
    r->at++;
    return true;
}

static bool is_digit(int byte) {
    return byte >= '0' && byte <= '9';
}

static bool skip_digits(reader *r) {
    const int32_t start = r->at;
    while (is_digit(next_byte(r))) {
        r->at++;
    }
    return r->at > start;
}

static bool read_number(reader *r) {
    r->at += next_byte(r) == '-';
    const bool leads_with_zero = next_byte(r) == '0';
    const int32_t start = r->at;
    if (!skip_digits(r) || (leads_with_zero && r->at > start + 1)) {
        return stop(r, "something that is no value");
    }
    if (next_byte(r) == '.') {
        r->at++;
        if (!skip_digits(r)) {
            return stop(r, "a number without digits behind its point");
        }
    }
    if (next_byte(r) == 'e' || next_byte(r) == 'E') {
        r->at++;
        r->at += next_byte(r) == '+' || next_byte(r) == '-';
        if (!skip_digits(r)) {
            return stop(r, "a number without digits in its exponent");
        }
    }
    return true;
}

static int hexadecimal(const char *four) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        const char c = four[i];
        const int digit = is_digit(c)            ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static bool read_string(reader *r, eq_json_value *value) {
    value->start = ++r->at;
    for (;; r->at++) {
        const int byte = next_byte(r);
        if (byte < 0x20) {
            return stop(r, "a string without its end");
        }
        if (byte == '"') {
            value->length = r->at++ - value->start;
            return true;
        }
        if (byte == '\\') {
            r->at++;
            const int escaped = next_byte(r);
            if (escaped == 'u' && r->size - r->at > 4 && hexadecimal(r->text + r->at + 1) >= 0) {
                r->at += 4;
            } else if (escaped <= 0 || strchr("\"\\/bfnrt", escaped) == NULL) {
                return stop(r, "a string with an unknown escape");
            }
        }
    }
}

static bool read_word(reader *r, eq_json_value *value) {
    static const char *const words[] = {"null", "false", "true"};
    for (int i = 0; i < 3; i++) {
        const int32_t length = (int32_t)strlen(words[i]);
        if (r->size - r->at >= length && memcmp(r->text + r->at, words[i], (size_t)length) == 0) {
            value->kind = (uint8_t)(EQ_JSON_NULL + i);
            r->at += length;
            return true;
        }
    }
    value->kind = EQ_JSON_NUMBER;
    return read_number(r);
}

static bool read_member(reader *r) {
    skip_space(r);
    if (next_byte(r) != '"') {
        return stop(r, "a member without a key");
    }
    if (!read_value(r)) {
        return false;
    }
    return take(r, ':') ? read_value(r) : stop(r, "a key without a colon");
}

static bool read_all(reader *r, eq_json_value *value, char end, bool (*read)(reader *r)) {
    if (++r->depth > EQ_JSON_MOST_DEPTH) {
        return stop(r, "values that are too deep in one another");
    }
    r->at++;
    if (!take(r, end)) {
        do {
            if (!read(r)) {
                return false;
            }
            value->count++;
        } while (take(r, ','));
        if (!take(r, end)) {
            return stop(r, end == ']' ? "an array without its end" : "an object without its end");
        }
    }
    r->depth--;
    return true;
}

static bool read_value(reader *r) {
    skip_space(r);
    eq_json_value *value = &r->values[r->count++];
    *value = (eq_json_value){.start = r->at};
    bool is_read;
    switch (next_byte(r)) {
    case '[':
        value->kind = EQ_JSON_ARRAY;
        is_read = read_all(r, value, ']', read_value);
        break;
    case '{':
        value->kind = EQ_JSON_OBJECT;
        is_read = read_all(r, value, '}', read_member);
        break;
    case '"':
        value->kind = EQ_JSON_STRING;
        is_read = read_string(r, value);
        break;
    default:
        is_read = read_word(r, value);
    }
    if (value->kind != EQ_JSON_STRING) {
        value->length = r->at - value->start;
    }
    value->next = r->count;
    return is_read;
}

static int line_of(const reader *r) {
    int line = 1;
    for (int32_t i = 0; i < r->at && i < r->size; i++) {
        line += r->text[i] == '\n';
    }
    return line;
}

eq_status eq_json_read(const char *text, size_t size, eq_memory_block **memory, eq_json *json, eq_error *error) {
    if (size > EQ_JSON_MOST_BYTES) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "it has %zu bytes: %d is the most", size, EQ_JSON_MOST_BYTES);
    }
    /* Two bytes or more for each value, but for those that are open around it, and one more where the reader stops. */
    reader r = {.text = text, .size = (int32_t)size};
    r.values = eq_memory_take(memory, (size / 2 + EQ_JSON_MOST_DEPTH + 4) * sizeof *r.values);
    if (r.values == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory to read it");
    }
    bool is_read = read_value(&r);
    skip_space(&r);
    if (is_read && r.at < r.size) {
        is_read = stop(&r, "more than one value");
    }
    if (!is_read) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "it is no JSON: line %d has %s", line_of(&r), r.problem);
    }
    *json = (eq_json){text, r.values, r.count};
    return EQ_OK;
}

bool eq_json_is(const eq_json *json, int32_t value, const char *text) {
    const eq_json_value *v = &json->values[value];
    return v->kind == EQ_JSON_STRING && (size_t)v->length == strlen(text) &&
           memcmp(json->text + v->start, text, (size_t)v->length) == 0;
}

int32_t eq_json_member(const eq_json *json, int32_t object, const char *key) {
    int32_t at = object + 1;
    for (int32_t i = 0; i < json->values[object].count; i++) {
        if (eq_json_is(json, at, key)) {
            return at + 1;
        }
        at = json->values[at + 1].next;
    }
    return -1;
}

/* 10^power, by squaring: exact to 10^22. */
static double power_of_ten(int32_t power) {
    double result = 1, square = 10;
    for (; power > 0; power /= 2, square *= square) {
        result *= power % 2 == 1 ? square : 1;
    }
    return result;
}

double eq_json_number(const eq_json *json, int32_t value) {
    const char *at = json->text + json->values[value].start, *end = at + json->values[value].length;
    const bool is_negative = *at == '-';
    uint64_t digits = 0;
    int32_t exponent = 0, written = 0;
    bool behind_point = false;
    for (at += is_negative; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            behind_point = true;
        } else if (digits < UINT64_C(100000000000000000)) {
            digits = digits * 10 + (uint64_t)(*at - '0');
            exponent -= behind_point;
        } else {
            exponent += !behind_point;
        }
    }
    if (at < end) {
        const bool is_small = *++at == '-';
        for (at += *at == '-' || *at == '+'; at < end; at++) {
            written = written < 10000 ? written * 10 + (*at - '0') : written;
        }
        exponent += is_small ? -written : written;
    }
    exponent = exponent > 400 ? 400 : exponent < -400 ? -400 : exponent;
    const double size = exponent < 0  ? (double)digits / power_of_ten(-exponent)
                        : digits == 0 ? 0
                                      : (double)digits * power_of_ten(exponent);
    return is_negative ? -size : size;
}

static size_t put_utf8(uint32_t code, char *to) {
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xe0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 63));
        to[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    to[0] = (char)(0xf0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 63));
    to[2] = (char)(0x80 | (code >> 6 & 63));
    to[3] = (char)(0x80 | (code & 63));
    return 4;
}

/* The character of \u and four hexadecimal digits, or of two such that are surrogates; `*at` is behind the 'u'. */
static uint32_t escaped_character(const char **at, const char *end) {
    const uint32_t first = (uint32_t)hexadecimal(*at);
    *at += 4;
    if (first < 0xd800 || first > 0xdfff) {
        return first == 0 ? '?' : first;
    }
    if (first < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        const uint32_t second = (uint32_t)hexadecimal(*at + 2);
        if (second >= 0xdc00 && second <= 0xdfff) {
            *at += 6;
            return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        }
    }
    return '?';
}

const char *eq_json_string(const eq_json *json, int32_t value, eq_memory_block **memory) {
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const eq_json_value *v = &json->values[value];
    const char *at = json->text + v->start, *end = at + v->length;
    /* No escape is shorter than its character. */
    char *plain = eq_memory_take(memory, (size_t)v->length + 1), *clean = eq_memory_take(memory, (size_t)v->length + 1);
    if (plain == NULL || clean == NULL) {
        return NULL;
    }
    size_t length = 0;
    while (at < end) {
        if (*at != '\\') {
            plain[length++] = *at++;
        } else if (at[1] == 'u') {
            at += 2;
            length += put_utf8(escaped_character(&at, end), plain + length);
        } else {
            plain[length++] = meant[strchr(escapes, at[1]) - escapes];
            at += 2;
        }
    }
    eq_utf8_copy(clean, (size_t)v->length + 1, plain, length);
    return clean;
}
