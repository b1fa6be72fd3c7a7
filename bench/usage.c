/* Preloaded into every measured process: at its end, writes its CPU seconds and its peak memory into the folder that
 * BENCH_USAGE names, so that programs that know nothing of this are measured too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

static double seconds (struct timeval t)
{
    return (double) t.tv_sec + (double) t.tv_usec / 1e6;
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
    struct rusage usage;
    if (!folder || getrusage (RUSAGE_SELF, &usage) != 0)
        return;
    long memory = peak ();
    snprintf (path, sizeof path, "%s/%d", folder, (int) getpid ());
    FILE *file = fopen (path, "w");
    if (!file)
        return;
    fprintf (file, "cpu %f\npeak %ld\n", seconds (usage.ru_utime) + seconds (usage.ru_stime), memory);
    fclose (file);
}
