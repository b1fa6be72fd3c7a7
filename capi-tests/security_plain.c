/* PLAIN and ZAP: who gets in, what the handler is told, what its answer does, what monitors hear, and peers that try to
 * get around it. */
#include "security.h"

static void accepted (const char *on)
{
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, SHAKEN), *cm = mon_open (ctx, client, SHAKEN);
    char ep[ENDPOINT_MAX];
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    set_text (server, ZMQ_ROUTING_ID, "me");
    set_text (server, ZMQ_ZAP_DOMAIN, "global");
    credentials (client, "admin", "password");
    CHECK_INT (get_int (server, ZMQ_MECHANISM), ZMQ_PLAIN);
    CHECK_INT (get_int (client, ZMQ_MECHANISM), ZMQ_PLAIN);
    /* Who is server does not follow from who binds. */
    bool turned = !strcmp (on, "connecting server");
    bind_on (turned ? client : server, "tcp", ep);
    connect_to (turned ? server : client, ep);
    asked (h, "global", "127.0.0.1", "me", "PLAIN", 1);
    RECV_MORE (h, "admin");
    RECV (h, "password");
    answer (h, "200", "joe");
    BOUNCE (server, client);
    SEND (client, "who am I");
    zmq_msg_t m;
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, server, 0), 8);
    check_property (&m, "User-Id", "joe");
    check_property (&m, "Hello", "World");
    check_property (&m, "Socket-Type", "DEALER");
    check_property (&m, "Peer-Address", "127.0.0.1");
    zmq_msg_close (&m);
    SEND (server, "x");
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, client, 0), 1);
    CHECK_NULL (zmq_msg_gets (&m, "User-Id"), EINVAL);
    zmq_msg_close (&m);
    MON_VALUE (sm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0);
    MON_VALUE (cm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0);
    finish (ctx);
}

static void router_as_handler (const char *on)
{
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_ROUTER), *server = sock (ctx, ZMQ_DEALER);
    void *clients[2] = {sock (ctx, ZMQ_DEALER), sock (ctx, ZMQ_DEALER)};
    char ep[ENDPOINT_MAX], ids[2][256];
    int sizes[2];
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    bind_on (server, "tcp", ep);
    /* Both wait; the second gets its answer first, and then the first, both from one server. */
    for (int i = 0; i < 2; i++) {
        credentials (clients[i], i ? "second" : "first", "password");
        connect_to (clients[i], ep);
        sizes[i] = recv_any (h, ids[i], sizeof ids[i]);
        RECV_MORE (h, "");
        asked_plain (h, i ? "second" : "first", "password");
    }
    for (int i = 1; i >= 0; i--) {
        SEND_BYTES (h, ids[i], sizes[i], ZMQ_SNDMORE);
        SEND_MORE (h, "");
        answer (h, "200", "");
        SEND (clients[i], "hello");
        RECV (server, "hello");
    }
    finish (ctx);
}

static void refused (const char *status)
{
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, SHAKEN), *cm = mon_open (ctx, client, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    char ep[ENDPOINT_MAX];
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    /* The reference keeps a connection that it answered with 300 until this time is over. */
    if (!strcmp (status, "300"))
        set_int (server, ZMQ_HANDSHAKE_IVL, 1000);
    credentials (client, "admin", "wrong");
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    asked_plain (h, "admin", "wrong");
    answer (h, status, "joe");
    FAILED_WITH (sm, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, (uint32_t) atoi (status));
    if (strcmp (status, "300")) {
        MON_VALUE (cm, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, (uint32_t) atoi (status));
        /* It does not come back. */
        CHECK (!wait_for (h, ZMQ_POLLIN, 3 * QUIET_MS));
    } else {
        /* For now only: it comes back, and may get in. */
        asked_plain (h, "admin", "wrong");
        answer (h, "200", "");
        BOUNCE (server, client);
        CHECK_INT (mon_next (cm, NULL, NULL, 0), 0);
    }
    finish (ctx);
}

static void malformed (const char *how)
{
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, SHAKEN);
    char ep[ENDPOINT_MAX];
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    credentials (client, "admin", "password");
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    asked_plain (h, "admin", "password");
    FAILED_WITH (sm, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, answer_wrongly (h, how));
    SEND (client, "sneaky");
    NOTHING (server);
    finish (ctx);
}

static void no_handler (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, SHAKEN);
    char ep[ENDPOINT_MAX];
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    credentials (client, "admin", "password");
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    FAILED_WITH (sm, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EFAULT);
    SEND (client, "sneaky");
    NOTHING (server);
    finish (ctx);
}

/* NULL with a domain asks, without one it does not. */
static void null_mechanism (const char *on)
{
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    bool domain = !strcmp (on, "domain");
    if (domain)
        set_text (server, ZMQ_ZAP_DOMAIN, "global");
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    if (domain) {
        asked (h, "global", "127.0.0.1", "", "NULL", 0);
        answer (h, "200", "joe");
    }
    BOUNCE (server, client);
    NOTHING (h);
    finish (ctx);
}

/* The handler's slowness is that of one connection. */
static void others_go_on (const char *on)
{
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *open_server = sock (ctx, ZMQ_DEALER), *open_client = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX], open_ep[ENDPOINT_MAX];
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    credentials (client, "admin", "password");
    bind_on (server, "tcp", ep);
    bind_on (open_server, "tcp", open_ep);
    connect_to (client, ep);
    asked_plain (h, "admin", "password");
    connect_to (open_client, open_ep);
    BOUNCE (open_server, open_client);
    SEND (client, "early");
    NOTHING (server);
    answer (h, "200", "");
    RECV (server, "early");
    finish (ctx);
}

/* A peer that leaves, and a time that runs out, while the handler thinks. */
static void left_waiting (const char *on)
{
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, SHAKEN);
    char ep[ENDPOINT_MAX];
    bool leaves = !strcmp (on, "peer leaves");
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    if (!leaves)
        set_int (server, ZMQ_HANDSHAKE_IVL, 150);
    credentials (client, "admin", "password");
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    asked_plain (h, "admin", "password");
    if (leaves)
        sock_close (client);
    uint32_t value = 0;
    CHECK_INT (mon_next (sm, &value, NULL, PATIENCE_MS), ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    if (leaves)
        CHECK_INT (value, EPIPE);
    /* Too late, and nobody's any more. */
    answer (h, "200", "");
    if (!leaves) {
        asked_plain (h, "admin", "password");
        answer (h, "200", "");
        BOUNCE (server, client);
    }
    finish (ctx);
}

/* ---- by hand ---- */

static void wire_of_a_server (const char *on)
{
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_PULL);
    char ep[ENDPOINT_MAX];
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    /* The reference closes a refused connection when this time is over. */
    set_int (server, ZMQ_HANDSHAKE_IVL, 3000);
    bind_on (server, "tcp", ep);
    int fd = greeted (ep, "PLAIN");
    read_greeting (fd, "PLAIN");
    RAW_SEND (fd, "\4\17\5HELLO\3bob\4pass");
    asked_plain (h, "bob", "pass");
    answer (h, "200", "");
    RAW_EXPECT (fd, "\4\10\7WELCOME");
    RAW_SEND (fd, "\4\35\10INITIATE\13Socket-Type\0\0\0\4PUSH");
    RAW_EXPECT (fd, "\4\32\5READY\13Socket-Type\0\0\0\4PULL");
    RAW_SEND (fd, "\0\5hello");
    RECV (server, "hello");
    close (fd);
    fd = greeted (ep, "PLAIN");
    read_greeting (fd, "PLAIN");
    RAW_SEND (fd, "\4\17\5HELLO\3bob\4word");
    asked_plain (h, "bob", "word");
    answer (h, "400", "");
    /* The reference's spelling of ERROR. */
    RAW_EXPECT (fd, "\4\11^RROR\003400");
    RAW_CLOSED (fd);
    finish (ctx);
}

static void wrong_commands (const char *on)
{
    static const wrong_t wrong[] = {
        WRONG ("\4\6\5HELLO", MALFORMED_COMMAND_HELLO),
        WRONG ("\4\7\5HELLO\3", MALFORMED_COMMAND_HELLO),
        WRONG ("\4\12\5HELLO\3bob", MALFORMED_COMMAND_HELLO),
        WRONG ("\4\16\5HELLO\3bob\4pas", MALFORMED_COMMAND_HELLO),
        WRONG ("\4\20\5HELLO\3bob\4passx", MALFORMED_COMMAND_HELLO),
        WRONG ("\4\10\7WELCOME", UNEXPECTED_COMMAND),
        WRONG ("\4\11\10INITIATE", UNEXPECTED_COMMAND),
        WRONG ("\4\32\5READY\13Socket-Type\0\0\0\4PUSH", UNEXPECTED_COMMAND),
        WRONG ("\4\12\5ERROR\003400", UNEXPECTED_COMMAND),
    };
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_PULL);
    void *sm = mon_open (ctx, server, SHAKEN);
    char ep[ENDPOINT_MAX];
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    bind_on (server, "tcp", ep);
    check_wrong (ep, "PLAIN", sm, wrong, COUNT (wrong));
    NOTHING (h);
    finish (ctx);
}

/* CVE-2014-7202, CVE-2014-9721 */
static void no_downgrade (const char *on)
{
    static const char *const mechanisms[] = {"NULL", "CURVE", "GSSAPI", "plain", "PLAINX"};
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_PULL);
    void *sm = mon_open (ctx, server, SHAKEN);
    char ep[ENDPOINT_MAX];
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    bind_on (server, "tcp", ep);
    check_no_downgrade (ep, sm, mechanisms, COUNT (mechanisms));
    NOTHING (server);
    NOTHING (h);
    finish (ctx);
}

/* CVE-2020-15166: peers that say nothing hold nobody up, and are cut. */
static void silent_peers (const char *on)
{
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_PULL), *client = sock (ctx, ZMQ_PUSH);
    char ep[ENDPOINT_MAX];
    int silent[SILENT];
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    set_int (server, ZMQ_HANDSHAKE_IVL, 2000);
    credentials (client, "admin", "password");
    bind_on (server, "tcp", ep);
    silence (ep, "PLAIN", silent);
    connect_to (client, ep);
    asked_plain (h, "admin", "password");
    answer (h, "200", "");
    SEND (client, "hello");
    RECV (server, "hello");
    check_cut (silent);
    finish (ctx);
}

static void wire_of_a_client (const char *on)
{
    void *ctx = ctx_new (), *client = sock (ctx, ZMQ_PUSH);
    void *cm = mon_open (ctx, client, SHAKEN);
    credentials (client, "bob", "pass");
    int fd = served (client, "PLAIN");
    RAW_EXPECT (fd, "\4\17\5HELLO\3bob\4pass");
    RAW_SEND (fd, "\4\10\7WELCOME");
    RAW_EXPECT (fd, "\4\35\10INITIATE\13Socket-Type\0\0\0\4PUSH");
    if (!strcmp (on, "READY")) {
        RAW_SEND (fd, "\4\32\5READY\13Socket-Type\0\0\0\4PULL");
        MON_VALUE (cm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0);
        SEND (client, "hello");
        RAW_EXPECT (fd, "\0\5hello");
    } else if (!strcmp (on, "WELCOME")) {
        RAW_SEND (fd, "\4\10\7WELCOME");
        MON_VALUE (cm, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND);
        RAW_CLOSED (fd);
    } else {
        RAW_SEND (fd, "\4\11^RROR\003400");
        MON_VALUE (cm, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
        RAW_CLOSED (fd);
    }
    finish (ctx);
}

CHECK_MAIN (CASE_ON (accepted, "binding server"),
            CASE_ON (accepted, "connecting server"),
            CASE (router_as_handler),
            CASE_ON (refused, "300"),
            CASE_ON (refused, "400"),
            CASE_ON (refused, "500"),
            CASE_ON (malformed, "version"),
            CASE_ON (malformed, "id"),
            CASE_ON (malformed, "status"),
            CASE_ON (malformed, "short"),
            CASE_ON (malformed, "long"),
            CASE_ON (malformed, "metadata"),
            CASE (no_handler),
            CASE_ON (null_mechanism, "domain"),
            CASE_ON (null_mechanism, "no domain"),
            CASE (others_go_on),
            CASE_ON (left_waiting, "peer leaves"),
            CASE_ON (left_waiting, "time runs out"),
            CASE (wire_of_a_server),
            CASE (wrong_commands),
            CASE (no_downgrade),
            CASE (silent_peers),
            CASE_ON (wire_of_a_client, "READY"),
            CASE_ON (wire_of_a_client, "WELCOME"),
            CASE_ON (wire_of_a_client, "ERROR"))
