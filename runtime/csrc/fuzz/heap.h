/* How much memory is taken, where the address sanitizer counts it; 0 elsewhere. */
#ifndef EQ_HEAP_H
#define EQ_HEAP_H

#include <stddef.h>

void eq_heap_watch(void);  /* from now on */
void eq_heap_begin(void);  /* what is taken now does not count */
size_t eq_heap_peak(void); /* most bytes at a time between any begin and the next */

#endif
