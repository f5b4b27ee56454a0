/* SPDX-License-Identifier: Apache-2.0 */
/* One listening socket is shared by all workers, so a stopping worker leaves no queue of its own behind. */
#include "listener.h"

#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

static int open_one(const struct addrinfo *info)
{
    const int on = 1;
    const int off = 0;
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    info->ai_protocol);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6) /* "::" serves IPv4 too */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static int open_any(const char *host, const char *port, const char **why)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int fd = -1;
    int rv = getaddrinfo(host, port, &hints, &list);
    if (rv != 0) {
        *why = gai_strerror(rv);
        return -1;
    }
    for (const struct addrinfo *info = list; info != NULL && fd < 0; info = info->ai_next)
        fd = open_one(info);
    int error = errno;
    *why = strerror(error);
    freeaddrinfo(list);
    errno = error;
    return fd;
}

int listener_open(const struct endpoint *endpoint)
{
    const char *why = NULL;
    int fd = -1;
    if (endpoint->host != NULL)
        fd = open_any(endpoint->host, endpoint->port, &why);
    else if ((fd = open_any("::", endpoint->port, &why)) < 0 && errno == EAFNOSUPPORT)
        fd = open_any("0.0.0.0", endpoint->port, &why); /* a kernel without IPv6 */
    if (fd < 0)
        say("cannot listen on %s: %s", endpoint->address, why);
    return fd;
}

unsigned listener_port(int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    memcpy(&in, &address, sizeof in);
    memcpy(&in6, &address, sizeof in6);
    return ntohs(address.ss_family == AF_INET6 ? in6.sin6_port : in.sin_port);
}
