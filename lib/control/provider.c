/* SPDX-License-Identifier: Apache-2.0 */
/* A provider's name is what APIs and applications call it by, so it stays, and so does a provider that is called. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#include <stdio.h>

/* ---- fields ---------------------------------------------------------------------------------- */

static int nothing(void *sink, const clientid_hook_record *record)
{
    (void)sink;
    (void)record;
    return 0;
}

static int check_hooks(clientid_control *control, const clientid_provider_record *record,
                       clientid_error *error)
{
    char at[32];

    if (record->hook_count > CLIENTID_PROVIDER_HOOKS_MAX)
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/webhooks",
                                 "has more than %d elements", CLIENTID_PROVIDER_HOOKS_MAX);
    for (size_t i = 0; i < record->hook_count; i++) {
        int rc = record->hooks[i] == 0
                     ? CLIENTID_ERR_NOT_FOUND
                     : CLIENTID__STORE(control, hook->each, record->hooks[i], nothing, NULL, error);

        snprintf(at, sizeof(at), "/webhooks/%zu", i);
        if (rc == CLIENTID_ERR_NOT_FOUND)
            return clientid__fail_at(error, rc, at, "there is no such webhook");
        if (rc != 0)
            return rc;
        for (size_t j = 0; j < i; j++)
            if (record->hooks[j] == record->hooks[i])
                return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, at, "is named twice");
    }
    return 0;
}

static int check_record(clientid_control *control, const clientid_provider_record *record,
                        size_t name_min, clientid_error *error)
{
    int rc = clientid__check_field(error, "/name", record->name, name_min, CLIENTID_NAME_MAX,
                                   CLIENTID__FIELD_NAME);

    if (rc == 0)
        rc = clientid__check_field(error, "/description", record->description, 0, CLIENTID_TEXT_MAX,
                                   CLIENTID__FIELD_TEXT);
    if (rc == 0)
        rc = clientid__check_field(error, "/stage", record->stage, 0, CLIENTID_NAME_MAX,
                                   CLIENTID__FIELD_NAME);
    return rc != 0 ? rc : check_hooks(control, record, error);
}

static bool valid(const clientid_provider_record *record)
{
    return record != NULL && record->size == sizeof(*record) &&
           (record->type == CLIENTID_PROVIDER_OWN ||
            record->type == CLIENTID_PROVIDER_THIRD_PARTY) &&
           (record->hook_count == 0 || record->hooks != NULL);
}

/* ---- write ----------------------------------------------------------------------------------- */

static int create(clientid_control *control, const clientid_provider_record *record, uint64_t *id,
                  clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__provider_facts taken;
    int rc = check_record(control, record, 1, error);

    if (rc == 0)
        rc = CLIENTID__STORE(control, provider->find, record->name, &taken, error);
    if (rc == 0 && taken.id != 0)
        rc = clientid__broken(error, CLIENTID__RULE_PROVIDER_NAME_TAKEN, "%s exists already",
                              taken.name);
    if (rc == 0)
        rc = CLIENTID__STORE(control, provider->insert, record, now_ns, id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, provider->hooks, *id, record->hooks, record->hook_count,
                             error);
    if (rc == 0)
        rc = clientid__log_other(control, now_ns, CLIENTID__PROVIDER, *id, "create", record->name,
                                 error);
    return rc;
}

int clientid_control_provider_create(clientid_control *control,
                                     const clientid_provider_record *record, uint64_t *id,
                                     clientid_error *error)
{
    int rc;

    if (control == NULL || id == NULL || !valid(record))
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = create(control, record, id, error);
    return clientid__end(control, rc, error);
}

struct name {
    size_t len;
    char text[CLIENTID_NAME_MAX];
};

static int copy_name(void *sink, const clientid_provider_record *record)
{
    struct name *name = sink;

    name->len = record->name.len < sizeof(name->text) ? record->name.len : sizeof(name->text);
    memcpy(name->text, record->name.ptr, name->len);
    return 0;
}

static int name_of(clientid_control *control, uint64_t id, struct name *out, clientid_error *error)
{
    return clientid__found(
        error, CLIENTID__STORE(control, provider->each, id, copy_name, out, error), "provider", id);
}

static int update(clientid_control *control, uint64_t id, const clientid_provider_record *record,
                  clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct name name;
    int rc = name_of(control, id, &name, error);

    if (rc == 0)
        rc = check_record(control, record, 0, error);
    if (rc == 0 && record->name.len > 0 &&
        !clientid__str_eq(record->name, clientid__str(name.text, name.len)))
        rc = clientid__broken(error, CLIENTID__RULE_PROVIDER_NAME_FIXED,
                              "the name of %.*s cannot be changed", (int)name.len, name.text);
    if (rc == 0)
        rc = CLIENTID__STORE(control, provider->update, id, record, now_ns, error);
    if (rc == 0)
        rc =
            CLIENTID__STORE(control, provider->hooks, id, record->hooks, record->hook_count, error);
    if (rc == 0)
        rc = clientid__log_other(control, now_ns, CLIENTID__PROVIDER, id, "update",
                                 clientid__str(name.text, name.len), error);
    return rc;
}

int clientid_control_provider_update(clientid_control *control, uint64_t id,
                                     const clientid_provider_record *record, clientid_error *error)
{
    int rc;

    if (control == NULL || !valid(record))
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "provider", id);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = update(control, id, record, error);
    return clientid__end(control, rc, error);
}

static int delete_provider(clientid_control *control, uint64_t id, clientid_error *error)
{
    struct name name;
    bool used = false;
    int rc = name_of(control, id, &name, error);

    if (rc == 0)
        rc = CLIENTID__STORE(control, provider->in_use, id, &used, error);
    if (rc == 0 && used)
        rc = clientid__broken(error, CLIENTID__RULE_PROVIDER_IN_USE,
                              "APIs or applications name %.*s", (int)name.len, name.text);
    if (rc == 0)
        rc = CLIENTID__STORE(control, provider->delete, id, error);
    if (rc == 0)
        rc = clientid__log_other(control, clientid__now(control), CLIENTID__PROVIDER, id, "delete",
                                 clientid__str(name.text, name.len), error);
    return rc;
}

int clientid_control_provider_delete(clientid_control *control, uint64_t id, clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "provider", id);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = delete_provider(control, id, error);
    return clientid__end(control, rc, error);
}

/* ---- read ------------------------------------------------------------------------------------ */

int clientid_control_provider_get(clientid_control *control, uint64_t id,
                                  clientid_provider_fn *emit, void *sink, clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "provider", id);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, provider->each, id, emit, sink, error);
    return clientid__looked(control, clientid__found(error, rc, "provider", id), error);
}

int clientid_control_provider_list(clientid_control *control, clientid_provider_fn *emit,
                                   void *sink, clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, provider->each, 0, emit, sink, error);
    return clientid__looked(control, rc, error);
}
