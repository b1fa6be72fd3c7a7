/* GSSAPI: options; who gets in, what the ZAP handler is told, what is sealed, and peers that try to get around it. All but
 * the options run in a realm: ./realm.sh PROGRAM. */
#include "kerberos.h"

static void options (const char *on)
{
    need_gssapi ();
    void *ctx = ctx_new (), *s = sock (ctx, ZMQ_DEALER);
    static const int texts[] = {ZMQ_GSSAPI_PRINCIPAL, ZMQ_GSSAPI_SERVICE_PRINCIPAL};
    static const int types[] = {ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE};
    char longest[256];
    memset (longest, 'a', sizeof longest);
    CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_NULL);
    CHECK_INT (get_int (s, ZMQ_GSSAPI_SERVER), 0);
    CHECK_INT (get_int (s, ZMQ_GSSAPI_PLAINTEXT), 0);
    for (size_t i = 0; i < COUNT (texts); i++) {
        check_text (s, texts[i], "", 1);
        CHECK_ERRNO (zmq_setsockopt (s, texts[i], longest, 0), EINVAL);
        CHECK_ERRNO (zmq_setsockopt (s, texts[i], NULL, 0), EINVAL);
        CHECK_ERRNO (zmq_setsockopt (s, texts[i], longest, 256), EINVAL);
        CHECK_INT (get_int (s, ZMQ_MECHANISM), i ? ZMQ_GSSAPI : ZMQ_NULL);
        CHECK_INT (zmq_setsockopt (s, texts[i], longest, 255), 0);
        set_text (s, texts[i], "someone");
        check_text (s, texts[i], "someone", 8);
        /* The NUL, if given, counts. */
        CHECK_INT (zmq_setsockopt (s, texts[i], "other", 6), 0);
        check_text (s, texts[i], "other\0", 7);
        CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_GSSAPI);
        int value;
        CHECK_INT (get_int (s, types[i]), ZMQ_GSSAPI_NT_HOSTBASED);
        for (value = 0; value < 3; value++) {
            set_int (s, types[i], value);
            CHECK_INT (get_int (s, types[i]), value);
        }
        CHECK_ERRNO (zmq_setsockopt (s, types[i], &value, sizeof value), EINVAL);
        value = -1;
        CHECK_ERRNO (zmq_setsockopt (s, types[i], &value, sizeof value), EINVAL);
        CHECK_INT (get_int (s, types[i]), 2);
    }
    set_int (s, ZMQ_GSSAPI_PLAINTEXT, 1);
    CHECK_INT (get_int (s, ZMQ_GSSAPI_PLAINTEXT), 1);
    int two = 2;
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_GSSAPI_PLAINTEXT, &two, sizeof two), EINVAL);
    CHECK_ERRNO (zmq_setsockopt (s, ZMQ_GSSAPI_SERVER, &two, sizeof two), EINVAL);
    set_int (s, ZMQ_GSSAPI_SERVER, 1);
    CHECK_INT (get_int (s, ZMQ_GSSAPI_SERVER), 1);
    CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_GSSAPI);
    /* A principal of one's own changes no role, that of a server does. */
    set_text (s, ZMQ_GSSAPI_PRINCIPAL, "me");
    CHECK_INT (get_int (s, ZMQ_GSSAPI_SERVER), 1);
    set_text (s, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "you");
    CHECK_INT (get_int (s, ZMQ_GSSAPI_SERVER), 0);
    set_int (s, ZMQ_PLAIN_SERVER, 1);
    CHECK_INT (get_int (s, ZMQ_GSSAPI_SERVER), 0);
    /* 0 chooses the mechanism too. */
    set_int (s, ZMQ_GSSAPI_SERVER, 0);
    CHECK_INT (get_int (s, ZMQ_MECHANISM), ZMQ_GSSAPI);
    CHECK_INT (get_int (s, ZMQ_PLAIN_SERVER), 0);
    finish (ctx);
}

static void accepted (const char *on)
{
    need_realm ();
    bool plaintext = strstr (on, "plaintext") != NULL, turned = strstr (on, "connecting") != NULL;
    const char *transport = strstr (on, "ipc") ? "ipc" : "tcp";
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, SHAKEN), *cm = mon_open (ctx, client, SHAKEN);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, plaintext);
    use_gssapi (client, plaintext);
    set_text (server, ZMQ_ZAP_DOMAIN, "global");
    bind_on (turned ? client : server, transport, ep);
    connect_to (turned ? server : client, ep);
    asked_gssapi (h, "global", strcmp (transport, "ipc") ? "127.0.0.1" : NULL, principal_of ("friend"));
    answer (h, "200", "joe");
    BOUNCE (server, client);
    SEND (client, "who am I");
    zmq_msg_t m;
    zmq_msg_init (&m);
    CHECK_INT (zmq_msg_recv (&m, server, 0), 8);
    check_property (&m, "User-Id", "joe");
    check_property (&m, "Hello", "World");
    check_property (&m, "Socket-Type", "DEALER");
    zmq_msg_close (&m);
    MON_NEXT (sm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    MON_NEXT (cm, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    NOTHING (h);
    finish (ctx);
}

static void no_handler (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, false);
    use_gssapi (client, false);
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    BOUNCE (server, client);
    finish (ctx);
}

/* Frames of every size, in messages of several, both ways at once. */
static void messages (const char *on)
{
    need_realm ();
    bool plaintext = !strcmp (on, "plaintext");
    static const int sizes[] = {0, 1, 31, 32, 33, 254, 255, 256, 1000, 8191, 8192, 65535, 65536, 300000};
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_PAIR), *client = sock (ctx, ZMQ_PAIR);
    void *from[2] = {server, client}, *to[2] = {client, server};
    unsigned char *body = malloc (300000);
    char ep[ENDPOINT_MAX];
    CHECK (body != NULL);
    for (int i = 0; i < 300000; i++)
        body[i] = (unsigned char) (i * 7 + i / 256);
    serve_gssapi (server, plaintext);
    use_gssapi (client, plaintext);
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 2; i++)
            for (size_t n = 0; n < COUNT (sizes); n++)
                SEND_BYTES (from[i], body, sizes[n], n % 3 ? ZMQ_SNDMORE : 0);
        for (int i = 0; i < 2; i++)
            SEND (from[i], "end");
        for (int i = 0; i < 2; i++) {
            for (size_t n = 0; n < COUNT (sizes); n++)
                RECV_BYTES (to[i], body, (size_t) sizes[n], n % 3 ? 1 : 0);
            RECV (to[i], "end");
        }
    }
    free (body);
    finish (ctx);
}

/* Names in their three forms. */
static void names (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX], hosted[300], whole[300];
    const char *who = principal_of ("friend");
    snprintf (hosted, sizeof hosted, "zmqtest2@%s", getenv ("REALM_HOST"));
    snprintf (whole, sizeof whole, "zmqtest2/%s@OZMQ.TEST", getenv ("REALM_HOST"));
    serve_gssapi (server, false);
    use_gssapi (client, false);
    if (!strcmp (on, "with host")) {
        set_text (server, ZMQ_GSSAPI_PRINCIPAL, hosted);
        set_text (client, ZMQ_GSSAPI_SERVICE_PRINCIPAL, hosted);
    } else if (!strcmp (on, "with NUL")) {
        CHECK_INT (zmq_setsockopt (server, ZMQ_GSSAPI_PRINCIPAL, "zmqtest2", 9), 0);
        CHECK_INT (zmq_setsockopt (client, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "zmqtest2", 9), 0);
        CHECK_INT (zmq_setsockopt (client, ZMQ_GSSAPI_PRINCIPAL, "friend", 7), 0);
    } else if (!strcmp (on, "principal")) {
        set_int (server, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_NT_KRB5_PRINCIPAL);
        set_text (server, ZMQ_GSSAPI_PRINCIPAL, whole);
        set_int (client, ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_NT_KRB5_PRINCIPAL);
        set_text (client, ZMQ_GSSAPI_SERVICE_PRINCIPAL, whole);
        set_int (client, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_NT_KRB5_PRINCIPAL);
        set_text (client, ZMQ_GSSAPI_PRINCIPAL, who);
    } else if (!strcmp (on, "stranger")) {
        setenv ("KRB5_CLIENT_KTNAME", getenv ("KRB5_STRANGER"), 1);
        /* A server by this name would want its own key there. */
        server = sock (ctx, ZMQ_DEALER);
        set_int (server, ZMQ_GSSAPI_SERVER, 1);
        set_int (client, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_NT_USER_NAME);
        set_text (client, ZMQ_GSSAPI_PRINCIPAL, "stranger");
        who = "stranger@OZMQ.TEST";
    } else {
        /* Nobody says who they are: whoever has a key here. */
        setenv ("KRB5_CLIENT_KTNAME", getenv ("KRB5_STRANGER"), 1);
        server = sock (ctx, ZMQ_DEALER);
        client = sock (ctx, ZMQ_DEALER);
        set_int (server, ZMQ_GSSAPI_SERVER, 1);
        set_text (client, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "zmqtest2");
        who = "stranger@OZMQ.TEST";
    }
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    asked_gssapi (h, "", "127.0.0.1", who);
    answer (h, "200", "");
    BOUNCE (server, client);
    finish (ctx);
}

/* Who does not get in, without a word of the handler. */
static void nobody (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    char ep[ENDPOINT_MAX];
    if (!strcmp (on, "client without key"))
        setenv ("KRB5_CLIENT_KTNAME", getenv ("KRB5_EMPTY"), 1);
    serve_gssapi (server, false);
    use_gssapi (client, false);
    if (!strcmp (on, "unknown client"))
        set_text (client, ZMQ_GSSAPI_PRINCIPAL, "enemy");
    else if (!strcmp (on, "unknown server"))
        set_text (client, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "zmqtest3");
    else if (!strcmp (on, "another server"))
        set_text (client, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "friend");
    else if (!strcmp (on, "server without key"))
        set_text (server, ZMQ_GSSAPI_PRINCIPAL, "zmqtest3");
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    sneak (client);
    NOTHING (server);
    NOTHING (h);
    finish (ctx);
}

/* One of them seals, the other does not. */
static void one_sided (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *cm = mon_open (ctx, client, SHAKEN);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, !strcmp (on, "client seals"));
    use_gssapi (client, strcmp (on, "client seals"));
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    FAILED_WITH (cm, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND);
    sneak (client);
    NOTHING (server);
    finish (ctx);
}

static void other_mechanisms (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, SHAKEN);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, false);
    if (!strcmp (on, "PLAIN")) {
        set_text (client, ZMQ_PLAIN_USERNAME, "admin");
        set_text (client, ZMQ_PLAIN_PASSWORD, "password");
    }
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    FAILED_WITH (sm, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
    sneak (client);
    NOTHING (server);
    NOTHING (h);
    finish (ctx);
}

/* Subscriptions come through, and come again when the publisher is another. Sealed ones do not with libzmq up to 4.3.5. */
static void subscriptions (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_XPUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    serve_gssapi (pub, true);
    use_gssapi (sub, true);
    set_text (sub, ZMQ_SUBSCRIBE, "test");
    bind_on (pub, "tcp", ep);
    connect_to (sub, ep);
    for (int round = 0; round < 2; round++) {
        /* The reference repeats a subscription as the application calls. */
        while (!wait_for (pub, ZMQ_POLLIN, 10))
            get_int (sub, ZMQ_EVENTS);
        SUBSCRIBED (pub, "test");
        SEND (pub, "other message");
        SEND (pub, "test world");
        RECV (sub, "test world");
        if (round)
            break;
        sock_close (pub);
        pub = sock (ctx, ZMQ_XPUB);
        serve_gssapi (pub, true);
        UNTIL (zmq_bind (pub, ep) == 0);
    }
    finish (ctx);
}

static void heartbeats (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *cm = mon_open (ctx, client, ZMQ_EVENT_DISCONNECTED);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, false);
    use_gssapi (client, false);
    set_int (client, ZMQ_HEARTBEAT_IVL, 20);
    set_int (client, ZMQ_HEARTBEAT_TIMEOUT, 5000);
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    BOUNCE (server, client);
    CHECK_INT (mon_next (cm, NULL, NULL, 5 * QUIET_MS), 0);
    BOUNCE (server, client);
    finish (ctx);
}

/* ---- by hand ---- */

/* CVE-2014-7202, CVE-2014-9721 */
static void no_downgrade (const char *on)
{
    need_realm ();
    static const char *const mechanisms[] = {"NULL", "PLAIN", "CURVE", "gssapi", "GSSAPIX"};
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_PULL);
    void *sm = mon_open (ctx, server, SHAKEN);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, false);
    bind_on (server, "tcp", ep);
    check_no_downgrade (ep, sm, mechanisms, COUNT (mechanisms));
    NOTHING (server);
    NOTHING (h);
    finish (ctx);
}

static const wrong_t wrong[] = {
    WRONG ("\4\0", MALFORMED_COMMAND_UNSPECIFIED),
    WRONG ("\4\10\10INITIAT", MALFORMED_COMMAND_UNSPECIFIED),
    WRONG ("\4\11\10INITIATE", MALFORMED_COMMAND_INITIATE),
    WRONG ("\4\14\10INITIATE\0\0\0", MALFORMED_COMMAND_INITIATE),
    WRONG ("\4\15\10INITIATE\0\0\0\1", MALFORMED_COMMAND_INITIATE),
    WRONG ("\4\16\10INITIATE\0\0\0\2x", MALFORMED_COMMAND_INITIATE),
    WRONG ("\4\16\10INITIATE\377\377\377\377x", MALFORMED_COMMAND_INITIATE),
    WRONG ("\4\17\10INITIATE\0\0\0\1xy", MALFORMED_COMMAND_INITIATE),
    WRONG ("\4\10\7WELCOME", UNEXPECTED_COMMAND),
    WRONG ("\4\16\7MESSAGE\0\0\0\2xy", UNEXPECTED_COMMAND),
    WRONG ("\4\32\5READY\13Socket-Type\0\0\0\4PUSH", UNEXPECTED_COMMAND),
};

static void wrong_commands (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_PULL);
    void *sm = mon_open (ctx, server, SHAKEN);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, false);
    bind_on (server, "tcp", ep);
    check_wrong (ep, "GSSAPI", sm, wrong, COUNT (wrong));
    NOTHING (h);
    NOTHING (server);
    finish (ctx);
}

/* What a client says first, and what it says to a server that is none. */
static void wire_of_a_client (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *client = sock (ctx, ZMQ_PUSH);
    void *cm = mon_open (ctx, client, SHAKEN);
    unsigned char head[23];
    use_gssapi (client, false);
    int fd = served (client, "GSSAPI");
    /* A ticket takes more than 255 bytes. */
    RAW_READ (fd, head, 22);
    CHECK (!memcmp (head, "\6\0\0\0\0\0\0", 7) && !memcmp (head + 9, "\10INITIATE\0\0", 11));
    size_t frame = (size_t) head[7] << 8 | head[8], token = (size_t) head[20] << 8 | head[21];
    CHECK_INT (frame, token + 13);
    unsigned char *rest = malloc (token);
    RAW_READ (fd, rest, token);
    /* A token as RFC 2743 begins it, of Kerberos as RFC 4121 does. */
    CHECK (rest[0] == 0x60 && !memcmp (rest + 4, "\6\11\52\206\110\206\367\22\1\2\2\1\0", 13));
    free (rest);
    if (!strcmp (on, "WELCOME"))
        RAW_SEND (fd, "\4\10\7WELCOME");
    else
        RAW_SEND (fd, "\4\15\10INITIATE\0\0\0\1");
    FAILED_WITH (cm, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                 !strcmp (on, "WELCOME") ? ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND
                                         : ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_INITIATE);
    RAW_CLOSED (fd);
    finish (ctx);
}

/* CVE-2020-15166: peers that say nothing hold nobody up, and are cut. */
static void silent_peers (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_PULL), *client = sock (ctx, ZMQ_PUSH);
    char ep[ENDPOINT_MAX];
    int silent[SILENT];
    serve_gssapi (server, false);
    use_gssapi (client, false);
    set_int (server, ZMQ_HANDSHAKE_IVL, 2000);
    bind_on (server, "tcp", ep);
    silence (ep, "GSSAPI", silent);
    connect_to (client, ep);
    SEND (client, "hello");
    RECV (server, "hello");
    check_cut (silent);
    finish (ctx);
}

CHECK_MAIN (CASE (options),
            CASE_ON (accepted, "sealed"),
            CASE_ON (accepted, "plaintext"),
            CASE_ON (accepted, "sealed, connecting server"),
            CASE_ON (accepted, "plaintext, connecting server"),
            CASE_ON (accepted, "sealed, ipc"),
            CASE (no_handler),
            CASE_ON (messages, "sealed"),
            CASE_ON (messages, "plaintext"),
            CASE_ON (names, "with host"),
            CASE_ON (names, "with NUL"),
            CASE_ON (names, "principal"),
            CASE_ON (names, "stranger"),
            CASE_ON (names, "none"),
            CASE_ON (nobody, "unknown client"),
            CASE_ON (nobody, "unknown server"),
            CASE_ON (nobody, "another server"),
            CASE_ON (nobody, "client without key"),
            CASE_ON (nobody, "server without key"),
            CASE_ON (one_sided, "client seals"),
            CASE_ON (one_sided, "server seals"),
            CASE_ON (other_mechanisms, "NULL"),
            CASE_ON (other_mechanisms, "PLAIN"),
            CASE (subscriptions),
            CASE (heartbeats),
            CASE (no_downgrade),
            CASE (wrong_commands),
            CASE_ON (wire_of_a_client, "WELCOME"),
            CASE_ON (wire_of_a_client, "INITIATE"),
            CASE (silent_peers))
