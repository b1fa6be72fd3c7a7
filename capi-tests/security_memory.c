/* Flaws of memory that peers could reach, each named after its CVE: nothing overflows, nothing is kept. Those about lengths
 * that wrap (CVE-2019-6250 and issue 1488) are in badwire.c: huge_frames. */
#include "raw.h"

static size_t resident (void)
{
    unsigned long size = 0, pages = 0;
    FILE *f = fopen ("/proc/self/statm", "r");
    CHECK (f != NULL);
    CHECK_INT (fscanf (f, "%lu %lu", &size, &pages), 2);
    fclose (f);
    return (size_t) pages * (size_t) sysconf (_SC_PAGESIZE);
}

static void check_growth (size_t before, size_t most)
{
    size_t after = resident ();
    if (after > before + most)
        check_report (__FILE__, __LINE__, "%zu bytes more", after - before);
}

/* A server that begins a message and leaves, over and over: the client keeps nothing of it. */
static void cve_2021_20234_unfinished_messages (const char *on)
{
    enum { ROUNDS = 300, PART = 100000 };
    static unsigned char part[9 + PART] = {3, 0, 0, 0, 0, 0, (PART >> 16) & 255, (PART >> 8) & 255, PART & 255};
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    int listener = raw_listen (ep);
    size_t before = 0;
    set_int (pull, ZMQ_RECONNECT_IVL, 1);
    connect_to (pull, ep);
    for (int i = 0; i < ROUNDS; i++) {
        /* The first ones fill what is kept for good reason. */
        if (i == 20)
            before = resident ();
        snprintf (check_name, sizeof check_name, "cve_2021_20234_unfinished_messages (%d)", i);
        int fd = raw_accept (listener);
        handshake (fd, 1, "PUSH", "PULL", false);
        raw_write (fd, part, sizeof part);
        /* One that is whole shows that the beginning arrived: it belongs to it. */
        if (i % 2) {
            RAW_SEND (fd, "\0\3end");
            CHECK_INT (zmq_recv (pull, NULL, 0, 0), PART);
            RECV (pull, "end");
            raw_write (fd, part, sizeof part);
        }
        close (fd);
    }
    snprintf (check_name, sizeof check_name, "cve_2021_20234_unfinished_messages");
    CHECK_ERRNO (zmq_recv (pull, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    check_growth (before, ROUNDS / 10 * PART);
    finish (ctx);
}

/* Large frames of ZMTP 1.0, and small ones behind them, in pieces of all sizes. */
static void cve_2021_20235_large_frames_of_version_1 (const char *on)
{
    enum { LARGEST = 70000 };
    static const size_t sizes[] = {8000, 8191, 8192, 8193, 9000, 16384, 20000, 65536, LARGEST, 10, 300, 8192, 1};
    static unsigned char body[LARGEST];
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    bind_on (pull, "tcp", ep);
    for (size_t piece = 1; piece <= LARGEST; piece = piece * 37 + 1) {
        int fd = raw_connect (ep);
        RAW_SEND (fd, "\1\0");
        for (size_t i = 0; i < COUNT (sizes); i++) {
            size_t length = sizes[i] + 1;
            unsigned char head[10] = {0xFF};
            for (int b = 0; b < 8; b++)
                head[1 + b] = (unsigned char) ((uint64_t) length >> (8 * (7 - b)));
            memset (body, 'a' + (int) i, sizes[i]);
            raw_write (fd, head, sizeof head);
            /* Small pieces of large frames would take for ever. */
            size_t step = piece < 10 && sizes[i] > 1000 ? 1000 : piece;
            for (size_t n = 0; n < sizes[i]; n += step)
                raw_write (fd, body + n, sizes[i] - n < step ? sizes[i] - n : step);
        }
        for (size_t i = 0; i < COUNT (sizes); i++) {
            memset (body, 'a' + (int) i, sizes[i]);
            RECV_BYTES (pull, body, sizes[i], 0);
        }
        close (fd);
    }
    finish (ctx);
}

static void subscribe_by_hand (int fd, bool subscribe, const unsigned char *topic, size_t size)
{
    const char *name = subscribe ? "\11SUBSCRIBE" : "\6CANCEL";
    size_t length = strlen (name) + size;
    unsigned char head[9] = {6};
    for (int b = 0; b < 8; b++)
        head[1 + b] = (unsigned char) ((uint64_t) length >> (8 * (7 - b)));
    raw_write (fd, head, sizeof head);
    raw_write (fd, name, strlen (name));
    raw_write (fd, topic, size);
}

static void await_topic (void *xpub, char first, const unsigned char *topic, size_t size)
{
    zmq_msg_t m;
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, xpub, 0), size + 1);
    CHECK (*(char *) zmq_msg_data (&m) == first && !memcmp ((char *) zmq_msg_data (&m) + 1, topic, size));
    zmq_msg_close (&m);
}

/* A topic of a megabyte comes and goes: taken back, and with its subscriber. */
static void cve_2021_20236_long_topics (const char *on)
{
    enum { SIZE = 1 << 20 };
    static unsigned char topic[SIZE];
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB);
    char ep[ENDPOINT_MAX];
    bind_on (xpub, "tcp", ep);
    for (int i = 0; i < SIZE; i++)
        topic[i] = (unsigned char) (i * 31 + i / 256);
    for (int round = 0; round < 2; round++) {
        int fd = raw_connect (ep);
        handshake (fd, 1, "SUB", "XPUB", false);
        subscribe_by_hand (fd, true, topic, SIZE);
        await_topic (xpub, 1, topic, SIZE);
        if (round == 0) {
            subscribe_by_hand (fd, false, topic, SIZE);
            await_topic (xpub, 0, topic, SIZE);
            close (fd);
        } else {
            close (fd);
            await_topic (xpub, 0, topic, SIZE);
        }
    }
    finish (ctx);
}

/* Messages to a PUB, which has no use for them, and metadata with each connection. */
static void cve_2021_20237_messages_to_a_publisher (const char *on)
{
    enum { MESSAGES = 200000, CONNECTIONS = 300, SIZE = 200 };
    static unsigned char block[100 * (2 + SIZE)];
    void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_PUB);
    char ep[ENDPOINT_MAX];
    bind_on (pub, "tcp", ep);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = i % (2 + SIZE) == 1 ? SIZE : i % (2 + SIZE) == 0 ? 0 : 'x';
    int fd = raw_connect (ep);
    handshake (fd, 1, "SUB", "PUB", false);
    size_t before = 0;
    for (int n = 0; n < MESSAGES; n += 100) {
        if (n == 10000)
            before = resident ();
        /* The reference reads on once the application calls. */
        for (size_t done = 0; done < sizeof block;) {
            ssize_t sent = send (fd, block + done, sizeof block - done, MSG_NOSIGNAL | MSG_DONTWAIT);
            CHECK (sent > 0 || errno == EAGAIN);
            done += sent > 0 ? (size_t) sent : 0;
            zmq_send (pub, "news", 4, 0);
            if (sent < 0)
                pause_ms (1);
        }
    }
    /* They were read: a subscription behind them is heard. */
    RAW_SEND (fd, "\4\12\11SUBSCRIBE");
    int64_t limit = now_ms () + PATIENCE_MS;
    while (!raw_wait (fd, 5)) {
        CHECK (now_ms () < limit);
        zmq_send (pub, "news", 4, 0);
    }
    RAW_EXPECT (fd, "\0\4news");
    check_growth (before, MESSAGES / 4 * SIZE / 2);
    close (fd);
    before = resident ();
    for (int i = 0; i < CONNECTIONS; i++) {
        static unsigned char wire[64 + 9 + 31 + 4096];
        size_t n = 64 + 9;
        greeting (wire, 1, "NULL");
        memcpy (wire + n, "\5READY\13Socket-Type\0\0\0\3SUB\1X\0\0\20\0", 31);
        n += 31 + 4096;
        memset (wire + n - 4096, 'y', 4096);
        wire[64] = 6;
        for (int b = 0; b < 8; b++)
            wire[65 + b] = (unsigned char) ((uint64_t) (n - 73) >> (8 * (7 - b)));
        fd = raw_connect (ep);
        raw_write (fd, wire, n);
        unsigned char theirs[64 + 26];
        RAW_READ (fd, theirs, 64 + 2 + 24);
        close (fd);
        zmq_send (pub, "news", 4, 0);
    }
    check_growth (before, 2000000);
    finish (ctx);
}

CHECK_MAIN (CASE (cve_2021_20234_unfinished_messages), CASE (cve_2021_20235_large_frames_of_version_1),
            CASE (cve_2021_20236_long_topics), CASE (cve_2021_20237_messages_to_a_publisher))
