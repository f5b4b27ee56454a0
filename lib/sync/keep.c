/* SPDX-License-Identifier: Apache-2.0 */
/* What takes access away is on disk before it is in force; a disk that fails delays neither. */
#include "sync/sync.h"

#include "base/error.h"

#define TOUCH_NS   2000000000ULL
#define LOAD_TRIES 3

static int each_of(const void *registry, clientid_event_fn *emit, void *sink)
{
    return clientid__registry_each(registry, emit, sink);
}

/* ---- disk trouble ------------------------------------------------------------------------------ */

static void disk_failed(struct clientid_sync *s, const clientid_error *error, uint64_t now_ns)
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

/* The limits table remembers across restarts, and for all processes that share it. */
static int check_seen(struct clientid_sync *s, clientid_position position, clientid_error *error)
{
    uint64_t identity, revision;

    clientid__table_seen(clientid__gateway_table(s->gateway), &identity, &revision);
    if (identity == 0 || (identity == position.identity && position.revision >= revision))
        return 0;
    return clientid__fail(error, CLIENTID_ERR_STALE,
                          "the files end at revision %llu, the limits table has seen %s %llu",
                          (unsigned long long)position.revision,
                          identity == position.identity ? "revision" : "other data, at revision",
                          (unsigned long long)revision);
}

static int load_once(struct clientid_sync *s, uint64_t now_ns, clientid_error *error)
{
    struct clientid__registry *registry;
    struct clientid__saved saved;
    int rv = clientid__gateway_registry_new(s->gateway, &registry);

    if (rv != 0)
        return clientid__fail(error, rv, "no memory for the registry");
    rv = clientid__folder_load(&s->folder, clientid__sync_apply, registry, &saved, error);
    if (rv == 0)
        rv = check_seen(s, saved.position, error);
    if (rv != 0) {
        clientid__journal_close(&s->folder.journal);
        clientid__registry_del(registry);
        return rv;
    }
    s->files_ahead = false;
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
        disk_failed(s, &error, now_ns);
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
    if (contact->time_ns > s->status.contact_ns)
        s->status.contact_ns = contact->time_ns;
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
    s->files_ahead = rv != 0;
    if (journal->bytes == bytes)
        return rv;
    s->status.revision = journal->position.revision;
    s->status.change_ns = now_ns;
    s->folder.durable = journal->position;
    if (journal->time_ns > s->status.contact_ns)
        s->status.contact_ns = journal->time_ns;
    return rv;
}

int clientid__sync_follow(struct clientid_sync *s, uint64_t now_ns, clientid_error *error)
{
    enum clientid__folder_news news = CLIENTID__FOLDER_REPLACED;
    int rv = await_writer(s, error);

    if (rv != 0)
        return rv;
    if (s->loaded && !s->files_ahead)
        news = clientid__folder_look(&s->folder);
    if (news == CLIENTID__FOLDER_REPLACED) {
        s->files_ahead = true;
        rv = clientid__sync_load_files(s, now_ns, error);
    } else if (news == CLIENTID__FOLDER_GREW) {
        rv = read_on(s, now_ns, error);
    }
    if (rv == 0)
        take_contact(s);
    return rv;
}

void clientid__sync_fall_back(struct clientid_sync *s, uint64_t now_ns)
{
    clientid_error error = {0};

    if (!s->has_folder || s->writes ||
        (!s->status.from_source &&
         clientid__gateway_gatekeeper(s->gateway) == CLIENTID__GATEKEEPER_STRICT))
        return;
    clientid__folder_read_contact(&s->folder);
    if (s->loaded && (s->folder.contact.position.identity != s->status.identity ||
                      s->folder.contact.position.revision <= s->status.revision)) {
        take_contact(s);
        return;
    }
    if (clientid__sync_load_files(s, now_ns, &error) == 0) {
        s->ask = true;
        take_contact(s);
    }
}

/* ---- keep -------------------------------------------------------------------------------------- */

void clientid__sync_keep_round(struct clientid_sync *s, clientid_position position, uint64_t now_ns)
{
    clientid_error error = {0};

    if (!s->writes)
        return;
    if (clientid__folder_append(&s->folder, &s->round, position, now_ns, &error) != 0 &&
        s->disk_code == 0)
        disk_failed(s, &error, now_ns);
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
    disk_failed(s, &error, now_ns);
}

/* A clock that was put back must not keep the folder waiting for longer than the wait was. */
static bool is_due(const struct clientid_sync *s, uint64_t now_ns)
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
        disk_failed(s, &error, now_ns);
}

void clientid__sync_upkeep(struct clientid_sync *s, uint64_t now_ns)
{
    clientid_error error = {0};

    if (!s->writes || !s->loaded)
        return;
    touch(s, now_ns);
    if ((clientid__folder_appendable(&s->folder) && !clientid__folder_outgrown(&s->folder)) ||
        !is_due(s, now_ns))
        return;
    if (clientid__folder_save(&s->folder, each_of, clientid__gateway_registry(s->gateway),
                              clientid__sync_position(s), s->status.contact_ns, &error) == 0)
        disk_works(s, now_ns);
    else
        disk_failed(s, &error, now_ns);
}
