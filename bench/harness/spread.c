/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct spread spread_of(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_value);
    return (struct spread){values[count / 4], values[count / 2], values[count - 1 - count / 4]};
}

uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252ULL;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

void need(int rv, const char *what, const clientid_error *error)
{
    if (rv == 0)
        return;
    fprintf(stderr, "clientid-bench: %s: %s", what, clientid_strerror(rv));
    if (error != NULL && error->code == rv)
        fprintf(stderr, ": %s %s", error->pointer, error->text);
    fputc('\n', stderr);
    exit(2);
}

void *need_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        need(CLIENTID_ERR_NOMEM, "memory", NULL);
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

void free_memory(void *memory, size_t bytes)
{
    if (memory != NULL)
        munmap(memory, bytes);
}
