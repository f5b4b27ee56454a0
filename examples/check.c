/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest host: one API instance, a limit for everybody, three requests. */
#include <clientid/clientid.h>

#include <stdio.h>
#include <time.h>

static const char config[] = "{\"apis\": {\"hello\": {\"policies\": ["
                             "{\"policy\": \"rate-limiting\", \"limits\": [\"2/1m\"]}]}}}";

/* A host answers for its own headers; this one has none. */
static int header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    (void)host, (void)name, (void)nth, (void)value;
    return 0;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int main(void)
{
    clientid_options options = {.size = sizeof(options), .config = CLIENTID_STR(config)};
    char scratch[CLIENTID_SCRATCH_BYTES];
    clientid_gateway *gateway;
    clientid_worker *worker;
    const clientid_api *api;
    clientid_error error;

    if (clientid_gateway_new(&gateway, &options, &error) != 0) {
        fprintf(stderr, "line %u %s: %s\n", error.line, error.pointer, error.text);
        return 1;
    }
    if (clientid_worker_new(&worker, gateway) != 0 ||
        clientid_api_get(gateway, CLIENTID_STR("hello"), &api) != 0)
        return 1;
    for (int i = 0; i < 3; i++) {
        clientid_request request = {.size = sizeof(request),
                                    .method = CLIENTID_STR("GET"),
                                    .path = CLIENTID_STR("/hello"),
                                    .header = header,
                                    .now_ns = now_ns(),
                                    .scratch = scratch,
                                    .scratch_len = sizeof(scratch)};
        clientid_decision decision = {.size = sizeof(decision)};

        if (clientid_check(worker, api, &request, &decision) != 0)
            return 1;
        printf("%s: %s, %llu left\n", clientid_verdict_label(decision.verdict),
               clientid_reason_label(decision.reason),
               (unsigned long long)decision.limits[0].remaining);
    }
    clientid_worker_del(worker);
    clientid_gateway_del(gateway);
    return 0;
}
