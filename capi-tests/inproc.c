/* inproc: either order of bind and connect, several contexts, races, disconnecting, names. */
#include "check.h"

static void bind_first (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    CHECK_INT (zmq_bind (a, "inproc://a"), 0);
    CHECK_INT (zmq_connect (b, "inproc://a"), 0);
    BOUNCE (a, b);
    finish (ctx);
}

static void connect_first (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
    CHECK_INT (zmq_connect (b, "inproc://a"), 0);
    SEND (b, "early");
    CHECK_INT (zmq_bind (a, "inproc://a"), 0);
    RECV (a, "early");
    BOUNCE (a, b);
    finish (ctx);
}

static void contexts_are_separate (const char *on)
{
    void *one = ctx_new (), *two = ctx_new (), *a = sock (one, ZMQ_PAIR), *b = sock (two, ZMQ_PAIR),
         *c = sock (two, ZMQ_PAIR);
    CHECK_INT (zmq_bind (a, "inproc://same"), 0);
    CHECK_INT (zmq_bind (b, "inproc://same"), 0);
    CHECK_INT (zmq_connect (c, "inproc://same"), 0);
    BOUNCE (b, c);
    CHECK_ERRNO (zmq_recv (a, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    finish (one);
    finish (two);
}

static void publisher_connects_first (const char *on)
{
    void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_PUB), *sub = sock (ctx, ZMQ_SUB);
    CHECK_INT (zmq_connect (pub, "inproc://p"), 0);
    SEND (pub, "before");
    set_text (sub, ZMQ_SUBSCRIBE, "");
    CHECK_INT (zmq_bind (sub, "inproc://p"), 0);
    /* The publisher learns of the subscription some time later; "before" never arrives. */
    UNTIL ((zmq_send (pub, "after", 5, 0), wait_for (sub, ZMQ_POLLIN, 1)));
    RECV (sub, "after");
    finish (ctx);
}

static void many_connects_before_bind (const char *on)
{
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL);
    bool seen[100] = {false};
    for (int i = 0; i < 100; i++) {
        void *push = sock (ctx, ZMQ_PUSH);
        CHECK_INT (zmq_connect (push, "inproc://many"), 0);
        SEND_BYTES (push, &i, (int) sizeof i, 0);
    }
    CHECK_INT (zmq_bind (pull, "inproc://many"), 0);
    for (int i = 0; i < 100; i++) {
        int n = -1;
        CHECK_INT (recv_any (pull, &n, sizeof n), sizeof n);
        CHECK (n >= 0 && n < 100 && !seen[n]);
        seen[n] = true;
    }
    finish (ctx);
}

static void pending_connect_does_not_hold_term (const char *on)
{
    void *ctx = ctx_new ();
    for (int i = 0; i < 20; i++) {
        void *s = zmq_socket (ctx, ZMQ_ROUTER);
        CHECK_INT (zmq_connect (s, "inproc://nobody"), 0);
        CHECK_INT (zmq_close (s), 0);
    }
    CHECK_INT (zmq_ctx_term (ctx), 0);
    ctx = ctx_new ();
    void *s = zmq_socket (ctx, ZMQ_PUSH);
    CHECK_INT (zmq_connect (s, "inproc://nobody"), 0);
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    CHECK_INT (zmq_close (s), 0);
    CHECK_INT (zmq_ctx_term (ctx), 0);
}

static void closed_connect_is_delivered (const char *on)
{
    /* Sent, closed, and only then bound. */
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL), *push = zmq_socket (ctx, ZMQ_PUSH);
    CHECK_INT (zmq_connect (push, "inproc://late"), 0);
    SEND (push, "left behind");
    CHECK_INT (zmq_close (push), 0);
    CHECK_INT (zmq_bind (pull, "inproc://late"), 0);
    RECV (pull, "left behind");
    finish (ctx);
}

static void late_bind_multipart (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    set_text (dealer, ZMQ_ROUTING_ID, "d");
    CHECK_INT (zmq_connect (dealer, "inproc://r"), 0);
    SEND_MORE (dealer, "A");
    SEND (dealer, "B");
    CHECK_INT (zmq_bind (router, "inproc://r"), 0);
    RECV_MORE (router, "d");
    RECV_MORE (router, "A");
    RECV (router, "B");
    finish (ctx);
}

static void name_is_free_after_unbind (const char *on)
{
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_PULL), *b = sock (ctx, ZMQ_PULL), *push = sock (ctx, ZMQ_PUSH);
    CHECK_INT (zmq_bind (a, "inproc://n"), 0);
    CHECK_ERRNO (zmq_bind (b, "inproc://n"), EADDRINUSE);
    CHECK_INT (zmq_unbind (a, "inproc://n"), 0);
    CHECK_INT (zmq_bind (b, "inproc://n"), 0);
    CHECK_INT (zmq_connect (push, "inproc://n"), 0);
    SEND (push, "to b");
    RECV (b, "to b");
    CHECK_ERRNO (zmq_unbind (a, "inproc://n"), ENOENT);
    finish (ctx);
}

/* zmq_close is asynchronous: the name may be in use a little longer. */
static void bind_when_free (void *s, const char *name)
{
    int64_t limit = now_ms () + PATIENCE_MS;
    while (zmq_bind (s, name) == -1) {
        CHECK_INT (errno, EADDRINUSE);
        CHECK (now_ms () < limit);
    }
}

static void name_is_free_after_close (const char *on)
{
    void *ctx = ctx_new ();
    for (int i = 0; i < 50; i++) {
        void *a = sock (ctx, ZMQ_PULL);
        bind_when_free (a, "inproc://n");
        sock_close (a);
    }
    finish (ctx);
}

static void strange_names (const char *on)
{
    char name[3000] = "inproc://";
    memset (name + 9, 'n', sizeof name - 10);
    static const char *const list[] = {"inproc://#1", "inproc:///a/b:c*", "inproc://*", "inproc:// ", "inproc://ü"};
    void *ctx = ctx_new ();
    for (size_t i = 0; i <= COUNT (list); i++) {
        const char *ep = i < COUNT (list) ? list[i] : name;
        void *a = sock (ctx, ZMQ_PAIR), *b = sock (ctx, ZMQ_PAIR);
        CHECK_INT (zmq_bind (a, ep), 0);
        CHECK_INT (zmq_connect (b, ep), 0);
        BOUNCE (a, b);
    }
    finish (ctx);
}

static void disconnect_drops_peer (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    set_text (sub, ZMQ_SUBSCRIBE, "t");
    CHECK_INT (zmq_bind (xpub, "inproc://x"), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT (zmq_connect (sub, "inproc://x"), 0);
        SUBSCRIBED (xpub, "t");
        SEND (xpub, "topic");
        RECV (sub, "topic");
        CHECK_INT (zmq_disconnect (sub, "inproc://x"), 0);
        /* The reference ends the pipe only when its owner calls into the library again. */
        UNTIL ((get_int (sub, ZMQ_EVENTS), wait_for (xpub, ZMQ_POLLIN, 1)));
        UNSUBSCRIBED (xpub, "t");
        SEND (xpub, "topic");
    }
    CHECK_ERRNO (zmq_recv (sub, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    finish (ctx);
}

static void readable_after_peer_closed (const char *on)
{
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL), *push = sock (ctx, ZMQ_PUSH);
    CHECK_INT (zmq_bind (pull, "inproc://q"), 0);
    CHECK_INT (zmq_connect (push, "inproc://q"), 0);
    for (int i = 0; i < 5; i++)
        SEND (push, "kept");
    sock_close (push);
    for (int i = 0; i < 5; i++)
        RECV (pull, "kept");
    CHECK_ERRNO (zmq_recv (pull, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    finish (ctx);
}

static void no_type_check (const char *on)
{
    /* inproc connects anything with anything. */
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL), *pair = sock (ctx, ZMQ_PAIR);
    CHECK_INT (zmq_bind (pull, "inproc://odd"), 0);
    CHECK_INT (zmq_connect (pair, "inproc://odd"), 0);
    SEND (pair, "through");
    RECV (pull, "through");
    finish (ctx);
}

/* ---- races ---- */

static void *race_ctx;

static void *connector (void *name)
{
    void *s = sock (race_ctx, ZMQ_PUSH);
    CHECK_INT (zmq_connect (s, name), 0);
    SEND (s, "foobar");
    return NULL;
}

static void *binder (void *name)
{
    void *s = sock (race_ctx, ZMQ_PULL);
    CHECK_INT (zmq_bind (s, name), 0);
    RECV (s, "foobar");
    return NULL;
}

static void bind_races_connect (const char *on)
{
    race_ctx = ctx_new ();
    for (int i = 0; i < 100; i++) {
        char name[64];
        pthread_t a, b;
        snprintf (name, sizeof name, "inproc://race-%d", i);
        pthread_create (&a, NULL, i & 1 ? connector : binder, name);
        pthread_create (&b, NULL, i & 1 ? binder : connector, name);
        pthread_join (a, NULL);
        pthread_join (b, NULL);
    }
    finish (race_ctx);
}

static void many_race_one_bind (const char *on)
{
    race_ctx = ctx_new ();
    pthread_t t[30];
    char name[] = "inproc://crowd";
    for (size_t i = 0; i < COUNT (t); i++)
        pthread_create (&t[i], NULL, connector, name);
    void *pull = sock (race_ctx, ZMQ_PULL);
    CHECK_INT (zmq_bind (pull, name), 0);
    for (size_t i = 0; i < COUNT (t); i++)
        RECV (pull, "foobar");
    for (size_t i = 0; i < COUNT (t); i++)
        pthread_join (t[i], NULL);
    finish (race_ctx);
}

/* In the reference a closed connecter whose bind never came holds its place in the context, so fewer than MAX_SOCKETS. */
static void *come_and_go (void *arg)
{
    for (int i = 0; i < 150; i++) {
        void *s = zmq_socket (race_ctx, ZMQ_PUSH);
        set_int (s, ZMQ_LINGER, 0);
        CHECK_INT (zmq_connect (s, "inproc://door"), 0);
        zmq_send (s, "x", 1, ZMQ_DONTWAIT);
        CHECK_INT (zmq_close (s), 0);
    }
    return NULL;
}

static void closing_races_connecting (const char *on)
{
    race_ctx = ctx_new ();
    pthread_t t[4];
    for (size_t i = 0; i < COUNT (t); i++)
        pthread_create (&t[i], NULL, come_and_go, NULL);
    for (int i = 0; i < 300; i++) {
        void *pull = sock (race_ctx, ZMQ_PULL);
        bind_when_free (pull, "inproc://door");
        zmq_recv (pull, NULL, 0, ZMQ_DONTWAIT);
        if (i & 1)
            CHECK_INT (zmq_unbind (pull, "inproc://door"), 0);
        sock_close (pull);
    }
    for (size_t i = 0; i < COUNT (t); i++)
        pthread_join (t[i], NULL);
    finish (race_ctx);
}

CHECK_MAIN (CASE (bind_first), CASE (connect_first), CASE (contexts_are_separate), CASE (publisher_connects_first),
            CASE (many_connects_before_bind), CASE (pending_connect_does_not_hold_term),
            CASE (closed_connect_is_delivered), CASE (late_bind_multipart), CASE (name_is_free_after_unbind),
            CASE (name_is_free_after_close), CASE (strange_names), CASE (disconnect_drops_peer),
            CASE (readable_after_peer_closed), CASE (no_type_check), CASE (bind_races_connect),
            CASE (many_race_one_bind), CASE (closing_races_connecting))
