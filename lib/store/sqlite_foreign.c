/* SPDX-License-Identifier: Apache-2.0 */
/* What another portal's applications are here, and what it was answered. */
#include "store/sqlite.h"

#include "base/str.h"

static int application(clientid_store *store, clientid_str reference, uint64_t *id,
                       clientid_error *error)
{
    static const char text[] = "SELECT application_id FROM foreign_application WHERE reference = ?";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_str(reference)), id, error);
}

static int add_application(clientid_store *store, clientid_str reference, uint64_t id,
                           clientid_error *error)
{
    static const char text[] =
        "INSERT INTO foreign_application(reference, application_id) VALUES(?, ?)";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_str(reference), clientid__sql_u64(id)), error);
}

static int event(clientid_store *store, clientid_str reference, uint64_t *id, clientid_error *error)
{
    static const char text[] = "SELECT id FROM foreign_event WHERE event = ?";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_str(reference)), id, error);
}

static int add_event(clientid_store *store, clientid_str reference, clientid_str application_ref,
                     uint64_t now_ns, uint64_t *id, clientid_error *error)
{
    static const char text[] =
        "INSERT INTO foreign_event(event, application, answer, created_ns) VALUES(?, ?, x'', ?)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(s, text,
                                  CLIENTID__SQL_ARGS(clientid__sql_str(reference),
                                                     clientid__sql_str(application_ref),
                                                     clientid__sql_u64(now_ns)),
                                  error);

    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int set_answer(clientid_store *store, uint64_t id, clientid_str sealed,
                      clientid_error *error)
{
    static const char text[] = "UPDATE foreign_event SET answer = ? WHERE id = ?";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_blob(sealed.ptr, sealed.len), clientid__sql_u64(id)),
        error);
}

static int waits(clientid_store *store, uint64_t id, uint64_t *count, clientid_error *error)
{
    static const char text[] = "SELECT count(*) FROM outbox WHERE foreign_id = ?";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_u64(id)), count, error);
}

const struct clientid__foreign_ops clientid__sqlite_foreign = {
    .application = application,
    .add_application = add_application,
    .event = event,
    .add_event = add_event,
    .set_answer = set_answer,
    .waits = waits,
};
