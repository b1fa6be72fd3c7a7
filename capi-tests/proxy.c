/* zmq_proxy and zmq_proxy_steerable. */
#include "check.h"

typedef struct {
    void *front, *back, *capture, *control;
    int rc, error;
    pthread_t thread;
} proxy_t;

static void *run (void *arg)
{
    proxy_t *p = arg;
    p->rc = p->control ? zmq_proxy_steerable (p->front, p->back, p->capture, p->control)
                       : zmq_proxy (p->front, p->back, p->capture);
    p->error = zmq_errno ();
    return NULL;
}

static void start (proxy_t *p)
{
    CHECK_INT (pthread_create (&p->thread, NULL, run, p), 0);
}

/* The proxy ends because its context does. */
static void ends_with (proxy_t *p, void *ctx)
{
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    CHECK_INT (pthread_join (p->thread, NULL), 0);
    CHECK_INT (p->rc, -1);
    CHECK_INT (p->error, ETERM);
    finish (ctx);
}

static void requests_pass (const char *on)
{
    void *ctx = ctx_new (), *outside = ctx_new ();
    proxy_t p = {.front = sock (ctx, ZMQ_ROUTER), .back = sock (ctx, ZMQ_DEALER)};
    char fe[ENDPOINT_MAX], be[ENDPOINT_MAX];
    bool inside = !strcmp (on, "inproc");
    void *where = inside ? ctx : outside, *req[5], *rep[3];
    bind_on (p.front, on, fe);
    bind_on (p.back, on, be);
    for (size_t i = 0; i < COUNT (rep); i++)
        connect_to (rep[i] = sock (where, ZMQ_REP), be);
    for (size_t i = 0; i < COUNT (req); i++)
        connect_to (req[i] = sock (where, ZMQ_REQ), fe);
    start (&p);
    int asked = 0, answered = 0;
    for (size_t i = 0; i < COUNT (req); i++) {
        char who = (char) ('a' + i);
        SEND_BYTES (req[i], &who, 1, ZMQ_SNDMORE);
        SEND (req[i], "question");
        asked++;
    }
    while (answered < 200) {
        zmq_pollitem_t items[COUNT (req) + COUNT (rep)];
        for (size_t i = 0; i < COUNT (items); i++)
            items[i] = (zmq_pollitem_t){i < COUNT (req) ? req[i] : rep[i - COUNT (req)], 0, ZMQ_POLLIN, 0};
        CHECK (zmq_poll (items, COUNT (items), PATIENCE_MS) > 0);
        for (size_t i = 0; i < COUNT (items); i++) {
            char who;
            if (!items[i].revents)
                continue;
            CHECK_INT (recv_any (items[i].socket, &who, 1), 1);
            if (i < COUNT (req)) {
                CHECK_INT (who, 'a' + i);
                RECV (req[i], "answer");
                answered++;
                SEND_BYTES (req[i], &who, 1, ZMQ_SNDMORE);
                SEND (req[i], "question");
                asked++;
            } else {
                RECV (items[i].socket, "question");
                SEND_BYTES (items[i].socket, &who, 1, ZMQ_SNDMORE);
                SEND (items[i].socket, "answer");
            }
        }
    }
    ends_with (&p, ctx);
    finish (outside);
}

static void capture_sees_both_ways (const char *on)
{
    void *ctx = ctx_new (), *tap = sock (ctx, ZMQ_PULL), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    proxy_t p = {
      .front = sock (ctx, ZMQ_PAIR), .back = sock (ctx, ZMQ_PAIR), .capture = sock (ctx, ZMQ_PUSH)};
    char ep[ENDPOINT_MAX];
    bind_on (tap, "inproc", ep);
    connect_to (p.capture, ep);
    bind_on (p.front, on, ep);
    connect_to (a, ep);
    bind_on (p.back, on, ep);
    connect_to (b, ep);
    start (&p);
    SEND_MORE (a, "there");
    SEND (a, "");
    RECV_MORE (b, "there");
    RECV (b, "");
    RECV_MORE (tap, "there");
    RECV (tap, "");
    SEND (b, "back");
    RECV (a, "back");
    RECV (tap, "back");
    ends_with (&p, ctx);
}

static void forwarder (const char *on)
{
    void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    proxy_t p = {.front = sock (ctx, ZMQ_XSUB), .back = sock (ctx, ZMQ_XPUB)};
    char fe[ENDPOINT_MAX], be[ENDPOINT_MAX];
    bind_on (p.front, on, fe);
    bind_on (p.back, on, be);
    connect_to (pub, fe);
    connect_to (sub, be);
    start (&p);
    set_text (sub, ZMQ_SUBSCRIBE, "topic");
    SUBSCRIBED (pub, "topic");
    for (int i = 0; i < 500; i++) {
        SEND (pub, "other");
        SEND_MORE (pub, "topic");
        SEND_BYTES (pub, &i, (int) sizeof i, 0);
        RECV_MORE (sub, "topic");
        RECV_BYTES (sub, &i, sizeof i, 0);
    }
    set_text (sub, ZMQ_UNSUBSCRIBE, "topic");
    UNSUBSCRIBED (pub, "topic");
    ends_with (&p, ctx);
}

static void streamer (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    proxy_t p = {.front = sock (ctx, ZMQ_PULL), .back = sock (ctx, ZMQ_PUSH)};
    char fe[ENDPOINT_MAX], be[ENDPOINT_MAX];
    bind_on (p.front, on, fe);
    bind_on (p.back, on, be);
    connect_to (push, fe);
    connect_to (pull, be);
    start (&p);
    int sent = 0;
    for (int n = 0; n < 20000; n++) {
        for (; sent < 20000 && sent < n + 500; sent++)
            SEND_BYTES (push, &sent, (int) sizeof sent, 0);
        int got;
        CHECK_INT (recv_any (pull, &got, sizeof got), sizeof got);
        CHECK_INT (got, n);
    }
    ends_with (&p, ctx);
}

static void single_socket (const char *on)
{
    void *ctx = ctx_new (), *req = sock (ctx, ZMQ_REQ);
    proxy_t p = {.front = sock (ctx, ZMQ_REP)};
    char ep[ENDPOINT_MAX];
    p.back = p.front;
    bind_on (p.front, on, ep);
    connect_to (req, ep);
    start (&p);
    for (int i = 0; i < 10; i++) {
        SEND (req, "echo");
        RECV (req, "echo");
    }
    ends_with (&p, ctx);
}

static void device (const char *on)
{
    void *ctx = ctx_new ();
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    void *other = ctx_new (), *a = sock (other, ZMQ_PAIR), *b = sock (other, ZMQ_PAIR);
    CHECK_INT (zmq_ctx_shutdown (other), 0);
    CHECK_ERRNO (zmq_device (ZMQ_STREAMER, a, b), ETERM);
    finish (other);
    finish (ctx);
}

/* ---- steering ---- */

/* 4.3.5 answers every command on any kind of control socket with an empty frame, later versions on REP only. */
static void command (void *control, const char *text)
{
    SEND (control, text);
    if (get_int (control, ZMQ_TYPE) == ZMQ_REQ)
        RECV (control, "");
}

static void statistics (void *control, uint64_t out[8])
{
    SEND (control, "STATISTICS");
    for (int i = 0; i < 8; i++) {
        int n;
        while ((n = zmq_recv (control, &out[i], 8, 0)) == 0)
            CHECK_INT (i, 0);
        CHECK_INT (n, 8);
        CHECK_INT (get_int (control, ZMQ_RCVMORE), i < 7);
    }
}

static void steered_by (int controller, int controlled)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR), *control = sock (ctx, controller);
    proxy_t p = {.front = sock (ctx, ZMQ_PAIR), .back = sock (ctx, ZMQ_PAIR), .control = sock (ctx, controlled)};
    char ep[ENDPOINT_MAX];
    uint64_t s[8];
    bind_on (p.control, "inproc", ep);
    connect_to (control, ep);
    bind_on (p.front, "tcp", ep);
    connect_to (a, ep);
    bind_on (p.back, "tcp", ep);
    connect_to (b, ep);
    start (&p);
    statistics (control, s);
    for (int i = 0; i < 8; i++)
        CHECK_INT (s[i], 0);
    for (int i = 0; i < 10; i++) {
        SEND_MORE (a, "abc");
        SEND (a, "de");
        RECV_MORE (b, "abc");
        RECV (b, "de");
    }
    SEND (b, "x");
    RECV (a, "x");
    statistics (control, s);
    static const uint64_t want[8] = {20, 50, 1, 1, 1, 1, 20, 50};
    for (int i = 0; i < 8; i++)
        CHECK_INT (s[i], want[i]);
    command (control, "nonsense");
    SEND (a, "alive");
    RECV (b, "alive");
    command (control, "TERMINATE");
    CHECK_INT (pthread_join (p.thread, NULL), 0);
    CHECK_INT (p.rc, 0);
    finish (ctx);
}

static void steered_by_pair (const char *on)
{
    steered_by (ZMQ_PAIR, ZMQ_PAIR);
}

static void steered_by_request (const char *on)
{
    steered_by (ZMQ_REQ, ZMQ_REP);
}

static void crowded_way (const char *on)
{
    /* Two senders at once, now and then with more than one frame: whole, in order, and counted. */
    enum { ROUNDS = 30, EACH = 300 };
    void *ctx = ctx_new (), *push[2] = {sock (ctx, ZMQ_PUSH), sock (ctx, ZMQ_PUSH)}, *pull = sock (ctx, ZMQ_PULL),
         *control = sock (ctx, ZMQ_PAIR);
    proxy_t p = {.front = sock (ctx, ZMQ_PULL), .back = sock (ctx, ZMQ_PUSH), .control = sock (ctx, ZMQ_PAIR)};
    char ep[ENDPOINT_MAX];
    uint64_t frames = 0, bytes = 0, s[8];
    int next[2] = {0, 0};
    bind_on (p.control, "inproc", ep);
    connect_to (control, ep);
    bind_on (p.front, on, ep);
    connect_to (push[0], ep);
    connect_to (push[1], ep);
    bind_on (p.back, on, ep);
    connect_to (pull, ep);
    start (&p);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2 * EACH; i++) {
            int who = i % 2, number = round * EACH + i / 2, size = 8 + number % 200;
            char body[256] = {0};
            memcpy (body, &who, 4);
            memcpy (body + 4, &number, 4);
            int more = number % 50 == 49 || (round % 3 == 2 && number % 2);
            SEND_BYTES (push[who], body, size, more ? ZMQ_SNDMORE : 0);
            if (more)
                SEND (push[who], "rest");
            frames += 1 + more;
            bytes += size + 4 * more;
        }
        for (int i = 0; i < 2 * EACH; i++) {
            char body[256];
            int who, number, size = zmq_recv (pull, body, sizeof body, 0);
            CHECK (size >= 8);
            memcpy (&who, body, 4);
            memcpy (&number, body + 4, 4);
            CHECK (who == 0 || who == 1);
            CHECK_INT (number, next[who]++);
            CHECK_INT (size, 8 + number % 200);
            int more = number % 50 == 49 || (round % 3 == 2 && number % 2);
            CHECK_INT (get_int (pull, ZMQ_RCVMORE), more);
            if (more)
                RECV (pull, "rest");
        }
    }
    statistics (control, s);
    const uint64_t want[8] = {frames, bytes, 0, 0, 0, 0, frames, bytes};
    for (int i = 0; i < 8; i++)
        CHECK_INT (s[i], want[i]);
    command (control, "TERMINATE");
    CHECK_INT (pthread_join (p.thread, NULL), 0);
    CHECK_INT (p.rc, 0);
    finish (ctx);
}

static void steerable_ends_with_context (const char *on)
{
    void *ctx = ctx_new ();
    proxy_t p = {.front = sock (ctx, ZMQ_ROUTER), .back = sock (ctx, ZMQ_DEALER), .control = sock (ctx, ZMQ_PAIR)};
    start (&p);
    pause_ms (20);
    ends_with (&p, ctx);
}

static void back_pressure (const char *on)
{
    /* A receiver that does not read stops the sender through the proxy. */
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    proxy_t p = {.front = sock (ctx, ZMQ_PULL), .back = sock (ctx, ZMQ_PUSH)};
    void *all[] = {push, pull, p.front, p.back};
    char fe[ENDPOINT_MAX], be[ENDPOINT_MAX];
    for (size_t i = 0; i < COUNT (all); i++) {
        set_int (all[i], ZMQ_SNDHWM, 10);
        set_int (all[i], ZMQ_RCVHWM, 10);
    }
    bind_on (p.front, "inproc", fe);
    bind_on (p.back, "inproc", be);
    connect_to (push, fe);
    connect_to (pull, be);
    start (&p);
    set_int (push, ZMQ_SNDTIMEO, 300);
    int sent = 0;
    while (zmq_send (push, "x", 1, 0) == 1)
        CHECK (++sent < 1000);
    CHECK (sent >= 20 && sent <= 45);
    for (int i = 0; i < sent; i++)
        RECV (pull, "x");
    ends_with (&p, ctx);
}

CHECK_MAIN (CASE_ON (requests_pass, "tcp"), CASE_ON (requests_pass, "ipc"), CASE_ON (requests_pass, "inproc"),
            CASE_ON (capture_sees_both_ways, "tcp"), CASE_ON (capture_sees_both_ways, "inproc"),
            CASE_ON (forwarder, "tcp"), CASE_ON (forwarder, "inproc"), CASE_ON (streamer, "tcp"),
            CASE_ON (streamer, "inproc"), CASE_ON (single_socket, "tcp"), CASE_ON (single_socket, "inproc"),
            CASE (device), CASE (steered_by_pair), CASE (steered_by_request), CASE (steerable_ends_with_context),
            CASE (back_pressure), CASE_ON (crowded_way, "tcp"), CASE_ON (crowded_way, "inproc"))
