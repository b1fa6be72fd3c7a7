/* Heartbeats: when they go out and what they say, what counts as an answer, and when a peer is given up. */
#include "raw.h"

typedef struct {
    void *ctx, *s, *mon;
    int fd;
} peer_t;

/* A socket with these heartbeats, and a peer made by hand that has shaken hands with it. */
static peer_t open_peer (int ivl, int timeout, int ttl)
{
    char ep[ENDPOINT_MAX];
    peer_t p = {.ctx = ctx_new ()};
    p.s = sock (p.ctx, ZMQ_DEALER);
    set_int (p.s, ZMQ_HEARTBEAT_IVL, ivl);
    if (timeout >= 0)
        set_int (p.s, ZMQ_HEARTBEAT_TIMEOUT, timeout);
    set_int (p.s, ZMQ_HEARTBEAT_TTL, ttl);
    p.mon = mon_open (p.ctx, p.s, ZMQ_EVENT_DISCONNECTED);
    bind_on (p.s, "tcp", ep);
    p.fd = raw_connect (ep);
    handshake (p.fd, 1, "DEALER", "DEALER", true);
    return p;
}

static void pings_tell_the_ttl (const char *on)
{
    peer_t p = open_peer (50, 5000, 1250);
    int64_t start = now_ms ();
    for (int i = 0; i < 4; i++) {
        RAW_EXPECT (p.fd, "\4\7\4PING\0\14");
        RAW_SEND (p.fd, "\4\5\4PONG");
    }
    CHECK (now_ms () - start >= 150);
    finish (p.ctx);
}

static void none_unless_asked_for (const char *on)
{
    peer_t p = open_peer (0, 100, 500);
    RAW_QUIET (p.fd);
    CHECK_INT (mon_next (p.mon, NULL, NULL, QUIET_MS), 0);
    finish (p.ctx);
}

static void a_silent_peer_is_given_up (const char *on)
{
    static const int table[][2] = {{50, -1}, {50, 150}, {100, 50}};
    for (size_t i = 0; i < COUNT (table); i++) {
        peer_t p = open_peer (table[i][0], table[i][1], 0);
        int64_t start = now_ms ();
        MON_NEXT (p.mon, ZMQ_EVENT_DISCONNECTED);
        CHECK (now_ms () - start >= table[i][0] + (table[i][1] < 0 ? table[i][0] : table[i][1]) - 10);
        RAW_CLOSED (p.fd);
        finish (p.ctx);
    }
}

static void never_with_a_timeout_of_0 (const char *on)
{
    peer_t p = open_peer (30, 0, 0);
    for (int i = 0; i < 10; i++)
        RAW_EXPECT (p.fd, "\4\7\4PING\0\0");
    CHECK_INT (mon_next (p.mon, NULL, NULL, 0), 0);
    finish (p.ctx);
}

/* An answer just in time, for a good while: timers that fall due together must not end it. */
static void answers_keep_it_up (const char *on)
{
    peer_t p = open_peer (50, -1, 0);
    for (int i = 0; i < 25; i++) {
        RAW_EXPECT (p.fd, "\4\7\4PING\0\0");
        RAW_SEND (p.fd, "\4\5\4PONG");
    }
    CHECK_INT (mon_next (p.mon, NULL, NULL, 0), 0);
    finish (p.ctx);
}

/* Whatever comes is a sign of life; for a part of a message see options_differences.c. */
static void anything_is_an_answer (const char *on)
{
    peer_t p = open_peer (50, 200, 0);
    for (int i = 0; i < 12; i++) {
        RAW_EXPECT (p.fd, "\4\7\4PING\0\0");
        RAW_SEND (p.fd, "\0\1x");
        RECV (p.s, "x");
    }
    CHECK_INT (mon_next (p.mon, NULL, NULL, 0), 0);
    MON_NEXT (p.mon, ZMQ_EVENT_DISCONNECTED);
    finish (p.ctx);
}

static void pong_echoes_up_to_16_bytes (const char *on)
{
    peer_t p = open_peer (0, -1, 0);
    RAW_SEND (p.fd, "\4\7\4PING\0\0");
    RAW_EXPECT (p.fd, "\4\5\4PONG");
    RAW_SEND (p.fd, "\4\12\4PING\0\0LOL");
    RAW_EXPECT (p.fd, "\4\10\4PONGLOL");
    RAW_SEND (p.fd, "\4\33\4PING\0\0abcdefghijklmnopqrst");
    RAW_EXPECT (p.fd, "\4\25\4PONGabcdefghijklmnop");
    finish (p.ctx);
}

static void the_ttl_of_the_peer_counts (const char *on)
{
    peer_t p = open_peer (0, -1, 0);
    RAW_SEND (p.fd, "\4\7\4PING\0\3");
    int64_t start = now_ms ();
    RAW_EXPECT (p.fd, "\4\5\4PONG");
    MON_NEXT (p.mon, ZMQ_EVENT_DISCONNECTED);
    CHECK (now_ms () - start >= 280);
    finish (p.ctx);
}

/* Who said more after the PING has kept the promise; the next PING makes another one. */
static void the_ttl_ends_with_a_message (const char *on)
{
    peer_t p = open_peer (0, -1, 0);
    RAW_SEND (p.fd, "\4\7\4PING\0\2");
    RAW_EXPECT (p.fd, "\4\5\4PONG");
    RAW_SEND (p.fd, "\0\1x");
    RECV (p.s, "x");
    CHECK_INT (mon_next (p.mon, NULL, NULL, 3 * QUIET_MS), 0);
    RAW_SEND (p.fd, "\4\7\4PING\0\1");
    MON_NEXT (p.mon, ZMQ_EVENT_DISCONNECTED);
    finish (p.ctx);
}

static void both_ends_live (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    void *sockets[] = {a, b}, *mons[2];
    for (int i = 0; i < 2; i++) {
        /* The reference is late now and then: the time to answer is generous. */
        set_int (sockets[i], ZMQ_HEARTBEAT_IVL, 20);
        set_int (sockets[i], ZMQ_HEARTBEAT_TIMEOUT, 2000);
        set_int (sockets[i], ZMQ_HEARTBEAT_TTL, 2000);
        mons[i] = mon_open (ctx, sockets[i], ZMQ_EVENT_DISCONNECTED);
    }
    bind_on (a, on, ep);
    connect_to (b, ep);
    BOUNCE (a, b);
    CHECK_INT (mon_next (mons[0], NULL, NULL, 3 * QUIET_MS), 0);
    CHECK_INT (mon_next (mons[1], NULL, NULL, 0), 0);
    BOUNCE (a, b);
    finish (ctx);
}

static void *drain (void *pull)
{
    while (zmq_recv (pull, NULL, 0, 0) >= 0)
        ;
    return NULL;
}

/* One who only sends hears the answers all the same, and one who only receives is heard. */
static void while_a_stream_goes (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    void *sockets[] = {push, pull}, *mons[2];
    char ep[ENDPOINT_MAX];
    for (int i = 0; i < 2; i++) {
        set_int (sockets[i], ZMQ_HEARTBEAT_IVL, 50);
        set_int (sockets[i], ZMQ_HEARTBEAT_TIMEOUT, 1000);
        set_int (sockets[i], ZMQ_HEARTBEAT_TTL, 1000);
        mons[i] = mon_open (ctx, sockets[i], ZMQ_EVENT_DISCONNECTED);
    }
    bind_on (pull, on, ep);
    connect_to (push, ep);
    pthread_t thread;
    set_int (pull, ZMQ_RCVTIMEO, 500);
    pthread_create (&thread, NULL, drain, pull);
    for (int64_t end = now_ms () + 3000; now_ms () < end;)
        for (int i = 0; i < 100; i++)
            SEND (push, "x");
    pthread_join (thread, NULL);
    for (int i = 0; i < 2; i++)
        CHECK_INT (mon_next (mons[i], NULL, NULL, 0), 0);
    finish (ctx);
}

/* A peer that connected and was given up is tried again. */
static void given_up_and_tried_again (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    int listener = raw_listen (ep);
    set_int (s, ZMQ_HEARTBEAT_IVL, 50);
    set_int (s, ZMQ_RECONNECT_IVL, 20);
    connect_to (s, ep);
    for (int i = 0; i < 3; i++) {
        int fd = raw_accept (listener);
        handshake (fd, 1, "DEALER", "DEALER", true);
        RAW_EXPECT (fd, "\4\7\4PING\0\0");
        RAW_CLOSED (fd);
        close (fd);
    }
    finish (ctx);
}

CHECK_MAIN (CASE (pings_tell_the_ttl), CASE (none_unless_asked_for), CASE (a_silent_peer_is_given_up),
            CASE (never_with_a_timeout_of_0), CASE (answers_keep_it_up), CASE (anything_is_an_answer),
            CASE (pong_echoes_up_to_16_bytes), CASE (the_ttl_of_the_peer_counts), CASE (the_ttl_ends_with_a_message),
            CASE_ON (both_ends_live, "tcp"), CASE_ON (both_ends_live, "ipc"), CASE_ON (while_a_stream_goes, "tcp"), CASE_ON (while_a_stream_goes, "ipc"), CASE (given_up_and_tried_again))
