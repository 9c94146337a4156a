#ifndef EQ_UTF8_H
#define EQ_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed, printable character that `text` begins with (RFC 3629: no overlong form, no surrogate); 0 if there
 * is none within `length` > 0 bytes. */
size_t eq_utf8_bytes(const char *text, size_t length);

/* Copy text with each byte of anything else replaced by '?', cut between characters to `capacity` - 1 bytes and a zero. */
void eq_utf8_copy(char *to, size_t capacity, const char *text, size_t length);

#endif
