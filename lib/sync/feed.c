/* SPDX-License-Identifier: Apache-2.0 */
/* What is in force is the source as it was at one revision; a load that fails leaves it as it is. */
#include "sync/sync.h"

#include "base/error.h"

#define ROUND_MOST (64u << 20) /* bytes; a full load costs less memory than a longer round */

static bool is_before(clientid_position a, clientid_position b)
{
    return a.identity != b.identity || a.revision < b.revision;
}

/* A source that fails without saying why still gets a sentence. */
static int failed(int rv, const char *what, clientid_error *error)
{
    if (error->code == rv)
        return rv;
    return clientid__fail(error, rv, "%s: %s", what, clientid_strerror(rv));
}

/* ---- full load --------------------------------------------------------------------------------- */

struct loading {
    struct clientid_sync *sync;
    struct clientid__registry *registry;
    int code; /* the first error; kept, should the source not pass it on */
};

static int load_event(void *self, const clientid_event *event)
{
    struct loading *l = self;

    if (l->code == 0 && atomic_load(&l->sync->stopping))
        l->code = CLIENTID_ERR_UNREACHABLE;
    if (l->code == 0)
        l->code = clientid__registry_apply(l->registry, event);
    return l->code;
}

static int load(struct clientid_sync *s, struct loading *l, clientid_position *position,
                clientid_error *error)
{
    int rv = clientid__gateway_registry_new(s->gateway, &l->registry);

    if (rv != 0)
        return clientid__fail(error, rv, "no memory for the registry");
    rv = clientid__registry_load_begin(l->registry, 0);
    if (rv == 0)
        rv = s->source.load(s->source.self, load_event, l, position, error);
    clientid__registry_load_end(l->registry);
    if (rv == 0)
        rv = l->code;
    if (rv == 0)
        return 0;
    clientid__registry_del(l->registry);
    return failed(rv, "the source cannot be loaded", error);
}

/* The source is the truth, also when it says less than it did: a database was restored. */
static void note_position(struct clientid_sync *s, clientid_position seen,
                          clientid_position position)
{
    struct clientid__table *table = clientid__gateway_table(s->gateway);

    if (seen.identity == 0 || !is_before(position, seen)) {
        clientid__table_see(table, position.identity, position.revision);
        return;
    }
    clientid__table_set_seen(table, position.identity, position.revision);
    clientid__sync_news(s,
                        position.identity != seen.identity
                            ? "the source holds other data now, at revision %llu"
                            : "the source went back to revision %llu",
                        (unsigned long long)position.revision);
}

static int full_load(struct clientid_sync *s, uint64_t now_ns, clientid_error *error)
{
    struct loading l = {.sync = s};
    clientid_position position = {0, 0};
    clientid_position seen;
    bool was_loaded = s->loaded;
    int rv;

    /* Before the load: what others see meanwhile must not look as if this source went back. */
    clientid__table_seen(clientid__gateway_table(s->gateway), &seen.identity, &seen.revision);
    if (s->loaded && seen.identity == 0)
        seen = clientid__sync_position(s);
    rv = load(s, &l, &position, error);
    if (rv != 0)
        return rv;
    /* It may hold revocations: on disk before in force.  With nothing in force, nobody is kept waiting. */
    if (was_loaded)
        clientid__sync_keep_all(s, l.registry, position, now_ns);
    s->status.from_source = 1;
    s->files_apart = true;
    note_position(s, seen, position);
    clientid__sync_publish(s, l.registry, position, now_ns, now_ns);
    if (!was_loaded)
        clientid__sync_keep_soon(s, now_ns);
    return 0;
}

/* ---- deltas ------------------------------------------------------------------------------------ */

static int collect(void *self, const clientid_event *event)
{
    struct clientid_sync *s = self;

    if (s->round_code != 0)
        return s->round_code;
    if (atomic_load(&s->stopping))
        s->round_code = CLIENTID_ERR_UNREACHABLE;
    else if (s->round.frames.len > ROUND_MOST)
        s->round_code = CLIENTID_ERR_GAP;
    else
        s->round_code = clientid__round_add(&s->round, event);
    return s->round_code;
}

/* Takes what changed into |round|.  CLIENTID_ERR_GAP: only a full load can help. */
static int take_round(struct clientid_sync *s, clientid_position *position, clientid_error *error)
{
    clientid_position before = clientid__sync_position(s);
    int rv;

    *position = before;
    clientid__round_clear(&s->round);
    s->round_code = 0;
    rv = s->source.changes(s->source.self, collect, s, position, error);
    if (s->round_code != 0)
        rv = s->round_code;
    if (rv == CLIENTID_ERR_ARG)
        return clientid__fail(error, CLIENTID_ERR_GAP, "a change of the source breaks the rules");
    if (rv == CLIENTID_ERR_GAP)
        return rv;
    if (rv != 0)
        return failed(rv, "the source does not tell its changes", error);
    if (is_before(*position, before))
        return clientid__fail(error, CLIENTID_ERR_GAP, "the source went back");
    return 0;
}

static int apply_round(struct clientid_sync *s, clientid_position position, uint64_t now_ns,
                       clientid_error *error)
{
    struct clientid__registry *registry = clientid__gateway_registry(s->gateway);
    int rv;

    if (s->round.events == 0 && position.revision == s->status.revision)
        return 0;
    rv = clientid__round_commit(&s->round, position.revision, now_ns);
    if (rv != 0)
        return clientid__fail(error, rv, "no memory for the changes");
    s->files_apart = true;
    clientid__sync_keep_round(s, position, now_ns);
    /* Before it counts: files without it, of a writer that polls later, are then refused after a crash of all. */
    clientid__table_see(clientid__gateway_table(s->gateway), position.identity, position.revision);
    rv = clientid__registry_load_begin(registry, 0);
    if (rv == 0)
        rv = clientid__round_each(&s->round, clientid__sync_apply, registry);
    clientid__registry_load_end(registry);
    s->torn = rv != 0;
    if (rv != 0)
        return clientid__fail(error, CLIENTID_ERR_GAP, "a change cannot be applied: %s",
                              clientid_strerror(rv));
    s->status.revision = position.revision;
    s->status.change_ns = now_ns;
    return 0;
}

static int deltas(struct clientid_sync *s, uint64_t now_ns, clientid_error *error)
{
    clientid_position position;
    int rv = take_round(s, &position, error);

    return rv != 0 ? rv : apply_round(s, position, now_ns, error);
}

/* ---- a round ----------------------------------------------------------------------------------- */

/* 1: the source has to be asked, 0: nothing changed. */
static int poll_source(struct clientid_sync *s, clientid_error *error)
{
    int rv;

    if (s->ask || s->source.poll == NULL)
        return 1;
    rv = s->source.poll(s->source.self, error);
    /* A poll tells each change once: it must not be forgotten when what follows fails. */
    s->ask = rv != 0;
    return rv < 0 ? failed(rv, "the source does not answer", error) : rv;
}

static int take_changes(struct clientid_sync *s, uint64_t now_ns, clientid_error *error)
{
    int rv = poll_source(s, error);

    if (rv <= 0)
        return rv;
    rv = deltas(s, now_ns, error);
    if (rv != CLIENTID_ERR_GAP)
        return rv;
    if (error->code == rv)
        clientid__sync_say(s, error);
    *error = (clientid_error){0};
    return full_load(s, now_ns, error);
}

int clientid__sync_feed(struct clientid_sync *s, uint64_t now_ns, clientid_error *error)
{
    int rv = s->loaded ? take_changes(s, now_ns, error) : full_load(s, now_ns, error);

    if (rv != 0)
        return rv;
    s->ask = false;
    s->status.from_source = 1;
    s->status.contact_ns = now_ns;
    return 0;
}
