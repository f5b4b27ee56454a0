/* SPDX-License-Identifier: Apache-2.0 */
/* A contract moves along the table below and no other way. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

/* ---- the table ------------------------------------------------------------------------------- */

enum state { PENDING, APPROVED, CHANGING /* approved, tier change requested */, REJECTED, REVOKED };

enum step { NO, APPROVE, REJECT, REVOKE, RESTORE, TAKE_TIER, DROP_TIER, REMOVE };

static const enum step table[][CLIENTID_VERB_COUNT] = {
    [PENDING] = {[CLIENTID_VERB_APPROVE] = APPROVE,
                 [CLIENTID_VERB_REJECT] = REJECT,
                 [CLIENTID_VERB_WITHDRAW] = REMOVE},
    [APPROVED] = {[CLIENTID_VERB_REVOKE] = REVOKE},
    [CHANGING] = {[CLIENTID_VERB_REVOKE] = REVOKE,
                  [CLIENTID_VERB_APPROVE_TIER] = TAKE_TIER,
                  [CLIENTID_VERB_REJECT_TIER] = DROP_TIER,
                  [CLIENTID_VERB_WITHDRAW] = DROP_TIER},
    /* Neither can be asked for again before it is deleted: one contract per application and API. */
    [REJECTED] = {[CLIENTID_VERB_DELETE] = REMOVE},
    [REVOKED] = {[CLIENTID_VERB_RESTORE] = RESTORE, [CLIENTID_VERB_DELETE] = REMOVE},
};

static enum state state_of(const struct clientid__contract_facts *contract)
{
    switch (contract->status) {
    case CLIENTID_PENDING:
        return PENDING;
    case CLIENTID_APPROVED:
        return contract->requested_tier_id != 0 ? CHANGING : APPROVED;
    case CLIENTID_REJECTED:
        return REJECTED;
    default:
        return REVOKED;
    }
}

static int refuse(const struct clientid__contract_facts *contract, const char *verb,
                  clientid_error *error)
{
    static const char *const states[] = {"PENDING", "APPROVED without a tier change requested",
                                         "APPROVED with a tier change requested", "REJECTED",
                                         "REVOKED"};

    return clientid__broken(error, CLIENTID__RULE_CONTRACT_STATE,
                            "the contract of %.100s on %s is %s, so %s is not possible",
                            contract->client_id, contract->api_name, states[state_of(contract)],
                            verb);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static int save(clientid_control *control, const struct clientid__contract_facts *contract,
                const char *verb, uint64_t now_ns, clientid_error *error)
{
    int rc = CLIENTID__STORE(control, contract->update, contract, now_ns, error);

    if (rc != 0)
        return rc;
    return clientid__log_contract(
        control, now_ns, contract->id, verb, clientid__cstr(contract->api_name),
        clientid__cstr(contract->client_id), (clientid_str){NULL, 0}, error);
}

int clientid__contract_approve(clientid_control *control, struct clientid__contract_facts *contract,
                               const char *verb, uint64_t now_ns, clientid_error *error)
{
    bool pending = contract->status == CLIENTID_PENDING;
    int rc;

    if (contract->requested_tier_id != 0)
        contract->tier_id = contract->requested_tier_id;
    contract->requested_tier_id = 0;
    contract->status = CLIENTID_APPROVED;
    contract->approved_ns = now_ns;
    rc = save(control, contract, verb, now_ns, error);
    if (rc == 0 && pending)
        rc = clientid__contract_turned(control, contract, CLIENTID__APPROVED, now_ns, error);
    return rc;
}

/* What makes the sign-up is the approval, so the tier must be open then too. */
static int requested_tier_open(clientid_control *control,
                               const struct clientid__contract_facts *contract,
                               clientid_error *error)
{
    struct clientid__tier_facts tier;
    int rc;

    if (contract->requested_tier_id == 0)
        return 0;
    rc = CLIENTID__STORE(control, tier->facts, contract->requested_tier_id, &tier, error);
    if (rc == 0 && tier.status != CLIENTID_TIER_ACTIVE)
        return clientid__broken(error, CLIENTID__RULE_TIER_DEPRECATED,
                                "tier %s of %s is deprecated and takes no new contracts", tier.name,
                                tier.api_name);
    return rc;
}

static int remove_contract(clientid_control *control,
                           const struct clientid__contract_facts *contract, const char *verb,
                           uint64_t now_ns, clientid_error *error)
{
    int rc = CLIENTID__STORE(control, contract->delete, contract->id, error);

    if (rc == 0)
        rc = clientid__log_contract(
            control, now_ns, contract->id, verb, clientid__cstr(contract->api_name),
            clientid__cstr(contract->client_id), (clientid_str){NULL, 0}, error);
    if (rc == 0 && contract->status == CLIENTID_PENDING)
        rc = clientid__contract_turned(control, contract, CLIENTID__WITHDRAWN, now_ns, error);
    return rc;
}

static int save_turn(clientid_control *control, const struct clientid__contract_facts *contract,
                     const char *verb, enum clientid__turn turn, uint64_t now_ns,
                     clientid_error *error)
{
    int rc = save(control, contract, verb, now_ns, error);

    return rc != 0 ? rc : clientid__contract_turned(control, contract, turn, now_ns, error);
}

static int take(clientid_control *control, struct clientid__contract_facts *contract,
                enum step step, const char *verb, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    int rc;

    switch (step) {
    case APPROVE:
    case TAKE_TIER:
        rc = requested_tier_open(control, contract, error);
        if (rc != 0)
            return rc;
        return clientid__contract_approve(control, contract, verb, now_ns, error);
    case REJECT:
        contract->status = CLIENTID_REJECTED;
        contract->rejected_ns = now_ns;
        contract->requested_tier_id = 0;
        return save_turn(control, contract, verb, CLIENTID__REJECTED, now_ns, error);
    case REVOKE:
        contract->status = CLIENTID_REVOKED;
        contract->revoked_ns = now_ns;
        contract->requested_tier_id = 0;
        return save_turn(control, contract, verb, CLIENTID__ENDED, now_ns, error);
    case RESTORE:
        rc = clientid__application_stays(control, contract->application_id, error);
        if (rc != 0)
            return rc;
        contract->status = CLIENTID_APPROVED;
        return save_turn(control, contract, verb, CLIENTID__GRANTED, now_ns, error);
    case DROP_TIER:
        contract->requested_tier_id = 0;
        return save(control, contract, verb, now_ns, error);
    case REMOVE:
        return remove_contract(control, contract, verb, now_ns, error);
    case NO:
    default:
        return refuse(contract, verb, error);
    }
}

static int facts_of(clientid_control *control, uint64_t id, struct clientid__contract_facts *out,
                    clientid_error *error)
{
    return clientid__found(error, CLIENTID__STORE(control, contract->facts, id, out, error),
                           "contract", id);
}

int clientid__contract_act(clientid_control *control, uint64_t id, clientid_verb verb,
                           clientid_error *error)
{
    struct clientid__contract_facts contract;
    int rc = facts_of(control, id, &contract, error);

    if (rc != 0)
        return rc;
    return take(control, &contract, table[state_of(&contract)][verb], clientid_verb_label(verb),
                error);
}

/*
 * Only the side of the API deletes a contract: the application's could else take back a revocation, by asking anew where
 * requests are approved at once.
 */
static int may_act(clientid_control *control, const struct clientid__contract_facts *contract,
                   clientid_verb verb, clientid_error *error)
{
    return clientid__may(control,
                         verb == CLIENTID_VERB_WITHDRAW ? CLIENTID_PERMISSION_APPLICATION_USE
                                                        : CLIENTID_PERMISSION_CONTRACT_DECIDE,
                         contract->api_id, contract->application_id, error);
}

int clientid_control_contract_act(clientid_control *control, uint64_t id, clientid_verb verb,
                                  clientid_error *error)
{
    struct clientid__contract_facts contract;
    int rc;

    if (control == NULL || (unsigned)verb >= CLIENTID_VERB_COUNT)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = facts_of(control, id, &contract, error);
    if (rc == 0)
        rc = may_act(control, &contract, verb, error);
    if (rc == 0)
        rc = clientid__contract_act(control, id, verb, error);
    return clientid__end(control, rc, error);
}

/* ---- tier change ----------------------------------------------------------------------------- */

static int tier_of(clientid_control *control, uint64_t id, struct clientid__tier_facts *out,
                   clientid_error *error)
{
    return clientid__found(error, CLIENTID__STORE(control, tier->facts, id, out, error), "tier",
                           id);
}

/* Either side asks; what it asks for is decided as ever. */
static int may_change_tier(clientid_control *control,
                           const struct clientid__contract_facts *contract, bool at_once,
                           clientid_error *error)
{
    if (at_once)
        return clientid__may(control, CLIENTID_PERMISSION_CONTRACT_DECIDE, contract->api_id,
                             contract->application_id, error);
    return clientid__may_either(control, CLIENTID_PERMISSION_APPLICATION_USE,
                                CLIENTID_PERMISSION_CONTRACT_DECIDE, contract->api_id,
                                contract->application_id, error);
}

static int change_tier(clientid_control *control, uint64_t id, uint64_t tier_id, bool at_once,
                       int *applied, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__contract_facts contract;
    struct clientid__tier_facts tier;
    int rc = facts_of(control, id, &contract, error);

    if (rc == 0)
        rc = may_change_tier(control, &contract, at_once, error);
    if (rc == 0 && contract.status != CLIENTID_APPROVED)
        return refuse(&contract, "a change of tier", error);
    if (rc == 0)
        rc = tier_of(control, tier_id, &tier, error);
    if (rc != 0)
        return rc;
    if (tier.api_id != contract.api_id)
        return clientid__broken(error, CLIENTID__RULE_TIER_OTHER_API,
                                "tier %s belongs to %s, the contract to %s", tier.name,
                                tier.api_name, contract.api_name);
    if (tier.status != CLIENTID_TIER_ACTIVE)
        return clientid__broken(error, CLIENTID__RULE_TIER_DEPRECATED,
                                "tier %s of %s is deprecated and takes no new contracts", tier.name,
                                tier.api_name);
    if (tier_id == contract.tier_id)
        return clientid__broken(error, CLIENTID__RULE_TIER_SAME, "the contract has tier %s already",
                                tier.name);
    contract.requested_tier_id = tier_id;
    *applied = at_once || tier.auto_approve != 0;
    if (*applied)
        return clientid__contract_approve(control, &contract, "change-tier", now_ns, error);
    return save(control, &contract, "request-tier", now_ns, error);
}

int clientid_control_contract_change_tier(clientid_control *control, uint64_t id, uint64_t tier_id,
                                          int *applied, clientid_error *error)
{
    int at_once = 0;
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__end(control, change_tier(control, id, tier_id, false, &at_once, error), error);
    if (rc == 0 && applied != NULL)
        *applied = at_once;
    return rc;
}

int clientid_control_contract_set_tier(clientid_control *control, uint64_t id, uint64_t tier_id,
                                       clientid_error *error)
{
    int applied = 0;
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, change_tier(control, id, tier_id, true, &applied, error), error);
}

/* ---- access requests ------------------------------------------------------------------------- */

int clientid__request_rules(const struct clientid__api_facts *api,
                            const struct clientid__tier_facts *tier, clientid_str provider,
                            bool accepted_terms, clientid_error *error)
{
    if (!clientid__str_eq(provider, clientid__cstr(api->provider)))
        return clientid__broken(error, CLIENTID__RULE_CLIENT_PROVIDER,
                                "the application uses client provider %.*s, %s uses %s",
                                CLIENTID__PROVIDER_ARGS(provider), api->name,
                                api->provider[0] != '\0' ? api->provider : "(default)");
    if (api->terms_id != 0 && !accepted_terms)
        return clientid__broken(error, CLIENTID__RULE_TERMS, "the terms of %s must be accepted",
                                api->name);
    if (tier == NULL && api->has_active_tier)
        return clientid__broken(error, CLIENTID__RULE_TIER_NEEDED,
                                "%s has SLA tiers, one must be requested", api->name);
    /* Without tier is without limits: never by deprecating the last one. */
    if (tier == NULL && api->has_tier)
        return clientid__broken(error, CLIENTID__RULE_TIER_CLOSED,
                                "all SLA tiers of %s are deprecated", api->name);
    if (tier != NULL && tier->api_id != api->id)
        return clientid__broken(error, CLIENTID__RULE_TIER_OTHER_API,
                                "tier %s belongs to %s, not %s", tier->name, tier->api_name,
                                api->name);
    if (tier != NULL && tier->status != CLIENTID_TIER_ACTIVE)
        return clientid__broken(error, CLIENTID__RULE_TIER_DEPRECATED,
                                "tier %s of %s is deprecated and takes no new contracts",
                                tier->name, tier->api_name);
    return 0;
}

static int check_request(const clientid_access_request *request, clientid_error *error)
{
    /* At most four bytes a character. */
    int rc = clientid__check_field(error, "/requestAccessInfo/reason", request->reason, 0,
                                   CLIENTID_REASON_TEXT_MAX * 4, CLIENTID__FIELD_TEXT);

    if (rc == 0 && clientid__characters(request->reason) > CLIENTID_REASON_TEXT_MAX)
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/requestAccessInfo/reason",
                                 "is longer than %d characters", CLIENTID_REASON_TEXT_MAX);
    if (rc == 0)
        rc = clientid__check_field(error, "/partyId", request->party_id, 0, CLIENTID_NAME_MAX,
                                   CLIENTID__FIELD_NAME);
    if (rc == 0)
        rc = clientid__check_field(error, "/partyName", request->party_name, 0, CLIENTID_NAME_MAX,
                                   CLIENTID__FIELD_NAME);
    return rc;
}

/* The things that a request is about, and whether its rules hold. */
struct parties {
    struct clientid__application_facts application;
    struct clientid__api_facts api;
    struct clientid__tier_facts tier;
};

static int check_parties(clientid_control *control, const clientid_access_request *request,
                         struct parties *out, clientid_error *error)
{
    uint64_t contract_id;
    int rc = clientid__found(error,
                             CLIENTID__STORE(control, application->facts, request->application_id,
                                             &out->application, error),
                             "application", request->application_id);

    if (rc == 0)
        rc = clientid__may(control, CLIENTID_PERMISSION_APPLICATION_USE, 0, request->application_id,
                           error);
    if (rc == 0)
        rc = clientid__found(
            error, CLIENTID__STORE(control, api->facts, request->api_id, &out->api, error), "API",
            request->api_id);
    if (rc == 0 && request->tier_id != 0)
        rc = tier_of(control, request->tier_id, &out->tier, error);
    if (rc != 0)
        return rc;
    rc = CLIENTID__STORE(control, contract->find, request->application_id, request->api_id,
                         &contract_id, error);
    if (rc == 0)
        return clientid__broken(error, CLIENTID__RULE_CONTRACT_TAKEN,
                                "%.100s has a contract with %s already", out->application.client_id,
                                out->api.name);
    if (rc != CLIENTID_ERR_NOT_FOUND)
        return rc;
    return clientid__request_rules(&out->api, request->tier_id != 0 ? &out->tier : NULL,
                                   clientid__cstr(out->application.provider),
                                   request->accepted_terms != 0, error);
}

int clientid__contract_request(clientid_control *control, const clientid_access_request *request,
                               uint64_t *id, uint32_t *status, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct parties parties;
    struct clientid__contract_facts made;
    clientid_contract_record row;
    bool at_once;
    int rc = check_parties(control, request, &parties, error);

    if (rc == 0)
        rc = clientid__application_stays(control, request->application_id, error);
    if (rc != 0)
        return rc;
    at_once = request->tier_id == 0 || parties.tier.auto_approve != 0;
    row = (clientid_contract_record){
        .application_id = request->application_id,
        .api_id = request->api_id,
        .tier_id = at_once ? request->tier_id : 0,
        .requested_tier_id = at_once ? 0 : request->tier_id,
        .status = at_once ? CLIENTID_APPROVED : CLIENTID_PENDING,
        .reason = request->reason,
        .party_id = request->party_id,
        .party_name = request->party_name,
        .created_ns = now_ns,
        .updated_ns = now_ns,
        .approved_ns = at_once ? now_ns : 0,
    };
    *status = row.status;
    rc = CLIENTID__STORE(control, contract->insert, &row, parties.api.terms_id, id, error);
    if (rc == 0)
        rc = clientid__log_contract(
            control, now_ns, *id, "request", clientid__cstr(parties.api.name),
            clientid__cstr(parties.application.client_id),
            at_once ? CLIENTID_STR("approved at once") : CLIENTID_STR("pending"), error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, contract->facts, *id, &made, error);
    if (rc == 0)
        rc = clientid__contract_turned(
            control, &made, at_once ? CLIENTID__GRANTED : CLIENTID__ASKED, now_ns, error);
    return rc;
}

int clientid_control_contract_request(clientid_control *control,
                                      const clientid_access_request *request, uint64_t *id,
                                      clientid_contract_status *status, clientid_error *error)
{
    uint32_t result = 0;
    int rc;

    if (control == NULL || request == NULL || id == NULL || request->size != sizeof(*request) ||
        request->accepted_terms > 1)
        return clientid__bad_argument(error);
    rc = check_request(request, error);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__end(control, clientid__contract_request(control, request, id, &result, error),
                       error);
    if (rc == 0 && status != NULL)
        *status = (clientid_contract_status)result;
    return rc;
}

/* ---- read ------------------------------------------------------------------------------------ */

static int may_see(clientid_control *control, const struct clientid__contract_facts *contract,
                   clientid_error *error)
{
    return clientid__may_see(control, CLIENTID_PERMISSION_CONTRACT_READ, contract->api_id,
                             contract->application_id, error);
}

int clientid_control_contract_get(clientid_control *control, uint64_t id,
                                  clientid_contract_fn *emit, void *sink, clientid_error *error)
{
    struct clientid__contract_facts contract;
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "contract", id);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    if (control->has_caller)
        rc = CLIENTID__STORE(control, contract->facts, id, &contract, error);
    if (rc == 0 && control->has_caller)
        rc = may_see(control, &contract, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, contract->each, id, NULL, emit, sink, error);
    return clientid__looked(control, clientid__found(error, rc, "contract", id), error);
}

int clientid_control_contract_find(clientid_control *control, uint64_t application_id,
                                   uint64_t api_id, uint64_t *id, clientid_error *error)
{
    const struct clientid__contract_facts contract = {.application_id = application_id,
                                                      .api_id = api_id};
    uint64_t found = 0;
    int rc;

    if (control == NULL || id == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = CLIENTID__STORE(control, contract->find, application_id, api_id, &found, error);
    if (rc == 0)
        rc = may_see(control, &contract, error);
    if (rc == 0)
        *id = found;
    if (rc == CLIENTID_ERR_NOT_FOUND)
        rc = clientid__fail(error, rc, "the application has no contract with the API");
    return clientid__looked(control, rc, error);
}

static bool filter_valid(const clientid_contract_filter *filter)
{
    return filter->size == sizeof(*filter) && filter->status <= CLIENTID_REVOKED &&
           filter->waiting <= 1;
}

static const clientid_contract_filter all = {.size = sizeof(all)};

int clientid_control_contract_list(clientid_control *control,
                                   const clientid_contract_filter *filter,
                                   clientid_contract_fn *emit, void *sink, clientid_error *error)
{
    const struct clientid__viewer *viewer;
    struct clientid__viewer room;
    int rc;

    if (filter == NULL)
        filter = &all;
    if (control == NULL || emit == NULL || !filter_valid(filter))
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__viewer(control, CLIENTID_PERMISSION_CONTRACT_READ, &room, &viewer, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, contract->list, filter, viewer, emit, sink, error);
    return clientid__looked(control, rc, error);
}

int clientid_control_contract_count(clientid_control *control,
                                    const clientid_contract_filter *filter, uint64_t *count,
                                    clientid_error *error)
{
    const struct clientid__viewer *viewer;
    struct clientid__viewer room;
    int rc;

    if (filter == NULL)
        filter = &all;
    if (control == NULL || count == NULL || !filter_valid(filter))
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__viewer(control, CLIENTID_PERMISSION_CONTRACT_READ, &room, &viewer, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, contract->count, filter, viewer, count, error);
    return clientid__looked(control, rc, error);
}
