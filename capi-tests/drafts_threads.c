/* Several threads in one thread-safe socket at once: every message is counted, and nobody sleeps while there is something
 * for it to do. */
#define ZMQ_BUILD_DRAFT_API
#include "shared.h"

static void *receive_until_the_end (void *which)
{
    unsigned seed = (unsigned) (intptr_t) which + 100;
    for (;;) {
        int number;
        CHECK_INT (zmq_recv (server, &number, sizeof number, 0), sizeof number);
        if (number < 0)
            return NULL;
        count (number);
        dawdle (&seed);
    }
}

static void many_senders (const char *on)
{
    pthread_t threads[THREADS];
    void *ctx = setup (on, ZMQ_SERVER, ZMQ_CLIENT);
    int next[THREADS] = {0};
    start (threads, send_many);
    for (int n = 0; n < ALL; n++) {
        int number;
        CHECK_INT (zmq_recv (server, &number, sizeof number, 0), sizeof number);
        count (number);
        /* What one thread sends stays in order. */
        CHECK_INT (number % EACH, next[number / EACH]++);
    }
    join (threads);
    CHECK_ERRNO (zmq_recv (server, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    finish (ctx);
}

static void many_receivers (const char *on)
{
    pthread_t senders[THREADS], receivers[THREADS];
    void *ctx = setup (on, ZMQ_SERVER, ZMQ_CLIENT);
    start (receivers, receive_until_the_end);
    start (senders, send_many);
    join (senders);
    UNTIL (received == ALL);
    for (int i = 0, end = -1; i < THREADS; i++)
        SEND_BYTES (client, &end, sizeof end, 0);
    join (receivers);
    finish (ctx);
}

static void *scatter_pairwise (void *which)
{
    /* Few messages and long pauses: each finds everybody asleep. */
    for (int i = 0; i < 50; i++) {
        int number = (int) (intptr_t) which * EACH + i;
        CHECK_INT (zmq_send (client, &number, sizeof number, 0), sizeof number);
        pause_ms (1 + (int) (intptr_t) which);
    }
    return NULL;
}

static void sleeping_receivers (const char *on)
{
    pthread_t senders[THREADS], receivers[THREADS];
    void *ctx = setup (on, ZMQ_GATHER, ZMQ_SCATTER);
    start (receivers, receive_until_the_end);
    start (senders, scatter_pairwise);
    join (senders);
    UNTIL (received == THREADS * 50);
    for (int i = 0, end = -1; i < THREADS; i++)
        SEND_BYTES (client, &end, sizeof end, 0);
    join (receivers);
    finish (ctx);
}

static void *poll_and_receive (void *which)
{
    for (;;) {
        int number;
        zmq_pollitem_t item = {server, 0, ZMQ_POLLIN, 0};
        if (zmq_poll (&item, 1, -1) == -1) {
            CHECK_INT (zmq_errno (), ETERM);
            return NULL;
        }
        if (zmq_recv (server, &number, sizeof number, ZMQ_DONTWAIT) == sizeof number)
            count (number);
        else if (zmq_errno () == ETERM)
            return NULL;
        else
            CHECK_INT (zmq_errno (), EAGAIN);
    }
}

static void *wait_on_a_descriptor (void *which)
{
    void *poller = zmq_poller_new ();
    zmq_poller_event_t e;
    int fd;
    CHECK_INT (zmq_poller_add (poller, server, NULL, ZMQ_POLLIN), 0);
    CHECK_INT (zmq_poller_fd (poller, &fd), 0);
    for (;;) {
        int number;
        while (zmq_poller_wait (poller, &e, 0) == 0)
            if (zmq_recv (server, &number, sizeof number, ZMQ_DONTWAIT) == sizeof number)
                count (number);
        if (zmq_errno () != EAGAIN)
            break;
        struct pollfd p = {fd, POLLIN, 0};
        CHECK_INT (poll (&p, 1, PATIENCE_MS), 1);
    }
    CHECK_INT (zmq_errno (), ETERM);
    CHECK_INT (zmq_poller_destroy (&poller), 0);
    return NULL;
}

static void *all_ways (void *which)
{
    void *(*const ways[]) (void *) = {poll_and_receive, wait_on_a_descriptor, receive_until_term, receive_until_term};
    return ways[(intptr_t) which] (which);
}

static void wait_for_all (const char *on, void *(*how) (void *))
{
    pthread_t senders[THREADS], receivers[THREADS];
    void *ctx = setup (on, ZMQ_SERVER, ZMQ_CLIENT);
    set_int (server, ZMQ_RCVTIMEO, -1);
    start (receivers, how);
    start (senders, send_many);
    join (senders);
    UNTIL (received == ALL);
    for (int i = 0; i < ALL; i++)
        CHECK_INT (seen[i], 1);
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    join (receivers);
    finish (ctx);
}

static void many_polls (const char *on)
{
    wait_for_all (on, poll_and_receive);
}

static void many_descriptors (const char *on)
{
    wait_for_all (on, wait_on_a_descriptor);
}

static void all_ways_of_waiting (const char *on)
{
    wait_for_all (on, all_ways);
}

/* One message at a time, to threads that wait in different ways and are all asleep by then. Somebody takes it. */
static void one_message_to_many_ways (const char *on)
{
    pthread_t receivers[THREADS];
    void *ctx = setup (on, ZMQ_SERVER, ZMQ_CLIENT);
    set_int (server, ZMQ_RCVTIMEO, -1);
    start (receivers, all_ways);
    for (int n = 0; n < 300; n++) {
        SEND_BYTES (client, &n, sizeof n, 0);
        UNTIL (received == n + 1);
        if (n % 10 == 0)
            pause_ms (5);
    }
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    join (receivers);
    finish (ctx);
}

/* Senders that found nobody go on when another thread connects their socket. */
static void a_connect_releases_senders (const char *on)
{
    char ep[ENDPOINT_MAX];
    pthread_t senders[THREADS];
    void *ctx = ctx_new ();
    server = sock (ctx, ZMQ_SERVER), client = sock (ctx, ZMQ_CLIENT);
    bind_on (server, on, ep);
    start (senders, send_many);
    pause_ms (50);
    connect_to (client, ep);
    for (int n = 0; n < ALL; n++) {
        int number;
        CHECK_INT (zmq_recv (server, &number, sizeof number, 0), sizeof number);
        count (number);
    }
    join (senders);
    finish (ctx);
}

static void *expect_term (void *which)
{
    if ((intptr_t) which % 2)
        CHECK_ERRNO (zmq_recv (client, NULL, 0, 0), ETERM);
    else
        CHECK_ERRNO (zmq_send (client, "x", 1, 0), ETERM);
    return NULL;
}

static void termination_wakes_everybody (const char *on)
{
    for (int round = 0; round < 20; round++) {
        pthread_t threads[THREADS];
        void *ctx = ctx_new ();
        client = sock (ctx, ZMQ_CLIENT);
        set_int (client, ZMQ_RCVTIMEO, -1);
        set_int (client, ZMQ_SNDTIMEO, -1);
        start (threads, expect_term);
        pause_ms (round % 4);
        CHECK_INT (zmq_ctx_shutdown (ctx), 0);
        join (threads);
        finish (ctx);
    }
}

static void *time_out (void *which)
{
    for (int i = 0; i < 20; i++)
        if ((intptr_t) which % 2)
            CHECK_ERRNO (zmq_recv (client, NULL, 0, 0), EAGAIN);
        else
            CHECK_ERRNO (zmq_send (client, "x", 1, 0), EAGAIN);
    return NULL;
}

static void everybody_times_out (const char *on)
{
    pthread_t threads[THREADS];
    void *ctx = ctx_new ();
    client = sock (ctx, ZMQ_CLIENT);
    set_int (client, ZMQ_RCVTIMEO, 7);
    set_int (client, ZMQ_SNDTIMEO, 5);
    int64_t begin = now_ms ();
    start (threads, time_out);
    join (threads);
    CHECK (now_ms () - begin >= 90);
    finish (ctx);
}

#define EVERYWHERE(fn) CASE_ON (fn, "tcp"), CASE_ON (fn, "ipc"), CASE_ON (fn, "inproc")

CHECK_MAIN (EVERYWHERE (many_senders), EVERYWHERE (many_receivers), EVERYWHERE (sleeping_receivers),
            CASE_ON (both_ways_at_once, "tcp"), CASE_ON (both_ways_at_once, "ipc"), EVERYWHERE (many_polls), EVERYWHERE (many_descriptors),
            EVERYWHERE (all_ways_of_waiting), EVERYWHERE (one_message_to_many_ways),
            EVERYWHERE (a_connect_releases_senders), CASE (termination_wakes_everybody), CASE (everybody_times_out),
            CASE_ON (groups_of_many_threads, "tcp"))
