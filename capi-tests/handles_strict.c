/* difference: handles and messages on which the reference aborts or reads freed memory give an error here */
#include "check.h"

/* A pointer to memory that is nothing of ours. */
static uint64_t stranger[512];

static void socket_closed_twice (const char *on)
{
    void *ctx = ctx_new ();
    for (int i = 0; i < 200; i++) {
        void *s = zmq_socket (ctx, ZMQ_PAIR);
        CHECK_INT (zmq_close (s), 0);
        CHECK_ERRNO (zmq_close (s), ENOTSOCK);
        CHECK_ERRNO (zmq_send (s, "x", 1, ZMQ_DONTWAIT), ENOTSOCK);
        CHECK_ERRNO (zmq_connect (s, "inproc://x"), ENOTSOCK);
        if (i % 3 == 0)
            pause_ms (1);
        CHECK_ERRNO (zmq_close (s), ENOTSOCK);
    }
    CHECK_INT (zmq_ctx_term (ctx), 0);
}

static void context_terminated_twice (const char *on)
{
    void *ctx = ctx_new ();
    CHECK_INT (zmq_ctx_term (ctx), 0);
    CHECK_ERRNO (zmq_ctx_term (ctx), EFAULT);
    CHECK_ERRNO (zmq_ctx_get (ctx, ZMQ_IO_THREADS), EFAULT);
    CHECK_NULL (zmq_socket (ctx, ZMQ_PAIR), EFAULT);
}

static void send_closed_message (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (a, on, ep);
    connect_to (b, ep);
    for (size_t size = 0; size < 3000; size += 999) {
        zmq_msg_t m;
        zmq_msg_init_size (&m, size);
        zmq_msg_close (&m);
        CHECK_ERRNO (zmq_msg_send (&m, b, 0), EFAULT);
        CHECK_ERRNO (zmq_sendmsg (b, &m, ZMQ_DONTWAIT), EFAULT);
    }
    BOUNCE (a, b);
    finish (ctx);
}

static void send_garbage_message (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (a, on, ep);
    connect_to (b, ep);
    zmq_msg_t m;
    static const int fill[] = {0x00, 0xFF, 0x7F, 0xDE};
    for (size_t i = 0; i < COUNT (fill); i++) {
        memset (&m, fill[i], sizeof m);
        CHECK_ERRNO (zmq_msg_send (&m, b, 0), EFAULT);
    }
    CHECK_ERRNO (zmq_msg_send (NULL, b, 0), EFAULT);
    BOUNCE (a, b);
    finish (ctx);
}

static void message_functions_on_garbage (const char *on)
{
    static const int fill[] = {0x00, 0xFF, 0x7F, 0xDE};
    zmq_msg_t m, good;
    zmq_msg_init_size (&good, 50);
    for (size_t i = 0; i < COUNT (fill); i++) {
        memset (&m, fill[i], sizeof m);
        CHECK_ERRNO (zmq_msg_close (&m), EFAULT);
        CHECK_ERRNO (zmq_msg_copy (&good, &m), EFAULT);
        CHECK_ERRNO (zmq_msg_move (&good, &m), EFAULT);
        CHECK (zmq_msg_data (&m) == NULL);
        CHECK_INT (zmq_msg_size (&m), 0);
        CHECK_INT (zmq_msg_more (&m), 0);
    }
    CHECK_INT (zmq_msg_size (&good), 50);
    zmq_msg_close (&good);
}

static void message_functions_on_closed (const char *on)
{
    zmq_msg_t m;
    zmq_msg_init_size (&m, 50);
    zmq_msg_close (&m);
    CHECK (zmq_msg_data (&m) == NULL);
    CHECK_INT (zmq_msg_size (&m), 0);
    CHECK_INT (zmq_msg_more (&m), 0);
}

static void message_functions_on_null (const char *on)
{
    zmq_msg_t good;
    zmq_msg_init_size (&good, 5);
    CHECK_ERRNO (zmq_msg_close (NULL), EFAULT);
    CHECK_ERRNO (zmq_msg_copy (NULL, &good), EFAULT);
    CHECK_ERRNO (zmq_msg_copy (&good, NULL), EFAULT);
    CHECK_ERRNO (zmq_msg_move (NULL, &good), EFAULT);
    CHECK_ERRNO (zmq_msg_move (&good, NULL), EFAULT);
    CHECK_ERRNO (zmq_msg_init (NULL), EFAULT);
    CHECK_ERRNO (zmq_msg_init_size (NULL, 5), EFAULT);
    CHECK (zmq_msg_data (NULL) == NULL);
    CHECK_INT (zmq_msg_size (NULL), 0);
    CHECK_INT (zmq_msg_more (NULL), 0);
    CHECK_INT (zmq_msg_size (&good), 5);
    zmq_msg_close (&good);
}

static void null_buffers (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    int value = 0;
    size_t size = sizeof value;
    bind_on (a, "inproc", ep);
    connect_to (b, ep);
    CHECK_ERRNO (zmq_send (b, NULL, 5, 0), EFAULT);
    CHECK_ERRNO (zmq_getsockopt (a, ZMQ_LINGER, NULL, &size), EINVAL);
    CHECK_ERRNO (zmq_getsockopt (a, ZMQ_LINGER, &value, NULL), EINVAL);
    CHECK_ERRNO (zmq_setsockopt (a, ZMQ_LINGER, NULL, sizeof value), EINVAL);
    CHECK_ERRNO (zmq_bind (a, NULL), EINVAL);
    CHECK_ERRNO (zmq_connect (a, NULL), EINVAL);
    CHECK_ERRNO (zmq_unbind (a, NULL), EINVAL);
    CHECK_ERRNO (zmq_disconnect (a, NULL), EINVAL);
    BOUNCE (a, b);
    finish (ctx);
}

static void ticks (int id, void *arg)
{
    ++*(int *) arg;
}

static void timer_interval_zero (const char *on)
{
    int n = 0;
    void *t = zmq_timers_new ();
    CHECK (zmq_timers_add (t, 0, ticks, &n) > 0);
    CHECK_INT (zmq_timers_execute (t), 0);
    CHECK_INT (n, 1);
    CHECK_INT (zmq_timers_execute (t), 0);
    CHECK_INT (n, 2);
    zmq_timers_destroy (&t);
}

static void *self_timers;

static void reset_itself (int id, void *arg)
{
    if (++*(int *) arg < 50)
        zmq_timers_set_interval (self_timers, id, 1);
}

static void timer_changes_itself (const char *on)
{
    int n = 0;
    self_timers = zmq_timers_new ();
    zmq_timers_add (self_timers, 1, reset_itself, &n);
    while (n < 10) {
        pause_ms (2);
        CHECK_INT (zmq_timers_execute (self_timers), 0);
    }
    zmq_timers_destroy (&self_timers);
}

static void timer_interval_beyond_the_clock (const char *on)
{
    int n = 0;
    void *t = zmq_timers_new ();
    CHECK (zmq_timers_add (t, SIZE_MAX, ticks, &n) > 0);
    CHECK_INT (zmq_timers_execute (t), 0);
    CHECK_INT (n, 0);
    CHECK (zmq_timers_timeout (t) > 0);
    zmq_timers_destroy (&t);
}

static void timer_cancelled_is_gone (const char *on)
{
    int n = 0;
    void *t = zmq_timers_new ();
    int id = zmq_timers_add (t, 10, ticks, &n);
    CHECK_INT (zmq_timers_cancel (t, id), 0);
    CHECK_ERRNO (zmq_timers_reset (t, id), EINVAL);
    CHECK_ERRNO (zmq_timers_set_interval (t, id, 10), EINVAL);
    CHECK_ERRNO (zmq_timers_destroy (NULL), EFAULT);
    zmq_timers_destroy (&t);
}

static void device_without_sockets (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
    CHECK_ERRNO (zmq_device (ZMQ_QUEUE, NULL, s), EFAULT);
    CHECK_ERRNO (zmq_device (ZMQ_QUEUE, s, NULL), EFAULT);
    CHECK_ERRNO (zmq_proxy (s, stranger, NULL), ENOTSOCK);
    CHECK_ERRNO (zmq_proxy (stranger, s, NULL), ENOTSOCK);
    CHECK_ERRNO (zmq_proxy (s, s, stranger), ENOTSOCK);
    CHECK_ERRNO (zmq_proxy_steerable (s, s, NULL, stranger), ENOTSOCK);
    finish (ctx);
}

static void success_leaves_errno (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_XPUB);
    int value;
    size_t size = sizeof value;
    errno = EXDEV;
    CHECK_INT (zmq_getsockopt (s, ZMQ_LINGER, &value, &size), 0);
    CHECK_INT (errno, EXDEV);
    CHECK_INT (zmq_getsockopt (s, ZMQ_TYPE, &value, &size), 0);
    CHECK_INT (errno, EXDEV);
    finish (ctx);
}

static void duplicate_connect_routing_id (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_ROUTER), *b = sock (ctx, ZMQ_DEALER), *c = sock (ctx, ZMQ_DEALER);
    char one[ENDPOINT_MAX], two[ENDPOINT_MAX];
    bind_on (b, on, one);
    bind_on (c, on, two);
    set_text (a, ZMQ_CONNECT_ROUTING_ID, "peer");
    connect_to (a, one);
    SEND_MORE (a, "peer");
    SEND (a, "hello");
    RECV (b, "hello");
    if (zmq_setsockopt (a, ZMQ_CONNECT_ROUTING_ID, "peer", 4) == 0)
        CHECK_ERRNO (zmq_connect (a, two), EINVAL);
    SEND_MORE (a, "peer");
    SEND (a, "still");
    RECV (b, "still");
    finish (ctx);
}

CHECK_MAIN (CASE (socket_closed_twice), CASE (context_terminated_twice), CASE_ON (send_closed_message, "inproc"),
            CASE_ON (send_closed_message, "tcp"), CASE_ON (send_garbage_message, "inproc"),
            CASE_ON (send_garbage_message, "tcp"), CASE (message_functions_on_garbage),
            CASE (message_functions_on_closed), CASE (message_functions_on_null), CASE (null_buffers),
            CASE_LONG (timer_interval_zero, NULL, 5), CASE (timer_changes_itself),
            CASE_LONG (timer_interval_beyond_the_clock, NULL, 5), CASE (timer_cancelled_is_gone),
            CASE_LONG (device_without_sockets, NULL, 5), CASE (success_leaves_errno),
            CASE_ON (duplicate_connect_routing_id, "tcp"), CASE_ON (duplicate_connect_routing_id, "inproc"))
