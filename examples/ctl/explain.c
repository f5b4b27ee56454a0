/* SPDX-License-Identifier: Apache-2.0 */
/* One decision of the library, made as a host makes it but charging nothing, and all that led to it. */
#include "explain.h"

#include "commands.h"
#include "configuration.h"
#include "contracts.h"
#include "fields.h"
#include "input.h"
#include "lookup.h"
#include "time_text.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is dropped --------------------------------------------------------------------------- */

static clientid_str next_piece(clientid_str *rest)
{
    const char *mark = rest->len > 0 ? memchr(rest->ptr, '&', rest->len) : NULL;
    clientid_str piece = {rest->ptr, mark != NULL ? (size_t)(mark - rest->ptr) : rest->len};
    size_t used = mark != NULL ? piece.len + 1 : piece.len;
    *rest = (clientid_str){rest->ptr + used, rest->len - used};
    return piece;
}

/* What is forwarded is the query with pieces left out, so the two are walked side by side. */
bool explanation_dropped_parameter(const struct explanation *x, size_t nth, clientid_str *name)
{
    clientid_str rest = x->request.query;
    clientid_str kept = {x->query, x->query_len};
    clientid_str wanted = next_piece(&kept);
    while (rest.len > 0) {
        clientid_str piece = next_piece(&rest);
        if (piece.len == wanted.len && piece.len > 0 &&
            memcmp(piece.ptr, wanted.ptr, piece.len) == 0) {
            wanted = next_piece(&kept);
            continue;
        }
        if (piece.len == 0 || nth-- > 0)
            continue;
        const char *equals = memchr(piece.ptr, '=', piece.len);
        *name =
            (clientid_str){piece.ptr, equals != NULL ? (size_t)(equals - piece.ptr) : piece.len};
        return true;
    }
    return false;
}

bool explanation_dropped_header(const struct explanation *x, size_t nth, clientid_str *name)
{
    for (size_t i = 0; i < x->request.header_count; i++) {
        *name = x->request.headers[i].name;
        if (clientid_strips_header(&x->decision, *name) == 1 && nth-- == 0)
            return true;
    }
    return false;
}

uint64_t explanation_ms(uint64_t span_ns)
{
    return span_ns / 1000000u + (span_ns % 1000000u != 0);
}

const char *explanation_algorithm(const clientid_limit_report *limit)
{
    switch (limit->algorithm) {
    case CLIENTID_FIXED_WINDOW:
        return "fixed-window";
    case CLIENTID_SLIDING_WINDOW:
        return "sliding-window";
    case CLIENTID_TOKEN_BUCKET:
        return "token-bucket";
    default:
        return "?";
    }
}

/* ---- the decision ------------------------------------------------------------------------------ */

static int read_numbers(struct ctl *ctl, clientid_request *request)
{
    const char *at = option_value(&ctl->options, "at");
    const char *cost = option_value(&ctl->options, "cost");
    request->now_ns = now_ns();
    const char *why = at != NULL ? moment_parse(at, request->now_ns, &request->now_ns) : NULL;
    if (why != NULL)
        return report(ctl, CTL_USAGE, ctl->options.what, "--at \"%.60s\": %s", at, why);
    if (cost != NULL && (!number_parse(cost, &request->cost) || request->cost > 1000000))
        return report(ctl, CTL_USAGE, ctl->options.what, "--cost takes a number, 1 to 1000000");
    return 0;
}

static int decide(struct ctl *ctl, struct explanation *x, clientid_worker *worker)
{
    clientid_request request = {.size = sizeof(request),
                                .method = x->request.method,
                                .path = x->request.path,
                                .query = x->request.query,
                                .header = request_header,
                                .host = &x->request,
                                .flags = CLIENTID_PEEK,
                                .scratch = x->scratch,
                                .scratch_len = sizeof(x->scratch)};
    x->decision.size = sizeof(x->decision);
    int rv = read_numbers(ctl, &request);
    if (rv != 0)
        return rv;
    rv = clientid_check(worker, x->api, &request, &x->decision);
    if (rv == 0 && x->decision.verdict == CLIENTID_NEED_BODY) {
        request.body = x->request.body;
        request.flags |= CLIENTID_BODY_GIVEN;
        rv = clientid_check(worker, x->api, &request, &x->decision);
    }
    return rv == 0 ? 0 : report_library(ctl, ctl->options.what, rv, NULL);
}

static int render(struct ctl *ctl, struct explanation *x)
{
    x->query_len = x->request.query.len;
    x->query = malloc(x->query_len + 1);
    if (x->query == NULL)
        return report(ctl, CTL_FAILED, ctl->options.what, "out of memory");
    int rv = clientid_strip(&x->decision, x->request.query, x->query, &x->query_len);
    x->answer.size = sizeof(x->answer);
    if (rv == 0 && x->decision.verdict != CLIENTID_DELAY) {
        rv = clientid_render(&x->decision, &x->answer);
        x->answered = rv == 0;
    }
    return rv == 0 ? 0 : report_library(ctl, ctl->options.what, rv, NULL);
}

static int write_explanation(struct ctl *ctl, const struct explanation *x)
{
    if (!ctl->json)
        return explanation_write_text(ctl->out, x) ? CTL_OK : CTL_FAILED;
    json_t *root = explanation_to_json(x);
    if (root == NULL)
        return report(ctl, CTL_FAILED, ctl->options.what, "out of memory");
    json_dumpf(root, ctl->out, JSON_COMPACT);
    fputc('\n', ctl->out);
    json_decref(root);
    return CTL_OK;
}

static int explain_with(struct ctl *ctl, struct explanation *x, clientid_gateway *gateway)
{
    clientid_worker *worker = NULL;
    int rv = configuration_api(ctl, gateway, &x->api);
    if (rv != 0)
        return rv;
    contracts_sync(ctl, gateway, x->origin, sizeof(x->origin));
    rv = clientid_worker_new(&worker, gateway);
    if (rv != 0)
        return report_library(ctl, ctl->options.what, rv, NULL);
    x->wants = clientid_api_wants(worker, x->api);
    rv = decide(ctl, x, worker);
    if (rv == 0)
        rv = render(ctl, x);
    if (rv == 0)
        rv = write_explanation(ctl, x);
    clientid_worker_del(worker);
    if (rv == 0 && option_given(&ctl->options, "exit-code") &&
        x->decision.verdict != CLIENTID_ALLOW)
        rv = CTL_REFUSED;
    return rv;
}

static int explain(struct ctl *ctl)
{
    clientid_gateway *gateway = NULL;
    struct explanation *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return report(ctl, CTL_FAILED, ctl->options.what, "out of memory");
    int rv = request_read(ctl, argument_nth(&ctl->options, 0), &x->request);
    if (rv == 0)
        rv = configuration_open(ctl, CLIENTID_LIMITS_EXISTING | CLIENTID_LIMITS_ASIDE, &gateway);
    if (rv == 0)
        rv = explain_with(ctl, x, gateway);
    clientid_gateway_del(gateway);
    request_free(&x->request);
    input_free(x->query, x->query_len);
    explicit_bzero(x->scratch, sizeof(x->scratch));
    free(x);
    return rv;
}

/* ---- check-config ------------------------------------------------------------------------------ */

static int check_config(struct ctl *ctl)
{
    clientid_gateway *gateway = NULL;
    char *text;
    size_t len;
    int rv = configuration_open_file(ctl, argument_nth(&ctl->options, 0), CLIENTID_LIMITS_ASIDE,
                                     &gateway, &text, &len);
    if (rv != 0)
        return rv;
    input_free(text, len);
    clientid_gateway_del(gateway);
    fprintf(ctl->out, "%s\n", ctl->json ? "{\"valid\":true}" : "the configuration is valid");
    return CTL_OK;
}

static const struct option_spec explain_options[] = {
    CONFIGURATION_OPTION{"api", 'a', "NAME", "the API instance that the request is for", 0},
    {"request", 'r', "FILE|-", "a raw HTTP request, request line to body", 0},
    {"method", 'X', "METHOD", "GET by default", 0},
    {"header", 'H', "LINE", "a header line, \"Name: value\"", OPTION_REPEATS},
    {"body", 'd', "FILE|-", "the body", 0},
    {"cost", 0, "COUNT", "what the request charges, 1 by default", 0},
    {"at", 0, "MOMENT", "decide as of then, such as +1h", 0},
    {"exit-code", 'e', NULL, "exit with 6 unless the verdict is \"allow\"", 0},
    {NULL, 0, NULL, NULL, 0},
};

static const char explain_help[] = "Prints what was read from the request, contract, tier, every "
                                   "limit, the policy that decided, the\n"
                                   "answer and what is not forwarded.  Nothing is charged.  "
                                   "Contracts come from --store, else from the\n"
                                   "store of the configuration, else from its last-known-good "
                                   "files.  A request with a secret belongs\n"
                                   "into --request: every user of the machine sees a command line. "
                                   " With Content-Length the body ends\n"
                                   "there, without it at the end of the file.\n";

const struct command explain_commands[] = {
    {"explain", NULL, "[TARGET]", 0, 1, "The decision on one request, step by step",
     explain_options, explain, explain_help},
    {"check-config", NULL, "FILE|-", 1, 1, "Check a gateway's configuration", NULL, check_config,
     NULL},
    {0},
};
