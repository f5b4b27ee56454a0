/* SPDX-License-Identifier: Apache-2.0 */
/* The nth wait in a row lies in [d/2, d], d = min(most, base x 2^(n-1)). */
#include "sync/backoff.h"

#include "base/hash.h"

uint64_t clientid__backoff_wait(struct clientid__backoff *b)
{
    uint64_t most = b->most_ns > b->base_ns ? b->most_ns : b->base_ns;
    uint64_t wait = b->base_ns;

    for (uint32_t i = 0; i < b->failures && wait < most; i++)
        wait = wait > most / 2 ? most : wait * 2;
    if (b->failures < UINT32_MAX)
        b->failures++;
    return wait - clientid__mix64(b->seed + ++b->draws) % (wait / 2 + 1);
}

void clientid__backoff_reset(struct clientid__backoff *b)
{
    b->failures = 0;
}
