/* libFuzzer's entry: the bytes are a model. Build with -DEQ_FUZZ=ON, run with scripts/fuzz. */
#include "exercise.h"

/* Small, so that many models are tried in a second. */
static const eq_exercise_limits limits = {.memory = 2 << 20, .macs = 4000000};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    eq_exercise(data, size, &limits);
    return 0;
}
