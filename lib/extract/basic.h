/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__BASIC_H
#define CLIENTID__BASIC_H

#include "extract/value.h"

/*
 * Authorization: Basic (RFC 7617).  Another scheme, or no header, leaves both absent; an empty password leaves
 * |*secret| absent.  0, CLIENTID_ERR_SPACE, or what the host's header function returned below 0.
 */
int clientid__basic_read(const struct clientid__reader *reader, struct clientid__value *id,
                         struct clientid__value *secret);

#endif
