/* What a build has that is no line of the operators' table: constants, so that what only serves an absence is not linked (EQ_TYPES,
 * CMakeLists.txt). */
#ifndef EQ_BUILT_IN_H
#define EQ_BUILT_IN_H

#ifndef EQ_WITHOUT
#define EQ_WITHOUT 0
#endif

enum {
    EQ_HAS_FLOATS = (EQ_WITHOUT & 1) == 0,  /* float16 activations, and arithmetic with them */
    EQ_HAS_CONTROL = (EQ_WITHOUT & 2) == 0, /* slices and lists at places that a loop computes */
    EQ_HAS_INT4 = (EQ_WITHOUT & 4) == 0,    /* int8 layers with weights of int4 */
    EQ_HAS_SPARSE = (EQ_WITHOUT & 8) == 0,  /* constants that are sparse in the file */
};

#endif
