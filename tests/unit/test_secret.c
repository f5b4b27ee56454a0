/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* RTLD_NEXT */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "registry/secret.h"

#include "base/mem.h"
#include "base/str.h"
#include "support_registry.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- counting: the library calls these in the place of libcrypto's ------------------------------- */

static struct work {
    size_t digests; /* begun, or finished from a state that was kept */
    size_t blocks;  /* of SHA-256, wherever they came from */
} work;
static bool crypto_fails;

static void *next_symbol(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    if (symbol == NULL)
        abort();
    return symbol;
}

int SHA256_Init(SHA256_CTX *ctx)
{
    static int (*next)(SHA256_CTX *);

    if (next == NULL)
        *(void **)&next = next_symbol("SHA256_Init");
    work.digests++;
    return crypto_fails ? 0 : next(ctx);
}

void SHA256_Transform(SHA256_CTX *ctx, const unsigned char *block)
{
    static void (*next)(SHA256_CTX *, const unsigned char *);

    if (next == NULL)
        *(void **)&next = next_symbol("SHA256_Transform");
    work.blocks++;
    next(ctx, block);
}

int SHA256_Update(SHA256_CTX *ctx, const void *data, size_t len)
{
    static int (*next)(SHA256_CTX *, const void *, size_t);

    if (next == NULL)
        *(void **)&next = next_symbol("SHA256_Update");
    work.blocks += (ctx->num + len) / SHA256_CBLOCK;
    return crypto_fails ? 0 : next(ctx, data, len);
}

int SHA256_Final(unsigned char *out, SHA256_CTX *ctx)
{
    static int (*next)(unsigned char *, SHA256_CTX *);

    if (next == NULL)
        *(void **)&next = next_symbol("SHA256_Final");
    work.digests++;
    work.blocks += ctx->num + 9 > SHA256_CBLOCK ? 2 : 1;
    return next(out, ctx);
}

int RAND_bytes(unsigned char *out, int len)
{
    static int (*next)(unsigned char *, int);

    if (next == NULL)
        *(void **)&next = next_symbol("RAND_bytes");
    return crypto_fails ? 0 : next(out, len);
}

/* ---- known answers, computed with Python's hashlib and hmac -------------------------------------- */

static const char known_secret[] = "e6f9bd8b3c1f4d5a8a0b7c6d5e4f3a2b";

static void assert_hex(const unsigned char *bytes, const char *hex)
{
    char text[65];

    for (size_t i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(text, hex);
}

static clientid_secret known_salt(void)
{
    clientid_secret slot = {.salt_len = 16};

    for (unsigned char i = 0; i < 16; i++)
        slot.salt[i] = i;
    return slot;
}

static void test_known_answers(void **state)
{
    static const struct {
        const char *reason, *pepper, *hash;
        uint32_t pepper_id;
    } rows[] = {
        {"no pepper", NULL, "7e08dfff591179aa1481929e1615b8f5b4a5737140a3c2e006d3cba859bd8c40", 0},
        {"short pepper", "pepper",
         "a4d3e95995d9960717576d1339231c1fb9c08f5ff3fe297a05e3ed680c1272c5", 0xad8ab19b},
        {"pepper longer than a block",
         "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
         "kkkkkkkkkkk",
         "26d5af9db610eb8346bb6647d3ebf45e11a3cf533662818573e42d075a5a5767", 0xa47999e7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const unsigned char *pepper = (const unsigned char *)rows[i].pepper;
        size_t len = pepper != NULL ? strlen(rows[i].pepper) : 0;
        clientid_secret slot = known_salt(), wrapped = known_salt();

        slot.not_after_ns = 5; /* stays as it was */
        assert_int_equal(clientid_secret_hash(&slot, CLIENTID_STR(known_secret), pepper, len), 0);
        assert_hex(slot.hash, rows[i].hash);
        assert_int_equal(slot.pepper_id, rows[i].pepper_id);
        assert_int_equal(slot.algorithm,
                         pepper ? CLIENTID_SECRET_HMAC_SHA256 : CLIENTID_SECRET_SHA256);
        assert_int_equal(slot.not_after_ns, 5);
        if (pepper == NULL)
            continue;
        assert_int_equal(clientid_secret_hash(&wrapped, CLIENTID_STR(known_secret), NULL, 0), 0);
        assert_int_equal(clientid_secret_wrap(&wrapped, pepper, len), 0);
        assert_memory_equal(wrapped.hash, slot.hash, 32);
        assert_int_equal(wrapped.pepper_id, slot.pepper_id);
        assert_int_equal(wrapped.algorithm, slot.algorithm);
        assert_int_equal(clientid_pepper_id(pepper, len), rows[i].pepper_id);
    }
    assert_int_equal(clientid_pepper_id((const unsigned char *)rows[2].pepper, 64), 0x0c56fb55);
}

static void test_slot_key_is_the_first_eight_bytes(void **state)
{
    const unsigned char hash[32] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xff};

    (void)state;
    assert_true(clientid_slot_key(hash) == UINT64_C(0x0123456789abcdef));
}

static void test_arguments(void **state)
{
    const unsigned char pepper[] = "p";
    clientid_secret slot = known_salt();
    struct clientid__pepper *p;
    char out[200];

    (void)state;
    assert_int_equal(clientid_secret_hash(NULL, CLIENTID_STR("s"), NULL, 0), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_secret_hash(&slot, CLIENTID_STR(""), NULL, 0), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_secret_hash(&slot, clientid__str(NULL, 1), NULL, 0),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_secret_hash(&slot, CLIENTID_STR("s"), pepper, 0), CLIENTID_ERR_ARG);
    slot.salt_len = CLIENTID_SALT_MAX + 1;
    assert_int_equal(clientid_secret_hash(&slot, CLIENTID_STR("s"), NULL, 0), CLIENTID_ERR_ARG);
    slot = known_salt();
    assert_int_equal(clientid_secret_wrap(&slot, pepper, 1), CLIENTID_ERR_ARG); /* empty slot */
    assert_int_equal(clientid_secret_hash(&slot, CLIENTID_STR("s"), pepper, 1), 0);
    assert_int_equal(clientid_secret_wrap(&slot, pepper, 1),
                     CLIENTID_ERR_ARG); /* wrapped already */
    slot.algorithm = CLIENTID_SECRET_SHA256;
    assert_int_equal(clientid_secret_wrap(&slot, NULL, 1), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_secret_wrap(&slot, pepper, 0), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_secret_wrap(NULL, pepper, 1), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_secret_generate(NULL, 32), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_secret_generate(out, 15), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_secret_generate(out, 129), CLIENTID_ERR_ARG);
    assert_int_equal(clientid__pepper_new(&p, &clientid__malloc, NULL, 1), CLIENTID_ERR_ARG);
    assert_int_equal(clientid__pepper_new(&p, &clientid__malloc, pepper, 0), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_pepper_id(NULL, 4), 0);
    clientid__pepper_del(NULL);
}

static void test_generated_secrets(void **state)
{
    (void)state;
    for (size_t len = 16; len <= 128; len++) {
        char a[130], b[130];

        memset(a, '#', sizeof(a));
        assert_int_equal(clientid_secret_generate(a, len), 0);
        assert_int_equal(clientid_secret_generate(b, len), 0);
        for (size_t i = 0; i < len; i++)
            assert_non_null(memchr("0123456789abcdef", a[i], 16));
        assert_int_equal(a[len], '#');
        assert_memory_not_equal(a, b, len);
    }
}

static void test_a_broken_library_admits_nobody(void **state)
{
    struct support_alloc a;
    struct support_registry s;
    struct clientid__contract c;
    struct clientid__pepper *p;
    clientid_event event = support_contract_event(1, "a", "c", 0, CLIENTID_APPROVED);
    clientid_secret slot = known_salt(), before;
    char out[40];

    (void)state;
    event.u.contract.secrets[0] = (clientid_secret){.algorithm = CLIENTID_SECRET_SHA256};
    support_registry_new(&s);
    assert_int_equal(clientid__registry_apply(s.registry, &event), 0);
    assert_true(support_registry_find(&s, "a", CLIENTID_STR("c"), &c));
    before = slot;
    support_alloc_init(&a);
    crypto_fails = true;
    /* Digests stay zero then, and so is the stored hash. */
    assert_int_equal(clientid__secret_verify(s.registry, &c, NULL, CLIENTID_STR("x"), 1).reason,
                     CLIENTID_REASON_SECRET_WRONG);
    assert_int_equal(clientid_secret_hash(&slot, CLIENTID_STR("s"), NULL, 0), CLIENTID_ERR_CRYPTO);
    assert_memory_equal(&slot, &before, sizeof(slot));
    slot.algorithm = CLIENTID_SECRET_SHA256;
    assert_int_equal(clientid_secret_wrap(&slot, slot.salt, 16), CLIENTID_ERR_CRYPTO);
    assert_int_equal(clientid_secret_generate(out, 32), CLIENTID_ERR_CRYPTO);
    assert_int_equal(clientid_pepper_id(slot.salt, 16), 0);
    assert_int_equal(clientid__pepper_new(&p, &a.allocator, slot.salt, 16), CLIENTID_ERR_CRYPTO);
    crypto_fails = false;
    assert_int_equal(a.live, 0);
    a.fail_at = a.calls + 1;
    assert_int_equal(clientid__pepper_new(&p, &a.allocator, slot.salt, 16), CLIENTID_ERR_NOMEM);
    support_registry_del(&s);
}

/* ---- verification -------------------------------------------------------------------------------- */

#define PEPPER ((const unsigned char *)"pepper")

enum { PLAIN = 1, PEPPERED = 2 };

static clientid_secret make_slot(int kind, const char *secret, unsigned char salt,
                                 uint32_t salt_len, uint64_t not_before_ns, uint64_t not_after_ns)
{
    clientid_secret slot = {
        .salt_len = salt_len, .not_before_ns = not_before_ns, .not_after_ns = not_after_ns};

    if (kind == 0)
        return slot;
    memset(slot.salt, salt, salt_len);
    assert_int_equal(clientid_secret_hash(&slot, clientid__cstr(secret),
                                          kind == PEPPERED ? PEPPER : NULL,
                                          kind == PEPPERED ? 6 : 0),
                     0);
    return slot;
}

static void put_secrets(struct support_registry *s, const char *client_id, clientid_secret a,
                        clientid_secret b)
{
    static uint64_t id = 1;
    clientid_event event = support_contract_event(id++, "a", client_id, 0, CLIENTID_APPROVED);

    event.u.contract.secrets[0] = a;
    event.u.contract.secrets[1] = b;
    assert_int_equal(clientid__registry_apply(s->registry, &event), 0);
}

static struct clientid__secret_match verify(struct support_registry *s, const char *client_id,
                                            const struct clientid__pepper *pepper,
                                            const char *secret, uint64_t now_ns)
{
    struct clientid__contract c;

    (void)support_registry_find(s, "a", clientid__cstr(client_id), &c);
    return clientid__secret_verify(s->registry, &c, pepper, clientid__cstr(secret), now_ns);
}

static const struct {
    const char *reason;
    struct {
        int kind;
        const char *secret;
        unsigned char salt;
        uint64_t from, to;
    } slot[2];
    const char *shown;
    unsigned want, want_slot;
} verdicts[] = {
    {"first slot",
     {{PLAIN, "one", 1, 0, 0}, {0, NULL, 0, 0, 0}},
     "one",
     CLIENTID_REASON_ALLOWED,
     1},
    {"second slot only",
     {{0, NULL, 0, 0, 0}, {PLAIN, "two", 2, 0, 0}},
     "two",
     CLIENTID_REASON_ALLOWED,
     2},
    {"two salts, first",
     {{PLAIN, "one", 1, 0, 0}, {PLAIN, "two", 2, 0, 0}},
     "one",
     CLIENTID_REASON_ALLOWED,
     1},
    {"two salts, second",
     {{PLAIN, "one", 1, 0, 0}, {PLAIN, "two", 2, 0, 0}},
     "two",
     CLIENTID_REASON_ALLOWED,
     2},
    {"one salt, second",
     {{PLAIN, "one", 1, 0, 0}, {PLAIN, "two", 1, 0, 0}},
     "two",
     CLIENTID_REASON_ALLOWED,
     2},
    {"wrong",
     {{PLAIN, "one", 1, 0, 0}, {PLAIN, "two", 2, 0, 0}},
     "three",
     CLIENTID_REASON_SECRET_WRONG,
     0},
    {"prefix",
     {{PLAIN, "one", 1, 0, 0}, {0, NULL, 0, 0, 0}},
     "on",
     CLIENTID_REASON_SECRET_WRONG,
     0},
    {"longer",
     {{PLAIN, "one", 1, 0, 0}, {0, NULL, 0, 0, 0}},
     "onee",
     CLIENTID_REASON_SECRET_WRONG,
     0},
    {"no secret is stored",
     {{0, NULL, 0, 0, 0}, {0, NULL, 0, 0, 0}},
     "one",
     CLIENTID_REASON_SECRET_WRONG,
     0},
    {"under the pepper",
     {{PEPPERED, "one", 1, 0, 0}, {0, NULL, 0, 0, 0}},
     "one",
     CLIENTID_REASON_ALLOWED,
     1},
    {"old plain, new peppered",
     {{PLAIN, "one", 1, 0, 0}, {PEPPERED, "two", 2, 0, 0}},
     "two",
     CLIENTID_REASON_ALLOWED,
     2},
    {"wrong under the pepper",
     {{PEPPERED, "one", 1, 0, 0}, {0, NULL, 0, 0, 0}},
     "two",
     CLIENTID_REASON_SECRET_WRONG,
     0},
    {"the last moment",
     {{PLAIN, "one", 1, 0, 1001}, {0, NULL, 0, 0, 0}},
     "one",
     CLIENTID_REASON_ALLOWED,
     1},
    {"ends now",
     {{PLAIN, "one", 1, 0, 1000}, {0, NULL, 0, 0, 0}},
     "one",
     CLIENTID_REASON_SECRET_EXPIRED,
     1},
    {"begins now",
     {{PLAIN, "one", 1, 1000, 0}, {0, NULL, 0, 0, 0}},
     "one",
     CLIENTID_REASON_ALLOWED,
     1},
    {"begins later",
     {{PLAIN, "one", 1, 1001, 0}, {0, NULL, 0, 0, 0}},
     "one",
     CLIENTID_REASON_SECRET_EXPIRED,
     1},
    {"wrong and expired is wrong",
     {{PLAIN, "one", 1, 0, 5}, {0, NULL, 0, 0, 0}},
     "two",
     CLIENTID_REASON_SECRET_WRONG,
     0},
    {"old one expired, new one shown",
     {{PLAIN, "one", 1, 0, 5}, {PLAIN, "two", 2, 0, 0}},
     "two",
     CLIENTID_REASON_ALLOWED,
     2},
    {"old one expired and shown",
     {{PLAIN, "one", 1, 0, 5}, {PLAIN, "two", 2, 0, 0}},
     "one",
     CLIENTID_REASON_SECRET_EXPIRED,
     1},
    {"the same secret twice, first valid",
     {{PLAIN, "one", 1, 0, 0}, {PLAIN, "one", 2, 0, 0}},
     "one",
     CLIENTID_REASON_ALLOWED,
     1},
    {"the same secret twice, second valid",
     {{PLAIN, "one", 1, 0, 5}, {PLAIN, "one", 2, 0, 0}},
     "one",
     CLIENTID_REASON_ALLOWED,
     2},
    {"the same secret twice, both over",
     {{PLAIN, "one", 1, 0, 5}, {PLAIN, "one", 2, 0, 6}},
     "one",
     CLIENTID_REASON_SECRET_EXPIRED,
     1},
};

static void test_verdicts(void **state)
{
    struct clientid__pepper *pepper;

    (void)state;
    assert_int_equal(clientid__pepper_new(&pepper, &clientid__malloc, PEPPER, 6), 0);
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        struct support_registry s;
        struct clientid__secret_match match;
        clientid_secret slot[2];

        support_registry_new(&s);
        for (unsigned n = 0; n < 2; n++)
            slot[n] = make_slot(verdicts[i].slot[n].kind, verdicts[i].slot[n].secret,
                                verdicts[i].slot[n].salt, 16, verdicts[i].slot[n].from,
                                verdicts[i].slot[n].to);
        put_secrets(&s, "c", slot[0], slot[1]);
        match = verify(&s, "c", pepper, verdicts[i].shown, 1000);
        if (match.reason != verdicts[i].want || match.slot != verdicts[i].want_slot)
            fail_msg("%s: reason %u, slot %u", verdicts[i].reason, match.reason, match.slot);
        if (match.slot != 0)
            assert_true(match.slot_key == clientid_slot_key(slot[match.slot - 1].hash));
        else
            assert_true(match.slot_key == 0);
        match = verify(&s, "unknown", pepper, verdicts[i].shown, 1000);
        assert_int_equal(match.reason, CLIENTID_REASON_SECRET_WRONG);
        support_registry_del(&s);
    }
    clientid__pepper_del(pepper);
}

static void test_without_the_right_pepper_nothing_matches(void **state)
{
    struct support_registry s;
    struct clientid__pepper *right, *wrong;
    clientid_secret slot = make_slot(PEPPERED, "one", 1, 16, 0, 0), none = {0}, forged = slot;

    (void)state;
    assert_int_equal(clientid__pepper_new(&right, &clientid__malloc, PEPPER, 6), 0);
    assert_int_equal(clientid__pepper_new(&wrong, &clientid__malloc, PEPPER, 5), 0);
    support_registry_new(&s);
    put_secrets(&s, "c", slot, none);
    forged.pepper_id ^= 1; /* the hash is right, but says it is under another pepper */
    put_secrets(&s, "f", forged, none);
    assert_int_equal(verify(&s, "c", right, "one", 0).slot, 1);
    assert_int_equal(verify(&s, "c", wrong, "one", 0).slot, 0);
    assert_int_equal(verify(&s, "c", NULL, "one", 0).slot, 0);
    assert_int_equal(verify(&s, "f", right, "one", 0).slot, 0);
    /* What is stored must not serve as a secret, nor a zero digest match a slot without pepper. */
    memset(slot.hash, 0, 32);
    put_secrets(&s, "z", slot, none);
    assert_int_equal(verify(&s, "z", NULL, "one", 0).slot, 0);
    clientid__pepper_del(right);
    clientid__pepper_del(wrong);
    support_registry_del(&s);
}

static void test_every_bit_of_the_hash_counts(void **state)
{
    struct support_registry s;
    const clientid_secret slot = make_slot(PLAIN, "one", 1, 16, 0, 0), none = {0};
    char id[16];

    (void)state;
    support_registry_new(&s);
    for (unsigned bit = 0; bit < 256; bit++) {
        clientid_secret other = slot;

        other.hash[bit / 8] ^= (unsigned char)(1u << bit % 8);
        snprintf(id, sizeof(id), "%u", bit);
        put_secrets(&s, id, other, none);
        assert_int_equal(verify(&s, id, NULL, "one", 0).slot, 0);
    }
    support_registry_del(&s);
}

/* ---- equal work ---------------------------------------------------------------------------------- */

static struct work work_of(struct support_registry *s, const char *client_id,
                           const struct clientid__pepper *pepper, const char *secret)
{
    work = (struct work){0, 0};
    (void)verify(s, client_id, pepper, secret, 1000);
    return work;
}

/* Every client and every secret of that length costs what an unknown client id costs. */
static void check_equal_work(struct support_registry *s, const struct clientid__pepper *pepper,
                             const char *const *clients, size_t count, struct work expected)
{
    /* Some that fill one block to a few, and some beyond what is laid out in one piece. */
    for (size_t len = 0; len < 300; len += len == 80 ? 120 : 1) {
        char secret[301];
        struct work unknown;

        snprintf(secret, sizeof(secret), "%0*d", (int)len, 0);
        secret[len] = '\0';
        unknown = work_of(s, "nobody", pepper, secret);
        if (len == 3) {
            assert_int_equal(unknown.digests, expected.digests);
            assert_int_equal(unknown.blocks, expected.blocks);
        }
        for (size_t i = 0; i < count; i++) {
            struct work known = work_of(s, clients[i], pepper, secret);

            if (known.digests != unknown.digests || known.blocks != unknown.blocks)
                fail_msg("%s, %zu bytes: %zu digests %zu blocks, unknown: %zu, %zu", clients[i],
                         len, known.digests, known.blocks, unknown.digests, unknown.blocks);
        }
    }
}

static void test_equal_work(void **state)
{
    static const char *const clients[] = {"none",      "first",   "second",    "same salt",
                                          "long salt", "expired", "two salts", "peppered"};
    const clientid_secret none = {0};
    struct clientid__pepper *pepper;
    struct support_registry s;

    (void)state;
    assert_int_equal(clientid__pepper_new(&pepper, &clientid__malloc, PEPPER, 6), 0);
    support_registry_new(&s);
    put_secrets(&s, "none", none, none);
    put_secrets(&s, "first", make_slot(PLAIN, "000", 1, 16, 0, 0), none);
    put_secrets(&s, "second", none, make_slot(PLAIN, "000", 1, 16, 0, 0));
    put_secrets(&s, "same salt", make_slot(PLAIN, "000", 1, 16, 0, 0),
                make_slot(PLAIN, "111", 1, 16, 0, 0));
    check_equal_work(&s, NULL, clients, 4, (struct work){1, 1});
    check_equal_work(&s, pepper, clients, 4, (struct work){1, 1}); /* nothing is under it yet */
    put_secrets(&s, "long salt", make_slot(PLAIN, "000", 1, 32, 0, 0), none);
    put_secrets(&s, "expired", make_slot(PLAIN, "000", 1, 5, 0, 5), none);
    check_equal_work(&s, NULL, clients, 6, (struct work){1, 1});
    put_secrets(&s, "two salts", make_slot(PLAIN, "000", 1, 16, 0, 0),
                make_slot(PLAIN, "111", 2, 20, 0, 0));
    check_equal_work(&s, NULL, clients, 7, (struct work){2, 2});
    put_secrets(&s, "peppered", make_slot(PEPPERED, "000", 1, 16, 0, 0), none);
    check_equal_work(&s, NULL, clients, 8, (struct work){2, 2});
    check_equal_work(&s, pepper, clients, 8,
                     (struct work){6, 6}); /* each: SHA-256 and both of HMAC */
    clientid__pepper_del(pepper);
    support_registry_del(&s);
}

static void test_one_salt_and_a_pepper(void **state)
{
    static const char *const clients[] = {"plain", "peppered", "both"};
    const clientid_secret none = {0};
    struct clientid__pepper *pepper;
    struct support_registry s;

    (void)state;
    assert_int_equal(clientid__pepper_new(&pepper, &clientid__malloc, PEPPER, 6), 0);
    support_registry_new(&s);
    put_secrets(&s, "plain", make_slot(PLAIN, "000", 1, 16, 0, 0), none);
    put_secrets(&s, "peppered", none, make_slot(PEPPERED, "000", 1, 16, 0, 0));
    put_secrets(&s, "both", make_slot(PLAIN, "000", 1, 16, 0, 0),
                make_slot(PEPPERED, "111", 1, 16, 0, 0));
    check_equal_work(&s, pepper, clients, 3, (struct work){3, 3});
    assert_int_equal(verify(&s, "both", pepper, "111", 0).slot, 2);
    assert_int_equal(verify(&s, "both", pepper, "000", 0).slot, 1);
    assert_int_equal(verify(&s, "peppered", pepper, "000", 0).slot, 2);
    clientid__pepper_del(pepper);
    support_registry_del(&s);
}

/* ---- wiped --------------------------------------------------------------------------------------- */

/* Gives memory that can be looked at after it was released. */
static unsigned char arena[4096];
static size_t arena_used;

static void *arena_allocate(void *self, size_t bytes)
{
    (void)self;
    arena_used += (bytes + 15) & ~(size_t)15;
    return arena_used <= sizeof(arena) ? arena + arena_used - ((bytes + 15) & ~(size_t)15) : NULL;
}

static void arena_release(void *self, void *memory)
{
    (void)self;
    (void)memory;
}

static void test_the_pepper_is_wiped(void **state)
{
    const clientid_allocator mem = {arena_allocate, arena_release, NULL};
    struct clientid__pepper *pepper;
    size_t left = 0;

    (void)state;
    assert_int_equal(clientid__pepper_new(&pepper, &mem, PEPPER, 6), 0);
    clientid__pepper_del(pepper);
    assert_true(arena_used > 0);
    for (size_t i = 0; i < sizeof(arena); i++)
        left += arena[i] != 0;
    assert_int_equal(left, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_slot_key_is_the_first_eight_bytes),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_generated_secrets),
        cmocka_unit_test(test_a_broken_library_admits_nobody),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_without_the_right_pepper_nothing_matches),
        cmocka_unit_test(test_every_bit_of_the_hash_counts),
        cmocka_unit_test(test_equal_work),
        cmocka_unit_test(test_one_salt_and_a_pepper),
        cmocka_unit_test(test_the_pepper_is_wiped),
    };

    /* The linker keeps a library only for what is not replaced above. */
    OPENSSL_init_crypto(0, NULL);
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
