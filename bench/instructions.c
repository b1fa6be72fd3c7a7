/* What a message costs the thread that sends or receives it, in instructions: run by valgrind, which counts those of
 * `measured` and of all it calls on that thread (--toggle-collect=measured), or those of a function of the library's.
 *
 *   work=send|receive|inproc-send|inproc-receive|round-trip|encode|decode size= count=<at least so many, or round trips>
 *
 * The figures are the same on a slow and on a busy machine. While it counts, time stands still for all threads but this one,
 * and goes on by a fixed step whenever this one looks at the clock: sends are as close to each other as in a stream at full
 * speed, and no I/O thread sees a tick. The far end of `send` and `receive` is a bare socket in a process of its own, which
 * is not slowed down, so that there is always room in the one direction and something to read in the other. Both ends of a
 * round trip are this thread's.
 *
 * With `encode` and `decode`, all messages go through the queue between this thread and the I/O thread, which does the work.
 */
#include "sockets.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

/* Between two looks at the clock, in nanoseconds. */
#define STEP 10
/* Messages until buffers have grown, and whoever reads alone knows it. */
#define WARM_UP 10000
#define WARM_UP_ALONE 300
/* Bytes sent before the far end reads again, and those that may wait in the library for more. */
#define IN_KERNEL 60000
#define LEFT_BEHIND 100000
/* What the I/O thread needs to come to rest, in nanoseconds. */
#define REST 2000000

/* ---- time ---- */

static atomic_bool frozen;
static atomic_ullong frozen_at;
static pthread_t this_thread;

/* In place of the C library's, for the measured library too. */
int clock_gettime (clockid_t clock, struct timespec *t)
{
    if (!atomic_load (&frozen))
        return (int) syscall (SYS_clock_gettime, clock, t);
    if (pthread_equal (pthread_self (), this_thread))
        atomic_fetch_add (&frozen_at, STEP);
    unsigned long long at = atomic_load (&frozen_at);
    t->tv_sec = (time_t) (at / 1000000000u);
    t->tv_nsec = (long) (at % 1000000000u);
    return 0;
}

static void freeze (void)
{
    this_thread = pthread_self ();
    atomic_store (&frozen_at, now ());
    atomic_store (&frozen, true);
}

/* ---- the far end, in a process that valgrind does not follow ---- */

static void write_all (int fd, const void *data, size_t size)
{
    for (const char *at = data; size;) {
        ssize_t n = send (fd, at, size, MSG_NOSIGNAL);
        CHECK (n > 0);
        at += n;
        size -= (size_t) n;
    }
}

static void read_all (int fd, void *data, size_t size)
{
    CHECK (recv (fd, data, size, MSG_WAITALL) == (ssize_t) size);
}

/* Says hello as `type`. */
static int greet_as (const char *type, int fd)
{
    unsigned char mine[64] = {[0] = 0xFF, [8] = 1, [9] = 0x7F, [10] = 3, [11] = 1, [12] = 'N', 'U', 'L', 'L'};
    unsigned char ready[64] = {4, 0, 5, 'R', 'E', 'A', 'D', 'Y', 11, 'S', 'o', 'c', 'k', 'e', 't', '-', 'T', 'y', 'p', 'e'};
    unsigned char theirs[256];
    size_t length = strlen (type);
    ready[1] = (unsigned char) (22 + length);
    ready[23] = (unsigned char) length;
    memcpy (ready + 24, type, length);
    write_all (fd, mine, sizeof mine);
    write_all (fd, ready, 24 + length);
    read_all (fd, theirs, 64 + 2);
    read_all (fd, theirs + 66, theirs[65]);
    return fd;
}

static int join (const char *endpoint)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    where.sin_port = htons ((uint16_t) atoi (strrchr (endpoint, ':') + 1));
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    CHECK (fd >= 0 && connect (fd, (struct sockaddr *) &where, sizeof where) == 0);
    CHECK (setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    return fd;
}

/* The near end has a listener to connect to at once, and nobody who greets it before it says so. */
static int be_joined (int peer)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t length = sizeof where;
    char endpoint[LINE_MAX_LENGTH];
    int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK (listener >= 0 && bind (listener, (struct sockaddr *) &where, length) == 0 && listen (listener, 1) == 0);
    CHECK (getsockname (listener, (struct sockaddr *) &where, &length) == 0);
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", ntohs (where.sin_port));
    tell (peer, endpoint);
    wait_for_word (peer, "greet");
    int fd = accept (listener, NULL, NULL);
    CHECK (fd >= 0);
    return fd;
}

static char rest[1 << 20];

static void swallow (int fd)
{
    while (recv (fd, rest, sizeof rest, 0) > 0)
        continue;
}

/* Reads on until it has had as many bytes as the lines from the near end say. */
static void swallow_as_told (int fd, int peer)
{
    char line[LINE_MAX_LENGTH];
    unsigned long long had = 0;
    for (hear (peer, line); strcmp (line, "all") != 0; hear (peer, line)) {
        while (had < strtoull (line, NULL, 10)) {
            ssize_t n = recv (fd, rest, sizeof rest, 0);
            CHECK (n > 0);
            had += (unsigned long long) n;
        }
        tell (peer, "had");
    }
    swallow (fd);
}

/* A message for each line that says so, then all there are. */
static void feed (int fd, int peer)
{
    size_t size = (size_t) number ("size", 1), frame = size + 2;
    uint64_t count = (uint64_t) number ("count", 1000), most = (1 << 16) / frame;
    if (is ("work", "receive"))
        count += WARM_UP;
    char line[LINE_MAX_LENGTH];
    unsigned char *frames = calloc (most, frame);
    CHECK (frames != NULL);
    for (uint64_t i = 0; i < most; i++)
        frames[i * frame + 1] = (unsigned char) size;
    for (hear (peer, line); strcmp (line, "one") == 0; hear (peer, line))
        write_all (fd, frames, frame);
    while (count) {
        uint64_t part = count < most ? count : most;
        write_all (fd, frames, part * frame);
        count -= part;
    }
    tell (peer, "fed");
    swallow (fd);
}

static void far_end (int peer)
{
    char endpoint[LINE_MAX_LENGTH];
    if (is ("work", "encode")) {
        swallow_as_told (greet_as ("PULL", be_joined (peer)), peer);
        return;
    }
    hear (peer, endpoint);
    if (is ("work", "send"))
        swallow_as_told (greet_as ("PULL", join (endpoint)), peer);
    else
        feed (greet_as ("PUSH", join (endpoint)), peer);
}

/* This program once more, as the far end. */
static int start_far_end (char **argv)
{
    int line[2];
    char role[32];
    CHECK (socketpair (AF_UNIX, SOCK_SEQPACKET, 0, line) == 0);
    snprintf (role, sizeof role, "far-end=%d", line[1]);
    char *again[] = {argv[0], argv[1], argv[2], argv[3], role, NULL};
    pid_t child = fork ();
    CHECK (child >= 0);
    if (child == 0) {
        close (line[0]);
        execv (argv[0], again);
        _exit (1);
    }
    close (line[1]);
    return line[0];
}

/* ---- what is measured ---- */

static void *out, *in;
static size_t size;
static zmq_msg_t got;
/* Messages that went by while it was counted, and in all. */
static uint64_t measured_count, all_count;

static void send_one (void *socket)
{
    zmq_msg_t message;
    CHECK (zmq_msg_init_size (&message, size) == 0);
    CHECK (zmq_msg_send (&message, socket, 0) == (int) size);
    all_count++;
}

static void receive_one (void *socket)
{
    CHECK (zmq_msg_recv (&got, socket, 0) == (int) size);
    all_count++;
}

static void send_all (uint64_t count)
{
    while (count--)
        send_one (out);
}

static void receive_all (uint64_t count)
{
    while (count--)
        receive_one (in);
}

/* Sends so far apart are no stream. */
static void send_after_a_while (void *socket)
{
    atomic_fetch_add (&frozen_at, 10000);
    send_one (socket);
}

static void go_round (uint64_t count)
{
    while (count--) {
        send_after_a_while (out);
        receive_one (in);
        send_after_a_while (in);
        receive_one (out);
    }
}

typedef void work (uint64_t count);

__attribute__ ((noinline)) void measured (work *run, uint64_t count)
{
    run (count);
    measured_count += count;
    /* Not a jump at the end: the return is where counting stops. */
    __asm__ volatile("" : : : "memory");
}

static void *bound (int type, const char *where, char *endpoint)
{
    size_t length = LINE_MAX_LENGTH;
    void *socket = open_socket (type);
    set_int (socket, ZMQ_SNDHWM, 0);
    set_int (socket, ZMQ_RCVHWM, 0);
    set_int (socket, ZMQ_SNDBUF, 1 << 20);
    CHECK (zmq_bind (socket, where) == 0);
    CHECK (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &length) == 0);
    return socket;
}

static void *connected (int type, const char *endpoint)
{
    void *socket = open_socket (type);
    set_int (socket, ZMQ_SNDHWM, 0);
    set_int (socket, ZMQ_RCVHWM, 0);
    CHECK (zmq_connect (socket, endpoint) == 0);
    return socket;
}

static void close_socket (void *socket)
{
    set_int (socket, ZMQ_LINGER, 0);
    CHECK (zmq_close (socket) == 0);
}

static void wait_until_had (int peer, uint64_t bytes)
{
    char line[LINE_MAX_LENGTH];
    snprintf (line, sizeof line, "%llu", (unsigned long long) bytes);
    tell (peer, line);
    wait_for_word (peer, "had");
}

static void measure_sending (int peer, uint64_t count)
{
    char endpoint[LINE_MAX_LENGTH];
    out = bound (ZMQ_PUSH, "tcp://127.0.0.1:*", endpoint);
    tell (peer, endpoint);
    /* Returns once there is a peer. */
    send_one (out);
    freeze ();
    /* In parts, and the kernel has room for each: else the I/O thread would send. */
    uint64_t frame = size + 2, part = IN_KERNEL / frame;
    for (uint64_t done = 0; done < WARM_UP + count; done += part) {
        /* Who holds the connection would have it for all of the part: valgrind runs one thread at a time. */
        sleep_for (REST);
        if (done < WARM_UP)
            send_all (part);
        else
            measured (send_all, part);
        if ((done + part) * frame > LEFT_BEHIND)
            wait_until_had (peer, (done + part) * frame - LEFT_BEHIND);
    }
    tell (peer, "all");
    atomic_store (&frozen, false);
    close_socket (out);
}

static void measure_receiving (int peer, uint64_t count)
{
    char endpoint[LINE_MAX_LENGTH];
    in = bound (ZMQ_PULL, "tcp://127.0.0.1:*", endpoint);
    tell (peer, endpoint);
    tell (peer, "one");
    receive_one (in);
    freeze ();
    for (int i = 0; i < WARM_UP_ALONE; i++) {
        tell (peer, "one");
        receive_one (in);
    }
    tell (peer, "all");
    receive_all (WARM_UP);
    measured (receive_all, count);
    atomic_store (&frozen, false);
    close_socket (in);
}

/* The I/O thread finds all messages in the queue once the far end greets. */
static void measure_encoding (int peer, uint64_t count)
{
    char endpoint[LINE_MAX_LENGTH];
    hear (peer, endpoint);
    out = connected (ZMQ_PUSH, endpoint);
    send_all (count);
    tell (peer, "greet");
    wait_until_had (peer, count * (size + 2));
    tell (peer, "all");
    close_socket (out);
}

/* Bytes that no TCP connection of this process has read yet. */
static int unread (void)
{
    int sum = 0;
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in where;
        socklen_t length = sizeof where;
        int bytes = 0;
        if (getpeername (fd, (struct sockaddr *) &where, &length) == 0 && where.sin_family == AF_INET
            && ioctl (fd, FIONREAD, &bytes) == 0)
            sum += bytes;
    }
    return sum;
}

/* The I/O thread reads all before this thread asks for any. */
static void measure_decoding (int peer, uint64_t count)
{
    char endpoint[LINE_MAX_LENGTH];
    in = bound (ZMQ_PULL, "tcp://127.0.0.1:*", endpoint);
    tell (peer, endpoint);
    tell (peer, "all");
    wait_for_word (peer, "fed");
    while (unread ())
        sleep_for (1000000);
    receive_all (count);
    close_socket (in);
}

static void measure_inproc (bool sending, uint64_t count)
{
    char endpoint[LINE_MAX_LENGTH];
    in = bound (ZMQ_PULL, "inproc://instructions", endpoint);
    out = connected (ZMQ_PUSH, endpoint);
    freeze ();
    /* In rounds that a ring has room for. */
    for (uint64_t done = 0, part = 500; done < WARM_UP + count; done += part) {
        bool warm = done >= WARM_UP;
        if (warm && sending)
            measured (send_all, part);
        else
            send_all (part);
        if (warm && !sending)
            measured (receive_all, part);
        else
            receive_all (part);
    }
    atomic_store (&frozen, false);
    close_socket (out);
    close_socket (in);
}

static void measure_round_trips (uint64_t count)
{
    char endpoint[LINE_MAX_LENGTH];
    in = bound (ZMQ_REP, "tcp://127.0.0.1:*", endpoint);
    out = connected (ZMQ_REQ, endpoint);
    go_round (1);
    freeze ();
    go_round (WARM_UP_ALONE);
    measured (go_round, count);
    atomic_store (&frozen, false);
    close_socket (out);
    close_socket (in);
}

int main (int argc, char **argv)
{
    begin (argv);
    CHECK (argc >= 4);
    int far = (int) number ("far-end", -1);
    if (far >= 0) {
        far_end (far);
        return 0;
    }
    uint64_t count = (uint64_t) number ("count", 1000);
    size = (size_t) number ("size", 1);
    CHECK ((context = zmq_ctx_new ()) != NULL);
    CHECK (zmq_msg_init (&got) == 0);
    if (is ("work", "send"))
        measure_sending (start_far_end (argv), count);
    else if (is ("work", "receive"))
        measure_receiving (start_far_end (argv), count);
    else if (is ("work", "encode"))
        measure_encoding (start_far_end (argv), count);
    else if (is ("work", "decode"))
        measure_decoding (start_far_end (argv), count);
    else if (is ("work", "round-trip"))
        measure_round_trips (count);
    else
        measure_inproc (is ("work", "inproc-send"), count);
    CHECK (zmq_msg_close (&got) == 0);
    CHECK (zmq_ctx_term (context) == 0);
    print_number ("messages", (double) measured_count);
    print_number ("all", (double) all_count);
    return 0;
}
