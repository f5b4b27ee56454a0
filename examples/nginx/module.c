/* SPDX-License-Identifier: Apache-2.0 */
/* Directives, how they are inherited, and where in nginx the rest hangs.  No rule about credentials or limits is here. */
#include "module.h"

#include "check.h"
#include "configuration.h"
#include "log.h"
#include "metrics.h"
#include "process.h"
#include "variables.h"

/* ---- values of directives -------------------------------------------------------------------- */

static ngx_conf_enum_t modes[] = {{ngx_string("enforce"), MODE_ENFORCE},
                                  {ngx_string("shadow"), MODE_SHADOW},
                                  {ngx_null_string, 0}};
static ngx_conf_enum_t phases[] = {{ngx_string("access"), PHASE_ACCESS},
                                   {ngx_string("rewrite"), PHASE_REWRITE},
                                   {ngx_null_string, 0}};
static ngx_conf_enum_t log_levels[] = {{ngx_string("info"), NGX_LOG_INFO},
                                       {ngx_string("notice"), NGX_LOG_NOTICE},
                                       {ngx_string("warn"), NGX_LOG_WARN},
                                       {ngx_string("error"), NGX_LOG_ERR},
                                       {ngx_null_string, 0}};
static ngx_conf_num_bounds_t statuses = {ngx_conf_check_num_bounds, 400, 599};

/* "clientid API | off" */
static char *set_api(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    static char duplicate[] = "is duplicate";
    static char empty[] = "needs the name of an API instance, or off";
    static ngx_str_t off = ngx_string("");
    struct loc_conf *conf = data;
    const ngx_str_t *args = cf->args->elts;
    (void)command;
    if (conf->name.data != NULL)
        return duplicate;
    if (args[1].len == 0)
        return empty;
    conf->name = ngx_strcmp(args[1].data, "off") == 0 ? off : args[1];
    conf->file = cf->conf_file->file.name.data;
    conf->line = cf->conf_file->line;
    return NGX_CONF_OK;
}

static bool is_header_name(const ngx_str_t *name)
{
    static const char *const framing[] = {"host", "content-length", "transfer-encoding",
                                          "connection", "expect"};
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < sizeof framing / sizeof framing[0]; i++) {
        if (strcasecmp((const char *)name->data, framing[i]) == 0)
            return false;
    }
    return name->len != 0 && strspn((const char *)name->data, token) == name->len;
}

static char *set_identity_header(ngx_conf_t *cf, struct identity_header *header, ngx_str_t name)
{
    static char invalid[] = "has a name that cannot be that of an identity header";
    u_char *lower = ngx_pnalloc(cf->pool, name.len + 1);
    if (lower == NULL)
        return NGX_CONF_ERROR;
    if (!is_header_name(&name))
        return invalid;
    header->name = name;
    header->hash = ngx_hash_strlow(lower, name.data, name.len);
    header->lower = (ngx_str_t){name.len, lower};
    return NGX_CONF_OK;
}

static struct identity_header *identity_new(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, IDENTITY_COUNT * sizeof(struct identity_header));
}

/* "clientid_identity_headers off | [id=NAME] [name=NAME] [tier=NAME]" */
static char *set_identity(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    static const ngx_str_t keys[IDENTITY_COUNT] = {ngx_string("id="), ngx_string("name="),
                                                   ngx_string("tier=")};
    static char duplicate[] = "is duplicate";
    static char unknown[] = "takes off, or id=, name= and tier= with a header name each";
    struct loc_conf *conf = data;
    const ngx_str_t *args = cf->args->elts;
    char *rv = NGX_CONF_OK;
    (void)command;
    if (conf->identity != NGX_CONF_UNSET_PTR)
        return duplicate;
    conf->identity = identity_new(cf);
    if (conf->identity == NULL)
        return NGX_CONF_ERROR;
    if (cf->args->nelts == 2 && ngx_strcmp(args[1].data, "off") == 0)
        return NGX_CONF_OK;
    for (ngx_uint_t i = 1; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        unsigned k = 0;
        while (k < IDENTITY_COUNT && ngx_strncmp(args[i].data, keys[k].data, keys[k].len) != 0)
            k++;
        if (k == IDENTITY_COUNT)
            return unknown;
        const ngx_str_t name = {args[i].len - keys[k].len, args[i].data + keys[k].len};
        rv = set_identity_header(cf, &conf->identity[k], name);
    }
    return rv;
}

/* ---- directives ------------------------------------------------------------------------------ */

#define ANYWHERE                                                                                   \
    (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_HTTP_LIF_CONF |              \
     NGX_HTTP_LMT_CONF)
#define LOCATION(name, where, args, set, member, post)                                             \
    {                                                                                              \
        ngx_string(name), (where) | (args), set, NGX_HTTP_LOC_CONF_OFFSET,                         \
            offsetof(struct loc_conf, member), post                                                \
    }

static ngx_command_t commands[] = {
    {ngx_string("clientid_config"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, configuration_read,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
    LOCATION("clientid",
             NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_HTTP_LIF_CONF | NGX_HTTP_LMT_CONF,
             NGX_CONF_TAKE1, set_api, name, NULL),
    LOCATION("clientid_mode", ANYWHERE, NGX_CONF_TAKE1, ngx_conf_set_enum_slot, mode, modes),
    LOCATION("clientid_phase", ANYWHERE, NGX_CONF_TAKE1, ngx_conf_set_enum_slot, phase, phases),
    LOCATION("clientid_log_level", ANYWHERE, NGX_CONF_TAKE1, ngx_conf_set_enum_slot, log_level,
             log_levels),
    LOCATION("clientid_denied_status", ANYWHERE, NGX_CONF_TAKE1, ngx_conf_set_num_slot,
             status[REFUSAL_DENIED], &statuses),
    LOCATION("clientid_quota_status", ANYWHERE, NGX_CONF_TAKE1, ngx_conf_set_num_slot,
             status[REFUSAL_QUOTA], &statuses),
    LOCATION("clientid_unavailable_status", ANYWHERE, NGX_CONF_TAKE1, ngx_conf_set_num_slot,
             status[REFUSAL_UNAVAILABLE], &statuses),
    LOCATION("clientid_body_size", ANYWHERE, NGX_CONF_TAKE1, ngx_conf_set_size_slot, body_bytes,
             NULL),
    LOCATION("clientid_identity_headers", ANYWHERE, NGX_CONF_1MORE, set_identity, identity, NULL),
    LOCATION("clientid_metrics", NGX_HTTP_LOC_CONF, NGX_CONF_NOARGS, metrics_enable, name, NULL),
    ngx_null_command};

/* ---- configurations -------------------------------------------------------------------------- */

static void *main_conf_new(ngx_conf_t *cf)
{
    struct main_conf *main = ngx_pcalloc(cf->pool, sizeof *main);
    if (main == NULL || !configuration_same_version(cf->log) ||
        ngx_array_init(&main->uses, cf->pool, 4, sizeof(struct use)) != NGX_OK)
        return NULL;
    return main;
}

static void *loc_conf_new(ngx_conf_t *cf)
{
    struct loc_conf *conf = ngx_pcalloc(cf->pool, sizeof *conf);
    if (conf == NULL)
        return NULL;
    conf->mode = NGX_CONF_UNSET_UINT;
    conf->phase = NGX_CONF_UNSET_UINT;
    conf->log_level = NGX_CONF_UNSET_UINT;
    for (unsigned i = 0; i < REFUSAL_COUNT; i++)
        conf->status[i] = NGX_CONF_UNSET_UINT;
    conf->body_bytes = NGX_CONF_UNSET_SIZE;
    conf->identity = NGX_CONF_UNSET_PTR;
    return conf;
}

static struct identity_header *default_identity(ngx_conf_t *cf)
{
    static const ngx_str_t names[IDENTITY_COUNT] = {
        ngx_string("X-Client-Id"), ngx_string("X-Client-Name"), ngx_string("X-Client-Tier")};
    struct identity_header *identity = identity_new(cf);
    for (unsigned i = 0; identity != NULL && i < IDENTITY_COUNT; i++) {
        if (set_identity_header(cf, &identity[i], names[i]) != NGX_CONF_OK)
            return NULL;
    }
    return identity;
}

static char *loc_conf_merge(ngx_conf_t *cf, void *parent, void *child)
{
    struct main_conf *main = ngx_http_conf_get_module_main_conf(cf, ngx_http_clientid_module);
    const struct loc_conf *from = parent;
    struct loc_conf *conf = child;
    if (conf->name.data == NULL) {
        conf->name = from->name;
        conf->file = from->file;
        conf->line = from->line;
    }
    ngx_conf_merge_uint_value(conf->mode, from->mode, MODE_ENFORCE);
    ngx_conf_merge_uint_value(conf->phase, from->phase, PHASE_ACCESS);
    ngx_conf_merge_uint_value(conf->log_level, from->log_level, NGX_LOG_WARN);
    for (unsigned i = 0; i < REFUSAL_COUNT; i++)
        ngx_conf_merge_uint_value(conf->status[i], from->status[i], 0);
    ngx_conf_merge_size_value(conf->body_bytes, from->body_bytes, 65536);
    ngx_conf_merge_ptr_value(conf->identity, from->identity, NULL);
    if (conf->identity == NULL)
        conf->identity = default_identity(cf);
    if (conf->identity == NULL)
        return NGX_CONF_ERROR;
    return conf->name.len != 0 ? configuration_resolve(cf, main, conf) : NGX_CONF_OK;
}

/* ---- places in nginx ------------------------------------------------------------------------- */

/*
 * Handlers of the access phase run from the last to the first.  As the first one ours runs after all others: a request
 * that allow, deny, auth_basic or auth_request turn away costs no quota, and one that "satisfy any" lets through on
 * other grounds is not asked for credentials.
 */
static bool put_first(ngx_array_t *handlers, ngx_http_handler_pt handler)
{
    ngx_http_handler_pt *last = ngx_array_push(handlers);
    if (last == NULL)
        return false;
    ngx_http_handler_pt *first = handlers->elts;
    ngx_memmove(first + 1, first, (handlers->nelts - 1) * sizeof *first);
    *first = handler;
    return true;
}

static bool put_last(ngx_array_t *handlers, ngx_http_handler_pt handler)
{
    ngx_http_handler_pt *last = ngx_array_push(handlers);
    if (last == NULL)
        return false;
    *last = handler;
    return true;
}

static ngx_int_t after_configuration(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    struct main_conf *main = ngx_http_conf_get_module_main_conf(cf, ngx_http_clientid_module);
    ngx_http_phase_t *at = core->phases;
    if (main->gateway == NULL)
        return NGX_OK;
    bool good = put_last(&at[NGX_HTTP_POST_READ_PHASE].handlers, log_guard) &&
                put_last(&at[NGX_HTTP_PREACCESS_PHASE].handlers, check_subrequest) &&
                put_first(&at[NGX_HTTP_ACCESS_PHASE].handlers, check_access) &&
                put_first(&at[NGX_HTTP_LOG_PHASE].handlers, check_done);
    if (good && main->rewrites) /* the last one runs first: before "return" and "rewrite" */
        good = put_last(&at[NGX_HTTP_REWRITE_PHASE].handlers, check_rewrite);
    if (good && main->satisfies_any) /* before try_files and mirror */
        good = put_last(&at[NGX_HTTP_PRECONTENT_PHASE].handlers, check_bypassed);
    return good ? configuration_check(cf, main) : NGX_ERROR;
}

/* ---- processes ------------------------------------------------------------------------------- */

static struct main_conf *main_conf_of(ngx_cycle_t *cycle)
{
    struct main_conf *main = NULL;
    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) != NULL)
        main = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_clientid_module);
    return main != NULL && main->gateway != NULL ? main : NULL;
}

/* Not in the cache manager and loader, which serve no requests. */
static ngx_int_t on_process_start(ngx_cycle_t *cycle)
{
    struct main_conf *main = main_conf_of(cycle);
    if (main == NULL || (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE))
        return NGX_OK;
    if (!variables_find_cached(main, cycle) ||
        !process_start(main, cycle)) /* requests are then refused */
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0, "clientid: no memory for this process");
    return NGX_OK;
}

static void on_process_end(ngx_cycle_t *cycle)
{
    struct main_conf *main = main_conf_of(cycle);
    if (main != NULL)
        process_stop(main);
}

static ngx_http_module_t context = {
    .preconfiguration = variables_add,
    .postconfiguration = after_configuration,
    .create_main_conf = main_conf_new,
    .create_loc_conf = loc_conf_new,
    .merge_loc_conf = loc_conf_merge,
};

__attribute__((visibility("default"))) ngx_module_t ngx_http_clientid_module = {
    NGX_MODULE_V1,    &context, commands, NGX_HTTP_MODULE, NULL, NULL,
    on_process_start, NULL,     NULL,     on_process_end,  NULL, NGX_MODULE_V1_PADDING};
