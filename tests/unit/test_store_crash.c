/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: killed in the middle of changes, two that write at once, two that create at once. */
#include "support_event.h"
#include "support_store.h"

#include <clientid/delivery.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char folder[64], uri[128];
};

static void place_new(struct place *p)
{
    support_folder_new(p->folder);
    snprintf(p->uri, sizeof(p->uri), "sqlite:%s/store.db", p->folder);
}

static clientid_control *open_control(const struct place *p, clientid_store **store)
{
    clientid_control *control = NULL;

    if (clientid_store_open(store, p->uri, CLIENTID_STORE_CREATE, NULL) != 0 ||
        clientid_control_new(&control, *store, NULL, NULL) != 0)
        _exit(90);
    return control;
}

static void pause_ms(long ms)
{
    struct timespec t = {0, ms * 1000000};

    nanosleep(&t, NULL);
}

/* ---- killed ---------------------------------------------------------------------------------- */

/* What is written goes to a third party's gateway, so each contract and each revocation has an event, in the outbox. */
#define PROVIDER CLIENTID_STR("X Gateway")

static void new_gateway(clientid_control *control)
{
    const clientid_hook_record hook = {.size = sizeof(hook),
                                       .url = CLIENTID_STR("https://gateway.example"),
                                       .provider_type = 1,
                                       .subscriptions = CLIENTID_HOOK_EVENT_CREATION |
                                                        CLIENTID_HOOK_EVENT_SCOPE_DECREASE};
    uint64_t id;
    clientid_provider_record provider = {.size = sizeof(provider),
                                         .name = PROVIDER,
                                         .type = CLIENTID_PROVIDER_THIRD_PARTY,
                                         .hooks = &id,
                                         .hook_count = 1};
    uint64_t provider_id;

    assert_int_equal(clientid_control_hook_create(control, &hook, &id, NULL), 0);
    assert_int_equal(clientid_control_provider_create(control, &provider, &provider_id, NULL), 0);
}

struct events {
    uint64_t granted, revoked;
};

static int count_events(void *sink, const clientid_user_request_record *record)
{
    struct events *events = sink;

    /* A request without its event would be half a transaction. */
    assert_int_equal(record->state_count, 1);
    if (record->type == CLIENTID_USER_REQUEST_DEREGISTRATION)
        events->revoked++;
    else
        events->granted++;
    return 0;
}

/* Applications with contracts for ever; says so for each on the pipe, after the commit. */
static void write_until_killed(const struct place *p, int fd)
{
    clientid_store *store;
    clientid_control *control = open_control(p, &store);
    uint64_t api = 0;

    if (clientid_control_api_find(control, CLIENTID_STR("orders"), &api, NULL) != 0)
        _exit(91);
    for (;;) {
        clientid_application_record record = {
            .size = sizeof(record), .name = CLIENTID_STR("app"), .provider = PROVIDER};
        clientid_credentials credentials = {.size = sizeof(credentials)};
        clientid_access_request request = {.size = sizeof(request), .api_id = api};
        uint64_t id;

        if (clientid_control_application_create(control, &record, CLIENTID_STR(""), &credentials,
                                                NULL) != 0)
            _exit(92);
        request.application_id = credentials.application_id;
        if (clientid_control_contract_request(control, &request, &id, NULL, NULL) != 0 ||
            clientid_control_contract_act(control, id, CLIENTID_VERB_REVOKE, NULL) != 0)
            _exit(93);
        if (write(fd, &id, sizeof(id)) != (ssize_t)sizeof(id))
            _exit(94);
    }
}

struct found {
    uint64_t contracts, revoked, last;
};

static int count(void *sink, const clientid_contract_record *record)
{
    struct found *found = sink;

    found->contracts++;
    found->revoked += record->status == CLIENTID_REVOKED;
    found->last = record->id;
    return 0;
}

struct log {
    uint64_t requests, revokes, creates, revision;
};

static int count_log(void *sink, const clientid_change_record *record)
{
    struct log *log = sink;

    assert_int_equal(record->revision, log->revision + 1); /* without holes */
    log->revision = record->revision;
    /* Others have verbs of the same name. */
    if (record->entity.len != 11 && record->entity.len != 8)
        return 0;
    log->requests += record->verb.len == 7 && memcmp(record->verb.ptr, "request", 7) == 0;
    log->revokes += record->verb.len == 6 && memcmp(record->verb.ptr, "revoke", 6) == 0;
    log->creates += record->entity.len == 11 && record->verb.len == 6;
    return 0;
}

static int count_applications(void *sink, const clientid_application_record *record)
{
    (void)record;
    ++*(uint64_t *)sink;
    return 0;
}

/* Data and change log tell the same, and everything that was acknowledged is there. */
static void check_after_kill(const struct place *p, uint64_t acknowledged)
{
    struct found found = {0, 0, 0};
    struct log log = {0, 0, 0, 0};
    struct events events = {0, 0};
    uint64_t applications = 0, waiting = 0, oldest;
    clientid_store *store;
    clientid_control *control = open_control(p, &store);
    clientid_error error = {0};

    if (clientid_store_verify(store, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(clientid_control_contract_list(control, NULL, count, &found, NULL), 0);
    assert_int_equal(clientid_control_changes(control, 0, 0, count_log, &log, NULL), 0);
    assert_int_equal(
        clientid_control_application_list(control, NULL, count_applications, &applications, NULL),
        0);
    assert_true(found.revoked >= acknowledged);
    assert_int_equal(log.requests, found.contracts);
    assert_int_equal(log.revokes, found.revoked);
    assert_int_equal(log.creates, applications);
    assert_int_equal(
        clientid_control_user_request_list(control, 0, 0, 0, count_events, &events, NULL), 0);
    assert_int_equal(events.granted, found.contracts);
    assert_int_equal(events.revoked, found.revoked);
    assert_int_equal(clientid_control_delivery_backlog(control, &waiting, &oldest, NULL), 0);
    assert_int_equal(waiting, events.granted + events.revoked);
    clientid_control_del(control);
    clientid_store_close(store);
}

static void test_killed_in_the_middle(void **state)
{
    uint64_t seed = 9, acknowledged = 0;
    clientid_api_record api = {.size = sizeof(api),
                               .kind = CLIENTID_API_INSTANCE,
                               .name = CLIENTID_STR("orders"),
                               .provider = PROVIDER};
    clientid_store *store;
    clientid_control *control;
    struct place p;
    uint64_t id;

    (void)state;
    place_new(&p);
    control = open_control(&p, &store);
    new_gateway(control);
    assert_int_equal(clientid_control_api_create(control, &api, &id, NULL), 0);
    clientid_control_del(control);
    clientid_store_close(store);
    for (int round = 0; round < 8; round++) {
        int fds[2], status;
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(fds[0]);
            write_until_killed(&p, fds[1]);
        }
        close(fds[1]);
        /* Once at least a write is done, however slow the machine. */
        if (round == 0 && read(fds[0], &id, sizeof(id)) == (ssize_t)sizeof(id))
            acknowledged++;
        pause_ms(30 + (long)(support_random(&seed) % 60));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        while (read(fds[0], &id, sizeof(id)) == (ssize_t)sizeof(id))
            acknowledged++;
        close(fds[0]);
        check_after_kill(&p, acknowledged);
    }
    assert_true(acknowledged > 0);
    support_folder_del(p.folder);
}

/* ---- two at once ----------------------------------------------------------------------------- */

#define EACH 60

static void write_some(const struct place *p)
{
    clientid_store *store;
    clientid_control *control = open_control(p, &store);

    for (int i = 0; i < EACH; i++) {
        clientid_application_record record = {.size = sizeof(record), .name = CLIENTID_STR("app")};
        clientid_credentials credentials = {.size = sizeof(credentials)};

        if (clientid_control_application_create(control, &record, CLIENTID_STR(""), &credentials,
                                                NULL) != 0)
            _exit(92);
    }
    clientid_control_del(control);
    clientid_store_close(store);
    _exit(0);
}

/* From nothing: both may make the database, both write it, and no change is lost. */
static void test_two_writers(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        struct log log = {0, 0, 0, 0};
        clientid_store *store;
        clientid_control *control;
        struct place p;
        pid_t pids[3];

        place_new(&p);
        for (int i = 0; i < 3; i++) {
            pids[i] = fork();
            assert_true(pids[i] >= 0);
            if (pids[i] == 0)
                write_some(&p);
        }
        for (int i = 0; i < 3; i++) {
            int status = -1;

            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_int_equal(status, 0);
        }
        control = open_control(&p, &store);
        assert_int_equal(clientid_control_changes(control, 0, 0, count_log, &log, NULL), 0);
        assert_int_equal(log.creates, 3 * EACH);
        assert_int_equal(clientid_store_verify(store, NULL), 0);
        clientid_control_del(control);
        clientid_store_close(store);
        support_folder_del(p.folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_in_the_middle),
        cmocka_unit_test(test_two_writers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
