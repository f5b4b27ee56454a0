/* SPDX-License-Identifier: Apache-2.0 */
/* What is told is what all feeds have; requests go on under way between the calls. */
#include "anypoint/anypoint.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

#define SECOND_NS   1000000000ULL
#define LOAD_NS     (300 * SECOND_NS) /* a full pass of all API instances */
#define RETRY_NS    SECOND_NS         /* what changes() waits after a failure */
#define TURN_MS     100
#define PASSES_MOST 8  /* requests of a full pass at a time */
#define NEWS_MOST   64 /* pages of one API instance that nobody took */

uint64_t clientid__now_ns(void)
{
    struct timespec now = {0, 0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

int clientid__anypoint_failed(struct clientid__anypoint *a, const struct clientid__call *call,
                              const char *what, clientid_error *error)
{
    uint64_t wait_ns = a->config.interval_ns;

    if (call->failure[0] != '\0')
        return clientid__fail(error, CLIENTID_ERR_UNREACHABLE, "%s: %s", what, call->failure);
    if (call->status != 429 && (call->status != 503 || !call->has_retry_after))
        return clientid__fail(error, CLIENTID_ERR_UNREACHABLE, "%s: HTTP %ld", what, call->status);
    if (call->has_retry_after)
        wait_ns = call->retry_after_s * SECOND_NS;
    a->patience_ns = clientid__now_ns() + wait_ns;
    return clientid__fail(error, CLIENTID_ERR_UNREACHABLE, "%s: HTTP %ld, asked to wait %llu s",
                          what, call->status, (unsigned long long)(wait_ns / SECOND_NS));
}

/* ---- what is under way ------------------------------------------------------------------------- */

static void finish_calls(struct clientid__anypoint *a, uint64_t now_ns)
{
    clientid_error error = {0};
    int rv = 0;

    if (a->token.call != NULL && a->token.call->done)
        rv = clientid__token_finish(a, now_ns, &error);
    for (size_t i = 0; i < a->config.api_count; i++) {
        struct clientid__feed *feed = &a->feeds[i];

        if (feed->call != NULL && feed->call->done)
            clientid__feed_finish(a, feed);
        else if (rv != 0 && feed->call == NULL && !feed->rests)
            clientid__feed_fail(a, feed, &error);
    }
}

static bool is_due(const struct clientid__feed *feed, uint64_t now_ns)
{
    return feed->call == NULL && !feed->rests && !feed->gap &&
           feed->want != CLIENTID__WANT_NOTHING &&
           (now_ns >= feed->due_ns || feed->want == CLIENTID__WANT_TIERS) &&
           (feed->passing || feed->news_count < NEWS_MOST);
}

static size_t count_passing(const struct clientid__anypoint *a)
{
    size_t count = 0;

    for (size_t i = 0; i < a->config.api_count; i++)
        count += a->feeds[i].passing && a->feeds[i].call != NULL;
    return count;
}

/* True when a request is new. */
static bool start_calls(struct clientid__anypoint *a, uint64_t now_ns)
{
    size_t passing = count_passing(a);
    bool started = false;

    if (now_ns < a->patience_ns)
        return false;
    for (size_t i = 0; i < a->config.api_count; i++) {
        struct clientid__feed *feed = &a->feeds[i];
        clientid_error error = {0};

        if (!is_due(feed, now_ns) || (feed->passing && passing >= PASSES_MOST))
            continue;
        if (!clientid__token_get(a, now_ns, &error)) {
            started = started || a->token.call != NULL;
            if (error.code != 0)
                clientid__feed_fail(a, feed, &error);
            continue;
        }
        clientid__feed_start(a, feed);
        passing += feed->passing;
        started = true;
    }
    return started;
}

static void turn(struct clientid__anypoint *a)
{
    uint64_t now_ns = clientid__now_ns();

    clientid__http_perform(a->http);
    finish_calls(a, now_ns);
    if (start_calls(a, now_ns))
        clientid__http_perform(a->http);
}

static const struct clientid__feed *in_trouble(const struct clientid__anypoint *a)
{
    for (size_t i = 0; i < a->config.api_count; i++)
        if (a->feeds[i].trouble)
            return &a->feeds[i];
    return NULL;
}

static const struct clientid__feed *with_gap(const struct clientid__anypoint *a)
{
    for (size_t i = 0; i < a->config.api_count; i++)
        if (a->feeds[i].gap)
            return &a->feeds[i];
    return NULL;
}

static bool has_news(const struct clientid__anypoint *a)
{
    for (size_t i = 0; i < a->config.api_count; i++)
        if (clientid__feed_has_news(&a->feeds[i]))
            return true;
    return false;
}

static int fail_as(const struct clientid__feed *feed, clientid_error *error)
{
    if (error != NULL)
        *error = feed->error;
    return feed->error.code;
}

/* ---- positions --------------------------------------------------------------------------------- */

static uint64_t identity_of(const struct clientid__anypoint *a)
{
    const struct clientid__anypoint_config *config = &a->config;
    const char *const texts[] = {config->url, config->organization, config->environment,
                                 a->identity != NULL ? a->identity : ""};
    uint64_t hash = 0;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        hash = clientid__hash64(texts[i], strlen(texts[i]) + 1, hash);
    for (size_t i = 0; i < config->api_count; i++) {
        hash = clientid__hash64(config->apis[i].name, strlen(config->apis[i].name) + 1, hash);
        hash = clientid__hash64(&config->apis[i].id, sizeof(config->apis[i].id), hash);
    }
    return hash != 0 ? hash : 1;
}

static uint64_t next_revision(const struct clientid__anypoint *a)
{
    struct timespec now = {0, 0};
    uint64_t ns;

    clock_gettime(CLOCK_REALTIME, &now);
    ns = (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
    return ns > a->floor ? ns : a->floor + 1;
}

static void told(struct clientid__anypoint *a, uint64_t revision, clientid_position *position)
{
    a->told = (clientid_position){identity_of(a), revision};
    a->floor = revision;
    *position = a->told;
    for (size_t i = 0; i < a->config.api_count; i++) {
        a->feeds[i].tiers.change_count = 0;
        if (!a->feeds[i].lacks_tiers)
            clientid__feed_forget_news(&a->feeds[i]);
    }
}

/* ---- load -------------------------------------------------------------------------------------- */

static int open_http(struct clientid__anypoint *a, clientid_error *error)
{
    if (a->http != NULL)
        return 0;
    if (clientid__http_new(&a->http, a->config.ca_file, clientid__url_is_https(a->config.url)) == 0)
        return 0;
    return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
}

static void begin(struct clientid__anypoint *a)
{
    a->in_step = false;
    clientid__free(&clientid__malloc, a->identity);
    a->identity = NULL;
    for (size_t i = 0; i < a->config.api_count; i++)
        clientid__feed_begin(a, &a->feeds[i]);
}

static bool all_passed(const struct clientid__anypoint *a)
{
    for (size_t i = 0; i < a->config.api_count; i++)
        if (!a->feeds[i].passed)
            return false;
    return true;
}

static int pass(struct clientid__anypoint *a, clientid_error *error)
{
    uint64_t until_ns = clientid__now_ns() + LOAD_NS;

    while (!all_passed(a)) {
        turn(a);
        if (in_trouble(a) != NULL)
            return fail_as(in_trouble(a), error);
        if (with_gap(a) != NULL)
            return clientid__fail(error, CLIENTID_ERR_UNREACHABLE,
                                  "%s: became other data while it was read",
                                  with_gap(a)->api->name);
        if (clientid__now_ns() > until_ns)
            return clientid__fail(error, CLIENTID_ERR_UNREACHABLE,
                                  "not everything could be read in 5 minutes");
        if (!all_passed(a))
            clientid__http_wait(a->http, TURN_MS);
    }
    return 0;
}

static int check_patience(const struct clientid__anypoint *a, clientid_error *error)
{
    uint64_t now_ns = clientid__now_ns();

    if (now_ns >= a->patience_ns)
        return 0;
    return clientid__fail(error, CLIENTID_ERR_UNREACHABLE, "%s asked to wait, for another %llu s",
                          a->config.url,
                          (unsigned long long)((a->patience_ns - now_ns) / SECOND_NS + 1));
}

static void stop_all(struct clientid__anypoint *a)
{
    for (size_t i = 0; i < a->config.api_count; i++) {
        clientid__feed_free(a, &a->feeds[i]);
        clientid__feed_init(&a->feeds[i], a->feeds[i].api);
    }
}

static int source_load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                       clientid_error *error)
{
    struct clientid__anypoint *a = self;
    int rv = check_patience(a, error);

    if (rv == 0)
        rv = open_http(a, error);
    if (rv != 0)
        return rv;
    begin(a);
    rv = pass(a, error);
    if (rv == 0)
        rv = clientid__news_tell(a, emit, sink, 0, error);
    if (rv != 0) {
        stop_all(a);
        return rv;
    }
    told(a, next_revision(a), position);
    a->in_step = true;
    for (size_t i = 0; i < a->config.api_count; i++)
        clientid__feed_follow(&a->feeds[i], clientid__now_ns());
    turn(a);
    return 0;
}

/* ---- changes ----------------------------------------------------------------------------------- */

static bool still_asks(const struct clientid__anypoint *a)
{
    for (size_t i = 0; i < a->config.api_count; i++)
        if (a->feeds[i].trouble && !a->feeds[i].rests)
            return true;
    return false;
}

/* A request that takes longer goes on, and is looked at by the next call. */
static void try_again(struct clientid__anypoint *a)
{
    uint64_t now_ns = clientid__now_ns(), until_ns = now_ns + RETRY_NS;

    if (now_ns < a->patience_ns)
        return;
    for (size_t i = 0; i < a->config.api_count; i++) {
        if (a->feeds[i].rests)
            a->feeds[i].due_ns = now_ns;
        a->feeds[i].rests = false;
    }
    for (turn(a); still_asks(a) && !has_news(a) && clientid__now_ns() < until_ns; turn(a))
        clientid__http_wait(a->http, TURN_MS);
}

static int gap(const struct clientid__feed *feed, clientid_error *error)
{
    return clientid__fail(error, CLIENTID_ERR_GAP,
                          "%s: the control plane does not go on from where we are",
                          feed->api->name);
}

static int source_changes(void *self, clientid_event_fn *emit, void *sink,
                          clientid_position *position, clientid_error *error)
{
    struct clientid__anypoint *a = self;
    uint64_t revision;
    int rv;

    if (!a->in_step || position->identity != a->told.identity ||
        position->revision != a->told.revision) {
        /* Of the last-known-good files: what comes is later, even if the clock says otherwise. */
        if (position->identity == identity_of(a) && position->revision > a->floor)
            a->floor = position->revision;
        return CLIENTID_ERR_GAP; /* nothing is wrong: no text */
    }
    turn(a);
    if (!has_news(a) && with_gap(a) == NULL && in_trouble(a) != NULL)
        try_again(a);
    if (with_gap(a) != NULL)
        return gap(with_gap(a), error);
    if (!has_news(a))
        return in_trouble(a) != NULL ? fail_as(in_trouble(a), error) : 0;
    revision = next_revision(a);
    rv = clientid__news_tell(a, emit, sink, revision, error);
    if (rv == 0)
        told(a, revision, position);
    return rv;
}

static int source_poll(void *self, clientid_error *error)
{
    struct clientid__anypoint *a = self;

    if (!a->in_step)
        return 1;
    turn(a);
    if (with_gap(a) != NULL || has_news(a))
        return 1;
    return in_trouble(a) != NULL ? fail_as(in_trouble(a), error) : 0;
}

/* ---- life -------------------------------------------------------------------------------------- */

static void source_close(void *self)
{
    struct clientid__anypoint *a = self;

    for (size_t i = 0; i < a->config.api_count && a->feeds != NULL; i++)
        clientid__feed_free(a, &a->feeds[i]);
    clientid__token_free(a);
    clientid__http_del(a->http);
    clientid__free(&clientid__malloc, a->feeds);
    clientid__free(&clientid__malloc, a->identity);
    clientid__anypoint_config_free(&a->config);
    clientid__free(&clientid__malloc, a);
}

/* What follows "anypoint:"; NULL when it is something else. */
static const char *file_of(const char *uri)
{
    static const char scheme[] = "anypoint:";

    if (uri == NULL || strncmp(uri, scheme, sizeof(scheme) - 1) != 0)
        return NULL;
    uri += sizeof(scheme) - 1;
    return uri[0] == '\0' || strlen(uri) >= PATH_MAX ? NULL : uri;
}

static int make(struct clientid__anypoint *a, const char *file, clientid_error *error)
{
    int rv = clientid__anypoint_config_read(&a->config, file, error);

    if (rv != 0)
        return rv;
    a->feeds = clientid__alloc(&clientid__malloc, a->config.api_count, sizeof(*a->feeds));
    if (a->feeds == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < a->config.api_count; i++)
        clientid__feed_init(&a->feeds[i], &a->config.apis[i]);
    return 0;
}

int clientid_anypoint_source(clientid_source *out, const char *uri, clientid_error *error)
{
    const char *file = file_of(uri);
    struct clientid__anypoint *a;
    int rv;

    if (out == NULL || file == NULL)
        return clientid__fail(error, CLIENTID_ERR_ARG,
                              "'%s' names no control plane, expected anypoint:FILE",
                              uri != NULL ? uri : "");
    a = clientid__alloc(&clientid__malloc, 1, sizeof(*a));
    if (a == NULL || clientid__http_init() != 0) {
        clientid__free(&clientid__malloc, a);
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    }
    rv = make(a, file, error);
    if (rv != 0) {
        source_close(a);
        return rv;
    }
    *out = (clientid_source){
        .size = sizeof(*out),
        .self = a,
        .load = source_load,
        .changes = source_changes,
        .poll = source_poll,
        .close = source_close,
    };
    return 0;
}
