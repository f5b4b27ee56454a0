/* SPDX-License-Identifier: Apache-2.0 */
/* A row stays until it was delivered, refused or given up, and what came of it is said in the same transaction. */
#include "control/outbox.h"
#include "control/seal.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"

#include <clientid/delivery.h>

#include <stdlib.h>
#include <string.h>

#define SECOND      1000000000ULL
#define LONGEST     (300 * SECOND)
#define TAKERS_MAX  CLIENTID_HOOKS_MAX
#define MAIL_LANE   (1ULL << 62) /* lanes of applications are below */
#define ANSWER_LANE (1ULL << 61) /* of applications of another portal */
#define STOP        1

/* ---- lanes ----------------------------------------------------------------------------------- */

/* Two recipients with one lane only wait for each other. */
static uint64_t lane_of(clientid_str name, uint64_t kind)
{
    uint64_t hash = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ clientid__lower((unsigned char)name.ptr[i])) * 0x100000001b3ULL;
    return kind | (clientid__mix64(hash) & (kind - 1));
}

/* ---- writing --------------------------------------------------------------------------------- */

int clientid__outbox_tell(clientid_control *control, const struct clientid__event_facts *event,
                          uint64_t now_ns, size_t *count, clientid_error *error)
{
    uint64_t hooks[TAKERS_MAX];
    uint64_t id;
    int rc = CLIENTID__STORE(control, hook->takers, event->provider_id, event->subscription, hooks,
                             TAKERS_MAX, count, error);

    for (size_t i = 0; i < *count && rc == 0; i++) {
        const struct clientid__outbox_row row = {
            .kind = CLIENTID_DELIVERY_HOOK,
            .lane = event->application_id,
            .event_id = event->id,
            .hook_id = hooks[i],
            .next_ns = now_ns,
            .created_ns = now_ns,
        };

        rc = CLIENTID__STORE(control, outbox->insert, &row, &id, error);
    }
    return rc;
}

int clientid__outbox_mail(clientid_control *control, clientid_str recipient, clientid_str subject,
                          clientid_str body, uint64_t now_ns, clientid_error *error)
{
    const struct clientid__outbox_row row = {
        .kind = CLIENTID_DELIVERY_MAIL,
        .lane = lane_of(recipient, MAIL_LANE),
        .recipient = recipient,
        .subject = subject,
        .body = body,
        .next_ns = now_ns,
        .created_ns = now_ns,
    };
    uint64_t id;

    return CLIENTID__STORE(control, outbox->insert, &row, &id, error);
}

int clientid__outbox_answer(clientid_control *control, uint64_t foreign_id,
                            clientid_str application, uint64_t now_ns, clientid_error *error)
{
    const struct clientid__outbox_row row = {
        .kind = CLIENTID_DELIVERY_ANSWER,
        .lane = lane_of(application, ANSWER_LANE),
        .foreign_id = foreign_id,
        .next_ns = now_ns,
        .created_ns = now_ns,
    };
    uint64_t id;

    return CLIENTID__STORE(control, outbox->insert, &row, &id, error);
}

/* ---- what is due ----------------------------------------------------------------------------- */

struct due {
    clientid_control *control;
    const uint64_t *busy;
    size_t busy_count, max, emitted;
    uint64_t now_ns, next_ns;
    clientid_delivery_fn *emit;
    void *sink;
    clientid_error *error;
};

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static bool is_busy(const struct due *due, uint64_t lane)
{
    return due->busy_count != 0 &&
           bsearch(&lane, due->busy, due->busy_count, sizeof(lane), by_number) != NULL;
}

/* One that cannot be opened must not keep the others from being sent: it is given without what is sealed. */
static int emit_locked(const struct due *due, clientid_delivery *delivery, int rc)
{
    if (rc == CLIENTID_ERR_NOMEM)
        return rc;
    delivery->locked = 1;
    return due->emit(due->sink, delivery);
}

/* The same of what is said. */
static int emit_answer(struct due *due, const clientid_delivery *row, uint64_t foreign_id)
{
    const struct clientid__place place = {.table = "foreign_event", .ids = {foreign_id}};
    clientid_delivery delivery = *row;
    unsigned char *text;
    size_t len = 0;
    int rc;

    if (row->body.len == 0)
        return due->emit(due->sink, &delivery);
    text = malloc(row->body.len);
    if (text == NULL)
        return clientid__fail(due->error, CLIENTID_ERR_NOMEM, "out of memory");
    rc = clientid__unseal(due->control, &place, row->body, text, &len, due->error);
    delivery.body = clientid__str((const char *)text, len);
    rc = rc == 0 ? due->emit(due->sink, &delivery) : emit_locked(due, &delivery, rc);
    explicit_bzero(text, row->body.len);
    free(text);
    return rc;
}

/* With the password in clear for as long as the callback takes. */
static int emit_open(struct due *due, const clientid_delivery *row, uint64_t hook_id)
{
    const struct clientid__place place = {.table = "hook", .ids = {hook_id}};
    unsigned char password[CLIENTID_HOOK_PASSWORD_MAX + CLIENTID__SEAL_EXTRA];
    clientid_delivery delivery = *row;
    size_t len = 0;
    int rc;

    delivery.password = (clientid_str){NULL, 0};
    if (row->password.len == 0)
        return due->emit(due->sink, &delivery);
    rc = row->password.len > sizeof(password)
             ? CLIENTID_ERR_CORRUPT
             : clientid__unseal(due->control, &place, row->password, password, &len, due->error);
    if (rc != 0)
        return emit_locked(due, &delivery, rc);
    delivery.password = clientid__str((const char *)password, len);
    rc = due->emit(due->sink, &delivery);
    explicit_bzero(password, sizeof(password));
    return rc;
}

static int take(void *sink, const clientid_delivery *row, uint64_t hook_id, uint64_t next_ns)
{
    struct due *due = sink;

    if (is_busy(due, row->lane))
        return 0;
    if (next_ns > due->now_ns || due->emitted == due->max) {
        due->next_ns = next_ns;
        return STOP;
    }
    due->emitted++;
    return row->kind == CLIENTID_DELIVERY_ANSWER ? emit_answer(due, row, hook_id)
                                                 : emit_open(due, row, hook_id);
}

int clientid__operator(const clientid_control *control, clientid_error *error)
{
    return control->has_caller ? clientid__fail(error, CLIENTID_ERR_FORBIDDEN,
                                                "deliveries are for the operator alone")
                               : 0;
}

int clientid_control_delivery_due(clientid_control *control, const uint64_t *busy,
                                  size_t busy_count, size_t max, clientid_delivery_fn *emit,
                                  void *sink, uint64_t *next_ns, clientid_error *error)
{
    struct due due = {control, NULL, busy_count, max, 0, 0, UINT64_MAX, emit, sink, error};
    uint64_t *sorted;
    int rc;

    if (control == NULL || emit == NULL || next_ns == NULL || (busy_count > 0 && busy == NULL) ||
        max > UINT32_MAX || busy_count > UINT32_MAX)
        return clientid__bad_argument(error);
    rc = clientid__operator(control, error);
    if (rc != 0)
        return rc;
    /* Lanes that wait for a slow gateway may be many. */
    sorted = malloc((busy_count + 1) * sizeof(*sorted));
    if (sorted == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    if (busy_count != 0)
        memcpy(sorted, busy, busy_count * sizeof(*sorted));
    qsort(sorted, busy_count, sizeof(*sorted), by_number);
    due.busy = sorted;
    due.now_ns = clientid__now(control);
    /* The heads are read in the order of their time: after the busy ones, |max| and one that says when to come again. */
    rc = CLIENTID__STORE(control, outbox->each, max + busy_count + 1, take, &due, error);
    *next_ns = due.next_ns;
    free(sorted);
    return rc == STOP ? 0 : rc;
}

/* ---- what came of it ------------------------------------------------------------------------- */

/* One line of valid UTF-8, whatever a server answered. */
static clientid_str clean(clientid_str detail, char out[CLIENTID_DELIVERY_DETAIL_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < detail.len && len < CLIENTID_DELIVERY_DETAIL_MAX; i++) {
        unsigned char c = (unsigned char)detail.ptr[i];

        out[len++] = clientid__is_control(c) ? ' ' : (char)c;
    }
    /* What was cut in the middle of a character, or was none, becomes ASCII. */
    while (clientid__check_field(NULL, "", clientid__str(out, len), 0, len, CLIENTID__FIELD_NAME) !=
           0) {
        size_t i = len;

        while (i > 0 && (out[i - 1] & 0x80) == 0)
            i--;
        out[i - 1] = '?';
    }
    return clientid__str(out, len);
}

/* 1 s, 2 s, ... 5 min, a quarter more or less, so that what failed together does not come together again. */
static uint64_t delay(uint64_t id, uint32_t attempts, uint64_t now_ns)
{
    uint64_t base = attempts < 10 ? SECOND << (attempts - 1) : LONGEST;

    if (base > LONGEST)
        base = LONGEST;
    return base - base / 4 + clientid__mix64(id ^ now_ns ^ attempts) % (base / 2);
}

static bool undecided(const struct clientid__event_facts *event)
{
    return event->status == CLIENTID_USER_REQUEST_STATUS_NEW ||
           event->status == CLIENTID_USER_REQUEST_STATUS_APPROVED;
}

/* The row left the outbox without having been taken: the last one decides, unless another hook has taken it. */
static int lost(clientid_control *control, struct clientid__event_facts *event, uint32_t status,
                const char *verb, clientid_str detail, uint64_t now_ns, clientid_error *error)
{
    uint64_t others = 0;
    int rc = CLIENTID__STORE(control, outbox->of_event, event->id, &others, error);

    if (rc != 0)
        return rc;
    return clientid__event_set(control, event,
                               others == 0 && undecided(event) ? status : event->status, verb,
                               detail, now_ns, error);
}

static int try_later(clientid_control *control, const struct clientid__outbox_row *row,
                     struct clientid__event_facts *event, uint64_t not_before_ns,
                     clientid_str detail, uint64_t now_ns, clientid_error *error)
{
    uint64_t next_ns = now_ns + delay(row->id, row->attempts + 1, now_ns);
    int rc = CLIENTID__STORE(control, outbox->later, row->id, row->attempts + 1,
                             next_ns > not_before_ns ? next_ns : not_before_ns, error);

    if (rc != 0 || event->id == 0)
        return rc;
    if (row->attempts == 0)
        return clientid__event_set(control, event, event->status, "delivery-failed", detail, now_ns,
                                   error);
    /* Of the attempts between first and last the log has nothing. */
    return CLIENTID__STORE(control, gateway_event->update, event, detail, (clientid_str){NULL, 0},
                           now_ns, error);
}

static int leave(clientid_control *control, const struct clientid__outbox_row *row,
                 struct clientid__event_facts *event, clientid_delivery_outcome outcome,
                 clientid_str detail, uint64_t now_ns, clientid_error *error)
{
    int rc = CLIENTID__STORE(control, outbox->delete, row, error);

    if (rc == 0 && row->foreign_id != 0 && outcome == CLIENTID_DELIVERY_DONE)
        rc = CLIENTID__STORE(control, foreign->set_answer, row->foreign_id, clientid__str("", 0),
                             error);
    if (rc != 0 || event->id == 0)
        return rc;
    switch (outcome) {
    case CLIENTID_DELIVERY_DONE:
        return clientid__event_set(control, event,
                                   event->status == CLIENTID_USER_REQUEST_STATUS_COMPLETED
                                       ? CLIENTID_USER_REQUEST_STATUS_COMPLETED
                                       : CLIENTID_USER_REQUEST_STATUS_WAITING_THIRDPARTY,
                                   "delivered", detail, now_ns, error);
    case CLIENTID_DELIVERY_REFUSED:
        return lost(control, event, CLIENTID_USER_REQUEST_STATUS_FAILED, "delivery-refused", detail,
                    now_ns, error);
    case CLIENTID_DELIVERY_LATER:
    default:
        return lost(control, event, CLIENTID_USER_REQUEST_STATUS_DELIVERY_UNSUCCESSFUL, "given-up",
                    detail, now_ns, error);
    }
}

static int done(clientid_control *control, uint64_t id, clientid_delivery_outcome outcome,
                uint64_t not_before_ns, clientid_str detail, clientid_error *error)
{
    uint64_t now_ns = clientid__now(control);
    struct clientid__event_facts event = {.id = 0};
    struct clientid__outbox_row row;
    int rc = CLIENTID__STORE(control, outbox->get, id, &row, error);

    if (rc == CLIENTID_ERR_NOT_FOUND)
        return 0;
    if (rc == 0 && row.event_id != 0)
        rc = CLIENTID__STORE(control, gateway_event->facts, row.event_id, &event, error);
    if (rc != 0)
        return rc;
    event.attempts++;
    if (outcome == CLIENTID_DELIVERY_LATER &&
        row.attempts + 1 < (row.kind == CLIENTID_DELIVERY_ANSWER ? CLIENTID_DELIVERY_ANSWER_ATTEMPTS
                                                                 : CLIENTID_DELIVERY_ATTEMPTS))
        return try_later(control, &row, &event, not_before_ns, detail, now_ns, error);
    return leave(control, &row, &event, outcome, detail, now_ns, error);
}

int clientid_control_delivery_done(clientid_control *control, uint64_t id,
                                   clientid_delivery_outcome outcome, uint64_t not_before_ns,
                                   clientid_str detail, clientid_error *error)
{
    char text[CLIENTID_DELIVERY_DETAIL_MAX];
    int rc;

    if (control == NULL || outcome < CLIENTID_DELIVERY_DONE ||
        outcome > CLIENTID_DELIVERY_REFUSED || not_before_ns > INT64_MAX)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__operator(control, error);
    if (rc == 0)
        rc = done(control, id, outcome, not_before_ns, clean(detail, text), error);
    return clientid__end(control, rc, error);
}

int clientid__outbox_drop_hook(clientid_control *control, uint64_t hook_id, uint64_t now_ns,
                               clientid_error *error)
{
    const clientid_str detail = CLIENTID_STR("the webhook was deleted");
    uint64_t id;
    int rc;

    while ((rc = CLIENTID__STORE(control, outbox->of_hook, hook_id, &id, error)) == 0) {
        struct clientid__event_facts event = {.id = 0};
        struct clientid__outbox_row row;

        rc = CLIENTID__STORE(control, outbox->get, id, &row, error);
        if (rc == 0)
            rc = CLIENTID__STORE(control, gateway_event->facts, row.event_id, &event, error);
        if (rc == 0)
            rc = leave(control, &row, &event, CLIENTID_DELIVERY_LATER, detail, now_ns, error);
        if (rc != 0)
            return rc;
    }
    return rc == CLIENTID_ERR_NOT_FOUND ? 0 : rc;
}

int clientid_control_delivery_backlog(clientid_control *control, uint64_t *count,
                                      uint64_t *oldest_ns, clientid_error *error)
{
    int rc;

    if (control == NULL || count == NULL || oldest_ns == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__READ, error);
    if (rc != 0)
        return rc;
    rc = clientid__operator(control, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, outbox->backlog, count, oldest_ns, error);
    return clientid__end(control, rc, error);
}
