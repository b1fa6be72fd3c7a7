/* peer <bind|connect> <type> <endpoint> <count> <size>
 *
 * One side of a conversation between two processes, which may run different libraries. The binding side prints the
 * endpoint that came of it on its first line. Each side counts every message, verifies every byte, and exits 0 only if all
 * of it was there. Types by their names: pair pub sub xpub xsub req rep dealer router push pull stream client server
 * radio dish scatter gather peer channel.
 *
 * Who does what follows from the type and, where both could start, from the role:
 *   pub, xpub      send count messages and an end, once there is a subscriber
 *   radio          the same, to three groups in turn
 *   push, scatter  sends count messages; pull, gather receives them
 *   client         asks count times; server answers
 *   req            asks count times; rep and router answer
 *   dealer         asks count times at rep or router; between two dealers, routers, pairs, streams, peers or
 *                  channels the one that connects asks and the one that binds answers. PEER names the other type, which decides the framing.
 *
 * SECURITY in the environment names a mechanism of which the binder is the server, and FATE what becomes of the connecter:
 *   accepted   the binder's ZAP handler lets it in (the default)
 *   refused    the ZAP handler does not
 *   unheard    there is no ZAP handler: who is let in without one, is
 *   enforced   there is none, and there has to be one
 *   mistaken   it has not got the binder's key (CURVE), or asked Kerberos for another's ticket (GSSAPI)
 *   other      it comes with another mechanism
 * Where nobody is let in, both sides wait for the events that say so. GSSAPI takes a realm (../realm.sh). */
#define ZMQ_BUILD_DRAFT_API
#include "../check.h"

static void *self;
static int count;
static size_t size;
static unsigned char *body;
static const char *other;

static void compose (int n)
{
    for (size_t i = 0; i < size; i++)
        body[i] = (unsigned char) ((size_t) n * 7 + i * 31 + i / 256);
    if (size >= sizeof n)
        memcpy (body, &n, sizeof n);
}

static void emit (int n, int flags)
{
    compose (n);
    SEND_BYTES (self, body, (int) size, flags);
}

static void expect (int n, int more)
{
    compose (n);
    RECV_BYTES (self, body, size, more);
}

static bool is (const char *a, const char *b)
{
    return !strcmp (a, b);
}

/* ---- one conversation per kind of pair ---- */

static void publish (void)
{
    /* An XPUB sees the subscription. A PUB cannot, and repeats a mark, which the subscriber skips, for a while. */
    if (get_int (self, ZMQ_TYPE) == ZMQ_XPUB)
        RECV_BYTES (self, "\1", 1, 0);
    else {
        int64_t limit = now_ms () + 1000;
        while (now_ms () < limit) {
            SEND (self, "start");
            pause_ms (10);
        }
    }
    set_int (self, ZMQ_XPUB_NODROP, 1);
    for (int n = 0; n < count; n++)
        emit (n, 0);
    SEND (self, "end");
}

static void subscribe (void)
{
    if (get_int (self, ZMQ_TYPE) == ZMQ_XSUB)
        SEND_BYTES (self, "\1", 1, 0);
    for (int n = 0; n < count; n++) {
        zmq_msg_t m;
        do {
            zmq_msg_init (&m);
            CHECK (zmq_msg_recv (&m, self, 0) >= 0);
        } while (zmq_msg_size (&m) == 5 && !memcmp (zmq_msg_data (&m), "start", 5));
        compose (n);
        CHECK_INT (zmq_msg_size (&m), size);
        CHECK (!memcmp (zmq_msg_data (&m), body, size));
        zmq_msg_close (&m);
    }
    RECV (self, "end");
}

static void push (void)
{
    for (int n = 0; n < count; n++) {
        emit (n, ZMQ_SNDMORE);
        SEND (self, "tail");
    }
}

static void pull (void)
{
    for (int n = 0; n < count; n++) {
        expect (n, 1);
        RECV (self, "tail");
    }
}

/* The asking side: `delimiter` puts an empty frame in front, `address` the peer's id before that. */
static void ask (bool delimiter, const char *address)
{
    int window = get_int (self, ZMQ_TYPE) == ZMQ_REQ ? 1 : 50, sent = 0;
    for (int n = 0; n < count; n++) {
        for (; sent < count && sent < n + window; sent++) {
            if (address) {
                set_int (self, ZMQ_ROUTER_MANDATORY, 1);
                int64_t limit = now_ms () + PATIENCE_MS;
                while (zmq_send (self, address, strlen (address), ZMQ_SNDMORE) == -1) {
                    CHECK (zmq_errno () == EHOSTUNREACH && now_ms () < limit);
                    pause_ms (5);
                }
            }
            if (delimiter)
                SEND_MORE (self, "");
            emit (sent, 0);
        }
        if (address)
            RECV_MORE (self, address);
        if (delimiter)
            RECV_MORE (self, "");
        expect (n, 0);
    }
}

static void answer (bool addressed, bool delimiter)
{
    char id[256];
    int id_size = 0;
    for (int n = 0; n < count; n++) {
        if (addressed)
            id_size = recv_any (self, id, sizeof id);
        if (delimiter)
            RECV_MORE (self, "");
        expect (n, 0);
        if (addressed)
            SEND_BYTES (self, id, id_size, ZMQ_SNDMORE);
        if (delimiter)
            SEND_MORE (self, "");
        emit (n, 0);
    }
}

/* ---- drafts ---- */

static void scatter (void)
{
    for (int n = 0; n < count; n++)
        emit (n, 0);
}

static void gather (void)
{
    for (int n = 0; n < count; n++)
        expect (n, 0);
}

static void emit_to (uint32_t id, int n)
{
    zmq_msg_t m;
    compose (n);
    CHECK_INT (zmq_msg_init_buffer (&m, body, size), 0);
    CHECK_INT (zmq_msg_set_routing_id (&m, id), 0);
    CHECK_INT (zmq_msg_send (&m, self, 0), size);
}

static uint32_t expect_from (int n)
{
    zmq_msg_t m;
    zmq_msg_init (&m);
    compose (n);
    CHECK_INT (zmq_msg_recv (&m, self, 0), size);
    CHECK (!zmq_msg_more (&m) && !memcmp (zmq_msg_data (&m), body, size));
    uint32_t id = zmq_msg_routing_id (&m);
    zmq_msg_close (&m);
    return id;
}

static void serve (void)
{
    uint32_t who = 0;
    for (int n = 0; n < count; n++) {
        uint32_t id = expect_from (n);
        CHECK (id != 0 && (who == 0 || who == id));
        who = id;
        emit_to (id, n);
    }
}

static void ask_peer (uint32_t id)
{
    for (int n = 0, sent = 0; n < count; n++) {
        for (; sent < count && sent < n + 50; sent++)
            emit_to (id, sent);
        CHECK_INT (expect_from (n), id);
    }
}

static const char *const groups[] = {"short", "", "a group with a name of such a length that it lies in no message of either"};

static void cast (const char *group, const void *data, size_t length)
{
    zmq_msg_t m;
    CHECK_INT (zmq_msg_init_buffer (&m, data, length), 0);
    CHECK_INT (zmq_msg_set_group (&m, group), 0);
    CHECK_INT (zmq_msg_send (&m, self, 0), length);
}

static void radio (void)
{
    /* Nobody tells who is there: a mark, which the dish skips, is repeated for a while. */
    int64_t limit = now_ms () + 1000;
    while (now_ms () < limit) {
        cast (groups[0], "start", 5);
        pause_ms (10);
    }
    set_int (self, ZMQ_XPUB_NODROP, 1);
    for (int n = 0; n < count; n++) {
        compose (n);
        cast ("a group that nobody is in", body, size);
        cast (groups[n % 3], body, size);
    }
    cast (groups[0], "end", 3);
}

static void dish (void)
{
    zmq_msg_t m;
    for (int n = 0; n <= count; n++) {
        do {
            zmq_msg_init (&m);
            CHECK (zmq_msg_recv (&m, self, 0) >= 0);
        } while (zmq_msg_size (&m) == 5 && !memcmp (zmq_msg_data (&m), "start", 5));
        if (n == count) {
            CHECK (zmq_msg_size (&m) == 3 && !memcmp (zmq_msg_data (&m), "end", 3));
            break;
        }
        compose (n);
        CHECK_INT (zmq_msg_size (&m), size);
        CHECK (!memcmp (zmq_msg_data (&m), body, size));
        CHECK (!strcmp (zmq_msg_group (&m), groups[n % 3]));
        zmq_msg_close (&m);
    }
    zmq_msg_close (&m);
}

/* STREAM to STREAM: count * size bytes there and back. */
static void stream (bool first)
{
    unsigned char id[8], *piece = malloc (1 << 20);
    size_t total = (size_t) count * size, sent = 0, received = 0;
    CHECK (piece != NULL);
    CHECK_INT (recv_any (self, id, sizeof id), 5);
    RECV (self, "");
    while (received < total || sent < total) {
        bool may_send = sent < total && (first || sent < received);
        zmq_pollitem_t item = {self, 0, (short) (ZMQ_POLLIN | (may_send ? ZMQ_POLLOUT : 0)), 0};
        CHECK (zmq_poll (&item, 1, PATIENCE_MS) == 1);
        if (item.revents & ZMQ_POLLIN) {
            RECV_BYTES (self, id, 5, 1);
            int n = recv_any (self, piece, 1 << 20);
            CHECK (n > 0);
            for (int i = 0; i < n; i++, received++)
                CHECK_INT (piece[i], (unsigned char) (received * 31 + received / 256));
        }
        if ((item.revents & ZMQ_POLLOUT) && may_send) {
            size_t n = first ? size : received - sent;
            if (n > total - sent)
                n = total - sent;
            for (size_t i = 0; i < n; i++)
                piece[i] = (unsigned char) ((sent + i) * 31 + (sent + i) / 256);
            SEND_BYTES (self, id, 5, ZMQ_SNDMORE);
            SEND_BYTES (self, piece, (int) n, 0);
            sent += n;
        }
    }
    free (piece);
}

/* ---- security ---- */

enum {
    FAILED = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
};

static const char *mechanism, *fate;

static bool fated (const char *which)
{
    return is (fate, which);
}

/* Keys that both processes know: [0] the binder's, [1] the connecter's, [2] nobody's. */
static void keys (int whose, char public[41], char secret[41])
{
    uint8_t bytes[32];
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t) (i * 7 + whose * 40 + 1);
    CHECK (zmq_z85_encode (secret, bytes, sizeof bytes) == secret);
    CHECK_INT (zmq_curve_public (public, secret), 0);
}

static void null_side (bool binds)
{
    if (binds)
        set_text (self, ZMQ_ZAP_DOMAIN, fated ("refused") ? "bad" : "good");
}

static bool null_known (const char *domain, char frames[][256])
{
    return is (domain, "good");
}

static void plain_side (bool binds)
{
    if (binds)
        set_int (self, ZMQ_PLAIN_SERVER, 1);
    else {
        set_text (self, ZMQ_PLAIN_USERNAME, "admin");
        set_text (self, ZMQ_PLAIN_PASSWORD, fated ("refused") ? "wrong" : "password");
    }
}

static bool plain_known (const char *domain, char frames[][256])
{
    return is (frames[0], "admin") && is (frames[1], "password");
}

static void curve_side (bool binds)
{
    char public[41], secret[41];
    if (binds) {
        keys (0, public, secret);
        set_int (self, ZMQ_CURVE_SERVER, 1);
        set_text (self, ZMQ_CURVE_SECRETKEY, secret);
        return;
    }
    keys (fated ("mistaken") ? 2 : 0, public, secret);
    set_text (self, ZMQ_CURVE_SERVERKEY, public);
    keys (fated ("refused") ? 2 : 1, public, secret);
    set_text (self, ZMQ_CURVE_PUBLICKEY, public);
    set_text (self, ZMQ_CURVE_SECRETKEY, secret);
}

static bool curve_known (const char *domain, char frames[][256])
{
    char public[41], secret[41];
    uint8_t bytes[32];
    keys (1, public, secret);
    return zmq_z85_decode (bytes, public) && !memcmp (bytes, frames[0], 32);
}

static void gssapi_side (bool binds)
{
    if (binds) {
        set_text (self, ZMQ_GSSAPI_PRINCIPAL, "zmqtest2");
        set_int (self, ZMQ_GSSAPI_SERVER, 1);
        return;
    }
    if (fated ("refused")) {
        set_text (self, ZMQ_GSSAPI_PRINCIPAL, "stranger");
        set_int (self, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_NT_USER_NAME);
    } else
        set_text (self, ZMQ_GSSAPI_PRINCIPAL, "friend");
    set_text (self, ZMQ_GSSAPI_SERVICE_PRINCIPAL, fated ("mistaken") ? "friend" : "zmqtest2");
}

static void gssapi_plaintext_side (bool binds)
{
    gssapi_side (binds);
    set_int (self, ZMQ_GSSAPI_PLAINTEXT, 1);
}

static bool gssapi_known (const char *domain, char frames[][256])
{
    char principal[256];
    const char *host = getenv ("REALM_HOST");
    snprintf (principal, sizeof principal, "friend/%s@OZMQ.TEST", host ? host : "");
    return is (frames[0], principal);
}

/* A mechanism: its name, and that in greetings; its options on either side, how many credentials it has and which of them
 * are good, and the mechanism of whoever comes with another. */
static const struct {
    const char *name;
    const char *greeting;
    void (*side) (bool binds);
    int credentials;
    bool (*known) (const char *domain, char frames[][256]);
    void (*other) (bool binds);
} mechanisms[] = {
  {"NULL", "NULL", null_side, 0, null_known, plain_side},
  {"PLAIN", "PLAIN", plain_side, 2, plain_known, curve_side},
  {"CURVE", "CURVE", curve_side, 1, curve_known, null_side},
  {"GSSAPI", "GSSAPI", gssapi_side, 1, gssapi_known, null_side},
  {"GSSAPI-plaintext", "GSSAPI", gssapi_plaintext_side, 1, gssapi_known, null_side},
};
static int which_mechanism;

static void *zap_handler (void *socket)
{
    /* Ends with the context. */
    char frames[12][256];
    for (;;) {
        int more = 1, count = 0, n = 0;
        memset (frames, 0, sizeof frames);
        while (more) {
            if ((n = zmq_recv (socket, frames[count], 255, 0)) == -1)
                break;
            more = get_int (socket, ZMQ_RCVMORE);
            count += count < 11;
        }
        if (n == -1 && zmq_errno () == EAGAIN)
            continue;
        if (n == -1)
            break;
        bool good = count == 6 + mechanisms[which_mechanism].credentials && is (frames[5], mechanisms[which_mechanism].greeting)
                    && mechanisms[which_mechanism].known (frames[2], frames + 6);
        const char *const reply[] = {"1.0", "1", good ? "200" : "400", "", good ? "admin" : "", ""};
        for (size_t i = 0; i < COUNT (reply); i++)
            SEND_BYTES (socket, reply[i], (int) strlen (reply[i]), i + 1 < COUNT (reply) ? ZMQ_SNDMORE : 0);
    }
    zmq_close (socket);
    return NULL;
}

static void secure (void *ctx, bool binds, pthread_t *thread)
{
    for (which_mechanism = 0; !is (mechanisms[which_mechanism].name, mechanism);)
        CHECK (++which_mechanism < (int) COUNT (mechanisms));
    (fated ("other") && !binds ? mechanisms[which_mechanism].other : mechanisms[which_mechanism].side) (binds);
    if (fated ("enforced") && binds) {
        set_text (self, ZMQ_ZAP_DOMAIN, "good");
        set_int (self, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    }
    if (fated ("unheard") || fated ("enforced") || !binds)
        return;
    void *handler = zmq_socket (ctx, ZMQ_REP);
    CHECK_INT (zmq_bind (handler, "inproc://zeromq.zap.01"), 0);
    CHECK_INT (pthread_create (thread, NULL, zap_handler, handler), 0);
}

/* Whether the connecter is let in: of all mechanisms, PLAIN alone is nothing without a ZAP handler. */
static bool let_in (void)
{
    return fated ("accepted") || (fated ("unheard") && !is (mechanism, "PLAIN"));
}

/* What the monitor has to say of a connection that does not come about. */
static void turned_away (void *monitor, bool binds)
{
    uint32_t value = 0;
    int event = mon_next (monitor, &value, NULL, PATIENCE_MS);
    if (fated ("refused") && !binds && event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
        /* libzmq does not know that GSSAPI's server may say so. */
        CHECK (is (mechanisms[which_mechanism].greeting, "GSSAPI"));
        CHECK_INT (value, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND);
    } else if (fated ("refused")) {
        CHECK_INT (event, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
        CHECK_INT (value, 400);
    } else if (fated ("mistaken") || fated ("other")) {
        /* A connecter may hear no more than that nobody is there; so may both, if the other was first to see that the
         * mechanisms differ. */
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL && (fated ("other") || !binds))
            return;
        CHECK_INT (event, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        CHECK_INT (value, fated ("mistaken") ? ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC : ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
    } else {
        CHECK_INT (event, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
        if (binds)
            CHECK_INT (value, EFAULT);
    }
}

int main (int argc, char **argv)
{
    static const char *const names[] = {"pair", "pub",    "sub",    "req",   "rep",  "dealer", "router",
                                        "pull", "push",   "xpub",   "xsub",  "stream", "server", "client",
                                        "radio", "dish",  "gather", "scatter", "dgram", "peer",  "channel"};
    if (argc != 6) {
        fprintf (stderr, "usage: peer bind|connect type endpoint count size (PEER=other type)\n");
        return 2;
    }
    bool binds = is (argv[1], "bind");
    const char *type = argv[2], *endpoint = argv[3];
    char last[ENDPOINT_MAX];
    count = atoi (argv[4]);
    size = (size_t) atol (argv[5]);
    body = malloc (size + sizeof (int));
    other = getenv ("PEER") ? getenv ("PEER") : "";
    snprintf (check_name, sizeof check_name, "%s %s", argv[1], type);
    int number = -1;
    for (size_t i = 0; i < COUNT (names); i++)
        if (is (type, names[i]))
            number = (int) i;
    CHECK (number >= 0 && body != NULL);
    signal (SIGALRM, check_deadline);
    alarm (60);
    void *ctx = ctx_new ();
    self = sock (ctx, number);
    /* Not for subscribers: what they would wait for is a publisher that takes their subscriptions. */
    set_int (self, ZMQ_LINGER, number == ZMQ_SUB || number == ZMQ_XSUB || number == ZMQ_DISH ? 0 : -1);
    if (number != ZMQ_STREAM)
        CHECK_INT (zmq_setsockopt (self, ZMQ_ROUTING_ID, binds ? "binder" : "connecter", binds ? 6 : 9), 0);
    if (number == ZMQ_SUB)
        set_text (self, ZMQ_SUBSCRIBE, "");
    for (size_t i = 0; number == ZMQ_DISH && i < COUNT (groups); i++)
        CHECK_INT (zmq_join (self, groups[i]), 0);
    set_int (self, ZMQ_SNDHWM, number == ZMQ_XPUB || number == ZMQ_PUB || number == ZMQ_RADIO ? 0 : 1000);
    set_int (self, ZMQ_RCVHWM, number == ZMQ_XSUB || number == ZMQ_SUB || number == ZMQ_DISH ? 0 : 1000);
    mechanism = getenv ("SECURITY") ? getenv ("SECURITY") : "";
    fate = getenv ("FATE") ? getenv ("FATE") : "accepted";
    pthread_t handler = 0;
    void *monitor = NULL;
    if (*mechanism) {
        secure (ctx, binds, &handler);
        monitor = mon_open (ctx, self, FAILED);
    }
    uint32_t connected = 0;
    if (binds) {
        if (zmq_bind (self, endpoint) != 0)
            check_report (__FILE__, __LINE__, "bind %s", endpoint);
        last_endpoint (self, last);
        printf ("%s\n", last);
        fflush (stdout);
    } else if (number == ZMQ_PEER)
        CHECK ((connected = zmq_connect_peer (self, endpoint)) != 0);
    else
        connect_to (self, endpoint);
    const char *peer = binds ? "connecter" : "binder";
    bool away = !let_in ();
    if (away)
        turned_away (monitor, binds);
    switch (away ? -1 : number) {
        case ZMQ_PUB:
        case ZMQ_XPUB: publish (); break;
        case ZMQ_SUB:
        case ZMQ_XSUB: subscribe (); break;
        case ZMQ_PUSH: push (); break;
        case ZMQ_PULL: pull (); break;
        case ZMQ_REQ: ask (false, NULL); break;
        case ZMQ_REP: answer (false, false); break;
        case ZMQ_STREAM: stream (!binds); break;
        case ZMQ_SERVER: serve (); break;
        case ZMQ_CLIENT: ask (false, NULL); break;
        case ZMQ_RADIO: radio (); break;
        case ZMQ_DISH: dish (); break;
        case ZMQ_GATHER: gather (); break;
        case ZMQ_SCATTER: scatter (); break;
        case ZMQ_PEER: binds ? serve () : ask_peer (connected); break;
        case ZMQ_CHANNEL:
        case ZMQ_PAIR: binds ? answer (false, false) : ask (false, NULL); break;
        case ZMQ_DEALER:
            if (is (other, "dealer"))
                binds ? answer (false, false) : ask (false, NULL);
            else
                ask (is (other, "rep"), NULL);
            break;
        case ZMQ_ROUTER:
            if (is (other, "router"))
                binds ? answer (true, false) : ask (false, peer);
            else
                answer (true, is (other, "req"));
            break;
    }
    if (away)
        set_int (self, ZMQ_LINGER, 0);
    sock_close (self);
    if (monitor)
        sock_close (monitor);
    CHECK_INT (zmq_ctx_term (ctx), 0);
    if (handler)
        pthread_join (handler, NULL);
    free (body);
    return 0;
}
