/* SPDX-License-Identifier: Apache-2.0 */
/* A call has one answer: the first that is given stands. */
#include "call.h"

#include "portal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- asking ---------------------------------------------------------------------------------- */

static bool same(clientid_str a, const char *b)
{
    return a.len == strlen(b) && memcmp(a.ptr, b, a.len) == 0;
}

static bool find(const struct call_pair *pairs, size_t count, const char *name, clientid_str *out)
{
    for (size_t i = 0; i < count; i++) {
        if (!same(pairs[i].name, name))
            continue;
        *out = pairs[i].value;
        return true;
    }
    *out = (clientid_str){NULL, 0};
    return false;
}

static bool to_number(clientid_str text, uint64_t *out)
{
    *out = 0;
    if (text.len == 0 || text.len > 18 || (text.ptr[0] == '0' && text.len > 1))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    return true;
}

clientid_str call_parameter(const struct call *call, const char *name)
{
    clientid_str value;
    (void)find(call->parameters, call->parameter_count, name, &value);
    return value;
}

bool call_number(struct call *call, const char *name, uint64_t *out)
{
    if (to_number(call_parameter(call, name), out))
        return true;
    call_refuse(call, 404, "", "there is no such %s", name);
    return false;
}

bool call_query(const struct call *call, const char *name, clientid_str *out)
{
    return find(call->query, call->query_count, name, out);
}

bool call_query_number(struct call *call, const char *name, uint64_t min, uint64_t max,
                       uint64_t otherwise, uint64_t *out)
{
    clientid_str text;
    *out = otherwise;
    if (!call_query(call, name, &text))
        return true;
    if (to_number(text, out) && *out >= min && *out <= max)
        return true;
    call_refuse(call, 400, name, "query parameter %s must be a whole number from %llu to %llu",
                name, (unsigned long long)min, (unsigned long long)max);
    return false;
}

bool call_query_flag(struct call *call, const char *name, bool otherwise, bool *out)
{
    clientid_str text;
    *out = otherwise;
    if (!call_query(call, name, &text))
        return true;
    *out = same(text, "true");
    if (*out || same(text, "false"))
        return true;
    call_refuse(call, 400, name, "query parameter %s must be true or false", name);
    return false;
}

const char *call_header(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

clientid_str call_text(const struct call *call, const char *key)
{
    const json_t *value = json_object_get(call->json, key);
    return (clientid_str){json_string_value(value), json_string_length(value)};
}

uint64_t call_id(const struct call *call, const char *key)
{
    const json_t *value = json_object_get(call->json, key);
    uint64_t number = 0;
    if (json_is_integer(value))
        return json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
    (void)to_number((clientid_str){json_string_value(value), json_string_length(value)}, &number);
    return number;
}

/* ---- answering ------------------------------------------------------------------------------- */

static void put_text(struct call *call, unsigned status, char *text, size_t len, const char *type)
{
    if (call->status != 0) {
        free(text);
        return;
    }
    call->status = status;
    call->text = text;
    call->text_len = len;
    call->type = type;
}

void call_answer_text(struct call *call, unsigned status, char *text, size_t len, const char *type)
{
    put_text(call, text != NULL ? status : 500, text, text != NULL ? len : 0, type);
}

void call_answer(struct call *call, unsigned status, json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    call_answer_text(call, status, text, text != NULL ? strlen(text) : 0, "application/json");
    json_decref(json);
}

void call_answer_secret(struct call *call, unsigned status, json_t *json)
{
    call->secret = true;
    call_answer(call, status, json);
}

void call_answer_empty(struct call *call, unsigned status)
{
    put_text(call, status, NULL, 0, NULL);
}

void call_add_header(struct call *call, const char *name, const char *format, ...)
{
    va_list args;
    if (call->header_count == CALL_HEADERS_MAX)
        return;
    struct call_header *header = &call->headers[call->header_count++];
    header->name = name;
    va_start(args, format);
    (void)vsnprintf(header->value, sizeof header->value, format, args);
    va_end(args);
}

json_t *call_take_json(char *text)
{
    json_t *json = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    clientid_json_free(text);
    return json;
}

/* ---- refusals -------------------------------------------------------------------------------- */

static const char *status_name(unsigned status)
{
    switch (status) {
    case 400:
        return "BadRequest";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "NotFound";
    case 405:
        return "MethodNotAllowed";
    case 409:
        return "Conflict";
    case 413:
        return "PayloadTooLarge";
    case 415:
        return "UnsupportedMediaType";
    case 429:
        return "TooManyRequests";
    case 503:
        return "ServiceUnavailable";
    default:
        return "Error";
    }
}

static const char *oauth_name(unsigned status)
{
    if (status == 401)
        return "invalid_client";
    return status == 403 ? "unauthorized_client"
                         : (status < 500 ? "invalid_request" : "temporarily_unavailable");
}

/* webMethods' message is fixed where its documents fix it; what is the matter is among the errors. */
static json_t *rest_refusal(unsigned status, const char *pointer, const char *text)
{
    const char *message = status == 400   ? "User provided data is not correct"
                          : status == 401 ? "Invalid credentials"
                          : status == 403 ? "Insufficient privileges"
                                          : text;
    json_t *json = json_pack("{s:i,s:s}", "code", (int)status, "message", message);
    bool named = strstr(text, pointer) != NULL;
    if (json != NULL && message != text && status != 401)
        (void)json_object_set_new(json, "errors",
                                  json_pack("[s++]", named ? "" : pointer, named ? "" : " ", text));
    return json;
}

static void put_refusal(struct call *call, unsigned status, const char *pointer, const char *text)
{
    unsigned flags = call->route != NULL ? call->route->flags : 0;
    json_t *json;
    if (flags & ROUTE_OAUTH) {
        json = json_pack("{s:s,s:s}", "error", oauth_name(status), "error_description", text);
    } else if (flags & ROUTE_REST) {
        call_answer(call, status, rest_refusal(status, pointer, text));
        return;
    } else {
        json = json_pack("{s:i,s:s,s:s}", "status", (int)status, "name", status_name(status),
                         "message", text);
    }
    if (json != NULL && pointer[0] != '\0')
        (void)json_object_set_new(json, "field", json_string(pointer));
    call_answer(call, status, json);
}

void call_refuse(struct call *call, unsigned status, const char *pointer, const char *format, ...)
{
    char text[384];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (status == 401 && call->status == 0)
        call_add_header(call, "WWW-Authenticate", "%s realm=\"clientid-portal\"",
                        call->route != NULL && (call->route->flags & ROUTE_BASIC) ? "Basic"
                                                                                  : "Bearer");
    put_refusal(call, status, pointer, text);
}

/* Rules about the state of things conflict with it; the others are about what was asked. */
static unsigned rule_status(const char *text)
{
    static const char *const conflicts[] = {
        "contract-state",     "tier-in-use",          "api-in-use",  "api-provider",
        "application-in-use", "application-provider", "owner-last",  "administrator-last",
        "user-in-use",        "provider-in-use",      "event-state", "user-request-open",
        "connected-app-",     "assertion-used",       "pepper-feed",
    };
    for (size_t i = 0; i < sizeof conflicts / sizeof conflicts[0]; i++) {
        if (strncmp(text, conflicts[i], strlen(conflicts[i])) == 0)
            return 409;
    }
    return strncmp(text, "identity:", strlen("identity:")) == 0 ? 403 : 400;
}

static unsigned status_of(int rc, const clientid_error *error)
{
    switch (rc) {
    case CLIENTID_ERR_SYNTAX:
        return 400;
    case CLIENTID_ERR_RULE:
        return rule_status(error->text);
    case CLIENTID_ERR_EXISTS:
        return 409;
    case CLIENTID_ERR_NOT_FOUND:
        return 404;
    case CLIENTID_ERR_FORBIDDEN:
        return 403;
    case CLIENTID_ERR_UNKNOWN_CALLER:
        return 401;
    case CLIENTID_ERR_LIMITED:
        return 429;
    case CLIENTID_ERR_BUSY:
        return 503;
    case CLIENTID_ERR_FULL:
        return 507;
    default:
        return 500;
    }
}

void call_error(struct call *call, int rc, const clientid_error *error)
{
    unsigned status = status_of(rc, error);
    if (status == 409 && call->route != NULL && (call->route->flags & ROUTE_REST))
        status = 400;    /* webMethods knows no conflicts */
    if (status >= 500) { /* what went wrong here is for the log, not for the client */
        say("%s %s: %s (%d)", call->route != NULL ? call->route->method : "?",
            call->route != NULL ? call->route->path : "?", error->text, rc);
        if (status == 503)
            call_add_header(call, "Retry-After", "1");
        call_refuse(call, status, "", "%s",
                    status == 503   ? "the store is busy, try again"
                    : status == 507 ? "the store has no space left"
                                    : "internal error");
        return;
    }
    if (status == 429)
        call_add_header(call, "Retry-After", "%u", error->line != 0 ? error->line : 1);
    if (rc == CLIENTID_ERR_SYNTAX && error->line != 0)
        call_refuse(call, status, error->pointer, "line %u, column %u: %s", error->line,
                    error->column, error->text);
    else
        call_refuse(call, status, error->pointer, "%s",
                    error->text[0] != '\0' ? error->text : clientid_strerror(rc));
}
