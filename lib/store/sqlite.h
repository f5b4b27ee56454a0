/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__SQLITE_H
#define CLIENTID__SQLITE_H

#include "store/store.h"

#include <limits.h>
#include <sqlite3.h>

/* One connection and its prepared statements; for the files of this folder. */

#define CLIENTID__STATEMENTS 256 /* power of two, about twice as many as there are */

struct clientid__sqlite {
    clientid_store store; /* first: the store is the connection */
    sqlite3 *db;
    bool bulk; /* synchronous=NORMAL is set */
    struct clientid__statement {
        const char *text; /* the address is the key */
        sqlite3_stmt *stmt;
    } statements[CLIENTID__STATEMENTS];
    char file[PATH_MAX];
    int busy_ms; /* how long to wait for others; 0: as long as somebody at a keyboard would */
};

static inline struct clientid__sqlite *clientid__sqlite_of(clientid_store *store)
{
    return (struct clientid__sqlite *)store;
}

enum clientid__connection {
    CLIENTID__CONNECT_WRITE,
    CLIENTID__CONNECT_CREATE,
    CLIENTID__CONNECT_READ
};

/* Opens the file, sets pragmas, checks the schema, and brings it up to date unless reading. */
int clientid__sqlite_connect(struct clientid__sqlite *s, const char *file,
                             enum clientid__connection how, clientid_error *error);
void clientid__sqlite_disconnect(struct clientid__sqlite *s);

/* Turns what SQLite says into one of our codes, with a sentence about |doing|. */
int clientid__sqlite_fail(struct clientid__sqlite *s, int rc, clientid_error *error,
                          const char *doing);

/* ---- schema: sqlite_schema.c ------------------------------------------------------------------ */

extern const int clientid__schema_version;
/* 0 when it is the newest; else an error, or, with |write|, after the missing steps.  |create|: an empty one too. */
int clientid__schema_check(struct clientid__sqlite *s, bool write, bool create,
                           clientid_error *error);
/* Steps up to |version| in one transaction each. */
int clientid__schema_upgrade(struct clientid__sqlite *s, int version, clientid_error *error);

/* ---- statements ------------------------------------------------------------------------------- */

struct clientid__sql_arg {
    enum { CLIENTID__SQL_NULL, CLIENTID__SQL_U64, CLIENTID__SQL_STR, CLIENTID__SQL_BLOB } type;
    uint64_t number;
    clientid_str bytes;
};

static inline struct clientid__sql_arg clientid__sql_u64(uint64_t number)
{
    return (struct clientid__sql_arg){CLIENTID__SQL_U64, number, {NULL, 0}};
}

/* A reference: 0 is none. */
static inline struct clientid__sql_arg clientid__sql_ref(uint64_t id)
{
    return (struct clientid__sql_arg){
        id != 0 ? CLIENTID__SQL_U64 : CLIENTID__SQL_NULL, id, {NULL, 0}};
}

static inline struct clientid__sql_arg clientid__sql_str(clientid_str s)
{
    return (struct clientid__sql_arg){CLIENTID__SQL_STR, 0, s};
}

static inline struct clientid__sql_arg clientid__sql_blob(const void *bytes, size_t len)
{
    return (struct clientid__sql_arg){CLIENTID__SQL_BLOB, 0, {bytes, len}};
}

/* The value when the bit of its field is set, else NULL: "column = coalesce(?, column)". */
static inline struct clientid__sql_arg clientid__sql_if(unsigned bit, struct clientid__sql_arg arg)
{
    return bit != 0 ? arg : (struct clientid__sql_arg){CLIENTID__SQL_NULL, 0, {NULL, 0}};
}

#define CLIENTID__SQL_ARGS(...)                                                                    \
    (const struct clientid__sql_arg[]){__VA_ARGS__},                                               \
        sizeof((const struct clientid__sql_arg[]){__VA_ARGS__}) / sizeof(struct clientid__sql_arg)

/* |text| must be a static array: its address is the key of the statement.  One use at a time. */
int clientid__sqlite_prepare(struct clientid__sqlite *s, const char *text,
                             const struct clientid__sql_arg *args, size_t count, sqlite3_stmt **out,
                             clientid_error *error);
/* 1: a row; 0: the end, the statement is reset; negative: an error, the same. */
int clientid__sqlite_step(struct clientid__sqlite *s, sqlite3_stmt *stmt, clientid_error *error);
/* Prepares and steps to the end. */
int clientid__sqlite_run(struct clientid__sqlite *s, const char *text,
                         const struct clientid__sql_arg *args, size_t count, clientid_error *error);
/* The first column of the first row; CLIENTID_ERR_NOT_FOUND without a row. */
int clientid__sqlite_number(struct clientid__sqlite *s, const char *text,
                            const struct clientid__sql_arg *args, size_t count, uint64_t *out,
                            clientid_error *error);

static inline uint64_t clientid__column_u64(sqlite3_stmt *stmt, int column)
{
    return (uint64_t)sqlite3_column_int64(stmt, column);
}

static inline uint32_t clientid__column_u32(sqlite3_stmt *stmt, int column)
{
    return (uint32_t)sqlite3_column_int64(stmt, column);
}

/* Valid until the next step. */
clientid_str clientid__column_str(sqlite3_stmt *stmt, int column);
clientid_str clientid__column_blob(sqlite3_stmt *stmt, int column);
/* NUL-terminated copy; false when it does not fit. */
bool clientid__column_copy(sqlite3_stmt *stmt, int column, char *out, size_t size);

/* The columns of both slots: CLIENTID__SECRET_COLUMNS; false when they make no sense. */
#define CLIENTID__SECRET_COLUMNS                                                                   \
    "p.salt, p.algorithm1, p.pepper1, p.hash1, p.not_before1, p.not_after1, "                      \
    "p.algorithm2, p.pepper2, p.hash2, p.not_before2, p.not_after2"
bool clientid__column_secrets(sqlite3_stmt *stmt, int column, clientid_secret out[2]);
int clientid__sqlite_damaged(struct clientid__sqlite *s, clientid_error *error, const char *what);

/* ---- names: sqlite_names.c -------------------------------------------------------------------- */

/* Texts of their own, so that they outlive the statement. */
struct clientid__names {
    clientid_str *list;
    size_t count, capacity;
};

/* The first column of all rows of |text| with |id| as its argument, behind what is there already. */
int clientid__names_query(struct clientid__sqlite *s, const char *text, uint64_t id,
                          struct clientid__names *names, clientid_error *error);
void clientid__names_del(struct clientid__names *names);

/* ---- operations, by file ------------------------------------------------------------------------ */

extern const struct clientid__api_ops clientid__sqlite_api;
extern const struct clientid__tier_ops clientid__sqlite_tier;
extern const struct clientid__application_ops clientid__sqlite_application;
extern const struct clientid__owner_ops clientid__sqlite_owner;
extern const struct clientid__contract_ops clientid__sqlite_contract;
extern const struct clientid__user_ops clientid__sqlite_user;
extern const struct clientid__token_ops clientid__sqlite_token;
extern const struct clientid__connected_app_ops clientid__sqlite_connected_app;
extern const struct clientid__api_owner_ops clientid__sqlite_api_owner;
extern const struct clientid__log_ops clientid__sqlite_log;
extern const struct clientid__feed_ops clientid__sqlite_feed;
extern const struct clientid__provider_ops clientid__sqlite_provider;
extern const struct clientid__hook_ops clientid__sqlite_hook;
extern const struct clientid__user_request_ops clientid__sqlite_user_request;
extern const struct clientid__gateway_event_ops clientid__sqlite_gateway_event;
extern const struct clientid__credential_ops clientid__sqlite_credential;
extern const struct clientid__outbox_ops clientid__sqlite_outbox;
extern const struct clientid__notice_ops clientid__sqlite_notice;
int clientid__sqlite_position(clientid_store *store, clientid_position *out, clientid_error *error);

#endif
