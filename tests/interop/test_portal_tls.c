/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks over TLS: the callback's certificate is checked, and the portal shows its own; and the portal itself over TLS. */
#include "support_callback.h"
#include "support_portal.h"
#include "support_program.h"
#include "support_proxy.h"

#include <clientid/third_party.h>

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An authority, a server 127.0.0.1, a client "portal" as PEM and as PKCS#12, and somebody else's authority. */
static const char script[] =
    "cd '%s' && exec >openssl.log 2>&1 && set -e\n"
    "for ca in ca other; do openssl req -x509 -newkey rsa:2048 -nodes -keyout $ca.key -out $ca.pem "
    "-days 2 -subj /CN=$ca; done\n"
    "make() { openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj \"/CN=$1\"; "
    "printf '%%s\\n' \"$2\" > $1.ext; openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key "
    "-CAcreateserial -days 2 -out $1.pem -extfile $1.ext; }\n"
    "make server subjectAltName=IP:127.0.0.1\n"
    "make portal extendedKeyUsage=clientAuth\n"
    "mkdir hooks && cat portal.pem portal.key > hooks/client\n"
    "openssl pkcs12 -export -in portal.pem -inkey portal.key -passout pass:sss -out "
    "hooks/client.p12\n"
    "openssl rsa -aes256 -passout pass:sss -in portal.key -out locked.key\n"
    "cat portal.pem locked.key > hooks/locked\n";

struct world {
    char *dir;
    struct portal portal;
    struct callback callback;
    char *key, *certificate, *ca;
};

static char *file_of(const struct world *world, const char *name)
{
    char path[256];
    size_t len;
    snprintf(path, sizeof path, "%s/%s", world->dir, name);
    char *text = file_read(path, &len);
    assert_non_null(text);
    return text;
}

static void check(int rc, const clientid_error *error)
{
    if (rc != 0)
        fail_msg("%d %s: %s", rc, error->pointer, error->text);
}

static void make_api(struct portal *portal)
{
    const clientid_api_record record = {
        .size = sizeof record, .kind = CLIENTID_API_INSTANCE, .name = CLIENTID_STR("petstore")};
    clientid_error error = {0};
    struct portal_store store;
    char uuid[CLIENTID_UUID_CHARS + 1];
    uint64_t id = 0;
    portal_open(portal, &store);
    check(clientid_control_api_create(store.control, &record, &id, &error), &error);
    check(clientid_control_uuid_format(store.control, CLIENTID_UUID_API, id, uuid, &error), &error);
    portal_close(&store);
    portal_set(portal, "petstore", uuid);
}

/* |ca|: whom the portal believes. */
static void prepare(struct world *world, const char *ca)
{
    char command[4096], more[512], port[16];
    *world = (struct world){.dir = folder_new()};
    snprintf(command, sizeof command, script, world->dir);
    assert_int_equal(system(command), 0);
    world->key = file_of(world, "server.key");
    world->certificate = file_of(world, "server.pem");
    world->ca = file_of(world, "ca.pem");
    snprintf(
        more, sizeof more,
        ",\"hooks\":{\"certificates\":\"%s/hooks\",\"caFile\":\"%s/%s.pem\",\"timeout\":\"3s\"}",
        world->dir, world->dir, ca);
    portal_prepare(&world->portal, more);
    portal_user(&world->portal, "admin", CLIENTID_ROLE_ADMINISTRATOR);
    portal_user(&world->portal, "mia", CLIENTID_ROLE_MEMBER);
    make_api(&world->portal);
    callback_start(&world->callback, world->key, world->certificate, world->ca);
    snprintf(port, sizeof port, "%u", world->callback.port);
    portal_set(&world->portal, "port", port);
    portal_start(&world->portal);
}

static void finish(struct world *world)
{
    callback_stop(&world->callback);
    assert_int_equal(portal_stop(&world->portal), 0);
    portal_remove(&world->portal);
    folder_del(world->dir);
    free(world->key);
    free(world->certificate);
    free(world->ca);
}

static void attach(struct world *world, const char *file, const char *password)
{
    static const struct portal_row rows[] = {
        {"admin", "POST", "/rest/v1/hooks",
         "{\"url\":\"https://127.0.0.1:${port}/events\",\"configuration_type\":\"PROVIDER\","
         "\"subscriptions\":[{\"id\":\"GATEWAY_APPLICATION_CREATION_REQUEST_EVENT\"}],"
         "\"parameters\":{\"authentication\":\"SSL\",\"type\":\"jks\",\"password\":\"${password}\","
         "\"file_id\":\"${file}\"}}",
         201, "{\"id\":\"@keep hook\"}"},
        {"admin", "POST", "/rest/v1/providers",
         "{\"name\":\"X\",\"type\":\"THIRD_PARTY\",\"webhooks\":[\"${hook}\"]}", 201,
         "{\"id\":\"@keep provider\"}"},
        {"admin", "PUT", "/rest/v1/providers/${provider}/apis", "[\"${petstore}\"]", 200, NULL},
        {"mia", "POST", "/rest/v1/requests",
         "{\"context\":{\"name\":\"Petstore App\",\"apis\":[\"${petstore}\"]},"
         "\"type\":\"APPLICATION_CREATION_REQUEST\"}",
         201, "{\"id\":\"@keep request\"}"},
    };
    portal_set(&world->portal, "file", file);
    portal_set(&world->portal, "password", password);
    PORTAL_ROWS(&world->portal, rows);
}

static void shows_certificate(const char *file, const char *password)
{
    struct world world;
    prepare(&world, "ca");
    attach(&world, file, password);
    const struct callback_request *request = callback_wait(&world.callback, 0);
    assert_non_null(request->client);
    assert_string_equal(request->client, "portal");
    finish(&world);
}

static void test_pem(void **state)
{
    (void)state;
    shows_certificate("client", "");
}

static void test_pem_with_password(void **state)
{
    (void)state;
    shows_certificate("locked", "sss");
}

static void test_pkcs12(void **state)
{
    (void)state;
    shows_certificate("client.p12", "sss");
}

/* Nothing is sent, and the trace says why. */
static void fails(const char *ca, const char *file, const char *reason)
{
    struct world world;
    char pattern[256], why[1024] = "";
    prepare(&world, ca);
    attach(&world, file, "sss");
    snprintf(pattern, sizeof pattern,
             "{\"trace\":{\"petstore\":[{\"reason\":\"@some %s\"},\"@any\"]}}", reason);
    bool good = false;
    for (uint64_t end_ms = now_ms() + 5000; !good && now_ms() < end_ms; sleep_ms(10)) {
        struct portal_answer answer =
            portal_ask(&world.portal, "GET", "/rest/v1/requests/${request}/trace", "bearer ${mia}",
                       NULL, NULL);
        good = portal_matches(&world.portal, pattern, answer.json, why, sizeof why);
        portal_answer_free(&answer);
    }
    if (!good)
        fail_msg("%s", why);
    assert_int_equal(callback_count(&world.callback), 0);
    finish(&world);
}

static void test_unknown_authority(void **state)
{
    (void)state;
    fails("other", "client.p12", "certificate");
}

static void test_no_file(void **state)
{
    (void)state;
    fails("ca", "missing", "certificate missing cannot be read");
}

/* ---- the portal's own side -------------------------------------------------------------------- */

static size_t drop(char *bytes, size_t size, size_t count, void *self)
{
    (void)bytes;
    (void)self;
    return size * count;
}

/* What /healthz answers to a client that believes |ca|; 0: it believes nobody here. */
static long health(const struct world *world, const char *ca)
{
    char url[64], path[256];
    CURL *curl = curl_easy_init();
    long status = 0;
    snprintf(url, sizeof url, "https://127.0.0.1:%u/healthz", world->portal.port);
    snprintf(path, sizeof path, "%s/%s.pem", world->dir, ca);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, path);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    return status;
}

static void test_portal_over_tls(void **state)
{
    struct world world;
    char more[512];
    (void)state;
    prepare(&world, "ca");
    assert_int_equal(portal_stop(&world.portal), 0);
    snprintf(more, sizeof more, ",\"certificate\":\"%s/server.pem\",\"key\":\"%s/server.key\"",
             world.dir, world.dir);
    portal_configure(&world.portal, more);
    portal_start(&world.portal);
    assert_int_equal(health(&world, "ca"), 200);
    assert_int_equal(health(&world, "other"), 0);
    /* Without TLS there is no answer to read anything from. */
    struct reply reply = get(world.portal.port, "/healthz", "");
    assert_int_equal(reply.status, 0);
    reply_free(&reply);
    finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pem),     cmocka_unit_test(test_pem_with_password),
        cmocka_unit_test(test_pkcs12),  cmocka_unit_test(test_unknown_authority),
        cmocka_unit_test(test_no_file), cmocka_unit_test(test_portal_over_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
