/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway applies, load or changes, is the state of the database at one revision. */
#include "store/sqlite_stream.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <sys/stat.h>

/* It is asked again soon; a host that stops waits for a call that is under way. */
#define BUSY_MS 30

struct source {
    struct clientid__sqlite sqlite; /* |db| NULL: not open */
    char file[PATH_MAX];
    dev_t device; /* of the file that is or was open */
    ino_t inode;
    bool was_open; /* |device| and |inode| count */
    bool replaced; /* another file than before: what was seen does not apply to it */
    bool in_step;  /* |data_version| is what the last load or changes saw */
    uint64_t data_version;
    clientid_position told; /* where the last load or changes ended; identity 0: there was none */
    uint64_t told_at_ns;    /* when that revision was made; 0: the change log did not have it */
};

/* ---- the file -------------------------------------------------------------------------------- */

static int fail_unreachable(struct source *source, int system_errno, clientid_error *error)
{
    return clientid__fail_errno(error, CLIENTID_ERR_UNREACHABLE, system_errno, "cannot reach %s",
                                source->file);
}

static void source_disconnect(struct source *source)
{
    if (source->sqlite.db != NULL)
        clientid__sqlite_disconnect(&source->sqlite);
    source->in_step = false;
}

/* The file under the name is the one that is open: a renamed database would otherwise be served for ever. */
static int same_file(struct source *source, bool *same, clientid_error *error)
{
    struct stat st;

    if (stat(source->file, &st) != 0) {
        int cause = errno;

        source_disconnect(source);
        /* What comes back under the name may be another file with the same inode number. */
        source->replaced = source->was_open;
        return fail_unreachable(source, cause, error);
    }
    *same = source->was_open && st.st_dev == source->device && st.st_ino == source->inode;
    if (!*same && source->was_open)
        source->replaced = true;
    source->device = st.st_dev;
    source->inode = st.st_ino;
    source->was_open = true;
    return 0;
}

static int source_connect(struct source *source, clientid_error *error)
{
    bool same = false;
    int rc = same_file(source, &same, error);

    if (rc != 0)
        return rc;
    if (!same)
        source_disconnect(source);
    if (source->sqlite.db != NULL)
        return 0;
    source->sqlite.busy_ms = BUSY_MS;
    rc = clientid__sqlite_connect(&source->sqlite, source->file, CLIENTID__CONNECT_READ, error);
    if (rc == CLIENTID_ERR_NOT_FOUND || rc == CLIENTID_ERR_IO || rc == CLIENTID_ERR_BUSY) {
        if (error != NULL)
            error->code = CLIENTID_ERR_UNREACHABLE;
        return CLIENTID_ERR_UNREACHABLE;
    }
    if (rc != 0)
        return rc;
    /* Replaced between stat and open: what is open may be either. */
    rc = same_file(source, &same, error);
    if (rc == 0 && !same) {
        source_disconnect(source);
        return clientid__fail(error, CLIENTID_ERR_UNREACHABLE, "%s is being replaced",
                              source->file);
    }
    return rc;
}

static int data_version(struct source *source, uint64_t *out, clientid_error *error)
{
    static const char text[] = "PRAGMA data_version";

    return clientid__sqlite_number(&source->sqlite, text, NULL, 0, out, error);
}

#define CONTRACT                                                                                   \
    "p.client_id, c.status, c.tier_id, c.application_id, p.name, " CLIENTID__STREAM_SECRET

/* ---- load ------------------------------------------------------------------------------------ */

static int emit_all(struct clientid__stream *stream)
{
    static const char tiers[] =
        "SELECT 0, t.id, t.name, " CLIENTID__STREAM_LIMITS " FROM tier t ORDER BY t.id";
    static const char groups[] = "SELECT 0, id, name FROM api WHERE kind = 2 ORDER BY id";
    /* CROSS JOIN keeps the order of the loops: one pass over contracts, rows found by number. */
    static const char contracts[] =
        "SELECT 0, c.id, a.name, " CONTRACT " FROM contract c"
        " CROSS JOIN application p ON p.id = c.application_id CROSS JOIN api a ON a.id = c.api_id";
    int rc = clientid__stream_rows(stream, tiers, NULL, 0, clientid__stream_tier);

    if (rc == 0)
        rc = clientid__stream_rows(stream, groups, NULL, 0, clientid__stream_group);
    if (rc == 0)
        rc = clientid__stream_rows(stream, contracts, NULL, 0, clientid__stream_contract);
    return rc;
}

/* ---- changes --------------------------------------------------------------------------------- */

/*
 * The last change of every thing after a revision.  With max() in an aggregate query, SQLite takes the other columns
 * from the row with the maximum: https://www.sqlite.org/lang_select.html#bareagg
 */
#define CHANGED(entity)                                                                            \
    "WITH d AS (SELECT entity_id, max(revision) AS revision, api, client_id FROM change_log"       \
    " WHERE revision > ?1 AND in_force AND entity = " entity " GROUP BY entity_id)"

static int emit_changed(struct clientid__stream *stream, uint64_t after)
{
    static const char tiers[] =
        CHANGED("3") "SELECT d.revision, t.id, t.name, " CLIENTID__STREAM_LIMITS
                     " FROM d JOIN tier t ON t.id = d.entity_id"
                     " ORDER BY d.revision";
    static const char groups[] =
        CHANGED("2") "SELECT d.revision, a.id, coalesce(a.name, d.api)"
                     " FROM d LEFT JOIN api a ON a.id = d.entity_id ORDER BY d.revision";
    /* A changed application changes all its contracts. */
    static const char contracts[] =
        "WITH l AS (SELECT entity, entity_id, revision, api, client_id FROM change_log"
        " WHERE revision > ?1 AND in_force AND entity IN (4, 5)),"
        " d AS (SELECT id, max(revision) AS revision, api, client_id FROM"
        " (SELECT entity_id AS id, revision, api, client_id FROM l WHERE entity = 5 UNION ALL"
        " SELECT k.id, l.revision, '', '' FROM l JOIN contract k ON k.application_id = l.entity_id"
        " WHERE l.entity = 4) GROUP BY id)"
        " SELECT d.revision, d.id, coalesce(a.name, d.api), coalesce(p.client_id, d.client_id),"
        " c.status, c.tier_id, p.id, p.name, " CLIENTID__STREAM_SECRET
        " FROM d LEFT JOIN contract c ON c.id = d.id LEFT JOIN application p"
        " ON p.id = c.application_id LEFT JOIN api a ON a.id = c.api_id ORDER BY d.revision";
    static const char removed[] =
        CHANGED("3") "SELECT d.revision, d.entity_id FROM d LEFT JOIN tier t ON t.id = d.entity_id"
                     " WHERE t.id IS NULL ORDER BY d.revision";
    struct clientid__sql_arg arg = clientid__sql_u64(after);
    /* Tiers are there before the contracts that name them, and go after the last one left. */
    int rc = clientid__stream_rows(stream, tiers, &arg, 1, clientid__stream_tier);

    if (rc == 0)
        rc = clientid__stream_rows(stream, groups, &arg, 1, clientid__stream_group);
    if (rc == 0)
        rc = clientid__stream_rows(stream, contracts, &arg, 1, clientid__stream_contract);
    if (rc == 0)
        rc = clientid__stream_rows(stream, removed, &arg, 1, clientid__stream_tier_removed);
    return rc;
}

/* 0 when the log no longer has it. */
static int made_at(struct source *source, uint64_t revision, uint64_t *at_ns, clientid_error *error)
{
    static const char text[] =
        "SELECT coalesce((SELECT at_ns FROM change_log WHERE revision = ?), 0)";
    struct clientid__sql_arg arg = clientid__sql_u64(revision);

    return clientid__sqlite_number(&source->sqlite, text, &arg, 1, at_ns, error);
}

/*
 * A database that was restored and went on has revisions of before under new changes.  Only of what it told itself can
 * the source know that it is the same history: not of the last-known-good files, so they are followed by a full load.
 */
static int check_history(struct source *source, const clientid_position *seen,
                         clientid_error *error)
{
    uint64_t at_ns = 0;
    int rc;

    if (seen->identity != source->told.identity || seen->revision != source->told.revision)
        return CLIENTID_ERR_GAP; /* nothing is wrong: no text */
    rc = made_at(source, seen->revision, &at_ns, error);
    if (rc != 0 || at_ns == 0 || source->told_at_ns == 0 || at_ns == source->told_at_ns)
        return rc;
    return clientid__fail(error, CLIENTID_ERR_GAP, "%s went back and on from there", source->file);
}

static int check_gap(struct source *source, const clientid_position *seen,
                     const clientid_position *now, clientid_error *error)
{
    static const char text[] = "SELECT log_floor FROM meta";
    uint64_t floor = 0;
    int rc = clientid__sqlite_number(&source->sqlite, text, NULL, 0, &floor, error);

    if (rc != 0)
        return rc;
    if (source->replaced)
        return clientid__fail(error, CLIENTID_ERR_GAP, "%s was replaced", source->file);
    if (seen->identity != now->identity)
        return clientid__fail(error, CLIENTID_ERR_GAP, "%s holds other data than before",
                              source->file);
    if (seen->revision > now->revision)
        return clientid__fail(error, CLIENTID_ERR_GAP, "%s went back to an older state",
                              source->file);
    if (seen->revision < floor)
        return clientid__fail(error, CLIENTID_ERR_GAP,
                              "the change log of %s no longer reaches back far enough",
                              source->file);
    return check_history(source, seen, error);
}

/* ---- the source ------------------------------------------------------------------------------ */

/* After these the connection is of no use; the next call opens the file anew. */
static int finish(struct source *source, int rc)
{
    if (source->sqlite.db != NULL)
        sqlite3_exec(source->sqlite.db, "ROLLBACK", NULL, NULL, NULL);
    if (rc == CLIENTID_ERR_CORRUPT || rc == CLIENTID_ERR_IO || rc == CLIENTID_ERR_FORMAT)
        source_disconnect(source);
    return rc == CLIENTID_ERR_BUSY ? CLIENTID_ERR_UNREACHABLE : rc;
}

static int start(struct source *source, clientid_position *now, uint64_t *version,
                 clientid_error *error)
{
    static const char begin[] = "BEGIN";
    int rc = source_connect(source, error);

    if (rc == 0)
        rc = clientid__sqlite_run(&source->sqlite, begin, NULL, 0, error);
    if (rc == 0)
        rc = clientid__sqlite_position(&source->sqlite.store, now, error);
    if (rc == 0)
        rc = data_version(source, version, error);
    return rc;
}

/* In the transaction that read all up to |now|. */
static int seen(struct source *source, uint64_t version, const clientid_position *now,
                clientid_error *error)
{
    uint64_t at_ns = 0;
    int rc = made_at(source, now->revision, &at_ns, error);

    if (rc != 0)
        return rc;
    source->told = *now;
    source->told_at_ns = at_ns;
    source->data_version = version;
    source->in_step = true;
    return 0;
}

static int source_load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                       clientid_error *error)
{
    struct source *source = self;
    struct clientid__stream stream = {&source->sqlite, emit, sink, error};
    clientid_position now;
    uint64_t version;
    int rc = start(source, &now, &version, error);

    if (rc == 0)
        rc = emit_all(&stream);
    if (rc == 0)
        rc = seen(source, version, &now, error);
    if (rc != 0)
        return finish(source, rc);
    source->replaced = false;
    *position = now;
    return finish(source, 0);
}

static int source_changes(void *self, clientid_event_fn *emit, void *sink,
                          clientid_position *position, clientid_error *error)
{
    struct source *source = self;
    struct clientid__stream stream = {&source->sqlite, emit, sink, error};
    clientid_position now;
    uint64_t version;
    int rc = start(source, &now, &version, error);

    if (rc == 0)
        rc = check_gap(source, position, &now, error);
    if (rc == 0 && now.revision != position->revision)
        rc = emit_changed(&stream, position->revision);
    if (rc == 0)
        rc = seen(source, version, &now, error);
    if (rc != 0)
        return finish(source, rc);
    *position = now;
    return finish(source, 0);
}

static int source_poll(void *self, clientid_error *error)
{
    struct source *source = self;
    uint64_t version;
    int rc = source_connect(source, error);

    if (rc == 0)
        rc = data_version(source, &version, error);
    if (rc != 0)
        return finish(source, rc);
    return !source->in_step || version != source->data_version;
}

static void source_close(void *self)
{
    source_disconnect(self);
    clientid__free(&clientid__malloc, self);
}

int clientid__sqlite_source(clientid_source *out, const char *file, clientid_error *error)
{
    struct source *source = clientid__alloc(&clientid__malloc, 1, sizeof(*source));
    size_t len = strlen(file);

    if (source == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    memcpy(source->file, file, len < PATH_MAX ? len : 0);
    *out = (clientid_source){
        .size = sizeof(*out),
        .self = source,
        .load = source_load,
        .changes = source_changes,
        .poll = source_poll,
        .close = source_close,
    };
    return 0;
}
