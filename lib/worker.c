/* SPDX-License-Identifier: Apache-2.0 */
/* What one thread owns: nobody else writes to it, so nothing here needs a locked instruction. */
#include "base/error.h"
#include "base/mem.h"
#include "inquiry.h"

#include <string.h>

/* Behind what a worker writes with every request: the next block of memory may be another worker's. */
#define APART 64

static void free_private(const clientid_gateway *gateway, struct clientid__counters *counters)
{
    if (!clientid__tally_holds(gateway->tally, counters))
        clientid__free(&gateway->mem, counters);
}

void clientid__counters_del(const clientid_gateway *gateway, struct clientid__counter_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++)
        free_private(gateway, table->of[i]);
    clientid__free(&gateway->mem, table);
}

static void table_free(void *mem, void *table)
{
    clientid__free(mem, table);
}

/* A table for at least |count| API instances, with the counters of the one before. */
static int worker_grow(clientid_gateway *gateway, clientid_worker *worker, size_t count)
{
    struct clientid__counter_table *old = atomic_load(&worker->counters), *larger;

    if (old != NULL && old->count >= count)
        return 0;
    larger = clientid__alloc(&gateway->mem, 1, sizeof(*larger) + count * sizeof(void *));
    if (larger == NULL)
        return CLIENTID_ERR_NOMEM;
    larger->count = count;
    if (old != NULL)
        memcpy(larger->of, old->of, old->count * sizeof(void *));
    atomic_store(&worker->counters, larger);
    if (old != NULL)
        clientid__epoch_retire(gateway->epoch, table_free, &gateway->mem, old);
    return 0;
}

/* Once: a slot has rows for a while, then for no more names. */
static void warn_full(clientid_gateway *gateway, const struct clientid_api *api)
{
    clientid_error warning = {0};

    if (gateway->tally_full || gateway->warn == NULL)
        return;
    gateway->tally_full = true;
    clientid__fail(&warning, 0,
                   "no room in the shared counters for API instance \"%.128s\" and those after it: "
                   "each process shows what it counted itself",
                   api->name);
    gateway->warn(gateway->warn_self, &warning);
}

static struct clientid__counters *counters_for(clientid_gateway *gateway,
                                               const clientid_worker *worker,
                                               const struct clientid_api *api)
{
    struct clientid__counters *shared = NULL;

    if (worker->tally_slot != NULL) {
        shared = clientid__tally_row(gateway->tally, worker->tally_slot, api->text);
        if (shared == NULL)
            warn_full(gateway, api);
    }
    return shared != NULL ? shared : clientid__alloc(&gateway->mem, 1, sizeof(*shared) + APART);
}

/* No request reads this entry of the table yet: nobody has been given |api|. */
static int worker_count(clientid_gateway *gateway, clientid_worker *worker,
                        const struct clientid_api *api)
{
    struct clientid__counter_table *table;

    if (worker_grow(gateway, worker, (size_t)api->number + 1) != 0)
        return CLIENTID_ERR_NOMEM;
    table = atomic_load(&worker->counters);
    table->of[api->number] = counters_for(gateway, worker, api);
    return table->of[api->number] != NULL ? 0 : CLIENTID_ERR_NOMEM;
}

static void worker_uncount(const clientid_gateway *gateway, clientid_worker *worker,
                           const struct clientid_api *api)
{
    struct clientid__counter_table *table = atomic_load(&worker->counters);

    free_private(gateway, table->of[api->number]);
    table->of[api->number] = NULL;
}

int clientid__workers_count(clientid_gateway *gateway, const struct clientid_api *api)
{
    clientid_worker *worker;

    for (worker = gateway->workers; worker != NULL; worker = worker->next)
        if (worker_count(gateway, worker, api) != 0)
            goto fail;
    return 0;
fail:
    for (clientid_worker *done = gateway->workers; done != worker; done = done->next)
        worker_uncount(gateway, done, api);
    return CLIENTID_ERR_NOMEM;
}

/* Under the lock. */
static int worker_count_all(clientid_gateway *gateway, clientid_worker *worker)
{
    int rv = worker_grow(gateway, worker, gateway->api_count);

    for (size_t i = 0; rv == 0 && i < gateway->api_count; i++)
        if (gateway->apis[i]->counted)
            rv = worker_count(gateway, worker, gateway->apis[i]);
    return rv;
}

int clientid_worker_new(clientid_worker **out, clientid_gateway *gateway)
{
    clientid_worker *worker;
    int rv = CLIENTID_ERR_NOMEM;

    if (out == NULL || gateway == NULL)
        return CLIENTID_ERR_ARG;
    worker = clientid__alloc(&gateway->mem, 1, sizeof(*worker) + APART);
    if (worker == NULL)
        return CLIENTID_ERR_NOMEM;
    worker->gateway = gateway;
    worker->slot = clientid__epoch_slot_get(gateway->epoch);
    worker->match = clientid__match_data_new(&gateway->mem);
    worker->inquiries =
        clientid__alloc(&gateway->mem, CLIENTID_BATCH_GROUP, sizeof(*worker->inquiries));
    worker->latency = &worker->own_latency;
    if (gateway->tally != NULL)
        worker->tally_slot = clientid__tally_take(gateway->tally);
    if (worker->slot == NULL || worker->match == NULL || worker->inquiries == NULL ||
        (gateway->tally != NULL && worker->tally_slot == NULL))
        goto fail;
    if (worker->tally_slot != NULL)
        worker->latency = clientid__tally_latency(worker->tally_slot);
    pthread_mutex_lock(&gateway->lock);
    rv = worker_count_all(gateway, worker);
    if (rv == 0) {
        worker->next = gateway->workers;
        gateway->workers = worker;
    }
    pthread_mutex_unlock(&gateway->lock);
    if (rv != 0)
        goto fail;
    *out = worker;
    return 0;
fail:
    clientid__counters_del(gateway, atomic_load(&worker->counters));
    clientid__tally_put(worker->tally_slot);
    clientid__epoch_slot_put(worker->slot);
    clientid__match_data_del(worker->match);
    clientid__free(&gateway->mem, worker->inquiries);
    clientid__free(&gateway->mem, worker);
    return rv;
}

static void add(_Atomic uint64_t *sum, const _Atomic uint64_t *more)
{
    uint64_t now = atomic_load_explicit(sum, memory_order_relaxed);

    atomic_store_explicit(sum, now + atomic_load_explicit(more, memory_order_relaxed),
                          memory_order_relaxed);
}

static void keep_counters(struct clientid__counters *past, const struct clientid__counters *worker)
{
    for (size_t r = 0; r < CLIENTID_REASON_COUNT; r++) {
        add(&past->decisions[r], &worker->decisions[r]);
        add(&past->shadow[r], &worker->shadow[r]);
    }
}

/* What counts in the tally stays there. */
static void drop_shared(const clientid_gateway *gateway, struct clientid__counter_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        if (clientid__tally_holds(gateway->tally, table->of[i]))
            table->of[i] = NULL;
}

/* Adds what |table| counted to |past|, which is not shorter; counters that |past| lacks move over. */
static void keep_table(struct clientid__counter_table *past, struct clientid__counter_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        if (past->of[i] == NULL) {
            past->of[i] = table->of[i];
            table->of[i] = NULL;
        } else if (table->of[i] != NULL) {
            keep_counters(past->of[i], table->of[i]);
        }
    }
}

/* Under the lock.  The first worker that goes hands its table over whole, so that nothing has to be allocated here. */
static void keep_sums(clientid_gateway *gateway, clientid_worker *worker)
{
    struct clientid__counter_table *table = atomic_load(&worker->counters);
    struct clientid__counter_table *past = gateway->past;

    add(&gateway->past_latency.sum_ns, &worker->own_latency.sum_ns);
    for (size_t i = 0; i < CLIENTID__LATENCY_BUCKETS; i++)
        add(&gateway->past_latency.bucket[i], &worker->own_latency.bucket[i]);
    drop_shared(gateway, table);
    if (past == NULL || past->count < table->count) {
        gateway->past = table;
        table = past;
    }
    if (table != NULL)
        keep_table(gateway->past, table);
    clientid__counters_del(gateway, table);
}

void clientid_worker_del(clientid_worker *worker)
{
    clientid_gateway *gateway;
    clientid_worker **link;

    if (worker == NULL)
        return;
    gateway = worker->gateway;
    pthread_mutex_lock(&gateway->lock);
    for (link = &gateway->workers; *link != worker; link = &(*link)->next)
        ;
    *link = worker->next;
    keep_sums(gateway, worker);
    pthread_mutex_unlock(&gateway->lock);
    clientid__tally_put(worker->tally_slot);
    clientid__epoch_slot_put(worker->slot);
    clientid__match_data_del(worker->match);
    clientid__free(&gateway->mem, worker->inquiries);
    clientid__free(&gateway->mem, worker);
}

static void count(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

void clientid_worker_latency(clientid_worker *worker, uint64_t elapsed_ns)
{
    static const uint64_t bounds[] = CLIENTID__LATENCY_BOUNDS_NS;
    size_t i = 0;

    while (i < sizeof(bounds) / sizeof(bounds[0]) && elapsed_ns > bounds[i])
        i++;
    count(&worker->latency->bucket[i], 1);
    count(&worker->latency->sum_ns, elapsed_ns);
}
