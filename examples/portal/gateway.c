/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The side of a third-party gateway: what a Developer Portal tells by webhook.  It is answered well once the application, its contract
 * and the answer are in the store; the answer itself goes out by delivery.c.
 */
#include "gateway.h"

#include "handlers.h"
#include "portal.h"

#include <clientid/foreign.h>

#include <stdlib.h>
#include <string.h>

/* In a time that depends on the lengths alone. */
static bool same(const char *given, const char *kept)
{
    size_t given_len = strlen(given), kept_len = strlen(kept);
    unsigned char differs = given_len != kept_len;
    for (size_t i = 0; i < given_len; i++)
        differs |= (unsigned char)(given[i] ^ kept[kept_len != 0 ? i % kept_len : 0]);
    return differs == 0;
}

bool gateway_knows(struct call *call)
{
    const struct portal *portal = call->portal;
    char *password = NULL;
    char *name = MHD_basic_auth_get_username_password(call->connection, &password);
    bool name_good = name != NULL && same(name, portal->config.gateway.hook_username);
    bool good = password != NULL && same(password, portal->hook_password) && name_good;
    if (password != NULL)
        explicit_bzero(password, strlen(password));
    MHD_free(name);
    MHD_free(password);
    if (!good)
        call_refuse(call, 401, "", "not the webhook's name and password");
    return good;
}

/* ---- the payload ----------------------------------------------------------------------------- */

static clientid_str text_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return (clientid_str){json_string_value(value), json_string_length(value)};
}

static uint32_t type_of(clientid_str text)
{
    static const struct {
        const char *label;
        uint32_t type;
    } types[] = {{"REQUEST_ACCESS_TOKEN", CLIENTID_FOREIGN_GRANT},
                 {"REVOKE_ACCESS_TOKEN", CLIENTID_FOREIGN_REVOKE},
                 {"APPLICATION_UPDATE", CLIENTID_FOREIGN_UPDATE}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (text.len == strlen(types[i].label) && memcmp(text.ptr, types[i].label, text.len) == 0)
            return types[i].type;
    }
    return 0;
}

static uint32_t read_uris(const json_t *context, clientid_str *out, uint32_t max)
{
    const json_t *list = json_object_get(context, "redirect_uris");
    uint32_t count = 0;
    for (size_t i = 0; i < json_array_size(list) && count < max; i++) {
        const json_t *uri = json_array_get(list, i);
        if (json_is_string(uri))
            out[count++] = (clientid_str){json_string_value(uri), json_string_length(uri)};
    }
    return count;
}

/* A grant is of its source; a revocation names the API beside the application. */
static clientid_str api_of(const struct call *call, const json_t *context, uint32_t type)
{
    return type == CLIENTID_FOREIGN_REVOKE
               ? text_at(json_object_get(context, "api"), "externalRef")
               : text_at(json_object_get(call->json, "source"), "externalref");
}

void gateway_event(struct call *call)
{
    const json_t *context = json_object_get(call->json, "contextdata");
    clientid_str uris[CLIENTID_APPLICATION_LIST_MAX];
    clientid_foreign_event event = {
        .size = sizeof event,
        .type = type_of(call_text(call, "type")),
        .redirect_uri_count = read_uris(context, uris, CLIENTID_APPLICATION_LIST_MAX),
        .id = call_text(call, "eventid"),
        .application = text_at(context, "application_id"),
        .name = text_at(context, "consumer_appName"),
        .description = text_at(context, "consumer_appDesc"),
        .redirect_uris = uris,
    };
    clientid_error error = {0};
    event.api = api_of(call, context, event.type);
    if (event.type != CLIENTID_FOREIGN_UPDATE && event.api.len == 0) {
        call_refuse(call, 422, "", "the event names no API by its external reference");
        return;
    }
    int rc = clientid_control_foreign_event(call->control, &event, &error);
    if (rc ==
        CLIENTID_ERR_NOT_FOUND) /* will not be there the next time either: not worth another attempt */
        call_refuse(call, 422, "", "%s", error.text);
    else if (rc != 0)
        call_error(call, rc, &error);
    else
        call_answer(call, 202, json_pack("{s:i,s:s}", "code", 202, "message", "accepted"));
}
