/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_EVENT_H
#define SUPPORT_EVENT_H

#include "sync/codec.h"

#include <stdbool.h>

/* Events of a source, made up; folders that come and go with a test. */

uint64_t support_random(uint64_t *seed);

/* An event and the bytes that it points to. */
struct support_event {
    clientid_event event;
    clientid_limit limits[CLIENTID_TIER_LIMITS_MAX];
    clientid_str members[40];
    char text[4][CLIENTID_ID_MAX];
    char member_text[40][CLIENTID__API_NAME_MAX];
};

/* Anything that source.h allows, lengths at their ends more often than not. */
void support_event_random(struct support_event *out, uint64_t *seed);
/* Tier |id| with a limit of |maximum| a second, at |revision|. */
void support_event_tier(struct support_event *out, uint64_t id, uint64_t maximum,
                        uint64_t revision);

/* Field by field. */
bool support_event_equal(const clientid_event *a, const clientid_event *b);

/* A sink that keeps what it gets, encoded; fails with |code| at event number |fail_at| (from 1; 0: never). */
struct support_sink {
    struct clientid__bytes bytes;
    size_t events;
    size_t fail_at;
    int code;
};
void support_sink_init(struct support_sink *sink);
int support_sink_take(void *sink, const clientid_event *event);
void support_sink_clear(struct support_sink *sink);
void support_sink_del(struct support_sink *sink);

/* |path| of at least 64 bytes. */
void support_folder_new(char *path);
/* Removes it and the files in it. */
void support_folder_del(const char *path);
void support_path(char *out, size_t len, const char *folder, const char *name);
/* The whole file; fails the test when it cannot be read.  To be freed. */
unsigned char *support_read(const char *folder, const char *name, size_t *len);
void support_write(const char *folder, const char *name, const void *bytes, size_t len);

#endif
