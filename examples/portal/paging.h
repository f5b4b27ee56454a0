/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_PAGING_H
#define PORTAL_PAGING_H

#include "call.h"

#define PAGING_OFFSET_MAX 1000000000

/* Part of a list: |limit| of those that fit, after |offset| of them. */
struct page {
    uint64_t limit, offset;
    uint64_t total; /* that fit, so far */
    json_t *list;
};

/* "limit" and "offset" of the query; false with an answer.  End it with page_list or page_drop. */
bool page_begin(struct call *call, uint64_t min, uint64_t max, uint64_t otherwise,
                struct page *out);
/* Counts one that fits; whether it belongs to the page. */
bool page_takes(struct page *page);
/* Takes |json|; for callbacks of the library. */
int page_put(struct page *page, json_t *json);
/* Hands the list over. */
json_t *page_list(struct page *page);
void page_drop(struct page *page);
/* {"total": n, |name|: [...]} with 200, or what the library said. */
void page_answer(struct call *call, struct page *page, const char *name, int rc,
                 const clientid_error *error);

#endif
