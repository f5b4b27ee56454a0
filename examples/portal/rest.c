/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor's samples show paths with and without "/portal": links are as the request was. */
#include "rest.h"

#include <stdio.h>
#include <string.h>

#define PAGE_LIMIT     10 /* the vendor's: "in batches of 10" */
#define PAGE_LIMIT_MAX 500

static const char *prefix_of(const struct call *call)
{
    return strncmp(call->route->path, "/portal/", 8) == 0 ? "/portal/rest/v1" : "/rest/v1";
}

/* ---- ids ------------------------------------------------------------------------------------- */

static void not_found(struct call *call, const char *what, clientid_str id)
{
    call_refuse(call, 404, "", "Unable to find the %s with id [%.*s]", what,
                (int)(id.len < 64 ? id.len : 64), id.ptr);
}

bool rest_id(struct call *call, const char *parameter, clientid_uuid_kind kind, const char *what,
             uint64_t *id)
{
    clientid_error error = {0};
    clientid_str text = call_parameter(call, parameter);
    int rc = clientid_control_uuid_parse(call->control, kind, text, id, &error);
    if (rc == CLIENTID_ERR_NOT_FOUND)
        not_found(call, what, text);
    else if (rc != 0)
        call_error(call, rc, &error);
    return rc == 0;
}

void rest_error(struct call *call, int rc, const clientid_error *error, const char *what)
{
    if (rc == CLIENTID_ERR_NOT_FOUND && what != NULL && call->parameter_count != 0)
        not_found(call, what, call->parameters[0].value);
    else
        call_error(call, rc, error);
}

/* ---- answers --------------------------------------------------------------------------------- */

void rest_created(struct call *call, clientid_uuid_kind kind, uint64_t id, const char *path)
{
    char uuid[CLIENTID_UUID_CHARS + 1] = "";
    char self[128];
    clientid_error error = {0};
    int rc = clientid_control_uuid_format(call->control, kind, id, uuid, &error);
    if (rc != 0) {
        call_error(call, rc, &error);
        return;
    }
    (void)snprintf(self, sizeof self, "%s/%s/%s", prefix_of(call), path, uuid);
    call_answer(call, 201, json_pack("{s:s,s:s}", "id", uuid, "_self", self));
}

void rest_done(struct call *call, const char *message)
{
    call_answer(call, 200, json_pack("{s:i,s:s}", "code", 200, "message", message));
}

clientid_str rest_body(const struct call *call)
{
    return (clientid_str){call->body != NULL ? call->body : "", call->body_len};
}

/* ---- pages ----------------------------------------------------------------------------------- */

bool rest_page_open(struct call *call, struct rest_page *page)
{
    *page = (struct rest_page){.call = call};
    if (!call_query_number(call, "page", 0, 1000000, 0, &page->number) ||
        !call_query_number(call, "limit", 1, PAGE_LIMIT_MAX, PAGE_LIMIT, &page->limit))
        return false;
    page->list = json_array();
    return true;
}

bool rest_page_takes(struct rest_page *page)
{
    uint64_t at = page->total++;
    return at >= page->number * page->limit && at < (page->number + 1) * page->limit;
}

int rest_page_put(struct rest_page *page, json_t *json)
{
    return json_array_append_new(page->list, json) == 0 ? 0 : CLIENTID_ERR_NOMEM;
}

static json_t *link_json(const struct rest_page *page, const char *path, uint64_t number)
{
    char limit[32] = "";
    clientid_str given;
    if (call_query(page->call, "limit", &given))
        (void)snprintf(limit, sizeof limit, "&limit=%llu", (unsigned long long)page->limit);
    return json_sprintf("%s/%s%cpage=%llu%s", prefix_of(page->call), path,
                        strchr(path, '?') != NULL ? '&' : '?', (unsigned long long)number, limit);
}

static json_t *links_json(const struct rest_page *page, const char *path)
{
    json_t *links = json_pack("{s:o}", "_self", link_json(page, path, page->number));
    if (links != NULL && (page->number + 1) * page->limit < page->total)
        (void)json_object_set_new(links, "_next", link_json(page, path, page->number + 1));
    return links;
}

void rest_page_close(struct rest_page *page, int rc, const clientid_error *error, const char *path)
{
    if (rc != 0) {
        json_decref(page->list);
        call_error(page->call, rc, error);
        return;
    }
    json_t *json = json_pack("{s:o,s:I}", "result", page->list, "count", (json_int_t)page->total);
    if (json != NULL && path != NULL)
        (void)json_object_set_new(json, "_links", links_json(page, path));
    call_answer_secret(page->call, 200, json); /* applications have credentials in them */
}
