/* Contexts: termination and what it wakes, shutdown, limits, threads, fork. */
#include "check.h"

typedef struct {
    void *socket;
    int how; /* 0 recv, 1 send, 2 poll, 3 msg_recv */
    int rc, error;
    atomic_bool started;
} blocked_t;

static void *block (void *arg)
{
    blocked_t *b = arg;
    zmq_msg_t m;
    zmq_pollitem_t item = {b->socket, 0, ZMQ_POLLIN, 0};
    b->started = true;
    switch (b->how) {
        case 0: b->rc = zmq_recv (b->socket, NULL, 0, 0); break;
        case 1: b->rc = zmq_send (b->socket, "x", 1, 0); break;
        case 2: b->rc = zmq_poll (&item, 1, -1); break;
        default:
            zmq_msg_init (&m);
            b->rc = zmq_msg_recv (&m, b->socket, 0);
    }
    b->error = zmq_errno ();
    zmq_close (b->socket);
    return NULL;
}

static void term_wakes (const char *on)
{
    for (int early = 0; early < 2; early++) {
        void *ctx = ctx_new ();
        blocked_t b[4] = {{.how = 0}, {.how = 1}, {.how = 2}, {.how = 3}};
        pthread_t t[4];
        for (int i = 0; i < 4; i++) {
            b[i].socket = zmq_socket (ctx, ZMQ_DEALER);
            pthread_create (&t[i], NULL, block, &b[i]);
            UNTIL (b[i].started);
        }
        if (!early)
            pause_ms (50); /* surely asleep */
        CHECK_INT (zmq_ctx_term (ctx), 0);
        for (int i = 0; i < 4; i++) {
            pthread_join (t[i], NULL);
            CHECK_INT (b[i].rc, -1);
            CHECK_INT (b[i].error, ETERM);
        }
    }
}

static void shutdown_wakes (const char *on)
{
    void *ctx = ctx_new ();
    blocked_t b = {.socket = zmq_socket (ctx, ZMQ_PULL)};
    pthread_t t;
    pthread_create (&t, NULL, block, &b);
    UNTIL (b.started);
    pause_ms (30);
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    pthread_join (t, NULL);
    CHECK (b.rc == -1 && b.error == ETERM);
    CHECK_INT (zmq_ctx_term (ctx), 0);
}

static void *close_later (void *s)
{
    pause_ms (150);
    CHECK_INT (zmq_close (s), 0);
    return NULL;
}

static void term_waits_for_sockets (const char *on)
{
    void *ctx = ctx_new (), *s = zmq_socket (ctx, ZMQ_REP);
    pthread_t t;
    int64_t start = now_ms ();
    pthread_create (&t, NULL, close_later, s);
    CHECK_INT (zmq_ctx_term (ctx), 0);
    CHECK (now_ms () - start >= 148);
    pthread_join (t, NULL);
}

static void never_used (const char *on)
{
    for (int i = 0; i < 100; i++) {
        void *ctx = ctx_new ();
        CHECK_INT (zmq_ctx_term (ctx), 0);
    }
}

static void many_contexts (const char *on)
{
    void *ctx[50], *a, *b;
    for (size_t i = 0; i < COUNT (ctx); i++) {
        ctx[i] = ctx_new ();
        a = sock (ctx[i], ZMQ_PAIR);
        b = sock (ctx[i], ZMQ_PAIR);
        CHECK_INT (zmq_bind (a, "inproc://same"), 0);
        CHECK_INT (zmq_connect (b, "inproc://same"), 0);
        BOUNCE (a, b);
    }
    for (size_t i = 0; i < COUNT (ctx); i++)
        finish (ctx[i]);
}

static int thread_count (void)
{
    int n = 0;
    DIR *d = opendir ("/proc/self/task");
    if (!d)
        return -1;
    for (struct dirent *e; (e = readdir (d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir (d);
    return n;
}

static int fd_count (void)
{
    int n = 0;
    DIR *d = opendir ("/proc/self/fd");
    if (!d)
        return -1;
    for (struct dirent *e; (e = readdir (d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir (d);
    return n;
}

static void nothing_is_left (const char *on)
{
    int threads = thread_count (), fds = fd_count ();
    for (int i = 0; i < 100; i++) {
        void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
        char ep[ENDPOINT_MAX];
        CHECK_INT (zmq_ctx_set (ctx, ZMQ_IO_THREADS, 2), 0);
        bind_on (a, on, ep);
        connect_to (b, ep);
        get_int (a, ZMQ_FD);
        BOUNCE (a, b);
        finish (ctx);
    }
    UNTIL (thread_count () == threads);
    CHECK_INT (fd_count (), fds);
}

static void socket_limit (const char *on)
{
    void *ctx = ctx_new (), *s[10];
    CHECK_INT (zmq_ctx_set (ctx, ZMQ_MAX_SOCKETS, 10), 0);
    for (size_t i = 0; i < COUNT (s); i++)
        CHECK ((s[i] = zmq_socket (ctx, ZMQ_PAIR)) != NULL);
    CHECK_NULL (zmq_socket (ctx, ZMQ_PAIR), EMFILE);
    CHECK_NULL (zmq_socket (ctx, 99), EMFILE);
    CHECK_INT (zmq_close (s[0]), 0);
    UNTIL ((s[0] = zmq_socket (ctx, ZMQ_PAIR)) != NULL);
    for (size_t i = 0; i < COUNT (s); i++)
        CHECK_INT (zmq_close (s[i]), 0);
    finish (ctx);
}

static void default_socket_limit (const char *on)
{
    static void *s[2000];
    void *ctx = ctx_new ();
    size_t n = 0;
    while (n < COUNT (s) && (s[n] = zmq_socket (ctx, ZMQ_PAIR)) != NULL)
        n++;
    CHECK (n > 0 && n <= 1023);
    CHECK_NULL (zmq_socket (ctx, ZMQ_PAIR), EMFILE);
    while (n--)
        CHECK_INT (zmq_close (s[n]), 0);
    CHECK_INT (zmq_ctx_term (ctx), 0);
}

static void socket_moves_between_threads (const char *on)
{
    /* Legal with a full fence between the uses; the joins are one. */
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
    CHECK_INT (zmq_connect (push, "inproc://moved"), 0);
    void *pull = sock (ctx, ZMQ_PULL);
    CHECK_INT (zmq_bind (pull, "inproc://moved"), 0);
    for (int i = 0; i < 20; i++) {
        pthread_t t;
        blocked_t b = {.socket = zmq_socket (ctx, ZMQ_PUSH), .how = 1};
        CHECK_INT (zmq_connect (b.socket, "inproc://moved"), 0);
        pthread_create (&t, NULL, block, &b);
        pthread_join (t, NULL);
        CHECK_INT (b.rc, 1);
        RECV (pull, "x");
    }
    finish (ctx);
}

static const char *stress_endpoint;
static void *stress_ctx;

static void *connect_and_close (void *arg)
{
    void *s = zmq_socket (stress_ctx, ZMQ_SUB);
    CHECK (s != NULL);
    CHECK_INT (zmq_connect (s, stress_endpoint), 0);
    CHECK_INT (zmq_close (s), 0);
    return NULL;
}

static void stress (const char *on)
{
    for (int round = 0; round < 5; round++) {
        char ep[ENDPOINT_MAX];
        pthread_t t[100];
        stress_ctx = ctx_new ();
        CHECK_INT (zmq_ctx_set (stress_ctx, ZMQ_IO_THREADS, 7), 0);
        bind_on (sock (stress_ctx, ZMQ_PUB), on, ep);
        stress_endpoint = ep;
        for (size_t i = 0; i < COUNT (t); i++)
            CHECK_INT (pthread_create (&t[i], NULL, connect_and_close, NULL), 0);
        for (size_t i = 0; i < COUNT (t); i++)
            pthread_join (t[i], NULL);
        finish (stress_ctx);
    }
}

static void on_signal (int number)
{
}

static void *pester (void *arg)
{
    pthread_t *whom = arg;
    pause_ms (80);
    pthread_kill (*whom, SIGUSR1);
    return NULL;
}

static void term_can_be_interrupted (const char *on)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction (SIGUSR1, &action, NULL);
    void *ctx = ctx_new (), *s = zmq_socket (ctx, ZMQ_PULL);
    pthread_t me = pthread_self (), t;
    pthread_create (&t, NULL, pester, &me);
    CHECK_ERRNO (zmq_ctx_term (ctx), EINTR);
    pthread_join (t, NULL);
    CHECK_INT (zmq_close (s), 0);
    CHECK_INT (zmq_ctx_term (ctx), 0);
}

static void fork_and_go_on (const char *on)
{
    void *ctx = ctx_new (), *pull = zmq_socket (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    bind_on (pull, on, ep);
    for (int round = 0; round < 3; round++) {
        pid_t child = fork ();
        if (child == 0) {
            alarm (20);
            CHECK_INT (zmq_close (pull), 0);
            /* The inherited context has no threads here; returning is what counts. */
            CHECK (zmq_ctx_term (ctx) == 0 || zmq_errno () == EINTR);
            void *own = zmq_ctx_new (), *push = zmq_socket (own, ZMQ_PUSH);
            CHECK_INT (zmq_connect (push, ep), 0);
            for (int i = 0; i < 5; i++)
                SEND (push, "from the child");
            CHECK_INT (zmq_close (push), 0);
            CHECK_INT (zmq_ctx_term (own), 0);
            _exit (0);
        }
        int status = -1;
        CHECK (waitpid (child, &status, 0) == child);
        CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 0);
        for (int i = 0; i < 5; i++)
            RECV (pull, "from the child");
    }
    CHECK_INT (zmq_close (pull), 0);
    CHECK_INT (zmq_ctx_term (ctx), 0);
}

CHECK_MAIN (CASE (term_wakes), CASE (shutdown_wakes), CASE (term_waits_for_sockets), CASE (never_used),
            CASE (many_contexts), CASE_ON (nothing_is_left, "tcp"), CASE_ON (nothing_is_left, "ipc"),
            CASE_ON (nothing_is_left, "inproc"), CASE (socket_limit), CASE (default_socket_limit),
            CASE (socket_moves_between_threads), CASE_ON (stress, "tcp"), CASE_ON (stress, "ipc"),
            CASE (term_can_be_interrupted), CASE_ON (fork_and_go_on, "tcp"), CASE_ON (fork_and_go_on, "ipc"))
