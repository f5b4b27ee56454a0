/* SPDX-License-Identifier: Apache-2.0 */
/* Contracts of one API instance or group: what its owners see of them, and decide. */
#include "contract.h"

#include "api.h"
#include "handlers.h"
#include "paging.h"
#include "portal.h"
#include "record.h"
#include "tier.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- what they name -------------------------------------------------------------------------- */

/* What was read already, by its kind and number. */
static json_t *fetch(struct call *call, json_t *seen, char kind, json_t *id)
{
    char key[32];
    (void)snprintf(key, sizeof key, "%c%lld", kind, (long long)json_integer_value(id));
    json_t *json = json_object_get(seen, key);
    if (json != NULL)
        return json;
    uint64_t number = (uint64_t)json_integer_value(id);
    json = kind == 't' ? tier_json_if(call, number) : api_json_if(call, number);
    if (json != NULL)
        (void)json_object_set_new(seen, key, json);
    return json;
}

static void put_tier(struct call *call, json_t *contract, json_t *seen, const char *id_key,
                     const char *key)
{
    json_t *id = json_object_get(contract, id_key);
    json_t *tier = json_is_integer(id) ? fetch(call, seen, 't', id) : NULL;
    if (tier == NULL)
        return;
    tier = json_copy(tier);
    (void)json_object_del(tier, "applicationCount"); /* says how many others there are */
    (void)json_object_set_new(contract, key, tier);
}

/* The API Platform calls an instance a version of its API. */
static json_t *version_json(json_t *api)
{
    const char *group = json_string_value(json_object_get(api, "groupId"));
    const char *asset = json_string_value(json_object_get(api, "assetId"));
    char name[600];
    (void)snprintf(name, sizeof name, "groupId:%s:assetId:%s", group != NULL ? group : "",
                   asset != NULL ? asset : "");
    json_t *version = json_copy(api);
    (void)json_object_set(version, "name", json_object_get(api, "autodiscoveryInstanceName"));
    (void)json_object_set(version, "apiId", json_object_get(api, "id"));
    (void)json_object_del(version, "terms");
    (void)json_object_set_new(version, "api",
                              json_pack("{s:O,s:s,s:O}", "id", json_object_get(api, "id"), "name",
                                        name, "exchangeAssetName",
                                        json_object_get(api, "assetId")));
    return version;
}

static void put_api(struct call *call, json_t *contract, json_t *seen)
{
    static const char older[] = "/apiplatform/";
    json_t *api = fetch(call, seen, 'a', json_object_get(contract, "apiId"));
    if (api == NULL)
        return;
    (void)json_object_set(contract, "api", api);
    if (strncmp(call->route->path, older, strlen(older)) == 0)
        (void)json_object_set_new(contract, "apiVersion", version_json(api));
}

void contract_complete(struct call *call, json_t *contracts, enum contract_side side)
{
    json_t *seen = json_object();
    size_t i;
    json_t *contract;
    json_array_foreach(contracts, i, contract)
    {
        put_tier(call, contract, seen, "tierId", "tier");
        put_tier(call, contract, seen, "requestedTierId", "requestedTier");
        if (side == CONTRACT_OF_APPLICATION)
            put_api(call, contract, seen);
    }
    json_decref(seen);
}

/* ---- one of them ----------------------------------------------------------------------------- */

struct one {
    const struct call *call;
    json_t *list;
};

static int take_one(void *self, const clientid_contract_record *record)
{
    struct one *one = self;
    return json_array_append_new(one->list, record_contract(one->call, record)) != 0
               ? CLIENTID_ERR_NOMEM
               : 0;
}

json_t *contract_json(struct call *call, uint64_t id, enum contract_side side)
{
    struct one one = {call, json_array()};
    clientid_error error = {0};
    json_t *contract = NULL;
    int rc = clientid_control_contract_get(call->control, id, take_one, &one, &error);
    if (rc == 0) {
        contract_complete(call, one.list, side);
        contract = json_incref(json_array_get(one.list, 0));
    } else {
        call_error(call, rc, &error);
    }
    json_decref(one.list);
    return contract;
}

void contract_answer(struct call *call, int rc, uint64_t id, enum contract_side side,
                     const clientid_error *error)
{
    json_t *contract;
    if (rc != 0)
        call_error(call, rc, error);
    else if ((contract = contract_json(call, id, side)) != NULL)
        call_answer(call, call->route->status, contract);
}

uint32_t contract_status(clientid_str label)
{
    for (uint32_t status = 1; status <= 4; status++) {
        const char *name = clientid_contract_status_label((clientid_contract_status)status);
        if (strlen(name) == label.len && strncasecmp(name, label.ptr, label.len) == 0)
            return status;
    }
    return 0;
}

/* The contract that the path names, with its status; false with an answer when the API has none such. */
static bool find(struct call *call, uint64_t *id, uint32_t *status)
{
    uint64_t api_id;
    if (!api_of(call, &api_id) || !call_number(call, "contractId", id))
        return false;
    json_t *contract = contract_json(call, *id, CONTRACT_OF_API);
    if (contract == NULL)
        return false;
    const json_t *label = json_object_get(contract, "status");
    bool own = (uint64_t)json_integer_value(json_object_get(contract, "apiId")) == api_id;
    if (status != NULL)
        *status =
            contract_status((clientid_str){json_string_value(label), json_string_length(label)});
    json_decref(contract);
    if (!own)
        call_refuse(call, 404, "", "the API has no contract %llu", (unsigned long long)*id);
    return own;
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct listing {
    const struct call *call;
    struct page page;
    clientid_str query;
};

static int take(void *self, const clientid_contract_record *record)
{
    struct listing *listing = self;
    if (!record_has(record->application_name, listing->query) || !page_takes(&listing->page))
        return 0;
    return page_put(&listing->page, record_contract(listing->call, record));
}

static bool read_filter(struct call *call, clientid_contract_filter *filter)
{
    clientid_str label;
    if (!call_query(call, "status", &label) || label.len == 0)
        return true;
    filter->status = contract_status(label);
    if (filter->status != 0)
        return true;
    call_refuse(call, 400, "status",
                "query parameter status must be one of PENDING, APPROVED, REJECTED, REVOKED");
    return false;
}

/* The library counts and cuts pages by itself where nothing is searched for in names. */
static int list(struct call *call, clientid_contract_filter *filter, struct listing *listing,
                clientid_error *error)
{
    uint64_t total = 0;
    int rc;
    if (listing->query.len != 0)
        return clientid_control_contract_list(call->control, filter, take, listing, error);
    rc = clientid_control_contract_count(call->control, filter, &total, error);
    filter->max = listing->page.limit;
    filter->offset = listing->page.offset;
    listing->page.offset = 0;
    if (rc == 0 && filter->max != 0)
        rc = clientid_control_contract_list(call->control, filter, take, listing, error);
    listing->page.total = total;
    return rc;
}

void contract_list(struct call *call)
{
    clientid_contract_filter filter = {.size = sizeof filter};
    struct listing listing = {.call = call};
    clientid_error error = {0};
    (void)call_query(call, "query", &listing.query);
    (void)call_query(call, "coreServicesId", &filter.client_id);
    if (!api_of(call, &filter.api_id) || !read_filter(call, &filter) ||
        !page_begin(call, 0, 250, 100, &listing.page))
        return;
    int rc = list(call, &filter, &listing, &error);
    if (rc == 0)
        contract_complete(call, listing.page.list, CONTRACT_OF_API);
    page_answer(call, &listing.page, "contracts", rc, &error);
}

/* ---- changes --------------------------------------------------------------------------------- */

clientid_access_request contract_request(const struct call *call, uint64_t application_id,
                                         uint64_t api_id)
{
    const json_t *info = json_object_get(call->json, "requestAccessInfo");
    const json_t *reason = json_object_get(info, "reason");
    return (clientid_access_request){
        .size = sizeof(clientid_access_request),
        .application_id = application_id,
        .api_id = api_id,
        .tier_id = call_id(call, "requestedTierId"),
        .accepted_terms = json_is_true(json_object_get(call->json, "acceptedTerms")),
        .reason = {json_string_value(reason), json_string_length(reason)},
        .party_id = call_text(call, "partyId"),
        .party_name = call_text(call, "partyName"),
    };
}

void contract_create(struct call *call)
{
    clientid_error error = {0};
    uint64_t api_id, id = 0;
    if (!api_of(call, &api_id))
        return;
    const clientid_access_request request =
        contract_request(call, call_id(call, "applicationId"), api_id);
    int rc = clientid_control_contract_request(call->control, &request, &id, NULL, &error);
    contract_answer(call, rc, id, CONTRACT_OF_API, &error);
}

void contract_get(struct call *call)
{
    uint64_t id;
    clientid_error error = {0};
    if (find(call, &id, NULL))
        contract_answer(call, 0, id, CONTRACT_OF_API, &error);
}

/* The verb that leads to a status: approving what waits, or restoring what was revoked. */
static clientid_verb verb_to(uint32_t wanted, uint32_t now)
{
    if (wanted == CLIENTID_REJECTED)
        return CLIENTID_VERB_REJECT;
    if (wanted == CLIENTID_REVOKED)
        return CLIENTID_VERB_REVOKE;
    return now == CLIENTID_REVOKED ? CLIENTID_VERB_RESTORE : CLIENTID_VERB_APPROVE;
}

/* One request is one change. */
void contract_update(struct call *call)
{
    clientid_str status = call_text(call, "status");
    clientid_error error = {0};
    uint32_t now = 0;
    uint64_t id;
    int rc;
    if (json_object_size(call->json) != 1) {
        call_refuse(call, 400, "", "one of tierId, requestedTierId, status is changed at a time");
        return;
    }
    if (!find(call, &id, &now))
        return;
    if (status.ptr != NULL)
        rc = clientid_control_contract_act(call->control, id, verb_to(contract_status(status), now),
                                           &error);
    else if (json_object_get(call->json, "tierId") != NULL)
        rc = clientid_control_contract_set_tier(call->control, id, call_id(call, "tierId"), &error);
    else
        rc = clientid_control_contract_change_tier(call->control, id,
                                                   call_id(call, "requestedTierId"), NULL, &error);
    contract_answer(call, rc, id, CONTRACT_OF_API, &error);
}

void contract_delete(struct call *call)
{
    clientid_error error = {0};
    uint64_t id;
    if (!find(call, &id, NULL))
        return;
    int rc = clientid_control_contract_act(call->control, id, CLIENTID_VERB_DELETE, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        call_answer_empty(call, 204);
}

static void act(struct call *call, clientid_verb verb)
{
    clientid_error error = {0};
    uint64_t id;
    if (find(call, &id, NULL))
        contract_answer(call, clientid_control_contract_act(call->control, id, verb, &error), id,
                        CONTRACT_OF_API, &error);
}

void contract_approve(struct call *call)
{
    act(call, CLIENTID_VERB_APPROVE);
}

void contract_reject(struct call *call)
{
    act(call, CLIENTID_VERB_REJECT);
}

void contract_revoke(struct call *call)
{
    act(call, CLIENTID_VERB_REVOKE);
}

void contract_restore(struct call *call)
{
    act(call, CLIENTID_VERB_RESTORE);
}

void contract_approve_tier(struct call *call)
{
    act(call, CLIENTID_VERB_APPROVE_TIER);
}

void contract_reject_tier(struct call *call)
{
    act(call, CLIENTID_VERB_REJECT_TIER);
}
