/* What connections, subscriptions and idleness cost.
 *
 *   measure=connections peers=     KiB that the bound side holds for each idle connection
 *   measure=idle                   milliseconds of CPU that a connected pair uses in a second without traffic
 *   measure=subscriptions count= report=absorbing|matching|publisher|subscriber
 *       subscriptions taken in a second, messages matched in a second while none of them fits, bytes for each
 */
#include "sockets.h"

static uint64_t resident (void)
{
    unsigned long pages = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    CHECK (file != NULL && fscanf (file, "%*u %lu", &pages) == 1);
    fclose (file);
    return (uint64_t) pages * (uint64_t) sysconf (_SC_PAGESIZE);
}

/* ---- idle connections ---- */

static void receive_from_all (waiter *on, size_t count)
{
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    while (count--)
        receive (on, &message);
    CHECK (zmq_msg_close (&message) == 0);
}

static void bound (int peer)
{
    size_t n = (size_t) number ("peers", 1000);
    waiter on = wait_on (open_socket (ZMQ_PULL));
    bind_and_tell (on.socket, peer);
    /* What the first connection brings along belongs to no connection. */
    receive_from_all (&on, 1);
    uint64_t before = resident (), start = now ();
    tell (peer, "more");
    receive_from_all (&on, n);
    print_number ("value", (double) (resident () - before) / (double) n / 1024);
    print_number ("seconds", (double) (now () - start) / 1e9);
    tell (peer, "done");
    done_with (&on);
}

static void connected (int peer)
{
    size_t n = (size_t) number ("peers", 1000);
    char endpoint[LINE_MAX_LENGTH];
    waiter *all = calloc (n + 1, sizeof *all);
    CHECK (all != NULL);
    hear (peer, endpoint);
    for (size_t i = 0; i <= n; i++) {
        if (i == 1)
            wait_for_word (peer, "more");
        all[i] = wait_on (open_socket (ZMQ_PUSH));
        CHECK (zmq_connect (all[i].socket, endpoint) == 0);
        send_size (&all[i], 1);
    }
    wait_for_word (peer, "done");
    for (size_t i = 0; i <= n; i++)
        done_with (&all[i]);
    free (all);
}

/* ---- a connected pair that has nothing to do ---- */

#define BURST 10000

static double cpu_seconds (void)
{
    struct rusage usage;
    CHECK (getrusage (RUSAGE_SELF, &usage) == 0);
    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
           + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Once traffic is over and its timers have run out. */
static double idle_milliseconds (void)
{
    sleep_for (200000000);
    double before = cpu_seconds ();
    sleep_for (1000000000);
    return (cpu_seconds () - before) * 1000;
}

static void idle_receiver (int peer)
{
    char line[LINE_MAX_LENGTH];
    waiter on = wait_on (open_socket (ZMQ_PULL));
    bind_and_tell (on.socket, peer);
    receive_from_all (&on, BURST);
    tell (peer, "idle");
    double own = idle_milliseconds ();
    hear (peer, line);
    print_number ("value", own + atof (line));
    print_number ("seconds", 1);
    done_with (&on);
}

static void idle_sender (int peer)
{
    char line[LINE_MAX_LENGTH];
    waiter on = wait_on (open_socket (ZMQ_PUSH));
    hear_and_connect (on.socket, peer);
    for (int i = 0; i < BURST; i++)
        send_size (&on, 100);
    wait_for_word (peer, "idle");
    snprintf (line, sizeof line, "%f", idle_milliseconds ());
    tell (peer, line);
    done_with (&on);
}

/* ---- very many subscriptions ---- */

#define TOPIC_SIZE 32

static void topic (char *text, uint64_t number)
{
    /* Scattered, as the names of instruments are; the same number gives the same topic. */
    uint64_t mixed = number * 0x9e3779b97f4a7c15u;
    snprintf (text, TOPIC_SIZE, "mkt/%02x/%08x/%04x/", (unsigned) (mixed & 0xff), (unsigned) (mixed >> 8),
              (unsigned) (mixed >> 40 & 0xffff));
}

static void publisher (int peer)
{
    char line[LINE_MAX_LENGTH];
    waiter on = wait_on (open_socket (ZMQ_PUB));
    bind_and_tell (on.socket, peer);
    wait_for_word (peer, "connected");
    uint64_t before = resident (), count = (uint64_t) number ("count", 1000000), start = now ();
    tell (peer, "subscribe");
    /* The last topic comes through once all are in: a socket takes them from its peer when it is used. */
    while (recv (peer, line, sizeof line, MSG_DONTWAIT) < 0) {
        CHECK (errno == EAGAIN);
        CHECK (zmq_send (on.socket, "last", 4, 0) == 4);
        sleep_for (1000000);
    }
    double absorbed = (double) (now () - start) / 1e9;
    double bytes = (double) (resident () - before) / (double) count;
    /* Each differs from a subscription in its last letter only. */
    const uint64_t sends = 200000;
    char (*names)[TOPIC_SIZE] = calloc (sends, TOPIC_SIZE);
    CHECK (names != NULL);
    for (uint64_t i = 0; i < sends; i++) {
        topic (names[i], i * (count / sends + 1) % count);
        names[i][strlen (names[i]) - 1] = '!';
    }
    start = now ();
    for (uint64_t i = 0; i < sends; i++) {
        size_t length = strlen (names[i]);
        CHECK (zmq_send (on.socket, names[i], length, 0) == (int) length);
    }
    double matched = (double) (now () - start) / 1e9;
    free (names);
    if (is ("report", "absorbing"))
        print_number ("value", (double) count / absorbed);
    if (is ("report", "matching"))
        print_number ("value", (double) sends / matched);
    if (is ("report", "publisher"))
        print_number ("value", bytes);
    print_number ("seconds", absorbed + matched);
    tell (peer, "done");
    done_with (&on);
}

static void subscriber (int peer)
{
    char name[TOPIC_SIZE];
    waiter on = wait_on (open_socket (ZMQ_SUB));
    CHECK (zmq_setsockopt (on.socket, ZMQ_SUBSCRIBE, "first", 5) == 0);
    hear_and_connect (on.socket, peer);
    tell (peer, "connected");
    wait_for_word (peer, "subscribe");
    uint64_t before = resident (), count = (uint64_t) number ("count", 1000000);
    for (uint64_t i = 0; i < count; i++) {
        topic (name, i);
        CHECK (zmq_setsockopt (on.socket, ZMQ_SUBSCRIBE, name, strlen (name)) == 0);
    }
    CHECK (zmq_setsockopt (on.socket, ZMQ_SUBSCRIBE, "last", 4) == 0);
    receive_from_all (&on, 1);
    if (is ("report", "subscriber"))
        print_number ("value", (double) (resident () - before) / (double) count);
    tell (peer, "absorbed");
    wait_for_word (peer, "done");
    done_with (&on);
}

int main (int argc, char **argv)
{
    (void) argc;
    begin (argv);
    if (is ("measure", "connections"))
        run_sides (bound, connected);
    else if (is ("measure", "idle"))
        run_sides (idle_receiver, idle_sender);
    else if (is ("measure", "subscriptions"))
        run_sides (publisher, subscriber);
    else
        CHECK (!"a measure that exists");
    return 0;
}
