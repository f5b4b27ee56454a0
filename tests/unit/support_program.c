/* SPDX-License-Identifier: Apache-2.0 */
#include "support_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- files ------------------------------------------------------------------------------------- */

char *folder_new(void)
{
    const char *base = getenv("TMPDIR");
    size_t size = 256;
    char *path = malloc(size);
    assert_non_null(path);
    snprintf(path, size, "%s/clientid-test-XXXXXX",
             base != NULL && base[0] != '\0' ? base : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

static void folder_empty(const char *folder)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        char path[1024];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (unlink(path) == 0)
            continue;
        folder_empty(path);
        rmdir(path);
    }
    if (entries != NULL)
        closedir(entries);
}

void folder_del(char *folder)
{
    folder_empty(folder);
    rmdir(folder);
    free(folder);
}

static char *fd_read(int fd, size_t *len)
{
    size_t room = 65536, used = 0;
    char *text = malloc(room + 1);
    ssize_t got;
    assert_non_null(text);
    while ((got = read(fd, text + used, room - used)) > 0) {
        used += (size_t)got;
        if (used == room) {
            room *= 2;
            text = realloc(text, room + 1);
            assert_non_null(text);
        }
    }
    text[used] = '\0';
    if (len != NULL)
        *len = used;
    return text;
}

char *file_read(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = fd_read(fd, len);
    close(fd);
    return text;
}

void file_write(const char *path, const char *text)
{
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
    assert_int_equal(fclose(out), 0);
}

/* ---- programs ---------------------------------------------------------------------------------- */

static int scratch_file(void)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int fd = dup(fileno(file));
    fclose(file);
    assert_true(fd >= 0);
    return fd;
}

static int input_file(const struct program_options *options)
{
    size_t len = options->input == NULL    ? 0
                 : options->input_len != 0 ? options->input_len
                                           : strlen(options->input);
    int fd = scratch_file();
    for (size_t done = 0; done < len;) {
        ssize_t put = write(fd, options->input + done, len - done);
        assert_true(put > 0);
        done += (size_t)put;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static int terminal_open(unsigned width, int *terminal)
{
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)width};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    *terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(*terminal >= 0);
    assert_int_equal(ioctl(*terminal, TIOCSWINSZ, &size), 0);
    return master;
}

static void set_environment(const char *const *environment)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        const char *equals = strchr(*environment, '=');
        char name[128];
        snprintf(name, sizeof(name), "%.*s",
                 (int)(equals != NULL ? equals - *environment : (int)strlen(*environment)),
                 *environment);
        if (equals == NULL)
            unsetenv(name);
        else
            setenv(name, equals + 1, 1);
    }
}

static _Noreturn void child(const char *const *argv, const struct program_options *options, int in,
                            int out, int err)
{
    char *copy[64] = {NULL};
    for (size_t i = 0; argv[i] != NULL && i < 63; i++)
        copy[i] = strdup(argv[i]);
    set_environment(options->environment);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    execv(copy[0], copy);
    _exit(127);
}

static int status_of(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static char *collect(int fd)
{
    lseek(fd, 0, SEEK_SET);
    char *text = fd_read(fd, NULL);
    close(fd);
    return text;
}

void program_run(struct program_run *run, const char *const *argv,
                 const struct program_options *options)
{
    int master = -1, out, err;
    int in = input_file(options);
    program_free(run);
    if (options->terminal_width != 0) {
        master = terminal_open(options->terminal_width, &out);
        err = dup(out);
    } else {
        out = scratch_file();
        err = scratch_file();
    }
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(argv, options, in, out, err);
    close(in);
    if (master >= 0) {
        close(out);
        close(err);
        run->out = fd_read(master, NULL); /* ends when the program does */
        run->err = strdup("");
        close(master);
        run->status = status_of(pid);
        return;
    }
    run->status = status_of(pid);
    run->out = collect(out);
    run->err = collect(err);
}

void program_free(struct program_run *run)
{
    free(run->out);
    free(run->err);
    *run = (struct program_run){.status = -1};
}
