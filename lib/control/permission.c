/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what is one table; everything else here finds out who somebody is to the thing in question. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

/* ---- labels ---------------------------------------------------------------------------------- */

const char *clientid_role_label(uint32_t role)
{
    switch (role) {
#define CLIENTID__ROLE_CASE(name, number, label)                                                   \
    case number:                                                                                   \
        return label;
        CLIENTID_ROLE_MAP(CLIENTID__ROLE_CASE)
#undef CLIENTID__ROLE_CASE
    default:
        return "?";
    }
}

static const struct {
    uint32_t bit;
    const char *name;
} scopes[] = {
#define CLIENTID__SCOPE_ROW(name, bit, scope, label) {(bit), (scope)},
    CLIENTID_SCOPE_MAP(CLIENTID__SCOPE_ROW)
#undef CLIENTID__SCOPE_ROW
};

#define SCOPES (sizeof(scopes) / sizeof(scopes[0]))

const char *clientid_scope_name(uint32_t scope)
{
    for (size_t i = 0; i < SCOPES; i++)
        if (scopes[i].bit == scope)
            return scopes[i].name;
    return NULL;
}

uint32_t clientid_scope_find(clientid_str name)
{
    for (size_t i = 0; i < SCOPES; i++)
        if (clientid__str_eq(name, clientid__cstr(scopes[i].name)))
            return scopes[i].bit;
    return 0;
}

const char *clientid_permission_label(clientid_permission permission)
{
    static const char *const labels[] = {
#define CLIENTID__PERMISSION_ROW(name, label, who) label,
        CLIENTID_PERMISSION_MAP(CLIENTID__PERMISSION_ROW)
#undef CLIENTID__PERMISSION_ROW
    };

    return (unsigned)permission < CLIENTID_PERMISSION_COUNT ? labels[permission] : "?";
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Who somebody is; above the bits of scopes. */
enum {
    ADMIN = 1 << 16,
    API_OWNER = 1 << 17, /* by role */
    USER = 1 << 18,      /* any */
    OWNS_API = 1 << 19,  /* a user with the role, among the owners of the API */
    OWNS = 1 << 20,      /* a user among the owners of the application */
    ITS_OWN = 1 << 21    /* a Connected App that created the application, or was granted it */
};

#define SCOPE(name) CLIENTID_SCOPE_##name
#define ANY_SCOPE                                                                                  \
    (SCOPE(CREATE_APPLICATIONS) | SCOPE(READ_APPLICATIONS) | SCOPE(MANAGE_APPLICATION) |           \
     SCOPE(MANAGE_CONTRACTS) | SCOPE(READ_CONTRACTS) | SCOPE(MANAGE_APIS) | SCOPE(VIEW_EXCHANGE))

static const uint32_t allowed[CLIENTID_PERMISSION_COUNT] = {
    [CLIENTID_PERMISSION_API_READ] = USER | ANY_SCOPE,
    [CLIENTID_PERMISSION_API_CREATE] = ADMIN | API_OWNER | SCOPE(MANAGE_APIS),
    [CLIENTID_PERMISSION_API_MANAGE] = ADMIN | OWNS_API | SCOPE(MANAGE_APIS),
    [CLIENTID_PERMISSION_CONTRACT_READ] =
        ADMIN | OWNS_API | OWNS | SCOPE(READ_CONTRACTS) | SCOPE(MANAGE_CONTRACTS) | ITS_OWN,
    [CLIENTID_PERMISSION_CONTRACT_DECIDE] = ADMIN | OWNS_API | SCOPE(MANAGE_CONTRACTS),
    [CLIENTID_PERMISSION_APPLICATION_CREATE] = USER | SCOPE(CREATE_APPLICATIONS),
    [CLIENTID_PERMISSION_APPLICATION_READ] = ADMIN | OWNS | SCOPE(READ_APPLICATIONS) | ITS_OWN,
    [CLIENTID_PERMISSION_APPLICATION_USE] = ADMIN | OWNS | ITS_OWN,
    [CLIENTID_PERMISSION_APPLICATION_MANAGE] = ADMIN | OWNS,
    [CLIENTID_PERMISSION_USER_MANAGE] = ADMIN,
    [CLIENTID_PERMISSION_CONNECTED_APP_MANAGE] = ADMIN,
    [CLIENTID_PERMISSION_CHANGES_READ] = ADMIN,
    [CLIENTID_PERMISSION_FEED_READ] = ADMIN | SCOPE(READ_CONTRACTS) | SCOPE(MANAGE_CONTRACTS),
    [CLIENTID_PERMISSION_GATEWAY_MANAGE] = ADMIN,
    [CLIENTID_PERMISSION_GATEWAY_ANSWER] = ADMIN | OWNS_API | SCOPE(MANAGE_CONTRACTS),
    [CLIENTID_PERMISSION_STORE_MANAGE] = ADMIN,
};

/* ---- who is it ------------------------------------------------------------------------------- */

/* Without looking at any thing. */
static uint32_t plain(const clientid_caller *caller)
{
    if (caller->kind == CLIENTID_CALLER_CONNECTED_APP)
        return caller->scopes & ANY_SCOPE;
    switch (caller->role) {
    case CLIENTID_ROLE_ADMINISTRATOR:
        return USER | ADMIN;
    case CLIENTID_ROLE_API_OWNER:
        return USER | API_OWNER;
    default:
        return USER;
    }
}

static int owns_api(clientid_control *control, uint64_t api_id, uint32_t *who,
                    clientid_error *error)
{
    bool has = false;
    int rc = CLIENTID__STORE(control, api_owner->has, api_id,
                             clientid__cstr(control->caller.user_name), &has, error);

    if (has)
        *who |= OWNS_API;
    return rc;
}

static int owns_application(clientid_control *control, uint64_t application_id, uint32_t *who,
                            clientid_error *error)
{
    size_t count;
    bool found = false;
    int rc = CLIENTID__STORE(control, owner->count, application_id,
                             clientid__cstr(control->caller.user_name), &count, &found, error);

    if (found)
        *who |= OWNS;
    return rc;
}

/* What it created is its own as long as it has the scope that it was created by. */
static int holds_application(clientid_control *control, uint64_t application_id, uint32_t *who,
                             clientid_error *error)
{
    bool created = false, granted = false;
    int rc = CLIENTID__STORE(control, connected_app->holds, control->caller.connected_app_id,
                             application_id, &created, &granted, error);

    if (granted || (created && (control->caller.scopes & CLIENTID_SCOPE_CREATE_APPLICATIONS) != 0))
        *who |= ITS_OWN;
    return rc;
}

static int allows(clientid_control *control, clientid_permission permission, uint64_t api_id,
                  uint64_t application_id, bool *yes, clientid_error *error)
{
    const uint32_t enough = allowed[permission];
    uint32_t who = plain(&control->caller);
    int rc = 0;

    *yes = (who & enough) != 0;
    if (!*yes && api_id != 0 && (enough & OWNS_API) != 0 && (who & API_OWNER) != 0)
        rc = owns_api(control, api_id, &who, error);
    if (rc == 0 && !*yes && application_id != 0 && (enough & OWNS) != 0 && (who & USER) != 0)
        rc = owns_application(control, application_id, &who, error);
    if (rc == 0 && !*yes && application_id != 0 && (enough & ITS_OWN) != 0 && (who & USER) == 0)
        rc = holds_application(control, application_id, &who, error);
    *yes = (who & enough) != 0;
    return rc;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int forbid(clientid_control *control, clientid_permission permission, clientid_error *error)
{
    return clientid__fail(error, CLIENTID_ERR_FORBIDDEN, "%s: %.100s may not do that",
                          clientid_permission_label(permission), control->caller.actor);
}

int clientid__may(clientid_control *control, clientid_permission permission, uint64_t api_id,
                  uint64_t application_id, clientid_error *error)
{
    bool yes = true;
    int rc =
        control->has_caller ? allows(control, permission, api_id, application_id, &yes, error) : 0;

    return rc != 0 || yes ? rc : forbid(control, permission, error);
}

int clientid__may_either(clientid_control *control, clientid_permission permission,
                         clientid_permission other, uint64_t api_id, uint64_t application_id,
                         clientid_error *error)
{
    int rc = clientid__may(control, permission, api_id, application_id, NULL);

    if (rc == CLIENTID_ERR_FORBIDDEN)
        rc = clientid__may(control, other, api_id, application_id, error);
    return rc == CLIENTID_ERR_FORBIDDEN ? forbid(control, permission, error) : rc;
}

int clientid__may_see(clientid_control *control, clientid_permission permission, uint64_t api_id,
                      uint64_t application_id, clientid_error *error)
{
    int rc = clientid__may(control, permission, api_id, application_id, error);

    return rc == CLIENTID_ERR_FORBIDDEN ? CLIENTID_ERR_NOT_FOUND : rc;
}

int clientid__viewer(clientid_control *control, clientid_permission permission,
                     struct clientid__viewer *room, const struct clientid__viewer **viewer,
                     clientid_error *error)
{
    const clientid_caller *caller = &control->caller;
    bool all = true;
    int rc = control->has_caller ? allows(control, permission, 0, 0, &all, error) : 0;

    *viewer = all ? NULL : room;
    *room = (struct clientid__viewer){.connected_app_id = caller->connected_app_id};
    if (caller->kind == CLIENTID_CALLER_USER) {
        room->owner = clientid__cstr(caller->user_name);
        room->owns_apis = caller->role == CLIENTID_ROLE_API_OWNER;
    } else if ((caller->scopes & CLIENTID_SCOPE_CREATE_APPLICATIONS) != 0) {
        room->creator_id = caller->connected_app_id;
    }
    return rc;
}

int clientid_control_may(clientid_control *control, clientid_permission permission, uint64_t api_id,
                         uint64_t application_id, clientid_error *error)
{
    int rc;

    if (control == NULL || (unsigned)permission >= CLIENTID_PERMISSION_COUNT)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, permission, api_id, application_id, error);
    return clientid__looked(control, rc, error);
}
