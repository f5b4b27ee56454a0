/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void *libc_allocate(void *self, size_t bytes)
{
    (void)self;
    return malloc(bytes);
}

static void libc_release(void *self, void *memory)
{
    (void)self;
    free(memory);
}

const clientid_allocator clientid__malloc = {libc_allocate, libc_release, NULL};

void *clientid__alloc(const clientid_allocator *mem, size_t count, size_t bytes)
{
    void *memory;

    if (bytes != 0 && count > SIZE_MAX / bytes)
        return NULL;
    memory = mem->allocate(mem->self, count * bytes != 0 ? count * bytes : 1);
    if (memory != NULL)
        memset(memory, 0, count * bytes);
    return memory;
}

void clientid__free(const clientid_allocator *mem, void *memory)
{
    if (memory != NULL)
        mem->release(mem->self, memory);
}

char *clientid__strdup(const clientid_allocator *mem, clientid_str s)
{
    char *copy = s.len < SIZE_MAX ? mem->allocate(mem->self, s.len + 1) : NULL;

    if (copy == NULL)
        return NULL;
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

void *clientid__grow(const clientid_allocator *mem, void *array, size_t count, size_t *capacity,
                     size_t bytes)
{
    size_t wanted = *capacity == 0 ? 8 : *capacity * 2;
    void *larger;

    if (count < *capacity)
        return array;
    if (wanted < *capacity)
        return NULL;
    larger = clientid__alloc(mem, wanted, bytes);
    if (larger == NULL)
        return NULL;
    if (count > 0)
        memcpy(larger, array, count * bytes);
    clientid__free(mem, array);
    *capacity = wanted;
    return larger;
}
