/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__LINE_JSON_H
#define CLIENTID__LINE_JSON_H

#include "control/object_json.h"

/* The records of an export and the lines of a load, as structs.  Keys are in README.md. */

int clientid__api_line(struct clientid__reader *reader, clientid_api_record *out);
int clientid__tier_line(struct clientid__reader *reader, clientid_tier_record *out);
int clientid__contract_line(struct clientid__reader *reader, clientid_contract_record *out);

enum clientid__line { CLIENTID__LINE_IMPORT, CLIENTID__LINE_LOAD };

struct clientid__application_line {
    clientid_application_record record;
    clientid_str client_secret;
    clientid_str hash, salt; /* hexadecimal: "clientSecretHash", "clientSecretSalt" */
    uint64_t newest;
    clientid_str api, tier; /* of a load */
    uint32_t status;        /* of a load: 0, PENDING or APPROVED */
};

/* The two kinds share most keys; those of the other kind are errors. */
int clientid__application_line(struct clientid__reader *reader,
                               struct clientid__application_line *out, enum clientid__line kind);

/* Puts |at| before the pointer of an error that a record's fields gave; |rc| tells whether there is one. */
void clientid__error_within(clientid_error *error, int rc, const char *at);

#endif
