/* What the programs about GSSAPI share. They run in a realm: ./realm.sh makes one. */
#ifndef CAPI_TESTS_KERBEROS_H
#define CAPI_TESTS_KERBEROS_H

#include "security.h"

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

static UNUSED void asked_gssapi (void *h, const char *domain, const char *address, const char *principal)
{
    asked (h, domain, address, "", "GSSAPI", 1);
    RECV (h, principal);
}

#endif
