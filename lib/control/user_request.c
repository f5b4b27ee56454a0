/* SPDX-License-Identifier: Apache-2.0 */
/* A user request is done as a whole, and its status follows from its states. */
#include "control/gateway_event.h"

#include "base/error.h"
#include "base/str.h"

/* ---- labels and status ----------------------------------------------------------------------- */

const char *clientid_user_request_type_label(uint32_t type)
{
    switch (type) {
#define CLIENTID__TYPE_CASE(name, number, label)                                                   \
    case (number):                                                                                 \
        return label;
        CLIENTID_USER_REQUEST_TYPE_MAP(CLIENTID__TYPE_CASE)
#undef CLIENTID__TYPE_CASE
    default:
        return "?";
    }
}

uint32_t clientid_user_request_type_find(clientid_str label)
{
#define CLIENTID__TYPE_FIND(name, number, text)                                                    \
    if (clientid__str_eq(label, CLIENTID_STR(text)))                                               \
        return number;
    CLIENTID_USER_REQUEST_TYPE_MAP(CLIENTID__TYPE_FIND)
#undef CLIENTID__TYPE_FIND
    return 0;
}

const char *clientid_user_request_status_label(uint32_t status)
{
    switch (status) {
#define CLIENTID__STATUS_CASE(name, number, label)                                                 \
    case (number):                                                                                 \
        return label;
        CLIENTID_USER_REQUEST_STATUS_MAP(CLIENTID__STATUS_CASE)
#undef CLIENTID__STATUS_CASE
    default:
        return "?";
    }
}

/* A request is where the first of these is that one of its states is: what somebody must do goes before what goes on by itself. */
static const uint32_t precedence[] = {
    CLIENTID_USER_REQUEST_STATUS_APPROVAL_PENDING,
    CLIENTID_USER_REQUEST_STATUS_REJECTED,
    CLIENTID_USER_REQUEST_STATUS_DELIVERY_UNSUCCESSFUL,
    CLIENTID_USER_REQUEST_STATUS_FAILED,
    CLIENTID_USER_REQUEST_STATUS_NEW,
    CLIENTID_USER_REQUEST_STATUS_APPROVED,
    CLIENTID_USER_REQUEST_STATUS_WAITING_THIRDPARTY,
};

uint32_t clientid_user_request_status_of(const clientid_user_request_state *states, size_t count)
{
    for (size_t p = 0; p < sizeof(precedence) / sizeof(precedence[0]); p++)
        for (size_t i = 0; i < count; i++)
            if (states[i].status == precedence[p])
                return precedence[p];
    return CLIENTID_USER_REQUEST_STATUS_COMPLETED;
}

/* ---- what is asked --------------------------------------------------------------------------- */

enum {
    NEEDS_APPLICATION = 1,
    NEEDS_APIS = 2,
    NEEDS_NAME = 4,
};

static unsigned needs_of(uint32_t type)
{
    switch (type) {
    case CLIENTID_USER_REQUEST_CREATION:
        return NEEDS_NAME | NEEDS_APIS;
    case CLIENTID_USER_REQUEST_REGISTRATION:
    case CLIENTID_USER_REQUEST_DEREGISTRATION:
        return NEEDS_APPLICATION | NEEDS_APIS;
    default:
        return NEEDS_APPLICATION;
    }
}

static int check_request(const clientid_user_request *request, clientid_error *error)
{
    unsigned needs = needs_of(request->type);

    if ((needs & NEEDS_APIS) != 0 && request->api_count == 0)
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/context/apis", "must not be empty");
    if ((needs & NEEDS_APIS) == 0 && request->api_count != 0)
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/context/apis",
                                 "does not go with this type");
    if (request->api_count > CLIENTID_USER_REQUEST_APIS_MAX)
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/context/apis",
                                 "has more than %d elements", CLIENTID_USER_REQUEST_APIS_MAX);
    if ((needs & NEEDS_APPLICATION) != 0 && request->application_id == 0)
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/context/application", "is missing");
    if ((needs & NEEDS_NAME) != 0 && request->name.len == 0)
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/context/name", "must not be empty");
    return 0;
}

/* The provider that all APIs use: their gateway would else be told of an application in pieces. */
static int one_provider(clientid_control *control, const clientid_user_request *request,
                        struct clientid__api_facts *first, clientid_error *error)
{
    struct clientid__api_facts api;

    for (size_t i = 0; i < request->api_count; i++) {
        int rc = clientid__found(
            error,
            CLIENTID__STORE(control, api->facts, request->apis[i], i == 0 ? first : &api, error),
            "API", request->apis[i]);

        if (rc != 0)
            return rc;
        if (i > 0 &&
            !clientid__str_eq(clientid__cstr(first->provider), clientid__cstr(api.provider)))
            return clientid__broken(error, CLIENTID__RULE_ONE_PROVIDER,
                                    "%s and %s use different client providers", first->name,
                                    api.name);
    }
    return 0;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* Without a secret: the gateway's credentials count, and one of ours that nobody was shown is none. */
static int create_application(clientid_control *control, const clientid_user_request *request,
                              clientid_str provider, uint64_t now_ns, uint64_t *id,
                              clientid_error *error)
{
    clientid_str owner = clientid__requester(control);
    char client_id[33] = "";
    struct clientid__person person;
    clientid_application_record record = {
        .size = sizeof(record),
        .name = request->name,
        .description = request->description,
        .provider = provider,
        .redirect_uris = request->redirect_uris,
        .redirect_uri_count = request->redirect_uri_count,
        .owners = &owner,
    };
    int rc = CLIENTID__STORE(control, user_request->person, owner, &person, error);

    if (rc != 0)
        return rc;
    record.owner_count = person.id != 0;
    if (clientid_secret_generate(client_id, 32) != 0)
        return clientid__fail(error, CLIENTID_ERR_CRYPTO, "cannot generate a client id");
    record.client_id = clientid__str(client_id, 32);
    rc = clientid__application_add(control, &record, (clientid_str){NULL, 0}, now_ns, id, error);
    if (rc == 0 && control->has_caller && control->caller.kind == CLIENTID_CALLER_CONNECTED_APP)
        rc = CLIENTID__STORE(control, application->created_by, *id,
                             control->caller.connected_app_id, error);
    return rc;
}

static int first_active(void *sink, const clientid_tier_record *record)
{
    uint64_t *id = sink;

    if (*id == 0 && record->status == CLIENTID_TIER_ACTIVE)
        *id = record->id;
    return 0;
}

static int request_all(clientid_control *control, const clientid_user_request *request,
                       uint64_t application_id, clientid_error *error)
{
    int rc = 0;

    for (size_t i = 0; i < request->api_count && rc == 0; i++) {
        clientid_access_request access = {
            .size = sizeof(access),
            .application_id = application_id,
            .api_id = request->apis[i],
            .accepted_terms = request->accepted_terms,
        };
        uint64_t id;
        uint32_t status;

        rc = CLIENTID__STORE(control, tier->each, 0, access.api_id, first_active, &access.tier_id,
                             error);
        if (rc == 0)
            rc = clientid__contract_request(control, &access, &id, &status, error);
    }
    return rc;
}

static int give_back(clientid_control *control, const clientid_user_request *request,
                     clientid_error *error)
{
    int rc = 0;

    for (size_t i = 0; i < request->api_count && rc == 0; i++) {
        uint64_t id = 0;

        rc = CLIENTID__STORE(control, contract->find, request->application_id, request->apis[i],
                             &id, error);
        if (rc == CLIENTID_ERR_NOT_FOUND)
            return clientid__fail(error, rc, "the application has no contract with the API");
        if (rc == 0)
            rc = clientid__contract_act(control, id, CLIENTID_VERB_REVOKE, error);
        if (rc == 0)
            rc = clientid__contract_act(control, id, CLIENTID_VERB_DELETE, error);
    }
    return rc;
}

static int update_application(clientid_control *control, const clientid_user_request *request,
                              uint64_t now_ns, clientid_error *error)
{
    const clientid_application_record record = {
        .size = sizeof(record),
        .name = request->name,
        .description = request->description,
        .redirect_uris = request->redirect_uris,
        .redirect_uri_count = request->redirect_uri_count,
    };
    unsigned fields = 0;
    int rc;

    if (request->name.len > 0)
        fields |= CLIENTID_APPLICATION_NAME;
    if (request->description.ptr != NULL)
        fields |= CLIENTID_APPLICATION_DESCRIPTION;
    if (request->redirect_uris != NULL)
        fields |= CLIENTID_APPLICATION_REDIRECT_URIS;
    rc = clientid__application_update(control, request->application_id, &record, fields, error);
    return rc != 0 ? rc : clientid__event_updated(control, request->application_id, now_ns, error);
}

/* Ends what is in force and withdraws what is pending; the rest goes with the application. */
static int end_all(clientid_control *control, uint64_t application_id, clientid_error *error)
{
    uint64_t ids[64], after = 0;
    size_t count = 0;
    int rc;

    do {
        rc = CLIENTID__STORE(control, contract->ids, 0, application_id, after, ids, 64, &count,
                             error);
        for (size_t i = 0; i < count && rc == 0; i++) {
            struct clientid__contract_facts contract;

            after = ids[i];
            rc = CLIENTID__STORE(control, contract->facts, ids[i], &contract, error);
            if (rc == 0 && contract.status == CLIENTID_APPROVED)
                rc = clientid__contract_act(control, ids[i], CLIENTID_VERB_REVOKE, error);
            else if (rc == 0 && contract.status == CLIENTID_PENDING)
                rc = clientid__contract_act(control, ids[i], CLIENTID_VERB_WITHDRAW, error);
        }
    } while (rc == 0 && count > 0);
    return rc;
}

/* ---- create ---------------------------------------------------------------------------------- */

static int take_steps(clientid_control *control, const clientid_user_request *request,
                      uint64_t application_id, uint64_t now_ns, clientid_error *error)
{
    int rc;

    switch (request->type) {
    case CLIENTID_USER_REQUEST_CREATION:
    case CLIENTID_USER_REQUEST_REGISTRATION:
        return request_all(control, request, application_id, error);
    case CLIENTID_USER_REQUEST_DEREGISTRATION:
        return give_back(control, request, error);
    case CLIENTID_USER_REQUEST_UPDATE:
        return update_application(control, request, now_ns, error);
    case CLIENTID_USER_REQUEST_DELETION:
    default:
        rc = end_all(control, application_id, error);
        return rc != 0
                   ? rc
                   : clientid__event_finish(control, control->request_id, application_id, error);
    }
}

/* What each type takes; access requests and the verbs they lead to ask no more. */
static int may(clientid_control *control, const clientid_user_request *request,
               clientid_error *error)
{
    switch (request->type) {
    case CLIENTID_USER_REQUEST_CREATION:
        return clientid__may(control, CLIENTID_PERMISSION_APPLICATION_CREATE, 0, 0, error);
    case CLIENTID_USER_REQUEST_REGISTRATION:
    case CLIENTID_USER_REQUEST_DEREGISTRATION:
        return clientid__may(control, CLIENTID_PERMISSION_APPLICATION_USE, 0,
                             request->application_id, error);
    default:
        return clientid__may(control, CLIENTID_PERMISSION_APPLICATION_MANAGE, 0,
                             request->application_id, error);
    }
}

static int find_application(clientid_control *control, const clientid_user_request *request,
                            const struct clientid__api_facts *api, uint64_t now_ns, uint64_t *id,
                            clientid_error *error)
{
    struct clientid__application_facts application;
    int rc;

    if (request->type == CLIENTID_USER_REQUEST_CREATION)
        return create_application(control, request, clientid__cstr(api->provider), now_ns, id,
                                  error);
    *id = request->application_id;
    rc = clientid__found(error,
                         CLIENTID__STORE(control, application->facts, *id, &application, error),
                         "application", *id);
    return rc != 0 ? rc : clientid__application_stays(control, *id, error);
}

static int create(clientid_control *control, const clientid_user_request *request, uint64_t *id,
                  uint64_t *application_id, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__api_facts first = {.id = 0};
    int rc = may(control, request, error);

    if (rc == 0)
        rc = one_provider(control, request, &first, error);
    if (rc == 0)
        rc = find_application(control, request, &first, now_ns, application_id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, user_request->insert, request->type, *application_id,
                             clientid__requester(control), now_ns, id, error);
    if (rc == 0)
        rc = clientid__log_other(control, now_ns, CLIENTID__USER_REQUEST, *id, "create",
                                 clientid__cstr(clientid_user_request_type_label(request->type)),
                                 error);
    if (rc != 0)
        return rc;
    /* Events that are made now are states of this request. */
    control->request_id = *id;
    rc = take_steps(control, request, *application_id, now_ns, error);
    control->request_id = 0;
    return rc;
}

int clientid_control_user_request_create(clientid_control *control,
                                         const clientid_user_request *request, uint64_t *id,
                                         uint64_t *application_id, clientid_error *error)
{
    uint64_t application = 0;
    int rc;

    if (control == NULL || request == NULL || id == NULL || request->size != sizeof(*request) ||
        request->type < CLIENTID_USER_REQUEST_CREATION ||
        request->type > CLIENTID_USER_REQUEST_DELETION || request->accepted_terms > 1 ||
        (request->api_count > 0 && request->apis == NULL) ||
        (request->redirect_uri_count > 0 && request->redirect_uris == NULL))
        return clientid__bad_argument(error);
    rc = check_request(request, error);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__end(control, create(control, request, id, &application, error), error);
    if (rc == 0 && application_id != NULL)
        *application_id = application;
    return rc;
}

/* ---- read ------------------------------------------------------------------------------------ */

struct reading {
    clientid_control *control;
    bool all; /* the caller may see those of others */
    clientid_user_request_fn *emit;
    void *sink;
    size_t seen;
    uint64_t max;
};

/* The requester is a user; a Connected App gets nothing of its owner's but what is about applications that it may read. */
static int sees(const struct reading *reading, const clientid_user_request_record *record,
                bool *yes)
{
    int rc = 0;

    *yes = reading->all || clientid__str_eq(record->owner, clientid__requester(reading->control));
    if (*yes && !reading->all && reading->control->caller.kind == CLIENTID_CALLER_CONNECTED_APP)
        rc = clientid__may(reading->control, CLIENTID_PERMISSION_APPLICATION_READ, 0,
                           record->application_id, NULL);
    *yes = *yes && rc == 0;
    return rc == CLIENTID_ERR_FORBIDDEN ? 0 : rc;
}

static int emit_with_status(void *sink, const clientid_user_request_record *record)
{
    struct reading *reading = sink;
    clientid_user_request_record whole = *record;
    bool yes;
    int rc = sees(reading, record, &yes);

    if (rc != 0 || !yes)
        return rc;
    if (reading->max != 0 && reading->seen == reading->max)
        return 0;
    reading->seen++;
    whole.status = clientid_user_request_status_of(record->states, record->state_count);
    return reading->emit(reading->sink, &whole);
}

static bool sees_all(const clientid_control *control)
{
    return !control->has_caller || control->caller.role == CLIENTID_ROLE_ADMINISTRATOR;
}

int clientid_control_user_request_get(clientid_control *control, uint64_t id,
                                      clientid_user_request_fn *emit, void *sink,
                                      clientid_error *error)
{
    struct reading reading = {.control = control, .emit = emit, .sink = sink};
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "user request", id);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    reading.all = sees_all(control); /* as the caller is now */
    rc = CLIENTID__STORE(control, user_request->each, id, 0, 0, 0, emit_with_status, &reading,
                         error);
    if (rc == 0 && reading.seen == 0)
        rc = CLIENTID_ERR_NOT_FOUND;
    return clientid__looked(control, clientid__found(error, rc, "user request", id), error);
}

int clientid_control_user_request_list(clientid_control *control, uint64_t application_id,
                                       uint64_t after_id, uint64_t max,
                                       clientid_user_request_fn *emit, void *sink,
                                       clientid_error *error)
{
    struct reading reading = {.control = control, .emit = emit, .sink = sink, .max = max};
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    reading.all = sees_all(control);
    rc = CLIENTID__STORE(control, user_request->each, 0, application_id, after_id,
                         reading.all ? max : 0, emit_with_status, &reading, error);
    return clientid__looked(control, rc, error);
}
