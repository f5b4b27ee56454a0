/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ARENA_H
#define CLIENTID__ARENA_H

#include <clientid/types.h>

#include <stdatomic.h>
#include <stdbool.h>

/*
 * Memory for many small objects of a few sizes: no header an object, freed only with the arena, reused by size.
 * One thread.
 */

#define CLIENTID__ARENA_STEP 8 /* objects are multiples of it and aligned to it */
#define CLIENTID__ARENA_MAX  1024

struct clientid__arena_chunk;

struct clientid__arena {
    const clientid_allocator *mem;
    struct clientid__arena_chunk *chunks;
    char *next;  /* the unused part of the newest chunk */
    size_t left; /* a multiple of CLIENTID__ARENA_STEP */
    void *free[CLIENTID__ARENA_MAX / CLIENTID__ARENA_STEP + 1];
    _Atomic uint64_t bytes; /* of all chunks; readable by any thread */
    bool small_pages;       /* no huge pages are asked for */
};

void clientid__arena_init(struct clientid__arena *arena, const clientid_allocator *mem);
void clientid__arena_clear(struct clientid__arena *arena);

/* |bytes| up to CLIENTID__ARENA_MAX; not zeroed.  NULL without memory. */
void *clientid__arena_take(struct clientid__arena *arena, size_t bytes);
/* |bytes| as it was taken. */
void clientid__arena_give(struct clientid__arena *arena, void *object, size_t bytes);

/* Asks for huge pages for the whole ones inside; they save 20-85 ns a memory miss at a million clients. */
void clientid__huge_pages(void *memory, size_t bytes);

#endif
