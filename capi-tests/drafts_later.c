/* difference: zmq_disconnect_peer came after 4.3.5; zmq_ppoll refuses thread-safe sockets there, and threads that share one over inproc may sleep for ever */
#define ZMQ_BUILD_DRAFT_API
#include "shared.h"

static int send_to (void *s, uint32_t id)
{
    zmq_msg_t m;
    CHECK_INT (zmq_msg_init_buffer (&m, "x", 1), 0);
    CHECK_INT (zmq_msg_set_routing_id (&m, id), 0);
    int rc = zmq_msg_send (&m, s, ZMQ_DONTWAIT);
    int error = zmq_errno ();
    zmq_msg_close (&m);
    errno = error;
    return rc;
}

static uint32_t recv_from (void *s)
{
    zmq_msg_t m;
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, s, 0), 1);
    uint32_t id = zmq_msg_routing_id (&m);
    zmq_msg_close (&m);
    return id;
}

static void a_client_is_shown_the_door (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_SERVER), *client[2];
    uint32_t id[2];
    char ep[ENDPOINT_MAX];
    bind_on (server, on, ep);
    for (int i = 0; i < 2; i++) {
        client[i] = sock (ctx, ZMQ_CLIENT);
        set_int (client[i], ZMQ_RECONNECT_IVL, -1);
        connect_to (client[i], ep);
        SEND (client[i], "x");
        id[i] = recv_from (server);
    }
    CHECK_INT (send_to (server, id[0]), 1);
    CHECK_INT (zmq_disconnect_peer (server, id[0]), 0);
    CHECK_ERRNO (send_to (server, id[0]), EHOSTUNREACH);
    CHECK_ERRNO (zmq_disconnect_peer (server, id[0]), EHOSTUNREACH);
    RECV (client[0], "x"); /* what was sent before still arrives */
    UNTIL (!(get_int (client[0], ZMQ_EVENTS) & ZMQ_POLLOUT));
    CHECK_INT (send_to (server, id[1]), 1);
    RECV (client[1], "x");
    finish (ctx);
}

static void a_peer_disconnects_what_it_connected (const char *on)
{
    void *ctx = ctx_new (), *one = sock (ctx, ZMQ_PEER), *two = sock (ctx, ZMQ_PEER);
    char ep[ENDPOINT_MAX];
    bind_on (two, on, ep);
    uint32_t there = zmq_connect_peer (one, ep);
    CHECK_INT (send_to (one, there), 1);
    uint32_t back = recv_from (two);
    CHECK_INT (zmq_disconnect_peer (one, there), 0);
    CHECK_ERRNO (send_to (one, there), EHOSTUNREACH);
    CHECK_ERRNO (zmq_disconnect (one, ep), ENOENT);
    UNTIL (send_to (two, back) == -1 && zmq_errno () == EHOSTUNREACH);
    CHECK (zmq_connect_peer (one, ep) != there);
    finish (ctx);
}

static void other_types (const char *on)
{
    static const int types[] = {ZMQ_PAIR, ZMQ_ROUTER, ZMQ_CLIENT, ZMQ_RADIO, ZMQ_DISH, ZMQ_CHANNEL};
    void *ctx = ctx_new ();
    for (size_t i = 0; i < COUNT (types); i++)
        CHECK_ERRNO (zmq_disconnect_peer (sock (ctx, types[i]), 1), ENOTSUP);
    CHECK_ERRNO (zmq_disconnect_peer (sock (ctx, ZMQ_SERVER), 1), EHOSTUNREACH);
    CHECK_ERRNO (zmq_disconnect_peer (sock (ctx, ZMQ_PEER), 0), EHOSTUNREACH);
    CHECK_ERRNO (zmq_disconnect_peer (NULL, 1), ENOTSOCK);
    finish (ctx);
}

static void ppoll_takes_thread_safe_sockets (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_SERVER), *client = sock (ctx, ZMQ_CLIENT);
    char ep[ENDPOINT_MAX];
    bind_on (server, on, ep);
    connect_to (client, ep);
    zmq_pollitem_t items[2] = {{server, 0, ZMQ_POLLIN, 0}, {client, 0, ZMQ_POLLIN, 0}};
    sigset_t none;
    sigemptyset (&none);
    CHECK_INT (zmq_ppoll (items, 2, 10, &none), 0);
    SEND (client, "x");
    CHECK_INT (zmq_ppoll (items, 2, PATIENCE_MS, &none), 1);
    CHECK (items[0].revents == ZMQ_POLLIN && items[1].revents == 0);
    finish (ctx);
}

/* A DGRAM without a peer has nowhere to send to. The reference ends the process. */
static void a_dgram_without_a_peer (const char *on)
{
    void *ctx = ctx_new (), *dgram = sock (ctx, ZMQ_DGRAM);
    CHECK_ERRNO (zmq_send (dgram, "127.0.0.1:5555", 14, ZMQ_SNDMORE | ZMQ_DONTWAIT), EAGAIN);
    finish (ctx);
}

/* A thread that waits for room learns at once that its peer left for good. */
static void *leave (void *client)
{
    pause_ms (50);
    sock_close (client);
    return NULL;
}

static void a_blocked_send_learns_that_its_peer_left (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_SERVER), *client = sock (ctx, ZMQ_CLIENT);
    char ep[ENDPOINT_MAX];
    zmq_msg_t m;
    pthread_t thread;
    set_int (server, ZMQ_SNDHWM, 1);
    set_int (client, ZMQ_RCVHWM, 1);
    bind_on (server, on, ep);
    connect_to (client, ep);
    SEND (client, "x");
    uint32_t id = recv_from (server);
    while (send_to (server, id) == 1)
        ;
    CHECK_INT (pthread_create (&thread, NULL, leave, client), 0);
    CHECK_INT (zmq_msg_init_size (&m, 1), 0);
    CHECK_INT (zmq_msg_set_routing_id (&m, id), 0);
    CHECK_ERRNO (zmq_msg_send (&m, server, 0), EHOSTUNREACH);
    zmq_msg_close (&m);
    pthread_join (thread, NULL);
    finish (ctx);
}

#define EVERYWHERE(fn) CASE_ON (fn, "tcp"), CASE_ON (fn, "ipc"), CASE_ON (fn, "inproc")

CHECK_MAIN (EVERYWHERE (a_client_is_shown_the_door), EVERYWHERE (a_peer_disconnects_what_it_connected),
            CASE (other_types), EVERYWHERE (ppoll_takes_thread_safe_sockets), CASE (a_dgram_without_a_peer),
            CASE_ON (a_blocked_send_learns_that_its_peer_left, "inproc"), CASE_ON (both_ways_at_once, "inproc"), CASE_ON (groups_of_many_threads, "inproc"))
