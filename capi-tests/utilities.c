/* What the library offers beside sockets: version, errors, capabilities, z85, counters, timers, stopwatch, threads. */
#include "check.h"

static void version (const char *on)
{
    int a = -1, b = -1, c = -1;
    zmq_version (&a, &b, &c);
    CHECK_INT (a, ZMQ_VERSION_MAJOR);
    CHECK_INT (b, ZMQ_VERSION_MINOR);
    CHECK_INT (c, ZMQ_VERSION_PATCH);
    CHECK_INT (ZMQ_MAKE_VERSION (a, b, c), ZMQ_VERSION);
}

static void strerror_texts (const char *on)
{
    CHECK (!strcmp (zmq_strerror (EFSM), "Operation cannot be accomplished in current state"));
    CHECK (!strcmp (zmq_strerror (ENOCOMPATPROTO), "The protocol is not compatible with the socket type"));
    CHECK (!strcmp (zmq_strerror (ETERM), "Context was terminated"));
    CHECK (!strcmp (zmq_strerror (EMTHREAD), "No thread available"));
    CHECK (!strcmp (zmq_strerror (EHOSTUNREACH), "Host unreachable"));
    CHECK (!strcmp (zmq_strerror (EINVAL), strerror (EINVAL)));
    CHECK (!strcmp (zmq_strerror (EAGAIN), strerror (EAGAIN)));
    for (int i = -5; i < 300; i++)
        CHECK (zmq_strerror (i) != NULL);
    CHECK_INT (EFSM, ZMQ_HAUSNUMERO + 51);
    CHECK_INT (ENOCOMPATPROTO, ZMQ_HAUSNUMERO + 52);
    CHECK_INT (ETERM, ZMQ_HAUSNUMERO + 53);
    CHECK_INT (EMTHREAD, ZMQ_HAUSNUMERO + 54);
}

static void *other_errno (void *arg)
{
    errno = EBADF;
    return zmq_errno () == EBADF ? arg : NULL;
}

static void errno_is_per_thread (const char *on)
{
    pthread_t t;
    void *result = NULL;
    errno = EXDEV;
    CHECK_INT (zmq_errno (), EXDEV);
    pthread_create (&t, NULL, other_errno, check_name);
    pthread_join (t, &result);
    CHECK (result == check_name);
    errno = EXDEV;
    CHECK_INT (zmq_errno (), EXDEV);
}

static void capabilities (const char *on)
{
    CHECK_INT (zmq_has ("ipc"), 1);
    static const char *const never[] = {"tcp", "inproc", "udp", "IPC", "ws", "wss", "", "ipc ", "nonsense"};
    for (size_t i = 0; i < COUNT (never); i++)
        CHECK_INT (zmq_has (never[i]), 0);
    static const char *const some[] = {"pgm", "tipc", "norm", "curve", "gssapi", "vmci", "vsock", "draft", "WS", "WSS"};
    for (size_t i = 0; i < COUNT (some); i++)
        CHECK (zmq_has (some[i]) == 0 || zmq_has (some[i]) == 1);
}

/* ---- z85 ---- */

static void z85_known (const char *on)
{
    static const uint8_t raw[8] = {0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B};
    char text[11];
    uint8_t back[8];
    errno = 0;
    CHECK (zmq_z85_encode (text, raw, 8) == text);
    CHECK (!strcmp (text, "HelloWorld"));
    CHECK (zmq_z85_decode (back, "HelloWorld") == back);
    CHECK (!memcmp (back, raw, 8));
    CHECK_INT (errno, 0);
}

static void z85_every_value (const char *on)
{
    uint8_t raw[64], back[64];
    char text[81];
    uint32_t x = 12345;
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof raw; i++) {
            x = x * 1664525 + 1013904223;
            raw[i] = round == 0 ? 0 : round == 1 ? 0xFF : (uint8_t) (x >> 24);
        }
        CHECK (zmq_z85_encode (text, raw, sizeof raw) == text);
        CHECK_INT (strlen (text), 80);
        CHECK (zmq_z85_decode (back, text) == back);
        CHECK (!memcmp (raw, back, sizeof raw));
    }
    static const char all[] =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@";
    for (size_t i = 0; i + 1 < sizeof all; i++) {
        char group[6] = {'0', '0', '0', '0', all[i], 0};
        CHECK (zmq_z85_decode (back, group) == back);
        CHECK_INT (back[3], i);
    }
}

static void z85_refused (const char *on)
{
    uint8_t raw[64] = {0};
    char text[100];
    CHECK_NULL (zmq_z85_encode (text, raw, 1), EINVAL);
    CHECK_NULL (zmq_z85_encode (text, raw, 2), EINVAL);
    CHECK_NULL (zmq_z85_encode (text, raw, 43), EINVAL);
    static const char *const bad[] = {"0",     "0123",  "012345", "012345678", "#####", "%nSc1", "0000 ",
                                      "0000\"", "000,0", "\1""0000", "0000\x7F", "0000\x80", "0000\xFF", "0000_"};
    for (size_t i = 0; i < COUNT (bad); i++)
        CHECK_NULL (zmq_z85_decode (raw, bad[i]), EINVAL);
    CHECK (zmq_z85_decode (raw, "%nSc0") == raw);
    CHECK (!memcmp (raw, "\xFF\xFF\xFF\xFF", 4));
}

static void curve_functions (const char *on)
{
    char public[41] = "", secret[41] = "", derived[41] = "";
    /* A library without the mechanism may still make keys; if it does, they are right. */
    if (!zmq_has ("curve") && zmq_curve_keypair (public, secret) == -1) {
        CHECK_ERRNO (zmq_curve_keypair (public, secret), ENOTSUP);
        CHECK_ERRNO (zmq_curve_public (public, secret), ENOTSUP);
        return;
    }
    CHECK_INT (zmq_curve_keypair (public, secret), 0);
    CHECK_INT (strlen (public), 40);
    CHECK_INT (strlen (secret), 40);
    CHECK_INT (zmq_curve_public (derived, secret), 0);
    CHECK (!strcmp (derived, public));
    char none[41] = "";
    CHECK_ERRNO (zmq_curve_public (none, "42"), EINVAL);
    CHECK_INT (none[0], 0);
}

/* ---- counters ---- */

static void counter (const char *on)
{
    void *c = zmq_atomic_counter_new ();
    CHECK (c != NULL);
    CHECK_INT (zmq_atomic_counter_value (c), 0);
    for (int i = 0; i < 4; i++)
        CHECK_INT (zmq_atomic_counter_inc (c), i);
    for (int i = 3; i >= 0; i--)
        CHECK_INT (zmq_atomic_counter_dec (c), i > 0);
    zmq_atomic_counter_set (c, 1000);
    CHECK_INT (zmq_atomic_counter_value (c), 1000);
    CHECK_INT (zmq_atomic_counter_dec (c), 1);
    zmq_atomic_counter_destroy (&c);
    CHECK (c == NULL);
}

static void *count_up (void *c)
{
    for (int i = 0; i < 100000; i++)
        zmq_atomic_counter_inc (c);
    return NULL;
}

static void counter_many_threads (const char *on)
{
    void *c = zmq_atomic_counter_new ();
    pthread_t t[4];
    for (size_t i = 0; i < COUNT (t); i++)
        pthread_create (&t[i], NULL, count_up, c);
    for (size_t i = 0; i < COUNT (t); i++)
        pthread_join (t[i], NULL);
    CHECK_INT (zmq_atomic_counter_value (c), 400000);
    zmq_atomic_counter_destroy (&c);
}

/* ---- timers ---- */

static int fired;
static int fired_id;

static void fire (int id, void *arg)
{
    fired++;
    fired_id = id;
    if (arg)
        ++*(int *) arg;
}

static void run_due (void *t)
{
    long wait = zmq_timers_timeout (t);
    if (wait > 0)
        pause_ms ((int) wait + 1);
    CHECK_INT (zmq_timers_execute (t), 0);
}

static void timers_arguments (const char *on)
{
    void *none = NULL;
    CHECK_ERRNO (zmq_timers_destroy (&none), EFAULT);
    CHECK_ERRNO (zmq_timers_add (NULL, 10, fire, NULL), EFAULT);
    CHECK_ERRNO (zmq_timers_cancel (NULL, 1), EFAULT);
    CHECK_ERRNO (zmq_timers_set_interval (NULL, 1, 1), EFAULT);
    CHECK_ERRNO (zmq_timers_reset (NULL, 1), EFAULT);
    CHECK_ERRNO (zmq_timers_timeout (NULL), EFAULT);
    CHECK_ERRNO (zmq_timers_execute (NULL), EFAULT);
    void *ctx = ctx_new ();
    CHECK_ERRNO (zmq_timers_add (ctx, 10, fire, NULL), EFAULT);
    CHECK_ERRNO (zmq_timers_timeout (ctx), EFAULT);
    CHECK_ERRNO (zmq_timers_execute (ctx), EFAULT);
    void *wrong = ctx;
    CHECK_ERRNO (zmq_timers_destroy (&wrong), EFAULT);
    finish (ctx);
    void *t = zmq_timers_new ();
    CHECK_ERRNO (zmq_timers_add (t, 10, NULL, NULL), EFAULT);
    CHECK_ERRNO (zmq_timers_cancel (t, 1), EINVAL);
    CHECK_ERRNO (zmq_timers_set_interval (t, 1, 1), EINVAL);
    CHECK_ERRNO (zmq_timers_reset (t, 1), EINVAL);
    errno = EXDEV;
    CHECK_INT (zmq_timers_timeout (t), -1);
    CHECK_INT (errno, EXDEV);
    CHECK_INT (zmq_timers_execute (t), 0);
    CHECK_INT (zmq_timers_destroy (&t), 0);
    CHECK (t == NULL);
}

static void timers_fire (const char *on)
{
    void *t = zmq_timers_new ();
    int mine = 0;
    int id = zmq_timers_add (t, 60, fire, &mine);
    CHECK (id > 0);
    CHECK_INT (zmq_timers_execute (t), 0);
    CHECK_INT (fired, 0);
    long wait = zmq_timers_timeout (t);
    CHECK (wait >= 0 && wait <= 60);
    run_due (t);
    CHECK_INT (fired, 1);
    CHECK_INT (mine, 1);
    CHECK_INT (fired_id, id);
    CHECK_INT (zmq_timers_set_interval (t, id, 5000), 0);
    wait = zmq_timers_timeout (t);
    CHECK (wait > 4000 && wait <= 5000);
    CHECK_INT (zmq_timers_set_interval (t, id, 20), 0);
    run_due (t);
    CHECK_INT (fired, 2);
    CHECK_INT (zmq_timers_reset (t, id), 0);
    CHECK_INT (zmq_timers_cancel (t, id), 0);
    CHECK_ERRNO (zmq_timers_cancel (t, id), EINVAL);
    pause_ms (30);
    CHECK_INT (zmq_timers_execute (t), 0);
    CHECK_INT (fired, 2);
    CHECK_INT (zmq_timers_timeout (t), -1);
    CHECK_INT (zmq_timers_destroy (&t), 0);
}

static void timers_several (const char *on)
{
    void *t = zmq_timers_new ();
    int n[3] = {0};
    int a = zmq_timers_add (t, 20, fire, &n[0]), b = zmq_timers_add (t, 1000000, fire, &n[1]),
        c = zmq_timers_add (t, 2000000, fire, &n[2]);
    CHECK (a != b && b != c && a != c);
    for (int i = 0; i < 3; i++)
        run_due (t);
    CHECK_INT (n[0], 3);
    CHECK_INT (n[1], 0);
    CHECK_INT (n[2], 0);
    CHECK_INT (zmq_timers_cancel (t, a), 0);
    long wait = zmq_timers_timeout (t);
    CHECK (wait > 900000 && wait <= 1000000);
    CHECK_INT (zmq_timers_destroy (&t), 0);
}

static void *the_timers;
static int victim;

static void cancel_other (int id, void *arg)
{
    fired++;
    zmq_timers_cancel (the_timers, victim);
}

static void add_another (int id, void *arg)
{
    fired++;
    CHECK_INT (zmq_timers_cancel (the_timers, id), 0);
    victim = zmq_timers_add (the_timers, 10, fire, NULL);
}

static void timers_change_in_handler (const char *on)
{
    the_timers = zmq_timers_new ();
    int first = zmq_timers_add (the_timers, 10, cancel_other, NULL);
    victim = zmq_timers_add (the_timers, 100, fire, NULL);
    run_due (the_timers);
    CHECK_INT (fired, 1);
    CHECK_ERRNO (zmq_timers_cancel (the_timers, victim), EINVAL);
    CHECK_INT (zmq_timers_cancel (the_timers, first), 0);
    CHECK (zmq_timers_add (the_timers, 10, add_another, NULL) > 0);
    run_due (the_timers);
    CHECK_INT (fired, 2);
    run_due (the_timers);
    CHECK_INT (fired, 3);
    CHECK_INT (fired_id, victim);
    CHECK_INT (zmq_timers_destroy (&the_timers), 0);
}

/* ---- stopwatch, sleep, threads ---- */

static void stopwatch (const char *on)
{
    void *w = zmq_stopwatch_start ();
    CHECK (w != NULL);
    pause_ms (20);
    unsigned long a = zmq_stopwatch_intermediate (w);
    CHECK (a >= 20000 && a < 20000000);
    pause_ms (5);
    unsigned long b = zmq_stopwatch_stop (w);
    CHECK (b >= a + 5000);
}

static void sleep_seconds (const char *on)
{
    int64_t start = now_ms ();
    zmq_sleep (0);
    zmq_sleep (1);
    CHECK (now_ms () - start >= 1000);
}

static void thread_body (void *arg)
{
    sigset_t set;
    sigemptyset (&set);
    pthread_sigmask (SIG_BLOCK, NULL, &set);
    *(int *) arg = sigismember (&set, SIGTERM) == 1 ? 1 : 2;
}

static void threads (const char *on)
{
    int out[8] = {0};
    void *t[8];
    for (int i = 0; i < 8; i++)
        CHECK ((t[i] = zmq_threadstart (thread_body, &out[i])) != NULL);
    for (int i = 0; i < 8; i++) {
        zmq_threadclose (t[i]);
        CHECK_INT (out[i], 1);
    }
}

CHECK_MAIN (CASE (version), CASE (strerror_texts), CASE (errno_is_per_thread), CASE (capabilities), CASE (z85_known),
            CASE (z85_every_value), CASE (z85_refused), CASE (curve_functions), CASE (counter),
            CASE (counter_many_threads), CASE (timers_arguments), CASE (timers_fire), CASE (timers_several),
            CASE (timers_change_in_handler), CASE (stopwatch), CASE (sleep_seconds), CASE (threads))
