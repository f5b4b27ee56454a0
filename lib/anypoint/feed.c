/* SPDX-License-Identifier: Apache-2.0 */
/* A link is only left behind when the page that it gave is kept: whatever fails is asked for again. */
#include "anypoint/anypoint.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define SECOND_NS  1000000000ULL
#define PAGES_MOST 10000 /* between two ends */
#define TIERS_PAGE 250   /* as many as Anypoint gives */
#define TIERS_MOST 10000

/* ---- failures ---------------------------------------------------------------------------------- */

static void drop_lists(struct clientid__feed *feed)
{
    struct clientid__page *list;

    while ((list = feed->lists) != NULL) {
        feed->lists = list->next_page;
        clientid__page_del(list);
    }
    feed->listed = 0;
}

void clientid__feed_stop(struct clientid__anypoint *a, struct clientid__feed *feed)
{
    clientid__http_end(a->http, feed->call);
    feed->call = NULL;
}

void clientid__feed_fail(struct clientid__anypoint *a, struct clientid__feed *feed,
                         const clientid_error *error)
{
    clientid__feed_stop(a, feed);
    drop_lists(feed);
    feed->error = *error;
    feed->trouble = feed->rests = true;
    feed->retried = false;
}

static int fail(const struct clientid__feed *feed, clientid_error *error, const char *why)
{
    return clientid__fail(error, CLIENTID_ERR_CORRUPT, "%s: %s", feed->api->name, why);
}

/* ---- news -------------------------------------------------------------------------------------- */

bool clientid__feed_has_news(const struct clientid__feed *feed)
{
    return !feed->lacks_tiers && (feed->news != NULL || feed->tiers.change_count > 0);
}

void clientid__feed_forget_news(struct clientid__feed *feed)
{
    struct clientid__page *page;

    while ((page = feed->news) != NULL) {
        feed->news = page->next_page;
        clientid__page_del(page);
    }
    feed->news_end = &feed->news;
    feed->news_count = 0;
    feed->lacks_tiers = false;
}

static void add_news(struct clientid__anypoint *a, struct clientid__feed *feed,
                     struct clientid__page *page)
{
    page->arrival = ++a->arrivals;
    page->next_page = NULL;
    *feed->news_end = page;
    feed->news_end = &page->next_page;
    feed->news_count++;
}

/* The first contract of |page| whose tier nobody told; NULL when there is none. */
static const struct clientid__item *lacking(const struct clientid__feed *feed,
                                            const struct clientid__page *page)
{
    uint64_t last = 0; /* most have the same as the one before */

    for (size_t i = 0; i < page->count; i++) {
        uint64_t id = page->items[i].contract.tier_id;

        if (id == 0 || id == last)
            continue;
        if (!clientid__known_tiers_has(&feed->tiers, id))
            return &page->items[i];
        last = id;
    }
    return NULL;
}

/* To a registry, an unknown tier is an error: that contract alone would stop all the others. */
static int check_tiers(const struct clientid__feed *feed, clientid_error *error)
{
    for (const struct clientid__page *page = feed->news; page != NULL; page = page->next_page) {
        const struct clientid__item *item = lacking(feed, page);

        if (item != NULL)
            return clientid__fail(error, CLIENTID_ERR_CORRUPT,
                                  "%s: contract %llu names SLA tier %llu, which is not there",
                                  feed->api->name, (unsigned long long)item->contract.id,
                                  (unsigned long long)item->contract.tier_id);
    }
    return 0;
}

/* ---- life ---------------------------------------------------------------------------------------- */

void clientid__feed_init(struct clientid__feed *feed, const struct clientid__anypoint_api *api)
{
    *feed = (struct clientid__feed){.api = api};
    feed->news_end = &feed->news;
}

void clientid__feed_begin(struct clientid__anypoint *a, struct clientid__feed *feed)
{
    clientid__feed_free(a, feed);
    clientid__feed_init(feed, feed->api);
    snprintf(feed->url, sizeof(feed->url),
             "%s/apigateway/ccs/v3/organizations/%s/environments/%s/apis/%llu/contracts",
             a->config.url, a->config.organization, a->config.environment,
             (unsigned long long)feed->api->id);
    feed->passing = true;
    feed->want = CLIENTID__WANT_PAGE;
}

void clientid__feed_follow(struct clientid__feed *feed, uint64_t now_ns)
{
    feed->passing = feed->passed = false;
    feed->want = CLIENTID__WANT_PAGE;
    feed->due_ns = feed->whole ? feed->due_ns : now_ns;
}

void clientid__feed_free(struct clientid__anypoint *a, struct clientid__feed *feed)
{
    clientid__feed_stop(a, feed);
    clientid__feed_forget_news(feed);
    drop_lists(feed);
    clientid__known_tiers_clear(&feed->tiers);
    clientid__free(&clientid__malloc, feed->visited);
    feed->visited = NULL;
}

/* ---- asking ------------------------------------------------------------------------------------ */

void clientid__feed_start(struct clientid__anypoint *a, struct clientid__feed *feed)
{
    bool page = feed->want == CLIENTID__WANT_PAGE;
    char url[CLIENTID__URL_MAX];
    clientid_error error = {0};
    struct clientid__ask ask = {.url = page ? feed->url : url,
                                .token = a->token.value,
                                .hold = page && !feed->passing && a->config.long_poll &&
                                        !feed->trouble};

    if (page && !feed->passing && feed->etag[0] != '\0')
        ask.etag = feed->etag;
    if (!page && feed->listed == 0 && !feed->lacks_tiers && feed->tiers_etag[0] != '\0')
        ask.etag = feed->tiers_etag;
    if (!page)
        snprintf(url, sizeof(url),
                 "%s/apimanager/api/v1/organizations/%s/environments/%s/apis/%llu/tiers"
                 "?limit=%d&offset=%zu",
                 a->config.url, a->config.organization, a->config.environment,
                 (unsigned long long)feed->api->id, TIERS_PAGE, feed->listed);
    feed->asked_ns = clientid__now_ns();
    feed->generation = a->token.generation;
    feed->call = clientid__http_start(a->http, &ask);
    if (feed->call != NULL)
        return;
    clientid__fail(&error, CLIENTID_ERR_NOMEM, "out of memory");
    clientid__feed_fail(a, feed, &error);
}

/* ---- where the pages lead ------------------------------------------------------------------------ */

/* Refuses what was asked for since the last end. */
static int visit(struct clientid__feed *feed, const char *next, clientid_error *error)
{
    uint64_t hash = clientid__hash64(next, strlen(next), 0);
    void *grown = clientid__grow(&clientid__malloc, feed->visited, feed->visited_count,
                                 &feed->visited_capacity, sizeof(hash));

    if (grown == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    feed->visited = grown;
    for (size_t i = 0; i < feed->visited_count; i++)
        if (feed->visited[i] == hash)
            return fail(feed, error, "the pages lead in a circle");
    if (feed->visited_count == PAGES_MOST)
        return fail(feed, error, "more than 10000 pages");
    feed->visited[feed->visited_count++] = clientid__hash64(feed->url, strlen(feed->url), 0);
    return 0;
}

/* Moves to the page's next; |*end| when there is nothing behind it yet. */
static int move_on(struct clientid__anypoint *a, struct clientid__feed *feed,
                   const struct clientid__page *page, bool *end, clientid_error *error)
{
    char next[CLIENTID__URL_MAX];
    bool stays = page->next == NULL;
    int rv = 0;

    if (!stays && !clientid__url_resolve(a->config.url, feed->url, page->next, next))
        return clientid__fail_at(error, CLIENTID_ERR_CORRUPT, "/links/next",
                                 "%s: leads to another server, or is no URL", feed->api->name);
    stays = stays || strcmp(next, feed->url) == 0;
    *end = page->count == 0 || stays || (page->self != NULL && strcmp(page->self, page->next) == 0);
    if (!*end)
        rv = visit(feed, next, error);
    if (rv != 0)
        return rv;
    if (*end)
        feed->visited_count = 0;
    feed->whole = page->next == NULL;
    /* An ETag is of the URL that gave it. */
    snprintf(feed->etag, sizeof(feed->etag), "%s", stays ? feed->call->etag : "");
    if (!stays)
        memcpy(feed->url, next, strlen(next) + 1);
    return 0;
}

/* ---- pages --------------------------------------------------------------------------------------- */

/* Other data than before: what was read of the old does not belong to it. */
static int check_identity(struct clientid__anypoint *a, struct clientid__feed *feed,
                          const struct clientid__page *page, clientid_error *error)
{
    if (page->has_revision && page->revision < feed->revision)
        feed->gap = true; /* a backup was put back */
    if (page->has_revision)
        feed->revision = page->revision;
    if (page->identity == NULL)
        return 0;
    if (a->identity == NULL && a->in_step)
        return 0;
    if (a->identity == NULL) {
        a->identity = clientid__strdup(&clientid__malloc, clientid__cstr(page->identity));
        return a->identity != NULL ? 0 : clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    }
    if (strcmp(a->identity, page->identity) != 0)
        feed->gap = true;
    return 0;
}

static int take_tiers(struct clientid__feed *feed, const struct clientid__page *page, bool first,
                      clientid_error *error)
{
    int rv = 0;

    if (first)
        feed->way = page->has_tiers ? CLIENTID__TIERS_INLINE : CLIENTID__TIERS_POLLED;
    for (size_t i = 0; i < page->tier_count && rv == 0 && feed->way == CLIENTID__TIERS_INLINE; i++)
        rv = clientid__known_tiers_set(&feed->tiers, &page->tiers[i]);
    return rv == 0 ? 0 : clientid__fail(error, rv, "out of memory");
}

/* What comes after a page in step: at once behind news and behind a held request, else after the interval. */
static void schedule(struct clientid__anypoint *a, struct clientid__feed *feed, bool end,
                     bool brings, uint64_t now_ns)
{
    bool held = feed->call->held;

    feed->want = CLIENTID__WANT_PAGE;
    feed->due_ns = now_ns;
    if (end && !held)
        feed->due_ns = now_ns + a->config.interval_ns;
    else if (end && !brings && now_ns < feed->asked_ns + SECOND_NS)
        feed->due_ns = feed->asked_ns + SECOND_NS; /* it says that it holds, and does not */
    if (feed->lacks_tiers ||
        (end && feed->way == CLIENTID__TIERS_POLLED && now_ns >= feed->tiers_due_ns))
        feed->want = CLIENTID__WANT_TIERS;
}

static int pass_complete(struct clientid__feed *feed, clientid_error *error)
{
    int rv = check_tiers(feed, error);

    if (rv == 0) {
        feed->passed = true;
        feed->want = CLIENTID__WANT_NOTHING;
    }
    return rv;
}

static int advance(struct clientid__anypoint *a, struct clientid__feed *feed, bool end, bool brings,
                   uint64_t now_ns, clientid_error *error)
{
    if (!feed->passing) {
        schedule(a, feed, end, brings, now_ns);
        return 0;
    }
    if (!end)
        return 0;
    feed->due_ns = now_ns + a->config.interval_ns;
    if (feed->way == CLIENTID__TIERS_INLINE)
        return pass_complete(feed, error);
    feed->want = CLIENTID__WANT_TIERS;
    return 0;
}

/* In step: a contract whose tier is still to come waits for it; where tiers come along, one was missed. */
static void look_for_tiers(struct clientid__feed *feed, const struct clientid__page *page)
{
    if (feed->passing || lacking(feed, page) == NULL)
        return;
    if (feed->way == CLIENTID__TIERS_INLINE)
        feed->gap = true;
    else
        feed->lacks_tiers = true;
}

/* Without links there are no increments: another answer than the last one is all there is, anew. */
static bool same_whole(struct clientid__feed *feed, const struct clientid__page *page)
{
    uint64_t body = clientid__hash64(feed->call->body, feed->call->len, 0);
    bool same = !feed->passing && page->next == NULL;

    if (same && body != feed->body)
        feed->gap = true;
    feed->body = body;
    return same;
}

static int take_page(struct clientid__anypoint *a, struct clientid__feed *feed, uint64_t now_ns,
                     clientid_error *error)
{
    bool first = feed->passing && feed->news == NULL, end = true, brings, whole;
    struct clientid__page *page;
    char name[192];
    int rv;

    snprintf(name, sizeof(name), "contracts of %s", feed->api->name);
    rv = clientid__page_read(&page, &a->config, feed->api, feed->call->body, feed->call->len, name,
                             error);
    if (rv != 0)
        return rv;
    brings = page->count + page->tier_count + page->group_count > 0;
    whole = same_whole(feed, page);
    rv = check_identity(a, feed, page, error);
    if (rv == 0 && !feed->gap)
        rv = move_on(a, feed, page, &end, error);
    if (rv == 0 && !feed->gap && !whole) {
        rv = take_tiers(feed, page, first, error);
        feed->gap = rv != 0; /* we have moved on */
    }
    if (rv != 0 || feed->gap) {
        clientid__page_del(page);
        return rv;
    }
    if (whole || (!first && page->count + page->group_count == 0)) {
        clientid__page_del(page);
    } else {
        look_for_tiers(feed, page);
        add_news(a, feed, page);
    }
    return advance(a, feed, end, brings, now_ns, error);
}

/* ---- tiers --------------------------------------------------------------------------------------- */

static int lists_complete(struct clientid__anypoint *a, struct clientid__feed *feed,
                          uint64_t now_ns, clientid_error *error)
{
    int rv = clientid__known_tiers_replace(&feed->tiers, feed->lists);

    if (rv != 0)
        return clientid__fail(error, rv, "out of memory");
    /* It stands for the first list only. */
    snprintf(feed->tiers_etag, sizeof(feed->tiers_etag), "%s",
             feed->lists == NULL || feed->lists->next_page == NULL ? feed->call->etag : "");
    drop_lists(feed);
    feed->tiers_due_ns = now_ns + a->config.interval_ns;
    if (feed->passing)
        return pass_complete(feed, error);
    feed->want = CLIENTID__WANT_PAGE;
    if (feed->lacks_tiers && check_tiers(feed, error) != 0)
        return CLIENTID_ERR_CORRUPT;
    feed->lacks_tiers = false;
    return 0;
}

static int take_list(struct clientid__anypoint *a, struct clientid__feed *feed, uint64_t now_ns,
                     clientid_error *error)
{
    struct clientid__page *list;
    char name[192];
    int rv;

    snprintf(name, sizeof(name), "SLA tiers of %s", feed->api->name);
    rv = clientid__tier_list_read(&list, feed->call->body, feed->call->len, name, error);
    if (rv != 0)
        return rv;
    list->next_page = feed->lists;
    feed->lists = list;
    feed->listed += list->tier_count;
    if (feed->listed > TIERS_MOST)
        return fail(feed, error, "more than 10000 SLA tiers");
    if (list->tier_count > 0 && feed->listed < list->tier_total)
        return 0; /* the rest */
    return lists_complete(a, feed, now_ns, error);
}

static void keep_tiers(struct clientid__anypoint *a, struct clientid__feed *feed, uint64_t now_ns)
{
    feed->tiers_due_ns = now_ns + a->config.interval_ns;
    feed->want = CLIENTID__WANT_PAGE;
}

/* ---- answers ------------------------------------------------------------------------------------- */

static int take_answer(struct clientid__anypoint *a, struct clientid__feed *feed, uint64_t now_ns,
                       clientid_error *error)
{
    const struct clientid__call *call = feed->call;
    bool page = feed->want == CLIENTID__WANT_PAGE;
    char what[192];

    if (call->failure[0] == '\0' && call->status == 200)
        return page ? take_page(a, feed, now_ns, error) : take_list(a, feed, now_ns, error);
    if (call->status == 304 && !feed->passing) {
        if (page)
            schedule(a, feed, true, false, now_ns);
        else
            keep_tiers(a, feed, now_ns);
        return 0;
    }
    if (call->status == 410 && page && !feed->passing) {
        feed->gap = true;
        return 0;
    }
    snprintf(what, sizeof(what), "%s of %s", page ? "contracts" : "SLA tiers", feed->api->name);
    return clientid__anypoint_failed(a, call, what, error);
}

void clientid__feed_finish(struct clientid__anypoint *a, struct clientid__feed *feed)
{
    uint64_t now_ns = clientid__now_ns();
    clientid_error error = {0};

    /* A token may be withdrawn before its time; a new one that is refused too is a failure. */
    if (feed->call->status == 401 && !feed->retried) {
        clientid__token_drop(a, feed->generation);
        feed->retried = true;
        clientid__feed_stop(a, feed);
        return;
    }
    if (take_answer(a, feed, now_ns, &error) != 0) {
        clientid__feed_fail(a, feed, &error);
        return;
    }
    clientid__feed_stop(a, feed);
    feed->retried = feed->trouble = false;
}
