/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__SAML_H
#define CLIENTID__SAML_H

/* What the files of saml_*.c share.  A name, "saml_x.c", heads the functions of that file. */
#include <clientid/access.h>

#include <libxml/tree.h>
#include <libxml/xmlerror.h>
#include <xmlsec/xmlsec.h>

#include <xmlsec/keys.h>

#include <stdbool.h>

struct clientid_saml {
    char *issuer, *audience, *recipient;
    char *email_attribute, *first_name_attribute, *last_name_attribute; /* NULL: not looked for */
    uint64_t skew_ns;
    size_t key_count;
    xmlSecKeyPtr keys[CLIENTID_SAML_CERTIFICATES_MAX];
};

/* The only nodes from which anything is taken.  They belong to |doc|. */
struct clientid__saml_message {
    xmlDoc *doc;
    xmlNode *response;
    xmlNode *assertion;
};

/* ---- saml_rule.c ---- */

enum clientid__saml_rule {
#define CLIENTID__SAML_RULE_ENUM(name, label, text) CLIENTID__SAML_##name,
    CLIENTID_SAML_RULE_MAP(CLIENTID__SAML_RULE_ENUM)
#undef CLIENTID__SAML_RULE_ENUM
};

/* CLIENTID_ERR_RULE, with the label of the rule before the sentence. */
int clientid__saml_broken(clientid_error *error, enum clientid__saml_rule rule, const char *format,
                          ...) __attribute__((format(printf, 3, 4)));
/* As that, and says what was found instead: cut, and with '?' for what is not printable ASCII. */
int clientid__saml_instead(clientid_error *error, enum clientid__saml_rule rule, const char *what,
                           const char *found);

/* ---- saml_element.c ---- */

#define CLIENTID__SAML_ASSERTION_NS "urn:oasis:names:tc:SAML:2.0:assertion"
#define CLIENTID__SAML_PROTOCOL_NS  "urn:oasis:names:tc:SAML:2.0:protocol"
#define CLIENTID__SAML_DSIG_NS      "http://www.w3.org/2000/09/xmldsig#"

bool clientid__saml_is(const xmlNode *node, const char *ns, const char *name);
/* The first child of that name, or the next sibling. */
xmlNode *clientid__saml_first(const xmlNode *parent, const char *ns, const char *name);
xmlNode *clientid__saml_next(const xmlNode *node, const char *ns, const char *name);
/* The child of that name when there is just one, else NULL. */
xmlNode *clientid__saml_only(const xmlNode *parent, const char *ns, const char *name);
/* |node| itself or the first element after it. */
xmlNode *clientid__saml_element(xmlNode *node);
/* Value of the attribute without namespace, or NULL; lives as long as the document. */
const char *clientid__saml_attribute(const xmlNode *element, const char *name);
/* Text of an element that holds nothing else, or NULL; lives as long as the document. */
const char *clientid__saml_text(const xmlNode *element);

/* ---- saml_document.c ---- */

/* Decodes and parses.  On success the caller frees message->doc. */
int clientid__saml_read(struct clientid__saml_message *message, clientid_str response,
                        clientid_error *error);

/* ---- saml_signature.c ---- */

int clientid__saml_check_signatures(const clientid_saml *saml,
                                    const struct clientid__saml_message *message,
                                    clientid_error *error);

/* ---- saml_response.c ---- */

int clientid__saml_check_issuer(const clientid_saml *saml, const xmlNode *element,
                                clientid_error *error);
int clientid__saml_check_response(const clientid_saml *saml, const xmlNode *response,
                                  clientid_error *error);

/* ---- saml_assertion.c ---- */

/* Fills in the moments of |user|. */
int clientid__saml_check_assertion(const clientid_saml *saml, const xmlNode *assertion,
                                   uint64_t now_ns, clientid_saml_user *user,
                                   clientid_error *error);

/* ---- saml_user.c ---- */

/* Fills in the texts of |user|. */
int clientid__saml_read_user(const clientid_saml *saml, const xmlNode *assertion,
                             clientid_saml_user *user, clientid_error *error);

/* ---- saml_time.c ---- */

/* xs:dateTime in UTC, with its Z; false when it is none.  What lies after 2242 is taken for 2242. */
bool clientid__saml_time(const char *text, uint64_t *time_ns);

/* ---- saml_key.c ---- */

int clientid__saml_load_keys(clientid_saml *saml, clientid_str certificates, clientid_error *error);

/* ---- saml_library.c ---- */

/* Sets libxml2 and xmlsec up, once per process; CLIENTID_ERR_CRYPTO when that failed. */
int clientid__saml_library(clientid_error *error);

/*
 * Between these two, errors of libxml2 go nowhere, and those of OpenSSL leave no trace afterwards: a stranger's
 * response fills no log, and a failed check of it does not look like a failure of the host's own TLS.
 */
struct clientid__saml_quiet {
    xmlStructuredErrorFunc handler; /* the thread's, to be put back */
    void *context;
};
void clientid__saml_quiet_begin(struct clientid__saml_quiet *quiet);
void clientid__saml_quiet_end(const struct clientid__saml_quiet *quiet);

#endif
