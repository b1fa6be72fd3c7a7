/* ipc: paths, abstract names, wildcards, files left and taken over, credentials. */
#include "check.h"
#include <sys/socket.h>
#include <sys/un.h>

static void bounce (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX], fresh_text[ENDPOINT_MAX];
    fresh (on, fresh_text);
    CHECK_INT (zmq_bind (a, fresh_text), 0);
    last_endpoint (a, ep);
    if (strcmp (on, "ipc*"))
        CHECK (!strcmp (ep, fresh_text));
    else
        CHECK (!strncmp (ep, "ipc://", 6) && !strchr (ep, '*'));
    connect_to (b, ep);
    BOUNCE (a, b);
    CHECK_INT (zmq_disconnect (b, ep), 0);
    CHECK_INT (zmq_unbind (a, ep), 0);
    CHECK_ERRNO (zmq_unbind (a, ep), ENOENT);
    finish (ctx);
}

static void lengths (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[200], name[150];
    memset (name, 'p', sizeof name);
    int room = 107 - (int) strlen (check_dir) - 1;
    snprintf (ep, sizeof ep, "ipc://%s/%.*s", check_dir, room + 1, name);
    CHECK_ERRNO (zmq_bind (a, ep), ENAMETOOLONG);
    CHECK_ERRNO (zmq_connect (b, ep), ENAMETOOLONG);
    snprintf (ep, sizeof ep, "ipc://%s/%.*s", check_dir, room, name);
    CHECK_INT (zmq_bind (a, ep), 0);
    connect_to (b, ep);
    BOUNCE (a, b);
    finish (ctx);
}

static void errors (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR);
    CHECK_ERRNO (zmq_bind (a, "ipc://@"), EINVAL);
    CHECK_ERRNO (zmq_connect (a, "ipc://@"), EINVAL);
    CHECK_ERRNO (zmq_bind (a, "ipc:///no/such/folder/at/all"), ENOENT);
    char ep[ENDPOINT_MAX];
    snprintf (ep, sizeof ep, "ipc://%s", check_dir);
    CHECK_ERRNO (zmq_bind (a, ep), EADDRINUSE);
    finish (ctx);
}

static void wildcard_cleans_up (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    struct stat st;
    bind_on (a, "ipc*", ep);
    CHECK (!strncmp (ep + 6, check_dir, strlen (check_dir))); /* follows TMPDIR */
    CHECK (stat (ep + 6, &st) == 0 && S_ISSOCK (st.st_mode));
    finish (ctx);
    CHECK (stat (ep + 6, &st) == -1 && errno == ENOENT);
    *strrchr (ep, '/') = 0;
    CHECK (stat (ep + 6, &st) == -1 && errno == ENOENT);
}

static void stale_file_is_taken_over (const char *on)
{
    char ep[ENDPOINT_MAX];
    fresh ("ipc", ep);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf (un.sun_path, sizeof un.sun_path, "%.100s", ep + 6);
    int fd = socket (AF_UNIX, SOCK_STREAM, 0);
    CHECK (bind (fd, (struct sockaddr *) &un, sizeof un) == 0);
    close (fd);
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    CHECK_INT (zmq_bind (a, ep), 0);
    connect_to (b, ep);
    BOUNCE (a, b);
    finish (ctx);
}

/* The socket that binds a path last owns it; a connected client finds the new owner once the old one is gone. */
static void rebind (const char *on)
{
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL), *push = sock (ctx, ZMQ_PUSH);
    char ep[ENDPOINT_MAX];
    set_int (pull, ZMQ_RECONNECT_IVL, 10);
    bind_on (push, "ipc", ep);
    connect_to (pull, ep);
    SEND (push, "42");
    RECV (pull, "42");
    sock_close (push);
    push = sock (ctx, ZMQ_PUSH);
    CHECK_INT (zmq_bind (push, ep), 0);
    SEND (push, "43");
    RECV (pull, "43");
    finish (ctx);
}

static void filter (const char *on)
{
    static const struct {
        int option, wrong;
    } table[] = {{ZMQ_IPC_FILTER_UID, 0}, {ZMQ_IPC_FILTER_UID, 1}, {ZMQ_IPC_FILTER_PID, 0},
                 {ZMQ_IPC_FILTER_PID, 1}, {ZMQ_IPC_FILTER_GID, 0}, {ZMQ_IPC_FILTER_GID, 1}};
    for (size_t i = 0; i < COUNT (table); i++) {
        void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
        char ep[ENDPOINT_MAX];
        int id = table[i].option == ZMQ_IPC_FILTER_PID   ? (int) getpid ()
                 : table[i].option == ZMQ_IPC_FILTER_UID ? (int) getuid ()
                                                         : (int) getgid ();
        set_int (a, table[i].option, table[i].wrong ? id + 123457 : id);
        void *mon = mon_open (ctx, a, ZMQ_EVENT_ACCEPT_FAILED);
        bind_on (a, "ipc", ep);
        connect_to (b, ep);
        if (!table[i].wrong)
            BOUNCE (a, b);
        else {
            MON_NEXT (mon, ZMQ_EVENT_ACCEPT_FAILED);
            CHECK_ERRNO (zmq_recv (a, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        }
        finish (ctx);
    }
}

static void peer_address (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX], want[100];
    bind_on (a, "ipc", ep);
    connect_to (b, ep);
    SEND (b, "x");
    zmq_msg_t m;
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, a, 0), 1);
    snprintf (want, sizeof want, "localhost:%d:%d:%d", (int) getuid (), (int) getgid (), (int) getpid ());
    CHECK (!strcmp (zmq_msg_gets (&m, "Peer-Address"), want));
    zmq_msg_close (&m);
    finish (ctx);
}

CHECK_MAIN (CASE_ON (bounce, "ipc"), CASE_ON (bounce, "ipc@"), CASE_ON (bounce, "ipc*"), CASE (lengths),
            CASE (errors), CASE (wildcard_cleans_up), CASE (stale_file_is_taken_over), CASE (rebind), CASE (filter),
            CASE (peer_address))
