/* SPDX-License-Identifier: Apache-2.0 */
#include <clientid/version.h>

#define TEXT_(number) #number
#define TEXT(number)  TEXT_(number)

const char *clientid_version(void)
{
    return TEXT(CLIENTID_VERSION_MAJOR) "." TEXT(CLIENTID_VERSION_MINOR) "." TEXT(
        CLIENTID_VERSION_PATCH);
}
