/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of webhooks; their passwords are sealed before they come here. */
#include "store/sqlite.h"

#include "base/str.h"

static int save(clientid_store *store, const clientid_hook_record *record, uint64_t now_ns,
                uint64_t *id, clientid_error *error)
{
    static const char make[] =
        "INSERT INTO hook(url, provider_type, subscriptions, authentication, username, file_id,"
        " password, created_ns, updated_ns) VALUES(?1, ?2, ?3, ?4, ?5, ?6, x'', ?7, ?7)";
    static const char change[] =
        "UPDATE hook SET url = ?1, provider_type = ?2, subscriptions = ?3, authentication = ?4,"
        " username = ?5, file_id = ?6, updated_ns = ?7 WHERE id = ?8";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    const struct clientid__sql_arg args[] = {
        clientid__sql_str(record->url),
        clientid__sql_u64(record->provider_type),
        clientid__sql_u64(record->subscriptions),
        clientid__sql_u64(record->authentication),
        clientid__sql_str(record->username),
        clientid__sql_str(record->file_id),
        clientid__sql_u64(now_ns),
        clientid__sql_u64(*id),
    };
    int rc;

    if (*id != 0)
        return clientid__sqlite_run(s, change, args, 8, error);
    rc = clientid__sqlite_run(s, make, args, 7, error);
    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int set_password(clientid_store *store, uint64_t id, clientid_str sealed,
                        clientid_error *error)
{
    static const char text[] = "UPDATE hook SET password = ? WHERE id = ?";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_blob(sealed.ptr, sealed.len), clientid__sql_u64(id)),
        error);
}

static int remove_row(clientid_store *store, uint64_t id, clientid_error *error)
{
    static const char text[] = "DELETE FROM hook WHERE id = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(id)), error);
}

static int each(clientid_store *store, uint64_t id, clientid_hook_fn *emit, void *sink,
                clientid_error *error)
{
    static const char text[] =
        "SELECT id, url, provider_type, subscriptions, authentication, username, file_id,"
        " created_ns, updated_ns FROM hook WHERE ?1 = 0 OR id = ?1 ORDER BY id";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    size_t seen = 0;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        clientid_hook_record record = {
            .size = sizeof(record),
            .id = clientid__column_u64(stmt, 0),
            .url = clientid__column_str(stmt, 1),
            .provider_type = clientid__column_u32(stmt, 2),
            .subscriptions = clientid__column_u32(stmt, 3),
            .authentication = clientid__column_u32(stmt, 4),
            .username = clientid__column_str(stmt, 5),
            .file_id = clientid__column_str(stmt, 6),
            .created_ns = clientid__column_u64(stmt, 7),
            .updated_ns = clientid__column_u64(stmt, 8),
        };

        seen++;
        rc = emit(sink, &record);
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc == 0 && id != 0 && seen == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
}

static int takers(clientid_store *store, uint64_t provider_id, uint32_t subscription, uint64_t *ids,
                  size_t max, size_t *count, clientid_error *error)
{
    static const char text[] =
        "SELECT h.id, p.position FROM hook h"
        " LEFT JOIN provider_hook p ON p.hook_id = h.id AND p.provider_id = ?1"
        " WHERE (p.hook_id IS NOT NULL OR h.provider_type = 0) AND (h.subscriptions & ?2) != 0"
        " ORDER BY p.position IS NULL, p.position, h.id LIMIT ?3";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(s, text,
                                      CLIENTID__SQL_ARGS(clientid__sql_u64(provider_id),
                                                         clientid__sql_u64(subscription),
                                                         clientid__sql_u64(max)),
                                      &stmt, error);

    *count = 0;
    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0)
        ids[(*count)++] = clientid__column_u64(stmt, 0);
    return rc;
}

const struct clientid__hook_ops clientid__sqlite_hook = {
    .save = save,
    .set_password = set_password,
    .delete = remove_row,
    .each = each,
    .takers = takers,
};
