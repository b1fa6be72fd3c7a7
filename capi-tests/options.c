/* Context and socket options: default, set and get, bounds, wrong lengths, read-only and write-only. Those of other forms
 * than most are in options_forms.c; what options do is in options_effect.c and options_messages.c. */
#define ZMQ_BUILD_DRAFT_API
#include "check.h"

enum { INT_MIN_VALUE = -2147483647 - 1, INT_MAX_VALUE = 2147483647 };

typedef struct {
    const char *name;
    int option;
    int type;  /* a socket type the option belongs to */
    int fresh; /* the default */
    int get;   /* whether it can be read */
    int good[4];
    int bad[3];
    int goods, bads;
} int_option_t;

#define GOOD(...) {__VA_ARGS__}
#define ROW(name, type, fresh, get, good, bad, goods, bads) {#name, name, type, fresh, get, good, bad, goods, bads}
#define G2(a, b) {a, b, 0, 0}
#define G3(a, b, c) {a, b, c, 0}
#define B1(a) {a, 0, 0}
#define B2(a, b) {a, b, 0}

static const int_option_t int_options[] = {
  ROW (ZMQ_RATE, ZMQ_PUB, 100, 1, G2 (1, 5000), B2 (0, -1), 2, 2),
  ROW (ZMQ_RECOVERY_IVL, ZMQ_PUB, 10000, 1, G2 (0, 5), B2 (-1, INT_MIN_VALUE), 2, 2),
  ROW (ZMQ_SNDBUF, ZMQ_PUSH, -1, 1, G3 (16384, 0, -1), B1 (-2), 3, 1),
  ROW (ZMQ_RCVBUF, ZMQ_PUSH, -1, 1, G3 (16384, 0, -1), B1 (-2), 3, 1),
  ROW (ZMQ_LINGER, ZMQ_PUSH, -1, 1, G3 (0, 250, -1), B2 (-2, INT_MIN_VALUE), 3, 2),
  ROW (ZMQ_RECONNECT_IVL, ZMQ_PUSH, 100, 1, G3 (-1, 0, 5000), B1 (-2), 3, 1),
  ROW (ZMQ_BACKLOG, ZMQ_PUSH, 100, 1, G2 (0, 1), B1 (-1), 2, 1),
  ROW (ZMQ_RECONNECT_IVL_MAX, ZMQ_PUSH, 0, 1, G2 (1000, 0), B1 (-1), 2, 1),
  ROW (ZMQ_SNDHWM, ZMQ_PUSH, 1000, 1, G3 (0, 1, INT_MAX_VALUE), B1 (-1), 3, 1),
  ROW (ZMQ_RCVHWM, ZMQ_PUSH, 1000, 1, G3 (0, 1, INT_MAX_VALUE), B1 (-1), 3, 1),
  ROW (ZMQ_MULTICAST_HOPS, ZMQ_PUB, 1, 1, G2 (2, 255), B2 (0, -1), 2, 2),
  ROW (ZMQ_RCVTIMEO, ZMQ_PUSH, -1, 1, G3 (0, 10, -1), B1 (-2), 3, 1),
  ROW (ZMQ_SNDTIMEO, ZMQ_PUSH, -1, 1, G3 (0, 10, -1), B1 (-2), 3, 1),
  ROW (ZMQ_IPV4ONLY, ZMQ_PUSH, 1, 1, G2 (0, 1), B2 (2, -1), 2, 2),
  ROW (ZMQ_IPV6, ZMQ_PUSH, 0, 1, G2 (1, 0), B2 (2, -1), 2, 2),
  ROW (ZMQ_TCP_KEEPALIVE, ZMQ_PUSH, -1, 1, G3 (0, 1, -1), B2 (-2, 2), 3, 2),
  ROW (ZMQ_TCP_KEEPALIVE_CNT, ZMQ_PUSH, -1, 1, G2 (5, -1), B1 (-2), 2, 1),
  ROW (ZMQ_TCP_KEEPALIVE_IDLE, ZMQ_PUSH, -1, 1, G2 (5, -1), B1 (-2), 2, 1),
  ROW (ZMQ_TCP_KEEPALIVE_INTVL, ZMQ_PUSH, -1, 1, G2 (5, -1), B1 (-2), 2, 1),
  ROW (ZMQ_IMMEDIATE, ZMQ_PUSH, 0, 1, G2 (1, 0), B2 (2, -1), 2, 2),
  ROW (ZMQ_PLAIN_SERVER, ZMQ_PUSH, 0, 1, G2 (1, 0), B2 (2, -1), 2, 2),
  ROW (ZMQ_CONFLATE, ZMQ_PUSH, 0, 1, G2 (1, 0), B2 (2, -1), 2, 2),
  ROW (ZMQ_TOS, ZMQ_PUSH, 0, 1, G2 (0x28, 0), B1 (-1), 2, 1),
  ROW (ZMQ_HANDSHAKE_IVL, ZMQ_PUSH, 30000, 1, G2 (0, 50), B1 (-1), 2, 1),
  ROW (ZMQ_HEARTBEAT_IVL, ZMQ_PUSH, 0, 1, G2 (50, 0), B1 (-1), 2, 1),
  ROW (ZMQ_HEARTBEAT_TIMEOUT, ZMQ_PUSH, -1, 1, G2 (50, 0), B1 (-1), 2, 1),
  ROW (ZMQ_CONNECT_TIMEOUT, ZMQ_PUSH, 0, 1, G2 (50, 0), B1 (-1), 2, 1),
  ROW (ZMQ_TCP_MAXRT, ZMQ_PUSH, 0, 1, G2 (50, 0), B1 (-1), 2, 1),
  ROW (ZMQ_MULTICAST_MAXTPDU, ZMQ_PUB, 1500, 1, G2 (500, 9000), B2 (0, -1), 2, 2),
  ROW (ZMQ_INVERT_MATCHING, ZMQ_PUB, 0, 1, G2 (1, 0), B1 (0), 2, 0),
  ROW (ZMQ_USE_FD, ZMQ_PUSH, -1, 1, G2 (3, -1), B1 (-2), 2, 1),
  ROW (ZMQ_ROUTER_MANDATORY, ZMQ_ROUTER, 0, 0, G3 (1, 0, 7), B1 (-1), 3, 1),
  ROW (ZMQ_ROUTER_RAW, ZMQ_ROUTER, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_ROUTER_HANDOVER, ZMQ_ROUTER, 0, 0, G3 (1, 0, 7), B1 (-1), 3, 1),
  ROW (ZMQ_PROBE_ROUTER, ZMQ_ROUTER, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_PROBE_ROUTER, ZMQ_DEALER, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_REQ_CORRELATE, ZMQ_REQ, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_REQ_RELAXED, ZMQ_REQ, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_XPUB_VERBOSE, ZMQ_XPUB, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_XPUB_VERBOSER, ZMQ_XPUB, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_XPUB_NODROP, ZMQ_XPUB, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_XPUB_MANUAL, ZMQ_XPUB, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_STREAM_NOTIFY, ZMQ_STREAM, 1, 0, G2 (1, 0), B2 (2, -1), 2, 2),
  ROW (ZMQ_ZAP_ENFORCE_DOMAIN, ZMQ_PUSH, 0, 1, G2 (1, 0), B1 (0), 2, 0),
  ROW (ZMQ_LOOPBACK_FASTPATH, ZMQ_PUSH, 0, 1, G2 (1, 0), B1 (0), 2, 0),
  ROW (ZMQ_MULTICAST_LOOP, ZMQ_PUB, 1, 1, G2 (0, 1), B1 (0), 2, 0),
  ROW (ZMQ_ROUTER_NOTIFY, ZMQ_ROUTER, 0, 1, GOOD (1, 2, 3, 0), B2 (4, -1), 4, 2),
  ROW (ZMQ_ROUTER_NOTIFY, ZMQ_REP, 0, 1, GOOD (1, 2, 3, 0), B2 (4, -1), 4, 2),
  ROW (ZMQ_XPUB_MANUAL_LAST_VALUE, ZMQ_XPUB, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_XPUB_MANUAL_LAST_VALUE, ZMQ_PUB, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_ONLY_FIRST_SUBSCRIBE, ZMQ_XPUB, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_ONLY_FIRST_SUBSCRIBE, ZMQ_PUB, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_ONLY_FIRST_SUBSCRIBE, ZMQ_XSUB, 0, 0, G2 (1, 0), B1 (-1), 2, 1),
  ROW (ZMQ_IN_BATCH_SIZE, ZMQ_PUSH, 8192, 1, G3 (1, 100000, INT_MAX_VALUE), B2 (0, -1), 3, 2),
  ROW (ZMQ_OUT_BATCH_SIZE, ZMQ_PUSH, 8192, 1, G3 (1, 100000, INT_MAX_VALUE), B2 (0, -1), 3, 2),
  ROW (ZMQ_RECONNECT_STOP, ZMQ_PUSH, 0, 1, GOOD (1, 2, 7, -1), B1 (0), 4, 0),
  ROW (ZMQ_PRIORITY, ZMQ_PUSH, 0, 1, G3 (3, INT_MAX_VALUE, 0), B2 (-1, INT_MIN_VALUE), 3, 2),
};

static void int_table (const char *on)
{
    void *ctx = ctx_new ();
    for (size_t i = 0; i < COUNT (int_options); i++) {
        const int_option_t *o = &int_options[i];
        snprintf (check_name, sizeof check_name, "int_table (%s)", o->name);
        void *s = zmq_socket (ctx, o->type);
        int value, current = o->fresh;
        size_t size = sizeof value;
        if (o->get)
            CHECK_INT (get_int (s, o->option), o->fresh);
        else
            CHECK_ERRNO (zmq_getsockopt (s, o->option, &value, &size), EINVAL);
        for (int g = 0; g < o->goods; g++) {
            current = o->good[g];
            set_int (s, o->option, current);
            if (o->get)
                CHECK_INT (get_int (s, o->option), current);
        }
        for (int b = 0; b < o->bads; b++)
            CHECK_ERRNO (zmq_setsockopt (s, o->option, &o->bad[b], sizeof (int)), EINVAL);
        int64_t wide = 1;
        CHECK_ERRNO (zmq_setsockopt (s, o->option, &wide, 8), EINVAL);
        CHECK_ERRNO (zmq_setsockopt (s, o->option, &wide, 3), EINVAL);
        CHECK_ERRNO (zmq_setsockopt (s, o->option, &wide, 0), EINVAL);
        CHECK_ERRNO (zmq_setsockopt (s, o->option, NULL, 0), EINVAL);
        if (o->get) {
            size = 3;
            CHECK_ERRNO (zmq_getsockopt (s, o->option, &wide, &size), EINVAL);
            size = 8;
            CHECK_ERRNO (zmq_getsockopt (s, o->option, &wide, &size), EINVAL);
            CHECK_INT (get_int (s, o->option), current);
        }
        CHECK_INT (zmq_close (s), 0);
    }
    snprintf (check_name, sizeof check_name, "int_table");
    finish (ctx);
}

/* Options that belong to some types are refused by the others. */
static void wrong_type (const char *on)
{
    static const struct {
        int option;
        unsigned types; /* bit n: type n takes it */
    } table[] = {
#define T(type) (1u << (type))
      {ZMQ_ROUTER_MANDATORY, T (ZMQ_ROUTER) | T (ZMQ_REP)},
      {ZMQ_ROUTER_RAW, T (ZMQ_ROUTER) | T (ZMQ_REP)},
      {ZMQ_ROUTER_HANDOVER, T (ZMQ_ROUTER) | T (ZMQ_REP)},
      {ZMQ_PROBE_ROUTER, T (ZMQ_ROUTER) | T (ZMQ_REP) | T (ZMQ_DEALER) | T (ZMQ_REQ)},
      {ZMQ_REQ_CORRELATE, T (ZMQ_REQ)},
      {ZMQ_REQ_RELAXED, T (ZMQ_REQ)},
      {ZMQ_XPUB_VERBOSE, T (ZMQ_XPUB) | T (ZMQ_PUB)},
      {ZMQ_XPUB_VERBOSER, T (ZMQ_XPUB) | T (ZMQ_PUB)},
      {ZMQ_XPUB_NODROP, T (ZMQ_XPUB) | T (ZMQ_PUB)},
      {ZMQ_XPUB_MANUAL, T (ZMQ_XPUB) | T (ZMQ_PUB)},
      {ZMQ_STREAM_NOTIFY, T (ZMQ_STREAM)},
#undef T
    };
    void *ctx = ctx_new ();
    for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++) {
        void *s = sock (ctx, type);
        for (size_t i = 0; i < COUNT (table); i++) {
            int one = 1;
            int rc = zmq_setsockopt (s, table[i].option, &one, sizeof one);
            int want = table[i].types & (1u << type) ? 0 : -1;
            if (rc != want || (rc && errno != EINVAL))
                check_report (__FILE__, __LINE__, "option %d on type %d gave %d", table[i].option, type, rc);
        }
        /* The loop above has switched MANUAL on. */
        int takes = type == ZMQ_SUB || type == ZMQ_XPUB || type == ZMQ_PUB;
        CHECK_INT (zmq_setsockopt (s, ZMQ_SUBSCRIBE, "a", 1), takes ? 0 : -1);
        CHECK_INT (zmq_setsockopt (s, ZMQ_UNSUBSCRIBE, "a", 1), takes ? 0 : -1);
        takes = type == ZMQ_XPUB || type == ZMQ_PUB;
        CHECK_INT (zmq_setsockopt (s, ZMQ_XPUB_WELCOME_MSG, "a", 1), takes ? 0 : -1);
    }
    finish (ctx);
}

static void numbers_never_assigned (const char *on)
{
    static const int list[] = {-1, 0, 1, 2, 3, 10, 20, 26, 29, 30, 67, 70, 82, 83, 200, 5000, INT_MAX_VALUE};
    void *ctx = ctx_new ();
    for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++) {
        void *s = sock (ctx, type);
        for (size_t i = 0; i < COUNT (list); i++) {
            int value = 1;
            size_t size = sizeof value;
            CHECK_ERRNO (zmq_setsockopt (s, list[i], &value, sizeof value), EINVAL);
            CHECK_ERRNO (zmq_getsockopt (s, list[i], &value, &size), EINVAL);
        }
    }
    finish (ctx);
}

static void read_only (const char *on)
{
    static const int list[] = {ZMQ_RCVMORE, ZMQ_FD, ZMQ_EVENTS, ZMQ_TYPE, ZMQ_LAST_ENDPOINT, ZMQ_MECHANISM,
                               ZMQ_THREAD_SAFE};
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    for (size_t i = 0; i < COUNT (list); i++) {
        int value = 1;
        CHECK_ERRNO (zmq_setsockopt (s, list[i], &value, sizeof value), EINVAL);
    }
    CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_NULL);
    CHECK_INT (get_int (s, ZMQ_THREAD_SAFE), 0);
    CHECK_INT (get_int (s, ZMQ_RCVMORE), 0);
    CHECK (get_int (s, ZMQ_FD) >= 0);
    finish (ctx);
}

static void write_only (const char *on)
{
    static const int list[] = {ZMQ_SUBSCRIBE,       ZMQ_UNSUBSCRIBE,    ZMQ_TCP_ACCEPT_FILTER, ZMQ_XPUB_WELCOME_MSG,
                               ZMQ_IPC_FILTER_PID,  ZMQ_IPC_FILTER_UID, ZMQ_IPC_FILTER_GID,    ZMQ_CONNECT_ROUTING_ID,
                               ZMQ_ROUTER_MANDATORY};
    void *ctx = ctx_new ();
    for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++) {
        void *s = sock (ctx, type);
        for (size_t i = 0; i < COUNT (list); i++) {
            char buffer[300];
            size_t size = sizeof buffer;
            CHECK_ERRNO (zmq_getsockopt (s, list[i], buffer, &size), EINVAL);
        }
    }
    finish (ctx);
}

static void longer_buffers (const char *on)
{
    /* Four options answer into a longer buffer, zero the rest and say 4. */
    static const int list[] = {ZMQ_RCVMORE, ZMQ_EVENTS, ZMQ_THREAD_SAFE};
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
    for (size_t i = 0; i < COUNT (list); i++) {
        uint64_t value = UINT64_MAX;
        size_t size = sizeof value;
        CHECK_INT (zmq_getsockopt (s, list[i], &value, &size), 0);
        CHECK_INT (size, 4);
        CHECK_INT (value, 0);
        size = 3;
        CHECK_ERRNO (zmq_getsockopt (s, list[i], &value, &size), EINVAL);
    }
    uint64_t fd = UINT64_MAX;
    size_t size = sizeof fd;
    CHECK_INT (zmq_getsockopt (s, ZMQ_FD, &fd, &size), 0);
    CHECK_INT (size, 4);
    CHECK (fd < 65536);
    finish (ctx);
}

static void eight_byte_options (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PUSH);
    uint64_t affinity = 77;
    int64_t limit = 77;
    size_t size = 8;
    CHECK_INT (zmq_getsockopt (s, ZMQ_AFFINITY, &affinity, &size), 0);
    CHECK_INT (affinity, 0);
    affinity = 5;
    CHECK_INT (zmq_setsockopt (s, ZMQ_AFFINITY, &affinity, 8), 0);
    affinity = 0;
    CHECK_INT (zmq_getsockopt (s, ZMQ_AFFINITY, &affinity, &size), 0);
    CHECK_INT (affinity, 5);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_AFFINITY, &affinity, 4), EINVAL);
    CHECK_INT (zmq_getsockopt (s, ZMQ_MAXMSGSIZE, &limit, &size), 0);
    CHECK_INT (limit, -1);
    limit = 1000;
    CHECK_INT (zmq_setsockopt (s, ZMQ_MAXMSGSIZE, &limit, 8), 0);
    limit = 0;
    CHECK_INT (zmq_getsockopt (s, ZMQ_MAXMSGSIZE, &limit, &size), 0);
    CHECK_INT (limit, 1000);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_MAXMSGSIZE, &limit, 4), EINVAL);
    size = 4;
    CHECK_ERRNO (zmq_getsockopt (s, ZMQ_MAXMSGSIZE, &limit, &size), EINVAL);
    CHECK_ERRNO (zmq_getsockopt (s, ZMQ_AFFINITY, &affinity, &size), EINVAL);
    finish (ctx);
}

static void text_options (const char *on)
{
    char longest[257];
    memset (longest, 'x', sizeof longest);
    longest[255] = 0;
    static const int list[] = {ZMQ_PLAIN_USERNAME, ZMQ_PLAIN_PASSWORD, ZMQ_ZAP_DOMAIN};
    void *ctx = ctx_new ();
    for (size_t i = 0; i < COUNT (list); i++) {
        void *s = sock (ctx, ZMQ_DEALER);
        check_text (s, list[i], "", 1);
        CHECK_INT (zmq_setsockopt (s, list[i], "name", 4), 0);
        check_text (s, list[i], "name", 5);
        CHECK_INT (zmq_setsockopt (s, list[i], longest, 255), 0);
        check_text (s, list[i], longest, 256);
        longest[255] = 'x';
        CHECK_ERRNO (zmq_setsockopt (s, list[i], longest, 256), EINVAL);
        longest[255] = 0;
        CHECK_ERRNO (zmq_setsockopt (s, list[i], "", 0), EINVAL);
    }
    finish (ctx);
}

static void routing_id (const char *on)
{
    char longest[256];
    memset (longest, 'i', sizeof longest);
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    check_text (s, ZMQ_ROUTING_ID, "", 0);
    CHECK_INT (zmq_setsockopt (s, ZMQ_ROUTING_ID, "me", 2), 0);
    check_text (s, ZMQ_ROUTING_ID, "me", 2);
    CHECK_INT (zmq_setsockopt (s, ZMQ_ROUTING_ID, "\0a\0", 3), 0);
    check_text (s, ZMQ_ROUTING_ID, "\0a\0", 3);
    CHECK_INT (zmq_setsockopt (s, ZMQ_ROUTING_ID, longest, 255), 0);
    check_text (s, ZMQ_ROUTING_ID, longest, 255);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_ROUTING_ID, longest, 256), EINVAL);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_ROUTING_ID, "", 0), EINVAL);
    check_text (s, ZMQ_ROUTING_ID, longest, 255);
    finish (ctx);
}

static void mechanism_follows (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    set_int (s, ZMQ_PLAIN_SERVER, 1);
    CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_PLAIN);
    set_int (s, ZMQ_PLAIN_SERVER, 0);
    CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_NULL);
    set_text (s, ZMQ_PLAIN_USERNAME, "user");
    CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_PLAIN);
    CHECK_INT (get_int (s, ZMQ_PLAIN_SERVER), 0);
    CHECK_INT (zmq_setsockopt (s, ZMQ_PLAIN_USERNAME, NULL, 0), 0);
    CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_NULL);
    finish (ctx);
}

static void ipv6_and_ipv4only_are_one (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    set_int (s, ZMQ_IPV6, 1);
    CHECK_INT (get_int (s, ZMQ_IPV4ONLY), 0);
    set_int (s, ZMQ_IPV4ONLY, 1);
    CHECK_INT (get_int (s, ZMQ_IPV6), 0);
    finish (ctx);
}

static void heartbeat_ttl (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    static const int table[][2] = {{6553599, 6553500}, {99, 0}, {100, 100}, {250, 200}, {0, 0}, {-99, 0}};
    CHECK_INT (get_int (s, ZMQ_HEARTBEAT_TTL), 0);
    for (size_t i = 0; i < COUNT (table); i++) {
        set_int (s, ZMQ_HEARTBEAT_TTL, table[i][0]);
        CHECK_INT (get_int (s, ZMQ_HEARTBEAT_TTL), table[i][1]);
    }
    int bad = 6553600;
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_HEARTBEAT_TTL, &bad, sizeof bad), EINVAL);
    bad = -100;
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_HEARTBEAT_TTL, &bad, sizeof bad), EINVAL);
    finish (ctx);
}

static void linger_defaults (const char *on)
{
    void *ctx = ctx_new ();
    for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++) {
        void *s = zmq_socket (ctx, type);
        CHECK_INT (get_int (s, ZMQ_LINGER), type == ZMQ_SUB || type == ZMQ_XSUB ? 0 : -1);
        CHECK_INT (zmq_close (s), 0);
    }
    finish (ctx);
}

static void filters_and_devices (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
    static const char *const bad[] = {"foo", "0.0.0.0foo", "0.0.0.0/foo", "0.0.0.0/", "0.0.0.0/-1", "0.0.0.0/33", ""};
    for (size_t i = 0; i < COUNT (bad); i++)
        CHECK_ERRNO (zmq_setsockopt (s, ZMQ_TCP_ACCEPT_FILTER, bad[i], strlen (bad[i])), EINVAL);
    set_text (s, ZMQ_TCP_ACCEPT_FILTER, "127.0.0.1/32");
    CHECK_INT (zmq_setsockopt (s, ZMQ_TCP_ACCEPT_FILTER, NULL, 0), 0);
    static const int ids[] = {ZMQ_IPC_FILTER_PID, ZMQ_IPC_FILTER_UID, ZMQ_IPC_FILTER_GID};
    for (size_t i = 0; i < COUNT (ids); i++) {
        set_int (s, ids[i], 1);
        CHECK_INT (zmq_setsockopt (s, ids[i], NULL, 0), 0);
        CHECK_ERRNO (zmq_setsockopt (s, ids[i], "abc", 3), EINVAL);
    }
    check_text (s, ZMQ_BINDTODEVICE, "", 1);
    set_text (s, ZMQ_BINDTODEVICE, "testdev");
    check_text (s, ZMQ_BINDTODEVICE, "testdev", 8);
    CHECK_INT (zmq_setsockopt (s, ZMQ_BINDTODEVICE, NULL, 0), 0);
    check_text (s, ZMQ_BINDTODEVICE, "", 1);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_BINDTODEVICE, "a-name-that-is-too-long", 23), EINVAL);
    check_text (s, ZMQ_SOCKS_PROXY, "", 1);
    set_text (s, ZMQ_SOCKS_PROXY, "somehost:1080");
    check_text (s, ZMQ_SOCKS_PROXY, "somehost:1080", 14);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_SOCKS_PROXY, "", 0), EINVAL);
    CHECK_INT (zmq_setsockopt (s, ZMQ_SOCKS_PROXY, NULL, 0), 0);
    check_text (s, ZMQ_SOCKS_PROXY, "", 1);
    check_text (s, ZMQ_LAST_ENDPOINT, "", 1);
    finish (ctx);
}

static void subscribe_arguments (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_SUB), *x = sock (ctx, ZMQ_XPUB), *r = sock (ctx, ZMQ_ROUTER);
    CHECK_INT (zmq_setsockopt (s, ZMQ_SUBSCRIBE, NULL, 0), 0);
    CHECK_INT (zmq_setsockopt (s, ZMQ_SUBSCRIBE, "", 0), 0);
    CHECK_INT (zmq_setsockopt (s, ZMQ_UNSUBSCRIBE, "never", 5), 0);
    CHECK_ERRNO (zmq_setsockopt (x, ZMQ_SUBSCRIBE, "a", 1), EINVAL);
    set_int (x, ZMQ_XPUB_MANUAL, 1);
    CHECK_INT (zmq_setsockopt (x, ZMQ_SUBSCRIBE, "a", 1), 0);
    CHECK_INT (zmq_setsockopt (x, ZMQ_XPUB_WELCOME_MSG, NULL, 0), 0);
    CHECK_INT (zmq_setsockopt (r, ZMQ_CONNECT_ROUTING_ID, "id", 2), 0);
    finish (ctx);
}

/* ---- context ---- */

static void context_table (const char *on)
{
    static const struct {
        int option, fresh, good, bad;
    } table[] = {
      {ZMQ_IO_THREADS, 1, 3, -1},  {ZMQ_MAX_SOCKETS, 1023, 10, 0}, {ZMQ_MAX_SOCKETS, 1023, 1, -1},
      {ZMQ_IPV6, 0, 1, -1},        {ZMQ_BLOCKY, 1, 0, -1},         {ZMQ_MAX_MSGSZ, INT_MAX_VALUE, 1000, -1},
      {ZMQ_ZERO_COPY_RECV, 1, 0, -1},
    };
    for (size_t i = 0; i < COUNT (table); i++) {
        void *ctx = ctx_new ();
        CHECK_INT (zmq_ctx_get (ctx, table[i].option), table[i].fresh);
        CHECK_INT (zmq_ctx_set (ctx, table[i].option, table[i].good), 0);
        CHECK_INT (zmq_ctx_get (ctx, table[i].option), table[i].good);
        CHECK_ERRNO (zmq_ctx_set (ctx, table[i].option, table[i].bad), EINVAL);
        CHECK_INT (zmq_ctx_get (ctx, table[i].option), table[i].good);
        finish (ctx);
    }
}

static void context_other (const char *on)
{
    void *ctx = ctx_new ();
    CHECK_INT (zmq_ctx_get (ctx, ZMQ_SOCKET_LIMIT), 65535);
    CHECK_INT (zmq_ctx_get (ctx, ZMQ_MSG_T_SIZE), 64);
    CHECK_ERRNO (zmq_ctx_set (ctx, ZMQ_MSG_T_SIZE, 64), EINVAL);
    static const int unknown[] = {-1, 0, 11, 41, 43, 71, 1000};
    for (size_t i = 0; i < COUNT (unknown); i++) {
        CHECK_ERRNO (zmq_ctx_set (ctx, unknown[i], 0), EINVAL);
        CHECK_ERRNO (zmq_ctx_get (ctx, unknown[i]), EINVAL);
    }
    CHECK_ERRNO (zmq_ctx_set (ctx, ZMQ_THREAD_SCHED_POLICY, -1), EINVAL);
    CHECK_ERRNO (zmq_ctx_set (ctx, ZMQ_THREAD_PRIORITY, -1), EINVAL);
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_SCHED_POLICY, 0), 0);
    CHECK_INT (zmq_ctx_get (ctx, ZMQ_THREAD_SCHED_POLICY), 0);
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_AFFINITY_CPU_ADD, 0), 0);
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_AFFINITY_CPU_ADD, 1), 0);
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 1), 0);
    CHECK_ERRNO (zmq_ctx_set (ctx, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 1), EINVAL);
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_NAME_PREFIX, 1234), 0);
    CHECK_INT (zmq_ctx_get (ctx, ZMQ_THREAD_NAME_PREFIX), 1234);
    finish (ctx);
}

static void context_defaults_reach_sockets (const char *on)
{
    void *ctx = ctx_new ();
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_IPV6, 1), 0);
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_BLOCKY, 0), 0);
    void *s = zmq_socket (ctx, ZMQ_ROUTER);
    CHECK_INT (get_int (s, ZMQ_IPV6), 1);
    CHECK_INT (get_int (s, ZMQ_LINGER), 0);
    CHECK_INT (zmq_close (s), 0);
    finish (ctx);
}

CHECK_MAIN (CASE (int_table), CASE (wrong_type), CASE (numbers_never_assigned), CASE (read_only), CASE (write_only),
            CASE (longer_buffers), CASE (eight_byte_options), CASE (text_options), CASE (routing_id),
            CASE (mechanism_follows), CASE (ipv6_and_ipv4only_are_one), CASE (heartbeat_ttl), CASE (linger_defaults),
            CASE (filters_and_devices), CASE (subscribe_arguments), CASE (context_table), CASE (context_other),
            CASE (context_defaults_reach_sockets))
