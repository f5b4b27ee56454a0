/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of user requests, read with their states, and who asked. */
#include "store/sqlite.h"

#include "base/mem.h"
#include "base/str.h"

static int insert(clientid_store *store, uint32_t type, uint64_t application_id, clientid_str owner,
                  uint64_t now_ns, uint64_t *id, clientid_error *error)
{
    static const char text[] =
        "INSERT INTO user_request(type, application_id, owner, created_ns, updated_ns)"
        " VALUES(?1, ?2, ?3, ?4, ?4)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(type), clientid__sql_u64(application_id),
                           clientid__sql_str(owner), clientid__sql_u64(now_ns)),
        error);

    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int touch(clientid_store *store, uint64_t id, uint64_t now_ns, clientid_error *error)
{
    static const char text[] = "UPDATE user_request SET updated_ns = ? WHERE id = ?";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(now_ns), clientid__sql_u64(id)), error);
}

/* ---- read ------------------------------------------------------------------------------------ */

struct states {
    clientid_user_request_state *list;
    size_t count, capacity;
};

static int add_state(struct clientid__sqlite *s, sqlite3_stmt *stmt, struct states *states,
                     clientid_error *error)
{
    clientid_user_request_state *larger = clientid__grow(
        &clientid__malloc, states->list, states->count, &states->capacity, sizeof(*larger));
    clientid_user_request_state *state;

    if (larger == NULL)
        return clientid__sqlite_fail(s, SQLITE_NOMEM, error, "read");
    states->list = larger;
    state = &larger[states->count++];
    *state = (clientid_user_request_state){
        .event_id = clientid__column_u64(stmt, 0),
        .api_id = clientid__column_u64(stmt, 1),
        .status = clientid__column_u32(stmt, 2),
        .attempts = clientid__column_u32(stmt, 3),
        .updated_ns = clientid__column_u64(stmt, 5),
    };
    return clientid__column_copy(stmt, 4, state->detail, sizeof(state->detail))
               ? 0
               : clientid__sqlite_damaged(s, error, "an event has an overlong detail");
}

static int read_states(struct clientid__sqlite *s, uint64_t id, struct states *states,
                       clientid_error *error)
{
    static const char text[] = "SELECT id, api_id, status, attempts, detail, updated_ns"
                               " FROM gateway_event WHERE request_id = ? ORDER BY id";
    sqlite3_stmt *stmt = NULL;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    states->count = 0;
    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        rc = add_state(s, stmt, states, error);
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc;
}

static int emit_row(struct clientid__sqlite *s, sqlite3_stmt *stmt, struct states *states,
                    clientid_user_request_fn *emit, void *sink, clientid_error *error)
{
    clientid_user_request_record record = {
        .size = sizeof(record),
        .id = clientid__column_u64(stmt, 0),
        .application_id = clientid__column_u64(stmt, 1),
        .owner_id = clientid__column_u64(stmt, 2),
        .owner = clientid__column_str(stmt, 3),
        .type = clientid__column_u32(stmt, 4),
        .created_ns = clientid__column_u64(stmt, 5),
        .updated_ns = clientid__column_u64(stmt, 6),
    };
    int rc = read_states(s, record.id, states, error);

    record.states = states->list;
    record.state_count = states->count;
    return rc != 0 ? rc : emit(sink, &record);
}

#define SELECT_REQUEST                                                                             \
    "SELECT r.id, r.application_id, u.id, r.owner, r.type, r.created_ns, r.updated_ns"             \
    " FROM user_request r LEFT JOIN user u ON u.name = r.owner WHERE "

static int each(clientid_store *store, uint64_t id, uint64_t application_id, uint64_t after,
                uint64_t max, clientid_user_request_fn *emit, void *sink, clientid_error *error)
{
    static const char one[] = SELECT_REQUEST "r.id = ?1";
    static const char all[] = SELECT_REQUEST "r.id > ?2 ORDER BY r.id LIMIT ?3";
    static const char of_application[] =
        SELECT_REQUEST "r.application_id = ?1 AND r.id > ?2 ORDER BY r.id LIMIT ?3";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    struct states states = {NULL, 0, 0};
    const struct clientid__sql_arg args[] = {
        clientid__sql_u64(id != 0 ? id : application_id),
        clientid__sql_u64(after),
        clientid__sql_u64(max != 0 ? max : INT64_MAX),
    };
    sqlite3_stmt *stmt = NULL;
    size_t seen = 0;
    int rc = clientid__sqlite_prepare(s,
                                      id != 0               ? one
                                      : application_id != 0 ? of_application
                                                            : all,
                                      args, id != 0 ? 1 : 3, &stmt, error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        seen++;
        rc = emit_row(s, stmt, &states, emit, sink, error);
        if (rc != 0) {
            sqlite3_reset(stmt);
            break;
        }
    }
    clientid__free(&clientid__malloc, states.list);
    return rc == 0 && id != 0 && seen == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
}

static int deletion(clientid_store *store, uint64_t application_id, uint64_t *id,
                    clientid_error *error)
{
    static const char text[] =
        "SELECT id FROM user_request WHERE application_id = ? AND type = 5 LIMIT 1";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_u64(application_id)), id,
                                   error);
}

/* Without a row, what stands in |out| is the name alone. */
static int person(clientid_store *store, clientid_str name, struct clientid__person *out,
                  clientid_error *error)
{
    static const char text[] =
        "SELECT id, name, email, first_name, last_name FROM user WHERE name = ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    bool fits;
    int rc = clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_str(name)), &stmt,
                                      error);

    *out = (struct clientid__person){0};
    if (name.len > 0 && name.len < sizeof(out->name))
        memcpy(out->name, name.ptr, name.len);
    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc <= 0)
        return rc;
    out->id = clientid__column_u64(stmt, 0);
    fits = clientid__column_copy(stmt, 1, out->name, sizeof(out->name)) &&
           clientid__column_copy(stmt, 2, out->email, sizeof(out->email)) &&
           clientid__column_copy(stmt, 3, out->first_name, sizeof(out->first_name)) &&
           clientid__column_copy(stmt, 4, out->last_name, sizeof(out->last_name));
    sqlite3_reset(stmt);
    return fits ? 0 : clientid__sqlite_damaged(s, error, "a user has an overlong name");
}

const struct clientid__user_request_ops clientid__sqlite_user_request = {
    .insert = insert,
    .touch = touch,
    .each = each,
    .deletion = deletion,
    .person = person,
};
