/* difference: libzmq aborts in each of these */
#define ZMQ_BUILD_DRAFT_API
#include "check.h"

/* The server lets nobody in, and says why. */
static void refuses (void *ctx, void *server, const char *mechanism)
{
    void *client = sock (ctx, ZMQ_DEALER), *mon = mon_open (ctx, server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    char ep[ENDPOINT_MAX];
    uint32_t value = 0;
    if (!strcmp (mechanism, "PLAIN")) {
        set_int (server, ZMQ_PLAIN_SERVER, 1);
        set_text (client, ZMQ_PLAIN_USERNAME, "admin");
        set_text (client, ZMQ_PLAIN_PASSWORD, "password");
    }
    bind_on (server, "tcp", ep);
    connect_to (client, ep);
    MON_UNTIL_VALUE (mon, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, &value);
    CHECK_INT (value, EFAULT);
    SEND (client, "sneaky");
    NOTHING (server);
    finish (ctx);
}

/* A socket that cannot answer those who ask is no handler, and no reason to let anybody in. */
static void deaf_handler (const char *mechanism)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *handler = sock (ctx, ZMQ_DEALER);
    CHECK_INT (zmq_bind (handler, "inproc://zeromq.zap.01"), 0);
    set_text (server, ZMQ_ZAP_DOMAIN, "global");
    refuses (ctx, server, mechanism);
}

static void enforced_without_domain (const char *on)
{
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *handler = sock (ctx, ZMQ_REP);
    CHECK_INT (zmq_bind (handler, "inproc://zeromq.zap.01"), 0);
    set_int (server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    refuses (ctx, server, "PLAIN");
}

CHECK_MAIN (CASE_ON (deaf_handler, "PLAIN"), CASE_ON (deaf_handler, "NULL"), CASE (enforced_without_domain))
