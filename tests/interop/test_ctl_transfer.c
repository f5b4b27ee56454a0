/* SPDX-License-Identifier: Apache-2.0 */
/* clientidctl: load, import, export, and the secrets of a whole store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support_ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char hash[] = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

static void prepare(struct ctl_world *w)
{
    CTL(w, 0, "api", "create", "orders");
    CTL(w, 0, "tier", "create", "orders", "gold", "--limit", "100/1m");
}

static json_int_t number_at(const struct ctl_world *w, const char *key)
{
    json_t *root = ctl_json(w);
    json_int_t number = json_integer_value(json_object_get(root, key));
    assert_non_null(json_object_get(root, key));
    json_decref(root);
    return number;
}

/* ---- load -------------------------------------------------------------------------------------- */

static char *lines(unsigned count)
{
    size_t room = (size_t)count * 160 + 1, used = 0;
    char *text = malloc(room);
    assert_non_null(text);
    text[0] = '\0';
    for (unsigned i = 0; i < count; i++)
        used +=
            (size_t)snprintf(text + used, room - used,
                             "{\"clientId\":\"c%u\",\"name\":\"application %u\",\"clientSecret\":"
                             "\"secret-number-%u\",\"api\":\"orders\",\"tier\":\"gold\"}\n",
                             i, i, i);
    return text;
}

static void applications_are_loaded_with_contracts(void **state)
{
    struct ctl_world *w = *state;
    char *text = lines(3000);
    prepare(w);
    CTL_INPUT(w, 0, text, "--json", "load", "--batch", "700");
    assert_int_equal(number_at(w, "applications"), 3000);
    assert_int_equal(number_at(w, "contracts"), 3000);
    assert_int_equal(number_at(w, "lines"), 3000);
    assert_string_equal(w->run.err, ""); /* no bar where nobody looks, and done in under 5 s */
    CTL(w, 0, "contract", "show", "c2999", "orders");
    assert_out_has(w, "APPROVED");
    CTL(w, 0, "--json", "app", "list", "--after", "2990");
    assert_int_equal(number_at(w, "total"), 10);
    CTL(w, 0, "--json", "app", "list"); /* more than one batch of rows */
    assert_int_equal(number_at(w, "total"), 3000);
    CTL(w, 0, "app", "list");
    assert_out_has(w, "\n3000  application 2999  c2999");
    assert_in_no_file(w, "store.db", "secret-number-42");
    free(text);
}

static void a_load_shows_a_bar_on_a_terminal(void **state)
{
    struct ctl_world *w = *state;
    char *text = lines(4000);
    prepare(w);
    file_write(ctl_path(w, "apps.jsonl"), text);
    const struct program_options terminal = {.terminal_width = 100};
    ctl_run(w, __LINE__, 0, &terminal,
            (const char *const[]){"load", "--batch", "10", ctl_path(w, "apps.jsonl"), NULL});
    assert_out_has(w, "\r\033[K[");
    assert_out_has(w, "% ");
    assert_out_has(w, "/s, ");
    assert_out_has(w, " left");
    assert_out_has(w, "loaded 4000 applications and 4000 contracts");
    free(text);
}

struct line_row {
    const char *reason;
    const char *line;
    int status;
};

static const struct line_row line_rows[] = {
    {"not JSON", "{\"clientId\":", 5},
    {"two values on one line", "{\"clientId\":\"x\",\"name\":\"x\"} {}", 5},
    {"an array", "[1]", 5},
    {"no client id", "{\"name\":\"x\"}", 5},
    {"no name", "{\"clientId\":\"x\"}", 5},
    {"an unknown key", "{\"clientId\":\"x\",\"name\":\"x\",\"colour\":\"red\"}", 5},
    {"a duplicate client id", "{\"clientId\":\"c1\",\"name\":\"x\"}", 5},
    {"an unknown API", "{\"clientId\":\"x\",\"name\":\"x\",\"api\":\"none\"}", 5},
    {"an unknown tier", "{\"clientId\":\"x\",\"name\":\"x\",\"api\":\"orders\",\"tier\":\"none\"}",
     5},
    {"a hash that is none", "{\"clientId\":\"x\",\"name\":\"x\",\"clientSecretHash\":\"12\"}", 5},
    {"a control character", "{\"clientId\":\"x\\u0007\",\"name\":\"x\"}", 5},
    {"not UTF-8", "{\"clientId\":\"x\xFF\",\"name\":\"x\"}", 5},
};

static void a_wrong_line_is_named_and_its_batch_undone(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    for (size_t i = 0; i < sizeof(line_rows) / sizeof(line_rows[0]); i++) {
        const struct line_row *row = &line_rows[i];
        char text[512];
        snprintf(
            text, sizeof(text),
            "{\"clientId\":\"c1\",\"name\":\"one\",\"clientSecret\":\"swordfish-%zu\"}\n\n%s\n", i,
            row->line);
        ctl_run(w, (int)i, row->status, &(struct program_options){.input = text},
                (const char *const[]){"load", "-", NULL});
        if (strstr(w->run.err, "clientidctl: load: standard input:3:") == NULL)
            fail_msg("%s: %s", row->reason, w->run.err);
        assert_one_error(w);
        assert_null(strstr(w->run.err, ":0:")); /* columns begin with 1 */
        assert_null(strstr(w->run.err, "swordfish"));
        CTL(w, 3, "app", "show", "c1");
    }
}

static void a_stopped_load_goes_on(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    CTL_INPUT(w, 5, "{\"clientId\":\"a\",\"name\":\"a\"}\n{\"clientId\":\"b\",\"name\":\"b\"}\n{\n",
              "load", "--batch", "1");
    assert_out_has(w, "loaded 2 applications");
    CTL_INPUT(w, 0, "{\"clientId\":\"a\",\"name\":\"a\"}\n{\"clientId\":\"c\",\"name\":\"c\"}\n",
              "--json", "load", "--skip-existing");
    assert_int_equal(number_at(w, "skipped"), 1);
    assert_int_equal(number_at(w, "applications"), 1);
    CTL(w, 1, "load", ctl_path(w, "none.jsonl"));
    assert_err_has(w, "cannot be read");
    CTL(w, 1, "load", w->folder);
    CTL(w, 2, "load", "--batch", "0");
}

/* The signal is sent when /proc says that it is caught: before that it would just kill. */
static const char interrupt_script[] =
    "mkfifo \"$2\" && { \"$1\" load --batch 1 \"$2\" & } && pid=$! && exec 3>\"$2\" && "
    "printf '{\"clientId\":\"a\",\"name\":\"a\"}\\n' >&3 && "
    "until grep -q '^SigCgt:.*4[0-9a-f][0-9a-f]2$' /proc/$pid/status; do :; done; "
    "kill -TERM $pid; wait $pid";

static void a_load_is_stopped_by_a_signal(void **state)
{
    struct ctl_world *w = *state;
    char store[600], program[512];
    const char *build = getenv("CLIENTID_TEST_BUILD");
    snprintf(program, sizeof(program), "%s/clientidctl", build != NULL ? build : "build");
    snprintf(store, sizeof(store), "CLIENTID_STORE=sqlite:%s", w->store);
    program_run(&w->run,
                (const char *const[]){"/bin/sh", "-c", interrupt_script, "sh", program,
                                      ctl_path(w, "fifo"), NULL},
                &(struct program_options){.environment = (const char *const[]){store, NULL}});
    assert_int_equal(w->run.status, 1);
    assert_err_has(w, "clientidctl: load: stopped after ");
    assert_err_has(w, "go on with --skip-existing");
}

/* ---- import and export ------------------------------------------------------------------------- */

static void an_export_is_imported_again(void **state)
{
    struct ctl_world *w = *state;
    char uri[600];
    prepare(w);
    CTL(w, 0, "app", "create", "shop", "--client-id", "c1", "--owner", "ann");
    char *secret = ctl_value(w, "client secret");
    CTL(w, 0, "contract", "request", "shop", "orders", "--tier", "gold");
    CTL(w, 0, "export", ctl_path(w, "all.json"));
    char *first = file_read(ctl_path(w, "all.json"), NULL);
    struct stat status;
    assert_int_equal(stat(ctl_path(w, "all.json"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_null(strstr(first, secret));
    snprintf(uri, sizeof(uri), "sqlite:%s", ctl_path(w, "copy.db"));
    CTL(w, 0, "--store", uri, "init");
    CTL(w, 0, "--store", uri, "import", ctl_path(w, "all.json"));
    assert_out(w, "imported 1 APIs, 1 tiers, 1 applications, 1 contracts\n");
    CTL(w, 0, "--store", uri, "export");
    assert_string_equal(w->run.out, first);
    CTL(w, 4, "--store", uri, "import", ctl_path(w, "all.json"));
    assert_err_has(w, "store-not-empty");
    free(first);
    free(secret);
}

static void a_wrong_import_changes_nothing(void **state)
{
    static const char twice[] = "{\"format\":\"clientid-registry\",\"version\":1,\"apis\":["
                                "{\"name\":\"a\"},{\"name\":\"a\"}]}";
    static const char *const texts[] = {
        "",
        "nonsense",
        "{\"format\":\"clientid-registry\",\"version\":1,\n\"apis\":[{]}",
        "{\"format\":\"other\",\"version\":1}",
        "{\"format\":\"clientid-registry\",\"version\":2}",
        "{\"format\":\"clientid-registry\",\"version\":1,\"apis\":[{\"name\":1}]}",
        "[]",
        twice,
    };
    struct ctl_world *w = *state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ctl_run(w, (int)i, 5, &(struct program_options){.input = texts[i]},
                (const char *const[]){"import", "-", NULL});
        assert_err_has(w, "clientidctl: import: standard input");
        assert_one_error(w);
        CTL(w, 0, "api", "list");
        assert_null(strstr(w->run.out, "instance"));
    }
    CTL_INPUT(w, 5, texts[2], "import", "-");
    assert_err_has(w, "standard input:2:");
}

static void a_failed_export_leaves_the_old_file(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    CTL(w, 1, "export", ctl_path(w, "no-folder/all.json"));
    assert_err_has(w, "cannot be written");
    assert_one_error(w);
    CTL(w, 0, "export", ctl_path(w, "all.json"));
    CTL(w, 0, "export", ctl_path(w, "all.json"));
    CTL(w, 0, "export");
    char *kept = file_read(ctl_path(w, "all.json"), NULL);
    assert_string_equal(w->run.out, kept);
    free(kept);
}

/* ---- peppers ----------------------------------------------------------------------------------- */

static void secrets_are_wrapped_once(void **state)
{
    struct ctl_world *w = *state;
    static const char *const pepper[] = {"TEST_PEPPER=0123456789abcdef0123456789abcdef", NULL};
    const struct program_options with_pepper = {.environment = pepper};
    file_write(ctl_path(w, "pepper"), "0123456789abcdef0123456789abcdef\n");
    CTL(w, 0, "app", "create", "one");
    CTL(w, 0, "app", "create", "two");
    CTL(w, 0, "app", "reset-secret", "two", "--overlap", "1h");
    CTL(w, 2, "secrets", "wrap");
    CTL(w, 0, "secrets", "wrap", "--pepper-file", ctl_path(w, "pepper"), "--json");
    assert_int_equal(number_at(w, "wrapped"), 3);
    CTL(w, 0, "app", "show", "one");
    assert_out_has(w, "HMAC-SHA-256 under a pepper");
    ctl_run(
        w, __LINE__, 0, &with_pepper,
        (const char *const[]){"secrets", "wrap", "--pepper-env", "TEST_PEPPER", "--json", NULL});
    assert_int_equal(number_at(w, "wrapped"), 0);
    assert_int_equal(number_at(w, "already"), 3);
    assert_in_no_file(w, "store.db", "0123456789abcdef0123456789abcdef");
}

static void new_secrets_may_be_under_a_pepper_at_once(void **state)
{
    struct ctl_world *w = *state;
    file_write(ctl_path(w, "pepper"), "0123456789abcdef0123456789abcdef");
    file_write(ctl_path(w, "short"), "0123456789abcde\n");
    CTL(w, 0, "app", "create", "one", "--pepper-file", ctl_path(w, "pepper"));
    CTL(w, 0, "app", "show", "one");
    assert_out_has(w, "HMAC-SHA-256 under a pepper");
    CTL(w, 5, "app", "create", "two", "--pepper-file", ctl_path(w, "short"));
    assert_err_has(w, "the pepper must have 16 to 1024 bytes");
    assert_null(strstr(w->run.err, "0123456789"));
    CTL(w, 5, "app", "create", "two", "--pepper-env", "NO_SUCH_VARIABLE");
    CTL(w, 2, "app", "create", "two", "--pepper-env", "X", "--pepper-file", "Y");
    CTL(w, 3, "app", "show", "two");
}

static void hashes_are_loaded_as_they_are(void **state)
{
    struct ctl_world *w = *state;
    char text[512];
    snprintf(text, sizeof(text),
             "{\"clientId\":\"c1\",\"name\":\"one\",\"clientSecretHash\":\"%s\","
             "\"clientSecretSalt\":\"00ff\"}\n",
             hash);
    CTL_INPUT(w, 0, text, "load");
    CTL(w, 0, "app", "show", "c1");
    assert_out_has(w, "secret 1   salted SHA-256");
    CTL(w, 0, "export");
    assert_out_has(w, hash);
    CTL(w, 0, "--json", "app", "show", "c1");
    assert_null(strstr(w->run.out, hash));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(applications_are_loaded_with_contracts),
        TEST(a_load_shows_a_bar_on_a_terminal),
        TEST(a_wrong_line_is_named_and_its_batch_undone),
        TEST(a_stopped_load_goes_on),
        TEST(a_load_is_stopped_by_a_signal),
        TEST(an_export_is_imported_again),
        TEST(a_wrong_import_changes_nothing),
        TEST(a_failed_export_leaves_the_old_file),
        TEST(secrets_are_wrapped_once),
        TEST(new_secrets_may_be_under_a_pepper_at_once),
        TEST(hashes_are_loaded_as_they_are),
    };
    return cmocka_run_group_tests_name("clientidctl in bulk", tests, NULL, NULL);
}
