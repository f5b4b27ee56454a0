/* SPDX-License-Identifier: Apache-2.0 */
/* A parameter counts only when no reader of the same query could find another value under its name. */
#include "extract/query.h"

#include "base/str.h"
#include "extract/urlcode.h"

/* The piece that begins at |at|: up to the next '&', or to |end|. */
static clientid_str piece_at(const char *at, const char *end)
{
    const char *stop = at < end ? memchr(at, '&', (size_t)(end - at)) : NULL;

    return clientid__str(at, (size_t)((stop != NULL ? stop : end) - at));
}

/* Where the piece behind |piece| begins, NULL when there is none.  Behind a '&' at the end there is one, empty. */
static const char *behind(clientid_str piece, const char *end)
{
    const char *stop = piece.ptr + piece.len;

    return stop != end ? stop + 1 : NULL;
}

static clientid_str name_of(clientid_str piece)
{
    const char *equals = piece.len > 0 ? memchr(piece.ptr, '=', piece.len) : NULL;

    return clientid__str(piece.ptr, equals != NULL ? (size_t)(equals - piece.ptr) : piece.len);
}

/*
 * No reader takes |piece| for |name|: told by its first bytes, which settles nearly all of a query.  Plain bytes stay
 * where they are whatever a reader makes of the rest, so those that differ by more than the case of a letter (0x20)
 * settle it.
 */
static bool surely_other(clientid_str piece, clientid_str name)
{
    unsigned char c;

    if (piece.len >= 8 && name.len >= 8) {
        uint64_t word = clientid__load_eight(piece.ptr);

        if (clientid__eight_plain(word))
            return ((word ^ clientid__load_eight(name.ptr)) & ~CLIENTID__EACH(0x20)) != 0;
    }
    c = (unsigned char)piece.ptr[0];
    return c != '%' && c != '+' && !clientid__is_control(c) &&
           clientid__lower(c) != clientid__lower((unsigned char)name.ptr[0]);
}

/* |piece| up to its '=', for who looks for |wanted|, which it usually begins with. */
static clientid_str name_near(clientid_str piece, clientid_str wanted)
{
    clientid_str start = clientid__str(piece.ptr, piece.len < wanted.len ? piece.len : wanted.len);
    clientid_str name = name_of(start);

    if (name.len < start.len || name.len == piece.len || piece.ptr[name.len] == '=')
        return name;
    return name_of(piece);
}

static void note(struct clientid__param *param, clientid_str piece, unsigned url_flags)
{
    clientid_str name = name_near(piece, param->name);

    switch (clientid__url_match(name, param->name, url_flags)) {
    case CLIENTID__URL_DIFFERENT:
        return;
    case CLIENTID__URL_LENIENT:
        param->flaw = CLIENTID_REASON_CREDENTIALS_MALFORMED;
        return;
    case CLIENTID__URL_SAME:
        break;
    }
    param->seen++;
    param->raw = name.len < piece.len
                     ? clientid__str(name.ptr + name.len + 1, piece.len - name.len - 1)
                     : clientid__str(NULL, 0);
}

/* The value of the only parameter of that name, in place when nothing is escaped, else in scratch. */
static int decode(const struct clientid__reader *reader, struct clientid__param *param,
                  unsigned url_flags)
{
    clientid_str text = param->raw;
    char *out;
    ptrdiff_t len;

    if (text.len > reader->caps->credential_bytes) {
        param->value = clientid__value_none(CLIENTID_REASON_CREDENTIALS_TOO_LONG);
        return 0;
    }
    if (text.len > 0 && clientid__url_plain(text)) {
        param->value = (struct clientid__value){.reason = CLIENTID_REASON_ALLOWED, .text = text};
        return 0;
    }
    if (clientid__url_escaped(text, url_flags)) {
        out = clientid__scratch_room(reader->scratch, text.len);
        if (out == NULL)
            return CLIENTID_ERR_SPACE;
        len = clientid__url_decode(text, url_flags, out);
        if (len < 0) {
            param->value = clientid__value_none(CLIENTID_REASON_CREDENTIALS_MALFORMED);
            return 0;
        }
        clientid__scratch_take(reader->scratch, (size_t)len);
        text = clientid__str(out, (size_t)len);
    }
    param->value = clientid__value_make(text, reader->caps);
    return 0;
}

static int settle(const struct clientid__reader *reader, struct clientid__param *param,
                  unsigned url_flags)
{
    if (param->seen > 1)
        param->flaw = CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
    if (param->flaw != CLIENTID_REASON_ALLOWED) {
        param->value = clientid__value_none(param->flaw);
        return 0;
    }
    if (param->seen == 0) {
        param->value = clientid__value_none(CLIENTID_REASON_ID_MISSING);
        return 0;
    }
    return decode(reader, param, url_flags);
}

int clientid__pairs_read(const struct clientid__reader *reader, clientid_str text,
                         unsigned url_flags, struct clientid__param *params, size_t count)
{
    const char *const end = text.ptr != NULL ? text.ptr + text.len : NULL;
    clientid_str piece;
    uint32_t pieces = 0;

    for (const char *at = text.ptr; at != NULL; at = behind(piece, end)) {
        piece = piece_at(at, end);
        if (piece.len == 0)
            continue;
        if (++pieces > reader->caps->params) {
            clientid__params_set(params, count,
                                 clientid__value_none(CLIENTID_REASON_CREDENTIALS_TOO_LONG));
            return 0;
        }
        for (size_t i = 0; i < count; i++)
            if (!surely_other(piece, params[i].name))
                note(&params[i], piece, url_flags);
    }
    for (size_t i = 0; i < count; i++) {
        int rv = settle(reader, &params[i], url_flags);
        if (rv < 0)
            return rv;
    }
    return 0;
}

int clientid__query_read(const struct clientid__reader *reader, struct clientid__param *params,
                         size_t count)
{
    clientid_str query = reader->request->query;
    unsigned url_flags = reader->flags & CLIENTID__SPEC_PLUS ? CLIENTID__URL_PLUS : 0;
    int rv;

    if (query.len > reader->caps->query_bytes) {
        clientid__params_set(params, count,
                             clientid__value_none(CLIENTID_REASON_CREDENTIALS_TOO_LONG));
        return 0;
    }
    rv = clientid__pairs_read(reader, query, url_flags, params, count);
    for (size_t i = 0; i < count; i++)
        params[i].value.from_query = clientid__value_there(&params[i].value);
    return rv;
}

/* Either reading of '+', letters of either case, and what lenient decoders make of it: nginx's $arg_ folds case. */
static bool stripped(clientid_str piece, const clientid_str *names, size_t count)
{
    clientid_str name = name_of(piece);

    for (size_t i = 0; i < count; i++) {
        if (name.len == 0 || names[i].len == 0 || surely_other(name, names[i]))
            continue;
        if (clientid__url_match(name, names[i], CLIENTID__URL_FOLD) != CLIENTID__URL_DIFFERENT ||
            clientid__url_match(name, names[i], CLIENTID__URL_FOLD | CLIENTID__URL_PLUS) !=
                CLIENTID__URL_DIFFERENT)
            return true;
    }
    return false;
}

size_t clientid__query_strip(clientid_str query, const clientid_str *names, size_t name_count,
                             char *out)
{
    const char *const end = query.ptr != NULL ? query.ptr + query.len : NULL;
    clientid_str piece;
    char *next = out;
    bool first = true;

    for (const char *at = query.ptr; at != NULL; at = behind(piece, end)) {
        piece = piece_at(at, end);
        if (stripped(piece, names, name_count))
            continue;
        if (!first)
            *next++ = '&';
        first = false;
        if (piece.len > 0)
            memcpy(next, piece.ptr, piece.len);
        next += piece.len;
    }
    return (size_t)(next - out);
}
