#include "of_nothing.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "read/operator_codes.h"

typedef enum eq_limit { ZERO, ONE, LEAST, MOST, MEAN_OF_NOTHING } eq_limit;

static int64_t limit_of(eq_limit limit, int64_t least, int64_t most) {
    return limit == LEAST ? least : limit == MOST ? most : limit == ONE ? 1 : 0;
}

static float limit_f32(eq_limit limit) {
    return limit == LEAST ? -INFINITY : limit == MOST ? INFINITY : limit == MEAN_OF_NOTHING ? NAN : limit == ONE ? 1 : 0;
}

/* Write the limit as a value of the tensor; false if the type has none that LiteRT gives. */
static bool write_limit(eq_limit limit, const eq_tensor *out, void *value) {
    switch (out->type) {
    case EQ_FLOAT32:
        memcpy(value, &(float){limit_f32(limit)}, sizeof(float));
        return true;
    case EQ_INT64:
        memcpy(value, &(int64_t){limit_of(limit, INT64_MIN, INT64_MAX)}, sizeof(int64_t));
        return true;
    case EQ_INT32:
        memcpy(value, &(int32_t){(int32_t)limit_of(limit, INT32_MIN, INT32_MAX)}, sizeof(int32_t));
        return true;
    case EQ_BOOL:
        memcpy(value, &(uint8_t){limit == ONE}, 1);
        return true;
    case EQ_INT8: /* of quantized numbers a sum is their zero point, and a product nothing */
        memcpy(value, &(int8_t){(int8_t)limit_of(limit, INT8_MIN, INT8_MAX)}, 1);
        if (limit == ZERO && out->scale_count == 1) {
            memcpy(value, &(int8_t){(int8_t)out->zero_points[0]}, 1);
        }
        return limit != ONE && limit != MEAN_OF_NOTHING;
    default:
        return false;
    }
}

/* What PADV2 surrounds its input with. */
static bool copy_constant(const eq_plan *plan, const eq_operator *op, const eq_tensor *out, void *value) {
    const eq_tensor *given = op->input_count == 3 ? eq_plan_input(plan, op, 2) : NULL;
    if (!given || !given->data || given->is_variable || given->type != out->type || eq_tensor_elements(given) != 1) {
        return false;
    }
    memcpy(value, given->data, (size_t)eq_type_size(given->type));
    return true;
}

static bool find_value(const eq_plan *plan, const eq_operator *op, const eq_tensor *out, void *value) {
    switch (op->code) {
    case EQ_OP_SUM:
    case EQ_OP_PAD:
    case EQ_OP_REDUCE_ANY:
        return write_limit(ZERO, out, value);
    case EQ_OP_REDUCE_PROD:
    case EQ_OP_REDUCE_ALL:
        return write_limit(ONE, out, value);
    case EQ_OP_REDUCE_MAX:
        return write_limit(LEAST, out, value);
    case EQ_OP_REDUCE_MIN:
        return write_limit(MOST, out, value);
    case EQ_OP_MEAN:
        return write_limit(MEAN_OF_NOTHING, out, value);
    case EQ_OP_PADV2:
        return copy_constant(plan, op, out, value);
    default:
        return false;
    }
}

eq_status eq_plan_of_nothing(eq_plan *plan, const eq_operator *op, int32_t slot) {
    const eq_tensor *out = eq_plan_output(plan, op, slot);
    uint64_t value = 0;
    if (!find_value(plan, op, out, &value)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has an input of no elements, and an output that has some");
    }
    const size_t size = (size_t)eq_type_size(out->type), count = (size_t)eq_tensor_elements(out);
    uint8_t *values = eq_plan_take(plan, eq_size_times(count, size));
    if (!values) {
        return (eq_status)plan->error->status;
    }
    for (size_t i = 0; i < count; ++i) {
        memcpy(values + i * size, &value, size);
    }
    eq_plan_constant(plan, op->outputs[slot], values);
    return EQ_OK;
}
