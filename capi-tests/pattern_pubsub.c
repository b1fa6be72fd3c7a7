/* PUB, SUB, XPUB, XSUB: prefixes, counting, what goes upstream, manual, welcome, inverted matching. */
#include "check.h"

/* A second subscription whose arrival proves that everything sent before it has been handled. */
static void fence (void *xpub, void *sub)
{
    set_text (sub, ZMQ_SUBSCRIBE, "fence");
    SUBSCRIBED (xpub, "fence");
    set_text (sub, ZMQ_UNSUBSCRIBE, "fence");
    UNSUBSCRIBED (xpub, "fence");
}

static void prefixes (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    bind_on (xpub, on, ep);
    connect_to (sub, ep);
    set_text (sub, ZMQ_SUBSCRIBE, "ab");
    SUBSCRIBED (xpub, "ab");
    set_text (sub, ZMQ_SUBSCRIBE, "abc");
    SUBSCRIBED (xpub, "abc");
    SEND (xpub, "a");
    SEND (xpub, "ab");
    SEND (xpub, "abcd");
    SEND (xpub, "b");
    SEND (xpub, "");
    SEND (xpub, "abx");
    RECV (sub, "ab");
    RECV (sub, "abcd");
    RECV (sub, "abx");
    set_text (sub, ZMQ_UNSUBSCRIBE, "ab");
    UNSUBSCRIBED (xpub, "ab");
    SEND (xpub, "abx");
    SEND (xpub, "abc!");
    RECV (sub, "abc!");
    set_text (sub, ZMQ_SUBSCRIBE, "");
    SUBSCRIBED (xpub, "");
    SEND (xpub, "");
    SEND (xpub, "anything");
    RECV (sub, "");
    RECV (sub, "anything");
    finish (ctx);
}

static void only_the_first_frame_matches (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    bind_on (xpub, on, ep);
    connect_to (sub, ep);
    set_text (sub, ZMQ_SUBSCRIBE, "t");
    SUBSCRIBED (xpub, "t");
    SEND_MORE (xpub, "x");
    SEND (xpub, "t");
    SEND_MORE (xpub, "t");
    SEND_MORE (xpub, "");
    SEND (xpub, "x");
    RECV_MORE (sub, "t");
    RECV_MORE (sub, "");
    RECV (sub, "x");
    finish (ctx);
}

static void subscriptions_count (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    bind_on (xpub, on, ep);
    connect_to (sub, ep);
    for (int i = 0; i < 3; i++)
        set_text (sub, ZMQ_SUBSCRIBE, "n");
    SUBSCRIBED (xpub, "n");
    for (int i = 0; i < 2; i++)
        set_text (sub, ZMQ_UNSUBSCRIBE, "n");
    fence (xpub, sub);
    SEND (xpub, "n");
    RECV (sub, "n");
    set_text (sub, ZMQ_UNSUBSCRIBE, "n");
    UNSUBSCRIBED (xpub, "n");
    set_text (sub, ZMQ_UNSUBSCRIBE, "n");
    fence (xpub, sub);
    finish (ctx);
}

static void topic_sizes (const char *on)
{
    static const size_t sizes[] = {0, 1, 100, 244, 245, 246, 254, 255, 256, 1000, 70000};
    static char topic[70001], want[70001];
    memset (topic, 'T', sizeof topic);
    for (size_t i = 0; i < COUNT (sizes); i++) {
        void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
        char ep[ENDPOINT_MAX];
        bind_on (xpub, on, ep);
        connect_to (sub, ep);
        memcpy (want + 1, topic, sizes[i]);
        CHECK_INT (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic, sizes[i]), 0);
        want[0] = 1;
        RECV_BYTES (xpub, want, sizes[i] + 1, 0);
        SEND_BYTES (xpub, topic, (int) sizes[i] + 1, 0);
        RECV_BYTES (sub, topic, sizes[i] + 1, 0);
        CHECK_INT (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, topic, sizes[i]), 0);
        want[0] = 0;
        RECV_BYTES (xpub, want, sizes[i] + 1, 0);
        finish (ctx);
    }
}

static void two_subscribers (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *a = sock (ctx, ZMQ_SUB), *b = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    bind_on (xpub, on, ep);
    connect_to (a, ep);
    connect_to (b, ep);
    set_text (a, ZMQ_SUBSCRIBE, "A");
    SUBSCRIBED (xpub, "A");
    set_text (b, ZMQ_SUBSCRIBE, "A"); /* not news for the application */
    set_text (b, ZMQ_SUBSCRIBE, "B");
    SUBSCRIBED (xpub, "B");
    SEND (xpub, "A1");
    SEND (xpub, "B1");
    RECV (a, "A1");
    RECV (b, "A1");
    RECV (b, "B1");
    set_text (a, ZMQ_UNSUBSCRIBE, "A"); /* b still wants it */
    fence (xpub, a);
    SEND (xpub, "A2");
    RECV (b, "A2");
    set_text (b, ZMQ_UNSUBSCRIBE, "A");
    UNSUBSCRIBED (xpub, "A");
    CHECK_ERRNO (zmq_recv (a, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    sock_close (b);
    UNSUBSCRIBED (xpub, "B");
    finish (ctx);
}

static void verbose (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *a = sock (ctx, ZMQ_SUB), *b = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    set_int (xpub, ZMQ_XPUB_VERBOSE, 1);
    bind_on (xpub, on, ep);
    connect_to (a, ep);
    connect_to (b, ep);
    set_text (a, ZMQ_SUBSCRIBE, "A");
    SUBSCRIBED (xpub, "A");
    set_text (b, ZMQ_SUBSCRIBE, "A");
    SUBSCRIBED (xpub, "A");
    set_text (a, ZMQ_UNSUBSCRIBE, "A"); /* unsubscriptions stay terse */
    fence (xpub, a);
    set_text (b, ZMQ_UNSUBSCRIBE, "A");
    UNSUBSCRIBED (xpub, "A");
    finish (ctx);
}

static void verboser (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *a = sock (ctx, ZMQ_SUB), *b = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    set_int (xpub, ZMQ_XPUB_VERBOSER, 1);
    bind_on (xpub, on, ep);
    connect_to (a, ep);
    connect_to (b, ep);
    set_text (a, ZMQ_SUBSCRIBE, "A");
    SUBSCRIBED (xpub, "A");
    set_text (b, ZMQ_SUBSCRIBE, "A");
    SUBSCRIBED (xpub, "A");
    set_text (a, ZMQ_UNSUBSCRIBE, "A");
    UNSUBSCRIBED (xpub, "A");
    set_text (b, ZMQ_UNSUBSCRIBE, "A");
    UNSUBSCRIBED (xpub, "A");
    set_text (b, ZMQ_UNSUBSCRIBE, "A"); /* the SUB itself keeps this one */
    set_int (xpub, ZMQ_XPUB_VERBOSE, 1); /* takes the second half back */
    set_text (a, ZMQ_SUBSCRIBE, "C");
    SUBSCRIBED (xpub, "C");
    set_text (b, ZMQ_SUBSCRIBE, "C");
    SUBSCRIBED (xpub, "C");
    set_text (a, ZMQ_UNSUBSCRIBE, "C");
    fence (xpub, a);
    finish (ctx);
}

static void raw_subscriber (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *xsub = sock (ctx, ZMQ_XSUB);
    char ep[ENDPOINT_MAX];
    bind_on (xpub, on, ep);
    connect_to (xsub, ep);
    SEND_BYTES (xsub, "\1A", 2, 0);
    SUBSCRIBED (xpub, "A");
    SEND (xpub, "A message");
    RECV (xsub, "A message");
    SEND_BYTES (xsub, "\1A", 2, 0);
    SEND_BYTES (xsub, "\0A", 2, 0); /* one reference is left */
    SEND_BYTES (xsub, "\0Z", 2, 0); /* never subscribed */
    SEND (xsub, "up");              /* neither: a message for the application upstream */
    RECV (xpub, "up");
    SEND_MORE (xsub, "two");
    SEND (xsub, "frames");
    RECV_MORE (xpub, "two");
    RECV (xpub, "frames");
    SEND_BYTES (xsub, "\2B", 2, 0);
    RECV_BYTES (xpub, "\2B", 2, 0);
    SEND_BYTES (xsub, "", 0, 0);
    RECV (xpub, "");
    SEND_BYTES (xsub, "\0A", 2, 0);
    UNSUBSCRIBED (xpub, "A");
    finish (ctx);
}

static void gone_subscriber_is_reported (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX], got[2][8];
    bind_on (xpub, on, ep);
    connect_to (sub, ep);
    set_text (sub, ZMQ_SUBSCRIBE, "A");
    SUBSCRIBED (xpub, "A");
    set_text (sub, ZMQ_SUBSCRIBE, "B");
    SUBSCRIBED (xpub, "B");
    sock_close (sub);
    for (int i = 0; i < 2; i++) {
        CHECK_INT (recv_any (xpub, got[i], sizeof got[i]), 2);
        CHECK_INT (got[i][0], 0);
    }
    CHECK_INT (got[0][1] + got[1][1], 'A' + 'B');
    finish (ctx);
}

static void manual (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    set_int (xpub, ZMQ_XPUB_MANUAL, 1);
    bind_on (xpub, on, ep);
    connect_to (sub, ep);
    set_text (sub, ZMQ_SUBSCRIBE, "A");
    SUBSCRIBED (xpub, "A");
    set_text (xpub, ZMQ_SUBSCRIBE, "XA");
    set_text (sub, ZMQ_SUBSCRIBE, "B");
    SUBSCRIBED (xpub, "B");
    set_text (xpub, ZMQ_SUBSCRIBE, "XB");
    set_text (sub, ZMQ_SUBSCRIBE, "X");
    SUBSCRIBED (xpub, "X"); /* only for the SUB's own filter */
    SEND (xpub, "A");
    SEND (xpub, "XA");
    SEND (xpub, "X");
    SEND (xpub, "XB");
    RECV (sub, "XA");
    RECV (sub, "XB");
    set_text (sub, ZMQ_UNSUBSCRIBE, "A");
    UNSUBSCRIBED (xpub, "A");
    set_text (xpub, ZMQ_UNSUBSCRIBE, "XA");
    SEND (xpub, "XA");
    SEND (xpub, "XB again");
    RECV (sub, "XB again");
    /* What is reported at the end are the topics that were asked for and not taken back. */
    sock_close (sub);
    char got[2][8];
    for (int i = 0; i < 2; i++) {
        CHECK_INT (recv_any (xpub, got[i], sizeof got[i]), 2);
        CHECK_INT (got[i][0], 0);
    }
    CHECK_INT (got[0][1] + got[1][1], 'B' + 'X');
    NOTHING (xpub);
    finish (ctx);
}

static void manual_keeps_subscribers_apart (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *a = sock (ctx, ZMQ_SUB), *b = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    set_int (xpub, ZMQ_XPUB_MANUAL, 1);
    bind_on (xpub, on, ep);
    connect_to (a, ep);
    connect_to (b, ep);
    set_text (a, ZMQ_SUBSCRIBE, "1");
    SUBSCRIBED (xpub, "1");
    set_text (xpub, ZMQ_SUBSCRIBE, "1");
    set_text (b, ZMQ_SUBSCRIBE, "1"); /* reported although known */
    SUBSCRIBED (xpub, "1");
    set_text (b, ZMQ_SUBSCRIBE, "2");
    SUBSCRIBED (xpub, "2");
    set_text (xpub, ZMQ_SUBSCRIBE, "2");
    SEND (xpub, "1 for a");
    SEND (xpub, "2 for b");
    RECV (a, "1 for a");
    RECV (b, "2 for b");
    finish (ctx);
}

static void welcome (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB);
    char ep[ENDPOINT_MAX];
    set_text (xpub, ZMQ_XPUB_WELCOME_MSG, "W");
    bind_on (xpub, on, ep);
    for (int i = 0; i < 3; i++) {
        void *sub = sock (ctx, ZMQ_SUB);
        set_text (sub, ZMQ_SUBSCRIBE, "W");
        connect_to (sub, ep);
        /* The reference greets only once the publisher calls into the library. */
        UNTIL ((get_int (xpub, ZMQ_EVENTS), wait_for (sub, ZMQ_POLLIN, 1)));
        RECV (sub, "W");
        if (i == 0)
            SUBSCRIBED (xpub, "W");
    }
    finish (ctx);
}

static void inverted (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *a = sock (ctx, ZMQ_SUB), *b = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    set_int (xpub, ZMQ_INVERT_MATCHING, 1);
    set_int (a, ZMQ_INVERT_MATCHING, 1);
    set_int (b, ZMQ_INVERT_MATCHING, 1);
    bind_on (xpub, on, ep);
    connect_to (a, ep);
    connect_to (b, ep);
    set_text (a, ZMQ_SUBSCRIBE, "one");
    SUBSCRIBED (xpub, "one");
    set_text (b, ZMQ_SUBSCRIBE, "two");
    SUBSCRIBED (xpub, "two");
    SEND (xpub, "one!");
    SEND (xpub, "two!");
    SEND (xpub, "none");
    RECV (b, "one!");
    RECV (b, "none");
    RECV (a, "two!");
    RECV (a, "none");
    NOTHING (a);
    NOTHING (b);
    finish (ctx);
}

static void publisher_connects (const char *on)
{
    void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_PUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    set_text (sub, ZMQ_SUBSCRIBE, "go");
    bind_on (sub, on, ep);
    connect_to (pub, ep);
    UNTIL ((zmq_send (pub, "no", 2, 0), zmq_send (pub, "go", 2, 0), wait_for (sub, ZMQ_POLLIN, 2)));
    RECV (sub, "go");
    finish (ctx);
}

static void several_publishers (const char *on)
{
    void *ctx = ctx_new (), *sub = sock (ctx, ZMQ_SUB), *xpub[4];
    char ep[ENDPOINT_MAX], got[8];
    set_text (sub, ZMQ_SUBSCRIBE, "");
    for (size_t i = 0; i < COUNT (xpub); i++) {
        xpub[i] = sock (ctx, ZMQ_XPUB);
        bind_on (xpub[i], on, ep);
        connect_to (sub, ep);
    }
    for (size_t i = 0; i < COUNT (xpub); i++)
        SUBSCRIBED (xpub[i], "");
    int sum = 0;
    for (size_t i = 0; i < COUNT (xpub); i++)
        SEND_BYTES (xpub[i], "abcd" + i, 1, 0);
    for (size_t i = 0; i < COUNT (xpub); i++) {
        CHECK_INT (recv_any (sub, got, sizeof got), 1);
        sum += got[0];
    }
    CHECK_INT (sum, 'a' + 'b' + 'c' + 'd');
    finish (ctx);
}

static void forwarder (const char *on)
{
    void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_XPUB), *xsub = sock (ctx, ZMQ_XSUB), *xpub = sock (ctx, ZMQ_XPUB),
         *sub = sock (ctx, ZMQ_SUB);
    char up[ENDPOINT_MAX], down[ENDPOINT_MAX], body[32];
    bind_on (pub, on, up);
    connect_to (xsub, up);
    bind_on (xpub, on, down);
    connect_to (sub, down);
    set_text (sub, ZMQ_SUBSCRIBE, "f");
    int n = recv_any (xpub, body, sizeof body);
    SEND_BYTES (xsub, body, n, 0);
    SUBSCRIBED (pub, "f");
    SEND (pub, "forward");
    n = recv_any (xsub, body, sizeof body);
    SEND_BYTES (xpub, body, n, 0);
    RECV (sub, "forward");
    finish (ctx);
}

static void many_topics (const char *on)
{
    enum { TOPICS = 3000 };
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX], topic[32], want[34];
    set_int (xpub, ZMQ_RCVHWM, 0);
    set_int (sub, ZMQ_SNDHWM, 0);
    set_int (sub, ZMQ_RCVHWM, 0);
    set_int (xpub, ZMQ_SNDHWM, 0);
    bind_on (xpub, on, ep);
    connect_to (sub, ep);
    for (int i = 0; i < TOPICS; i++) {
        snprintf (topic, sizeof topic, "%d/", i * 7919 % TOPICS);
        set_text (sub, ZMQ_SUBSCRIBE, topic);
    }
    for (int i = 0; i < TOPICS; i++) {
        int n = snprintf (want, sizeof want, "\1%d/", i * 7919 % TOPICS);
        RECV_BYTES (xpub, want, (size_t) n, 0);
    }
    for (int i = 0; i < TOPICS; i++) {
        snprintf (topic, sizeof topic, "%d/message", i);
        SEND (xpub, topic);
        topic[0] = 'x';
        SEND (xpub, topic);
    }
    for (int i = 0; i < TOPICS; i++) {
        snprintf (topic, sizeof topic, "%d/message", i);
        RECV (sub, topic);
    }
    finish (ctx);
}

CHECK_MAIN (CASE_ON (prefixes, "tcp"), CASE_ON (prefixes, "ipc"), CASE_ON (prefixes, "inproc"),
            CASE_ON (only_the_first_frame_matches, "tcp"), CASE_ON (only_the_first_frame_matches, "inproc"),
            CASE_ON (subscriptions_count, "tcp"), CASE_ON (subscriptions_count, "inproc"),
            CASE_ON (topic_sizes, "tcp"), CASE_ON (topic_sizes, "ipc"), CASE_ON (topic_sizes, "inproc"),
            CASE_ON (two_subscribers, "inproc"), CASE_ON (verbose, "inproc"), CASE_ON (verboser, "inproc"),
            CASE_ON (raw_subscriber, "tcp"), CASE_ON (raw_subscriber, "ipc"), CASE_ON (raw_subscriber, "inproc"),
            CASE_ON (gone_subscriber_is_reported, "tcp"), CASE_ON (gone_subscriber_is_reported, "inproc"),
            CASE_ON (manual, "tcp"), CASE_ON (manual, "inproc"), CASE_ON (manual_keeps_subscribers_apart, "tcp"),
            CASE_ON (manual_keeps_subscribers_apart, "inproc"), CASE_ON (welcome, "tcp"), CASE_ON (welcome, "inproc"),
            CASE_ON (inverted, "tcp"), CASE_ON (inverted, "inproc"), CASE_ON (publisher_connects, "tcp"),
            CASE_ON (publisher_connects, "ipc"), CASE_ON (publisher_connects, "inproc"),
            CASE_ON (several_publishers, "tcp"), CASE_ON (several_publishers, "inproc"), CASE_ON (forwarder, "tcp"),
            CASE_ON (forwarder, "inproc"), CASE_ON (many_topics, "tcp"), CASE_ON (many_topics, "inproc"))
