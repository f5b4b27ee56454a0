/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__MEM_H
#define CLIENTID__MEM_H

#include <clientid/types.h>

/* Memory of a gateway: every allocation of the library goes through the allocator that the host gave. */

/* malloc and free. */
extern const clientid_allocator clientid__malloc;

/* Zeroed; NULL when there is none, or when |count| * |bytes| overflows. */
void *clientid__alloc(const clientid_allocator *mem, size_t count, size_t bytes);
/* |memory| may be NULL. */
void clientid__free(const clientid_allocator *mem, void *memory);
/* A NUL-terminated copy of |s|; NULL when there is no memory. */
char *clientid__strdup(const clientid_allocator *mem, clientid_str s);

/*
 * Room for one more element of |bytes| bytes in an array that holds |count| and has room for |*capacity|:
 * doubles it when needed.  Returns the array, moved or not, or NULL: the old one is then still valid.
 */
void *clientid__grow(const clientid_allocator *mem, void *array, size_t count, size_t *capacity,
                     size_t bytes);

#endif
