/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__FOREIGN_H
#define CLIENTID__FOREIGN_H

#include "control/control.h"

#include <clientid/foreign.h>

/* foreign_json.c: with the secret; free it with clientid_json_free. */
int clientid__foreign_answer(const clientid_foreign_event *event, clientid_str client_id,
                             clientid_str secret, char **text, clientid_error *error);

#endif
