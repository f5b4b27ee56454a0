/* SPDX-License-Identifier: Apache-2.0 */
/* A commit that returned 0 survives loss of power, except in bulk mode; one that did not is gone. */
#include "store/sqlite.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 5000

/* ---- errors ---------------------------------------------------------------------------------- */

static bool folder_writable(const char *file)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(file, '/');

    if (slash != NULL) {
        size_t len = slash == file ? 1 : (size_t)(slash - file);

        memcpy(folder, file, len);
        folder[len] = '\0';
    }
    return access(folder, W_OK | X_OK) == 0;
}

static int code_of(int rc)
{
    /* An import may give an id twice; everything else is checked before rows are written. */
    if (rc == SQLITE_CONSTRAINT_ROWID || rc == SQLITE_CONSTRAINT_PRIMARYKEY)
        return CLIENTID_ERR_EXISTS;
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return CLIENTID_ERR_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return CLIENTID_ERR_BUSY;
    case SQLITE_FULL:
        return CLIENTID_ERR_FULL;
    case SQLITE_NOTADB:
        return CLIENTID_ERR_FORMAT;
    case SQLITE_CORRUPT:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        return CLIENTID_ERR_CORRUPT;
    default:
        return CLIENTID_ERR_IO;
    }
}

int clientid__sqlite_fail(struct clientid__sqlite *s, int rc, clientid_error *error,
                          const char *doing)
{
    int code = code_of(rc);
    int primary = rc & 0xff;
    int system_errno = s->db != NULL ? sqlite3_system_errno(s->db) : 0;

    if ((primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY) && !folder_writable(s->file))
        return clientid__fail(error, CLIENTID_ERR_IO,
                              "cannot %s %s: its folder is not writable, which a WAL database "
                              "needs even to be read",
                              doing, s->file);
    if (code == CLIENTID_ERR_BUSY)
        return clientid__fail(error, code, "cannot %s %s: another process holds it", doing,
                              s->file);
    if (code == CLIENTID_ERR_FORMAT)
        return clientid__fail(error, code, "cannot %s %s: it is not an SQLite database", doing,
                              s->file);
    /* "disk I/O error" alone does not say that the disk is full. */
    if (primary == SQLITE_IOERR && system_errno != 0)
        return clientid__fail_errno(error, code, system_errno, "cannot %s %s: %s", doing, s->file,
                                    sqlite3_errstr(rc));
    return clientid__fail(error, code, "cannot %s %s: %s", doing, s->file,
                          s->db != NULL ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
}

int clientid__sqlite_damaged(struct clientid__sqlite *s, clientid_error *error, const char *what)
{
    return clientid__fail(error, CLIENTID_ERR_CORRUPT, "%s is damaged: %s", s->file, what);
}

/* ---- statements ------------------------------------------------------------------------------ */

static struct clientid__statement *slot_of(struct clientid__sqlite *s, const char *text)
{
    size_t i = ((uintptr_t)text >> 3) * 0x9e3779b1U % CLIENTID__STATEMENTS;

    while (s->statements[i].text != NULL && s->statements[i].text != text)
        i = (i + 1) % CLIENTID__STATEMENTS;
    return &s->statements[i];
}

static int bind(sqlite3_stmt *stmt, int index, const struct clientid__sql_arg *arg)
{
    switch (arg->type) {
    case CLIENTID__SQL_U64:
        /* No row has a number beyond; a smaller one would find the wrong row. */
        return sqlite3_bind_int64(stmt, index,
                                  arg->number > INT64_MAX ? INT64_MAX : (sqlite3_int64)arg->number);
    case CLIENTID__SQL_STR:
        /* A NULL pointer would bind NULL, not the empty text. */
        return sqlite3_bind_text64(stmt, index, arg->bytes.ptr != NULL ? arg->bytes.ptr : "",
                                   arg->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case CLIENTID__SQL_BLOB:
        return sqlite3_bind_blob64(stmt, index, arg->bytes.ptr != NULL ? arg->bytes.ptr : "",
                                   arg->bytes.len, SQLITE_STATIC);
    case CLIENTID__SQL_NULL:
    default:
        return sqlite3_bind_null(stmt, index);
    }
}

int clientid__sqlite_prepare(struct clientid__sqlite *s, const char *text,
                             const struct clientid__sql_arg *args, size_t count, sqlite3_stmt **out,
                             clientid_error *error)
{
    struct clientid__statement *slot = slot_of(s, text);
    int rc = SQLITE_OK;

    if (slot->text == NULL) {
        rc = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &slot->stmt, NULL);
        if (rc != SQLITE_OK)
            return clientid__sqlite_fail(s, rc, error, "use");
        slot->text = text;
    }
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++)
        rc = bind(slot->stmt, (int)i + 1, &args[i]);
    if (rc != SQLITE_OK)
        return clientid__sqlite_fail(s, rc, error, "use");
    *out = slot->stmt;
    return 0;
}

int clientid__sqlite_step(struct clientid__sqlite *s, sqlite3_stmt *stmt, clientid_error *error)
{
    int rc = sqlite3_step(stmt);
    const char *doing;

    if (rc == SQLITE_ROW)
        return 1;
    /* A COMMIT counts as one that only reads. */
    doing = sqlite3_stmt_readonly(stmt) && (rc & 0xff) != SQLITE_FULL ? "read" : "write";
    rc = rc == SQLITE_DONE ? 0 : clientid__sqlite_fail(s, rc, error, doing);
    sqlite3_reset(stmt);
    return rc;
}

int clientid__sqlite_run(struct clientid__sqlite *s, const char *text,
                         const struct clientid__sql_arg *args, size_t count, clientid_error *error)
{
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(s, text, args, count, &stmt, error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0)
        continue;
    return rc;
}

int clientid__sqlite_number(struct clientid__sqlite *s, const char *text,
                            const struct clientid__sql_arg *args, size_t count, uint64_t *out,
                            clientid_error *error)
{
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(s, text, args, count, &stmt, error);

    if (rc != 0)
        return rc;
    rc = clientid__sqlite_step(s, stmt, error);
    if (rc == 0)
        return CLIENTID_ERR_NOT_FOUND;
    if (rc < 0)
        return rc;
    *out = clientid__column_u64(stmt, 0);
    sqlite3_reset(stmt);
    return 0;
}

/* ---- columns --------------------------------------------------------------------------------- */

clientid_str clientid__column_str(sqlite3_stmt *stmt, int column)
{
    /* The pointer before the length: SQLite may convert the value to tell it. */
    const unsigned char *text = sqlite3_column_text(stmt, column);

    return clientid__str((const char *)text, (size_t)sqlite3_column_bytes(stmt, column));
}

clientid_str clientid__column_blob(sqlite3_stmt *stmt, int column)
{
    const void *bytes = sqlite3_column_blob(stmt, column);

    return clientid__str(bytes, (size_t)sqlite3_column_bytes(stmt, column));
}

bool clientid__column_copy(sqlite3_stmt *stmt, int column, char *out, size_t size)
{
    clientid_str s = clientid__column_str(stmt, column);

    if (s.len >= size)
        return false;
    if (s.len > 0)
        memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
    return true;
}

static bool column_slot(sqlite3_stmt *stmt, int column, clientid_secret *out)
{
    const void *hash;

    out->algorithm = clientid__column_u32(stmt, column);
    if (out->algorithm == CLIENTID_SECRET_NONE)
        return true;
    hash = sqlite3_column_blob(stmt, column + 2);
    if (out->algorithm > CLIENTID_SECRET_HMAC_SHA256 || hash == NULL ||
        sqlite3_column_bytes(stmt, column + 2) != sizeof(out->hash))
        return false;
    out->pepper_id = clientid__column_u32(stmt, column + 1);
    memcpy(out->hash, hash, sizeof(out->hash));
    out->not_before_ns = clientid__column_u64(stmt, column + 3);
    out->not_after_ns = clientid__column_u64(stmt, column + 4);
    return true;
}

bool clientid__column_secrets(sqlite3_stmt *stmt, int column, clientid_secret out[2])
{
    const void *salt = sqlite3_column_blob(stmt, column);
    int salt_len = sqlite3_column_bytes(stmt, column);

    memset(out, 0, 2 * sizeof(*out));
    if (salt_len > CLIENTID_SALT_MAX)
        return false;
    for (int slot = 0; slot < 2; slot++) {
        if (!column_slot(stmt, column + 1 + slot * 5, &out[slot]))
            return false;
        if (out[slot].algorithm == CLIENTID_SECRET_NONE || salt_len == 0)
            continue;
        memcpy(out[slot].salt, salt, (size_t)salt_len);
        out[slot].salt_len = (uint32_t)salt_len;
    }
    return true;
}

/* ---- connection ------------------------------------------------------------------------------ */

static int pragma(struct clientid__sqlite *s, const char *text, clientid_error *error)
{
    int rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : clientid__sqlite_fail(s, rc, error, "open");
}

/* A file of its own mode: it holds hashes of secrets.  SQLite gives -wal and -shm the mode of the file. */
static int create_file(struct clientid__sqlite *s, bool *created, clientid_error *error)
{
    int fd = open(s->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd < 0)
        return errno == EEXIST ? 0
                               : clientid__fail_errno(error, CLIENTID_ERR_IO, errno,
                                                      "cannot create %s", s->file);
    close(fd);
    *created = true;
    return 0;
}

/* An empty file that a full disk left behind would be in the way of the next try. */
static void drop_empty(const struct clientid__sqlite *s)
{
    struct stat st;

    if (stat(s->file, &st) == 0 && st.st_size == 0)
        unlink(s->file);
}

static int find_file(struct clientid__sqlite *s, clientid_error *error)
{
    struct stat st;

    if (stat(s->file, &st) != 0)
        return clientid__fail_errno(error,
                                    errno == ENOENT ? CLIENTID_ERR_NOT_FOUND : CLIENTID_ERR_IO,
                                    errno, "cannot open %s", s->file);
    if (!S_ISREG(st.st_mode))
        return clientid__fail(error, CLIENTID_ERR_IO, "cannot open %s: it is not a regular file",
                              s->file);
    if (access(s->file, R_OK) != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, errno, "cannot open %s", s->file);
    return 0;
}

/* Switching to WAL takes an exclusive lock for which SQLite does not always wait by itself. */
static int set_wal(struct clientid__sqlite *s, clientid_error *error)
{
    int rc;

    for (int i = 0; i < BUSY_TIMEOUT_MS / 10; i++) {
        rc = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if ((rc & 0xff) != SQLITE_BUSY)
            break;
        sqlite3_sleep(10);
    }
    return rc == SQLITE_OK ? 0 : clientid__sqlite_fail(s, rc, error, "open");
}

static int open_file(struct clientid__sqlite *s, enum clientid__connection how,
                     clientid_error *error)
{
    bool read = how == CLIENTID__CONNECT_READ;
    char name[sizeof(s->file) + 2];
    int rc;

    /* Debian's SQLite takes a name that begins with "file:" for a URI, and so for another file. */
    snprintf(name, sizeof(name), "%s%s", strncmp(s->file, "file:", 5) == 0 ? "./" : "", s->file);
    rc = sqlite3_open_v2(
        name, &s->db, (read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX,
        NULL);
    if (rc != SQLITE_OK)
        return clientid__sqlite_fail(s, rc, error, "open");
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, s->busy_ms != 0 ? s->busy_ms : BUSY_TIMEOUT_MS);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (!read && sqlite3_db_readonly(s->db, "main") == 1)
        return clientid__fail(error, CLIENTID_ERR_IO, "cannot open %s: it is not writable",
                              s->file);
    return pragma(s, "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON", error);
}

int clientid__sqlite_connect(struct clientid__sqlite *s, const char *file,
                             enum clientid__connection how, clientid_error *error)
{
    bool write = how != CLIENTID__CONNECT_READ;
    bool created = false;
    size_t len = strlen(file);
    int rc = 0;

    if (len >= sizeof(s->file))
        return clientid__fail(error, CLIENTID_ERR_ARG, "the file name is too long");
    memcpy(s->file, file, len + 1);
    if (how == CLIENTID__CONNECT_CREATE)
        rc = create_file(s, &created, error);
    if (rc == 0)
        rc = find_file(s, error);
    if (rc == 0)
        rc = open_file(s, how, error);
    if (rc == 0)
        rc = clientid__schema_check(s, write, how == CLIENTID__CONNECT_CREATE, error);
    if (rc == 0 && write)
        rc = set_wal(s, error);
    if (rc == 0 && write)
        rc = pragma(s, "PRAGMA synchronous = FULL", error);
    if (rc != 0)
        clientid__sqlite_disconnect(s);
    if (created && (rc == CLIENTID_ERR_FULL || rc == CLIENTID_ERR_IO))
        drop_empty(s);
    return rc;
}

void clientid__sqlite_disconnect(struct clientid__sqlite *s)
{
    for (size_t i = 0; i < CLIENTID__STATEMENTS; i++)
        sqlite3_finalize(s->statements[i].stmt);
    memset(s->statements, 0, sizeof(s->statements));
    sqlite3_close(s->db);
    s->db = NULL;
}

/* ---- the store ------------------------------------------------------------------------------- */

/*
 * A gateway that keeps the database open keeps its "-wal" too.  Left with changes in it, a file that is moved away
 * would lack them, and one that is moved in would get them.
 */
static void empty_wal(struct clientid__sqlite *s)
{
    if (s->db == NULL || sqlite3_total_changes64(s->db) == 0)
        return;
    sqlite3_busy_timeout(s->db, 1000);
    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

static void store_close(clientid_store *store)
{
    struct clientid__sqlite *s = clientid__sqlite_of(store);

    empty_wal(s);
    clientid__sqlite_disconnect(s);
    clientid__free(&clientid__malloc, s);
}

static int set_bulk(struct clientid__sqlite *s, bool bulk, clientid_error *error)
{
    int rc;

    if (s->bulk == bulk)
        return 0;
    rc = pragma(s,
                bulk ? "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -131072;"
                       "PRAGMA wal_autocheckpoint = 32768"
                     : "PRAGMA synchronous = FULL; PRAGMA cache_size = -2000;"
                       "PRAGMA wal_autocheckpoint = 1000; PRAGMA wal_checkpoint(PASSIVE)",
                error);
    if (rc == 0)
        s->bulk = bulk;
    return rc;
}

static int store_begin(clientid_store *store, enum clientid__transaction kind,
                       clientid_error *error)
{
    static const char read[] = "BEGIN", write[] = "BEGIN IMMEDIATE";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = 0;

    if (kind != CLIENTID__READ && sqlite3_db_readonly(s->db, "main") == 1)
        return clientid__fail(error, CLIENTID_ERR_IO, "%s is open for reading only", s->file);
    if (kind != CLIENTID__READ)
        rc = set_bulk(s, kind == CLIENTID__BULK, error);
    if (rc != 0)
        return rc;
    return clientid__sqlite_run(s, kind == CLIENTID__READ ? read : write, NULL, 0, error);
}

static void store_rollback(clientid_store *store)
{
    struct clientid__sqlite *s = clientid__sqlite_of(store);

    /* Some errors have rolled back already. */
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static int store_commit(clientid_store *store, clientid_error *error)
{
    static const char text[] = "COMMIT";
    int rc = clientid__sqlite_run(clientid__sqlite_of(store), text, NULL, 0, error);

    if (rc != 0)
        store_rollback(store);
    return rc;
}

static int store_verify(clientid_store *store, clientid_error *error)
{
    static const char pages[] = "PRAGMA integrity_check(1)";
    static const char references[] = "PRAGMA foreign_key_check";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    clientid_position position;
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(s, pages, NULL, 0, &stmt, error);

    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc < 0)
        return rc;
    if (!clientid__str_eq(clientid__column_str(stmt, 0), CLIENTID_STR("ok"))) {
        rc = clientid__fail(error, CLIENTID_ERR_CORRUPT, "%s is damaged: %s", s->file,
                            (const char *)sqlite3_column_text(stmt, 0));
        sqlite3_reset(stmt);
        return rc;
    }
    sqlite3_reset(stmt);
    rc = clientid__sqlite_prepare(s, references, NULL, 0, &stmt, error);
    if (rc == 0)
        rc = clientid__sqlite_step(s, stmt, error);
    if (rc > 0) {
        rc = clientid__fail(error, CLIENTID_ERR_CORRUPT, "%s is damaged: a row of %s lacks its %s",
                            s->file, (const char *)sqlite3_column_text(stmt, 0),
                            (const char *)sqlite3_column_text(stmt, 2));
        sqlite3_reset(stmt);
    }
    return rc != 0 ? rc : clientid__sqlite_position(store, &position, error);
}

static const struct clientid__store_ops *sqlite_ops(void)
{
    static const struct clientid__store_ops ops = {
        .close = store_close,
        .begin = store_begin,
        .commit = store_commit,
        .rollback = store_rollback,
        .position = clientid__sqlite_position,
        .verify = store_verify,
        .log = &clientid__sqlite_log,
        .api = &clientid__sqlite_api,
        .tier = &clientid__sqlite_tier,
        .application = &clientid__sqlite_application,
        .owner = &clientid__sqlite_owner,
        .contract = &clientid__sqlite_contract,
        .feed = &clientid__sqlite_feed,
        .user = &clientid__sqlite_user,
        .token = &clientid__sqlite_token,
        .connected_app = &clientid__sqlite_connected_app,
        .api_owner = &clientid__sqlite_api_owner,
        .provider = &clientid__sqlite_provider,
        .hook = &clientid__sqlite_hook,
        .user_request = &clientid__sqlite_user_request,
        .gateway_event = &clientid__sqlite_gateway_event,
        .credential = &clientid__sqlite_credential,
        .outbox = &clientid__sqlite_outbox,
        .notice = &clientid__sqlite_notice,
    };
    return &ops;
}

int clientid__sqlite_open(clientid_store **out, const char *file, unsigned flags,
                          clientid_error *error)
{
    struct clientid__sqlite *s = clientid__alloc(&clientid__malloc, 1, sizeof(*s));
    enum clientid__connection how = (flags & CLIENTID_STORE_READONLY) ? CLIENTID__CONNECT_READ
                                    : (flags & CLIENTID_STORE_CREATE) ? CLIENTID__CONNECT_CREATE
                                                                      : CLIENTID__CONNECT_WRITE;
    int rc;

    if (s == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    s->store.ops = sqlite_ops();
    rc = clientid__sqlite_connect(s, file, how, error);
    if (rc != 0) {
        clientid__free(&clientid__malloc, s);
        return rc;
    }
    *out = &s->store;
    return 0;
}
