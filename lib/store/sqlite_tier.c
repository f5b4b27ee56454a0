/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of SLA tiers and their limits, which keep their order. */
#include "store/sqlite.h"

#include "base/str.h"

static int set_limits(struct clientid__sqlite *s, uint64_t id, const clientid_tier_record *record,
                      clientid_error *error)
{
    static const char clear[] = "DELETE FROM tier_limit WHERE tier_id = ?";
    static const char text[] = "INSERT INTO tier_limit VALUES(?, ?, ?, ?, ?)";
    int rc = clientid__sqlite_run(s, clear, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), error);

    for (size_t i = 0; i < record->limit_count && rc == 0; i++) {
        const clientid_limit *limit = &record->limits[i];

        rc = clientid__sqlite_run(s, text,
                                  CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_u64(i),
                                                     clientid__sql_u64(limit->maximum_requests),
                                                     clientid__sql_u64(limit->period_ms),
                                                     clientid__sql_u64(limit->visible)),
                                  error);
    }
    return rc;
}

static int insert(clientid_store *store, const clientid_tier_record *record, uint64_t *id,
                  clientid_error *error)
{
    static const char text[] =
        "INSERT INTO tier(id, api_id, name, description, auto_approve, status, created_ns,"
        " updated_ns) VALUES(?, ?, ?, ?, ?, ?, ?, ?)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_ref(record->id), clientid__sql_u64(record->api_id),
                           clientid__sql_str(record->name), clientid__sql_str(record->description),
                           clientid__sql_u64(record->auto_approve),
                           clientid__sql_u64(record->status), clientid__sql_u64(record->created_ns),
                           clientid__sql_u64(record->updated_ns)),
        error);

    if (rc != 0)
        return rc;
    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return set_limits(s, *id, record, error);
}

static int update(clientid_store *store, uint64_t id, const clientid_tier_record *record,
                  unsigned fields, uint64_t now_ns, clientid_error *error)
{
    static const char text[] =
        "UPDATE tier SET name = coalesce(?2, name), description = coalesce(?3, description),"
        " auto_approve = coalesce(?4, auto_approve), status = coalesce(?5, status),"
        " updated_ns = ?6 WHERE id = ?1";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(
            clientid__sql_u64(id),
            clientid__sql_if(fields & CLIENTID_TIER_NAME, clientid__sql_str(record->name)),
            clientid__sql_if(fields & CLIENTID_TIER_DESCRIPTION,
                             clientid__sql_str(record->description)),
            clientid__sql_if(fields & CLIENTID_TIER_AUTO_APPROVE,
                             clientid__sql_u64(record->auto_approve)),
            clientid__sql_if(fields & CLIENTID_TIER_STATUS, clientid__sql_u64(record->status)),
            clientid__sql_u64(now_ns)),
        error);

    if (rc == 0 && (fields & CLIENTID_TIER_LIMITS))
        rc = set_limits(s, id, record, error);
    return rc;
}

static int remove_row(clientid_store *store, uint64_t id, clientid_error *error)
{
    static const char text[] = "DELETE FROM tier WHERE id = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(id)), error);
}

static int find(clientid_store *store, uint64_t api_id, clientid_str name, uint64_t *id,
                clientid_error *error)
{
    static const char text[] = "SELECT id FROM tier WHERE api_id = ? AND name = ?";

    return clientid__sqlite_number(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(api_id), clientid__sql_str(name)), id, error);
}

static int facts(clientid_store *store, uint64_t id, struct clientid__tier_facts *out,
                 clientid_error *error)
{
    static const char text[] = "SELECT t.id, t.api_id, t.auto_approve, t.status, t.name, a.name,"
                               " EXISTS(SELECT 1 FROM contract WHERE tier_id = ?1)"
                               " OR EXISTS(SELECT 1 FROM contract WHERE requested_tier_id = ?1)"
                               " FROM tier t JOIN api a ON a.id = t.api_id WHERE t.id = ?1";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    bool fits;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc <= 0)
        return rc == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
    *out = (struct clientid__tier_facts){
        .id = clientid__column_u64(stmt, 0),
        .api_id = clientid__column_u64(stmt, 1),
        .auto_approve = clientid__column_u32(stmt, 2),
        .status = clientid__column_u32(stmt, 3),
        .in_use = sqlite3_column_int(stmt, 6) != 0,
    };
    fits = clientid__column_copy(stmt, 4, out->name, sizeof(out->name)) &&
           clientid__column_copy(stmt, 5, out->api_name, sizeof(out->api_name));
    sqlite3_reset(stmt);
    return fits ? 0 : clientid__sqlite_damaged(s, error, "a tier has an overlong name");
}

static int limits_of(struct clientid__sqlite *s, uint64_t id, clientid_limit *limits, size_t *count,
                     clientid_error *error)
{
    static const char text[] = "SELECT maximum_requests, period_ms, visible FROM tier_limit"
                               " WHERE tier_id = ? ORDER BY position";
    sqlite3_stmt *stmt = NULL;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    *count = 0;
    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        if (*count == CLIENTID_TIER_LIMITS_MAX) {
            sqlite3_reset(stmt);
            return clientid__sqlite_damaged(s, error, "a tier has too many limits");
        }
        limits[(*count)++] = (clientid_limit){
            .maximum_requests = clientid__column_u64(stmt, 0),
            .period_ms = clientid__column_u64(stmt, 1),
            .visible = clientid__column_u32(stmt, 2),
        };
    }
    return rc;
}

static int emit_row(struct clientid__sqlite *s, sqlite3_stmt *stmt, clientid_tier_fn *emit,
                    void *sink, clientid_error *error)
{
    clientid_limit limits[CLIENTID_TIER_LIMITS_MAX];
    clientid_tier_record record = {
        .size = sizeof(record),
        .id = clientid__column_u64(stmt, 0),
        .api_id = clientid__column_u64(stmt, 1),
        .api_name = clientid__column_str(stmt, 2),
        .name = clientid__column_str(stmt, 3),
        .description = clientid__column_str(stmt, 4),
        .auto_approve = clientid__column_u32(stmt, 5),
        .status = clientid__column_u32(stmt, 6),
        .limits = limits,
        .application_count = clientid__column_u64(stmt, 7),
        .created_ns = clientid__column_u64(stmt, 8),
        .updated_ns = clientid__column_u64(stmt, 9),
    };
    int rc = limits_of(s, record.id, limits, &record.limit_count, error);

    return rc != 0 ? rc : emit(sink, &record);
}

static int each(clientid_store *store, uint64_t id, uint64_t api_id, clientid_tier_fn *emit,
                void *sink, clientid_error *error)
{
    static const char text[] =
        "SELECT t.id, t.api_id, a.name, t.name, t.description, t.auto_approve, t.status,"
        " coalesce((SELECT count FROM total WHERE kind = 2 AND id = t.id), 0), t.created_ns,"
        " t.updated_ns"
        " FROM tier t JOIN api a ON a.id = t.api_id"
        " WHERE t.id BETWEEN ?1 AND ?2 AND (?3 = 0 OR t.api_id = ?3) ORDER BY t.id";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    size_t seen = 0;
    int rc = clientid__sqlite_prepare(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_u64(id != 0 ? id : INT64_MAX),
                           clientid__sql_u64(api_id)),
        &stmt, error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        seen++;
        rc = emit_row(s, stmt, emit, sink, error);
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc == 0 && id != 0 && seen == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
}

const struct clientid__tier_ops clientid__sqlite_tier = {
    .insert = insert,
    .update = update,
    .delete = remove_row,
    .find = find,
    .facts = facts,
    .each = each,
};
