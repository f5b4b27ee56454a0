/* SPDX-License-Identifier: Apache-2.0 */
/* Who did what to which thing, and when; written with the change itself. */
#include "control/control.h"

#include "base/str.h"

static int append(clientid_control *control, struct clientid__change change, clientid_error *error)
{
    if (change.actor.len == 0)
        change.actor = control->has_caller ? clientid__cstr(control->caller.actor)
                                           : clientid__str(control->actor, control->actor_len);
    return CLIENTID__STORE(control, log->append, &change, error);
}

int clientid__log_api(clientid_control *control, uint64_t now_ns, uint32_t kind, uint64_t id,
                      const char *verb, clientid_str name, clientid_str detail,
                      clientid_error *error)
{
    return append(control,
                  (struct clientid__change){
                      .entity = kind == CLIENTID_API_GROUP ? CLIENTID__GROUP : CLIENTID__API,
                      .in_force = kind == CLIENTID_API_GROUP,
                      .entity_id = id,
                      .at_ns = now_ns,
                      .verb = clientid__cstr(verb),
                      .api = name,
                      .detail = detail,
                  },
                  error);
}

int clientid__log_tier(clientid_control *control, uint64_t now_ns, uint64_t id, const char *verb,
                       clientid_str api, clientid_str detail, clientid_error *error)
{
    return append(control,
                  (struct clientid__change){
                      .entity = CLIENTID__TIER,
                      .in_force = true,
                      .entity_id = id,
                      .at_ns = now_ns,
                      .verb = clientid__cstr(verb),
                      .api = api,
                      .detail = detail,
                  },
                  error);
}

int clientid__log_application(clientid_control *control, uint64_t now_ns, uint64_t id,
                              const char *verb, bool in_force, clientid_str client_id,
                              clientid_str detail, clientid_error *error)
{
    return append(control,
                  (struct clientid__change){
                      .entity = CLIENTID__APPLICATION,
                      .in_force = in_force,
                      .entity_id = id,
                      .at_ns = now_ns,
                      .verb = clientid__cstr(verb),
                      .client_id = client_id,
                      .detail = detail,
                  },
                  error);
}

int clientid__log_contract(clientid_control *control, uint64_t now_ns, uint64_t id,
                           const char *verb, clientid_str api, clientid_str client_id,
                           clientid_str detail, clientid_error *error)
{
    return append(control,
                  (struct clientid__change){
                      .entity = CLIENTID__CONTRACT,
                      .in_force = true,
                      .entity_id = id,
                      .at_ns = now_ns,
                      .verb = clientid__cstr(verb),
                      .api = api,
                      .client_id = client_id,
                      .detail = detail,
                  },
                  error);
}

int clientid__log_account(clientid_control *control, uint64_t now_ns, enum clientid__entity entity,
                          uint64_t id, const char *verb, clientid_str actor, clientid_str client_id,
                          clientid_str detail, clientid_error *error)
{
    return append(control,
                  (struct clientid__change){
                      .entity = entity,
                      .entity_id = id,
                      .at_ns = now_ns,
                      .actor = actor,
                      .verb = clientid__cstr(verb),
                      .client_id = client_id,
                      .detail = detail,
                  },
                  error);
}

int clientid_control_changes(clientid_control *control, uint64_t revision, uint64_t max,
                             clientid_change_fn *emit, void *sink, clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_CHANGES_READ, 0, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, log->each, revision, max, emit, sink, error);
    return clientid__looked(control, rc, error);
}

int clientid_control_changes_prune(clientid_control *control, uint64_t before_ns, uint64_t *removed,
                                   clientid_error *error)
{
    uint64_t count = 0;
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_STORE_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, log->prune, before_ns, &count, error);
    rc = clientid__end(control, rc, error);
    if (rc == 0 && removed != NULL)
        *removed = count;
    return rc;
}

int clientid__log_other(clientid_control *control, uint64_t now_ns, enum clientid__entity entity,
                        uint64_t id, const char *verb, clientid_str detail, clientid_error *error)
{
    const clientid_str none = {NULL, 0};

    return clientid__log_account(control, now_ns, entity, id, verb, none, none, detail, error);
}
