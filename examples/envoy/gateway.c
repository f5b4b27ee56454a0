/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway lives as long as the process, whatever becomes of the filter configurations that use it: quota and contracts
 * outlive every update of listeners and routes.
 */
#include "gateway.h"

#include "log.h"
#include "records.h"
#include "timer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (64 << 20)

struct text {
    char *data;
    size_t len;
    struct stat stat;
};

struct gateway {
    struct gateway *next;
    char *file;
    struct text text;   /* in force */
    struct stat looked; /* the file as it was last read */
    bool kept;
    clientid_gateway *core;
    clientid_sync *sync;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gateway *gateways;

/* ---- file ------------------------------------------------------------------------------------ */

static bool read_fd(struct text *out, int fd)
{
    if (fstat(fd, &out->stat) != 0)
        return false;
    errno = S_ISREG(out->stat.st_mode) ? EFBIG : EINVAL;
    if (!S_ISREG(out->stat.st_mode) || out->stat.st_size > FILE_BYTES_MAX)
        return false;
    size_t size = (size_t)out->stat.st_size;
    out->data = malloc(size + 1);
    while (out->data != NULL && out->len < size) {
        ssize_t n = read(fd, out->data + out->len, size - out->len);
        if (n < 0)
            return false;
        if (n == 0)
            break;
        out->len += (size_t)n;
    }
    return out->data != NULL;
}

static int read_file(struct text *out, const char *file, clientid_error *error)
{
    *out = (struct text){.data = NULL};
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good = fd >= 0 && read_fd(out, fd);
    int why = errno;
    if (fd >= 0)
        (void)close(fd);
    if (good)
        return 0;
    free(out->data);
    *out = (struct text){.data = NULL};
    *error = (clientid_error){.code = CLIENTID_ERR_IO};
    (void)snprintf(error->file, sizeof error->file, "%s", file);
    if (strerror_r(why, error->text, sizeof error->text) != 0)
        error->text[0] = '\0';
    return CLIENTID_ERR_IO;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* ---- one gateway ----------------------------------------------------------------------------- */

static void on_warning(void *self, const clientid_error *warning)
{
    (void)self;
    say_error(ABI_LOG_WARN, "warning", warning);
}

static void gateway_free(struct gateway *gateway)
{
    if (gateway == NULL)
        return;
    clientid_sync_del(gateway->sync);
    clientid_gateway_del(gateway->core);
    free(gateway->text.data);
    free(gateway->file);
    free(gateway);
}

/* Envoy that only checks its configuration must leave contracts and their files alone. */
static bool is_only_checking(void)
{
    return CALL(is_validation_mode) != NULL && CALL(is_validation_mode)();
}

static int no_memory(clientid_error *error)
{
    *error = (clientid_error){.code = CLIENTID_ERR_NOMEM};
    return CLIENTID_ERR_NOMEM;
}

static void every_second(void);

static int gateway_make(struct gateway **out, const char *file, clientid_error *error)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);
    if (gateway == NULL)
        return no_memory(error);
    clientid_options options = {.size = sizeof options, .config_name = file, .warn = on_warning};
    if (is_only_checking())
        options.flags = CLIENTID_LIMITS_ASIDE;
    int rv = read_file(&gateway->text, file, error);
    if (rv < 0)
        goto fail;
    gateway->looked = gateway->text.stat;
    gateway->file = strdup(file);
    options.config = (clientid_str){gateway->text.data, gateway->text.len};
    rv = gateway->file == NULL ? no_memory(error)
                               : clientid_gateway_new(&gateway->core, &options, error);
    if (rv < 0)
        goto fail;
    if (!is_only_checking()) {
        rv = timer_thread(every_second) ? records_start(&gateway->sync, gateway->core, error)
                                        : no_memory(error);
        if (rv < 0)
            goto fail;
    }
    *out = gateway;
    return 0;
fail:
    gateway_free(gateway);
    return rv;
}

/* Takes over what is new in the file. */
static int gateway_refresh(struct gateway *gateway, clientid_error *error)
{
    struct text text;
    int rv = read_file(&text, gateway->file, error);
    if (rv < 0)
        return rv;
    gateway->looked = text.stat;
    if (text.len == gateway->text.len && memcmp(text.data, gateway->text.data, text.len) == 0) {
        free(text.data);
        return 0;
    }
    rv = clientid_gateway_reload(gateway->core, (clientid_str){text.data, text.len}, gateway->file,
                                 error);
    if (rv < 0) {
        free(text.data);
        return rv;
    }
    free(gateway->text.data);
    gateway->text = text;
    say(ABI_LOG_INFO, "%s: new configuration in force", gateway->file);
    return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* A changed file takes effect without an update from Envoy, as with clientid-proxy. */
static void every_second(void)
{
    (void)pthread_mutex_lock(&lock);
    for (struct gateway *gateway = gateways; gateway != NULL; gateway = gateway->next) {
        clientid_error error = {.code = 0};
        struct stat now;
        if (stat(gateway->file, &now) != 0 || same_file(&now, &gateway->looked))
            continue;
        gateway->looked = now;
        if (gateway_refresh(gateway, &error) < 0)
            say_error(ABI_LOG_ERROR, "the configuration before stays in force", &error);
    }
    (void)pthread_mutex_unlock(&lock);
}

int gateway_open(struct gateway **out, const char *file, clientid_error *error)
{
    int rv = 0;
    *error = (clientid_error){.code = 0};
    (void)pthread_mutex_lock(&lock);
    struct gateway *gateway = gateways;
    while (gateway != NULL && strcmp(gateway->file, file) != 0)
        gateway = gateway->next;
    if (gateway != NULL) {
        rv = gateway_refresh(gateway, error);
    } else {
        rv = gateway_make(&gateway, file, error);
        if (rv == 0) {
            gateway->next = gateways;
            gateways = gateway;
        }
    }
    (void)pthread_mutex_unlock(&lock);
    if (rv == 0)
        *out = gateway;
    return rv;
}

void gateway_keep(struct gateway *gateway)
{
    (void)pthread_mutex_lock(&lock);
    gateway->kept = true;
    (void)pthread_mutex_unlock(&lock);
}

void gateway_drop(struct gateway *gateway)
{
    if (gateway == NULL)
        return;
    (void)pthread_mutex_lock(&lock);
    bool unused = !gateway->kept;
    for (struct gateway **at = &gateways; unused && *at != NULL; at = &(*at)->next) {
        if (*at == gateway) {
            *at = gateway->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&lock);
    if (unused)
        gateway_free(gateway);
}

clientid_gateway *gateway_core(const struct gateway *gateway)
{
    return gateway->core;
}

/* ---- workers --------------------------------------------------------------------------------- */

/* A thread's worker of one gateway. */
struct seat {
    struct seat *next;
    const struct gateway *gateway;
    clientid_worker *worker;
};

static _Thread_local struct seat *seats;
static pthread_key_t seats_end;
static pthread_once_t seats_once = PTHREAD_ONCE_INIT;
static bool seats_ready;

static void free_seats(void *first)
{
    for (struct seat *seat = first; seat != NULL;) {
        struct seat *next = seat->next;
        clientid_worker_del(seat->worker);
        free(seat);
        seat = next;
    }
    seats = NULL;
}

static void make_key(void)
{
    seats_ready = pthread_key_create(&seats_end, free_seats) == 0;
}

static clientid_worker *take_seat(const struct gateway *gateway)
{
    (void)pthread_once(&seats_once, make_key);
    struct seat *seat = seats_ready ? calloc(1, sizeof *seat) : NULL;
    if (seat == NULL)
        return NULL;
    *seat = (struct seat){.next = seats, .gateway = gateway};
    if (clientid_worker_new(&seat->worker, gateway->core) < 0 ||
        pthread_setspecific(seats_end, seat) != 0) {
        clientid_worker_del(seat->worker);
        free(seat);
        return NULL;
    }
    seats = seat;
    return seat->worker;
}

clientid_worker *gateway_worker(const struct gateway *gateway)
{
    for (const struct seat *seat = seats; seat != NULL; seat = seat->next) {
        if (seat->gateway == gateway)
            return seat->worker;
    }
    return take_seat(gateway);
}
