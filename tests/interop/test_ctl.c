/* SPDX-License-Identifier: Apache-2.0 */
/* clientidctl as its users see it: output, errors and exit codes of the life cycle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support_ctl.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the command line -------------------------------------------------------------------------- */

struct usage_row {
    const char *reason;
    const char *arguments[10];
    int status;
    const char *said;
};

static const struct usage_row usage_rows[] = {
    {"no command", {NULL}, 2, "clientidctl: command line: a command is missing"},
    {"an unknown command names its neighbour",
     {"ap", "list"},
     2,
     "clientidctl: ap: unknown command; did you mean \"api\"?"},
    {"a word that is near to nothing", {"xyzzyxyzzy"}, 2, "\"clientidctl help\" lists them"},
    {"an unknown verb names its neighbour",
     {"app", "crate", "x"},
     2,
     "unknown command \"app crate\"; did you mean \"app create\"?"},
    {"a noun alone", {"tier"}, 2, "a verb is missing"},
    {"an unknown option names itself and its neighbour",
     {"app", "create", "x", "--ownr", "y"},
     2,
     "app create: unknown option --ownr; did you mean --owner?"},
    {"an option of another command",
     {"api", "list", "--limit", "5/s"},
     2,
     "unknown option --limit"},
    {"a short option that is none", {"api", "list", "-q"}, 2, "unknown option -q"},
    {"an option without its value",
     {"tier", "create", "a", "b", "--limit"},
     2,
     "option --limit needs COUNT/PERIOD"},
    {"a switch with a value", {"api", "list", "--json=yes"}, 2, "option --json takes no value"},
    {"an option given twice",
     {"--store", "sqlite:a", "--store", "sqlite:b", "api", "list"},
     2,
     "option --store is given twice"},
    {"too few arguments",
     {"tier", "create", "orders"},
     2,
     "an argument is missing, expected: API NAME"},
    {"too many arguments", {"api", "list", "orders"}, 2, "unexpected argument \"orders\""},
    {"options do not end at a command, \"--\" ends them",
     {"api", "show", "--", "--json"},
     3,
     "there is no API \"--json\""},
    {"no such help", {"help", "apx"}, 2, "there is no command \"apx\""},
    {"a tier without limits must say so",
     {"tier", "create", "a", "b"},
     2,
     "--limit, or --unlimited"},
    {"nothing to update", {"api", "update", "orders"}, 2, "nothing to update"},
    {"nothing to update", {"app", "update", "x"}, 2, "nothing to update"},
    {"nothing to update", {"tier", "update", "1"}, 2, "nothing to update"},
    {"limits and none at once",
     {"tier", "create", "a", "b", "--limit", "5/s", "--unlimited"},
     2,
     "exclude each other"},
    {"a tier's status that is none", {"tier", "update", "1", "--status", "old"}, 2, "--status is"},
    {"a yes or no that is none",
     {"app", "create", "x", "--api-endpoints", "si"},
     2,
     "--api-endpoints is"},
    {"a page that is none", {"app", "list", "--after", "x"}, 2, "--after takes"},
    {"a page that is none", {"app", "list", "--max", "0"}, 2, "--max takes"},
    {"a page that is none", {"contract", "list", "--after", "x"}, 2, "--after takes"},
    {"a page that is none", {"contract", "list", "--max", "x"}, 2, "--max takes"},
    {"a revision that is none", {"changes", "--after", "x"}, 2, "--after takes a revision"},
    {"a count that is none", {"changes", "--max", "x"}, 2, "--max takes"},
    {"a moment that is none",
     {"app", "reset-secret", "x", "--not-before", "2030-13-01"},
     2,
     "a moment is written"},
    {"a moment before 1970", {"prune-changes", "1969-01-01"}, 2, "the year is out of range"},
    {"approval cannot be both",
     {"tier", "create", "a", "b", "--limit", "5/s", "--auto-approve", "--manual-approve"},
     2,
     "exclude each other"},
    {"a status that is none",
     {"contract", "list", "--status", "open"},
     2,
     "--status is pending, approved, rejected or revoked"},
    {"a slot that is none", {"app", "revoke-secret", "x", "3"}, 2, "the slot is 1 or 2"},
    {"a moment that is none", {"prune-changes", "yesterday"}, 2, "a moment is written"},
    {"a span that is none",
     {"app", "reset-secret", "x", "--overlap", "soon"},
     2,
     "a time needs a unit"},
    {"a store of no known kind", {"--store", "mysql:x", "api", "list"}, 2, "mysql:x"},
};

static void wrong_command_lines_exit_with_2(void **state)
{
    struct ctl_world *w = *state;
    for (size_t i = 0; i < sizeof(usage_rows) / sizeof(usage_rows[0]); i++) {
        const struct usage_row *row = &usage_rows[i];
        ctl_run(w, (int)i, row->status, &(struct program_options){0}, row->arguments);
        if (strstr(w->run.err, row->said) == NULL || strncmp(w->run.err, "clientidctl: ", 13) != 0)
            fail_msg("%s: %s", row->reason, w->run.err);
        assert_one_error(w);
        assert_out(w, "");
    }
}

static void secrets_on_the_command_line_are_refused_and_not_repeated(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 2, "app", "create", "shop", "--secret=hunter2-hunter2");
    assert_err_has(w, "--secret-file or --secret-stdin");
    assert_null(strstr(w->run.err, "hunter2"));
    CTL(w, 2, "app", "create", "shop", "--sekret=hunter2-hunter2");
    assert_null(strstr(w->run.err, "hunter2"));
}

static void every_command_has_help(void **state)
{
    struct ctl_world *w = *state;
    unsigned commands = 0;
    CTL(w, 0, "help");
    assert_out_has(w, "exit codes");
    char *text = strdup(w->run.out);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        char noun[32], verb[32] = "";
        if (strncmp(line, "  ", 2) != 0 || line[2] < 'a' || line[2] > 'z')
            continue;
        assert_true(sscanf(line, " %31[a-z-] %31[a-z-] ", noun, verb) >= 1);
        commands++;
        if (verb[0] == '\0') {
            CTL(w, 0, noun, "--help");
            CTL(w, 0, "help", noun);
        } else {
            CTL(w, 0, noun, verb, "-h");
            CTL(w, 0, "help", noun, verb);
        }
        assert_out_has(w, "options of every command");
        assert_out_has(w, noun);
    }
    free(text);
    assert_true(commands >= 40);
    CTL(w, 0, "tier", "--help");
    assert_out_has(w, "tier create");
    assert_null(strstr(w->run.out, "app create"));
}

static void version_is_the_library_s(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "version");
    assert_out_has(w, "clientidctl 0.");
    CTL(w, 0, "--version");
    assert_out_has(w, "clientidctl 0.");
    CTL(w, 0, "--json", "version");
    json_t *root = ctl_json(w);
    assert_non_null(json_object_get(root, "version"));
    json_decref(root);
}

/* ---- the store --------------------------------------------------------------------------------- */

static void no_store_is_a_usage_error(void **state)
{
    struct ctl_world *w = *state;
    static const char *const unset[] = {"CLIENTID_STORE", NULL};
    ctl_run(w, __LINE__, 2, &(struct program_options){.environment = unset},
            (const char *const[]){"api", "list", NULL});
    assert_err_has(w, "Use --store sqlite:FILE or set CLIENTID_STORE");
}

static void a_missing_store_is_not_made_by_accident(void **state)
{
    struct ctl_world *w = *state;
    char uri[600];
    struct stat status;
    snprintf(uri, sizeof(uri), "sqlite:%s", ctl_path(w, "none.db"));
    CTL(w, 1, "--store", uri, "api", "create", "orders");
    assert_err_has(w, "there is no store");
    assert_one_error(w);
    assert_int_not_equal(stat(ctl_path(w, "none.db"), &status), 0);
    snprintf(uri, sizeof(uri), "sqlite:%s", ctl_path(w, "no-folder/x.db"));
    CTL(w, 1, "--store", uri, "init");
    assert_one_error(w);
}

static void init_may_be_repeated(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "api", "create", "orders");
    CTL(w, 0, "init");
    assert_out_has(w, "there is already");
    CTL(w, 0, "--json", "init");
    json_t *root = ctl_json(w);
    assert_true(json_is_false(json_object_get(root, "created")));
    assert_int_equal(json_string_length(json_object_get(root, "identity")), 16);
    json_decref(root);
    CTL(w, 0, "api", "show", "orders");
    CTL(w, 0, "verify");
    assert_out_has(w, "nothing wrong");
}

static void a_file_that_is_no_store_is_refused(void **state)
{
    struct ctl_world *w = *state;
    char uri[600];
    snprintf(uri, sizeof(uri), "sqlite:%s", ctl_path(w, "text.db"));
    file_write(ctl_path(w, "text.db"), "this is no database, it is only some text for a test\n");
    CTL(w, 1, "--store", uri, "api", "list");
    assert_one_error(w);
    CTL(w, 1, "--store", uri, "init");
    char *kept = file_read(ctl_path(w, "text.db"), NULL);
    assert_string_equal(kept, "this is no database, it is only some text for a test\n");
    free(kept);
}

static void pragma(const struct ctl_world *w, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(w->store, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_newer_schema_is_refused(void **state)
{
    struct ctl_world *w = *state;
    pragma(w, "PRAGMA user_version = 9999");
    CTL(w, 1, "api", "create", "orders");
    assert_one_error(w);
    CTL(w, 1, "api", "list");
    assert_out(w, "");
}

static void a_damaged_store_is_found(void **state)
{
    struct ctl_world *w = *state;
    for (int i = 0; i < 60; i++) {
        char name[32];
        snprintf(name, sizeof(name), "application-%d", i);
        CTL(w, 0, "app", "create", name);
    }
    pragma(w, "PRAGMA wal_checkpoint(TRUNCATE)");
    FILE *file = fopen(w->store, "r+e");
    assert_non_null(file);
    assert_int_equal(fseek(file, 4096 + 2048, SEEK_SET), 0);
    for (int i = 0; i < 16 * 4096; i++)
        fputc(0xA5, file);
    fclose(file);
    CTL(w, 1, "verify");
    assert_one_error(w);
}

static void a_full_disk_behind_the_output_is_noticed(void **state)
{
    struct ctl_world *w = *state;
    static const char *const commands[] = {"api list", "--json api list", "version", "export",
                                           "help"};
    const char *build = getenv("CLIENTID_TEST_BUILD");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        char line[1200];
        snprintf(line, sizeof(line), "%s/clientidctl --store sqlite:%s %s > /dev/full",
                 build != NULL ? build : "build", w->store, commands[i]);
        program_run(&w->run, (const char *const[]){"/bin/sh", "-c", line, NULL},
                    &(struct program_options){0});
        assert_int_equal(w->run.status, 1);
        assert_err_has(w, "standard output");
        assert_err_has(w, "cannot be written: No space left on device");
        assert_one_error(w);
    }
}

/* The application is there, its secret is not: the error says so and what to do. */
static void a_secret_that_could_not_be_shown_is_told(void **state)
{
    struct ctl_world *w = *state;
    static const char *const commands[] = {"app create shop", "--json app create shop",
                                           "app reset-secret 1"};
    const char *build = getenv("CLIENTID_TEST_BUILD");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        char line[1200];
        snprintf(line, sizeof(line), "%s/clientidctl --store sqlite:%s %s > /dev/full",
                 build != NULL ? build : "build", w->store, commands[i]);
        program_run(&w->run, (const char *const[]){"/bin/sh", "-c", line, NULL},
                    &(struct program_options){0});
        assert_int_equal(w->run.status, 1);
        assert_err_has(w, "cannot be written: No space left on device");
        assert_err_has(w, i == 1 ? "app reset-secret 2" : "app reset-secret 1");
        assert_one_error(w);
    }
}

/* A limit on the size of files stands for the full disk. */
static void a_store_that_could_not_be_made_is_not_in_the_way(void **state)
{
    struct ctl_world *w = *state;
    const char *build = getenv("CLIENTID_TEST_BUILD");
    const char *path = ctl_path(w, "new.db");
    char line[1400];
    snprintf(line, sizeof(line),
             "trap '' XFSZ; ulimit -f 16; exec %s/clientidctl --store sqlite:%s init",
             build != NULL ? build : "build", path);
    program_run(&w->run, (const char *const[]){"/bin/sh", "-c", line, NULL},
                &(struct program_options){0});
    assert_int_equal(w->run.status, 1);
    assert_one_error(w);
    snprintf(line, sizeof(line), "sqlite:%s", path);
    CTL(w, 0, "--store", line, "init");
    assert_out_has(w, "created");
}

/* ---- API instances and groups ------------------------------------------------------------------ */

static void apis_are_created_listed_and_deleted(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "api", "create", "orders", "--asset", "order-api", "--asset-version", "1.2.0");
    assert_out(w, "created API instance \"orders\" with the number 1\n");
    CTL(w, 0, "api", "create", "stock", "--terms", "Be kind.");
    CTL(w, 0, "api", "create", "all", "--group", "--member", "orders", "--member", "stock");
    CTL(w, 0, "api", "list");
    assert_out(w, "ID  NAME    KIND      MEMBERS  ASSET      VERSION  PROVIDER  TERMS\n"
                  " 1  orders  instance        -  order-api  1.2.0              no\n"
                  " 2  stock   instance        -                                yes\n"
                  " 3  all     group           2                                no\n");
    CTL(w, 4, "api", "create", "orders");
    assert_err_has(w, "api create: api-name-taken:");
    CTL(w, 4, "api", "delete", "orders");
    assert_err_has(w, "api-in-use");
    CTL(w, 0, "api", "update", "all", "--member", "stock");
    CTL(w, 0, "api", "delete", "orders");
    CTL(w, 3, "api", "show", "orders");
    CTL(w, 3, "api", "show", "1");
    assert_err_has(w, "api show: there is no API with the number 1");
    CTL(w, 0, "api", "show", "3");
    assert_out_has(w, "member   stock\n");
}

static void terms_may_come_from_a_file(void **state)
{
    struct ctl_world *w = *state;
    file_write(ctl_path(w, "terms.txt"), "Be kind.\nPay.");
    CTL(w, 0, "--json", "api", "create", "orders", "--terms-file", ctl_path(w, "terms.txt"));
    assert_out_has(w, "Be kind.");
    CTL(w, 1, "api", "update", "orders", "--terms-file", ctl_path(w, "none.txt"));
    assert_err_has(w, "cannot be read");
    CTL(w, 2, "api", "update", "orders", "--terms-file", "x", "--terms", "y");
    char *large = malloc(65538);
    assert_non_null(large);
    memset(large, 'x', 65537);
    large[65537] = '\0';
    CTL_INPUT(w, 5, large, "api", "update", "orders", "--terms-file", "-");
    assert_err_has(w, "standard input: longer than 65536 bytes");
    large[65536] = '\0';
    CTL_INPUT(w, 0, large, "--json", "api", "update", "orders", "--terms-file", "-");
    free(large);
    CTL(w, 1, "api", "update", "orders", "--terms-file", w->folder);
    assert_err_has(w, "it is a folder");
}

/* ---- tiers ------------------------------------------------------------------------------------- */

struct limit_row {
    const char *text;
    const char *shown; /* NULL: refused */
    const char *said;
    int status;
};

static const struct limit_row limit_rows[] = {
    {"100/1m", "100/1m", NULL, 0},
    {"5/s", "5/1s", NULL, 0},
    {"10000/1d", "10000/1d", NULL, 0},
    {"7/90s", "7/90s", NULL, 0},
    {"7/120s", "7/2m", NULL, 0},
    {"7/250ms", "7/250ms", NULL, 0},
    {"7/24h", "7/1d", NULL, 0},
    {"", NULL, "a limit is written COUNT/PERIOD", 2},
    {"100", NULL, "a limit is written COUNT/PERIOD", 2},
    {"/1m", NULL, "a limit is written COUNT/PERIOD", 2},
    {"-5/1m", NULL, "a limit is written COUNT/PERIOD", 2},
    {"1.5/1m", NULL, "a limit is written COUNT/PERIOD", 2},
    {"5/", NULL, "a limit is written COUNT/PERIOD", 2},
    {"0/1m", NULL, "the count must be at least 1", 2},
    {"5/0s", NULL, "it must be at least 1", 2},
    {"5/1x", NULL, "a time needs a unit", 2},
    {"5/60", NULL, "a time needs a unit", 2},
    {"5/1m:shown", NULL, "only :hidden may stand", 2},
    {"99999999999999999999/1m", NULL, "the count is too large", 2},
    {"5/99999999999999999999s", NULL, "the number is too large", 2},
    {"5/9999999999999d", NULL, "it is too long", 2},
    {"5/367d", NULL, "limit-range", 4},
    {"2000001/s", NULL, "limit-range", 4},
    {"5/1m:hidden", NULL, "limit-visible", 4},
};

static void limits_are_read_and_shown(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "api", "create", "orders");
    for (size_t i = 0; i < sizeof(limit_rows) / sizeof(limit_rows[0]); i++) {
        const struct limit_row *row = &limit_rows[i];
        ctl_run(w, (int)i, row->status, &(struct program_options){0},
                (const char *const[]){"tier", "create", "orders", "t", "--limit", row->text, NULL});
        if (row->shown == NULL) {
            if (strstr(w->run.err, row->said) == NULL)
                fail_msg("%s: %s", row->text, w->run.err);
            continue;
        }
        CTL(w, 0, "tier", "show", "orders", "t");
        char *limits = ctl_value(w, "limits");
        assert_string_equal(limits, row->shown);
        free(limits);
        CTL(w, 0, "tier", "delete", "orders", "t");
    }
}

static void tiers_are_created_listed_and_updated(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "api", "create", "orders");
    CTL(w, 0, "tier", "create", "orders", "gold", "--limit", "100/1m", "--limit", "10000/1d:hidden",
        "--auto-approve", "--description", "For partners");
    CTL(w, 0, "tier", "create", "orders", "free", "--unlimited");
    CTL(w, 0, "tier", "list", "orders");
    assert_out(w, "ID  API     TIER  LIMITS                  APPROVAL   STATUS  CONTRACTS\n"
                  " 1  orders  gold  100/1m,10000/1d:hidden  automatic  ACTIVE          0\n"
                  " 2  orders  free  unlimited               manual     ACTIVE          0\n");
    CTL(w, 4, "tier", "create", "orders", "gold", "--limit", "1/s");
    assert_err_has(w, "tier-name-taken");
    CTL(w, 4, "tier", "create", "orders", "x", "--limit", "1/1m", "--limit", "2/60s");
    assert_err_has(w, "limit-period");
    CTL(w, 3, "tier", "create", "none", "x", "--limit", "1/1m");
    CTL(w, 3, "tier", "show", "orders", "silver");
    assert_err_has(w, "there is no tier \"silver\"");
    CTL(w, 2, "tier", "show", "gold");
    assert_err_has(w, "by API and name");
    CTL(w, 0, "tier", "update", "orders", "gold", "--limit", "7/s", "--status", "DEPRECATED",
        "--name", "old gold");
    CTL(w, 0, "tier", "show", "1");
    assert_out_has(w, "limits       7/1s\n");
    assert_out_has(w, "status       DEPRECATED\n");
    assert_out_has(w, "name         old gold\n");
    assert_out_has(w, "description  For partners\n");
}

static void a_tier_number_of_another_api_is_not_found(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "api", "create", "orders");
    CTL(w, 0, "api", "create", "stock");
    CTL(w, 0, "tier", "create", "orders", "gold", "--limit", "1/s");
    CTL(w, 3, "tier", "delete", "stock", "1");
    CTL(w, 0, "tier", "delete", "orders", "1");
}

/* ---- applications and secrets ------------------------------------------------------------------ */

static void a_generated_secret_is_shown_once_and_kept_nowhere(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "app", "create", "shop", "--client-id", "shop-1", "--owner", "ann");
    char *secret = ctl_value(w, "client secret");
    assert_int_equal(strlen(secret), 32);
    assert_out_has(w, "client id      shop-1\n");
    static const char *const looks[][5] = {{"app", "show", "shop"},
                                           {"--json", "app", "show", "shop"},
                                           {"app", "list"},
                                           {"--json", "app", "list"},
                                           {"changes"},
                                           {"--json", "changes"},
                                           {"export"}};
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        ctl_run(w, (int)i, 0, &(struct program_options){0}, looks[i]);
        assert_null(strstr(w->run.out, secret));
        assert_out_has(w, "shop-1");
    }
    assert_in_no_file(w, "store.db", secret);
    free(secret);
}

static void a_given_secret_is_not_shown(void **state)
{
    struct ctl_world *w = *state;
    CTL_INPUT(w, 0, "correct-horse-battery\n", "app", "create", "shop", "--secret-stdin");
    assert_null(strstr(w->run.out, "correct-horse"));
    file_write(ctl_path(w, "secret.txt"), "staple-staple-staple\r\n");
    CTL(w, 0, "--json", "app", "reset-secret", "shop", "--secret-file", ctl_path(w, "secret.txt"));
    assert_null(strstr(w->run.out, "staple"));
    assert_in_no_file(w, "store.db", "correct-horse");
    assert_in_no_file(w, "store.db", "staple");
    CTL_INPUT(w, 5, "\n", "app", "create", "other", "--secret-stdin");
    assert_err_has(w, "standard input: the secret is empty");
    CTL(w, 1, "app", "create", "other", "--secret-file", ctl_path(w, "none"));
    CTL(w, 2, "app", "create", "other", "--secret-stdin", "--secret-file", "x");
    CTL(w, 3, "app", "show", "other");
}

static void a_reset_overlaps_when_asked(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "app", "create", "shop");
    char *first = ctl_value(w, "client secret");
    CTL(w, 0, "app", "reset-secret", "shop", "--overlap", "1h");
    char *second = ctl_value(w, "client secret");
    assert_string_not_equal(first, second);
    assert_out_has(w, "previous       valid until 2");
    CTL(w, 0, "app", "show", "shop");
    assert_out_has(w, "secret 1");
    assert_out_has(w, "secret 2");
    CTL(w, 0, "app", "reset-secret", "shop", "--not-before", "2099-01-02T03:04:05Z");
    CTL(w, 0, "app", "show", "shop");
    assert_out_has(w, "valid from 2099-01-02T03:04:05Z until revoked, set last");
    /* The rotation is called off, but the end that it set for the other secret stays. */
    CTL(w, 0, "app", "revoke-secret", "shop", "1");
    assert_out_has(w, "no longer valid; the other one ends 2099-01-02T03:04:05Z\n");
    CTL(w, 3, "app", "revoke-secret", "shop", "1");
    assert_err_has(w, "has no secret in slot 1");
    CTL(w, 0, "app", "revoke-secret", "shop", "2");
    assert_out_has(w, "no longer valid; it has none now\n");
    CTL(w, 3, "app", "reset-secret", "nobody");
    free(first);
    free(second);
}

static void json_of_credentials_has_the_secret(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "--json", "app", "create", "shop", "--client-id", "shop-1");
    json_t *root = ctl_json(w);
    assert_string_equal(json_string_value(json_object_get(root, "clientId")), "shop-1");
    assert_int_equal(json_string_length(json_object_get(root, "clientSecret")), 32);
    json_decref(root);
    CTL(w, 0, "--json", "app", "show", "shop-1");
    root = ctl_json(w);
    assert_null(json_object_get(root, "clientSecret"));
    json_decref(root);
}

static void applications_are_listed_and_updated(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "app", "create", "shop", "--client-id", "c1", "--owner", "ann", "--owner", "bob");
    CTL(w, 0, "app", "create", "J\xC3\xBCrgen's \xE5\xBA\x97", "--client-id", "c2");
    CTL(w, 0, "app", "create", "till", "--client-id", "c3", "--owner", "ann");
    CTL(w, 0, "app", "list");
    assert_out(w, "ID  APPLICATION  CLIENT ID  CONTRACTS  OWNERS\n"
                  " 1  shop         c1                 0  ann and 1 more\n"
                  " 2  J\xC3\xBCrgen's \xE5\xBA\x97  c2                 0  -\n"
                  " 3  till         c3                 0  ann\n");
    CTL(w, 0, "app", "list", "--owner", "ann", "--after", "1", "--max", "5");
    assert_out_has(w, " 3  till");
    assert_null(strstr(w->run.out, "shop"));
    CTL(w, 0, "app", "update", "c1", "--description", "Sells", "--url", "https://shop.example",
        "--redirect-uri", "https://shop.example/cb", "--grant-type", "client_credentials");
    CTL(w, 0, "app", "show", "1");
    assert_out_has(w, "redirect URI  https://shop.example/cb\n");
    assert_out_has(w, "description   Sells\n");
    CTL(w, 4, "app", "create", "again", "--client-id", "c1");
    assert_err_has(w, "client-id-taken");
    CTL(w, 0, "app", "delete", "c1");
    CTL(w, 3, "app", "delete", "c1");
}

static void names_that_fit_several_are_refused(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "app", "create", "shop", "--client-id", "c1");
    CTL(w, 0, "app", "create", "shop", "--client-id", "c2");
    CTL(w, 0, "app", "create", "c1", "--client-id", "c3");
    CTL(w, 2, "app", "show", "shop");
    assert_err_has(w, "several applications are called \"shop\"");
    CTL(w, 2, "app", "delete", "c1");
    CTL(w, 0, "app", "show", "c2");
    CTL(w, 0, "app", "create", "2", "--client-id", "c4");
    CTL(w, 0, "app", "show", "2");
    assert_out_has(w, "client id  c2\n");
    CTL(w, 0, "app", "show", "name:2");
    assert_out_has(w, "client id  c4\n");
    CTL(w, 3, "app", "show", "name:");
    CTL(w, 3, "app", "show", "99999999999999999999999");
}

static void owners_come_and_go(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "app", "create", "shop", "--client-id", "c1");
    CTL(w, 0, "owner", "create", "shop", "ann");
    CTL(w, 4, "owner", "create", "shop", "ann");
    assert_err_has(w, "owner-taken");
    CTL(w, 4, "owner", "create", "shop", "robot", "--connected-app");
    assert_err_has(w, "owner-connected-app");
    CTL(w, 4, "owner", "delete", "shop", "ann");
    assert_err_has(w, "owner-last");
    CTL(w, 0, "owner", "update", "shop", "ann", "bob");
    CTL(w, 3, "owner", "update", "shop", "carl", "dora");
    CTL(w, 0, "owner", "list", "shop");
    assert_out(w, "ID  APPLICATION  OWNER\n 1  shop         bob\n");
    CTL(w, 0, "owner", "create", "shop", "eve");
    CTL(w, 0, "owner", "delete", "shop", "eve");
    CTL(w, 3, "owner", "delete", "shop", "eve");
    CTL(w, 0, "--json", "owner", "show", "bob");
    json_t *root = ctl_json(w);
    assert_int_equal(json_integer_value(json_object_get(root, "total")), 1);
    json_decref(root);
}

/* ---- contracts --------------------------------------------------------------------------------- */

static void prepare_contracts(struct ctl_world *w)
{
    CTL(w, 0, "api", "create", "orders");
    CTL(w, 0, "tier", "create", "orders", "free", "--limit", "5/1m", "--auto-approve");
    CTL(w, 0, "tier", "create", "orders", "gold", "--limit", "100/1m");
    CTL(w, 0, "app", "create", "shop", "--client-id", "c1");
    CTL(w, 0, "app", "create", "till", "--client-id", "c2");
}

static void assert_status(struct ctl_world *w, const char *contract, const char *status)
{
    CTL(w, 0, "contract", "show", contract);
    char *shown = ctl_value(w, "status");
    assert_string_equal(shown, status);
    free(shown);
}

static void a_contract_lives(void **state)
{
    struct ctl_world *w = *state;
    prepare_contracts(w);
    CTL(w, 0, "contract", "request", "shop", "orders", "--tier", "gold", "--reason", "sell more");
    assert_out(w, "contract 1 is PENDING\n");
    CTL(w, 4, "contract", "request", "shop", "orders", "--tier", "gold");
    assert_err_has(w, "contract-taken");
    CTL(w, 4, "contract", "delete", "1");
    assert_err_has(w, "contract-state");
    CTL(w, 0, "contract", "approve", "shop", "orders");
    assert_status(w, "1", "APPROVED");
    CTL(w, 4, "contract", "approve", "1");
    CTL(w, 4, "tier", "delete", "orders", "gold");
    assert_err_has(w, "tier-in-use");
    CTL(w, 4, "app", "delete", "shop");
    assert_err_has(w, "application-in-use");
    CTL(w, 0, "contract", "revoke", "1");
    assert_status(w, "1", "REVOKED");
    CTL(w, 0, "contract", "restore", "1");
    assert_status(w, "1", "APPROVED");
    CTL(w, 0, "contract", "revoke", "1");
    assert_out(w, "contract 1 is REVOKED\n");
    CTL(w, 0, "contract", "delete", "1");
    assert_out(w, "contract 1 is gone\n");
    CTL(w, 3, "contract", "show", "1");
    CTL(w, 3, "contract", "show", "shop", "orders");
    assert_err_has(w, "\"shop\" has no contract on \"orders\"");
}

static void a_request_is_rejected_or_withdrawn(void **state)
{
    struct ctl_world *w = *state;
    prepare_contracts(w);
    CTL(w, 0, "contract", "create", "shop", "orders", "--tier", "gold");
    CTL(w, 0, "contract", "reject", "shop", "orders");
    assert_status(w, "1", "REJECTED");
    CTL(w, 0, "contract", "delete", "1");
    CTL(w, 0, "contract", "request", "till", "orders", "--tier", "gold");
    CTL(w, 0, "--json", "contract", "withdraw", "till", "orders");
    json_decref(ctl_json(w));
    CTL(w, 3, "contract", "show", "till", "orders");
}

static void tier_changes_wait_for_approval(void **state)
{
    struct ctl_world *w = *state;
    prepare_contracts(w);
    CTL(w, 0, "contract", "request", "shop", "orders", "--tier", "free");
    assert_out(w, "contract 1 is APPROVED\n");
    CTL(w, 4, "contract", "change-tier", "1", "--tier", "free");
    assert_err_has(w, "tier-same");
    CTL(w, 0, "contract", "change-tier", "shop", "orders", "--tier", "gold");
    assert_out(w, "contract 1 keeps its tier until the change is approved\n");
    CTL(w, 0, "contract", "list", "--waiting");
    assert_out(w, "ID  API     APPLICATION  CLIENT ID  TIER  REQUESTED  STATUS\n"
                  " 1  orders  shop         c1         free  gold       APPROVED\n");
    CTL(w, 0, "contract", "reject-tier", "1");
    CTL(w, 0, "contract", "list", "--waiting");
    assert_out(w, "ID  API  APPLICATION  CLIENT ID  TIER  REQUESTED  STATUS\n");
    CTL(w, 0, "contract", "update", "1", "--tier", "gold");
    CTL(w, 0, "contract", "approve-tier", "1");
    CTL(w, 0, "contract", "list", "--api", "orders", "--tier", "gold", "--status", "approved");
    assert_out_has(w, "gold  -          APPROVED");
    CTL(w, 0, "contract", "change-tier", "1", "--tier", "free");
    assert_out(w, "contract 1 has the new tier\n");
    CTL(w, 2, "contract", "change-tier", "1");
    CTL(w, 3, "contract", "change-tier", "1", "--tier", "silver");
    CTL(w, 2, "contract", "list", "--tier", "gold");
    CTL(w, 2, "contract", "approve", "shop");
    assert_err_has(w, "by application and API");
}

static void terms_tiers_and_providers_are_checked(void **state)
{
    struct ctl_world *w = *state;
    prepare_contracts(w);
    CTL(w, 0, "api", "update", "orders", "--terms", "Be kind.");
    CTL(w, 4, "contract", "request", "shop", "orders", "--tier", "free");
    assert_err_has(w, "terms");
    CTL(w, 4, "contract", "request", "shop", "orders", "--accept-terms");
    assert_err_has(w, "tier-needed");
    CTL(w, 0, "app", "create", "foreign", "--provider", "other");
    CTL(w, 4, "contract", "request", "foreign", "orders", "--tier", "free", "--accept-terms");
    assert_err_has(w, "client-provider");
    CTL(w, 0, "contract", "request", "shop", "orders", "--tier", "free", "--accept-terms");
}

static void automatic_approval_approves_what_waits(void **state)
{
    struct ctl_world *w = *state;
    prepare_contracts(w);
    CTL(w, 0, "contract", "request", "shop", "orders", "--tier", "gold");
    CTL(w, 0, "contract", "request", "till", "orders", "--tier", "gold");
    CTL(w, 0, "tier", "update", "orders", "gold", "--auto-approve");
    assert_out_has(w, "2 waiting requests approved");
    assert_status(w, "2", "APPROVED");
}

/* ---- what programs see ------------------------------------------------------------------------- */

static void every_command_speaks_json(void **state)
{
    struct ctl_world *w = *state;
    static const char *const lines[][9] = {
        {"api", "create", "orders"},
        {"api", "create", "all", "--group", "--member", "orders"},
        {"api", "list"},
        {"api", "show", "orders"},
        {"api", "update", "orders", "--asset", "x"},
        {"tier", "create", "orders", "gold", "--limit", "1/s"},
        {"tier", "list"},
        {"tier", "show", "orders", "gold"},
        {"tier", "update", "orders", "gold", "--limit", "2/s"},
        {"app", "create", "shop", "--owner", "ann"},
        {"app", "list"},
        {"app", "show", "shop"},
        {"app", "update", "shop", "--name", "store"},
        {"app", "reset-secret", "store", "--overlap", "1d"},
        {"app", "revoke-secret", "store", "1"},
        {"owner", "create", "store", "bob"},
        {"owner", "list"},
        {"owner", "delete", "store", "bob"},
        {"contract", "request", "store", "orders", "--tier", "gold"},
        {"contract", "list"},
        {"contract", "approve", "store", "orders"},
        {"contract", "show", "1"},
        {"contract", "revoke", "1"},
        {"contract", "delete", "1"},
        {"contract", "list"},
        {"app", "delete", "store"},
        {"api", "delete", "all"},
        {"tier", "delete", "orders", "gold"},
        {"api", "delete", "orders"},
        {"changes"},
        {"changes", "--after", "3", "--max", "2"},
        {"prune-changes", "2000-01-01"},
        {"verify"},
        {"export"},
        {"api", "list"},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *arguments[12] = {"--json"};
        memcpy(arguments + 1, lines[i], sizeof(lines[i]));
        ctl_run(w, (int)i, 0, &(struct program_options){0}, arguments);
        json_decref(ctl_json(w));
        assert_string_equal(w->run.err, "");
    }
}

static void json_lists_have_anypoint_s_form(void **state)
{
    struct ctl_world *w = *state;
    prepare_contracts(w);
    CTL(w, 0, "--json", "tier", "list", "orders");
    json_t *root = ctl_json(w);
    const json_t *tier = json_array_get(json_object_get(root, "tiers"), 0);
    const json_t *limit = json_array_get(json_object_get(tier, "limits"), 0);
    assert_int_equal(json_integer_value(json_object_get(root, "total")), 2);
    assert_string_equal(json_string_value(json_object_get(tier, "name")), "free");
    assert_true(json_is_true(json_object_get(tier, "autoApprove")));
    assert_int_equal(json_integer_value(json_object_get(limit, "maximumRequests")), 5);
    assert_int_equal(json_integer_value(json_object_get(limit, "timePeriodInMilliseconds")), 60000);
    json_decref(root);
}

static void errors_are_json_when_asked_for(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 3, "api", "show", "none", "--json");
    assert_out(w, "");
    json_t *root = json_loads(w->run.err, 0, NULL);
    const json_t *error = json_object_get(root, "error");
    assert_string_equal(json_string_value(json_object_get(error, "what")), "api show");
    assert_string_equal(json_string_value(json_object_get(error, "message")),
                        "there is no API \"none\"");
    assert_int_equal(json_integer_value(json_object_get(error, "exitCode")), 3);
    json_decref(root);
    CTL(w, 2, "nonsense", "--json");
    root = json_loads(w->run.err, 0, NULL);
    assert_non_null(root);
    json_decref(root);
}

static void the_audit_trail_names_who_did_what(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "--actor", "carla", "api", "create", "orders");
    CTL(w, 0, "app", "create", "shop", "--client-id", "c1");
    CTL(w, 0, "changes");
    assert_out_has(w, "carla");
    assert_out_has(w, "tester");
    assert_out_has(w, "application 1");
    CTL(w, 0, "prune-changes", "now");
    CTL(w, 0, "--json", "changes");
    json_t *root = ctl_json(w);
    assert_int_equal(json_integer_value(json_object_get(root, "total")), 0);
    json_decref(root);
}

/* ---- what people see --------------------------------------------------------------------------- */

static void tables_fit_a_terminal(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 0, "app", "create", "An application with a name that is much longer than any terminal",
        "--client-id", "c1", "--owner", "somebody with a rather long name");
    const struct program_options narrow = {.terminal_width = 60};
    ctl_run(w, __LINE__, 0, &narrow, (const char *const[]){"app", "list", NULL});
    assert_out_has(w, "\xE2\x80\xA6");
    assert_out_has(w, "\033[1mID");
    const char *line = strchr(w->run.out, '\n');
    assert_non_null(line);
    /* The row: 60 columns, of which two ellipses take three bytes each; the terminal adds \r. */
    assert_true(strcspn(line + 1, "\r\n") <= 60 + 2 * 2);
    assert_true(strcspn(line + 1, "\r\n") >= 60);
    CTL(w, 0, "app", "create",
        "\xE5\xBA\x97\xE5\xBA\x97\xE5\xBA\x97\xE5\xBA\x97\xE5\xBA\x97\xE5\xBA\x97"
        "\xE5\xBA\x97\xE5\xBA\x97\xE5\xBA\x97\xE5\xBA\x97\xE5\xBA\x97\xE5\xBA\x97",
        "--client-id", "c2");
    const struct program_options narrower = {.terminal_width = 44};
    ctl_run(w, __LINE__, 0, &narrower, (const char *const[]){"app", "list", NULL});
    /* Nine columns hold four wide characters and the ellipsis. */
    assert_out_has(w, "\xE5\xBA\x97\xE5\xBA\x97\xE2\x80\xA6");
    static const char *const plain[] = {"NO_COLOR=1", NULL};
    const struct program_options no_color = {.terminal_width = 200, .environment = plain};
    ctl_run(w, __LINE__, 0, &no_color, (const char *const[]){"app", "list", NULL});
    assert_null(strstr(w->run.out, "\033["));
    assert_null(strstr(w->run.out, "\xE2\x80\xA6"));
    CTL(w, 0, "app", "list");
    assert_null(strstr(w->run.out, "\033["));
    assert_out_has(w, "longer than any terminal");
}

static void names_cannot_command_a_terminal(void **state)
{
    struct ctl_world *w = *state;
    /* U+009B is another spelling of ESC [, U+202E turns the line around. */
    CTL(w, 3, "app", "show",
        "x\033[2J\xC2\x9B"
        "31m\xE2\x80\xAE");
    assert_null(strchr(w->run.err, '\033'));
    assert_null(strstr(w->run.err, "\xC2\x9B"));
    assert_null(strstr(w->run.err, "\xE2\x80\xAE"));
    assert_one_error(w);
    CTL(w, 2, "app", "create", "two\nlines");
    assert_one_error(w);
    static const char *const broken[] = {
        "\xC0\xAF",         /* overlong */
        "\xED\xA0\x80",     /* a surrogate */
        "\xF4\x90\x80\x80", /* beyond U+10FFFF */
        "\xE2\x82",         /* cut off */
        "\xF0\x80\x80\xAF", /* overlong */
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        CTL(w, 3, "app", "show", broken[i]);
        assert_err_has(w, "there is no application \"?");
        assert_null(strstr(w->run.err, broken[i]));
        CTL(w, 3, "--json", "app", "show", broken[i]);
        assert_null(strstr(w->run.err, broken[i]));
    }
    CTL(w, 3, "app", "show", "a\xCC\x81\xF0\x9F\x98\x80");
    assert_err_has(w, "\"a\xCC\x81\xF0\x9F\x98\x80\"");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_command_lines_exit_with_2),
        TEST(secrets_on_the_command_line_are_refused_and_not_repeated),
        TEST(every_command_has_help),
        TEST(version_is_the_library_s),
        TEST(no_store_is_a_usage_error),
        TEST(a_missing_store_is_not_made_by_accident),
        TEST(init_may_be_repeated),
        TEST(a_file_that_is_no_store_is_refused),
        TEST(a_newer_schema_is_refused),
        TEST(a_damaged_store_is_found),
        TEST(a_full_disk_behind_the_output_is_noticed),
        TEST(a_secret_that_could_not_be_shown_is_told),
        TEST(a_store_that_could_not_be_made_is_not_in_the_way),
        TEST(apis_are_created_listed_and_deleted),
        TEST(terms_may_come_from_a_file),
        TEST(limits_are_read_and_shown),
        TEST(tiers_are_created_listed_and_updated),
        TEST(a_tier_number_of_another_api_is_not_found),
        TEST(a_generated_secret_is_shown_once_and_kept_nowhere),
        TEST(a_given_secret_is_not_shown),
        TEST(a_reset_overlaps_when_asked),
        TEST(json_of_credentials_has_the_secret),
        TEST(applications_are_listed_and_updated),
        TEST(names_that_fit_several_are_refused),
        TEST(owners_come_and_go),
        TEST(a_contract_lives),
        TEST(a_request_is_rejected_or_withdrawn),
        TEST(tier_changes_wait_for_approval),
        TEST(terms_tiers_and_providers_are_checked),
        TEST(automatic_approval_approves_what_waits),
        TEST(every_command_speaks_json),
        TEST(json_lists_have_anypoint_s_form),
        TEST(errors_are_json_when_asked_for),
        TEST(the_audit_trail_names_who_did_what),
        TEST(tables_fit_a_terminal),
        TEST(names_cannot_command_a_terminal),
    };
    return cmocka_run_group_tests_name("clientidctl", tests, NULL, NULL);
}
