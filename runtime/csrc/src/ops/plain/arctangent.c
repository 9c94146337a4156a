/* ATAN2: the angle of the point (second input, first input), in double precision, rounded once to float32. */
#include <math.h>

#include "arithmetic/portable_math.h"
#include "plan/operator.h"
#include "ops/stepped.h"

/* What an infinite coordinate leaves of a point's direction: the corner or the axis that it lies on. */
static double direction(float coordinate, bool is_far) {
    return is_far ? copysign(isinf(coordinate) ? 1 : 0, (double)coordinate) : (double)coordinate;
}

/* C's atan2, of floats. */
static float angle_f32(float y, float x) {
    if (isnan(y) || isnan(x)) {
        return y + x;
    }
    const bool is_far = isinf(y) || isinf(x);
    const double up = fabs(direction(y, is_far)), along = direction(x, is_far);
    const double angle = up > 0 ? eq_atan2(up, along) : signbit(along) ? 3.14159265358979323846 : 0;
    return copysignf((float)angle, y);
}

static bool run_angles(const eq_stepped *stepped, const void *first, size_t first_step, const void *second, size_t second_step,
                       void *out, size_t n) {
    (void)stepped;
    EQ_STEPPED(float, angle_f32(a, b))
}

eq_status eq_prepare_atan2(eq_plan *plan, const eq_operator *op) {
    return eq_stepped_operator(plan, op, run_angles);
}

EQ_OPERATOR(ATAN2, eq_prepare_atan2, FLOAT32, FLOAT32);
EQ_OPERATOR_FLOAT16(ATAN2);
