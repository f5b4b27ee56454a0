/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests made from the OpenAPI document that the portal serves, right and wrong in every part.  No answer is a 5xx, every refusal says
 * why in JSON, every success is what the document promises, and no secret that was sent comes back.
 */
#include "support_portal.h"
#include "support_proxy.h"
#include "support_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUESTS   6000
#define SLOW_EACH  40 /* of requests that reckon with passwords, one in so many is sent */
#define BODY_BYTES 65536
#define MARK       "s3cr3t-m4rk" /* in every password and secret that is sent */

struct fuzz {
    struct portal portal;
    json_t *document;
    uint64_t seed;
    char body[BODY_BYTES];
    size_t body_len;
    char target[4096];
    bool gentle;            /* this request is to be right in every part */
    unsigned well, refused; /* answers */
};

static uint64_t below(struct fuzz *f, uint64_t limit)
{
    return support_below(&f->seed, limit);
}

/* What is rare is wrong. */
static bool one_in(struct fuzz *f, uint64_t n)
{
    return !(f->gentle && n >= 8) && below(f, n) == 0;
}

/* ---- values ------------------------------------------------------------------------------------- */

static const json_t *resolve(const struct fuzz *f, const json_t *schema)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    const json_t *schemas = json_object_get(json_object_get(f->document, "components"), "schemas");

    if (ref == NULL)
        return schema;
    return json_object_get(schemas, strrchr(ref, '/') + 1);
}

static json_t *make(struct fuzz *f, const json_t *schema, int depth);

static json_t *make_text(struct fuzz *f, const json_t *schema)
{
    static const char *const words[] = {"1",
                                        "orders",
                                        "mia",
                                        "2022-01-10",
                                        "\xc3\xa9t\xc3\xa9",
                                        "a b",
                                        "%00",
                                        "../..",
                                        "' OR 1=1",
                                        "<x>",
                                        "http://127.0.0.1:1/x",
                                        "client_credentials",
                                        "Petstore",
                                        "gold",
                                        "bot",
                                        "create:client_applications"};
    const json_t *choices = json_object_get(schema, "enum");
    const char *format = json_string_value(json_object_get(schema, "format"));
    json_int_t max = json_integer_value(json_object_get(schema, "maxLength"));
    char text[600];

    if (json_array_size(choices) > 0 && !one_in(f, 10))
        return json_incref(json_array_get(choices, below(f, json_array_size(choices))));
    if (format != NULL)
        return json_string(MARK "-1234567");
    if (one_in(f, 40)) { /* too long by one, when that fits */
        size_t len = max > 0 && max < 590 ? (size_t)max + 1 : 590;

        memset(text, 'x', len);
        text[len] = '\0';
        return json_string(text);
    }
    if (one_in(f, 30))
        return json_string("");
    if (one_in(f, 40))
        return json_stringn("nul\0in it", 9);
    if (one_in(f, 40))
        return json_string("line\nbreak\x01");
    return json_string(words[below(f, sizeof(words) / sizeof(words[0]))]);
}

static json_t *make_number(struct fuzz *f)
{
    static const json_int_t edges[] = {0, -1, 1, 2, 1000000001, 9223372036854775807, 4294967296};

    return json_integer(one_in(f, 3) ? edges[below(f, 7)] : (json_int_t)(1 + below(f, 6)));
}

static json_t *make_object(struct fuzz *f, const json_t *schema, int depth)
{
    json_t *out = json_object();
    const json_t *required = json_object_get(schema, "required");
    const char *name;
    json_t *property;

    json_object_foreach((json_t *)(uintptr_t)json_object_get(schema, "properties"), name, property)
    {
        bool must = false;

        for (size_t i = 0; i < json_array_size(required); i++)
            must = must || strcmp(json_string_value(json_array_get(required, i)), name) == 0;
        if (must ? !one_in(f, 25) : one_in(f, 2))
            json_object_set_new(out, name, make(f, property, depth + 1));
    }
    if (one_in(f, 25))
        json_object_set_new(out, "unheardOf", make_number(f));
    return out;
}

static json_t *make_wrong(struct fuzz *f)
{
    switch (below(f, 6)) {
    case 0:
        return json_null();
    case 1:
        return json_true();
    case 2:
        return make_number(f);
    case 3:
        return json_string("wrong");
    case 4:
        return json_pack("[{s:[]}]", "deep");
    default:
        return json_real(1e300);
    }
}

static json_t *make(struct fuzz *f, const json_t *schema, int depth)
{
    const json_t *resolved = resolve(f, schema);
    const char *type = json_string_value(json_object_get(resolved, "type"));
    json_t *list;

    if (depth > 6 || type == NULL || one_in(f, 25))
        return make_wrong(f);
    if (strcmp(type, "string") == 0)
        return make_text(f, resolved);
    if (strcmp(type, "integer") == 0)
        return make_number(f);
    if (strcmp(type, "boolean") == 0)
        return json_boolean(one_in(f, 2));
    if (strcmp(type, "object") == 0)
        return make_object(f, resolved, depth);
    list = json_array();
    for (uint64_t i = below(f, 4); i > 0; i--)
        json_array_append_new(list, make(f, json_object_get(resolved, "items"), depth + 1));
    return list;
}

/* ---- requests ----------------------------------------------------------------------------------- */

static void put_body(struct fuzz *f, const char *bytes, size_t len)
{
    f->body_len = len < BODY_BYTES ? len : BODY_BYTES;
    memcpy(f->body, bytes, f->body_len);
}

/* What no schema makes. */
static void spoil(struct fuzz *f)
{
    static const char *const rests[] = {"{\"a\":1,\"a\":2}",
                                        "{",
                                        "[]",
                                        "\"",
                                        "nul",
                                        "{\"a\":1}x",
                                        "{\"\xff\":1}",
                                        "{\"name\":\"\xc3\x28\"}",
                                        "",
                                        "\xef\xbb\xbf{}"};
    size_t depth = 4000;

    switch (below(f, 4)) {
    case 0:
        memset(f->body, '[', depth);
        f->body_len = depth;
        return;
    case 1:
        if (f->body_len > 0)
            f->body[below(f, f->body_len)] = (char)below(f, 256);
        return;
    case 2:
        f->body_len = f->body_len > 0 ? below(f, f->body_len) : 0;
        return;
    default: {
        const char *rest = rests[below(f, sizeof(rests) / sizeof(rests[0]))];

        put_body(f, rest, strlen(rest));
    }
    }
}

static void make_body(struct fuzz *f, const json_t *operation)
{
    const json_t *content = json_object_get(json_object_get(operation, "requestBody"), "content");
    const json_t *schema = json_object_get(json_object_get(content, "application/json"), "schema");
    json_t *value;
    char *text;

    f->body_len = 0;
    if (schema == NULL && !one_in(f, 20))
        return;
    value = schema != NULL ? make(f, schema, 0) : make_wrong(f);
    text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (text != NULL)
        put_body(f, text, strlen(text));
    free(text);
    json_decref(value);
    if (one_in(f, 15))
        spoil(f);
}

static const char *place(struct fuzz *f, bool rest, const char *name, size_t len)
{
    static const char *const odd[] = {
        "..",  "%2e%2e", "%2f",   "0",      "-1",  "99999999999999999999",
        "%00", "%ff",    "a%20b", "nobody", "1e3", "00000000-0000-8000-8000-000000000001"};
    static const char *const numbers[] = {"1", "2", "3", "4"};

    if (one_in(f, 12))
        return odd[below(f, sizeof(odd) / sizeof(odd[0]))];
    if (strncmp(name, "organizationId", len) == 0)
        return PORTAL_ORGANIZATION;
    if (strncmp(name, "environmentId", len) == 0)
        return PORTAL_ENVIRONMENT;
    if (strncmp(name, "clientId", len) == 0)
        return portal_name(&f->portal, "bot.id");
    if (strncmp(name, "userId", len) == 0)
        return portal_name(&f->portal, "mia.id");
    if (rest) /* UUIDs there */
        return portal_name(&f->portal, strncmp(name, "hookId", len) == 0       ? "hook"
                                       : strncmp(name, "providerId", len) == 0 ? "provider"
                                       : strncmp(name, "requestId", len) == 0  ? "request"
                                       : strncmp(name, "approvalId", len) == 0 ? "request"
                                                                               : "application");
    return numbers[below(f, 4)];
}

static void make_target(struct fuzz *f, const char *path, const json_t *operation)
{
    size_t len = 0, i;
    json_t *parameter;
    char joint = '?';
    bool rest = strstr(path, "/rest/v1") != NULL;

    while (*path != '\0' && len + 64 < sizeof(f->target)) {
        size_t name_len = *path == '{' ? strcspn(path + 1, "}") : 0;

        if (name_len == 0) {
            f->target[len++] = *path++;
            continue;
        }
        len += (size_t)snprintf(f->target + len, sizeof(f->target) - len, "%s",
                                place(f, rest, path + 1, name_len));
        path += name_len + 2;
    }
    f->target[len] = '\0';
    json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
    {
        static const char *const values[] = {"1",       "0", "true", "false",
                                             "-1",      "x", "%ff",  "9999999999999999999",
                                             "pending", "",  "a%00b"};
        const json_t *schema = json_object_get(parameter, "schema");
        const char *type = json_string_value(json_object_get(schema, "type"));

        if (strcmp(json_string_value(json_object_get(parameter, "in")), "query") != 0 ||
            one_in(f, 2))
            continue;
        len += (size_t)snprintf(f->target + len, sizeof(f->target) - len, "%c%s=%s", joint,
                                json_string_value(json_object_get(parameter, "name")),
                                !f->gentle ? values[below(f, sizeof(values) / sizeof(values[0]))]
                                : strcmp(type, "boolean") == 0 ? values[2 + below(f, 2)]
                                                               : "1");
        joint = '&';
    }
}

static const char *authorization(struct fuzz *f, char *out, size_t size)
{
    static const char *const who[] = {"mia", "mia", "mia", "ann", "joe", "bot"};
    static const char *const odd[] = {"",          "Bearer",         "Bearer x", "Basic",
                                      "Basic !!!", "Basic bWlhOng=", "Digest x", "bearer  \xff"};

    if (one_in(f, 8))
        return odd[below(f, sizeof(odd) / sizeof(odd[0]))];
    snprintf(out, size, "Bearer %s", portal_name(&f->portal, who[below(f, 6)]));
    return out;
}

static struct reply send_request(struct fuzz *f, const char *method)
{
    char auth[160], type[96] = "";
    static char text[BODY_BYTES + 8192];
    const char *who = authorization(f, auth, sizeof(auth));
    size_t len;

    if (f->body_len > 0 || one_in(f, 30))
        snprintf(type, sizeof(type), "Content-Type: %s\r\n",
                 one_in(f, 30)   ? "text/plain"
                 : one_in(f, 30) ? "application/x-www-form-urlencoded"
                                 : "application/json; charset=utf-8");
    len = (size_t)snprintf(text, sizeof(text),
                           "%s %s HTTP/1.1\r\nHost: portal\r\n%s%s%s%sContent-Length: %zu\r\n\r\n",
                           method, f->target, who[0] != '\0' ? "Authorization: " : "", who,
                           who[0] != '\0' ? "\r\n" : "", type, f->body_len);
    memcpy(text + len, f->body, f->body_len);
    return ask_bytes(f->portal.port, text, len + f->body_len);
}

/* ---- answers ------------------------------------------------------------------------------------ */

/* What is wrong with |value|, or NULL: as much of JSON Schema as the document uses. */
static const char *breaks(const struct fuzz *f, const json_t *schema, const json_t *value)
{
    const json_t *resolved = resolve(f, schema);
    const char *type = json_string_value(json_object_get(resolved, "type"));
    const json_t *required = json_object_get(resolved, "required");
    const char *name, *why;
    json_t *member, *property;
    size_t i;

    if (type == NULL ||
        (json_is_null(value) && json_is_true(json_object_get(resolved, "nullable"))))
        return NULL;
    if (strcmp(type, "object") != 0 || json_is_array(value))
        return NULL; /* bare arrays are documented as their elements */
    if (!json_is_object(value))
        return "no object";
    for (i = 0; i < json_array_size(required); i++)
        if (json_object_get(value, json_string_value(json_array_get(required, i))) == NULL)
            return json_string_value(json_array_get(required, i));
    json_object_foreach((json_t *)(uintptr_t)value, name, member)
    {
        property = json_object_get(json_object_get(resolved, "properties"), name);
        if (property == NULL && json_is_false(json_object_get(resolved, "additionalProperties")))
            return name;
        why = property != NULL ? breaks(f, property, member) : NULL;
        if (why != NULL)
            return why;
    }
    return NULL;
}

static void check_success(struct fuzz *f, const char *what, const json_t *operation,
                          const struct reply *reply)
{
    char status[8];
    const json_t *promised, *schema;
    json_t *json;
    const char *why;

    snprintf(status, sizeof(status), "%u", reply->status);
    promised = json_object_get(json_object_get(operation, "responses"), status);
    if (promised == NULL)
        fail_msg("%s: %s is not in the document", what, status);
    schema = json_object_get(
        json_object_get(json_object_get(promised, "content"), "application/json"), "schema");
    if (schema == NULL || reply->length == 0)
        return;
    json = json_loads(reply->body, JSON_DECODE_ANY, NULL);
    if (json == NULL)
        fail_msg("%s: no JSON: %.200s", what, reply->body);
    why = breaks(f, schema, json);
    if (why != NULL)
        fail_msg("%s: %s: %.300s", what, why, reply->body);
    json_decref(json);
}

static void check_refusal(const char *what, const struct reply *reply)
{
    json_t *json = json_loads(reply->body, 0, NULL);
    bool says = json_object_get(json, "message") != NULL ||
                json_object_get(json, "error_description") != NULL;

    if (!says)
        fail_msg("%s: %u without a reason: %.200s", what, reply->status, reply->body);
    json_decref(json);
}

static void check(struct fuzz *f, const char *method, const json_t *operation,
                  const struct reply *reply)
{
    char what[700];

    snprintf(what, sizeof(what), "%s %.200s %.*s", method, f->target,
             f->body_len < 400 ? (int)f->body_len : 400, f->body);
    if (reply->status == 0)
        fail_msg("%s: no answer", what);
    if (reply->status >= 500)
        fail_msg("%s: %u %.200s", what, reply->status, reply->body);
    if (strstr(reply->body, MARK) != NULL)
        fail_msg("%s: a secret came back: %.200s", what, reply->body);
    if (reply->status >= 400) {
        check_refusal(what, reply);
        f->refused++;
    } else {
        check_success(f, what, operation, reply);
        f->well++;
    }
}

/* ---- the test ------------------------------------------------------------------------------------ */

static bool is_slow(const char *path)
{
    return strstr(path, "login") != NULL || strstr(path, "/users") != NULL;
}

/* Things to begin with, by what /rest/v1 calls them. */
static void make_world(struct fuzz *f)
{
    const struct portal_row rows[] = {
        {"mia", "POST", "/apimanager/api/v1/organizations/${org}/environments/${env}/apis",
         "{\"instanceLabel\":\"orders\",\"spec\":{\"groupId\":\"${org}\",\"assetId\":\"a\","
         "\"version\":"
         "\"1\"}}",
         201, NULL},
        {"mia", "POST", "/apimanager/api/v1/organizations/${org}/environments/${env}/apis/1/tiers",
         "{\"name\":\"gold\",\"status\":\"ACTIVE\",\"autoApprove\":false,\"limits\":[{\"visible\":"
         "true,"
         "\"maximumRequests\":5,\"timePeriodInMilliseconds\":1000}]}",
         201, NULL},
        {"mia", "POST", "/exchange/api/v2/organizations/${org}/applications", "{\"name\":\"shop\"}",
         201, NULL},
        {"mia", "POST", "/rest/v1/hooks", "{\"url\":\"http://127.0.0.1:1/x\"}", 201,
         "{\"id\":\"@keep hook\"}"},
        {"mia", "POST", "/rest/v1/providers",
         "{\"name\":\"other\",\"type\":\"THIRD_PARTY\",\"stage\":\"X\",\"webhooks\":[\"${hook}\"]}",
         201, "{\"id\":\"@keep provider\"}"},
        {"mia", "GET", "/rest/v1/applications", NULL, 200,
         "{\"result\":[{\"id\":\"@keep application\"}]}"},
        {"mia", "POST", "/rest/v1/requests",
         "{\"type\":\"APPLICATION_UPDATE_REQUEST\",\"context\":{\"application\":\"${application}\","
         "\"redirect_uris\":[]}}",
         201, "{\"id\":\"@keep request\"}"},
    };

    PORTAL_ROWS(&f->portal, rows);
}

/* Deletes and revocations work too: who asks is made anew now and then. */
static void make_people(struct fuzz *f, unsigned generation)
{
    static const struct {
        const char *name;
        clientid_role role;
    } people[] = {{"mia", CLIENTID_ROLE_ADMINISTRATOR},
                  {"ann", CLIENTID_ROLE_API_OWNER},
                  {"joe", CLIENTID_ROLE_MEMBER}};
    char name[32], id[40];

    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%u", people[i].name, generation);
        portal_user(&f->portal, name, people[i].role);
        portal_set(&f->portal, people[i].name, portal_name(&f->portal, name));
        snprintf(id, sizeof(id), "%s.id", name);
        if (i == 0)
            portal_set(&f->portal, "mia.id", portal_name(&f->portal, id));
    }
    snprintf(name, sizeof(name), "mia%u", generation);
    portal_connected_app(&f->portal, "bot", name, ~0U >> 25);
}

static void request_at_random(struct fuzz *f)
{
    const json_t *paths = json_object_get(f->document, "paths");
    uint64_t skip = below(f, json_object_size(paths));
    void *at = json_object_iter((json_t *)(uintptr_t)paths);
    const json_t *operation;
    const char *path, *method;
    char upper[16];
    struct reply reply;
    void *inner;

    while (skip-- > 0)
        at = json_object_iter_next((json_t *)(uintptr_t)paths, at);
    path = json_object_iter_key(at);
    if (is_slow(path) && !one_in(f, SLOW_EACH))
        return;
    skip = below(f, json_object_size(json_object_iter_value(at)));
    inner = json_object_iter(json_object_iter_value(at));
    while (skip-- > 0)
        inner = json_object_iter_next(json_object_iter_value(at), inner);
    method = json_object_iter_key(inner);
    operation = json_object_iter_value(inner);
    assert_true(strlen(method) < sizeof(upper));
    for (size_t i = 0; method[i] != '\0'; i++)
        upper[i] = (char)(method[i] >= 'a' && method[i] <= 'z' ? method[i] - 32 : method[i]);
    upper[strlen(method)] = '\0';
    make_target(f, path, operation);
    make_body(f, operation);
    reply = send_request(f, upper);
    check(f, upper, operation, &reply);
    reply_free(&reply);
}

static void whatever_the_document_allows_and_forbids(void **state)
{
    struct fuzz *f = calloc(1, sizeof(*f));
    struct portal_answer answer;
    struct portal_store store;
    clientid_error error = {0};

    (void)state;
    f->seed = getenv("FUZZ_SEED") != NULL ? strtoull(getenv("FUZZ_SEED"), NULL, 10) : 5;
    portal_prepare(&f->portal, ",\"registration\":true");
    portal_start(&f->portal);
    answer = portal_ask(&f->portal, "GET", "/openapi.json", NULL, NULL, NULL);
    assert_int_equal(answer.status, 200);
    f->document = json_incref(answer.json);
    portal_answer_free(&answer);
    for (unsigned i = 0; i < REQUESTS; i++) {
        if (i % 1000 == 0)
            make_people(f, i / 1000);
        if (i == 0)
            make_world(f);
        f->gentle = below(f, 2) == 0;
        request_at_random(f);
    }
    print_message("%u answered, %u refused\n", f->well, f->refused);
    assert_true(f->well > REQUESTS / 20);
    portal_open(&f->portal, &store);
    if (clientid_store_verify(store.store, &error) != 0)
        fail_msg("%s", error.text);
    portal_close(&store);
    assert_int_equal(portal_stop(&f->portal), 0);
    json_decref(f->document);
    portal_remove(&f->portal);
    free(f);
}

/* ---- by hand ------------------------------------------------------------------------------------- */

/* More than one reading, or none: refused before anybody looks at it. */
static void requests_with_more_than_one_reading(void **state)
{
    static const struct {
        const char *why, *text;
        unsigned status;
    } rows[] = {
        {"two lengths",
         "POST /accounts/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
         "Content-Length: 3\r\n\r\n{}",
         400},
        {"a length and chunks",
         "POST /accounts/login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        {"two hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"two tokens",
         "GET /accounts/api/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\n"
         "Authorization: Bearer b\r\n\r\n",
         400},
        {"dot segments", "GET /accounts/api/../../healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"escaped dot segments", "GET /accounts/%2e%2e/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"an escaped slash", "GET /accounts%2fapi/me HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"an empty segment", "GET //healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"NUL in a path", "GET /accounts/api/organizations/%00/users HTTP/1.1\r\nHost: a\r\n\r\n",
         400},
        {"invalid UTF-8",
         "GET /accounts/api/organizations/%c3%28/users HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"a parameter twice", "GET /healthz?a=1&a=2 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"a length beyond the limit",
         "POST /accounts/login HTTP/1.1\r\nHost: a\r\n"
         "Content-Type: application/json\r\n"
         "Content-Length: 99999999\r\n\r\n",
         413},
        {"another content type",
         "POST /accounts/login HTTP/1.1\r\nHost: a\r\n"
         "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
         415},
        {"another method", "PATCH /accounts/login HTTP/1.1\r\nHost: a\r\n\r\n", 405},
    };
    struct portal portal;

    (void)state;
    portal_prepare(&portal, "");
    portal_start(&portal);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct reply reply = ask(portal.port, rows[i].text);

        if (reply.status != rows[i].status && !(reply.status == 0 && rows[i].status == 400))
            fail_msg("%s: %u %s", rows[i].why, reply.status, reply.body);
        if (reply.status != 0 && strstr(reply.body, "message") == NULL && reply.length != 0)
            assert_has(reply.head, "text/html"); /* libmicrohttpd's own refusal */
        reply_free(&reply);
    }
    assert_int_equal(portal_stop(&portal), 0);
    portal_remove(&portal);
}

/* One that drips is ended; others are served meanwhile. */
static void slow_clients_are_ended(void **state)
{
    struct portal portal;
    bool ended = false;
    int drips;

    (void)state;
    portal_prepare(&portal, ",\"requestTimeout\":\"2s\"");
    portal_start(&portal);
    drips = client_connect(portal.port);
    /* Never silent for as long as an idle connection may be. */
    for (int i = 0; i < 50 && !ended; i++) {
        struct portal_answer answer = portal_ask(&portal, "GET", "/healthz", NULL, NULL, NULL);

        assert_int_equal(answer.status, 200);
        portal_answer_free(&answer);
        ended = send(drips, "G", 1, MSG_NOSIGNAL) != 1 || client_ended_now(drips);
        sleep_ms(200);
    }
    assert_true(ended);
    close(drips);
    assert_int_equal(portal_stop(&portal), 0);
    portal_remove(&portal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_with_more_than_one_reading),
        cmocka_unit_test(slow_clients_are_ended),
        cmocka_unit_test(whatever_the_document_allows_and_forbids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
