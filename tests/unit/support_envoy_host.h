/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_ENVOY_HOST_H
#define SUPPORT_ENVOY_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A stand-in for Envoy: loads the module as Envoy does, offers it the callbacks (the test program exports them, so it is
 * linked with -rdynamic), and plays streams by script.  What it does with buffered bodies and after a stop is what Envoy's
 * filter manager does; tests/hosts/ asks the real one.
 */

#define HOST_PAIRS_MAX 160

struct host_pair {
    char *name;
    char *value;
};

struct host_pairs {
    size_t count;
    struct host_pair at[HOST_PAIRS_MAX];
};

/* What a hook said, of headers, body and trailers alike. */
enum { HOST_CONTINUE = 0, HOST_STOP = 1 };
enum { HOST_STOP_ALL_AND_WATERMARK = 4, HOST_BODY_AND_WATERMARK = 2, HOST_BODY_NO_BUFFER = 3 };

/* One stream.  Everything is for the test to read. */
struct host_stream {
    const void *filter;
    const void *route; /* per-route configuration, may be NULL */
    struct host_pairs request;
    struct host_pairs trailers;
    struct host_pairs response;
    struct host_pairs metadata; /* "namespace:key" */
    struct host_pairs state;
    char *buffered;
    size_t buffered_len;
    const char *received;
    size_t received_len;
    bool received_is_buffered;
    uint64_t buffer_limit; /* 1 MiB */
    uint64_t response_flags;
    uint64_t attempts;
    const char *details; /* of the response, NULL: none */
    unsigned continued;  /* calls to continue_decoding */
    unsigned events;     /* delivered */
    struct {
        unsigned count;
        uint32_t status;
        struct host_pairs headers;
        char *body;
        char *details;
    } reply;
    bool dies_in_reply; /* Envoy may end the stream inside send_response */
    bool ended;
    struct host_scheduler *scheduler;
};

void host_load(const char *module);
/* Calls of these while set are answered false, or with NULL. */
extern bool host_no_scheduler;
extern bool host_validates;
extern bool host_refuses_statistics;

/* A configuration, NULL when refused; host_log tells why. */
const void *host_config(const char *json);
void host_config_del(const void *config);
const void *host_route(const char *json);
void host_route_del(const void *route);
/* All lines since the last host_log_clear. */
const char *host_log(void);
void host_log_clear(void);
/* A counter by name, summed over all configurations; a histogram's number of values. */
uint64_t host_stat(const char *name);

/* |head|: "GET /path HTTP/1.1\nname: value\n..."; names become lower case. */
void host_stream_new(struct host_stream *stream, const void *config, const void *route,
                     const char *head);
void host_trailer(struct host_stream *stream, const char *name, const char *value);
/* Makes the module's part anew; nothing else is allocated. */
void host_stream_refilter(struct host_stream *stream, const void *config);
int host_headers(struct host_stream *stream, bool end);
int host_body(struct host_stream *stream, const char *data, size_t len, bool end);
/* Gives what an earlier filter had buffered. */
int host_body_buffered(struct host_stream *stream, const char *data, size_t len);
int host_trailers(struct host_stream *stream);
int host_response(struct host_stream *stream);
/* Waits for a scheduled event and delivers it; false when there is none within |ms|. */
bool host_wait(struct host_stream *stream, unsigned ms);
/* stream_complete and destroy. */
void host_stream_end(struct host_stream *stream);
void host_stream_del(struct host_stream *stream);
/* Schedulers that were made and not deleted. */
unsigned host_schedulers(void);

/* A value, NULL when there is none; |nth| from 0. */
const char *host_get(const struct host_pairs *pairs, const char *name, size_t nth);

#endif
