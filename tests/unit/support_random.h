/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_RANDOM_H
#define SUPPORT_RANDOM_H

#include <stdint.h>

/* splitmix64: the same numbers for the same seed everywhere, so a failure can be run again. */
static inline uint64_t support_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static inline uint64_t support_below(uint64_t *seed, uint64_t limit)
{
    return support_random(seed) % limit;
}

#endif
