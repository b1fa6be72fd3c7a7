/* difference: libzmq 4.3.5 lets those in that the ZAP handler refuses, loses sealed subscriptions, and waits for Kerberos in its I/O thread */
#define ZMQ_BUILD_DRAFT_API
#include "kerberos.h"

static void refused (const char *status)
{
    need_realm ();
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, SHAKEN), *cm = mon_open (ctx, client, SHAKEN);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, false);
    use_gssapi (client, false);
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    asked_gssapi (h, "", "127.0.0.1", principal_of ("friend"));
    answer (h, status, "joe");
    FAILED_WITH (sm, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, (uint32_t) atoi (status));
    if (strcmp (status, "300")) {
        FAILED_WITH (cm, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, (uint32_t) atoi (status));
        /* It does not come back. */
        CHECK (!wait_for (h, ZMQ_POLLIN, 3 * QUIET_MS));
        sneak (client);
        NOTHING (server);
    } else {
        /* For now only: it comes back, and may get in. */
        asked_gssapi (h, "", "127.0.0.1", principal_of ("friend"));
        answer (h, "200", "");
        BOUNCE (server, client);
    }
    finish (ctx);
}

static void malformed_answer (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, SHAKEN);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, false);
    use_gssapi (client, false);
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    asked_gssapi (h, "", "127.0.0.1", principal_of ("friend"));
    answer (h, "201", "");
    FAILED_WITH (sm, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE);
    sneak (client);
    NOTHING (server);
    finish (ctx);
}

/* A domain that is a must needs somebody to ask. */
static void enforced_domain (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, SHAKEN);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, false);
    use_gssapi (client, false);
    set_text (server, ZMQ_ZAP_DOMAIN, "global");
    set_int (server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    FAILED_WITH (sm, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EFAULT);
    sneak (client);
    NOTHING (server);
    finish (ctx);
}

/* The next message that begins so; the publisher repeats it, since nobody tells it when a subscription is there. */
static void hear (void *pub, void *sub, const char *text)
{
    int64_t limit = now_ms () + PATIENCE_MS;
    do {
        CHECK (now_ms () < limit);
        SEND (pub, "other message");
        SEND (pub, text);
    } while (!wait_for (sub, ZMQ_POLLIN, 10));
    while (wait_for (sub, ZMQ_POLLIN, QUIET_MS))
        RECV (sub, text);
}

/* Subscriptions come through, and again to the next publisher, and can be taken back. */
static void subscriptions (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *pub = sock (ctx, ZMQ_PUB), *sub = sock (ctx, ZMQ_SUB);
    char ep[ENDPOINT_MAX];
    serve_gssapi (pub, false);
    use_gssapi (sub, false);
    set_text (sub, ZMQ_SUBSCRIBE, "test");
    bind_on (pub, "tcp", ep);
    connect_to (sub, ep);
    hear (pub, sub, "test hello");
    sock_close (pub);
    pub = sock (ctx, ZMQ_PUB);
    serve_gssapi (pub, false);
    UNTIL (zmq_bind (pub, ep) == 0);
    hear (pub, sub, "test world");
    set_text (sub, ZMQ_UNSUBSCRIBE, "test");
    set_text (sub, ZMQ_SUBSCRIBE, "more");
    hear (pub, sub, "more");
    SEND (pub, "test again");
    NOTHING (sub);
    finish (ctx);
}

/* Where Kerberos says no, both sides say so at once. */
static void no_credentials (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *sm = mon_open (ctx, server, SHAKEN), *cm = mon_open (ctx, client, SHAKEN);
    bool clients = !strcmp (on, "client");
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, false);
    use_gssapi (client, false);
    if (clients)
        set_text (client, ZMQ_GSSAPI_PRINCIPAL, "enemy");
    else
        set_text (server, ZMQ_GSSAPI_PRINCIPAL, "zmqtest3");
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    /* It may have them the next time. */
    for (int i = 0; i < 3; i++)
        FAILED_WITH (clients ? cm : sm, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EACCES);
    finish (ctx);
}

static void forged_tokens (const char *on)
{
    need_realm ();
    static const wrong_t forged[] = {
        WRONG ("\4\16\10INITIATE\0\0\0\1x", CRYPTOGRAPHIC),
        /* As RFC 2743 begins it, and no further. */
        WRONG ("\4\41\10INITIATE\0\0\0\24\140\22\6\11\52\206\110\206\367\22\1\2\2\1\0xyxyx", CRYPTOGRAPHIC),
        WRONG ("\4\41\10INITIATE\0\0\0\24\140\204\377\377\377\377\6\11\52\206\110\206\367\22\1\2\2xyx", CRYPTOGRAPHIC),
        /* SPNEGO */
        WRONG ("\4\36\10INITIATE\0\0\0\21\140\17\6\6\53\6\1\5\5\2\240\5\60\3\240\1\60", CRYPTOGRAPHIC),
    };
    void *ctx = ctx_new (), *h = handler_on (ctx, ZMQ_REP), *server = sock (ctx, ZMQ_PULL);
    void *sm = mon_open (ctx, server, SHAKEN);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, false);
    bind_on (server, "tcp", ep);
    check_wrong (ep, "GSSAPI", sm, forged, COUNT (forged));
    NOTHING (h);
    finish (ctx);
}

/* A crowd that sends forged tokens, and leaves, does not keep others out. */
static void crowd (const char *on)
{
    need_realm ();
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_PULL), *client = sock (ctx, ZMQ_PUSH);
    char ep[ENDPOINT_MAX];
    serve_gssapi (server, false);
    use_gssapi (client, false);
    bind_on (server, "tcp", ep);
    for (int i = 0; i < 500; i++) {
        int fd = greeted (ep, "GSSAPI");
        raw_try_write (fd, "\4\16\10INITIATE\0\0\0\1x", 16);
        close (fd);
    }
    connect_to (client, ep);
    SEND (client, "hello");
    RECV (server, "hello");
    finish (ctx);
}

/* A center that takes questions and gives no answer: all else goes on, in the one I/O thread that there is. */
static void silent_center (const char *on)
{
    need_realm ();
    char ep[ENDPOINT_MAX], path[128], center[ENDPOINT_MAX];
    int listener = raw_listen (center);
    snprintf (path, sizeof path, "%s/krb5.conf", check_dir);
    FILE *f = fopen (path, "w");
    CHECK (f != NULL);
    fprintf (f, "[libdefaults]\ndefault_realm = OZMQ.TEST\ndns_lookup_kdc = false\ndns_canonicalize_hostname = false\n"
                "rdns = false\nqualify_shortname = \"\"\nudp_preference_limit = 1\n[realms]\nOZMQ.TEST = {\nkdc = %s\n}\n",
             center + strlen ("tcp://"));
    CHECK_INT (fclose (f), 0);
    setenv ("KRB5_CONFIG", path, 1);
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *others[2] = {sock (ctx, ZMQ_PAIR), sock (ctx, ZMQ_PAIR)};
    void *cm = mon_open (ctx, client, SHAKEN | ZMQ_EVENT_CONNECTED);
    CHECK_INT (zmq_ctx_get (ctx, ZMQ_IO_THREADS), 1);
    serve_gssapi (server, false);
    use_gssapi (client, false);
    set_int (client, ZMQ_HANDSHAKE_IVL, 300);
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    MON_NEXT (cm, ZMQ_EVENT_CONNECTED);
    /* Now it asks. */
    int fd = raw_accept (listener);
    bind_on (others[0], "tcp", ep);
    connect_to (others[1], ep);
    BOUNCE (others[0], others[1]);
    /* The handshake's time is over, whatever the center does. */
    FAILED_WITH (cm, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, ETIMEDOUT);
    int64_t start = now_ms ();
    finish (ctx);
    CHECK (now_ms () - start < 3000);
    close (fd);
    close (listener);
}

CHECK_MAIN (CASE_ON (refused, "300"),
            CASE_ON (refused, "400"),
            CASE_ON (refused, "500"),
            CASE (malformed_answer),
            CASE (enforced_domain),
            CASE (subscriptions),
            CASE_ON (no_credentials, "client"),
            CASE_ON (no_credentials, "server"),
            CASE (forged_tokens),
            CASE (crowd),
            CASE (silent_center))
