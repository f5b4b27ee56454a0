/* SPDX-License-Identifier: Apache-2.0 */
/* $clientid_...: what the newest decision about a request said; "not found" ('-' in logs) where there is none. */
#include "variables.h"

#include "log.h"

enum variable { V_ID, V_NAME, V_TIER, V_REASON, V_SHADOW, V_API, V_REMAINING, V_DELAY, V_LINE };

static const struct {
    ngx_str_t name;
    enum variable which;
} variables[] = {
    {ngx_string("clientid_id"), V_ID},
    {ngx_string("clientid_name"), V_NAME},
    {ngx_string("clientid_tier"), V_TIER},
    {ngx_string("clientid_reason"), V_REASON},
    {ngx_string("clientid_shadow"), V_SHADOW},
    {ngx_string("clientid_api"), V_API},
    {ngx_string("clientid_delay"), V_DELAY},
    {ngx_string("clientid_remaining"), V_REMAINING},
    {ngx_string("clientid_request_line"), V_LINE},
};

static ngx_int_t set(ngx_http_variable_value_t *value, const void *data, size_t len)
{
    value->valid = 1;
    value->no_cacheable = 1;
    value->not_found = len == 0;
    value->len = (unsigned)len & 0xfffffff;
    value->data = (u_char *)(uintptr_t)data;
    return NGX_OK;
}

static ngx_int_t set_label(ngx_http_variable_value_t *value, clientid_reason reason)
{
    const char *label = clientid_reason_label(reason);
    return set(value, label, strlen(label));
}

static ngx_int_t set_number(ngx_http_request_t *r, ngx_http_variable_value_t *value, uint64_t whole,
                            const uint64_t *thousandths)
{
    u_char *text = ngx_pnalloc(r->pool, NGX_INT64_LEN + 4);
    if (text == NULL)
        return NGX_ERROR;
    const u_char *end = thousandths != NULL ? ngx_sprintf(text, "%uL.%03uL", whole, *thousandths)
                                            : ngx_sprintf(text, "%uL", whole);
    return set(value, text, (size_t)(end - text));
}

static ngx_int_t set_line(ngx_http_request_t *r, ngx_http_variable_value_t *value)
{
    ngx_str_t line;
    if (log_request_line(r, &line) != NGX_OK)
        return NGX_ERROR;
    return set(value, line.data, line.len);
}

static ngx_int_t set_of_visit(ngx_http_request_t *r, ngx_http_variable_value_t *value,
                              const struct visit *visit, enum variable which)
{
    const uint64_t thousandths = visit->delayed_ms % 1000;
    switch (which) {
    case V_ID:
        return set(value, visit->id.data, visit->known ? visit->id.len : 0);
    case V_NAME:
        return set(value, visit->name.data, visit->known ? visit->name.len : 0);
    case V_TIER:
        return set(value, visit->tier.data, visit->known ? visit->tier.len : 0);
    case V_REASON:
        return set_label(value, visit->reason);
    case V_SHADOW:
        if (visit->shadow != CLIENTID_REASON_COUNT)
            return set_label(value, visit->shadow);
        break;
    case V_API:
        return set(value, clientid_api_name(visit->api).ptr, clientid_api_name(visit->api).len);
    case V_REMAINING:
        if (visit->remaining != UINT64_MAX)
            return set_number(r, value, visit->remaining, NULL);
        break;
    case V_DELAY:
        return set_number(r, value, visit->delayed_ms / 1000, &thousandths);
    case V_LINE:
        break;
    }
    return set(value, NULL, 0);
}

/* Not while the newest visit is undecided. */
static bool is_decided(const struct visit *visit)
{
    return visit->state == VISIT_ALLOWED || visit->state == VISIT_OPEN ||
           visit->state == VISIT_DENIED;
}

static ngx_int_t get(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t data)
{
    const enum variable which = (enum variable)data;
    if (which == V_LINE)
        return set_line(r, value);
    const struct passage *passage = passage_find(r);
    if (passage == NULL || passage->last == NULL || !is_decided(passage->last))
        return set(value, NULL, 0);
    return set_of_visit(r, value, passage->last, which);
}

ngx_int_t variables_add(ngx_conf_t *cf)
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        ngx_str_t name = variables[i].name;
        ngx_http_variable_t *variable = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
        if (variable == NULL)
            return NGX_ERROR;
        variable->get_handler = get;
        variable->data = (uintptr_t)variables[i].which;
    }
    return NGX_OK;
}

/* ---- nginx's own ----------------------------------------------------------------------------- */

static bool shows_request(const ngx_http_variable_t *variable)
{
    static const ngx_str_t names[] = {ngx_string("request"), ngx_string("request_uri"),
                                      ngx_string("remote_user")};
    const ngx_str_t name = variable->name;
    if (variable->flags & NGX_HTTP_VAR_CHANGEABLE) /* "set" gave it its value */
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (name.len == names[i].len && ngx_strncmp(name.data, names[i].data, name.len) == 0)
            return true;
    }
    return name.len > 5 && ngx_strncmp(name.data, "http_", 5) == 0;
}

bool variables_find_cached(struct main_conf *main, ngx_cycle_t *cycle)
{
    const ngx_http_core_main_conf_t *core =
        ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);
    const ngx_http_variable_t *all = core->variables.elts;
    if (ngx_array_init(&main->cached, cycle->pool, 8, sizeof(ngx_uint_t)) != NGX_OK)
        return false;
    for (ngx_uint_t i = 0; i < core->variables.nelts; i++) {
        ngx_uint_t *index = shows_request(&all[i]) ? ngx_array_push(&main->cached) : NULL;
        if (index != NULL)
            *index = i;
        else if (shows_request(&all[i]))
            return false;
    }
    return true;
}

void variables_forget(ngx_http_request_t *r)
{
    const struct main_conf *main = ngx_http_get_module_main_conf(r, ngx_http_clientid_module);
    const ngx_uint_t *cached = main->cached.elts;
    for (ngx_uint_t i = 0; i < main->cached.nelts; i++) {
        r->variables[cached[i]].valid = 0;
        r->variables[cached[i]].not_found = 0;
    }
}
