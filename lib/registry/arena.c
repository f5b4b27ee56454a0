/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/arena.h"

#include "base/mem.h"

#include <sys/mman.h>

/*
 * Objects that were given back are poisoned, so that AddressSanitizer sees a reader that still uses one, as it would
 * with malloc.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#endif
#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define POISON(memory, bytes)   ASAN_POISON_MEMORY_REGION(memory, bytes)
#define UNPOISON(memory, bytes) ASAN_UNPOISON_MEMORY_REGION(memory, bytes)
#else
#define POISON(memory, bytes)   ((void)(memory), (void)(bytes))
#define UNPOISON(memory, bytes) ((void)(memory), (void)(bytes))
#endif

#define CHUNK_FIRST_BYTES ((size_t)64 << 10)
#define CHUNK_MAX_BYTES   ((size_t)16 << 20)
#define HUGE_PAGE_BYTES   ((size_t)2 << 20)

struct clientid__arena_chunk {
    struct clientid__arena_chunk *older;
    size_t bytes;
};

void clientid__huge_pages(void *memory, size_t bytes)
{
    uintptr_t first = ((uintptr_t)memory + HUGE_PAGE_BYTES - 1) & ~(uintptr_t)(HUGE_PAGE_BYTES - 1);
    uintptr_t end = ((uintptr_t)memory + bytes) & ~(uintptr_t)(HUGE_PAGE_BYTES - 1);

    /* A hint: refused, everything works with small pages. */
    if (first < end)
        (void)madvise((char *)memory + (first - (uintptr_t)memory), end - first, MADV_HUGEPAGE);
}

void clientid__arena_init(struct clientid__arena *arena, const clientid_allocator *mem)
{
    *arena = (struct clientid__arena){.mem = mem};
}

void clientid__arena_clear(struct clientid__arena *arena)
{
    while (arena->chunks != NULL) {
        struct clientid__arena_chunk *chunk = arena->chunks;

        arena->chunks = chunk->older;
        UNPOISON(chunk, chunk->bytes);
        clientid__free(arena->mem, chunk);
    }
    clientid__arena_init(arena, arena->mem);
}

static size_t round_up(size_t bytes)
{
    return (bytes + CLIENTID__ARENA_STEP - 1) & ~(size_t)(CLIENTID__ARENA_STEP - 1);
}

/* A quarter of what there is: a small registry stays small, a large one wastes at most a fifth of addresses. */
static size_t chunk_bytes(const struct clientid__arena *arena)
{
    size_t bytes = atomic_load_explicit(&arena->bytes, memory_order_relaxed) / 4;

    if (bytes < CHUNK_FIRST_BYTES)
        return CHUNK_FIRST_BYTES;
    return bytes < CHUNK_MAX_BYTES ? bytes & ~(size_t)4095 : CHUNK_MAX_BYTES;
}

/* Objects have addresses of 48 bits, or an index could not hold them. */
static int add_chunk(struct clientid__arena *arena)
{
    size_t bytes = chunk_bytes(arena);
    struct clientid__arena_chunk *chunk = arena->mem->allocate(arena->mem->self, bytes);
    size_t header = round_up(sizeof(*chunk));

    if (chunk == NULL)
        return CLIENTID_ERR_NOMEM;
    if (((uint64_t)(uintptr_t)chunk + bytes) >> 48 != 0) {
        clientid__free(arena->mem, chunk);
        return CLIENTID_ERR_NOMEM;
    }
    if (!arena->small_pages)
        clientid__huge_pages(chunk, bytes);
    *chunk = (struct clientid__arena_chunk){arena->chunks, bytes};
    arena->chunks = chunk;
    if (arena->left > 0) /* the tail of the chunk before serves a later, smaller object */
        clientid__arena_give(arena, arena->next, arena->left);
    arena->next = (char *)chunk + header;
    arena->left = (bytes - header) & ~(size_t)(CLIENTID__ARENA_STEP - 1);
    POISON(arena->next, arena->left);
    atomic_fetch_add_explicit(&arena->bytes, bytes, memory_order_relaxed);
    return 0;
}

void *clientid__arena_take(struct clientid__arena *arena, size_t bytes)
{
    size_t size = round_up(bytes);
    void **slot = &arena->free[size / CLIENTID__ARENA_STEP];
    void *object = *slot;

    if (object != NULL) {
        UNPOISON(object, size);
        *slot = *(void **)object;
        return object;
    }
    if (arena->left < size && add_chunk(arena) != 0)
        return NULL;
    object = arena->next;
    UNPOISON(object, size);
    arena->next += size;
    arena->left -= size;
    return object;
}

void clientid__arena_give(struct clientid__arena *arena, void *object, size_t bytes)
{
    size_t size = round_up(bytes);
    void **slot = &arena->free[size / CLIENTID__ARENA_STEP];

    UNPOISON(object, sizeof(void *));
    *(void **)object = *slot;
    *slot = object;
    POISON(object, size);
}
