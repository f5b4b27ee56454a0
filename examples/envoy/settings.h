/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVOY_SETTINGS_H
#define ENVOY_SETTINGS_H

#include <clientid/clientid.h>

#include <stdbool.h>

enum identity { IDENTITY_ID, IDENTITY_NAME, IDENTITY_TIER, IDENTITY_COUNT };

enum mode { MODE_INHERIT, MODE_ENFORCE, MODE_SHADOW };

#define IDENTITY_NAME_BYTES 128 /* of a header that carries an identity, with NUL */

/* What the JSON of a filter or of a route says. */
struct settings {
    char *config; /* file of the gateway's configuration; a route may leave it out */
    char *api;    /* NULL: requests are not checked */
    enum mode mode;
    char *identity[IDENTITY_COUNT]; /* lower case; NULL: none */
    char *metadata;                 /* namespace, NULL: none */
    char *filter_state;             /* key of the id, NULL: none */
    char *metrics_path;
    size_t max_body_bytes;
};

/* CLIENTID_ERR_SYNTAX, _CONFIG, _NOMEM.  |out| is to be freed also when this fails. */
int settings_read_filter(struct settings *out, clientid_str text, clientid_error *error);
int settings_read_route(struct settings *out, clientid_str text, clientid_error *error);
void settings_free(struct settings *settings);

#endif
