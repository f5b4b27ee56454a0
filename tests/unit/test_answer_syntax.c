/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever tiers and policies are called: every answer is well-formed by the grammar of its format. */
#include "support_random.h"

#include "base/str.h"
#include "policy/answer.h"

#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS = 20000, ITEMS_MAX = CLIENTID_LIMITS_MAX, NAME_MAX_BYTES = 96 };

static uint64_t seed_of_round;

#define check(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("seed %" PRIu64 ": %s", seed_of_round, #condition);                           \
    } while (0)

/* ---- structured fields (RFC 9651): a list of strings with two integer parameters ----------------- */

struct item {
    char name[NAME_MAX_BYTES];
    uint64_t value[2];
};

static bool pass(clientid_str *text, const char *expected)
{
    size_t len = strlen(expected);

    if (text->len < len || memcmp(text->ptr, expected, len) != 0)
        return false;
    *text = clientid__str(text->ptr + len, text->len - len);
    return true;
}

static bool take_string(clientid_str *text, char *out)
{
    size_t len = 0;

    if (!pass(text, "\""))
        return false;
    while (text->len > 0 && *text->ptr != '"') {
        unsigned char c = (unsigned char)*text->ptr;

        if (c < 0x20 || c > 0x7e || c == '\\' || len + 1 == NAME_MAX_BYTES)
            return false;
        out[len++] = (char)c;
        *text = clientid__str(text->ptr + 1, text->len - 1);
    }
    out[len] = '\0';
    return pass(text, "\"");
}

static bool take_integer(clientid_str *text, uint64_t *out)
{
    size_t digits = 0;

    for (*out = 0; text->len > 0 && *text->ptr >= '0' && *text->ptr <= '9'; digits++) {
        *out = *out * 10 + (uint64_t)(*text->ptr - '0');
        *text = clientid__str(text->ptr + 1, text->len - 1);
    }
    return digits >= 1 && digits <= 15;
}

static size_t take_list(clientid_str text, const char *first, const char *second,
                        struct item items[ITEMS_MAX])
{
    size_t count = 0;

    do {
        struct item *item = &items[count++];

        check(count <= ITEMS_MAX);
        check(take_string(&text, item->name));
        check(pass(&text, first) && take_integer(&text, &item->value[0]));
        check(pass(&text, second) && take_integer(&text, &item->value[1]));
    } while (pass(&text, ", "));
    check(text.len == 0);
    return count;
}

/* ---- XML: elements that nest, no entity but the five, a declaration in front --------------------- */

static clientid_str take_until(clientid_str *text, char end)
{
    const char *found = memchr(text->ptr, end, text->len);
    clientid_str taken = clientid__str(text->ptr, found != NULL ? (size_t)(found - text->ptr) : 0);

    check(found != NULL);
    *text = clientid__str(found + 1, text->len - taken.len - 1);
    return taken;
}

static void check_xml(clientid_str text)
{
    clientid_str open[16];
    size_t depth = 0, elements = 0;

    check(pass(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
    while (text.len > 0) {
        clientid_str tag, name;

        if (*text.ptr != '<') {
            const char *next = memchr(text.ptr, '<', text.len);

            check(next != NULL && depth > 0);
            for (; text.ptr < next; text = clientid__str(text.ptr + 1, text.len - 1))
                check(*text.ptr != '&' && *text.ptr != '>' && *text.ptr >= 0x20);
            continue;
        }
        check(depth > 0 || elements == 0);
        take_until(&text, '<');
        tag = take_until(&text, '>');
        if (pass(&tag, "/")) {
            check(depth > 0 && clientid__str_eq(open[depth - 1], tag));
            depth--;
            continue;
        }
        name = memchr(tag.ptr, ' ', tag.len) != NULL ? take_until(&tag, ' ') : tag;
        check(name.len > 0 && depth < 16);
        open[depth++] = name;
        elements++;
    }
    check(depth == 0 && elements > 0);
}

/* ---- answers ------------------------------------------------------------------------------------- */

static clientid_str header(const clientid_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (clientid__str_eq(answer->headers[i].name, clientid__cstr(name)))
            return answer->headers[i].value;
    return clientid__str(NULL, 0);
}

/* What a host may write into a header without looking at it. */
static void check_headers(const clientid_answer *answer)
{
    for (size_t i = 0; i < answer->header_count; i++) {
        const clientid_header *h = &answer->headers[i];

        check(h->name.len > 0 && h->value.len > 0);
        for (size_t k = 0; k < h->value.len; k++)
            check(h->value.ptr[k] >= 0x20 && h->value.ptr[k] < 0x7f);
        for (size_t k = i + 1; k < answer->header_count; k++)
            check(!clientid__str_case_eq(h->name, answer->headers[k].name));
    }
}

static void check_draft_11(const clientid_answer *answer)
{
    struct item policies[ITEMS_MAX], limits[ITEMS_MAX];
    clientid_str policy = header(answer, "RateLimit-Policy"), limit = header(answer, "RateLimit");
    size_t count;

    check((policy.ptr == NULL) == (limit.ptr == NULL));
    if (policy.ptr == NULL)
        return;
    count = take_list(policy, ";q=", ";w=", policies);
    check(count == take_list(limit, ";r=", ";t=", limits));
    for (size_t i = 0; i < count; i++) {
        check(strcmp(policies[i].name, limits[i].name) == 0);
        for (size_t k = i + 1; k < count; k++) /* a name stands for one limit */
            check(strcmp(policies[i].name, policies[k].name) != 0);
    }
}

static void check_json(const clientid_answer *answer, bool problem)
{
    json_error_t error;
    json_t *body = json_loadb(answer->body.ptr, answer->body.len, JSON_REJECT_DUPLICATES, &error),
           *violated;

    check(json_is_object(body));
    if (problem) {
        check(json_integer_value(json_object_get(body, "status")) == answer->status);
        check(json_is_string(json_object_get(body, "type")));
        check(json_is_string(json_object_get(body, "title")));
        violated = json_object_get(body, "violated-policies");
        check(violated == NULL || json_array_size(violated) > 0);
        for (size_t i = 0; i < json_array_size(violated); i++) {
            check(json_is_string(json_array_get(violated, i)));
            for (size_t k = i + 1; k < json_array_size(violated); k++)
                check(!json_equal(json_array_get(violated, i), json_array_get(violated, k)));
        }
    } else {
        check(json_is_string(json_object_get(body, "error")));
    }
    json_decref(body);
}

static void check_answer(const struct clientid__answers *answers, const clientid_decision *d)
{
    static clientid_answer answer;

    memset(&answer, 0xa5, sizeof(answer));
    answer.size = sizeof(answer);
    check(clientid_render(d, &answer) == 0);
    check_headers(&answer);
    if (answers->generation == CLIENTID__HEADERS_DRAFT_11)
        check_draft_11(&answer);
    if (d->verdict == CLIENTID_ALLOW) {
        check(answer.status == 0 && answer.body.len == 0);
        return;
    }
    check(answer.status >= 400 && answer.status <= 599);
    check((answer.status == 401) == (header(&answer, "WWW-Authenticate").ptr != NULL));
    if (answers->soap != CLIENTID__SOAP_NONE)
        check_xml(answer.body);
    else
        check_json(&answer, answers->format == CLIENTID__BODY_PROBLEM);
}

/* ---- anything ------------------------------------------------------------------------------------ */

static const clientid_reason denials[] = {
#define DENIAL_DENY(name) CLIENTID_REASON_##name,
#define DENIAL_ALLOW(name)
#define DENIAL_DELAY(name)
#define DENIAL_NEED_BODY(name)
#define DENIAL(name, label, verdict, text) DENIAL_##verdict(name)
    CLIENTID_REASON_MAP(DENIAL)};

static clientid_str any_text(uint64_t *seed, char *out, size_t room)
{
    static const char *const nasty[] = {"\r\n", "\"",  "\\",   "\xc3\xa9", "<",
                                        "&",    "\0x", "gold", ","};
    size_t len = 0, pieces = support_below(seed, 12);

    if (support_below(seed, 4) == 0) /* alike, up to where names are cut */
        len = (size_t)snprintf(out, room, "a-name-of-just-about-the-forty-bytes-of-%c",
                               (char)('a' + support_below(seed, 3)));
    while (pieces-- > 0 && len + 8 < room) {
        const char *piece = nasty[support_below(seed, sizeof(nasty) / sizeof(nasty[0]))];
        size_t bytes = strlen(piece) > 0 ? strlen(piece) : 2;

        memcpy(out + len, piece, bytes);
        len += bytes;
        if (support_below(seed, 3) == 0)
            out[len++] = (char)support_random(seed);
    }
    return clientid__str(out, len);
}

static uint64_t any_number(uint64_t *seed)
{
    return support_random(seed) >> support_below(seed, 64);
}

static void any_limits(uint64_t *seed, clientid_decision *d,
                       char names[CLIENTID_LIMITS_MAX][NAME_MAX_BYTES])
{
    static const uint64_t periods[] = {1000000, 1000000000, 60000000000, 86400000000000};

    d->limit_count = (uint32_t)support_below(seed, CLIENTID_LIMITS_MAX + 1);
    for (uint32_t i = 0; i < d->limit_count; i++)
        d->limits[i] = (clientid_limit_report){
            .policy = any_text(seed, names[i], NAME_MAX_BYTES),
            .maximum_requests = any_number(seed),
            .period_ns =
                support_below(seed, 8) == 0 ? any_number(seed) : periods[support_below(seed, 4)],
            .remaining = any_number(seed),
            .reset_ns = any_number(seed),
            .flags = (uint32_t)support_below(seed, 16) | CLIENTID_LIMIT_VISIBLE};
}

static void test_any_answer(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        static char names[CLIENTID_LIMITS_MAX][NAME_MAX_BYTES], tier[NAME_MAX_BYTES];
        uint64_t seed = seed_of_round = round;
        struct clientid__answers answers = {
            .soap = (unsigned)support_below(&seed, 3),
            .basic = support_below(&seed, 2),
            .realm = CLIENTID_STR("mule-realm"),
            .expose_headers = support_below(&seed, 4) != 0,
            .generation = (enum clientid__header_generation)support_below(&seed, 3),
            .format = (enum clientid__body_format)support_below(&seed, 3),
            .contract_status = support_below(&seed, 2) ? 401 : 403};
        clientid_decision d = {.size = sizeof(d),
                               .verdict = support_below(&seed, 4) ? CLIENTID_DENY : CLIENTID_ALLOW,
                               .from_query = (uint8_t)support_below(&seed, 2),
                               .answer = &answers};

        if (d.verdict == CLIENTID_DENY)
            d.reason = denials[round % (sizeof(denials) / sizeof(denials[0]))];
        d.retry_after_ns = any_number(&seed);
        d.tier = any_text(&seed, tier, sizeof(tier));
        any_limits(&seed, &d, names);
        check_answer(&answers, &d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_answer)};

    return cmocka_run_group_tests_name("answer syntax", tests, NULL, NULL);
}
