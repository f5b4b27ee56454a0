/* SPDX-License-Identifier: Apache-2.0 */
/* A Connected App has one secret, shown once; revoked, it is over for good. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

/* manage:client_application is the store's to say: whether there is a grant. */
static const uint32_t settable = CLIENTID_SCOPE_CREATE_APPLICATIONS |
                                 CLIENTID_SCOPE_READ_APPLICATIONS |
                                 CLIENTID_SCOPE_MANAGE_CONTRACTS | CLIENTID_SCOPE_READ_CONTRACTS |
                                 CLIENTID_SCOPE_MANAGE_APIS | CLIENTID_SCOPE_VIEW_EXCHANGE;

static int check_fields(const clientid_connected_app_record *record, unsigned fields,
                        clientid_error *error)
{
    const uint32_t known = settable | CLIENTID_SCOPE_MANAGE_APPLICATION;

    if ((fields & CLIENTID_CONNECTED_APP_SCOPES) && (record->scopes & ~known) != 0)
        return clientid__bad_argument(error);
    if (!(fields & CLIENTID_CONNECTED_APP_NAME))
        return 0;
    return clientid__check_field(error, "/client_name", record->name, 1, CLIENTID_NAME_MAX,
                                 CLIENTID__FIELD_NAME);
}

static int may_manage(clientid_control *control, clientid_error *error)
{
    return clientid__may(control, CLIENTID_PERMISSION_CONNECTED_APP_MANAGE, 0, 0, error);
}

/* One that is in use and that the caller may manage. */
static int facts_of(clientid_control *control, uint64_t id,
                    struct clientid__connected_app_facts *out, clientid_error *error)
{
    int rc = may_manage(control, error);

    if (rc == 0)
        rc = clientid__found(error, CLIENTID__STORE(control, connected_app->facts, id, out, error),
                             "Connected App", id);
    if (rc == 0 && out->revoked_ns != 0)
        return clientid__broken(error, CLIENTID__RULE_CONNECTED_APP_REVOKED,
                                "Connected App %.64s was revoked", out->client_id);
    return rc;
}

static int log_app(clientid_control *control, const struct clientid__connected_app_facts *app,
                   const char *verb, clientid_str detail, clientid_error *error)
{
    return clientid__log_account(control, clientid__now(control), CLIENTID__CONNECTED_APP, app->id,
                                 verb, (clientid_str){NULL, 0}, clientid__cstr(app->client_id),
                                 detail, error);
}

static int make_secret(clientid_credentials *out, clientid_secret *secret, clientid_error *error)
{
    int rc = clientid_secret_generate(out->client_secret, 32);

    if (rc != 0)
        return clientid__fail(error, rc, "cannot generate credentials");
    *secret = (clientid_secret){.algorithm = CLIENTID_SECRET_NONE};
    rc = clientid__fresh_salt(secret, error);
    if (rc != 0)
        return rc;
    rc = clientid_secret_hash(secret, clientid__cstr(out->client_secret), NULL, 0);
    return rc == 0 ? 0 : clientid__fail(error, rc, "cannot hash a client secret");
}

/* ---- create ---------------------------------------------------------------------------------- */

static int check_owner(clientid_control *control, uint64_t owner_id, clientid_error *error)
{
    struct clientid__user_facts owner;

    return clientid__found(error, CLIENTID__STORE(control, user->facts, owner_id, &owner, error),
                           "user", owner_id);
}

static int create(clientid_control *control, clientid_connected_app_record *row,
                  const clientid_secret *secret, clientid_credentials *out, clientid_error *error)
{
    struct clientid__connected_app_facts app = {.id = 0};
    uint64_t count = 0;
    int rc = may_manage(control, error);

    if (rc == 0)
        rc = check_owner(control, row->owner_id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, connected_app->count, &count, error);
    if (rc == 0 && count >= CLIENTID_CONNECTED_APPS_MAX)
        return clientid__broken(error, CLIENTID__RULE_CONNECTED_APP_COUNT,
                                "there are %" PRIu64 " Connected Apps, revoke one first", count);
    row->created_ns = row->updated_ns = clientid__now(control);
    if (rc == 0)
        rc = CLIENTID__STORE(control, connected_app->insert, row, secret, &out->application_id,
                             error);
    app.id = out->application_id;
    memcpy(app.client_id, out->client_id, sizeof(app.client_id));
    return rc == 0 ? log_app(control, &app, "create", row->name, error) : rc;
}

int clientid_control_connected_app_create(clientid_control *control,
                                          const clientid_connected_app_record *record,
                                          clientid_credentials *out, clientid_error *error)
{
    clientid_connected_app_record row;
    clientid_secret secret;
    int rc;

    if (control == NULL || record == NULL || out == NULL || record->size != sizeof(*record) ||
        out->size != sizeof(*out) ||
        (record->owner_id == 0 &&
         (!control->has_caller || control->caller.kind != CLIENTID_CALLER_USER)))
        return clientid__bad_argument(error);
    rc = check_fields(record, ~0U, error);
    if (rc != 0)
        return rc;
    *out = (clientid_credentials){.size = sizeof(*out), .slot = 1};
    rc = clientid_secret_generate(out->client_id, 32);
    rc = rc == 0 ? make_secret(out, &secret, error)
                 : clientid__fail(error, rc, "cannot generate credentials");
    row = *record;
    row.client_id = clientid__cstr(out->client_id);
    row.scopes &= settable;
    if (row.owner_id == 0)
        row.owner_id = control->caller.user_id;
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc == 0)
        rc = clientid__end(control, create(control, &row, &secret, out, error), error);
    if (rc != 0)
        clientid_credentials_wipe(out);
    return rc;
}

/* ---- read ------------------------------------------------------------------------------------ */

int clientid_control_connected_app_find(clientid_control *control, clientid_str client_id,
                                        uint64_t *id, clientid_error *error)
{
    int rc;

    if (control == NULL || id == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = may_manage(control, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, connected_app->find, client_id, id, error);
    if (rc == CLIENTID_ERR_NOT_FOUND)
        rc = clientid__fail(error, rc, "there is no Connected App with client id %.*s",
                            (int)client_id.len, client_id.ptr);
    return clientid__looked(control, rc, error);
}

int clientid_control_connected_app_get(clientid_control *control, uint64_t id,
                                       clientid_connected_app_fn *emit, void *sink,
                                       clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    /* Any may read itself. */
    if (!control->has_caller || control->caller.connected_app_id != id || id == 0)
        rc = may_manage(control, error);
    if (rc == 0 && id == 0)
        rc = CLIENTID_ERR_NOT_FOUND;
    if (rc == 0)
        rc = CLIENTID__STORE(control, connected_app->each, id, emit, sink, error);
    return clientid__looked(control, clientid__found(error, rc, "Connected App", id), error);
}

int clientid_control_connected_app_list(clientid_control *control, clientid_connected_app_fn *emit,
                                        void *sink, clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = may_manage(control, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, connected_app->each, 0, emit, sink, error);
    return clientid__looked(control, rc, error);
}

/* ---- change ---------------------------------------------------------------------------------- */

static int update(clientid_control *control, uint64_t id,
                  const clientid_connected_app_record *record, unsigned fields,
                  clientid_error *error)
{
    clientid_connected_app_record row = *record;
    struct clientid__connected_app_facts app;
    int rc = facts_of(control, id, &app, error);

    row.scopes &= settable;
    if (rc == 0)
        rc = CLIENTID__STORE(control, connected_app->update, id, &row, fields,
                             clientid__now(control), error);
    return rc == 0 ? log_app(control, &app, "update", (clientid_str){NULL, 0}, error) : rc;
}

int clientid_control_connected_app_update(clientid_control *control, uint64_t id,
                                          const clientid_connected_app_record *record,
                                          unsigned fields, clientid_error *error)
{
    int rc;

    if (control == NULL || record == NULL || record->size != sizeof(*record) ||
        (fields & ~(unsigned)(CLIENTID_CONNECTED_APP_NAME | CLIENTID_CONNECTED_APP_SCOPES)) != 0)
        return clientid__bad_argument(error);
    rc = check_fields(record, fields, error);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, update(control, id, record, fields, error), error);
}

static int rotate(clientid_control *control, uint64_t id, const clientid_secret *secret,
                  clientid_credentials *out, clientid_error *error)
{
    struct clientid__connected_app_facts app;
    int rc = facts_of(control, id, &app, error);

    if (rc == 0)
        rc = CLIENTID__STORE(control, connected_app->secret, id, secret, clientid__now(control),
                             error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, token->clear, 0, id, INT64_MAX, error);
    if (rc != 0)
        return rc;
    out->application_id = id;
    memcpy(out->client_id, app.client_id, sizeof(out->client_id));
    return log_app(control, &app, "reset-secret", (clientid_str){NULL, 0}, error);
}

int clientid_control_connected_app_rotate(clientid_control *control, uint64_t id,
                                          clientid_credentials *out, clientid_error *error)
{
    clientid_secret secret;
    int rc;

    if (control == NULL || out == NULL || out->size != sizeof(*out))
        return clientid__bad_argument(error);
    *out = (clientid_credentials){.size = sizeof(*out), .slot = 1};
    rc = make_secret(out, &secret, error);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc == 0)
        rc = clientid__end(control, rotate(control, id, &secret, out, error), error);
    if (rc != 0)
        clientid_credentials_wipe(out);
    return rc;
}

static int revoke(clientid_control *control, uint64_t id, clientid_error *error)
{
    struct clientid__connected_app_facts app;
    int rc = facts_of(control, id, &app, error);

    if (rc == 0)
        rc = CLIENTID__STORE(control, connected_app->revoke, id, clientid__now(control), error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, token->clear, 0, id, INT64_MAX, error);
    return rc == 0 ? log_app(control, &app, "revoke", clientid__cstr(app.name), error) : rc;
}

int clientid_control_connected_app_revoke(clientid_control *control, uint64_t id,
                                          clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, revoke(control, id, error), error);
}

/* ---- grants ---------------------------------------------------------------------------------- */

static int set_grant(clientid_control *control, uint64_t id, uint64_t application_id, bool granted,
                     clientid_error *error)
{
    struct clientid__connected_app_facts app;
    struct clientid__application_facts application;
    char detail[CLIENTID_ID_MAX + 16];
    int rc = facts_of(control, id, &app, error);

    if (rc == 0)
        rc = clientid__found(
            error,
            CLIENTID__STORE(control, application->facts, application_id, &application, error),
            "application", application_id);
    if (rc == 0)
        rc = granted ? CLIENTID__STORE(control, connected_app->grant, id, application_id, error)
                     : CLIENTID__STORE(control, connected_app->ungrant, id, application_id, error);
    if (rc != 0)
        return rc;
    snprintf(detail, sizeof(detail), "application %" PRIu64, application_id);
    return log_app(control, &app, granted ? "grant" : "ungrant", clientid__cstr(detail), error);
}

int clientid_control_connected_app_grant(clientid_control *control, uint64_t id,
                                         uint64_t application_id, clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, set_grant(control, id, application_id, true, error), error);
}

int clientid_control_connected_app_ungrant(clientid_control *control, uint64_t id,
                                           uint64_t application_id, clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, set_grant(control, id, application_id, false, error), error);
}

int clientid_control_connected_app_grants(clientid_control *control, uint64_t id,
                                          clientid_id_fn *emit, void *sink, clientid_error *error)
{
    struct clientid__connected_app_facts app;
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = may_manage(control, error);
    if (rc == 0)
        rc = clientid__found(error, CLIENTID__STORE(control, connected_app->facts, id, &app, error),
                             "Connected App", id);
    if (rc == 0)
        rc = CLIENTID__STORE(control, connected_app->grants, id, emit, sink, error);
    return clientid__looked(control, rc, error);
}
