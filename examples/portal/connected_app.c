/* SPDX-License-Identifier: Apache-2.0 */
/* Connected Apps, by their client ids; all of them act on their own behalf. */
#include "call.h"
#include "handlers.h"
#include "portal.h"

#include <clientid/third_party.h>

#include <string.h>

/* ---- records as JSON ------------------------------------------------------------------------- */

static json_t *scopes_json(uint32_t scopes)
{
    json_t *list = json_array();
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((scopes & bit) && clientid_scope_name(bit) != NULL)
            (void)json_array_append_new(list, json_string(clientid_scope_name(bit)));
    }
    return list;
}

static json_t *record_json(struct call *call, const clientid_connected_app_record *record)
{
    char owner[CLIENTID_UUID_CHARS + 1] = "";
    (void)clientid_control_uuid_format(call->control, CLIENTID_UUID_USER, record->owner_id, owner,
                                       NULL);
    return json_pack("{s:s%,s:s%,s:[s],s:o,s:s,s:s,s:b,s:s,s:[],s:[]}", "client_id",
                     record->client_id.ptr, record->client_id.len, "client_name", record->name.ptr,
                     record->name.len, "grant_types", "client_credentials", "scopes",
                     scopes_json(record->scopes), "owner_org_id", call->portal->config.organization,
                     "owner_user_id", owner, "enabled", record->revoked_ns == 0, "audience",
                     "internal", "redirect_uris", "public_keys");
}

struct sink {
    struct call *call;
    json_t *list; /* NULL: |one| is wanted */
    json_t *one;
    uint64_t skip, left;
    uint64_t total;
    uint32_t scopes;
};

static int take(void *self, const clientid_connected_app_record *record)
{
    struct sink *sink = self;
    sink->total++;
    sink->scopes = record->scopes;
    if (sink->list != NULL && (sink->total <= sink->skip || sink->left == 0))
        return 0;
    json_t *json = record_json(sink->call, record);
    if (json == NULL)
        return CLIENTID_ERR_NOMEM;
    if (sink->list == NULL) {
        sink->one = json;
        return 0;
    }
    sink->left--;
    return json_array_append_new(sink->list, json) != 0 ? CLIENTID_ERR_NOMEM : 0;
}

static bool find(struct call *call, uint64_t *id)
{
    clientid_error error = {0};
    int rc = clientid_control_connected_app_find(call->control, call_parameter(call, "clientId"),
                                                 id, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    return rc == 0;
}

static json_t *app_json(struct call *call, uint64_t id, uint32_t *scopes)
{
    struct sink sink = {.call = call};
    clientid_error error = {0};
    int rc = clientid_control_connected_app_get(call->control, id, take, &sink, &error);
    if (scopes != NULL)
        *scopes = sink.scopes;
    if (rc == 0)
        return sink.one;
    json_decref(sink.one);
    call_error(call, rc, &error);
    return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Names to bits; false with a 400 at the name that is none. */
static bool scopes_of(struct call *call, uint32_t *out)
{
    const json_t *list = json_object_get(call->json, "scopes");
    char pointer[32];
    *out = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *element = json_array_get(list, i);
        const json_t *name = json_is_object(element) ? json_object_get(element, "scope") : element;
        uint32_t bit =
            clientid_scope_find((clientid_str){json_string_value(name), json_string_length(name)});
        if (bit == 0) {
            (void)snprintf(pointer, sizeof pointer, "/scopes/%zu", i);
            call_refuse(call, 400, pointer, "is not a scope that is known here");
            return false;
        }
        *out |= bit;
    }
    return true;
}

static bool grants_are_ours(struct call *call)
{
    const json_t *list = json_object_get(call->json, "grant_types");
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), "client_credentials") == 0)
            continue;
        call_refuse(call, 400, "/grant_types",
                    "only Connected Apps that act on their own behalf (client_credentials)");
        return false;
    }
    return true;
}

/* ---- handlers -------------------------------------------------------------------------------- */

static void answer_credentials(struct call *call, unsigned status,
                               clientid_credentials *credentials)
{
    json_t *app = app_json(call, credentials->application_id, NULL);
    if (app != NULL) {
        (void)json_object_set_new(app, "client_secret", json_string(credentials->client_secret));
        call_answer_secret(call, status, app);
    }
    clientid_credentials_wipe(credentials);
}

void connected_app_create(struct call *call)
{
    clientid_connected_app_record record = {.size = sizeof record,
                                            .name = call_text(call, "client_name"),
                                            .owner_id = call->caller.user_id};
    clientid_credentials credentials = {.size = sizeof credentials};
    clientid_error error = {0};
    if (!grants_are_ours(call) || !scopes_of(call, &record.scopes))
        return;
    int rc = clientid_control_connected_app_create(call->control, &record, &credentials, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        answer_credentials(call, 201, &credentials);
}

void connected_app_list(struct call *call)
{
    struct sink sink = {.call = call, .list = json_array()};
    clientid_error error = {0};
    int rc = 0;
    bool good = call_query_number(call, "limit", 0, 500, 20, &sink.left) &&
                call_query_number(call, "offset", 0, 1000000, 0, &sink.skip);
    if (good)
        rc = clientid_control_connected_app_list(call->control, take, &sink, &error);
    if (good && rc == 0) {
        call_answer(call, 200,
                    json_pack("{s:o,s:I}", "data", sink.list, "total", (json_int_t)sink.total));
        return;
    }
    json_decref(sink.list);
    if (good)
        call_error(call, rc, &error);
}

void connected_app_get(struct call *call)
{
    uint64_t id;
    json_t *app = find(call, &id) ? app_json(call, id, NULL) : NULL;
    if (app != NULL)
        call_answer(call, 200, app);
}

/* With ?resetSecret=true the vendor's way to rotate: nothing else changes in that request. */
void connected_app_update(struct call *call)
{
    clientid_connected_app_record record = {.size = sizeof record,
                                            .name = call_text(call, "client_name")};
    clientid_credentials credentials = {.size = sizeof credentials};
    clientid_error error = {0};
    unsigned fields = 0;
    bool reset;
    uint64_t id;
    int rc;
    if (!call_query_flag(call, "resetSecret", false, &reset) || !grants_are_ours(call) ||
        !scopes_of(call, &record.scopes) || !find(call, &id))
        return;
    if (record.name.ptr != NULL)
        fields |= CLIENTID_CONNECTED_APP_NAME;
    if (json_object_get(call->json, "scopes") != NULL)
        fields |= CLIENTID_CONNECTED_APP_SCOPES;
    if (reset && fields != 0) { /* one request is one change */
        call_refuse(call, 400, "", "a secret is reset by itself, without other changes");
        return;
    }
    rc = reset ? clientid_control_connected_app_rotate(call->control, id, &credentials, &error)
               : clientid_control_connected_app_update(call->control, id, &record, fields, &error);
    if (rc != 0) {
        call_error(call, rc, &error);
        return;
    }
    if (reset) {
        answer_credentials(call, 200, &credentials);
        return;
    }
    json_t *app = app_json(call, id, NULL);
    if (app != NULL)
        call_answer(call, 200, app);
}

static void answer_done(struct call *call, int rc, const clientid_error *error)
{
    if (rc != 0)
        call_error(call, rc, error);
    else
        call_answer_empty(call, 204);
}

void connected_app_delete(struct call *call)
{
    clientid_error error = {0};
    uint64_t id;
    if (find(call, &id))
        answer_done(call, clientid_control_connected_app_revoke(call->control, id, &error), &error);
}

/* ---- scopes ---------------------------------------------------------------------------------- */

static json_t *scope_json(const struct call *call, const char *scope, uint64_t application)
{
    json_t *context = json_pack("{s:s}", "org", call->portal->config.organization);
    if (application != 0)
        (void)json_object_set_new(context, "applicationId", json_integer((json_int_t)application));
    return json_pack("{s:s,s:o}", "scope", scope, "context_params", context);
}

struct grants {
    struct call *call;
    json_t *list;
};

static int take_grant(void *self, uint64_t application)
{
    struct grants *grants = self;
    json_t *json = scope_json(grants->call, clientid_scope_name(CLIENTID_SCOPE_MANAGE_APPLICATION),
                              application);
    return json_array_append_new(grants->list, json) != 0 ? CLIENTID_ERR_NOMEM : 0;
}

void connected_app_scopes(struct call *call)
{
    struct grants grants = {call, NULL};
    clientid_error error = {0};
    uint32_t scopes = 0;
    uint64_t id;
    json_t *app = find(call, &id) ? app_json(call, id, &scopes) : NULL;
    if (app == NULL)
        return;
    json_decref(app);
    grants.list = json_array();
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((scopes & bit) && clientid_scope_name(bit) != NULL)
            (void)json_array_append_new(grants.list, scope_json(call, clientid_scope_name(bit), 0));
    }
    int rc = clientid_control_connected_app_grants(call->control, id, take_grant, &grants, &error);
    if (rc != 0) {
        json_decref(grants.list);
        call_error(call, rc, &error);
        return;
    }
    call_answer(call, 200,
                json_pack("{s:o,s:I}", "data", grants.list, "total",
                          (json_int_t)json_array_size(grants.list)));
}

/* One request is one change: either scopes of the organization, or one grant. */
static uint64_t grant_of(const struct call *call)
{
    const json_t *list = json_object_get(call->json, "scopes");
    const json_t *context = json_object_get(json_array_get(list, 0), "context_params");
    const json_t *application = json_object_get(context, "applicationId");
    uint64_t number = 0;
    if (json_array_size(list) != 1 || application == NULL)
        return 0;
    if (json_is_integer(application))
        return (uint64_t)json_integer_value(application);
    for (const char *at = json_string_value(application); *at != '\0'; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    return number;
}

static bool any_grant(const struct call *call)
{
    const json_t *list = json_object_get(call->json, "scopes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *context = json_object_get(json_array_get(list, i), "context_params");
        if (json_object_get(context, "applicationId") != NULL)
            return true;
    }
    return false;
}

enum change { SET, ADD, REMOVE };

static void change_scopes(struct call *call, enum change change)
{
    clientid_connected_app_record record = {.size = sizeof record};
    clientid_error error = {0};
    uint32_t scopes = 0, before = 0;
    uint64_t id, application = grant_of(call);
    if (!scopes_of(call, &scopes) || !find(call, &id))
        return;
    if (any_grant(call) &&
        (application == 0 || change == SET || scopes != CLIENTID_SCOPE_MANAGE_APPLICATION)) {
        call_refuse(call, 400, "/scopes/0/context_params/applicationId",
                    "one grant of %s at a time is added or removed",
                    clientid_scope_name(CLIENTID_SCOPE_MANAGE_APPLICATION));
        return;
    }
    if (application != 0) {
        answer_done(
            call,
            change == ADD
                ? clientid_control_connected_app_grant(call->control, id, application, &error)
                : clientid_control_connected_app_ungrant(call->control, id, application, &error),
            &error);
        return;
    }
    json_t *app = app_json(call, id, &before);
    if (app == NULL)
        return;
    json_decref(app);
    record.scopes = change == SET ? scopes : change == ADD ? before | scopes : before & ~scopes;
    answer_done(call,
                clientid_control_connected_app_update(call->control, id, &record,
                                                      CLIENTID_CONNECTED_APP_SCOPES, &error),
                &error);
}

void connected_app_set_scopes(struct call *call)
{
    change_scopes(call, SET);
}

void connected_app_add_scopes(struct call *call)
{
    if (json_array_size(json_object_get(call->json, "scopesToDelete")) != 0)
        call_refuse(call, 400, "/scopesToDelete", "scopes are removed by DELETE");
    else
        change_scopes(call, ADD);
}

void connected_app_remove_scopes(struct call *call)
{
    change_scopes(call, REMOVE);
}
