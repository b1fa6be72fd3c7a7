/* bind, connect, unbind, disconnect: syntax, errors, LAST_ENDPOINT, wildcards, binding again. */
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void syntax (const char *on)
{
    static const char *const bad[] = {"", "tcp", "tcp:", "tcp:/", "tcp://", "://x", "inproc://", "ipc://", "//", "a"};
    static const char *const unknown[] = {"invalid://127.0.0.1:1", "TCP://127.0.0.1:1", "Inproc://a", "http://a:1"};
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    for (size_t i = 0; i < COUNT (bad); i++) {
        CHECK_ERRNO (zmq_bind (s, bad[i]), EINVAL);
        CHECK_ERRNO (zmq_connect (s, bad[i]), EINVAL);
        CHECK_ERRNO (zmq_unbind (s, bad[i]), EINVAL);
        CHECK_ERRNO (zmq_disconnect (s, bad[i]), EINVAL);
    }
    for (size_t i = 0; i < COUNT (unknown); i++) {
        CHECK_ERRNO (zmq_bind (s, unknown[i]), EPROTONOSUPPORT);
        CHECK_ERRNO (zmq_connect (s, unknown[i]), EPROTONOSUPPORT);
        CHECK_ERRNO (zmq_unbind (s, unknown[i]), EPROTONOSUPPORT);
    }
    char last[ENDPOINT_MAX];
    last_endpoint (s, last);
    CHECK (!strcmp (last, ""));
    finish (ctx);
}

static void tcp_bind_errors (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    static const char *const invalid[] = {"tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://127.0.0.1:abc", "tcp://*"};
    for (size_t i = 0; i < COUNT (invalid); i++)
        CHECK_ERRNO (zmq_bind (s, invalid[i]), EINVAL);
    CHECK_ERRNO (zmq_bind (s, "tcp://[::1]:*"), ENODEV);
    CHECK_ERRNO (zmq_bind (s, "tcp://no-such-device-at-all:*"), ENODEV);
    CHECK_ERRNO (zmq_bind (s, "tcp://203.0.113.7:*"), EADDRNOTAVAIL);
    finish (ctx);
}

static void tcp_connect_errors (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    static const char *const invalid[] = {
      "tcp://localhost:invalid", "tcp://in val id:1234", "tcp://192.168.0.200:*", "tcp://*:5999", "tcp://-x:1",
      "tcp://_x:1",              "tcp://x/y:1",          "tcp://localhost",       "tcp://127.0.0.1:",
    };
    for (size_t i = 0; i < COUNT (invalid); i++)
        CHECK_ERRNO (zmq_connect (s, invalid[i]), EINVAL);
    CHECK_INT (zmq_connect (s, "tcp://localhost:1234"), 0);
    CHECK_INT (zmq_connect (s, "tcp://[::1]:1234"), 0);
    CHECK_INT (zmq_connect (s, "tcp://name.invalid:1234"), 0);
    CHECK_INT (zmq_connect (s, "tcp://127.0.0.1:0;localhost:1235"), 0);
    CHECK_INT (zmq_connect (s, "tcp://lo:5555;localhost:1236"), 0);
    finish (ctx);
}

static void protocol_needs_other_type (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    int bind_rc = zmq_bind (s, "udp://127.0.0.1:5555");
    CHECK (bind_rc == -1 && (errno == ENOCOMPATPROTO || errno == EPROTONOSUPPORT));
    int connect_rc = zmq_connect (s, "udp://127.0.0.1:5555");
    CHECK (connect_rc == -1 && (errno == ENOCOMPATPROTO || errno == EPROTONOSUPPORT));
    finish (ctx);
}

static void no_io_thread (const char *on)
{
    void *ctx = ctx_new ();
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_IO_THREADS, 0), 0);
    void *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    CHECK_ERRNO (zmq_bind (a, "tcp://127.0.0.1:*"), EMTHREAD);
    CHECK_ERRNO (zmq_connect (a, "tcp://127.0.0.1:5555"), EMTHREAD);
    CHECK_ERRNO (zmq_bind (a, "ipc://*"), EMTHREAD);
    CHECK_INT (zmq_bind (a, "inproc://a"), 0);
    CHECK_INT (zmq_connect (b, "inproc://a"), 0);
    BOUNCE (a, b);
    finish (ctx);
    ctx = ctx_new ();
    a = sock (ctx, ZMQ_PAIR);
    uint64_t elsewhere = 1u << 7;
    CHECK_INT (zmq_setsockopt (a, ZMQ_AFFINITY, &elsewhere, 8), 0);
    CHECK_ERRNO (zmq_bind (a, "tcp://127.0.0.1:*"), EMTHREAD);
    finish (ctx);
}

static void address_in_use (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_DEALER), *b = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    bind_on (a, on, ep);
    if (!strcmp (on, "tcp6"))
        set_int (b, ZMQ_IPV6, 1);
    CHECK_ERRNO (zmq_bind (b, ep), EADDRINUSE);
    CHECK_ERRNO (zmq_bind (a, ep), EADDRINUSE);
    connect_to (b, ep);
    BOUNCE (a, b);
    finish (ctx);
}

static void last_endpoint_follows (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_ROUTER);
    char one[ENDPOINT_MAX], two[ENDPOINT_MAX], last[ENDPOINT_MAX];
    bind_on (s, "tcp", one);
    CHECK (!strncmp (one, "tcp://127.0.0.1:", 16) && atoi (one + 16) > 0);
    bind_on (s, "tcp", two);
    CHECK (strcmp (one, two));
    connect_to (s, "tcp://localhost:1234");
    last_endpoint (s, last);
    CHECK (!strcmp (last, "tcp://localhost:1234"));
    CHECK_INT (zmq_connect (s, "inproc://here"), 0);
    last_endpoint (s, last);
    CHECK (!strcmp (last, "inproc://here"));
    CHECK_ERRNO (zmq_bind (s, "tcp://203.0.113.7:*"), EADDRNOTAVAIL);
    CHECK_INT (zmq_unbind (s, one), 0);
    finish (ctx);
}

/* Each way to write "any": what it becomes can be connected to, disconnected from and unbound. */
static void wildcards (const char *on)
{
    static const struct {
        const char *bind, *becomes;
        int ipv6;
    } table[] = {
      {"tcp://*:*", "tcp://0.0.0.0:", 0},        {"tcp://*:0", "tcp://0.0.0.0:", 0},
      {"tcp://0.0.0.0:*", "tcp://0.0.0.0:", 0},  {"tcp://127.0.0.1:*", "tcp://127.0.0.1:", 0},
      {"tcp://lo:*", "tcp://127.0.0.1:", 0},     {"tcp://localhost:*", "tcp://127.0.0.1:", 0},
      {"tcp://*:*", "tcp://[::]:", 1},           {"tcp://127.0.0.1:*", "tcp://[::ffff:127.0.0.1]:", 1},
      {"tcp://[::1]:*", "tcp://[::1]:", 1},      {"tcp://::1:*", "tcp://[::1]:", 1},
      {"tcp://[127.0.0.1]:*", "tcp://127.0.0.1:", 0},
    };
    bool six = have_ipv6 ();
    for (size_t i = 0; i < COUNT (table); i++) {
        if (table[i].ipv6 && !six)
            continue;
        void *ctx = ctx_new (), *rep = sock (ctx, ZMQ_REP), *req = sock (ctx, ZMQ_REQ);
        char ep[ENDPOINT_MAX];
        set_int (rep, ZMQ_IPV6, table[i].ipv6);
        set_int (req, ZMQ_IPV6, table[i].ipv6);
        if (zmq_bind (rep, table[i].bind) != 0)
            check_report (__FILE__, __LINE__, "bind %s", table[i].bind);
        last_endpoint (rep, ep);
        if (strncmp (ep, table[i].becomes, strlen (table[i].becomes)))
            check_report (__FILE__, __LINE__, "%s became %s", table[i].bind, ep);
        CHECK (atoi (strrchr (ep, ':') + 1) > 0);
        CHECK_INT (zmq_connect (req, ep), 0);
        BOUNCE (rep, req);
        CHECK_INT (zmq_disconnect (req, ep), 0);
        CHECK_ERRNO (zmq_unbind (rep, "tcp://*:*"), ENOENT);
        CHECK_INT (zmq_unbind (rep, ep), 0);
        CHECK_ERRNO (zmq_unbind (rep, ep), ENOENT);
        finish (ctx);
    }
}

static void port_is_read_leniently (const char *on)
{
    /* Text after the digits is ignored. */
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX], again[ENDPOINT_MAX + 8], last[ENDPOINT_MAX];
    bind_on (a, "tcp", ep);
    CHECK_INT (zmq_unbind (a, ep), 0);
    snprintf (again, sizeof again, "%sxyz", ep);
    int64_t limit = now_ms () + PATIENCE_MS;
    while (zmq_bind (a, again) == -1) {
        CHECK_INT (errno, EADDRINUSE);
        CHECK (now_ms () < limit);
        pause_ms (5);
    }
    last_endpoint (a, last);
    CHECK (!strcmp (last, ep));
    connect_to (b, ep);
    BOUNCE (a, b);
    finish (ctx);
}

static void unknown_endpoint (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    bind_on (s, "tcp", ep);
    CHECK_ERRNO (zmq_unbind (s, "tcp://127.0.0.1:1"), ENOENT);
    CHECK_ERRNO (zmq_disconnect (s, "tcp://127.0.0.1:1"), ENOENT);
    CHECK_ERRNO (zmq_unbind (s, "inproc://none"), ENOENT);
    CHECK_ERRNO (zmq_disconnect (s, "inproc://none"), ENOENT);
    CHECK_ERRNO (zmq_unbind (s, "ipc:///tmp/none"), ENOENT);
    CHECK_INT (zmq_disconnect (s, ep), 0); /* one table serves both */
    CHECK_ERRNO (zmq_disconnect (s, ep), ENOENT);
    finish (ctx);
}

static void disconnect_resolves_names (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER), *b = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX], named[ENDPOINT_MAX];
    bind_on (b, "tcp", ep);
    snprintf (named, sizeof named, "tcp://localhost:%s", strrchr (ep, ':') + 1);
    connect_to (s, ep);
    BOUNCE (b, s);
    CHECK_INT (zmq_disconnect (s, named), 0);
    CHECK_ERRNO (zmq_disconnect (s, ep), ENOENT);
    finish (ctx);
}

/* After unbind the accepted connections are gone as well, and the port can be bound again. */
static void unbind_ends_connections (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    bind_on (push, on, ep);
    connect_to (pull, ep);
    SEND (push, "one");
    RECV (pull, "one");
    CHECK_INT (zmq_unbind (push, ep), 0);
    UNTIL (!(get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT));
    CHECK_ERRNO (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    finish (ctx);
}

static void disconnect_ends_sending (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    bind_on (pull, on, ep);
    connect_to (push, ep);
    SEND (push, "one");
    RECV (pull, "one");
    CHECK_INT (zmq_disconnect (push, ep), 0);
    UNTIL (!(get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT));
    CHECK_ERRNO (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    connect_to (push, ep);
    SEND (push, "two");
    RECV (pull, "two");
    finish (ctx);
}

static void connect_before_bind (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_DEALER), *b = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    bind_on (b, on, ep);
    CHECK_INT (zmq_unbind (b, ep), 0);
    set_int (a, ZMQ_RECONNECT_IVL, 10);
    connect_to (a, ep);
    SEND (a, "foobar");
    SEND (a, "baz");
    SEND (a, "buzz");
    int64_t limit = now_ms () + PATIENCE_MS;
    while (zmq_bind (b, ep) == -1) {
        CHECK_INT (errno, EADDRINUSE);
        CHECK (now_ms () < limit);
        pause_ms (5);
    }
    RECV (b, "foobar");
    RECV (b, "baz");
    RECV (b, "buzz");
    finish (ctx);
}

/* The same endpoint twice: a no-op for some types, a second connection for the others. */
static void connect_twice (const char *on)
{
    static const struct {
        int client, server, connections;
    } table[] = {
      {ZMQ_DEALER, ZMQ_ROUTER, 1}, {ZMQ_REQ, ZMQ_ROUTER, 1}, {ZMQ_SUB, ZMQ_XPUB, 1},
      {ZMQ_PUSH, ZMQ_PULL, 2},     {ZMQ_PULL, ZMQ_PUSH, 2},
    };
    for (size_t i = 0; i < COUNT (table); i++) {
        void *ctx = ctx_new (), *server = sock (ctx, table[i].server), *client = sock (ctx, table[i].client);
        char ep[ENDPOINT_MAX];
        void *mon = mon_open (ctx, server, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        bind_on (server, on, ep);
        connect_to (client, ep);
        connect_to (client, ep);
        for (int n = 0; n < table[i].connections; n++)
            MON_NEXT (mon, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        CHECK_INT (mon_next (mon, NULL, NULL, QUIET_MS), 0);
        CHECK_INT (zmq_disconnect (client, ep), 0);
        CHECK_ERRNO (zmq_disconnect (client, ep), ENOENT);
        finish (ctx);
    }
}

static void source_address (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX], both[2 * ENDPOINT_MAX];
    bind_on (router, "tcp", ep);
    snprintf (both, sizeof both, "tcp://127.0.0.2:0;%s", ep + 6);
    connect_to (dealer, both);
    SEND (dealer, "hi");
    zmq_msg_t m;
    zmq_msg_init (&m);
    CHECK (zmq_msg_recv (&m, router, 0) > 0);
    CHECK (!strcmp (zmq_msg_gets (&m, "Peer-Address"), "127.0.0.2"));
    zmq_msg_close (&m);
    RECV (router, "hi");
    CHECK_INT (zmq_disconnect (dealer, both), 0);
    finish (ctx);
}

static void accept_filter (const char *on)
{
    static const struct {
        const char *filter;
        int passes;
    } table[] = {{"127.0.0.1/32", 1}, {"0.0.0.0/0", 1}, {"127.0.0.255/32", 0}, {"127.0.0.0/8", 1}};
    for (size_t i = 0; i < COUNT (table); i++) {
        void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
        char ep[ENDPOINT_MAX];
        set_text (a, ZMQ_TCP_ACCEPT_FILTER, table[i].filter);
        void *mon = mon_open (ctx, a, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED);
        bind_on (a, "tcp", ep);
        connect_to (b, ep);
        if (table[i].passes)
            BOUNCE (a, b);
        else {
            MON_NEXT (mon, ZMQ_EVENT_ACCEPT_FAILED);
            CHECK_ERRNO (zmq_recv (a, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        }
        finish (ctx);
    }
}

static void adopted_descriptor (const char *on)
{
    int fd = socket (AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof where;
    CHECK (bind (fd, (struct sockaddr *) &where, sizeof where) == 0 && listen (fd, 8) == 0);
    getsockname (fd, (struct sockaddr *) &where, &size);
    char ep[ENDPOINT_MAX];
    snprintf (ep, sizeof ep, "tcp://127.0.0.1:%d", ntohs (where.sin_port));
    void *ctx = ctx_new (), *rep = sock (ctx, ZMQ_REP), *req = sock (ctx, ZMQ_REQ);
    set_int (rep, ZMQ_USE_FD, fd);
    CHECK_INT (zmq_bind (rep, ep), 0);
    connect_to (req, ep);
    BOUNCE (rep, req);
    finish (ctx);
}

static void tos_and_keepalive_apply (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    set_int (b, ZMQ_TOS, 0x58);
    set_int (b, ZMQ_TCP_KEEPALIVE, 1);
    set_int (b, ZMQ_TCP_KEEPALIVE_IDLE, 77);
    void *mon = mon_open (ctx, b, ZMQ_EVENT_CONNECTED);
    bind_on (a, "tcp", ep);
    connect_to (b, ep);
    uint32_t fd = 0;
    MON_UNTIL_VALUE (mon, ZMQ_EVENT_CONNECTED, &fd);
    BOUNCE (a, b);
    int value = 0;
    socklen_t size = sizeof value;
    CHECK (getsockopt ((int) fd, IPPROTO_IP, IP_TOS, &value, &size) == 0);
    CHECK_INT (value, 0x58);
    CHECK (getsockopt ((int) fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size) == 0);
    CHECK_INT (value, 1);
    CHECK (getsockopt ((int) fd, IPPROTO_TCP, 4 /* TCP_KEEPIDLE */, &value, &size) == 0);
    CHECK_INT (value, 77);
    CHECK (getsockopt ((int) fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &value, &size) == 0);
    CHECK_INT (value, 1);
    finish (ctx);
}

CHECK_MAIN (CASE (syntax), CASE (tcp_bind_errors), CASE (tcp_connect_errors), CASE (protocol_needs_other_type),
            CASE (no_io_thread), CASE_ON (address_in_use, "tcp"), CASE_ON (address_in_use, "tcp6"),
            CASE_ON (address_in_use, "inproc"), CASE_ON (address_in_use, "ipc@"), CASE (last_endpoint_follows),
            CASE (wildcards), CASE (port_is_read_leniently), CASE (unknown_endpoint),
            CASE (disconnect_resolves_names), CASE_ON (unbind_ends_connections, "tcp"),
            CASE_ON (unbind_ends_connections, "tcp6"), CASE_ON (unbind_ends_connections, "ipc"),
            CASE_ON (unbind_ends_connections, "ipc*"), CASE_ON (disconnect_ends_sending, "tcp"),
            CASE_ON (disconnect_ends_sending, "ipc"), CASE_ON (disconnect_ends_sending, "inproc"),
            CASE_ON (connect_before_bind, "tcp"), CASE_ON (connect_before_bind, "tcp6"),
            CASE_ON (connect_before_bind, "ipc"), CASE_ON (connect_before_bind, "inproc"),
            CASE_ON (connect_twice, "tcp"), CASE_ON (connect_twice, "ipc"), CASE (source_address),
            CASE (accept_filter), CASE (adopted_descriptor), CASE (tos_and_keepalive_apply))
