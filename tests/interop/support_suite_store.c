/* SPDX-License-Identifier: Apache-2.0 */
#include "support_suite_store.h"

#include <clientid/control.h>
#include <clientid/store.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void need(int rv, const clientid_error *error)
{
    if (rv != 0)
        fail_msg("%s %s", clientid_strerror(rv), error->text);
}

static clientid_str str(const char *text)
{
    return (clientid_str){text, strlen(text)};
}

void suite_api_name(char out[SUITE_API_BYTES], const struct support_suite *suite, const char *api)
{
    snprintf(out, SUITE_API_BYTES, "%s.%s", suite->name, api);
}

const json_t *suite_apis(const struct support_suite *suite)
{
    return json_object_get(json_object_get(suite->json, "config"), "apis");
}

/* ---- contracts ------------------------------------------------------------------------------- */

static uint64_t add_tier(clientid_control *control, uint64_t api, const json_t *contract,
                         bool approves)
{
    const json_t *limits = json_object_get(contract, "limits");
    clientid_limit list[CLIENTID_TIER_LIMITS_MAX];
    clientid_tier_record tier = {.size = sizeof(tier),
                                 .api_id = api,
                                 .name = str(support_text(contract, "clientId")),
                                 .status = CLIENTID_TIER_ACTIVE,
                                 .auto_approve = approves,
                                 .limits = list,
                                 .limit_count = json_array_size(limits)};
    clientid_error error;
    uint64_t id;

    for (size_t i = 0; i < tier.limit_count; i++)
        list[i] = support_limit(json_string_value(json_array_get(limits, i)));
    need(clientid_control_tier_create(control, &tier, &id, &error), &error);
    return id;
}

static void add_contract(clientid_control *control, uint64_t api, uint64_t application,
                         const json_t *contract)
{
    const char *status = support_text(contract, "status");
    bool pending =
        status != NULL && (strcmp(status, "PENDING") == 0 || strcmp(status, "REJECTED") == 0);
    clientid_access_request request = {
        .size = sizeof(request), .application_id = application, .api_id = api};
    clientid_error error;
    uint64_t id;

    request.tier_id = add_tier(control, api, contract, !pending);
    need(clientid_control_contract_request(control, &request, &id, NULL, &error), &error);
    if (status != NULL && strcmp(status, "REJECTED") == 0)
        need(clientid_control_contract_act(control, id, CLIENTID_VERB_REJECT, &error), &error);
    if (status != NULL && strcmp(status, "REVOKED") == 0)
        need(clientid_control_contract_act(control, id, CLIENTID_VERB_REVOKE, &error), &error);
}

/*
 * Suites share applications: contracts differ, secrets may not.  |known| maps a client id to the application's id and
 * secret.
 */
static uint64_t application_of(clientid_control *control, json_t *known, const json_t *contract)
{
    const char *id = support_text(contract, "clientId");
    const char *secret = support_text(contract, "clientSecret");
    const json_t *old = json_object_get(known, id);
    clientid_application_record record = {
        .size = sizeof(record), .name = str(id), .client_id = str(id)};
    clientid_credentials credentials = {.size = sizeof(credentials)};
    clientid_error error;

    if (old != NULL) {
        if (strcmp(support_text(old, "secret"), secret) != 0)
            fail_msg("%s has another secret in another suite", id);
        return (uint64_t)json_integer_value(json_object_get(old, "id"));
    }
    need(clientid_control_application_create(control, &record, str(secret), &credentials, &error),
         &error);
    json_object_set_new(
        known, id,
        json_pack("{s:I, s:s}", "id", (json_int_t)credentials.application_id, "secret", secret));
    return credentials.application_id;
}

static void add_suite(clientid_control *control, json_t *known, const struct support_suite *suite)
{
    const json_t *apis = suite_apis(suite), *contract;
    clientid_error error;
    const char *name;
    json_t *ignored;
    size_t i;

    json_object_foreach((json_t *)(uintptr_t)apis, name, ignored)
    {
        char full[SUITE_API_BYTES];
        clientid_api_record api = {.size = sizeof(api), .kind = CLIENTID_API_INSTANCE};
        uint64_t id;

        suite_api_name(full, suite, name);
        api.name = str(full);
        need(clientid_control_api_create(control, &api, &id, &error), &error);
        json_array_foreach(suite->contracts, i, contract)
            add_contract(control, id, application_of(control, known, contract), contract);
    }
}

void suite_store_make(const char *uri, const struct support_suite *suites, size_t count)
{
    json_t *known = json_object();
    clientid_control *control;
    clientid_store *store;
    clientid_error error;

    need(clientid_store_open(&store, uri, CLIENTID_STORE_CREATE, &error), &error);
    need(clientid_control_new(&control, store, NULL, &error), &error);
    for (size_t i = 0; i < count; i++)
        add_suite(control, known, &suites[i]);
    clientid_control_del(control);
    clientid_store_close(store);
    json_decref(known);
}

/* ---- configuration --------------------------------------------------------------------------- */

json_t *suite_config(const char *uri, const struct support_suite *suites, size_t count)
{
    json_t *all = json_object(), *value;
    const char *name;

    for (size_t i = 0; i < count; i++) {
        json_object_foreach((json_t *)(uintptr_t)suite_apis(&suites[i]), name, value)
        {
            char full[SUITE_API_BYTES];

            suite_api_name(full, &suites[i], name);
            json_object_set(all, full, value);
        }
    }
    return json_pack("{s:s, s:o}", "store", uri, "apis", all);
}
