/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__CONTROL_H
#define CLIENTID__CONTROL_H

#include "store/store.h"

#include <clientid/account.h>
#include <clientid/check.h>
#include <clientid/control.h>

/* Between the files of this folder. */

#define CLIENTID__ACTOR_MAX   255
#define CLIENTID__MEMBERS_MAX 1024 /* of one group */
#define CLIENTID__SEALING_KEY 32   /* bytes: AES-256 */

struct clientid_control {
    clientid_store *store;
    uint64_t (*now_ns)(void *self);
    void *now_self;
    unsigned char *pepper; /* NULL: none */
    size_t pepper_len;
    bool can_seal;
    unsigned char sealing_key[CLIENTID__SEALING_KEY];
    bool identified; /* |identity| of the store is known */
    uint64_t identity;
    uint64_t request_id; /* user request that is being done; 0: none */
    size_t actor_len;
    char actor[CLIENTID__ACTOR_MAX];
    bool has_caller; /* else it works for the operator */
    clientid_caller caller;
    clientid_attempts *attempts; /* not owned; NULL: not counted */
    unsigned scrypt_log2;        /* N of new passwords is 2 to this; tests lower it */
};

/* CLIENTID__STORE(control, tier->find, ...) */
#define CLIENTID__STORE(control, op, ...) ((control)->store->ops->op((control)->store, __VA_ARGS__))

uint64_t clientid__now(const clientid_control *control);

/* Arguments that every function refuses: CLIENTID_ERR_ARG with a text. */
int clientid__bad_argument(clientid_error *error);

/*
 * One transaction: begin, do, end, which commits when |rc| is 0, else undoes; returns |rc| or why not.  Begin looks who
 * the caller is now: CLIENTID_ERR_UNKNOWN_CALLER when it is nobody any more.
 */
int clientid__begin(clientid_control *control, enum clientid__transaction kind,
                    clientid_error *error);
/* The same for whoever it is: signing in, and out. */
int clientid__begin_unasked(clientid_control *control, enum clientid__transaction kind,
                            clientid_error *error);
int clientid__end(clientid_control *control, int rc, clientid_error *error);
/* Around what only reads: one state of the data for what the caller may do and what it does; nothing for the operator. */
int clientid__look(clientid_control *control, clientid_error *error);
int clientid__looked(clientid_control *control, int rc, clientid_error *error);

/* ---- rules: rule.c ---------------------------------------------------------------------------- */

enum clientid__rule {
#define CLIENTID__RULE_ENUM(name, label, text) CLIENTID__RULE_##name,
    CLIENTID_RULE_MAP(CLIENTID__RULE_ENUM)
#undef CLIENTID__RULE_ENUM
};

/* "<label>: <sentence>"; CLIENTID_ERR_EXISTS for a rule about what is taken, else CLIENTID_ERR_RULE. */
int clientid__broken(clientid_error *error, enum clientid__rule rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* For "%.*s": a client provider as people read it; the empty one is the default. */
#define CLIENTID__PROVIDER_ARGS(s)                                                                 \
    (int)((s).len > 0 ? (s).len : sizeof("(default)") - 1), (s).len > 0 ? (s).ptr : "(default)"
/* |rc| as it is, with a text when it is CLIENTID_ERR_NOT_FOUND. */
int clientid__found(clientid_error *error, int rc, const char *what, uint64_t id);

/* ---- fields: field.c -------------------------------------------------------------------------- */

enum clientid__field {
    CLIENTID__FIELD_NAME,    /* one line */
    CLIENTID__FIELD_TEXT,    /* may have tabs and line breaks */
    CLIENTID__FIELD_PASSWORD /* anything but NUL */
};

/* UTF-8 of |min| to |max| bytes without control characters, as |kind| says, else CLIENTID_ERR_SYNTAX at |pointer|. */
int clientid__check_field(clientid_error *error, const char *pointer, clientid_str value,
                          size_t min, size_t max, enum clientid__field kind);
/* The same for each of a list. */
int clientid__check_list(clientid_error *error, const char *pointer, const clientid_str *list,
                         size_t count, size_t max);
/* Code points of valid UTF-8. */
size_t clientid__characters(clientid_str value);

/* ---- change log: change.c --------------------------------------------------------------------- */

/* |detail| ends the line, never with a secret in it. */
int clientid__log_api(clientid_control *control, uint64_t now_ns, uint32_t kind, uint64_t id,
                      const char *verb, clientid_str name, clientid_str detail,
                      clientid_error *error);
int clientid__log_tier(clientid_control *control, uint64_t now_ns, uint64_t id, const char *verb,
                       clientid_str api, clientid_str detail, clientid_error *error);
/* |in_force|: gateways must look at its contracts again. */
int clientid__log_application(clientid_control *control, uint64_t now_ns, uint64_t id,
                              const char *verb, bool in_force, clientid_str client_id,
                              clientid_str detail, clientid_error *error);
int clientid__log_contract(clientid_control *control, uint64_t now_ns, uint64_t id,
                           const char *verb, clientid_str api, clientid_str client_id,
                           clientid_str detail, clientid_error *error);

/* Users, Connected Apps and their tokens; |actor| empty: the caller.  Never in force at gateways. */
int clientid__log_account(clientid_control *control, uint64_t now_ns, enum clientid__entity entity,
                          uint64_t id, const char *verb, clientid_str actor, clientid_str client_id,
                          clientid_str detail, clientid_error *error);

/* ---- callers: caller.c, permission.c ----------------------------------------------------------- */

/* Takes over what is true of the caller now; inside a transaction. */
int clientid__caller_refresh(clientid_control *control, clientid_error *error);
/* A caller from what the store knows. */
void clientid__caller_of(const struct clientid__caller_facts *facts, clientid_caller *out);

/* Inside a transaction: 0 or CLIENTID_ERR_FORBIDDEN with the label.  |api_id| and |application_id|: of which, or 0. */
int clientid__may(clientid_control *control, clientid_permission permission, uint64_t api_id,
                  uint64_t application_id, clientid_error *error);
/* Either of two; the text names the first. */
int clientid__may_either(clientid_control *control, clientid_permission permission,
                         clientid_permission other, uint64_t api_id, uint64_t application_id,
                         clientid_error *error);
/* The same about something to read: what a caller may not see is not there. */
int clientid__may_see(clientid_control *control, clientid_permission permission, uint64_t api_id,
                      uint64_t application_id, clientid_error *error);
/* What of a list the caller may see: |*viewer| is |room|, or NULL when it may see all by |permission|. */
int clientid__viewer(clientid_control *control, clientid_permission permission,
                     struct clientid__viewer *room, const struct clientid__viewer **viewer,
                     clientid_error *error);

/* ---- secrets of people and programs ------------------------------------------------------------ */

/* password.c: a password as it is kept, "scrypt$15$8$3$<salt>$<hash>". */
int clientid__password_check(clientid_str password, clientid_error *error);
int clientid__password_hash(unsigned log2_n, clientid_str password,
                            char out[CLIENTID__PASSWORD_TEXT_MAX + 1], clientid_error *error);
/* |kept| "" or damaged: the same work, and no match.  |*outdated|: it was made with other parameters than now. */
int clientid__password_verify(unsigned log2_n, const char *kept, clientid_str password,
                              bool *matches, bool *outdated, clientid_error *error);

/* digest.c */
int clientid__token_hash(clientid_str token, unsigned char out[CLIENTID__TOKEN_HASH_BYTES],
                         clientid_error *error);
/* Whether |secret| is the one that |kept| was made of, in a time that does not depend on it. */
bool clientid__secret_matches(const clientid_secret *kept, clientid_str secret);

/* attempts.c: CLIENTID_ERR_LIMITED with the seconds in |error->line|.  |name| or |address| may be empty. */
int clientid__attempt(clientid_control *control, clientid_str name, clientid_str address,
                      clientid_receipt *receipt, clientid_error *error);
/* It was a good one after all. */
void clientid__attempt_succeeded(clientid_control *control, const clientid_receipt *receipt);
/* A row about something that gateways need not look at again. */
int clientid__log_other(clientid_control *control, uint64_t now_ns, enum clientid__entity entity,
                        uint64_t id, const char *verb, clientid_str detail, clientid_error *error);

/* ---- inside a transaction ---------------------------------------------------------------------- */

/* api.c: checks fields and rules, inserts, logs.  Dates and id of the record are kept when not 0. */
int clientid__api_add(clientid_control *control, const clientid_api_record *record, uint64_t now_ns,
                      uint64_t *id, clientid_error *error);
/* tier.c */
int clientid__tier_add(clientid_control *control, const clientid_tier_record *record,
                       uint64_t now_ns, uint64_t *id, clientid_error *error);
/*
 * application.c.  |newest| is the slot that counts as set last.  A client secret is hashed; none is generated.
 */
int clientid__application_add(clientid_control *control, const clientid_application_record *record,
                              clientid_str client_secret, uint64_t now_ns, uint64_t *id,
                              clientid_error *error);
/* contract.c: the rules of an access request.  |tier| NULL: none is asked for. */
int clientid__request_rules(const struct clientid__api_facts *api,
                            const struct clientid__tier_facts *tier, clientid_str provider,
                            bool accepted_terms, clientid_error *error);
/* What was requested is in force now, and approved. */
int clientid__contract_approve(clientid_control *control, struct clientid__contract_facts *contract,
                               const char *verb, uint64_t now_ns, clientid_error *error);

/* user.c */
int clientid__user_add(clientid_control *control, const clientid_user_record *record,
                       clientid_str kept_password, clientid_str actor, uint64_t now_ns,
                       uint64_t *id, clientid_error *error);
int clientid__user_fields(const clientid_user_record *record, unsigned fields,
                          clientid_error *error);
/* contract.c: an access request, and a verb, as from outside. */
int clientid__contract_request(clientid_control *control, const clientid_access_request *request,
                               uint64_t *id, uint32_t *status, clientid_error *error);
int clientid__contract_act(clientid_control *control, uint64_t id, clientid_verb verb,
                           clientid_error *error);
/* application.c */
int clientid__application_update(clientid_control *control, uint64_t id,
                                 const clientid_application_record *record, unsigned fields,
                                 clientid_error *error);
int clientid__application_delete(clientid_control *control, uint64_t id, clientid_error *error);

/* ---- what follows from a contract's turn: turn.c ------------------------------------------------ */

enum clientid__turn {
    CLIENTID__ASKED,     /* pending now */
    CLIENTID__GRANTED,   /* in force without having been pending, or restored */
    CLIENTID__APPROVED,  /* in force after having been pending */
    CLIENTID__REJECTED,  /* was pending */
    CLIENTID__WITHDRAWN, /* was pending, is gone */
    CLIENTID__ENDED      /* was in force */
};

/* Tells gateways and people, in the transaction of the turn.  To be called when the contract is saved. */
int clientid__contract_turned(clientid_control *control,
                              const struct clientid__contract_facts *contract,
                              enum clientid__turn turn, uint64_t now_ns, clientid_error *error);
/* Rule user-request-open. */
int clientid__application_stays(clientid_control *control, uint64_t application_id,
                                clientid_error *error);
/* An application is gone: what gateways delivered for it goes too. */
int clientid__application_gone(clientid_control *control, uint64_t application_id,
                               clientid_error *error);
/* Who asks, by name: what user requests belong to. */
clientid_str clientid__requester(const clientid_control *control);

/* rotation.c: fills a slot with a fresh salt, or with |salt_of|'s when that has one. */
int clientid__fresh_salt(clientid_secret *slot, clientid_error *error);
int clientid__hash_secret(clientid_control *control, clientid_str secret,
                          const clientid_secret *salt_of, clientid_secret *slot,
                          clientid_error *error);

#endif
