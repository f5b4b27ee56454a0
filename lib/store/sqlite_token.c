/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of tokens and of used assertions; who somebody is right now. */
#include "store/sqlite.h"

#include "base/str.h"

static int insert(clientid_store *store, const unsigned char *hash, uint64_t user_id,
                  uint64_t connected_app_id, uint64_t created_ns, uint64_t expires_ns, uint64_t *id,
                  clientid_error *error)
{
    static const char text[] = "INSERT INTO token(hash, user_id, connected_app_id, created_ns,"
                               " expires_ns) VALUES(?, ?, ?, ?, ?)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_blob(hash, CLIENTID__TOKEN_HASH_BYTES),
                           clientid__sql_ref(user_id), clientid__sql_ref(connected_app_id),
                           clientid__sql_u64(created_ns), clientid__sql_u64(expires_ns)),
        error);

    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

/* manage:client_application is no column: it is there as long as something is granted. */
#define CALLER_COLUMNS                                                                             \
    "u.id, coalesce(a.id, 0), u.role, coalesce(a.scopes, 0) | CASE WHEN a.id IS NOT NULL AND"      \
    " EXISTS(SELECT 1 FROM connected_app_grant WHERE connected_app_id = a.id) THEN 4 ELSE 0 END,"  \
    " u.name, coalesce(a.client_id, '')"
/* A Connected App acts on its own behalf: its owner may be disabled. */
#define TOKEN_CALLER                                                                               \
    "SELECT t.id, " CALLER_COLUMNS " FROM token t"                                                 \
    " LEFT JOIN connected_app a ON a.id = t.connected_app_id"                                      \
    " JOIN user u ON u.id = coalesce(t.user_id, a.owner_id)"                                       \
    " WHERE t.expires_ns > ?2 AND CASE WHEN a.id IS NULL THEN u.enabled = 1"                       \
    " ELSE a.revoked_ns = 0 END"

static int one_caller(struct clientid__sqlite *s, const char *text,
                      const struct clientid__sql_arg *args, size_t count,
                      struct clientid__caller_facts *out, clientid_error *error)
{
    sqlite3_stmt *stmt = NULL;
    bool fits;
    int rc = clientid__sqlite_prepare(s, text, args, count, &stmt, error);

    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc <= 0)
        return rc == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
    *out = (struct clientid__caller_facts){
        .token_id = clientid__column_u64(stmt, 0),
        .user_id = clientid__column_u64(stmt, 1),
        .connected_app_id = clientid__column_u64(stmt, 2),
        .scopes = clientid__column_u32(stmt, 4),
    };
    out->role = out->connected_app_id == 0 ? clientid__column_u32(stmt, 3) : 0;
    fits = clientid__column_copy(stmt, 5, out->user_name, sizeof(out->user_name)) &&
           clientid__column_copy(stmt, 6, out->client_id, sizeof(out->client_id));
    sqlite3_reset(stmt);
    return fits ? 0 : clientid__sqlite_damaged(s, error, "a user has an overlong name");
}

static int find(clientid_store *store, const unsigned char *hash, uint64_t now_ns,
                struct clientid__caller_facts *out, clientid_error *error)
{
    static const char text[] = TOKEN_CALLER " AND t.hash = ?1";

    return one_caller(clientid__sqlite_of(store), text,
                      CLIENTID__SQL_ARGS(clientid__sql_blob(hash, CLIENTID__TOKEN_HASH_BYTES),
                                         clientid__sql_u64(now_ns)),
                      out, error);
}

static int caller(clientid_store *store, const clientid_caller *who, uint64_t now_ns,
                  struct clientid__caller_facts *out, clientid_error *error)
{
    static const char token[] = TOKEN_CALLER " AND t.id = ?1";
    static const char app[] = "SELECT 0, " CALLER_COLUMNS " FROM connected_app a"
                              " JOIN user u ON u.id = a.owner_id WHERE a.id = ?1"
                              " AND a.revoked_ns = 0 AND ?2 IS NOT NULL";
    static const char user[] = "SELECT 0, " CALLER_COLUMNS " FROM user u"
                               " LEFT JOIN connected_app a ON 0 WHERE u.id = ?1 AND u.enabled = 1"
                               " AND ?2 IS NOT NULL";
    const bool is_app = who->kind == CLIENTID_CALLER_CONNECTED_APP;
    uint64_t id = who->token_id != 0 ? who->token_id
                  : is_app           ? who->connected_app_id
                                     : who->user_id;

    return one_caller(clientid__sqlite_of(store),
                      who->token_id != 0 ? token
                      : is_app           ? app
                                         : user,
                      CLIENTID__SQL_ARGS(clientid__sql_u64(id), clientid__sql_u64(now_ns)), out,
                      error);
}

static int remove_row(clientid_store *store, uint64_t id, clientid_error *error)
{
    static const char text[] = "DELETE FROM token WHERE id = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(id)), error);
}

static int clear(clientid_store *store, uint64_t user_id, uint64_t connected_app_id,
                 uint64_t before_ns, clientid_error *error)
{
    static const char user[] = "DELETE FROM token WHERE user_id = ? AND expires_ns <= ?";
    static const char app[] = "DELETE FROM token WHERE connected_app_id = ? AND expires_ns <= ?";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), user_id != 0 ? user : app,
        CLIENTID__SQL_ARGS(clientid__sql_u64(user_id != 0 ? user_id : connected_app_id),
                           clientid__sql_u64(before_ns)),
        error);
}

static int prune(clientid_store *store, uint64_t now_ns, uint64_t *removed, clientid_error *error)
{
    static const char tokens[] = "DELETE FROM token WHERE expires_ns <= ?";
    static const char assertions[] = "DELETE FROM assertion WHERE not_after_ns <= ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(s, tokens, CLIENTID__SQL_ARGS(clientid__sql_u64(now_ns)), error);

    *removed = (uint64_t)sqlite3_changes64(s->db);
    if (rc == 0)
        rc = clientid__sqlite_run(s, assertions, CLIENTID__SQL_ARGS(clientid__sql_u64(now_ns)),
                                  error);
    if (rc == 0)
        *removed += (uint64_t)sqlite3_changes64(s->db);
    return rc;
}

static int assertion(clientid_store *store, clientid_str id, uint64_t not_after_ns,
                     clientid_error *error)
{
    static const char text[] = "INSERT INTO assertion(id, not_after_ns) VALUES(?, ?)";

    return clientid__sqlite_run(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_str(id), clientid__sql_u64(not_after_ns)), error);
}

const struct clientid__token_ops clientid__sqlite_token = {
    .insert = insert,
    .find = find,
    .caller = caller,
    .delete = remove_row,
    .clear = clear,
    .prune = prune,
    .assertion = assertion,
};
