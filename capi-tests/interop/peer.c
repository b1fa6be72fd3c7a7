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
 * SECURITY in the environment has the binder be a PLAIN server: "plain" with a ZAP handler of its own that lets the connecter
 * in; "refused" with one that does not, "unheard" without one: then both sides wait for the events that say so. "gssapi",
 * "gssapi-plaintext" and "gssapi-refused" are the same with Kerberos, in a realm (../realm.sh). */
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

static bool is_gssapi (const char *security)
{
    return !strncmp (security, "gssapi", 6);
}

static void *zap_handler (void *socket)
{
    const char *security = getenv ("SECURITY");
    char principal[256];
    snprintf (principal, sizeof principal, "friend/%s@OZMQ.TEST", is_gssapi (security) ? getenv ("REALM_HOST") : "");
    /* Ends with the context. */
    char frame[256], user[256], password[256];
    for (;;) {
        int more = 1, place = 0, n = 0;
        user[0] = password[0] = 0;
        while (more) {
            char *into = place == 6 ? user : place == 7 ? password : frame;
            if ((n = zmq_recv (socket, into, 255, 0)) == -1)
                break;
            into[n] = 0;
            more = get_int (socket, ZMQ_RCVMORE);
            place++;
        }
        if (n == -1 && zmq_errno () == EAGAIN)
            continue;
        if (n == -1)
            break;
        bool good = place == 8 && is (user, "admin") && is (password, "password");
        if (is_gssapi (security))
            good = place == 7 && is (user, principal) && !is (security, "gssapi-refused");
        const char *const reply[] = {"1.0", "1", good ? "200" : "400", "", good ? "admin" : "", ""};
        for (size_t i = 0; i < COUNT (reply); i++)
            SEND_BYTES (socket, reply[i], (int) strlen (reply[i]), i + 1 < COUNT (reply) ? ZMQ_SNDMORE : 0);
    }
    zmq_close (socket);
    return NULL;
}

static void secure (void *ctx, const char *security, bool binds, pthread_t *thread)
{
    if (is_gssapi (security)) {
        set_text (self, ZMQ_GSSAPI_PRINCIPAL, binds ? "zmqtest2" : "friend");
        set_int (self, ZMQ_GSSAPI_SERVER, binds);
        set_int (self, ZMQ_GSSAPI_PLAINTEXT, is (security, "gssapi-plaintext"));
        if (!binds)
            set_text (self, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "zmqtest2");
    } else if (binds)
        set_int (self, ZMQ_PLAIN_SERVER, 1);
    else {
        set_text (self, ZMQ_PLAIN_USERNAME, "admin");
        set_text (self, ZMQ_PLAIN_PASSWORD, is (security, "refused") ? "wrong" : "password");
    }
    if (!binds || is (security, "unheard"))
        return;
    void *handler = zmq_socket (ctx, ZMQ_REP);
    CHECK_INT (zmq_bind (handler, "inproc://zeromq.zap.01"), 0);
    CHECK_INT (pthread_create (thread, NULL, zap_handler, handler), 0);
}

/* What the monitor has to say of a connection that does not come about. */
static void turned_away (void *monitor, const char *security, bool binds)
{
    uint32_t value = 0;
    int event = mon_next (monitor, &value, NULL, PATIENCE_MS);
    if (is (security, "gssapi-refused") && event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
        /* libzmq does not know that a server may say so. */
        CHECK (!binds);
        CHECK_INT (value, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND);
    } else if (is (security, "refused") || is (security, "gssapi-refused")) {
        CHECK_INT (event, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
        CHECK_INT (value, 400);
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
    const char *security = getenv ("SECURITY") ? getenv ("SECURITY") : "";
    pthread_t handler = 0;
    void *monitor = NULL;
    if (*security) {
        secure (ctx, security, binds, &handler);
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
    bool away = is (security, "refused") || is (security, "unheard") || is (security, "gssapi-refused");
    if (away)
        turned_away (monitor, security, binds);
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
