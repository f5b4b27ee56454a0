/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorded cases, through extraction alone: a small model of policies and contracts in place of the
 * library's, so that a row that is wrong shows before the whole library replays it.
 */
#include "extract/extract.h"

#include "base/str.h"
#include "support_guard.h"

#include <dirent.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include <cmocka.h>

enum { RULES = 23 };

struct totals {
    size_t suites, rows, judged;
    bool rules[RULES + 1];
};

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* The bytes of a string whose code points are bytes. */
static size_t bytes_of(const json_t *string, char *out, size_t room)
{
    const unsigned char *p = (const unsigned char *)json_string_value(string);
    size_t len = json_string_length(string), n = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned v = p[i];
        if (v >= 0xc2 && v <= 0xc3 && i + 1 < len)
            v = (v & 3) << 6 | (p[++i] & 0x3fu);
        else if (v >= 0x80)
            fail_msg("a code point above U+00FF");
        assert_true(n < room);
        out[n++] = (char)v;
    }
    return n;
}

/* ---- a policy's spec, short or exported ---- */

static void expression(const char *text, struct clientid__expression *out)
{
    size_t position = 0;

    if (text == NULL || text[0] == '\0')
        return;
    if (clientid__expression_parse(clientid__cstr(text), out, &position) != 0)
        fail_msg("%s: refused at %zu", text, position);
}

static unsigned flag(const json_t *policy, const char *key, unsigned bit)
{
    return json_is_true(json_object_get(policy, key)) ? bit : 0;
}

static struct clientid__spec spec_of(const json_t *policy)
{
    const json_t *exported = json_object_get(policy, "configurationData");
    struct clientid__spec spec = {.flags = 0};
    const char *origin, *plus = text_of(policy, "plus");

    if (exported != NULL) {
        origin = text_of(exported, "credentialsOriginHasHttpBasicAuthenticationHeader");
        if (origin == NULL)
            origin = text_of(exported, "credentialsOrigin");
        expression(text_of(exported, "clientIdExpression"), &spec.id);
        expression(text_of(exported, "clientSecretExpression"), &spec.secret);
        spec.flags = origin != NULL && strncmp(origin, "http", 4) == 0 ? CLIENTID__SPEC_BASIC
                                                                       : CLIENTID__SPEC_EXPRESSIONS;
        return spec;
    }
    expression(text_of(policy, "id"), &spec.id);
    expression(text_of(policy, "secret"), &spec.secret);
    spec.flags = flag(policy, "basic", CLIENTID__SPEC_BASIC) |
                 flag(policy, "urldecode", CLIENTID__SPEC_URLDECODE) |
                 flag(policy, "unpadded", CLIENTID__SPEC_UNPADDED);
    if (spec.id.carrier != CLIENTID__NOWHERE)
        spec.flags |= CLIENTID__SPEC_EXPRESSIONS;
    if (plus != NULL && strcmp(plus, "literal") == 0)
        spec.flags |= CLIENTID__SPEC_PLUS;
    return spec;
}

static uint32_t cap(const json_t *caps, const char *key, uint32_t otherwise)
{
    const json_t *value = json_object_get(caps, key);

    return value != NULL ? (uint32_t)json_integer_value(value) : otherwise;
}

static struct clientid__caps caps_of(const json_t *api)
{
    const json_t *caps = json_object_get(api, "caps");

    return (struct clientid__caps){cap(caps, "credentialBytes", 512), cap(caps, "queryBytes", 8192),
                                   cap(caps, "parameters", 256), cap(caps, "bodyBytes", 65536)};
}

/* ---- deciding ---- */

static clientid_reason look_up(const json_t *contracts, const struct clientid__spec *spec,
                               const struct clientid__credentials *c)
{
    bool needs_secret =
        (spec->flags & CLIENTID__SPEC_BASIC) != 0 || spec->secret.carrier != CLIENTID__NOWHERE;
    const json_t *contract;
    size_t i;

    if (needs_secret && !c->has_secret)
        return CLIENTID_REASON_SECRET_MISSING;
    json_array_foreach((json_t *)(uintptr_t)contracts, i, contract)
    {
        const char *status = text_of(contract, "status");
        if (!clientid__str_eq(c->id, clientid__cstr(text_of(contract, "clientId"))))
            continue;
        if (needs_secret &&
            !clientid__str_eq(c->secret, clientid__cstr(text_of(contract, "clientSecret"))))
            return CLIENTID_REASON_SECRET_WRONG;
        return strcmp(status, "APPROVED") == 0   ? CLIENTID_REASON_ALLOWED
               : strcmp(status, "PENDING") == 0  ? CLIENTID_REASON_CONTRACT_PENDING
               : strcmp(status, "REJECTED") == 0 ? CLIENTID_REASON_CONTRACT_REJECTED
                                                 : CLIENTID_REASON_CONTRACT_REVOKED;
    }
    return CLIENTID_REASON_CLIENT_UNKNOWN;
}

static clientid_reason decide(struct support_guarded *t, const json_t *suite, const json_t *api)
{
    const json_t *policy = json_array_get(json_object_get(api, "policies"), 0);
    const struct clientid__spec spec = spec_of(policy);
    const struct clientid__caps caps = caps_of(api);
    struct clientid__credentials c;
    clientid_reason reason;

    for (int again = 0;; again++) {
        struct clientid__scratch scratch = {t->scratch, sizeof(t->scratch)};
        assert_int_equal(clientid__extract(&spec, &caps, &t->request, &scratch, &c), 0);
        if (c.reason != CLIENTID_REASON_BODY_NEEDED)
            break;
        assert_int_equal(again, 0);
        support_guarded_give_body(t);
    }
    reason = c.reason == CLIENTID_REASON_ALLOWED
                 ? look_up(json_object_get(suite, "contracts"), &spec, &c)
                 : c.reason;
    if (text_of(policy, "mode") != NULL) /* shadow */
        return CLIENTID_REASON_ALLOWED;
    return reason;
}

/* ---- forwarding ---- */

static void check_target(const struct support_guarded *t, const json_t *api, const json_t *target)
{
    const json_t *policy = json_array_get(json_object_get(api, "policies"), 0);
    const char *strip = text_of(api, "stripCredentials");
    const struct clientid__spec spec = spec_of(policy);
    clientid_str names[2];
    char want[16384], got[16384];
    size_t count = 0, len, head = t->request.path.len;
    const struct clientid__expression *const read[] = {&spec.id, &spec.secret};

    for (size_t i = 0; i < 2; i++)
        if (clientid__expression_wants(read[i]) & CLIENTID_WANTS_QUERY)
            names[count++] = clientid__expression_name(read[i]);
    if (strip != NULL && strcmp(strip, "none") == 0)
        count = 0;
    memcpy(got, t->request.path.ptr, head);
    got[head] = '?';
    len = clientid__query_strip(t->request.query, names, count, got + head + 1);
    len = len > 0 ? head + 1 + len : head;
    assert_int_equal(bytes_of(target, want, sizeof(want)), len);
    assert_memory_equal(want, got, len);
}

/* ---- rows ---- */

static clientid_reason reason_of(const char *label, const char **verdict)
{
    static const struct {
        const char *label, *verdict;
    } reasons[] = {
#define ROW(name, label_text, verdict_name, text) {label_text, #verdict_name},
        CLIENTID_REASON_MAP(ROW)
#undef ROW
    };

    for (size_t i = 0; i < CLIENTID_REASON_COUNT; i++)
        if (strcmp(reasons[i].label, label) == 0) {
            *verdict = reasons[i].verdict;
            return (clientid_reason)i;
        }
    fail_msg("%s: no such reason", label);
    return CLIENTID_REASON_COUNT;
}

static void check_keys(const json_t *object, const char *allowed)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        char quoted[64];
        snprintf(quoted, sizeof(quoted), " %s ", key);
        if (strstr(allowed, quoted) == NULL)
            fail_msg("unknown key %s", key);
    }
}

static void check_hosts(const json_t *row, const char *verdict)
{
    const char *host;
    json_t *value;

    check_keys(json_object_get(row, "hosts"),
               " proxy service nginx auth_request envoy ext_authz caddy ");
    json_object_foreach(json_object_get(row, "hosts"), host, value)
    {
        const char *text = json_string_value(value);
        bool denied = strcmp(text, "host-refused") == 0 || strncmp(text, "rewritten: ", 11) == 0;
        assert_true(denied || strcmp(text, "same") == 0 || strncmp(text, "n/a: ", 5) == 0);
        assert_true(strlen(text) > strcspn(text, ":") + 2 || strchr(text, ':') == NULL);
        if (denied)
            assert_string_equal(verdict, "deny");
    }
}

static void check_rules(struct totals *totals, const json_t *row)
{
    json_t *rule;
    size_t i;

    json_array_foreach(json_object_get(row, "rules"), i, rule)
    {
        json_int_t number = json_integer_value(rule);
        assert_in_range(number, 1, RULES);
        totals->rules[number] = true;
    }
}

static bool judged_here(clientid_reason reason)
{
    return reason != CLIENTID_REASON_QUOTA_EXCEEDED && reason != CLIENTID_REASON_THROTTLED &&
           reason != CLIENTID_REASON_PREFLIGHT && reason != CLIENTID_REASON_NO_POLICY;
}

static void replay(struct totals *totals, const json_t *suite, const json_t *row)
{
    static char raw[65536];
    const char *name = text_of(row, "name"), *api_name = text_of(row, "api"), *label = NULL;
    const json_t *target = json_object_get(json_object_get(row, "upstream"), "target"), *api;
    struct support_guarded t;
    clientid_reason want = reason_of(text_of(row, "reason"), &label), got;
    char path[64];

    check_keys(row,
               " name rules api request verdict reason status body body_contains challenge headers "
               "upstream broken_by hosts ");
    check_keys(json_object_get(row, "upstream"), " target absent_headers present_headers ");
    check_hosts(row, text_of(row, "verdict"));
    check_rules(totals, row);
    assert_int_equal(strcasecmp(label, text_of(row, "verdict")), 0);

    if (api_name == NULL)
        api_name = text_of(suite, "api");
    api = json_object_get(json_object_get(json_object_get(suite, "config"), "apis"), api_name);
    assert_non_null(api);
    size_t len = bytes_of(json_object_get(row, "request"), raw, sizeof(raw));
    if (support_guarded_parse(&t, clientid__str(raw, len)) != 0)
        fail_msg("%s: %s: no request", text_of(suite, "suite"), name);
    snprintf(path, sizeof(path), "/%s/", api_name);
    assert_true(t.request.path.len >= strlen(path));
    assert_memory_equal(t.request.path.ptr, path, strlen(path));

    got = judged_here(want) ? decide(&t, suite, api) : want;
    if (got != want)
        fail_msg("%s: %s: %d, not %s", text_of(suite, "suite"), name, (int)got,
                 text_of(row, "reason"));
    if (target != NULL)
        check_target(&t, api, target);
    support_guarded_free(&t);
    totals->rows++;
    totals->judged += judged_here(want);
}

static void replay_suite(struct totals *totals, const char *path)
{
    json_error_t error;
    json_t *suite = json_load_file(path, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    json_t *row, *names = json_object(), *rows;
    size_t i;

    if (suite == NULL)
        fail_msg("%s:%d:%d: %s", path, error.line, error.column, error.text);
    check_keys(suite, " suite about api config contracts rows ");
    assert_non_null(strstr(path, text_of(suite, "suite")));
    rows = json_object_get(suite, "rows");
    json_array_foreach(rows, i, row)
    {
        replay(totals, suite, row);
        if (json_object_get(names, text_of(row, "name")) != NULL)
            fail_msg("%s: %s: twice", path, text_of(row, "name"));
        json_object_set_new(names, text_of(row, "name"), json_true());
    }
    totals->suites++;
    json_decref(names);
    json_decref(suite);
}

static void all_cases(void **state)
{
    struct totals totals = {.suites = 0};
    DIR *folder = opendir("tests/cases");
    struct dirent *entry;
    (void)state;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        char path[512];
        size_t len = strlen(entry->d_name);
        if (len < 5 || strcmp(entry->d_name + len - 5, ".json") != 0)
            continue;
        snprintf(path, sizeof(path), "tests/cases/%s", entry->d_name);
        replay_suite(&totals, path);
    }
    closedir(folder);
    for (int rule = 1; rule <= RULES; rule++)
        if (!totals.rules[rule])
            fail_msg("no row is about rule %d", rule);
    assert_true(totals.rows >= 150);
    print_message("%zu suites, %zu rows, %zu judged by extraction\n", totals.suites, totals.rows,
                  totals.judged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_cases)};
    return cmocka_run_group_tests_name("extract_cases", tests, NULL, NULL);
}
