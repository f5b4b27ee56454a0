/* SPDX-License-Identifier: Apache-2.0 */
/* A decision for people: who asked, what stood against it, what is answered and forwarded. */
#include "explain.h"

#include "limits_text.h"
#include "table.h"

#include <inttypes.h>
#include <string.h>

static void write_request(struct table *t, const struct explanation *x)
{
    const struct request *r = &x->request;
    table_detail(t, "request", "%.*s %.*s, %s query, %zu header lines, %zu bytes of body",
                 (int)r->method.len, r->method.ptr, (int)r->path.len, r->path.ptr,
                 r->query.len > 0 ? "a" : "no", r->header_count, r->body.len);
    clientid_str api = clientid_api_name(x->api);
    table_detail(t, "api", "%.*s, whose policies read%s%s%s%s", (int)api.len, api.ptr,
                 (x->wants & CLIENTID_WANTS_QUERY) != 0 ? " [query]" : "",
                 (x->wants & CLIENTID_WANTS_HEADERS) != 0 ? " [headers]" : "",
                 (x->wants & CLIENTID_WANTS_BODY) != 0 ? " [body]" : "",
                 x->wants == 0 ? " nothing" : "");
    table_detail(t, "contracts", "from %s", x->origin);
    /* 0: no policy asked for contracts. */
    if (x->decision.registry_revision != 0)
        table_detail(t, "revision", "%" PRIu64 "%s", x->decision.registry_revision,
                     x->decision.degraded ? ", degraded: the source has been out of reach" : "");
}

static void write_secret(struct table *t, const clientid_decision *d)
{
    if (d->reason == CLIENTID_REASON_SECRET_EXPIRED)
        table_detail(t, "secret", "known, but outside its validity");
    else if (d->secret_slot != 0)
        table_detail(t, "secret", "matches slot %u", d->secret_slot);
    else if (d->verified)
        table_detail(t, "secret", "not asked for");
    else if (d->reason == CLIENTID_REASON_SECRET_MISSING)
        table_detail(t, "secret", "missing");
    else
        table_detail(t, "secret", "not verified");
}

static void write_client(struct table *t, const clientid_decision *d)
{
    if (d->client_id.len == 0) {
        table_detail(t, "client id", "none was read");
        return;
    }
    table_detail(t, "client id", "%.*s%s", (int)d->client_id.len, d->client_id.ptr,
                 d->from_query ? ", by query" : "");
    write_secret(t, d);
    if (d->contract_id == 0) {
        table_detail(t, "contract",
                     d->reason == CLIENTID_REASON_CLIENT_UNKNOWN ? "none on this API"
                                                                 : "not established");
        return;
    }
    table_detail(t, "contract", "%" PRIu64 " of application %" PRIu64 " \"%.*s\"", d->contract_id,
                 d->application_id, (int)d->client_name.len, d->client_name.ptr);
    if (d->tier_id != 0)
        table_detail(t, "tier", "%.*s (%" PRIu64 ")", (int)d->tier.len, d->tier.ptr, d->tier_id);
    else
        table_detail(t, "tier", "none");
}

static void write_decision(struct table *t, const clientid_decision *d)
{
    table_detail(t, "decision", "%s: %s, %s", clientid_verdict_label(d->verdict),
                 clientid_reason_label(d->reason), clientid_reason_text(d->reason));
    table_detail_slice(t, "policy", d->policy);
    if (d->verdict == CLIENTID_DELAY)
        table_detail(t, "delay", "%" PRIu64 " ms, then it is decided again",
                     d->delay_ns / 1000000u);
    if (d->retry_after_ns == UINT64_MAX)
        table_detail(t, "retry after", "never: the cost is more than the limit admits at all");
    else if (d->retry_after_ns != 0)
        table_detail(t, "retry after", "%" PRIu64 " ms", explanation_ms(d->retry_after_ns));
    if (d->shadow_denied)
        table_detail(t, "shadow", "policy %.*s would have refused: %s", (int)d->shadow_policy.len,
                     d->shadow_policy.ptr, clientid_reason_label(d->shadow_reason));
}

static const char *note(const clientid_limit_report *limit)
{
    if ((limit->flags & CLIENTID_LIMIT_SHADOW) != 0)
        return "shadow";
    if ((limit->flags & CLIENTID_LIMIT_BOUND) != 0)
        return "this one refused";
    return (limit->flags & CLIENTID_LIMIT_VISIBLE) != 0 ? "" : "not in headers";
}

static bool write_limits(FILE *out, const clientid_decision *d)
{
    static const struct column columns[] = {{"POLICY", COLUMN_SHRINKS}, {"LIMIT", 0},
                                            {"ALGORITHM", 0},           {"REMAINING", COLUMN_RIGHT},
                                            {"RESET", COLUMN_RIGHT},    {"NOTE", 0}};
    if (d->limit_count == 0)
        return true;
    fputc('\n', out);
    struct table *t = table_new(out, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < d->limit_count; i++) {
        const clientid_limit_report *r = &d->limits[i];
        clientid_limit limit = {.maximum_requests = r->maximum_requests,
                                .period_ms = r->period_ns / 1000000u,
                                .visible = 1};
        char text[64];
        limit_format(&limit, text, sizeof(text));
        table_slice(t, r->policy);
        table_cell(t, text);
        table_cell(t, explanation_algorithm(r));
        table_cellf(t, "%" PRIu64, r->remaining);
        table_cellf(t, "%" PRIu64 " ms", explanation_ms(r->reset_ns));
        table_cell(t, note(r));
    }
    return table_end(t);
}

static bool write_answer(FILE *out, const struct explanation *x)
{
    const clientid_answer *a = &x->answer;
    if (!x->answered || (a->status == 0 && a->header_count == 0))
        return true;
    struct table *t = table_new_details(out);
    fputc('\n', out);
    if (a->status != 0)
        table_detail(t, "answer", "HTTP %u", a->status);
    else
        table_detail(t, "answer", "the upstream's, and these headers");
    for (size_t i = 0; i < a->header_count; i++)
        table_detail(t, "", "%.*s: %.*s", (int)a->headers[i].name.len, a->headers[i].name.ptr,
                     (int)a->headers[i].value.len, a->headers[i].value.ptr);
    table_detail_slice(t, "", a->body);
    return table_end(t);
}

static bool write_forwarded(FILE *out, const struct explanation *x)
{
    clientid_str name;
    struct table *t = table_new_details(out);
    fputc('\n', out);
    if (x->decision.verdict != CLIENTID_ALLOW)
        table_detail(t, "forwarded", "no");
    else
        table_detail(t, "forwarded", "yes");
    for (size_t i = 0; explanation_dropped_parameter(x, i, &name); i++)
        table_detail(t, "stripped", "query parameter %.*s", (int)name.len, name.ptr);
    for (size_t i = 0; explanation_dropped_header(x, i, &name); i++)
        table_detail(t, "stripped", "header %.*s", (int)name.len, name.ptr);
    return table_end(t);
}

bool explanation_write_text(FILE *out, const struct explanation *x)
{
    struct table *t = table_new_details(out);
    write_request(t, x);
    write_client(t, &x->decision);
    write_decision(t, &x->decision);
    return table_end(t) && write_limits(out, &x->decision) && write_answer(out, x) &&
           write_forwarded(out, x);
}
