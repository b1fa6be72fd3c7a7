/* Connections that go and come back; IMMEDIATE; CONFLATE. */
#include "check.h"

static void bind_again (void *s, const char *ep)
{
    int64_t limit = now_ms () + PATIENCE_MS;
    if (!strncmp (ep, "tcp://[", 7))
        set_int (s, ZMQ_IPV6, 1);
    while (zmq_bind (s, ep) == -1) {
        CHECK_INT (errno, EADDRINUSE);
        CHECK (now_ms () < limit);
        pause_ms (5);
    }
}

/* The server goes and returns at the same place; what the client queued meanwhile arrives, in order. */
static void queued_while_away (const char *on)
{
    void *ctx = ctx_new (), *client = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    void *server = sock (ctx, ZMQ_DEALER);
    bind_on (server, on, ep);
    set_int (client, ZMQ_RECONNECT_IVL, 20);
    void *mon = mon_open (ctx, client, ZMQ_EVENT_DISCONNECTED);
    connect_to (client, ep);
    for (int round = 0; round < 4; round++) {
        BOUNCE (server, client);
        sock_close (server);
        MON_NEXT (mon, ZMQ_EVENT_DISCONNECTED);
        for (int i = 0; i < 100; i++)
            SEND_BYTES (client, &i, (int) sizeof i, 0);
        server = sock (ctx, ZMQ_DEALER);
        bind_again (server, ep);
        for (int i = 0; i < 100; i++) {
            int n = -1;
            CHECK_INT (recv_any (server, &n, sizeof n), sizeof n);
            CHECK_INT (n, i);
        }
    }
    finish (ctx);
}

static void subscriptions_return (const char *on)
{
    void *ctx = ctx_new (), *sub = sock (ctx, ZMQ_SUB), *xpub = sock (ctx, ZMQ_XPUB);
    char ep[ENDPOINT_MAX];
    set_int (sub, ZMQ_RECONNECT_IVL, 20);
    set_text (sub, ZMQ_SUBSCRIBE, "here");
    set_text (sub, ZMQ_SUBSCRIBE, "gone");
    set_text (sub, ZMQ_UNSUBSCRIBE, "gone");
    bind_on (xpub, on, ep);
    connect_to (sub, ep);
    for (int round = 0; round < 3; round++) {
        SUBSCRIBED (xpub, "here");
        SEND (xpub, "here it is");
        RECV (sub, "here it is");
        sock_close (xpub);
        xpub = sock (ctx, ZMQ_XPUB);
        bind_again (xpub, ep);
        /* The reference repeats the subscriptions only once the subscriber calls into the library. */
        UNTIL ((get_int (sub, ZMQ_EVENTS), wait_for (xpub, ZMQ_POLLIN, 1)));
    }
    SUBSCRIBED (xpub, "here");
    NOTHING (xpub);
    finish (ctx);
}

static void no_reconnect_when_off (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_DEALER), *b = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_int (b, ZMQ_RECONNECT_IVL, -1);
    void *mon = mon_open (ctx, b, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CONNECTED);
    bind_on (a, on, ep);
    connect_to (b, ep);
    MON_NEXT (mon, ZMQ_EVENT_CONNECTED);
    BOUNCE (a, b);
    CHECK_INT (zmq_unbind (a, ep), 0);
    /* The reference drops the accepted connection only once its owner calls into the library again. */
    UNTIL ((get_int (a, ZMQ_EVENTS), wait_for (mon, ZMQ_POLLIN, 1)));
    MON_NEXT (mon, ZMQ_EVENT_DISCONNECTED);
    bind_again (a, ep);
    CHECK_INT (mon_next (mon, NULL, NULL, 400), 0);
    connect_to (b, ep);
    MON_NEXT (mon, ZMQ_EVENT_CONNECTED);
    BOUNCE (a, b);
    finish (ctx);
}

/* Without a maximum: between one and two intervals each time. With one: doubling up to it. */
static void back_off (const char *on)
{
    for (int capped = 0; capped < 2; capped++) {
        void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER), *probe = sock (ctx, ZMQ_DEALER);
        char ep[ENDPOINT_MAX];
        bind_on (probe, on, ep);
        CHECK_INT (zmq_unbind (probe, ep), 0);
        sock_close (probe);
        set_int (s, ZMQ_RECONNECT_IVL, 10);
        set_int (s, ZMQ_RECONNECT_IVL_MAX, capped ? 60 : 0);
        void *mon = mon_open (ctx, s, ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECTED);
        connect_to (s, ep);
        static const uint32_t doubling[] = {10, 20, 40, 60, 60};
        for (size_t i = 0; i < COUNT (doubling); i++) {
            uint32_t value = 0;
            MON_NEXT (mon, ZMQ_EVENT_CLOSED);
            CHECK_INT (mon_next (mon, &value, NULL, PATIENCE_MS), ZMQ_EVENT_CONNECT_RETRIED);
            if (capped)
                CHECK_INT (value, doubling[i]);
            else
                CHECK (value >= 10 && value < 20);
        }
        finish (ctx);
    }
}

static void multipart_is_not_torn (const char *on)
{
    /* The receiver goes away in the middle of a message that is being written; it never sees half of one. */
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    static char large[300000];
    char ep[ENDPOINT_MAX];
    set_int (push, ZMQ_RECONNECT_IVL, 10);
    bind_on (pull, on, ep);
    connect_to (push, ep);
    for (int round = 0; round < 10; round++) {
        SEND_MORE (push, "head");
        SEND_BYTES (push, large, (int) sizeof large, ZMQ_SNDMORE);
        SEND (push, "tail");
        if (round % 3 == 1) {
            sock_close (pull);
            pull = sock (ctx, ZMQ_PULL);
            bind_again (pull, ep);
        }
    }
    SEND (push, "end");
    char first[8] = "";
    int whole = 0;
    for (;;) {
        int n = zmq_recv (pull, first, sizeof first, 0);
        CHECK (n > 0);
        if (n == 3 && !memcmp (first, "end", 3))
            break;
        CHECK (n == 4 && !memcmp (first, "head", 4));
        RECV_BYTES (pull, large, sizeof large, 1);
        RECV (pull, "tail");
        whole++;
    }
    CHECK (whole >= 1);
    finish (ctx);
}

/* ---- IMMEDIATE ---- */

static void immediate_off_queues_for_the_absent (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL), *gone = sock (ctx, ZMQ_PULL);
    char live[ENDPOINT_MAX], dead[ENDPOINT_MAX];
    bind_on (gone, on, dead);
    CHECK_INT (zmq_unbind (gone, dead), 0);
    bind_on (pull, on, live);
    connect_to (push, dead);
    connect_to (push, live);
    for (int i = 0; i < 10; i++)
        SEND (push, "x");
    for (int i = 0; i < 5; i++)
        RECV (pull, "x");
    NOTHING (pull);
    finish (ctx);
}

static void immediate_on_only_the_present (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL), *gone = sock (ctx, ZMQ_PULL);
    char live[ENDPOINT_MAX], dead[ENDPOINT_MAX];
    bind_on (gone, on, dead);
    CHECK_INT (zmq_unbind (gone, dead), 0);
    bind_on (pull, on, live);
    set_int (push, ZMQ_IMMEDIATE, 1);
    connect_to (push, dead);
    CHECK_ERRNO (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    connect_to (push, live);
    for (int i = 0; i < 10; i++)
        SEND (push, "x");
    for (int i = 0; i < 10; i++)
        RECV (pull, "x");
    finish (ctx);
}

static void immediate_on_refuses_after_loss (const char *on)
{
    void *ctx = ctx_new (), *client = sock (ctx, ZMQ_DEALER), *server = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_int (client, ZMQ_IMMEDIATE, 1);
    set_int (client, ZMQ_RECONNECT_IVL, 20);
    bind_on (server, on, ep);
    connect_to (client, ep);
    BOUNCE (server, client);
    sock_close (server);
    UNTIL (!(get_int (client, ZMQ_EVENTS) & ZMQ_POLLOUT));
    CHECK_ERRNO (zmq_send (client, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    server = sock (ctx, ZMQ_DEALER);
    bind_again (server, ep);
    BOUNCE (server, client);
    finish (ctx);
}

/* ---- CONFLATE ---- */

static void conflate_keeps_the_last (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    set_int (pull, ZMQ_CONFLATE, 1);
    bind_on (pull, on, ep);
    connect_to (push, ep);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i <= 200; i++)
            SEND_BYTES (push, &i, (int) sizeof i, 0);
        int n = -1, last = -1, count = 0;
        while (n != 200) {
            CHECK_INT (recv_any (pull, &n, sizeof n), sizeof n);
            CHECK (n > last);
            last = n;
            count++;
            pause_ms (20);
        }
        CHECK (count < 150);
        CHECK_ERRNO (zmq_recv (pull, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    }
    finish (ctx);
}

static void conflate_sender (const char *on)
{
    /* A sender that conflates keeps the newest until the peer comes. */
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    bind_on (pull, on, ep);
    CHECK_INT (zmq_unbind (pull, ep), 0);
    set_int (push, ZMQ_CONFLATE, 1);
    set_int (push, ZMQ_RECONNECT_IVL, 20);
    connect_to (push, ep);
    for (int i = 0; i < 50; i++)
        SEND_BYTES (push, &i, (int) sizeof i, 0);
    bind_again (pull, ep);
    int n = -1;
    CHECK_INT (recv_any (pull, &n, sizeof n), sizeof n);
    CHECK_INT (n, 49);
    finish (ctx);
}

CHECK_MAIN (CASE_ON (queued_while_away, "tcp"), CASE_ON (queued_while_away, "tcp6"),
            CASE_ON (queued_while_away, "ipc"), CASE_ON (subscriptions_return, "tcp"),
            CASE_ON (subscriptions_return, "ipc"), CASE_ON (no_reconnect_when_off, "tcp"),
            CASE_ON (no_reconnect_when_off, "ipc"), CASE_ON (back_off, "tcp"), CASE_ON (back_off, "ipc"),
            CASE_ON (multipart_is_not_torn, "tcp"), CASE_ON (multipart_is_not_torn, "ipc"),
            CASE_ON (immediate_off_queues_for_the_absent, "tcp"), CASE_ON (immediate_off_queues_for_the_absent, "ipc"),
            CASE_ON (immediate_on_only_the_present, "tcp"), CASE_ON (immediate_on_only_the_present, "ipc"),
            CASE_ON (immediate_on_refuses_after_loss, "tcp"), CASE_ON (immediate_on_refuses_after_loss, "ipc"),
            CASE_ON (conflate_keeps_the_last, "tcp"), CASE_ON (conflate_keeps_the_last, "ipc"),
            CASE_ON (conflate_sender, "tcp"), CASE_ON (conflate_sender, "ipc"))
