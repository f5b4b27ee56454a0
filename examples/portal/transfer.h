/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_TRANSFER_H
#define PORTAL_TRANSFER_H

#include "config.h"

#include <clientid/delivery.h>

#include <curl/curl.h>

/* One row of the outbox that is being sent.  Everything of it is a copy. */
struct transfer {
    struct transfer *next;
    uint64_t id, lane;
    uint32_t kind, attempts;
    char peer[300]; /* who is spoken to: so many at a time go to one */
    CURL *easy;
    struct curl_slist *list; /* headers of a request, recipients of a mail */
    char *text;              /* of a mail, as it goes over the wire */
    size_t text_len, text_at;
    char reason[CURL_ERROR_SIZE];

    bool over; /* what follows is there */
    clientid_delivery_outcome outcome;
    uint64_t not_before_ns;
    char detail[256]; /* for people, no secret */
};

/* Everything that a kind of delivery needs besides the row. */
struct outlet {
    const struct config *config;
    char *mail_password; /* NULL: none */
};

/* Fill in |peer| and |easy|; when it cannot even be tried, |over| and what came of it. */
void hook_prepare(struct transfer *transfer, const struct outlet *outlet,
                  const clientid_delivery *delivery);
void mail_prepare(struct transfer *transfer, const struct outlet *outlet,
                  const clientid_delivery *delivery);
/* It was tried: what came of it. */
void hook_judge(struct transfer *transfer, CURLcode code);
void mail_judge(struct transfer *transfer, CURLcode code);

void transfer_end(struct transfer *transfer, clientid_delivery_outcome outcome, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));
/* A slice as an option of the transfer, where libcurl wants a NUL at its end and keeps a copy. */
bool transfer_set(CURL *easy, CURLoption option, clientid_str text);
/* What all transfers have in common. */
bool transfer_open(struct transfer *transfer, const struct config *config);

#endif
