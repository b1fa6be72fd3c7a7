/* A peer in a process of its own, so that this process holds nothing but what was received, and the messages it sends. */
#ifndef CAPI_TESTS_STREAM_H
#define CAPI_TESTS_STREAM_H

#include "check.h"
#include <sys/prctl.h>

static UNUSED uint64_t mix (uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* Message n of a stream: its first eight bytes are n, the rest follows from it. */
static UNUSED void fill (unsigned char *p, size_t size, uint64_t n)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = i == 0 ? n : mix (n + i);
        memcpy (p + i, &word, size - i < 8 ? size - i : 8);
    }
}

static UNUSED bool same (const unsigned char *p, size_t size, uint64_t n)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = i == 0 ? n : mix (n + i);
        if (memcmp (p + i, &word, size - i < 8 ? size - i : 8) != 0)
            return false;
    }
    return true;
}

typedef struct {
    pid_t pid;
    int tell;
} sender_t;

/* Starts a process that pushes to an endpoint it is told later. It pushes `count` messages of `size_of (n)` bytes, numbered
 * from 0, each time it is told to. To be called before this process has a context. */
static UNUSED sender_t sender_start (size_t (*size_of) (uint64_t n))
{
    int ends[2];
    CHECK_INT (pipe (ends), 0);
    sender_t sender = {fork (), ends[1]};
    CHECK (sender.pid >= 0);
    if (sender.pid > 0) {
        close (ends[0]);
        return sender;
    }
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    close (ends[1]);
    char endpoint[ENDPOINT_MAX];
    int count;
    CHECK_INT (read (ends[0], endpoint, sizeof endpoint), sizeof endpoint);
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
    set_int (push, ZMQ_LINGER, -1);
    connect_to (push, endpoint);
    while (read (ends[0], &count, sizeof count) == sizeof count)
        for (int n = 0; n < count; n++) {
            size_t size = size_of ((uint64_t) n);
            zmq_msg_t m;
            CHECK_INT (zmq_msg_init_size (&m, size), 0);
            fill (zmq_msg_data (&m), size, (uint64_t) n);
            CHECK_INT (zmq_msg_send (&m, push, 0), size);
        }
    finish (ctx);
    _exit (0);
}

static UNUSED void sender_connect (sender_t *sender, const char *endpoint)
{
    char text[ENDPOINT_MAX] = {0};
    snprintf (text, sizeof text, "%s", endpoint);
    CHECK_INT (write (sender->tell, text, sizeof text), sizeof text);
}

static UNUSED void sender_push (sender_t *sender, int count)
{
    CHECK_INT (write (sender->tell, &count, sizeof count), sizeof count);
}

static UNUSED void sender_end (sender_t *sender)
{
    int status;
    close (sender->tell);
    CHECK_INT (waitpid (sender->pid, &status, 0), sender->pid);
    CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 0);
}

#endif
