#include "memory.h"

#include <stdlib.h>

enum { ALIGNMENT = 64 }; /* a cache line, and the widest vector register */

struct eq_memory_block {
    eq_memory_block *next;
};

void *eq_memory_take(eq_memory_block **chain, size_t bytes) {
    const size_t overhead = sizeof(eq_memory_block) + ALIGNMENT - 1;
    if (bytes > SIZE_MAX - overhead) {
        return NULL;
    }
    eq_memory_block *block = calloc(1, bytes + overhead);
    if (block == NULL) {
        return NULL;
    }
    block->next = *chain;
    *chain = block;
    const size_t misalignment = (uintptr_t)(block + 1) % ALIGNMENT;
    return (char *)(block + 1) + (misalignment ? ALIGNMENT - misalignment : 0);
}

void eq_memory_free(eq_memory_block **chain) {
    while (*chain != NULL) {
        eq_memory_block *next = (*chain)->next;
        free(*chain);
        *chain = next;
    }
}

size_t eq_size_times(size_t a, size_t b) {
    return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}
