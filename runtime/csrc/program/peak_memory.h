/* The largest resident set of this process so far. */
#ifndef PEAK_MEMORY_H
#define PEAK_MEMORY_H

/* In bytes; 0 where /proc does not say. */
long long peak_memory(void);

#endif
