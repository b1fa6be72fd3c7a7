/* difference: messages that are kept hold at most 16 times their payload and a constant; the reference's hold up to 530 times */
#include "stream.h"
#include <malloc.h>

/* What a connection may have beside, and what the process may keep of memory that is free, to use it again. */
enum { A_CONNECTION = 2 << 20, A_PROCESS = 16 << 20, CONSTANT = A_CONNECTION + A_PROCESS };
/* Enough to go far beyond that if every block that was read to were held. */
enum { MOST_MESSAGES = 600000, MOST_BYTES = 96 << 20 };

static size_t size_49 (uint64_t n)
{
    return 49;
}
static size_t size_100 (uint64_t n)
{
    return 100;
}
static size_t size_1000 (uint64_t n)
{
    return 1000;
}
static size_t size_4096 (uint64_t n)
{
    return 4096;
}
static size_t size_60000 (uint64_t n)
{
    return 60000;
}
/* Small ones among large ones, where each small one could keep a large block. */
static size_t size_mixed (uint64_t n)
{
    return n % 8 == 0 ? 60000 : 49 + mix (n) % 152;
}
/* Anything. */
static size_t size_random (uint64_t n)
{
    uint64_t r = mix (n);
    return (size_t) (8 + (r >> 8) % (r % 4 == 0 ? 100000 : r % 4 == 1 ? 5000 : 300));
}

static const struct {
    const char *name;
    size_t (*size_of) (uint64_t n);
    size_t mean;
} kinds[] = {{"49", size_49, 49},          {"100", size_100, 100},       {"1000", size_1000, 1000},
             {"4096", size_4096, 4096},    {"60000", size_60000, 60000}, {"mixed", size_mixed, 7600},
             {"random", size_random, 13200}};

static const int one_in[] = {2, 10, 100, 1000, 5000};

/* What this process has in memory, freed memory given back first: all of it, as there is one arena. */
static size_t resident (void)
{
    malloc_trim (0);
    FILE *f = fopen ("/proc/self/statm", "r");
    long total, pages;
    CHECK (f && fscanf (f, "%ld %ld", &total, &pages) == 2);
    fclose (f);
    return (size_t) pages * (size_t) sysconf (_SC_PAGESIZE);
}

/* Receives messages 0 to count - 1 and keeps some of those that are not large among the mixed; returns how many. */
static int receive (void *pull, const char *kind, size_t (*size_of) (uint64_t), int count, int one_of, zmq_msg_t *kept)
{
    int held = 0;
    for (int n = 0; n < count; n++) {
        zmq_msg_t m;
        zmq_msg_init (&m);
        size_t size = size_of ((uint64_t) n);
        CHECK_INT (zmq_msg_recv (&m, pull, 0), size);
        CHECK (!memcmp (zmq_msg_data (&m), &(uint64_t){(uint64_t) n}, 8));
        bool keep = kept && mix ((uint64_t) n * 3) % (uint64_t) one_of == 0 && !(!strcmp (kind, "mixed") && size == 60000);
        if (keep)
            kept[held++] = m;
        else
            zmq_msg_close (&m);
    }
    return held;
}

static void keep_some (const char *on, size_t k, int count, int one_of)
{
    sender_t sender = sender_start (kinds[k].size_of);
    zmq_msg_t *kept = calloc ((size_t) count, sizeof *kept);
    CHECK (kept != NULL);
    /* Its pages are there before anything is measured. */
    memset (kept, 1, (size_t) count * sizeof *kept);
    CHECK_INT (mallopt (M_ARENA_MAX, 1), 1);
    size_t before = resident (), payload = 0;
    char endpoint[ENDPOINT_MAX];
    void *ctx = ctx_new (), *pull = sock (ctx, ZMQ_PULL);
    bind_on (pull, on, endpoint);
    sender_connect (&sender, endpoint);
    sender_push (&sender, count);
    int held = receive (pull, kinds[k].name, kinds[k].size_of, count, one_of, kept);
    size_t after = resident (), grown = after > before ? after - before : 0;
    for (int n = 0; n < held; n++)
        payload += zmq_msg_size (&kept[n]);
    if (getenv ("PINNED_VERBOSE"))
        printf ("# %s one in %d: %d held, %zu payload, %zu grown\n", check_name, one_of, held, payload, grown);
    if (grown > 16 * payload + CONSTANT)
        check_report (__FILE__, __LINE__, "one in %d: %d messages of %zu bytes in all hold %zu bytes", one_of, held, payload,
                      grown);
    finish (ctx);
    sender_end (&sender);
    for (int n = 0; n < held; n++) {
        uint64_t number;
        memcpy (&number, zmq_msg_data (&kept[n]), 8);
        CHECK (same (zmq_msg_data (&kept[n]), zmq_msg_size (&kept[n]), number));
        CHECK_INT (zmq_msg_close (&kept[n]), 0);
    }
    after = resident ();
    /* With some room for what lies between the kept pieces. */
    if (after > before + CONSTANT + A_PROCESS / 4)
        check_report (__FILE__, __LINE__, "one in %d: %zu bytes are left behind", one_of, after - before);
    free (kept);
}

/* Each in a process of its own: what one leaves for reuse would hide what the next one holds. */
static void bounded (const char *where)
{
    char on[8];
    const char *kind = strchr (where, ' ') + 1;
    snprintf (on, sizeof on, "%.*s", (int) (kind - 1 - where), where);
    size_t k = 0;
    while (strcmp (kinds[k].name, kind) != 0)
        CHECK (++k < COUNT (kinds));
    int count = (int) (MOST_BYTES / kinds[k].mean);
    if (count > MOST_MESSAGES)
        count = MOST_MESSAGES;
    for (size_t i = 0; i < COUNT (one_in) && count / one_in[i] >= 3; i++) {
        int status;
        pid_t child = fork ();
        if (child == 0) {
            prctl (PR_SET_PDEATHSIG, SIGKILL);
            keep_some (on, k, count, one_in[i]);
            _exit (CHECK_PASS);
        }
        CHECK_INT (waitpid (child, &status, 0), child);
        if (!WIFEXITED (status))
            check_report (__FILE__, __LINE__, "one in %d: ended by a signal", one_in[i]);
        if (WEXITSTATUS (status) != CHECK_PASS)
            _exit (CHECK_FAIL);
    }
}

CHECK_MAIN (CASE_LONG (bounded, "tcp 49", 120), CASE_LONG (bounded, "tcp 100", 120), CASE_LONG (bounded, "tcp 1000", 120),
            CASE_LONG (bounded, "tcp 4096", 120), CASE_LONG (bounded, "tcp 60000", 120),
            CASE_LONG (bounded, "tcp mixed", 120), CASE_LONG (bounded, "tcp random", 120),
            CASE_LONG (bounded, "ipc 49", 120), CASE_LONG (bounded, "ipc 100", 120), CASE_LONG (bounded, "ipc 1000", 120),
            CASE_LONG (bounded, "ipc 4096", 120), CASE_LONG (bounded, "ipc 60000", 120),
            CASE_LONG (bounded, "ipc mixed", 120), CASE_LONG (bounded, "ipc random", 120))
