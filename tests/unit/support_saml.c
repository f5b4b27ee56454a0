/* SPDX-License-Identifier: Apache-2.0 */
#include "support_saml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/valid.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <xmlsec/crypto.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- keys ---- */

static EVP_PKEY *generate(const char *kind)
{
    if (strncmp(kind, "RSA:", 4) == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(kind + 4, NULL, 10));
    if (strncmp(kind, "EC:", 3) == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind + 3);
    return EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

/* What |bio| holds, NUL-terminated; frees it. */
static char *bio_text(BIO *bio)
{
    char *bytes, *text;
    long len = BIO_get_mem_data(bio, &bytes);

    text = malloc((size_t)len + 1);
    assert_non_null(text);
    memcpy(text, bytes, (size_t)len);
    text[len] = '\0';
    BIO_free(bio);
    return text;
}

void support_saml_key_new(struct support_saml_key *out, const char *kind, int days)
{
    X509 *certificate = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    long seconds = days * 86400L;

    out->key = generate(kind);
    assert_non_null(out->key);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), seconds < 0 ? 2 * seconds : 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"idp.example", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_set_pubkey(certificate, out->key);
    assert_true(
        X509_sign(certificate, out->key, strcmp(kind, "ED25519") == 0 ? NULL : EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    out->certificate = bio_text(bio);
    X509_free(certificate);
}

void support_saml_key_del(struct support_saml_key *key)
{
    EVP_PKEY_free(key->key);
    free(key->certificate);
}

/* ---- text ---- */

char *support_saml_replace(const char *text, const char *find, const char *put)
{
    const char *at = strstr(text, find);
    size_t room = strlen(text) + strlen(put) + 1;
    char *out = malloc(room);

    if (at == NULL)
        fail_msg("no \"%s\" in the response", find);
    assert_non_null(out);
    snprintf(out, room, "%.*s%s%s", (int)(at - text), text, put, at + strlen(find));
    return out;
}

char *support_saml_cut(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    const char *end = at != NULL ? strstr(at, to) : NULL;

    if (end == NULL)
        fail_msg("no \"%s\" to \"%s\" in the response", from, to);
    return strndup(at, (size_t)(end - at) + strlen(to));
}

char *support_saml_base64(const char *text, size_t len)
{
    unsigned char *out = malloc(len / 3 * 4 + 5);

    assert_non_null(out);
    EVP_EncodeBlock(out, (const unsigned char *)text, (int)len);
    return (char *)out;
}

/* ---- signatures ---- */

char *support_saml_template(const char *id, const char *method)
{
    static const char format[] =
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>"
        "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>"
        "<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#%s\"/>"
        "<ds:Reference URI=\"#%s\"><ds:Transforms>"
        "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>"
        "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>"
        "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue/>"
        "</ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>";
    size_t room = sizeof(format) + strlen(id) + strlen(method);
    char *out = malloc(room);

    assert_non_null(out);
    snprintf(out, room, format, method, id);
    return out;
}

static xmlSecKeyPtr private_key(const struct support_saml_key *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    xmlSecKeyPtr out;
    char *pem;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key->key, NULL, NULL, 0, NULL, NULL), 1);
    pem = bio_text(bio);
    out = xmlSecCryptoAppKeyLoadMemory((const xmlSecByte *)pem, (xmlSecSize)strlen(pem),
                                       xmlSecKeyDataFormatPem, NULL, NULL, NULL);
    free(pem);
    assert_non_null(out);
    return out;
}

static void register_ids(xmlNode *node)
{
    for (; node != NULL; node = node->next) {
        xmlAttr *id = node->type == XML_ELEMENT_NODE ? xmlHasProp(node, (const xmlChar *)"ID") : 0;

        if (id != NULL)
            xmlAddID(NULL, node->doc, id->children->content, id);
        register_ids(node->children);
    }
}

static bool is_signature(const xmlNode *node)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, "Signature") == 0;
}

/* Whether somebody else made it before. */
static bool is_made(const xmlNode *signature)
{
    const xmlNode *at = signature->children;

    while (at != NULL && strcmp((const char *)at->name, "SignatureValue") != 0)
        at = at->next;
    return at != NULL && at->children != NULL;
}

static void sign_one(xmlNode *signature, const struct support_saml_key *key)
{
    xmlSecDSigCtxPtr context = xmlSecDSigCtxCreate(NULL);

    assert_non_null(context);
    context->signKey = private_key(key);
    assert_int_equal(xmlSecDSigCtxSign(context, signature), 0);
    xmlSecDSigCtxDestroy(context);
}

/* The signature of an element covers those of the elements inside of it, so these come first. */
static void sign_all(xmlNode *element, const struct support_saml_key *key)
{
    for (xmlNode *at = element->children; at != NULL; at = at->next)
        if (at->type == XML_ELEMENT_NODE && !is_signature(at))
            sign_all(at, key);
    for (xmlNode *at = element->children; at != NULL; at = at->next)
        if (is_signature(at) && !is_made(at))
            sign_one(at, key);
}

char *support_saml_sign(const char *text, const struct support_saml_key *key)
{
    xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);
    xmlBufferPtr out = xmlBufferCreate();
    char *copy;

    assert_non_null(doc);
    assert_non_null(out);
    register_ids(doc->children);
    sign_all(xmlDocGetRootElement(doc), key);
    /* The root alone: without an XML declaration, rows can put things before it. */
    assert_true(xmlNodeDump(out, doc, xmlDocGetRootElement(doc), 0, 0) > 0);
    copy = strdup((const char *)xmlBufferContent(out));
    xmlBufferFree(out);
    xmlFreeDoc(doc);
    return copy;
}
