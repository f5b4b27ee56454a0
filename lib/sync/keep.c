/* SPDX-License-Identifier: Apache-2.0 */
/* What takes access away is on disk before it is in force; a disk that fails delays neither. */
#include "sync/sync.h"

#include "base/error.h"

#define TOUCH_NS   2000000000ULL
#define LOAD_TRIES 3

#define DRAFTS_MOST 3

static int each_of(const void *registry, clientid_event_fn *emit, void *sink)
{
    return clientid__registry_each(registry, emit, sink);
}

/* ---- disk trouble ------------------------------------------------------------------------------ */

void clientid__sync_disk_failed(struct clientid_sync *s, const clientid_error *error,
                                uint64_t now_ns)
{
    if (s->disk_code != error->code)
        clientid__sync_say(s, error);
    s->disk_code = error->code;
    s->disk_next_ns = now_ns + clientid__backoff_wait(&s->disk_wait);
}

static void disk_works(struct clientid_sync *s, uint64_t now_ns)
{
    if (s->disk_code != 0)
        clientid__sync_news(s, "the last-known-good files are written again, at revision %llu",
                            (unsigned long long)s->folder.durable.revision);
    s->disk_code = 0;
    s->touched_ns = now_ns;
    clientid__backoff_reset(&s->disk_wait);
}

/* ---- load -------------------------------------------------------------------------------------- */

static bool reaches(clientid_position position, clientid_position seen)
{
    return seen.identity == 0 ||
           (seen.identity == position.identity && position.revision >= seen.revision);
}

/*
 * The limits table remembers across restarts, and for all processes that share it.  While others work it is ahead of
 * the files by what the writer has not polled yet: what it had seen when this process began is what must be there.
 */
static int check_seen(struct clientid_sync *s, clientid_position position, clientid_error *error)
{
    clientid_position seen;

    clientid__table_seen(clientid__gateway_table(s->gateway), &seen.identity, &seen.revision);
    if (reaches(position, s->loaded ? clientid__sync_position(s) : s->first_seen))
        return 0;
    /* Only a source, or the writer of the files for one that has none, may say that things went back. */
    if (reaches(position, seen) && !(s->loaded && s->has_source))
        return 0;
    return clientid__fail(error, CLIENTID_ERR_STALE,
                          "the files end at revision %llu, the limits table has seen %s %llu",
                          (unsigned long long)position.revision,
                          seen.identity == position.identity ? "revision"
                                                             : "other data, at revision",
                          (unsigned long long)seen.revision);
}

static int load_once(struct clientid_sync *s, uint64_t now_ns, clientid_error *error)
{
    struct clientid__registry *registry;
    struct clientid__saved saved;
    int rv = clientid__gateway_registry_new(s->gateway, &registry);

    if (rv != 0)
        return clientid__fail(error, rv, "no memory for the registry");
    rv = clientid__registry_load_begin(registry, clientid__folder_expected(&s->folder));
    if (rv == 0)
        rv = clientid__folder_load(&s->folder, clientid__sync_apply, registry, &saved, error);
    clientid__registry_load_end(registry);
    if (rv == 0)
        rv = check_seen(s, saved.position, error);
    if (rv != 0) {
        clientid__journal_close(&s->folder.journal);
        clientid__registry_del(registry);
        return rv;
    }
    s->files_apart = false;
    clientid__sync_publish(s, registry, saved.position, saved.contact_ns, now_ns);
    clientid__sync_news(s, "revision %llu was loaded from the last-known-good files%s",
                        (unsigned long long)saved.position.revision,
                        saved.lost_bytes > 0 ? "; the end of the journal is torn and does not count"
                                             : "");
    return 0;
}

/* The writer goes on where the files end. */
static void resume(struct clientid_sync *s, uint64_t now_ns)
{
    clientid_error error = {0};

    if (s->folder.lock >= 0 && clientid__folder_resume(&s->folder, &error) != 0)
        clientid__sync_disk_failed(s, &error, now_ns);
}

int clientid__sync_load_files(struct clientid_sync *s, uint64_t now_ns, clientid_error *error)
{
    int rv = CLIENTID_ERR_BUSY;

    s->files_tried = true;
    for (int i = 0; i < LOAD_TRIES && rv == CLIENTID_ERR_BUSY; i++)
        rv = load_once(s, now_ns, error);
    if (rv == 0 && s->writes)
        resume(s, now_ns);
    return rv;
}

/* ---- follow ------------------------------------------------------------------------------------ */

/* What the writer says about its own contact holds for us as far as we have what it had. */
static void take_contact(struct clientid_sync *s)
{
    const struct clientid__contact *contact = &s->folder.contact;

    if (!s->loaded || contact->position.identity != s->status.identity ||
        contact->position.revision > s->status.revision)
        return;
    /* Once: one from the future, cut to now each time it is read, would never grow old. */
    if (contact->time_ns > s->status.contact_ns && contact->time_ns != s->taken_contact_ns)
        s->status.contact_ns = contact->time_ns;
    s->taken_contact_ns = contact->time_ns;
    if (contact->time_ns > s->first_contact_ns)
        s->status.from_source = 1;
}

/* Strict: the files count once their writer has been in touch with the source in our time. */
static int await_writer(struct clientid_sync *s, clientid_error *error)
{
    if (clientid__gateway_gatekeeper(s->gateway) != CLIENTID__GATEKEEPER_STRICT || s->loaded)
        return 0;
    clientid__folder_read_contact(&s->folder);
    if (s->folder.contact.position.identity != 0 && s->folder.contact.time_ns > s->first_contact_ns)
        return 0;
    return clientid__fail(error, CLIENTID_ERR_UNREACHABLE,
                          "the writer of the last-known-good files was not in touch with the "
                          "source since this process started");
}

static int read_on(struct clientid_sync *s, uint64_t now_ns, clientid_error *error)
{
    struct clientid__journal *journal = &s->folder.journal;
    uint64_t bytes = journal->bytes;
    int rv = clientid__journal_read(journal, s->mem, clientid__sync_apply,
                                    clientid__gateway_registry(s->gateway), error);

    /* After half a round nothing but a load makes memory equal to the files again. */
    s->files_apart = rv != 0;
    if (journal->bytes == bytes)
        return rv;
    s->status.revision = journal->position.revision;
    s->status.change_ns = now_ns;
    s->folder.durable = journal->position;
    if (journal->time_ns > s->status.contact_ns)
        s->status.contact_ns = journal->time_ns;
    return rv;
}

/* Brings memory to where the files are. */
static int catch_up(struct clientid_sync *s, uint64_t now_ns, clientid_error *error)
{
    enum clientid__folder_news news = CLIENTID__FOLDER_REPLACED;

    if (s->loaded && !s->files_apart)
        news = clientid__folder_look(&s->folder);
    if (news == CLIENTID__FOLDER_SAME)
        return 0;
    if (news == CLIENTID__FOLDER_GREW)
        return read_on(s, now_ns, error);
    s->files_apart = true;
    return clientid__sync_load_files(s, now_ns, error);
}

int clientid__sync_follow(struct clientid_sync *s, uint64_t now_ns, clientid_error *error)
{
    int rv = await_writer(s, error);

    if (rv == 0)
        rv = catch_up(s, now_ns, error);
    if (rv == 0)
        take_contact(s);
    return rv;
}

static bool files_are_later(const struct clientid_sync *s)
{
    clientid_position files = s->folder.contact.position;

    return !s->loaded ||
           (files.identity == s->status.identity && files.revision > s->status.revision);
}

void clientid__sync_fall_back(struct clientid_sync *s, uint64_t now_ns)
{
    clientid_error error = {0};
    int rv;

    if (!clientid__sync_may_fall_back(s) || await_writer(s, &error) != 0 ||
        (now_ns < s->files_next_ns && s->files_next_ns - now_ns <= s->files_wait.most_ns))
        return;
    clientid__folder_read_contact(&s->folder);
    rv = files_are_later(s) ? catch_up(s, now_ns, &error) : 0;
    if (rv != s->files_code && rv != 0)
        clientid__sync_say(s, &error);
    s->files_code = rv;
    if (rv != 0) {
        s->files_next_ns = now_ns + clientid__backoff_wait(&s->files_wait);
        return;
    }
    clientid__backoff_reset(&s->files_wait);
    s->ask = true;
    take_contact(s);
}

/* ---- keep -------------------------------------------------------------------------------------- */

/*
 * A record that is still to be written may hold a tier that the draft would have removed before: it could not be
 * loaded.  So the draft begins anew.
 */
static int put_change(void *draft, const clientid_event *event)
{
    return event->type == CLIENTID_EVENT_TIER_REMOVED ? CLIENTID_ERR_GAP
                                                      : clientid__snapshot_put(draft, event);
}

static int each_change(const void *round, clientid_event_fn *emit, void *sink)
{
    (void)emit;
    return clientid__round_each(round, put_change, sink);
}

static void draft_round(struct clientid_sync *s, uint64_t now_ns)
{
    clientid_error error = {0};
    int rv = clientid__folder_write(&s->folder, each_change, &s->round, &error);

    if (rv == CLIENTID_ERR_GAP)
        s->drafts_dropped++;
    else if (rv != 0)
        clientid__sync_disk_failed(s, &error, now_ns);
}

void clientid__sync_keep_round(struct clientid_sync *s, clientid_position position, uint64_t now_ns)
{
    clientid_error error = {0};

    if (!s->writes)
        return;
    /* A snapshot is due; until it is there, the files of before, if any, must not bring back what ends now. */
    if (!clientid__folder_appendable(&s->folder))
        clientid__folder_abandon(&s->folder, position, now_ns);
    else if (clientid__folder_append(&s->folder, &s->round, position, now_ns, &error) != 0 &&
             s->disk_code == 0)
        clientid__sync_disk_failed(s, &error, now_ns);
    if (clientid__sync_drafts(s))
        draft_round(s, now_ns);
}

void clientid__sync_keep_all(struct clientid_sync *s, const struct clientid__registry *registry,
                             clientid_position position, uint64_t now_ns)
{
    clientid_error error = {0};

    if (!s->writes)
        return;
    if (clientid__folder_save(&s->folder, each_of, registry, position, now_ns, &error) == 0) {
        disk_works(s, now_ns);
        return;
    }
    clientid__folder_abandon(&s->folder, position, now_ns);
    clientid__sync_disk_failed(s, &error, now_ns);
}

/* A clock that was put back must not keep the folder waiting for longer than the wait was. */
bool clientid__sync_disk_due(const struct clientid_sync *s, uint64_t now_ns)
{
    return now_ns >= s->disk_next_ns || s->disk_next_ns - now_ns > s->disk_wait.most_ns;
}

static void touch(struct clientid_sync *s, uint64_t now_ns)
{
    clientid_error error = {0};

    if (s->source_code != 0 || s->folder.lock < 0 ||
        (now_ns >= s->touched_ns && now_ns - s->touched_ns < TOUCH_NS))
        return;
    s->touched_ns = now_ns;
    if (clientid__folder_touch(&s->folder, clientid__sync_position(s), s->status.contact_ns,
                               &error) != 0 &&
        s->disk_code == 0)
        clientid__sync_disk_failed(s, &error, now_ns);
}

/* ---- a snapshot between the rounds -------------------------------------------------------------- */

struct piece {
    const struct clientid__registry *registry;
    struct clientid__registry_walk *walk;
    size_t contracts;
};

static int each_in_piece(const void *self, clientid_event_fn *emit, void *sink)
{
    const struct piece *p = self;

    return clientid__registry_some(p->registry, p->walk, p->contracts, emit, sink);
}

static int write_piece(struct clientid_sync *s, size_t contracts, clientid_error *error)
{
    struct piece piece = {clientid__gateway_registry(s->gateway), &s->walk, contracts};

    return clientid__folder_write(&s->folder, each_in_piece, &piece, error);
}

void clientid__sync_keep_soon(struct clientid_sync *s, uint64_t now_ns)
{
    clientid_error error = {0};
    clientid_position position = clientid__sync_position(s);
    int rv;

    if (!s->writes)
        return;
    s->walk = (struct clientid__registry_walk){.begun = false};
    rv = clientid__folder_begin(&s->folder, position, s->status.contact_ns, &error);
    /* Tiers at once: a change that is added next may name them. */
    if (rv == 0)
        rv = write_piece(s, 0, &error);
    if (rv < 0)
        clientid__sync_disk_failed(s, &error, now_ns);
    /* The files of before know less than what is in force by now. */
    if (!clientid__folder_appendable(&s->folder))
        clientid__folder_abandon(&s->folder, position, s->status.contact_ns);
}

/* Between the pieces changes are polled, kept, applied, and added to the draft: it ends at what is in force then. */
static void draft_on(struct clientid_sync *s, uint64_t now_ns)
{
    clientid_error error = {0};
    int rv =
        write_piece(s, s->drafts_dropped < DRAFTS_MOST ? s->piece_contracts : SIZE_MAX, &error);

    if (rv == 1) {
        rv = clientid__folder_flush(&s->folder, &error);
        if (rv != 0)
            clientid__sync_disk_failed(s, &error, now_ns);
        return;
    }
    if (rv == 0)
        rv = clientid__folder_finish(&s->folder, s->status.revision, s->status.contact_ns, &error);
    if (rv != 0) {
        clientid__sync_disk_failed(s, &error, now_ns);
        return;
    }
    s->drafts_dropped = 0;
    disk_works(s, now_ns);
}

void clientid__sync_upkeep(struct clientid_sync *s, uint64_t now_ns)
{
    if (!s->writes || !s->loaded || !(s->vouched || s->in_step))
        return;
    s->vouched = true;
    touch(s, now_ns);
    if (s->torn) {
        clientid__folder_drop(&s->folder);
        return;
    }
    if (!clientid__sync_drafts(s) &&
        (!clientid__folder_appendable(&s->folder) || clientid__folder_outgrown(&s->folder)) &&
        clientid__sync_disk_due(s, now_ns))
        clientid__sync_keep_soon(s, now_ns);
    if (clientid__sync_drafts(s))
        draft_on(s, now_ns);
}
