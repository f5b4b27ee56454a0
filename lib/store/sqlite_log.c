/* SPDX-License-Identifier: Apache-2.0 */
/* A change and its revision are in one transaction, so a revision that was seen says all before it were. */
#include "store/sqlite.h"

#include "base/error.h"
#include "base/str.h"

int clientid__sqlite_position(clientid_store *store, clientid_position *out, clientid_error *error)
{
    static const char text[] = "SELECT identity, coalesce((SELECT seq FROM sqlite_sequence"
                               " WHERE name = 'change_log'), 0) FROM meta";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(s, text, NULL, 0, &stmt, error);

    if (rc != 0)
        return rc;
    rc = clientid__sqlite_step(s, stmt, error);
    if (rc == 0)
        return clientid__sqlite_damaged(s, error, "it has no identity");
    if (rc < 0)
        return rc;
    *out = (clientid_position){clientid__column_u64(stmt, 0), clientid__column_u64(stmt, 1)};
    sqlite3_reset(stmt);
    return 0;
}

static int append(clientid_store *store, const struct clientid__change *change,
                  clientid_error *error)
{
    static const char text[] =
        "INSERT INTO change_log(entity, entity_id, in_force, at_ns, actor, verb, api, client_id,"
        " detail) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(change->entity), clientid__sql_u64(change->entity_id),
                           clientid__sql_u64(change->in_force), clientid__sql_u64(change->at_ns),
                           clientid__sql_str(change->actor), clientid__sql_str(change->verb),
                           clientid__sql_str(change->api), clientid__sql_str(change->client_id),
                           clientid__sql_str(change->detail)),
        error);
}

static clientid_str entity_label(uint64_t entity)
{
    switch (entity) {
#define CLIENTID__ENTITY_CASE(name, number, label)                                                 \
    case number:                                                                                   \
        return CLIENTID_STR(label);
        CLIENTID__ENTITY_MAP(CLIENTID__ENTITY_CASE)
#undef CLIENTID__ENTITY_CASE
    default:
        return CLIENTID_STR("?");
    }
}

static int each(clientid_store *store, uint64_t revision, uint64_t max, clientid_change_fn *emit,
                void *sink, clientid_error *error)
{
    static const char text[] =
        "SELECT revision, at_ns, actor, entity, entity_id, verb, api, client_id, detail"
        " FROM change_log WHERE revision > ? ORDER BY revision LIMIT ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    uint64_t limit = max == 0 || max > INT64_MAX ? INT64_MAX : max;
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(
        s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(revision), clientid__sql_u64(limit)), &stmt,
        error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        clientid_change_record record = {
            .size = sizeof(record),
            .revision = clientid__column_u64(stmt, 0),
            .at_ns = clientid__column_u64(stmt, 1),
            .actor = clientid__column_str(stmt, 2),
            .entity = entity_label(clientid__column_u64(stmt, 3)),
            .entity_id = clientid__column_u64(stmt, 4),
            .verb = clientid__column_str(stmt, 5),
            .api = clientid__column_str(stmt, 6),
            .client_id = clientid__column_str(stmt, 7),
            .detail = clientid__column_str(stmt, 8),
        };

        rc = emit(sink, &record);
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc;
}

static int prune(clientid_store *store, uint64_t before_ns, uint64_t *removed,
                 clientid_error *error)
{
    /* Up to the first that is young enough: clocks go back, and a log with holes would hide changes. */
    static const char find[] =
        "SELECT coalesce((SELECT min(revision) FROM change_log WHERE at_ns >= ?),"
        " (SELECT max(revision) + 1 FROM change_log), 0)";
    static const char cut[] = "DELETE FROM change_log WHERE revision < ?";
    static const char mark[] = "UPDATE meta SET log_floor = max(log_floor, ? - 1)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    uint64_t first;
    int rc = clientid__sqlite_number(s, find, CLIENTID__SQL_ARGS(clientid__sql_u64(before_ns)),
                                     &first, error);

    *removed = 0;
    if (rc != 0 || first == 0)
        return rc;
    rc = clientid__sqlite_run(s, cut, CLIENTID__SQL_ARGS(clientid__sql_u64(first)), error);
    *removed = (uint64_t)sqlite3_changes64(s->db);
    if (rc == 0)
        rc = clientid__sqlite_run(s, mark, CLIENTID__SQL_ARGS(clientid__sql_u64(first)), error);
    return rc;
}

const struct clientid__log_ops clientid__sqlite_log = {append, each, prune};
