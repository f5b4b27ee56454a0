/* SPDX-License-Identifier: Apache-2.0 */
/* Quota headers in three generations; a limit in shadow mode is never shown, since it is not in force. */
#include "base/str.h"
#include "policy/answer.h"
#include "policy/duration.h"

#define MS_NS     UINT64_C(1000000)
#define SECOND_NS UINT64_C(1000000000)

/* The greatest Integer of a structured field, RFC 9651 section 3.3.1. */
#define STRUCTURED_MAX UINT64_C(999999999999999)

enum { NAME_BYTES = 40, NAME_ROOM = NAME_BYTES + 1 + CLIENTID__DURATION_TEXT };

static size_t limit_count(const clientid_decision *decision)
{
    return decision->limit_count < CLIENTID_LIMITS_MAX ? decision->limit_count
                                                       : CLIENTID_LIMITS_MAX;
}

bool clientid__quota_shown(const clientid_decision *decision, size_t i)
{
    uint32_t flags = decision->limits[i].flags;

    return i < limit_count(decision) && (flags & CLIENTID_LIMIT_VISIBLE) != 0 &&
           (flags & CLIENTID_LIMIT_SHADOW) == 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool named_by_tier(const clientid_decision *decision, size_t i)
{
    return (decision->limits[i].flags & CLIENTID_LIMIT_TIER) != 0 && decision->tier.len > 0;
}

/* The tier, unless another policy's limit of the same tier and period has taken that name. */
static clientid_str name_source(const clientid_decision *decision, size_t i)
{
    if (!named_by_tier(decision, i))
        return decision->limits[i].policy;
    for (size_t j = 0; j < i; j++)
        if (clientid__quota_shown(decision, j) && named_by_tier(decision, j) &&
            decision->limits[j].period_ns == decision->limits[i].period_ns)
            return decision->limits[i].policy;
    return decision->tier;
}

static bool is_name_byte(unsigned char c)
{
    unsigned char lower = clientid__lower(c);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

/* Names of tiers are anybody's text: nothing of it may end the quotation, nor the header. */
static size_t write_name(const clientid_decision *decision, size_t i, char name[NAME_ROOM])
{
    clientid_str source = name_source(decision, i);
    size_t len = 0;

    for (; len < source.len && len < NAME_BYTES; len++)
        name[len] = is_name_byte((unsigned char)source.ptr[len]) ? source.ptr[len] : '_';
    name[len++] = '-';
    return len + clientid__duration_write(decision->limits[i].period_ns, name + len);
}

/* Which of the shown limits that would have the same name this is, from 1. */
static size_t ordinal(const clientid_decision *decision, size_t i, clientid_str name)
{
    char other[NAME_ROOM];
    size_t number = 1;

    for (size_t j = 0; j < i; j++)
        if (clientid__quota_shown(decision, j) &&
            clientid__str_eq(name, clientid__str(other, write_name(decision, j, other))))
            number++;
    return number;
}

/* A name stands for one limit (sections 4.1 and 4.2): a second gold-1m is gold-1m-2. */
bool clientid__quota_name(const clientid_decision *decision, size_t i, struct clientid__text *text)
{
    char name[NAME_ROOM + 1 + 20];
    size_t len = write_name(decision, i, name);
    size_t number = ordinal(decision, i, clientid__str(name, len));

    if (number > 1) {
        name[len++] = '-';
        len += clientid__decimal_write(number, name + len);
    }
    return clientid__text_add(text, clientid__str(name, len));
}

/* ---- x-ratelimit and draft-03 ---------------------------------------------------------------- */

/* The limit with the least remaining; of equal ones that which takes longest to come back. */
static const clientid_limit_report *tightest(const clientid_decision *decision)
{
    const clientid_limit_report *best = NULL;

    for (size_t i = 0; i < limit_count(decision); i++) {
        const clientid_limit_report *limit = &decision->limits[i];

        if (!clientid__quota_shown(decision, i))
            continue;
        if (best == NULL || limit->remaining < best->remaining ||
            (limit->remaining == best->remaining && limit->reset_ns > best->reset_ns))
            best = limit;
    }
    return best;
}

/* Rounded up, as a window ends; a window that ends on the next whole millisecond is still no longer than its period. */
static uint64_t reset_in(const clientid_limit_report *limit, uint64_t unit_ns)
{
    uint64_t reset = clientid__round_up(limit->reset_ns, unit_ns);
    uint64_t period = clientid__round_up(limit->period_ns, unit_ns);

    return limit->reset_ns < limit->period_ns + MS_NS && reset > period ? period : reset;
}

/* Anypoint: milliseconds until the window restarts. */
static void add_x_ratelimit(const clientid_limit_report *limit, clientid_answer *answer,
                            struct clientid__text *text)
{
    clientid__answer_number(answer, text, CLIENTID_STR("X-RateLimit-Limit"),
                            limit->maximum_requests);
    clientid__answer_number(answer, text, CLIENTID_STR("X-RateLimit-Remaining"), limit->remaining);
    clientid__answer_number(answer, text, CLIENTID_STR("X-RateLimit-Reset"),
                            reset_in(limit, MS_NS));
}

/* draft-ietf-httpapi-ratelimit-headers-03 sections 3.1 to 3.3: seconds from now. */
static void add_draft_03(const clientid_limit_report *limit, clientid_answer *answer,
                         struct clientid__text *text)
{
    clientid__answer_number(answer, text, CLIENTID_STR("RateLimit-Limit"), limit->maximum_requests);
    clientid__answer_number(answer, text, CLIENTID_STR("RateLimit-Remaining"), limit->remaining);
    clientid__answer_number(answer, text, CLIENTID_STR("RateLimit-Reset"),
                            reset_in(limit, SECOND_NS));
}

/* ---- draft-11 -------------------------------------------------------------------------------- */

struct parameter {
    clientid_str key; /* with ';' and '=' */
    uint64_t value;
};

/* "name";a=1;b=2 */
static bool add_item(const clientid_decision *decision, size_t i, bool first,
                     const struct parameter parameters[2], struct clientid__text *text)
{
    if ((!first && !clientid__text_add(text, CLIENTID_STR(", "))) ||
        !clientid__text_add(text, CLIENTID_STR("\"")) || !clientid__quota_name(decision, i, text) ||
        !clientid__text_add(text, CLIENTID_STR("\"")))
        return false;
    for (size_t p = 0; p < 2; p++) {
        uint64_t value = parameters[p].value;

        if (!clientid__text_add(text, parameters[p].key) ||
            !clientid__text_add_number(text, value < STRUCTURED_MAX ? value : STRUCTURED_MAX))
            return false;
    }
    return true;
}

static bool add_policy_item(const clientid_decision *decision, size_t i, bool first,
                            struct clientid__text *text)
{
    const clientid_limit_report *limit = &decision->limits[i];
    const struct parameter parameters[2] = {
        {CLIENTID_STR(";q="), limit->maximum_requests},
        {CLIENTID_STR(";w="), clientid__round_up(limit->period_ns, SECOND_NS)}};

    return add_item(decision, i, first, parameters, text);
}

static bool add_limit_item(const clientid_decision *decision, size_t i, bool first,
                           struct clientid__text *text)
{
    const clientid_limit_report *limit = &decision->limits[i];
    const struct parameter parameters[2] = {{CLIENTID_STR(";r="), limit->remaining},
                                            {CLIENTID_STR(";t="), reset_in(limit, SECOND_NS)}};

    return add_item(decision, i, first, parameters, text);
}

/*
 * draft-ietf-httpapi-ratelimit-headers-11 sections 4.1 and 4.2.  Both fields grow side by side in one half each
 * of the room, so that they name the same limits also when not all fit.
 */
static void add_draft_11(const clientid_decision *decision, clientid_answer *answer,
                         struct clientid__text *text)
{
    size_t half = text->left / 2;
    struct clientid__text policies = {text->next, half}, limits = {text->next + half, half};
    struct clientid__text whole_policies = policies, whole_limits = limits;
    const char *policies_start = policies.next, *limits_start = limits.next;
    bool first = true;

    for (size_t i = 0; i < limit_count(decision); i++) {
        if (!clientid__quota_shown(decision, i))
            continue;
        if (!add_policy_item(decision, i, first, &policies) ||
            !add_limit_item(decision, i, first, &limits))
            break;
        whole_policies = policies;
        whole_limits = limits;
        first = false;
    }
    if (first)
        return;
    clientid__answer_header(answer, CLIENTID_STR("RateLimit-Policy"),
                            clientid__text_since(&whole_policies, policies_start));
    clientid__answer_header(answer, CLIENTID_STR("RateLimit"),
                            clientid__text_since(&whole_limits, limits_start));
    *text = whole_limits;
}

void clientid__quota_headers(const clientid_decision *decision,
                             const struct clientid__answers *answers, clientid_answer *answer,
                             struct clientid__text *text)
{
    const clientid_limit_report *limit = tightest(decision);

    if (!answers->expose_headers || limit == NULL)
        return;
    switch (answers->generation) {
    case CLIENTID__HEADERS_X_RATELIMIT:
        add_x_ratelimit(limit, answer, text);
        return;
    case CLIENTID__HEADERS_DRAFT_03:
        add_draft_03(limit, answer, text);
        return;
    case CLIENTID__HEADERS_DRAFT_11:
        add_draft_11(decision, answer, text);
        return;
    }
}
