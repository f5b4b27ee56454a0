/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and metrics while the sync's thread loads, applies deltas and replaces the registry. */
#include "support_event.h"
#include "support_world.h"

#include "base/str.h"
#include "sync/sync.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CONFIG                                                                                     \
    "{\"apis\": {\"orders\": {\"policies\": [{\"policy\": \"client-id-enforcement\", \"id\": "     \
    "\"query:id\"}]}}}"
#define ROUNDS 300

/* Client "always" is approved at every revision; "never" has no contract at any. */
static struct {
    atomic_uint rounds;
    atomic_uint wrong;
    atomic_uint asked;
    atomic_bool done;
    uint64_t revision; /* of the sync's thread alone */
    clientid_gateway *gateway;
} shared;

static int emit_client(uint64_t contract, const char *id, unsigned status, clientid_event_fn *emit,
                       void *sink)
{
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT};

    event.u.contract = (clientid_contract_event){.id = contract,
                                                 .api = CLIENTID_STR("orders"),
                                                 .client_id = clientid__cstr(id),
                                                 .application_id = 1,
                                                 .status = status};
    return emit(sink, &event);
}

static int load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                clientid_error *error)
{
    int rv = emit_client(1, "always", CLIENTID_APPROVED, emit, sink);

    (void)self;
    (void)error;
    *position = (clientid_position){1, ++shared.revision};
    return rv != 0 ? rv : emit_client(2, "often", CLIENTID_PENDING, emit, sink);
}

static int changes(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                   clientid_error *error)
{
    unsigned round = ++shared.rounds;

    (void)self;
    (void)error;
    if (round % 10 == 0)
        return CLIENTID_ERR_GAP;
    position->revision = ++shared.revision;
    emit_client(1, "always", CLIENTID_APPROVED, emit, sink);
    return emit_client(2, "often", 1 + round % 4, emit, sink);
}

static void *ask(void *unused)
{
    const clientid_api *api;
    clientid_worker *worker;
    struct support_request request;
    clientid_decision decision = {.size = sizeof(decision)};
    static const char always[] = "GET /?id=always HTTP/1.1\r\n\r\n";
    static const char never[] = "GET /?id=never HTTP/1.1\r\n\r\n";

    (void)unused;
    if (clientid_worker_new(&worker, shared.gateway) != 0 ||
        clientid_api_get(shared.gateway, CLIENTID_STR("orders"), &api) != 0) {
        shared.wrong++;
        return NULL;
    }
    for (unsigned i = 0; !shared.done; i++) {
        const char *raw = i % 2 == 0 ? always : never;

        support_request_parse(&request, clientid__cstr(raw), 1);
        if (support_request_check(&request, worker, api, clientid__cstr(raw), &decision) != 0 ||
            (decision.reason != CLIENTID_REASON_REGISTRY_NOT_LOADED &&
             decision.reason !=
                 (i % 2 == 0 ? CLIENTID_REASON_ALLOWED : CLIENTID_REASON_CLIENT_UNKNOWN)))
            shared.wrong++;
        shared.asked++;
    }
    clientid_worker_del(worker);
    return NULL;
}

static void requests_see_the_old_or_the_new(void **state)
{
    clientid_options options = {
        .size = sizeof(options), .config = CLIENTID_STR(CONFIG), .config_name = "race"};
    clientid_source source = {.size = sizeof(source), .load = load, .changes = changes};
    char path[64];
    clientid_sync_options sync_options = {
        .size = sizeof(sync_options), .state = path, .interval_ns = 100000};
    static char metrics[65536];
    pthread_t threads[2];
    clientid_sync *sync;

    (void)state;
    support_folder_new(path);
    assert_int_equal(clientid_gateway_new(&shared.gateway, &options, NULL), 0);
    assert_int_equal(clientid_sync_new(&sync, shared.gateway, &source, &sync_options, NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, NULL), 0);
    assert_int_equal(clientid_sync_start(sync), 0);
    while (shared.rounds < ROUNDS || shared.asked < 1000) {
        size_t len = sizeof(metrics);

        assert_int_equal(clientid_metrics_write(shared.gateway, 1, metrics, &len), 0);
    }
    clientid_sync_del(sync);
    shared.done = true;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(shared.wrong, 0);
    clientid_gateway_del(shared.gateway);
    support_folder_del(path);
}

/* ---- two that share a folder --------------------------------------------------------------------- */

#define TURNS 40

static struct lane {
    clientid_gateway *gateway;
    clientid_sync *sync;
} lanes[2];
static atomic_uint_fast64_t truth = 1; /* the revision of the one source of both */

static int shared_load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                       clientid_error *error)
{
    int rv = emit_client(1, "always", CLIENTID_APPROVED, emit, sink);

    (void)self;
    (void)error;
    for (uint64_t n = 2; n < 300 && rv == 0; n++) {
        char id[16];

        snprintf(id, sizeof(id), "c%d", (int)n);
        rv = emit_client(n, id, CLIENTID_APPROVED, emit, sink);
    }
    *position = (clientid_position){1, truth};
    return rv;
}

static int shared_changes(void *self, clientid_event_fn *emit, void *sink,
                          clientid_position *position, clientid_error *error)
{
    (void)self;
    (void)error;
    position->revision = ++truth;
    return emit_client(1, "always", CLIENTID_APPROVED, emit, sink);
}

static void begin_lane(struct lane *lane, const char *path)
{
    clientid_source source = {
        .size = sizeof(source), .load = shared_load, .changes = shared_changes};
    clientid_sync_options options = {
        .size = sizeof(options), .state = path, .interval_ns = 100000, .mode = CLIENTID_SYNC_SHARE};

    assert_int_equal(clientid_sync_new(&lane->sync, lane->gateway, &source, &options, NULL), 0);
    lane->sync->piece_contracts = 50;
    assert_int_equal(clientid_sync_start(lane->sync), 0);
}

/* In each turn one of them goes away and comes back; the other one takes over and goes on writing. */
static void the_folder_changes_hands_under_requests(void **state)
{
    clientid_options options = {
        .size = sizeof(options), .config = CLIENTID_STR(CONFIG), .config_name = "race"};
    char path[64];
    pthread_t thread;

    (void)state;
    support_folder_new(path);
    shared.wrong = shared.asked = 0;
    shared.done = false;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(clientid_gateway_new(&lanes[i].gateway, &options, NULL), 0);
        begin_lane(&lanes[i], path);
    }
    shared.gateway = lanes[0].gateway;
    assert_int_equal(pthread_create(&thread, NULL, ask, NULL), 0);
    for (int turn = 0; turn < TURNS; turn++) {
        struct lane *lane = &lanes[turn % 2];
        uint64_t before = truth;

        clientid_sync_del(lane->sync);
        while (truth < before + 20)
            sched_yield();
        begin_lane(lane, path);
    }
    shared.done = true;
    pthread_join(thread, NULL);
    assert_int_equal(shared.wrong, 0);
    for (int i = 0; i < 2; i++) {
        clientid_sync_del(lanes[i].sync);
        clientid_gateway_del(lanes[i].gateway);
    }
    support_folder_del(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_see_the_old_or_the_new),
        cmocka_unit_test(the_folder_changes_hands_under_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
