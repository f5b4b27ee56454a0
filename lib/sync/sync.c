/* SPDX-License-Identifier: Apache-2.0 */
/* One round after the other; whatever fails, what is in force stays in force. */
#include "sync/sync.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define INTERVAL_NS     50000000ULL
#define WAIT_MOST_NS    15000000000ULL
#define FOLLOW_MOST_NS  1000000000ULL
#define DISK_WAIT_NS    1000000000ULL
#define DRAFT_CONTRACTS 8192       /* some 3 ms */
#define DRAFT_WAIT_NS   2000000ULL /* between two pieces of a snapshot */

/* ---- what the others tell ---------------------------------------------------------------------- */

void clientid__sync_say(const struct clientid_sync *s, const clientid_error *error)
{
    if (s->options.log != NULL)
        s->options.log(s->options.log_self, error);
}

void clientid__sync_news(const struct clientid_sync *s, const char *format, ...)
{
    clientid_error news = {0};
    va_list args;

    va_start(args, format);
    vsnprintf(news.text, sizeof(news.text), format, args);
    va_end(args);
    clientid__sync_say(s, &news);
}

int clientid__sync_apply(void *registry, const clientid_event *event)
{
    return clientid__registry_apply(registry, event);
}

static void report(struct clientid_sync *s)
{
    s->status.durable_revision = s->has_folder && s->folder.durable.identity == s->status.identity
                                     ? s->folder.durable.revision
                                     : 0;
    clientid__gateway_synced(s->gateway, &s->status);
}

void clientid__sync_publish(struct clientid_sync *s, struct clientid__registry *registry,
                            clientid_position position, uint64_t contact_ns, uint64_t now_ns)
{
    s->loaded = true;
    s->torn = false;
    s->status.identity = position.identity;
    s->status.revision = position.revision;
    s->status.contact_ns = contact_ns;
    s->status.change_ns = now_ns;
    s->status.full_loads++;
    clientid__gateway_publish(s->gateway, registry);
    report(s);
}

/* ---- new, del ---------------------------------------------------------------------------------- */

static int check_arguments(const clientid_gateway *gateway, const clientid_source *source,
                           const clientid_sync_options *options, clientid_error *error)
{
    if (gateway == NULL || options == NULL || options->size != sizeof(*options) ||
        options->mode > CLIENTID_SYNC_SHARE || options->reserved != 0)
        return clientid__fail(error, CLIENTID_ERR_ARG, "options of another size or unknown flags");
    if (source != NULL &&
        (source->size != sizeof(*source) || source->load == NULL || source->changes == NULL))
        return clientid__fail(error, CLIENTID_ERR_ARG, "a source of another size or without load");
    if (source == NULL && options->state == NULL)
        return clientid__fail(error, CLIENTID_ERR_ARG, "neither a source nor a state folder");
    return 0;
}

static struct clientid_sync *make(clientid_gateway *gateway, const clientid_source *source,
                                  const clientid_sync_options *options)
{
    const clientid_allocator *mem = clientid__gateway_mem(gateway);
    struct clientid_sync *s = clientid__alloc(mem, 1, sizeof(*s));
    uint64_t seed;

    if (s == NULL)
        return NULL;
    s->mem = mem;
    s->gateway = gateway;
    s->options = *options;
    s->options.state = NULL; /* the caller's */
    if (s->options.interval_ns == 0)
        s->options.interval_ns = INTERVAL_NS;
    s->has_source = source != NULL;
    if (source != NULL)
        s->source = *source;
    s->writes = options->state != NULL && options->mode == CLIENTID_SYNC_WRITE && source != NULL;
    s->vouched = s->writes;
    clientid__table_seen(clientid__gateway_table(gateway), &s->first_seen.identity,
                         &s->first_seen.revision);
    s->ask = true;
    s->piece_contracts = DRAFT_CONTRACTS;
    s->round.frames.mem = mem;
    seed = clientid__mix64(((uint64_t)getpid() << 32) ^ (uintptr_t)s ^
                           clientid__table_seed(clientid__gateway_table(gateway)));
    s->wait = (struct clientid__backoff){s->options.interval_ns, WAIT_MOST_NS, seed, 0, 0};
    s->disk_wait = (struct clientid__backoff){DISK_WAIT_NS, WAIT_MOST_NS, ~seed, 0, 0};
    s->files_wait =
        (struct clientid__backoff){s->options.interval_ns, WAIT_MOST_NS, seed + 1, 0, 0};
    atomic_init(&s->stopping, false);
    return s;
}

/* Only arguments and another writer keep a gateway from starting; a disk that fails is tried again later. */
static int open_folder(struct clientid_sync *s, clientid_error *error)
{
    clientid_error trouble = {0};
    int rv = clientid__folder_open(&s->folder, s->mem, s->state, !s->writes, error);

    if (rv != 0)
        return rv;
    s->has_folder = true;
    clientid__folder_read_contact(&s->folder);
    s->first_contact_ns = s->folder.contact.time_ns;
    rv = s->writes ? clientid__folder_lock(&s->folder, &trouble) : 0;
    if (rv == CLIENTID_ERR_BUSY)
        return clientid__fail(error, rv, "%s", trouble.text);
    if (rv != 0) {
        s->disk_code = rv;
        clientid__sync_say(s, &trouble);
    }
    clientid__sync_take_first(s);
    return 0;
}

static void first_load(struct clientid_sync *s)
{
    clientid_error error = {0};

    if (s->has_folder && !s->files_tried &&
        clientid__gateway_gatekeeper(s->gateway) != CLIENTID__GATEKEEPER_STRICT &&
        clientid__sync_load_files(s, 0, &error) != 0)
        clientid__sync_say(s, &error);
}

static void close_source(const clientid_source *source)
{
    if (source != NULL && source->size == sizeof(*source) && source->close != NULL)
        source->close(source->self);
}

int clientid_sync_new(clientid_sync **out, clientid_gateway *gateway, const clientid_source *source,
                      const clientid_sync_options *options, clientid_error *error)
{
    struct clientid_sync *s = NULL;
    int rv;

    if (out == NULL) {
        close_source(source);
        return clientid__fail(error, CLIENTID_ERR_ARG, "no place for the sync");
    }
    rv = check_arguments(gateway, source, options, error);
    if (rv == 0) {
        s = make(gateway, source, options);
        if (s == NULL)
            rv = clientid__fail(error, CLIENTID_ERR_NOMEM, "no memory for the sync");
    }
    if (s == NULL) {
        close_source(source);
        return rv;
    }
    rv = clientid__names_keep(s, options->state);
    if (rv != 0)
        clientid__fail(error, rv, "no memory for the sync");
    else if (s->state != NULL)
        rv = open_folder(s, error);
    if (rv != 0) {
        clientid_sync_del(s);
        return rv;
    }
    first_load(s);
    report(s);
    *out = s;
    return 0;
}

void clientid_sync_del(clientid_sync *s)
{
    if (s == NULL)
        return;
    clientid__sync_stop(s);
    if (s->has_folder)
        clientid__folder_close(&s->folder);
    if (s->has_source)
        close_source(&s->source);
    clientid__bytes_free(&s->round.frames);
    clientid__free(s->mem, s->state);
    clientid__free(s->mem, s);
}

/* ---- step -------------------------------------------------------------------------------------- */

/* Each trouble is told once, and its end. */
static void say_change(struct clientid_sync *s, int rv, const clientid_error *error)
{
    if (rv == s->source_code)
        return;
    if (rv != 0)
        clientid__sync_say(s, error);
    else if (s->source_code != 0)
        clientid__sync_news(s, "in step again, at revision %llu",
                            (unsigned long long)s->status.revision);
    s->source_code = rv;
}

static void watch_age(struct clientid_sync *s, uint64_t now_ns)
{
    uint64_t most = clientid__gateway_maximum_age_ns(s->gateway);
    clientid_error error = {0};
    bool expired;

    /* A contact from the future, of a clock that was put back, would never grow old. */
    if (s->status.contact_ns > now_ns)
        s->status.contact_ns = now_ns;
    expired = s->loaded && most != 0 && now_ns - s->status.contact_ns > most;
    if (expired && !s->expired) {
        clientid__fail(&error, CLIENTID_ERR_STALE,
                       "no contact with the source for %llu s: contracts no longer count",
                       (unsigned long long)((now_ns - s->status.contact_ns) / 1000000000U));
        clientid__sync_say(s, &error);
    }
    s->expired = expired;
}

static uint64_t wait_after(struct clientid_sync *s, int rv)
{
    /* Files that a writer is about to make are cheap to look for; those that are refused are not. */
    bool cheap = !s->has_source && (rv == CLIENTID_ERR_NOT_FOUND ||
                                    rv == CLIENTID_ERR_UNREACHABLE || rv == CLIENTID_ERR_BUSY);

    if (rv == 0) {
        clientid__backoff_reset(&s->wait);
        return s->options.interval_ns;
    }
    s->status.errors++;
    s->wait.most_ns = cheap ? FOLLOW_MOST_NS : WAIT_MOST_NS;
    return clientid__backoff_wait(&s->wait);
}

static uint64_t after(uint64_t now_ns, uint64_t wait_ns)
{
    return wait_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + wait_ns;
}

/* A source that fails is spared; the files that stand in for it meanwhile are not. */
static int ask_source(struct clientid_sync *s, uint64_t now_ns, clientid_error *trouble)
{
    int rv;

    if ((clientid__sync_may_fall_back(s) || clientid__sync_drafts(s)) && s->source_code != 0 &&
        now_ns < s->source_next_ns && s->source_next_ns - now_ns <= WAIT_MOST_NS) {
        *trouble = s->trouble;
        return s->source_code;
    }
    clientid__sync_take(s, now_ns);
    rv = clientid__sync_feed(s, now_ns, trouble);
    s->trouble = *trouble;
    s->source_next_ns = after(now_ns, wait_after(s, rv));
    return rv;
}

static uint64_t next_time(struct clientid_sync *s, int rv, uint64_t now_ns)
{
    uint64_t files_ns = UINT64_MAX;

    if (!s->has_source)
        return after(now_ns, wait_after(s, rv));
    if (clientid__sync_drafts(s))
        files_ns = after(now_ns, DRAFT_WAIT_NS);
    else if (rv != 0 && clientid__sync_may_fall_back(s))
        files_ns = after(now_ns, s->options.interval_ns);
    return files_ns < s->source_next_ns ? files_ns : s->source_next_ns;
}

int clientid_sync_step(clientid_sync *s, uint64_t now_ns, uint64_t *next_ns, clientid_error *error)
{
    clientid_error trouble = {0};
    int rv;

    if (s == NULL || next_ns == NULL)
        return clientid__fail(error, CLIENTID_ERR_ARG, "no sync, or no place for the next time");
    if (s->has_source && !s->loaded)
        first_load(s);
    rv = s->has_source ? ask_source(s, now_ns, &trouble)
                       : clientid__sync_follow(s, now_ns, &trouble);
    if (rv != 0 && s->has_source)
        clientid__sync_fall_back(s, now_ns);
    say_change(s, rv, &trouble);
    s->in_step = rv == 0;
    clientid__sync_upkeep(s, now_ns);
    clientid__sync_yield(s, now_ns);
    clientid__sync_follow_durable(s);
    clientid__names_look(s, now_ns);
    watch_age(s, now_ns);
    *next_ns = next_time(s, rv, now_ns);
    report(s);
    if (rv != 0 && error != NULL)
        *error = trouble;
    return rv;
}
