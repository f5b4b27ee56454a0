/* SPDX-License-Identifier: Apache-2.0 */
/* A list of names owns its bytes: the statement they came from may be used again. */
#include "store/sqlite.h"

#include "base/mem.h"
#include "base/str.h"

void clientid__names_del(struct clientid__names *names)
{
    for (size_t i = 0; i < names->count; i++)
        clientid__free(&clientid__malloc, (void *)(uintptr_t)names->list[i].ptr);
    clientid__free(&clientid__malloc, names->list);
    *names = (struct clientid__names){NULL, 0, 0};
}

static int add(struct clientid__names *names, clientid_str name)
{
    clientid_str *larger = clientid__grow(&clientid__malloc, names->list, names->count,
                                          &names->capacity, sizeof(*names->list));
    char *copy = clientid__strdup(&clientid__malloc, name);

    if (larger != NULL)
        names->list = larger;
    if (larger == NULL || copy == NULL) {
        clientid__free(&clientid__malloc, copy);
        return CLIENTID_ERR_NOMEM;
    }
    names->list[names->count++] = clientid__str(copy, name.len);
    return 0;
}

int clientid__names_query(struct clientid__sqlite *s, const char *text, uint64_t id,
                          struct clientid__names *names, clientid_error *error)
{
    sqlite3_stmt *stmt = NULL;
    int rc =
        clientid__sqlite_prepare(s, text, CLIENTID__SQL_ARGS(clientid__sql_u64(id)), &stmt, error);

    if (rc != 0)
        return rc;
    while ((rc = clientid__sqlite_step(s, stmt, error)) > 0) {
        if (add(names, clientid__column_str(stmt, 0)) != 0) {
            sqlite3_reset(stmt);
            return clientid__sqlite_fail(s, SQLITE_NOMEM, error, "read");
        }
    }
    return rc;
}
