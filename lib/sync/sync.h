/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__SYNC_H
#define CLIENTID__SYNC_H

#include "gateway.h"
#include "sync/backoff.h"
#include "sync/folder.h"

#include <clientid/sync.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

struct clientid_sync {
    const clientid_allocator *mem;
    clientid_gateway *gateway;
    clientid_source source;
    clientid_sync_options options;
    struct clientid__folder folder;
    bool has_source;
    bool has_folder;
    bool writes;  /* the folder */
    bool vouched; /* the source was in step since we write: memory is not behind the files */
    bool follows; /* another one writes, as last logged */

    /* What is in force. */
    struct clientid__sync_status status;
    bool loaded;
    bool expired;     /* older than the maximum age, as last logged */
    bool files_tried; /* by one that has a source: the files are read once */
    bool files_apart; /* a reader's memory no longer equals what it read: load again */
    bool torn;        /* a round was applied in part: memory is at no position */
    bool ask;         /* the source has changes that were not taken yet */
    bool in_step;     /* with the source, or the files, after the last round */
    struct clientid__registry_walk walk; /* of the snapshot that is being written */
    size_t piece_contracts;              /* of it at a time */
    unsigned drafts_dropped;             /* in a row, because tiers went meanwhile */
    int source_code;                     /* of the last round, 0: in step */
    int disk_code;                       /* of the last write to the folder */
    int files_code;               /* of the last time they were followed for want of the source */
    int round_code;               /* why the source was told to stop */
    uint64_t first_contact_ns;    /* that a reader found in the files */
    uint64_t taken_contact_ns;    /* of the files, as last read */
    clientid_position first_seen; /* in the limits table, before anything was loaded */
    clientid_error trouble;       /* of the last round with the source */
    uint64_t source_next_ns;      /* when to ask a source again that failed */
    uint64_t failing_ns; /* since when it fails, as a writer that shares counts; 0: it does not */

    struct clientid__round round;
    struct clientid__backoff wait;
    struct clientid__backoff disk_wait;
    struct clientid__backoff files_wait;
    uint64_t disk_next_ns;  /* when to try to write the folder again */
    uint64_t files_next_ns; /* when to load files again that were refused */
    uint64_t touched_ns;

    /* names.c */
    char *state;             /* the folder's path */
    struct stat limits_stat; /* of the limits file, as this sync began */
    bool has_limits_file;
    bool limits_apart; /* it is another one by now, as last logged */
    uint64_t looked_ns;

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
/* The source is out of reach: what the files say, as long as that is later. */
void clientid__sync_fall_back(struct clientid_sync *sync, uint64_t now_ns);
/* Puts the round on disk before it is applied; failing is not the caller's trouble. */
void clientid__sync_keep_round(struct clientid_sync *sync, clientid_position position,
                               uint64_t now_ns);
/* The same for all of |registry|. */
void clientid__sync_keep_all(struct clientid_sync *sync, const struct clientid__registry *registry,
                             clientid_position position, uint64_t now_ns);
/* The same for what is in force, a piece with each upkeep. */
void clientid__sync_keep_soon(struct clientid_sync *sync, uint64_t now_ns);
/* Contact, retries, a journal that grew long. */
void clientid__sync_upkeep(struct clientid_sync *sync, uint64_t now_ns);
void clientid__sync_disk_failed(struct clientid_sync *sync, const clientid_error *error,
                                uint64_t now_ns);
bool clientid__sync_disk_due(const struct clientid_sync *sync, uint64_t now_ns);

/* ---- share.c: who writes ----------------------------------------------------------------------- */

/* Writes from now on, if nobody else does: at the start; before a round. */
void clientid__sync_take_first(struct clientid_sync *sync);
void clientid__sync_take(struct clientid_sync *sync, uint64_t now_ns);
/* After a round: a writer whose source is out of reach leaves the folder to one that has more luck. */
void clientid__sync_yield(struct clientid_sync *sync, uint64_t now_ns);
/* Lets the lock go, if it is held as one of those that share. */
void clientid__sync_renounce(struct clientid_sync *sync);
/* How far the writer is, for metrics. */
void clientid__sync_follow_durable(struct clientid_sync *sync);

/* A writer's memory is never behind the files, once its source has said so. */
static inline bool clientid__sync_may_fall_back(const struct clientid_sync *sync)
{
    return sync->has_source && sync->has_folder && !(sync->writes && sync->vouched);
}

static inline bool clientid__sync_drafts(const struct clientid_sync *sync)
{
    return sync->has_folder && clientid__folder_drafts(&sync->folder);
}

/* ---- names.c: what was removed or replaced under its name ----------------------------------------- */

/* At the start; |state| may be NULL.  CLIENTID_ERR_NOMEM. */
int clientid__names_keep(struct clientid_sync *sync, const char *state);
/* After a round, once a second. */
void clientid__names_look(struct clientid_sync *sync, uint64_t now_ns);

/* ---- thread.c ---------------------------------------------------------------------------------- */

void clientid__sync_stop(struct clientid_sync *sync);

#endif
