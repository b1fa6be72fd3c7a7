/* Preloaded beside usage.so: counts what a process allocates and which payloads it copies, and writes the sums at its
 * end into the folder that BENCH_USAGE names. A copy counts from BENCH_COPY bytes on, the size of the messages at hand.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

/* glibc's own names for what is interposed here: no look-up, so nothing that would allocate. */
void *__libc_malloc (size_t);
void *__libc_calloc (size_t, size_t);
void *__libc_realloc (void *, size_t);
void *__libc_memalign (size_t, size_t);

typedef void *copy_function (void *, const void *, size_t);
typedef void *map_function (void *, size_t, int, int, int, off_t);

static atomic_ulong allocations, bytes, maps, copies;
static size_t payload = (size_t) -1;
static copy_function *real_memcpy, *real_memmove;
static map_function *real_mmap;

static void count (size_t size)
{
    atomic_fetch_add_explicit (&allocations, 1, memory_order_relaxed);
    atomic_fetch_add_explicit (&bytes, size, memory_order_relaxed);
}

void *malloc (size_t size)
{
    count (size);
    return __libc_malloc (size);
}

void *calloc (size_t number, size_t size)
{
    count (number * size);
    return __libc_calloc (number, size);
}

void *realloc (void *old, size_t size)
{
    count (size);
    return __libc_realloc (old, size);
}

void *memalign (size_t alignment, size_t size)
{
    count (size);
    return __libc_memalign (alignment, size);
}

void *aligned_alloc (size_t alignment, size_t size)
{
    return memalign (alignment, size);
}

int posix_memalign (void **place, size_t alignment, size_t size)
{
    void *memory = memalign (alignment, size);
    if (!memory)
        return ENOMEM;
    *place = memory;
    return 0;
}

/* Before the real one is known, and for the few calls that come then. */
static void *copy_bytes (void *to, const void *from, size_t size)
{
    char *out = to;
    const char *in = from;
    if (out <= in || out >= in + size)
        for (size_t i = 0; i < size; i++)
            ((volatile char *) out)[i] = in[i];
    else
        while (size--)
            ((volatile char *) out)[size] = in[size];
    return to;
}

void *memcpy (void *restrict to, const void *restrict from, size_t size)
{
    if (size >= payload)
        atomic_fetch_add_explicit (&copies, 1, memory_order_relaxed);
    return real_memcpy ? real_memcpy (to, from, size) : copy_bytes (to, from, size);
}

void *memmove (void *to, const void *from, size_t size)
{
    if (size >= payload)
        atomic_fetch_add_explicit (&copies, 1, memory_order_relaxed);
    return real_memmove ? real_memmove (to, from, size) : copy_bytes (to, from, size);
}

void *mmap (void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (!real_mmap)
        real_mmap = (map_function *) dlsym (RTLD_NEXT, "mmap");
    atomic_fetch_add_explicit (&maps, 1, memory_order_relaxed);
    return real_mmap (address, size, protection, flags, fd, offset);
}

void *mmap64 (void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return mmap (address, size, protection, flags, fd, offset);
}

__attribute__ ((constructor)) static void find_real (void)
{
    const char *size = getenv ("BENCH_COPY");
    real_memcpy = (copy_function *) dlsym (RTLD_NEXT, "memcpy");
    real_memmove = (copy_function *) dlsym (RTLD_NEXT, "memmove");
    if (size)
        payload = (size_t) atol (size);
}

__attribute__ ((destructor)) static void write_counts (void)
{
    unsigned long made = atomic_load (&allocations), sum = atomic_load (&bytes);
    const char *folder = getenv ("BENCH_USAGE");
    char path[4096];
    if (!folder)
        return;
    snprintf (path, sizeof path, "%s/%d.allocations", folder, (int) getpid ());
    FILE *file = fopen (path, "w");
    if (!file)
        return;
    fprintf (file, "allocations %lu\nbytes %lu\nmaps %lu\ncopies %lu\n", made, sum, atomic_load (&maps),
             atomic_load (&copies));
    fclose (file);
}
