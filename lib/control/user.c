/* SPDX-License-Identifier: Apache-2.0 */
/* A name is one person's; an organization that has an administrator keeps one. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

/* ---- fields ---------------------------------------------------------------------------------- */

int clientid__user_fields(const clientid_user_record *record, unsigned fields,
                          clientid_error *error)
{
    const struct {
        const char *pointer;
        clientid_str value;
        unsigned bit;
    } rows[] = {
        {"/email", record->email, CLIENTID_USER_EMAIL},
        {"/firstName", record->first_name, CLIENTID_USER_FIRST_NAME},
        {"/lastName", record->last_name, CLIENTID_USER_LAST_NAME},
    };
    int rc = 0;

    if (((fields & CLIENTID_USER_ENABLED) && record->enabled > 1) ||
        ((fields & CLIENTID_USER_ROLE) &&
         (record->role < CLIENTID_ROLE_ADMINISTRATOR || record->role > CLIENTID_ROLE_MEMBER)))
        return clientid__bad_argument(error);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rc == 0; i++)
        if (fields & rows[i].bit)
            rc = clientid__check_field(error, rows[i].pointer, rows[i].value, 0, CLIENTID_NAME_MAX,
                                       CLIENTID__FIELD_NAME);
    return rc;
}

static int facts_of(clientid_control *control, uint64_t id, struct clientid__user_facts *out,
                    clientid_error *error)
{
    return clientid__found(error, CLIENTID__STORE(control, user->facts, id, out, error), "user",
                           id);
}

static bool is_itself(const clientid_control *control, uint64_t id)
{
    return control->has_caller && control->caller.kind == CLIENTID_CALLER_USER &&
           control->caller.user_id == id;
}

static int may_manage(clientid_control *control, clientid_error *error)
{
    return clientid__may(control, CLIENTID_PERMISSION_USER_MANAGE, 0, 0, error);
}

/* ---- create ---------------------------------------------------------------------------------- */

int clientid__user_add(clientid_control *control, const clientid_user_record *record,
                       clientid_str kept_password, clientid_str actor, uint64_t now_ns,
                       uint64_t *id, clientid_error *error)
{
    clientid_user_record row = *record;
    int rc = CLIENTID__STORE(control, user->find, record->name, id, error);

    if (rc == 0)
        return clientid__broken(error, CLIENTID__RULE_USER_NAME_TAKEN, "%.*s exists already",
                                (int)record->name.len, record->name.ptr);
    if (rc != CLIENTID_ERR_NOT_FOUND)
        return rc;
    row.created_ns = row.updated_ns = now_ns;
    rc = CLIENTID__STORE(control, user->insert, &row, kept_password, id, error);
    if (rc == 0)
        rc = clientid__log_account(control, now_ns, CLIENTID__USER, *id, "create", actor,
                                   (clientid_str){NULL, 0}, record->name, error);
    return rc;
}

static int check_new(const clientid_user_record *record, clientid_str password,
                     clientid_error *error)
{
    int rc = clientid__check_field(error, "/username", record->name, 1, CLIENTID_NAME_MAX,
                                   CLIENTID__FIELD_NAME);

    if (rc == 0)
        rc = clientid__user_fields(record, ~0U, error);
    if (rc == 0 && record->identity == CLIENTID_IDENTITY_PASSWORD)
        rc = clientid__password_check(password, error);
    return rc;
}

/* A digest takes a while: made before the transaction, for somebody who may not have it made at all too. */
static int keep(clientid_control *control, const clientid_user_record *record,
                clientid_str password, char out[CLIENTID__PASSWORD_TEXT_MAX + 1],
                clientid_error *error)
{
    out[0] = '\0';
    if (record->identity != CLIENTID_IDENTITY_PASSWORD)
        return 0;
    return clientid__password_hash(control->scrypt_log2, password, out, error);
}

int clientid_control_user_create(clientid_control *control, const clientid_user_record *record,
                                 clientid_str password, uint64_t *id, clientid_error *error)
{
    char kept[CLIENTID__PASSWORD_TEXT_MAX + 1];
    int rc;

    if (control == NULL || record == NULL || id == NULL || record->size != sizeof(*record) ||
        record->identity < CLIENTID_IDENTITY_PASSWORD ||
        record->identity > CLIENTID_IDENTITY_OPENID ||
        (record->identity != CLIENTID_IDENTITY_PASSWORD && password.len > 0))
        return clientid__bad_argument(error);
    rc = check_new(record, password, error);
    /* Who may not is told before the work. */
    if (rc == 0)
        rc = clientid_control_may(control, CLIENTID_PERMISSION_USER_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = keep(control, record, password, kept, error);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = may_manage(control, error);
    if (rc == 0)
        rc = clientid__user_add(control, record, clientid__cstr(kept), (clientid_str){NULL, 0},
                                clientid__now(control), id, error);
    return clientid__end(control, rc, error);
}

/* The rights of an owner belong to a name: nobody may take one that has some. */
static int check_free(clientid_control *control, clientid_str name, clientid_error *error)
{
    uint64_t count = 0;
    int rc = CLIENTID__STORE(control, user->owned, name, &count, error);

    if (rc == 0 && count > 0)
        return clientid__broken(error, CLIENTID__RULE_USER_NAME_TAKEN, "%.*s exists already",
                                (int)name.len, name.ptr);
    return rc;
}

int clientid_control_user_register(clientid_control *control, const clientid_user_record *record,
                                   clientid_str password, clientid_str address, uint64_t *id,
                                   clientid_error *error)
{
    char kept[CLIENTID__PASSWORD_TEXT_MAX + 1];
    clientid_receipt receipt;
    clientid_user_record row;
    int rc;

    if (control == NULL || record == NULL || id == NULL || record->size != sizeof(*record))
        return clientid__bad_argument(error);
    row = *record;
    row.role = CLIENTID_ROLE_MEMBER;
    row.identity = CLIENTID_IDENTITY_PASSWORD;
    row.enabled = 1;
    rc = clientid__attempt(control, (clientid_str){NULL, 0}, address, &receipt, error);
    if (rc == 0)
        rc = check_new(&row, password, error);
    if (rc == 0)
        rc = keep(control, &row, password, kept, error);
    if (rc == 0)
        rc = clientid__begin_unasked(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = check_free(control, row.name, error);
    if (rc == 0)
        rc = clientid__user_add(control, &row, clientid__cstr(kept), row.name,
                                clientid__now(control), id, error);
    return clientid__end(control, rc, error);
}

/* ---- read ------------------------------------------------------------------------------------ */

static int find(clientid_control *control, clientid_str name, uint64_t *id, clientid_error *error)
{
    int rc = 0;

    if (!control->has_caller || control->caller.kind != CLIENTID_CALLER_USER ||
        !clientid__str_eq(name, clientid__cstr(control->caller.user_name)))
        rc = may_manage(control, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, user->find, name, id, error);
    if (rc == CLIENTID_ERR_NOT_FOUND)
        return clientid__fail(error, rc, "there is no user %.*s", (int)name.len, name.ptr);
    return rc;
}

int clientid_control_user_find(clientid_control *control, clientid_str name, uint64_t *id,
                               clientid_error *error)
{
    int rc;

    if (control == NULL || id == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    return rc != 0 ? rc : clientid__looked(control, find(control, name, id, error), error);
}

int clientid_control_user_get(clientid_control *control, uint64_t id, clientid_user_fn *emit,
                              void *sink, clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    if (!is_itself(control, id))
        rc = may_manage(control, error);
    if (rc == 0 && id == 0)
        rc = CLIENTID_ERR_NOT_FOUND;
    if (rc == 0)
        rc = CLIENTID__STORE(control, user->each, id, 0, 0, emit, sink, error);
    return clientid__looked(control, clientid__found(error, rc, "user", id), error);
}

int clientid_control_user_list(clientid_control *control, uint64_t after_id, uint64_t max,
                               clientid_user_fn *emit, void *sink, clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = may_manage(control, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, user->each, 0, after_id, max, emit, sink, error);
    return clientid__looked(control, rc, error);
}

/* ---- update ---------------------------------------------------------------------------------- */

/* Whether somebody else can still manage users when this one no longer does. */
static int check_last(clientid_control *control, const struct clientid__user_facts *user,
                      clientid_error *error)
{
    uint64_t count = 0;
    int rc;

    if (user->role != CLIENTID_ROLE_ADMINISTRATOR || !user->enabled)
        return 0;
    rc = CLIENTID__STORE(control, user->administrators, &count, error);
    if (rc == 0 && count == 1)
        return clientid__broken(error, CLIENTID__RULE_ADMINISTRATOR_LAST,
                                "%.100s is the last enabled administrator", user->name);
    return rc;
}

static bool loses_office(const clientid_user_record *record, unsigned fields)
{
    return ((fields & CLIENTID_USER_ROLE) && record->role != CLIENTID_ROLE_ADMINISTRATOR) ||
           ((fields & CLIENTID_USER_ENABLED) && !record->enabled);
}

static const char *verb_of(const clientid_user_record *record, unsigned fields)
{
    if (fields != CLIENTID_USER_ENABLED)
        return "update";
    return record->enabled ? "enable" : "disable";
}

static int update(clientid_control *control, uint64_t id, const clientid_user_record *record,
                  unsigned fields, clientid_error *error)
{
    const unsigned own = CLIENTID_USER_EMAIL | CLIENTID_USER_FIRST_NAME | CLIENTID_USER_LAST_NAME;
    uint64_t now_ns = clientid__now(control);
    struct clientid__user_facts user;
    int rc = 0;

    if (!is_itself(control, id) || (fields & ~own) != 0)
        rc = may_manage(control, error);
    if (rc == 0)
        rc = clientid__user_fields(record, fields, error);
    if (rc == 0)
        rc = facts_of(control, id, &user, error);
    if (rc == 0 && loses_office(record, fields))
        rc = check_last(control, &user, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, user->update, id, record, fields, now_ns, error);
    if (rc == 0 && (fields & CLIENTID_USER_ENABLED) && !record->enabled)
        rc = CLIENTID__STORE(control, token->clear, id, 0, INT64_MAX, error);
    if (rc == 0)
        rc = clientid__log_account(control, now_ns, CLIENTID__USER, id, verb_of(record, fields),
                                   (clientid_str){NULL, 0}, (clientid_str){NULL, 0},
                                   clientid__cstr(user.name), error);
    return rc;
}

int clientid_control_user_update(clientid_control *control, uint64_t id,
                                 const clientid_user_record *record, unsigned fields,
                                 clientid_error *error)
{
    const unsigned known = CLIENTID_USER_EMAIL | CLIENTID_USER_FIRST_NAME |
                           CLIENTID_USER_LAST_NAME | CLIENTID_USER_ROLE | CLIENTID_USER_ENABLED;
    int rc;

    if (control == NULL || record == NULL || record->size != sizeof(*record) ||
        (fields & ~known) != 0)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, update(control, id, record, fields, error), error);
}

static int set_password(clientid_control *control, uint64_t id, clientid_str kept,
                        clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__user_facts user;
    int rc = is_itself(control, id) ? 0 : may_manage(control, error);

    if (rc == 0)
        rc = facts_of(control, id, &user, error);
    if (rc == 0 && user.identity != CLIENTID_IDENTITY_PASSWORD)
        return clientid__broken(error, CLIENTID__RULE_IDENTITY,
                                "%.100s signs in with an identity provider", user.name);
    if (rc == 0)
        rc = CLIENTID__STORE(control, user->password, id, kept, now_ns, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, token->clear, id, 0, INT64_MAX, error);
    if (rc == 0)
        rc = clientid__log_account(control, now_ns, CLIENTID__USER, id, "set-password",
                                   (clientid_str){NULL, 0}, (clientid_str){NULL, 0},
                                   clientid__cstr(user.name), error);
    return rc;
}

int clientid_control_user_set_password(clientid_control *control, uint64_t id,
                                       clientid_str password, clientid_error *error)
{
    char kept[CLIENTID__PASSWORD_TEXT_MAX + 1];
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__password_check(password, error);
    if (rc == 0 && !is_itself(control, id))
        rc = clientid_control_may(control, CLIENTID_PERMISSION_USER_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = clientid__password_hash(control->scrypt_log2, password, kept, error);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, set_password(control, id, clientid__cstr(kept), error), error);
}

/* ---- delete ---------------------------------------------------------------------------------- */

static int delete_user(clientid_control *control, uint64_t id, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control), apps = 0;
    struct clientid__user_facts user;
    int rc = may_manage(control, error);

    if (rc == 0)
        rc = facts_of(control, id, &user, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, user->connected_apps, id, &apps, error);
    if (rc == 0 && apps > 0)
        return clientid__broken(error, CLIENTID__RULE_USER_IN_USE,
                                "%.100s owns Connected Apps, revoke them first", user.name);
    if (rc == 0)
        rc = check_last(control, &user, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, user->delete, id, error);
    if (rc == 0)
        rc = clientid__log_account(control, now_ns, CLIENTID__USER, id, "delete",
                                   (clientid_str){NULL, 0}, (clientid_str){NULL, 0},
                                   clientid__cstr(user.name), error);
    return rc;
}

int clientid_control_user_delete(clientid_control *control, uint64_t id, clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, delete_user(control, id, error), error);
}
