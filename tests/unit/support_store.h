/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_STORE_H
#define SUPPORT_STORE_H

#include <clientid/control.h>

#include <stdbool.h>

/* A store in a folder of its own, with a control whose clock the test sets.  Every function fails the test. */
struct support_store {
    char folder[64];
    char file[96];
    char uri[112];
    clientid_store *store;
    clientid_control *control;
    uint64_t now_ns;
    clientid_error error;
};

void support_store_new(struct support_store *s);
void support_store_del(struct support_store *s); /* the folder too */
/* Closes and opens again, with a pepper or NULL. */
void support_store_reopen(struct support_store *s, const char *pepper);
void support_store_close(struct support_store *s); /* the folder stays */

#define SUPPORT_START_NS    1700000000000000000ULL
#define SUPPORT_SEALING_KEY "0123456789abcdef0123456789abcdef"

/* Things with natural values. */
uint64_t support_new_api(struct support_store *s, const char *name);
uint64_t support_new_group(struct support_store *s, const char *name, const char *member);
/* 100 requests a minute. */
uint64_t support_new_tier(struct support_store *s, uint64_t api, const char *name,
                          bool auto_approve);
/* With client secret "secret-of-<client id>". */
uint64_t support_new_application(struct support_store *s, const char *client_id);
/* |tier| 0: none.  Terms accepted. */
uint64_t support_new_contract(struct support_store *s, uint64_t application, uint64_t api,
                              uint64_t tier);
void support_act(struct support_store *s, uint64_t contract, clientid_verb verb);
clientid_str support_str(const char *text);

/* The whole registry as an export; to be freed. */
char *support_export(struct support_store *s);
uint64_t support_revision(struct support_store *s);

/* One contract with copies of what its slices hold. */
struct support_contract {
    clientid_contract_record record;
    char tier[CLIENTID_NAME_MAX + 1];
    char requested_tier[CLIENTID_NAME_MAX + 1];
    char terms[256];
    char reason[256];
};
void support_contract_get(struct support_store *s, uint64_t id, struct support_contract *out);
/* Both slots of an application. */
uint32_t support_secrets(struct support_store *s, uint64_t application, clientid_secret out[2]);
/* Which slot |secret| matches at |now_ns|, under the pepper or NULL; 0: none. */
unsigned support_matches(const clientid_secret slots[2], const char *secret, const char *pepper,
                         uint64_t now_ns);

#endif
