/* Elementwise operators of two inputs on float32 and complex64, on int32 and int64 for the arithmetic of shapes, and FLOOR_DIV and
 * FLOOR_MOD of int8 and int16, which stand for themselves there. */
#include <math.h>

#include "gated.h"
#include "ops/elementwise/binary.h"
#include "plan/operator.h"
#include "ops/integers.h"
#include "ops/quantization.h"
#include "ops/reduce/normalization.h"
#include "ops/stepped.h"

/* ---- one pair of values ---- */

/* Integers wrap, and have 0 for a division by 0 and INT_MIN / -1 wrapped: files are untrusted, and C leaves both undefined. */
static int64_t quotient(int64_t a, int64_t b) {
    return b == 0 ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static int64_t remainder_of(int64_t a, int64_t b) {
    return b == 0 || b == -1 ? 0 : a % b;
}

static int64_t of_integers(int32_t code, int64_t a, int64_t b) {
    const bool falls = (code == EQ_OP_FLOOR_DIV || code == EQ_OP_FLOOR_MOD) && remainder_of(a, b) != 0 && (a < 0) != (b < 0);
    switch (code) {
    case EQ_OP_ADD:
        return (int64_t)((uint64_t)a + (uint64_t)b);
    case EQ_OP_SUB:
        return (int64_t)((uint64_t)a - (uint64_t)b);
    case EQ_OP_MUL:
        return (int64_t)((uint64_t)a * (uint64_t)b);
    case EQ_OP_MAXIMUM:
        return a > b ? a : b;
    case EQ_OP_MINIMUM:
        return a < b ? a : b;
    case EQ_OP_SQUARED_DIFFERENCE:
        return (int64_t)(((uint64_t)a - (uint64_t)b) * ((uint64_t)a - (uint64_t)b));
    case EQ_OP_FLOOR_MOD:
        return remainder_of(a, b) + (falls ? b : 0);
    default: /* DIV and FLOOR_DIV */
        return quotient(a, b) - falls;
    }
}

static bool takes_integers(int32_t code, eq_type type) {
    switch (type) {
    case EQ_INT8:
    case EQ_INT16:
        return code == EQ_OP_FLOOR_DIV || code == EQ_OP_FLOOR_MOD;
    case EQ_INT32:
        return code != EQ_OP_PRELU;
    case EQ_INT64:
        return code != EQ_OP_PRELU && code != EQ_OP_SQUARED_DIFFERENCE;
    case EQ_UINT32:
        return code == EQ_OP_MUL;
    default:
        return false;
    }
}

static float floor_remainder(float a, float b) {
    const float r = fmodf(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/* Without C's search for infinities in what is not a number: a function of the compiler's library, of its own size again. */
static void multiply_complex(const float *a, size_t a_step, const float *b, size_t b_step, float *out, size_t n) {
    for (size_t i = 0; i < n; i++, a += 2 * a_step, b += 2 * b_step, out += 2) {
        const float real = a[0] * b[0] - a[1] * b[1], imaginary = a[0] * b[1] + a[1] * b[0];
        out[0] = real;
        out[1] = imaginary;
    }
}

/* ---- runs of them ---- */

static bool run_f32(const eq_stepped *stepped, const void *first, size_t first_step, const void *second, size_t second_step,
                    void *out, size_t n) {
    switch (stepped->code) {
    case EQ_OP_DIV:
        EQ_STEPPED(float, eq_bounded(stepped->parameters, a / b))
    case EQ_OP_MAXIMUM:
        EQ_STEPPED(float, a > b ? a : b)
    case EQ_OP_MINIMUM:
        EQ_STEPPED(float, a < b ? a : b)
    case EQ_OP_SQUARED_DIFFERENCE:
        EQ_STEPPED(float, (a - b) * (a - b))
    case EQ_OP_PRELU:
        EQ_STEPPED(float, a >= 0 ? a : a * b)
    case EQ_OP_FLOOR_DIV:
        EQ_STEPPED(float, floorf(a / b))
    case EQ_OP_FLOOR_MOD:
        EQ_STEPPED(float, floor_remainder(a, b))
    default:
        return false;
    }
}

static bool run_plain(const eq_stepped *stepped, const void *first, size_t first_step, const void *second, size_t second_step,
                      void *out, size_t n) {
    const eq_type type = stepped->type;
    if (type == EQ_FLOAT32 || type == EQ_FLOAT16 /* widened */) {
        return run_f32(stepped, first, first_step, second, second_step, out, n);
    }
    if (type == EQ_COMPLEX64 && stepped->code == EQ_OP_MUL) {
        multiply_complex(first, first_step, second, second_step, out, n);
        return true;
    }
    if (!takes_integers(stepped->code, type)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const int64_t a = eq_integer_at(type, first, i * first_step), b = eq_integer_at(type, second, i * second_step);
        eq_put_integer(type, out, i, of_integers(stepped->code, a, b));
    }
    return true;
}

static const eq_binary_f32 *find_vector_code(const eq_plan *plan, int32_t code, eq_type type) {
    if (type == EQ_FLOAT32 || type == EQ_FLOAT16) {
        for (const eq_binary_f32 *row = plan->kernels->binary_f32; row->order[0].run; row++) {
            if (row->code == code) {
                return row;
            }
        }
    }
    return NULL;
}

/* Those for which every set has vector code, whatever this machine's has. */
static bool is_fast(int32_t code) {
    return code == EQ_OP_ADD || code == EQ_OP_SUB || code == EQ_OP_MUL;
}

/* ---- float16: as float32, rounded once ---- */

typedef struct widened {
    const eq_kernels *kernels;
    eq_binary_f16_fn kernel; /* for ADD and MUL, of which the result is the same; NULL: none */
    eq_binary binary;        /* of float32 */
} widened;

enum { WIDENED = 256 }; /* values at once */

static void run_widened(const widened *w, const void *a, const void *b, bool is_scalar, uint16_t *out, size_t n) {
    const uint16_t *left = a, *right = b;
    float x[WIDENED], y[WIDENED];
    if (is_scalar) {
        w->kernels->widen_f16(right, y, 1);
    }
    for (size_t i = 0, count; i < n; i += count) {
        count = n - i < WIDENED ? n - i : WIDENED;
        w->kernels->widen_f16(left + i, x, count);
        if (!is_scalar) {
            w->kernels->widen_f16(right + i, y, count);
        }
        (is_scalar ? w->binary.run_scalar : w->binary.run)(w->binary.parameters, x, y, x, count);
        w->kernels->narrow_f16(x, out + i, count);
    }
}

static void run_f16(const void *parameters, const void *a, const void *b, void *out, size_t n) {
    const widened *w = parameters;
    if (w->kernel) {
        const eq_bounds *bounds = w->binary.parameters;
        w->kernel(a, b, bounds->min, bounds->max, out, n);
    } else {
        run_widened(w, a, b, false, out, n);
    }
}

static void run_f16_scalar(const void *parameters, const void *a, const void *b, void *out, size_t n) {
    run_widened(parameters, a, b, true, out, n);
}

static eq_status widen(eq_plan *plan, const eq_operator *op, eq_binary *binary) {
    widened *w = eq_plan_take(plan, sizeof *w);
    if (!w) {
        return (eq_status)plan->error->status;
    }
    *w = (widened){.kernels = plan->kernels, .binary = *binary};
    w->kernel = op->code == EQ_OP_ADD ? plan->kernels->add_f16 : op->code == EQ_OP_MUL ? plan->kernels->multiply_f16 : NULL;
    *binary = (eq_binary){run_f16, run_f16_scalar, w};
    return EQ_OK;
}

static eq_status choose(eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, eq_binary *binary) {
    const eq_type type = eq_plan_output(plan, op, 0)->type;
    eq_bounds *bounds = eq_plan_take(plan, sizeof *bounds);
    if (!bounds) {
        return (eq_status)plan->error->status;
    }
    const eq_status status = eq_activation_range_float(plan, op, eq_binary_activation(op), &bounds->min, &bounds->max);
    if (status != EQ_OK) {
        return status;
    }
    if (type != EQ_FLOAT32 && type != EQ_FLOAT16 && eq_binary_activation(op) != EQ_ACTIVATION_NONE) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has a fused activation on integers");
    }
    const eq_binary_f32 *row = find_vector_code(plan, op->code, type);
    if (!row) {
        return eq_stepped_binary(plan, op, shape, run_plain, bounds, binary);
    }
    const int32_t order = shape->slots[0];
    *binary = (eq_binary){row->order[order].run, row->order[order].run_scalar, bounds};
    return EQ_OK;
}

eq_status eq_prepare_plain_binary(eq_plan *plan, const eq_operator *op) {
    eq_broadcast shape;
    eq_binary binary;
    eq_status status = eq_binary_shape(plan, op, &shape);
    if (status != EQ_OK) {
        return status;
    }
    if (eq_plan_output(plan, op, 0)->file_type == EQ_UINT8) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take uint8 tensors");
    }
    bool is_done;
    status = eq_normalization_step(plan, op, &is_done);
    if (status != EQ_OK || is_done) {
        return status;
    }
    status = choose(plan, op, &shape, &binary);
    if (status == EQ_OK && eq_plan_output(plan, op, 0)->type == EQ_FLOAT16) {
        status = widen(plan, op, &binary);
    }
    if (status == EQ_OK) {
        status = eq_gated_step(plan, op, &binary, &is_done);
        if (is_done) {
            return status;
        }
    }
    if (status == EQ_OK && (status = eq_broadcast_step(plan, op, &shape, &binary)) == EQ_OK) {
        plan->steps[plan->step_count - 1]->slow |= eq_plan_output(plan, op, 0)->type == EQ_FLOAT32 && !is_fast(op->code);
    }
    return status;
}

EQ_OPERATOR(ADD, eq_prepare_plain_binary, ANY);
EQ_OPERATOR(MUL, eq_prepare_plain_binary, ANY);
EQ_OPERATOR(SUB, eq_prepare_plain_binary, ANY);
EQ_OPERATOR(DIV, eq_prepare_plain_binary, ANY);
EQ_OPERATOR(PRELU, eq_prepare_plain_binary, ANY);
EQ_OPERATOR(MAXIMUM, eq_prepare_plain_binary, ANY);
EQ_OPERATOR(MINIMUM, eq_prepare_plain_binary, ANY);
EQ_OPERATOR(FLOOR_DIV, eq_prepare_plain_binary, ANY);
EQ_OPERATOR(FLOOR_MOD, eq_prepare_plain_binary, ANY);
EQ_OPERATOR(SQUARED_DIFFERENCE, eq_prepare_plain_binary, ANY);
EQ_OPERATOR_FLOAT16(ADD, MUL, SUB, DIV, PRELU, MAXIMUM, MINIMUM, SQUARED_DIFFERENCE);
EQ_OPERATOR_NOTE(FLOOR_DIV, "int8 and int16 as plain numbers; not uint8");
EQ_OPERATOR_NOTE(FLOOR_MOD, "int8 and int16 as plain numbers; not uint8");
