/* SPDX-License-Identifier: Apache-2.0 */
/* Lines are appended whole, so those of several threads never mix. */
#include "access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_file(const char *name)
{
    return strcmp(name, "-") == 0
               ? dup(STDOUT_FILENO)
               : open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
}

bool access_log_open(struct portal *portal)
{
    int fd = portal->config.access_log != NULL ? open_file(portal->config.access_log) : -1;
    atomic_store(&portal->access_log, fd);
    return portal->config.access_log == NULL || fd >= 0;
}

/* The descriptor keeps its number: a thread that writes at this moment writes into the one or the other. */
void access_log_reopen(struct portal *portal)
{
    int fd = atomic_load(&portal->access_log);
    int again = fd >= 0 ? open_file(portal->config.access_log) : -1;
    if (fd < 0)
        return;
    if (again < 0 || dup2(again, fd) < 0)
        say("cannot reopen %s: %s; writing to the old file", portal->config.access_log,
            strerror(errno));
    if (again >= 0)
        (void)close(again);
}

void access_log_close(struct portal *portal)
{
    int fd = atomic_exchange(&portal->access_log, -1);
    if (fd >= 0)
        (void)close(fd);
}

void access_log_write(const struct call *call)
{
    const struct portal *portal = call->portal;
    int fd = atomic_load(&portal->access_log);
    char line[1024], moment[40];
    if (fd < 0 || call->status == 0)
        return;
    clientid_time_format(realtime_ns(), moment, sizeof moment);
    /* The template, not the path: ids of others' things are nothing for this file, and it groups well. */
    int len = snprintf(line, sizeof line, "%s %s %s %s %u %.1f %s\n", moment, call->address,
                       call->route != NULL ? call->route->method : "-",
                       call->route != NULL ? call->route->path : "-", call->status,
                       (double)(monotonic_ns() - call->begun_ns) / 1e6,
                       call->identified ? call->caller.actor : "-");
    if (len > 0 && (size_t)len < sizeof line)
        (void)!write(fd, line, (size_t)len);
}
