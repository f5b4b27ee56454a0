/* SPDX-License-Identifier: Apache-2.0 */
/* The error stream is a log unless it is a terminal: no control characters, a few lines a minute. */
#include "progress.h"

#include "table.h"
#include "time_text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { BAR_COLUMNS = 24, LINE_BYTES = 256 };

static const uint64_t second_ns = 1000000000u;

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * second_ns + (uint64_t)now.tv_nsec;
}

void progress_begin(struct progress *progress, FILE *err, const char *what, uint64_t total_bytes)
{
    uint64_t now = monotonic_ns();
    bool terminal = terminal_width(err) > 0;
    *progress = (struct progress){.err = err,
                                  .what = what,
                                  .total_bytes = total_bytes,
                                  .started_ns = now,
                                  .shown_ns = terminal ? 0 : now, /* a bar is there at once */
                                  .terminal = terminal};
}

uint64_t progress_elapsed_ns(const struct progress *progress)
{
    return monotonic_ns() - progress->started_ns;
}

static void format_left(uint64_t left_s, char *out, size_t size)
{
    if (left_s >= 3600)
        snprintf(out, size, "%" PRIu64 "h%02" PRIu64 "m", left_s / 3600, left_s / 60 % 60);
    else
        snprintf(out, size, "%" PRIu64 ":%02" PRIu64, left_s / 60, left_s % 60);
}

/* The line itself, for at most |width| columns (0: any). */
static void progress_format(const struct progress *progress, uint64_t count, uint64_t elapsed_ns,
                            size_t width, char *out, size_t size)
{
    uint64_t ms = elapsed_ns / 1000000u;
    uint64_t rate = ms > 0 ? count * 1000u / ms : 0;
    uint64_t total = progress->total_bytes;
    uint64_t bytes = progress->bytes < total ? progress->bytes : total;
    char bar[BAR_COLUMNS + 1];
    char left[32] = "?";
    if (total == 0 || bytes == 0) {
        snprintf(out, size, "%" PRIu64 " %s, %" PRIu64 "/s", count, progress->what, rate);
        return;
    }
    double share = (double)bytes / (double)total;
    size_t filled = (size_t)(share * BAR_COLUMNS);
    memset(bar, '.', BAR_COLUMNS);
    memset(bar, '#', filled);
    bar[BAR_COLUMNS] = '\0';
    format_left((uint64_t)((double)ms / 1000.0 * (1.0 - share) / share + 0.5), left, sizeof(left));
    snprintf(out, size, "%s%s%s%3u%%  %" PRIu64 " %s, %" PRIu64 "/s, %s left",
             progress->terminal ? "[" : "", progress->terminal ? bar : "",
             progress->terminal ? "] " : "", (unsigned)(share * 100), count, progress->what, rate,
             left);
    if (width != 0 && strlen(out) > width)
        snprintf(out, size, "%3u%%  %" PRIu64 ", %s left", (unsigned)(share * 100), count, left);
}

void progress_step(struct progress *progress, uint64_t count)
{
    char line[LINE_BYTES];
    uint64_t now = monotonic_ns();
    uint64_t every_ns = progress->terminal ? second_ns / 10 : 5 * second_ns;
    if (progress->silent || now - progress->shown_ns < every_ns)
        return;
    progress->shown_ns = now;
    size_t width = terminal_width(progress->err);
    progress_format(progress, count, now - progress->started_ns, width > 0 ? width - 1 : 0, line,
                    sizeof(line));
    if (progress->terminal)
        fprintf(progress->err, "\r\033[K%s", line);
    else
        fprintf(progress->err, "%s\n", line);
    fflush(progress->err);
    progress->drawn = true;
}

void progress_end(struct progress *progress)
{
    if (progress->terminal && progress->drawn)
        fprintf(progress->err, "\r\033[K");
    fflush(progress->err);
}
