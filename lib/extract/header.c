/* SPDX-License-Identifier: Apache-2.0 */
/* A header counts only as a single line: two lines, or two values in one, have no "first". */
#include "extract/header.h"

#include "base/str.h"

static bool has_control_but_tab(clientid_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (clientid__is_control((unsigned char)text.ptr[i]) && text.ptr[i] != '\t')
            return true;
    return false;
}

int clientid__header_line(const clientid_request *request, clientid_str lower_name,
                          struct clientid__value *line)
{
    clientid_str text = {NULL, 0}, second = {NULL, 0};
    int rv;

    *line = clientid__value_none(CLIENTID_REASON_ID_MISSING);
    if (request->header == NULL)
        return CLIENTID_ERR_ARG;
    rv = request->header(request->host, lower_name, 0, &text);
    if (rv <= 0)
        return rv;
    rv = request->header(request->host, lower_name, 1, &second);
    if (rv < 0)
        return rv;
    if (rv > 0) {
        line->reason = CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
        return 0;
    }

    text = clientid__trim_ows(text);
    if (clientid__has_control(text) && has_control_but_tab(text))
        line->reason = CLIENTID_REASON_CREDENTIALS_MALFORMED;
    else if (text.len > 0)
        *line = (struct clientid__value){.reason = CLIENTID_REASON_ALLOWED, .text = text};
    return 0;
}

int clientid__header_read(const struct clientid__reader *reader, clientid_str name,
                          struct clientid__value *value)
{
    char lower[CLIENTID__PARAM_NAME_MAX];
    int rv;

    for (size_t i = 0; i < name.len; i++)
        lower[i] = (char)clientid__lower((unsigned char)name.ptr[i]);
    rv = clientid__header_line(reader->request, clientid__str(lower, name.len), value);
    if (rv < 0 || !clientid__value_there(value))
        return rv;
    /* Intermediaries join lines with a comma (RFC 9110 section 5.3): this may have been two. */
    if (!(reader->flags & CLIENTID__READ_LIST) &&
        memchr(value->text.ptr, ',', value->text.len) != NULL) {
        *value = clientid__value_none(CLIENTID_REASON_CREDENTIALS_AMBIGUOUS);
        return 0;
    }
    *value = clientid__value_make(value->text, reader->caps);
    return 0;
}

bool clientid__is_token_char(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

size_t clientid__token_len(clientid_str text)
{
    size_t len = 0;

    while (len < text.len && clientid__is_token_char(text.ptr[len]))
        len++;
    return len;
}

static void cut(clientid_str *text, size_t len)
{
    text->ptr += len;
    text->len -= len;
}

/* The text between quotes.  \" ends it for some readers and not for others: no parameter. */
static int quoted(clientid_str *rest, clientid_str *value)
{
    size_t len = 1;

    while (len < rest->len && rest->ptr[len] != '"') {
        if (rest->ptr[len] == '\\' && len + 1 < rest->len && rest->ptr[len + 1] == '"')
            return -1;
        len++;
    }
    if (len == rest->len)
        return -1;
    *value = clientid__str(rest->ptr + 1, len - 1);
    cut(rest, len + 1);
    return 1;
}

int clientid__parameter_next(clientid_str *rest, clientid_str *name, clientid_str *value)
{
    *rest = clientid__trim_ows(*rest);
    if (rest->len > 0 && rest->ptr[0] != ';')
        return -1;
    while (rest->len > 0 && (rest->ptr[0] == ';' || rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
        cut(rest, 1);
    if (rest->len == 0)
        return 0;

    *name = clientid__str(rest->ptr, clientid__token_len(*rest));
    cut(rest, name->len);
    if (name->len == 0 || rest->len == 0 || rest->ptr[0] != '=')
        return -1;
    cut(rest, 1);
    if (rest->len > 0 && rest->ptr[0] == '"')
        return quoted(rest, value);
    *value = clientid__str(rest->ptr, clientid__token_len(*rest));
    cut(rest, value->len);
    return value->len > 0 ? 1 : -1;
}
