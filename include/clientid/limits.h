/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_LIMITS_H
#define CLIENTID_LIMITS_H

#include <clientid/check.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * For operators: what a limits table holds, and how to put it right, while any number of processes charge it.
 *
 * Nothing here belongs on the request path: it walks the whole table, or takes the time of a registry look-up.  Any
 * thread.  A reset takes part in the same lock-free protocol as a charge, so it neither waits for requests nor holds
 * one up, and a process that is killed in the middle of it leaves a table that works.
 *
 * A reset gives back what was spent until then: over all, at most one full quota more for each.  A request that was
 * charged before and is refunded after it may add its own part to the new quota, never to more than the full one.
 */

/* ---- a table --------------------------------------------------------------------------------- */

typedef struct clientid_limits clientid_limits;

enum { CLIENTID_LIMITS_READ = 1 }; /* clientid_limits_open: read permission is enough */

/*
 * Opens the limits file of a running system by itself, in the size that its header tells.  Never makes one.  Of
 * |flags| unknown bits are CLIENTID_ERR_ARG.  CLIENTID_ERR_NOT_FOUND, _IO, _FORMAT (not a limits file, another layout
 * or clock), _NOMEM.  |file| is not kept.
 */
CLIENTID_EXPORT int clientid_limits_open(clientid_limits **out, const char *file, unsigned flags,
                                         clientid_error *error);
/* NULL is fine. */
CLIENTID_EXPORT void clientid_limits_close(clientid_limits *limits);

/* The gateway's own; lives as long as the gateway, not to be closed. */
CLIENTID_EXPORT clientid_limits *clientid_gateway_limits(clientid_gateway *gateway);

/* Contracts and API-wide limits; values of key selectors; the cells that those share for which none is free. */
enum {
    CLIENTID_CELLS_CONTRACTS = 0,
    CLIENTID_CELLS_KEYS = 1,
    CLIENTID_CELLS_OVERFLOW = 2,
    CLIENTID_CELLS_KINDS = 3
};

typedef struct clientid_limits_cells {
    uint64_t cells;
    uint64_t live; /* hold something that is spent */
    uint64_t
        claimed; /* taken and never charged: by a request under way, or a process that died over it */
    uint64_t
        ahead; /* further in the future than any limit reaches: written before the clock went back */
    uint64_t damaged;          /* bits that no charge leaves behind, or two for one client */
    uint64_t latest_ns;        /* from now until the last of them has expired */
    uint64_t full;             /* buckets in which new clients have shared a cell of late */
    uint64_t overflow_charges; /* that went to a shared cell since the table was made */
} clientid_limits_cells;

typedef struct clientid_limits_info {
    size_t size;     /* sizeof(clientid_limits_info), set by the caller */
    uint32_t layout; /* files of another layout are refused */
    uint32_t clock;  /* 1: CLOCK_REALTIME */
    uint64_t format; /* the layout with its measures, as errors show it */
    uint64_t bytes;
    uint64_t source_identity; /* the source of contracts, and how far any process has seen it */
    uint64_t source_revision;
    uint64_t use_cells; /* for the last uses of secrets */
    uint64_t uses;
    /*
     * The furthest that a limit in force reaches into the future; 0: not known (clientid_limits_open knows no
     * configuration), |ahead| is then 0.
     */
    uint64_t reach_ns;
    clientid_limits_cells region[CLIENTID_CELLS_KINDS];
} clientid_limits_info;

/* Reads every cell; what others change meanwhile may be seen or not.  CLIENTID_ERR_ARG. */
CLIENTID_EXPORT int clientid_limits_read(const clientid_limits *limits, uint64_t now_ns,
                                         clientid_limits_info *info);

/* What clientid_limits_clear does away with. */
enum {
    CLIENTID_CLEAR_CLAIMED =
        1, /* ends claims that were begun, frees cells that were never charged */
    CLIENTID_CLEAR_DAMAGED = 2, /* of two cells for one client the one with more spent stays */
    CLIENTID_CLEAR_AHEAD = 4,
    CLIENTID_CLEAR_OVERFLOW = 8, /* live cells that clients share */
    CLIENTID_CLEAR_LIVE = 16     /* all others that are live */
};

typedef struct clientid_limits_cleared {
    size_t size; /* sizeof(clientid_limits_cleared), set by the caller */
    uint64_t claimed, damaged, ahead, overflow, live;
} clientid_limits_cleared;

/*
 * Cells that are cleared hold their full quota again.  Last uses and the source's revision stay.  CLIENTID_ERR_ARG,
 * also for a table opened with CLIENTID_LIMITS_READ.
 */
CLIENTID_EXPORT int clientid_limits_clear(clientid_limits *limits, unsigned what, uint64_t now_ns,
                                          clientid_limits_cleared *cleared);

/* ---- one client ------------------------------------------------------------------------------ */

enum {
    CLIENTID_STANDING_SHARED = 1, /* it has no cell of its own, and stands as the shared one does */
    CLIENTID_STANDING_AHEAD = 2   /* stored before the clock went back; its next request cuts it */
};

/* How one limit stands. */
typedef struct clientid_limit_standing {
    clientid_limit_report report;
    uint64_t capacity; /* requests that |remaining| is out of: the maximum, or the burst */
    uint64_t used;     /* of them */
    uint32_t flags;    /* CLIENTID_STANDING_SHARED and so on */
    uint32_t reserved;
} clientid_limit_standing;

/*
 * The limits of the client's contract on |api|, as they stand, or with an empty |client_id| those of the API instance
 * itself, which all its clients spend together (key selectors left out).  Charges nothing.  |*count| is the room in
 * |standings| on entry, how many there are on return; CLIENTID_ERR_SPACE when there are more.
 *
 * CLIENTID_ERR_ARG; _NOT_FOUND: the configuration does not know the API instance, or the registry no contract of that
 * client on it; _UNREACHABLE: no contracts are loaded; _CONFIG: a limit of the tier cannot be kept.
 */
CLIENTID_EXPORT int clientid_limits_get(clientid_worker *worker, const clientid_api *api,
                                        clientid_str client_id, uint64_t now_ns,
                                        clientid_limit_standing *standings, size_t *count,
                                        clientid_error *error);

/*
 * Sets them back to their full quota, each by one compare-and-swap; |standings| tells how they stood before.  A client
 * that shares a cell is given one of its own; where none is free the shared one is reset (CLIENTID_STANDING_SHARED),
 * for all that share it.  Errors as clientid_limits_get; nothing is then reset.
 */
CLIENTID_EXPORT int clientid_limits_reset(clientid_worker *worker, const clientid_api *api,
                                          clientid_str client_id, uint64_t now_ns,
                                          clientid_limit_standing *standings, size_t *count,
                                          clientid_error *error);

#ifdef __cplusplus
}
#endif

#endif
