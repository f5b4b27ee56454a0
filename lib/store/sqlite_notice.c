/* SPDX-License-Identifier: Apache-2.0 */
/* Whether notices are written, and whom they go to. */
#include "store/sqlite.h"

#include "base/str.h"

static int get(clientid_store *store, bool *enabled, clientid_error *error)
{
    static const char text[] = "SELECT notices FROM meta";
    uint64_t number = 0;
    int rc = clientid__sqlite_number(clientid__sqlite_of(store), text, NULL, 0, &number, error);

    *enabled = number != 0;
    return rc;
}

static int set(clientid_store *store, bool enabled, clientid_error *error)
{
    static const char text[] = "UPDATE meta SET notices = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(enabled)), error);
}

static int addresses(struct clientid__sqlite *s, const char *text, uint64_t id, size_t *seen,
                     clientid__address_fn *emit, void *sink, clientid_error *error)
{
    sqlite3_stmt *stmt = NULL;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        ++*seen;
        rc = emit(sink, clientid__column_str(stmt, 0));
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc;
}

static int of_api(clientid_store *store, uint64_t api_id, clientid__address_fn *emit, void *sink,
                  clientid_error *error)
{
    static const char owners[] =
        "SELECT DISTINCT u.email FROM api_owner o JOIN user u ON u.name = o.name"
        " WHERE o.api_id = ? AND u.enabled AND u.email != '' ORDER BY u.email";
    static const char administrators[] =
        "SELECT DISTINCT email FROM user WHERE ?1 = ?1 AND role = 1 AND enabled AND email != ''"
        " ORDER BY email";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    size_t seen = 0;
    int rc = addresses(s, owners, api_id, &seen, emit, sink, error);

    if (rc == 0 && seen == 0)
        rc = addresses(s, administrators, api_id, &seen, emit, sink, error);
    return rc;
}

static int of_application(clientid_store *store, uint64_t application_id,
                          clientid__address_fn *emit, void *sink, clientid_error *error)
{
    static const char text[] =
        "SELECT DISTINCT coalesce(u.email, o.name) AS address FROM owner o"
        " LEFT JOIN user u ON u.name = o.name WHERE o.application_id = ?"
        " AND coalesce(u.enabled, 1) AND instr(coalesce(u.email, o.name), '@') > 0"
        " ORDER BY address";
    size_t seen = 0;

    return addresses(clientid__sqlite_of(store), text, application_id, &seen, emit, sink, error);
}

const struct clientid__notice_ops clientid__sqlite_notice = {get, set, of_api, of_application};
