/* High water marks: how many messages a sender may queue, where, and what happens after. */
#include "check.h"

enum { NO_LIMIT = 10000 };

/* Sends without waiting until refused, at most `most`. */
static int fill (void *s, int most)
{
    int n = 0;
    while (n < most && zmq_send (s, &n, sizeof n, ZMQ_DONTWAIT) == sizeof n)
        n++;
    if (n < most)
        CHECK_INT (zmq_errno (), EAGAIN);
    return n;
}

/* Receives the numbers 0 to n-1. */
static void drain (void *s, int n)
{
    for (int i = 0; i < n; i++) {
        int got = -1;
        CHECK_INT (recv_any (s, &got, sizeof got), sizeof got);
        CHECK_INT (got, i);
    }
}

static void sums (const char *on)
{
    static const struct {
        int snd, rcv, want;
    } table[] = {{-1, -1, 2000}, {1, 1, 2},         {2, 3, 5},          {100, 1, 101}, {0, 0, NO_LIMIT},
                 {1, 0, NO_LIMIT}, {0, 1, NO_LIMIT}, {1000, 1, 1001}, {7, 500, 507}};
    for (int order = 0; order < 2; order++)
        for (size_t i = 0; i < COUNT (table); i++) {
            void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
            if (table[i].snd >= 0)
                set_int (push, ZMQ_SNDHWM, table[i].snd);
            if (table[i].rcv >= 0)
                set_int (pull, ZMQ_RCVHWM, table[i].rcv);
            if (order)
                CHECK_INT (zmq_connect (push, "inproc://h"), 0);
            CHECK_INT (zmq_bind (pull, "inproc://h"), 0);
            if (!order)
                CHECK_INT (zmq_connect (push, "inproc://h"), 0);
            CHECK_INT (fill (push, NO_LIMIT), table[i].want);
            drain (pull, table[i].want);
            CHECK_ERRNO (zmq_recv (pull, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
            SEND (push, "more");
            RECV (pull, "more");
            finish (ctx);
        }
}

static void only_the_connectors_before_bind (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    set_int (push, ZMQ_SNDHWM, 4);
    set_int (push, ZMQ_LINGER, -1);
    CHECK_INT (zmq_connect (push, "inproc://h"), 0);
    CHECK_INT (fill (push, 100), 4);
    sock_close (push);
    CHECK_INT (zmq_bind (pull, "inproc://h"), 0);
    drain (pull, 4);
    finish (ctx);
}

static void multipart_counts_once (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    set_int (push, ZMQ_SNDHWM, 1);
    set_int (pull, ZMQ_RCVHWM, 1);
    CHECK_INT (zmq_bind (pull, "inproc://h"), 0);
    CHECK_INT (zmq_connect (push, "inproc://h"), 0);
    for (int i = 0; i < 2; i++) {
        for (int part = 0; part < 20; part++)
            CHECK_INT (zmq_send (push, "p", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE), 1);
        CHECK_INT (zmq_send (push, "q", 1, ZMQ_DONTWAIT), 1);
    }
    CHECK_ERRNO (zmq_send (push, "p", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE), EAGAIN);
    CHECK_ERRNO (zmq_send (push, "p", 1, ZMQ_DONTWAIT), EAGAIN);
    for (int i = 0; i < 2; i++) {
        for (int part = 0; part < 20; part++)
            RECV_MORE (pull, "p");
        RECV (pull, "q");
    }
    finish (ctx);
}

static void resume_after_half (const char *on)
{
    /* Credit comes back in steps: after about half of the queue has been read. */
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    set_int (push, ZMQ_SNDHWM, 10);
    set_int (pull, ZMQ_RCVHWM, 10);
    CHECK_INT (zmq_bind (pull, "inproc://h"), 0);
    CHECK_INT (zmq_connect (push, "inproc://h"), 0);
    CHECK_INT (fill (push, 100), 20);
    int before = 0;
    while (!(get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT)) {
        int n;
        CHECK_INT (zmq_recv (pull, &n, sizeof n, ZMQ_DONTWAIT), sizeof n);
        CHECK_INT (n, before);
        before++;
        CHECK (before <= 20);
    }
    CHECK (before >= 1);
    int more = fill (push, 100);
    CHECK (more >= 1 && more <= before);
    finish (ctx);
}

static void changed_while_connected (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    set_int (push, ZMQ_SNDHWM, 1);
    set_int (pull, ZMQ_RCVHWM, 1);
    CHECK_INT (zmq_bind (push, "inproc://h"), 0);
    CHECK_INT (zmq_connect (pull, "inproc://h"), 0);
    /* Only pipes that the socket already knows are changed. */
    CHECK_INT (get_int (push, ZMQ_EVENTS), ZMQ_POLLOUT);
    set_int (push, ZMQ_SNDHWM, 5);
    CHECK_INT (get_int (push, ZMQ_SNDHWM), 5);
    CHECK_INT (fill (push, 100), 6);
    drain (pull, 6);
    finish (ctx);
}

static void lowered_when_full (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    set_int (push, ZMQ_SNDHWM, 100);
    set_int (pull, ZMQ_RCVHWM, 1);
    CHECK_INT (zmq_bind (push, "inproc://h"), 0);
    CHECK_INT (zmq_connect (pull, "inproc://h"), 0);
    CHECK_INT (fill (push, 1000), 101);
    set_int (push, ZMQ_SNDHWM, 70);
    CHECK_INT (get_int (push, ZMQ_SNDHWM), 70);
    CHECK_ERRNO (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    drain (pull, 101);
    UNTIL (get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT);
    int n = fill (push, 1000);
    CHECK (n > 7 && n <= 71);
    drain (pull, n);
    finish (ctx);
}

/* Over a connection the two marks and the kernel's buffers add up: a bound, nothing lost, order kept. */
static void bounded_over_a_connection (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    static char body[100000];
    set_int (push, ZMQ_SNDHWM, 5);
    set_int (pull, ZMQ_RCVHWM, 5);
    set_int (push, ZMQ_SNDBUF, 65536);
    set_int (pull, ZMQ_RCVBUF, 65536);
    bind_on (pull, on, ep);
    connect_to (push, ep);
    SEND (push, "up");
    RECV (pull, "up");
    set_int (push, ZMQ_SNDTIMEO, 300);
    int n = 0;
    for (;; n++) {
        memcpy (body, &n, sizeof n);
        if (zmq_send (push, body, sizeof body, 0) == -1)
            break;
        CHECK (n < 200);
    }
    CHECK_INT (zmq_errno (), EAGAIN);
    CHECK (n >= 10);
    for (int i = 0; i < n; i++) {
        int got;
        CHECK_INT (recv_any (pull, body, sizeof body), sizeof body);
        memcpy (&got, body, sizeof got);
        CHECK_INT (got, i);
    }
    set_int (push, ZMQ_SNDTIMEO, PATIENCE_MS);
    SEND (push, "on");
    RECV (pull, "on");
    finish (ctx);
}

/* PUB drops for the peer that is full and never refuses. */
static void publisher_drops (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *slow = sock (ctx, ZMQ_SUB), *fast = sock (ctx, ZMQ_SUB);
    set_int (xpub, ZMQ_SNDHWM, 10);
    set_int (slow, ZMQ_RCVHWM, 10);
    set_int (fast, ZMQ_RCVHWM, 0);
    CHECK_INT (zmq_bind (xpub, "inproc://p"), 0);
    set_int (xpub, ZMQ_XPUB_VERBOSE, 1);
    CHECK_INT (zmq_connect (slow, "inproc://p"), 0);
    CHECK_INT (zmq_connect (fast, "inproc://p"), 0);
    set_text (slow, ZMQ_SUBSCRIBE, "");
    SUBSCRIBED (xpub, "");
    set_text (fast, ZMQ_SUBSCRIBE, "");
    SUBSCRIBED (xpub, "");
    CHECK_INT (fill (xpub, 500), 500);
    drain (fast, 500);
    drain (slow, 20);
    CHECK_ERRNO (zmq_recv (slow, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    finish (ctx);
}

static void nodrop_refuses (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    set_int (xpub, ZMQ_SNDHWM, 20);
    set_int (sub, ZMQ_RCVHWM, 20);
    set_int (xpub, ZMQ_XPUB_NODROP, 1);
    bind_on (xpub, on, ep);
    connect_to (sub, ep);
    set_text (sub, ZMQ_SUBSCRIBE, "");
    SUBSCRIBED (xpub, "");
    int sent = 0, received = 0, refused = 0;
    while (sent < 5000) {
        if (zmq_send (xpub, &sent, sizeof sent, ZMQ_DONTWAIT) == sizeof sent) {
            sent++;
            continue;
        }
        CHECK_INT (zmq_errno (), EAGAIN);
        refused++;
        int n;
        while (received < sent) {
            CHECK_INT (recv_any (sub, &n, sizeof n), sizeof n);
            CHECK_INT (n, received);
            received++;
        }
    }
    CHECK (!strcmp (on, "tcp") || refused > 0);
    while (received < sent) {
        int n;
        CHECK_INT (recv_any (sub, &n, sizeof n), sizeof n);
        CHECK_INT (n, received);
        received++;
    }
    finish (ctx);
}

static void nodrop_blocks (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    set_int (xpub, ZMQ_SNDHWM, 5);
    set_int (sub, ZMQ_RCVHWM, 5);
    set_int (xpub, ZMQ_XPUB_NODROP, 1);
    CHECK_INT (zmq_bind (xpub, "inproc://p"), 0);
    CHECK_INT (zmq_connect (sub, "inproc://p"), 0);
    set_text (sub, ZMQ_SUBSCRIBE, "");
    SUBSCRIBED (xpub, "");
    CHECK_INT (fill (xpub, 100), 10);
    set_int (xpub, ZMQ_SNDTIMEO, 50);
    int64_t start = now_ms ();
    CHECK_ERRNO (zmq_send (xpub, "x", 1, 0), EAGAIN);
    CHECK (now_ms () - start >= 49);
    drain (sub, 10);
    CHECK_INT (fill (xpub, 100), 10);
    finish (ctx);
}

static void credit_survives_refills (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    set_int (xpub, ZMQ_SNDHWM, 11024);
    set_int (sub, ZMQ_RCVHWM, 11024);
    bind_on (xpub, on, ep);
    connect_to (sub, ep);
    set_text (sub, ZMQ_SUBSCRIBE, "");
    SUBSCRIBED (xpub, "");
    /* Credit comes back in steps of 5512, so 5000 more always fit. */
    for (int round = 0; round < 10; round++) {
        CHECK_INT (fill (xpub, 5000), 5000);
        drain (sub, 5000);
    }
    finish (ctx);
}

/* Both queues of a connection are full before a send waits, however much is sent at once. */
static void both_ends_fill (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX], body[8192] = "x";
    /* Little fits in between, so that all has to find its place in the queues. */
    set_int (push, ZMQ_SNDBUF, 4096);
    set_int (push, ZMQ_SNDHWM, 500);
    set_int (pull, ZMQ_RCVBUF, 4096);
    set_int (pull, ZMQ_RCVHWM, 500);
    bind_on (push, on, ep);
    connect_to (pull, ep);
    for (int i = 0; i < 1000; i++)
        SEND_BYTES (push, body, (int) sizeof body, 0);
    for (int i = 0; i < 1000; i++)
        RECV_BYTES (pull, body, sizeof body, 0);
    finish (ctx);
}

/* Below the high water mark no send waits for a peer that is not there, or does not read, however large the messages. */
static void large_ones_do_not_wait (const char *on)
{
    static char body[65536];
    for (int there = 0; there < 2; there++)
        for (int frames = 1; frames <= 2; frames++) {
            void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
            char ep[ENDPOINT_MAX];
            set_int (pull, ZMQ_RCVHWM, 1);
            set_int (push, ZMQ_LINGER, 0);
            bind_on (pull, on, ep);
            if (!there)
                sock_close (pull);
            connect_to (push, ep);
            int64_t start = now_ms ();
            for (int i = 0; i < 900; i++) {
                if (frames == 2)
                    SEND_BYTES (push, "head", 4, ZMQ_SNDMORE);
                SEND_BYTES (push, body, (int) sizeof body, 0);
            }
            CHECK (now_ms () - start < 2000);
            if (there)
                for (int i = 0; i < 900; i++) {
                    if (frames == 2)
                        RECV_BYTES (pull, "head", 4, 1);
                    RECV_BYTES (pull, body, sizeof body, 0);
                }
            finish (ctx);
        }
}

CHECK_MAIN (CASE_ON (large_ones_do_not_wait, "tcp"), CASE_ON (large_ones_do_not_wait, "ipc"),
            CASE_ON (both_ends_fill, "tcp"), CASE_ON (both_ends_fill, "ipc"), CASE (sums), CASE (only_the_connectors_before_bind), CASE (multipart_counts_once),
            CASE (resume_after_half), CASE (changed_while_connected), CASE (lowered_when_full),
            CASE_ON (bounded_over_a_connection, "tcp"), CASE_ON (bounded_over_a_connection, "ipc"),
            CASE (publisher_drops), CASE_ON (nodrop_refuses, "inproc"), CASE_ON (nodrop_refuses, "tcp"),
            CASE_ON (nodrop_refuses, "ipc"), CASE (nodrop_blocks), CASE_ON (credit_survives_refills, "tcp"),
            CASE_ON (credit_survives_refills, "ipc"), CASE_ON (credit_survives_refills, "inproc"))
