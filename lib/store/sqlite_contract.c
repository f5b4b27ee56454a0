/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of contracts and access requests. */
#include "store/sqlite.h"

#include "base/str.h"

static int insert(clientid_store *store, const clientid_contract_record *record, uint64_t terms_id,
                  uint64_t *id, clientid_error *error)
{
    static const char text[] =
        "INSERT INTO contract(id, application_id, api_id, tier_id, requested_tier_id, status,"
        " terms_id, reason, party_id, party_name, created_ns, updated_ns, approved_ns,"
        " rejected_ns, revoked_ns) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(
            clientid__sql_ref(record->id), clientid__sql_u64(record->application_id),
            clientid__sql_u64(record->api_id), clientid__sql_ref(record->tier_id),
            clientid__sql_ref(record->requested_tier_id), clientid__sql_u64(record->status),
            clientid__sql_ref(terms_id), clientid__sql_str(record->reason),
            clientid__sql_str(record->party_id), clientid__sql_str(record->party_name),
            clientid__sql_u64(record->created_ns), clientid__sql_u64(record->updated_ns),
            clientid__sql_u64(record->approved_ns), clientid__sql_u64(record->rejected_ns),
            clientid__sql_u64(record->revoked_ns)),
        error);

    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int update(clientid_store *store, const struct clientid__contract_facts *facts,
                  uint64_t now_ns, clientid_error *error)
{
    static const char text[] =
        "UPDATE contract SET tier_id = ?, requested_tier_id = ?, status = ?, approved_ns = ?,"
        " rejected_ns = ?, revoked_ns = ?, updated_ns = ? WHERE id = ?";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(
            clientid__sql_ref(facts->tier_id), clientid__sql_ref(facts->requested_tier_id),
            clientid__sql_u64(facts->status), clientid__sql_u64(facts->approved_ns),
            clientid__sql_u64(facts->rejected_ns), clientid__sql_u64(facts->revoked_ns),
            clientid__sql_u64(now_ns), clientid__sql_u64(facts->id)),
        error);
}

static int remove_row(clientid_store *store, uint64_t id, clientid_error *error)
{
    static const char text[] = "DELETE FROM contract WHERE id = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(id)), error);
}

static int find(clientid_store *store, uint64_t application_id, uint64_t api_id, uint64_t *id,
                clientid_error *error)
{
    static const char text[] = "SELECT id FROM contract WHERE application_id = ? AND api_id = ?";

    return clientid__sqlite_number(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(application_id), clientid__sql_u64(api_id)), id,
        error);
}

static int facts_of(clientid_store *store, uint64_t id, struct clientid__contract_facts *out,
                    clientid_error *error)
{
    static const char text[] =
        "SELECT c.id, c.application_id, c.api_id, c.tier_id, c.requested_tier_id, c.status,"
        " c.approved_ns, c.rejected_ns, c.revoked_ns, a.name, p.client_id FROM contract c"
        " JOIN api a ON a.id = c.api_id JOIN application p ON p.id = c.application_id"
        " WHERE c.id = ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    bool fits;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc <= 0)
        return rc == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
    *out = (struct clientid__contract_facts){
        .id = clientid__column_u64(stmt, 0),
        .application_id = clientid__column_u64(stmt, 1),
        .api_id = clientid__column_u64(stmt, 2),
        .tier_id = clientid__column_u64(stmt, 3),
        .requested_tier_id = clientid__column_u64(stmt, 4),
        .status = clientid__column_u32(stmt, 5),
        .approved_ns = clientid__column_u64(stmt, 6),
        .rejected_ns = clientid__column_u64(stmt, 7),
        .revoked_ns = clientid__column_u64(stmt, 8),
    };
    fits = clientid__column_copy(stmt, 9, out->api_name, sizeof(out->api_name)) &&
           clientid__column_copy(stmt, 10, out->client_id, sizeof(out->client_id));
    sqlite3_reset(stmt);
    return fits ? 0 : clientid__sqlite_damaged(s, error, "a contract has an overlong name");
}

static clientid_contract_record record_of(sqlite3_stmt *stmt)
{
    return (clientid_contract_record){
        .size = sizeof(clientid_contract_record),
        .id = clientid__column_u64(stmt, 0),
        .application_id = clientid__column_u64(stmt, 1),
        .api_id = clientid__column_u64(stmt, 2),
        .tier_id = clientid__column_u64(stmt, 3),
        .requested_tier_id = clientid__column_u64(stmt, 4),
        .status = clientid__column_u32(stmt, 5),
        .api_name = clientid__column_str(stmt, 6),
        .client_id = clientid__column_str(stmt, 7),
        .application_name = clientid__column_str(stmt, 8),
        .tier_name = clientid__column_str(stmt, 9),
        .requested_tier_name = clientid__column_str(stmt, 10),
        .terms = clientid__column_str(stmt, 11),
        .reason = clientid__column_str(stmt, 12),
        .party_id = clientid__column_str(stmt, 13),
        .party_name = clientid__column_str(stmt, 14),
        .created_ns = clientid__column_u64(stmt, 15),
        .updated_ns = clientid__column_u64(stmt, 16),
        .approved_ns = clientid__column_u64(stmt, 17),
        .rejected_ns = clientid__column_u64(stmt, 18),
        .revoked_ns = clientid__column_u64(stmt, 19),
    };
}

static int rows(struct clientid__sqlite *s, const char *text, const struct clientid__sql_arg *args,
                size_t count, clientid_contract_fn *emit, void *sink, size_t *seen,
                clientid_error *error)
{
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(s, text, args, count, &stmt, error);

    *seen = 0;
    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        clientid_contract_record record = record_of(stmt);

        ++*seen;
        rc = emit(sink, &record);
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc;
}

/* CROSS JOIN keeps SQLite from turning the loops around: contracts are the outer one. */
#define CONTRACT_COLUMNS                                                                           \
    "SELECT c.id, c.application_id, c.api_id, c.tier_id, c.requested_tier_id, c.status, a.name,"   \
    " p.client_id, p.name, t.name, r.name, s.text, c.reason, c.party_id, c.party_name,"            \
    " c.created_ns, c.updated_ns, c.approved_ns, c.rejected_ns, c.revoked_ns FROM contract c"      \
    " CROSS JOIN api a ON a.id = c.api_id CROSS JOIN application p ON p.id = c.application_id"     \
    " LEFT JOIN tier t ON t.id = c.tier_id LEFT JOIN tier r ON r.id = c.requested_tier_id"         \
    " LEFT JOIN terms s ON s.id = c.terms_id WHERE "
/*
 * ?1 after, ?2 limit, ?8 offset; the filter: ?3 to ?7, ?13; who looks: ?9 an owner, ?10 whether also of APIs, or ?11 a Connected App
 * that was granted and ?12 that created.
 */
#define FILTER                                                                                     \
    " AND (?3 = 0 OR c.status = ?3) AND (?4 = 0 OR c.status = 1"                                   \
    " OR c.requested_tier_id IS NOT NULL) AND (?5 = 0 OR c.api_id = ?5)"                           \
    " AND (?6 = 0 OR c.application_id = ?6)"                                                       \
    " AND (?7 = 0 OR c.tier_id = ?7 OR c.requested_tier_id = ?7)"                                  \
    " AND (?13 = '' OR c.application_id = (SELECT id FROM application WHERE client_id = ?13))"     \
    " AND (?9 = '' AND ?11 = 0"                                                                    \
    "  OR EXISTS(SELECT 1 FROM owner WHERE application_id = c.application_id AND name = ?9)"       \
    "  OR ?10 AND EXISTS(SELECT 1 FROM api_owner WHERE api_id = c.api_id AND name = ?9)"           \
    "  OR EXISTS(SELECT 1 FROM connected_app_grant WHERE connected_app_id = ?11"                   \
    "   AND application_id = c.application_id)"                                                    \
    "  OR EXISTS(SELECT 1 FROM application WHERE id = c.application_id AND created_by = ?12))"
#define PAGE " AND c.id > ?1 ORDER BY c.id LIMIT ?2 OFFSET ?8"
/* The condition that leaves the fewest, for the index that it has. */
#define VIEWED                                                                                     \
    "(c.application_id IN (SELECT application_id FROM owner WHERE name = ?9"                       \
    " UNION SELECT application_id FROM connected_app_grant WHERE connected_app_id = ?11"           \
    " UNION SELECT id FROM application WHERE created_by = ?12)"                                    \
    " OR c.api_id IN (SELECT api_id FROM api_owner WHERE ?10 AND name = ?9))"

enum { LIST, COUNT };

static const char *statement(const clientid_contract_filter *filter,
                             const struct clientid__viewer *viewer, int what)
{
#define TEXTS(first)                                                                               \
    {                                                                                              \
        CONTRACT_COLUMNS first FILTER PAGE, "SELECT count(*) FROM contract c WHERE " first FILTER  \
    }
    static const char all[2][2500] = TEXTS("1"),
                      of_application[2][2500] = TEXTS("c.application_id = ?6"),
                      of_client[2][2500] = TEXTS(
                          "c.application_id = (SELECT id FROM application WHERE client_id = ?13)"),
                      of_tier[2][2500] = TEXTS("(c.tier_id = ?7 OR c.requested_tier_id = ?7)"),
                      waiting[2][2500] = TEXTS("(c.status = 1 OR c.requested_tier_id IS NOT NULL)"),
                      of_api[2][2500] = TEXTS("c.api_id = ?5"), viewed[2][2500] = TEXTS(VIEWED);
#undef TEXTS

    if (filter->application_id != 0)
        return of_application[what];
    if (filter->client_id.len != 0)
        return of_client[what];
    if (filter->tier_id != 0)
        return of_tier[what];
    if (viewer != NULL && filter->api_id == 0)
        return viewed[what];
    if (filter->waiting != 0)
        return waiting[what];
    return filter->api_id != 0 ? of_api[what] : all[what];
}

#define FILTER_ARGS 13

static void filter_args(const clientid_contract_filter *filter,
                        const struct clientid__viewer *viewer,
                        struct clientid__sql_arg out[FILTER_ARGS])
{
    static const struct clientid__viewer anybody = {.owner = {NULL, 0}};

    if (viewer == NULL)
        viewer = &anybody;
    out[0] = clientid__sql_u64(filter->after_id);
    out[1] = clientid__sql_u64(filter->max != 0 ? filter->max : INT64_MAX);
    out[2] = clientid__sql_u64(filter->status);
    out[3] = clientid__sql_u64(filter->waiting);
    out[4] = clientid__sql_u64(filter->api_id);
    out[5] = clientid__sql_u64(filter->application_id);
    out[6] = clientid__sql_u64(filter->tier_id);
    out[7] = clientid__sql_u64(filter->offset);
    out[8] = clientid__sql_str(viewer->owner);
    out[9] = clientid__sql_u64(viewer->owns_apis);
    out[10] = clientid__sql_u64(viewer->connected_app_id);
    out[11] = clientid__sql_u64(viewer->creator_id);
    out[12] = clientid__sql_str(filter->client_id);
}

static int list(clientid_store *store, const clientid_contract_filter *filter,
                const struct clientid__viewer *viewer, clientid_contract_fn *emit, void *sink,
                clientid_error *error)
{
    struct clientid__sql_arg args[FILTER_ARGS];
    size_t seen;

    filter_args(filter, viewer, args);
    return rows(clientid__sqlite_of(store), statement(filter, viewer, LIST), args, FILTER_ARGS,
                emit, sink, &seen, error);
}

static int count_rows(clientid_store *store, const clientid_contract_filter *filter,
                      const struct clientid__viewer *viewer, uint64_t *count, clientid_error *error)
{
    /* What consoles ask for with every page is kept as a total. */
    static const char of_api[] = "SELECT coalesce(sum(count), 0) FROM total WHERE kind = 1"
                                 " AND id = ?1 AND (?2 = 0 OR status = ?2)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    struct clientid__sql_arg args[FILTER_ARGS];

    if (viewer == NULL && filter->api_id != 0 && filter->application_id == 0 &&
        filter->tier_id == 0 && filter->waiting == 0 && filter->client_id.len == 0)
        return clientid__sqlite_number(s, of_api,
                                       CLIENTID__SQL_ARGS(clientid__sql_u64(filter->api_id),
                                                          clientid__sql_u64(filter->status)),
                                       count, error);
    filter_args(filter, viewer, args);
    return clientid__sqlite_number(s, statement(filter, viewer, COUNT), args, FILTER_ARGS, count,
                                   error);
}

static int each(clientid_store *store, uint64_t id, const clientid_contract_filter *filter,
                clientid_contract_fn *emit, void *sink, clientid_error *error)
{
    static const char one[] = CONTRACT_COLUMNS "c.id = ?";
    size_t seen;
    int rc;

    if (id == 0)
        return list(store, filter, NULL, emit, sink, error);
    rc = rows(clientid__sqlite_of(store), one, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), emit,
              sink, &seen, error);
    return rc == 0 && seen == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
}

static int ids(clientid_store *store, uint64_t tier_id, uint64_t application_id, uint64_t after,
               uint64_t *out, size_t max, size_t *count, clientid_error *error)
{
    static const char waiting[] = "SELECT id FROM contract WHERE requested_tier_id = ? AND id > ?"
                                  " ORDER BY id LIMIT ?";
    static const char of_application[] = "SELECT id FROM contract WHERE application_id = ?"
                                         " AND id > ? ORDER BY id LIMIT ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(
        s, tier_id != 0 ? waiting : of_application,
        CLIENTID__SQL_ARGS(clientid__sql_u64(tier_id != 0 ? tier_id : application_id),
                           clientid__sql_u64(after), clientid__sql_u64(max)),
        &stmt, error);

    *count = 0;
    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0)
        out[(*count)++] = clientid__column_u64(stmt, 0);
    return rc;
}

const struct clientid__contract_ops clientid__sqlite_contract = {
    .insert = insert,
    .update = update,
    .delete = remove_row,
    .find = find,
    .facts = facts_of,
    .each = each,
    .list = list,
    .count = count_rows,
    .ids = ids,
};
