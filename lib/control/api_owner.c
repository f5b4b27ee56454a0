/* SPDX-License-Identifier: Apache-2.0 */
/* Owners of API instances are users.  The last one may go: an administrator is there anyway. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

static int facts_of(clientid_control *control, uint64_t api_id, struct clientid__api_facts *out,
                    clientid_error *error)
{
    int rc = clientid__found(error, CLIENTID__STORE(control, api->facts, api_id, out, error), "API",
                             api_id);

    return rc == 0 ? clientid__may(control, CLIENTID_PERMISSION_API_MANAGE, api_id, 0, error) : rc;
}

static int log_owner(clientid_control *control, const struct clientid__api_facts *api,
                     const char *verb, clientid_str name, clientid_error *error)
{
    return clientid__log_api(control, clientid__now(control), api->kind, api->id, verb,
                             clientid__cstr(api->name), name, error);
}

static int add(clientid_control *control, uint64_t api_id, clientid_str name, clientid_error *error)
{
    struct clientid__api_facts api;
    uint64_t user_id;
    bool has = false;
    int rc = facts_of(control, api_id, &api, error);

    if (rc != 0)
        return rc;
    rc = CLIENTID__STORE(control, user->find, name, &user_id, error);
    if (rc == CLIENTID_ERR_NOT_FOUND)
        return clientid__fail(error, rc, "there is no user %.*s", (int)name.len, name.ptr);
    if (rc == 0)
        rc = CLIENTID__STORE(control, api_owner->has, api_id, name, &has, error);
    if (rc == 0 && has)
        return clientid__broken(error, CLIENTID__RULE_OWNER_TAKEN, "%.*s owns %s already",
                                (int)name.len, name.ptr, api.name);
    if (rc == 0)
        rc = CLIENTID__STORE(control, api_owner->insert, api_id, name, error);
    return rc == 0 ? log_owner(control, &api, "add-owner", name, error) : rc;
}

int clientid_control_api_owner_add(clientid_control *control, uint64_t api_id, clientid_str name,
                                   clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__check_field(error, "/owner", name, 1, CLIENTID_NAME_MAX, CLIENTID__FIELD_NAME);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, add(control, api_id, name, error), error);
}

static int take_away(clientid_control *control, uint64_t api_id, clientid_str name,
                     clientid_error *error)
{
    struct clientid__api_facts api;
    bool has = false;
    int rc = facts_of(control, api_id, &api, error);

    if (rc == 0)
        rc = CLIENTID__STORE(control, api_owner->has, api_id, name, &has, error);
    if (rc == 0 && !has)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "such owner of API", api_id);
    if (rc == 0)
        rc = CLIENTID__STORE(control, api_owner->delete, api_id, name, error);
    return rc == 0 ? log_owner(control, &api, "remove-owner", name, error) : rc;
}

int clientid_control_api_owner_remove(clientid_control *control, uint64_t api_id, clientid_str name,
                                      clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, take_away(control, api_id, name, error), error);
}

int clientid_control_api_owner_list(clientid_control *control, uint64_t api_id,
                                    clientid_name_fn *emit, void *sink, clientid_error *error)
{
    struct clientid__api_facts api;
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = facts_of(control, api_id, &api, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, api_owner->each, api_id, emit, sink, error);
    return clientid__looked(control, rc, error);
}
