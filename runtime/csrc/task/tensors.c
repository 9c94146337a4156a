/* From numbers to the model's tensors and back: the arithmetic of its QUANTIZE and DEQUANTIZE operators. */
#include <string.h>

#include "arithmetic/half.h"
#include "task.h"

int64_t eq_elements(const eq_tensor_info *info) {
    int64_t elements = 1;
    for (int32_t i = 0; i < info->rank; i++) {
        elements *= info->shape[i];
    }
    return elements;
}

eq_status eq_encoder_make(const eq_tensor_info *info, eq_encoder *encoder, eq_error *error) {
    *encoder = (eq_encoder){.info = *info, .value_bytes = 1};
    switch (info->type) {
    case EQ_FLOAT32:
        encoder->value_bytes = 4;
        return EQ_OK;
    case EQ_INT8:
        encoder->least = INT8_MIN;
        encoder->most = INT8_MAX;
        break;
    case EQ_UINT8:
        encoder->most = UINT8_MAX;
        break;
    case EQ_INT16:
        encoder->least = INT16_MIN;
        encoder->most = INT16_MAX;
        encoder->value_bytes = 2;
        break;
    default:
        return eq_fail(error, EQ_ERROR_UNSUPPORTED,
                       "its input '%s' is of a type that tasks do not fill: float32, int8, uint8 and int16", info->name);
    }
    encoder->inverse_scale = info->scale > 0 ? 1 / info->scale : 1;
    return EQ_OK;
}

/* To nearest, ties to even, of |x| < 2^31: the same as the engine's for all that fits its types. */
static int32_t round_even(float x) {
    const double to_integers = 0x1.8p52;
    return (int32_t)(((double)x + to_integers) - to_integers);
}

void eq_encode(const eq_encoder *encoder, float value, uint8_t *to) {
    if (encoder->inverse_scale == 0) {
        memcpy(to, &value, sizeof value);
        return;
    }
    const int32_t zero = encoder->info.zero_point;
    float scaled = value * encoder->inverse_scale;
    scaled = scaled >= (float)(encoder->least - zero) ? scaled : (float)(encoder->least - zero); /* not a number too */
    scaled = scaled <= (float)(encoder->most - zero) ? scaled : (float)(encoder->most - zero);
    const int32_t q = round_even(scaled) + zero;
    if (encoder->value_bytes == 1) {
        *to = (uint8_t)q;
    } else {
        const int16_t word = (int16_t)q;
        memcpy(to, &word, sizeof word);
    }
}

float eq_normalize(const eq_normal *normal, int32_t channel, float value) {
    const eq_numbers *mean = &normal->mean, *std = &normal->std;
    if (mean->count > 0) {
        value -= mean->values[mean->count > 1 ? channel : 0];
    }
    return std->count > 0 ? value / std->values[std->count > 1 ? channel : 0] : value;
}

eq_status eq_reals_make(eq_session *session, int32_t index, eq_memory_block **memory, eq_reals_out *out, eq_error *error) {
    const eq_status status = eq_session_output_info(session, index, &out->info, error);
    if (status != EQ_OK) {
        return status;
    }
    switch (out->info.type) {
    case EQ_FLOAT32:
    case EQ_FLOAT16:
    case EQ_INT8:
    case EQ_UINT8:
    case EQ_INT16:
    case EQ_INT32:
    case EQ_INT64:
    case EQ_BOOL:
        break;
    default:
        return eq_fail(error, EQ_ERROR_UNSUPPORTED, "the model's output '%s' is of a type that tasks do not read",
                       out->info.name);
    }
    out->elements = eq_elements(&out->info);
    if (out->elements > INT32_MAX / 4) {
        return eq_fail(error, EQ_ERROR_LIMIT, "the model's output '%s' is too large for a task", out->info.name);
    }
    out->values = eq_memory_take(memory, (size_t)out->elements * sizeof *out->values);
    return out->values != NULL ? EQ_OK : eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the model's outputs");
}

/* Of quantized values scale * (q - zero point), else the numbers themselves. */
#define READ(type)                                                                         \
    for (int64_t i = 0; i < count; i++) {                                                  \
        const type q = ((const type *)data)[i];                                            \
        values[i] = info->scale > 0 ? info->scale * (float)((int32_t)q - zero) : (float)q; \
    }                                                                                      \
    break

static void decode(const eq_tensor_info *info, const void *data, float *values, int64_t count) {
    const int32_t zero = info->zero_point;
    switch (info->type) {
    case EQ_FLOAT32:
        memcpy(values, data, (size_t)count * sizeof *values);
        break;
    case EQ_FLOAT16:
        for (int64_t i = 0; i < count; i++) {
            values[i] = eq_half_to_float(((const uint16_t *)data)[i]);
        }
        break;
    case EQ_INT8:
        READ(int8_t);
    case EQ_UINT8:
    case EQ_BOOL:
        READ(uint8_t);
    case EQ_INT16:
        READ(int16_t);
    case EQ_INT32:
        for (int64_t i = 0; i < count; i++) {
            values[i] = (float)((const int32_t *)data)[i];
        }
        break;
    default:
        for (int64_t i = 0; i < count; i++) {
            values[i] = (float)((const int64_t *)data)[i];
        }
    }
}

void eq_decode(const eq_encoder *encoder, const void *data, float *values, int64_t count) {
    decode(&encoder->info, data, values, count);
}

void eq_reals_read(const eq_session *session, int32_t index, eq_reals_out *out) {
    decode(&out->info, eq_session_output_data(session, index), out->values, out->elements);
}
