/* SPDX-License-Identifier: Apache-2.0 */
#pragma GCC visibility push(default) /* the callbacks below must be seen by the module */
#include "../../examples/envoy/abi.h"
#pragma GCC visibility pop

#include "support_envoy_host.h"

#include <ctype.h>
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

bool host_no_scheduler;
bool host_validates;
bool host_refuses_statistics;

/* ---- the module ------------------------------------------------------------------------------ */

#define HOOKS(X)                                                                                   \
    X(program_init)                                                                                \
    X(http_filter_config_new)                                                                      \
    X(http_filter_config_destroy)                                                                  \
    X(http_filter_per_route_config_new)                                                            \
    X(http_filter_per_route_config_destroy)                                                        \
    X(http_filter_new)                                                                             \
    X(http_filter_destroy)                                                                         \
    X(http_filter_request_headers)                                                                 \
    X(http_filter_request_body)                                                                    \
    X(http_filter_request_trailers)                                                                \
    X(http_filter_response_headers)                                                                \
    X(http_filter_response_body)                                                                   \
    X(http_filter_response_trailers)                                                               \
    X(http_filter_stream_complete)                                                                 \
    X(http_filter_scheduled)                                                                       \
    X(http_filter_local_reply)                                                                     \
    X(http_filter_http_callout_done)                                                               \
    X(http_filter_http_stream_headers)                                                             \
    X(http_filter_http_stream_data)                                                                \
    X(http_filter_http_stream_trailers)                                                            \
    X(http_filter_http_stream_complete)                                                            \
    X(http_filter_http_stream_reset)                                                               \
    X(http_filter_downstream_above_write_buffer_high_watermark)                                    \
    X(http_filter_downstream_below_write_buffer_low_watermark)

static struct {
#define HOOK_MEMBER(name) __typeof__(&ON(name)) name;
    HOOKS(HOOK_MEMBER)
#undef HOOK_MEMBER
} module;

static void *symbol(void *handle, const char *name)
{
    void *found = dlsym(handle, name);
    if (found == NULL)
        fail_msg("the module has no %s", name);
    return found;
}

void host_load(const char *path)
{
    void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (handle == NULL)
        fail_msg("%s", dlerror());
#define HOOK_FIND(name)                                                                            \
    *(void **)(void *)&module.name = symbol(handle, "envoy_dynamic_module_on_" #name);
    HOOKS(HOOK_FIND)
#undef HOOK_FIND
    assert_non_null(module.program_init());
    dlclose(handle); /* it must survive that: it has threads */
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static char *dup(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static void pairs_add(struct host_pairs *pairs, struct abi_bytes name, struct abi_bytes value)
{
    assert_true(pairs->count < HOST_PAIRS_MAX);
    struct host_pair *pair = &pairs->at[pairs->count++];
    pair->name = dup(name.ptr, name.len);
    pair->value = dup(value.ptr, value.len);
    for (char *at = pair->name; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
}

static void pairs_remove(struct host_pairs *pairs, const char *name)
{
    size_t to = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->at[i].name, name) != 0) {
            pairs->at[to++] = pairs->at[i];
            continue;
        }
        free(pairs->at[i].name);
        free(pairs->at[i].value);
    }
    pairs->count = to;
}

static void pairs_free(struct host_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->at[i].name);
        free(pairs->at[i].value);
    }
    pairs->count = 0;
}

const char *host_get(const struct host_pairs *pairs, const char *name, size_t nth)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->at[i].name, name) == 0 && nth-- == 0)
            return pairs->at[i].value;
    }
    return NULL;
}

static struct host_pairs *pairs_of(struct host_stream *stream, int type)
{
    return type == ABI_REQUEST_HEADERS    ? &stream->request
           : type == ABI_REQUEST_TRAILERS ? &stream->trailers
                                          : &stream->response;
}

/* ---- log and statistics ---------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text[65536];
static char log_copy[65536];
static struct {
    char name[96];
    _Atomic uint64_t value;
} stats[256];
static size_t stat_count;

void CALL(log)(int level, struct abi_bytes text)
{
    pthread_mutex_lock(&lock);
    size_t len = strlen(log_text);
    snprintf(log_text + len, sizeof log_text - len, "%d %.*s\n", level, (int)text.len, text.ptr);
    pthread_mutex_unlock(&lock);
}

const char *host_log(void)
{
    pthread_mutex_lock(&lock);
    memcpy(log_copy, log_text, sizeof log_copy);
    pthread_mutex_unlock(&lock);
    return log_copy;
}

void host_log_clear(void)
{
    pthread_mutex_lock(&lock);
    log_text[0] = '\0';
    pthread_mutex_unlock(&lock);
}

static int define(struct abi_bytes name, size_t *id)
{
    if (host_refuses_statistics)
        return 3;
    for (*id = 0; *id < stat_count; ++*id) {
        if (strlen(stats[*id].name) == name.len && memcmp(stats[*id].name, name.ptr, name.len) == 0)
            return 0;
    }
    assert_true(stat_count < sizeof stats / sizeof stats[0]);
    memcpy(stats[stat_count++].name, name.ptr, name.len);
    return 0;
}

int CALL(http_filter_config_define_counter)(void *config_envoy, struct abi_bytes name,
                                            struct abi_bytes *labels, size_t count, size_t *id)
{
    (void)config_envoy, (void)labels;
    return count == 0 ? define(name, id) : 2;
}

int CALL(http_filter_config_define_histogram)(void *config_envoy, struct abi_bytes name,
                                              struct abi_bytes *labels, size_t count, size_t *id)
{
    (void)config_envoy, (void)labels;
    return count == 0 ? define(name, id) : 2;
}

int CALL(http_filter_increment_counter)(void *filter_envoy, size_t id, struct abi_bytes *labels,
                                        size_t count, uint64_t step)
{
    (void)filter_envoy, (void)labels, (void)count;
    atomic_fetch_add(&stats[id].value, step);
    return 0;
}

int CALL(http_filter_record_histogram_value)(void *filter_envoy, size_t id,
                                             struct abi_bytes *labels, size_t count, uint64_t value)
{
    (void)filter_envoy, (void)labels, (void)count, (void)value;
    atomic_fetch_add(&stats[id].value, 1);
    return 0;
}

uint64_t host_stat(const char *name)
{
    for (size_t i = 0; i < stat_count; i++) {
        if (strcmp(stats[i].name, name) == 0)
            return atomic_load(&stats[i].value);
    }
    fail_msg("no statistic %s", name);
    return 0;
}

/* ---- configurations -------------------------------------------------------------------------- */

static struct abi_bytes bytes_of(const char *text)
{
    return (struct abi_bytes){text, strlen(text)};
}

bool CALL(is_validation_mode)(void)
{
    return host_validates;
}

const void *host_config(const char *json)
{
    return module.http_filter_config_new(NULL, ABI_BYTES("clientid"), bytes_of(json));
}

void host_config_del(const void *config)
{
    if (config != NULL)
        module.http_filter_config_destroy(config);
}

const void *host_route(const char *json)
{
    return module.http_filter_per_route_config_new(ABI_BYTES("clientid"), bytes_of(json));
}

void host_route_del(const void *route)
{
    if (route != NULL)
        module.http_filter_per_route_config_destroy(route);
}

/* ---- what a stream asks ---------------------------------------------------------------------- */

size_t CALL(http_get_headers_size)(void *filter_envoy, int type)
{
    return pairs_of(filter_envoy, type)->count;
}

bool CALL(http_get_headers)(void *filter_envoy, int type, struct abi_pair *out)
{
    const struct host_pairs *pairs = pairs_of(filter_envoy, type);
    for (size_t i = 0; i < pairs->count; i++)
        out[i] = (struct abi_pair){bytes_of(pairs->at[i].name), bytes_of(pairs->at[i].value)};
    return true;
}

/* Frees what the module was given before, so that a sanitizer sees a slice used too late. */
static void move_pairs(struct host_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        struct host_pair *pair = &pairs->at[i];
        char *name = dup(pair->name, strlen(pair->name));
        char *value = dup(pair->value, strlen(pair->value));
        memset(pair->value, '!', strlen(pair->value));
        memset(pair->name, '!', strlen(pair->name));
        free(pair->name);
        free(pair->value);
        *pair = (struct host_pair){name, value};
    }
}

bool CALL(http_set_header)(void *filter_envoy, int type, struct abi_bytes name,
                           struct abi_bytes value)
{
    struct host_pairs *pairs = pairs_of(filter_envoy, type);
    char *copy = dup(name.ptr, name.len);
    char *kept = dup(value.ptr != NULL ? value.ptr : "", value.len);
    move_pairs(pairs);
    if (value.len != 0 && host_get(pairs, copy, 0) != NULL && copy[0] == ':') {
        for (size_t i = 0; i < pairs->count; i++) {
            if (strcmp(pairs->at[i].name, copy) == 0) {
                free(pairs->at[i].value);
                pairs->at[i].value = dup(kept, strlen(kept));
            }
        }
    } else {
        pairs_remove(pairs, copy);
        if (value.len != 0)
            pairs_add(pairs, bytes_of(copy), bytes_of(kept));
    }
    free(copy);
    free(kept);
    return true;
}

bool CALL(http_add_header)(void *filter_envoy, int type, struct abi_bytes name,
                           struct abi_bytes value)
{
    if (value.len == 0)
        return false;
    pairs_add(pairs_of(filter_envoy, type), name, value);
    return true;
}

static bool body_of(const struct host_stream *stream, int type, const char **data, size_t *len)
{
    *data = type == ABI_BUFFERED_REQUEST_BODY ? stream->buffered : stream->received;
    *len = type == ABI_BUFFERED_REQUEST_BODY ? stream->buffered_len : stream->received_len;
    return *data != NULL;
}

/* Two parts, so that the module has to join them. */
size_t CALL(http_get_body_chunks_size)(void *filter_envoy, int type)
{
    const char *data;
    size_t len;
    return body_of(filter_envoy, type, &data, &len) && len != 0 ? (len > 1 ? 2 : 1) : 0;
}

bool CALL(http_get_body_chunks)(void *filter_envoy, int type, struct abi_bytes *out)
{
    const char *data;
    size_t len;
    if (!body_of(filter_envoy, type, &data, &len))
        return false;
    out[0] = (struct abi_bytes){data, len > 1 ? len / 2 : len};
    if (len > 1)
        out[1] = (struct abi_bytes){data + len / 2, len - len / 2};
    return true;
}

bool CALL(http_received_buffered_request_body)(void *filter_envoy)
{
    return ((const struct host_stream *)filter_envoy)->received_is_buffered;
}

uint64_t CALL(http_get_buffer_limit)(void *filter_envoy)
{
    return ((const struct host_stream *)filter_envoy)->buffer_limit;
}

void CALL(http_set_buffer_limit)(void *filter_envoy, uint64_t limit)
{
    ((struct host_stream *)filter_envoy)->buffer_limit = limit;
}

const void *CALL(get_most_specific_route_config)(void *filter_envoy)
{
    return ((const struct host_stream *)filter_envoy)->route;
}

static void set_metadata(struct host_stream *stream, struct abi_bytes space, struct abi_bytes key,
                         struct abi_bytes value)
{
    char name[128];
    int len =
        snprintf(name, sizeof name, "%.*s:%.*s", (int)space.len, space.ptr, (int)key.len, key.ptr);
    pairs_remove(&stream->metadata, name);
    pairs_add(&stream->metadata, (struct abi_bytes){name, (size_t)len}, value);
}

void CALL(http_set_dynamic_metadata_string)(void *filter_envoy, struct abi_bytes space,
                                            struct abi_bytes key, struct abi_bytes value)
{
    set_metadata(filter_envoy, space, key, value);
}

void CALL(http_set_dynamic_metadata_string_batch)(void *filter_envoy, struct abi_bytes space,
                                                  const struct abi_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        set_metadata(filter_envoy, space, pairs[i].name, pairs[i].value);
}

bool CALL(http_set_filter_state_bytes)(void *filter_envoy, struct abi_bytes key,
                                       struct abi_bytes value)
{
    pairs_add(&((struct host_stream *)filter_envoy)->state, key, value);
    return true;
}

bool CALL(http_filter_get_attribute_int)(void *filter_envoy, int attribute, uint64_t *out)
{
    const struct host_stream *stream = filter_envoy;
    if (attribute != ABI_ATTRIBUTE_RESPONSE_FLAGS && attribute != ABI_ATTRIBUTE_ATTEMPT_COUNT)
        return false;
    *out = attribute == ABI_ATTRIBUTE_RESPONSE_FLAGS ? stream->response_flags : stream->attempts;
    return true;
}

bool CALL(http_filter_get_attribute_string)(void *filter_envoy, int attribute,
                                            struct abi_bytes *out)
{
    const struct host_stream *stream = filter_envoy;
    if (attribute != ABI_ATTRIBUTE_RESPONSE_DETAILS || stream->details == NULL)
        return false;
    *out = bytes_of(stream->details);
    return true;
}

void CALL(http_send_response)(void *filter_envoy, uint32_t status, struct abi_pair *headers,
                              size_t count, struct abi_bytes body, struct abi_bytes details)
{
    struct host_stream *stream = filter_envoy;
    stream->reply.count++;
    stream->reply.status = status;
    for (size_t i = 0; i < count; i++)
        pairs_add(&stream->reply.headers, headers[i].name, headers[i].value);
    free(stream->reply.body);
    free(stream->reply.details);
    stream->reply.body = dup(body.ptr, body.len);
    stream->reply.details = dup(details.ptr, details.len);
    if (stream->dies_in_reply)
        host_stream_end(stream);
}

void CALL(http_filter_continue_decoding)(void *filter_envoy)
{
    ((struct host_stream *)filter_envoy)->continued++;
}

/* ---- schedulers ------------------------------------------------------------------------------ */

struct host_scheduler {
    struct host_stream *stream; /* NULL: the stream is gone */
    unsigned committed;
};

static pthread_cond_t committed = PTHREAD_COND_INITIALIZER;
static atomic_uint schedulers;

void *CALL(http_filter_scheduler_new)(void *filter_envoy)
{
    struct host_stream *stream = filter_envoy;
    if (host_no_scheduler)
        return NULL;
    struct host_scheduler *scheduler = calloc(1, sizeof *scheduler);
    scheduler->stream = stream;
    stream->scheduler = scheduler;
    atomic_fetch_add(&schedulers, 1);
    return scheduler;
}

void CALL(http_filter_scheduler_commit)(void *handle, uint64_t event)
{
    struct host_scheduler *scheduler = handle;
    (void)event;
    pthread_mutex_lock(&lock);
    scheduler->committed++;
    pthread_cond_broadcast(&committed);
    pthread_mutex_unlock(&lock);
}

void CALL(http_filter_scheduler_delete)(void *handle)
{
    struct host_scheduler *scheduler = handle;
    scheduler->stream->scheduler = NULL;
    memset(scheduler, 0xff, sizeof *scheduler);
    free(scheduler);
    atomic_fetch_sub(&schedulers, 1);
}

unsigned host_schedulers(void)
{
    return atomic_load(&schedulers);
}

bool host_wait(struct host_stream *stream, unsigned ms)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += (long)(ms % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    int rv = 0;
    pthread_mutex_lock(&lock);
    while (stream->scheduler != NULL && stream->scheduler->committed == 0 && rv == 0)
        rv = pthread_cond_timedwait(&committed, &lock, &end);
    bool due = stream->scheduler != NULL && stream->scheduler->committed != 0;
    if (due)
        stream->scheduler->committed--;
    pthread_mutex_unlock(&lock);
    if (due) {
        stream->events++;
        module.http_filter_scheduled(stream, stream->filter, 1);
    }
    return due;
}

/* ---- streams --------------------------------------------------------------------------------- */

static const char *add_line(struct host_stream *stream, const char *line)
{
    size_t len = strcspn(line, "\n");
    const char *colon = memchr(line, ':', len);
    assert_non_null(colon);
    const char *value = colon + 1 + strspn(colon + 1, " ");
    pairs_add(&stream->request, (struct abi_bytes){line, (size_t)(colon - line)},
              (struct abi_bytes){value, (size_t)(line + len - value)});
    return line[len] == '\n' ? line + len + 1 : line + len;
}

void host_stream_new(struct host_stream *stream, const void *config, const void *route,
                     const char *head)
{
    *stream = (struct host_stream){.route = route, .buffer_limit = 1 << 20};
    size_t method = strcspn(head, " ");
    size_t target = strcspn(head + method + 1, " ");
    pairs_add(&stream->request, ABI_BYTES(":method"), (struct abi_bytes){head, method});
    pairs_add(&stream->request, ABI_BYTES(":path"), (struct abi_bytes){head + method + 1, target});
    pairs_add(&stream->request, ABI_BYTES(":authority"), ABI_BYTES("test"));
    const char *line = head + strcspn(head, "\n");
    for (line += *line == '\n'; *line != '\0';)
        line = add_line(stream, line);
    stream->filter = module.http_filter_new(config, stream);
    assert_non_null(stream->filter);
}

void host_stream_refilter(struct host_stream *stream, const void *config)
{
    stream->filter = module.http_filter_new(config, stream);
}

int host_headers(struct host_stream *stream, bool end)
{
    return module.http_filter_request_headers(stream, stream->filter, end);
}

static void buffer(struct host_stream *stream, const char *data, size_t len)
{
    stream->buffered = realloc(stream->buffered, stream->buffered_len + len + 1);
    memcpy(stream->buffered + stream->buffered_len, data, len);
    stream->buffered_len += len;
}

int host_body(struct host_stream *stream, const char *data, size_t len, bool end)
{
    if (end && stream->buffered != NULL) {
        buffer(stream, data, len);
        data = "";
        len = 0;
    }
    stream->received = data;
    stream->received_len = len;
    int rv = module.http_filter_request_body(stream, stream->filter, end);
    stream->received = NULL;
    stream->received_len = 0;
    if (rv == ABI_BODY_STOP_AND_BUFFER || rv == ABI_BODY_STOP_AND_WATERMARK)
        buffer(stream, data, len);
    return rv;
}

int host_body_buffered(struct host_stream *stream, const char *data, size_t len)
{
    buffer(stream, data, len);
    stream->received = stream->buffered;
    stream->received_len = stream->buffered_len;
    stream->received_is_buffered = true;
    int rv = module.http_filter_request_body(stream, stream->filter, true);
    stream->received_is_buffered = false;
    stream->received = NULL;
    return rv;
}

void host_trailer(struct host_stream *stream, const char *name, const char *value)
{
    pairs_add(&stream->trailers, bytes_of(name), bytes_of(value));
}

int host_trailers(struct host_stream *stream)
{
    return module.http_filter_request_trailers(stream, stream->filter);
}

int host_response(struct host_stream *stream)
{
    int rv = module.http_filter_response_headers(stream, stream->filter, false);
    assert_int_equal(module.http_filter_response_body(stream, stream->filter, true), 0);
    assert_int_equal(module.http_filter_response_trailers(stream, stream->filter), 0);
    return rv;
}

void host_stream_end(struct host_stream *stream)
{
    if (stream->ended)
        return;
    stream->ended = true;
    module.http_filter_stream_complete(stream, stream->filter);
    module.http_filter_destroy(stream->filter);
}

void host_stream_del(struct host_stream *stream)
{
    host_stream_end(stream);
    pairs_free(&stream->request);
    pairs_free(&stream->trailers);
    pairs_free(&stream->response);
    pairs_free(&stream->metadata);
    pairs_free(&stream->state);
    pairs_free(&stream->reply.headers);
    free(stream->buffered);
    free(stream->reply.body);
    free(stream->reply.details);
}
