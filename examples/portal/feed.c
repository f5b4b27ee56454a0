/* SPDX-License-Identifier: Apache-2.0 */
/* What gateways poll.  One that says how long it would wait is answered when there is news. */
#include "call.h"
#include "handlers.h"
#include "portal.h"

#include <clientid/feed.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MOST_S 55

/* "Prefer: wait=25" (RFC 7240 section 4.3); 0: not asked for. */
static unsigned wait_of(const struct call *call)
{
    const char *prefer = call_header(call, "Prefer");
    const char *wait = prefer != NULL ? strstr(prefer, "wait=") : NULL;
    if (wait == NULL || (wait != prefer && wait[-1] != ' ' && wait[-1] != ',' && wait[-1] != ';'))
        return 0;
    unsigned long seconds = strtoul(wait + strlen("wait="), NULL, 10);
    return seconds < WAIT_MOST_S ? (unsigned)seconds : WAIT_MOST_S;
}

/* True when it was put off until something changes. */
static bool put_off(struct call *call, unsigned wait_s, uint64_t revision)
{
    uint64_t now_ns = monotonic_ns();
    if (wait_s == 0 || atomic_load(&call->portal->stopping))
        return false;
    if (call->wait_ns == 0)
        call->wait_ns = now_ns + wait_s * 1000000000ULL;
    call->wait_revision = revision;
    return now_ns < call->wait_ns;
}

static void answer(struct call *call, clientid_feed_page *page)
{
    char etag[48];
    const char *seen = call_header(call, "If-None-Match");
    (void)snprintf(etag, sizeof etag, "\"%" PRIx64 ".%" PRIx64 "\"", page->revision, page->news);
    call_add_header(call, "ETag", "%s", etag);
    if (seen != NULL && strcmp(seen, etag) == 0)
        call_answer_empty(call, 304);
    else
        call_answer_text(call, 200, strdup(page->text), page->len, "application/json");
}

static bool accepts_our_hash(struct call *call)
{
    const char *algorithm = call_header(call, "X-Accept-Hash-Algorithm");
    if (algorithm == NULL || strcasecmp(algorithm, "sha256") == 0)
        return true;
    call_refuse(call, 406, "", "X-Accept-Hash-Algorithm: sha256 is what there is");
    return false;
}

void feed_contracts(struct call *call)
{
    const struct config *config = &call->portal->config;
    clientid_feed_page page = {.size = sizeof page};
    clientid_error error = {0};
    char path[256];
    clientid_feed_options options = {
        .size = sizeof options,
        .organization = {config->organization, strlen(config->organization)},
    };
    if (!config->feed) {
        call_refuse(call, 404, "", "the feed is off");
        return;
    }
    if (!accepts_our_hash(call) || !call_number(call, "apiId", &options.api_id) ||
        !call_query_number(call, "limit", 1, CLIENTID_FEED_ITEMS_MAX, 0, &options.items))
        return;
    (void)call_query(call, "cursor", &options.cursor);
    int len =
        snprintf(path, sizeof path,
                 "/apigateway/ccs/v3/organizations/%s/environments/%s/apis/%" PRIu64 "/contracts",
                 config->organization, config->environment, options.api_id);
    options.path = (clientid_str){path, (size_t)len};
    int rc = clientid_control_feed(call->control, &options, &page, &error);
    if (rc == CLIENTID_ERR_GAP) {
        call_refuse(call, 410, "/cursor", "%s: begin again without a cursor", error.text);
        return;
    }
    if (rc != 0) {
        call_error(call, rc, &error);
        return;
    }
    unsigned wait_s = wait_of(call);
    if (page.news != 0 || options.cursor.len == 0 || !put_off(call, wait_s, page.revision)) {
        if (wait_s != 0)
            call_add_header(call, "Preference-Applied", "wait=%u", wait_s);
        answer(call, &page);
    }
    clientid_json_free(page.text);
}
