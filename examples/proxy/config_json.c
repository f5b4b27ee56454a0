/* SPDX-License-Identifier: Apache-2.0 */
/* A key is read by exactly one row of a table here; any other key is an error with its JSON pointer. */
#include "config.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct reader {
    json_t *root;
    clientid_error *error;
    struct config *config;
    char pointer[sizeof((clientid_error *)0)->pointer];
};

struct field {
    const char *key;
    int (*read)(struct reader *reader, json_t *value, void *into);
    size_t offset;
};

#define FIELD(type, member, key, read)                                                             \
    {                                                                                              \
        key, read, offsetof(type, member)                                                          \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

__attribute__((format(printf, 3, 4))) static int refuse(const struct reader *reader, int code,
                                                        const char *format, ...)
{
    clientid_error *error = reader->error;
    if (error == NULL)
        return code;
    error->code = code;
    error->line = error->column = 0;
    (void)snprintf(error->pointer, sizeof error->pointer, "%s", reader->pointer);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

#define INVALID(reader, ...) refuse((reader), CLIENTID_ERR_CONFIG, __VA_ARGS__)

static int no_memory(const struct reader *reader)
{
    return refuse(reader, CLIENTID_ERR_NOMEM, "out of memory");
}

/* Steps down to a key or an index; the returned length undoes it.  A pointer that is too long is cut. */
static size_t descend(struct reader *reader, const char *key)
{
    size_t before = strlen(reader->pointer);
    size_t at = before;
    if (at + 2 < sizeof reader->pointer)
        reader->pointer[at++] = '/';
    for (; *key != '\0' && at + 3 < sizeof reader->pointer; key++) {
        if (*key == '~' || *key == '/') { /* RFC 6901 section 3 */
            reader->pointer[at++] = '~';
            reader->pointer[at++] = *key == '~' ? '0' : '1';
        } else {
            reader->pointer[at++] = *key;
        }
    }
    reader->pointer[at] = '\0';
    return before;
}

static size_t descend_index(struct reader *reader, size_t index)
{
    char number[24];
    (void)snprintf(number, sizeof number, "%zu", index);
    return descend(reader, number);
}

static const struct field *field_find(const struct field *fields, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].key, key) == 0)
            return &fields[i];
    }
    return NULL;
}

static int read_object(struct reader *reader, json_t *value, const struct field *fields,
                       size_t count, void *into)
{
    if (!json_is_object(value))
        return INVALID(reader, "must be an object");
    const char *key;
    json_t *member;
    json_object_foreach(value, key, member)
    {
        size_t before = descend(reader, key);
        const struct field *field = field_find(fields, count, key);
        if (field == NULL)
            return INVALID(reader, "unknown key");
        int rv = field->read(reader, member, (char *)into + field->offset);
        if (rv < 0)
            return rv;
        reader->pointer[before] = '\0';
    }
    return 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int keep(const struct reader *reader, char **out, const char *text, size_t len)
{
    char *copy = strndup(text, len);
    if (copy == NULL)
        return no_memory(reader);
    free(*out);
    *out = copy;
    return 0;
}

static int read_string(struct reader *reader, json_t *value, void *into)
{
    const char *text = json_string_value(value);
    if (text == NULL || text[0] == '\0')
        return INVALID(reader, "must be a string that is not empty");
    if (strlen(text) != json_string_length(value))
        return INVALID(reader, "must not contain NUL");
    return keep(reader, into, text, strlen(text));
}

static int read_bool(struct reader *reader, json_t *value, void *into)
{
    if (!json_is_boolean(value))
        return INVALID(reader, "must be true or false");
    *(bool *)into = json_is_true(value);
    return 0;
}

static int read_number(struct reader *reader, json_t *value, json_int_t min, json_int_t max,
                       json_int_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max)
        return INVALID(reader, "must be a whole number from %lld to %lld", (long long)min,
                       (long long)max);
    *out = json_integer_value(value);
    return 0;
}

static int read_workers(struct reader *reader, json_t *value, void *into)
{
    json_int_t number = 0;
    int rv = read_number(reader, value, 1, 64, &number);
    *(unsigned *)into = (unsigned)number;
    return rv;
}

static int read_connections(struct reader *reader, json_t *value, void *into)
{
    json_int_t number = 0;
    int rv = read_number(reader, value, 1, 1000000, &number);
    *(unsigned *)into = (unsigned)number;
    return rv;
}

static int read_bytes(struct reader *reader, json_t *value, void *into)
{
    json_int_t number = 0;
    int rv = read_number(reader, value, 1024, 1 << 24, &number);
    *(size_t *)into = (size_t)number;
    return rv;
}

/* "500ms", "10s", "2m": 1 ms to 1 hour. */
static int read_duration(struct reader *reader, json_t *value, void *into)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    char *unit = NULL;
    unsigned long number = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &unit, 10) : 0;
    uint64_t scale_ms = 0;
    if (unit != NULL && strcmp(unit, "ms") == 0)
        scale_ms = 1;
    else if (unit != NULL && strcmp(unit, "s") == 0)
        scale_ms = 1000;
    else if (unit != NULL && strcmp(unit, "m") == 0)
        scale_ms = 60000;
    if (scale_ms == 0 || number == 0 || number > 3600000 / scale_ms)
        return INVALID(reader,
                       "must be a duration such as \"500ms\", \"10s\" or \"2m\", at most an hour");
    *(uint64_t *)into = number * scale_ms * 1000000;
    return 0;
}

static bool is_token(const char *text)
{
    return text[0] != '\0' &&
           text[strspn(text, "!#$%&'*+-.^_`|~0123456789"
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static int read_header_name(struct reader *reader, json_t *value, void *into)
{
    char **name = into;
    if (json_is_null(value)) {
        free(*name);
        *name = NULL;
        return 0;
    }
    const char *text = json_string_value(value);
    if (text == NULL || !is_token(text))
        return INVALID(reader, "must be the name of a header, or null");
    static const char *const framing[] = {"host", "content-length", "transfer-encoding",
                                          "connection", "expect"};
    for (size_t i = 0; i < COUNT(framing); i++) {
        if (strcasecmp(text, framing[i]) == 0)
            return INVALID(reader, "\"%s\" cannot carry an identity", text);
    }
    return keep(reader, name, text, strlen(text));
}

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" for every address. */
static int read_endpoint(struct reader *reader, json_t *value, void *into)
{
    struct endpoint *endpoint = into;
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    unsigned long port = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
    bool plain = colon != NULL && memchr(text, ':', (size_t)(colon - text)) == NULL;
    bool bracketed = colon > text + 1 && text[0] == '[' && colon[-1] == ']';
    if (colon == NULL || (!plain && !bracketed) || colon[1] < '0' || colon[1] > '9' ||
        *end != '\0' || port > 65535)
        return INVALID(reader, "must be \"host:port\", \"[address]:port\" or \":port\"");

    int rv = keep(reader, &endpoint->address, text, strlen(text));
    if (rv == 0)
        rv = keep(reader, &endpoint->port, colon + 1, strlen(colon + 1));
    if (rv == 0 && colon > text)
        rv = keep(reader, &endpoint->host, text + bracketed,
                  (size_t)(colon - text) - 2 * (size_t)bracketed);
    return rv;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static int read_tls(struct reader *reader, json_t *value, void *into)
{
    static const struct field fields[] = {
        FIELD(struct config, certificate, "certificate", read_string),
        FIELD(struct config, key, "key", read_string),
    };
    (void)into;
    int rv = read_object(reader, value, fields, COUNT(fields), reader->config);
    if (rv == 0 && (reader->config->certificate == NULL || reader->config->key == NULL))
        return INVALID(reader, "\"certificate\" and \"key\" are both needed");
    return rv;
}

static int read_timeouts(struct reader *reader, json_t *value, void *into)
{
    static const struct field fields[] = {
        FIELD(struct timeouts, header_ns, "header", read_duration),
        FIELD(struct timeouts, idle_ns, "idle", read_duration),
        FIELD(struct timeouts, connect_ns, "upstreamConnect", read_duration),
        FIELD(struct timeouts, upstream_ns, "upstream", read_duration),
        FIELD(struct timeouts, stop_ns, "stop", read_duration),
    };
    return read_object(reader, value, fields, COUNT(fields), into);
}

static int read_identity(struct reader *reader, json_t *value, void *into)
{
    static const struct field fields[] = {
        {"id", read_header_name, IDENTITY_ID * sizeof(char *)},
        {"name", read_header_name, IDENTITY_NAME * sizeof(char *)},
        {"tier", read_header_name, IDENTITY_TIER * sizeof(char *)},
    };
    return read_object(reader, value, fields, COUNT(fields), into);
}

static int read_trust(struct reader *reader, json_t *value, void *into)
{
    struct trust *trust = into;
    if (!json_is_array(value))
        return INVALID(reader, "must be an array");
    size_t count = json_array_size(value);
    struct network *networks = calloc(count + 1, sizeof *networks);
    if (networks == NULL)
        return no_memory(reader);
    free(trust->networks);
    *trust = (struct trust){.networks = networks, .count = count};
    for (size_t i = 0; i < count; i++) {
        size_t before = descend_index(reader, i);
        const char *text = json_string_value(json_array_get(value, i));
        if (text == NULL || !network_parse(&networks[i], text))
            return INVALID(reader, "must be an IP address or a network such as \"10.0.0.0/8\"");
        reader->pointer[before] = '\0';
    }
    return 0;
}

static int read_deny(struct reader *reader, json_t *value, void *into)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    if (strcmp(text, "native") != 0 && strcmp(text, "403") != 0)
        return INVALID(reader, "must be \"native\" or \"403\"");
    *(enum deny_mode *)into = text[0] == '4' ? DENY_403 : DENY_NATIVE;
    return 0;
}

/* Bytes that mean themselves in every reading of a path (RFC 3986 section 3.3), no empty or dot segment. */
static bool is_plain_path(const char *text)
{
    if (text[0] != '/' ||
        text[strspn(
            text,
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/!$&'()*+,=:@")] !=
            '\0')
        return false;
    for (const char *at = text; at != NULL; at = strchr(at + 1, '/')) {
        size_t len = strcspn(at + 1, "/");
        bool last = at[1 + len] == '\0';
        if ((len == 0 && !last) || (len == 1 && at[1] == '.') ||
            (len == 2 && at[1] == '.' && at[2] == '.'))
            return false;
    }
    return true;
}

/* A path without the slash at its end; "/" stays. */
static int read_path(struct reader *reader, json_t *value, void *into)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    if (!is_plain_path(text))
        return INVALID(reader, "must be a path that begins with \"/\", without escapes and empty "
                               "or dot segments");
    size_t len = strlen(text);
    return keep(reader, into, text, len > 1 && text[len - 1] == '/' ? len - 1 : len);
}

static int read_host(struct reader *reader, json_t *value, void *into)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    if (text[0] == '\0' ||
        text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-._[]:")] != '\0' ||
        (strchr(text, ':') != NULL && text[0] != '['))
        return INVALID(reader, "must be a host name in lower case, without port");
    return keep(reader, into, text, strlen(text));
}

static int read_api(struct reader *reader, json_t *value, void *into)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    if (json_object_get(json_object_get(reader->root, "apis"), text) == NULL)
        return INVALID(reader, "must be the name of an API instance under \"/apis\"");
    return keep(reader, into, text, strlen(text));
}

/* "http://host:port/base" becomes origin, authority and base path. */
static int read_upstream(struct reader *reader, json_t *value, void *into)
{
    struct route *route = into;
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    size_t scheme = strncmp(text, "http://", 7) == 0    ? 7
                    : strncmp(text, "https://", 8) == 0 ? 8
                                                        : 0;
    const char *authority = text + scheme;
    size_t len = strcspn(authority, "/?#");
    const char *base = authority + len;
    bool good = scheme != 0 && len != 0 && (base[0] == '\0' || is_plain_path(base)) &&
                strcspn(authority, "@ \\") >= len;
    if (!good)
        return INVALID(reader, "must be \"http://host:port\" or \"https://host:port\", with an "
                               "optional path");
    size_t base_len = strlen(base);
    if (base_len != 0 && base[base_len - 1] == '/')
        base_len--;
    int rv = keep(reader, &route->origin, text, scheme + len);
    if (rv == 0)
        rv = keep(reader, &route->authority, authority, len);
    if (rv == 0)
        rv = keep(reader, &route->base_path, base, base_len);
    return rv;
}

static int read_route(struct reader *reader, json_t *value, struct route *route)
{
    static const struct field fields[] = {
        FIELD(struct route, host, "host", read_host),
        FIELD(struct route, prefix, "prefix", read_path),
        FIELD(struct route, api_name, "api", read_api),
        {"upstream", read_upstream, 0},
        FIELD(struct route, strip_prefix, "stripPrefix", read_bool),
        FIELD(struct route, keep_host, "preserveHost", read_bool),
        FIELD(struct route, deny, "deny", read_deny),
        FIELD(struct route, path_prefix, "pathPrefix", read_path),
    };
    route->keep_host = true;
    int rv = read_object(reader, value, fields, COUNT(fields), route);
    if (rv < 0)
        return rv;
    if (route->prefix == NULL || route->api_name == NULL)
        return INVALID(reader, "\"prefix\" and \"api\" are needed");
    if (route->origin != NULL && (route->deny != DENY_NATIVE || route->path_prefix != NULL))
        return INVALID(reader, "\"deny\" and \"pathPrefix\" are for routes without \"upstream\"");
    return 0;
}

static bool same_place(const struct route *a, const struct route *b)
{
    bool hosts =
        a->host == NULL || b->host == NULL ? a->host == b->host : strcmp(a->host, b->host) == 0;
    return hosts && strcmp(a->prefix, b->prefix) == 0;
}

static int read_routes(struct reader *reader, json_t *value, void *into)
{
    struct config *config = reader->config;
    (void)into;
    size_t count = json_array_size(value);
    if (!json_is_array(value) || count == 0)
        return INVALID(reader, "must be an array with at least one route");
    config->routes = calloc(count, sizeof *config->routes);
    if (config->routes == NULL)
        return no_memory(reader);
    config->route_count = count;
    for (size_t i = 0; i < count; i++) {
        size_t before = descend_index(reader, i);
        int rv = read_route(reader, json_array_get(value, i), &config->routes[i]);
        if (rv < 0)
            return rv;
        for (size_t j = 0; j < i; j++) {
            if (same_place(&config->routes[i], &config->routes[j]))
                return INVALID(reader, "same host and prefix as route %zu", j);
        }
        reader->pointer[before] = '\0';
    }
    return 0;
}

static int read_proxy(struct reader *reader, json_t *value)
{
    static const struct field fields[] = {
        FIELD(struct config, listen, "listen", read_endpoint),
        FIELD(struct config, admin, "admin", read_endpoint),
        {"tls", read_tls, 0},
        FIELD(struct config, workers, "workers", read_workers),
        FIELD(struct config, max_connections, "maxConnections", read_connections),
        FIELD(struct config, access_log, "accessLog", read_string),
        FIELD(struct config, timeouts, "timeouts", read_timeouts),
        FIELD(struct config, max_header_bytes, "maxHeaderBytes", read_bytes),
        FIELD(struct config, max_body_bytes, "maxBodyBytes", read_bytes),
        FIELD(struct config, port_file, "portFile", read_string),
        FIELD(struct config, identity, "identityHeaders", read_identity),
        FIELD(struct config, trust, "trust", read_trust),
        {"routes", read_routes, 0},
    };
    (void)descend(reader, "proxy");
    int rv = read_object(reader, value, fields, COUNT(fields), reader->config);
    if (rv < 0)
        return rv;
    if (reader->config->routes == NULL || reader->config->listen.port == NULL)
        return INVALID(reader, "\"listen\" and \"routes\" are needed");
    return 0;
}

/*
 * Where the library is told to leave credentials in the query, or a policy that would name them is off, the access log
 * cannot tell them from the rest.
 */
static bool hides_query(const json_t *api)
{
    size_t i;
    const json_t *policy;
    const char *strip = json_string_value(json_object_get(api, "stripCredentials"));
    json_array_foreach(json_object_get(api, "policies"), i, policy)
    {
        if (json_is_true(json_object_get(policy, "disabled")))
            return true;
    }
    return strip != NULL && strcmp(strip, "none") == 0;
}

static void hide_queries(const struct reader *reader)
{
    const json_t *apis = json_object_get(reader->root, "apis");
    for (size_t i = 0; i < reader->config->route_count; i++) {
        struct route *route = &reader->config->routes[i];
        route->hide_query = hides_query(json_object_get(apis, route->api_name));
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int set_defaults(const struct reader *reader)
{
    static const char *const names[IDENTITY_COUNT] = {"X-Client-Id", "X-Client-Name",
                                                      "X-Client-Tier"};
    struct config *config = reader->config;
    const uint64_t second_ns = 1000000000;
    atomic_init(&config->references, 1);
    config->workers = 2;
    config->max_connections = 4096;
    config->max_header_bytes = 32768;
    config->max_body_bytes = 65536;
    config->timeouts = (struct timeouts){.header_ns = 10 * second_ns,
                                         .idle_ns = 60 * second_ns,
                                         .connect_ns = 5 * second_ns,
                                         .upstream_ns = 60 * second_ns,
                                         .stop_ns = 30 * second_ns};
    for (size_t i = 0; i < IDENTITY_COUNT; i++) {
        config->identity[i] = strdup(names[i]);
        if (config->identity[i] == NULL)
            return no_memory(reader);
    }
    return 0;
}

static int syntax_error(clientid_error *error, const json_error_t *json)
{
    if (error == NULL)
        return CLIENTID_ERR_SYNTAX;
    error->code = CLIENTID_ERR_SYNTAX;
    error->pointer[0] = '\0';
    error->line = json->line > 0 ? (unsigned)json->line : 1;
    error->column = json->column > 0 ? (unsigned)json->column : 1;
    (void)snprintf(error->text, sizeof error->text, "%s", json->text);
    return CLIENTID_ERR_SYNTAX;
}

int config_read(struct config **out, clientid_str text, const char *name, clientid_error *error)
{
    if (error != NULL)
        (void)snprintf(error->file, sizeof error->file, "%s", name);
    json_error_t json;
    json_t *root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &json);
    if (root == NULL)
        return syntax_error(error, &json);

    struct config *config = calloc(1, sizeof *config);
    struct reader reader = {.root = root, .error = error, .config = config};
    if (config == NULL) {
        json_decref(root);
        return no_memory(&reader);
    }
    int rv = set_defaults(&reader);
    if (rv == 0)
        rv = read_proxy(&reader, json_object_get(root, "proxy"));
    if (rv == 0)
        hide_queries(&reader);
    json_decref(root);
    if (rv < 0)
        config_release(config);
    else
        *out = config;
    return rv;
}
