/* Preloaded into every measured process: at its end, writes its CPU seconds and its peak memory into the folder that
 * BENCH_USAGE names, so that programs that know nothing of this are measured too. Those that do can say when they have
 * been set up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

static double set_up;

static double seconds (struct timeval t)
{
    return (double) t.tv_sec + (double) t.tv_usec / 1e6;
}

static double cpu (void)
{
    struct rusage usage;
    if (getrusage (RUSAGE_SELF, &usage) != 0)
        return 0;
    return seconds (usage.ru_utime) + seconds (usage.ru_stime);
}

void bench_mark_start (void)
{
    set_up = cpu ();
}

/* Largest resident size in KiB; ru_maxrss would be the parent's where that was larger. */
static long peak (void)
{
    char line[256];
    long kibibytes = 0;
    FILE *status = fopen ("/proc/self/status", "r");
    while (status && fgets (line, sizeof line, status))
        if (strncmp (line, "VmHWM:", 6) == 0)
            kibibytes = atol (line + 6);
    if (status)
        fclose (status);
    return kibibytes;
}

__attribute__ ((destructor)) static void write_usage (void)
{
    const char *folder = getenv ("BENCH_USAGE");
    char path[4096];
    double used = cpu () - set_up;
    if (!folder)
        return;
    long memory = peak ();
    snprintf (path, sizeof path, "%s/%d", folder, (int) getpid ());
    FILE *file = fopen (path, "w");
    if (!file)
        return;
    fprintf (file, "cpu %f\npeak %ld\n", used, memory);
    fclose (file);
}
