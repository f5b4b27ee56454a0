/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane has at most one row on its way, a peer at most PEER_MAX: a callback that takes its time holds up its own rows and nobody else's.
 * What came of an attempt is written at once; what was not written is sent again.
 */
#include "delivery.h"

#include "desk.h"
#include "mail.h"
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define TRANSFERS_MAX 128
#define PEER_MAX      8
#define PARKED_MAX    65536         /* rows that wait for a peer with PEER_MAX on their way */
#define TICK_NS       1000000000ULL /* other programs write too, and wake nobody */
#define TAKE_OVER_MS  100

/* A row that is due but whose peer is busy: not asked for again before that peer has ended one. */
struct parked {
    uint64_t lane;
    char peer[300];
};

struct sender {
    struct portal *portal;
    struct desk *desk;
    struct outlet outlet;
    int lock; /* the lock file */
    bool ours;
    CURLM *multi;
    struct transfer *transfers; /* on their way, or over and not yet written */
    size_t count;
    struct parked *parked;
    size_t parked_count, parked_cap;
    uint64_t look_ns; /* when to look into the outbox next, monotonic */
};

/* ---- transfers ------------------------------------------------------------------------------- */

void transfer_end(struct transfer *transfer, clientid_delivery_outcome outcome, const char *format,
                  ...)
{
    va_list args;
    if (transfer->over)
        return;
    transfer->over = true;
    transfer->outcome = outcome;
    va_start(args, format);
    (void)vsnprintf(transfer->detail, sizeof transfer->detail, format, args);
    va_end(args);
}

bool transfer_set(CURL *easy, CURLoption option, clientid_str text)
{
    char *copy = strndup(text.ptr != NULL ? text.ptr : "", text.len);
    bool good = copy != NULL && curl_easy_setopt(easy, option, copy) == CURLE_OK;
    if (copy != NULL)
        explicit_bzero(copy, text.len); /* may be a password */
    free(copy);
    return good;
}

bool transfer_open(struct transfer *transfer, const struct config *config)
{
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL)
        return false;
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER, transfer->reason);
    curl_easy_setopt(transfer->easy, CURLOPT_USERAGENT, "clientid-portal");
    return curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS,
                            (long)(config->hooks.timeout_ns / 1000000)) == CURLE_OK;
}

static void transfer_free(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->list);
    free(transfer->text);
    free(transfer);
}

/* ---- what came of it ------------------------------------------------------------------------- */

static void tell(const struct transfer *transfer)
{
    bool refused = transfer->outcome == CLIENTID_DELIVERY_REFUSED;
    bool last = transfer->attempts + 1 >= CLIENTID_DELIVERY_ATTEMPTS;
    if (transfer->outcome == CLIENTID_DELIVERY_DONE || (!refused && !last && transfer->attempts))
        return;
    say("delivery %llu to %s: %s; %s", (unsigned long long)transfer->id,
        transfer->peer[0] != '\0' ? transfer->peer : "?", transfer->detail,
        refused ? "refused"
        : last  ? "given up"
                : "will be tried again");
}

/* False: the store is busy, it is to be written later. */
static bool write_outcome(struct sender *sender, const struct transfer *transfer)
{
    clientid_error error = {0};
    pthread_mutex_lock(&sender->portal->writing);
    int rc = clientid_control_delivery_done(
        sender->desk->control, transfer->id, transfer->outcome, transfer->not_before_ns,
        (clientid_str){transfer->detail, strlen(transfer->detail)}, &error);
    pthread_mutex_unlock(&sender->portal->writing);
    if (rc != 0) {
        say_error("outbox", &error);
        return false;
    }
    tell(transfer);
    return true;
}

/* One row that waited for this peer may go. */
static void unpark(struct sender *sender, const char *peer)
{
    for (size_t i = 0; i < sender->parked_count; i++) {
        if (strcmp(sender->parked[i].peer, peer) != 0)
            continue;
        sender->parked_count--;
        memmove(&sender->parked[i], &sender->parked[i + 1],
                (sender->parked_count - i) * sizeof sender->parked[0]);
        return;
    }
}

static void judge(struct sender *sender)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(sender->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        if (transfer->kind == CLIENTID_DELIVERY_MAIL)
            mail_judge(transfer, code);
        else
            hook_judge(transfer, code);
        (void)curl_multi_remove_handle(sender->multi, transfer->easy);
    }
}

static void write_outcomes(struct sender *sender)
{
    for (struct transfer **at = &sender->transfers; *at != NULL;) {
        struct transfer *transfer = *at;
        if (!transfer->over || !write_outcome(sender, transfer)) {
            at = &transfer->next;
            continue;
        }
        *at = transfer->next;
        sender->count--;
        unpark(sender, transfer->peer);
        transfer_free(transfer);
        sender->look_ns = 0; /* the next of its lane */
    }
}

/* ---- what is due ----------------------------------------------------------------------------- */

static size_t on_their_way(const struct sender *sender, const char *peer)
{
    size_t count = 0;
    for (const struct transfer *at = sender->transfers; at != NULL; at = at->next)
        count += strcmp(at->peer, peer) == 0;
    return count;
}

static bool park(struct sender *sender, const struct transfer *transfer)
{
    if (sender->parked_count == sender->parked_cap) {
        size_t cap = sender->parked_cap != 0 ? 2 * sender->parked_cap : 64;
        struct parked *more =
            cap <= PARKED_MAX ? realloc(sender->parked, cap * sizeof sender->parked[0]) : NULL;
        if (more == NULL)
            return false;
        sender->parked = more;
        sender->parked_cap = cap;
    }
    struct parked *parked = &sender->parked[sender->parked_count++];
    parked->lane = transfer->lane;
    memcpy(parked->peer, transfer->peer, sizeof parked->peer);
    return true;
}

static int take(void *self, const clientid_delivery *delivery)
{
    struct sender *sender = self;
    struct transfer *transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL)
        return CLIENTID_ERR_NOMEM;
    transfer->id = delivery->id;
    transfer->lane = delivery->lane;
    transfer->kind = delivery->kind;
    transfer->attempts = delivery->attempts;
    if (delivery->kind == CLIENTID_DELIVERY_MAIL)
        mail_prepare(transfer, &sender->outlet, delivery);
    else
        hook_prepare(transfer, &sender->outlet, delivery);
    if (!transfer->over && on_their_way(sender, transfer->peer) >= PEER_MAX) {
        bool parked = park(sender, transfer);
        transfer_free(transfer);
        return parked ? 0 : CLIENTID_ERR_NOMEM;
    }
    if (!transfer->over && curl_multi_add_handle(sender->multi, transfer->easy) != CURLM_OK)
        transfer_end(transfer, CLIENTID_DELIVERY_LATER, "out of memory");
    transfer->next = sender->transfers;
    sender->transfers = transfer;
    sender->count++;
    return 0;
}

/* Lanes that are not to be asked for. */
static uint64_t *busy_lanes(const struct sender *sender, size_t *count)
{
    uint64_t *lanes = calloc(sender->count + sender->parked_count + 1, sizeof lanes[0]);
    *count = 0;
    if (lanes == NULL)
        return NULL;
    for (const struct transfer *at = sender->transfers; at != NULL; at = at->next)
        lanes[(*count)++] = at->lane;
    for (size_t i = 0; i < sender->parked_count; i++)
        lanes[(*count)++] = sender->parked[i].lane;
    return lanes;
}

static int fill_once(struct sender *sender, uint64_t *next_ns)
{
    clientid_error error = {0};
    size_t count;
    uint64_t *lanes = busy_lanes(sender, &count);
    if (lanes == NULL)
        return CLIENTID_ERR_NOMEM;
    int rc =
        clientid_control_delivery_due(sender->desk->control, lanes, count,
                                      TRANSFERS_MAX - sender->count, take, sender, next_ns, &error);
    free(lanes);
    if (rc != 0)
        say_error("outbox", &error);
    return rc;
}

/* Until there is nothing more to start: rows of busy peers do not stand in the way of others. */
static void fill(struct sender *sender)
{
    uint64_t now_ns = realtime_ns();
    uint64_t next_ns = UINT64_MAX;
    uint64_t wait_ns = TICK_NS;
    size_t before;
    do {
        before = sender->parked_count;
        if (sender->count >= TRANSFERS_MAX || fill_once(sender, &next_ns) != 0)
            break;
    } while (sender->parked_count != before);
    if (next_ns > now_ns && next_ns - now_ns < TICK_NS)
        wait_ns = next_ns - now_ns;
    sender->look_ns = monotonic_ns() + wait_ns;
}

/* ---- the lock file --------------------------------------------------------------------------- */

static int open_lock(const struct config *config)
{
    static const char prefix[] = "sqlite:";
    char name[4200];
    const char *file = config->store;
    if (strncmp(file, prefix, strlen(prefix)) == 0)
        file += strlen(prefix);
    (void)snprintf(name, sizeof name, "%s-portal.lock", file);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        say("cannot open %s: %s", name, strerror(errno));
    return fd;
}

/* The kernel lets go of it when the process ends, however it ends. */
static bool have_lock(struct sender *sender)
{
    if (!sender->ours)
        sender->ours = flock(sender->lock, LOCK_EX | LOCK_NB) == 0;
    return sender->ours;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void wait_for_something(struct sender *sender, uint64_t timeout_ns)
{
    struct curl_waitfd wake = {.fd = sender->portal->delivery_wake, .events = CURL_WAIT_POLLIN};
    eventfd_t value;
    (void)curl_multi_poll(sender->multi, &wake, 1, (int)((timeout_ns + 999999) / 1000000), NULL);
    if (wake.revents != 0 && eventfd_read(wake.fd, &value) == 0)
        sender->look_ns = 0;
}

static void turn(struct sender *sender)
{
    int running;
    uint64_t now_ns = monotonic_ns();
    (void)curl_multi_perform(sender->multi, &running);
    judge(sender);
    write_outcomes(sender);
    if (now_ns >= sender->look_ns) {
        fill(sender);
        (void)curl_multi_perform(sender->multi, &running);
        write_outcomes(sender); /* of those that could not even be tried */
    }
    now_ns = monotonic_ns();
    wait_for_something(sender, sender->look_ns > now_ns ? sender->look_ns - now_ns : 0);
}

/* Those under way are cut off; their rows stay due. */
static void end_all(struct sender *sender)
{
    while (sender->transfers != NULL) {
        struct transfer *transfer = sender->transfers;
        sender->transfers = transfer->next;
        if (!transfer->over)
            (void)curl_multi_remove_handle(sender->multi, transfer->easy);
        transfer_free(transfer);
    }
}

static void *run(void *arg)
{
    struct sender *sender = arg;
    struct portal *portal = sender->portal;
    sender->desk = desk_take(portal);
    while (!atomic_load(&portal->stopping)) {
        if (have_lock(sender))
            turn(sender);
        else
            wait_for_something(sender, TAKE_OVER_MS * 1000000ULL);
    }
    end_all(sender);
    desk_give_back(portal, sender->desk);
    (void)curl_multi_cleanup(sender->multi);
    (void)close(sender->lock);
    if (sender->outlet.mail_password != NULL)
        explicit_bzero(sender->outlet.mail_password, strlen(sender->outlet.mail_password));
    free(sender->outlet.mail_password);
    free(sender->parked);
    free(sender);
    return NULL;
}

static bool read_password(struct sender *sender)
{
    const char *file = sender->portal->config.mail.password_file;
    clientid_error error = {0};
    size_t len;
    if (file == NULL)
        return true;
    sender->outlet.mail_password = (char *)config_read_file(file, &len, &error);
    if (sender->outlet.mail_password == NULL)
        say_error("mail", &error);
    return sender->outlet.mail_password != NULL;
}

/* What this portal is configured to can be told by mail, or not: every program that writes goes by it. */
static bool set_notices(struct portal *portal)
{
    clientid_error error = {0};
    struct desk *desk = desk_take(portal);
    pthread_mutex_lock(&portal->writing);
    int rc =
        clientid_control_notices_set(desk->control, portal->config.mail.server != NULL, &error);
    pthread_mutex_unlock(&portal->writing);
    desk_give_back(portal, desk);
    if (rc != 0)
        say_error("notices", &error);
    return rc == 0;
}

bool delivery_start(struct portal *portal)
{
    const char *fault = mail_fault(&portal->config.mail);
    struct sender *sender = calloc(1, sizeof *sender);
    if (fault != NULL)
        say("%s", fault);
    if (sender == NULL || fault != NULL || !set_notices(portal)) {
        free(sender);
        return false;
    }
    sender->portal = portal;
    sender->outlet.config = &portal->config;
    sender->lock = open_lock(&portal->config);
    sender->multi = curl_multi_init();
    if (sender->lock >= 0 && sender->multi != NULL && read_password(sender))
        portal->delivery_runs = pthread_create(&portal->delivery_thread, NULL, run, sender) == 0;
    if (!portal->delivery_runs) { /* the process ends: the rest goes with it */
        say("cannot start to deliver");
        free(sender);
    }
    return portal->delivery_runs;
}

void delivery_stop(struct portal *portal)
{
    if (!portal->delivery_runs)
        return;
    (void)eventfd_write(portal->delivery_wake, 1);
    (void)pthread_join(portal->delivery_thread, NULL);
    portal->delivery_runs = false;
}
