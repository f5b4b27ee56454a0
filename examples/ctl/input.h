/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_INPUT_H
#define CTL_INPUT_H

#include "ctl.h"

/* Whole files and the standard input; "-" is the standard input. */

/*
 * Reads everything, at most |limit_bytes|, and adds a NUL that is not counted.  The caller wipes and frees with
 * input_free.  Returns 0 or an exit code, reported under the command's name.
 */
int input_read(struct ctl *ctl, const char *name, size_t limit_bytes, char **out, size_t *len);
void input_free(char *text, size_t len);

/* The secret that --secret-file or --secret-stdin gives, without the line end; NULL with neither. */
int input_secret(struct ctl *ctl, char **out, size_t *len);
/* The pepper of --pepper-file or --pepper-env, likewise. */
int input_pepper(struct ctl *ctl, char **out, size_t *len);

/* What errors call it: "standard input" for "-". */
const char *input_name(const char *name);

/* Opens for reading, line by line; "-" is the standard input. */
int input_open(struct ctl *ctl, const char *name, FILE **out);
void input_close(FILE *in);

#endif
