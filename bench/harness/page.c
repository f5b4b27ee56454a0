/* SPDX-License-Identifier: Apache-2.0 */
/* One page for people: the targets first, then the figures. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void size_text(size_t clients, char out[16])
{
    int zeros = 0;

    for (; clients >= 10 && clients % 10 == 0; clients /= 10)
        zeros++;
    snprintf(out, 16, zeros >= 3 ? "%zue%d" : "%zu", clients, zeros);
}

/* Three digits that count. */
static void number(char out[16], double value)
{
    int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;

    snprintf(out, 16, "%.*f", digits, value);
}

/* Known causes of a miss, by a part of the target's text. */
static const struct {
    const char *part, *why;
} causes[] = {
    {"clients: a decision",
     "few clients: nothing waits for memory there, and ambiguity rules, receipt, explanation and "
     "wiping are\n       instructions that the floor does without; more clients hide them behind "
     "misses"},
    {"batch of",
     "the misses are hidden, the instructions are the same as of a single call, and are "
     "now most of it"},
    {"from SQLite",
     "reading the rows takes SQLite as long as the target; the registry's part comes "
     "on top"},
    {"last-known-good", "events are read one by one into records, and the kernel clears the pages; "
                        "a file of records as\n       they lie in memory is not built"},
    {"delta", "three threads share two processors, and one of them may be taken away meanwhile"},
};

static bool missed(const struct target *t, size_t count, const char *part)
{
    for (size_t i = 0; i < count; i++)
        if (!target_met(&t[i]) && strstr(t[i].text, part) != NULL)
            return true;
    return false;
}

static void page_causes(FILE *out, const struct target *t, size_t count)
{
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
        if (missed(t, count, causes[i].part))
            fprintf(out, "  Why  \"%s\": %s.\n", causes[i].part, causes[i].why);
}

static void page_targets(FILE *out)
{
    size_t count;
    const struct target *t = results_targets(&count);

    if (count == 0)
        return;
    fprintf(out, "\nTargets\n");
    for (size_t i = 0; i < count; i++) {
        char value[16], limit[16];
        double off = t[i].at_least ? t[i].limit / t[i].value : t[i].value / t[i].limit;

        number(value, t[i].value);
        number(limit, t[i].limit);
        fprintf(out, "  %-3s  %-56s %7s %-8s (%s %s", target_met(&t[i]) ? "met" : "NO", t[i].text,
                value, t[i].unit, t[i].at_least ? "at least" : "at most", limit);
        if (target_met(&t[i]))
            fprintf(out, ")\n");
        else
            fprintf(out, "; missed by %.0f %%)\n", fabs(off - 1) * 100);
    }
    page_causes(out, t, count);
}

static void page_floored(FILE *out, const char *section, const char *title)
{
    size_t count;
    const struct figure *f = results_figures(&count);
    bool begun = false;

    for (size_t i = 0; i < count; i++) {
        char size[16], low[16], high[16];

        if (strcmp(f[i].section, section) != 0)
            continue;
        if (!begun)
            fprintf(out, "\n%-56s %8s %8s %8s  %s\n", title, "ns", "floor", "x floor",
                    "half of the rounds");
        begun = true;
        size_text(f[i].clients, size);
        number(low, f[i].value.low);
        number(high, f[i].value.high);
        fprintf(out, "  %-7s  %-45s %8.0f %8.0f %8.2f  %s to %s\n", size, f[i].name,
                f[i].value.median, f[i].floor, f[i].ratio, low, high);
    }
}

static void page_plain(FILE *out, const char *section, const char *title)
{
    size_t count;
    const struct figure *f = results_figures(&count);
    bool begun = false;

    for (size_t i = 0; i < count; i++) {
        char size[16], value[16];

        if (strcmp(f[i].section, section) != 0)
            continue;
        if (!begun)
            fprintf(out, "\n%s\n", title);
        begun = true;
        size_text(f[i].clients, size);
        number(value, f[i].value.median);
        fprintf(out, "  %-7s  %-45s %8s %s\n", size, f[i].name, value, f[i].unit);
    }
}

static void print(FILE *out)
{
    char machine[512];

    machine_line(machine, sizeof(machine));
    fprintf(out, "clientid-bench\n%s\n", machine);
    fprintf(out, "Times are medians of rounds that alternate with the floor: the least that the "
                 "same answer can cost on\n"
                 "this machine.  The column on the left is the number of clients.\n");
    if (results_void())
        fprintf(
            out,
            "\nVOID: some answers were not the expected ones.  No figure below means anything.\n");
    page_targets(out);
    page_floored(out, "decision", "One decision");
    page_plain(out, "attack", "Refusals beside an allowed request, in turns");
    page_floored(out, "batch", "Several requests in hand: each (floor: one by one)");
    page_plain(out, "tail", "Single decisions, each timed");
    page_plain(out, "threads", "Threads: million decisions a second");
    page_plain(out, "memory", "Resident memory of the process");
    page_plain(out, "load", "Until contracts at rest are in force");
    page_plain(out, "delta", "Changes while two threads decide at full speed");
    page_plain(out, "flow", "Million decisions a second, two threads, while changes arrive");
}

void page_write(const char *file)
{
    FILE *out = file != NULL ? fopen(file, "w") : NULL;

    print(stdout);
    if (out == NULL)
        return;
    print(out);
    fclose(out);
}
