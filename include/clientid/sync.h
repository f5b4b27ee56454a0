/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_SYNC_H
#define CLIENTID_SYNC_H

#include <clientid/gateway.h>
#include <clientid/source.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Keeps the registry of a gateway in step with a source: a full load, then deltas.  The last good state is
 * kept on disk (a snapshot and a journal of later deltas), so that a restart without the source serves it.
 * A revocation is on disk before it counts as in force.  One sync per gateway; create it after fork.
 *
 * Either call clientid_sync_step from a thread or timer of the host's own, or let clientid_sync_start run a
 * thread that blocks all signals.  Not both.
 */
typedef struct clientid_sync clientid_sync;

/* Who writes the last-known-good files.  A host with one process may take the first, every other host the last. */
typedef enum clientid_sync_mode {
    CLIENTID_SYNC_WRITE = 0, /* this sync: clientid_sync_new fails when there is another writer */
    CLIENTID_SYNC_READ = 1,  /* another process */
    /*
     * This sync if no other does, else it reads.  When the writer goes away, also by kill -9, or loses its source for
     * seconds, one that is in step with its own source takes over at its next step.  A folder that this process may
     * not write is read; that is logged once, and tried again every few seconds.  Needs a source to write.
     */
    CLIENTID_SYNC_SHARE = 2
} clientid_sync_mode;

typedef struct clientid_sync_options {
    size_t size; /* sizeof(clientid_sync_options) */
    const char
        *state; /* folder of the last-known-good files, or NULL to keep none; it must exist */
    uint64_t interval_ns; /* between polls; 0: 50 ms */
    uint32_t mode;        /* clientid_sync_mode */
    uint32_t reserved;
    /* Called from the thread that steps: what happened, for the host's log.  |error->code| 0: good news. */
    void (*log)(void *self, const clientid_error *);
    void *log_self;
} clientid_sync_options;

/*
 * |source| is copied; its |close| is called by clientid_sync_del, also when this fails.  With |source| NULL
 * only the last-known-good files are read and re-read when they change.  Loads the files at once, unless the
 * gatekeeper is strict.  CLIENTID_ERR_ARG, _NOMEM, _BUSY (the folder is written by another sync).  A missing,
 * damaged or stale snapshot is no failure: it is logged and left alone; neither is a disk that cannot be written: it
 * is logged and tried again.
 *
 * A reader, under a strict gatekeeper, uses the files once their writer has been in touch with the source since this
 * call (it notes each contact every 2 s).  One with a source follows the files while the source is out of reach and they
 * are ahead.
 */
CLIENTID_EXPORT int clientid_sync_new(clientid_sync **out, clientid_gateway *gateway,
                                      const clientid_source *source,
                                      const clientid_sync_options *options, clientid_error *error);

/* Stops the thread, closes source and files.  NULL is fine. */
CLIENTID_EXPORT void clientid_sync_del(clientid_sync *sync);

/*
 * One round: poll, load or apply what changed, write files.  May block on source and disk.  |*next_ns| is when
 * to call again; later after errors (back-off with jitter, at most 15 s).  Returns 0 when in step with the
 * source, else why not (the registry keeps serving).
 */
CLIENTID_EXPORT int clientid_sync_step(clientid_sync *sync, uint64_t now_ns, uint64_t *next_ns,
                                       clientid_error *error);

/* Runs clientid_sync_step on a thread of its own until clientid_sync_del.  CLIENTID_ERR_NOMEM, _ARG (it runs). */
CLIENTID_EXPORT int clientid_sync_start(clientid_sync *sync);

#ifdef __cplusplus
}
#endif

#endif
