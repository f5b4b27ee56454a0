/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing waits for a tier that is ACTIVE and approves automatically. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

#define MAXIMUM_REQUESTS  1000000000
#define REQUESTS_A_SECOND 1000000
#define PERIOD_MS         (366ULL * 24 * 3600 * 1000)

/* ---- limits ---------------------------------------------------------------------------------- */

static int check_limit(const clientid_limit *limit, clientid_error *error)
{
    if (limit->visible > 1)
        return clientid__bad_argument(error);
    if (limit->maximum_requests == 0 || limit->maximum_requests > MAXIMUM_REQUESTS ||
        limit->period_ms == 0 || limit->period_ms > PERIOD_MS ||
        limit->maximum_requests * 1000 > limit->period_ms * REQUESTS_A_SECOND)
        return clientid__broken(error, CLIENTID__RULE_LIMIT_RANGE,
                                "%" PRIu64 " requests in %" PRIu64 " ms are out of range",
                                limit->maximum_requests, limit->period_ms);
    return 0;
}

static int check_limits(const clientid_tier_record *record, clientid_error *error)
{
    const clientid_limit *limits = record->limits;
    int rc = 0;

    if (record->limit_count > CLIENTID_TIER_LIMITS_MAX)
        return clientid__broken(error, CLIENTID__RULE_LIMIT_COUNT, "%zu limits are more than %d",
                                record->limit_count, CLIENTID_TIER_LIMITS_MAX);
    for (size_t i = 0; i < record->limit_count && rc == 0; i++) {
        rc = check_limit(&limits[i], error);
        /* A cell of the limits table belongs to a client and a period, so two would share one. */
        for (size_t j = 0; j < i && rc == 0; j++)
            if (limits[j].period_ms == limits[i].period_ms)
                rc = clientid__broken(error, CLIENTID__RULE_LIMIT_PERIOD,
                                      "two limits have a period of %" PRIu64 " ms",
                                      limits[i].period_ms);
    }
    if (rc == 0 && record->limit_count == 1 && limits[0].visible == 0)
        return clientid__broken(error, CLIENTID__RULE_LIMIT_VISIBLE,
                                "the only limit must be visible");
    return rc;
}

static int check_fields(const clientid_tier_record *record, unsigned fields, clientid_error *error)
{
    int rc = 0;

    if ((fields & CLIENTID_TIER_AUTO_APPROVE) && record->auto_approve > 1)
        return clientid__bad_argument(error);
    if ((fields & CLIENTID_TIER_STATUS) && record->status != CLIENTID_TIER_ACTIVE &&
        record->status != CLIENTID_TIER_DEPRECATED)
        return clientid__bad_argument(error);
    if (fields & CLIENTID_TIER_NAME)
        rc = clientid__check_field(error, "/name", record->name, 1, CLIENTID_NAME_MAX,
                                   CLIENTID__FIELD_NAME);
    if (rc == 0 && (fields & CLIENTID_TIER_DESCRIPTION))
        rc = clientid__check_field(error, "/description", record->description, 0, CLIENTID_TEXT_MAX,
                                   CLIENTID__FIELD_TEXT);
    if (rc == 0 && (fields & CLIENTID_TIER_LIMITS))
        rc = check_limits(record, error);
    return rc;
}

/* ---- create ---------------------------------------------------------------------------------- */

static int check_name(clientid_control *control, uint64_t api_id, clientid_str name, uint64_t self,
                      clientid_error *error)
{
    uint64_t id = 0;
    int rc = CLIENTID__STORE(control, tier->find, api_id, name, &id, error);

    if (rc == 0 && id != self)
        return clientid__broken(error, CLIENTID__RULE_TIER_NAME_TAKEN,
                                "the API has a tier %.*s already", (int)name.len, name.ptr);
    return rc == CLIENTID_ERR_NOT_FOUND ? 0 : rc;
}

int clientid__tier_add(clientid_control *control, const clientid_tier_record *record,
                       uint64_t now_ns, uint64_t *id, clientid_error *error)
{
    clientid_tier_record row = *record;
    struct clientid__api_facts api;
    int rc = check_fields(record, ~0U, error);

    if (rc != 0)
        return rc;
    rc = clientid__found(error, CLIENTID__STORE(control, api->facts, record->api_id, &api, error),
                         "API", record->api_id);
    if (rc == 0)
        rc = check_name(control, record->api_id, record->name, 0, error);
    row.created_ns = record->created_ns != 0 ? record->created_ns : now_ns;
    row.updated_ns = record->updated_ns != 0 ? record->updated_ns : row.created_ns;
    if (rc == 0)
        rc = CLIENTID__STORE(control, tier->insert, &row, id, error);
    if (rc == 0)
        rc = clientid__log_tier(control, now_ns, *id, "create", clientid__cstr(api.name),
                                record->name, error);
    return rc;
}

int clientid_control_tier_create(clientid_control *control, const clientid_tier_record *record,
                                 uint64_t *id, clientid_error *error)
{
    clientid_tier_record row;
    int rc;

    if (control == NULL || record == NULL || id == NULL || record->size != sizeof(*record) ||
        (record->limit_count > 0 && record->limits == NULL))
        return clientid__bad_argument(error);
    row = *record;
    row.id = row.created_ns = row.updated_ns = 0;
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_API_MANAGE, row.api_id, 0, error);
    if (rc == 0)
        rc = clientid__tier_add(control, &row, clientid__now(control), id, error);
    return clientid__end(control, rc, error);
}

/* ---- read ------------------------------------------------------------------------------------ */

int clientid_control_tier_find(clientid_control *control, uint64_t api_id, clientid_str name,
                               uint64_t *id, clientid_error *error)
{
    int rc;

    if (control == NULL || id == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_API_READ, api_id, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, tier->find, api_id, name, id, error);
    if (rc == CLIENTID_ERR_NOT_FOUND)
        rc = clientid__fail(error, rc, "the API has no tier %.*s", (int)name.len, name.ptr);
    return clientid__looked(control, rc, error);
}

int clientid_control_tier_get(clientid_control *control, uint64_t id, clientid_tier_fn *emit,
                              void *sink, clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    if (id == 0)
        return clientid__found(error, CLIENTID_ERR_NOT_FOUND, "tier", id);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_API_READ, 0, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, tier->each, id, 0, emit, sink, error);
    return clientid__looked(control, clientid__found(error, rc, "tier", id), error);
}

int clientid_control_tier_list(clientid_control *control, uint64_t api_id, clientid_tier_fn *emit,
                               void *sink, clientid_error *error)
{
    int rc;

    if (control == NULL || emit == NULL)
        return clientid__bad_argument(error);
    rc = clientid__look(control, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_API_READ, api_id, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, tier->each, 0, api_id, emit, sink, error);
    return clientid__looked(control, rc, error);
}

/* ---- update ---------------------------------------------------------------------------------- */

static int approve_waiting(clientid_control *control, uint64_t id, uint64_t now_ns,
                           uint64_t *approved, clientid_error *error)
{
    uint64_t ids[256];
    size_t count = 0;
    int rc;

    do {
        /* Always from the start: what is approved no longer waits. */
        rc = CLIENTID__STORE(control, contract->ids, id, 0, 0, ids, 256, &count, error);
        for (size_t i = 0; i < count && rc == 0; i++) {
            struct clientid__contract_facts contract;

            rc = CLIENTID__STORE(control, contract->facts, ids[i], &contract, error);
            if (rc == 0)
                rc = clientid__contract_approve(
                    control, &contract,
                    contract.status == CLIENTID_PENDING ? "approve" : "approve-tier", now_ns,
                    error);
            *approved += rc == 0;
        }
    } while (rc == 0 && count > 0);
    return rc;
}

static int update(clientid_control *control, uint64_t id, const clientid_tier_record *record,
                  unsigned fields, uint64_t *approved, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__tier_facts facts;
    int rc = check_fields(record, fields, error);

    if (rc == 0)
        rc = clientid__found(error, CLIENTID__STORE(control, tier->facts, id, &facts, error),
                             "tier", id);
    if (rc == 0)
        rc = clientid__may(control, CLIENTID_PERMISSION_API_MANAGE, facts.api_id, 0, error);
    if (rc == 0 && (fields & CLIENTID_TIER_NAME))
        rc = check_name(control, facts.api_id, record->name, id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, tier->update, id, record, fields, now_ns, error);
    if (rc == 0)
        rc = clientid__log_tier(control, now_ns, id, "update", clientid__cstr(facts.api_name),
                                clientid__cstr(facts.name), error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, tier->facts, id, &facts, error);
    if (rc == 0 && facts.status == CLIENTID_TIER_ACTIVE && facts.auto_approve)
        rc = approve_waiting(control, id, now_ns, approved, error);
    return rc;
}

int clientid_control_tier_update(clientid_control *control, uint64_t id,
                                 const clientid_tier_record *record, unsigned fields,
                                 uint64_t *approved, clientid_error *error)
{
    const unsigned known = CLIENTID_TIER_NAME | CLIENTID_TIER_DESCRIPTION |
                           CLIENTID_TIER_AUTO_APPROVE | CLIENTID_TIER_STATUS | CLIENTID_TIER_LIMITS;
    uint64_t count = 0;
    int rc;

    if (control == NULL || record == NULL || record->size != sizeof(*record) ||
        (fields & ~known) != 0 || (record->limit_count > 0 && record->limits == NULL))
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__end(control, update(control, id, record, fields, &count, error), error);
    if (rc == 0 && approved != NULL)
        *approved = count;
    return rc;
}

/* ---- delete ---------------------------------------------------------------------------------- */

static int delete_tier(clientid_control *control, uint64_t id, clientid_error *error)
{
    struct clientid__tier_facts facts;
    int rc = clientid__found(error, CLIENTID__STORE(control, tier->facts, id, &facts, error),
                             "tier", id);

    if (rc == 0)
        rc = clientid__may(control, CLIENTID_PERMISSION_API_MANAGE, facts.api_id, 0, error);
    if (rc != 0)
        return rc;
    if (facts.in_use)
        return clientid__broken(error, CLIENTID__RULE_TIER_IN_USE,
                                "contracts use or request tier %s of %s", facts.name,
                                facts.api_name);
    rc = CLIENTID__STORE(control, tier->delete, id, error);
    if (rc == 0)
        rc = clientid__log_tier(control, clientid__now(control), id, "delete",
                                clientid__cstr(facts.api_name), clientid__cstr(facts.name), error);
    return rc;
}

int clientid_control_tier_delete(clientid_control *control, uint64_t id, clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, delete_tier(control, id, error), error);
}
