/* SPDX-License-Identifier: Apache-2.0 */
/* An import is whole or not at all, and holds one record in memory at a time. */
#include "control/line_json.h"

#include "base/error.h"
#include "base/str.h"

#include <stdio.h>

/* ---- the document ---------------------------------------------------------------------------- */

/*
 * The outer object is taken apart here, so that jansson sees one record at a time: a tree of a million applications
 * takes gigabytes.  Sections may come in any order; they are imported in the order of the enumeration.
 */
enum section { APIS, TIERS, APPLICATIONS, CONTRACTS, SECTIONS };

static const char *const section_names[] = {"apis", "tiers", "applications", "contracts"};

struct document {
    clientid_str text;
    size_t at;
    size_t start[SECTIONS]; /* after the '['; 0: there is none */
    clientid_error *error;
};

static int fail_syntax(struct document *document, size_t at, const char *sentence)
{
    unsigned line = 1, column = 1;

    for (size_t i = 0; i < at && i < document->text.len; i++) {
        column++;
        if (document->text.ptr[i] == '\n') {
            line++;
            column = 1;
        }
    }
    clientid__fail(document->error, CLIENTID_ERR_SYNTAX, "%s", sentence);
    if (document->error != NULL) {
        document->error->line = line;
        document->error->column = column;
    }
    return CLIENTID_ERR_SYNTAX;
}

static bool white_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next character that is not white space, or 0 at the end. */
static char peek(struct document *document)
{
    while (document->at < document->text.len && white_space(document->text.ptr[document->at]))
        document->at++;
    return document->at < document->text.len ? document->text.ptr[document->at] : '\0';
}

static bool take(struct document *document, char c)
{
    if (peek(document) != c)
        return false;
    document->at++;
    return true;
}

/* One value, from |document->at|; on success it stands behind. */
static json_t *parse(struct document *document)
{
    json_error_t syntax;
    size_t start = document->at;
    json_t *value =
        json_loadb(document->text.ptr + start, document->text.len - start,
                   JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, &syntax);

    if (value == NULL)
        fail_syntax(document, start + (syntax.position > 0 ? (size_t)syntax.position - 1 : 0),
                    "is not well-formed JSON");
    else
        document->at = start + (size_t)syntax.position;
    return value;
}

/* Over an array without looking into it; it is parsed later. */
static bool skip_array(struct document *document)
{
    size_t depth = 0;
    bool string = false;

    for (; document->at < document->text.len; document->at++) {
        char c = document->text.ptr[document->at];

        if (string) {
            if (c == '\\')
                document->at++;
            string = c != '"';
            continue;
        }
        string = c == '"';
        depth += c == '[';
        depth -= c == ']';
        if (depth == 0) {
            document->at++;
            return true;
        }
    }
    return false;
}

static int check_head(struct document *document, const char *key, const json_t *value, size_t at)
{
    if (strcmp(key, "format") == 0) {
        const char *format = json_string_value(value);

        if (format == NULL || strcmp(format, "clientid-registry") != 0)
            return fail_syntax(document, at, "\"format\" must be \"clientid-registry\"");
        return 0;
    }
    if (strcmp(key, "version") != 0)
        return fail_syntax(document, at, "is not a known key");
    if (!json_is_integer(value) || json_integer_value(value) != 1)
        return clientid__fail_at(document->error, CLIENTID_ERR_VERSION, "/version",
                                 "the document is of another version than 1");
    return 0;
}

static int find_value(struct document *document, const char *key, size_t key_at, unsigned *seen)
{
    json_t *value;
    int rc;

    for (size_t i = 0; i < SECTIONS; i++) {
        if (strcmp(key, section_names[i]) != 0)
            continue;
        if (document->start[i] != 0)
            return fail_syntax(document, key_at, "is there twice");
        if (peek(document) != '[')
            return fail_syntax(document, document->at, "must be an array");
        document->start[i] = document->at + 1;
        return skip_array(document) ? 0
                                    : fail_syntax(document, document->at, "the text ends early");
    }
    peek(document);
    value = parse(document);
    if (value == NULL)
        return CLIENTID_ERR_SYNTAX;
    rc = check_head(document, key, value, key_at);
    json_decref(value);
    *seen |= strcmp(key, "format") == 0;
    return rc;
}

/* Notes where the sections are. */
static int find_sections(struct document *document)
{
    unsigned seen = 0;
    int rc = 0;

    if (!take(document, '{'))
        return fail_syntax(document, document->at, "is not a JSON object");
    while (rc == 0 && peek(document) != '}') {
        size_t key_at = document->at;
        json_t *key = peek(document) == '"' ? parse(document) : NULL;

        if (key == NULL)
            return fail_syntax(document, key_at, "is not a key");
        if (take(document, ':'))
            rc = find_value(document, json_string_value(key), key_at, &seen);
        else
            rc = fail_syntax(document, document->at, "a colon is missing");
        json_decref(key);
        if (rc == 0 && !take(document, ',') && peek(document) != '}')
            return fail_syntax(document, document->at, "a comma or a brace is missing");
    }
    if (rc == 0 &&
        (!take(document, '}') || peek(document) != '\0' || document->at != document->text.len))
        return fail_syntax(document, document->at, "there is more behind the end");
    if (rc == 0 && !seen)
        return fail_syntax(document, 0, "\"format\":\"clientid-registry\" is missing");
    return rc;
}

/* ---- records --------------------------------------------------------------------------------- */

struct import {
    clientid_control *control;
    uint64_t now_ns;
    clientid_import_counts *counts;
    clientid_error *error;
};

static int import_api(struct import *import, struct clientid__reader *reader)
{
    clientid_api_record record;
    uint64_t id;
    int rc = clientid__api_line(reader, &record);

    if (rc == 0)
        rc = clientid__api_add(import->control, &record, import->now_ns, &id, import->error);
    import->counts->apis += rc == 0;
    return rc;
}

static int import_tier(struct import *import, struct clientid__reader *reader)
{
    clientid_tier_record record;
    uint64_t id;
    int rc = clientid__tier_line(reader, &record);

    if (rc == 0)
        rc = clientid_control_api_find(import->control, record.api_name, &record.api_id,
                                       import->error);
    if (rc == 0)
        rc = clientid__tier_add(import->control, &record, import->now_ns, &id, import->error);
    import->counts->tiers += rc == 0;
    return rc;
}

static int import_application(struct import *import, struct clientid__reader *reader)
{
    struct clientid__application_line line;
    uint64_t id;
    int rc = clientid__application_line(reader, &line, CLIENTID__LINE_IMPORT);

    if (rc == 0)
        rc = clientid__application_add(import->control, &line.record, line.client_secret,
                                       import->now_ns, &id, import->error);
    import->counts->applications += rc == 0;
    return rc;
}

static int tier_named(struct import *import, uint64_t api_id, clientid_str name, uint64_t *id)
{
    *id = 0;
    if (name.len == 0)
        return 0;
    return clientid_control_tier_find(import->control, api_id, name, id, import->error);
}

/* Whether status and tiers are ones that the life cycle leads to. */
static int check_state(const clientid_contract_record *record, clientid_error *error)
{
    bool waits = record->requested_tier_id != 0;

    if ((record->status == CLIENTID_PENDING && record->tier_id != 0) ||
        (waits && record->status != CLIENTID_PENDING && record->status != CLIENTID_APPROVED) ||
        (waits && record->requested_tier_id == record->tier_id))
        return clientid__broken(error, CLIENTID__RULE_CONTRACT_STATE,
                                "a %s contract cannot have these tiers",
                                clientid_contract_status_label(record->status));
    return 0;
}

static int check_parties(struct import *import, const clientid_contract_record *record,
                         struct clientid__application_facts *application,
                         struct clientid__api_facts *api)
{
    uint64_t id;
    int rc = CLIENTID__STORE(import->control, application->facts, record->application_id,
                             application, import->error);

    if (rc == 0)
        rc = CLIENTID__STORE(import->control, api->facts, record->api_id, api, import->error);
    if (rc != 0)
        return rc;
    if (strcmp(application->provider, api->provider) != 0)
        return clientid__broken(import->error, CLIENTID__RULE_CLIENT_PROVIDER,
                                "%.100s and %s use different client providers",
                                application->client_id, api->name);
    rc = CLIENTID__STORE(import->control, contract->find, record->application_id, record->api_id,
                         &id, import->error);
    if (rc == 0)
        return clientid__broken(import->error, CLIENTID__RULE_CONTRACT_TAKEN,
                                "%.100s has a contract with %s already", application->client_id,
                                api->name);
    return rc == CLIENTID_ERR_NOT_FOUND ? 0 : rc;
}

static int import_contract(struct import *import, struct clientid__reader *reader)
{
    struct clientid__application_facts application;
    struct clientid__api_facts api;
    clientid_contract_record record;
    uint64_t id, terms_id = 0;
    int rc = clientid__contract_line(reader, &record);

    if (rc == 0)
        rc = clientid_control_api_find(import->control, record.api_name, &record.api_id,
                                       import->error);
    if (rc == 0)
        rc = clientid_control_application_find(import->control, record.client_id,
                                               &record.application_id, import->error);
    if (rc == 0)
        rc = tier_named(import, record.api_id, record.tier_name, &record.tier_id);
    if (rc == 0)
        rc = tier_named(import, record.api_id, record.requested_tier_name,
                        &record.requested_tier_id);
    if (rc == 0)
        rc = check_state(&record, import->error);
    if (rc == 0)
        rc = check_parties(import, &record, &application, &api);
    if (rc == 0 && record.terms.len > 0)
        rc = CLIENTID__STORE(import->control, api->terms, record.api_id, record.terms, &terms_id,
                             import->error);
    if (rc != 0)
        return rc;
    record.created_ns = record.created_ns != 0 ? record.created_ns : import->now_ns;
    record.updated_ns = record.updated_ns != 0 ? record.updated_ns : record.created_ns;
    rc = CLIENTID__STORE(import->control, contract->insert, &record, terms_id, &id, import->error);
    if (rc == 0)
        rc = clientid__log_contract(import->control, import->now_ns, id, "import", record.api_name,
                                    record.client_id, (clientid_str){NULL, 0}, import->error);
    import->counts->contracts += rc == 0;
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int import_record(struct import *import, struct document *document, enum section section,
                         size_t index)
{
    static int (*const functions[])(struct import *, struct clientid__reader *) = {
        import_api, import_tier, import_application, import_contract};
    size_t start = document->at;
    char at[64];
    struct clientid_json json = {.root = parse(document)};
    struct clientid__reader reader = {&json, at, import->error};
    int rc;

    if (json.root == NULL)
        return CLIENTID_ERR_SYNTAX;
    snprintf(at, sizeof(at), "/%s/%zu", section_names[section], index);
    if (!json_is_object(json.root))
        rc = fail_syntax(document, start, "is not a JSON object");
    else
        rc = functions[section](import, &reader);
    clientid__json_clear(&json);
    clientid__error_within(import->error, rc, at);
    return rc;
}

static int import_section(struct import *import, struct document *document, enum section section)
{
    size_t index = 0;
    int rc = 0;

    document->at = document->start[section];
    if (document->at == 0 || take(document, ']'))
        return 0;
    do {
        peek(document);
        rc = import_record(import, document, section, index++);
    } while (rc == 0 && take(document, ','));
    if (rc == 0 && !take(document, ']'))
        return fail_syntax(document, document->at, "a comma or a bracket is missing");
    return rc;
}

static int found_one(void *sink, const clientid_api_record *record)
{
    (void)record;
    *(bool *)sink = true;
    return 0;
}

static int check_empty(clientid_control *control, clientid_error *error)
{
    uint64_t ids[1];
    size_t count = 0;
    bool found = false;
    int rc = CLIENTID__STORE(control, api->each, 0, found_one, &found, error);

    if (rc == 0)
        rc = CLIENTID__STORE(control, application->ids, 0, ids, 1, &count, error);
    if (rc == 0 && (found || count > 0))
        return clientid__broken(error, CLIENTID__RULE_STORE_NOT_EMPTY,
                                "the store holds APIs or applications already");
    return rc;
}

int clientid_control_import(clientid_control *control, clientid_str text,
                            clientid_import_counts *out, clientid_error *error)
{
    struct document document = {.text = text, .error = error};
    clientid_import_counts counts = {.size = sizeof(counts)};
    struct import import = {control, 0, &counts, error};
    int rc;

    if (control == NULL || (text.len > 0 && text.ptr == NULL) ||
        (out != NULL && out->size != sizeof(*out)))
        return clientid__bad_argument(error);
    rc = find_sections(&document);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    import.now_ns = clientid__now(control);
    rc = clientid__may(control, CLIENTID_PERMISSION_STORE_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = check_empty(control, error);
    for (int section = 0; section < SECTIONS && rc == 0; section++)
        rc = import_section(&import, &document, (enum section)section);
    rc = clientid__end(control, rc, error);
    if (rc == 0 && out != NULL)
        *out = counts;
    return rc;
}
