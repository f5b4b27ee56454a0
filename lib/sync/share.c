/* SPDX-License-Identifier: Apache-2.0 */
/* Of the syncs that share a folder at most one writes, and only what its source said while it held the lock. */
#include "sync/sync.h"

#include "base/error.h"

#define YIELD_NS 2000000000ULL

static bool shares(const struct clientid_sync *s)
{
    return s->options.mode == CLIENTID_SYNC_SHARE && s->has_folder && s->has_source;
}

static void take(struct clientid_sync *s, uint64_t now_ns)
{
    clientid_error error = {0};
    int rv = clientid__folder_lock(&s->folder, &error);

    if (rv == CLIENTID_ERR_BUSY) {
        if (!s->follows)
            clientid__sync_news(s, "another process writes the last-known-good files");
        s->follows = true;
        return;
    }
    if (rv != 0) {
        clientid__sync_disk_failed(s, &error, now_ns);
        return;
    }
    if (now_ns != 0)
        clientid__sync_news(s, "this process writes the last-known-good files from now on");
    s->writes = true;
    s->vouched = false;
    s->files_apart = true; /* only what a writer loads can it go on from */
    s->follows = false;
    s->disk_code = 0;
    s->disk_next_ns = 0;
    clientid__backoff_reset(&s->disk_wait);
}

void clientid__sync_take_first(struct clientid_sync *s)
{
    if (shares(s))
        take(s, 0);
}

/*
 * Before a round: whatever another writer wrote before it went, its source had said, so what ours says now is later.
 * One that is not in step has nothing to write, and would keep those away that are.
 */
void clientid__sync_take(struct clientid_sync *s, uint64_t now_ns)
{
    if (shares(s) && !s->writes && s->in_step && clientid__sync_disk_due(s, now_ns))
        take(s, now_ns);
}

void clientid__sync_renounce(struct clientid_sync *s)
{
    if (!shares(s) || !s->writes)
        return;
    clientid__folder_unlock(&s->folder);
    s->writes = false;
    s->vouched = false;
    s->files_apart = true; /* nothing tells any more where memory stands in the files */
}

static void yield_to(struct clientid_sync *s, const char *who)
{
    clientid__sync_renounce(s);
    clientid__sync_news(s, "the last-known-good files are left to %s", who);
}

static bool failed_long(struct clientid_sync *s, uint64_t now_ns)
{
    if (s->in_step || s->failing_ns == 0 || s->failing_ns > now_ns) {
        s->failing_ns = s->in_step ? 0 : now_ns;
        return false;
    }
    return now_ns - s->failing_ns >= YIELD_NS;
}

void clientid__sync_yield(struct clientid_sync *s, uint64_t now_ns)
{
    if (!shares(s) || !s->writes)
        return;
    if (failed_long(s, now_ns))
        yield_to(s, "a process that reaches the source");
    else if (!clientid__folder_owned(&s->folder))
        yield_to(s, "who has the new lock: the old one was removed");
}

void clientid__sync_follow_durable(struct clientid_sync *s)
{
    clientid_position files;

    if (!shares(s) || s->writes)
        return;
    clientid__folder_read_contact(&s->folder);
    files = s->folder.contact.position;
    /* The highest number is the mark of a history that was left. */
    if (files.identity != 0 && files.revision != UINT64_MAX)
        s->folder.durable = files;
}
