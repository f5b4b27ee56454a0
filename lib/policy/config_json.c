/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration is read whole or not at all. */
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/policy.h"
#include "policy/policy_json.h"
#include "policy/reader_json.h"

#include <stdio.h>

static const struct clientid__key top_keys[] = {
    {"store", 1},      {"state", 1},      {"pepper", 1},        {"limits", 1},
    {"gatekeeper", 1}, {"maximumAge", 1}, {"degradedAfter", 1}, {"hugePages", 1},
    {"apis", 1},       {"proxy", 1}, /* a host's own section */
};

static const struct clientid__key api_keys[] = {
    {"policies", 1},         {"soap", 1},    {"allowPreflight", 1}, {"stripCredentials", 1},
    {"noContractStatus", 1}, {"headers", 1}, {"answers", 1},        {"caps", 1},
};

/* What is being read. */
struct loading {
    const clientid_allocator *mem;
    struct clientid__pool *pool;
    struct clientid__config *config;
};

/* ---- the gateway ----------------------------------------------------------------------------- */

static int read_owned(const struct loading *loading, const struct clientid__node *object,
                      const char *key, char **out)
{
    clientid_str text = {NULL, 0};
    int rv = clientid__read_text(object, key, &text);

    if (rv != 0 || text.len == 0)
        return rv;
    *out = clientid__strdup(loading->mem, text);
    return *out == NULL ? CLIENTID_ERR_NOMEM : 0;
}

/* An object under |key|, when it is there. */
static int read_section(const struct clientid__node *object, const char *key,
                        const struct clientid__key *keys, size_t count, struct clientid__node *out)
{
    int rv;

    if (!clientid__node_child(object, key, out)) {
        *out = (struct clientid__node){object->reader, object, key, 0, NULL};
        return 0;
    }
    rv = clientid__node_expect(out, JSON_OBJECT, "an object");
    return rv != 0 ? rv : clientid__node_keys(out, keys, count, 1);
}

#define READ_SECTION(object, key, table, out)                                                      \
    read_section(object, key, table, sizeof(table) / sizeof((table)[0]), out)

static int read_pepper(const struct loading *loading, const struct clientid__node *top)
{
    static const struct clientid__key keys[] = {{"file", 1}, {"env", 1}};
    struct clientid__config *config = loading->config;
    struct clientid__node section;
    int rv;

    if ((rv = READ_SECTION(top, "pepper", keys, &section)) != 0 || section.value == NULL)
        return rv;
    if ((rv = read_owned(loading, &section, "file", &config->pepper_file)) != 0 ||
        (rv = read_owned(loading, &section, "env", &config->pepper_env)) != 0)
        return rv;
    if ((config->pepper_file == NULL) == (config->pepper_env == NULL))
        return clientid__node_fail(&section, "expected either \"file\" or \"env\"");
    return 0;
}

#define CELLS_MAX (UINT64_C(1) << 32)

static int read_limits_section(const struct loading *loading, const struct clientid__node *top)
{
    static const struct clientid__key keys[] = {
        {"file", 1}, {"cells", 1}, {"keyCells", 1}, {"useCells", 1}};
    struct clientid__config *config = loading->config;
    struct clientid__node section;
    int rv;

    config->cells = 262144;
    config->key_cells = 65536;
    config->use_cells = 262144;
    if ((rv = READ_SECTION(top, "limits", keys, &section)) != 0 ||
        (rv = read_owned(loading, &section, "file", &config->limits_file)) != 0 ||
        (rv = clientid__read_integer(&section, "cells", 1, CELLS_MAX, &config->cells)) != 0 ||
        (rv = clientid__read_integer(&section, "keyCells", 1, CELLS_MAX, &config->key_cells)) != 0)
        return rv;
    return clientid__read_integer(&section, "useCells", 0, CELLS_MAX, &config->use_cells);
}

static int read_top(const struct loading *loading, const struct clientid__node *top)
{
    static const char *const gatekeepers[] = {"flexible", "strict", "disabled", NULL};
    struct clientid__config *config = loading->config;
    unsigned gatekeeper = CLIENTID__GATEKEEPER_FLEXIBLE;
    struct clientid__node proxy;
    int rv;

    config->maximum_age_ns = UINT64_C(30) * 86400 * 1000000000;
    config->degraded_after_ns = UINT64_C(60) * 1000000000;
    config->huge_pages = true;
    if ((rv = CLIENTID__NODE_KEYS(top, top_keys, 1)) != 0 ||
        (rv = read_owned(loading, top, "store", &config->store)) != 0 ||
        (rv = read_owned(loading, top, "state", &config->state)) != 0 ||
        (rv = read_pepper(loading, top)) != 0 || (rv = read_limits_section(loading, top)) != 0 ||
        (rv = clientid__read_choice(top, "gatekeeper", gatekeepers, &gatekeeper)) != 0 ||
        (rv = clientid__read_duration(top, "maximumAge", &config->maximum_age_ns)) != 0 ||
        (rv = clientid__read_duration(top, "degradedAfter", &config->degraded_after_ns)) != 0 ||
        (rv = clientid__read_bool(top, "hugePages", &config->huge_pages)) != 0)
        return rv;
    config->gatekeeper = (enum clientid__gatekeeper)gatekeeper;
    if (clientid__node_child(top, "proxy", &proxy))
        return clientid__node_expect(&proxy, JSON_OBJECT, "an object");
    return 0;
}

/* ---- API instances --------------------------------------------------------------------------- */

static int read_cap(const struct clientid__node *caps, const char *key, uint64_t min, uint64_t max,
                    uint32_t *out)
{
    uint64_t value = *out;
    int rv = clientid__read_integer(caps, key, min, max, &value);

    *out = (uint32_t)value;
    return rv;
}

static int read_caps(const struct clientid__node *api, struct clientid__caps *caps)
{
    static const struct clientid__key keys[] = {
        {"credentialBytes", 1}, {"queryBytes", 1}, {"parameters", 1}, {"bodyBytes", 1}};
    struct clientid__node section;
    int rv;

    *caps = (struct clientid__caps){
        .credential_bytes = 512, .query_bytes = 8192, .params = 256, .body_bytes = 65536};
    if ((rv = READ_SECTION(api, "caps", keys, &section)) != 0 ||
        (rv = read_cap(&section, "credentialBytes", 16, 4096, &caps->credential_bytes)) != 0 ||
        (rv = read_cap(&section, "queryBytes", 64, 1 << 20, &caps->query_bytes)) != 0 ||
        (rv = read_cap(&section, "parameters", 1, 1 << 16, &caps->params)) != 0)
        return rv;
    return read_cap(&section, "bodyBytes", 64, 1 << 24, &caps->body_bytes);
}

/* It becomes a header's value as it is. */
static bool is_content_type(clientid_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    return text.len <= 128;
}

static int read_custom_answers(const struct clientid__node *section,
                               struct clientid__answers *answers)
{
    static const struct clientid__key keys[] = {
        {"contentType", 1}, {"missing", 1}, {"failed", 1}, {"quota", 1}, {"unavailable", 1}};
    int rv;

    answers->format = CLIENTID__BODY_CUSTOM;
    answers->content_type = CLIENTID_STR("application/json");
    if ((rv = CLIENTID__NODE_KEYS(section, keys, 1)) != 0 ||
        (rv = clientid__read_text(section, "contentType", &answers->content_type)) != 0 ||
        (rv = clientid__read_text(section, "missing", &answers->body_missing)) != 0 ||
        (rv = clientid__read_text(section, "failed", &answers->body_failed)) != 0 ||
        (rv = clientid__read_text(section, "quota", &answers->body_quota)) != 0 ||
        (rv = clientid__read_text(section, "unavailable", &answers->body_unavailable)) != 0)
        return rv;
    if (!is_content_type(answers->content_type))
        return clientid__node_fail_key(section, "contentType",
                                       "expected up to 128 printable ASCII characters");
    return 0;
}

static int read_answers(const struct clientid__node *api, struct clientid__answers *answers)
{
    static const char *const formats[] = {"json", "problem", NULL};
    struct clientid__node section;
    unsigned format = CLIENTID__BODY_JSON;
    int rv;

    if (!clientid__node_child(api, "answers", &section))
        return 0;
    if (answers->soap != CLIENTID__SOAP_NONE)
        return clientid__node_fail(&section, "a SOAP API instance answers with faults");
    if (json_is_object(section.value))
        return read_custom_answers(&section, answers);
    rv = clientid__read_choice(api, "answers", formats, &format);
    answers->format = (enum clientid__body_format)format;
    return rv;
}

static int read_style(const struct clientid__node *api, struct clientid__answers *answers)
{
    static const char *const soaps[] = {"1.1", "1.2", NULL};
    static const char *const generations[] = {"x-ratelimit", "draft-03", "draft-11", NULL};
    struct clientid__node soap;
    unsigned generation = CLIENTID__HEADERS_X_RATELIMIT, version = 0;
    uint64_t status = 401;
    int rv;

    if ((rv = clientid__read_choice(api, "soap", soaps, &version)) != 0 ||
        (rv = clientid__read_choice(api, "headers", generations, &generation)) != 0 ||
        (rv = clientid__read_integer(api, "noContractStatus", 401, 403, &status)) != 0)
        return rv;
    if (status == 402)
        return clientid__node_fail_key(api, "noContractStatus", "expected 401 or 403");
    if (clientid__node_child(api, "soap", &soap))
        answers->soap = version == 0 ? CLIENTID__SOAP_1_1 : CLIENTID__SOAP_1_2;
    answers->generation = (enum clientid__header_generation)generation;
    answers->contract_status = (unsigned)status;
    return read_answers(api, answers);
}

static int read_policies(const struct loading *loading, const struct clientid__node *api,
                         struct clientid__draft_list *list)
{
    struct clientid__node policies;

    /* An API instance that is open must say so: "policies": []. */
    if (!clientid__node_child(api, "policies", &policies))
        return clientid__node_fail(api, "\"policies\" is missing");
    return clientid__policies_read(&policies, loading->mem, loading->pool, list);
}

static int read_chain(const struct loading *loading, const struct clientid__node *api,
                      struct clientid__chain *chain)
{
    static const char *const strips[] = {"default", "all", "none", NULL};
    struct clientid__answers answers = {.soap = CLIENTID__SOAP_NONE};
    struct clientid__draft_list list = {NULL, 0};
    unsigned strip = CLIENTID__STRIP_DEFAULT;
    int rv;

    if ((rv = clientid__node_expect(api, JSON_OBJECT, "an object")) != 0 ||
        (rv = CLIENTID__NODE_KEYS(api, api_keys, 1)) != 0 ||
        (rv = clientid__read_bool(api, "allowPreflight", &chain->allow_preflight)) != 0 ||
        (rv = clientid__read_choice(api, "stripCredentials", strips, &strip)) != 0 ||
        (rv = read_style(api, &answers)) != 0 || (rv = read_caps(api, &chain->caps)) != 0)
        return rv;
    rv = read_policies(loading, api, &list);
    if (rv == 0)
        rv = clientid__chain_build(chain, &list, loading->pool, clientid__cstr(api->key), &answers,
                                   (enum clientid__strip)strip);
    clientid__drafts_del(loading->mem, &list);
    return rv;
}

static bool is_api_name(clientid_str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (clientid__is_control((unsigned char)name.ptr[i]))
            return false;
    return name.len >= 1 && name.len <= 128;
}

static int read_api(const struct loading *loading, const struct clientid__node *api)
{
    struct clientid__config *config = loading->config;
    size_t index = config->api_count++;

    if (!is_api_name(clientid__cstr(api->key)))
        return clientid__node_fail(api, "the name of an API instance has 1 to 128 bytes and no "
                                        "control characters");
    config->apis[index].name = clientid__strdup(loading->mem, clientid__cstr(api->key));
    config->apis[index].chain = clientid__alloc(loading->mem, 1, sizeof(struct clientid__chain));
    if (config->apis[index].name == NULL || config->apis[index].chain == NULL)
        return CLIENTID_ERR_NOMEM;
    return read_chain(loading, api, config->apis[index].chain);
}

static int read_apis(const struct loading *loading, const struct clientid__node *top)
{
    struct clientid__config *config = loading->config;
    struct clientid__node apis;
    const char *key;
    json_t *value;
    int rv;

    if (!clientid__node_child(top, "apis", &apis))
        return 0;
    if ((rv = clientid__node_expect(&apis, JSON_OBJECT, "an object")) != 0)
        return rv;
    config->apis =
        clientid__alloc(loading->mem, json_object_size(apis.value), sizeof(*config->apis));
    if (config->apis == NULL)
        return CLIENTID_ERR_NOMEM;
    json_object_foreach(apis.value, key, value)
    {
        struct clientid__node api = {top->reader, &apis, key, 0, value};

        rv = read_api(loading, &api);
        if (rv != 0)
            return rv;
    }
    return 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

void clientid__config_del(struct clientid__config *config)
{
    const clientid_allocator *mem;

    if (config == NULL)
        return;
    mem = config->mem;
    for (size_t i = 0; i < config->api_count; i++) {
        clientid__free(mem, config->apis[i].name);
        clientid__chain_del(mem, config->apis[i].chain);
    }
    clientid__free(mem, config->apis);
    clientid__free(mem, config->store);
    clientid__free(mem, config->state);
    clientid__free(mem, config->pepper_file);
    clientid__free(mem, config->pepper_env);
    clientid__free(mem, config->limits_file);
    clientid__free(mem, config);
}

/* Line and column of the last byte before |position|; jansson counts characters, editors and we count bytes. */
static void locate(clientid_error *error, clientid_str json, size_t position)
{
    error->line = 1;
    error->column = 0;
    for (size_t i = 0; i < position && i < json.len; i++) {
        bool next_line = json.ptr[i] == '\n' && i + 1 < position && i + 1 < json.len;

        error->line += next_line;
        error->column = next_line ? 0 : error->column + 1;
    }
    if (error->column == 0)
        error->column = 1;
}

/* jansson quotes what it stumbled over, which may be a secret in the wrong place: cut that off. */
static int fail_syntax(clientid_error *error, clientid_str json, const json_error_t *found)
{
    const char *quoted = strstr(found->text, " near ");
    int len = quoted != NULL ? (int)(quoted - found->text) : (int)strlen(found->text);

    if (json_error_code(found) == json_error_out_of_memory)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    clientid__fail(error, CLIENTID_ERR_SYNTAX, "%.*s", len, found->text);
    if (error != NULL)
        locate(error, json, found->position > 0 ? (size_t)found->position : 0);
    return CLIENTID_ERR_SYNTAX;
}

static int read_document(const struct loading *loading, const struct clientid__reader *reader,
                         json_t *document)
{
    struct clientid__node top = {reader, NULL, NULL, 0, document};
    int rv = clientid__node_expect(&top, JSON_OBJECT, "an object");

    if (rv != 0 || (rv = read_top(loading, &top)) != 0)
        return rv;
    return read_apis(loading, &top);
}

int clientid__config_parse(struct clientid__config **out, const clientid_allocator *mem,
                           struct clientid__pool *pool, clientid_str json, const char *name,
                           void (*warn)(void *self, const clientid_error *), void *warn_self,
                           clientid_error *error)
{
    struct clientid__reader reader = {error, warn, warn_self, name != NULL ? name : ""};
    struct loading loading = {mem, pool, NULL};
    json_error_t found;
    json_t *document;
    int rv;

    if (error != NULL)
        snprintf(error->file, sizeof(error->file), "%s", reader.name);
    document = json_loadb(json.len > 0 ? json.ptr : "", json.len, JSON_REJECT_DUPLICATES, &found);
    if (document == NULL)
        return fail_syntax(error, json, &found);
    loading.config = clientid__alloc(mem, 1, sizeof(*loading.config));
    rv = CLIENTID_ERR_NOMEM;
    if (loading.config != NULL) {
        loading.config->mem = mem;
        rv = read_document(&loading, &reader, document);
    }
    json_decref(document);
    if (rv == 0) {
        *out = loading.config;
        return 0;
    }
    clientid__config_del(loading.config);
    return rv == CLIENTID_ERR_NOMEM ? clientid__fail(error, rv, "out of memory") : rv;
}
