/* What the programs about security share: the ZAP handler's side, keys, events that are waited for, and peers by hand. */
#ifndef CAPI_TESTS_SECURITY_H
#define CAPI_TESTS_SECURITY_H

#include "raw.h"

enum { FAILED = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH };
enum { SHAKEN = FAILED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED };

#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

/* ---- the ZAP handler ---- */

/* A socket bound as the ZAP handler. */
static UNUSED void *handler_on (void *ctx, int type)
{
    void *h = sock (ctx, type);
    CHECK_INT (zmq_bind (h, "inproc://zeromq.zap.01"), 0);
    return h;
}

/* The next question's frames up to the mechanism; an address of NULL may be any. */
static UNUSED void asked (void *h, const char *domain, const char *address, const char *routing_id, const char *mechanism, int more)
{
    char any[ENDPOINT_MAX];
    RECV_MORE (h, "1.0");
    RECV_MORE (h, "1");
    RECV_MORE (h, domain);
    if (address)
        RECV_MORE (h, address);
    else
        recv_any (h, any, sizeof any);
    RECV_MORE (h, routing_id);
    check_recv (h, mechanism, strlen (mechanism), more, __FILE__, __LINE__);
}

static UNUSED void asked_plain (void *h, const char *user, const char *password)
{
    asked (h, "", "127.0.0.1", "", "PLAIN", 1);
    RECV_MORE (h, user);
    RECV (h, password);
}

#define HELLO_WORLD "\5Hello\0\0\0\5World"

static UNUSED void answer (void *h, const char *status, const char *user)
{
    SEND_MORE (h, "1.0");
    SEND_MORE (h, "1");
    SEND_MORE (h, status);
    SEND_MORE (h, "text");
    SEND_MORE (h, user);
    SEND_BYTES (h, HELLO_WORLD, (int) sizeof HELLO_WORLD - 1, 0);
}

/* Answers that are none, by name; returns the code that the server's monitor is told. */
static UNUSED uint32_t answer_wrongly (void *h, const char *how)
{
    uint32_t code = ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY;
    const char *version = "1.0", *id = "1", *status = "200";
    if (!strcmp (how, "version")) {
        version = "1.1";
        code = ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION;
    } else if (!strcmp (how, "id")) {
        id = "2";
        code = ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID;
    } else if (!strcmp (how, "status")) {
        status = "201";
        code = ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE;
    }
    SEND_MORE (h, version);
    SEND_MORE (h, id);
    SEND_MORE (h, status);
    if (!strcmp (how, "short"))
        SEND (h, "text");
    else {
        SEND_MORE (h, "text");
        SEND_MORE (h, "joe");
        if (!strcmp (how, "metadata")) {
            code = ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA;
            SEND (h, "\5Hell");
        } else if (!strcmp (how, "long")) {
            SEND_MORE (h, "");
            SEND (h, "more");
        } else
            SEND (h, "");
    }
    return code;
}

static UNUSED void credentials (void *s, const char *user, const char *password)
{
    set_text (s, ZMQ_PLAIN_USERNAME, user);
    set_text (s, ZMQ_PLAIN_PASSWORD, password);
}

/* ---- events and properties ---- */

static UNUSED void check_value (void *mon, int event, uint32_t value, const char *file, int line)
{
    uint32_t seen = 0;
    int what = mon_next (mon, &seen, NULL, PATIENCE_MS);
    if (what != event || seen != value)
        check_report (file, line, "event %#x with %#x, not %#x with %#x", what, seen, event, value);
}
#define MON_VALUE(mon, event, value) check_value (mon, event, value, __FILE__, __LINE__)

static UNUSED void check_failed (void *mon, int event, uint32_t value, const char *file, int line)
{
    uint32_t seen = 0;
    int what;
    do
        what = mon_next (mon, &seen, NULL, PATIENCE_MS);
    while (what == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL && (seen == EPIPE || seen == ECONNRESET) && seen != value);
    if (what != event || seen != value)
        check_report (file, line, "event %#x with %#x, not %#x with %#x", what, seen, event, value);
}
/* The server's next failure, but for peers that left. */
#define FAILED_WITH(mon, event, value) check_failed (mon, event, value, __FILE__, __LINE__)
#define PROTOCOL_ERROR(mon, code)                                                                                      \
    check_failed (mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_##code, __FILE__, __LINE__)

static UNUSED void check_property (zmq_msg_t *m, const char *name, const char *value)
{
    const char *seen = zmq_msg_gets (m, name);
    if (!seen || strcmp (seen, value) != 0)
        check_report (__FILE__, __LINE__, "property %s is \"%s\", not \"%s\"", name, seen ? seen : "(none)", value);
}

/* ---- peers by hand ---- */

/* One that greets, and names this mechanism. */
static UNUSED int greeted (const char *endpoint, const char *mechanism)
{
    unsigned char mine[64];
    int fd = raw_connect (endpoint);
    greeting (mine, 1, mechanism);
    raw_write (fd, mine, 64);
    return fd;
}

static UNUSED void read_greeting (int fd, const char *mechanism)
{
    unsigned char theirs[64], name[20] = {0};
    memcpy (name, mechanism, strlen (mechanism));
    RAW_READ (fd, theirs, 64);
    CHECK (!memcmp (theirs + 12, name, sizeof name));
}

/* The server's side of a connection of this client, once both have greeted. */
static UNUSED int served (void *client, const char *mechanism)
{
    char ep[ENDPOINT_MAX];
    unsigned char mine[64];
    int listener = raw_listen (ep);
    connect_to (client, ep);
    int fd = raw_accept (listener);
    greeting (mine, 1, mechanism);
    raw_write (fd, mine, 64);
    read_greeting (fd, mechanism);
    return fd;
}

/* What a client must not say, and what the server's monitor then hears. */
typedef struct {
    const char *bytes;
    size_t size;
    uint32_t code;
} wrong_t;
#define WRONG(bytes, code) {bytes, sizeof (bytes) - 1, ZMQ_PROTOCOL_ERROR_ZMTP_##code}

static UNUSED void check_wrong (const char *endpoint, const char *mechanism, void *sm, const wrong_t *wrong, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int fd = greeted (endpoint, mechanism);
        read_greeting (fd, mechanism);
        raw_write (fd, wrong[i].bytes, wrong[i].size);
        MON_VALUE (sm, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, wrong[i].code);
        RAW_CLOSED (fd);
        close (fd);
    }
}

/* Other mechanisms, and versions that have none, lead nowhere: CVE-2014-7202, CVE-2014-9721. */
static UNUSED void check_no_downgrade (const char *endpoint, void *sm, const char *const *mechanisms, size_t count)
{
    static const char *const old[] = {"\1\0\7\0sneaky", "\377\0\0\0\0\0\0\0\1\177\1\10\0\0\0\6sneaky",
                                      "\377\0\0\0\0\0\0\0\1\177\0\10\1\0\7\0sneaky"};
    static const size_t sizes[] = {10, 22, 22};
    unsigned char frame[128];
    for (size_t i = 0; i < count; i++) {
        int fd = greeted (endpoint, mechanisms[i]);
        raw_try_write (fd, frame, ready (frame, "PUSH", NULL));
        raw_try_write (fd, "\0\6sneaky", 8);
        MON_VALUE (sm, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
        RAW_CLOSED (fd);
        close (fd);
    }
    for (size_t i = 0; i < COUNT (old); i++) {
        int fd = raw_connect (endpoint);
        raw_try_write (fd, old[i], sizes[i]);
        RAW_CLOSED (fd);
        close (fd);
    }
}

/* Peers that say nothing, or nothing more than a greeting: CVE-2020-15166. */
enum { SILENT = 20 };

static UNUSED void silence (const char *endpoint, const char *mechanism, int fds[SILENT])
{
    for (int i = 0; i < SILENT; i++)
        fds[i] = i % 2 ? greeted (endpoint, mechanism) : raw_connect (endpoint);
}

static UNUSED void check_cut (const int fds[SILENT])
{
    for (int i = 0; i < SILENT; i++)
        RAW_CLOSED (fds[i]);
}

/* ---- CURVE ---- */

typedef struct {
    char public[41], secret[41];
    uint8_t bytes[32];
} keys_t;

static UNUSED keys_t keys_new (void)
{
    keys_t k;
    if (!zmq_has ("curve"))
        SKIP ("the library has no CURVE");
    CHECK_INT (zmq_curve_keypair (k.public, k.secret), 0);
    CHECK (zmq_z85_decode (k.bytes, k.public) == k.bytes);
    return k;
}

static UNUSED void curve_server (void *s, const keys_t *own)
{
    set_int (s, ZMQ_CURVE_SERVER, 1);
    set_text (s, ZMQ_CURVE_SECRETKEY, own->secret);
}

static UNUSED void curve_client (void *s, const keys_t *own, const char *server)
{
    set_text (s, ZMQ_CURVE_SERVERKEY, server);
    set_text (s, ZMQ_CURVE_PUBLICKEY, own->public);
    set_text (s, ZMQ_CURVE_SECRETKEY, own->secret);
}

static UNUSED void asked_curve (void *h, const char *domain, const char *routing_id, const keys_t *client)
{
    asked (h, domain, NULL, routing_id, "CURVE", 1);
    RECV_BYTES (h, client->bytes, 32, 0);
}

#endif
