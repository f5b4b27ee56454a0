/* SPDX-License-Identifier: Apache-2.0 */
#include "support_ctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *program(void)
{
    static char path[512];
    const char *build = getenv("CLIENTID_TEST_BUILD");
    snprintf(path, sizeof(path), "%s/clientidctl", build != NULL ? build : "build");
    return path;
}

void ctl_run(struct ctl_world *world, int line, int status, const struct program_options *options,
             const char *const *arguments)
{
    char store[600];
    const char *argv[64] = {program()};
    const char *environment[32] = {store, "CLIENTID_ACTOR=tester", "NO_COLOR", "TERM=xterm"};
    struct program_options with = *options;
    size_t count = 4;
    snprintf(store, sizeof(store), "CLIENTID_STORE=sqlite:%s", world->store);
    for (size_t i = 0; arguments[i] != NULL && i < 62; i++)
        argv[i + 1] = arguments[i];
    for (size_t i = 0; options->environment != NULL && options->environment[i] != NULL; i++)
        environment[count++] = options->environment[i];
    with.environment = environment;
    program_run(&world->run, argv, &with);
    if (world->run.status == status)
        return;
    print_error("line %d: exit code %d instead of %d\n", line, world->run.status, status);
    for (size_t i = 0; argv[i] != NULL; i++)
        print_error("%s ", argv[i]);
    fail_msg("\nout: %s\nerr: %s", world->run.out, world->run.err);
}

int ctl_setup(void **state)
{
    struct ctl_world *world = calloc(1, sizeof(*world));
    if (world == NULL)
        return -1;
    world->run.status = -1;
    world->folder = folder_new();
    snprintf(world->store, sizeof(world->store), "%s/store.db", world->folder);
    CTL(world, 0, "init");
    *state = world;
    return 0;
}

int ctl_teardown(void **state)
{
    struct ctl_world *world = *state;
    folder_del(world->folder);
    program_free(&world->run);
    free(world);
    return 0;
}

const char *ctl_path(const struct ctl_world *world, const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", world->folder, name);
    return path;
}

json_t *ctl_json(const struct ctl_world *world)
{
    json_error_t error;
    json_t *root = json_loads(world->run.out, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        fail_msg("not JSON: %s\n%s", error.text, world->run.out);
    return root;
}

char *ctl_value(const struct ctl_world *world, const char *label)
{
    const char *at = strstr(world->run.out, label);
    if (at == NULL)
        fail_msg("no \"%s\" in\n%s", label, world->run.out);
    at += strlen(label);
    at += strspn(at, " ");
    return strndup(at, strcspn(at, "\n"));
}

void assert_out(const struct ctl_world *world, const char *expected)
{
    assert_string_equal(world->run.out, expected);
}

void assert_out_has(const struct ctl_world *world, const char *expected)
{
    if (strstr(world->run.out, expected) == NULL)
        fail_msg("no \"%s\" in\n%s", expected, world->run.out);
}

void assert_err_has(const struct ctl_world *world, const char *expected)
{
    if (strstr(world->run.err, expected) == NULL)
        fail_msg("no \"%s\" in\n%s", expected, world->run.err);
}

void assert_one_error(const struct ctl_world *world)
{
    const char *end = strchr(world->run.err, '\n');
    assert_non_null(end);
    assert_string_equal(end, "\n");
}

static int has_bytes(const char *text, size_t len, const char *wanted)
{
    size_t wanted_len = strlen(wanted);
    for (size_t i = 0; i + wanted_len <= len; i++)
        if (memcmp(text + i, wanted, wanted_len) == 0)
            return 1;
    return 0;
}

void assert_in_no_file(const struct ctl_world *world, const char *prefix, const char *text)
{
    DIR *entries = opendir(world->folder);
    const struct dirent *entry;
    unsigned seen = 0;
    assert_non_null(entries);
    while ((entry = readdir(entries)) != NULL) {
        size_t len;
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        char *content = file_read(ctl_path(world, entry->d_name), &len);
        assert_non_null(content);
        if (has_bytes(content, len, text))
            fail_msg("%s holds it", entry->d_name);
        free(content);
        seen++;
    }
    closedir(entries);
    assert_true(seen > 0);
}
