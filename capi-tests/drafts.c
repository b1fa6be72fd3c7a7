/* The draft socket types: CLIENT, SERVER, RADIO, DISH, SCATTER, GATHER, PEER, CHANNEL, and the calls that go with them. */
#define ZMQ_BUILD_DRAFT_API
#include "raw.h"

/* ---- small things ---- */

static void message (zmq_msg_t *m, const char *text)
{
    CHECK_INT (zmq_msg_init_buffer (m, text, strlen (text)), 0);
}

static void send_to (void *s, uint32_t id, const char *text)
{
    zmq_msg_t m;
    message (&m, text);
    CHECK_INT (zmq_msg_set_routing_id (&m, id), 0);
    CHECK_INT (zmq_msg_send (&m, s, 0), strlen (text));
    CHECK_INT (zmq_msg_routing_id (&m), 0);
    CHECK_INT (zmq_msg_size (&m), 0);
}

/* What a send to this id answers; the message must stay what it was. */
static int refused (void *s, uint32_t id)
{
    zmq_msg_t m;
    message (&m, "stays");
    if (id)
        CHECK_INT (zmq_msg_set_routing_id (&m, id), 0);
    int error = zmq_msg_send (&m, s, ZMQ_DONTWAIT) == -1 ? zmq_errno () : 0;
    if (error) {
        CHECK_INT (zmq_msg_routing_id (&m), id);
        CHECK (zmq_msg_size (&m) == 5 && !memcmp (zmq_msg_data (&m), "stays", 5));
    }
    zmq_msg_close (&m);
    return error;
}

static uint32_t recv_from (void *s, const char *text)
{
    zmq_msg_t m;
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, s, 0), strlen (text));
    CHECK (!memcmp (zmq_msg_data (&m), text, strlen (text)));
    CHECK (!zmq_msg_more (&m));
    uint32_t id = zmq_msg_routing_id (&m);
    zmq_msg_close (&m);
    return id;
}

static int try_cast (void *radio, const char *group, const char *text)
{
    zmq_msg_t m;
    message (&m, text);
    CHECK_INT (zmq_msg_set_group (&m, group), 0);
    int rc = zmq_msg_send (&m, radio, ZMQ_DONTWAIT);
    if (rc == -1) {
        int error = zmq_errno ();
        CHECK (!strcmp (zmq_msg_group (&m), group) && zmq_msg_size (&m) == strlen (text));
        zmq_msg_close (&m);
        errno = error;
    }
    return rc;
}

static void cast (void *radio, const char *group, const char *text)
{
    CHECK_INT (try_cast (radio, group, text), strlen (text));
}

static void check_hear (void *dish, const char *group, const char *text, int line)
{
    zmq_msg_t m;
    zmq_msg_init (&m);
    if (zmq_msg_recv (&m, dish, 0) == -1)
        check_report (__FILE__, line, "nothing heard");
    if (strcmp (zmq_msg_group (&m), group) || zmq_msg_size (&m) != strlen (text)
        || memcmp (zmq_msg_data (&m), text, strlen (text)))
        check_report (__FILE__, line, "heard \"%.*s\" in \"%s\"", (int) zmq_msg_size (&m),
                      (const char *) zmq_msg_data (&m), zmq_msg_group (&m));
    CHECK (!zmq_msg_more (&m));
    zmq_msg_close (&m);
}
#define HEAR(dish, group, text) check_hear (dish, group, text, __LINE__)

/* Casts until it is heard: a radio cannot be asked who is in a group. What is heard twice is taken away. */
static void tune (void *radio, void *dish, const char *group)
{
    UNTIL ((cast (radio, group, "mark"), wait_for (dish, ZMQ_POLLIN, 20)));
    cast (radio, group, "end of marks");
    char text[32];
    while (recv_any (dish, text, sizeof text) == 4)
        ;
}

/* A pair of sockets of which the second is connected to the first. */
static void *pair (const char *on, int binds, int connects, void **a, void **b)
{
    char ep[ENDPOINT_MAX];
    void *ctx = ctx_new ();
    *a = sock (ctx, binds), *b = sock (ctx, connects);
    bind_on (*a, on, ep);
    connect_to (*b, ep);
    return ctx;
}

/* ---- all types ---- */

static void sockets_without_peers (const char *on)
{
    static const struct {
        int type, safe, events, send, recv;
    } types[] = {{ZMQ_SERVER, 1, ZMQ_POLLOUT, EHOSTUNREACH, EAGAIN}, {ZMQ_CLIENT, 1, 0, EAGAIN, EAGAIN},
                 {ZMQ_RADIO, 1, ZMQ_POLLOUT, 0, ENOTSUP},            {ZMQ_DISH, 1, ZMQ_POLLOUT, ENOTSUP, EAGAIN},
                 {ZMQ_GATHER, 1, 0, ENOTSUP, EAGAIN},                {ZMQ_SCATTER, 1, 0, EAGAIN, ENOTSUP},
                 {ZMQ_PEER, 1, ZMQ_POLLOUT, EHOSTUNREACH, EAGAIN},   {ZMQ_CHANNEL, 1, 0, EAGAIN, EAGAIN}};
    void *ctx = ctx_new ();
    for (size_t i = 0; i < COUNT (types); i++) {
        void *s = zmq_socket (ctx, types[i].type);
        CHECK (s != NULL);
        CHECK_INT (get_int (s, ZMQ_TYPE), types[i].type);
        CHECK_INT (get_int (s, ZMQ_THREAD_SAFE), types[i].safe);
        CHECK_INT (get_int (s, ZMQ_LINGER), types[i].type == ZMQ_DISH ? 0 : -1);
        CHECK_INT (get_int (s, ZMQ_EVENTS), types[i].events);
        CHECK_INT (get_int (s, ZMQ_RCVMORE), 0);
        int fd;
        size_t size = sizeof fd;
        CHECK_ERRNO (zmq_getsockopt (s, ZMQ_FD, &fd, &size), EINVAL);
        if (types[i].send)
            CHECK_ERRNO (zmq_send (s, "x", 1, ZMQ_DONTWAIT), types[i].send);
        else
            SEND (s, "x");
        CHECK_ERRNO (zmq_recv (s, NULL, 0, ZMQ_DONTWAIT), types[i].recv);
        int more = types[i].send == ENOTSUP ? ENOTSUP : EINVAL;
        CHECK_ERRNO (zmq_send (s, "x", 1, ZMQ_SNDMORE), more);
        CHECK_ERRNO (zmq_send (s, "x", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT), more);
        CHECK_ERRNO (zmq_send_const (s, "x", 1, ZMQ_SNDMORE), more);
        CHECK_INT (zmq_close (s), 0);
    }
    void *dgram = zmq_socket (ctx, ZMQ_DGRAM);
    CHECK (dgram != NULL);
    CHECK_INT (get_int (dgram, ZMQ_TYPE), ZMQ_DGRAM);
    CHECK_INT (get_int (dgram, ZMQ_THREAD_SAFE), 0);
    CHECK_INT (get_int (dgram, ZMQ_EVENTS), 0);
    CHECK (get_int (dgram, ZMQ_FD) >= 0);
    CHECK_ERRNO (zmq_recv (dgram, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    CHECK_INT (zmq_close (dgram), 0);
    CHECK_NULL (zmq_socket (ctx, 21), EINVAL);
    finish (ctx);
}

static void calls_of_other_types (const char *on)
{
    static const int types[] = {ZMQ_PAIR,   ZMQ_DEALER,  ZMQ_ROUTER, ZMQ_SUB,  ZMQ_SERVER, ZMQ_CLIENT,
                                ZMQ_RADIO,  ZMQ_SCATTER, ZMQ_GATHER, ZMQ_PEER, ZMQ_CHANNEL};
    void *ctx = ctx_new (), *dish = sock (ctx, ZMQ_DISH);
    for (size_t i = 0; i < COUNT (types); i++) {
        void *s = sock (ctx, types[i]);
        CHECK_ERRNO (zmq_join (s, "A"), ENOTSUP);
        CHECK_ERRNO (zmq_leave (s, "A"), ENOTSUP);
        CHECK_ERRNO (zmq_socket_get_peer_state (s, "x", 1), types[i] == ZMQ_ROUTER ? EHOSTUNREACH : ENOTSUP);
        errno = 0;
        if (types[i] != ZMQ_PEER)
            CHECK (zmq_connect_peer (s, "inproc://x") == 0 && zmq_errno () == ENOTSUP);
    }
    CHECK (zmq_connect_peer (dish, "inproc://x") == 0 && zmq_errno () == ENOTSUP);
    CHECK (zmq_connect_peer (NULL, "inproc://x") == 0 && zmq_errno () == ENOTSOCK);
    CHECK_ERRNO (zmq_join (NULL, "A"), ENOTSOCK);
    CHECK_ERRNO (zmq_leave (NULL, "A"), ENOTSOCK);
    CHECK_ERRNO (zmq_socket_get_peer_state (NULL, "x", 1), ENOTSOCK);
    finish (ctx);
}

/* Over a connection the types are checked, and nobody tries again. */
static void types_that_do_not_fit (const char *on)
{
    static const int pairs[][2] = {{ZMQ_SERVER, ZMQ_SERVER}, {ZMQ_CLIENT, ZMQ_DEALER}, {ZMQ_RADIO, ZMQ_SUB},
                                   {ZMQ_DISH, ZMQ_DISH},     {ZMQ_GATHER, ZMQ_PUSH},   {ZMQ_PEER, ZMQ_CLIENT},
                                   {ZMQ_CHANNEL, ZMQ_PAIR}};
    for (size_t i = 0; i < COUNT (pairs); i++) {
        void *ctx = ctx_new (), *a = sock (ctx, pairs[i][0]), *b = sock (ctx, pairs[i][1]);
        char ep[ENDPOINT_MAX];
        set_int (b, ZMQ_RECONNECT_IVL, 10);
        void *mon = mon_open (ctx, a, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        bind_on (a, on, ep);
        connect_to (b, ep);
        MON_NEXT (mon, ZMQ_EVENT_ACCEPTED);
        MON_NEXT (mon, ZMQ_EVENT_DISCONNECTED);
        CHECK_INT (mon_next (mon, NULL, NULL, 150), 0);
        finish (ctx);
    }
}

/* ---- messages ---- */

static void routing_ids_and_groups_of_messages (const char *on)
{
    char longer[300], cut[256];
    memset (longer, 'g', sizeof longer);
    longer[299] = 0;
    memset (cut, 'g', 255);
    cut[255] = 0;
    zmq_msg_t a, b;
    message (&a, "hello");
    CHECK (zmq_msg_size (&a) == 5 && !memcmp (zmq_msg_data (&a), "hello", 5));
    CHECK_INT (zmq_msg_routing_id (&a), 0);
    CHECK (!strcmp (zmq_msg_group (&a), ""));
    CHECK_ERRNO (zmq_msg_set_routing_id (&a, 0), EINVAL);
    CHECK_INT (zmq_msg_set_routing_id (&a, 0x89ABCDEF), 0);
    CHECK (zmq_msg_routing_id (&a) == 0x89ABCDEF);
    CHECK_INT (zmq_msg_set_routing_id (&a, 7), 0);
    CHECK_INT (zmq_msg_routing_id (&a), 7);
    CHECK_INT (zmq_msg_set_group (&a, "fourteen bytes"), 0);
    CHECK (!strcmp (zmq_msg_group (&a), "fourteen bytes"));
    CHECK_INT (zmq_msg_set_group (&a, "more than that, much more"), 0);
    zmq_msg_init (&b);
    CHECK_INT (zmq_msg_copy (&b, &a), 0);
    CHECK (!strcmp (zmq_msg_group (&b), "more than that, much more"));
    CHECK_INT (zmq_msg_routing_id (&b), 7);
    CHECK_INT (zmq_msg_set_group (&b, "other"), 0);
    CHECK (!strcmp (zmq_msg_group (&a), "more than that, much more"));
    CHECK_INT (zmq_msg_move (&b, &a), 0);
    CHECK (!strcmp (zmq_msg_group (&b), "more than that, much more"));
    CHECK (!strcmp (zmq_msg_group (&a), "") && zmq_msg_routing_id (&a) == 0);
    CHECK_INT (zmq_msg_set_group (&b, longer), 0);
    CHECK (!strcmp (zmq_msg_group (&b), cut));
    CHECK_INT (zmq_msg_set_group (&a, ""), 0);
    CHECK (!strcmp (zmq_msg_group (&a), ""));
    CHECK_INT (zmq_msg_close (&a), 0);
    CHECK_INT (zmq_msg_close (&b), 0);
    CHECK_INT (zmq_msg_init_buffer (&a, NULL, 0), 0);
    CHECK_INT (zmq_msg_size (&a), 0);
    zmq_msg_close (&a);
}

static void context_options_with_lengths (const char *on)
{
    void *ctx = ctx_new ();
    int value = 3;
    char prefix[16];
    size_t size = sizeof value;
    CHECK_INT (zmq_ctx_set_ext (ctx, ZMQ_IO_THREADS, &value, sizeof value), 0);
    CHECK_INT (zmq_ctx_get (ctx, ZMQ_IO_THREADS), 3);
    value = 0;
    CHECK_INT (zmq_ctx_get_ext (ctx, ZMQ_IO_THREADS, &value, &size), 0);
    CHECK_INT (value, 3);
    CHECK_ERRNO (zmq_ctx_set_ext (ctx, ZMQ_IO_THREADS, &value, 2), EINVAL);
    CHECK_ERRNO (zmq_ctx_set_ext (ctx, 999, &value, sizeof value), EINVAL);
    size = 2;
    CHECK_ERRNO (zmq_ctx_get_ext (ctx, ZMQ_IO_THREADS, &value, &size), EINVAL);
    CHECK_INT (zmq_ctx_set_ext (ctx, ZMQ_THREAD_NAME_PREFIX, "some", 5), 0);
    size = sizeof prefix;
    memset (prefix, 0, sizeof prefix);
    CHECK_INT (zmq_ctx_get_ext (ctx, ZMQ_THREAD_NAME_PREFIX, prefix, &size), 0);
    CHECK (!strcmp (prefix, "some"));
    CHECK_ERRNO (zmq_ctx_set_ext (NULL, ZMQ_IO_THREADS, &value, sizeof value), EFAULT);
    size = sizeof value;
    CHECK_ERRNO (zmq_ctx_get_ext (NULL, ZMQ_IO_THREADS, &value, &size), EFAULT);
    finish (ctx);
}

/* ---- CLIENT and SERVER ---- */

static void server_answers_whom_it_names (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_SERVER), *client[4];
    uint32_t id[4];
    char ep[ENDPOINT_MAX], text[2] = "a";
    bind_on (server, on, ep);
    for (size_t i = 0; i < COUNT (client); i++) {
        client[i] = sock (ctx, ZMQ_CLIENT);
        connect_to (client[i], ep);
        text[0] = (char) ('a' + i);
        SEND (client[i], text);
        id[i] = recv_from (server, text);
        CHECK (id[i] != 0);
        for (size_t k = 0; k < i; k++)
            CHECK (id[k] != id[i]);
    }
    for (int round = 0; round < 3; round++)
        for (size_t i = COUNT (client); i-- > 0;) {
            text[0] = (char) ('A' + i);
            send_to (server, id[i], text);
            CHECK_INT (recv_from (client[i], text), 0);
        }
    for (size_t i = 0; i < COUNT (client); i++)
        CHECK_ERRNO (zmq_recv (client[i], NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    CHECK_INT (refused (server, 0), EHOSTUNREACH);
    uint32_t strange = 1;
    while (strange == id[0] || strange == id[1] || strange == id[2] || strange == id[3])
        strange++;
    CHECK_INT (refused (server, strange), EHOSTUNREACH);
    CHECK_ERRNO (zmq_send (server, "x", 1, 0), EHOSTUNREACH);
    finish (ctx);
}

static void a_received_message_is_its_own_address (const char *on)
{
    void *server, *client, *ctx = pair (on, ZMQ_SERVER, ZMQ_CLIENT, &server, &client);
    zmq_msg_t m;
    zmq_msg_init (&m);
    for (int i = 0; i < 100; i++) {
        SEND (client, "echo");
        CHECK_INT (zmq_msg_recv (&m, server, 0), 4);
        CHECK_INT (zmq_msg_send (&m, server, 0), 4);
        RECV (client, "echo");
    }
    zmq_msg_close (&m);
    finish (ctx);
}

static void client_goes_round (const char *on)
{
    void *ctx = ctx_new (), *client = sock (ctx, ZMQ_CLIENT), *server[3];
    char ep[ENDPOINT_MAX];
    for (size_t i = 0; i < COUNT (server); i++) {
        server[i] = sock (ctx, ZMQ_SERVER);
        bind_on (server[i], on, ep);
        connect_to (client, ep);
    }
    for (size_t i = 0; i < 2 * COUNT (server); i++)
        SEND (client, "x");
    for (size_t i = 0; i < COUNT (server); i++) {
        uint32_t id = recv_from (server[i], "x");
        CHECK_INT (recv_from (server[i], "x"), id);
        send_to (server[i], id, "y");
        RECV (client, "y");
    }
    finish (ctx);
}

/* What a send to a peer that left answers in the end; the reference learns of it by reading. */
static int refused_in_the_end (void *s, uint32_t id)
{
    CHECK_ERRNO (zmq_recv (s, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    return refused (s, id);
}

static void a_client_that_left_is_unreachable (const char *on)
{
    void *server, *client, *ctx = pair (on, ZMQ_SERVER, ZMQ_CLIENT, &server, &client);
    SEND (client, "hello");
    uint32_t id = recv_from (server, "hello");
    sock_close (client);
    UNTIL (refused_in_the_end (server, id) == EHOSTUNREACH);
    finish (ctx);
}

static void a_full_client_is_waited_for (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_SERVER), *client = sock (ctx, ZMQ_CLIENT);
    char ep[ENDPOINT_MAX];
    set_int (server, ZMQ_SNDHWM, 3);
    set_int (client, ZMQ_RCVHWM, 3);
    bind_on (server, on, ep);
    connect_to (client, ep);
    SEND (client, "hello");
    uint32_t id = recv_from (server, "hello");
    for (int i = 0; i < 6; i++)
        send_to (server, id, "x");
    CHECK_INT (refused (server, id), EAGAIN);
    set_int (server, ZMQ_SNDTIMEO, 50);
    zmq_msg_t m;
    message (&m, "x");
    zmq_msg_set_routing_id (&m, id);
    int64_t start = now_ms ();
    CHECK_ERRNO (zmq_msg_send (&m, server, 0), EAGAIN);
    CHECK (now_ms () - start >= 40);
    CHECK_INT (get_int (server, ZMQ_EVENTS) & ZMQ_POLLOUT, ZMQ_POLLOUT);
    for (int i = 0; i < 6; i++)
        RECV (client, "x");
    set_int (server, ZMQ_SNDTIMEO, PATIENCE_MS);
    CHECK_INT (zmq_msg_send (&m, server, 0), 1);
    RECV (client, "x");
    finish (ctx);
}

/* Over inproc anybody may connect to anybody. */
static void longer_messages_are_thrown_away (const char *on)
{
    static const int pairs[][2] = {
        {ZMQ_SERVER, ZMQ_DEALER}, {ZMQ_CLIENT, ZMQ_DEALER}, {ZMQ_GATHER, ZMQ_PUSH}, {ZMQ_PEER, ZMQ_PAIR}, {ZMQ_CHANNEL, ZMQ_PAIR}};
    for (size_t i = 0; i < COUNT (pairs); i++) {
        void *a, *b, *ctx = pair ("inproc", pairs[i][0], pairs[i][1], &a, &b);
        SEND_MORE (b, "long");
        SEND (b, "er");
        SEND (b, "1");
        SEND_MORE (b, "even");
        SEND_MORE (b, "much");
        SEND (b, "longer");
        SEND (b, "2");
        RECV (a, "1");
        RECV (a, "2");
        CHECK_ERRNO (zmq_recv (a, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        finish (ctx);
    }
}

/* ---- RADIO and DISH ---- */

static void a_group_is_exact (const char *on)
{
    void *radio, *dish, *ctx = pair (on, ZMQ_RADIO, ZMQ_DISH, &radio, &dish);
    CHECK_INT (zmq_join (dish, "Movies"), 0);
    tune (radio, dish, "Movies");
    cast (radio, "Movie", "no");
    cast (radio, "Movies2", "no");
    cast (radio, "movies", "no");
    SEND (radio, "no");
    cast (radio, "Movies", "Godfather");
    HEAR (dish, "Movies", "Godfather");
    CHECK_INT (zmq_join (dish, "TV"), 0);
    tune (radio, dish, "TV");
    cast (radio, "TV", "Friends");
    cast (radio, "Movies", "Titanic");
    HEAR (dish, "TV", "Friends");
    HEAR (dish, "Movies", "Titanic");
    CHECK_INT (zmq_leave (dish, "TV"), 0);
    cast (radio, "TV", "Seinfeld");
    cast (radio, "Movies", "Alien");
    HEAR (dish, "Movies", "Alien");
    NOTHING (dish);
    finish (ctx);
}

static void groups_are_entered_and_left_once (const char *on)
{
    char name[257];
    void *radio, *dish, *ctx = pair (on, ZMQ_RADIO, ZMQ_DISH, &radio, &dish);
    memset (name, 'g', 256);
    name[256] = 0;
    CHECK_ERRNO (zmq_leave (dish, "A"), EINVAL);
    CHECK_INT (zmq_join (dish, "A"), 0);
    CHECK_ERRNO (zmq_join (dish, "A"), EINVAL);
    CHECK_INT (zmq_leave (dish, "A"), 0);
    CHECK_ERRNO (zmq_leave (dish, "A"), EINVAL);
    CHECK_ERRNO (zmq_join (dish, name), EINVAL);
    CHECK_ERRNO (zmq_leave (dish, name), EINVAL);
    name[255] = 0;
    CHECK_INT (zmq_join (dish, name), 0);
    tune (radio, dish, name);
    cast (radio, name, "long");
    HEAR (dish, name, "long");
    CHECK_INT (zmq_join (dish, ""), 0);
    tune (radio, dish, "");
    SEND (radio, "of no group");
    HEAR (dish, "", "of no group");
    finish (ctx);
}

static void many_dishes_and_groups (const char *on)
{
    void *ctx = ctx_new (), *radio = sock (ctx, ZMQ_RADIO), *dish[8];
    char ep[ENDPOINT_MAX], group[8];
    bind_on (radio, on, ep);
    for (size_t i = 0; i < COUNT (dish); i++) {
        dish[i] = sock (ctx, ZMQ_DISH);
        connect_to (dish[i], ep);
        for (size_t g = i; g < 2 * COUNT (dish); g++) {
            snprintf (group, sizeof group, "g%zu", g);
            CHECK_INT (zmq_join (dish[i], group), 0);
        }
        snprintf (group, sizeof group, "d%zu", i);
        CHECK_INT (zmq_join (dish[i], group), 0);
        tune (radio, dish[i], group);
    }
    for (size_t g = 0; g < 2 * COUNT (dish); g++) {
        snprintf (group, sizeof group, "g%zu", g);
        cast (radio, group, group);
    }
    for (size_t i = 0; i < COUNT (dish); i++) {
        for (size_t g = i; g < 2 * COUNT (dish); g++) {
            snprintf (group, sizeof group, "g%zu", g);
            HEAR (dish[i], group, group);
        }
        CHECK_ERRNO (zmq_recv (dish[i], NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    }
    finish (ctx);
}

static void a_dish_hears_several_radios (const char *on)
{
    void *ctx = ctx_new (), *dish = sock (ctx, ZMQ_DISH), *radio[3];
    char ep[ENDPOINT_MAX], large[70000];
    memset (large, 'x', sizeof large - 1);
    large[sizeof large - 1] = 0;
    CHECK_INT (zmq_join (dish, "A"), 0);
    bind_on (dish, on, ep);
    for (size_t i = 0; i < COUNT (radio); i++) {
        radio[i] = sock (ctx, ZMQ_RADIO);
        connect_to (radio[i], ep);
        tune (radio[i], dish, "A");
    }
    for (size_t i = 0; i < COUNT (radio); i++) {
        cast (radio[i], "A", "small");
        HEAR (dish, "A", "small");
        cast (radio[i], "A", large);
        HEAR (dish, "A", large);
    }
    finish (ctx);
}

static void a_full_dish_misses_messages_unless_none_may (const char *on)
{
    void *ctx = ctx_new (), *radio = sock (ctx, ZMQ_RADIO), *dish = sock (ctx, ZMQ_DISH);
    char ep[ENDPOINT_MAX];
    set_int (radio, ZMQ_SNDHWM, 2);
    set_int (dish, ZMQ_RCVHWM, 2);
    CHECK_INT (zmq_join (dish, "A"), 0);
    bind_on (radio, on, ep);
    connect_to (dish, ep);
    get_int (radio, ZMQ_EVENTS);
    for (int i = 0; i < 6; i++)
        cast (radio, "A", "lossy");
    for (int i = 0; i < 4; i++)
        HEAR (dish, "A", "lossy");
    CHECK_ERRNO (zmq_recv (dish, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    sock_close (dish);
    dish = sock (ctx, ZMQ_DISH);
    set_int (dish, ZMQ_RCVHWM, 2);
    CHECK_INT (zmq_join (dish, "A"), 0);
    connect_to (dish, ep);
    set_int (radio, ZMQ_XPUB_NODROP, 1);
    get_int (radio, ZMQ_EVENTS); /* where the reference hears of groups */
    for (int i = 0; i < 4; i++)
        cast (radio, "A", "kept");
    CHECK_ERRNO (try_cast (radio, "A", "too many"), EAGAIN);
    cast (radio, "B", "to nobody");
    for (int i = 0; i < 4; i++)
        HEAR (dish, "A", "kept");
    UNTIL (try_cast (radio, "A", "again") == 5);
    HEAR (dish, "A", "again");
    int bad = -1;
    CHECK_ERRNO (zmq_setsockopt (radio, ZMQ_XPUB_NODROP, &bad, sizeof bad), EINVAL);
    CHECK_ERRNO (zmq_setsockopt (radio, ZMQ_XPUB_VERBOSE, &bad, sizeof bad), EINVAL);
    CHECK_ERRNO (zmq_setsockopt (radio, ZMQ_SUBSCRIBE, "A", 1), EINVAL);
    CHECK_ERRNO (zmq_setsockopt (dish, ZMQ_SUBSCRIBE, "A", 1), EINVAL);
    finish (ctx);
}

static void a_dish_joins_again_after_a_reconnect (const char *on)
{
    void *ctx = ctx_new (), *radio = sock (ctx, ZMQ_RADIO), *dish = sock (ctx, ZMQ_DISH);
    char ep[ENDPOINT_MAX];
    set_int (dish, ZMQ_RECONNECT_IVL, 10);
    CHECK_INT (zmq_join (dish, "A"), 0);
    CHECK_INT (zmq_join (dish, "B"), 0);
    bind_on (radio, on, ep);
    connect_to (dish, ep);
    tune (radio, dish, "A");
    CHECK_INT (zmq_leave (dish, "B"), 0);
    sock_close (radio);
    radio = sock (ctx, ZMQ_RADIO);
    UNTIL (zmq_bind (radio, ep) == 0);
    CHECK_INT (zmq_join (dish, "C"), 0);
    /* The reference says it again only when it is called. */
    UNTIL ((cast (radio, "A", "mark"), get_int (dish, ZMQ_EVENTS) & ZMQ_POLLIN));
    tune (radio, dish, "C");
    cast (radio, "B", "no");
    cast (radio, "A", "a");
    cast (radio, "C", "c");
    HEAR (dish, "A", "a");
    HEAR (dish, "C", "c");
    finish (ctx);
}

/* ---- the wire ---- */

static int shake (int fd, const char *type, const char *peer)
{
    unsigned char out[128], in[64];
    greeting (out, 1, "NULL");
    raw_write (fd, out, 64);
    RAW_READ (fd, in, 64);
    raw_write (fd, out, ready (out, type, NULL));
    RAW_READ (fd, in, 2);
    CHECK (in[0] == 4 && in[1] == 6 + 15 + strlen (peer) + 1);
    RAW_READ (fd, in, in[1]);
    CHECK (!memcmp (in + 22, peer, strlen (peer)));
    return fd;
}

static void a_radio_on_the_wire (const char *on)
{
    void *ctx = ctx_new (), *radio = sock (ctx, ZMQ_RADIO);
    char ep[ENDPOINT_MAX];
    bind_on (radio, "tcp", ep);
    int fd = shake (raw_connect (ep), "DISH", "RADIO");
    RAW_SEND (fd, "\4\6\4JOINA");
    UNTIL ((cast (radio, "A", "hello"), raw_wait (fd, 20)));
    RAW_EXPECT (fd, "\1\1A\0\5hello");
    RAW_SEND (fd, "\4\7\5LEAVEA\4\6\4JOINB");
    /* What no group is, and what no radio wants. */
    RAW_SEND (fd, "\0\3xyz\1\1A\0\1b\4\10\7UNKNOWN"
                  "\4\6\5LEAVE\4\5\4JOIN");
    char got[8];
    UNTIL ((cast (radio, "B", "b"), raw_wait (fd, 20)));
    do
        RAW_READ (fd, got, 1);
    while (got[0] != 1 || (RAW_READ (fd, got, 2), got[1] == 'A' ? (RAW_READ (fd, got, 7), true) : false));
    RAW_EXPECT (fd, "\0\1b");
    close (fd);
    finish (ctx);
}

static void a_dish_on_the_wire (const char *on)
{
    char ep[ENDPOINT_MAX];
    int listener = raw_listen (ep);
    void *ctx = ctx_new (), *dish = sock (ctx, ZMQ_DISH);
    CHECK_INT (zmq_join (dish, "A"), 0);
    connect_to (dish, ep);
    int fd = shake (raw_accept (listener), "RADIO", "DISH");
    RAW_EXPECT (fd, "\4\6\4JOINA");
    CHECK_INT (zmq_join (dish, "BC"), 0);
    RAW_EXPECT (fd, "\4\7\4JOINBC");
    CHECK_INT (zmq_leave (dish, "A"), 0);
    RAW_EXPECT (fd, "\4\7\5LEAVEA");
    RAW_SEND (fd, "\1\1A\0\2no\1\2BC\0\3yes\1\2BC\0\0");
    HEAR (dish, "BC", "yes");
    HEAR (dish, "BC", "");
    close (fd);
    close (listener);
    finish (ctx);
}

/* A message of one frame, of three, and of a group with too long a name end the connection. */
static void bad_messages_end_the_connection (const char *on)
{
    unsigned char longer[300] = {3, 0, 0, 0, 0, 0, 0, 1, 0};
    memset (longer + 9, 'g', 256);
    for (int kind = 0; kind < 3; kind++) {
        void *ctx = ctx_new (), *dish = sock (ctx, ZMQ_DISH);
        char ep[ENDPOINT_MAX];
        CHECK_INT (zmq_join (dish, "A"), 0);
        bind_on (dish, "tcp", ep);
        int bad = shake (raw_connect (ep), "RADIO", "DISH"), good = shake (raw_connect (ep), "RADIO", "DISH");
        RAW_SEND (bad, "\1\1A\0\5first");
        if (kind == 0)
            RAW_SEND (bad, "\0\5alone");
        else if (kind == 1)
            RAW_SEND (bad, "\1\1A\1\1b\0\1c");
        else
            raw_write (bad, longer, 265);
        if (kind == 2)
            RAW_SEND (bad, "\0\1c");
        raw_try_write (bad, "\1\1A\0\4last", 9);
        HEAR (dish, "A", "first");
        UNTIL ((get_int (dish, ZMQ_EVENTS), raw_closed (bad, 20)));
        RAW_SEND (good, "\1\1A\0\4good");
        HEAR (dish, "A", "good");
        close (bad);
        close (good);
        finish (ctx);
    }
}

/* ---- SCATTER and GATHER ---- */

static void scatter_goes_round (const char *on)
{
    void *ctx = ctx_new (), *scatter = sock (ctx, ZMQ_SCATTER), *gather[3];
    char ep[ENDPOINT_MAX];
    for (size_t i = 0; i < COUNT (gather); i++) {
        gather[i] = sock (ctx, ZMQ_GATHER);
        bind_on (gather[i], on, ep);
        connect_to (scatter, ep);
    }
    for (size_t i = 0; i < 4 * COUNT (gather); i++)
        SEND_BYTES (scatter, &i, sizeof i, 0);
    for (size_t i = 0; i < 4 * COUNT (gather); i++)
        RECV_BYTES (gather[i % COUNT (gather)], &i, sizeof i, 0);
    for (size_t i = 0; i < COUNT (gather); i++)
        CHECK_ERRNO (zmq_recv (gather[i], NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    finish (ctx);
}

static void a_full_gather (const char *on)
{
    void *ctx = ctx_new (), *scatter = sock (ctx, ZMQ_SCATTER), *gather = sock (ctx, ZMQ_GATHER);
    char ep[ENDPOINT_MAX];
    set_int (scatter, ZMQ_SNDHWM, 2);
    set_int (gather, ZMQ_RCVHWM, 2);
    bind_on (gather, on, ep);
    connect_to (scatter, ep);
    for (int i = 0; i < 4; i++)
        SEND (scatter, "x");
    CHECK_ERRNO (zmq_send (scatter, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    CHECK_INT (get_int (scatter, ZMQ_EVENTS), 0);
    for (int i = 0; i < 4; i++)
        RECV (gather, "x");
    CHECK_INT (get_int (scatter, ZMQ_EVENTS), ZMQ_POLLOUT);
    finish (ctx);
}

/* ---- PEER ---- */

static void a_peer_knows_whom_it_connected (const char *on)
{
    void *ctx = ctx_new (), *one = sock (ctx, ZMQ_PEER), *two[3];
    uint32_t there[3], back[3];
    char ep[ENDPOINT_MAX];
    for (size_t i = 0; i < COUNT (two); i++) {
        two[i] = sock (ctx, ZMQ_PEER);
        bind_on (two[i], on, ep);
        there[i] = zmq_connect_peer (one, ep);
        CHECK (there[i] != 0);
        /* At once, connected or not. */
        send_to (one, there[i], "there");
    }
    for (size_t i = 0; i < COUNT (two); i++) {
        back[i] = recv_from (two[i], "there");
        CHECK (back[i] != 0);
        send_to (two[i], back[i], "back");
        CHECK_INT (recv_from (one, "back"), there[i]);
    }
    CHECK_INT (refused (one, there[0] + 100), EHOSTUNREACH);
    sock_close (two[1]);
    if (strcmp (on, "inproc") == 0)
        UNTIL (refused_in_the_end (one, there[1]) == EHOSTUNREACH);
    send_to (one, there[2], "still");
    CHECK_INT (recv_from (two[2], "still"), back[2]);
    finish (ctx);
}

static void connects_that_peers_are_refused (const char *on)
{
    void *ctx = ctx_new (), *peer = sock (ctx, ZMQ_PEER);
    errno = 0;
    CHECK (zmq_connect_peer (peer, "nonsense") == 0 && zmq_errno () == EINVAL);
    CHECK (zmq_connect_peer (peer, "xyz://nonsense") == 0 && zmq_errno () == EPROTONOSUPPORT);
    set_int (peer, ZMQ_IMMEDIATE, 1);
    CHECK (zmq_connect_peer (peer, "inproc://x") == 0 && zmq_errno () == EFAULT);
    set_int (peer, ZMQ_IMMEDIATE, 0);
    CHECK (zmq_connect_peer (peer, "inproc://x") != 0);
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    CHECK (zmq_connect_peer (peer, "inproc://x") == 0 && zmq_errno () == ETERM);
    finish (ctx);
}

static void the_state_of_a_routers_peer (const char *on)
{
    void *ctx = ctx_new (), *router = sock (ctx, ZMQ_ROUTER), *dealer = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    set_int (router, ZMQ_SNDHWM, 1);
    set_int (router, ZMQ_ROUTER_MANDATORY, 1);
    set_int (dealer, ZMQ_RCVHWM, 1);
    set_text (dealer, ZMQ_ROUTING_ID, "X");
    bind_on (router, "inproc", ep);
    connect_to (dealer, ep);
    SEND (dealer, "hello");
    RECV_MORE (router, "X");
    RECV (router, "hello");
    CHECK_INT (zmq_socket_get_peer_state (router, "X", 1), ZMQ_POLLOUT);
    CHECK_ERRNO (zmq_socket_get_peer_state (router, "Y", 1), EHOSTUNREACH);
    for (int i = 0; i < 2; i++) {
        SEND_MORE (router, "X");
        SEND (router, "x");
    }
    CHECK_INT (zmq_socket_get_peer_state (router, "X", 1), 0);
    finish (ctx);
}

/* ---- CHANNEL ---- */

static void a_channel_has_one_peer (const char *on)
{
    char ep[ENDPOINT_MAX];
    void *ctx = ctx_new (), *a = sock (ctx, ZMQ_CHANNEL), *b = sock (ctx, ZMQ_CHANNEL), *late = sock (ctx, ZMQ_CHANNEL);
    bind_on (a, on, ep);
    connect_to (b, ep);
    for (int i = 0; i < 20; i++) {
        SEND (b, "there");
        RECV (a, "there");
        SEND (a, "back");
        RECV (b, "back");
    }
    connect_to (late, ep);
    zmq_send (late, "intruder", 8, ZMQ_DONTWAIT);
    NOTHING (a);
    SEND (a, "for b");
    RECV (b, "for b");
    NOTHING (late);
    sock_close (late);
    sock_close (b);
    UNTIL ((zmq_recv (a, NULL, 0, ZMQ_DONTWAIT), !(get_int (a, ZMQ_EVENTS) & ZMQ_POLLOUT)));
    CHECK_ERRNO (zmq_send (a, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    /* Over inproc the reference may turn the next one away for a while. */
    bool taken = false;
    for (int64_t limit = now_ms () + PATIENCE_MS; !taken && now_ms () < limit;) {
        b = sock (ctx, ZMQ_CHANNEL);
        connect_to (b, ep);
        SEND (b, "next");
        taken = wait_for (a, ZMQ_POLLIN, 50);
        if (!taken)
            sock_close (b);
    }
    RECV (a, "next");
    finish (ctx);
}

/* ---- waiting ---- */

static void polling_thread_safe_sockets (const char *on)
{
    void *server, *client, *ctx = pair (on, ZMQ_SERVER, ZMQ_CLIENT, &server, &client);
    zmq_pollitem_t items[3] = {{server, 0, ZMQ_POLLIN, 0}, {client, 0, ZMQ_POLLIN, 0}, {client, 0, ZMQ_POLLOUT, 0}};
    CHECK_INT (zmq_poll (items, 2, 0), 0);
    CHECK_INT (zmq_poll (items, 2, 20), 0);
    SEND (client, "x");
    CHECK_INT (zmq_poll (items, 2, PATIENCE_MS), 1);
    CHECK (items[0].revents == ZMQ_POLLIN && items[1].revents == 0);
    uint32_t id = recv_from (server, "x");
    CHECK_INT (zmq_poll (items, 2, 0), 0);
    send_to (server, id, "y");
    CHECK_INT (zmq_poll (items, 2, PATIENCE_MS), 1);
    CHECK (items[0].revents == 0 && items[1].revents == ZMQ_POLLIN);
    items[0].events = ZMQ_POLLIN | ZMQ_POLLOUT;
    CHECK (zmq_poll (items, 3, PATIENCE_MS) >= 2);
    CHECK (items[0].revents == ZMQ_POLLOUT && items[1].revents == ZMQ_POLLIN && items[2].revents == ZMQ_POLLOUT);
    finish (ctx);
}

static void a_poller_waits_for_thread_safe_sockets (const char *on)
{
    void *server, *client, *ctx = pair (on, ZMQ_SERVER, ZMQ_CLIENT, &server, &client), *poller = zmq_poller_new ();
    zmq_poller_event_t e[3];
    CHECK (poller != NULL);
    CHECK_INT (zmq_poller_add (poller, server, &server, ZMQ_POLLIN), 0);
    CHECK_INT (zmq_poller_add (poller, client, &client, ZMQ_POLLIN), 0);
    CHECK_ERRNO (zmq_poller_add (poller, client, &client, ZMQ_POLLIN), EINVAL);
    CHECK_ERRNO (zmq_poller_wait (poller, e, 0), EAGAIN);
    CHECK (e[0].socket == NULL && e[0].fd == -1 && e[0].events == 0);
    CHECK_ERRNO (zmq_poller_wait (poller, e, 20), EAGAIN);
    SEND (client, "x");
    CHECK_INT (zmq_poller_wait (poller, e, PATIENCE_MS), 0);
    CHECK (e[0].socket == server && e[0].user_data == &server && e[0].events == ZMQ_POLLIN && e[0].fd == -1);
    send_to (server, recv_from (server, "x"), "y");
    SEND (client, "z");
    UNTIL (zmq_poller_wait_all (poller, e, 3, PATIENCE_MS) == 2);
    CHECK (e[0].socket == server && e[1].socket == client && e[1].events == ZMQ_POLLIN && e[2].socket == NULL);
    CHECK_INT (zmq_poller_wait_all (poller, e, 1, PATIENCE_MS), 1);
    CHECK_INT (zmq_poller_modify (poller, server, 0), 0);
    CHECK_INT (zmq_poller_modify (poller, client, ZMQ_POLLIN | ZMQ_POLLOUT), 0);
    CHECK_INT (zmq_poller_wait_all (poller, e, 3, PATIENCE_MS), 1);
    CHECK (e[0].socket == client && e[0].events == (ZMQ_POLLIN | ZMQ_POLLOUT));
    CHECK_INT (zmq_poller_remove (poller, client), 0);
    CHECK_ERRNO (zmq_poller_wait (poller, e, -1), EFAULT);
    CHECK_INT (zmq_poller_destroy (&poller), 0);
    CHECK (poller == NULL);
    finish (ctx);
}

static bool readable (int fd, int ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll (&p, 1, ms) == 1;
}

static void a_poller_has_a_descriptor (const char *on)
{
    void *server, *client, *ctx = pair (on, ZMQ_SERVER, ZMQ_CLIENT, &server, &client), *poller = zmq_poller_new ();
    void *dealer = sock (ctx, ZMQ_DEALER);
    zmq_poller_event_t e;
    int fd = -1;
    CHECK_ERRNO (zmq_poller_fd (poller, &fd), EINVAL);
    CHECK_INT (zmq_poller_add (poller, dealer, NULL, ZMQ_POLLIN), 0);
    CHECK_ERRNO (zmq_poller_fd (poller, &fd), EINVAL);
    CHECK_INT (zmq_poller_add (poller, server, NULL, ZMQ_POLLIN), 0);
    CHECK_INT (zmq_poller_fd (poller, &fd), 0);
    CHECK (fd >= 0);
    int again = -1;
    CHECK_INT (zmq_poller_fd (poller, &again), 0);
    CHECK_INT (again, fd);
    /* It may be readable for other reasons, and says nothing twice. */
    for (int i = 0; i < 50; i++) {
        while (zmq_poller_wait (poller, &e, 0) == 0)
            recv_from (server, "x");
        CHECK_INT (zmq_errno (), EAGAIN);
        SEND (client, "x");
        int64_t limit = now_ms () + PATIENCE_MS;
        while (zmq_poller_wait (poller, &e, 0) == -1) {
            CHECK (zmq_errno () == EAGAIN && now_ms () < limit);
            CHECK (readable (fd, PATIENCE_MS));
        }
        CHECK (e.socket == server && e.events == ZMQ_POLLIN);
        recv_from (server, "x");
    }
    CHECK_INT (zmq_poller_remove (poller, server), 0);
    CHECK_INT (zmq_poller_fd (poller, &again), 0);
    CHECK_INT (zmq_poller_add (poller, client, NULL, ZMQ_POLLIN), 0);
    while (readable (fd, 0))
        CHECK_ERRNO (zmq_poller_wait (poller, &e, 0), EAGAIN);
    CHECK_INT (zmq_ctx_shutdown (ctx), 0);
    CHECK (readable (fd, PATIENCE_MS));
    CHECK_ERRNO (zmq_poller_wait (poller, &e, 0), ETERM);
    CHECK_INT (zmq_poller_destroy (&poller), 0);
    finish (ctx);
}

#define EVERYWHERE(fn) CASE_ON (fn, "tcp"), CASE_ON (fn, "ipc"), CASE_ON (fn, "inproc")

CHECK_MAIN (CASE (sockets_without_peers), CASE (calls_of_other_types), CASE_ON (types_that_do_not_fit, "tcp"),
            CASE_ON (types_that_do_not_fit, "ipc"), CASE (routing_ids_and_groups_of_messages),
            CASE (context_options_with_lengths), EVERYWHERE (server_answers_whom_it_names),
            EVERYWHERE (a_received_message_is_its_own_address), EVERYWHERE (client_goes_round),
            EVERYWHERE (a_client_that_left_is_unreachable), CASE_ON (a_full_client_is_waited_for, "inproc"),
            CASE (longer_messages_are_thrown_away), EVERYWHERE (a_group_is_exact), CASE_ON (a_group_is_exact, "tcp6"),
            EVERYWHERE (groups_are_entered_and_left_once), EVERYWHERE (many_dishes_and_groups),
            EVERYWHERE (a_dish_hears_several_radios),
            CASE_ON (a_full_dish_misses_messages_unless_none_may, "inproc"),
            CASE_ON (a_dish_joins_again_after_a_reconnect, "tcp"), CASE_ON (a_dish_joins_again_after_a_reconnect, "ipc"),
            CASE (a_radio_on_the_wire), CASE (a_dish_on_the_wire), CASE (bad_messages_end_the_connection),
            EVERYWHERE (scatter_goes_round), CASE_ON (a_full_gather, "inproc"),
            EVERYWHERE (a_peer_knows_whom_it_connected), CASE (connects_that_peers_are_refused),
            CASE (the_state_of_a_routers_peer), EVERYWHERE (a_channel_has_one_peer),
            EVERYWHERE (polling_thread_safe_sockets), EVERYWHERE (a_poller_waits_for_thread_safe_sockets),
            EVERYWHERE (a_poller_has_a_descriptor))
