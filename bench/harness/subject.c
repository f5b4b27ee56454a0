/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdio.h>

static const char *const carriers[] = {
    [BY_QUERY] = "\"id\": \"query:client_id\", \"secret\": \"query:client_secret\"",
    [BY_HEADER] = "\"id\": \"header:client_id\", \"secret\": \"header:client_secret\"",
    [BY_BASIC] = "\"basic\": true",
    [BY_ID] = "\"id\": \"query:client_id\"",
};

/*
 * Cells for |each| a client, as an operator would ask for them: the library rounds up to a power of two, and where that
 * would be more than half as many again, a power of two less will do.
 */
static size_t cells_for(size_t clients, size_t each)
{
    size_t cells = 64;

    while (cells < clients * each)
        cells *= 2;
    return cells * 2 > clients * each * 3 ? cells / 2 : cells;
}

static clientid_str config(const struct subject *s, char *out, size_t room, enum carrier carrier,
                           enum limit_kind kind)
{
    static const char *const kinds[] = {"token-bucket", "fixed-window"};
    int len =
        snprintf(out, room,
                 "{\"degradedAfter\": \"30d\","
                 " \"limits\": {\"cells\": %zu, \"keyCells\": 1024, \"useCells\": %zu},"
                 " \"apis\": {\"bench\": {\"policies\": [{\"policy\": \"rate-limiting-sla-based\","
                 " \"algorithm\": \"%s\", %s}]}}}",
                 cells_for(s->population.clients, s->cells), s->population.clients, kinds[kind],
                 carriers[carrier]);

    return (clientid_str){out, (size_t)len};
}

/* Periods differ: two limits of one period in a tier are refused.  No round comes near a maximum unless it is 1. */
static void set_limits(struct population *p, size_t count, uint64_t maximum)
{
    static const uint64_t periods_ms[LIMITS_MAX] = {60000, 120000, 180000, 240000};

    p->limit_count = count;
    for (size_t i = 0; i < count; i++)
        p->limits[i] = (clientid_limit){maximum, maximum == 1 ? 864000000 : periods_ms[i], 1, 0};
}

void subject_open(struct subject *s, size_t clients, size_t cells)
{
    char text[1024];
    clientid_source source;
    clientid_sync_options sync_options = {.size = sizeof(sync_options)};
    clientid_options gateway_options = {.size = sizeof(gateway_options)};
    clientid_error error;
    uint64_t start, next_ns;

    *s = (struct subject){.population = {.clients = clients, .revision = 1}, .cells = cells};
    set_limits(&s->population, 1, 10000000);
    population_source(&s->population, &source);
    gateway_options.config = config(s, text, sizeof(text), BY_QUERY, TOKEN_BUCKET);
    need(clientid_gateway_new(&s->gateway, &gateway_options, &error), "gateway", &error);
    need(clientid_sync_new(&s->sync, s->gateway, &source, &sync_options, &error), "sync", &error);
    s->now_ns = wall_ns();
    start = clock_ns();
    need(clientid_sync_step(s->sync, s->now_ns, &next_ns, &error), "load", &error);
    s->load_ms = (double)(clock_ns() - start) / 1e6;
    for (size_t i = 0; i < 2; i++)
        need(clientid_worker_new(&s->workers[i], s->gateway), "worker", NULL);
    need(clientid_api_get(s->gateway, CLIENTID_STR("bench"), &s->api), "api", NULL);
}

void subject_close(struct subject *s)
{
    for (size_t i = 0; i < 2; i++)
        clientid_worker_del(s->workers[i]);
    clientid_sync_del(s->sync);
    clientid_gateway_del(s->gateway);
}

void subject_configure(struct subject *s, enum carrier carrier, enum limit_kind kind)
{
    char text[1024];
    clientid_error error;

    need(clientid_gateway_reload(s->gateway, config(s, text, sizeof(text), carrier, kind), "bench",
                                 &error),
         "reload", &error);
}

void subject_limits(struct subject *s, size_t count, uint64_t maximum)
{
    set_limits(&s->population, count, maximum);
    s->population.tier_changed = true;
    subject_step(s);
}

void subject_step(struct subject *s)
{
    clientid_error error;
    uint64_t next_ns;

    need(clientid_sync_step(s->sync, s->now_ns, &next_ns, &error), "sync", &error);
}
