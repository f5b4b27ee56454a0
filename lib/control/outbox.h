/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__OUTBOX_H
#define CLIENTID__OUTBOX_H

#include "control/gateway_event.h"

/* A row for each hook that takes the event; |*count|: how many. */
int clientid__outbox_tell(clientid_control *control, const struct clientid__event_facts *event,
                          uint64_t now_ns, size_t *count, clientid_error *error);
int clientid__outbox_mail(clientid_control *control, clientid_str recipient, clientid_str subject,
                          clientid_str body, uint64_t now_ns, clientid_error *error);
/* What waits for a hook that goes is not delivered. */
int clientid__outbox_drop_hook(clientid_control *control, uint64_t hook_id, uint64_t now_ns,
                               clientid_error *error);

/* Deliveries are for the operator alone: CLIENTID_ERR_FORBIDDEN for a caller. */
int clientid__operator(const clientid_control *control, clientid_error *error);

#endif
