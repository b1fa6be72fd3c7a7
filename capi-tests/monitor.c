/* zmq_socket_monitor: arguments, and the sequence of events for what happens to connections. */
#include "raw.h"

static bool plausible_fd (uint32_t fd)
{
    return fd > 2 && fd < 65536;
}

static void arguments (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER), *other = sock (ctx, ZMQ_PAIR);
    CHECK_ERRNO (zmq_socket_monitor (s, "tcp://127.0.0.1:*", 0), EPROTONOSUPPORT);
    CHECK_ERRNO (zmq_socket_monitor (s, "nonsense://x", 1), EPROTONOSUPPORT);
    CHECK_ERRNO (zmq_socket_monitor (s, "nonsense", 1), EINVAL);
    CHECK_ERRNO (zmq_socket_monitor (s, "", 1), EINVAL);
    CHECK_ERRNO (zmq_socket_monitor (s, "inproc://m", 0x10000), EINVAL);
    CHECK_INT (zmq_bind (other, "inproc://taken"), 0);
    CHECK_ERRNO (zmq_socket_monitor (s, "inproc://taken", 1), EADDRINUSE);
    CHECK_INT (zmq_socket_monitor (s, NULL, 0), 0);
    CHECK_INT (zmq_socket_monitor (s, "inproc://free", ZMQ_EVENT_LISTENING), 0);
    CHECK_INT (zmq_socket_monitor (s, NULL, 0), 0);
    finish (ctx);
}

static void basic_sequence (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, ZMQ_EVENT_ALL), *cm = mon_open (ctx, client, ZMQ_EVENT_ALL);
    char ep[ENDPOINT_MAX], address[ENDPOINT_MAX];
    uint32_t value;
    bind_on (server, on, ep);
    connect_to (client, ep);
    BOUNCE (server, client);
    CHECK_INT (mon_next (sm, &value, address, PATIENCE_MS), ZMQ_EVENT_LISTENING);
    CHECK (!strcmp (address, ep) && plausible_fd (value));
    CHECK_INT (mon_next (sm, &value, address, PATIENCE_MS), ZMQ_EVENT_ACCEPTED);
    CHECK (!strcmp (address, ep) && plausible_fd (value));
    CHECK_INT (mon_next (sm, &value, address, PATIENCE_MS), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    CHECK (!strcmp (address, ep) && value == 0);
    int event = mon_next (cm, &value, address, PATIENCE_MS);
    if (event == ZMQ_EVENT_CONNECT_DELAYED) {
        CHECK (!strncmp (on, "tcp", 3));
        CHECK_INT (value, EINPROGRESS);
        CHECK (!strcmp (address, ep));
        event = mon_next (cm, &value, address, PATIENCE_MS);
    }
    CHECK_INT (event, ZMQ_EVENT_CONNECTED);
    CHECK (!strcmp (address, ep) && plausible_fd (value));
    CHECK_INT (mon_next (cm, &value, address, PATIENCE_MS), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    sock_close (client);
    do /* its own end may or may not be told */
        event = mon_next (cm, &value, address, PATIENCE_MS);
    while (event == ZMQ_EVENT_DISCONNECTED || event == ZMQ_EVENT_CONNECT_RETRIED);
    CHECK_INT (event, ZMQ_EVENT_MONITOR_STOPPED);
    CHECK (value == 0 && !strcmp (address, ""));
    CHECK_INT (mon_next (sm, &value, address, PATIENCE_MS), ZMQ_EVENT_DISCONNECTED);
    CHECK (!strcmp (address, ep));
    sock_close (server);
    CHECK_INT (mon_next (sm, &value, address, PATIENCE_MS), ZMQ_EVENT_CLOSED);
    CHECK (!strcmp (address, ep));
    CHECK_INT (mon_next (sm, &value, address, PATIENCE_MS), ZMQ_EVENT_MONITOR_STOPPED);
    CHECK_INT (mon_next (sm, &value, address, QUIET_MS), 0);
    finish (ctx);
}

static void peer_goes_and_returns (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *mon = mon_open (ctx, client, ZMQ_EVENT_ALL & ~ZMQ_EVENT_CONNECT_DELAYED);
    char ep[ENDPOINT_MAX], address[ENDPOINT_MAX];
    uint32_t value;
    set_int (client, ZMQ_RECONNECT_IVL, 50);
    bind_on (server, on, ep);
    connect_to (client, ep);
    MON_NEXT (mon, ZMQ_EVENT_CONNECTED);
    MON_NEXT (mon, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    sock_close (server);
    CHECK_INT (mon_next (mon, &value, address, PATIENCE_MS), ZMQ_EVENT_DISCONNECTED);
    CHECK (!strcmp (address, ep));
    CHECK_INT (mon_next (mon, &value, address, PATIENCE_MS), ZMQ_EVENT_CONNECT_RETRIED);
    CHECK (value >= 50 && value < 100 && !strcmp (address, ep));
    for (int i = 0; i < 2; i++) {
        MON_NEXT (mon, ZMQ_EVENT_CLOSED);
        MON_NEXT (mon, ZMQ_EVENT_CONNECT_RETRIED);
    }
    server = sock (ctx, ZMQ_DEALER);
    CHECK_INT (zmq_bind (server, ep), 0);
    int event;
    while ((event = mon_next (mon, &value, NULL, PATIENCE_MS)) != ZMQ_EVENT_CONNECTED)
        CHECK (event == ZMQ_EVENT_CLOSED || event == ZMQ_EVENT_CONNECT_RETRIED);
    MON_NEXT (mon, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    finish (ctx);
}

static void refused (const char *on)
{
    void *ctx = ctx_new (), *probe = sock (ctx, ZMQ_PAIR), *client = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (probe, on, ep);
    CHECK_INT (zmq_unbind (probe, ep), 0);
    set_int (client, ZMQ_RECONNECT_IVL, 20);
    void *mon = mon_open (ctx, client, ZMQ_EVENT_ALL);
    connect_to (client, ep);
    for (int i = 0; i < 3; i++) {
        int event = mon_next (mon, NULL, NULL, PATIENCE_MS);
        if (event == ZMQ_EVENT_CONNECT_DELAYED)
            event = mon_next (mon, NULL, NULL, PATIENCE_MS);
        CHECK_INT (event, ZMQ_EVENT_CLOSED);
        MON_NEXT (mon, ZMQ_EVENT_CONNECT_RETRIED);
    }
    finish (ctx);
}

static void bind_failure (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    uint32_t value = 0;
    bind_on (a, "tcp", ep);
    void *mon = mon_open (ctx, b, ZMQ_EVENT_BIND_FAILED);
    CHECK_INT (zmq_bind (b, ep), -1); /* errno: see differences.c */
    CHECK_INT (mon_next (mon, &value, NULL, PATIENCE_MS), ZMQ_EVENT_BIND_FAILED);
    CHECK_INT (value, EADDRINUSE);
    finish (ctx);
}

static void unbinding (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX], address[ENDPOINT_MAX];
    void *mon = mon_open (ctx, a, ZMQ_EVENT_ALL);
    bind_on (a, on, ep);
    MON_NEXT (mon, ZMQ_EVENT_LISTENING);
    CHECK_INT (zmq_unbind (a, ep), 0);
    CHECK_INT (mon_next (mon, NULL, address, PATIENCE_MS), ZMQ_EVENT_CLOSED);
    CHECK (!strcmp (address, ep));
    finish (ctx);
}

static void mask (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    void *mon = mon_open (ctx, a, ZMQ_EVENT_ACCEPTED);
    bind_on (a, on, ep);
    connect_to (b, ep);
    BOUNCE (a, b);
    MON_NEXT (mon, ZMQ_EVENT_ACCEPTED);
    sock_close (b);
    sock_close (a);
    CHECK_INT (mon_next (mon, NULL, NULL, QUIET_MS), 0);
    finish (ctx);
}

static void stopping (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    void *first = mon_open (ctx, a, ZMQ_EVENT_ALL);
    void *second = mon_open (ctx, a, ZMQ_EVENT_ALL); /* takes the first one's place */
    MON_NEXT (first, ZMQ_EVENT_MONITOR_STOPPED);
    bind_on (a, on, ep);
    MON_NEXT (second, ZMQ_EVENT_LISTENING);
    CHECK_INT (zmq_socket_monitor (a, NULL, 0), 0);
    MON_NEXT (second, ZMQ_EVENT_MONITOR_STOPPED);
    CHECK_INT (zmq_unbind (a, ep), 0);
    CHECK_INT (mon_next (second, NULL, NULL, QUIET_MS), 0);
    CHECK_INT (mon_next (first, NULL, NULL, 0), 0);
    finish (ctx);
}

static void inproc_is_silent (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    void *mon = mon_open (ctx, a, ZMQ_EVENT_ALL);
    CHECK_INT (zmq_bind (a, "inproc://quiet"), 0);
    CHECK_INT (zmq_connect (b, "inproc://quiet"), 0);
    BOUNCE (a, b);
    sock_close (a);
    /* The reference ends an inproc pipe only once its other owner calls into the library. */
    UNTIL ((get_int (b, ZMQ_EVENTS), wait_for (mon, ZMQ_POLLIN, 1)));
    MON_NEXT (mon, ZMQ_EVENT_MONITOR_STOPPED);
    finish (ctx);
}

static void context_ends_first (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    void *mon = mon_open (ctx, a, ZMQ_EVENT_ALL);
    bind_on (a, on, ep);
    connect_to (b, ep);
    BOUNCE (a, b);
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    /* What was queued may still be read. */
    while (zmq_recv (mon, NULL, 0, 0) >= 0)
        ;
    CHECK_INT (zmq_errno (), ETERM);
    finish (ctx);
}

static void disconnect_is_not_told_to_its_author (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_DEALER), *b = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    void *mon = mon_open (ctx, b, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED);
    void *other = mon_open (ctx, a, ZMQ_EVENT_DISCONNECTED);
    bind_on (a, on, ep);
    connect_to (b, ep);
    BOUNCE (a, b);
    CHECK_INT (zmq_disconnect (b, ep), 0);
    UNTIL ((get_int (b, ZMQ_EVENTS), wait_for (other, ZMQ_POLLIN, 1)));
    MON_NEXT (other, ZMQ_EVENT_DISCONNECTED);
    CHECK_INT (mon_next (mon, NULL, NULL, QUIET_MS), 0);
    finish (ctx);
}

/* A peer whose last bytes and whose end come together, while the application is elsewhere. */
static void leaves_at_once (const char *on)
{
    enum { PEERS = 150 };
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    void *mon = mon_open (ctx, pull, ZMQ_EVENT_DISCONNECTED);
    bind_on (pull, "tcp", ep);
    for (int i = 0; i < PEERS; i++) {
        int fd = raw_connect (ep);
        handshake (fd, 1, "PUSH", "PULL", false);
        RAW_SEND (fd, "\0\3end");
        close (fd);
        MON_NEXT (mon, ZMQ_EVENT_DISCONNECTED);
    }
    for (int i = 0; i < PEERS; i++)
        RECV (pull, "end");
    finish (ctx);
}

CHECK_MAIN (CASE (arguments), CASE_ON (basic_sequence, "tcp"), CASE_ON (basic_sequence, "tcp6"),
            CASE_ON (basic_sequence, "ipc"), CASE_ON (peer_goes_and_returns, "tcp"), CASE_ON (refused, "tcp"),
            CASE_ON (refused, "ipc"), CASE (bind_failure), CASE_ON (unbinding, "tcp"), CASE_ON (unbinding, "ipc"),
            CASE_ON (mask, "tcp"), CASE_ON (stopping, "tcp"), CASE (inproc_is_silent),
            CASE_ON (context_ends_first, "tcp"), CASE_ON (disconnect_is_not_told_to_its_author, "tcp"),
            CASE_ON (disconnect_is_not_told_to_its_author, "ipc"), CASE (leaves_at_once))
