/* SPDX-License-Identifier: Apache-2.0 */
/* Every cell of portal_authorization.tsv, asked of a real portal. */
#include "support_portal_world.h"
#include "support_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TABLE     "tests/interop/portal_authorization.tsv"
#define LINE      4096
#define FAULTS    40 /* are told, then it is enough */
#define NOT_ASKED 0U
#define ENDPOINTS 400

/* ---- good requests --------------------------------------------------------------------------- */

/*
 * What a request takes besides its path: the first row whose method is the endpoint's, whose |tail| ends its path, and whose |kind|, if
 * there is one, is the case.  |ids|: "contractId=waiting", which thing of the world a parameter names, else that of its own name.
 */
static const struct way {
    const char *method, *tail, *kind;
    const char *ids, *query, *body;
} ways[] = {
    {"POST", "/login", NULL, NULL, NULL,
     "{\"username\":\"somebody\",\"password\":\"${password}\"}"},
    {"POST", "/accounts/api/users", NULL, NULL, NULL,
     "{\"username\":\"self${serial}\",\"password\":\"${password}\"}"},
    {"POST", "/receive-id", NULL, NULL, NULL, "{\"SAMLResponse\":\"eA==\"}"},
    {"POST", "/oauth2/token", NULL, NULL, NULL,
     "{\"grant_type\":\"client_credentials\",\"client_id\":\"${clientId}\",\"client_secret\":\"${"
     "clientSecret}\"}"},
    {"POST", "/oauth2/revoke", NULL, NULL, NULL, "{\"token\":\"x\"}"},

    {"POST", "/users", NULL, NULL, NULL, "{\"username\":\"made${serial}\",\"identity\":\"saml\"}"},
    {"PUT", "/users/{userId}", NULL, NULL, NULL, "{\"firstName\":\"A\"}"},
    {"POST", "/connectedApplications", NULL, NULL, NULL, "{\"client_name\":\"made\"}"},
    {"PATCH", "/connectedApplications/{clientId}", "name", NULL, NULL, "{\"client_name\":\"new\"}"},
    {"PATCH", "/connectedApplications/{clientId}", "secret", NULL, "?resetSecret=true", NULL},
    {"PATCH", "/scopes", "grant", NULL, NULL,
     "{\"scopes\":[{\"scope\":\"manage:client_application\",\"context_params\":{\"applicationId\":"
     "${applicationId}}}]}"},
    {"PUT", "/scopes", NULL, NULL, NULL, "{\"scopes\":[{\"scope\":\"read:api_contracts\"}]}"},
    {"PATCH", "/scopes", "scope", NULL, NULL, "{\"scopes\":[{\"scope\":\"read:api_contracts\"}]}"},
    {"DELETE", "/scopes", NULL, NULL, NULL, "{\"scopes\":[{\"scope\":\"read:exchange\"}]}"},

    {"POST", "/hooks", NULL, NULL, NULL, "{\"url\":\"http://127.0.0.1:1/made\"}"},
    {"PUT", "/hooks/{hookId}", NULL, NULL, NULL, "{\"url\":\"http://127.0.0.1:1/new\"}"},
    {"POST", "/providers", NULL, NULL, NULL, "{\"name\":\"made${serial}\",\"stage\":\"a\"}"},
    {"PUT", "/providers/{providerId}", NULL, NULL, NULL,
     "{\"name\":\"provider${serial}\",\"stage\":\"a\"}"},
    {"PUT", "/providers/{providerId}/apis", NULL, NULL, NULL, "[\"${apiId.uuid}\"]"},
    {"DELETE", "/providers/{providerId}/apis", NULL, NULL, NULL, "[\"${linked.uuid}\"]"},
    {"PUT", "/retry", NULL, NULL, "?state=${retryable}", NULL},
    {"POST", "/requests", "creation", NULL, NULL,
     "{\"type\":\"APPLICATION_CREATION_REQUEST\",\"context\":{\"name\":\"made\",\"apis\":[\"${"
     "apiId.uuid}\"]}}"},
    {"POST", "/requests", "registration", NULL, NULL,
     "{\"type\":\"APPLICATION_API_REGISTRATION_REQUEST\",\"context\":{\"application\":\"${"
     "applicationId.uuid}\",\"apis\":[\"${apiId.uuid}\"]}}"},
    {"POST", "/requests", "deregistration", NULL, NULL,
     "{\"type\":\"APPLICATION_API_DEREGISTRATION_REQUEST\",\"context\":{\"application\":\"${"
     "applicationId.uuid}\",\"apis\":[\"${approved.api.uuid}\"]}}"},
    {"POST", "/requests", "update", NULL, NULL,
     "{\"type\":\"APPLICATION_UPDATE_REQUEST\",\"context\":{\"application\":\"${applicationId.uuid}"
     "\",\"description\":\"new\"}}"},
    {"POST", "/requests", "deletion", NULL, NULL,
     "{\"type\":\"APPLICATION_DELETION_REQUEST\",\"context\":{\"application\":\"${applicationId."
     "uuid}\"}}"},
    {"GET", "v1/requests", NULL, NULL, "?type=APPLICATION_CREATION_REQUEST", NULL},
    {"GET", "v1/applications/{applicationId}", NULL, "applicationId=requested", NULL, NULL},
    {"PUT", "v1/applications/{applicationId}", NULL, "applicationId=requested",
     "?eventId=${eventId}", NULL},
    {"DELETE", "/rest/v1/applications/{applicationId}", NULL, "applicationId=applicationId.uuid",
     NULL, NULL},
    {"GET", "/applications/{applicationId}/requests", NULL, "applicationId=requested", NULL, NULL},
    {"GET", "/approvals/request/{approvalId}", NULL, "approvalId=waiting", NULL, NULL},
    {"PUT", "/approve", NULL, "approvalId=waiting", NULL, NULL},
    {"PUT", "/reject", NULL, "approvalId=waiting", NULL, NULL},

    {"POST", "/environments/{environmentId}/apis", NULL, NULL, NULL,
     "{\"spec\":{\"groupId\":\"${org}\",\"assetId\":\"a\",\"version\":\"1\"},\"instanceLabel\":"
     "\"made${serial}\"}"},
    {"PATCH", "/apis/{apiId}", NULL, NULL, NULL, "{\"terms\":\"new\"}"},
    {"PATCH", "/versions/{apiId}", NULL, NULL, NULL, "{\"terms\":\"new\"}"},
    {"POST", "/owners", NULL, NULL, NULL, "{\"id\":\"${userId}\"}"},
    {"DELETE", "/apis/{apiId}/owners/{userId}", NULL, "userId=api-co-owner", NULL, NULL},
    {"DELETE", "/owners/{userId}", NULL, "userId=co-owner", NULL, NULL},
    {"POST", "/tiers", NULL, NULL, NULL, "{\"name\":\"made\",\"status\":\"ACTIVE\"}"},
    {"PUT", "/tiers/{tierId}", NULL, NULL, NULL, "{\"name\":\"new\"}"},

    {"POST", "/apis/{apiId}/contracts", NULL, NULL, NULL, "{\"applicationId\":${applicationId}}"},
    {"POST", "/versions/{apiId}/contracts", NULL, NULL, NULL,
     "{\"applicationId\":${applicationId}}"},
    {"GET", "/applications/{applicationId}/contracts/{contractId}", NULL, "contractId=approved",
     NULL, NULL},
    {"PATCH", "/applications/{applicationId}/contracts/{contractId}", NULL, "contractId=approved",
     NULL, "{\"requestedTierId\":${approved.tier}}"},
    {"DELETE", "/applications/{applicationId}/contracts/{contractId}", NULL, "contractId=waiting",
     NULL, NULL},
    {"POST", "/applications/{applicationId}/contracts", NULL, NULL, NULL,
     "{\"apiId\":\"${apiId}\"}"},
    {"GET", "/contracts/{contractId}", NULL, "contractId=approved apiId=approved.api", NULL, NULL},
    {"PATCH", "/contracts/{contractId}", "requestedTierId",
     "contractId=approved apiId=approved.api", NULL, "{\"requestedTierId\":${approved.tier}}"},
    {"PATCH", "/contracts/{contractId}", "tierId", "contractId=approved apiId=approved.api", NULL,
     "{\"tierId\":${approved.tier}}"},
    {"PATCH", "/contracts/{contractId}", "status", "contractId=approved apiId=approved.api", NULL,
     "{\"status\":\"REVOKED\"}"},
    {"DELETE", "/contracts/{contractId}", NULL, "contractId=revoked apiId=revoked.api", NULL, NULL},
    {"POST", "/approve", NULL, "contractId=waiting apiId=waiting.api", NULL, NULL},
    {"POST", "/reject", NULL, "contractId=waiting apiId=waiting.api", NULL, NULL},
    {"POST", "/revoke", NULL, "contractId=approved apiId=approved.api", NULL, NULL},
    {"POST", "/restore", NULL, "contractId=revoked apiId=revoked.api", NULL, NULL},
    {"POST", "/approveTierChange", NULL, "contractId=changing apiId=changing.api", NULL, NULL},
    {"POST", "/rejectTierChange", NULL, "contractId=changing apiId=changing.api", NULL, NULL},

    {"POST", "/applications", NULL, NULL, NULL, "{\"name\":\"made\"}"},
    {"PUT", "/applications/{applicationId}", NULL, NULL, NULL, "{\"name\":\"new\"}"},
    {"PATCH", "/applications/{applicationId}", NULL, NULL, NULL, "{\"name\":\"new\"}"},
};

static bool ends_with(const char *text, const char *tail)
{
    size_t len = strlen(text), tail_len = strlen(tail);
    return len >= tail_len && strcmp(text + len - tail_len, tail) == 0;
}

static const struct way *way_of(const char *method, const char *path, const char *kind)
{
    static const struct way plain = {NULL, NULL, NULL, NULL, NULL, NULL};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(ways[i].method, method) == 0 && ends_with(path, ways[i].tail) &&
            (ways[i].kind == NULL || strcmp(ways[i].kind, kind) == 0))
            return &ways[i];
    }
    if (strcmp(kind, "-") != 0)
        fail_msg("%s %s: no such case: %s", method, path, kind);
    return &plain;
}

/* What stands for a parameter of the path; an API of the older paths has the number of its only version. */
static void name_of(const struct way *way, const char *parameter, char *out, size_t size)
{
    static const char *const ours[][2] = {{"organizationId", "org"}, {"environmentId", "env"}};
    char key[72];
    const char *at;
    if (strcmp(parameter, "assetId") == 0)
        parameter = "apiId";
    snprintf(key, sizeof key, "%s=", parameter);
    at = way->ids != NULL ? strstr(way->ids, key) : NULL;
    snprintf(out, size, "%s", parameter);
    if (at != NULL)
        snprintf(out, size, "%.*s", (int)strcspn(at + strlen(key), " "), at + strlen(key));
    for (size_t i = 0; i < 2; i++) {
        if (strcmp(parameter, ours[i][0]) == 0)
            snprintf(out, size, "%s", ours[i][1]);
    }
}

static void make_target(const struct way *way, const char *path, char *out, size_t size)
{
    char parameter[64], name[64];
    size_t len = 0;
    while (*path != '\0') {
        if (*path != '{') {
            out[len++] = *path++;
            continue;
        }
        snprintf(parameter, sizeof parameter, "%.*s", (int)strcspn(path + 1, "}"), path + 1);
        name_of(way, parameter, name, sizeof name);
        len += (size_t)snprintf(out + len, size - len, "${%s}", name);
        path += strlen(parameter) + 2;
    }
    snprintf(out + len, size - len, "%s", way->query != NULL ? way->query : "");
}

/* ---- the table ------------------------------------------------------------------------------- */

struct matrix {
    struct world world;
    char endpoints[ENDPOINTS][256]; /* of the file: "GET /healthz" */
    size_t count;
    unsigned asked, faults;
};

static void fault(struct matrix *m, const char *endpoint, const char *who, const char *text)
{
    print_error("%s as %s: %s\n", endpoint, who, text);
    if (++m->faults == FAULTS)
        fail_msg("%u faults, and perhaps more", m->faults);
}

/* A change that was made is not left for the next cell to stumble over. */
static void check_change(struct matrix *m, const char *endpoint, unsigned caller, unsigned status,
                         uint64_t before)
{
    if (strncmp(endpoint, "GET ", 4) == 0 && strstr(endpoint, "/logout") == NULL)
        return;
    if (status >= 400) {
        if (world_revision(&m->world) != before)
            fault(m, endpoint, world_callers[caller], "refused, and changed something");
        return;
    }
    world_renew(&m->world);
    if (strstr(endpoint, "/logout") != NULL)
        world_sign_in(&m->world, caller);
    if (strstr(endpoint, "/retry") != NULL)
        sleep_ms(200); /* the delivery was in vain, and said so */
}

static void ask_cell(struct matrix *m, const char *method, const char *path, const char *kind,
                     unsigned caller, unsigned wanted)
{
    const struct way *way = way_of(method, path, kind);
    struct portal_answer answer;
    char target[1024], authorization[128], endpoint[512], text[400];
    uint64_t before;
    make_target(way, path, target, sizeof target);
    world_provide(&m->world, target);
    world_provide(&m->world, way->body != NULL ? way->body : "");
    before = world_revision(&m->world);
    answer = portal_ask(&m->world.portal, method, target,
                        world_authorization(&m->world, caller, authorization, sizeof authorization),
                        NULL, way->body);
    snprintf(endpoint, sizeof endpoint, "%s %s (%s)", method, path, kind);
    snprintf(text, sizeof text, "%u, not %u: %.300s", answer.status, wanted, answer.text);
    m->asked++;
    if (answer.status != wanted)
        fault(m, endpoint, world_callers[caller], text);
    check_change(m, endpoint, caller, answer.status, before);
    portal_answer_free(&answer);
}

static void note_endpoint(struct matrix *m, const char *method, const char *path)
{
    char endpoint[256];
    snprintf(endpoint, sizeof endpoint, "%s %s", method, path);
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->endpoints[i], endpoint) == 0)
            return;
    }
    assert_true(m->count < ENDPOINTS);
    memcpy(m->endpoints[m->count++], endpoint, sizeof endpoint);
}

struct row {
    const char *method, *path, *kind;
    unsigned status[WORLD_CALLERS];
};

static void ask_path(struct matrix *m, const struct row *row, const char *path)
{
    note_endpoint(m, row->method, path);
    world_renew(&m->world);
    for (unsigned i = 0; i < WORLD_CALLERS; i++) {
        if (row->status[i] != NOT_ASKED)
            ask_cell(m, row->method, path, row->kind, i, row->status[i]);
    }
}

/* "a(b|c)d" is "abd" and "acd". */
static void ask_paths(struct matrix *m, const struct row *row, const char *path)
{
    const char *open = strchr(path, '('), *close = strchr(path, ')'), *at;
    char one[512];
    if (open == NULL || close == NULL) {
        ask_path(m, row, path);
        return;
    }
    for (at = open; at < close; at += strcspn(at + 1, "|)") + 1) {
        snprintf(one, sizeof one, "%.*s%.*s%s", (int)(open - path), path,
                 (int)strcspn(at + 1, "|)"), at + 1, close + 1);
        ask_paths(m, row, one);
    }
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Cuts |line| at its tabs. */
static size_t split(char *line, const char **cells, size_t max)
{
    size_t count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *next; line != NULL && count < max; line = next) {
        next = strchr(line, '\t');
        if (next != NULL)
            *next++ = '\0';
        cells[count++] = line;
    }
    return count;
}

static void check_heading(const char *const *cells)
{
    for (unsigned i = 0; i < WORLD_CALLERS; i++)
        assert_string_equal(cells[3 + i], world_callers[i]);
}

static void ask_line(struct matrix *m, const char *const *cells)
{
    struct row row = {cells[0], cells[1], cells[2], {0}};
    for (unsigned i = 0; i < WORLD_CALLERS; i++) {
        unsigned long status = strtoul(cells[3 + i], NULL, 10);
        if (strcmp(cells[3 + i], "-") != 0 && (status < 200 || status > 599))
            fail_msg("%s %s: no status: %s", row.method, row.path, cells[3 + i]);
        row.status[i] = (unsigned)status;
    }
    ask_paths(m, &row, row.path);
}

static void every_endpoint_by_every_caller(void **state)
{
    struct matrix *m = *state;
    const char *cells[WORLD_CALLERS + 4];
    char line[LINE];
    bool heading = true;
    FILE *file = fopen(TABLE, "r");
    if (file == NULL)
        fail_msg("%s: run from the top folder", TABLE);
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#')
            continue;
        if (split(line, cells, WORLD_CALLERS + 4) != WORLD_CALLERS + 3)
            fail_msg("%s: not %d columns", cells[0], WORLD_CALLERS + 3);
        if (heading)
            check_heading(cells);
        else
            ask_line(m, cells);
        heading = false;
    }
    fclose(file);
    print_message("%u requests, %u worlds\n", m->asked, m->world.serial);
    if (m->faults != 0)
        fail_msg("%u faults", m->faults);
}

/* ---- what is served -------------------------------------------------------------------------- */

static bool served(const json_t *paths, const char *endpoint)
{
    char method[16] = "";
    size_t len = strcspn(endpoint, " ");
    for (size_t i = 0; i < len && i < sizeof method - 1; i++)
        method[i] = (char)(endpoint[i] | 32);
    return json_object_get(json_object_get(paths, endpoint + len + 1), method) != NULL;
}

static void every_endpoint_is_in_the_file(void **state)
{
    struct matrix *m = *state;
    struct portal_answer answer =
        portal_ask(&m->world.portal, "GET", "/openapi.json", NULL, NULL, NULL);
    json_t *paths = json_object_get(answer.json, "paths"), *operations, *operation;
    const char *path, *method;
    size_t operation_count = 0, known = 0;
    assert_int_equal(answer.status, 200);
    for (size_t i = 0; i < m->count; i++) {
        if (!served(paths, m->endpoints[i]))
            fail_msg("%s is in the file, and not served", m->endpoints[i]);
    }
    json_object_foreach(paths, path, operations)
    {
        json_object_foreach(operations, method, operation)
        {
            char upper[16] = "", endpoint[256];
            for (size_t i = 0; method[i] != '\0' && i < sizeof upper - 1; i++)
                upper[i] = (char)(method[i] & ~32);
            snprintf(endpoint, sizeof endpoint, "%s %s", upper, path);
            operation_count++;
            for (size_t i = 0; i < m->count; i++)
                known += strcmp(m->endpoints[i], endpoint) == 0;
            if (known != operation_count)
                fail_msg("%s is served, and not in the file", endpoint);
        }
    }
    print_message("%zu endpoints\n", operation_count);
    portal_answer_free(&answer);
}

static int setup(void **state)
{
    struct matrix *m = calloc(1, sizeof *m);
    assert_non_null(m);
    world_start(&m->world);
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    struct matrix *m = *state;
    world_stop(&m->world);
    free(m);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_endpoint_by_every_caller),
        cmocka_unit_test(every_endpoint_is_in_the_file), /* after the file was read */
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
