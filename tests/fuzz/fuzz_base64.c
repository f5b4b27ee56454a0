/* SPDX-License-Identifier: Apache-2.0 */
/* clientid__base64_decode, clientid__basic_read: what decodes is the only spelling of its bytes. */
#include "extract/base64.h"

#include "extract/basic.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) ((condition) ? (void)0 : abort())

static size_t encode(const unsigned char *in, size_t len, char *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;

    for (size_t bit = 0; bit < len * 8; bit += 6) {
        unsigned v = 0;
        for (size_t b = bit; b < bit + 6; b++)
            v = v << 1 | (b < len * 8 ? in[b / 8] >> (7 - b % 8) & 1u : 0u);
        out[n++] = alphabet[v];
    }
    return n;
}

static void round_trip(clientid_str text, unsigned flags)
{
    char *out = malloc(clientid__base64_room(text.len)), *again = malloc(text.len + 8);
    ptrdiff_t len;
    size_t n;

    CHECK(out != NULL && again != NULL);
    len = clientid__base64_decode(text, flags, out);
    if (len >= 0) {
        n = encode((const unsigned char *)out, (size_t)len, again);
        CHECK(n <= text.len && text.len - n <= 2);
        CHECK(n == 0 || memcmp(again, text.ptr, n) == 0);
        for (size_t i = n; i < text.len; i++)
            CHECK(text.ptr[i] == '=');
        CHECK(text.len % 4 == 0 || (flags & CLIENTID__BASE64_UNPADDED) != 0);
    }
    free(out);
    free(again);
}

static int header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    *value = *(const clientid_str *)host;
    return nth == 0 && name.len == 13;
}

static void as_authorization(clientid_str line, unsigned flags)
{
    static const struct clientid__caps caps = {64, 64, 4, 64};
    clientid_request request = {.header = header, .host = &line};
    char bytes[256];
    struct clientid__scratch scratch = {bytes, sizeof(bytes)};
    const struct clientid__reader reader = {&request, &caps, &scratch, flags};
    struct clientid__value id, secret;

    CHECK(clientid__basic_read(&reader, &id, &secret) == 0);
    if (!clientid__value_there(&id))
        return;
    CHECK(id.text.len >= 1 && id.text.len <= 64 && secret.text.len <= 64);
    CHECK(!clientid__has_control(id.text) && !clientid__has_control(secret.text));
    if (!(flags & CLIENTID__SPEC_URLDECODE))
        CHECK(memchr(id.text.ptr, ':', id.text.len) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    char line[512] = "Basic ";

    CHECK(copy != NULL);
    memcpy(copy, data, size);
    copy = realloc(copy, size > 0 ? size : 1); /* ends where the input ends */
    CHECK(copy != NULL);
    round_trip((clientid_str){copy, size}, 0);
    round_trip((clientid_str){copy, size}, CLIENTID__BASE64_UNPADDED);
    as_authorization((clientid_str){copy, size}, 0);
    if (size < sizeof(line) - 6) {
        memcpy(line + 6, copy, size);
        as_authorization((clientid_str){line, size + 6}, CLIENTID__SPEC_UNPADDED);
        as_authorization((clientid_str){line, size + 6}, CLIENTID__SPEC_URLDECODE);
    }
    free(copy);
    return 0;
}
