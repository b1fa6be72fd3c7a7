/* CURVE by hand, either side of it, with libsodium's boxes: what a program needs to say things that no library would.
 * A program that includes this says "needs: sodium" in its first line. */
#ifndef CAPI_TESTS_CURVE_RAW_H
#define CAPI_TESTS_CURVE_RAW_H

#include "security.h"
#include <sodium.h>

enum { HELLO_SIZE = 200, WELCOME_SIZE = 168, INITIATE_SIZE = 257, MESSAGE_SIZE = 33, BODY_ROOM = 1 << 17 };

typedef struct {
    int fd;
    bool server;
    /* Long-term and of this connection. */
    uint8_t own[32], own_secret[32], peer[32];
    uint8_t brief[32], brief_secret[32], peer_brief[32];
    uint8_t cookie[96], shared[32];
    uint64_t nonce;
    uint8_t body[BODY_ROOM];
} curve_t;

static UNUSED void curve_keys (uint8_t *public, uint8_t *secret, const keys_t *from)
{
    CHECK (zmq_z85_decode (public, from->public) && zmq_z85_decode (secret, from->secret));
}

static UNUSED void put_nonce (uint8_t nonce[24], const char *prefix, uint64_t count)
{
    memcpy (nonce, prefix, 16);
    for (int i = 0; i < 8; i++)
        nonce[16 + i] = (uint8_t) (count >> (8 * (7 - i)));
}

/* A frame; commands carry their flag. */
static UNUSED void curve_send (const curve_t *c, int flags, const uint8_t *body, size_t size)
{
    uint8_t head[9] = {(uint8_t) flags, (uint8_t) size};
    size_t n = 2;
    if (size > 255) {
        head[0] |= 2;
        for (n = 1; n < 9; n++)
            head[n] = (uint8_t) ((uint64_t) size >> (8 * (8 - n)));
    }
    raw_try_write (c->fd, head, n);
    raw_try_write (c->fd, body, size);
}

/* The next frame's size; its content is in `body`. */
static UNUSED size_t curve_recv (curve_t *c, int *flags)
{
    uint8_t head[9];
    uint64_t size = 0;
    RAW_READ (c->fd, head, 2);
    if (head[0] & 2)
        RAW_READ (c->fd, head + 2, 7);
    for (int i = 1; i < (head[0] & 2 ? 9 : 2); i++)
        size = size << 8 | head[i];
    CHECK (size <= BODY_ROOM);
    RAW_READ (c->fd, c->body, (size_t) size);
    if (flags)
        *flags = head[0];
    return (size_t) size;
}

/* Takes over a connection and exchanges greetings. */
static UNUSED void curve_greet (curve_t *c, int fd)
{
    uint8_t mine[64], theirs[64];
    CHECK (sodium_init () >= 0);
    c->fd = fd;
    c->nonce = 1;
    greeting (mine, 1, "CURVE");
    raw_write (fd, mine, 64);
    RAW_READ (fd, theirs, 64);
    CHECK (!memcmp (theirs + 12, "CURVE\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
    crypto_box_keypair (c->brief, c->brief_secret);
}

/* ---- a client ---- */

static UNUSED curve_t *curve_dial (const char *endpoint, const keys_t *own, const keys_t *server)
{
    curve_t *c = calloc (1, sizeof *c);
    CHECK (c != NULL);
    curve_keys (c->own, c->own_secret, own);
    memcpy (c->peer, server->bytes, 32);
    curve_greet (c, raw_connect (endpoint));
    return c;
}

static UNUSED void curve_hang_up (curve_t *c)
{
    close (c->fd);
    free (c);
}

static UNUSED size_t curve_hello (curve_t *c)
{
    static const uint8_t zeros[64];
    uint8_t nonce[24];
    put_nonce (nonce, "CurveZMQHELLO---", c->nonce++);
    memset (c->body, 0, HELLO_SIZE);
    memcpy (c->body, "\5HELLO\1", 7);
    memcpy (c->body + 80, c->brief, 32);
    memcpy (c->body + 112, nonce + 16, 8);
    /* Nothing can be encrypted for some keys; then the box is as empty as it is. */
    if (crypto_box_easy (c->body + 120, zeros, 64, nonce, c->peer, c->brief_secret) != 0)
        memset (c->body + 120, 0, 80);
    return HELLO_SIZE;
}

static UNUSED void curve_welcomed (curve_t *c)
{
    uint8_t nonce[24] = "WELCOME-", plain[128];
    CHECK_INT (curve_recv (c, NULL), WELCOME_SIZE);
    CHECK (!memcmp (c->body, "\7WELCOME", 8));
    memcpy (nonce + 8, c->body + 8, 16);
    CHECK_INT (crypto_box_open_easy (plain, c->body + 24, 144, nonce, c->peer, c->brief_secret), 0);
    memcpy (c->peer_brief, plain, 32);
    memcpy (c->cookie, plain + 32, 96);
    CHECK_INT (crypto_box_beforenm (c->shared, c->peer_brief, c->brief_secret), 0);
}

/* An INITIATE around this metadata; `vouched` is the key that the vouch is for. */
static UNUSED size_t curve_initiate_for (curve_t *c, const uint8_t *vouched, const void *metadata, size_t size)
{
    uint8_t nonce[24], vouch_nonce[24] = "VOUCH---", vouch[64], *plain = calloc (1, 128 + size);
    CHECK (plain != NULL && INITIATE_SIZE + size <= BODY_ROOM);
    randombytes_buf (vouch_nonce + 8, 16);
    memcpy (vouch, vouched, 32);
    memcpy (vouch + 32, c->peer, 32);
    memcpy (plain, c->own, 32);
    memcpy (plain + 32, vouch_nonce + 8, 16);
    CHECK_INT (crypto_box_easy (plain + 48, vouch, 64, vouch_nonce, c->peer_brief, c->own_secret), 0);
    if (size)
        memcpy (plain + 128, metadata, size);
    put_nonce (nonce, "CurveZMQINITIATE", c->nonce++);
    memcpy (c->body, "\10INITIATE", 9);
    memcpy (c->body + 9, c->cookie, 96);
    memcpy (c->body + 105, nonce + 16, 8);
    CHECK_INT (crypto_box_easy_afternm (c->body + 113, plain, 128 + size, nonce, c->shared), 0);
    free (plain);
    return INITIATE_SIZE + size;
}

static UNUSED size_t curve_initiate (curve_t *c, const void *metadata, size_t size)
{
    return curve_initiate_for (c, c->brief, metadata, size);
}

static UNUSED void curve_readied (curve_t *c)
{
    uint8_t nonce[24] = "CurveZMQREADY---", plain[BODY_ROOM];
    size_t size = curve_recv (c, NULL);
    CHECK (size >= 30 && !memcmp (c->body, "\5READY", 6));
    memcpy (nonce + 16, c->body + 6, 8);
    CHECK_INT (crypto_box_open_easy_afternm (plain, c->body + 14, size - 14, nonce, c->shared), 0);
}

#define PUSH_METADATA "\13Socket-Type\0\0\0\4PUSH"
#define PULL_METADATA "\13Socket-Type\0\0\0\4PULL"

/* Everything up to the first message, as a PUSH. */
static UNUSED curve_t *curve_shaken (const char *endpoint, const keys_t *own, const keys_t *server)
{
    curve_t *c = curve_dial (endpoint, own, server);
    curve_send (c, 4, c->body, curve_hello (c));
    curve_welcomed (c);
    curve_send (c, 4, c->body, curve_initiate (c, PUSH_METADATA, sizeof PUSH_METADATA - 1));
    curve_readied (c);
    return c;
}

/* ---- a server ---- */

static UNUSED curve_t *curve_accept (int listener, const keys_t *own)
{
    curve_t *c = calloc (1, sizeof *c);
    CHECK (c != NULL);
    c->server = true;
    curve_keys (c->own, c->own_secret, own);
    curve_greet (c, raw_accept (listener));
    CHECK_INT (curve_recv (c, NULL), HELLO_SIZE);
    CHECK (!memcmp (c->body, "\5HELLO\1\0", 8));
    memcpy (c->peer_brief, c->body + 80, 32);
    uint8_t nonce[24] = "CurveZMQHELLO---", plain[64];
    memcpy (nonce + 16, c->body + 112, 8);
    CHECK_INT (crypto_box_open_easy (plain, c->body + 120, 80, nonce, c->peer_brief, c->own_secret), 0);
    for (int i = 0; i < 64; i++)
        CHECK_INT (plain[i], 0);
    for (int i = 8; i < 80; i++)
        CHECK_INT (c->body[i], 0);
    CHECK_INT (crypto_box_beforenm (c->shared, c->peer_brief, c->brief_secret), 0);
    return c;
}

static UNUSED size_t curve_welcome (curve_t *c)
{
    uint8_t nonce[24] = "WELCOME-", plain[128];
    randombytes_buf (nonce + 8, 16);
    memcpy (plain, c->brief, 32);
    randombytes_buf (plain + 32, 96);
    memcpy (c->cookie, plain + 32, 96);
    memcpy (c->body, "\7WELCOME", 8);
    memcpy (c->body + 8, nonce + 8, 16);
    CHECK_INT (crypto_box_easy (c->body + 24, plain, 128, nonce, c->peer_brief, c->own_secret), 0);
    return WELCOME_SIZE;
}

/* Reads an INITIATE; the client must be `client`, and say so. */
static UNUSED void curve_initiated (curve_t *c, const keys_t *client)
{
    uint8_t nonce[24] = "CurveZMQINITIATE", plain[1024], vouch_nonce[24] = "VOUCH---", vouch[64];
    size_t size = curve_recv (c, NULL);
    CHECK (size >= INITIATE_SIZE && size < 1024 && !memcmp (c->body, "\10INITIATE", 9));
    CHECK (!memcmp (c->body + 9, c->cookie, 96));
    memcpy (nonce + 16, c->body + 105, 8);
    CHECK_INT (crypto_box_open_easy_afternm (plain, c->body + 113, size - 113, nonce, c->shared), 0);
    CHECK (!memcmp (plain, client->bytes, 32));
    memcpy (vouch_nonce + 8, plain + 32, 16);
    CHECK_INT (crypto_box_open_easy (vouch, plain + 48, 80, vouch_nonce, client->bytes, c->brief_secret), 0);
    CHECK (!memcmp (vouch, c->peer_brief, 32) && !memcmp (vouch + 32, c->own, 32));
}

static UNUSED size_t curve_ready (curve_t *c, const void *metadata, size_t size)
{
    uint8_t nonce[24];
    put_nonce (nonce, "CurveZMQREADY---", c->nonce++);
    memcpy (c->body, "\5READY", 6);
    memcpy (c->body + 6, nonce + 16, 8);
    CHECK_INT (crypto_box_easy_afternm (c->body + 14, metadata, size, nonce, c->shared), 0);
    return 30 + size;
}

/* ---- messages ---- */

/* A MESSAGE of these flags, with a nonce of one's own. */
static UNUSED size_t curve_message_at (curve_t *c, uint64_t count, int flags, const void *data, size_t size)
{
    uint8_t nonce[24], *plain = malloc (1 + size);
    CHECK (plain != NULL && MESSAGE_SIZE + size <= BODY_ROOM);
    put_nonce (nonce, c->server ? "CurveZMQMESSAGES" : "CurveZMQMESSAGEC", count);
    plain[0] = (uint8_t) flags;
    memcpy (plain + 1, data, size);
    memcpy (c->body, "\7MESSAGE", 8);
    memcpy (c->body + 8, nonce + 16, 8);
    CHECK_INT (crypto_box_easy_afternm (c->body + 16, plain, 1 + size, nonce, c->shared), 0);
    free (plain);
    return MESSAGE_SIZE + size;
}

static UNUSED size_t curve_message (curve_t *c, int flags, const char *text)
{
    return curve_message_at (c, c->nonce++, flags, text, strlen (text));
}

/* The next frame is a MESSAGE with this text. */
static UNUSED void check_curve_opened (curve_t *c, uint64_t count, int flags, const char *text, const char *file, int line)
{
    uint8_t nonce[24], plain[1024];
    int outer;
    size_t size = curve_recv (c, &outer);
    put_nonce (nonce, c->server ? "CurveZMQMESSAGEC" : "CurveZMQMESSAGES", count);
    if (outer != 0 || size != MESSAGE_SIZE + strlen (text) || memcmp (c->body, "\7MESSAGE", 8) || memcmp (c->body + 8, nonce + 16, 8))
        check_report (file, line, "another frame of %zu bytes with flags %d", size, outer);
    if (crypto_box_open_easy_afternm (plain, c->body + 16, size - 16, nonce, c->shared) != 0)
        check_report (file, line, "the box does not open");
    if (plain[0] != flags || memcmp (plain + 1, text, strlen (text)))
        check_report (file, line, "flags %d and \"%.*s\"", plain[0], (int) size - MESSAGE_SIZE, (char *) plain + 1);
}
#define CURVE_OPENS(c, count, flags, text) check_curve_opened (c, count, flags, text, __FILE__, __LINE__)

#endif
