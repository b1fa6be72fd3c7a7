/* zmq_poll over sockets and descriptors; ZMQ_FD in a foreign event loop. */
#include "check.h"
#include <sys/epoll.h>
#include <sys/socket.h>

static void sockets_and_descriptors (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX], byte;
    int p[2];
    CHECK (pipe (p) == 0);
    bind_on (a, on, ep);
    connect_to (b, ep);
    BOUNCE (a, b);
    zmq_pollitem_t items[] = {{a, 0, ZMQ_POLLIN, 0}, {b, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0}, {NULL, p[0], ZMQ_POLLIN, 0},
                              {NULL, p[1], ZMQ_POLLOUT, 0}};
    CHECK_INT (zmq_poll (items, 4, -1), 2);
    CHECK_INT (items[0].revents, 0);
    CHECK_INT (items[1].revents, ZMQ_POLLOUT);
    CHECK_INT (items[2].revents, 0);
    CHECK_INT (items[3].revents, ZMQ_POLLOUT);
    SEND (b, "x");
    CHECK (write (p[1], "x", 1) == 1);
    CHECK (wait_for (a, ZMQ_POLLIN, PATIENCE_MS));
    CHECK_INT (zmq_poll (items, 4, 0), 4);
    CHECK_INT (items[0].revents, ZMQ_POLLIN);
    CHECK_INT (items[2].revents, ZMQ_POLLIN);
    CHECK_INT (zmq_poll (items, 1, 0), 1);
    CHECK_INT (zmq_poll (items + 2, 1, -1), 1);
    RECV (a, "x");
    CHECK (read (p[0], &byte, 1) == 1);
    CHECK_INT (zmq_poll (items, 1, 0), 0);
    CHECK_INT (items[0].revents, 0);
    CHECK_INT (zmq_poll (items + 2, 1, 0), 0);
    CHECK_INT (items[2].revents, 0);
    finish (ctx);
}

static void descriptor_errors (const char *on)
{
    int p[2];
    CHECK (socketpair (AF_UNIX, SOCK_STREAM, 0, p) == 0);
    zmq_pollitem_t item = {NULL, p[0], ZMQ_POLLIN, 0};
    CHECK_INT (zmq_poll (&item, 1, 0), 0);
    close (p[1]);
    CHECK_INT (zmq_poll (&item, 1, PATIENCE_MS), 1);
    CHECK_INT (item.revents, ZMQ_POLLIN | ZMQ_POLLERR);
    close (p[0]);
    int q[2];
    CHECK (pipe (q) == 0);
    zmq_pollitem_t out = {NULL, q[1], ZMQ_POLLOUT, 0};
    close (q[0]);
    CHECK_INT (zmq_poll (&out, 1, PATIENCE_MS), 1);
    CHECK (out.revents & ZMQ_POLLERR);
}

static void same_item_twice (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PUB);
    zmq_pollitem_t items[] = {{a, 0, ZMQ_POLLOUT, 0}, {a, 0, ZMQ_POLLOUT, 0}, {a, 0, ZMQ_POLLIN, 0}, {a, 0, 0, 7}};
    CHECK_INT (zmq_poll (items, 4, 0), 2);
    CHECK_INT (items[3].revents, 0);
    finish (ctx);
}

static void timeouts (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PULL);
    zmq_pollitem_t item = {a, 0, ZMQ_POLLIN, 0};
    int64_t start = now_ms ();
    CHECK_INT (zmq_poll (&item, 1, 120), 0);
    int64_t took = now_ms () - start;
    CHECK (took >= 118 && took < 10000);
    start = now_ms ();
    CHECK_INT (zmq_poll (NULL, 0, 60), 0);
    CHECK (now_ms () - start >= 59);
    item.events = 0;
    CHECK_INT (zmq_poll (&item, 1, 0), 0);
    finish (ctx);
}

static void *send_later (void *s)
{
    pause_ms (80);
    SEND (s, "late");
    return NULL;
}

static void woken (const char *on)
{
    void *ctx = ctx_new (), *a[10], *b[10];
    zmq_pollitem_t items[10];
    for (int i = 0; i < 10; i++) {
        char ep[ENDPOINT_MAX];
        a[i] = sock (ctx, ZMQ_PAIR);
        b[i] = sock (ctx, ZMQ_PAIR);
        bind_on (a[i], on, ep);
        connect_to (b[i], ep);
        BOUNCE (a[i], b[i]);
        items[i] = (zmq_pollitem_t){a[i], 0, ZMQ_POLLIN, 0};
    }
    for (int i = 0; i < 10; i += 3) {
        pthread_t t;
        pthread_create (&t, NULL, send_later, b[i]);
        CHECK_INT (zmq_poll (items, 10, -1), 1);
        for (int n = 0; n < 10; n++)
            CHECK_INT (items[n].revents, n == i ? ZMQ_POLLIN : 0);
        pthread_join (t, NULL);
        RECV (a[i], "late");
    }
    finish (ctx);
}

static void *shut_down_later (void *ctx)
{
    pause_ms (80);
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    return NULL;
}

static void terminated (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PULL);
    zmq_pollitem_t items[] = {{a, 0, ZMQ_POLLIN, 0}, {NULL, 0, 0, 0}};
    pthread_t t;
    pthread_create (&t, NULL, shut_down_later, ctx);
    CHECK_ERRNO (zmq_poll (items, 1, -1), ETERM);
    pthread_join (t, NULL);
    finish (ctx);
}

static void bad_socket_among_good (const char *on)
{
    static uint64_t stranger[512];
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PULL);
    zmq_pollitem_t items[] = {{a, 0, ZMQ_POLLIN, 0}, {stranger, 0, ZMQ_POLLIN, 0}};
    CHECK_ERRNO (zmq_poll (items, 2, 0), ENOTSOCK);
    finish (ctx);
}

/* ---- ZMQ_FD ---- */

enum { MESSAGES = 20000 };

typedef struct {
    void *socket;
    bool in_bursts;
} sender_t;

static void *send_many (void *arg)
{
    sender_t *s = arg;
    for (int i = 0; i < MESSAGES; i++) {
        SEND_BYTES (s->socket, &i, (int) sizeof i, 0);
        if (s->in_bursts ? i % 97 == 0 : i % 1000 == 0)
            pause_ms (1);
    }
    return NULL;
}

/* The contract: wait until the descriptor is readable, then read ZMQ_EVENTS and receive until there is no POLLIN. With
 * epoll edge-triggered a lost wake-up means waiting for ever. */
static void fd_loop (const char *on, bool edge, bool in_bursts)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    pthread_t t;
    bind_on (pull, on, ep);
    connect_to (push, ep);
    int fd = get_int (pull, ZMQ_FD), set = epoll_create1 (0), next = 0;
    struct epoll_event e = {.events = EPOLLIN | (edge ? EPOLLET : 0)};
    CHECK (epoll_ctl (set, EPOLL_CTL_ADD, fd, &e) == 0);
    sender_t sender = {push, in_bursts};
    pthread_create (&t, NULL, send_many, &sender);
    while (next < MESSAGES) {
        while (get_int (pull, ZMQ_EVENTS) & ZMQ_POLLIN) {
            int n;
            CHECK_INT (zmq_recv (pull, &n, sizeof n, ZMQ_DONTWAIT), sizeof n);
            CHECK_INT (n, next);
            next++;
        }
        if (next < MESSAGES && epoll_wait (set, &e, 1, PATIENCE_MS) != 1)
            check_report (__FILE__, __LINE__, "no wake-up after message %d", next);
    }
    pthread_join (t, NULL);
    finish (ctx);
}

static void fd_level (const char *on)
{
    fd_loop (on, false, false);
}

static void fd_edge (const char *on)
{
    fd_loop (on, true, false);
}

static void fd_edge_in_bursts (const char *on)
{
    fd_loop (on, true, true);
}

/* Request and reply, each side in a loop on its descriptor, ending a turn with ZMQ_EVENTS. */
static void fd_ping_pong (const char *on)
{
    void *ctx = ctx_new (), *s[2] = {sock (ctx, ZMQ_PAIR), sock (ctx, ZMQ_PAIR)};
    char ep[ENDPOINT_MAX];
    bind_on (s[0], on, ep);
    connect_to (s[1], ep);
    struct pollfd p[2] = {{get_int (s[0], ZMQ_FD), POLLIN, 0}, {get_int (s[1], ZMQ_FD), POLLIN, 0}};
    int n = 0;
    SEND_BYTES (s[1], &n, (int) sizeof n, 0);
    while (n < 10000) {
        int who = n & 1, got;
        while (!(get_int (s[who], ZMQ_EVENTS) & ZMQ_POLLIN))
            if (poll (&p[who], 1, PATIENCE_MS) != 1)
                check_report (__FILE__, __LINE__, "no wake-up at %d", n);
        CHECK_INT (zmq_recv (s[who], &got, sizeof got, ZMQ_DONTWAIT), sizeof got);
        CHECK_INT (got, n);
        n++;
        SEND_BYTES (s[who], &n, (int) sizeof n, 0);
    }
    finish (ctx);
}

/* A request and its reply by descriptors, each side looking in vain before it waits: nobody waits for a clock's tick. */
static void fd_round_trips (const char *on)
{
    enum { TRIPS = 1000 };
    void *ctx = ctx_new (), *s[2] = {sock (ctx, ZMQ_REQ), sock (ctx, ZMQ_REP)};
    char ep[ENDPOINT_MAX], got[8];
    bind_on (s[1], on, ep);
    connect_to (s[0], ep);
    struct pollfd p[2] = {{get_int (s[0], ZMQ_FD), POLLIN, 0}, {get_int (s[1], ZMQ_FD), POLLIN, 0}};
    int64_t start = now_ms ();
    for (int n = 0; n < 2 * TRIPS; n++) {
        int from = n & 1, to = !from;
        SEND_BYTES (s[from], "x", 1, 0);
        if (from == 0)
            CHECK (zmq_recv (s[0], got, sizeof got, ZMQ_DONTWAIT) < 0);
        while (zmq_recv (s[to], got, sizeof got, ZMQ_DONTWAIT) != 1) {
            CHECK_INT (zmq_errno (), EAGAIN);
            if (!(get_int (s[to], ZMQ_EVENTS) & ZMQ_POLLIN) && poll (&p[to], 1, PATIENCE_MS) != 1)
                check_report (__FILE__, __LINE__, "no wake-up at %d", n);
        }
    }
    /* A tick of a millisecond each time would be twice as much. */
    CHECK (now_ms () - start < TRIPS);
    finish (ctx);
}

/* The descriptor also wakes a sender that waits for room. */
static void fd_room_to_send (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    static char body[20000];
    set_int (push, ZMQ_SNDHWM, 5);
    set_int (pull, ZMQ_RCVHWM, 5);
    bind_on (pull, on, ep);
    connect_to (push, ep);
    struct pollfd p = {get_int (push, ZMQ_FD), POLLIN, 0};
    int sent = 0, received = 0;
    while (received < 3000) {
        while (sent < 3000 && (get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT)) {
            memcpy (body, &sent, sizeof sent);
            CHECK_INT (zmq_send (push, body, sizeof body, ZMQ_DONTWAIT), sizeof body);
            sent++;
        }
        while (received < sent) {
            int n;
            CHECK_INT (recv_any (pull, body, sizeof body), sizeof body);
            memcpy (&n, body, sizeof n);
            CHECK_INT (n, received);
            received++;
        }
        if (sent < 3000 && !(get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT) && poll (&p, 1, PATIENCE_MS) != 1)
            check_report (__FILE__, __LINE__, "no wake-up after %d", sent);
    }
    finish (ctx);
}

/* What came before ZMQ_FD was asked for, once or again, leaves it raised: nobody was told of it yet. */
static void fd_asked_late (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL), *witness;
    char ep[ENDPOINT_MAX], seen[64];
    CHECK_INT (zmq_socket_monitor (pull, "inproc://witness", ZMQ_EVENT_HANDSHAKE_SUCCEEDED), 0);
    witness = sock (ctx, ZMQ_PAIR);
    CHECK_INT (zmq_connect (witness, "inproc://witness"), 0);
    bind_on (push, on, ep);
    connect_to (pull, ep);
    int connects = strcmp (on, "inproc") != 0;
    if (connects) {
        recv_any (witness, seen, sizeof seen);
        recv_any (witness, seen, sizeof seen);
    }
    struct pollfd p = {get_int (pull, ZMQ_FD), POLLIN, 0};
    if (connects)
        CHECK_INT (poll (&p, 1, PATIENCE_MS), 1);
    for (int i = 0; i < 3; i++) {
        CHECK_ERRNO (zmq_recv (pull, seen, sizeof seen, ZMQ_DONTWAIT), EAGAIN);
        get_int (pull, ZMQ_EVENTS);
        SEND (push, "again");
        CHECK_INT (poll (&p, 1, PATIENCE_MS), 1);
        CHECK_INT (get_int (pull, ZMQ_FD), p.fd);
        CHECK_INT (poll (&p, 1, PATIENCE_MS), 1);
        RECV (pull, "again");
    }
    finish (ctx);
}

static void fd_on_termination (const char *on)
{
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL);
    struct pollfd p = {get_int (pull, ZMQ_FD), POLLIN, 0};
    get_int (pull, ZMQ_EVENTS);
    pthread_t t;
    pthread_create (&t, NULL, shut_down_later, ctx);
    int events;
    size_t size = sizeof events;
    do
        CHECK_INT (poll (&p, 1, PATIENCE_MS), 1);
    while (zmq_getsockopt (pull, ZMQ_EVENTS, &events, &size) == 0);
    CHECK_INT (zmq_errno (), ETERM);
    pthread_join (t, NULL);
    finish (ctx);
}

CHECK_MAIN (CASE_ON (sockets_and_descriptors, "tcp"), CASE_ON (sockets_and_descriptors, "ipc"),
            CASE_ON (sockets_and_descriptors, "inproc"), CASE (descriptor_errors), CASE (same_item_twice),
            CASE (timeouts), CASE_ON (woken, "tcp"), CASE_ON (woken, "ipc"), CASE_ON (woken, "inproc"),
            CASE (terminated), CASE (bad_socket_among_good), CASE_ON (fd_level, "tcp"), CASE_ON (fd_level, "ipc"),
            CASE_ON (fd_level, "inproc"), CASE_ON (fd_edge, "tcp"), CASE_ON (fd_edge, "ipc"),
            CASE_ON (fd_edge, "inproc"), CASE_ON (fd_edge_in_bursts, "tcp"), CASE_ON (fd_edge_in_bursts, "inproc"),
            CASE_ON (fd_ping_pong, "tcp"), CASE_ON (fd_ping_pong, "ipc"), CASE_ON (fd_ping_pong, "inproc"),
            CASE_ON (fd_round_trips, "tcp"), CASE_ON (fd_round_trips, "ipc"), CASE_ON (fd_round_trips, "inproc"),
            CASE_ON (fd_room_to_send, "tcp"), CASE_ON (fd_room_to_send, "inproc"), CASE (fd_on_termination),
            CASE_ON (fd_asked_late, "tcp"), CASE_ON (fd_asked_late, "ipc"), CASE_ON (fd_asked_late, "inproc"))
