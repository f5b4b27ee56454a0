/* SPDX-License-Identifier: Apache-2.0 */
/* Owners of applications and of API instances.  A user is named by UUID, as there, or by name. */
#include "owner.h"

#include "api.h"
#include "application.h"
#include "handlers.h"
#include "record.h"

#include <clientid/third_party.h>

#include <string.h>

/* ---- users by name --------------------------------------------------------------------------- */

/* An owner without an account, as records from before may have, has no id. */
static json_t *user_ref(struct call *call, const json_t *name)
{
    char uuid[CLIENTID_UUID_CHARS + 1];
    uint64_t id = 0;
    json_t *user = json_pack("{s:n,s:O,s:s}", "id", "username", name, "entityType", "user");
    clientid_str text = {json_string_value(name), json_string_length(name)};
    if (clientid_control_user_number(call->control, text, &id, NULL) == 0 &&
        clientid_control_uuid_format(call->control, CLIENTID_UUID_USER, id, uuid, NULL) == 0)
        (void)json_object_set_new(user, "id", json_string(uuid));
    return user;
}

static json_t *user_refs(struct call *call, const json_t *names)
{
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(names); i++)
        (void)json_array_append_new(list, user_ref(call, json_array_get(names, i)));
    return list;
}

void owner_complete(struct call *call, json_t *application)
{
    const json_t *names = json_object_get(application, "owners");
    (void)json_object_set_new(application, "owners", user_refs(call, names));
}

/* |name| holds the name of the user that |text| names; false with an answer. */
static bool resolve(struct call *call, clientid_str text, char *name, size_t size)
{
    clientid_error error = {0};
    uint64_t id = 0;
    int rc = clientid_control_uuid_parse(call->control, CLIENTID_UUID_USER, text, &id, &error);
    if (rc == 0)
        rc = clientid_control_user_name(call->control, id, name, size, &error);
    else if (rc == CLIENTID_ERR_NOT_FOUND && text.len != 0 && text.len < size) {
        memcpy(name, text.ptr, text.len);
        name[text.len] = '\0';
        rc = clientid_control_user_number(call->control, text, &id, &error);
    }
    if (rc != 0)
        call_error(call, rc, &error);
    return rc == 0;
}

static clientid_str named(const char *name)
{
    return (clientid_str){name, strlen(name)};
}

/* ---- of applications ------------------------------------------------------------------------- */

static json_t *owners_json(struct call *call, uint64_t id)
{
    json_t *application = application_json(call, id);
    json_t *owners = json_incref(json_object_get(application, "owners"));
    json_decref(application);
    return owners;
}

void owner_list(struct call *call)
{
    uint64_t id;
    json_t *owners = call_number(call, "applicationId", &id) ? owners_json(call, id) : NULL;
    if (owners != NULL)
        call_answer(call, 200, owners);
}

void owner_add(struct call *call)
{
    char name[CLIENTID_NAME_MAX + 1];
    clientid_error error = {0};
    uint64_t id;
    if (!call_number(call, "applicationId", &id) ||
        !resolve(call, call_text(call, "id"), name, sizeof name))
        return;
    int rc =
        clientid_control_owner_add(call->control, id, CLIENTID_OWNER_USER, named(name), &error);
    json_t *owners = NULL;
    if (rc != 0)
        call_error(call, rc, &error);
    else if ((owners = owners_json(call, id)) != NULL)
        call_answer(call, 201, owners);
}

static void answer_done(struct call *call, int rc, const clientid_error *error)
{
    if (rc != 0)
        call_error(call, rc, error);
    else
        call_answer_empty(call, 204);
}

void owner_remove(struct call *call)
{
    char name[CLIENTID_NAME_MAX + 1];
    clientid_error error = {0};
    uint64_t id;
    if (call_number(call, "applicationId", &id) &&
        resolve(call, call_parameter(call, "userId"), name, sizeof name))
        answer_done(call, clientid_control_owner_remove(call->control, id, named(name), &error),
                    &error);
}

/* ---- of API instances ------------------------------------------------------------------------ */

static int take(void *self, clientid_str name)
{
    json_t *list = self;
    return json_array_append_new(list, json_stringn(name.ptr, name.len)) != 0 ? CLIENTID_ERR_NOMEM
                                                                              : 0;
}

static json_t *api_owners_json(struct call *call, uint64_t id)
{
    clientid_error error = {0};
    json_t *names = json_array();
    json_t *owners = NULL;
    int rc = clientid_control_api_owner_list(call->control, id, take, names, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        owners = user_refs(call, names);
    json_decref(names);
    return owners;
}

void owner_list_of_api(struct call *call)
{
    uint64_t id;
    json_t *owners = api_of(call, &id) ? api_owners_json(call, id) : NULL;
    if (owners != NULL)
        call_answer(call, 200, owners);
}

void owner_add_to_api(struct call *call)
{
    char name[CLIENTID_NAME_MAX + 1];
    clientid_error error = {0};
    uint64_t id;
    if (!api_of(call, &id) || !resolve(call, call_text(call, "id"), name, sizeof name))
        return;
    int rc = clientid_control_api_owner_add(call->control, id, named(name), &error);
    json_t *owners = NULL;
    if (rc != 0)
        call_error(call, rc, &error);
    else if ((owners = api_owners_json(call, id)) != NULL)
        call_answer(call, 201, owners);
}

void owner_remove_from_api(struct call *call)
{
    char name[CLIENTID_NAME_MAX + 1];
    clientid_error error = {0};
    uint64_t id;
    if (api_of(call, &id) && resolve(call, call_parameter(call, "userId"), name, sizeof name))
        answer_done(call, clientid_control_api_owner_remove(call->control, id, named(name), &error),
                    &error);
}
