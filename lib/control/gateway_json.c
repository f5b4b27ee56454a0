/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks, providers, user requests and applications as the vendor's REST interface shows and takes them. */
#include "control/control.h"
#include "control/gateway_event.h"
#include "control/object_json.h"

#include "base/error.h"
#include "base/str.h"

#include <clientid/third_party.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define IGNORED(key)                                                                               \
    {                                                                                              \
        .name = (key), .type = CLIENTID__KEY_IGNORED                                               \
    }
#define TEXT(key, record, member)                                                                  \
    {                                                                                              \
        .name = (key), .type = CLIENTID__KEY_TEXT, .offset = offsetof(record, member)              \
    }
#define OTHER(key, set, function)                                                                  \
    {                                                                                              \
        .name = (key), .type = CLIENTID__KEY_OTHER, .bit = (set), .read = (function)               \
    }

/* ---- both ways ------------------------------------------------------------------------------- */

/* "2022-02-10T12:43+0000", which is what the vendor's server sends. */
static void put_date(struct clientid__writer *writer, const char *key, uint64_t time_ns)
{
    time_t seconds = (time_t)(time_ns / 1000000000);
    char text[32] = "";
    struct tm tm;

    if (gmtime_r(&seconds, &tm) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M+0000", &tm);
    clientid__put_text(writer, key, clientid__cstr(text));
}

/* null for 0. */
static int put_uuid(clientid_control *control, struct clientid__writer *writer, const char *key,
                    clientid_uuid_kind kind, uint64_t id, clientid_error *error)
{
    char text[CLIENTID_UUID_CHARS + 1];
    int rc;

    if (id == 0) {
        clientid__put(writer, key, json_null());
        return 0;
    }
    rc = clientid_control_uuid_format(control, kind, id, text, error);
    if (rc == 0)
        clientid__put_text(writer, key, clientid__cstr(text));
    return rc;
}

static int put_uuids(clientid_control *control, struct clientid__writer *writer, const char *key,
                     clientid_uuid_kind kind, const uint64_t *ids, size_t count,
                     clientid_error *error)
{
    char text[CLIENTID_UUID_CHARS + 1];
    json_t *array = json_array();
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = clientid_control_uuid_format(control, kind, ids[i], text, error);
        if (rc == 0 && json_array_append_new(array, json_string(text)) != 0)
            writer->failed = true;
    }
    clientid__put(writer, key, array);
    return rc;
}

static int end(struct clientid__writer *writer, int rc, char **text, clientid_error *error)
{
    if (rc == 0)
        return clientid__writer_end(writer, text, error);
    json_decref(writer->object);
    return rc;
}

/* As many numbers as the array of UUIDs has elements. */
static int read_uuids(struct clientid__reader *reader, const struct clientid__key *key,
                      const json_t *value, clientid_control *control, clientid_uuid_kind kind,
                      const uint64_t **ids, uint32_t *count)
{
    size_t size = json_array_size(value);
    uint64_t *list;

    if (!json_is_array(value))
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "must be an array of ids");
    if (size > UINT16_MAX)
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "has too many elements");
    list = clientid__json_block(reader, size, sizeof(*list));
    if (list == NULL)
        return clientid__fail(reader->error, CLIENTID_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < size; i++) {
        const json_t *element = json_array_get(value, i);
        int rc;

        if (!json_is_string(element))
            return clientid__json_wrong(reader, key->name, i, "must be a string");
        rc = clientid_control_uuid_parse(control, kind, clientid__json_text(element), &list[i],
                                         reader->error);
        if (rc == CLIENTID_ERR_NOT_FOUND)
            return clientid__json_wrong(reader, key->name, i, "nothing has this id");
        if (rc != 0)
            return rc;
    }
    *ids = list;
    *count = (uint32_t)size;
    return 0;
}

/* One document to one record; |*json| stays with the caller when it went well. */
static int read_document(clientid_str text, const struct clientid__key *keys, size_t count,
                         void *out, unsigned needed, const char *needed_key, clientid_json **json,
                         clientid_error *error)
{
    clientid_error own;
    struct clientid__reader reader = {NULL, "", error != NULL ? error : &own};
    unsigned fields = 0;
    int rc;

    *json = NULL;
    rc = clientid__json_parse(text, &reader.json, error);
    if (rc != 0)
        return rc;
    rc = clientid__json_read(&reader, reader.json->root, keys, count, out, &fields);
    if (rc == 0 && (fields & needed) != needed)
        rc = clientid__json_wrong(&reader, needed_key, SIZE_MAX, "is missing");
    if (rc != 0) {
        clientid_json_del(reader.json);
        return rc;
    }
    *json = reader.json;
    return 0;
}

static int read_inner(struct clientid__reader *reader, const char *name, const json_t *value,
                      const struct clientid__key *keys, size_t count, void *out)
{
    char at[sizeof(reader->error->pointer)];
    struct clientid__reader inner = {reader->json, at, reader->error};
    unsigned fields = 0;

    if (!json_is_object(value))
        return clientid__json_wrong(reader, name, SIZE_MAX, "must be an object");
    snprintf(at, sizeof(at), "%s/%s", reader->at, name);
    return clientid__json_read(&inner, value, keys, count, out, &fields);
}

/* ---- webhooks -------------------------------------------------------------------------------- */

static const struct {
    uint32_t bit;
    const char *name, *description;
} events[] = {
    {CLIENTID_HOOK_EVENT_CREATION, "Gateway application creation request event",
     "This event is invoked when an application is granted its first API of the gateway"},
    {CLIENTID_HOOK_EVENT_SCOPE_INCREASE, "Gateway application scope increase request event",
     "This event is invoked when an application is granted a further API of the gateway"},
    {CLIENTID_HOOK_EVENT_SCOPE_DECREASE, "Gateway application scope decrease request event",
     "This event is invoked when an application loses an API of the gateway"},
    {CLIENTID_HOOK_EVENT_UPDATION, "Gateway application updation request event",
     "This event is invoked when the description of an application is changed"},
};

static json_t *subscriptions_json(uint32_t subscriptions)
{
    json_t *array = json_array();

    for (size_t i = 0; i < COUNT(events); i++) {
        struct clientid__writer w;

        if ((subscriptions & events[i].bit) == 0)
            continue;
        w = clientid__writer_begin();
        clientid__put_text(&w, "id", clientid__cstr(clientid_hook_event_id(events[i].bit)));
        clientid__put_text(&w, "name", clientid__cstr(events[i].name));
        clientid__put_text(&w, "description", clientid__cstr(events[i].description));
        if (json_array_append_new(array, clientid__writer_take(&w)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *parameters_json(const clientid_hook_record *record)
{
    struct clientid__writer w = clientid__writer_begin();

    if (record->authentication == CLIENTID_HOOK_BASIC) {
        clientid__put_text(&w, "authentication", CLIENTID_STR("BASIC"));
        clientid__put_text(&w, "username", record->username);
    } else {
        clientid__put_text(&w, "authentication", CLIENTID_STR("SSL"));
        clientid__put_text(&w, "file_id", record->file_id);
    }
    return clientid__writer_take(&w);
}

int clientid_hook_to_json(clientid_control *control, const clientid_hook_record *record,
                          char **text, clientid_error *error)
{
    struct clientid__writer w;
    int rc;

    if (control == NULL || record == NULL || text == NULL)
        return clientid__bad_argument(error);
    w = clientid__writer_begin();
    rc = put_uuid(control, &w, "id", CLIENTID_UUID_HOOK, record->id, error);
    clientid__put_text(&w, "url", record->url);
    clientid__put_text(&w, "configuration_type",
                       record->provider_type != 0 ? CLIENTID_STR("PROVIDER")
                                                  : CLIENTID_STR("SYSTEM"));
    clientid__put(&w, "subscriptions", subscriptions_json(record->subscriptions));
    if (record->authentication != CLIENTID_HOOK_OPEN)
        clientid__put(&w, "parameters", parameters_json(record));
    put_date(&w, "created", record->created_ns);
    put_date(&w, "modified", record->updated_ns);
    return end(&w, rc, text, error);
}

static int read_configuration(struct clientid__reader *reader, const struct clientid__key *key,
                              const json_t *value, void *out)
{
    clientid_hook_record *record = out;
    clientid_str text = json_is_string(value) ? clientid__json_text(value) : CLIENTID_STR("");

    if (!clientid__str_eq(text, CLIENTID_STR("PROVIDER")) &&
        !clientid__str_eq(text, CLIENTID_STR("SYSTEM")))
        return clientid__json_wrong(reader, key->name, SIZE_MAX,
                                    "must be \"PROVIDER\" or \"SYSTEM\"");
    record->provider_type = clientid__str_eq(text, CLIENTID_STR("PROVIDER"));
    return 0;
}

struct subscription {
    clientid_str id;
};

/* {"id": "..."} or, as older clients of the vendor's, the id alone. */
static int read_subscription(struct clientid__reader *reader, const struct clientid__key *key,
                             size_t index, const json_t *value, uint32_t *subscriptions)
{
    static const struct clientid__key keys[] = {
        TEXT("id", struct subscription, id),
        IGNORED("name"),
        IGNORED("description"),
    };
    struct subscription subscription = {{NULL, 0}};
    char name[64];
    uint32_t bit;
    int rc = 0;

    snprintf(name, sizeof(name), "%s/%zu", key->name, index);
    if (json_is_string(value))
        subscription.id = clientid__json_text(value);
    else if (json_is_object(value))
        rc = read_inner(reader, name, value, keys, COUNT(keys), &subscription);
    if (rc != 0)
        return rc;
    bit = clientid_hook_event_find(subscription.id);
    if (bit == 0)
        return clientid__json_wrong(reader, key->name, index, "is no event that is known here");
    *subscriptions |= bit;
    return 0;
}

static int read_subscriptions(struct clientid__reader *reader, const struct clientid__key *key,
                              const json_t *value, void *out)
{
    clientid_hook_record *record = out;
    int rc = 0;

    if (!json_is_array(value))
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "must be an array of events");
    for (size_t i = 0; i < json_array_size(value) && rc == 0; i++)
        rc = read_subscription(reader, key, i, json_array_get(value, i), &record->subscriptions);
    return rc;
}

static int read_authentication(struct clientid__reader *reader, const struct clientid__key *key,
                               const json_t *value, void *out)
{
    static const char *const labels[] = {
        [CLIENTID_HOOK_OPEN] = "NONE",
        [CLIENTID_HOOK_BASIC] = "BASIC",
        [CLIENTID_HOOK_SSL] = "SSL",
    };
    clientid_hook_record *record = out;

    for (uint32_t i = 0; i < COUNT(labels) && json_is_string(value); i++)
        if (strcmp(json_string_value(value), labels[i]) == 0) {
            record->authentication = i;
            return 0;
        }
    return clientid__json_wrong(reader, key->name, SIZE_MAX,
                                "must be \"BASIC\", \"SSL\" or \"NONE\"");
}

static int read_parameters(struct clientid__reader *reader, const struct clientid__key *key,
                           const json_t *value, void *out)
{
    static const struct clientid__key keys[] = {
        OTHER("authentication", 0, read_authentication),
        TEXT("username", clientid_hook_record, username),
        TEXT("password", clientid_hook_record, password),
        TEXT("file_id", clientid_hook_record, file_id),
        /* The kind of key store: the file itself tells. */
        IGNORED("type"),
    };

    if (json_is_null(value))
        return 0;
    return read_inner(reader, key->name, value, keys, COUNT(keys), out);
}

int clientid_hook_from_json(clientid_control *control, clientid_str text, clientid_hook_record *out,
                            clientid_json **json, clientid_error *error)
{
    static const struct clientid__key keys[] = {
        TEXT("url", clientid_hook_record, url),
        OTHER("configuration_type", 0, read_configuration),
        OTHER("subscriptions", 0, read_subscriptions),
        OTHER("parameters", 0, read_parameters),
        IGNORED("id"),
        IGNORED("created"),
        IGNORED("modified"),
    };

    if (control == NULL || out == NULL || json == NULL)
        return clientid__bad_argument(error);
    *out = (clientid_hook_record){.size = sizeof(*out)};
    return read_document(text, keys, COUNT(keys), out, 0, "", json, error);
}

/* ---- providers ------------------------------------------------------------------------------- */

int clientid_provider_to_json(clientid_control *control, const clientid_provider_record *record,
                              char **text, clientid_error *error)
{
    struct clientid__writer w;
    int rc;

    if (control == NULL || record == NULL || text == NULL)
        return clientid__bad_argument(error);
    w = clientid__writer_begin();
    rc = put_uuid(control, &w, "id", CLIENTID_UUID_PROVIDER, record->id, error);
    clientid__put_text(&w, "name", record->name);
    clientid__put_text(&w, "description", record->description);
    clientid__put_text(&w, "stage", record->stage);
    clientid__put_text(&w, "type",
                       record->type == CLIENTID_PROVIDER_THIRD_PARTY ? CLIENTID_STR("THIRD_PARTY")
                                                                     : CLIENTID_STR("GATEWAY"));
    if (rc == 0)
        rc = put_uuid(control, &w, "providerRef", CLIENTID_UUID_PROVIDER, record->id, error);
    if (rc == 0)
        rc = put_uuids(control, &w, "webhooks", CLIENTID_UUID_HOOK, record->hooks,
                       record->hook_count, error);
    put_date(&w, "created", record->created_ns);
    put_date(&w, "modified", record->updated_ns);
    return end(&w, rc, text, error);
}

/* Records with ids of other things: the control reads these. */
struct provider_reading {
    clientid_provider_record record; /* first: keys set its fields */
    clientid_control *control;
};

static int read_provider_type(struct clientid__reader *reader, const struct clientid__key *key,
                              const json_t *value, void *out)
{
    struct provider_reading *reading = out;
    clientid_str text = json_is_string(value) ? clientid__json_text(value) : CLIENTID_STR("");

    if (clientid__str_eq(text, CLIENTID_STR("THIRD_PARTY")))
        reading->record.type = CLIENTID_PROVIDER_THIRD_PARTY;
    else if (clientid__str_eq(text, CLIENTID_STR("GATEWAY")))
        reading->record.type = CLIENTID_PROVIDER_OWN;
    else
        return clientid__json_wrong(reader, key->name, SIZE_MAX,
                                    "must be \"THIRD_PARTY\" or \"GATEWAY\"");
    return 0;
}

static int read_webhooks(struct clientid__reader *reader, const struct clientid__key *key,
                         const json_t *value, void *out)
{
    struct provider_reading *reading = out;

    return read_uuids(reader, key, value, reading->control, CLIENTID_UUID_HOOK,
                      &reading->record.hooks, &reading->record.hook_count);
}

int clientid_provider_from_json(clientid_control *control, clientid_str text,
                                clientid_provider_record *out, clientid_json **json,
                                clientid_error *error)
{
    static const struct clientid__key keys[] = {
        TEXT("name", clientid_provider_record, name),
        TEXT("description", clientid_provider_record, description),
        TEXT("stage", clientid_provider_record, stage),
        OTHER("type", 0, read_provider_type),
        OTHER("webhooks", 0, read_webhooks),
        IGNORED("id"),
        IGNORED("owner"),
        IGNORED("providerRef"),
        IGNORED("summary"),
        IGNORED("hooks"),
        IGNORED("created"),
        IGNORED("modified"),
    };
    struct provider_reading reading = {.control = control};
    int rc;

    if (control == NULL || out == NULL || json == NULL)
        return clientid__bad_argument(error);
    reading.record =
        (clientid_provider_record){.size = sizeof(*out), .type = CLIENTID_PROVIDER_THIRD_PARTY};
    rc = read_document(text, keys, COUNT(keys), &reading, 0, "", json, error);
    *out = reading.record;
    return rc;
}

/* ---- user requests --------------------------------------------------------------------------- */

static int put_states(clientid_control *control, struct clientid__writer *writer,
                      const clientid_user_request_record *record, clientid_error *error)
{
    struct clientid__writer state = clientid__writer_begin();
    char text[CLIENTID_UUID_CHARS + 1];
    int rc = 0;

    for (size_t i = 0; i < record->state_count && rc == 0; i++) {
        rc = clientid_control_uuid_format(control, CLIENTID_UUID_EVENT, record->states[i].event_id,
                                          text, error);
        if (rc == 0)
            clientid__put_text(
                &state, text,
                clientid__cstr(clientid_user_request_status_label(record->states[i].status)));
    }
    clientid__put(writer, "state", clientid__writer_take(&state));
    return rc;
}

int clientid_user_request_to_json(clientid_control *control,
                                  const clientid_user_request_record *record, char **text,
                                  clientid_error *error)
{
    struct clientid__writer w;
    int rc;

    if (control == NULL || record == NULL || text == NULL)
        return clientid__bad_argument(error);
    w = clientid__writer_begin();
    rc = put_uuid(control, &w, "owner", CLIENTID_UUID_USER, record->owner_id, error);
    if (rc == 0)
        rc = put_uuid(control, &w, "id", CLIENTID_UUID_REQUEST, record->id, error);
    put_date(&w, "modified", record->updated_ns);
    put_date(&w, "created", record->created_ns);
    clientid__put_text(&w, "documentType", CLIENTID_STR("USER_REQUEST"));
    clientid__put_text(&w, "type", clientid__cstr(clientid_user_request_type_label(record->type)));
    clientid__put_text(&w, "status",
                       clientid__cstr(clientid_user_request_status_label(record->status)));
    if (rc == 0)
        rc = put_uuid(control, &w, "application", CLIENTID_UUID_APPLICATION, record->application_id,
                      error);
    if (rc == 0)
        rc = put_states(control, &w, record, error);
    return end(&w, rc, text, error);
}

struct request_reading {
    clientid_user_request request; /* first: keys set its fields */
    clientid_control *control;
};

static int read_request_type(struct clientid__reader *reader, const struct clientid__key *key,
                             const json_t *value, void *out)
{
    struct request_reading *reading = out;

    reading->request.type =
        json_is_string(value) ? clientid_user_request_type_find(clientid__json_text(value)) : 0;
    if (reading->request.type == 0)
        return clientid__json_wrong(reader, key->name, SIZE_MAX,
                                    "is no type of request that is known here");
    return 0;
}

static int read_application(struct clientid__reader *reader, const struct clientid__key *key,
                            const json_t *value, void *out)
{
    struct request_reading *reading = out;
    int rc;

    if (!json_is_string(value))
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "must be a string");
    rc = clientid_control_uuid_parse(reading->control, CLIENTID_UUID_APPLICATION,
                                     clientid__json_text(value), &reading->request.application_id,
                                     reader->error);
    return rc == CLIENTID_ERR_NOT_FOUND
               ? clientid__json_wrong(reader, key->name, SIZE_MAX, "nothing has this id")
               : rc;
}

static int read_apis(struct clientid__reader *reader, const struct clientid__key *key,
                     const json_t *value, void *out)
{
    struct request_reading *reading = out;

    return read_uuids(reader, key, value, reading->control, CLIENTID_UUID_API,
                      &reading->request.apis, &reading->request.api_count);
}

static int read_context(struct clientid__reader *reader, const struct clientid__key *key,
                        const json_t *value, void *out)
{
    static const struct clientid__key keys[] = {
        TEXT("name", clientid_user_request, name),
        TEXT("description", clientid_user_request, description),
        OTHER("application", 0, read_application),
        OTHER("apis", 0, read_apis),
        {.name = "redirect_uris",
         .type = CLIENTID__KEY_TEXTS,
         .offset = offsetof(clientid_user_request, redirect_uris),
         .count_offset = offsetof(clientid_user_request, redirect_uri_count)},
        {.name = "accepted_terms",
         .type = CLIENTID__KEY_FLAG,
         .offset = offsetof(clientid_user_request, accepted_terms)},
        IGNORED("custom"),
    };

    return read_inner(reader, key->name, value, keys, COUNT(keys), out);
}

int clientid_user_request_from_json(clientid_control *control, clientid_str text,
                                    clientid_user_request *out, clientid_json **json,
                                    clientid_error *error)
{
    static const struct clientid__key keys[] = {
        OTHER("type", 1, read_request_type),
        OTHER("context", 0, read_context),
    };
    struct request_reading reading = {.control = control};
    int rc;

    if (control == NULL || out == NULL || json == NULL)
        return clientid__bad_argument(error);
    reading.request = (clientid_user_request){.size = sizeof(*out)};
    rc = read_document(text, keys, COUNT(keys), &reading, 1, "type", json, error);
    *out = reading.request;
    return rc;
}

/* ---- applications ---------------------------------------------------------------------------- */

struct owner {
    clientid_control *control;
    struct clientid__writer *writer;
    uint64_t id;
    clientid_error *error;
    char provider[CLIENTID_NAME_MAX + 1];
};

/* The vendor has one owner: the first of ours who is a user. */
static int take_application(void *sink, const clientid_application_record *record)
{
    struct owner *owner = sink;
    struct clientid__person person = {.id = 0};
    int rc = 0;

    for (uint32_t i = 0; i < record->owner_count && rc == 0 && person.id == 0; i++)
        rc = CLIENTID__STORE(owner->control, user_request->person, record->owners[i], &person,
                             owner->error);
    owner->id = person.id;
    snprintf(owner->provider, sizeof(owner->provider), "%.*s", (int)record->provider.len,
             record->provider.ptr);
    clientid__put_text(owner->writer, "name", record->name);
    clientid__put_text(owner->writer, "description", record->description);
    return rc;
}

struct counts {
    size_t pending, rejected;
};

static int count_contract(void *sink, const clientid_contract_record *record)
{
    struct counts *counts = sink;

    counts->pending += record->status != CLIENTID_REJECTED;
    counts->rejected += record->status == CLIENTID_REJECTED;
    return 0;
}

/* Of those that it can call now; |*ready| is how many. */
static int put_apis(clientid_control *control, struct clientid__writer *writer, uint64_t id,
                    size_t *ready, clientid_error *error)
{
    uint64_t apis[64], after = 0;
    json_t *array = json_array();
    char text[CLIENTID_UUID_CHARS + 1];
    size_t count = 0;
    int rc;

    *ready = 0;
    do {
        rc = CLIENTID__STORE(control, gateway_event->ready, id, after, apis, COUNT(apis), &count,
                             error);
        for (size_t i = 0; i < count && rc == 0; i++) {
            after = apis[i];
            rc = clientid_control_uuid_format(control, CLIENTID_UUID_API, apis[i], text, error);
            if (rc == 0 && json_array_append_new(array, json_string(text)) != 0)
                writer->failed = true;
        }
        *ready += count;
    } while (rc == 0 && count > 0);
    clientid__put(writer, "apis", array);
    return rc;
}

static int put_status(clientid_control *control, struct clientid__writer *writer, uint64_t id,
                      size_t ready, clientid_error *error)
{
    const clientid_contract_filter filter = {.size = sizeof(filter), .application_id = id};
    struct counts counts = {0, 0};
    int rc = CLIENTID__STORE(control, contract->each, 0, &filter, count_contract, &counts, error);

    clientid__put_text(writer, "status",
                       ready > 0                                    ? CLIENTID_STR("LIVE")
                       : counts.pending == 0 && counts.rejected > 0 ? CLIENTID_STR("REJECTED")
                                                                    : CLIENTID_STR("INACTIVE"));
    return rc;
}

static void put_fixed(struct clientid__writer *writer,
                      const struct clientid__provider_facts *provider)
{
    struct clientid__writer access = clientid__writer_begin();
    struct clientid__writer slots = clientid__writer_begin();

    clientid__put(&access, "teams", json_array());
    clientid__put(&access, "users", json_array());
    clientid__put_text_if(&slots, "$stage", clientid__cstr(provider->stage));
    clientid__put_text(writer, "documentType", CLIENTID_STR("APPLICATION"));
    clientid__put(writer, "access", clientid__writer_take(&access));
    clientid__put(writer, "slots", clientid__writer_take(&slots));
    clientid__put_flag(writer, "deleted", false);
    clientid__put_text(writer, "app_type", CLIENTID_STR("API"));
}

static int put_credentials(clientid_control *control, struct clientid__writer *writer, uint64_t id,
                           clientid_error *error)
{
    char *text = NULL;
    json_t *array;
    int rc = clientid__may(control, CLIENTID_PERMISSION_APPLICATION_USE, 0, id, error);

    if (rc ==
        CLIENTID_ERR_FORBIDDEN) { /* secrets are for those who use them, not for those who look */
        clientid__put(writer, "credentials", json_array());
        return 0;
    }
    if (rc == 0)
        rc = clientid__delivered_credentials(control, id, &text, error);
    if (rc != 0)
        return rc;
    array = json_loads(text, 0, NULL);
    clientid_json_free(text);
    clientid__put(writer, "credentials", array);
    return 0;
}

static int put_application(clientid_control *control, struct clientid__writer *writer, uint64_t id,
                           clientid_error *error)
{
    static const clientid_application_filter none = {.size = sizeof(none)};
    struct owner owner = {.control = control, .writer = writer, .error = error};
    struct clientid__provider_facts provider;
    size_t ready = 0;
    int rc = clientid__found(
        error,
        CLIENTID__STORE(control, application->each, id, &none, take_application, &owner, error),
        "application", id);

    if (rc == 0)
        rc = CLIENTID__STORE(control, provider->find, clientid__cstr(owner.provider), &provider,
                             error);
    if (rc == 0)
        rc = put_uuid(control, writer, "owner", CLIENTID_UUID_USER, owner.id, error);
    if (rc == 0)
        rc = put_uuid(control, writer, "id", CLIENTID_UUID_APPLICATION, id, error);
    if (rc == 0)
        rc = put_uuid(control, writer, "providerRef", CLIENTID_UUID_PROVIDER, provider.id, error);
    if (rc == 0)
        rc = put_apis(control, writer, id, &ready, error);
    if (rc == 0)
        rc = put_status(control, writer, id, ready, error);
    if (rc == 0)
        rc = put_credentials(control, writer, id, error);
    if (rc == 0)
        put_fixed(writer, &provider);
    return rc;
}

int clientid_application_to_rest_json(clientid_control *control, uint64_t id, char **text,
                                      clientid_error *error)
{
    struct clientid__writer w;
    int rc;

    if (control == NULL || text == NULL)
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "application", id);
    rc = clientid__begin(control, CLIENTID__READ, error);
    if (rc != 0)
        return rc;
    w = clientid__writer_begin();
    rc = clientid__may_see(control, CLIENTID_PERMISSION_APPLICATION_READ, 0, id, error);
    if (rc == 0)
        rc = put_application(control, &w, id, error);
    rc = clientid__end(control, clientid__found(error, rc, "application", id), error);
    return end(&w, rc, text, error);
}
