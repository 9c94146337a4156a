#include "operator_codes.h"

#include <stdbool.h>
#include <stddef.h>

/* The names behind each other, found by their places: pointers would be three times as large, and a loader's work. */
static const struct names {
#define EQ_CODE(code, name, options) char name[sizeof #name];
#include "operator_codes.inc"
#undef EQ_CODE
} names = {
#define EQ_CODE(code, name, options) #name,
#include "operator_codes.inc"
#undef EQ_CODE
};

static const struct {
    uint16_t name;
    uint8_t options;
} operators[] = {
#define EQ_CODE(code, name, options) [code] = {offsetof(struct names, name), options},
#include "operator_codes.inc"
#undef EQ_CODE
};

static bool is_known(int32_t code) {
    return code >= 0 && (size_t)code < sizeof operators / sizeof *operators;
}

const char *eq_operator_name(int32_t code) {
    return is_known(code) ? (const char *)&names + operators[code].name : "an unknown operator";
}

int32_t eq_operator_options_type(int32_t code) {
    return is_known(code) ? operators[code].options : 0;
}
