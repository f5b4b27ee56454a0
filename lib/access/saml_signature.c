/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a signature covers is the element whose child it is, all of it, and nothing else: a wrapped document
 * (XSW) has no such signature over the nodes that are used.
 *
 * Place, form and algorithms are checked here; xmlsec, held to the same algorithms, does the arithmetic.
 */
#include "access/saml.h"

#include "base/error.h"

#include <libxml/valid.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/transforms.h>
#include <xmlsec/xmldsig.h>

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- algorithms ---- */

typedef xmlSecTransformId algorithm(void);

static algorithm *const enveloped[] = {xmlSecTransformEnvelopedGetKlass};
/* Not the variant with comments. */
static algorithm *const exclusive[] = {xmlSecTransformExclC14NGetKlass};
static algorithm *const digests[] = {xmlSecOpenSSLTransformSha256GetKlass,
                                     xmlSecOpenSSLTransformSha384GetKlass,
                                     xmlSecOpenSSLTransformSha512GetKlass};
static algorithm *const methods[] = {
    xmlSecOpenSSLTransformRsaSha256GetKlass,   xmlSecOpenSSLTransformRsaSha384GetKlass,
    xmlSecOpenSSLTransformRsaSha512GetKlass,   xmlSecOpenSSLTransformEcdsaSha256GetKlass,
    xmlSecOpenSSLTransformEcdsaSha384GetKlass, xmlSecOpenSSLTransformEcdsaSha512GetKlass};

static int check_algorithm(const xmlNode *element, algorithm *const *allowed, size_t count,
                           enum clientid__saml_rule rule, clientid_error *error)
{
    const char *name = clientid__saml_attribute(element, "Algorithm");

    for (size_t i = 0; name != NULL && i < count; i++)
        if (strcmp(name, (const char *)allowed[i]()->href) == 0)
            return 0;
    return clientid__saml_instead(error, rule, (const char *)element->name, name);
}

/* ---- form ---- */

/* The child elements of |parent| are those, in that order; one whose name begins with '?' may be left out. */
static bool shaped(const xmlNode *parent, const char *const *names, size_t count, xmlNode **out)
{
    xmlNode *at = clientid__saml_element(parent->children);

    for (size_t i = 0; i < count; i++) {
        bool optional = names[i][0] == '?';

        out[i] = NULL;
        if (at != NULL && clientid__saml_is(at, CLIENTID__SAML_DSIG_NS, names[i] + optional)) {
            out[i] = at;
            at = clientid__saml_element(at->next);
        } else if (!optional) {
            return false;
        }
    }
    return at == NULL;
}

static int misshapen(clientid_error *error, const char *name)
{
    return clientid__saml_broken(error, CLIENTID__SAML_SIGNATURE_FORM,
                                 "%s has not the children it should have", name);
}

/* xmlsec looks every prefix of the list up at every element. */
enum { PREFIXES_MAX = 255 };

static int check_exclusive(const xmlNode *element, clientid_error *error)
{
    const xmlNode *child = clientid__saml_element(element->children);
    const char *prefixes;
    int rc =
        check_algorithm(element, exclusive, COUNT(exclusive), CLIENTID__SAML_SIGNATURE_FORM, error);

    if (rc != 0 || child == NULL)
        return rc;
    prefixes = clientid__saml_attribute(child, "PrefixList");
    if (prefixes == NULL || strlen(prefixes) > PREFIXES_MAX ||
        clientid__saml_element(child->next) != NULL)
        return clientid__saml_broken(
            error, CLIENTID__SAML_SIGNATURE_FORM,
            "a canonicalization has another child than a short PrefixList");
    return 0;
}

static int check_transforms(const xmlNode *transforms, clientid_error *error)
{
    static const char *const names[] = {"Transform", "Transform"};
    xmlNode *child[COUNT(names)];
    int rc;

    if (!shaped(transforms, names, COUNT(names), child))
        return misshapen(error, "Transforms");
    rc = check_algorithm(child[0], enveloped, COUNT(enveloped), CLIENTID__SAML_SIGNATURE_FORM,
                         error);
    return rc != 0 ? rc : check_exclusive(child[1], error);
}

/* |id| is that of the element which is signed. */
static int check_reference(const xmlNode *reference, const char *id, clientid_error *error)
{
    static const char *const names[] = {"Transforms", "DigestMethod", "DigestValue"};
    xmlNode *child[COUNT(names)];
    const char *uri = clientid__saml_attribute(reference, "URI");
    int rc;

    if (!shaped(reference, names, COUNT(names), child))
        return misshapen(error, "Reference");
    if (uri == NULL || uri[0] != '#' || strcmp(uri + 1, id) != 0)
        return clientid__saml_instead(error, CLIENTID__SAML_SIGNATURE_FORM, "the reference", uri);
    rc = check_transforms(child[0], error);
    return rc != 0 ? rc
                   : check_algorithm(child[1], digests, COUNT(digests), CLIENTID__SAML_ALGORITHM,
                                     error);
}

static int check_signed_info(const xmlNode *info, const char *id, clientid_error *error)
{
    static const char *const names[] = {"CanonicalizationMethod", "SignatureMethod", "Reference"};
    xmlNode *child[COUNT(names)];
    int rc;

    if (!shaped(info, names, COUNT(names), child))
        return misshapen(error, "SignedInfo");
    rc = check_exclusive(child[0], error);
    if (rc == 0)
        rc = check_algorithm(child[1], methods, COUNT(methods), CLIENTID__SAML_ALGORITHM, error);
    return rc != 0 ? rc : check_reference(child[2], id, error);
}

/* No Object: nothing may be carried inside of a signature.  KeyInfo is not read. */
static int check_form(const xmlNode *signature, const char *id, clientid_error *error)
{
    static const char *const names[] = {"SignedInfo", "SignatureValue", "?KeyInfo"};
    xmlNode *child[COUNT(names)];

    if (!shaped(signature, names, COUNT(names), child))
        return misshapen(error, "Signature");
    return check_signed_info(child[0], id, error);
}

/* ---- arithmetic ---- */

static bool allow(xmlSecDSigCtxPtr context, algorithm *const *allowed, size_t count,
                  int enable(xmlSecDSigCtxPtr, xmlSecTransformId))
{
    for (size_t i = 0; i < count; i++)
        if (enable(context, allowed[i]()) < 0)
            return false;
    return true;
}

/* With a key of its own, a context neither reads KeyInfo nor asks for certificates. */
static bool restrict_to(xmlSecDSigCtxPtr context, xmlSecKeyPtr key)
{
    context->enabledReferenceUris = xmlSecTransformUriTypeSameDocument;
    context->signKey = xmlSecKeyDuplicate(key);
    return context->signKey != NULL &&
           allow(context, exclusive, COUNT(exclusive), xmlSecDSigCtxEnableSignatureTransform) &&
           allow(context, methods, COUNT(methods), xmlSecDSigCtxEnableSignatureTransform) &&
           allow(context, enveloped, COUNT(enveloped), xmlSecDSigCtxEnableReferenceTransform) &&
           allow(context, exclusive, COUNT(exclusive), xmlSecDSigCtxEnableReferenceTransform) &&
           allow(context, digests, COUNT(digests), xmlSecDSigCtxEnableReferenceTransform);
}

/* xmlsec fails, too, when the key is of another kind than the method: then it is not the one. */
static int verify_with(xmlSecKeyPtr key, xmlNode *signature, bool *valid, clientid_error *error)
{
    xmlSecDSigCtxPtr context = xmlSecDSigCtxCreate(NULL);

    if (context == NULL || !restrict_to(context, key)) {
        xmlSecDSigCtxDestroy(context);
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    }
    *valid = xmlSecDSigCtxVerify(context, signature) == 0 &&
             context->status == xmlSecDSigStatusSucceeded;
    xmlSecDSigCtxDestroy(context);
    return 0;
}

static int verify(const clientid_saml *saml, xmlNode *signature, clientid_error *error)
{
    bool valid = false;
    int rc = 0;

    for (size_t i = 0; i < saml->key_count && rc == 0 && !valid; i++)
        rc = verify_with(saml->keys[i], signature, &valid, error);
    if (rc == 0 && !valid)
        rc = clientid__saml_broken(error, CLIENTID__SAML_SIGNATURE,
                                   "no key of the certificates made the signature of the %s",
                                   (const char *)signature->parent->name);
    return rc;
}

/* ---- place ---- */

/* An NCName of ASCII: xmlsec writes it between quotes into an XPointer. */
static bool plain_name(const char *id)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char more[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789-.";
    size_t len = strlen(id);

    return len > 0 && len <= CLIENTID_SAML_TEXT_MAX && strchr(letters, id[0]) != NULL &&
           strspn(id, more) == len;
}

/* Only here does an ID become one that a reference can find. */
static int register_id(xmlNode *element, const char **id, clientid_error *error)
{
    xmlAttr *at = xmlHasNsProp(element, (const xmlChar *)"ID", NULL);

    *id = clientid__saml_attribute(element, "ID");
    if (at == NULL || *id == NULL || !plain_name(*id))
        return clientid__saml_instead(error, CLIENTID__SAML_ID, "the ID of a signed element", *id);
    if (xmlAddID(NULL, element->doc, (const xmlChar *)*id, at) == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    return 0;
}

/* |*count| grows by the number of signatures among the children of |element|: none or one. */
static int check_element(const clientid_saml *saml, xmlNode *element, size_t *count,
                         clientid_error *error)
{
    xmlNode *signature = clientid__saml_first(element, CLIENTID__SAML_DSIG_NS, "Signature");
    const char *id;
    int rc;

    if (signature == NULL)
        return 0;
    if (clientid__saml_next(signature, CLIENTID__SAML_DSIG_NS, "Signature") != NULL)
        return clientid__saml_broken(error, CLIENTID__SAML_SIGNATURE_PLACE,
                                     "the %s has several signatures", (const char *)element->name);
    ++*count;
    rc = register_id(element, &id, error);
    if (rc == 0)
        rc = check_form(signature, id, error);
    return rc != 0 ? rc : verify(saml, signature, error);
}

int clientid__saml_check_signatures(const clientid_saml *saml,
                                    const struct clientid__saml_message *message,
                                    clientid_error *error)
{
    size_t count = 0;
    int rc = check_element(saml, message->response, &count, error);

    if (rc == 0)
        rc = check_element(saml, message->assertion, &count, error);
    if (rc == 0 && count == 0)
        rc = clientid__saml_broken(error, CLIENTID__SAML_SIGNATURE_PLACE,
                                   "neither response nor assertion is signed");
    return rc;
}
