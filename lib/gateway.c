/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host creates once.  Requests see only what is published here through atomic pointers; everything that is
 * replaced is retired through the epoch domain, everything interned stays.
 */
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

/* uthash allocates from whatever |mem| is in scope, and leaves an item out when there is no memory. */
#define HASH_NONFATAL_OOM         1
#define uthash_malloc(bytes)      clientid__alloc(mem, 1, (bytes))
#define uthash_free(memory, size) clientid__free(mem, (memory))

#include "state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { API_NAME_MAX = 128, TALLY_ROWS_SPARE = 64 };

/* ---- names ----------------------------------------------------------------------------------- */

static struct clientid_api *api_new(clientid_gateway *gateway, clientid_str name)
{
    const clientid_allocator *mem = &gateway->mem;
    struct clientid_api *api = clientid__alloc(mem, 1, sizeof(*api));

    if (api == NULL)
        return NULL;
    api->name = clientid__strdup(mem, name);
    if (api->name == NULL) {
        clientid__free(mem, api);
        return NULL;
    }
    api->gateway = gateway;
    api->text = clientid__str(api->name, name.len);
    api->number = (uint32_t)gateway->api_count;
    api->identity = clientid__hash64(name.ptr, name.len, gateway->seed);
    return api;
}

static void api_del(clientid_gateway *gateway, struct clientid_api *api)
{
    clientid__chain_del(&gateway->mem, atomic_load(&api->chain));
    clientid__free(&gateway->mem, api->name);
    clientid__free(&gateway->mem, api);
}

/* Under the lock.  NULL without memory; nothing is then interned. */
static struct clientid_api *intern(clientid_gateway *gateway, clientid_str name)
{
    const clientid_allocator *mem = &gateway->mem;
    struct clientid_api *api, **apis;

    HASH_FIND(hh, gateway->by_name, name.ptr, name.len, api);
    if (api != NULL)
        return api;
    apis = clientid__grow(mem, gateway->apis, gateway->api_count, &gateway->api_capacity,
                          sizeof(struct clientid_api *));
    if (apis == NULL)
        return NULL;
    gateway->apis = apis;
    api = api_new(gateway, name);
    if (api == NULL)
        return NULL;
    HASH_ADD_KEYPTR(hh, gateway->by_name, api->name, name.len, api);
    if (api->hh.tbl == NULL) {
        api_del(gateway, api);
        return NULL;
    }
    gateway->apis[gateway->api_count++] = api;
    return api;
}

/* The same for one that requests may ask for: workers count it from now on.  The registry's names need no counters. */
static struct clientid_api *intern_counted(clientid_gateway *gateway, clientid_str name)
{
    struct clientid_api *api = intern(gateway, name);

    if (api == NULL || (!api->counted && clientid__workers_count(gateway, api) != 0))
        return NULL;
    api->counted = true;
    return api;
}

static uint32_t intern_number(void *self, clientid_str name)
{
    clientid_gateway *gateway = self;
    struct clientid_api *api;

    pthread_mutex_lock(&gateway->lock);
    api = intern(gateway, name);
    pthread_mutex_unlock(&gateway->lock);
    return api != NULL ? api->number : UINT32_MAX;
}

static int name_valid(clientid_str name)
{
    if (name.len == 0 || name.len > API_NAME_MAX)
        return 0;
    for (size_t i = 0; i < name.len; i++)
        if (clientid__is_control((unsigned char)name.ptr[i]))
            return 0;
    return 1;
}

int clientid_api_get(clientid_gateway *gateway, clientid_str name, const clientid_api **out)
{
    struct clientid_api *api;

    if (gateway == NULL || out == NULL || !name_valid(name))
        return CLIENTID_ERR_ARG;
    pthread_mutex_lock(&gateway->lock);
    api = intern_counted(gateway, name);
    pthread_mutex_unlock(&gateway->lock);
    if (api == NULL)
        return CLIENTID_ERR_NOMEM;
    *out = api;
    return 0;
}

int clientid_api_nth(clientid_gateway *gateway, size_t nth, const clientid_api **out)
{
    int rv = CLIENTID_ERR_NOT_FOUND;

    if (gateway == NULL || out == NULL)
        return CLIENTID_ERR_ARG;
    pthread_mutex_lock(&gateway->lock);
    for (size_t i = 0; rv != 0 && i < gateway->api_count; i++) {
        if (gateway->apis[i]->counted && nth-- == 0) {
            *out = gateway->apis[i];
            rv = 0;
        }
    }
    pthread_mutex_unlock(&gateway->lock);
    return rv;
}

clientid_str clientid_api_name(const clientid_api *api)
{
    return api->text;
}

int clientid_api_configured(const clientid_api *api)
{
    return atomic_load(&api->chain) != NULL;
}

/* ---- configuration --------------------------------------------------------------------------- */

static void chain_free(void *mem, void *chain)
{
    clientid__chain_del(mem, chain);
}

/* Interns every name first, so that putting the chains in force cannot fail half-way. */
static int intern_all(clientid_gateway *gateway, const struct clientid__config *config)
{
    for (size_t i = 0; i < config->api_count; i++)
        if (intern_counted(gateway, clientid__cstr(config->apis[i].name)) == NULL)
            return CLIENTID_ERR_NOMEM;
    return 0;
}

static struct clientid__chain *take_chain(struct clientid__config *config, clientid_str name)
{
    for (size_t i = 0; i < config->api_count; i++) {
        if (clientid__str_eq(clientid__cstr(config->apis[i].name), name)) {
            struct clientid__chain *chain = config->apis[i].chain;

            config->apis[i].chain = NULL;
            return chain;
        }
    }
    return NULL;
}

/* Under the lock; the configuration's chains move to their API instances. */
static void put_in_force(clientid_gateway *gateway, struct clientid__config *config)
{
    for (size_t i = 0; i < gateway->api_count; i++) {
        struct clientid_api *api = gateway->apis[i];
        struct clientid__chain *old = atomic_exchange(&api->chain, take_chain(config, api->text));

        if (old != NULL)
            clientid__epoch_retire(gateway->epoch, chain_free, &gateway->mem, old);
    }
    atomic_store(&gateway->gatekeeper, (uint32_t)config->gatekeeper);
    atomic_store(&gateway->maximum_age_ns, config->maximum_age_ns);
    atomic_store(&gateway->degraded_after_ns, config->degraded_after_ns);
    atomic_store(&gateway->huge_pages, config->huge_pages);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const char *changed_for_good(const struct clientid__config *old,
                                    const struct clientid__config *new)
{
    if (!same_text(old->store, new->store))
        return "/store";
    if (!same_text(old->state, new->state))
        return "/state";
    if (!same_text(old->pepper_file, new->pepper_file) ||
        !same_text(old->pepper_env, new->pepper_env))
        return "/pepper";
    if (!same_text(old->limits_file, new->limits_file) || old->cells != new->cells ||
        old->key_cells != new->key_cells || old->use_cells != new->use_cells)
        return "/limits";
    return NULL;
}

int clientid_gateway_reload(clientid_gateway *gateway, clientid_str json, const char *config_name,
                            clientid_error *error)
{
    struct clientid__config *config;
    const char *pointer;
    int rv;

    if (gateway == NULL)
        return CLIENTID_ERR_ARG;
    pthread_mutex_lock(&gateway->lock);
    rv = clientid__config_parse(&config, &gateway->mem, gateway->pool, json, config_name,
                                gateway->warn, gateway->warn_self, error);
    if (rv != 0)
        goto unlock;
    pointer = changed_for_good(gateway->config, config);
    if (pointer != NULL) {
        rv = clientid__fail_at(error, CLIENTID_ERR_CONFIG, pointer,
                               "cannot be changed without a restart");
        goto drop;
    }
    rv = intern_all(gateway, config);
    if (rv != 0) {
        clientid__fail(error, rv, "no memory for the names of the API instances");
        goto drop;
    }
    put_in_force(gateway, config);
    clientid__config_del(gateway->config);
    gateway->config = config;
    pthread_mutex_unlock(&gateway->lock);
    clientid__epoch_reclaim(gateway->epoch);
    return 0;
drop:
    clientid__config_del(config);
unlock:
    pthread_mutex_unlock(&gateway->lock);
    return rv;
}

/* ---- life ------------------------------------------------------------------------------------ */

static const clientid_allocator *allocator_of(const clientid_options *options)
{
    return options->allocator != NULL ? options->allocator : &clientid__malloc;
}

static int keep_text(clientid_gateway *gateway, const char *text, clientid_str *out)
{
    if (text == NULL)
        return 0;
    *out = clientid__pool_text(gateway->pool, clientid__cstr(text));
    return out->ptr != NULL ? 0 : CLIENTID_ERR_NOMEM;
}

/* Whether a limits file could be made there. */
static int check_folder(const char *file, clientid_error *error)
{
    char folder[PATH_MAX];
    char *slash;

    snprintf(folder, sizeof(folder), "%s", file);
    slash = strrchr(folder, '/');
    snprintf(slash != NULL ? slash + 1 : folder, 2, ".");
    if (access(folder, W_OK | X_OK) == 0)
        return 0;
    return clientid__fail_at(error, CLIENTID_ERR_IO, "/limits/file", "%s cannot be made: %s", file,
                             strerror(errno));
}

/* Whether a start would find a file that fits, or could make one. */
static int check_file(clientid_gateway *gateway, const struct clientid__table_options *options,
                      clientid_error *error)
{
    struct clientid__table *table;
    int rv = clientid__table_open(&table, &gateway->mem, options, error);

    if (rv == 0)
        clientid__table_close(table);
    return rv == CLIENTID_ERR_NOT_FOUND ? check_folder(options->file, error) : rv;
}

/* Says where the limits are, as |flags| want it. */
static int open_table(clientid_gateway *gateway, uint32_t flags, clientid_error *error)
{
    const struct clientid__config *config = gateway->config;
    const char *file = config->limits_file;
    struct clientid__table_options options = {.file = file,
                                              .cells = config->cells,
                                              .key_cells = config->key_cells,
                                              .use_cells = config->use_cells,
                                              .existing = file != NULL && flags != 0,
                                              .small_pages = !config->huge_pages};
    struct clientid__table_options memory = options;
    int rv = 0;

    memory.file = NULL;
    memory.existing = false;
    if (file == NULL && flags == CLIENTID_LIMITS_EXISTING)
        return clientid__fail_at(error, CLIENTID_ERR_NOT_FOUND, "/limits/file",
                                 "the limits are in the memory of the process that runs, since the "
                                 "configuration names no file");
    if (file != NULL && flags == CLIENTID_LIMITS_ASIDE)
        rv = check_file(gateway, &options, error);
    else
        rv = clientid__table_open(&gateway->table, &gateway->mem, &options, error);
    if (rv == CLIENTID_ERR_NOT_FOUND && (flags & CLIENTID_LIMITS_ASIDE) != 0)
        rv = 0;
    if (rv == 0 && gateway->table == NULL)
        rv = clientid__table_open(&gateway->table, &gateway->mem, &memory, error);
    return rv;
}

static int open_parts(clientid_gateway *gateway, uint32_t flags, clientid_error *error)
{
    const struct clientid__config *config = gateway->config;
    int rv = open_table(gateway, flags, error);

    if (rv != 0)
        return rv;
    gateway->limits = (struct clientid_limits){.table = gateway->table, .gateway = gateway};
    gateway->seed = clientid__table_seed(gateway->table);
    if (config->pepper_file == NULL && config->pepper_env == NULL)
        return 0;
    return clientid__pepper_read(&gateway->pepper, &gateway->mem, config->pepper_file,
                                 config->pepper_env, error);
}

static int no_memory(clientid_error *error)
{
    return clientid__fail(error, CLIENTID_ERR_NOMEM, "no memory for the gateway");
}

/* Room also for names that a reload brings. */
static int open_tally(clientid_gateway *gateway, uint32_t slots)
{
    if (slots == 0)
        return 0;
    return clientid__tally_new(&gateway->tally, &gateway->mem, slots,
                               TALLY_ROWS_SPARE + 2 * gateway->config->api_count);
}

static int start(clientid_gateway *gateway, const clientid_options *options, clientid_error *error)
{
    static const struct clientid__answers plain = {.contract_status = 401};
    int rv;

    if (clientid__epoch_new(&gateway->epoch, &gateway->mem) != 0 ||
        clientid__pool_new(&gateway->pool, &gateway->mem) != 0)
        return no_memory(error);
    gateway->observer = clientid__epoch_slot_get(gateway->epoch);
    gateway->unknown_api = clientid__pool_answers(gateway->pool, &plain);
    if (gateway->observer == NULL || gateway->unknown_api == NULL)
        return no_memory(error);
    rv = clientid__config_parse(&gateway->config, &gateway->mem, gateway->pool, options->config,
                                options->config_name, options->warn, options->warn_self, error);
    if (rv != 0)
        return rv;
    rv = open_parts(gateway, options->flags, error);
    if (rv != 0)
        return rv;
    if (open_tally(gateway, options->shared_counters) != 0)
        return no_memory(error);
    if (keep_text(gateway, gateway->config->store, &gateway->store) != 0 ||
        keep_text(gateway, gateway->config->state, &gateway->state) != 0 ||
        keep_text(gateway, gateway->config->limits_file, &gateway->limits_file) != 0 ||
        intern_all(gateway, gateway->config) != 0)
        return no_memory(error);
    put_in_force(gateway, gateway->config);
    return 0;
}

/* Hosts built when the struct was shorter leave out its end. */
static int read_options(clientid_options *options, const clientid_options *given,
                        clientid_error *error)
{
    *options = (clientid_options){0};
    if (given == NULL || given->size < offsetof(clientid_options, shared_counters))
        return clientid__fail(error, CLIENTID_ERR_ARG, "options of another size");
    memcpy(options, given, given->size < sizeof(*options) ? given->size : sizeof(*options));
    if (options->shared_counters > CLIENTID__TALLY_SLOTS_MAX ||
        (options->flags & ~(uint32_t)(CLIENTID_LIMITS_EXISTING | CLIENTID_LIMITS_ASIDE)) != 0)
        return clientid__fail(error, CLIENTID_ERR_ARG,
                              "shared_counters is at most %d, and flags are known ones",
                              CLIENTID__TALLY_SLOTS_MAX);
    return 0;
}

int clientid_gateway_new(clientid_gateway **out, const clientid_options *given,
                         clientid_error *error)
{
    clientid_options read;
    const clientid_options *options = &read;
    clientid_gateway *gateway;
    int rv = read_options(&read, given, error);

    if (rv != 0)
        return rv;
    if (out == NULL)
        return clientid__fail(error, CLIENTID_ERR_ARG, "no place for the gateway");
    gateway = clientid__alloc(allocator_of(options), 1, sizeof(*gateway));
    if (gateway == NULL)
        return no_memory(error);
    gateway->mem = *allocator_of(options);
    gateway->warn = options->warn;
    gateway->warn_self = options->warn_self;
    pthread_mutex_init(&gateway->lock, NULL);
    rv = start(gateway, options, error);
    if (rv != 0) {
        clientid_gateway_del(gateway);
        return rv;
    }
    *out = gateway;
    return 0;
}

static void names_del(clientid_gateway *gateway)
{
    const clientid_allocator *mem = &gateway->mem;

    HASH_CLEAR(hh, gateway->by_name);
    for (size_t i = 0; i < gateway->api_count; i++)
        api_del(gateway, gateway->apis[i]);
    clientid__free(mem, gateway->apis);
}

void clientid_gateway_del(clientid_gateway *gateway)
{
    clientid_allocator mem;

    if (gateway == NULL)
        return;
    mem = gateway->mem;
    names_del(gateway);
    clientid__registry_del(atomic_load(&gateway->registry));
    if (gateway->observer != NULL)
        clientid__epoch_slot_put(gateway->observer);
    clientid__epoch_del(gateway->epoch);
    clientid__config_del(gateway->config);
    clientid__counters_del(gateway, gateway->past);
    clientid__tally_del(gateway->tally);
    clientid__pepper_del(gateway->pepper);
    clientid__table_close(gateway->table);
    clientid__pool_del(gateway->pool);
    pthread_mutex_destroy(&gateway->lock);
    clientid__free(&mem, gateway);
}

clientid_str clientid_gateway_store(const clientid_gateway *gateway)
{
    return gateway->store;
}

clientid_str clientid_gateway_state(const clientid_gateway *gateway)
{
    return gateway->state;
}

clientid_str clientid_gateway_limits_file(const clientid_gateway *gateway)
{
    return gateway->limits_file;
}

/* ---- contracts ------------------------------------------------------------------------------- */

clientid_reason clientid__contracts_state(clientid_gateway *gateway, uint64_t now_ns,
                                          const struct clientid__registry **registry,
                                          bool *degraded)
{
    const uint64_t contact = atomic_load_explicit(&gateway->contact_ns, memory_order_relaxed);
    const uint64_t maximum = atomic_load_explicit(&gateway->maximum_age_ns, memory_order_relaxed);
    const uint64_t patience =
        atomic_load_explicit(&gateway->degraded_after_ns, memory_order_relaxed);
    const uint32_t gatekeeper = atomic_load_explicit(&gateway->gatekeeper, memory_order_relaxed);
    const uint64_t age = now_ns > contact ? now_ns - contact : 0;

    *registry = atomic_load_explicit(&gateway->registry, memory_order_acquire);
    *degraded = patience != 0 && age > patience;
    if (*registry == NULL && gatekeeper == CLIENTID__GATEKEEPER_DISABLED)
        return CLIENTID_REASON_GATEKEEPER_DISABLED;
    if (*registry == NULL)
        return CLIENTID_REASON_REGISTRY_NOT_LOADED;
    if (gatekeeper == CLIENTID__GATEKEEPER_STRICT &&
        !atomic_load_explicit(&gateway->from_source, memory_order_relaxed))
        return CLIENTID_REASON_REGISTRY_NOT_LOADED;
    if (maximum != 0 && age > maximum)
        return CLIENTID_REASON_REGISTRY_EXPIRED;
    return CLIENTID_REASON_ALLOWED;
}

int clientid_gateway_status(clientid_gateway *gateway, uint64_t now_ns, clientid_status *status)
{
    const struct clientid__registry *registry;
    clientid_reason reason;
    bool degraded;

    if (gateway == NULL || status == NULL || status->size < sizeof(*status))
        return CLIENTID_ERR_ARG;
    pthread_mutex_lock(&gateway->lock);
    clientid__epoch_enter(gateway->observer);
    reason = clientid__contracts_state(gateway, now_ns, &registry, &degraded);
    status->loaded = registry != NULL;
    status->contracts = registry != NULL ? clientid__registry_size(registry).contracts : 0;
    clientid__epoch_leave(gateway->observer);
    status->revision = gateway->sync.revision;
    status->contact_ns = gateway->sync.contact_ns;
    status->source_reached = gateway->sync.from_source;
    pthread_mutex_unlock(&gateway->lock);
    status->serving =
        reason == CLIENTID_REASON_ALLOWED || reason == CLIENTID_REASON_GATEKEEPER_DISABLED;
    status->reason = (uint32_t)reason;
    status->degraded = degraded;
    status->reserved = 0;
    return 0;
}

uint64_t clientid_last_use_minute(clientid_gateway *gateway, clientid_str client_id,
                                  uint64_t slot_key)
{
    struct clientid__hash128 id = clientid__hash128(client_id.ptr, client_id.len, gateway->seed);
    uint64_t key[2];

    clientid__use_key(key, id, slot_key);
    return clientid__table_used_minute(gateway->table, key);
}

/* ---- for sync -------------------------------------------------------------------------------- */

const clientid_allocator *clientid__gateway_mem(const clientid_gateway *gateway)
{
    return &gateway->mem;
}

struct clientid__table *clientid__gateway_table(clientid_gateway *gateway)
{
    return gateway->table;
}

enum clientid__gatekeeper clientid__gateway_gatekeeper(const clientid_gateway *gateway)
{
    return (enum clientid__gatekeeper)atomic_load(&gateway->gatekeeper);
}

uint64_t clientid__gateway_maximum_age_ns(const clientid_gateway *gateway)
{
    return atomic_load(&gateway->maximum_age_ns);
}

int clientid__gateway_registry_new(clientid_gateway *gateway, struct clientid__registry **out)
{
    int rv = clientid__registry_new(out, &gateway->mem, gateway->epoch, gateway->seed,
                                    intern_number, gateway);

    if (rv == 0 && !atomic_load(&gateway->huge_pages))
        clientid__registry_small_pages(*out);
    return rv;
}

static void registry_free(void *context, void *registry)
{
    (void)context;
    clientid__registry_del(registry);
}

void clientid__gateway_publish(clientid_gateway *gateway, struct clientid__registry *registry)
{
    struct clientid__registry *old = atomic_exchange(&gateway->registry, registry);

    if (old != NULL && old != registry)
        clientid__epoch_retire(gateway->epoch, registry_free, NULL, old);
}

struct clientid__registry *clientid__gateway_registry(clientid_gateway *gateway)
{
    return atomic_load(&gateway->registry);
}

void clientid__gateway_synced(clientid_gateway *gateway, const struct clientid__sync_status *status)
{
    pthread_mutex_lock(&gateway->lock);
    gateway->sync = *status;
    pthread_mutex_unlock(&gateway->lock);
    atomic_store(&gateway->contact_ns, status->contact_ns);
    atomic_store(&gateway->revision, status->revision);
    atomic_store(&gateway->from_source, status->from_source);
}
