/* needs: sodium. CURVE by hand: the bytes of either side, and what happens to every command that is wrong. */
#include "curve_raw.h"

typedef struct {
    void *ctx, *socket, *mon;
    keys_t sk, ck;
    char ep[ENDPOINT_MAX];
} target_t;

static target_t target (void)
{
    target_t t = {.ctx = ctx_new (), .sk = keys_new (), .ck = keys_new ()};
    t.socket = sock (t.ctx, ZMQ_PULL);
    curve_server (t.socket, &t.sk);
    t.mon = mon_open (t.ctx, t.socket, SHAKEN);
    bind_on (t.socket, "tcp", t.ep);
    return t;
}

static void serves (target_t *t)
{
    curve_t *c = curve_shaken (t->ep, &t->ck, &t->sk);
    curve_send (c, 0, c->body, curve_message (c, 0, "good"));
    RECV (t->socket, "good");
    curve_hang_up (c);
}

/* Which of many: told when it fails. */
static void at (const char *what, size_t n)
{
    snprintf (check_name, sizeof check_name, "%s (%zu)", what, n);
}

static void done (const char *name)
{
    snprintf (check_name, sizeof check_name, "%s", name);
}

/* ---- the right bytes ---- */

static void a_server (const char *on)
{
    void *ctx = ctx_new (), *dealer = sock (ctx, ZMQ_DEALER);
    keys_t sk = keys_new (), ck = keys_new ();
    char ep[ENDPOINT_MAX];
    curve_server (dealer, &sk);
    bind_on (dealer, "tcp", ep);
    curve_t *c = curve_dial (ep, &ck, &sk);
    curve_send (c, 4, c->body, curve_hello (c));
    curve_welcomed (c);
    static const char metadata[] = "\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\0";
    curve_send (c, 4, c->body, curve_initiate (c, metadata, sizeof metadata - 1));
    uint8_t nonce[24] = "CurveZMQREADY---", plain[200];
    int flags;
    CHECK_INT (curve_recv (c, &flags), 30 + sizeof metadata - 1);
    CHECK_INT (flags, 4);
    CHECK (!memcmp (c->body, "\5READY\0\0\0\0\0\0\0\1", 14));
    memcpy (nonce + 16, c->body + 6, 8);
    CHECK_INT (crypto_box_open_easy_afternm (plain, c->body + 14, 30 + sizeof metadata - 1 - 14, nonce, c->shared), 0);
    CHECK (!memcmp (plain, metadata, sizeof metadata - 1));
    /* What is inside decides, not the frame. */
    curve_send (c, 0, c->body, curve_message (c, 1, "first"));
    curve_send (c, 0, c->body, curve_message (c, 0, ""));
    RECV_MORE (dealer, "first");
    RECV (dealer, "");
    SEND_MORE (dealer, "to you");
    SEND (dealer, "");
    CURVE_OPENS (c, 2, 1, "to you");
    CURVE_OPENS (c, 3, 0, "");
    /* Nonces may leave some out. */
    c->nonce += 1000;
    curve_send (c, 0, c->body, curve_message (c, 0, "later"));
    RECV (dealer, "later");
    curve_send (c, 0, c->body, curve_message_at (c, UINT64_MAX, 0, "last", 4));
    RECV (dealer, "last");
    curve_hang_up (c);
    finish (ctx);
}

static void a_client (const char *on)
{
    void *ctx = ctx_new (), *push = sock (ctx, ZMQ_PUSH);
    keys_t sk = keys_new (), ck = keys_new ();
    char ep[ENDPOINT_MAX];
    int listener = raw_listen (ep);
    curve_client (push, &ck, sk.public);
    connect_to (push, ep);
    curve_t *c = curve_accept (listener, &sk);
    /* The counter of HELLO. */
    CHECK (!memcmp (c->body + 112, "\0\0\0\0\0\0\0\1", 8));
    curve_send (c, 4, c->body, curve_welcome (c));
    curve_initiated (c, &ck);
    CHECK (!memcmp (c->body + 105, "\0\0\0\0\0\0\0\2", 8));
    curve_send (c, 4, c->body, curve_ready (c, PULL_METADATA, sizeof PULL_METADATA - 1));
    SEND_MORE (push, "one");
    SEND (push, "two");
    CURVE_OPENS (c, 3, 1, "one");
    CURVE_OPENS (c, 4, 0, "two");
    curve_hang_up (c);
    finish (ctx);
}

/* Commands inside boxes: PING is answered inside one, and subscriptions are heard in either form. */
static void commands (const char *on)
{
    void *ctx = ctx_new (), *xpub = sock (ctx, ZMQ_XPUB);
    keys_t sk = keys_new (), ck = keys_new ();
    char ep[ENDPOINT_MAX];
    curve_server (xpub, &sk);
    bind_on (xpub, "tcp", ep);
    curve_t *c = curve_dial (ep, &ck, &sk);
    curve_send (c, 4, c->body, curve_hello (c));
    curve_welcomed (c);
    curve_send (c, 4, c->body, curve_initiate (c, "\13Socket-Type\0\0\0\3SUB", 19));
    curve_readied (c);
    curve_send (c, 0, c->body, curve_message_at (c, c->nonce++, 2, "\4PING\0\0ctx", 10));
    CURVE_OPENS (c, 2, 2, "\4PONGctx");
    curve_send (c, 0, c->body, curve_message (c, 2, "\11SUBSCRIBEnew"));
    SUBSCRIBED (xpub, "new");
    curve_send (c, 0, c->body, curve_message (c, 0, "\1old"));
    SUBSCRIBED (xpub, "old");
    curve_send (c, 0, c->body, curve_message (c, 2, "\6CANCELold"));
    UNSUBSCRIBED (xpub, "old");
    /* Nobody knows this one, and nobody minds. */
    curve_send (c, 0, c->body, curve_message (c, 2, "\7UNKNOWN"));
    SEND (xpub, "old hat");
    SEND (xpub, "new hat");
    CURVE_OPENS (c, 3, 0, "new hat");
    curve_hang_up (c);
    finish (ctx);
}

/* ---- the wrong ones, to a server ---- */

static void hello (const char *on)
{
    target_t t = target ();
    for (size_t n = 0; n <= 1000; n += n < 8 || (n > 195 && n < 205) ? 1 : 31) {
        if (n == HELLO_SIZE)
            continue;
        at ("hello", n);
        curve_t *c = curve_dial (t.ep, &t.ck, &t.sk);
        memset (c->body, 0, 1000);
        curve_hello (c);
        curve_send (c, 4, c->body, n);
        /* Too short for its own name is another thing. */
        uint32_t code = n < 6 ? ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED : ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO;
        if (n < 6)
            MON_UNTIL (t.mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        else
            FAILED_WITH (t.mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, code);
        RAW_CLOSED (c->fd);
        curve_hang_up (c);
    }
    static const struct {
        size_t place;
        uint32_t code;
    } flips[] = {{1, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},       {6, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
                 {7, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},  {80, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
                 {119, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},          {120, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
                 {199, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC}};
    for (size_t i = 0; i < COUNT (flips); i++) {
        at ("hello, changed", flips[i].place);
        curve_t *c = curve_dial (t.ep, &t.ck, &t.sk);
        size_t size = curve_hello (c);
        c->body[flips[i].place] ^= 2;
        curve_send (c, 4, c->body, size);
        FAILED_WITH (t.mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, flips[i].code);
        RAW_CLOSED (c->fd);
        curve_hang_up (c);
    }
    serves (&t);
    finish (t.ctx);
    done ("hello");
}

static void initiate (const char *on)
{
    target_t t = target ();
    for (int i = 0; i < 9; i++) {
        static const size_t places[] = {1, 9, 24, 25, 104, 112, 113, 180, 200};
        at ("initiate, changed", places[i]);
        curve_t *c = curve_dial (t.ep, &t.ck, &t.sk);
        curve_send (c, 4, c->body, curve_hello (c));
        curve_welcomed (c);
        size_t size = curve_initiate (c, PUSH_METADATA, sizeof PUSH_METADATA - 1);
        c->body[places[i]] ^= 4;
        curve_send (c, 4, c->body, size);
        FAILED_WITH (t.mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                     i ? ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC : ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND);
        RAW_CLOSED (c->fd);
        curve_hang_up (c);
    }
    /* A vouch for a key of another connection. */
    at ("initiate, vouch", 0);
    curve_t *c = curve_dial (t.ep, &t.ck, &t.sk);
    uint8_t other[32], secret[32];
    crypto_box_keypair (other, secret);
    curve_send (c, 4, c->body, curve_hello (c));
    curve_welcomed (c);
    curve_send (c, 4, c->body, curve_initiate_for (c, other, PUSH_METADATA, sizeof PUSH_METADATA - 1));
    PROTOCOL_ERROR (t.mon, ZMTP_KEY_EXCHANGE);
    RAW_CLOSED (c->fd);
    curve_hang_up (c);
    /* And by another key than the one that is named. */
    at ("initiate, other key", 0);
    c = curve_dial (t.ep, &t.ck, &t.sk);
    curve_send (c, 4, c->body, curve_hello (c));
    curve_welcomed (c);
    memcpy (c->own, other, 32);
    curve_send (c, 4, c->body, curve_initiate (c, PUSH_METADATA, sizeof PUSH_METADATA - 1));
    PROTOCOL_ERROR (t.mon, ZMTP_CRYPTOGRAPHIC);
    RAW_CLOSED (c->fd);
    curve_hang_up (c);
    /* Out of turn. */
    static const char *const names[] = {"\7WELCOME", "\5READY", "\7MESSAGE", "\5ERROR\003400", "\5HELLO"};
    for (size_t i = 0; i < 2 * COUNT (names); i++) {
        at ("initiate, out of turn", i);
        c = curve_dial (t.ep, &t.ck, &t.sk);
        bool second = i >= COUNT (names);
        if (second) {
            curve_send (c, 4, c->body, curve_hello (c));
            curve_welcomed (c);
        }
        const char *name = names[i % COUNT (names)];
        memset (c->body, 0, 300);
        memcpy (c->body, name, strlen (name));
        if (i == 4)
            c->body[1] = 'h';
        curve_send (c, 4, c->body, 300);
        PROTOCOL_ERROR (t.mon, ZMTP_UNEXPECTED_COMMAND);
        RAW_CLOSED (c->fd);
        curve_hang_up (c);
    }
    serves (&t);
    finish (t.ctx);
    done ("initiate");
}

/* With a monitor, which the reference tells and then may keep the connection; and without, when both close it. */
static void message (const char *on)
{
    target_t t = target ();
    bool events = !strcmp (on, "events");
    static const struct {
        const char *what;
        uint32_t code;
    } table[] = {{"name", ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND}, {"command", ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
                 {"nonce", ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},     {"box", ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
                 {"tag", ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},       {"plain", ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
                 {"direction", ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC}};
    if (!events)
        CHECK_INT (zmq_socket_monitor (t.socket, NULL, 0), 0);
    /* Those of the table, and then a right one cut off at each byte. */
    for (size_t i = 0; i < COUNT (table) + MESSAGE_SIZE + 6; i++) {
        size_t cut = i < COUNT (table) ? SIZE_MAX : i - COUNT (table), size;
        const char *what = i < COUNT (table) ? table[i].what : "cut";
        uint32_t code = i < COUNT (table)       ? table[i].code
                        : cut < MESSAGE_SIZE ? ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_MESSAGE
                                             : ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC;
        curve_t *c = curve_shaken (t.ep, &t.ck, &t.sk);
        at (what, i);
        if (events)
            MON_UNTIL (t.mon, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        curve_send (c, 0, c->body, curve_message (c, 0, "good"));
        RECV (t.socket, "good");
        c->server = !strcmp (what, "direction");
        size = curve_message (c, 0, "sneaky");
        if (!strcmp (what, "name"))
            c->body[1] = 'm';
        else if (!strcmp (what, "command"))
            memcpy (c->body, "\7READY\0\0", 8);
        else if (!strcmp (what, "nonce"))
            c->body[8] ^= 1;
        else if (!strcmp (what, "box"))
            c->body[size - 1] ^= 0x80;
        else if (!strcmp (what, "tag"))
            c->body[16] ^= 1;
        else if (!strcmp (what, "plain"))
            memset (c->body, 1, size);
        curve_send (c, 0, c->body, cut < size ? cut : size);
        if (!events)
            RAW_CLOSED (c->fd);
        else if (cut < 8)
            /* Too short for its own name is another thing. */
            MON_UNTIL (t.mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        else
            FAILED_WITH (t.mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, code);
        curve_hang_up (c);
    }
    NOTHING (t.socket);
    serves (&t);
    finish (t.ctx);
    done (events ? "message/events" : "message/closed");
}

/* ---- the wrong ones, to a client ---- */

/* Whatever a server says, the client ends the connection, says which command it was, and lives on. */
static void to_a_client (const char *what)
{
    void *ctx = ctx_new ();
    keys_t sk = keys_new (), ck = keys_new ();
    bool welcome = !strcmp (what, "welcome");
    size_t whole = welcome ? WELCOME_SIZE : 30 + sizeof PULL_METADATA - 1;
    for (size_t n = 0; n <= whole + 1; n++) {
        if (n > 12 && n < whole - 3 && n % 9 && (n < 28 || n > 32))
            continue;
        char ep[ENDPOINT_MAX];
        int listener = raw_listen (ep);
        void *push = sock (ctx, ZMQ_PUSH);
        void *mon = mon_open (ctx, push, SHAKEN);
        curve_client (push, &ck, sk.public);
        connect_to (push, ep);
        curve_t *c = curve_accept (listener, &sk);
        at (what, n);
        size_t size = curve_welcome (c);
        if (!welcome) {
            curve_send (c, 4, c->body, size);
            curve_initiated (c, &ck);
            size = curve_ready (c, PULL_METADATA, sizeof PULL_METADATA - 1);
        }
        CHECK_INT (size, whole);
        /* The whole one with a bit changed, or a part, or one byte too many. */
        if (n == whole)
            c->body[whole - 1] ^= 1;
        curve_send (c, 4, c->body, n);
        MON_UNTIL (mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        RAW_CLOSED (c->fd);
        curve_hang_up (c);
        close (listener);
        sock_close (mon);
        sock_close (push);
    }
    finish (ctx);
    done (welcome ? "to_a_client/welcome" : "to_a_client/ready");
}

/* A server that says no, in each way to say it. */
static void error_to_a_client (const char *on)
{
    void *ctx = ctx_new ();
    keys_t sk = keys_new (), ck = keys_new ();
    for (int late = 0; late < 2; late++)
        for (int i = 0; i < 5; i++) {
            static const char *const bodies[] = {"\5ERROR\003300", "\5ERROR\003400", "\5ERROR\003500", "\5ERROR", "\5ERROR\004400"};
            char ep[ENDPOINT_MAX];
            int listener = raw_listen (ep);
            void *push = sock (ctx, ZMQ_PUSH);
            void *mon = mon_open (ctx, push, SHAKEN);
            curve_client (push, &ck, sk.public);
            connect_to (push, ep);
            curve_t *c = curve_accept (listener, &sk);
            at (late ? "error instead of READY" : "error instead of WELCOME", (size_t) i);
            if (late) {
                curve_send (c, 4, c->body, curve_welcome (c));
                curve_initiated (c, &ck);
            }
            curve_send (c, 4, (const uint8_t *) bodies[i], strlen (bodies[i]));
            if (i < 3)
                MON_VALUE (mon, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, (uint32_t) (300 + 100 * i));
            else
                MON_VALUE (mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR);
            RAW_CLOSED (c->fd);
            curve_hang_up (c);
            close (listener);
            sock_close (mon);
            sock_close (push);
        }
    finish (ctx);
    done ("error_to_a_client");
}

/* A READY in a box that is right, about a peer that is not. */
static void peer_of_a_client (const char *on)
{
    static const struct {
        const char *bytes;
        size_t size;
    } table[] = {
#define M(bytes) {bytes, sizeof (bytes) - 1}
      M ("\13Socket-Type\0\0\0\3PUB"),
      M ("\13Socket-Type\0\0\0\5PULL"),
      M ("\13Socket-Type\0\0"),
      M ("\13Socket"),
      M ("\13Socket-Type\377\377\377\377PULL"),
#undef M
    };
    void *ctx = ctx_new ();
    keys_t sk = keys_new (), ck = keys_new ();
    for (size_t i = 0; i < COUNT (table); i++) {
        char ep[ENDPOINT_MAX];
        int listener = raw_listen (ep);
        void *push = sock (ctx, ZMQ_PUSH);
        void *mon = mon_open (ctx, push, SHAKEN);
        curve_client (push, &ck, sk.public);
        connect_to (push, ep);
        curve_t *c = curve_accept (listener, &sk);
        at ("peer_of_a_client", i);
        curve_send (c, 4, c->body, curve_welcome (c));
        curve_initiated (c, &ck);
        curve_send (c, 4, c->body, curve_ready (c, table[i].bytes, table[i].size));
        MON_VALUE (mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA);
        RAW_CLOSED (c->fd);
        curve_hang_up (c);
        close (listener);
        sock_close (mon);
        sock_close (push);
    }
    finish (ctx);
    done ("peer_of_a_client");
}

CHECK_MAIN (CASE (a_server), CASE (a_client), CASE (commands), CASE (hello), CASE (initiate), CASE_ON (message, "events"), CASE_ON (message, "closed"),
            CASE_ON (to_a_client, "welcome"), CASE_ON (to_a_client, "ready"), CASE (error_to_a_client), CASE (peer_of_a_client))
