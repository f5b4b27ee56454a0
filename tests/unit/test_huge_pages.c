/* SPDX-License-Identifier: Apache-2.0 */
/* Huge pages are asked for large memory, unless the configuration says no. */
#include "support_world.h"

#include "base/str.h"
#include "gateway.h"

#include <stdio.h>
#include <sys/mman.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The library calls this one in the place of libc's. */
static size_t asked;

int madvise(void *memory, size_t bytes, int advice)
{
    (void)memory;
    asked += advice == MADV_HUGEPAGE && bytes > 0;
    return 0;
}

/* Enough for chunks and tables of more than 4 MiB. */
static void fill(struct support_world *w)
{
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT};
    char id[16];

    for (uint64_t i = 1; i <= 200000; i++) {
        snprintf(id, sizeof(id), "%llu", (unsigned long long)i);
        event.u.contract = (clientid_contract_event){.id = i,
                                                     .api = CLIENTID_STR("a"),
                                                     .client_id = clientid__cstr(id),
                                                     .application_id = i,
                                                     .status = CLIENTID_APPROVED};
        assert_int_equal(clientid__registry_apply(w->registry, &event), 0);
    }
}

static void ask_with(const char *option, size_t *of_table, size_t *of_registry)
{
    struct support_world w;
    char config[256];

    snprintf(config, sizeof(config),
             "{%s \"limits\": {\"cells\": 400000}, \"apis\": {\"a\": {\"policies\": []}}}", option);
    asked = 0;
    support_world_new(&w, config);
    *of_table = asked;
    fill(&w);
    *of_registry = asked - *of_table;
    support_world_del(&w);
}

static void test_the_option(void **state)
{
    size_t of_table, of_registry;

    (void)state;
    ask_with("", &of_table, &of_registry);
    assert_int_equal(of_table, 1);
    assert_true(of_registry > 0);
    ask_with("\"hugePages\": true,", &of_table, &of_registry);
    assert_true(of_table == 1 && of_registry > 0);
    ask_with("\"hugePages\": false,", &of_table, &of_registry);
    assert_true(of_table == 0 && of_registry == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_option),
    };

    return cmocka_run_group_tests_name("huge pages", tests, NULL, NULL);
}
