/* Many operators of two inputs in one function, which is a switch with a loop in each case. The steps of a loop serve inputs in the
 * file's order, swapped by the driver (broadcast.h), and of one value: what takes four functions otherwise, and four pointers
 * in a table, of which a shared library needs 32 bytes each. For operators that networks spend little time in: nothing here becomes
 * vector code. */
#ifndef EQ_STEPPED_H
#define EQ_STEPPED_H

#include "ops/elementwise/broadcast.h"

typedef struct eq_stepped eq_stepped;

/* `n` values of out from those of the operator's first and second input, each `first_step` or `second_step` (0 or 1) values after the
 * one before. Returns whether there is such an operator on such a type, and does nothing else if n is 0. */
typedef bool (*eq_stepped_fn)(const eq_stepped *stepped, const void *first, size_t first_step, const void *second,
                              size_t second_step, void *out, size_t n);

struct eq_stepped {
    eq_stepped_fn run;
    int32_t code; /* of the operator */
    eq_type type; /* of its first input */
    bool swapped; /* the driver's first input is the operator's second */
    const void *parameters;
};

/* What the driver runs for an operator. Fails where `run` has nothing for it. */
eq_status eq_stepped_binary(eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, eq_stepped_fn run,
                            const void *parameters, eq_binary *binary);
/* Prepare an operator whose output has its first input's type. */
eq_status eq_stepped_operator(eq_plan *plan, const eq_operator *op, eq_stepped_fn run);
/* The same where values are taken as they are, whatever their scales: not quantized uint8, which is read as int8. */
eq_status eq_stepped_plain(eq_plan *plan, const eq_operator *op, eq_stepped_fn run);

/* The loop of a case: out[i] = expression, of a and b, which are `type`. */
#define EQ_STEPPED_TO(type, result_type, expression)                        \
    {                                                                       \
        const type *x = first, *y = second;                                 \
        result_type *to = out;                                              \
        for (size_t i = 0; i < n; i++, x += first_step, y += second_step) { \
            const type a = *x, b = *y;                                      \
            to[i] = (result_type)(expression);                              \
        }                                                                   \
        return true;                                                        \
    }
#define EQ_STEPPED(type, expression) EQ_STEPPED_TO(type, type, expression)

#endif
