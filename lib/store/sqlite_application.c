/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of applications with both secret slots, and of their owners. */
#include "store/sqlite.h"

#include "base/mem.h"
#include "base/str.h"

/* Lists are kept as lines of text: no element contains a control character. */
#define LIST_BYTES (CLIENTID_APPLICATION_LIST_MAX * (CLIENTID_URI_MAX + 1))

static clientid_str join(const clientid_str *list, size_t count, char *out)
{
    size_t used = 0;

    for (size_t i = 0; i < count && i < CLIENTID_APPLICATION_LIST_MAX; i++) {
        if (i > 0)
            out[used++] = '\n';
        memcpy(out + used, list[i].ptr, list[i].len);
        used += list[i].len;
    }
    return clientid__str(out, used);
}

static uint32_t split(clientid_str lines, clientid_str *list)
{
    uint32_t count = 0;

    while (lines.len > 0 && count < CLIENTID_APPLICATION_LIST_MAX) {
        const char *end = memchr(lines.ptr, '\n', lines.len);
        size_t len = end != NULL ? (size_t)(end - lines.ptr) : lines.len;

        list[count++] = clientid__str(lines.ptr, len);
        len += end != NULL;
        lines = clientid__str(lines.ptr + len, lines.len - len);
    }
    return count;
}

/* ---- applications ---------------------------------------------------------------------------- */

struct lists {
    char redirect_uris[LIST_BYTES];
    char grant_types[LIST_BYTES];
};

static struct clientid__sql_arg hash_of(const clientid_secret *slot)
{
    return clientid__sql_if(slot->algorithm != CLIENTID_SECRET_NONE,
                            clientid__sql_blob(slot->hash, sizeof(slot->hash)));
}

static struct clientid__sql_arg salt_of(const clientid_secret slots[2])
{
    const clientid_secret *slot = &slots[slots[0].algorithm == CLIENTID_SECRET_NONE];

    return clientid__sql_blob(slot->salt, slot->salt_len);
}

#define SLOT_ARGS(slot)                                                                            \
    clientid__sql_u64((slot).algorithm), clientid__sql_u64((slot).pepper_id), hash_of(&(slot)),    \
        clientid__sql_u64((slot).not_before_ns), clientid__sql_u64((slot).not_after_ns)

static int insert_row(struct clientid__sqlite *s, const clientid_application_record *record,
                      clientid_str redirect_uris, clientid_str grant_types, clientid_error *error)
{
    static const char text[] =
        "INSERT INTO application(id, client_id, name, salt, algorithm1, pepper1, hash1,"
        " not_before1, not_after1, algorithm2, pepper2, hash2, not_before2, not_after2,"
        " newest_slot, provider, description, url, redirect_uris, grant_types, api_endpoints,"
        " created_ns, updated_ns)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    return clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(
            clientid__sql_ref(record->id), clientid__sql_str(record->client_id),
            clientid__sql_str(record->name), salt_of(record->secrets),
            SLOT_ARGS(record->secrets[0]), SLOT_ARGS(record->secrets[1]),
            clientid__sql_u64(record->newest_slot), clientid__sql_str(record->provider),
            clientid__sql_str(record->description), clientid__sql_str(record->url),
            clientid__sql_str(redirect_uris), clientid__sql_str(grant_types),
            clientid__sql_u64(record->api_endpoints), clientid__sql_u64(record->created_ns),
            clientid__sql_u64(record->updated_ns)),
        error);
}

static int insert(clientid_store *store, const clientid_application_record *record, uint64_t *id,
                  clientid_error *error)
{
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    struct lists *lists = NULL;
    clientid_str redirect_uris = {NULL, 0}, grant_types = {NULL, 0};
    int rc;

    if (record->redirect_uri_count > 0 || record->grant_type_count > 0) {
        lists = clientid__alloc(&clientid__malloc, 1, sizeof(*lists));
        if (lists == NULL)
            return clientid__sqlite_fail(s, SQLITE_NOMEM, error, "write");
        redirect_uris =
            join(record->redirect_uris, record->redirect_uri_count, lists->redirect_uris);
        grant_types = join(record->grant_types, record->grant_type_count, lists->grant_types);
    }
    rc = insert_row(s, record, redirect_uris, grant_types, error);
    clientid__free(&clientid__malloc, lists);
    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int update(clientid_store *store, uint64_t id, const clientid_application_record *record,
                  unsigned fields, uint64_t now_ns, clientid_error *error)
{
    static const char text[] =
        "UPDATE application SET name = coalesce(?2, name),"
        " description = coalesce(?3, description), url = coalesce(?4, url),"
        " provider = coalesce(?5, provider), redirect_uris = coalesce(?6, redirect_uris),"
        " grant_types = coalesce(?7, grant_types), api_endpoints = coalesce(?8, api_endpoints),"
        " updated_ns = ?9 WHERE id = ?1";
    const unsigned uris = fields & CLIENTID_APPLICATION_REDIRECT_URIS;
    const unsigned grants = fields & CLIENTID_APPLICATION_GRANT_TYPES;
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    struct lists *lists = clientid__alloc(&clientid__malloc, 1, sizeof(*lists));
    int rc;

    if (lists == NULL)
        return clientid__sqlite_fail(s, SQLITE_NOMEM, error, "write");
    rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(
            clientid__sql_u64(id),
            clientid__sql_if(fields & CLIENTID_APPLICATION_NAME, clientid__sql_str(record->name)),
            clientid__sql_if(fields & CLIENTID_APPLICATION_DESCRIPTION,
                             clientid__sql_str(record->description)),
            clientid__sql_if(fields & CLIENTID_APPLICATION_URL, clientid__sql_str(record->url)),
            clientid__sql_if(fields & CLIENTID_APPLICATION_PROVIDER,
                             clientid__sql_str(record->provider)),
            clientid__sql_if(uris, clientid__sql_str(join(record->redirect_uris,
                                                          uris ? record->redirect_uri_count : 0,
                                                          lists->redirect_uris))),
            clientid__sql_if(grants, clientid__sql_str(join(record->grant_types,
                                                            grants ? record->grant_type_count : 0,
                                                            lists->grant_types))),
            clientid__sql_if(fields & CLIENTID_APPLICATION_API_ENDPOINTS,
                             clientid__sql_u64(record->api_endpoints)),
            clientid__sql_u64(now_ns)),
        error);
    clientid__free(&clientid__malloc, lists);
    return rc;
}

static int set_secrets(clientid_store *store, uint64_t id, const clientid_secret secrets[2],
                       uint32_t newest_slot, uint64_t now_ns, clientid_error *error)
{
    static const char text[] =
        "UPDATE application SET salt = ?, algorithm1 = ?, pepper1 = ?, hash1 = ?, not_before1 = ?,"
        " not_after1 = ?, algorithm2 = ?, pepper2 = ?, hash2 = ?, not_before2 = ?, not_after2 = ?,"
        " newest_slot = ?, updated_ns = ? WHERE id = ?";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(salt_of(secrets), SLOT_ARGS(secrets[0]), SLOT_ARGS(secrets[1]),
                           clientid__sql_u64(newest_slot), clientid__sql_u64(now_ns),
                           clientid__sql_u64(id)),
        error);
}

static int remove_row(clientid_store *store, uint64_t id, clientid_error *error)
{
    static const char text[] = "DELETE FROM application WHERE id = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(id)), error);
}

static int find(clientid_store *store, clientid_str client_id, uint64_t *id, clientid_error *error)
{
    static const char text[] = "SELECT id FROM application WHERE client_id = ?";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_str(client_id)), id, error);
}

static int facts(clientid_store *store, uint64_t id, struct clientid__application_facts *out,
                 clientid_error *error)
{
    static const char text[] =
        "SELECT p.id, p.newest_slot, p.client_id, p.provider,"
        " EXISTS(SELECT 1 FROM contract WHERE application_id = ?1),"
        " EXISTS(SELECT 1 FROM contract WHERE application_id = ?1 AND status = 2),"
        " " CLIENTID__SECRET_COLUMNS " FROM application p WHERE p.id = ?1";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    bool whole;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc <= 0)
        return rc == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
    *out = (struct clientid__application_facts){
        .id = clientid__column_u64(stmt, 0),
        .newest_slot = clientid__column_u32(stmt, 1),
        .has_contract = sqlite3_column_int(stmt, 4) != 0,
        .has_approved = sqlite3_column_int(stmt, 5) != 0,
    };
    whole = clientid__column_copy(stmt, 2, out->client_id, sizeof(out->client_id)) &&
            clientid__column_copy(stmt, 3, out->provider, sizeof(out->provider)) &&
            clientid__column_secrets(stmt, 6, out->secrets);
    sqlite3_reset(stmt);
    return whole ? 0 : clientid__sqlite_damaged(s, error, "an application has an invalid value");
}

static int emit_row(struct clientid__sqlite *s, sqlite3_stmt *stmt, clientid_application_fn *emit,
                    void *sink, clientid_error *error)
{
    static const char text[] = "SELECT name FROM owner WHERE application_id = ? ORDER BY name";
    clientid_str redirect_uris[CLIENTID_APPLICATION_LIST_MAX];
    clientid_str grant_types[CLIENTID_APPLICATION_LIST_MAX];
    struct clientid__names owners = {NULL, 0, 0};
    clientid_application_record record = {
        .size = sizeof(record),
        .id = clientid__column_u64(stmt, 0),
        .client_id = clientid__column_str(stmt, 1),
        .name = clientid__column_str(stmt, 2),
        .newest_slot = clientid__column_u32(stmt, 3),
        .provider = clientid__column_str(stmt, 4),
        .description = clientid__column_str(stmt, 5),
        .url = clientid__column_str(stmt, 6),
        .redirect_uris = redirect_uris,
        .redirect_uri_count = split(clientid__column_str(stmt, 7), redirect_uris),
        .grant_types = grant_types,
        .grant_type_count = split(clientid__column_str(stmt, 8), grant_types),
        .api_endpoints = clientid__column_u32(stmt, 9),
        .created_ns = clientid__column_u64(stmt, 10),
        .updated_ns = clientid__column_u64(stmt, 11),
        .contract_count = clientid__column_u32(stmt, 12),
    };
    int rc;

    if (!clientid__column_secrets(stmt, 13, record.secrets))
        return clientid__sqlite_damaged(s, error, "a secret has an invalid value");
    rc = clientid__names_query(s, text, record.id, &owners, error);
    record.owners = owners.list;
    record.owner_count = (uint32_t)owners.count;
    if (rc == 0)
        rc = emit(sink, &record);
    clientid__names_del(&owners);
    return rc;
}

#define APPLICATION_COLUMNS                                                                        \
    "SELECT p.id, p.client_id, p.name, p.newest_slot, p.provider, p.description, p.url,"           \
    " p.redirect_uris, p.grant_types, p.api_endpoints, p.created_ns, p.updated_ns,"                \
    " (SELECT count(*) FROM contract WHERE application_id = p.id), " CLIENTID__SECRET_COLUMNS

static int rows(struct clientid__sqlite *s, const char *text, const struct clientid__sql_arg *args,
                size_t count, clientid_application_fn *emit, void *sink, size_t *seen,
                clientid_error *error)
{
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(s, text, args, count, &stmt, error);

    *seen = 0;
    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        ++*seen;
        rc = emit_row(s, stmt, emit, sink, error);
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc;
}

/* ---- lists ----------------------------------------------------------------------------------- */

/*
 * ?1 after, ?2 limit, ?3 offset; the filter: ?4 name, ?5 owner, ?6 text, ?7 Connected App; who looks: ?8 an owner, or ?9 a Connected
 * App that was granted and ?10 that created.  lower() knows ASCII only.
 */
#define GRANTED(app)                                                                               \
    "EXISTS(SELECT 1 FROM connected_app_grant WHERE connected_app_id = " app                       \
    " AND application_id = p.id)"
#define OWNED(name) "EXISTS(SELECT 1 FROM owner WHERE application_id = p.id AND name = " name ")"
#define FILTER                                                                                     \
    " (?4 = '' OR p.name = ?4) AND (?5 = '' OR " OWNED(                                            \
        "?5") ")"                                                                                  \
              " AND (?6 = '' OR instr(lower(p.name), lower(?6)) > 0)"                              \
              " AND (?7 = 0 OR p.created_by = ?7 OR " GRANTED(                                     \
                  "?7") ")"                                                                        \
                        " AND (?8 = '' OR " OWNED(                                                 \
                            "?8") ")"                                                              \
                                  " AND (?9 = 0 OR p.created_by = ?10 OR " GRANTED("?9") ")"
/* The condition that leaves the fewest, said again for the index that it has. */
#define ALL   " FROM application p WHERE" FILTER
#define NAMED " FROM application p WHERE p.name = ?4 AND" FILTER
#define WITH_OWNER                                                                                 \
    " FROM application p WHERE p.id IN (SELECT application_id FROM owner WHERE name = ?5) "        \
    "AND" FILTER
#define OF_OWNER                                                                                   \
    " FROM application p WHERE p.id IN (SELECT application_id FROM owner WHERE name = ?8) "        \
    "AND" FILTER
#define WITH_APP                                                                                   \
    " FROM application p WHERE p.id IN (SELECT id FROM application WHERE created_by = ?7 UNION"    \
    " SELECT application_id FROM connected_app_grant WHERE connected_app_id = ?7) AND" FILTER
#define OF_APP                                                                                     \
    " FROM application p WHERE p.id IN (SELECT id FROM application WHERE created_by = ?10 UNION"   \
    " SELECT application_id FROM connected_app_grant WHERE connected_app_id = ?9) AND" FILTER
#define PAGE " AND p.id > ?1 ORDER BY p.id LIMIT ?2 OFFSET ?3"

enum { LIST, COUNT };

static const char *statement(const clientid_application_filter *filter,
                             const struct clientid__viewer *viewer, int what)
{
#define TEXTS(from)                                                                                \
    {                                                                                              \
        APPLICATION_COLUMNS from PAGE, "SELECT count(*)" from                                      \
    }
    static const char all[2][2000] = TEXTS(ALL), named[2][2000] = TEXTS(NAMED),
                      with_owner[2][2000] = TEXTS(WITH_OWNER), of_owner[2][2000] = TEXTS(OF_OWNER),
                      with_app[2][2000] = TEXTS(WITH_APP), of_app[2][2000] = TEXTS(OF_APP);
#undef TEXTS

    if (viewer != NULL && viewer->connected_app_id != 0)
        return of_app[what];
    if (viewer != NULL)
        return of_owner[what];
    if (filter->owner.len > 0)
        return with_owner[what];
    if (filter->connected_app_id != 0)
        return with_app[what];
    return filter->name.len > 0 ? named[what] : all[what];
}

#define FILTER_ARGS 10

static void filter_args(const clientid_application_filter *filter,
                        const struct clientid__viewer *viewer,
                        struct clientid__sql_arg out[FILTER_ARGS])
{
    static const struct clientid__viewer anybody = {.owner = {NULL, 0}};

    if (viewer == NULL)
        viewer = &anybody;
    out[0] = clientid__sql_u64(filter->after_id);
    out[1] = clientid__sql_u64(filter->max != 0 ? filter->max : INT64_MAX);
    out[2] = clientid__sql_u64(filter->offset);
    out[3] = clientid__sql_str(filter->name);
    out[4] = clientid__sql_str(filter->owner);
    out[5] = clientid__sql_str(filter->text);
    out[6] = clientid__sql_u64(filter->connected_app_id);
    out[7] = clientid__sql_str(viewer->owner);
    out[8] = clientid__sql_u64(viewer->connected_app_id);
    out[9] = clientid__sql_u64(viewer->creator_id);
}

static int list(clientid_store *store, const clientid_application_filter *filter,
                const struct clientid__viewer *viewer, clientid_application_fn *emit, void *sink,
                clientid_error *error)
{
    struct clientid__sql_arg args[FILTER_ARGS];
    size_t seen;

    filter_args(filter, viewer, args);
    return rows(clientid__sqlite_of(store), statement(filter, viewer, LIST), args, FILTER_ARGS,
                emit, sink, &seen, error);
}

static int count_rows(clientid_store *store, const clientid_application_filter *filter,
                      const struct clientid__viewer *viewer, uint64_t *count, clientid_error *error)
{
    static const char all[] = "SELECT count FROM total WHERE kind = 3";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    struct clientid__sql_arg args[FILTER_ARGS];

    if (viewer == NULL && filter->name.len == 0 && filter->owner.len == 0 &&
        filter->text.len == 0 && filter->connected_app_id == 0)
        return clientid__sqlite_number(s, all, NULL, 0, count, error);
    filter_args(filter, viewer, args);
    return clientid__sqlite_number(s, statement(filter, viewer, COUNT), args, FILTER_ARGS, count,
                                   error);
}

static int each(clientid_store *store, uint64_t id, const clientid_application_filter *filter,
                clientid_application_fn *emit, void *sink, clientid_error *error)
{
    static const char one[] = APPLICATION_COLUMNS " FROM application p WHERE p.id = ?";
    size_t seen;
    int rc;

    if (id == 0)
        return list(store, filter, NULL, emit, sink, error);
    rc = rows(clientid__sqlite_of(store), one, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), emit,
              sink, &seen, error);
    return rc == 0 && seen == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
}

static int created_by(clientid_store *store, uint64_t id, uint64_t connected_app_id,
                      clientid_error *error)
{
    static const char text[] = "UPDATE application SET created_by = ? WHERE id = ?";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(connected_app_id), clientid__sql_u64(id)), error);
}

static int ids(clientid_store *store, uint64_t after, uint64_t *out, size_t max, size_t *count,
               clientid_error *error)
{
    static const char text[] = "SELECT id FROM application WHERE id > ? ORDER BY id LIMIT ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(
        s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(after), clientid__sql_u64(max)), &stmt,
        error);

    *count = 0;
    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0)
        out[(*count)++] = clientid__column_u64(stmt, 0);
    return rc;
}

const struct clientid__application_ops clientid__sqlite_application = {
    .insert = insert,
    .update = update,
    .secrets = set_secrets,
    .delete = remove_row,
    .find = find,
    .facts = facts,
    .each = each,
    .list = list,
    .count = count_rows,
    .created_by = created_by,
    .ids = ids,
};

/* ---- owners ---------------------------------------------------------------------------------- */

static int owner_insert(clientid_store *store, uint64_t id, clientid_str name,
                        clientid_error *error)
{
    static const char text[] = "INSERT INTO owner(application_id, name) VALUES(?, ?)";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_str(name)),
                                error);
}

static int owner_delete(clientid_store *store, uint64_t id, clientid_str name,
                        clientid_error *error)
{
    static const char text[] = "DELETE FROM owner WHERE application_id = ? AND name = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_str(name)),
                                error);
}

static int owner_count(clientid_store *store, uint64_t id, clientid_str name, size_t *count,
                       bool *found, clientid_error *error)
{
    static const char text[] = "SELECT count(*), coalesce(sum(name = ?2), 0) FROM owner"
                               " WHERE application_id = ?1";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(
        s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_str(name)), &stmt, error);

    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc < 0)
        return rc;
    *count = (size_t)clientid__column_u64(stmt, 0);
    *found = sqlite3_column_int(stmt, 1) != 0;
    sqlite3_reset(stmt);
    return 0;
}

const struct clientid__owner_ops clientid__sqlite_owner = {owner_insert, owner_delete, owner_count};
