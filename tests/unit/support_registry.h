/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_REGISTRY_H
#define SUPPORT_REGISTRY_H

#include "registry/registry.h"
#include "support_alloc.h"

/* A registry of its own: epoch domain, one reader's slot, counted memory, and numbers for names in order of use. */
struct support_registry {
    struct support_alloc alloc;
    struct clientid__epoch *epoch;
    struct clientid__registry *registry;
    char names[256][130];
    size_t name_count;
    bool intern_fails;
};

#define SUPPORT_REGISTRY_SEED UINT64_C(0x5eed)

void support_registry_new(struct support_registry *s);
/* Also checks that all memory came back. */
void support_registry_del(struct support_registry *s);

uint32_t support_registry_number(struct support_registry *s, clientid_str name);
/* The slices stay valid until the next change. */
bool support_registry_find(struct support_registry *s, const char *api, clientid_str client_id,
                           struct clientid__contract *out);

/* Events with what does not matter filled in. */
clientid_event support_tier_event(uint64_t id, const char *name, const clientid_limit *limits,
                                  size_t count);
clientid_event support_contract_event(uint64_t id, const char *api, const char *client_id,
                                      uint64_t tier_id, clientid_contract_status status);
clientid_event support_group_event(const char *name, const clientid_str *members, size_t count);

/* Everything that clientid__registry_each emits, as sorted lines; freed with free(). */
char *support_registry_dump(const struct support_registry *s);

#endif
