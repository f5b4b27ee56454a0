/* SPDX-License-Identifier: Apache-2.0 */
/* Notices by e-mail: to whom, when, and as which bytes. */
#include "support_portal.h"
#include "support_proxy.h"
#include "support_smtp.h"

#include <clientid/delivery.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What becomes of a text that somebody chose is looked at closely. */
#include "../../examples/portal/mail_text.c"

struct world {
    struct portal portal;
    struct smtp smtp;
    uint64_t api;
};

static void check(int rc, const clientid_error *error)
{
    if (rc != 0)
        fail_msg("%d %s: %s", rc, error->pointer, error->text);
}

static clientid_str str(const char *text)
{
    return (clientid_str){text, strlen(text)};
}

static void set_email(const struct portal *portal, const char *name, const char *email)
{
    const clientid_user_record record = {.size = sizeof record, .email = str(email)};
    clientid_error error = {0};
    struct portal_store store;
    uint64_t id;
    portal_open(portal, &store);
    check(clientid_control_user_find(store.control, str(name), &id, &error), &error);
    check(clientid_control_user_update(store.control, id, &record, CLIENTID_USER_EMAIL, &error),
          &error);
    portal_close(&store);
}

/* An API of |amy| with a tier that takes an approval. */
static void make_api(struct world *world)
{
    const clientid_api_record api = {
        .size = sizeof api, .kind = CLIENTID_API_INSTANCE, .name = CLIENTID_STR("orders")};
    clientid_tier_record tier = {
        .size = sizeof tier, .name = CLIENTID_STR("gold"), .status = CLIENTID_TIER_ACTIVE};
    clientid_error error = {0};
    struct portal_store store;
    uint64_t id;
    portal_open(&world->portal, &store);
    check(clientid_control_api_create(store.control, &api, &world->api, &error), &error);
    check(clientid_control_api_owner_add(store.control, world->api, str("amy"), &error), &error);
    tier.api_id = world->api;
    check(clientid_control_tier_create(store.control, &tier, &id, &error), &error);
    portal_close(&store);
}

static void prepare(struct world *world)
{
    char more[256];
    *world = (struct world){.smtp = {.port = 0}};
    smtp_start(&world->smtp);
    snprintf(
        more, sizeof more,
        ",\"mail\":{\"server\":\"smtp://127.0.0.1:%u\",\"from\":\"Portál <portal@example.com>\","
        "\"plain\":true}",
        world->smtp.port);
    portal_prepare(&world->portal, more);
    portal_user(&world->portal, "amy", CLIENTID_ROLE_API_OWNER);
    portal_user(&world->portal, "mia", CLIENTID_ROLE_MEMBER);
    set_email(&world->portal, "amy", "amy@example.com");
    set_email(&world->portal, "mia", "mia@example.com");
    make_api(world);
    portal_start(&world->portal);
}

static void finish(struct world *world)
{
    assert_int_equal(portal_stop(&world->portal), 0);
    portal_remove(&world->portal);
    smtp_stop(&world->smtp);
}

/* The contract that mia asks for with an application of that name; by another program than the portal. */
static uint64_t request(const struct world *world, const char *name)
{
    const clientid_str owner = CLIENTID_STR("mia");
    const clientid_application_record application = {
        .size = sizeof application, .name = str(name), .owners = &owner, .owner_count = 1};
    clientid_credentials credentials = {.size = sizeof credentials};
    clientid_access_request access = {.size = sizeof access, .api_id = world->api};
    clientid_error error = {0};
    struct portal_store store;
    uint64_t id;
    portal_open(&world->portal, &store);
    check(clientid_control_application_create(store.control, &application, (clientid_str){NULL, 0},
                                              &credentials, &error),
          &error);
    check(clientid_control_tier_find(store.control, world->api, CLIENTID_STR("gold"),
                                     &access.tier_id, &error),
          &error);
    access.application_id = credentials.application_id;
    check(clientid_control_contract_request(store.control, &access, &id, NULL, &error), &error);
    portal_close(&store);
    return id;
}

static void act(const struct world *world, uint64_t id, clientid_verb verb)
{
    clientid_error error = {0};
    struct portal_store store;
    portal_open(&world->portal, &store);
    check(clientid_control_contract_act(store.control, id, verb, &error), &error);
    portal_close(&store);
}

static void expect(struct world *world, size_t index, const char *to, const char *subject)
{
    char line[256];
    const struct smtp_mail *mail = smtp_wait(&world->smtp, index);
    assert_string_equal(mail->from, "<portal@example.com>");
    snprintf(line, sizeof line, "<%s>", to);
    assert_string_equal(mail->to, line);
    snprintf(line, sizeof line, "\r\nTo: <%s>\r\n", to);
    assert_has(mail->text, line);
    snprintf(line, sizeof line, "\r\nSubject: %s\r\n", subject);
    assert_has(mail->text, line);
}

static void test_turns(void **state)
{
    struct world world;
    (void)state;
    prepare(&world);
    uint64_t first = request(&world, "Petstore");
    expect(&world, 0, "amy@example.com", "Access to orders requested by Petstore");
    act(&world, first, CLIENTID_VERB_APPROVE);
    expect(&world, 1, "mia@example.com", "Access to orders granted to Petstore");
    act(&world, first, CLIENTID_VERB_REVOKE);
    expect(&world, 2, "mia@example.com", "Access to orders revoked from Petstore");
    uint64_t second = request(&world, "Grüße");
    expect(&world, 3, "amy@example.com",
           "=?UTF-8?B?QWNjZXNzIHRvIG9yZGVycyByZXF1ZXN0ZWQgYnkgR3LDvMOfZQ==?=");
    act(&world, second, CLIENTID_VERB_REJECT);
    (void)smtp_wait(&world.smtp, 4);
    const char *text = smtp_wait(&world.smtp, 3)->text;
    assert_has(text, "Date: ");
    assert_has(text, "\r\nFrom: =?UTF-8?B?UG9ydMOhbA==?= <portal@example.com>\r\n");
    assert_has(text, "\r\nMessage-ID: <clientid.");
    assert_has(text, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
    assert_has(text, "\r\n\r\nAccess to the API orders has been requested and waits for approval"
                     ".\r\n");
    assert_has(text, "Application: Gr=C3=BC=C3=9Fe\r\n");
    finish(&world);
}

static void test_server_away(void **state)
{
    struct world world;
    (void)state;
    prepare(&world);
    smtp_stop(&world.smtp);
    (void)request(&world, "Petstore");
    sleep_ms(1500);
    smtp_start(&world.smtp); /* on the same port */
    expect(&world, 0, "amy@example.com", "Access to orders requested by Petstore");
    finish(&world);
}

static bool outbox_is_empty(const struct world *world)
{
    clientid_error error = {0};
    struct portal_store store;
    uint64_t count = 1, oldest;
    portal_open(&world->portal, &store);
    check(clientid_control_delivery_backlog(store.control, &count, &oldest, &error), &error);
    portal_close(&store);
    return count == 0;
}

/* Who is not known is not written to again, who is busy is; and what is no address is not tried. */
static void test_recipients(void **state)
{
    struct world world;
    (void)state;
    prepare(&world);
    set_email(&world.portal, "amy", "no-body@example.com");
    (void)request(&world, "one");
    set_email(&world.portal, "amy", "amy@example.com> SIZE=1");
    (void)request(&world, "two");
    set_email(&world.portal, "amy", "busy-bee@example.com");
    (void)request(&world, "three");
    expect(&world, 0, "busy-bee@example.com", "Access to orders requested by three");
    for (int i = 0; i < 500 && !outbox_is_empty(&world); i++)
        sleep_ms(10);
    assert_true(outbox_is_empty(&world));
    assert_int_equal(smtp_count(&world.smtp), 1);
    assert_int_equal(smtp_refusals(&world.smtp), 2);
    finish(&world);
}

static void test_configuration(void **state)
{
    static const char *const wrong[] = {
        "{\"server\":\"smtp://192.0.2.1:25\",\"from\":\"a@b\",\"plain\":true}",
        "{\"server\":\"http://127.0.0.1:25\",\"from\":\"a@b\"}",
        "{\"server\":\"smtp://127.0.0.1:25\",\"from\":\"nobody\"}",
        "{\"server\":\"smtp://127.0.0.1:25\",\"from\":\"x\\r\\nBcc: y@z <a@b>\"}",
    };
    char more[256];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct portal portal;
        char config[128], err[128];
        snprintf(more, sizeof more, ",\"mail\":%s", wrong[i]);
        portal_prepare(&portal, more);
        snprintf(config, sizeof config, "%s/config", portal.dir);
        snprintf(err, sizeof err, "%s/err", portal.dir);
        assert_int_equal(program_wait(program_spawn("clientid-portal", config, err, NULL)), 1);
        portal_remove(&portal);
    }
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static char *text_of(const char *subject, const char *body)
{
    const clientid_delivery delivery = {.size = sizeof delivery,
                                        .id = 7,
                                        .created_ns = 1700000000000000000,
                                        .recipient = CLIENTID_STR("mia@example.com"),
                                        .subject = str(subject),
                                        .body = str(body)};
    size_t len;
    char *text = mail_text("portal@example.com", &delivery, &len);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    return text;
}

/* Lines end with CRLF, have at most 78 characters, all of them ASCII. */
static void assert_plain(const char *text)
{
    size_t column = 0;
    for (const char *at = text; *at != '\0'; at++) {
        assert_true((unsigned char)*at < 0x7f);
        if (*at == '\n') {
            assert_true(at > text && at[-1] == '\r');
            assert_true(column <= 78 + 1);
            column = 0;
            continue;
        }
        column++;
    }
    assert_int_equal(column, 0);
}

static void test_text(void **state)
{
    static const char *const texts[] = {
        "plain",
        "",
        "\r\nBcc: all@example.com",
        "Grüße, 日本語 und 😀, so lang wie es nur geht: "
        "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü",
        "=?UTF-8?B?eA==?=",
        " leading",
        "\t\x01\x7f",
        "a very long subject that is only ASCII but has more than sixty characters in all of it",
    };
    static const char *const bodies[] = {
        "",
        ".",
        ".\n.\n..\n",
        "\r\n.\r\nMAIL FROM:<x>\r\n",
        "trailing \nspaces\t\n",
        "a=b\n",
        "äöü äöü äöü äöü äöü äöü äöü äöü äöü äöü äöü äöü äöü äöü äöü äöü äöü äöü äöü äöü\n",
        ".........................................................................................."
        ".",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t k = 0; k < sizeof bodies / sizeof bodies[0]; k++) {
            char *text = text_of(texts[i], bodies[k]);
            assert_plain(text);
            assert_hasnt(text, "\nBcc:");
            assert_hasnt(text, "\n.");
            assert_hasnt(text, "\x01");
            /* Exactly these headers, once each. */
            char *end = strstr(text, "\r\n\r\n");
            assert_non_null(end);
            *end = '\0';
            size_t headers = 1;
            for (const char *at = text; (at = strstr(at, "\r\n")) != NULL; at += 2)
                headers += at[2] != ' ';
            assert_int_equal(headers, 9);
            free(text);
        }
    }
    char *text = text_of("Grüße", "ein Satz, der so lang ist, dass er mehr als eine Zeile braucht, "
                                  "und = und ü\nund noch einer \n");
    assert_has(text, "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n");
    assert_has(text, "Message-ID: <clientid.1700000000000000000.7@example.com>\r\n");
    assert_has(text, "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n");
    assert_has(text, "und =3D =\r\nund =C3=BC\r\nund noch einer=20\r\n");
    free(text);
}

static void test_address(void **state)
{
    static const char *const good[] = {"a@b", "mia@example.com", "o'neil+x@sub.example.com"};
    static const char *const bad[] = {"",        "a",     "@b",       "a@",     "-o@b",  "a@b@c",
                                      "a b@c",   "a@b\n", "a@b\r\nc", "<a@b>",  "a@b,c", "a;b@c",
                                      "\"a\"@b", "a@[1]", "ü@b",      "a@b\x7f"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(mail_address_is_plain(str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mail_address_is_plain(str(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),      cmocka_unit_test(test_server_away),
        cmocka_unit_test(test_recipients), cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_text),       cmocka_unit_test(test_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
