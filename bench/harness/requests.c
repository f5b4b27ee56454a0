/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Zipf with exponent 1, as a continuous law: the rank's logarithm is even. */
static size_t draw(enum access access, size_t clients)
{
    double even = (double)(next_random() >> 11) / 9007199254740992.0;
    size_t rank;

    if (access == ONE_CLIENT)
        return clients / 2;
    if (access == UNIFORM)
        return next_random() % clients;
    rank = (size_t)pow((double)clients, even) - 1;
    /* Ranks are scattered, or the most used clients would be neighbours in memory. */
    return (rank * 2654435761U) % clients;
}

static size_t base64(const char *in, size_t len, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;

    for (size_t i = 0; i < len; i += 3) {
        unsigned long group = (unsigned long)(unsigned char)in[i] << 16;

        group |= i + 1 < len ? (unsigned long)(unsigned char)in[i + 1] << 8 : 0;
        group |= i + 2 < len ? (unsigned long)(unsigned char)in[i + 2] : 0;
        out[n++] = digits[group >> 18 & 63];
        out[n++] = digits[group >> 12 & 63];
        out[n++] = i + 1 < len ? digits[group >> 6 & 63] : '=';
        out[n++] = i + 2 < len ? digits[group & 63] : '=';
    }
    return n;
}

/* Other parameters of an everyday size behind the credentials, up to |bytes|. */
static size_t pad_query(char *text, size_t len, size_t bytes)
{
    static const char more[] = "&filter17=abcdefghijklmnopqrstuvwxyz";

    while (len < bytes) {
        size_t n = bytes - len < sizeof(more) - 1 ? bytes - len : sizeof(more) - 1;

        memcpy(text + len, more, n);
        len += n;
    }
    return len;
}

static size_t write_text(char *out, size_t room, enum carrier carrier, const char *id,
                         const char *secret, size_t query_bytes)
{
    char pair[2 * ID_BYTES + 2];

    switch (carrier) {
    case BY_BASIC:
        snprintf(pair, sizeof(pair), "%.32s:%.32s", id, secret);
        memcpy(out, "Basic ", 6);
        return 6 + base64(pair, 2 * ID_BYTES + 1, out + 6);
    case BY_HEADER:
        memcpy(out, id, ID_BYTES);
        memcpy(out + ID_BYTES, secret, ID_BYTES);
        return 2 * ID_BYTES;
    case BY_ID:
    case BY_QUERY:
    default:
        return pad_query(out,
                         (size_t)snprintf(out, room,
                                          carrier == BY_ID
                                              ? "client_id=%.32s&page=1&sort=name"
                                              : "client_id=%.32s&client_secret=%.32s&page=1",
                                          id, secret),
                         query_bytes);
    }
}

void requests_make(struct requests *r, enum carrier carrier, enum who who, enum access access,
                   size_t clients, size_t count, size_t query_bytes)
{
    char id[ID_BYTES], secret[ID_BYTES];

    *r = (struct requests){.carrier = carrier, .count = count};
    r->stride = ((query_bytes > 96 ? query_bytes : 96) + 64 + sizeof(struct shot)) / 64 * 64;
    r->memory = need_memory(r->count * r->stride);
    for (size_t i = 0; i < count; i++) {
        struct shot *shot = (struct shot *)(void *)(r->memory + i * r->stride);

        shot->client = (uint32_t)draw(access, clients);
        population_id(shot->client + (who == WHO_UNKNOWN ? (uint64_t)1 << 40 : 0), id);
        population_secret(shot->client + (who == WHO_WRONG_SECRET ? 1 : 0), secret);
        shot->len = (uint32_t)write_text(shot->text, r->stride - sizeof(*shot), carrier, id, secret,
                                         query_bytes);
    }
}

void requests_fill(struct requests *r, size_t first)
{
    char id[ID_BYTES], secret[ID_BYTES];

    for (size_t i = 0; i < r->count; i++) {
        struct shot *shot = (struct shot *)(void *)(r->memory + i * r->stride);

        shot->client = (uint32_t)(first + i);
        population_id(first + i, id);
        population_secret(first + i, secret);
        shot->len =
            (uint32_t)write_text(shot->text, r->stride - sizeof(*shot), r->carrier, id, secret, 0);
    }
}

void requests_free(struct requests *r)
{
    free_memory(r->memory, r->count * r->stride);
    r->memory = NULL;
}

int host_header(void *self, clientid_str lower_name, size_t nth, clientid_str *value)
{
    static const clientid_str lines[] = {
        {"host", 4},           {"accept", 6},    {"user-agent", 10},   {"x-request-id", 12},
        {"authorization", 13}, {"client_id", 9}, {"client_secret", 13}};
    const struct host *host = self;
    const struct shot *shot = host->shot;
    size_t first = host->carrier == BY_BASIC ? 4 : 5, at = 0;

    if (host->carrier == BY_QUERY || host->carrier == BY_ID)
        return 0;
    while (at < 7 && (lines[at].len != lower_name.len ||
                      memcmp(lines[at].ptr, lower_name.ptr, lower_name.len) != 0))
        at++;
    if (at < first || at == 7 || nth > 0 || (host->carrier == BY_BASIC && at > 4))
        return 0;
    if (at == 4)
        *value = (clientid_str){shot->text, shot->len};
    else
        *value = (clientid_str){shot->text + (at - 5) * ID_BYTES, ID_BYTES};
    return 1;
}

void request_set(clientid_request *request, struct host *host, const struct shot *shot)
{
    host->shot = shot;
    if (host->carrier == BY_QUERY || host->carrier == BY_ID)
        request->query = (clientid_str){shot->text, shot->len};
}
