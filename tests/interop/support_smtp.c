/* SPDX-License-Identifier: Apache-2.0 */
#include "support_smtp.h"

#include "support_proxy.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MAILS_MAX 256

#define SESSIONS_MAX 64

struct smtp_state {
    pthread_mutex_t lock;
    struct smtp_mail mails[MAILS_MAX];
    size_t count, refusals, busy;
    int fds[SESSIONS_MAX]; /* of sessions, -1: free */
    size_t sessions;       /* threads that have not ended */
};

struct session {
    struct smtp_state *state;
    FILE *in, *out;
    struct smtp_mail mail;
};

static void say(struct session *session, const char *line)
{
    fprintf(session->out, "%s\r\n", line);
    fflush(session->out);
}

static void read_text(struct session *session)
{
    char line[2048];
    size_t len = 0;
    char *text = calloc(1, 1 << 20);
    say(session, "354 go on");
    while (fgets(line, sizeof line, session->in) != NULL && strcmp(line, ".\r\n") != 0) {
        const char *from = line[0] == '.' ? line + 1 : line;
        memcpy(text + len, from, strlen(from));
        len += strlen(from);
    }
    session->mail.text = text;
    pthread_mutex_lock(&session->state->lock);
    session->state->mails[session->state->count++] = session->mail;
    pthread_mutex_unlock(&session->state->lock);
    session->mail = (struct smtp_mail){NULL, NULL, NULL};
    say(session, "250 kept");
}

static void take_recipient(struct session *session, const char *line)
{
    struct smtp_state *state = session->state;
    bool refused = strstr(line, "<no-") != NULL, busy = strstr(line, "<busy-") != NULL;
    pthread_mutex_lock(&state->lock);
    busy = busy && state->busy++ == 0;
    state->refusals += refused || busy;
    pthread_mutex_unlock(&state->lock);
    if (!refused && !busy)
        session->mail.to = strdup(line + strlen("RCPT TO:"));
    say(session, refused ? "550 nobody of that name" : busy ? "450 later" : "250 good");
}

static bool obey(struct session *session, char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    if (strncasecmp(line, "EHLO", 4) == 0) {
        say(session, "250 sink");
    } else if (strncasecmp(line, "MAIL FROM:", 10) == 0) {
        session->mail.from = strdup(line + 10);
        say(session, "250 good");
    } else if (strncasecmp(line, "RCPT TO:", 8) == 0) {
        take_recipient(session, line);
    } else if (strcasecmp(line, "DATA") == 0) {
        read_text(session);
    } else if (strcasecmp(line, "QUIT") == 0) {
        say(session, "221 bye");
        return false;
    } else {
        say(session, "250 well");
    }
    return true;
}

struct start {
    struct smtp_state *state;
    int fd;
};

static void begin(struct smtp_state *state, int fd)
{
    size_t i = 0;
    pthread_mutex_lock(&state->lock);
    state->sessions++;
    while (i < SESSIONS_MAX && state->fds[i] >= 0)
        i++;
    if (i < SESSIONS_MAX)
        state->fds[i] = fd;
    pthread_mutex_unlock(&state->lock);
}

/* Before the descriptor is closed: its number may be another one's then. */
static void forget(struct smtp_state *state, int fd)
{
    pthread_mutex_lock(&state->lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        state->fds[i] = state->fds[i] == fd ? -1 : state->fds[i];
    pthread_mutex_unlock(&state->lock);
}

static void *serve(void *arg)
{
    struct start *start = arg;
    struct smtp_state *state = start->state;
    int fd = start->fd;
    struct session session = {
        start->state, fdopen(start->fd, "r"), fdopen(dup(start->fd), "w"), {NULL, NULL, NULL}};
    char line[2048];
    free(start);
    say(&session, "220 sink");
    while (fgets(line, sizeof line, session.in) != NULL && obey(&session, line))
        continue;
    forget(state, fd);
    fclose(session.in);
    fclose(session.out);
    free(session.mail.from);
    free(session.mail.to);
    pthread_mutex_lock(&state->lock);
    state->sessions--;
    pthread_mutex_unlock(&state->lock);
    return NULL;
}

static void *listen_loop(void *arg)
{
    struct smtp *smtp = arg;
    int fd;
    while ((fd = accept(smtp->fd, NULL, NULL)) >= 0) {
        struct start *start = malloc(sizeof *start);
        pthread_t thread;
        *start = (struct start){smtp->state, fd};
        begin(smtp->state, fd);
        if (pthread_create(&thread, NULL, serve, start) == 0)
            pthread_detach(thread);
    }
    return NULL;
}

void smtp_start(struct smtp *smtp)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons((uint16_t)smtp->port)};
    socklen_t len = sizeof address;
    const int on = 1;
    smtp->state = calloc(1, sizeof *smtp->state);
    pthread_mutex_init(&smtp->state->lock, NULL);
    memset(smtp->state->fds, 0xff, sizeof smtp->state->fds);
    smtp->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(smtp->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(smtp->fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(smtp->fd, 64), 0);
    assert_int_equal(getsockname(smtp->fd, (struct sockaddr *)&address, &len), 0);
    smtp->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&smtp->thread, NULL, listen_loop, smtp), 0);
}

static size_t end_sessions(struct smtp_state *state)
{
    pthread_mutex_lock(&state->lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (state->fds[i] >= 0)
            shutdown(state->fds[i], SHUT_RDWR);
    }
    size_t left = state->sessions;
    pthread_mutex_unlock(&state->lock);
    return left;
}

void smtp_stop(struct smtp *smtp)
{
    shutdown(smtp->fd, SHUT_RDWR);
    pthread_join(smtp->thread, NULL);
    close(smtp->fd);
    while (end_sessions(smtp->state) != 0)
        sleep_ms(5);
    for (size_t i = 0; i < smtp->state->count; i++) {
        free(smtp->state->mails[i].from);
        free(smtp->state->mails[i].to);
        free(smtp->state->mails[i].text);
    }
    free(smtp->state);
}

size_t smtp_count(const struct smtp *smtp)
{
    pthread_mutex_lock(&smtp->state->lock);
    size_t count = smtp->state->count;
    pthread_mutex_unlock(&smtp->state->lock);
    return count;
}

size_t smtp_refusals(const struct smtp *smtp)
{
    pthread_mutex_lock(&smtp->state->lock);
    size_t count = smtp->state->refusals;
    pthread_mutex_unlock(&smtp->state->lock);
    return count;
}

const struct smtp_mail *smtp_wait(struct smtp *smtp, size_t index)
{
    for (uint64_t end_ms = now_ms() + 10000; now_ms() < end_ms; sleep_ms(5)) {
        if (smtp_count(smtp) > index)
            return &smtp->state->mails[index];
    }
    fail_msg("mail %zu did not come within 10 s", index);
    return NULL;
}
