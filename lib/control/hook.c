/* SPDX-License-Identifier: Apache-2.0 */
/* A webhook has what its authentication needs, and its password is never at rest in clear. */
#include "control/control.h"
#include "control/outbox.h"
#include "control/seal.h"

#include "base/error.h"
#include "base/str.h"

static const struct {
    uint32_t bit;
    const char *id;
} events[] = {
#define CLIENTID__HOOK_EVENT_ROW(name, bit, id) {bit, id},
    CLIENTID_HOOK_EVENT_MAP(CLIENTID__HOOK_EVENT_ROW)
#undef CLIENTID__HOOK_EVENT_ROW
};

#define EVENTS (sizeof(events) / sizeof(events[0]))

const char *clientid_hook_event_id(uint32_t bit)
{
    for (size_t i = 0; i < EVENTS; i++)
        if (events[i].bit == bit)
            return events[i].id;
    return NULL;
}

uint32_t clientid_hook_event_find(clientid_str text)
{
    for (size_t i = 0; i < EVENTS; i++)
        if (clientid__str_eq(text, clientid__cstr(events[i].id)))
            return events[i].bit;
    return 0;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static clientid_str after_scheme(clientid_str url)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i]);

        if (url.len > len &&
            clientid__str_case_eq(clientid__str(url.ptr, len), clientid__cstr(schemes[i])))
            return clientid__str(url.ptr + len, url.len - len);
    }
    return (clientid_str){NULL, 0};
}

/* Credentials in a URL would be in the clear, and in every log. */
static int check_url(clientid_str url, clientid_error *error)
{
    clientid_str rest;
    int rc = clientid__check_field(error, "/url", url, 1, CLIENTID_URI_MAX, CLIENTID__FIELD_NAME);

    if (rc != 0)
        return rc;
    rest = after_scheme(url);
    if (rest.len == 0 || rest.ptr[0] == '/' || memchr(url.ptr, ' ', url.len) != NULL)
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/url",
                                 "must be an http:// or https:// URL");
    for (size_t i = 0; i < rest.len && memchr("/?#", rest.ptr[i], 3) == NULL; i++)
        if (rest.ptr[i] == '@')
            return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/url",
                                     "must not hold credentials");
    return 0;
}

static int check_file(clientid_str name, clientid_error *error)
{
    int rc = clientid__check_field(error, "/parameters/file_id", name, 1, CLIENTID_NAME_MAX,
                                   CLIENTID__FIELD_NAME);

    if (rc == 0 && (name.ptr[0] == '.' || memchr(name.ptr, '/', name.len) != NULL))
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/parameters/file_id",
                                 "is not the name of a file");
    return rc;
}

static int check_unused(clientid_str value, const char *pointer, clientid_error *error)
{
    return value.len == 0 ? 0
                          : clientid__fail_at(error, CLIENTID_ERR_SYNTAX, pointer,
                                              "does not go with this authentication");
}

/* |kept|: there is a password from before. */
static int check_authentication(const clientid_hook_record *record, bool kept,
                                clientid_error *error)
{
    const char *user = "/parameters/username", *password = "/parameters/password";
    const char *file = "/parameters/file_id";
    bool basic = record->authentication == CLIENTID_HOOK_BASIC;
    bool ssl = record->authentication == CLIENTID_HOOK_SSL;
    int rc = clientid__check_field(error, password, record->password, basic && !kept,
                                   CLIENTID_HOOK_PASSWORD_MAX, CLIENTID__FIELD_NAME);

    if (rc == 0 && !basic && !ssl)
        rc = check_unused(record->password, password, error);
    if (rc == 0)
        rc = basic ? clientid__check_field(error, user, record->username, 1, CLIENTID_NAME_MAX,
                                           CLIENTID__FIELD_NAME)
                   : check_unused(record->username, user, error);
    /* RFC 7617 section 2: the name ends at the first colon. */
    if (rc == 0 && basic && memchr(record->username.ptr, ':', record->username.len) != NULL)
        rc = clientid__fail_at(error, CLIENTID_ERR_SYNTAX, user, "must not have a colon");
    if (rc == 0)
        rc = ssl ? check_file(record->file_id, error) : check_unused(record->file_id, file, error);
    return rc;
}

static int check_record(const clientid_hook_record *record, bool kept, clientid_error *error)
{
    uint32_t known = 0;
    int rc;

    for (size_t i = 0; i < EVENTS; i++)
        known |= events[i].bit;
    if (record->provider_type > 1 || (record->subscriptions & ~known) != 0 ||
        record->authentication > CLIENTID_HOOK_SSL)
        return clientid__bad_argument(error);
    rc = check_url(record->url, error);
    return rc != 0 ? rc : check_authentication(record, kept, error);
}

/* ---- write ----------------------------------------------------------------------------------- */

static int set_password(clientid_control *control, uint64_t id, clientid_str password,
                        clientid_error *error)
{
    const struct clientid__place place = {.table = "hook", .ids = {id}};
    unsigned char sealed[CLIENTID_HOOK_PASSWORD_MAX + CLIENTID__SEAL_EXTRA];
    size_t len = password.len + CLIENTID__SEAL_EXTRA;
    int rc;

    if (password.len == 0)
        return CLIENTID__STORE(control, hook->set_password, id, password, error);
    rc = clientid__seal(control, &place, password, sealed, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, hook->set_password, id,
                             clientid__str((const char *)sealed, len), error);
    return rc;
}

struct before {
    size_t count;
    uint32_t authentication;
};

static int note(void *sink, const clientid_hook_record *record)
{
    struct before *before = sink;

    before->count++;
    before->authentication = record->authentication;
    return 0;
}

static int create(clientid_control *control, const clientid_hook_record *record, uint64_t *id,
                  clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct before before = {0, 0};
    int rc = check_record(record, false, error);

    if (rc == 0)
        rc = CLIENTID__STORE(control, hook->each, 0, note, &before, error);
    if (rc == 0 && before.count >= CLIENTID_HOOKS_MAX)
        rc = clientid__broken(error, CLIENTID__RULE_HOOK_COUNT, "there are %zu webhooks",
                              before.count);
    *id = 0;
    if (rc == 0)
        rc = CLIENTID__STORE(control, hook->save, record, now_ns, id, error);
    if (rc == 0)
        rc = set_password(control, *id, record->password, error);
    if (rc == 0)
        rc =
            clientid__log_other(control, now_ns, CLIENTID__HOOK, *id, "create", record->url, error);
    return rc;
}

int clientid_control_hook_create(clientid_control *control, const clientid_hook_record *record,
                                 uint64_t *id, clientid_error *error)
{
    int rc;

    if (control == NULL || record == NULL || id == NULL || record->size != sizeof(*record))
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = create(control, record, id, error);
    return clientid__end(control, rc, error);
}

static int update(clientid_control *control, uint64_t id, const clientid_hook_record *record,
                  clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct before before = {0, 0};
    bool kept;
    int rc = clientid__found(error, CLIENTID__STORE(control, hook->each, id, note, &before, error),
                             "webhook", id);

    if (rc != 0)
        return rc;
    kept = record->password.len == 0 && before.authentication == record->authentication;
    rc = check_record(record, kept, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, hook->save, record, now_ns, &id, error);
    if (rc == 0 && !kept)
        rc = set_password(control, id, record->password, error);
    if (rc == 0)
        rc = clientid__log_other(control, now_ns, CLIENTID__HOOK, id, "update", record->url, error);
    return rc;
}

int clientid_control_hook_update(clientid_control *control, uint64_t id,
                                 const clientid_hook_record *record, clientid_error *error)
{
    int rc;

    if (control == NULL || record == NULL || record->size != sizeof(*record))
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "webhook", id);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = update(control, id, record, error);
    return clientid__end(control, rc, error);
}

static int delete_hook(clientid_control *control, uint64_t id, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct before before = {0, 0};
    int rc = clientid__found(error, CLIENTID__STORE(control, hook->each, id, note, &before, error),
                             "webhook", id);

    if (rc == 0)
        rc = clientid__outbox_drop_hook(control, id, now_ns, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, hook->delete, id, error);
    if (rc == 0)
        rc = clientid__log_other(control, now_ns, CLIENTID__HOOK, id, "delete",
                                 (clientid_str){NULL, 0}, error);
    return rc;
}

int clientid_control_hook_delete(clientid_control *control, uint64_t id, clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "webhook", id);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = delete_hook(control, id, error);
    return clientid__end(control, rc, error);
}

/* ---- read ------------------------------------------------------------------------------------ */

int clientid_control_hook_get(clientid_control *control, uint64_t id, clientid_hook_fn *emit,
                              void *sink, clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "webhook", id);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, hook->each, id, emit, sink, error);
    return clientid__looked(control, clientid__found(error, rc, "webhook", id), error);
}

int clientid_control_hook_list(clientid_control *control, clientid_hook_fn *emit, void *sink,
                               clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, hook->each, 0, emit, sink, error);
    return clientid__looked(control, rc, error);
}
