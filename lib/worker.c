/* SPDX-License-Identifier: Apache-2.0 */
/* What one thread owns: nobody else writes to it, so nothing here needs a locked instruction. */
#include "base/mem.h"
#include "state.h"

/* A table for |count| API instances that takes over the counters of |old|, which may be NULL. */
static int counters_grow(struct clientid__counter_table **out,
                         const struct clientid__counter_table *old, size_t count,
                         const clientid_allocator *mem)
{
    size_t kept = old != NULL ? old->count : 0;
    struct clientid__counter_table *table =
        clientid__alloc(mem, 1, sizeof(*table) + count * sizeof(void *));

    if (table == NULL)
        return CLIENTID_ERR_NOMEM;
    for (; table->count < count; table->count++) {
        struct clientid__counters **of = &table->of[table->count];

        *of = table->count < kept ? old->of[table->count]
                                  : clientid__alloc(mem, 1, sizeof(struct clientid__counters));
        if (*of == NULL)
            goto fail;
    }
    *out = table;
    return 0;
fail:
    while (table->count > kept)
        clientid__free(mem, table->of[--table->count]);
    clientid__free(mem, table);
    return CLIENTID_ERR_NOMEM;
}

void clientid__counters_del(struct clientid__counter_table *table, const clientid_allocator *mem)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++)
        clientid__free(mem, table->of[i]);
    clientid__free(mem, table);
}

static void table_free(void *mem, void *table)
{
    clientid__free(mem, table);
}

static int worker_grow(clientid_gateway *gateway, clientid_worker *worker, size_t count)
{
    struct clientid__counter_table *old = atomic_load(&worker->counters), *larger;

    if (old != NULL && old->count >= count)
        return 0;
    if (counters_grow(&larger, old, count, &gateway->mem) != 0)
        return CLIENTID_ERR_NOMEM;
    atomic_store(&worker->counters, larger);
    if (old != NULL)
        clientid__epoch_retire(gateway->epoch, table_free, &gateway->mem, old);
    return 0;
}

/* A worker that got counters for an API instance that then could not be interned keeps them. */
int clientid__workers_grow(clientid_gateway *gateway, size_t count)
{
    for (clientid_worker *worker = gateway->workers; worker != NULL; worker = worker->next)
        if (worker_grow(gateway, worker, count) != 0)
            return CLIENTID_ERR_NOMEM;
    return 0;
}

int clientid_worker_new(clientid_worker **out, clientid_gateway *gateway)
{
    clientid_worker *worker;
    int rv = CLIENTID_ERR_NOMEM;

    if (out == NULL || gateway == NULL)
        return CLIENTID_ERR_ARG;
    worker = clientid__alloc(&gateway->mem, 1, sizeof(*worker));
    if (worker == NULL)
        return CLIENTID_ERR_NOMEM;
    worker->gateway = gateway;
    worker->slot = clientid__epoch_slot_get(gateway->epoch);
    worker->match = clientid__match_data_new(&gateway->mem);
    if (worker->slot == NULL || worker->match == NULL)
        goto fail;
    pthread_mutex_lock(&gateway->lock);
    rv = worker_grow(gateway, worker, gateway->api_count);
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
    if (worker->slot != NULL)
        clientid__epoch_slot_put(worker->slot);
    clientid__match_data_del(worker->match);
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

/* Under the lock.  The first worker that goes hands its table over whole, so that nothing has to be allocated here. */
static void keep_sums(clientid_gateway *gateway, clientid_worker *worker)
{
    struct clientid__counter_table *table = atomic_load(&worker->counters);
    struct clientid__counter_table *past = gateway->past;

    add(&gateway->past_latency.sum_ns, &worker->latency.sum_ns);
    for (size_t i = 0; i < CLIENTID__LATENCY_BUCKETS; i++)
        add(&gateway->past_latency.bucket[i], &worker->latency.bucket[i]);
    if (past == NULL || past->count < table->count) {
        gateway->past = table;
        table = past;
    }
    for (size_t i = 0; table != NULL && i < table->count; i++)
        keep_counters(gateway->past->of[i], table->of[i]);
    clientid__counters_del(table, &gateway->mem);
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
    clientid__epoch_slot_put(worker->slot);
    clientid__match_data_del(worker->match);
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
    count(&worker->latency.bucket[i], 1);
    count(&worker->latency.sum_ns, elapsed_ns);
}
