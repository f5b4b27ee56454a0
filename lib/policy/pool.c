/* SPDX-License-Identifier: Apache-2.0 */
/* Equal content is one object at one address until the pool is deleted. */
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/policy.h"

/* The tables allocate as the pool does: every function that changes one has |pool| in scope. */
#define HASH_NONFATAL_OOM            1
#define uthash_malloc(bytes)         clientid__alloc(pool->mem, 1, (bytes))
#define uthash_free(memory, bytes)   clientid__free(pool->mem, (memory))
#define HASH_FUNCTION(key, len, out) ((out) = (unsigned)clientid__hash64((key), (len), 0))
#include <uthash.h>

struct text {
    UT_hash_handle hh;
    size_t len;
    char bytes[]; /* with a NUL behind, for debuggers */
};

struct queue {
    UT_hash_handle hh;
    struct clientid__queue queue;
    const char *key[2]; /* interned: API instance, label */
};

/* Interned slices, so equal answers have equal words. */
struct answers {
    UT_hash_handle hh;
    struct clientid__answers answers;
    clientid_str *names; /* of query parameters, then of headers */
    uint64_t *words;     /* the key */
};

struct clientid__pool {
    const clientid_allocator *mem;
    struct text *texts;
    struct queue *queues;
    struct answers *answers;
};

int clientid__pool_new(struct clientid__pool **out, const clientid_allocator *mem)
{
    struct clientid__pool *pool = clientid__alloc(mem, 1, sizeof(*pool));

    if (pool == NULL)
        return CLIENTID_ERR_NOMEM;
    pool->mem = mem;
    *out = pool;
    return 0;
}

static void answers_release(const struct clientid__pool *pool, struct answers *entry)
{
    clientid__free(pool->mem, entry->names);
    clientid__free(pool->mem, entry->words);
    clientid__free(pool->mem, entry);
}

void clientid__pool_del(struct clientid__pool *pool)
{
    struct answers *answers, *next_answers;
    struct queue *queue, *next_queue;
    struct text *text, *next_text;

    if (pool == NULL)
        return;
    HASH_ITER(hh, pool->answers, answers, next_answers)
    {
        HASH_DEL(pool->answers, answers);
        answers_release(pool, answers);
    }
    HASH_ITER(hh, pool->queues, queue, next_queue)
    {
        HASH_DEL(pool->queues, queue);
        clientid__free(pool->mem, queue);
    }
    HASH_ITER(hh, pool->texts, text, next_text)
    {
        HASH_DEL(pool->texts, text);
        clientid__free(pool->mem, text);
    }
    clientid__free(pool->mem, pool);
}

clientid_str clientid__pool_text(struct clientid__pool *pool, clientid_str text)
{
    const char *bytes = text.len > 0 ? text.ptr : "";
    struct text *entry;

    HASH_FIND(hh, pool->texts, bytes, text.len, entry);
    if (entry != NULL)
        return clientid__str(entry->bytes, entry->len);
    if (text.len > SIZE_MAX - sizeof(*entry) - 1)
        return clientid__str(NULL, 0);
    entry = clientid__alloc(pool->mem, 1, sizeof(*entry) + text.len + 1);
    if (entry == NULL)
        return clientid__str(NULL, 0);
    entry->len = text.len;
    memcpy(entry->bytes, bytes, text.len);
    HASH_ADD_KEYPTR(hh, pool->texts, entry->bytes, entry->len, entry);
    if (entry->hh.tbl == NULL) {
        clientid__free(pool->mem, entry);
        return clientid__str(NULL, 0);
    }
    return clientid__str(entry->bytes, entry->len);
}

struct clientid__queue *clientid__pool_queue(struct clientid__pool *pool, clientid_str api,
                                             clientid_str label)
{
    const char *key[2] = {clientid__pool_text(pool, api).ptr, clientid__pool_text(pool, label).ptr};
    struct queue *entry;

    if (key[0] == NULL || key[1] == NULL)
        return NULL;
    HASH_FIND(hh, pool->queues, key, sizeof(key), entry);
    if (entry != NULL)
        return &entry->queue;
    entry = clientid__alloc(pool->mem, 1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    memcpy(entry->key, key, sizeof(key));
    atomic_init(&entry->queue.waiting, 0);
    HASH_ADD(hh, pool->queues, key, sizeof(key), entry);
    if (entry->hh.tbl != NULL)
        return &entry->queue;
    clientid__free(pool->mem, entry);
    return NULL;
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool intern(struct clientid__pool *pool, clientid_str *text)
{
    *text = clientid__pool_text(pool, *text);
    return text->ptr != NULL;
}

static bool intern_names(struct clientid__pool *pool, const clientid_str *names, size_t count,
                         clientid_str *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = names[i];
        if (!intern(pool, &out[i]))
            return false;
    }
    return true;
}

static size_t name_count(const struct clientid__answers *answers)
{
    return answers->strip_query_count + answers->strip_header_count;
}

enum { FIXED_WORDS = 14 };

/* Replaces every slice of the entry by its interned one. */
static bool answers_intern(struct clientid__pool *pool, struct answers *entry)
{
    struct clientid__answers *a = &entry->answers;

    if (!intern(pool, &a->realm) || !intern(pool, &a->content_type) ||
        !intern(pool, &a->body_missing) || !intern(pool, &a->body_failed) ||
        !intern(pool, &a->body_quota) || !intern(pool, &a->body_unavailable))
        return false;
    if (!intern_names(pool, a->strip_query, a->strip_query_count, entry->names) ||
        !intern_names(pool, a->strip_headers, a->strip_header_count,
                      entry->names + a->strip_query_count))
        return false;
    a->strip_query = entry->names;
    a->strip_headers = entry->names + a->strip_query_count;
    return true;
}

/* The content as words without padding.  Interned texts differ in address exactly when they differ. */
static size_t answers_words(struct answers *entry)
{
    const struct clientid__answers *a = &entry->answers;
    const uint64_t fixed[FIXED_WORDS] = {a->soap,
                                         a->basic,
                                         a->expose_headers,
                                         a->generation,
                                         a->format,
                                         a->contract_status,
                                         (uintptr_t)a->realm.ptr,
                                         (uintptr_t)a->content_type.ptr,
                                         (uintptr_t)a->body_missing.ptr,
                                         (uintptr_t)a->body_failed.ptr,
                                         (uintptr_t)a->body_quota.ptr,
                                         (uintptr_t)a->body_unavailable.ptr,
                                         a->strip_query_count,
                                         a->strip_header_count};
    size_t count = name_count(a);

    memcpy(entry->words, fixed, sizeof(fixed));
    for (size_t i = 0; i < count; i++)
        entry->words[FIXED_WORDS + i] = (uintptr_t)entry->names[i].ptr;
    return (FIXED_WORDS + count) * sizeof(uint64_t);
}

static struct answers *answers_new(struct clientid__pool *pool,
                                   const struct clientid__answers *answers)
{
    struct answers *entry = clientid__alloc(pool->mem, 1, sizeof(*entry));
    size_t count = name_count(answers);

    if (entry == NULL)
        return NULL;
    entry->answers = *answers;
    entry->names = clientid__alloc(pool->mem, count, sizeof(*entry->names));
    entry->words = clientid__alloc(pool->mem, FIXED_WORDS + count, sizeof(*entry->words));
    if (entry->names != NULL && entry->words != NULL && answers_intern(pool, entry))
        return entry;
    answers_release(pool, entry);
    return NULL;
}

const struct clientid__answers *clientid__pool_answers(struct clientid__pool *pool,
                                                       const struct clientid__answers *answers)
{
    struct answers *entry = answers_new(pool, answers), *known;
    size_t bytes;

    if (entry == NULL)
        return NULL;
    bytes = answers_words(entry);
    HASH_FIND(hh, pool->answers, entry->words, bytes, known);
    if (known != NULL) {
        answers_release(pool, entry);
        return &known->answers;
    }
    HASH_ADD_KEYPTR(hh, pool->answers, entry->words, bytes, entry);
    if (entry->hh.tbl != NULL)
        return &entry->answers;
    answers_release(pool, entry);
    return NULL;
}
