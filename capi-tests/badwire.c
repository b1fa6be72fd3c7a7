/* Bytes that no honest peer sends: the connection ends, and a good client is served within a second. */
#include "raw.h"

typedef struct {
    void *ctx, *server, *mon;
    char ep[ENDPOINT_MAX];
} target_t;

static target_t target (int type)
{
    target_t t = {.ctx = ctx_new ()};
    t.server = sock (t.ctx, type);
    t.mon = mon_open (t.ctx, t.server, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
                                         | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    bind_on (t.server, "tcp", t.ep);
    return t;
}

/* Everything is still well: a client that does it right gets through. */
static void serves (target_t *t)
{
    void *other = ctx_new (), *push = sock (other, ZMQ_PUSH);
    int64_t start = now_ms ();
    connect_to (push, t->ep);
    SEND (push, "good");
    RECV (t->server, "good");
    CHECK (now_ms () - start < 5000); /* a second on a quiet machine */
    finish (other);
}

static void closes (target_t *t, int fd)
{
    RAW_CLOSED (fd);
    close (fd);
    MON_UNTIL (t->mon,
               ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    serves (t);
}

static void truncated_greetings (const char *on)
{
    target_t t = target (ZMQ_PULL);
    unsigned char mine[64];
    greeting (mine, 1, "NULL");
    for (size_t n = 0; n < 64; n += n < 14 ? 1 : 10) {
        int fd = raw_connect (t.ep);
        raw_write (fd, mine, n);
        close (fd);
    }
    serves (&t);
    finish (t.ctx);
}

static void silent_connections (const char *on)
{
    target_t t = target (ZMQ_PULL);
    int fd[100];
    for (size_t i = 0; i < COUNT (fd); i++)
        fd[i] = raw_connect (t.ep);
    serves (&t);
    for (size_t i = 0; i < COUNT (fd); i++) {
        struct linger reset = {1, 0};
        if (i & 1)
            setsockopt (fd[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close (fd[i]);
    }
    serves (&t);
    finish (t.ctx);
}

static void other_mechanism (const char *on)
{
    static const char *const names[] = {"PLAIN", "CURVE", "NULLX", "", "null", "GARBAGEGARBAGEGARBAG"};
    for (size_t i = 0; i < COUNT (names); i++) {
        target_t t = target (ZMQ_PULL);
        unsigned char mine[64];
        greeting (mine, 1, names[i]);
        int fd = raw_connect (t.ep);
        raw_write (fd, mine, 64);
        MON_UNTIL (t.mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        RAW_CLOSED (fd);
        serves (&t);
        finish (t.ctx);
    }
}

static void other_protocols (const char *on)
{
    static const struct {
        const char *text;
        size_t size;
    } table[] = {
#define T(text) {text, sizeof (text) - 1}
      T ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
      T ("SSH-2.0-OpenSSH_9.6\r\n"),
      T ("\x16\3\1\2\0\1\0\1\xFC\3\3garbagegarbagegarbagegarbage"),
      T ("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
      T ("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
#undef T
    };
    target_t t = target (ZMQ_PULL);
    for (size_t i = 0; i < COUNT (table); i++) {
        int fd = raw_connect (t.ep);
        raw_try_write (fd, table[i].text, table[i].size);
        shutdown (fd, SHUT_WR);
        serves (&t);
        close (fd);
    }
    serves (&t);
    finish (t.ctx);
}

/* After the greeting, instead of a correct READY. */
static void bad_handshakes (const char *on)
{
    static const struct {
        const char *text;
        size_t size;
    } table[] = {
#define T(text) {text, sizeof (text) - 1}
      T ("\4\0"),                                                /* an empty command */
      T ("\4\1\5"),                                              /* a name longer than its command */
      T ("\4\6\5HELLO"),                                         /* a command of another mechanism */
      T ("\4\6\5READX"),                                         /* an unknown one */
      T ("\4\7\5READY\13"),                                      /* property name cut off */
      T ("\4\x13\5READY\13Socket-Type\0"),                       /* value length cut off */
      T ("\4\x1A\5READY\13Socket-Type\0\0\0\5PUSH"),             /* value longer than the command */
      T ("\4\x1A\5READY\13Socket-Type\xFF\xFF\xFF\xFFPUSH"),     /* far longer */
      T ("\4\x1A\5READY\13Socket-Type\x80\0\0\0PUSH"),           /* and at the sign bit */
      T ("\4\x19\5READY\13Socket-Type\0\0\0\3FOO"),              /* no such type */
      T ("\4\x19\5READY\13Socket-Type\0\0\0\3REQ"),              /* not a type for a PULL */
      T ("\0\5hello"),                                           /* a message before the handshake */
      T ("\6\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),                  /* a command of 2^64 - 1 bytes */
#undef T
    };
    for (size_t i = 0; i < COUNT (table); i++) {
        target_t t = target (ZMQ_PULL);
        unsigned char mine[64];
        snprintf (check_name, sizeof check_name, "bad_handshakes (%zu)", i);
        greeting (mine, 1, "NULL");
        int fd = raw_connect (t.ep);
        raw_write (fd, mine, 64);
        raw_try_write (fd, table[i].text, table[i].size);
        closes (&t, fd);
        finish (t.ctx);
    }
    snprintf (check_name, sizeof check_name, "bad_handshakes");
}

/* Announced lengths that will never come. */
static void huge_frames (const char *on)
{
    static const uint64_t sizes[] = {UINT64_MAX,     UINT64_MAX - 1, (uint64_t) 1 << 63, ((uint64_t) 1 << 63) - 1,
                                     (uint64_t) 1 << 62, UINT64_MAX - 64, UINT64_MAX - 128, (uint64_t) 1 << 56};
    for (size_t i = 0; i < COUNT (sizes); i++)
        for (int version = 0; version < 2; version++) {
            target_t t = target (ZMQ_PULL);
            int fd = raw_connect (t.ep);
            unsigned char head[9] = {2};
            snprintf (check_name, sizeof check_name, "huge_frames (%llx, %s)", (unsigned long long) sizes[i],
                      version ? "1.0" : "3.1");
            if (version) {
                RAW_SEND (fd, "\1\0");
                head[0] = 0xFF;
            } else
                handshake (fd, 1, "PUSH", "PULL", false);
            for (int b = 0; b < 8; b++)
                head[1 + b] = (unsigned char) (sizes[i] >> (8 * (7 - b)));
            raw_write (fd, head, 9);
            raw_try_write (fd, "\0some of the body", 17);
            RAW_CLOSED (fd);
            serves (&t);
            finish (t.ctx);
        }
    snprintf (check_name, sizeof check_name, "huge_frames");
}

/* Lengths around 4 GiB, of which little comes: no memory is taken for them, others are served meanwhile. */
static void large_promises (const char *on)
{
    static const uint64_t sizes[] = {((uint64_t) 1 << 32) - 1, (uint64_t) 1 << 32, ((uint64_t) 1 << 32) + 1,
                                     (uint64_t) 1 << 31};
    for (size_t i = 0; i < COUNT (sizes); i++) {
        target_t t = target (ZMQ_PULL);
        int fd = raw_connect (t.ep);
        unsigned char head[9] = {2};
        handshake (fd, 1, "PUSH", "PULL", false);
        for (int b = 0; b < 8; b++)
            head[1 + b] = (unsigned char) (sizes[i] >> (8 * (7 - b)));
        raw_write (fd, head, 9);
        raw_try_write (fd, "some", 4);
        serves (&t);
        close (fd);
        serves (&t);
        CHECK_ERRNO (zmq_recv (t.server, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        finish (t.ctx);
    }
}

/* Half a frame, and no more: whoever waits for the rest sleeps. */
static void half_a_frame (const char *on)
{
    target_t t = target (ZMQ_PULL);
    int fd = raw_connect (t.ep), patience = 500;
    handshake (fd, 1, "PUSH", "PULL", false);
    RAW_SEND (fd, "\0\5hello\0\x64half");
    RECV (t.server, "hello");
    set_int (t.server, ZMQ_RCVTIMEO, patience);
    clock_t before = clock ();
    CHECK_ERRNO (zmq_recv (t.server, NULL, 0, 0), EAGAIN);
    zmq_pollitem_t item = {t.server, 0, ZMQ_POLLIN, 0};
    CHECK_INT (zmq_poll (&item, 1, patience), 0);
    CHECK (clock () - before < CLOCKS_PER_SEC / 50);
    close (fd);
    finish (t.ctx);
}

static void over_maxmsgsize (const char *on)
{
    void *ctx = ctx_new ();
    target_t t = {.ctx = ctx, .server = sock (ctx, ZMQ_PULL)};
    int64_t limit = 100;
    char body[102] = "";
    CHECK_INT (zmq_setsockopt (t.server, ZMQ_MAXMSGSIZE, &limit, sizeof limit), 0);
    t.mon = mon_open (ctx, t.server, ZMQ_EVENT_DISCONNECTED);
    bind_on (t.server, "tcp", t.ep);
    int fd = raw_connect (t.ep);
    handshake (fd, 1, "PUSH", "PULL", false);
    RAW_SEND (fd, "\0\x64");
    raw_write (fd, body, 100);
    RECV_BYTES (t.server, body, 100, 0);
    RAW_SEND (fd, "\0\x65");
    raw_try_write (fd, body, 101);
    closes (&t, fd);
    finish (ctx);
}

static void version_1_zero_length (const char *on)
{
    target_t t = target (ZMQ_PULL);
    int fd = raw_connect (t.ep);
    RAW_SEND (fd, "\1\0\0\0\0");
    RAW_CLOSED (fd);
    serves (&t);
    finish (t.ctx);
}

/* A message cut off in the middle never reaches the application. */
static void cut_off (const char *on)
{
    target_t t = target (ZMQ_PULL);
    int fd = raw_connect (t.ep);
    handshake (fd, 1, "PUSH", "PULL", false);
    RAW_SEND (fd, "\0\5whole\1\4half\0\12abc");
    RECV (t.server, "whole");
    close (fd);
    MON_UNTIL (t.mon, ZMQ_EVENT_DISCONNECTED);
    serves (&t);
    CHECK_ERRNO (zmq_recv (t.server, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    finish (t.ctx);
}

/* Random bytes at every stage. */
static void noise (const char *on)
{
    uint32_t x = 2463534242u;
    for (int round = 0; round < 120; round++) {
        target_t t = target (round % 2 ? ZMQ_PULL : ZMQ_PULL);
        unsigned char mine[600];
        size_t good = 0;
        greeting (mine, round & 1, "NULL");
        if (round % 3)
            good = 64;
        if (round % 3 == 2)
            good += ready (mine + 64, "PUSH", NULL);
        for (size_t i = good; i < sizeof mine; i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            mine[i] = (unsigned char) x;
        }
        int fd = raw_connect (t.ep);
        raw_try_write (fd, mine, sizeof mine);
        shutdown (fd, SHUT_WR);
        RAW_CLOSED (fd);
        close (fd);
        /* Noise may well contain messages. */
        while (zmq_recv (t.server, NULL, 0, ZMQ_DONTWAIT) >= 0)
            ;
        finish (t.ctx);
    }
}

static void noise_among_the_good (const char *on)
{
    target_t t = target (ZMQ_PULL);
    uint32_t x = 88172645u;
    for (int round = 0; round < 60; round++) {
        unsigned char bytes[300];
        for (size_t i = 0; i < sizeof bytes; i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            bytes[i] = (unsigned char) x;
        }
        bytes[0] = 0xFF; /* never a 1.0 peer, which may send what it likes */
        bytes[9] |= 1;
        bytes[10] = 3;
        int fd = raw_connect (t.ep);
        raw_try_write (fd, bytes, sizeof bytes);
        close (fd);
        if (round % 6 == 0)
            serves (&t);
    }
    serves (&t);
    finish (t.ctx);
}

/* Subscriptions nobody should send. */
static void odd_subscriptions (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    bind_on (xpub, "tcp", ep);
    int fd = raw_connect (ep);
    handshake (fd, 1, "SUB", "XPUB", false);
    RAW_SEND (fd, "\0\2\0Z");                 /* takes back what was never asked */
    RAW_SEND (fd, "\4\12\11SUBSCRIBE");       /* everything */
    RAW_SEND (fd, "\4\7\6CANCEL\4\7\6CANCEL"); /* twice */
    RAW_SEND (fd, "\0\0");                    /* an empty message upstream */
    RAW_SEND (fd, "\4\14\11SUBSCRIBEok");
    char got[8];
    int n;
    do
        n = recv_any (xpub, got, sizeof got);
    while (n != 3 || memcmp (got, "\1ok", 3));
    connect_to (sub, ep);
    set_text (sub, ZMQ_SUBSCRIBE, "good");
    SUBSCRIBED (xpub, "good");
    SEND (xpub, "good");
    SEND (xpub, "ok");
    RECV (sub, "good");
    RAW_EXPECT (fd, "\0\2ok");
    finish (ctx);
}

/* A server that answers nonsense; the client goes on living. */
static void bad_servers (const char *on)
{
    void *ctx = ctx_new ();
    static const char *const words[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\3"};
    for (int i = 0; i < 6; i++) {
        void *dealer = sock (ctx, ZMQ_DEALER);
        char ep[ENDPOINT_MAX];
        int listener = raw_listen (ep);
        set_int (dealer, ZMQ_RECONNECT_IVL, 10);
        connect_to (dealer, ep);
        int fd = raw_accept (listener);
        raw_try_write (fd, words[i % 2], strlen (words[i % 2]));
        close (fd);
        close (listener);
        CHECK_ERRNO (zmq_recv (dealer, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        sock_close (dealer);
    }
    finish (ctx);
}

static void reset_while_sending (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
    static char body[100000];
    char ep[ENDPOINT_MAX];
    struct linger reset = {1, 0};
    bind_on (push, "tcp", ep);
    for (int i = 0; i < 20; i++) {
        int fd = raw_connect (ep);
        handshake (fd, 1, "PULL", "PUSH", false);
        for (int n = 0; n < 20; n++)
            zmq_send (push, body, sizeof body, ZMQ_DONTWAIT);
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close (fd);
    }
    UNTIL (!(get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT));
    void *pull = sock (ctx, ZMQ_PULL);
    connect_to (pull, ep);
    SEND (push, "fine");
    RECV (pull, "fine");
    finish (ctx);
}

CHECK_MAIN (CASE (truncated_greetings), CASE (silent_connections), CASE (other_mechanism), CASE (other_protocols),
            CASE (bad_handshakes), CASE (huge_frames), CASE (large_promises), CASE (half_a_frame), CASE (over_maxmsgsize),
            CASE (version_1_zero_length), CASE (cut_off), CASE (noise), CASE (noise_among_the_good),
            CASE (odd_subscriptions), CASE (bad_servers), CASE (reset_while_sending))
