/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and secrets of Connected Apps are random: a plain digest of them is as good as the store needs. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

int clientid__token_hash(clientid_str token, unsigned char out[CLIENTID__TOKEN_HASH_BYTES],
                         clientid_error *error)
{
    clientid_secret made = {.algorithm = CLIENTID_SECRET_NONE};
    int rc = clientid_secret_hash(&made, token, NULL, 0);

    if (rc != 0)
        return clientid__fail(error, rc, "cannot hash a token");
    memcpy(out, made.hash, CLIENTID__TOKEN_HASH_BYTES);
    return 0;
}

bool clientid__secret_matches(const clientid_secret *kept, clientid_str secret)
{
    clientid_secret made = *kept;
    unsigned differ = 0;

    if (secret.len == 0 || clientid_secret_hash(&made, secret, NULL, 0) != 0)
        return false;
    for (size_t i = 0; i < sizeof(made.hash); i++) {
        differ |= (unsigned)(made.hash[i] ^ kept->hash[i]);
        /* Hidden from the optimiser, which could else stop early. */
        __asm__("" : "+r"(differ));
    }
    explicit_bzero(&made, sizeof(made));
    return differ == 0;
}
