/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every byte of the body belongs to exactly one part by every reading: wherever a lenient parser would see
 * another boundary, header or name, the body is refused as a whole.
 */
#include "extract/body.h"

#include "base/str.h"
#include "extract/header.h"

enum { BOUNDARY_MAX = 70 }; /* RFC 2046 section 5.1.1 */

/* What one part says of itself. */
struct part {
    clientid_str name;
    bool file;  /* has a file name */
    bool plain; /* text, as it stands: what a credential must be */
};

static clientid_str after(clientid_str text, size_t len)
{
    return clientid__str(text.ptr + len, text.len - len);
}

static bool starts_with(clientid_str text, clientid_str start)
{
    return text.len >= start.len && memcmp(text.ptr, start.ptr, start.len) == 0;
}

/* bchars (RFC 2046 section 5.1.1); a backslash or a space at the end is read in more than one way. */
static bool boundary_valid(clientid_str boundary)
{
    if (boundary.len == 0 || boundary.len > BOUNDARY_MAX || boundary.ptr[boundary.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < boundary.len; i++) {
        char c = boundary.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && (c == '\0' || strchr("'()+_,-./:=? ", c) == NULL))
            return false;
    }
    return true;
}

/* The parameters were read once already: they are well-formed. */
static clientid_reason find_boundary(clientid_str parameters, clientid_str *boundary)
{
    clientid_str name, value;
    unsigned seen = 0;

    while (clientid__parameter_next(&parameters, &name, &value) > 0) {
        if (name.len < 8 ||
            !clientid__str_case_eq(clientid__str(name.ptr, 8), CLIENTID_STR("boundary")))
            continue;
        /* boundary*0= is a piece of a boundary for who knows RFC 2231. */
        if (name.len > 8 && name.ptr[8] != '*')
            continue;
        if (name.len > 8 || ++seen > 1)
            return CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
        *boundary = value;
    }
    if (seen == 0 || !boundary_valid(*boundary))
        return CLIENTID_REASON_CREDENTIALS_MALFORMED;
    return CLIENTID_REASON_ALLOWED;
}

/* Content-Disposition: form-data; name="..." (RFC 7578 section 4.2). */
static clientid_reason read_disposition(clientid_str line, struct part *part)
{
    size_t len = clientid__token_len(line);
    clientid_str rest = after(line, len), name, value;
    bool named = false;
    int rv;

    if (!clientid__str_case_eq(clientid__str(line.ptr, len), CLIENTID_STR("form-data")))
        return CLIENTID_REASON_CREDENTIALS_MALFORMED;
    while ((rv = clientid__parameter_next(&rest, &name, &value)) > 0) {
        if (clientid__str_case_eq(name, CLIENTID_STR("name"))) {
            if (named)
                return CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
            named = true;
            part->name = value;
        } else if (name.len > 4 &&
                   clientid__str_case_eq(clientid__str(name.ptr, 5), CLIENTID_STR("name*"))) {
            return CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
        } else if (name.len >= 8 &&
                   clientid__str_case_eq(clientid__str(name.ptr, 8), CLIENTID_STR("filename"))) {
            part->file = true;
        }
    }
    if (rv < 0 || !named || memchr(part->name.ptr, '\\', part->name.len) != NULL)
        return CLIENTID_REASON_CREDENTIALS_MALFORMED;
    return CLIENTID_REASON_ALLOWED;
}

/* A part of another type or encoding has another value for who honours that. */
static bool plain_type(clientid_str line)
{
    size_t len = clientid__token_len(line);
    clientid_str name, value, rest;
    int rv;

    while (len < line.len && (line.ptr[len] == '/' || clientid__is_token_char(line.ptr[len])))
        len++;
    if (!clientid__str_case_eq(clientid__str(line.ptr, len), CLIENTID_STR("text/plain")))
        return false;
    rest = after(line, len);
    while ((rv = clientid__parameter_next(&rest, &name, &value)) > 0)
        if (clientid__str_case_eq(name, CLIENTID_STR("charset")) && !clientid__charset_plain(value))
            return false;
    return rv == 0;
}

static bool plain_encoding(clientid_str line)
{
    return clientid__str_case_eq(line, CLIENTID_STR("7bit")) ||
           clientid__str_case_eq(line, CLIENTID_STR("8bit")) ||
           clientid__str_case_eq(line, CLIENTID_STR("binary"));
}

/* One header line of a part, without its CRLF. */
static clientid_reason read_part_header(clientid_str line, struct part *part, bool *disposed)
{
    size_t len = clientid__token_len(line);
    clientid_str name = clientid__str(line.ptr, len), value;

    /* Folded lines, bare CR or LF, white space before the colon: parsers part ways there. */
    if (len == 0 || len == line.len || line.ptr[len] != ':')
        return CLIENTID_REASON_CREDENTIALS_MALFORMED;
    value = clientid__trim_ows(after(line, len + 1));
    for (size_t i = 0; i < value.len; i++)
        if (clientid__is_control((unsigned char)value.ptr[i]) && value.ptr[i] != '\t')
            return CLIENTID_REASON_CREDENTIALS_MALFORMED;

    if (clientid__str_case_eq(name, CLIENTID_STR("content-disposition"))) {
        if (*disposed)
            return CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
        *disposed = true;
        return read_disposition(value, part);
    }
    if (clientid__str_case_eq(name, CLIENTID_STR("content-type")))
        part->plain = part->plain && plain_type(value);
    else if (clientid__str_case_eq(name, CLIENTID_STR("content-transfer-encoding")))
        part->plain = part->plain && plain_encoding(value);
    return CLIENTID_REASON_ALLOWED;
}

/* Where the CRLF at or after |from| is, or |text.len|. */
static size_t find_crlf(clientid_str text, size_t from)
{
    for (size_t i = from; i + 1 < text.len; i++) {
        const char *cr = memchr(text.ptr + i, '\r', text.len - i - 1);
        if (cr == NULL)
            return text.len;
        i = (size_t)(cr - text.ptr);
        if (cr[1] == '\n')
            return i;
    }
    return text.len;
}

/* |text| is a part between its delimiters: header lines, an empty line, the value. */
static clientid_reason read_part(clientid_str text, struct clientid__param *params, size_t count)
{
    struct part part = {.plain = true};
    bool disposed = false;

    for (;;) {
        size_t end = find_crlf(text, 0);
        clientid_reason reason;
        if (end == text.len)
            return CLIENTID_REASON_CREDENTIALS_MALFORMED;
        clientid_str line = clientid__str(text.ptr, end);
        text = after(text, end + 2);
        if (line.len == 0)
            break;
        reason = read_part_header(line, &part, &disposed);
        if (reason != CLIENTID_REASON_ALLOWED)
            return reason;
    }
    if (!disposed)
        return CLIENTID_REASON_CREDENTIALS_MALFORMED;

    for (size_t i = 0; i < count; i++) {
        if (!clientid__str_eq(part.name, params[i].name))
            continue;
        params[i].seen++;
        params[i].raw = text;
        /* Some frameworks keep files apart from values, others do not. */
        if (part.file)
            params[i].flaw = CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
        else if (!part.plain)
            params[i].flaw = CLIENTID_REASON_CREDENTIALS_MALFORMED;
    }
    return CLIENTID_REASON_ALLOWED;
}

/*
 * Where the next delimiter's "--" is at or after |from|, or |body.len|.  Mid-line it is content.  After a CR or
 * LF alone it is a delimiter for some parsers: |*doubtful|.
 */
static size_t find_delimiter(clientid_str body, clientid_str boundary, size_t from, bool *doubtful)
{
    for (size_t i = from; i < body.len; i++) {
        const char *dash = memchr(body.ptr + i, '-', body.len - i);
        if (dash == NULL)
            return body.len;
        i = (size_t)(dash - body.ptr);
        if (body.len - i < boundary.len + 2 || dash[1] != '-' ||
            memcmp(dash + 2, boundary.ptr, boundary.len) != 0)
            continue;
        if (i < 2 || (dash[-1] != '\n' && dash[-1] != '\r'))
            continue;
        *doubtful = dash[-2] != '\r' || dash[-1] != '\n';
        return i;
    }
    return body.len;
}

/* Goes from delimiter to delimiter; no preamble but an empty line, no epilogue but a line's end. */
static clientid_reason read_body(const struct clientid__reader *reader, clientid_str body,
                                 clientid_str boundary, struct clientid__param *params,
                                 size_t count)
{
    const clientid_str crlf = CLIENTID_STR("\r\n");
    uint32_t parts = 0;

    if (starts_with(body, crlf))
        body = after(body, 2);
    if (!starts_with(body, CLIENTID_STR("--")) || !starts_with(after(body, 2), boundary))
        return CLIENTID_REASON_CREDENTIALS_MALFORMED;
    body = after(body, boundary.len + 2);

    /* |body| begins behind a boundary. */
    while (starts_with(body, crlf)) {
        bool doubtful = false;
        size_t end = find_delimiter(body, boundary, 2, &doubtful);
        clientid_reason reason;
        if (end == body.len || doubtful || end < 4)
            return CLIENTID_REASON_CREDENTIALS_MALFORMED;
        if (++parts > reader->caps->params)
            return CLIENTID_REASON_CREDENTIALS_TOO_LONG;
        reason = read_part(clientid__str(body.ptr + 2, end - 4), params, count);
        if (reason != CLIENTID_REASON_ALLOWED)
            return reason;
        body = after(body, end + boundary.len + 2);
    }
    if (!starts_with(body, CLIENTID_STR("--")))
        return CLIENTID_REASON_CREDENTIALS_MALFORMED;
    body = after(body, 2);
    if (body.len > 0 && !clientid__str_eq(body, crlf))
        return CLIENTID_REASON_CREDENTIALS_MALFORMED;
    return CLIENTID_REASON_ALLOWED;
}

static struct clientid__value settle(const struct clientid__param *param,
                                     const struct clientid__caps *caps)
{
    if (param->seen > 1)
        return clientid__value_none(CLIENTID_REASON_CREDENTIALS_AMBIGUOUS);
    if (param->flaw != CLIENTID_REASON_ALLOWED)
        return clientid__value_none(param->flaw);
    return clientid__value_make(param->raw, caps);
}

int clientid__parts_read(const struct clientid__reader *reader, struct clientid__param *params,
                         size_t count)
{
    clientid_str parameters = {NULL, 0}, boundary = {NULL, 0};
    struct clientid__value state;
    int rv = clientid__body_open(reader, CLIENTID_STR("multipart/form-data"), &parameters, &state);

    if (rv < 0)
        return rv;
    if (clientid__value_there(&state) || state.reason == CLIENTID_REASON_BODY_NEEDED) {
        clientid_reason reason = find_boundary(parameters, &boundary);
        if (reason != CLIENTID_REASON_ALLOWED)
            state.reason = reason;
    }
    if (clientid__value_there(&state))
        state.reason = read_body(reader, state.text, boundary, params, count);
    if (!clientid__value_there(&state)) {
        clientid__params_set(params, count, clientid__value_none(state.reason));
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        params[i].value = settle(&params[i], reader->caps);
    return 0;
}
