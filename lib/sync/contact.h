/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__CONTACT_H
#define CLIENTID__CONTACT_H

#include <clientid/source.h>

/*
 * The last moment at which the source was in step, and the position then in force: a small file that is
 * overwritten in place every few seconds, also when the disk is full.  Two slots take turns, each with a checksum
 * and in a sector of its own, so a write that is torn leaves the one before.
 *
 * A snapshot and journal that end before this position are stale: something later was in force.
 */

#define CLIENTID__CONTACT_NAME "registry.contact"

struct clientid__contact {
    clientid_position position; /* identity 0: none */
    uint64_t time_ns;
    uint64_t serial; /* the slot with the higher one counts */
};

/* The newest sound slot; all zero when there is none. */
struct clientid__contact clientid__contact_read(int fd);

/* Writes |contact|, its serial moved on.  0 or an errno.  Durable only after clientid__file_sync. */
int clientid__contact_write(int fd, struct clientid__contact *contact);

#endif
