/* SPDX-License-Identifier: Apache-2.0 */
/* The pepper comes from outside the data, is turned into two digest states, and is wiped. */
#include "base/error.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PEPPER_MIN = 16, PEPPER_MAX = 1024 };

static ssize_t read_whole(int fd, char *out, size_t room)
{
    size_t used = 0;

    while (used < room) {
        ssize_t got = read(fd, out + used, room - used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

static int read_file(const char *file, char *out, size_t room, size_t *len, clientid_error *error)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t got;
    int rv = 0;

    if (fd < 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, errno, "cannot open the pepper file %s",
                                    file);
    got = read_whole(fd, out, room);
    if (got < 0)
        rv = clientid__fail_errno(error, CLIENTID_ERR_IO, errno, "cannot read the pepper file %s",
                                  file);
    else
        *len = (size_t)got;
    close(fd);
    return rv;
}

static int read_env(const char *name, char *out, size_t room, size_t *len, clientid_error *error)
{
    const char *value = getenv(name);

    if (value == NULL)
        return clientid__fail(error, CLIENTID_ERR_CONFIG,
                              "the environment variable %s with the pepper is not set", name);
    *len = strlen(value) < room ? strlen(value) : room;
    memcpy(out, value, *len);
    return 0;
}

/* Editors end files with a newline that nobody means to be part of the pepper. */
static size_t without_newline(const char *pepper, size_t len)
{
    while (len > 0 && (pepper[len - 1] == '\n' || pepper[len - 1] == '\r'))
        len--;
    return len;
}

int clientid__pepper_read(struct clientid__pepper **out, const clientid_allocator *mem,
                          const char *file, const char *env, clientid_error *error)
{
    char pepper[PEPPER_MAX + 1];
    size_t len = 0;
    int rv = file != NULL ? read_file(file, pepper, sizeof(pepper), &len, error)
                          : read_env(env, pepper, sizeof(pepper), &len, error);

    if (rv == 0) {
        len = without_newline(pepper, len);
        if (len < PEPPER_MIN || len > PEPPER_MAX)
            rv = clientid__fail(error, CLIENTID_ERR_CONFIG, "the pepper must have %d to %d bytes",
                                PEPPER_MIN, PEPPER_MAX);
    }
    if (rv == 0) {
        rv = clientid__pepper_new(out, mem, (const unsigned char *)pepper, len);
        if (rv != 0)
            clientid__fail(error, rv, "cannot prepare the pepper");
    }
    explicit_bzero(pepper, sizeof(pepper));
    return rv;
}
