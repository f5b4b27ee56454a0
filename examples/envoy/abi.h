/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Envoy's binary interface for dynamic modules asks of an HTTP filter and offers to it, declared anew for LP64 from
 * its documentation; only what is used here.  Nothing checks these against a running Envoy but the tests: names by
 * its dynamic symbol table, arguments by use.
 *
 * Released functions never change their arguments (a new one gets another name).  What is not in the oldest Envoy whose
 * interface is not checked by a hash, 1.37.1, is weak and has to be looked at before it is called; a missing one of the others is an error when Envoy
 * loads the module, since that is linked with "-z now".
 */
#ifndef ENVOY_ABI_H
#define ENVOY_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct abi_bytes {
    const char *ptr;
    size_t len;
};

/* A header line, or a key and its value. */
struct abi_pair {
    struct abi_bytes name;
    struct abi_bytes value;
};

#define ABI_BYTES(literal) ((struct abi_bytes){(literal), sizeof(literal) - 1})

/* enums of C, all of them int */
enum { ABI_REQUEST_HEADERS = 0, ABI_REQUEST_TRAILERS = 1, ABI_RESPONSE_HEADERS = 2 };
enum { ABI_RECEIVED_REQUEST_BODY = 0, ABI_BUFFERED_REQUEST_BODY = 1 };
enum { ABI_HEADERS_CONTINUE = 0, ABI_HEADERS_STOP = 1, ABI_HEADERS_STOP_ALL_AND_WATERMARK = 4 };
enum {
    ABI_BODY_CONTINUE = 0,
    ABI_BODY_STOP_AND_BUFFER = 1,
    ABI_BODY_STOP_AND_WATERMARK = 2,
    ABI_BODY_STOP_NO_BUFFER = 3
};
enum { ABI_TRAILERS_CONTINUE = 0, ABI_TRAILERS_STOP = 1 };
enum { ABI_LOG_INFO = 2, ABI_LOG_WARN = 3, ABI_LOG_ERROR = 4 };
enum {
    ABI_ATTRIBUTE_RESPONSE_DETAILS = 16,
    ABI_ATTRIBUTE_RESPONSE_FLAGS = 17,
    ABI_ATTRIBUTE_ATTEMPT_COUNT = 53
};

#define HOOK       __attribute__((visibility("default")))
#define ON(name)   envoy_dynamic_module_on_##name
#define CALL(name) envoy_dynamic_module_callback_##name

/* ---- hooks: what Envoy calls ----------------------------------------------------------------- */

HOOK const char *ON(program_init)(void);

/* Main thread.  NULL: Envoy refuses the configuration. */
HOOK const void *ON(http_filter_config_new)(void *config_envoy, struct abi_bytes name,
                                            struct abi_bytes config);
HOOK void ON(http_filter_config_destroy)(const void *config);
HOOK const void *ON(http_filter_per_route_config_new)(struct abi_bytes name,
                                                      struct abi_bytes config);
HOOK void ON(http_filter_per_route_config_destroy)(const void *config);

/* One stream: always the same worker thread.  Must not return NULL. */
HOOK const void *ON(http_filter_new)(const void *config, void *filter_envoy);
HOOK void ON(http_filter_destroy)(const void *filter);
HOOK int ON(http_filter_request_headers)(void *filter_envoy, const void *filter, bool end);
HOOK int ON(http_filter_request_body)(void *filter_envoy, const void *filter, bool end);
HOOK int ON(http_filter_request_trailers)(void *filter_envoy, const void *filter);
HOOK int ON(http_filter_response_headers)(void *filter_envoy, const void *filter, bool end);
HOOK int ON(http_filter_response_body)(void *filter_envoy, const void *filter, bool end);
HOOK int ON(http_filter_response_trailers)(void *filter_envoy, const void *filter);
HOOK void ON(http_filter_stream_complete)(void *filter_envoy, const void *filter);
HOOK void ON(http_filter_scheduled)(void *filter_envoy, const void *filter, uint64_t event);
HOOK int ON(http_filter_local_reply)(void *filter_envoy, const void *filter, uint32_t status,
                                     struct abi_bytes details, bool reset_imminent);

/* Demanded by Envoy, of no use here: calls to other clusters, and the client's buffer. */
HOOK void ON(http_filter_http_callout_done)(void *filter_envoy, const void *filter, uint64_t id,
                                            int result, struct abi_pair *headers, size_t count,
                                            struct abi_bytes *body, size_t chunks);
HOOK void ON(http_filter_http_stream_headers)(void *filter_envoy, const void *filter, uint64_t id,
                                              struct abi_pair *headers, size_t count, bool end);
HOOK void ON(http_filter_http_stream_data)(void *filter_envoy, const void *filter, uint64_t id,
                                           const struct abi_bytes *data, size_t count, bool end);
HOOK void ON(http_filter_http_stream_trailers)(void *filter_envoy, const void *filter, uint64_t id,
                                               struct abi_pair *trailers, size_t count);
HOOK void ON(http_filter_http_stream_complete)(void *filter_envoy, const void *filter, uint64_t id);
HOOK void ON(http_filter_http_stream_reset)(void *filter_envoy, const void *filter, uint64_t id,
                                            int reason);
HOOK void ON(http_filter_downstream_above_write_buffer_high_watermark)(void *filter_envoy,
                                                                       const void *filter);
HOOK void ON(http_filter_downstream_below_write_buffer_low_watermark)(void *filter_envoy,
                                                                      const void *filter);

/* ---- callbacks: what Envoy offers ------------------------------------------------------------ */

/* Bytes of Envoy's are valid until the hook returns or anything is set, whichever is first. */

void CALL(log)(int level, struct abi_bytes text); /* any thread */
/* From 1.40 on. */
__attribute__((weak)) void CALL(log_v2)(int level, struct abi_bytes text, struct abi_bytes file,
                                        uint32_t line);
__attribute__((weak)) bool CALL(is_validation_mode)(void); /* main thread */

size_t CALL(http_get_headers_size)(void *filter_envoy, int type);
bool CALL(http_get_headers)(void *filter_envoy, int type, struct abi_pair *out);
/* Names are in lower case.  An empty value removes all lines of that name. */
bool CALL(http_set_header)(void *filter_envoy, int type, struct abi_bytes name,
                           struct abi_bytes value);
bool CALL(http_add_header)(void *filter_envoy, int type, struct abi_bytes name,
                           struct abi_bytes value);

size_t CALL(http_get_body_chunks_size)(void *filter_envoy, int type);
bool CALL(http_get_body_chunks)(void *filter_envoy, int type, struct abi_bytes *out);
/* The next three from 1.38 on.  True when the received body is the buffered one, not what follows it. */
__attribute__((weak)) bool CALL(http_received_buffered_request_body)(void *filter_envoy);
__attribute__((weak)) uint64_t CALL(http_get_buffer_limit)(void *filter_envoy);
__attribute__((weak)) void CALL(http_set_buffer_limit)(void *filter_envoy, uint64_t limit);

/* May end the stream, and with it the filter, before it returns. */
void CALL(http_send_response)(void *filter_envoy, uint32_t status, struct abi_pair *headers,
                              size_t count, struct abi_bytes body, struct abi_bytes details);
void CALL(http_filter_continue_decoding)(void *filter_envoy);

const void *CALL(get_most_specific_route_config)(void *filter_envoy);
bool CALL(http_filter_get_attribute_string)(void *filter_envoy, int attribute,
                                            struct abi_bytes *out);
bool CALL(http_filter_get_attribute_int)(void *filter_envoy, int attribute, uint64_t *out);

/* Result: 0 when done. */
int CALL(http_filter_config_define_counter)(void *config_envoy, struct abi_bytes name,
                                            struct abi_bytes *labels, size_t count, size_t *id);
int CALL(http_filter_config_define_histogram)(void *config_envoy, struct abi_bytes name,
                                              struct abi_bytes *labels, size_t count, size_t *id);
int CALL(http_filter_increment_counter)(void *filter_envoy, size_t id, struct abi_bytes *labels,
                                        size_t count, uint64_t step);
int CALL(http_filter_record_histogram_value)(void *filter_envoy, size_t id,
                                             struct abi_bytes *labels, size_t count,
                                             uint64_t value);

void CALL(http_set_dynamic_metadata_string)(void *filter_envoy, struct abi_bytes space,
                                            struct abi_bytes key, struct abi_bytes value);
/* From 1.39 on. */
__attribute__((weak)) void
    CALL(http_set_dynamic_metadata_string_batch)(void *filter_envoy, struct abi_bytes space,
                                                 const struct abi_pair *pairs, size_t count);
bool CALL(http_set_filter_state_bytes)(void *filter_envoy, struct abi_bytes key,
                                       struct abi_bytes value);

/* A scheduler brings an event from any thread to the stream's own: the hook "scheduled". */
void *CALL(http_filter_scheduler_new)(void *filter_envoy);
void CALL(http_filter_scheduler_commit)(void *scheduler, uint64_t event);
void CALL(http_filter_scheduler_delete)(void *scheduler);

#endif
