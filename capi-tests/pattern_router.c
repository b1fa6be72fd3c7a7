/* ROUTER: ids, unknown peers, mandatory, handover, probing, chosen ids. */
#include "check.h"

static void own_ids (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *a = sock (ctx, ZMQ_DEALER), *b = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    unsigned char one[16], two[16];
    bind_on (router, on, ep);
    connect_to (a, ep);
    SEND (a, "from a");
    CHECK_INT (recv_any (router, one, sizeof one), 5);
    CHECK_INT (one[0], 0);
    RECV (router, "from a");
    connect_to (b, ep);
    SEND (b, "from b");
    CHECK_INT (recv_any (router, two, sizeof two), 5);
    CHECK_INT (two[0], 0);
    RECV (router, "from b");
    CHECK (memcmp (one, two, 5));
    SEND_BYTES (router, two, 5, ZMQ_SNDMORE);
    SEND (router, "to b");
    SEND_BYTES (router, one, 5, ZMQ_SNDMORE);
    SEND_MORE (router, "to");
    SEND (router, "a");
    RECV (b, "to b");
    RECV_MORE (a, "to");
    RECV (a, "a");
    finish (ctx);
}

static void given_ids (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *d[5];
    char ep[ENDPOINT_MAX], id[255];
    bind_on (router, on, ep);
    for (size_t i = 0; i < COUNT (d); i++) {
        d[i] = sock (ctx, ZMQ_DEALER);
        memset (id, 'A' + (int) i, sizeof id);
        size_t size = i == 4 ? 255 : i + 1;
        CHECK_INT (zmq_setsockopt (d[i], ZMQ_ROUTING_ID, id, size), 0);
        connect_to (d[i], ep);
        SEND (d[i], "here");
        RECV_BYTES (router, id, size, 1);
        RECV (router, "here");
    }
    for (size_t i = 0; i < COUNT (d); i++) {
        memset (id, 'A' + (int) i, sizeof id);
        SEND_BYTES (router, id, i == 4 ? 255 : (int) i + 1, ZMQ_SNDMORE);
        SEND_BYTES (router, id, 1, 0);
    }
    for (size_t i = 0; i < COUNT (d); i++) {
        char want = (char) ('A' + i);
        RECV_BYTES (d[i], &want, 1, 0);
    }
    finish (ctx);
}

static void unknown_id_is_dropped (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_text (dealer, ZMQ_ROUTING_ID, "X");
    bind_on (router, on, ep);
    SEND_MORE (router, "UNKNOWN");
    SEND_MORE (router, "DATA");
    SEND (router, "DATA");
    connect_to (dealer, ep);
    SEND (dealer, "Hello");
    RECV_MORE (router, "X");
    RECV (router, "Hello");
    SEND_MORE (router, "X");
    SEND (router, "Hello");
    RECV (dealer, "Hello");
    finish (ctx);
}

static void mandatory (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_text (dealer, ZMQ_ROUTING_ID, "X");
    set_int (router, ZMQ_ROUTER_MANDATORY, 1);
    bind_on (router, on, ep);
    CHECK_ERRNO (zmq_send (router, "X", 1, ZMQ_SNDMORE), EHOSTUNREACH);
    CHECK_INT (get_int (router, ZMQ_EVENTS), 0);
    connect_to (dealer, ep);
    SEND (dealer, "Hello");
    RECV_MORE (router, "X");
    RECV (router, "Hello");
    CHECK_INT (get_int (router, ZMQ_EVENTS), ZMQ_POLLOUT);
    SEND_MORE (router, "X");
    SEND (router, "Hello");
    RECV (dealer, "Hello");
    sock_close (dealer);
    UNTIL (zmq_send (router, "X", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) == -1
           || zmq_send (router, "gone?", 5, ZMQ_DONTWAIT) == -1);
    CHECK_INT (zmq_errno (), EHOSTUNREACH);
    finish (ctx);
}

static void mandatory_and_full (const char *on)
{
    static char body[65536];
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_text (dealer, ZMQ_ROUTING_ID, "X");
    set_int (dealer, ZMQ_RCVHWM, 1);
    set_int (dealer, ZMQ_RCVBUF, 4096);
    set_int (router, ZMQ_SNDBUF, 4096);
    set_int (router, ZMQ_SNDHWM, 1);
    set_int (router, ZMQ_ROUTER_MANDATORY, 1);
    bind_on (router, on, ep);
    connect_to (dealer, ep);
    SEND (dealer, "Hello");
    RECV_MORE (router, "X");
    RECV (router, "Hello");
    set_int (router, ZMQ_SNDTIMEO, 300);
    int sent = 0;
    for (;;) {
        int rc = zmq_send (router, "X", 1, ZMQ_SNDMORE);
        if (rc == -1)
            break;
        SEND_BYTES (router, body, (int) sizeof body, 0);
        CHECK (++sent < 100);
    }
    CHECK_INT (zmq_errno (), EAGAIN);
    CHECK (sent >= 2);
    for (int i = 0; i < sent; i++)
        RECV_BYTES (dealer, body, sizeof body, 0);
    set_int (router, ZMQ_SNDTIMEO, PATIENCE_MS);
    SEND_MORE (router, "X");
    SEND (router, "room again");
    RECV (dealer, "room again");
    finish (ctx);
}

static void id_alone_is_swallowed (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_text (dealer, ZMQ_ROUTING_ID, "X");
    bind_on (router, on, ep);
    connect_to (dealer, ep);
    SEND (dealer, "up");
    RECV_MORE (router, "X");
    RECV (router, "up");
    SEND (router, "X");
    SEND_MORE (router, "X");
    SEND (router, "message");
    RECV (dealer, "message");
    finish (ctx);
}

static void same_id_without_handover (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *one = sock (ctx, ZMQ_DEALER),
         *two = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_text (one, ZMQ_ROUTING_ID, "X");
    set_text (two, ZMQ_ROUTING_ID, "X");
    bind_on (router, on, ep);
    connect_to (one, ep);
    SEND (one, "first");
    RECV_MORE (router, "X");
    RECV (router, "first");
    connect_to (two, ep);
    SEND (two, "second");
    NOTHING (router);
    SEND_MORE (router, "X");
    SEND (router, "to the first");
    RECV (one, "to the first");
    NOTHING (two);
    finish (ctx);
}

static void same_id_with_handover (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *one = sock (ctx, ZMQ_DEALER),
         *two = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_int (router, ZMQ_ROUTER_HANDOVER, 1);
    set_text (one, ZMQ_ROUTING_ID, "X");
    set_text (two, ZMQ_ROUTING_ID, "X");
    bind_on (router, on, ep);
    connect_to (one, ep);
    SEND (one, "first");
    RECV_MORE (router, "X");
    RECV (router, "first");
    connect_to (two, ep);
    SEND (two, "second");
    RECV_MORE (router, "X");
    RECV (router, "second");
    SEND_MORE (router, "X");
    SEND (router, "to the second");
    RECV (two, "to the second");
    NOTHING (one);
    finish (ctx);
}

static void probe (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_ROUTER), *router = sock (ctx, ZMQ_ROUTER),
         *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX], id[16];
    bind_on (server, on, ep);
    set_text (router, ZMQ_ROUTING_ID, "R");
    set_int (router, ZMQ_PROBE_ROUTER, 1);
    connect_to (router, ep);
    RECV_MORE (server, "R");
    RECV (server, "");
    SEND_MORE (server, "R");
    SEND (server, "Hello");
    CHECK_INT (recv_any (router, id, sizeof id), 5);
    RECV (router, "Hello");
    set_text (dealer, ZMQ_ROUTING_ID, "D");
    set_int (dealer, ZMQ_PROBE_ROUTER, 1);
    connect_to (dealer, ep);
    RECV_MORE (server, "D");
    RECV (server, "");
    SEND_MORE (server, "D");
    SEND (server, "Hello");
    RECV (dealer, "Hello");
    finish (ctx);
}

static void chosen_by_the_connecter (const char *on)
{
    void *ctx = ctx_new (), *client = sock (ctx, ZMQ_ROUTER), *one = sock (ctx, ZMQ_ROUTER),
         *two = sock (ctx, ZMQ_DEALER);
    char a[ENDPOINT_MAX], b[ENDPOINT_MAX], id[16];
    bind_on (one, on, a);
    bind_on (two, on, b);
    set_text (client, ZMQ_CONNECT_ROUTING_ID, "conn1");
    connect_to (client, a);
    set_text (client, ZMQ_CONNECT_ROUTING_ID, "conn2");
    connect_to (client, b);
    SEND_MORE (client, "conn1");
    SEND (client, "hi one");
    SEND_MORE (client, "conn2");
    SEND (client, "hi two");
    CHECK_INT (recv_any (one, id, sizeof id), 5);
    RECV (one, "hi one");
    SEND_BYTES (one, id, 5, ZMQ_SNDMORE);
    SEND (one, "ok");
    RECV_MORE (client, "conn1");
    RECV (client, "ok");
    RECV (two, "hi two");
    SEND (two, "fine");
    RECV_MORE (client, "conn2");
    RECV (client, "fine");
    finish (ctx);
}

static void fair_queue (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *d[4];
    char ep[ENDPOINT_MAX], id[8];
    enum { EACH = 200 };
    int seen[4] = {0};
    bind_on (router, on, ep);
    for (size_t i = 0; i < COUNT (d); i++) {
        d[i] = sock (ctx, ZMQ_DEALER);
        id[0] = (char) ('a' + i);
        CHECK_INT (zmq_setsockopt (d[i], ZMQ_ROUTING_ID, id, 1), 0);
        connect_to (d[i], ep);
        for (int n = 0; n < EACH; n++) {
            SEND_BYTES (d[i], &n, (int) sizeof n, ZMQ_SNDMORE);
            SEND (d[i], "M");
        }
    }
    for (size_t i = 0; i < EACH * COUNT (d); i++) {
        int n;
        CHECK_INT (recv_any (router, id, sizeof id), 1);
        CHECK_INT (recv_any (router, &n, sizeof n), sizeof n);
        CHECK_INT (n, seen[id[0] - 'a']++);
        RECV (router, "M");
    }
    NOTHING (router);
    finish (ctx);
}

/* A peer that comes and goes is reachable each time. */
static void comes_and_goes (const char *on)
{
    void *ctx = ctx_new (), *other = ctx_new (), *router = sock (ctx, ZMQ_ROUTER);
    char ep[ENDPOINT_MAX], id[16];
    set_int (router, ZMQ_ROUTER_MANDATORY, 1);
    bind_on (router, on, ep);
    for (int i = 0; i < 100; i++) {
        void *dealer = sock (other, ZMQ_DEALER);
        int size = snprintf (id, sizeof id, "%09d", i);
        CHECK_INT (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, id, (size_t) size), 0);
        connect_to (dealer, ep);
        UNTIL (zmq_send (router, id, (size_t) size, ZMQ_SNDMORE) == size);
        SEND (router, "HELLO");
        RECV (dealer, "HELLO");
        sock_close (dealer);
    }
    finish (other);
    finish (ctx);
}

static void router_to_router (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_ROUTER), *b = sock (ctx, ZMQ_ROUTER);
    char ep[ENDPOINT_MAX];
    set_text (a, ZMQ_ROUTING_ID, "A");
    set_text (b, ZMQ_ROUTING_ID, "B");
    set_int (b, ZMQ_ROUTER_MANDATORY, 1);
    bind_on (a, on, ep);
    connect_to (b, ep);
    UNTIL (zmq_send (b, "A", 1, ZMQ_SNDMORE) == 1);
    SEND (b, "hello");
    RECV_MORE (a, "B");
    RECV (a, "hello");
    SEND_MORE (a, "B");
    SEND (a, "back");
    RECV_MORE (b, "A");
    RECV (b, "back");
    finish (ctx);
}

CHECK_MAIN (CASE_ON (own_ids, "tcp"), CASE_ON (own_ids, "ipc"), CASE_ON (own_ids, "inproc"),
            CASE_ON (given_ids, "tcp"), CASE_ON (given_ids, "ipc"), CASE_ON (given_ids, "inproc"),
            CASE_ON (unknown_id_is_dropped, "tcp"), CASE_ON (unknown_id_is_dropped, "inproc"),
            CASE_ON (mandatory, "tcp"), CASE_ON (mandatory, "ipc"), CASE_ON (mandatory, "inproc"),
            CASE_ON (mandatory_and_full, "tcp"), CASE_ON (mandatory_and_full, "inproc"),
            CASE_ON (id_alone_is_swallowed, "tcp"), CASE_ON (same_id_without_handover, "tcp"),
            CASE_ON (same_id_without_handover, "inproc"), CASE_ON (same_id_with_handover, "tcp"),
            CASE_ON (same_id_with_handover, "ipc"), CASE_ON (same_id_with_handover, "inproc"), CASE_ON (probe, "tcp"),
            CASE_ON (probe, "inproc"), CASE_ON (chosen_by_the_connecter, "tcp"),
            CASE_ON (chosen_by_the_connecter, "inproc"), CASE_ON (fair_queue, "tcp"), CASE_ON (fair_queue, "inproc"),
            CASE_ON (comes_and_goes, "tcp"), CASE_ON (comes_and_goes, "ipc"), CASE_ON (router_to_router, "tcp"),
            CASE_ON (router_to_router, "inproc"))
