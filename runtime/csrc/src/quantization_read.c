/* Scales and zero points. Quantized uint8 becomes int8 here: real value = scale * (q - zero_point) stays the same if q and
 * zero_point are both 128 less. */
#include <math.h>

#include "model_read.h"

enum { QUANTIZATION = 4 }; /* of the tensor */
enum { SCALE = 2, ZERO_POINT, DETAILS_TYPE, QUANTIZED_DIMENSION = 6 };

static eq_status read_axis(eq_reader *reader, const eq_table *quantization, int32_t index, eq_tensor *tensor) {
    const int32_t axis = eq_table_i32(quantization, QUANTIZED_DIMENSION, 0);
    const bool is_in_range = axis >= 0 && axis < tensor->rank;
    tensor->channel_axis = is_in_range ? axis : 0; /* old converters write any number where there is one scale */
    if (tensor->scale_count == 1) {
        return EQ_OK;
    }
    if (!is_in_range) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "its %d scales are for dimension %d of %d",
                                     (int)tensor->scale_count, (int)axis, (int)tensor->rank);
    }
    if (tensor->scale_count != tensor->dims[axis]) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL,
                                     "it has %d scales for the %d channels of dimension %d", (int)tensor->scale_count,
                                     (int)tensor->dims[axis], (int)axis);
    }
    return EQ_OK;
}

/* A dead channel may have the scale 0: old converters wrote that. */
static eq_status read_scales(eq_reader *reader, const eq_vector *vector, int32_t index, eq_tensor *tensor) {
    float *scales = eq_reader_take(reader, vector->count, sizeof *scales);
    if (scales == NULL) {
        return reader->failure;
    }
    for (uint32_t i = 0; i < vector->count; i++) {
        scales[i] = eq_vector_f32(vector, i);
        const bool is_dead = scales[i] == 0 && vector->count > 1;
        if (!isfinite(scales[i]) || (scales[i] <= 0 && !is_dead)) {
            return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL,
                                         "its scale %u is %g, and a scale must be a positive number", (unsigned)i,
                                         (double)scales[i]);
        }
    }
    tensor->scales = scales;
    return EQ_OK;
}

static void zero_point_range(eq_type type, int64_t *min, int64_t *max) {
    *min = type == EQ_INT8 ? INT8_MIN : type == EQ_UINT8 ? 0 : type == EQ_INT16 ? INT16_MIN : INT32_MIN;
    *max = type == EQ_INT8 ? INT8_MAX : type == EQ_UINT8 ? UINT8_MAX : type == EQ_INT16 ? INT16_MAX : INT32_MAX;
}

static eq_status read_zero_points(eq_reader *reader, const eq_vector *vector, int32_t index, eq_tensor *tensor) {
    const bool is_uint8 = tensor->file_type == EQ_UINT8;
    if (vector->count != 0 && vector->count != (uint32_t)tensor->scale_count) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "it has %d scales and %u zero points",
                                     (int)tensor->scale_count, (unsigned)vector->count);
    }
    int32_t *zero_points = eq_reader_take(reader, (size_t)tensor->scale_count, sizeof *zero_points);
    if (zero_points == NULL) {
        return reader->failure;
    }
    int64_t min, max;
    zero_point_range(tensor->file_type, &min, &max);
    for (int32_t i = 0; i < tensor->scale_count; i++) {
        const int64_t value = vector->count != 0 ? eq_vector_i64(vector, (uint32_t)i) : 0;
        if (value < min || value > max) {
            return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL,
                                         "its zero point %d is %lld, outside its type's range of %lld to %lld", (int)i,
                                         (long long)value, (long long)min, (long long)max);
        }
        zero_points[i] = (int32_t)value - (is_uint8 ? 128 : 0);
    }
    tensor->zero_points = zero_points;
    if (is_uint8) {
        tensor->type = EQ_INT8;
    }
    return EQ_OK;
}

static bool can_be_quantized(eq_type type) {
    return type == EQ_INT8 || type == EQ_UINT8 || type == EQ_INT16 || type == EQ_INT32 || type == EQ_INT64;
}

eq_status eq_read_quantization(eq_reader *reader, const eq_table *table, int32_t index, eq_tensor *tensor) {
    eq_table quantization;
    eq_vector scales, zero_points;
    if (!eq_table_child(table, QUANTIZATION, &quantization) || !eq_table_vector(&quantization, SCALE, 4, &scales) ||
        !eq_table_vector(&quantization, ZERO_POINT, 8, &zero_points)) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "its quantization lies outside the file");
    }
    if (!can_be_quantized(tensor->type)) {
        return EQ_OK;
    }
    if (eq_table_u8(&quantization, DETAILS_TYPE, 0) != 0) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_UNSUPPORTED,
                                     "this engine runs linear quantization only, not a custom or blockwise one");
    }
    if (scales.count == 0) {
        return EQ_OK;
    }
    tensor->scale_count = (int32_t)scales.count;
    eq_status status = read_axis(reader, &quantization, index, tensor);
    if (status == EQ_OK) {
        status = read_scales(reader, &scales, index, tensor);
    }
    if (status == EQ_OK) {
        status = read_zero_points(reader, &zero_points, index, tensor);
    }
    return status;
}
