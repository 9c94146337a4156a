/* ATAN2: the angle of the point (second input, first input), in double precision, rounded once to float32. */
#include <math.h>

#include "arithmetic/portable_math.h"
#include "broadcast.h"
#include "plan/operator.h"
#include "runs.h"

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

EQ_RUNS(angles, float, angle_f32(a, b))
EQ_RUNS(angles_swapped, float, angle_f32(b, a))

static const eq_binary order[2] = {{EQ_RUN_PAIR(angles), NULL}, {EQ_RUN_PAIR(angles_swapped), NULL}};

eq_status eq_prepare_atan2(eq_plan *plan, const eq_operator *op) {
    return eq_broadcast_ordered(plan, op, order);
}

EQ_OPERATOR(ATAN2, eq_prepare_atan2, FLOAT32, FLOAT32);
