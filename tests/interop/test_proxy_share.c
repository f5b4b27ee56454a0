/* SPDX-License-Identifier: Apache-2.0 */
/* Two proxies with one configuration: the store, the limits file and the state folder are the same ones. */
#include "support_event.h"
#include "support_proxy.h"
#include "support_store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { CONTRACTS = 6 };

static struct upstream upstream;
static struct proxy proxies[2];
static struct support_store store;
static char state_folder[64];

/* |uri| empty: the files alone. */
static void write_config(const struct proxy *proxy, const char *uri)
{
    char config[2048], store_key[256] = "";

    if (uri[0] != '\0')
        snprintf(store_key, sizeof(store_key), "\"store\":\"%s\",", uri);
    snprintf(config, sizeof(config),
             "{%s\"state\":\"%s\",\"limits\":{\"file\":\"%s/limits\",\"cells\":1024,"
             "\"keyCells\":1024,\"useCells\":1024},\"apis\":{\"orders\":{\"policies\":"
             "[{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\"}]}},"
             "\"proxy\":{\"listen\":\"127.0.0.1:0\",\"admin\":\"127.0.0.1:0\","
             "\"portFile\":\"@DIR@/port\",\"routes\":[{\"prefix\":\"/\",\"api\":\"orders\","
             "\"upstream\":\"http://127.0.0.1:@UP@\"}]}}",
             store_key, state_folder, store.folder);
    proxy_write_config(proxy, config, &upstream);
}

static int setup(void **state)
{
    uint64_t api;

    (void)state;
    upstream_start(&upstream);
    support_store_new(&store);
    support_folder_new(state_folder);
    api = support_new_api(&store, "orders");
    for (uint64_t n = 1; n <= CONTRACTS; n++) {
        char id[32];

        snprintf(id, sizeof(id), "client-number-%llu", (unsigned long long)n);
        assert_int_equal(support_new_contract(&store, support_new_application(&store, id), api, 0),
                         n);
    }
    for (int i = 0; i < 2; i++) {
        proxy_prepare(&proxies[i]);
        write_config(&proxies[i], store.uri);
        proxy_start(&proxies[i]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        proxy_remove(&proxies[i]);
    support_store_del(&store);
    support_folder_del(state_folder);
    upstream_stop(&upstream);
    return 0;
}

static unsigned status_of(int i, unsigned client)
{
    char target[64];
    struct reply reply;
    unsigned status;

    snprintf(target, sizeof(target), "/echo?client_id=client-number-%u", client);
    reply = get(proxies[i].port, target, "");
    status = reply.status;
    reply_free(&reply);
    return status;
}

/* Up to 20 s: whether it ever comes, not how fast. */
static void await_status(int i, unsigned client, unsigned wanted)
{
    unsigned status = 0;

    for (int n = 0; n < 1000 && (status = status_of(i, client)) != wanted; n++)
        sleep_ms(20);
    if (status != wanted)
        fail_msg("proxy %d, client %u: %u, not %u", i, client, status, wanted);
}

static bool says(int i, const char *text)
{
    char *err = proxy_file(&proxies[i], "err");
    bool found = strstr(err, text) != NULL;

    free(err);
    return found;
}

static void kill_proxy(int i)
{
    int status;

    kill(proxies[i].pid, SIGKILL);
    assert_int_equal(waitpid(proxies[i].pid, &status, 0), proxies[i].pid);
    proxies[i].pid = -1;
}

static void the_second_starts_and_follows(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        await_status(i, 1, 200);
    assert_true(says(1, "another process writes the last-known-good files"));
    assert_false(says(0, "another process writes"));
    support_act(&store, 1, CLIENTID_VERB_REVOKE);
    for (int i = 0; i < 2; i++)
        await_status(i, 1, 401);
}

static void a_killed_writer_is_replaced(void **state)
{
    (void)state;
    kill_proxy(0);
    support_act(&store, 2, CLIENTID_VERB_REVOKE);
    await_status(1, 2, 401);
    assert_true(proxy_file_gets(&proxies[1], "err", "this process writes the last-known-good"));
    proxy_start(&proxies[0]);
    await_status(0, 2, 401);
    await_status(0, 3, 200);
    support_act(&store, 3, CLIENTID_VERB_REVOKE);
    for (int i = 0; i < 2; i++)
        await_status(i, 3, 401);
    for (int i = 0; i < 2; i++)
        assert_true(proxy_metric_gets(&proxies[i], "clientid_sync_durable_revision ",
                                      (double)support_revision(&store)));
}

static void the_files_alone_know_it_all(void **state)
{
    (void)state;
    kill_proxy(1);
    await_status(0, 4, 200);
    support_act(&store, 4, CLIENTID_VERB_REVOKE);
    await_status(0, 4, 401);
    assert_true(proxy_metric_gets(&proxies[0], "clientid_sync_durable_revision ",
                                  (double)support_revision(&store)));
    kill_proxy(0);
    write_config(&proxies[0], "");
    proxy_start(&proxies[0]);
    for (unsigned n = 1; n <= 4; n++)
        await_status(0, n, 401);
    await_status(0, 5, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_starts_and_follows),
        cmocka_unit_test(a_killed_writer_is_replaced),
        cmocka_unit_test(the_files_alone_know_it_all),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
