/* SPDX-License-Identifier: Apache-2.0 */
/* An export is the registry at one revision; importing it gives one that exports the same bytes. */
#include "control/object_json.h"

#include "base/error.h"
#include "base/str.h"

struct sink {
    clientid_write_fn *write;
    void *self;
    clientid_error *error;
    uint32_t kind; /* of the APIs that are written now */
    bool first;
};

static int put(struct sink *sink, const char *text)
{
    return sink->write(sink->self, text, strlen(text));
}

/* One record, on a line of its own. */
static int put_record(struct sink *sink, struct clientid__writer *writer)
{
    char *text;
    int rc = clientid__writer_end(writer, &text, sink->error);

    if (rc != 0)
        return rc;
    rc = put(sink, sink->first ? "\n" : ",\n");
    if (rc == 0)
        rc = put(sink, text);
    sink->first = false;
    clientid_json_free(text);
    return rc;
}

static void put_dates(struct clientid__writer *w, uint64_t created_ns, uint64_t updated_ns)
{
    clientid__put_time_if(w, "created", created_ns);
    if (updated_ns != created_ns)
        clientid__put_time_if(w, "updated", updated_ns);
}

static int put_api(void *self, const clientid_api_record *record)
{
    struct sink *sink = self;
    struct clientid__writer w;

    if (record->kind != sink->kind)
        return 0;
    w = clientid__writer_begin();
    clientid__put_number(&w, "id", record->id);
    clientid__put_text(&w, "name", record->name);
    if (record->kind == CLIENTID_API_GROUP)
        clientid__put_text(&w, "instanceType", CLIENTID_STR("api-group"));
    clientid__put_text_if(&w, "clientProvider", record->provider);
    clientid__put_text_if(&w, "assetId", record->asset);
    clientid__put_text_if(&w, "version", record->version);
    clientid__put_text_if(&w, "terms", record->terms);
    if (record->kind == CLIENTID_API_GROUP)
        clientid__put_texts(&w, "members", record->members, record->member_count);
    put_dates(&w, record->created_ns, record->updated_ns);
    return put_record(sink, &w);
}

static int put_tier(void *self, const clientid_tier_record *record)
{
    struct clientid__writer w = clientid__writer_begin();

    clientid__put_number(&w, "id", record->id);
    clientid__put_text(&w, "api", record->api_name);
    clientid__put_text(&w, "name", record->name);
    clientid__put_text_if(&w, "description", record->description);
    clientid__put_flag(&w, "autoApprove", record->auto_approve != 0);
    clientid__put_text(&w, "status", clientid__cstr(clientid__tier_status_label(record->status)));
    clientid__put(&w, "limits", clientid__limits_json(record));
    put_dates(&w, record->created_ns, record->updated_ns);
    return put_record(self, &w);
}

static void put_slot(struct clientid__writer *w, const char *key, const clientid_secret *slot)
{
    struct clientid__writer inner;

    if (slot->algorithm == CLIENTID_SECRET_NONE)
        return;
    inner = clientid__writer_begin();
    clientid__put_hex(&inner, "hash", slot->hash, sizeof(slot->hash));
    clientid__put_hex(&inner, "salt", slot->salt, slot->salt_len);
    if (slot->algorithm == CLIENTID_SECRET_HMAC_SHA256)
        clientid__put_number(&inner, "pepperId", slot->pepper_id);
    clientid__put_time_if(&inner, "notBefore", slot->not_before_ns);
    clientid__put_time_if(&inner, "notAfter", slot->not_after_ns);
    clientid__put(w, key, clientid__writer_take(&inner));
}

static int put_application(void *self, const clientid_application_record *record)
{
    struct clientid__writer w = clientid__writer_begin();

    clientid__put_number(&w, "id", record->id);
    clientid__put_text(&w, "clientId", record->client_id);
    clientid__put_text(&w, "name", record->name);
    clientid__put_text_if(&w, "description", record->description);
    clientid__put_text_if(&w, "url", record->url);
    clientid__put_text_if(&w, "clientProvider", record->provider);
    if (record->redirect_uri_count > 0)
        clientid__put_texts(&w, "redirectUri", record->redirect_uris, record->redirect_uri_count);
    if (record->grant_type_count > 0)
        clientid__put_texts(&w, "grantTypes", record->grant_types, record->grant_type_count);
    if (record->api_endpoints)
        clientid__put_flag(&w, "apiEndpoints", true);
    if (record->owner_count > 0)
        clientid__put_texts(&w, "owners", record->owners, record->owner_count);
    put_slot(&w, "secret1", &record->secrets[0]);
    put_slot(&w, "secret2", &record->secrets[1]);
    if (record->newest_slot != 0)
        clientid__put_number(&w, "newestSecret", record->newest_slot);
    put_dates(&w, record->created_ns, record->updated_ns);
    return put_record(self, &w);
}

static int put_contract(void *self, const clientid_contract_record *record)
{
    struct clientid__writer w = clientid__writer_begin();

    clientid__put_number(&w, "id", record->id);
    clientid__put_text(&w, "api", record->api_name);
    clientid__put_text(&w, "clientId", record->client_id);
    clientid__put_text(&w, "status",
                       clientid__cstr(clientid_contract_status_label(record->status)));
    clientid__put_text_if(&w, "tier", record->tier_name);
    clientid__put_text_if(&w, "requestedTier", record->requested_tier_name);
    clientid__put_text_if(&w, "terms", record->terms);
    clientid__put_text_if(&w, "reason", record->reason);
    clientid__put_text_if(&w, "partyId", record->party_id);
    clientid__put_text_if(&w, "partyName", record->party_name);
    put_dates(&w, record->created_ns, record->updated_ns);
    clientid__put_time_if(&w, "approved", record->approved_ns);
    clientid__put_time_if(&w, "rejected", record->rejected_ns);
    clientid__put_time_if(&w, "revoked", record->revoked_ns);
    return put_record(self, &w);
}

static int begin_section(struct sink *sink, const char *text)
{
    sink->first = true;
    return put(sink, text);
}

static int write_all(clientid_control *control, struct sink *sink, clientid_error *error)
{
    static const clientid_application_filter applications = {.size = sizeof(applications)};
    static const clientid_contract_filter contracts = {.size = sizeof(contracts)};
    int rc = begin_section(sink, "{\"format\":\"clientid-registry\",\"version\":1,\n\"apis\":[");

    /* Groups after the instances that they name. */
    for (sink->kind = CLIENTID_API_INSTANCE; sink->kind <= CLIENTID_API_GROUP && rc == 0;
         sink->kind++)
        rc = CLIENTID__STORE(control, api->each, 0, put_api, sink, error);
    if (rc == 0)
        rc = begin_section(sink, "\n],\n\"tiers\":[");
    if (rc == 0)
        rc = CLIENTID__STORE(control, tier->each, 0, 0, put_tier, sink, error);
    if (rc == 0)
        rc = begin_section(sink, "\n],\n\"applications\":[");
    if (rc == 0)
        rc = CLIENTID__STORE(control, application->each, 0, &applications, put_application, sink,
                             error);
    if (rc == 0)
        rc = begin_section(sink, "\n],\n\"contracts\":[");
    if (rc == 0)
        rc = CLIENTID__STORE(control, contract->each, 0, &contracts, put_contract, sink, error);
    return rc != 0 ? rc : put(sink, "\n]}\n");
}

int clientid_control_export(clientid_control *control, clientid_write_fn *write, void *self,
                            clientid_error *error)
{
    struct sink sink = {write, self, error, 0, true};
    int rc;

    if (control == NULL || write == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__READ, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_STORE_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = write_all(control, &sink, error);
    return clientid__end(control, rc, error);
}
