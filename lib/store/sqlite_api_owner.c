/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of owners of API instances. */
#include "store/sqlite.h"

#include "base/str.h"

static int insert(clientid_store *store, uint64_t api_id, clientid_str name, clientid_error *error)
{
    static const char text[] = "INSERT INTO api_owner(api_id, name) VALUES(?, ?)";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(api_id), clientid__sql_str(name)), error);
}

static int remove_row(clientid_store *store, uint64_t api_id, clientid_str name,
                      clientid_error *error)
{
    static const char text[] = "DELETE FROM api_owner WHERE api_id = ? AND name = ?";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(api_id), clientid__sql_str(name)), error);
}

static int has(clientid_store *store, uint64_t api_id, clientid_str name, bool *found,
               clientid_error *error)
{
    static const char text[] = "SELECT count(*) FROM api_owner WHERE api_id = ? AND name = ?";
    uint64_t count = 0;
    int rc = clientid__sqlite_number(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(api_id), clientid__sql_str(name)), &count, error);

    *found = count != 0;
    return rc;
}

static int each(clientid_store *store, uint64_t api_id, clientid_name_fn *emit, void *sink,
                clientid_error *error)
{
    static const char text[] = "SELECT name FROM api_owner WHERE api_id = ? ORDER BY name";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(api_id)), &stmt,
                                      error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        rc = emit(sink, clientid__column_str(stmt, 0));
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc;
}

const struct clientid__api_owner_ops clientid__sqlite_api_owner = {insert, remove_row, has, each};
