/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One kind of decision, many times, for callgrind to count: "instructions KIND".  Without an argument: the kinds, a line each.
 * tests/tools/instructions.sh divides what was counted inside of run_decisions by what it prints.
 *
 * Clients, requests and their order are the same in every run.  The place of a limit's cell is not, since each table has a seed of
 * its own; over so many requests that moves the mean by less than the tolerance.
 */
#include <clientid/clientid.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 1000, DECISIONS = 4000, ID_LEN = 32, OTHERS = 29, QUERY_ROOM = 1100 };

#define NOW_NS UINT64_C(1700000000000000000)

enum form { QUERY, LONG_QUERY, HEADERS, BASIC };
enum shown { RIGHT, WRONG_SECRET, UNKNOWN_ID };

struct kind {
    const char *name;
    const char *policy;
    uint64_t tier; /* how many limits it has; SPENT: one of a single request */
    enum form form;
    enum shown shown;
    clientid_reason reason; /* of every decision that is counted */
};

#define SPENT    9
#define SLA      "\"policy\": \"rate-limiting-sla-based\", "
#define BUCKET   SLA "\"algorithm\": \"token-bucket\", "
#define BY_QUERY "\"id\": \"query:client_id\", \"secret\": \"query:client_secret\""
#define BY_LINES "\"id\": \"header:client_id\", \"secret\": \"header:client_secret\""
#define ALLOWED  CLIENTID_REASON_ALLOWED

static const struct kind kinds[] = {
    {"query", BUCKET BY_QUERY, 1, QUERY, RIGHT, ALLOWED},
    {"headers", BUCKET BY_LINES, 1, HEADERS, RIGHT, ALLOWED},
    {"basic", BUCKET "\"basic\": true", 1, BASIC, RIGHT, ALLOWED},
    {"id-only", BUCKET "\"id\": \"query:client_id\"", 1, QUERY, RIGHT, ALLOWED},
    {"two-limits", BUCKET BY_QUERY, 2, QUERY, RIGHT, ALLOWED},
    {"four-limits", BUCKET BY_QUERY, 4, QUERY, RIGHT, ALLOWED},
    {"fixed-window", SLA BY_QUERY, 1, QUERY, RIGHT, ALLOWED},
    {"wrong-secret", BUCKET BY_QUERY, 1, QUERY, WRONG_SECRET, CLIENTID_REASON_SECRET_WRONG},
    {"unknown-id", BUCKET BY_QUERY, 1, QUERY, UNKNOWN_ID, CLIENTID_REASON_CLIENT_UNKNOWN},
    {"quota-exceeded", BUCKET BY_QUERY, SPENT, QUERY, RIGHT, CLIENTID_REASON_QUOTA_EXCEEDED},
    {"long-query", BUCKET BY_QUERY, 1, LONG_QUERY, RIGHT, ALLOWED},
};

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "instructions: %s\n", what);
    exit(1);
}

/* ---- clients --------------------------------------------------------------------------------- */

static void hex32(char out[ID_LEN + 1], uint64_t number, uint64_t salt)
{
    uint64_t high = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ salt;

    snprintf(out, ID_LEN + 1, "%016llx%016llx", (unsigned long long)high,
             (unsigned long long)(high * UINT64_C(0xd6e8feb86659fd93)));
}

static int emit_tier(const struct kind *kind, clientid_event_fn *emit, void *sink)
{
    static const uint64_t minutes[] = {1, 60, 1440, 43200};
    clientid_event event = {.type = CLIENTID_EVENT_TIER};
    clientid_limit limits[4];
    size_t count = kind->tier == SPENT ? 1 : kind->tier;

    for (size_t i = 0; i < count; i++)
        limits[i] = (clientid_limit){.maximum_requests = kind->tier == SPENT ? 1 : 1000000,
                                     .period_ms = minutes[i] * 60000,
                                     .visible = 1};
    event.u.tier = (clientid_tier_event){1, CLIENTID_STR("tier"), limits, count};
    return emit(sink, &event);
}

static int emit_contract(uint64_t number, clientid_event_fn *emit, void *sink)
{
    char id[ID_LEN + 1], secret[ID_LEN + 1];
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT};
    clientid_contract_event *contract = &event.u.contract;

    hex32(id, number, 1);
    hex32(secret, number, 2);
    *contract = (clientid_contract_event){.id = number + 1,
                                          .api = CLIENTID_STR("api"),
                                          .client_id = {id, ID_LEN},
                                          .name = CLIENTID_STR("sixteen bytes it"),
                                          .application_id = number + 1,
                                          .tier_id = 1,
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
    int rv = emit_tier(self, emit, sink);

    (void)error;
    for (uint64_t i = 0; i < CLIENTS && rv == 0; i++)
        rv = emit_contract(i, emit, sink);
    *position = (clientid_position){1, 1};
    return rv;
}

static int no_changes(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                      clientid_error *error)
{
    (void)self, (void)emit, (void)sink, (void)position, (void)error;
    return 0;
}

static int poll_source(void *self, clientid_error *error)
{
    (void)self, (void)error;
    return 0;
}

static void close_source(void *self)
{
    (void)self;
}

/* ---- requests -------------------------------------------------------------------------------- */

struct shown_request {
    char id[ID_LEN + 1], secret[ID_LEN + 1];
    char basic[128];
    char query[QUERY_ROOM];
    size_t query_len;
    enum form form;
};

static int header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    const struct shown_request *r = host;
    const char *text = NULL;

    if (r->form == BASIC && name.len == 13 && memcmp(name.ptr, "authorization", 13) == 0)
        text = r->basic;
    else if (r->form == HEADERS && name.len == 9 && memcmp(name.ptr, "client_id", 9) == 0)
        text = r->id;
    else if (r->form == HEADERS && name.len == 13 && memcmp(name.ptr, "client_secret", 13) == 0)
        text = r->secret;
    if (text == NULL || nth > 0)
        return 0;
    *value = (clientid_str){text, strlen(text)};
    return 1;
}

static void add_others(struct shown_request *r, char letter)
{
    for (int i = 0; i < OTHERS; i++)
        r->query_len +=
            (size_t)snprintf(r->query + r->query_len, QUERY_ROOM - r->query_len,
                             "%s%c%02d=01234567890", r->query_len > 0 ? "&" : "", letter, i);
}

static void make_request(struct shown_request *r, const struct kind *kind, uint64_t client)
{
    char pair[2 * ID_LEN + 1];

    *r = (struct shown_request){.form = kind->form};
    hex32(r->id, client, kind->shown == UNKNOWN_ID ? 3 : 1);
    hex32(r->secret, client, kind->shown == WRONG_SECRET ? 4 : 2);
    if (kind->form == LONG_QUERY)
        add_others(r, 'a');
    if (kind->form == QUERY || kind->form == LONG_QUERY)
        r->query_len += (size_t)snprintf(r->query + r->query_len, QUERY_ROOM - r->query_len,
                                         "%sclient_id=%s&client_secret=%s",
                                         r->query_len > 0 ? "&" : "", r->id, r->secret);
    if (kind->form == LONG_QUERY)
        add_others(r, 'z');
    memcpy(pair, r->id, ID_LEN);
    pair[ID_LEN] = ':';
    memcpy(pair + ID_LEN + 1, r->secret, ID_LEN);
    memcpy(r->basic, "Basic ", 6);
    EVP_EncodeBlock((unsigned char *)r->basic + 6, (const unsigned char *)pair, sizeof(pair));
}

/* Returns how many decisions had |reason|. */
static size_t decide(clientid_worker *worker, const clientid_api *api,
                     struct shown_request *requests, clientid_reason reason)
{
    char scratch[CLIENTID_SCRATCH_BYTES];
    clientid_decision decision = {.size = sizeof(decision)};
    clientid_request request = {.size = sizeof(request),
                                .method = CLIENTID_STR("GET"),
                                .path = CLIENTID_STR("/orders/17"),
                                .header = header,
                                .scratch = scratch,
                                .scratch_len = sizeof(scratch)};
    size_t as_due = 0;

    for (uint64_t i = 0; i < DECISIONS; i++) {
        struct shown_request *r = &requests[i % CLIENTS];

        request.query = (clientid_str){r->query, r->query_len};
        request.host = r;
        request.now_ns = NOW_NS + i * 1000;
        if (clientid_check(worker, api, &request, &decision) == 0)
            as_due += decision.reason == reason;
    }
    return as_due;
}

/* Callgrind counts in here. */
__attribute__((noinline)) size_t run_decisions(clientid_worker *worker, const clientid_api *api,
                                               struct shown_request *requests,
                                               clientid_reason reason);
size_t run_decisions(clientid_worker *worker, const clientid_api *api,
                     struct shown_request *requests, clientid_reason reason)
{
    return decide(worker, api, requests, reason);
}

static void count_kind(const struct kind *kind)
{
    static struct shown_request requests[CLIENTS];
    struct kind of_source = *kind;
    clientid_source source = {sizeof(source), &of_source,  load,
                              no_changes,     poll_source, close_source};
    clientid_sync_options sync_options = {.size = sizeof(sync_options)};
    clientid_options options = {.size = sizeof(options)};
    clientid_gateway *gateway;
    clientid_worker *worker;
    const clientid_api *api;
    clientid_error error;
    clientid_sync *sync;
    uint64_t next_ns;
    char config[512];

    options.config = (clientid_str){
        config, (size_t)snprintf(config, sizeof(config),
                                 "{\"limits\": {\"cells\": 16384, \"keyCells\": 64, \"useCells\": "
                                 "4096}, \"apis\": {\"api\": {\"policies\": [{%s}]}}}",
                                 kind->policy)};
    if (clientid_gateway_new(&gateway, &options, &error) != 0 ||
        clientid_sync_new(&sync, gateway, &source, &sync_options, &error) != 0 ||
        clientid_sync_step(sync, NOW_NS, &next_ns, &error) != 0)
        stop(error.text);
    if (clientid_worker_new(&worker, gateway) != 0 ||
        clientid_api_get(gateway, CLIENTID_STR("api"), &api) != 0)
        stop("no worker");
    for (uint64_t i = 0; i < CLIENTS; i++)
        make_request(&requests[i], kind, i);
    /* Everybody once before: cells claimed, single requests spent. */
    decide(worker, api, requests, kind->reason);
    if (run_decisions(worker, api, requests, kind->reason) != DECISIONS)
        stop("a decision was not as it is due");
    printf("%d\n", DECISIONS);
    clientid_worker_del(worker);
    clientid_sync_del(sync);
    clientid_gateway_del(gateway);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (argc < 2)
            puts(kinds[i].name);
        else if (strcmp(argv[1], kinds[i].name) == 0)
            count_kind(&kinds[i]);
    }
    return 0;
}
