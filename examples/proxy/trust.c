/* SPDX-License-Identifier: Apache-2.0 */
/* An address is compared as 128 bits, so ::ffff:10.0.0.1 and 10.0.0.1 are the same peer. */
#include "trust.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool address_parse(unsigned char out[16], const char *text, unsigned *width)
{
    *width = 128;
    if (inet_pton(AF_INET6, text, out) == 1)
        return true;
    *width = 32;
    memcpy(out, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, out + sizeof mapped) == 1;
}

bool network_parse(struct network *out, const char *text)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';

    unsigned width = 0;
    if (!address_parse(out->address, address, &width))
        return false;
    out->bits = 128;
    if (slash == NULL)
        return true;

    char *end = NULL;
    unsigned long bits = strtoul(slash + 1, &end, 10);
    if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || bits > width)
        return false;
    out->bits = 128 - width + (unsigned)bits;
    return true;
}

static bool address_of(const struct sockaddr *peer, unsigned char out[16])
{
    if (peer != NULL && peer->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, peer, sizeof in);
        memcpy(out, mapped, sizeof mapped);
        memcpy(out + sizeof mapped, &in.sin_addr, 4);
        return true;
    }
    if (peer != NULL && peer->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, peer, sizeof in6);
        memcpy(out, &in6.sin6_addr, 16);
        return true;
    }
    return false;
}

static bool network_has(const struct network *network, const unsigned char address[16])
{
    unsigned whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    if (memcmp(network->address, address, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    unsigned char mask = (unsigned char)(0xffU << (8 - rest));
    return ((network->address[whole] ^ address[whole]) & mask) == 0;
}

bool trust_has(const struct trust *trust, const struct sockaddr *peer)
{
    unsigned char address[16];
    if (!address_of(peer, address))
        return false;
    for (size_t i = 0; i < trust->count; i++) {
        if (network_has(&trust->networks[i], address))
            return true;
    }
    return false;
}

void peer_text(const struct sockaddr *peer, char *out, size_t size)
{
    unsigned char address[16];
    out[0] = '\0';
    if (!address_of(peer, address))
        return;
    if (memcmp(address, mapped, sizeof mapped) == 0)
        (void)inet_ntop(AF_INET, address + sizeof mapped, out, (socklen_t)size);
    else
        (void)inet_ntop(AF_INET6, address, out, (socklen_t)size);
}
