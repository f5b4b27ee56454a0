/* SPDX-License-Identifier: Apache-2.0 */
/* Of each lane exactly the oldest row is its head, so what is due is found without looking at those behind. */
#include "store/sqlite.h"

#include "base/str.h"

static int insert(clientid_store *store, const struct clientid__outbox_row *row, uint64_t *id,
                  clientid_error *error)
{
    static const char text[] =
        "INSERT INTO outbox(kind, lane, head, event_id, hook_id, recipient, subject, body,"
        " attempts, next_ns, created_ns) VALUES(?1, ?2,"
        " NOT EXISTS(SELECT 1 FROM outbox WHERE lane = ?2), ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(
        s, text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(row->kind), clientid__sql_u64(row->lane),
                           clientid__sql_ref(row->event_id), clientid__sql_ref(row->hook_id),
                           clientid__sql_str(row->recipient), clientid__sql_str(row->subject),
                           clientid__sql_str(row->body), clientid__sql_u64(row->next_ns),
                           clientid__sql_u64(row->created_ns)),
        error);

    *id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int get(clientid_store *store, uint64_t id, struct clientid__outbox_row *out,
               clientid_error *error)
{
    static const char text[] =
        "SELECT id, lane, event_id, hook_id, next_ns, created_ns, kind, attempts FROM outbox"
        " WHERE id = ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc <= 0)
        return rc == 0 ? CLIENTID_ERR_NOT_FOUND : rc;
    *out = (struct clientid__outbox_row){
        .id = clientid__column_u64(stmt, 0),
        .lane = clientid__column_u64(stmt, 1),
        .event_id = clientid__column_u64(stmt, 2),
        .hook_id = clientid__column_u64(stmt, 3),
        .next_ns = clientid__column_u64(stmt, 4),
        .created_ns = clientid__column_u64(stmt, 5),
        .kind = clientid__column_u32(stmt, 6),
        .attempts = clientid__column_u32(stmt, 7),
    };
    sqlite3_reset(stmt);
    return 0;
}

static int later(clientid_store *store, uint64_t id, uint32_t attempts, uint64_t next_ns,
                 clientid_error *error)
{
    static const char text[] = "UPDATE outbox SET attempts = ?, next_ns = ? WHERE id = ?";

    return clientid__sqlite_run(clientid__sqlite_of(store), text,
                                CLIENTID__SQL_ARGS(clientid__sql_u64(attempts),
                                                   clientid__sql_u64(next_ns),
                                                   clientid__sql_u64(id)),
                                error);
}

static int remove_row(clientid_store *store, const struct clientid__outbox_row *row,
                      clientid_error *error)
{
    static const char cut[] = "DELETE FROM outbox WHERE id = ?";
    static const char follow[] = "UPDATE outbox SET head = 1 WHERE head = 0 AND id ="
                                 " (SELECT min(id) FROM outbox WHERE lane = ?)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_run(s, cut, CLIENTID__SQL_ARGS(clientid__sql_u64(row->id)), error);

    if (rc == 0)
        rc = clientid__sqlite_run(s, follow, CLIENTID__SQL_ARGS(clientid__sql_u64(row->lane)),
                                  error);
    return rc;
}

static clientid_delivery delivery_of(sqlite3_stmt *stmt)
{
    bool hook = clientid__column_u32(stmt, 2) == CLIENTID_DELIVERY_HOOK;

    return (clientid_delivery){
        .size = sizeof(clientid_delivery),
        .id = clientid__column_u64(stmt, 0),
        .lane = clientid__column_u64(stmt, 1),
        .kind = clientid__column_u32(stmt, 2),
        .attempts = clientid__column_u32(stmt, 3),
        .created_ns = clientid__column_u64(stmt, 4),
        .recipient = clientid__column_str(stmt, 5),
        .subject = clientid__column_str(stmt, 6),
        .body = clientid__column_str(stmt, hook ? 8 : 7),
        .url = clientid__column_str(stmt, 9),
        .authentication = clientid__column_u32(stmt, 10),
        .username = clientid__column_str(stmt, 11),
        .password = clientid__column_blob(stmt, 12),
        .file_id = clientid__column_str(stmt, 13),
    };
}

static int each(clientid_store *store, uint64_t max, clientid__due_fn *emit, void *sink,
                clientid_error *error)
{
    static const char text[] =
        "SELECT o.id, o.lane, o.kind, o.attempts, o.created_ns, o.recipient, o.subject, o.body,"
        " e.body, h.url, h.authentication, h.username, h.password, h.file_id, o.hook_id, o.next_ns"
        " FROM outbox o INDEXED BY outbox_due LEFT JOIN gateway_event e ON e.id = o.event_id"
        " LEFT JOIN hook h ON h.id = o.hook_id WHERE o.head = 1 ORDER BY o.next_ns, o.id LIMIT ?";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(max)), &stmt, error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        clientid_delivery delivery = delivery_of(stmt);

        rc = emit(sink, &delivery, clientid__column_u64(stmt, 14), clientid__column_u64(stmt, 15));
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc;
}

static int of_hook(clientid_store *store, uint64_t hook_id, uint64_t *id, clientid_error *error)
{
    static const char text[] = "SELECT id FROM outbox WHERE hook_id = ? ORDER BY id LIMIT 1";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_u64(hook_id)), id, error);
}

static int of_event(clientid_store *store, uint64_t event_id, uint64_t *count,
                    clientid_error *error)
{
    static const char text[] = "SELECT count(*) FROM outbox WHERE event_id = ?";

    return clientid__sqlite_number(clientid__sqlite_of(store), text,
                                   CLIENTID__SQL_ARGS(clientid__sql_u64(event_id)), count, error);
}

static int backlog(clientid_store *store, uint64_t *count, uint64_t *oldest_ns,
                   clientid_error *error)
{
    static const char number[] = "SELECT count(*) FROM outbox";
    static const char oldest[] =
        "SELECT coalesce((SELECT created_ns FROM outbox ORDER BY id LIMIT 1), 0)";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_number(s, number, NULL, 0, count, error);

    if (rc == 0)
        rc = clientid__sqlite_number(s, oldest, NULL, 0, oldest_ns, error);
    return rc;
}

const struct clientid__outbox_ops clientid__sqlite_outbox = {
    .insert = insert,
    .get = get,
    .later = later,
    .delete = remove_row,
    .each = each,
    .of_hook = of_hook,
    .of_event = of_event,
    .backlog = backlog,
};
