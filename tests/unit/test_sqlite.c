/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: what is there, what is wrong with it, and that nothing is lost when it is. */
#include "support_event.h"
#include "support_store.h"

#include "store/sqlite.h"

#include "base/str.h"

#include <clientid/delivery.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int open_store(const char *uri, unsigned flags, clientid_error *error)
{
    clientid_store *store = NULL;
    int rc = clientid_store_open(&store, uri, flags, error);

    if (rc != 0)
        assert_null(store);
    clientid_store_close(store);
    return rc;
}

static void test_arguments(void **state)
{
    static const struct {
        const char *name, *uri;
        unsigned flags;
    } rows[] = {
        {"no URI", NULL, CLIENTID_STORE_CREATE},
        {"no scheme", "/tmp/x", CLIENTID_STORE_CREATE},
        {"another scheme", "postgres:x", CLIENTID_STORE_CREATE},
        {"no file", "sqlite:", CLIENTID_STORE_CREATE},
        {"a name with a meaning for SQLite", "sqlite::memory:", CLIENTID_STORE_CREATE},
        {"an unknown flag", "sqlite:/tmp/x", 64},
        {"create and read-only", "sqlite:/tmp/x", CLIENTID_STORE_CREATE | CLIENTID_STORE_READONLY},
    };
    clientid_source source;
    clientid_position position;
    clientid_error error;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (open_store(rows[i].uri, rows[i].flags, &error) != CLIENTID_ERR_ARG)
            fail_msg("%s", rows[i].name);
    assert_int_equal(clientid_store_open(NULL, "sqlite:/tmp/x", 0, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_store_source(&source, "file:x", NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_store_source(NULL, "sqlite:x", NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_store_position(NULL, &position, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_store_verify(NULL, NULL), CLIENTID_ERR_ARG);
    clientid_store_close(NULL);
}

/* ---- files ----------------------------------------------------------------------------------- */

struct files {
    char folder[64], file[96], uri[112];
    clientid_error error;
};

static void files_new(struct files *f)
{
    memset(f, 0, sizeof(*f));
    support_folder_new(f->folder);
    snprintf(f->file, sizeof(f->file), "%s/x.db", f->folder);
    snprintf(f->uri, sizeof(f->uri), "sqlite:%s", f->file);
}

static void run_sql(const char *file, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* SQLite may read a name as a URI, which names another file. */
static void test_a_name_that_looks_like_a_uri(void **state)
{
    static const char *const names[] = {"file:x.db", "file:x.db?mode=memory", "x.db?a=1&b#c",
                                        "a b'c\"\nd%20"};
    struct files f;
    char folder[PATH_MAX], uri[64];

    (void)state;
    files_new(&f);
    assert_non_null(getcwd(folder, sizeof(folder)));
    assert_int_equal(chdir(f.folder), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct stat st;

        snprintf(uri, sizeof(uri), "sqlite:%s", names[i]);
        assert_int_equal(open_store(uri, CLIENTID_STORE_CREATE, &f.error), 0);
        assert_int_equal(open_store(uri, 0, &f.error), 0);
        assert_int_equal(stat(names[i], &st), 0);
        assert_true(st.st_size > 0);
    }
    assert_int_equal(access("x.db", F_OK), -1);
    assert_int_equal(chdir(folder), 0);
    support_folder_del(f.folder);
}

static void test_missing(void **state)
{
    struct files f;
    struct stat st;

    (void)state;
    files_new(&f);
    assert_int_equal(open_store(f.uri, 0, &f.error), CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(open_store(f.uri, CLIENTID_STORE_READONLY, &f.error), CLIENTID_ERR_NOT_FOUND);
    assert_int_not_equal(stat(f.file, &st), 0); /* it was not made by looking */
    assert_int_equal(open_store(f.uri, CLIENTID_STORE_CREATE, &f.error), 0);
    assert_int_equal(stat(f.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600); /* hashes of secrets are nobody else's */
    assert_int_equal(open_store("sqlite:/nonexistent/x.db", CLIENTID_STORE_CREATE, &f.error),
                     CLIENTID_ERR_IO);
    snprintf(f.uri, sizeof(f.uri), "sqlite:%s", f.folder);
    assert_int_equal(open_store(f.uri, 0, &f.error), CLIENTID_ERR_IO); /* a folder */
    support_folder_del(f.folder);
}

static void test_foreign_files(void **state)
{
    static const char text[] = "This is a long text file, longer than the header of a database, "
                               "which has one hundred bytes; so it is read as one.";
    struct files f;

    (void)state;
    files_new(&f);
    support_write(f.folder, "x.db", text, sizeof(text));
    assert_int_equal(open_store(f.uri, CLIENTID_STORE_CREATE, &f.error), CLIENTID_ERR_FORMAT);
    assert_non_null(strstr(f.error.text, "not an SQLite database"));
    support_write(f.folder, "x.db", "", 0);
    assert_int_equal(open_store(f.uri, 0, &f.error), CLIENTID_ERR_FORMAT);
    assert_non_null(strstr(f.error.text, "empty"));
    unlink(f.file);
    run_sql(f.file, "CREATE TABLE other(x)");
    assert_int_equal(open_store(f.uri, CLIENTID_STORE_CREATE, &f.error), CLIENTID_ERR_FORMAT);
    assert_non_null(strstr(f.error.text, "another program"));
    support_folder_del(f.folder);
}

static void test_newer_schema_is_refused(void **state)
{
    struct files f;

    (void)state;
    files_new(&f);
    assert_int_equal(open_store(f.uri, CLIENTID_STORE_CREATE, &f.error), 0);
    run_sql(f.file, "PRAGMA user_version = 999");
    assert_int_equal(open_store(f.uri, 0, &f.error), CLIENTID_ERR_VERSION);
    assert_non_null(strstr(f.error.text, "999"));
    assert_int_equal(open_store(f.uri, CLIENTID_STORE_READONLY, &f.error), CLIENTID_ERR_VERSION);
    support_folder_del(f.folder);
}

/* Each older version in turn, made by the steps of then. */
static void test_older_schemas_are_brought_up_to_date(void **state)
{
    (void)state;
    for (int version = 1; version < clientid__schema_version; version++) {
        struct clientid__sqlite *s = calloc(1, sizeof(*s));
        clientid_store *store;
        struct files f;

        files_new(&f);
        assert_non_null(s);
        snprintf(s->file, sizeof(s->file), "%s", f.file);
        assert_int_equal(sqlite3_open(f.file, &s->db), SQLITE_OK);
        assert_int_equal(clientid__schema_upgrade(s, version, &f.error), 0);
        clientid__sqlite_disconnect(s);
        free(s);
        assert_int_equal(open_store(f.uri, CLIENTID_STORE_READONLY, &f.error),
                         CLIENTID_ERR_VERSION);
        assert_non_null(strstr(f.error.text, "older"));
        assert_int_equal(clientid_store_open(&store, f.uri, 0, &f.error), 0);
        assert_int_equal(clientid_store_verify(store, &f.error), 0);
        clientid_store_close(store);
        assert_int_equal(open_store(f.uri, CLIENTID_STORE_READONLY, &f.error), 0);
        support_folder_del(f.folder);
    }
}

static int count_contract(void *sink, const clientid_contract_record *record)
{
    *(uint64_t *)sink += record->status == CLIENTID_APPROVED;
    return 0;
}

/* A store with data of the schema before third-party gateways: all of it is there, and gateways can be told. */
static void test_data_of_an_older_schema(void **state)
{
    static const char data[] =
        "INSERT INTO api VALUES(1, 1, 'petstore', 'X Gateway', '', '', NULL, 5, 5);"
        "INSERT INTO application(id, client_id, name, salt, algorithm1, pepper1, not_before1,"
        " not_after1, algorithm2, pepper2, not_before2, not_after2, newest_slot, provider,"
        " description, url, redirect_uris, grant_types, api_endpoints, created_ns, updated_ns)"
        " VALUES(1, 'app', 'App', x'', 0, 0, 0, 0, 0, 0, 0, 0, 0, 'X Gateway', '', '', '', '', 0,"
        " 5, 5);"
        "INSERT INTO contract VALUES(1, 1, 1, NULL, NULL, 2, NULL, '', '', '', 5, 5, 5, 0, 0);";
    struct clientid__sqlite *s = calloc(1, sizeof(*s));
    clientid_hook_record hook = {.size = sizeof(hook),
                                 .url = CLIENTID_STR("https://x"),
                                 .subscriptions = CLIENTID_HOOK_EVENT_SCOPE_DECREASE};
    clientid_provider_record provider = {.size = sizeof(provider),
                                         .name = CLIENTID_STR("X Gateway"),
                                         .type = CLIENTID_PROVIDER_THIRD_PARTY};
    clientid_store *store;
    clientid_control *control;
    uint64_t id, approved = 0, waiting = 0, oldest;
    struct files f;

    (void)state;
    files_new(&f);
    assert_non_null(s);
    snprintf(s->file, sizeof(s->file), "%s", f.file);
    assert_int_equal(sqlite3_open(f.file, &s->db), SQLITE_OK);
    assert_int_equal(clientid__schema_upgrade(s, 3, &f.error), 0);
    clientid__sqlite_disconnect(s);
    free(s);
    run_sql(f.file, data);
    assert_int_equal(clientid_store_open(&store, f.uri, 0, &f.error), 0);
    assert_int_equal(clientid_control_new(&control, store, NULL, NULL), 0);
    assert_int_equal(
        clientid_control_contract_list(control, NULL, count_contract, &approved, &f.error), 0);
    assert_int_equal(approved, 1);
    assert_int_equal(clientid_control_hook_create(control, &hook, &id, &f.error), 0);
    assert_int_equal(clientid_control_provider_create(control, &provider, &id, &f.error), 0);
    assert_int_equal(clientid_control_contract_act(control, 1, CLIENTID_VERB_REVOKE, &f.error), 0);
    assert_int_equal(clientid_control_delivery_backlog(control, &waiting, &oldest, &f.error), 0);
    assert_int_equal(waiting, 1);
    assert_int_equal(clientid_store_verify(store, &f.error), 0);
    clientid_control_del(control);
    clientid_store_close(store);
    support_folder_del(f.folder);
}

static int count_owner(void *sink, const clientid_application_record *record)
{
    *(uint32_t *)sink += record->owner_count;
    return 0;
}

/* A store with data of the schema before accounts: owners are users as soon as there are users of these names. */
static void test_data_before_accounts(void **state)
{
    static const char data[] =
        "INSERT INTO application(id, client_id, name, salt, algorithm1, pepper1, not_before1,"
        " not_after1, algorithm2, pepper2, not_before2, not_after2, newest_slot, provider,"
        " description, url, redirect_uris, grant_types, api_endpoints, created_ns, updated_ns)"
        " VALUES(1, 'app', 'App', x'', 0, 0, 0, 0, 0, 0, 0, 0, 0, '', '', '', '', '', 0, 5, 5);"
        "INSERT INTO owner VALUES(1, 'sam');";
    clientid_federated_user sam = {.size = sizeof(sam),
                                   .name = CLIENTID_STR("sam"),
                                   .assertion_id = CLIENTID_STR("a"),
                                   .not_after_ns = INT64_MAX};
    clientid_token token = {.size = sizeof(token)};
    clientid_caller caller = {.size = sizeof(caller)};
    struct clientid__sqlite *s = calloc(1, sizeof(*s));
    uint32_t owners = 0;
    clientid_store *store;
    clientid_control *control;
    struct files f;

    (void)state;
    files_new(&f);
    assert_non_null(s);
    snprintf(s->file, sizeof(s->file), "%s", f.file);
    assert_int_equal(sqlite3_open(f.file, &s->db), SQLITE_OK);
    assert_int_equal(clientid__schema_upgrade(s, 2, &f.error), 0);
    clientid__sqlite_disconnect(s);
    free(s);
    run_sql(f.file, data);
    assert_int_equal(clientid_store_open(&store, f.uri, 0, &f.error), 0);
    assert_int_equal(clientid_control_new(&control, store, NULL, NULL), 0);
    assert_int_equal(clientid_control_login_federated(control, &sam, NULL, &token, &f.error), 0);
    assert_int_equal(clientid_control_authenticate(control, clientid__cstr(token.access_token),
                                                   &caller, &f.error),
                     0);
    assert_int_equal(clientid_control_set_caller(control, &caller), 0);
    assert_int_equal(
        clientid_control_application_list(control, NULL, count_owner, &owners, &f.error), 0);
    assert_int_equal(owners, 1);
    assert_int_equal(clientid_control_application_delete(control, 1, &f.error), 0);
    assert_int_equal(clientid_store_verify(store, &f.error), 0);
    clientid_control_del(control);
    clientid_store_close(store);
    support_folder_del(f.folder);
}

static void test_read_only_changes_nothing(void **state)
{
    struct support_store s;
    clientid_store *store;
    clientid_control *control;
    clientid_error error;

    (void)state;
    support_store_new(&s);
    support_new_api(&s, "orders");
    assert_int_equal(clientid_store_open(&store, s.uri, CLIENTID_STORE_READONLY, &error), 0);
    assert_int_equal(clientid_control_new(&control, store, NULL, &error), 0);
    assert_int_equal(clientid_control_api_delete(control, 1, &error), CLIENTID_ERR_IO);
    assert_non_null(strstr(error.text, "reading only"));
    clientid_control_del(control);
    clientid_store_close(store);
    support_store_del(&s);
}

/* A user who may read the file but not write the folder: in a child, since root may do anything. */
static void test_folder_not_writable(void **state)
{
    struct support_store s;
    int status = 0;
    pid_t pid;

    (void)state;
    if (geteuid() != 0)
        skip();
    support_store_new(&s);
    support_store_close(&s);
    assert_int_equal(chmod(s.file, 0644), 0);
    assert_int_equal(chmod(s.folder, 0755), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        clientid_error error = {0};
        clientid_store *store;
        int reader, writer;

        if (setuid(65534) != 0)
            _exit(99);
        reader = clientid_store_open(&store, s.uri, CLIENTID_STORE_READONLY, &error);
        if (strstr(error.text, "folder is not writable") == NULL)
            _exit(2);
        writer = clientid_store_open(&store, s.uri, 0, &error);
        _exit(reader != CLIENTID_ERR_IO ? 3 : writer != CLIENTID_ERR_IO ? 4 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    support_folder_del(s.folder);
}

static void test_busy(void **state)
{
    struct support_store s;
    sqlite3 *db;

    (void)state;
    support_store_new(&s);
    sqlite3_busy_timeout(clientid__sqlite_of(s.store)->db, 50);
    assert_int_equal(sqlite3_open(s.file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(clientid_control_changes_prune(s.control, 1, NULL, &s.error),
                     CLIENTID_ERR_BUSY);
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    support_new_api(&s, "orders");
    support_store_del(&s);
}

/* ---- full disk ------------------------------------------------------------------------------- */

static void test_full_disk_loses_nothing(void **state)
{
    struct support_store s;
    clientid_application_record record = {.size = sizeof(record), .name = CLIENTID_STR("filler")};
    clientid_credentials credentials = {.size = sizeof(credentials)};
    static char text[30000];
    uint64_t api, app, revision;
    char *before, *after;
    int rc;

    (void)state;
    support_store_new(&s);
    api = support_new_api(&s, "orders");
    app = support_new_application(&s, "app");
    support_new_contract(&s, app, api, 0);
    memset(text, 'x', sizeof(text));
    record.description = (clientid_str){text, sizeof(text)};
    assert_int_equal(sqlite3_exec(clientid__sqlite_of(s.store)->db, "PRAGMA max_page_count = 60",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    do {
        before = support_export(&s);
        revision = support_revision(&s);
        rc = clientid_control_application_create(s.control, &record, CLIENTID_STR(""), &credentials,
                                                 &s.error);
        if (rc == 0)
            free(before);
    } while (rc == 0);
    assert_int_equal(rc, CLIENTID_ERR_FULL);
    assert_string_equal(credentials.client_secret, ""); /* of no use, so not shown */
    after = support_export(&s);
    assert_string_equal(before, after);
    assert_int_equal(support_revision(&s), revision);
    assert_int_equal(clientid_store_verify(s.store, &s.error), 0);
    free(before);
    free(after);
    /* With room again, work goes on. */
    support_store_reopen(&s, NULL);
    support_new_application(&s, "later");
    support_store_del(&s);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static int take(void *sink, const clientid_event *event)
{
    (void)event;
    ++*(size_t *)sink;
    return 0;
}

/* A byte here and there turned over: every call ends, with an answer or a known error. */
static void test_flipped_bytes(void **state)
{
    struct support_store s;
    unsigned char *bytes;
    uint64_t seed = 20260101, api;
    size_t len, noticed = 0;

    (void)state;
    support_store_new(&s);
    api = support_new_api(&s, "orders");
    for (int i = 0; i < 50; i++) {
        char name[16];

        snprintf(name, sizeof(name), "app%d", i);
        support_new_contract(&s, support_new_application(&s, name), api, 0);
    }
    support_store_close(&s);
    bytes = support_read(s.folder, "store.db", &len);
    for (int round = 0; round < 150; round++) {
        clientid_position position = {0, 0};
        clientid_source source;
        size_t at = support_random(&seed) % len, events = 0;
        unsigned char was = bytes[at];
        int rc;

        bytes[at] ^= (unsigned char)(1 + support_random(&seed) % 255);
        support_write(s.folder, "store.db", bytes, len);
        assert_int_equal(clientid_store_source(&source, s.uri, &s.error), 0);
        rc = source.load(source.self, take, &events, &position, &s.error);
        if (rc != 0 && rc != CLIENTID_ERR_CORRUPT && rc != CLIENTID_ERR_FORMAT &&
            rc != CLIENTID_ERR_IO && rc != CLIENTID_ERR_VERSION && rc != CLIENTID_ERR_UNREACHABLE)
            fail_msg("byte %zu: %d %s", at, rc, s.error.text);
        noticed += rc != 0;
        source.close(source.self);
        bytes[at] = was;
    }
    assert_true(noticed > 0);
    free(bytes);
    support_folder_del(s.folder);
}

static void test_verify_finds_damage(void **state)
{
    struct support_store s;
    clientid_store *store;
    unsigned char *bytes;
    size_t len, at;

    (void)state;
    support_store_new(&s);
    support_new_contract(&s, support_new_application(&s, "app"), support_new_api(&s, "orders"), 0);
    assert_int_equal(clientid_store_verify(s.store, &s.error), 0);
    support_store_close(&s);
    run_sql(s.file, "PRAGMA foreign_keys = OFF; DELETE FROM application");
    assert_int_equal(clientid_store_open(&store, s.uri, 0, &s.error), 0);
    assert_int_equal(clientid_store_verify(store, &s.error), CLIENTID_ERR_CORRUPT);
    clientid_store_close(store);
    /* All of a page but the first, which holds the schema. */
    bytes = support_read(s.folder, "store.db", &len);
    for (at = 8192; at < len && at < 60000; at++)
        bytes[at] ^= 0xff;
    support_write(s.folder, "store.db", bytes, len);
    free(bytes);
    if (clientid_store_open(&store, s.uri, 0, &s.error) == 0) {
        assert_int_equal(clientid_store_verify(store, &s.error), CLIENTID_ERR_CORRUPT);
        clientid_store_close(store);
    }
    support_folder_del(s.folder);
}

/* Values that SQLite takes and we never write. */
static void test_impossible_values(void **state)
{
    static const char *const damage[] = {
        "UPDATE application SET hash1 = x'00'",
        "UPDATE application SET algorithm1 = 7",
        "UPDATE application SET salt = zeroblob(33)",
        "UPDATE contract SET status = 9",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        struct support_store s;
        clientid_position position;
        clientid_source source;
        size_t events = 0;

        support_store_new(&s);
        support_new_contract(&s, support_new_application(&s, "app"), support_new_api(&s, "o"), 0);
        support_store_close(&s);
        run_sql(s.file, damage[i]);
        assert_int_equal(clientid_store_source(&source, s.uri, &s.error), 0);
        if (source.load(source.self, take, &events, &position, &s.error) != CLIENTID_ERR_CORRUPT)
            fail_msg("%s", damage[i]);
        source.close(source.self);
        support_folder_del(s.folder);
    }
}

static void test_overlong_names(void **state)
{
    struct support_store s;
    clientid_secret slots[2];
    uint64_t api, tier, app;

    (void)state;
    support_store_new(&s);
    api = support_new_api(&s, "orders");
    tier = support_new_tier(&s, api, "gold", false);
    app = support_new_application(&s, "app");
    support_secrets(&s, app, slots);
    run_sql(s.file, "UPDATE api SET provider = printf('%.300c', 'x');"
                    "UPDATE tier SET name = printf('%.300c', 'x');"
                    "UPDATE application SET client_id = printf('%.600c', 'x')");
    assert_int_equal(clientid_control_api_delete(s.control, api, &s.error), CLIENTID_ERR_CORRUPT);
    assert_int_equal(clientid_control_tier_delete(s.control, tier, &s.error), CLIENTID_ERR_CORRUPT);
    assert_int_equal(clientid_control_application_delete(s.control, app, &s.error),
                     CLIENTID_ERR_CORRUPT);
    run_sql(s.file, "DELETE FROM meta");
    assert_int_equal(clientid_store_verify(s.store, &s.error), CLIENTID_ERR_CORRUPT);
    support_store_del(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_a_name_that_looks_like_a_uri),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_foreign_files),
        cmocka_unit_test(test_newer_schema_is_refused),
        cmocka_unit_test(test_older_schemas_are_brought_up_to_date),
        cmocka_unit_test(test_data_of_an_older_schema),
        cmocka_unit_test(test_data_before_accounts),
        cmocka_unit_test(test_read_only_changes_nothing),
        cmocka_unit_test(test_folder_not_writable),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_full_disk_loses_nothing),
        cmocka_unit_test(test_flipped_bytes),
        cmocka_unit_test(test_verify_finds_damage),
        cmocka_unit_test(test_impossible_values),
        cmocka_unit_test(test_overlong_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
