/* What options do to descriptors, connections and threads. */
#define ZMQ_BUILD_DRAFT_API
#include "raw.h"
#include <netinet/ip.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/un.h>

/* ---- descriptors, as monitors tell them ---- */

static int number_of (int fd, int level, int option)
{
    int value = -77;
    socklen_t size = sizeof value;
    if (getsockopt (fd, level, option, &value, &size) != 0)
        check_report (__FILE__, __LINE__, "getsockopt %d %d", level, option);
    return value;
}

typedef struct {
    void *ctx, *server, *client, *server_mon, *client_mon;
    int listener, accepted, connected;
    char endpoint[ENDPOINT_MAX];
} pair_t;

static void pair_open (pair_t *p)
{
    p->ctx = ctx_new ();
    p->server = sock (p->ctx, ZMQ_PAIR);
    p->client = sock (p->ctx, ZMQ_PAIR);
}

static void set_both (pair_t *p, int option, int value)
{
    set_int (p->server, option, value);
    set_int (p->client, option, value);
}

static void pair_connect (pair_t *p, const char *on)
{
    uint32_t fd;
    p->server_mon = mon_open (p->ctx, p->server, ZMQ_EVENT_ALL);
    p->client_mon = mon_open (p->ctx, p->client, ZMQ_EVENT_ALL);
    bind_on (p->server, on, p->endpoint);
    connect_to (p->client, p->endpoint);
    BOUNCE (p->server, p->client);
    MON_UNTIL_VALUE (p->server_mon, ZMQ_EVENT_LISTENING, &fd);
    p->listener = (int) fd;
    MON_UNTIL_VALUE (p->server_mon, ZMQ_EVENT_ACCEPTED, &fd);
    p->accepted = (int) fd;
    MON_UNTIL_VALUE (p->client_mon, ZMQ_EVENT_CONNECTED, &fd);
    p->connected = (int) fd;
}

static void tcp_defaults (const char *on)
{
    pair_t p;
    pair_open (&p);
    pair_connect (&p, on);
    int fds[] = {p.accepted, p.connected};
    for (size_t i = 0; i < COUNT (fds); i++) {
        CHECK_INT (number_of (fds[i], IPPROTO_TCP, TCP_NODELAY), 1);
        CHECK_INT (number_of (fds[i], SOL_SOCKET, SO_KEEPALIVE), 0);
        CHECK_INT (number_of (fds[i], IPPROTO_IP, IP_TOS), 0);
        CHECK_INT (number_of (fds[i], SOL_SOCKET, SO_PRIORITY), 0);
        CHECK_INT (number_of (fds[i], IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
        CHECK (fcntl (fds[i], F_GETFD) & FD_CLOEXEC);
        CHECK (fcntl (fds[i], F_GETFL) & O_NONBLOCK);
    }
    finish (p.ctx);
}

static void tcp_options (const char *on)
{
    pair_t p;
    pair_open (&p);
    set_both (&p, ZMQ_TOS, 0x28);
    set_both (&p, ZMQ_PRIORITY, 3);
    set_both (&p, ZMQ_SNDBUF, 20000);
    set_both (&p, ZMQ_RCVBUF, 30000);
    set_both (&p, ZMQ_TCP_KEEPALIVE, 1);
    set_both (&p, ZMQ_TCP_KEEPALIVE_CNT, 5);
    set_both (&p, ZMQ_TCP_KEEPALIVE_IDLE, 77);
    set_both (&p, ZMQ_TCP_KEEPALIVE_INTVL, 33);
    set_both (&p, ZMQ_TCP_MAXRT, 1234);
    pair_connect (&p, on);
    int fds[] = {p.accepted, p.connected};
    for (size_t i = 0; i < COUNT (fds); i++) {
        if (!strcmp (on, "tcp"))
            CHECK_INT (number_of (fds[i], IPPROTO_IP, IP_TOS), 0x28);
        else
            CHECK_INT (number_of (fds[i], IPPROTO_IPV6, IPV6_TCLASS), 0x28);
        CHECK_INT (number_of (fds[i], SOL_SOCKET, SO_PRIORITY), 3);
        /* Linux doubles what it is asked for. */
        CHECK_INT (number_of (fds[i], SOL_SOCKET, SO_SNDBUF), 40000);
        CHECK_INT (number_of (fds[i], SOL_SOCKET, SO_RCVBUF), 60000);
        CHECK_INT (number_of (fds[i], SOL_SOCKET, SO_KEEPALIVE), 1);
        CHECK_INT (number_of (fds[i], IPPROTO_TCP, TCP_KEEPCNT), 5);
        CHECK_INT (number_of (fds[i], IPPROTO_TCP, TCP_KEEPIDLE), 77);
        CHECK_INT (number_of (fds[i], IPPROTO_TCP, TCP_KEEPINTVL), 33);
        CHECK_INT (number_of (fds[i], IPPROTO_TCP, TCP_USER_TIMEOUT), 1234);
    }
    finish (p.ctx);
}

static void busy_poll (const char *on)
{
    pair_t p;
    pair_open (&p);
    int plain = socket (AF_INET, SOCK_STREAM, 0), microseconds = 50;
    if (setsockopt (plain, SOL_SOCKET, SO_BUSY_POLL, &microseconds, sizeof microseconds) != 0)
        SKIP ("this process may not busy-poll");
    set_both (&p, ZMQ_BUSY_POLL, microseconds);
    pair_connect (&p, on);
    CHECK_INT (number_of (p.connected, SOL_SOCKET, SO_BUSY_POLL), 50);
    CHECK_INT (number_of (p.listener, SOL_SOCKET, SO_BUSY_POLL), 50);
    finish (p.ctx);
}

static void ipc_buffers (const char *on)
{
    pair_t p;
    pair_open (&p);
    set_both (&p, ZMQ_SNDBUF, 20000);
    pair_connect (&p, on);
    CHECK (fcntl (p.accepted, F_GETFD) & FD_CLOEXEC);
    CHECK (fcntl (p.connected, F_GETFD) & FD_CLOEXEC);
    finish (p.ctx);
}

static void backlog (const char *on)
{
    pair_t p;
    struct tcp_info info;
    socklen_t size = sizeof info;
    pair_open (&p);
    set_int (p.server, ZMQ_BACKLOG, 7);
    pair_connect (&p, on);
    CHECK_INT (getsockopt (p.listener, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    CHECK_INT (info.tcpi_sacked, 7); /* of a listener: how many may wait */
    finish (p.ctx);
}

static void device (const char *on)
{
    pair_t p;
    char name[32] = "";
    socklen_t size = sizeof name;
    pair_open (&p);
    int plain = socket (AF_INET, SOCK_STREAM, 0);
    if (setsockopt (plain, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) != 0)
        SKIP ("this process may not choose a device");
    set_text (p.server, ZMQ_BINDTODEVICE, "lo");
    set_text (p.client, ZMQ_BINDTODEVICE, "lo");
    pair_connect (&p, on);
    CHECK_INT (getsockopt (p.connected, SOL_SOCKET, SO_BINDTODEVICE, name, &size), 0);
    CHECK (!strcmp (name, "lo"));
    size = sizeof name;
    CHECK_INT (getsockopt (p.listener, SOL_SOCKET, SO_BINDTODEVICE, name, &size), 0);
    CHECK (!strcmp (name, "lo"));
    void *lost = sock (p.ctx, ZMQ_PAIR);
    set_text (lost, ZMQ_BINDTODEVICE, "nosuchdevice0");
    CHECK_ERRNO (zmq_bind (lost, "tcp://127.0.0.1:*"), ENODEV);
    /* A connect goes on trying: there never was a descriptor to close. */
    set_int (lost, ZMQ_RECONNECT_IVL, 20);
    void *mon = mon_open (p.ctx, lost, ZMQ_EVENT_ALL);
    CHECK_INT (zmq_connect (lost, p.endpoint), 0);
    for (int i = 0; i < 3; i++)
        MON_NEXT (mon, ZMQ_EVENT_CONNECT_RETRIED);
    finish (p.ctx);
}

/* ---- listeners ---- */

static void accept_filter (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    set_text (s, ZMQ_TCP_ACCEPT_FILTER, "10.0.0.0/8");
    void *mon = mon_open (ctx, s, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED);
    bind_on (s, on, ep);
    int stranger = raw_connect (ep);
    RAW_CLOSED (stranger);
    MON_NEXT (mon, ZMQ_EVENT_ACCEPT_FAILED);
    CHECK_INT (zmq_unbind (s, ep), 0);
    /* Any of them will do. */
    set_text (s, ZMQ_TCP_ACCEPT_FILTER, "127.0.0.0/8");
    bind_on (s, on, ep);
    raw_connect (ep);
    MON_NEXT (mon, ZMQ_EVENT_ACCEPTED);
    finish (ctx);
}

static void ipc_filter (const char *on)
{
    static const int ids[] = {ZMQ_IPC_FILTER_UID, ZMQ_IPC_FILTER_GID, ZMQ_IPC_FILTER_PID};
    int own[] = {(int) getuid (), (int) getgid (), (int) getpid ()};
    for (size_t i = 0; i < COUNT (ids); i++) {
        void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR), *client = sock (ctx, ZMQ_PAIR);
        char ep[ENDPOINT_MAX];
        set_int (s, ids[i], own[i] + 123456);
        void *mon = mon_open (ctx, s, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED);
        bind_on (s, on, ep);
        connect_to (client, ep);
        MON_NEXT (mon, ZMQ_EVENT_ACCEPT_FAILED);
        sock_close (client);
        CHECK_INT (zmq_unbind (s, ep), 0);
        set_int (s, ids[i], own[i]);
        UNTIL (zmq_bind (s, ep) == 0);
        client = sock (ctx, ZMQ_PAIR);
        connect_to (client, ep);
        MON_UNTIL (mon, ZMQ_EVENT_ACCEPTED);
        BOUNCE (s, client);
        finish (ctx);
    }
}

static void use_fd (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR), *client = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX], bound[ENDPOINT_MAX];
    int fd;
    uint32_t told;
    if (!strcmp (on, "tcp")) {
        fd = raw_listen (ep);
    } else {
        struct sockaddr_un where = {.sun_family = AF_UNIX};
        fresh ("ipc", ep);
        strcpy (where.sun_path, ep + strlen ("ipc://"));
        fd = socket (AF_UNIX, SOCK_STREAM, 0);
        CHECK (bind (fd, (struct sockaddr *) &where, sizeof where) == 0 && listen (fd, 5) == 0);
    }
    set_int (s, ZMQ_USE_FD, fd);
    void *mon = mon_open (ctx, s, ZMQ_EVENT_LISTENING);
    CHECK_INT (zmq_bind (s, ep), 0);
    last_endpoint (s, bound);
    CHECK (!strcmp (ep, bound));
    MON_UNTIL_VALUE (mon, ZMQ_EVENT_LISTENING, &told);
    CHECK_INT (told, fd);
    connect_to (client, ep);
    BOUNCE (s, client);
    finish (ctx);
}

/* ---- time ---- */

static void handshake_ivl (const char *on)
{
    for (int ivl = 0; ivl <= 100; ivl += 100) {
        void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
        char ep[ENDPOINT_MAX];
        set_int (s, ZMQ_HANDSHAKE_IVL, ivl);
        bind_on (s, on, ep);
        int silent = raw_connect (ep);
        int64_t start = now_ms ();
        if (ivl) {
            RAW_CLOSED (silent);
            CHECK (now_ms () - start >= ivl - 20);
        } else
            CHECK (!raw_closed (silent, QUIET_MS));
        finish (ctx);
    }
}

static void connect_timeout (const char *on)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof where;
    /* A listener whose queue is full leaves further attempts without an answer. */
    int listener = socket (AF_INET, SOCK_STREAM, 0);
    CHECK (bind (listener, (struct sockaddr *) &where, sizeof where) == 0 && listen (listener, 0) == 0);
    CHECK (getsockname (listener, (struct sockaddr *) &where, &size) == 0);
    bool full = false;
    for (int i = 0; i < 64 && !full; i++) {
        int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void) !connect (fd, (struct sockaddr *) &where, sizeof where);
        struct pollfd p = {fd, POLLOUT, 0};
        full = poll (&p, 1, 100) == 0;
    }
    if (!full)
        SKIP ("this system answers however many wait");
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    snprintf (ep, sizeof ep, "tcp://127.0.0.1:%d", ntohs (where.sin_port));
    set_int (s, ZMQ_CONNECT_TIMEOUT, 100);
    set_int (s, ZMQ_RECONNECT_IVL, 20);
    void *mon = mon_open (ctx, s, ZMQ_EVENT_ALL);
    connect_to (s, ep);
    for (int i = 0; i < 3; i++) {
        MON_NEXT (mon, ZMQ_EVENT_CONNECT_DELAYED);
        int64_t start = now_ms ();
        MON_NEXT (mon, ZMQ_EVENT_CLOSED);
        CHECK (now_ms () - start >= 60);
        MON_NEXT (mon, ZMQ_EVENT_CONNECT_RETRIED);
    }
    finish (ctx);
}

/* ---- when to stop trying ---- */

static void stop_when_refused (const char *on)
{
    void *ctx = ctx_new (), *probe = sock (ctx, ZMQ_PAIR), *s = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (probe, on, ep);
    CHECK_INT (zmq_unbind (probe, ep), 0);
    set_int (s, ZMQ_RECONNECT_IVL, 20);
    set_int (s, ZMQ_RECONNECT_STOP, ZMQ_RECONNECT_STOP_CONN_REFUSED);
    void *mon = mon_open (ctx, s, ZMQ_EVENT_ALL & ~ZMQ_EVENT_CONNECT_DELAYED);
    connect_to (s, ep);
    MON_NEXT (mon, ZMQ_EVENT_CLOSED);
    if (!strcmp (on, "ipc")) { /* not for ipc */
        MON_NEXT (mon, ZMQ_EVENT_CONNECT_RETRIED);
        MON_NEXT (mon, ZMQ_EVENT_CLOSED);
    } else {
        CHECK_INT (mon_next (mon, NULL, NULL, QUIET_MS), 0);
        /* The endpoint is gone. */
        UNTIL ((get_int (s, ZMQ_EVENTS), zmq_disconnect (s, ep) == -1));
        CHECK_INT (errno, ENOENT);
    }
    finish (ctx);
}

static void stop_after_a_failed_handshake (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    int listener = raw_listen (ep);
    set_int (s, ZMQ_RECONNECT_IVL, 20);
    set_int (s, ZMQ_RECONNECT_STOP, ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED);
    void *mon = mon_open (ctx, s, ZMQ_EVENT_ALL & ~ZMQ_EVENT_CONNECT_DELAYED);
    connect_to (s, ep);
    close (raw_accept (listener));
    MON_NEXT (mon, ZMQ_EVENT_CONNECTED);
    MON_NEXT (mon, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    MON_NEXT (mon, ZMQ_EVENT_DISCONNECTED);
    CHECK_INT (mon_next (mon, NULL, NULL, QUIET_MS), 0);
    finish (ctx);
}

/* Once anything was disconnected, an ipc endpoint without a listener is not tried again. */
static void stop_after_a_disconnect (const char *on)
{
    for (int stop = 0; stop <= 1; stop++) {
        void *ctx = ctx_new (), *probe = sock (ctx, ZMQ_PAIR), *s = sock (ctx, ZMQ_PUSH);
        char ep[ENDPOINT_MAX], other[ENDPOINT_MAX];
        bind_on (probe, on, ep);
        CHECK_INT (zmq_unbind (probe, ep), 0); /* the file stays, and refuses */
        fresh (on, other);
        set_int (s, ZMQ_RECONNECT_IVL, 50);
        set_int (s, ZMQ_RECONNECT_STOP, stop ? ZMQ_RECONNECT_STOP_AFTER_DISCONNECT : 0);
        connect_to (s, other);
        connect_to (s, ep);
        CHECK_INT (zmq_disconnect (s, other), 0);
        void *mon = mon_open (ctx, s, ZMQ_EVENT_CONNECT_RETRIED);
        int retries = 0;
        /* The reference goes on for a while with what was disconnected. */
        for (char which[ENDPOINT_MAX]; retries < 5 && mon_next (mon, NULL, which, 4 * QUIET_MS); get_int (s, ZMQ_EVENTS))
            retries += !strcmp (which, ep);
        if (stop)
            CHECK (retries < 5);
        else
            CHECK_INT (retries, 5);
        finish (ctx);
    }
}

/* ---- batches ---- */

static void raw_chunks (const char *on)
{
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_STREAM);
    char ep[ENDPOINT_MAX], piece[1000], sent[700], got[700];
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char) (i * 7);
    set_int (s, ZMQ_STREAM_NOTIFY, 0);
    set_int (s, ZMQ_IN_BATCH_SIZE, 100);
    bind_on (s, on, ep);
    int fd = raw_connect (ep);
    raw_write (fd, sent, sizeof sent);
    for (int done = 0; done < (int) sizeof got;) {
        recv_any (s, piece, sizeof piece);
        int n = recv_any (s, piece, sizeof piece);
        CHECK (n > 0 && n <= 100 && done + n <= (int) sizeof got);
        memcpy (got + done, piece, (size_t) n);
        done += n;
    }
    CHECK (!memcmp (sent, got, sizeof got));
    finish (ctx);
}

typedef struct {
    void *socket;
    int count;
} sender_t;

static int length_of (int i)
{
    return i % 50 == 49 ? 40000 + i : (i * 37) % 300;
}

static void *send_all (void *arg)
{
    sender_t *sender = arg;
    char *body = malloc (60000);
    for (int i = 0; i < sender->count; i++) {
        memset (body, 'a' + i % 26, (size_t) length_of (i));
        CHECK_INT (zmq_send (sender->socket, body, (size_t) length_of (i), i % 3 == 1 ? ZMQ_SNDMORE : 0), length_of (i));
    }
    free (body);
    return NULL;
}

/* However small or large the batches, all arrives as it was. */
static void batches (const char *on)
{
    static const int sizes[][2] = {{100, 1}, {1000, 100}, {8192, 8192}, {300000, 1000000}};
    for (size_t i = 0; i < COUNT (sizes); i++) {
        void *ctx = ctx_new ();
        if (i % 2)
            CHECK_INT (zmq_ctx_set (ctx, ZMQ_ZERO_COPY_RECV, 0), 0);
        void *push = sock (ctx, ZMQ_PUSH), *pull = sock (ctx, ZMQ_PULL);
        char ep[ENDPOINT_MAX];
        set_int (pull, ZMQ_IN_BATCH_SIZE, sizes[i][0]);
        set_int (push, ZMQ_OUT_BATCH_SIZE, sizes[i][1]);
        bind_on (pull, on, ep);
        connect_to (push, ep);
        sender_t sender = {push, 1500};
        pthread_t thread;
        pthread_create (&thread, NULL, send_all, &sender);
        for (int n = 0; n < sender.count; n++) {
            zmq_msg_t m;
            zmq_msg_init (&m);
            CHECK_INT (zmq_msg_recv (&m, pull, 0), length_of (n));
            const char *data = zmq_msg_data (&m);
            for (int j = 0; j < length_of (n); j++)
                if (data[j] != 'a' + n % 26)
                    check_report (__FILE__, __LINE__, "message %d, byte %d is %02x", n, j, data[j]);
            CHECK_INT (zmq_msg_more (&m), n % 3 == 1);
            zmq_msg_close (&m);
        }
        pthread_join (thread, NULL);
        finish (ctx);
    }
}

/* ---- threads ---- */

/* Calls `look` for each thread of this process whose name begins so; says how many there were. */
static int each_thread (const char *name, void (*look) (int thread))
{
    int found = 0;
    DIR *d = opendir ("/proc/self/task");
    CHECK (d != NULL);
    for (struct dirent *e; (e = readdir (d)) != NULL;) {
        char path[300], text[64] = "";
        snprintf (path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
        FILE *f = fopen (path, "r");
        if (!f)
            continue;
        if (fgets (text, sizeof text, f) && !strncmp (text, name, strlen (name))) {
            found++;
            if (look)
                look (atoi (e->d_name));
        }
        fclose (f);
    }
    closedir (d);
    return found;
}

static void io_threads (const char *on)
{
    for (int n = 0; n <= 3; n++) {
        void *ctx = ctx_new ();
        CHECK_INT (zmq_ctx_set (ctx, ZMQ_IO_THREADS, n), 0);
        CHECK_INT (each_thread ("ZMQbg/IO/", NULL), 0); /* they come with the first socket */
        void *s = sock (ctx, ZMQ_PAIR);
        UNTIL (each_thread ("ZMQbg/IO/", NULL) == n);
        if (n == 0)
            CHECK_ERRNO (zmq_bind (s, "tcp://127.0.0.1:*"), EMTHREAD);
        CHECK_INT (zmq_bind (s, "inproc://works"), 0);
        finish (ctx);
        UNTIL (each_thread ("ZMQbg/IO/", NULL) == 0);
    }
}

static void thread_names (const char *on)
{
    static const struct {
        const char *prefix, *shown;
        size_t size;
    } table[] = {{"px", "px/ZMQbg/IO/0", 2}, {"a\0b", "a/ZMQbg/IO/0", 3}, {"far too long!", "far too long!/Z", 13}};
    for (size_t i = 0; i < COUNT (table); i++) {
        void *ctx = ctx_new ();
        CHECK_INT (zmq_ctx_set_ext (ctx, ZMQ_THREAD_NAME_PREFIX, table[i].prefix, table[i].size), 0);
        sock (ctx, ZMQ_PAIR);
        UNTIL (each_thread (table[i].shown, NULL) >= 1);
        finish (ctx);
    }
    void *ctx = ctx_new ();
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_NAME_PREFIX, 4321), 0);
    sock (ctx, ZMQ_PAIR);
    UNTIL (each_thread ("4321/ZMQbg/IO/0", NULL) == 1);
    finish (ctx);
}

static void is_on_cpu_zero (int thread)
{
    cpu_set_t set;
    CPU_ZERO (&set);
    UNTIL (sched_getaffinity (thread, sizeof set, &set) == 0 && CPU_COUNT (&set) == 1 && CPU_ISSET (0, &set));
}

static void is_batch (int thread)
{
    UNTIL (sched_getscheduler (thread) == SCHED_BATCH);
}

static void thread_placement (const char *on)
{
    cpu_set_t own;
    if (sched_getaffinity (0, sizeof own, &own) != 0 || !CPU_ISSET (0, &own))
        SKIP ("this process may not run on CPU 0");
    void *ctx = ctx_new ();
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_AFFINITY_CPU_ADD, 0), 0);
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_AFFINITY_CPU_ADD, 1), 0);
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 1), 0);
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_SCHED_POLICY, SCHED_BATCH), 0);
    sock (ctx, ZMQ_PAIR);
    UNTIL (each_thread ("ZMQbg/IO/0", NULL) == 1);
    each_thread ("ZMQbg/IO/0", is_on_cpu_zero);
    each_thread ("ZMQbg/IO/0", is_batch);
    finish (ctx);
}

static void is_real_time (int thread)
{
    struct sched_param param = {0};
    UNTIL (sched_getscheduler (thread) == SCHED_FIFO && sched_getparam (thread, &param) == 0 && param.sched_priority == 7);
}

static void *become_real_time (void *arg)
{
    struct sched_param param = {.sched_priority = 7};
    *(int *) arg = pthread_setschedparam (pthread_self (), SCHED_FIFO, &param);
    return NULL;
}

static void thread_priority (const char *on)
{
    pthread_t probe;
    int refused = 0;
    pthread_create (&probe, NULL, become_real_time, &refused);
    pthread_join (probe, NULL);
    if (refused)
        SKIP ("this process may not run in real time");
    void *ctx = ctx_new ();
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_SCHED_POLICY, SCHED_FIFO), 0);
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_THREAD_PRIORITY, 7), 0);
    sock (ctx, ZMQ_PAIR);
    UNTIL (each_thread ("ZMQbg/IO/0", NULL) == 1);
    each_thread ("ZMQbg/IO/0", is_real_time);
    finish (ctx);
}

CHECK_MAIN (CASE_ON (tcp_defaults, "tcp"), CASE_ON (tcp_options, "tcp"), CASE_ON (tcp_options, "tcp6"),
            CASE_ON (busy_poll, "tcp"), CASE_ON (ipc_buffers, "ipc"), CASE_ON (backlog, "tcp"), CASE_ON (device, "tcp"),
            CASE_ON (accept_filter, "tcp"), CASE_ON (ipc_filter, "ipc"), CASE_ON (use_fd, "tcp"), CASE_ON (use_fd, "ipc"),
            CASE_ON (handshake_ivl, "tcp"), CASE (connect_timeout), CASE_ON (stop_when_refused, "tcp"),
            CASE_ON (stop_when_refused, "ipc"), CASE (stop_after_a_failed_handshake), CASE_ON (stop_after_a_disconnect, "ipc"),
            CASE_ON (raw_chunks, "tcp"), CASE_ON (batches, "tcp"), CASE_ON (batches, "ipc"), CASE (io_threads),
            CASE (thread_names), CASE (thread_placement), CASE (thread_priority))
