/* SPDX-License-Identifier: Apache-2.0 */
/* One Authorization line, one scheme, one token68, one spelling of it, cut at the first colon: or nothing. */
#include "extract/basic.h"

#include "base/str.h"
#include "extract/base64.h"
#include "extract/header.h"
#include "extract/urlcode.h"

static const clientid_str basic = {"basic", 5};

static clientid_str after(clientid_str text, size_t len)
{
    return clientid__str(text.ptr + len, text.len - len);
}

/* A reader that splits at commas finds Basic behind another scheme's credentials. */
static bool basic_in_list(clientid_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ',')
            continue;
        clientid_str element = clientid__trim_ows(after(text, i + 1));
        size_t len = clientid__token_len(element);
        if (clientid__str_case_eq(clientid__str(element.ptr, len), basic))
            return true;
    }
    return false;
}

/* Where the token ends.  What else token68 rules out (RFC 9110 section 11.2), base64 refuses. */
static size_t token_len(clientid_str text)
{
    size_t len = 0;

    while (len < text.len && text.ptr[len] != ' ' && text.ptr[len] != ',')
        len++;
    return len;
}

/* _ALLOWED with |*token| set, _ID_MISSING for another scheme, or why not. */
static clientid_reason token_of(clientid_str line, clientid_str *token)
{
    size_t scheme = clientid__token_len(line);
    clientid_str rest = after(line, scheme);

    if (clientid__has_control(line) || scheme == 0)
        return CLIENTID_REASON_CREDENTIALS_MALFORMED;
    if (!clientid__str_case_eq(clientid__str(line.ptr, scheme), basic))
        return basic_in_list(rest) ? CLIENTID_REASON_CREDENTIALS_AMBIGUOUS
                                   : CLIENTID_REASON_ID_MISSING;
    if (rest.len == 0 || rest.ptr[0] != ' ')
        return rest.len > 0 && rest.ptr[0] == ',' ? CLIENTID_REASON_CREDENTIALS_AMBIGUOUS
                                                  : CLIENTID_REASON_CREDENTIALS_MALFORMED;
    rest = clientid__trim_ows(rest);
    *token = clientid__str(rest.ptr, token_len(rest));
    rest = clientid__trim_ows(after(rest, token->len));
    if (rest.len > 0 && rest.ptr[0] == ',')
        return CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
    if (rest.len > 0 || token->len == 0)
        return CLIENTID_REASON_CREDENTIALS_MALFORMED;
    return CLIENTID_REASON_ALLOWED;
}

/* Both parts at their longest and the colon, encoded. */
static size_t token_max(const struct clientid__caps *caps)
{
    return ((size_t)caps->credential_bytes * 2 + 1 + 2) / 3 * 4;
}

/* A part after the split; form-decoded where the policy says so (RFC 6749 section 2.3.1). */
static struct clientid__value part_of(const struct clientid__reader *reader, char *text, size_t len)
{
    ptrdiff_t decoded = (ptrdiff_t)len;

    if (len > reader->caps->credential_bytes)
        return clientid__value_none(CLIENTID_REASON_CREDENTIALS_TOO_LONG);
    if (reader->flags & CLIENTID__SPEC_URLDECODE)
        decoded = clientid__url_decode(clientid__str(text, len), 0, text);
    if (decoded < 0)
        return clientid__value_none(CLIENTID_REASON_CREDENTIALS_MALFORMED);
    return clientid__value_make(clientid__str(text, (size_t)decoded), reader->caps);
}

static void split(const struct clientid__reader *reader, char *text, size_t len,
                  struct clientid__value *id, struct clientid__value *secret)
{
    clientid_str whole = clientid__str(text, len);
    /* The first colon: a password may contain colons, a user name may not (RFC 7617 section 2). */
    char *colon = memchr(text, ':', len);

    if (colon == NULL || colon == text || !clientid__text_valid(whole)) {
        id->reason = CLIENTID_REASON_CREDENTIALS_MALFORMED;
        return;
    }
    *id = part_of(reader, text, (size_t)(colon - text));
    *secret = part_of(reader, colon + 1, len - (size_t)(colon - text) - 1);
}

int clientid__basic_read(const struct clientid__reader *reader, struct clientid__value *id,
                         struct clientid__value *secret)
{
    unsigned flags = reader->flags & CLIENTID__SPEC_UNPADDED ? CLIENTID__BASE64_UNPADDED : 0;
    struct clientid__value line;
    clientid_str token = {NULL, 0};
    char *out;
    ptrdiff_t len;
    int rv;

    *id = *secret = clientid__value_none(CLIENTID_REASON_ID_MISSING);
    rv = clientid__header_line(reader->request, CLIENTID_STR("authorization"), &line);
    if (rv < 0)
        return rv;
    if (clientid__value_there(&line))
        line.reason = token_of(line.text, &token);
    if (clientid__value_there(&line) && token.len > token_max(reader->caps))
        line.reason = CLIENTID_REASON_CREDENTIALS_TOO_LONG;
    if (!clientid__value_there(&line)) {
        id->reason = line.reason;
        return 0;
    }

    out = clientid__scratch_room(reader->scratch, clientid__base64_room(token.len));
    if (out == NULL)
        return CLIENTID_ERR_SPACE;
    len = clientid__base64_decode(token, flags, out);
    if (len < 0) {
        id->reason = CLIENTID_REASON_CREDENTIALS_MALFORMED;
        return 0;
    }
    clientid__scratch_take(reader->scratch, (size_t)len);
    split(reader, out, (size_t)len, id, secret);
    return 0;
}
