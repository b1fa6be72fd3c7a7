/* Options that make messages: HELLO_MSG, DISCONNECT_MSG, HICCUP_MSG, ROUTER_NOTIFY, XPUB_MANUAL_LAST_VALUE,
 * ONLY_FIRST_SUBSCRIBE, XSUB_VERBOSE_UNSUBSCRIBE; and those that are told of messages: METADATA, TOPICS_COUNT. */
#define ZMQ_BUILD_DRAFT_API
#include "check.h"

/* Receives `[id][text]` and keeps the id. */
static void recv_from (void *router, const char *text, char id[5])
{
    CHECK_INT (recv_any (router, id, 5), 5);
    CHECK_INT (get_int (router, ZMQ_RCVMORE), 1);
    RECV (router, text);
}

/* ---- HELLO_MSG ---- */

/* Said first, whatever was sent before the connection stood, and to each peer. */
static void hello_comes_first (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER), *other = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX], id[5];
    set_text (router, ZMQ_HELLO_MSG, "from the router");
    set_text (dealer, ZMQ_HELLO_MSG, "from the dealer");
    set_int (dealer, ZMQ_PROBE_ROUTER, 1);
    bind_on (router, on, ep);
    connect_to (dealer, ep);
    SEND (dealer, "after");
    RECV (dealer, "from the router");
    recv_from (router, "from the dealer", id);
    recv_from (router, "", id);
    recv_from (router, "after", id);
    connect_to (other, ep);
    RECV (other, "from the router");
    NOTHING (other);
    NOTHING (dealer);
    finish (ctx);
}

static void hello_before_the_bind (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    char id[5];
    set_text (router, ZMQ_HELLO_MSG, "R");
    set_text (dealer, ZMQ_HELLO_MSG, "D");
    CHECK_INT (zmq_connect (dealer, "inproc://late"), 0);
    SEND (dealer, "queued");
    CHECK_INT (zmq_bind (router, "inproc://late"), 0);
    recv_from (router, "D", id);
    recv_from (router, "queued", id);
    RECV (dealer, "R");
    finish (ctx);
}

static void hello_after_each_reconnect (const char *on)
{
    void *ctx = ctx_new (), *first = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX], id[5], large[30000];
    memset (large, 'h', sizeof large);
    CHECK_INT (zmq_setsockopt (dealer, ZMQ_HELLO_MSG, large, sizeof large), 0);
    set_int (dealer, ZMQ_RECONNECT_IVL, 20);
    bind_on (first, on, ep);
    connect_to (dealer, ep);
    CHECK_INT (recv_any (first, id, 5), 5);
    RECV_BYTES (first, large, sizeof large, 0);
    sock_close (first);
    void *second = sock (ctx, ZMQ_ROUTER);
    UNTIL (zmq_bind (second, ep) == 0); /* the reference frees an address later than the call returns */
    CHECK_INT (recv_any (second, id, 5), 5);
    RECV_BYTES (second, large, sizeof large, 0);
    NOTHING (second);
    finish (ctx);
}

/* The message of the time when the endpoint was made counts; types that do not greet do not. */
static void hello_of_others (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    void *pair = sock (ctx, ZMQ_PAIR), *peer = sock (ctx, ZMQ_PAIR), *router = sock (ctx, ZMQ_ROUTER);
    void *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_text (push, ZMQ_HELLO_MSG, "H");
    set_text (pair, ZMQ_HELLO_MSG, "H");
    bind_on (push, on, ep);
    connect_to (pull, ep);
    SEND (push, "x");
    RECV (pull, "x");
    bind_on (pair, on, ep);
    connect_to (peer, ep);
    SEND (pair, "x");
    RECV (peer, "x");
    set_text (router, ZMQ_HELLO_MSG, "early");
    bind_on (router, on, ep);
    set_text (router, ZMQ_HELLO_MSG, "late");
    connect_to (dealer, ep);
    RECV (dealer, "early");
    finish (ctx);
}

/* ---- DISCONNECT_MSG, HICCUP_MSG ---- */

static void told_when_a_peer_goes (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER), *other = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX], id[5], second[5], gone[5];
    set_text (router, ZMQ_DISCONNECT_MSG, "gone");
    bind_on (router, on, ep);
    connect_to (dealer, ep);
    connect_to (other, ep);
    SEND (dealer, "one");
    recv_from (router, "one", id);
    SEND (other, "two");
    recv_from (router, "two", second);
    SEND (dealer, "last");
    SEND_MORE (dealer, "half a message"); /* which nobody ever sees */
    sock_close (dealer);
    recv_from (router, "last", id);
    recv_from (router, "gone", gone);
    CHECK (!memcmp (id, gone, 5));
    CHECK_INT (zmq_disconnect (other, ep), 0);
    UNTIL ((get_int (other, ZMQ_EVENTS), wait_for (router, ZMQ_POLLIN, 1)));
    recv_from (router, "gone", gone);
    CHECK (!memcmp (second, gone, 5));
    NOTHING (router);
    finish (ctx);
}

/* The connecting side is not told so, nor is one who unbinds. */
static void not_told_otherwise (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER), *bound = sock (ctx, ZMQ_ROUTER);
    char ep[ENDPOINT_MAX], id[5];
    set_text (router, ZMQ_DISCONNECT_MSG, "gone");
    set_text (bound, ZMQ_DISCONNECT_MSG, "gone");
    set_text (dealer, ZMQ_DISCONNECT_MSG, "gone");
    void *mon = mon_open (ctx, router, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
    bind_on (dealer, on, ep);
    connect_to (router, ep);
    MON_UNTIL (mon, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    sock_close (dealer);
    MON_UNTIL (mon, ZMQ_EVENT_DISCONNECTED);
    NOTHING (router);
    bind_on (bound, on, ep);
    dealer = sock (ctx, ZMQ_DEALER);
    connect_to (dealer, ep);
    SEND (dealer, "x");
    recv_from (bound, "x", id);
    CHECK_INT (zmq_unbind (bound, ep), 0);
    NOTHING (bound);
    finish (ctx);
}

static void hiccup (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX], id[5];
    set_text (dealer, ZMQ_HICCUP_MSG, "hiccup");
    set_text (router, ZMQ_HICCUP_MSG, "never");
    set_int (dealer, ZMQ_RECONNECT_IVL, 20);
    bind_on (router, on, ep);
    connect_to (dealer, ep);
    SEND (dealer, "x");
    recv_from (router, "x", id);
    SEND_BYTES (router, id, 5, ZMQ_SNDMORE);
    SEND (router, "before");
    RECV (dealer, "before");
    for (int i = 0; i < 2; i++) {
        sock_close (router);
        RECV (dealer, "hiccup");
        router = sock (ctx, ZMQ_ROUTER);
        UNTIL (zmq_bind (router, ep) == 0);
        SEND (dealer, "again");
        recv_from (router, "again", id);
    }
    NOTHING (dealer);
    CHECK_INT (zmq_disconnect (dealer, ep), 0); /* its own doing is no hiccup */
    NOTHING (dealer);
    finish (ctx);
}

/* ---- ROUTER_NOTIFY ---- */

static void notify (const char *on)
{
    for (int what = 0; what <= 3; what++) {
        void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
        char ep[ENDPOINT_MAX], id[5];
        set_int (router, ZMQ_ROUTER_NOTIFY, what);
        bind_on (router, on, ep);
        connect_to (dealer, ep);
        if (what & ZMQ_NOTIFY_CONNECT)
            recv_from (router, "", id);
        SEND (dealer, "x");
        recv_from (router, "x", id);
        sock_close (dealer);
        if (what & ZMQ_NOTIFY_DISCONNECT)
            recv_from (router, "", id);
        NOTHING (router);
        finish (ctx);
    }
}

/* ---- METADATA ---- */

static const char *property (void *s, const char *name, char *into)
{
    zmq_msg_t m;
    zmq_msg_init (&m);
    CHECK (zmq_msg_recv (&m, s, 0) >= 0);
    const char *value = zmq_msg_gets (&m, name);
    if (value)
        strcpy (into, value);
    zmq_msg_close (&m);
    return value ? into : NULL;
}

static void metadata (const char *on)
{
    void *ctx = ctx_new (), *rep = sock (ctx, ZMQ_REP), *req = sock (ctx, ZMQ_REQ);
    char ep[ENDPOINT_MAX], value[64];
    set_text (req, ZMQ_METADATA, "X-one:1");
    set_text (req, ZMQ_METADATA, "X-one:not this");
    set_text (req, ZMQ_METADATA, "X-two:a:b");
    set_text (rep, ZMQ_METADATA, "X-one:other");
    bind_on (rep, on, ep);
    connect_to (req, ep);
    static const struct {
        const char *name, *value;
    } asked[] = {{"X-one", "1"}, {"X-two", "a:b"}, {"Socket-Type", "REQ"}, {"X-none", NULL}};
    for (size_t i = 0; i < COUNT (asked); i++) {
        SEND (req, "x");
        const char *got = property (rep, asked[i].name, value);
        CHECK (asked[i].value ? got && !strcmp (got, asked[i].value) : !got);
        SEND (rep, "y");
        CHECK (!strcmp (property (req, "X-one", value), "other"));
    }
    finish (ctx);
}

/* ---- publishers and subscribers ---- */

static void next_to_the_last_asker (const char *on)
{
    void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_XPUB), *one = sock (ctx, ZMQ_SUB), *two = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    set_int (pub, ZMQ_XPUB_MANUAL_LAST_VALUE, 1);
    bind_on (pub, on, ep);
    connect_to (one, ep);
    set_text (one, ZMQ_SUBSCRIBE, "A");
    SUBSCRIBED (pub, "A");
    set_text (pub, ZMQ_SUBSCRIBE, "A");
    SEND (pub, "A1");
    RECV (one, "A1");
    connect_to (two, ep);
    set_text (two, ZMQ_SUBSCRIBE, "A");
    SUBSCRIBED (pub, "A");
    set_text (pub, ZMQ_SUBSCRIBE, "A");
    SEND (pub, "A2"); /* the last value, for the newcomer alone */
    RECV (two, "A2");
    NOTHING (one);
    SEND (pub, "A3");
    RECV (one, "A3");
    RECV (two, "A3");
    finish (ctx);
}

static void only_first_frames_subscribe (const char *on)
{
    for (int only = 0; only <= 1; only++) {
        void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_XSUB);
        char ep[ENDPOINT_MAX];
        set_int (pub, ZMQ_ONLY_FIRST_SUBSCRIBE, only);
        set_int (sub, ZMQ_ONLY_FIRST_SUBSCRIBE, only);
        bind_on (pub, on, ep);
        connect_to (sub, ep);
        SEND_MORE (sub, "hello");
        SEND_BYTES (sub, "\1B", 2, 0);
        RECV_MORE (pub, "hello");
        RECV_BYTES (pub, "\1B", 2, 0);
        SEND_BYTES (sub, "\1end", 4, 0);
        RECV_BYTES (pub, "\1end", 4, 0);
        SEND (pub, "B?");
        SEND (pub, "end");
        if (!only)
            RECV (sub, "B?");
        RECV (sub, "end");
        finish (ctx);
    }
}

static void unsubscribe_as_often_as_asked (const char *on)
{
    for (int verbose = 0; verbose <= 1; verbose++) {
        void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_XSUB);
        char ep[ENDPOINT_MAX];
        set_int (pub, ZMQ_XPUB_VERBOSER, 1);
        set_int (sub, ZMQ_XSUB_VERBOSE_UNSUBSCRIBE, verbose);
        bind_on (pub, on, ep);
        connect_to (sub, ep);
        SEND_BYTES (sub, "\1A", 2, 0);
        SEND_BYTES (sub, "\1A", 2, 0);
        SEND_BYTES (sub, "\0A", 2, 0);
        SEND_BYTES (sub, "\0A", 2, 0);
        SEND_BYTES (sub, "\0never", 6, 0);
        SEND_BYTES (sub, "\1end", 4, 0);
        SUBSCRIBED (pub, "A");
        SUBSCRIBED (pub, "A");
        if (verbose)
            UNSUBSCRIBED (pub, "A");
        UNSUBSCRIBED (pub, "A");
        if (verbose)
            UNSUBSCRIBED (pub, "never");
        SUBSCRIBED (pub, "end");
        finish (ctx);
    }
}

/* The reference hears of subscriptions in some calls only. */
static int topics_of (void *pub)
{
    get_int (pub, ZMQ_EVENTS);
    return get_int (pub, ZMQ_TOPICS_COUNT);
}

static void count_topics (const char *on)
{
    void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_XPUB), *one = sock (ctx, ZMQ_SUB), *two = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    bind_on (pub, on, ep);
    connect_to (one, ep);
    connect_to (two, ep);
    static const char *const topics[] = {"a", "ab", "abc", "xyz"};
    for (size_t i = 0; i < COUNT (topics); i++) {
        set_text (one, ZMQ_SUBSCRIBE, topics[i]);
        CHECK_INT (get_int (one, ZMQ_TOPICS_COUNT), i + 1);
        UNTIL (topics_of (pub) == (int) i + 1);
    }
    set_text (two, ZMQ_SUBSCRIBE, "a");
    set_text (two, ZMQ_SUBSCRIBE, "b");
    UNTIL (topics_of (pub) == 5);
    set_text (one, ZMQ_UNSUBSCRIBE, "xyz");
    CHECK_INT (get_int (one, ZMQ_TOPICS_COUNT), 3);
    UNTIL (topics_of (pub) == 4);
 /* What a peer leaves behind when it goes is in differences.c. */
    finish (ctx);
}

CHECK_MAIN (CASE_ON (hello_comes_first, "tcp"), CASE_ON (hello_comes_first, "ipc"), CASE_ON (hello_comes_first, "inproc"),
            CASE (hello_before_the_bind), CASE_ON (hello_after_each_reconnect, "tcp"),
            CASE_ON (hello_after_each_reconnect, "ipc"), CASE_ON (hello_of_others, "tcp"),
            CASE_ON (hello_of_others, "inproc"), CASE_ON (told_when_a_peer_goes, "tcp"),
            CASE_ON (told_when_a_peer_goes, "ipc"), CASE_ON (told_when_a_peer_goes, "inproc"),
            CASE_ON (not_told_otherwise, "tcp"), CASE_ON (hiccup, "tcp"), CASE_ON (hiccup, "ipc"), CASE_ON (notify, "tcp"),
            CASE_ON (notify, "ipc"), CASE_ON (metadata, "tcp"), CASE_ON (metadata, "ipc"),
            CASE_ON (next_to_the_last_asker, "tcp"), CASE_ON (next_to_the_last_asker, "inproc"),
            CASE_ON (only_first_frames_subscribe, "tcp"), CASE_ON (unsubscribe_as_often_as_asked, "tcp"),
            CASE_ON (unsubscribe_as_often_as_asked, "inproc"), CASE_ON (count_topics, "tcp"))
