/* SPDX-License-Identifier: Apache-2.0 */
#include "support_cases.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_up(const char *name, const char *why)
{
    fprintf(stderr, "%s: %s\n", name, why);
    exit(1);
}

static void read_suite(struct support_suite *suite, const char *file)
{
    json_error_t error;

    suite->json = json_load_file(file, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (suite->json == NULL)
        give_up(file, error.text);
    suite->name = strdup(support_text(suite->json, "suite"));
    suite->api = support_text(suite->json, "api");
    suite->contracts = json_object_get(suite->json, "contracts");
    suite->rows = json_object_get(suite->json, "rows");
    if (suite->name == NULL || suite->api == NULL || json_array_size(suite->rows) == 0)
        give_up(file, "not a suite");
}

struct support_suite *support_suites(size_t *count)
{
    struct support_suite *suites;
    glob_t files;

    if (glob("tests/cases/*.json", 0, NULL, &files) != 0)
        give_up("tests/cases", "no suites; run from the top folder");
    suites = calloc(files.gl_pathc, sizeof(*suites));
    for (size_t i = 0; suites != NULL && i < files.gl_pathc; i++)
        read_suite(&suites[i], files.gl_pathv[i]);
    *count = files.gl_pathc;
    globfree(&files);
    return suites;
}

void support_suites_free(struct support_suite *suites, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_decref(suites[i].json);
        free(suites[i].name);
    }
    free(suites);
}

const char *support_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

char *support_bytes(const json_t *string, size_t *len)
{
    const unsigned char *p = (const unsigned char *)json_string_value(string);
    size_t room = json_string_length(string);
    char *out = calloc(1, room + 1);

    *len = 0;
    for (size_t i = 0; out != NULL && i < room; i++) {
        unsigned byte = p[i];

        if (byte >= 0xc2 && byte <= 0xc3 && i + 1 < room)
            byte = (byte & 3) << 6 | (p[++i] & 0x3fU);
        else if (byte >= 0x80)
            give_up(json_string_value(string), "a code point above U+00FF");
        out[(*len)++] = (char)byte;
    }
    return out;
}

static uint64_t unit_ms(const char *unit)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(units[i].name, unit) == 0)
            return units[i].ms;
    give_up(unit, "not a unit of time");
    return 0;
}

clientid_limit support_limit(const char *text)
{
    clientid_limit limit = {.visible = 1};
    char unit[4] = "";
    unsigned long long count = 0, times = 1;

    if (sscanf(text, "%llu/%llu%3s", &count, &times, unit) < 3 &&
        sscanf(text, "%llu/%3s", &count, unit) < 2)
        give_up(text, "not a limit");
    limit.maximum_requests = count;
    limit.period_ms = times * unit_ms(unit);
    return limit;
}

const char *support_host(const json_t *row, const char *host)
{
    const char *text = support_text(json_object_get(row, "hosts"), host);

    return text != NULL ? text : "same";
}
