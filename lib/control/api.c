/* SPDX-License-Identifier: Apache-2.0 */
/* A group's members are instances of its client provider; an API with contracts or in a group does not vanish. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#include <stdlib.h>

static int check_fields(const clientid_api_record *record, unsigned fields, clientid_error *error)
{
    const struct {
        const char *pointer;
        clientid_str value;
        size_t min, max;
        unsigned bit;
        enum clientid__field kind;
    } rows[] = {
        {"/name", record->name, 1, CLIENTID_API_NAME_MAX, CLIENTID_API_NAME, CLIENTID__FIELD_NAME},
        {"/clientProvider", record->provider, 0, CLIENTID_NAME_MAX, CLIENTID_API_PROVIDER,
         CLIENTID__FIELD_NAME},
        {"/assetId", record->asset, 0, CLIENTID_NAME_MAX, CLIENTID_API_ASSET, CLIENTID__FIELD_NAME},
        {"/version", record->version, 0, CLIENTID_NAME_MAX, CLIENTID_API_VERSION,
         CLIENTID__FIELD_NAME},
        {"/terms", record->terms, 0, CLIENTID_TEXT_MAX, CLIENTID_API_TERMS, CLIENTID__FIELD_TEXT},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rc == 0; i++)
        if (fields & rows[i].bit)
            rc = clientid__check_field(error, rows[i].pointer, rows[i].value, rows[i].min,
                                       rows[i].max, rows[i].kind);
    return rc;
}

/* ---- members --------------------------------------------------------------------------------- */

/*
 * A contract with a group admits to every member, so the rule that application and API use one client provider needs it
 * of the members too: https://docs.mulesoft.com/api-manager/2.x/api-groups-modifying-groups
 */
static int member_id(clientid_control *control, clientid_str name, clientid_str provider,
                     uint64_t *id, clientid_error *error)
{
    struct clientid__api_facts facts;
    int rc = CLIENTID__STORE(control, api->find, name, id, error);

    if (rc == CLIENTID_ERR_NOT_FOUND)
        return clientid__broken(error, CLIENTID__RULE_GROUP_MEMBER,
                                "there is no API instance named %.*s", (int)name.len, name.ptr);
    if (rc == 0)
        rc = CLIENTID__STORE(control, api->facts, *id, &facts, error);
    if (rc == 0 && facts.kind != CLIENTID_API_INSTANCE)
        return clientid__broken(error, CLIENTID__RULE_GROUP_MEMBER,
                                "%s is a group, only instances can be members", facts.name);
    if (rc == 0 && !clientid__str_eq(provider, clientid__cstr(facts.provider)))
        return clientid__broken(error, CLIENTID__RULE_GROUP_PROVIDER,
                                "the group uses client provider %.*s, %s uses %s",
                                CLIENTID__PROVIDER_ARGS(provider), facts.name,
                                facts.provider[0] != '\0' ? facts.provider : "(default)");
    /* Whoever decides on contracts of the group decides for the member too. */
    return rc == 0 ? clientid__may(control, CLIENTID_PERMISSION_API_MANAGE, *id, 0, error) : rc;
}

static int set_members(clientid_control *control, uint64_t id, const clientid_api_record *record,
                       clientid_str provider, clientid_error *error)
{
    uint64_t ids[CLIENTID__MEMBERS_MAX];

    if (record->member_count > CLIENTID__MEMBERS_MAX)
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/members",
                                 "has more than %d elements", CLIENTID__MEMBERS_MAX);
    for (size_t i = 0; i < record->member_count; i++) {
        clientid_str name = record->members[i];
        int rc = member_id(control, name, provider, &ids[i], error);

        if (rc != 0)
            return rc;
        for (size_t j = 0; j < i; j++)
            if (ids[j] == ids[i])
                return clientid__broken(error, CLIENTID__RULE_GROUP_MEMBER, "%.*s is named twice",
                                        (int)name.len, name.ptr);
    }
    return CLIENTID__STORE(control, api->members, id, ids, record->member_count, error);
}

/* ---- create ---------------------------------------------------------------------------------- */

int clientid__api_add(clientid_control *control, const clientid_api_record *record, uint64_t now_ns,
                      uint64_t *id, clientid_error *error)
{
    clientid_api_record row = *record;
    int rc = check_fields(record, ~0U, error);

    if (rc != 0)
        return rc;
    if (record->kind == CLIENTID_API_INSTANCE && record->member_count > 0)
        return clientid__broken(error, CLIENTID__RULE_INSTANCE_MEMBERS,
                                "%.*s is an instance, it has no members", (int)record->name.len,
                                record->name.ptr);
    rc = CLIENTID__STORE(control, api->find, record->name, id, error);
    if (rc == 0)
        return clientid__broken(error, CLIENTID__RULE_API_NAME_TAKEN, "%.*s exists already",
                                (int)record->name.len, record->name.ptr);
    if (rc != CLIENTID_ERR_NOT_FOUND)
        return rc;
    row.created_ns = record->created_ns != 0 ? record->created_ns : now_ns;
    row.updated_ns = record->updated_ns != 0 ? record->updated_ns : row.created_ns;
    rc = CLIENTID__STORE(control, api->insert, &row, id, error);
    if (rc == 0 && record->kind == CLIENTID_API_GROUP)
        rc = set_members(control, *id, record, record->provider, error);
    if (rc == 0)
        rc = clientid__log_api(control, now_ns, record->kind, *id, "create", record->name,
                               (clientid_str){NULL, 0}, error);
    return rc;
}

int clientid_control_api_create(clientid_control *control, const clientid_api_record *record,
                                uint64_t *id, clientid_error *error)
{
    clientid_api_record row;
    int rc;

    if (control == NULL || record == NULL || id == NULL || record->size != sizeof(*record) ||
        (record->kind != CLIENTID_API_INSTANCE && record->kind != CLIENTID_API_GROUP) ||
        (record->member_count > 0 && record->members == NULL))
        return clientid__bad_argument(error);
    row = *record;
    row.id = row.created_ns = row.updated_ns = 0;
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_API_CREATE, 0, 0, error);
    if (rc == 0)
        rc = clientid__api_add(control, &row, clientid__now(control), id, error);
    /* Who makes it owns it; a Connected App cannot, but its owner can. */
    if (rc == 0 && control->has_caller)
        rc = CLIENTID__STORE(control, api_owner->insert, *id,
                             clientid__cstr(control->caller.user_name), error);
    return clientid__end(control, rc, error);
}

/* ---- read ------------------------------------------------------------------------------------ */

int clientid_control_api_find(clientid_control *control, clientid_str name, uint64_t *id,
                              clientid_error *error)
{
    int rc;

    if (control == NULL || id == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_API_READ, 0, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, api->find, name, id, error);
    if (rc == CLIENTID_ERR_NOT_FOUND)
        rc = clientid__fail(error, rc, "there is no API named %.*s", (int)name.len, name.ptr);
    return clientid__looked(control, rc, error);
}

int clientid_control_api_get(clientid_control *control, uint64_t id, clientid_api_fn *emit,
                             void *sink, clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "API", id);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_API_READ, id, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, api->each, id, emit, sink, error);
    return clientid__looked(control, clientid__found(error, rc, "API", id), error);
}

int clientid_control_api_list(clientid_control *control, clientid_api_fn *emit, void *sink,
                              clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_API_READ, 0, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, api->each, 0, emit, sink, error);
    return clientid__looked(control, rc, error);
}

/* ---- update ---------------------------------------------------------------------------------- */

static int check_update(const struct clientid__api_facts *facts, const clientid_api_record *record,
                        unsigned fields, clientid_error *error)
{
    if ((fields & CLIENTID_API_NAME) &&
        !clientid__str_eq(record->name, clientid__cstr(facts->name)))
        return clientid__broken(error, CLIENTID__RULE_API_NAME_FIXED,
                                "the name of %s cannot be changed", facts->name);
    if ((fields & CLIENTID_API_PROVIDER) && facts->has_contract &&
        !clientid__str_eq(record->provider, clientid__cstr(facts->provider)))
        return clientid__broken(error, CLIENTID__RULE_API_PROVIDER_IN_USE,
                                "%s has contracts, its client provider stays", facts->name);
    if ((fields & CLIENTID_API_MEMBERS) && facts->kind == CLIENTID_API_INSTANCE &&
        record->member_count > 0)
        return clientid__broken(error, CLIENTID__RULE_INSTANCE_MEMBERS,
                                "%s is an instance, it has no members", facts->name);
    return check_fields(record, fields, error);
}

static int count_members(void *sink, const clientid_api_record *record)
{
    *(uint32_t *)sink = record->member_count;
    return 0;
}

/* Whether |provider| is the one of the groups that it is in, or of the members that stay. */
static int check_provider(clientid_control *control, const struct clientid__api_facts *facts,
                          clientid_str provider, unsigned fields, clientid_error *error)
{
    uint32_t members = 0;
    int rc = 0;

    if (clientid__str_eq(provider, clientid__cstr(facts->provider)))
        return 0;
    if (facts->in_group)
        return clientid__broken(error, CLIENTID__RULE_GROUP_PROVIDER,
                                "%s is a member of a group, its client provider stays",
                                facts->name);
    if (!(fields & CLIENTID_API_MEMBERS))
        rc = CLIENTID__STORE(control, api->each, facts->id, count_members, &members, error);
    if (rc == 0 && members > 0)
        return clientid__broken(error, CLIENTID__RULE_GROUP_PROVIDER,
                                "%s has members, its client provider stays", facts->name);
    return rc;
}

static int update(clientid_control *control, uint64_t id, const clientid_api_record *record,
                  unsigned fields, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__api_facts facts;
    int rc =
        clientid__found(error, CLIENTID__STORE(control, api->facts, id, &facts, error), "API", id);

    if (rc == 0)
        rc = clientid__may(control, CLIENTID_PERMISSION_API_MANAGE, id, 0, error);
    if (rc == 0)
        rc = check_update(&facts, record, fields, error);
    if (rc == 0 && (fields & CLIENTID_API_PROVIDER))
        rc = check_provider(control, &facts, record->provider, fields, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, api->update, id, record, fields, now_ns, error);
    if (rc == 0 && (fields & CLIENTID_API_MEMBERS) && facts.kind == CLIENTID_API_GROUP)
        rc = set_members(control, id, record,
                         fields & CLIENTID_API_PROVIDER ? record->provider
                                                        : clientid__cstr(facts.provider),
                         error);
    if (rc == 0)
        rc = clientid__log_api(control, now_ns, facts.kind, id, "update",
                               clientid__cstr(facts.name), (clientid_str){NULL, 0}, error);
    return rc;
}

int clientid_control_api_update(clientid_control *control, uint64_t id,
                                const clientid_api_record *record, unsigned fields,
                                clientid_error *error)
{
    const unsigned known = CLIENTID_API_PROVIDER | CLIENTID_API_TERMS | CLIENTID_API_ASSET |
                           CLIENTID_API_VERSION | CLIENTID_API_MEMBERS | CLIENTID_API_NAME;
    int rc;

    if (control == NULL || record == NULL || record->size != sizeof(*record) ||
        (fields & ~known) != 0 || (record->member_count > 0 && record->members == NULL))
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, update(control, id, record, fields, error), error);
}

/* ---- delete ---------------------------------------------------------------------------------- */

struct tiers {
    uint64_t *ids;
    size_t count;
};

static int collect_tier(void *sink, const clientid_tier_record *record)
{
    struct tiers *tiers = sink;
    uint64_t *larger = realloc(tiers->ids, (tiers->count + 1) * sizeof(*larger));

    if (larger == NULL)
        return CLIENTID_ERR_NOMEM;
    tiers->ids = larger;
    tiers->ids[tiers->count++] = record->id;
    return 0;
}

/* The database removes the tiers with the API; gateways learn it from the log. */
static int log_tiers(clientid_control *control, const struct clientid__api_facts *api,
                     uint64_t now_ns, clientid_error *error)
{
    struct tiers tiers = {NULL, 0};
    int rc = CLIENTID__STORE(control, tier->each, 0, api->id, collect_tier, &tiers, error);

    if (rc == CLIENTID_ERR_NOMEM)
        rc = clientid__fail(error, rc, "out of memory");
    for (size_t i = 0; i < tiers.count && rc == 0; i++)
        rc = clientid__log_tier(control, now_ns, tiers.ids[i], "delete", clientid__cstr(api->name),
                                CLIENTID_STR("with its API"), error);
    free(tiers.ids);
    return rc;
}

static int delete_api(clientid_control *control, uint64_t id, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__api_facts facts;
    int rc =
        clientid__found(error, CLIENTID__STORE(control, api->facts, id, &facts, error), "API", id);

    if (rc == 0)
        rc = clientid__may(control, CLIENTID_PERMISSION_API_MANAGE, id, 0, error);
    if (rc != 0)
        return rc;
    if (facts.has_contract)
        return clientid__broken(error, CLIENTID__RULE_API_IN_USE,
                                "%s has contracts, delete them first", facts.name);
    if (facts.in_group)
        return clientid__broken(error, CLIENTID__RULE_API_IN_USE,
                                "%s is a member of a group, take it out first", facts.name);
    rc = log_tiers(control, &facts, now_ns, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, api->delete, id, error);
    if (rc == 0)
        rc = clientid__log_api(control, now_ns, facts.kind, id, "delete",
                               clientid__cstr(facts.name), (clientid_str){NULL, 0}, error);
    return rc;
}

int clientid_control_api_delete(clientid_control *control, uint64_t id, clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, delete_api(control, id, error), error);
}
