/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__CODEC_H
#define CLIENTID__CODEC_H

#include <clientid/source.h>

/*
 * One event has exactly one spelling in bytes: what decodes encodes to the same bytes again, and what
 * source.h does not allow neither encodes nor decodes.
 */

#define CLIENTID__API_NAME_MAX 128 /* as clientid_api_get */
#define CLIENTID__EVENT_BYTES_MAX                                                                  \
    (16u << 20) /* one encoded event; a group of about 120,000 members */

/* Bytes that grow. */
struct clientid__bytes {
    const clientid_allocator *mem;
    unsigned char *data;
    size_t len;
    size_t capacity;
};

/* Room for |more| bytes behind |len|.  CLIENTID_ERR_NOMEM: nothing changed. */
int clientid__bytes_reserve(struct clientid__bytes *bytes, size_t more);
void clientid__bytes_free(struct clientid__bytes *bytes);

/*
 * Appends |event|.  CLIENTID_ERR_ARG (an event that source.h does not allow, or too large),
 * CLIENTID_ERR_NOMEM; |out| is then as it was.
 */
int clientid__event_encode(struct clientid__bytes *out, const clientid_event *event);

/* An event and what its slices need besides the bytes it was read from. */
struct clientid__decoded {
    const clientid_allocator *mem;
    clientid_event event;
    clientid_limit limits[CLIENTID_TIER_LIMITS_MAX];
    clientid_str *members;
    size_t member_capacity;
};

/*
 * Slices point into |bytes| and |out|.  |out| is reused from call to call; it starts with |mem| set and the
 * rest zero.  CLIENTID_ERR_CORRUPT, _NOMEM.
 */
int clientid__event_decode(struct clientid__decoded *out, const unsigned char *bytes, size_t len);
void clientid__decoded_free(struct clientid__decoded *out);

#endif
