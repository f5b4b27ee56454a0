/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that share one quota through a limits file, as a preforking server does.  Workers and syncs are made after
 * fork; each process has its own contracts in memory, and whichever comes first keeps the last-known-good files.
 */
#include <clientid/clientid.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES = 4, REQUESTS = 50, QUOTA = 100 };

/* One contract under one tier.  A real host takes clientid_store_source. */
static int load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                clientid_error *error)
{
    clientid_limit limit = {.maximum_requests = QUOTA, .period_ms = 3600000, .visible = 1};
    clientid_event tier = {.type = CLIENTID_EVENT_TIER};
    clientid_event contract = {.type = CLIENTID_EVENT_CONTRACT};
    int rv;

    (void)self, (void)error;
    tier.u.tier = (clientid_tier_event){1, CLIENTID_STR("gold"), &limit, 1};
    contract.u.contract = (clientid_contract_event){.id = 1,
                                                    .api = CLIENTID_STR("shared"),
                                                    .client_id = CLIENTID_STR("example-app"),
                                                    .application_id = 1,
                                                    .tier_id = 1,
                                                    .status = CLIENTID_APPROVED};
    *position = (clientid_position){.identity = 1, .revision = 1};
    rv = emit(sink, &tier);
    return rv == 0 ? emit(sink, &contract) : rv;
}

static int changes(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                   clientid_error *error)
{
    (void)self, (void)emit, (void)sink, (void)position, (void)error;
    return 0;
}

static int header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    (void)host, (void)name, (void)nth, (void)value;
    return 0;
}

/* Returns how many of its requests were admitted. */
static int serve(clientid_gateway *gateway, const char *folder)
{
    clientid_source source = {.size = sizeof(source), .load = load, .changes = changes};
    clientid_sync_options sync_options = {
        .size = sizeof(sync_options), .state = folder, .mode = CLIENTID_SYNC_SHARE};
    char scratch[CLIENTID_SCRATCH_BYTES];
    clientid_request request = {.size = sizeof(request),
                                .method = CLIENTID_STR("GET"),
                                .path = CLIENTID_STR("/"),
                                .query = CLIENTID_STR("id=example-app"),
                                .header = header,
                                .now_ns = (uint64_t)time(NULL) * 1000000000,
                                .scratch = scratch,
                                .scratch_len = sizeof(scratch)};
    const clientid_api *api;
    clientid_worker *worker;
    clientid_sync *sync;
    uint64_t next_ns;
    int admitted = 0;

    /* A server calls clientid_sync_start instead of the step, or steps from a timer. */
    if (clientid_sync_new(&sync, gateway, &source, &sync_options, NULL) != 0 ||
        clientid_sync_step(sync, request.now_ns, &next_ns, NULL) != 0 ||
        clientid_worker_new(&worker, gateway) != 0 ||
        clientid_api_get(gateway, CLIENTID_STR("shared"), &api) != 0)
        _exit(255);
    for (int i = 0; i < REQUESTS; i++) {
        clientid_decision decision = {.size = sizeof(decision)};

        if (clientid_check(worker, api, &request, &decision) == 0)
            admitted += decision.verdict == CLIENTID_ALLOW;
    }
    clientid_worker_del(worker);
    clientid_sync_del(sync);
    return admitted;
}

static int run(const char *folder)
{
    char config[512];
    clientid_options options = {.size = sizeof(options)};
    clientid_gateway *gateway;
    int admitted = 0, status, len;

    len = snprintf(config, sizeof(config),
                   "{\"limits\": {\"file\": \"%s/limits\", \"cells\": 1024, \"keyCells\": 1024,"
                   " \"useCells\": 1024}, \"apis\": {\"shared\": {\"policies\":"
                   " [{\"policy\": \"rate-limiting-sla-based\", \"id\": \"query:id\"}]}}}",
                   folder);
    options.config = (clientid_str){config, (size_t)len};
    if (clientid_gateway_new(&gateway, &options, NULL) != 0)
        return 1;
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0)
            _exit(serve(gateway, folder));
    for (int i = 0; i < PROCESSES; i++)
        if (wait(&status) > 0 && WIFEXITED(status))
            admitted += WEXITSTATUS(status);
    clientid_gateway_del(gateway);
    printf("%d processes sent %d requests, %d were admitted\n", PROCESSES, PROCESSES * REQUESTS,
           admitted);
    return admitted == QUOTA ? 0 : 1;
}

int main(void)
{
    static const char *const files[] = {"limits", "registry.lock", "registry.contact",
                                        "registry.snapshot", "registry.journal"};
    char folder[] = "/tmp/clientid-prefork-XXXXXX";
    char file[64];
    int rv;

    if (mkdtemp(folder) == NULL)
        return 1;
    rv = run(folder);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(file, sizeof(file), "%s/%s", folder, files[i]);
        unlink(file);
    }
    rmdir(folder);
    return rv;
}
