#include "edgequant.h"

const char *eq_version(void) {
    return EQ_VERSION; /* CMakeLists.txt has it */
}
