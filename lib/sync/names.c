/* SPDX-License-Identifier: Apache-2.0 */
/* What the names of limits file and state folder lead to is what this process has open; else somebody is told. */
#include "sync/sync.h"

#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define LOOK_NS 1000000000ULL

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int clientid__names_keep(struct clientid_sync *s, const char *state)
{
    clientid_str limits = clientid_gateway_limits_file(s->gateway);

    s->has_limits_file = limits.len != 0 && stat(limits.ptr, &s->limits_stat) == 0;
    if (state == NULL)
        return 0;
    s->state = clientid__alloc(s->mem, 1, strlen(state) + 1);
    if (s->state == NULL)
        return CLIENTID_ERR_NOMEM;
    memcpy(s->state, state, strlen(state) + 1);
    return 0;
}

/* The old file stays mapped and goes on counting, but who opens the name now counts anew: two quotas. */
static void look_at_limits(struct clientid_sync *s)
{
    const char *file = clientid_gateway_limits_file(s->gateway).ptr;
    clientid_error error = {0};
    struct stat now;
    bool apart = stat(file, &now) == 0 ? !same(&now, &s->limits_stat) : errno == ENOENT;

    if (apart == s->limits_apart)
        return;
    s->limits_apart = apart;
    if (!apart) {
        clientid__sync_news(s, "limits file %.200s is the one in use again", file);
        return;
    }
    clientid__fail(
        &error, CLIENTID_ERR_STALE,
        "limits file %.200s was removed or replaced: this process goes on with the old "
        "one, and what starts from now on has a quota of its own. Restart all that use it",
        file);
    clientid__sync_say(s, &error);
}

/* What is written into a folder that was moved away, no restart would find. */
static void look_at_state(struct clientid_sync *s)
{
    struct clientid__folder folder;
    struct stat named, opened;

    if (stat(s->state, &named) != 0 || fstat(s->folder.fd, &opened) != 0 || same(&named, &opened) ||
        clientid__folder_open(&folder, s->mem, s->state, s->folder.read_only, NULL) != 0)
        return;
    clientid__sync_news(s, "the state folder was replaced: the new one is used from now on");
    clientid__sync_renounce(s);
    clientid__folder_close(&s->folder);
    s->folder = folder;
    s->files_apart = true;
    s->disk_next_ns = 0;
}

void clientid__names_look(struct clientid_sync *s, uint64_t now_ns)
{
    if (now_ns >= s->looked_ns && now_ns - s->looked_ns < LOOK_NS)
        return;
    s->looked_ns = now_ns;
    if (s->has_limits_file)
        look_at_limits(s);
    if (s->has_folder)
        look_at_state(s);
}
