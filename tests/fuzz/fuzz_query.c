/* SPDX-License-Identifier: Apache-2.0 */
/* clientid__query_read, clientid__query_strip: the first byte is flags, the rest the query. */
#include "extract/query.h"
#include "extract/urlcode.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) ((condition) ? (void)0 : abort())

static const clientid_str names[] = {{"client_id", 9}, {"client_secret", 13}};
static const struct clientid__caps caps = {64, 4096, 256, 64};

static void read_names(clientid_str query, unsigned flags, struct clientid__param params[2],
                       char *bytes, size_t room)
{
    clientid_request request = {.query = query};
    struct clientid__scratch scratch = {bytes, room};
    const struct clientid__reader reader = {&request, &caps, &scratch, flags};

    for (size_t i = 0; i < 2; i++)
        params[i] = (struct clientid__param){.name = names[i]};
    CHECK(clientid__query_read(&reader, params, 2) == 0);
}

/* How many pieces have a name that decodes to |name|, found the slow way. */
static unsigned count_named(clientid_str query, clientid_str name, unsigned url_flags)
{
    unsigned seen = 0;
    size_t from = 0;

    for (size_t i = 0; i <= query.len; i++) {
        if (i < query.len && query.ptr[i] != '&')
            continue;
        size_t end = from;
        while (end < i && query.ptr[end] != '=')
            end++;
        char *decoded = malloc(end - from + 1);
        CHECK(decoded != NULL);
        ptrdiff_t len =
            clientid__url_decode((clientid_str){query.ptr + from, end - from}, url_flags, decoded);
        seen += len == (ptrdiff_t)name.len && memcmp(decoded, name.ptr, name.len) == 0;
        free(decoded);
        from = i + 1;
    }
    return seen;
}

static void reading(clientid_str query, unsigned flags)
{
    unsigned url_flags = flags & CLIENTID__SPEC_PLUS ? CLIENTID__URL_PLUS : 0;
    struct clientid__param params[2];
    char bytes[256];

    read_names(query, flags, params, bytes, sizeof(bytes));
    for (size_t i = 0; i < 2; i++) {
        const struct clientid__value *v = &params[i].value;
        if (clientid__value_there(v)) {
            CHECK(count_named(query, names[i], url_flags) == 1);
            CHECK(v->text.len >= 1 && v->text.len <= 64 && !clientid__has_control(v->text));
            CHECK(clientid__utf8_valid(v->text));
        }
        if (clientid__value_absent(v))
            CHECK(count_named(query, names[i], url_flags) <= 1);
    }
}

/* What stays is whole pieces in order, and none that any reading here takes for a credential. */
static void stripping(clientid_str query)
{
    char *out = malloc(query.len + 1), *again = malloc(query.len + 1), bytes[256];
    struct clientid__param params[2];
    size_t len, at = 0;

    CHECK(out != NULL && again != NULL);
    len = clientid__query_strip(query, names, 2, out);
    CHECK(len <= query.len);
    for (unsigned flags = 0; flags <= CLIENTID__SPEC_PLUS; flags += CLIENTID__SPEC_PLUS) {
        read_names((clientid_str){out, len}, flags, params, bytes, sizeof(bytes));
        for (size_t i = 0; i < 2 && len <= caps.query_bytes; i++)
            CHECK(params[i].seen == 0 && params[i].flaw == CLIENTID_REASON_ALLOWED);
    }
    CHECK(clientid__query_strip((clientid_str){out, len}, names, 2, again) == len);
    CHECK(memcmp(again, out, len) == 0);
    for (size_t i = 0; i < query.len && at < len; i++)
        at += query.ptr[i] == out[at];
    CHECK(at == len);
    CHECK(clientid__query_strip(query, NULL, 0, out) == query.len);
    CHECK(memcmp(out, query.ptr, query.len) == 0);
    free(out);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy;

    if (size == 0)
        return 0;
    copy = malloc(size); /* the byte behind the query is poisoned */
    CHECK(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    copy = realloc(copy, size > 1 ? size - 1 : 1);
    CHECK(copy != NULL);
    reading((clientid_str){copy, size - 1}, data[0] & CLIENTID__SPEC_PLUS);
    stripping((clientid_str){copy, size - 1});
    free(copy);
    return 0;
}
