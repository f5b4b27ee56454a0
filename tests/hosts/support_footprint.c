/* SPDX-License-Identifier: Apache-2.0 */
#include "support_footprint.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

const char *footprint_name(enum footprint_of of)
{
    static const char *const names[] = {"nginx master", "nginx worker", "Envoy", "clientid-proxy"};
    return names[of];
}

static bool read_status(pid_t pid, struct footprint *out)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    *out = (struct footprint){.own_kb = -1};
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "RssAnon: %ld", &out->own_kb);
        (void)sscanf(line, "VmRSS: %ld", &out->resident_kb);
    }
    if (file != NULL)
        fclose(file);
    return out->own_kb >= 0;
}

static unsigned count_fds(pid_t pid)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL)
        closedir(folder);
    return count >= 2 ? count - 2 : 0; /* "." and ".." */
}

static bool take(pid_t pid, struct footprint *out)
{
    struct footprint now;
    if (!read_status(pid, &now))
        return false;
    now.fds = count_fds(pid);
    out->own_kb = now.own_kb > out->own_kb ? now.own_kb : out->own_kb;
    out->resident_kb = now.resident_kb > out->resident_kb ? now.resident_kb : out->resident_kb;
    out->fds = now.fds > out->fds ? now.fds : out->fds;
    return true;
}

bool footprint_take(const struct fleet *fleet, struct footprint out[FOOTPRINTS])
{
    pid_t workers[8];
    size_t count = nginx_workers(fleet->nginx.pid, workers, 8);
    memset(out, 0, FOOTPRINTS * sizeof *out);
    bool good = take(fleet->nginx.pid, &out[FOOTPRINT_MASTER]);
    for (size_t i = 0; i < count; i++)
        good = take(workers[i], &out[FOOTPRINT_WORKER]) && good;
    good = take(fleet->envoy.pid, &out[FOOTPRINT_ENVOY]) && good;
    return take(fleet->proxy.pid, &out[FOOTPRINT_PROXY]) && good && count == 2;
}
