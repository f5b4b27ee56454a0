/* SPDX-License-Identifier: Apache-2.0 */
/* An element is known by namespace and name; an attribute or text is what it is as a whole, or nothing. */
#include "access/saml.h"

#include <string.h>

/* libxml2's characters are unsigned. */
static bool equal(const xmlChar *a, const char *b)
{
    return a != NULL && strcmp((const char *)a, b) == 0;
}

bool clientid__saml_is(const xmlNode *node, const char *ns, const char *name)
{
    return node->type == XML_ELEMENT_NODE && node->ns != NULL && equal(node->ns->href, ns) &&
           equal(node->name, name);
}

static xmlNode *find(xmlNode *node, const char *ns, const char *name)
{
    while (node != NULL && !clientid__saml_is(node, ns, name))
        node = node->next;
    return node;
}

xmlNode *clientid__saml_first(const xmlNode *parent, const char *ns, const char *name)
{
    return find(parent->children, ns, name);
}

xmlNode *clientid__saml_next(const xmlNode *node, const char *ns, const char *name)
{
    return find(node->next, ns, name);
}

xmlNode *clientid__saml_only(const xmlNode *parent, const char *ns, const char *name)
{
    xmlNode *first = clientid__saml_first(parent, ns, name);

    return first != NULL && clientid__saml_next(first, ns, name) == NULL ? first : NULL;
}

xmlNode *clientid__saml_element(xmlNode *node)
{
    while (node != NULL && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

/* The parser makes one node of adjacent text and CDATA, so more than one node is more than text. */
static const char *plain(const xmlNode *children)
{
    if (children == NULL)
        return "";
    if (children->type != XML_TEXT_NODE || children->next != NULL)
        return NULL;
    return (const char *)children->content;
}

const char *clientid__saml_attribute(const xmlNode *element, const char *name)
{
    for (const xmlAttr *at = element->properties; at != NULL; at = at->next)
        if (at->ns == NULL && equal(at->name, name))
            return plain(at->children);
    return NULL;
}

const char *clientid__saml_text(const xmlNode *element)
{
    return plain(element->children);
}
