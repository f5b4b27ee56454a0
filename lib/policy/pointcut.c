/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/pointcut.h"

#include "base/mem.h"
#include "base/str.h"
#include "policy/dialect.h"
#include "policy/policy.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

/*
 * Backtracking one match may do before the policy applies unmatched: a millisecond or so, and far beyond what
 * pointcuts need.
 */
#define MATCH_LIMIT 20000
#define HEAP_KIB    128

/*
 * The interpreter, not JIT: it needs no executable memory, which hardened hosts refuse, and it honours all three
 * limits.  It keeps its backtracking frames on a heap that it may enlarge in the middle of a match, so its
 * allocator here hands out two slabs made in advance, the old and the new one, and nothing else.
 */
struct clientid__match_data {
    const clientid_allocator *mem;
    pcre2_general_context *general;
    pcre2_match_context *context;
    pcre2_match_data *data;
    bool sealed; /* only slabs from now on */
    struct {
        void *memory;
        bool used;
    } slabs[2];
};

static void *slab_allocate(size_t bytes, void *self)
{
    struct clientid__match_data *data = self;

    if (!data->sealed)
        return clientid__alloc(data->mem, 1, bytes);
    for (size_t i = 0; i < 2; i++) {
        if (bytes <= (size_t)HEAP_KIB * 1024 && !data->slabs[i].used) {
            data->slabs[i].used = true;
            return data->slabs[i].memory;
        }
    }
    return NULL;
}

static void slab_release(void *memory, void *self)
{
    struct clientid__match_data *data = self;

    for (size_t i = 0; i < 2; i++) {
        if (memory != NULL && memory == data->slabs[i].memory) {
            data->slabs[i].used = false;
            return;
        }
    }
    clientid__free(data->mem, memory);
}

static bool slabs_new(struct clientid__match_data *data)
{
    /* Not zeroed: pages that no match needs are never touched. */
    for (size_t i = 0; i < 2; i++) {
        data->slabs[i].memory = data->mem->allocate(data->mem->self, (size_t)HEAP_KIB * 1024);
        if (data->slabs[i].memory == NULL)
            return false;
    }
    return true;
}

struct clientid__match_data *clientid__match_data_new(const clientid_allocator *mem)
{
    struct clientid__match_data *data = clientid__alloc(mem, 1, sizeof(*data));

    if (data == NULL)
        return NULL;
    data->mem = mem;
    data->general = pcre2_general_context_create(slab_allocate, slab_release, data);
    if (data->general == NULL)
        goto fail;
    data->context = pcre2_match_context_create(data->general);
    data->data = pcre2_match_data_create(1, data->general);
    if (data->context == NULL || data->data == NULL || !slabs_new(data))
        goto fail;
    pcre2_set_match_limit(data->context, MATCH_LIMIT);
    pcre2_set_depth_limit(data->context, MATCH_LIMIT);
    pcre2_set_heap_limit(data->context, HEAP_KIB);
    data->sealed = true;
    return data;
fail:
    clientid__match_data_del(data);
    return NULL;
}

void clientid__match_data_del(struct clientid__match_data *data)
{
    if (data == NULL)
        return;
    pcre2_match_data_free(data->data);
    pcre2_match_context_free(data->context);
    pcre2_general_context_free(data->general);
    for (size_t i = 0; i < 2; i++)
        clientid__free(data->mem, data->slabs[i].memory);
    clientid__free(data->mem, data);
}

/* ---- patterns -------------------------------------------------------------------------------- */

/* Takes the text up to the next '|' off |*rest|, which then begins behind it. */
static clientid_str take_alternative(clientid_str *rest)
{
    const char *bar = memchr(rest->ptr, '|', rest->len);
    clientid_str taken = *rest;

    if (bar == NULL) {
        *rest = clientid__str(NULL, 0);
        return taken;
    }
    taken.len = (size_t)(bar - rest->ptr);
    *rest = clientid__str(bar + 1, rest->len - taken.len - 1);
    return taken;
}

/* Without the ".*" it ends in. */
static bool cut_wildcard(clientid_str *alternative)
{
    if (alternative->len < 2 || memcmp(alternative->ptr + alternative->len - 2, ".*", 2) != 0)
        return false;
    alternative->len -= 2;
    return true;
}

static bool is_plain_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '-' || c == '_' || c == '~' || c == '%';
}

/* Letters, digits and / - _ ~ % mean themselves in every dialect; an empty alternative is left to PCRE2. */
static bool is_simple(clientid_str text)
{
    if (text.len == 0 || text.ptr[text.len - 1] == '|')
        return false;
    while (text.len > 0) {
        clientid_str alternative = take_alternative(&text);

        if (alternative.len == 0)
            return false;
        cut_wildcard(&alternative);
        for (size_t i = 0; i < alternative.len; i++)
            if (!is_plain_byte((unsigned char)alternative.ptr[i]))
                return false;
    }
    return true;
}

static bool simple_matches(clientid_str text, clientid_str subject)
{
    while (text.len > 0) {
        clientid_str alternative = take_alternative(&text);
        clientid_str head = subject;

        if (cut_wildcard(&alternative) && head.len > alternative.len)
            head.len = alternative.len;
        if (clientid__str_eq(alternative, head))
            return true;
    }
    return false;
}

static void *code_allocate(size_t bytes, void *self)
{
    return clientid__alloc(*(const clientid_allocator *const *)self, 1, bytes);
}

static void code_release(void *memory, void *self)
{
    clientid__free(*(const clientid_allocator *const *)self, memory);
}

/*
 * DOTALL: in Java a dot is no line end, but a line feed in a decoded path must not be a way around ".*".
 * No pattern may turn on UTF, which would make matching fail for other bytes.
 */
static int compile(struct clientid__pattern *pattern, clientid_str text,
                   pcre2_general_context *general, size_t *offset, char *reason)
{
    const uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL | PCRE2_NEVER_UTF |
                             PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
    pcre2_compile_context *context = pcre2_compile_context_create(general);
    int code = 0;

    if (context == NULL)
        return CLIENTID_ERR_NOMEM;
    pattern->code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &code, offset, context);
    pcre2_compile_context_free(context);
    if (pattern->code != NULL)
        return 0;
    if (code == PCRE2_ERROR_HEAP_FAILED)
        return CLIENTID_ERR_NOMEM;
    pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, CLIENTID__PATTERN_REASON);
    return CLIENTID_ERR_SYNTAX;
}

static int init_regex(struct clientid__pattern *pattern, clientid_str text, size_t *offset,
                      char *reason)
{
    const char *difference;
    pcre2_general_context *general;
    int rv;

    if (clientid__dialect_check(text, offset, &difference) != 0) {
        snprintf(reason, CLIENTID__PATTERN_REASON, "%s", difference);
        return CLIENTID_ERR_SYNTAX;
    }
    general = pcre2_general_context_create(code_allocate, code_release, &pattern->mem);
    if (general == NULL)
        return CLIENTID_ERR_NOMEM;
    rv = compile(pattern, text, general, offset, reason);
    pcre2_general_context_free(general);
    return rv;
}

int clientid__pattern_init(struct clientid__pattern *pattern, const clientid_allocator *mem,
                           clientid_str text, size_t *offset, char reason[CLIENTID__PATTERN_REASON])
{
    *pattern = (struct clientid__pattern){.kind = CLIENTID__PATTERN_ANY, .mem = mem};
    *offset = 0;
    if (clientid__str_eq(text, CLIENTID_STR(".*")))
        return 0;
    if (text.len == 0 || text.len > CLIENTID__PATTERN_MAX) {
        snprintf(reason, CLIENTID__PATTERN_REASON, "1 to %d bytes are expected",
                 CLIENTID__PATTERN_MAX);
        return CLIENTID_ERR_SYNTAX;
    }
    if (!is_simple(text)) {
        pattern->kind = CLIENTID__PATTERN_REGEX;
        return init_regex(pattern, text, offset, reason);
    }
    pattern->text = clientid__strdup(mem, text);
    if (pattern->text == NULL)
        return CLIENTID_ERR_NOMEM;
    pattern->text_len = text.len;
    pattern->kind = CLIENTID__PATTERN_SIMPLE;
    return 0;
}

void clientid__pattern_release(struct clientid__pattern *pattern)
{
    pcre2_code_free(pattern->code);
    if (pattern->text != NULL)
        clientid__free(pattern->mem, pattern->text);
    *pattern = (struct clientid__pattern){.kind = CLIENTID__PATTERN_ANY};
}

bool clientid__pattern_matches(const struct clientid__pattern *pattern,
                               struct clientid__match_data *data, clientid_str subject)
{
    if (pattern->kind == CLIENTID__PATTERN_ANY)
        return true;
    if (pattern->kind == CLIENTID__PATTERN_SIMPLE)
        return simple_matches(clientid__str(pattern->text, pattern->text_len), subject);
    if (data == NULL)
        return true;
    /* Any outcome but a plain no: a limit was hit, and the policy applies. */
    return pcre2_match(pattern->code, (PCRE2_SPTR)(subject.len > 0 ? subject.ptr : ""), subject.len,
                       0, 0, data->data, data->context) != PCRE2_ERROR_NOMATCH;
}
