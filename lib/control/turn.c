/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever must know of a contract's turn is told of it in the same transaction. */
#include "control/gateway_event.h"

#include "base/str.h"

clientid_str clientid__requester(const clientid_control *control)
{
    return control->has_caller ? clientid__cstr(control->caller.user_name)
                               : clientid__str(control->actor, control->actor_len);
}

int clientid__contract_turned(clientid_control *control,
                              const struct clientid__contract_facts *contract,
                              enum clientid__turn turn, uint64_t now_ns, clientid_error *error)
{
    int rc = clientid__event_turned(control, contract, turn, now_ns, error);

    return rc != 0 ? rc : clientid__notice_turned(control, contract, turn, now_ns, error);
}

int clientid__application_stays(clientid_control *control, uint64_t application_id,
                                clientid_error *error)
{
    uint64_t id;
    int rc = CLIENTID__STORE(control, user_request->deletion, application_id, &id, error);

    if (rc == 0)
        return clientid__broken(error, CLIENTID__RULE_USER_REQUEST_OPEN,
                                "the application waits to be deleted");
    return rc == CLIENTID_ERR_NOT_FOUND ? 0 : rc;
}

int clientid__application_gone(clientid_control *control, uint64_t application_id,
                               clientid_error *error)
{
    return CLIENTID__STORE(control, credential->clear, application_id, 0, error);
}
