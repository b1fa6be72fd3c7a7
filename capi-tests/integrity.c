/* Streams of messages of any size arrive whole, in order and unchanged, in both directions, whatever the limits. */
#include "check.h"

static uint64_t mix (uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* Sizes around every boundary that an implementation may have, and random ones up to 300 KB. */
static size_t size_of (uint64_t seed, int n, size_t limit)
{
    static const size_t edges[] = {0,    1,    7,    8,    28,   29,   30,    31,    32,    33,    34,    47,    48,   49,
                                   63,   64,   65,   126,  127,  128,  253,   254,   255,   256,   257,   511,   512,  1023,
                                   1024, 4095, 4096, 8173, 8181, 8190, 8191,  8192,  8193,  16383, 16384, 32768, 61440,
                                   65535, 65536, 65537, 131072, 262144};
    uint64_t r = mix (seed ^ (uint64_t) n);
    size_t size;
    switch (r % 8) {
        case 0: size = (r >> 8) % 300000; break;
        case 1:
        case 2: size = (r >> 8) % 10000; break;
        case 3:
        case 4: size = edges[(r >> 8) % COUNT (edges)]; break;
        default: size = (r >> 8) % 100;
    }
    return size < limit ? size : size % limit;
}

static void fill (unsigned char *p, size_t size, uint64_t key)
{
    uint64_t x = mix (key);
    for (size_t i = 0; i < size; i++) {
        if (i % 8 == 0)
            x = mix (x + i);
        p[i] = (unsigned char) (x >> (8 * (i % 8)));
    }
}

static bool same (const unsigned char *p, size_t size, uint64_t key)
{
    uint64_t x = mix (key);
    for (size_t i = 0; i < size; i++) {
        if (i % 8 == 0)
            x = mix (x + i);
        if (p[i] != (unsigned char) (x >> (8 * (i % 8))))
            return false;
    }
    return true;
}

/* Message n of a stream has `frames (n)` frames; each is filled from the stream's seed, n and its position. */
typedef struct {
    void *socket;
    uint64_t seed;
    int count;
    size_t limit;
    bool multipart, dawdle;
} stream_t;

static int frames (const stream_t *s, int n)
{
    return s->multipart ? 1 + (int) (mix (s->seed * 3 + (uint64_t) n) % 5) : 1;
}

static uint64_t key (const stream_t *s, int n, int part)
{
    return s->seed * 1000003 + (uint64_t) n * 17 + (uint64_t) part;
}

static bool send_one (const stream_t *s, int n, int flags)
{
    for (int part = 0, of = frames (s, n); part < of; part++) {
        zmq_msg_t m;
        size_t size = size_of (s->seed, n * 7 + part, s->limit);
        CHECK_INT (zmq_msg_init_size (&m, size), 0);
        fill (zmq_msg_data (&m), size, key (s, n, part));
        int more = part + 1 < of ? ZMQ_SNDMORE : 0;
        if (zmq_msg_send (&m, s->socket, flags | more) == -1) {
            if (part != 0 || zmq_errno () != EAGAIN)
                check_report (__FILE__, __LINE__, "send of message %d frame %d", n, part);
            zmq_msg_close (&m);
            return false;
        }
        flags = 0;
    }
    return true;
}

static void verify (const stream_t *s, int n, int part, zmq_msg_t *m)
{
    size_t size = size_of (s->seed, n * 7 + part, s->limit);
    if (zmq_msg_size (m) != size)
        check_report (__FILE__, __LINE__, "message %d frame %d has %zu bytes, not %zu", n, part, zmq_msg_size (m), size);
    if (!same (zmq_msg_data (m), size, key (s, n, part)))
        check_report (__FILE__, __LINE__, "message %d frame %d (%zu bytes) has other content", n, part, size);
    CHECK_INT (zmq_msg_more (m), part + 1 < frames (s, n));
}

static bool receive_one (const stream_t *s, int n, int flags)
{
    for (int part = 0, of = frames (s, n); part < of; part++) {
        zmq_msg_t m;
        zmq_msg_init (&m);
        if (zmq_msg_recv (&m, s->socket, flags) == -1) {
            if (part != 0 || zmq_errno () != EAGAIN)
                check_report (__FILE__, __LINE__, "recv of message %d frame %d", n, part);
            return false;
        }
        flags = 0;
        verify (s, n, part, &m);
        zmq_msg_close (&m);
    }
    return true;
}

/* One thread that sends its stream while it receives the other's. */
typedef struct {
    stream_t out, in;
} duplex_t;

static void *run_duplex (void *arg)
{
    duplex_t *d = arg;
    int sent = 0, received = 0;
    while (sent < d->out.count || received < d->in.count) {
        zmq_pollitem_t item = {d->out.socket, 0, 0, 0};
        item.events = (short) ((sent < d->out.count ? ZMQ_POLLOUT : 0) | (received < d->in.count ? ZMQ_POLLIN : 0));
        if (zmq_poll (&item, 1, PATIENCE_MS) != 1)
            check_report (__FILE__, __LINE__, "stuck: sent %d, received %d", sent, received);
        for (int i = 0; i < 20 && received < d->in.count && receive_one (&d->in, received, ZMQ_DONTWAIT); i++) {
            received++;
            if (d->in.dawdle && received % 50 == 0)
                pause_ms (2);
        }
        for (int i = 0; i < 20 && sent < d->out.count && send_one (&d->out, sent, ZMQ_DONTWAIT); i++)
            sent++;
    }
    return NULL;
}

static void duplex (const char *on, int hwm, bool multipart, bool dawdle, bool own_context, int count)
{
    void *ctx = ctx_new (), *other = own_context ? ctx_new () : ctx;
    void *a = sock (ctx, ZMQ_DEALER), *b = sock (other, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    if (hwm >= 0)
        for (int i = 0; i < 2; i++) {
            set_int (i ? a : b, ZMQ_SNDHWM, hwm);
            set_int (i ? a : b, ZMQ_RCVHWM, hwm);
        }
    bind_on (a, on, ep);
    connect_to (b, ep);
    duplex_t x = {.out = {a, 11, count, 300000, multipart, false}, .in = {a, 22, count, 300000, multipart, dawdle}};
    duplex_t y = {.out = x.in, .in = x.out};
    y.out.socket = y.in.socket = b;
    pthread_t t;
    pthread_create (&t, NULL, run_duplex, &y);
    run_duplex (&x);
    pthread_join (t, NULL);
    finish (ctx);
    if (own_context)
        finish (other);
}

static void both_directions (const char *on)
{
    duplex (on, -1, false, false, false, 3000);
}

static void two_contexts (const char *on)
{
    duplex (on, -1, true, false, true, 1000);
}

static void multipart (const char *on)
{
    duplex (on, -1, true, false, false, 1000);
}

static void high_water_mark_one (const char *on)
{
    duplex (on, 1, true, false, false, 600);
}

static void slow_reader (const char *on)
{
    duplex (on, 10, false, true, false, 1500);
}

/* Received messages are kept, in random patterns, and looked at again much later. */
static void kept_messages (const char *on)
{
    enum { TOTAL = 6000, KEPT = 500 };
    static zmq_msg_t kept[KEPT];
    static int which[KEPT];
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    bind_on (pull, on, ep);
    connect_to (push, ep);
    stream_t out = {push, 33, TOTAL, 20000, false, false}, in = out;
    in.socket = pull;
    memset (which, -1, sizeof which);
    int sent = 0;
    for (int n = 0; n < TOTAL; n++) {
        while (sent < TOTAL && sent < n + 200) {
            send_one (&out, sent, 0);
            sent++;
        }
        size_t slot = mix ((uint64_t) n) % KEPT;
        if (which[slot] >= 0) {
            verify (&in, which[slot], 0, &kept[slot]);
            zmq_msg_close (&kept[slot]);
        }
        zmq_msg_init (&kept[slot]);
        CHECK (zmq_msg_recv (&kept[slot], pull, 0) >= 0);
        verify (&in, n, 0, &kept[slot]);
        which[slot] = n;
        if (n % 3 == 0) { /* a shared copy, and the original closed */
            zmq_msg_t copy;
            zmq_msg_init (&copy);
            CHECK_INT (zmq_msg_copy (&copy, &kept[slot]), 0);
            zmq_msg_close (&kept[slot]);
            zmq_msg_init (&kept[slot]);
            CHECK_INT (zmq_msg_move (&kept[slot], &copy), 0);
            zmq_msg_close (&copy);
        }
    }
    finish (ctx); /* messages outlive their context */
    for (size_t slot = 0; slot < KEPT; slot++)
        if (which[slot] >= 0) {
            verify (&in, which[slot], 0, &kept[slot]);
            zmq_msg_close (&kept[slot]);
        }
}

/* A received message is sent on, also while a copy of it is kept and when it came as a slice of a larger read. */
static void forwarded (const char *on)
{
    enum { TOTAL = 3000 };
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *mid_in = sock (ctx, ZMQ_PULL), *mid_out = sock (ctx, ZMQ_PUSH),
         *pull = sock (ctx, ZMQ_PULL);
    char one[ENDPOINT_MAX], two[ENDPOINT_MAX];
    bind_on (mid_in, on, one);
    connect_to (push, one);
    bind_on (pull, on, two);
    connect_to (mid_out, two);
    stream_t out = {push, 44, TOTAL, 30000, false, false}, in = out;
    in.socket = pull;
    int sent = 0;
    for (int n = 0; n < TOTAL; n++) {
        while (sent < TOTAL && sent < n + 50) {
            send_one (&out, sent, 0);
            sent++;
        }
        zmq_msg_t m, copy;
        zmq_msg_init (&m);
        zmq_msg_init (&copy);
        CHECK (zmq_msg_recv (&m, mid_in, 0) >= 0);
        CHECK_INT (zmq_msg_copy (&copy, &m), 0);
        CHECK (zmq_msg_send (&m, mid_out, 0) >= 0);
        receive_one (&in, n, 0);
        verify (&in, n, 0, &copy);
        zmq_msg_close (&copy);
    }
    finish (ctx);
}

/* The application may change a received message in place without touching its neighbours. */
static void written_in_place (const char *on)
{
    enum { TOTAL = 2000 };
    static zmq_msg_t all[TOTAL];
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    set_int (push, ZMQ_SNDHWM, 0);
    set_int (pull, ZMQ_RCVHWM, 0);
    bind_on (pull, on, ep);
    connect_to (push, ep);
    stream_t out = {push, 55, TOTAL, 2000, false, false}, in = out;
    in.socket = pull;
    for (int n = 0; n < TOTAL; n++)
        send_one (&out, n, 0);
    for (int n = 0; n < TOTAL; n++) {
        zmq_msg_init (&all[n]);
        CHECK (zmq_msg_recv (&all[n], pull, 0) >= 0);
    }
    for (int n = 0; n < TOTAL; n += 2)
        memset (zmq_msg_data (&all[n]), 0xAA, zmq_msg_size (&all[n]));
    for (int n = 1; n < TOTAL; n += 2)
        verify (&in, n, 0, &all[n]);
    for (int n = 0; n < TOTAL; n++) {
        if (n % 2 == 0)
            for (size_t i = 0; i < zmq_msg_size (&all[n]); i++)
                CHECK (((unsigned char *) zmq_msg_data (&all[n]))[i] == 0xAA);
        zmq_msg_close (&all[n]);
    }
    finish (ctx);
}

/* Threads that share nothing but the context. */
static void *pair_of_its_own (void *ctx)
{
    void *a = sock (ctx, ZMQ_DEALER), *b = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    bind_on (a, "tcp", ep);
    connect_to (b, ep);
    stream_t out = {b, (uint64_t) (uintptr_t) a, 800, 20000, true, false}, in = out;
    in.socket = a;
    for (int n = 0; n < out.count; n++) {
        send_one (&out, n, 0);
        receive_one (&in, n, 0);
    }
    return NULL;
}

static void many_threads (const char *on)
{
    void *ctx = ctx_new ();
    pthread_t t[6];
    for (size_t i = 0; i < COUNT (t); i++)
        pthread_create (&t[i], NULL, pair_of_its_own, ctx);
    for (size_t i = 0; i < COUNT (t); i++)
        pthread_join (t[i], NULL);
    finish (ctx);
}

CHECK_MAIN (CASE_ON (both_directions, "tcp"), CASE_ON (both_directions, "ipc"), CASE_ON (both_directions, "inproc"),
            CASE_ON (two_contexts, "tcp"), CASE_ON (two_contexts, "ipc"), CASE_ON (multipart, "tcp"),
            CASE_ON (multipart, "ipc"), CASE_ON (multipart, "inproc"), CASE_ON (high_water_mark_one, "tcp"),
            CASE_ON (high_water_mark_one, "ipc"), CASE_ON (high_water_mark_one, "inproc"),
            CASE_ON (slow_reader, "tcp"), CASE_ON (slow_reader, "ipc"), CASE_ON (slow_reader, "inproc"),
            CASE_ON (kept_messages, "tcp"), CASE_ON (kept_messages, "ipc"), CASE_ON (kept_messages, "inproc"),
            CASE_ON (forwarded, "tcp"), CASE_ON (forwarded, "ipc"), CASE_ON (forwarded, "inproc"),
            CASE_ON (written_in_place, "tcp"), CASE_ON (written_in_place, "ipc"),
            CASE_ON (written_in_place, "inproc"), CASE (many_threads))
