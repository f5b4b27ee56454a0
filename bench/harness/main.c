/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientid-bench [--quick] [--big] [--only SECTION] [--json FILE] [--tsv FILE] [--page FILE] [--folder FOLDER]
 *                [--commit NAME]
 *
 * "main" is not measured unless asked for: the main decisions in a few seconds, for bench/compare.
 *
 * Exit status 0: measured; 1: an answer was not the expected one, figures are void; 2: it could not be run.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

static const char *const sections[] = {"memory",  "decision", "batch", "tail",
                                       "threads", "load",     "delta", "main"};

static int usage(void)
{
    fprintf(stderr,
            "usage: clientid-bench [--quick] [--big] [--only SECTION] [--json FILE] [--tsv FILE]\n"
            "                      [--page FILE] [--folder FOLDER] [--commit NAME]\n"
            "sections:");
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
        fprintf(stderr, " %s", sections[i]);
    fputc('\n', stderr);
    return 2;
}

static bool known_section(const char *name)
{
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
        if (strcmp(name, sections[i]) == 0)
            return true;
    return false;
}

static bool read_options(int argc, char **argv)
{
    const struct {
        const char *name;
        const char **value;
    } texts[] = {{"--only", &options.only},     {"--json", &options.json},
                 {"--tsv", &options.tsv},       {"--page", &options.page},
                 {"--folder", &options.folder}, {"--commit", &options.commit}};

    options.folder = ".";
    for (int i = 1; i < argc; i++) {
        size_t k = 0, n = sizeof(texts) / sizeof(texts[0]);

        if (strcmp(argv[i], "--quick") == 0) {
            options.quick = true;
            continue;
        }
        if (strcmp(argv[i], "--big") == 0) {
            options.big = true;
            continue;
        }
        while (k < n && strcmp(argv[i], texts[k].name) != 0)
            k++;
        if (k == n || ++i == argc)
            return false;
        *texts[k].value = argv[i];
    }
    return options.only == NULL || known_section(options.only);
}

static bool any_decision(void)
{
    return wanted("decision") || wanted("batch") || wanted("tail") || wanted("threads");
}

static void measure(void)
{
    if (options.only != NULL && strcmp(options.only, "main") == 0)
        measure_main();
    if (wanted("memory"))
        measure_memory();
    if (any_decision()) {
        measure_scenarios(1000);
        if (wanted("decision") && !options.quick) {
            measure_base(10000);
            measure_base(100000);
        }
        measure_scenarios(options.quick ? 5000 : 1000000);
        if (options.big)
            measure_base(10000000);
    }
    if (wanted("load"))
        measure_loads();
    if (wanted("delta"))
        measure_deltas();
}

int main(int argc, char **argv)
{
    int rv = 0;

    if (!read_options(argc, argv))
        return usage();
    measure();
    page_write(options.page);
    if (options.json != NULL)
        rv = json_write(options.json);
    if (rv == 0 && options.tsv != NULL)
        rv = tsv_write(options.tsv);
    need(rv, "results", NULL);
    return results_void() ? 1 : 0;
}
