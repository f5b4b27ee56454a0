/* SPDX-License-Identifier: Apache-2.0 */
/* Providers, and which APIs are theirs. */
#include "handlers.h"
#include "rest.h"

#include <stdio.h>
#include <string.h>

#define WHAT "Provider"

/* ---- providers ------------------------------------------------------------------------------- */

static int take_page(void *self, const clientid_provider_record *record)
{
    struct rest_page *page = self;
    clientid_error error = {0};
    char *text = NULL;
    if (!rest_page_takes(page))
        return 0;
    int rc = clientid_provider_to_json(page->call->control, record, &text, &error);
    return rc != 0 ? rc : rest_page_put(page, call_take_json(text));
}

struct one {
    clientid_control *control;
    json_t *json;
    char name[CLIENTID_NAME_MAX + 1];
    uint64_t hooks[CLIENTID_PROVIDER_HOOKS_MAX];
    size_t hook_count;
};

static int take_one(void *self, const clientid_provider_record *record)
{
    struct one *one = self;
    clientid_error error = {0};
    char *text = NULL;
    int rc = clientid_provider_to_json(one->control, record, &text, &error);
    one->json = call_take_json(text);
    (void)snprintf(one->name, sizeof one->name, "%.*s", (int)record->name.len, record->name.ptr);
    for (size_t i = 0; i < record->hook_count && i < CLIENTID_PROVIDER_HOOKS_MAX; i++)
        one->hooks[one->hook_count++] = record->hooks[i];
    return rc;
}

static bool get(struct call *call, uint64_t id, struct one *one)
{
    clientid_error error = {0};
    *one = (struct one){.control = call->control};
    int rc = clientid_control_provider_get(call->control, id, take_one, one, &error);
    if (rc == 0)
        return true;
    json_decref(one->json);
    rest_error(call, rc, &error, WHAT);
    return false;
}

struct hooks {
    clientid_control *control;
    json_t *list;
};

static int take_hook(void *self, const clientid_hook_record *record)
{
    struct hooks *hooks = self;
    clientid_error error = {0};
    char *text = NULL;
    int rc = clientid_hook_to_json(hooks->control, record, &text, &error);
    (void)json_array_append_new(hooks->list, call_take_json(text));
    return rc;
}

/* One provider is shown with its hooks. */
static void answer(struct call *call, uint64_t id)
{
    clientid_error error = {0};
    struct one one;
    if (!get(call, id, &one))
        return;
    struct hooks hooks = {call->control, json_array()};
    for (size_t i = 0; i < one.hook_count; i++)
        (void)clientid_control_hook_get(call->control, one.hooks[i], take_hook, &hooks, &error);
    (void)json_object_set_new(one.json, "hooks", hooks.list);
    call_answer(call, 200, one.json);
}

void rest_provider_list(struct call *call)
{
    struct rest_page page;
    clientid_error error = {0};
    if (!rest_page_open(call, &page))
        return;
    int rc = clientid_control_provider_list(call->control, take_page, &page, &error);
    rest_page_close(&page, rc, &error, "providers");
}

void rest_provider_create(struct call *call)
{
    clientid_provider_record record = {.size = sizeof record};
    clientid_json *json = NULL;
    clientid_error error = {0};
    uint64_t id = 0;
    int rc = clientid_provider_from_json(call->control, rest_body(call), &record, &json, &error);
    if (rc == 0)
        rc = clientid_control_provider_create(call->control, &record, &id, &error);
    clientid_json_del(json);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        rest_created(call, CLIENTID_UUID_PROVIDER, id, "providers");
}

void rest_provider_get(struct call *call)
{
    uint64_t id;
    if (rest_id(call, "providerId", CLIENTID_UUID_PROVIDER, WHAT, &id))
        answer(call, id);
}

void rest_provider_update(struct call *call)
{
    clientid_provider_record record = {.size = sizeof record};
    clientid_json *json = NULL;
    clientid_error error = {0};
    uint64_t id;
    if (!rest_id(call, "providerId", CLIENTID_UUID_PROVIDER, WHAT, &id))
        return;
    int rc = clientid_provider_from_json(call->control, rest_body(call), &record, &json, &error);
    if (rc == 0)
        rc = clientid_control_provider_update(call->control, id, &record, &error);
    clientid_json_del(json);
    if (rc != 0)
        rest_error(call, rc, &error, WHAT);
    else
        answer(call, id);
}

void rest_provider_delete(struct call *call)
{
    clientid_error error = {0};
    uint64_t id;
    if (!rest_id(call, "providerId", CLIENTID_UUID_PROVIDER, WHAT, &id))
        return;
    int rc = clientid_control_provider_delete(call->control, id, &error);
    if (rc != 0)
        rest_error(call, rc, &error, WHAT);
    else
        call_answer_empty(call, 204);
}

/* ---- their APIs ------------------------------------------------------------------------------ */

struct apis {
    struct rest_page page;
    const char *provider;
};

static bool is(clientid_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static int take_api(void *self, const clientid_api_record *record)
{
    struct apis *apis = self;
    char id[CLIENTID_UUID_CHARS + 1] = "";
    clientid_error error = {0};
    if (!is(record->provider, apis->provider) || !rest_page_takes(&apis->page))
        return 0;
    int rc = clientid_control_uuid_format(apis->page.call->control, CLIENTID_UUID_API, record->id,
                                          id, &error);
    return rc != 0
               ? rc
               : rest_page_put(&apis->page, json_pack("{s:s,s:s%,s:s%,s:s%,s:s,s:s%}", "id", id,
                                                      "name", REST_TEXT(record->name), "summary",
                                                      REST_TEXT(record->asset), "version",
                                                      REST_TEXT(record->version), "type", "REST",
                                                      "externalRefKey", REST_TEXT(record->name)));
}

void rest_provider_apis(struct call *call)
{
    struct apis apis;
    struct one one;
    char path[128];
    clientid_error error = {0};
    clientid_str text = call_parameter(call, "providerId");
    uint64_t id;
    if (!rest_id(call, "providerId", CLIENTID_UUID_PROVIDER, WHAT, &id) || !get(call, id, &one))
        return;
    json_decref(one.json);
    if (!rest_page_open(call, &apis.page))
        return;
    apis.provider = one.name;
    (void)snprintf(path, sizeof path, "providers/%.*s/apis", (int)text.len, text.ptr);
    int rc = clientid_control_api_list(call->control, take_api, &apis, &error);
    rest_page_close(&apis.page, rc, &error, path);
}

#define LINKED_MAX 64

/* The body is an array of ids; false with an answer. */
static bool read_ids(struct call *call, uint64_t *ids, size_t *count)
{
    char pointer[24] = "";
    json_error_t syntax;
    json_t *list = json_loadb(rest_body(call).ptr, call->body_len, JSON_REJECT_DUPLICATES, &syntax);
    int rc =
        json_is_array(list) && json_array_size(list) != 0 && json_array_size(list) <= LINKED_MAX
            ? 0
            : CLIENTID_ERR_SYNTAX;
    *count = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        const json_t *id = json_array_get(list, i);
        clientid_error error = {0};
        (void)snprintf(pointer, sizeof pointer, "/%zu", i);
        rc = clientid_control_uuid_parse(
            call->control, CLIENTID_UUID_API,
            (clientid_str){json_string_value(id), json_string_length(id)}, &ids[(*count)++],
            &error);
    }
    json_decref(list);
    if (rc != 0)
        call_refuse(call, 400, pointer, "%s",
                    pointer[0] != '\0' ? "is not the id of an API"
                                       : "the body must be an array of 1 to 64 ids of APIs");
    return rc == 0;
}

static int take_provider(void *self, const clientid_api_record *record)
{
    struct one *one = self;
    (void)snprintf(one->name, sizeof one->name, "%.*s", (int)record->provider.len,
                   record->provider.ptr);
    return 0;
}

/* One after the other: when one is refused, those before it are linked. */
static void link_apis(struct call *call, bool link)
{
    uint64_t ids[LINKED_MAX];
    size_t count;
    struct one one, now;
    clientid_error error = {0};
    uint64_t id;
    int rc = 0;
    if (!rest_id(call, "providerId", CLIENTID_UUID_PROVIDER, WHAT, &id) || !get(call, id, &one))
        return;
    json_decref(one.json);
    if (!read_ids(call, ids, &count))
        return;
    for (size_t i = 0; i < count && rc == 0; i++) {
        const clientid_api_record record = {.size = sizeof record,
                                            .provider = {one.name, link ? strlen(one.name) : 0}};
        rc = clientid_control_api_get(call->control, ids[i], take_provider, &now, &error);
        if (rc == 0 && (link || strcmp(now.name, one.name) == 0))
            rc = clientid_control_api_update(call->control, ids[i], &record, CLIENTID_API_PROVIDER,
                                             &error);
    }
    if (rc != 0)
        call_error(call, rc, &error);
    else /* the vendor's text, with its two spaces */
        rest_done(call, link ? "API/s  linked successfully with provider"
                             : "API/s  un-linked successfully with provider");
}

void rest_provider_link(struct call *call)
{
    link_apis(call, true);
}

void rest_provider_unlink(struct call *call)
{
    link_apis(call, false);
}
