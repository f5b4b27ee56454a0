/* SPDX-License-Identifier: Apache-2.0 */
/* What Envoy looks up by name.  Nothing else of this module, and nothing of the libraries in it, is visible to Envoy. */
#include "abi.h"
#include "filter.h"
#include "log.h"
#include "stream.h"

/* Envoy hands out as "const" what is ours to change. */
static struct stream *stream_of(const void *filter)
{
    return (struct stream *)(uintptr_t)filter;
}

const char *ON(program_init)(void)
{
    /* Envoy only logs a version that is not its own; 1.40 came with the next one, and with log_v2. */
    return CALL(log_v2) != NULL ? "v0.2.0" : "v0.1.0";
}

const void *ON(http_filter_config_new)(void *config_envoy, struct abi_bytes name,
                                       struct abi_bytes config)
{
    (void)name;
    return filter_new(config_envoy, (clientid_str){config.ptr, config.len});
}

void ON(http_filter_config_destroy)(const void *config)
{
    filter_free((struct filter *)(uintptr_t)config);
}

const void *ON(http_filter_per_route_config_new)(struct abi_bytes name, struct abi_bytes config)
{
    (void)name;
    return route_new((clientid_str){config.ptr, config.len});
}

void ON(http_filter_per_route_config_destroy)(const void *config)
{
    route_free((struct route *)(uintptr_t)config);
}

const void *ON(http_filter_new)(const void *config, void *filter_envoy)
{
    (void)filter_envoy;
    return stream_new(config);
}

void ON(http_filter_destroy)(const void *filter)
{
    stream_free(stream_of(filter));
}

int ON(http_filter_request_headers)(void *filter_envoy, const void *filter, bool end)
{
    return stream_headers(stream_of(filter), filter_envoy, end);
}

int ON(http_filter_request_body)(void *filter_envoy, const void *filter, bool end)
{
    return stream_body(stream_of(filter), filter_envoy, end);
}

int ON(http_filter_request_trailers)(void *filter_envoy, const void *filter)
{
    return stream_trailers(stream_of(filter), filter_envoy);
}

int ON(http_filter_response_headers)(void *filter_envoy, const void *filter, bool end)
{
    (void)end;
    stream_answer(stream_of(filter), filter_envoy);
    return ABI_HEADERS_CONTINUE;
}

int ON(http_filter_response_body)(void *filter_envoy, const void *filter, bool end)
{
    (void)filter_envoy;
    (void)filter;
    (void)end;
    return ABI_BODY_CONTINUE;
}

int ON(http_filter_response_trailers)(void *filter_envoy, const void *filter)
{
    (void)filter_envoy;
    (void)filter;
    return ABI_TRAILERS_CONTINUE;
}

void ON(http_filter_stream_complete)(void *filter_envoy, const void *filter)
{
    stream_end(stream_of(filter), filter_envoy);
}

void ON(http_filter_scheduled)(void *filter_envoy, const void *filter, uint64_t event)
{
    (void)event;
    stream_resume(stream_of(filter), filter_envoy);
}

int ON(http_filter_local_reply)(void *filter_envoy, const void *filter, uint32_t status,
                                struct abi_bytes details, bool reset_imminent)
{
    (void)filter_envoy;
    (void)filter;
    (void)status;
    (void)details;
    (void)reset_imminent;
    return 0; /* go on */
}

/* ---- demanded by Envoy, never called --------------------------------------------------------- */

void ON(http_filter_http_callout_done)(void *filter_envoy, const void *filter, uint64_t id,
                                       int result, struct abi_pair *headers, size_t count,
                                       struct abi_bytes *body, size_t chunks)
{
    (void)filter_envoy, (void)filter, (void)id, (void)result;
    (void)headers, (void)count, (void)body, (void)chunks;
}

void ON(http_filter_http_stream_headers)(void *filter_envoy, const void *filter, uint64_t id,
                                         struct abi_pair *headers, size_t count, bool end)
{
    (void)filter_envoy, (void)filter, (void)id, (void)headers, (void)count, (void)end;
}

void ON(http_filter_http_stream_data)(void *filter_envoy, const void *filter, uint64_t id,
                                      const struct abi_bytes *data, size_t count, bool end)
{
    (void)filter_envoy, (void)filter, (void)id, (void)data, (void)count, (void)end;
}

void ON(http_filter_http_stream_trailers)(void *filter_envoy, const void *filter, uint64_t id,
                                          struct abi_pair *trailers, size_t count)
{
    (void)filter_envoy, (void)filter, (void)id, (void)trailers, (void)count;
}

void ON(http_filter_http_stream_complete)(void *filter_envoy, const void *filter, uint64_t id)
{
    (void)filter_envoy, (void)filter, (void)id;
}

void ON(http_filter_http_stream_reset)(void *filter_envoy, const void *filter, uint64_t id,
                                       int reason)
{
    (void)filter_envoy, (void)filter, (void)id, (void)reason;
}

void ON(http_filter_downstream_above_write_buffer_high_watermark)(void *filter_envoy,
                                                                  const void *filter)
{
    (void)filter_envoy, (void)filter;
}

void ON(http_filter_downstream_below_write_buffer_low_watermark)(void *filter_envoy,
                                                                 const void *filter)
{
    (void)filter_envoy, (void)filter;
}
