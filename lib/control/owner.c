/* SPDX-License-Identifier: Apache-2.0 */
/* Owners are people, and an application that has one keeps one. */
#include "control/control.h"

#include "base/str.h"

static int application_of(clientid_control *control, uint64_t id,
                          struct clientid__application_facts *out, clientid_error *error)
{
    return clientid__found(error, CLIENTID__STORE(control, application->facts, id, out, error),
                           "application", id);
}

static int add(clientid_control *control, uint64_t application_id, clientid_owner_kind kind,
               clientid_str name, clientid_error *error)
{
    struct clientid__application_facts facts;
    size_t count;
    bool found;
    uint64_t app_id;
    int rc = application_of(control, application_id, &facts, error);

    if (rc == 0)
        rc = clientid__may(control, CLIENTID_PERMISSION_APPLICATION_USE, 0, application_id, error);
    if (rc != 0)
        return rc;
    if (kind == CLIENTID_OWNER_CONNECTED_APP ||
        CLIENTID__STORE(control, connected_app->find, name, &app_id, NULL) == 0)
        return clientid__broken(error, CLIENTID__RULE_OWNER_CONNECTED_APP,
                                "%.*s is a connected app, it cannot own %.100s", (int)name.len,
                                name.ptr, facts.client_id);
    rc = CLIENTID__STORE(control, owner->count, application_id, name, &count, &found, error);
    if (rc == 0 && found)
        return clientid__broken(error, CLIENTID__RULE_OWNER_TAKEN, "%.*s owns %.100s already",
                                (int)name.len, name.ptr, facts.client_id);
    if (rc == 0)
        rc = CLIENTID__STORE(control, owner->insert, application_id, name, error);
    if (rc == 0)
        rc = clientid__log_application(control, clientid__now(control), application_id, "add-owner",
                                       false, clientid__cstr(facts.client_id), name, error);
    return rc;
}

int clientid_control_owner_add(clientid_control *control, uint64_t application_id,
                               clientid_owner_kind kind, clientid_str name, clientid_error *error)
{
    int rc;

    if (control == NULL || (kind != CLIENTID_OWNER_USER && kind != CLIENTID_OWNER_CONNECTED_APP))
        return clientid__bad_argument(error);
    rc = clientid__check_field(error, "/owner", name, 1, CLIENTID_NAME_MAX, CLIENTID__FIELD_NAME);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, add(control, application_id, kind, name, error), error);
}

static int take_away(clientid_control *control, uint64_t application_id, clientid_str name,
                     clientid_error *error)
{
    struct clientid__application_facts facts;
    size_t count;
    bool found;
    int rc = application_of(control, application_id, &facts, error);

    if (rc == 0)
        rc = clientid__may(control, CLIENTID_PERMISSION_APPLICATION_MANAGE, 0, application_id,
                           error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, owner->count, application_id, name, &count, &found, error);
    if (rc != 0)
        return rc;
    if (!found)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "such owner of application",
                               application_id);
    if (count == 1)
        return clientid__broken(error, CLIENTID__RULE_OWNER_LAST,
                                "%.*s is the last owner of %.100s, add another first",
                                (int)name.len, name.ptr, facts.client_id);
    rc = CLIENTID__STORE(control, owner->delete, application_id, name, error);
    if (rc == 0)
        rc = clientid__log_application(control, clientid__now(control), application_id,
                                       "remove-owner", false, clientid__cstr(facts.client_id), name,
                                       error);
    return rc;
}

int clientid_control_owner_remove(clientid_control *control, uint64_t application_id,
                                  clientid_str name, clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, take_away(control, application_id, name, error), error);
}
