/* SPDX-License-Identifier: Apache-2.0 */
/* What one API instance's gateways must know: its own rows and those of the groups it is a member of. */
#include "store/sqlite_stream.h"

/* The instance ?1 and its groups. */
#define PLACES "(SELECT ?1 UNION SELECT group_id FROM api_member WHERE member_id = ?1)"
#define PLACE_NAMES                                                                                \
    "(SELECT name FROM api WHERE id = ?1 UNION SELECT g.name FROM api_member m"                    \
    " JOIN api g ON g.id = m.group_id WHERE m.member_id = ?1)"
#define CONTRACT                                                                                   \
    "p.client_id, c.status, c.tier_id, c.application_id, p.name, " CLIENTID__STREAM_SECRET

static struct clientid__stream stream_of(clientid_store *store, clientid_event_fn *emit, void *sink,
                                         clientid_error *error)
{
    return (struct clientid__stream){clientid__sqlite_of(store), emit, sink, error};
}

static int tiers(clientid_store *store, uint64_t api_id, uint64_t after, clientid_event_fn *emit,
                 void *sink, clientid_error *error)
{
    static const char all[] = "SELECT 0, t.id, t.name, " CLIENTID__STREAM_LIMITS
                              " FROM tier t WHERE t.api_id IN " PLACES " ORDER BY t.id";
    static const char changed[] =
        "WITH d AS (SELECT entity_id, max(revision) AS revision FROM change_log"
        " WHERE revision > ?2 AND in_force AND entity = 3 GROUP BY entity_id)"
        " SELECT d.revision, t.id, t.name, " CLIENTID__STREAM_LIMITS
        " FROM d JOIN tier t ON t.id = d.entity_id WHERE t.api_id IN " PLACES
        " ORDER BY d.revision";
    static const char removed[] =
        "SELECT max(l.revision), l.entity_id FROM change_log l"
        " WHERE l.revision > ?2 AND l.in_force AND l.entity = 3 AND l.api IN " PLACE_NAMES
        " AND NOT EXISTS (SELECT 1 FROM tier t WHERE t.id = l.entity_id) GROUP BY l.entity_id";
    struct clientid__stream stream = stream_of(store, emit, sink, error);
    const struct clientid__sql_arg args[] = {clientid__sql_u64(api_id), clientid__sql_u64(after)};
    int rc;

    if (after == 0)
        return clientid__stream_rows(&stream, all, args, 1, clientid__stream_tier);
    rc = clientid__stream_rows(&stream, changed, args, 2, clientid__stream_tier);
    if (rc == 0)
        rc = clientid__stream_rows(&stream, removed, args, 2, clientid__stream_tier_removed);
    return rc;
}

static int groups(clientid_store *store, uint64_t api_id, clientid_event_fn *emit, void *sink,
                  clientid_error *error)
{
    static const char text[] =
        "SELECT 0, a.id, a.name FROM api_member m"
        " JOIN api a ON a.id = m.group_id WHERE m.member_id = ? ORDER BY a.id";
    struct clientid__stream stream = stream_of(store, emit, sink, error);

    return clientid__stream_rows(&stream, text, CLIENTID__SQL_ARGS(clientid__sql_u64(api_id)),
                                 clientid__stream_group);
}

static int next_place(clientid_store *store, uint64_t api_id, uint64_t after, uint64_t *out,
                      clientid_error *error)
{
    static const char text[] = "SELECT coalesce(min(id), 0) FROM (SELECT ?1 AS id UNION"
                               " SELECT group_id FROM api_member WHERE member_id = ?1)"
                               " WHERE id > ?2";

    return clientid__sqlite_number(
        clientid__sqlite_of(store), text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(api_id), clientid__sql_u64(after)), out, error);
}

static int contracts(clientid_store *store, uint64_t place, uint64_t after, uint64_t max,
                     clientid_event_fn *emit, void *sink, clientid_error *error)
{
    /* The index of contracts by API has them by number, so a page costs what it holds. */
    static const char text[] =
        "SELECT 0, c.id, a.name, " CONTRACT " FROM contract c INDEXED BY contract_api"
        " CROSS JOIN application p ON p.id = c.application_id"
        " CROSS JOIN api a ON a.id = c.api_id"
        " WHERE c.api_id = ? AND c.id > ? AND c.status = 2"
        " ORDER BY c.id LIMIT ?";
    struct clientid__stream stream = stream_of(store, emit, sink, error);

    return clientid__stream_rows(&stream, text,
                                 CLIENTID__SQL_ARGS(clientid__sql_u64(place),
                                                    clientid__sql_u64(after),
                                                    clientid__sql_u64(max)),
                                 clientid__stream_contract);
}

static int changed(clientid_store *store, uint64_t api_id, uint64_t revision, uint64_t after,
                   uint64_t max, clientid_event_fn *emit, void *sink, clientid_error *error)
{
    /* A changed application changes all its contracts; of one revision there may be many, hence |after|. */
    static const char text[] =
        "WITH l AS (SELECT entity, entity_id, revision, api, client_id FROM change_log"
        " WHERE revision >= ?2 AND in_force AND entity IN (4, 5)),"
        " d AS (SELECT id, max(revision) AS revision, api, client_id FROM"
        " (SELECT entity_id AS id, revision, api, client_id FROM l WHERE entity = 5 UNION ALL"
        " SELECT k.id, l.revision, '', '' FROM l JOIN contract k ON k.application_id = l.entity_id"
        " WHERE l.entity = 4) GROUP BY id)"
        " SELECT d.revision, d.id, coalesce(a.name, d.api), coalesce(p.client_id, d.client_id),"
        " c.status, c.tier_id, p.id, p.name, " CLIENTID__STREAM_SECRET
        " FROM d LEFT JOIN contract c ON c.id = d.id LEFT JOIN application p"
        " ON p.id = c.application_id LEFT JOIN api a ON a.id = c.api_id"
        " WHERE coalesce(a.name, d.api) IN " PLACE_NAMES
        " AND (d.revision > ?2 OR d.id > ?3) ORDER BY d.revision, d.id LIMIT ?4";
    struct clientid__stream stream = stream_of(store, emit, sink, error);

    return clientid__stream_rows(
        &stream, text,
        CLIENTID__SQL_ARGS(clientid__sql_u64(api_id), clientid__sql_u64(revision),
                           clientid__sql_u64(after), clientid__sql_u64(max)),
        clientid__stream_contract);
}

static int history(clientid_store *store, uint64_t revision, uint64_t *floor, uint64_t *regrouped,
                   clientid_error *error)
{
    static const char cut[] = "SELECT log_floor FROM meta";
    static const char group[] = "SELECT count(*) FROM change_log WHERE revision > ? AND in_force"
                                " AND entity = 2";
    struct clientid__sqlite *s = clientid__sqlite_of(store);
    int rc = clientid__sqlite_number(s, cut, NULL, 0, floor, error);

    if (rc != 0)
        return rc;
    return clientid__sqlite_number(s, group, CLIENTID__SQL_ARGS(clientid__sql_u64(revision)),
                                   regrouped, error);
}

const struct clientid__feed_ops clientid__sqlite_feed = {
    .tiers = tiers,
    .groups = groups,
    .next_place = next_place,
    .contracts = contracts,
    .changed = changed,
    .history = history,
};
