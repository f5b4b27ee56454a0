/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many digests a verification takes depends on the registry as a whole and on the length of the secret that was
 * shown, never on the client: time does not tell whether a client id exists, nor how its secret is kept.
 *
 * The SHA256_* calls are deprecated since OpenSSL 3.0, but they are the only ones that neither allocate nor look up
 * an algorithm: 59 ns for a salted secret, less when the block is laid out here, against 107 ns with a reused
 * EVP_MD_CTX, which still allocates once per digest, and 410 ns with EVP_Digest.  They stay in this file.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "registry/secret.h"

#include "base/mem.h"
#include "registry/body.h"

#include <endian.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <string.h>

#define DIGEST_BYTES SHA256_DIGEST_LENGTH
#define BLOCK_BYTES  SHA256_CBLOCK

/* HMAC (RFC 2104) with the blocks of the key already digested. */
struct clientid__pepper {
    const clientid_allocator *mem;
    SHA256_CTX inner, outer;
    uint32_t id;
};

struct digest {
    unsigned char bytes[DIGEST_BYTES];
};

/* ---- digests ----------------------------------------------------------------------------------- */

static bool sha256(struct digest *out, const void *a, size_t a_len, const void *b, size_t b_len)
{
    SHA256_CTX ctx;
    bool ok = SHA256_Init(&ctx) == 1 && SHA256_Update(&ctx, a, a_len) == 1 &&
              SHA256_Update(&ctx, b, b_len) == 1 && SHA256_Final(out->bytes, &ctx) == 1;

    explicit_bzero(&ctx, sizeof(ctx));
    return ok;
}

static bool pepper_init(struct clientid__pepper *p, const unsigned char *key, size_t len)
{
    unsigned char block[BLOCK_BYTES] = {0};
    struct digest hashed;
    bool ok = true;

    if (len > BLOCK_BYTES) {
        ok = sha256(&hashed, key, len, "", 0);
        memcpy(block, hashed.bytes, DIGEST_BYTES);
    } else {
        memcpy(block, key, len);
    }
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        block[i] ^= 0x36;
    ok = ok && SHA256_Init(&p->inner) == 1 && SHA256_Update(&p->inner, block, BLOCK_BYTES) == 1;
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        block[i] ^= 0x36 ^ 0x5c;
    ok = ok && SHA256_Init(&p->outer) == 1 && SHA256_Update(&p->outer, block, BLOCK_BYTES) == 1;
    explicit_bzero(block, sizeof(block));
    explicit_bzero(&hashed, sizeof(hashed));
    return ok;
}

static bool hmac(struct digest *out, const struct clientid__pepper *p, const void *bytes,
                 size_t len)
{
    SHA256_CTX ctx = p->inner;
    struct digest inner;
    bool ok = SHA256_Update(&ctx, bytes, len) == 1 && SHA256_Final(inner.bytes, &ctx) == 1;

    ctx = p->outer;
    ok = ok && SHA256_Update(&ctx, inner.bytes, DIGEST_BYTES) == 1 &&
         SHA256_Final(out->bytes, &ctx) == 1;
    explicit_bzero(&ctx, sizeof(ctx));
    explicit_bzero(&inner, sizeof(inner));
    return ok;
}

static bool pepper_identify(struct clientid__pepper *p)
{
    static const char label[] = "clientid pepper";
    struct digest digest = {{0}};
    bool ok = hmac(&digest, p, label, sizeof(label) - 1);

    memcpy(&p->id, digest.bytes, sizeof(p->id));
    p->id = be32toh(p->id);
    return ok;
}

static bool pepper_make(struct clientid__pepper *p, const unsigned char *key, size_t len)
{
    return pepper_init(p, key, len) && pepper_identify(p);
}

static void pepper_wipe(struct clientid__pepper *p)
{
    explicit_bzero(p, sizeof(*p));
}

/* ---- verification ------------------------------------------------------------------------------ */

/*
 * Salt and secret of nearly all clients, padded as FIPS 180-4 section 5.1.1 says, are one or two blocks.  These are
 * laid out here and digested as they are: SHA256_Update and _Final, which gather a block themselves, take as long as the
 * block does.
 */
#define SHORT_BLOCKS 2

/* Everything about the secret that was shown; wiped as a whole. */
struct attempt {
    SHA256_CTX ctx;
    struct digest plain[2];    /* SHA-256(salt || secret), by slot */
    struct digest peppered[2]; /* HMAC(pepper, that) */
    unsigned char message[SHORT_BLOCKS * BLOCK_BYTES];
};

/* SHA-256 works in blocks; padding takes nine bytes at least (FIPS 180-4 section 5.1.1). */
static size_t blocks(size_t len)
{
    return (len + 9 + BLOCK_BYTES - 1) / BLOCK_BYTES;
}

/* The state after |count| of the |all| blocks at |a->message|; the others are digested for the time it takes. */
static bool digest_blocks(struct digest *out, struct attempt *a, size_t count, size_t all)
{
    bool ok = SHA256_Init(&a->ctx) == 1;

    for (size_t i = 0; i < count; i++)
        SHA256_Transform(&a->ctx, a->message + i * BLOCK_BYTES);
    /* In words as wide as those that compare it, which would else wait for the stores. */
    for (size_t i = 0; i < DIGEST_BYTES / 8; i++) {
        const uint64_t word = htobe64((uint64_t)a->ctx.h[2 * i] << 32 | a->ctx.h[2 * i + 1]);

        memcpy(out->bytes + 8 * i, &word, sizeof(word));
    }
    for (size_t i = count; i < all; i++)
        SHA256_Transform(&a->ctx, a->message);
    return ok;
}

static bool salted_short(struct digest *out, struct attempt *a,
                         const struct clientid__secret_slot *slot, clientid_str secret, size_t all)
{
    size_t len = slot->salt_len + secret.len, count = blocks(len);
    size_t end = count * BLOCK_BYTES - 8;
    const uint64_t bits = htobe64((uint64_t)len * 8);

    memcpy(a->message, slot->salt, slot->salt_len);
    if (secret.len > 0)
        memcpy(a->message + slot->salt_len, secret.ptr, secret.len);
    a->message[len] = 0x80;
    memset(a->message + len + 1, 0, end - len - 1);
    memcpy(a->message + end, &bits, sizeof(bits));
    return digest_blocks(out, a, count, all);
}

/* SHA-256(salt || secret), in as many blocks as the longest salt of the registry would take. */
static bool salted(struct digest *out, struct attempt *a, const struct clientid__secret_slot *slot,
                   clientid_str secret, size_t longest_salt)
{
    static const unsigned char filler[BLOCK_BYTES];
    size_t all = blocks(longest_salt + secret.len);
    bool ok;

    if (all <= SHORT_BLOCKS)
        return salted_short(out, a, slot, secret, all);
    ok = SHA256_Init(&a->ctx) == 1 &&
         sha256(out, slot->salt, slot->salt_len, secret.ptr, secret.len);
    if (ok && blocks(slot->salt_len + secret.len) < all)
        SHA256_Transform(&a->ctx, filler);
    return ok;
}

/* Whether all bytes are the same, in a time that does not depend on how many are. */
static bool same(const unsigned char *a, const unsigned char *b)
{
    uint64_t x[4], y[4], differ;

    memcpy(x, a, DIGEST_BYTES);
    memcpy(y, b, DIGEST_BYTES);
    differ = (x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]);
    /* Hidden from the optimiser, which could else compare word by word and stop early. */
    __asm__("" : "+r"(differ));
    return differ == 0;
}

/* What one verification works on.  |pepper|: NULL when no client of the registry needs one. */
struct question {
    const struct clientid__secret_slot *slots[2];
    unsigned slot_count; /* 2 when any client of the registry has a second secret */
    const struct clientid__pepper *pepper;
    clientid_str secret;
    size_t longest_salt;
};

static bool digest_one(struct attempt *a, const struct question *q, unsigned n,
                       const struct clientid__secret_slot *slot)
{
    bool ok = salted(&a->plain[n], a, slot, q->secret, q->longest_salt);

    if (q->pepper != NULL)
        ok = hmac(&a->peppered[n], q->pepper, a->plain[n].bytes, DIGEST_BYTES) && ok;
    return ok;
}

static bool digest_all(struct attempt *a, const struct question *q, bool two_salts)
{
    /* Without two salts both slots share one, or one is empty. */
    unsigned first =
        !two_salts && q->slot_count == 2 && q->slots[0]->algorithm == CLIENTID_SECRET_NONE ? 1 : 0;
    bool ok = digest_one(a, q, 0, q->slots[first]);

    if (q->slot_count == 1)
        return ok;
    if (two_salts)
        return digest_one(a, q, 1, q->slots[1]) && ok;
    a->plain[1] = a->plain[0];
    if (q->pepper != NULL)
        a->peppered[1] = a->peppered[0];
    return ok;
}

static bool slot_matches(const struct attempt *a, const struct question *q, unsigned n)
{
    const struct clientid__secret_slot *slot = q->slots[n];
    bool plain = same(slot->hash, a->plain[n].bytes);
    bool peppered = q->pepper != NULL && same(slot->hash, a->peppered[n].bytes);

    if (slot->algorithm == CLIENTID_SECRET_SHA256)
        return plain;
    return slot->algorithm == CLIENTID_SECRET_HMAC_SHA256 && peppered &&
           slot->pepper_id == q->pepper->id;
}

static bool in_time(const struct clientid__secret_slot *slot, uint64_t now_ns)
{
    return now_ns >= slot->not_before_ns &&
           (slot->not_after_ns == 0 || now_ns < slot->not_after_ns);
}

/* A secret that is valid now goes before one that is not, the first slot before the second. */
static struct clientid__secret_match judge(const struct question *q, const bool matches[2],
                                           uint64_t now_ns)
{
    struct clientid__secret_match result = {.reason = CLIENTID_REASON_SECRET_WRONG};

    for (unsigned n = 0; n < q->slot_count; n++) {
        if (!matches[n] || result.reason == CLIENTID_REASON_ALLOWED)
            continue;
        if (!in_time(q->slots[n], now_ns) && result.slot != 0)
            continue;
        result.reason =
            in_time(q->slots[n], now_ns) ? CLIENTID_REASON_ALLOWED : CLIENTID_REASON_SECRET_EXPIRED;
        result.slot = n + 1;
        result.slot_key = clientid_slot_key(q->slots[n]->hash);
    }
    return result;
}

struct clientid__secret_match clientid__secret_verify(const struct clientid__registry *registry,
                                                      const struct clientid__contract *contract,
                                                      const struct clientid__pepper *pepper,
                                                      clientid_str secret, uint64_t now_ns)
{
    /* After the record was found, so these are at least what it was published with. */
    uint32_t traits = atomic_load_explicit(&registry->traits, memory_order_acquire);
    const struct clientid__secret_slot first = clientid__record_slot(contract->record, 0),
                                       second = clientid__record_slot(contract->record, 1);
    struct question q = {
        .slots = {&first, &second},
        .slot_count = (traits & CLIENTID__TRAIT_SECOND) != 0 ? 2 : 1,
        .pepper = (traits & CLIENTID__TRAIT_HMAC) != 0 ? pepper : NULL,
        .secret = secret,
        .longest_salt = traits >> CLIENTID__TRAIT_SALT_SHIFT,
    };
    bool matches[2] = {false, false}, ok;
    struct attempt a;

    /* Without a contract, |record| is somebody else's (id 0): whatever is shown, it does not match. */
    ok = digest_all(&a, &q, (traits & CLIENTID__TRAIT_TWO_SALTS) != 0);
    for (unsigned n = 0; n < q.slot_count; n++)
        matches[n] = slot_matches(&a, &q, n) && ok && contract->id != 0;
    explicit_bzero(&a, sizeof(a));
    return judge(&q, matches, now_ns);
}

/* ---- peppers ----------------------------------------------------------------------------------- */

int clientid__pepper_new(struct clientid__pepper **out, const clientid_allocator *mem,
                         const unsigned char *pepper, size_t len)
{
    struct clientid__pepper *p;

    if (pepper == NULL || len == 0)
        return CLIENTID_ERR_ARG;
    p = clientid__alloc(mem, 1, sizeof(*p));
    if (p == NULL)
        return CLIENTID_ERR_NOMEM;
    p->mem = mem;
    if (!pepper_make(p, pepper, len)) {
        clientid__pepper_del(p);
        return CLIENTID_ERR_CRYPTO;
    }
    *out = p;
    return 0;
}

void clientid__pepper_del(struct clientid__pepper *pepper)
{
    const clientid_allocator *mem;

    if (pepper == NULL)
        return;
    mem = pepper->mem;
    pepper_wipe(pepper);
    clientid__free(mem, pepper);
}

uint32_t clientid_pepper_id(const unsigned char *pepper, size_t len)
{
    struct clientid__pepper p = {0};
    uint32_t id = 0;

    if (pepper != NULL && pepper_make(&p, pepper, len))
        id = p.id;
    pepper_wipe(&p);
    return id;
}

/* ---- stored secrets ---------------------------------------------------------------------------- */

uint64_t clientid_slot_key(const unsigned char hash[32])
{
    uint64_t key;

    memcpy(&key, hash, sizeof(key));
    return be64toh(key);
}

int clientid_secret_wrap(clientid_secret *slot, const unsigned char *pepper, size_t pepper_len)
{
    struct clientid__pepper p = {0};
    struct digest digest;
    int rv = CLIENTID_ERR_CRYPTO;

    if (slot == NULL || slot->algorithm != CLIENTID_SECRET_SHA256 || pepper == NULL ||
        pepper_len == 0)
        return CLIENTID_ERR_ARG;
    if (pepper_make(&p, pepper, pepper_len) && hmac(&digest, &p, slot->hash, DIGEST_BYTES)) {
        memcpy(slot->hash, digest.bytes, DIGEST_BYTES);
        slot->algorithm = CLIENTID_SECRET_HMAC_SHA256;
        slot->pepper_id = p.id;
        rv = 0;
    }
    pepper_wipe(&p);
    return rv;
}

int clientid_secret_hash(clientid_secret *slot, clientid_str secret, const unsigned char *pepper,
                         size_t pepper_len)
{
    clientid_secret made;
    struct digest digest;
    int rv = 0;

    if (slot == NULL || slot->salt_len > CLIENTID_SALT_MAX || secret.ptr == NULL ||
        secret.len == 0 || (pepper != NULL && pepper_len == 0))
        return CLIENTID_ERR_ARG;
    if (!sha256(&digest, slot->salt, slot->salt_len, secret.ptr, secret.len))
        return CLIENTID_ERR_CRYPTO;
    made = *slot;
    made.algorithm = CLIENTID_SECRET_SHA256;
    made.pepper_id = 0;
    memcpy(made.hash, digest.bytes, DIGEST_BYTES);
    if (pepper != NULL)
        rv = clientid_secret_wrap(&made, pepper, pepper_len);
    if (rv == 0)
        *slot = made;
    explicit_bzero(&digest, sizeof(digest));
    explicit_bzero(&made, sizeof(made));
    return rv;
}

int clientid_secret_generate(char *out, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[64];

    if (out == NULL || len < 16 || len > 2 * sizeof(random))
        return CLIENTID_ERR_ARG;
    if (RAND_bytes(random, (int)((len + 1) / 2)) != 1)
        return CLIENTID_ERR_CRYPTO;
    for (size_t i = 0; i < len; i++)
        out[i] = digits[i % 2 == 0 ? random[i / 2] >> 4 : random[i / 2] & 15];
    explicit_bzero(random, sizeof(random));
    return 0;
}
