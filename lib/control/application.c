/* SPDX-License-Identifier: Apache-2.0 */
/* A client id belongs to one application for ever; its secret is shown once. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

/* ---- fields ---------------------------------------------------------------------------------- */

/* Spaces at either end are lost in a header field (RFC 9110 section 5.5): such an id could never match. */
static int check_client_id(clientid_str id, clientid_error *error)
{
    int rc =
        clientid__check_field(error, "/clientId", id, 1, CLIENTID_ID_MAX, CLIENTID__FIELD_NAME);

    if (rc == 0 && (id.ptr[0] == ' ' || id.ptr[id.len - 1] == ' '))
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/clientId",
                                 "begins or ends with a space");
    return rc;
}

static int check_lists(const clientid_application_record *record, unsigned fields,
                       clientid_error *error)
{
    int rc = 0;

    if (fields & CLIENTID_APPLICATION_REDIRECT_URIS)
        rc = clientid__check_list(error, "/redirectUri", record->redirect_uris,
                                  record->redirect_uri_count, CLIENTID_URI_MAX);
    if (rc == 0 && (fields & CLIENTID_APPLICATION_GRANT_TYPES))
        rc = clientid__check_list(error, "/grantTypes", record->grant_types,
                                  record->grant_type_count, CLIENTID_NAME_MAX);
    return rc;
}

static int check_fields(const clientid_application_record *record, unsigned fields,
                        clientid_error *error)
{
    const struct {
        const char *pointer;
        clientid_str value;
        size_t min, max;
        unsigned bit;
        enum clientid__field kind;
    } rows[] = {
        {"/name", record->name, 1, CLIENTID_NAME_MAX, CLIENTID_APPLICATION_NAME,
         CLIENTID__FIELD_NAME},
        {"/description", record->description, 0, CLIENTID_TEXT_MAX,
         CLIENTID_APPLICATION_DESCRIPTION, CLIENTID__FIELD_TEXT},
        {"/url", record->url, 0, CLIENTID_URI_MAX, CLIENTID_APPLICATION_URL, CLIENTID__FIELD_NAME},
        {"/clientProvider", record->provider, 0, CLIENTID_NAME_MAX, CLIENTID_APPLICATION_PROVIDER,
         CLIENTID__FIELD_NAME},
    };
    int rc = 0;

    if ((fields & CLIENTID_APPLICATION_API_ENDPOINTS) && record->api_endpoints > 1)
        return clientid__bad_argument(error);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rc == 0; i++)
        if (fields & rows[i].bit)
            rc = clientid__check_field(error, rows[i].pointer, rows[i].value, rows[i].min,
                                       rows[i].max, rows[i].kind);
    return rc != 0 ? rc : check_lists(record, fields, error);
}

/* Hashes that were made elsewhere. */
static int check_imported(const clientid_secret secrets[2], clientid_error *error)
{
    for (int i = 0; i < 2; i++) {
        const clientid_secret *slot = &secrets[i];

        if (slot->algorithm > CLIENTID_SECRET_HMAC_SHA256 || slot->salt_len > CLIENTID_SALT_MAX ||
            slot->not_before_ns > INT64_MAX || slot->not_after_ns > INT64_MAX)
            return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/secrets",
                                     "slot %d is no stored secret", i + 1);
    }
    if (secrets[0].algorithm != CLIENTID_SECRET_NONE &&
        secrets[1].algorithm != CLIENTID_SECRET_NONE &&
        (secrets[0].salt_len != secrets[1].salt_len ||
         memcmp(secrets[0].salt, secrets[1].salt, secrets[0].salt_len) != 0))
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/secrets",
                                 "the secrets have different salts");
    return 0;
}

/* ---- create ---------------------------------------------------------------------------------- */

static int add_owners(clientid_control *control, uint64_t id,
                      const clientid_application_record *record, clientid_error *error)
{
    int rc = clientid__check_list(error, "/owners", record->owners, record->owner_count,
                                  CLIENTID_NAME_MAX);

    for (size_t i = 0; i < record->owner_count && rc == 0; i++) {
        for (size_t j = 0; j < i; j++)
            if (clientid__str_eq(record->owners[i], record->owners[j]))
                return clientid__broken(error, CLIENTID__RULE_OWNER_TAKEN,
                                        "the owners name %.*s twice", (int)record->owners[i].len,
                                        record->owners[i].ptr);
        rc = CLIENTID__STORE(control, owner->insert, id, record->owners[i], error);
    }
    return rc;
}

/* Both slots as they are to be stored, and which counts as set last. */
static int set_secrets(clientid_control *control, clientid_application_record *row,
                       clientid_str client_secret, clientid_error *error)
{
    int rc = check_imported(row->secrets, error);

    if (rc == 0 && client_secret.len > 0) {
        rc = clientid__check_field(error, "/clientSecret", client_secret, 1,
                                   CLIENTID_CLIENT_SECRET_MAX, CLIENTID__FIELD_NAME);
        if (rc == 0)
            rc = clientid__hash_secret(control, client_secret, NULL, &row->secrets[0], error);
        row->newest_slot = 1;
    }
    if (row->newest_slot > 2 ||
        (row->newest_slot != 0 && row->secrets[row->newest_slot - 1].algorithm == 0))
        row->newest_slot = 0;
    if (row->newest_slot == 0)
        row->newest_slot = row->secrets[1].algorithm != CLIENTID_SECRET_NONE   ? 2
                           : row->secrets[0].algorithm != CLIENTID_SECRET_NONE ? 1
                                                                               : 0;
    return rc;
}

int clientid__application_add(clientid_control *control, const clientid_application_record *record,
                              clientid_str client_secret, uint64_t now_ns, uint64_t *id,
                              clientid_error *error)
{
    clientid_application_record row = *record;
    int rc = check_fields(record, ~0U, error);

    if (rc == 0)
        rc = check_client_id(record->client_id, error);
    if (rc == 0)
        rc = set_secrets(control, &row, client_secret, error);
    if (rc != 0)
        return rc;
    rc = CLIENTID__STORE(control, application->find, record->client_id, id, error);
    if (rc == 0)
        return clientid__broken(error, CLIENTID__RULE_CLIENT_ID_TAKEN,
                                "client id %.*s exists already", (int)record->client_id.len,
                                record->client_id.ptr);
    if (rc != CLIENTID_ERR_NOT_FOUND)
        return rc;
    row.created_ns = record->created_ns != 0 ? record->created_ns : now_ns;
    row.updated_ns = record->updated_ns != 0 ? record->updated_ns : row.created_ns;
    rc = CLIENTID__STORE(control, application->insert, &row, id, error);
    if (rc == 0)
        rc = add_owners(control, *id, record, error);
    /* No contract yet, so nothing that gateways need to know. */
    if (rc == 0)
        rc = clientid__log_application(control, now_ns, *id, "create", false, record->client_id,
                                       record->name, error);
    return rc;
}

static bool imports_hashes(const clientid_application_record *record)
{
    return record->secrets[0].algorithm != CLIENTID_SECRET_NONE ||
           record->secrets[1].algorithm != CLIENTID_SECRET_NONE;
}

/* What the application will be known by, in |out|; |row| then refers to it. */
static int choose_credentials(clientid_application_record *row, clientid_str *client_secret,
                              clientid_credentials *out, clientid_error *error)
{
    int rc = 0;

    if (row->client_id.len == 0)
        rc = clientid_secret_generate(out->client_id, 32);
    else if (row->client_id.len < sizeof(out->client_id))
        memcpy(out->client_id, row->client_id.ptr, row->client_id.len);
    if (rc == 0 && client_secret->len == 0 && !imports_hashes(row))
        rc = clientid_secret_generate(out->client_secret, 32);
    else if (client_secret->len > 0 && client_secret->len < sizeof(out->client_secret))
        memcpy(out->client_secret, client_secret->ptr, client_secret->len);
    if (rc != 0)
        return clientid__fail(error, rc, "cannot generate credentials");
    if (row->client_id.len == 0)
        row->client_id = clientid__cstr(out->client_id);
    if (client_secret->len == 0)
        *client_secret = clientid__cstr(out->client_secret);
    return 0;
}

static bool lists_valid(const clientid_application_record *record)
{
    return (record->redirect_uri_count == 0 || record->redirect_uris != NULL) &&
           (record->grant_type_count == 0 || record->grant_types != NULL) &&
           (record->owner_count == 0 || record->owners != NULL);
}

/*
 * The owner of a Connected App owns what it creates (https://docs.mulesoft.com/api-manager/latest/manage-client-apps-connected-apps-concept); a
 * user owns what he creates unless he says who does.
 */
static int add_creator(clientid_control *control, const clientid_application_record *record,
                       uint64_t id, clientid_error *error)
{
    const bool app = control->caller.kind == CLIENTID_CALLER_CONNECTED_APP;
    const clientid_str name = clientid__cstr(control->caller.user_name);
    bool named = !app && record->owner_count > 0;
    int rc = app ? CLIENTID__STORE(control, application->created_by, id,
                                   control->caller.connected_app_id, error)
                 : 0;

    for (size_t i = 0; i < record->owner_count; i++)
        named = named || clientid__str_eq(record->owners[i], name);
    return rc == 0 && !named ? CLIENTID__STORE(control, owner->insert, id, name, error) : rc;
}

static int create(clientid_control *control, const clientid_application_record *row,
                  clientid_str client_secret, uint64_t *id, clientid_error *error)
{
    int rc = clientid__may(control, CLIENTID_PERMISSION_APPLICATION_CREATE, 0, 0, error);

    if (rc == 0)
        rc = clientid__application_add(control, row, client_secret, clientid__now(control), id,
                                       error);
    return rc == 0 && control->has_caller ? add_creator(control, row, *id, error) : rc;
}

int clientid_control_application_create(clientid_control *control,
                                        const clientid_application_record *record,
                                        clientid_str client_secret, clientid_credentials *out,
                                        clientid_error *error)
{
    clientid_application_record row;
    int rc;

    if (control == NULL || record == NULL || out == NULL || record->size != sizeof(*record) ||
        out->size != sizeof(*out) || !lists_valid(record) ||
        (client_secret.len > 0 && imports_hashes(record)))
        return clientid__bad_argument(error);
    row = *record;
    row.id = row.created_ns = row.updated_ns = 0;
    row.newest_slot = 0;
    *out = (clientid_credentials){.size = sizeof(*out)};
    rc = choose_credentials(&row, &client_secret, out, error);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc == 0) {
        rc = create(control, &row, client_secret, &out->application_id, error);
        rc = clientid__end(control, rc, error);
    }
    out->slot = client_secret.len > 0;
    if (rc != 0)
        clientid_credentials_wipe(out);
    return rc;
}

/* ---- read ------------------------------------------------------------------------------------ */

int clientid_control_application_find(clientid_control *control, clientid_str client_id,
                                      uint64_t *id, clientid_error *error)
{
    uint64_t found = 0;
    int rc;

    if (control == NULL || id == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = CLIENTID__STORE(control, application->find, client_id, &found, error);
    if (rc == 0)
        rc = clientid__may_see(control, CLIENTID_PERMISSION_APPLICATION_READ, 0, found, error);
    if (rc == 0)
        *id = found;
    if (rc == CLIENTID_ERR_NOT_FOUND)
        rc = clientid__fail(error, rc, "there is no application with client id %.*s",
                            (int)client_id.len, client_id.ptr);
    return clientid__looked(control, rc, error);
}

int clientid_control_application_get(clientid_control *control, uint64_t id,
                                     clientid_application_fn *emit, void *sink,
                                     clientid_error *error)
{
    static const clientid_application_filter none = {.size = sizeof(none)};
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "application", id);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may_see(control, CLIENTID_PERMISSION_APPLICATION_READ, 0, id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, application->each, id, &none, emit, sink, error);
    return clientid__looked(control, clientid__found(error, rc, "application", id), error);
}

static const clientid_application_filter all = {.size = sizeof(all)};

int clientid_control_application_list(clientid_control *control,
                                      const clientid_application_filter *filter,
                                      clientid_application_fn *emit, void *sink,
                                      clientid_error *error)
{
    const struct clientid__viewer *viewer;
    struct clientid__viewer room;
    int rc;

    if (filter == NULL)
        filter = &all;
    if (control == NULL || emit == NULL || filter->size != sizeof(*filter))
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__viewer(control, CLIENTID_PERMISSION_APPLICATION_READ, &room, &viewer, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, application->list, filter, viewer, emit, sink, error);
    return clientid__looked(control, rc, error);
}

int clientid_control_application_count(clientid_control *control,
                                       const clientid_application_filter *filter, uint64_t *count,
                                       clientid_error *error)
{
    const struct clientid__viewer *viewer;
    struct clientid__viewer room;
    int rc;

    if (filter == NULL)
        filter = &all;
    if (control == NULL || count == NULL || filter->size != sizeof(*filter))
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__viewer(control, CLIENTID_PERMISSION_APPLICATION_READ, &room, &viewer, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, application->count, filter, viewer, count, error);
    return clientid__looked(control, rc, error);
}

/* ---- update ---------------------------------------------------------------------------------- */

int clientid__application_update(clientid_control *control, uint64_t id,
                                 const clientid_application_record *record, unsigned fields,
                                 clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__application_facts facts;
    int rc = check_fields(record, fields, error);

    if (rc == 0)
        rc = clientid__found(error, CLIENTID__STORE(control, application->facts, id, &facts, error),
                             "application", id);
    if (rc == 0)
        rc = clientid__may(control, CLIENTID_PERMISSION_APPLICATION_MANAGE, 0, id, error);
    if (rc != 0)
        return rc;
    if ((fields & CLIENTID_APPLICATION_CLIENT_ID) &&
        !clientid__str_eq(record->client_id, clientid__cstr(facts.client_id)))
        return clientid__broken(error, CLIENTID__RULE_CLIENT_ID_FIXED,
                                "client id %.100s cannot be changed", facts.client_id);
    if ((fields & CLIENTID_APPLICATION_PROVIDER) && facts.has_contract &&
        !clientid__str_eq(record->provider, clientid__cstr(facts.provider)))
        return clientid__broken(error, CLIENTID__RULE_APPLICATION_PROVIDER_IN_USE,
                                "%.100s has contracts, its client provider stays", facts.client_id);
    rc = CLIENTID__STORE(control, application->update, id, record, fields, now_ns, error);
    if (rc == 0)
        rc = clientid__log_application(
            control, now_ns, id, "update", (fields & CLIENTID_APPLICATION_NAME) != 0,
            clientid__cstr(facts.client_id), (clientid_str){NULL, 0}, error);
    return rc;
}

int clientid_control_application_update(clientid_control *control, uint64_t id,
                                        const clientid_application_record *record, unsigned fields,
                                        clientid_error *error)
{
    const unsigned known = CLIENTID_APPLICATION_NAME | CLIENTID_APPLICATION_DESCRIPTION |
                           CLIENTID_APPLICATION_URL | CLIENTID_APPLICATION_PROVIDER |
                           CLIENTID_APPLICATION_REDIRECT_URIS | CLIENTID_APPLICATION_GRANT_TYPES |
                           CLIENTID_APPLICATION_API_ENDPOINTS | CLIENTID_APPLICATION_CLIENT_ID;
    int rc;

    if (control == NULL || record == NULL || record->size != sizeof(*record) ||
        (fields & ~known) != 0 || !lists_valid(record))
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, clientid__application_update(control, id, record, fields, error),
                         error);
}

/* ---- delete ---------------------------------------------------------------------------------- */

static int delete_contracts(clientid_control *control, uint64_t application_id, uint64_t now_ns,
                            clientid_error *error)
{
    uint64_t ids[64];
    size_t count = 0;
    int rc;

    do {
        rc = CLIENTID__STORE(control, contract->ids, 0, application_id, 0, ids, 64, &count, error);
        for (size_t i = 0; i < count && rc == 0; i++) {
            struct clientid__contract_facts contract;

            rc = CLIENTID__STORE(control, contract->facts, ids[i], &contract, error);
            if (rc == 0)
                rc = CLIENTID__STORE(control, contract->delete, ids[i], error);
            if (rc == 0)
                rc = clientid__log_contract(control, now_ns, ids[i], "delete",
                                            clientid__cstr(contract.api_name),
                                            clientid__cstr(contract.client_id),
                                            CLIENTID_STR("with its application"), error);
            if (rc == 0 && contract.status == CLIENTID_PENDING)
                rc = clientid__contract_turned(control, &contract, CLIENTID__WITHDRAWN, now_ns,
                                               error);
        }
    } while (rc == 0 && count > 0);
    return rc;
}

/* |asks|: the caller must be allowed to; else it follows from something that was. */
static int delete_application(clientid_control *control, uint64_t id, bool asks,
                              clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__application_facts facts;
    int rc = clientid__found(error, CLIENTID__STORE(control, application->facts, id, &facts, error),
                             "application", id);

    if (rc == 0 && asks)
        rc = clientid__may(control, CLIENTID_PERMISSION_APPLICATION_MANAGE, 0, id, error);
    if (rc != 0)
        return rc;
    if (facts.has_approved)
        return clientid__broken(error, CLIENTID__RULE_APPLICATION_IN_USE,
                                "%.100s has an approved contract, revoke it first",
                                facts.client_id);
    rc = delete_contracts(control, id, now_ns, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, application->delete, id, error);
    if (rc == 0)
        rc = clientid__application_gone(control, id, error);
    if (rc == 0)
        rc = clientid__log_application(control, now_ns, id, "delete", false,
                                       clientid__cstr(facts.client_id), (clientid_str){NULL, 0},
                                       error);
    return rc;
}

int clientid__application_delete(clientid_control *control, uint64_t id, clientid_error *error)
{
    return delete_application(control, id, false, error);
}

int clientid_control_application_delete(clientid_control *control, uint64_t id,
                                        clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, delete_application(control, id, true, error), error);
}
