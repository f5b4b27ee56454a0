/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that share one quota through a limits file, as a preforking server does: workers are made after fork. */
#include <clientid/clientid.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES = 4, REQUESTS = 50, QUOTA = 100 };

static int header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    (void)host, (void)name, (void)nth, (void)value;
    return 0;
}

/* Returns how many of its requests were admitted. */
static int serve(clientid_gateway *gateway)
{
    char scratch[CLIENTID_SCRATCH_BYTES];
    clientid_request request = {.size = sizeof(request),
                                .method = CLIENTID_STR("GET"),
                                .path = CLIENTID_STR("/"),
                                .header = header,
                                .now_ns = (uint64_t)time(NULL) * 1000000000,
                                .scratch = scratch,
                                .scratch_len = sizeof(scratch)};
    const clientid_api *api;
    clientid_worker *worker;
    int admitted = 0;

    if (clientid_worker_new(&worker, gateway) != 0 ||
        clientid_api_get(gateway, CLIENTID_STR("shared"), &api) != 0)
        _exit(255);
    for (int i = 0; i < REQUESTS; i++) {
        clientid_decision decision = {.size = sizeof(decision)};

        if (clientid_check(worker, api, &request, &decision) == 0)
            admitted += decision.verdict == CLIENTID_ALLOW;
    }
    clientid_worker_del(worker);
    return admitted;
}

static int run(const char *limits_file)
{
    char config[512];
    clientid_options options = {.size = sizeof(options)};
    clientid_gateway *gateway;
    int admitted = 0, status;

    snprintf(
        config, sizeof(config),
        "{\"limits\": {\"file\": \"%s\", \"cells\": 1024, \"keyCells\": 1024, \"useCells\": 1024},"
        " \"apis\": {\"shared\": {\"policies\":"
        " [{\"policy\": \"rate-limiting\", \"limits\": [\"%d/1h\"]}]}}}",
        limits_file, QUOTA);
    options.config = (clientid_str){config, 0};
    while (config[options.config.len] != '\0')
        options.config.len++;
    if (clientid_gateway_new(&gateway, &options, NULL) != 0)
        return 1;
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0)
            _exit(serve(gateway));
    for (int i = 0; i < PROCESSES; i++)
        if (wait(&status) > 0 && WIFEXITED(status))
            admitted += WEXITSTATUS(status);
    clientid_gateway_del(gateway);
    printf("%d processes sent %d requests, %d were admitted\n", PROCESSES, PROCESSES * REQUESTS,
           admitted);
    return admitted == QUOTA ? 0 : 1;
}

int main(void)
{
    char folder[] = "/tmp/clientid-prefork-XXXXXX";
    char file[64];
    int rv;

    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(file, sizeof(file), "%s/limits", folder);
    rv = run(file);
    unlink(file);
    rmdir(folder);
    return rv;
}
