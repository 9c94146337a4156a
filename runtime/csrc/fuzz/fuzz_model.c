/* libFuzzer's entry: the bytes are a model. Build with -DEQ_FUZZ=ON, run with scripts/fuzz. */
#include "exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    eq_exercise(data, size);
    return 0;
}
