/* SPDX-License-Identifier: Apache-2.0 */
#include "support_alloc.h"
#include "support_event.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 4000

static void what_goes_in_comes_out(void **state)
{
    struct clientid__decoded decoded = {.mem = &clientid__malloc};
    struct clientid__bytes bytes = {.mem = &clientid__malloc};
    struct support_event *event = malloc(sizeof(*event));
    uint64_t seed = 20240501;

    (void)state;
    assert_non_null(event);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t before = seed;

        support_event_random(event, &seed);
        bytes.len = 0;
        assert_int_equal(clientid__event_encode(&bytes, &event->event), 0);
        if (clientid__event_decode(&decoded, bytes.data, bytes.len) != 0 ||
            !support_event_equal(&decoded.event, &event->event))
            fail_msg("event of seed %llu", (unsigned long long)before);
    }
    clientid__decoded_free(&decoded);
    clientid__bytes_free(&bytes);
    free(event);
}

/* Whatever decodes must be the one spelling of its event, or two files could say the same differently. */
static void check_canonical(const unsigned char *bytes, size_t len)
{
    struct clientid__decoded decoded = {.mem = &clientid__malloc};
    struct clientid__bytes again = {.mem = &clientid__malloc};
    int rv = clientid__event_decode(&decoded, bytes, len);

    if (rv == 0) {
        assert_int_equal(clientid__event_encode(&again, &decoded.event), 0);
        assert_int_equal(again.len, len);
        assert_memory_equal(again.data, bytes, len);
    } else {
        assert_int_equal(rv, CLIENTID_ERR_CORRUPT);
    }
    clientid__bytes_free(&again);
    clientid__decoded_free(&decoded);
}

static void damage_is_refused_or_another_event(void **state)
{
    struct clientid__decoded decoded = {.mem = &clientid__malloc};
    struct clientid__bytes bytes = {.mem = &clientid__malloc};
    struct support_event *event = malloc(sizeof(*event));
    uint64_t seed = 7;

    (void)state;
    assert_non_null(event);
    for (int i = 0; i < 60; i++) {
        unsigned char *exact;

        support_event_random(event, &seed);
        bytes.len = 0;
        assert_int_equal(clientid__event_encode(&bytes, &event->event), 0);
        for (size_t len = 0; len < bytes.len; len++) {
            /* A copy of just that length: a sanitizer sees a read beyond it. */
            exact = malloc(len + 1);
            assert_non_null(exact);
            memcpy(exact, bytes.data, len);
            assert_int_equal(clientid__event_decode(&decoded, exact, len), CLIENTID_ERR_CORRUPT);
            free(exact);
        }
        for (size_t bit = 0; bit < bytes.len * 8; bit++) {
            bytes.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
            check_canonical(bytes.data, bytes.len);
            bytes.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        assert_int_equal(clientid__bytes_reserve(&bytes, 1), 0);
        support_event_random(event, &seed);
        bytes.len = 0;
        assert_int_equal(clientid__event_encode(&bytes, &event->event), 0);
        assert_int_equal(clientid__bytes_reserve(&bytes, 1), 0);
        bytes.data[bytes.len] = 0;
        assert_int_equal(clientid__event_decode(&decoded, bytes.data, bytes.len + 1),
                         CLIENTID_ERR_CORRUPT);
    }
    clientid__decoded_free(&decoded);
    clientid__bytes_free(&bytes);
    free(event);
}

static const clientid_limit one_limit = {.maximum_requests = 1, .period_ms = 1};
static const clientid_limit no_requests = {.maximum_requests = 0, .period_ms = 1};
static const clientid_limit no_period = {.maximum_requests = 1, .period_ms = 0};
static char long_text[70000];
static const clientid_str long_member = {long_text, CLIENTID__API_NAME_MAX + 1};

#define TEXT(len)                                                                                  \
    {                                                                                              \
        long_text, len                                                                             \
    }
#define CONTRACT(...)                                                                              \
    {                                                                                              \
        .type = CLIENTID_EVENT_CONTRACT, .u.contract = { __VA_ARGS__ }                             \
    }
#define GOOD_NAMES .api = TEXT(3), .client_id = TEXT(3), .name = TEXT(3)

static const struct {
    const char *name;
    clientid_event event;
} refused[] = {
    {"no type", {.type = 0}},
    {"an unknown type", {.type = 7}},
    {"a tier without id", {.type = CLIENTID_EVENT_TIER, .u.tier = {.id = 0}}},
    {"a tier name too long", {.type = CLIENTID_EVENT_TIER, .u.tier = {.id = 1, .name = TEXT(256)}}},
    {"too many limits", {.type = CLIENTID_EVENT_TIER, .u.tier = {1, TEXT(1), &one_limit, 9}}},
    {"a limit of nothing", {.type = CLIENTID_EVENT_TIER, .u.tier = {1, TEXT(1), &no_requests, 1}}},
    {"a limit without time", {.type = CLIENTID_EVENT_TIER, .u.tier = {1, TEXT(1), &no_period, 1}}},
    {"a removed tier without id", {.type = CLIENTID_EVENT_TIER_REMOVED}},
    {"a contract without id", CONTRACT(.application_id = 1, .status = 1, GOOD_NAMES)},
    {"a contract without application", CONTRACT(.id = 1, .status = 1, GOOD_NAMES)},
    {"a contract without status", CONTRACT(.id = 1, .application_id = 1, GOOD_NAMES)},
    {"an unknown status", CONTRACT(.id = 1, .application_id = 1, .status = 5, GOOD_NAMES)},
    {"no API name", CONTRACT(.id = 1, .application_id = 1, .status = 1, .client_id = TEXT(1))},
    {"an API name too long",
     CONTRACT(.id = 1, .application_id = 1, .status = 1, .client_id = TEXT(1), .api = TEXT(129))},
    {"no client id", CONTRACT(.id = 1, .application_id = 1, .status = 1, .api = TEXT(1))},
    {"a client id too long",
     CONTRACT(.id = 1, .application_id = 1, .status = 1, .api = TEXT(1), .client_id = TEXT(513))},
    {"an application name too long",
     CONTRACT(.id = 1, .application_id = 1, .status = 1, .api = TEXT(1), .client_id = TEXT(1),
              .name = TEXT(256))},
    {"an unknown algorithm", CONTRACT(.id = 1, .application_id = 1, .status = 1, GOOD_NAMES,
                                      .secrets = {{.algorithm = 3}})},
    {"a salt too long", CONTRACT(.id = 1, .application_id = 1, .status = 1, GOOD_NAMES,
                                 .secrets = {{0}, {.algorithm = 1, .salt_len = 33}})},
    {"a removed contract without client id",
     {.type = CLIENTID_EVENT_CONTRACT_REMOVED, .u.contract = {.id = 1, .api = TEXT(1)}}},
    {"a group without name", {.type = CLIENTID_EVENT_GROUP, .u.group = {.name = TEXT(0)}}},
    {"a member name too long",
     {.type = CLIENTID_EVENT_GROUP, .u.group = {TEXT(1), &long_member, 1}}},
    {"more members than an event holds",
     {.type = CLIENTID_EVENT_GROUP, .u.group = {TEXT(1), NULL, SIZE_MAX}}},
    {"a removed group without name", {.type = CLIENTID_EVENT_GROUP_REMOVED}},
};

static void what_the_rules_forbid_is_refused(void **state)
{
    struct clientid__bytes bytes = {.mem = &clientid__malloc};

    (void)state;
    memset(long_text, 'x', sizeof(long_text));
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        if (clientid__event_encode(&bytes, &refused[i].event) != CLIENTID_ERR_ARG)
            fail_msg("%s was encoded", refused[i].name);
        assert_int_equal(bytes.len, 0);
    }
    clientid__bytes_free(&bytes);
}

static void a_group_too_large_for_an_event_is_refused(void **state)
{
    struct clientid__bytes bytes = {.mem = &clientid__malloc};
    size_t count = CLIENTID__EVENT_BYTES_MAX / 130;
    clientid_str *members = calloc(count, sizeof(*members));
    clientid_event event = {.type = CLIENTID_EVENT_GROUP};
    struct clientid__decoded decoded = {.mem = &clientid__malloc};

    (void)state;
    assert_non_null(members);
    for (size_t i = 0; i < count; i++)
        members[i] = (clientid_str){long_text, 128};
    event.u.group = (clientid_group_event){CLIENTID_STR("g"), members, count};
    assert_int_equal(clientid__event_encode(&bytes, &event), CLIENTID_ERR_ARG);
    event.u.group.member_count = count - 10;
    assert_int_equal(clientid__event_encode(&bytes, &event), 0);
    assert_int_equal(clientid__event_decode(&decoded, bytes.data, bytes.len), 0);
    assert_true(support_event_equal(&event, &decoded.event));
    assert_int_equal(
        clientid__event_decode(&decoded, bytes.data, (size_t)CLIENTID__EVENT_BYTES_MAX + 1),
        CLIENTID_ERR_CORRUPT);
    clientid__decoded_free(&decoded);
    clientid__bytes_free(&bytes);
    free(members);
}

static void a_few_bytes_cannot_ask_for_gigabytes(void **state)
{
    /* group "g" with 2^32 - 1 members */
    static const unsigned char bomb[] = {5, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 'g', 255, 255, 255, 255};
    struct support_alloc alloc;
    struct clientid__decoded decoded = {.mem = &alloc.allocator};

    (void)state;
    support_alloc_init(&alloc);
    assert_int_equal(clientid__event_decode(&decoded, bomb, sizeof(bomb)), CLIENTID_ERR_CORRUPT);
    assert_int_equal(alloc.calls, 0);
}

static void without_memory_nothing_changes(void **state)
{
    struct support_alloc alloc;
    struct clientid__bytes bytes = {.mem = &alloc.allocator};
    struct clientid__decoded decoded = {.mem = &alloc.allocator};
    clientid_str member = CLIENTID_STR("member");
    clientid_event event = {.type = CLIENTID_EVENT_GROUP};

    (void)state;
    event.u.group = (clientid_group_event){CLIENTID_STR("g"), &member, 1};
    support_alloc_init(&alloc);
    alloc.fail_at = 1;
    assert_int_equal(clientid__event_encode(&bytes, &event), CLIENTID_ERR_NOMEM);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(clientid__event_encode(&bytes, &event), 0);
    alloc.fail_at = alloc.calls + 1;
    assert_int_equal(clientid__event_decode(&decoded, bytes.data, bytes.len), CLIENTID_ERR_NOMEM);
    assert_int_equal(clientid__event_decode(&decoded, bytes.data, bytes.len), 0);
    assert_int_equal(clientid__bytes_reserve(&bytes, SIZE_MAX / 2), CLIENTID_ERR_NOMEM);
    clientid__decoded_free(&decoded);
    clientid__bytes_free(&bytes);
    assert_int_equal(alloc.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(damage_is_refused_or_another_event),
        cmocka_unit_test(what_the_rules_forbid_is_refused),
        cmocka_unit_test(a_group_too_large_for_an_event_is_refused),
        cmocka_unit_test(a_few_bytes_cannot_ask_for_gigabytes),
        cmocka_unit_test(without_memory_nothing_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
