/* SPDX-License-Identifier: Apache-2.0 */
#include "support_world.h"

#include "base/str.h"
#include "gateway.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

void support_world_new(struct support_world *w, const char *config)
{
    clientid_options options = {
        .size = sizeof(options), .config = clientid__cstr(config), .config_name = "test.json"};
    clientid_error error = {0};

    memset(w, 0, sizeof(*w));
    w->now_ns = 1700000000000000000ULL;
    if (clientid_gateway_new(&w->gateway, &options, &error) != 0)
        fail_msg("%u:%u %s: %s", error.line, error.column, error.pointer, error.text);
    assert_int_equal(clientid_worker_new(&w->worker, w->gateway), 0);
    assert_int_equal(clientid__gateway_registry_new(w->gateway, &w->registry), 0);
    clientid__gateway_publish(w->gateway, w->registry);
    clientid__gateway_synced(
        w->gateway, &(struct clientid__sync_status){
                        .identity = 1, .revision = 1, .contact_ns = w->now_ns, .from_source = 1});
}

void support_world_del(struct support_world *w)
{
    clientid_worker_del(w->worker);
    clientid_gateway_del(w->gateway);
}

void support_tier(struct support_world *w, uint64_t id, const char *name, uint64_t maximum,
                  uint64_t period_ms)
{
    clientid_limit limit = {.maximum_requests = maximum, .period_ms = period_ms, .visible = 1};
    clientid_event event = {.type = CLIENTID_EVENT_TIER};

    event.u.tier = (clientid_tier_event){id, clientid__cstr(name), &limit, maximum != 0};
    assert_int_equal(clientid__registry_apply(w->registry, &event), 0);
}

static void slot(clientid_secret *out, const char *secret, const struct support_contract *contract)
{
    if (secret == NULL)
        return;
    memcpy(out->salt, "0123456789abcdef", 16);
    out->salt_len = 16;
    assert_int_equal(
        clientid_secret_hash(out, clientid__cstr(secret), contract->pepper, contract->pepper_len),
        0);
}

void support_contract(struct support_world *w, const struct support_contract *contract)
{
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT};
    clientid_contract_event *e = &event.u.contract;

    *e = (clientid_contract_event){.id = contract->id != 0 ? contract->id : 1,
                                   .api = clientid__cstr(contract->api),
                                   .client_id = clientid__cstr(contract->client_id),
                                   .name = CLIENTID_STR("Test application"),
                                   .application_id = 7,
                                   .tier_id = contract->tier_id,
                                   .status = contract->status != 0 ? contract->status
                                                                   : CLIENTID_APPROVED};
    slot(&e->secrets[0], contract->secret, contract);
    slot(&e->secrets[1], contract->secret2, contract);
    e->secrets[0].not_after_ns = contract->not_after_ns;
    e->secrets[1].not_before_ns = contract->not_before2_ns;
    assert_int_equal(clientid__registry_apply(w->registry, &event), 0);
}

void support_contract_remove(struct support_world *w, const char *api, const char *client_id)
{
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT_REMOVED};

    event.u.contract.id = 1;
    event.u.contract.api = clientid__cstr(api);
    event.u.contract.client_id = clientid__cstr(client_id);
    assert_int_equal(clientid__registry_apply(w->registry, &event), 0);
}

clientid_decision support_ask(struct support_world *w, const char *api, const char *raw)
{
    clientid_decision decision = {.size = sizeof(decision)};
    const clientid_api *found;

    assert_int_equal(clientid_api_get(w->gateway, clientid__cstr(api), &found), 0);
    assert_int_equal(support_request_parse(&w->request, clientid__cstr(raw), w->now_ns), 0);
    assert_int_equal(
        support_request_check(&w->request, w->worker, found, clientid__cstr(raw), &decision), 0);
    return decision;
}
