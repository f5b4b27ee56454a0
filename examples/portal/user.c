/* SPDX-License-Identifier: Apache-2.0 */
/* Users of the organization, by their UUIDs. */
#include "user.h"

#include "handlers.h"
#include "portal.h"

#include <clientid/third_party.h>

#include <string.h>

/* ---- records as JSON ------------------------------------------------------------------------- */

static json_t *text_json(clientid_str text)
{
    return json_stringn(text.ptr != NULL ? text.ptr : "", text.len);
}

static json_t *time_json(uint64_t time_ns)
{
    char text[40];
    clientid_time_format(time_ns, text, sizeof text);
    return json_string(text);
}

static json_t *record_json(struct call *call, const clientid_user_record *record)
{
    static const char *const identities[] = {"", "mulesoft", "saml", "openid"};
    char id[CLIENTID_UUID_CHARS + 1] = "";
    (void)clientid_control_uuid_format(call->control, CLIENTID_UUID_USER, record->id, id, NULL);
    return json_pack(
        "{s:s,s:o,s:o,s:o,s:o,s:s,s:b,s:s,s:s,s:o,s:o}", "id", id, "username",
        text_json(record->name), "firstName", text_json(record->first_name), "lastName",
        text_json(record->last_name), "email", text_json(record->email), "role",
        clientid_role_label(record->role), "enabled", (int)record->enabled, "organizationId",
        call->portal->config.organization, "idprovider_id",
        identities[record->identity <= CLIENTID_IDENTITY_OPENID ? record->identity : 0],
        "createdAt", time_json(record->created_ns), "updatedAt", time_json(record->updated_ns));
}

struct sink {
    struct call *call;
    json_t *list; /* NULL: |one| is wanted */
    json_t *one;
};

static int take(void *self, const clientid_user_record *record)
{
    struct sink *sink = self;
    json_t *json = record_json(sink->call, record);
    if (json == NULL)
        return CLIENTID_ERR_NOMEM;
    if (sink->list != NULL)
        return json_array_append_new(sink->list, json) != 0 ? CLIENTID_ERR_NOMEM : 0;
    sink->one = json;
    return 0;
}

json_t *user_json(struct call *call, uint64_t id)
{
    struct sink sink = {call, NULL, NULL};
    clientid_error error = {0};
    int rc = clientid_control_user_get(call->control, id, take, &sink, &error);
    if (rc == 0)
        return sink.one;
    json_decref(sink.one);
    call_error(call, rc, &error);
    return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool find(struct call *call, uint64_t *id)
{
    clientid_error error = {0};
    int rc = clientid_control_uuid_parse(call->control, CLIENTID_UUID_USER,
                                         call_parameter(call, "userId"), id, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    return rc == 0;
}

static bool is(clientid_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static uint32_t role_of(clientid_str label)
{
    for (uint32_t role = CLIENTID_ROLE_ADMINISTRATOR; role <= CLIENTID_ROLE_MEMBER; role++) {
        if (is(label, clientid_role_label(role)))
            return role;
    }
    return CLIENTID_ROLE_MEMBER;
}

static clientid_user_record record_of(const struct call *call)
{
    const json_t *enabled = json_object_get(call->json, "enabled");
    clientid_str identity = call_text(call, "identity");
    return (clientid_user_record){
        .size = sizeof(clientid_user_record),
        .name = call_text(call, "username"),
        .email = call_text(call, "email"),
        .first_name = call_text(call, "firstName"),
        .last_name = call_text(call, "lastName"),
        .role = role_of(call_text(call, "role")),
        .identity = is(identity, "saml")     ? CLIENTID_IDENTITY_SAML
                    : is(identity, "openid") ? CLIENTID_IDENTITY_OPENID
                                             : CLIENTID_IDENTITY_PASSWORD,
        .enabled = enabled == NULL || json_is_true(enabled),
    };
}

/* ---- handlers -------------------------------------------------------------------------------- */

static void answer_created(struct call *call, int rc, uint64_t id, const clientid_error *error)
{
    json_t *user;
    if (rc != 0)
        call_error(call, rc, error);
    else if ((user = user_json(call, id)) != NULL)
        call_answer(call, 201, user);
}

void user_create(struct call *call)
{
    const clientid_user_record record = record_of(call);
    clientid_error error = {0};
    uint64_t id = 0;
    int rc = clientid_control_user_create(call->control, &record, call_text(call, "password"), &id,
                                          &error);
    answer_created(call, rc, id, &error);
}

void user_register(struct call *call)
{
    const clientid_user_record record = record_of(call);
    clientid_error error = {0};
    uint64_t id = 0;
    if (!call->portal->config.registration) {
        call_refuse(call, 403, "", "accounts are made by an administrator here");
        return;
    }
    int rc = clientid_control_user_register(call->control, &record, call_text(call, "password"),
                                            (clientid_str){call->address, strlen(call->address)},
                                            &id, &error);
    answer_created(call, rc, id, &error);
}

void user_list(struct call *call)
{
    struct sink sink = {call, json_array(), NULL};
    clientid_error error = {0};
    uint64_t limit, offset;
    if (!call_query_number(call, "limit", 1, 500, 500, &limit) ||
        !call_query_number(call, "offset", 0, 1000000, 0, &offset)) {
        json_decref(sink.list);
        return;
    }
    int rc = clientid_control_user_list(call->control, 0, 0, take, &sink, &error);
    if (rc != 0) {
        json_decref(sink.list);
        call_error(call, rc, &error);
        return;
    }
    json_t *page = json_array();
    size_t total = json_array_size(sink.list);
    for (size_t i = offset; i < total && i < offset + limit; i++)
        (void)json_array_append(page, json_array_get(sink.list, i));
    json_decref(sink.list);
    call_answer(call, 200, json_pack("{s:o,s:I}", "data", page, "total", (json_int_t)total));
}

void user_get(struct call *call)
{
    uint64_t id;
    json_t *user = find(call, &id) ? user_json(call, id) : NULL;
    if (user != NULL)
        call_answer(call, 200, user);
}

static unsigned fields_of(const struct call *call)
{
    static const struct {
        const char *key;
        unsigned bit;
    } fields[] = {{"email", CLIENTID_USER_EMAIL},
                  {"firstName", CLIENTID_USER_FIRST_NAME},
                  {"lastName", CLIENTID_USER_LAST_NAME},
                  {"role", CLIENTID_USER_ROLE},
                  {"enabled", CLIENTID_USER_ENABLED}};
    unsigned bits = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (json_object_get(call->json, fields[i].key) != NULL)
            bits |= fields[i].bit;
    }
    return bits;
}

void user_update(struct call *call)
{
    const clientid_user_record record = record_of(call);
    clientid_str password = call_text(call, "password");
    clientid_error error = {0};
    unsigned fields = fields_of(call);
    uint64_t id;
    int rc;
    if (!find(call, &id))
        return;
    if (password.ptr != NULL && fields != 0) { /* one request is one change */
        call_refuse(call, 400, "/password", "a password is set by itself");
        return;
    }
    if (password.ptr != NULL)
        rc = clientid_control_user_set_password(call->control, id, password, &error);
    else
        rc = clientid_control_user_update(call->control, id, &record, fields, &error);
    if (rc != 0) {
        call_error(call, rc, &error);
        return;
    }
    json_t *user = user_json(call, id);
    if (user != NULL)
        call_answer(call, 200, user);
}

void user_delete(struct call *call)
{
    clientid_error error = {0};
    uint64_t id;
    if (!find(call, &id))
        return;
    int rc = clientid_control_user_delete(call->control, id, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        call_answer_empty(call, 204);
}
