/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals: contracts that wait for the owner of their API.  Their ids are the numbers of the contracts. */
#include "handlers.h"
#include "rest.h"

static json_t *contract_json(const struct call *call, const clientid_contract_record *record)
{
    char application[CLIENTID_UUID_CHARS + 1] = "", api[CLIENTID_UUID_CHARS + 1] = "";
    clientid_error error = {0};
    (void)clientid_control_uuid_format(call->control, CLIENTID_UUID_APPLICATION,
                                       record->application_id, application, &error);
    (void)clientid_control_uuid_format(call->control, CLIENTID_UUID_API, record->api_id, api,
                                       &error);
    json_t *id = json_sprintf("%llu", (unsigned long long)record->id);
    return json_pack("{s:o,s:s,s:s,s:s,s:{s:s,s:s%,s:s,s:s%,s:s%}}", "id", id, "status", "PENDING",
                     "type", "APPLICATION_CREATION_REQUEST", "contextId", application,
                     "contextData", "appType", "API", "name", REST_TEXT(record->application_name),
                     "apiId", api, "apiName", REST_TEXT(record->api_name), "tier",
                     REST_TEXT(record->requested_tier_name));
}

static int take_page(void *self, const clientid_contract_record *record)
{
    struct rest_page *page = self;
    return rest_page_takes(page) ? rest_page_put(page, contract_json(page->call, record)) : 0;
}

void rest_approval_list(struct call *call)
{
    const clientid_contract_filter filter = {.size = sizeof filter, .status = CLIENTID_PENDING};
    struct rest_page page;
    clientid_error error = {0};
    if (!rest_page_open(call, &page))
        return;
    int rc = clientid_control_contract_list(call->control, &filter, take_page, &page, &error);
    rest_page_close(&page, rc, &error, "approvals/request");
}

struct one {
    const struct call *call;
    json_t *json;
};

static int take_one(void *self, const clientid_contract_record *record)
{
    struct one *one = self;
    if (record->status == CLIENTID_PENDING)
        one->json = contract_json(one->call, record);
    return 0;
}

void rest_approval_get(struct call *call)
{
    struct one one = {call, NULL};
    clientid_error error = {0};
    uint64_t id;
    if (!call_number(call, "approvalId", &id))
        return;
    int rc = clientid_control_contract_get(call->control, id, take_one, &one, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else if (one.json == NULL)
        call_refuse(call, 404, "", "Unable to find the configuration"); /* the vendor's words */
    else
        call_answer(call, 200, one.json);
}

/* |comments| of the query has no place here. */
static void act(struct call *call, clientid_verb verb)
{
    clientid_error error = {0};
    uint64_t id;
    if (!call_number(call, "approvalId", &id))
        return;
    int rc = clientid_control_contract_act(call->control, id, verb, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        call_answer_empty(call, 200);
}

void rest_approval_approve(struct call *call)
{
    act(call, CLIENTID_VERB_APPROVE);
}

void rest_approval_reject(struct call *call)
{
    act(call, CLIENTID_VERB_REJECT);
}
