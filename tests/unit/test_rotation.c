/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: shown once, two at a time, overlap, revocation, peppers. */
#include "support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR 3600000000000ULL

struct world {
    struct support_store s;
    uint64_t app;
    clientid_credentials c;
    clientid_secret slots[2];
};

static void world_new(struct world *w)
{
    support_store_new(&w->s);
    w->app = support_new_application(&w->s, "app");
    w->c = (clientid_credentials){.size = sizeof(w->c)};
}

static void reset(struct world *w, const char *secret, uint64_t overlap_ns, uint64_t not_before_ns)
{
    clientid_secret_options options = {.size = sizeof(options),
                                       .overlap_ns = overlap_ns,
                                       .not_before_ns = not_before_ns,
                                       .client_secret = support_str(secret)};

    assert_int_equal(
        clientid_control_secret_reset(w->s.control, w->app, &options, &w->c, &w->s.error), 0);
}

/* Whether |secret| is accepted so long from now. */
static bool valid(struct world *w, const char *secret, uint64_t in_ns)
{
    support_secrets(&w->s, w->app, w->slots);
    return support_matches(w->slots, secret, NULL, w->s.now_ns + in_ns) != 0;
}

static void test_overlap(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    assert_true(valid(&w, "secret-of-app", 0));
    reset(&w, "second", HOUR, 0);
    assert_string_equal(w.c.client_secret, "second");
    assert_string_equal(w.c.client_id, "app");
    assert_int_equal(w.c.slot, 2);
    assert_int_equal(w.c.previous_not_after_ns, w.s.now_ns + HOUR);
    assert_true(valid(&w, "second", 0));
    assert_true(valid(&w, "secret-of-app", HOUR - 1));
    assert_false(valid(&w, "secret-of-app", HOUR));
    assert_true(valid(&w, "second", 1000 * HOUR));
    /* One salt, so that one digest verifies both. */
    assert_int_equal(w.slots[0].salt_len, 16);
    assert_memory_equal(w.slots[0].salt, w.slots[1].salt, 16);
    support_store_del(&w.s);
}

static void test_third_reset_drops_the_oldest(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    reset(&w, "second", HOUR, 0);
    reset(&w, "third", 2 * HOUR, 0);
    assert_false(valid(&w, "secret-of-app", 0));
    assert_true(valid(&w, "second", 2 * HOUR - 1));
    assert_false(valid(&w, "second", 2 * HOUR));
    assert_true(valid(&w, "third", 0));
    assert_int_equal(w.c.slot, 1);
    support_store_del(&w.s);
}

static void test_without_overlap(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    reset(&w, "second", 0, 0);
    assert_false(valid(&w, "secret-of-app", 0));
    assert_true(valid(&w, "second", 0));
    support_store_del(&w.s);
}

static void test_scheduled(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    reset(&w, "second", HOUR, w.s.now_ns + 5 * HOUR);
    assert_false(valid(&w, "second", 5 * HOUR - 1));
    assert_true(valid(&w, "second", 5 * HOUR));
    assert_true(valid(&w, "secret-of-app", 6 * HOUR - 1));
    assert_false(valid(&w, "secret-of-app", 6 * HOUR));
    /* One that never began is replaced, and the one in use stays until the new one takes over. */
    reset(&w, "third", HOUR, w.s.now_ns + 9 * HOUR);
    assert_false(valid(&w, "second", 5 * HOUR));
    assert_true(valid(&w, "secret-of-app", 10 * HOUR - 1));
    assert_false(valid(&w, "secret-of-app", 10 * HOUR));
    assert_true(valid(&w, "third", 9 * HOUR));
    support_store_del(&w.s);
}

static void test_an_earlier_end_stays(void **state)
{
    clientid_application_record record = {.size = sizeof(record),
                                          .name = CLIENTID_STR("imported"),
                                          .client_id = CLIENTID_STR("imported")};
    struct world w;

    (void)state;
    world_new(&w);
    record.secrets[0].salt_len = 3;
    memcpy(record.secrets[0].salt, "abc", 3);
    assert_int_equal(clientid_secret_hash(&record.secrets[0], CLIENTID_STR("first"), NULL, 0), 0);
    record.secrets[0].not_after_ns = w.s.now_ns + HOUR;
    assert_int_equal(clientid_control_application_create(w.s.control, &record, CLIENTID_STR(""),
                                                         &w.c, &w.s.error),
                     0);
    assert_string_equal(w.c.client_secret, "");
    w.app = w.c.application_id;
    reset(&w, "second", 100 * HOUR, 0);
    assert_false(valid(&w, "first", HOUR));
    assert_true(valid(&w, "first", HOUR - 1));
    assert_int_equal(w.slots[1].salt_len, 3);
    support_store_del(&w.s);
}

/* An overlap lets a secret that is valid live on; it never brings one back. */
static void test_what_has_ended_stays_ended(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    reset(&w, "second", HOUR, 0);
    assert_int_equal(clientid_control_secret_revoke(w.s.control, w.app, 2, NULL), 0);
    w.s.now_ns += 2 * HOUR;
    assert_false(valid(&w, "secret-of-app", 0));
    reset(&w, "third", HOUR, w.s.now_ns + 24 * HOUR);
    assert_false(valid(&w, "secret-of-app", 0));
    reset(&w, "fourth", HOUR, 0);
    assert_false(valid(&w, "secret-of-app", 0));
    assert_true(valid(&w, "fourth", 0));
    support_store_del(&w.s);
}

static void test_revoke(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    reset(&w, "second", HOUR, 0);
    assert_int_equal(clientid_control_secret_revoke(w.s.control, w.app, 2, NULL), 0);
    assert_false(valid(&w, "second", 0));
    assert_true(valid(&w, "secret-of-app", 0));
    assert_int_equal(clientid_control_secret_revoke(w.s.control, w.app, 2, &w.s.error),
                     CLIENTID_ERR_NOT_FOUND);
    /* The one that is left is the newest: the next reset goes beside it, not over it. */
    reset(&w, "third", HOUR, 0);
    assert_true(valid(&w, "secret-of-app", 0));
    assert_true(valid(&w, "third", 0));
    assert_int_equal(clientid_control_secret_revoke(w.s.control, w.app, 1, NULL), 0);
    assert_int_equal(clientid_control_secret_revoke(w.s.control, w.app, 2, NULL), 0);
    assert_int_equal(support_secrets(&w.s, w.app, w.slots), 0);
    reset(&w, "fourth", HOUR, 0);
    assert_int_equal(w.c.slot, 1);
    assert_int_equal(w.c.previous_not_after_ns, 0);
    assert_true(valid(&w, "fourth", 0));
    assert_int_equal(clientid_control_secret_revoke(w.s.control, w.app, 3, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_secret_revoke(w.s.control, 99, 1, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    support_store_del(&w.s);
}

static void test_generated_secrets(void **state)
{
    struct world w;
    char first[64];

    (void)state;
    world_new(&w);
    assert_int_equal(clientid_control_secret_reset(w.s.control, w.app, NULL, &w.c, NULL), 0);
    assert_int_equal(strlen(w.c.client_secret), 32);
    assert_int_equal(strspn(w.c.client_secret, "0123456789abcdef"), 32);
    memcpy(first, w.c.client_secret, 33);
    assert_int_equal(clientid_control_secret_reset(w.s.control, w.app, NULL, &w.c, NULL), 0);
    assert_string_not_equal(first, w.c.client_secret);
    assert_true(valid(&w, w.c.client_secret, 0));
    clientid_credentials_wipe(&w.c);
    assert_string_equal(w.c.client_secret, "");
    clientid_credentials_wipe(NULL);
    support_store_del(&w.s);
}

/* A reset that fails shows nothing: a secret that was not stored must not be handed out. */
static void test_failed_reset_shows_nothing(void **state)
{
    clientid_secret_options options = {.size = sizeof(options),
                                       .client_secret = CLIENTID_STR("with\ncontrol")};
    struct world w;

    (void)state;
    world_new(&w);
    assert_int_equal(clientid_control_secret_reset(w.s.control, 99, NULL, &w.c, &w.s.error),
                     CLIENTID_ERR_NOT_FOUND);
    assert_string_equal(w.c.client_secret, "");
    assert_int_equal(clientid_control_secret_reset(w.s.control, w.app, &options, &w.c, &w.s.error),
                     CLIENTID_ERR_SYNTAX);
    assert_null(strstr(w.s.error.text, "with"));
    options.overlap_ns = UINT64_MAX;
    assert_int_equal(clientid_control_secret_reset(w.s.control, w.app, &options, &w.c, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_secret_reset(w.s.control, w.app, NULL, NULL, NULL),
                     CLIENTID_ERR_ARG);
    options.overlap_ns = INT64_MAX;
    options.client_secret = CLIENTID_STR("x");
    assert_int_equal(clientid_control_secret_reset(w.s.control, w.app, &options, &w.c, NULL), 0);
    assert_true(valid(&w, "secret-of-app", 1000 * HOUR)); /* saturated, not wrapped around */
    support_store_del(&w.s);
}

static void test_no_secret_at_rest(void **state)
{
    struct world w;
    char *text, command[400];
    int found;

    (void)state;
    world_new(&w);
    reset(&w, "needle-in-a-haystack", HOUR, 0);
    text = support_export(&w.s);
    assert_null(strstr(text, "needle-in"));
    assert_null(strstr(text, "secret-of-app"));
    free(text);
    snprintf(command, sizeof(command), "cat %s/* | grep -a -q -e needle-in -e secret-of-app",
             w.s.folder);
    found = system(command);
    assert_int_not_equal(found, 0);
    support_store_del(&w.s);
}

/* ---- peppers --------------------------------------------------------------------------------- */

static int stop_after(void *self, uint64_t done)
{
    *(uint64_t *)self = done;
    return 55;
}

static void test_wrap(void **state)
{
    static const char pepper[] = "a pepper of thirty-two bytes!!!!";
    clientid_wrap_counts counts = {.size = sizeof(counts)};
    struct world w;
    uint64_t stopped = 0, revision;

    (void)state;
    world_new(&w);
    reset(&w, "second", HOUR, 0);
    support_new_application(&w.s, "other");
    assert_int_equal(clientid_control_secrets_wrap(w.s.control, &counts, NULL, NULL, &w.s.error),
                     CLIENTID_ERR_ARG);
    support_store_reopen(&w.s, pepper);
    assert_int_equal(clientid_control_secrets_wrap(w.s.control, &counts, NULL, NULL, &w.s.error),
                     0);
    assert_int_equal(counts.applications, 2);
    assert_int_equal(counts.wrapped, 3);
    support_secrets(&w.s, w.app, w.slots);
    assert_int_equal(w.slots[0].algorithm, CLIENTID_SECRET_HMAC_SHA256);
    assert_int_equal(support_matches(w.slots, "second", pepper, w.s.now_ns), 2);
    assert_int_equal(support_matches(w.slots, "secret-of-app", pepper, w.s.now_ns), 1);
    assert_int_equal(support_matches(w.slots, "second", "another pepper", w.s.now_ns), 0);
    /* Again: nothing to do, and nothing is written. */
    revision = support_revision(&w.s);
    assert_int_equal(
        clientid_control_secrets_wrap(w.s.control, &counts, stop_after, &stopped, &w.s.error), 55);
    assert_int_equal(stopped, 2);
    assert_int_equal(counts.wrapped, 0);
    assert_int_equal(counts.already, 3);
    assert_int_equal(support_revision(&w.s), revision);
    /* New secrets go under the pepper at once. */
    reset(&w, "third", HOUR, 0);
    support_secrets(&w.s, w.app, w.slots);
    assert_int_equal(w.slots[0].algorithm, CLIENTID_SECRET_HMAC_SHA256);
    support_store_reopen(&w.s, "quite another pepper");
    assert_int_equal(clientid_control_secrets_wrap(w.s.control, &counts, NULL, NULL, &w.s.error),
                     0);
    assert_int_equal(counts.other, 3);
    support_store_del(&w.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_third_reset_drops_the_oldest),
        cmocka_unit_test(test_without_overlap),
        cmocka_unit_test(test_scheduled),
        cmocka_unit_test(test_an_earlier_end_stays),
        cmocka_unit_test(test_what_has_ended_stays_ended),
        cmocka_unit_test(test_revoke),
        cmocka_unit_test(test_generated_secrets),
        cmocka_unit_test(test_failed_reset_shows_nothing),
        cmocka_unit_test(test_no_secret_at_rest),
        cmocka_unit_test(test_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
