/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_CONFIG_H
#define PORTAL_CONFIG_H

#include <clientid/types.h>

#include <stdbool.h>
#include <stdint.h>

struct config_mail {
    char *server; /* "smtp://127.0.0.1:25", "smtps://..."; NULL: no notices */
    char *from;
    char *username, *password_file;
    char *ca_file;
    bool plain; /* no TLS asked for: loopback only */
};

struct config_hooks {
    char *certificates;  /* folder of the files that "file_id" names; NULL: none */
    char *ca_file;       /* NULL: the system's */
    uint64_t timeout_ns; /* of one delivery */
};

struct config_saml {
    char *certificate; /* PEM file; NULL: no sign-in by assertion */
    char *issuer, *audience, *recipient;
    char *email_attribute, *first_name_attribute, *last_name_attribute; /* NULL: none */
};

/* clientid-portal --gateway: the side of a third-party gateway. */
struct config_gateway {
    char *portal;                   /* "http://127.0.0.1:18101/portal"; NULL: not a gateway */
    char *username, *password_file; /* there */
    char *hook_username, *hook_password_file; /* what webhooks must show */
    char *ca_file;
};

/* Read once; all strings are owned. */
struct config {
    char *listen_host, *listen_port; /* "127.0.0.1", "0" */
    char *certificate, *key;         /* TLS; NULL: plain HTTP */
    char *port_file;
    char *access_log; /* file, "-" for standard output; NULL: none */
    char *store;      /* "sqlite:FILE" */
    char *public_url; /* what links in answers and mails begin with; NULL: only paths */
    char *pepper_file, *sealing_key_file;
    char *organization, *organization_name, *environment; /* ids: UUIDs */
    bool registration;                                    /* anybody may make a member account */
    bool feed;
    uint64_t token_lifetime_ns;
    uint64_t request_timeout_ns; /* for a whole request, however slowly it drips */
    uint64_t body_bytes_max;
    unsigned threads, connections_max;
    struct config_mail mail;
    struct config_hooks hooks;
    struct config_saml saml;
    struct config_gateway gateway;
};

/* CLIENTID_ERR_CONFIG or _SYNTAX with the place, _IO, _NOMEM. */
int config_read(struct config *out, const char *file, clientid_error *error);
void config_free(struct config *config);

/* A whole small file, without a line end at its end; NULL with |error|.  Free it; wipe it when it is a secret. */
unsigned char *config_read_file(const char *name, size_t *len, clientid_error *error);

#endif
