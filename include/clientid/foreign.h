/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_FOREIGN_H
#define CLIENTID_FOREIGN_H

/*
 * Unstable before 1.0, see store.h.
 *
 * The other side of third_party.h: our gateways are the third party of somebody else's Developer Portal.  What that portal tells by
 * webhook becomes an application and contracts here, and the answer, with the credentials, waits in the outbox (delivery.h, kind
 * ANSWER) in the same transaction, sealed until the portal has taken it.
 */
#include <clientid/control.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum clientid_foreign_type {
    CLIENTID_FOREIGN_GRANT = 1,  /* REQUEST_ACCESS_TOKEN */
    CLIENTID_FOREIGN_REVOKE = 2, /* REVOKE_ACCESS_TOKEN */
    CLIENTID_FOREIGN_UPDATE = 3  /* APPLICATION_UPDATE */
} clientid_foreign_type;

#define CLIENTID_FOREIGN_ID_MAX 64

typedef struct clientid_foreign_event {
    size_t size;
    uint32_t type; /* clientid_foreign_type */
    uint32_t redirect_uri_count;
    clientid_str id;                   /* of the event there: letters, digits and '-' */
    clientid_str application;          /* its id there, of the same characters */
    clientid_str api;                  /* GRANT, REVOKE: name of an API instance here */
    clientid_str name;                 /* GRANT, UPDATE: of the application */
    clientid_str description;          /* GRANT, UPDATE */
    const clientid_str *redirect_uris; /* GRANT, UPDATE */
} clientid_foreign_event;

/*
 * One transaction.  GRANT: the application when it is not known yet, with new credentials, and a contract in force, with the first
 * ACTIVE tier of the API and its terms accepted, since the portal has approved it.  REVOKE: the contract is revoked.  An event that
 * came before changes nothing and is answered again: with the same credentials until the portal has taken them, else without.
 *
 * Only a new application is answered with credentials: {"name","credentials":[APIKey, OAuth2]}; the API key is the client id.  All
 * other answers have no body, which leaves the credentials at the portal as they are.
 *
 * CLIENTID_ERR_NOT_FOUND (the API), _SYNTAX, _ARG (no sealing key), _FORBIDDEN (for the operator alone).
 */
CLIENTID_EXPORT int clientid_control_foreign_event(clientid_control *control,
                                                   const clientid_foreign_event *event,
                                                   clientid_error *error);

#ifdef __cplusplus
}
#endif

#endif
