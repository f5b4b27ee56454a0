/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIGURES_MAX = 512, TARGETS_MAX = 64 };

static struct figure figures[FIGURES_MAX];
static struct target targets[TARGETS_MAX];
static size_t figure_count, target_count, void_count;

struct options options;

void result_figure(const struct figure *figure)
{
    if (figure_count == FIGURES_MAX)
        abort();
    figures[figure_count++] = *figure;
    fprintf(stderr, "  %-9s %-30s %9zu  %10.4g %s\n", figure->section, figure->name,
            figure->clients, figure->value.median, figure->unit);
}

void result(const char *section, const char *name, size_t clients, const char *unit, double value)
{
    struct figure figure = {
        .section = section, .clients = clients, .unit = unit, .value = {value, value, value}};

    snprintf(figure.name, sizeof(figure.name), "%s", name);
    result_figure(&figure);
}

const struct figure *result_find(const char *section, const char *name, size_t clients)
{
    for (size_t i = 0; i < figure_count; i++)
        if (strcmp(figures[i].section, section) == 0 && strcmp(figures[i].name, name) == 0 &&
            figures[i].clients == clients)
            return &figures[i];
    return NULL;
}

void target(const char *text, const char *unit, double value, double limit, bool at_least)
{
    if (options.quick) /* too few rounds to say */
        return;
    if (target_count == TARGETS_MAX)
        abort();
    targets[target_count] =
        (struct target){.unit = unit, .value = value, .limit = limit, .at_least = at_least};
    snprintf(targets[target_count].text, sizeof(targets[0].text), "%s", text);
    target_count++;
}

bool target_met(const struct target *t)
{
    return t->at_least ? t->value >= t->limit : t->value <= t->limit;
}

void result_void(const char *section, const char *name, size_t clients, size_t wrong)
{
    fprintf(stderr, "VOID: %s, %s, %zu clients: %zu answers were not the expected ones\n", section,
            name, clients, wrong);
    void_count++;
}

bool results_void(void)
{
    return void_count > 0;
}

const struct figure *results_figures(size_t *count)
{
    *count = figure_count;
    return figures;
}

const struct target *results_targets(size_t *count)
{
    *count = target_count;
    return targets;
}

bool wanted(const char *section)
{
    return options.only == NULL || strcmp(options.only, section) == 0;
}
