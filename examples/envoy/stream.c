/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing goes on to later filters before a decision allowed it, and each allowed request is charged once.
 *
 * A request is taken through these states by its own worker thread alone; only its timer is known to another thread.
 */
#include "stream.h"

#include "answer.h"
#include "forward.h"
#include "log.h"
#include "timer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum state {
    STATE_NEW,
    STATE_BODY,    /* its body is kept until a decision can be taken */
    STATE_WAITING, /* for quota */
    STATE_PASSED,
    STATE_ANSWERED
};

/* What only few requests need: those that wait, and those whose body is read. */
struct pending {
    clientid_decision decision; /* while waiting */
    struct timer timer;
    uint64_t delayed_ns;
    unsigned flags; /* of the request when it was checked */
    size_t body_len;
    char body[]; /* holds credentials: wiped when freed */
};

/* To give back a charge for what no upstream ever saw. */
struct charge {
    clientid_receipt receipt; /* |count| entries of it */
};

struct stream {
    const struct filter *filter;
    struct route *route; /* NULL: none of its own */
    const struct gateway *gateway;
    const clientid_api *api;
    enum state state;
    bool shadow;
    struct pending *pending;
    struct extra *extra;
    struct charge *charge;
};

/* What a check led to. */
enum outcome { OUTCOME_PASS, OUTCOME_ANSWERED, OUTCOME_WAIT, OUTCOME_BODY };

/* Everything about one check that need not outlive it. */
struct check {
    struct lines lines;
    clientid_request request;
    clientid_decision decision;
    char scratch[CLIENTID_SCRATCH_BYTES];
};

/* All that is left when memory ended before a stream began. */
static struct stream no_stream;

static uint64_t realtime_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

struct stream *stream_new(const struct filter *filter)
{
    struct stream *stream = malloc(sizeof *stream);
    if (stream == NULL)
        return &no_stream;
    *stream = (struct stream){.filter = filter, .gateway = filter->gateway, .api = filter->api};
    return stream;
}

static void free_pending(struct stream *stream)
{
    struct pending *pending = stream->pending;
    if (pending == NULL)
        return;
    stream->pending = NULL;
    timer_clear(&pending->timer);
    if (pending->timer.scheduler != NULL)
        CALL(http_filter_scheduler_delete)(pending->timer.scheduler);
    explicit_bzero(pending->body, pending->body_len);
    free(pending);
}

static void leave_queue(struct stream *stream)
{
    if (stream->state == STATE_WAITING)
        clientid_cancel(&stream->pending->decision);
    free_pending(stream);
}

void stream_end(struct stream *stream, void *envoy)
{
    if (stream == &no_stream)
        return;
    if (stream->state == STATE_WAITING)
        stats_count(&stream->filter->stats, envoy, STAT_ABANDONED);
    leave_queue(stream);
    stream->state = STATE_ANSWERED;
}

void stream_free(struct stream *stream)
{
    if (stream == &no_stream)
        return;
    leave_queue(stream);
    free(stream->extra);
    free(stream->charge);
    free(stream);
}

/* ---- outcomes -------------------------------------------------------------------------------- */

/* 503 in place of what nobody could decide.  The stream may be gone when it returns. */
static enum outcome refuse(struct stream *stream, void *envoy, const struct lines *lines,
                           const char *why)
{
    const struct filter *filter = stream->filter;
    leave_queue(stream);
    stream->state = STATE_ANSWERED;
    if (!atomic_flag_test_and_set(&((struct filter *)(uintptr_t)filter)->complained))
        say(ABI_LOG_ERROR, "requests are answered 503: %s (said once)", why);
    stats_count(&filter->stats, envoy, STAT_UNDECIDED);
    answer_unavailable(envoy, lines, ABI_BYTES("clientid_undecided"));
    return OUTCOME_ANSWERED;
}

static bool keep_charge(struct stream *stream, const clientid_decision *decision)
{
    const clientid_receipt *receipt = &decision->receipt;
    if (receipt->count == 0)
        return true;
    size_t size = offsetof(clientid_receipt, entry) + receipt->count * sizeof receipt->entry[0];
    stream->charge = malloc(size);
    if (stream->charge == NULL)
        return false;
    memcpy(&stream->charge->receipt, receipt, size);
    return true;
}

static uint64_t delayed_ns(const struct stream *stream)
{
    return stream->pending != NULL ? stream->pending->delayed_ns : 0;
}

static enum outcome pass(struct stream *stream, void *envoy, struct check *check)
{
    const struct filter *filter = stream->filter;
    const clientid_decision *decision = &check->decision;
    struct who who;
    forward_who(&who, decision, false);
    bool allowed = decision->verdict == CLIENTID_ALLOW;
    if ((allowed && (!answer_keep(decision, &stream->extra) || !keep_charge(stream, decision))) ||
        !forward_request(envoy, filter, &check->lines, decision, &who)) {
        if (allowed)
            (void)clientid_refund(gateway_worker(stream->gateway), &decision->receipt,
                                  check->request.now_ns);
        check->lines.count = 0; /* Envoy's again */
        return refuse(stream, envoy, &check->lines, "out of memory");
    }
    forward_metadata(envoy, filter, decision, &who, delayed_ns(stream));
    forward_state(envoy, filter, &who);
    free_pending(stream);
    stream->state = STATE_PASSED;
    return OUTCOME_PASS;
}

/* Said once for a route, since every request to it would say it again. */
static void complain(const struct stream *stream)
{
    atomic_flag *said = stream->route != NULL
                            ? &stream->route->complained
                            : &((struct filter *)(uintptr_t)stream->filter)->complained;
    clientid_str name = clientid_api_name(stream->api);
    if (!atomic_flag_test_and_set(said))
        say(ABI_LOG_ERROR,
            "requests are answered 503: the gateway's configuration has no API instance \"%.*s\" "
            "(said once)",
            (int)name.len, name.ptr);
}

static enum outcome deny(struct stream *stream, void *envoy, struct check *check)
{
    struct who who;
    forward_who(&who, &check->decision, true);
    forward_metadata(envoy, stream->filter, &check->decision, &who, delayed_ns(stream));
    free_pending(stream);
    stream->state = STATE_ANSWERED;
    answer_denied(envoy, &check->lines, &check->decision);
    return OUTCOME_ANSWERED;
}

static bool make_pending(struct stream *stream, size_t body_room)
{
    struct pending *pending = malloc(sizeof *pending + body_room);
    if (pending == NULL)
        return false;
    memset(pending, 0, sizeof *pending);
    stream->pending = pending;
    return true;
}

/* The decision moves to where it can wait; the check's own copy holds no place in a queue after this. */
static enum outcome wait(struct stream *stream, void *envoy, struct check *check)
{
    if (stream->pending == NULL && !make_pending(stream, 0)) {
        clientid_cancel(&check->decision);
        return refuse(stream, envoy, &check->lines, "out of memory");
    }
    struct pending *pending = stream->pending;
    memcpy(&pending->decision, &check->decision, sizeof pending->decision);
    stream->state = STATE_WAITING;
    pending->flags = check->request.flags;
    pending->delayed_ns += check->decision.delay_ns;
    if (pending->timer.scheduler == NULL)
        pending->timer.scheduler = CALL(http_filter_scheduler_new)(envoy);
    if (pending->timer.scheduler == NULL || !timer_set(&pending->timer, check->decision.delay_ns))
        return refuse(stream, envoy, &check->lines, "no timer");
    return OUTCOME_WAIT;
}

/* In shadow mode a refusal is only counted; an API instance that nobody knows stays closed all the same. */
static enum outcome shadow(struct stream *stream, void *envoy, struct check *check)
{
    clientid_cancel(&check->decision);
    stats_count(&stream->filter->stats, envoy, STAT_SHADOWED);
    return pass(stream, envoy, check);
}

/* What a decision, or the lack of one, leads to. */
static enum outcome settle(struct stream *stream, void *envoy, struct check *check, int rv)
{
    const clientid_decision *decision = &check->decision;
    if (stream->state == STATE_WAITING)
        stream->state = STATE_NEW; /* the library took the place in the queue over */
    if (rv < 0)
        return refuse(stream, envoy, &check->lines, clientid_strerror(rv));
    stats_reason(&stream->filter->stats, envoy, decision->reason);
    if (decision->reason == CLIENTID_REASON_API_UNKNOWN) {
        complain(stream);
        return deny(stream, envoy, check);
    }
    switch (decision->verdict) {
    case CLIENTID_ALLOW:
        return pass(stream, envoy, check);
    case CLIENTID_DENY:
        return (stream->shadow ? shadow : deny)(stream, envoy, check);
    case CLIENTID_DELAY:
        return (stream->shadow ? shadow : wait)(stream, envoy, check);
    case CLIENTID_NEED_BODY:
        break;
    }
    return OUTCOME_BODY;
}

/* ---- checks ---------------------------------------------------------------------------------- */

static bool prepare(struct check *check, void *envoy)
{
    if (!lines_read(&check->lines, envoy, ABI_REQUEST_HEADERS))
        return false;
    memset(&check->request, 0, sizeof check->request);
    check->request.size = sizeof check->request;
    check->request.header = lines_header;
    check->request.host = &check->lines;
    check->request.scratch = check->scratch;
    check->request.scratch_len = sizeof check->scratch;
    check->decision.size = sizeof check->decision;
    lines_request(&check->lines, &check->request);
    return true;
}

/* Without the lines nothing is known of the request. */
static enum outcome refuse_unread(struct stream *stream, void *envoy)
{
    struct lines none;
    none.count = 0;
    return refuse(stream, envoy, &none, "out of memory");
}

#define RECORD_EVERY 16

/*
 * One decision in 16 of a thread: clock and histogram cost as much as the decision itself.  CLOCK_REALTIME may be set
 * back in between; such a time is not recorded.
 */
static void record(const struct stream *stream, void *envoy, clientid_worker *worker,
                   uint64_t begin_ns)
{
    static _Thread_local unsigned turn;
    if (turn++ % RECORD_EVERY != 0)
        return;
    uint64_t end_ns = realtime_ns();
    if (end_ns < begin_ns)
        return;
    clientid_worker_latency(worker, end_ns - begin_ns);
    stats_decision(&stream->filter->stats, envoy, end_ns - begin_ns);
}

static enum outcome decide(struct stream *stream, void *envoy, struct check *check, unsigned flags,
                           clientid_str body)
{
    clientid_worker *worker = gateway_worker(stream->gateway);
    if (worker == NULL)
        return refuse(stream, envoy, &check->lines, "no worker for this thread");
    check->request.flags = flags;
    check->request.body = body;
    check->request.now_ns = realtime_ns();
    int rv = clientid_check(worker, stream->api, &check->request, &check->decision);
    record(stream, envoy, worker, check->request.now_ns);
    return settle(stream, envoy, check, rv);
}

static enum outcome decide_anew(struct stream *stream, void *envoy, unsigned flags,
                                clientid_str body)
{
    struct check check;
    if (!prepare(&check, envoy))
        return refuse_unread(stream, envoy);
    enum outcome outcome = decide(stream, envoy, &check, flags, body);
    lines_free(&check.lines);
    if (outcome != OUTCOME_BODY)
        return outcome;
    return refuse_unread(stream, envoy); /* it was given: cannot be */
}

/* ---- body ------------------------------------------------------------------------------------ */

/* True when the client announces more than may be kept. */
static bool announces_too_much(const struct lines *lines, size_t max)
{
    clientid_str text;
    uint64_t length = 0;
    if (!lines_find(lines, CLIENTID_STR("content-length"), 0, &text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        length = length * 10 + (uint64_t)(text.ptr[i] - '0');
        if (length > max)
            return true;
    }
    return false;
}

/* Envoy would answer 413 itself, before we can look. */
static void allow_buffering(void *envoy, size_t bytes)
{
    if (CALL(http_get_buffer_limit) == NULL || CALL(http_set_buffer_limit) == NULL)
        return;
    uint64_t limit = CALL(http_get_buffer_limit)(envoy);
    if (limit != 0 && limit < bytes)
        CALL(http_set_buffer_limit)(envoy, bytes);
}

static enum outcome begin_body(struct stream *stream, void *envoy, struct check *check, bool end)
{
    size_t max = stream->filter->settings.max_body_bytes;
    enum outcome outcome = OUTCOME_BODY;
    if (end)
        outcome = decide(stream, envoy, check, CLIENTID_BODY_GIVEN, (clientid_str){NULL, 0});
    else if (announces_too_much(&check->lines, max))
        outcome = decide(stream, envoy, check, CLIENTID_BODY_TOO_LARGE, (clientid_str){NULL, 0});
    if (outcome != OUTCOME_BODY)
        return outcome;
    if (end)
        return refuse(stream, envoy, &check->lines, "a policy asks for the body again");
    allow_buffering(envoy, max);
    stream->state = STATE_BODY;
    return OUTCOME_BODY;
}

/* The parts of a body in Envoy's memory, in order. */
struct parts {
    struct abi_bytes *at;
    size_t count;
    size_t len;
};

static bool add_parts(struct parts *parts, void *envoy, int type)
{
    size_t count = CALL(http_get_body_chunks_size)(envoy, type);
    if (count == 0)
        return true;
    struct abi_bytes *more = realloc(parts->at, (parts->count + count) * sizeof *more);
    if (more == NULL)
        return false;
    parts->at = more;
    if (!CALL(http_get_body_chunks)(envoy, type, more + parts->count))
        return true;
    for (size_t i = parts->count; i < parts->count + count; i++)
        parts->len += more[i].len;
    parts->count += count;
    return true;
}

/*
 * The last part is moved to the buffered ones before the hook is called, when there are any; the received is empty then.
 * What an earlier filter had buffered is received and buffered at once, and must not be read twice.
 */
static bool find_parts(struct parts *parts, void *envoy)
{
    *parts = (struct parts){.at = NULL};
    if (!add_parts(parts, envoy, ABI_BUFFERED_REQUEST_BODY))
        return false;
    struct parts buffered = *parts;
    if (CALL(http_received_buffered_request_body) != NULL &&
        CALL(http_received_buffered_request_body)(envoy))
        return true;
    if (!add_parts(parts, envoy, ABI_RECEIVED_REQUEST_BODY))
        return false;
    if (buffered.count != 0 && parts->count > buffered.count &&
        parts->at[buffered.count].ptr == parts->at[0].ptr) {
        parts->count = buffered.count;
        parts->len = buffered.len;
    }
    return true;
}

static bool keep_body(struct stream *stream, const struct parts *parts)
{
    if (!make_pending(stream, parts->len))
        return false;
    struct pending *pending = stream->pending;
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->at[i].len != 0)
            memcpy(pending->body + pending->body_len, parts->at[i].ptr, parts->at[i].len);
        pending->body_len += parts->at[i].len;
    }
    return true;
}

static enum outcome take_body(struct stream *stream, void *envoy, bool end)
{
    struct parts parts;
    enum outcome outcome = OUTCOME_BODY;
    if (!find_parts(&parts, envoy))
        outcome = refuse_unread(stream, envoy);
    else if (parts.len > stream->filter->settings.max_body_bytes)
        outcome = decide_anew(stream, envoy, CLIENTID_BODY_TOO_LARGE, (clientid_str){NULL, 0});
    else if (end && !keep_body(stream, &parts))
        outcome = refuse_unread(stream, envoy);
    else if (end)
        outcome = decide_anew(stream, envoy, CLIENTID_BODY_GIVEN,
                              (clientid_str){stream->pending->body, stream->pending->body_len});
    free(parts.at);
    return outcome;
}

/* ---- hooks ----------------------------------------------------------------------------------- */

/* The route may name another API instance, another file, another mode, or say that nothing is to be checked. */
static bool choose_api(struct stream *stream, void *envoy)
{
    const struct filter *filter = stream->filter;
    stream->shadow = filter->settings.mode == MODE_SHADOW;
    stream->route = (struct route *)(uintptr_t)CALL(get_most_specific_route_config)(envoy);
    if (stream->route == NULL)
        return true;
    if (stream->route->settings.mode != MODE_INHERIT)
        stream->shadow = stream->route->settings.mode == MODE_SHADOW;
    if (stream->route->gateway != NULL)
        stream->gateway = stream->route->gateway;
    return route_api(stream->route, stream->gateway, &stream->api);
}

static bool is_metrics(const struct filter *filter, const clientid_request *request)
{
    const char *path = filter->settings.metrics_path;
    return path != NULL && request->path.len == strlen(path) &&
           memcmp(request->path.ptr, path, request->path.len) == 0 && request->method.len == 3 &&
           memcmp(request->method.ptr, "GET", 3) == 0;
}

static enum outcome begin(struct stream *stream, void *envoy, struct check *check, bool end)
{
    if (!choose_api(stream, envoy))
        return refuse(stream, envoy, &check->lines, "out of memory");
    if (is_metrics(stream->filter, &check->request)) {
        stream->state = STATE_ANSWERED;
        answer_metrics(envoy, stream->gateway, realtime_ns());
        return OUTCOME_ANSWERED;
    }
    if (stream->api == NULL) {
        stream->state = STATE_PASSED;
        return forward_request(envoy, stream->filter, &check->lines, NULL, NULL)
                   ? OUTCOME_PASS
                   : refuse_unread(stream, envoy);
    }
    enum outcome outcome = decide(stream, envoy, check, 0, (clientid_str){NULL, 0});
    return outcome == OUTCOME_BODY ? begin_body(stream, envoy, check, end) : outcome;
}

int stream_headers(struct stream *stream, void *envoy, bool end)
{
    struct check check;
    if (stream == &no_stream) {
        check.lines.count = 0;
        answer_unavailable(envoy, &check.lines, ABI_BYTES("clientid_undecided"));
        return ABI_HEADERS_STOP;
    }
    if (stream->state != STATE_NEW)
        return ABI_HEADERS_STOP;
    enum outcome outcome;
    if (prepare(&check, envoy)) {
        outcome = begin(stream, envoy, &check, end);
        lines_free(&check.lines);
    } else {
        outcome = refuse_unread(stream, envoy);
    }
    if (outcome == OUTCOME_PASS)
        return ABI_HEADERS_CONTINUE;
    return outcome == OUTCOME_WAIT ? ABI_HEADERS_STOP_ALL_AND_WATERMARK : ABI_HEADERS_STOP;
}

int stream_body(struct stream *stream, void *envoy, bool end)
{
    if (stream->state == STATE_PASSED)
        return ABI_BODY_CONTINUE;
    if (stream->state == STATE_WAITING)
        return ABI_BODY_STOP_AND_WATERMARK;
    if (stream->state != STATE_BODY)
        return ABI_BODY_STOP_NO_BUFFER;
    switch (take_body(stream, envoy, end)) {
    case OUTCOME_PASS:
        return ABI_BODY_CONTINUE;
    case OUTCOME_BODY:
        return ABI_BODY_STOP_AND_BUFFER;
    case OUTCOME_WAIT:
        return ABI_BODY_STOP_AND_WATERMARK;
    case OUTCOME_ANSWERED:
        break;
    }
    return ABI_BODY_STOP_NO_BUFFER;
}

int stream_trailers(struct stream *stream, void *envoy)
{
    if (stream == &no_stream || stream->state == STATE_ANSWERED)
        return ABI_TRAILERS_STOP;
    if (!forward_trailers(envoy, stream->filter)) {
        (void)refuse_unread(stream, envoy);
        return ABI_TRAILERS_STOP;
    }
    if (stream->state == STATE_PASSED)
        return ABI_TRAILERS_CONTINUE;
    if (stream->state != STATE_BODY)
        return ABI_TRAILERS_STOP;
    return take_body(stream, envoy, true) == OUTCOME_PASS ? ABI_TRAILERS_CONTINUE
                                                          : ABI_TRAILERS_STOP;
}

static enum outcome check_again(struct stream *stream, void *envoy, struct check *check)
{
    struct pending *pending = stream->pending;
    clientid_worker *worker = gateway_worker(stream->gateway);
    if (worker == NULL)
        return refuse(stream, envoy, &check->lines, "no worker for this thread");
    check->request.flags = pending->flags;
    check->request.body = (clientid_str){pending->body, pending->body_len};
    check->request.now_ns = realtime_ns();
    memcpy(&check->decision, &pending->decision, sizeof check->decision);
    int rv = clientid_resume(worker, &check->request, &check->decision);
    record(stream, envoy, worker, check->request.now_ns);
    return settle(stream, envoy, check, rv);
}

void stream_resume(struct stream *stream, void *envoy)
{
    struct check check;
    if (stream->state != STATE_WAITING)
        return;
    if (!prepare(&check, envoy)) {
        (void)refuse_unread(stream, envoy);
        return;
    }
    enum outcome outcome = check_again(stream, envoy, &check);
    lines_free(&check.lines);
    if (outcome == OUTCOME_PASS)
        CALL(http_filter_continue_decoding)(envoy);
    else if (outcome == OUTCOME_BODY) /* a reload made a policy ask for it, and it is too late */
        (void)refuse_unread(stream, envoy);
}

/*
 * Envoy's response flags (from 1.39 on; CoreResponseFlag, by position): UH, UF, UO, NR and NC are answers of Envoy's own in place of an
 * upstream that got nothing.  Any flag beside them, such as the one of a retry, may mean that one got something.
 */
#define FLAGS_UNSENT                                                                               \
    (UINT64_C(1) << 1 | UINT64_C(1) << 5 | UINT64_C(1) << 7 | UINT64_C(1) << 8 | UINT64_C(1) << 24)

/*
 * The flags alone do not tell: an upstream's own answer has UO when no retry was to be had for it, and one that failed to
 * be reached may not have been the first that was tried.
 */
static bool is_unsent(void *envoy)
{
    uint64_t flags = 0;
    uint64_t attempts = 0;
    struct abi_bytes details = {NULL, 0};
    return CALL(http_filter_get_attribute_int)(envoy, ABI_ATTRIBUTE_RESPONSE_FLAGS, &flags) &&
           flags != 0 && (flags & ~FLAGS_UNSENT) == 0 &&
           CALL(http_filter_get_attribute_int)(envoy, ABI_ATTRIBUTE_ATTEMPT_COUNT, &attempts) &&
           attempts <= 1 &&
           CALL(http_filter_get_attribute_string)(envoy, ABI_ATTRIBUTE_RESPONSE_DETAILS,
                                                  &details) &&
           details.len != 0 && !(details.len == 12 && memcmp(details.ptr, "via_upstream", 12) == 0);
}

/* An upstream that never saw the request costs the client nothing. */
static void refund_unsent(struct stream *stream, void *envoy)
{
    if (!is_unsent(envoy))
        return;
    clientid_worker *worker = gateway_worker(stream->gateway);
    if (worker != NULL && clientid_refund(worker, &stream->charge->receipt, realtime_ns()) == 0)
        stats_count(&stream->filter->stats, envoy, STAT_REFUNDED);
}

void stream_answer(struct stream *stream, void *envoy)
{
    if (stream == &no_stream)
        return;
    /* When someone else answered, what waits must not be charged any more. */
    if (stream->state != STATE_PASSED) {
        leave_queue(stream);
        stream->state = STATE_ANSWERED;
    }
    if (stream->extra != NULL) {
        answer_add(envoy, stream->extra);
        free(stream->extra);
        stream->extra = NULL;
    }
    if (stream->charge != NULL) {
        refund_unsent(stream, envoy);
        free(stream->charge);
        stream->charge = NULL;
    }
}
