#include "notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A datagram to the socket that NOTIFY_SOCKET names; a name that begins with @ is in the abstract namespace. */
static void send_state(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = 0;
    }
    const int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (file < 0) {
        return;
    }
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    /* A manager that is gone is no reason to stop answering. */
    (void)!sendto(file, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address, size);
    close(file);
}

void notify_answer(uint64_t answers, double seconds) {
    static double told;
    char state[128];
    if (answers > 1 && seconds < told + 1) {
        return;
    }
    told = seconds;
    snprintf(state, sizeof state, "%sWATCHDOG=1\nSTATUS=%llu answers, %.1f a second", answers == 1 ? "READY=1\n" : "",
             (unsigned long long)answers, seconds > 0 ? (double)answers / seconds : 0);
    send_state(state);
}
