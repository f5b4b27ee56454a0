/* SPDX-License-Identifier: Apache-2.0 */
#include "support_portal.h"

#include "support_proxy.h"

#include <clientid/third_party.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the program ----------------------------------------------------------------------------- */

static void path_in(const struct portal *portal, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", portal->dir, name);
}

static void write_file(const struct portal *portal, const char *name, const char *text)
{
    char path[128];
    path_in(portal, name, path, sizeof path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

void portal_configure(const struct portal *portal, const char *more)
{
    char config[8192];
    snprintf(
        config, sizeof config,
        "{\"listen\":\"127.0.0.1:0\",\"portFile\":\"%s/port\",\"store\":\"sqlite:%s/store.db\","
        "\"sealingKeyFile\":\"%s/sealing.key\",\"organizationId\":\"" PORTAL_ORGANIZATION "\","
        "\"environmentId\":\"" PORTAL_ENVIRONMENT "\"%s}",
        portal->dir, portal->dir, portal->dir, more);
    write_file(portal, "config", config);
}

void portal_prepare(struct portal *portal, const char *more)
{
    struct portal_store store;
    *portal = (struct portal){.pid = -1, .dir = "/tmp/clientid-portal-XXXXXX"};
    assert_non_null(mkdtemp(portal->dir));
    portal->names = json_pack("{s:s,s:s,s:s}", "org", PORTAL_ORGANIZATION, "env",
                              PORTAL_ENVIRONMENT, "dir", portal->dir);
    write_file(portal, "sealing.key", "0123456789abcdef0123456789abcdef");
    portal_configure(portal, more);
    portal_open(portal, &store); /* makes it */
    portal_close(&store);
}

static char *read_file(const struct portal *portal, const char *name)
{
    char path[128];
    char *text = calloc(1, 65536);
    path_in(portal, name, path, sizeof path);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        (void)!fread(text, 1, 65535, file);
        fclose(file);
    }
    return text;
}

static bool read_port(struct portal *portal)
{
    char *text = read_file(portal, "port");
    bool whole = strchr(text, '\n') != NULL && sscanf(text, "%u", &portal->port) == 1;
    free(text);
    return whole;
}

void portal_start(struct portal *portal)
{
    char config[128], err[128], port[128];
    path_in(portal, "config", config, sizeof config);
    path_in(portal, "err", err, sizeof err);
    path_in(portal, "port", port, sizeof port);
    unlink(port);
    portal->pid = program_spawn("clientid-portal", config, err, NULL);
    for (uint64_t end_ms = now_ms() + 10000; now_ms() < end_ms; sleep_ms(5)) {
        if (read_port(portal))
            return;
    }
    fail_msg("clientid-portal did not start: %s", read_file(portal, "err"));
}

void portal_start_at(struct portal *portal, const char *port)
{
    char *text = read_file(portal, "config");
    char listen[64];
    char *rest = strstr(text, "\"portFile\"");
    assert_non_null(rest);
    snprintf(listen, sizeof listen, "{\"listen\":\"127.0.0.1:%s\",", port);
    size_t size = strlen(listen) + strlen(rest) + 1;
    char *config = calloc(1, size);
    snprintf(config, size, "%s%s", listen, rest);
    write_file(portal, "config", config);
    free(config);
    free(text);
    portal_start(portal);
}

int portal_stop(struct portal *portal)
{
    kill(portal->pid, SIGTERM);
    int code = program_wait(portal->pid);
    portal->pid = -1;
    return code;
}

void portal_kill(struct portal *portal)
{
    kill(portal->pid, SIGKILL);
    waitpid(portal->pid, NULL, 0);
    portal->pid = -1;
}

void portal_remove(struct portal *portal)
{
    char command[128];
    if (portal->pid > 0)
        (void)portal_stop(portal);
    json_decref(portal->names);
    snprintf(command, sizeof command, "rm -rf '%s'", portal->dir);
    assert_int_equal(system(command), 0);
}

void portal_open(const struct portal *portal, struct portal_store *out)
{
    const clientid_control_options options = {
        .size = sizeof options,
        .actor = CLIENTID_STR("test"),
        .sealing_key = (const unsigned char *)"0123456789abcdef0123456789abcdef",
        .sealing_key_len = 32,
    };
    clientid_error error = {0};
    char url[128];
    snprintf(url, sizeof url, "sqlite:%s/store.db", portal->dir);
    if (clientid_store_open(&out->store, url, CLIENTID_STORE_CREATE, &error) != 0 ||
        clientid_control_new(&out->control, out->store, &options, &error) != 0)
        fail_msg("%s: %s", url, error.text);
}

void portal_close(struct portal_store *store)
{
    clientid_control_del(store->control);
    clientid_store_close(store->store);
}

/* ---- names ----------------------------------------------------------------------------------- */

void portal_set(struct portal *portal, const char *name, const char *text)
{
    assert_int_equal(json_object_set_new(portal->names, name, json_string(text)), 0);
}

const char *portal_name(const struct portal *portal, const char *name)
{
    const char *text = json_string_value(json_object_get(portal->names, name));
    if (text == NULL)
        fail_msg("no name %s", name);
    return text;
}

char *portal_fill(const struct portal *portal, const char *text)
{
    size_t size = strlen(text) + 65536;
    char *out = calloc(1, size);
    size_t len = 0;
    char name[64];
    while (*text != '\0') {
        size_t name_len = strncmp(text, "${", 2) == 0 ? strcspn(text + 2, "}") : 0;
        if (name_len == 0) {
            out[len++] = *text++;
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)name_len, text + 2);
        len += (size_t)snprintf(out + len, size - len, "%s", portal_name(portal, name));
        assert_true(len < size - strlen(text));
        text += name_len + 3;
    }
    return out;
}

static void set_part(struct portal *portal, const char *name, const char *part, const char *text)
{
    char whole[300];
    snprintf(whole, sizeof whole, "%s.%s", name, part);
    portal_set(portal, whole, text);
}

static void check(int rc, const clientid_error *error)
{
    if (rc != 0)
        fail_msg("%d %s: %s", rc, error->pointer, error->text);
}

void portal_user(struct portal *portal, const char *name, clientid_role role)
{
    const clientid_user_record record = {
        .size = sizeof record,
        .name = {name, strlen(name)},
        .email = CLIENTID_STR("somebody@example.com"),
        .role = role,
        .identity = CLIENTID_IDENTITY_PASSWORD,
        .enabled = 1,
    };
    const clientid_login_options options = {.size = sizeof options};
    clientid_token token = {.size = sizeof token};
    clientid_error error = {0};
    struct portal_store store;
    char uuid[CLIENTID_UUID_CHARS + 1];
    uint64_t id = 0;
    portal_open(portal, &store);
    check(clientid_control_user_create(store.control, &record, CLIENTID_STR(PORTAL_PASSWORD), &id,
                                       &error),
          &error);
    check(clientid_control_login(store.control, record.name, CLIENTID_STR(PORTAL_PASSWORD),
                                 &options, &token, &error),
          &error);
    check(clientid_control_uuid_format(store.control, CLIENTID_UUID_USER, id, uuid, &error),
          &error);
    portal_close(&store);
    portal_set(portal, name, token.access_token);
    set_part(portal, name, "id", uuid);
}

void portal_connected_app(struct portal *portal, const char *name, const char *owner,
                          uint32_t scopes)
{
    clientid_connected_app_record record = {
        .size = sizeof record, .name = {name, strlen(name)}, .scopes = scopes};
    const clientid_login_options options = {.size = sizeof options};
    clientid_credentials credentials = {.size = sizeof credentials};
    clientid_token token = {.size = sizeof token};
    clientid_error error = {0};
    struct portal_store store;
    portal_open(portal, &store);
    check(clientid_control_user_find(store.control, (clientid_str){owner, strlen(owner)},
                                     &record.owner_id, &error),
          &error);
    check(clientid_control_connected_app_create(store.control, &record, &credentials, &error),
          &error);
    check(clientid_control_login_connected_app(
              store.control, (clientid_str){credentials.client_id, strlen(credentials.client_id)},
              (clientid_str){credentials.client_secret, strlen(credentials.client_secret)},
              &options, &token, &error),
          &error);
    portal_close(&store);
    portal_set(portal, name, token.access_token);
    set_part(portal, name, "id", credentials.client_id);
    set_part(portal, name, "secret", credentials.client_secret);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static char *request_text(const char *method, const char *path, const char *authorization,
                          const char *type, const char *body)
{
    size_t size = strlen(path) + strlen(authorization) + strlen(body) + 512;
    char *text = calloc(1, size);
    size_t len = (size_t)snprintf(text, size, "%s %s HTTP/1.1\r\nHost: portal\r\n", method, path);
    if (authorization[0] != '\0')
        len += (size_t)snprintf(text + len, size - len, "Authorization: %s\r\n", authorization);
    if (type != NULL)
        len += (size_t)snprintf(text + len, size - len,
                                "Content-Type: %s\r\nContent-Length: %zu\r\n", type, strlen(body));
    snprintf(text + len, size - len, "\r\n%s", body);
    return text;
}

char *portal_request(const struct portal *portal, const char *method, const char *path,
                     const char *authorization, const char *type, const char *body)
{
    char *full_path = portal_fill(portal, path);
    char *full_authorization = portal_fill(portal, authorization != NULL ? authorization : "");
    char *full_body = portal_fill(portal, body != NULL ? body : "");
    if (type == NULL && body != NULL)
        type = "application/json";
    char *text = request_text(method, full_path, full_authorization, type, full_body);
    free(full_path);
    free(full_authorization);
    free(full_body);
    return text;
}

struct portal_answer portal_ask(const struct portal *portal, const char *method, const char *path,
                                const char *authorization, const char *type, const char *body)
{
    char *text = portal_request(portal, method, path, authorization, type, body);
    struct reply reply = ask_bytes(portal->port, text, strlen(text));
    struct portal_answer answer = {reply.status, reply.head, reply.body, NULL};
    if (reply.length != 0)
        answer.json = json_loadb(reply.body, (size_t)reply.length, JSON_DECODE_ANY, NULL);
    free(text);
    return answer;
}

void portal_answer_free(struct portal_answer *answer)
{
    free(answer->head);
    free(answer->text);
    json_decref(answer->json);
}

/* ---- patterns -------------------------------------------------------------------------------- */

struct match {
    struct portal *portal;
    char *why;
    size_t size;
};

static bool differs(struct match *match, const char *at, const char *pattern, const json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    snprintf(match->why, match->size, "%s: %.200s, not %s", at[0] != '\0' ? at : "the whole",
             text != NULL ? text : "nothing", pattern);
    free(text);
    return false;
}

static bool is_time(const char *text)
{
    uint64_t time_ns;
    return text != NULL && clientid_time_parse((clientid_str){text, strlen(text)}, &time_ns) == 0;
}

static bool is_secret(const char *text)
{
    return text != NULL && strlen(text) == 32 && strspn(text, "0123456789abcdefABCDEF") == 32;
}

static bool keep(struct match *match, const char *name, const json_t *json)
{
    char number[32];
    const char *text = json_string_value(json);
    if (json_is_integer(json)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(json));
        text = number;
    }
    if (text != NULL)
        portal_set(match->portal, name, text);
    return text != NULL;
}

static bool special(struct match *match, const char *pattern, const json_t *json)
{
    const char *text = json_string_value(json);
    if (strcmp(pattern, "@any") == 0)
        return json != NULL;
    if (strcmp(pattern, "@none") == 0)
        return json == NULL;
    if (strcmp(pattern, "@text") == 0)
        return text != NULL;
    if (strcmp(pattern, "@number") == 0)
        return json_is_integer(json);
    if (strcmp(pattern, "@list") == 0)
        return json_is_array(json);
    if (strcmp(pattern, "@time") == 0)
        return is_time(text);
    if (strcmp(pattern, "@secret") == 0)
        return is_secret(text);
    if (strncmp(pattern, "@keep ", 6) == 0)
        return keep(match, pattern + 6, json);
    if (strncmp(pattern, "@some ", 6) == 0)
        return text != NULL && strstr(text, pattern + 6) != NULL;
    fail_msg("no such pattern: %s", pattern);
    return false;
}

static bool matches(struct match *match, const char *at, const json_t *pattern, const json_t *json)
{
    char deeper[256];
    const char *key;
    const char *text = json_string_value(pattern);
    json_t *member;
    if (text != NULL && text[0] == '@')
        return special(match, text, json) || differs(match, at, text, json);
    if (json_is_object(pattern) && json_is_object(json)) {
        json_object_foreach((json_t *)(uintptr_t)pattern, key, member)
        {
            snprintf(deeper, sizeof deeper, "%s/%s", at, key);
            if (!matches(match, deeper, member, json_object_get(json, key)))
                return false;
        }
        return true;
    }
    if (json_is_array(pattern) && json_is_array(json) &&
        json_array_size(pattern) == json_array_size(json)) {
        for (size_t i = 0; i < json_array_size(pattern); i++) {
            snprintf(deeper, sizeof deeper, "%s/%zu", at, i);
            if (!matches(match, deeper, json_array_get(pattern, i), json_array_get(json, i)))
                return false;
        }
        return true;
    }
    if (json != NULL && json_equal(pattern, json))
        return true;
    char *wanted = json_dumps(pattern, JSON_ENCODE_ANY | JSON_COMPACT);
    (void)differs(match, at, wanted, json);
    free(wanted);
    return false;
}

bool portal_matches(struct portal *portal, const char *pattern, const json_t *json, char *why,
                    size_t size)
{
    struct match match = {portal, why, size};
    char *filled = portal_fill(portal, pattern);
    json_error_t error;
    json_t *wanted =
        filled[0] == '@' ? json_string(filled) : json_loads(filled, JSON_DECODE_ANY, &error);
    if (wanted == NULL)
        fail_msg("pattern, column %d: %s: %s", error.column, error.text, filled);
    bool good = matches(&match, "", wanted, json);
    json_decref(wanted);
    free(filled);
    return good;
}

/* ---- rows ------------------------------------------------------------------------------------ */

void portal_rows(struct portal *portal, const struct portal_row *rows, size_t count)
{
    char authorization[128];
    char why[1024];
    for (size_t i = 0; i < count; i++) {
        const struct portal_row *row = &rows[i];
        bool good = true;
        why[0] = '\0';
        if (row->who != NULL)
            snprintf(authorization, sizeof authorization, "bearer ${%s}", row->who);
        struct portal_answer answer =
            portal_ask(portal, row->method, row->path, row->who != NULL ? authorization : NULL,
                       NULL, row->body);
        if (row->answer != NULL && row->answer[0] == '\0')
            good = answer.text[0] == '\0';
        else if (row->answer != NULL && answer.status == row->status)
            good = portal_matches(portal, row->answer, answer.json, why, sizeof why);
        if (answer.status != row->status || !good)
            fail_msg("row %zu: %s %s %s: %u, not %u; %s\n%s", i,
                     row->who != NULL ? row->who : "nobody", row->method, row->path, answer.status,
                     row->status, why, answer.text);
        portal_answer_free(&answer);
    }
}
