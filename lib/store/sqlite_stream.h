/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__SQLITE_STREAM_H
#define CLIENTID__SQLITE_STREAM_H

#include "store/sqlite.h"

/* Rows of a query as events, for what gateways are told: the source and the feed. */

struct clientid__stream {
    struct clientid__sqlite *s;
    clientid_event_fn *emit;
    void *sink;
    clientid_error *error;
};

typedef int clientid__row_fn(struct clientid__stream *stream, sqlite3_stmt *stmt);

/* Calls |row| for every row; it returns 0 or what stops. */
int clientid__stream_rows(struct clientid__stream *stream, const char *text,
                          const struct clientid__sql_arg *args, size_t count,
                          clientid__row_fn *row);

/* Columns: revision, id, name, CLIENTID__STREAM_LIMITS. */
int clientid__stream_tier(struct clientid__stream *stream, sqlite3_stmt *stmt);
/* Columns: revision, id. */
int clientid__stream_tier_removed(struct clientid__stream *stream, sqlite3_stmt *stmt);
/* Columns: revision, id or NULL when it is gone, name. */
int clientid__stream_group(struct clientid__stream *stream, sqlite3_stmt *stmt);
/*
 * Columns: revision, id, API's name, client id, status or NULL when it is gone, tier id, application id, its name,
 * CLIENTID__STREAM_SECRET.
 */
int clientid__stream_contract(struct clientid__stream *stream, sqlite3_stmt *stmt);

/* A correlated subquery, not a join: group_concat keeps the order of its subquery's rows. */
#define CLIENTID__STREAM_LIMITS                                                                    \
    "(SELECT group_concat(maximum_requests || ' ' || period_ms || ' ' || visible || ' ', '')"      \
    " FROM (SELECT * FROM tier_limit WHERE tier_id = t.id ORDER BY position))"
/* Of the second secret only the algorithm: few have one, and four columns more would be a fifth of what reading a million rows takes. */
#define CLIENTID__STREAM_SECRET                                                                    \
    "p.salt, p.algorithm1, p.pepper1, p.hash1, p.not_before1, p.not_after1, p.algorithm2"

#endif
