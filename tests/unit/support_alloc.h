/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_ALLOC_H
#define SUPPORT_ALLOC_H

#include <clientid/types.h>

/*
 * An allocator that counts and can fail: each allocation in turn (|fail_at| from 1; 0: never), once or from there on.
 * One thread at a time.
 */
struct support_alloc {
    clientid_allocator allocator; /* give &a.allocator to the code under test */
    size_t calls;                 /* allocations asked for */
    size_t live;                  /* allocated and not released */
    size_t fail_at;
    int fail_rest; /* 1: all from |fail_at| on fail */
};

void support_alloc_init(struct support_alloc *a);

#endif
