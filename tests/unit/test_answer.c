/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */

#include "base/str.h"
#include "policy/answer.h"

#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

static bool str_is(clientid_str text, const char *expected)
{
    return clientid__str_eq(text, clientid__cstr(expected));
}

static clientid_decision denied(const struct clientid__answers *answers, clientid_reason reason)
{
    return (clientid_decision){.size = sizeof(clientid_decision),
                               .verdict = CLIENTID_DENY,
                               .reason = reason,
                               .answer = answers};
}

static clientid_decision allowed(const struct clientid__answers *answers)
{
    return (clientid_decision){
        .size = sizeof(clientid_decision), .verdict = CLIENTID_ALLOW, .answer = answers};
}

/* Slices point into the answer, so it stays where it is; the next call takes its place. */
static const clientid_answer *render(const clientid_decision *decision)
{
    static clientid_answer answer;

    memset(&answer, 0xa5, sizeof(answer));
    answer.size = sizeof(answer);
    assert_int_equal(clientid_render(decision, &answer), 0);
    assert_true(answer.header_count <= CLIENTID_ANSWER_HEADERS);
    return &answer;
}

/* The value of the only header of that name; NULL slice when there is none. */
static clientid_str header(const clientid_answer *answer, const char *name)
{
    clientid_str value = {NULL, 0};

    for (size_t i = 0; i < answer->header_count; i++) {
        if (!str_is(answer->headers[i].name, name))
            continue;
        assert_null(value.ptr);
        value = answer->headers[i].value;
    }
    return value;
}

static void assert_header(const clientid_answer *answer, const char *name, const char *expected)
{
    clientid_str value = header(answer, name);

    if (expected == NULL ? value.ptr != NULL : !str_is(value, expected))
        fail_msg("%s: %.*s", name, (int)value.len, value.ptr != NULL ? value.ptr : "");
}

/* ---- refusals -------------------------------------------------------------------------------- */

#define MISSING     "{\"error\":\"Client ID is not present\"}"
#define FAILED      "{\"error\":\"Authentication Attempt Failed\"}"
#define QUOTA       "{\"error\":\"Quota has been exceeded\"}"
#define UNAVAILABLE "{\"error\":\"Contracts Information Unreachable\"}"
#define TOO_LARGE   "{\"error\":\"Request body is too large\"}"

static const struct {
    clientid_reason reason;
    unsigned status, status_403;
    const char *body;
} refusals[] = {
    {CLIENTID_REASON_ID_MISSING, 401, 401, MISSING},
    {CLIENTID_REASON_SECRET_MISSING, 401, 401, FAILED},
    {CLIENTID_REASON_CREDENTIALS_MALFORMED, 401, 401, FAILED},
    {CLIENTID_REASON_CREDENTIALS_AMBIGUOUS, 401, 401, FAILED},
    {CLIENTID_REASON_CREDENTIALS_TOO_LONG, 401, 401, FAILED},
    {CLIENTID_REASON_BODY_TOO_LARGE, 413, 413, TOO_LARGE},
    {CLIENTID_REASON_CLIENT_UNKNOWN, 401, 401, FAILED},
    {CLIENTID_REASON_SECRET_WRONG, 401, 401, FAILED},
    {CLIENTID_REASON_SECRET_EXPIRED, 401, 401, FAILED},
    {CLIENTID_REASON_CONTRACT_PENDING, 401, 403, FAILED},
    {CLIENTID_REASON_CONTRACT_REJECTED, 401, 403, FAILED},
    {CLIENTID_REASON_CONTRACT_REVOKED, 401, 403, FAILED},
    {CLIENTID_REASON_QUOTA_EXCEEDED, 429, 429, QUOTA},
    {CLIENTID_REASON_QUEUE_FULL, 429, 429, QUOTA},
    {CLIENTID_REASON_DELAYS_EXHAUSTED, 429, 429, QUOTA},
    {CLIENTID_REASON_REGISTRY_NOT_LOADED, 503, 503, UNAVAILABLE},
    {CLIENTID_REASON_REGISTRY_EXPIRED, 503, 503, UNAVAILABLE},
    {CLIENTID_REASON_API_UNKNOWN, 503, 503, UNAVAILABLE},
    {CLIENTID_REASON_LIMITS_INVALID, 503, 503, UNAVAILABLE},
};

enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

static void test_refusals(void **state)
{
    struct clientid__answers answers = {.contract_status = 401};
    size_t denials = 0;

    (void)state;
#define COUNT_DENIALS(name, label, verdict, text) denials += CLIENTID_##verdict == CLIENTID_DENY;
    CLIENTID_REASON_MAP(COUNT_DENIALS)
#undef COUNT_DENIALS
    assert_int_equal(denials, REFUSALS);
    for (size_t i = 0; i < REFUSALS; i++) {
        clientid_decision decision = denied(&answers, refusals[i].reason);
        const clientid_answer *answer;

        answers.contract_status = 401;
        answer = render(&decision);
        if (answer->status != refusals[i].status || !str_is(answer->body, refusals[i].body))
            fail_msg("%s: %u %.*s", clientid_reason_label(refusals[i].reason), answer->status,
                     (int)answer->body.len, answer->body.ptr);
        assert_header(answer, "Content-Type", "application/json");
        assert_header(answer, "WWW-Authenticate",
                      answer->status == 401 ? "Client-ID-Enforcement" : NULL);
        assert_header(answer, "Cache-Control", answer->status == 429 ? "no-store" : NULL);
        assert_header(answer, "Retry-After", answer->status == 429 ? "1" : NULL);
        answers.contract_status = 403;
        answer = render(&decision);
        assert_int_equal(answer->status, refusals[i].status_403);
        assert_header(answer, "WWW-Authenticate",
                      answer->status == 401 ? "Client-ID-Enforcement" : NULL);
    }
}

/* Nobody configured the API instance; and a reason that no table knows still refuses. */
static void test_without_answers(void **state)
{
    clientid_decision decision = denied(NULL, CLIENTID_REASON_API_UNKNOWN);
    const clientid_answer *answer = render(&decision);

    (void)state;
    assert_int_equal(answer->status, 503);
    assert_true(str_is(answer->body, UNAVAILABLE));
    decision = denied(NULL, (clientid_reason)9999);
    assert_int_equal(render(&decision)->status, 401);
}

static void test_basic_challenge(void **state)
{
    struct clientid__answers answers = {
        .contract_status = 401, .basic = true, .realm = CLIENTID_STR("Orders API")};
    clientid_decision decision = denied(&answers, CLIENTID_REASON_SECRET_WRONG);
    const clientid_answer *answer = render(&decision);

    (void)state;
    assert_header(answer, "WWW-Authenticate", "Basic realm=\"Orders API\", charset=\"UTF-8\"");
}

static void test_retry_after(void **state)
{
    static const struct {
        uint64_t ns;
        const char *value;
    } rows[] = {
        {0, "1"},
        {1, "1"},
        {SECOND, "1"},
        {SECOND + 1, "2"},
        {59 * SECOND, "59"},
        {UINT64_MAX - 1, "18446744074"},
        {UINT64_MAX, NULL}, /* never: the cost is above the limit */
    };
    struct clientid__answers answers = {.contract_status = 401};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_decision decision = denied(&answers, CLIENTID_REASON_QUOTA_EXCEEDED);
        const clientid_answer *answer;

        decision.retry_after_ns = rows[i].ns;
        answer = render(&decision);
        assert_header(answer, "Retry-After", rows[i].value);
        assert_header(answer, "Cache-Control", "no-store");
    }
}

static void test_soap(void **state)
{
    static const char fault_11[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope "
        "xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><soap:Fault>"
        "<faultcode>soap:Client</faultcode><faultstring>Client ID is not present</faultstring>"
        "</soap:Fault></soap:Body></soap:Envelope>";
    static const char fault_12[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope "
        "xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\"><soap:Body><soap:Fault>"
        "<soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code><soap:Reason>"
        "<soap:Text xml:lang=\"en\">Client ID is not present</soap:Text></soap:Reason>"
        "</soap:Fault></soap:Body></soap:Envelope>";
    struct clientid__answers answers = {.contract_status = 403};

    (void)state;
    for (unsigned version = CLIENTID__SOAP_1_1; version <= CLIENTID__SOAP_1_2; version++) {
        bool old = version == CLIENTID__SOAP_1_1;

        answers.soap = version;
        for (size_t i = 0; i < REFUSALS; i++) {
            clientid_decision decision = denied(&answers, refusals[i].reason);
            const clientid_answer *answer = render(&decision);
            bool unavailable = refusals[i].status == 503;

            assert_int_equal(answer->status, unavailable ? 503 : old ? 500 : 400);
            assert_header(answer, "Content-Type",
                          old ? "text/xml; charset=utf-8" : "application/soap+xml; charset=utf-8");
            /* A challenge belongs to 401 alone; what quota needs stays. */
            assert_header(answer, "WWW-Authenticate", NULL);
            assert_header(answer, "Retry-After", refusals[i].status == 429 ? "1" : NULL);
            assert_true(memmem(answer->body.ptr, answer->body.len,
                               unavailable ? (old ? "soap:Server<" : "soap:Receiver<")
                                           : (old ? "soap:Client<" : "soap:Sender<"),
                               old           ? 12
                               : unavailable ? 14
                                             : 12) != NULL);
        }
        {
            clientid_decision decision = denied(&answers, CLIENTID_REASON_ID_MISSING);
            const clientid_answer *answer = render(&decision);

            assert_true(str_is(answer->body, old ? fault_11 : fault_12));
        }
    }
}

/* All texts are constants; none has a byte that JSON or XML would have to escape. */
static void test_texts_need_no_escape(void **state)
{
    (void)state;
    for (size_t i = 0; i < REFUSALS; i++) {
        const char *text = refusals[i].body + strlen("{\"error\":\"");

        assert_int_equal(strcspn(text, "<>&'\\\""), strlen(text) - 2);
    }
}

static json_t *parse(clientid_str body)
{
    json_error_t error;
    json_t *value = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &error);

    if (value == NULL)
        fail_msg("%.*s: %s", (int)body.len, body.ptr, error.text);
    return value;
}

static const char *member(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void test_problem(void **state)
{
    struct clientid__answers answers = {.format = CLIENTID__BODY_PROBLEM, .contract_status = 403};

    (void)state;
    for (size_t i = 0; i < REFUSALS; i++) {
        clientid_decision decision = denied(&answers, refusals[i].reason);
        const clientid_answer *answer = render(&decision);
        json_t *problem = parse(answer->body);
        char detail[64];

        assert_header(answer, "Content-Type", "application/problem+json");
        assert_int_equal(answer->status, refusals[i].status_403);
        assert_int_equal(json_integer_value(json_object_get(problem, "status")), answer->status);
        snprintf(detail, sizeof(detail), "{\"error\":\"%s\"}", member(problem, "detail"));
        assert_string_equal(detail, refusals[i].body);
        if (answer->status == 429)
            assert_string_equal(member(problem, "type"),
                                "https://iana.org/assignments/http-problem-types#quota-exceeded");
        else
            assert_string_equal(member(problem, "type"), "about:blank");
        assert_string_equal(member(problem, "title"),
                            answer->status == 401   ? "Unauthorized"
                            : answer->status == 403 ? "Forbidden"
                            : answer->status == 413 ? "Content Too Large"
                            : answer->status == 503
                                ? "Service Unavailable"
                                : "Request cannot be satisfied as assigned quota has been "
                                  "exceeded");
        assert_null(json_object_get(problem, "violated-policies"));
        json_decref(problem);
    }
}

static void test_custom(void **state)
{
    struct clientid__answers answers = {.format = CLIENTID__BODY_CUSTOM,
                                        .contract_status = 401,
                                        .content_type = CLIENTID_STR("text/plain"),
                                        .body_missing = CLIENTID_STR("m"),
                                        .body_failed = CLIENTID_STR("f"),
                                        .body_quota = CLIENTID_STR("q"),
                                        .body_unavailable = CLIENTID_STR("u")};

    (void)state;
    for (size_t i = 0; i < REFUSALS; i++) {
        clientid_decision decision = denied(&answers, refusals[i].reason);
        const clientid_answer *answer = render(&decision);
        const char *expected = refusals[i].reason == CLIENTID_REASON_ID_MISSING ? "m"
                               : refusals[i].status == 429                      ? "q"
                               : refusals[i].status == 503                      ? "u"
                                                                                : "f";

        assert_true(str_is(answer->body, expected));
        assert_header(answer, "Content-Type", "text/plain");
        assert_int_equal(answer->status, refusals[i].status);
    }
    /* What is left out is answered as usual, and said to be JSON. */
    answers.body_quota = CLIENTID_STR("");
    {
        clientid_decision decision = denied(&answers, CLIENTID_REASON_QUEUE_FULL);
        const clientid_answer *answer = render(&decision);

        assert_true(str_is(answer->body, QUOTA));
        assert_header(answer, "Content-Type", "application/json");
    }
}

/* ---- quota headers --------------------------------------------------------------------------- */

static void add_limit(clientid_decision *decision, const char *policy, uint64_t maximum,
                      uint64_t period_ns, uint64_t remaining, uint64_t reset_ns, uint32_t flags)
{
    decision->limits[decision->limit_count++] =
        (clientid_limit_report){.policy = clientid__cstr(policy),
                                .maximum_requests = maximum,
                                .period_ns = period_ns,
                                .remaining = remaining,
                                .reset_ns = reset_ns,
                                .flags = flags};
}

enum { SHOWN = CLIENTID_LIMIT_VISIBLE, OF_TIER = CLIENTID_LIMIT_VISIBLE | CLIENTID_LIMIT_TIER };

static void test_allowed(void **state)
{
    struct clientid__answers answers = {.expose_headers = true};
    clientid_decision decision = allowed(&answers);
    const clientid_answer *answer = render(&decision);

    (void)state;
    assert_int_equal(answer->status, 0);
    assert_int_equal(answer->header_count, 0);
    assert_int_equal(answer->body.len, 0);
    decision.from_query = 1;
    answer = render(&decision);
    assert_int_equal(answer->header_count, 1);
    assert_header(answer, "Cache-Control", "private");
}

static void test_x_ratelimit(void **state)
{
    struct clientid__answers answers = {.expose_headers = true, .contract_status = 401};
    clientid_decision decision = allowed(&answers);
    const clientid_answer *answer;

    (void)state;
    add_limit(&decision, "p", 10000, 86400 * SECOND, 500, 7 * SECOND, SHOWN);
    add_limit(&decision, "p", 5, SECOND, 14, SECOND, SHOWN);
    add_limit(&decision, "p", 20, 60 * SECOND, 14, 19100 * MS - 1, SHOWN);
    add_limit(&decision, "p", 6, SECOND, 14, SECOND, SHOWN);
    add_limit(&decision, "hidden", 5, SECOND, 0, SECOND, 0);
    add_limit(&decision, "shadow", 5, SECOND, 0, SECOND, SHOWN | CLIENTID_LIMIT_SHADOW);
    answer = render(&decision);
    /* Anypoint's documented example, in milliseconds; the later reset of the two with 14 left. */
    assert_int_equal(answer->header_count, 3);
    assert_header(answer, "X-RateLimit-Limit", "20");
    assert_header(answer, "X-RateLimit-Remaining", "14");
    assert_header(answer, "X-RateLimit-Reset", "19100");
    decision.verdict = CLIENTID_DENY;
    decision.reason = CLIENTID_REASON_QUOTA_EXCEEDED;
    answer = render(&decision);
    assert_header(answer, "X-RateLimit-Remaining", "14");
    answers.expose_headers = false;
    answer = render(&decision);
    assert_header(answer, "X-RateLimit-Remaining", NULL);
}

static void test_draft_03(void **state)
{
    struct clientid__answers answers = {.expose_headers = true,
                                        .generation = CLIENTID__HEADERS_DRAFT_03};
    clientid_decision decision = allowed(&answers);
    const clientid_answer *answer;

    (void)state;
    add_limit(&decision, "p", UINT64_MAX, 60 * SECOND, UINT64_MAX, 19 * SECOND + 1, SHOWN);
    answer = render(&decision);
    assert_int_equal(answer->header_count, 3);
    assert_header(answer, "RateLimit-Limit", "18446744073709551615");
    assert_header(answer, "RateLimit-Remaining", "18446744073709551615");
    assert_header(answer, "RateLimit-Reset", "20");
}

static void test_draft_11(void **state)
{
    struct clientid__answers answers = {.expose_headers = true,
                                        .generation = CLIENTID__HEADERS_DRAFT_11};
    clientid_decision decision = allowed(&answers);
    const clientid_answer *answer;

    (void)state;
    decision.tier = CLIENTID_STR("gold");
    add_limit(&decision, "rate-limiting-sla-based", 100, 60 * SECOND, 50, 30 * SECOND, OF_TIER);
    add_limit(&decision, "rate-limiting-sla-based", 5, SECOND, 5, 0, OF_TIER & ~1U);
    add_limit(&decision, "rate-limiting-sla-based", 10000, 86400 * SECOND, 7, 1, OF_TIER);
    add_limit(&decision, "spike", 1, 250 * MS, 0, 250 * MS, SHOWN);
    answer = render(&decision);
    assert_int_equal(answer->header_count, 2);
    assert_header(answer, "RateLimit-Policy",
                  "\"gold-1m\";q=100;w=60, \"gold-1d\";q=10000;w=86400, \"spike-250ms\";q=1;w=1");
    assert_header(answer, "RateLimit",
                  "\"gold-1m\";r=50;t=30, \"gold-1d\";r=7;t=1, \"spike-250ms\";r=0;t=1");
}

/* Two policies over one tier may not share a name: clients keep what they know of a limit by it. */
static void test_draft_11_names(void **state)
{
    struct clientid__answers answers = {.expose_headers = true,
                                        .generation = CLIENTID__HEADERS_DRAFT_11};
    clientid_decision decision = allowed(&answers);
    const clientid_answer *answer;

    (void)state;
    decision.tier = CLIENTID_STR("g\"o\\l\r\nd \xc3\xa9");
    add_limit(&decision, "sla", 1, SECOND, 1, 0, OF_TIER);
    add_limit(&decision, "throttling", 1, SECOND, 1, 0, OF_TIER);
    answer = render(&decision);
    assert_header(answer, "RateLimit", "\"g_o_l__d___-1s\";r=1;t=0, \"throttling-1s\";r=1;t=0");
    /* Without a tier, and beyond what a structured field holds. */
    decision = allowed(&answers);
    add_limit(&decision, "sla", UINT64_MAX, SECOND, 1000000000000000, 0, OF_TIER);
    answer = render(&decision);
    assert_header(answer, "RateLimit-Policy", "\"sla-1s\";q=999999999999999;w=1");
    assert_header(answer, "RateLimit", "\"sla-1s\";r=999999999999999;t=0");
}

/* As many limits, names and numbers as there can be: whole items, the same in both fields, inside the text. */
static void test_draft_11_room(void **state)
{
    static const char name[] = "a-name-of-more-than-forty-bytes-which-is-cut-off-here";
    struct clientid__answers answers = {.expose_headers = true,
                                        .contract_status = 401,
                                        .format = CLIENTID__BODY_PROBLEM,
                                        .generation = CLIENTID__HEADERS_DRAFT_11};
    clientid_decision decision = denied(&answers, CLIENTID_REASON_QUOTA_EXCEEDED);
    const clientid_answer *answer;
    clientid_str policies, limits;
    size_t items[2] = {1, 1};

    (void)state;
    for (uint64_t i = 0; i < CLIENTID_LIMITS_MAX; i++)
        add_limit(&decision, name, UINT64_MAX, UINT64_MAX - i * MS, UINT64_MAX, UINT64_MAX,
                  SHOWN | CLIENTID_LIMIT_BOUND);
    answer = render(&decision);
    policies = header(answer, "RateLimit-Policy");
    limits = header(answer, "RateLimit");
    for (size_t i = 0; i < policies.len; i++)
        items[0] += policies.ptr[i] == ',';
    for (size_t i = 0; i < limits.len; i++)
        items[1] += limits.ptr[i] == ',';
    assert_int_equal(items[0], items[1]);
    assert_true(items[0] >= 3);
    assert_true(policies.ptr >= answer->text &&
                limits.ptr + limits.len <= answer->text + sizeof(answer->text));
    assert_true(policies.ptr + policies.len <= limits.ptr);
    assert_true(limits.ptr[limits.len - 1] == '1' || limits.ptr[limits.len - 1] == '4');
    assert_memory_equal(policies.ptr, "\"a-name-of-more-than-forty-bytes-which-is-", 42);
    json_decref(parse(answer->body));
    /* A count that no host should give. */
    decision.limit_count = 1000;
    render(&decision);
}

static void test_violated_policies(void **state)
{
    struct clientid__answers answers = {.expose_headers = true,
                                        .contract_status = 401,
                                        .format = CLIENTID__BODY_PROBLEM,
                                        .generation = CLIENTID__HEADERS_DRAFT_11};
    clientid_decision decision = denied(&answers, CLIENTID_REASON_QUOTA_EXCEEDED);
    const clientid_answer *answer;
    json_t *problem, *violated;

    (void)state;
    decision.tier = CLIENTID_STR("gold");
    add_limit(&decision, "p", 1, 60 * SECOND, 0, SECOND, OF_TIER | CLIENTID_LIMIT_BOUND);
    add_limit(&decision, "p", 1, SECOND, 0, SECOND, OF_TIER);
    add_limit(&decision, "hidden", 1, SECOND, 0, SECOND, CLIENTID_LIMIT_BOUND);
    add_limit(&decision, "spike", 1, SECOND, 0, SECOND, SHOWN | CLIENTID_LIMIT_BOUND);
    answer = render(&decision);
    problem = parse(answer->body);
    violated = json_object_get(problem, "violated-policies");
    assert_int_equal(json_array_size(violated), 2);
    assert_string_equal(json_string_value(json_array_get(violated, 0)), "gold-1m");
    assert_string_equal(json_string_value(json_array_get(violated, 1)), "spike-1s");
    json_decref(problem);
    answers.expose_headers = false;
    answer = render(&decision);
    assert_null(memmem(answer->body.ptr, answer->body.len, "gold", 4));
    json_decref(parse(answer->body));
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void test_bad_calls(void **state)
{
    clientid_decision decision = denied(NULL, CLIENTID_REASON_ID_MISSING);
    clientid_answer answer = {.size = sizeof(answer)};

    (void)state;
    assert_int_equal(clientid_render(NULL, &answer), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_render(&decision, NULL), CLIENTID_ERR_ARG);
    answer.size--;
    assert_int_equal(clientid_render(&decision, &answer), CLIENTID_ERR_ARG);
    answer.size++;
    decision.size = 0;
    assert_int_equal(clientid_render(&decision, &answer), CLIENTID_ERR_ARG);
    decision.size = sizeof(decision);
    decision.verdict = CLIENTID_DELAY;
    assert_int_equal(clientid_render(&decision, &answer), CLIENTID_ERR_ARG);
    decision.verdict = CLIENTID_NEED_BODY;
    assert_int_equal(clientid_render(&decision, &answer), CLIENTID_ERR_ARG);
}

static void test_strip(void **state)
{
    const clientid_str query[] = {CLIENTID_STR("client_id"), CLIENTID_STR("client_secret")};
    const clientid_str headers[] = {CLIENTID_STR("client_secret"), CLIENTID_STR("authorization")};
    const struct clientid__answers answers = {.strip_query = query,
                                              .strip_query_count = 2,
                                              .strip_headers = headers,
                                              .strip_header_count = 2};
    const clientid_str raw = CLIENTID_STR("a=1&client_id=x&b=%20&client%5Fsecret=y&client_idx=z");
    clientid_decision decision = allowed(&answers);
    char out[80];
    size_t len = sizeof(out);

    (void)state;
    assert_int_equal(clientid_strip(&decision, raw, out, &len), 0);
    assert_true(str_is((clientid_str){out, len}, "a=1&b=%20&client_idx=z"));
    len = raw.len;
    assert_int_equal(clientid_strip(&decision, raw, out, &len), 0);
    len = raw.len - 1;
    assert_int_equal(clientid_strip(&decision, raw, out, &len), CLIENTID_ERR_SPACE);
    len = 0;
    assert_int_equal(clientid_strip(&decision, (clientid_str){NULL, 0}, NULL, &len), 0);
    assert_int_equal(len, 0);
    assert_int_equal(clientid_strip(NULL, raw, out, &len), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_strip(&decision, raw, NULL, &len), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_strip(&decision, raw, out, NULL), CLIENTID_ERR_ARG);
    decision.answer = NULL;
    len = sizeof(out);
    assert_int_equal(clientid_strip(&decision, raw, out, &len), 0);
    assert_int_equal(len, raw.len);
    assert_int_equal(clientid_strips_header(&decision, CLIENTID_STR("Authorization")), 0);
    decision.answer = &answers;
    assert_int_equal(clientid_strips_header(&decision, CLIENTID_STR("Authorization")), 1);
    assert_int_equal(clientid_strips_header(&decision, CLIENTID_STR("CLIENT_SECRET")), 1);
    assert_int_equal(clientid_strips_header(&decision, CLIENTID_STR("client_id")), 0);
    assert_int_equal(clientid_strips_header(&decision, CLIENTID_STR("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_without_answers),
        cmocka_unit_test(test_basic_challenge),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_soap),
        cmocka_unit_test(test_texts_need_no_escape),
        cmocka_unit_test(test_problem),
        cmocka_unit_test(test_custom),
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_x_ratelimit),
        cmocka_unit_test(test_draft_03),
        cmocka_unit_test(test_draft_11),
        cmocka_unit_test(test_draft_11_names),
        cmocka_unit_test(test_draft_11_room),
        cmocka_unit_test(test_violated_policies),
        cmocka_unit_test(test_bad_calls),
        cmocka_unit_test(test_strip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
