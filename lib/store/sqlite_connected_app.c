/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of Connected Apps and of what they were granted.  Revoked ones stay: applications say who created them. */
#include "store/sqlite.h"

#include "base/str.h"

static int insert(clientid_store *store, const clientid_connected_app_record *record,
                  const clientid_secret *secret, uint64_t *id, clientid_error *error)
{
    static const char text[] =
        "INSERT INTO connected_app(client_id, name, owner_id, scopes, salt, hash, created_ns,"
        " updated_ns, revoked_ns) VALUES(?, ?, ?, ?, ?, ?, ?, ?, 0)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_str(record->client_id), clientid__sql_str(record->name),
                           clientid__sql_ref(record->owner_id), clientid__sql_u64(record->scopes),
                           clientid__sql_blob(secret->salt, secret->salt_len),
                           clientid__sql_blob(secret->hash, sizeof(secret->hash)),
                           clientid__sql_u64(record->created_ns),
                           clientid__sql_u64(record->updated_ns)),
        error);

    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int update(clientid_store *store, uint64_t id, const clientid_connected_app_record *record,
                  unsigned fields, uint64_t now_ns, clientid_error *error)
{
    static const char text[] = "UPDATE connected_app SET name = coalesce(?2, name),"
                               " scopes = coalesce(?3, scopes), updated_ns = ?4 WHERE id = ?1";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(
            clientid__sql_u64(id),
            clientid__sql_if(fields & CLIENTID_CONNECTED_APP_NAME, clientid__sql_str(record->name)),
            clientid__sql_if(fields & CLIENTID_CONNECTED_APP_SCOPES,
                             clientid__sql_u64(record->scopes)),
            clientid__sql_u64(now_ns)),
        error);
}

static int set_secret(clientid_store *store, uint64_t id, const clientid_secret *secret,
                      uint64_t now_ns, clientid_error *error)
{
    static const char text[] =
        "UPDATE connected_app SET salt = ?, hash = ?, updated_ns = ? WHERE id = ?";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_blob(secret->salt, secret->salt_len),
                           clientid__sql_blob(secret->hash, sizeof(secret->hash)),
                           clientid__sql_u64(now_ns), clientid__sql_u64(id)),
        error);
}

static int revoke(clientid_store *store, uint64_t id, uint64_t now_ns, clientid_error *error)
{
    static const char text[] =
        "UPDATE connected_app SET revoked_ns = ?2, updated_ns = ?2 WHERE id = ?1";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_u64(now_ns)), error);
}

static int find(clientid_store *store, clientid_str client_id, uint64_t *id, clientid_error *error)
{
    static const char text[] = "SELECT id FROM connected_app WHERE client_id = ?";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_str(client_id)), id, error);
}

static bool column_secret(sqlite3_stmt *stmt, int column, clientid_secret *out)
{
    const void *salt = sqlite3_column_blob(stmt, column);
    size_t salt_len = (size_t)sqlite3_column_bytes(stmt, column);
    const void *hash = sqlite3_column_blob(stmt, column + 1);

    if (salt_len > CLIENTID_SALT_MAX || hash == NULL ||
        sqlite3_column_bytes(stmt, column + 1) != sizeof(out->hash))
        return false;
    *out = (clientid_secret){.algorithm = CLIENTID_SECRET_SHA256, .salt_len = (uint32_t)salt_len};
    if (salt_len > 0)
        memcpy(out->salt, salt, salt_len);
    memcpy(out->hash, hash, sizeof(out->hash));
    return true;
}

static int facts(clientid_store *store, uint64_t id, struct clientid__connected_app_facts *out,
                 clientid_error *error)
{
    static const char text[] = "SELECT id, owner_id, revoked_ns, client_id, name, salt, hash"
                               " FROM connected_app WHERE id = ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    bool whole;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc <= 0)
        return rc == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
    *out = (struct clientid__connected_app_facts){
        .id = clientid__column_u64(stmt, 0),
        .owner_id = clientid__column_u64(stmt, 1),
        .revoked_ns = clientid__column_u64(stmt, 2),
    };
    whole = clientid__column_copy(stmt, 3, out->client_id, sizeof(out->client_id)) &&
            clientid__column_copy(stmt, 4, out->name, sizeof(out->name)) &&
            column_secret(stmt, 5, &out->secret);
    sqlite3_reset(stmt);
    return whole ? 0 : clientid__sqlite_damaged(s, error, "a Connected App has an invalid value");
}

static int each(clientid_store *store, uint64_t id, clientid_connected_app_fn *emit, void *sink,
                clientid_error *error)
{
    static const char text[] =
        "SELECT a.id, a.client_id, a.name, coalesce(a.owner_id, 0), coalesce(u.name, ''), a.scopes,"
        " (SELECT count(*) FROM connected_app_grant WHERE connected_app_id = a.id),"
        " a.created_ns, a.updated_ns, a.revoked_ns FROM connected_app a"
        " LEFT JOIN user u ON u.id = a.owner_id"
        " WHERE a.id BETWEEN ?1 AND ?2 AND (?1 > 0 OR a.revoked_ns = 0) ORDER BY a.id";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    size_t seen = 0;
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_u64(id != 0 ? id : INT64_MAX)),
        &stmt, error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        clientid_connected_app_record record = {
            .size = sizeof(record),
            .id = clientid__column_u64(stmt, 0),
            .client_id = clientid__column_str(stmt, 1),
            .name = clientid__column_str(stmt, 2),
            .owner_id = clientid__column_u64(stmt, 3),
            .owner_name = clientid__column_str(stmt, 4),
            .scopes = clientid__column_u32(stmt, 5),
            .grant_count = clientid__column_u32(stmt, 6),
            .created_ns = clientid__column_u64(stmt, 7),
            .updated_ns = clientid__column_u64(stmt, 8),
            .revoked_ns = clientid__column_u64(stmt, 9),
        };

        if (record.grant_count > 0)
            record.scopes |= CLIENTID_SCOPE_MANAGE_APPLICATION;
        seen++;
        rc = emit(sink, &record);
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc == 0 && id != 0 && seen == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
}

static int count_rows(clientid_store *store, uint64_t *count, clientid_error *error)
{
    static const char text[] = "SELECT count(*) FROM connected_app WHERE revoked_ns = 0";

    return clientid__sqlite_number(clientid__sqlite_of(store), text, NULL, 0, count, error);
}

/* ---- grants ---------------------------------------------------------------------------------- */

static int grant(clientid_store *store, uint64_t id, uint64_t application_id, clientid_error *error)
{
    static const char text[] = "INSERT OR IGNORE INTO connected_app_grant(connected_app_id,"
                               " application_id) VALUES(?, ?)";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_u64(application_id)), error);
}

static int ungrant(clientid_store *store, uint64_t id, uint64_t application_id,
                   clientid_error *error)
{
    static const char text[] =
        "DELETE FROM connected_app_grant WHERE connected_app_id = ? AND application_id = ?";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_u64(application_id)), error);
}

static int grants(clientid_store *store, uint64_t id, clientid_id_fn *emit, void *sink,
                  clientid_error *error)
{
    static const char text[] = "SELECT application_id FROM connected_app_grant"
                               " WHERE connected_app_id = ? ORDER BY application_id";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        rc = emit(sink, clientid__column_u64(stmt, 0));
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc;
}

static int holds(clientid_store *store, uint64_t id, uint64_t application_id, bool *created,
                 bool *granted, clientid_error *error)
{
    static const char text[] =
        "SELECT EXISTS(SELECT 1 FROM application WHERE id = ?2 AND created_by = ?1)"
        " + 2 * EXISTS(SELECT 1 FROM connected_app_grant WHERE connected_app_id = ?1"
        " AND application_id = ?2)";
    uint64_t bits = 0;
    int rc = clientid__sqlite_number(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_u64(application_id)), &bits, error);

    *created = (bits & 1) != 0;
    *granted = (bits & 2) != 0;
    return rc;
}

const struct clientid__connected_app_ops clientid__sqlite_connected_app = {
    .insert = insert,
    .update = update,
    .secret = set_secret,
    .revoke = revoke,
    .find = find,
    .facts = facts,
    .each = each,
    .count = count_rows,
    .grant = grant,
    .ungrant = ungrant,
    .grants = grants,
    .holds = holds,
};
