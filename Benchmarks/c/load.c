// SPDX-License-Identifier: Apache-2.0
//
// Loads a server of length-prefixed frames on a Unix socket: one call at a time on each connection, the same request each time.
// Every answer must have the length of the first one.
//
// Usage: load PATH CONNECTIONS CALLS REQUEST          REQUEST is a file that holds one message, without its length
//
// Prints calls, seconds, and the length of the answers, on one line.

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, LARGEST = 1 << 20 };

struct connection {
    int socket;
    size_t received;
    size_t expected;
    unsigned char head[4];
};

static unsigned char request[LARGEST + 4];
static size_t request_length;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void ask(const struct connection *connection) {
    size_t sent = 0;
    while (sent < request_length) {
        ssize_t now = send(connection->socket, request + sent, request_length - sent, MSG_NOSIGNAL);
        if (now < 0 && errno == EINTR) continue;
        if (now <= 0) die("send");
        sent += (size_t)now;
    }
}

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (argc != 5 || strlen(argv[1]) >= sizeof address.sun_path) {
        fprintf(stderr, "usage: %s PATH CONNECTIONS CALLS REQUEST\n", argv[0]);
        return 2;
    }
    strcpy(address.sun_path, argv[1]);
    long count = atol(argv[2]);
    long calls = atol(argv[3]);
    if (count < 1 || calls < count) {
        fprintf(stderr, "%s: CONNECTIONS must be at least 1, CALLS at least CONNECTIONS\n", argv[0]);
        return 2;
    }
    FILE *file = fopen(argv[4], "rb");
    if (!file) die(argv[4]);
    size_t length = fread(request + 4, 1, LARGEST, file);
    fclose(file);
    for (int byte = 0; byte < 4; byte++) request[byte] = (unsigned char)(length >> (24 - 8 * byte));
    request_length = length + 4;

    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct connection *connections = calloc((size_t)count, sizeof *connections);
    if (poll < 0 || !connections) die("epoll");
    for (long index = 0; index < count; index++) {
        connections[index].socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(connections[index].socket, (struct sockaddr *)&address, sizeof address) != 0) die(argv[1]);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[index]};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[index].socket, &event) != 0) die("epoll_ctl");
    }

    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    long begun = 0, done = 0;
    size_t answer_length = 0;
    for (; begun < count; begun++) ask(&connections[begun]);
    static unsigned char bytes[LARGEST + 4];
    struct epoll_event events[EVENTS];
    while (done < calls) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR) die("epoll_wait");
        for (int index = 0; index < ready; index++) {
            struct connection *connection = events[index].data.ptr;
            ssize_t got = recv(connection->socket, bytes, sizeof bytes, 0);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) {
                fprintf(stderr, "the server closed a connection after %ld calls\n", done);
                return 1;
            }
            for (size_t byte = 0; byte < (size_t)got && connection->received + byte < 4; byte++)
                connection->head[connection->received + byte] = bytes[byte];
            connection->received += (size_t)got;
            if (connection->received < 4) continue;
            const unsigned char *head = connection->head;
            connection->expected =
                4 + ((size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | (size_t)head[3]);
            if (connection->received < connection->expected) continue;
            if (connection->received > connection->expected ||
                (answer_length != 0 && answer_length != connection->expected)) {
                fprintf(stderr, "an answer of %zu bytes after answers of %zu\n", connection->received, answer_length);
                return 1;
            }
            answer_length = connection->expected;
            connection->received = 0;
            done++;
            if (begun < calls) {
                begun++;
                ask(connection);
            }
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    printf("%ld %.6f %zu\n", done, seconds, answer_length - 4);
    return 0;
}
