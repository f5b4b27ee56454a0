/* SPDX-License-Identifier: Apache-2.0 */
#include "support_story.h"

#include "support_proxy.h"
#include "support_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define X_API(api)                                                                                 \
    "/apimanager/xapi/v1/organizations/${org}/environments/${env}/apis/${" api "}/contracts/"
#define EXCHANGE "/exchange/api/v2/organizations/${org}/applications"

/* ---- the stories ----------------------------------------------------------------------------- */

/* WAIT: asked again until the answer is as said, or the portal is gone. */
enum sort { END, WRITE, READ, WAIT };

struct step {
    enum sort sort;
    struct portal_row row;
};

#define STEPS_MAX 12

#define ANSWER_PATH(event) "/rest/v1/applications/${application}?eventId=${" event "}"
#define CREDENTIALS                                                                                \
    "{\"name\":\"${name}\",\"credentials\":[{\"type\":\"APIKey\",\"apiKey\":\"key of ${name}\"}]}"
#define CREATION(api)                                                                              \
    "{\"context\":{\"name\":\"${name}\",\"apis\":[\"${" api ".id}\"]},"                            \
    "\"type\":\"APPLICATION_CREATION_REQUEST\"}"
#define REQUEST_OF(api)                                                                            \
    {                                                                                              \
        READ,                                                                                      \
        {                                                                                          \
            "admin", "GET", "/rest/v1/requests/${request}/trace", NULL, 200,                       \
                "{\"application\":\"@keep application\",\"trace\":{\"" api                         \
                "\":[{\"id\":\"@keep event\"},\"@any\"]}}"                                         \
        }                                                                                          \
    }

static const struct step steps[STORY_COUNT][STEPS_MAX] = {
    [STORY_ACCESS] =
        {
            {WRITE,
             {NULL, "POST", "/accounts/api/v2/oauth2/token",
              "{\"grant_type\":\"client_credentials\",\"client_id\":\"${bot.id}\","
              "\"client_secret\":\"${bot.secret}\"}",
              200, "{\"access_token\":\"@keep token\"}"}},
            {WRITE,
             {"token", "POST", EXCHANGE, "{\"name\":\"${name}\"}", 201,
              "{\"id\":\"@keep app\",\"clientId\":\"@keep client\","
              "\"clientSecret\":\"@keep secret1\"}"}},
            {WRITE,
             {"token", "POST", EXCHANGE "/${app}/contracts",
              "{\"apiId\":\"${orders}\",\"requestedTierId\":${silver}}", 201,
              "{\"id\":\"@keep contract\",\"status\":\"PENDING\"}"}},
            {WRITE,
             {"oona", "POST", X_API("orders") "${contract}/approve", NULL, 201,
              "{\"status\":\"APPROVED\"}"}},
            {WRITE,
             {"token", "PATCH", EXCHANGE "/${app}/contracts/${contract}",
              "{\"requestedTierId\":${gold}}", 200, "{\"requestedTier\":{\"id\":${gold}}}"}},
            {WRITE,
             {"oona", "POST", X_API("orders") "${contract}/approveTierChange", NULL, 201,
              "{\"tierId\":${gold}}"}},
            {WRITE,
             {"token", "POST", EXCHANGE "/${app}/secret/reset",
              "{\"overlapInMilliseconds\":3600000}", 201,
              "{\"slot\":2,\"clientSecret\":\"@keep secret2\",\"previousNotAfter\":\"@time\"}"}},
            {WRITE,
             {"oona", "POST", X_API("orders") "${contract}/revoke", NULL, 201,
              "{\"status\":\"REVOKED\"}"}},
        },
    [STORY_GATEWAY] =
        {
            {WRITE,
             {"mia", "POST", "/rest/v1/requests", CREATION("free"), 201,
              "{\"id\":\"@keep request\"}"}},
            REQUEST_OF("free"),
            {WAIT,
             {"mia", "GET", "/rest/v1/requests/${request}", NULL, 200,
              "{\"status\":\"WAITING_THIRDPARTY\"}"}},
            {WRITE, {"admin", "PUT", ANSWER_PATH("event"), CREDENTIALS, 200, NULL}},
            {WRITE,
             {"mia", "POST", "/rest/v1/requests",
              "{\"context\":{\"application\":\"${application}\",\"apis\":[\"${free.id}\"]},"
              "\"type\":\"APPLICATION_API_DEREGISTRATION_REQUEST\"}",
              201, "{\"id\":\"@keep request\"}"}},
            REQUEST_OF("free"),
            {WRITE, {"admin", "PUT", ANSWER_PATH("event"), NULL, 200, NULL}},
        },
    [STORY_APPROVED] =
        {
            {WRITE,
             {"mia", "POST", "/rest/v1/requests", CREATION("asked"), 201,
              "{\"id\":\"@keep request\"}"}},
            REQUEST_OF("asked"),
            {READ,
             {"oona", "GET",
              "/apimanager/api/v1/organizations/${org}/environments/${env}/apis/${asked}/"
              "contracts?query=${name}",
              NULL, 200, "{\"contracts\":[{\"id\":\"@keep contract\"}]}"}},
            {WRITE, {"oona", "POST", X_API("asked") "${contract}/approve", NULL, 201, NULL}},
            /* Without waiting: the answer may overtake the delivery. */
            {WRITE, {"admin", "PUT", ANSWER_PATH("event"), CREDENTIALS, 200, NULL}},
            {WRITE, {"oona", "POST", X_API("asked") "${contract}/revoke", NULL, 201, NULL}},
            {READ,
             {"admin", "GET", "/rest/v1/applications/${application}/requests", NULL, 200,
              "{\"result\":[\"@any\",{\"id\":\"@keep request\","
              "\"type\":\"APPLICATION_API_DEREGISTRATION_REQUEST\"}]}"}},
            REQUEST_OF("asked"),
            {WRITE, {"admin", "PUT", ANSWER_PATH("event"), NULL, 200, NULL}},
        },
    [STORY_PROVIDER] =
        {
            {WRITE,
             {"admin", "POST", "/rest/v1/hooks",
              "{\"url\":\"http://127.0.0.1:1/${name}\",\"configuration_type\":\"PROVIDER\","
              "\"subscriptions\":[{\"id\":\"GATEWAY_APPLICATION_CREATION_REQUEST_EVENT\"}],"
              "\"parameters\":{\"authentication\":\"BASIC\",\"username\":\"u\",\"password\":"
              "\"p\"}}",
              201, "{\"id\":\"@keep hook\"}"}},
            {WRITE,
             {"admin", "POST", "/rest/v1/providers",
              "{\"name\":\"${name}\",\"type\":\"THIRD_PARTY\",\"webhooks\":[\"${hook}\"]}", 201,
              "{\"id\":\"@keep provider\"}"}},
            {WRITE, {"admin", "DELETE", "/rest/v1/providers/${provider}", NULL, 204, NULL}},
            {WRITE, {"admin", "DELETE", "/rest/v1/hooks/${hook}", NULL, 204, NULL}},
        },
};

/* ---- who tells them -------------------------------------------------------------------------- */

/* Status 0: there was none. */
static struct reply send_step(struct teller *teller, const struct portal_row *row)
{
    char authorization[64];
    if (row->who != NULL)
        snprintf(authorization, sizeof authorization, "bearer ${%s}", row->who);
    char *text = portal_request(&teller->portal, row->method, row->path,
                                row->who != NULL ? authorization : NULL, NULL, row->body);
    client_send(teller->fd, text, strlen(text));
    atomic_store(teller->begun, true);
    struct reply reply = client_read(teller->fd, false);
    free(text);
    return reply;
}

/* False: the story cannot go on. */
static bool take_answer(struct teller *teller, const struct portal_row *row,
                        const struct reply *reply, bool *as_said)
{
    char why[1024] = "";
    json_t *json = json_loadb(reply->body, (size_t)reply->length, JSON_DECODE_ANY, NULL);
    *as_said =
        row->answer == NULL || portal_matches(&teller->portal, row->answer, json, why, sizeof why);
    json_decref(json);
    if (reply->status == row->status && *as_said)
        return true;
    snprintf(teller->why, sizeof teller->why, "%s %s %s: %u %.300s; %.800s",
             row->who != NULL ? row->who : "nobody", row->method, row->path, reply->status,
             reply->body, why);
    return false;
}

/* An answer that was cut off says as much as a whole one: it was accepted. */
static bool take_step(struct teller *teller, struct tale *tale, const struct step *step)
{
    bool as_said = false;
    struct reply reply = send_step(teller, &step->row);
    bool accepted = reply.status == step->row.status;
    bool good = false;
    if (step->sort == WRITE) {
        tale->done += accepted;
        tale->doubt = !accepted;
    }
    if (reply.whole)
        good = take_answer(teller, &step->row, &reply, &as_said);
    while (step->sort == WAIT && reply.whole && accepted && !as_said) {
        teller->why[0] = '\0';
        reply_free(&reply);
        sleep_ms(2);
        reply = send_step(teller, &step->row);
        accepted = reply.status == step->row.status;
        good = reply.whole && take_answer(teller, &step->row, &reply, &as_said);
    }
    reply_free(&reply);
    return good;
}

static enum story choose(struct teller *teller)
{
    /* By one alone: a store has room for 256 webhooks, and some stay. */
    if (teller->number == 0 && support_below(&teller->seed, 8) == 0)
        return STORY_PROVIDER;
    return (enum story)support_below(&teller->seed, STORY_PROVIDER);
}

static bool tell(struct teller *teller)
{
    struct tale *tale = calloc(1, sizeof *tale);
    char name[64];
    bool patient = support_below(&teller->seed, 2) == 0;
    bool good = true;
    tale->story = choose(teller);
    tale->names = json_deep_copy(teller->base);
    tale->next = teller->tales;
    teller->tales = tale;
    teller->portal.names = tale->names;
    snprintf(name, sizeof name, "%s-%u.", teller->prefix, teller->count++);
    portal_set(&teller->portal, "name", name);
    for (const struct step *step = steps[tale->story]; good && step->sort != END; step++)
        good = (step->sort == WAIT && !patient) || take_step(teller, tale, step);
    return good;
}

static void *tell_all(void *arg)
{
    struct teller *teller = arg;
    teller->fd = client_connect(teller->portal.port);
    while (teller->fd >= 0 && tell(teller))
        continue;
    if (teller->fd >= 0)
        close(teller->fd);
    return NULL;
}

void teller_start(struct teller *teller, const struct portal *portal, unsigned round,
                  unsigned number, uint64_t seed, atomic_bool *begun)
{
    *teller = (struct teller){
        .portal = *portal, .base = portal->names, .begun = begun, .seed = seed, .number = number};
    snprintf(teller->prefix, sizeof teller->prefix, "r%u-%u", round, number);
    assert_int_equal(pthread_create(&teller->thread, NULL, tell_all, teller), 0);
}

void teller_join(struct teller *teller)
{
    assert_int_equal(pthread_join(teller->thread, NULL), 0);
}
