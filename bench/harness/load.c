/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long it takes until contracts at rest are in force: written as JSON lines, loaded from SQLite, loaded from the
 * last-known-good files, and a revocation made while a gateway follows, journal and fsync included.
 */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { REVOCATIONS = 21, LOADS = 3 };

static const char config[] =
    "{\"gatekeeper\": \"flexible\", \"limits\": {\"cells\": 1024}, \"apis\": {\"bench\":"
    " {\"policies\": [{\"policy\": \"rate-limiting-sla-based\"}]}}}";

struct follower {
    clientid_gateway *gateway;
    clientid_sync *sync;
};

static void follow_begin(struct follower *f, const char *uri, const char *state)
{
    clientid_options gateway = {.size = sizeof(gateway), .config = CLIENTID_STR(config)};
    clientid_sync_options sync = {.size = sizeof(sync), .state = state};
    clientid_source source;
    clientid_error error;

    need(clientid_gateway_new(&f->gateway, &gateway, &error), "gateway", &error);
    if (uri != NULL)
        need(clientid_store_source(&source, uri, &error), "source", &error);
    need(clientid_sync_new(&f->sync, f->gateway, uri != NULL ? &source : NULL, &sync, &error),
         "sync", &error);
}

static void follow_end(struct follower *f)
{
    clientid_sync_del(f->sync);
    clientid_gateway_del(f->gateway);
}

static clientid_status status_of(const struct follower *f)
{
    clientid_status status = {.size = sizeof(status)};

    (void)clientid_gateway_status(f->gateway, wall_ns(), &status);
    return status;
}

static double step(const struct follower *f, uint64_t *wait_ns)
{
    clientid_error error;
    uint64_t start = clock_ns(), now_ns = wall_ns(), next_ns;

    need(clientid_sync_step(f->sync, now_ns, &next_ns, &error), "sync", &error);
    if (wait_ns != NULL)
        *wait_ns = next_ns - now_ns;
    return (double)(clock_ns() - start) / 1e6;
}

/* In step with the store, or with the files when |uri| is NULL; milliseconds.  Pieces of the first save are due at once. */
static double follow(struct follower *f, const char *uri, const char *state)
{
    uint64_t start = clock_ns(), wait_ns = 0;

    follow_begin(f, uri, state);
    while (uri != NULL && wait_ns < 20000000)
        (void)step(f, &wait_ns);
    return (double)(clock_ns() - start) / 1e6;
}

static void revoke(const char *uri, uint64_t contract)
{
    struct bench_store s;
    clientid_error error;

    need(clientid_store_open(&s.store, uri, 0, &error), "store", &error);
    need(clientid_control_new(&s.control, s.store, NULL, &error), "control", &error);
    need(clientid_control_contract_act(s.control, contract, CLIENTID_VERB_REVOKE, &error), "revoke",
         &error);
    store_end(&s);
}

/* The longest time from a commit until it is in force, in the two seconds after a full load; polls every 50 ms. */
static double slowest_revocation(const char *uri, const char *state)
{
    struct follower f;
    double slowest = 0;
    uint64_t begun, contract = 100;

    follow_begin(&f, uri, state);
    need(clientid_sync_start(f.sync), "sync", NULL);
    while (!status_of(&f).loaded)
        pause_ns(500000);
    for (begun = clock_ns(); clock_ns() - begun < 2000000000; contract++) {
        uint64_t revision = status_of(&f).revision, start;
        double took;

        revoke(uri, contract);
        start = clock_ns();
        while (status_of(&f).revision == revision)
            pause_ns(200000);
        took = (double)(clock_ns() - start) / 1e6;
        slowest = took > slowest ? took : slowest;
        pause_ns(contract * 7919 % 20000 * 1000);
    }
    follow_end(&f);
    return slowest;
}

/* What is at |path| and beside it: FILE-wal, FILE-shm, or the folder with all that it holds. */
static void drop(const char *path)
{
    char command[1024];

    snprintf(command, sizeof(command), "rm -rf '%s' '%s-wal' '%s-shm'", path, path, path);
    if (system(command) != 0)
        exit(2);
}

static void make_state(const char *state)
{
    drop(state);
    need(mkdir(state, 0700) == 0 ? 0 : CLIENTID_ERR_IO, state, NULL);
}

static struct spread loads(const char *uri, const char *state, size_t clients)
{
    double times[LOADS];
    struct follower f;
    size_t rounds = clients > 1000000 ? 1 : LOADS;

    for (size_t i = 0; i < rounds; i++) {
        times[i] = follow(&f, uri, state);
        if (status_of(&f).contracts < clients - 1000)
            result_void("load", uri != NULL ? uri : state, clients, 1);
        follow_end(&f);
    }
    return spread_of(times, rounds);
}

static void report(const char *name, size_t clients, struct spread value)
{
    struct figure figure = {.section = "load", .clients = clients, .unit = "ms", .value = value};

    snprintf(figure.name, sizeof(figure.name), "%s", name);
    result_figure(&figure);
}

static void revocations(const char *uri, const char *state, size_t clients)
{
    double times[REVOCATIONS];
    struct follower f;

    (void)follow(&f, uri, state);
    for (uint64_t i = 0; i < REVOCATIONS; i++) {
        revoke(uri, i + 1);
        times[i] = step(&f, NULL);
    }
    follow_end(&f);
    report("one revocation in force, fsynced", clients, spread_of(times, REVOCATIONS));
}

static void one_size(size_t clients)
{
    char file[256], uri[280], state[256];
    struct spread sqlite, files;
    struct follower f;

    snprintf(file, sizeof(file), "%s/load.db", options.folder);
    snprintf(uri, sizeof(uri), "sqlite:%s", file);
    snprintf(state, sizeof(state), "%s/load.state", options.folder);
    store_make(file, clients);
    make_state(state);
    sqlite = loads(uri, NULL, clients);
    report("SQLite to gateway", clients, sqlite);
    report("with the first save of the files", clients,
           (struct spread){0, follow(&f, uri, state), 0});
    follow_end(&f);
    files = loads(NULL, state, clients);
    report("last-known-good files to gateway", clients, files);
    revocations(uri, state, clients);
    make_state(state);
    if (!options.quick)
        result("load", "slowest revocation in a first save", clients, "ms",
               slowest_revocation(uri, state));
    drop(file);
    drop(state);
    if (clients != 1000000)
        return;
    target("1e6 clients from SQLite", "ms", sqlite.median, 600, false);
    target("1e6 clients from the last-known-good files", "ms", files.median, 60, false);
}

static void lines(size_t clients)
{
    char file[256];
    struct bench_store s;

    snprintf(file, sizeof(file), "%s/lines.db", options.folder);
    drop(file);
    store_begin(&s, file);
    result("load", "JSON lines to SQLite", clients, "ms", store_load_lines(s.control, clients));
    store_end(&s);
    drop(file);
}

void measure_loads(void)
{
    lines(options.quick ? 1000 : 100000);
    if (options.quick) {
        one_size(2000);
        return;
    }
    one_size(100000);
    one_size(1000000);
    if (options.big)
        one_size(10000000);
}
