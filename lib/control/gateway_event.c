/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway is told of a contract is in the outbox when the contract is in force, and only then. */
#include "control/gateway_event.h"
#include "control/outbox.h"
#include "control/seal.h"

#include "base/error.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NO_DETAIL ((clientid_str){NULL, 0})

static bool third_party(const struct clientid__provider_facts *provider)
{
    return provider->id != 0 && provider->type == CLIENTID_PROVIDER_THIRD_PARTY;
}

/* ---- status ---------------------------------------------------------------------------------- */

int clientid__event_set(clientid_control *control, struct clientid__event_facts *event,
                        uint32_t status, const char *verb, clientid_str detail, uint64_t now_ns,
                        clientid_error *error)
{
    int rc;

    event->status = status;
    rc = CLIENTID__STORE(control, gateway_event->update, event, detail, NO_DETAIL, now_ns, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, user_request->touch, event->request_id, now_ns, error);
    if (rc == 0)
        rc = clientid__log_other(control, now_ns, CLIENTID__GATEWAY_EVENT, event->id, verb, detail,
                                 error);
    return rc;
}

int clientid__event_finish(clientid_control *control, uint64_t request_id, uint64_t application_id,
                           clientid_error *error)
{
    uint64_t open = 0;
    int rc = CLIENTID__STORE(control, gateway_event->open, request_id, &open, error);

    if (rc == 0 && open == 0)
        rc = clientid__application_delete(control, application_id, error);
    /* Somebody else may have deleted it. */
    return rc == CLIENTID_ERR_NOT_FOUND ? 0 : rc;
}

/* ---- sending --------------------------------------------------------------------------------- */

static int subscription_of(clientid_control *control, struct clientid__event_facts *event,
                           clientid_error *error)
{
    uint64_t others = 0;
    int rc = 0;

    switch (event->type) {
    case CLIENTID__REQUEST_ACCESS_TOKEN:
        rc = CLIENTID__STORE(control, gateway_event->in_force, event->application_id, event->api_id,
                             &others, error);
        event->subscription =
            others == 0 ? CLIENTID_HOOK_EVENT_CREATION : CLIENTID_HOOK_EVENT_SCOPE_INCREASE;
        break;
    case CLIENTID__REVOKE_ACCESS_TOKEN:
        event->subscription = CLIENTID_HOOK_EVENT_SCOPE_DECREASE;
        break;
    default:
        event->subscription = CLIENTID_HOOK_EVENT_UPDATION;
        break;
    }
    return rc;
}

/* Into the outbox, or, with no hook that takes it, DELIVERY_UNSUCCESSFUL at once. */
static int queue(clientid_control *control, struct clientid__event_facts *event, uint32_t status,
                 const char *verb, uint64_t now_ns, clientid_error *error)
{
    char detail[CLIENTID_DELIVERY_DETAIL_MAX + 1];
    size_t hooks = 0;
    int rc = clientid__outbox_tell(control, event, now_ns, &hooks, error);

    if (rc != 0)
        return rc;
    if (hooks > 0)
        return clientid__event_set(control, event, status, verb, NO_DETAIL, now_ns, error);
    snprintf(detail, sizeof(detail), "no webhook of the provider subscribes to %s",
             clientid_hook_event_id(event->subscription));
    return clientid__event_set(control, event, CLIENTID_USER_REQUEST_STATUS_DELIVERY_UNSUCCESSFUL,
                               "given-up", clientid__cstr(detail), now_ns, error);
}

static int send(clientid_control *control, struct clientid__event_facts *event,
                const struct clientid__provider_facts *provider, uint32_t status, const char *verb,
                uint64_t now_ns, clientid_error *error)
{
    char *body = NULL;
    int rc;

    event->provider_id = provider->id;
    if (!third_party(provider))
        return clientid__event_set(control, event, CLIENTID_USER_REQUEST_STATUS_COMPLETED, verb,
                                   NO_DETAIL, now_ns, error);
    rc = subscription_of(control, event, error);
    if (rc == 0)
        rc = clientid__event_body(control, event, now_ns, &body, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, gateway_event->update, event, NO_DETAIL, clientid__cstr(body),
                             now_ns, error);
    clientid_json_free(body);
    return rc != 0 ? rc : queue(control, event, status, verb, now_ns, error);
}

/* ---- making ---------------------------------------------------------------------------------- */

/* What the contract's turn would have been asked for by; without a user request it gets one of its own. */
static int implicit_request(clientid_control *control, const struct clientid__event_facts *event,
                            uint64_t now_ns, uint64_t *id, clientid_error *error)
{
    uint32_t type = CLIENTID_USER_REQUEST_DEREGISTRATION;
    uint64_t others = 0;
    int rc = 0;

    if (event->type == CLIENTID__REQUEST_ACCESS_TOKEN) {
        rc = CLIENTID__STORE(control, gateway_event->in_force, event->application_id, event->api_id,
                             &others, error);
        type = others == 0 ? CLIENTID_USER_REQUEST_CREATION : CLIENTID_USER_REQUEST_REGISTRATION;
    }
    if (rc == 0)
        rc = CLIENTID__STORE(control, user_request->insert, type, event->application_id,
                             clientid__requester(control), now_ns, id, error);
    if (rc == 0)
        rc = clientid__log_other(control, now_ns, CLIENTID__USER_REQUEST, *id, "create",
                                 clientid__cstr(clientid_user_request_type_label(type)), error);
    return rc;
}

static int make(clientid_control *control, struct clientid__event_facts *event, uint64_t now_ns,
                clientid_error *error)
{
    int rc = 0;

    event->request_id = control->request_id;
    if (event->request_id == 0)
        rc = implicit_request(control, event, now_ns, &event->request_id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, gateway_event->insert, event, now_ns, &event->id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, gateway_event->facts, event->id, event, error);
    return rc;
}

/* ---- turns ----------------------------------------------------------------------------------- */

static struct clientid__event_facts event_of(const struct clientid__contract_facts *contract,
                                             enum clientid__event_type type, uint32_t status)
{
    return (struct clientid__event_facts){
        .application_id = contract->application_id,
        .api_id = contract->api_id,
        .contract_id = contract->id,
        .type = type,
        .status = status,
    };
}

static int asked(clientid_control *control, const struct clientid__contract_facts *contract,
                 const struct clientid__provider_facts *provider, uint64_t now_ns,
                 clientid_error *error)
{
    struct clientid__event_facts event = event_of(contract, CLIENTID__REQUEST_ACCESS_TOKEN,
                                                  CLIENTID_USER_REQUEST_STATUS_APPROVAL_PENDING);
    int rc;

    event.provider_id = provider->id;
    rc = make(control, &event, now_ns, error);
    if (rc == 0)
        rc = clientid__log_other(control, now_ns, CLIENTID__GATEWAY_EVENT, event.id, "pending",
                                 NO_DETAIL, error);
    return rc;
}

static int granted_or_ended(clientid_control *control,
                            const struct clientid__contract_facts *contract,
                            const struct clientid__provider_facts *provider, bool ended,
                            uint64_t now_ns, clientid_error *error)
{
    struct clientid__event_facts event =
        event_of(contract, ended ? CLIENTID__REVOKE_ACCESS_TOKEN : CLIENTID__REQUEST_ACCESS_TOKEN,
                 CLIENTID_USER_REQUEST_STATUS_NEW);
    int rc = make(control, &event, now_ns, error);

    return rc != 0 ? rc
                   : send(control, &event, provider, CLIENTID_USER_REQUEST_STATUS_NEW, "create",
                          now_ns, error);
}

/* The event that waits for this contract; |event->id| 0: none. */
static int waiting(clientid_control *control, uint64_t contract_id,
                   struct clientid__event_facts *event, clientid_error *error)
{
    uint64_t id = 0;
    int rc = CLIENTID__STORE(control, gateway_event->pending, contract_id, &id, error);

    event->id = 0;
    if (rc == CLIENTID_ERR_NOT_FOUND)
        return 0;
    return rc != 0 ? rc : CLIENTID__STORE(control, gateway_event->facts, id, event, error);
}

int clientid__event_turned(clientid_control *control,
                           const struct clientid__contract_facts *contract,
                           enum clientid__turn turn, uint64_t now_ns, clientid_error *error)
{
    struct clientid__provider_facts provider;
    struct clientid__event_facts event = {.id = 0};
    bool wanted;
    int rc = CLIENTID__STORE(control, provider->of_api, contract->api_id, &provider, error);

    if (rc == 0 &&
        (turn == CLIENTID__APPROVED || turn == CLIENTID__REJECTED || turn == CLIENTID__WITHDRAWN))
        rc = waiting(control, contract->id, &event, error);
    if (rc != 0)
        return rc;
    /* Other providers are only told of in the states of a user request. */
    wanted = third_party(&provider) || control->request_id != 0;
    switch (turn) {
    case CLIENTID__ASKED:
        return wanted ? asked(control, contract, &provider, now_ns, error) : 0;
    case CLIENTID__APPROVED:
        if (event.id != 0)
            return send(control, &event, &provider, CLIENTID_USER_REQUEST_STATUS_APPROVED,
                        "approve", now_ns, error);
        return wanted ? granted_or_ended(control, contract, &provider, false, now_ns, error) : 0;
    case CLIENTID__REJECTED:
    case CLIENTID__WITHDRAWN:
        if (event.id == 0)
            return 0;
        return clientid__event_set(
            control, &event, CLIENTID_USER_REQUEST_STATUS_REJECTED, "reject",
            turn == CLIENTID__WITHDRAWN ? CLIENTID_STR("withdrawn") : NO_DETAIL, now_ns, error);
    case CLIENTID__GRANTED:
    case CLIENTID__ENDED:
    default:
        return wanted ? granted_or_ended(control, contract, &provider, turn == CLIENTID__ENDED,
                                         now_ns, error)
                      : 0;
    }
}

int clientid__event_updated(clientid_control *control, uint64_t application_id, uint64_t now_ns,
                            clientid_error *error)
{
    struct clientid__application_facts application;
    struct clientid__provider_facts provider = {.id = 0};
    struct clientid__event_facts event = {
        .application_id = application_id,
        .type = CLIENTID__APPLICATION_UPDATE,
        .status = CLIENTID_USER_REQUEST_STATUS_NEW,
    };
    int rc = CLIENTID__STORE(control, application->facts, application_id, &application, error);

    if (rc == 0)
        rc = CLIENTID__STORE(control, provider->find, clientid__cstr(application.provider),
                             &provider, error);
    /* A gateway without access to tell of does not know the application. */
    if (rc == 0 && !application.has_approved)
        provider.type = CLIENTID_PROVIDER_OWN;
    if (rc == 0)
        rc = make(control, &event, now_ns, error);
    return rc != 0 ? rc
                   : send(control, &event, &provider, CLIENTID_USER_REQUEST_STATUS_NEW, "create",
                          now_ns, error);
}

/* ---- retry ----------------------------------------------------------------------------------- */

static int event_of_request(clientid_control *control, uint64_t id, uint64_t request_id,
                            struct clientid__event_facts *out, clientid_error *error)
{
    int rc = CLIENTID__STORE(control, gateway_event->facts, id, out, error);

    if (rc == 0 && out->request_id != request_id)
        rc = CLIENTID_ERR_NOT_FOUND;
    return clientid__found(error, rc, "such event", id);
}

static int in_force(clientid_control *control, const struct clientid__event_facts *event, bool *out,
                    clientid_error *error)
{
    struct clientid__contract_facts contract;
    uint64_t id = 0;
    int rc =
        CLIENTID__STORE(control, contract->find, event->application_id, event->api_id, &id, error);

    *out = false;
    if (rc == 0)
        rc = CLIENTID__STORE(control, contract->facts, id, &contract, error);
    if (rc == 0)
        *out = contract.status == CLIENTID_APPROVED;
    return rc == CLIENTID_ERR_NOT_FOUND ? 0 : rc;
}

static int may_retry(clientid_control *control, const struct clientid__event_facts *event,
                     clientid_error *error)
{
    bool now_in_force = false;
    int rc;

    if (event->status != CLIENTID_USER_REQUEST_STATUS_DELIVERY_UNSUCCESSFUL &&
        event->status != CLIENTID_USER_REQUEST_STATUS_FAILED)
        return clientid__broken(error, CLIENTID__RULE_EVENT_STATE,
                                "the event is %s, it cannot be retried",
                                clientid_user_request_status_label(event->status));
    rc = in_force(control, event, &now_in_force, error);
    if (rc != 0)
        return rc;
    if (event->type == CLIENTID__REQUEST_ACCESS_TOKEN && !now_in_force)
        return clientid__broken(error, CLIENTID__RULE_EVENT_STATE,
                                "the contract is no longer in force");
    /* It would take what was granted since. */
    if (event->type == CLIENTID__REVOKE_ACCESS_TOKEN && now_in_force)
        return clientid__broken(error, CLIENTID__RULE_EVENT_STATE,
                                "the contract is in force again");
    return 0;
}

static int retry(clientid_control *control, uint64_t id, uint64_t event_id, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__event_facts event;
    size_t hooks = 0;
    int rc = event_of_request(control, event_id, id, &event, error);

    if (rc == 0)
        rc = may_retry(control, &event, error);
    if (rc == 0)
        rc = clientid__outbox_tell(control, &event, now_ns, &hooks, error);
    if (rc == 0 && hooks == 0)
        rc = clientid__broken(error, CLIENTID__RULE_EVENT_STATE,
                              "no webhook of the provider subscribes to %s",
                              clientid_hook_event_id(event.subscription));
    if (rc == 0)
        rc = clientid__event_set(control, &event, CLIENTID_USER_REQUEST_STATUS_NEW, "retry",
                                 NO_DETAIL, now_ns, error);
    return rc;
}

int clientid_control_user_request_retry(clientid_control *control, uint64_t id, uint64_t event_id,
                                        clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = retry(control, id, event_id, error);
    return clientid__end(control, rc, error);
}

/* ---- the gateway's answer -------------------------------------------------------------------- */

static int keep(clientid_control *control, const struct clientid__event_facts *event,
                const struct clientid__answer *answer, uint64_t now_ns, clientid_error *error)
{
    int rc = CLIENTID__STORE(control, credential->clear, event->application_id, event->provider_id,
                             error);

    for (size_t i = 0; i < answer->count && rc == 0; i++) {
        const struct clientid__place place = {"delivered_credential",
                                              {event->application_id, event->provider_id, i}};
        clientid_str text = clientid__cstr(answer->texts[i]);
        unsigned char *sealed = malloc(text.len + CLIENTID__SEAL_EXTRA);

        if (sealed == NULL)
            return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
        rc = clientid__seal(control, &place, text, sealed, error);
        if (rc == 0)
            rc = CLIENTID__STORE(
                control, credential->insert, event->application_id, event->provider_id, i,
                clientid__str((const char *)sealed, text.len + CLIENTID__SEAL_EXTRA), now_ns,
                error);
        free(sealed);
    }
    return rc;
}

/* Credentials stay as long as there is something to call with them. */
static int take_credentials(clientid_control *control, const struct clientid__event_facts *event,
                            const struct clientid__answer *answer, uint64_t now_ns,
                            clientid_error *error)
{
    uint64_t contracts = 0;
    int rc = CLIENTID__STORE(control, gateway_event->in_force, event->application_id, 0, &contracts,
                             error);

    if (rc != 0)
        return rc;
    if (contracts == 0)
        return CLIENTID__STORE(control, credential->clear, event->application_id,
                               event->provider_id, error);
    return answer->has_credentials ? keep(control, event, answer, now_ns, error) : 0;
}

static int answered(clientid_control *control, uint64_t application_id, uint64_t event_id,
                    const struct clientid__answer *answer, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__event_facts event;
    int rc = CLIENTID__STORE(control, gateway_event->facts, event_id, &event, error);

    if (rc == 0 && event.application_id != application_id)
        rc = CLIENTID_ERR_NOT_FOUND;
    rc = clientid__found(error, rc, "such event", event_id);
    if (rc == 0)
        rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_ANSWER, event.api_id,
                           application_id, error);
    if (rc != 0)
        return rc;
    if (event.subscription == 0)
        return clientid__broken(error, CLIENTID__RULE_EVENT_STATE,
                                "the event is %s, no gateway was told of it",
                                clientid_user_request_status_label(event.status));
    rc = take_credentials(control, &event, answer, now_ns, error);
    if (rc == 0)
        rc = clientid__event_set(control, &event, CLIENTID_USER_REQUEST_STATUS_COMPLETED, "answer",
                                 NO_DETAIL, now_ns, error);
    if (rc == 0 && event.request_type == CLIENTID_USER_REQUEST_DELETION)
        rc = clientid__event_finish(control, event.request_id, application_id, error);
    return rc;
}

int clientid_control_event_answer(clientid_control *control, uint64_t application_id,
                                  uint64_t event_id, clientid_str body, clientid_error *error)
{
    struct clientid__answer answer = {0};
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__answer_read(body, &answer, error);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc == 0)
        rc = clientid__end(control, answered(control, application_id, event_id, &answer, error),
                           error);
    clientid__answer_clear(&answer);
    return rc;
}

/* ---- credentials ----------------------------------------------------------------------------- */

struct list {
    clientid_control *control;
    uint64_t application_id;
    char *text; /* "[...", without its end */
    size_t len;
    clientid_error *error;
};

/* A larger text, with the old one wiped: realloc would leave a copy. */
static char *longer(struct list *list, size_t more)
{
    char *text = malloc(list->len + more + 1);

    if (text == NULL)
        return NULL;
    memcpy(text, list->text, list->len + 1);
    clientid_json_free(list->text);
    list->text = text;
    return text + list->len;
}

static int append(void *sink, uint64_t provider_id, uint64_t position, clientid_str sealed)
{
    struct list *list = sink;
    const struct clientid__place place = {"delivered_credential",
                                          {list->application_id, provider_id, position}};
    char *at = longer(list, sealed.len + 2);
    size_t len = 0;
    int rc;

    if (at == NULL)
        return clientid__fail(list->error, CLIENTID_ERR_NOMEM, "out of memory");
    if (list->len > 1)
        *at++ = ',';
    rc = clientid__unseal(list->control, &place, sealed, (unsigned char *)at, &len, list->error);
    at[len] = '\0';
    list->len = (size_t)(at - list->text) + len;
    return rc;
}

int clientid__delivered_credentials(clientid_control *control, uint64_t application_id, char **text,
                                    clientid_error *error)
{
    struct list list = {control, application_id, NULL, 1, error};
    char *end = NULL;
    int rc;

    list.text = malloc(2);
    if (list.text == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    memcpy(list.text, "[", 2);
    rc = CLIENTID__STORE(control, credential->each, application_id, append, &list, error);
    if (rc == 0)
        end = longer(&list, 1);
    if (rc == 0 && end == NULL)
        rc = clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    if (rc != 0) {
        clientid_json_free(list.text);
        return rc;
    }
    memcpy(end, "]", 2);
    *text = list.text;
    return 0;
}

int clientid_control_delivered_credentials(clientid_control *control, uint64_t application_id,
                                           char **text, clientid_error *error)
{
    int rc;

    if (control == NULL || text == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may_see(control, CLIENTID_PERMISSION_APPLICATION_READ, 0, application_id, error);
    if (rc == 0)
        rc = clientid__may(control, CLIENTID_PERMISSION_APPLICATION_USE, 0, application_id, error);
    if (rc == 0)
        rc = clientid__delivered_credentials(control, application_id, text, error);
    return clientid__looked(control, rc, error);
}
