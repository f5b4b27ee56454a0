/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_STORE_H
#define CLIENTID_STORE_H

/*
 * Unstable before 1.0: this header and control.h may change with any release.  Link libclientid-store.
 *
 * A store is where API instances, SLA tiers, applications and contracts live at rest.  It is opened here,
 * changed through control.h, and read by gateways as a source (source.h).
 *
 * URIs: "sqlite:FILE".  The database is in WAL mode: everybody who opens it, readers too, must be able to
 * write its folder, and the folder must be on a local file system.  Beside FILE there are FILE-wal and
 * FILE-shm while it is in use; copy a database with "sqlite3 FILE '.backup COPY'" or clientidctl export,
 * never the file alone.
 */
#include <clientid/source.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One connection.  One thread at a time; not across fork. */
typedef struct clientid_store clientid_store;

enum {
    CLIENTID_STORE_CREATE = 1,  /* make the database when there is none */
    CLIENTID_STORE_READONLY = 2 /* change nothing; not together with CLIENTID_STORE_CREATE */
};

/*
 * Opens a store.  A database of an older schema is brought up to date, one transaction a step, unless it is
 * opened read-only.
 *
 * CLIENTID_ERR_ARG (URI, flags), _NOT_FOUND (no such file and no CLIENTID_STORE_CREATE), _IO (unreadable,
 * folder not writable), _FORMAT (no SQLite database, or one of another program), _CORRUPT (damaged),
 * _VERSION (a newer schema; or an older one, read-only), _BUSY (another process holds it for longer than
 * 5 s), _FULL, _NOMEM.
 */
CLIENTID_EXPORT int clientid_store_open(clientid_store **out, const char *uri, unsigned flags,
                                        clientid_error *error);

/* NULL is fine.  Every clientid_control of the store must be gone. */
CLIENTID_EXPORT void clientid_store_close(clientid_store *store);

/*
 * The identity of the data (random, made with the database) and the revision of its newest change.  Errors
 * as clientid_store_open.
 */
CLIENTID_EXPORT int clientid_store_position(clientid_store *store, clientid_position *out,
                                            clientid_error *error);

/*
 * Reads the whole database and checks it: pages, indexes, references.  Takes seconds for a million
 * contracts.  CLIENTID_ERR_CORRUPT with the first fault.
 */
CLIENTID_EXPORT int clientid_store_verify(clientid_store *store, clientid_error *error);

/*
 * Fills |out| with a source over a connection of its own, for clientid_sync_new.  Nothing is opened yet: the
 * file may be missing and appear later, be renamed, deleted or replaced; until there is a readable database
 * of a known schema the source says CLIENTID_ERR_UNREACHABLE (_CORRUPT, _VERSION, _FORMAT when it is there
 * but of no use).  After the file was away or replaced, changes() says CLIENTID_ERR_GAP.
 *
 * poll() costs a few microseconds: PRAGMA data_version and one stat().  load() and changes() each see one
 * state of the database.  In changes() every entry is given once, as it is now: tiers first, then groups and
 * contracts in the order of their last change, removed tiers last; the revision of an event is the one of that
 * last change, so revisions within one series need not ascend.
 *
 * CLIENTID_ERR_ARG (URI), _NOMEM.
 */
CLIENTID_EXPORT int clientid_store_source(clientid_source *out, const char *uri,
                                          clientid_error *error);

#ifdef __cplusplus
}
#endif

#endif
