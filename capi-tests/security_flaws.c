/* needs: sodium. The flaws that messaging libraries had before they knew who the peer is: a case for each, named after
 * its CVE or, where it has none, the issue of libzmq. docs/security.md has the list. */
#include "curve_raw.h"
#include "relay.h"

/* A server of a mechanism: "NULL" asks its ZAP handler too. */
typedef struct {
    void *ctx, *socket, *handler;
    keys_t sk, ck;
    const char *mechanism;
    char ep[ENDPOINT_MAX];
} server_t;

static server_t server_of (const char *mechanism, int type)
{
    server_t s = {.ctx = ctx_new (), .mechanism = mechanism};
    s.handler = handler_on (s.ctx, ZMQ_ROUTER);
    s.socket = sock (s.ctx, type);
    if (!strcmp (mechanism, "NULL"))
        set_text (s.socket, ZMQ_ZAP_DOMAIN, "global");
    else if (!strcmp (mechanism, "PLAIN"))
        set_int (s.socket, ZMQ_PLAIN_SERVER, 1);
    else if (!strcmp (mechanism, "CURVE")) {
        s.sk = keys_new ();
        s.ck = keys_new ();
        curve_server (s.socket, &s.sk);
    } else {
        if (!zmq_has ("gssapi"))
            SKIP ("the library has no GSSAPI");
        set_int (s.socket, ZMQ_GSSAPI_SERVER, 1);
    }
    return s;
}

static void *client_of (server_t *s, int type)
{
    void *client = sock (s->ctx, type);
    if (!strcmp (s->mechanism, "PLAIN"))
        credentials (client, "admin", "password");
    else if (!strcmp (s->mechanism, "CURVE"))
        curve_client (client, &s->ck, s->sk.public);
    return client;
}

/* Answers the next question, whoever it is about. */
static void decide (server_t *s, const char *status)
{
    char frame[ENDPOINT_MAX];
    int size = recv_any (s->handler, frame, sizeof frame);
    SEND_BYTES (s->handler, frame, size, ZMQ_SNDMORE);
    SEND_MORE (s->handler, "");
    while (get_int (s->handler, ZMQ_RCVMORE))
        recv_any (s->handler, frame, sizeof frame);
    answer (s->handler, status, "");
}

/* ---- another mechanism than the one asked for ---- */

static void cve_2014_7202_weaker_mechanism (const char *mechanism)
{
    static const char *const others[] = {"NULL",  "PLAIN",  "CURVE", "GSSAPI", "",      "null",   "plain",
                                         "curve", "NULLX",  "PLAIN2", "CURVE\1", "CURV",  "GARBAGEGARBAGEGARBAG"};
    server_t s = server_of (mechanism, ZMQ_PULL);
    void *mon = mon_open (s.ctx, s.socket, SHAKEN);
    uint8_t frame[128];
    bind_on (s.socket, "tcp", s.ep);
    for (size_t i = 0; i < COUNT (others); i++)
        for (int as_server = 0; as_server < 2; as_server++) {
            if (!strcmp (others[i], mechanism))
                continue;
            uint8_t mine[64];
            int fd = raw_connect (s.ep);
            greeting (mine, 1, others[i]);
            mine[32] = (uint8_t) as_server;
            raw_write (fd, mine, 64);
            raw_try_write (fd, frame, ready (frame, "PUSH", NULL));
            raw_try_write (fd, "\0\6sneaky", 8);
            PROTOCOL_ERROR (mon, ZMTP_MECHANISM_MISMATCH);
            RAW_CLOSED (fd);
            close (fd);
        }
    NOTHING (s.socket);
    NOTHING (s.handler);
    finish (s.ctx);
}

/* The same from the other side: a client that was told to use a mechanism says nothing to a server of another. */
static void cve_2014_7202_weaker_server (const char *mechanism)
{
    static const char *const others[] = {"NULL", "PLAIN", "CURVE", "GSSAPI", ""};
    server_t s = server_of (mechanism, ZMQ_PULL);
    uint8_t frame[128];
    for (size_t i = 0; i < COUNT (others); i++) {
        if (!strcmp (others[i], mechanism))
            continue;
        void *client = client_of (&s, ZMQ_PUSH), *mon = mon_open (s.ctx, client, SHAKEN);
        char ep[ENDPOINT_MAX];
        int listener = raw_listen (ep);
        connect_to (client, ep);
        int fd = raw_accept (listener);
        uint8_t bytes[4096];
        size_t got = 0;
        ssize_t n;
        greeting (bytes, 1, others[i]);
        raw_write (fd, bytes, 64);
        raw_try_write (fd, frame, ready (frame, "PULL", NULL));
        zmq_send (client, "secret", 6, ZMQ_DONTWAIT);
        PROTOCOL_ERROR (mon, ZMTP_MECHANISM_MISMATCH);
        /* Nothing but the greeting, or the start of it. */
        while (got < sizeof bytes && raw_wait (fd, PATIENCE_MS) && (n = recv (fd, bytes + got, sizeof bytes - got, 0)) > 0)
            got += (size_t) n;
        CHECK (got <= 64 && !memmem (bytes, got, "secret", 6) && !memmem (bytes, got, "password", 8));
        close (fd);
        close (listener);
        sock_close (mon);
        sock_close (client);
    }
    finish (s.ctx);
}

/* Versions of ZMTP that have no security. */
static void cve_2014_9721_old_versions (const char *mechanism)
{
    static const struct {
        const char *bytes;
        size_t size;
    } old[] = {
#define B(bytes) {bytes, sizeof (bytes) - 1}
      B ("\1\0\7\0sneaky"),
      B ("\1\1\7\0sneaky"),
      B ("\377\0\0\0\0\0\0\0\1\0\7\0sneaky"),
      B ("\377\0\0\0\0\0\0\0\1\176\0\7\0sneaky"),
      B ("\377\0\0\0\0\0\0\0\1\177\0\10\1\0\7\0sneaky"),
      B ("\377\0\0\0\0\0\0\0\1\177\1\10\0\0\0\6sneaky"),
      B ("\377\0\0\0\0\0\0\0\5\177\1\10\0\4name\0\6sneaky"),
#undef B
    };
    server_t s = server_of (mechanism, ZMQ_PULL);
    bind_on (s.socket, "tcp", s.ep);
    for (size_t i = 0; i < COUNT (old); i++)
        for (int whole = 0; whole < 2; whole++) {
            int fd = raw_connect (s.ep);
            for (size_t n = 0; n < old[i].size && !whole; n++)
                raw_try_write (fd, old[i].bytes + n, 1);
            if (whole)
                raw_try_write (fd, old[i].bytes, old[i].size);
            RAW_CLOSED (fd);
            close (fd);
        }
    NOTHING (s.socket);
    NOTHING (s.handler);
    finish (s.ctx);
}

/* ---- the nonces of MESSAGE ---- */

/* Somebody in the middle does a deed to one message of a stream: each comes at most once, those before it all come, in
 * order, the connection ends, and those after the reconnection come again. */
static void tampered (int deed, int way)
{
    enum { BEFORE = 50, AFTER = 50 };
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_DEALER), *client = sock (ctx, ZMQ_DEALER);
    void *from = way ? server : client, *to = way ? client : server;
    /* Only who connects to a good one comes back: who was lied to itself does not. */
    bool back = way == 0 && deed != REFLECT;
    keys_t sk = keys_new (), ck = keys_new ();
    char ep[ENDPOINT_MAX];
    relay_t relay;
    int number = 0, last = -1, next;
    curve_server (server, &sk);
    curve_client (client, &ck, sk.public);
    set_int (client, ZMQ_RECONNECT_IVL, 20);
    bind_on (server, "tcp", ep);
    relay_start (&relay, ep);
    connect_to (client, relay.endpoint);
    BOUNCE (server, client);
    for (; number < BEFORE; number++)
        SEND_BYTES (from, &number, sizeof number, 0);
    for (int n = 0; n < BEFORE; n++)
        RECV_BYTES (to, &n, sizeof n, 0);
    last = BEFORE - 1;
    relay.deed[way] = deed;
    /* The deed is done to the first of these, at once: nothing else is under way. */
    SEND_BYTES (from, &number, sizeof number, 0);
    UNTIL (relay.deed[way] == PASS);
    for (number++; number < BEFORE + AFTER; number++)
        CHECK (zmq_send (from, &number, sizeof number, ZMQ_DONTWAIT) == sizeof number || zmq_errno () == EAGAIN);
    int64_t limit = now_ms () + PATIENCE_MS;
    if (back)
        UNTIL (relay.connections >= 2);
    while (now_ms () < limit && wait_for (to, ZMQ_POLLIN, QUIET_MS)) {
        CHECK_INT (recv_any (to, &next, sizeof next), sizeof next);
        /* What was swapped or forged never comes twice, and nothing comes before its time. */
        CHECK (next > last && next < BEFORE + AFTER);
        last = next;
    }
    if (deed == REPLAY || deed == REFLECT)
        CHECK (last >= BEFORE);
    if (back) {
        /* The next connection is a good one. */
        SEND (from, "again");
        char text[16];
        do
            next = recv_any (to, text, sizeof text);
        while (next != 5);
        CHECK (!memcmp (text, "again", 5));
    }
    NOTHING (to);
    NOTHING (from);
    finish (ctx);
    relay_stop (&relay);
}

static void cve_2014_7203_replayed_message (const char *on)
{
    tampered (REPLAY, !strcmp (on, "to the client"));
}

static void cve_2014_7203_swapped_messages (const char *on)
{
    tampered (SWAP, !strcmp (on, "to the client"));
}

static void changed_message (const char *on)
{
    tampered (FLIP, !strcmp (on, "to the client"));
}

static void shortened_message (const char *on)
{
    tampered (SHORTEN, !strcmp (on, "to the client"));
}

static void forged_nonce (const char *on)
{
    tampered (FORGE, !strcmp (on, "to the client"));
}

/* A message sent back to its sender is none of the other's. */
static void reflected_message (const char *on)
{
    tampered (REFLECT, 0);
}

/* The same by hand, where the nonce can be anything: lower, the same, those of the handshake. */
static void cve_2014_7203_nonces (const char *on)
{
    static const uint64_t wrong[] = {0, 1, 2, 3, 9, 10};
    server_t s = server_of ("CURVE", ZMQ_PULL);
    void *mon = mon_open (s.ctx, s.socket, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    sock_close (s.handler);
    bind_on (s.socket, "tcp", s.ep);
    for (size_t i = 0; i < COUNT (wrong); i++) {
        curve_t *c = curve_shaken (s.ep, &s.ck, &s.sk);
        curve_send (c, 0, c->body, curve_message_at (c, 10, 0, "good", 4));
        RECV (s.socket, "good");
        curve_send (c, 0, c->body, curve_message_at (c, wrong[i], 0, "sneaky", 6));
        PROTOCOL_ERROR (mon, ZMTP_INVALID_SEQUENCE);
        curve_hang_up (c);
    }
    NOTHING (s.socket);
    finish (s.ctx);
}

/* A handshake that was recorded opens no second connection. */
static void replayed_handshake (const char *on)
{
    server_t s = server_of ("CURVE", ZMQ_PULL);
    static uint8_t hello[HELLO_SIZE], initiate[1024];
    void *mon = mon_open (s.ctx, s.socket, SHAKEN);
    bind_on (s.socket, "tcp", s.ep);
    curve_t *c = curve_dial (s.ep, &s.ck, &s.sk), *again;
    curve_hello (c);
    memcpy (hello, c->body, HELLO_SIZE);
    curve_send (c, 4, hello, HELLO_SIZE);
    curve_welcomed (c);
    size_t size = curve_initiate (c, PUSH_METADATA, sizeof PUSH_METADATA - 1);
    memcpy (initiate, c->body, size);
    curve_send (c, 4, initiate, size);
    decide (&s, "200");
    curve_readied (c);
    MON_UNTIL (mon, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    again = curve_dial (s.ep, &s.ck, &s.sk);
    curve_send (again, 4, hello, HELLO_SIZE);
    CHECK_INT (curve_recv (again, NULL), WELCOME_SIZE);
    curve_send (again, 4, initiate, size);
    PROTOCOL_ERROR (mon, ZMTP_CRYPTOGRAPHIC);
    RAW_CLOSED (again->fd);
    NOTHING (s.handler);
    /* The first one does not suffer. */
    curve_send (c, 0, c->body, curve_message (c, 0, "good"));
    RECV (s.socket, "good");
    curve_hang_up (again);
    curve_hang_up (c);
    finish (s.ctx);
}

/* ---- handshakes of every size ---- */

/* Whatever an INITIATE carries: the server lives, and serves others. */
static void cve_2019_13132_initiate_metadata (const char *on)
{
    server_t s = server_of ("CURVE", ZMQ_PULL);
    sock_close (s.handler);
    static const size_t sizes[] = {0,   1,    2,    5,    16,   19,   32,    63,    64,    100,   127,   128,   129,   143,   144,  200,
                                   255, 256,  257,  300,  400,  500,  511,   512,   513,   1000,  1024,  2048,  4096,  8192,  12000, 16384,
                                   20000, 32768, 48000, 49152, 60000, 65000, 65536, 100000};
    static uint8_t metadata[100000];
    set_int (s.socket, ZMQ_HANDSHAKE_IVL, 5000);
    bind_on (s.socket, "tcp", s.ep);
    for (size_t i = 0; i < COUNT (sizes); i++)
        for (int kind = 0; kind < 3; kind++) {
            size_t n = sizes[i];
            /* Bytes that are no properties, one large property, many small ones. */
            memset (metadata, kind ? 'x' : 0xC1, sizeof metadata);
            memcpy (metadata, PUSH_METADATA, kind ? sizeof PUSH_METADATA - 1 : 0);
            size_t at = sizeof PUSH_METADATA - 1;
            if (kind == 1 && n >= at + 6) {
                size_t value = n - at - 6;
                memcpy (metadata + at, "\1X", 2);
                for (int b = 0; b < 4; b++)
                    metadata[at + 2 + (size_t) b] = (uint8_t) (value >> (8 * (3 - b)));
            }
            for (; kind == 2 && at + 7 <= n; at += 7)
                memcpy (metadata + at, "\1X\0\0\0\1y", 7);
            if (kind == 2)
                n = at;
            snprintf (check_name, sizeof check_name, "cve_2019_13132_initiate_metadata (%zu, %d)", n, kind);
            curve_t *c = curve_dial (s.ep, &s.ck, &s.sk);
            curve_send (c, 4, c->body, curve_hello (c));
            curve_welcomed (c);
            curve_send (c, 4, c->body, curve_initiate (c, metadata, n));
            /* Those that a client may well send are fine. */
            if (kind && n >= 25 && n <= 4096)
                curve_readied (c);
            else if (!kind && n)
                RAW_CLOSED (c->fd);
            curve_hang_up (c);
        }
    snprintf (check_name, sizeof check_name, "cve_2019_13132_initiate_metadata");
    curve_t *c = curve_shaken (s.ep, &s.ck, &s.sk);
    curve_send (c, 0, c->body, curve_message (c, 0, "good"));
    RECV (s.socket, "good");
    curve_hang_up (c);
    finish (s.ctx);
}

/* An INITIATE cut off at each byte, as a whole frame and as one that ends with the connection. */
static void cve_2019_13132_initiate_cut (const char *on)
{
    server_t s = server_of ("CURVE", ZMQ_PULL);
    void *mon = mon_open (s.ctx, s.socket, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    bind_on (s.socket, "tcp", s.ep);
    for (size_t n = 0; n < INITIATE_SIZE + sizeof PUSH_METADATA - 1; n++)
        for (int ends = 0; ends < 2; ends++) {
            if (ends && n % 10)
                continue;
            snprintf (check_name, sizeof check_name, "cve_2019_13132_initiate_cut (%zu)", n);
            curve_t *c = curve_dial (s.ep, &s.ck, &s.sk);
            curve_send (c, 4, c->body, curve_hello (c));
            curve_welcomed (c);
            size_t whole = curve_initiate (c, PUSH_METADATA, sizeof PUSH_METADATA - 1);
            CHECK (n < whole);
            if (ends) {
                uint8_t head[9] = {6, 0, 0, 0, 0, 0, 0, (uint8_t) (whole >> 8), (uint8_t) whole};
                raw_try_write (c->fd, head, 9);
                raw_try_write (c->fd, c->body, n);
            } else {
                curve_send (c, 4, c->body, n);
                if (n < 9)
                    MON_UNTIL (mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
                else if (n < INITIATE_SIZE)
                    PROTOCOL_ERROR (mon, ZMTP_MALFORMED_COMMAND_INITIATE);
                else
                    PROTOCOL_ERROR (mon, ZMTP_CRYPTOGRAPHIC);
                RAW_CLOSED (c->fd);
            }
            curve_hang_up (c);
        }
    snprintf (check_name, sizeof check_name, "cve_2019_13132_initiate_cut");
    NOTHING (s.handler);
    NOTHING (s.socket);
    finish (s.ctx);
}

/* A READY of every size, to a client. */
static void cve_2019_13132_ready_metadata (const char *on)
{
    void *ctx = ctx_new ();
    keys_t sk = keys_new (), ck = keys_new ();
    static const size_t sizes[] = {0, 1, 19, 64, 255, 256, 512, 4096, 12000, 20000, 48000, 65536, 100000};
    static uint8_t metadata[100000];
    for (size_t i = 0; i < COUNT (sizes); i++)
        for (int good = 0; good < 2; good++) {
            char ep[ENDPOINT_MAX];
            int listener = raw_listen (ep);
            void *push = sock (ctx, ZMQ_PUSH);
            size_t n = sizes[i], at = sizeof PULL_METADATA - 1;
            curve_client (push, &ck, sk.public);
            connect_to (push, ep);
            curve_t *c = curve_accept (listener, &sk);
            curve_send (c, 4, c->body, curve_welcome (c));
            curve_initiated (c, &ck);
            memset (metadata, good ? 'x' : 0xFF, sizeof metadata);
            if (good && n >= at + 6) {
                memcpy (metadata, PULL_METADATA "\1X", at + 2);
                for (int b = 0; b < 4; b++)
                    metadata[at + 2 + (size_t) b] = (uint8_t) ((n - at - 6) >> (8 * (3 - b)));
            }
            curve_send (c, 4, c->body, curve_ready (c, metadata, n));
            if (good && n >= at + 6 && n <= 4096) {
                SEND (push, "hello");
                CURVE_OPENS (c, 3, 0, "hello");
            } else if (n && n < at + 6)
                RAW_CLOSED (c->fd);
            curve_hang_up (c);
            close (listener);
            sock_close (push);
        }
    finish (ctx);
}

/* ---- peers that hold others up ---- */

static void cve_2020_15166_silent_peers (const char *on)
{
    enum { SILENT = 60 };
    char mechanism[16], type[16];
    CHECK_INT (sscanf (on, "%15s %15s", mechanism, type), 2);
    bool rep = !strcmp (type, "REP"), router = !strcmp (type, "ROUTER");
    server_t s = server_of (mechanism, rep ? ZMQ_REP : router ? ZMQ_ROUTER : ZMQ_PULL);
    curve_t *silent[SILENT];
    int fds[SILENT];
    set_int (s.socket, ZMQ_HANDSHAKE_IVL, 3000);
    bind_on (s.socket, "tcp", s.ep);
    for (int i = 0; i < SILENT; i++) {
        uint8_t mine[64];
        silent[i] = NULL;
        greeting (mine, 1, mechanism);
        if (!strcmp (mechanism, "CURVE") && i % 4 == 3) {
            /* Half way through the handshake. */
            silent[i] = curve_dial (s.ep, &s.ck, &s.sk);
            curve_send (silent[i], 4, silent[i]->body, curve_hello (silent[i]));
            curve_welcomed (silent[i]);
            fds[i] = silent[i]->fd;
            continue;
        }
        fds[i] = raw_connect (s.ep);
        raw_write (fds[i], mine, i % 4 == 0 ? 0 : i % 4 == 1 ? 11 : 64);
    }
    int64_t start = now_ms ();
    void *client = client_of (&s, rep ? ZMQ_REQ : router ? ZMQ_DEALER : ZMQ_PUSH);
    connect_to (client, s.ep);
    SEND (client, "question");
    /* With NULL, those that only greeted are asked about too. */
    while (!wait_for (s.socket, ZMQ_POLLIN, 0)) {
        if (wait_for (s.handler, ZMQ_POLLIN, 5))
            decide (&s, "200");
        CHECK (now_ms () - start < PATIENCE_MS);
    }
    char id[256];
    int size = router ? recv_any (s.socket, id, sizeof id) : 0;
    RECV (s.socket, "question");
    if (router)
        SEND_BYTES (s.socket, id, size, ZMQ_SNDMORE);
    if (rep || router) {
        SEND (s.socket, "answer");
        RECV (client, "answer");
    }
    CHECK (now_ms () - start < 3000); /* within a second on a quiet machine, and before the silent ones are cut */
    for (int i = 0; i < SILENT; i++) {
        RAW_CLOSED (fds[i]);
        close (fds[i]);
        free (silent[i]);
    }
    NOTHING (s.socket);
    finish (s.ctx);
}

/* ---- the ZAP handler's word ---- */

static void issue_4848_negative_replies (const char *on)
{
    char mechanism[16], status[4];
    CHECK_INT (sscanf (on, "%15s %3s", mechanism, status), 2);
    server_t s = server_of (mechanism, ZMQ_PULL);
    void *mon = mon_open (s.ctx, s.socket, SHAKEN), *client = client_of (&s, ZMQ_PUSH);
    set_int (s.socket, ZMQ_HANDSHAKE_IVL, 1000);
    bind_on (s.socket, "tcp", s.ep);
    connect_to (client, s.ep);
    zmq_send (client, "sneaky", 6, ZMQ_DONTWAIT);
    decide (&s, status);
    uint32_t value = 0;
    MON_UNTIL_VALUE (mon, SHAKEN, &value);
    CHECK_INT (value, atoi (status));
    NOTHING (s.socket);
    finish (s.ctx);
}

/* Subscriptions come again with the next connection, encrypted. */
static void issue_4913_resubscription (const char *mechanism)
{
    server_t s = server_of (mechanism, ZMQ_XPUB);
    relay_t relay;
    set_int (s.socket, ZMQ_XPUB_VERBOSE, 1);
    bind_on (s.socket, "tcp", s.ep);
    relay_start (&relay, s.ep);
    void *sub = client_of (&s, ZMQ_SUB);
    set_int (sub, ZMQ_RECONNECT_IVL, 20);
    set_text (sub, ZMQ_SUBSCRIBE, "news");
    connect_to (sub, relay.endpoint);
    decide (&s, "200");
    SUBSCRIBED (s.socket, "news");
    SEND (s.socket, "news 0");
    RECV (sub, "news 0");
    for (int round = 0; round < 3; round++) {
        relay.cut = true;
        UNTIL (relay.connections == round + 2);
        decide (&s, "200");
        /* The reference repeats subscriptions once the application calls; the old connection takes its own back. */
        char got[16];
        int n;
        int64_t limit = now_ms () + PATIENCE_MS;
        do {
            get_int (sub, ZMQ_EVENTS);
            CHECK (now_ms () < limit);
            if (!wait_for (s.socket, ZMQ_POLLIN, 10))
                n = 0;
            else
                n = recv_any (s.socket, got, sizeof got);
        } while (n != 5 || memcmp (got, "\1news", 5));
        SEND (s.socket, "other message");
        SEND (s.socket, "news 1");
        RECV (sub, "news 1");
    }
    NOTHING (sub);
    finish (s.ctx);
    relay_stop (&relay);
}

/* A key for which every shared secret is known says nothing about who has it. */
static void known_shared_secret (const char *on)
{
    server_t s = server_of ("CURVE", ZMQ_PULL);
    void *mon = mon_open (s.ctx, s.socket, SHAKEN);
    static const uint8_t zeros[32];
    uint8_t known[32], nonce[24] = "VOUCH---", vouch[64], plain[128 + sizeof PUSH_METADATA - 1] = "";
    bind_on (s.socket, "tcp", s.ep);
    curve_t *c = curve_dial (s.ep, &s.ck, &s.sk);
    curve_send (c, 4, c->body, curve_hello (c));
    curve_welcomed (c);
    /* "I am zero", vouched for with the key that follows from it. */
    CHECK_INT (crypto_core_hsalsa20 (known, zeros, zeros, NULL), 0);
    memcpy (vouch, c->brief, 32);
    memcpy (vouch + 32, c->peer, 32);
    CHECK_INT (crypto_box_easy_afternm (plain + 48, vouch, 64, nonce, known), 0);
    memcpy (plain + 128, PUSH_METADATA, sizeof PUSH_METADATA - 1);
    curve_initiate (c, PUSH_METADATA, sizeof PUSH_METADATA - 1);
    put_nonce (nonce, "CurveZMQINITIATE", 2);
    CHECK_INT (crypto_box_easy_afternm (c->body + 113, plain, sizeof plain, nonce, c->shared), 0);
    curve_send (c, 4, c->body, INITIATE_SIZE + sizeof PUSH_METADATA - 1);
    PROTOCOL_ERROR (mon, ZMTP_CRYPTOGRAPHIC);
    RAW_CLOSED (c->fd);
    NOTHING (s.handler);
    curve_hang_up (c);
    finish (s.ctx);
}

#define EACH_MECHANISM(fn) CASE_ON (fn, "NULL"), CASE_ON (fn, "PLAIN"), CASE_ON (fn, "CURVE")
#define EITHER_WAY(fn) CASE_ON (fn, "to the server"), CASE_ON (fn, "to the client")

CHECK_MAIN (EACH_MECHANISM (cve_2014_7202_weaker_mechanism),
            CASE_ON (cve_2014_7202_weaker_mechanism, "GSSAPI"),
            EACH_MECHANISM (cve_2014_7202_weaker_server),
            EACH_MECHANISM (cve_2014_9721_old_versions),
            CASE_ON (cve_2014_9721_old_versions, "GSSAPI"),
            EITHER_WAY (cve_2014_7203_replayed_message),
            EITHER_WAY (cve_2014_7203_swapped_messages),
            CASE (cve_2014_7203_nonces),
            EITHER_WAY (changed_message),
            EITHER_WAY (shortened_message),
            EITHER_WAY (forged_nonce),
            CASE (reflected_message),
            CASE (replayed_handshake),
            CASE (cve_2019_13132_initiate_metadata),
            CASE (cve_2019_13132_initiate_cut),
            CASE (cve_2019_13132_ready_metadata),
            CASE_ON (cve_2020_15166_silent_peers, "NULL PULL"),
            CASE_ON (cve_2020_15166_silent_peers, "NULL REP"),
            CASE_ON (cve_2020_15166_silent_peers, "PLAIN PULL"),
            CASE_ON (cve_2020_15166_silent_peers, "PLAIN REP"),
            CASE_ON (cve_2020_15166_silent_peers, "CURVE PULL"),
            CASE_ON (cve_2020_15166_silent_peers, "CURVE REP"),
            CASE_ON (cve_2020_15166_silent_peers, "CURVE ROUTER"),
            CASE_ON (issue_4848_negative_replies, "NULL 300"),
            CASE_ON (issue_4848_negative_replies, "NULL 400"),
            CASE_ON (issue_4848_negative_replies, "NULL 500"),
            CASE_ON (issue_4848_negative_replies, "PLAIN 300"),
            CASE_ON (issue_4848_negative_replies, "PLAIN 400"),
            CASE_ON (issue_4848_negative_replies, "PLAIN 500"),
            CASE_ON (issue_4848_negative_replies, "CURVE 300"),
            CASE_ON (issue_4848_negative_replies, "CURVE 400"),
            CASE_ON (issue_4848_negative_replies, "CURVE 500"),
            EACH_MECHANISM (issue_4913_resubscription),
            CASE (known_shared_secret))
