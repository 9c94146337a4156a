#include "seeded.h"

#include <string.h>

#include "types.h"

static uint64_t splitmix64(uint64_t n) {
    uint64_t z = (n + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void seeded_fill(const eq_tensor_info *info, void *values, uint64_t *next) {
    const size_t size = type_by_number(info->type)->bytes;
    uint8_t *to = values;
    for (size_t i = 0; i < info->bytes / size; i++, to += size) {
        const uint64_t z = splitmix64((*next)++);
        if (info->type == EQ_INT8 || info->type == EQ_UINT8) {
            *to = (uint8_t)(z >> 56);
        } else if (info->type == EQ_FLOAT32) {
            const float value = (float)(z >> 40) / 8388608.0f - 1.0f;
            memcpy(to, &value, sizeof value);
        } else {
            memset(to, 0, size);
            *to = (uint8_t)(z >> 63);
        }
    }
}
