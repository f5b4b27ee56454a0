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

int listener_open(const struct endpoint *endpoint)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    const char *host = endpoint->host != NULL ? endpoint->host : "::";
    int rv = getaddrinfo(host, endpoint->port, &hints, &list);
    if (rv != 0) {
        say("cannot listen on %s: %s", endpoint->address, gai_strerror(rv));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *info = list; info != NULL && fd < 0; info = info->ai_next)
        fd = open_one(info);
    if (fd < 0 && endpoint->host == NULL && errno == EAFNOSUPPORT) {
        struct sockaddr_in any = {.sin_family = AF_INET};
        struct sockaddr_in6 in6;
        memcpy(&in6, list->ai_addr, sizeof in6);
        any.sin_port = in6.sin6_port;
        const struct addrinfo ipv4 = {.ai_family = AF_INET,
                                      .ai_socktype = SOCK_STREAM,
                                      .ai_addrlen = sizeof any,
                                      .ai_addr = (struct sockaddr *)&any};
        fd = open_one(&ipv4);
    }
    if (fd < 0)
        say("cannot listen on %s: %s", endpoint->address, strerror(errno));
    freeaddrinfo(list);
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
