/* SPDX-License-Identifier: Apache-2.0 */
#include "support_stream.h"

#include "support_change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* A whole answer, with a status that is right for this client at this time. */
static bool is_right(const struct stream *stream, const struct load_event *event)
{
    const struct stream_kind *kind = stream->kind;
    if (!event->whole)
        return false;
    if (kind->change != NULL)
        return change_allows(kind->change, stream->host,
                             kind->target == NULL ? event->choice : CHANGE_ANY, event);
    return event->status == kind->statuses[0] || event->status == kind->statuses[1];
}

static void seen(void *self, const struct load_event *event)
{
    struct stream *stream = self;
    stream->sent++;
    if (event->left) {
        stream->left++;
        return;
    }
    if (event->status == 0) {
        if (stream->lost < STREAM_LOSSES_MAX)
            stream->losses[stream->lost] = *event;
        stream->lost++;
        return;
    }
    if (event->ended_ms - event->begun_ms > stream->slowest_ms)
        stream->slowest_ms = event->ended_ms - event->begun_ms;
    stream->admitted += event->status == 200;
    stream->refused += event->status == 401;
    stream->limited += event->status == 429;
    if (is_right(stream, event))
        return;
    if (stream->wrong < STREAM_WRONG_MAX)
        stream->first_wrong[stream->wrong] = *event;
    stream->wrong++;
}

static unsigned choose(void *self, char *target, size_t size)
{
    struct stream *stream = self;
    char secret[32];
    unsigned which = change_choose(stream->kind->change, stream->turn++);
    change_secret(which, secret, sizeof secret);
    snprintf(target, size, "/%s/?client_id=%s&client_secret=%s", stream->kind->name,
             stream->kind->client, secret);
    return which;
}

void stream_start(struct stream *stream, const struct fleet *fleet)
{
    const struct stream_kind *kind = stream->kind;
    const struct load_options options = {.port = fleet->ports[stream->host],
                                         .method = kind->method,
                                         .target = kind->target,
                                         .lines = kind->lines,
                                         .body = kind->body,
                                         .connections = kind->connections,
                                         .pause_ms = kind->pause_ms,
                                         .leave_ms = kind->leave_ms,
                                         .choose = kind->target == NULL ? choose : NULL,
                                         .seen = seen,
                                         .self = stream};
    stream->load = load_start(&options);
    assert_non_null(stream->load);
}

void stream_stop(struct stream *stream)
{
    struct load_result result;
    load_stop(stream->load);
    stream->stuck += load_wait(stream->load, &result) != 0;
    stream->unreachable += result.refused;
    stream->load = NULL;
}
