/* SPDX-License-Identifier: Apache-2.0 */
/* An event of another portal, what it does here, and its answer are one transaction: a second one finds that it was. */
#include "control/foreign.h"
#include "control/outbox.h"
#include "control/seal.h"

#include "base/error.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- what came ------------------------------------------------------------------------------- */

/* They stand in a URL. */
static bool is_id(clientid_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = clientid__lower((unsigned char)text.ptr[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return text.len > 0 && text.len <= CLIENTID_FOREIGN_ID_MAX;
}

static int check(const clientid_foreign_event *event, clientid_error *error)
{
    if (!is_id(event->id))
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/eventid",
                                 "must be 1 to %d letters, digits and '-'",
                                 CLIENTID_FOREIGN_ID_MAX);
    if (!is_id(event->application))
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/contextdata/application_id",
                                 "must be 1 to %d letters, digits and '-'",
                                 CLIENTID_FOREIGN_ID_MAX);
    return 0;
}

/* ---- the application ------------------------------------------------------------------------- */

/* With credentials that only the answer has, sealed. */
static int make_application(clientid_control *control, const clientid_foreign_event *event,
                            clientid_str provider, uint64_t now_ns, uint64_t *id, char **answer,
                            clientid_error *error)
{
    char client_id[33] = "", secret[33] = "";
    const clientid_application_record record = {
        .size = sizeof(record),
        .name = event->name,
        .description = event->description,
        .provider = provider,
        .client_id = {client_id, 32},
        .redirect_uris = event->redirect_uris,
        .redirect_uri_count = event->redirect_uri_count,
    };
    int rc;

    if (clientid_secret_generate(client_id, 32) != 0 || clientid_secret_generate(secret, 32) != 0)
        return clientid__fail(error, CLIENTID_ERR_CRYPTO, "cannot generate credentials");
    rc = clientid__application_add(control, &record, clientid__str(secret, 32), now_ns, id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, foreign->add_application, event->application, *id, error);
    if (rc == 0)
        rc = clientid__foreign_answer(event, record.client_id, clientid__str(secret, 32), answer,
                                      error);
    explicit_bzero(secret, sizeof(secret));
    return rc;
}

/* ---- contracts ------------------------------------------------------------------------------- */

static int first_active(void *sink, const clientid_tier_record *record)
{
    uint64_t *id = sink;

    if (*id == 0 && record->status == CLIENTID_TIER_ACTIVE)
        *id = record->id;
    return 0;
}

static int request(clientid_control *control, uint64_t application_id, uint64_t api_id,
                   clientid_error *error)
{
    clientid_access_request access = {
        .size = sizeof(access),
        .application_id = application_id,
        .api_id = api_id,
        .accepted_terms = 1,
    };
    uint64_t id;
    uint32_t status;
    int rc = CLIENTID__STORE(control, tier->each, 0, api_id, first_active, &access.tier_id, error);

    if (rc == 0)
        rc = clientid__contract_request(control, &access, &id, &status, error);
    if (rc == 0 && status == CLIENTID_PENDING)
        rc = clientid__contract_act(control, id, CLIENTID_VERB_APPROVE, error);
    return rc;
}

/* In force, whatever it was before. */
static int put_in_force(clientid_control *control, uint64_t application_id, uint64_t api_id,
                        clientid_error *error)
{
    struct clientid__contract_facts contract;
    uint64_t id;
    int rc = CLIENTID__STORE(control, contract->find, application_id, api_id, &id, error);

    if (rc == CLIENTID_ERR_NOT_FOUND)
        return request(control, application_id, api_id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, contract->facts, id, &contract, error);
    if (rc != 0 || contract.status == CLIENTID_APPROVED)
        return rc;
    if (contract.status == CLIENTID_PENDING)
        return clientid__contract_act(control, id, CLIENTID_VERB_APPROVE, error);
    if (contract.status == CLIENTID_REVOKED)
        return clientid__contract_act(control, id, CLIENTID_VERB_RESTORE, error);
    rc = clientid__contract_act(control, id, CLIENTID_VERB_DELETE, error);
    return rc != 0 ? rc : request(control, application_id, api_id, error);
}

static int grant(clientid_control *control, const clientid_foreign_event *event, uint64_t now_ns,
                 char **answer, clientid_error *error)
{
    struct clientid__api_facts api;
    uint64_t api_id, id;
    int rc = CLIENTID__STORE(control, api->find, event->api, &api_id, error);

    if (rc == CLIENTID_ERR_NOT_FOUND)
        return clientid__fail(error, rc, "there is no API named %.*s", (int)event->api.len,
                              event->api.ptr);
    if (rc == 0)
        rc = CLIENTID__STORE(control, api->facts, api_id, &api, error);
    if (rc != 0)
        return rc;
    rc = CLIENTID__STORE(control, foreign->application, event->application, &id, error);
    if (rc == CLIENTID_ERR_NOT_FOUND)
        rc = make_application(control, event, clientid__cstr(api.provider), now_ns, &id, answer,
                              error);
    return rc != 0 ? rc : put_in_force(control, id, api_id, error);
}

/* What is not there needs no revoking. */
static int revoke(clientid_control *control, const clientid_foreign_event *event,
                  clientid_error *error)
{
    struct clientid__contract_facts contract;
    uint64_t application_id, api_id, id;
    int rc =
        CLIENTID__STORE(control, foreign->application, event->application, &application_id, error);

    if (rc == 0)
        rc = CLIENTID__STORE(control, api->find, event->api, &api_id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, contract->find, application_id, api_id, &id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, contract->facts, id, &contract, error);
    if (rc != 0)
        return rc == CLIENTID_ERR_NOT_FOUND ? 0 : rc;
    if (contract.status == CLIENTID_APPROVED)
        return clientid__contract_act(control, id, CLIENTID_VERB_REVOKE, error);
    return contract.status == CLIENTID_PENDING
               ? clientid__contract_act(control, id, CLIENTID_VERB_WITHDRAW, error)
               : 0;
}

static int update(clientid_control *control, const clientid_foreign_event *event,
                  clientid_error *error)
{
    const clientid_application_record record = {
        .size = sizeof(record),
        .name = event->name,
        .description = event->description,
        .redirect_uris = event->redirect_uris,
        .redirect_uri_count = event->redirect_uri_count,
    };
    uint64_t id;
    int rc = CLIENTID__STORE(control, foreign->application, event->application, &id, error);

    if (rc != 0)
        return rc == CLIENTID_ERR_NOT_FOUND ? 0 : rc;
    return clientid__application_update(control, id, &record,
                                        CLIENTID_APPLICATION_NAME |
                                            CLIENTID_APPLICATION_DESCRIPTION |
                                            CLIENTID_APPLICATION_REDIRECT_URIS,
                                        error);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static int keep_answer(clientid_control *control, uint64_t id, const char *answer,
                       clientid_error *error)
{
    const struct clientid__place place = {"foreign_event", {id}};
    clientid_str text = clientid__cstr(answer);
    unsigned char *sealed = malloc(text.len + CLIENTID__SEAL_EXTRA);
    int rc;

    if (sealed == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    rc = clientid__seal(control, &place, text, sealed, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, foreign->set_answer, id,
                             clientid__str((const char *)sealed, text.len + CLIENTID__SEAL_EXTRA),
                             error);
    free(sealed);
    return rc;
}

static int act(clientid_control *control, const clientid_foreign_event *event, uint64_t now_ns,
               char **answer, clientid_error *error)
{
    switch (event->type) {
    case CLIENTID_FOREIGN_GRANT:
        return grant(control, event, now_ns, answer, error);
    case CLIENTID_FOREIGN_REVOKE:
        return revoke(control, event, error);
    default:
        return update(control, event, error);
    }
}

static int take_new(clientid_control *control, const clientid_foreign_event *event, uint64_t now_ns,
                    uint64_t *id, clientid_error *error)
{
    char *answer = NULL;
    int rc = act(control, event, now_ns, &answer, error);

    if (rc == 0)
        rc = CLIENTID__STORE(control, foreign->add_event, event->id, event->application, now_ns, id,
                             error);
    if (rc == 0 && answer != NULL)
        rc = keep_answer(control, *id, answer, error);
    clientid_json_free(answer);
    return rc;
}

static int take(clientid_control *control, const clientid_foreign_event *event,
                clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    uint64_t id, waiting = 0;
    int rc = CLIENTID__STORE(control, foreign->event, event->id, &id, error);

    if (rc == CLIENTID_ERR_NOT_FOUND)
        rc = take_new(control, event, now_ns, &id, error);
    else if (rc == 0)
        rc = CLIENTID__STORE(control, foreign->waits, id, &waiting, error);
    if (rc != 0 || waiting != 0)
        return rc;
    return clientid__outbox_answer(control, id, event->application, now_ns, error);
}

int clientid_control_foreign_event(clientid_control *control, const clientid_foreign_event *event,
                                   clientid_error *error)
{
    int rc;

    if (control == NULL || event == NULL || event->size != sizeof(*event) ||
        event->type < CLIENTID_FOREIGN_GRANT || event->type > CLIENTID_FOREIGN_UPDATE ||
        (event->redirect_uri_count > 0 && event->redirect_uris == NULL))
        return clientid__bad_argument(error);
    rc = check(event, error);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__operator(control, error);
    if (rc == 0)
        rc = take(control, event, error);
    return clientid__end(control, rc, error);
}
