/* SPDX-License-Identifier: Apache-2.0 */
/* An expression names one place.  There is no general expression language: what is not in the table is refused. */
#include "base/str.h"
#include "extract/header.h"
#include "extract/urlcode.h"

/* What is left to read, and how much was. */
struct cursor {
    clientid_str text;
    size_t at;
};

struct path {
    clientid_str text;
    enum clientid__carrier carrier;
    bool dots; /* .name and .'name' besides ['name'] */
};

#define PATH(text, carrier, dots)                                                                  \
    {                                                                                              \
        {(text), sizeof(text) - 1}, (carrier), (dots)                                              \
    }

static const struct path short_forms[] = {
    PATH("header:", CLIENTID__HEADER, false), PATH("query:", CLIENTID__QUERY, false),
    PATH("form:", CLIENTID__FORM, false),     PATH("part:", CLIENTID__PART, false),
    PATH("any:", CLIENTID__ANY, false),
};

/* DataWeave (Mule 4, Flex), then MEL (Mule 3), whose inboundProperties hold query parameters and headers. */
static const struct path long_forms[] = {
    PATH("attributes.headers", CLIENTID__HEADER, true),
    PATH("attributes.queryParams", CLIENTID__QUERY, true),
    PATH("payload", CLIENTID__FORM, true),
    PATH("message.payload", CLIENTID__FORM, false),
    PATH("message.inboundProperties", CLIENTID__ANY, false),
    PATH("message.inboundAttachments", CLIENTID__PART, false),
};

static bool next_is(const struct cursor *c, char byte)
{
    return c->at < c->text.len && c->text.ptr[c->at] == byte;
}

static bool take(struct cursor *c, char byte)
{
    if (!next_is(c, byte))
        return false;
    c->at++;
    return true;
}

static void skip_spaces(struct cursor *c)
{
    while (next_is(c, ' '))
        c->at++;
}

/* The path that stands here; NULL with the cursor where the longest try ends. */
static const struct path *take_path(struct cursor *c, const struct path *paths, size_t count)
{
    size_t longest = 0;

    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        while (len < paths[i].text.len &&
               next_is(&(struct cursor){c->text, c->at + len}, paths[i].text.ptr[len]))
            len++;
        if (len == paths[i].text.len) {
            c->at += len;
            return &paths[i];
        }
        if (len > longest)
            longest = len;
    }
    c->at += longest;
    return NULL;
}

/* Where a name stands decides which bytes it may have, besides what its carrier allows. */
enum style { BARE, QUOTED, IDENTIFIER };

static bool name_byte(char c, enum style style, enum clientid__carrier carrier, bool first)
{
    unsigned char byte = (unsigned char)c;
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

    if (style == IDENTIFIER)
        return letter || (!first && c >= '0' && c <= '9');
    if (carrier == CLIENTID__HEADER || carrier == CLIENTID__ANY)
        return clientid__is_token_char(c) && c != '\'';
    if (clientid__is_control(byte) || c == '\'' || c == '"' || c == '\\')
        return false;
    /* In quotes, DataWeave puts another expression in place of $name and $(...). */
    return style == QUOTED ? c != '$' : c != ' ';
}

static bool take_name(struct cursor *c, enum style style, struct clientid__expression *out)
{
    size_t from = c->at, len, valid;
    bool header = out->carrier == CLIENTID__HEADER;

    while (c->at < c->text.len && name_byte(c->text.ptr[c->at], style, out->carrier, c->at == from))
        c->at++;
    len = c->at - from;
    valid = clientid__utf8_prefix(clientid__str(c->text.ptr + from, len));
    if (valid > CLIENTID__PARAM_NAME_MAX)
        valid = CLIENTID__PARAM_NAME_MAX;
    if (len == 0 || valid < len) {
        c->at = from + valid;
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char byte = c->text.ptr[from + i];
        out->name[i] = header ? (char)clientid__lower((unsigned char)byte) : byte;
    }
    out->name_len = (uint32_t)len;
    out->plain =
        clientid__url_plain(clientid__str(out->name, len)) && memchr(out->name, '=', len) == NULL;
    return true;
}

static bool take_quoted(struct cursor *c, struct clientid__expression *out)
{
    char quote = next_is(c, '"') ? '"' : '\'';

    return take(c, quote) && take_name(c, QUOTED, out) && take(c, quote);
}

/* .name, .'name' or [ 'name' ] */
static bool take_selector(struct cursor *c, const struct path *path,
                          struct clientid__expression *out)
{
    if (path->dots && take(c, '.'))
        return next_is(c, '\'') || next_is(c, '"') ? take_quoted(c, out)
                                                   : take_name(c, IDENTIFIER, out);
    if (!take(c, '['))
        return false;
    skip_spaces(c);
    if (!take_quoted(c, out))
        return false;
    skip_spaces(c);
    return take(c, ']');
}

static bool take_long(struct cursor *c, struct clientid__expression *out)
{
    const struct path *path;

    if (!take(c, '['))
        return false;
    skip_spaces(c);
    path = take_path(c, long_forms, sizeof(long_forms) / sizeof(long_forms[0]));
    if (path == NULL)
        return false;
    out->carrier = path->carrier;
    if (!take_selector(c, path, out))
        return false;
    skip_spaces(c);
    return take(c, ']');
}

static bool take_short(struct cursor *c, struct clientid__expression *out)
{
    const struct path *path =
        take_path(c, short_forms, sizeof(short_forms) / sizeof(short_forms[0]));

    if (path == NULL)
        return false;
    out->carrier = path->carrier;
    return take_name(c, BARE, out);
}

int clientid__expression_parse(clientid_str text, struct clientid__expression *out,
                               size_t *position)
{
    struct cursor c = {text, 0};
    struct clientid__expression found = {.carrier = CLIENTID__NOWHERE};
    bool fits = take(&c, '#') ? take_long(&c, &found) : take_short(&c, &found);

    if (!fits || c.at < text.len) {
        *position = c.at;
        return CLIENTID_ERR_SYNTAX;
    }
    *out = found;
    return 0;
}

unsigned clientid__expression_wants(const struct clientid__expression *e)
{
    switch (e->carrier) {
    case CLIENTID__HEADER:
        return CLIENTID_WANTS_HEADERS;
    case CLIENTID__QUERY:
        return CLIENTID_WANTS_QUERY;
    case CLIENTID__ANY:
        return CLIENTID_WANTS_QUERY | CLIENTID_WANTS_HEADERS;
    case CLIENTID__FORM:
    case CLIENTID__PART:
        return CLIENTID_WANTS_HEADERS |
               CLIENTID_WANTS_BODY; /* Content-Type tells what the body is */
    case CLIENTID__NOWHERE:
        break;
    }
    return 0;
}

unsigned clientid__spec_wants(const struct clientid__spec *spec)
{
    unsigned wants = spec->flags & CLIENTID__SPEC_BASIC ? CLIENTID_WANTS_HEADERS : 0;

    if (spec->flags & CLIENTID__SPEC_EXPRESSIONS)
        wants |= clientid__expression_wants(&spec->id) | clientid__expression_wants(&spec->secret);
    return wants;
}
