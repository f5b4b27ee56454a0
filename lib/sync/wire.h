/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__WIRE_H
#define CLIENTID__WIRE_H

#include <stdint.h>

/* Numbers in the files are little-endian on every machine, at any alignment. */

static inline void clientid__put16(unsigned char *p, uint16_t v)
{
    p[0] = (unsigned char)v;
    p[1] = (unsigned char)(v >> 8);
}

static inline void clientid__put32(unsigned char *p, uint32_t v)
{
    clientid__put16(p, (uint16_t)v);
    clientid__put16(p + 2, (uint16_t)(v >> 16));
}

static inline void clientid__put64(unsigned char *p, uint64_t v)
{
    clientid__put32(p, (uint32_t)v);
    clientid__put32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t clientid__get16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t clientid__get32(const unsigned char *p)
{
    return (uint32_t)clientid__get16(p) | (uint32_t)clientid__get16(p + 2) << 16;
}

static inline uint64_t clientid__get64(const unsigned char *p)
{
    return (uint64_t)clientid__get32(p) | (uint64_t)clientid__get32(p + 4) << 32;
}

#endif
