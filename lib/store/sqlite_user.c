/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of users. */
#include "store/sqlite.h"

#include "base/str.h"

static int insert(clientid_store *store, const clientid_user_record *record, clientid_str password,
                  uint64_t *id, clientid_error *error)
{
    static const char text[] =
        "INSERT INTO user(name, email, first_name, last_name, role, identity, enabled, password,"
        " created_ns, updated_ns) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_str(record->name), clientid__sql_str(record->email),
                           clientid__sql_str(record->first_name),
                           clientid__sql_str(record->last_name), clientid__sql_u64(record->role),
                           clientid__sql_u64(record->identity), clientid__sql_u64(record->enabled),
                           clientid__sql_str(password), clientid__sql_u64(record->created_ns),
                           clientid__sql_u64(record->updated_ns)),
        error);

    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int update(clientid_store *store, uint64_t id, const clientid_user_record *record,
                  unsigned fields, uint64_t now_ns, clientid_error *error)
{
    static const char text[] =
        "UPDATE user SET email = coalesce(?2, email), first_name = coalesce(?3, first_name),"
        " last_name = coalesce(?4, last_name), role = coalesce(?5, role),"
        " enabled = coalesce(?6, enabled), updated_ns = ?7 WHERE id = ?1";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(
            clientid__sql_u64(id),
            clientid__sql_if(fields & CLIENTID_USER_EMAIL, clientid__sql_str(record->email)),
            clientid__sql_if(fields & CLIENTID_USER_FIRST_NAME,
                             clientid__sql_str(record->first_name)),
            clientid__sql_if(fields & CLIENTID_USER_LAST_NAME,
                             clientid__sql_str(record->last_name)),
            clientid__sql_if(fields & CLIENTID_USER_ROLE, clientid__sql_u64(record->role)),
            clientid__sql_if(fields & CLIENTID_USER_ENABLED, clientid__sql_u64(record->enabled)),
            clientid__sql_u64(now_ns)),
        error);
}

static int set_password(clientid_store *store, uint64_t id, clientid_str password, uint64_t now_ns,
                        clientid_error *error)
{
    static const char text[] = "UPDATE user SET password = ?, updated_ns = ? WHERE id = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_str(password),
                                                   clientid__sql_u64(now_ns),
                                                   clientid__sql_u64(id)),
                                error);
}

static int remove_row(clientid_store *store, uint64_t id, clientid_error *error)
{
    static const char text[] = "DELETE FROM user WHERE id = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(id)), error);
}

static int find(clientid_store *store, clientid_str name, uint64_t *id, clientid_error *error)
{
    static const char text[] = "SELECT id FROM user WHERE name = ?";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_str(name)), id, error);
}

static int facts(clientid_store *store, uint64_t id, struct clientid__user_facts *out,
                 clientid_error *error)
{
    static const char text[] =
        "SELECT id, role, identity, enabled, name, password FROM user WHERE id = ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    bool fits;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc <= 0)
        return rc == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
    *out = (struct clientid__user_facts){
        .id = clientid__column_u64(stmt, 0),
        .role = clientid__column_u32(stmt, 1),
        .identity = clientid__column_u32(stmt, 2),
        .enabled = clientid__column_u32(stmt, 3),
    };
    fits = clientid__column_copy(stmt, 4, out->name, sizeof(out->name)) &&
           clientid__column_copy(stmt, 5, out->password, sizeof(out->password));
    sqlite3_reset(stmt);
    return fits ? 0 : clientid__sqlite_damaged(s, error, "a user has an overlong name");
}

static int each(clientid_store *store, uint64_t id, uint64_t after_id, uint64_t max,
                clientid_user_fn *emit, void *sink, clientid_error *error)
{
    static const char text[] =
        "SELECT id, name, email, first_name, last_name, role, identity, enabled, created_ns,"
        " updated_ns FROM user WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    size_t seen = 0;
    sqlite3_stmt *stmt = NULL;
    int rc =
        clientid__sqlite_prepare(s, text,
                                 CLIENTID__SQL_ARGS(clientid__sql_u64(id != 0 ? id - 1 : after_id),
                                                    clientid__sql_u64(id != 0 ? id : INT64_MAX),
                                                    clientid__sql_u64(max != 0 ? max : INT64_MAX)),
                                 &stmt, error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        clientid_user_record record = {
            .size = sizeof(record),
            .id = clientid__column_u64(stmt, 0),
            .name = clientid__column_str(stmt, 1),
            .email = clientid__column_str(stmt, 2),
            .first_name = clientid__column_str(stmt, 3),
            .last_name = clientid__column_str(stmt, 4),
            .role = clientid__column_u32(stmt, 5),
            .identity = clientid__column_u32(stmt, 6),
            .enabled = clientid__column_u32(stmt, 7),
            .created_ns = clientid__column_u64(stmt, 8),
            .updated_ns = clientid__column_u64(stmt, 9),
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

static int administrators(clientid_store *store, uint64_t *count, clientid_error *error)
{
    static const char text[] = "SELECT count(*) FROM user WHERE role = ? AND enabled = 1";

    return clientid__sqlite_number(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(CLIENTID_ROLE_ADMINISTRATOR)), count, error);
}

static int connected_apps(clientid_store *store, uint64_t id, uint64_t *count,
                          clientid_error *error)
{
    static const char text[] =
        "SELECT count(*) FROM connected_app WHERE owner_id = ? AND revoked_ns = 0";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_u64(id)), count, error);
}

static int owned(clientid_store *store, clientid_str name, uint64_t *count, clientid_error *error)
{
    static const char text[] = "SELECT (SELECT count(*) FROM owner WHERE name = ?1)"
                               " + (SELECT count(*) FROM api_owner WHERE name = ?1)";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_str(name)), count, error);
}

const struct clientid__user_ops clientid__sqlite_user = {
    .insert = insert,
    .update = update,
    .password = set_password,
    .delete = remove_row,
    .find = find,
    .facts = facts,
    .each = each,
    .administrators = administrators,
    .connected_apps = connected_apps,
    .owned = owned,
};
