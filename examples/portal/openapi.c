/* SPDX-License-Identifier: Apache-2.0 */
/* The document says what the table of routes says, and nothing else. */
#include "openapi.h"

#include "route.h"

#include <clientid/version.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static json_t *parameter(const char *name, size_t len, const char *in, json_t *schema)
{
    return json_pack("{s:s%,s:s,s:b,s:o}", "name", name, len, "in", in, "required",
                     strcmp(in, "path") == 0, "schema", schema);
}

static void put_path_parameters(json_t *out, const char *path)
{
    while ((path = strchr(path, '{')) != NULL) {
        size_t len = strcspn(++path, "}");
        (void)json_array_append_new(
            out,
            parameter(path, len, "path", json_pack("{s:s,s:i}", "type", "string", "minLength", 1)));
    }
}

static json_t *query_schema(const char *type, size_t len)
{
    if (len == 4 && memcmp(type, "flag", 4) == 0)
        return json_pack("{s:s}", "type", "boolean");
    if (len == 6 && memcmp(type, "number", 6) == 0)
        return json_pack("{s:s,s:i}", "type", "integer", "minimum", 0);
    return json_pack("{s:s}", "type", "string");
}

/* "limit:number query:text" */
static void put_query_parameters(json_t *out, const char *query)
{
    while (query != NULL && *query != '\0') {
        size_t len = strcspn(query, ":");
        const char *type = query + len + 1;
        size_t type_len = strcspn(type, " ");
        (void)json_array_append_new(out,
                                    parameter(query, len, "query", query_schema(type, type_len)));
        query = type + type_len + (type[type_len] == ' ');
    }
}

static json_t *content(const struct schema *schema, bool form)
{
    json_t *out = json_object();
    json_t *media =
        json_pack("{s:{s:s+}}", "schema", "$ref", "#/components/schemas/", schema->name);
    (void)json_object_set(out, "application/json", media);
    if (form)
        (void)json_object_set(out, "application/x-www-form-urlencoded", media);
    json_decref(media);
    return out;
}

static json_t *responses(const struct route *route)
{
    json_t *out = json_object();
    json_t *well = json_pack("{s:s}", "description", "done");
    char status[8];
    if (route->answer != NULL)
        (void)json_object_set_new(well, "content", content(route->answer, false));
    (void)snprintf(status, sizeof status, "%u", route->status);
    (void)json_object_set_new(out, status, well);
    (void)json_object_set_new(out, "4XX",
                              json_pack("{s:s}", "$ref", "#/components/responses/Refused"));
    (void)json_object_set_new(out, "5XX",
                              json_pack("{s:s}", "$ref", "#/components/responses/Refused"));
    return out;
}

static json_t *security(unsigned flags)
{
    if (flags & ROUTE_OPEN)
        return json_array();
    return (flags & ROUTE_BASIC) ? json_pack("[{s:[]},{s:[]}]", "bearer", "basic")
                                 : json_pack("[{s:[]}]", "bearer");
}

static json_t *operation(const struct route *route)
{
    json_t *parameters = json_array();
    put_path_parameters(parameters, route->path);
    put_query_parameters(parameters, route->query);
    json_t *out =
        json_pack("{s:s,s:o,s:o,s:o}", "summary", route->summary, "parameters", parameters,
                  "responses", responses(route), "security", security(route->flags));
    if (route->permission != NULL && route->permission[0] != '\0')
        (void)json_object_set_new(out, "x-permission", json_string(route->permission));
    if (route->body != NULL)
        (void)json_object_set_new(
            out, "requestBody",
            json_pack("{s:b,s:o}", "required", (route->flags & ROUTE_BODY) != 0, "content",
                      content(route->body, (route->flags & ROUTE_FORM) != 0)));
    return out;
}

static void put_route(json_t *paths, const struct route *route)
{
    char method[16];
    size_t i = 0;
    for (; route->method[i] != '\0' && i + 1 < sizeof method; i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    method[i] = '\0';
    json_t *path = json_object_get(paths, route->path);
    if (path == NULL) {
        path = json_object();
        (void)json_object_set_new(paths, route->path, path);
    }
    (void)json_object_set_new(path, method, operation(route));
}

/* And what it refers to. */
static void put_schema(json_t *schemas, const struct schema *schema)
{
    if (schema == NULL || json_object_get(schemas, schema->name) != NULL)
        return;
    (void)json_object_set_new(schemas, schema->name, schema_json(schema));
    for (const struct schema_field *field = schema->fields; field->name != NULL; field++)
        put_schema(schemas, field->of);
}

static json_t *components(void)
{
    json_t *schemas = json_object();
    for (size_t i = 0; i < route_count; i++) {
        put_schema(schemas, routes[i].body);
        put_schema(schemas, routes[i].answer);
    }
    return json_pack(
        "{s:o,s:{s:{s:s,s:{s:{s:{s:s}}}}},s:{s:{s:s,s:s},s:{s:s,s:s}}}", "schemas", schemas,
        "responses", "Refused", "description", "refused; \"message\" says why, \"field\" where",
        "content", "application/json", "schema", "type", "object", "securitySchemes", "bearer",
        "type", "http", "scheme", "bearer", "basic", "type", "http", "scheme", "basic");
}

json_t *openapi_json(void)
{
    json_t *paths = json_object();
    for (size_t i = 0; i < route_count; i++)
        put_route(paths, &routes[i]);
    return json_pack("{s:s,s:{s:s,s:s},s:o,s:o}", "openapi", "3.0.3", "info", "title",
                     "clientid-portal", "version", clientid_version(), "paths", paths, "components",
                     components());
}
