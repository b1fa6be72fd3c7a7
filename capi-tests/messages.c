/* Messages: life cycle, content, sharing, the free function, properties. */
#include "check.h"

static void empty (const char *on)
{
    zmq_msg_t m;
    CHECK_INT (zmq_msg_init (&m), 0);
    CHECK_INT (zmq_msg_size (&m), 0);
    CHECK_INT (zmq_msg_more (&m), 0);
    CHECK_INT (zmq_msg_close (&m), 0);
    CHECK_INT (zmq_msg_init_size (&m, 0), 0);
    CHECK_INT (zmq_msg_size (&m), 0);
    CHECK_INT (zmq_msg_close (&m), 0);
}

static void sizes (const char *on)
{
    static const size_t list[] = {1, 2, 29, 30, 32, 33, 34, 47, 48, 49, 64, 255, 256, 4096, 8192, 65535, 65536, 1 << 20};
    for (size_t i = 0; i < COUNT (list); i++) {
        zmq_msg_t m;
        CHECK_INT (zmq_msg_init_size (&m, list[i]), 0);
        CHECK_INT (zmq_msg_size (&m), list[i]);
        unsigned char *p = zmq_msg_data (&m);
        CHECK (p != NULL);
        memset (p, (int) i + 1, list[i]);
        CHECK (zmq_msg_data (&m) == p);
        CHECK_INT (p[list[i] - 1], i + 1);
        CHECK_INT (zmq_msg_close (&m), 0);
    }
}

static void too_large (const char *on)
{
    zmq_msg_t m;
    CHECK_ERRNO (zmq_msg_init_size (&m, SIZE_MAX - 4096), ENOMEM);
    CHECK_ERRNO (zmq_msg_init_size (&m, (size_t) 1 << 62), ENOMEM);
}

static void layout (const char *on)
{
    CHECK_INT (sizeof (zmq_msg_t), 64);
    CHECK_INT (_Alignof (zmq_msg_t), _Alignof (void *));
    /* Applications move messages with memcpy. */
    for (int size = 8; size < 200; size += 96) {
        zmq_msg_t a, b;
        zmq_msg_init_size (&a, (size_t) size);
        memset (zmq_msg_data (&a), 'x', (size_t) size);
        memcpy (&b, &a, sizeof a);
        memset (&a, 0xEE, sizeof a);
        CHECK_INT (zmq_msg_size (&b), size);
        CHECK_INT (((char *) zmq_msg_data (&b))[size - 1], 'x');
        CHECK_INT (zmq_msg_close (&b), 0);
    }
}

/* ---- the free function ---- */

static atomic_int freed;
static void *freed_data, *freed_hint;

static void on_free (void *data, void *hint)
{
    freed_data = data;
    freed_hint = hint;
    atomic_fetch_add (&freed, 1);
}

static char block[255];

static void foreign (zmq_msg_t *m)
{
    memset (block, 0x5A, sizeof block);
    atomic_store (&freed, 0);
    CHECK_INT (zmq_msg_init_data (m, block, sizeof block, on_free, &freed), 0);
    CHECK (zmq_msg_data (m) == block);
    CHECK_INT (zmq_msg_size (m), sizeof block);
}

static void free_on_close (const char *on)
{
    zmq_msg_t m;
    foreign (&m);
    CHECK_INT (freed, 0);
    CHECK_INT (zmq_msg_close (&m), 0);
    CHECK_INT (freed, 1);
    CHECK (freed_data == block && freed_hint == &freed);
}

static void free_after_last_copy (const char *on)
{
    zmq_msg_t m, copy, third;
    foreign (&m);
    zmq_msg_init (&copy);
    zmq_msg_init (&third);
    CHECK_INT (zmq_msg_copy (&copy, &m), 0);
    CHECK_INT (zmq_msg_copy (&third, &copy), 0);
    CHECK (zmq_msg_data (&copy) == block && zmq_msg_data (&third) == block);
    CHECK_INT (zmq_msg_close (&m), 0);
    CHECK_INT (zmq_msg_close (&third), 0);
    CHECK_INT (freed, 0);
    CHECK_INT (zmq_msg_close (&copy), 0);
    CHECK_INT (freed, 1);
}

static void free_after_move (const char *on)
{
    zmq_msg_t m, to;
    foreign (&m);
    zmq_msg_init (&to);
    CHECK_INT (zmq_msg_move (&to, &m), 0);
    CHECK_INT (zmq_msg_size (&m), 0);
    CHECK_INT (zmq_msg_size (&to), sizeof block);
    CHECK_INT (zmq_msg_close (&m), 0);
    CHECK_INT (freed, 0);
    zmq_msg_t other;
    zmq_msg_init (&other);
    CHECK_INT (zmq_msg_move (&to, &other), 0);
    CHECK_INT (freed, 1);
    zmq_msg_close (&to);
    zmq_msg_close (&other);
    CHECK_INT (freed, 1);
}

static void free_after_copy_over (const char *on)
{
    zmq_msg_t m, other;
    foreign (&m);
    zmq_msg_init_size (&other, 3);
    CHECK_INT (zmq_msg_copy (&m, &other), 0);
    CHECK_INT (freed, 1);
    CHECK_INT (zmq_msg_size (&m), 3);
    zmq_msg_close (&m);
    zmq_msg_close (&other);
}

static void free_small_data (const char *on)
{
    /* Even one byte is not copied at once: the pointer is the caller's. */
    static char one[1] = {'q'};
    zmq_msg_t m;
    atomic_store (&freed, 0);
    CHECK_INT (zmq_msg_init_data (&m, one, 1, on_free, NULL), 0);
    CHECK (zmq_msg_data (&m) == one);
    zmq_msg_close (&m);
    CHECK_INT (freed, 1);
    CHECK (freed_hint == NULL);
}

static void free_empty_data (const char *on)
{
    static char nothing[1];
    zmq_msg_t m;
    atomic_store (&freed, 0);
    CHECK_INT (zmq_msg_init_data (&m, nothing, 0, on_free, NULL), 0);
    CHECK_INT (zmq_msg_size (&m), 0);
    zmq_msg_close (&m);
    CHECK_INT (freed, 1);
}

static void free_after_send (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX], body[300];
    bind_on (router, on, ep);
    connect_to (dealer, ep);
    for (int round = 0; round < 2; round++) {
        zmq_msg_t m, copy;
        foreign (&m);
        zmq_msg_init (&copy);
        if (round)
            zmq_msg_copy (&copy, &m);
        CHECK_INT (zmq_msg_send (&m, dealer, 0), sizeof block);
        CHECK_INT (zmq_msg_size (&m), 0);
        CHECK_INT (recv_any (router, body, sizeof body), 5);
        CHECK_INT (recv_any (router, body, sizeof body), sizeof block);
        CHECK (!memcmp (body, block, sizeof block));
        if (round) {
            CHECK_INT (freed, 0);
            CHECK_INT (zmq_msg_size (&copy), sizeof block);
            CHECK_INT (zmq_msg_close (&copy), 0);
        }
        UNTIL (freed == 1);
        CHECK_INT (zmq_msg_close (&m), 0);
        CHECK_INT (freed, 1);
    }
    finish (ctx);
    CHECK_INT (freed, 1);
}

static void free_when_never_sent (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
    CHECK_INT (zmq_connect (push, "inproc://nobody"), 0);
    zmq_msg_t m;
    foreign (&m);
    CHECK_INT (zmq_msg_send (&m, push, 0), sizeof block);
    CHECK_INT (freed, 0);
    finish (ctx);
    CHECK_INT (freed, 1);
}

static void failed_send_keeps_message (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
    zmq_msg_t m;
    foreign (&m);
    CHECK_ERRNO (zmq_msg_send (&m, push, ZMQ_DONTWAIT), EAGAIN);
    CHECK_INT (zmq_msg_size (&m), sizeof block);
    CHECK (zmq_msg_data (&m) == block);
    CHECK_INT (freed, 0);
    CHECK_INT (zmq_msg_close (&m), 0);
    CHECK_INT (freed, 1);
    finish (ctx);
}

static void constant_data (const char *on)
{
    static char text[] = "0123456789012345678901234567890123456789";
    zmq_msg_t m, copy;
    CHECK_INT (zmq_msg_init_data (&m, text, 40, NULL, NULL), 0);
    CHECK (zmq_msg_data (&m) == text);
    CHECK_INT (zmq_msg_get (&m, ZMQ_SHARED), 1);
    zmq_msg_init (&copy);
    CHECK_INT (zmq_msg_copy (&copy, &m), 0);
    CHECK (zmq_msg_data (&copy) == text);
    zmq_msg_close (&m);
    zmq_msg_close (&copy);
    CHECK_INT (text[39], '9');
}

/* ---- move, copy, close ---- */

static void copy_small_and_large (const char *on)
{
    for (size_t size = 1; size < 3000; size = size * 3 + 1) {
        zmq_msg_t a, b;
        zmq_msg_init_size (&a, size);
        memset (zmq_msg_data (&a), 'c', size);
        zmq_msg_init_size (&b, 77);
        CHECK_INT (zmq_msg_copy (&b, &a), 0);
        CHECK_INT (zmq_msg_size (&a), size);
        CHECK_INT (zmq_msg_size (&b), size);
        CHECK (!memcmp (zmq_msg_data (&a), zmq_msg_data (&b), size));
        zmq_msg_close (&a);
        CHECK_INT (((char *) zmq_msg_data (&b))[size - 1], 'c');
        zmq_msg_close (&b);
    }
}

static void shared_property (const char *on)
{
    zmq_msg_t a, b;
    zmq_msg_init_size (&a, 1024);
    CHECK_INT (zmq_msg_get (&a, ZMQ_SHARED), 0);
    zmq_msg_init (&b);
    zmq_msg_copy (&b, &a);
    CHECK_INT (zmq_msg_get (&b, ZMQ_SHARED), 1);
    zmq_msg_close (&a);
    zmq_msg_close (&b);
    zmq_msg_init_size (&a, 8);
    zmq_msg_init (&b);
    zmq_msg_copy (&b, &a);
    CHECK_INT (zmq_msg_get (&b, ZMQ_SHARED), 0);
    zmq_msg_close (&a);
    zmq_msg_close (&b);
}

static void move_closes_target (const char *on)
{
    zmq_msg_t a, b;
    zmq_msg_init_size (&a, 500);
    memset (zmq_msg_data (&a), 'a', 500);
    zmq_msg_init_size (&b, 9000);
    CHECK_INT (zmq_msg_move (&b, &a), 0);
    CHECK_INT (zmq_msg_size (&b), 500);
    CHECK_INT (((char *) zmq_msg_data (&b))[499], 'a');
    CHECK_INT (zmq_msg_size (&a), 0);
    CHECK_INT (zmq_msg_close (&a), 0);
    CHECK_INT (zmq_msg_close (&b), 0);
}

static void close_twice (const char *on)
{
    static const size_t list[] = {0, 5, 500};
    for (size_t i = 0; i < COUNT (list); i++) {
        zmq_msg_t m;
        zmq_msg_init_size (&m, list[i]);
        CHECK_INT (zmq_msg_close (&m), 0);
        CHECK_ERRNO (zmq_msg_close (&m), EFAULT);
        CHECK_ERRNO (zmq_msg_close (&m), EFAULT);
    }
}

static void closed_as_source (const char *on)
{
    zmq_msg_t m, to;
    zmq_msg_init_size (&m, 40);
    zmq_msg_close (&m);
    zmq_msg_init (&to);
    CHECK_ERRNO (zmq_msg_copy (&to, &m), EFAULT);
    CHECK_ERRNO (zmq_msg_move (&to, &m), EFAULT);
    CHECK_INT (zmq_msg_close (&to), 0);
}

static void reuse_after_close (const char *on)
{
    zmq_msg_t m;
    zmq_msg_init_size (&m, 40);
    zmq_msg_close (&m);
    CHECK_INT (zmq_msg_init (&m), 0);
    CHECK_INT (zmq_msg_close (&m), 0);
}

/* ---- properties ---- */

static void get_and_set (const char *on)
{
    zmq_msg_t m;
    zmq_msg_init_size (&m, 4);
    CHECK_INT (zmq_msg_get (&m, ZMQ_MORE), 0);
    CHECK_INT (zmq_msg_get (&m, ZMQ_SRCFD), -1);
    CHECK_ERRNO (zmq_msg_get (&m, 0), EINVAL);
    CHECK_ERRNO (zmq_msg_get (&m, 99), EINVAL);
    CHECK_ERRNO (zmq_msg_set (&m, ZMQ_MORE, 1), EINVAL);
    CHECK_ERRNO (zmq_msg_set (&m, 99, 1), EINVAL);
    CHECK_NULL (zmq_msg_gets (&m, "Socket-Type"), EINVAL);
    zmq_msg_close (&m);
}

static void metadata (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_text (dealer, ZMQ_ROUTING_ID, "me");
    bind_on (router, on, ep);
    connect_to (dealer, ep);
    SEND_MORE (dealer, "first");
    SEND (dealer, "second");
    for (int i = 0; i < 3; i++) {
        zmq_msg_t m;
        zmq_msg_init (&m);
        CHECK (zmq_msg_recv (&m, router, 0) > 0);
        CHECK_INT (zmq_msg_get (&m, ZMQ_MORE), i < 2);
        CHECK_INT (zmq_msg_more (&m), i < 2);
        const char *type = zmq_msg_gets (&m, "Socket-Type"), *id = zmq_msg_gets (&m, "Identity");
        if (!strcmp (on, "inproc")) {
            CHECK (type == NULL && id == NULL);
            CHECK_INT (zmq_msg_get (&m, ZMQ_SRCFD), -1);
        } else {
            CHECK (type && !strcmp (type, "DEALER"));
            CHECK (id && !strcmp (id, "me"));
            CHECK (zmq_msg_get (&m, ZMQ_SRCFD) >= 0);
            const char *peer = zmq_msg_gets (&m, "Peer-Address");
            CHECK (peer != NULL);
            if (!strcmp (on, "tcp"))
                CHECK (!strcmp (peer, "127.0.0.1"));
        }
        CHECK_NULL (zmq_msg_gets (&m, "socket-type"), EINVAL);
        CHECK_NULL (zmq_msg_gets (&m, "Nonsense"), EINVAL);
        zmq_msg_close (&m);
    }
    finish (ctx);
}

static void received_flags_are_the_senders_choice (const char *on)
{
    /* The MORE mark of a received message does not stick when it is sent on. */
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (a, on, ep);
    connect_to (b, ep);
    SEND_MORE (b, "one");
    SEND (b, "two");
    zmq_msg_t m;
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, a, 0), 3);
    CHECK_INT (zmq_msg_more (&m), 1);
    CHECK_INT (zmq_msg_send (&m, a, 0), 3);
    CHECK_INT (zmq_msg_recv (&m, a, 0), 3);
    CHECK_INT (zmq_msg_more (&m), 0);
    CHECK_INT (zmq_msg_send (&m, a, ZMQ_SNDMORE), 3);
    SEND (a, "end");
    RECV (b, "one");
    RECV_MORE (b, "two");
    RECV (b, "end");
    finish (ctx);
}

static void deprecated_names (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (a, on, ep);
    connect_to (b, ep);
    zmq_msg_t m;
    zmq_msg_init_size (&m, 3);
    memcpy (zmq_msg_data (&m), "old", 3);
    CHECK_INT (zmq_sendmsg (b, &m, 0), 3);
    CHECK_INT (zmq_recvmsg (a, &m, 0), 3);
    CHECK (!memcmp (zmq_msg_data (&m), "old", 3));
    zmq_msg_close (&m);
    finish (ctx);
}

static void truncated_receive (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX], few[5] = "....";
    bind_on (a, on, ep);
    connect_to (b, ep);
    SEND (b, "abcdefgh");
    CHECK_INT (zmq_recv (a, few, 3, 0), 8);
    CHECK (!memcmp (few, "abc.", 4));
    SEND (b, "abcdefgh");
    CHECK_INT (zmq_recv (a, NULL, 0, 0), 8);
    SEND_BYTES (b, NULL, 0, 0);
    CHECK_INT (zmq_recv (a, few, 3, 0), 0);
    CHECK_INT (zmq_send_const (b, "constant", 8, 0), 8);
    CHECK_INT (zmq_send_const (b, "con", 3, 0), 3);
    RECV (a, "constant");
    RECV (a, "con");
    finish (ctx);
}

static void receive_replaces_content (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (a, on, ep);
    connect_to (b, ep);
    zmq_msg_t m;
    foreign (&m);
    SEND (b, "new");
    CHECK_INT (zmq_msg_recv (&m, a, 0), 3);
    CHECK_INT (freed, 1);
    CHECK (!memcmp (zmq_msg_data (&m), "new", 3));
    zmq_msg_close (&m);
    finish (ctx);
}

CHECK_MAIN (CASE (empty), CASE (sizes), CASE (too_large), CASE (layout), CASE (free_on_close),
            CASE (free_after_last_copy), CASE (free_after_move), CASE (free_after_copy_over), CASE (free_small_data),
            CASE (free_empty_data), CASE_ON (free_after_send, "tcp"), CASE_ON (free_after_send, "ipc"),
            CASE_ON (free_after_send, "inproc"), CASE (free_when_never_sent), CASE (failed_send_keeps_message),
            CASE (constant_data), CASE (copy_small_and_large), CASE (shared_property), CASE (move_closes_target),
            CASE (close_twice), CASE (closed_as_source), CASE (reuse_after_close), CASE (get_and_set),
            CASE_ON (metadata, "tcp"), CASE_ON (metadata, "ipc"), CASE_ON (metadata, "inproc"),
            CASE_ON (received_flags_are_the_senders_choice, "tcp"),
            CASE_ON (received_flags_are_the_senders_choice, "inproc"), CASE_ON (deprecated_names, "inproc"),
            CASE_ON (truncated_receive, "tcp"), CASE_ON (truncated_receive, "inproc"),
            CASE_ON (receive_replaces_content, "inproc"), CASE_ON (receive_replaces_content, "tcp"))
