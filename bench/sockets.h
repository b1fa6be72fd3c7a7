/* What the bench programs on ZeroMQ sockets share. */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include "bench.h"
#include <sys/epoll.h>
#include <zmq.h>

/* One for each process; of both sides when they are threads. */
static void *context;
static side *near_side, *far_side;

static void in_own_context (side *run, int peer)
{
    CHECK ((context = zmq_ctx_new ()) != NULL);
    CHECK (zmq_ctx_set (context, ZMQ_MAX_SOCKETS, 16384) == 0);
    run (peer);
    CHECK (zmq_ctx_term (context) == 0);
}

static void near_process (int peer)
{
    in_own_context (near_side, peer);
}

static void far_process (int peer)
{
    in_own_context (far_side, peer);
}

static void both_threads (int peer)
{
    (void) peer;
    run_threads (near_side, far_side);
}

/* Two processes, unless the transport or `processes=1` asks for threads of one. */
SHARED void run_sides (side *near, side *far)
{
    near_side = near;
    far_side = far;
    if (is ("transport", "inproc") || number ("processes", 2) == 1)
        in_own_context (both_threads, -1);
    else
        run_processes (near_process, far_process);
}

SHARED void set_int (void *socket, int option, int value)
{
    CHECK (zmq_setsockopt (socket, option, &value, sizeof value) == 0);
}

SHARED void *open_socket (int type)
{
    void *socket = zmq_socket (context, type);
    CHECK (socket != NULL);
    long mark = number ("hwm", -1);
    if (mark >= 0) {
        set_int (socket, ZMQ_SNDHWM, (int) mark);
        set_int (socket, ZMQ_RCVHWM, (int) mark);
    }
    return socket;
}

SHARED void bind_and_tell (void *socket, int peer)
{
    char endpoint[LINE_MAX_LENGTH];
    size_t length = sizeof endpoint;
    const char *transport = text ("transport", "tcp");
    const char *where = "tcp://127.0.0.1:*";
    if (strcmp (transport, "ipc") == 0)
        where = "ipc://*";
    if (strcmp (transport, "inproc") == 0)
        where = "inproc://bench";
    CHECK (zmq_bind (socket, where) == 0);
    CHECK (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &length) == 0);
    tell (peer, endpoint);
}

SHARED void hear_and_connect (void *socket, int peer)
{
    char endpoint[LINE_MAX_LENGTH];
    hear (peer, endpoint);
    CHECK (zmq_connect (socket, endpoint) == 0);
}

/* How a program waits for a socket. */
typedef struct
{
    void *socket;
    enum
    {
        BLOCK,
        SPIN,
        EPOLL
    } way;
    int epoll;
} waiter;

/* `wait=block`, in the library; `wait=spin`, never: it asks again and again; `wait=epoll`, as event loops do. */
SHARED waiter wait_on (void *socket)
{
    waiter on = {socket, is ("wait", "spin") ? SPIN : is ("wait", "epoll") ? EPOLL : BLOCK, -1};
    if (on.way == EPOLL) {
        int fd;
        size_t size = sizeof fd;
        CHECK (zmq_getsockopt (socket, ZMQ_FD, &fd, &size) == 0);
        CHECK ((on.epoll = epoll_create1 (EPOLL_CLOEXEC)) >= 0);
        struct epoll_event event = {.events = EPOLLIN | EPOLLET};
        CHECK (epoll_ctl (on.epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    }
    return on;
}

/* Returns when the socket is ready for `events`: the descriptor only says that ZMQ_EVENTS is worth reading again. */
static void wait_for_events (waiter *on, int events)
{
    for (;;) {
        int ready;
        size_t size = sizeof ready;
        CHECK (zmq_getsockopt (on->socket, ZMQ_EVENTS, &ready, &size) == 0);
        if (ready & events)
            return;
        struct epoll_event event;
        int count = epoll_wait (on->epoll, &event, 1, -1);
        CHECK (count == 1 || errno == EINTR);
    }
}

SHARED void receive (waiter *on, zmq_msg_t *message)
{
    if (on->way == BLOCK) {
        CHECK (zmq_msg_recv (message, on->socket, 0) >= 0);
        return;
    }
    while (zmq_msg_recv (message, on->socket, ZMQ_DONTWAIT) < 0) {
        CHECK (errno == EAGAIN);
        if (on->way == EPOLL)
            wait_for_events (on, ZMQ_POLLIN);
    }
}

SHARED void send_message (waiter *on, zmq_msg_t *message)
{
    if (on->way == BLOCK) {
        CHECK (zmq_msg_send (message, on->socket, 0) >= 0);
        return;
    }
    while (zmq_msg_send (message, on->socket, ZMQ_DONTWAIT) < 0) {
        CHECK (errno == EAGAIN);
        if (on->way == EPOLL)
            wait_for_events (on, ZMQ_POLLOUT);
    }
}

SHARED void send_size (waiter *on, size_t size)
{
    zmq_msg_t message;
    CHECK (zmq_msg_init_size (&message, size) == 0);
    send_message (on, &message);
}

SHARED void done_with (waiter *on)
{
    if (on->epoll >= 0)
        close (on->epoll);
    set_int (on->socket, ZMQ_LINGER, 0);
    CHECK (zmq_close (on->socket) == 0);
}

#endif
