/* SPDX-License-Identifier: Apache-2.0 */
#include "paging.h"

bool page_begin(struct call *call, uint64_t min, uint64_t max, uint64_t otherwise, struct page *out)
{
    *out = (struct page){.total = 0};
    if (!call_query_number(call, "limit", min, max, otherwise, &out->limit) ||
        !call_query_number(call, "offset", 0, PAGING_OFFSET_MAX, 0, &out->offset))
        return false;
    out->list = json_array();
    return true;
}

bool page_takes(struct page *page)
{
    uint64_t place = page->total++;
    return place >= page->offset && place - page->offset < page->limit;
}

int page_put(struct page *page, json_t *json)
{
    return json_array_append_new(page->list, json) != 0 ? CLIENTID_ERR_NOMEM : 0;
}

json_t *page_list(struct page *page)
{
    json_t *list = page->list;
    page->list = NULL;
    return list;
}

void page_drop(struct page *page)
{
    json_decref(page->list);
    page->list = NULL;
}

void page_answer(struct call *call, struct page *page, const char *name, int rc,
                 const clientid_error *error)
{
    if (rc != 0)
        call_error(call, rc, error);
    else
        call_answer(call, 200,
                    json_pack("{s:I,s:O}", "total", (json_int_t)page->total, name, page->list));
    page_drop(page);
}
