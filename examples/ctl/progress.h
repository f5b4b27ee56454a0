/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * How far a long command is, on the error stream: a bar that is redrawn on a terminal, else a line every few
 * seconds.  The end is known in another unit than what is counted: bytes of the input.
 */
struct progress {
    FILE *err;
    const char *what;     /* "applications" */
    uint64_t total_bytes; /* 0: the end is not known */
    uint64_t bytes;       /* read so far; kept by whoever reads */
    uint64_t started_ns;
    uint64_t shown_ns;
    bool terminal;
    bool drawn;
    bool silent;
};

void progress_begin(struct progress *progress, FILE *err, const char *what, uint64_t total_bytes);
/* Shows |count| when it is time to, by the monotonic clock. */
void progress_step(struct progress *progress, uint64_t count);
/* Takes the bar away. */
void progress_end(struct progress *progress);
uint64_t progress_elapsed_ns(const struct progress *progress);

#endif
