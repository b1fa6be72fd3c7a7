/* What happens to queued messages when sockets close and contexts end. */
#include "check.h"

/* A listening place with nobody behind it: bound to learn the port, then given up. */
static void nobody_at (void *ctx, const char *on, char *ep)
{
    void *s = sock (ctx, ZMQ_PULL);
    bind_on (s, on, ep);
    CHECK_INT (zmq_unbind (s, ep), 0);
    sock_close (s);
}

static void zero_returns_at_once (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
    char ep[ENDPOINT_MAX];
    nobody_at (ctx, on, ep);
    connect_to (push, ep);
    for (int i = 0; i < 100; i++)
        SEND (push, "never delivered");
    int64_t start = now_ms ();
    finish (ctx);
    CHECK (now_ms () - start < 5000);
}

static void waits_as_long_as_told (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
    char ep[ENDPOINT_MAX];
    nobody_at (ctx, on, ep);
    set_int (push, ZMQ_LINGER, 300);
    connect_to (push, ep);
    SEND (push, "never delivered");
    int64_t start = now_ms ();
    finish (ctx);
    CHECK (now_ms () - start >= 290);
    CHECK (now_ms () - start < 10000);
}

static void nothing_to_wait_for (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
    char ep[ENDPOINT_MAX];
    nobody_at (ctx, on, ep);
    set_int (push, ZMQ_LINGER, -1);
    connect_to (push, ep);
    int64_t start = now_ms ();
    finish (ctx);
    CHECK (now_ms () - start < 5000);
}

static void *terminate (void *ctx)
{
    CHECK_INT (zmq_ctx_term (ctx), 0);
    return NULL;
}

/* ctx_term waits until a peer has come and taken everything. */
static void term_waits_for_a_late_peer (const char *on)
{
    void *ctx = ctx_new (), *other = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (other, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    pthread_t t;
    nobody_at (other, on, ep);
    set_int (push, ZMQ_LINGER, -1);
    set_int (push, ZMQ_RECONNECT_IVL, 10);
    connect_to (push, ep);
    for (int i = 0; i < 200; i++)
        SEND (push, "delivered");
    sock_close (push);
    pthread_create (&t, NULL, terminate, ctx);
    pause_ms (50);
    int64_t limit = now_ms () + PATIENCE_MS;
    while (zmq_bind (pull, ep) == -1)
        CHECK (now_ms () < limit);
    for (int i = 0; i < 200; i++)
        RECV (pull, "delivered");
    pthread_join (t, NULL);
    finish (other);
}

/* Sent, closed and terminated straight away: everything arrives, large messages too. */
static void last_words (const char *on)
{
    static char large[700000];
    memset (large, 'L', sizeof large);
    void *other = ctx_new (), *pull = sock (other, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    set_int (pull, ZMQ_RCVHWM, 0);
    bind_on (pull, on, ep);
    for (int round = 0; round < 5; round++) {
        void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
        set_int (push, ZMQ_LINGER, -1);
        set_int (push, ZMQ_SNDHWM, 0);
        connect_to (push, ep);
        for (int i = 0; i < 500; i++)
            SEND (push, "small");
        SEND_BYTES (push, large, (int) sizeof large, 0);
        SEND_MORE (push, "last");
        SEND (push, "words");
        finish (ctx);
        for (int i = 0; i < 500; i++)
            RECV (pull, "small");
        RECV_BYTES (pull, large, sizeof large, 0);
        RECV_MORE (pull, "last");
        RECV (pull, "words");
    }
    finish (other);
}

static void last_words_inproc (const char *on)
{
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL);
    CHECK_INT (zmq_bind (pull, "inproc://w"), 0);
    for (int round = 0; round < 50; round++) {
        void *push = sock (ctx, ZMQ_PUSH);
        CHECK_INT (zmq_connect (push, "inproc://w"), 0);
        for (int i = 0; i < 50; i++)
            SEND (push, "word");
        sock_close (push);
        for (int i = 0; i < 50; i++)
            RECV (pull, "word");
    }
    finish (ctx);
}

/* The same for the side that bound. */
static void last_words_of_the_bound_side (const char *on)
{
    void *other = ctx_new (), *pull = sock (other, ZMQ_PULL);
    for (int round = 0; round < 10; round++) {
        void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
        char ep[ENDPOINT_MAX];
        set_int (push, ZMQ_LINGER, -1);
        bind_on (push, on, ep);
        connect_to (pull, ep);
        for (int i = 0; i < 300; i++)
            SEND (push, "bound");
        finish (ctx);
        for (int i = 0; i < 300; i++)
            RECV (pull, "bound");
        CHECK_INT (zmq_disconnect (pull, ep), 0);
    }
    finish (other);
}

static void reply_then_close (const char *on)
{
    for (int round = 0; round < 20; round++) {
        void *ctx = ctx_new (), *other = ctx_new (), *rep = sock (ctx, ZMQ_REP), *req = sock (other, ZMQ_REQ);
        char ep[ENDPOINT_MAX];
        set_int (rep, ZMQ_LINGER, -1);
        bind_on (rep, on, ep);
        connect_to (req, ep);
        SEND (req, "question");
        RECV (rep, "question");
        SEND (rep, "answer");
        finish (ctx);
        RECV (req, "answer");
        finish (other);
    }
}

static void disconnect_lingers (const char *on)
{
    void *ctx = ctx_new (), *other = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (other, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    set_int (push, ZMQ_LINGER, -1);
    bind_on (pull, on, ep);
    connect_to (push, ep);
    for (int i = 0; i < 500; i++)
        SEND (push, "queued");
    CHECK_INT (zmq_disconnect (push, ep), 0);
    for (int i = 0; i < 500; i++)
        RECV (pull, "queued");
    finish (ctx);
    finish (other);
}

static void disconnect_discards_unread (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    bind_on (push, on, ep);
    connect_to (pull, ep);
    for (int i = 0; i < 5; i++)
        SEND (push, "m");
    RECV (pull, "m");
    CHECK_INT (zmq_disconnect (pull, ep), 0);
    CHECK_ERRNO (zmq_recv (pull, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    finish (ctx);
}

static void unbind_keeps_unread (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    bind_on (pull, on, ep);
    connect_to (push, ep);
    for (int i = 0; i < 5; i++)
        SEND (push, "m");
    /* A message from a second peer proves that the five have had time to arrive. */
    RECV (pull, "m");
    pause_ms (QUIET_MS);
    CHECK_INT (zmq_unbind (pull, ep), 0);
    for (int i = 0; i < 4; i++)
        RECV (pull, "m");
    finish (ctx);
}

static void blocky_off_never_waits (const char *on)
{
    void *ctx = ctx_new ();
    char ep[ENDPOINT_MAX];
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_BLOCKY, 0), 0);
    nobody_at (ctx, "tcp", ep);
    void *push = zmq_socket (ctx, ZMQ_PUSH);
    CHECK_INT (zmq_connect (push, ep), 0);
    CHECK_INT (zmq_send (push, "x", 1, 0), 1);
    CHECK_INT (zmq_close (push), 0);
    int64_t start = now_ms ();
    CHECK_INT (zmq_ctx_term (ctx), 0);
    CHECK (now_ms () - start < 5000);
}

CHECK_MAIN (CASE_ON (zero_returns_at_once, "tcp"), CASE_ON (zero_returns_at_once, "ipc"),
            CASE_ON (waits_as_long_as_told, "tcp"), CASE_ON (waits_as_long_as_told, "ipc"),
            CASE_ON (nothing_to_wait_for, "tcp"), CASE_ON (nothing_to_wait_for, "ipc"),
            CASE_ON (term_waits_for_a_late_peer, "tcp"), CASE_ON (term_waits_for_a_late_peer, "ipc"),
            CASE_ON (last_words, "tcp"), CASE_ON (last_words, "tcp6"), CASE_ON (last_words, "ipc"),
            CASE (last_words_inproc), CASE_ON (last_words_of_the_bound_side, "tcp"),
            CASE_ON (last_words_of_the_bound_side, "ipc"), CASE_ON (reply_then_close, "tcp"),
            CASE_ON (reply_then_close, "ipc"), CASE_ON (disconnect_lingers, "tcp"),
            CASE_ON (disconnect_lingers, "ipc"), CASE_ON (disconnect_discards_unread, "tcp"),
            CASE_ON (disconnect_discards_unread, "ipc"), CASE_ON (unbind_keeps_unread, "tcp"),
            CASE_ON (unbind_keeps_unread, "ipc"), CASE (blocky_off_never_waits))
