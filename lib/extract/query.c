/* SPDX-License-Identifier: Apache-2.0 */
/* A parameter counts only when no reader of the same query could find another value under its name. */
#include "extract/query.h"

#include "base/str.h"
#include "extract/scan.h"

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

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte of a word is its lowest");

/* The first bytes of a name, which tell it from nearly all others. */
struct wanted {
    uint64_t word; /* eight of them at most, the rest 0 */
    uint64_t mask; /* of those that tell: not the case of a letter (0x20), nothing past the end */
};

static struct wanted wanted_of(clientid_str name)
{
    uint64_t word = 0;

    if (name.len >= 8)
        return (struct wanted){clientid__load_eight(name.ptr), ~CLIENTID__EACH(0x20)};
    for (size_t i = 0; i < name.len; i++)
        word |= (uint64_t)(unsigned char)name.ptr[i] << (8 * i);
    return (struct wanted){word, ~CLIENTID__EACH(0x20) & ~(~UINT64_C(0) << (8 * name.len))};
}

/* The first eight bytes of a piece, or all of it and zeros.  The text that ends at |end| has eight. */
static uint64_t first_bytes(clientid_str piece, const char *end)
{
    const size_t left = (size_t)(end - piece.ptr);
    uint64_t word = left >= 8 ? clientid__load_eight(piece.ptr)
                              : clientid__load_eight(end - 8) >> (8 * (8 - left));

    return piece.len >= 8 ? word : word & ~(~UINT64_C(0) << (8 * piece.len));
}

/*
 * Plain bytes stay where they are whatever a reader makes of the rest: when the first eight are plain, those that differ
 * by more than the case of a letter settle that nobody takes the piece for the name.
 */
static bool plain_start(clientid_str piece, uint64_t word)
{
    const uint64_t past = piece.len >= 8 ? 0 : ~UINT64_C(0) << (8 * piece.len);

    return clientid__eight_plain(word | (past & CLIENTID__EACH('@')));
}

static bool starts_as(uint64_t word, const struct wanted *wanted)
{
    return ((word ^ wanted->word) & wanted->mask) == 0;
}

/* No reader takes |piece|, whose first eight bytes are not all plain, for |name|: told by its first byte. */
static bool starts_otherwise(clientid_str piece, clientid_str name)
{
    unsigned char c = (unsigned char)piece.ptr[0];

    return c != '%' && c != '+' && !clientid__is_control(c) &&
           clientid__lower(c) != clientid__lower((unsigned char)name.ptr[0]);
}

static bool surely_other(clientid_str piece, clientid_str name)
{
    const struct wanted wanted = wanted_of(name);

    if (piece.len >= 8 && plain_start(piece, clientid__load_eight(piece.ptr)))
        return !starts_as(clientid__load_eight(piece.ptr), &wanted);
    return starts_otherwise(piece, name);
}

/* |piece| is |name| as it stands and what follows it: nearly every parameter that is looked for. */
static bool verbatim(clientid_str piece, clientid_str name)
{
    return piece.len >= name.len && (piece.len == name.len || piece.ptr[name.len] == '=') &&
           memcmp(piece.ptr, name.ptr, name.len) == 0;
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
    const bool plain = param->plain && verbatim(piece, param->name);
    clientid_str name = plain ? param->name : name_near(piece, param->name);

    switch (plain ? CLIENTID__URL_SAME : clientid__url_match(name, param->name, url_flags)) {
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
                     ? clientid__str(piece.ptr + name.len + 1, piece.len - name.len - 1)
                     : clientid__str(NULL, 0);
}

/* The value of the only parameter of that name, decoded to scratch when anything is escaped. */
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

/* Seen once, and as it stands a value that every reader takes as it stands. */
static bool clean(const struct clientid__reader *reader, const struct clientid__param *param)
{
    return param->seen == 1 && param->flaw == CLIENTID_REASON_ALLOWED && param->raw.len > 0 &&
           param->raw.len <= reader->caps->credential_bytes &&
           clientid__scan_plain(param->raw.ptr, param->raw.len);
}

static int settle(const struct clientid__reader *reader, struct clientid__param *param,
                  unsigned url_flags)
{
    if (clean(reader, param)) {
        param->value =
            (struct clientid__value){.reason = CLIENTID_REASON_ALLOWED, .text = param->raw};
        return 0;
    }
    if (param->seen > 1)
        param->flaw = CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
    if (param->flaw != CLIENTID_REASON_ALLOWED)
        param->value = clientid__value_none(param->flaw);
    else if (param->seen == 0)
        param->value = clientid__value_none(CLIENTID_REASON_ID_MISSING);
    else
        return decode(reader, param, url_flags);
    return 0;
}

/* One pass over a text. */
struct pass {
    struct clientid__param *params;
    size_t count;
    struct wanted wanted[CLIENTID__PARAMS_MAX]; /* past |count|: nothing begins so */
    unsigned url_flags;
};

/* Bit i: the piece may be params[i]. */
static unsigned candidates(const struct pass *pass, clientid_str piece, clientid_str text)
{
    unsigned bits = 0;

    if (text.len >= 8) {
        uint64_t word = first_bytes(piece, text.ptr + text.len);

        if (plain_start(piece, word))
            return (unsigned)starts_as(word, &pass->wanted[0]) |
                   (unsigned)starts_as(word, &pass->wanted[1]) << 1;
    }
    for (size_t i = 0; i < pass->count; i++)
        bits |= (unsigned)!starts_otherwise(piece, pass->params[i].name) << i;
    return bits;
}

/* A '&' ends a piece, and so does the text.  False: more than |left| pieces. */
static bool take_pieces(const struct pass *pass, clientid_str text, uint32_t left)
{
    const char *at = text.ptr;

    for (size_t done = 0; done <= text.len; done += CLIENTID__SCAN_BYTES) {
        const char *block = text.ptr + done;
        const size_t bytes = text.len - done;
        uint64_t ends = bytes >= CLIENTID__SCAN_BYTES
                            ? clientid__scan_ends(block, CLIENTID__SCAN_BYTES)
                            : clientid__scan_ends(block, bytes) | UINT64_C(1) << bytes;

        for (; ends != 0; ends &= ends - 1) {
            const char *stop = block + __builtin_ctzll(ends);
            const clientid_str piece = clientid__str(at, (size_t)(stop - at));

            at = stop + 1;
            if (piece.len == 0)
                continue;
            if (left-- == 0)
                return false;
            for (unsigned bits = candidates(pass, piece, text); bits != 0; bits &= bits - 1)
                note(&pass->params[__builtin_ctz(bits)], piece, pass->url_flags);
        }
    }
    return true;
}

int clientid__pairs_read(const struct clientid__reader *reader, clientid_str text,
                         unsigned url_flags, struct clientid__param *params, size_t count)
{
    struct pass pass = {params, count, {wanted_of(params[0].name), {0, ~UINT64_C(0)}}, url_flags};

    if (count == CLIENTID__PARAMS_MAX)
        pass.wanted[1] = wanted_of(params[1].name);
    if (text.len > 0 && !take_pieces(&pass, text, reader->caps->params)) {
        clientid__params_set(params, count,
                             clientid__value_none(CLIENTID_REASON_CREDENTIALS_TOO_LONG));
        return 0;
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
