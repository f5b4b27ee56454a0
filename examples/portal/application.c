/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client applications, in the paths of Exchange and of the older API Platform.  Unlike there, a secret is in the answer that
 * made it and in no other.
 */
#include "application.h"

#include "api.h"
#include "handlers.h"
#include "owner.h"
#include "paging.h"
#include "portal.h"
#include "record.h"

#include <string.h>

/* ---- one of them ----------------------------------------------------------------------------- */

struct one {
    const struct call *call;
    json_t *json;
};

static int take_one(void *self, const clientid_application_record *record)
{
    struct one *one = self;
    one->json = record_application(one->call, record);
    return one->json != NULL ? 0 : CLIENTID_ERR_NOMEM;
}

json_t *application_json(struct call *call, uint64_t id)
{
    struct one one = {call, NULL};
    clientid_error error = {0};
    int rc = clientid_control_application_get(call->control, id, take_one, &one, &error);
    if (rc != 0) {
        json_decref(one.json);
        call_error(call, rc, &error);
        return NULL;
    }
    owner_complete(call, one.json);
    return one.json;
}

bool application_of(struct call *call, uint64_t *id)
{
    struct one one = {call, NULL};
    clientid_error error = {0};
    if (!call_number(call, "applicationId", id))
        return false;
    int rc = clientid_control_application_get(call->control, *id, take_one, &one, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    json_decref(one.json);
    return rc == 0;
}

void application_get(struct call *call)
{
    uint64_t id;
    json_t *json = call_number(call, "applicationId", &id) ? application_json(call, id) : NULL;
    if (json != NULL)
        call_answer(call, 200, json);
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct listing {
    const struct call *call;
    json_t *list;
};

static int take(void *self, const clientid_application_record *record)
{
    struct listing *listing = self;
    json_t *json = record_application(listing->call, record);
    return json_array_append_new(listing->list, json) != 0 ? CLIENTID_ERR_NOMEM : 0;
}

/*
 * Without ?targetAdminSite=true a user gets his own, whatever he may read.  NULL with an answer.
 */
static json_t *list(struct call *call, uint64_t limit, uint64_t *total)
{
    clientid_application_filter filter = {.size = sizeof filter};
    struct listing listing = {call, NULL};
    clientid_error error = {0};
    bool admin;
    if (!call_query_flag(call, "targetAdminSite", false, &admin) ||
        !call_query_number(call, "limit", 1, 250, limit, &filter.max) ||
        !call_query_number(call, "offset", 0, PAGING_OFFSET_MAX, 0, &filter.offset))
        return NULL;
    (void)call_query(call, "query", &filter.text);
    if (!admin && call->caller.kind == CLIENTID_CALLER_USER)
        filter.owner = (clientid_str){call->caller.user_name, strlen(call->caller.user_name)};
    listing.list = json_array();
    int rc = clientid_control_application_count(call->control, &filter, total, &error);
    if (rc == 0)
        rc = clientid_control_application_list(call->control, &filter, take, &listing, &error);
    if (rc == 0)
        return listing.list;
    json_decref(listing.list);
    call_error(call, rc, &error);
    return NULL;
}

void application_list(struct call *call)
{
    uint64_t total;
    json_t *applications = list(call, 250, &total);
    if (applications != NULL)
        call_answer(call, 200, applications);
}

void application_list_older(struct call *call)
{
    uint64_t total = 0;
    json_t *applications = list(call, 100, &total);
    if (applications != NULL)
        call_answer(
            call, 200,
            json_pack("{s:o,s:I}", "applications", applications, "total", (json_int_t)total));
}

/* ---- changes --------------------------------------------------------------------------------- */

struct draft {
    clientid_application_record record;
    clientid_str redirect_uris[CLIENTID_APPLICATION_LIST_MAX];
    clientid_str grant_types[CLIENTID_APPLICATION_LIST_MAX];
};

static uint32_t read_texts(const struct call *call, const char *key, clientid_str *out)
{
    const json_t *list = json_object_get(call->json, key);
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count && i < CLIENTID_APPLICATION_LIST_MAX; i++) {
        const json_t *text = json_array_get(list, i);
        out[i] = (clientid_str){json_string_value(text), json_string_length(text)};
    }
    return (uint32_t)count;
}

static void read_draft(const struct call *call, struct draft *draft)
{
    const json_t *provider = json_object_get(call->json, "clientProvider");
    const json_t *id = json_object_get(provider, "providerId");
    *draft = (struct draft){
        .record =
            {
                .size = sizeof draft->record,
                .name = call_text(call, "name"),
                .description = call_text(call, "description"),
                .url = call_text(call, "url"),
                .provider = {json_string_value(id), json_string_length(id)},
                .api_endpoints = json_is_true(json_object_get(call->json, "apiEndpoints")),
            },
    };
    draft->record.redirect_uri_count = read_texts(call, "redirectUri", draft->redirect_uris);
    draft->record.redirect_uris = draft->redirect_uris;
    draft->record.grant_type_count = read_texts(call, "grantTypes", draft->grant_types);
    draft->record.grant_types = draft->grant_types;
}

/*
 * An application that is made for an API instance (or a group) uses the client provider of that one.  |*api| keeps its name;
 * false with an answer.
 */
static bool read_provider(struct call *call, clientid_application_record *record, json_t **api)
{
    static const char *const names[] = {"apiInstanceId", "apiGroupInstanceId", "apiVersionId",
                                        "groupInstanceId"};
    clientid_str text;
    uint64_t id = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && id == 0; i++) {
        if (call_query(call, names[i], &text) &&
            !call_query_number(call, names[i], 1, INT64_MAX, 0, &id))
            return false;
    }
    *api = id != 0 ? api_json(call, id) : NULL;
    if (id == 0 || *api == NULL)
        return id == 0;
    const json_t *provider = json_object_get(*api, "providerId");
    clientid_str of_api = {json_string_value(provider), json_string_length(provider)};
    if (record->provider.ptr != NULL &&
        (record->provider.len != of_api.len ||
         memcmp(record->provider.ptr, of_api.ptr, of_api.len) != 0)) {
        call_refuse(call, 400, "/clientProvider/providerId",
                    "the API instance uses another client provider");
        return false;
    }
    record->provider = of_api;
    return true;
}

/* |json| with the secret in it, once. */
static void answer_secret(struct call *call, json_t *json, clientid_credentials *credentials)
{
    if (json != NULL) {
        (void)json_object_set_new(json, "clientSecret", json_string(credentials->client_secret));
        call_answer_secret(call, 201, json);
    }
    clientid_credentials_wipe(credentials);
}

void application_create(struct call *call)
{
    struct draft draft;
    clientid_credentials credentials = {.size = sizeof credentials};
    clientid_error error = {0};
    json_t *api = NULL;
    read_draft(call, &draft);
    if (read_provider(call, &draft.record, &api)) {
        int rc = clientid_control_application_create(call->control, &draft.record,
                                                     (clientid_str){NULL, 0}, &credentials, &error);
        if (rc != 0)
            call_error(call, rc, &error);
        else
            answer_secret(call, application_json(call, credentials.application_id), &credentials);
    }
    json_decref(api);
}

static unsigned fields_of(const struct call *call)
{
    static const struct {
        const char *key;
        unsigned bit;
    } fields[] = {{"name", CLIENTID_APPLICATION_NAME},
                  {"description", CLIENTID_APPLICATION_DESCRIPTION},
                  {"url", CLIENTID_APPLICATION_URL},
                  {"clientProvider", CLIENTID_APPLICATION_PROVIDER},
                  {"redirectUri", CLIENTID_APPLICATION_REDIRECT_URIS},
                  {"grantTypes", CLIENTID_APPLICATION_GRANT_TYPES},
                  {"apiEndpoints", CLIENTID_APPLICATION_API_ENDPOINTS}};
    unsigned bits = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (json_object_get(call->json, fields[i].key) != NULL)
            bits |= fields[i].bit;
    }
    return bits;
}

/* What is left out stays, also with PUT, as there. */
void application_update(struct call *call)
{
    struct draft draft;
    clientid_error error = {0};
    uint64_t id;
    read_draft(call, &draft);
    if (!call_number(call, "applicationId", &id))
        return;
    int rc = clientid_control_application_update(call->control, id, &draft.record, fields_of(call),
                                                 &error);
    if (rc != 0) {
        call_error(call, rc, &error);
        return;
    }
    json_t *json = application_json(call, id);
    if (json != NULL)
        call_answer(call, 200, json);
}

static void answer_done(struct call *call, int rc, const clientid_error *error)
{
    if (rc != 0)
        call_error(call, rc, error);
    else
        call_answer_empty(call, 204);
}

void application_delete(struct call *call)
{
    clientid_error error = {0};
    uint64_t id;
    if (call_number(call, "applicationId", &id))
        answer_done(call, clientid_control_application_delete(call->control, id, &error), &error);
}

/* ---- secrets --------------------------------------------------------------------------------- */

static json_t *credentials_json(const clientid_credentials *credentials)
{
    char until[40];
    json_t *json =
        json_pack("{s:I,s:s,s:i,s:n}", "id", (json_int_t)credentials->application_id, "clientId",
                  credentials->client_id, "slot", (int)credentials->slot, "previousNotAfter");
    if (credentials->previous_not_after_ns == 0)
        return json;
    clientid_time_format(credentials->previous_not_after_ns, until, sizeof until);
    (void)json_object_set_new(json, "previousNotAfter", json_string(until));
    return json;
}

/* Without a body as there: the old secret ends at once. */
void application_reset_secret(struct call *call)
{
    clientid_secret_options options = {
        .size = sizeof options, .overlap_ns = call_id(call, "overlapInMilliseconds") * 1000000};
    clientid_credentials credentials = {.size = sizeof credentials};
    clientid_error error = {0};
    uint64_t id;
    if (!call_number(call, "applicationId", &id))
        return;
    int rc = clientid_control_secret_reset(call->control, id, &options, &credentials, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        answer_secret(call, credentials_json(&credentials), &credentials);
}

void application_end_secret(struct call *call)
{
    clientid_error error = {0};
    uint64_t id, slot;
    if (!call_number(call, "applicationId", &id) || !call_number(call, "slot", &slot))
        return;
    if (slot != 1 && slot != 2) {
        call_refuse(call, 404, "", "an application has secrets 1 and 2");
        return;
    }
    answer_done(call, clientid_control_secret_revoke(call->control, id, (unsigned)slot, &error),
                &error);
}
