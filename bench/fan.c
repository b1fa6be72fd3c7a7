/* One socket and many: everything between two processes of one context each.
 *
 *   pattern=pub     one PUB, `peers` SUBs; nothing may be dropped, every delivery is counted
 *   pattern=push    `peers` PUSHes in turn, one PULL
 *   pattern=router  `peers` DEALERs each ask and wait for the reply of one ROUTER
 *   pattern=poll    one PUSH, `peers` PULLs behind zmq_poll; `sparse=1`: one message at a time, timed there and back
 *
 *   transport=tcp|ipc size= count=
 */
#include "sockets.h"

static size_t peers, size;
static uint64_t count;

static waiter *connect_all (int type, int peer)
{
    char endpoint[LINE_MAX_LENGTH];
    waiter *all = calloc (peers, sizeof *all);
    CHECK (all != NULL);
    hear (peer, endpoint);
    for (size_t i = 0; i < peers; i++) {
        all[i] = wait_on (open_socket (type));
        if (type == ZMQ_SUB)
            CHECK (zmq_setsockopt (all[i].socket, ZMQ_SUBSCRIBE, "", 0) == 0);
        CHECK (zmq_connect (all[i].socket, endpoint) == 0);
    }
    return all;
}

static void done_with_all (waiter *all)
{
    for (size_t i = 0; i < peers; i++)
        done_with (&all[i]);
    free (all);
}

/* ---- PUB to many SUBs ---- */

/* A probe is shorter than any message; publishing one again and again shows when all are subscribed. */
static void publisher (int peer)
{
    waiter on = wait_on (open_socket (ZMQ_PUB));
    set_int (on.socket, ZMQ_XPUB_NODROP, 1);
    bind_and_tell (on.socket, peer);
    char line[LINE_MAX_LENGTH];
    while (recv (peer, line, sizeof line, MSG_DONTWAIT) < 0) {
        CHECK (errno == EAGAIN);
        send_size (&on, 0);
        sleep_for (1000000);
    }
    CHECK (strcmp (line, "subscribed") == 0);
    mark_start ();
    for (uint64_t i = count; i; i--)
        send_size (&on, size);
    wait_for_word (peer, "done");
    done_with (&on);
}

static void subscribers (int peer)
{
    waiter *all = connect_all (ZMQ_SUB, peer);
    uint64_t start = 0;
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    for (size_t i = 0; i < peers; i++)
        receive (&all[i], &message);
    mark_start ();
    tell (peer, "subscribed");
    /* A few from each in turn: far fewer than the high water mark. */
    const uint64_t burst = 16;
    for (uint64_t seen = 0; seen < count; seen += burst)
        for (size_t p = 0; p < peers; p++)
            for (uint64_t i = seen; i < count && i < seen + burst; i++) {
                do
                    receive (&all[p], &message);
                while (zmq_msg_size (&message) == 0);
                CHECK (zmq_msg_size (&message) == size);
                if (!start)
                    start = now ();
            }
    print_rate (count * peers, start);
    tell (peer, "done");
    CHECK (zmq_msg_close (&message) == 0);
    done_with_all (all);
}

/* ---- many PUSHes to one PULL ---- */

static void collector (int peer)
{
    waiter on = wait_on (open_socket (ZMQ_PULL));
    bind_and_tell (on.socket, peer);
    uint64_t start = 0;
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    for (uint64_t i = 0; i <= count; i++) {
        receive (&on, &message);
        CHECK (zmq_msg_size (&message) == size);
        if (i == 0) {
            mark_start ();
            start = now ();
        }
    }
    print_rate (count, start);
    tell (peer, "done");
    CHECK (zmq_msg_close (&message) == 0);
    done_with (&on);
}

static void pushers (int peer)
{
    waiter *all = connect_all (ZMQ_PUSH, peer);
    mark_start ();
    for (uint64_t i = 0; i <= count; i++)
        send_size (&all[i % peers], size);
    wait_for_word (peer, "done");
    done_with_all (all);
}

/* ---- many DEALERs and one ROUTER ---- */

static void router (int peer)
{
    waiter on = wait_on (open_socket (ZMQ_ROUTER));
    bind_and_tell (on.socket, peer);
    /* One round of all before the clock starts: connections come up. */
    uint64_t all = count + peers;
    zmq_msg_t id, body;
    CHECK (zmq_msg_init (&id) == 0 && zmq_msg_init (&body) == 0);
    for (uint64_t i = 0; i < all; i++) {
        if (i == peers)
            mark_start ();
        receive (&on, &id);
        receive (&on, &body);
        CHECK (zmq_msg_send (&id, on.socket, ZMQ_SNDMORE) >= 0);
        send_message (&on, &body);
    }
    wait_for_word (peer, "done");
    CHECK (zmq_msg_close (&id) == 0 && zmq_msg_close (&body) == 0);
    done_with (&on);
}

static void dealers (int peer)
{
    waiter *all = connect_all (ZMQ_DEALER, peer);
    uint64_t left = count + peers, start = 0;
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    while (left) {
        uint64_t round = left < peers ? left : peers;
        for (size_t i = 0; i < round; i++)
            send_size (&all[i], size);
        for (size_t i = 0; i < round; i++) {
            receive (&all[i], &message);
            CHECK (zmq_msg_size (&message) == size);
        }
        left -= round;
        if (!start) {
            mark_start ();
            start = now ();
        }
    }
    print_rate (count, start);
    tell (peer, "done");
    CHECK (zmq_msg_close (&message) == 0);
    done_with_all (all);
}

/* ---- zmq_poll over many ---- */

static void distributor (int peer)
{
    waiter on = wait_on (open_socket (ZMQ_PUSH));
    waiter back = wait_on (open_socket (ZMQ_PULL));
    bind_and_tell (on.socket, peer);
    bind_and_tell (back.socket, peer);
    wait_for_word (peer, "connected");
    bool sparse = number ("sparse", 0) != 0;
    mark_start ();
    uint64_t start = now ();
    uint64_t *times = calloc (count, sizeof *times);
    CHECK (times != NULL);
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t sent = now ();
        send_size (&on, size);
        if (sparse) {
            receive (&back, &message);
            times[i] = now () - sent;
        }
    }
    if (sparse)
        print_latency (times, count, start);
    wait_for_word (peer, "done");
    CHECK (zmq_msg_close (&message) == 0);
    free (times);
    done_with (&on);
    done_with (&back);
}

static bool is_connected (void *monitor)
{
    bool connected = false;
    int more = 1;
    for (size_t frame = 0; more; frame++) {
        zmq_msg_t part;
        CHECK (zmq_msg_init (&part) == 0 && zmq_msg_recv (&part, monitor, 0) >= 0);
        uint16_t event;
        if (frame == 0) {
            memcpy (&event, zmq_msg_data (&part), sizeof event);
            connected = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        }
        more = zmq_msg_more (&part);
        CHECK (zmq_msg_close (&part) == 0);
    }
    return connected;
}

/* Connects, and returns when the other side can send there: otherwise the first to come up gets everything. */
static void connect_and_wait (void *socket, const char *endpoint)
{
    static int monitors;
    char name[64];
    snprintf (name, sizeof name, "inproc://monitor-%d", monitors++);
    void *monitor = zmq_socket (context, ZMQ_PAIR);
    CHECK (monitor != NULL);
    CHECK (zmq_socket_monitor (socket, name, ZMQ_EVENT_HANDSHAKE_SUCCEEDED) == 0);
    CHECK (zmq_connect (monitor, name) == 0);
    CHECK (zmq_connect (socket, endpoint) == 0);
    while (!is_connected (monitor))
        continue;
    CHECK (zmq_socket_monitor (socket, NULL, 0) == 0);
    CHECK (zmq_close (monitor) == 0);
}

static void poller (int peer)
{
    char endpoint[LINE_MAX_LENGTH];
    zmq_pollitem_t *items = calloc (peers, sizeof *items);
    waiter back = wait_on (open_socket (ZMQ_PUSH));
    CHECK (items != NULL);
    hear (peer, endpoint);
    for (size_t i = 0; i < peers; i++) {
        items[i].socket = open_socket (ZMQ_PULL);
        items[i].events = ZMQ_POLLIN;
        connect_and_wait (items[i].socket, endpoint);
    }
    hear (peer, endpoint);
    connect_and_wait (back.socket, endpoint);
    mark_start ();
    tell (peer, "connected");
    uint64_t seen = 0, start = 0;
    bool sparse = number ("sparse", 0) != 0;
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    while (seen < count) {
        CHECK (zmq_poll (items, (int) peers, -1) >= 0);
        if (!start)
            start = now ();
        for (size_t i = 0; i < peers; i++)
            if (items[i].revents & ZMQ_POLLIN) {
                CHECK (zmq_msg_recv (&message, items[i].socket, ZMQ_DONTWAIT) >= 0);
                CHECK (zmq_msg_size (&message) == size);
                seen++;
                if (sparse)
                    send_size (&back, 1);
            }
    }
    if (!sparse)
        print_rate (count, start);
    tell (peer, "done");
    CHECK (zmq_msg_close (&message) == 0);
    for (size_t i = 0; i < peers; i++) {
        waiter one = {.socket = items[i].socket, .epoll = -1};
        done_with (&one);
    }
    done_with (&back);
    free (items);
}

int main (int argc, char **argv)
{
    (void) argc;
    begin (argv);
    peers = (size_t) number ("peers", 1);
    size = (size_t) number ("size", 16);
    count = (uint64_t) number ("count", 1000);
    if (is ("pattern", "pub"))
        run_sides (publisher, subscribers);
    else if (is ("pattern", "push"))
        run_sides (collector, pushers);
    else if (is ("pattern", "router"))
        run_sides (router, dealers);
    else if (is ("pattern", "poll"))
        run_sides (distributor, poller);
    else
        CHECK (!"a pattern that exists");
    return 0;
}
