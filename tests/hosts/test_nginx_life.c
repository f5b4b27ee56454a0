/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, reloading, upgrading and killing a real nginx with the module: what is refused, and what must go on. */
#include "support_nginx.h"
#include "support_sanitizer.h"

#include <clientid/control.h>
#include <clientid/store.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMITS                                                                                     \
    "\"limits\":{\"file\":\"@DIR@/limits\",\"cells\":1024,\"keyCells\":1024,\"useCells\":1024}"
#define ID    "{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"header:x-id\"}]}"
#define SCORE "{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"header:client_id\"}]}"
#define COUNT(maximum)                                                                             \
    "{\"policies\":[{\"policy\":\"rate-limiting\",\"limits\":[\"" #maximum "/1h\"]}]}"
#define STATE "\"state\":\"@DIR@/state\","

static struct nginx nginx;

static int set_up(void **state)
{
    (void)state;
    if (!nginx_available())
        skip();
    nginx_prepare(&nginx, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (nginx_available())
        nginx_remove(&nginx);
    return 0;
}

static void start(const char *json, const char *main_lines, const char *http)
{
    nginx_write_config(&nginx, json);
    nginx_write_conf(&nginx, main_lines, http);
    nginx_start(&nginx);
}

static unsigned status_of(const char *target, const char *lines)
{
    struct reply reply = get(nginx.port, target, lines);
    unsigned status = reply.status;
    reply_free(&reply);
    return status;
}

static bool becomes(const char *target, const char *lines, unsigned status)
{
    for (uint64_t end_ms = now_ms() + 10000; now_ms() < end_ms; sleep_ms(10)) {
        if (status_of(target, lines) == status)
            return true;
    }
    return false;
}

static void expect_no_alerts(void)
{
    char *alerts = nginx_alerts(&nginx);
    assert_string_equal(alerts, "");
    free(alerts);
}

/* ---- nginx -t -------------------------------------------------------------------------------- */

#define SERVER(lines) "server { listen 127.0.0.1:@PORT@; location / { " lines " } }\n"
#define GOOD          "{" LIMITS ",\"apis\":{\"x\":" ID ",\"score\":" SCORE "}}"

static const struct {
    const char *name;
    const char *json;
    const char *http;
    const char *says; /* NULL: good */
} configurations[] = {
    {"good", GOOD, "clientid_config @CONFIG@;\n" SERVER("clientid x;"), NULL},
    {"before clientid_config", GOOD, SERVER("clientid x;") "clientid_config @CONFIG@;\n", NULL},
    {"relative to the folder of nginx.conf", GOOD,
     "clientid_config config;\n" SERVER("clientid x;"), NULL},
    {"not loaded where it is not used", "{", SERVER("empty_gif;"), NULL},
    {"no such file", GOOD, "clientid_config /none;\n" SERVER("clientid x;"),
     "cannot open \"/none\" (2: No such file or directory) in "},
    {"a folder", GOOD, "clientid_config /tmp;\n" SERVER("clientid x;"),
     "cannot read \"/tmp\" (21: Is a directory)"},
    {"syntax: line and column", "{\n  \"apis\": {]\n}",
     "clientid_config @CONFIG@;\n" SERVER("clientid x;"), "config:2:"},
    {"key: JSON pointer",
     "{" LIMITS ",\"apis\":{\"x\":{\"policies\":[{\"policy\":\"nonsense\"}]}}}",
     "clientid_config @CONFIG@;\n" SERVER("clientid x;"), "config#/apis/x/policies/0"},
    {"limits without a file", "{\"apis\":{\"x\":" ID "}}",
     "clientid_config @CONFIG@;\n" SERVER("clientid x;"),
     "every worker process would have a quota of its own"},
    {"limits file in no folder", "{\"limits\":{\"file\":\"/none/limits\"},\"apis\":{\"x\":" ID "}}",
     "clientid_config @CONFIG@;\n" SERVER("clientid x;"), "[emerg] clientid_config: "},
    {"unknown API instance, with its line", GOOD,
     "clientid_config @CONFIG@;\n" SERVER("\n\nclientid other;"), "has no such API instance in "},
    {"no clientid_config", GOOD, SERVER("clientid x;"), "needs \"clientid_config\""},
    {"two", GOOD, "clientid_config @CONFIG@; clientid_config @CONFIG@;\n", "is duplicate"},
    {"two API instances", GOOD, "clientid_config @CONFIG@;\n" SERVER("clientid x; clientid score;"),
     "is duplicate"},
    {"unknown mode", GOOD, "clientid_config @CONFIG@;\n" SERVER("clientid x; clientid_mode no;"),
     "invalid value \"no\""},
    {"status of success", GOOD,
     "clientid_config @CONFIG@;\n" SERVER("clientid x; clientid_quota_status 200;"),
     "must be between 400 and 599"},
    {"identity in Host", GOOD,
     "clientid_config @CONFIG@;\n" SERVER("clientid x; clientid_identity_headers id=Host;"),
     "cannot be that of an identity header"},
    {"identity of nothing", GOOD,
     "clientid_config @CONFIG@;\n" SERVER("clientid x; clientid_identity_headers X;"), "takes off"},
    {"underscores on", GOOD, "clientid_config @CONFIG@;\n" SERVER("clientid score;"), NULL},
    {"underscores off", GOOD,
     "clientid_config @CONFIG@;\nserver { listen 127.0.0.1:@PORT@; underscores_in_headers off;\n"
     "location / { clientid score; } }\n",
     "reads the header \"client_id\", which nginx drops: \"underscores_in_headers on\" is missing"},
    {"underscores off in the default server", GOOD,
     "clientid_config @CONFIG@;\nserver { listen 127.0.0.1:@PORT@; underscores_in_headers off; }\n"
     "server { listen 127.0.0.1:@PORT@; server_name s; clientid score; }\n",
     "\"underscores_in_headers on\" is missing"},
    {"underscores off elsewhere", GOOD,
     "clientid_config @CONFIG@;\nserver { listen 127.0.0.1:@H2@; underscores_in_headers off; }\n"
     "server { listen 127.0.0.1:@PORT@; server_name s; clientid score; }\n",
     NULL},
    {"underscores are kept with all other invalid names", GOOD,
     "clientid_config @CONFIG@;\nserver { listen 127.0.0.1:@PORT@; underscores_in_headers off;\n"
     "ignore_invalid_headers off; clientid score; }\n",
     NULL},
    {"underscores off, not read", GOOD,
     "clientid_config @CONFIG@;\nserver { listen 127.0.0.1:@PORT@; underscores_in_headers off;\n"
     "clientid x; location /a { clientid off; } }\n",
     NULL},
};

static void configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof configurations / sizeof configurations[0]; i++) {
        char *output;
        nginx_write_config(&nginx, configurations[i].json);
        nginx_write_conf(&nginx, "", configurations[i].http);
        int code = nginx_test(&nginx, &output);
        if (code != (configurations[i].says != NULL))
            fail_msg("%s: %d %s", configurations[i].name, code, output);
        if (configurations[i].says != NULL && strstr(output, configurations[i].says) == NULL)
            fail_msg("%s: %s", configurations[i].name, output);
        free(output);
    }
}

static void table_of_another_size(void **state)
{
    char limits[128];
    char *output;
    (void)state;
    nginx_write_config(&nginx, GOOD);
    nginx_write_conf(&nginx, "", "clientid_config @CONFIG@;\n" SERVER("clientid x;"));
    (void)snprintf(limits, sizeof limits, "%s/limits", nginx.files.dir);
    (void)unlink(limits);
    assert_int_equal(nginx_test(&nginx, &output), 0);
    free(output);
    assert_int_equal(access(limits, F_OK), -1); /* a check leaves no trace */
    nginx_start(&nginx);
    assert_int_equal(nginx_stop(&nginx), 0);
    assert_int_equal(access(limits, F_OK), 0);
    nginx_write_conf(&nginx, "", "clientid_config @CONFIG@;\n");
    nginx_write_config(&nginx,
                       "{\"limits\":{\"file\":\"@DIR@/limits\",\"cells\":2048},\"apis\":{}}");
    assert_int_equal(nginx_test(&nginx, &output), 1);
    assert_has(output, "limits");
    free(output);
}

/* A library of another version, as far as a program can tell: clientid_version says so. */
static void other_version(void **state)
{
    char command[512];
    char preload[160];
    char *output;
    (void)state;
    (void)snprintf(command, sizeof command,
                   "echo 'const char *clientid_version(void); const char *clientid_version(void)"
                   " { return \"0.99.7\"; }' | cc -shared -fPIC -x c -o %s/other.so -",
                   nginx.files.dir);
    assert_int_equal(system(command), 0);
    (void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s/other.so", nginx.files.dir);
    nginx_write_config(&nginx, GOOD);
    nginx_write_conf(&nginx, "", "clientid_config @CONFIG@;\n" SERVER("clientid x;"));
    nginx.environment = preload;
    assert_int_equal(nginx_test(&nginx, &output), 1);
    assert_has(output, "[emerg]");
    assert_has(output, "compiled for libclientid 0.1.0, the library is version 0.99.7");
    free(output);
    nginx.environment = NULL;
}

/* ---- load ------------------------------------------------------------------------------------ */

enum { THREADS = 4 };

struct load {
    pthread_t threads[THREADS];
    unsigned port;
    const char *lines;
    atomic_uint left;   /* requests still to be sent */
    atomic_uint passed; /* 200 */
    atomic_uint refused;
    atomic_uint lost; /* anything else */
};

static void *send_all(void *cls)
{
    struct load *load = cls;
    for (;;) {
        unsigned left = atomic_load(&load->left);
        while (left != 0 && !atomic_compare_exchange_weak(&load->left, &left, left - 1))
            ;
        if (left == 0)
            return NULL;
        struct reply reply = {.status = 0};
        int fd = client_connect(load->port);
        if (fd >= 0) {
            client_text(fd, "GET /count HTTP/1.1\r\nHost: t\r\n");
            client_text(fd, load->lines);
            client_text(fd, "Connection: close\r\n\r\n");
            reply = client_read(fd, false);
            (void)close(fd);
            reply_free(&reply);
        }
        atomic_fetch_add(reply.status == 200   ? &load->passed
                         : reply.status == 429 ? &load->refused
                                               : &load->lost,
                         1);
    }
}

static void load_start(struct load *load, unsigned requests, const char *lines)
{
    *load = (struct load){.port = nginx.port, .lines = lines, .left = requests};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&load->threads[i], NULL, send_all, load), 0);
}

static void load_wait_until_left(struct load *load, unsigned left)
{
    while (atomic_load(&load->left) > left)
        sleep_ms(1);
}

static void load_finish(struct load *load)
{
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(load->threads[i], NULL);
}

#define COUNTED "clientid_config @CONFIG@;\n" SERVER("clientid count; empty_gif;")

static void reload_drops_nothing_and_keeps_quota(void **state)
{
    struct load load;
    (void)state;
    start("{" STATE LIMITS ",\"apis\":{\"count\":" COUNT(1000) ",\"x\":" ID "}}",
          "worker_processes 2;", COUNTED);
    load_start(&load, 2000, "");
    for (unsigned left = 1700; left > 300; left -= 350) {
        load_wait_until_left(&load, left);
        nginx_reload(&nginx);
    }
    load_finish(&load);
    assert_int_equal(load.lost, 0);
    assert_int_equal(load.passed, 1000);
    assert_int_equal(load.refused, 1000);
    /* A configuration that is refused leaves the old one at work. */
    nginx_write_config(&nginx, "{");
    (void)kill(nginx.pid, SIGHUP);
    assert_true(proxy_file_gets(&nginx.files, "error.log", "[emerg]"));
    assert_int_equal(status_of("/", ""), 429);
    assert_int_equal(nginx_stop(&nginx), 0);
}

/* Contracts are there before the first request, after a reload too. */
static void reload_with_contracts(void **state)
{
    struct load load;
    (void)state;
    start("{" STATE LIMITS ",\"apis\":{\"id\":" ID "}}", "worker_processes 2;",
          "clientid_config @CONFIG@;\n" SERVER("clientid id; empty_gif;"));
    load_start(&load, 1000, "x-id: alice\r\n");
    for (unsigned left = 800; left > 200; left -= 200) {
        load_wait_until_left(&load, left);
        nginx_reload(&nginx);
    }
    load_finish(&load);
    assert_int_equal(load.passed, 1000);
    assert_int_equal(status_of("/", "x-id: bob\r\n"), 401);
    expect_no_alerts();
    assert_int_equal(nginx_stop(&nginx), 0);
}

static pid_t read_pid(const char *name)
{
    char *text = proxy_file(&nginx.files, name);
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    free(text);
    return pid;
}

static void binary_upgrade(void **state)
{
    struct load load;
    pid_t old;
    (void)state;
    start("{" STATE LIMITS ",\"apis\":{\"count\":" COUNT(1000) "}}",
          "daemon on; worker_processes 2;", COUNTED); /* only a daemon can be upgraded */
    old = nginx.pid;
    load_start(&load, 2000, "");
    load_wait_until_left(&load, 1500);
    (void)kill(old, SIGUSR2);
    for (uint64_t end_ms = now_ms() + 10000; nginx.pid == old || nginx.pid == 0; sleep_ms(5)) {
        assert_true(now_ms() < end_ms);
        nginx.pid = read_pid("nginx.pid");
    }
    assert_int_equal(read_pid("nginx.pid.oldbin"), old);
    assert_true(nginx_has_workers(nginx.pid, 2));
    load_wait_until_left(&load, 1000); /* both serve */
    (void)kill(old, SIGQUIT);
    int status;
    assert_int_equal(waitpid(old, &status, 0), old);
    assert_int_equal(status, 0);
    load_finish(&load);
    assert_int_equal(load.lost, 0);
    assert_int_equal(load.passed, 1000);
    expect_no_alerts();
    assert_int_equal(nginx_stop(&nginx), 0);
}

static void killed_worker(void **state)
{
    struct load load;
    pid_t pids[8];
    (void)state;
    start("{" STATE LIMITS ",\"apis\":{\"count\":" COUNT(1000) "}}", "worker_processes 2;",
          COUNTED);
    load_start(&load, 3000, "");
    for (unsigned left = 2600; left > 800; left -= 400) {
        load_wait_until_left(&load, left);
        assert_true(nginx_has_workers(nginx.pid, 2));
        assert_int_equal(nginx_workers(nginx.pid, pids, 8), 2);
        (void)kill(pids[left / 400 % 2], SIGKILL);
    }
    load_finish(&load);
    assert_true(load.passed <= 1000);
    /* At most what was in flight: each kill met no more than one request of each client. */
    assert_true(load.lost <= 5 * THREADS);
    assert_true(load.passed + load.lost >= 1000);
    assert_true(nginx_has_workers(nginx.pid, 2));
    assert_int_equal(status_of("/", ""), 429); /* nothing is locked */
    assert_int_equal(nginx_stop(&nginx), 0);
}

static void metrics_of_all_workers(void **state)
{
    struct load load;
    (void)state;
    start(
        "{" STATE LIMITS ",\"apis\":{\"count\":" COUNT(100) "}}", "worker_processes 3;",
        "clientid_config @CONFIG@;\nserver { listen 127.0.0.1:@PORT@; location / { clientid count; "
        "empty_gif; }\n location /metrics { clientid_metrics; } }\n");
    load_start(&load, 150, "");
    load_finish(&load);
    struct reply reply = get(nginx.port, "/metrics", "");
    assert_has(reply.head, "Content-Type: text/plain; version=0.0.4\r\n");
    assert_has(reply.body, "{api=\"count\",verdict=\"allow\",reason=\"allowed\"} 100\n");
    assert_has(reply.body, "{api=\"count\",verdict=\"deny\",reason=\"quota-exceeded\"} 50\n");
    reply_free(&reply);
    assert_int_equal(nginx_stop(&nginx), 0);
}

/* ---- contracts ------------------------------------------------------------------------------- */

static clientid_control *control;
static clientid_store *store;

static void need(int rv, const clientid_error *error)
{
    if (rv != 0)
        fail_msg("%s %s", clientid_strerror(rv), error->text);
}

static void store_open(void)
{
    char uri[160];
    clientid_error error = {0};
    (void)snprintf(uri, sizeof uri, "sqlite:%s/store.db", nginx.files.dir);
    need(clientid_store_open(&store, uri, CLIENTID_STORE_CREATE, &error), &error);
    need(clientid_control_new(&control, store, NULL, &error), &error);
}

static void store_close(void)
{
    clientid_control_del(control);
    clientid_store_close(store);
}

/* Client "carol" on API instance "id"; the contract. */
static uint64_t store_fill(void)
{
    clientid_api_record api = {
        .size = sizeof api, .kind = CLIENTID_API_INSTANCE, .name = CLIENTID_STR("id")};
    clientid_tier_record tier = {.size = sizeof tier,
                                 .name = CLIENTID_STR("gold"),
                                 .status = CLIENTID_TIER_ACTIVE,
                                 .auto_approve = 1};
    clientid_application_record app = {
        .size = sizeof app, .name = CLIENTID_STR("Carol"), .client_id = CLIENTID_STR("carol")};
    clientid_credentials credentials = {.size = sizeof credentials};
    clientid_access_request request = {.size = sizeof request};
    clientid_error error = {0};
    uint64_t contract = 0;
    need(clientid_control_api_create(control, &api, &tier.api_id, &error), &error);
    need(clientid_control_tier_create(control, &tier, &request.tier_id, &error), &error);
    need(clientid_control_application_create(control, &app, CLIENTID_STR("a secret of carol's"),
                                             &credentials, &error),
         &error);
    request.api_id = tier.api_id;
    request.application_id = credentials.application_id;
    need(clientid_control_contract_request(control, &request, &contract, NULL, &error), &error);
    return contract;
}

#define STORED                                                                                     \
    "{\"store\":\"sqlite:@DIR@/store.db\",\"state\":\"@DIR@/kept\"," LIMITS                        \
    ",\"apis\":{\"id\":" ID "}}"

static void make_folder(const char *name, mode_t mode)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", nginx.files.dir, name);
    assert_int_equal(mkdir(path, mode), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void store_that_appears_later(void **state)
{
    clientid_error error = {0};
    (void)state;
    make_folder("kept", 0700);
    start(STORED, "worker_processes 2;",
          "clientid_config @CONFIG@;\n" SERVER("clientid id; empty_gif;"));
    assert_int_equal(status_of("/", "x-id: carol\r\n"), 503); /* never open */
    store_open();
    uint64_t contract = store_fill();
    for (int i = 0; i < 20; i++) /* whichever worker answers */
        assert_true(becomes("/", "x-id: carol\r\n", 200));
    need(clientid_control_contract_act(control, contract, CLIENTID_VERB_REVOKE, &error), &error);
    assert_true(becomes("/", "x-id: carol\r\n", 401));
    store_close();
    expect_no_alerts();
    assert_int_equal(nginx_stop(&nginx), 0);
}

/* Killed with all its workers and started without its store: what was known last goes on. */
static void restart_without_store(void **state)
{
    char path[160];
    (void)state;
    make_folder("kept", 0700);
    store_open();
    (void)store_fill();
    start(STORED, "worker_processes 2;",
          "clientid_config @CONFIG@;\n" SERVER("clientid id; empty_gif;"));
    assert_int_equal(status_of("/", "x-id: carol\r\n"), 200);
    assert_int_equal(nginx_stop(&nginx), 0);
    store_close();
    (void)snprintf(path, sizeof path, "%s/store.db", nginx.files.dir);
    assert_int_equal(unlink(path), 0);
    nginx_start(&nginx);
    assert_true(becomes("/", "x-id: carol\r\n", 200));
    assert_int_equal(nginx_stop(&nginx), 0);
}

/*
 * All locks of the shared memory of a WAL database (https://sqlite.org/walformat.html, "Locks"): nobody can begin to
 * read.  By another process, since locks of a process do not lock it out.
 */
static pid_t lock_store(void)
{
    const struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 120, .l_len = 8};
    char path[160];
    int ready[2];
    char byte;
    (void)snprintf(path, sizeof path, "%s/store.db-shm", nginx.files.dir);
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open(path, O_RDWR);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when the test fails */
        if (fd < 0 || fcntl(fd, F_SETLKW, &lock) != 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        (void)pause();
        _exit(0);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    return pid;
}

/* SQLite tries for 10 s to read it: nobody waits for that who has contracts. */
static void reload_with_locked_store(void **state)
{
    (void)state;
    make_folder("kept", 0700);
    store_open();
    (void)store_fill();
    start(STORED, "worker_processes 2;",
          "clientid_config @CONFIG@;\n" SERVER("clientid id; empty_gif;"));
    assert_int_equal(status_of("/", "x-id: carol\r\n"), 200);
    pid_t holder = lock_store();
    uint64_t begun_ms = now_ms();
    nginx_reload(&nginx);
    for (int i = 0; i < 20; i++)
        assert_int_equal(status_of("/", "x-id: carol\r\n"), 200);
    assert_true(now_ms() - begun_ms < 5000);
    (void)kill(holder, SIGKILL);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    store_close();
    expect_no_alerts();
    assert_int_equal(nginx_stop(&nginx), 0);
}

/* Workers without privileges: the master opens the limits table, the workers read the last-known-good files. */
static void unprivileged_workers(void **state)
{
    char command[256];
    (void)state;
    if (geteuid() != 0)
        skip();
    (void)snprintf(command, sizeof command, "chmod 711 %s; chmod 755 %s/temp", nginx.files.dir,
                   nginx.files.dir);
    assert_int_equal(system(command), 0);
    start("{" STATE LIMITS ",\"apis\":{\"id\":" ID ",\"count\":" COUNT(3) "}}",
          "user www-data; worker_processes 2;",
          "clientid_config @CONFIG@;\nserver { listen 127.0.0.1:@PORT@; location / { clientid id; "
          "empty_gif; }\n location /count { clientid count; empty_gif; } }\n");
    assert_int_equal(status_of("/", "x-id: alice\r\n"), 503); /* the folder is root's, 0700 */
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(status_of("/count", ""), i < 3 ? 200 : 429);
    (void)snprintf(command, sizeof command, "chmod -R a+rX %s/state", nginx.files.dir);
    assert_int_equal(system(command), 0);
    nginx_reload(&nginx);
    assert_true(becomes("/", "x-id: alice\r\n", 200));
    assert_int_equal(nginx_stop(&nginx), 0);
}

/* ---- processes ------------------------------------------------------------------------------- */

static unsigned threads_of(pid_t pid)
{
    char path[64];
    char line[256];
    unsigned threads = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "Threads: %u", &threads);
    if (file != NULL)
        (void)fclose(file);
    return threads;
}

/* Only worker processes have a thread for contracts: not the master, not the cache manager. */
static void threads_where_they_belong(void **state)
{
    char path[64];
    pid_t pids[4];
    int pid;
    unsigned children = 0;
    (void)state;
    start("{" STATE LIMITS ",\"apis\":{\"id\":" ID "}}", "",
          "proxy_cache_path @DIR@/temp/cache keys_zone=c:1m;\n"
          "clientid_config @CONFIG@;\n" SERVER("clientid id; empty_gif;"));
    assert_int_equal(status_of("/", "x-id: alice\r\n"), 200);
    assert_int_equal(nginx_workers(nginx.pid, pids, 4), 1);
    assert_int_equal(threads_of(nginx.pid), 1);
    assert_int_equal(threads_of(pids[0]), 2);
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)nginx.pid, (int)nginx.pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (; fscanf(file, "%d", &pid) == 1; children++)
        assert_int_equal(threads_of(pid), pid == pids[0] ? 2 : 1);
    (void)fclose(file);
    assert_true(children >= 2);
    assert_int_equal(nginx_stop(&nginx), 0);
}

static void single_process(void **state)
{
    (void)state;
    start("{" STATE LIMITS ",\"apis\":{\"id\":" ID "}}", "master_process off;",
          "clientid_config @CONFIG@;\n" SERVER("clientid id; empty_gif;"));
    assert_int_equal(status_of("/", "x-id: alice\r\n"), 200);
    assert_int_equal(status_of("/", "x-id: bob\r\n"), 401);
    assert_int_equal(nginx_stop(&nginx), 0);
}

/* ---- memory ---------------------------------------------------------------------------------- */

#if !SUPPORT_ASAN /* which looks on itself, in every test */

static void expect_silence_of_valgrind(void)
{
    char command[256];
    (void)snprintf(command, sizeof command, "cat %s/valgrind.* >%s/valgrind", nginx.files.dir,
                   nginx.files.dir);
    assert_int_equal(system(command), 0);
    char *text = proxy_file(&nginx.files, "valgrind");
    if (strstr(text, "==") != NULL)
        fail_msg("%s", text);
    free(text);
}

/* The dynamic linker compares $ORIGIN by words; nginx keeps its environment until the process is gone. */
static void write_known_faults(void)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/known", nginx.files.dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("{\n  origin\n  Memcheck:Addr8\n  fun:strncmp\n  fun:is_dst\n}\n"
                "{\n  environment\n  Memcheck:Leak\n  fun:malloc\n  fun:ngx_alloc\n"
                "  fun:ngx_set_environment\n}\n",
                file);
    assert_int_equal(fclose(file), 0);
}

static void memory(void **state)
{
    (void)state;
    write_known_faults();
    if (system("command -v valgrind >/dev/null") != 0)
        skip();
    nginx.valgrind = true;
    start(
        "{" STATE LIMITS ",\"apis\":{\"id\":{\"policies\":[{\"policy\":\"client-id-enforcement\","
        "\"id\":\"any:client_id\"}]},\"form\":{\"policies\":[{\"policy\":\"client-id-enforcement\","
        "\"id\":\"form:client_id\"}]},\"slow\":{\"policies\":[{\"policy\":\"throttling-sla-based\","
        "\"id\":\"any:client_id\",\"delay\":\"100ms\",\"attempts\":9}]}}}",
        "",
        "clientid_config @CONFIG@;\nserver { listen 127.0.0.1:@PORT@;\n"
        "location / { clientid id; error_page 401 /page; empty_gif; }\n"
        "location /plain { clientid id; empty_gif; }\n"
        "location /form { clientid form; proxy_pass http://127.0.0.1:1; }\n"
        "location /slow { clientid slow; empty_gif; } }\n");
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(status_of("/?client_id=alice&x", "X-Client-Id: a\r\n"), 200);
        assert_int_equal(status_of("/plain?x", ""), 401);
        assert_int_equal(status_of("/?client_id=bob", ""), 401);
        assert_int_equal(status_of("/slow?client_id=alice", ""), 200);
    }
    struct reply reply = ask(nginx.port, "POST /form HTTP/1.1\r\nHost: t\r\nContent-Length: 15\r\n"
                                         "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
                                         "client_id=alice");
    assert_int_equal(reply.status, 502);
    reply_free(&reply);
    (void)kill(nginx.pid, SIGHUP);
    assert_true(proxy_file_gets(&nginx.files, "error.log", "exited with code 0"));
    assert_int_equal(status_of("/?client_id=alice", ""), 200);
    assert_int_equal(nginx_stop(&nginx), 0);
    expect_silence_of_valgrind();
}

#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(configuration),
        TEST(table_of_another_size),
        TEST(other_version),
        TEST(reload_drops_nothing_and_keeps_quota),
        TEST(reload_with_contracts),
        TEST(binary_upgrade),
        TEST(killed_worker),
        TEST(metrics_of_all_workers),
        TEST(store_that_appears_later),
        TEST(restart_without_store),
        TEST(reload_with_locked_store),
        TEST(unprivileged_workers),
        TEST(threads_where_they_belong),
        TEST(single_process),
#if !SUPPORT_ASAN
        TEST(memory),
#endif
    };
    return cmocka_run_group_tests_name("nginx_life", tests, NULL, NULL);
}
