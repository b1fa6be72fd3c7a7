/* The small ground every program in this folder stands on.
 *
 * A program is a table of cases. Each case runs in a child process of its own, so that a crash or a hang in one of them is
 * reported as that case's failure and the others still run. A case ends at its first failed check. Nothing here sleeps in
 * the hope that something has happened by then: every wait names what it waits for and has a deadline. */
#ifndef CAPI_TESTS_CHECK_H
#define CAPI_TESTS_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define UNUSED __attribute__ ((unused))
#define COUNT(array) (sizeof (array) / sizeof ((array)[0]))

/* Long enough for a loaded machine; a passing run never waits this long. */
#define PATIENCE_MS 15000
/* How long "nothing comes" is watched. */
#define QUIET_MS 200
#define ENDPOINT_MAX 256

enum { CHECK_PASS = 0, CHECK_FAIL = 1, CHECK_SKIP = 77 };

typedef struct {
    const char *name;
    void (*body) (const char *on);
    const char *on;
    unsigned seconds;
} check_case_t;

#define CASE(fn) {#fn, fn, NULL, 60}
#define CASE_ON(fn, where) {#fn, fn, where, 60}
#define CASE_LONG(fn, where, seconds) {#fn, fn, where, seconds}
#define CHECK_MAIN(...)                                                                                                \
    static const check_case_t check_cases[] = {__VA_ARGS__};                                                           \
    int main (int argc, char **argv)                                                                                   \
    {                                                                                                                  \
        return check_run (argc, argv, check_cases, COUNT (check_cases));                                               \
    }

static char check_name[160] = "main";
static char check_dir[64];

static UNUSED void check_report (const char *file, int line, const char *format, ...)
{
    int seen = errno;
    char text[512];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    const char *base = strrchr (file, '/');
    printf ("FAILED %s %s:%d %s [errno %d %s]\n", check_name, base ? base + 1 : file, line, text, seen,
            zmq_strerror (seen));
    fflush (stdout);
    _exit (CHECK_FAIL);
}

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            check_report (__FILE__, __LINE__, "%s", #condition);                                                       \
    } while (0)

#define CHECK_INT(actual, expected)                                                                                    \
    do {                                                                                                               \
        long long check_a = (long long) (actual), check_e = (long long) (expected);                                    \
        if (check_a != check_e)                                                                                        \
            check_report (__FILE__, __LINE__, "%s is %lld, not %lld", #actual, check_a, check_e);                      \
    } while (0)

#define CHECK_ERRNO(call, expected)                                                                                    \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long long check_r = (long long) (call);                                                                        \
        int check_n = zmq_errno ();                                                                                    \
        if (check_r != -1 || check_n != (expected))                                                                    \
            check_report (__FILE__, __LINE__, "%s returned %lld with errno %d, wanted -1 with %s (%d)", #call,         \
                          check_r, check_n, #expected, (expected));                                                    \
    } while (0)

#define CHECK_NULL(call, expected)                                                                                     \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        const void *check_p = (const void *) (call);                                                                   \
        int check_n = zmq_errno ();                                                                                    \
        if (check_p != NULL || check_n != (expected))                                                                  \
            check_report (__FILE__, __LINE__, "%s returned %p with errno %d, wanted NULL with %s (%d)", #call,         \
                          check_p, check_n, #expected, (expected));                                                    \
    } while (0)

#define SKIP(reason)                                                                                                   \
    do {                                                                                                               \
        printf ("skipped %s %s\n", check_name, reason);                                                                \
        fflush (stdout);                                                                                               \
        _exit (CHECK_SKIP);                                                                                            \
    } while (0)

/* ---- clock ---- */

static UNUSED int64_t now_ms (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Only for loops that look again at a condition, and to stage a slow peer; never as the proof of anything. */
static UNUSED void pause_ms (int ms)
{
    struct timespec t = {ms / 1000, (long) (ms % 1000) * 1000000};
    while (nanosleep (&t, &t) == -1 && errno == EINTR)
        ;
}

#define UNTIL(condition)                                                                                               \
    do {                                                                                                               \
        int64_t check_limit = now_ms () + PATIENCE_MS;                                                                 \
        while (!(condition)) {                                                                                         \
            if (now_ms () > check_limit)                                                                               \
                check_report (__FILE__, __LINE__, "never happened: %s", #condition);                                   \
            pause_ms (2);                                                                                              \
        }                                                                                                              \
    } while (0)

/* ---- running ---- */

static void check_deadline (int number)
{
    char text[256];
    int n = snprintf (text, sizeof text, "FAILED %s deadline passed\n", check_name);
    if (write (1, text, (size_t) n) < 0)
        _exit (CHECK_FAIL);
    _exit (number ? CHECK_FAIL : CHECK_FAIL);
}

static void check_sweep (const char *path)
{
    DIR *d = opendir (path);
    if (d) {
        struct dirent *e;
        while ((e = readdir (d)) != NULL) {
            if (!strcmp (e->d_name, ".") || !strcmp (e->d_name, ".."))
                continue;
            char child[400];
            snprintf (child, sizeof child, "%s/%s", path, e->d_name);
            if (unlink (child) == -1)
                check_sweep (child);
        }
        closedir (d);
    }
    rmdir (path);
}

static void check_inside (const check_case_t *c)
{
    signal (SIGALRM, check_deadline);
    alarm (c->seconds);
    c->body (c->on);
    alarm (0);
    printf ("ok %s\n", check_name);
    fflush (stdout);
    _exit (CHECK_PASS);
}

/* argv[1], when given, runs only the cases whose name contains it. CHECK_NO_FORK=1 runs the first of them in this process,
 * for a debugger. */
static UNUSED int check_run (int argc, char **argv, const check_case_t *cases, size_t count)
{
    int failed = 0, skipped = 0, passed = 0;
    setvbuf (stdout, NULL, _IOLBF, 0);
    signal (SIGPIPE, SIG_IGN);
    snprintf (check_dir, sizeof check_dir, "/tmp/capi-XXXXXX");
    if (!mkdtemp (check_dir)) {
        perror ("mkdtemp");
        return CHECK_FAIL;
    }
    setenv ("TMPDIR", check_dir, 1);
    for (size_t i = 0; i < count; i++) {
        const check_case_t *c = &cases[i];
        snprintf (check_name, sizeof check_name, "%s%s%s", c->name, c->on ? "/" : "", c->on ? c->on : "");
        if (argc > 1 && !strstr (check_name, argv[1]))
            continue;
        fflush (stdout);
        if (getenv ("CHECK_NO_FORK"))
            check_inside (c);
        pid_t child = fork ();
        if (child == 0)
            check_inside (c);
        int status = 0;
        pid_t waited;
        do
            waited = waitpid (child, &status, 0);
        while (waited == -1 && errno == EINTR);
        if (waited == child && WIFEXITED (status)) {
            if (WEXITSTATUS (status) == CHECK_PASS)
                passed++;
            else if (WEXITSTATUS (status) == CHECK_SKIP)
                skipped++;
            else
                failed++;
        } else {
            printf ("FAILED %s ended by signal %d\n", check_name, WIFSIGNALED (status) ? WTERMSIG (status) : 0);
            failed++;
        }
    }
    check_sweep (check_dir);
    if (failed)
        return CHECK_FAIL;
    return passed == 0 && skipped ? CHECK_SKIP : CHECK_PASS;
}

/* ---- contexts and sockets ---- */

static struct {
    void *ctx, *socket;
} check_open[4096];
static pthread_mutex_t check_lock = PTHREAD_MUTEX_INITIALIZER;

static UNUSED void *ctx_new (void)
{
    void *ctx = zmq_ctx_new ();
    CHECK (ctx != NULL);
    return ctx;
}

static UNUSED void set_int (void *s, int option, int value)
{
    if (zmq_setsockopt (s, option, &value, sizeof value) != 0)
        check_report (__FILE__, __LINE__, "setsockopt %d = %d", option, value);
}

static UNUSED int get_int (void *s, int option)
{
    int value = -77;
    size_t size = sizeof value;
    if (zmq_getsockopt (s, option, &value, &size) != 0 || size != sizeof value)
        check_report (__FILE__, __LINE__, "getsockopt %d", option);
    return value;
}

static UNUSED void check_text (void *s, int option, const char *want, size_t length)
{
    char buffer[300];
    memset (buffer, 0x55, sizeof buffer);
    size_t size = sizeof buffer;
    CHECK_INT (zmq_getsockopt (s, option, buffer, &size), 0);
    CHECK_INT (size, length);
    CHECK (!memcmp (buffer, want, length));
    if (length > 1) {
        size = length - 1;
        CHECK_ERRNO (zmq_getsockopt (s, option, buffer, &size), EINVAL);
        size = length;
        CHECK_INT (zmq_getsockopt (s, option, buffer, &size), 0);
    }
}

static UNUSED void set_text (void *s, int option, const char *text)
{
    if (zmq_setsockopt (s, option, text, strlen (text)) != 0)
        check_report (__FILE__, __LINE__, "setsockopt %d = \"%s\"", option, text);
}

/* A socket that a broken library cannot hang: linger 0 and timeouts. `finish` closes it with the rest. */
static UNUSED void *sock (void *ctx, int type)
{
    void *s = zmq_socket (ctx, type);
    if (!s)
        check_report (__FILE__, __LINE__, "zmq_socket type %d", type);
    set_int (s, ZMQ_LINGER, 0);
    set_int (s, ZMQ_SNDTIMEO, PATIENCE_MS);
    set_int (s, ZMQ_RCVTIMEO, PATIENCE_MS);
    pthread_mutex_lock (&check_lock);
    for (size_t i = 0; i < COUNT (check_open); i++)
        if (!check_open[i].socket) {
            check_open[i].ctx = ctx;
            check_open[i].socket = s;
            break;
        }
    pthread_mutex_unlock (&check_lock);
    return s;
}

static UNUSED void sock_close (void *s)
{
    pthread_mutex_lock (&check_lock);
    for (size_t i = 0; i < COUNT (check_open); i++)
        if (check_open[i].socket == s)
            check_open[i].socket = NULL;
    pthread_mutex_unlock (&check_lock);
    CHECK_INT (zmq_close (s), 0);
}

/* Closes what `sock` opened in this context and terminates it. */
static UNUSED void finish (void *ctx)
{
    for (size_t i = 0; i < COUNT (check_open); i++)
        if (check_open[i].socket && check_open[i].ctx == ctx) {
            CHECK_INT (zmq_close (check_open[i].socket), 0);
            check_open[i].socket = NULL;
        }
    CHECK_INT (zmq_ctx_term (ctx), 0);
}

/* ---- endpoints ---- */

static UNUSED bool have_ipv6 (void)
{
    void *ctx = zmq_ctx_new ();
    void *s = zmq_socket (ctx, ZMQ_PAIR);
    set_int (s, ZMQ_IPV6, 1);
    bool yes = zmq_bind (s, "tcp://[::1]:*") == 0;
    zmq_close (s);
    zmq_ctx_term (ctx);
    return yes;
}

static UNUSED void last_endpoint (void *s, char *into)
{
    size_t size = ENDPOINT_MAX;
    if (zmq_getsockopt (s, ZMQ_LAST_ENDPOINT, into, &size) != 0)
        check_report (__FILE__, __LINE__, "LAST_ENDPOINT");
    CHECK_INT (size, strlen (into) + 1);
}

static atomic_int check_serial;

/* An endpoint nobody else uses; for tcp the kernel still has to choose the port. */
static UNUSED void fresh (const char *on, char *into)
{
    int n = atomic_fetch_add (&check_serial, 1);
    if (!strcmp (on, "tcp"))
        snprintf (into, ENDPOINT_MAX, "tcp://127.0.0.1:*");
    else if (!strcmp (on, "tcp6"))
        snprintf (into, ENDPOINT_MAX, "tcp://[::1]:*");
    else if (!strcmp (on, "ipc"))
        snprintf (into, ENDPOINT_MAX, "ipc://%s/s%d-%d", check_dir, (int) getpid (), n);
    else if (!strcmp (on, "ipc*"))
        snprintf (into, ENDPOINT_MAX, "ipc://*");
    else if (!strcmp (on, "ipc@"))
        snprintf (into, ENDPOINT_MAX, "ipc://@%s-%d-%d", check_dir, (int) getpid (), n);
    else
        snprintf (into, ENDPOINT_MAX, "inproc://name-%d", n);
}

/* Binds `s` on a transport ("tcp", "tcp6", "ipc", "ipc@", "ipc*", "inproc") and stores where. */
static UNUSED void bind_on (void *s, const char *on, char *into)
{
    if (!strcmp (on, "tcp6")) {
        if (!have_ipv6 ())
            SKIP ("no ::1 on this machine");
        set_int (s, ZMQ_IPV6, 1);
    }
    fresh (on, into);
    if (zmq_bind (s, into) != 0)
        check_report (__FILE__, __LINE__, "bind %s", into);
    last_endpoint (s, into);
}

static UNUSED void connect_to (void *s, const char *endpoint)
{
    if (!strncmp (endpoint, "tcp://[", 7))
        set_int (s, ZMQ_IPV6, 1);
    if (zmq_connect (s, endpoint) != 0)
        check_report (__FILE__, __LINE__, "connect %s", endpoint);
}

/* Waits for one of the events on one socket; false once the deadline passes. */
static UNUSED bool wait_for (void *s, short events, int ms)
{
    zmq_pollitem_t item = {s, 0, events, 0};
    int rc = zmq_poll (&item, 1, ms);
    if (rc == -1)
        check_report (__FILE__, __LINE__, "zmq_poll");
    return rc == 1 && (item.revents & events);
}

/* ---- sending and receiving ---- */

#define SEND_BYTES(s, data, size, flags) CHECK_INT (zmq_send ((s), (data), (size), (flags)), (size))
#define SEND(s, text) SEND_BYTES (s, text, (int) strlen (text), 0)
#define SEND_MORE(s, text) SEND_BYTES (s, text, (int) strlen (text), ZMQ_SNDMORE)

static UNUSED void check_recv (void *s, const void *want, size_t size, int more, const char *file, int line)
{
    zmq_msg_t m;
    zmq_msg_init (&m);
    int rc = zmq_msg_recv (&m, s, 0);
    if (rc == -1)
        check_report (file, line, "nothing received");
    if ((size_t) rc != size || zmq_msg_size (&m) != size)
        check_report (file, line, "received %d bytes \"%.*s\", wanted %zu", rc, rc > 80 ? 80 : rc,
                      (char *) zmq_msg_data (&m), size);
    if (size && memcmp (zmq_msg_data (&m), want, size) != 0)
        check_report (file, line, "received other content: \"%.*s\"", rc > 80 ? 80 : rc, (char *) zmq_msg_data (&m));
    int option = get_int (s, ZMQ_RCVMORE);
    if (zmq_msg_more (&m) != more || option != more)
        check_report (file, line, "more is %d, RCVMORE %d, wanted %d", zmq_msg_more (&m), option, more);
    zmq_msg_close (&m);
}

#define RECV_BYTES(s, data, size, more) check_recv (s, data, size, more, __FILE__, __LINE__)
#define RECV(s, text) check_recv (s, text, strlen (text), 0, __FILE__, __LINE__)
#define RECV_MORE(s, text) check_recv (s, text, strlen (text), 1, __FILE__, __LINE__)

/* Receives one frame of any content; returns its size. */
static UNUSED int recv_any (void *s, void *into, size_t room)
{
    int rc = zmq_recv (s, into, room, 0);
    if (rc == -1)
        check_report (__FILE__, __LINE__, "nothing received");
    return rc;
}

#define NOTHING(s)                                                                                                     \
    do {                                                                                                               \
        if (wait_for (s, ZMQ_POLLIN, QUIET_MS))                                                                        \
            check_report (__FILE__, __LINE__, "%s has something to read", #s);                                         \
        CHECK_ERRNO (zmq_recv (s, NULL, 0, ZMQ_DONTWAIT), EAGAIN);                                                     \
    } while (0)

/* Two frames there, two frames back. */
static UNUSED void check_bounce (void *server, void *client, const char *file, int line)
{
    const char one[32] = "12345678901234567890123456789012", two[32] = "abcdefghijklmnopqrstuvwxyzABCDEF";
    void *from[2] = {client, server}, *to[2] = {server, client};
    for (int i = 0; i < 2; i++) {
        if (zmq_send (from[i], one, 32, ZMQ_SNDMORE) != 32 || zmq_send (from[i], two, 32, 0) != 32)
            check_report (file, line, "bounce: send");
        check_recv (to[i], one, 32, 1, file, line);
        check_recv (to[i], two, 32, 0, file, line);
    }
}
#define BOUNCE(server, client) check_bounce (server, client, __FILE__, __LINE__)

/* ---- monitors ---- */

static UNUSED void *mon_open (void *ctx, void *s, int events)
{
    char name[64];
    snprintf (name, sizeof name, "inproc://monitor-%d", atomic_fetch_add (&check_serial, 1));
    if (zmq_socket_monitor (s, name, events) != 0)
        check_report (__FILE__, __LINE__, "zmq_socket_monitor");
    void *m = sock (ctx, ZMQ_PAIR);
    CHECK_INT (zmq_connect (m, name), 0);
    return m;
}

/* The next event, or 0 when none comes in time. */
static UNUSED int mon_next (void *mon, uint32_t *value, char *address, int ms)
{
    if (!wait_for (mon, ZMQ_POLLIN, ms))
        return 0;
    unsigned char head[6];
    char text[ENDPOINT_MAX];
    CHECK_INT (zmq_recv (mon, head, sizeof head, 0), 6);
    CHECK_INT (get_int (mon, ZMQ_RCVMORE), 1);
    int n = zmq_recv (mon, text, sizeof text - 1, 0);
    CHECK (n >= 0 && n < (int) sizeof text);
    CHECK_INT (get_int (mon, ZMQ_RCVMORE), 0);
    text[n] = 0;
    uint16_t event;
    uint32_t v;
    memcpy (&event, head, 2);
    memcpy (&v, head + 2, 4);
    if (value)
        *value = v;
    if (address)
        memcpy (address, text, (size_t) n + 1);
    return event;
}

static UNUSED void check_mon_until (void *mon, int event, uint32_t *value, const char *file, int line)
{
    int64_t limit = now_ms () + PATIENCE_MS;
    int seen;
    do {
        int64_t left = limit - now_ms ();
        seen = left > 0 ? mon_next (mon, value, NULL, (int) left) : 0;
        if (!seen)
            check_report (file, line, "monitor: event %#x never came", event);
    } while (!(seen & event));
}
/* Skips events until one of the mask comes. */
#define MON_UNTIL(mon, event) check_mon_until (mon, event, NULL, __FILE__, __LINE__)
#define MON_UNTIL_VALUE(mon, event, value) check_mon_until (mon, event, value, __FILE__, __LINE__)
/* The very next event. */
#define MON_NEXT(mon, event) CHECK_INT (mon_next (mon, NULL, NULL, PATIENCE_MS), event)

/* ---- subscriptions ---- */

/* Waits until the publisher's side holds a subscription: reads it from an XPUB. */
#define SUBSCRIBED(xpub, topic) RECV_BYTES (xpub, "\001" topic, sizeof (topic), 0)
#define UNSUBSCRIBED(xpub, topic) RECV_BYTES (xpub, "\000" topic, sizeof (topic), 0)

#endif
