/* SPDX-License-Identifier: Apache-2.0 */
#include "support_registry.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint32_t intern(void *self, clientid_str name)
{
    struct support_registry *s = self;

    return s->intern_fails ? UINT32_MAX : support_registry_number(s, name);
}

void support_registry_new(struct support_registry *s)
{
    *s = (struct support_registry){.name_count = 0};
    support_alloc_init(&s->alloc);
    assert_int_equal(clientid__epoch_new(&s->epoch, &s->alloc.allocator), 0);
    assert_int_equal(clientid__registry_new(&s->registry, &s->alloc.allocator, s->epoch,
                                            SUPPORT_REGISTRY_SEED, intern, s),
                     0);
}

void support_registry_del(struct support_registry *s)
{
    clientid__registry_del(s->registry);
    clientid__epoch_del(s->epoch);
    assert_int_equal(s->alloc.live, 0);
}

uint32_t support_registry_number(struct support_registry *s, clientid_str name)
{
    size_t n = 0;

    while (n < s->name_count && !clientid__str_eq(clientid__cstr(s->names[n]), name))
        n++;
    if (n == s->name_count) {
        assert_true(n < sizeof(s->names) / sizeof(s->names[0]));
        snprintf(s->names[s->name_count++], sizeof(s->names[0]), "%.*s", (int)name.len, name.ptr);
    }
    return (uint32_t)n;
}

bool support_registry_find(struct support_registry *s, const char *api, clientid_str client_id,
                           struct clientid__contract *out)
{
    uint32_t number = support_registry_number(s, clientid__cstr(api));
    struct clientid__hash128 id =
        clientid__hash128(client_id.ptr, client_id.len, SUPPORT_REGISTRY_SEED);

    return clientid__registry_find(s->registry, number, client_id,
                                   clientid__registry_hash(id, number), out);
}

clientid_event support_tier_event(uint64_t id, const char *name, const clientid_limit *limits,
                                  size_t count)
{
    return (clientid_event){
        .type = CLIENTID_EVENT_TIER,
        .u.tier = {.id = id, .name = clientid__cstr(name), .limits = limits, .limit_count = count}};
}

clientid_event support_contract_event(uint64_t id, const char *api, const char *client_id,
                                      uint64_t tier_id, clientid_contract_status status)
{
    return (clientid_event){.type = CLIENTID_EVENT_CONTRACT,
                            .u.contract = {.id = id,
                                           .api = clientid__cstr(api),
                                           .client_id = clientid__cstr(client_id),
                                           .name = CLIENTID_STR("application"),
                                           .application_id = 1000 + id,
                                           .tier_id = tier_id,
                                           .status = status}};
}

clientid_event support_group_event(const char *name, const clientid_str *members, size_t count)
{
    return (clientid_event){
        .type = CLIENTID_EVENT_GROUP,
        .u.group = {.name = clientid__cstr(name), .members = members, .member_count = count}};
}

/* ---- dump ------------------------------------------------------------------------------------ */

struct lines {
    char **line;
    size_t count, capacity;
};

static void add_line(struct lines *lines, char *line)
{
    if (lines->count == lines->capacity) {
        lines->capacity = lines->capacity * 2 + 16;
        lines->line = realloc(lines->line, lines->capacity * sizeof(*lines->line));
        assert_non_null(lines->line);
    }
    lines->line[lines->count++] = line;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_slot(FILE *out, const clientid_secret *s)
{
    fprintf(out, " [%u %u %llu %llu ", s->algorithm, s->pepper_id,
            (unsigned long long)s->not_before_ns, (unsigned long long)s->not_after_ns);
    for (size_t i = 0; i < sizeof(s->hash); i++)
        fprintf(out, "%02x", s->hash[i]);
    fprintf(out, " ");
    for (size_t i = 0; i < s->salt_len; i++)
        fprintf(out, "%02x", s->salt[i]);
    fprintf(out, "]");
}

static void print_group(FILE *out, const clientid_group_event *g)
{
    struct lines members = {NULL, 0, 0};

    fprintf(out, "group %.*s", (int)g->name.len, g->name.ptr);
    for (size_t i = 0; i < g->member_count; i++)
        add_line(&members, strndup(g->members[i].ptr, g->members[i].len));
    if (members.count > 0)
        qsort(members.line, members.count, sizeof(*members.line), by_text);
    for (size_t i = 0; i < members.count; i++) {
        fprintf(out, " %s", members.line[i]);
        free(members.line[i]);
    }
    free(members.line);
}

static int dump_event(void *sink, const clientid_event *event)
{
    const clientid_tier_event *t = &event->u.tier;
    const clientid_contract_event *c = &event->u.contract;
    char *line = NULL;
    size_t len;
    FILE *out = open_memstream(&line, &len);

    assert_non_null(out);
    if (event->type == CLIENTID_EVENT_TIER) {
        fprintf(out, "tier %llu %.*s", (unsigned long long)t->id, (int)t->name.len, t->name.ptr);
        for (size_t i = 0; i < t->limit_count; i++)
            fprintf(out, " %llu/%llu%s", (unsigned long long)t->limits[i].maximum_requests,
                    (unsigned long long)t->limits[i].period_ms, t->limits[i].visible ? "v" : "");
    } else if (event->type == CLIENTID_EVENT_GROUP) {
        print_group(out, &event->u.group);
    } else {
        assert_int_equal(event->type, CLIENTID_EVENT_CONTRACT);
        fprintf(out, "contract %llu %.*s %.*s '%.*s' app %llu tier %llu status %u",
                (unsigned long long)c->id, (int)c->api.len, c->api.ptr, (int)c->client_id.len,
                c->client_id.ptr, (int)c->name.len, c->name.ptr,
                (unsigned long long)c->application_id, (unsigned long long)c->tier_id, c->status);
        print_slot(out, &c->secrets[0]);
        print_slot(out, &c->secrets[1]);
    }
    fclose(out);
    add_line(sink, line);
    return 0;
}

char *support_registry_dump(const struct support_registry *s)
{
    struct lines lines = {NULL, 0, 0};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    assert_int_equal(clientid__registry_each(s->registry, dump_event, &lines), 0);
    if (lines.count > 0)
        qsort(lines.line, lines.count, sizeof(*lines.line), by_text);
    for (size_t i = 0; i < lines.count; i++) {
        fprintf(out, "%s\n", lines.line[i]);
        free(lines.line[i]);
    }
    free(lines.line);
    fclose(out);
    return text;
}
