/* SPDX-License-Identifier: Apache-2.0 */
#include "support_source.h"

#include <stdio.h>
#include <string.h>

static int fail_with(struct support_source *s, int code, clientid_error *error)
{
    if (!s->silent) {
        error->code = code;
        snprintf(error->text, sizeof(error->text), "the test's source fails with %d", code);
    }
    return code;
}

static int emit_tier(struct support_source *s, uint64_t limit, uint64_t revision,
                     clientid_event_fn *emit, void *sink)
{
    clientid_limit one = {.maximum_requests = limit, .period_ms = 1000, .visible = 1};
    clientid_event event = {.type = CLIENTID_EVENT_TIER, .revision = revision};

    (void)s;
    event.u.tier = (clientid_tier_event){1, CLIENTID_STR("gold"), &one, 1};
    return emit(sink, &event);
}

static int emit_contract(int client, unsigned status, uint64_t revision, clientid_event_fn *emit,
                         void *sink)
{
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT, .revision = revision};
    char id[16];

    snprintf(id, sizeof(id), "c%d", client);
    if (status == 0)
        event.type = CLIENTID_EVENT_CONTRACT_REMOVED;
    event.u.contract = (clientid_contract_event){.id = (uint64_t)client + 1,
                                                 .api = CLIENTID_STR("orders"),
                                                 .client_id = {id, strlen(id)},
                                                 .name = CLIENTID_STR("Application"),
                                                 .application_id = (uint64_t)client + 100,
                                                 .tier_id = 1,
                                                 .status = status};
    return emit(sink, &event);
}

static int load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                clientid_error *error)
{
    struct support_source *s = self;
    size_t emitted = 0;
    int rv;

    s->loads++;
    if (s->load_code != 0 && s->load_stops_at == 0)
        return fail_with(s, s->load_code, error);
    rv = emit_tier(s, s->limit, 0, emit, sink);
    for (int i = 0; i < SUPPORT_CLIENTS && rv == 0; i++) {
        if (s->load_code != 0 && ++emitted >= s->load_stops_at)
            return fail_with(s, s->load_code, error);
        if (s->status[i] != 0)
            rv = emit_contract(i, s->broken_load ? 99 : s->status[i], 0, emit, sink);
        if (s->swallows)
            rv = 0;
    }
    *position = s->at;
    return rv;
}

static int emit_change(struct support_source *s, size_t i, clientid_event_fn *emit, void *sink)
{
    if (s->log[i].client < 0)
        return emit_tier(s, s->log[i].limit, s->log[i].revision, emit, sink);
    return emit_contract(s->log[i].client, s->log[i].status, s->log[i].revision, emit, sink);
}

static int changes(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                   clientid_error *error)
{
    struct support_source *s = self;
    int rv = 0;

    s->asked++;
    if (s->changes_code != 0)
        return fail_with(s, s->changes_code, error);
    if (s->goes_back) {
        position->revision--;
        return 0;
    }
    if (s->gap || position->identity != s->at.identity || position->revision > s->at.revision ||
        (s->changes > 0 ? s->log[0].revision > position->revision + 1
                        : s->at.revision != position->revision))
        return CLIENTID_ERR_GAP;
    if (s->broken_change)
        rv = emit_contract(1, 99, s->at.revision, emit, sink);
    s->broken_change = false;
    for (size_t i = 0; i < s->changes && rv == 0; i++) {
        if (s->log[i].revision <= position->revision)
            continue;
        for (unsigned n = 0; n <= s->repeats && rv == 0; n++)
            rv = emit_change(s, i, emit, sink);
    }
    if (s->swallows)
        rv = 0;
    if (rv == 0)
        *position = s->at;
    return rv;
}

static int poll(void *self, clientid_error *error)
{
    struct support_source *s = self;
    int news = s->told != s->at.revision;

    s->polls++;
    if (s->poll_code != 0)
        return fail_with(s, s->poll_code, error);
    s->told = s->at.revision;
    return news;
}

static void close_source(void *self)
{
    struct support_source *s = self;

    s->closed++;
}

void support_source_init(struct support_source *s, uint64_t identity)
{
    memset(s, 0, sizeof(*s));
    s->source = (clientid_source){sizeof(s->source), s, load, changes, poll, close_source};
    s->at = (clientid_position){identity, 1};
    s->limit = 10;
}

static void note(struct support_source *s, int client, unsigned status)
{
    if (s->changes == SUPPORT_CHANGES)
        s->changes = 0;
    s->at.revision++;
    s->log[s->changes].revision = s->at.revision;
    s->log[s->changes].client = client;
    s->log[s->changes].status = status;
    s->log[s->changes++].limit = s->limit;
}

void support_source_set(struct support_source *s, int client, unsigned status)
{
    s->status[client] = status;
    note(s, client, status);
}

void support_source_limit(struct support_source *s, uint64_t maximum)
{
    s->limit = maximum;
    note(s, -1, 0);
}

void support_source_restore(struct support_source *s, uint64_t revision, int client)
{
    memset(s->status, 0, sizeof(s->status));
    s->status[client] = CLIENTID_APPROVED;
    s->at.revision = revision;
    s->changes = 0;
}
