/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read from a configuration that the library has accepted, so nothing here checks: what is not understood was
 * refused before.
 */
#include "definition.h"

#include "commands.h"
#include "configuration.h"
#include "input.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- places ------------------------------------------------------------------------------------ */

static const struct {
    const char *prefix;
    enum carrier carrier;
} carriers[] = {
    {"header:", IN_HEADER},
    {"query:", IN_QUERY},
    {"form:", IN_FORM},
    {"part:", IN_PART},
    {"any:", IN_ANY},
    {"attributes.headers", IN_HEADER},
    {"attributes.queryParams", IN_QUERY},
    {"payload", IN_FORM},
    {"message.payload", IN_FORM},
    {"message.inboundProperties", IN_ANY},
    {"message.inboundAttachments", IN_PART},
};

enum { CARRIERS = sizeof(carriers) / sizeof(carriers[0]) };

static void add_place(struct definition *d, const struct place *place)
{
    for (size_t i = 0; i < d->place_count; i++)
        if (d->places[i].carrier == place->carrier && d->places[i].secret == place->secret &&
            strcmp(d->places[i].name, place->name) == 0)
            return;
    if (d->place_count < PLACES_MAX)
        d->places[d->place_count++] = *place;
}

/* "header:x", "#[attributes.headers['x']]" and so on: the carrier, then a name between marks. */
static void read_place(struct definition *d, const char *text, bool secret)
{
    struct place place = {.secret = secret};
    text += strspn(text, " \t#[");
    for (size_t i = 0; i < CARRIERS; i++) {
        size_t length = strlen(carriers[i].prefix);
        if (strncmp(text, carriers[i].prefix, length) != 0)
            continue;
        const char *name = text + length + strspn(text + length, " .['\"");
        place.carrier = carriers[i].carrier;
        snprintf(place.name, sizeof(place.name), "%.*s", (int)strcspn(name, "'\"] \t"), name);
        add_place(d, &place);
        return;
    }
}

/* A place that one policy names outright settles where another would take either. */
static void settle_places(struct definition *d)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->place_count; i++) {
        const struct place *place = &d->places[i];
        bool settled = false;
        for (size_t j = 0; place->carrier == IN_ANY && j < d->place_count; j++)
            settled = settled ||
                      ((d->places[j].carrier == IN_HEADER || d->places[j].carrier == IN_QUERY) &&
                       d->places[j].secret == place->secret &&
                       strcasecmp(d->places[j].name, place->name) == 0);
        if (!settled)
            d->places[kept++] = *place;
    }
    d->place_count = kept;
}

/* Blank counts as absent, as for the library. */
static bool read_expression(struct definition *d, const json_t *object, const char *key,
                            bool secret)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL || text[strspn(text, " \t")] == '\0')
        return false;
    read_place(d, text, secret);
    return true;
}

/* ---- policies ---------------------------------------------------------------------------------- */

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool true_at(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static const char *asset_of(const json_t *policy)
{
    const char *name = text_at(policy, "policy");
    if (name == NULL)
        name = text_at(policy, "assetId");
    if (name == NULL)
        name = text_at(json_object_get(policy, "template"), "assetId");
    if (name == NULL)
        name = text_at(policy, "policyTemplateId");
    if (name == NULL || name[strspn(name, "0123456789")] == '\0')
        name = text_at(policy, "policyId");
    return name != NULL ? name : "";
}

/* With or without the suffix of an implementation: "-mule", "-flex". */
static bool is_asset(const char *asset, const char *name)
{
    size_t length = strlen(name);
    return strncmp(asset, name, length) == 0 &&
           (asset[length] == '\0' || strcmp(asset + length, "-mule") == 0 ||
            strcmp(asset + length, "-flex") == 0);
}

static const json_t *configuration_of(const json_t *policy)
{
    static const char *const keys[] = {"configurationData", "configuration", "config"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (json_is_object(json_object_get(policy, keys[i])))
            return json_object_get(policy, keys[i]);
    return policy; /* the short form */
}

static void read_exported_credentials(struct definition *d, const json_t *c)
{
    const char *origin = text_at(c, "credentialsOriginHasHttpBasicAuthenticationHeader");
    if (origin == NULL)
        origin = text_at(c, "credentialsOrigin");
    if (origin != NULL && strcmp(origin, "customExpression") != 0) {
        d->basic = true;
        return;
    }
    if (!read_expression(d, c, "clientIdExpression", false))
        read_place(d, "header:client_id", false);
    read_expression(d, c, "clientSecretExpression", true);
}

static void read_short_credentials(struct definition *d, const json_t *policy)
{
    bool basic = true_at(policy, "basic");
    bool given = read_expression(d, policy, "id", false);
    read_expression(d, policy, "secret", true);
    d->basic = d->basic || basic;
    if (basic || given)
        return;
    read_place(d, "header:client_id", false);
    read_place(d, "header:client_secret", true);
}

/* Returns whether it shows quota headers. */
static bool read_policy(struct definition *d, const json_t *policy)
{
    const char *asset = asset_of(policy);
    const char *mode = text_at(policy, "mode");
    const json_t *c = configuration_of(policy);
    bool sla =
        is_asset(asset, "rate-limiting-sla-based") || is_asset(asset, "throttling-sla-based");
    bool enforcement = is_asset(asset, "client-id-enforcement");
    /* What refuses nobody is no part of the agreement with clients. */
    if (true_at(policy, "disabled") || (mode != NULL && strcmp(mode, "shadow") == 0))
        return false;
    const json_t *pointcut = json_object_get(policy, c == policy ? "match" : "pointcutData");
    d->partial = d->partial || json_array_size(pointcut) > 0;
    d->quota = d->quota || !enforcement;
    d->contract = d->contract || sla || enforcement;
    if ((sla || enforcement) && c == policy)
        read_short_credentials(d, policy);
    else if (sla || enforcement)
        read_exported_credentials(d, c);
    return true_at(c, "exposeHeaders");
}

/* ---- answers ----------------------------------------------------------------------------------- */

static void add_refusal(struct definition *d, struct refusal refusal)
{
    if (d->refusal_count < REFUSALS_MAX)
        d->refusals[d->refusal_count++] = refusal;
}

/* The descriptions are those of the snippets that API Manager hands out. */
static void add_refusals(struct definition *d, const json_t *api)
{
    static const char enforcement[] = "Unauthorized or invalid client application credentials";
    static const char limiting[] =
        "Unauthorized, The client_id or client_secret are not valid or the "
        "client does not have access.";
    const char *soap = text_at(api, "soap");
    if (d->contract)
        add_refusal(d, (struct refusal){.status = 401,
                                        .description = d->quota ? limiting : enforcement,
                                        .example = "Authentication Attempt Failed",
                                        .challenge = true});
    if (d->contract && json_integer_value(json_object_get(api, "noContractStatus")) == 403)
        add_refusal(d, (struct refusal){.status = 403,
                                        .description = "The client has no contract in force.",
                                        .example = "Authentication Attempt Failed"});
    if (d->quota)
        add_refusal(d,
                    (struct refusal){.status = 429,
                                     .description = "The client used all of its request quota for "
                                                    "the current period.",
                                     .example = "Quota has been exceeded",
                                     .quota = true});
    if (soap != NULL && strcmp(soap, "1.2") == 0)
        add_refusal(d, (struct refusal){.status = 400, .description = "SOAP 1.2 fault"});
    add_refusal(d,
                (struct refusal){.status = 500,
                                 .description =
                                     d->quota ? "An error occurred, see the specific message (Only "
                                                "if it is a WSDL endpoint)."
                                              : "Bad response from authorization server, or WSDL "
                                                "SOAP Fault error"});
    if (d->contract)
        add_refusal(d, (struct refusal){.status = 503,
                                        .description = "Contracts Information Unreachable.",
                                        .example = "Contracts Information Unreachable"});
}

static const char *const *quota_headers(const json_t *api)
{
    static const char *const vendor[] = {"X-RateLimit-Limit", "X-RateLimit-Remaining",
                                         "X-RateLimit-Reset", NULL};
    static const char *const draft_03[] = {"RateLimit-Limit", "RateLimit-Remaining",
                                           "RateLimit-Reset", NULL};
    static const char *const draft_11[] = {"RateLimit-Policy", "RateLimit", NULL};
    const char *generation = text_at(api, "headers");
    if (generation != NULL && strcmp(generation, "draft-03") == 0)
        return draft_03;
    if (generation != NULL && strcmp(generation, "draft-11") == 0)
        return draft_11;
    return vendor;
}

static const char *media_type(const json_t *api)
{
    const json_t *answers = json_object_get(api, "answers");
    const char *soap = text_at(api, "soap");
    if (soap != NULL)
        return strcmp(soap, "1.2") == 0 ? "application/soap+xml" : "text/xml";
    if (text_at(answers, "contentType") != NULL)
        return text_at(answers, "contentType");
    if (json_is_string(answers) && strcmp(json_string_value(answers), "problem") == 0)
        return "application/problem+json";
    return "application/json";
}

static void read_definition(struct definition *d, const json_t *api)
{
    const json_t *policy;
    size_t i;
    d->media_type = media_type(api);
    json_array_foreach(json_object_get(api, "policies"), i, policy)
    {
        if (read_policy(d, policy))
            d->headers = quota_headers(api);
    }
    settle_places(d);
    add_refusals(d, api);
    /* Other bodies than ours are not known here. */
    for (size_t n = 0; n < d->refusal_count; n++)
        if (strcmp(d->media_type, "application/json") != 0 ||
            json_is_object(json_object_get(api, "answers")))
            d->refusals[n].example = NULL;
}

const char *place_text(const struct place *place)
{
    return place->secret ? "Client secret" : "Client id";
}

/* ---- commands ---------------------------------------------------------------------------------- */

static int write_definition(struct ctl *ctl, const struct definition *d)
{
    if (strcmp(ctl->options.command->noun, "openapi") == 0) {
        json_t *root = openapi_to_json(d);
        if (root == NULL)
            return report(ctl, CTL_FAILED, ctl->options.what, "out of memory");
        json_dumpf(root, ctl->out, ctl->json ? JSON_COMPACT : JSON_INDENT(2));
        fputc('\n', ctl->out);
        json_decref(root);
        return CTL_OK;
    }
    if (!ctl->json) {
        raml_write(ctl->out, d);
        return CTL_OK;
    }
    char *text = NULL;
    size_t len;
    FILE *memory = open_memstream(&text, &len);
    if (memory == NULL)
        return report(ctl, CTL_FAILED, ctl->options.what, "out of memory");
    raml_write(memory, d);
    fclose(memory);
    json_t *root = json_pack("{s:s}", "raml", text);
    json_dumpf(root, ctl->out, JSON_COMPACT);
    fputc('\n', ctl->out);
    json_decref(root);
    free(text);
    return CTL_OK;
}

static int define(struct ctl *ctl)
{
    const char *name = option_value(&ctl->options, "config");
    clientid_gateway *gateway = NULL;
    const clientid_api *api;
    char *text = NULL;
    size_t len = 0;
    if (name == NULL)
        return report(ctl, CTL_USAGE, ctl->options.what, "which configuration? Use --config FILE");
    int rv = configuration_open_file(ctl, name, CLIENTID_LIMITS_ASIDE, &gateway, &text, &len);
    if (rv == 0)
        rv = configuration_api(ctl, gateway, &api);
    if (rv == 0) {
        struct definition d = {.api = option_value(&ctl->options, "api")};
        json_t *root = json_loadb(text, len, 0, NULL);
        read_definition(&d, json_object_get(json_object_get(root, "apis"), d.api));
        rv = write_definition(ctl, &d);
        json_decref(root);
    }
    clientid_gateway_del(gateway);
    input_free(text, len);
    return rv;
}

static const struct option_spec definition_options[] = {
    CONFIGURATION_OPTION{"api", 'a', "NAME", "the API instance", 0},
    {NULL, 0, NULL, NULL, 0},
};

static const char raml_help[] = "A RAML 1.0 library with the trait client-id-required, or a "
                                "security scheme for Basic, and the\n"
                                "answers that clients must expect.  Policies that are disabled or "
                                "in shadow mode do not count.\n";
static const char openapi_help[] = "An OpenAPI 3.0 document without paths, as JSON, which is YAML "
                                   "too: security schemes, security\n"
                                   "requirements and responses to copy.  Policies that are "
                                   "disabled or in shadow mode do not count.\n";

const struct command definition_commands[] = {
    {"raml", NULL, "", 0, 0, "What a RAML definition must say of the policies", definition_options,
     define, raml_help},
    {"openapi", NULL, "", 0, 0, "What an OpenAPI definition must say of them", definition_options,
     define, openapi_help},
    {0},
};
