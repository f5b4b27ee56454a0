/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever follows the links from the beginning knows what is in force; a cursor that cannot lead there is refused. */
#include "control/object_json.h"

#include "base/error.h"
#include "base/str.h"

#include <clientid/feed.h>

#include <inttypes.h>
#include <stdio.h>

#define CURSOR_BYTES 128

/*
 * Where a reader stands.  In a full pass: in |place| behind contract |after|; what changed since |revision| comes with the
 * increments.  Else: behind contract |after| of |revision|.
 */
struct cursor {
    bool full;
    uint64_t identity, revision, place, after;
};

struct page {
    clientid_control *control;
    const clientid_feed_options *options;
    struct clientid__api_facts api;
    struct cursor from, to;
    json_t *data, *tiers, *groups;
    clientid_error *error;
};

/* ---- cursors --------------------------------------------------------------------------------- */

static void print_cursor(const struct cursor *cursor, char *out)
{
    if (cursor->full)
        snprintf(out, CURSOR_BYTES, "f.%" PRIx64 ".%" PRIx64 ".%" PRIx64 ".%" PRIx64,
                 cursor->identity, cursor->revision, cursor->place, cursor->after);
    else
        snprintf(out, CURSOR_BYTES, "i.%" PRIx64 ".%" PRIx64 ".%" PRIx64, cursor->identity,
                 cursor->revision, cursor->after);
}

static bool read_hex(const char **at, const char *end, uint64_t *out)
{
    size_t digits = 0;

    if (*at == end || **at != '.')
        return false;
    for (*out = 0, ++*at; *at != end && **at != '.'; ++*at, digits++) {
        char c = **at;

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) || digits == 16)
            return false;
        *out = *out << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return digits > 0;
}

static bool read_cursor(clientid_str text, struct cursor *out)
{
    const char *at = text.ptr, *end = text.ptr + text.len;

    if (text.len == 0 || (*at != 'f' && *at != 'i'))
        return false;
    *out = (struct cursor){.full = *at++ == 'f'};
    return read_hex(&at, end, &out->identity) && read_hex(&at, end, &out->revision) &&
           (!out->full || read_hex(&at, end, &out->place)) && read_hex(&at, end, &out->after) &&
           at == end;
}

/* The data is the one that the cursor is about, and nothing since is forgotten. */
static int check_cursor(struct page *page, const clientid_position *now)
{
    const struct cursor *from = &page->from;
    uint64_t floor = 0, regrouped = 0;
    int rc;

    if (from->identity != now->identity || from->revision > now->revision)
        return clientid__fail(page->error, CLIENTID_ERR_GAP, "the cursor is of other data");
    rc = CLIENTID__STORE(page->control, feed->history, from->revision, &floor, &regrouped,
                         page->error);
    if (rc == 0 && from->revision < floor)
        return clientid__fail(page->error, CLIENTID_ERR_GAP,
                              "the change log no longer reaches back to the cursor");
    if (rc == 0 && regrouped != 0)
        return clientid__fail(page->error, CLIENTID_ERR_GAP, "a group of APIs changed");
    return rc;
}

/* ---- events as JSON -------------------------------------------------------------------------- */

static json_t *hex_json(const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char hex[64];

    for (size_t i = 0; i < len && i < sizeof(hex) / 2; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    return json_stringn_nocheck(hex, 2 * len);
}

static bool is_text(const clientid_secret *secret)
{
    for (size_t i = 0; i < secret->salt_len; i++)
        if (secret->salt[i] < 0x20 || secret->salt[i] > 0x7e)
            return false;
    return true;
}

/*
 * The one to tell a gateway that takes one: which ends last.  A rotation gives the old one an end, and none to the new one, whose
 * begin is 0 when it is in force at once.
 */
static const clientid_secret *newest(const clientid_secret secrets[2])
{
    if (secrets[0].algorithm == CLIENTID_SECRET_NONE)
        return &secrets[1];
    if (secrets[1].algorithm == CLIENTID_SECRET_NONE)
        return &secrets[0];
    if (secrets[0].not_after_ns != secrets[1].not_after_ns) /* 0 is never: the greatest */
        return secrets[1].not_after_ns - 1 > secrets[0].not_after_ns - 1 ? &secrets[1]
                                                                         : &secrets[0];
    return secrets[1].not_before_ns > secrets[0].not_before_ns ? &secrets[1] : &secrets[0];
}

static json_t *time_json(uint64_t time_ns)
{
    char text[40];

    if (time_ns == 0)
        return json_null();
    clientid_time_format(time_ns, text, sizeof(text));
    return json_string(text);
}

static json_t *secrets_json(const clientid_secret secrets[2])
{
    json_t *list = json_array();

    for (unsigned i = 0; i < 2; i++) {
        if (secrets[i].algorithm == CLIENTID_SECRET_NONE)
            continue;
        if (json_array_append_new(list,
                                  json_pack("{s:i,s:o,s:o,s:o,s:o}", "slot", (int)i + 1, "hash",
                                            hex_json(secrets[i].hash, sizeof(secrets[i].hash)),
                                            "salt", hex_json(secrets[i].salt, secrets[i].salt_len),
                                            "notBefore", time_json(secrets[i].not_before_ns),
                                            "notAfter", time_json(secrets[i].not_after_ns))) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool says_all(const clientid_secret secrets[2])
{
    return secrets[0].algorithm != CLIENTID_SECRET_NONE &&
           secrets[1].algorithm == CLIENTID_SECRET_NONE && secrets[0].not_before_ns == 0 &&
           secrets[0].not_after_ns == 0 && is_text(&secrets[0]);
}

static bool put_secrets(json_t *item, const clientid_secret secrets[2])
{
    const clientid_secret *secret = newest(secrets);
    bool plain = secret->algorithm != CLIENTID_SECRET_NONE && is_text(secret);

    if (json_object_set_new_nocheck(item, "clientSecret",
                                    plain ? hex_json(secret->hash, sizeof(secret->hash))
                                          : json_string("")) != 0 ||
        json_object_set_new_nocheck(
            item, "clientSecretSalt",
            json_stringn_nocheck((const char *)secret->salt, plain ? secret->salt_len : 0)) != 0)
        return false;
    return says_all(secrets) ||
           json_object_set_new_nocheck(item, "secrets", secrets_json(secrets)) == 0;
}

/* A slice that is empty may be NULL, which jansson takes for a failure. */
static json_t *slice_json(clientid_str text)
{
    return json_stringn(text.ptr != NULL ? text.ptr : "", text.len);
}

static json_t *number_text(uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    return json_string_nocheck(text);
}

static bool put_item(struct page *page, const clientid_contract_event *contract, bool in_force)
{
    json_t *item = json_object();
    bool good =
        json_object_set_new_nocheck(item, "organizationId",
                                    slice_json(page->options->organization)) == 0 &&
        json_object_set_new_nocheck(item, "contractId", number_text(contract->id)) == 0 &&
        json_object_set_new_nocheck(item, "apiId", number_text(page->options->api_id)) == 0 &&
        json_object_set_new_nocheck(item, "versionId", json_string_nocheck("")) == 0 &&
        json_object_set_new_nocheck(item, "slaTierId",
                                    contract->tier_id != 0 ? number_text(contract->tier_id)
                                                           : json_null()) == 0 &&
        json_object_set_new_nocheck(
            item, "clientId", json_stringn(contract->client_id.ptr, contract->client_id.len)) ==
            0 &&
        json_object_set_new_nocheck(item, "clientName", slice_json(contract->name)) == 0 &&
        put_secrets(item, contract->secrets) &&
        json_object_set_new_nocheck(item, "removed", in_force ? json_null() : json_true()) == 0;

    if (good && contract->application_id != 0)
        good = json_object_set_new_nocheck(item, "applicationId",
                                           json_integer((json_int_t)contract->application_id)) == 0;
    if (good && !clientid__str_eq(contract->api, clientid__cstr(page->api.name)))
        good = json_object_set_new_nocheck(item, "group",
                                           json_stringn(contract->api.ptr, contract->api.len)) == 0;
    if (json_array_append_new(page->data, item) != 0)
        return false;
    return good;
}

static json_t *limits_json(const clientid_tier_event *tier)
{
    json_t *list = json_array();

    for (size_t i = 0; i < tier->limit_count; i++)
        if (json_array_append_new(list, json_pack("{s:b,s:I,s:I}", "visible",
                                                  (int)tier->limits[i].visible, "maximumRequests",
                                                  (json_int_t)tier->limits[i].maximum_requests,
                                                  "timePeriodInMilliseconds",
                                                  (json_int_t)tier->limits[i].period_ms)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static bool put_tier(struct page *page, const clientid_tier_event *tier, bool removed)
{
    json_t *json = removed ? json_pack("{s:I,s:b}", "id", (json_int_t)tier->id, "removed", 1)
                           : json_pack("{s:I,s:s%,s:o}", "id", (json_int_t)tier->id, "name",
                                       tier->name.ptr, tier->name.len, "limits", limits_json(tier));

    return json_array_append_new(page->tiers, json) == 0;
}

static bool put_group(struct page *page, const clientid_group_event *group)
{
    json_t *members = json_array();

    for (size_t i = 0; i < group->member_count; i++) {
        uint64_t id = 0;

        if (CLIENTID__STORE(page->control, api->find, group->members[i], &id, NULL) == 0)
            json_array_append_new(members, json_integer((json_int_t)id));
    }
    return json_array_append_new(page->groups, json_pack("{s:s%,s:o}", "name", group->name.ptr,
                                                         group->name.len, "members", members)) == 0;
}

static int no_memory(struct page *page)
{
    return clientid__fail(page->error, CLIENTID_ERR_NOMEM, "out of memory");
}

static int put_contract(struct page *page, const clientid_event *event)
{
    const clientid_contract_event *contract = &event->u.contract;

    for (int i = 0; i < 2; i++)
        if (contract->secrets[i].algorithm == CLIENTID_SECRET_HMAC_SHA256)
            return clientid__broken(page->error, CLIENTID__RULE_PEPPER_FEED,
                                    "the secret of %.*s is stored under a pepper",
                                    (int)contract->client_id.len, contract->client_id.ptr);
    page->to.after = contract->id;
    if (!page->from.full)
        page->to.revision = event->revision;
    return put_item(page, contract,
                    event->type == CLIENTID_EVENT_CONTRACT && contract->status == CLIENTID_APPROVED)
               ? 0
               : no_memory(page);
}

static int take(void *self, const clientid_event *event)
{
    struct page *page = self;

    switch (event->type) {
    case CLIENTID_EVENT_TIER:
    case CLIENTID_EVENT_TIER_REMOVED:
        return put_tier(page, &event->u.tier, event->type == CLIENTID_EVENT_TIER_REMOVED)
                   ? 0
                   : no_memory(page);
    case CLIENTID_EVENT_GROUP:
        return put_group(page, &event->u.group) ? 0 : no_memory(page);
    case CLIENTID_EVENT_CONTRACT:
    case CLIENTID_EVENT_CONTRACT_REMOVED:
        return put_contract(page, event);
    case CLIENTID_EVENT_GROUP_REMOVED:
    default:
        return 0;
    }
}

/* ---- pages ----------------------------------------------------------------------------------- */

static int fill_full(struct page *page, uint64_t max)
{
    clientid_control *control = page->control;
    int rc = 0;

    page->to = page->from;
    if (page->from.place == 0) {
        rc = CLIENTID__STORE(control, feed->tiers, page->options->api_id, 0, take, page,
                             page->error);
        if (rc == 0)
            rc = CLIENTID__STORE(control, feed->groups, page->options->api_id, take, page,
                                 page->error);
        if (rc == 0)
            rc = CLIENTID__STORE(control, feed->next_place, page->options->api_id, 0,
                                 &page->to.place, page->error);
    }
    while (rc == 0 && page->to.place != 0 && json_array_size(page->data) < max) {
        size_t before = json_array_size(page->data);

        rc = CLIENTID__STORE(control, feed->contracts, page->to.place, page->to.after, max - before,
                             take, page, page->error);
        if (rc != 0 || json_array_size(page->data) == max)
            break;
        page->to.after = 0;
        rc = CLIENTID__STORE(control, feed->next_place, page->options->api_id, page->to.place,
                             &page->to.place, page->error);
    }
    if (page->to.place == 0) /* all told: what changed since the first page is next */
        page->to = (struct cursor){false, page->from.identity, page->from.revision, 0, INT64_MAX};
    return rc;
}

static int fill_changes(struct page *page, uint64_t max, uint64_t now)
{
    int rc;

    page->to = page->from;
    rc = CLIENTID__STORE(page->control, feed->tiers, page->options->api_id, page->from.revision,
                         take, page, page->error);
    if (rc == 0)
        rc = CLIENTID__STORE(page->control, feed->changed, page->options->api_id,
                             page->from.revision, page->from.after, max, take, page, page->error);
    if (rc == 0 && json_array_size(page->data) < max)
        page->to = (struct cursor){false, page->from.identity, now, 0, INT64_MAX};
    return rc;
}

static int fill(struct page *page, clientid_position *now)
{
    uint64_t max = page->options->items != 0 ? page->options->items : (uint64_t)CLIENTID_FEED_ITEMS;
    int rc = clientid__found(
        page->error,
        CLIENTID__STORE(page->control, api->facts, page->options->api_id, &page->api, page->error),
        "API", page->options->api_id);

    if (rc == 0 && page->api.kind != CLIENTID_API_INSTANCE)
        return clientid__fail(page->error, CLIENTID_ERR_NOT_FOUND, "%s is no API instance",
                              page->api.name);
    if (rc == 0)
        rc = clientid_store_position(page->control->store, now, page->error);
    if (rc == 0 && page->options->cursor.len != 0)
        rc = check_cursor(page, now);
    else if (rc == 0)
        page->from = (struct cursor){true, now->identity, now->revision, 0, 0};
    if (rc != 0)
        return rc;
    if (page->from.full)
        rc = fill_full(page, max);
    /* A page without data says that this is all, so it must not end a pass that has more to tell. */
    if (rc == 0 && page->from.full && !page->to.full && json_array_size(page->data) == 0)
        page->from = page->to;
    return rc == 0 && !page->from.full ? fill_changes(page, max, now->revision) : rc;
}

/* ---- the document ---------------------------------------------------------------------------- */

static json_t *link_json(const struct page *page, const struct cursor *cursor)
{
    clientid_str path = page->options->path;
    char text[CURSOR_BYTES];

    print_cursor(cursor, text);
    return json_pack("s%++", path.ptr != NULL ? path.ptr : "", path.len, "?cursor=", text);
}

static int write(struct page *page, const clientid_position *now, clientid_feed_page *out)
{
    size_t tiers = json_array_size(page->tiers), groups = json_array_size(page->groups);
    json_t *json;

    out->items = json_array_size(page->data);
    out->news = out->items + tiers + groups;
    out->revision = now->revision;
    json = json_pack("{s:{s:o,s:o},s:O,s:O,s:O,s:o,s:I}", "links", "self",
                     link_json(page, &page->from), "next", link_json(page, &page->to), "data",
                     page->data, "tiers", page->tiers, "groups", page->groups, "identity",
                     number_text(now->identity), "revision", (json_int_t)now->revision);
    out->text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (out->text == NULL)
        return no_memory(page);
    out->len = strlen(out->text);
    return 0;
}

int clientid_control_feed(clientid_control *control, const clientid_feed_options *options,
                          clientid_feed_page *out, clientid_error *error)
{
    struct page page = {.control = control, .options = options, .error = error};
    clientid_position now = {0, 0};
    int rc;

    if (control == NULL || options == NULL || out == NULL || options->size != sizeof(*options) ||
        out->size != sizeof(*out) || options->items > CLIENTID_FEED_ITEMS_MAX)
        return clientid__bad_argument(error);
    if (options->cursor.len != 0 && !read_cursor(options->cursor, &page.from))
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, "/cursor", "is no cursor");
    page.data = json_array();
    page.tiers = json_array();
    page.groups = json_array();
    rc = clientid__begin(control, CLIENTID__READ, error);
    if (rc == 0) {
        rc = clientid__may(control, CLIENTID_PERMISSION_FEED_READ, 0, 0, error);
        if (rc == 0)
            rc = fill(&page, &now);
        if (rc == 0)
            rc = write(&page, &now, out);
        rc = clientid__end(control, rc, error);
    }
    json_decref(page.data);
    json_decref(page.tiers);
    json_decref(page.groups);
    return rc;
}
