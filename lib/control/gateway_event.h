/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__GATEWAY_EVENT_H
#define CLIENTID__GATEWAY_EVENT_H

#include "control/control.h"

/* gateway_event.c: what gateways are told, and where each of it stands. */

/* Of the user request that is being done, or of one that is made for it. */
int clientid__event_turned(clientid_control *control,
                           const struct clientid__contract_facts *contract,
                           enum clientid__turn turn, uint64_t now_ns, clientid_error *error);
/* The description of an application changed. */
int clientid__event_updated(clientid_control *control, uint64_t application_id, uint64_t now_ns,
                            clientid_error *error);
/* The status is |status| now; logged as |verb|. */
int clientid__event_set(clientid_control *control, struct clientid__event_facts *event,
                        uint32_t status, const char *verb, clientid_str detail, uint64_t now_ns,
                        clientid_error *error);
/* An event of a deletion was completed: with the last one the application goes. */
int clientid__event_finish(clientid_control *control, uint64_t request_id, uint64_t application_id,
                           clientid_error *error);

/* event_json.c: the payload.  Free it with clientid_json_free. */
int clientid__event_body(clientid_control *control, const struct clientid__event_facts *event,
                         uint64_t now_ns, char **text, clientid_error *error);

/* credential_json.c: what a gateway answered, checked; each credential as JSON text. */
struct clientid__answer {
    bool has_credentials; /* "credentials" is there, maybe empty */
    size_t count;
    char *texts[CLIENTID_CREDENTIALS_MAX];
};
int clientid__answer_read(clientid_str body, struct clientid__answer *out, clientid_error *error);
void clientid__answer_clear(struct clientid__answer *answer); /* wipes */

/* notice.c */
int clientid__notice_turned(clientid_control *control,
                            const struct clientid__contract_facts *contract,
                            enum clientid__turn turn, uint64_t now_ns, clientid_error *error);

/* clientid_control_delivered_credentials, inside a transaction that has asked whether the caller may. */
int clientid__delivered_credentials(clientid_control *control, uint64_t application_id, char **text,
                                    clientid_error *error);

#endif
