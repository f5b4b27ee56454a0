/* SPDX-License-Identifier: Apache-2.0 */
/* A handler runs once everything that its row in the table says holds. */
#include "dispatch.h"

#include "body.h"
#include "desk.h"
#include "gateway.h"
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* ---- which route ----------------------------------------------------------------------------- */

static bool equal(clientid_str a, const char *b)
{
    return a.len == strlen(b) && memcmp(a.ptr, b, a.len) == 0;
}

/* There is one organization and one environment; what is not there is not found, whoever asks. */
static bool place_is_ours(struct call *call)
{
    const struct config *config = &call->portal->config;
    clientid_str organization = call_parameter(call, "organizationId");
    clientid_str environment = call_parameter(call, "environmentId");
    if (organization.ptr != NULL && !equal(organization, config->organization)) {
        call_refuse(call, 404, "", "there is no such organization");
        return false;
    }
    if (environment.ptr != NULL && !equal(environment, config->environment)) {
        call_refuse(call, 404, "", "there is no such environment");
        return false;
    }
    return true;
}

static bool take_parameters(struct call *call, const struct route_match *match)
{
    for (size_t i = 0; i < match->parameter_count; i++) {
        /* Points into |target|, which is ours. */
        char *text = (char *)(uintptr_t)match->parameters[i].value.ptr;
        size_t len = match->parameters[i].value.len;
        if (!target_decode(text, &len, false)) {
            call_refuse(call, 400, "", "the path has a bad escape");
            return false;
        }
        call->parameters[i] = (struct call_pair){match->parameters[i].name, {text, len}};
    }
    call->parameter_count = match->parameter_count;
    return true;
}

bool dispatch_find(struct call *call, const char *method)
{
    struct route_match match;
    bool found =
        route_find(call->portal->routes, call->portal->route_count, method, call->path, &match);
    call->route = match.route; /* also for another method: the refusal is in its words */
    if (!found && match.path_known) {
        call_add_header(call, "Allow", "%s", match.methods);
        call_refuse(call, 405, "", "this path takes %s", match.methods);
        return false;
    }
    if (!found) {
        call_refuse(call, 404, "", "there is nothing at this path");
        return false;
    }
    return take_parameters(call, &match) && place_is_ours(call);
}

/* ---- who asks -------------------------------------------------------------------------------- */

static bool is_scheme(const char *header, const char *scheme)
{
    size_t len = strlen(scheme);
    return header != NULL && strncasecmp(header, scheme, len) == 0 && header[len] == ' ';
}

static bool by_token(struct call *call, const char *header)
{
    clientid_error error = {0};
    const char *token = header + strlen("Bearer");
    token += strspn(token, " ");
    call->caller.size = sizeof call->caller;
    int rc = clientid_control_authenticate(call->control, (clientid_str){token, strlen(token)},
                                           &call->caller, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    return rc == 0;
}

static bool by_password(struct call *call)
{
    const clientid_login_options options = {.size = sizeof options,
                                            .address = {call->address, strlen(call->address)}};
    clientid_error error = {0};
    char *password = NULL;
    char *name = MHD_basic_auth_get_username_password(call->connection, &password);
    int rc = CLIENTID_ERR_UNKNOWN_CALLER;
    call->caller.size = sizeof call->caller;
    if (name != NULL && password != NULL)
        rc = clientid_control_authenticate_password(
            call->control, (clientid_str){name, strlen(name)},
            (clientid_str){password, strlen(password)}, &options, &call->caller, &error);
    if (password != NULL)
        explicit_bzero(password, strlen(password));
    MHD_free(name);
    MHD_free(password);
    if (rc != 0)
        call_error(call, rc, &error);
    return rc == 0;
}

/* Leaves |control| working for the caller. */
static bool identify(struct call *call)
{
    const char *header = call_header(call, "Authorization");
    bool basic = (call->route->flags & ROUTE_BASIC) != 0;
    if (call->route->flags & ROUTE_HOOK)
        return gateway_knows(call);
    if (call->route->flags & ROUTE_OPEN)
        return true;
    if (is_scheme(header, "Bearer"))
        call->identified = by_token(call, header);
    else if (basic && is_scheme(header, "Basic"))
        call->identified = by_password(call);
    else
        call_refuse(call, 401, "", "this takes a token%s",
                    basic ? ", or a name and a password" : "");
    return call->identified && clientid_control_set_caller(call->control, &call->caller) == 0;
}

/* ---- the handler ----------------------------------------------------------------------------- */

static bool is_slow(const struct call *call)
{
    return (call->route->flags & ROUTE_SLOW) ||
           ((call->route->flags & ROUTE_BASIC) &&
            is_scheme(call_header(call, "Authorization"), "Basic"));
}

static void wake_delivery(const struct portal *portal)
{
    if (portal->delivery_wake >= 0)
        (void)eventfd_write(portal->delivery_wake, 1);
}

static void run(struct call *call)
{
    struct portal *portal = call->portal;
    /* What reckons with passwords takes too long to keep other writers out. */
    bool writes = strcmp(call->route->method, "GET") != 0;
    bool alone = writes && !is_slow(call);
    struct desk *desk = desk_take(portal);
    call->control = desk->control;
    if (alone)
        pthread_mutex_lock(&portal->writing);
    if (identify(call) && body_read(call))
        call->route->handle(call);
    if (alone)
        pthread_mutex_unlock(&portal->writing);
    if (writes)
        wake_delivery(portal);
    (void)clientid_control_set_caller(desk->control, NULL);
    call->control = NULL;
    desk_give_back(portal, desk);
    if (call->status == 0 && call->wait_ns == 0)
        call_refuse(call, 500, "", "internal error");
}

static void suspend(struct call *call, struct call **list)
{
    struct portal *portal = call->portal;
    call->phase = CALL_SUSPENDED;
    MHD_suspend_connection(call->connection); /* before anybody can resume it */
    pthread_mutex_lock(&portal->lock);
    while (*list != NULL)
        list = &(*list)->next;
    call->next = NULL;
    *list = call;
    pthread_cond_broadcast(&portal->changed);
    pthread_mutex_unlock(&portal->lock);
}

bool dispatch_run(struct call *call)
{
    struct portal *portal = call->portal;
    if (is_slow(call) && !atomic_load(&portal->stopping)) {
        suspend(call, &portal->slow);
        return false;
    }
    run(call);
    if (call->status == 0 && !atomic_load(&portal->stopping)) {
        suspend(call, &portal->waiting);
        return false;
    }
    if (call->status == 0)
        call_refuse(call, 503, "", "the portal is stopping");
    return true;
}

void dispatch_forget(struct call *call)
{
    struct portal *portal = call->portal;
    struct call **const lists[] = {&portal->slow, &portal->waiting};
    pthread_mutex_lock(&portal->lock);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (struct call **at = lists[i]; *at != NULL; at = &(*at)->next) {
            if (*at != call)
                continue;
            *at = call->next;
            break;
        }
    }
    pthread_mutex_unlock(&portal->lock);
}

/* Not under the lock: libmicrohttpd has locks of its own. */
static void resume(struct call *list)
{
    while (list != NULL) {
        struct call *call = list;
        list = call->next;
        call->woken = true;
        call->phase = CALL_BODY;
        MHD_resume_connection(call->connection); /* the last touch: it may be gone now */
    }
}

void dispatch_wake(struct portal *portal, uint64_t revision, uint64_t now_ns)
{
    struct call *woken = NULL;
    pthread_mutex_lock(&portal->lock);
    for (struct call **at = &portal->waiting; *at != NULL;) {
        struct call *call = *at;
        if (call->wait_revision == revision && call->wait_ns > now_ns) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        call->next = woken;
        woken = call;
    }
    pthread_mutex_unlock(&portal->lock);
    resume(woken);
}

/* ---- the slow lane --------------------------------------------------------------------------- */

static struct call *take_slow(struct portal *portal)
{
    pthread_mutex_lock(&portal->lock);
    while (portal->slow == NULL && !portal->slow_ends)
        pthread_cond_wait(&portal->changed, &portal->lock);
    struct call *call = portal->slow;
    if (call != NULL)
        portal->slow = call->next;
    pthread_mutex_unlock(&portal->lock);
    return call;
}

static void *slow_lane(void *arg)
{
    struct portal *portal = arg;
    struct call *call;
    while ((call = take_slow(portal)) != NULL) {
        if (atomic_load(&portal->stopping)) /* many may wait, and the stop waits for them */
            call_refuse(call, 503, "", "the portal is stopping");
        else
            run(call);
        MHD_resume_connection(call->connection); /* the last touch: it may be gone now */
    }
    return NULL;
}

bool slow_start(struct portal *portal)
{
    portal->slow_runs = pthread_create(&portal->slow_thread, NULL, slow_lane, portal) == 0;
    return portal->slow_runs;
}

void slow_stop(struct portal *portal)
{
    pthread_mutex_lock(&portal->lock);
    portal->slow_ends = true;
    pthread_cond_broadcast(&portal->changed);
    pthread_mutex_unlock(&portal->lock);
    if (portal->slow_runs)
        (void)pthread_join(portal->slow_thread, NULL);
}
