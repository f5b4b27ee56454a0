/* SPDX-License-Identifier: Apache-2.0 */
/* A body is read only under one content type, one length and no coding, so that the upstream reads the same bytes. */
#include "extract/body.h"

#include "base/str.h"
#include "extract/header.h"

bool clientid__charset_plain(clientid_str charset)
{
    return clientid__str_case_eq(charset, CLIENTID_STR("utf-8")) ||
           clientid__str_case_eq(charset, CLIENTID_STR("us-ascii"));
}

/* _ALLOWED when |line| is |media_type|, _ID_MISSING when it is another, else why it cannot be told. */
static clientid_reason type_of(clientid_str line, clientid_str media_type, clientid_str *parameters)
{
    size_t len = media_type.len;
    char next;

    if (line.len < len || !clientid__str_case_eq(clientid__str(line.ptr, len), media_type))
        return CLIENTID_REASON_ID_MISSING;
    *parameters = clientid__str(line.ptr + len, line.len - len);
    if (parameters->len == 0)
        return CLIENTID_REASON_ALLOWED;
    next = parameters->ptr[0];
    if (clientid__is_token_char(next) || next == '/')
        return CLIENTID_REASON_ID_MISSING; /* a longer name */
    return next == ',' ? CLIENTID_REASON_CREDENTIALS_AMBIGUOUS : CLIENTID_REASON_ALLOWED;
}

/* A list of types, or a charset such as IBM037, in which the upstream would find other names than we do. */
static clientid_reason check_parameters(clientid_str parameters)
{
    clientid_str name, value;
    int rv;

    while ((rv = clientid__parameter_next(&parameters, &name, &value)) > 0)
        if (clientid__str_case_eq(name, CLIENTID_STR("charset")) && !clientid__charset_plain(value))
            return CLIENTID_REASON_CREDENTIALS_MALFORMED;
    return rv < 0 ? CLIENTID_REASON_CREDENTIALS_MALFORMED : CLIENTID_REASON_ALLOWED;
}

/* Content-Encoding: what is compressed cannot be read here. */
static int check_coding(const clientid_request *request, clientid_reason *reason)
{
    struct clientid__value line;
    int rv = clientid__header_line(request, CLIENTID_STR("content-encoding"), &line);

    if (rv < 0 || clientid__value_absent(&line))
        return rv;
    if (!clientid__value_there(&line))
        *reason = line.reason;
    else if (!clientid__str_case_eq(line.text, CLIENTID_STR("identity")))
        *reason = CLIENTID_REASON_CREDENTIALS_MALFORMED;
    return 0;
}

/* Whether |digits| is a number, and if so whether it is 0 or above |maximum|. */
enum length { LENGTH_UNKNOWN, LENGTH_ZERO, LENGTH_FITS, LENGTH_TOO_LARGE };

static enum length judge_length(clientid_str digits, uint32_t maximum)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return LENGTH_UNKNOWN;
        if (bytes <= maximum)
            bytes = bytes * 10 + (uint64_t)(digits.ptr[i] - '0');
    }
    if (bytes == 0)
        return LENGTH_ZERO;
    return bytes > maximum ? LENGTH_TOO_LARGE : LENGTH_FITS;
}

/* Before the host has read the body: is there one, and is it worth reading? */
static int foresee(const struct clientid__reader *reader, clientid_reason *reason)
{
    const clientid_request *request = reader->request;
    struct clientid__value length, coding;
    int rv = clientid__header_line(request, CLIENTID_STR("content-length"), &length);

    if (rv < 0)
        return rv;
    rv = clientid__header_line(request, CLIENTID_STR("transfer-encoding"), &coding);
    if (rv < 0)
        return rv;
    *reason = CLIENTID_REASON_BODY_NEEDED;
    if (!clientid__value_absent(&coding))
        return 0;
    /* HTTP/2 needs neither header for a body; a GET is not held up for one that hardly ever comes. */
    if (clientid__value_absent(&length) &&
        (clientid__str_eq(request->method, CLIENTID_STR("GET")) ||
         clientid__str_eq(request->method, CLIENTID_STR("HEAD"))))
        *reason = CLIENTID_REASON_ID_MISSING;
    if (!clientid__value_there(&length))
        return 0;
    switch (judge_length(length.text, reader->caps->body_bytes)) {
    case LENGTH_ZERO:
        *reason = CLIENTID_REASON_ID_MISSING;
        break;
    case LENGTH_TOO_LARGE:
        *reason = CLIENTID_REASON_BODY_TOO_LARGE;
        break;
    case LENGTH_UNKNOWN:
    case LENGTH_FITS:
        break;
    }
    return 0;
}

int clientid__body_open(const struct clientid__reader *reader, clientid_str media_type,
                        clientid_str *parameters, struct clientid__value *state)
{
    const clientid_request *request = reader->request;
    int rv = clientid__header_line(request, CLIENTID_STR("content-type"), state);

    if (rv < 0 || !clientid__value_there(state))
        return rv;
    *state = clientid__value_none(type_of(state->text, media_type, parameters));
    if (clientid__value_there(state))
        state->reason = check_parameters(*parameters);
    if (!clientid__value_there(state))
        return 0;
    rv = check_coding(request, &state->reason);
    if (rv < 0 || !clientid__value_there(state))
        return rv;

    if (request->flags & CLIENTID_BODY_TOO_LARGE)
        state->reason = CLIENTID_REASON_BODY_TOO_LARGE;
    else if (!(request->flags & CLIENTID_BODY_GIVEN))
        return foresee(reader, &state->reason);
    else if (request->body.len > reader->caps->body_bytes)
        state->reason = CLIENTID_REASON_BODY_TOO_LARGE;
    else if (request->body.len == 0)
        state->reason = CLIENTID_REASON_ID_MISSING;
    else
        state->text = request->body;
    return 0;
}
