/* SPDX-License-Identifier: Apache-2.0 */
/* A database is at one schema version, whole: each step and its number are one transaction. */
#include "store/sqlite.h"

#include "base/error.h"

#include <stdio.h>

/* "clID": tells our databases from other programs' (PRAGMA application_id). */
#define APPLICATION_ID 0x636c4944

/* One row of |row| ("new", "old") more or less in each total that it counts in. */
#define TOTAL_CONTRACT(row, change)                                                                \
    " INSERT INTO total VALUES(1, " row ".api_id, " row ".status, 1) ON CONFLICT DO UPDATE"        \
    "  SET count = count " change ";"                                                              \
    " INSERT INTO total SELECT 2, " row ".tier_id, 0, 1 WHERE " row ".tier_id IS NOT NULL"         \
    "  ON CONFLICT DO UPDATE SET count = count " change ";"                                        \
    " INSERT INTO total SELECT 2, " row ".requested_tier_id, 0, 1"                                 \
    "  WHERE " row ".requested_tier_id IS NOT NULL"                                                \
    "  ON CONFLICT DO UPDATE SET count = count " change "; "

/*
 * Never change a step that was released: add one.  Moments are nanoseconds since 1970, 0 for never; ids are
 * never used twice (AUTOINCREMENT), since gateways tell old and new things apart by them.
 */
static const char *const steps[] = {
    /* 1: the registry and its change log */
    "CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK(one = 1), identity INTEGER NOT NULL,"
    "  log_floor INTEGER NOT NULL);"
    "INSERT INTO meta VALUES(1, random(), 0);"
    "CREATE TABLE api(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
    "  name TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, asset TEXT NOT NULL,"
    "  version TEXT NOT NULL, terms_id INTEGER REFERENCES terms(id),"
    "  created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL);"
    /* Terms are never edited: contracts refer to what was accepted. */
    "CREATE TABLE terms(id INTEGER PRIMARY KEY,"
    "  api_id INTEGER NOT NULL REFERENCES api(id) ON DELETE CASCADE, text TEXT NOT NULL);"
    "CREATE INDEX terms_api ON terms(api_id);"
    "CREATE TABLE api_member(group_id INTEGER NOT NULL REFERENCES api(id) ON DELETE CASCADE,"
    "  position INTEGER NOT NULL, member_id INTEGER NOT NULL REFERENCES api(id),"
    "  PRIMARY KEY(group_id, position), UNIQUE(group_id, member_id)) WITHOUT ROWID;"
    "CREATE INDEX api_member_member ON api_member(member_id);"
    "CREATE TABLE tier(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  api_id INTEGER NOT NULL REFERENCES api(id) ON DELETE CASCADE, name TEXT NOT NULL,"
    "  description TEXT NOT NULL, auto_approve INTEGER NOT NULL, status INTEGER NOT NULL,"
    "  created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL, UNIQUE(api_id, name));"
    "CREATE TABLE tier_limit(tier_id INTEGER NOT NULL REFERENCES tier(id) ON DELETE CASCADE,"
    "  position INTEGER NOT NULL, maximum_requests INTEGER NOT NULL,"
    "  period_ms INTEGER NOT NULL, visible INTEGER NOT NULL,"
    "  PRIMARY KEY(tier_id, position)) WITHOUT ROWID;"
    /* Lists are lines of text. */
    "CREATE TABLE application(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  client_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, salt BLOB NOT NULL,"
    "  algorithm1 INTEGER NOT NULL, pepper1 INTEGER NOT NULL, hash1 BLOB,"
    "  not_before1 INTEGER NOT NULL, not_after1 INTEGER NOT NULL,"
    "  algorithm2 INTEGER NOT NULL, pepper2 INTEGER NOT NULL, hash2 BLOB,"
    "  not_before2 INTEGER NOT NULL, not_after2 INTEGER NOT NULL,"
    "  newest_slot INTEGER NOT NULL, provider TEXT NOT NULL, description TEXT NOT NULL,"
    "  url TEXT NOT NULL, redirect_uris TEXT NOT NULL, grant_types TEXT NOT NULL,"
    "  api_endpoints INTEGER NOT NULL, created_ns INTEGER NOT NULL,"
    "  updated_ns INTEGER NOT NULL);"
    "CREATE TABLE owner(application_id INTEGER NOT NULL"
    "  REFERENCES application(id) ON DELETE CASCADE, name TEXT NOT NULL,"
    "  PRIMARY KEY(application_id, name)) WITHOUT ROWID;"
    "CREATE TABLE contract(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  application_id INTEGER NOT NULL REFERENCES application(id),"
    "  api_id INTEGER NOT NULL REFERENCES api(id), tier_id INTEGER REFERENCES tier(id),"
    "  requested_tier_id INTEGER REFERENCES tier(id), status INTEGER NOT NULL,"
    "  terms_id INTEGER REFERENCES terms(id), reason TEXT NOT NULL, party_id TEXT NOT NULL,"
    "  party_name TEXT NOT NULL, created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL,"
    "  approved_ns INTEGER NOT NULL, rejected_ns INTEGER NOT NULL, revoked_ns INTEGER NOT NULL,"
    "  UNIQUE(application_id, api_id));"
    "CREATE INDEX contract_api ON contract(api_id);"
    "CREATE INDEX contract_tier ON contract(tier_id) WHERE tier_id IS NOT NULL;"
    "CREATE INDEX contract_requested ON contract(requested_tier_id)"
    "  WHERE requested_tier_id IS NOT NULL;"
    "CREATE TABLE change_log(revision INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  entity INTEGER NOT NULL, entity_id INTEGER NOT NULL, in_force INTEGER NOT NULL,"
    "  at_ns INTEGER NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL, api TEXT NOT NULL,"
    "  client_id TEXT NOT NULL, detail TEXT NOT NULL);",
    /* 2: lists by name, by owner and of what waits for approval */
    "CREATE INDEX application_name ON application(name);"
    "CREATE INDEX owner_name ON owner(name);"
    "CREATE INDEX contract_pending ON contract(status) WHERE status = 1;",
    /* 3: users, Connected Apps, their tokens; who made an application, who owns an API */
    "CREATE TABLE user(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    "  email TEXT NOT NULL, first_name TEXT NOT NULL, last_name TEXT NOT NULL,"
    "  role INTEGER NOT NULL, identity INTEGER NOT NULL, enabled INTEGER NOT NULL,"
    "  password TEXT NOT NULL, created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL);"
    "CREATE INDEX user_email ON user(email);"
    "CREATE TABLE connected_app(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  client_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
    "  owner_id INTEGER REFERENCES user(id) ON DELETE SET NULL, scopes INTEGER NOT NULL,"
    "  salt BLOB NOT NULL, hash BLOB NOT NULL, created_ns INTEGER NOT NULL,"
    "  updated_ns INTEGER NOT NULL, revoked_ns INTEGER NOT NULL);"
    "CREATE INDEX connected_app_owner ON connected_app(owner_id);"
    "CREATE TABLE connected_app_grant("
    "  connected_app_id INTEGER NOT NULL REFERENCES connected_app(id) ON DELETE CASCADE,"
    "  application_id INTEGER NOT NULL REFERENCES application(id) ON DELETE CASCADE,"
    "  PRIMARY KEY(connected_app_id, application_id)) WITHOUT ROWID;"
    "CREATE INDEX connected_app_grant_application ON connected_app_grant(application_id);"
    "CREATE TABLE token(id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE,"
    "  user_id INTEGER REFERENCES user(id) ON DELETE CASCADE,"
    "  connected_app_id INTEGER REFERENCES connected_app(id) ON DELETE CASCADE,"
    "  created_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL);"
    "CREATE INDEX token_user ON token(user_id) WHERE user_id IS NOT NULL;"
    "CREATE INDEX token_connected_app ON token(connected_app_id)"
    "  WHERE connected_app_id IS NOT NULL;"
    "CREATE INDEX token_expires ON token(expires_ns);"
    "CREATE TABLE assertion(id TEXT PRIMARY KEY, not_after_ns INTEGER NOT NULL) WITHOUT ROWID;"
    "ALTER TABLE application ADD COLUMN created_by INTEGER REFERENCES connected_app(id);"
    "CREATE INDEX application_created_by ON application(created_by)"
    "  WHERE created_by IS NOT NULL;"
    "CREATE TABLE api_owner(api_id INTEGER NOT NULL REFERENCES api(id) ON DELETE CASCADE,"
    "  name TEXT NOT NULL, PRIMARY KEY(api_id, name)) WITHOUT ROWID;"
    "CREATE INDEX api_owner_name ON api_owner(name);",
    /* 4: third-party gateways and what they are told; the outbox */
    "ALTER TABLE meta ADD COLUMN notices INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE provider(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    "  description TEXT NOT NULL, stage TEXT NOT NULL, type INTEGER NOT NULL,"
    "  created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL);"
    "CREATE TABLE hook(id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL,"
    "  provider_type INTEGER NOT NULL, subscriptions INTEGER NOT NULL,"
    "  authentication INTEGER NOT NULL, username TEXT NOT NULL, password BLOB NOT NULL,"
    "  file_id TEXT NOT NULL, created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL);"
    "CREATE TABLE provider_hook(provider_id INTEGER NOT NULL"
    "  REFERENCES provider(id) ON DELETE CASCADE,"
    "  hook_id INTEGER NOT NULL REFERENCES hook(id) ON DELETE CASCADE, position INTEGER NOT NULL,"
    "  PRIMARY KEY(provider_id, hook_id)) WITHOUT ROWID;"
    "CREATE INDEX provider_hook_hook ON provider_hook(hook_id);"
    /* What a request is about may be deleted before the request: events keep numbers alone. */
    "CREATE TABLE user_request(id INTEGER PRIMARY KEY AUTOINCREMENT, type INTEGER NOT NULL,"
    "  application_id INTEGER NOT NULL, owner TEXT NOT NULL, created_ns INTEGER NOT NULL,"
    "  updated_ns INTEGER NOT NULL);"
    "CREATE INDEX user_request_application ON user_request(application_id);"
    "CREATE TABLE gateway_event(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  request_id INTEGER NOT NULL REFERENCES user_request(id), type INTEGER NOT NULL,"
    "  status INTEGER NOT NULL, application_id INTEGER NOT NULL, api_id INTEGER NOT NULL,"
    "  contract_id INTEGER NOT NULL, provider_id INTEGER NOT NULL, subscription INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL, detail TEXT NOT NULL, body TEXT NOT NULL,"
    "  created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL);"
    "CREATE INDEX gateway_event_request ON gateway_event(request_id);"
    "CREATE INDEX gateway_event_contract ON gateway_event(contract_id);"
    "CREATE TABLE delivered_credential(application_id INTEGER NOT NULL,"
    "  provider_id INTEGER NOT NULL, position INTEGER NOT NULL, sealed BLOB NOT NULL,"
    "  updated_ns INTEGER NOT NULL,"
    "  PRIMARY KEY(application_id, provider_id, position)) WITHOUT ROWID;"
    /* |head|: the oldest of its lane.  Only those can be due, and there is an index of them. */
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
    "  lane INTEGER NOT NULL, head INTEGER NOT NULL,"
    "  event_id INTEGER REFERENCES gateway_event(id), hook_id INTEGER REFERENCES hook(id),"
    "  recipient TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,"
    "  attempts INTEGER NOT NULL, next_ns INTEGER NOT NULL, created_ns INTEGER NOT NULL);"
    "CREATE INDEX outbox_due ON outbox(next_ns) WHERE head = 1;"
    "CREATE INDEX outbox_lane ON outbox(lane, id);"
    "CREATE INDEX outbox_event ON outbox(event_id) WHERE event_id IS NOT NULL;"
    "CREATE INDEX outbox_hook ON outbox(hook_id) WHERE hook_id IS NOT NULL;",
    /*
     * 5: how many contracts an API has by status (kind 1), use or request a tier (2), how many applications there are (3):
     * every page of a list says its total, and counting a hundred thousand rows takes 20 ms.
     */
    "CREATE TABLE total(kind INTEGER NOT NULL, id INTEGER NOT NULL, status INTEGER NOT NULL,"
    "  count INTEGER NOT NULL, PRIMARY KEY(kind, id, status)) WITHOUT ROWID;"
    "INSERT INTO total SELECT 1, api_id, status, count(*) FROM contract GROUP BY api_id, status;"
    "INSERT INTO total SELECT 2, t, 0, count(*) FROM (SELECT tier_id AS t FROM contract"
    "  WHERE tier_id IS NOT NULL UNION ALL SELECT requested_tier_id FROM contract"
    "  WHERE requested_tier_id IS NOT NULL) GROUP BY t;"
    "INSERT INTO total SELECT 3, 0, 0, count(*) FROM application;"
    "CREATE TRIGGER contract_in AFTER INSERT ON contract BEGIN" TOTAL_CONTRACT(
        "new",
        "+ 1") "END;"
               "CREATE TRIGGER contract_out AFTER DELETE ON contract BEGIN" TOTAL_CONTRACT(
                   "old",
                   "- 1") "END;"
                          "CREATE TRIGGER contract_moved AFTER UPDATE OF status, tier_id, "
                          "requested_tier_id ON contract"
                          "  BEGIN" TOTAL_CONTRACT("old", "- 1") TOTAL_CONTRACT(
                              "new",
                              "+ 1") "END;"
                                     "CREATE TRIGGER application_in AFTER INSERT ON application "
                                     "BEGIN"
                                     "  UPDATE total SET count = count + 1 WHERE kind = 3; END;"
                                     "CREATE TRIGGER application_out AFTER DELETE ON application "
                                     "BEGIN"
                                     "  UPDATE total SET count = count - 1 WHERE kind = 3; END;",
};

const int clientid__schema_version = (int)(sizeof(steps) / sizeof(steps[0]));

static int number(struct clientid__sqlite *s, const char *text, int64_t *out, clientid_error *error)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, text, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? 0 : clientid__sqlite_fail(s, rc, error, "open");
}

static int execute(struct clientid__sqlite *s, const char *text, clientid_error *error)
{
    int rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : clientid__sqlite_fail(s, rc, error, "open");
}

/* Does the step from |version|, unless another process was faster. */
static int step(struct clientid__sqlite *s, int version, clientid_error *error)
{
    char finish[96];
    int64_t now = 0;
    int rc = execute(s, "BEGIN IMMEDIATE", error);

    if (rc != 0)
        return rc;
    rc = number(s, "PRAGMA user_version", &now, error);
    if (rc == 0 && now == version)
        rc = execute(s, steps[version], error);
    if (rc == 0 && now == version) {
        snprintf(finish, sizeof(finish), "PRAGMA user_version = %d; PRAGMA application_id = %d",
                 version + 1, APPLICATION_ID);
        rc = execute(s, finish, error);
    }
    if (rc == 0)
        rc = execute(s, "COMMIT", error);
    if (rc != 0 && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

int clientid__schema_upgrade(struct clientid__sqlite *s, int version, clientid_error *error)
{
    int64_t now = 0;
    int rc = number(s, "PRAGMA user_version", &now, error);

    for (; rc == 0 && now < version; now++)
        rc = step(s, (int)now, error);
    return rc;
}

/* Not ours: CLIENTID_ERR_FORMAT.  |*empty|: no table at all. */
static int recognise(struct clientid__sqlite *s, int64_t version, bool *empty,
                     clientid_error *error)
{
    int64_t application = 0, tables = 0;
    int rc = number(s, "SELECT count(*) FROM sqlite_master", &tables, error);

    if (rc == 0)
        rc = number(s, "PRAGMA application_id", &application, error);
    if (rc != 0)
        return rc;
    *empty = tables == 0 && version == 0;
    if (!*empty && application != APPLICATION_ID)
        return clientid__fail(error, CLIENTID_ERR_FORMAT, "%s is a database of another program",
                              s->file);
    return 0;
}

int clientid__schema_check(struct clientid__sqlite *s, bool write, bool create,
                           clientid_error *error)
{
    int64_t version = 0;
    bool empty = false;
    /* One transaction, or a database that another process makes right now looks like a foreign one. */
    int rc = execute(s, "BEGIN", error);

    if (rc == 0)
        rc = number(s, "PRAGMA user_version", &version, error);
    if (rc == 0)
        rc = recognise(s, version, &empty, error);
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    if (rc != 0)
        return rc;
    if (empty && !create)
        return clientid__fail(
            error, CLIENTID_ERR_FORMAT,
            "%s is an empty file, not a store; a new one takes its place when it is deleted",
            s->file);
    if (version > clientid__schema_version)
        return clientid__fail(error, CLIENTID_ERR_VERSION,
                              "%s has schema %d, made by a newer version; this one knows %d",
                              s->file, (int)version, clientid__schema_version);
    if (version < clientid__schema_version && !write)
        return clientid__fail(error, CLIENTID_ERR_VERSION,
                              "%s has the older schema %d; open it for writing once to bring it "
                              "to %d",
                              s->file, (int)version, clientid__schema_version);
    return clientid__schema_upgrade(s, clientid__schema_version, error);
}
