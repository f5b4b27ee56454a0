/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct extra {
    size_t count;
    struct abi_pair pairs[CLIENTID_ANSWER_HEADERS];
    char text[];
};

static struct abi_bytes bytes(clientid_str text)
{
    return (struct abi_bytes){text.ptr, text.len};
}

/*
 * Envoy answers gRPC with status 200 and a grpc-status of its own choice, which is OK when a module sends the answer.
 * Codes as in Envoy's own translation (gRPC's "HTTP to gRPC Status Code Mapping"), quota as RESOURCE_EXHAUSTED.
 */
static const char *grpc_status(const struct lines *lines, unsigned status)
{
    clientid_str type;
    if (!lines_find(lines, CLIENTID_STR("content-type"), 0, &type) || type.len < 16 ||
        memcmp(type.ptr, "application/grpc", 16) != 0 ||
        (type.len > 16 && type.ptr[16] != '+' && type.ptr[16] != ';'))
        return NULL;
    switch (status) {
    case 400:
        return "13";
    case 401:
        return "16";
    case 403:
        return "7";
    case 413:
    case 429:
        return "8";
    default:
        return "14";
    }
}

static void send(void *envoy, const char *grpc, clientid_answer *answer, struct abi_bytes details)
{
    struct abi_pair pairs[CLIENTID_ANSWER_HEADERS + 1];
    size_t count = answer->header_count;
    for (size_t i = 0; i < count; i++)
        pairs[i] =
            (struct abi_pair){bytes(answer->headers[i].name), bytes(answer->headers[i].value)};
    if (grpc != NULL)
        pairs[count++] = (struct abi_pair){ABI_BYTES("grpc-status"), {grpc, strlen(grpc)}};
    CALL(http_send_response)
    (envoy, answer->status, pairs, count, bytes(answer->body), details);
}

void answer_unavailable(void *envoy, const struct lines *lines, struct abi_bytes details)
{
    clientid_answer answer;
    answer.status = 503;
    answer.header_count = 1;
    answer.headers[0] =
        (clientid_header){CLIENTID_STR("content-type"), CLIENTID_STR("application/json")};
    answer.body = CLIENTID_STR("{\"error\":\"Service Unavailable\"}");
    send(envoy, grpc_status(lines, 503), &answer, details);
}

void answer_denied(void *envoy, const struct lines *lines, const clientid_decision *decision)
{
    clientid_answer answer;
    char details[64];
    answer.size = sizeof answer;
    if (clientid_render(decision, &answer) < 0) {
        answer_unavailable(envoy, lines, ABI_BYTES("clientid_undecided"));
        return;
    }
    int len =
        snprintf(details, sizeof details, "clientid_%s", clientid_reason_label(decision->reason));
    for (char *at = details; *at != '\0'; at++) {
        if (*at == '-')
            *at = '_';
    }
    const char *grpc = grpc_status(lines, answer.status);
    forward_refused(envoy, lines, decision);
    send(envoy, grpc, &answer, (struct abi_bytes){details, (size_t)len});
}

void answer_metrics(void *envoy, const struct gateway *gateway, uint64_t now_ns)
{
    struct abi_pair type = {ABI_BYTES("content-type"),
                            ABI_BYTES("text/plain; version=0.0.4; charset=utf-8")};
    size_t len = 65536;
    char *text = malloc(len);
    int rv = CLIENTID_ERR_NOMEM;
    for (int i = 0; text != NULL && i < 4; i++) {
        size_t room = len;
        rv = clientid_metrics_write(gateway_core(gateway), now_ns, text, &len);
        if (rv != CLIENTID_ERR_SPACE || len <= room)
            break;
        len += 4096; /* they grow while we look */
        free(text);
        text = malloc(len);
    }
    bool good = text != NULL && rv == 0;
    CALL(http_send_response)
    (envoy, good ? 200 : 503, &type, 1, good ? (struct abi_bytes){text, len} : ABI_BYTES(""),
     ABI_BYTES("clientid_metrics"));
    free(text);
}

/* ---- on answers of others -------------------------------------------------------------------- */

static struct abi_bytes copy(char **to, clientid_str text)
{
    struct abi_bytes out = {*to, text.len};
    memcpy(*to, text.ptr, text.len);
    *to += text.len;
    return out;
}

bool answer_keep(const clientid_decision *decision, struct extra **out)
{
    clientid_answer answer;
    answer.size = sizeof answer;
    *out = NULL;
    if (clientid_render(decision, &answer) < 0 || answer.header_count == 0)
        return true;
    size_t len = 0;
    for (size_t i = 0; i < answer.header_count; i++)
        len += answer.headers[i].name.len + answer.headers[i].value.len;
    struct extra *extra = malloc(sizeof *extra + len);
    if (extra == NULL)
        return false;
    char *to = extra->text;
    extra->count = answer.header_count;
    for (size_t i = 0; i < extra->count; i++) {
        struct abi_bytes name = copy(&to, answer.headers[i].name);
        extra->pairs[i] = (struct abi_pair){name, copy(&to, answer.headers[i].value)};
    }
    *out = extra;
    return true;
}

void answer_add(void *envoy, const struct extra *extra)
{
    for (size_t i = 0; i < extra->count; i++)
        (void)CALL(http_add_header)(envoy, ABI_RESPONSE_HEADERS, extra->pairs[i].name,
                                    extra->pairs[i].value);
}
