/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <clientid/control.h>
#include <clientid/store.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Spread, so that nobody profits from ids that are neighbours. */
static uint64_t spread(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

void client_id(size_t number, char out[CREDENTIAL_BYTES + 1])
{
    snprintf(out, CREDENTIAL_BYTES + 1, "%016llx%016llx", (unsigned long long)spread(number),
             (unsigned long long)number);
}

void client_secret(size_t number, char out[CREDENTIAL_BYTES + 1])
{
    snprintf(out, CREDENTIAL_BYTES + 1, "%016llx%016llx", (unsigned long long)spread(~number),
             (unsigned long long)number);
}

static void need(int rv, const char *what, const clientid_error *error)
{
    if (rv == 0)
        return;
    fprintf(stderr, "%s: %s %s\n", what, clientid_strerror(rv), error->text);
    exit(1);
}

struct lines {
    size_t next, count;
};

static int read_lines(void *self, char *out, size_t *len)
{
    struct lines *lines = self;
    size_t used = 0;

    while (lines->next<lines->count && * len - used> 1024) {
        char id[CREDENTIAL_BYTES + 1], secret[CREDENTIAL_BYTES + 1];

        client_id(lines->next, id);
        client_secret(lines->next, secret);
        used +=
            (size_t)snprintf(out + used, *len - used,
                             "{\"clientId\":\"%s\",\"name\":\"client %zu\",\"clientSecret\":\"%s\","
                             "\"api\":\"both\",\"tier\":\"gold\"}\n",
                             id, lines->next, secret);
        lines->next++;
    }
    *len = used;
    return 0;
}

/* One contract each, with a group of both instances. */
static void add_apis(clientid_control *control)
{
    const clientid_str members[] = {CLIENTID_STR("id"), CLIENTID_STR("secret")};
    clientid_limit limit = {.maximum_requests = 1000000, .period_ms = 60000, .visible = 1};
    clientid_api_record api = {.size = sizeof api, .kind = CLIENTID_API_INSTANCE};
    clientid_tier_record tier = {.size = sizeof tier,
                                 .name = CLIENTID_STR("gold"),
                                 .limits = &limit,
                                 .limit_count = 1,
                                 .status = CLIENTID_TIER_ACTIVE,
                                 .auto_approve = 1};
    clientid_error error;

    for (size_t i = 0; i < 2; i++) {
        api.name = members[i];
        need(clientid_control_api_create(control, &api, &tier.api_id, &error), "api", &error);
    }
    api.kind = CLIENTID_API_GROUP;
    api.name = CLIENTID_STR("both");
    api.members = members;
    api.member_count = 2;
    need(clientid_control_api_create(control, &api, &tier.api_id, &error), "group", &error);
    need(clientid_control_tier_create(control, &tier, &tier.id, &error), "tier", &error);
}

static void write_store(const char *folder, size_t count)
{
    struct lines lines = {0, count};
    clientid_load_options options = {
        .size = sizeof options, .read = read_lines, .read_self = &lines};
    clientid_load_counts counts = {.size = sizeof counts};
    clientid_control *control;
    clientid_store *store;
    clientid_error error;
    char uri[300];

    snprintf(uri, sizeof uri, "sqlite:%s/clients.db", folder);
    need(clientid_store_open(&store, uri, CLIENTID_STORE_CREATE, &error), "store", &error);
    need(clientid_control_new(&control, store, NULL, &error), "control", &error);
    add_apis(control);
    need(clientid_control_load(control, &options, &counts, &error), "load", &error);
    clientid_control_del(control);
    clientid_store_close(store);
}

static void write_peer_file(const char *folder, const char *name, const char *format, size_t count)
{
    char path[300], id[CREDENTIAL_BYTES + 1], secret[CREDENTIAL_BYTES + 1];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    out = fopen(path, "w");
    for (size_t i = 0; out != NULL && i < count; i++) {
        client_id(i, id);
        client_secret(i, secret);
        for (const char *f = format; *f != '\0'; f++) {
            if (*f == '#')
                fputs(id, out);
            else if (*f == '$')
                fputs(secret, out);
            else
                fputc(*f, out);
        }
    }
    if (out == NULL || fclose(out) != 0) {
        perror(path);
        exit(1);
    }
}

void clients_write(const char *folder, size_t count)
{
    write_store(folder, count);
    write_peer_file(folder, "clients.map", "# 1;\n", count);
    write_peer_file(folder, "clients.txt", "#\n", count);
    /* The cheapest form that NGINX knows: no digest at all. */
    write_peer_file(folder, "clients.htpasswd", "#:{PLAIN}$\n", count);
    write_peer_file(folder, "clients.yaml", "              - {key: \"#\", client: \"#\"}\n", count);
}
