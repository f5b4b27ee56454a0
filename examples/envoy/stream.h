/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVOY_STREAM_H
#define ENVOY_STREAM_H

#include "filter.h"

/* One request and its answer. */
struct stream;

/* Never NULL: without memory it is one that refuses the request. */
struct stream *stream_new(const struct filter *filter);
void stream_free(struct stream *stream);

/* Each returns what the hook of that name does. */
int stream_headers(struct stream *stream, void *envoy, bool end);
int stream_body(struct stream *stream, void *envoy, bool end);
int stream_trailers(struct stream *stream, void *envoy);
/* The wait is over. */
void stream_resume(struct stream *stream, void *envoy);
/* An answer is on its way to the client. */
void stream_answer(struct stream *stream, void *envoy);
/* No more of it. */
void stream_end(struct stream *stream, void *envoy);

#endif
