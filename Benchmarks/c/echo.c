// SPDX-License-Identifier: Apache-2.0
//
// The yardstick of the raw socket: answers every frame with itself. One thread, epoll, no work on the content.
// A frame is a length of four bytes, most significant first, and that many bytes.
//
// Usage: echo PATH          PATH is the Unix socket to listen on; prints READY, ends on SIGTERM and SIGINT.

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CAPACITY = 1 << 20, EVENTS = 256 };

struct connection {
    int socket;
    size_t used;
    unsigned char bytes[CAPACITY];
};

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void drop(struct connection *connection) {
    close(connection->socket);
    free(connection);
}

// Sends all bytes; the load reads answers before it sends more, so this never waits for long.
static int send_all(int socket, const unsigned char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(socket, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (sent <= 0) return -1;
        bytes += sent;
        length -= (size_t)sent;
    }
    return 0;
}

// Reads once, and sends back what frames are whole.
static void serve(struct connection *connection) {
    ssize_t got = recv(connection->socket, connection->bytes + connection->used, CAPACITY - connection->used, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) {
        drop(connection);
        return;
    }
    connection->used += (size_t)got;
    size_t whole = 0;
    while (connection->used - whole >= 4) {
        const unsigned char *head = connection->bytes + whole;
        size_t length = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        if (length > CAPACITY - 4) {
            drop(connection);
            return;
        }
        if (connection->used - whole < 4 + length) break;
        whole += 4 + length;
    }
    if (whole == 0) return;
    if (send_all(connection->socket, connection->bytes, whole) != 0) {
        drop(connection);
        return;
    }
    memmove(connection->bytes, connection->bytes + whole, connection->used - whole);
    connection->used -= whole;
}

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) {
        fprintf(stderr, "usage: %s PATH\n", argv[0]);
        return 2;
    }
    strcpy(address.sun_path, argv[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) die("socket");
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) die(argv[1]);
    if (listen(listener, 1024) != 0) die("listen");

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int ending = signalfd(-1, &signals, SFD_CLOEXEC);

    int poll = epoll_create1(EPOLL_CLOEXEC);
    if (ending < 0 || poll < 0) die("epoll");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    event.data.ptr = &ending;
    epoll_ctl(poll, EPOLL_CTL_ADD, ending, &event);
    puts("READY");
    fflush(stdout);

    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(poll, events, EVENTS, -1);
        if (count < 0 && errno != EINTR) die("epoll_wait");
        for (int index = 0; index < count; index++) {
            void *about = events[index].data.ptr;
            if (about == &ending) {
                unlink(argv[1]);
                return 0;
            }
            if (about != &listener) {
                serve(about);
                continue;
            }
            int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (accepted < 0) continue;
            struct connection *connection = malloc(sizeof *connection);
            if (!connection) die("malloc");
            connection->socket = accepted;
            connection->used = 0;
            event.events = EPOLLIN;
            event.data.ptr = connection;
            if (epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &event) != 0) drop(connection);
        }
    }
}
