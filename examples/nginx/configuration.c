/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What "nginx -t" checks: whatever is wrong with the configuration is said before a process serves with it.  The gateway
 * is made by the master, as root: the limits table and the pepper are opened here and inherited by the workers.
 */
#include "configuration.h"

#include "process.h"

enum { FILE_BYTES_MAX = 64 << 20 };

/* ---- versions -------------------------------------------------------------------------------- */

#define TEXT(number)  TEXT_(number)
#define TEXT_(number) #number
#define MAJOR_MINOR   TEXT(CLIENTID_VERSION_MAJOR) "." TEXT(CLIENTID_VERSION_MINOR) "."

/* Before 1.0 any minor version may change the interface; a library with more fixes is as good. */
static bool is_compatible(const char *library)
{
    const unsigned long patch = CLIENTID_VERSION_PATCH;
    return strncmp(library, MAJOR_MINOR, sizeof MAJOR_MINOR - 1) == 0 &&
           strtoul(library + sizeof MAJOR_MINOR - 1, NULL, 10) >= patch;
}

bool configuration_same_version(ngx_log_t *log)
{
    if (is_compatible(clientid_version()))
        return true;
    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "clientid: the module was compiled for libclientid %s, the library is version %s",
                  MAJOR_MINOR TEXT(CLIENTID_VERSION_PATCH), clientid_version());
    return false;
}

/* ---- file ------------------------------------------------------------------------------------ */

static void say(ngx_conf_t *cf, ngx_uint_t level, const clientid_error *error)
{
    const char *text = error->text[0] != '\0' ? error->text : clientid_strerror(error->code);
    if (error->line != 0)
        ngx_conf_log_error(level, cf, 0, "clientid_config: %s:%ud:%ud: %s", error->file,
                           error->line, error->column, text);
    else if (error->pointer[0] != '\0')
        ngx_conf_log_error(level, cf, 0, "clientid_config: %s#%s: %s", error->file, error->pointer,
                           text);
    else
        ngx_conf_log_error(level, cf, 0, "clientid_config: %s%s%s", error->file,
                           error->file[0] != '\0' ? ": " : "", text);
}

static void on_warning(void *self, const clientid_error *warning)
{
    say(self, NGX_LOG_WARN, warning);
}

static bool read_fd(ngx_conf_t *cf, int fd, clientid_str *out)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return false;
    if (!S_ISREG(info.st_mode) || info.st_size > FILE_BYTES_MAX) {
        ngx_set_errno(S_ISDIR(info.st_mode) ? EISDIR : S_ISREG(info.st_mode) ? EFBIG : EINVAL);
        return false;
    }
    char *text = ngx_palloc(cf->temp_pool, (size_t)info.st_size + 1);
    if (text == NULL)
        return false;
    *out = (clientid_str){text, 0};
    for (ssize_t n = 1; n > 0 && out->len < (size_t)info.st_size; out->len += (size_t)n) {
        n = read(fd, text + out->len, (size_t)info.st_size - out->len);
        if (n < 0)
            return false;
    }
    return true;
}

static bool read_file(ngx_conf_t *cf, const ngx_str_t *name, clientid_str *out)
{
    int fd = open((const char *)name->data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "clientid_config: cannot open \"%V\"",
                           name);
        return false;
    }
    bool good = read_fd(cf, fd, out);
    if (!good)
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "clientid_config: cannot read \"%V\"",
                           name);
    (void)close(fd);
    return good;
}

/* ---- gateway --------------------------------------------------------------------------------- */

/* With the cycle: of an old configuration when a new one is in force, in a worker when it ends. */
static void on_cycle_end(void *data)
{
    struct main_conf *main = data;
    process_stop(main);
    clientid_gateway_del(main->gateway);
    main->gateway = NULL;
}

static char *gateway_new(ngx_conf_t *cf, struct main_conf *main)
{
    clientid_options options = {.size = sizeof options,
                                .config_name = (const char *)main->file.data,
                                .warn = on_warning,
                                .warn_self = cf,
                                .shared_counters = CLIENTID_WORKERS_MAX,
                                .flags = ngx_test_config ? CLIENTID_LIMITS_ASIDE : 0};
    clientid_error error = {0};
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (cleanup == NULL || !read_file(cf, &main->file, &options.config))
        return NGX_CONF_ERROR;
    if (clientid_gateway_new(&main->gateway, &options, &error) < 0) {
        say(cf, NGX_LOG_EMERG, &error);
        return NGX_CONF_ERROR;
    }
    cleanup->handler = on_cycle_end;
    cleanup->data = main;
    if (clientid_gateway_limits_file(main->gateway).len != 0)
        return NGX_CONF_OK;
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "clientid_config: %V: \"limits\": {\"file\": ...} is missing: without it "
                       "every worker process would have a quota of its own",
                       &main->file);
    return NGX_CONF_ERROR;
}

char *configuration_read(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
    static char duplicate[] = "is duplicate";
    struct main_conf *main = conf;
    const ngx_str_t *args = cf->args->elts;
    (void)command;
    if (main->gateway != NULL)
        return duplicate;
    main->file = args[1];
    if (ngx_conf_full_name(cf->cycle, &main->file, 1) != NGX_OK)
        return NGX_CONF_ERROR;
    return gateway_new(cf, main);
}

/* ---- locations ------------------------------------------------------------------------------- */

static char *note_use(ngx_conf_t *cf, struct main_conf *main, const clientid_api *api)
{
    const ngx_http_core_srv_conf_t *server =
        ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    struct use *uses = main->uses.elts;
    for (ngx_uint_t i = 0; i < main->uses.nelts; i++) {
        if (uses[i].api == api && uses[i].server == server)
            return NGX_CONF_OK;
    }
    struct use *use = ngx_array_push(&main->uses);
    if (use == NULL)
        return NGX_CONF_ERROR;
    *use = (struct use){.api = api, .server = server};
    return NGX_CONF_OK;
}

char *configuration_resolve(ngx_conf_t *cf, struct main_conf *main, struct loc_conf *conf)
{
    const ngx_http_core_loc_conf_t *core =
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    if (main->gateway == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"clientid %V\" needs \"clientid_config\" in http {} in %s:%ui", &conf->name,
                      conf->file, conf->line);
        return NGX_CONF_ERROR;
    }
    if (clientid_api_get(main->gateway, slice(conf->name), &conf->api) < 0 ||
        !clientid_api_configured(conf->api)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"clientid %V\": %V has no such API instance in %s:%ui", &conf->name,
                      &main->file, conf->file, conf->line);
        return NGX_CONF_ERROR;
    }
    main->rewrites |= conf->phase == PHASE_REWRITE;
    main->satisfies_any |= core->satisfy == NGX_HTTP_SATISFY_ANY;
    return note_use(cf, main, conf->api);
}

/* ---- underscores ----------------------------------------------------------------------------- */

static bool keeps_underscores(const ngx_http_core_srv_conf_t *server)
{
    return server->underscores_in_headers || !server->ignore_invalid_headers;
}

static ngx_int_t refuse_underscores(ngx_conf_t *cf, const clientid_api *api, const char *header,
                                    const ngx_http_core_srv_conf_t *server)
{
    clientid_str name = clientid_api_name(api);
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "clientid: API instance \"%*s\" reads the header \"%s\", which nginx drops: "
                  "\"underscores_in_headers on\" is missing in http {} or in the server in %s:%ui",
                  name.len, name.ptr, header, server->file_name, server->line);
    return NGX_ERROR;
}

static bool serves(const ngx_http_conf_addr_t *address, const ngx_http_core_srv_conf_t *server)
{
    ngx_http_core_srv_conf_t **servers = address->servers.elts;
    for (ngx_uint_t i = 0; i < address->servers.nelts; i++) {
        if (servers[i] == server)
            return true;
    }
    return false;
}

/* Header lines that come before Host are read under the default server of the address. */
static const ngx_http_core_srv_conf_t *first_that_drops(ngx_conf_t *cf,
                                                        const ngx_http_core_srv_conf_t *server)
{
    const ngx_http_core_main_conf_t *core =
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    const ngx_http_conf_port_t *ports = core->ports != NULL ? core->ports->elts : NULL;
    if (!keeps_underscores(server))
        return server;
    for (ngx_uint_t p = 0; ports != NULL && p < core->ports->nelts; p++) {
        const ngx_http_conf_addr_t *addresses = ports[p].addrs.elts;
        for (ngx_uint_t a = 0; a < ports[p].addrs.nelts; a++) {
            if (serves(&addresses[a], server) && !keeps_underscores(addresses[a].default_server))
                return addresses[a].default_server;
        }
    }
    return NULL;
}

ngx_int_t configuration_check(ngx_conf_t *cf, struct main_conf *main)
{
    char header[CLIENTID_PARAM_NAME_BYTES];
    const struct use *uses = main->uses.elts;
    clientid_worker *worker = NULL; /* only to ask; the processes make their own */
    ngx_int_t rc = NGX_OK;
    if (clientid_worker_new(&worker, main->gateway) < 0)
        return NGX_ERROR;
    for (ngx_uint_t i = 0; rc == NGX_OK && i < main->uses.nelts; i++) {
        const ngx_http_core_srv_conf_t *dropping = first_that_drops(cf, uses[i].server);
        if (dropping != NULL && clientid_api_underscore_header(worker, uses[i].api, header) == 1)
            rc = refuse_underscores(cf, uses[i].api, header, dropping);
    }
    clientid_worker_del(worker);
    return rc;
}
