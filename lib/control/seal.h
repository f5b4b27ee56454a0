/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__SEAL_H
#define CLIENTID__SEAL_H

#include "control/control.h"

/* What a sealed text belongs to; one that is moved elsewhere does not open. */
struct clientid__place {
    const char *table;
    uint64_t ids[3];
};

/* Bytes that sealing adds: version, key id, nonce, tag. */
#define CLIENTID__SEAL_EXTRA (1 + 4 + 12 + 16)

/* |out| holds |plain.len| + CLIENTID__SEAL_EXTRA bytes.  CLIENTID_ERR_ARG (no key), _CRYPTO. */
int clientid__seal(clientid_control *control, const struct clientid__place *place,
                   clientid_str plain, unsigned char *out, clientid_error *error);
/*
 * |out| holds |sealed.len| bytes, |*len| is how many are used; wipe them.  CLIENTID_ERR_ARG (no key, or another one), _CORRUPT
 * (changed, or moved), _VERSION, _CRYPTO.
 */
int clientid__unseal(clientid_control *control, const struct clientid__place *place,
                     clientid_str sealed, unsigned char *out, size_t *len, clientid_error *error);

#endif
