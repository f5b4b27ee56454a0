/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_ACCESS_H
#define CLIENTID_ACCESS_H

/*
 * Unstable before 1.0.  In a library of its own, libclientid-access, which is built where xmlsec1 is.
 *
 * Who a person is, as an identity provider says it: a SAML 2.0 response that arrived by HTTP POST without
 * having been asked for (Profiles 4.1.5).  No socket, file, clock or store: the host takes the form parameter
 * SAMLResponse from a request, gives the time, and remembers which assertions were used.
 *
 * libxml2 and xmlsec keep global state.  The first clientid_saml_new of the process sets them up, once, unless
 * xmlsec is set up already; nothing takes them down again.  xmlsec then prints no errors of its own, and no
 * libxml2 parser of the process loads external entities.  A host that uses xmlsec itself, or has a second copy of
 * this library, makes sure that set-ups do not happen at the same moment.
 */
#include <clientid/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, label, what it says).  Text of CLIENTID_ERR_RULE begins with the label and a colon. */
#define CLIENTID_SAML_RULE_MAP(X)                                                                  \
    X(DOCTYPE, "saml-doctype", "a response has no document type")                                  \
    X(COMMENT, "saml-comment", "a response has no comments and no processing instructions")        \
    X(RESPONSE, "saml-response", "the document is a samlp:Response")                               \
    X(VERSION, "saml-version", "response and assertion are of version 2.0")                        \
    X(ENCRYPTED, "saml-encrypted", "nothing is encrypted")                                         \
    X(ASSERTION, "saml-assertion", "there is one assertion, a child of the response")              \
    X(ID, "saml-id", "an ID stands for one element, and is a plain name of at most 255 bytes")     \
    X(SIGNATURE_PLACE, "saml-signature-place",                                                     \
      "response or assertion or both are signed, each by one signature among its children")        \
    X(SIGNATURE_FORM, "saml-signature-form",                                                       \
      "a signature has one reference, to its parent, enveloped and canonicalized exclusively")     \
    X(ALGORITHM, "saml-algorithm",                                                                 \
      "signatures are RSA or ECDSA with SHA-256, SHA-384 or SHA-512, digests one of these")        \
    X(SIGNATURE, "saml-signature", "every signature was made with the key of a certificate given") \
    X(STATUS, "saml-status", "the status is Success")                                              \
    X(ISSUER, "saml-issuer", "the issuer is the identity provider")                                \
    X(DESTINATION, "saml-destination", "the destination, when there is one, is the recipient")     \
    X(IN_RESPONSE_TO, "saml-in-response-to", "the response answers no request")                    \
    X(SUBJECT, "saml-subject", "the assertion is about one subject with a name")                   \
    X(CONFIRMATION, "saml-confirmation", "the subject is confirmed once, as bearer")               \
    X(RECIPIENT, "saml-recipient", "the assertion was made for the recipient")                     \
    X(CONDITIONS, "saml-conditions", "the assertion has conditions, all of them known")            \
    X(AUDIENCE, "saml-audience", "every audience restriction names the audience")                  \
    X(TIME, "saml-time", "the assertion is valid now")                                             \
    X(SESSION, "saml-session", "the subject signed in, in a session that goes on")                 \
    X(ATTRIBUTE, "saml-attribute",                                                                 \
      "an attribute that is looked for is there once, with one value")                             \
    X(TEXT, "saml-text", "a text is 1 to 255 bytes without control characters")

/* "saml-doctype" and so on; NULL from |index| = number of rules. */
CLIENTID_EXPORT const char *clientid_saml_rule_label(size_t index);
CLIENTID_EXPORT const char *clientid_saml_rule_text(size_t index);

#define CLIENTID_SAML_TEXT_MAX         255    /* bytes of a name, an ID, an attribute */
#define CLIENTID_SAML_RESPONSE_MAX     262144 /* bytes of a response, in Base64 */
#define CLIENTID_SAML_CERTIFICATES_MAX 8

/* One identity provider.  Immutable: any number of threads may verify with it. */
typedef struct clientid_saml clientid_saml;

typedef struct clientid_saml_options {
    size_t size; /* sizeof(clientid_saml_options) */
    /*
     * PEM, one to CLIENTID_SAML_CERTIFICATES_MAX: several while the provider changes its key.  Their keys are
     * trusted, and no others: what a response says about its key is not read.  RSA of at least 2048 bits, EC
     * of at least 256.  A certificate is a wrapper for the key: its dates, issuer and revocation are not
     * looked at, it counts until it is taken from this list.
     */
    clientid_str certificates;
    clientid_str issuer;    /* the provider's entity id */
    clientid_str audience;  /* our entity id */
    clientid_str recipient; /* the URL to which responses are posted */
    uint64_t skew_ns;       /* how far clocks may differ; 0: 60 s; at most 10 minutes */
    /* Name of the saml:Attribute that holds it; empty: not looked for. */
    clientid_str email_attribute;
    clientid_str first_name_attribute;
    clientid_str last_name_attribute;
} clientid_saml_options;

/*
 * |options| are copied.  Allocates; may take milliseconds.  CLIENTID_ERR_ARG, _CONFIG (something is missing, too
 * long, or a certificate is not fit; |pointer| names the field, "/certificates"), _CRYPTO (xmlsec does not
 * work), _NOMEM.
 */
CLIENTID_EXPORT int clientid_saml_new(clientid_saml **out, const clientid_saml_options *options,
                                      clientid_error *error);
CLIENTID_EXPORT void clientid_saml_del(clientid_saml *saml); /* NULL is fine */

/* Texts are UTF-8 and NUL-terminated; empty when the response does not have them. */
typedef struct clientid_saml_user {
    size_t size;
    /*
     * An assertion is used once: until this moment it verifies, so until then the host remembers its ID, for
     * all its processes, and refuses the ID when it comes again.
     */
    uint64_t not_after_ns;
    uint64_t session_not_after_ns; /* when the provider wants the session to end; 0: not said */
    char assertion_id[CLIENTID_SAML_TEXT_MAX + 1];
    char name[CLIENTID_SAML_TEXT_MAX + 1]; /* NameID of the subject, never empty */
    char email[CLIENTID_SAML_TEXT_MAX + 1];
    char first_name[CLIENTID_SAML_TEXT_MAX + 1];
    char last_name[CLIENTID_SAML_TEXT_MAX + 1];
} clientid_saml_user;

/*
 * |response| is the form parameter SAMLResponse: Base64 (RFC 4648 section 4; CR and LF are left out), which holds
 * UTF-8.  |now_ns| is nanoseconds since 1970.  |out| is written on success only, but for |out->size|, which must
 * be set.  Allocates, and takes a millisecond; at worst, for a response made to that end, half a second.
 * CLIENTID_ERR_ARG, _SYNTAX (too large, not Base64, not XML), _RULE, _NOMEM (memory that libxml2 or xmlsec could not
 * get may also show as _SYNTAX, or as rule saml-signature).
 * Prints nothing, and leaves the thread's error queue of OpenSSL and error handler of libxml2 as they were.
 */
CLIENTID_EXPORT int clientid_saml_verify(const clientid_saml *saml, clientid_str response,
                                         uint64_t now_ns, clientid_saml_user *out,
                                         clientid_error *error);

#ifdef __cplusplus
}
#endif

#endif
