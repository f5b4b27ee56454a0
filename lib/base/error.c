/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set(clientid_error *error, int code, const char *pointer, const char *format,
                va_list args) __attribute__((format(printf, 4, 0)));
static void set(clientid_error *error, int code, const char *pointer, const char *format,
                va_list args)
{
    error->code = code;
    error->line = 0;
    error->column = 0;
    snprintf(error->pointer, sizeof(error->pointer), "%s", pointer);
    vsnprintf(error->text, sizeof(error->text), format, args);
}

int clientid__fail(clientid_error *error, int code, const char *format, ...)
{
    va_list args;

    if (error == NULL)
        return code;
    va_start(args, format);
    set(error, code, "", format, args);
    va_end(args);
    return code;
}

int clientid__fail_errno(clientid_error *error, int code, int system_errno, const char *format, ...)
{
    char reason[96];
    size_t used;
    va_list args;

    if (code == CLIENTID_ERR_IO && (system_errno == ENOSPC || system_errno == EDQUOT))
        code = CLIENTID_ERR_FULL;
    if (error == NULL)
        return code;
    va_start(args, format);
    set(error, code, "", format, args);
    va_end(args);
    if (strerror_r(system_errno, reason, sizeof(reason)) != 0)
        snprintf(reason, sizeof(reason), "error %d", system_errno);
    used = strlen(error->text);
    snprintf(error->text + used, sizeof(error->text) - used, ": %s", reason);
    return code;
}

int clientid__fail_at(clientid_error *error, int code, const char *pointer, const char *format, ...)
{
    va_list args;

    if (error == NULL)
        return code;
    va_start(args, format);
    set(error, code, pointer, format, args);
    va_end(args);
    return code;
}

const char *clientid_strerror(int code)
{
    switch (code) {
    case 0:
        return "success";
#define CLIENTID_ERROR_CASE(name, number, text)                                                    \
    case number:                                                                                   \
        return text;
        CLIENTID_ERROR_MAP(CLIENTID_ERROR_CASE)
#undef CLIENTID_ERROR_CASE
    default:
        return "unknown error";
    }
}
