/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that the proxy gives itself, for refusals and as an authorization service. */
#include "answer.h"

#include "forward.h"

#include <stdio.h>
#include <string.h>

/* libmicrohttpd wants NUL-terminated text, refuses empty values, and drops what has CR or LF. */
bool answer_add(struct MHD_Response *answer, clientid_str name, clientid_str value)
{
    char line[8192];
    if (name.len + value.len + 3 > sizeof line)
        return false;
    char *text = line + name.len + 1;
    memcpy(line, name.ptr, name.len);
    line[name.len] = '\0';
    memcpy(text, value.len != 0 ? value.ptr : " ", value.len != 0 ? value.len : 1);
    text[value.len != 0 ? value.len : 1] = '\0';
    return MHD_add_response_header(answer, line, text) == MHD_YES;
}

static bool add(struct MHD_Response *answer, const char *name, const char *value)
{
    return MHD_add_response_header(answer, name, value) == MHD_YES;
}

static struct MHD_Response *of_bytes(struct exchange *ex, clientid_str body)
{
    union {
        const char *from;
        void *to;
    } cast = {.from = body.ptr};
    ex->bytes = text_is(ex->head.method, "HEAD") ? 0 : body.len;
    return MHD_create_response_from_buffer(body.len, cast.to, MHD_RESPMEM_MUST_COPY);
}

struct MHD_Response *answer_text(struct exchange *ex, const char *text)
{
    char body[256];
    (void)snprintf(body, sizeof body, "{\"error\":\"%s\"}\n", text);
    struct MHD_Response *answer = of_bytes(ex, (clientid_str){body, strlen(body)});
    if (answer != NULL)
        (void)add(answer, "Content-Type", "application/json");
    return answer;
}

static bool add_all(struct MHD_Response *to, const clientid_answer *from)
{
    for (size_t i = 0; i < from->header_count; i++) {
        if (!answer_add(to, from->headers[i].name, from->headers[i].value))
            return false;
    }
    return true;
}

struct MHD_Response *answer_denied(struct exchange *ex, unsigned *status)
{
    clientid_answer rendered = {.size = sizeof rendered};
    if (clientid_render(&ex->decision, &rendered) < 0)
        return NULL;
    struct MHD_Response *answer = of_bytes(ex, rendered.body);
    if (answer == NULL)
        return NULL;
    *status = rendered.status;
    bool good = add_all(answer, &rendered);
    if (ex->route->deny == DENY_403) {
        char number[16];
        (void)snprintf(number, sizeof number, "%u", rendered.status);
        good = good && add(answer, "X-Auth-Status", number);
        *status = MHD_HTTP_FORBIDDEN;
    }
    if (good)
        return answer;
    MHD_destroy_response(answer);
    return NULL;
}

bool answer_add_quota(const struct exchange *ex, struct MHD_Response *answer)
{
    clientid_answer rendered = {.size = sizeof rendered};
    return clientid_render(&ex->decision, &rendered) == 0 && add_all(answer, &rendered);
}

struct MHD_Response *answer_allowed(struct exchange *ex)
{
    char value[1024];
    struct MHD_Response *answer = of_bytes(ex, CLIENTID_STR(""));
    if (answer == NULL)
        return NULL;
    bool good = answer_add_quota(ex, answer);
    for (unsigned i = 0; i < IDENTITY_COUNT; i++) {
        const char *name = ex->config->identity[i];
        if (name == NULL)
            continue;
        /* An empty one too: a proxy that copies what it gets would else leave what its client sent. */
        if (!forward_identity(ex, i, value, sizeof value))
            value[0] = '\0';
        good = good && answer_add(answer, (clientid_str){name, strlen(name)},
                                  (clientid_str){value, strlen(value)});
    }
    if (good)
        return answer;
    MHD_destroy_response(answer);
    return NULL;
}
