/* SPDX-License-Identifier: Apache-2.0 */
/* What a webhook is sent, in the vendor's shape. */
#include "control/gateway_event.h"
#include "control/object_json.h"

#include "base/error.h"
#include "base/str.h"

#include <clientid/third_party.h>

#include <stdio.h>
#include <time.h>

static const char *type_label(uint32_t type)
{
    switch (type) {
    case CLIENTID__REQUEST_ACCESS_TOKEN:
        return "REQUEST_ACCESS_TOKEN";
    case CLIENTID__REVOKE_ACCESS_TOKEN:
        return "REVOKE_ACCESS_TOKEN";
    default:
        return "APPLICATION_UPDATE";
    }
}

/* The UUIDs and names of what an event is about. */
struct subject {
    struct clientid__person person;
    char person_id[CLIENTID_UUID_CHARS + 1]; /* "" for somebody who is no user */
    char event_id[CLIENTID_UUID_CHARS + 1];
    char application_id[CLIENTID_UUID_CHARS + 1];
    char api_id[CLIENTID_UUID_CHARS + 1];
    char api_name[CLIENTID_API_NAME_MAX + 1];
};

static int api_of(clientid_control *control, uint64_t api_id, struct subject *out,
                  clientid_error *error)
{
    struct clientid__api_facts api;
    int rc = CLIENTID__STORE(control, api->facts, api_id, &api, error);

    if (rc == 0)
        memcpy(out->api_name, api.name, sizeof(out->api_name));
    if (rc == 0)
        rc = clientid_control_uuid_format(control, CLIENTID_UUID_API, api_id, out->api_id, error);
    return rc;
}

static int subject_of(clientid_control *control, const struct clientid__event_facts *event,
                      struct subject *out, clientid_error *error)
{
    int rc;

    *out = (struct subject){.person_id = ""};
    rc = CLIENTID__STORE(control, user_request->person, clientid__cstr(event->owner), &out->person,
                         error);
    if (rc == 0 && out->person.id != 0)
        rc = clientid_control_uuid_format(control, CLIENTID_UUID_USER, out->person.id,
                                          out->person_id, error);
    if (rc == 0)
        rc = clientid_control_uuid_format(control, CLIENTID_UUID_EVENT, event->id, out->event_id,
                                          error);
    if (rc == 0)
        rc = clientid_control_uuid_format(control, CLIENTID_UUID_APPLICATION, event->application_id,
                                          out->application_id, error);
    if (rc == 0 && event->api_id != 0)
        rc = api_of(control, event->api_id, out, error);
    return rc;
}

static void put_or_null(struct clientid__writer *writer, const char *key, const char *value)
{
    if (value[0] != '\0')
        clientid__put_text(writer, key, clientid__cstr(value));
    else
        clientid__put(writer, key, json_null());
}

static json_t *executor_json(const struct subject *subject)
{
    struct clientid__writer w = clientid__writer_begin();

    put_or_null(&w, "id", subject->person_id);
    put_or_null(&w, "email", subject->person.email);
    put_or_null(&w, "lastname", subject->person.last_name);
    put_or_null(&w, "firstname", subject->person.first_name);
    put_or_null(&w, "name", subject->person.name);
    return clientid__writer_take(&w);
}

static json_t *source_json(const char *id, const char *reference)
{
    struct clientid__writer w = clientid__writer_begin();

    clientid__put_text(&w, "id", clientid__cstr(id));
    put_or_null(&w, "externalref", reference);
    return clientid__writer_take(&w);
}

static json_t *revoked_json(const struct subject *subject)
{
    struct clientid__writer w = clientid__writer_begin();
    struct clientid__writer api = clientid__writer_begin();

    clientid__put_text(&api, "id", clientid__cstr(subject->api_id));
    clientid__put_text(&api, "externalRef", clientid__cstr(subject->api_name));
    clientid__put(&w, "api", clientid__writer_take(&api));
    clientid__put_text(&w, "application_id", clientid__cstr(subject->application_id));
    return clientid__writer_take(&w);
}

struct application {
    const struct subject *subject;
    json_t *context;
};

/* The provider is null, as in the vendor's sample: its one event goes to the hooks of that provider. */
static int application_json(void *sink, const clientid_application_record *record)
{
    struct application *application = sink;
    const struct subject *subject = application->subject;
    struct clientid__writer w = clientid__writer_begin();

    clientid__put_text(&w, "consumer_appName", record->name);
    clientid__put_text(&w, "consumer_appDesc", record->description);
    clientid__put_text(&w, "tenant", CLIENTID_STR("default"));
    clientid__put_texts(&w, "redirect_uris", record->redirect_uris, record->redirect_uri_count);
    clientid__put(&w, "provider_id", json_null());
    if (subject->api_id[0] != '\0')
        clientid__put_text(&w, "api_id", clientid__cstr(subject->api_id));
    clientid__put_text(&w, "application_id", clientid__cstr(subject->application_id));
    application->context = clientid__writer_take(&w);
    return 0;
}

static int context_json(clientid_control *control, const struct clientid__event_facts *event,
                        const struct subject *subject, json_t **out, clientid_error *error)
{
    static const clientid_application_filter none = {.size = sizeof(none)};
    struct application application = {subject, NULL};
    int rc = 0;

    if (event->type == CLIENTID__REVOKE_ACCESS_TOKEN)
        application.context = revoked_json(subject);
    else
        rc = CLIENTID__STORE(control, application->each, event->application_id, &none,
                             application_json, &application, error);
    *out = application.context;
    return rc;
}

/* "YYYY-MM-DD HH:MM:SS" in UTC. */
static void put_date(struct clientid__writer *writer, uint64_t now_ns)
{
    time_t seconds = (time_t)(now_ns / 1000000000);
    char text[32] = "";
    struct tm tm;

    if (gmtime_r(&seconds, &tm) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    clientid__put_text(writer, "creationdate", clientid__cstr(text));
}

int clientid__event_body(clientid_control *control, const struct clientid__event_facts *event,
                         uint64_t now_ns, char **text, clientid_error *error)
{
    bool of_api = event->type == CLIENTID__REQUEST_ACCESS_TOKEN;
    struct subject subject;
    struct clientid__writer w;
    json_t *context = NULL;
    int rc = subject_of(control, event, &subject, error);

    if (rc == 0)
        rc = context_json(control, event, &subject, &context, error);
    if (rc != 0)
        return rc;
    w = clientid__writer_begin();
    clientid__put(&w, "executor", executor_json(&subject));
    clientid__put(&w, "source",
                  of_api ? source_json(subject.api_id, subject.api_name)
                         : source_json(subject.application_id, ""));
    clientid__put(&w, "contextdata", context);
    clientid__put_text(&w, "type", clientid__cstr(type_label(event->type)));
    put_date(&w, now_ns);
    clientid__put_text(&w, "eventid", clientid__cstr(subject.event_id));
    clientid__put_text(&w, "status", CLIENTID_STR("NEW"));
    return clientid__writer_end(&w, text, error);
}
