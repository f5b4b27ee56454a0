/* SPDX-License-Identifier: Apache-2.0 */
/* What is found is the one thing the text can mean, or nothing is. */
#include "lookup.h"

#include <clientid/account.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool number_parse(const char *text, uint64_t *number)
{
    char *end;
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && *number > 0;
}

static bool all_digits(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static clientid_str name_of(const char *text)
{
    if (strncmp(text, "name:", 5) == 0)
        text += 5;
    return (clientid_str){text, strlen(text)};
}

static int not_found(struct ctl *ctl, const char *kind, const char *text)
{
    return report(ctl, CTL_NOT_FOUND, ctl->options.what, "there is no %s %s%.200s%s", kind,
                  all_digits(text) ? "with the number " : "\"", text, all_digits(text) ? "" : "\"");
}

static int found(struct ctl *ctl, int rv, const clientid_error *error, const char *kind,
                 const char *text)
{
    if (rv == CLIENTID_ERR_NOT_FOUND)
        return not_found(ctl, kind, text);
    return outcome(ctl, rv, error);
}

/* ---- APIs and tiers ---------------------------------------------------------------------------- */

static int api_exists(void *sink, const clientid_api_record *record)
{
    (void)sink;
    (void)record;
    return 0;
}

int lookup_api(struct ctl *ctl, const char *text, uint64_t *id)
{
    clientid_error error = {0};
    int rv = CLIENTID_ERR_NOT_FOUND;
    if (!all_digits(text))
        rv = clientid_control_api_find(ctl->control, name_of(text), id, &error);
    else if (number_parse(text, id))
        rv = clientid_control_api_get(ctl->control, *id, api_exists, NULL, &error);
    return found(ctl, rv, &error, "API", text);
}

static int tier_api(void *sink, const clientid_tier_record *record)
{
    uint64_t *api_id = sink;
    *api_id = record->api_id;
    return 0;
}

/* "tier delete orders 7" must not reach a tier of another API: |api_id|, unless it is 0. */
static int tier_number(struct ctl *ctl, uint64_t api_id, const char *text, uint64_t *id,
                       clientid_error *error)
{
    uint64_t its_api = 0;
    if (!number_parse(text, id))
        return CLIENTID_ERR_NOT_FOUND;
    int rv = clientid_control_tier_get(ctl->control, *id, tier_api, &its_api, error);
    return rv == 0 && api_id != 0 && its_api != api_id ? CLIENTID_ERR_NOT_FOUND : rv;
}

int lookup_tier(struct ctl *ctl, uint64_t api_id, const char *text, uint64_t *id)
{
    clientid_error error = {0};
    int rv = all_digits(text)
                 ? tier_number(ctl, api_id, text, id, &error)
                 : clientid_control_tier_find(ctl->control, api_id, name_of(text), id, &error);
    return found(ctl, rv, &error, "tier", text);
}

int lookup_tier_arguments(struct ctl *ctl, uint64_t *id)
{
    const char *first = argument_nth(&ctl->options, 0);
    const char *second = argument_nth(&ctl->options, 1);
    uint64_t api_id = 0;
    if (second == NULL && !all_digits(first))
        return report(ctl, CTL_USAGE, ctl->options.what,
                      "a tier is named by API and name, or by its number alone");
    int rv = second != NULL ? lookup_api(ctl, first, &api_id) : 0;
    return rv != 0 ? rv : lookup_tier(ctl, api_id, second != NULL ? second : first, id);
}

/* ---- applications ------------------------------------------------------------------------------ */

struct named {
    uint64_t id;
    unsigned count;
};

static int count_named(void *sink, const clientid_application_record *record)
{
    struct named *named = sink;
    named->count += named->id != record->id;
    named->id = record->id;
    return 0;
}

static int application_number(struct ctl *ctl, const char *text, uint64_t *id)
{
    clientid_error error = {0};
    struct named named = {0};
    int rv = CLIENTID_ERR_NOT_FOUND;
    if (number_parse(text, id))
        rv = clientid_control_application_get(ctl->control, *id, count_named, &named, &error);
    return found(ctl, rv, &error, "application", text);
}

int lookup_application(struct ctl *ctl, const char *text, uint64_t *id)
{
    clientid_error error = {0};
    struct named named = {0};
    clientid_str name = name_of(text);
    if (all_digits(text))
        return application_number(ctl, text, id);
    if (name.len == 0)
        return not_found(ctl, "application", text);
    int rv = clientid_control_application_find(ctl->control, name, &named.id, &error);
    named.count = rv == 0;
    clientid_application_filter filter = {.size = sizeof(filter), .name = name, .max = 3};
    if (rv == 0 || rv == CLIENTID_ERR_NOT_FOUND)
        rv = clientid_control_application_list(ctl->control, &filter, count_named, &named, &error);
    if (rv != 0 || named.count == 0)
        return found(ctl, rv != 0 ? rv : CLIENTID_ERR_NOT_FOUND, &error, "application", text);
    if (named.count > 1)
        return report(ctl, CTL_USAGE, ctl->options.what,
                      "several applications are called \"%.200s\"; use the number or the client id",
                      text);
    *id = named.id;
    return 0;
}

/* ---- accounts ---------------------------------------------------------------------------------- */

static int user_exists(void *sink, const clientid_user_record *record)
{
    (void)sink;
    (void)record;
    return 0;
}

int lookup_user(struct ctl *ctl, const char *text, uint64_t *id)
{
    clientid_error error = {0};
    int rv = CLIENTID_ERR_NOT_FOUND;
    if (!all_digits(text))
        rv = clientid_control_user_find(ctl->control, name_of(text), id, &error);
    else if (number_parse(text, id))
        rv = clientid_control_user_get(ctl->control, *id, user_exists, NULL, &error);
    return found(ctl, rv, &error, "user", text);
}

struct named_app {
    clientid_str name;
    uint64_t number, id;
    unsigned count;
};

static int match_app(void *sink, const clientid_connected_app_record *record)
{
    struct named_app *named = sink;
    if (record->id != named->number &&
        (record->name.len != named->name.len ||
         memcmp(record->name.ptr, named->name.ptr, record->name.len) != 0))
        return 0;
    named->id = record->id;
    named->count++;
    return 0;
}

int lookup_connected_app(struct ctl *ctl, const char *text, uint64_t *id)
{
    clientid_error error = {0};
    struct named_app named = {.name = all_digits(text) ? (clientid_str){NULL, 0} : name_of(text)};
    if (all_digits(text) && !number_parse(text, &named.number))
        return not_found(ctl, "Connected App", text);
    int rv = clientid_control_connected_app_find(ctl->control, name_of(text), id, &error);
    if (rv != CLIENTID_ERR_NOT_FOUND)
        return outcome(ctl, rv, &error);
    rv = clientid_control_connected_app_list(ctl->control, match_app, &named, &error);
    if (rv != 0 || named.count == 0)
        return found(ctl, rv != 0 ? rv : CLIENTID_ERR_NOT_FOUND, &error, "Connected App", text);
    if (named.count > 1)
        return report(
            ctl, CTL_USAGE, ctl->options.what,
            "several Connected Apps are called \"%.200s\"; use the number or the client id", text);
    *id = named.id;
    return 0;
}

/* ---- contracts --------------------------------------------------------------------------------- */

int lookup_contract_arguments(struct ctl *ctl, uint64_t *id)
{
    const char *first = argument_nth(&ctl->options, 0);
    const char *second = argument_nth(&ctl->options, 1);
    clientid_error error = {0};
    uint64_t application_id = 0, api_id = 0;
    if (second == NULL) {
        if (number_parse(first, id))
            return 0;
        return report(ctl, CTL_USAGE, ctl->options.what,
                      "a contract is named by application and API, or by its number alone");
    }
    int rv = lookup_application(ctl, first, &application_id);
    if (rv == 0)
        rv = lookup_api(ctl, second, &api_id);
    if (rv != 0)
        return rv;
    rv = clientid_control_contract_find(ctl->control, application_id, api_id, id, &error);
    if (rv == CLIENTID_ERR_NOT_FOUND)
        return report(ctl, CTL_NOT_FOUND, ctl->options.what,
                      "\"%.100s\" has no contract on \"%.100s\"", first, second);
    return outcome(ctl, rv, &error);
}

static int contract_api(void *sink, const clientid_contract_record *record)
{
    uint64_t *api_id = sink;
    *api_id = record->api_id;
    return 0;
}

int lookup_tier_of_contract(struct ctl *ctl, uint64_t contract_id, const char *text, uint64_t *id)
{
    clientid_error error = {0};
    uint64_t api_id = 0;
    int rv =
        clientid_control_contract_get(ctl->control, contract_id, contract_api, &api_id, &error);
    return rv != 0 ? outcome(ctl, rv, &error) : lookup_tier(ctl, api_id, text, id);
}
