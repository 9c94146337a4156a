#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failure.h"

static const size_t most_bytes = (size_t)1 << 30;
static volatile sig_atomic_t is_ended;
static int ends[2] = {-1, -1}; /* a pipe with a byte in it after a signal: whichever thread waits for input sees it */

static void end(int number) {
    const int error = errno;
    (void)number;
    is_ended = 1;
    if (write(ends[1], "", 1) < 0) {
        is_ended = 1; /* it is full: there is a byte in it */
    }
    errno = error;
}

void source_end_on_signals(void) {
    struct sigaction action = {.sa_handler = end, .sa_flags = SA_RESTART};
    if (pipe(ends) != 0) {
        fail(EXIT_SYSTEM, "there is no pipe for signals: %s", strerror(errno));
    }
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

int source_open(const char *path) {
    if (strcmp(path, "-") == 0) {
        return STDIN_FILENO;
    }
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        fail(EXIT_USER, "%s cannot be read: %s", path, strerror(errno));
    }
    return file;
}

/* Until there is input or a signal. */
static void wait_for(int file) {
    struct pollfd waits[] = {{.fd = file, .events = POLLIN}, {.fd = ends[0], .events = POLLIN}};
    while (poll(waits, ends[0] < 0 ? 1 : 2, -1) < 0 && errno == EINTR) {
    }
}

size_t source_read(int file, void *to, size_t bytes, bool at_once) {
    size_t done = 0;
    while (done < bytes && !is_ended) {
        wait_for(file);
        if (is_ended) {
            break;
        }
        const ssize_t got = read(file, (char *)to + done, bytes - done);
        if (got < 0 && errno != EINTR) {
            fail(EXIT_USER, "the input cannot be read: %s", strerror(errno));
        }
        if (got == 0) {
            break;
        }
        done += got > 0 ? (size_t)got : 0;
        if (at_once && done > 0) {
            break;
        }
    }
    return is_ended ? 0 : done;
}

uint8_t *source_read_all(const char *path, size_t *bytes) {
    const int file = source_open(path);
    size_t room = 1 << 16;
    uint8_t *content = NULL;
    for (*bytes = 0;; room *= 2) {
        uint8_t *larger = realloc(content, room);
        if (larger == NULL) {
            fail(EXIT_SYSTEM, "there is no memory for %s", path);
        }
        content = larger;
        *bytes += source_read(file, content + *bytes, room - *bytes, false);
        if (*bytes < room) {
            break;
        }
        if (room >= most_bytes) {
            fail(EXIT_USER, "%s has more than 1 GiB", path);
        }
    }
    if (file != STDIN_FILENO) {
        close(file);
    }
    return content;
}
