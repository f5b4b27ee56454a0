/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_VERSION_H
#define CLIENTID_VERSION_H

/*
 * Versions with the same CLIENTID_SOVERSION are binary compatible.  Before 1.0 the minor number may
 * change it.  The build reads these lines; keep one number to a line.
 */
#define CLIENTID_VERSION_MAJOR 0
#define CLIENTID_VERSION_MINOR 1
#define CLIENTID_VERSION_PATCH 0
#define CLIENTID_SOVERSION     0

#if defined(__GNUC__)
#define CLIENTID_EXPORT __attribute__((visibility("default")))
#else
#define CLIENTID_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library in use, such as "0.1.0": a static string. */
CLIENTID_EXPORT const char *clientid_version(void);

#ifdef __cplusplus
}
#endif

#endif
