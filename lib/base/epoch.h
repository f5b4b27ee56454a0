/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__EPOCH_H
#define CLIENTID__EPOCH_H

#include <clientid/types.h>

#include <stdatomic.h>

/*
 * Memory that a reader may still see is released only after every reader that could has left.
 *
 * Readers (one slot per worker) pay two plain stores a section; writers pay for the fence with membarrier(2), or
 * a full fence on both sides where the kernel refuses it.  Each process has its own domain: nothing here
 * survives or crosses a fork.  Several threads may write; a release runs on whichever of them finds the grace
 * period over, without a lock held.  No writer may call in from inside a section of its own.
 */
struct clientid__epoch;

struct clientid__epoch_slot {
    _Alignas(64) _Atomic uint64_t entered; /* 0: outside; else the epoch it entered in */
    struct clientid__epoch *domain;
    uint32_t used;
};

/* Called once the grace period is over. */
typedef void clientid__epoch_free_fn(void *context, void *object);

int clientid__epoch_new(struct clientid__epoch **out, const clientid_allocator *mem);
/* As on a kernel that refuses membarrier(2). */
int clientid__epoch_new_fenced(struct clientid__epoch **out, const clientid_allocator *mem);
/* Releases what is still waiting; no reader may be inside. */
void clientid__epoch_del(struct clientid__epoch *epoch);

/* NULL when CLIENTID_WORKERS_MAX are taken.  Any thread. */
struct clientid__epoch_slot *clientid__epoch_slot_get(struct clientid__epoch *epoch);
void clientid__epoch_slot_put(struct clientid__epoch_slot *slot);

void clientid__epoch_enter(struct clientid__epoch_slot *slot);
void clientid__epoch_leave(struct clientid__epoch_slot *slot);

/*
 * Hands |object| over: |release(context, object)| is called from a later clientid__epoch_retire, _reclaim or
 * _wait of a writer.  Never fails: without memory for the list it waits for the grace period at once.
 */
void clientid__epoch_retire(struct clientid__epoch *epoch, clientid__epoch_free_fn *release,
                            void *context, void *object);
/* Releases what no reader can see any more; returns how many objects still wait. */
size_t clientid__epoch_reclaim(struct clientid__epoch *epoch);
/* Waits until all readers that are inside now have left, then releases everything retired before. */
void clientid__epoch_wait(struct clientid__epoch *epoch);

#endif
