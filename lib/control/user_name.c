/* SPDX-License-Identifier: Apache-2.0 */
/* Users as owners name them: whoever may make somebody an owner learns as much anyway. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#include <string.h>

int clientid_control_user_name(clientid_control *control, uint64_t id, char *out, size_t size,
                               clientid_error *error)
{
    struct clientid__user_facts facts;
    int rc;

    if (control == NULL || out == NULL || size == 0)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__found(error, CLIENTID__STORE(control, user->facts, id, &facts, error), "user",
                         id);
    if (rc == 0 && strlen(facts.name) >= size)
        rc = clientid__fail(error, CLIENTID_ERR_SPACE, "a name of %zu bytes", strlen(facts.name));
    if (rc == 0)
        memcpy(out, facts.name, strlen(facts.name) + 1);
    return clientid__looked(control, rc, error);
}

static int find(clientid_control *control, clientid_str name, uint64_t *id, clientid_error *error)
{
    uint64_t app_id;
    int rc = CLIENTID__STORE(control, user->find, name, id, error);

    if (rc != CLIENTID_ERR_NOT_FOUND)
        return rc;
    if (CLIENTID__STORE(control, connected_app->find, name, &app_id, NULL) == 0)
        return clientid__broken(error, CLIENTID__RULE_OWNER_CONNECTED_APP,
                                "%.*s is a connected app, it cannot own anything", (int)name.len,
                                name.ptr);
    return clientid__fail(error, rc, "there is no user %.*s", (int)name.len, name.ptr);
}

int clientid_control_user_number(clientid_control *control, clientid_str name, uint64_t *id,
                                 clientid_error *error)
{
    int rc;

    if (control == NULL || id == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    return clientid__looked(control, find(control, name, id, error), error);
}
