/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_ACCOUNT_H
#define SUPPORT_ACCOUNT_H

#include "support_store.h"

#include <clientid/account.h>

#define SUPPORT_PASSWORD "correct horse"

/* A store whose passwords cost little. */
void support_accounts_new(struct support_store *s);
/* After support_store_close: likewise, with a pepper or NULL. */
void support_accounts_open(struct support_store *s, const char *pepper);
/* As the operator, whoever the caller is: enabled, with SUPPORT_PASSWORD. */
uint64_t support_new_user(struct support_store *s, const char *name, clientid_role role);
uint64_t support_new_connected_app(struct support_store *s, const char *name, uint64_t owner,
                                   uint32_t scopes, clientid_credentials *credentials);
/* Signs in and becomes the caller; NULL: the operator. */
void support_become(struct support_store *s, const char *user);
void support_become_app(struct support_store *s, const clientid_credentials *credentials);
/* The newest row of the change log: "actor entity verb client-id detail". */
const char *support_last_change(struct support_store *s);

#endif
