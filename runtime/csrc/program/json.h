/* JSON, written value by value. */
#ifndef JSON_H
#define JSON_H

/* Print `text` to standard output in quotes, with what JSON needs escaped. */
void json_string(const char *text);
/* The same as a text of its own, which is the caller's. */
char *json_quoted(const char *text);

#endif
