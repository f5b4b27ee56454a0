/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__PATH_H
#define CLIENTID__PATH_H

#include <clientid/types.h>

/*
 * The readings an upstream may make of a raw path.  Whatever a path looks like, either all readings of it are
 * known here, or it is called opaque and every policy applies.
 *
 * What two readers may read differently (an encoded slash, ;parameters, a backslash, an empty segment, a dot
 * segment, two dots) is an oddity.  With one kind of oddity there are three readings: as it came, all of it
 * resolved, none of it resolved.  With two kinds there would be mixtures, and the path is opaque.
 */

enum clientid__path_kind {
    CLIENTID__PATH_PLAIN,   /* one reading: as it came */
    CLIENTID__PATH_ESCAPED, /* also _collapsed */
    CLIENTID__PATH_ODD,     /* also _collapsed and _preserved */
    CLIENTID__PATH_OPAQUE /* no '/' in front, bad escape, control, '#', escaped twice, not UTF-8, two oddities */
};

enum clientid__path_kind clientid__path_survey(clientid_str raw);

/*
 * Not for opaque paths; |out| has room for |raw.len|.  _collapsed: decoded once, %2F and '\' are '/', ;parameters
 * cut off, empty and dot segments removed, ".." resolved.  _preserved: decoded once, but for %2F.
 */
clientid_str clientid__path_collapsed(clientid_str raw, char *out);
clientid_str clientid__path_preserved(clientid_str raw, char *out);

#endif
