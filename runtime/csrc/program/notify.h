/* What a service manager is told: sd_notify(3) without its library. Nothing is said where none listens. */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

/* After an answer: the first one makes the service ready, and those that follow, one a second at most, say that it is
   alive. `seconds` have gone by since the start. */
void notify_answer(uint64_t answers, double seconds);

#endif
