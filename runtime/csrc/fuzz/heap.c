#include "heap.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define HAS_SANITIZER
#endif

#if defined(HAS_SANITIZER) && __has_include(<sanitizer/allocator_interface.h>) /* gcc's packages may lack it */
#include <sanitizer/allocator_interface.h>
#include <stdint.h>

/* One thread only: the sessions that are exercised have no pool. */
static int64_t live, peak;

static void on_malloc(const volatile void *memory, size_t bytes) {
    (void)memory;
    live += (int64_t)bytes;
    if (live > peak) {
        peak = live;
    }
}

static void on_free(const volatile void *memory) {
    if (memory != NULL) {
        live -= (int64_t)__sanitizer_get_allocated_size(memory);
    }
}

void eq_heap_watch(void) {
    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}

void eq_heap_begin(void) {
    live = 0;
}

size_t eq_heap_peak(void) {
    return (size_t)peak;
}

#else

void eq_heap_watch(void) {}

void eq_heap_begin(void) {}

size_t eq_heap_peak(void) {
    return 0;
}

#endif
