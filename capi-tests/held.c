/* Messages that outlive everything else keep their content; what is large travels without being copied. */
#include "raw.h"
#include "stream.h"

enum { MANY = 3000 };

static size_t any_size (uint64_t n)
{
    uint64_t r = mix (n);
    return (size_t) (8 + (r >> 8) % (r % 8 == 0 ? 100000 : r % 4 == 1 ? 5000 : 300));
}

static void kept_messages_survive_their_socket (const char *on)
{
    static zmq_msg_t kept[MANY];
    sender_t sender = sender_start (any_size);
    char endpoint[ENDPOINT_MAX];
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL);
    bind_on (pull, on, endpoint);
    sender_connect (&sender, endpoint);
    sender_push (&sender, MANY);
    for (int n = 0; n < MANY; n++) {
        zmq_msg_t m;
        CHECK_INT (zmq_msg_init (&m), 0);
        CHECK_INT (zmq_msg_recv (&m, pull, 0), any_size ((uint64_t) n));
        CHECK_INT (zmq_msg_init (&kept[n]), 0);
        if (n % 5 == 0)
            CHECK_INT (zmq_msg_move (&kept[n], &m), 0);
        else if (n % 5 == 1)
            CHECK_INT (zmq_msg_copy (&kept[n], &m), 0);
        CHECK_INT (zmq_msg_close (&m), 0);
    }
    /* More of the same: what was let go of is written over. */
    sender_push (&sender, MANY);
    for (int n = 0; n < MANY; n++)
        CHECK_INT (zmq_recv (pull, NULL, 0, 0), any_size ((uint64_t) n));
    finish (ctx);
    sender_end (&sender);
    for (int n = 0; n < MANY; n++) {
        size_t size = n % 5 < 2 ? any_size ((uint64_t) n) : 0;
        CHECK_INT (zmq_msg_size (&kept[n]), size);
        CHECK (size == 0 || same (zmq_msg_data (&kept[n]), size, (uint64_t) n));
        CHECK_INT (zmq_msg_close (&kept[n]), 0);
    }
}

static size_t size_49 (uint64_t n)
{
    return 49;
}
static size_t size_100 (uint64_t n)
{
    return 100;
}
static size_t size_1000 (uint64_t n)
{
    return 1000;
}

/* Bodies too long to lie in the message itself stay where they were read to: each lies behind the one before and a header.
 * Where little is read at once (up to 1 KiB), bodies are copied: a whole block would be held for them. */
static void in_place (const char *on, size_t (*size_of) (uint64_t), ptrdiff_t header)
{
    enum { WINDOWS = 20, WINDOW = 120 };
    sender_t sender = sender_start (size_of);
    char endpoint[ENDPOINT_MAX];
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL);
    bind_on (pull, on, endpoint);
    sender_connect (&sender, endpoint);
    size_t size = size_of (0);
    int behind = 0, pairs = WINDOWS * (WINDOW - 1);
    for (int n = 0; n < WINDOWS * WINDOW; n += WINDOW) {
        zmq_msg_t kept[WINDOW];
        sender_push (&sender, WINDOW);
        for (int i = 0; i < WINDOW; i++) {
            CHECK_INT (zmq_msg_init (&kept[i]), 0);
            CHECK_INT (zmq_msg_recv (&kept[i], pull, 0), size);
            if (i > 0)
                behind += (char *) zmq_msg_data (&kept[i]) - (char *) zmq_msg_data (&kept[i - 1])
                          == header + (ptrdiff_t) size;
        }
        for (int i = 0; i < WINDOW; i++) {
            CHECK (same (zmq_msg_data (&kept[i]), size, (uint64_t) i));
            CHECK_INT (zmq_msg_close (&kept[i]), 0);
        }
    }
    /* What is read to comes to its end now and then. */
    if (behind < pairs - pairs * (int) size / 4096 - pairs / 10)
        check_report (__FILE__, __LINE__, "%d of %d messages of %zu bytes lie behind the one before", behind, pairs, size);
    finish (ctx);
    sender_end (&sender);
}

static void bodies_stay_where_they_were_read (const char *on)
{
    in_place (on, size_49, 2);
    in_place (on, size_100, 2);
    in_place (on, size_1000, 9);
}

static void copies_share (const char *on)
{
    sender_t sender = sender_start (size_1000);
    char endpoint[ENDPOINT_MAX];
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL);
    bind_on (pull, on, endpoint);
    sender_connect (&sender, endpoint);
    sender_push (&sender, 50);
    for (uint64_t n = 0; n < 50; n++) {
        zmq_msg_t m, copy, again;
        zmq_msg_init (&m);
        zmq_msg_init (&copy);
        zmq_msg_init (&again);
        CHECK_INT (zmq_msg_recv (&m, pull, 0), 1000);
        CHECK_INT (zmq_msg_copy (&copy, &m), 0);
        CHECK (zmq_msg_data (&copy) == zmq_msg_data (&m));
        CHECK_INT (zmq_msg_get (&copy, ZMQ_SHARED), 1);
        CHECK_INT (zmq_msg_close (&m), 0);
        CHECK_INT (zmq_msg_copy (&again, &copy), 0);
        CHECK (zmq_msg_data (&again) == zmq_msg_data (&copy));
        CHECK_INT (zmq_msg_close (&copy), 0);
        CHECK (same (zmq_msg_data (&again), 1000, n));
        CHECK_INT (zmq_msg_close (&again), 0);
    }
    finish (ctx);
    sender_end (&sender);
}

static void count_free (void *data, void *hint)
{
    atomic_fetch_add ((atomic_int *) hint, 1);
}

/* Of a process with both ends the receiver gets the very memory that was sent. */
static void inproc_hands_over_the_body (const char *on)
{
    static unsigned char body[100000];
    static atomic_int freed;
    char endpoint[ENDPOINT_MAX];
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    bind_on (pull, "inproc", endpoint);
    connect_to (push, endpoint);
    fill (body, sizeof body, 7);
    for (int i = 0; i < 20; i++) {
        zmq_msg_t m, got;
        CHECK_INT (zmq_msg_init_data (&m, body, sizeof body, count_free, &freed), 0);
        CHECK (zmq_msg_data (&m) == body);
        CHECK_INT (zmq_msg_send (&m, push, 0), sizeof body);
        CHECK_INT (zmq_msg_init (&got), 0);
        CHECK_INT (zmq_msg_recv (&got, pull, 0), sizeof body);
        CHECK (zmq_msg_data (&got) == body);
        CHECK_INT (atomic_load (&freed), i);
        CHECK_INT (zmq_msg_close (&got), 0);
        CHECK_INT (atomic_load (&freed), i + 1);
    }
    zmq_msg_t m, got;
    CHECK_INT (zmq_msg_init_size (&m, 1000), 0);
    void *before = zmq_msg_data (&m);
    CHECK_INT (zmq_msg_send (&m, push, 0), 1000);
    CHECK_INT (zmq_msg_init (&got), 0);
    CHECK_INT (zmq_msg_recv (&got, pull, 0), 1000);
    CHECK (zmq_msg_data (&got) == before);
    CHECK_INT (zmq_msg_close (&got), 0);
    finish (ctx);
}

/* A large body is written from where the application has it, and released when the last byte was written, not before. To see
 * that no copy was made this program does what no application may: it changes the body while it is on its way. */
static void a_large_body_is_written_from_where_it_is (const char *on)
{
    enum { SIZE = 64 << 20, STEP = 1 << 20 };
    static atomic_int freed;
    char endpoint[ENDPOINT_MAX];
    unsigned char head[9], *body = malloc (SIZE), *got = malloc (STEP);
    CHECK (body && got);
    memset (body, 'a', SIZE);
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
    bind_on (push, "tcp", endpoint);
    int peer = raw_connect (endpoint);
    handshake (peer, 0, "PULL", "PUSH", false);
    zmq_msg_t m;
    CHECK_INT (zmq_msg_init_data (&m, body, SIZE, count_free, &freed), 0);
    CHECK_INT (zmq_msg_send (&m, push, 0), SIZE);
    RAW_READ (peer, head, sizeof head);
    /* The kernel has all it takes, far less than the body. */
    pause_ms (QUIET_MS);
    CHECK_INT (atomic_load (&freed), 0);
    memset (body + SIZE / 2, 'b', SIZE / 2);
    for (int i = 0; i < SIZE / STEP; i++) {
        if (i < SIZE / STEP / 2)
            CHECK_INT (atomic_load (&freed), 0);
        RAW_READ (peer, got, STEP);
        if (i != SIZE / STEP / 2)
            CHECK (got[0] == (i < SIZE / STEP / 2 ? 'a' : 'b') && got[0] == got[STEP - 1]);
    }
    UNTIL (atomic_load (&freed) == 1);
    close (peer);
    free (body);
    free (got);
    finish (ctx);
    CHECK_INT (atomic_load (&freed), 1);
}

CHECK_MAIN (CASE_ON (kept_messages_survive_their_socket, "tcp"), CASE_ON (kept_messages_survive_their_socket, "ipc"),
            CASE_ON (bodies_stay_where_they_were_read, "tcp"),
            CASE_ON (bodies_stay_where_they_were_read, "ipc"), CASE_ON (copies_share, "tcp"),
            CASE_ON (copies_share, "ipc"), CASE (inproc_hands_over_the_body),
            CASE (a_large_body_is_written_from_where_it_is))
