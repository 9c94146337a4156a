/* How an operator makes itself known: a line at the end of its own file, from which cmake/operators.cmake makes the table that
 * the planner looks in.
 *
 *     EQ_OPERATOR(REVERSE_V2, eq_prepare_reverse_v2, ANY);
 *     EQ_OPERATOR(CONV_2D, eq_prepare_conv_s8, INT8, INT8);
 *     EQ_OPERATOR(CONV_2D, eq_prepare_conv_f32, FLOAT32, FLOAT32);
 *     EQ_CUSTOM_OPERATOR("TFLite_Detection_PostProcess", eq_prepare_detection_post_process, ANY);
 *
 * After the prepare function come the types of the first inputs, three at most. An operator may have many lines, in as many files:
 * the one with the most types that are all those of the inputs is taken, and ANY fits every type and an absent input. Each
 * line stands on one line of its file. */
#ifndef EQ_PLAN_OPERATOR_H
#define EQ_PLAN_OPERATOR_H

#include "plan.h"
#include "read/operator_codes.h"

enum { EQ_ANY = -1, EQ_ROW_TYPES = 3 };

/* The first two numbers of prepare functions; the others are those of the lines' functions. */
enum { EQ_PREPARE_CUSTOM, EQ_PREPARE_WIDENED };

/* Without pointers, which a loader would have to adjust: cmake/operators.cmake says what they cost. */
typedef struct eq_operator_row {
    int16_t code;               /* EQ_OP_... */
    uint16_t custom;            /* where the name begins in eq_custom_names, where code is EQ_OP_CUSTOM */
    uint16_t prepare;           /* the number of the prepare function */
    int8_t types[EQ_ROW_TYPES]; /* an eq_type of each of the first inputs, or EQ_ANY */
} eq_operator_row;

extern const eq_operator_row eq_operator_rows[];
extern const int32_t eq_operator_row_count;
extern const int16_t eq_widened[];   /* the codes that lines EQ_OPERATOR_FLOAT16 name, and -1 */
extern const char eq_custom_names[]; /* one after the other, each with its 0 */
extern const char eq_left_out[];     /* "FLOAT32, INT16", "all but 5 operators": what is not in this build; or "" */

/* Calls the row's prepare function. */
eq_status eq_operator_prepare(const eq_operator_row *row, eq_plan *plan, const eq_operator *op);

/* What prepares an operator with the types of its inputs. Fails, in the operator's name, if there is none. (operator.c) */
eq_status eq_plan_find_operator(eq_plan *plan, const eq_operator *op, const eq_operator_row **row);

/* Here they only check what the table will use. */
#define EQ_OPERATOR(code, prepare, ...)                                     \
    _Static_assert(EQ_OP_##code != EQ_OP_CUSTOM, "has a name, not a code"); \
    eq_status prepare(eq_plan *plan, const eq_operator *op)
#define EQ_CUSTOM_OPERATOR(name, prepare, ...)                    \
    _Static_assert(sizeof(name) > 1, "a custom operator's name"); \
    eq_status prepare(eq_plan *plan, const eq_operator *op)

/* Which of the file's operators LiteRT computes with float16 too: they run in float32 and are rounded once (widen.h). What moves values
 * needs no such line, and takes float16 as it is. */
#define EQ_OPERATOR_FLOAT16(...) _Static_assert(sizeof(#__VA_ARGS__) > 1, "names of operators")

/* For docs/operators.md: the member of eq_kernels in which operators spend their time, and what they ask or leave out. */
#define EQ_OPERATOR_KERNEL(kernel, ...) _Static_assert(sizeof(((const eq_kernels *)0)->kernel) != 0, "a member of eq_kernels")
#define EQ_OPERATOR_NOTE(code, note) _Static_assert(EQ_OP_##code >= 0 && sizeof(note) > 1, "a note about an operator")
#define EQ_CUSTOM_OPERATOR_NOTE(name, note) _Static_assert(sizeof(name) > 1 && sizeof(note) > 1, "a note about an operator")

#endif
