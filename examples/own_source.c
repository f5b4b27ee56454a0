/* SPDX-License-Identifier: Apache-2.0 */
/* Contracts from your own data: a source is functions that tell what exists and what changed. */
#include <clientid/clientid.h>

#include <stdio.h>
#include <time.h>

static const char config[] =
    "{\"apis\": {\"orders\": {\"policies\": [{\"policy\": \"rate-limiting-sla-based\","
    " \"id\": \"query:client_id\", \"secret\": \"query:client_secret\"}]}}}";

/* One tier, one contract.  A real source reads its rows here. */
static int load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                clientid_error *error)
{
    clientid_limit limit = {.maximum_requests = 100, .period_ms = 60000, .visible = 1};
    clientid_event tier = {.type = CLIENTID_EVENT_TIER};
    clientid_event contract = {.type = CLIENTID_EVENT_CONTRACT};
    int rv;

    (void)self, (void)error;
    tier.u.tier = (clientid_tier_event){1, CLIENTID_STR("gold"), &limit, 1};
    contract.u.contract = (clientid_contract_event){.id = 1,
                                                    .api = CLIENTID_STR("orders"),
                                                    .client_id = CLIENTID_STR("example-app"),
                                                    .name = CLIENTID_STR("Example"),
                                                    .application_id = 1,
                                                    .tier_id = 1,
                                                    .status = CLIENTID_APPROVED,
                                                    .secrets[0] = {.salt = "salt", .salt_len = 4}};
    rv = clientid_secret_hash(&contract.u.contract.secrets[0], CLIENTID_STR("not-a-secret"), NULL,
                              0);
    rv = rv == 0 ? emit(sink, &tier) : rv;
    rv = rv == 0 ? emit(sink, &contract) : rv;
    *position = (clientid_position){.identity = 1, .revision = 1};
    return rv;
}

/* Nothing ever changes here. */
static int changes(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                   clientid_error *error)
{
    (void)self, (void)emit, (void)sink, (void)position, (void)error;
    return 0;
}

static void close_source(void *self)
{
    (void)self;
}

static int header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    (void)host, (void)name, (void)nth, (void)value;
    return 0;
}

int main(void)
{
    clientid_source source = {sizeof(source), NULL, load, changes, NULL, close_source};
    clientid_options options = {.size = sizeof(options), .config = CLIENTID_STR(config)};
    clientid_sync_options sync_options = {.size = sizeof(sync_options)};
    char scratch[CLIENTID_SCRATCH_BYTES];
    clientid_request request = {
        .size = sizeof(request),
        .method = CLIENTID_STR("GET"),
        .path = CLIENTID_STR("/orders"),
        .query = CLIENTID_STR("client_id=example-app&client_secret=not-a-secret"),
        .header = header,
        .now_ns = (uint64_t)time(NULL) * 1000000000,
        .scratch = scratch,
        .scratch_len = sizeof(scratch)};
    clientid_decision decision = {.size = sizeof(decision)};
    clientid_gateway *gateway;
    clientid_worker *worker;
    const clientid_api *api;
    clientid_sync *sync;
    uint64_t next_ns;

    if (clientid_gateway_new(&gateway, &options, NULL) != 0 ||
        clientid_sync_new(&sync, gateway, &source, &sync_options, NULL) != 0 ||
        clientid_sync_step(sync, request.now_ns, &next_ns, NULL) != 0 ||
        clientid_worker_new(&worker, gateway) != 0 ||
        clientid_api_get(gateway, CLIENTID_STR("orders"), &api) != 0 ||
        clientid_check(worker, api, &request, &decision) != 0)
        return 1;
    printf("%s: %.*s of tier %.*s, %llu left\n", clientid_verdict_label(decision.verdict),
           (int)decision.client_name.len, decision.client_name.ptr, (int)decision.tier.len,
           decision.tier.ptr, (unsigned long long)decision.limits[0].remaining);
    clientid_worker_del(worker);
    clientid_sync_del(sync);
    clientid_gateway_del(gateway);
    return decision.verdict == CLIENTID_ALLOW ? 0 : 1;
}
