/* Scales and zero points. Quantized uint8 becomes int8 here: real value = scale * (q - zero_point) stays the same if q and
 * zero_point are both 128 less.
 *
 * Converters write odd things about tensors of whose quantization no engine makes use, such as biases. What this engine cannot
 * make sense of is therefore noted in the tensor, and stops the operators that use it. */
#include <math.h>

#include "model_read.h"

enum { QUANTIZATION = 4 }; /* of the tensor */
enum { SCALE = 2, ZERO_POINT, DETAILS_TYPE, DETAILS, QUANTIZED_DIMENSION };
enum { DETAILS_BLOCKWISE = 2 }; /* else custom: any bytes */
enum { BLOCKWISE_SCALES, BLOCKWISE_ZERO_POINTS, BLOCKWISE_SIZE };

/* The tensors of scales and zero points that a blockwise quantization names; -1: none. Of int4 with scales alone operators make use. */
static eq_status read_blockwise(eq_reader *reader, const eq_table *quantization, int32_t index, eq_tensor *tensor) {
    eq_table details;
    if (!eq_table_child(quantization, DETAILS, &details)) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "its quantization lies outside the file");
    }
    for (int32_t field = BLOCKWISE_SCALES; field <= BLOCKWISE_ZERO_POINTS; field++) {
        const int32_t named = eq_table_i32(&details, field, 0);
        if (named < -1 || named >= reader->tensor_count) {
            return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL,
                                         "its quantization names tensor %d, which does not exist", (int)named);
        }
    }
    const int32_t scales = eq_table_i32(&details, BLOCKWISE_SCALES, 0), size = eq_table_i32(&details, BLOCKWISE_SIZE, 0);
    if (tensor->file_type == EQ_INT4 && size > 0 && scales >= 0 && tensor->rank > 0 &&
        tensor->dims[tensor->rank - 1] % size == 0 && eq_table_i32(quantization, QUANTIZED_DIMENSION, 0) == 0) {
        tensor->unsupported = NULL;
        tensor->block_size = size;
        tensor->block_scales = scales;
    }
    return EQ_OK;
}

/* A vector has one axis only, so that its scales must be along that, whatever the file says of a bias. */
static void read_axis(const eq_table *quantization, eq_tensor *tensor) {
    const int32_t axis = eq_table_i32(quantization, QUANTIZED_DIMENSION, 0);
    const bool is_in_range = axis >= 0 && axis < tensor->rank;
    tensor->channel_axis = is_in_range ? axis : 0; /* old converters write any number where there is one scale */
    if (tensor->scale_count == 1) {
        return;
    }
    if (!is_in_range && tensor->rank != 1) {
        tensor->unsupported = "with scales for a dimension that it does not have";
    } else if (tensor->scale_count != tensor->dims[tensor->channel_axis]) {
        tensor->unsupported = "with another number of scales than of channels";
    }
}

/* A dead channel may have the scale 0: old converters wrote that. */
static eq_status read_scales(eq_reader *reader, const eq_vector *vector, eq_tensor *tensor) {
    float *scales = eq_reader_take(reader, vector->count, sizeof *scales);
    if (scales == NULL) {
        return reader->failure;
    }
    for (uint32_t i = 0; i < vector->count; i++) {
        scales[i] = eq_vector_f32(vector, i);
        if (!isfinite(scales[i]) || scales[i] < 0) {
            tensor->unsupported = "with a scale that is no positive number";
        }
    }
    tensor->scales = scales;
    return EQ_OK;
}

static void zero_point_range(eq_type type, int64_t *min, int64_t *max) {
    *min = type == EQ_INT4 ? -8 : type == EQ_INT8 ? INT8_MIN : type == EQ_UINT8 ? 0 : type == EQ_INT16 ? INT16_MIN : INT32_MIN;
    *max = type == EQ_INT4    ? 7
           : type == EQ_INT8  ? INT8_MAX
           : type == EQ_UINT8 ? UINT8_MAX
           : type == EQ_INT16 ? INT16_MAX
                              : INT32_MAX;
}

static eq_status read_zero_points(eq_reader *reader, const eq_vector *vector, eq_tensor *tensor) {
    const bool is_uint8 = tensor->file_type == EQ_UINT8;
    int32_t *zero_points = eq_reader_take(reader, (size_t)tensor->scale_count, sizeof *zero_points);
    if (zero_points == NULL) {
        return reader->failure;
    }
    int64_t min, max;
    zero_point_range(tensor->file_type, &min, &max);
    for (int32_t i = 0; i < tensor->scale_count; i++) {
        const int64_t value = vector->count != 0 ? eq_vector_i64(vector, (uint32_t)i) : 0;
        if (value < min || value > max) {
            tensor->unsupported = "with a zero point outside its type's range";
            break;
        }
        zero_points[i] = (int32_t)value - (is_uint8 ? 128 : 0);
    }
    tensor->zero_points = zero_points;
    if (is_uint8 || tensor->file_type == EQ_INT4) {
        tensor->type = EQ_INT8;
    }
    return EQ_OK;
}

static bool can_be_quantized(eq_type type) {
    return type == EQ_INT8 || type == EQ_INT4 || type == EQ_UINT8 || type == EQ_INT16 || type == EQ_INT32 || type == EQ_INT64;
}

/* No scale, or one of 0: the numbers stand for themselves. */
static bool is_linear(const eq_vector *scales) {
    return scales->count > 1 || (scales->count == 1 && eq_vector_f32(scales, 0) != 0);
}

eq_status eq_read_quantization(eq_reader *reader, const eq_table *table, int32_t index, eq_tensor *tensor) {
    eq_table quantization;
    eq_vector scales, zero_points;
    if (!eq_table_child(table, QUANTIZATION, &quantization) || !eq_table_vector(&quantization, SCALE, 4, &scales) ||
        !eq_table_vector(&quantization, ZERO_POINT, 8, &zero_points)) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "its quantization lies outside the file");
    }
    if (scales.count != 0 && zero_points.count != 0 && zero_points.count != scales.count) {
        return eq_reader_fail_tensor(reader, tensor, index, EQ_ERROR_MODEL, "it has %u scales and %u zero points",
                                     (unsigned)scales.count, (unsigned)zero_points.count);
    }
    const uint8_t details = eq_table_u8(&quantization, DETAILS_TYPE, 0);
    if (details != 0) {
        tensor->unsupported = "with a quantization that is not linear";
        return details == DETAILS_BLOCKWISE ? read_blockwise(reader, &quantization, index, tensor) : EQ_OK;
    }
    if (!can_be_quantized(tensor->type) || !is_linear(&scales)) {
        return EQ_OK;
    }
    tensor->scale_count = (int32_t)scales.count;
    read_axis(&quantization, tensor);
    const eq_status status = read_scales(reader, &scales, tensor);
    return status == EQ_OK ? read_zero_points(reader, &zero_points, tensor) : status;
}
