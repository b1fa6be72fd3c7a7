/* STREAM: raw TCP in both roles. */
#include "raw.h"

/* The id of the peer whose connection has just been announced. */
static void announced (void *s, unsigned char id[5])
{
    CHECK_INT (recv_any (s, id, 5), 5);
    CHECK_INT (get_int (s, ZMQ_RCVMORE), 1);
    RECV (s, "");
}

static void serves_raw_peers (const char *on)
{
    void *ctx = ctx_new (), *stream = sock (ctx, ZMQ_STREAM);
    char ep[ENDPOINT_MAX];
    unsigned char id[5];
    bind_on (stream, "tcp", ep);
    int fd = raw_connect (ep);
    announced (stream, id);
    CHECK_INT (id[0], 0);
    RAW_SEND (fd, "GET /\n");
    RECV_BYTES (stream, id, 5, 1);
    RECV (stream, "GET /\n");
    SEND_BYTES (stream, id, 5, ZMQ_SNDMORE);
    SEND (stream, "200 OK");
    RAW_EXPECT (fd, "200 OK");
    SEND_BYTES (stream, id, 5, ZMQ_SNDMORE);
    SEND_MORE (stream, "more is ignored here");
    RAW_EXPECT (fd, "more is ignored here");
    close (fd);
    RECV_BYTES (stream, id, 5, 1);
    RECV (stream, "");
    SEND_BYTES (stream, "\0\0\0\0", 1, 0); /* an id and nothing more */
    finish (ctx);
}

static void closes_on_empty (const char *on)
{
    void *ctx = ctx_new (), *stream = sock (ctx, ZMQ_STREAM);
    char ep[ENDPOINT_MAX];
    unsigned char id[5];
    bind_on (stream, "tcp", ep);
    int fd = raw_connect (ep);
    announced (stream, id);
    SEND_BYTES (stream, id, 5, ZMQ_SNDMORE);
    SEND (stream, "last words");
    SEND_BYTES (stream, id, 5, ZMQ_SNDMORE);
    SEND (stream, "");
    RAW_EXPECT (fd, "last words");
    /* The reference closes only once the socket's owner calls into the library again. */
    UNTIL ((get_int (stream, ZMQ_EVENTS), raw_wait (fd, 1)));
    RAW_CLOSED (fd);
    finish (ctx);
}

static void unknown_peer (const char *on)
{
    void *ctx = ctx_new (), *stream = sock (ctx, ZMQ_STREAM);
    char ep[ENDPOINT_MAX];
    bind_on (stream, "tcp", ep);
    CHECK_ERRNO (zmq_send (stream, "nobody", 6, ZMQ_SNDMORE), EHOSTUNREACH);
    finish (ctx);
}

static void connects_to_raw_servers (const char *on)
{
    void *ctx = ctx_new (), *stream = sock (ctx, ZMQ_STREAM);
    char ep[ENDPOINT_MAX];
    unsigned char id[5];
    int listener = raw_listen (ep);
    connect_to (stream, ep);
    int fd = raw_accept (listener);
    announced (stream, id);
    SEND_BYTES (stream, id, 5, ZMQ_SNDMORE);
    SEND (stream, "hello");
    RAW_EXPECT (fd, "hello");
    RAW_SEND (fd, "welcome");
    RECV_BYTES (stream, id, 5, 1);
    RECV (stream, "welcome");
    close (fd);
    RECV_BYTES (stream, id, 5, 1);
    RECV (stream, "");
    finish (ctx);
}

static void chosen_id (const char *on)
{
    void *ctx = ctx_new (), *stream = sock (ctx, ZMQ_STREAM);
    char ep[ENDPOINT_MAX];
    int listener = raw_listen (ep);
    set_text (stream, ZMQ_CONNECT_ROUTING_ID, "server");
    connect_to (stream, ep);
    int fd = raw_accept (listener);
    RECV_MORE (stream, "server");
    RECV (stream, "");
    SEND_MORE (stream, "server");
    SEND (stream, "hi");
    RAW_EXPECT (fd, "hi");
    finish (ctx);
}

static void without_notices (const char *on)
{
    void *ctx = ctx_new (), *stream = sock (ctx, ZMQ_STREAM);
    char ep[ENDPOINT_MAX], id[8];
    set_int (stream, ZMQ_STREAM_NOTIFY, 0);
    bind_on (stream, "tcp", ep);
    int fd = raw_connect (ep);
    RAW_SEND (fd, "x");
    CHECK_INT (recv_any (stream, id, sizeof id), 5);
    RECV (stream, "x");
    close (fd);
    NOTHING (stream);
    finish (ctx);
}

static void two_streams (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_STREAM), *client = sock (ctx, ZMQ_STREAM);
    char ep[ENDPOINT_MAX], option[256];
    unsigned char at_server[5], at_client[5];
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    announced (server, at_server);
    announced (client, at_client);
    size_t size = sizeof option;
    CHECK_INT (zmq_getsockopt (client, ZMQ_ROUTING_ID, option, &size), 0);
    CHECK (size == 5 && !memcmp (option, at_client, 5));
    SEND_BYTES (client, at_client, 5, ZMQ_SNDMORE);
    SEND (client, "question");
    RECV_BYTES (server, at_server, 5, 1);
    RECV (server, "question");
    SEND_BYTES (server, at_server, 5, ZMQ_SNDMORE);
    SEND (server, "answer");
    SEND_BYTES (server, at_server, 5, ZMQ_SNDMORE);
    SEND (server, "");
    RECV_BYTES (client, at_client, 5, 1);
    RECV (client, "answer");
    UNTIL ((get_int (server, ZMQ_EVENTS), wait_for (client, ZMQ_POLLIN, 1)));
    RECV_BYTES (client, at_client, 5, 1);
    RECV (client, "");
    finish (ctx);
}

static void bulk (const char *on)
{
    /* A megabyte in each direction, in pieces of any size, in order. */
    enum { TOTAL = 1000000 };
    static unsigned char out[TOTAL], back[TOTAL], piece[100000];
    void *ctx = ctx_new (), *stream = sock (ctx, ZMQ_STREAM);
    char ep[ENDPOINT_MAX];
    unsigned char id[5];
    for (size_t i = 0; i < TOTAL; i++)
        out[i] = (unsigned char) (i * 31 + i / 251);
    bind_on (stream, "tcp", ep);
    int fd = raw_connect (ep);
    fcntl (fd, F_SETFL, O_NONBLOCK);
    announced (stream, id);
    size_t sent = 0, returned = 0;
    int64_t limit = now_ms () + PATIENCE_MS;
    while (returned < TOTAL) {
        CHECK (now_ms () < limit);
        if (sent < TOTAL) {
            ssize_t n = send (fd, out + sent, TOTAL - sent, MSG_NOSIGNAL);
            if (n > 0)
                sent += (size_t) n;
        }
        while (wait_for (stream, ZMQ_POLLIN, 1)) {
            RECV_BYTES (stream, id, 5, 1);
            int n = recv_any (stream, piece, sizeof piece);
            CHECK (n > 0 && n <= (int) sizeof piece);
            SEND_BYTES (stream, id, 5, ZMQ_SNDMORE);
            SEND_BYTES (stream, piece, n, 0);
            ssize_t got = recv (fd, back + returned, TOTAL - returned, 0);
            if (got > 0)
                returned += (size_t) got;
        }
        ssize_t got = recv (fd, back + returned, TOTAL - returned, 0);
        if (got > 0)
            returned += (size_t) got;
    }
    CHECK (!memcmp (out, back, TOTAL));
    finish (ctx);
}

static void router_raw (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER);
    char ep[ENDPOINT_MAX], id[8];
    set_int (router, ZMQ_ROUTER_RAW, 1);
    bind_on (router, "tcp", ep);
    int fd = raw_connect (ep);
    CHECK_INT (recv_any (router, id, sizeof id), 5);
    RECV (router, ""); /* announced as by STREAM */
    RAW_SEND (fd, "raw");
    RECV_BYTES (router, id, 5, 1);
    RECV (router, "raw");
    SEND_BYTES (router, id, 5, ZMQ_SNDMORE);
    SEND (router, "bytes");
    RAW_EXPECT (fd, "bytes");
    SEND_BYTES (router, id, 5, ZMQ_SNDMORE);
    SEND (router, "");
    UNTIL ((get_int (router, ZMQ_EVENTS), raw_wait (fd, 1)));
    RAW_CLOSED (fd);
    finish (ctx);
}

static void against_a_dealer (const char *on)
{
    /* What a DEALER says first, seen by a STREAM. */
    void *ctx = ctx_new (), *stream = sock (ctx, ZMQ_STREAM), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    unsigned char id[5], got[256], want[256];
    size_t have = 0;
    bind_on (stream, "tcp", ep);
    connect_to (dealer, ep);
    SEND (dealer, "Hello");
    announced (stream, id);
    greeting (want, 1, "NULL");
    SEND_BYTES (stream, id, 5, ZMQ_SNDMORE);
    SEND_BYTES (stream, want, 64, 0);
    size_t more = ready (want + 64, "DEALER", "");
    while (have < 64 + more) {
        RECV_BYTES (stream, id, 5, 1);
        have += (size_t) recv_any (stream, got + have, sizeof got - have);
    }
    CHECK_INT (have, 64 + more);
    CHECK (!memcmp (got, want, have));
    more = ready (want, "ROUTER", "");
    SEND_BYTES (stream, id, 5, ZMQ_SNDMORE);
    SEND_BYTES (stream, want, (int) more, 0);
    RECV_BYTES (stream, id, 5, 1);
    RECV_BYTES (stream, "\0\5Hello", 7, 0);
    SEND_BYTES (stream, id, 5, ZMQ_SNDMORE);
    SEND_BYTES (stream, "\0\5World", 7, 0);
    RECV (dealer, "World");
    finish (ctx);
}

CHECK_MAIN (CASE (serves_raw_peers), CASE (closes_on_empty), CASE (unknown_peer), CASE (connects_to_raw_servers),
            CASE (chosen_id), CASE (without_notices), CASE (two_streams), CASE (bulk), CASE (router_raw),
            CASE (against_a_dealer))
