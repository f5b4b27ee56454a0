/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__POLICY_JSON_H
#define CLIENTID__POLICY_JSON_H

#include "policy/chain.h"
#include "policy/reader_json.h"

/*
 * Reads "policies", exported and short form, and checks the disabled ones too.  0, CLIENTID_ERR_CONFIG,
 * CLIENTID_ERR_NOMEM; |out| is to be released in every case.
 */
int clientid__policies_read(const struct clientid__node *array, const clientid_allocator *mem,
                            struct clientid__pool *pool, struct clientid__draft_list *out);

#endif
