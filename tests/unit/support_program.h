/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_PROGRAM_H
#define SUPPORT_PROGRAM_H

#include <stddef.h>

/* Runs a program to its end and keeps what it wrote. */

struct program_run {
    int status; /* exit code; 128 and the number of the signal that killed it */
    char *out;  /* both end in NUL; freed by the next run into the same struct */
    char *err;
};

struct program_options {
    const char *input; /* NULL: empty */
    size_t input_len;  /* 0: the length of the text */
    const char *const
        *environment;        /* "NAME=value" and "NAME" (unset), ends with NULL; may be NULL */
    unsigned terminal_width; /* not 0: output and errors go to one terminal of that width */
};

/* argv[0] is the path.  Fails the test when the program cannot be started. */
void program_run(struct program_run *run, const char *const *argv,
                 const struct program_options *options);
void program_free(struct program_run *run);

/* A new folder under $TMPDIR or /tmp; the caller frees the path. */
char *folder_new(void);
/* Removes the folder and all that is in it. */
void folder_del(char *folder);
/* A file's bytes with a NUL added; NULL when there is none.  The caller frees. */
char *file_read(const char *path, size_t *len);
void file_write(const char *path, const char *text);

#endif
