/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store of many clients, made fast: API instance and tier through the library, then the rows by SQL in one
 * transaction, as this schema has them.  Another schema, and they are loaded as JSON lines, which takes minutes.
 */
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KNOWN_SCHEMA = 2 };

static const char applications[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %zu)"
    " INSERT INTO application SELECT i, printf('%%032x', i), printf('client %%09d', i),"
    " randomblob(16), 1, 0, randomblob(32), 0, 0, 0, 0, NULL, 0, 0, 1, '', '', '', '', '', 0, 1, 1"
    " FROM n";
static const char contracts[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %zu)"
    " INSERT INTO contract SELECT i, i, (SELECT id FROM api), (SELECT id FROM tier), NULL, 2,"
    " NULL, '', '', '', 1, 1, 1, 0, 0 FROM n";

static void run(sqlite3 *db, const char *text)
{
    char *message = NULL;

    if (sqlite3_exec(db, text, NULL, NULL, &message) == SQLITE_OK)
        return;
    fprintf(stderr, "clientid-bench: %s\n", message != NULL ? message : "SQLite failed");
    exit(2);
}

static int schema_of(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int version = -1;

    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        version = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return version;
}

static bool insert_rows(const char *file, size_t clients)
{
    char text[700];
    sqlite3 *db;
    bool known;

    need(sqlite3_open(file, &db) == SQLITE_OK ? 0 : CLIENTID_ERR_IO, file, NULL);
    known = schema_of(db) == KNOWN_SCHEMA;
    if (known) {
        run(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                " PRAGMA cache_size = -200000; BEGIN");
        snprintf(text, sizeof(text), applications, clients);
        run(db, text);
        snprintf(text, sizeof(text), contracts, clients);
        run(db, text);
        run(db, "COMMIT; PRAGMA journal_mode = WAL");
    }
    sqlite3_close(db);
    return known;
}

struct lines {
    size_t next, count;
};

/* The next lines as they fit; every secret is a hash, as a migration has them. */
static int read_lines(void *self, char *out, size_t *len)
{
    struct lines *lines = self;
    size_t used = 0;

    for (; lines->next<lines->count && * len - used> 512; lines->next++)
        used += (size_t)snprintf(
            out + used, *len - used,
            "{\"clientId\":\"%032zx\",\"name\":\"client %09zu\",\"clientSecretHash\":"
            "\"%064zx\",\"clientSecretSalt\":\"%032zx\",\"api\":\"bench\",\"tier\":\"gold\"}\n",
            lines->next, lines->next, lines->next * 2654435761U, lines->next);
    *len = used;
    return 0;
}

double store_load_lines(clientid_control *control, size_t clients)
{
    struct lines lines = {0, clients};
    clientid_load_options load = {.size = sizeof(load), .read = read_lines, .read_self = &lines};
    clientid_load_counts counts = {.size = sizeof(counts)};
    clientid_error error;
    uint64_t start = clock_ns();

    need(clientid_control_load(control, &load, &counts, &error), "load", &error);
    return (double)(clock_ns() - start) / 1e6;
}

void store_begin(struct bench_store *s, const char *file)
{
    clientid_limit limit = {.maximum_requests = 100, .period_ms = 60000, .visible = 1};
    clientid_api_record api = {
        .size = sizeof(api), .kind = CLIENTID_API_INSTANCE, .name = CLIENTID_STR("bench")};
    clientid_tier_record tier = {.size = sizeof(tier),
                                 .name = CLIENTID_STR("gold"),
                                 .limits = &limit,
                                 .limit_count = 1,
                                 .status = CLIENTID_TIER_ACTIVE,
                                 .auto_approve = 1};
    char uri[300];
    clientid_error error;

    snprintf(uri, sizeof(uri), "sqlite:%s", file);
    need(clientid_store_open(&s->store, uri, CLIENTID_STORE_CREATE, &error), "store", &error);
    need(clientid_control_new(&s->control, s->store, NULL, &error), "control", &error);
    need(clientid_control_api_create(s->control, &api, &tier.api_id, &error), "api", &error);
    need(clientid_control_tier_create(s->control, &tier, &tier.id, &error), "tier", &error);
}

void store_end(struct bench_store *s)
{
    clientid_control_del(s->control);
    clientid_store_close(s->store);
}

static void copy_file(const char *from, const char *to)
{
    char command[2048];

    snprintf(command, sizeof(command), "rm -f '%s' '%s-wal' '%s-shm' && cp '%s' '%s'", to, to, to,
             from, to);
    if (system(command) != 0)
        exit(2);
}

void store_make(const char *file, size_t clients)
{
    char kept[256];
    struct bench_store s;
    struct stat stat_of;

    snprintf(kept, sizeof(kept), "%s/store-%d-%zu.db", options.folder, KNOWN_SCHEMA, clients);
    if (stat(kept, &stat_of) != 0) {
        char part[280];

        snprintf(part, sizeof(part), "%s.part", kept);
        unlink(part);
        store_begin(&s, part);
        store_end(&s);
        if (!insert_rows(part, clients)) {
            clientid_error error;
            char uri[300];

            snprintf(uri, sizeof(uri), "sqlite:%s", part);
            need(clientid_store_open(&s.store, uri, 0, &error), "store", &error);
            need(clientid_control_new(&s.control, s.store, NULL, &error), "control", &error);
            (void)store_load_lines(s.control, clients);
            store_end(&s);
        }
        need(rename(part, kept) == 0 ? 0 : CLIENTID_ERR_IO, kept, NULL);
    }
    copy_file(kept, file);
}
