/* PUSH and PULL: round robin, fair queueing, whole messages, backing away from full peers. */
#include "check.h"

static void round_robin (const char *on)
{
    enum { PEERS = 5, ROUNDS = 20 };
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull[PEERS];
    char ep[ENDPOINT_MAX];
    for (int i = 0; i < PEERS; i++) {
        pull[i] = sock (ctx, ZMQ_PULL);
        bind_on (pull[i], on, ep);
        connect_to (push, ep);
    }
    for (int n = 0; n < PEERS * ROUNDS; n++)
        SEND_BYTES (push, &n, (int) sizeof n, 0);
    for (int i = 0; i < PEERS; i++)
        for (int round = 0; round < ROUNDS; round++) {
            int n;
            CHECK_INT (recv_any (pull[i], &n, sizeof n), sizeof n);
            CHECK_INT (n, round * PEERS + i);
        }
    finish (ctx);
}

static void frames_stay_together (const char *on)
{
    enum { PEERS = 3 };
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull[PEERS];
    char ep[ENDPOINT_MAX];
    for (int i = 0; i < PEERS; i++) {
        pull[i] = sock (ctx, ZMQ_PULL);
        bind_on (pull[i], on, ep);
        connect_to (push, ep);
    }
    for (int n = 0; n < 30; n++) {
        for (int part = 0; part < n % 4; part++)
            SEND_BYTES (push, &n, (int) sizeof n, ZMQ_SNDMORE);
        SEND_BYTES (push, &n, (int) sizeof n, 0);
    }
    for (int n = 0; n < 30; n++) {
        for (int part = 0; part < n % 4; part++)
            RECV_BYTES (pull[n % PEERS], &n, sizeof n, 1);
        RECV_BYTES (pull[n % PEERS], &n, sizeof n, 0);
    }
    finish (ctx);
}

static void fair_queue (const char *on)
{
    enum { PEERS = 5, EACH = 100 };
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL), *push[PEERS];
    char ep[ENDPOINT_MAX];
    int next[PEERS] = {0};
    bind_on (pull, on, ep);
    for (int i = 0; i < PEERS; i++) {
        push[i] = sock (ctx, ZMQ_PUSH);
        connect_to (push[i], ep);
    }
    for (int i = 0; i < PEERS; i++)
        for (int n = 0; n < EACH; n++) {
            int body[2] = {i, n};
            SEND_BYTES (push[i], body, (int) sizeof body, ZMQ_SNDMORE);
            SEND (push[i], "end");
        }
    if (!strcmp (on, "inproc"))
        pause_ms (1); /* everything is in the pipes already */
    for (int n = 0; n < PEERS * EACH; n++) {
        int body[2];
        CHECK_INT (recv_any (pull, body, sizeof body), sizeof body);
        RECV (pull, "end");
        CHECK_INT (body[1], next[body[0]]++);
        if (!strcmp (on, "inproc")) /* strictly in turn */
            CHECK_INT (body[1], n / PEERS);
    }
    finish (ctx);
}

static void no_peer (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
    char ep[ENDPOINT_MAX];
    bind_on (push, "tcp", ep);
    CHECK_ERRNO (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    set_int (push, ZMQ_SNDTIMEO, 50);
    CHECK_ERRNO (zmq_send (push, "x", 1, 0), EAGAIN);
    finish (ctx);
}

static void full_peer_is_passed_over (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *slow = sock (ctx, ZMQ_PULL), *fast = sock (ctx, ZMQ_PULL);
    set_int (push, ZMQ_SNDHWM, 1);
    set_int (slow, ZMQ_RCVHWM, 1);
    set_int (fast, ZMQ_RCVHWM, 1);
    CHECK_INT (zmq_bind (slow, "inproc://slow"), 0);
    CHECK_INT (zmq_bind (fast, "inproc://fast"), 0);
    CHECK_INT (zmq_connect (push, "inproc://slow"), 0);
    CHECK_INT (zmq_connect (push, "inproc://fast"), 0);
    int to_fast = 0;
    for (int n = 0; n < 100; n++) {
        SEND (push, "x");
        while (zmq_recv (fast, NULL, 0, ZMQ_DONTWAIT) == 1)
            to_fast++;
    }
    int to_slow = 0;
    while (zmq_recv (slow, NULL, 0, ZMQ_DONTWAIT) == 1)
        to_slow++;
    CHECK_INT (to_slow, 2);
    CHECK_INT (to_fast + to_slow, 100);
    finish (ctx);
}

static void all_peers_full (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull[3];
    set_int (push, ZMQ_SNDHWM, 2);
    for (size_t i = 0; i < COUNT (pull); i++) {
        char ep[ENDPOINT_MAX];
        pull[i] = sock (ctx, ZMQ_PULL);
        set_int (pull[i], ZMQ_RCVHWM, 2);
        bind_on (pull[i], "inproc", ep);
        connect_to (push, ep);
    }
    for (int n = 0; n < 12; n++)
        CHECK_INT (zmq_send (push, "x", 1, ZMQ_DONTWAIT), 1);
    CHECK_ERRNO (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    CHECK_INT (get_int (push, ZMQ_EVENTS), 0);
    for (int n = 0; n < 4; n++)
        RECV (pull[1], "x");
    CHECK_INT (get_int (push, ZMQ_EVENTS), ZMQ_POLLOUT);
    CHECK_INT (zmq_send (push, "y", 1, ZMQ_DONTWAIT), 1);
    RECV (pull[1], "y");
    finish (ctx);
}

/* A peer that leaves in the middle of a multipart message: what was written is taken back, the rest is dropped, the next
 * message is whole. */
static void peer_leaves_within_a_message (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    bind_on (push, on, ep);
    connect_to (pull, ep);
    SEND (push, "first");
    RECV (pull, "first");
    SEND_MORE (push, "half");
    CHECK_INT (zmq_disconnect (pull, ep), 0);
    get_int (pull, ZMQ_EVENTS);
    get_int (push, ZMQ_EVENTS);
    SEND (push, "swallowed");
    connect_to (pull, ep);
    /* Until the socket knows that the old peer is gone, whole messages may be lost with it; halves never arrive. */
    set_int (push, ZMQ_SNDTIMEO, 5);
    int64_t limit = now_ms () + PATIENCE_MS;
    do {
        CHECK (now_ms () < limit);
        if (zmq_send (push, "whole", 5, ZMQ_SNDMORE) == 5)
            zmq_send (push, "message", 7, 0);
    } while (!wait_for (pull, ZMQ_POLLIN, 1));
    RECV_MORE (pull, "whole");
    RECV (pull, "message");
    finish (ctx);
}

static void pipeline (const char *on)
{
    /* Ventilator, three workers in threads, sink: every number arrives once. */
    enum { TASKS = 3000 };
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *sink = sock (ctx, ZMQ_PULL), *in[3], *out[3];
    char from[ENDPOINT_MAX], to[ENDPOINT_MAX];
    static bool seen[TASKS];
    bind_on (push, on, from);
    bind_on (sink, on, to);
    for (int i = 0; i < 3; i++) {
        in[i] = sock (ctx, ZMQ_PULL);
        out[i] = sock (ctx, ZMQ_PUSH);
        connect_to (in[i], from);
        connect_to (out[i], to);
    }
    int sent = 0, received = 0;
    while (received < TASKS) {
        zmq_pollitem_t items[] = {{in[0], 0, ZMQ_POLLIN, 0},
                                  {in[1], 0, ZMQ_POLLIN, 0},
                                  {in[2], 0, ZMQ_POLLIN, 0},
                                  {sink, 0, ZMQ_POLLIN, 0},
                                  {push, 0, (short) (sent < TASKS ? ZMQ_POLLOUT : 0), 0}};
        CHECK (zmq_poll (items, 5, PATIENCE_MS) > 0);
        if (items[4].revents) {
            SEND_BYTES (push, &sent, (int) sizeof sent, 0);
            sent++;
        }
        for (int i = 0; i < 3; i++)
            if (items[i].revents) {
                int n;
                CHECK_INT (recv_any (in[i], &n, sizeof n), sizeof n);
                SEND_BYTES (out[i], &n, (int) sizeof n, 0);
            }
        if (items[3].revents) {
            int n;
            CHECK_INT (recv_any (sink, &n, sizeof n), sizeof n);
            CHECK (!seen[n]);
            seen[n] = true;
            received++;
        }
    }
    finish (ctx);
}

CHECK_MAIN (CASE_ON (round_robin, "tcp"), CASE_ON (round_robin, "ipc"), CASE_ON (round_robin, "inproc"),
            CASE_ON (frames_stay_together, "tcp"), CASE_ON (frames_stay_together, "inproc"),
            CASE_ON (fair_queue, "tcp"), CASE_ON (fair_queue, "ipc"), CASE_ON (fair_queue, "inproc"), CASE (no_peer),
            CASE (full_peer_is_passed_over), CASE (all_peers_full), CASE_ON (peer_leaves_within_a_message, "tcp"),
            CASE_ON (peer_leaves_within_a_message, "ipc"), CASE_ON (peer_leaves_within_a_message, "inproc"),
            CASE_ON (pipeline, "tcp"), CASE_ON (pipeline, "ipc"), CASE_ON (pipeline, "inproc"))
