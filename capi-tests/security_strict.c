/* difference: libzmq takes what memory a stranger announces or fills, and may keep a connection that it complained of to a monitor. needs: sodium */
#include "curve_raw.h"

static size_t resident (void)
{
    unsigned long size = 0, pages = 0;
    FILE *f = fopen ("/proc/self/statm", "r");
    CHECK (f != NULL);
    CHECK_INT (fscanf (f, "%lu %lu", &size, &pages), 2);
    fclose (f);
    return (size_t) pages * (size_t) sysconf (_SC_PAGESIZE);
}

enum { STRANGERS = 150, MOST = 64 * 1024, SENT = 400 * 1024 };

/* Sends as much as goes without waiting for long. */
static void pour (int fd, const uint8_t *bytes, size_t size)
{
    while (size) {
        struct pollfd p = {fd, POLLOUT, 0};
        if (poll (&p, 1, 100) != 1)
            return;
        ssize_t n = send (fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0)
            return;
        bytes += n;
        size -= (size_t) n;
    }
}

/* Strangers that announce and send large commands at each place of a handshake: none of them takes more than 64 KiB, and
 * a good client is served meanwhile. */
static void memory_before_authentication (const char *on)
{
    char mechanism[16], announced[16];
    CHECK_INT (sscanf (on, "%15s %15s", mechanism, announced), 2);
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_PULL), *client = sock (ctx, ZMQ_PUSH), *h = handler_on (ctx, ZMQ_ROUTER);
    keys_t sk = keys_new (), ck = keys_new ();
    char ep[ENDPOINT_MAX];
    static uint8_t rest[SENT];
    int fds[STRANGERS];
    uint64_t size = !strcmp (announced, "much") ? (uint64_t) 1 << 30 : !strcmp (announced, "most") ? 48 * 1024 : UINT64_MAX;
    bool curve = !strcmp (mechanism, "CURVE"), begun = curve && strstr (on, "begun");
    if (curve) {
        curve_server (server, &sk);
        curve_client (client, &ck, sk.public);
    } else if (!strcmp (mechanism, "PLAIN")) {
        set_int (server, ZMQ_PLAIN_SERVER, 1);
        credentials (client, "admin", "password");
    }
    bind_on (server, "tcp", ep);
    size_t before = resident ();
    for (int i = 0; i < STRANGERS; i++) {
        uint8_t bytes[64 + 9];
        greeting (bytes, 1, mechanism);
        bytes[64] = 6;
        for (int b = 0; b < 8; b++)
            bytes[65 + b] = (uint8_t) (size >> (8 * (7 - b)));
        if (begun) {
            curve_t *c = curve_dial (ep, &ck, &sk);
            curve_send (c, 4, c->body, curve_hello (c));
            curve_welcomed (c);
            fds[i] = c->fd;
            free (c);
            raw_try_write (fds[i], bytes + 64, 9);
        } else {
            fds[i] = raw_connect (ep);
            raw_try_write (fds[i], bytes, sizeof bytes);
        }
        pour (fds[i], rest, size == 48 * 1024 ? 48 * 1024 - 1 : SENT);
    }
    connect_to (client, ep);
    SEND (client, "good");
    if (strcmp (mechanism, "NULL")) {
        char id[256], frame[ENDPOINT_MAX];
        int n = recv_any (h, id, sizeof id);
        SEND_BYTES (h, id, n, ZMQ_SNDMORE);
        SEND_MORE (h, "");
        while (get_int (h, ZMQ_RCVMORE))
            recv_any (h, frame, sizeof frame);
        answer (h, "200", "");
    }
    RECV (server, "good");
    size_t after = resident ();
    if (after > before + (size_t) STRANGERS * MOST)
        check_report (__FILE__, __LINE__, "%zu bytes each", (after - before) / STRANGERS);
    for (int i = 0; i < STRANGERS; i++)
        close (fds[i]);
    finish (ctx);
}

/* A message that is wrong is the connection's last, whoever listens. */
static void violation_while_monitored (const char *on)
{
    enum { ROUNDS = 60 };
    void *ctx = ctx_new (), *server = sock (ctx, ZMQ_PULL);
    keys_t sk = keys_new (), ck = keys_new ();
    char ep[ENDPOINT_MAX];
    curve_server (server, &sk);
    void *mon = mon_open (ctx, server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_DISCONNECTED);
    bind_on (server, "tcp", ep);
    for (int i = 0; i < ROUNDS; i++) {
        static const struct {
            const char *what;
            uint32_t code;
        } table[] = {{"cut", ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_MESSAGE},
                     {"box", ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
                     {"nonce", ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE}};
        curve_t *c = curve_shaken (ep, &ck, &sk);
        curve_send (c, 0, c->body, curve_message_at (c, 10, 0, "good", 4));
        RECV (server, "good");
        size_t size = curve_message_at (c, i % 3 == 2 ? 10 : 11, 0, "sneaky", 6);
        if (i % 3 == 1)
            c->body[size - 1] ^= 1;
        curve_send (c, 0, c->body, i % 3 == 0 ? (size_t) (8 + i % 24) : size);
        /* What comes behind is not looked at. */
        curve_send (c, 0, c->body, curve_message_at (c, 20, 0, "late", 4));
        MON_VALUE (mon, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, table[i % 3].code);
        MON_NEXT (mon, ZMQ_EVENT_DISCONNECTED);
        RAW_CLOSED (c->fd);
        curve_hang_up (c);
    }
    NOTHING (server);
    finish (ctx);
}

CHECK_MAIN (CASE_ON (memory_before_authentication, "NULL much"),
            CASE_ON (memory_before_authentication, "NULL most"),
            CASE_ON (memory_before_authentication, "NULL all"),
            CASE_ON (memory_before_authentication, "PLAIN much"),
            CASE_ON (memory_before_authentication, "PLAIN most"),
            CASE_ON (memory_before_authentication, "PLAIN all"),
            CASE_ON (memory_before_authentication, "CURVE much"),
            CASE_ON (memory_before_authentication, "CURVE most"),
            CASE_ON (memory_before_authentication, "CURVE all"),
            CASE_ON (memory_before_authentication, "CURVE much begun"),
            CASE_ON (memory_before_authentication, "CURVE most begun"),
            CASE_ON (memory_before_authentication, "CURVE all begun"),
            CASE (violation_while_monitored))
