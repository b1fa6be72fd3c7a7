/* Peers that speak the wire by hand: TCP sockets with deadlines, and the bytes of ZMTP. */
#ifndef CAPI_TESTS_RAW_H
#define CAPI_TESTS_RAW_H

#include "check.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Connects to a "tcp://127.0.0.1:port" endpoint. */
static UNUSED int raw_connect (const char *endpoint)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    where.sin_port = htons ((uint16_t) atoi (strrchr (endpoint, ':') + 1));
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    CHECK (fd >= 0);
    CHECK (connect (fd, (struct sockaddr *) &where, sizeof where) == 0);
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static UNUSED int raw_listen (char *endpoint)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof where;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK (fd >= 0 && bind (fd, (struct sockaddr *) &where, sizeof where) == 0 && listen (fd, 16) == 0);
    CHECK (getsockname (fd, (struct sockaddr *) &where, &size) == 0);
    snprintf (endpoint, ENDPOINT_MAX, "tcp://127.0.0.1:%d", ntohs (where.sin_port));
    return fd;
}

static UNUSED bool raw_wait (int fd, int ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll (&p, 1, ms) == 1;
}

static UNUSED int raw_accept (int listener)
{
    CHECK (raw_wait (listener, PATIENCE_MS));
    int fd = accept (listener, NULL, NULL);
    CHECK (fd >= 0);
    return fd;
}

static UNUSED void raw_write (int fd, const void *data, size_t size)
{
    const char *p = data;
    while (size) {
        ssize_t n = send (fd, p, size, MSG_NOSIGNAL);
        CHECK (n > 0);
        p += n;
        size -= (size_t) n;
    }
}

/* Like raw_write, but the other side may have gone already. */
static UNUSED void raw_try_write (int fd, const void *data, size_t size)
{
    const char *p = data;
    while (size) {
        ssize_t n = send (fd, p, size, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        p += n;
        size -= (size_t) n;
    }
}

static UNUSED void check_raw_read (int fd, void *into, size_t size, const char *file, int line)
{
    char *p = into;
    size_t done = 0;
    while (done < size) {
        if (!raw_wait (fd, PATIENCE_MS))
            check_report (file, line, "peer sent %zu of %zu bytes", done, size);
        ssize_t n = recv (fd, p + done, size - done, 0);
        if (n <= 0)
            check_report (file, line, "peer closed after %zu of %zu bytes", done, size);
        done += (size_t) n;
    }
}
#define RAW_READ(fd, into, size) check_raw_read (fd, into, size, __FILE__, __LINE__)

static UNUSED void check_raw_expect (int fd, const void *want, size_t size, const char *file, int line)
{
    unsigned char got[1024];
    if (size > sizeof got)
        check_report (file, line, "expectation too long");
    check_raw_read (fd, got, size, file, line);
    for (size_t i = 0; i < size; i++)
        if (got[i] != ((const unsigned char *) want)[i])
            check_report (file, line, "byte %zu is %02x, not %02x", i, got[i], ((const unsigned char *) want)[i]);
}
/* The next bytes are exactly those of a string literal. */
#define RAW_EXPECT(fd, literal) check_raw_expect (fd, literal, sizeof (literal) - 1, __FILE__, __LINE__)
#define RAW_SEND(fd, literal) raw_write (fd, literal, sizeof (literal) - 1)
#define RAW_QUIET(fd) CHECK (!raw_wait (fd, QUIET_MS))

/* Reads until the peer closes or resets; false when it never does. */
static UNUSED bool raw_closed (int fd, int ms)
{
    int64_t limit = now_ms () + ms;
    char rest[4096];
    while (now_ms () < limit) {
        if (!raw_wait (fd, (int) (limit - now_ms ())))
            return false;
        ssize_t n = recv (fd, rest, sizeof rest, 0);
        if (n <= 0)
            return true;
    }
    return false;
}
#define RAW_CLOSED(fd) CHECK (raw_closed (fd, PATIENCE_MS))

/* ---- ZMTP 3 ---- */

static UNUSED void greeting (unsigned char out[64], int minor, const char *mechanism)
{
    memset (out, 0, 64);
    out[0] = 0xFF;
    out[8] = 1;
    out[9] = 0x7F;
    out[10] = 3;
    out[11] = (unsigned char) minor;
    memcpy (out + 12, mechanism, strlen (mechanism));
}

/* A READY command frame; identity NULL leaves the property out. Returns its size. */
static UNUSED size_t ready (unsigned char *out, const char *type, const char *identity)
{
    size_t n = 2;
    memcpy (out + n, "\5READY", 6);
    n += 6;
    memcpy (out + n, "\13Socket-Type\0\0\0", 15);
    n += 15;
    out[n++] = (unsigned char) strlen (type);
    memcpy (out + n, type, strlen (type));
    n += strlen (type);
    if (identity) {
        memcpy (out + n, "\10Identity\0\0\0", 12);
        n += 12;
        out[n++] = (unsigned char) strlen (identity);
        memcpy (out + n, identity, strlen (identity));
        n += strlen (identity);
    }
    out[0] = 4;
    out[1] = (unsigned char) (n - 2);
    return n;
}

/* Greets and shakes hands as `type`; the peer's READY must be exactly that of `peer`. */
static UNUSED void handshake (int fd, int minor, const char *type, const char *peer, bool peer_has_identity)
{
    unsigned char mine[128], theirs[128], want[128];
    greeting (mine, minor, "NULL");
    raw_write (fd, mine, 64);
    RAW_READ (fd, theirs, 64);
    greeting (want, 1, "NULL");
    CHECK (!memcmp (theirs, want, 64));
    size_t n = ready (mine, type, peer_has_identity ? "" : NULL);
    raw_write (fd, mine, n);
    n = ready (want, peer, peer_has_identity ? "" : NULL);
    RAW_READ (fd, theirs, n);
    CHECK (!memcmp (theirs, want, n));
}

#endif
