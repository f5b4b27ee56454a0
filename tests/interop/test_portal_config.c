/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration that is wrong is refused before anything starts, with the place. */
#include "support_portal.h"
#include "support_program.h"
#include "support_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IDS                                                                                        \
    "\"organizationId\":\"" PORTAL_ORGANIZATION "\",\"environmentId\":\"" PORTAL_ENVIRONMENT "\""
#define GOOD "\"listen\":\"127.0.0.1:0\",\"store\":\"sqlite:@DIR@/store.db\"," IDS

static const struct {
    const char *why, *text;
    int code;
    const char *part; /* of what is said */
} rows[] = {
    {"the least there must be", "{" GOOD "}", 0, "is good"},
    {"not JSON", "{" GOOD ",}", 3, "line 1, column"},
    {"a key twice", "{" GOOD ",\"threads\":1,\"threads\":2}", 3, "line 1"},
    {"an unknown key", "{" GOOD ",\"thread\":1}", 3, "/thread is not a known field"},
    {"an unknown key inside",
     "{" GOOD ",\"mail\":{\"server\":\"smtp://a\",\"from\":\"a@b\",\"x\":1}}", 3, "/mail/x"},
    {"a key is missing", "{\"listen\":\"127.0.0.1:0\"," IDS "}", 3, "/store is missing"},
    {"a wrong type", "{" GOOD ",\"feed\":\"yes\"}", 3, "/feed must be true or false"},
    {"a number out of range", "{" GOOD ",\"threads\":0}", 3, "/threads is too small"},
    {"no port", "{\"listen\":\"127.0.0.1\",\"store\":\"sqlite:x\"," IDS "}", 3, "/listen"},
    {"no UUID",
     "{\"listen\":\"127.0.0.1:1\",\"store\":\"sqlite:x\",\"organizationId\":\"XXXXXXXX-0001-4000-"
     "8000-"
     "0123456789ab\",\"environmentId\":\"" PORTAL_ENVIRONMENT "\"}",
     3, "/organizationId"},
    {"no duration", "{" GOOD ",\"tokenLifetime\":\"soon\"}", 3, "/tokenLifetime"},
    {"a key without its certificate", "{" GOOD ",\"key\":\"k.pem\"}", 3, "/certificate"},
    /* Gateways are told salted SHA-256; under a pepper there is no such thing. */
    {"a pepper and the feed", "{" GOOD ",\"pepperFile\":\"p\"}", 3, "/pepperFile"},
    {"a pepper without the feed", "{" GOOD ",\"pepperFile\":\"p\",\"feed\":false}", 0, "is good"},
};

static void wrong_configurations_say_where(void **state)
{
    char *folder = folder_new();
    char config[128], err[128];

    (void)state;
    snprintf(config, sizeof(config), "%s/config", folder);
    snprintf(err, sizeof(err), "%s/err", folder);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len;
        char *said;
        int code;

        (void)remove(err); /* it is appended to */
        file_write(config, rows[i].text);
        code = program_wait(program_spawn("clientid-portal", config, err, "--check"));
        said = file_read(err, &len);
        if (code != rows[i].code || said == NULL || strstr(said, rows[i].part) == NULL)
            fail_msg("%s: %d: %s", rows[i].why, code, said != NULL ? said : "");
        free(said);
    }
    folder_del(folder);
}

/* What only shows at the start: files and ports that cannot be had are no fault of the configuration. */
static void what_cannot_be_had_ends_the_start(void **state)
{
    static const struct {
        const char *why, *more, *part;
    } starts[] = {
        {"no folder for the access log", ",\"accessLog\":\"/nowhere/log\"", "/nowhere/log"},
        {"no key file", ",\"sealingKeyFile\":\"/nowhere/key\"", "sealing key"},
        {"no certificate", ",\"certificate\":\"/nowhere/c\",\"key\":\"/nowhere/k\"", "/nowhere/c"},
    };
    char *folder = folder_new();
    char config[128], err[128], text[1024];

    (void)state;
    snprintf(config, sizeof(config), "%s/config", folder);
    snprintf(err, sizeof(err), "%s/err", folder);
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        size_t len;
        char *said;
        int code;

        snprintf(text, sizeof(text),
                 "{\"listen\":\"127.0.0.1:0\",\"store\":\"sqlite:%s/store.db\"," IDS "%s}", folder,
                 starts[i].more);
        (void)remove(err);
        file_write(config, text);
        code = program_wait(program_spawn("clientid-portal", config, err, NULL));
        said = file_read(err, &len);
        if (code != 1 || said == NULL || strstr(said, starts[i].part) == NULL)
            fail_msg("%s: %d: %s", starts[i].why, code, said != NULL ? said : "");
        free(said);
    }
    folder_del(folder);
}

/* Who did what, by route, and nothing that came with it. */
static void the_access_log_has_no_secrets(void **state)
{
    static const struct portal_row rows_[] = {
        {"mia", "GET", "/accounts/api/profile?secret=in-the-query", NULL, 200, NULL},
        {NULL, "POST", "/accounts/login", "{\"username\":\"mia\",\"password\":\"in-the-body\"}",
         401, NULL},
    };
    struct portal portal;
    char log[128], more[160];
    char *text;
    size_t len;

    (void)state;
    portal_prepare(&portal, "");
    snprintf(log, sizeof(log), "%s/access.log", portal.dir);
    snprintf(more, sizeof(more), ",\"accessLog\":\"%s\"", log);
    portal_configure(&portal, more);
    portal_user(&portal, "mia", CLIENTID_ROLE_MEMBER);
    portal_start(&portal);
    PORTAL_ROWS(&portal, rows_);
    assert_int_equal(portal_stop(&portal), 0);
    text = file_read(log, &len);
    assert_has(text, " GET /accounts/api/profile 200 ");
    assert_has(text, " mia\n");
    assert_has(text, " POST /accounts/login 401 ");
    assert_hasnt(text, "in-the-");
    assert_hasnt(text, portal_name(&portal, "mia"));
    free(text);
    portal_remove(&portal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_configurations_say_where),
        cmocka_unit_test(what_cannot_be_had_ends_the_start),
        cmocka_unit_test(the_access_log_has_no_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
