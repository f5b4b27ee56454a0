/* SPDX-License-Identifier: Apache-2.0 */
/* A row is an event as it stands in the database, or an error; nothing is left out or guessed. */
#include "store/sqlite_stream.h"

#include "base/str.h"

/* Columns of a contract's row. */
#define SECRETS          8
#define SECOND_ALGORITHM (SECRETS + 6)

int clientid__stream_rows(struct clientid__stream *stream, const char *text,
                          const struct clientid__sql_arg *args, size_t count, clientid__row_fn *row)
{
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(stream->s, text, args, count, &stmt, stream->error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(stream->s, stmt, stream->error)) > 0) {
        rc = row(stream, stmt);
        if (rc != 0) {
            sqlite3_reset(stmt);
            return rc;
        }
    }
    return rc;
}

/* Columns: revision, id, name, then the limits as text "maximum period visible;...". */
static int read_limits(struct clientid__stream *stream, clientid_str text, clientid_limit *limits,
                       size_t *count)
{
    const char *at = text.ptr;

    for (*count = 0; at != NULL && *at != '\0'; ++*count) {
        uint64_t number[3];

        if (*count == CLIENTID_TIER_LIMITS_MAX)
            return clientid__sqlite_damaged(stream->s, stream->error, "a tier has too many limits");
        for (int i = 0; i < 3; i++) {
            for (number[i] = 0; *at >= '0' && *at <= '9'; at++)
                number[i] = number[i] * 10 + (uint64_t)(*at - '0');
            if (*at++ != ' ')
                return clientid__sqlite_damaged(stream->s, stream->error,
                                                "a limit has an invalid value");
        }
        limits[*count] = (clientid_limit){number[0], number[1], (uint32_t)number[2], 0};
    }
    return 0;
}

int clientid__stream_tier(struct clientid__stream *stream, sqlite3_stmt *stmt)
{
    clientid_limit limits[CLIENTID_TIER_LIMITS_MAX];
    clientid_event event = {
        .type = CLIENTID_EVENT_TIER,
        .revision = clientid__column_u64(stmt, 0),
        .u.tier = {.id = clientid__column_u64(stmt, 1), .name = clientid__column_str(stmt, 2)},
    };
    int rc = read_limits(stream, clientid__column_str(stmt, 3), limits, &event.u.tier.limit_count);

    event.u.tier.limits = limits;
    return rc != 0 ? rc : stream->emit(stream->sink, &event);
}

int clientid__stream_tier_removed(struct clientid__stream *stream, sqlite3_stmt *stmt)
{
    clientid_event event = {
        .type = CLIENTID_EVENT_TIER_REMOVED,
        .revision = clientid__column_u64(stmt, 0),
        .u.tier = {.id = clientid__column_u64(stmt, 1)},
    };

    return stream->emit(stream->sink, &event);
}

int clientid__stream_group(struct clientid__stream *stream, sqlite3_stmt *stmt)
{
    static const char text[] = "SELECT a.name FROM api_member m JOIN api a ON a.id = m.member_id"
                               " WHERE m.group_id = ? ORDER BY m.position";
    struct clientid__names members = {NULL, 0, 0};
    uint64_t id = clientid__column_u64(stmt, 1);
    clientid_event event = {
        .type = id != 0 ? CLIENTID_EVENT_GROUP : CLIENTID_EVENT_GROUP_REMOVED,
        .revision = clientid__column_u64(stmt, 0),
        .u.group = {.name = clientid__column_str(stmt, 2)},
    };
    int rc = 0;

    if (id != 0)
        rc = clientid__names_query(stream->s, text, id, &members, stream->error);
    event.u.group.members = members.list;
    event.u.group.member_count = members.count;
    if (rc == 0)
        rc = stream->emit(stream->sink, &event);
    clientid__names_del(&members);
    return rc;
}

/* Of the application |id|; what is not there makes no sense either. */
static int read_secrets(struct clientid__stream *stream, uint64_t id, clientid_secret out[2],
                        bool *sensible)
{
    static const char text[] =
        "SELECT " CLIENTID__SECRET_COLUMNS " FROM application p WHERE p.id = ?";
    struct clientid__sql_arg arg = clientid__sql_u64(id);
    sqlite3_stmt *stmt = NULL;
    int rc = clientid__sqlite_prepare(stream->s, text, &arg, 1, &stmt, stream->error);

    if (rc == 0)
        rc = clientid__sqlite_step(stream->s, stmt, stream->error);
    *sensible = rc > 0 && clientid__column_secrets(stmt, 0, out);
    if (rc <= 0)
        return rc;
    sqlite3_reset(stmt);
    return 0;
}

int clientid__stream_contract(struct clientid__stream *stream, sqlite3_stmt *stmt)
{
    bool sensible;
    int rc = 0;
    clientid_event event = {
        .type = CLIENTID_EVENT_CONTRACT,
        .revision = clientid__column_u64(stmt, 0),
        .u.contract = {.id = clientid__column_u64(stmt, 1),
                       .api = clientid__column_str(stmt, 2),
                       .client_id = clientid__column_str(stmt, 3),
                       .status = clientid__column_u32(stmt, 4)},
    };

    if (event.u.contract.status == 0) {
        event.type = CLIENTID_EVENT_CONTRACT_REMOVED;
        return stream->emit(stream->sink, &event);
    }
    event.u.contract.tier_id = clientid__column_u64(stmt, 5);
    event.u.contract.application_id = clientid__column_u64(stmt, 6);
    event.u.contract.name = clientid__column_str(stmt, 7);
    if (clientid__column_u32(stmt, SECOND_ALGORITHM) == CLIENTID_SECRET_NONE)
        sensible = clientid__column_secrets(stmt, SECRETS, event.u.contract.secrets);
    else
        rc = read_secrets(stream, event.u.contract.application_id, event.u.contract.secrets,
                          &sensible);
    if (rc != 0)
        return rc;
    if (event.u.contract.status > CLIENTID_REVOKED || !sensible)
        return clientid__sqlite_damaged(stream->s, stream->error,
                                        "a contract has an invalid value");
    return stream->emit(stream->sink, &event);
}
