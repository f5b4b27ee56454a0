/* SPDX-License-Identifier: Apache-2.0 */
/* Contracts of one application: what its owners see of them, and ask for. */
#include "api.h"
#include "application.h"
#include "contract.h"
#include "handlers.h"
#include "paging.h"
#include "portal.h"
#include "record.h"

#include <string.h>

/* The contract that the path names; false with an answer when the application has none such. */
static bool find(struct call *call, uint64_t *id)
{
    uint64_t application_id;
    if (!call_number(call, "applicationId", &application_id) ||
        !call_number(call, "contractId", id))
        return false;
    json_t *contract = contract_json(call, *id, CONTRACT_OF_APPLICATION);
    if (contract == NULL)
        return false;
    bool own =
        (uint64_t)json_integer_value(json_object_get(contract, "applicationId")) == application_id;
    json_decref(contract);
    if (!own)
        call_refuse(call, 404, "", "the application has no contract %llu", (unsigned long long)*id);
    return own;
}

struct listing {
    const struct call *call;
    struct page page;
};

static int take(void *self, const clientid_contract_record *record)
{
    struct listing *listing = self;
    return page_put(&listing->page, record_contract(listing->call, record));
}

void access_list(struct call *call)
{
    clientid_contract_filter filter = {.size = sizeof filter};
    struct listing listing = {.call = call};
    clientid_error error = {0};
    if (!application_of(call, &filter.application_id) ||
        !page_begin(call, 1, 250, 250, &listing.page))
        return;
    filter.max = listing.page.limit;
    filter.offset = listing.page.offset;
    int rc = clientid_control_contract_list(call->control, &filter, take, &listing, &error);
    if (rc == 0) {
        contract_complete(call, listing.page.list, CONTRACT_OF_APPLICATION);
        call_answer(call, 200, page_list(&listing.page));
    } else {
        call_error(call, rc, &error);
    }
    page_drop(&listing.page);
}

/* The instance is "apiId" (a text in Exchange), "apiVersionId" on older paths; a group has keys of its own. */
static bool read_target(struct call *call, uint64_t *api_id)
{
    static const char *const keys[] = {"apiId", "apiVersionId", "apiGroupInstanceId",
                                       "groupInstanceId"};
    clientid_str organization = call_text(call, "organizationId");
    *api_id = 0;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && *api_id == 0; i++)
        *api_id = call_id(call, keys[i]);
    if (*api_id == 0) {
        call_refuse(call, 400, "/apiId", "/apiId is missing");
        return false;
    }
    if (organization.ptr != NULL && !record_is(organization, call->portal->config.organization)) {
        call_refuse(call, 400, "/organizationId", "there is no such organization");
        return false;
    }
    return true;
}

void access_request(struct call *call)
{
    clientid_error error = {0};
    uint64_t application_id, api_id, id = 0;
    if (!call_number(call, "applicationId", &application_id) || !read_target(call, &api_id))
        return;
    const clientid_access_request request = contract_request(call, application_id, api_id);
    int rc = clientid_control_contract_request(call->control, &request, &id, NULL, &error);
    contract_answer(call, rc, id, CONTRACT_OF_APPLICATION, &error);
}

void access_get(struct call *call)
{
    clientid_error error = {0};
    uint64_t id;
    if (find(call, &id))
        contract_answer(call, 0, id, CONTRACT_OF_APPLICATION, &error);
}

void access_change_tier(struct call *call)
{
    clientid_error error = {0};
    uint64_t id;
    if (!find(call, &id))
        return;
    int rc = clientid_control_contract_change_tier(call->control, id,
                                                   call_id(call, "requestedTierId"), NULL, &error);
    contract_answer(call, rc, id, CONTRACT_OF_APPLICATION, &error);
}

/* What waits is taken back: an access request goes away, a tier change is dropped. */
void access_withdraw(struct call *call)
{
    clientid_error error = {0};
    uint64_t id;
    if (!find(call, &id))
        return;
    int rc = clientid_control_contract_act(call->control, id, CLIENTID_VERB_WITHDRAW, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        call_answer_empty(call, 204);
}
