/* What the bench programs share: arguments, time, percentiles, and two sides that run against each other.
 *
 * Arguments are written name=value. Results are printed as lines of a name and a number: `value` is the one that is
 * compared, `seconds` how long the measured part took, others are shown beside it.
 */
#ifndef BENCH_H
#define BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Each program uses some of what is here. */
#define SHARED __attribute__ ((unused)) static

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf (stderr, "%s:%d: %s failed, errno %d\n", __FILE__, __LINE__, #what, errno);                        \
            exit (1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static char **arguments;

SHARED const char *text (const char *name, const char *fallback)
{
    size_t length = strlen (name);
    for (char **argument = arguments; *argument; argument++)
        if (strncmp (*argument, name, length) == 0 && (*argument)[length] == '=')
            return *argument + length + 1;
    return fallback;
}

SHARED bool is (const char *name, const char *value)
{
    return strcmp (text (name, ""), value) == 0;
}

SHARED long number (const char *name, long fallback)
{
    const char *value = text (name, NULL);
    return value ? atol (value) : fallback;
}

SHARED uint64_t now (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

/* Keeps the CPU busy, as an application that works on a message does. */
SHARED void work_for (uint64_t nanoseconds)
{
    uint64_t end = now () + nanoseconds;
    while (now () < end)
        continue;
}

SHARED void sleep_for (uint64_t nanoseconds)
{
    struct timespec t = {(time_t) (nanoseconds / 1000000000u), (long) (nanoseconds % 1000000000u)};
    nanosleep (&t, NULL);
}

SHARED void print_number (const char *name, double value)
{
    printf ("%s %.9g\n", name, value);
}

/* So many in the time since `start`. */
SHARED void print_rate (uint64_t count, uint64_t start)
{
    double seconds = (double) (now () - start) / 1e9;
    print_number ("value", (double) count / seconds);
    print_number ("seconds", seconds);
}

/* All CPU time until here is that of setting up, and is not counted (see usage.c). */
SHARED void mark_start (void)
{
    void (*mark) (void) = (void (*) (void)) dlsym (RTLD_DEFAULT, "bench_mark_start");
    if (mark)
        mark ();
}

static int compare_times (const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *) one, b = *(const uint64_t *) other;
    return (a > b) - (a < b);
}

/* Microseconds one way, from round trips in nanoseconds; sorts them. */
SHARED void print_latency (uint64_t *round_trips, size_t count, uint64_t start)
{
    print_number ("seconds", (double) (now () - start) / 1e9);
    qsort (round_trips, count, sizeof *round_trips, compare_times);
    print_number ("value", (double) round_trips[count / 2] / 2000);
    print_number ("p99", (double) round_trips[count * 99 / 100] / 2000);
    print_number ("p99.9", (double) round_trips[count * 999 / 1000] / 2000);
}

/* What every program does first. */
SHARED void begin (char **argv)
{
    arguments = argv + 1;
    /* No run outlives who started it, nor all patience. */
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    alarm (600);
    signal (SIGPIPE, SIG_IGN);
    struct rlimit files;
    CHECK (getrlimit (RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    CHECK (setrlimit (RLIMIT_NOFILE, &files) == 0);
    if (number ("one-cpu", 0)) {
        cpu_set_t allowed, one;
        CHECK (sched_getaffinity (0, sizeof allowed, &allowed) == 0);
        int cpu = 0;
        while (!CPU_ISSET (cpu, &allowed))
            cpu++;
        CPU_ZERO (&one);
        CPU_SET (cpu, &one);
        CHECK (sched_setaffinity (0, sizeof one, &one) == 0);
    }
}

/* A side of a measurement; `peer` is a line to the other, for endpoints and for saying when all is done. */
typedef void side (int peer);

#define LINE_MAX_LENGTH 256

SHARED void tell (int peer, const char *line)
{
    CHECK (send (peer, line, strlen (line) + 1, MSG_NOSIGNAL) > 0);
}

SHARED void hear (int peer, char *line)
{
    CHECK (recv (peer, line, LINE_MAX_LENGTH, 0) > 0);
}

SHARED void wait_for_word (int peer, const char *word)
{
    char line[LINE_MAX_LENGTH];
    hear (peer, line);
    CHECK (strcmp (line, word) == 0);
}

/* Without this, the near side would wait for a far side that has failed. */
static void *await_child (void *child)
{
    int status;
    CHECK (waitpid (*(pid_t *) child, &status, 0) == *(pid_t *) child);
    if (!WIFEXITED (status) || WEXITSTATUS (status) != 0) {
        fprintf (stderr, "the far side failed, wait status %d\n", status);
        _exit (1);
    }
    return NULL;
}

/* `far` in a process of its own. */
SHARED void run_processes (side *near, side *far)
{
    int line[2];
    pthread_t watch;
    CHECK (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) == 0);
    pid_t parent = getpid (), child = fork ();
    CHECK (child >= 0);
    if (child == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        CHECK (getppid () == parent);
        close (line[0]);
        far (line[1]);
        exit (0);
    }
    close (line[1]);
    CHECK (pthread_create (&watch, NULL, await_child, &child) == 0);
    near (line[0]);
    CHECK (pthread_join (watch, NULL) == 0);
}

static side *thread_side;

static void *run_thread (void *peer)
{
    thread_side (*(int *) peer);
    return NULL;
}

/* `far` in a thread. */
SHARED void run_threads (side *near, side *far)
{
    int line[2];
    pthread_t thread;
    CHECK (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) == 0);
    thread_side = far;
    CHECK (pthread_create (&thread, NULL, run_thread, &line[1]) == 0);
    near (line[0]);
    CHECK (pthread_join (thread, NULL) == 0);
}

#endif
