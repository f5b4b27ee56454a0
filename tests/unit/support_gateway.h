/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_GATEWAY_H
#define SUPPORT_GATEWAY_H

#include "support_store.h"

#include <clientid/delivery.h>
#include <clientid/third_party.h>

/* A store with a third party's gateway: "X Gateway" with one webhook for all events.  Every function fails the test. */
struct support_gateway {
    struct support_store s;
    uint64_t provider, hook;
    uint64_t petstore1, petstore2; /* its APIs */
    uint64_t own;                  /* an API without provider */
};

#define SUPPORT_ALL_EVENTS 15

void support_gateway_new(struct support_gateway *g);
void support_gateway_del(struct support_gateway *g);

uint64_t support_new_hook(struct support_store *s, const char *url, uint32_t subscriptions);
/* |hook| 0: none. */
uint64_t support_new_provider(struct support_store *s, const char *name, uint32_t type,
                              uint64_t hook);
void support_set_hooks(struct support_store *s, uint64_t provider, const uint64_t *hooks,
                       uint32_t count);
uint64_t support_new_api_at(struct support_store *s, const char *name, const char *provider);
uint64_t support_new_application_at(struct support_store *s, const char *client_id,
                                    const char *provider);

/* A user request of that type; |*application| is in for all but creation, and out. */
uint64_t support_user_request(struct support_store *s, uint32_t type, uint64_t *application,
                              const uint64_t *apis, uint32_t api_count);

/* One delivery with copies of what its slices hold. */
struct support_delivery {
    clientid_delivery record;
    char url[256], username[64], password[128], recipient[128], subject[256], body[4096];
};
/* Up to |max| that are due; returns how many. */
size_t support_due(struct support_store *s, struct support_delivery *out, size_t max,
                   uint64_t *next_ns);
void support_done(struct support_store *s, uint64_t id, clientid_delivery_outcome outcome);
/* Delivers all that is due now, again and again; returns how many. */
size_t support_deliver_all(struct support_store *s);
uint64_t support_backlog(struct support_store *s);

struct support_request {
    clientid_user_request_record record;
    char owner[64];
    clientid_user_request_state states[CLIENTID_USER_REQUEST_APIS_MAX];
};
void support_request_get(struct support_store *s, uint64_t id, struct support_request *out);
/* "COMPLETED" and so on. */
const char *support_request_status(struct support_store *s, uint64_t id);
/* The newest of an application; 0: none. */
uint64_t support_last_request(struct support_store *s, uint64_t application);

/* Straight to the database. */
uint64_t support_sql(struct support_store *s, const char *sql);

#endif
