/* SPDX-License-Identifier: Apache-2.0 */
/* What gets past here is one response with one assertion, in which an ID stands for one element. */
#include "access/saml.h"

#include "base/error.h"
#include "extract/base64.h"

#include <libxml/hash.h>
#include <libxml/parser.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- text ---- */

/* RFC 2045 breaks lines, so line breaks are no part of the text.  Returns how much is left. */
static size_t join_lines(clientid_str text, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '\r' && text.ptr[i] != '\n')
            out[len++] = text.ptr[i];
    return len;
}

/* |*xml| is to be freed, also after a failure. */
static int decode(clientid_str response, char **xml, size_t *len, clientid_error *error)
{
    size_t room = clientid__base64_room(response.len);
    clientid_str joined;
    ptrdiff_t decoded;

    *xml = malloc(room + response.len);
    if (*xml == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    joined = (clientid_str){*xml + room, join_lines(response, *xml + room)};
    decoded = clientid__base64_decode(joined, 0, *xml);
    if (decoded <= 0)
        return clientid__fail(error, CLIENTID_ERR_SYNTAX, "the response is not Base64");
    *len = (size_t)decoded;
    return 0;
}

/* ---- XML ---- */

/* Called at "<!DOCTYPE": nothing of a document type is ever processed. */
static void stop_at_doctype(void *context, const xmlChar *name, const xmlChar *external_id,
                            const xmlChar *system_id)
{
    xmlParserCtxtPtr parser = context;

    (void)name;
    (void)external_id;
    (void)system_id;
    *(bool *)parser->_private = true;
    xmlStopParser(parser);
}

static int not_xml(clientid_error *error, const xmlError *why)
{
    if (why->code == XML_ERR_NO_MEMORY)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    clientid__fail(error, CLIENTID_ERR_SYNTAX, "the response is not XML in UTF-8");
    if (error != NULL)
        error->line = why->line > 0 ? (unsigned)why->line : 0;
    return CLIENTID_ERR_SYNTAX;
}

/* CDATA becomes text, so that a text is one node. */
static int parse(xmlParserCtxtPtr parser, const char *xml, size_t len, xmlDoc **out,
                 clientid_error *error)
{
    static const int options =
        XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    bool doctype = false;
    xmlDoc *doc;

    parser->_private = &doctype;
    parser->sax->internalSubset = stop_at_doctype;
    doc = xmlCtxtReadMemory(parser, xml, (int)len, NULL, "UTF-8", options);
    if (doc != NULL && !doctype && parser->nsWellFormed == 1) {
        *out = doc;
        return 0;
    }
    xmlFreeDoc(doc);
    if (doctype)
        return clientid__saml_broken(error, CLIENTID__SAML_DOCTYPE, "there is a document type");
    return not_xml(error, &parser->lastError);
}

static int parse_text(const char *xml, size_t len, xmlDoc **out, clientid_error *error)
{
    xmlParserCtxtPtr parser = xmlNewParserCtxt();
    int rc;

    if (parser == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    rc = parse(parser, xml, len, out, error);
    xmlFreeParserCtxt(parser);
    return rc;
}

/* ---- elements ---- */

/* Canonicalization sorts what an element has, in quadratic time. */
enum { ATTRIBUTES_MAX = 64 };

static int check_size(const xmlNode *element, clientid_error *error)
{
    size_t count = 0;

    for (const xmlAttr *at = element->properties; at != NULL; at = at->next)
        count++;
    for (const xmlNs *at = element->nsDef; at != NULL; at = at->next)
        count++;
    if (count > ATTRIBUTES_MAX)
        return clientid__fail(error, CLIENTID_ERR_SYNTAX,
                              "an element has more than %d attributes and namespaces",
                              ATTRIBUTES_MAX);
    return 0;
}

/* SAML writes ID, signatures Id, others id and xml:id: any of them may be what a reference finds. */
static int note_ids(xmlHashTablePtr ids, const xmlNode *element, clientid_error *error)
{
    for (const xmlAttr *at = element->properties; at != NULL; at = at->next) {
        const xmlChar *value = at->children != NULL ? at->children->content : NULL;

        if (strcasecmp((const char *)at->name, "id") != 0 || value == NULL)
            continue;
        if (xmlHashLookup(ids, value) != NULL)
            return clientid__saml_instead(error, CLIENTID__SAML_ID, "an ID given twice",
                                          (const char *)value);
        if (xmlHashAddEntry(ids, value, ids) != 0)
            return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    }
    return 0;
}

struct survey {
    xmlHashTablePtr ids;
    size_t assertions;
};

static int look_at(struct survey *survey, const xmlNode *node, clientid_error *error)
{
    static const char *const encrypted[] = {"EncryptedAssertion", "EncryptedID", "NewEncryptedID",
                                            "EncryptedAttribute"};
    int rc;

    /* Signatures leave comments out: they could only split a text that is read later. */
    if (node->type == XML_COMMENT_NODE || node->type == XML_PI_NODE)
        return clientid__saml_broken(error, CLIENTID__SAML_COMMENT,
                                     "there is a comment or processing instruction");
    if (node->type != XML_ELEMENT_NODE)
        return 0;
    for (size_t i = 0; i < sizeof(encrypted) / sizeof(encrypted[0]); i++)
        if (strcmp((const char *)node->name, encrypted[i]) == 0)
            return clientid__saml_broken(error, CLIENTID__SAML_ENCRYPTED, "there is an %s",
                                         encrypted[i]);
    survey->assertions += clientid__saml_is(node, CLIENTID__SAML_ASSERTION_NS, "Assertion");
    rc = check_size(node, error);
    return rc != 0 ? rc : note_ids(survey->ids, node, error);
}

/* The node after |node| in the order of the document. */
static const xmlNode *after(const xmlNode *node)
{
    if (node->type == XML_ELEMENT_NODE && node->children != NULL)
        return node->children;
    while (node != NULL && node->next == NULL)
        node = node->parent;
    return node != NULL ? node->next : NULL;
}

static int survey_all(struct clientid__saml_message *m, clientid_error *error)
{
    struct survey survey = {.ids = xmlHashCreate(64)};
    int rc = 0;

    if (survey.ids == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    for (const xmlNode *at = m->doc->children; at != NULL && rc == 0; at = after(at))
        rc = look_at(&survey, at, error);
    xmlHashFree(survey.ids, NULL);
    if (rc != 0)
        return rc;
    m->assertion = clientid__saml_only(m->response, CLIENTID__SAML_ASSERTION_NS, "Assertion");
    if (survey.assertions != 1)
        return clientid__saml_broken(error, CLIENTID__SAML_ASSERTION, "there are %zu assertions",
                                     survey.assertions);
    if (m->assertion == NULL)
        return clientid__saml_broken(error, CLIENTID__SAML_ASSERTION,
                                     "the assertion is not a child of the response");
    return 0;
}

static int find_elements(struct clientid__saml_message *m, clientid_error *error)
{
    m->response = xmlDocGetRootElement(m->doc);
    if (m->response == NULL ||
        !clientid__saml_is(m->response, CLIENTID__SAML_PROTOCOL_NS, "Response"))
        return clientid__saml_broken(error, CLIENTID__SAML_RESPONSE,
                                     "the document is not a samlp:Response");
    return survey_all(m, error);
}

int clientid__saml_read(struct clientid__saml_message *message, clientid_str response,
                        clientid_error *error)
{
    char *xml = NULL;
    size_t len = 0;
    int rc;

    if (response.len > CLIENTID_SAML_RESPONSE_MAX)
        return clientid__fail(error, CLIENTID_ERR_SYNTAX, "the response is longer than %d bytes",
                              CLIENTID_SAML_RESPONSE_MAX);
    rc = decode(response, &xml, &len, error);
    if (rc == 0)
        rc = parse_text(xml, len, &message->doc, error);
    free(xml);
    if (rc != 0)
        return rc;
    rc = find_elements(message, error);
    if (rc != 0)
        xmlFreeDoc(message->doc);
    return rc;
}
