/* difference: PAUSE and RESUME work, a monitor nobody reads holds nobody up, bind keeps its errno, whole requests pass a single-socket proxy, short PING and long topics are handled */
#include "raw.h"

typedef struct {
    void *front, *back, *control;
    int rc, error;
    pthread_t thread;
} proxy_t;

static void *run (void *arg)
{
    proxy_t *p = arg;
    p->rc = p->control ? zmq_proxy_steerable (p->front, p->back, NULL, p->control) : zmq_proxy (p->front, p->back, NULL);
    p->error = zmq_errno ();
    return NULL;
}

/* In 4.3.5 PAUSE does nothing and RESUME pauses. */
static void pause_and_resume (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR), *control = sock (ctx, ZMQ_REQ);
    proxy_t p = {.front = sock (ctx, ZMQ_PAIR), .back = sock (ctx, ZMQ_PAIR), .control = sock (ctx, ZMQ_REP)};
    char ep[ENDPOINT_MAX];
    bind_on (p.control, "inproc", ep);
    connect_to (control, ep);
    bind_on (p.front, on, ep);
    connect_to (a, ep);
    bind_on (p.back, on, ep);
    connect_to (b, ep);
    pthread_create (&p.thread, NULL, run, &p);
    for (int i = 0; i < 2; i++) {
        SEND (control, "PAUSE");
        RECV (control, "");
        SEND (a, "held");
        NOTHING (b);
        SEND (control, "RESUME");
        RECV (control, "");
        RECV (b, "held");
        SEND (a, "flows");
        RECV (b, "flows");
    }
    SEND (control, "TERMINATE");
    RECV (control, "");
    pthread_join (p.thread, NULL);
    CHECK_INT (p.rc, 0);
    finish (ctx);
}

static void single_socket_multipart (const char *on)
{
    void *ctx = ctx_new (), *req = sock (ctx, ZMQ_REQ);
    proxy_t p = {.front = sock (ctx, ZMQ_REP)};
    char ep[ENDPOINT_MAX];
    p.back = p.front;
    bind_on (p.front, on, ep);
    connect_to (req, ep);
    pthread_create (&p.thread, NULL, run, &p);
    for (int i = 0; i < 3; i++) {
        SEND_MORE (req, "echo");
        SEND (req, "me");
        RECV_MORE (req, "echo");
        RECV (req, "me");
    }
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    pthread_join (p.thread, NULL);
    finish (ctx);
}

/* A monitor to which nobody ever connects, and one that nobody reads. Replies find their way to whoever asked, even while a
 * peer that just left is still known. */
static void monitor_without_reader (const char *on)
{
    for (int connected = 0; connected < 2; connected++) {
        void *ctx = ctx_new (), *a = sock (ctx, ZMQ_REP), *reader = sock (ctx, ZMQ_PAIR);
        char ep[ENDPOINT_MAX];
        set_int (reader, ZMQ_RCVHWM, 1);
        CHECK_INT (zmq_socket_monitor (a, "inproc://unread", ZMQ_EVENT_ALL), 0);
        if (connected)
            CHECK_INT (zmq_connect (reader, "inproc://unread"), 0);
        bind_on (a, on, ep);
        for (int i = 0; i < (connected ? 700 : 3); i++) {
            void *b = sock (ctx, ZMQ_REQ);
            connect_to (b, ep);
            BOUNCE (a, b);
            sock_close (b);
        }
        CHECK_INT (zmq_socket_monitor (a, NULL, 0), 0);
        void *b = sock (ctx, ZMQ_REQ);
        connect_to (b, ep);
        SEND (b, "still served");
        RECV (a, "still served");
        finish (ctx);
    }
}

static void bind_keeps_its_errno (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    char ep[ENDPOINT_MAX];
    bind_on (a, "tcp", ep);
    void *mon = mon_open (ctx, b, ZMQ_EVENT_BIND_FAILED);
    for (int i = 0; i < 20; i++)
        CHECK_ERRNO (zmq_bind (b, ep), EADDRINUSE);
    MON_UNTIL (mon, ZMQ_EVENT_BIND_FAILED);
    finish (ctx);
}

/* A PING without its two bytes of time to live is a protocol error; the reference reads past its end. */
static void short_ping (const char *on)
{
    static const char *const frames[] = {"\4\5\4PING", "\4\6\4PING\1"};
    for (size_t i = 0; i < COUNT (frames); i++) {
        void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
        char ep[ENDPOINT_MAX];
        bind_on (s, "tcp", ep);
        int fd = raw_connect (ep);
        handshake (fd, 1, "DEALER", "DEALER", true);
        raw_write (fd, frames[i], 7 + i);
        RAW_CLOSED (fd);
        finish (ctx);
    }
}

/* To a 3.0 peer a subscription is a message of one byte more than its topic: with 255 bytes, a long frame. */
static void topic_of_255_bytes_to_3_0 (const char *on)
{
    void *ctx = ctx_new (), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX], topic[255], got[265];
    memset (topic, 't', sizeof topic);
    bind_on (sub, "tcp", ep);
    CHECK_INT (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic, sizeof topic), 0);
    int fd = raw_connect (ep);
    handshake (fd, 0, "PUB", "SUB", false);
    UNTIL ((get_int (sub, ZMQ_EVENTS), raw_wait (fd, 1)));
    RAW_EXPECT (fd, "\2\0\0\0\0\0\0\1\0\1");
    RAW_READ (fd, got, 255);
    CHECK (!memcmp (got, topic, 255));
    finish (ctx);
}

/* A second peer with a known id is turned away for good: none of its frames is ever taken for an id. */
static void refused_twin_stays_refused (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *one = sock (ctx, ZMQ_DEALER),
         *two = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX], id[300];
    set_text (one, ZMQ_ROUTING_ID, "X");
    set_text (two, ZMQ_ROUTING_ID, "X");
    set_int (two, ZMQ_RECONNECT_IVL, 60000);
    bind_on (router, on, ep);
    connect_to (one, ep);
    SEND (one, "first");
    RECV_MORE (router, "X");
    RECV (router, "first");
    connect_to (two, ep);
    SEND (two, "NOT-AN-ID");
    SEND (two, "body");
    NOTHING (router);
    sock_close (one);
    for (int i = 0; i < 20; i++) {
        zmq_send (two, "NOT-AN-ID", 9, ZMQ_DONTWAIT);
        if (wait_for (router, ZMQ_POLLIN, 20)) {
            int n = recv_any (router, id, sizeof id);
            CHECK (n == 1 && id[0] == 'X'); /* back under its own name, or not at all */
            recv_any (router, id, sizeof id);
        }
    }
    finish (ctx);
}

CHECK_MAIN (CASE_ON (pause_and_resume, "tcp"), CASE_ON (pause_and_resume, "inproc"),
            CASE_LONG (single_socket_multipart, "tcp", 20), CASE_LONG (monitor_without_reader, "tcp", 30),
            CASE (bind_keeps_its_errno), CASE (short_ping), CASE (topic_of_255_bytes_to_3_0),
            CASE_ON (refused_twin_stays_refused, "tcp"))
