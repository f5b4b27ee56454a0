/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail. */
#include "call.h"
#include "handlers.h"

struct listing {
    json_t *list;
    uint64_t last;
};

static int take(void *self, const clientid_change_record *record)
{
    struct listing *listing = self;
    char *text = NULL;
    (void)clientid_change_to_json(record, &text, NULL);
    listing->last = record->revision;
    return json_array_append_new(listing->list, call_take_json(text)) != 0 ? CLIENTID_ERR_NOMEM : 0;
}

/* "next" is what to ask with ?after= the next time. */
void change_list(struct call *call)
{
    struct listing listing = {.list = NULL};
    clientid_error error = {0};
    uint64_t limit;
    if (!call_query_number(call, "limit", 1, 1000, 100, &limit) ||
        !call_query_number(call, "after", 0, INT64_MAX, 0, &listing.last))
        return;
    listing.list = json_array();
    int rc = clientid_control_changes(call->control, listing.last, limit, take, &listing, &error);
    if (rc != 0) {
        json_decref(listing.list);
        call_error(call, rc, &error);
        return;
    }
    call_answer(call, 200,
                json_pack("{s:o,s:I}", "data", listing.list, "next", (json_int_t)listing.last));
}
