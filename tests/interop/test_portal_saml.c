/* SPDX-License-Identifier: Apache-2.0 */
/* Sign-in by assertion at the real portal; what an assertion must be is tested in test_saml. */
#include "support_portal.h"
#include "support_program.h"
#include "support_proxy.h"
#include "support_saml.h"

#include <clientid/access.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define RECEIVE "/accounts/login/receive-id"
#define XHR     "X-Requested-With: XMLHttpRequest\r\n"

static struct portal portal;
static struct support_saml_key provider, stranger;

/* In the order of body_of. */
static const char response_format[] =
    "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" "
    "xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_r\" Version=\"2.0\" "
    "IssueInstant=\"%s\"><saml:Issuer>https://idp.example</saml:Issuer>"
    "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>"
    "</samlp:Status><saml:Assertion ID=\"%s\" Version=\"2.0\" IssueInstant=\"%s\">"
    "<saml:Issuer>https://idp.example</saml:Issuer>%s"
    "<saml:Subject><saml:NameID>%s</saml:NameID>"
    "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">"
    "<saml:SubjectConfirmationData NotOnOrAfter=\"%s\" "
    "Recipient=\"https://portal.example/saml\"/></saml:SubjectConfirmation></saml:Subject>"
    "<saml:Conditions NotOnOrAfter=\"%s\"><saml:AudienceRestriction>"
    "<saml:Audience>https://portal.example</saml:Audience></saml:AudienceRestriction>"
    "</saml:Conditions><saml:AuthnStatement AuthnInstant=\"%s\"><saml:AuthnContext>"
    "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
    "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
    "<saml:AttributeStatement><saml:Attribute Name=\"mail\"><saml:AttributeValue>alice@example.com"
    "</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>"
    "</saml:Assertion></samlp:Response>";

static void moment(char *out, size_t size, int minutes)
{
    time_t at = time(NULL) + 60 * minutes;
    struct tm parts;

    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &parts));
}

/* The JSON body with a fresh response; free it. */
static char *body_of(const char *id, const char *name, const struct support_saml_key *key)
{
    char now[32], later[32];
    char *template = support_saml_template(id, "rsa-sha256");
    char *text = calloc(1, 8192), *body = calloc(1, 32768), *is_signed, *base64;

    moment(now, sizeof(now), 0);
    moment(later, sizeof(later), 5);
    snprintf(text, 8192, response_format, now, id, now, template, name, later, later, now);
    is_signed = support_saml_sign(text, key);
    base64 = support_saml_base64(is_signed, strlen(is_signed));
    snprintf(body, 32768, "{\"SAMLResponse\":\"%s\"}", base64);
    free(template);
    free(text);
    free(is_signed);
    free(base64);
    return body;
}

static struct reply post(const char *path, const char *lines, const char *body)
{
    size_t size = strlen(body) + 512;
    char *text = calloc(1, size);
    struct reply reply;

    snprintf(text, size,
             "POST %s HTTP/1.1\r\nHost: portal\r\nContent-Type: application/json\r\n%s"
             "Content-Length: %zu\r\n\r\n%s",
             path, lines, strlen(body), body);
    reply = ask(portal.port, text);
    free(text);
    return reply;
}

static void becomes(const char *path, const char *lines, const char *body, unsigned status,
                    const char *part)
{
    struct reply reply = post(path, lines, body);

    if (reply.status != status)
        fail_msg("%u, not %u: %s", reply.status, status, reply.body);
    assert_has(reply.body, part);
    reply_free(&reply);
}

/* The library sets xmlsec up, with which responses are signed here. */
static void set_up_xmlsec(void)
{
    const clientid_saml_options options = {
        .size = sizeof(options),
        .certificates = {provider.certificate, strlen(provider.certificate)},
        .issuer = CLIENTID_STR("i"),
        .audience = CLIENTID_STR("a"),
        .recipient = CLIENTID_STR("r"),
    };
    clientid_saml *saml = NULL;

    assert_int_equal(clientid_saml_new(&saml, &options, NULL), 0);
    clientid_saml_del(saml);
}

static int setup(void **state)
{
    char more[512], path[128];

    (void)state;
    support_saml_key_new(&provider, "RSA:2048", 365);
    set_up_xmlsec();
    support_saml_key_new(&stranger, "RSA:2048", 365);
    portal_prepare(&portal, "");
    portal_user(&portal, "root", CLIENTID_ROLE_ADMINISTRATOR);
    snprintf(path, sizeof(path), "%s/idp.pem", portal.dir);
    file_write(path, provider.certificate);
    snprintf(more, sizeof(more),
             ",\"saml\":{\"certificate\":\"%s\",\"issuer\":\"https://idp.example\",\"audience\":"
             "\"https://portal.example\",\"recipient\":\"https://portal.example/saml\","
             "\"emailAttribute\":\"mail\"}",
             path);
    portal_configure(&portal, more);
    portal_start(&portal);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(portal_stop(&portal), 0);
    portal_remove(&portal);
    support_saml_key_del(&provider);
    support_saml_key_del(&stranger);
    return 0;
}

/* The vendor's sample: a token and "redirectUrl". */
static void an_assertion_gives_a_token(void **state)
{
    char *body = body_of("_a1", "alice", &provider);
    struct reply reply = post(RECEIVE, XHR, body);
    json_t *json = json_loads(reply.body, 0, NULL);
    static const struct portal_row rows[] = {
        {"alice", "GET", "/accounts/api/profile", NULL, 200,
         "{\"username\":\"alice\",\"email\":\"alice@example.com\",\"role\":\"Member\","
         "\"idprovider_id\":\"saml\"}"},
    };

    (void)state;
    assert_int_equal(reply.status, 200);
    assert_string_equal(json_string_value(json_object_get(json, "token_type")), "bearer");
    assert_string_equal(json_string_value(json_object_get(json, "redirectUrl")), "/exchange/login");
    portal_set(&portal, "alice", json_string_value(json_object_get(json, "access_token")));
    PORTAL_ROWS(&portal, rows);
    json_decref(json);
    reply_free(&reply);
    /* Once. */
    becomes(RECEIVE, XHR, body, 409, "assertion-used");
    free(body);
}

static void also_after_a_restart_it_was_used(void **state)
{
    char *body = body_of("_a2", "alice", &provider);

    (void)state;
    becomes("/accounts/login/example/providers/1/receive-id", XHR, body, 200, "access_token");
    portal_kill(&portal);
    portal_start(&portal);
    becomes(RECEIVE, XHR, body, 409, "assertion-used");
    free(body);
}

static void refusals(void **state)
{
    char *forged = body_of("_a3", "root", &stranger), *good = body_of("_a4", "alice", &provider);
    char *root = body_of("_a5", "root", &provider);

    (void)state;
    becomes(RECEIVE, XHR, forged, 401, "the assertion does not hold");
    becomes(RECEIVE, "", good, 400, "X-Requested-With");
    becomes(RECEIVE, XHR, "{}", 400, "/SAMLResponse");
    becomes(RECEIVE, XHR, "{\"SAMLResponse\":\"????\"}", 401, "the assertion does not hold");
    /* Who has a password signs in with it: nobody becomes an administrator by a name. */
    becomes(RECEIVE, XHR, root, 403, "identity");
    free(forged);
    free(good);
    free(root);
}

/* "Users who are authenticated via OpenID connect cannot access platform APIs." */
static void users_of_openid_get_no_token(void **state)
{
    static const struct portal_row rows[] = {
        {"root", "POST", "/accounts/api/organizations/${org}/users",
         "{\"username\":\"olga\",\"identity\":\"openid\"}", 201, NULL},
        {NULL, "POST", "/accounts/login", "{\"username\":\"olga\",\"password\":\"whatever it is\"}",
         401, NULL},
    };
    char *olga = body_of("_a6", "olga", &provider);

    (void)state;
    PORTAL_ROWS(&portal, rows);
    becomes(RECEIVE, XHR, olga, 403, "identity");
    free(olga);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_assertion_gives_a_token),
        cmocka_unit_test(also_after_a_restart_it_was_used),
        cmocka_unit_test(refusals),
        cmocka_unit_test(users_of_openid_get_no_token),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
