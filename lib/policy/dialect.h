/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__DIALECT_H
#define CLIENTID__DIALECT_H

#include <clientid/types.h>

/*
 * Pointcuts are written for java.util.regex and run by PCRE2.  A pattern that the two would read differently
 * is refused: 0, or CLIENTID_ERR_SYNTAX with |*offset| and a static |*reason|.  What neither can read is left
 * for PCRE2 to refuse.
 */
int clientid__dialect_check(clientid_str pattern, size_t *offset, const char **reason);

#endif
