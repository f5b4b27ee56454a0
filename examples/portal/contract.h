/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_CONTRACT_H
#define PORTAL_CONTRACT_H

#include "call.h"

/* Who looks at a contract sees the other side of it in full. */
enum contract_side { CONTRACT_OF_API, CONTRACT_OF_APPLICATION };

/* The contract as API Manager or Exchange shows it; NULL with an answer. */
json_t *contract_json(struct call *call, uint64_t id, enum contract_side side);

/* The same for each of a list of record_contract's. */
void contract_complete(struct call *call, json_t *contracts, enum contract_side side);

/* Answers with the contract and the status of the route, or with what the library said. */
void contract_answer(struct call *call, int rc, uint64_t id, enum contract_side side,
                     const clientid_error *error);

/* An access request from a body; |application_id| and |api_id| come from somewhere else. */
clientid_access_request contract_request(const struct call *call, uint64_t application_id,
                                         uint64_t api_id);

/* "approved", "APPROVED": its number, 0 for others. */
uint32_t contract_status(clientid_str label);

#endif
