/* CURVE: messages of every size and socket type come through an encrypted connection whole and in order. */
#define ZMQ_BUILD_DRAFT_API
#include "security.h"

typedef struct {
    void *ctx, *server, *client;
    keys_t sk, ck;
    char ep[ENDPOINT_MAX];
} duo_t;

static duo_t duo (int server, int client)
{
    duo_t d = {.ctx = ctx_new (), .sk = keys_new (), .ck = keys_new ()};
    d.server = sock (d.ctx, server);
    d.client = sock (d.ctx, client);
    curve_server (d.server, &d.sk);
    curve_client (d.client, &d.ck, d.sk.public);
    return d;
}

static void meet (duo_t *d, const char *on)
{
    bind_on (d->server, on, d->ep);
    connect_to (d->client, d->ep);
}

enum { LARGEST = 1 << 20 };
static unsigned char body[LARGEST];

static void compose (unsigned seed, size_t size)
{
    for (size_t i = 0; i < size; i++)
        body[i] = (unsigned char) (seed * 7 + i * 31 + i / 256);
}

/* Every size where a header, a buffer or a way of sending changes, give or take the bytes that the box adds. */
static void sizes (const char *on)
{
    static const size_t around[] = {0, 33, 64, 222, 255, 256, 4096, 8192, 16384, 32768, 61440, 65536, 131072, 262144, LARGEST - 40};
    duo_t d = duo (ZMQ_DEALER, ZMQ_DEALER);
    unsigned seed = 0;
    meet (&d, on);
    for (size_t i = 0; i < COUNT (around); i++)
        for (int delta = -36; delta <= 3; delta++) {
            if ((int) around[i] + delta < 0)
                continue;
            size_t size = around[i] + (size_t) delta;
            /* Of the large ones, those that matter. */
            if (size > 20000 && delta != -33 && delta != -34 && delta != 0 && delta != 1)
                continue;
            for (int way = 0; way < 2; way++) {
                compose (seed, size);
                SEND_BYTES (way ? d.server : d.client, body, (int) size, way ? ZMQ_SNDMORE : 0);
                if (way)
                    SEND (d.server, "tail");
                compose (seed++, size);
                RECV_BYTES (way ? d.client : d.server, body, size, way);
                if (way)
                    RECV (d.client, "tail");
            }
        }
    finish (d.ctx);
}

/* All of them under way at once. */
static void sizes_at_once (const char *on)
{
    duo_t d = duo (ZMQ_PULL, ZMQ_PUSH);
    enum { MANY = 1200 };
    set_int (d.client, ZMQ_SNDHWM, 0);
    set_int (d.server, ZMQ_RCVHWM, 0);
    bool early = strstr (on, "early") != NULL;
    const char *transport = strstr (on, "ipc") ? "ipc" : "tcp";
    bind_on (d.server, transport, d.ep);
    if (early)
        connect_to (d.client, d.ep);
    else {
        connect_to (d.client, d.ep);
        SEND (d.client, "up");
        RECV (d.server, "up");
    }
    for (unsigned n = 0; n < MANY; n++) {
        size_t size = n % 100 == 99 ? 200000 : n % 10 == 9 ? 17000 : n % 300;
        compose (n, size);
        SEND_BYTES (d.client, body, (int) size, n % 2 ? 0 : ZMQ_SNDMORE);
    }
    for (unsigned n = 0; n < MANY; n++) {
        size_t size = n % 100 == 99 ? 200000 : n % 10 == 9 ? 17000 : n % 300;
        compose (n, size);
        RECV_BYTES (d.server, body, size, n % 2 ? 0 : 1);
    }
    NOTHING (d.server);
    finish (d.ctx);
}

/* Kept messages stay as they are while others come over them. */
static void held (const char *on)
{
    duo_t d = duo (ZMQ_PULL, ZMQ_PUSH);
    enum { KEPT = 200 };
    static zmq_msg_t kept[KEPT], copy[KEPT];
    meet (&d, on);
    for (unsigned n = 0; n < KEPT; n++) {
        compose (n, n * 50);
        SEND_BYTES (d.client, body, (int) n * 50, 0);
        zmq_msg_init (&kept[n]);
        zmq_msg_init (&copy[n]);
        CHECK_INT (zmq_msg_recv (&kept[n], d.server, 0), n * 50);
        CHECK_INT (zmq_msg_copy (&copy[n], &kept[n]), 0);
        /* What is shared may be sent again while it is read. */
        CHECK_INT (zmq_msg_send (&kept[n], d.client, 0), n * 50);
        RECV_BYTES (d.server, body, n * 50, 0);
    }
    for (unsigned n = 0; n < KEPT; n++) {
        compose (n, n * 50);
        CHECK_INT (zmq_msg_size (&copy[n]), n * 50);
        CHECK (!memcmp (zmq_msg_data (&copy[n]), body, n * 50));
        zmq_msg_close (&copy[n]);
    }
    finish (d.ctx);
}

/* A message that was sent is the application's no more, but its memory may be: it is not encrypted in place. */
static void constant_memory (const char *on)
{
    duo_t d = duo (ZMQ_PULL, ZMQ_PUSH);
    static const char text[30000] = "constant";
    zmq_msg_t one, two;
    meet (&d, on);
    CHECK_INT (zmq_msg_init_data (&one, (void *) text, sizeof text, NULL, NULL), 0);
    zmq_msg_init (&two);
    CHECK_INT (zmq_msg_copy (&two, &one), 0);
    CHECK_INT (zmq_msg_send (&one, d.client, 0), sizeof text);
    RECV_BYTES (d.server, text, sizeof text, 0);
    CHECK_INT (zmq_msg_send (&two, d.client, 0), sizeof text);
    RECV_BYTES (d.server, text, sizeof text, 0);
    for (size_t i = 8; i < sizeof text; i++)
        CHECK (!text[i]);
    finish (d.ctx);
}

static void request_reply (const char *on)
{
    duo_t d = duo (ZMQ_REP, ZMQ_REQ);
    meet (&d, on);
    for (unsigned n = 0; n < 500; n++) {
        compose (n, n * 7);
        SEND_BYTES (d.client, body, (int) n * 7, 0);
        RECV_BYTES (d.server, body, n * 7, 0);
        SEND_MORE (d.server, "two");
        SEND_BYTES (d.server, body, (int) n * 7, 0);
        RECV_MORE (d.client, "two");
        RECV_BYTES (d.client, body, n * 7, 0);
    }
    finish (d.ctx);
}

/* Routing ids and properties travel inside the handshake's boxes. */
static void routers (const char *on)
{
    duo_t d = duo (ZMQ_ROUTER, ZMQ_DEALER);
    void *h = handler_on (d.ctx, ZMQ_REP), *second = sock (d.ctx, ZMQ_ROUTER);
    zmq_msg_t m;
    curve_client (second, &d.ck, d.sk.public);
    set_text (d.client, ZMQ_ROUTING_ID, "client");
    set_text (d.client, ZMQ_METADATA, "X-colour:blue");
    set_text (second, ZMQ_ROUTING_ID, "second");
    set_int (d.server, ZMQ_ROUTER_MANDATORY, 1);
    meet (&d, on);
    asked_curve (h, "", "", &d.ck);
    answer (h, "200", "joe");
    SEND (d.client, "hello");
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, d.server, 0), 6);
    CHECK (!memcmp (zmq_msg_data (&m), "client", 6));
    CHECK_INT (zmq_msg_recv (&m, d.server, 0), 5);
    check_property (&m, "User-Id", "joe");
    check_property (&m, "Hello", "World");
    check_property (&m, "Identity", "client");
    check_property (&m, "Socket-Type", "DEALER");
    check_property (&m, "X-colour", "blue");
    CHECK_INT (zmq_msg_get (&m, ZMQ_SRCFD) >= 0, 1);
    zmq_msg_close (&m);
    connect_to (second, d.ep);
    asked_curve (h, "", "", &d.ck);
    answer (h, "200", "jane");
    int64_t limit = now_ms () + PATIENCE_MS;
    while (zmq_send (d.server, "second", 6, ZMQ_SNDMORE) == -1) {
        CHECK (zmq_errno () == EHOSTUNREACH && now_ms () < limit);
        pause_ms (2);
    }
    SEND (d.server, "for the second");
    SEND_MORE (d.server, "client");
    SEND (d.server, "for the client");
    char id[256];
    /* The server has no routing id: the second one made one up. */
    CHECK_INT (recv_any (second, id, sizeof id), 5);
    RECV (second, "for the second");
    RECV (d.client, "for the client");
    CHECK_ERRNO (zmq_send (d.server, "nobody", 6, ZMQ_SNDMORE), EHOSTUNREACH);
    finish (d.ctx);
}

static void publish_subscribe (const char *on)
{
    duo_t d = duo (ZMQ_XPUB, ZMQ_SUB);
    bool turned = strstr (on, "connecting") != NULL;
    const char *transport = strstr (on, "ipc") ? "ipc" : "tcp";
    set_text (d.client, ZMQ_SUBSCRIBE, "early");
    bind_on (turned ? d.client : d.server, transport, d.ep);
    connect_to (turned ? d.server : d.client, d.ep);
    /* The reference sends a new publisher the subscriptions once the application calls. */
    int64_t limit = now_ms () + PATIENCE_MS;
    while (get_int (d.client, ZMQ_EVENTS) == 0 && !wait_for (d.server, ZMQ_POLLIN, 10))
        CHECK (now_ms () < limit);
    SUBSCRIBED (d.server, "early");
    set_text (d.client, ZMQ_SUBSCRIBE, "late");
    SUBSCRIBED (d.server, "late");
    SEND (d.server, "other");
    SEND_MORE (d.server, "late");
    SEND (d.server, "news");
    SEND (d.server, "early bird");
    RECV_MORE (d.client, "late");
    RECV (d.client, "news");
    RECV (d.client, "early bird");
    set_text (d.client, ZMQ_UNSUBSCRIBE, "late");
    UNSUBSCRIBED (d.server, "late");
    SEND (d.server, "late");
    SEND (d.server, "early");
    RECV (d.client, "early");
    /* Topics whose commands are of the short form, at its limit, and of the long one. */
    static const int lengths[] = {212, 213, 214, 222, 223, 244, 245, 246, 247, 254, 255, 256, 300, 5000, 20000};
    static char topic[20001];
    for (size_t i = 0; i < COUNT (lengths); i++) {
        memset (topic + 1, 'a' + (int) i, (size_t) lengths[i]);
        CHECK_INT (zmq_setsockopt (d.client, ZMQ_SUBSCRIBE, topic + 1, (size_t) lengths[i]), 0);
        topic[0] = 1;
        RECV_BYTES (d.server, topic, (size_t) lengths[i] + 1, 0);
        SEND_BYTES (d.server, topic + 1, lengths[i], 0);
        RECV_BYTES (d.client, topic + 1, (size_t) lengths[i], 0);
        CHECK_INT (zmq_setsockopt (d.client, ZMQ_UNSUBSCRIBE, topic + 1, (size_t) lengths[i]), 0);
        topic[0] = 0;
        RECV_BYTES (d.server, topic, (size_t) lengths[i] + 1, 0);
    }
    SEND (d.server, "early again");
    RECV (d.client, "early again");
    finish (d.ctx);
}

/* One message, many subscribers: each has a box of its own. */
static void many_subscribers (const char *on)
{
    enum { SUBS = 10, MANY = 300 };
    void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_XPUB), *subs[SUBS];
    keys_t sk = keys_new (), ck = keys_new ();
    char ep[ENDPOINT_MAX];
    curve_server (pub, &sk);
    set_int (pub, ZMQ_XPUB_VERBOSE, 1);
    set_int (pub, ZMQ_SNDHWM, 0);
    bind_on (pub, on, ep);
    for (int i = 0; i < SUBS; i++) {
        subs[i] = sock (ctx, ZMQ_SUB);
        curve_client (subs[i], &ck, sk.public);
        set_int (subs[i], ZMQ_RCVHWM, 0);
        set_text (subs[i], ZMQ_SUBSCRIBE, "");
        connect_to (subs[i], ep);
        SUBSCRIBED (pub, "");
    }
    for (unsigned n = 0; n < MANY; n++) {
        compose (n, n * 40);
        SEND_BYTES (pub, body, (int) n * 40, n % 3 ? 0 : ZMQ_SNDMORE);
    }
    for (int i = 0; i < SUBS; i++)
        for (unsigned n = 0; n < MANY; n++) {
            compose (n, n * 40);
            RECV_BYTES (subs[i], body, n * 40, n % 3 ? 0 : 1);
        }
    finish (ctx);
}

static void drafts (const char *on)
{
    duo_t d = duo (ZMQ_RADIO, ZMQ_DISH);
    zmq_msg_t m;
    CHECK_INT (zmq_join (d.client, "movies"), 0);
    meet (&d, on);
    int64_t limit = now_ms () + PATIENCE_MS;
    do {
        CHECK (now_ms () < limit);
        for (int i = 0; i < 2; i++) {
            CHECK_INT (zmq_msg_init_buffer (&m, i ? "casablanca" : "nothing", i ? 10 : 7), 0);
            CHECK_INT (zmq_msg_set_group (&m, i ? "movies" : "other"), 0);
            CHECK (zmq_msg_send (&m, d.server, 0) > 0);
        }
    } while (!wait_for (d.client, ZMQ_POLLIN, 10));
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, d.client, 0), 10);
    CHECK (!memcmp (zmq_msg_data (&m), "casablanca", 10) && !strcmp (zmq_msg_group (&m), "movies"));
    zmq_msg_close (&m);
    finish (d.ctx);
    d = duo (ZMQ_SERVER, ZMQ_CLIENT);
    meet (&d, on);
    SEND (d.client, "question");
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, d.server, 0), 8);
    CHECK_INT (zmq_msg_send (&m, d.server, 0), 8);
    RECV (d.client, "question");
    finish (d.ctx);
    d = duo (ZMQ_GATHER, ZMQ_SCATTER);
    meet (&d, on);
    SEND (d.client, "piece");
    RECV (d.server, "piece");
    finish (d.ctx);
}

/* Both ways at once, by two threads, each side with its own random sizes. */
static atomic_int ready_sides;

typedef struct {
    void *socket;
    unsigned own, other;
} side_t;

enum { EXCHANGED = 4000 };

static void fill (unsigned char *into, unsigned seed, size_t size)
{
    for (size_t i = 0; i < size; i++)
        into[i] = (unsigned char) (seed + i * 13);
}

static size_t size_of (unsigned *seed)
{
    unsigned r = (unsigned) rand_r (seed);
    return r % 50 == 0 ? r % 70000 : r % 600;
}

static void *exchange (void *arg)
{
    side_t *side = arg;
    unsigned mine = side->own, theirs = side->other;
    int sent = 0, received = 0;
    static _Thread_local unsigned char data[70000];
    atomic_fetch_add (&ready_sides, 1);
    while (sent < EXCHANGED || received < EXCHANGED) {
        zmq_pollitem_t item = {side->socket, 0, (short) (ZMQ_POLLIN | (sent < EXCHANGED ? ZMQ_POLLOUT : 0)), 0};
        CHECK (zmq_poll (&item, 1, PATIENCE_MS) == 1);
        if (item.revents & ZMQ_POLLOUT) {
            size_t size = size_of (&mine);
            fill (data, mine, size);
            SEND_BYTES (side->socket, data, (int) size, 0);
            sent++;
        }
        if (item.revents & ZMQ_POLLIN) {
            size_t size = size_of (&theirs);
            fill (data, theirs, size);
            RECV_BYTES (side->socket, data, size, 0);
            received++;
        }
    }
    return NULL;
}

static void both_ways (const char *on)
{
    duo_t d = duo (ZMQ_PAIR, ZMQ_PAIR);
    pthread_t threads[2];
    set_int (d.server, ZMQ_RCVHWM, 50);
    set_int (d.client, ZMQ_RCVHWM, 50);
    meet (&d, on);
    side_t sides[2] = {{d.server, 11, 22}, {d.client, 22, 11}};
    for (int i = 0; i < 2; i++)
        CHECK_INT (pthread_create (&threads[i], NULL, exchange, &sides[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join (threads[i], NULL);
    finish (d.ctx);
}

#define BOTH(fn) CASE_ON (fn, "tcp"), CASE_ON (fn, "ipc")

CHECK_MAIN (BOTH (sizes),
            CASE_ON (sizes_at_once, "tcp"),
            CASE_ON (sizes_at_once, "ipc"),
            CASE_ON (sizes_at_once, "tcp, early"),
            CASE_ON (sizes_at_once, "ipc, early"),
            BOTH (held),
            BOTH (constant_memory),
            BOTH (request_reply),
            BOTH (routers),
            CASE_ON (publish_subscribe, "tcp"),
            CASE_ON (publish_subscribe, "ipc"),
            CASE_ON (publish_subscribe, "tcp, connecting publisher"),
            BOTH (many_subscribers),
            BOTH (drafts),
            BOTH (both_ways))
