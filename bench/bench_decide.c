/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision costs beside its floor, at 1e3, 1e5 and 1e6 clients: one contract, one limit, 16-byte names, 32-byte
 * ids and secrets in a query of about 100 bytes, clients drawn evenly (the worst case for caches).
 *
 * The floor does, in the same process and in turn with the decisions, what nobody can leave out: read the query
 * once, hash the id, follow two dependent loads over a working set of the same size, one SHA-256 block, one
 * compare-and-swap per limit.  Absolute times on shared machines move by 2x; the ratio is the figure.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <clientid/clientid.h>

#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { ID_LEN = 32, REQUESTS = 1 << 18, ROUNDS = 7, QUERY_ROOM = 128 };

static uint64_t random_state = 88172645463325252ULL;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void hex32(char out[ID_LEN], uint64_t number, uint64_t salt)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t high = (number + 1) * 0x9e3779b97f4a7c15ULL ^ salt, low = high * 0xd6e8feb86659fd93ULL;

    for (int i = 0; i < 16; i++) {
        out[i] = digits[high >> (4 * i) & 15];
        out[16 + i] = digits[low >> (4 * i) & 15];
    }
}

/* ---- contracts ------------------------------------------------------------------------------- */

struct population {
    size_t clients;
    size_t changes; /* contracts that the next delta touches */
    uint64_t revision;
};

static int emit_contract(size_t i, uint64_t tier, clientid_event_fn *emit, void *sink)
{
    char id[ID_LEN], secret[ID_LEN], name[17];
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT};
    clientid_contract_event *contract = &event.u.contract;

    hex32(id, i, 1);
    hex32(secret, i, 2);
    snprintf(name, sizeof(name), "client %09zu", i);
    *contract = (clientid_contract_event){.id = i + 1,
                                          .api = CLIENTID_STR("bench"),
                                          .client_id = {id, ID_LEN},
                                          .name = {name, 16},
                                          .application_id = i + 1,
                                          .tier_id = tier,
                                          .status = CLIENTID_APPROVED};
    memcpy(contract->secrets[0].salt, id, 16);
    contract->secrets[0].salt_len = 16;
    if (clientid_secret_hash(&contract->secrets[0], (clientid_str){secret, ID_LEN}, NULL, 0) != 0)
        return CLIENTID_ERR_CRYPTO;
    return emit(sink, &event);
}

static int load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                clientid_error *error)
{
    struct population *population = self;
    clientid_limit limit = {.maximum_requests = 1000000, .period_ms = 60000, .visible = 1};
    clientid_event event = {.type = CLIENTID_EVENT_TIER};
    int rv = 0;

    (void)error;
    for (uint64_t id = 1; id <= 2 && rv == 0; id++) {
        event.u.tier = (clientid_tier_event){id, CLIENTID_STR("tier"), &limit, 1};
        rv = emit(sink, &event);
    }
    for (size_t i = 0; i < population->clients && rv == 0; i++)
        rv = emit_contract(i, 1, emit, sink);
    *position = (clientid_position){1, population->revision};
    return rv;
}

static int changes(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                   clientid_error *error)
{
    struct population *population = self;
    int rv = 0;

    (void)error;
    for (size_t i = 0; i < population->changes && rv == 0; i++)
        rv = emit_contract(next_random() % population->clients, 2, emit, sink);
    population->revision += population->changes;
    position->revision = population->revision;
    return rv;
}

static int poll_source(void *self, clientid_error *error)
{
    (void)error;
    return ((struct population *)self)->changes > 0;
}

static void close_source(void *self)
{
    (void)self;
}

/* ---- requests -------------------------------------------------------------------------------- */

struct query {
    uint32_t client;
    uint32_t len;
    char text[QUERY_ROOM];
};

static struct query *make_queries(size_t clients)
{
    struct query *queries = calloc(REQUESTS, sizeof(*queries));
    char id[ID_LEN], secret[ID_LEN];

    if (queries == NULL)
        exit(1);
    for (size_t i = 0; i < REQUESTS; i++) {
        queries[i].client = (uint32_t)(next_random() % clients);
        hex32(id, queries[i].client, 1);
        hex32(secret, queries[i].client, 2);
        queries[i].len = (uint32_t)snprintf(
            queries[i].text, QUERY_ROOM, "client_id=%.32s&client_secret=%.32s&page=1", id, secret);
    }
    return queries;
}

static int no_header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    (void)host, (void)name, (void)nth, (void)value;
    return 0;
}

struct run {
    clientid_worker *worker;
    const clientid_api *api;
    const struct query *queries;
    size_t begin;
    size_t admitted;
};

static void decide_all(struct run *run, uint64_t now_ns)
{
    char scratch[CLIENTID_SCRATCH_BYTES];
    clientid_decision decision = {.size = sizeof(decision)};
    clientid_request request = {.size = sizeof(request),
                                .method = CLIENTID_STR("GET"),
                                .path = CLIENTID_STR("/orders/17"),
                                .header = no_header,
                                .scratch = scratch,
                                .scratch_len = sizeof(scratch)};

    for (size_t i = 0; i < REQUESTS; i++) {
        const struct query *query = &run->queries[(run->begin + i) & (REQUESTS - 1)];

        request.query = (clientid_str){query->text, query->len};
        request.now_ns = now_ns + i * 1000;
        if (clientid_check(run->worker, run->api, &request, &decision) == 0)
            run->admitted += decision.verdict == CLIENTID_ALLOW;
    }
}

/* ---- the floor ------------------------------------------------------------------------------- */

struct floor_set {
    uint32_t *index;         /* first load */
    char (*records)[64];     /* second load, depends on the first */
    _Atomic uint64_t *cells; /* in |memory| */
    void *memory;
    size_t mask;
};

static struct floor_set make_floor(size_t clients)
{
    struct floor_set set = {0};
    size_t size = 1;

    while (size < clients)
        size *= 2;
    set.mask = size - 1;
    set.index = calloc(size, 2 * sizeof(uint32_t));
    set.records = calloc(size, sizeof(*set.records));
    set.memory = calloc(size, 2 * sizeof(uint64_t));
    set.cells = set.memory;
    if (set.index == NULL || set.records == NULL || set.cells == NULL)
        exit(1);
    for (size_t i = 0; i < size; i++) {
        set.index[2 * i] = (uint32_t)(i * 2654435761U & set.mask);
        memset(set.records[i], (int)i, sizeof(set.records[i]));
        set.cells[2 * i] = 0;
    }
    return set;
}

static void free_floor(struct floor_set *set)
{
    free(set->index);
    free(set->records);
    free(set->memory);
}

/* Reads every byte of the query once and finds where the two values are. */
static size_t scan(const struct query *query, clientid_str values[2])
{
    const char *at = query->text, *end = query->text + query->len;
    size_t found = 0;

    while (at < end && found < 8) {
        const char *amp = memchr(at, '&', (size_t)(end - at));
        const char *stop = amp != NULL ? amp : end;
        const char *equal = memchr(at, '=', (size_t)(stop - at));

        if (equal != NULL && found < 2)
            values[found] = (clientid_str){equal + 1, (size_t)(stop - equal - 1)};
        found++;
        at = stop + 1;
    }
    return found;
}

static uint64_t floor_one(const struct floor_set *set, const struct query *query, uint64_t now_ns)
{
    unsigned char digest[32];
    clientid_str values[2] = {{"", 0}, {"", 0}};
    SHA256_CTX sha;
    XXH128_hash_t hash;
    _Atomic uint64_t *cell;
    uint64_t old, got;
    uint32_t record;

    scan(query, values);
    hash = XXH3_128bits_withSeed(values[0].ptr, values[0].len, 7);
    record = set->index[2 * (hash.low64 & set->mask)];
    cell = &set->cells[2 * (hash.high64 & set->mask)];
    SHA256_Init(&sha);
    SHA256_Update(&sha, set->records[record], 16);
    SHA256_Update(&sha, values[1].ptr, values[1].len);
    SHA256_Final(digest, &sha);
    old = atomic_load_explicit(cell, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(cell, &old, (old > now_ns ? old : now_ns) + 60000))
        ;
    memcpy(&got, digest, sizeof(got));
    return got ^ (uint64_t)memcmp(digest, set->records[record] + 16, 32);
}

static uint64_t floor_all(const struct floor_set *set, const struct query *queries, size_t begin,
                          uint64_t now_ns)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < REQUESTS; i++)
        sum += floor_one(set, &queries[(begin + i) & (REQUESTS - 1)], now_ns + i * 1000);
    return sum;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_value);
    return values[count / 2];
}

static void *thread_main(void *argument)
{
    decide_all(argument, clock_ns(CLOCK_REALTIME));
    return NULL;
}

static double two_threads(struct run runs[2])
{
    pthread_t threads[2];
    uint64_t start = clock_ns(CLOCK_MONOTONIC);

    for (int t = 0; t < 2; t++)
        if (pthread_create(&threads[t], NULL, thread_main, &runs[t]) != 0)
            exit(1);
    for (int t = 0; t < 2; t++)
        pthread_join(threads[t], NULL);
    return 2.0 * REQUESTS / (double)(clock_ns(CLOCK_MONOTONIC) - start) * 1e3;
}

static double resident_bytes(void)
{
    long pages = 0, ignored;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%ld %ld", &ignored, &pages) != 2)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

struct figures {
    double decide_ns, floor_ns, ratio, million_per_s, million_per_s_2;
};

static struct figures measure(struct run runs[2], size_t clients)
{
    double decide[ROUNDS], lowest[ROUNDS], ratio[ROUNDS], both[ROUNDS];
    struct floor_set set = make_floor(clients);
    volatile uint64_t sink = 0;

    decide_all(&runs[0], clock_ns(CLOCK_REALTIME));
    sink ^= floor_all(&set, runs[0].queries, 0, clock_ns(CLOCK_REALTIME));
    for (int r = 0; r < ROUNDS; r++) {
        uint64_t start = clock_ns(CLOCK_MONOTONIC), middle;

        decide_all(&runs[0], clock_ns(CLOCK_REALTIME));
        middle = clock_ns(CLOCK_MONOTONIC);
        sink ^= floor_all(&set, runs[0].queries, 0, clock_ns(CLOCK_REALTIME));
        lowest[r] = (double)(clock_ns(CLOCK_MONOTONIC) - middle) / REQUESTS;
        decide[r] = (double)(middle - start) / REQUESTS;
        ratio[r] = decide[r] / lowest[r];
        both[r] = two_threads(runs);
    }
    free_floor(&set);
    return (struct figures){median(decide, ROUNDS), median(lowest, ROUNDS), median(ratio, ROUNDS),
                            1e3 / median(decide, ROUNDS), median(both, ROUNDS)};
}

/* Mean time of a round of sync that applies |count| changes, nothing kept on disk. */
static double delta_us(clientid_sync *sync, struct population *population, size_t count)
{
    enum { TIMES = 50 };
    double times[TIMES];
    uint64_t next_ns;

    for (int i = 0; i < TIMES; i++) {
        uint64_t start;

        population->changes = count;
        start = clock_ns(CLOCK_MONOTONIC);
        if (clientid_sync_step(sync, clock_ns(CLOCK_REALTIME), &next_ns, NULL) != 0)
            exit(1);
        times[i] = (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e3;
    }
    population->changes = 0;
    return median(times, TIMES);
}

static void bench(size_t clients)
{
    struct population population = {clients, 0, 1};
    clientid_source source = {sizeof(source), &population, load,
                              changes,        poll_source, close_source};
    clientid_sync_options sync_options = {.size = sizeof(sync_options)};
    clientid_options options = {.size = sizeof(options)};
    struct query *queries = make_queries(clients);
    struct run runs[2] = {{.queries = queries}, {.queries = queries, .begin = REQUESTS / 2}};
    double before = resident_bytes(), loaded, load_ms, one_us, thousand_us;
    struct figures figures;
    clientid_gateway *gateway;
    clientid_sync *sync;
    clientid_error error;
    uint64_t next_ns, start;
    char config[512];

    options.config = (clientid_str){
        config,
        (size_t)snprintf(config, sizeof(config),
                         "{\"limits\": {\"cells\": %zu, \"keyCells\": 1024, \"useCells\": %zu},"
                         " \"apis\": {\"bench\": {\"policies\": [{\"policy\":"
                         " \"rate-limiting-sla-based\", \"algorithm\": \"token-bucket\","
                         " \"id\": \"query:client_id\", \"secret\": \"query:client_secret\"}]}}}",
                         clients * 2, clients)};
    if (clientid_gateway_new(&gateway, &options, &error) != 0 ||
        clientid_sync_new(&sync, gateway, &source, &sync_options, &error) != 0) {
        fprintf(stderr, "%s %s\n", error.pointer, error.text);
        exit(1);
    }
    start = clock_ns(CLOCK_MONOTONIC);
    if (clientid_sync_step(sync, clock_ns(CLOCK_REALTIME), &next_ns, &error) != 0)
        exit(1);
    load_ms = (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e6;
    for (int t = 0; t < 2; t++)
        if (clientid_worker_new(&runs[t].worker, gateway) != 0 ||
            clientid_api_get(gateway, CLIENTID_STR("bench"), &runs[t].api) != 0)
            exit(1);
    figures = measure(runs, clients);
    loaded = resident_bytes();
    one_us = delta_us(sync, &population, 1);
    thousand_us = delta_us(sync, &population, 1000);
    printf("%8zu  %7.0f  %7.0f  %5.2f  %6.2f  %6.2f  %8.0f  %8.0f  %8.1f  %8.0f\n", clients,
           figures.decide_ns, figures.floor_ns, figures.ratio, figures.million_per_s,
           figures.million_per_s_2, (loaded - before) / (double)clients, load_ms, one_us,
           thousand_us);
    if (runs[0].admitted + runs[1].admitted == 0)
        printf("          nothing was admitted: the figures are void\n");
    for (int t = 0; t < 2; t++)
        clientid_worker_del(runs[t].worker);
    clientid_sync_del(sync);
    clientid_gateway_del(gateway);
    free(queries);
}

int main(void)
{
    printf(" clients  ns/dec.    floor  ratio  M/s x1  M/s x2  bytes/cl.  load ms  delta us  1000 "
           "d us\n");
    bench(1000);
    bench(100000);
    bench(1000000);
    return 0;
}
