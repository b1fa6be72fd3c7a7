/* Messages one way, PUSH to PULL; every one is counted before the sender may leave.
 *
 *   transport=tcp|ipc|inproc processes=2|1 size= count= hwm= wait=block|spin|epoll busy=<microseconds of work for each message>
 */
#include "sockets.h"

static void receiver (int peer)
{
    waiter on = wait_on (open_socket (ZMQ_PULL));
    bind_and_tell (on.socket, peer);
    size_t size = (size_t) number ("size", 1);
    uint64_t count = (uint64_t) number ("count", 1000), busy = (uint64_t) number ("busy", 0) * 1000, start = 0;
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    for (uint64_t i = 0; i <= count; i++) {
        receive (&on, &message);
        CHECK (zmq_msg_size (&message) == size);
        if (i == 0) {
            mark_start ();
            start = now ();
        }
        if (busy)
            work_for (busy);
    }
    print_rate (count, start);
    CHECK (zmq_msg_close (&message) == 0);
    tell (peer, "done");
    done_with (&on);
}

static void sender (int peer)
{
    waiter on = wait_on (open_socket (ZMQ_PUSH));
    hear_and_connect (on.socket, peer);
    size_t size = (size_t) number ("size", 1);
    uint64_t count = (uint64_t) number ("count", 1000);
    mark_start ();
    for (uint64_t i = 0; i <= count; i++)
        send_size (&on, size);
    wait_for_word (peer, "done");
    done_with (&on);
}

int main (int argc, char **argv)
{
    (void) argc;
    begin (argv);
    run_sides (receiver, sender);
    return 0;
}
