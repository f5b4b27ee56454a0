/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nobody can leave out, and nothing else: the request's bytes are read once, the id is hashed and compared, the
 * slot leads to the record, one SHA-256 block is digested, one limit is one compare-and-swap of a cell that is fetched
 * while the slot is.  As many bytes as the real tables have: 8-byte slots half full, records of what must be stored,
 * 16-byte cells half full.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "bench.h"

#include <openssl/sha.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Id, salt, hash and name of the usual sizes, numbers of contract, application and tier: two lines of cache. */
struct record {
    char id[ID_BYTES];
    unsigned char salt[16], hash[32];
    char name[16];
    uint64_t contract, application;
    uint64_t link; /* anywhere: for the chase that measures a miss */
    uint64_t tier;
};

struct cell {
    uint64_t key;
    _Atomic uint64_t time;
};

struct floor {
    uint64_t slots_mask, cells_mask;
    size_t records;
    uint64_t *slots;
    struct record *record;
    struct cell *cells;
    signed char digit[256]; /* Base64 */
};

static uint64_t round_up(uint64_t n)
{
    uint64_t size = 64;

    while (size < n)
        size *= 2;
    return size;
}

static void fill(struct floor *f)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (uint64_t i = 0; i <= f->slots_mask; i++)
        f->slots[i] = next_random() % f->records;
    for (size_t i = 0; i < f->records; i++) {
        memset(&f->record[i], (int)i, sizeof(f->record[i]));
        f->record[i].link = next_random();
    }
    for (uint64_t i = 0; i <= f->cells_mask; i++)
        f->cells[i].key = i;
    for (int i = 0; i < 64; i++)
        f->digit[(unsigned char)digits[i]] = (signed char)i;
}

struct floor *floor_new(size_t clients, unsigned limits)
{
    struct floor *f = need_memory(sizeof(*f));

    f->records = clients;
    f->slots_mask = round_up(clients * 2) - 1;
    f->cells_mask = round_up((uint64_t)clients * 2 * limits) - 1;
    f->slots = need_memory((f->slots_mask + 1) * sizeof(*f->slots));
    f->record = need_memory(clients * sizeof(*f->record));
    f->cells = need_memory((f->cells_mask + 1) * sizeof(*f->cells));
    fill(f);
    return f;
}

void floor_del(struct floor *f)
{
    free_memory(f->slots, (f->slots_mask + 1) * sizeof(*f->slots));
    free_memory(f->record, f->records * sizeof(*f->record));
    free_memory(f->cells, (f->cells_mask + 1) * sizeof(*f->cells));
    free_memory(f, sizeof(*f));
}

/* ---- the request's bytes ---------------------------------------------------------------------- */

struct found {
    const char *id, *secret;
    size_t escapes; /* somebody would have to decode */
};

/* A value begins behind '='; which one it is tells the length of the name in front of it. */
static void value_begins(struct found *found, const char *name, const char *equal)
{
    if (equal - name == 9 && memcmp(name, "client_id", 9) == 0)
        found->id = equal + 1;
    else if (equal - name == 13 && memcmp(name, "client_secret", 13) == 0)
        found->secret = equal + 1;
}

#ifdef __SSE2__
static uint64_t marks16(const char *at)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i marks = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('&')),
                                              _mm_cmpeq_epi8(bytes, _mm_set1_epi8('='))),
                                 _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('%')),
                                              _mm_cmpeq_epi8(bytes, _mm_set1_epi8('+'))));

    return (uint64_t)(unsigned)_mm_movemask_epi8(marks);
}
#else
static uint64_t marks16(const char *at)
{
    uint64_t marks = 0;

    for (unsigned i = 0; i < 16; i++)
        marks |= (uint64_t)(at[i] == '&' || at[i] == '=' || at[i] == '%' || at[i] == '+') << i;
    return marks;
}
#endif

/* Shots have room behind the text, so whole blocks may be read. */
static void scan_query(const struct shot *shot, struct found *found)
{
    const char *name = shot->text;

    for (size_t at = 0; at < shot->len; at += 64) {
        const char *block = shot->text + at;
        uint64_t marks = marks16(block);

        marks |= at + 16 < shot->len ? marks16(block + 16) << 16 : 0;
        marks |= at + 32 < shot->len ? marks16(block + 32) << 32 : 0;
        marks |= at + 48 < shot->len ? marks16(block + 48) << 48 : 0;
        for (; marks != 0; marks &= marks - 1) {
            const char *mark = block + __builtin_ctzll(marks);

            if (*mark == '&')
                name = mark + 1;
            else if (*mark == '=')
                value_begins(found, name, mark);
            else
                found->escapes++;
        }
    }
}

static void decode_basic(const struct floor *f, const struct shot *shot, char out[96],
                         struct found *found)
{
    const unsigned char *in = (const unsigned char *)shot->text + 6;
    size_t n = 0;

    for (size_t i = 0; i + 4 <= shot->len - 6; i += 4) {
        uint32_t group = (uint32_t)f->digit[in[i]] << 18 | (uint32_t)f->digit[in[i + 1]] << 12 |
                         (uint32_t)f->digit[in[i + 2]] << 6 | (uint32_t)f->digit[in[i + 3]];

        out[n++] = (char)(group >> 16);
        out[n++] = (char)(group >> 8);
        out[n++] = (char)group;
    }
    found->id = out;
    found->secret = (const char *)memchr(out, ':', n) + 1;
}

static void find_headers(const struct shot *shot, enum carrier carrier, struct found *found)
{
    struct host host = {carrier, shot};
    clientid_str value = {NULL, 0};

    (void)host_header(&host, CLIENTID_STR("client_id"), 0, &value);
    found->id = value.ptr;
    (void)host_header(&host, CLIENTID_STR("client_secret"), 0, &value);
    found->secret = value.ptr;
}

static struct found read_request(const struct floor *f, const struct floor_work *work,
                                 const struct shot *shot, char out[96])
{
    struct found found = {NULL, NULL, 0};

    if (work->carrier == BY_BASIC)
        decode_basic(f, shot, out, &found);
    else if (work->carrier == BY_HEADER)
        find_headers(shot, work->carrier, &found);
    else
        scan_query(shot, &found);
    return found;
}

/* ---- the rest --------------------------------------------------------------------------------- */

static uint64_t digest(const struct record *record, const char *secret)
{
    unsigned char block[64] = {0};
    SHA256_CTX sha;
    uint64_t expected[4], different = 0;

    SHA256_Init(&sha);
    memcpy(block, record->salt, 16);
    memcpy(block + 16, secret, ID_BYTES);
    block[48] = 0x80;
    block[62] = (48 * 8) >> 8;
    block[63] = (48 * 8) & 255;
    SHA256_Transform(&sha, block);
    memcpy(expected, record->hash, sizeof(expected));
    for (int i = 0; i < 4; i++)
        different |= expected[i] ^ ((uint64_t)sha.h[2 * i] << 32 | sha.h[2 * i + 1]);
    return different;
}

static uint64_t charge(struct cell *cell, uint64_t now_ns)
{
    uint64_t old = atomic_load_explicit(&cell->time, memory_order_relaxed), next;

    do
        next = (old > now_ns ? old : now_ns) + 6000;
    while (!atomic_compare_exchange_weak(&cell->time, &old, next));
    return next - now_ns;
}

static uint64_t spend(const struct floor_work *work, struct cell *cells, uint64_t now_ns)
{
    uint64_t sum = 0;

    if (work->outcome == DENIED_QUOTA)
        return atomic_load_explicit(&cells->time, memory_order_relaxed) > now_ns;
    for (unsigned i = 0; i < work->limits; i++)
        sum += charge(&cells[i], now_ns);
    return sum;
}

static uint64_t floor_one(struct floor *f, const struct floor_work *work, const struct shot *shot,
                          uint64_t now_ns)
{
    char decoded[96];
    struct found found = read_request(f, work, shot, decoded);
    XXH128_hash_t hash = XXH3_128bits_withSeed(found.id, ID_BYTES, 7);
    /* A client's limits side by side, found by its id: nothing has to be known of it. */
    struct cell *cells = &f->cells[hash.high64 & f->cells_mask & ~UINT64_C(3)];
    const struct record *record;
    uint64_t number, sum;

    __builtin_prefetch(cells, 1);
    number = f->slots[hash.low64 & f->slots_mask];
    /* An unknown id has no record, but pays for one and its digest, or the time would tell who is known. */
    record = &f->record[number];
    sum = number + found.escapes;
    sum += (uint64_t)memcmp(record->id, found.id, ID_BYTES) & 1;
    if (found.secret != NULL)
        sum += digest(record, found.secret);
    if (work->outcome == DENIED_UNKNOWN || work->outcome == DENIED_SECRET)
        return sum;
    return sum + spend(work, cells, now_ns);
}

uint64_t floor_run(struct floor *f, const struct floor_work *work, const struct requests *requests,
                   size_t begin, size_t count, uint64_t now_ns)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        request_fetch(requests, begin + i + 2);
        sum += floor_one(f, work, request_at(requests, begin + i), now_ns + i * 1000);
        one_at_a_time();
    }
    return sum;
}

double floor_miss_ns(struct floor *f)
{
    enum { LOADS = 1 << 16 };
    volatile size_t sink;
    size_t at = next_random() % f->records;
    uint64_t start = cpu_ns();

    for (size_t i = 0; i < LOADS; i++)
        at = (f->record[at].link + i) % f->records;
    sink = at;
    (void)sink;
    return (double)(cpu_ns() - start) / LOADS;
}
