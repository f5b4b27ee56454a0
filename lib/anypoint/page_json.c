/* SPDX-License-Identifier: Apache-2.0 */
#include "anypoint/page_json.h"

#include "anypoint/moment.h"
#include "anypoint/place_json.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdalign.h>
#include <stdlib.h>
#include <strings.h>

#define API_NAME_MOST 128
#define CHUNK_BYTES   65536
/* Ids that are no numbers have one number everywhere, also in another process. */
#define ID_SEED 0

/* What all functions below hand on. */
struct reading {
    struct clientid__page *page;
    const struct clientid__anypoint_config *config;
    const struct clientid__anypoint_api *api;
    clientid_error *error;
};

/* ---- memory of a page ------------------------------------------------------------------------ */

struct clientid__chunk {
    struct clientid__chunk *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

static void *take(struct reading *r, size_t bytes)
{
    struct clientid__chunk *chunk = r->page->chunks;
    size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    void *out;

    bytes = (bytes + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (chunk == NULL || bytes > chunk->size - chunk->used) {
        size = bytes > size ? bytes : size;
        chunk = clientid__alloc(&clientid__malloc, 1, sizeof(*chunk) + size);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct clientid__chunk){.next = r->page->chunks, .size = size};
        r->page->chunks = chunk;
    }
    out = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return out;
}

static int no_memory(const struct reading *r)
{
    return clientid__fail(r->error, CLIENTID_ERR_NOMEM, "out of memory");
}

/* A copy with a NUL behind it. */
static int keep(struct reading *r, const char *text, size_t len, clientid_str *out)
{
    char *copy = take(r, len + 1);

    if (copy == NULL)
        return no_memory(r);
    memcpy(copy, text, len);
    copy[len] = '\0';
    *out = clientid__str(copy, len);
    return 0;
}

void clientid__page_del(struct clientid__page *page)
{
    struct clientid__chunk *chunk;

    if (page == NULL)
        return;
    while ((chunk = page->chunks) != NULL) {
        page->chunks = chunk->next;
        clientid__free(&clientid__malloc, chunk);
    }
    clientid__free(&clientid__malloc, page->items);
    clientid__free(&clientid__malloc, page->tiers);
    clientid__free(&clientid__malloc, page->groups);
    clientid__free(&clientid__malloc, page);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Digits as one would write them; "007" is another id than "7". */
static bool decimal(const char *text, uint64_t *out)
{
    uint64_t number = 0;

    if (text[0] < '1' || text[0] > '9')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || number > (INT64_MAX - 9) / 10)
            return false;
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *out = number;
    return true;
}

static uint64_t hash_id(const void *bytes, size_t len)
{
    uint64_t id = clientid__hash64(bytes, len, ID_SEED) & INT64_MAX;

    return id != 0 ? id : 1;
}

/* A number of 1 or more as it is, also in quotes; any other string by its hash.  0 stays when the key is absent. */
static int read_id(const struct clientid__place *object, const char *key, uint64_t *out)
{
    struct clientid__place place;
    const char *text;

    if (!clientid__place_child(object, key, &place))
        return 0;
    if (json_is_integer(place.value) && json_integer_value(place.value) >= 1) {
        *out = (uint64_t)json_integer_value(place.value);
        return 0;
    }
    text = json_string_value(place.value);
    if (text == NULL || text[0] == '\0')
        return clientid__place_fail(&place, "expected a number of 1 or more, or a string");
    if (!decimal(text, out))
        *out = hash_id(text, json_string_length(place.value));
    return 0;
}

static int needed_id(const struct clientid__place *object, const char *key, uint64_t *out)
{
    int rv = read_id(object, key, out);

    return rv == 0 && *out == 0 ? clientid__place_missing(object, key) : rv;
}

/* The first |most| bytes, no character cut. */
static size_t cut(const char *text, size_t len, size_t most)
{
    if (len <= most)
        return len;
    while (most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80)
        most--;
    return most;
}

static int name_valid(const struct clientid__place *place)
{
    const char *text = json_string_value(place->value);
    size_t len = json_string_length(place->value);
    bool ok = text != NULL && len > 0 && len <= API_NAME_MOST;

    for (size_t i = 0; i < len && ok; i++)
        ok = !clientid__is_control((unsigned char)text[i]);
    return ok ? 0 : clientid__place_fail(place, "expected a name of 1 to 128 bytes");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex(const char *text, size_t len, unsigned char *out, size_t most)
{
    if (len % 2 != 0 || len / 2 > most)
        return false;
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static int read_hash(const struct clientid__place *place, clientid_secret *out)
{
    const char *text = json_string_value(place->value);

    out->algorithm = CLIENTID_SECRET_SHA256;
    if (text != NULL && json_string_length(place->value) == 2 * sizeof(out->hash) &&
        hex(text, 2 * sizeof(out->hash), out->hash, sizeof(out->hash)))
        return 0;
    return clientid__place_fail(place, "expected 64 hexadecimal digits");
}

/* ---- secrets --------------------------------------------------------------------------------- */

/* Anypoint's own: the salt is the text as it stands, whatever it looks like. */
static int read_secret(const struct clientid__place *item, clientid_secret *out)
{
    struct clientid__place hash, salt;
    bool has_hash = clientid__place_child(item, "clientSecret", &hash);
    bool has_salt = clientid__place_child(item, "clientSecretSalt", &salt);
    size_t len = json_string_length(salt.value);

    if (!has_hash && !has_salt)
        return 0; /* a public client */
    if (!has_hash || !has_salt)
        return clientid__place_missing(item, has_hash ? "clientSecretSalt" : "clientSecret");
    if (!json_is_string(salt.value) || len > CLIENTID_SALT_MAX)
        return clientid__place_fail(&salt, "expected a string of at most %d bytes",
                                    CLIENTID_SALT_MAX);
    memcpy(out->salt, json_string_value(salt.value), len);
    out->salt_len = (uint32_t)len;
    return read_hash(&hash, out);
}

static int read_moment(const struct clientid__place *object, const char *key, uint64_t *out)
{
    struct clientid__place place;

    if (!clientid__place_child(object, key, &place))
        return 0;
    if (json_is_string(place.value) && clientid__moment_parse(json_string_value(place.value), out))
        return 0;
    return clientid__place_fail(&place, "expected a time such as \"2026-01-31T12:00:00Z\"");
}

static int read_slot(const struct clientid__place *place, clientid_secret out[2])
{
    struct clientid__place hash, salt;
    clientid_secret secret = {.algorithm = CLIENTID_SECRET_SHA256};
    uint64_t slot = 0;
    size_t len;
    int rv;

    if (!json_is_object(place->value))
        return clientid__place_fail(place, "expected an object");
    rv = clientid__place_number(place, "slot", 1, 2, &slot);
    if (rv == 0 && slot == 0)
        rv = clientid__place_missing(place, "slot");
    if (rv == 0 && out[slot - 1].algorithm != CLIENTID_SECRET_NONE)
        rv = clientid__place_fail(place, "the second one of slot %d", (int)slot);
    if (rv == 0 && !clientid__place_child(place, "hash", &hash))
        rv = clientid__place_missing(place, "hash");
    if (rv == 0 && !clientid__place_child(place, "salt", &salt))
        rv = clientid__place_missing(place, "salt");
    if (rv == 0)
        rv = read_hash(&hash, &secret);
    if (rv == 0)
        rv = read_moment(place, "notBefore", &secret.not_before_ns);
    if (rv == 0)
        rv = read_moment(place, "notAfter", &secret.not_after_ns);
    if (rv != 0)
        return rv;
    len = json_string_length(salt.value);
    if (!json_is_string(salt.value) ||
        !hex(json_string_value(salt.value), len, secret.salt, sizeof(secret.salt)))
        return clientid__place_fail(&salt, "expected at most %d hexadecimal digits",
                                    2 * CLIENTID_SALT_MAX);
    secret.salt_len = (uint32_t)(len / 2);
    out[slot - 1] = secret;
    return 0;
}

static int read_secrets(const struct clientid__place *item, clientid_secret out[2])
{
    struct clientid__place array;
    int rv = clientid__place_array(item, "secrets", &array);

    if (rv != 0)
        return rv;
    if (array.value == NULL)
        return read_secret(item, &out[0]);
    for (size_t i = 0; i < json_array_size(array.value) && rv == 0; i++) {
        struct clientid__place place = clientid__place_item(&array, i);

        rv = read_slot(&place, out);
    }
    return rv;
}

/* ---- contracts ------------------------------------------------------------------------------- */

static int read_status(const struct clientid__place *item, uint32_t *out)
{
    static const char *const names[] = {"PENDING", "APPROVED", "REJECTED", "REVOKED"};
    struct clientid__place place;

    *out = CLIENTID_APPROVED;
    if (!clientid__place_child(item, "status", &place))
        return 0;
    for (uint32_t i = 0; i < 4 && json_is_string(place.value); i++) {
        if (strcasecmp(names[i], json_string_value(place.value)) == 0) {
            *out = CLIENTID_PENDING + i;
            return 0;
        }
    }
    return clientid__place_fail(&place, "expected PENDING, APPROVED, REJECTED or REVOKED");
}

static int read_target(struct reading *r, const struct clientid__place *item,
                       clientid_contract_event *out)
{
    struct clientid__place group;
    int rv;

    out->api = clientid__cstr(r->api->name);
    if (!clientid__place_child(item, "group", &group))
        return 0;
    rv = name_valid(&group);
    if (rv != 0)
        return rv;
    return keep(r, json_string_value(group.value), json_string_length(group.value), &out->api);
}

static int read_client_id(struct reading *r, const struct clientid__place *item,
                          clientid_contract_event *out)
{
    struct clientid__place place;
    size_t len;

    if (!clientid__place_child(item, "clientId", &place))
        return clientid__place_missing(item, "clientId");
    len = json_string_length(place.value);
    if (len == 0 || len > CLIENTID_ID_MAX)
        return clientid__place_fail(&place, "expected a string of 1 to %d bytes", CLIENTID_ID_MAX);
    return keep(r, json_string_value(place.value), len, &out->client_id);
}

static int read_name(struct reading *r, const struct clientid__place *item,
                     clientid_contract_event *out)
{
    struct clientid__place place;

    if (!clientid__place_child(item, "clientName", &place) &&
        !clientid__place_child(item, "name", &place))
        return 0;
    if (!json_is_string(place.value))
        return clientid__place_fail(&place, "expected a string");
    return keep(
        r, json_string_value(place.value),
        cut(json_string_value(place.value), json_string_length(place.value), CLIENTID_NAME_MAX),
        &out->name);
}

static int read_item(struct reading *r, const struct clientid__place *place,
                     struct clientid__item *out)
{
    clientid_contract_event *contract = &out->contract;
    int rv;

    if (!json_is_object(place->value))
        return clientid__place_fail(place, "expected an object");
    rv = clientid__place_bool(place, "removed", &out->removed);
    if (rv == 0)
        rv = needed_id(place, "contractId", &contract->id);
    if (rv == 0)
        rv = read_target(r, place, contract);
    if (rv == 0)
        rv = read_client_id(r, place, contract);
    if (rv != 0 || out->removed)
        return rv;
    rv = read_name(r, place, contract);
    if (rv == 0)
        rv = read_id(place, "slaTierId", &contract->tier_id);
    if (rv == 0)
        rv = read_status(place, &contract->status);
    if (rv == 0)
        rv = read_secrets(place, contract->secrets);
    if (rv == 0)
        rv =
            clientid__place_number(place, "applicationId", 1, INT64_MAX, &contract->application_id);
    if (rv == 0 && contract->application_id == 0)
        contract->application_id = hash_id(contract->client_id.ptr, contract->client_id.len);
    return rv;
}

/* ---- tiers ----------------------------------------------------------------------------------- */

static int read_limit(const struct clientid__place *place, clientid_limit *out)
{
    bool visible = true;
    int rv;

    if (!json_is_object(place->value))
        return clientid__place_fail(place, "expected an object");
    *out = (clientid_limit){0};
    rv = clientid__place_bool(place, "visible", &visible);
    if (rv == 0)
        rv = clientid__place_number(place, "maximumRequests", 1, INT64_MAX, &out->maximum_requests);
    if (rv == 0 && out->maximum_requests == 0)
        rv = clientid__place_missing(place, "maximumRequests");
    if (rv == 0)
        rv = clientid__place_number(place, "timePeriodInMilliseconds", 1, INT64_MAX,
                                    &out->period_ms);
    if (rv == 0 && out->period_ms == 0)
        rv = clientid__place_missing(place, "timePeriodInMilliseconds");
    out->visible = visible;
    return rv;
}

static int read_limits(const struct clientid__place *tier, struct clientid__tier_row *out)
{
    struct clientid__place array;
    int rv = clientid__place_array(tier, "limits", &array);

    if (rv != 0)
        return rv;
    if (array.value == NULL) /* "unlimited" has to be said */
        return clientid__place_missing(tier, "limits");
    out->limit_count = json_array_size(array.value);
    if (out->limit_count > CLIENTID_TIER_LIMITS_MAX)
        return clientid__place_fail(&array, "more than %d limits", CLIENTID_TIER_LIMITS_MAX);
    for (size_t i = 0; i < out->limit_count && rv == 0; i++) {
        struct clientid__place place = clientid__place_item(&array, i);

        rv = read_limit(&place, &out->limits[i]);
    }
    return rv;
}

static int read_tier(const struct clientid__place *place, struct clientid__tier_row *out)
{
    struct clientid__place name;
    size_t len;
    int rv;

    if (!json_is_object(place->value))
        return clientid__place_fail(place, "expected an object");
    rv = needed_id(place, "id", &out->id);
    if (rv == 0)
        rv = clientid__place_bool(place, "removed", &out->removed);
    if (rv != 0 || out->removed)
        return rv;
    if (clientid__place_child(place, "name", &name)) {
        if (!json_is_string(name.value))
            return clientid__place_fail(&name, "expected a string");
        len = cut(json_string_value(name.value), json_string_length(name.value), CLIENTID_NAME_MAX);
        memcpy(out->name, json_string_value(name.value), len);
        out->name[len] = '\0';
    }
    return read_limits(place, out);
}

static int read_tiers(struct reading *r, const struct clientid__place *top)
{
    struct clientid__page *page = r->page;
    struct clientid__place array;
    int rv = clientid__place_array(top, "tiers", &array);

    if (rv != 0 || array.value == NULL)
        return rv;
    page->has_tiers = true;
    page->tier_count = json_array_size(array.value);
    page->tiers = clientid__alloc(&clientid__malloc, page->tier_count + 1, sizeof(*page->tiers));
    if (page->tiers == NULL)
        return no_memory(r);
    for (size_t i = 0; i < page->tier_count && rv == 0; i++) {
        struct clientid__place place = clientid__place_item(&array, i);

        rv = read_tier(&place, &page->tiers[i]);
    }
    return rv;
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* Those that this gateway does not have are left out. */
static int read_member(const struct reading *r, const struct clientid__place *place,
                       struct clientid__group_row *out)
{
    uint64_t id = 0;

    if (json_is_integer(place->value) && json_integer_value(place->value) >= 1)
        id = (uint64_t)json_integer_value(place->value);
    else if (!json_is_string(place->value) || !decimal(json_string_value(place->value), &id))
        return clientid__place_fail(place, "expected the id of an API instance");
    for (size_t i = 0; i < r->config->api_count; i++)
        if (r->config->apis[i].id == id)
            out->members[out->member_count++] = clientid__cstr(r->config->apis[i].name);
    return 0;
}

static int read_group(struct reading *r, const struct clientid__place *place,
                      struct clientid__group_row *out)
{
    struct clientid__place name, members;
    int rv;

    if (!json_is_object(place->value))
        return clientid__place_fail(place, "expected an object");
    if (!clientid__place_child(place, "name", &name))
        return clientid__place_missing(place, "name");
    rv = name_valid(&name);
    if (rv == 0)
        rv = keep(r, json_string_value(name.value), json_string_length(name.value), &out->name);
    if (rv == 0)
        rv = clientid__place_bool(place, "removed", &out->removed);
    if (rv == 0)
        rv = clientid__place_array(place, "members", &members);
    if (rv != 0 || out->removed)
        return rv;
    if (members.value == NULL)
        return clientid__place_missing(place, "members");
    out->members = take(r, (json_array_size(members.value) + 1) * sizeof(*out->members));
    if (out->members == NULL)
        return no_memory(r);
    for (size_t i = 0; i < json_array_size(members.value) && rv == 0; i++) {
        struct clientid__place member = clientid__place_item(&members, i);

        rv = read_member(r, &member, out);
    }
    return rv;
}

static int read_groups(struct reading *r, const struct clientid__place *top)
{
    struct clientid__page *page = r->page;
    struct clientid__place array;
    int rv = clientid__place_array(top, "groups", &array);

    if (rv != 0 || array.value == NULL)
        return rv;
    page->group_count = json_array_size(array.value);
    page->groups = clientid__alloc(&clientid__malloc, page->group_count + 1, sizeof(*page->groups));
    if (page->groups == NULL)
        return no_memory(r);
    for (size_t i = 0; i < page->group_count && rv == 0; i++) {
        struct clientid__place place = clientid__place_item(&array, i);

        rv = read_group(r, &place, &page->groups[i]);
    }
    return rv;
}

/* ---- a page ---------------------------------------------------------------------------------- */

static int keep_text(struct reading *r, const struct clientid__place *object, const char *key,
                     const char **out)
{
    const char *text = NULL;
    clientid_str copy = {NULL, 0};
    int rv = clientid__place_text(object, key, &text);

    if (rv == 0 && text != NULL)
        rv = keep(r, text, strlen(text), &copy);
    *out = copy.ptr;
    return rv;
}

static int read_links(struct reading *r, const struct clientid__place *top)
{
    struct clientid__place links;
    int rv;

    if (!clientid__place_child(top, "links", &links))
        return 0;
    if (!json_is_object(links.value))
        return clientid__place_fail(&links, "expected an object");
    rv = keep_text(r, &links, "self", &r->page->self);
    return rv == 0 ? keep_text(r, &links, "next", &r->page->next) : rv;
}

static int read_items(struct reading *r, const struct clientid__place *array)
{
    struct clientid__page *page = r->page;
    int rv = 0;

    page->count = json_array_size(array->value);
    page->items = clientid__alloc(&clientid__malloc, page->count + 1, sizeof(*page->items));
    if (page->items == NULL)
        return no_memory(r);
    for (size_t i = 0; i < page->count && rv == 0; i++) {
        struct clientid__place place = clientid__place_item(array, i);

        rv = read_item(r, &place, &page->items[i]);
    }
    return rv;
}

static int read_page(struct reading *r, const struct clientid__place *top)
{
    struct clientid__place array;
    int rv;

    if (json_is_array(top->value))
        return read_items(r, top);
    if (!json_is_object(top->value))
        return clientid__place_fail(top, "expected an object");
    rv = clientid__place_array(top, "data", &array);
    if (rv == 0 && array.value == NULL)
        rv = clientid__place_array(top, "contracts", &array);
    if (rv == 0 && array.value == NULL)
        rv = clientid__place_missing(top, "data");
    if (rv == 0)
        rv = read_items(r, &array);
    if (rv == 0)
        rv = read_links(r, top);
    if (rv == 0)
        rv = read_tiers(r, top);
    if (rv == 0)
        rv = read_groups(r, top);
    if (rv == 0)
        rv = keep_text(r, top, "identity", &r->page->identity);
    if (rv == 0)
        rv = clientid__place_number(top, "revision", 0, INT64_MAX, &r->page->revision);
    r->page->has_revision = json_object_get(top->value, "revision") != NULL;
    return rv;
}

static int read_tier_list(struct reading *r, const struct clientid__place *top)
{
    int rv;

    if (!json_is_object(top->value))
        return clientid__place_fail(top, "expected an object");
    rv = read_tiers(r, top);
    if (rv == 0 && !r->page->has_tiers)
        rv = clientid__place_missing(top, "tiers");
    r->page->tier_total = r->page->tier_count;
    return rv == 0 ? clientid__place_number(top, "total", 0, INT64_MAX, &r->page->tier_total) : rv;
}

static int read_with(struct reading *r, const char *body, size_t len, const char *name,
                     int (*read)(struct reading *, const struct clientid__place *),
                     struct clientid__page **out)
{
    const struct clientid__document document = {name, CLIENTID_ERR_CORRUPT, r->error};
    struct clientid__place top;
    json_t *root = NULL;
    int rv;

    r->page = clientid__alloc(&clientid__malloc, 1, sizeof(*r->page));
    if (r->page == NULL)
        return no_memory(r);
    root = clientid__document_parse(&document, body, len, CLIENTID_ERR_CORRUPT);
    if (root == NULL) {
        clientid__page_del(r->page);
        return r->error->code;
    }
    top = clientid__place_top(&document, root);
    rv = read(r, &top);
    json_decref(root);
    if (rv != 0) {
        clientid__page_del(r->page);
        return rv;
    }
    *out = r->page;
    return 0;
}

int clientid__page_read(struct clientid__page **out, const struct clientid__anypoint_config *config,
                        const struct clientid__anypoint_api *api, const char *body, size_t len,
                        const char *name, clientid_error *error)
{
    clientid_error unused = {0};
    struct reading r = {NULL, config, api, error != NULL ? error : &unused};

    return read_with(&r, body, len, name, read_page, out);
}

int clientid__tier_list_read(struct clientid__page **out, const char *body, size_t len,
                             const char *name, clientid_error *error)
{
    clientid_error unused = {0};
    struct reading r = {NULL, NULL, NULL, error != NULL ? error : &unused};

    return read_with(&r, body, len, name, read_tier_list, out);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

int clientid__token_read(char **token, uint64_t *expires_s, const char *body, size_t len,
                         clientid_error *error)
{
    clientid_error unused = {0};
    const struct clientid__document document = {"token", CLIENTID_ERR_CORRUPT,
                                                error != NULL ? error : &unused};
    json_t *root = clientid__document_parse(&document, body, len, CLIENTID_ERR_CORRUPT);
    struct clientid__place top = clientid__place_top(&document, root);
    const char *text = NULL;
    int rv;

    *token = NULL;
    *expires_s = 0;
    if (root == NULL)
        return document.error->code;
    rv = json_is_object(root) ? clientid__place_text(&top, "access_token", &text)
                              : clientid__place_fail(&top, "expected an object");
    if (rv == 0 && text == NULL)
        rv = clientid__place_missing(&top, "access_token");
    if (rv == 0)
        rv = clientid__place_number(&top, "expires_in", 0, INT32_MAX, expires_s);
    if (rv == 0 && text != NULL) {
        *token = clientid__strdup(&clientid__malloc, clientid__cstr(text));
        if (*token == NULL)
            rv = clientid__fail(document.error, CLIENTID_ERR_NOMEM, "out of memory");
    }
    json_decref(root);
    return rv;
}

char *clientid__token_post(const char *client_id, const char *client_secret)
{
    json_t *root = json_pack("{ssssss}", "grant_type", "client_credentials", "client_id", client_id,
                             "client_secret", client_secret);
    char *post = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(root);
    return post;
}

void clientid__token_post_free(char *post)
{
    if (post != NULL)
        explicit_bzero(post, strlen(post));
    free(post); /* jansson's */
}
