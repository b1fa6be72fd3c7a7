/* Many threads, random delays, real sockets, for a few seconds each: every message is counted and comes in order, and nobody
 * sleeps while there is something to do. */
#include "stream.h"

enum { SECONDS = 5, SIDES = 36, LONGEST = 100000 };

/* How a side waits for its socket. */
typedef enum { BLOCKING, POLLING, BY_FD, WAYS } way_t;

typedef struct side {
    void *socket;
    way_t way;
    uint64_t seed;
    int number, mark;
    /* Each so many messages the socket goes to another thread; 0: never. */
    int migrates;
    int64_t end;
    void (*step) (struct side *, uint64_t n);
    uint64_t done;
    bool over;
    pthread_t thread;
} side_t;

/* Mostly nothing, often some microseconds, now and then long enough for everybody to fall asleep. */
static void dawdle (uint64_t r)
{
    struct timespec t = {0, 0};
    if (r % 2048 == 0)
        t.tv_nsec = 20000000 + (long) (r >> 16) % 60000000;
    else if (r % 128 == 0)
        t.tv_nsec = (long) (r >> 16) % 2000000;
    else if (r % 16 == 0)
        t.tv_nsec = (long) (r >> 16) % 100000;
    else
        return;
    nanosleep (&t, NULL);
}

/* Says who is stuck, and how far the other side came. */
static void stuck (const side_t *side, const char *what, int events)
{
    check_report (__FILE__, __LINE__, "side %d of the pair with mark %d: %s for %d after message %llu of the other's %llu, now %d",
                  side->number % 2, side->mark, what, events, (unsigned long long) side->done,
                  (unsigned long long) (side->number % 2 ? side[-1].done : side[1].done), get_int (side->socket, ZMQ_EVENTS));
}

static bool has (void *s, int events)
{
    return (get_int (s, ZMQ_EVENTS) & events) != 0;
}

/* Waits until the socket is ready, the way this side does; returns the flag for the call that follows. */
static int await (side_t *side, short events)
{
    if (side->way == POLLING) {
        if (!wait_for (side->socket, events, PATIENCE_MS))
            stuck (side, "polled in vain", events);
        return ZMQ_DONTWAIT;
    }
    if (side->way == BY_FD) {
        int fd = get_int (side->socket, ZMQ_FD);
        int64_t limit = now_ms () + PATIENCE_MS;
        while (!has (side->socket, events)) {
            struct pollfd p = {fd, POLLIN, 0};
            if (poll (&p, 1, (int) (limit - now_ms ())) != 1 || now_ms () > limit)
                stuck (side, "ZMQ_FD said nothing", events);
        }
        return ZMQ_DONTWAIT;
    }
    return 0;
}

static void send_number (side_t *side, uint64_t n, size_t size)
{
    zmq_msg_t m;
    CHECK_INT (zmq_msg_init_size (&m, size), 0);
    fill (zmq_msg_data (&m), size, n);
    int flags = await (side, ZMQ_POLLOUT);
    if (zmq_msg_send (&m, side->socket, flags) != (int) size)
        stuck (side, "send failed", ZMQ_POLLOUT);
}

/* Receives message n; false when it is the last one, which is empty. */
static bool receive_number (side_t *side, uint64_t n)
{
    int flags = await (side, ZMQ_POLLIN);
    zmq_msg_t m;
    zmq_msg_init (&m);
    if (zmq_msg_recv (&m, side->socket, flags) == -1)
        stuck (side, "recv failed", ZMQ_POLLIN);
    size_t size = zmq_msg_size (&m);
    if (size && !same (zmq_msg_data (&m), size, n))
        check_report (__FILE__, __LINE__, "message %llu is not what comes", (unsigned long long) n);
    zmq_msg_close (&m);
    return size > 0;
}

static size_t size_at (const side_t *side, uint64_t n)
{
    uint64_t r = mix (side->seed ^ n);
    return (size_t) (8 + (r >> 8) % (r % 64 == 0 ? LONGEST : r % 8 == 0 ? 3000 : 120));
}

static void push_step (side_t *side, uint64_t n)
{
    side->over = now_ms () > side->end;
    send_number (side, n, side->over ? 0 : size_at (side, n));
}

static void pull_step (side_t *side, uint64_t n)
{
    side->over = !receive_number (side, n);
}

static void ask_step (side_t *side, uint64_t n)
{
    push_step (side, n);
    CHECK (receive_number (side, n) == !side->over);
}

static void answer_step (side_t *side, uint64_t n)
{
    pull_step (side, n);
    send_number (side, n, side->over ? 0 : size_at (side, n));
}

static void *segment (void *arg)
{
    side_t *side = arg;
    for (int i = 0; !side->over && (side->migrates == 0 || i < side->migrates); i++) {
        dawdle (mix (side->seed + side->done * 5));
        side->step (side, side->done);
        side->done += !side->over;
    }
    return NULL;
}

/* Creating and joining a thread are full fences, as libzmq asks for between two users of a socket. */
static void *run (void *arg)
{
    side_t *side = arg;
    while (!side->over) {
        pthread_t thread;
        if (side->migrates == 0)
            segment (side);
        else {
            CHECK_INT (pthread_create (&thread, NULL, segment, side), 0);
            CHECK_INT (pthread_join (thread, NULL), 0);
        }
    }
    return NULL;
}

static void everything_arrives_in_order (const char *on)
{
    static const int marks[] = {1, 2, 1000};
    static side_t sides[SIDES];
    void *ctx = ctx_new ();
    int count = 0;
    int64_t end = now_ms () + SECONDS * 1000;
    uint64_t seed = mix ((uint64_t) now_ms ());
    printf ("# seed %llu\n", (unsigned long long) seed);
    for (size_t mark = 0; mark < COUNT (marks); mark++)
        for (int pair = 0; pair < 6; pair++) {
            bool asks = pair >= 4;
            side_t *one = &sides[count], *other = &sides[count + 1];
            one->number = count++;
            other->number = count++;
            one->mark = other->mark = marks[mark];
            char endpoint[ENDPOINT_MAX];
            one->socket = sock (ctx, asks ? ZMQ_DEALER : ZMQ_PUSH);
            other->socket = sock (ctx, asks ? ZMQ_DEALER : ZMQ_PULL);
            one->step = asks ? ask_step : push_step;
            other->step = asks ? answer_step : pull_step;
            one->way = (way_t) (mix (seed + (uint64_t) count) % WAYS);
            other->way = (way_t) ((size_t) pair + mark) % WAYS;
            one->migrates = pair % 2 ? 100 : 0;
            other->migrates = pair % 3 == 1 ? 70 : 0;
            one->seed = seed + (uint64_t) count;
            other->seed = ~one->seed;
            for (int i = 0; i < 2; i++) {
                void *s = i ? one->socket : other->socket;
                set_int (s, ZMQ_SNDHWM, marks[mark]);
                set_int (s, ZMQ_RCVHWM, marks[mark]);
                set_int (s, ZMQ_LINGER, -1);
            }
            one->end = end;
            bind_on (other->socket, on, endpoint);
            connect_to (one->socket, endpoint);
        }
    for (int i = 0; i < count; i++)
        CHECK_INT (pthread_create (&sides[i].thread, NULL, run, &sides[i]), 0);
    for (int i = 0; i < count; i++)
        CHECK_INT (pthread_join (sides[i].thread, NULL), 0);
    uint64_t messages = 0;
    for (int i = 0; i < count; i += 2) {
        CHECK_INT (sides[i].done, sides[i + 1].done);
        CHECK (sides[i].done > 0);
        messages += sides[i].done;
        if (getenv ("STRESS_VERBOSE"))
            printf ("# pair %d, ways %d and %d: %llu\n", i / 2, sides[i].way, sides[i + 1].way,
                    (unsigned long long) sides[i].done);
    }
    printf ("# %llu messages\n", (unsigned long long) messages);
    finish (ctx);
}

/* ---- one publisher, many subscribers ---- */

enum { READERS = 16, SHORT = 12, PART = 3 };

typedef struct reader {
    void *socket;
    uint64_t seed, got;
    /* Subscribed to every message, or to those of one kind in PART. */
    int kind;
    pthread_t thread;
} reader_t;

/* A kind, then its number among those of its kind. Now and then it comes with a second frame. */
static void *read_all (void *arg)
{
    reader_t *reader = arg;
    uint64_t next[PART] = {0};
    for (;;) {
        unsigned char body[20000];
        int size = zmq_recv (reader->socket, body, sizeof body, 0);
        if (size == 1)
            continue;
        if (size < SHORT) {
            CHECK_INT (size, 2);
            return NULL;
        }
        uint64_t number;
        int kind = body[0] - 'a';
        memcpy (&number, body + 4, sizeof number);
        CHECK (kind >= 0 && kind < PART && (reader->kind < 0 || kind == reader->kind));
        CHECK_INT (number, next[kind]);
        next[kind]++;
        reader->got++;
        if (get_int (reader->socket, ZMQ_RCVMORE)) {
            CHECK_INT (zmq_recv (reader->socket, body, sizeof body, 0), 3);
            CHECK_INT (get_int (reader->socket, ZMQ_RCVMORE), 0);
        }
        dawdle (mix (reader->seed + reader->got));
    }
}

static void every_subscriber_gets_all_in_order (const char *on)
{
    static reader_t readers[READERS];
    static unsigned char body[20000];
    void *ctx = ctx_new ();
    uint64_t seed = mix ((uint64_t) now_ms ()), numbers[PART] = {0}, sent = 0;
    char endpoint[ENDPOINT_MAX];
    printf ("# seed %llu\n", (unsigned long long) seed);
    void *publisher = sock (ctx, ZMQ_XPUB);
    set_int (publisher, ZMQ_XPUB_NODROP, 1);
    set_int (publisher, ZMQ_XPUB_VERBOSE, 1);
    set_int (publisher, ZMQ_LINGER, -1);
    set_int (publisher, ZMQ_SNDTIMEO, PATIENCE_MS);
    bind_on (publisher, on, endpoint);
    for (int i = 0; i < READERS; i++) {
        reader_t *reader = &readers[i];
        *reader = (reader_t){.socket = sock (ctx, ZMQ_SUB), .seed = seed + (uint64_t) i, .kind = i % 4 == 3 ? i % PART : -1};
        set_int (reader->socket, ZMQ_RCVTIMEO, -1);
        char topic = (char) ('a' + reader->kind);
        CHECK_INT (zmq_setsockopt (reader->socket, ZMQ_SUBSCRIBE, &topic, reader->kind < 0 ? 0 : 1), 0);
        if (reader->kind >= 0)
            CHECK_INT (zmq_setsockopt (reader->socket, ZMQ_SUBSCRIBE, "z", 1), 0);
        connect_to (reader->socket, endpoint);
    }
    for (int i = 0; i < READERS + READERS / 4; i++)
        CHECK (zmq_recv (publisher, body, sizeof body, 0) >= 1);
    for (int i = 0; i < READERS; i++)
        CHECK_INT (pthread_create (&readers[i].thread, NULL, read_all, &readers[i]), 0);
    for (int64_t end = now_ms () + SECONDS * 1000; sent % 64 || now_ms () < end; sent++) {
        uint64_t r = mix (seed ^ sent);
        int kind = (int) ((r >> 20) % PART);
        size_t size = r % 512 == 0 ? sizeof body : SHORT + (r >> 24) % (r % 16 ? 60 : 3000);
        body[0] = (unsigned char) ('a' + kind);
        memcpy (body + 4, &numbers[kind], sizeof numbers[kind]);
        numbers[kind]++;
        bool two = (r >> 40) % 256 == 0;
        CHECK_INT (zmq_send (publisher, body, size, two ? ZMQ_SNDMORE : 0), size);
        if (two)
            CHECK_INT (zmq_send (publisher, "two", 3, 0), 3);
        /* Bursts, and pauses of all lengths between them. */
        if ((r >> 8) % 512 == 0)
            dawdle (r >> 30);
    }
    CHECK_INT (zmq_send (publisher, "zz", 2, 0), 2);
    for (int i = 0; i < READERS; i++) {
        CHECK_INT (pthread_join (readers[i].thread, NULL), 0);
        CHECK_INT (readers[i].got, readers[i].kind < 0 ? sent : numbers[readers[i].kind]);
    }
    printf ("# %llu messages\n", (unsigned long long) sent);
    finish (ctx);
}

CHECK_MAIN (CASE_ON (every_subscriber_gets_all_in_order, "tcp"), CASE_ON (every_subscriber_gets_all_in_order, "ipc"),
            CASE_ON (everything_arrives_in_order, "tcp"), CASE_ON (everything_arrives_in_order, "ipc"),
            CASE_ON (everything_arrives_in_order, "inproc"))
