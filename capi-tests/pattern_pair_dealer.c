/* PAIR and DEALER. */
#include "check.h"

static void both_ways (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (a, on, ep);
    connect_to (b, ep);
    for (int i = 0; i < 20; i++)
        BOUNCE (a, b);
    CHECK (get_int (a, ZMQ_EVENTS) == ZMQ_POLLOUT && get_int (b, ZMQ_EVENTS) == ZMQ_POLLOUT);
    finish (ctx);
}

static void only_one_peer (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR), *late = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (a, on, ep);
    connect_to (b, ep);
    BOUNCE (a, b);
    connect_to (late, ep);
    zmq_send (late, "intruder", 8, ZMQ_DONTWAIT);
    NOTHING (a);
    BOUNCE (a, b);
    SEND (a, "for b");
    RECV (b, "for b");
    NOTHING (late);
    finish (ctx);
}

static void next_peer_after_the_first (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (a, on, ep);
    for (int i = 0; i < 5; i++) {
        void *b = sock (ctx, ZMQ_PAIR);
        connect_to (b, ep);
        BOUNCE (a, b);
        sock_close (b);
        UNTIL (!(get_int (a, ZMQ_EVENTS) & ZMQ_POLLOUT));
        CHECK_ERRNO (zmq_send (a, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    }
    finish (ctx);
}

static void dealer_round_robin (const char *on)
{
    void *ctx = ctx_new (), *dealer = sock (ctx, ZMQ_DEALER), *rep[5];
    char ep[ENDPOINT_MAX];
    for (size_t i = 0; i < COUNT (rep); i++) {
        rep[i] = sock (ctx, ZMQ_REP);
        bind_on (rep[i], on, ep);
        connect_to (dealer, ep);
    }
    for (size_t n = 0; n < 2 * COUNT (rep); n++) {
        SEND_MORE (dealer, "");
        SEND (dealer, "ABC");
        if (n % COUNT (rep) == COUNT (rep) - 1)
            for (size_t i = 0; i < COUNT (rep); i++) {
                RECV (rep[i], "ABC");
                SEND (rep[i], "DEF");
            }
    }
    for (size_t n = 0; n < 2 * COUNT (rep); n++) {
        RECV_MORE (dealer, "");
        RECV (dealer, "DEF");
    }
    NOTHING (dealer);
    finish (ctx);
}

static void dealer_fair_queue (const char *on)
{
    void *ctx = ctx_new (), *dealer = sock (ctx, ZMQ_DEALER), *peer[5];
    char ep[ENDPOINT_MAX];
    int count[5] = {0};
    bind_on (dealer, on, ep);
    for (int i = 0; i < 5; i++) {
        peer[i] = sock (ctx, ZMQ_DEALER);
        connect_to (peer[i], ep);
        for (int n = 0; n < 100; n++) {
            int body[2] = {i, n};
            SEND_BYTES (peer[i], body, (int) sizeof body, 0);
        }
    }
    for (int n = 0; n < 500; n++) {
        int body[2];
        CHECK_INT (recv_any (dealer, body, sizeof body), sizeof body);
        CHECK_INT (body[1], count[body[0]]++);
    }
    NOTHING (dealer);
    finish (ctx);
}

static void dealer_no_peer (const char *on)
{
    void *ctx = ctx_new (), *dealer = sock (ctx, ZMQ_DEALER), *peer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    bind_on (dealer, on, ep);
    CHECK_ERRNO (zmq_send (dealer, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    connect_to (peer, ep);
    BOUNCE (dealer, peer);
    CHECK_INT (zmq_disconnect (peer, ep), 0);
    UNTIL ((get_int (peer, ZMQ_EVENTS), !(get_int (dealer, ZMQ_EVENTS) & ZMQ_POLLOUT)));
    CHECK_ERRNO (zmq_send (dealer, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    CHECK_ERRNO (zmq_recv (dealer, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    finish (ctx);
}

static void incompatible_types (const char *on)
{
    /* Over a connection the types are checked, and nothing is exchanged. */
    static const int pairs[][2] = {{ZMQ_PUB, ZMQ_PULL},   {ZMQ_REP, ZMQ_PUSH},    {ZMQ_PAIR, ZMQ_DEALER},
                                   {ZMQ_PULL, ZMQ_DEALER}, {ZMQ_SUB, ZMQ_PUSH}, {ZMQ_REQ, ZMQ_DEALER}};
    for (size_t i = 0; i < COUNT (pairs); i++) {
        void *ctx = ctx_new (), *a = sock (ctx, pairs[i][0]), *b = sock (ctx, pairs[i][1]);
        char ep[ENDPOINT_MAX];
        set_int (b, ZMQ_RECONNECT_IVL, 10);
        int mask = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        void *mon = mon_open (ctx, a, mask);
        bind_on (a, on, ep);
        connect_to (b, ep);
        MON_NEXT (mon, ZMQ_EVENT_ACCEPTED);
        MON_NEXT (mon, ZMQ_EVENT_DISCONNECTED);
        CHECK_INT (mon_next (mon, NULL, NULL, 150), 0); /* and no second attempt */
        finish (ctx);
    }
}

CHECK_MAIN (CASE_ON (both_ways, "tcp"), CASE_ON (both_ways, "tcp6"), CASE_ON (both_ways, "ipc"),
            CASE_ON (both_ways, "ipc@"), CASE_ON (both_ways, "inproc"), CASE_ON (only_one_peer, "tcp"),
            CASE_ON (only_one_peer, "inproc"), CASE_ON (next_peer_after_the_first, "tcp"),
            CASE_ON (next_peer_after_the_first, "ipc"),
            CASE_ON (dealer_round_robin, "tcp"), CASE_ON (dealer_round_robin, "ipc"),
            CASE_ON (dealer_round_robin, "inproc"), CASE_ON (dealer_fair_queue, "tcp"),
            CASE_ON (dealer_fair_queue, "inproc"), CASE_ON (dealer_no_peer, "tcp"), CASE_ON (dealer_no_peer, "inproc"),
            CASE_ON (incompatible_types, "tcp"), CASE_ON (incompatible_types, "ipc"))
