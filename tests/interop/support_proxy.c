/* SPDX-License-Identifier: Apache-2.0 */
#include "support_proxy.h"

#include <clientid/clientid.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void sleep_ms(unsigned ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* ---- reading HTTP ---------------------------------------------------------------------------- */

/*
 * Buffered reading of a socket.  A client's wait ends after 20 s, so a fault fails a test and does not hang it; the upstream
 * waits for ever: closing a connection that is idle would break a request that is on its way.
 */
struct input {
    int fd;
    bool is_upstream;
    char data[65536];
    size_t at, len;
};

static bool fill(struct input *in)
{
    struct pollfd fd = {.fd = in->fd, .events = POLLIN};
    if (poll(&fd, 1, in->is_upstream ? -1 : 20000) <= 0)
        return false;
    ssize_t n = recv(in->fd, in->data, sizeof in->data, 0);
    in->at = 0;
    in->len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static int next_byte(struct input *in)
{
    if (in->at == in->len && !fill(in))
        return -1;
    return (unsigned char)in->data[in->at++];
}

/* Up to and with the empty line; NULL at the end of the connection. */
static char *read_head(struct input *in)
{
    size_t len = 0;
    char *head = malloc(1 << 17);
    for (int c; (c = next_byte(in)) >= 0 && len + 2 < 1 << 17;) {
        head[len++] = (char)c;
        if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0) {
            head[len] = '\0';
            return head;
        }
    }
    free(head);
    return NULL;
}

static const char *field(const char *head, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':')
            return line + 3 + len + strspn(line + 3 + len, " ");
    }
    return NULL;
}

struct sink {
    char *kept; /* NULL: only counted */
    uint64_t len;
};

static bool read_bytes(struct input *in, uint64_t len, struct sink *sink)
{
    while (len != 0) {
        if (in->at == in->len && !fill(in))
            return false;
        size_t part = in->len - in->at < len ? in->len - in->at : (size_t)len;
        if (sink->kept != NULL && sink->len + part <= 1 << 20)
            memcpy(sink->kept + sink->len, in->data + in->at, part);
        sink->len += part;
        in->at += part;
        len -= part;
    }
    return true;
}

static bool read_line(struct input *in, char *line, size_t size)
{
    size_t len = 0;
    for (int c; (c = next_byte(in)) >= 0 && len + 1 < size;) {
        if (c == '\n') {
            line[len] = '\0';
            return true;
        }
        line[len++] = (char)c;
    }
    return false;
}

static bool read_chunks(struct input *in, struct sink *sink)
{
    char line[128];
    for (;;) {
        if (!read_line(in, line, sizeof line))
            return false;
        uint64_t size = strtoull(line, NULL, 16);
        if (size == 0)
            return read_line(in, line, sizeof line);
        if (!read_bytes(in, size, sink) || !read_line(in, line, sizeof line))
            return false;
    }
}

/* ---- upstream -------------------------------------------------------------------------------- */

static atomic_uint connection_count;
static atomic_uint request_count;

unsigned upstream_connections(void)
{
    return atomic_load(&connection_count);
}

unsigned upstream_requests(void)
{
    return atomic_load(&request_count);
}

void upstream_reset_counts(void)
{
    atomic_store(&connection_count, 0);
    atomic_store(&request_count, 0);
}

static pthread_mutex_t last_lock = PTHREAD_MUTEX_INITIALIZER;
static char *last_head;

static void remember(const char *head)
{
    pthread_mutex_lock(&last_lock);
    free(last_head);
    last_head = strdup(head);
    pthread_mutex_unlock(&last_lock);
}

char *upstream_last(void)
{
    pthread_mutex_lock(&last_lock);
    char *head = strdup(last_head != NULL ? last_head : "");
    pthread_mutex_unlock(&last_lock);
    return head;
}

static bool put(int fd, const char *data, size_t len)
{
    while (len != 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool put_text(int fd, const char *text)
{
    return put(fd, text, strlen(text));
}

static bool put_answer(int fd, bool is_head, const char *body, size_t len)
{
    char head[128];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
    return put_text(fd, head) && (is_head || put(fd, body, len));
}

static bool put_long_line(int fd)
{
    char line[10000];
    memset(line, 'a', sizeof line);
    return put_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ") &&
           put(fd, line, sizeof line) && put_text(fd, "\r\n\r\nok");
}

static bool put_big(int fd, bool chunked)
{
    static const char block[16384] = {1};
    char line[128];
    if (chunked)
        snprintf(line, sizeof line, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    else
        snprintf(line, sizeof line, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", BIG_BYTES);
    bool good = put_text(fd, line);
    for (unsigned sent = 0; good && sent < BIG_BYTES; sent += sizeof block)
        good = (!chunked || put_text(fd, "4000\r\n")) && put(fd, block, sizeof block) &&
               (!chunked || put_text(fd, "\r\n"));
    return good && (!chunked || put_text(fd, "0\r\n\r\n"));
}

static const struct {
    const char *path;
    const char *answer;
    bool stays;
} canned[] = {
    {"/lines",
     "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-Two: 1\r\nset-cookie: b=2\r\nX-Two: 2\r\n"
     "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Empty:\r\n"
     "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n",
     true},
    {"/304", "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", true},
    {"/204", "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", true},
    {"/nolength", "HTTP/1.0 200 OK\r\n\r\nuntil the end", false},
    {"/lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", false},
    {"/cut", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", false},
    {"/early",
     "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
     true},
    {"/reset", "", false},
    {"/not-http", "ICY 200 OK\r\n\r\n", false},
    {"/bare-cr", "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok", false},
    {"/folded", "HTTP/1.1 200 OK\r\nX: a\r\n Y: b\r\nContent-Length: 2\r\n\r\nok", false},
    {"/no-token", "HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 2\r\n\r\nok", false},
};

/* False when the connection is to be closed. */
static bool answer(int fd, const char *head, const struct sink *body)
{
    const char *path = strchr(head, ' ') + 1;
    bool is_head = strncmp(head, "HEAD ", 5) == 0;
    char number[32];
    for (size_t i = 0; i < sizeof canned / sizeof canned[0]; i++) {
        if (strncmp(path, canned[i].path, strlen(canned[i].path)) == 0)
            return put_text(fd, canned[i].answer) && canned[i].stays;
    }
    if (strncmp(path, "/big", 4) == 0 || strncmp(path, "/stream", 7) == 0)
        return put_big(fd, path[1] == 's');
    if (strncmp(path, "/body", 5) == 0)
        return put_answer(fd, is_head, body->kept, (size_t)body->len);
    if (strncmp(path, "/count", 6) == 0) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)body->len);
        return put_answer(fd, is_head, number, strlen(number));
    }
    if (strncmp(path, "/long-line", 10) == 0)
        return put_long_line(fd);
    if (strncmp(path, "/switch", 7) == 0)
        return put_text(fd, "HTTP/1.1 101 Switching Protocols\r\n\r\n") && put_big(fd, false);
    if (strncmp(path, "/hang", 5) == 0) {
        char byte;
        (void)!recv(fd, &byte, 1, 0);
        return false;
    }
    if (strncmp(path, "/wait", 5) == 0)
        sleep_ms(300);
    return put_answer(fd, is_head, head, strlen(head));
}

static void *serve(void *cls)
{
    struct input *in = cls;
    char *head;
    bool more = true;
    while (more && (head = read_head(in)) != NULL) {
        struct sink body = {.kept = malloc((1 << 20) + 1)};
        const char *length = field(head, "content-length");
        remember(head);
        atomic_fetch_add(&request_count, 1);
        if (field(head, "transfer-encoding") != NULL)
            more = read_chunks(in, &body);
        else if (length != NULL)
            more = read_bytes(in, strtoull(length, NULL, 10), &body);
        more = more && answer(in->fd, head, &body);
        free(body.kept);
        free(head);
    }
    close(in->fd);
    free(in);
    return NULL;
}

static void *accept_all(void *cls)
{
    int fd = *(int *)cls;
    free(cls);
    for (int client; (client = accept(fd, NULL, NULL)) >= 0;) {
        struct input *in = malloc(sizeof *in);
        pthread_t thread;
        in->fd = client;
        in->is_upstream = true;
        /* A program that a test starts would keep the connection open after its end. */
        fcntl(client, F_SETFD, FD_CLOEXEC);
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        in->at = in->len = 0;
        atomic_fetch_add(&connection_count, 1);
        pthread_create(&thread, NULL, serve, in);
        pthread_detach(thread);
    }
    close(fd);
    return NULL;
}

static int listen_anywhere(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 512), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

void upstream_start(struct upstream *upstream)
{
    pthread_t thread;
    int *fd = malloc(sizeof *fd);
    signal(SIGPIPE, SIG_IGN);
    upstream->fd = *fd = listen_anywhere(&upstream->port);
    pthread_create(&thread, NULL, accept_all, fd);
    pthread_detach(thread);
}

void upstream_stop(struct upstream *upstream)
{
    shutdown(upstream->fd, SHUT_RDWR);
}

/* ---- contracts ------------------------------------------------------------------------------- */

static void emit_contract(clientid_event_fn *emit, void *sink, uint64_t id, const char *api,
                          uint64_t tier)
{
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT};
    clientid_contract_event *contract = &event.u.contract;
    *contract = (clientid_contract_event){.id = id,
                                          .api = {api, strlen(api)},
                                          .client_id = CLIENTID_STR("alice"),
                                          .name = CLIENTID_STR("Alice Inc"),
                                          .application_id = 7,
                                          .tier_id = tier,
                                          .status = CLIENTID_APPROVED};
    memcpy(contract->secrets[0].salt, "salt", 4);
    contract->secrets[0].salt_len = 4;
    assert_int_equal(
        clientid_secret_hash(&contract->secrets[0], CLIENTID_STR("wonderland"), NULL, 0), 0);
    assert_int_equal(emit(sink, &event), 0);
}

static void emit_tier(clientid_event_fn *emit, void *sink, uint64_t id, const char *name,
                      uint64_t maximum, uint64_t period_ms)
{
    const clientid_limit limit = {
        .maximum_requests = maximum, .period_ms = period_ms, .visible = 1};
    clientid_event event = {.type = CLIENTID_EVENT_TIER};
    event.u.tier =
        (clientid_tier_event){id, {name, strlen(name)}, maximum != 0 ? &limit : NULL, maximum != 0};
    assert_int_equal(emit(sink, &event), 0);
}

static int load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                clientid_error *error)
{
    (void)self;
    (void)error;
    emit_tier(emit, sink, 1, "gold", 0, 0);
    emit_tier(emit, sink, 2, "two", 2, 60000);
    emit_tier(emit, sink, 3, "quick", 2, 300);
    emit_contract(emit, sink, 1, "id", 1);
    emit_contract(emit, sink, 2, "secret", 1);
    emit_contract(emit, sink, 3, "limited", 2);
    emit_contract(emit, sink, 4, "slow", 3);
    emit_contract(emit, sink, 5, "form", 1);
    emit_contract(emit, sink, 6, "paths", 1);
    emit_contract(emit, sink, 7, "own", 1);
    *position = (clientid_position){.identity = 1, .revision = 1};
    return 0;
}

static int no_changes(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                      clientid_error *error)
{
    (void)self;
    (void)emit;
    (void)sink;
    (void)position;
    (void)error;
    return 0;
}

static int no_news(void *self, clientid_error *error)
{
    (void)self;
    (void)error;
    return 0;
}

static void close_nothing(void *self)
{
    (void)self;
}

static void write_contracts(const char *folder)
{
    const clientid_source source = {sizeof source, NULL, load, no_changes, no_news, close_nothing};
    const clientid_options options = {.size = sizeof options,
                                      .config = CLIENTID_STR("{\"apis\":{}}")};
    const clientid_sync_options sync_options = {.size = sizeof sync_options, .state = folder};
    struct timespec now;
    clientid_gateway *gateway = NULL;
    clientid_sync *sync = NULL;
    clientid_error error = {0};
    uint64_t next_ns = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    assert_int_equal(clientid_gateway_new(&gateway, &options, &error), 0);
    assert_int_equal(clientid_sync_new(&sync, gateway, &source, &sync_options, &error), 0);
    if (clientid_sync_step(sync, now_ns, &next_ns, &error) != 0)
        fail_msg("sync: %s", error.text);
    clientid_sync_del(sync);
    clientid_gateway_del(gateway);
}

/* ---- proxy ----------------------------------------------------------------------------------- */

static void path_in(const struct proxy *proxy, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", proxy->dir, name);
}

void proxy_prepare(struct proxy *proxy)
{
    char path[128];
    const char *tmp = getenv("TMPDIR");
    *proxy = (struct proxy){.pid = -1};
    snprintf(proxy->dir, sizeof proxy->dir, "%s/proxy-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(proxy->dir));
    path_in(proxy, "state", path, sizeof path);
    assert_int_equal(mkdir(path, 0700), 0);
    write_contracts(path);
}

static void replace(char *text, size_t size, const char *from, const char *to)
{
    for (char *at = text; (at = strstr(at, from)) != NULL; at += strlen(to)) {
        size_t rest = strlen(at + strlen(from)) + 1;
        assert_true((size_t)(at - text) + strlen(to) + rest <= size);
        memmove(at + strlen(to), at + strlen(from), rest);
        memcpy(at, to, strlen(to));
    }
}

void proxy_write_config(const struct proxy *proxy, const char *config, const struct upstream *up)
{
    char path[128];
    char other[128];
    char port[16];
    size_t size = strlen(config) * 2 + 4096;
    char *text = malloc(size);
    snprintf(text, size, "%s", config);
    snprintf(port, sizeof port, "%u", up != NULL ? up->port : 1);
    replace(text, size, "@DIR@", proxy->dir);
    replace(text, size, "@UP@", port);
    path_in(proxy, "config", path, sizeof path);
    path_in(proxy, "config.new", other, sizeof other);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(other, path), 0);
    free(text);
}

/* build/tests/interop/test_x -> build/clientid-proxy */
static void program_path(const char *name, char *out, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", out, size - 1);
    assert_true(len > 0);
    out[len] = '\0';
    for (int i = 0; i < 3; i++)
        *strrchr(out, '/') = '\0';
    size_t used = strlen(out);
    snprintf(out + used, size - used, "/%s", name);
}

pid_t program_spawn(const char *name, const char *config, const char *err, const char *option)
{
    char program[512];
    program_path(name, program, sizeof program);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails stops nobody */
    int fd = open(err, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDERR_FILENO);
    dup2(fd, STDOUT_FILENO);
    execl(program, name, "--config", config, option, (char *)NULL);
    _exit(127);
}

int program_wait(pid_t pid)
{
    int status = 0;
    uint64_t end_ms = now_ms() + 20000;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (now_ms() > end_ms) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        sleep_ms(10);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static pid_t spawn(const struct proxy *proxy, const char *option)
{
    char config[128];
    char err[128];
    path_in(proxy, "config", config, sizeof config);
    path_in(proxy, "err", err, sizeof err);
    return program_spawn("clientid-proxy", config, err, option);
}

int proxy_run(const struct proxy *proxy, const char *option)
{
    return program_wait(spawn(proxy, option));
}

void proxy_start(struct proxy *proxy)
{
    char path[128];
    path_in(proxy, "port", path, sizeof path);
    unlink(path);
    proxy->pid = spawn(proxy, NULL);
    if (!proxy_file_gets(proxy, "port", "\n")) {
        char *err = proxy_file(proxy, "err");
        fail_msg("clientid-proxy did not start: %s", err);
    }
    char *ports = proxy_file(proxy, "port");
    assert_int_equal(sscanf(ports, "%u %u", &proxy->port, &proxy->admin), 2);
    free(ports);
}

int proxy_stop(struct proxy *proxy)
{
    kill(proxy->pid, SIGTERM);
    int code = program_wait(proxy->pid);
    proxy->pid = -1;
    return code;
}

void proxy_remove(struct proxy *proxy)
{
    char command[128];
    if (proxy->pid > 0)
        (void)proxy_stop(proxy);
    snprintf(command, sizeof command, "rm -rf '%s'", proxy->dir);
    assert_int_equal(system(command), 0);
}

char *proxy_file(const struct proxy *proxy, const char *name)
{
    char path[128];
    size_t size = 1 << 22;
    char *text = calloc(1, size);
    path_in(proxy, name, path, sizeof path);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        (void)!fread(text, 1, size - 1, file);
        fclose(file);
    }
    return text;
}

bool proxy_file_gets(const struct proxy *proxy, const char *name, const char *text)
{
    for (uint64_t end_ms = now_ms() + 5000; now_ms() < end_ms; sleep_ms(5)) {
        char *now = proxy_file(proxy, name);
        bool has = strstr(now, text) != NULL;
        free(now);
        if (has)
            return true;
    }
    return false;
}

double proxy_metric(const struct proxy *proxy, const char *line)
{
    struct reply reply = get(proxy->admin, "/metrics", "");
    const char *at = reply.body;
    double value = -1;
    while (at != NULL && strncmp(at, line, strlen(line)) != 0) {
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at != NULL)
        value = strtod(at + strcspn(at, " \n"), NULL);
    reply_free(&reply);
    return value;
}

bool proxy_metric_gets(const struct proxy *proxy, const char *line, double value)
{
    for (uint64_t end_ms = now_ms() + 5000; now_ms() < end_ms; sleep_ms(5)) {
        if (proxy_metric(proxy, line) == value)
            return true;
    }
    return false;
}

size_t proxy_peak_bytes(const struct proxy *proxy)
{
    char path[64];
    char line[256];
    unsigned long kilobytes = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)proxy->pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "VmHWM: %lu kB", &kilobytes);
    if (file != NULL)
        fclose(file);
    return kilobytes * 1024;
}

/* ---- client ---------------------------------------------------------------------------------- */

int client_connect(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

void client_send(int fd, const void *data, size_t len)
{
    (void)put(fd, data, len);
}

void client_text(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

/* One byte at a time from the kernel would be slow, reading ahead would swallow the next answer: peek. */
static bool fill_answer(struct input *in, bool peek)
{
    struct pollfd fd = {.fd = in->fd, .events = POLLIN};
    if (poll(&fd, 1, 20000) <= 0)
        return false;
    ssize_t n = recv(in->fd, in->data, sizeof in->data, peek ? MSG_PEEK : 0);
    in->at = 0;
    in->len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static char *read_answer_head(struct input *in)
{
    for (uint64_t end_ms = now_ms() + 20000; now_ms() < end_ms; sleep_ms(1)) {
        if (!fill_answer(in, true))
            return NULL;
        size_t len = 4;
        while (len <= in->len && memcmp(in->data + len - 4, "\r\n\r\n", 4) != 0)
            len++;
        if (len > in->len)
            continue;
        char *head = calloc(1, len + 1);
        (void)!recv(in->fd, head, len, 0);
        in->at = in->len = 0;
        return head;
    }
    return NULL;
}

/* Only as much as belongs to the answer is taken from the socket. */
static bool take(int fd, uint64_t len, struct sink *sink)
{
    char data[65536];
    while (len != 0) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, 20000) <= 0)
            return false;
        ssize_t n = recv(fd, data, len < sizeof data ? (size_t)len : sizeof data, 0);
        if (n <= 0)
            return false;
        if (sink->len + (size_t)n <= 1 << 20)
            memcpy(sink->kept + sink->len, data, (size_t)n);
        sink->len += (size_t)n;
        len -= (size_t)n;
    }
    return true;
}

static bool take_line(int fd, char *line, size_t size)
{
    struct sink one = {.kept = malloc((1 << 20) + 1)};
    size_t len = 0;
    bool good = true;
    while (good && len + 1 < size) {
        one.len = 0;
        good = take(fd, 1, &one);
        if (!good || one.kept[0] == '\n')
            break;
        line[len++] = one.kept[0];
    }
    line[len] = '\0';
    free(one.kept);
    return good;
}

static bool take_chunks(int fd, struct sink *sink)
{
    char line[128];
    for (;;) {
        if (!take_line(fd, line, sizeof line))
            return false;
        uint64_t size = strtoull(line, NULL, 16);
        if (size == 0)
            return take_line(fd, line, sizeof line);
        if (!take(fd, size, sink) || !take_line(fd, line, sizeof line))
            return false;
    }
}

struct reply client_read(int fd, bool head_request)
{
    struct input *in = calloc(1, sizeof *in);
    struct reply reply = {.status = 0};
    struct sink sink = {.kept = calloc(1, (1 << 20) + 1)};
    in->fd = fd;
    reply.head = read_answer_head(in);
    free(in);
    if (reply.head != NULL) {
        const char *length = field(reply.head, "content-length");
        reply.status = (unsigned)strtoul(reply.head + 9, NULL, 10);
        if (head_request || reply.status < 200 || reply.status == 204 || reply.status == 304)
            reply.whole = true;
        else if (field(reply.head, "transfer-encoding") != NULL)
            reply.whole = take_chunks(fd, &sink);
        else if (length != NULL)
            reply.whole = take(fd, strtoull(length, NULL, 10), &sink);
        else
            reply.closed = !take(fd, UINT64_MAX, &sink);
    }
    reply.body = sink.kept;
    reply.length = sink.len;
    return reply;
}

void reply_free(struct reply *reply)
{
    free(reply->head);
    free(reply->body);
}

static bool ended_within(int fd, int ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&wait, 1, ms) > 0 && recv(fd, &byte, 1, MSG_PEEK) <= 0;
}

bool client_ended(int fd)
{
    return ended_within(fd, 5000);
}

bool client_drained(int fd)
{
    char data[4096];
    for (uint64_t end_ms = now_ms() + 5000; now_ms() < end_ms;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, 5000) > 0 && recv(fd, data, sizeof data, 0) <= 0)
            return true;
    }
    return false;
}

bool client_ended_now(int fd)
{
    return ended_within(fd, 0);
}

struct reply ask_bytes(unsigned port, const char *data, size_t len)
{
    int fd = client_connect(port);
    assert_true(fd >= 0);
    client_send(fd, data, len);
    struct reply reply = client_read(fd, len > 5 && memcmp(data, "HEAD ", 5) == 0);
    close(fd);
    return reply;
}

struct reply ask(unsigned port, const char *text)
{
    return ask_bytes(port, text, strlen(text));
}

struct reply get(unsigned port, const char *target, const char *lines)
{
    size_t size = strlen(target) + strlen(lines) + 64;
    char *text = malloc(size);
    snprintf(text, size, "GET %s HTTP/1.1\r\nHost: test\r\n%s\r\n", target, lines);
    struct reply reply = ask(port, text);
    free(text);
    return reply;
}

void assert_has(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("no \"%s\" in:\n%s", part, text != NULL ? text : "(nothing)");
}

void assert_hasnt(const char *text, const char *part)
{
    if (text != NULL && strstr(text, part) != NULL)
        fail_msg("\"%s\" in:\n%s", part, text);
}
