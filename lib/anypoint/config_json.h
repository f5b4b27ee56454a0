/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ANYPOINT_CONFIG_JSON_H
#define CLIENTID__ANYPOINT_CONFIG_JSON_H

#include <clientid/types.h>

#include <stdbool.h>

/* What FILE of "anypoint:FILE" says; it holds no secret, only where one is kept. */

struct clientid__anypoint_api {
    char *name;  /* in the gateway */
    uint64_t id; /* at the control plane */
};

struct clientid__anypoint_config {
    char *url; /* without a slash at the end */
    char *organization, *environment;
    char *client_id;
    char *secret_file, *secret_env; /* one of them */
    char *ca_file;                  /* NULL: those of the system */
    uint64_t interval_ns;
    bool long_poll;
    struct clientid__anypoint_api *apis;
    size_t api_count;
};

/* |out| is freed by the caller, also after an error. */
int clientid__anypoint_config_read(struct clientid__anypoint_config *out, const char *file,
                                   clientid_error *error);
void clientid__anypoint_config_free(struct clientid__anypoint_config *config);

#define CLIENTID__SECRET_TEXT 1024

/*
 * The client secret as it is now, NUL-terminated, to be wiped by the caller.  CLIENTID_ERR_CONFIG when it is not there, is
 * empty or too long.
 */
int clientid__anypoint_secret(const struct clientid__anypoint_config *config,
                              char out[CLIENTID__SECRET_TEXT], clientid_error *error);

#endif
