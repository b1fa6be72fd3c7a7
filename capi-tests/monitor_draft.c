/* zmq_socket_monitor_versioned: the layout of version 2, both ends of every event, the types of the monitor's socket;
 * and zmq_socket_monitor_pipes_stats. */
#define ZMQ_BUILD_DRAFT_API
#include "check.h"

typedef struct {
    uint64_t kind, count, values[4];
    char local[ENDPOINT_MAX], remote[ENDPOINT_MAX];
} event_t;

static void read_end (void *mon, char *into, int more)
{
    int n = zmq_recv (mon, into, ENDPOINT_MAX - 1, 0);
    CHECK (n >= 0 && n < ENDPOINT_MAX);
    into[n] = 0;
    CHECK_INT (get_int (mon, ZMQ_RCVMORE), more);
}

static uint64_t read_number (void *mon)
{
    uint64_t number = 0;
    CHECK_INT (zmq_recv (mon, &number, sizeof number, 0), 8);
    CHECK_INT (get_int (mon, ZMQ_RCVMORE), 1);
    return number;
}

/* False when none comes in time. */
static bool next (void *mon, event_t *event, int ms)
{
    if (!wait_for (mon, ZMQ_POLLIN, ms))
        return false;
    event->kind = read_number (mon);
    event->count = read_number (mon);
    CHECK (event->count >= 1 && event->count <= COUNT (event->values));
    for (uint64_t i = 0; i < event->count; i++)
        event->values[i] = read_number (mon);
    read_end (mon, event->local, 1);
    read_end (mon, event->remote, 0);
    return true;
}

static event_t expect_event (void *mon, uint64_t kind, int line)
{
    event_t event;
    if (!next (mon, &event, PATIENCE_MS))
        check_report (__FILE__, line, "event %#x never came", (unsigned) kind);
    if (event.kind != kind)
        check_report (__FILE__, line, "event %#x instead of %#x", (unsigned) event.kind, (unsigned) kind);
    CHECK_INT (event.count, kind == ZMQ_EVENT_PIPES_STATS ? 2 : 1);
    return event;
}
#define EXPECT(mon, kind) expect_event (mon, kind, __LINE__)

static void *open_v2 (void *ctx, void *s, uint64_t events, int type)
{
    char name[64];
    snprintf (name, sizeof name, "inproc://monitor-%d", atomic_fetch_add (&check_serial, 1));
    CHECK_INT (zmq_socket_monitor_versioned (s, name, events, 2, type), 0);
    void *mon = sock (ctx, type == ZMQ_PUB ? ZMQ_SUB : type == ZMQ_PUSH ? ZMQ_PULL : ZMQ_PAIR);
    if (type == ZMQ_PUB)
        CHECK_INT (zmq_setsockopt (mon, ZMQ_SUBSCRIBE, "", 0), 0);
    CHECK_INT (zmq_connect (mon, name), 0);
    return mon;
}

static bool is_fd (uint64_t value)
{
    return value > 2 && value < 65536;
}

static void arguments (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER), *other = sock (ctx, ZMQ_PAIR);
    static const int wrong[] = {ZMQ_SUB, ZMQ_REQ, ZMQ_REP, ZMQ_DEALER, ZMQ_ROUTER, ZMQ_PULL, ZMQ_XPUB, ZMQ_STREAM, -1, 99};
    for (size_t i = 0; i < COUNT (wrong); i++)
        CHECK_ERRNO (zmq_socket_monitor_versioned (s, "inproc://m", ZMQ_EVENT_ALL_V2, 2, wrong[i]), EINVAL);
    CHECK_ERRNO (zmq_socket_monitor_versioned (NULL, "inproc://m", 1, 2, ZMQ_PAIR), ENOTSOCK);
    CHECK_ERRNO (zmq_socket_monitor_versioned (s, "inproc://m", ZMQ_EVENT_ALL_V2, 1, ZMQ_PAIR), EINVAL);
    CHECK_ERRNO (zmq_socket_monitor_versioned (s, "tcp://127.0.0.1:*", 1, 2, ZMQ_PAIR), EPROTONOSUPPORT);
    CHECK_ERRNO (zmq_socket_monitor_versioned (s, "nonsense", 1, 2, ZMQ_PAIR), EINVAL);
    CHECK_INT (zmq_bind (other, "inproc://taken"), 0);
    CHECK_ERRNO (zmq_socket_monitor_versioned (s, "inproc://taken", 1, 2, ZMQ_PUB), EADDRINUSE);
    CHECK_INT (zmq_socket_monitor_versioned (s, NULL, 0, 2, 99), 0);
    finish (ctx);
}

static void unknown_version_tells_nothing (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR), *mon = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    CHECK_INT (zmq_socket_monitor_versioned (s, "inproc://v3", ZMQ_EVENT_ALL_V2, 3, ZMQ_PAIR), 0);
    CHECK_INT (zmq_connect (mon, "inproc://v3"), 0);
    bind_on (s, "tcp", ep);
    NOTHING (mon);
    finish (ctx);
}

static void both_ends (const char *on, int type)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = open_v2 (ctx, server, ZMQ_EVENT_ALL_V2, type), *cm = open_v2 (ctx, client, ZMQ_EVENT_ALL_V2, type);
    char ep[ENDPOINT_MAX], client_end[ENDPOINT_MAX];
    set_int (client, ZMQ_RECONNECT_IVL, 20);
    bind_on (server, on, ep);
    event_t event = EXPECT (sm, ZMQ_EVENT_LISTENING);
    CHECK (is_fd (event.values[0]) && !strcmp (event.local, ep) && !*event.remote);
    connect_to (client, ep);
    BOUNCE (server, client);
    CHECK (next (cm, &event, PATIENCE_MS));
    if (event.kind == ZMQ_EVENT_CONNECT_DELAYED) {
        CHECK (event.values[0] == EINPROGRESS && !*event.local && !strcmp (event.remote, ep));
        CHECK (next (cm, &event, PATIENCE_MS));
    }
    CHECK_INT (event.kind, ZMQ_EVENT_CONNECTED);
    CHECK (is_fd (event.values[0]) && !strcmp (event.remote, ep) && strcmp (event.local, ep));
    CHECK (!strncmp (event.local, ep, (size_t) (strchr (ep, '/') - ep) + 2));
    strcpy (client_end, event.local);
    event = EXPECT (cm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    CHECK (event.values[0] == 0 && !strcmp (event.local, client_end) && !strcmp (event.remote, ep));
    event = EXPECT (sm, ZMQ_EVENT_ACCEPTED);
    CHECK (is_fd (event.values[0]) && !strcmp (event.local, ep) && !strcmp (event.remote, client_end));
    uint64_t fd = event.values[0];
    event = EXPECT (sm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    CHECK (event.values[0] == 0 && !strcmp (event.local, ep) && !strcmp (event.remote, client_end));
    sock_close (server);
    do /* the listener goes first, or the connection does */
        CHECK (next (sm, &event, PATIENCE_MS));
    while (event.kind == ZMQ_EVENT_DISCONNECTED && event.values[0] == fd);
    CHECK_INT (event.kind, ZMQ_EVENT_CLOSED);
    CHECK (!strcmp (event.local, ep) && !*event.remote);
    do
        CHECK (next (sm, &event, PATIENCE_MS));
    while (event.kind == ZMQ_EVENT_DISCONNECTED);
    CHECK_INT (event.kind, ZMQ_EVENT_MONITOR_STOPPED);
    CHECK (event.values[0] == 0 && !*event.local && !*event.remote);
    event = EXPECT (cm, ZMQ_EVENT_DISCONNECTED);
    CHECK (is_fd (event.values[0]) && !strcmp (event.local, client_end) && !strcmp (event.remote, ep));
    event = EXPECT (cm, ZMQ_EVENT_CONNECT_RETRIED);
    CHECK (event.values[0] >= 20 && event.values[0] < 40 && !*event.local && !strcmp (event.remote, ep));
    CHECK (next (cm, &event, PATIENCE_MS));
    if (event.kind == ZMQ_EVENT_CONNECT_DELAYED)
        CHECK (next (cm, &event, PATIENCE_MS));
    CHECK_INT (event.kind, ZMQ_EVENT_CLOSED);
    CHECK (is_fd (event.values[0]) && !*event.local && !strcmp (event.remote, ep));
    finish (ctx);
}

static void pair_monitor (const char *on)
{
    both_ends (on, ZMQ_PAIR);
}

static void pub_monitor (const char *on)
{
    both_ends (on, ZMQ_PUB);
}

static void push_monitor (const char *on)
{
    both_ends (on, ZMQ_PUSH);
}

/* Bound to every interface, a listener is told by the address it was bound to, a connection by the one it came in by. */
static void wildcard (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_PAIR), *client = sock (ctx, ZMQ_PAIR);
    void *v2 = open_v2 (ctx, server, ZMQ_EVENT_ALL_V2, ZMQ_PAIR);
    char bound[ENDPOINT_MAX], ep[ENDPOINT_MAX];
    CHECK_INT (zmq_bind (server, "tcp://*:*"), 0);
    last_endpoint (server, bound);
    snprintf (ep, sizeof ep, "tcp://127.0.0.1%s", strrchr (bound, ':'));
    connect_to (client, ep);
    BOUNCE (server, client);
    CHECK (!strcmp (EXPECT (v2, ZMQ_EVENT_LISTENING).local, bound));
    CHECK (!strcmp (EXPECT (v2, ZMQ_EVENT_ACCEPTED).local, ep));
    void *v1 = mon_open (ctx, server, ZMQ_EVENT_DISCONNECTED);
    sock_close (client);
    char address[ENDPOINT_MAX];
    CHECK_INT (mon_next (v1, NULL, address, PATIENCE_MS), ZMQ_EVENT_DISCONNECTED);
    CHECK (!strcmp (address, ep));
    finish (ctx);
}

static void bind_failure (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (a, "tcp", ep);
    void *mon = open_v2 (ctx, b, ZMQ_EVENT_ALL_V2, ZMQ_PAIR);
    CHECK_INT (zmq_bind (b, ep), -1);
    event_t event = EXPECT (mon, ZMQ_EVENT_CLOSED);
    CHECK (!*event.local && !*event.remote);
    event = EXPECT (mon, ZMQ_EVENT_BIND_FAILED);
    CHECK (event.values[0] == EADDRINUSE && !strcmp (event.local, ep + strlen ("tcp://")) && !*event.remote);
    finish (ctx);
}

static void handshake_failure (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_STREAM);
    char ep[ENDPOINT_MAX];
    set_int (a, ZMQ_HANDSHAKE_IVL, 50);
    void *mon = open_v2 (ctx, a, ZMQ_EVENT_ALL_V2, ZMQ_PAIR);
    bind_on (a, "tcp", ep);
    connect_to (b, ep);
    EXPECT (mon, ZMQ_EVENT_LISTENING);
    event_t accepted = EXPECT (mon, ZMQ_EVENT_ACCEPTED);
    event_t event = EXPECT (mon, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    CHECK (!strcmp (event.local, ep) && !strcmp (event.remote, accepted.remote));
    event = EXPECT (mon, ZMQ_EVENT_DISCONNECTED);
    CHECK (event.values[0] == accepted.values[0] && !strcmp (event.remote, accepted.remote));
    finish (ctx);
}

/* ---- statistics ---- */

static void stats_arguments (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PUSH);
    CHECK_ERRNO (zmq_socket_monitor_pipes_stats (NULL), ENOTSOCK);
    CHECK_ERRNO (zmq_socket_monitor_pipes_stats (s), EINVAL);
    void *mon = open_v2 (ctx, s, ZMQ_EVENT_ALL, ZMQ_PAIR);
    CHECK_ERRNO (zmq_socket_monitor_pipes_stats (s), EINVAL);
    mon = open_v2 (ctx, s, ZMQ_EVENT_PIPES_STATS, ZMQ_PAIR);
    CHECK_ERRNO (zmq_socket_monitor_pipes_stats (s), EAGAIN);
    CHECK_INT (zmq_socket_monitor (s, NULL, 0), 0);
    CHECK_ERRNO (zmq_socket_monitor_pipes_stats (s), EINVAL);
    NOTHING (mon);
    finish (ctx);
}

/* Asks, and reads one event; the reference tells once the application calls again. */
static event_t stats (void *s, void *mon)
{
    CHECK_INT (zmq_socket_monitor_pipes_stats (s), 0);
    UNTIL ((get_int (s, ZMQ_EVENTS), wait_for (mon, ZMQ_POLLIN, 1)));
    return EXPECT (mon, ZMQ_EVENT_PIPES_STATS);
}

/* A pipe to nobody: what was sent waits in it. */
static void what_waits_to_be_sent (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PUSH), *probe = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    bind_on (probe, on, ep);
    sock_close (probe);
    if (!strcmp (on, "ipc"))
        unlink (ep + strlen ("ipc://"));
    void *mon = open_v2 (ctx, s, ZMQ_EVENT_PIPES_STATS, ZMQ_PAIR);
    connect_to (s, ep);
    event_t event = stats (s, mon);
    CHECK (event.values[0] == 0 && event.values[1] == 0 && !*event.local && !strcmp (event.remote, ep));
    for (int i = 0; i < 7; i++)
        SEND (s, "x");
    event = stats (s, mon);
    CHECK (event.values[0] == 7 && event.values[1] == 0);
    SEND_MORE (s, "a message is counted");
    SEND (s, "once");
    event = stats (s, mon);
    CHECK_INT (event.values[0], 8);
    NOTHING (mon);
    finish (ctx);
}

static void what_waits_to_be_received (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER), *peer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    void *mon = open_v2 (ctx, s, ZMQ_EVENT_PIPES_STATS, ZMQ_PAIR);
    set_int (s, ZMQ_RCVHWM, 4);
    bind_on (s, on, ep);
    connect_to (peer, ep);
    for (int i = 0; i < 3; i++)
        SEND (peer, "x");
    CHECK (wait_for (s, ZMQ_POLLIN, PATIENCE_MS));
    event_t event;
    int64_t limit = now_ms () + PATIENCE_MS;
    do {
        event = stats (s, mon);
        get_int (peer, ZMQ_EVENTS);
        CHECK (now_ms () < limit);
    } while (event.values[1] != 3);
    CHECK_INT (event.values[0], 0);
    if (!strncmp (on, "tcp", 3))
        CHECK (!strcmp (event.local, ep) && !strncmp (event.remote, "tcp://127.0.0.1:", 16));
    /* Two received are half of the high water mark: now the sending end is told. */
    RECV (s, "x");
    RECV (s, "x");
    limit = now_ms () + PATIENCE_MS;
    do {
        event = stats (s, mon);
        get_int (peer, ZMQ_EVENTS);
        CHECK (now_ms () < limit);
    } while (event.values[1] != 1);
    finish (ctx);
}

/* Between two sockets of a context, the other one is asked: it answers when it is called. */
static void between_sockets (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR), *peer = sock (ctx, ZMQ_PAIR);
    void *mon = open_v2 (ctx, s, ZMQ_EVENT_PIPES_STATS, ZMQ_PAIR);
    CHECK_INT (zmq_bind (s, "inproc://between"), 0);
    CHECK_INT (zmq_connect (peer, "inproc://between"), 0);
    get_int (s, ZMQ_EVENTS);
    for (int i = 0; i < 3; i++)
        SEND (s, "x");
    for (int i = 0; i < 5; i++)
        SEND (peer, "y");
    CHECK_INT (zmq_socket_monitor_pipes_stats (s), 0);
    UNTIL ((get_int (peer, ZMQ_EVENTS), get_int (s, ZMQ_EVENTS), wait_for (mon, ZMQ_POLLIN, 1)));
    event_t event = EXPECT (mon, ZMQ_EVENT_PIPES_STATS);
    CHECK_INT (event.values[0], 3);
    CHECK_INT (event.values[1], 5);
    CHECK (!*event.local && !*event.remote);
    NOTHING (mon);
    finish (ctx);
}

/* Nobody bound yet: only we can tell. */
static void before_the_bind (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PUSH);
    void *mon = open_v2 (ctx, s, ZMQ_EVENT_PIPES_STATS, ZMQ_PAIR);
    CHECK_INT (zmq_connect (s, "inproc://nobody"), 0);
    SEND (s, "x");
    event_t event = stats (s, mon);
    CHECK (event.values[1] == 0 && !*event.local && !*event.remote);
    finish (ctx);
}

static void every_pipe (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PUSH), *pulls[3];
    char ep[ENDPOINT_MAX];
    void *mon = open_v2 (ctx, s, ZMQ_EVENT_PIPES_STATS, ZMQ_PUSH);
    bind_on (s, on, ep);
    void *watch = NULL;
    for (size_t i = 0; i < COUNT (pulls); i++) {
        pulls[i] = sock (ctx, ZMQ_PULL);
        watch = mon_open (ctx, pulls[i], ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        connect_to (pulls[i], ep);
        MON_UNTIL (watch, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    }
    for (size_t i = 0; i < COUNT (pulls); i++) { /* each has one: all pipes are there */
        SEND (s, "x");
    }
    for (size_t i = 0; i < COUNT (pulls); i++)
        RECV (pulls[i], "x");
    CHECK_INT (zmq_socket_monitor_pipes_stats (s), 0);
    for (size_t i = 0; i < COUNT (pulls); i++) {
        UNTIL ((get_int (s, ZMQ_EVENTS), wait_for (mon, ZMQ_POLLIN, 1)));
        CHECK (!strcmp (EXPECT (mon, ZMQ_EVENT_PIPES_STATS).local, ep));
    }
    NOTHING (mon);
    finish (ctx);
}

CHECK_MAIN (CASE (arguments), CASE (unknown_version_tells_nothing), CASE_ON (pair_monitor, "tcp"),
            CASE_ON (pair_monitor, "tcp6"), CASE_ON (pair_monitor, "ipc"), CASE_ON (pub_monitor, "tcp"),
            CASE_ON (pub_monitor, "ipc"), CASE_ON (push_monitor, "tcp"), CASE_ON (push_monitor, "ipc"), CASE (wildcard),
            CASE (bind_failure), CASE (handshake_failure), CASE (stats_arguments), CASE_ON (what_waits_to_be_sent, "tcp"),
            CASE_ON (what_waits_to_be_sent, "ipc"), CASE_ON (what_waits_to_be_received, "tcp"),
            CASE_ON (what_waits_to_be_received, "ipc"), CASE (between_sockets), CASE (before_the_bind), CASE_ON (every_pipe, "tcp"))
