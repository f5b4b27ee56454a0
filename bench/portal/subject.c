/* SPDX-License-Identifier: Apache-2.0 */
/* The portal is a child of the benchmark, on a store that the library made. */
#include "portal.h"

#include <clientid/account.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(int rc, const clientid_error *error, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, error->text);
    exit(1);
}

/* ---- the store --------------------------------------------------------------------------------- */

struct lines {
    size_t next, count;
    char line[192];
    size_t len, used;
};

/* JSON lines made as they are asked for. */
static int read_lines(void *self, char *buffer, size_t *len)
{
    struct lines *lines = self;
    size_t room = *len;

    *len = 0;
    while (*len < room) {
        size_t take;

        if (lines->used == lines->len) {
            if (lines->next == lines->count)
                return 0;
            lines->len = (size_t)snprintf(
                lines->line, sizeof lines->line,
                "{\"clientId\":\"client-%08zu\",\"name\":\"Application "
                "%zu\",\"owners\":[\"user-%zu\"],"
                "\"clientSecret\":\"secret-%zu\",\"api\":\"orders\",\"tier\":\"silver\"}\n",
                lines->next, lines->next, lines->next / 10, lines->next);
            lines->used = 0;
            lines->next++;
        }
        take = lines->len - lines->used < room - *len ? lines->len - lines->used : room - *len;
        memcpy(buffer + *len, lines->line + lines->used, take);
        lines->used += take;
        *len += take;
    }
    return 0;
}

static uint64_t make_tier(clientid_control *control, uint64_t api, clientid_str name,
                          bool automatic)
{
    static const clientid_limit limit = {100, 60000, 1, 0};
    clientid_tier_record record = {.size = sizeof record,
                                   .api_id = api,
                                   .name = name,
                                   .auto_approve = automatic,
                                   .status = CLIENTID_TIER_ACTIVE,
                                   .limits = &limit,
                                   .limit_count = 1};
    clientid_error error = {0};
    uint64_t id = 0;

    check(clientid_control_tier_create(control, &record, &id, &error), &error, "tier");
    return id;
}

static void make_reader(struct subject *subject, clientid_control *control, uint64_t owner)
{
    const clientid_connected_app_record record = {.size = sizeof record,
                                                  .name = CLIENTID_STR("gateway"),
                                                  .owner_id = owner,
                                                  .scopes = CLIENTID_SCOPE_READ_CONTRACTS};
    clientid_credentials credentials = {.size = sizeof credentials};
    clientid_error error = {0};

    check(clientid_control_connected_app_create(control, &record, &credentials, &error), &error,
          "Connected App");
    snprintf(subject->reader_id, sizeof subject->reader_id, "%.63s", credentials.client_id);
    snprintf(subject->reader_secret, sizeof subject->reader_secret, "%.63s",
             credentials.client_secret);
}

static void make_administrator(struct subject *subject, clientid_control *control)
{
    const clientid_user_record record = {.size = sizeof record,
                                         .name = CLIENTID_STR("mia"),
                                         .role = CLIENTID_ROLE_ADMINISTRATOR,
                                         .identity = CLIENTID_IDENTITY_PASSWORD,
                                         .enabled = 1};
    const clientid_login_options options = {.size = sizeof options};
    clientid_token token = {.size = sizeof token};
    clientid_error error = {0};
    uint64_t id = 0;

    check(clientid_control_user_create(control, &record, CLIENTID_STR("not a secret"), &id, &error),
          &error, "user");
    check(clientid_control_login(control, record.name, CLIENTID_STR("not a secret"), &options,
                                 &token, &error),
          &error, "sign-in");
    memcpy(subject->token, token.access_token, sizeof subject->token);
    make_reader(subject, control, id);
}

static void fill(struct subject *subject, clientid_control *control)
{
    const clientid_api_record api = {
        .size = sizeof api, .kind = CLIENTID_API_INSTANCE, .name = CLIENTID_STR("orders")};
    struct lines lines = {.count = subject->applications};
    const clientid_load_options options = {
        .size = sizeof options, .read = read_lines, .read_self = &lines};
    clientid_load_counts counts = {.size = sizeof counts};
    clientid_error error = {0};

    check(clientid_control_api_create(control, &api, &subject->api, &error), &error, "API");
    subject->automatic = make_tier(control, subject->api, CLIENTID_STR("silver"), true);
    subject->manual = make_tier(control, subject->api, CLIENTID_STR("gold"), false);
    make_administrator(subject, control);
    check(clientid_control_load(control, &options, &counts, &error), &error, "load");
}

static void make_store(struct subject *subject)
{
    char uri[512], name[300];
    static const char *const ends[] = {"", "-wal", "-shm"};
    clientid_control_options options = {.size = sizeof options};
    clientid_store *store = NULL;
    clientid_control *control = NULL;
    clientid_error error = {0};

    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s/portal.db%s", subject->folder, ends[i]);
        (void)unlink(name);
    }
    snprintf(uri, sizeof uri, "sqlite:%s/portal.db", subject->folder);
    check(clientid_store_open(&store, uri, CLIENTID_STORE_CREATE, &error), &error, "store");
    check(clientid_control_new(&control, store, &options, &error), &error, "control");
    fill(subject, control);
    clientid_control_del(control);
    clientid_store_close(store);
}

/* ---- the process ------------------------------------------------------------------------------- */

static void write_config(const struct subject *subject, const char *name)
{
    FILE *file = fopen(name, "w");

    if (file == NULL)
        die(name);
    fprintf(
        file,
        "{\"listen\":\"127.0.0.1:0\",\"portFile\":\"%s/port\",\"store\":\"sqlite:%s/portal.db\","
        "\"organizationId\":\"%s\",\"environmentId\":\"%s\"}\n",
        subject->folder, subject->folder, BENCH_ORGANIZATION, BENCH_ENVIRONMENT);
    fclose(file);
}

static unsigned await_port(const struct subject *subject)
{
    char name[300];
    unsigned port = 0;

    snprintf(name, sizeof name, "%s/port", subject->folder);
    for (int i = 0; i < 1000 && port == 0; i++) {
        FILE *file = fopen(name, "r");

        if (file != NULL && fscanf(file, "%u", &port) != 1)
            port = 0;
        if (file != NULL)
            fclose(file);
        usleep(10000);
    }
    if (port == 0) {
        fprintf(stderr, "the portal does not listen; see %s/log\n", subject->folder);
        exit(1);
    }
    return port;
}

void subject_start(struct subject *subject, const char *program, const char *folder,
                   size_t applications)
{
    char config[300], log[300], port[300];

    *subject = (struct subject){.applications = applications};
    snprintf(subject->folder, sizeof subject->folder, "%s", folder);
    snprintf(config, sizeof config, "%s/config.json", folder);
    snprintf(log, sizeof log, "%s/log", folder);
    snprintf(port, sizeof port, "%s/port", folder);
    (void)unlink(port);
    make_store(subject);
    write_config(subject, config);
    subject->pid = fork();
    if (subject->pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (fd < 0 || dup2(fd, 2) < 0)
            _exit(126);
        execl(program, program, "--config", config, (char *)NULL);
        _exit(127);
    }
    subject->port = await_port(subject);
}

void subject_stop(struct subject *subject)
{
    kill(subject->pid, SIGTERM);
    waitpid(subject->pid, NULL, 0);
}

void subject_memory(const struct subject *subject, double *now_mib, double *peak_mib)
{
    char name[64], line[128];
    unsigned long kib;
    FILE *file;

    snprintf(name, sizeof name, "/proc/%d/status", (int)subject->pid);
    file = fopen(name, "r");
    *now_mib = *peak_mib = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmRSS: %lu", &kib) == 1)
            *now_mib = (double)kib / 1024;
        if (sscanf(line, "VmHWM: %lu", &kib) == 1)
            *peak_mib = (double)kib / 1024;
    }
    if (file != NULL)
        fclose(file);
}
