/* SPDX-License-Identifier: Apache-2.0 */
/* User requests: what somebody asked for, and how far it got. */
#include "rest_request.h"

#include "handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHAT "User Request"

/* The vendor names no id here. */
static void refuse(struct call *call, int rc, const clientid_error *error)
{
    if (rc == CLIENTID_ERR_NOT_FOUND)
        call_refuse(call, 404, "", "Unable to find the " WHAT);
    else
        call_error(call, rc, error);
}

static bool find(struct call *call, uint64_t *id)
{
    clientid_error error = {0};
    int rc = clientid_control_uuid_parse(call->control, CLIENTID_UUID_REQUEST,
                                         call_parameter(call, "requestId"), id, &error);
    if (rc != 0)
        refuse(call, rc, &error);
    return rc == 0;
}

void rest_request_create(struct call *call)
{
    clientid_user_request request = {.size = sizeof request};
    clientid_json *json = NULL;
    clientid_error error = {0};
    uint64_t id = 0;
    int rc =
        clientid_user_request_from_json(call->control, rest_body(call), &request, &json, &error);
    if (rc == 0)
        rc = clientid_control_user_request_create(call->control, &request, &id, NULL, &error);
    clientid_json_del(json);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        rest_created(call, CLIENTID_UUID_REQUEST, id, "requests");
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct wanted {
    struct rest_page page;
    uint32_t type;     /* 0: any */
    const char *owner; /* NULL: anybody */
};

static bool is(clientid_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static int take_page(void *self, const clientid_user_request_record *record)
{
    struct wanted *wanted = self;
    clientid_error error = {0};
    char *text = NULL;
    if ((wanted->type != 0 && record->type != wanted->type) ||
        (wanted->owner != NULL && !is(record->owner, wanted->owner)) ||
        !rest_page_takes(&wanted->page))
        return 0;
    int rc = clientid_user_request_to_json(wanted->page.call->control, record, &text, &error);
    return rc != 0 ? rc : rest_page_put(&wanted->page, call_take_json(text));
}

void rest_request_list(struct call *call)
{
    struct wanted wanted = {.type = 0};
    char path[128];
    clientid_str type;
    clientid_error error = {0};
    bool all;
    if (!call_query(call, "type", &type) ||
        (wanted.type = clientid_user_request_type_find(type)) == 0) {
        call_refuse(call, 400, "type", "must be there, and be a type of user requests");
        return;
    }
    if (!call_query_flag(call, "allusers", false, &all) || !rest_page_open(call, &wanted.page))
        return;
    wanted.owner = all ? NULL : call->caller.user_name;
    (void)snprintf(path, sizeof path, "requests?type=%s%s",
                   clientid_user_request_type_label(wanted.type), all ? "&allusers=true" : "");
    int rc = clientid_control_user_request_list(call->control, 0, 0, 0, take_page, &wanted, &error);
    rest_page_close(&wanted.page, rc, &error, path);
}

void rest_request_list_of(struct call *call, uint64_t application_id)
{
    struct wanted wanted = {.type = 0};
    clientid_error error = {0};
    if (!rest_page_open(call, &wanted.page))
        return;
    int rc = clientid_control_user_request_list(call->control, application_id, 0, 0, take_page,
                                                &wanted, &error);
    rest_page_close(&wanted.page, rc, &error, NULL);
}

/* ---- one ------------------------------------------------------------------------------------- */

struct one {
    clientid_control *control;
    json_t *json;
    uint32_t type;
    clientid_user_request_state *states; /* owned */
    size_t count;
};

static int take_one(void *self, const clientid_user_request_record *record)
{
    struct one *one = self;
    clientid_error error = {0};
    char *text = NULL;
    int rc = clientid_user_request_to_json(one->control, record, &text, &error);
    one->json = call_take_json(text);
    one->type = record->type;
    one->states = calloc(record->state_count + 1, sizeof one->states[0]);
    if (one->states == NULL)
        return CLIENTID_ERR_NOMEM;
    one->count = record->state_count;
    if (record->state_count != 0)
        memcpy(one->states, record->states, record->state_count * sizeof one->states[0]);
    return rc;
}

static bool get(struct call *call, struct one *one)
{
    clientid_error error = {0};
    uint64_t id;
    *one = (struct one){.control = call->control};
    if (!find(call, &id))
        return false;
    int rc = clientid_control_user_request_get(call->control, id, take_one, one, &error);
    if (rc == 0)
        return true;
    json_decref(one->json);
    free(one->states);
    refuse(call, rc, &error);
    return false;
}

void rest_request_get(struct call *call)
{
    struct one one;
    if (!get(call, &one))
        return;
    free(one.states);
    call_answer(call, 200, one.json);
}

void rest_request_retry(struct call *call)
{
    clientid_error error = {0};
    clientid_str state;
    uint64_t id, event_id;
    if (!find(call, &id))
        return;
    if (!call_query(call, "state", &state)) {
        call_refuse(call, 400, "state", "is missing");
        return;
    }
    int rc =
        clientid_control_uuid_parse(call->control, CLIENTID_UUID_EVENT, state, &event_id, &error);
    if (rc == 0)
        rc = clientid_control_user_request_retry(call->control, id, event_id, &error);
    if (rc != 0)
        refuse(call, rc, &error);
    else
        rest_done(call, "User request retried successfully");
}

/* ---- trace ----------------------------------------------------------------------------------- */

static const char *event_of(uint32_t type)
{
    switch (type) {
    case CLIENTID_USER_REQUEST_CREATION:
        return clientid_hook_event_id(CLIENTID_HOOK_EVENT_CREATION);
    case CLIENTID_USER_REQUEST_REGISTRATION:
        return clientid_hook_event_id(CLIENTID_HOOK_EVENT_SCOPE_INCREASE);
    case CLIENTID_USER_REQUEST_UPDATE:
        return clientid_hook_event_id(CLIENTID_HOOK_EVENT_UPDATION);
    default:
        return clientid_hook_event_id(CLIENTID_HOOK_EVENT_SCOPE_DECREASE);
    }
}

static json_t *entry_json(const struct one *one, const clientid_user_request_state *state,
                          const char *type)
{
    char id[CLIENTID_UUID_CHARS + 1] = "";
    clientid_error error = {0};
    (void)clientid_control_uuid_format(one->control, CLIENTID_UUID_EVENT, state->event_id, id,
                                       &error);
    return json_pack("{s:s,s:s}", "id", id, "type", type);
}

/* "HTTP 503": the status is a text of its own, as with the vendor. */
static void put_code(json_t *entry, const char *detail)
{
    if (strncmp(detail, "HTTP ", 5) == 0)
        (void)json_object_set_new(entry, "code", json_string(detail + 5));
}

/* Newest first. */
static json_t *entries_json(const struct one *one, const clientid_user_request_state *state)
{
    json_t *list = json_array();
    json_t *entry;
    switch (state->status) {
    case CLIENTID_USER_REQUEST_STATUS_APPROVAL_PENDING:
        entry = entry_json(one, state, "APPLICATION_REQUEST_PENDING_EVENT");
        break;
    case CLIENTID_USER_REQUEST_STATUS_REJECTED:
        entry = entry_json(one, state, "APPLICATION_REQUEST_REJECTED_EVENT");
        break;
    case CLIENTID_USER_REQUEST_STATUS_WAITING_THIRDPARTY:
        entry = entry_json(one, state, event_of(one->type));
        (void)json_object_set_new(entry, "status", json_string("INPROGRESS"));
        (void)json_object_set_new(entry, "reason", json_string("Delivered to gateway"));
        put_code(entry, state->detail);
        break;
    default:
        entry = entry_json(one, state, event_of(one->type));
        (void)json_object_set_new(entry, "status",
                                  json_string(clientid_user_request_status_label(state->status)));
        if (state->detail[0] != '\0')
            (void)json_object_set_new(entry, "reason", json_string(state->detail));
        put_code(entry, state->detail);
        break;
    }
    (void)json_object_set_new(entry, "attempts", json_integer((json_int_t)state->attempts));
    (void)json_array_append_new(list, entry);
    (void)json_array_append_new(
        list, entry_json(one, state, "PORTAL_APPLICATION_CREATION_REQUEST_EVENT"));
    return list;
}

static int take_name(void *self, const clientid_api_record *record)
{
    (void)snprintf(self, CLIENTID_API_NAME_MAX + 1, "%.*s", (int)record->name.len,
                   record->name.ptr);
    return 0;
}

/* Keyed by the name of the API, by its id when it is gone; an update is about the application. */
static void put_trace(struct one *one, json_t *trace, const clientid_user_request_state *state)
{
    char name[CLIENTID_API_NAME_MAX + 1] = "Application";
    clientid_error error = {0};
    if (state->api_id != 0 &&
        clientid_control_api_get(one->control, state->api_id, take_name, name, &error) != 0)
        (void)clientid_control_uuid_format(one->control, CLIENTID_UUID_API, state->api_id, name,
                                           &error);
    (void)json_object_set_new(trace, name, entries_json(one, state));
}

void rest_request_trace(struct call *call)
{
    struct one one;
    if (!get(call, &one))
        return;
    json_t *trace = json_object();
    for (size_t i = 0; i < one.count; i++)
        put_trace(&one, trace, &one.states[i]);
    (void)json_object_set_new(one.json, "trace", trace);
    free(one.states);
    call_answer(call, 200, one.json);
}
