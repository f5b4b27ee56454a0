/* SPDX-License-Identifier: Apache-2.0 */
/* A handler sees a body only when it is one JSON object of its route's schema. */
#include "body.h"

#include "target.h"

#include <string.h>

enum kind { JSON, FORM, OTHER };

static enum kind kind_of(const struct call *call)
{
    const char *type = call_header(call, "Content-Type");
    size_t len = type != NULL ? strcspn(type, " \t;") : 0;
    if (len == strlen("application/json") && strncasecmp(type, "application/json", len) == 0)
        return JSON;
    if (len == strlen("application/x-www-form-urlencoded") &&
        strncasecmp(type, "application/x-www-form-urlencoded", len) == 0)
        return FORM;
    return OTHER;
}

static bool read_json(struct call *call)
{
    json_error_t syntax;
    call->json = json_loadb(call->body, call->body_len, JSON_REJECT_DUPLICATES, &syntax);
    if (call->json != NULL)
        return true;
    /* Not jansson's text: it quotes what it read, which may be a secret. */
    if (json_error_code(&syntax) == json_error_out_of_memory)
        call_refuse(call, 500, "", "internal error");
    else
        call_refuse(call, 400, "", "line %d, column %d: the body is not well-formed JSON",
                    syntax.line, syntax.column);
    return false;
}

/* A JSON body under the wrong type is one long name, with a secret in it maybe: names are told, so they must be names. */
static bool are_names(const struct call_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < pairs[i].name.len; k++) {
            char c = pairs[i].name.ptr[k];
            if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_'))
                return false;
        }
    }
    return true;
}

static bool read_form(struct call *call)
{
    struct call_pair pairs[CALL_QUERY_MAX];
    size_t count = 0;
    const char *wrong = strlen(call->body) != call->body_len
                            ? "has a NUL"
                            : target_pairs(call->body, pairs, CALL_QUERY_MAX, &count);
    if (wrong == NULL && !are_names(pairs, count))
        wrong = "has a parameter whose name has other characters than letters, digits and _";
    if (wrong != NULL) {
        call_refuse(call, 400, "", "the body %s", wrong);
        return false;
    }
    call->json = json_object();
    for (size_t i = 0; i < count; i++)
        (void)json_object_setn_new(call->json, pairs[i].name.ptr, pairs[i].name.len,
                                   json_stringn(pairs[i].value.ptr, pairs[i].value.len));
    return true;
}

static bool no_body(struct call *call)
{
    call->json = json_object();
    if (!(call->route->flags & ROUTE_BODY))
        return true;
    call_refuse(call, 400, "", "the body is missing");
    return false;
}

/* Some clients send "{}" where nothing is asked for. */
static bool refuse_body(struct call *call)
{
    if (kind_of(call) == JSON && read_json(call) && json_is_object(call->json) &&
        json_object_size(call->json) == 0)
        return true;
    call_refuse(call, 400, "", "no body is taken here");
    return false;
}

static bool check(struct call *call)
{
    struct schema_fault fault;
    if (schema_check(call->route->body, call->json, &fault))
        return true;
    call_refuse(call, 400, fault.pointer, "%s %s",
                fault.pointer[0] != '\0' ? fault.pointer : "the body", fault.text);
    return false;
}

bool body_read(struct call *call)
{
    enum kind kind = kind_of(call);
    if (call->json != NULL) /* a call that waited: it was read before */
        return true;
    if (call->body_len == 0 && kind != OTHER && (call->route->flags & ROUTE_BODY))
        return no_body(call);
    if (call->body_len == 0 && !(call->route->flags & ROUTE_BODY))
        return no_body(call);
    if (call->route->body == NULL)
        return refuse_body(call);
    if (kind == OTHER || (kind == FORM && !(call->route->flags & ROUTE_FORM))) {
        call_refuse(call, 415, "", "the body must be application/json%s",
                    call->route->flags & ROUTE_FORM ? " or application/x-www-form-urlencoded" : "");
        return false;
    }
    if (call->route->flags & ROUTE_RAW) {
        call->json = json_object();
        return true;
    }
    return (kind == JSON ? read_json(call) : read_form(call)) && check(call);
}
