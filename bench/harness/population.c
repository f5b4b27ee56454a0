/* SPDX-License-Identifier: Apache-2.0 */
/* Contracts without a store: what a client has is made from its number, so a million of them need no memory. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

static void hex32(char out[ID_BYTES], uint64_t number, uint64_t salt)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t high = (number + 1) * 0x9e3779b97f4a7c15ULL ^ salt, low = high * 0xd6e8feb86659fd93ULL;

    for (int i = 0; i < 16; i++) {
        out[i] = digits[high >> (4 * i) & 15];
        out[16 + i] = digits[low >> (4 * i) & 15];
    }
}

void population_id(size_t number, char out[ID_BYTES])
{
    hex32(out, number, 1);
}

void population_secret(size_t number, char out[ID_BYTES])
{
    hex32(out, number, 2);
}

static int emit_tiers(struct population *p, clientid_event_fn *emit, void *sink)
{
    clientid_event event = {.type = CLIENTID_EVENT_TIER};
    int rv = 0;

    for (uint64_t id = 1; id <= 2 && rv == 0; id++) {
        event.u.tier = (clientid_tier_event){id, CLIENTID_STR("tier"), p->limits, p->limit_count};
        rv = emit(sink, &event);
    }
    return rv;
}

static int emit_contract(size_t number, uint64_t tier, clientid_event_fn *emit, void *sink)
{
    char id[ID_BYTES], secret[ID_BYTES], name[24];
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT};
    clientid_contract_event *contract = &event.u.contract;

    population_id(number, id);
    population_secret(number, secret);
    snprintf(name, sizeof(name), "client %09zu", number);
    *contract = (clientid_contract_event){.id = number + 1,
                                          .api = CLIENTID_STR("bench"),
                                          .client_id = {id, ID_BYTES},
                                          .name = {name, 16},
                                          .application_id = number + 1,
                                          .tier_id = tier,
                                          .status = CLIENTID_APPROVED};
    memcpy(contract->secrets[0].salt, id, 16);
    contract->secrets[0].salt_len = 16;
    if (clientid_secret_hash(&contract->secrets[0], (clientid_str){secret, ID_BYTES}, NULL, 0) != 0)
        return CLIENTID_ERR_CRYPTO;
    return emit(sink, &event);
}

static int emit_removed(size_t number, clientid_event_fn *emit, void *sink)
{
    char id[ID_BYTES];
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT_REMOVED};

    population_id(number, id);
    event.u.contract.id = number + 1;
    event.u.contract.api = CLIENTID_STR("bench");
    event.u.contract.client_id = (clientid_str){id, ID_BYTES};
    return emit(sink, &event);
}

static int load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                clientid_error *error)
{
    struct population *p = self;
    int rv = emit_tiers(p, emit, sink);

    (void)error;
    for (size_t i = 0; i < p->clients && rv == 0; i++)
        rv = emit_contract(p->first + i, 1, emit, sink);
    *position = (clientid_position){1, p->revision};
    return rv;
}

static int changes(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                   clientid_error *error)
{
    struct population *p = self;
    int rv = p->tier_changed ? emit_tiers(p, emit, sink) : 0;

    (void)error;
    p->generation++;
    for (size_t i = 0; i < p->removed && rv == 0; i++)
        rv = emit_removed(p->removed_from + i, emit, sink);
    for (size_t i = 0; i < p->added && rv == 0; i++)
        rv = emit_contract(p->added_from + i, 1, emit, sink);
    for (size_t i = 0; i < p->replaced && rv == 0; i++)
        rv =
            emit_contract(p->first + next_random() % p->clients, 1 + p->generation % 2, emit, sink);
    p->revision += 1 + p->replaced + p->removed + p->added;
    p->tier_changed = false;
    p->replaced = p->removed = p->added = 0;
    position->revision = p->revision;
    return rv;
}

static int poll_source(void *self, clientid_error *error)
{
    const struct population *p = self;

    (void)error;
    return p->tier_changed || p->replaced + p->removed + p->added > 0;
}

static void close_source(void *self)
{
    (void)self;
}

void population_source(struct population *population, clientid_source *out)
{
    *out = (clientid_source){sizeof(*out), population, load, changes, poll_source, close_source};
}
