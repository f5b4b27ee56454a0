/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientid__config_parse, clientid__chain_match, clientid_render, clientid_strip.  The input is a configuration and,
 * behind a NUL, a path.
 */
#include "base/mem.h"
#include "base/str.h"
#include "policy/path.h"
#include "policy/policy.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Exactly as long as the bytes, so that a sanitizer sees one too many. */
static char *copy(clientid_str bytes)
{
    char *memory = malloc(bytes.len > 0 ? bytes.len : 1);

    require(memory != NULL);
    if (bytes.len > 0)
        memcpy(memory, bytes.ptr, bytes.len);
    return memory;
}

static void try_render(const struct clientid__chain *chain, clientid_reason reason)
{
    clientid_decision decision = {.size = sizeof(decision),
                                  .verdict = CLIENTID_DENY,
                                  .reason = reason,
                                  .answer = chain->answers,
                                  .limit_count = 1};
    clientid_answer answer = {.size = sizeof(answer)};
    char out[16];
    size_t len = sizeof(out);

    decision.limits[0] = (clientid_limit_report){
        .maximum_requests = 5, .period_ns = 1, .flags = CLIENTID_LIMIT_VISIBLE};
    if (chain->policy_count > 0)
        decision.limits[0].policy = chain->policies[0].label;
    require(clientid_render(&decision, &answer) == 0);
    require(answer.status >= 400 && answer.body.len > 0);
    require(clientid_strip(&decision, CLIENTID_STR("client_id=x&a=b"), out, &len) == 0);
}

static void try_chain(const struct clientid__chain *chain, struct clientid__match_data *match,
                      clientid_str path)
{
    char *raw = copy(path), *room = malloc(path.len > 0 ? path.len : 1);
    struct clientid__scratch scratch = {room, path.len};
    uint32_t mask;

    require(room != NULL);
    mask = clientid__chain_match(chain, match, CLIENTID_STR("GET"), clientid__str(raw, path.len),
                                 &scratch);
    require(chain->policy_count == 32 || mask >> chain->policy_count == 0);
    for (size_t i = 0; i < chain->policy_count; i++)
        require(chain->policies[i].pointcut_count > 0 || (mask >> i & 1) == 1);
    for (int reason = 0; reason < CLIENTID_REASON_COUNT; reason++)
        try_render(chain, (clientid_reason)reason);
    free(raw);
    free(room);
}

static void warn(void *self, const clientid_error *warning)
{
    (void)self;
    require(warning->code == 0 && warning->text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clientid_str json = {(const char *)data, size}, path = CLIENTID_STR("/v1/orders");
    const char *nul = size > 0 ? memchr(data, 0, size) : NULL;
    struct clientid__match_data *match = clientid__match_data_new(&clientid__malloc);
    struct clientid__config *config = NULL;
    struct clientid__pool *pool = NULL;
    clientid_error error = {.code = 0};
    char *text;

    if (nul != NULL) {
        json.len = (size_t)(nul - json.ptr);
        path = clientid__str(nul + 1, size - json.len - 1);
    }
    text = copy(json);
    json.ptr = text;
    require(match != NULL && clientid__pool_new(&pool, &clientid__malloc) == 0);
    if (clientid__config_parse(&config, &clientid__malloc, pool, json, "fuzz", warn, NULL,
                               &error) != 0)
        require(config == NULL && error.code != 0 && error.text[0] != '\0');
    for (size_t i = 0; config != NULL && i < config->api_count; i++)
        try_chain(config->apis[i].chain, match, path);
    clientid__config_del(config);
    clientid__pool_del(pool);
    clientid__match_data_del(match);
    free(text);
    return 0;
}
