/* Every function with a NULL, foreign or stale handle: the documented errno, and nothing else happens. Cases in which the
 * reference crashes are in handles_strict.c. */
#include "check.h"

/* A pointer to memory that is nothing of ours. */
static uint64_t stranger[512];

/* Every call that takes a socket, with a handle that is none. */
static void not_a_socket (void *s)
{
    char buffer[64] = "";
    size_t size = sizeof buffer;
    int value = 1;
    zmq_msg_t m;
    zmq_msg_init_size (&m, 3);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_LINGER, &value, sizeof value), ENOTSOCK);
    CHECK_ERRNO (zmq_getsockopt (s, ZMQ_LINGER, buffer, &size), ENOTSOCK);
    CHECK_ERRNO (zmq_bind (s, "inproc://x"), ENOTSOCK);
    CHECK_ERRNO (zmq_connect (s, "inproc://x"), ENOTSOCK);
    CHECK_ERRNO (zmq_unbind (s, "inproc://x"), ENOTSOCK);
    CHECK_ERRNO (zmq_disconnect (s, "inproc://x"), ENOTSOCK);
    CHECK_ERRNO (zmq_bind (s, NULL), ENOTSOCK);
    CHECK_ERRNO (zmq_send (s, "x", 1, 0), ENOTSOCK);
    CHECK_ERRNO (zmq_send_const (s, "x", 1, 0), ENOTSOCK);
    CHECK_ERRNO (zmq_recv (s, buffer, size, 0), ENOTSOCK);
    CHECK_ERRNO (zmq_msg_send (&m, s, 0), ENOTSOCK);
    CHECK_ERRNO (zmq_msg_recv (&m, s, 0), ENOTSOCK);
    CHECK_ERRNO (zmq_sendmsg (s, &m, 0), ENOTSOCK);
    CHECK_ERRNO (zmq_recvmsg (s, &m, 0), ENOTSOCK);
    CHECK_ERRNO (zmq_socket_monitor (s, "inproc://m", ZMQ_EVENT_ALL), ENOTSOCK);
    CHECK_ERRNO (zmq_socket_monitor (s, NULL, 0), ENOTSOCK);
    CHECK_ERRNO (zmq_close (s), ENOTSOCK);
    CHECK_INT (zmq_msg_size (&m), 3);
    zmq_msg_close (&m);
}

static void socket_null (const char *on)
{
    not_a_socket (NULL);
}

static void socket_foreign (const char *on)
{
    not_a_socket (stranger);
    uint64_t local[512] = {0};
    not_a_socket (local);
}

static void socket_is_a_context (const char *on)
{
    void *ctx = ctx_new ();
    not_a_socket (ctx);
    finish (ctx);
}

static void socket_is_a_timer_set (const char *on)
{
    void *t = zmq_timers_new ();
    not_a_socket (t);
    zmq_timers_destroy (&t);
}

static void not_a_context (void *c)
{
    CHECK_ERRNO (zmq_ctx_set (c, ZMQ_IO_THREADS, 1), EFAULT);
    CHECK_ERRNO (zmq_ctx_get (c, ZMQ_IO_THREADS), EFAULT);
    CHECK_ERRNO (zmq_ctx_shutdown (c), EFAULT);
    CHECK_ERRNO (zmq_ctx_term (c), EFAULT);
    CHECK_ERRNO (zmq_ctx_destroy (c), EFAULT);
    CHECK_ERRNO (zmq_term (c), EFAULT);
    CHECK_NULL (zmq_socket (c, ZMQ_PAIR), EFAULT);
}

static void context_null (const char *on)
{
    not_a_context (NULL);
}

static void context_foreign (const char *on)
{
    not_a_context (stranger);
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
    not_a_context (s);
    finish (ctx);
    void *t = zmq_timers_new ();
    not_a_context (t);
    zmq_timers_destroy (&t);
}

static void timers_foreign (const char *on)
{
    void *t = stranger;
    CHECK_ERRNO (zmq_timers_destroy (&t), EFAULT);
    CHECK_ERRNO (zmq_timers_cancel (stranger, 1), EFAULT);
    CHECK_ERRNO (zmq_timers_execute (stranger), EFAULT);
    CHECK_ERRNO (zmq_timers_timeout (stranger), EFAULT);
    CHECK_ERRNO (zmq_timers_reset (stranger, 1), EFAULT);
    CHECK_ERRNO (zmq_timers_set_interval (stranger, 1, 1), EFAULT);
}

static void poll_arguments (const char *on)
{
    zmq_pollitem_t item = {stranger, 0, ZMQ_POLLIN, 0};
    CHECK_ERRNO (zmq_poll (&item, 1, 0), ENOTSOCK);
    zmq_pollitem_t descriptor = {NULL, 0, ZMQ_POLLIN, 0};
    if (!zmq_has ("draft")) { /* the reference's draft build looks at the items first */
        CHECK_ERRNO (zmq_poll (&descriptor, -1, 0), EINVAL);
        CHECK_ERRNO (zmq_poll (NULL, 1, 0), EFAULT);
    }
    CHECK_INT (zmq_poll (&item, 0, 0), 0);
    CHECK_INT (zmq_poll (NULL, 0, 0), 0);
    CHECK_INT (zmq_poll (NULL, 0, 5), 0);
}

static void proxy_arguments (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
    CHECK_ERRNO (zmq_proxy (NULL, s, NULL), EFAULT);
    CHECK_ERRNO (zmq_proxy (s, NULL, NULL), EFAULT);
    CHECK_ERRNO (zmq_proxy (NULL, NULL, NULL), EFAULT);
    CHECK_ERRNO (zmq_proxy_steerable (NULL, s, NULL, NULL), EFAULT);
    finish (ctx);
}

static void socket_types (const char *on)
{
    void *ctx = ctx_new ();
    CHECK_NULL (zmq_socket (ctx, -1), EINVAL);
    CHECK_NULL (zmq_socket (ctx, 21), EINVAL);
    CHECK_NULL (zmq_socket (ctx, 1 << 20), EINVAL);
    for (int type = ZMQ_PAIR; type <= ZMQ_STREAM; type++)
        CHECK_INT (get_int (sock (ctx, type), ZMQ_TYPE), type);
    finish (ctx);
}

static void init_arguments (const char *on)
{
    CHECK_NULL (zmq_init (-1), EINVAL);
    void *ctx = zmq_init (2);
    CHECK (ctx != NULL);
    CHECK_INT (zmq_ctx_get (ctx, ZMQ_IO_THREADS), 2);
    CHECK_INT (zmq_term (ctx), 0);
    ctx = zmq_init (0);
    CHECK (ctx != NULL);
    CHECK_INT (zmq_ctx_get (ctx, ZMQ_IO_THREADS), 0);
    CHECK_INT (zmq_ctx_destroy (ctx), 0);
}

/* What each type may not do. */
static void wrong_direction (const char *on)
{
    void *ctx = ctx_new ();
    static const int cannot_recv[] = {ZMQ_PUB, ZMQ_PUSH}, cannot_send[] = {ZMQ_SUB, ZMQ_PULL};
    for (size_t i = 0; i < 2; i++) {
        void *r = sock (ctx, cannot_recv[i]), *s = sock (ctx, cannot_send[i]);
        CHECK_ERRNO (zmq_recv (r, NULL, 0, ZMQ_DONTWAIT), ENOTSUP);
        CHECK_ERRNO (zmq_recv (r, NULL, 0, 0), ENOTSUP);
        CHECK_ERRNO (zmq_send (s, "x", 1, ZMQ_DONTWAIT), ENOTSUP);
        CHECK_ERRNO (zmq_send (s, "x", 1, 0), ENOTSUP);
    }
    finish (ctx);
}

/* What a socket without any peer answers. */
static void lonely_sockets (const char *on)
{
    static const struct {
        int type, recv_errno, send_errno, events;
    } table[] = {
      {ZMQ_PAIR, EAGAIN, EAGAIN, 0},         {ZMQ_PUB, ENOTSUP, 0, ZMQ_POLLOUT},  {ZMQ_SUB, EAGAIN, ENOTSUP, 0},
      {ZMQ_REQ, EFSM, EAGAIN, 0},            {ZMQ_REP, EAGAIN, EFSM, 0},          {ZMQ_DEALER, EAGAIN, EAGAIN, 0},
      {ZMQ_ROUTER, EAGAIN, 0, ZMQ_POLLOUT},  {ZMQ_PULL, EAGAIN, ENOTSUP, 0},      {ZMQ_PUSH, ENOTSUP, EAGAIN, 0},
      {ZMQ_XPUB, EAGAIN, 0, ZMQ_POLLOUT},    {ZMQ_XSUB, EAGAIN, 0, ZMQ_POLLOUT},  {ZMQ_STREAM, EAGAIN, 0, ZMQ_POLLOUT},
    };
    void *ctx = ctx_new ();
    for (size_t i = 0; i < COUNT (table); i++) {
        void *s = sock (ctx, table[i].type);
        CHECK_INT (get_int (s, ZMQ_EVENTS), table[i].events);
        CHECK_ERRNO (zmq_recv (s, NULL, 0, ZMQ_DONTWAIT), table[i].recv_errno);
        if (table[i].send_errno)
            CHECK_ERRNO (zmq_send (s, "x", 1, ZMQ_DONTWAIT), table[i].send_errno);
        else
            CHECK_INT (zmq_send (s, "x", 1, ZMQ_DONTWAIT), 1);
        zmq_pollitem_t item = {s, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0};
        CHECK_INT (zmq_poll (&item, 1, 0), table[i].events ? 1 : 0);
        CHECK_INT (item.revents, table[i].events);
    }
    finish (ctx);
}

static void after_termination (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    int value = 0;
    size_t size = sizeof value;
    char byte;
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    CHECK_NULL (zmq_socket (ctx, ZMQ_PAIR), ETERM);
    CHECK_ERRNO (zmq_send (s, "x", 1, 0), ETERM);
    CHECK_ERRNO (zmq_recv (s, &byte, 1, 0), ETERM);
    CHECK_ERRNO (zmq_bind (s, "inproc://a"), ETERM);
    CHECK_ERRNO (zmq_connect (s, "inproc://a"), ETERM);
    CHECK_ERRNO (zmq_unbind (s, "inproc://a"), ETERM);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_LINGER, &value, sizeof value), ETERM);
    CHECK_ERRNO (zmq_getsockopt (s, ZMQ_LINGER, &value, &size), ETERM);
    CHECK_ERRNO (zmq_socket_monitor (s, "inproc://m", ZMQ_EVENT_ALL), ETERM);
    zmq_pollitem_t item = {s, 0, ZMQ_POLLIN, 0};
    CHECK_ERRNO (zmq_poll (&item, 1, -1), ETERM);
    finish (ctx);
}

static void unused_context_shut_down (const char *on)
{
    void *ctx = ctx_new ();
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    CHECK_NULL (zmq_socket (ctx, ZMQ_PAIR), ETERM);
    CHECK_INT (zmq_ctx_term (ctx), 0);
}

static void message_pointer_null (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (a, "inproc", ep);
    connect_to (b, ep);
    zmq_msg_t m;
    zmq_msg_init (&m);
    zmq_msg_close (&m);
    SEND (b, "kept");
    CHECK_ERRNO (zmq_msg_recv (&m, a, 0), EFAULT);
    RECV (a, "kept");
    finish (ctx);
}

CHECK_MAIN (CASE (socket_null), CASE (socket_foreign), CASE (socket_is_a_context), CASE (socket_is_a_timer_set),
            CASE (context_null), CASE (context_foreign), CASE (timers_foreign), CASE (poll_arguments),
            CASE (proxy_arguments), CASE (socket_types), CASE (init_arguments), CASE (wrong_direction),
            CASE (lonely_sockets), CASE (after_termination), CASE (unused_context_shut_down),
            CASE (message_pointer_null))
