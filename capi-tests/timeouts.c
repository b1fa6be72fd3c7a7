/* RCVTIMEO, SNDTIMEO, DONTWAIT, and signals while waiting. */
#include "check.h"

static void at_once (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    int64_t start = now_ms ();
    for (int i = 0; i < 100; i++) {
        CHECK_ERRNO (zmq_recv (s, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        CHECK_ERRNO (zmq_send (s, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    }
    set_int (s, ZMQ_RCVTIMEO, 0);
    set_int (s, ZMQ_SNDTIMEO, 0);
    CHECK_ERRNO (zmq_recv (s, NULL, 0, 0), EAGAIN);
    CHECK_ERRNO (zmq_send (s, NULL, 0, 0), EAGAIN);
    CHECK (now_ms () - start < 5000);
    finish (ctx);
}

static void after_the_timeout (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    set_int (s, ZMQ_RCVTIMEO, 120);
    set_int (s, ZMQ_SNDTIMEO, 120);
    int64_t start = now_ms ();
    CHECK_ERRNO (zmq_recv (s, NULL, 0, 0), EAGAIN);
    int64_t once = now_ms ();
    CHECK (once - start >= 118);
    CHECK_ERRNO (zmq_send (s, NULL, 0, 0), EAGAIN);
    CHECK (now_ms () - once >= 118);
    CHECK (now_ms () - start < 5000);
    finish (ctx);
}

static void *send_later (void *s)
{
    pause_ms (100);
    SEND (s, "late");
    return NULL;
}

static void woken_within_the_timeout (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    pthread_t t;
    bind_on (a, on, ep);
    connect_to (b, ep);
    BOUNCE (a, b);
    set_int (a, ZMQ_RCVTIMEO, 20000);
    int64_t start = now_ms ();
    pthread_create (&t, NULL, send_later, b);
    RECV (a, "late");
    CHECK (now_ms () - start >= 95);
    CHECK (now_ms () - start < 15000);
    pthread_join (t, NULL);
    finish (ctx);
}

static void *receive_later (void *s)
{
    pause_ms (100);
    RECV (s, "0");
    RECV (s, "1");
    RECV (s, "2");
    return NULL;
}

static void blocked_send_continues (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    pthread_t t;
    set_int (push, ZMQ_SNDHWM, 1);
    set_int (pull, ZMQ_RCVHWM, 1);
    CHECK_INT (zmq_bind (pull, "inproc://b"), 0);
    CHECK_INT (zmq_connect (push, "inproc://b"), 0);
    SEND (push, "0");
    SEND (push, "1");
    int64_t start = now_ms ();
    pthread_create (&t, NULL, receive_later, pull);
    SEND (push, "2");
    CHECK (now_ms () - start >= 95);
    pthread_join (t, NULL);
    finish (ctx);
}

static void peer_arrives_within_the_timeout (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    bind_on (push, on, ep);
    connect_to (pull, ep);
    SEND (push, "waits for the connection");
    RECV (pull, "waits for the connection");
    finish (ctx);
}

/* ---- signals ---- */

static void on_signal (int number)
{
}

typedef struct {
    pthread_t whom;
    atomic_bool done;
} pester_t;

static void *pester (void *arg)
{
    pester_t *p = arg;
    while (!p->done) {
        pause_ms (30);
        pthread_kill (p->whom, SIGUSR1);
    }
    return NULL;
}

static void interrupted (const char *on)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction (SIGUSR1, &action, NULL);
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    pester_t p = {.whom = pthread_self ()};
    pthread_t t;
    pthread_create (&t, NULL, pester, &p);
    CHECK_ERRNO (zmq_recv (s, NULL, 0, 0), EINTR);
    CHECK_ERRNO (zmq_send (s, NULL, 0, 0), EINTR);
    zmq_pollitem_t item = {s, 0, ZMQ_POLLIN, 0};
    CHECK_ERRNO (zmq_poll (&item, 1, PATIENCE_MS), EINTR);
    set_int (s, ZMQ_RCVTIMEO, -1);
    CHECK_ERRNO (zmq_recv (s, NULL, 0, 0), EINTR);
    CHECK_ERRNO (zmq_poll (&item, 1, -1), EINTR);
    p.done = true;
    pthread_join (t, NULL);
    finish (ctx);
}

CHECK_MAIN (CASE (at_once), CASE (after_the_timeout), CASE_ON (woken_within_the_timeout, "tcp"),
            CASE_ON (woken_within_the_timeout, "ipc"), CASE_ON (woken_within_the_timeout, "inproc"),
            CASE (blocked_send_continues), CASE_ON (peer_arrives_within_the_timeout, "tcp"),
            CASE_ON (peer_arrives_within_the_timeout, "ipc"), CASE_ON (peer_arrives_within_the_timeout, "inproc"),
            CASE (interrupted))
