/* SPDX-License-Identifier: Apache-2.0 */
#include "support_alloc.h"

#include <stdlib.h>

static void *allocate(void *self, size_t bytes)
{
    struct support_alloc *a = self;
    void *memory;

    a->calls++;
    if (a->fail_at != 0 && (a->calls == a->fail_at || (a->fail_rest && a->calls > a->fail_at)))
        return NULL;
    memory = malloc(bytes);
    a->live += memory != NULL;
    return memory;
}

static void release(void *self, void *memory)
{
    struct support_alloc *a = self;

    a->live--;
    free(memory);
}

void support_alloc_init(struct support_alloc *a)
{
    *a = (struct support_alloc){.allocator = {allocate, release, a}};
}
