/* REQ and REP: strict alternation, envelopes, round robin, correlation, relaxed requests. */
#include "check.h"

static void alternation (const char *on)
{
    void *ctx = ctx_new (), *rep = sock (ctx, ZMQ_REP), *req = sock (ctx, ZMQ_REQ);
    char ep[ENDPOINT_MAX];
    bind_on (rep, on, ep);
    connect_to (req, ep);
    CHECK_ERRNO (zmq_recv (req, NULL, 0, 0), EFSM);
    CHECK_ERRNO (zmq_send (rep, "x", 1, 0), EFSM);
    for (int i = 0; i < 5; i++) {
        SEND_MORE (req, "a");
        CHECK_ERRNO (zmq_recv (req, NULL, 0, 0), EFSM);
        SEND (req, "b");
        CHECK_ERRNO (zmq_send (req, "x", 1, 0), EFSM);
        RECV_MORE (rep, "a");
        CHECK_ERRNO (zmq_send (rep, "x", 1, 0), EFSM);
        RECV (rep, "b");
        CHECK_ERRNO (zmq_recv (rep, NULL, 0, 0), EFSM);
        SEND_MORE (rep, "c");
        CHECK_ERRNO (zmq_recv (rep, NULL, 0, 0), EFSM);
        SEND (rep, "d");
        CHECK_ERRNO (zmq_send (rep, "x", 1, 0), EFSM);
        RECV_MORE (req, "c");
        CHECK_ERRNO (zmq_send (req, "x", 1, 0), EFSM);
        RECV (req, "d");
        CHECK_ERRNO (zmq_recv (req, NULL, 0, 0), EFSM);
    }
    finish (ctx);
}

static void events (const char *on)
{
    void *ctx = ctx_new (), *rep = sock (ctx, ZMQ_REP), *req = sock (ctx, ZMQ_REQ);
    char ep[ENDPOINT_MAX];
    bind_on (rep, on, ep);
    CHECK_INT (get_int (req, ZMQ_EVENTS), 0);
    connect_to (req, ep);
    CHECK (wait_for (req, ZMQ_POLLOUT, PATIENCE_MS));
    CHECK_INT (get_int (rep, ZMQ_EVENTS), 0);
    SEND (req, "q");
    CHECK_INT (get_int (req, ZMQ_EVENTS), 0);
    CHECK (wait_for (rep, ZMQ_POLLIN, PATIENCE_MS));
    CHECK_INT (get_int (rep, ZMQ_EVENTS), ZMQ_POLLIN);
    RECV (rep, "q");
    CHECK_INT (get_int (rep, ZMQ_EVENTS), ZMQ_POLLOUT);
    SEND (rep, "a");
    CHECK_INT (get_int (rep, ZMQ_EVENTS), 0);
    CHECK (wait_for (req, ZMQ_POLLIN, PATIENCE_MS));
    CHECK_INT (get_int (req, ZMQ_EVENTS), ZMQ_POLLIN);
    RECV (req, "a");
    CHECK_INT (get_int (req, ZMQ_EVENTS), ZMQ_POLLOUT);
    finish (ctx);
}

static void round_robin (const char *on)
{
    void *ctx = ctx_new (), *req = sock (ctx, ZMQ_REQ), *rep[5];
    char ep[ENDPOINT_MAX];
    for (size_t i = 0; i < COUNT (rep); i++) {
        rep[i] = sock (ctx, ZMQ_REP);
        bind_on (rep[i], on, ep);
        connect_to (req, ep);
    }
    for (size_t n = 0; n < 3 * COUNT (rep); n++) {
        void *whose = rep[n % COUNT (rep)];
        SEND (req, "ask");
        RECV (whose, "ask");
        SEND (whose, "tell");
        RECV (req, "tell");
    }
    finish (ctx);
}

static void request_on_the_wire (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *req = sock (ctx, ZMQ_REQ);
    char ep[ENDPOINT_MAX];
    set_text (req, ZMQ_ROUTING_ID, "r");
    bind_on (router, on, ep);
    connect_to (req, ep);
    SEND_MORE (req, "ABC");
    SEND (req, "DEF");
    RECV_MORE (router, "r");
    RECV_MORE (router, "");
    RECV_MORE (router, "ABC");
    RECV (router, "DEF");
    SEND_MORE (router, "r");
    SEND_MORE (router, "");
    SEND (router, "GHI");
    RECV (req, "GHI");
    finish (ctx);
}

static void malformed_reply_is_skipped (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *req = sock (ctx, ZMQ_REQ);
    char ep[ENDPOINT_MAX];
    set_text (req, ZMQ_ROUTING_ID, "r");
    bind_on (router, on, ep);
    connect_to (req, ep);
    SEND (req, "q");
    RECV_MORE (router, "r");
    RECV_MORE (router, "");
    RECV (router, "q");
    SEND (router, "r"); /* an id and nothing else: swallowed */
    SEND_MORE (router, "r");
    SEND_MORE (router, "not empty"); /* no delimiter */
    SEND (router, "lost");
    SEND_MORE (router, "r");
    SEND_MORE (router, "");
    SEND (router, "good");
    RECV (req, "good");
    finish (ctx);
}

static void envelope_is_returned (const char *on)
{
    void *ctx = ctx_new (), *rep = sock (ctx, ZMQ_REP), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    bind_on (rep, on, ep);
    connect_to (dealer, ep);
    SEND_MORE (dealer, "X");
    SEND_MORE (dealer, "Y");
    SEND_MORE (dealer, "");
    SEND (dealer, "A");
    RECV (rep, "A");
    SEND (rep, "B");
    RECV_MORE (dealer, "X");
    RECV_MORE (dealer, "Y");
    RECV_MORE (dealer, "");
    RECV (dealer, "B");
    SEND_MORE (dealer, "no");
    SEND (dealer, "delimiter"); /* dropped whole */
    SEND_MORE (dealer, "");
    SEND (dealer, "next");
    RECV (rep, "next");
    finish (ctx);
}

static void several_clients (const char *on)
{
    void *ctx = ctx_new (), *rep = sock (ctx, ZMQ_REP), *req[8];
    char ep[ENDPOINT_MAX], body[8];
    bind_on (rep, on, ep);
    for (size_t i = 0; i < COUNT (req); i++) {
        req[i] = sock (ctx, ZMQ_REQ);
        connect_to (req[i], ep);
    }
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT (req); i++) {
            body[0] = (char) ('a' + i);
            SEND_BYTES (req[i], body, 1, 0);
        }
        for (size_t i = 0; i < COUNT (req); i++) {
            CHECK_INT (recv_any (rep, body, sizeof body), 1);
            SEND_BYTES (rep, body, 1, 0);
        }
        for (size_t i = 0; i < COUNT (req); i++) {
            body[0] = (char) ('a' + i);
            RECV_BYTES (req[i], body, 1, 0);
        }
    }
    finish (ctx);
}

static void answer_to_a_gone_peer (const char *on)
{
    void *ctx = ctx_new (), *rep = sock (ctx, ZMQ_REP), *req = sock (ctx, ZMQ_REQ), *second = sock (ctx, ZMQ_REQ);
    char ep[ENDPOINT_MAX];
    bind_on (rep, on, ep);
    connect_to (req, ep);
    SEND (req, "q");
    RECV (rep, "q");
    sock_close (req);
    SEND (rep, "dropped");
    connect_to (second, ep);
    BOUNCE (rep, second);
    finish (ctx);
}

static void no_peer (const char *on)
{
    void *ctx = ctx_new (), *req = sock (ctx, ZMQ_REQ);
    CHECK_ERRNO (zmq_send (req, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    set_int (req, ZMQ_SNDTIMEO, 50);
    CHECK_ERRNO (zmq_send (req, "x", 1, 0), EAGAIN);
    CHECK_ERRNO (zmq_recv (req, NULL, 0, 0), EFSM);
    finish (ctx);
}

static void correlate (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *req = sock (ctx, ZMQ_REQ);
    char ep[ENDPOINT_MAX];
    uint32_t id, next;
    set_int (req, ZMQ_REQ_CORRELATE, 1);
    set_text (req, ZMQ_ROUTING_ID, "r");
    bind_on (router, on, ep);
    connect_to (req, ep);
    for (int i = 0; i < 3; i++) {
        SEND (req, "q");
        RECV_MORE (router, "r");
        CHECK_INT (recv_any (router, &next, sizeof next), 4);
        if (i)
            CHECK_INT (next, (uint32_t) (id + 1));
        id = next;
        RECV_MORE (router, "");
        RECV (router, "q");
        uint32_t wrong = id + 1;
        SEND_MORE (router, "r");
        SEND_BYTES (router, &wrong, 4, ZMQ_SNDMORE);
        SEND_MORE (router, "");
        SEND (router, "wrong");
        SEND_MORE (router, "r");
        SEND_BYTES (router, &id, 4, ZMQ_SNDMORE);
        SEND_MORE (router, "");
        SEND (router, "right");
        RECV (req, "right");
    }
    finish (ctx);
}

static void relaxed (const char *on)
{
    void *ctx = ctx_new (), *req = sock (ctx, ZMQ_REQ), *rep[3];
    char ep[ENDPOINT_MAX];
    set_int (req, ZMQ_REQ_CORRELATE, 1);
    set_int (req, ZMQ_REQ_RELAXED, 1);
    for (size_t i = 0; i < COUNT (rep); i++) {
        rep[i] = sock (ctx, ZMQ_REP);
        bind_on (rep[i], on, ep);
        connect_to (req, ep);
    }
    SEND (req, "first");
    RECV (rep[0], "first");
    CHECK (get_int (req, ZMQ_EVENTS) & ZMQ_POLLOUT);
    SEND (req, "second"); /* gives the first up */
    RECV (rep[1], "second");
    SEND (rep[0], "wrong");
    SEND (rep[1], "right");
    RECV (req, "right");
    SEND (req, "third");
    RECV (rep[2], "third");
    SEND (rep[2], "bad");
    CHECK (wait_for (req, ZMQ_POLLIN, PATIENCE_MS)); /* the answer is there, and goes */
    SEND (req, "fourth");
    RECV (rep[0], "fourth");
    SEND (rep[0], "good");
    RECV (req, "good");
    finish (ctx);
}

static void answer_comes_after_reconnect (const char *on)
{
    /* Losing the connection does not end the wait; relaxed, the question can be put again. */
    void *ctx = ctx_new (), *req = sock (ctx, ZMQ_REQ), *rep = sock (ctx, ZMQ_REP);
    char ep[ENDPOINT_MAX];
    set_int (req, ZMQ_REQ_RELAXED, 1);
    set_int (req, ZMQ_REQ_CORRELATE, 1);
    set_int (req, ZMQ_RECONNECT_IVL, 20);
    void *mon = mon_open (ctx, req, ZMQ_EVENT_DISCONNECTED);
    bind_on (rep, on, ep);
    connect_to (req, ep);
    SEND (req, "lost");
    RECV (rep, "lost");
    sock_close (rep);
    MON_NEXT (mon, ZMQ_EVENT_DISCONNECTED);
    rep = sock (ctx, ZMQ_REP);
    int64_t limit = now_ms () + PATIENCE_MS;
    while (zmq_bind (rep, ep) == -1)
        CHECK (now_ms () < limit);
    SEND (req, "again");
    RECV (rep, "again");
    SEND (rep, "yes");
    RECV (req, "yes");
    finish (ctx);
}

/* Forwarding by hand between ROUTER and DEALER keeps frames and envelopes. */
static void forward (void *from, void *to)
{
    int more;
    do {
        zmq_msg_t m;
        zmq_msg_init (&m);
        CHECK (zmq_msg_recv (&m, from, 0) >= 0);
        more = zmq_msg_more (&m);
        CHECK (zmq_msg_send (&m, to, more ? ZMQ_SNDMORE : 0) >= 0);
    } while (more);
}

static void through_a_device (const char *on)
{
    void *ctx = ctx_new (), *front = sock (ctx, ZMQ_ROUTER), *back = sock (ctx, ZMQ_DEALER),
         *req = sock (ctx, ZMQ_REQ), *rep = sock (ctx, ZMQ_REP);
    char fe[ENDPOINT_MAX], be[ENDPOINT_MAX];
    bind_on (front, on, fe);
    bind_on (back, on, be);
    connect_to (req, fe);
    connect_to (rep, be);
    SEND_MORE (req, "ABC");
    SEND (req, "DEF");
    forward (front, back);
    RECV_MORE (rep, "ABC");
    RECV (rep, "DEF");
    SEND_MORE (rep, "GHI");
    SEND (rep, "JKL");
    forward (back, front);
    RECV_MORE (req, "GHI");
    RECV (req, "JKL");
    finish (ctx);
}

CHECK_MAIN (CASE_ON (alternation, "tcp"), CASE_ON (alternation, "ipc"), CASE_ON (alternation, "inproc"),
            CASE_ON (events, "tcp"), CASE_ON (events, "inproc"), CASE_ON (round_robin, "tcp"),
            CASE_ON (round_robin, "tcp6"), CASE_ON (round_robin, "ipc"), CASE_ON (round_robin, "inproc"),
            CASE_ON (request_on_the_wire, "tcp"), CASE_ON (request_on_the_wire, "ipc"),
            CASE_ON (request_on_the_wire, "inproc"), CASE_ON (malformed_reply_is_skipped, "inproc"),
            CASE_ON (envelope_is_returned, "tcp"), CASE_ON (envelope_is_returned, "inproc"),
            CASE_ON (several_clients, "tcp"), CASE_ON (several_clients, "ipc"), CASE_ON (several_clients, "inproc"),
            CASE_ON (answer_to_a_gone_peer, "tcp"), CASE_ON (answer_to_a_gone_peer, "inproc"), CASE (no_peer),
            CASE_ON (correlate, "tcp"), CASE_ON (correlate, "inproc"), CASE_ON (relaxed, "tcp"),
            CASE_ON (relaxed, "inproc"), CASE_ON (answer_comes_after_reconnect, "tcp"),
            CASE_ON (answer_comes_after_reconnect, "ipc"), CASE_ON (through_a_device, "tcp"),
            CASE_ON (through_a_device, "ipc"), CASE_ON (through_a_device, "inproc"))
