/* SPDX-License-Identifier: Apache-2.0 */
#include "support_control_plane.h"

#include "support_random.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* ---- one request ------------------------------------------------------------------------------- */

struct exchange {
    char body[1024];
    size_t len;
    bool begun, woken;
};

const char *support_ask_argument(const struct support_ask *ask, const char *name)
{
    return MHD_lookup_connection_value(ask->connection, MHD_GET_ARGUMENT_KIND, name);
}

static void wait_for(struct support_plane *plane)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&plane->changed, &plane->lock, &until);
}

static char *with_url(const struct support_plane *plane, const char *text, size_t padding)
{
    size_t size = strlen(text) * 2 + padding + 4096, used = 0;
    char *out = malloc(size);

    for (const char *at = text; *at != '\0';) {
        if (strncmp(at, "@URL@", 5) == 0) {
            used += (size_t)snprintf(out + used, size - used, "%s", plane->url);
            at += 5;
        } else {
            out[used++] = *at++;
        }
    }
    memset(out + used, ' ', padding);
    out[used + padding] = '\0';
    return out;
}

static enum MHD_Result send_answer(struct support_plane *plane, struct MHD_Connection *connection,
                                   const struct support_answer *answer)
{
    char *body = with_url(plane, answer->body != NULL ? answer->body : "", answer->padding);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_FREE);
    const char *const headers[][2] = {{"ETag", answer->etag},
                                      {"Retry-After", answer->retry_after},
                                      {"Preference-Applied", answer->preference},
                                      {"Location", answer->location}};
    enum MHD_Result rc;

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        if (headers[i][1] != NULL)
            MHD_add_response_header(response, headers[i][0], headers[i][1]);
    rc = MHD_queue_response(connection, answer->status != 0 ? answer->status : 200, response);
    MHD_destroy_response(response);
    return rc;
}

static void give_token(struct support_plane *plane, const char *path, const char *body,
                       struct support_answer *answer, char text[128])
{
    bool old = strcmp(path, "/accounts/oauth2/token") == 0;

    if (plane->old_path_only && !old) {
        answer->status = 404;
        return;
    }
    plane->tokens++;
    if (plane->token_status != 0 || strstr(body, "\"grant_type\":\"client_credentials\"") == NULL ||
        strstr(body, "\"client_id\":\"gateway\"") == NULL ||
        strstr(body, "\"client_secret\":\"" SUPPORT_PLANE_SECRET "\"") == NULL) {
        answer->status = plane->token_status != 0 ? plane->token_status : 401;
        answer->body =
            "{\"error\":\"" SUPPORT_PLANE_SECRET "\"}"; /* an echo that must not get into a log */
        return;
    }
    snprintf(text, 128, "{\"access_token\":\"token-%u\",\"token_type\":\"bearer\"", ++plane->token);
    if (plane->expires_in != 0)
        snprintf(text + strlen(text), 128 - strlen(text), ",\"expires_in\":%u", plane->expires_in);
    strcat(text, "}");
    answer->body = text;
}

struct line {
    char *out;
    size_t size;
};

static enum MHD_Result add_argument(void *self, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct line *line = self;
    size_t used = strlen(line->out);

    (void)kind;
    snprintf(line->out + used, line->size - used, "%c%s=%s", strchr(line->out, '?') ? '&' : '?',
             key, value != NULL ? value : "");
    return MHD_YES;
}

static void target(const struct support_ask *ask, char *out, size_t size)
{
    struct line line = {out, size};

    snprintf(out, size, "%s", ask->path);
    MHD_get_connection_values(ask->connection, MHD_GET_ARGUMENT_KIND, add_argument, &line);
}

static void note(struct support_plane *plane, const struct support_ask *ask)
{
    char *out = plane->asked[plane->asks % SUPPORT_PLANE_ASKS];

    target(ask, out, 200);
    snprintf(out + strlen(out), 256 - strlen(out), " %.20s %.20s", ask->prefer ? ask->prefer : "-",
             ask->etag ? ask->etag : "-");
    plane->asks++;
}

static bool token_valid(const struct support_plane *plane, const char *token)
{
    static const char before[] = "bearer token-";
    unsigned long number;

    if (token == NULL || strncmp(token, before, sizeof(before) - 1) != 0)
        return false;
    number = strtoul(token + sizeof(before) - 1, NULL, 10);
    return number > plane->withdrawn && number <= plane->token;
}

static void answer_next(struct support_plane *plane, const struct support_ask *ask,
                        struct support_answer *answer, char *text, size_t size)
{
    bool tiers = strstr(ask->path, "/tiers") != NULL;
    char url[256];

    if (plane->serve != NULL) {
        plane->serve(plane->self, ask, answer);
        return;
    }
    if (plane->next_answer < plane->answer_count &&
        plane->answers[plane->next_answer].tiers == tiers) {
        *answer = plane->answers[plane->next_answer++];
        return;
    }
    if (tiers) {
        answer->body = "{\"total\":0,\"tiers\":[]}";
        return;
    }
    target(ask, url, sizeof(url));
    snprintf(text, size, "{\"data\":[],\"links\":{\"self\":\"%s\",\"next\":\"%s\"}}", url, url);
    answer->body = text;
}

/* Under the lock. */
static void wake(struct support_plane *plane)
{
    for (size_t i = 0; i < plane->held_count; i++)
        MHD_resume_connection(plane->held[i]);
    plane->held_count = 0;
}

/* Under the lock. */
static enum MHD_Result answer_feed(struct support_plane *plane, struct support_ask *ask,
                                   struct exchange *exchange)
{
    struct support_answer answer = {0};
    char text[640];

    if (!exchange->woken && !token_valid(plane, ask->token)) {
        answer.status = 401;
        return send_answer(plane, ask->connection, &answer);
    }
    if (!exchange->woken)
        note(plane, ask);
    answer_next(plane, ask, &answer, text, sizeof(text));
    if (answer.hold && plane->stopping)
        answer = (struct support_answer){.status = 500};
    if (!answer.hold)
        return send_answer(plane, ask->connection, &answer);
    if (plane->held_count == sizeof(plane->held) / sizeof(plane->held[0]))
        wake(plane); /* of clients that went away, mostly */
    exchange->woken = true;
    MHD_suspend_connection(ask->connection);
    plane->held[plane->held_count++] = ask->connection;
    return MHD_YES;
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **state)
{
    struct support_plane *plane = self;
    struct exchange *exchange = *state;
    struct support_answer answer = {0};
    struct support_ask ask = {method, path, NULL, NULL, NULL, connection, false};
    enum MHD_Result rc;
    char text[128];

    (void)version;
    if (exchange == NULL) {
        *state = calloc(1, sizeof(*exchange));
        return MHD_YES;
    }
    if (*len > 0) {
        size_t room = sizeof(exchange->body) - 1 - exchange->len, more = *len < room ? *len : room;

        memcpy(exchange->body + exchange->len, data, more);
        exchange->len += more;
        *len = 0;
        return MHD_YES;
    }
    ask.token = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    ask.prefer = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Prefer");
    ask.etag = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match");
    ask.woken = exchange->woken;
    pthread_mutex_lock(&plane->lock);
    if (strcmp(method, "POST") == 0) {
        give_token(plane, path, exchange->body, &answer, text);
        rc = send_answer(plane, connection, &answer);
    } else {
        rc = answer_feed(plane, &ask, exchange);
    }
    pthread_cond_broadcast(&plane->changed);
    pthread_mutex_unlock(&plane->lock);
    return rc;
}

static void on_end(void *self, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code)
{
    (void)self;
    (void)connection;
    (void)code;
    free(*state);
    *state = NULL;
}

/* ---- life -------------------------------------------------------------------------------------- */

static void start(struct support_plane *plane, const char *certificate, const char *key)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     (certificate != NULL ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
                                   {MHD_OPTION_END, 0, NULL}};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plane->port)};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    plane->daemon = MHD_start_daemon(flags, (uint16_t)plane->port, NULL, NULL, on_request, plane,
                                     MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_NOTIFY_COMPLETED, on_end,
                                     NULL, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_ARRAY,
                                     certificate != NULL ? tls : tls + 2, MHD_OPTION_END);
    assert_non_null(plane->daemon);
    plane->stopping = false;
    plane->port = MHD_get_daemon_info(plane->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    snprintf(plane->url, sizeof(plane->url), "http%s://127.0.0.1:%u",
             certificate != NULL ? "s" : "", plane->port);
}

void support_plane_new(struct support_plane *plane, const char *certificate, const char *key)
{
    memset(plane, 0, sizeof(*plane));
    pthread_mutex_init(&plane->lock, NULL);
    pthread_cond_init(&plane->changed, NULL);
    start(plane, certificate, key);
}

void support_plane_start(struct support_plane *plane)
{
    start(plane, NULL, NULL);
}

void support_plane_stop(struct support_plane *plane)
{
    if (plane->daemon == NULL)
        return;
    support_plane_lock(plane);
    plane->stopping = true;
    support_plane_unlock(plane);
    MHD_stop_daemon(plane->daemon);
    plane->daemon = NULL;
    plane->held_count = 0;
}

void support_plane_del(struct support_plane *plane)
{
    support_plane_stop(plane);
    pthread_mutex_destroy(&plane->lock);
    pthread_cond_destroy(&plane->changed);
}

void support_plane_lock(struct support_plane *plane)
{
    pthread_mutex_lock(&plane->lock);
}

void support_plane_unlock(struct support_plane *plane)
{
    wake(plane);
    pthread_mutex_unlock(&plane->lock);
}

void support_plane_wake(struct support_plane *plane)
{
    support_plane_lock(plane);
    support_plane_unlock(plane);
}

void support_plane_say(struct support_plane *plane, struct support_answer answer)
{
    support_plane_lock(plane);
    assert_true(plane->answer_count < SUPPORT_PLANE_ASKS);
    plane->answers[plane->answer_count++] = answer;
    pthread_mutex_unlock(&plane->lock);
}

bool support_plane_holds(struct support_plane *plane, size_t count)
{
    bool holds;

    support_plane_lock(plane);
    for (int i = 0; i < 250 && plane->held_count < count; i++)
        wait_for(plane);
    holds = plane->held_count >= count;
    pthread_mutex_unlock(&plane->lock);
    return holds;
}

size_t support_plane_asks(struct support_plane *plane)
{
    size_t asks;

    support_plane_lock(plane);
    asks = plane->asks;
    pthread_mutex_unlock(&plane->lock);
    return asks;
}

void support_plane_hash(const void *salt, size_t salt_len, const char *secret, char out[65])
{
    clientid_secret slot = {.salt_len = (uint32_t)salt_len};

    memcpy(slot.salt, salt, salt_len);
    assert_int_equal(clientid_secret_hash(&slot, (clientid_str){secret, strlen(secret)}, NULL, 0),
                     0);
    for (size_t i = 0; i < sizeof(slot.hash); i++)
        snprintf(out + 2 * i, 3, "%02x", slot.hash[i]);
}

/* ---- the model --------------------------------------------------------------------------------- */

void support_model_contract(struct support_model *m, unsigned n, unsigned api, unsigned tier,
                            unsigned secrets)
{
    m->contracts[n].revision = ++m->revision;
    m->contracts[n].removed = false;
    m->contracts[n].api = api;
    m->contracts[n].tier = tier;
    m->contracts[n].secrets = secrets;
    m->contracts[n].status = 0;
    m->contracts[n].change++;
}

void support_model_remove(struct support_model *m, unsigned n)
{
    m->contracts[n].revision = ++m->revision;
    m->contracts[n].removed = true;
}

static bool tier_used(const struct support_model *m, unsigned tier)
{
    for (unsigned n = 0; n < SUPPORT_MODEL_CONTRACTS; n++)
        if (m->contracts[n].revision != 0 && !m->contracts[n].removed &&
            m->contracts[n].tier == tier)
            return true;
    return false;
}

static unsigned any_tier(const struct support_model *m, uint64_t *seed)
{
    unsigned tier = 1 + (unsigned)support_below(seed, SUPPORT_MODEL_TIERS - 1);

    return m->tiers[tier].revision != 0 && !m->tiers[tier].removed ? tier : 0;
}

static void change_tier(struct support_model *m, unsigned tier, uint64_t *seed)
{
    if (support_below(seed, 3) == 0 && !tier_used(m, tier) && m->tiers[tier].revision != 0) {
        m->tiers[tier].removed = true;
    } else {
        m->tiers[tier].removed = false;
        m->tiers[tier].maximum = 1 + (unsigned)support_below(seed, 50);
    }
    m->tiers[tier].revision = ++m->revision;
}

void support_model_change(struct support_model *m, uint64_t *seed)
{
    unsigned n = (unsigned)support_below(seed, SUPPORT_MODEL_CONTRACTS);
    /* An API instance is fixed for good by the contract's number. */
    unsigned api = 1 + n % 3;

    switch (support_below(seed, 8)) {
    case 0:
        change_tier(m, 1 + (unsigned)support_below(seed, SUPPORT_MODEL_TIERS - 1), seed);
        return;
    case 1:
        m->group.revision = ++m->revision;
        m->group.members = (unsigned)support_below(seed, 4);
        m->group.removed = support_below(seed, 4) == 0;
        return;
    case 2:
    case 3:
        if (m->contracts[n].revision != 0)
            support_model_remove(m, n);
        return;
    default:
        support_model_contract(m, n, api, any_tier(m, seed), (unsigned)support_below(seed, 3));
        if (support_below(seed, 6) == 0)
            m->contracts[n].status = 1 + (unsigned)support_below(seed, 4);
    }
}

static void write_secrets(FILE *out, unsigned n, unsigned change, unsigned secrets)
{
    char salt[33], hash[65], secret[32];

    snprintf(salt, sizeof(salt), "%032x", n * 1000 + change);
    snprintf(secret, sizeof(secret), "secret-%u", n);
    if (secrets == 1) { /* as Anypoint: the salt is text */
        support_plane_hash(salt, 32, secret, hash);
        fprintf(out, ",\"clientSecret\":\"%s\",\"clientSecretSalt\":\"%s\"", hash, salt);
        return;
    }
    fprintf(out, ",\"clientSecret\":null,\"clientSecretSalt\":null");
    for (unsigned slot = 1; slot <= secrets && secrets == 2; slot++) {
        support_plane_hash("\x01\x02", 2, secret, hash);
        fprintf(out,
                "%s{\"slot\":%u,\"hash\":\"%s\",\"salt\":\"0102\",\"notBefore\":null,\"notAfter\":%"
                "s}%s",
                slot == 1 ? ",\"secrets\":[" : ",", slot, hash,
                slot == 1 ? "\"2031-01-01T00:00:00Z\"" : "null", slot == 2 ? "]" : "");
    }
}

static void write_contract(const struct support_model *m, FILE *out, unsigned n)
{
    static const char *const labels[] = {"PENDING", "APPROVED", "REJECTED", "REVOKED"};

    fprintf(out, "{\"organizationId\":\"org\",\"apiId\":\"%u\",\"versionId\":\"\",",
            m->contracts[n].api);
    /* Some ids are numbers, some are numbers in quotes, some are no numbers. */
    fprintf(out,
            n % 3 == 0   ? "\"contractId\":%u,"
            : n % 3 == 1 ? "\"contractId\":\"%u\","
                         : "\"contractId\":\"c-%u\",",
            n + 1);
    if (m->contracts[n].api == 3)
        fprintf(out, "\"group\":\"all\",");
    fprintf(out, "\"clientId\":\"client-%u\",\"removed\":%s", n,
            m->contracts[n].removed ? "true"
            : n % 2 == 0            ? "null"
                                    : "false");
    if (!m->contracts[n].removed) {
        fprintf(out, ",\"clientName\":\"name %u.%u\"", n, m->contracts[n].change);
        if (m->contracts[n].tier != 0)
            fprintf(out, n % 2 == 0 ? ",\"slaTierId\":\"%u\"" : ",\"slaTierId\":%u",
                    m->contracts[n].tier);
        if (m->contracts[n].status != 0)
            fprintf(out, ",\"status\":\"%s\"", labels[m->contracts[n].status - 1]);
        if (n % 4 == 0)
            fprintf(out, ",\"applicationId\":%u", 500 + n);
        write_secrets(out, n, m->contracts[n].change, m->contracts[n].secrets);
    }
    fprintf(out, "}");
}

static void write_tiers(const struct support_model *m, FILE *out, uint64_t after, bool all)
{
    const char *comma = "";

    for (unsigned t = 1; t < SUPPORT_MODEL_TIERS; t++) {
        if (m->tiers[t].revision <= after || (all && m->tiers[t].removed))
            continue;
        if (m->tiers[t].removed)
            fprintf(out, "%s{\"id\":%u,\"removed\":true}", comma, t);
        else
            fprintf(out,
                    "%s{\"id\":%u,\"name\":\"tier %u\",\"limits\":[{\"visible\":true,"
                    "\"maximumRequests\":%u,\"timePeriodInMilliseconds\":60000}]}",
                    comma, t, t, m->tiers[t].maximum);
        comma = ",";
    }
}

/* The next one after |after| that |api| may see; SUPPORT_MODEL_CONTRACTS: none. */
static unsigned next_contract(const struct support_model *m, unsigned api, uint64_t after, bool all)
{
    unsigned best = SUPPORT_MODEL_CONTRACTS;

    for (unsigned n = 0; n < SUPPORT_MODEL_CONTRACTS; n++) {
        uint64_t revision = m->contracts[n].revision;

        if (revision > after && (m->contracts[n].api == api || m->contracts[n].api == 3) &&
            !(all && m->contracts[n].removed) &&
            (best == SUPPORT_MODEL_CONTRACTS || revision < m->contracts[best].revision))
            best = n;
    }
    return best;
}

static bool has_more(const struct support_model *m, unsigned api, uint64_t after)
{
    if (next_contract(m, api, after, false) < SUPPORT_MODEL_CONTRACTS || m->group.revision > after)
        return true;
    for (unsigned t = 1; t < SUPPORT_MODEL_TIERS; t++)
        if (m->tiers[t].revision > after)
            return true;
    return false;
}

static void write_page(struct support_model *m, const char *path, unsigned api, uint64_t after,
                       bool all)
{
    size_t size, count = 0;
    uint64_t last = after;
    FILE *out = open_memstream(&m->body, &size);
    unsigned n;

    fprintf(out, "{\"data\":[");
    while (count < m->page &&
           (n = next_contract(m, api, last, all && !m->tombstones)) < SUPPORT_MODEL_CONTRACTS) {
        fprintf(out, "%s", count++ > 0 ? "," : "");
        write_contract(m, out, n);
        last = m->contracts[n].revision;
    }
    if (count < m->page) {
        last = m->revision;
        all = false;
    }
    fprintf(out, "],\"links\":{\"self\":\"%s\",\"next\":\"%s?after=%llu%s\"},\"revision\":%llu",
            path, path, (unsigned long long)last, all ? "&all=1" : "",
            (unsigned long long)m->revision);
    if (!m->polls_tiers) {
        fprintf(out, ",\"tiers\":[");
        write_tiers(m, out, after, false);
        fprintf(out, "]");
    }
    if (m->group.revision > after) {
        fprintf(out, ",\"groups\":[{\"name\":\"all\",\"removed\":%s,\"members\":[",
                m->group.removed ? "true" : "false");
        fprintf(out, "%s]}]",
                m->group.members == 3   ? "1,2"
                : m->group.members == 2 ? "2,77"
                : m->group.members == 1 ? "1"
                                        : "");
    }
    if (m->identity != NULL)
        fprintf(out, ",\"identity\":\"%s\"", m->identity);
    fprintf(out, "}");
    fclose(out);
}

static void serve_tiers(struct support_model *m, struct support_answer *answer)
{
    size_t size, count = 0;
    FILE *out = open_memstream(&m->body, &size);

    for (unsigned t = 1; t < SUPPORT_MODEL_TIERS; t++)
        count += m->tiers[t].revision != 0 && !m->tiers[t].removed;
    fprintf(out, "{\"total\":%zu,\"tiers\":[", count);
    write_tiers(m, out, 0, true);
    fprintf(out, "]}");
    fclose(out);
    answer->body = m->body;
}

static void serve(void *self, const struct support_ask *ask, struct support_answer *answer)
{
    struct support_model *m = self;
    const char *after = support_ask_argument(ask, "after"), *at = strstr(ask->path, "/apis/");
    uint64_t revision = after != NULL ? strtoull(after, NULL, 10) : 0;
    unsigned api = at != NULL ? (unsigned)strtoul(at + 6, NULL, 10) : 0;
    bool all = after == NULL || support_ask_argument(ask, "all") != NULL;

    free(m->body);
    m->body = NULL;
    if (strstr(ask->path, "/tiers") != NULL) {
        serve_tiers(m, answer);
        return;
    }
    if (after != NULL && revision < m->forgets) {
        answer->status = 410;
        return;
    }
    if (ask->prefer != NULL && !m->no_hold) {
        answer->preference = "wait=25";
        answer->hold = !has_more(m, api, revision);
        if (answer->hold)
            return;
    }
    write_page(m, ask->path, api, revision, all);
    answer->body = m->body;
}

void support_model_init(struct support_model *m, struct support_plane *plane)
{
    memset(m, 0, sizeof(*m));
    m->page = 5;
    plane->serve = serve;
    plane->self = m;
}

void support_model_free(struct support_model *m)
{
    free(m->body);
    m->body = NULL;
}
