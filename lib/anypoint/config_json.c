/* SPDX-License-Identifier: Apache-2.0 */
#include "anypoint/config_json.h"

#include "anypoint/moment.h"
#include "anypoint/place_json.h"
#include "anypoint/url.h"
#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MOST       (4u << 20)
#define APIS_MOST       10000
#define API_NAME_MOST   128
#define INTERVAL_LEAST  100000000ULL /* 100 ms */
#define INTERVAL_NS     15000000000ULL
#define INTERVAL_MOST_H 24ULL

/* ---- files ----------------------------------------------------------------------------------- */

/* At most |most| bytes; |*len| of most + 1 says that there are more.  Returns an errno. */
static int read_some(const char *file, char *out, size_t most, size_t *len)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int cause = 0;
    ssize_t got;

    if (fd < 0)
        return errno;
    for (*len = 0; *len <= most; *len += (size_t)got) {
        got = read(fd, out + *len, most + 1 - *len);
        if (got < 0 && errno == EINTR)
            got = 0;
        else if (got <= 0)
            break;
    }
    if (*len <= most && got < 0)
        cause = errno;
    close(fd);
    return cause;
}

static int read_config(const char *file, char **text, size_t *len, clientid_error *error)
{
    int cause;

    *text = clientid__alloc(&clientid__malloc, FILE_MOST + 1, 1);
    if (*text == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    cause = read_some(file, *text, FILE_MOST, len);
    if (cause != 0)
        return clientid__fail_errno(error,
                                    cause == ENOENT ? CLIENTID_ERR_NOT_FOUND : CLIENTID_ERR_IO,
                                    cause, "cannot read %s", file);
    if (*len > FILE_MOST)
        return clientid__fail(error, CLIENTID_ERR_IO, "%s is larger than 4 MiB", file);
    return 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int check_keys(const struct clientid__place *object, const char *const *known)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object->value))
        return clientid__place_fail(object, "expected an object");
    json_object_foreach(object->value, key, value)
    {
        struct clientid__place place = {object->document, object, key, 0, value};
        size_t i = 0;

        while (known[i] != NULL && strcmp(known[i], key) != 0)
            i++;
        if (known[i] == NULL)
            return clientid__place_fail(&place, "unknown key");
    }
    return 0;
}

static int copy(const struct clientid__place *object, const char *text, char **out)
{
    *out = clientid__strdup(&clientid__malloc, (clientid_str){text, strlen(text)});
    if (*out == NULL)
        return clientid__fail(object->document->error, CLIENTID_ERR_NOMEM, "out of memory");
    return 0;
}

/* |*out| stays NULL when the key is absent. */
static int read_text(const struct clientid__place *object, const char *key, char **out)
{
    const char *text = NULL;
    int rv = clientid__place_text(object, key, &text);

    return rv != 0 || text == NULL ? rv : copy(object, text, out);
}

static int read_segment(const struct clientid__place *top, const char *key, char **out)
{
    struct clientid__place place;
    int rv = read_text(top, key, out);

    if (rv != 0)
        return rv;
    if (!clientid__place_child(top, key, &place))
        return clientid__place_missing(top, key);
    if (!clientid__url_segment_valid(*out))
        return clientid__place_fail(&place, "expected an id: letters, digits, '-', '_', '.'");
    return 0;
}

static int read_url(const struct clientid__place *top, struct clientid__anypoint_config *out)
{
    struct clientid__place place;
    bool allow_http = false, given = clientid__place_child(top, "url", &place);
    int rv = clientid__place_bool(top, "allowHttp", &allow_http);
    size_t len;

    if (rv == 0)
        rv = given ? read_text(top, "url", &out->url)
                   : copy(top, "https://anypoint.mulesoft.com", &out->url);
    if (rv != 0)
        return rv;
    for (len = strlen(out->url); len > 0 && out->url[len - 1] == '/'; len--)
        out->url[len - 1] = '\0';
    if (!clientid__url_valid(out->url))
        return clientid__place_fail(&place,
                                    "expected https://HOST, with a port and a path if need be");
    if (!clientid__url_is_https(out->url) && !allow_http && !clientid__url_is_loopback(out->url))
        return clientid__place_fail(
            &place, "expected https: secrets would be readable on the way (\"allowHttp\")");
    return 0;
}

static int read_interval(const struct clientid__place *top, struct clientid__anypoint_config *out)
{
    struct clientid__place place;

    out->interval_ns = INTERVAL_NS;
    if (!clientid__place_child(top, "interval", &place))
        return 0;
    if (!json_is_string(place.value) ||
        !clientid__span_parse(json_string_value(place.value), &out->interval_ns) ||
        out->interval_ns < INTERVAL_LEAST ||
        out->interval_ns > INTERVAL_MOST_H * 3600 * 1000000000ULL)
        return clientid__place_fail(&place, "expected a string such as \"15s\", from 100ms to 24h");
    return 0;
}

static int read_secret(const struct clientid__place *top, struct clientid__anypoint_config *out)
{
    static const char *const known[] = {"file", "env", NULL};
    struct clientid__place place;
    char secret[CLIENTID__SECRET_TEXT];
    int rv;

    if (!clientid__place_child(top, "clientSecret", &place))
        return clientid__place_missing(top, "clientSecret");
    if (!json_is_object(place.value))
        return clientid__place_fail(&place,
                                    "expected {\"file\": NAME} or {\"env\": NAME}, no secret");
    rv = check_keys(&place, known);
    if (rv == 0)
        rv = read_text(&place, "file", &out->secret_file);
    if (rv == 0)
        rv = read_text(&place, "env", &out->secret_env);
    if (rv == 0 && (out->secret_file == NULL) == (out->secret_env == NULL))
        rv = clientid__place_fail(&place, "expected either \"file\" or \"env\"");
    if (rv != 0)
        return rv;
    rv = clientid__anypoint_secret(out, secret, top->document->error);
    explicit_bzero(secret, sizeof(secret));
    if (rv == CLIENTID_ERR_CONFIG && top->document->error != NULL)
        return clientid__place_fail(&place, "%s", top->document->error->text);
    return rv;
}

static int read_api(const struct clientid__place *apis, const char *name,
                    struct clientid__anypoint_config *out)
{
    struct clientid__anypoint_api *api = &out->apis[out->api_count];
    struct clientid__place place;
    int rv;

    clientid__place_child(apis, name, &place);
    if (name[0] == '\0' || strlen(name) > API_NAME_MOST)
        return clientid__place_fail(&place, "the name of an API instance has 1 to 128 bytes");
    rv = clientid__place_number(apis, name, 1, INT64_MAX, &api->id);
    if (rv == 0 && api->id == 0)
        rv = clientid__place_fail(&place, "expected the id that the control plane gave it");
    for (size_t i = 0; i < out->api_count && rv == 0; i++)
        if (out->apis[i].id == api->id)
            rv = clientid__place_fail(&place, "the same id as of \"%s\"", out->apis[i].name);
    if (rv == 0)
        rv = copy(apis, name, &api->name);
    if (rv == 0)
        out->api_count++;
    return rv;
}

static int read_apis(const struct clientid__place *top, struct clientid__anypoint_config *out)
{
    struct clientid__place apis;
    const char *name;
    json_t *value;
    int rv = 0;

    if (!clientid__place_child(top, "apis", &apis))
        return clientid__place_missing(top, "apis");
    if (!json_is_object(apis.value) || json_object_size(apis.value) == 0 ||
        json_object_size(apis.value) > APIS_MOST)
        return clientid__place_fail(&apis, "expected an object of names and ids, 1 to %d",
                                    APIS_MOST);
    out->apis =
        clientid__alloc(&clientid__malloc, json_object_size(apis.value), sizeof(*out->apis));
    if (out->apis == NULL)
        return clientid__fail(top->document->error, CLIENTID_ERR_NOMEM, "out of memory");
    json_object_foreach(apis.value, name, value)
    {
        rv = read_api(&apis, name, out);
        if (rv != 0)
            break;
    }
    return rv;
}

static int read_top(const struct clientid__place *top, struct clientid__anypoint_config *out)
{
    static const char *const known[] = {
        "url",  "organizationId", "environmentId", "clientId",  "clientSecret",
        "apis", "interval",       "longPoll",      "allowHttp", "caFile",
        NULL};
    int rv = check_keys(top, known);

    out->long_poll = true;
    if (rv == 0)
        rv = read_url(top, out);
    if (rv == 0)
        rv = read_segment(top, "organizationId", &out->organization);
    if (rv == 0)
        rv = read_segment(top, "environmentId", &out->environment);
    if (rv == 0)
        rv = read_text(top, "clientId", &out->client_id);
    if (rv == 0 && out->client_id == NULL)
        rv = clientid__place_missing(top, "clientId");
    if (rv == 0)
        rv = read_secret(top, out);
    if (rv == 0)
        rv = read_apis(top, out);
    if (rv == 0)
        rv = read_interval(top, out);
    if (rv == 0)
        rv = clientid__place_bool(top, "longPoll", &out->long_poll);
    if (rv == 0)
        rv = read_text(top, "caFile", &out->ca_file);
    return rv;
}

/* ---- the configuration ----------------------------------------------------------------------- */

int clientid__anypoint_config_read(struct clientid__anypoint_config *out, const char *file,
                                   clientid_error *error)
{
    const struct clientid__document document = {file, CLIENTID_ERR_CONFIG, error};
    struct clientid__place top;
    json_t *root = NULL;
    char *text;
    size_t len = 0;
    int rv;

    *out = (struct clientid__anypoint_config){0};
    rv = read_config(file, &text, &len, error);
    if (rv == 0) {
        root = clientid__document_parse(&document, text, len, CLIENTID_ERR_SYNTAX);
        rv = root != NULL ? 0 : error != NULL ? error->code : CLIENTID_ERR_SYNTAX;
    }
    if (text != NULL)
        explicit_bzero(text, FILE_MOST + 1); /* somebody may have put the secret there */
    clientid__free(&clientid__malloc, text);
    if (rv != 0)
        return rv;
    top = clientid__place_top(&document, root);
    rv = read_top(&top, out);
    json_decref(root);
    return rv;
}

void clientid__anypoint_config_free(struct clientid__anypoint_config *config)
{
    char *const texts[] = {config->url,       config->organization, config->environment,
                           config->client_id, config->secret_file,  config->secret_env,
                           config->ca_file};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        clientid__free(&clientid__malloc, texts[i]);
    for (size_t i = 0; i < config->api_count; i++)
        clientid__free(&clientid__malloc, config->apis[i].name);
    clientid__free(&clientid__malloc, config->apis);
    *config = (struct clientid__anypoint_config){0};
}

/* ---- the secret ------------------------------------------------------------------------------ */

static int secret_of_file(const char *file, char out[CLIENTID__SECRET_TEXT], clientid_error *error)
{
    size_t len = 0;
    int cause = read_some(file, out, CLIENTID__SECRET_TEXT - 1, &len);

    if (cause != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_CONFIG, cause, "cannot read %s", file);
    if (len == CLIENTID__SECRET_TEXT)
        return clientid__fail(error, CLIENTID_ERR_CONFIG, "%s is longer than a secret", file);
    while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == '\r'))
        len--;
    out[len] = '\0';
    if (len == 0 || memchr(out, '\0', len) != NULL)
        return clientid__fail(error, CLIENTID_ERR_CONFIG, "%s holds no secret", file);
    return 0;
}

int clientid__anypoint_secret(const struct clientid__anypoint_config *config,
                              char out[CLIENTID__SECRET_TEXT], clientid_error *error)
{
    const char *value;

    if (config->secret_file != NULL)
        return secret_of_file(config->secret_file, out, error);
    value = getenv(config->secret_env); /* NOLINT(concurrency-mt-unsafe) */
    if (value == NULL || value[0] == '\0' || strlen(value) >= CLIENTID__SECRET_TEXT)
        return clientid__fail(error, CLIENTID_ERR_CONFIG,
                              "the environment has no secret under this name");
    memcpy(out, value, strlen(value) + 1);
    return 0;
}
