/* SPDX-License-Identifier: Apache-2.0 */
/* A mail is one row for one recipient, so one who cannot be reached keeps it from nobody else. */
#include "control/outbox.h"

#include "base/str.h"

#include <stdio.h>

/* What each turn says between the API's and the application's name; NULL: nobody is written to. */
static const struct {
    const char *subject, *sentence;
} words[] = {
    [CLIENTID__ASKED] = {"requested by", "has been requested and waits for approval"},
    [CLIENTID__GRANTED] = {"granted to", "is in force"},
    [CLIENTID__APPROVED] = {"granted to", "was approved and is in force"},
    [CLIENTID__REJECTED] = {"refused to", "was refused"},
    [CLIENTID__WITHDRAWN] = {NULL, NULL},
    [CLIENTID__ENDED] = {"revoked from", "was revoked"},
};

struct mail {
    clientid_control *control;
    uint64_t now_ns;
    clientid_error *error;
    char application[CLIENTID_NAME_MAX + 1];
    size_t subject_len, body_len;
    char subject[64 + CLIENTID_API_NAME_MAX + CLIENTID_NAME_MAX];
    char body[256 + CLIENTID_API_NAME_MAX + CLIENTID_NAME_MAX + CLIENTID_ID_MAX];
};

static int copy_name(void *sink, const clientid_application_record *record)
{
    struct mail *mail = sink;

    snprintf(mail->application, sizeof(mail->application), "%.*s", (int)record->name.len,
             record->name.ptr);
    return 0;
}

static void compose(struct mail *mail, const struct clientid__contract_facts *contract,
                    enum clientid__turn turn)
{
    mail->subject_len =
        (size_t)snprintf(mail->subject, sizeof(mail->subject), "Access to %s %s %s",
                         contract->api_name, words[turn].subject, mail->application);
    mail->body_len = (size_t)snprintf(mail->body, sizeof(mail->body),
                                      "Access to the API %s %s.\n"
                                      "\n"
                                      "Application: %s\n"
                                      "Client id:   %s\n",
                                      contract->api_name, words[turn].sentence, mail->application,
                                      contract->client_id);
}

static int send(void *sink, clientid_str address)
{
    const struct mail *mail = sink;

    return clientid__outbox_mail(
        mail->control, address, clientid__str(mail->subject, mail->subject_len),
        clientid__str(mail->body, mail->body_len), mail->now_ns, mail->error);
}

int clientid__notice_turned(clientid_control *control,
                            const struct clientid__contract_facts *contract,
                            enum clientid__turn turn, uint64_t now_ns, clientid_error *error)
{
    static const clientid_application_filter none = {.size = sizeof(none)};
    struct mail mail = {.control = control, .now_ns = now_ns, .error = error};
    bool enabled = false;
    int rc = CLIENTID__STORE(control, notice->get, &enabled, error);

    if (rc != 0 || !enabled || words[turn].subject == NULL)
        return rc;
    rc = CLIENTID__STORE(control, application->each, contract->application_id, &none, copy_name,
                         &mail, error);
    if (rc != 0)
        return rc;
    compose(&mail, contract, turn);
    if (turn == CLIENTID__ASKED)
        return CLIENTID__STORE(control, notice->of_api, contract->api_id, send, &mail, error);
    return CLIENTID__STORE(control, notice->of_application, contract->application_id, send, &mail,
                           error);
}

int clientid_control_notices_set(clientid_control *control, int enabled, clientid_error *error)
{
    int rc;

    if (control == NULL || (enabled != 0 && enabled != 1))
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__operator(control, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, notice->set, enabled != 0, error);
    return clientid__end(control, rc, error);
}
