/* SPDX-License-Identifier: Apache-2.0 */
/* Every key is in a table; what breaks it is named by JSON pointer. */
#include "config.h"
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX 65536

static const struct schema_field mail_fields[] = {
    TEXT("server", SCHEMA_REQUIRED, 1, 255),
    TEXT("from", SCHEMA_REQUIRED, 3, 255),
    TEXT("username", 0, 1, 255),
    TEXT("passwordFile", 0, 1, 4095),
    TEXT("caFile", 0, 1, 4095),
    FLAG("plain", 0),
    FIELDS_END,
};
static const struct schema mail = {"mail", mail_fields, 0};

static const struct schema_field hooks_fields[] = {
    TEXT("certificates", 0, 1, 4095),
    TEXT("caFile", 0, 1, 4095),
    TEXT("timeout", 0, 2, 16),
    FIELDS_END,
};
static const struct schema hooks = {"hooks", hooks_fields, 0};

static const struct schema_field saml_fields[] = {
    TEXT("certificate", SCHEMA_REQUIRED, 1, 4095),
    TEXT("issuer", SCHEMA_REQUIRED, 1, 1024),
    TEXT("audience", SCHEMA_REQUIRED, 1, 1024),
    TEXT("recipient", SCHEMA_REQUIRED, 1, 1024),
    TEXT("emailAttribute", 0, 1, 255),
    TEXT("firstNameAttribute", 0, 1, 255),
    TEXT("lastNameAttribute", 0, 1, 255),
    FIELDS_END,
};
static const struct schema saml = {"saml", saml_fields, 0};

static const struct schema_field gateway_fields[] = {
    TEXT("portal", SCHEMA_REQUIRED, 8, 1024),
    TEXT("username", SCHEMA_REQUIRED, 1, 255),
    TEXT("passwordFile", SCHEMA_REQUIRED, 1, 4095),
    TEXT("hookUsername", SCHEMA_REQUIRED, 1, 255),
    TEXT("hookPasswordFile", SCHEMA_REQUIRED, 1, 4095),
    TEXT("caFile", 0, 1, 4095),
    FIELDS_END,
};
static const struct schema gateway = {"gateway", gateway_fields, 0};

static const struct schema_field config_fields[] = {
    TEXT("listen", SCHEMA_REQUIRED, 2, 255),
    TEXT("certificate", 0, 1, 4095),
    TEXT("key", 0, 1, 4095),
    TEXT("portFile", 0, 1, 4095),
    TEXT("accessLog", 0, 1, 4095),
    TEXT("store", SCHEMA_REQUIRED, 1, 4095),
    TEXT("publicUrl", 0, 8, 1024),
    TEXT("pepperFile", 0, 1, 4095),
    TEXT("sealingKeyFile", 0, 1, 4095),
    TEXT("organizationId", SCHEMA_REQUIRED, 36, 36),
    TEXT("organizationName", 0, 1, 255),
    TEXT("environmentId", SCHEMA_REQUIRED, 36, 36),
    FLAG("registration", 0),
    FLAG("feed", 0),
    TEXT("tokenLifetime", 0, 2, 16),
    TEXT("requestTimeout", 0, 2, 16),
    NUMBER("bodyBytesMax", 0, 1024, 16777216),
    NUMBER("threads", 0, 1, 64),
    NUMBER("connectionsMax", 0, 1, 100000),
    OBJECT("mail", 0, &mail),
    OBJECT("hooks", 0, &hooks),
    OBJECT("saml", 0, &saml),
    OBJECT("gateway", 0, &gateway),
    FIELDS_END,
};
static const struct schema config_schema = {"config", config_fields, 0};

static int invalid(clientid_error *error, const char *pointer, const char *text)
{
    error->code = CLIENTID_ERR_CONFIG;
    (void)snprintf(error->pointer, sizeof error->pointer, "%s", pointer);
    (void)snprintf(error->text, sizeof error->text, "%s", text);
    return error->code;
}

/* ---- values ---------------------------------------------------------------------------------- */

static char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL)
        text = otherwise;
    return text != NULL ? strdup(text) : NULL;
}

static bool flag_of(const json_t *object, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(object, key);
    return value != NULL ? json_is_true(value) : otherwise;
}

static uint64_t number_of(const json_t *object, const char *key, uint64_t otherwise)
{
    const json_t *value = json_object_get(object, key);
    return value != NULL ? (uint64_t)json_integer_value(value) : otherwise;
}

/* "500ms", "10s", "30m", "8h". */
static int duration_of(const json_t *object, const char *key, uint64_t otherwise_s, uint64_t *out,
                       clientid_error *error)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    const char *text = json_string_value(json_object_get(object, key));
    char pointer[64];
    char *unit = NULL;
    unsigned long number = 0;
    *out = otherwise_s * 1000000000;
    if (text == NULL)
        return 0;
    if (text[0] >= '0' && text[0] <= '9')
        number = strtoul(text, &unit, 10);
    for (size_t i = 0; unit != NULL && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].unit) != 0 || number == 0 || number > 86400000 / units[i].ms)
            continue;
        *out = number * units[i].ms * 1000000;
        return 0;
    }
    (void)snprintf(pointer, sizeof pointer, "/%s", key);
    return invalid(error, pointer, "must be a duration such as \"500ms\", \"10s\" or \"8h\"");
}

/* "127.0.0.1:8080", "[::1]:0". */
static int read_listen(struct config *out, const json_t *root, clientid_error *error)
{
    const char *text = json_string_value(json_object_get(root, "listen"));
    const char *colon = strrchr(text, ':');
    bool bracket = text[0] == '[' && colon != NULL && colon > text + 2 && colon[-1] == ']';
    if (colon == NULL || colon == text || colon[1] == '\0' ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return invalid(error, "/listen",
                       "must be an address and a port such as \"127.0.0.1:8081\"");
    out->listen_host = strndup(text + bracket, (size_t)(colon - text) - 2 * (size_t)bracket);
    out->listen_port = strdup(colon + 1);
    return 0;
}

static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL)
            return false;
    }
    return true;
}

/* ---- sections -------------------------------------------------------------------------------- */

static void read_mail(struct config_mail *out, const json_t *object)
{
    *out = (struct config_mail){
        .server = text_of(object, "server", NULL),
        .from = text_of(object, "from", NULL),
        .username = text_of(object, "username", NULL),
        .password_file = text_of(object, "passwordFile", NULL),
        .ca_file = text_of(object, "caFile", NULL),
        .plain = flag_of(object, "plain", false),
    };
}

static void read_saml(struct config_saml *out, const json_t *object)
{
    *out = (struct config_saml){
        .certificate = text_of(object, "certificate", NULL),
        .issuer = text_of(object, "issuer", NULL),
        .audience = text_of(object, "audience", NULL),
        .recipient = text_of(object, "recipient", NULL),
        .email_attribute = text_of(object, "emailAttribute", NULL),
        .first_name_attribute = text_of(object, "firstNameAttribute", NULL),
        .last_name_attribute = text_of(object, "lastNameAttribute", NULL),
    };
}

static void read_gateway(struct config_gateway *out, const json_t *object)
{
    *out = (struct config_gateway){
        .portal = text_of(object, "portal", NULL),
        .username = text_of(object, "username", NULL),
        .password_file = text_of(object, "passwordFile", NULL),
        .hook_username = text_of(object, "hookUsername", NULL),
        .hook_password_file = text_of(object, "hookPasswordFile", NULL),
        .ca_file = text_of(object, "caFile", NULL),
    };
}

static void read_top(struct config *out, const json_t *root)
{
    *out = (struct config){
        .certificate = text_of(root, "certificate", NULL),
        .key = text_of(root, "key", NULL),
        .port_file = text_of(root, "portFile", NULL),
        .access_log = text_of(root, "accessLog", NULL),
        .store = text_of(root, "store", NULL),
        .public_url = text_of(root, "publicUrl", NULL),
        .pepper_file = text_of(root, "pepperFile", NULL),
        .sealing_key_file = text_of(root, "sealingKeyFile", NULL),
        .organization = text_of(root, "organizationId", NULL),
        .organization_name = text_of(root, "organizationName", "Organization"),
        .environment = text_of(root, "environmentId", NULL),
        .registration = flag_of(root, "registration", false),
        .feed = flag_of(root, "feed", true),
        .body_bytes_max = number_of(root, "bodyBytesMax", 1 << 20),
        .threads = (unsigned)number_of(root, "threads", 4),
        .connections_max = (unsigned)number_of(root, "connectionsMax", 1024),
    };
}

/* Rules between keys. */
static int check(const struct config *config, clientid_error *error)
{
    if (!is_uuid(config->organization))
        return invalid(error, "/organizationId", "must be a UUID in lower case");
    if (!is_uuid(config->environment))
        return invalid(error, "/environmentId", "must be a UUID in lower case");
    if ((config->certificate == NULL) != (config->key == NULL))
        return invalid(error, "/certificate", "certificate and key go together");
    /* A gateway is told hex(SHA-256(salt || secret)); under a pepper there is no such thing. */
    if (config->pepper_file != NULL && config->feed)
        return invalid(
            error, "/pepperFile",
            "records under a pepper cannot be fed to gateways: set \"feed\" to false, or "
            "leave the pepper out");
    if ((config->mail.username == NULL) != (config->mail.password_file == NULL))
        return invalid(error, "/mail/username", "username and passwordFile go together");
    return 0;
}

static int read_root(struct config *out, const json_t *root, clientid_error *error)
{
    struct schema_fault fault;
    if (!schema_check(&config_schema, root, &fault))
        return invalid(error, fault.pointer, fault.text);
    read_top(out, root);
    read_mail(&out->mail, json_object_get(root, "mail"));
    read_saml(&out->saml, json_object_get(root, "saml"));
    read_gateway(&out->gateway, json_object_get(root, "gateway"));
    out->hooks.certificates = text_of(json_object_get(root, "hooks"), "certificates", NULL);
    out->hooks.ca_file = text_of(json_object_get(root, "hooks"), "caFile", NULL);
    int rc = read_listen(out, root, error);
    if (rc == 0)
        rc = duration_of(root, "tokenLifetime", 3600, &out->token_lifetime_ns, error);
    if (rc == 0)
        rc = duration_of(root, "requestTimeout", 20, &out->request_timeout_ns, error);
    if (rc == 0)
        rc = duration_of(json_object_get(root, "hooks"), "timeout", 10, &out->hooks.timeout_ns,
                         error);
    return rc != 0 ? rc : check(out, error);
}

int config_read(struct config *out, const char *file, clientid_error *error)
{
    json_error_t syntax;
    *out = (struct config){.threads = 0};
    json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &syntax);
    if (root == NULL) {
        bool unreadable = json_error_code(&syntax) == json_error_cannot_open_file;
        (void)snprintf(error->text, sizeof error->text, "%s", syntax.text);
        if (!unreadable) {
            error->line = (unsigned)syntax.line;
            error->column = (unsigned)syntax.column;
        }
        return error->code = unreadable ? CLIENTID_ERR_IO : CLIENTID_ERR_SYNTAX;
    }
    int rc = read_root(out, root, error);
    json_decref(root);
    return rc;
}

void config_free(struct config *config)
{
    char *const texts[] = {
        config->listen_host,
        config->listen_port,
        config->certificate,
        config->key,
        config->port_file,
        config->access_log,
        config->store,
        config->public_url,
        config->pepper_file,
        config->sealing_key_file,
        config->organization,
        config->organization_name,
        config->environment,
        config->mail.server,
        config->mail.from,
        config->mail.username,
        config->mail.password_file,
        config->mail.ca_file,
        config->hooks.certificates,
        config->hooks.ca_file,
        config->saml.certificate,
        config->saml.issuer,
        config->saml.audience,
        config->saml.recipient,
        config->saml.email_attribute,
        config->saml.first_name_attribute,
        config->saml.last_name_attribute,
        config->gateway.portal,
        config->gateway.username,
        config->gateway.password_file,
        config->gateway.hook_username,
        config->gateway.hook_password_file,
        config->gateway.ca_file,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
}

unsigned char *config_read_file(const char *name, size_t *len, clientid_error *error)
{
    unsigned char *bytes = malloc(FILE_BYTES_MAX + 1);
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = -1;
    *len = 0;
    if (bytes != NULL && fd >= 0) {
        while (*len < FILE_BYTES_MAX && (got = read(fd, bytes + *len, FILE_BYTES_MAX - *len)) > 0)
            *len += (size_t)got;
    }
    int reason = errno;
    if (fd >= 0)
        (void)close(fd);
    if (got != 0) {
        (void)snprintf(error->text, sizeof error->text, "cannot read %s: %s", name,
                       got > 0 ? "it is too large" : strerror(reason));
        error->code = CLIENTID_ERR_IO;
        free(bytes);
        return NULL;
    }
    while (*len > 0 && (bytes[*len - 1] == '\n' || bytes[*len - 1] == '\r'))
        --*len;
    bytes[*len] = '\0';
    return bytes;
}
