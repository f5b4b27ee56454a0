/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_TRUST_H
#define PROXY_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Peers whose word on the original request (X-Forwarded-*, X-Original-*) is believed. */
struct network {
    unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;             /* of 128 */
};

struct trust {
    struct network *networks;
    size_t count;
};

/* "127.0.0.1", "::1", "10.0.0.0/8".  False when it is none of these. */
bool network_parse(struct network *out, const char *text);

bool trust_has(const struct trust *trust, const struct sockaddr *peer);

/* Writes a peer's address without port, IPv4-mapped addresses as IPv4. */
void peer_text(const struct sockaddr *peer, char *out, size_t size);

#endif
