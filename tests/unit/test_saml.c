/* SPDX-License-Identifier: Apache-2.0 */
/* Responses that an identity provider signed, each changed by one thing that must, or must not, matter. */
#include <clientid/access.h>

#include "access/saml.h"
#include "support_saml.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <openssl/err.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000LL
#define NOON   1767268800000000000ULL /* 2026-01-01T12:00:00Z */

/* %s: template of the signature of the response, and of the assertion. */
static const char response_format[] =
    "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" "
    "xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_r1\" Version=\"2.0\" "
    "IssueInstant=\"2026-01-01T12:00:00Z\" Destination=\"https://portal.example/saml\">"
    "<saml:Issuer>https://idp.example</saml:Issuer>%s"
    "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>"
    "</samlp:Status>"
    "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a1\" "
    "Version=\"2.0\" "
    "IssueInstant=\"2026-01-01T12:00:00Z\"><saml:Issuer>https://idp.example</saml:Issuer>%s"
    "<saml:Subject><saml:NameID>alice</saml:NameID>"
    "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">"
    "<saml:SubjectConfirmationData NotOnOrAfter=\"2026-01-01T12:05:00Z\" "
    "Recipient=\"https://portal.example/saml\"/></saml:SubjectConfirmation></saml:Subject>"
    "<saml:Conditions NotBefore=\"2026-01-01T11:59:00Z\" NotOnOrAfter=\"2026-01-01T12:10:00Z\">"
    "<saml:AudienceRestriction><saml:Audience>https://portal.example</saml:Audience>"
    "</saml:AudienceRestriction></saml:Conditions>"
    "<saml:AuthnStatement AuthnInstant=\"2026-01-01T12:00:00Z\" "
    "SessionNotOnOrAfter=\"2026-01-01T20:00:00Z\"><saml:AuthnContext><saml:AuthnContextClassRef>"
    "urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>"
    "</saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>"
    "<saml:Attribute Name=\"mail\"><saml:AttributeValue>alice@example.com</saml:AttributeValue>"
    "</saml:Attribute><saml:Attribute Name=\"givenName\"><saml:AttributeValue>Alice"
    "</saml:AttributeValue></saml:Attribute><saml:Attribute "
    "Name=\"sn\"><saml:AttributeValue>Liddell"
    "</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>"
    "</saml:Assertion></samlp:Response>";

enum sign { NEITHER, ASSERTION, RESPONSE, BOTH };

static struct {
    struct support_saml_key rsa, ec, stranger;
    clientid_saml *saml; /* trusts rsa and ec */
    char *certificates;
} world;

static clientid_str str(const char *text)
{
    return (clientid_str){text, strlen(text)};
}

static clientid_saml_options options_with(const char *certificates)
{
    return (clientid_saml_options){.size = sizeof(clientid_saml_options),
                                   .certificates = str(certificates),
                                   .issuer = CLIENTID_STR("https://idp.example"),
                                   .audience = CLIENTID_STR("https://portal.example"),
                                   .recipient = CLIENTID_STR("https://portal.example/saml"),
                                   .email_attribute = CLIENTID_STR("mail"),
                                   .first_name_attribute = CLIENTID_STR("givenName"),
                                   .last_name_attribute = CLIENTID_STR("sn")};
}

static int set_up(void **state)
{
    clientid_saml_options options;
    clientid_error error;
    size_t room;

    (void)state;
    support_saml_key_new(&world.rsa, "RSA:2048", 365);
    support_saml_key_new(&world.ec, "EC:P-256", 365);
    support_saml_key_new(&world.stranger, "RSA:2048", 365);
    room = strlen(world.rsa.certificate) + strlen(world.ec.certificate) + 32;
    world.certificates = malloc(room);
    snprintf(world.certificates, room, "the old one\n%sthe new one\n%s", world.ec.certificate,
             world.rsa.certificate);
    options = options_with(world.certificates);
    if (clientid_saml_new(&world.saml, &options, &error) != 0)
        print_error("%s\n", error.text);
    return world.saml == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    clientid_saml_del(world.saml);
    support_saml_key_del(&world.rsa);
    support_saml_key_del(&world.ec);
    support_saml_key_del(&world.stranger);
    free(world.certificates);
    return 0;
}

/* The template with those signatures to make. */
static char *template_of(enum sign sign, const char *method)
{
    char *r = support_saml_template("_r1", method), *a = support_saml_template("_a1", method);
    size_t room = sizeof(response_format) + strlen(r) + strlen(a);
    char *out = malloc(room);

    snprintf(out, room, response_format, sign & RESPONSE ? r : "", sign & ASSERTION ? a : "");
    free(r);
    free(a);
    return out;
}

static char *edit(char *text, const char *find, const char *put)
{
    char *out = find != NULL ? support_saml_replace(text, find, put) : NULL;

    if (out == NULL)
        return text;
    free(text);
    return out;
}

static char *sign_text(char *text, const struct support_saml_key *key)
{
    char *out = support_saml_sign(text, key);

    free(text);
    return out;
}

static int verify_text(const clientid_saml *saml, const char *text, uint64_t now_ns,
                       clientid_saml_user *user, clientid_error *error)
{
    char *response = support_saml_base64(text, strlen(text));
    int rc;

    *user = (clientid_saml_user){.size = sizeof(*user)};
    *error = (clientid_error){.code = 0};
    rc = clientid_saml_verify(saml, str(response), now_ns, user, error);
    free(response);
    return rc;
}

/* |want|: NULL accepted, words of a syntax error, else the label of a rule. */
static bool as_wanted(int rc, const clientid_error *error, const char *want)
{
    size_t len = want != NULL ? strlen(want) : 0;

    if (want == NULL)
        return rc == 0;
    if (strncmp(want, "saml-", 5) != 0)
        return rc == CLIENTID_ERR_SYNTAX && strstr(error->text, want) != NULL;
    return rc == CLIENTID_ERR_RULE && strncmp(error->text, want, len) == 0 &&
           error->text[len] == ':';
}

struct row {
    const char *name;
    enum sign sign;
    const char *find, *put; /* before signing */
    const char *then, *now; /* after it */
    int64_t offset_ns;      /* from noon */
    const char *want;
};

static bool run(const struct row *row, const struct support_saml_key *key, const char *method)
{
    char *text = edit(template_of(row->sign, method), row->find, row->put);
    clientid_saml_user user;
    clientid_error error;
    int rc;

    text = edit(sign_text(text, key), row->then, row->now);
    rc = verify_text(world.saml, text, NOON + (uint64_t)row->offset_ns, &user, &error);
    if (!as_wanted(rc, &error, row->want))
        print_error("%s: %d \"%s\", not %s\n", row->name, rc, error.text,
                    row->want != NULL ? row->want : "accepted");
    free(text);
    return as_wanted(rc, &error, row->want);
}

static void run_rows(const struct row *rows, size_t count)
{
    size_t failed = 0;

    for (size_t i = 0; i < count; i++)
        failed += !run(&rows[i], &world.rsa, "rsa-sha256");
    assert_int_equal(failed, 0);
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* ---- what is accepted ---- */

static void test_user(void **state)
{
    char *text = sign_text(template_of(ASSERTION, "rsa-sha256"), &world.rsa);
    clientid_saml_user user;
    clientid_error error;

    (void)state;
    assert_int_equal(verify_text(world.saml, text, NOON, &user, &error), 0);
    assert_string_equal(user.assertion_id, "_a1");
    assert_string_equal(user.name, "alice");
    assert_string_equal(user.email, "alice@example.com");
    assert_string_equal(user.first_name, "Alice");
    assert_string_equal(user.last_name, "Liddell");
    /* The confirmation ends first, and clocks may differ by a minute. */
    assert_int_equal(user.not_after_ns, NOON + (uint64_t)(360 * SECOND));
    assert_int_equal(user.session_not_after_ns, NOON + (uint64_t)(8 * 3600 * SECOND));
    free(text);
}

static void test_signed_places(void **state)
{
    static const struct row rows[] = {
        {"the assertion is signed", ASSERTION, .want = NULL},
        {"the response is signed", RESPONSE, .want = NULL},
        {"both are signed", BOTH, .want = NULL},
        {"nothing is signed", NEITHER, .want = "saml-signature-place"},
    };

    (void)state;
    RUN(rows);
}

static void test_methods(void **state)
{
    static const struct {
        const char *method, *want;
        struct support_saml_key *key;
    } table[] = {
        {"rsa-sha256", NULL, &world.rsa},
        {"rsa-sha384", NULL, &world.rsa},
        {"rsa-sha512", NULL, &world.rsa},
        {"ecdsa-sha256", NULL, &world.ec},
        {"ecdsa-sha384", NULL, &world.ec},
        {"ecdsa-sha512", NULL, &world.ec},
        {"ecdsa-sha1", "saml-algorithm", &world.ec},
        {"rsa-sha224", "saml-algorithm", &world.rsa},
        {"rsa-sha256", "saml-signature", &world.stranger},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct row row = {table[i].method, BOTH, .want = table[i].want};

        assert_true(run(&row, table[i].key, table[i].method));
    }
}

/* ---- signatures ---- */

#define DSIG_MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define C14N      "http://www.w3.org/2001/10/xml-exc-c14n#"
#define INCLUSIVE "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define ENVELOPED                                                                                  \
    "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>"
#define EXCLUSIVE        "<ds:Transform Algorithm=\"" C14N "\"/>"
#define EXTENSIONS(what) "<samlp:Extensions>" what "</samlp:Extensions><samlp:Status>"

static void test_algorithms(void **state)
{
    static const struct row rows[] = {
        {"a digest of SHA-384", ASSERTION, "xmlenc#sha256", "xmldsig-more#sha384", .want = NULL},
        {"a digest of SHA-512", ASSERTION, "xmlenc#sha256", "xmlenc#sha512", .want = NULL},
        {"a digest of SHA-1", ASSERTION, "http://www.w3.org/2001/04/xmlenc#sha256",
         "http://www.w3.org/2000/09/xmldsig#sha1", .want = "saml-algorithm"},
        {"a signature with SHA-1", ASSERTION, DSIG_MORE "rsa-sha256",
         "http://www.w3.org/2000/09/xmldsig#rsa-sha1", .want = "saml-algorithm"},
        {"HMAC, whose key could be our public one", ASSERTION, .then = DSIG_MORE "rsa-sha256",
         .now = DSIG_MORE "hmac-sha256", .want = "saml-algorithm"},
        {"no algorithm", ASSERTION, .then = " Algorithm=\"" DSIG_MORE "rsa-sha256\"", .now = "",
         .want = "saml-algorithm"},
        {"the algorithm none", ASSERTION, .then = DSIG_MORE "rsa-sha256", .now = "none",
         .want = "saml-algorithm"},
        {"SignedInfo canonicalized inclusively", ASSERTION, C14N, INCLUSIVE,
         .want = "saml-signature-form"},
        {"SignedInfo canonicalized with comments", ASSERTION, C14N "\"/>", C14N "WithComments\"/>",
         .want = "saml-signature-form"},
    };

    (void)state;
    RUN(rows);
}

static void test_transforms(void **state)
{
    static const struct row rows[] = {
        {"element canonicalized inclusively", ASSERTION, EXCLUSIVE "</ds:Tr",
         "<ds:Transform Algorithm=\"" INCLUSIVE "\"/></ds:Tr", .want = "saml-signature-form"},
        {"element canonicalized with comments", ASSERTION, EXCLUSIVE "</ds:Tr",
         "<ds:Transform Algorithm=\"" C14N "WithComments\"/></ds:Tr",
         .want = "saml-signature-form"},
        {"no canonicalization", ASSERTION, EXCLUSIVE "</ds:Tr", "</ds:Tr",
         .want = "saml-signature-form"},
        {"exclusive prefixes", ASSERTION, EXCLUSIVE "</ds:Tr",
         "<ds:Transform Algorithm=\"" C14N "\"><x:InclusiveNamespaces xmlns:x=\"" C14N
         "\" PrefixList=\"saml\"/></ds:Transform></ds:Tr",
         .want = NULL},
        {"something else in canonicalization", ASSERTION, .then = EXCLUSIVE "</ds:Tr",
         .now = "<ds:Transform Algorithm=\"" C14N "\"><ds:XPath/></ds:Transform></ds:Tr",
         .want = "saml-signature-form"},
        {"an XPath that leaves the name out", ASSERTION, ENVELOPED,
         ENVELOPED "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">"
                   "<ds:XPath>not(ancestor-or-self::*[local-name()='NameID'])</ds:XPath>"
                   "</ds:Transform>",
         .want = "saml-signature-form"},
        {"XPath instead of canonicalization", ASSERTION, EXCLUSIVE "</ds:Tr",
         "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">"
         "<ds:XPath>not(ancestor-or-self::*[local-name()='NameID'])</ds:XPath>"
         "</ds:Transform></ds:Tr",
         .want = "saml-signature-form"},
        {"a third transform", ASSERTION, EXCLUSIVE "</ds:Tr", EXCLUSIVE EXCLUSIVE "</ds:Tr",
         .want = "saml-signature-form"},
    };

    (void)state;
    RUN(rows);
}

#define REFERENCE                                                                                  \
    "<ds:Reference URI=\"#_a1\"><ds:Transforms>" ENVELOPED EXCLUSIVE "</ds:Transforms>"            \
    "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue/>"    \
    "</ds:Reference>"

static void test_references(void **state)
{
    static const struct row rows[] = {
        {"a reference to the whole document", RESPONSE, "URI=\"#_r1\"", "URI=\"\"",
         .want = "saml-signature-form"},
        {"no URI", ASSERTION, .then = " URI=\"#_a1\"", .now = "", .want = "saml-signature-form"},
        {"no # before the ID", ASSERTION, .then = "URI=\"#_a1\"", .now = "URI=\"_a1\"",
         .want = "saml-signature-form"},
        {"the assertion's signature is over the response", ASSERTION, "URI=\"#_a1\"",
         "URI=\"#_r1\"", .want = "saml-signature-form"},
        {"the response's signature is over the assertion", RESPONSE, "URI=\"#_r1\"", "URI=\"#_a1\"",
         .want = "saml-signature-form"},
        {"an XPointer", ASSERTION, "URI=\"#_a1\"", "URI=\"#xpointer(id('_a1'))\"",
         .want = "saml-signature-form"},
        {"two references", ASSERTION, "</ds:SignedInfo>", REFERENCE "</ds:SignedInfo>",
         .want = "saml-signature-form"},
        {"no reference", ASSERTION, .then = "<ds:Reference ",
         .now = "<ds:Reference xmlns:ds=\"urn:x\" ", .want = "saml-signature-form"},
        {"an object in the signature", ASSERTION, .then = "</ds:Signature>",
         .now = "<ds:Object/></ds:Signature>", .want = "saml-signature-form"},
    };

    (void)state;
    RUN(rows);
}

static void test_changed_after_signing(void **state)
{
    static const struct row rows[] = {
        {"another name", ASSERTION, .then = "alice", .now = "admin", .want = "saml-signature"},
        {"another name, response signed", RESPONSE, .then = "alice", .now = "admin",
         .want = "saml-signature"},
        {"another audience", ASSERTION, .then = "<saml:Audience>https",
         .now = "<saml:Audience>http", .want = "saml-signature"},
        {"an attribute more", ASSERTION, .then = "</saml:AttributeStatement>",
         .now = "<saml:Attribute Name=\"role\"/></saml:AttributeStatement>",
         .want = "saml-signature"},
        {"one signature of two does not hold", BOTH, .then = "<saml:Issuer>https://idp.example",
         .now = "<saml:Issuer>https://idq.example", .want = "saml-signature"},
        {"an unsigned response's status may change, and refuses", ASSERTION, .then = ":Success",
         .now = ":Responder", .want = "saml-status"},
    };

    (void)state;
    RUN(rows);
}

/* |text| with |what| put before the first |at|. */
static char *before(const char *text, const char *at, const char *what)
{
    size_t room = strlen(at) + strlen(what) + 1;
    char *put = malloc(room), *out;

    snprintf(put, room, "%s%s", what, at);
    out = support_saml_replace(text, at, put);
    free(put);
    return out;
}

/* A signature that does not hold is no less broken for being inside of one that does. */
static void test_inner_signature(void **state)
{
    char *text = sign_text(template_of(ASSERTION, "rsa-sha256"), &world.stranger);
    char *outer = support_saml_template("_r1", "rsa-sha256");
    char *both = before(text, "<samlp:Status>", outer);
    clientid_saml_user user;
    clientid_error error;

    (void)state;
    both = sign_text(both, &world.rsa);
    verify_text(world.saml, both, NOON, &user, &error);
    assert_string_equal(error.text, "saml-signature: no key of the certificates made the signature "
                                    "of the Assertion");
    free(text);
    free(outer);
    free(both);
}

static void test_places(void **state)
{
    /* Where the signature is put instead; |keep|: also stays where it was. */
    static const struct {
        const char *name, *at;
        bool keep;
        const char *want;
    } table[] = {
        {"beside the assertion", "<samlp:Status>", false, "saml-signature-form"},
        {"deeper in the response", "<samlp:StatusCode ", false, "saml-signature-place"},
        {"deeper in the assertion", "<saml:NameID>", false, "saml-signature-place"},
        {"twice in the assertion", "<saml:Subject>", true, "saml-signature-place"},
    };
    char *text = sign_text(template_of(ASSERTION, "rsa-sha256"), &world.rsa);
    char *signature = support_saml_cut(text, "<ds:Signature ", "</ds:Signature>");
    char *bare = support_saml_replace(text, signature, "");

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *moved = before(table[i].keep ? text : bare, table[i].at, signature);
        clientid_saml_user user;
        clientid_error error;

        verify_text(world.saml, moved, NOON, &user, &error);
        if (!as_wanted(error.code, &error, table[i].want))
            fail_msg("%s: %d \"%s\"", table[i].name, error.code, error.text);
        free(moved);
    }
    free(text);
    free(signature);
    free(bare);
}

static void test_ids(void **state)
{
    static const struct row rows[] = {
        {"another ID that is the assertion's", ASSERTION, .then = "<samlp:Status>",
         .now = EXTENSIONS("<x ID=\"_a1\"/>"), .want = "saml-id"},
        {"an Id that is the assertion's", ASSERTION, .then = "<samlp:Status>",
         .now = EXTENSIONS("<x Id=\"_a1\"/>"), .want = "saml-id"},
        {"an xml:id that is the assertion's", ASSERTION, .then = "<samlp:Status>",
         .now = EXTENSIONS("<x xml:id=\"_a1\"/>"), .want = "saml-id"},
        {"two others that are the same", ASSERTION, .then = "<samlp:Status>",
         .now = EXTENSIONS("<x ID=\"y\"/><x ID=\"y\"/>"), .want = "saml-id"},
        {"others that differ", ASSERTION, .then = "<samlp:Status>",
         .now = EXTENSIONS("<x ID=\"y\"/><x ID=\"z\"/>"), .want = NULL},
        {"no ID of what is signed", ASSERTION, .then = " ID=\"_a1\"", .now = "", .want = "saml-id"},
        {"an ID that ends an XPointer", ASSERTION, .then = " ID=\"_a1\"", .now = " ID=\"a')\"",
         .want = "saml-id"},
        {"an ID that begins with a digit", ASSERTION, .then = " ID=\"_a1\"", .now = " ID=\"1a\"",
         .want = "saml-id"},
        {"an empty ID", ASSERTION, .then = " ID=\"_a1\"", .now = " ID=\"\"", .want = "saml-id"},
        {"the assertion of a signed response has no ID", RESPONSE, " ID=\"_a1\"", "",
         .want = "saml-text"},
    };

    (void)state;
    RUN(rows);
}

/* A key that comes with the message is anybody's. */
static void test_key_in_message(void **state)
{
    static const char info[] = "<ds:SignatureValue/><ds:KeyInfo><ds:KeyValue/></ds:KeyInfo>";
    struct row row = {"the signer's key is in KeyInfo", ASSERTION, "<ds:SignatureValue/>", info,
                      .want = NULL};

    (void)state;
    assert_true(run(&row, &world.rsa, "rsa-sha256"));
    row.want = "saml-signature";
    assert_true(run(&row, &world.stranger, "rsa-sha256"));
}

/* ---- wrapping ---- */

struct parts {
    char *response, *assertion, *signature; /* signed, as they came */
    char *bare_response, *bare_assertion;   /* without the signature */
    char *evil;                             /* a bare assertion about somebody else */
};

static void parts_new(struct parts *p, enum sign sign)
{
    p->response = sign_text(template_of(sign, "rsa-sha256"), &world.rsa);
    p->signature = support_saml_cut(p->response, "<ds:Signature ", "</ds:Signature>");
    p->assertion = support_saml_cut(p->response, "<saml:Assertion ", "</saml:Assertion>");
    p->bare_response = support_saml_replace(p->response, p->signature, "");
    p->bare_assertion = support_saml_cut(p->bare_response, "<saml:Assertion ", "</saml:Assertion>");
    p->evil = support_saml_replace(p->bare_assertion, "alice", "mallory");
    p->evil = edit(p->evil, "ID=\"_a1\"", "ID=\"_evil\"");
}

static void parts_del(struct parts *p)
{
    free(p->response);
    free(p->assertion);
    free(p->signature);
    free(p->bare_response);
    free(p->bare_assertion);
    free(p->evil);
}

static char *in_object(const char *signature, const char *what)
{
    char *inside = before(signature, "</ds:Signature>", "<ds:Object></ds:Object>");
    char *out = before(inside, "</ds:Object>", what);

    free(inside);
    return out;
}

/* An evil response around the signed one, which is |where| the signature is. */
static char *evil_response(const struct parts *p, const char *inside)
{
    char *out = support_saml_replace(p->bare_response, "alice", "mallory");

    out = edit(out, "ID=\"_r1\"", "ID=\"_evil_r\"");
    out = edit(out, "ID=\"_a1\"", "ID=\"_evil\"");
    return edit(out, "<samlp:Status>", inside);
}

static char *xsw1(const struct parts *p)
{
    char *object = in_object(p->signature, p->bare_response);
    char *inside = before("<samlp:Status>", "<samlp:Status>", object);
    char *out = evil_response(p, inside);

    free(object);
    free(inside);
    return out;
}

static char *xsw2(const struct parts *p)
{
    char *both = before(p->signature, "<ds:Signature ", p->bare_response);
    char *inside = before("<samlp:Status>", "<samlp:Status>", both);
    char *out = evil_response(p, inside);

    free(both);
    free(inside);
    return out;
}

static char *xsw3(const struct parts *p)
{
    return before(p->response, "<saml:Assertion ", p->evil);
}

static char *xsw4(const struct parts *p)
{
    char *around = before(p->evil, "</saml:Assertion>", p->assertion);
    char *out = support_saml_replace(p->response, p->assertion, around);

    free(around);
    return out;
}

static char *xsw5(const struct parts *p)
{
    char *evil = before(p->evil, "<saml:Subject>", p->signature);
    char *replaced = support_saml_replace(p->response, p->assertion, evil);
    char *out = before(replaced, "</samlp:Response>", p->bare_assertion);

    free(evil);
    free(replaced);
    return out;
}

/* The evil assertion has the signature, in which the signed one is. */
static char *xsw6(const struct parts *p)
{
    char *object = in_object(p->signature, p->bare_assertion);
    char *evil = before(p->evil, "<saml:Subject>", object);
    char *out = support_saml_replace(p->response, p->assertion, evil);

    free(object);
    free(evil);
    return out;
}

static char *xsw7(const struct parts *p)
{
    char *same_id = support_saml_replace(p->evil, "_evil", "_a1");
    char *extensions = before("<samlp:Extensions></samlp:Extensions>", "</samlp:E", same_id);
    char *out = before(p->response, "<samlp:Status>", extensions);

    free(same_id);
    free(extensions);
    return out;
}

/* The signed one with its signature in an object of the evil one's signature. */
static char *xsw8(const struct parts *p)
{
    char *object = in_object(p->signature, p->assertion);
    char *evil = before(p->evil, "<saml:Subject>", object);
    char *out = support_saml_replace(p->response, p->assertion, evil);

    free(object);
    free(evil);
    return out;
}

/* One assertion, but not where an assertion belongs. */
static char *in_extensions(const struct parts *p)
{
    char *extensions = before("<samlp:Extensions></samlp:Extensions>", "</samlp:E", p->assertion);
    char *empty = support_saml_replace(p->response, p->assertion, "");
    char *out = before(empty, "<samlp:Status>", extensions);

    free(extensions);
    free(empty);
    return out;
}

/* One assertion, with a signature that was over another. */
static char *other_assertion(const struct parts *p)
{
    char *evil = before(p->evil, "<saml:Subject>", p->signature);
    char *out = support_saml_replace(p->response, p->assertion, evil);

    free(evil);
    return out;
}

static char *other_root(const struct parts *p)
{
    char *out = before(p->response, "<samlp:Response ", "<wrap>");

    return edit(out, "</samlp:Response>", "</samlp:Response></wrap>");
}

static void test_wrapped(void **state)
{
    static const struct {
        const char *name;
        enum sign sign;
        char *(*wrap)(const struct parts *);
        const char *want;
    } table[] = {
        {"XSW1: the signed response in the signature of another", RESPONSE, xsw1, "saml-assertion"},
        {"XSW2: the signed response beside its signature", RESPONSE, xsw2, "saml-assertion"},
        {"XSW3: an assertion before the signed one", ASSERTION, xsw3, "saml-assertion"},
        {"XSW4: an assertion around the signed one", ASSERTION, xsw4, "saml-assertion"},
        {"XSW5: an assertion with the signature of another", ASSERTION, xsw5, "saml-assertion"},
        {"XSW6: the signed one in the signature of another", ASSERTION, xsw6, "saml-assertion"},
        {"XSW7: an assertion with the same ID", ASSERTION, xsw7, "saml-id"},
        {"XSW8: the signed one in an object", ASSERTION, xsw8, "saml-assertion"},
        {"the signed one in extensions", ASSERTION, in_extensions, "saml-assertion"},
        {"the signature in another assertion", ASSERTION, other_assertion, "saml-signature-form"},
        {"the response is not the root", ASSERTION, other_root, "saml-response"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct parts parts;
        clientid_saml_user user;
        clientid_error error;
        char *text;

        parts_new(&parts, table[i].sign);
        text = table[i].wrap(&parts);
        verify_text(world.saml, text, NOON, &user, &error);
        if (!as_wanted(error.code, &error, table[i].want))
            fail_msg("%s: %d \"%s\"", table[i].name, error.code, error.text);
        free(text);
        parts_del(&parts);
    }
}

/* ---- the document ---- */

static void test_documents(void **state)
{
    static const struct row rows[] = {
        {"a document type", ASSERTION, .then = "<samlp:Response ",
         .now = "<!DOCTYPE x><samlp:Response ", .want = "saml-doctype"},
        {"an entity that reads a file", ASSERTION, .then = "<samlp:Response ",
         .now = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><samlp:Response ",
         .want = "saml-doctype"},
        {"a document type after a comment", ASSERTION, .then = "<samlp:Response ",
         .now = "<!-- --><!DOCTYPE x SYSTEM \"http://127.0.0.1:1/\"><samlp:Response ",
         .want = "saml-doctype"},
        {"an undeclared entity", ASSERTION, .then = "alice", .now = "&alice;", .want = "not XML"},
        {"no end", ASSERTION, .then = "</samlp:Response>", .now = "", .want = "not XML"},
        {"a second root", ASSERTION, .then = "</samlp:Response>", .now = "</samlp:Response><x/>",
         .want = "not XML"},
        {"a prefix without a namespace", ASSERTION, .then = "<samlp:Status>",
         .now = EXTENSIONS("<y:x/>"), .want = "not XML"},
        {"bytes that are not UTF-8", ASSERTION, .then = "alice", .now = "\xe9", .want = "not XML"},
        {"Latin-1, said to be so", ASSERTION, .then = "<samlp:Response ",
         .now = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><samlp:Response x=\"\xe9\" ",
         .want = "not XML"},
        {"an XML declaration", ASSERTION, .then = "<samlp:Response ",
         .now = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><samlp:Response ", .want = NULL},
        {"a comment that cuts the name", ASSERTION, "alice", "alice@example.com.evil.example",
         "alice@example.com", "alice@example.com<!-- -->", .want = "saml-comment"},
        {"a comment before the root", ASSERTION, .then = "<samlp:Response ",
         .now = "<!-- --><samlp:Response ", .want = "saml-comment"},
        {"a comment after the root", ASSERTION, .then = "</samlp:Response>",
         .now = "</samlp:Response><!-- -->", .want = "saml-comment"},
        {"a comment in a digest", ASSERTION, .then = "<ds:DigestValue>",
         .now = "<ds:DigestValue><!--AAAA-->", .want = "saml-comment"},
        {"a processing instruction in the name", ASSERTION, "alice", "ali<?x?>ce",
         .want = "saml-comment"},
        {"an encrypted assertion", ASSERTION, .then = "<samlp:Status>",
         .now = "<saml:EncryptedAssertion/><samlp:Status>", .want = "saml-encrypted"},
        {"an encrypted name", ASSERTION, "<saml:NameID>alice</saml:NameID>", "<saml:EncryptedID/>",
         .want = "saml-encrypted"},
        {"an encrypted attribute", ASSERTION, "</saml:AttributeStatement>",
         "<saml:EncryptedAttribute/></saml:AttributeStatement>", .want = "saml-encrypted"},
        {"another message of the protocol", NEITHER, .then = "<samlp:Response ",
         .now = "<samlp:LogoutResponse xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>",
         .want = "not XML"},
        {"advice with an assertion", ASSERTION, "<saml:AuthnStatement ",
         "<saml:Advice><saml:Assertion/></saml:Advice><saml:AuthnStatement ",
         .want = "saml-assertion"},
    };

    (void)state;
    RUN(rows);
}

#define METHOD "<ds:CanonicalizationMethod Algorithm=\"" C14N "\""

/* What would take libxml2 and xmlsec seconds, whoever signed it. */
static void test_costly(void **state)
{
    static const char list[] = METHOD "><x:InclusiveNamespaces xmlns:x=\"" C14N
                                      "\" PrefixList=\"%s\"/></ds:CanonicalizationMethod>";
    char many[4096], prefixes[257] = "";
    struct row attributes = {"65 attributes", ASSERTION, .then = "<saml:Subject", .now = many,
                             .want = "has more than 64"};
    struct row long_list = {"a long list of prefixes", ASSERTION, METHOD "/>", many,
                            .want = "saml-signature-form"};

    (void)state;
    for (int names = 0; names <= 1; names++) {
        size_t n = (size_t)snprintf(many, sizeof(many), "<saml:Subject");

        for (int i = 0; i < 65; i++)
            n += (size_t)snprintf(many + n, sizeof(many) - n, " %sa%d=\"urn:a\"",
                                  names ? "xmlns:" : "", i);
        assert_true(run(&attributes, &world.rsa, "rsa-sha256"));
    }
    memset(prefixes, 'p', 256);
    snprintf(many, sizeof(many), list, prefixes);
    assert_true(run(&long_list, &world.rsa, "rsa-sha256"));
    prefixes[255] = '\0';
    snprintf(many, sizeof(many), list, prefixes);
    long_list.want = NULL;
    assert_true(run(&long_list, &world.rsa, "rsa-sha256"));
}

static int verify_bytes(clientid_str response, clientid_error *error)
{
    clientid_saml_user user = {.size = sizeof(user)};

    return clientid_saml_verify(world.saml, response, NOON, &user, error);
}

static void test_base64(void **state)
{
    char *text = sign_text(template_of(ASSERTION, "rsa-sha256"), &world.rsa);
    char *good = support_saml_base64(text, strlen(text));
    size_t len = strlen(good);
    char *wrapped = malloc(2 * len), *spaced = malloc(len + 2);
    clientid_error error;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < len; i++) {
        if (i % 76 == 0 && i > 0) {
            wrapped[n++] = '\r';
            wrapped[n++] = '\n';
        }
        wrapped[n++] = good[i];
    }
    assert_int_equal(verify_bytes(str(good), &error), 0);
    assert_int_equal(verify_bytes((clientid_str){wrapped, n}, &error), 0);
    snprintf(spaced, len + 2, " %s", good);
    assert_int_equal(verify_bytes(str(spaced), &error), CLIENTID_ERR_SYNTAX);
    assert_int_equal(verify_bytes((clientid_str){good, len - 1}, &error), CLIENTID_ERR_SYNTAX);
    assert_int_equal(verify_bytes(str(text), &error), CLIENTID_ERR_SYNTAX);
    assert_int_equal(verify_bytes(CLIENTID_STR(""), &error), CLIENTID_ERR_SYNTAX);
    assert_int_equal(verify_bytes(CLIENTID_STR("\r\n"), &error), CLIENTID_ERR_SYNTAX);
    assert_int_equal(verify_bytes(CLIENTID_STR("AAAA"), &error), CLIENTID_ERR_SYNTAX);
    free(text);
    free(good);
    free(wrapped);
    free(spaced);
}

/* Line breaks count, and make a response of any size. */
static void test_size(void **state)
{
    char *text = sign_text(template_of(ASSERTION, "rsa-sha256"), &world.rsa);
    char *good = support_saml_base64(text, strlen(text));
    size_t len = strlen(good);
    char *large = malloc(CLIENTID_SAML_RESPONSE_MAX + 1);
    clientid_error error;

    (void)state;
    memset(large, '\n', CLIENTID_SAML_RESPONSE_MAX + 1);
    memcpy(large, good, len);
    assert_int_equal(verify_bytes((clientid_str){large, CLIENTID_SAML_RESPONSE_MAX}, &error), 0);
    assert_int_equal(verify_bytes((clientid_str){large, CLIENTID_SAML_RESPONSE_MAX + 1}, &error),
                     CLIENTID_ERR_SYNTAX);
    assert_non_null(strstr(error.text, "longer"));
    free(text);
    free(good);
    free(large);
}

/* ---- what the provider said ---- */

static void test_responses(void **state)
{
    static const struct row rows[] = {
        {"no destination", RESPONSE, " Destination=\"https://portal.example/saml\"", "",
         .want = NULL},
        {"made for another recipient", RESPONSE, "Destination=\"https://portal",
         "Destination=\"https://other", .want = "saml-destination"},
        {"a destination that ours begins with", RESPONSE,
         "Destination=\"https://portal.example/saml\"",
         "Destination=\"https://portal.example/sam\"", .want = "saml-destination"},
        {"no issuer of the response", RESPONSE, "<saml:Issuer>https://idp.example</saml:Issuer>",
         "", .want = NULL},
        {"another issuer of the response", RESPONSE, "<saml:Issuer>https://idp",
         "<saml:Issuer>https://idq", .want = "saml-issuer"},
        {"two issuers of the response", RESPONSE, "<saml:Issuer>https://idp.example</saml:Issuer>",
         "<saml:Issuer>https://idp.example</saml:Issuer>"
         "<saml:Issuer>https://idp.example</saml:Issuer>",
         .want = "saml-issuer"},
        {"the sign-in failed", RESPONSE, ":Success", ":AuthnFailed", .want = "saml-status"},
        {"no status", RESPONSE,
         "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:"
         "2.0:status:Success\"/></samlp:Status>",
         "", .want = "saml-status"},
        {"two status codes", RESPONSE, "</samlp:Status>",
         "<samlp:StatusCode Value=\"x\"/></samlp:Status>", .want = "saml-status"},
        {"two statuses", RESPONSE, "</samlp:Status>", "</samlp:Status><samlp:Status/>",
         .want = "saml-status"},
        {"a response of SAML 1.1", RESPONSE,
         "Version=\"2.0\" IssueInstant=\"2026-01-01T12:00:00Z\" D", "Version=\"1.1\" D",
         .want = "saml-version"},
        {"an assertion of SAML 1.1", RESPONSE, "ID=\"_a1\" Version=\"2.0\"",
         "ID=\"_a1\" Version=\"1.1\"", .want = "saml-version"},
        {"an assertion of no version", RESPONSE, "ID=\"_a1\" Version=\"2.0\"", "ID=\"_a1\"",
         .want = "saml-version"},
        {"answers a request", RESPONSE, "<samlp:Response ", "<samlp:Response InResponseTo=\"_q\" ",
         .want = "saml-in-response-to"},
        {"an attribute of that name in another namespace", RESPONSE, "<samlp:Response ",
         "<samlp:Response xmlns:x=\"urn:x\" x:InResponseTo=\"_q\" ", .want = NULL},
        {"the confirmation answers a request", RESPONSE, "<saml:SubjectConfirmationData ",
         "<saml:SubjectConfirmationData InResponseTo=\"_q\" ", .want = "saml-in-response-to"},
    };

    (void)state;
    RUN(rows);
}

#define ISSUER_STATUS "Z\"><saml:Issuer>https://idp.example</saml:Issuer>"

static void test_assertions(void **state)
{
    static const struct row rows[] = {
        {"another issuer of the assertion", RESPONSE, ISSUER_STATUS,
         "Z\"><saml:Issuer>https://idq.example</saml:Issuer>", .want = "saml-issuer"},
        {"no issuer of the assertion", RESPONSE, ISSUER_STATUS, "Z\">", .want = "saml-issuer"},
        {"an issuer that ours begins with", RESPONSE, ISSUER_STATUS,
         "Z\"><saml:Issuer>https://idp.exampl</saml:Issuer>", .want = "saml-issuer"},
        {"no subject", RESPONSE, "<saml:Subject>", "<saml:Subject xmlns:saml=\"urn:x\">",
         .want = "saml-subject"},
        {"no name", RESPONSE, "<saml:NameID>alice</saml:NameID>", "", .want = "saml-subject"},
        {"two names", RESPONSE, "<saml:NameID>", "<saml:NameID>bob</saml:NameID><saml:NameID>",
         .want = "saml-subject"},
        {"no confirmation", RESPONSE, "<saml:SubjectConfirmation ",
         "<saml:SubjectConfirmation xmlns:saml=\"urn:x\" ", .want = "saml-confirmation"},
        {"confirmed by a key", RESPONSE, "cm:bearer", "cm:holder-of-key",
         .want = "saml-confirmation"},
        {"two confirmations", RESPONSE, "</saml:SubjectConfirmation>",
         "</saml:SubjectConfirmation><saml:SubjectConfirmation/>", .want = "saml-confirmation"},
        {"two data of the confirmation", RESPONSE, "</saml:SubjectConfirmation>",
         "<saml:SubjectConfirmationData/></saml:SubjectConfirmation>", .want = "saml-confirmation"},
        {"no data of the confirmation", RESPONSE, "<saml:SubjectConfirmationData ",
         "<saml:SubjectConfirmationData xmlns:saml=\"urn:x\" ", .want = "saml-confirmation"},
        {"confirmed without end", RESPONSE, "NotOnOrAfter=\"2026-01-01T12:05:00Z\"", "",
         .want = "saml-confirmation"},
        {"confirmed for nobody", RESPONSE, "Recipient=\"https://portal.example/saml\"", "",
         .want = "saml-recipient"},
        {"confirmed for another recipient", RESPONSE, "Recipient=\"https://portal",
         "Recipient=\"https://other", .want = "saml-recipient"},
        {"no conditions", RESPONSE, "<saml:Conditions ", "<saml:Conditions xmlns:saml=\"urn:x\" ",
         .want = "saml-conditions"},
        {"two elements of conditions", RESPONSE, "<saml:Conditions ",
         "<saml:Conditions/><saml:Conditions ", .want = "saml-conditions"},
        {"a condition that nobody knows", RESPONSE, "<saml:AudienceRestriction>",
         "<saml:Condition/><saml:AudienceRestriction>", .want = "saml-conditions"},
        {"a known name in another namespace", RESPONSE, "<saml:AudienceRestriction>",
         "<OneTimeUse xmlns=\"urn:x\"/><saml:AudienceRestriction>", .want = "saml-conditions"},
        {"used once", RESPONSE, "<saml:AudienceRestriction>",
         "<saml:OneTimeUse/><saml:AudienceRestriction>", .want = NULL},
        {"not passed on", RESPONSE, "<saml:AudienceRestriction>",
         "<saml:ProxyRestriction Count=\"0\"/><saml:AudienceRestriction>", .want = NULL},
        {"no audience", RESPONSE,
         "<saml:AudienceRestriction><saml:Audience>https://portal.example"
         "</saml:Audience></saml:AudienceRestriction>",
         "", .want = "saml-audience"},
        {"another audience", RESPONSE, "<saml:Audience>https://portal",
         "<saml:Audience>https://other", .want = "saml-audience"},
        {"one of several audiences", RESPONSE, "<saml:Audience>",
         "<saml:Audience>https://other.example</saml:Audience><saml:Audience>", .want = NULL},
        {"restricted twice, once to others", RESPONSE, "</saml:AudienceRestriction>",
         "</saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>https://other.example"
         "</saml:Audience></saml:AudienceRestriction>",
         .want = "saml-audience"},
        {"nobody signed in", RESPONSE, "<saml:AuthnStatement ",
         "<saml:AuthnStatement xmlns:saml=\"urn:x\" ", .want = "saml-session"},
        {"a session without end", RESPONSE, " SessionNotOnOrAfter=\"2026-01-01T20:00:00Z\"", "",
         .want = NULL},
        {"a session that ends when nobody can tell", RESPONSE,
         "SessionNotOnOrAfter=\"2026-01-01T20:00:00Z\"", "SessionNotOnOrAfter=\"later\"",
         .want = "saml-session"},
        {"a session that is over", RESPONSE, "SessionNotOnOrAfter=\"2026-01-01T20:00:00Z\"",
         "SessionNotOnOrAfter=\"2026-01-01T12:00:00Z\"", .want = "saml-session"},
    };

    (void)state;
    RUN(rows);
}

static void test_times(void **state)
{
    static const char data[] = "NotOnOrAfter=\"2026-01-01T12:05:00Z\"";
    static const char end[] = "NotOnOrAfter=\"2026-01-01T12:10:00Z\"";
    static const char begin[] = "NotBefore=\"2026-01-01T11:59:00Z\"";
    const struct row rows[] = {
        {"the last moment, clocks differing", RESPONSE, .offset_ns = 360 * SECOND - 1},
        {"the confirmation is over", RESPONSE, .offset_ns = 360 * SECOND, .want = "saml-time"},
        {"the conditions' last moment", RESPONSE, end, "NotOnOrAfter=\"2026-01-01T12:02:00Z\"",
         .offset_ns = 180 * SECOND - 1},
        {"the conditions are over", RESPONSE, end, "NotOnOrAfter=\"2026-01-01T12:02:00Z\"",
         .offset_ns = 180 * SECOND, .want = "saml-time"},
        {"the first moment, clocks differing", RESPONSE, .offset_ns = -120 * SECOND},
        {"the conditions are still to come", RESPONSE, .offset_ns = -120 * SECOND - 1,
         .want = "saml-time"},
        {"no times in the conditions", RESPONSE, begin, "", .want = NULL},
        {"no end of the conditions", RESPONSE, end, "", .want = NULL},
        {"a confirmation that began", RESPONSE, data,
         "NotBefore=\"2026-01-01T12:01:00Z\" NotOnOrAfter=\"2026-01-01T12:05:00Z\"", .want = NULL},
        {"a confirmation that is still to come", RESPONSE, data,
         "NotBefore=\"2026-01-01T12:01:00.001Z\" NotOnOrAfter=\"2026-01-01T12:05:00Z\"",
         .want = "saml-time"},
        {"an end that nobody can read", RESPONSE, data, "NotOnOrAfter=\"tomorrow\"",
         .want = "saml-time"},
        {"an end with an offset", RESPONSE, data, "NotOnOrAfter=\"2026-01-01T12:05:00+00:00\"",
         .want = "saml-time"},
        {"a beginning that nobody can read", RESPONSE, begin, "NotBefore=\"\"",
         .want = "saml-time"},
        {"an end of the conditions that nobody can read", RESPONSE, end, "NotOnOrAfter=\"\"",
         .want = "saml-time"},
    };

    (void)state;
    RUN(rows);
}

static void test_moments(void **state)
{
    static const struct {
        const char *text;
        uint64_t want; /* 0: refused */
    } table[] = {
        {"2026-01-01T12:00:00Z", NOON},
        {"2026-01-01T12:00:00.5Z", NOON + 500000000},
        {"2026-01-01T12:00:00.0000000019Z", NOON + 1},
        {"2024-02-29T00:00:00Z", 1709164800000000000ULL},
        {"9999-12-31T23:59:59Z", 0x200000000ULL * 1000000000ULL},
        {"2026-01-01T12:00:00", 0},
        {"2026-01-01T12:00:00z", 0},
        {"2026-01-01T12:00:00.Z", 0},
        {"2026-01-01T12:00:00Z ", 0},
        {" 2026-01-01T12:00:00Z", 0},
        {"2026-01-01 12:00:00Z", 0},
        {"2026-1-01T12:00:00Z", 0},
        {"2026-02-29T00:00:00Z", 0},
        {"2026-13-01T00:00:00Z", 0},
        {"2026-00-01T00:00:00Z", 0},
        {"2026-01-00T00:00:00Z", 0},
        {"2026-01-01T24:00:00Z", 0},
        {"2026-01-01T12:60:00Z", 0},
        {"2026-01-01T12:00:60Z", 0},
        {"1969-12-31T23:59:59Z", 0},
        {"2026", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        uint64_t at = 0;

        if (clientid__saml_time(table[i].text, &at) != (table[i].want != 0) || at != table[i].want)
            fail_msg("\"%s\"", table[i].text);
    }
}

/* ---- texts ---- */

static const char *const sixteen = "0123456789abcdef";

static void test_texts(void **state)
{
    char long_name[CLIENTID_SAML_TEXT_MAX + 2] = "", most[CLIENTID_SAML_TEXT_MAX + 1] = "";
    const struct row rows[] = {
        {"a name of 255 bytes", ASSERTION, "alice", most, .want = NULL},
        {"a name that does not fit", ASSERTION, "alice", long_name, .want = "saml-text"},
        {"an empty name", ASSERTION, "alice", "", .want = "saml-text"},
        {"an element in the name", ASSERTION, "alice", "ali<x/>ce", .want = "saml-text"},
        {"a line break in the name", ASSERTION, "alice", "alice\nadmin", .want = "saml-text"},
        {"a line break in the ID", RESPONSE, "ID=\"_a1\"", "ID=\"_a&#10;1\"", .want = "saml-text"},
        {"an attribute that does not fit", ASSERTION, "alice@example.com", long_name,
         .want = "saml-text"},
        {"an element in an attribute", ASSERTION, "alice@example.com", "alice<x/>",
         .want = "saml-text"},
        {"an attribute given twice", ASSERTION, "Name=\"sn\"", "Name=\"mail\"",
         .want = "saml-attribute"},
        {"an attribute with two values", ASSERTION, "<saml:AttributeValue>alice@",
         "<saml:AttributeValue>bob@example.com</saml:AttributeValue><saml:AttributeValue>alice@",
         .want = "saml-attribute"},
    };

    (void)state;
    for (size_t i = 0; i < CLIENTID_SAML_TEXT_MAX + 1; i++)
        long_name[i] = sixteen[i % 16];
    memcpy(most, long_name, CLIENTID_SAML_TEXT_MAX);
    RUN(rows);
}

static void test_whole_texts(void **state)
{
    static const struct {
        const char *name, *find, *put, *then, *now, *user, *email;
    } table[] = {
        {"CDATA is text", NULL, NULL, "alice<", "<![CDATA[ali]]>ce<", "alice", "alice@example.com"},
        {"so are references", NULL, NULL, "alice<", "ali&#99;e<", "alice", "alice@example.com"},
        {"and predefined entities", "alice<", "a&amp;b<", NULL, NULL, "a&b", "alice@example.com"},
        {"letters of any language", "alice<", "\xc3\xa9lise<", NULL, NULL, "\xc3\xa9lise",
         "alice@example.com"},
        {"no attribute", "Name=\"mail\"", "Name=\"post\"", NULL, NULL, "alice", ""},
        {"an attribute without value",
         "<saml:AttributeValue>alice@example.com</saml:AttributeValue>", "", NULL, NULL, "alice",
         ""},
        {"an attribute with an empty value", "alice@example.com", "", NULL, NULL, "alice", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *text = edit(template_of(ASSERTION, "rsa-sha256"), table[i].find, table[i].put);
        clientid_saml_user user;
        clientid_error error;

        text = edit(sign_text(text, &world.rsa), table[i].then, table[i].now);
        if (verify_text(world.saml, text, NOON, &user, &error) != 0)
            fail_msg("%s: %s", table[i].name, error.text);
        assert_string_equal(user.name, table[i].user);
        assert_string_equal(user.email, table[i].email);
        free(text);
    }
}

/* What a stranger wrote goes to logs. */
static void test_error_text(void **state)
{
    char *text = edit(template_of(ASSERTION, "rsa-sha256"), ":Success", "&#10;\xc3\xa9");
    clientid_saml_user user;
    clientid_error error;

    (void)state;
    text = sign_text(text, &world.rsa);
    assert_int_equal(verify_text(world.saml, text, NOON, &user, &error), CLIENTID_ERR_RULE);
    assert_string_equal(error.text,
                        "saml-status: the status is \"urn:oasis:names:tc:SAML:2.0:status???\"");
    free(text);
}

/* ---- options ---- */

static void refuse(const clientid_saml_options *options, int code, const char *pointer)
{
    clientid_saml *saml = NULL;
    clientid_error error;

    assert_int_equal(clientid_saml_new(&saml, options, &error), code);
    assert_null(saml);
    if (pointer != NULL)
        assert_string_equal(error.pointer, pointer);
}

static void test_options(void **state)
{
    const clientid_saml_options good = options_with(world.rsa.certificate);
    clientid_saml_options o = good;
    char long_text[2049];

    (void)state;
    memset(long_text, 'x', sizeof(long_text));
    o.size--;
    refuse(&o, CLIENTID_ERR_ARG, NULL);
    o = good;
    o.issuer.len = 0;
    refuse(&o, CLIENTID_ERR_CONFIG, "/issuer");
    o = good;
    o.audience.len = 0;
    refuse(&o, CLIENTID_ERR_CONFIG, "/audience");
    o = good;
    o.recipient = (clientid_str){long_text, sizeof(long_text)};
    refuse(&o, CLIENTID_ERR_CONFIG, "/recipient");
    o = good;
    o.email_attribute = (clientid_str){"a\0b", 3};
    refuse(&o, CLIENTID_ERR_CONFIG, "/emailAttribute");
    o = good;
    o.skew_ns = 600000000001ULL;
    refuse(&o, CLIENTID_ERR_CONFIG, "/skew");
    assert_int_equal(clientid_saml_new(NULL, &good, NULL), CLIENTID_ERR_ARG);
    clientid_saml_del(NULL);
}

static void refuse_certificates(const char *certificates)
{
    clientid_saml_options o = options_with(certificates);

    refuse(&o, CLIENTID_ERR_CONFIG, "/certificates");
}

static void test_certificates(void **state)
{
    static const char *const weak[] = {"RSA:1024", "EC:P-224", "ED25519"};
    char *cut = support_saml_replace(world.rsa.certificate, "-----END CERTIFICATE-----", "");
    char *broken = support_saml_replace(world.rsa.certificate, "MII", "AAA");
    size_t len = strlen(world.rsa.certificate);
    char *nine = calloc(9, len + 1);

    (void)state;
    refuse_certificates("");
    refuse_certificates("certificate");
    refuse_certificates(cut);
    refuse_certificates(broken);
    snprintf(nine, 9 * len, "%s%s", world.rsa.certificate, cut);
    refuse_certificates(nine);
    for (size_t i = 0; i < 9; i++)
        memcpy(nine + i * len, world.rsa.certificate, len);
    refuse_certificates(nine);
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        struct support_saml_key key;

        support_saml_key_new(&key, weak[i], 365);
        refuse_certificates(key.certificate);
        support_saml_key_del(&key);
    }
    free(cut);
    free(broken);
    free(nine);
}

/* The key is trusted, for as long as the operator lists it. */
static void test_expired_certificate(void **state)
{
    struct support_saml_key old;
    clientid_saml_options options;
    clientid_saml *saml;
    clientid_saml_user user;
    clientid_error error;
    char *text;

    (void)state;
    support_saml_key_new(&old, "EC:P-256", -10);
    options = options_with(old.certificate);
    assert_int_equal(clientid_saml_new(&saml, &options, &error), 0);
    text = sign_text(template_of(ASSERTION, "ecdsa-sha256"), &old);
    assert_int_equal(verify_text(saml, text, NOON, &user, &error), 0);
    free(text);
    clientid_saml_del(saml);
    support_saml_key_del(&old);
}

static void test_skew(void **state)
{
    clientid_saml_options options = options_with(world.rsa.certificate);
    char *text = sign_text(template_of(ASSERTION, "rsa-sha256"), &world.rsa);
    clientid_saml *saml;
    clientid_saml_user user;
    clientid_error error;

    (void)state;
    options.skew_ns = 1;
    assert_int_equal(clientid_saml_new(&saml, &options, &error), 0);
    assert_int_equal(verify_text(saml, text, NOON + (uint64_t)(300 * SECOND), &user, &error), 0);
    assert_int_equal(user.not_after_ns, NOON + (uint64_t)(300 * SECOND) + 1);
    assert_int_equal(verify_text(saml, text, NOON + (uint64_t)(300 * SECOND) + 1, &user, &error),
                     CLIENTID_ERR_RULE);
    clientid_saml_del(saml);
    free(text);
}

static void test_arguments(void **state)
{
    clientid_saml_user user = {.size = sizeof(user) - 1};

    (void)state;
    assert_int_equal(clientid_saml_verify(world.saml, CLIENTID_STR("AAAA"), NOON, &user, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_saml_verify(world.saml, CLIENTID_STR("AAAA"), NOON, NULL, NULL),
                     CLIENTID_ERR_ARG);
    user.size = sizeof(user);
    assert_int_equal(clientid_saml_verify(NULL, CLIENTID_STR("AAAA"), NOON, &user, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_saml_verify(world.saml, (clientid_str){NULL, 4}, NOON, &user, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_saml_verify(world.saml, CLIENTID_STR("AAAA"), NOON, &user, NULL),
                     CLIENTID_ERR_SYNTAX);
    assert_string_equal(user.name, "");
}

static void test_rule_labels(void **state)
{
    size_t count = 0;

    (void)state;
    for (; clientid_saml_rule_label(count) != NULL; count++)
        assert_non_null(clientid_saml_rule_text(count));
    assert_int_equal(count, CLIENTID__SAML_TEXT + 1);
    assert_null(clientid_saml_rule_text(count));
}

/* ---- the process ---- */

/* A host that asks OpenSSL what went wrong with its own TLS must not find our failures there. */
static void test_openssl_errors(void **state)
{
    char *text = sign_text(template_of(ASSERTION, "rsa-sha256"), &world.stranger);
    clientid_saml_user user;
    clientid_error error;

    (void)state;
    ERR_clear_error();
    assert_int_equal(verify_text(world.saml, text, NOON, &user, &error), CLIENTID_ERR_RULE);
    refuse_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----");
    assert_int_equal(ERR_peek_error(), 0);
    ERR_raise(ERR_LIB_USER, 1);
    assert_int_equal(verify_text(world.saml, text, NOON, &user, &error), CLIENTID_ERR_RULE);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 1);
    free(text);
}

static void count_print(void *count, const char *format, ...)
{
    (void)format;
    ++*(size_t *)count;
}

/* Anybody may post a response: none may write to the host's standard error. */
static void test_silence(void **state)
{
    static const struct row rows[] = {
        {"a name space that canonicalization does not take", ASSERTION, .then = "<saml:Subject>",
         .now = "<saml:Subject xmlns:r=\"r\">", .want = "saml-signature"},
        {"a signature that is no Base64", ASSERTION, .then = "<ds:SignatureValue>",
         .now = "<ds:SignatureValue>&#233;", .want = "saml-signature"},
        {"no XML", ASSERTION, .then = "<saml:Subject>", .now = "<", .want = "not XML"},
    };
    struct row stranger = {"a stranger's", BOTH, .want = "saml-signature"};
    size_t count = 0;

    (void)state;
    xmlSetGenericErrorFunc(&count, count_print);
    RUN(rows);
    assert_true(run(&stranger, &world.stranger, "rsa-sha256"));
    xmlSetGenericErrorFunc(NULL, NULL);
    assert_int_equal(count, 0);
}

static void count_error(void *count, xmlErrorPtr error)
{
    (void)error;
    ++*(size_t *)count;
}

/* A host's handler of libxml2's errors is not ours to call, nor to lose. */
static void test_handler_kept(void **state)
{
    struct row row = {"no XML", ASSERTION, .then = "<saml:Subject>", .now = "<", .want = "not XML"};
    size_t count = 0;

    (void)state;
    xmlSetStructuredErrorFunc(&count, count_error);
    assert_true(run(&row, &world.rsa, "rsa-sha256"));
    assert_int_equal(count, 0);
    assert_null(xmlReadMemory("<", 1, NULL, NULL, XML_PARSE_NONET));
    assert_true(count > 0);
    xmlSetStructuredErrorFunc(NULL, NULL);
}

static void *verify_many(void *text)
{
    clientid_saml_user user;
    clientid_error error;
    size_t failed = 0;

    for (int i = 0; i < 50; i++)
        failed += verify_text(world.saml, text, NOON, &user, &error) != 0;
    return failed == 0 ? text : NULL;
}

static void test_threads(void **state)
{
    char *text = sign_text(template_of(BOTH, "rsa-sha256"), &world.rsa);
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, verify_many, text), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result;

        pthread_join(threads[i], &result);
        assert_ptr_equal(result, text);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_signed_places),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_transforms),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_changed_after_signing),
        cmocka_unit_test(test_inner_signature),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_key_in_message),
        cmocka_unit_test(test_wrapped),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_costly),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_assertions),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_whole_texts),
        cmocka_unit_test(test_error_text),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_expired_certificate),
        cmocka_unit_test(test_skew),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_rule_labels),
        cmocka_unit_test(test_openssl_errors),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_handler_kept),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
