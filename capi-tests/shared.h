/* Several threads in one socket: what the programs about that share. */
#ifndef CAPI_TESTS_SHARED_H
#define CAPI_TESTS_SHARED_H

#include "check.h"

enum { THREADS = 4, EACH = 5000, ALL = THREADS * EACH };

static UNUSED void *server, *client;
static UNUSED atomic_int seen[ALL], received;

/* Mostly nothing, now and then long enough for everybody to fall asleep. */
static UNUSED void dawdle (unsigned *seed)
{
    int r = rand_r (seed);
    struct timespec t = {0, 0};
    if (r % 1024 == 0)
        t.tv_nsec = 3000000;
    else if (r % 32 == 0)
        t.tv_nsec = r % 100000;
    else
        return;
    nanosleep (&t, NULL);
}

static UNUSED void *setup (const char *on, int binds, int connects)
{
    char ep[ENDPOINT_MAX];
    void *ctx = ctx_new ();
    server = sock (ctx, binds), client = sock (ctx, connects);
    bind_on (server, on, ep);
    connect_to (client, ep);
    return ctx;
}

static UNUSED void start (pthread_t *threads, void *(*body) (void *))
{
    for (int i = 0; i < THREADS; i++)
        CHECK_INT (pthread_create (&threads[i], NULL, body, (void *) (intptr_t) i), 0);
}

static UNUSED void join (pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
}

static UNUSED void count (int number)
{
    CHECK (number >= 0 && number < ALL);
    CHECK_INT (atomic_fetch_add (&seen[number], 1), 0);
    atomic_fetch_add (&received, 1);
}

static UNUSED void *send_many (void *which)
{
    unsigned seed = (unsigned) (intptr_t) which + 1;
    for (int i = 0; i < EACH; i++) {
        int number = (int) (intptr_t) which * EACH + i;
        CHECK_INT (zmq_send (client, &number, sizeof number, 0), sizeof number);
        dawdle (&seed);
    }
    return NULL;
}

static UNUSED void *echo (void *which)
{
    zmq_msg_t m;
    zmq_msg_init (&m);
    for (;;) {
        if (zmq_msg_recv (&m, server, 0) == -1 || zmq_msg_send (&m, server, 0) == -1) {
            CHECK_INT (zmq_errno (), ETERM);
            break;
        }
    }
    zmq_msg_close (&m);
    return NULL;
}

static UNUSED void *receive_replies (void *which)
{
    while (received < ALL) {
        int number;
        int rc = zmq_recv (client, &number, sizeof number, 0);
        if (rc == -1) {
            CHECK_INT (zmq_errno (), EAGAIN);
            continue;
        }
        count (number);
    }
    return NULL;
}

/* Threads that ask, threads that answer and threads that hear the answers, with little room between them. */
static UNUSED void both_ways_at_once (const char *on)
{
    char ep[ENDPOINT_MAX];
    pthread_t askers[THREADS], answerers[THREADS], hearers[THREADS];
    void *ctx = ctx_new ();
    server = sock (ctx, ZMQ_SERVER), client = sock (ctx, ZMQ_CLIENT);
    set_int (client, ZMQ_SNDHWM, 20);
    set_int (server, ZMQ_SNDHWM, 20);
    set_int (client, ZMQ_RCVHWM, 20);
    set_int (server, ZMQ_RCVHWM, 20);
    bind_on (server, on, ep);
    connect_to (client, ep);
    set_int (client, ZMQ_RCVTIMEO, 500);
    set_int (server, ZMQ_RCVTIMEO, -1);
    start (answerers, echo);
    start (hearers, receive_replies);
    start (askers, send_many);
    join (askers);
    join (hearers);
    CHECK_INT (received, ALL);
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    join (answerers);
    finish (ctx);
}

static UNUSED void *receive_until_term (void *which)
{
    int number;
    while (zmq_recv (server, &number, sizeof number, 0) == sizeof number)
        count (number);
    CHECK_INT (zmq_errno (), ETERM);
    return NULL;
}

/* Threads that share one RADIO, and one DISH that some use to join and leave while others receive. */
static UNUSED void *cast_many (void *which)
{
    unsigned seed = (unsigned) (intptr_t) which + 7;
    for (int i = 0; i < EACH; i++) {
        zmq_msg_t m;
        int number = (int) (intptr_t) which * EACH + i;
        CHECK_INT (zmq_msg_init_buffer (&m, &number, sizeof number), 0);
        CHECK_INT (zmq_msg_set_group (&m, (intptr_t) which % 2 ? "odd" : "even"), 0);
        CHECK_INT (zmq_msg_send (&m, client, 0), sizeof number);
        dawdle (&seed);
    }
    return NULL;
}

static UNUSED void *hear_or_rejoin (void *which)
{
    char group[8];
    unsigned seed = (unsigned) (intptr_t) which + 200;
    snprintf (group, sizeof group, "g%d", (int) (intptr_t) which);
    if ((intptr_t) which % 2)
        return receive_until_term (which);
    while (zmq_join (server, group) == 0 && zmq_leave (server, group) == 0 && received < ALL)
        dawdle (&seed);
    return NULL;
}

static UNUSED void groups_of_many_threads (const char *on)
{
    pthread_t casters[THREADS], hearers[THREADS];
    char ep[ENDPOINT_MAX];
    void *ctx = ctx_new ();
    server = sock (ctx, ZMQ_DISH), client = sock (ctx, ZMQ_RADIO);
    set_int (server, ZMQ_RCVTIMEO, -1);
    set_int (server, ZMQ_RCVHWM, 0);
    set_int (client, ZMQ_SNDHWM, 0);
    set_int (server, ZMQ_SNDHWM, 0);
    CHECK_INT (zmq_join (server, "odd"), 0);
    CHECK_INT (zmq_join (server, "even"), 0);
    bind_on (client, on, ep);
    connect_to (server, ep);
    /* A mark that is heard says that the radio knows. */
    zmq_msg_t m;
    do {
        CHECK_INT (zmq_msg_init_buffer (&m, "mark", 4), 0);
        CHECK_INT (zmq_msg_set_group (&m, "even"), 0);
        CHECK_INT (zmq_msg_send (&m, client, 0), 4);
    } while (!wait_for (server, ZMQ_POLLIN, 5));
    while (zmq_recv (server, NULL, 0, ZMQ_DONTWAIT) == 4 || wait_for (server, ZMQ_POLLIN, 50))
        ;
    start (hearers, hear_or_rejoin);
    start (casters, cast_many);
    join (casters);
    UNTIL (received == ALL);
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    join (hearers);
    finish (ctx);
}

#endif
