/* difference: BUSY_POLL can be read, METADATA and IN_BATCH_SIZE take every size, NULL is no value, topics of the gone are not counted, heartbeats mind a full queue and count parts of messages */
#define ZMQ_BUILD_DRAFT_API
#include "raw.h"

static void values (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *xsub = sock (ctx, ZMQ_XSUB);
    /* The reference writes the value and answers EINVAL. */
    CHECK_INT (get_int (push, ZMQ_BUSY_POLL), 0);
    set_int (push, ZMQ_BUSY_POLL, 50);
    CHECK_INT (get_int (push, ZMQ_BUSY_POLL), 50);
    /* It takes four bytes for an int. */
    CHECK_INT (zmq_setsockopt (push, ZMQ_METADATA, "X-:v", 4), 0);
    /* It reads four bytes from wherever it is told to. */
    CHECK_ERRNO (zmq_setsockopt (xsub, ZMQ_XSUB_VERBOSE_UNSUBSCRIBE, NULL, 0), EINVAL);
    CHECK_ERRNO (zmq_setsockopt (xsub, ZMQ_XSUB_VERBOSE_UNSUBSCRIBE, NULL, 4), EINVAL);
    CHECK_ERRNO (zmq_setsockopt (xsub, ZMQ_XSUB_VERBOSE_UNSUBSCRIBE, "", 1), EINVAL);
    finish (ctx);
}

/* The reference goes on counting what a peer subscribed to that is gone. */
static void topics_of_the_gone (const char *on)
{
    void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_XPUB), *one = sock (ctx, ZMQ_SUB), *two = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    bind_on (pub, on, ep);
    connect_to (one, ep);
    connect_to (two, ep);
    set_text (one, ZMQ_SUBSCRIBE, "a");
    set_text (one, ZMQ_SUBSCRIBE, "b");
    set_text (two, ZMQ_SUBSCRIBE, "b");
    UNTIL (get_int (pub, ZMQ_TOPICS_COUNT) == 2);
    sock_close (one);
    UNTIL (get_int (pub, ZMQ_TOPICS_COUNT) == 1);
    /* Twice the same is one topic, as with the reference unless it was built with a radix tree. */
    set_text (two, ZMQ_SUBSCRIBE, "b");
    CHECK_INT (get_int (two, ZMQ_TOPICS_COUNT), 1);
    finish (ctx);
}

/* The reference asserts. */
static void one_byte_at_a_time (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX], body[3000];
    memset (body, 'b', sizeof body);
    set_int (pull, ZMQ_IN_BATCH_SIZE, 1);
    set_int (push, ZMQ_OUT_BATCH_SIZE, 1);
    bind_on (pull, on, ep);
    connect_to (push, ep);
    for (int i = 0; i < 300; i++)
        SEND_BYTES (push, body, (i * 37) % 3000, i % 3 == 1 ? ZMQ_SNDMORE : 0);
    for (int i = 0; i < 300; i++)
        RECV_BYTES (pull, body, (size_t) ((i * 37) % 3000), i % 3 == 1);
    finish (ctx);
}

/* The reference leaves the peer's PINGs unread behind messages, misses the answers to its own, and drops the connection
 * with all that is on its way. */
static void heartbeats_with_a_full_queue (const char *on)
{
    for (int who = 0; who < 3; who++) {
        void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
        char ep[ENDPOINT_MAX], body[2000];
        memset (body, 'b', sizeof body);
        set_int (pull, ZMQ_RCVHWM, 1);
        for (int i = 0; i < 2; i++) {
            if (who == 2 || who == i) {
                set_int (i ? push : pull, ZMQ_HEARTBEAT_IVL, 60);
                set_int (i ? push : pull, ZMQ_HEARTBEAT_TIMEOUT, 300);
                set_int (i ? push : pull, ZMQ_HEARTBEAT_TTL, 400);
            }
        }
        void *mon = mon_open (ctx, push, ZMQ_EVENT_DISCONNECTED), *other = mon_open (ctx, pull, ZMQ_EVENT_DISCONNECTED);
        bind_on (pull, on, ep);
        connect_to (push, ep);
        SEND (push, "first");
        RECV (pull, "first");
        CHECK_INT (mon_next (mon, NULL, NULL, QUIET_MS), 0);
        for (int i = 0; i < 300; i++)
            SEND_BYTES (push, body, (int) sizeof body, 0);
        /* The application is busy elsewhere. */
        CHECK_INT (mon_next (mon, NULL, NULL, 6 * QUIET_MS), 0);
        CHECK_INT (mon_next (other, NULL, NULL, 0), 0);
        for (int i = 0; i < 300; i++)
            RECV_BYTES (pull, body, sizeof body, 0);
        CHECK_INT (mon_next (mon, NULL, NULL, QUIET_MS), 0);
        CHECK_INT (mon_next (other, NULL, NULL, 0), 0);
        finish (ctx);
    }
}

/* So much is sent that the sender's kernel takes no more: its PINGs do not even leave. */
static void heartbeats_behind_a_full_kernel (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    size_t size = 100000;
    char *body = calloc (1, size);
    set_int (pull, ZMQ_RCVHWM, 1);
    set_int (pull, ZMQ_RCVBUF, 20000);
    set_int (push, ZMQ_SNDBUF, 20000);
    set_int (push, ZMQ_HEARTBEAT_IVL, 60);
    set_int (push, ZMQ_HEARTBEAT_TIMEOUT, 300);
    void *mon = mon_open (ctx, push, ZMQ_EVENT_DISCONNECTED);
    bind_on (pull, on, ep);
    connect_to (push, ep);
    for (int i = 0; i < 20; i++)
        SEND_BYTES (push, body, (int) size, 0);
    CHECK_INT (mon_next (mon, NULL, NULL, 6 * QUIET_MS), 0);
    for (int i = 0; i < 20; i++)
        RECV_BYTES (pull, body, size, 0);
    CHECK_INT (mon_next (mon, NULL, NULL, QUIET_MS), 0);
    free (body);
    finish (ctx);
}

/* A large message that takes its time is no silence. */
static void parts_of_a_message_are_heard (const char *on)
{
    char ep[ENDPOINT_MAX], bytes[64];
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    set_int (s, ZMQ_HEARTBEAT_IVL, 50);
    set_int (s, ZMQ_HEARTBEAT_TIMEOUT, 200);
    void *mon = mon_open (ctx, s, ZMQ_EVENT_DISCONNECTED);
    bind_on (s, on, ep);
    int fd = raw_connect (ep);
    handshake (fd, 1, "DEALER", "DEALER", true);
    RAW_SEND (fd, "\0\24");
    for (int i = 0; i < 20; i++) {
        RAW_SEND (fd, "x");
        RAW_EXPECT (fd, "\4\7\4PING\0\0");
    }
    CHECK_INT (recv_any (s, bytes, sizeof bytes), 20);
    CHECK_INT (mon_next (mon, NULL, NULL, 0), 0);
    MON_NEXT (mon, ZMQ_EVENT_DISCONNECTED);
    finish (ctx);
}

/* An attempt that failed is not made again: what was sent can go nowhere, and the reference waits for ever to send it. */
static void no_lingering_without_hope (const char *on)
{
    void *ctx = ctx_new (), *probe = sock (ctx, ZMQ_PULL), *push = sock (ctx, ZMQ_PUSH);
    char ep[ENDPOINT_MAX];
    bind_on (probe, on, ep);
    CHECK_INT (zmq_unbind (probe, ep), 0);
    set_int (push, ZMQ_RECONNECT_IVL, -1);
    void *mon = mon_open (ctx, push, ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECT_RETRIED);
    connect_to (push, ep);
    MON_NEXT (mon, ZMQ_EVENT_CLOSED);
    CHECK_INT (mon_next (mon, NULL, NULL, QUIET_MS), 0);
    SEND (push, "taken all the same");
    set_int (push, ZMQ_LINGER, -1);
    finish (ctx);
}

CHECK_MAIN (CASE_LONG (no_lingering_without_hope, "tcp", 20), CASE_LONG (no_lingering_without_hope, "ipc", 20),
            CASE (values), CASE_ON (topics_of_the_gone, "tcp"), CASE_ON (topics_of_the_gone, "inproc"),
            CASE_ON (one_byte_at_a_time, "tcp"), CASE_ON (one_byte_at_a_time, "ipc"),
            CASE_ON (heartbeats_with_a_full_queue, "tcp"), CASE_ON (heartbeats_with_a_full_queue, "ipc"),
            CASE_ON (heartbeats_behind_a_full_kernel, "tcp"), CASE_ON (heartbeats_behind_a_full_kernel, "ipc"),
            CASE_ON (parts_of_a_message_are_heard, "tcp"))
