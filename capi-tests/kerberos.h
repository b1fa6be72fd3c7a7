/* What the programs about GSSAPI share. They run in a realm: ./realm.sh makes one. */
#ifndef CAPI_TESTS_KERBEROS_H
#define CAPI_TESTS_KERBEROS_H

#include "raw.h"

enum { FAILED = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH };
enum { SHAKEN = FAILED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED };

static void need_gssapi (void)
{
    if (!zmq_has ("gssapi"))
        SKIP ("no gssapi in this library, or on this machine");
}

static UNUSED void need_realm (void)
{
    need_gssapi ();
    if (!getenv ("REALM_HOST"))
        SKIP ("no realm to run in: see realm.sh");
    /* Tickets of this case, of as many principals as it has. */
    char folder[100], name[110];
    snprintf (folder, sizeof folder, "%s/tickets-%d", check_dir, (int) getpid ());
    snprintf (name, sizeof name, "DIR:%s", folder);
    CHECK_INT (mkdir (folder, 0700), 0);
    setenv ("KRB5CCNAME", name, 1);
}

/* Sent if it can be: whoever was refused may have no queue any more. */
static UNUSED void sneak (void *s)
{
    if (zmq_send (s, "sneaky", 6, ZMQ_DONTWAIT) == -1)
        CHECK_INT (zmq_errno (), EAGAIN);
}

/* What Kerberos calls a service of this host. */
static UNUSED const char *principal_of (const char *service)
{
    static char text[300];
    snprintf (text, sizeof text, "%s/%s@OZMQ.TEST", service, getenv ("REALM_HOST"));
    return text;
}

static UNUSED void serve_gssapi (void *s, bool plaintext)
{
    set_int (s, ZMQ_GSSAPI_SERVER, 1);
    set_text (s, ZMQ_GSSAPI_PRINCIPAL, "zmqtest2");
    set_int (s, ZMQ_GSSAPI_PLAINTEXT, plaintext);
}

static UNUSED void use_gssapi (void *s, bool plaintext)
{
    set_text (s, ZMQ_GSSAPI_PRINCIPAL, "friend");
    set_text (s, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "zmqtest2");
    set_int (s, ZMQ_GSSAPI_PLAINTEXT, plaintext);
}

static UNUSED void *zap_handler (void *ctx)
{
    void *h = sock (ctx, ZMQ_REP);
    CHECK_INT (zmq_bind (h, "inproc://zeromq.zap.01"), 0);
    return h;
}

static UNUSED void asked_of (void *h, const char *domain, const char *address, const char *principal)
{
    RECV_MORE (h, "1.0");
    RECV_MORE (h, "1");
    RECV_MORE (h, domain);
    RECV_MORE (h, address);
    RECV_MORE (h, "");
    RECV_MORE (h, "GSSAPI");
    RECV (h, principal);
}

static UNUSED void answer (void *h, const char *status, const char *user)
{
    SEND_MORE (h, "1.0");
    SEND_MORE (h, "1");
    SEND_MORE (h, status);
    SEND_MORE (h, "text");
    SEND_MORE (h, user);
    SEND (h, "");
}

/* The next failure, but for peers that left: who that is, and when, is up to them. */
static UNUSED void failed_with (void *mon, int event, uint32_t value)
{
    uint32_t seen = 0;
    int what;
    do
        what = mon_next (mon, &seen, NULL, PATIENCE_MS);
    while (what == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL && (seen == EPIPE || seen == ECONNRESET) && seen != value);
    CHECK_INT (what, event);
    CHECK_INT (seen, value);
}

/* A peer by hand that names this mechanism. */
static UNUSED int greeted (const char *endpoint, const char *mechanism)
{
    unsigned char mine[64];
    int fd = raw_connect (endpoint);
    greeting (mine, 1, mechanism);
    raw_write (fd, mine, 64);
    return fd;
}

#endif
