/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client is told.  The reason of a refusal is for the log: every credential that is wrong, for whatever
 * reason, gets the same answer.
 */
#include "policy/answer.h"

#include "base/str.h"
#include "policy/duration.h"

#define SECOND_NS UINT64_C(1000000000)

enum answer_case { MISSING, FAILED, NO_CONTRACT, QUOTA, UNAVAILABLE, TOO_LARGE };

#define TEXT_MISSING     "Client ID is not present"
#define TEXT_FAILED      "Authentication Attempt Failed"
#define TEXT_QUOTA       "Quota has been exceeded"
#define TEXT_UNAVAILABLE "Contracts Information Unreachable"
#define TEXT_TOO_LARGE   "Request body is too large"

/* CLIENTID_STR for static tables, whose initialisers must be constant. */
#define LITERAL(text)                                                                              \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define JSON_BODY(text) LITERAL("{\"error\":\"" text "\"}")

/* RFC 9457: without a type of its own, the title is the status' phrase. */
#define PROBLEM_BODY(status, phrase, text)                                                         \
    LITERAL("{\"type\":\"about:blank\",\"title\":\"" phrase "\",\"status\":" #status               \
            ",\"detail\":\"" text "\"}")
/* draft-ietf-httpapi-ratelimit-headers, problem type "quota exceeded"; its end is written when answering. */
#define PROBLEM_QUOTA                                                                              \
    LITERAL("{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\","        \
            "\"title\":\"Request cannot be satisfied as assigned quota has been exceeded\","       \
            "\"status\":429,\"detail\":\"" TEXT_QUOTA "\"")

/* SOAP 1.1 section 4.4 */
#define SOAP_11_BODY(code, text)                                                                   \
    LITERAL("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"                                           \
            "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">"             \
            "<soap:Body><soap:Fault><faultcode>soap:" code "</faultcode>"                          \
            "<faultstring>" text "</faultstring></soap:Fault></soap:Body></soap:Envelope>")
/* SOAP 1.2 part 1 section 5.4 */
#define SOAP_12_BODY(code, text)                                                                   \
    LITERAL("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"                                           \
            "<soap:Envelope xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\">"               \
            "<soap:Body><soap:Fault><soap:Code><soap:Value>soap:" code                             \
            "</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang=\"en\">" text               \
            "</soap:Text></soap:Reason></soap:Fault></soap:Body></soap:Envelope>")

/* The texts need no escape in JSON and XML; a test holds them to that. */
static const struct {
    unsigned status;
    clientid_str json, problem, soap_11, soap_12;
} cases[] = {
    [MISSING] = {401, JSON_BODY(TEXT_MISSING), PROBLEM_BODY(401, "Unauthorized", TEXT_MISSING),
                 SOAP_11_BODY("Client", TEXT_MISSING), SOAP_12_BODY("Sender", TEXT_MISSING)},
    [FAILED] = {401, JSON_BODY(TEXT_FAILED), PROBLEM_BODY(401, "Unauthorized", TEXT_FAILED),
                SOAP_11_BODY("Client", TEXT_FAILED), SOAP_12_BODY("Sender", TEXT_FAILED)},
    [QUOTA] = {429, JSON_BODY(TEXT_QUOTA), PROBLEM_QUOTA, SOAP_11_BODY("Client", TEXT_QUOTA),
               SOAP_12_BODY("Sender", TEXT_QUOTA)},
    [UNAVAILABLE] = {503, JSON_BODY(TEXT_UNAVAILABLE),
                     PROBLEM_BODY(503, "Service Unavailable", TEXT_UNAVAILABLE),
                     SOAP_11_BODY("Server", TEXT_UNAVAILABLE),
                     SOAP_12_BODY("Receiver", TEXT_UNAVAILABLE)},
    [NO_CONTRACT] = {403, JSON_BODY(TEXT_FAILED), PROBLEM_BODY(403, "Forbidden", TEXT_FAILED),
                     SOAP_11_BODY("Client", TEXT_FAILED), SOAP_12_BODY("Sender", TEXT_FAILED)},
    [TOO_LARGE] = {413, JSON_BODY(TEXT_TOO_LARGE),
                   PROBLEM_BODY(413, "Content Too Large", TEXT_TOO_LARGE),
                   SOAP_11_BODY("Client", TEXT_TOO_LARGE), SOAP_12_BODY("Sender", TEXT_TOO_LARGE)},
};

/* For decisions about API instances that no configuration knows. */
static const struct clientid__answers no_answers = {.contract_status = 401};

static const struct clientid__answers *answers_of(const clientid_decision *decision)
{
    return decision->answer != NULL ? decision->answer : &no_answers;
}

/* ---- text ------------------------------------------------------------------------------------ */

bool clientid__text_add(struct clientid__text *text, clientid_str bytes)
{
    if (bytes.len > text->left)
        return false;
    if (bytes.len > 0)
        memcpy(text->next, bytes.ptr, bytes.len);
    text->next += bytes.len;
    text->left -= bytes.len;
    return true;
}

bool clientid__text_add_number(struct clientid__text *text, uint64_t number)
{
    char digits[20];

    return clientid__text_add(text, clientid__str(digits, clientid__decimal_write(number, digits)));
}

void clientid__answer_header(clientid_answer *answer, clientid_str name, clientid_str value)
{
    if (answer->header_count < CLIENTID_ANSWER_HEADERS)
        answer->headers[answer->header_count++] = (clientid_header){name, value};
}

void clientid__answer_number(clientid_answer *answer, struct clientid__text *text,
                             clientid_str name, uint64_t value)
{
    const char *start = text->next;

    if (clientid__text_add_number(text, value))
        clientid__answer_header(answer, name, clientid__text_since(text, start));
}

uint64_t clientid__round_up(uint64_t ns, uint64_t unit_ns)
{
    return ns / unit_ns + (ns % unit_ns != 0);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static enum answer_case case_of(const struct clientid__answers *answers, clientid_reason reason)
{
    switch (reason) {
    case CLIENTID_REASON_ID_MISSING:
        return MISSING;
    case CLIENTID_REASON_CONTRACT_PENDING:
    case CLIENTID_REASON_CONTRACT_REJECTED:
    case CLIENTID_REASON_CONTRACT_REVOKED:
        return answers->contract_status == 403 ? NO_CONTRACT : FAILED;
    case CLIENTID_REASON_QUOTA_EXCEEDED:
    case CLIENTID_REASON_QUEUE_FULL:
    case CLIENTID_REASON_DELAYS_EXHAUSTED:
        return QUOTA;
    case CLIENTID_REASON_REGISTRY_NOT_LOADED:
    case CLIENTID_REASON_REGISTRY_EXPIRED:
    case CLIENTID_REASON_API_UNKNOWN:
    case CLIENTID_REASON_LIMITS_INVALID:
        return UNAVAILABLE;
    case CLIENTID_REASON_BODY_TOO_LARGE:
        return TOO_LARGE;
    default:
        return FAILED;
    }
}

/* ,"violated-policies":["gold-1m"]} with the limits that refused and may be shown. */
static clientid_str quota_problem(const clientid_decision *decision,
                                  const struct clientid__answers *answers,
                                  struct clientid__text *text)
{
    struct clientid__text list;
    const char *start = text->next;
    bool first = true;

    clientid__text_add(text, cases[QUOTA].problem);
    list = *text;
    for (size_t i = 0; i < CLIENTID_LIMITS_MAX && answers->expose_headers; i++) {
        clientid_str before =
            first ? CLIENTID_STR(",\"violated-policies\":[\"") : CLIENTID_STR(",\"");

        if (!clientid__quota_shown(decision, i) ||
            (decision->limits[i].flags & CLIENTID_LIMIT_BOUND) == 0)
            continue;
        if (!clientid__text_add(&list, before) || !clientid__quota_name(decision, i, &list) ||
            !clientid__text_add(&list, CLIENTID_STR("\"")))
            break;
        *text = list;
        first = false;
    }
    clientid__text_add(text, first ? CLIENTID_STR("}") : CLIENTID_STR("]}"));
    return clientid__text_since(text, start);
}

static clientid_str custom_body(const struct clientid__answers *answers, enum answer_case which)
{
    switch (which) {
    case MISSING:
        return answers->body_missing;
    case QUOTA:
        return answers->body_quota;
    case UNAVAILABLE:
        return answers->body_unavailable;
    default:
        return answers->body_failed;
    }
}

struct content {
    clientid_str type;
    clientid_str body;
};

static struct content content_of(const clientid_decision *decision,
                                 const struct clientid__answers *answers, enum answer_case which,
                                 struct clientid__text *text)
{
    clientid_str custom = custom_body(answers, which);

    if (answers->soap == CLIENTID__SOAP_1_1)
        return (struct content){CLIENTID_STR("text/xml; charset=utf-8"), cases[which].soap_11};
    if (answers->soap == CLIENTID__SOAP_1_2)
        return (struct content){CLIENTID_STR("application/soap+xml; charset=utf-8"),
                                cases[which].soap_12};
    if (answers->format == CLIENTID__BODY_PROBLEM)
        return (struct content){CLIENTID_STR("application/problem+json"),
                                which == QUOTA ? quota_problem(decision, answers, text)
                                               : cases[which].problem};
    if (answers->format == CLIENTID__BODY_CUSTOM && custom.len > 0)
        return (struct content){answers->content_type, custom};
    return (struct content){CLIENTID_STR("application/json"), cases[which].json};
}

/* ---- the answer ------------------------------------------------------------------------------ */

/*
 * Refusals of a SOAP API instance are faults with the status of their version's HTTP binding.  That nobody could
 * decide is no fault of the request: it stays 503.
 */
static unsigned status_of(const struct clientid__answers *answers, enum answer_case which)
{
    if (answers->soap != CLIENTID__SOAP_NONE && which != UNAVAILABLE)
        return answers->soap == CLIENTID__SOAP_1_1 ? 500 : 400;
    return cases[which].status;
}

static void add_challenge(const struct clientid__answers *answers, clientid_answer *answer,
                          struct clientid__text *text)
{
    const char *start = text->next;

    if (!answers->basic) {
        clientid__answer_header(answer, CLIENTID_STR("WWW-Authenticate"),
                                CLIENTID_STR("Client-ID-Enforcement"));
        return;
    }
    if (clientid__text_add(text, CLIENTID_STR("Basic realm=\"")) &&
        clientid__text_add(text, answers->realm) &&
        clientid__text_add(text, CLIENTID_STR("\", charset=\"UTF-8\"")))
        clientid__answer_header(answer, CLIENTID_STR("WWW-Authenticate"),
                                clientid__text_since(text, start));
}

/* A request that can never pass (its cost is above a limit) is not told to come back. */
static void add_retry(const clientid_decision *decision, clientid_answer *answer,
                      struct clientid__text *text)
{
    uint64_t seconds = clientid__round_up(decision->retry_after_ns, SECOND_NS);

    clientid__answer_header(answer, CLIENTID_STR("Cache-Control"), CLIENTID_STR("no-store"));
    if (decision->retry_after_ns != UINT64_MAX)
        clientid__answer_number(answer, text, CLIENTID_STR("Retry-After"),
                                seconds > 0 ? seconds : 1);
}

static void render_denied(const clientid_decision *decision,
                          const struct clientid__answers *answers, clientid_answer *answer,
                          struct clientid__text *text)
{
    enum answer_case which = case_of(answers, decision->reason);
    struct content content;

    answer->status = status_of(answers, which);
    content = content_of(decision, answers, which, text);
    answer->body = content.body;
    clientid__answer_header(answer, CLIENTID_STR("Content-Type"), content.type);
    if (answer->status == 401)
        add_challenge(answers, answer, text);
    if (which == QUOTA)
        add_retry(decision, answer, text);
    clientid__quota_headers(decision, answers, answer, text);
}

int clientid_render(const clientid_decision *decision, clientid_answer *answer)
{
    struct clientid__text text;
    const struct clientid__answers *answers;

    if (decision == NULL || answer == NULL || decision->size < sizeof(*decision) ||
        answer->size < sizeof(*answer))
        return CLIENTID_ERR_ARG;
    if (decision->verdict != CLIENTID_ALLOW && decision->verdict != CLIENTID_DENY)
        return CLIENTID_ERR_ARG;
    text = (struct clientid__text){answer->text, sizeof(answer->text)};
    answers = answers_of(decision);
    answer->status = 0;
    answer->header_count = 0;
    answer->body = clientid__str(NULL, 0);
    if (decision->verdict == CLIENTID_DENY) {
        render_denied(decision, answers, answer, &text);
        return 0;
    }
    clientid__quota_headers(decision, answers, answer, &text);
    if (decision->from_query)
        clientid__answer_header(answer, CLIENTID_STR("Cache-Control"), CLIENTID_STR("private"));
    return 0;
}

/* ---- what to forward ------------------------------------------------------------------------- */

int clientid_strip(const clientid_decision *decision, clientid_str query, char *out, size_t *len)
{
    const struct clientid__answers *answers;

    if (decision == NULL || len == NULL || (out == NULL && query.len > 0))
        return CLIENTID_ERR_ARG;
    if (*len < query.len)
        return CLIENTID_ERR_SPACE;
    answers = answers_of(decision);
    *len = clientid__query_strip(query, answers->strip_query, answers->strip_query_count, out);
    return 0;
}

int clientid_strips_header(const clientid_decision *decision, clientid_str name)
{
    const struct clientid__answers *answers = answers_of(decision);

    for (size_t i = 0; i < answers->strip_header_count; i++)
        if (clientid__str_case_eq(answers->strip_headers[i], name))
            return 1;
    return 0;
}
