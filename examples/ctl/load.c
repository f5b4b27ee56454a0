/* SPDX-License-Identifier: Apache-2.0 */
/* Applications from JSON lines, in batches: what was committed stays, and a stopped load can go on. */
#include "load.h"

#include "input.h"
#include "lookup.h"
#include "progress.h"
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

/* The one thing that a signal handler may touch. */
static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

struct load {
    struct ctl *ctl;
    FILE *in;
    struct progress progress;
    int read_error; /* errno of the input */
    sigset_t unblocked;
};

/* pselect lets a signal in only when it has to wait: not for a file, which is always ready. */
static bool stopped(const struct load *load)
{
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, &load->unblocked, &blocked);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    return interrupted;
}

/*
 * The signals are blocked but for these places, so one that comes just before a read cannot be missed and leave
 * the load waiting for its input.
 */
static int read_some(void *self, char *buffer, size_t *len)
{
    struct load *load = self;
    int fd = fileno(load->in);
    fd_set ready;
    FD_ZERO(&ready);
    FD_SET(fd, &ready);
    if (stopped(load) || pselect(fd + 1, &ready, NULL, NULL, NULL, &load->unblocked) < 0) {
        load->read_error = errno;
        return CLIENTID_ERR_IO;
    }
    ssize_t got = read(fd, buffer, *len);
    if (got < 0) {
        load->read_error = errno;
        return CLIENTID_ERR_IO;
    }
    load->progress.bytes += (uint64_t)got;
    *len = (size_t)got;
    return 0;
}

static int step(void *self, uint64_t lines)
{
    struct load *load = self;
    progress_step(&load->progress, lines);
    return stopped(load) ? CLIENTID_ERR_BUSY : 0;
}

static uint64_t size_of(FILE *in)
{
    struct stat status;
    if (fstat(fileno(in), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0)
        return 0;
    return (uint64_t)status.st_size;
}

static int show_counts(const struct load *load, const clientid_load_counts *counts)
{
    FILE *out = load->ctl->out;
    double seconds = (double)progress_elapsed_ns(&load->progress) / 1e9;
    double rate = seconds > 0 ? (double)counts->applications / seconds : 0;
    if (load->ctl->json)
        fprintf(out,
                "{\"lines\":%" PRIu64 ",\"applications\":%" PRIu64 ",\"contracts\":%" PRIu64
                ",\"skipped\":%" PRIu64 ",\"seconds\":%.3f}\n",
                counts->lines, counts->applications, counts->contracts, counts->skipped, seconds);
    else
        fprintf(out,
                "loaded %" PRIu64 " applications and %" PRIu64
                " contracts in %.1f s, %.0f/s; %" PRIu64 " were there before\n",
                counts->applications, counts->contracts, seconds, rate, counts->skipped);
    return CTL_OK;
}

/* How many lines are in the store is said before why there are not more. */
static int show_failure(const struct load *load, const char *name, int rv,
                        const clientid_load_counts *counts, clientid_error *error)
{
    struct ctl *ctl = load->ctl;
    show_counts(load, counts);
    if (interrupted)
        return report(ctl, CTL_FAILED, "load",
                      "stopped after %" PRIu64 " lines; go on with --skip-existing", counts->lines);
    if (load->read_error != 0)
        return report(ctl, CTL_FAILED, name, "cannot be read: %s", strerror(load->read_error));
    return report_text(ctl, "load", name, rv, error);
}

static int load_run(struct load *load, const char *name)
{
    struct ctl *ctl = load->ctl;
    const char *batch = option_value(&ctl->options, "batch");
    clientid_error error = {0};
    clientid_load_counts counts = {.size = sizeof(counts)};
    uint64_t lines = 0;
    if (batch != NULL && (!number_parse(batch, &lines) || lines > 1000000))
        return report(ctl, CTL_USAGE, "load", "--batch takes a number, 1 to 1000000");
    clientid_load_options options = {
        .size = sizeof(options),
        .flags = option_given(&ctl->options, "skip-existing") ? CLIENTID_LOAD_SKIP_EXISTING : 0,
        .batch = (unsigned)lines,
        .read = read_some,
        .read_self = load,
        .progress = step,
        .progress_self = load,
    };
    progress_begin(&load->progress, ctl->err, "lines", size_of(load->in));
    load->progress.silent = option_given(&ctl->options, "quiet");
    int rv = clientid_control_load(ctl->control, &options, &counts, &error);
    progress_end(&load->progress);
    return rv != 0 ? show_failure(load, name, rv, &counts, &error) : show_counts(load, &counts);
}

/* |*unblocked| is the mask under which they arrive. */
static void catch_signals(sigset_t *unblocked)
{
    struct sigaction action = {.sa_handler = interrupt};
    sigset_t blocked;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, unblocked);
}

int load_command(struct ctl *ctl)
{
    const char *name = argument_nth(&ctl->options, 0);
    struct load load = {.ctl = ctl};
    name = name != NULL ? name : "-";
    int rv = input_open(ctl, name, &load.in);
    if (rv == 0)
        rv = session_write(ctl);
    if (rv == 0) {
        catch_signals(&load.unblocked);
        rv = load_run(&load, input_name(name));
    }
    input_close(load.in);
    return rv;
}
