/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAPI 3.0.3, https://spec.openapis.org/oas/v3.0.3; jansson copies every text that it is given. */
#include "definition.h"

static bool is_in(const struct place *place, bool in_query)
{
    return place->carrier == IN_ANY || place->carrier == (in_query ? IN_QUERY : IN_HEADER);
}

/* Several places of one kind get a number; the first has none. */
static void numbered(const struct definition *d, size_t index, bool in_query, char *out,
                     size_t size)
{
    const struct place *place = &d->places[index];
    unsigned nth = 1;
    for (size_t i = 0; i < index; i++)
        nth += d->places[i].secret == place->secret && is_in(&d->places[i], in_query);
    /* Keys of components are limited to letters, digits, '.', '-' and '_' (section 4.7.7). */
    int used = snprintf(out, size, "%s%s", place->secret ? "clientSecret" : "clientId",
                        in_query ? "Query" : "Header");
    if (nth > 1)
        snprintf(out + used, size - (size_t)used, "%u", nth);
}

static void add_schemes(json_t *schemes, const struct definition *d, bool in_query)
{
    char name[64];
    for (size_t i = 0; i < d->place_count; i++) {
        if (!is_in(&d->places[i], in_query))
            continue;
        numbered(d, i, in_query, name, sizeof(name));
        json_object_set_new(schemes, name,
                            json_pack("{s:s, s:s, s:s, s:s}", "type", "apiKey", "in",
                                      in_query ? "query" : "header", "name", d->places[i].name,
                                      "description", place_text(&d->places[i])));
    }
}

static json_t *schemes_json(const struct definition *d)
{
    json_t *schemes = json_object();
    if (d->basic)
        json_object_set_new(schemes, "clientIdBasic",
                            json_pack("{s:s, s:s, s:s}", "type", "http", "scheme", "basic",
                                      "description",
                                      "Client id and client secret as HTTP Basic credentials"));
    add_schemes(schemes, d, true);
    add_schemes(schemes, d, false);
    return schemes;
}

static bool has_any(const struct definition *d)
{
    for (size_t i = 0; i < d->place_count; i++)
        if (d->places[i].carrier == IN_ANY)
            return true;
    return false;
}

/* All of them in one requirement are needed together; a second requirement is another way. */
static json_t *requirement_json(const struct definition *d, bool any_in_query)
{
    json_t *requirement = json_object();
    char name[64];
    if (d->basic)
        json_object_set_new(requirement, "clientIdBasic", json_array());
    for (size_t i = 0; i < d->place_count; i++) {
        const struct place *place = &d->places[i];
        bool in_query = place->carrier == IN_ANY ? any_in_query : place->carrier == IN_QUERY;
        if (!is_in(place, in_query))
            continue;
        numbered(d, i, in_query, name, sizeof(name));
        json_object_set_new(requirement, name, json_array());
    }
    return requirement;
}

static json_t *security_json(const struct definition *d)
{
    json_t *list = json_array();
    json_t *first = requirement_json(d, false);
    if (json_object_size(first) > 0)
        json_array_append(list, first);
    json_decref(first);
    if (has_any(d))
        json_array_append_new(list, requirement_json(d, true));
    return list;
}

/* ---- bodies ------------------------------------------------------------------------------------ */

/* Security schemes know no bodies, so what is read there becomes a request body to merge. */
static json_t *body_json(const struct definition *d, enum carrier carrier, const char *media_type)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    for (size_t i = 0; i < d->place_count; i++) {
        if (d->places[i].carrier != carrier)
            continue;
        json_object_set_new(
            properties, d->places[i].name,
            json_pack("{s:s, s:s}", "type", "string", "description", place_text(&d->places[i])));
        json_array_append_new(required, json_string(d->places[i].name));
    }
    return json_pack("{s:b, s:{s:{s:{s:s, s:o, s:o}}}}", "required", 1, "content", media_type,
                     "schema", "type", "object", "properties", properties, "required", required);
}

static void add_bodies(json_t *components, const struct definition *d)
{
    json_t *bodies = json_object();
    for (size_t i = 0; i < d->place_count; i++) {
        if (d->places[i].carrier == IN_FORM)
            json_object_set_new(bodies, "ClientCredentialsForm",
                                body_json(d, IN_FORM, "application/x-www-form-urlencoded"));
        if (d->places[i].carrier == IN_PART)
            json_object_set_new(bodies, "ClientCredentialsMultipart",
                                body_json(d, IN_PART, "multipart/form-data"));
    }
    if (json_object_size(bodies) > 0)
        json_object_set(components, "requestBodies", bodies);
    json_decref(bodies);
}

/* ---- responses --------------------------------------------------------------------------------- */

static json_t *header_json(const char *type)
{
    return json_pack("{s:{s:s}}", "schema", "type", type);
}

static json_t *headers_json(const struct definition *d, const struct refusal *r)
{
    json_t *headers = json_object();
    if (r->challenge)
        json_object_set_new(headers, "WWW-Authenticate", header_json("string"));
    if (r->quota)
        json_object_set_new(headers, "Retry-After", header_json("integer"));
    for (const char *const *name = r->quota ? d->headers : NULL; name != NULL && *name != NULL;
         name++)
        json_object_set_new(headers, *name, header_json("string"));
    return headers;
}

static json_t *response_json(const struct definition *d, const struct refusal *r)
{
    json_t *response = json_pack("{s:s}", "description", r->description);
    json_t *headers = headers_json(d, r);
    if (json_object_size(headers) > 0)
        json_object_set(response, "headers", headers);
    json_decref(headers);
    if (r->example != NULL)
        json_object_set_new(response, "content",
                            json_pack("{s:{s:{s:s, s:{s:{s:s}}}, s:{s:s}}}", d->media_type,
                                      "schema", "type", "object", "properties", "error", "type",
                                      "string", "example", "error", r->example));
    return response;
}

static json_t *responses_json(const struct definition *d)
{
    json_t *responses = json_object();
    char name[16];
    for (size_t i = 0; i < d->refusal_count; i++) {
        snprintf(name, sizeof(name), "Refused%u", d->refusals[i].status);
        json_object_set_new(responses, name, response_json(d, &d->refusals[i]));
    }
    return responses;
}

json_t *openapi_to_json(const struct definition *d)
{
    json_t *components =
        json_pack("{s:o, s:o}", "securitySchemes", schemes_json(d), "responses", responses_json(d));
    if (components == NULL)
        return NULL;
    add_bodies(components, d);
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:{}, s:o, s:o}", "openapi", "3.0.3", "info",
                     "title", d->api, "version", clientid_version(), "description",
                     d->partial ? "What the policies in force ask of clients; some apply to some "
                                  "methods and paths only"
                                : "What the policies in force ask of clients",
                     "paths", "components", components, "security", security_json(d));
}
