/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker process: nothing here exists before the fork, so no thread, lock or SQLite handle crosses one.  A store
 * that is out of reach is no reason not to start: the gatekeeper decides what requests get meanwhile.
 */
#include "process.h"

#include <clientid/store.h>

#include <ngx_channel.h>

enum { FIRST_ROUND_MS = 100 };

static void report(ngx_log_t *log, const clientid_error *news)
{
    const char *text = news->text[0] != '\0' ? news->text : clientid_strerror(news->code);
    ngx_uint_t level = news->code == 0 ? NGX_LOG_NOTICE : NGX_LOG_WARN;
    ngx_log_error(level, log, 0, "clientid: contracts: %s%s%s", news->file,
                  news->file[0] != '\0' ? ": " : "", text);
}

/* ---- news of the sync's thread --------------------------------------------------------------- */

/*
 * nginx's log is for one thread: syslog keeps state, a reopened log changes its descriptor.  So the thread writes what
 * it has to say to a pipe, which takes an error whole or not at all (pipe(7), PIPE_BUF), and the event loop logs it.
 */
static void on_news(void *self, const clientid_error *news)
{
    const struct process *process = self;
    _Static_assert(sizeof *news <= 4096, "written at once");
    if (process->news == NULL)
        report(process->log, news); /* the first round, in the main thread */
    else
        (void)!write(process->pipe[1], news, sizeof *news); /* a full pipe: one message less */
}

static void on_readable(ngx_event_t *event)
{
    const ngx_connection_t *connection = event->data;
    const struct process *process = connection->data;
    clientid_error news;
    while (read(process->pipe[0], &news, sizeof news) == (ssize_t)sizeof news)
        report(process->log, &news);
    (void)ngx_handle_read_event(event, 0);
}

static bool open_news(struct process *process)
{
    if (pipe2(process->pipe, O_NONBLOCK | O_CLOEXEC) != 0)
        return false;
    process->news = ngx_get_connection(process->pipe[0], process->log);
    if (process->news == NULL)
        goto fail;
    process->news->data = process;
    process->news->read->handler = on_readable;
    process->news->read->log = process->log;
    process->news->read->channel = 1; /* not one of a client: nobody waits for its end at exit */
    if (ngx_add_event(process->news->read, NGX_READ_EVENT, 0) == NGX_OK)
        return true;
    ngx_free_connection(process->news);
    process->news = NULL;
fail:
    (void)close(process->pipe[0]);
    (void)close(process->pipe[1]);
    return false;
}

static void close_news(struct process *process)
{
    if (process->news == NULL)
        return;
    on_readable(process->news->read);
    ngx_close_connection(process->news); /* closes the reading end */
    process->news = NULL;
    (void)close(process->pipe[1]);
}

/* ---- contracts ------------------------------------------------------------------------------- */

static char *text_of(clientid_str text)
{
    return text.len != 0 ? strndup(text.ptr, text.len) : NULL;
}

static int sync_new(struct process *process, clientid_gateway *gateway, const char *uri,
                    clientid_sync_options options, clientid_error *error)
{
    clientid_source source = {.size = sizeof source};
    int rv = uri != NULL ? clientid_store_source(&source, uri, error) : 0;
    if (rv < 0)
        return rv;
    return clientid_sync_new(&process->sync, gateway, uri != NULL ? &source : NULL, &options,
                             error);
}

/* The processes agree on one that writes the files; the others follow them. */
static int sync_open(struct process *process, clientid_gateway *gateway, const char *uri,
                     const char *state, clientid_error *error)
{
    clientid_sync_options options = {.size = sizeof options,
                                     .state = state,
                                     .mode = CLIENTID_SYNC_SHARE,
                                     .log = on_news,
                                     .log_self = process};
    int rv = sync_new(process, gateway, uri, options, error);
    if (rv == 0 || state == NULL || uri == NULL || rv == CLIENTID_ERR_NOMEM)
        return rv;
    report(process->log, error); /* a folder that is of no use: the store alone has to do */
    options.state = NULL;
    return sync_new(process, gateway, uri, options, error);
}

static clientid_status status_of(clientid_gateway *gateway)
{
    clientid_status status = {.size = sizeof status};
    ngx_time_update();
    (void)clientid_gateway_status(gateway, process_now_ns(), &status);
    return status;
}

static void sync_run(struct process *process)
{
    if (!open_news(process) || clientid_sync_start(process->sync) < 0)
        ngx_log_error(NGX_LOG_ALERT, process->log, 0, "clientid: contracts will not be renewed");
}

/*
 * The first round is waited for: a worker that answered before its contracts are there would refuse everybody.  With those
 * of the last-known-good files only for a moment: SQLite asks a locked database for 10 s, and at a reload the old workers
 * are gone by then.
 */
static void sync_first(struct process *process, clientid_gateway *gateway, bool has_source)
{
    clientid_error error = {0};
    uint64_t next_ns;
    if (!has_source || !status_of(gateway).loaded) {
        (void)clientid_sync_step(process->sync, process_now_ns(), &next_ns, &error);
        sync_run(process);
        return;
    }
    sync_run(process);
    for (unsigned ms = 0; ms < FIRST_ROUND_MS && !status_of(gateway).source_reached; ms++)
        ngx_msleep(1);
}

static void start_contracts(struct process *process, clientid_gateway *gateway)
{
    char *uri = text_of(clientid_gateway_store(gateway));
    char *state = text_of(clientid_gateway_state(gateway));
    clientid_error error = {0};
    if (uri != NULL || state != NULL) {
        if (sync_open(process, gateway, uri, state, &error) == 0)
            sync_first(process, gateway, uri != NULL);
        else
            ngx_log_error(NGX_LOG_ALERT, process->log, 0, "clientid: no contracts: %s: %s",
                          error.file, error.text);
    }
    free(uri);
    free(state);
}

/* ---- life ------------------------------------------------------------------------------------ */

bool process_start(struct main_conf *conf, ngx_cycle_t *cycle)
{
    struct process *process = calloc(1, sizeof *process);
    if (process == NULL)
        return false;
    process->log = cycle->log;
    process->decision.size = sizeof process->decision;
    if (clientid_worker_new(&process->worker, conf->gateway) < 0) {
        free(process);
        return false;
    }
    conf->process = process;
    start_contracts(process, conf->gateway);
    return true;
}

void process_stop(struct main_conf *conf)
{
    struct process *process = conf->process;
    if (process == NULL)
        return;
    clientid_sync_del(process->sync);
    close_news(process);
    clientid_worker_del(process->worker);
    free(process);
    conf->process = NULL;
}
