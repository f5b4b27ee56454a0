/* SPDX-License-Identifier: Apache-2.0 */
/* API instances and groups; how they are told in Anypoint's words: record.c. */
#include "api.h"

#include "handlers.h"
#include "paging.h"
#include "portal.h"
#include "record.h"

#include <stdio.h>
#include <string.h>

#define MEMBERS_MAX 1024 /* of a group, as the library says */

/* ---- one of them ----------------------------------------------------------------------------- */

struct one {
    const struct call *call;
    json_t *json;
};

static int take_one(void *self, const clientid_api_record *record)
{
    struct one *one = self;
    one->json = record_api(one->call, record);
    return one->json != NULL ? 0 : CLIENTID_ERR_NOMEM;
}

json_t *api_json(struct call *call, uint64_t id)
{
    struct one one = {call, NULL};
    clientid_error error = {0};
    int rc = clientid_control_api_get(call->control, id, take_one, &one, &error);
    if (rc == 0)
        return one.json;
    json_decref(one.json);
    call_error(call, rc, &error);
    return NULL;
}

json_t *api_json_if(struct call *call, uint64_t id)
{
    struct one one = {call, NULL};
    if (clientid_control_api_get(call->control, id, take_one, &one, NULL) == 0)
        return one.json;
    json_decref(one.json);
    return NULL;
}

/* In the older paths an asset has a number too: ours is that of its instance. */
bool api_of(struct call *call, uint64_t *id)
{
    uint64_t asset;
    if (!call_number(call, "apiId", id))
        return false;
    if (call_parameter(call, "assetId").ptr != NULL) {
        if (!call_number(call, "assetId", &asset))
            return false;
        if (asset != *id) {
            call_refuse(call, 404, "", "there is no version %llu of API %llu",
                        (unsigned long long)*id, (unsigned long long)asset);
            return false;
        }
    }
    json_t *api = api_json(call, *id);
    json_decref(api);
    return api != NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

static clientid_str text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return (clientid_str){json_string_value(value), json_string_length(value)};
}

/* A field that has an older or a shorter key beside it. */
static clientid_str either(const struct call *call, const char *key, const char *other)
{
    clientid_str text = call_text(call, key);
    return text.ptr != NULL ? text : call_text(call, other);
}

static clientid_str provider_of(const struct call *call)
{
    const json_t *provider = json_object_get(call->json, "clientProvider");
    return provider != NULL ? text_of(provider, "providerId") : call_text(call, "providerId");
}

struct draft {
    clientid_api_record record;
    clientid_str members[MEMBERS_MAX];
    char name[CLIENTID_API_NAME_MAX + 1];
};

static void read_members(const struct call *call, struct draft *draft)
{
    const json_t *list = json_object_get(call->json, "members");
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count && i < MEMBERS_MAX; i++) {
        const json_t *name = json_array_get(list, i);
        draft->members[i] = (clientid_str){json_string_value(name), json_string_length(name)};
    }
    draft->record.members = draft->members;
    draft->record.member_count = (uint32_t)count;
}

static bool agree(struct call *call, const char *key, clientid_str a, clientid_str b)
{
    char pointer[32];
    if (a.ptr == NULL || b.ptr == NULL || (a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0))
        return true;
    (void)snprintf(pointer, sizeof pointer, "/%s", key);
    call_refuse(call, 400, pointer, "%s says something else than the other key for it", pointer);
    return false;
}

/* Two keys for one thing must not differ. */
static bool keys_agree(struct call *call)
{
    const json_t *provider = json_object_get(call->json, "clientProvider");
    return agree(call, "name", call_text(call, "name"), call_text(call, "instanceLabel")) &&
           agree(call, "providerId", call_text(call, "providerId"),
                 text_of(provider, "providerId"));
}

static void read_common(const struct call *call, struct draft *draft)
{
    *draft = (struct draft){.record = {.size = sizeof draft->record,
                                       .kind = CLIENTID_API_INSTANCE,
                                       .name = either(call, "instanceLabel", "name"),
                                       .provider = provider_of(call),
                                       .terms = call_text(call, "terms")}};
    read_members(call, draft);
}

static bool read_asset(struct call *call, struct draft *draft)
{
    const json_t *spec = json_object_get(call->json, "spec");
    clientid_api_record *record = &draft->record;
    if (spec == NULL) {
        call_refuse(call, 400, "/spec", "/spec is missing");
        return false;
    }
    if (!record_is(text_of(spec, "groupId"), call->portal->config.organization)) {
        call_refuse(call, 400, "/spec/groupId", "/spec/groupId must be the organization");
        return false;
    }
    record->asset = text_of(spec, "assetId");
    record->version = text_of(spec, "version");
    if (record->name.len != 0)
        return true;
    int len = snprintf(draft->name, sizeof draft->name, "%.*s:%.*s", (int)record->asset.len,
                       record->asset.ptr, (int)record->version.len, record->version.ptr);
    if (len < 0 || (size_t)len >= sizeof draft->name) {
        call_refuse(call, 400, "/instanceLabel", "an asset with such a long id needs a label");
        return false;
    }
    record->name = (clientid_str){draft->name, (size_t)len};
    return true;
}

void api_create(struct call *call)
{
    struct draft draft;
    clientid_error error = {0};
    uint64_t id = 0;
    if (!keys_agree(call))
        return;
    read_common(call, &draft);
    if (record_is(call_text(call, "instanceType"), "api-group"))
        draft.record.kind = CLIENTID_API_GROUP;
    else if (!read_asset(call, &draft))
        return;
    int rc = clientid_control_api_create(call->control, &draft.record, &id, &error);
    if (rc != 0) {
        call_error(call, rc, &error);
        return;
    }
    json_t *api = api_json(call, id);
    if (api != NULL)
        call_answer(call, 201, api);
}

void api_get(struct call *call)
{
    uint64_t id;
    json_t *api = api_of(call, &id) ? api_json(call, id) : NULL;
    if (api != NULL)
        call_answer(call, 200, api);
}

static unsigned fields_of(const struct call *call)
{
    static const struct {
        const char *key;
        unsigned bit;
    } fields[] = {{"instanceLabel", CLIENTID_API_NAME},      {"name", CLIENTID_API_NAME},
                  {"assetVersion", CLIENTID_API_VERSION},    {"terms", CLIENTID_API_TERMS},
                  {"clientProvider", CLIENTID_API_PROVIDER}, {"providerId", CLIENTID_API_PROVIDER},
                  {"members", CLIENTID_API_MEMBERS}};
    unsigned bits = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (json_object_get(call->json, fields[i].key) != NULL)
            bits |= fields[i].bit;
    }
    return bits;
}

void api_update(struct call *call)
{
    struct draft draft;
    clientid_error error = {0};
    uint64_t id;
    read_common(call, &draft);
    draft.record.version = call_text(call, "assetVersion");
    if (!keys_agree(call) || !api_of(call, &id))
        return;
    int rc = clientid_control_api_update(call->control, id, &draft.record, fields_of(call), &error);
    if (rc != 0) {
        call_error(call, rc, &error);
        return;
    }
    json_t *api = api_json(call, id);
    if (api != NULL)
        call_answer(call, 200, api);
}

void api_delete(struct call *call)
{
    clientid_error error = {0};
    uint64_t id;
    if (!api_of(call, &id))
        return;
    int rc = clientid_control_api_delete(call->control, id, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        call_answer_empty(call, 204);
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct listing {
    const struct call *call;
    json_t *list;
};

static bool passes(const struct call *call, const json_t *api)
{
    static const char *const exact[] = {"groupId",
                                        "assetId",
                                        "assetVersion",
                                        "productVersion",
                                        "instanceLabel",
                                        "instanceType",
                                        "autodiscoveryInstanceName"};
    clientid_str wanted;
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        clientid_str value = text_of(api, exact[i]);
        if (call_query(call, exact[i], &wanted) &&
            (wanted.len != value.len || memcmp(wanted.ptr, value.ptr, value.len) != 0))
            return false;
    }
    return !call_query(call, "query", &wanted) || record_has(text_of(api, "name"), wanted) ||
           record_has(text_of(api, "assetId"), wanted);
}

static int take_passing(void *self, const clientid_api_record *record)
{
    struct listing *listing = self;
    json_t *api = record_api(listing->call, record);
    if (api == NULL)
        return CLIENTID_ERR_NOMEM;
    if (passes(listing->call, api))
        return json_array_append_new(listing->list, api) != 0 ? CLIENTID_ERR_NOMEM : 0;
    json_decref(api);
    return 0;
}

/* All that the query asks for; NULL with an answer. */
static json_t *list_apis(struct call *call)
{
    struct listing listing = {call, json_array()};
    clientid_error error = {0};
    int rc = clientid_control_api_list(call->control, take_passing, &listing, &error);
    if (rc == 0)
        return listing.list;
    json_decref(listing.list);
    call_error(call, rc, &error);
    return NULL;
}

/* A group is of no asset: it stands for itself. */
static const char *asset_key(const json_t *api)
{
    const char *asset = json_string_value(json_object_get(api, "assetId"));
    return asset != NULL && asset[0] != '\0' ? asset
                                             : json_string_value(json_object_get(api, "name"));
}

static json_t *asset_begin(const struct call *call, const char *name, const json_t *api)
{
    const char *organization = call->portal->config.organization;
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:O,s:O,s:O,s:[]}", "name", name, "exchangeAssetName",
                     name, "organizationId", organization, "masterOrganizationId", organization,
                     "groupId", organization, "assetId", json_object_get(api, "assetId"), "id",
                     json_object_get(api, "id"), "audit", json_object_get(api, "audit"), "apis");
}

static json_t *group_by_asset(const struct call *call, json_t *list)
{
    json_t *assets = json_object(); /* in the order of its first instance */
    size_t i;
    json_t *api;
    json_array_foreach(list, i, api)
    {
        const char *key = asset_key(api);
        json_t *asset = json_object_get(assets, key);
        if (asset == NULL) {
            asset = asset_begin(call, key, api);
            (void)json_object_set_new(assets, key, asset);
        }
        json_t *apis = json_object_get(asset, "apis");
        (void)json_array_append(apis, api);
        (void)json_object_set_new(asset, "totalApis",
                                  json_integer((json_int_t)json_array_size(apis)));
    }
    return assets;
}

/* Limit and total count assets, as in Anypoint. */
void api_list(struct call *call)
{
    struct page page;
    const char *key;
    json_t *asset;
    json_t *list = page_begin(call, 0, 500, 100, &page) ? list_apis(call) : NULL;
    if (list == NULL) {
        page_drop(&page);
        return;
    }
    json_t *assets = group_by_asset(call, list);
    json_object_foreach(assets, key, asset)
    {
        if (page_takes(&page))
            (void)json_array_append(page.list, asset);
    }
    json_decref(assets);
    json_decref(list);
    page_answer(call, &page, "assets", 0, NULL);
}

/* The flat form that newer clients read. */
void api_instances(struct call *call)
{
    struct page page;
    size_t i;
    json_t *api;
    json_t *list = page_begin(call, 0, 500, 100, &page) ? list_apis(call) : NULL;
    if (list == NULL) {
        page_drop(&page);
        return;
    }
    json_array_foreach(list, i, api)
    {
        if (!page_takes(&page))
            continue;
        (void)json_object_set_new(api, "asset",
                                  json_pack("{s:s,s:s,s:O}", "name", asset_key(api),
                                            "exchangeAssetName", asset_key(api), "assetId",
                                            json_object_get(api, "assetId")));
        (void)json_array_append(page.list, api);
    }
    json_decref(list);
    page_answer(call, &page, "instances", 0, NULL);
}

/* ---- what members see ------------------------------------------------------------------------ */

static int take_tier(void *self, const clientid_tier_record *record)
{
    struct listing *listing = self;
    if (record->status != CLIENTID_TIER_ACTIVE)
        return 0;
    json_t *tier = record_tier(listing->call, record);
    (void)json_object_del(tier, "applicationCount");
    return json_array_append_new(listing->list, tier) != 0 ? CLIENTID_ERR_NOMEM : 0;
}

/* Those of one API, or of all (0), by which access can be requested; NULL with an answer. */
static json_t *open_tiers(struct call *call, uint64_t api_id)
{
    struct listing listing = {call, json_array()};
    clientid_error error = {0};
    int rc = clientid_control_tier_list(call->control, api_id, take_tier, &listing, &error);
    if (rc == 0)
        return listing.list;
    json_decref(listing.list);
    call_error(call, rc, &error);
    return NULL;
}

/* Adds to each API those of |tiers| that are its own. */
static void put_tiers(json_t *apis, const json_t *tiers)
{
    json_t *by_id = json_object();
    char key[24];
    size_t i;
    json_t *api;
    json_array_foreach(apis, i, api)
    {
        json_t *own = json_array();
        (void)snprintf(key, sizeof key, "%lld",
                       (long long)json_integer_value(json_object_get(api, "id")));
        (void)json_object_set(by_id, key, own);
        (void)json_object_set_new(api, "tiers", own);
    }
    for (i = 0; i < json_array_size(tiers); i++) {
        json_t *tier = json_array_get(tiers, i);
        (void)snprintf(key, sizeof key, "%lld",
                       (long long)json_integer_value(json_object_get(tier, "apiId")));
        if (json_object_get(by_id, key) != NULL)
            (void)json_array_append(json_object_get(by_id, key), tier);
    }
    json_decref(by_id);
}

void api_offers(struct call *call)
{
    struct page page;
    size_t i;
    json_t *api;
    json_t *list = page_begin(call, 0, 250, 250, &page) ? list_apis(call) : NULL;
    json_t *tiers = list != NULL ? open_tiers(call, 0) : NULL;
    if (tiers != NULL) {
        json_array_foreach(list, i, api)
        {
            if (page_takes(&page))
                (void)json_array_append(page.list, api);
        }
        put_tiers(page.list, tiers);
        call_answer(call, 200, page_list(&page));
    }
    json_decref(tiers);
    json_decref(list);
    page_drop(&page);
}

void api_offer(struct call *call)
{
    uint64_t id;
    json_t *api = api_of(call, &id) ? api_json(call, id) : NULL;
    json_t *tiers = api != NULL ? open_tiers(call, id) : NULL;
    if (tiers == NULL) {
        json_decref(api);
        return;
    }
    (void)json_object_set_new(api, "tiers", tiers);
    call_answer(call, 200, api);
}
