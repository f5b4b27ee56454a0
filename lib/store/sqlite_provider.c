/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of providers and of the hooks that each is told by. */
#include "store/sqlite.h"

#include "base/str.h"

static int insert(clientid_store *store, const clientid_provider_record *record, uint64_t now_ns,
                  uint64_t *id, clientid_error *error)
{
    static const char text[] =
        "INSERT INTO provider(name, description, stage, type, created_ns, updated_ns)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?5)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_str(record->name), clientid__sql_str(record->description),
                           clientid__sql_str(record->stage), clientid__sql_u64(record->type),
                           clientid__sql_u64(now_ns)),
        error);

    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int update(clientid_store *store, uint64_t id, const clientid_provider_record *record,
                  uint64_t now_ns, clientid_error *error)
{
    static const char text[] = "UPDATE provider SET description = ?, stage = ?, type = ?,"
                               " updated_ns = ? WHERE id = ?";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_str(record->description), clientid__sql_str(record->stage),
                           clientid__sql_u64(record->type), clientid__sql_u64(now_ns),
                           clientid__sql_u64(id)),
        error);
}

static int set_hooks(clientid_store *store, uint64_t id, const uint64_t *hooks, size_t count,
                     clientid_error *error)
{
    static const char clear[] = "DELETE FROM provider_hook WHERE provider_id = ?";
    static const char add[] =
        "INSERT INTO provider_hook(provider_id, hook_id, position) VALUES(?, ?, ?)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(s, clear, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), error);

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = clientid__sqlite_run(s, add,
                                  CLIENTID__SQL_ARGS(clientid__sql_u64(id),
                                                     clientid__sql_u64(hooks[i]),
                                                     clientid__sql_u64(i)),
                                  error);
    return rc;
}

static int remove_row(clientid_store *store, uint64_t id, clientid_error *error)
{
    static const char text[] = "DELETE FROM provider WHERE id = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(id)), error);
}

static int facts_of(struct clientid__sqlite *s, const char *text, struct clientid__sql_arg arg,
                    struct clientid__provider_facts *out, clientid_error *error)
{
    sqlite3_stmt *stmt = NULL;
    bool fits;
    int rc = clientid__sqlite_prepare(s, text, &arg, 1, &stmt, error);

    *out = (struct clientid__provider_facts){.type = CLIENTID_PROVIDER_OWN};
    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc <= 0)
        return rc;
    out->id = clientid__column_u64(stmt, 0);
    out->type = clientid__column_u32(stmt, 1);
    fits = clientid__column_copy(stmt, 2, out->name, sizeof(out->name)) &&
           clientid__column_copy(stmt, 3, out->stage, sizeof(out->stage));
    sqlite3_reset(stmt);
    return fits ? 0 : clientid__sqlite_damaged(s, error, "a provider has an overlong name");
}

static int find(clientid_store *store, clientid_str name, struct clientid__provider_facts *out,
                clientid_error *error)
{
    static const char text[] = "SELECT id, type, name, stage FROM provider WHERE name = ?";

    return facts_of(clientid__sqlite_of(store), text, clientid__sql_str(name), out, error);
}

static int of_api(clientid_store *store, uint64_t api_id, struct clientid__provider_facts *out,
                  clientid_error *error)
{
    static const char text[] = "SELECT p.id, p.type, p.name, p.stage FROM api a"
                               " JOIN provider p ON p.name = a.provider WHERE a.id = ?";

    return facts_of(clientid__sqlite_of(store), text, clientid__sql_u64(api_id), out, error);
}

static int in_use(clientid_store *store, uint64_t id, bool *out, clientid_error *error)
{
    static const char text[] = "SELECT EXISTS(SELECT 1 FROM api a WHERE a.provider = p.name)"
                               " OR EXISTS(SELECT 1 FROM application a WHERE a.provider = p.name)"
                               " FROM provider p WHERE p.id = ?";
    uint64_t used = 0;
    int rc = clientid__sqlite_number(clientid__sqlite_of(store), text,
                                     CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &used, error);

    *out = used != 0;
    return rc;
}

static int hooks_of(struct clientid__sqlite *s, uint64_t id, uint64_t *out, uint32_t *count,
                    clientid_error *error)
{
    static const char text[] =
        "SELECT hook_id FROM provider_hook WHERE provider_id = ? ORDER BY position";
    sqlite3_stmt *stmt = NULL;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    *count = 0;
    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0)
        if (*count < CLIENTID_PROVIDER_HOOKS_MAX)
            out[(*count)++] = clientid__column_u64(stmt, 0);
    return rc;
}

static int emit_row(struct clientid__sqlite *s, sqlite3_stmt *stmt, clientid_provider_fn *emit,
                    void *sink, clientid_error *error)
{
    uint64_t hooks[CLIENTID_PROVIDER_HOOKS_MAX];
    clientid_provider_record record = {
        .size = sizeof(record),
        .id = clientid__column_u64(stmt, 0),
        .name = clientid__column_str(stmt, 1),
        .description = clientid__column_str(stmt, 2),
        .stage = clientid__column_str(stmt, 3),
        .type = clientid__column_u32(stmt, 4),
        .hooks = hooks,
        .created_ns = clientid__column_u64(stmt, 5),
        .updated_ns = clientid__column_u64(stmt, 6),
    };
    int rc = hooks_of(s, record.id, hooks, &record.hook_count, error);

    return rc != 0 ? rc : emit(sink, &record);
}

static int each(clientid_store *store, uint64_t id, clientid_provider_fn *emit, void *sink,
                clientid_error *error)
{
    static const char text[] =
        "SELECT id, name, description, stage, type, created_ns, updated_ns FROM provider"
        " WHERE ?1 = 0 OR id = ?1 ORDER BY id";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    size_t seen = 0;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

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

const struct clientid__provider_ops clientid__sqlite_provider = {
    .insert = insert,
    .update = update,
    .hooks = set_hooks,
    .delete = remove_row,
    .find = find,
    .of_api = of_api,
    .in_use = in_use,
    .each = each,
};
