/* Round trips, REQ to REP, each timed by itself.
 *
 *   transport=tcp|ipc|inproc processes=2|1 one-cpu=0|1 size= count= wait=block|spin|epoll gap=<microseconds between requests>
 */
#include "sockets.h"

/* Connections come up, and libraries learn what pays off. */
#define WARM_UP 200

static uint64_t rounds (void)
{
    uint64_t count = (uint64_t) number ("count", 1000);
    /* After long gaps there is nothing to learn, and warming up would take as long as measuring. */
    return count + (number ("gap", 0) > 1000 ? 10 : WARM_UP);
}

static void answerer (int peer)
{
    waiter on = wait_on (open_socket (ZMQ_REP));
    bind_and_tell (on.socket, peer);
    uint64_t count = (uint64_t) number ("count", 1000);
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    for (uint64_t i = rounds (); i; i--) {
        if (i == count)
            mark_start ();
        receive (&on, &message);
        send_message (&on, &message);
    }
    wait_for_word (peer, "done");
    CHECK (zmq_msg_close (&message) == 0);
    done_with (&on);
}

static void asker (int peer)
{
    waiter on = wait_on (open_socket (ZMQ_REQ));
    hear_and_connect (on.socket, peer);
    size_t size = (size_t) number ("size", 1), count = (size_t) number ("count", 1000);
    uint64_t gap = (uint64_t) number ("gap", 0) * 1000, start = 0, all = rounds ();
    uint64_t *times = calloc (count, sizeof *times);
    CHECK (times != NULL);
    zmq_msg_t message;
    CHECK (zmq_msg_init_size (&message, size) == 0);
    for (uint64_t i = 0; i < all; i++) {
        if (i + count == all) {
            mark_start ();
            start = now ();
        }
        if (gap)
            sleep_for (gap);
        uint64_t asked = now ();
        send_message (&on, &message);
        receive (&on, &message);
        CHECK (zmq_msg_size (&message) == size);
        if (i + count >= all)
            times[i + count - all] = now () - asked;
    }
    print_latency (times, count, start);
    tell (peer, "done");
    CHECK (zmq_msg_close (&message) == 0);
    free (times);
    done_with (&on);
}

int main (int argc, char **argv)
{
    (void) argc;
    begin (argv);
    run_sides (answerer, asker);
    return 0;
}
