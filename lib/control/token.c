/* SPDX-License-Identifier: Apache-2.0 */
/* A token is known to who holds it; the store has its digest.  Who may not sign in gets none, and loses those it has. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#define HOUR_NS 3600000000000ULL

/* ---- shared ---------------------------------------------------------------------------------- */

/* The same words for a name that nobody has and for a wrong password. */
static int unknown(clientid_error *error)
{
    return clientid__fail(error, CLIENTID_ERR_UNKNOWN_CALLER, "the name or the secret is wrong");
}

static int disabled(const char *name, clientid_error *error)
{
    return clientid__fail(error, CLIENTID_ERR_FORBIDDEN, "user %.100s is disabled", name);
}

static const clientid_login_options *or_none(const clientid_login_options *options)
{
    static const clientid_login_options none = {.size = sizeof(none)};

    return options != NULL ? options : &none;
}

static bool valid(const clientid_control *control, const clientid_login_options *options,
                  const void *out)
{
    return control != NULL && out != NULL && options->size == sizeof(*options) &&
           options->lifetime_ns <= INT64_MAX;
}

/* Inside a transaction.  |actor| is who signs in. */
static int issue(clientid_control *control, const clientid_login_options *options, uint64_t user_id,
                 uint64_t connected_app_id, clientid_str actor, clientid_str client_id,
                 clientid_token *out, clientid_error *error)
{
    const uint64_t lifetime_ns = options->lifetime_ns != 0 ? options->lifetime_ns : HOUR_NS;
    const uint64_t now_ns = clientid__now(control);
    const uint64_t expires_ns = lifetime_ns < INT64_MAX - now_ns ? now_ns + lifetime_ns : INT64_MAX;
    unsigned char hash[CLIENTID__TOKEN_HASH_BYTES];
    uint64_t id;
    int rc = clientid_secret_generate(out->access_token, CLIENTID_ACCESS_TOKEN_CHARS);

    if (rc != 0)
        return clientid__fail(error, rc, "cannot make a token");
    rc = clientid__token_hash(clientid__str(out->access_token, CLIENTID_ACCESS_TOKEN_CHARS), hash,
                              error);
    /* Those that have ended would pile up for who signs in often. */
    if (rc == 0)
        rc = CLIENTID__STORE(control, token->clear, user_id, connected_app_id, now_ns, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, token->insert, hash, user_id, connected_app_id, now_ns,
                             expires_ns, &id, error);
    if (rc == 0)
        rc = clientid__log_account(control, now_ns,
                                   user_id != 0 ? CLIENTID__USER : CLIENTID__CONNECTED_APP,
                                   user_id != 0 ? user_id : connected_app_id, "sign-in", actor,
                                   client_id, (clientid_str){NULL, 0}, error);
    out->expires_in_s = lifetime_ns / 1000000000;
    return rc;
}

static int end_sign_in(clientid_control *control, int rc, clientid_token *out,
                       clientid_error *error)
{
    rc = clientid__end(control, rc, error);
    if (rc != 0)
        explicit_bzero(out->access_token, sizeof(out->access_token));
    return rc;
}

/* ---- passwords ------------------------------------------------------------------------------- */

static int user_by_name(clientid_control *control, clientid_str name,
                        struct clientid__user_facts *out, clientid_error *error)
{
    uint64_t id = 0;
    int rc = CLIENTID__STORE(control, user->find, name, &id, error);

    return rc == 0 ? CLIENTID__STORE(control, user->facts, id, out, error) : rc;
}

/*
 * Outside of a transaction: scrypt takes as long as a hundred of those, and others would wait.  |*user| is as it was read;
 * |*outdated| says that the password should be digested anew.
 */
static int verify(clientid_control *control, clientid_str name, clientid_str password,
                  struct clientid__user_facts *user, bool *outdated, clientid_error *error)
{
    struct clientid__user_facts found = {.id = 0};
    bool matches = false;
    int rc = user_by_name(control, name, &found, error);

    if (rc != 0 && rc != CLIENTID_ERR_NOT_FOUND)
        return rc;
    rc = clientid__password_verify(control->scrypt_log2, found.password, password, &matches,
                                   outdated, error);
    if (rc == 0 && (found.id == 0 || !matches))
        rc = unknown(error);
    if (rc == 0 && !found.enabled)
        rc = disabled(found.name, error);
    if (rc == 0)
        *user = found;
    explicit_bzero(&found, sizeof(found));
    return rc;
}

/* The user may have changed since: a password that was just replaced opens nothing any more. */
static int verify_again(clientid_control *control, const struct clientid__user_facts *was,
                        clientid_error *error)
{
    struct clientid__user_facts user;
    int rc = CLIENTID__STORE(control, user->facts, was->id, &user, error);

    if (rc == CLIENTID_ERR_NOT_FOUND || (rc == 0 && strcmp(user.password, was->password) != 0))
        return unknown(error);
    return rc == 0 && !user.enabled ? disabled(user.name, error) : rc;
}

static int sign_in(clientid_control *control, const struct clientid__user_facts *user,
                   const char *renewed, const clientid_login_options *options, clientid_token *out,
                   clientid_error *error)
{
    int rc = clientid__begin_unasked(control, CLIENTID__WRITE, error);

    if (rc != 0)
        return rc;
    rc = verify_again(control, user, error);
    if (rc == 0 && renewed[0] != '\0')
        rc = CLIENTID__STORE(control, user->password, user->id, clientid__cstr(renewed),
                             clientid__now(control), error);
    if (rc == 0)
        rc = issue(control, options, user->id, 0, clientid__cstr(user->name),
                   (clientid_str){NULL, 0}, out, error);
    return end_sign_in(control, rc, out, error);
}

int clientid_control_login(clientid_control *control, clientid_str name, clientid_str password,
                           const clientid_login_options *options, clientid_token *out,
                           clientid_error *error)
{
    char renewed[CLIENTID__PASSWORD_TEXT_MAX + 1] = "";
    struct clientid__user_facts user;
    clientid_receipt receipt;
    bool outdated = false;
    int rc;

    options = or_none(options);
    if (!valid(control, options, out) || out->size != sizeof(*out))
        return clientid__bad_argument(error);
    rc = clientid__attempt(control, name, options->address, &receipt, error);
    if (rc == 0)
        rc = verify(control, name, password, &user, &outdated, error);
    if (rc == 0 && outdated)
        rc = clientid__password_hash(control->scrypt_log2, password, renewed, error);
    if (rc == 0)
        rc = sign_in(control, &user, renewed, options, out, error);
    if (rc == 0)
        clientid__attempt_succeeded(control, &receipt);
    return rc;
}

int clientid_control_authenticate_password(clientid_control *control, clientid_str name,
                                           clientid_str password,
                                           const clientid_login_options *options,
                                           clientid_caller *out, clientid_error *error)
{
    struct clientid__user_facts user;
    clientid_receipt receipt;
    bool outdated = false;
    int rc;

    options = or_none(options);
    if (!valid(control, options, out) || out->size != sizeof(*out))
        return clientid__bad_argument(error);
    rc = clientid__attempt(control, name, options->address, &receipt, error);
    if (rc == 0)
        rc = verify(control, name, password, &user, &outdated, error);
    if (rc == 0) {
        struct clientid__caller_facts facts = {.user_id = user.id, .role = user.role};

        memcpy(facts.user_name, user.name, sizeof(facts.user_name));
        clientid__caller_of(&facts, out);
        clientid__attempt_succeeded(control, &receipt);
    }
    return rc;
}

/* ---- Connected Apps -------------------------------------------------------------------------- */

/* An unknown client id takes a digest too. */
static int verify_app(clientid_control *control, clientid_str client_id, clientid_str secret,
                      struct clientid__connected_app_facts *out, clientid_error *error)
{
    uint64_t id = 0;
    bool known, matches;
    int rc;

    *out = (struct clientid__connected_app_facts){.secret = {.salt_len = 16}};
    rc = CLIENTID__STORE(control, connected_app->find, client_id, &id, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, connected_app->facts, id, out, error);
    if (rc != 0 && rc != CLIENTID_ERR_NOT_FOUND)
        return rc;
    known = rc == 0 && out->revoked_ns == 0;
    matches = clientid__secret_matches(&out->secret, secret);
    return known && matches ? 0 : unknown(error);
}

static int sign_in_app(clientid_control *control, clientid_str client_id, clientid_str secret,
                       const clientid_login_options *options, clientid_token *out,
                       clientid_error *error)
{
    struct clientid__connected_app_facts app;
    struct clientid__caller_facts facts = {.connected_app_id = 1};
    clientid_caller caller;
    int rc = clientid__begin_unasked(control, CLIENTID__WRITE, error);

    if (rc != 0)
        return rc;
    rc = verify_app(control, client_id, secret, &app, error);
    if (rc == 0) {
        memcpy(facts.client_id, app.client_id, sizeof(facts.client_id));
        clientid__caller_of(&facts, &caller);
        rc = issue(control, options, 0, app.id, clientid__cstr(caller.actor),
                   clientid__cstr(app.client_id), out, error);
    }
    return end_sign_in(control, rc, out, error);
}

int clientid_control_login_connected_app(clientid_control *control, clientid_str client_id,
                                         clientid_str client_secret,
                                         const clientid_login_options *options, clientid_token *out,
                                         clientid_error *error)
{
    struct clientid__connected_app_facts app;
    clientid_receipt receipt;
    int rc;

    options = or_none(options);
    if (!valid(control, options, out) || out->size != sizeof(*out))
        return clientid__bad_argument(error);
    rc = clientid__attempt(control, client_id, options->address, &receipt, error);
    /* Guesses do not keep others from writing. */
    if (rc == 0)
        rc = verify_app(control, client_id, client_secret, &app, error);
    if (rc == 0)
        rc = sign_in_app(control, client_id, client_secret, options, out, error);
    if (rc == 0)
        clientid__attempt_succeeded(control, &receipt);
    return rc;
}

/* ---- assertions ------------------------------------------------------------------------------ */

static int check_federated(const clientid_control *control, const clientid_federated_user *user,
                           clientid_user_record *row, clientid_error *error)
{
    int rc = clientid__check_field(error, "/username", user->name, 1, CLIENTID_NAME_MAX,
                                   CLIENTID__FIELD_NAME);

    *row = (clientid_user_record){
        .size = sizeof(*row),
        .name = user->name,
        .email = user->email,
        .first_name = user->first_name,
        .last_name = user->last_name,
        .role = CLIENTID_ROLE_MEMBER,
        .identity = CLIENTID_IDENTITY_SAML,
        .enabled = 1,
    };
    if (rc == 0)
        rc = clientid__user_fields(row, ~0U, error);
    if (rc == 0)
        rc = clientid__check_field(error, "/assertionId", user->assertion_id, 1, CLIENTID_NAME_MAX,
                                   CLIENTID__FIELD_NAME);
    /* It would be forgotten at once, and could be used again. */
    if (rc == 0 && user->not_after_ns <= clientid__now(control))
        rc = clientid__fail(error, CLIENTID_ERR_UNKNOWN_CALLER, "the assertion has ended");
    return rc;
}

/* The user of that name, made when there is none. */
static int federated_user(clientid_control *control, const clientid_user_record *row, uint64_t *id,
                          clientid_error *error)
{
    struct clientid__user_facts user;
    int rc = user_by_name(control, row->name, &user, error);

    if (rc == CLIENTID_ERR_NOT_FOUND)
        return clientid__user_add(control, row, (clientid_str){NULL, 0}, row->name,
                                  clientid__now(control), id, error);
    if (rc != 0)
        return rc;
    *id = user.id;
    if (user.identity != CLIENTID_IDENTITY_SAML)
        return clientid__broken(error, CLIENTID__RULE_IDENTITY, "%.100s does not sign in by SAML",
                                user.name);
    return user.enabled ? 0 : disabled(user.name, error);
}

int clientid_control_login_federated(clientid_control *control, const clientid_federated_user *user,
                                     const clientid_login_options *options, clientid_token *out,
                                     clientid_error *error)
{
    clientid_user_record row;
    uint64_t id = 0;
    int rc;

    options = or_none(options);
    if (!valid(control, options, out) || out->size != sizeof(*out) || user == NULL ||
        user->size != sizeof(*user))
        return clientid__bad_argument(error);
    rc = check_federated(control, user, &row, error);
    if (rc == 0)
        rc = clientid__begin_unasked(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = CLIENTID__STORE(control, token->assertion, user->assertion_id, user->not_after_ns, error);
    if (rc == CLIENTID_ERR_EXISTS)
        rc =
            clientid__broken(error, CLIENTID__RULE_ASSERTION_USED, "the assertion was used before");
    if (rc == 0)
        rc = federated_user(control, &row, &id, error);
    if (rc == 0)
        rc = issue(control, options, id, 0, row.name, (clientid_str){NULL, 0}, out, error);
    return end_sign_in(control, rc, out, error);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static int holder(clientid_control *control, clientid_str token,
                  struct clientid__caller_facts *facts, clientid_error *error)
{
    unsigned char hash[CLIENTID__TOKEN_HASH_BYTES];
    int rc;

    if (token.len != CLIENTID_ACCESS_TOKEN_CHARS)
        return CLIENTID_ERR_NOT_FOUND;
    rc = clientid__token_hash(token, hash, error);
    if (rc != 0)
        return rc;
    return CLIENTID__STORE(control, token->find, hash, clientid__now(control), facts, error);
}

int clientid_control_authenticate(clientid_control *control, clientid_str access_token,
                                  clientid_caller *out, clientid_error *error)
{
    struct clientid__caller_facts facts;
    int rc;

    if (control == NULL || out == NULL || out->size != sizeof(*out))
        return clientid__bad_argument(error);
    rc = holder(control, access_token, &facts, error);
    if (rc == CLIENTID_ERR_NOT_FOUND)
        return clientid__fail(error, CLIENTID_ERR_UNKNOWN_CALLER,
                              "the token is unknown or has ended");
    if (rc == 0)
        clientid__caller_of(&facts, out);
    return rc;
}

static int sign_out(clientid_control *control, clientid_str token, clientid_error *error)
{
    struct clientid__caller_facts facts;
    clientid_caller caller;
    int rc = holder(control, token, &facts, error);

    if (rc != 0)
        return rc == CLIENTID_ERR_NOT_FOUND ? 0 : rc;
    clientid__caller_of(&facts, &caller);
    rc = CLIENTID__STORE(control, token->delete, facts.token_id, error);
    if (rc == 0)
        rc = clientid__log_account(
            control, clientid__now(control),
            facts.connected_app_id != 0 ? CLIENTID__CONNECTED_APP : CLIENTID__USER,
            facts.connected_app_id != 0 ? facts.connected_app_id : facts.user_id, "sign-out",
            clientid__cstr(caller.actor), clientid__cstr(facts.client_id), (clientid_str){NULL, 0},
            error);
    return rc;
}

/* Who holds a token may end it, whoever else the control works for. */
int clientid_control_token_revoke(clientid_control *control, clientid_str access_token,
                                  clientid_error *error)
{
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin_unasked(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, sign_out(control, access_token, error), error);
}

int clientid_control_tokens_prune(clientid_control *control, uint64_t *removed,
                                  clientid_error *error)
{
    uint64_t count = 0;
    int rc;

    if (control == NULL)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_STORE_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, token->prune, clientid__now(control), &count, error);
    rc = clientid__end(control, rc, error);
    if (rc == 0 && removed != NULL)
        *removed = count;
    return rc;
}
