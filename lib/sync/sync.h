/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__SYNC_H
#define CLIENTID__SYNC_H

#include "gateway.h"
#include "sync/backoff.h"
#include "sync/folder.h"

#include <clientid/sync.h>

#include <pthread.h>
#include <stdatomic.h>

struct clientid_sync {
    const clientid_allocator *mem;
    clientid_gateway *gateway;
    clientid_source source;
    clientid_sync_options options;
    struct clientid__folder folder;
    bool has_source;
    bool has_folder;
    bool writes; /* the folder */

    /* What is in force. */
    struct clientid__sync_status status;
    bool loaded;
    bool expired;              /* older than the maximum age, as last logged */
    bool files_tried;          /* by one that has a source: the files are read once */
    bool files_ahead;          /* a reader's memory no longer equals what it read: load again */
    bool ask;                  /* the source has changes that were not taken yet */
    int source_code;           /* of the last round, 0: in step */
    int disk_code;             /* of the last write to the folder */
    uint64_t first_contact_ns; /* that a reader found in the files */

    struct clientid__round round;
    int round_code; /* why the source was told to stop */
    struct clientid__backoff wait;
    struct clientid__backoff disk_wait;
    uint64_t disk_next_ns; /* when to try the folder again */
    uint64_t touched_ns;

    /* thread.c */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool running;
    atomic_bool stopping;
};

/* ---- sync.c: what the others tell -------------------------------------------------------------- */

void clientid__sync_say(const struct clientid_sync *sync, const clientid_error *error);
void clientid__sync_news(const struct clientid_sync *sync, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts |registry| in force as of |position|. */
void clientid__sync_publish(struct clientid_sync *sync, struct clientid__registry *registry,
                            clientid_position position, uint64_t contact_ns, uint64_t now_ns);
/* clientid_event_fn into a registry. */
int clientid__sync_apply(void *registry, const clientid_event *event);

static inline clientid_position clientid__sync_position(const struct clientid_sync *sync)
{
    return (clientid_position){sync->status.identity, sync->status.revision};
}

/* ---- feed.c: source -> registry ---------------------------------------------------------------- */

/* One round with the source.  0: in step. */
int clientid__sync_feed(struct clientid_sync *sync, uint64_t now_ns, clientid_error *error);

/* ---- keep.c: registry <-> folder --------------------------------------------------------------- */

/* Loads the files and puts them in force.  Errors as clientid__folder_load, or _STALE. */
int clientid__sync_load_files(struct clientid_sync *sync, uint64_t now_ns, clientid_error *error);
/* One round without a source. */
int clientid__sync_follow(struct clientid_sync *sync, uint64_t now_ns, clientid_error *error);
/* The source is out of reach: what the files say, if that is later. */
void clientid__sync_fall_back(struct clientid_sync *sync, uint64_t now_ns);
/* Puts the round on disk before it is applied; failing is not the caller's trouble. */
void clientid__sync_keep_round(struct clientid_sync *sync, clientid_position position,
                               uint64_t now_ns);
/* The same for all of |registry|. */
void clientid__sync_keep_all(struct clientid_sync *sync, const struct clientid__registry *registry,
                             clientid_position position, uint64_t now_ns);
/* Contact, retries, a journal that grew long. */
void clientid__sync_upkeep(struct clientid_sync *sync, uint64_t now_ns);

/* ---- thread.c ---------------------------------------------------------------------------------- */

void clientid__sync_stop(struct clientid_sync *sync);

#endif
