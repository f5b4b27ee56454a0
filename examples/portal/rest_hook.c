/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks.  Their passwords are never shown, other than with the vendor. */
#include "handlers.h"
#include "rest.h"

#define WHAT "Webhook"

static int take_page(void *self, const clientid_hook_record *record)
{
    struct rest_page *page = self;
    clientid_error error = {0};
    char *text = NULL;
    if (!rest_page_takes(page))
        return 0;
    int rc = clientid_hook_to_json(page->call->control, record, &text, &error);
    return rc != 0 ? rc : rest_page_put(page, call_take_json(text));
}

struct one {
    clientid_control *control;
    json_t *json;
};

static int take_one(void *self, const clientid_hook_record *record)
{
    struct one *one = self;
    clientid_error error = {0};
    char *text = NULL;
    int rc = clientid_hook_to_json(one->control, record, &text, &error);
    one->json = call_take_json(text);
    return rc;
}

static void answer(struct call *call, uint64_t id)
{
    struct one one = {call->control, NULL};
    clientid_error error = {0};
    int rc = clientid_control_hook_get(call->control, id, take_one, &one, &error);
    if (rc == 0) {
        call_answer(call, 200, one.json);
        return;
    }
    json_decref(one.json);
    rest_error(call, rc, &error, WHAT);
}

void rest_hook_list(struct call *call)
{
    struct rest_page page;
    clientid_error error = {0};
    if (!rest_page_open(call, &page))
        return;
    int rc = clientid_control_hook_list(call->control, take_page, &page, &error);
    rest_page_close(&page, rc, &error, "hooks");
}

void rest_hook_create(struct call *call)
{
    clientid_hook_record record = {.size = sizeof record};
    clientid_json *json = NULL;
    clientid_error error = {0};
    uint64_t id = 0;
    int rc = clientid_hook_from_json(call->control, rest_body(call), &record, &json, &error);
    if (rc == 0)
        rc = clientid_control_hook_create(call->control, &record, &id, &error);
    clientid_json_del(json);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        rest_created(call, CLIENTID_UUID_HOOK, id, "hooks");
}

void rest_hook_get(struct call *call)
{
    uint64_t id;
    if (rest_id(call, "hookId", CLIENTID_UUID_HOOK, WHAT, &id))
        answer(call, id);
}

void rest_hook_update(struct call *call)
{
    clientid_hook_record record = {.size = sizeof record};
    clientid_json *json = NULL;
    clientid_error error = {0};
    uint64_t id;
    if (!rest_id(call, "hookId", CLIENTID_UUID_HOOK, WHAT, &id))
        return;
    int rc = clientid_hook_from_json(call->control, rest_body(call), &record, &json, &error);
    if (rc == 0)
        rc = clientid_control_hook_update(call->control, id, &record, &error);
    clientid_json_del(json);
    if (rc != 0)
        rest_error(call, rc, &error, WHAT);
    else
        answer(call, id);
}

void rest_hook_delete(struct call *call)
{
    clientid_error error = {0};
    uint64_t id;
    if (!rest_id(call, "hookId", CLIENTID_UUID_HOOK, WHAT, &id))
        return;
    int rc = clientid_control_hook_delete(call->control, id, &error);
    if (rc != 0)
        rest_error(call, rc, &error, WHAT);
    else
        call_answer_empty(call, 204);
}

static int take_nothing(void *self, const clientid_hook_record *record)
{
    (void)self;
    (void)record;
    return 0;
}

/* Those that a hook with all subscriptions shows; for who may see hooks. */
void rest_hook_events(struct call *call)
{
    const clientid_hook_record every = {
        .size = sizeof every,
        .url = CLIENTID_STR("http://localhost"),
        .subscriptions = CLIENTID_HOOK_EVENT_CREATION | CLIENTID_HOOK_EVENT_SCOPE_INCREASE |
                         CLIENTID_HOOK_EVENT_SCOPE_DECREASE | CLIENTID_HOOK_EVENT_UPDATION,
    };
    clientid_error error = {0};
    char *text = NULL;
    int rc = clientid_control_hook_list(call->control, take_nothing, NULL, &error);
    if (rc == 0)
        rc = clientid_hook_to_json(call->control, &every, &text, &error);
    if (rc != 0) {
        call_error(call, rc, &error);
        return;
    }
    json_t *hook = call_take_json(text);
    json_t *events = json_object_get(hook, "subscriptions");
    call_answer(call, 200, events != NULL ? json_incref(events) : json_array());
    json_decref(hook);
}
