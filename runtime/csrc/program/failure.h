/* What ends the program early: one sentence on standard error, and an exit code. */
#ifndef FAILURE_H
#define FAILURE_H

enum {
    EXIT_SYSTEM = 1, /* the system had no memory, no thread or no disk space */
    EXIT_USER = 2,   /* an argument, a file or a model that the user can change */
};

/* Print "edgequant-run: <sentence>" and exit with `code`. */
__attribute__((noreturn, format(printf, 2, 3))) void fail(int code, const char *format, ...);

#endif
