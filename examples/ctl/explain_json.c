/* SPDX-License-Identifier: Apache-2.0 */
/* A decision for programs.  Bytes that are not UTF-8 are shown as '?', or JSON could not carry them. */
#include "explain.h"

#include "utf8.h"

#include <stdlib.h>
#include <string.h>

static json_t *text_json(clientid_str text)
{
    char *shown = utf8_printable(text.ptr, text.len);
    json_t *json = shown != NULL ? json_string(shown) : NULL;
    free(shown);
    return json;
}

static json_t *text_or_null(clientid_str text)
{
    return text.len > 0 ? text_json(text) : json_null();
}

static json_t *number_or_null(uint64_t number)
{
    return number != 0 ? json_integer((json_int_t)number) : json_null();
}

static json_t *limit_json(const clientid_limit_report *r)
{
    return json_pack(
        "{s:o, s:I, s:I, s:s, s:I, s:I, s:b, s:b, s:b}", "policy", text_json(r->policy),
        "maximumRequests", (json_int_t)r->maximum_requests, "timePeriodInMilliseconds",
        (json_int_t)(r->period_ns / 1000000u), "algorithm", explanation_algorithm(r), "remaining",
        (json_int_t)r->remaining, "resetInMilliseconds", (json_int_t)explanation_ms(r->reset_ns),
        "visible", (r->flags & CLIENTID_LIMIT_VISIBLE) != 0, "bound",
        (r->flags & CLIENTID_LIMIT_BOUND) != 0, "shadow", (r->flags & CLIENTID_LIMIT_SHADOW) != 0);
}

static json_t *limits_json(const clientid_decision *d)
{
    json_t *list = json_array();
    for (size_t i = 0; i < d->limit_count; i++)
        json_array_append_new(list, limit_json(&d->limits[i]));
    return list;
}

static json_t *client_json(const clientid_decision *d)
{
    return json_pack("{s:o, s:b, s:b, s:o}", "clientId", text_or_null(d->client_id), "byQuery",
                     d->from_query, "verified", d->verified, "secretSlot",
                     number_or_null(d->secret_slot));
}

static json_t *contract_json(const clientid_decision *d)
{
    if (d->contract_id == 0)
        return json_null();
    return json_pack("{s:I, s:I, s:o, s:o, s:o}", "id", (json_int_t)d->contract_id, "applicationId",
                     (json_int_t)d->application_id, "applicationName", text_json(d->client_name),
                     "tierId", number_or_null(d->tier_id), "tier", text_or_null(d->tier));
}

static json_t *decision_json(const clientid_decision *d)
{
    json_t *shadow = json_null();
    if (d->shadow_denied)
        shadow = json_pack("{s:o, s:s}", "policy", text_json(d->shadow_policy), "reason",
                           clientid_reason_label(d->shadow_reason));
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "verdict", clientid_verdict_label(d->verdict),
        "reason", clientid_reason_label(d->reason), "text", clientid_reason_text(d->reason),
        "policy", text_or_null(d->policy), "delayInMilliseconds",
        number_or_null(d->delay_ns / 1000000u), "retryAfterInMilliseconds",
        number_or_null(d->retry_after_ns != UINT64_MAX ? explanation_ms(d->retry_after_ns) : 0),
        "shadow", shadow);
}

static json_t *answer_json(const struct explanation *x)
{
    const clientid_answer *a = &x->answer;
    if (!x->answered)
        return json_null();
    json_t *headers = json_array();
    for (size_t i = 0; i < a->header_count; i++)
        json_array_append_new(headers,
                              json_pack("{s:o, s:o}", "name", text_json(a->headers[i].name),
                                        "value", text_json(a->headers[i].value)));
    return json_pack("{s:o, s:o, s:o}", "status", number_or_null(a->status), "headers", headers,
                     "body", text_or_null(a->body));
}

static json_t *stripped_json(const struct explanation *x)
{
    json_t *parameters = json_array();
    json_t *headers = json_array();
    clientid_str name;
    for (size_t i = 0; explanation_dropped_parameter(x, i, &name); i++)
        json_array_append_new(parameters, text_json(name));
    for (size_t i = 0; explanation_dropped_header(x, i, &name); i++)
        json_array_append_new(headers, text_json(name));
    return json_pack("{s:o, s:o}", "queryParameters", parameters, "headers", headers);
}

json_t *explanation_to_json(const struct explanation *x)
{
    const clientid_decision *d = &x->decision;
    json_t *request = json_pack("{s:o, s:o}", "method", text_json(x->request.method), "path",
                                text_json(x->request.path));
    json_t *contracts = json_pack(
        "{s:o, s:I, s:b}", "origin", text_json((clientid_str){x->origin, strlen(x->origin)}),
        "revision", (json_int_t)d->registry_revision, "degraded", d->degraded);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "api",
                     text_json(clientid_api_name(x->api)), "request", request, "contracts",
                     contracts, "client", client_json(d), "contract", contract_json(d), "limits",
                     limits_json(d), "decision", decision_json(d), "answer", answer_json(x),
                     "stripped", stripped_json(x));
}
