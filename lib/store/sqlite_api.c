/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of API instances and groups, and of the terms that contracts accepted. */
#include "store/sqlite.h"

#include "base/str.h"

static int terms(clientid_store *store, uint64_t api_id, clientid_str text, uint64_t *terms_id,
                 clientid_error *error)
{
    static const char find[] = "SELECT id FROM terms WHERE api_id = ? AND text = ?";
    static const char insert[] = "INSERT INTO terms(api_id, text) VALUES(?, ?)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_number(
        s, find, CLIENTID__SQL_ARGS(clientid__sql_u64(api_id), clientid__sql_str(text)), terms_id,
        error);

    if (rc != CLIENTID_ERR_NOT_FOUND)
        return rc;
    rc = clientid__sqlite_run(
        s, insert, CLIENTID__SQL_ARGS(clientid__sql_u64(api_id), clientid__sql_str(text)), error);
    *terms_id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int set_terms(clientid_store *store, uint64_t id, clientid_str text, clientid_error *error)
{
    static const char update[] = "UPDATE api SET terms_id = ? WHERE id = ?";
    uint64_t terms_id = 0;
    int rc = text.len > 0 ? terms(store, id, text, &terms_id, error) : 0;

    if (rc != 0)
        return rc;
    return clientid__sqlite_run(
        clientid__sqlite_of(store), update,
        CLIENTID__SQL_ARGS(clientid__sql_ref(terms_id), clientid__sql_u64(id)), error);
}

static int insert(clientid_store *store, const clientid_api_record *record, uint64_t *id,
                  clientid_error *error)
{
    static const char text[] = "INSERT INTO api(id, kind, name, provider, asset, version,"
                               " created_ns, updated_ns) VALUES(?, ?, ?, ?, ?, ?, ?, ?)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_ref(record->id), clientid__sql_u64(record->kind),
                           clientid__sql_str(record->name), clientid__sql_str(record->provider),
                           clientid__sql_str(record->asset), clientid__sql_str(record->version),
                           clientid__sql_u64(record->created_ns),
                           clientid__sql_u64(record->updated_ns)),
        error);

    if (rc != 0)
        return rc;
    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return record->terms.len > 0 ? set_terms(store, *id, record->terms, error) : 0;
}

static int update(clientid_store *store, uint64_t id, const clientid_api_record *record,
                  unsigned fields, uint64_t now_ns, clientid_error *error)
{
    static const char text[] = "UPDATE api SET provider = coalesce(?2, provider),"
                               " asset = coalesce(?3, asset), version = coalesce(?4, version),"
                               " updated_ns = ?5 WHERE id = ?1";
    int rc = clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(
            clientid__sql_u64(id),
            clientid__sql_if(fields & CLIENTID_API_PROVIDER, clientid__sql_str(record->provider)),
            clientid__sql_if(fields & CLIENTID_API_ASSET, clientid__sql_str(record->asset)),
            clientid__sql_if(fields & CLIENTID_API_VERSION, clientid__sql_str(record->version)),
            clientid__sql_u64(now_ns)),
        error);

    if (rc == 0 && (fields & CLIENTID_API_TERMS))
        rc = set_terms(store, id, record->terms, error);
    return rc;
}

static int set_members(clientid_store *store, uint64_t id, const uint64_t *members, size_t count,
                       clientid_error *error)
{
    static const char clear[] = "DELETE FROM api_member WHERE group_id = ?";
    static const char text[] =
        "INSERT INTO api_member(group_id, position, member_id) VALUES(?, ?, ?)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(s, clear, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), error);

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = clientid__sqlite_run(s, text,
                                  CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_u64(i),
                                                     clientid__sql_u64(members[i])),
                                  error);
    return rc;
}

static int remove_row(clientid_store *store, uint64_t id, clientid_error *error)
{
    static const char text[] = "DELETE FROM api WHERE id = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(id)), error);
}

static int find(clientid_store *store, clientid_str name, uint64_t *id, clientid_error *error)
{
    static const char text[] = "SELECT id FROM api WHERE name = ?";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_str(name)), id, error);
}

static int facts(clientid_store *store, uint64_t id, struct clientid__api_facts *out,
                 clientid_error *error)
{
    static const char text[] =
        "SELECT id, terms_id, kind, name, provider,"
        " EXISTS(SELECT 1 FROM contract WHERE api_id = ?1),"
        " EXISTS(SELECT 1 FROM api_member WHERE member_id = ?1),"
        " EXISTS(SELECT 1 FROM tier WHERE api_id = ?1),"
        " EXISTS(SELECT 1 FROM tier WHERE api_id = ?1 AND status = 1) FROM api WHERE id = ?1";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    bool fits;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc <= 0)
        return rc == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
    *out = (struct clientid__api_facts){
        .id = clientid__column_u64(stmt, 0),
        .terms_id = clientid__column_u64(stmt, 1),
        .kind = clientid__column_u32(stmt, 2),
        .has_contract = sqlite3_column_int(stmt, 5) != 0,
        .in_group = sqlite3_column_int(stmt, 6) != 0,
        .has_tier = sqlite3_column_int(stmt, 7) != 0,
        .has_active_tier = sqlite3_column_int(stmt, 8) != 0,
    };
    fits = clientid__column_copy(stmt, 3, out->name, sizeof(out->name)) &&
           clientid__column_copy(stmt, 4, out->provider, sizeof(out->provider));
    sqlite3_reset(stmt);
    return fits ? 0 : clientid__sqlite_damaged(s, error, "an API has an overlong name");
}

static int emit_row(struct clientid__sqlite *s, sqlite3_stmt *stmt, clientid_api_fn *emit,
                    void *sink, clientid_error *error)
{
    static const char text[] = "SELECT a.name FROM api_member m JOIN api a ON a.id = m.member_id"
                               " WHERE m.group_id = ? ORDER BY m.position";
    struct clientid__names members = {NULL, 0, 0};
    clientid_api_record record = {
        .size = sizeof(record),
        .id = clientid__column_u64(stmt, 0),
        .kind = clientid__column_u32(stmt, 1),
        .name = clientid__column_str(stmt, 2),
        .provider = clientid__column_str(stmt, 3),
        .asset = clientid__column_str(stmt, 4),
        .version = clientid__column_str(stmt, 5),
        .terms = clientid__column_str(stmt, 6),
        .created_ns = clientid__column_u64(stmt, 7),
        .updated_ns = clientid__column_u64(stmt, 8),
    };
    int rc = 0;

    if (record.kind == CLIENTID_API_GROUP)
        rc = clientid__names_query(s, text, record.id, &members, error);
    record.members = members.list;
    record.member_count = (uint32_t)members.count;
    if (rc == 0)
        rc = emit(sink, &record);
    clientid__names_del(&members);
    return rc;
}

static int each(clientid_store *store, uint64_t id, clientid_api_fn *emit, void *sink,
                clientid_error *error)
{
    static const char text[] =
        "SELECT a.id, a.kind, a.name, a.provider, a.asset, a.version, coalesce(t.text, ''),"
        " a.created_ns, a.updated_ns FROM api a LEFT JOIN terms t ON t.id = a.terms_id"
        " WHERE a.id BETWEEN ?1 AND ?2 ORDER BY a.id";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    size_t seen = 0;
    int rc = clientid__sqlite_prepare(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_u64(id != 0 ? id : INT64_MAX)),
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

const struct clientid__api_ops clientid__sqlite_api = {
    .insert = insert,
    .update = update,
    .members = set_members,
    .delete = remove_row,
    .find = find,
    .facts = facts,
    .each = each,
    .terms = terms,
};
