/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' text format, version 0.0.4.  Workers count without locks; the sums are made here, when somebody asks.
 */
#include "base/str.h"
#include "state.h"

#include <stdarg.h>
#include <stdio.h>

/* Goes on counting bytes when |room| is used up, so that the caller learns how much is needed. */
struct text {
    char *out;
    size_t room, used;
};

static void put(struct text *t, const char *bytes, size_t len)
{
    if (t->used <= t->room && len <= t->room - t->used)
        memcpy(t->out + t->used, bytes, len);
    t->used += len;
}

static void print(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print(struct text *t, const char *format, ...)
{
    char line[512];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len > 0)
        put(t, line, (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1);
}

static void head(struct text *t, const char *name, const char *type, const char *help)
{
    print(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_label(struct text *t, clientid_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        const char c = value.ptr[i];

        if (c == '\\' || c == '"')
            put(t, "\\", 1);
        put(t, &c, 1);
    }
}

static void one(struct text *t, const char *name, const char *type, const char *help,
                uint64_t value)
{
    head(t, name, type, help);
    print(t, "%s %llu\n", name, (unsigned long long)value);
}

/* ---- decisions ------------------------------------------------------------------------------- */

static void add_table(const clientid_gateway *gateway, const struct clientid__counter_table *table,
                      size_t api, struct clientid__sums *sums)
{
    if (table == NULL || api >= table->count || table->of[api] == NULL ||
        clientid__tally_holds(gateway->tally, table->of[api]))
        return;
    clientid__sums_add(sums, table->of[api]);
}

/* Of this process, living workers and past ones; and of all processes, when there is a tally. */
static struct clientid__sums sums_of(const clientid_gateway *gateway, size_t api)
{
    struct clientid__sums sums = {0};

    add_table(gateway, gateway->past, api, &sums);
    for (clientid_worker *worker = gateway->workers; worker != NULL; worker = worker->next)
        add_table(gateway, atomic_load(&worker->counters), api, &sums);
    clientid__tally_sum(gateway->tally, gateway->apis[api]->text, &sums);
    return sums;
}

typedef void put_sums_fn(struct text *t, clientid_str api, const struct clientid__sums *sums);

/* Names that only other processes know come last. */
static void each_api(struct text *t, const clientid_gateway *gateway, put_sums_fn *put_sums)
{
    struct clientid__sums sums;
    struct clientid_api *known;
    clientid_str name;
    size_t at = 0;

    for (size_t api = 0; api < gateway->api_count; api++) {
        sums = sums_of(gateway, api);
        put_sums(t, gateway->apis[api]->text, &sums);
    }
    while (clientid__tally_name(gateway->tally, &at, &name)) {
        HASH_FIND(hh, gateway->by_name, name.ptr, name.len, known);
        if (known != NULL)
            continue;
        sums = (struct clientid__sums){0};
        clientid__tally_sum(gateway->tally, name, &sums);
        put_sums(t, name, &sums);
    }
}

static clientid_verdict verdict_of(clientid_reason reason)
{
    static const clientid_verdict of[] = {
#define REASON_VERDICT(name, label, verdict, text) CLIENTID_##verdict,
        CLIENTID_REASON_MAP(REASON_VERDICT)
#undef REASON_VERDICT
    };
    return of[reason];
}

static void put_decision_sums(struct text *t, clientid_str api, const struct clientid__sums *sums)
{
    for (clientid_reason r = 0; r < CLIENTID_REASON_COUNT; r++) {
        if (sums->decisions[r] == 0)
            continue;
        print(t, "clientid_decisions_total{api=\"");
        put_label(t, api);
        print(t, "\",verdict=\"%s\",reason=\"%s\"} %llu\n", clientid_verdict_label(verdict_of(r)),
              clientid_reason_label(r), (unsigned long long)sums->decisions[r]);
    }
}

static void put_decisions(struct text *t, const clientid_gateway *gateway)
{
    head(t, "clientid_decisions_total", "counter",
         "Decisions by API instance, verdict and reason.");
    each_api(t, gateway, put_decision_sums);
}

static void put_shadow_sums(struct text *t, clientid_str api, const struct clientid__sums *sums)
{
    for (clientid_reason r = 0; r < CLIENTID_REASON_COUNT; r++) {
        if (sums->shadow[r] == 0)
            continue;
        print(t, "clientid_shadow_denials_total{api=\"");
        put_label(t, api);
        print(t, "\",reason=\"%s\"} %llu\n", clientid_reason_label(r),
              (unsigned long long)sums->shadow[r]);
    }
}

static void put_shadow(struct text *t, const clientid_gateway *gateway)
{
    head(t, "clientid_shadow_denials_total", "counter",
         "Requests that a policy in shadow mode would have refused.");
    each_api(t, gateway, put_shadow_sums);
}

static void put_waiting(struct text *t, const clientid_gateway *gateway)
{
    head(t, "clientid_waiting_requests", "gauge", "Delayed requests that wait, by policy.");
    for (size_t api = 0; api < gateway->api_count; api++) {
        /* Configurations change under the lock that is held here. */
        const struct clientid__chain *chain = atomic_load(&gateway->apis[api]->chain);

        for (size_t i = 0; chain != NULL && i < chain->policy_count; i++) {
            const struct clientid__policy *policy = &chain->policies[i];

            if (policy->queue == NULL)
                continue;
            print(t, "clientid_waiting_requests{api=\"");
            put_label(t, gateway->apis[api]->text);
            print(t, "\",policy=\"");
            put_label(t, policy->label);
            print(t, "\"} %u\n", atomic_load(&policy->queue->waiting));
        }
    }
}

/* ---- latency --------------------------------------------------------------------------------- */

static uint64_t latency_bucket(const clientid_gateway *gateway, size_t bucket)
{
    uint64_t total = atomic_load(&gateway->past_latency.bucket[bucket]) +
                     clientid__tally_bucket(gateway->tally, bucket);

    for (clientid_worker *worker = gateway->workers; worker != NULL; worker = worker->next)
        total += atomic_load_explicit(&worker->own_latency.bucket[bucket], memory_order_relaxed);
    return total;
}

static uint64_t latency_sum(const clientid_gateway *gateway)
{
    uint64_t total =
        atomic_load(&gateway->past_latency.sum_ns) + clientid__tally_latency_ns(gateway->tally);

    for (clientid_worker *worker = gateway->workers; worker != NULL; worker = worker->next)
        total += atomic_load_explicit(&worker->own_latency.sum_ns, memory_order_relaxed);
    return total;
}

static void put_latency(struct text *t, const clientid_gateway *gateway)
{
    static const uint64_t bounds[] = CLIENTID__LATENCY_BOUNDS_NS;
    uint64_t total = 0;

    head(t, "clientid_decision_duration_seconds", "histogram",
         "Duration of decisions, as measured by the host.");
    for (size_t i = 0; i < CLIENTID__LATENCY_BUCKETS; i++) {
        total += latency_bucket(gateway, i);
        if (i < sizeof(bounds) / sizeof(bounds[0]))
            print(t, "clientid_decision_duration_seconds_bucket{le=\"%.9g\"} %llu\n",
                  (double)bounds[i] / 1e9, (unsigned long long)total);
        else
            print(t, "clientid_decision_duration_seconds_bucket{le=\"+Inf\"} %llu\n",
                  (unsigned long long)total);
    }
    print(t, "clientid_decision_duration_seconds_sum %.9f\n", (double)latency_sum(gateway) / 1e9);
    print(t, "clientid_decision_duration_seconds_count %llu\n", (unsigned long long)total);
}

/* ---- registry, sync, limits ------------------------------------------------------------------ */

static void put_registry(struct text *t, clientid_gateway *gateway)
{
    const struct clientid__registry *registry;
    struct clientid__registry_size size = {0};

    clientid__epoch_enter(gateway->observer);
    registry = atomic_load(&gateway->registry);
    if (registry != NULL)
        size = clientid__registry_size(registry);
    clientid__epoch_leave(gateway->observer);
    one(t, "clientid_registry_loaded", "gauge", "1 when contracts are in force.", registry != NULL);
    one(t, "clientid_registry_contracts", "gauge", "Contracts in memory.", size.contracts);
    one(t, "clientid_registry_tiers", "gauge", "SLA tiers in memory.", size.tiers);
    one(t, "clientid_registry_groups", "gauge", "API groups in memory.", size.groups);
    one(t, "clientid_registry_bytes", "gauge", "Memory of the registry.", size.bytes);
}

static double seconds_since(uint64_t now_ns, uint64_t then_ns)
{
    return now_ns > then_ns ? (double)(now_ns - then_ns) / 1e9 : 0;
}

static void put_sync(struct text *t, const clientid_gateway *gateway, uint64_t now_ns)
{
    const struct clientid__sync_status *sync = &gateway->sync;
    uint64_t behind =
        sync->durable_revision < sync->revision ? sync->revision - sync->durable_revision : 0;

    one(t, "clientid_sync_revision", "gauge", "Revision of the source that is in force.",
        sync->revision);
    one(t, "clientid_sync_durable_revision", "gauge",
        "Revision in the last-known-good files; 0 when none are kept.", sync->durable_revision);
    one(t, "clientid_sync_durable_lag", "gauge", "Revisions in force that are not on disk.",
        sync->durable_revision != 0 ? behind : 0);
    head(t, "clientid_sync_contact_age_seconds", "gauge",
         "Since the registry was last known to be in step with its source.");
    print(t, "clientid_sync_contact_age_seconds %.3f\n", seconds_since(now_ns, sync->contact_ns));
    head(t, "clientid_sync_change_age_seconds", "gauge", "Since the last change came into force.");
    print(t, "clientid_sync_change_age_seconds %.3f\n", seconds_since(now_ns, sync->change_ns));
    one(t, "clientid_sync_source_reached", "gauge",
        "1 when the source was reached in this process.", sync->from_source);
    one(t, "clientid_sync_errors_total", "counter", "Rounds that failed.", sync->errors);
    one(t, "clientid_sync_full_loads_total", "counter", "Full loads of the registry.",
        sync->full_loads);
}

static void put_regions(struct text *t, const char *name, const char *type, const char *help,
                        const uint64_t value[2])
{
    head(t, name, type, help);
    print(t, "%s{region=\"contracts\"} %llu\n", name, (unsigned long long)value[0]);
    print(t, "%s{region=\"keys\"} %llu\n", name, (unsigned long long)value[1]);
}

static void put_limits(struct text *t, const clientid_gateway *gateway, uint64_t now_ns)
{
    struct clientid__table_state state;

    clientid__table_state(gateway->table, now_ns, &state);
    put_regions(t, "clientid_limit_cells", "gauge", "Cells of the limits table.", state.cells);
    put_regions(t, "clientid_limit_cells_live", "gauge", "Cells whose time has not passed.",
                state.live);
    put_regions(t, "clientid_limit_overflow_charges_total", "counter",
                "Charges to a shared overflow cell because no cell was free.",
                state.overflow_charges);
    one(t, "clientid_limit_table_bytes", "gauge", "Memory of the limits table.", state.bytes);
}

int clientid_metrics_write(clientid_gateway *gateway, uint64_t now_ns, char *out, size_t *len)
{
    struct text t;

    if (gateway == NULL || len == NULL || (out == NULL && *len > 0))
        return CLIENTID_ERR_ARG;
    t = (struct text){out, *len, 0};
    pthread_mutex_lock(&gateway->lock);
    put_decisions(&t, gateway);
    put_shadow(&t, gateway);
    put_waiting(&t, gateway);
    put_latency(&t, gateway);
    put_sync(&t, gateway, now_ns);
    put_registry(&t, gateway);
    pthread_mutex_unlock(&gateway->lock);
    put_limits(&t, gateway, now_ns);
    *len = t.used;
    return t.used <= t.room ? 0 : CLIENTID_ERR_SPACE;
}
