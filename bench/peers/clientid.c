/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libclientid beside its peers.  Three API instances over the same keys: "full" checks id, secret and limit, "id" leaves
 * out the secret, "key" counts by a value of the query and knows nobody: what the peers do.  All three read the key
 * out of a query; the peers are handed it.
 */
#include "work.h"

#include <clientid/clientid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUERY_ROOM = 128 };

struct query {
    uint32_t len;
    char text[QUERY_ROOM - sizeof(uint32_t)];
};

struct driver {
    clientid_gateway *gateway;
    clientid_worker *workers[WORK_THREADS_MAX];
    const clientid_api *api;
    const struct query *queries;
    uint64_t now_ns;
};

static void fail(const char *what, const clientid_error *error)
{
    fprintf(stderr, "libclientid: %s: %s %s\n", what, error->pointer, error->text);
    exit(1);
}

/* ---- contracts ------------------------------------------------------------------------------- */

/* An id read backwards is secret enough here. */
static void secret_of(const char *key, char out[KEY_LEN])
{
    for (int i = 0; i < KEY_LEN; i++)
        out[i] = key[KEY_LEN - 1 - i];
}

static int emit_contracts(const char *key, uint64_t number, clientid_event_fn *emit, void *sink)
{
    static const char *const apis[] = {"full", "id", "tiny"};
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT};
    clientid_contract_event *contract = &event.u.contract;
    char secret[KEY_LEN];
    int rv;

    secret_of(key, secret);
    *contract = (clientid_contract_event){.client_id = {key, KEY_LEN},
                                          .name = {key, 16},
                                          .application_id = number,
                                          .status = CLIENTID_APPROVED};
    memcpy(contract->secrets[0].salt, key, 16);
    contract->secrets[0].salt_len = 16;
    rv = clientid_secret_hash(&contract->secrets[0], (clientid_str){secret, KEY_LEN}, NULL, 0);
    /* One contract is enough to see the tiny limit refuse. */
    for (uint64_t i = 0; i < (number == 1 ? 3 : 2) && rv == 0; i++) {
        contract->id = 3 * number + i;
        contract->api = (clientid_str){apis[i], strlen(apis[i])};
        contract->tier_id = i == 2 ? 2 : 1;
        rv = emit(sink, &event);
    }
    return rv;
}

static int load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                clientid_error *error)
{
    const struct work *work = self;
    const clientid_limit limits[] = {
        {.maximum_requests = WORK_REQUESTS, .period_ms = 60000, .visible = 1},
        {.maximum_requests = WORK_TINY, .period_ms = 3600000, .visible = 1}};
    clientid_event event = {.type = CLIENTID_EVENT_TIER};
    int rv = 0;

    (void)error;
    for (uint64_t id = 1; id <= 2 && rv == 0; id++) {
        event.u.tier = (clientid_tier_event){id, CLIENTID_STR("tier"), &limits[id - 1], 1};
        rv = emit(sink, &event);
    }
    for (size_t i = 0; i < work->count && rv == 0; i++)
        rv = emit_contracts(work->keys[i], i + 1, emit, sink);
    *position = (clientid_position){1, 1};
    return rv;
}

static int no_changes(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                      clientid_error *error)
{
    (void)self, (void)emit, (void)sink, (void)position, (void)error;
    return 0;
}

static int poll_source(void *self, clientid_error *error)
{
    (void)self, (void)error;
    return 0;
}

static void close_source(void *self)
{
    (void)self;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void write_query(struct query *query, const char *key)
{
    char secret[KEY_LEN];

    secret_of(key, secret);
    query->len = (uint32_t)snprintf(query->text, sizeof query->text,
                                    "client_id=%.32s&client_secret=%.32s&page=1", key, secret);
}

/* In the order of the decisions: a host has the request that it asks about in its cache. */
static struct query *make_queries(const struct work *work)
{
    struct query *queries = calloc(work->decisions, sizeof *queries);

    if (queries == NULL)
        exit(1);
    for (size_t i = 0; i < work->decisions; i++)
        write_query(&queries[i], work->keys[work->order[i]]);
    return queries;
}

static int no_header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    (void)host, (void)name, (void)nth, (void)value;
    return 0;
}

static size_t ask(struct driver *driver, unsigned thread, const struct query *queries, size_t mask,
                  size_t begin, size_t count)
{
    char scratch[CLIENTID_SCRATCH_BYTES];
    clientid_decision decision = {.size = sizeof decision};
    clientid_request request = {.size = sizeof request,
                                .method = CLIENTID_STR("GET"),
                                .path = CLIENTID_STR("/orders/17"),
                                .header = no_header,
                                .scratch = scratch,
                                .scratch_len = sizeof scratch};
    size_t allowed = 0;

    for (size_t i = 0; i < count; i++) {
        const struct query *query = &queries[(begin + i) & mask];

        request.query = (clientid_str){query->text, query->len};
        request.now_ns = driver->now_ns + i * 1000;
        if (clientid_check(driver->workers[thread], driver->api, &request, &decision) == 0)
            allowed += decision.verdict == CLIENTID_ALLOW;
    }
    return allowed;
}

static size_t decide(struct share *share)
{
    struct driver *driver = share->driver;

    return ask(driver, share->thread, driver->queries, share->work->decisions - 1, share->begin,
               share->count);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void use_api(struct driver *driver, const char *name)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    driver->now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    if (clientid_api_get(driver->gateway, (clientid_str){name, strlen(name)}, &driver->api) != 0)
        exit(1);
}

static void measure(struct driver *driver, const struct work *work, const char *api,
                    const char *name)
{
    struct query query;

    use_api(driver, api);
    /* Every key once, so that every cell is there. */
    for (size_t i = 0; i < work->count; i++) {
        write_query(&query, work->keys[i]);
        ask(driver, 0, &query, 0, 0, 1);
    }
    use_api(driver, api);
    work_measure(name, clientid_version(), work, decide, driver, work->decisions);
}

static void check_tiny(struct driver *driver, const struct work *work, const char *api)
{
    struct query query;

    use_api(driver, api);
    write_query(&query, work->keys[0]);
    work_check_tiny("libclientid", ask(driver, 0, &query, 0, 0, WORK_TINY_ASKED));
}

static void make_gateway(struct driver *driver, size_t keys)
{
    char config[1400];
    clientid_options options = {.size = sizeof options};
    clientid_error error = {0};

    options.config = (clientid_str){
        config,
        (size_t)snprintf(
            config, sizeof config,
            "{\"limits\": {\"cells\": %zu, \"keyCells\": %zu, \"useCells\": %zu}, \"apis\": {"
            "\"full\": {\"policies\": [{\"policy\": \"rate-limiting-sla-based\","
            " \"algorithm\": \"token-bucket\", \"id\": \"query:client_id\","
            " \"secret\": \"query:client_secret\"}]},"
            "\"tiny\": {\"policies\": [{\"policy\": \"rate-limiting-sla-based\","
            " \"algorithm\": \"token-bucket\", \"id\": \"query:client_id\","
            " \"secret\": \"query:client_secret\"}]},"
            "\"id\": {\"policies\": [{\"policy\": \"rate-limiting-sla-based\","
            " \"algorithm\": \"token-bucket\", \"id\": \"query:client_id\"}]},"
            "\"key\": {\"policies\": [{\"policy\": \"rate-limiting\","
            " \"algorithm\": \"token-bucket\", \"key\": \"query:client_id\","
            " \"limits\": [\"%d/1m\"]}]},"
            "\"tiny-key\": {\"policies\": [{\"policy\": \"rate-limiting\","
            " \"algorithm\": \"token-bucket\", \"key\": \"query:client_id\","
            " \"limits\": [\"%d/1h\"]}]}}}",
            4 * keys + 64, 2 * keys + 64, keys, WORK_REQUESTS, WORK_TINY)};
    if (clientid_gateway_new(&driver->gateway, &options, &error) != 0)
        fail("gateway", &error);
    for (int t = 0; t < WORK_THREADS_MAX; t++)
        if (clientid_worker_new(&driver->workers[t], driver->gateway) != 0)
            exit(1);
}

int main(int argc, char **argv)
{
    clientid_sync_options sync_options = {.size = sizeof sync_options};
    clientid_error error = {0};
    struct driver driver = {0};
    clientid_sync *sync;
    struct query *queries;
    struct work work;
    uint64_t next_ns;

    if (argc != 3) {
        fprintf(stderr, "usage: %s KEYS DECISIONS, a power of two\n", argv[0]);
        return 2;
    }
    work = work_read(argv[1], strtoul(argv[2], NULL, 10));
    clientid_source source = {sizeof source, &work, load, no_changes, poll_source, close_source};

    make_gateway(&driver, work.count);
    if (clientid_sync_new(&sync, driver.gateway, &source, &sync_options, &error) != 0)
        fail("sync", &error);
    use_api(&driver, "full");
    if (clientid_sync_step(sync, driver.now_ns, &next_ns, &error) != 0)
        fail("load", &error);
    check_tiny(&driver, &work, "tiny");
    check_tiny(&driver, &work, "tiny-key");
    queries = make_queries(&work);
    driver.queries = queries;
    measure(&driver, &work, "key", "libclientid, limit by a key");
    measure(&driver, &work, "id", "libclientid, id and limit");
    measure(&driver, &work, "full", "libclientid, id, secret, limit");
    for (int t = 0; t < WORK_THREADS_MAX; t++)
        clientid_worker_del(driver.workers[t]);
    clientid_sync_del(sync);
    clientid_gateway_del(driver.gateway);
    free(queries);
    work_free(&work);
    return 0;
}
