/* zmq_sendiov and zmq_recviov. */
#include "check.h"
#include <sys/uio.h>

static void arguments (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
    struct iovec iov[2] = {{"a", 1}, {"b", 1}};
    size_t count = 2;
    CHECK_ERRNO (zmq_sendiov (NULL, iov, 2, 0), ENOTSOCK);
    CHECK_ERRNO (zmq_recviov (NULL, iov, &count, 0), ENOTSOCK);
    CHECK_ERRNO (zmq_sendiov (s, NULL, 2, 0), EINVAL);
    CHECK_ERRNO (zmq_sendiov (s, iov, 0, 0), EINVAL);
    CHECK_ERRNO (zmq_recviov (s, iov, NULL, 0), EINVAL);
    CHECK_ERRNO (zmq_recviov (s, NULL, &count, 0), EINVAL);
    count = 0;
    CHECK_ERRNO (zmq_recviov (s, iov, &count, 0), EINVAL);
    finish (ctx);
}

static void one_message (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX], body[8][64];
    struct iovec out[8], in[8];
    bind_on (pull, on, ep);
    connect_to (push, ep);
    for (size_t i = 0; i < 8; i++) {
        out[i].iov_base = body[i];
        out[i].iov_len = 1 + i * 9;
        memset (body[i], 'A' + (int) i, sizeof body[i]);
    }
    CHECK_INT (zmq_sendiov (push, out, 8, ZMQ_SNDMORE), 64);
    size_t count = 8;
    CHECK_INT (zmq_recviov (pull, in, &count, 0), 8);
    CHECK_INT (count, 8);
    for (size_t i = 0; i < 8; i++) {
        CHECK_INT (in[i].iov_len, out[i].iov_len);
        CHECK (!memcmp (in[i].iov_base, out[i].iov_base, out[i].iov_len));
        free (in[i].iov_base);
    }
    CHECK_INT (get_int (pull, ZMQ_RCVMORE), 0);
    finish (ctx);
}

static void separate_messages_without_sndmore (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    struct iovec out[3] = {{"one", 3}, {"three", 5}, {"", 0}};
    bind_on (pull, on, ep);
    connect_to (push, ep);
    CHECK_INT (zmq_sendiov (push, out, 3, 0), 0);
    RECV (pull, "one");
    RECV (pull, "three");
    RECV (pull, "");
    finish (ctx);
}

static void room_for_fewer_frames (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    struct iovec out[4] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}}, in[8];
    bind_on (pull, on, ep);
    connect_to (push, ep);
    CHECK_INT (zmq_sendiov (push, out, 4, ZMQ_SNDMORE), 1);
    size_t count = 3;
    CHECK_INT (zmq_recviov (pull, in, &count, 0), 3);
    CHECK_INT (count, 3);
    for (size_t i = 0; i < 3; i++)
        free (in[i].iov_base);
    count = 8;
    CHECK_INT (zmq_recviov (pull, in, &count, 0), 1);
    CHECK_INT (count, 1);
    CHECK (!memcmp (in[0].iov_base, "d", 1));
    free (in[0].iov_base);
    finish (ctx);
}

static void nothing_there (const char *on)
{
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL), *push = sock (ctx, ZMQ_PUSH);
    struct iovec in[2], out[2] = {{"a", 1}, {"b", 1}};
    size_t count = 2;
    CHECK_ERRNO (zmq_recviov (pull, in, &count, ZMQ_DONTWAIT), EAGAIN);
    CHECK_ERRNO (zmq_sendiov (push, out, 2, ZMQ_DONTWAIT), EAGAIN);
    finish (ctx);
}

CHECK_MAIN (CASE (arguments), CASE_ON (one_message, "tcp"), CASE_ON (one_message, "ipc"),
            CASE_ON (one_message, "inproc"), CASE_ON (separate_messages_without_sndmore, "inproc"),
            CASE_ON (separate_messages_without_sndmore, "tcp"), CASE_ON (room_for_fewer_frames, "inproc"),
            CASE_ON (room_for_fewer_frames, "tcp"), CASE (nothing_there))
