/* SPDX-License-Identifier: Apache-2.0 */
/* SLA tiers of one API instance or group. */
#include "tier.h"

#include "api.h"
#include "handlers.h"
#include "paging.h"
#include "record.h"

#include <stdlib.h>
#include <string.h>

/* ---- one of them ----------------------------------------------------------------------------- */

struct one {
    const struct call *call;
    json_t *json;
};

static int take_one(void *self, const clientid_tier_record *record)
{
    struct one *one = self;
    one->json = record_tier(one->call, record);
    return one->json != NULL ? 0 : CLIENTID_ERR_NOMEM;
}

json_t *tier_json(struct call *call, uint64_t id)
{
    struct one one = {call, NULL};
    clientid_error error = {0};
    int rc = clientid_control_tier_get(call->control, id, take_one, &one, &error);
    if (rc == 0)
        return one.json;
    json_decref(one.json);
    call_error(call, rc, &error);
    return NULL;
}

json_t *tier_json_if(struct call *call, uint64_t id)
{
    struct one one = {call, NULL};
    if (clientid_control_tier_get(call->control, id, take_one, &one, NULL) == 0)
        return one.json;
    json_decref(one.json);
    return NULL;
}

/* The tier that the path names; false with an answer when the API has none such. */
static bool find(struct call *call, uint64_t *id)
{
    uint64_t api_id;
    if (!api_of(call, &api_id) || !call_number(call, "tierId", id))
        return false;
    json_t *tier = tier_json(call, *id);
    bool own =
        tier != NULL && (uint64_t)json_integer_value(json_object_get(tier, "apiId")) == api_id;
    json_decref(tier);
    if (tier != NULL && !own)
        call_refuse(call, 404, "", "the API has no tier %llu", (unsigned long long)*id);
    return own;
}

/* ---- reading --------------------------------------------------------------------------------- */

static clientid_limit *limits_of(const struct call *call, size_t *count)
{
    const json_t *list = json_object_get(call->json, "limits");
    *count = json_array_size(list);
    clientid_limit *limits = calloc(*count + 1, sizeof *limits);
    for (size_t i = 0; limits != NULL && i < *count; i++) {
        const json_t *limit = json_array_get(list, i);
        const json_t *visible = json_object_get(limit, "visible");
        limits[i].visible = visible == NULL || json_is_true(visible);
        limits[i].maximum_requests =
            (uint64_t)json_integer_value(json_object_get(limit, "maximumRequests"));
        limits[i].period_ms =
            (uint64_t)json_integer_value(json_object_get(limit, "timePeriodInMilliseconds"));
    }
    return limits;
}

/* The newest documents of the vendor say INACTIVE for DEPRECATED.  Free |limits|. */
static clientid_tier_record record_of(const struct call *call, clientid_limit **limits)
{
    clientid_tier_record record = {
        .size = sizeof record,
        .name = call_text(call, "name"),
        .description = call_text(call, "description"),
        .auto_approve = json_is_true(json_object_get(call->json, "autoApprove")),
        .status = record_is(call_text(call, "status"), "ACTIVE") ? CLIENTID_TIER_ACTIVE
                                                                 : CLIENTID_TIER_DEPRECATED,
    };
    *limits = limits_of(call, &record.limit_count);
    record.limits = *limits;
    return record;
}

static void answer(struct call *call, int rc, uint64_t id, const clientid_error *error)
{
    json_t *tier;
    if (rc != 0)
        call_error(call, rc, error);
    else if ((tier = tier_json(call, id)) != NULL)
        call_answer(call, call->route->status, tier);
}

/* ---- handlers -------------------------------------------------------------------------------- */

struct listing {
    const struct call *call;
    struct page page;
    bool active;
    clientid_str query;
};

static int take(void *self, const clientid_tier_record *record)
{
    struct listing *listing = self;
    if ((listing->active && record->status != CLIENTID_TIER_ACTIVE) ||
        !record_has(record->name, listing->query) || !page_takes(&listing->page))
        return 0;
    return page_put(&listing->page, record_tier(listing->call, record));
}

void tier_list(struct call *call)
{
    struct listing listing = {.call = call};
    clientid_error error = {0};
    uint64_t api_id;
    (void)call_query(call, "query", &listing.query);
    if (!call_query_flag(call, "active", false, &listing.active) || !api_of(call, &api_id) ||
        !page_begin(call, 0, 250, 100, &listing.page))
        return;
    int rc = clientid_control_tier_list(call->control, api_id, take, &listing, &error);
    page_answer(call, &listing.page, "tiers", rc, &error);
}

void tier_create(struct call *call)
{
    clientid_error error = {0};
    clientid_limit *limits = NULL;
    uint64_t api_id, id = 0;
    if (!api_of(call, &api_id))
        return;
    clientid_tier_record record = record_of(call, &limits);
    record.api_id = api_id;
    int rc = clientid_control_tier_create(call->control, &record, &id, &error);
    answer(call, rc, id, &error);
    free(limits);
}

static unsigned fields_of(const struct call *call)
{
    static const struct {
        const char *key;
        unsigned bit;
    } fields[] = {{"name", CLIENTID_TIER_NAME},
                  {"description", CLIENTID_TIER_DESCRIPTION},
                  {"autoApprove", CLIENTID_TIER_AUTO_APPROVE},
                  {"status", CLIENTID_TIER_STATUS},
                  {"limits", CLIENTID_TIER_LIMITS}};
    unsigned bits = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (json_object_get(call->json, fields[i].key) != NULL)
            bits |= fields[i].bit;
    }
    return bits;
}

/* As the vendor's PUT: what is left out stays. */
void tier_update(struct call *call)
{
    clientid_error error = {0};
    clientid_limit *limits = NULL;
    uint64_t id;
    if (!find(call, &id))
        return;
    clientid_tier_record record = record_of(call, &limits);
    answer(call,
           clientid_control_tier_update(call->control, id, &record, fields_of(call), NULL, &error),
           id, &error);
    free(limits);
}

void tier_delete(struct call *call)
{
    clientid_error error = {0};
    uint64_t id;
    if (!find(call, &id))
        return;
    int rc = clientid_control_tier_delete(call->control, id, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        call_answer_empty(call, 204);
}
