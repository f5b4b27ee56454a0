/* SPDX-License-Identifier: Apache-2.0 */
#include "support_store.h"

#include "support_event.h"

#include "store/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

clientid_str support_str(const char *text)
{
    return (clientid_str){text, strlen(text)};
}

static void check(struct support_store *s, int rc)
{
    if (rc != 0)
        fail_msg("%d: %s (%s)", rc, s->error.text, s->error.pointer);
}

static uint64_t now(void *self)
{
    return ((struct support_store *)self)->now_ns;
}

static void open_control(struct support_store *s, const char *pepper)
{
    clientid_control_options options = {
        .size = sizeof(options),
        .actor = CLIENTID_STR("tester"),
        .pepper = (const unsigned char *)pepper,
        .pepper_len = pepper != NULL ? strlen(pepper) : 0,
        .now_ns = now,
        .now_self = s,
        .sealing_key = (const unsigned char *)SUPPORT_SEALING_KEY,
        .sealing_key_len = sizeof(SUPPORT_SEALING_KEY) - 1,
    };

    check(s, clientid_store_open(&s->store, s->uri, CLIENTID_STORE_CREATE, &s->error));
    check(s, clientid_control_new(&s->control, s->store, &options, &s->error));
    /* Tests of durability open stores of their own. */
    sqlite3_exec(clientid__sqlite_of(s->store)->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
}

void support_store_new(struct support_store *s)
{
    memset(s, 0, sizeof(*s));
    s->now_ns = SUPPORT_START_NS;
    support_folder_new(s->folder);
    snprintf(s->file, sizeof(s->file), "%s/store.db", s->folder);
    snprintf(s->uri, sizeof(s->uri), "sqlite:%s", s->file);
    open_control(s, NULL);
}

void support_store_close(struct support_store *s)
{
    clientid_control_del(s->control);
    clientid_store_close(s->store);
    s->control = NULL;
    s->store = NULL;
}

void support_store_reopen(struct support_store *s, const char *pepper)
{
    support_store_close(s);
    open_control(s, pepper);
}

void support_store_del(struct support_store *s)
{
    support_store_close(s);
    support_folder_del(s->folder);
}

uint64_t support_new_api(struct support_store *s, const char *name)
{
    clientid_api_record record = {
        .size = sizeof(record), .kind = CLIENTID_API_INSTANCE, .name = support_str(name)};
    uint64_t id = 0;

    check(s, clientid_control_api_create(s->control, &record, &id, &s->error));
    return id;
}

uint64_t support_new_group(struct support_store *s, const char *name, const char *member)
{
    clientid_str members[] = {support_str(member)};
    clientid_api_record record = {.size = sizeof(record),
                                  .kind = CLIENTID_API_GROUP,
                                  .name = support_str(name),
                                  .members = members,
                                  .member_count = 1};
    uint64_t id = 0;

    check(s, clientid_control_api_create(s->control, &record, &id, &s->error));
    return id;
}

uint64_t support_new_tier(struct support_store *s, uint64_t api, const char *name,
                          bool auto_approve)
{
    clientid_limit limit = {.maximum_requests = 100, .period_ms = 60000, .visible = 1};
    clientid_tier_record record = {.size = sizeof(record),
                                   .api_id = api,
                                   .name = support_str(name),
                                   .status = CLIENTID_TIER_ACTIVE,
                                   .auto_approve = auto_approve,
                                   .limits = &limit,
                                   .limit_count = 1};
    uint64_t id = 0;

    check(s, clientid_control_tier_create(s->control, &record, &id, &s->error));
    return id;
}

uint64_t support_new_application(struct support_store *s, const char *client_id)
{
    clientid_application_record record = {.size = sizeof(record),
                                          .name = support_str("An application"),
                                          .client_id = support_str(client_id)};
    clientid_credentials credentials = {.size = sizeof(credentials)};
    char secret[256];

    snprintf(secret, sizeof(secret), "secret-of-%s", client_id);
    check(s, clientid_control_application_create(s->control, &record, support_str(secret),
                                                 &credentials, &s->error));
    return credentials.application_id;
}

uint64_t support_new_contract(struct support_store *s, uint64_t application, uint64_t api,
                              uint64_t tier)
{
    clientid_access_request request = {.size = sizeof(request),
                                       .application_id = application,
                                       .api_id = api,
                                       .tier_id = tier,
                                       .accepted_terms = 1};
    uint64_t id = 0;

    check(s, clientid_control_contract_request(s->control, &request, &id, NULL, &s->error));
    return id;
}

void support_act(struct support_store *s, uint64_t contract, clientid_verb verb)
{
    check(s, clientid_control_contract_act(s->control, contract, verb, &s->error));
}

struct text {
    char *bytes;
    size_t len;
};

static int append(void *self, const char *bytes, size_t len)
{
    struct text *text = self;

    text->bytes = realloc(text->bytes, text->len + len + 1);
    assert_non_null(text->bytes);
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    text->bytes[text->len] = '\0';
    return 0;
}

char *support_export(struct support_store *s)
{
    struct text text = {NULL, 0};

    check(s, clientid_control_export(s->control, append, &text, &s->error));
    return text.bytes;
}

uint64_t support_revision(struct support_store *s)
{
    clientid_position position;

    check(s, clientid_store_position(s->store, &position, &s->error));
    return position.revision;
}

static void copy(char *out, size_t size, clientid_str s)
{
    assert_true(s.len < size);
    if (s.len > 0)
        memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
}

static int take_contract(void *sink, const clientid_contract_record *record)
{
    struct support_contract *out = sink;

    out->record = *record;
    copy(out->tier, sizeof(out->tier), record->tier_name);
    copy(out->requested_tier, sizeof(out->requested_tier), record->requested_tier_name);
    copy(out->terms, sizeof(out->terms), record->terms);
    copy(out->reason, sizeof(out->reason), record->reason);
    return 0;
}

void support_contract_get(struct support_store *s, uint64_t id, struct support_contract *out)
{
    memset(out, 0, sizeof(*out));
    check(s, clientid_control_contract_get(s->control, id, take_contract, out, &s->error));
}

struct slots {
    clientid_secret *slots;
    uint32_t newest;
};

static int take_secrets(void *sink, const clientid_application_record *record)
{
    struct slots *out = sink;

    memcpy(out->slots, record->secrets, 2 * sizeof(*out->slots));
    out->newest = record->newest_slot;
    return 0;
}

uint32_t support_secrets(struct support_store *s, uint64_t application, clientid_secret out[2])
{
    struct slots slots = {out, 0};

    check(s, clientid_control_application_get(s->control, application, take_secrets, &slots,
                                              &s->error));
    return slots.newest;
}

unsigned support_matches(const clientid_secret slots[2], const char *secret, const char *pepper,
                         uint64_t now_ns)
{
    for (unsigned i = 0; i < 2; i++) {
        clientid_secret made = slots[i];
        const unsigned char *key = (const unsigned char *)pepper;

        if (slots[i].algorithm == CLIENTID_SECRET_NONE)
            continue;
        if (slots[i].algorithm == CLIENTID_SECRET_SHA256)
            key = NULL;
        assert_int_equal(
            clientid_secret_hash(&made, support_str(secret), key, key != NULL ? strlen(pepper) : 0),
            0);
        if (memcmp(made.hash, slots[i].hash, sizeof(made.hash)) == 0 &&
            now_ns >= slots[i].not_before_ns &&
            (slots[i].not_after_ns == 0 || now_ns < slots[i].not_after_ns))
            return i + 1;
    }
    return 0;
}
