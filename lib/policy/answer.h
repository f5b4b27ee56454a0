/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ANSWER_H
#define CLIENTID__ANSWER_H

#include "policy/policy.h"

/* Room in clientid_answer.text.  What does not fit is left out whole. */
struct clientid__text {
    char *next;
    size_t left;
};

/* False, and nothing written, without room. */
bool clientid__text_add(struct clientid__text *text, clientid_str bytes);
bool clientid__text_add_number(struct clientid__text *text, uint64_t number);

/* A value that began at |start|. */
static inline clientid_str clientid__text_since(const struct clientid__text *text,
                                                const char *start)
{
    return (clientid_str){start, (size_t)(text->next - start)};
}

void clientid__answer_header(clientid_answer *answer, clientid_str name, clientid_str value);
void clientid__answer_number(clientid_answer *answer, struct clientid__text *text,
                             clientid_str name, uint64_t value);

/* Rounded up; the greatest number stays "never" for whoever asks. */
uint64_t clientid__round_up(uint64_t ns, uint64_t unit_ns);

/* Quota headers of all limits that the answer may show. */
void clientid__quota_headers(const clientid_decision *decision,
                             const struct clientid__answers *answers, clientid_answer *answer,
                             struct clientid__text *text);
/* Whether the |i|th limit may be shown, and its name for clients, such as gold-1m. */
bool clientid__quota_shown(const clientid_decision *decision, size_t i);
bool clientid__quota_name(const clientid_decision *decision, size_t i, struct clientid__text *text);

#endif
