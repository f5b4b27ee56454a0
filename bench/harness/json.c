/* SPDX-License-Identifier: Apache-2.0 */
/* One figure a line, so that a shell script can read them too. */
#include "bench.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void cpu_name(char *out, size_t room)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");

    snprintf(out, room, "unknown processor");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, room, "%.80s", colon + 2);
        break;
    }
    if (file != NULL)
        fclose(file);
}

/* What the system does about huge pages: "always", "madvise", "never", or "unknown". */
static void huge_pages(char out[16])
{
    char line[128] = "", *begin, *end;
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");

    snprintf(out, 16, "unknown");
    if (file == NULL)
        return;
    if (fgets(line, sizeof(line), file) != NULL && (begin = strchr(line, '[')) != NULL &&
        (end = strchr(begin, ']')) != NULL)
        snprintf(out, 16, "%.*s", (int)(end - begin - 1), begin + 1);
    fclose(file);
}

static const char *compiler(void)
{
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

void machine_line(char *out, size_t room)
{
    char cpu[100], pages[16];
    struct utsname system = {.machine = "?"};

    cpu_name(cpu, sizeof(cpu));
    huge_pages(pages);
    (void)uname(&system);
    snprintf(
        out, room, "%s, %ld processors, %s; kernel %.*s; huge pages: %s\n%s; libclientid %s%s%s",
        cpu, sysconf(_SC_NPROCESSORS_ONLN), system.machine, (int)strcspn(system.release, "-"),
        system.release, pages, compiler(), clientid_version(),
        options.commit != NULL ? ", commit " : "", options.commit != NULL ? options.commit : "");
}

static void escaped(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++)
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text >= ' ')
            fputc(*text, out);
    fputc('"', out);
}

static void head(FILE *out)
{
    char cpu[100], pages[16];
    struct utsname system = {.release = "?"};

    cpu_name(cpu, sizeof(cpu));
    huge_pages(pages);
    (void)uname(&system);
    fprintf(out, "{\"cpu\": ");
    escaped(out, cpu);
    fprintf(out, ", \"processors\": %ld, \"machine\": ", sysconf(_SC_NPROCESSORS_ONLN));
    escaped(out, system.machine);
    fprintf(out, ", \"kernel\": ");
    escaped(out, system.release);
    fprintf(out, ", \"huge_pages\": ");
    escaped(out, pages);
    fprintf(out, ", \"compiler\": ");
    escaped(out, compiler());
    fprintf(out, ", \"version\": ");
    escaped(out, clientid_version());
    fprintf(out, ", \"commit\": ");
    escaped(out, options.commit != NULL ? options.commit : "");
    fprintf(out, ", \"valid\": %s,\n", results_void() ? "false" : "true");
}

static void figure_line(FILE *out, const struct figure *f, bool last)
{
    fprintf(out, "  {\"section\": \"%s\", \"name\": ", f->section);
    escaped(out, f->name);
    fprintf(out, ", \"clients\": %zu, \"unit\": \"%s\", \"value\": %.6g, \"low\": %.6g", f->clients,
            f->unit, f->value.median, f->value.low);
    fprintf(out, ", \"high\": %.6g", f->value.high);
    if (f->floor > 0)
        fprintf(out, ", \"floor\": %.6g, \"ratio\": %.6g", f->floor, f->ratio);
    fprintf(out, "}%s\n", last ? "" : ",");
}

static int finish(FILE *out)
{
    int failed = ferror(out);

    return fclose(out) != 0 || failed ? CLIENTID_ERR_IO : 0;
}

int json_write(const char *file)
{
    size_t figures, targets;
    const struct figure *f = results_figures(&figures);
    const struct target *t = results_targets(&targets);
    FILE *out = fopen(file, "w");

    if (out == NULL)
        return CLIENTID_ERR_IO;
    head(out);
    fprintf(out, " \"figures\": [\n");
    for (size_t i = 0; i < figures; i++)
        figure_line(out, &f[i], i + 1 == figures);
    fprintf(out, " ],\n \"targets\": [\n");
    for (size_t i = 0; i < targets; i++) {
        fprintf(out, "  {\"text\": ");
        escaped(out, t[i].text);
        fprintf(out, ", \"unit\": \"%s\", \"value\": %.6g, \"limit\": %.6g, \"met\": %s}%s\n",
                t[i].unit, t[i].value, t[i].limit, target_met(&t[i]) ? "true" : "false",
                i + 1 == targets ? "" : ",");
    }
    fprintf(out, " ]}\n");
    return finish(out);
}

int tsv_write(const char *file)
{
    size_t figures;
    const struct figure *f = results_figures(&figures);
    FILE *out = fopen(file, "w");

    if (out == NULL)
        return CLIENTID_ERR_IO;
    fprintf(out, "section\tname\tclients\tunit\tvalue\tlow\thigh\tfloor\tratio\n");
    for (size_t i = 0; i < figures; i++)
        fprintf(out, "%s\t%s\t%zu\t%s\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", f[i].section, f[i].name,
                f[i].clients, f[i].unit, f[i].value.median, f[i].value.low, f[i].value.high,
                f[i].floor, f[i].ratio);
    return finish(out);
}
