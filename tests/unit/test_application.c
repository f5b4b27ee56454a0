/* SPDX-License-Identifier: Apache-2.0 */
/* APIs, tiers, applications and owners: fields kept, updated one by one, listed, deleted with what is theirs. */
#include "support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is(clientid_str s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

/* A record as one line, to compare. */
struct line {
    char text[4000];
    size_t used;
    int seen;
};

static void put(struct line *line, clientid_str s)
{
    line->used += (size_t)snprintf(line->text + line->used, sizeof(line->text) - line->used,
                                   "%.*s|", (int)s.len, s.ptr);
}

static void put_list(struct line *line, const clientid_str *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(line, list[i]);
    put(line, CLIENTID_STR(";"));
}

static int take_application(void *sink, const clientid_application_record *r)
{
    struct line *line = sink;

    line->seen++;
    line->used = 0;
    put(line, r->name);
    put(line, r->description);
    put(line, r->url);
    put(line, r->provider);
    put(line, r->client_id);
    put_list(line, r->redirect_uris, r->redirect_uri_count);
    put_list(line, r->grant_types, r->grant_type_count);
    put_list(line, r->owners, r->owner_count);
    line->used += (size_t)snprintf(line->text + line->used, sizeof(line->text) - line->used,
                                   "%u %u", r->api_endpoints, r->contract_count);
    return 0;
}

static void test_application_fields(void **state)
{
    clientid_str uris[] = {CLIENTID_STR("https://a/cb"), CLIENTID_STR("https://b/cb?x=1")};
    clientid_str grants[] = {CLIENTID_STR("client_credentials")};
    clientid_str owners[] = {CLIENTID_STR("zoe"), CLIENTID_STR("ann@example.com")};
    clientid_application_record record = {.size = sizeof(record),
                                          .name = CLIENTID_STR("Shop"),
                                          .description = CLIENTID_STR("Sells\nthings"),
                                          .url = CLIENTID_STR("https://shop"),
                                          .provider = CLIENTID_STR("okta"),
                                          .client_id = CLIENTID_STR("shop"),
                                          .redirect_uris = uris,
                                          .redirect_uri_count = 2,
                                          .grant_types = grants,
                                          .grant_type_count = 1,
                                          .owners = owners,
                                          .owner_count = 2,
                                          .api_endpoints = 1};
    clientid_credentials c = {.size = sizeof(c)};
    struct line line = {.used = 0};
    struct support_store s;

    (void)state;
    support_store_new(&s);
    assert_int_equal(
        clientid_control_application_create(s.control, &record, CLIENTID_STR("x"), &c, &s.error),
        0);
    assert_string_equal(c.client_secret, "x");
    assert_int_equal(c.slot, 1);
    assert_int_equal(clientid_control_application_get(s.control, c.application_id, take_application,
                                                      &line, NULL),
                     0);
    assert_string_equal(line.text, "Shop|Sells\nthings|https://shop|okta|shop|https://a/cb|"
                                   "https://b/cb?x=1|;|client_credentials|;|ann@example.com|zoe|;|"
                                   "1 0");
    record.name = CLIENTID_STR("Store");
    record.redirect_uri_count = 1;
    record.provider = CLIENTID_STR("");
    record.api_endpoints = 0;
    assert_int_equal(clientid_control_application_update(
                         s.control, c.application_id, &record,
                         CLIENTID_APPLICATION_NAME | CLIENTID_APPLICATION_REDIRECT_URIS |
                             CLIENTID_APPLICATION_PROVIDER | CLIENTID_APPLICATION_CLIENT_ID,
                         &s.error),
                     0);
    clientid_control_application_get(s.control, c.application_id, take_application, &line, NULL);
    assert_string_equal(line.text, "Store|Sells\nthings|https://shop||shop|https://a/cb|;|"
                                   "client_credentials|;|ann@example.com|zoe|;|1 0");
    support_store_del(&s);
}

static void test_generated_credentials(void **state)
{
    clientid_application_record record = {.size = sizeof(record), .name = CLIENTID_STR("x")};
    clientid_credentials a = {.size = sizeof(a)}, b = {.size = sizeof(b)};
    clientid_secret slots[2];
    struct support_store s;
    uint64_t id;

    (void)state;
    support_store_new(&s);
    assert_int_equal(
        clientid_control_application_create(s.control, &record, CLIENTID_STR(""), &a, NULL), 0);
    assert_int_equal(
        clientid_control_application_create(s.control, &record, CLIENTID_STR(""), &b, NULL), 0);
    assert_int_equal(strlen(a.client_id), 32);
    assert_int_equal(strlen(a.client_secret), 32);
    assert_string_not_equal(a.client_id, b.client_id);
    assert_string_not_equal(a.client_secret, b.client_secret);
    assert_string_not_equal(a.client_id, a.client_secret);
    support_secrets(&s, a.application_id, slots);
    assert_int_equal(support_matches(slots, a.client_secret, NULL, s.now_ns), 1);
    assert_int_equal(support_matches(slots, b.client_secret, NULL, s.now_ns), 0);
    assert_int_equal(
        clientid_control_application_find(s.control, support_str(a.client_id), &id, NULL), 0);
    assert_int_equal(id, a.application_id);
    assert_int_equal(
        clientid_control_application_find(s.control, CLIENTID_STR("none"), &id, &s.error),
        CLIENTID_ERR_NOT_FOUND);
    support_store_del(&s);
}

static int create(struct support_store *s, clientid_application_record *record, const char *secret)
{
    clientid_credentials c = {.size = sizeof(c)};
    int rc =
        clientid_control_application_create(s->control, record, support_str(secret), &c, &s->error);

    if (rc != 0)
        assert_string_equal(c.client_secret, "");
    return rc;
}

static void test_bad_applications(void **state)
{
    clientid_str list[] = {CLIENTID_STR("a\nb")};
    clientid_application_record good = {.size = sizeof(good), .name = CLIENTID_STR("x")}, bad;
    struct support_store s;
    uint64_t revision;

    (void)state;
    support_store_new(&s);
    revision = support_revision(&s);
#define BAD(code, at, change)                                                                      \
    bad = good;                                                                                    \
    change;                                                                                        \
    s.error.pointer[0] = '\0';                                                                     \
    assert_int_equal(create(&s, &bad, ""), code);                                                  \
    if ((code) == CLIENTID_ERR_SYNTAX)                                                             \
        assert_string_equal(s.error.pointer, at);
    BAD(CLIENTID_ERR_SYNTAX, "/name", bad.name = CLIENTID_STR(""))
    BAD(CLIENTID_ERR_SYNTAX, "/clientId", bad.client_id = CLIENTID_STR("a\tb"))
    BAD(CLIENTID_ERR_SYNTAX, "/clientId", bad.client_id = CLIENTID_STR(" a"))
    BAD(CLIENTID_ERR_SYNTAX, "/clientId", bad.client_id = CLIENTID_STR("a "))
    BAD(CLIENTID_ERR_SYNTAX, "/url", bad.url = CLIENTID_STR("\xff"))
    BAD(CLIENTID_ERR_SYNTAX, "/redirectUri/0", bad.redirect_uris = list; bad.redirect_uri_count = 1)
    BAD(CLIENTID_ERR_SYNTAX, "/grantTypes/0", bad.grant_types = list; bad.grant_type_count = 1)
    BAD(CLIENTID_ERR_SYNTAX, "/owners/0", bad.owners = list; bad.owner_count = 1)
    BAD(CLIENTID_ERR_SYNTAX, "/secrets", bad.secrets[0].algorithm = 3)
    BAD(CLIENTID_ERR_SYNTAX, "/secrets", bad.secrets[0].algorithm = 1; bad.secrets[0].salt_len = 33)
    BAD(CLIENTID_ERR_SYNTAX, "/secrets", bad.secrets[0].algorithm = bad.secrets[1].algorithm = 1;
        bad.secrets[1].salt_len = 1)
    BAD(CLIENTID_ERR_ARG, "", bad.size = 1)
    BAD(CLIENTID_ERR_ARG, "", bad.owner_count = 1)
    BAD(CLIENTID_ERR_ARG, "", bad.api_endpoints = 2)
#undef BAD
    assert_int_equal(create(&s, &good, "sec\x01ret"), CLIENTID_ERR_SYNTAX);
    assert_null(strstr(s.error.text, "sec\x01ret"));
    good.secrets[0].algorithm = 1;
    assert_int_equal(create(&s, &good, "both"), CLIENTID_ERR_ARG);
    assert_int_equal(support_revision(&s), revision);
    assert_int_equal(clientid_control_application_update(s.control, 1, &good, 1 << 20, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(
        clientid_control_application_update(s.control, 1, &good, CLIENTID_APPLICATION_NAME, NULL),
        CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_application_delete(s.control, 1, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_application_delete(NULL, 1, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_application_get(s.control, 1, NULL, NULL, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_application_find(s.control, good.name, NULL, NULL),
                     CLIENTID_ERR_ARG);
    support_store_del(&s);
}

static void test_longest_fields(void **state)
{
    static char text[CLIENTID_URI_MAX + 1];
    clientid_str uris[CLIENTID_APPLICATION_LIST_MAX];
    clientid_application_record record = {.size = sizeof(record), .redirect_uris = uris};
    struct support_store s;

    (void)state;
    support_store_new(&s);
    memset(text, 'u', sizeof(text));
    record.redirect_uri_count = CLIENTID_APPLICATION_LIST_MAX;
    for (int i = 0; i < CLIENTID_APPLICATION_LIST_MAX; i++)
        uris[i] = (clientid_str){text, CLIENTID_URI_MAX};
    record.name = (clientid_str){text, CLIENTID_NAME_MAX};
    record.client_id = (clientid_str){text, CLIENTID_ID_MAX};
    assert_int_equal(create(&s, &record, ""), 0);
    record.client_id.len++;
    assert_int_equal(create(&s, &record, ""), CLIENTID_ERR_SYNTAX);
    record.client_id.len = 1;
    uris[63].len++;
    assert_int_equal(create(&s, &record, ""), CLIENTID_ERR_SYNTAX);
    uris[63].len--;
    record.name.len++;
    assert_int_equal(create(&s, &record, ""), CLIENTID_ERR_SYNTAX);
    support_store_del(&s);
}

static int listed(struct support_store *s, clientid_application_filter filter)
{
    struct line line = {.seen = 0};

    filter.size = sizeof(filter);
    assert_int_equal(
        clientid_control_application_list(s->control, &filter, take_application, &line, NULL), 0);
    return line.seen;
}

static int stop(void *sink, const clientid_application_record *record)
{
    (void)record;
    return ++*(int *)sink == 2 ? CLIENTID_ERR_NOT_FOUND : 0;
}

static void test_application_lists(void **state)
{
    struct support_store s;
    char name[8];
    int n = 0;

    (void)state;
    support_store_new(&s);
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "a%d", i);
        support_new_application(&s, name);
    }
    assert_int_equal(
        clientid_control_owner_add(s.control, 2, CLIENTID_OWNER_USER, CLIENTID_STR("ann"), NULL),
        0);
    assert_int_equal(
        clientid_control_owner_add(s.control, 4, CLIENTID_OWNER_USER, CLIENTID_STR("ann"), NULL),
        0);
    assert_int_equal(listed(&s, (clientid_application_filter){.max = 0}), 5);
    assert_int_equal(listed(&s, (clientid_application_filter){.max = 2}), 2);
    assert_int_equal(listed(&s, (clientid_application_filter){.after_id = 3}), 2);
    assert_int_equal(listed(&s, (clientid_application_filter){.after_id = UINT64_MAX}), 0);
    assert_int_equal(listed(&s, (clientid_application_filter){.name = CLIENTID_STR("none")}), 0);
    assert_int_equal(
        listed(&s, (clientid_application_filter){.name = CLIENTID_STR("An application")}), 5);
    assert_int_equal(listed(&s, (clientid_application_filter){.owner = CLIENTID_STR("ann")}), 2);
    assert_int_equal(listed(&s, (clientid_application_filter){.owner = CLIENTID_STR("ann"),
                                                              .name = CLIENTID_STR("x")}),
                     0);
    /* What the callback returns comes through, whatever it is. */
    assert_int_equal(clientid_control_application_list(s.control, NULL, stop, &n, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(n, 2);
    support_store_del(&s);
}

static void test_delete_takes_what_is_its_own(void **state)
{
    struct support_store s;
    uint64_t api, tier, app, id;

    (void)state;
    support_store_new(&s);
    api = support_new_api(&s, "orders");
    tier = support_new_tier(&s, api, "gold", false);
    app = support_new_application(&s, "app");
    support_new_contract(&s, app, api, tier);
    assert_int_equal(
        clientid_control_owner_add(s.control, app, CLIENTID_OWNER_USER, CLIENTID_STR("ann"), NULL),
        0);
    assert_int_equal(clientid_control_application_delete(s.control, app, &s.error), 0);
    assert_int_equal(clientid_control_application_find(s.control, CLIENTID_STR("app"), &id, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_api_delete(s.control, api, &s.error), 0);
    assert_int_equal(clientid_control_tier_find(s.control, api, CLIENTID_STR("gold"), &id, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_store_verify(s.store, NULL), 0);
    /* Numbers are never given twice: gateways tell things apart by them. */
    assert_int_equal(support_new_api(&s, "orders"), api + 1);
    assert_int_equal(support_new_application(&s, "app"), app + 1);
    support_store_del(&s);
}

/* ---- owners ---------------------------------------------------------------------------------- */

static void test_owners(void **state)
{
    struct line line = {.used = 0};
    struct support_store s;
    uint64_t app;

    (void)state;
    support_store_new(&s);
    app = support_new_application(&s, "app");
#define ADD(id, kind, name) clientid_control_owner_add(s.control, id, kind, name, &s.error)
#define REMOVE(id, name)    clientid_control_owner_remove(s.control, id, name, &s.error)
    assert_int_equal(ADD(app, CLIENTID_OWNER_USER, CLIENTID_STR("ann")), 0);
    assert_int_equal(ADD(app, CLIENTID_OWNER_USER, CLIENTID_STR("bob")), 0);
    assert_int_equal(ADD(app, CLIENTID_OWNER_USER, CLIENTID_STR("")), CLIENTID_ERR_SYNTAX);
    assert_int_equal(ADD(app, (clientid_owner_kind)7, CLIENTID_STR("x")), CLIENTID_ERR_ARG);
    assert_int_equal(ADD(99, CLIENTID_OWNER_USER, CLIENTID_STR("x")), CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(REMOVE(app, CLIENTID_STR("eve")), CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(REMOVE(99, CLIENTID_STR("eve")), CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(REMOVE(app, CLIENTID_STR("ann")), 0);
    assert_int_equal(REMOVE(app, CLIENTID_STR("bob")), CLIENTID_ERR_RULE);
    assert_int_equal(
        clientid_control_owner_add(NULL, app, CLIENTID_OWNER_USER, CLIENTID_STR("x"), NULL),
        CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_owner_remove(NULL, app, CLIENTID_STR("x"), NULL),
                     CLIENTID_ERR_ARG);
#undef ADD
#undef REMOVE
    clientid_control_application_get(s.control, app, take_application, &line, NULL);
    assert_non_null(strstr(line.text, ";|bob|;"));
    support_store_del(&s);
}

/* ---- APIs and tiers -------------------------------------------------------------------------- */

static int take_api(void *sink, const clientid_api_record *r)
{
    struct line *line = sink;

    line->seen++;
    line->used = 0;
    put(line, r->name);
    put(line, r->provider);
    put(line, r->asset);
    put(line, r->version);
    put(line, r->terms);
    put_list(line, r->members, r->member_count);
    return 0;
}

static void test_api_fields(void **state)
{
    clientid_str members[] = {CLIENTID_STR("b"), CLIENTID_STR("a")};
    clientid_api_record group = {.size = sizeof(group),
                                 .kind = CLIENTID_API_GROUP,
                                 .name = CLIENTID_STR("group"),
                                 .provider = CLIENTID_STR("okta"),
                                 .asset = CLIENTID_STR("asset"),
                                 .version = CLIENTID_STR("v1"),
                                 .terms = CLIENTID_STR("Be kind"),
                                 .members = members,
                                 .member_count = 2};
    struct line line = {.used = 0};
    struct support_store s;
    uint64_t id, found;

    (void)state;
    support_store_new(&s);
    for (id = 1; id <= 2; id++) {
        support_new_api(&s, id == 1 ? "a" : "b");
        assert_int_equal(
            clientid_control_api_update(s.control, id, &group, CLIENTID_API_PROVIDER, &s.error), 0);
    }
    assert_int_equal(clientid_control_api_create(s.control, &group, &id, &s.error), 0);
    assert_int_equal(clientid_control_api_get(s.control, id, take_api, &line, NULL), 0);
    assert_string_equal(line.text, "group|okta|asset|v1|Be kind|b|a|;|");
    group.member_count = 1;
    group.terms = CLIENTID_STR("");
    group.version = CLIENTID_STR("v2");
    assert_int_equal(clientid_control_api_update(
                         s.control, id, &group,
                         CLIENTID_API_MEMBERS | CLIENTID_API_TERMS | CLIENTID_API_NAME, &s.error),
                     0);
    assert_int_equal(clientid_control_api_get(s.control, id, take_api, &line, NULL), 0);
    assert_string_equal(line.text, "group|okta|asset|v1||b|;|");
    line.seen = 0;
    assert_int_equal(clientid_control_api_list(s.control, take_api, &line, NULL), 0);
    assert_int_equal(line.seen, 3);
    assert_int_equal(clientid_control_api_find(s.control, CLIENTID_STR("group"), &found, NULL), 0);
    assert_int_equal(found, id);
    assert_int_equal(clientid_control_api_find(s.control, CLIENTID_STR("x"), &found, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_api_get(s.control, 99, take_api, &line, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_api_get(s.control, 0, take_api, &line, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_api_update(s.control, 99, &group, 0, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_api_delete(s.control, 99, NULL), CLIENTID_ERR_NOT_FOUND);
    /* Provider and members change together. */
    group.provider = CLIENTID_STR("");
    group.member_count = 0;
    assert_int_equal(clientid_control_api_update(s.control, id, &group,
                                                 CLIENTID_API_MEMBERS | CLIENTID_API_PROVIDER,
                                                 &s.error),
                     0);
    group.provider = CLIENTID_STR("okta");
    group.member_count = 1;
    assert_int_equal(clientid_control_api_update(s.control, id, &group,
                                                 CLIENTID_API_MEMBERS | CLIENTID_API_PROVIDER,
                                                 &s.error),
                     0);
    /* "a" left the group, so it may go; then the group, then "b". */
    assert_int_equal(clientid_control_api_delete(s.control, 1, &s.error), 0);
    assert_int_equal(clientid_control_api_delete(s.control, id, &s.error), 0);
    assert_int_equal(clientid_control_api_delete(s.control, 2, &s.error), 0);
    support_store_del(&s);
}

static void test_bad_apis(void **state)
{
    static const clientid_str many[1025];
    clientid_api_record record = {
        .size = sizeof(record), .kind = CLIENTID_API_INSTANCE, .name = CLIENTID_STR("a")};
    struct support_store s;
    char name[130];
    uint64_t id;

    (void)state;
    support_store_new(&s);
    memset(name, 'n', sizeof(name));
    record.name = (clientid_str){name, 129};
    assert_int_equal(clientid_control_api_create(s.control, &record, &id, &s.error),
                     CLIENTID_ERR_SYNTAX);
    assert_string_equal(s.error.pointer, "/name");
    record.name.len = 128;
    assert_int_equal(clientid_control_api_create(s.control, &record, &id, &s.error), 0);
    record.kind = 3;
    assert_int_equal(clientid_control_api_create(s.control, &record, &id, NULL), CLIENTID_ERR_ARG);
    record.kind = CLIENTID_API_GROUP;
    record.name.len = 5;
    record.members = many;
    record.member_count = 1025;
    assert_int_equal(clientid_control_api_create(s.control, &record, &id, &s.error),
                     CLIENTID_ERR_SYNTAX);
    assert_string_equal(s.error.pointer, "/members");
    record.members = NULL;
    assert_int_equal(clientid_control_api_create(s.control, &record, &id, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_api_update(s.control, 1, &record, 1 << 20, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_api_delete(NULL, 1, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_api_find(s.control, record.name, NULL, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_api_list(s.control, NULL, NULL, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_api_get(NULL, 1, take_api, NULL, NULL), CLIENTID_ERR_ARG);
    support_store_del(&s);
}

static int take_tier(void *sink, const clientid_tier_record *r)
{
    struct line *line = sink;

    line->seen++;
    line->used = 0;
    put(line, r->api_name);
    put(line, r->name);
    put(line, r->description);
    line->used +=
        (size_t)snprintf(line->text + line->used, sizeof(line->text) - line->used, "%u %u %d",
                         r->auto_approve, r->status, (int)r->application_count);
    for (size_t i = 0; i < r->limit_count; i++)
        line->used += (size_t)snprintf(line->text + line->used, sizeof(line->text) - line->used,
                                       " %d/%d/%u", (int)r->limits[i].maximum_requests,
                                       (int)r->limits[i].period_ms, r->limits[i].visible);
    return 0;
}

static void test_tier_fields(void **state)
{
    const clientid_limit limits[] = {{1000000000, 366ULL * 86400000, 0, 0}, {5, 1000, 1, 0}};
    clientid_tier_record record = {.size = sizeof(record),
                                   .api_id = 1,
                                   .name = CLIENTID_STR("gold"),
                                   .description = CLIENTID_STR("best"),
                                   .status = CLIENTID_TIER_ACTIVE,
                                   .limits = limits,
                                   .limit_count = 2};
    struct line line = {.used = 0};
    struct support_store s;
    uint64_t id, found;

    (void)state;
    support_store_new(&s);
    support_new_api(&s, "orders");
    assert_int_equal(clientid_control_tier_create(s.control, &record, &id, &s.error), 0);
    support_new_contract(&s, support_new_application(&s, "app"), 1, id);
    assert_int_equal(clientid_control_tier_get(s.control, id, take_tier, &line, NULL), 0);
    assert_true(strncmp(line.text, "orders|gold|best|0 1 1 1000000000/", 34) == 0);
    assert_non_null(strstr(line.text, "/0 5/1000/1"));
    record.limits = limits + 1;
    record.limit_count = 1;
    record.name = CLIENTID_STR("golden");
    assert_int_equal(clientid_control_tier_update(s.control, id, &record,
                                                  CLIENTID_TIER_LIMITS | CLIENTID_TIER_NAME, NULL,
                                                  &s.error),
                     0);
    clientid_control_tier_get(s.control, id, take_tier, &line, NULL);
    assert_string_equal(line.text, "orders|golden|best|0 1 1 5/1000/1");
    assert_int_equal(clientid_control_tier_find(s.control, 1, CLIENTID_STR("golden"), &found, NULL),
                     0);
    assert_int_equal(found, id);
    support_new_tier(&s, support_new_api(&s, "stock"), "golden", true); /* per API */
    line.seen = 0;
    assert_int_equal(clientid_control_tier_list(s.control, 0, take_tier, &line, NULL), 0);
    assert_int_equal(line.seen, 2);
    assert_int_equal(clientid_control_tier_list(s.control, 1, take_tier, &line, NULL), 0);
    assert_int_equal(line.seen, 3);
    assert_int_equal(clientid_control_tier_delete(s.control, 2, NULL), 0);
    assert_int_equal(clientid_control_tier_get(s.control, 2, take_tier, &line, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    support_store_del(&s);
}

static void test_bad_tiers(void **state)
{
    clientid_limit limit = {5, 1000, 2, 0};
    clientid_tier_record record = {.size = sizeof(record),
                                   .api_id = 9,
                                   .name = CLIENTID_STR("gold"),
                                   .status = CLIENTID_TIER_ACTIVE};
    struct line line = {.used = 0};
    struct support_store s;
    uint64_t id;

    (void)state;
    support_store_new(&s);
    assert_int_equal(clientid_control_tier_create(s.control, &record, &id, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    record.api_id = support_new_api(&s, "orders");
    record.status = 3;
    assert_int_equal(clientid_control_tier_create(s.control, &record, &id, NULL), CLIENTID_ERR_ARG);
    record.status = 1;
    record.auto_approve = 2;
    assert_int_equal(clientid_control_tier_create(s.control, &record, &id, NULL), CLIENTID_ERR_ARG);
    record.auto_approve = 0;
    record.limit_count = 1;
    assert_int_equal(clientid_control_tier_create(s.control, &record, &id, NULL), CLIENTID_ERR_ARG);
    record.limits = &limit;
    assert_int_equal(clientid_control_tier_create(s.control, &record, &id, NULL), CLIENTID_ERR_ARG);
    record.limit_count = 0;
    record.description = CLIENTID_STR("\x01");
    assert_int_equal(clientid_control_tier_create(s.control, &record, &id, &s.error),
                     CLIENTID_ERR_SYNTAX);
    assert_string_equal(s.error.pointer, "/description");
    assert_int_equal(
        clientid_control_tier_update(s.control, 9, &record, CLIENTID_TIER_NAME, NULL, NULL),
        CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_tier_update(s.control, 9, &record, 1 << 20, NULL, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_tier_delete(s.control, 9, NULL), CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_tier_delete(NULL, 9, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_tier_find(s.control, 1, record.name, &id, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_tier_find(s.control, 1, record.name, NULL, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_tier_get(s.control, 0, take_tier, &line, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_tier_get(s.control, 0, NULL, NULL, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_tier_list(s.control, 0, NULL, NULL, NULL), CLIENTID_ERR_ARG);
    support_store_del(&s);
}

/* ---- control and change log ------------------------------------------------------------------ */

static void test_control_options(void **state)
{
    static char long_actor[256];
    clientid_control_options options = {.size = sizeof(options)};
    clientid_control *control = NULL;
    struct support_store s;

    (void)state;
    support_store_new(&s);
    memset(long_actor, 'a', sizeof(long_actor));
    assert_int_equal(clientid_control_new(&control, NULL, NULL, NULL), CLIENTID_ERR_ARG);
    options.pepper = (const unsigned char *)"x";
    assert_int_equal(clientid_control_new(&control, s.store, &options, NULL), CLIENTID_ERR_ARG);
    options.pepper = NULL;
    options.actor = (clientid_str){long_actor, 256};
    assert_int_equal(clientid_control_new(&control, s.store, &options, &s.error),
                     CLIENTID_ERR_SYNTAX);
    options.actor.len = 255;
    assert_int_equal(clientid_control_new(&control, s.store, &options, &s.error), 0);
    clientid_control_del(control);
    clientid_control_del(NULL);
    support_store_del(&s);
}

static int take_change(void *sink, const clientid_change_record *r)
{
    struct line *line = sink;

    assert_true(is(r->actor, "tester"));
    assert_int_equal(r->at_ns, SUPPORT_START_NS);
    line->used += (size_t)snprintf(
        line->text + line->used, sizeof(line->text) - line->used,
        "%d %.*s %d %.*s %.*s %.*s %.*s\n", (int)r->revision, (int)r->entity.len, r->entity.ptr,
        (int)r->entity_id, (int)r->verb.len, r->verb.ptr, (int)r->api.len, r->api.ptr,
        (int)r->client_id.len, r->client_id.ptr, (int)r->detail.len, r->detail.ptr);
    return 0;
}

static void test_change_log(void **state)
{
    clientid_credentials c = {.size = sizeof(c)};
    struct line line = {.used = 0};
    struct support_store s;
    uint64_t contract;

    (void)state;
    support_store_new(&s);
    support_new_api(&s, "orders");
    support_new_group(&s, "all", "orders");
    support_new_tier(&s, 1, "gold", false);
    support_new_application(&s, "app");
    contract = support_new_contract(&s, 1, 1, 1);
    support_act(&s, contract, CLIENTID_VERB_REJECT);
    clientid_control_secret_reset(s.control, 1, NULL, &c, NULL);
    support_act(&s, contract, CLIENTID_VERB_DELETE);
    assert_int_equal(clientid_control_api_delete(s.control, 2, NULL), 0);
    assert_int_equal(clientid_control_api_delete(s.control, 1, NULL), 0);
    assert_int_equal(clientid_control_changes(s.control, 1, 0, take_change, &line, NULL), 0);
    assert_string_equal(line.text, "2 group 2 create all  \n"
                                   "3 tier 1 create orders  gold\n"
                                   "4 application 1 create  app An application\n"
                                   "5 contract 1 request orders app pending\n"
                                   "6 contract 1 reject orders app \n"
                                   "7 application 1 reset-secret  app slot 2\n"
                                   "8 contract 1 delete orders app \n"
                                   "9 group 2 delete all  \n"
                                   "10 tier 1 delete orders  with its API\n"
                                   "11 api 1 delete orders  \n");
    line.used = 0;
    assert_int_equal(clientid_control_changes(s.control, 3, 1, take_change, &line, NULL), 0);
    assert_string_equal(line.text, "4 application 1 create  app An application\n");
    assert_int_equal(clientid_control_changes(s.control, 3, 1, NULL, NULL, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_changes_prune(NULL, 1, NULL, NULL), CLIENTID_ERR_ARG);
    support_store_del(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_application_fields),
        cmocka_unit_test(test_generated_credentials),
        cmocka_unit_test(test_bad_applications),
        cmocka_unit_test(test_longest_fields),
        cmocka_unit_test(test_application_lists),
        cmocka_unit_test(test_delete_takes_what_is_its_own),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_api_fields),
        cmocka_unit_test(test_bad_apis),
        cmocka_unit_test(test_tier_fields),
        cmocka_unit_test(test_bad_tiers),
        cmocka_unit_test(test_control_options),
        cmocka_unit_test(test_change_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
