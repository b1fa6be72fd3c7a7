/* Somebody in the middle: a TCP relay that knows frames, and can be told to tamper with those of CURVE's data phase. */
#ifndef CAPI_TESTS_RELAY_H
#define CAPI_TESTS_RELAY_H

#include "raw.h"

/* What happens to the next MESSAGE frame of a direction. */
enum { PASS, REPLAY, SWAP, FLIP, SHORTEN, FORGE, REFLECT };

typedef struct {
    /* Bytes that were read and not yet passed on. */
    unsigned char *bytes;
    size_t size, room;
    /* A frame that waits for the one behind it. */
    unsigned char *held;
    size_t held_size;
    size_t greeted;
} flow_t;

typedef struct {
    char endpoint[ENDPOINT_MAX], target[ENDPOINT_MAX];
    int listener;
    pthread_t thread;
    /* For [0] what goes to the server and [1] what comes from it. */
    atomic_int deed[2];
    /* Nothing moves. */
    atomic_bool stall;
    /* Both connections end, and the next one is made to the target as it then is. */
    atomic_bool cut;
    atomic_bool over;
    atomic_int connections;
} relay_t;

enum { RELAY_ROOM = 4 << 20 };

static UNUSED bool relay_put (int fd, const unsigned char *bytes, size_t size)
{
    while (size) {
        ssize_t n = send (fd, bytes, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        size -= (size_t) n;
    }
    return true;
}

/* The size of the whole frame at the start, or 0 when it is not all there; `head` becomes the size of its header. */
static UNUSED size_t relay_frame (const flow_t *flow, size_t *head)
{
    const unsigned char *p = flow->bytes;
    uint64_t size = 0;
    if (flow->size < 2 || ((p[0] & 2) && flow->size < 9))
        return 0;
    *head = p[0] & 2 ? 9 : 2;
    for (size_t i = 1; i < *head; i++)
        size = size << 8 | p[i];
    return flow->size - *head >= size ? *head + (size_t) size : 0;
}

/* Passes one frame on, or does to it what is asked for. `back` leads to its sender. */
static UNUSED bool relay_pass (relay_t *r, int way, flow_t *flow, size_t size, size_t head, int to, int back)
{
    unsigned char *p = flow->bytes;
    bool message = size >= head + 33 && !memcmp (p + head, "\7MESSAGE", 8);
    int deed = message ? atomic_load (&r->deed[way]) : PASS;
    if (flow->held && message) {
        bool fine = relay_put (to, p, size) && relay_put (to, flow->held, flow->held_size);
        free (flow->held);
        flow->held = NULL;
        return fine;
    }
    if (deed != PASS)
        atomic_store (&r->deed[way], PASS);
    switch (deed) {
        case REPLAY: return relay_put (to, p, size) && relay_put (to, p, size);
        case SWAP:
            flow->held = malloc (size);
            if (!flow->held)
                return false;
            memcpy (flow->held, p, flow->held_size = size);
            return true;
        case FLIP: p[size - 1] ^= 1; break;
        case SHORTEN:
            /* Frames of the short form only. */
            p[1]--;
            return relay_put (to, p, size - 1);
        case FORGE:
            /* The highest nonce there is, on a box that is not for it. */
            memset (p + head + 8, 0xFF, 8);
            break;
        case REFLECT: return relay_put (to, p, size) && relay_put (back, p, size);
        default: break;
    }
    return relay_put (to, p, size);
}

/* Passes on what has come; false at the end of the connection. */
static UNUSED bool relay_move (relay_t *r, int way, flow_t *flow, int from, int to)
{
    ssize_t n = recv (from, flow->bytes + flow->size, flow->room - flow->size, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        return false;
    if (n < 0)
        return true;
    flow->size += (size_t) n;
    while (flow->size) {
        size_t head = 0, size;
        if (flow->greeted < 64) {
            size = flow->size < 64 - flow->greeted ? flow->size : 64 - flow->greeted;
            if (!relay_put (to, flow->bytes, size))
                return false;
            flow->greeted += size;
        } else {
            size = relay_frame (flow, &head);
            if (!size)
                return flow->size < flow->room;
            if (!relay_pass (r, way, flow, size, head, to, from))
                return false;
        }
        memmove (flow->bytes, flow->bytes + size, flow->size -= size);
    }
    return true;
}

static UNUSED void relay_serve (relay_t *r, int client, int server)
{
    int fds[2] = {client, server};
    flow_t flows[2];
    bool open = true;
    memset (flows, 0, sizeof flows);
    for (int i = 0; i < 2; i++) {
        flows[i].room = RELAY_ROOM;
        flows[i].bytes = malloc (RELAY_ROOM);
        open = open && flows[i].bytes;
    }
    while (open && !r->over && !atomic_exchange (&r->cut, false)) {
        struct pollfd p[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
        if (r->stall) {
            pause_ms (5);
            continue;
        }
        if (poll (p, 2, 20) <= 0)
            continue;
        for (int i = 0; i < 2; i++)
            if (p[i].revents && !relay_move (r, i, &flows[i], fds[i], fds[1 - i]))
                open = false;
    }
    for (int i = 0; i < 2; i++) {
        free (flows[i].bytes);
        free (flows[i].held);
    }
}

static UNUSED void *relay_run (void *arg)
{
    relay_t *r = arg;
    while (!r->over) {
        if (!raw_wait (r->listener, 20))
            continue;
        int client = accept (r->listener, NULL, NULL);
        if (client < 0)
            continue;
        atomic_fetch_add (&r->connections, 1);
        struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
        where.sin_port = htons ((uint16_t) atoi (strrchr (r->target, ':') + 1));
        int server = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect (server, (struct sockaddr *) &where, sizeof where) == 0)
            relay_serve (r, client, server);
        close (server);
        close (client);
    }
    return NULL;
}

/* Stands in front of a "tcp://127.0.0.1:port" endpoint; clients connect to `endpoint`. One connection at a time. */
static UNUSED void relay_start (relay_t *r, const char *target)
{
    memset (r, 0, sizeof *r);
    snprintf (r->target, sizeof r->target, "%s", target);
    r->listener = raw_listen (r->endpoint);
    CHECK_INT (pthread_create (&r->thread, NULL, relay_run, r), 0);
}

static UNUSED void relay_stop (relay_t *r)
{
    r->over = true;
    pthread_join (r->thread, NULL);
    close (r->listener);
}

#endif
