/* What the machine allows: ZeroMQ's frames on bare sockets, coded in the caller's thread. No library, no high water
 * mark, no reconnection, nothing but one peer (or `peers`) that is known to be there.
 *
 *   work=stream  transport=tcp|ipc size= count= busy=    one way
 *   work=latency transport=tcp|ipc size= count= gap= one-cpu= wait=spin|block    request and reply
 *   work=fan-out transport=tcp|ipc peers= size= count=    every message to every peer
 *   work=fan-in  transport=tcp|ipc peers= size= count=    from all peers in turn
 */
#include "bench.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>
#include <sys/un.h>

#define CALL __attribute__ ((noinline))

/* A loopback TCP write of 65,536 bytes runs at a third of the speed of this one. */
#define WRITE_SIZE 61440
#define READ_SIZE 131072
/* From here on a body leaves from where it lies, and arrives where it stays. */
#define LARGE 16384
#define MAX_HEADER 9

typedef struct
{
    int fd;
    /* What has come and not been taken. */
    size_t begin, end;
    unsigned char *in;
    /* A body too large for that. */
    unsigned char *body;
    /* What has not left. */
    size_t waiting;
    unsigned char *out;
} stream;

static bool is_tcp (void)
{
    return strcmp (text ("transport", "tcp"), "tcp") == 0;
}

static int listen_and_tell (int peer)
{
    int fd;
    char line[LINE_MAX_LENGTH];
    if (is_tcp ()) {
        struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
        socklen_t length = sizeof where;
        CHECK ((fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
        CHECK (bind (fd, (struct sockaddr *) &where, sizeof where) == 0);
        CHECK (getsockname (fd, (struct sockaddr *) &where, &length) == 0);
        snprintf (line, sizeof line, "%d", ntohs (where.sin_port));
    } else {
        /* An address of the family's number alone asks for a free abstract name. */
        struct sockaddr_un where = {.sun_family = AF_UNIX};
        socklen_t length = sizeof where;
        CHECK ((fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
        CHECK (bind (fd, (struct sockaddr *) &where, sizeof (sa_family_t)) == 0);
        CHECK (getsockname (fd, (struct sockaddr *) &where, &length) == 0);
        int named = (int) (length - sizeof (sa_family_t)) - 1;
        snprintf (line, sizeof line, "%.*s", named, where.sun_path + 1);
    }
    CHECK (listen (fd, 1024) == 0);
    tell (peer, line);
    return fd;
}

static int prepared (int fd)
{
    int one = 1;
    CHECK (fd >= 0);
    if (is_tcp ())
        CHECK (setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    return fd;
}

static int connect_to (const char *name)
{
    int fd;
    if (is_tcp ()) {
        struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
        where.sin_port = htons ((uint16_t) atoi (name));
        CHECK ((fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
        CHECK (connect (fd, (struct sockaddr *) &where, sizeof where) == 0);
    } else {
        struct sockaddr_un where = {.sun_family = AF_UNIX};
        size_t length = strlen (name);
        CHECK (length < sizeof where.sun_path);
        memcpy (where.sun_path + 1, name, length);
        CHECK ((fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
        CHECK (connect (fd, (struct sockaddr *) &where, (socklen_t) (sizeof (sa_family_t) + 1 + length)) == 0);
    }
    return prepared (fd);
}

static stream stream_on (int fd)
{
    stream s = {.fd = fd, .in = malloc (READ_SIZE), .out = malloc (WRITE_SIZE), .body = malloc ((size_t) number ("size", 1) + 1)};
    CHECK (s.in && s.out && s.body);
    return s;
}

static void end_stream (stream *s)
{
    close (s->fd);
    free (s->in);
    free (s->out);
    free (s->body);
}

static stream *accept_all (int peer, size_t count)
{
    stream *streams = calloc (count, sizeof *streams);
    int fd = listen_and_tell (peer);
    CHECK (streams != NULL);
    for (size_t i = 0; i < count; i++)
        streams[i] = stream_on (prepared (accept4 (fd, NULL, NULL, SOCK_CLOEXEC)));
    close (fd);
    return streams;
}

static stream *connect_all (int peer, size_t count)
{
    char name[LINE_MAX_LENGTH];
    stream *streams = calloc (count, sizeof *streams);
    CHECK (streams != NULL);
    hear (peer, name);
    for (size_t i = 0; i < count; i++)
        streams[i] = stream_on (connect_to (name));
    return streams;
}

static void end_all (stream *streams, size_t count)
{
    for (size_t i = 0; i < count; i++)
        end_stream (&streams[i]);
    free (streams);
}

static size_t put_header (unsigned char *at, size_t size)
{
    if (size < 256) {
        at[0] = 0;
        at[1] = (unsigned char) size;
        return 2;
    }
    at[0] = 2;
    for (int i = 0; i < 8; i++)
        at[1 + i] = (unsigned char) ((uint64_t) size >> (56 - 8 * i));
    return 9;
}

/* How long the header is, 0 while it has not come whole; `size` gets the body's. */
static size_t get_header (const unsigned char *at, size_t available, size_t *size)
{
    if (available < 2)
        return 0;
    if (!(at[0] & 2)) {
        *size = at[1];
        return 2;
    }
    if (available < 9)
        return 0;
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | at[1 + i];
    *size = (size_t) value;
    return 9;
}

static void write_all (int fd, const unsigned char *bytes, size_t size)
{
    while (size) {
        size_t piece = size < WRITE_SIZE ? size : WRITE_SIZE;
        ssize_t written = send (fd, bytes, piece, MSG_NOSIGNAL);
        CHECK (written > 0);
        bytes += written;
        size -= (size_t) written;
    }
}

static CALL void flush (stream *s)
{
    write_all (s->fd, s->out, s->waiting);
    s->waiting = 0;
}

/* Full writes only, from where the body lies; its end waits for the next message, or for a flush. */
static CALL void write_large (stream *s, const unsigned char *body, size_t size)
{
    while (s->waiting + size >= WRITE_SIZE) {
        size_t first = WRITE_SIZE - s->waiting;
        struct iovec parts[2] = {{s->out, s->waiting}, {(void *) body, first}};
        CHECK (writev (s->fd, parts, 2) == WRITE_SIZE);
        s->waiting = 0;
        body += first;
        size -= first;
    }
    memcpy (s->out + s->waiting, body, size);
    s->waiting += size;
}

static CALL void send_one (stream *s, const unsigned char *body, size_t size)
{
    size_t needed = size < LARGE ? MAX_HEADER + size : MAX_HEADER;
    if (s->waiting + needed > WRITE_SIZE)
        flush (s);
    s->waiting += put_header (s->out + s->waiting, size);
    if (size < LARGE) {
        memcpy (s->out + s->waiting, body, size);
        s->waiting += size;
    } else
        write_large (s, body, size);
}

/* `wait=spin` asks again and yields; otherwise the read sleeps. */
static bool spins;

static size_t read_some (int fd, unsigned char *to, size_t size)
{
    ssize_t count;
    while ((count = recv (fd, to, size, spins ? MSG_DONTWAIT : 0)) < 0) {
        CHECK (spins && errno == EAGAIN);
        sched_yield ();
    }
    CHECK (count > 0);
    return (size_t) count;
}

static void fill (stream *s)
{
    if (s->begin == s->end)
        s->begin = s->end = 0;
    else if (s->begin) {
        memmove (s->in, s->in + s->begin, s->end - s->begin);
        s->end -= s->begin;
        s->begin = 0;
    }
    s->end += read_some (s->fd, s->in + s->end, READ_SIZE - s->end);
}

/* The body lies in the stream's memory until the next call. */
static CALL const unsigned char *receive_one (stream *s, size_t *size)
{
    size_t header;
    while ((header = get_header (s->in + s->begin, s->end - s->begin, size)) == 0)
        fill (s);
    s->begin += header;
    while (*size < LARGE && s->end - s->begin < *size)
        fill (s);
    size_t here = s->end - s->begin;
    if (here >= *size) {
        s->begin += *size;
        return s->in + s->begin - *size;
    }
    memcpy (s->body, s->in + s->begin, here);
    s->begin += here;
    while (here < *size)
        here += read_some (s->fd, s->body + here, *size - here);
    return s->body;
}

static unsigned char *new_body (size_t size)
{
    unsigned char *body = malloc (size + 1);
    CHECK (body != NULL);
    memset (body, 'x', size);
    return body;
}

/* As an application has to: it makes a message, fills nothing, sends it. Short ones need no memory of their own. */
static void send_new (stream *s, unsigned char *body, size_t size)
{
    unsigned char *message = size > 33 ? malloc (size) : body;
    CHECK (message != NULL);
    send_one (s, message, size);
    if (message != body)
        free (message);
}

/* ---- streams through sockets ---- */

static size_t peers (void)
{
    return (size_t) number ("peers", 1);
}

static void stream_receiver (int peer)
{
    stream *s = accept_all (peer, peers ());
    size_t n = peers (), size = (size_t) number ("size", 1), got;
    uint64_t count = (uint64_t) number ("count", 1000), busy = (uint64_t) number ("busy", 0) * 1000, start = 0;
    for (uint64_t i = 0; i <= count; i++) {
        receive_one (&s[i % n], &got);
        CHECK (got == size);
        if (i == 0) {
            mark_start ();
            start = now ();
        }
        if (busy)
            work_for (busy);
    }
    print_rate (count, start);
    tell (peer, "done");
    end_all (s, n);
}

static void stream_sender (int peer)
{
    stream *s = connect_all (peer, peers ());
    size_t n = peers (), size = (size_t) number ("size", 1);
    uint64_t count = (uint64_t) number ("count", 1000);
    unsigned char *body = new_body (size);
    mark_start ();
    for (uint64_t i = 0; i <= count; i++)
        send_new (&s[i % n], body, size);
    for (size_t i = 0; i < n; i++)
        flush (&s[i]);
    wait_for_word (peer, "done");
    free (body);
    end_all (s, n);
}

/* ---- every message to every peer: coded once, the same bytes written to all ---- */

static void fan_out_receiver (int peer)
{
    stream *s = accept_all (peer, peers ());
    size_t n = peers (), size = (size_t) number ("size", 1), got;
    uint64_t count = (uint64_t) number ("count", 1000), start = 0;
    /* As much as one write holds from each in turn, so that no connection waits long. */
    uint64_t burst = WRITE_SIZE / (size + MAX_HEADER) / 2 + 1;
    for (uint64_t sent = 0; sent < count; sent += burst)
        for (size_t p = 0; p < n; p++)
            for (uint64_t i = sent; i < count && i < sent + burst; i++) {
                receive_one (&s[p], &got);
                CHECK (got == size);
                if (!start)
                    start = now ();
            }
    print_rate (count * n, start);
    tell (peer, "done");
    end_all (s, n);
}

static void fan_out_sender (int peer)
{
    stream *s = connect_all (peer, peers ());
    size_t n = peers (), size = (size_t) number ("size", 1);
    uint64_t count = (uint64_t) number ("count", 1000);
    unsigned char *body = new_body (size);
    stream *once = &s[0];
    CHECK (size < LARGE);
    for (uint64_t i = 0; i < count; i++) {
        if (once->waiting + size + MAX_HEADER > WRITE_SIZE) {
            for (size_t p = 0; p < n; p++)
                write_all (s[p].fd, once->out, once->waiting);
            once->waiting = 0;
        }
        send_new (once, body, size);
    }
    for (size_t p = 0; p < n; p++)
        write_all (s[p].fd, once->out, once->waiting);
    wait_for_word (peer, "done");
    free (body);
    end_all (s, n);
}

/* ---- request and reply ---- */

#define WARM_UP 200

static void answerer (int peer)
{
    stream *s = accept_all (peer, 1);
    size_t size;
    for (long i = number ("count", 1000) + WARM_UP; i; i--) {
        const unsigned char *body = receive_one (s, &size);
        send_one (s, body, size);
        if (s->waiting)
            flush (s);
    }
    wait_for_word (peer, "done");
    end_all (s, 1);
}

static void asker (int peer)
{
    stream *s = connect_all (peer, 1);
    size_t size = (size_t) number ("size", 1), got, count = (size_t) number ("count", 1000);
    uint64_t gap = (uint64_t) number ("gap", 0) * 1000, start = 0;
    uint64_t *times = calloc (count, sizeof *times);
    unsigned char *body = new_body (size);
    CHECK (times != NULL);
    for (size_t i = 0; i < count + WARM_UP; i++) {
        if (i == WARM_UP)
            start = now ();
        if (gap && i >= WARM_UP)
            sleep_for (gap);
        uint64_t asked = now ();
        send_one (s, body, size);
        if (s->waiting)
            flush (s);
        receive_one (s, &got);
        if (i >= WARM_UP)
            times[i - WARM_UP] = now () - asked;
    }
    print_latency (times, count, start);
    tell (peer, "done");
    free (body);
    free (times);
    end_all (s, 1);
}

int main (int argc, char **argv)
{
    (void) argc;
    begin (argv);
    spins = is ("wait", "spin");
    if (is ("work", "stream") || is ("work", "fan-in"))
        run_processes (stream_receiver, stream_sender);
    else if (is ("work", "fan-out"))
        run_processes (fan_out_receiver, fan_out_sender);
    else if (is ("work", "latency"))
        run_processes (answerer, asker);
    else
        CHECK (!"a work that exists");
    return 0;
}
