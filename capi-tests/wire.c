/* The bytes on the wire: peers written by hand in ZMTP 3.1, 3.0, 2.0 and 1.0, in both roles. */
#include "raw.h"

static void *bound (void *ctx, int type, char *ep)
{
    void *s = sock (ctx, type);
    bind_on (s, "tcp", ep);
    return s;
}

/* ---- 3.x ---- */

static void greeting_step_by_step (const char *on)
{
    /* Signature at once; the version after our signature; the rest after our version. */
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    unsigned char mine[64];
    bound (ctx, ZMQ_PULL, ep);
    int fd = raw_connect (ep);
    RAW_EXPECT (fd, "\xFF\0\0\0\0\0\0\0\1\x7F");
    greeting (mine, 1, "NULL");
    raw_write (fd, mine, 9);
    RAW_QUIET (fd);
    raw_write (fd, mine + 9, 1);
    RAW_EXPECT (fd, "\3");
    RAW_QUIET (fd);
    raw_write (fd, mine + 10, 1);
    RAW_EXPECT (fd, "\1NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    raw_write (fd, mine + 11, 53);
    RAW_EXPECT (fd, "\4\x1A\5READY\13Socket-Type\0\0\0\4PULL");
    finish (ctx);
}

static void byte_by_byte (const char *on)
{
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    unsigned char mine[200];
    void *pull = bound (ctx, ZMQ_PULL, ep);
    int fd = raw_connect (ep);
    greeting (mine, 1, "NULL");
    size_t n = 64 + ready (mine + 64, "PUSH", NULL);
    memcpy (mine + n, "\1\3abc\0\2de", 9);
    n += 9;
    for (size_t i = 0; i < n; i++) {
        raw_write (fd, mine + i, 1);
        pause_ms (1);
    }
    RECV_MORE (pull, "abc");
    RECV (pull, "de");
    finish (ctx);
}

static void routing_id_shows_in_the_signature (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    unsigned char mine[64];
    set_text (s, ZMQ_ROUTING_ID, "abc");
    bind_on (s, "tcp", ep);
    int fd = raw_connect (ep);
    RAW_EXPECT (fd, "\xFF\0\0\0\0\0\0\0\4\x7F");
    greeting (mine, 1, "NULL");
    raw_write (fd, mine, 64);
    char rest[54];
    RAW_READ (fd, rest, 54);
    RAW_EXPECT (fd, "\4\x2C\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\3abc");
    finish (ctx);
}

static void ready_of_every_type (const char *on)
{
    static const struct {
        int type;
        const char *name, *peer;
        bool identity;
    } table[] = {
      {ZMQ_PAIR, "PAIR", "PAIR", false},      {ZMQ_PUB, "PUB", "SUB", false},     {ZMQ_REQ, "REQ", "ROUTER", true},
      {ZMQ_REP, "REP", "REQ", false},         {ZMQ_DEALER, "DEALER", "DEALER", true},
      {ZMQ_ROUTER, "ROUTER", "ROUTER", true}, {ZMQ_PULL, "PULL", "PUSH", false},  {ZMQ_PUSH, "PUSH", "PULL", false},
      {ZMQ_XPUB, "XPUB", "SUB", false},       {ZMQ_SUB, "SUB", "PUB", false},     {ZMQ_XSUB, "XSUB", "PUB", false},
    };
    for (size_t i = 0; i < COUNT (table); i++) {
        void *ctx = ctx_new ();
        char ep[ENDPOINT_MAX];
        unsigned char mine[128], theirs[128], want[128];
        bound (ctx, table[i].type, ep);
        int fd = raw_connect (ep);
        greeting (mine, 1, "NULL");
        raw_write (fd, mine, 64);
        RAW_READ (fd, theirs, 64);
        CHECK (!memcmp (mine, theirs, 64));
        size_t n = ready (want, table[i].name, table[i].identity ? "" : NULL);
        RAW_READ (fd, theirs, n);
        if (memcmp (want, theirs, n))
            check_report (__FILE__, __LINE__, "READY of %s", table[i].name);
        finish (ctx);
    }
}

static void frames_out (const char *on)
{
    static unsigned char body[70000], head[9], got[70000];
    static const int sizes[] = {0, 1, 33, 254, 255, 256, 257, 8191, 8192, 65535, 65536, 70000};
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    void *push = bound (ctx, ZMQ_PUSH, ep);
    int fd = raw_connect (ep);
    handshake (fd, 1, "PULL", "PUSH", false);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (unsigned char) (i * 13);
    for (size_t i = 0; i < COUNT (sizes); i++)
        for (int more = 1; more >= 0; more--) {
            int n = sizes[i];
            SEND_BYTES (push, body, n, more ? ZMQ_SNDMORE : 0);
            if (more) /* a multipart message leaves once it is complete */
                continue;
            for (int part = 0; part < 2; part++) {
                bool is_long = n > 255;
                RAW_READ (fd, head, is_long ? 9 : 2);
                CHECK_INT (head[0], (is_long ? 2 : 0) | (part == 0 ? 1 : 0));
                uint64_t size = 0;
                for (int b = 1; b < (is_long ? 9 : 2); b++)
                    size = size << 8 | head[b];
                CHECK_INT (size, n);
                RAW_READ (fd, got, (size_t) n);
                CHECK (!memcmp (got, body, (size_t) n));
            }
        }
    finish (ctx);
}

static void frames_in (const char *on)
{
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    void *pull = bound (ctx, ZMQ_PULL, ep);
    int fd = raw_connect (ep);
    handshake (fd, 1, "PUSH", "PULL", false);
    RAW_SEND (fd, "\0\0");
    RECV (pull, "");
    RAW_SEND (fd, "\1\1a\1\0\0\1b");
    RECV_MORE (pull, "a");
    RECV_MORE (pull, "");
    RECV (pull, "b");
    RAW_SEND (fd, "\2\0\0\0\0\0\0\0\3abc"); /* a long header for a short frame */
    RECV (pull, "abc");
    RAW_SEND (fd, "\3\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0");
    RECV_MORE (pull, "");
    RECV (pull, "");
    static unsigned char body[300000], head[9] = {2, 0, 0, 0, 0, 0, 4, 0x93, 0xE0};
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (unsigned char) (i * 7);
    raw_write (fd, head, 9);
    raw_write (fd, body, sizeof body);
    RAW_SEND (fd, "\0\3end");
    RECV_BYTES (pull, body, sizeof body, 0);
    RECV (pull, "end");
    finish (ctx);
}

static void request_and_reply (const char *on)
{
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    void *rep = bound (ctx, ZMQ_REP, ep);
    int fd = raw_connect (ep);
    unsigned char mine[128], theirs[128];
    greeting (mine, 1, "NULL");
    raw_write (fd, mine, 64);
    raw_write (fd, mine, ready (mine, "REQ", ""));
    RAW_READ (fd, theirs, 64);
    RAW_EXPECT (fd, "\4\x19\5READY\13Socket-Type\0\0\0\3REP");
    RAW_SEND (fd, "\1\0\0\2hi");
    RECV (rep, "hi");
    SEND (rep, "yo");
    RAW_EXPECT (fd, "\1\0\0\2yo");
    finish (ctx);
}

static void pings (const char *on)
{
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    unsigned char ping[2 + 65] = {4, 65, 4, 'P', 'I', 'N', 'G', 0, 0, 'L', 'O', 'L'};
    memset (ping + 12, 'z', sizeof ping - 12);
    void *router = bound (ctx, ZMQ_ROUTER, ep);
    int fd = raw_connect (ep);
    handshake (fd, 1, "DEALER", "ROUTER", true);
    RAW_SEND (fd, "\4\7\4PING\0\0");
    RAW_EXPECT (fd, "\4\5\4PONG");
    RAW_SEND (fd, "\4\12\4PING\0\0LOL");
    RAW_EXPECT (fd, "\4\10\4PONGLOL");
    raw_write (fd, ping, sizeof ping);
    RAW_EXPECT (fd, "\4\25\4PONGLOLzzzzzzzzzzzzz");
    RAW_SEND (fd, "\4\5\4PONG"); /* nobody asked; ignored */
    RAW_SEND (fd, "\0\2hi");
    char id[8];
    CHECK_INT (recv_any (router, id, sizeof id), 5);
    RECV (router, "hi");
    finish (ctx);
}

static void heartbeats (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_int (s, ZMQ_HEARTBEAT_IVL, 50);
    set_int (s, ZMQ_HEARTBEAT_TTL, 1000);
    set_int (s, ZMQ_HEARTBEAT_TIMEOUT, 300);
    void *mon = mon_open (ctx, s, ZMQ_EVENT_DISCONNECTED);
    bind_on (s, "tcp", ep);
    int fd = raw_connect (ep);
    handshake (fd, 1, "DEALER", "DEALER", true);
    for (int i = 0; i < 5; i++) {
        RAW_EXPECT (fd, "\4\7\4PING\0\12");
        RAW_SEND (fd, "\4\5\4PONG");
    }
    /* Silence from here on. */
    MON_UNTIL (mon, ZMQ_EVENT_DISCONNECTED);
    RAW_CLOSED (fd);
    finish (ctx);
}

static void time_to_live (const char *on)
{
    /* A PING that says 100 ms, and then nothing. */
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_ROUTER);
    char ep[ENDPOINT_MAX];
    bind_on (s, "tcp", ep);
    int fd = raw_connect (ep);
    handshake (fd, 1, "DEALER", "ROUTER", true);
    RAW_SEND (fd, "\4\7\4PING\0\1");
    RAW_EXPECT (fd, "\4\5\4PONG");
    RAW_CLOSED (fd);
    finish (ctx);
}

/* ---- publish and subscribe by hand ---- */

static void subscriber_by_hand (int minor, const char *subscribe, size_t s, const char *cancel, size_t c)
{
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    void *xpub = bound (ctx, ZMQ_XPUB, ep);
    int fd = raw_connect (ep);
    handshake (fd, minor, "SUB", "XPUB", false);
    raw_write (fd, subscribe, s);
    SUBSCRIBED (xpub, "A");
    SEND (xpub, "ALOL");
    SEND (xpub, "B");
    SEND_MORE (xpub, "A");
    SEND (xpub, "x");
    RAW_EXPECT (fd, "\0\4ALOL\1\1A\0\1x");
    raw_write (fd, cancel, c);
    UNSUBSCRIBED (xpub, "A");
    finish (ctx);
}

static void subscriber_3_1 (const char *on)
{
    subscriber_by_hand (1, "\4\13\11SUBSCRIBEA", 13, "\4\10\6CANCELA", 10);
}

static void subscriber_3_0 (const char *on)
{
    subscriber_by_hand (0, "\0\2\1A", 4, "\0\2\0A", 4);
}

static void subscriber_3_1_with_messages (const char *on)
{
    subscriber_by_hand (1, "\0\2\1A", 4, "\0\2\0A", 4);
}

static void publisher_by_hand (int minor)
{
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    void *sub = bound (ctx, ZMQ_SUB, ep);
    set_text (sub, ZMQ_SUBSCRIBE, "A");
    int fd = raw_connect (ep);
    handshake (fd, minor, "PUB", "SUB", false);
    /* The connection belongs to the socket once the socket has been called. */
    UNTIL ((get_int (sub, ZMQ_EVENTS), raw_wait (fd, 1)));
    if (minor)
        RAW_EXPECT (fd, "\4\13\11SUBSCRIBEA");
    else
        RAW_EXPECT (fd, "\0\2\1A");
    RAW_SEND (fd, "\0\4ALOL\0\3BAD\0\2AA");
    RECV (sub, "ALOL");
    RECV (sub, "AA"); /* what does not match is filtered here as well */
    set_text (sub, ZMQ_UNSUBSCRIBE, "A");
    if (minor)
        RAW_EXPECT (fd, "\4\10\6CANCELA");
    else
        RAW_EXPECT (fd, "\0\2\0A");
    finish (ctx);
}

static void publisher_3_1 (const char *on)
{
    publisher_by_hand (1);
}

static void publisher_3_0 (const char *on)
{
    publisher_by_hand (0);
}

/* ---- 2.0 and 1.0 ---- */

static void version_2_peer (const char *on)
{
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX], id[8];
    void *router = bound (ctx, ZMQ_ROUTER, ep);
    int fd = raw_connect (ep);
    RAW_EXPECT (fd, "\xFF\0\0\0\0\0\0\0\1\x7F");
    RAW_SEND (fd, "\xFF\0\0\0\0\0\0\0\1\x7F\1\5"); /* revision 1: ZMTP 2.0, and DEALER */
    RAW_EXPECT (fd, "\3\6");                       /* version, and ROUTER */
    RAW_SEND (fd, "\0\2me");                       /* the identity */
    RAW_EXPECT (fd, "\0\0");
    RAW_SEND (fd, "\1\3abc\0\1d");
    CHECK_INT (recv_any (router, id, sizeof id), 2);
    CHECK (!memcmp (id, "me", 2));
    RECV_MORE (router, "abc");
    RECV (router, "d");
    SEND_MORE (router, "me");
    SEND_MORE (router, "x");
    SEND (router, "yz");
    RAW_EXPECT (fd, "\1\1x\0\2yz");
    finish (ctx);
}

static void version_1_peer (const char *on)
{
    /* No signature at all: a length, flags, and the identity. */
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    void *pull = bound (ctx, ZMQ_PULL, ep);
    int fd = raw_connect (ep);
    RAW_EXPECT (fd, "\xFF\0\0\0\0\0\0\0\1\x7F");
    RAW_SEND (fd, "\1\0");
    RAW_SEND (fd, "\4\1abc\2\0d");
    RECV_MORE (pull, "abc");
    RECV (pull, "d");
    unsigned char big[9 + 1 + 1000] = {0xFF, 0, 0, 0, 0, 0, 0, 3, 0xE9, 0};
    memset (big + 10, 'q', 1000);
    raw_write (fd, big, sizeof big);
    RECV_BYTES (pull, big + 10, 1000, 0);
    finish (ctx);
}

static void version_1_reads_us (const char *on)
{
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    void *push = bound (ctx, ZMQ_PUSH, ep);
    int fd = raw_connect (ep);
    RAW_EXPECT (fd, "\xFF\0\0\0\0\0\0\0\1\x7F"); /* to a 1.0 peer: an identity of length 0 in long form */
    RAW_SEND (fd, "\1\0");
    SEND_MORE (push, "ab");
    SEND (push, "c");
    RAW_EXPECT (fd, "\3\1ab\2\0c");
    finish (ctx);
}

static void version_1_subscribers_get_everything (const char *on)
{
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    void *xpub = bound (ctx, ZMQ_XPUB, ep);
    int fd = raw_connect (ep);
    RAW_EXPECT (fd, "\xFF\0\0\0\0\0\0\0\1\x7F");
    RAW_SEND (fd, "\1\0");
    SUBSCRIBED (xpub, "");
    SEND (xpub, "any");
    RAW_EXPECT (fd, "\4\0any");
    finish (ctx);
}

static void later_versions_are_taken_as_3_1 (const char *on)
{
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    unsigned char mine[128], theirs[128];
    void *pull = bound (ctx, ZMQ_PULL, ep);
    int fd = raw_connect (ep);
    greeting (mine, 7, "NULL");
    mine[10] = 4;
    raw_write (fd, mine, 64);
    raw_write (fd, mine, ready (mine, "PUSH", NULL));
    RAW_READ (fd, theirs, 64);
    RAW_SEND (fd, "\0\2ok");
    RECV (pull, "ok");
    finish (ctx);
}

/* ---- we connect, they serve ---- */

static void server_by_hand (const char *on)
{
    void *ctx = ctx_new (), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    int listener = raw_listen (ep);
    set_int (dealer, ZMQ_RECONNECT_IVL, 10);
    connect_to (dealer, ep);
    for (int i = 0; i < 3; i++) {
        int fd = raw_accept (listener);
        handshake (fd, 1, "ROUTER", "DEALER", true);
        SEND (dealer, "ping");
        RAW_EXPECT (fd, "\0\4ping");
        RAW_SEND (fd, "\0\4pong");
        RECV (dealer, "pong");
        close (fd);
    }
    finish (ctx);
}

static void handshake_timeout (const char *on)
{
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    set_int (pull, ZMQ_HANDSHAKE_IVL, 150);
    void *mon = mon_open (ctx, pull, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_DISCONNECTED);
    bind_on (pull, "tcp", ep);
    int64_t start = now_ms ();
    int fd = raw_connect (ep);
    MON_UNTIL (mon, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    CHECK (now_ms () - start >= 145);
    RAW_CLOSED (fd);
    finish (ctx);
}

CHECK_MAIN (CASE (greeting_step_by_step), CASE (byte_by_byte), CASE (routing_id_shows_in_the_signature),
            CASE (ready_of_every_type), CASE (frames_out), CASE (frames_in), CASE (request_and_reply), CASE (pings),
            CASE (heartbeats), CASE (time_to_live), CASE (subscriber_3_1), CASE (subscriber_3_0),
            CASE (subscriber_3_1_with_messages), CASE (publisher_3_1), CASE (publisher_3_0), CASE (version_2_peer),
            CASE (version_1_peer), CASE (version_1_reads_us), CASE (version_1_subscribers_get_everything),
            CASE (later_versions_are_taken_as_3_1), CASE (server_by_hand), CASE (handshake_timeout))
