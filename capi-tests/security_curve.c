/* CURVE: who gets in and who does not, what the ZAP handler is told, what monitors hear, and that everything that works
 * without encryption works with it. */
#define ZMQ_BUILD_DRAFT_API
#include "security.h"
#include "relay.h"

/* A pair of sockets with their keys and monitors. */
typedef struct {
    void *ctx, *server, *client, *sm, *cm;
    keys_t sk, ck;
    char ep[ENDPOINT_MAX];
} duo_t;

static duo_t duo (int server, int client)
{
    duo_t d = {.ctx = ctx_new (), .sk = keys_new (), .ck = keys_new ()};
    d.server = sock (d.ctx, server);
    d.client = sock (d.ctx, client);
    d.sm = mon_open (d.ctx, d.server, SHAKEN);
    d.cm = mon_open (d.ctx, d.client, SHAKEN);
    curve_server (d.server, &d.sk);
    curve_client (d.client, &d.ck, d.sk.public);
    set_int (d.client, ZMQ_RECONNECT_IVL, 20);
    return d;
}

static void meet (duo_t *d, const char *on)
{
    bind_on (d->server, on, d->ep);
    connect_to (d->client, d->ep);
}

/* ---- who gets in ---- */

static void accepted (const char *on)
{
    duo_t d = duo (ZMQ_DEALER, ZMQ_DEALER);
    void *h = handler_on (d.ctx, ZMQ_REP);
    bool ipc = strstr (on, "ipc") != NULL, turned = strstr (on, "connecting") != NULL;
    static char id[256];
    memset (id, 'i', 255);
    CHECK_INT (zmq_setsockopt (d.server, ZMQ_ROUTING_ID, id, 255), 0);
    set_text (d.server, ZMQ_ZAP_DOMAIN, "global");
    CHECK_INT (get_int (d.server, ZMQ_MECHANISM), ZMQ_CURVE);
    CHECK_INT (get_int (d.client, ZMQ_MECHANISM), ZMQ_CURVE);
    /* Who is server does not follow from who binds. */
    bind_on (turned ? d.client : d.server, ipc ? "ipc" : "tcp", d.ep);
    connect_to (turned ? d.server : d.client, d.ep);
    asked_curve (h, "global", id, &d.ck);
    answer (h, "200", "joe");
    BOUNCE (d.server, d.client);
    SEND (d.client, "who am I");
    zmq_msg_t m;
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, d.server, 0), 8);
    check_property (&m, "User-Id", "joe");
    check_property (&m, "Hello", "World");
    check_property (&m, "Socket-Type", "DEALER");
    zmq_msg_close (&m);
    SEND (d.server, "x");
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, d.client, 0), 1);
    CHECK_NULL (zmq_msg_gets (&m, "User-Id"), EINVAL);
    zmq_msg_close (&m);
    MON_VALUE (d.sm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0);
    MON_VALUE (d.cm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0);
    CHECK_INT (mon_next (d.sm, NULL, NULL, QUIET_MS), 0);
    CHECK_INT (mon_next (d.cm, NULL, NULL, 0), 0);
    finish (d.ctx);
}

/* 32 bytes, 40 characters, 41 with the zero: each on either side. */
static void key_forms (const char *on)
{
    static const int sizes[] = {32, 40, 41};
    for (size_t i = 0; i < COUNT (sizes); i++)
        for (size_t j = 0; j < COUNT (sizes); j++) {
            void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
            keys_t sk = keys_new (), ck = keys_new ();
            uint8_t secret[32];
            char ep[ENDPOINT_MAX], back[41];
            size_t size = 41;
            set_int (server, ZMQ_CURVE_SERVER, 1);
            CHECK (zmq_z85_decode (secret, sk.secret) == secret);
            CHECK_INT (zmq_setsockopt (server, ZMQ_CURVE_SECRETKEY, sizes[i] == 32 ? (void *) secret : sk.secret, sizes[i]), 0);
            CHECK_INT (zmq_getsockopt (server, ZMQ_CURVE_SECRETKEY, back, &size), 0);
            CHECK (size == 41 && !strcmp (back, sk.secret));
            CHECK (zmq_z85_decode (secret, ck.secret) == secret);
            CHECK_INT (zmq_setsockopt (client, ZMQ_CURVE_SERVERKEY, sizes[j] == 32 ? (void *) sk.bytes : sk.public, sizes[j]), 0);
            CHECK_INT (zmq_setsockopt (client, ZMQ_CURVE_PUBLICKEY, sizes[i] == 32 ? (void *) ck.bytes : ck.public, sizes[i]), 0);
            CHECK_INT (zmq_setsockopt (client, ZMQ_CURVE_SECRETKEY, sizes[j] == 32 ? (void *) secret : ck.secret, sizes[j]), 0);
            bind_on (server, "tcp", ep);
            connect_to (client, ep);
            BOUNCE (server, client);
            finish (ctx);
        }
}

static void wrong_keys (const char *which)
{
    duo_t d = duo (ZMQ_DEALER, ZMQ_DEALER);
    void *h = handler_on (d.ctx, ZMQ_REP);
    keys_t other = keys_new ();
    if (!strcmp (which, "server key"))
        set_text (d.client, ZMQ_CURVE_SERVERKEY, other.public);
    else if (!strcmp (which, "server key of zeros"))
        set_text (d.client, ZMQ_CURVE_SERVERKEY, "0000000000000000000000000000000000000000");
    else if (!strcmp (which, "client secret"))
        set_text (d.client, ZMQ_CURVE_SECRETKEY, other.secret);
    else if (!strcmp (which, "client public"))
        set_text (d.client, ZMQ_CURVE_PUBLICKEY, other.public);
    else
        set_text (d.server, ZMQ_CURVE_SECRETKEY, other.secret);
    meet (&d, "tcp");
    if (strstr (which, "zeros")) {
        /* A client may find out by itself that nothing can be encrypted for them. */
        zmq_pollitem_t items[2] = {{d.sm, 0, ZMQ_POLLIN, 0}, {d.cm, 0, ZMQ_POLLIN, 0}};
        uint32_t value = 0;
        do {
            CHECK (zmq_poll (items, 2, PATIENCE_MS) > 0);
            mon_next (items[0].revents ? d.sm : d.cm, &value, NULL, 0);
        } while (value != ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC);
    } else
        PROTOCOL_ERROR (d.sm, ZMTP_CRYPTOGRAPHIC);
    /* It may try again, with the same result. */
    zmq_send (d.client, "sneaky", 6, ZMQ_DONTWAIT);
    NOTHING (d.server);
    NOTHING (h);
    int event;
    while ((event = mon_next (d.cm, NULL, NULL, 0)) != 0)
        CHECK (event != ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    while ((event = mon_next (d.sm, NULL, NULL, 0)) != 0)
        CHECK (event != ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    finish (d.ctx);
}

/* A stranger: the ZAP handler says no. */
static void refused (const char *on)
{
    char status[4] = "";
    memcpy (status, on, 3);
    duo_t d = duo (ZMQ_DEALER, ZMQ_DEALER);
    void *h = handler_on (d.ctx, ZMQ_REP);
    /* The reference keeps a connection that it answered with 300 until this time is over. */
    if (!strcmp (status, "300"))
        set_int (d.server, ZMQ_HANDSHAKE_IVL, 1000);
    meet (&d, strstr (on, "ipc") ? "ipc" : "tcp");
    SEND (d.client, "sneaky");
    asked_curve (h, "", "", &d.ck);
    answer (h, status, "joe");
    FAILED_WITH (d.sm, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, (uint32_t) atoi (status));
    if (strcmp (status, "300")) {
        MON_VALUE (d.cm, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, (uint32_t) atoi (status));
        /* It does not come back. */
        CHECK (!wait_for (h, ZMQ_POLLIN, 3 * QUIET_MS));
        NOTHING (d.server);
    } else {
        /* For now only: it comes back, and may get in. */
        asked_curve (h, "", "", &d.ck);
        answer (h, "200", "");
        RECV (d.server, "sneaky");
        BOUNCE (d.server, d.client);
        int event;
        while ((event = mon_next (d.cm, NULL, NULL, 0)) != 0)
            CHECK (event != ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    }
    finish (d.ctx);
}

static void malformed (const char *how)
{
    duo_t d = duo (ZMQ_DEALER, ZMQ_DEALER);
    void *h = handler_on (d.ctx, ZMQ_REP);
    meet (&d, "tcp");
    asked_curve (h, "", "", &d.ck);
    FAILED_WITH (d.sm, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, answer_wrongly (h, how));
    zmq_send (d.client, "sneaky", 6, ZMQ_DONTWAIT);
    NOTHING (d.server);
    finish (d.ctx);
}

/* Encryption without anybody to ask. */
static void no_handler (const char *on)
{
    duo_t d = duo (ZMQ_DEALER, ZMQ_DEALER);
    bool domain = strstr (on, "domain") != NULL, enforced = strstr (on, "enforced") != NULL;
    if (domain)
        set_text (d.server, ZMQ_ZAP_DOMAIN, "global");
    if (enforced)
        set_int (d.server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    meet (&d, "tcp");
    if (domain && enforced) {
        FAILED_WITH (d.sm, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EFAULT);
        zmq_send (d.client, "sneaky", 6, ZMQ_DONTWAIT);
        NOTHING (d.server);
    } else {
        BOUNCE (d.server, d.client);
        MON_VALUE (d.sm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0);
    }
    finish (d.ctx);
}

/* With a handler, whether it is asked. */
static void enforced_domain (const char *on)
{
    duo_t d = duo (ZMQ_DEALER, ZMQ_DEALER);
    void *h = handler_on (d.ctx, ZMQ_REP);
    bool domain = !strcmp (on, "domain");
    set_int (d.server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    if (domain)
        set_text (d.server, ZMQ_ZAP_DOMAIN, "global");
    meet (&d, "tcp");
    if (domain) {
        asked_curve (h, "global", "", &d.ck);
        answer (h, "200", "");
    }
    BOUNCE (d.server, d.client);
    NOTHING (h);
    finish (d.ctx);
}

/* Many clients, one server: everybody is told apart. */
static void many_clients (const char *on)
{
    enum { CLIENTS = 12 };
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_ROUTER), *server = sock (ctx, ZMQ_PULL), *clients[CLIENTS];
    keys_t sk = keys_new (), keys[CLIENTS];
    char ep[ENDPOINT_MAX], user[16];
    int let_in = 0, turned_away = 0;
    curve_server (server, &sk);
    bind_on (server, on, ep);
    for (int i = 0; i < CLIENTS; i++) {
        keys[i] = keys_new ();
        clients[i] = sock (ctx, ZMQ_PUSH);
        curve_client (clients[i], &keys[i], sk.public);
        connect_to (clients[i], ep);
        SEND_BYTES (clients[i], keys[i].bytes, 32, 0);
    }
    for (int n = 0; n < CLIENTS; n++) {
        char id[256];
        uint8_t key[32];
        int size = recv_any (h, id, sizeof id), who = -1;
        RECV_MORE (h, "");
        asked (h, "", NULL, "", "CURVE", 1);
        CHECK_INT (recv_any (h, key, sizeof key), 32);
        for (int i = 0; i < CLIENTS; i++)
            if (!memcmp (keys[i].bytes, key, 32))
                who = i;
        CHECK (who >= 0);
        snprintf (user, sizeof user, "user-%d", who);
        SEND_BYTES (h, id, size, ZMQ_SNDMORE);
        SEND_MORE (h, "");
        /* Every third one is a stranger. */
        answer (h, who % 3 ? "200" : "400", user);
        *(who % 3 ? &let_in : &turned_away) += 1;
    }
    CHECK_INT (turned_away, CLIENTS / 3);
    for (int n = 0; n < let_in; n++) {
        zmq_msg_t m;
        zmq_msg_init (&m);
        CHECK_INT (zmq_msg_recv (&m, server, 0), 32);
        for (int i = 0; i < CLIENTS; i++)
            if (!memcmp (keys[i].bytes, zmq_msg_data (&m), 32)) {
                CHECK (i % 3);
                snprintf (user, sizeof user, "user-%d", i);
                check_property (&m, "User-Id", user);
            }
        zmq_msg_close (&m);
    }
    NOTHING (server);
    finish (ctx);
}

static void other_mechanism (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    keys_t sk = keys_new (), ck = keys_new ();
    char ep[ENDPOINT_MAX], client_is[16], server_is[16];
    CHECK_INT (sscanf (on, "%15s to %15s", client_is, server_is), 2);
    void *h = handler_on (ctx, ZMQ_REP);
    if (!strcmp (server_is, "CURVE"))
        curve_server (server, &sk);
    else if (!strcmp (server_is, "PLAIN"))
        set_int (server, ZMQ_PLAIN_SERVER, 1);
    if (!strcmp (client_is, "CURVE"))
        curve_client (client, &ck, sk.public);
    else if (!strcmp (client_is, "PLAIN"))
        credentials (client, "admin", "password");
    void *sm = mon_open (ctx, server, SHAKEN), *cm = mon_open (ctx, client, SHAKEN);
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    PROTOCOL_ERROR (sm, ZMTP_MECHANISM_MISMATCH);
    zmq_send (client, "sneaky", 6, ZMQ_DONTWAIT);
    NOTHING (server);
    NOTHING (h);
    int event;
    while ((event = mon_next (cm, NULL, NULL, 0)) != 0)
        CHECK (event != ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    finish (ctx);
}

/* Two of the same role never agree. */
static void same_roles (const char *on)
{
    void *ctx = ctx_new (), *one = sock (ctx, ZMQ_DEALER), *two = sock (ctx, ZMQ_DEALER);
    keys_t a = keys_new (), b = keys_new ();
    char ep[ENDPOINT_MAX];
    bool servers = !strcmp (on, "servers");
    if (servers) {
        curve_server (one, &a);
        curve_server (two, &b);
        set_int (one, ZMQ_HANDSHAKE_IVL, 300);
    } else {
        curve_client (one, &a, b.public);
        curve_client (two, &b, a.public);
    }
    void *mon = mon_open (ctx, one, SHAKEN);
    bind_on (one, "tcp", ep);
    connect_to (two, ep);
    if (servers)
        MON_UNTIL (mon, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    else
        PROTOCOL_ERROR (mon, ZMTP_UNEXPECTED_COMMAND);
    zmq_send (two, "sneaky", 6, ZMQ_DONTWAIT);
    NOTHING (one);
    finish (ctx);
}

/* Over inproc nobody shakes hands, and the options mean nothing. */
static void over_inproc (const char *on)
{
    duo_t d = duo (ZMQ_DEALER, ZMQ_DEALER);
    void *h = handler_on (d.ctx, ZMQ_REP);
    keys_t other = keys_new ();
    set_text (d.client, ZMQ_CURVE_SERVERKEY, other.public);
    meet (&d, "inproc");
    BOUNCE (d.server, d.client);
    NOTHING (h);
    finish (d.ctx);
}

/* A peer that leaves, and a time that runs out, while the handler thinks. */
static void left_waiting (const char *on)
{
    duo_t d = duo (ZMQ_DEALER, ZMQ_DEALER);
    void *h = handler_on (d.ctx, ZMQ_REP);
    bool leaves = !strcmp (on, "peer leaves");
    if (!leaves)
        set_int (d.server, ZMQ_HANDSHAKE_IVL, 150);
    meet (&d, "tcp");
    asked_curve (h, "", "", &d.ck);
    if (leaves)
        sock_close (d.client);
    uint32_t value = 0;
    CHECK_INT (mon_next (d.sm, &value, NULL, PATIENCE_MS), ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    if (leaves)
        CHECK_INT (value, EPIPE);
    /* Too late, and nobody's any more. */
    answer (h, "200", "");
    if (!leaves) {
        asked_curve (h, "", "", &d.ck);
        answer (h, "200", "");
        BOUNCE (d.server, d.client);
    }
    finish (d.ctx);
}

/* ---- heartbeats, coming back, limits ---- */

static void heartbeats (const char *on)
{
    duo_t d = duo (ZMQ_DEALER, ZMQ_DEALER);
    relay_t relay;
    void *sm = mon_open (d.ctx, d.server, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    void *cm = mon_open (d.ctx, d.client, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    bool client = !strcmp (on, "client");
    /* Long enough for a loaded machine not to lose the connection by itself. */
    set_int (client ? d.client : d.server, ZMQ_HEARTBEAT_IVL, 50);
    set_int (client ? d.client : d.server, ZMQ_HEARTBEAT_TIMEOUT, 1500);
    set_int (client ? d.client : d.server, ZMQ_HEARTBEAT_TTL, 1500);
    bind_on (d.server, "tcp", d.ep);
    relay_start (&relay, d.ep);
    connect_to (d.client, relay.endpoint);
    BOUNCE (d.server, d.client);
    MON_NEXT (sm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    MON_NEXT (cm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    /* Pings go back and forth, and keep it. */
    CHECK_INT (mon_next (sm, NULL, NULL, 500), 0);
    BOUNCE (d.server, d.client);
    /* libzmq forgets with each message how long the peer said to wait: another ping has to come by. */
    CHECK_INT (mon_next (cm, NULL, NULL, 200), 0);
    relay.stall = true;
    MON_NEXT (client ? cm : sm, ZMQ_EVENT_DISCONNECTED);
    if (client)
        MON_NEXT (sm, ZMQ_EVENT_DISCONNECTED);
    relay.stall = false;
    relay.cut = true;
    MON_UNTIL (sm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    BOUNCE (d.server, d.client);
    finish (d.ctx);
    relay_stop (&relay);
}

static void over_maxmsgsize (const char *on)
{
    duo_t d = duo (ZMQ_PULL, ZMQ_PUSH);
    static char body[4000];
    int64_t limit = 1000;
    void *sm = mon_open (d.ctx, d.server, ZMQ_EVENT_DISCONNECTED);
    CHECK_INT (zmq_setsockopt (d.server, ZMQ_MAXMSGSIZE, &limit, sizeof limit), 0);
    meet (&d, on);
    SEND_BYTES (d.client, body, 900, 0);
    RECV_BYTES (d.server, body, 900, 0);
    SEND_BYTES (d.client, body, 1001, 0);
    MON_NEXT (sm, ZMQ_EVENT_DISCONNECTED);
    SEND_BYTES (d.client, body, 901, 0);
    RECV_BYTES (d.server, body, 901, 0);
    NOTHING (d.server);
    finish (d.ctx);
}

/* The server goes away and comes back at the same place: what was sent meanwhile comes once, and in order. */
static void comes_back (const char *on)
{
    duo_t d = duo (ZMQ_PULL, ZMQ_PUSH);
    enum { EACH = 500 };
    void *cm = mon_open (d.ctx, d.client, ZMQ_EVENT_DISCONNECTED);
    int number = 0;
    meet (&d, on);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < EACH; i++) {
            int n = number + i;
            SEND_BYTES (d.client, &n, sizeof n, ZMQ_SNDMORE);
            SEND_BYTES (d.client, &n, sizeof n, 0);
        }
        for (int i = 0; i < EACH; i++, number++) {
            RECV_BYTES (d.server, &number, sizeof number, 1);
            RECV_BYTES (d.server, &number, sizeof number, 0);
        }
        NOTHING (d.server);
        sock_close (d.server);
        MON_UNTIL (cm, ZMQ_EVENT_DISCONNECTED);
        d.server = sock (d.ctx, ZMQ_PULL);
        curve_server (d.server, &d.sk);
        int64_t limit = now_ms () + PATIENCE_MS;
        /* The old listener may take a while to go. */
        while (zmq_bind (d.server, d.ep) != 0) {
            CHECK (zmq_errno () == EADDRINUSE && now_ms () < limit);
            pause_ms (5);
        }
    }
    finish (d.ctx);
}

/* What was sent before closing goes out, encrypted, to the last message. */
static void lingers (const char *on)
{
    duo_t d = duo (ZMQ_PULL, ZMQ_PUSH);
    static char body[3000];
    enum { MANY = 900 };
    set_int (d.client, ZMQ_LINGER, -1);
    meet (&d, on);
    for (int n = 0; n < MANY; n++) {
        memcpy (body, &n, sizeof n);
        SEND_BYTES (d.client, body, (int) sizeof n + n * 3, 0);
    }
    sock_close (d.client);
    for (int n = 0; n < MANY; n++) {
        memcpy (body, &n, sizeof n);
        RECV_BYTES (d.server, body, sizeof n + (size_t) n * 3, 0);
    }
    finish (d.ctx);
}

CHECK_MAIN (CASE_ON (accepted, "tcp, binding server"),
            CASE_ON (accepted, "tcp, connecting server"),
            CASE_ON (accepted, "ipc, binding server"),
            CASE_ON (accepted, "ipc, connecting server"),
            CASE (key_forms),
            CASE_ON (wrong_keys, "server key"),
            CASE_ON (wrong_keys, "server key of zeros"),
            CASE_ON (wrong_keys, "server secret"),
            CASE_ON (wrong_keys, "client secret"),
            CASE_ON (wrong_keys, "client public"),
            CASE_ON (refused, "300"),
            CASE_ON (refused, "400"),
            CASE_ON (refused, "500"),
            CASE_ON (refused, "400, ipc"),
            CASE_ON (malformed, "version"),
            CASE_ON (malformed, "id"),
            CASE_ON (malformed, "status"),
            CASE_ON (malformed, "short"),
            CASE_ON (malformed, "long"),
            CASE_ON (malformed, "metadata"),
            CASE_ON (no_handler, ""),
            CASE_ON (no_handler, "domain"),
            CASE_ON (no_handler, "enforced"),
            CASE_ON (no_handler, "enforced domain"),
            CASE_ON (enforced_domain, "domain"),
            CASE_ON (enforced_domain, "no domain"),
            CASE_ON (many_clients, "tcp"),
            CASE_ON (many_clients, "ipc"),
            CASE_ON (other_mechanism, "NULL to CURVE"),
            CASE_ON (other_mechanism, "PLAIN to CURVE"),
            CASE_ON (other_mechanism, "CURVE to NULL"),
            CASE_ON (other_mechanism, "CURVE to PLAIN"),
            CASE_ON (same_roles, "servers"),
            CASE_ON (same_roles, "clients"),
            CASE (over_inproc),
            CASE_ON (left_waiting, "peer leaves"),
            CASE_ON (left_waiting, "time runs out"),
            CASE_ON (heartbeats, "client"),
            CASE_ON (heartbeats, "server"),
            CASE_ON (over_maxmsgsize, "tcp"),
            CASE_ON (over_maxmsgsize, "ipc"),
            CASE_ON (comes_back, "tcp"),
            CASE_ON (comes_back, "ipc"),
            CASE_ON (lingers, "tcp"),
            CASE_ON (lingers, "ipc"))
