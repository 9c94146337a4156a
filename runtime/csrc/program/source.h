/* Standard input and files as streams of bytes that may be ended from outside. */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From now on SIGTERM and SIGINT end the streams below, as their own end would. */
void source_end_on_signals(void);

/* A file that is open for reading; "-" is standard input. Ends the program if it cannot be opened. */
int source_open(const char *path);
/* Up to `bytes` bytes, less only at the end; `at_once`: what is there, at least one byte. Ends the program if reading fails. */
size_t source_read(int file, void *to, size_t bytes, bool at_once);
/* All of a file, whose bytes are the caller's. */
uint8_t *source_read_all(const char *path, size_t *bytes);

#endif
