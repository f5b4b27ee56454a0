/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ERROR_H
#define CLIENTID__ERROR_H

#include <clientid/types.h>

/*
 * Fills |error| (which may be NULL) with |code| and a sentence, clears line, column and pointer, keeps the
 * file name, and returns |code|, so that a failure is one line: return clientid__fail(error, CODE, "...").
 */
int clientid__fail(clientid_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As clientid__fail with ": " and the text of |system_errno| behind; ENOSPC and EDQUOT turn _IO to _FULL. */
int clientid__fail_errno(clientid_error *error, int code, int system_errno, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* As clientid__fail, at a JSON pointer. */
int clientid__fail_at(clientid_error *error, int code, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
