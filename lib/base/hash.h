/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__HASH_H
#define CLIENTID__HASH_H

#include <clientid/types.h>

/* Seeded XXH3 (libxxhash).  Not for secrets; the seed keeps outsiders from choosing colliding ids. */

struct clientid__hash128 {
    uint64_t low, high;
};

uint64_t clientid__hash64(const void *bytes, size_t len, uint64_t seed);
struct clientid__hash128 clientid__hash128(const void *bytes, size_t len, uint64_t seed);

/* Spreads every bit of |x| over the result; its own inverse does not matter here. */
static inline uint64_t clientid__mix64(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    return x ^ (x >> 32);
}

#endif
