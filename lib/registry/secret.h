/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__SECRET_H
#define CLIENTID__SECRET_H

#include "registry/registry.h"

#include <clientid/check.h>

/*
 * Secrets are compared as fixed-length digests in constant time, and a client id that does not exist costs
 * the same digests as a wrong secret.
 */

/* The pepper's two half-done digests; the pepper itself is wiped once this is made. */
struct clientid__pepper;
int clientid__pepper_new(struct clientid__pepper **out, const clientid_allocator *mem,
                         const unsigned char *pepper, size_t len);
void clientid__pepper_del(struct clientid__pepper *pepper); /* wipes */

struct clientid__secret_match {
    clientid_reason reason; /* ALLOWED, SECRET_WRONG, SECRET_EXPIRED */
    unsigned slot;          /* 1 or 2 when the secret matched, else 0 */
    uint64_t slot_key;      /* clientid_slot_key of the stored hash, when it matched */
};

/*
 * |contract| as clientid__registry_find set it, found or not.  |pepper| may be NULL: HMAC slots then never match.
 * Does not allocate.
 */
struct clientid__secret_match clientid__secret_verify(const struct clientid__registry *registry,
                                                      const struct clientid__contract *contract,
                                                      const struct clientid__pepper *pepper,
                                                      clientid_str secret, uint64_t now_ns);

#endif
