/* SPDX-License-Identifier: Apache-2.0 */
/* Applications, with the credentials that gateways made for them. */
#include "handlers.h"
#include "rest_request.h"

#include <stdlib.h>
#include <string.h>

/* The vendor names no id here. */
static void refuse(struct call *call, int rc, const clientid_error *error)
{
    if (rc == CLIENTID_ERR_NOT_FOUND)
        call_refuse(call, 404, "", "Unable to find the Application");
    else
        call_error(call, rc, error);
}

static bool find(struct call *call, uint64_t *id)
{
    clientid_error error = {0};
    int rc = clientid_control_uuid_parse(call->control, CLIENTID_UUID_APPLICATION,
                                         call_parameter(call, "applicationId"), id, &error);
    if (rc != 0)
        refuse(call, rc, &error);
    return rc == 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int take_id(void *self, const clientid_application_record *record)
{
    uint64_t **next = self;
    *(*next)++ = record->id;
    return 0;
}

/* Each is read by itself: the shape takes more than one record. */
static int put_all(struct rest_page *page, const uint64_t *ids, size_t count, clientid_error *error)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        char *text = NULL;
        rc = clientid_application_to_rest_json(page->call->control, ids[i], &text, error);
        if (rc == CLIENTID_ERR_NOT_FOUND) { /* deleted since it was listed */
            rc = 0;
            continue;
        }
        if (rc == 0)
            rc = rest_page_put(page, call_take_json(text));
    }
    return rc;
}

static void list(struct call *call, clientid_application_filter *filter, const char *path)
{
    struct rest_page page;
    clientid_error error = {0};
    if (!rest_page_open(call, &page))
        return;
    uint64_t *ids = calloc(page.limit, sizeof ids[0]);
    uint64_t *next = ids;
    int rc = ids != NULL ? 0 : CLIENTID_ERR_NOMEM;
    filter->size = sizeof *filter;
    filter->offset = page.number * page.limit;
    filter->max = page.limit;
    if (rc == 0)
        rc = clientid_control_application_count(call->control, filter, &page.total, &error);
    if (rc == 0)
        rc = clientid_control_application_list(call->control, filter, take_id, &next, &error);
    if (rc == 0)
        rc = put_all(&page, ids, (size_t)(next - ids), &error);
    free(ids);
    rest_page_close(&page, rc, &error, path);
}

/* One's own, also for an administrator. */
void rest_application_list(struct call *call)
{
    clientid_application_filter filter = {.size = sizeof filter};
    if (call->caller.kind == CLIENTID_CALLER_CONNECTED_APP)
        filter.connected_app_id = call->caller.connected_app_id;
    else
        filter.owner = (clientid_str){call->caller.user_name, strlen(call->caller.user_name)};
    list(call, &filter, "applications");
}

void rest_application_list_all(struct call *call)
{
    clientid_application_filter filter = {.size = sizeof filter};
    if (call->caller.role != CLIENTID_ROLE_ADMINISTRATOR)
        call_refuse(call, 403, "", "all applications are for an administrator");
    else
        list(call, &filter, "applications/_all");
}

void rest_application_get(struct call *call)
{
    clientid_error error = {0};
    char *text = NULL;
    uint64_t id;
    if (!find(call, &id))
        return;
    int rc = clientid_application_to_rest_json(call->control, id, &text, &error);
    if (rc != 0)
        refuse(call, rc, &error);
    else
        call_answer_secret(call, 200, call_take_json(text));
}

void rest_application_requests(struct call *call)
{
    uint64_t id;
    if (find(call, &id))
        rest_request_list_of(call, id);
}

/* ---- changing -------------------------------------------------------------------------------- */

/* The gateway's answer to an event. */
void rest_application_answer(struct call *call)
{
    clientid_error error = {0};
    clientid_str event;
    uint64_t id, event_id;
    if (!find(call, &id))
        return;
    if (!call_query(call, "eventId", &event)) {
        call_refuse(call, 400, "eventId", "is missing");
        return;
    }
    int rc =
        clientid_control_uuid_parse(call->control, CLIENTID_UUID_EVENT, event, &event_id, &error);
    if (rc == 0)
        rc = clientid_control_event_answer(call->control, id, event_id, rest_body(call), &error);
    if (rc == CLIENTID_ERR_NOT_FOUND)
        call_refuse(call, 404, "", "Unable to find the Event with id [%.*s]",
                    (int)(event.len < 64 ? event.len : 64), event.ptr);
    else if (rc != 0)
        call_error(call, rc, &error);
    else
        rest_done(call, "Application is updated successfully");
}

/* The same as a user request for it: gateways are told, and the application goes when they have answered. */
void rest_application_delete(struct call *call)
{
    clientid_user_request request = {.size = sizeof request,
                                     .type = CLIENTID_USER_REQUEST_DELETION};
    clientid_error error = {0};
    uint64_t request_id;
    bool force;
    if (!find(call, &request.application_id) || !call_query_flag(call, "force", false, &force))
        return;
    if (force) {
        call_refuse(call, 400, "force", "gateways are always told");
        return;
    }
    int rc =
        clientid_control_user_request_create(call->control, &request, &request_id, NULL, &error);
    if (rc != 0)
        refuse(call, rc, &error);
    else
        call_answer_empty(call, 204);
}
