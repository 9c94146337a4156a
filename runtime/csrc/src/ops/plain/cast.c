/* CAST: floats to integers lose their fraction and saturate (NaN: the largest), integers wrap, bool is whether not zero. As
 * in LiteRT, the quantization does not count. Complex numbers lose their imaginary part, and get 0 for one. */
#include "arithmetic/half.h"
#include "ops/arguments.h"
#include "ops/integers.h"
#include "plan/operator.h"

enum { CHUNK = 4096 }; /* elements of a unit */

typedef struct eq_cast {
    int64_t elements;
    eq_type from, to;      /* as in the file */
    uint8_t in_flip, flip; /* the top bit of quantized uint8, which the engine has as int8 */
} eq_cast;

static bool is_float(eq_type type) {
    return type == EQ_FLOAT32 || type == EQ_FLOAT16 || type == EQ_BFLOAT16 || type == EQ_COMPLEX64;
}

static float read_float(eq_type type, const void *values, int64_t i) {
    return type == EQ_FLOAT32     ? ((const float *)values)[i]
           : type == EQ_COMPLEX64 ? ((const float *)values)[2 * i]
           : type == EQ_FLOAT16   ? eq_half_to_float(((const uint16_t *)values)[i])
                                  : eq_bfloat_to_float(((const uint16_t *)values)[i]);
}

static int64_t read_integer(const eq_cast *cast, const void *values, int64_t i) {
    return eq_integer_at(cast->from, values, (size_t)i) ^ cast->in_flip;
}

static void write_integer(const eq_cast *cast, void *values, int64_t i, int64_t value) {
    eq_put_integer(cast->to, values, (size_t)i, value ^ cast->flip);
}

static void write_float(eq_type type, void *values, int64_t i, float value) {
    if (type == EQ_FLOAT32) {
        ((float *)values)[i] = value;
    } else if (type == EQ_COMPLEX64) {
        ((float *)values)[2 * i] = value;
        ((float *)values)[2 * i + 1] = 0.0f;
    } else {
        ((uint16_t *)values)[i] = type == EQ_FLOAT16 ? eq_half_from_float(value) : eq_bfloat_from_float(value);
    }
}

/* The integer that a float becomes. A bound that float does not have is the next beyond it, and no value is between. */
static int64_t saturate(eq_type type, float x) {
    static const struct {
        eq_type type;
        int64_t min, max;
    } ranges[] = {
        {EQ_INT8, INT8_MIN, INT8_MAX},    {EQ_UINT8, 0, UINT8_MAX},         {EQ_INT16, INT16_MIN, INT16_MAX},
        {EQ_UINT16, 0, UINT16_MAX},       {EQ_INT32, INT32_MIN, INT32_MAX}, {EQ_UINT32, 0, UINT32_MAX},
        {EQ_INT64, INT64_MIN, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; ++i) {
        if (ranges[i].type == type) {
            return !(x < (float)ranges[i].max) ? ranges[i].max : x <= (float)ranges[i].min ? ranges[i].min : (int64_t)x;
        }
    }
    return x != 0.0f; /* bool */
}

static void run_cast(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_cast *cast = step->data;
    const void *in = storage[step->inputs[0].tensor].data;
    void *out = storage[step->outputs[0].tensor].data;
    const int64_t end = (int64_t)last * CHUNK < cast->elements ? (int64_t)last * CHUNK : cast->elements;
    const bool from_float = is_float(cast->from), to_float = is_float(cast->to);
    for (int64_t i = (int64_t)first * CHUNK; i < end; ++i) {
        if (to_float) {
            write_float(cast->to, out, i, from_float ? read_float(cast->from, in, i) : (float)read_integer(cast, in, i));
        } else {
            write_integer(cast, out, i,
                          from_float ? saturate(cast->to, read_float(cast->from, in, i)) : read_integer(cast, in, i));
        }
    }
}

eq_status eq_prepare_cast(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    if ((status = eq_plan_shape(plan, op, 0, in->rank, in->dims)) != EQ_OK) {
        return status;
    }
    if (in->type == out->type && in->file_type == out->file_type) {
        return eq_plan_alias(plan, op, 0, 0);
    }
    eq_step *step = eq_plan_step(plan, op, run_cast, sizeof(eq_cast), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_cast *)step->data = (eq_cast){
        .elements = eq_tensor_elements(in),
        .from = in->file_type,
        .to = out->file_type,
        .in_flip = in->type != in->file_type ? 0x80 : 0,
        .flip = out->type != out->file_type ? 0x80 : 0,
    };
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    step->units = (int32_t)((eq_tensor_elements(in) + CHUNK - 1) / CHUNK);
    step->cost = (uint64_t)eq_tensor_elements(in);
    return EQ_OK;
}

EQ_OPERATOR(CAST, eq_prepare_cast, ANY);
