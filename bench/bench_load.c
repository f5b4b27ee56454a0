/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long it takes until contracts in SQLite are in force, at 1e3, 1e5 and 1e6 clients: writing them as JSON lines
 * ("clientidctl load"), the full load after a start, the same from the last-known-good files without the store, and
 * one revocation made while a gateway follows, journal and fsync included.
 */
#include <clientid/clientid.h>
#include <clientid/control.h>
#include <clientid/store.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint64_t wall_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void need(int rv, const char *what, const clientid_error *error)
{
    if (rv == 0)
        return;
    fprintf(stderr, "%s: %s %s\n", what, clientid_strerror(rv), error->text);
    exit(1);
}

/* ---- writing --------------------------------------------------------------------------------- */

struct lines {
    size_t next, count;
};

/* The next lines as they fit; every secret is a hash, as a migration has them. */
static int read_lines(void *self, char *out, size_t *len)
{
    struct lines *lines = self;
    size_t used = 0;

    while (lines->next<lines->count && * len - used> 512) {
        int n = snprintf(
            out + used, *len - used,
            "{\"clientId\":\"%032zx\",\"name\":\"client %09zu\",\"clientSecretHash\":"
            "\"%064zx\",\"clientSecretSalt\":\"%032zx\",\"api\":\"bench\",\"tier\":\"gold\"}\n",
            lines->next, lines->next, lines->next * 2654435761U, lines->next);

        used += (size_t)n;
        lines->next++;
    }
    *len = used;
    return 0;
}

static double write_store(const char *uri, size_t clients)
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
    struct lines lines = {0, clients};
    clientid_load_options options = {
        .size = sizeof(options), .read = read_lines, .read_self = &lines};
    clientid_load_counts counts = {.size = sizeof(counts)};
    clientid_control *control;
    clientid_store *store;
    clientid_error error;
    double start;

    need(clientid_store_open(&store, uri, CLIENTID_STORE_CREATE, &error), "store", &error);
    need(clientid_control_new(&control, store, NULL, &error), "control", &error);
    need(clientid_control_api_create(control, &api, &tier.api_id, &error), "api", &error);
    need(clientid_control_tier_create(control, &tier, &tier.id, &error), "tier", &error);
    start = clock_ms();
    need(clientid_control_load(control, &options, &counts, &error), "load", &error);
    start = clock_ms() - start;
    clientid_control_del(control);
    clientid_store_close(store);
    return start;
}

static void revoke_contract(const char *uri, uint64_t contract)
{
    clientid_control *control;
    clientid_store *store;
    clientid_error error;

    need(clientid_store_open(&store, uri, 0, &error), "store", &error);
    need(clientid_control_new(&control, store, NULL, &error), "control", &error);
    need(clientid_control_contract_act(control, contract, CLIENTID_VERB_REVOKE, &error), "revoke",
         &error);
    clientid_control_del(control);
    clientid_store_close(store);
}

/* ---- reading --------------------------------------------------------------------------------- */

static const char config[] =
    "{\"gatekeeper\": \"flexible\", \"limits\": {\"cells\": 1024}, \"apis\": {\"bench\":"
    " {\"policies\": [{\"policy\": \"rate-limiting-sla-based\"}]}}}";

struct follower {
    clientid_gateway *gateway;
    clientid_sync *sync;
};

static void open_follower(struct follower *f, const char *uri, const char *state)
{
    clientid_options options = {.size = sizeof(options), .config = CLIENTID_STR(config)};
    clientid_sync_options sync_options = {.size = sizeof(sync_options), .state = state};
    clientid_source source;
    clientid_error error;

    need(clientid_gateway_new(&f->gateway, &options, &error), "gateway", &error);
    if (uri != NULL)
        need(clientid_store_source(&source, uri, &error), "source", &error);
    need(clientid_sync_new(&f->sync, f->gateway, uri != NULL ? &source : NULL, &sync_options,
                           &error),
         "sync", &error);
}

/* A gateway in step with the store, or with the files when |uri| is NULL; returns how long that took. */
static double follow(struct follower *f, const char *uri, const char *state)
{
    clientid_error error;
    uint64_t now_ns, next_ns;
    double start = clock_ms();

    open_follower(f, uri, state);
    if (uri == NULL)
        return clock_ms() - start;
    /* While a snapshot is being written, the next piece of it is due at once. */
    do {
        now_ns = wall_ns();
        need(clientid_sync_step(f->sync, now_ns, &next_ns, &error), "step", &error);
    } while (next_ns - now_ns < 20000000);
    return clock_ms() - start;
}

static void leave(struct follower *f)
{
    clientid_sync_del(f->sync);
    clientid_gateway_del(f->gateway);
}

static double one_change(struct follower *f, const char *uri, uint64_t contract)
{
    clientid_error error;
    uint64_t next_ns;
    double start;

    revoke_contract(uri, contract);
    start = clock_ms();
    need(clientid_sync_step(f->sync, wall_ns(), &next_ns, &error), "step", &error);
    return clock_ms() - start;
}

static void pause_us(long us)
{
    struct timespec t = {0, us * 1000};

    nanosleep(&t, NULL);
}

static clientid_status status_of(const struct follower *f)
{
    clientid_status status = {.size = sizeof(status)};

    (void)clientid_gateway_status(f->gateway, wall_ns(), &status);
    return status;
}

/*
 * The longest time from a commit until it is in force, over the two seconds after a full load, in which the first
 * snapshot is written; polls every 50 ms.
 */
static double slowest_change(const char *uri, const char *state, uint64_t contract)
{
    struct follower f;
    double slowest = 0, begun, start;

    open_follower(&f, uri, state);
    if (clientid_sync_start(f.sync) != 0)
        exit(1);
    while (!status_of(&f).loaded)
        pause_us(500);
    for (begun = clock_ms(); clock_ms() - begun < 2000; contract++) {
        uint64_t revision = status_of(&f).revision;

        revoke_contract(uri, contract);
        start = clock_ms();
        while (status_of(&f).revision == revision)
            pause_us(200);
        slowest = clock_ms() - start > slowest ? clock_ms() - start : slowest;
        pause_us((long)(contract * 7919 % 20000));
    }
    leave(&f);
    return slowest;
}

/* The median counts: one fsync that waits for what others write takes ten times as long as the rest. */
enum { CHANGES = 21 };

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void bench(const char *folder, size_t clients)
{
    char file[256], uri[300], state[256], command[1200], drop[300];
    struct follower f;
    struct stat stat_of;
    double write_ms, load_ms, keep_ms, change_ms[CHANGES], files_ms, slowest_ms;

    snprintf(file, sizeof(file), "%s/load-%zu.db", folder, clients);
    snprintf(uri, sizeof(uri), "sqlite:%s", file);
    snprintf(state, sizeof(state), "%s/load-%zu.state", folder, clients);
    snprintf(command, sizeof(command), "rm -rf '%s' '%s'-wal '%s'-shm '%s'", file, file, file,
             state);
    if (system(command) != 0 || mkdir(state, 0700) != 0)
        exit(1);
    write_ms = write_store(uri, clients);
    slowest_ms = slowest_change(uri, state, 100);
    snprintf(drop, sizeof(drop), "rm -f '%s'/registry.*", state);
    if (system(drop) != 0)
        exit(1);
    load_ms = follow(&f, uri, NULL);
    leave(&f);
    keep_ms = follow(&f, uri, state);
    for (uint64_t i = 0; i < CHANGES; i++)
        change_ms[i] = one_change(&f, uri, i + 1);
    qsort(change_ms, CHANGES, sizeof(change_ms[0]), by_size);
    leave(&f);
    files_ms = follow(&f, NULL, state);
    leave(&f);
    if (stat(file, &stat_of) != 0)
        exit(1);
    printf("%8zu  %9.0f  %9.0f  %9.0f  %9.0f  %11.2f  %14.0f  %9.1f\n", clients, write_ms, load_ms,
           keep_ms, files_ms, change_ms[CHANGES / 2], slowest_ms, (double)stat_of.st_size / 1e6);
    if (system(command) != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : ".";

    printf(" clients   write ms    load ms    +file ms  files ms  revoke ms*  in snapshot ms  "
           "store MB\n");
    bench(folder, 1000);
    bench(folder, 100000);
    bench(folder, 1000000);
    printf("* median, from the poll that sees it to in force, journal written and fsynced\n");
    return 0;
}
