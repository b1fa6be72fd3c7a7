/* What the machine allows between two threads: a ring of 64-byte slots, one writer, one reader. Longer messages have
 * memory beside it: a slot's is free when the slot is, so nothing is allocated.
 *
 *   work=stream  size= count=    one way
 *   work=latency count= one-cpu=    there and back
 */
#include "bench.h"
#include <stdatomic.h>

#define CALL __attribute__ ((noinline))
#define WARM_UP 200
#define SLOTS 4096
#define IN_SLOT 48
#define TURNS 200

typedef struct
{
    size_t size;
    unsigned char *body;
    unsigned char bytes[IN_SLOT];
} slot;

static slot ring[SLOTS];
static unsigned char *bodies;
static _Alignas (128) atomic_ullong written;
static _Alignas (128) atomic_ullong taken;

/* Looking less often leaves the cache line with the one who works. */
static void wait_until_above (atomic_ullong *counter, unsigned long long value)
{
    while (atomic_load_explicit (counter, memory_order_acquire) <= value) {
        for (int i = 0; i < TURNS; i++)
            __asm__ volatile("" : : : "memory");
        sched_yield ();
    }
}

static CALL void ring_send (unsigned long long i, size_t size)
{
    slot *to = &ring[i % SLOTS];
    to->size = size;
    to->body = size > IN_SLOT ? bodies + i % SLOTS * size : to->bytes;
    atomic_store_explicit (&written, i + 1, memory_order_release);
}

static CALL size_t ring_receive (unsigned long long i)
{
    slot *from = &ring[i % SLOTS];
    size_t size = from->size;
    __asm__ volatile("" : : "r"(from->body) : "memory");
    atomic_store_explicit (&taken, i + 1, memory_order_release);
    return size;
}

static void ring_receiver (int peer)
{
    size_t size = (size_t) number ("size", 1);
    unsigned long long count = (unsigned long long) number ("count", 1000), known = 0;
    (void) peer;
    wait_until_above (&written, 0);
    uint64_t start = now ();
    for (unsigned long long i = 0; i < count; i++) {
        if (i == known) {
            wait_until_above (&written, i);
            known = atomic_load_explicit (&written, memory_order_acquire);
        }
        CHECK (ring_receive (i) == size);
    }
    print_rate (count, start);
}

static void ring_sender (int peer)
{
    size_t size = (size_t) number ("size", 1);
    unsigned long long count = (unsigned long long) number ("count", 1000), known = 0;
    (void) peer;
    for (unsigned long long i = 0; i < count; i++) {
        if (i >= known + SLOTS) {
            wait_until_above (&taken, i - SLOTS);
            known = atomic_load_explicit (&taken, memory_order_acquire);
        }
        ring_send (i, size);
    }
}

static void ring_answerer (int peer)
{
    (void) peer;
    for (unsigned long long i = 0, all = (unsigned long long) number ("count", 1000) + WARM_UP; i < all; i++) {
        wait_until_above (&written, i);
        atomic_store_explicit (&taken, i + 1, memory_order_release);
    }
}

static void ring_asker (int peer)
{
    size_t count = (size_t) number ("count", 1000);
    uint64_t *times = calloc (count, sizeof *times), start = 0;
    (void) peer;
    CHECK (times != NULL);
    for (size_t i = 0; i < count + WARM_UP; i++) {
        if (i == WARM_UP)
            start = now ();
        uint64_t asked = now ();
        atomic_store_explicit (&written, i + 1, memory_order_release);
        wait_until_above (&taken, i);
        if (i >= WARM_UP)
            times[i - WARM_UP] = now () - asked;
    }
    print_latency (times, count, start);
    free (times);
}

int main (int argc, char **argv)
{
    (void) argc;
    begin (argv);
    CHECK ((bodies = malloc (SLOTS * ((size_t) number ("size", 1) + 1))) != NULL);
    if (is ("work", "stream"))
        run_threads (ring_receiver, ring_sender);
    else if (is ("work", "latency"))
        run_threads (ring_answerer, ring_asker);
    else
        CHECK (!"a work that exists");
    return 0;
}
