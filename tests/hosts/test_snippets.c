/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* strcasestr */
/* The configurations in examples/proxy/README.md, as printed there but for the ports. */
#include "support_envoy.h"
#include "support_program.h"
#include "support_proxy.h"
#include "support_stock.h"

#include <ctype.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct upstream upstream;
static struct proxy service;
static struct daemon host;
static struct envoy envoy;
static unsigned port; /* of either */

/* Two requests a minute for "alice"; the peers are on this machine. */
static const char config[] =
    "{\"state\":\"@DIR@/state\",\"apis\":{\"limited\":{\"policies\":["
    "{\"policy\":\"rate-limiting-sla-based\",\"id\":\"any:client_id\"}]}},"
    "\"proxy\":{\"listen\":\"127.0.0.1:0\",\"admin\":\"127.0.0.1:0\",\"portFile\":\"@DIR@/port\","
    "\"accessLog\":\"@DIR@/access\",\"trust\":[\"127.0.0.1\"],\"routes\":["
    "{\"prefix\":\"/auth\",\"api\":\"limited\"},"
    "{\"prefix\":\"/nginx\",\"api\":\"limited\",\"deny\":\"403\"},"
    "{\"prefix\":\"/envoy\",\"api\":\"limited\",\"pathPrefix\":\"/envoy\"}]}}";

static int setup(void **state)
{
    (void)state;
    proxy_prepare(&service);
    proxy_write_config(&service, config, &upstream);
    proxy_start(&service);
    daemon_ports(&port, 1);
    return 0;
}

static int teardown(void **state)
{
    int host_code = daemon_stop(&host, SIGTERM), envoy_code = envoy_stop(&envoy);
    int service_code = proxy_stop(&service);
    (void)state;

    proxy_remove(&service);
    assert_int_equal(host_code, 0);
    assert_int_equal(envoy_code, 0);
    assert_int_equal(service_code, 0);
    return 0;
}

/* ---- what is printed ------------------------------------------------------------------------- */

static bool is_end(const char *line)
{
    bool other = strncmp(line, "    # ", 6) == 0 && isupper((unsigned char)line[6]);

    return other || (line[0] != ' ' && line[0] != '\n');
}

/* Printed ports become those of this test. */
static void put_line(FILE *out, const char *line, size_t len)
{
    const struct {
        const char *text;
        unsigned number;
    } ports[] = {{":8080", service.port}, {":9000", upstream.port}};

    for (size_t i = 0; i < len; i++) {
        for (size_t p = 0; p < 2; p++)
            if (strncmp(line + i, ports[p].text, 5) == 0) {
                fprintf(out, ":%u", ports[p].number);
                i += 5;
            }
        fputc(line[i], out);
    }
}

/* Writes the block below "    # <title>", each line with |indent| in front. */
static void put_snippet(FILE *out, const char *title, const char *indent)
{
    char *readme = file_read("examples/proxy/README.md", NULL), heading[64];
    const char *line;

    assert_non_null(readme);
    snprintf(heading, sizeof(heading), "\n    # %s; ", title);
    line = strstr(readme, heading);
    assert_non_null(line);
    for (line = strchr(line + 1, '\n') + 1; !is_end(line); line = strchr(line, '\n') + 1) {
        size_t len = strcspn(line, "\n") + 1;

        fputs(indent, out);
        put_line(out, len > 4 ? line + 4 : "\n", len > 4 ? len - 4 : 1);
    }
    free(readme);
}

/* ---- what is promised ------------------------------------------------------------------------ */

static void admits_and_says_who(const char *target, const char *lines)
{
    struct reply reply = get(port, target, lines);
    char *head = upstream_last();

    assert_int_equal(reply.status, 200);
    assert_has(head, "alice\r\n");
    assert_has(head, "Alice Inc\r\n");
    assert_has(head, "two\r\n");
    assert_hasnt(head, "forged");
    free(head);
    reply_free(&reply);
}

static void refuses(const char *target, unsigned status, const char *header)
{
    unsigned before = upstream_requests();
    struct reply reply = get(port, target, "X-Client-Id: alice\r\n");

    assert_int_equal(reply.status, status);
    assert_non_null(strcasestr(reply.head, header));
    assert_int_equal(upstream_requests(), before);
    reply_free(&reply);
}

static void keeps_its_promises(void)
{
    static const char forged[] =
        "X-Client-Id: forged\r\nX-Client-Tier: forged\r\nx-client-name: forged\r\n";
    static const char tricked[] = "client_id: alice\r\nX-Client-Id: forged\r\n";

    refuses("/echo", 401, "\r\nwww-authenticate: Client-ID-Enforcement\r\n");
    admits_and_says_who("/echo?client_id=alice", forged);
    admits_and_says_who("/echo?a=1", tricked);
    refuses("/echo?client_id=alice", 429, "\r\nretry-after: ");
}

static bool skipped(const char *what)
{
    if (what != NULL)
        print_message("%s\n", what);
    return what != NULL;
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static void caddy_forward_auth(void **state)
{
    char *text;
    size_t len;
    FILE *out;
    (void)state;

    if (skipped(caddy_missing()))
        skip();
    out = open_memstream(&text, &len);
    fprintf(out, "http://:%u {\nbind 127.0.0.1\n", port);
    put_snippet(out, "Caddy", "");
    fprintf(out, "}\n");
    fclose(out);
    caddy_start(&host, service.dir, text, port);
    free(text);
    keeps_its_promises();
}

static void nginx_auth_request(void **state)
{
    char *text;
    size_t len;
    FILE *out;
    (void)state;

    if (skipped(nginx_missing()))
        skip();
    out = open_memstream(&text, &len);
    fprintf(out, "server {\nlisten 127.0.0.1:%u;\n", port);
    put_snippet(out, "NGINX", "");
    fprintf(out, "}\n");
    fclose(out);
    nginx_start_stock(&host, service.dir, text, port);
    free(text);
    keeps_its_promises();
}

static void put_envoy(FILE *out)
{
    static const char *const names[] = {"clientid", "upstream"};
    const unsigned ports[] = {service.port, upstream.port};

    fputs("admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n"
          "static_resources:\n"
          "  listeners:\n"
          "  - name: main\n"
          "    address: {socket_address: {address: 127.0.0.1, port_value: 0}}\n"
          "    filter_chains:\n"
          "    - filters:\n"
          "      - name: envoy.filters.network.http_connection_manager\n"
          "        typed_config:\n"
          "          \"@type\": type.googleapis.com/envoy.extensions.filters.network."
          "http_connection_manager.v3.HttpConnectionManager\n"
          "          stat_prefix: main\n"
          "          route_config:\n"
          "            virtual_hosts:\n"
          "            - name: all\n"
          "              domains: [\"*\"]\n"
          "              routes: [{match: {prefix: /}, route: {cluster: upstream}}]\n"
          "          http_filters:\n",
          out);
    put_snippet(out, "Envoy", "          ");
    fputs("          - name: envoy.filters.http.router\n"
          "            typed_config: {\"@type\": "
          "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}\n"
          "  clusters:\n",
          out);
    for (size_t i = 0; i < 2; i++)
        fprintf(out,
                "  - name: %s\n"
                "    load_assignment: {cluster_name: %s, endpoints: [{lb_endpoints: [{endpoint: "
                "{address: {socket_address: {address: 127.0.0.1, port_value: %u}}}}]}]}\n",
                names[i], names[i], ports[i]);
}

static void envoy_ext_authz(void **state)
{
    char *text;
    size_t len;
    FILE *out;
    (void)state;

    if (skipped(envoy_program() == NULL ? "there is no Envoy" : NULL))
        skip();
    out = open_memstream(&text, &len);
    put_envoy(out);
    fclose(out);
    envoy.concurrency = 1;
    snprintf(envoy.dir, sizeof(envoy.dir), "%s", service.dir);
    envoy_write(&envoy, "envoy.yaml", text, 0);
    assert_true(envoy_start(&envoy));
    port = envoy.port;
    free(text);
    keeps_its_promises();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(caddy_forward_auth, setup, teardown),
        cmocka_unit_test_setup_teardown(nginx_auth_request, setup, teardown),
        cmocka_unit_test_setup_teardown(envoy_ext_authz, setup, teardown),
    };

    upstream_start(&upstream);
    return cmocka_run_group_tests_name("snippets", tests, NULL, NULL);
}
