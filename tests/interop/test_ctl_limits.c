/* SPDX-License-Identifier: Apache-2.0 */
/* clientidctl limits, on the table of a clientid-proxy that runs; and the files that both refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support_ctl.h"
#include "support_proxy.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { QUOTA = 20 };

extern char **environ;

static struct proxy proxy;

/* With contracts: until they are loaded it answers 503. */
static void start(void)
{
    proxy_start(&proxy);
    assert_true(proxy_metric_gets(&proxy, "clientid_registry_loaded ", 1));
}

static const char *file_of(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", proxy.dir, name);
    return path;
}

/* |cells| 0: the limits stay in memory. */
static void write_config(const struct ctl_world *w, unsigned cells)
{
    char text[4096], limits[256] = "";
    if (cells != 0)
        snprintf(limits, sizeof(limits),
                 "\"limits\":{\"file\":\"@DIR@/limits\",\"cells\":%u,\"keyCells\":64},", cells);
    snprintf(text, sizeof(text),
             "{\"store\":\"sqlite:%s\",%s\"apis\":{\"orders\":{\"policies\":["
             "{\"policy\":\"rate-limiting-sla-based\",\"id\":\"query:client_id\"},"
             "{\"policy\":\"rate-limiting\",\"name\":\"all\",\"limits\":[\"1000000/1d\"]}]},"
             "\"open\":{\"policies\":[]}},"
             "\"proxy\":{\"listen\":\"127.0.0.1:0\",\"admin\":\"127.0.0.1:0\","
             "\"portFile\":\"@DIR@/port\",\"routes\":[{\"prefix\":\"/\",\"api\":\"orders\"}]}}",
             w->store, limits);
    proxy_write_config(&proxy, text, NULL);
}

static int setup(void **state)
{
    struct ctl_world *w;
    if (ctl_setup(state) != 0)
        return -1;
    w = *state;
    proxy_prepare(&proxy);
    CTL(w, 0, "api", "create", "orders");
    CTL(w, 0, "tier", "create", "orders", "gold", "--limit", "20/1d", "--auto-approve");
    CTL(w, 0, "tier", "create", "orders", "free", "--unlimited", "--auto-approve");
    CTL_INPUT(w, 0, "a secret", "app", "create", "shop", "--client-id", "c1", "--secret-stdin");
    CTL_INPUT(w, 0, "a secret", "app", "create", "till", "--client-id", "c2", "--secret-stdin");
    CTL_INPUT(w, 0, "a secret", "app", "create", "desk", "--client-id", "c3", "--secret-stdin");
    CTL(w, 0, "contract", "request", "shop", "orders", "--tier", "gold");
    CTL(w, 0, "contract", "request", "till", "orders", "--tier", "gold");
    CTL(w, 0, "contract", "request", "desk", "orders", "--tier", "free");
    write_config(w, 1024);
    return 0;
}

static int teardown(void **state)
{
    if (proxy.pid > 0)
        assert_int_equal(proxy_stop(&proxy), 0);
    proxy_remove(&proxy);
    return ctl_teardown(state);
}

#define CONFIG "-c", file_of("config")

static unsigned ask_status(const char *client)
{
    char target[64];
    snprintf(target, sizeof(target), "/?client_id=%s", client);
    struct reply reply = get(proxy.port, target, "");
    unsigned status = reply.status;
    reply_free(&reply);
    return status;
}

static unsigned admitted_of(const char *client, unsigned requests)
{
    unsigned admitted = 0;
    for (unsigned i = 0; i < requests; i++)
        admitted += ask_status(client) == 200;
    return admitted;
}

static json_int_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        fail_msg("no number %s", key);
    return json_integer_value(value);
}

static json_t *first(const json_t *root, const char *list)
{
    json_t *item = json_array_get(json_object_get(root, list), 0);
    assert_non_null(item);
    return item;
}

/* ---- show -------------------------------------------------------------------------------------- */

static void a_table_in_use_is_shown(void **state)
{
    struct ctl_world *w = *state;
    start();
    assert_int_equal(admitted_of("c1", 3), 3);
    CTL(w, 0, "limits", "show", CONFIG);
    assert_out_has(w, file_of("limits"));
    assert_out_has(w, "layout     1 (");
    assert_out_has(w, "clock      wall clock\n");
    assert_out_has(w, "seen up to revision");
    assert_out_has(w,
                   "REGION     CELLS  LIVE  CLAIMED  AHEAD  DAMAGED  FULL  OVERFLOWED  LATEST\n");
    CTL(w, 0, "--json", "limits", "show", CONFIG);
    json_t *root = ctl_json(w);
    const json_t *contracts = first(root, "regions");
    assert_int_equal(number(contracts, "cells"), 960);
    assert_int_equal(number(contracts, "live"), 2);
    assert_int_equal(number(contracts, "claimed"), 0);
    assert_int_equal(number(contracts, "ahead"), 0);
    assert_int_equal(number(contracts, "damaged"), 0);
    assert_true(number(json_object_get(root, "source"), "revision") > 0);
    json_decref(root);
    /* The header alone, without a configuration; nobody then knows what is ahead of time. */
    CTL(w, 0, "--json", "limits", "show", "--file", file_of("limits"));
    root = ctl_json(w);
    contracts = first(root, "regions");
    assert_int_equal(number(contracts, "live"), 2);
    assert_true(json_is_null(json_object_get(contracts, "ahead")));
    assert_int_equal(number(root, "layout"), 1);
    json_decref(root);
    CTL(w, 0, "limits", "show", "--file", file_of("limits"));
    assert_out_has(w, "?");
}

static void a_client_is_shown(void **state)
{
    struct ctl_world *w = *state;
    start();
    assert_int_equal(admitted_of("c1", 3), 3);
    CTL(w, 0, "limits", "show", CONFIG, "--client", "c1");
    assert_out_has(w, "API     POLICY");
    assert_out_has(w, "20/1d  fixed-window  3 of 20         17");
    CTL(w, 0, "--json", "limits", "show", CONFIG, "--client", "c1", "--api", "orders");
    json_t *root = ctl_json(w);
    const json_t *limit = first(root, "limits");
    assert_int_equal(number(limit, "maximumRequests"), QUOTA);
    assert_int_equal(number(limit, "timePeriodInMilliseconds"), 86400000);
    assert_int_equal(number(limit, "used"), 3);
    assert_int_equal(number(limit, "remaining"), 17);
    assert_true(number(limit, "resetInMilliseconds") > 86000000);
    json_decref(root);
    CTL(w, 0, "limits", "show", CONFIG, "--client", "c2");
    assert_out_has(w, "0 of 20");
    CTL(w, 0, "limits", "show", CONFIG, "--client", "c3");
    assert_out_has(w, "orders  -       none");
    CTL(w, 0, "limits", "show", CONFIG, "--api", "orders");
    assert_out_has(w, "3 of 1000000");
    CTL(w, 0, "limits", "show", CONFIG, "--api", "open");
    assert_out_has(w, "none");
    assert_int_equal(admitted_of("c1", QUOTA), 17); /* looking charged nothing */
}

/* ---- reset ------------------------------------------------------------------------------------- */

static void a_spent_client_is_let_in_again(void **state)
{
    struct ctl_world *w = *state;
    start();
    assert_int_equal(admitted_of("c1", QUOTA + 5), QUOTA);
    assert_int_equal(admitted_of("c2", 5), 5);
    CTL(w, 0, "limits", "reset", CONFIG, "--client", "c1");
    assert_out_has(w, "reset to full quota; before, they stood so:\n");
    assert_out_has(w, "20 of 20");
    assert_int_equal(admitted_of("c1", QUOTA + 5), QUOTA);
    assert_int_equal(admitted_of("c2", QUOTA), QUOTA - 5);
    CTL(w, 0, "--json", "limits", "reset", CONFIG, "--client", "c1", "--api", "orders");
    json_t *root = ctl_json(w);
    assert_int_equal(number(first(root, "before"), "used"), QUOTA);
    json_decref(root);
    assert_int_equal(admitted_of("c1", QUOTA + 5), QUOTA);
    CTL(w, 0, "limits", "reset", CONFIG, "--api", "orders");
    assert_out_has(w, "80 of 1000000");
    CTL(w, 0, "limits", "show", CONFIG, "--api", "orders");
    assert_out_has(w, "0 of 1000000");
}

static void all_at_once(void **state)
{
    struct ctl_world *w = *state;
    start();
    assert_int_equal(admitted_of("c1", QUOTA + 1), QUOTA);
    assert_int_equal(admitted_of("c2", QUOTA + 1), QUOTA);
    CTL(w, 0, "limits", "reset", CONFIG, "--repair", "--overflow");
    assert_out_has(w, ": 0 live, 0 overflow, 0 ahead, 0 claimed, 0 damaged\n");
    assert_int_equal(admitted_of("c1", 1), 0);
    CTL(w, 0, "limits", "reset", CONFIG, "--all");
    assert_out_has(w, ": 3 live, 0 overflow, 0 ahead, 0 claimed, 0 damaged\n");
    assert_int_equal(admitted_of("c1", QUOTA + 1), QUOTA);
    CTL(w, 0, "--json", "limits", "reset", "--file", file_of("limits"), "--all");
    json_t *root = ctl_json(w);
    assert_int_equal(number(root, "live"), 2);
    json_decref(root);
    assert_int_equal(admitted_of("c2", QUOTA + 1), QUOTA);
}

/* Over a proxy under load: for each reset at most one full quota more, and after the last one exactly that. */
static _Atomic bool load_on;
static _Atomic unsigned load_admitted;

static void *keep_asking(void *unused)
{
    (void)unused;
    while (atomic_load(&load_on))
        atomic_fetch_add(&load_admitted, ask_status("c1") == 200);
    return NULL;
}

static void under_load(void **state)
{
    enum { RESETS = 12, THREADS = 3 };
    struct ctl_world *w = *state;
    pthread_t threads[THREADS];
    start();
    atomic_store(&load_on, true);
    atomic_store(&load_admitted, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_asking, NULL), 0);
    for (int i = 0; i < RESETS; i++) {
        if (i % 3 == 2)
            CTL(w, 0, "limits", "reset", "--file", file_of("limits"), "--all");
        else
            CTL(w, 0, "limits", "reset", CONFIG, "--client", "c1");
    }
    atomic_store(&load_on, false);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&load_admitted) <= QUOTA * (RESETS + 1));
    assert_true(atomic_load(&load_admitted) >= QUOTA);
    CTL(w, 0, "limits", "reset", CONFIG, "--client", "c1");
    assert_int_equal(admitted_of("c1", QUOTA + 5), QUOTA);
    CTL(w, 0, "--json", "limits", "show", CONFIG);
    json_t *root = ctl_json(w);
    assert_int_equal(number(first(root, "regions"), "damaged"), 0);
    json_decref(root);
}

/* ---- what is refused --------------------------------------------------------------------------- */

struct usage_row {
    const char *why;
    const char *arguments[8];
    int status;
    const char *text;
};

static const struct usage_row usage_rows[] = {
    {"neither a configuration nor a file", {"show"}, 2, "Use --config FILE or --file FILE"},
    {"both", {"show", "-c", "x", "-f", "y"}, 2, "Use --config FILE or --file FILE"},
    {"a client without a configuration", {"show", "-f", "x", "--client", "c1"}, 2, "use --config"},
    {"a client that is empty", {"reset", "-c", "x", "--client", ""}, 2, "--client is empty"},
    {"an API that is empty", {"show", "-c", "x", "--api", ""}, 2, "--api is empty"},
    {"a reset of nothing", {"reset", "-f", "x"}, 2, "reset what?"},
    {"a client and all", {"reset", "-c", "x", "--client", "c1", "--all"}, 2, "not both"},
    {"a file that is not there", {"show", "-f", "/nonexistent/limits"}, 3, "/nonexistent/limits"},
    {"a configuration that is not there", {"show", "-c", "/nonexistent/x"}, 1, "/nonexistent/x"},
};

static void usage_is_explained(void **state)
{
    struct ctl_world *w = *state;
    for (size_t i = 0; i < sizeof(usage_rows) / sizeof(usage_rows[0]); i++) {
        const struct usage_row *row = &usage_rows[i];
        const char *arguments[10] = {"limits"};
        print_message("  %s\n", row->why);
        for (size_t k = 0; k < 8 && row->arguments[k] != NULL; k++)
            arguments[k + 1] = row->arguments[k];
        ctl_run(w, __LINE__, row->status, &(struct program_options){0}, arguments);
        assert_err_has(w, row->text);
        assert_one_error(w);
    }
}

static void nothing_is_made_or_invented(void **state)
{
    struct ctl_world *w = *state;
    CTL(w, 3, "limits", "show", CONFIG); /* no proxy has run yet */
    assert_err_has(w, file_of("limits"));
    CTL(w, 3, "limits", "reset", CONFIG, "--all");
    assert_int_equal(access(file_of("limits"), F_OK), -1);
    start();
    CTL(w, 3, "limits", "show", CONFIG, "--client", "nobody");
    assert_err_has(w, "client \"nobody\" has no contract");
    CTL(w, 3, "limits", "show", CONFIG, "--client", "c1", "--api", "open");
    CTL(w, 3, "limits", "reset", CONFIG, "--client", "c1", "--api", "none");
    write_config(w, 0);
    CTL(w, 3, "limits", "show", CONFIG);
    assert_err_has(w, "/limits/file");
    assert_err_has(w, "in the memory of the process");
    /* Contracts that cannot be had. */
    write_config(w, 1024);
    CTL(w, 1, "limits", "show", CONFIG, "--client", "c1", "--store",
        "sqlite:/nonexistent/store.db");
    assert_err_has(w, "contracts come from nowhere");
}

/* ---- files of another kind --------------------------------------------------------------------- */

/* Makes |limits| out of a good file. */
typedef void spoil_fn(const char *limits);

static void patch(const char *file, off_t at, const void *bytes, size_t count)
{
    int fd = open(file, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, count, at), count);
    close(fd);
}

static void another_layout(const char *limits)
{
    patch(limits, 8, "\2\0\0\0\0\0\2\0", 8);
}

static void another_clock(const char *limits)
{
    patch(limits, 16, "\7", 1);
}

static void another_size(const char *limits)
{
    patch(limits, 24, "\0\10", 2); /* 2048 cells instead of 1024 */
}

static void garbage(const char *limits)
{
    file_write(limits,
               "{\"this\": \"is no limits file, but long enough to have a header; it goes on "
               "for some time, and then for some more time, until it is longer than one "
               "hundred and ninety two bytes, which is what is read of a header first, and "
               "even then it goes on, since two hundred and fifty six bytes are what "
               "the structure takes with its padding, or it may be more than that: 384\"}");
}

static void nothing(const char *limits)
{
    assert_int_equal(truncate(limits, 0), 0);
}

static void half(const char *limits)
{
    assert_int_equal(truncate(limits, 8192), 0);
}

static void a_folder(const char *limits)
{
    unlink(limits);
    assert_int_equal(mkdir(limits, 0700), 0);
}

static void a_link_to_nowhere(const char *limits)
{
    unlink(limits);
    assert_int_equal(symlink("/nonexistent/limits", limits), 0);
}

static void a_pipe(const char *limits)
{
    unlink(limits);
    assert_int_equal(mkfifo(limits, 0600), 0);
}

struct file_row {
    const char *why;
    spoil_fn *spoil;
    int status; /* of clientidctl limits show --file; 0: the file alone is fine */
    const char *text;
    const char *remedy;
    const char *alone; /* what is said without a configuration; NULL: the same */
};

static const struct file_row file_rows[] = {
    {"another layout", another_layout, 1, "has layout 2000000000002, this library uses 1",
     "run one version of it, or remove the file while nothing uses it", NULL},
    {"another clock", another_clock, 1, "counts time by clock 7, this library by clock 1",
     "remove it while nothing uses it", NULL},
    {"more cells than the file is long", another_size, 1,
     "has 2048 cells, the configuration asks for 1024", "give the old number, or remove",
     "bytes long and should be"},
    {"something else", garbage, 1, "is not a limits file", "name another one, or remove it", NULL},
    {"an empty file", nothing, 1, "is not a limits file", "name another one, or remove it", NULL},
    {"a file that was cut", half, 1, "is 8192 bytes long and should be",
     "remove it while nothing uses it", NULL},
    {"a folder", a_folder, 1, "Is a directory", "", "is not a regular file"},
    {"a link that leads nowhere", a_link_to_nowhere, 3, "No such file", "", NULL},
    {"a pipe", a_pipe, 1, "is not a regular file", "", NULL},
};

static void assert_proxy_refuses(const char *text, const char *remedy)
{
    unlink(file_of("err"));
    assert_int_not_equal(proxy_run(&proxy, NULL), 0);
    char *err = proxy_file(&proxy, "err");
    assert_has(err, file_of("limits"));
    assert_has(err, text);
    assert_has(err, remedy);
    free(err);
}

static void make_good_file(void)
{
    start();
    assert_int_equal(proxy_stop(&proxy), 0);
    assert_int_equal(access(file_of("limits"), F_OK), 0);
}

static void files_of_another_kind(void **state)
{
    struct ctl_world *w = *state;
    for (size_t i = 0; i < sizeof(file_rows) / sizeof(file_rows[0]); i++) {
        const struct file_row *row = &file_rows[i];
        struct stat before, after;
        print_message("  %s\n", row->why);
        make_good_file();
        row->spoil(file_of("limits"));
        lstat(file_of("limits"), &before);
        assert_proxy_refuses(row->text, row->remedy);
        CTL(w, row->status, "limits", "show", "--file", file_of("limits"));
        assert_err_has(w, row->alone != NULL ? row->alone : row->text);
        if (row->alone == NULL)
            assert_err_has(w, row->remedy);
        assert_err_has(w, file_of("limits"));
        CTL(w, row->status, "limits", "reset", CONFIG, "--all");
        assert_int_equal(lstat(file_of("limits"), &after), 0); /* left as it was */
        assert_int_equal(before.st_ino, after.st_ino);
        assert_int_equal(before.st_size, after.st_size);
        assert_int_equal(remove(file_of("limits")), 0);
    }
}

/* Two programs whose configurations disagree about one file. */
static void another_size_by_configuration(void **state)
{
    struct ctl_world *w = *state;
    make_good_file();
    write_config(w, 4096);
    assert_proxy_refuses("has 1024 cells, the configuration asks for 4096",
                         "give the old number, or remove the file while nothing uses it");
    CTL(w, 1, "limits", "show", CONFIG);
    assert_err_has(w, "has 1024 cells, the configuration asks for 4096");
    CTL(w, 0, "limits", "show", "--file", file_of("limits"));
    write_config(w, 1024);
    make_good_file();
}

/* A link to a good file is followed: the table may live on another file system. */
static void a_link_to_a_table(void **state)
{
    struct ctl_world *w = *state;
    make_good_file();
    assert_int_equal(rename(file_of("limits"), file_of("elsewhere")), 0);
    assert_int_equal(symlink(file_of("elsewhere"), file_of("limits")), 0);
    start();
    assert_int_equal(admitted_of("c1", 2), 2);
    CTL(w, 0, "limits", "show", CONFIG, "--client", "c1");
    assert_out_has(w, "2 of 20");
}

/* As a user who owns nothing, when the test runs as root, who may read everything. */
static int run_unprivileged(const char *verb, const char *more, char *err, size_t size)
{
    const char *build = getenv("CLIENTID_TEST_BUILD");
    const char *argv[] = {"clientidctl", "limits", verb, "--file", file_of("limits"), more, NULL};
    char program[512];
    int status, ends[2];
    ssize_t got;
    snprintf(program, sizeof(program), "%s/clientidctl", build != NULL ? build : "build");
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(program, O_RDONLY); /* the folders above may be closed to that user */
        dup2(ends[1], STDERR_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        close(ends[1]);
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(100);
        fexecve(fd, (char **)(uintptr_t)argv, environ);
        _exit(101);
    }
    close(ends[1]);
    got = read(ends[0], err, size - 1);
    err[got > 0 ? got : 0] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void without_permission(void **state)
{
    char err[512];
    (void)state;
    make_good_file();
    chmod(proxy.dir, 0755);
    chmod(file_of("limits"), geteuid() == 0 ? 0640 : 0);
    assert_int_equal(run_unprivileged("show", NULL, err, sizeof(err)), 1);
    assert_has(err, "Permission denied");
    assert_has(err, file_of("limits"));
    /* Looking takes no more than the permission to read. */
    chmod(file_of("limits"), geteuid() == 0 ? 0644 : 0400);
    assert_int_equal(run_unprivileged("show", NULL, err, sizeof(err)), 0);
    assert_int_equal(run_unprivileged("reset", "--all", err, sizeof(err)), 1);
    assert_has(err, "Permission denied");
    if (geteuid() != 0)
        assert_proxy_refuses("Permission denied", "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_table_in_use_is_shown),
        TEST(a_client_is_shown),
        TEST(a_spent_client_is_let_in_again),
        TEST(all_at_once),
        TEST(under_load),
        TEST(usage_is_explained),
        TEST(nothing_is_made_or_invented),
        TEST(files_of_another_kind),
        TEST(another_size_by_configuration),
        TEST(a_link_to_a_table),
        TEST(without_permission),
    };

    return cmocka_run_group_tests_name("clientidctl limits", tests, NULL, NULL);
}
