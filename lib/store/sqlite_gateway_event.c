/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of what gateways are told, and of the credentials they answered with. */
#include "store/sqlite.h"

#include "base/str.h"

static int insert(clientid_store *store, const struct clientid__event_facts *facts, uint64_t now_ns,
                  uint64_t *id, clientid_error *error)
{
    static const char text[] =
        "INSERT INTO gateway_event(request_id, type, status, application_id, api_id, contract_id,"
        " provider_id, subscription, attempts, detail, body, created_ns, updated_ns)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, '', '', ?9, ?9)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(facts->request_id), clientid__sql_u64(facts->type),
                           clientid__sql_u64(facts->status),
                           clientid__sql_u64(facts->application_id),
                           clientid__sql_u64(facts->api_id), clientid__sql_u64(facts->contract_id),
                           clientid__sql_u64(facts->provider_id),
                           clientid__sql_u64(facts->subscription), clientid__sql_u64(now_ns)),
        error);

    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int update(clientid_store *store, const struct clientid__event_facts *facts,
                  clientid_str detail, clientid_str body, uint64_t now_ns, clientid_error *error)
{
    static const char text[] =
        "UPDATE gateway_event SET status = ?2, subscription = ?3, provider_id = ?4, attempts = ?5,"
        " detail = ?6, body = coalesce(?7, body), updated_ns = ?8 WHERE id = ?1";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(
            clientid__sql_u64(facts->id), clientid__sql_u64(facts->status),
            clientid__sql_u64(facts->subscription), clientid__sql_u64(facts->provider_id),
            clientid__sql_u64(facts->attempts), clientid__sql_str(detail),
            clientid__sql_if(body.len > 0, clientid__sql_str(body)), clientid__sql_u64(now_ns)),
        error);
}

static int facts_of(clientid_store *store, uint64_t id, struct clientid__event_facts *out,
                    clientid_error *error)
{
    static const char text[] =
        "SELECT e.id, e.request_id, e.application_id, e.api_id, e.contract_id, e.provider_id,"
        " e.type, e.status, e.subscription, e.attempts, r.type, r.owner FROM gateway_event e"
        " JOIN user_request r ON r.id = e.request_id WHERE e.id = ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    bool fits;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc <= 0)
        return rc == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
    *out = (struct clientid__event_facts){
        .id = clientid__column_u64(stmt, 0),
        .request_id = clientid__column_u64(stmt, 1),
        .application_id = clientid__column_u64(stmt, 2),
        .api_id = clientid__column_u64(stmt, 3),
        .contract_id = clientid__column_u64(stmt, 4),
        .provider_id = clientid__column_u64(stmt, 5),
        .type = clientid__column_u32(stmt, 6),
        .status = clientid__column_u32(stmt, 7),
        .subscription = clientid__column_u32(stmt, 8),
        .attempts = clientid__column_u32(stmt, 9),
        .request_type = clientid__column_u32(stmt, 10),
    };
    fits = clientid__column_copy(stmt, 11, out->owner, sizeof(out->owner));
    sqlite3_reset(stmt);
    return fits ? 0 : clientid__sqlite_damaged(s, error, "a user request has an overlong owner");
}

static int pending(clientid_store *store, uint64_t contract_id, uint64_t *id, clientid_error *error)
{
    static const char text[] =
        "SELECT id FROM gateway_event WHERE contract_id = ? AND status = 2 LIMIT 1";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_u64(contract_id)), id, error);
}

static int open_count(clientid_store *store, uint64_t request_id, uint64_t *count,
                      clientid_error *error)
{
    static const char text[] =
        "SELECT count(*) FROM gateway_event WHERE request_id = ? AND status != 5";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_u64(request_id)), count, error);
}

static int in_force(clientid_store *store, uint64_t application_id, uint64_t except_api,
                    uint64_t *count, clientid_error *error)
{
    static const char text[] = "SELECT count(*) FROM contract WHERE application_id = ?"
                               " AND status = 2 AND api_id != ?";

    return clientid__sqlite_number(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(application_id), clientid__sql_u64(except_api)), count,
        error);
}

static int ready(clientid_store *store, uint64_t application_id, uint64_t after, uint64_t *api_ids,
                 size_t max, size_t *count, clientid_error *error)
{
    /* A contract without an event was there before its provider was a third party's. */
    static const char text[] =
        "SELECT c.api_id FROM contract c JOIN api a ON a.id = c.api_id"
        " LEFT JOIN provider p ON p.name = a.provider"
        " LEFT JOIN gateway_event e ON e.id = (SELECT max(id) FROM gateway_event"
        "  WHERE contract_id = c.id AND type = 1)"
        " WHERE c.application_id = ? AND c.status = 2 AND c.api_id > ?"
        " AND (p.type IS NOT 2 OR coalesce(e.status, 5) = 5) ORDER BY c.api_id LIMIT ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(s, text,
                                      CLIENTID__SQL_ARGS(clientid__sql_u64(application_id),
                                                         clientid__sql_u64(after),
                                                         clientid__sql_u64(max)),
                                      &stmt, error);

    *count = 0;
    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0)
        api_ids[(*count)++] = clientid__column_u64(stmt, 0);
    return rc;
}

const struct clientid__gateway_event_ops clientid__sqlite_gateway_event = {
    .insert = insert,
    .update = update,
    .facts = facts_of,
    .pending = pending,
    .open = open_count,
    .in_force = in_force,
    .ready = ready,
};

/* ---- credentials ----------------------------------------------------------------------------- */

static int clear(clientid_store *store, uint64_t application_id, uint64_t provider_id,
                 clientid_error *error)
{
    static const char text[] = "DELETE FROM delivered_credential WHERE application_id = ?1"
                               " AND (?2 = 0 OR provider_id = ?2)";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(application_id), clientid__sql_u64(provider_id)),
        error);
}

static int insert_credential(clientid_store *store, uint64_t application_id, uint64_t provider_id,
                             uint64_t position, clientid_str sealed, uint64_t now_ns,
                             clientid_error *error)
{
    static const char text[] = "INSERT INTO delivered_credential(application_id, provider_id,"
                               " position, sealed, updated_ns) VALUES(?, ?, ?, ?, ?)";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(application_id), clientid__sql_u64(provider_id),
                           clientid__sql_u64(position), clientid__sql_blob(sealed.ptr, sealed.len),
                           clientid__sql_u64(now_ns)),
        error);
}

static int each_credential(clientid_store *store, uint64_t application_id,
                           clientid__sealed_fn *emit, void *sink, clientid_error *error)
{
    static const char text[] = "SELECT provider_id, position, sealed FROM delivered_credential"
                               " WHERE application_id = ? ORDER BY provider_id, position";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(
        s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(application_id)), &stmt, error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        rc = emit(sink, clientid__column_u64(stmt, 0), clientid__column_u64(stmt, 1),
                  clientid__column_blob(stmt, 2));
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc;
}

const struct clientid__credential_ops clientid__sqlite_credential = {
    .clear = clear,
    .insert = insert_credential,
    .each = each_credential,
};
