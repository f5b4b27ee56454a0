/* SPDX-License-Identifier: Apache-2.0 */
/* Several requests in hand, as after one epoll_wait: decided together, in the order they came. */
#include <clientid/clientid.h>

#include <stdio.h>
#include <time.h>

enum { IN_HAND = 5 };

static const char config[] = "{\"apis\": {\"hello\": {\"policies\": ["
                             "{\"policy\": \"rate-limiting\", \"limits\": [\"3/1m\"]}]}}}";

/* A connection has its own request, scratch and decision for as long as it is looked at. */
struct connection {
    clientid_request request;
    clientid_decision decision;
    char scratch[CLIENTID_SCRATCH_BYTES];
};

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

static void receive(struct connection *c)
{
    c->decision.size = sizeof(c->decision);
    c->request = (clientid_request){.size = sizeof(c->request),
                                    .method = CLIENTID_STR("GET"),
                                    .path = CLIENTID_STR("/hello"),
                                    .header = header,
                                    .now_ns = now_ns(),
                                    .scratch = c->scratch,
                                    .scratch_len = sizeof(c->scratch)};
}

int main(void)
{
    static struct connection connections[IN_HAND];
    clientid_batch_entry entries[IN_HAND];
    clientid_options options = {.size = sizeof(options), .config = CLIENTID_STR(config)};
    clientid_gateway *gateway;
    clientid_worker *worker;
    const clientid_api *api;

    if (clientid_gateway_new(&gateway, &options, NULL) != 0 ||
        clientid_worker_new(&worker, gateway) != 0 ||
        clientid_api_get(gateway, CLIENTID_STR("hello"), &api) != 0)
        return 1;
    for (int i = 0; i < IN_HAND; i++) {
        receive(&connections[i]);
        entries[i] = (clientid_batch_entry){
            .api = api, .request = &connections[i].request, .decision = &connections[i].decision};
    }
    if (clientid_check_batch(worker, entries, IN_HAND) != 0)
        return 1;
    for (int i = 0; i < IN_HAND; i++) {
        if (entries[i].rv != 0)
            return 1;
        printf("%d: %s: %s\n", i, clientid_verdict_label(entries[i].decision->verdict),
               clientid_reason_label(entries[i].decision->reason));
    }
    clientid_worker_del(worker);
    clientid_gateway_del(gateway);
    return 0;
}
