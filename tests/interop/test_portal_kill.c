/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The portal is killed in the middle of what its clients do, KILLS times (50), on one store.  Whatever was answered is there, what
 * was not is there as a whole or not at all, and every gateway learns of everything.  KILL_SEED runs the same moments again.
 */
#include "support_callback.h"
#include "support_portal.h"
#include "support_proxy.h"
#include "support_random.h"
#include "support_story.h"

#include <clientid/delivery.h>
#include <clientid/feed.h>

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TELLERS   4
#define LATEST_US 400000 /* of a kill, after the first request */
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

/* ---- the stories, as the store has them -------------------------------------------------------- */

/* What there is after so many writes.  |requests|: C(reation) or D(eregistration), and P(ending), O(pen) or D(one). */
struct chapter {
    const char *log;              /* verbs of the application and its contract, in their order */
    uint32_t status;              /* of the contract; 0: there is none */
    const char *tier, *requested; /* names; NULL: none */
    unsigned secrets;
    const char *requests;
    bool key; /* credentials of the gateway are kept */
};

static const struct chapter chapters[STORY_PROVIDER][STORY_WRITES_MAX + 1] =
    {
        [STORY_ACCESS] =
            {
                {"", 0, NULL, NULL, 0, "", false},
                {"", 0, NULL, NULL, 0, "", false},
                {" create", 0, NULL, NULL, 1, "", false},
                {" create request", CLIENTID_PENDING, NULL, "silver", 1, "", false},
                {" create request approve", CLIENTID_APPROVED, "silver", NULL, 1, "", false},
                {" create request approve request-tier", CLIENTID_APPROVED, "silver", "gold", 1, "",
                 false},
                {" create request approve request-tier approve-tier", CLIENTID_APPROVED,
                 "gold", NULL, 1, "", false},
                {" create request approve request-tier approve-tier reset-secret",
                 CLIENTID_APPROVED, "gold", NULL, 2, "", false},
                {" create request approve request-tier approve-tier reset-secret revoke",
                 CLIENTID_REVOKED, "gold", NULL, 2, "", false},
            },
        [STORY_GATEWAY] =
            {
                {"", 0, NULL, NULL, 0, "", false},
                {" create request", CLIENTID_APPROVED, NULL, NULL, 0, " CO", false},
                {" create request", CLIENTID_APPROVED, NULL, NULL, 0, " CD", true},
                {" create request revoke delete", 0, NULL, NULL, 0, " CD DO", true},
                {" create request revoke delete", 0, NULL, NULL, 0, " CD DD", false},
            },
        [STORY_APPROVED] =
            {
                {"", 0, NULL, NULL, 0, "", false},
                {" create request", CLIENTID_PENDING, NULL, "bronze", 0, " CP", false},
                {" create request approve", CLIENTID_APPROVED, "bronze", NULL, 0, " CO", false},
                {" create request approve", CLIENTID_APPROVED, "bronze", NULL, 0, " CD", true},
                {" create request approve revoke", CLIENTID_REVOKED, "bronze", NULL, 0, " CD DO",
                 true},
                {" create request approve revoke", CLIENTID_REVOKED, "bronze", NULL, 0, " CD DD",
                 false},
            },
};

/* ---- the world ------------------------------------------------------------------------------- */

static const char *const apis[] = {"orders", "free", "asked"};

struct feed {
    uint64_t api_id;
    char *cursor;      /* NULL: from the beginning */
    json_t *contracts; /* those in force, by id */
};

struct world {
    struct portal portal;
    struct callback callback;
    struct portal_store store; /* while it is open */
    struct tale *tales;        /* of all rounds, newest first */
    struct feed feeds[COUNT(apis)];
    json_t *log;       /* client id: verbs */
    uint64_t revision; /* so far is in |log| */
    uint64_t seed;
    size_t writes, doubts;
};

static void check(int rc, const clientid_error *error)
{
    if (rc != 0)
        fail_msg("%d %s: %s", rc, error->pointer, error->text);
}

static clientid_str str(const char *text)
{
    return (clientid_str){text, strlen(text)};
}

static bool is(clientid_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static void set_number(struct world *world, const char *name, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    portal_set(&world->portal, name, text);
}

static uint64_t number_of(const json_t *names, const char *name)
{
    const char *text = json_string_value(json_object_get(names, name));
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

static void make_provider(struct world *world)
{
    clientid_control *control = world->store.control;
    clientid_error error = {0};
    char url[64];
    uint64_t hook = 0, id = 0;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/events", world->callback.port);
    const clientid_hook_record hook_record = {.size = sizeof hook_record,
                                              .url = str(url),
                                              .provider_type = 1,
                                              .subscriptions = 15,
                                              .authentication = CLIENTID_HOOK_BASIC,
                                              .username = CLIENTID_STR("system"),
                                              .password = CLIENTID_STR("sss")};
    check(clientid_control_hook_create(control, &hook_record, &hook, &error), &error);
    const clientid_provider_record record = {.size = sizeof record,
                                             .name = CLIENTID_STR("X Gateway"),
                                             .type = CLIENTID_PROVIDER_THIRD_PARTY,
                                             .hook_count = 1,
                                             .hooks = &hook};
    check(clientid_control_provider_create(control, &record, &id, &error), &error);
}

static void make_api(struct world *world, size_t index, const char *provider)
{
    clientid_control *control = world->store.control;
    const clientid_api_record record = {.size = sizeof record,
                                        .kind = CLIENTID_API_INSTANCE,
                                        .name = str(apis[index]),
                                        .provider = str(provider)};
    clientid_error error = {0};
    char uuid[CLIENTID_UUID_CHARS + 1], name[64];
    uint64_t id = 0;
    check(clientid_control_api_create(control, &record, &id, &error), &error);
    check(clientid_control_api_owner_add(control, id, CLIENTID_STR("oona"), &error), &error);
    check(clientid_control_uuid_format(control, CLIENTID_UUID_API, id, uuid, &error), &error);
    set_number(world, apis[index], id);
    snprintf(name, sizeof name, "%s.id", apis[index]);
    portal_set(&world->portal, name, uuid);
    world->feeds[index] = (struct feed){.api_id = id, .contracts = json_object()};
}

static void make_tier(struct world *world, const char *api, const char *name)
{
    const clientid_tier_record record = {.size = sizeof record,
                                         .api_id = number_of(world->portal.names, api),
                                         .name = str(name),
                                         .status = CLIENTID_TIER_ACTIVE};
    clientid_error error = {0};
    uint64_t id = 0;
    check(clientid_control_tier_create(world->store.control, &record, &id, &error), &error);
    set_number(world, name, id);
}

static void prepare(struct world *world)
{
    *world = (struct world){.log = json_object(), .seed = (uint64_t)time(NULL) * 1000003};
    if (getenv("KILL_SEED") != NULL)
        world->seed = strtoull(getenv("KILL_SEED"), NULL, 10);
    print_message("KILL_SEED=%llu\n", (unsigned long long)world->seed);
    portal_prepare(&world->portal, "");
    portal_user(&world->portal, "admin", CLIENTID_ROLE_ADMINISTRATOR);
    portal_user(&world->portal, "oona", CLIENTID_ROLE_API_OWNER);
    portal_user(&world->portal, "mia", CLIENTID_ROLE_MEMBER);
    portal_connected_app(&world->portal, "bot", "mia", CLIENTID_SCOPE_CREATE_APPLICATIONS);
    callback_start(&world->callback, NULL, NULL, NULL);
    portal_open(&world->portal, &world->store);
    make_provider(world);
    make_api(world, 0, "");
    make_api(world, 1, "X Gateway");
    make_api(world, 2, "X Gateway");
    make_tier(world, "orders", "silver");
    make_tier(world, "orders", "gold");
    make_tier(world, "asked", "bronze");
    portal_close(&world->store);
}

/* ---- one story, as the store has it ---------------------------------------------------------- */

struct seen {
    uint64_t id;
    char client_id[CLIENTID_ID_MAX + 1], owner[64];
    clientid_secret secrets[2];
    uint32_t status;
    char tier[64], requested[64];
    uint64_t contract_id;
    unsigned contracts;
    char requests[64];
};

static void put_text(char *out, size_t size, clientid_str text)
{
    snprintf(out, size, "%.*s", (int)text.len, text.len != 0 ? text.ptr : "");
}

static int take_application(void *sink, const clientid_application_record *record)
{
    struct seen *seen = sink;
    assert_int_equal(seen->id, 0);
    seen->id = record->id;
    put_text(seen->client_id, sizeof seen->client_id, record->client_id);
    if (record->owner_count == 1)
        put_text(seen->owner, sizeof seen->owner, record->owners[0]);
    memcpy(seen->secrets, record->secrets, sizeof seen->secrets);
    return 0;
}

static int take_contract(void *sink, const clientid_contract_record *record)
{
    struct seen *seen = sink;
    seen->contracts++;
    seen->contract_id = record->id;
    seen->status = record->status;
    put_text(seen->tier, sizeof seen->tier, record->tier_name);
    put_text(seen->requested, sizeof seen->requested, record->requested_tier_name);
    return 0;
}

static char letter_of(uint32_t status)
{
    switch (status) {
    case CLIENTID_USER_REQUEST_STATUS_APPROVAL_PENDING:
        return 'P';
    case CLIENTID_USER_REQUEST_STATUS_NEW:
    case CLIENTID_USER_REQUEST_STATUS_APPROVED:
    case CLIENTID_USER_REQUEST_STATUS_WAITING_THIRDPARTY:
        return 'O';
    case CLIENTID_USER_REQUEST_STATUS_COMPLETED:
        return 'D';
    default:
        return '?';
    }
}

static int take_request(void *sink, const clientid_user_request_record *record)
{
    struct seen *seen = sink;
    size_t len = strlen(seen->requests);
    snprintf(seen->requests + len, sizeof seen->requests - len, " %c%c",
             record->type == CLIENTID_USER_REQUEST_CREATION         ? 'C'
             : record->type == CLIENTID_USER_REQUEST_DEREGISTRATION ? 'D'
                                                                    : '?',
             record->state_count == 1 ? letter_of(record->states[0].status) : '?');
    return 0;
}

static void look(struct world *world, const struct tale *tale, struct seen *seen)
{
    clientid_control *control = world->store.control;
    const clientid_application_filter filter = {
        .size = sizeof filter,
        .name = str(json_string_value(json_object_get(tale->names, "name")))};
    clientid_error error = {0};
    *seen = (struct seen){.id = 0};
    check(clientid_control_application_list(control, &filter, take_application, seen, &error),
          &error);
    if (seen->id == 0)
        return;
    const clientid_contract_filter of = {.size = sizeof of, .application_id = seen->id};
    check(clientid_control_contract_list(control, &of, take_contract, seen, &error), &error);
    check(clientid_control_user_request_list(control, seen->id, 0, 0, take_request, seen, &error),
          &error);
}

static bool has_key(struct world *world, const struct seen *seen, const char *name)
{
    clientid_error error = {0};
    char *text = NULL, key[96];
    if (seen->id == 0)
        return false;
    check(clientid_control_delivered_credentials(world->store.control, seen->id, &text, &error),
          &error);
    snprintf(key, sizeof key, "\"key of %s\"", name);
    bool has = strstr(text, key) != NULL;
    assert_true(has || strcmp(text, "[]") == 0);
    clientid_json_free(text);
    return has;
}

/* Whether the slot holds the secret that the answer told; one that nobody told may be any. */
static bool holds(const clientid_secret *slot, const char *secret)
{
    clientid_secret made = *slot;
    if (slot->algorithm == CLIENTID_SECRET_NONE || secret == NULL)
        return slot->algorithm != CLIENTID_SECRET_NONE;
    assert_int_equal(clientid_secret_hash(&made, str(secret), NULL, 0), 0);
    return memcmp(made.hash, slot->hash, sizeof made.hash) == 0;
}

static bool secrets_differ(const struct tale *tale, const struct seen *seen, unsigned count)
{
    static const char *const names[] = {"secret1", "secret2"};
    for (unsigned i = 0; i < 2; i++) {
        const char *secret = json_string_value(json_object_get(tale->names, names[i]));
        if (i < count ? !holds(&seen->secrets[i], secret)
                      : seen->secrets[i].algorithm != CLIENTID_SECRET_NONE)
            return true;
    }
    return seen->secrets[0].algorithm != CLIENTID_SECRET_NONE &&
           (seen->secrets[0].not_after_ns != 0) != (count == 2);
}

static bool told(const struct tale *tale, const char *name, const char *is)
{
    const char *text = json_string_value(json_object_get(tale->names, name));
    return text == NULL || strcmp(text, is) == 0;
}

static const char *or_none(const char *text)
{
    return text != NULL ? text : "";
}

/* Says what is not as it is after |done| writes; NULL: all is. */
static const char *differs(struct world *world, const struct tale *tale, const struct seen *seen,
                           unsigned done)
{
    const struct chapter *chapter = &chapters[tale->story][done];
    const char *log = json_string_value(json_object_get(world->log, seen->client_id));
    const char *name = json_string_value(json_object_get(tale->names, "name"));
    char id[32], contract[32];
    snprintf(id, sizeof id, "%llu", (unsigned long long)seen->id);
    snprintf(contract, sizeof contract, "%llu", (unsigned long long)seen->contract_id);
    if (strcmp(or_none(log), chapter->log) != 0)
        return "change log";
    if ((seen->id != 0) != (chapter->log[0] != '\0'))
        return "application";
    if (seen->id != 0 && (!told(tale, "app", id) || !told(tale, "client", seen->client_id) ||
                          strcmp(seen->owner, "mia") != 0))
        return "application's id, client id or owner";
    if (seen->contracts != (chapter->status != 0) || seen->status != chapter->status ||
        (seen->contracts != 0 && !told(tale, "contract", contract)))
        return "contract";
    if (strcmp(seen->tier, or_none(chapter->tier)) != 0 ||
        strcmp(seen->requested, or_none(chapter->requested)) != 0)
        return "tier";
    if (secrets_differ(tale, seen, chapter->secrets))
        return "secrets";
    if (strcmp(seen->requests, chapter->requests) != 0)
        return "user requests";
    return has_key(world, seen, name) != chapter->key ? "delivered credentials" : NULL;
}

static void check_application(struct world *world, const struct tale *tale)
{
    struct seen seen;
    look(world, tale, &seen);
    const char *why = differs(world, tale, &seen, tale->done);
    if (why == NULL || (tale->doubt && differs(world, tale, &seen, tale->done + 1) == NULL))
        return;
    char *names = json_dumps(tale->names, JSON_INDENT(1));
    fail_msg(
        "story %d after %u writes%s: %s\nlog:%s; status %u, tier %s, requested %s, requests%s\n%s",
        (int)tale->story, tale->done, tale->doubt ? " and perhaps one more" : "", why,
        or_none(json_string_value(json_object_get(world->log, seen.client_id))), seen.status,
        seen.tier, seen.requested, seen.requests, names);
}

struct side {
    const char *name;
    uint64_t hook, provider, hook_of_provider;
};

static bool ends_with(clientid_str text, const char *end)
{
    size_t len = strlen(end);
    return text.len > len && text.ptr[text.len - len - 1] == '/' &&
           memcmp(text.ptr + text.len - len, end, len) == 0;
}

static int take_hook(void *sink, const clientid_hook_record *record)
{
    struct side *side = sink;
    if (ends_with(record->url, side->name))
        side->hook = record->id;
    return 0;
}

static int take_provider(void *sink, const clientid_provider_record *record)
{
    struct side *side = sink;
    if (!is(record->name, side->name))
        return 0;
    side->provider = record->id;
    side->hook_of_provider = record->hook_count == 1 ? record->hooks[0] : 0;
    return 0;
}

static bool side_differs(const struct side *side, unsigned done)
{
    bool hook = done >= 1 && done <= 3, provider = done == 2;
    return (side->hook != 0) != hook || (side->provider != 0) != provider ||
           (provider && side->hook_of_provider != side->hook);
}

static void check_provider(struct world *world, const struct tale *tale)
{
    clientid_control *control = world->store.control;
    struct side side = {.name = json_string_value(json_object_get(tale->names, "name"))};
    clientid_error error = {0};
    check(clientid_control_hook_list(control, take_hook, &side, &error), &error);
    check(clientid_control_provider_list(control, take_provider, &side, &error), &error);
    if (side_differs(&side, tale->done) && (!tale->doubt || side_differs(&side, tale->done + 1)))
        fail_msg("%s after %u writes%s: hook %d, provider %d", side.name, tale->done,
                 tale->doubt ? " and perhaps one more" : "", side.hook != 0, side.provider != 0);
}

static void check_token(struct world *world, const struct tale *tale)
{
    const char *token = json_string_value(json_object_get(tale->names, "token"));
    clientid_caller caller = {.size = sizeof caller};
    clientid_error error = {0};
    if (token != NULL)
        check(clientid_control_authenticate(world->store.control, str(token), &caller, &error),
              &error);
}

static void check_tale(struct world *world, const struct tale *tale)
{
    check_token(world, tale);
    if (tale->story == STORY_PROVIDER)
        check_provider(world, tale);
    else
        check_application(world, tale);
}

/* ---- the change log -------------------------------------------------------------------------- */

static int take_change(void *sink, const clientid_change_record *record)
{
    struct world *world = sink;
    char key[CLIENTID_ID_MAX + 1], verbs[1024];
    assert_int_equal(record->revision, world->revision + 1); /* without holes */
    world->revision = record->revision;
    if (!is(record->entity, "application") && !is(record->entity, "contract"))
        return 0;
    put_text(key, sizeof key, record->client_id);
    snprintf(verbs, sizeof verbs, "%s %.*s",
             or_none(json_string_value(json_object_get(world->log, key))), (int)record->verb.len,
             record->verb.ptr);
    return json_object_set_new(world->log, key, json_string(verbs));
}

static void read_log(struct world *world)
{
    clientid_error error = {0};
    check(clientid_control_changes(world->store.control, world->revision, 0, take_change, world,
                                   &error),
          &error);
}

/* ---- what holds of all rows ------------------------------------------------------------------ */

#define LOGGED(entity, id, verbs)                                                                  \
    "EXISTS(SELECT 1 FROM log l WHERE l.entity = " entity " AND l.entity_id = " id                 \
    " AND l.verb IN (" verbs "))"
#define SENT LOGGED("11", "e.id", "'create', 'approve'")
#define LEFT LOGGED("11", "e.id", "'delivered', 'delivery-refused', 'given-up'")

/* Each finds what must not be.  The library has no list of the outbox and of events: this looks into its tables. */
static const struct {
    const char *what, *query;
} rules[] = {
    {"application without its change",
     "SELECT id FROM application a WHERE NOT " LOGGED("4", "a.id", "'create'")},
    {"change of no application",
     "SELECT entity_id FROM log WHERE entity = 4 AND entity_id NOT IN (SELECT id FROM "
     "application)"},
    {"application without owner",
     "SELECT id FROM application WHERE id NOT IN (SELECT application_id FROM owner)"},
    {"contract without its change",
     "SELECT id FROM contract c WHERE NOT " LOGGED("5", "c.id", "'request'")},
    {"change of no contract",
     "SELECT entity_id FROM log l0 WHERE entity = 5 AND entity_id NOT IN (SELECT id FROM contract)"
     " AND NOT " LOGGED("5", "l0.entity_id", "'delete'")},
    {"contract in force of which no gateway is told",
     "SELECT c.id FROM contract c JOIN gated g ON g.id = c.api_id WHERE c.status = 2 AND NOT EXISTS"
     "(SELECT 1 FROM gateway_event e WHERE e.contract_id = c.id AND e.type = 1 AND e.status <> 2)"},
    {"pending contract without event",
     "SELECT c.id FROM contract c JOIN gated g ON g.id = c.api_id WHERE c.status = 1 AND NOT EXISTS"
     "(SELECT 1 FROM gateway_event e WHERE e.contract_id = c.id AND e.type = 1 AND e.status = 2)"},
    {"revocation of which no gateway is told",
     "SELECT entity_id FROM log WHERE entity = 5 AND verb = 'revoke' AND api IN (SELECT name FROM "
     "gated) AND NOT EXISTS(SELECT 1 FROM gateway_event e WHERE e.contract_id = entity_id AND "
     "e.type = 2)"},
    {"event without its change",
     "SELECT id FROM gateway_event e WHERE NOT " LOGGED("11", "e.id", "'create', 'pending'")},
    {"event without request",
     "SELECT id FROM gateway_event WHERE request_id NOT IN (SELECT id FROM user_request)"},
    {"request without event",
     "SELECT id FROM user_request WHERE id NOT IN (SELECT request_id FROM gateway_event)"},
    {"request without its change",
     "SELECT id FROM user_request r WHERE NOT " LOGGED("10", "r.id", "'create'")},
    {"event whose outbox row is missing, or there for nothing",
     "SELECT id FROM gateway_event e WHERE (" SENT " AND NOT " LEFT
     ") <> (SELECT count(*) FROM outbox o WHERE o.event_id = e.id)"},
    {"event whose status is not what its changes say",
     "SELECT id FROM gateway_event e WHERE status <> CASE WHEN " LOGGED(
         "11", "e.id", "'answer'") " THEN 5 WHEN " LEFT
                                   " THEN 4 WHEN " LOGGED("11", "e.id",
                                                          "'approve'") " THEN 3 WHEN " SENT
                                                                       " THEN 1 ELSE 2 END"},
    {"lane whose oldest row is not its head",
     "SELECT id FROM outbox o WHERE head <> (id = (SELECT min(id) FROM outbox WHERE lane = "
     "o.lane))"},
    {"total that is wrong",
     "SELECT api_id FROM contract c GROUP BY api_id, status HAVING count(*) <> (SELECT count FROM "
     "total t WHERE kind = 1 AND t.id = c.api_id AND t.status = c.status)"},
    {"total of applications that is wrong",
     "SELECT count FROM total WHERE kind = 3 AND count <> (SELECT count(*) FROM application)"},
    {"hook of a provider that is gone",
     "SELECT hook_id FROM provider_hook WHERE provider_id NOT IN (SELECT id FROM provider)"},
};

static void run_sql(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
}

static void check_rules(struct world *world)
{
    char file[128];
    sqlite3 *db = NULL;
    snprintf(file, sizeof file, "%s/store.db", world->portal.dir);
    assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    run_sql(db, "BEGIN");
    run_sql(db, "CREATE TEMP TABLE log AS SELECT entity, entity_id, verb, api FROM change_log");
    run_sql(db, "CREATE INDEX temp.log_entity ON log(entity, entity_id)");
    run_sql(db, "CREATE TEMP VIEW gated AS SELECT id, name FROM main.api WHERE provider <> ''");
    for (size_t i = 0; i < COUNT(rules); i++) {
        sqlite3_stmt *stmt = NULL;
        if (sqlite3_prepare_v2(db, rules[i].query, -1, &stmt, NULL) != SQLITE_OK)
            fail_msg("%s: %s", rules[i].what, sqlite3_errmsg(db));
        int rc = sqlite3_step(stmt);
        if (rc != SQLITE_DONE)
            fail_msg("%s: %d", rules[i].what, sqlite3_column_int(stmt, 0));
        sqlite3_finalize(stmt);
    }
    sqlite3_close(db);
}

/* ---- the feed -------------------------------------------------------------------------------- */

static void apply_item(struct feed *feed, json_t *item)
{
    const char *id = json_string_value(json_object_get(item, "contractId"));
    if (json_is_true(json_object_get(item, "removed")))
        (void)json_object_del(feed->contracts, id);
    else
        assert_int_equal(json_object_set(feed->contracts, id, item), 0);
}

/* False: the page was empty, this is all. */
static bool follow_once(struct world *world, struct feed *feed)
{
    const clientid_feed_options options = {.size = sizeof options,
                                           .api_id = feed->api_id,
                                           .cursor = str(or_none(feed->cursor)),
                                           .items = 50,
                                           .path = CLIENTID_STR("/feed")};
    clientid_feed_page page = {.size = sizeof page};
    clientid_error error = {0};
    check(clientid_control_feed(world->store.control, &options, &page, &error), &error);
    json_t *json = json_loads(page.text, 0, NULL);
    json_t *links = json_object_get(json, "links");
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(json, "data"), i, item) apply_item(feed, item);
    free(feed->cursor);
    feed->cursor = strdup(strchr(json_string_value(json_object_get(links, "next")), '=') + 1);
    json_decref(json);
    clientid_json_free(page.text);
    return page.items != 0;
}

struct force {
    const struct feed *feed;
    size_t count;
};

static int compare(void *sink, const clientid_contract_record *record)
{
    struct force *force = sink;
    char id[32], client_id[CLIENTID_ID_MAX + 1];
    snprintf(id, sizeof id, "%llu", (unsigned long long)record->id);
    const json_t *item = json_object_get(force->feed->contracts, id);
    force->count++;
    if (item == NULL)
        fail_msg("contract %s is in force and not in the feed", id);
    put_text(client_id, sizeof client_id, record->client_id);
    assert_string_equal(json_string_value(json_object_get(item, "clientId")), client_id);
    assert_int_equal(number_of(item, "slaTierId"), record->tier_id);
    return 0;
}

/* What an incremental reader knows is what one knows who begins now, and what is in force. */
static void check_feed(struct world *world, struct feed *feed)
{
    const clientid_contract_filter filter = {
        .size = sizeof filter, .api_id = feed->api_id, .status = CLIENTID_APPROVED};
    struct feed fresh = {.api_id = feed->api_id, .contracts = json_object()};
    struct force force = {feed, 0};
    clientid_error error = {0};
    while (follow_once(world, feed))
        continue;
    while (follow_once(world, &fresh))
        continue;
    check(clientid_control_contract_list(world->store.control, &filter, compare, &force, &error),
          &error);
    assert_int_equal(json_object_size(feed->contracts), force.count);
    assert_true(json_equal(feed->contracts, fresh.contracts));
    json_decref(fresh.contracts);
    free(fresh.cursor);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

/* Tales up to |end|: those before were looked at. */
static void check_store(struct world *world, const struct tale *end)
{
    clientid_error error = {0};
    portal_open(&world->portal, &world->store);
    check(clientid_store_verify(world->store.store, &error), &error);
    read_log(world);
    check_rules(world);
    for (const struct tale *tale = world->tales; tale != end; tale = tale->next)
        check_tale(world, tale);
    for (size_t i = 0; i < COUNT(world->feeds); i++)
        check_feed(world, &world->feeds[i]);
    portal_close(&world->store);
}

static void sleep_us(uint64_t us)
{
    const struct timespec time = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    nanosleep(&time, NULL);
}

static void take_tales(struct world *world, struct teller *teller)
{
    if (teller->why[0] != '\0')
        fail_msg("%s", teller->why);
    while (teller->tales != NULL) {
        struct tale *tale = teller->tales;
        teller->tales = tale->next;
        tale->next = world->tales;
        world->tales = tale;
        world->writes += tale->done;
        world->doubts += tale->doubt;
    }
}

static void await_first(struct teller *tellers, atomic_bool *begun)
{
    for (uint64_t end_ms = now_ms() + 10000; !atomic_load(begun); sleep_us(200))
        if (now_ms() > end_ms)
            fail_msg("no request within 10 s: %s", tellers[0].why);
}

/* Every third round the callback is slow, so that kills fall into deliveries; every tenth some of them fail. */
static void kill_once(struct world *world, unsigned round)
{
    struct teller tellers[TELLERS];
    atomic_bool begun = false;
    callback_delays(&world->callback, round % 3 == 2 ? 20 + round % 5 * 30 : 0);
    if (round % 10 == 5)
        callback_answers(&world->callback, 3, 503, NULL);
    for (unsigned i = 0; i < TELLERS; i++)
        teller_start(&tellers[i], &world->portal, round, i, support_random(&world->seed), &begun);
    await_first(tellers, &begun);
    sleep_us(support_below(&world->seed, LATEST_US));
    portal_kill(&world->portal);
    for (unsigned i = 0; i < TELLERS; i++)
        teller_join(&tellers[i]);
    for (unsigned i = 0; i < TELLERS; i++)
        take_tales(world, &tellers[i]);
    callback_settle(&world->callback);
}

/* In half of the rounds the next portal is the first that opens what the killed one left. */
static void run_rounds(struct world *world)
{
    unsigned rounds = getenv("KILLS") != NULL ? (unsigned)strtoul(getenv("KILLS"), NULL, 10) : 50;
    for (unsigned round = 0; round < rounds; round++) {
        const struct tale *before = world->tales;
        portal_start(&world->portal);
        kill_once(world, round);
        if (round % 2 == 0) {
            check_store(world, before);
            continue;
        }
        portal_start(&world->portal);
        check_store(world, before);
        portal_kill(&world->portal);
        callback_settle(&world->callback);
    }
}

/* ---- what the gateway was told --------------------------------------------------------------- */

static void await_empty_outbox(struct world *world)
{
    uint64_t count = 0, last = UINT64_MAX, oldest_ns;
    clientid_error error = {0};
    for (uint64_t end_ms = now_ms() + 10000; now_ms() < end_ms; sleep_ms(20)) {
        check(clientid_control_delivery_backlog(world->store.control, &count, &oldest_ns, &error),
              &error);
        if (count == 0)
            return;
        if (count < last)
            end_ms = now_ms() + 10000;
        last = count;
    }
    fail_msg("%llu rows stay in the outbox", (unsigned long long)count);
}

static uint64_t parse(struct world *world, clientid_uuid_kind kind, const json_t *text)
{
    clientid_error error = {0};
    uint64_t id = 0;
    check(clientid_control_uuid_parse(world->store.control, kind, str(json_string_value(text)), &id,
                                      &error),
          &error);
    return id;
}

struct told {
    uint64_t *last;  /* event, by application */
    uint64_t *times; /* by event */
    size_t size;
};

/* Events of an application come in their order: the one before again, or a later one. */
static void take_told(struct world *world, struct told *told,
                      const struct callback_request *request)
{
    json_t *json = json_loads(request->body, 0, NULL);
    const json_t *context = json_object_get(json, "contextdata");
    uint64_t application =
        parse(world, CLIENTID_UUID_APPLICATION, json_object_get(context, "application_id"));
    uint64_t event = parse(world, CLIENTID_UUID_EVENT, json_object_get(json, "eventid"));
    assert_true(application < told->size && event < told->size);
    if (event < told->last[application])
        fail_msg("event %llu came after event %llu of the same application",
                 (unsigned long long)event, (unsigned long long)told->last[application]);
    told->last[application] = event;
    told->times[event] += request->status == 200;
    json_decref(json);
}

static int count_event(void *sink, const clientid_user_request_record *record)
{
    const struct told *told = sink;
    for (size_t i = 0; i < record->state_count; i++) {
        const clientid_user_request_state *state = &record->states[i];
        bool pending = state->status == CLIENTID_USER_REQUEST_STATUS_APPROVAL_PENDING;
        assert_true(state->event_id < told->size);
        if ((told->times[state->event_id] != 0) == pending)
            fail_msg("event %llu is %s and was taken %llu times",
                     (unsigned long long)state->event_id,
                     clientid_user_request_status_label(state->status),
                     (unsigned long long)told->times[state->event_id]);
    }
    return 0;
}

static void check_told(struct world *world)
{
    struct told told = {.size = world->revision + 1}; /* every thing has a change of its own */
    clientid_error error = {0};
    size_t count = callback_count(&world->callback), events = 0, again = 0;
    told.last = calloc(told.size, sizeof told.last[0]);
    told.times = calloc(told.size, sizeof told.times[0]);
    for (size_t i = 0; i < count; i++)
        take_told(world, &told, callback_wait(&world->callback, i));
    check(clientid_control_user_request_list(world->store.control, 0, 0, 0, count_event, &told,
                                             &error),
          &error);
    for (size_t i = 0; i < told.size; i++) {
        events += told.times[i] != 0;
        again += told.times[i] > 1;
    }
    print_message("%zu writes, %zu in doubt; %zu events told, %zu of them more than once\n",
                  world->writes, world->doubts, events, again);
    free(told.last);
    free(told.times);
}

static void finish(struct world *world)
{
    callback_delays(&world->callback, 0);
    callback_answers(&world->callback, 0, 0, NULL);
    portal_start(&world->portal);
    portal_open(&world->portal, &world->store);
    await_empty_outbox(world);
    portal_close(&world->store);
    assert_int_equal(portal_stop(&world->portal), 0);
    check_store(world, NULL);
    portal_open(&world->portal, &world->store);
    check_told(world);
    portal_close(&world->store);
}

static void clear(struct world *world)
{
    for (struct tale *tale = world->tales, *next; tale != NULL; tale = next) {
        next = tale->next;
        json_decref(tale->names);
        free(tale);
    }
    for (size_t i = 0; i < COUNT(world->feeds); i++) {
        json_decref(world->feeds[i].contracts);
        free(world->feeds[i].cursor);
    }
    json_decref(world->log);
    callback_stop(&world->callback);
    portal_remove(&world->portal);
}

static void test_killed_at_any_moment(void **state)
{
    struct world world;
    (void)state;
    prepare(&world);
    run_rounds(&world);
    finish(&world);
    clear(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_at_any_moment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
