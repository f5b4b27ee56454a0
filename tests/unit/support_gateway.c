/* SPDX-License-Identifier: Apache-2.0 */
#include "support_gateway.h"

#include "store/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(struct support_store *s, int rc)
{
    if (rc != 0)
        fail_msg("%d: %s (%s)", rc, s->error.text, s->error.pointer);
}

void support_gateway_new(struct support_gateway *g)
{
    support_store_new(&g->s);
    g->hook = support_new_hook(&g->s, "https://gateway.example/events", SUPPORT_ALL_EVENTS);
    g->provider = support_new_provider(&g->s, "X Gateway", CLIENTID_PROVIDER_THIRD_PARTY, g->hook);
    g->petstore1 = support_new_api_at(&g->s, "petstore1", "X Gateway");
    g->petstore2 = support_new_api_at(&g->s, "petstore2", "X Gateway");
    g->own = support_new_api(&g->s, "own");
}

void support_gateway_del(struct support_gateway *g)
{
    check(&g->s, clientid_store_verify(g->s.store, &g->s.error));
    support_store_del(&g->s);
}

uint64_t support_new_hook(struct support_store *s, const char *url, uint32_t subscriptions)
{
    const clientid_hook_record record = {.size = sizeof(record),
                                         .url = support_str(url),
                                         .provider_type = 1,
                                         .subscriptions = subscriptions};
    uint64_t id = 0;

    check(s, clientid_control_hook_create(s->control, &record, &id, &s->error));
    return id;
}

uint64_t support_new_provider(struct support_store *s, const char *name, uint32_t type,
                              uint64_t hook)
{
    const clientid_provider_record record = {.size = sizeof(record),
                                             .name = support_str(name),
                                             .stage = support_str(name),
                                             .type = type,
                                             .hooks = &hook,
                                             .hook_count = hook != 0};
    uint64_t id = 0;

    check(s, clientid_control_provider_create(s->control, &record, &id, &s->error));
    return id;
}

void support_set_hooks(struct support_store *s, uint64_t provider, const uint64_t *hooks,
                       uint32_t count)
{
    const clientid_provider_record record = {.size = sizeof(record),
                                             .type = CLIENTID_PROVIDER_THIRD_PARTY,
                                             .hooks = hooks,
                                             .hook_count = count};

    check(s, clientid_control_provider_update(s->control, provider, &record, &s->error));
}

uint64_t support_new_api_at(struct support_store *s, const char *name, const char *provider)
{
    const clientid_api_record record = {.size = sizeof(record),
                                        .kind = CLIENTID_API_INSTANCE,
                                        .name = support_str(name),
                                        .provider = support_str(provider)};
    uint64_t id = 0;

    check(s, clientid_control_api_create(s->control, &record, &id, &s->error));
    return id;
}

uint64_t support_new_application_at(struct support_store *s, const char *client_id,
                                    const char *provider)
{
    const clientid_application_record record = {.size = sizeof(record),
                                                .name = support_str(client_id),
                                                .client_id = support_str(client_id),
                                                .provider = support_str(provider)};
    clientid_credentials credentials = {.size = sizeof(credentials)};

    check(s, clientid_control_application_create(s->control, &record, CLIENTID_STR("a secret"),
                                                 &credentials, &s->error));
    return credentials.application_id;
}

uint64_t support_user_request(struct support_store *s, uint32_t type, uint64_t *application,
                              const uint64_t *apis, uint32_t api_count)
{
    clientid_user_request request = {.size = sizeof(request),
                                     .type = type,
                                     .accepted_terms = 1,
                                     .apis = apis,
                                     .api_count = api_count};
    uint64_t id = 0;

    if (type == CLIENTID_USER_REQUEST_CREATION)
        request.name = CLIENTID_STR("Petstore App");
    else
        request.application_id = *application;
    check(s,
          clientid_control_user_request_create(s->control, &request, &id, application, &s->error));
    return id;
}

/* ---- deliveries ------------------------------------------------------------------------------ */

static void copy(char *out, size_t size, clientid_str s)
{
    assert_true(s.len < size);
    if (s.len > 0)
        memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
}

struct deliveries {
    struct support_delivery *list;
    size_t count;
};

static int take(void *sink, const clientid_delivery *d)
{
    struct deliveries *all = sink;
    struct support_delivery *out = &all->list[all->count++];

    out->record = *d;
    copy(out->url, sizeof(out->url), d->url);
    copy(out->username, sizeof(out->username), d->username);
    copy(out->password, sizeof(out->password), d->password);
    copy(out->recipient, sizeof(out->recipient), d->recipient);
    copy(out->subject, sizeof(out->subject), d->subject);
    copy(out->body, sizeof(out->body), d->body);
    return 0;
}

size_t support_due(struct support_store *s, struct support_delivery *out, size_t max,
                   uint64_t *next_ns)
{
    struct deliveries all = {out, 0};
    uint64_t next;

    check(s, clientid_control_delivery_due(s->control, NULL, 0, max, take, &all,
                                           next_ns != NULL ? next_ns : &next, &s->error));
    return all.count;
}

void support_done(struct support_store *s, uint64_t id, clientid_delivery_outcome outcome)
{
    check(s, clientid_control_delivery_done(s->control, id, outcome, 0, CLIENTID_STR("HTTP"),
                                            &s->error));
}

size_t support_deliver_all(struct support_store *s)
{
    struct support_delivery *one = calloc(1, sizeof(*one));
    size_t count = 0;

    assert_non_null(one);
    while (support_due(s, one, 1, NULL) == 1) {
        support_done(s, one->record.id, CLIENTID_DELIVERY_DONE);
        count++;
    }
    free(one);
    return count;
}

uint64_t support_backlog(struct support_store *s)
{
    uint64_t count, oldest;

    check(s, clientid_control_delivery_backlog(s->control, &count, &oldest, &s->error));
    return count;
}

/* ---- requests -------------------------------------------------------------------------------- */

static int take_request(void *sink, const clientid_user_request_record *record)
{
    struct support_request *out = sink;

    out->record = *record;
    copy(out->owner, sizeof(out->owner), record->owner);
    assert_true(record->state_count <= CLIENTID_USER_REQUEST_APIS_MAX);
    if (record->state_count > 0)
        memcpy(out->states, record->states, record->state_count * sizeof(*record->states));
    return 0;
}

void support_request_get(struct support_store *s, uint64_t id, struct support_request *out)
{
    memset(out, 0, sizeof(*out));
    check(s, clientid_control_user_request_get(s->control, id, take_request, out, &s->error));
}

static int take_status(void *sink, const clientid_user_request_record *record)
{
    *(uint32_t *)sink = record->status;
    return 0;
}

const char *support_request_status(struct support_store *s, uint64_t id)
{
    uint32_t status = 0;

    check(s, clientid_control_user_request_get(s->control, id, take_status, &status, &s->error));
    return clientid_user_request_status_label(status);
}

static int take_id(void *sink, const clientid_user_request_record *record)
{
    *(uint64_t *)sink = record->id;
    return 0;
}

uint64_t support_last_request(struct support_store *s, uint64_t application)
{
    uint64_t id = 0;

    check(s, clientid_control_user_request_list(s->control, application, 0, 0, take_id, &id,
                                                &s->error));
    return id;
}

uint64_t support_sql(struct support_store *s, const char *sql)
{
    sqlite3 *db = clientid__sqlite_of(s->store)->db;
    sqlite3_stmt *stmt = NULL;
    uint64_t number = 0;
    int rc;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        number = (uint64_t)sqlite3_column_int64(stmt, 0);
    else if (rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    return number;
}
