#define _GNU_SOURCE /* RTLD_NEXT */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No allocation, lock or system call while a request is decided: the allocator and the mutex are interposed, and the
 * program runs itself once more under strace, with two marks around its requests.
 */
#include "support_world.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INTERPOSE 0 /* the sanitizers are interposed already */
#else
#define INTERPOSE 1
#endif

static unsigned long forbidden_calls;

#if INTERPOSE
static int watching;

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void __libc_free(void *memory);

void *malloc(size_t bytes)
{
    forbidden_calls += (unsigned long)watching;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    forbidden_calls += (unsigned long)watching;
    return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    forbidden_calls += (unsigned long)watching;
    return __libc_realloc(memory, bytes);
}

void free(void *memory)
{
    forbidden_calls += (unsigned long)watching;
    __libc_free(memory);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static int (*real)(pthread_mutex_t *);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    forbidden_calls += (unsigned long)watching;
    return real(mutex);
}

static void watch(int on)
{
    watching = on;
}
#else
static void watch(int on)
{
    (void)on;
}
#endif

static const char config[] =
    "{\"apis\": {\"orders\": {\"headers\": \"draft-11\", \"policies\": ["
    "{\"policy\": \"spike-control\", \"limit\": \"1000/1s\", \"order\": 1},"
    "{\"policy\": \"client-id-enforcement\", \"basic\": true, \"id\": \"any:client_id\", "
    "\"secret\": \"any:client_secret\", \"order\": 2},"
    "{\"policy\": \"rate-limiting-sla-based\", \"basic\": true, \"id\": \"any:client_id\", "
    "\"secret\": \"any:client_secret\", \"order\": 3, \"exposeHeaders\": true},"
    "{\"policy\": \"throttling-sla-based\", \"id\": \"any:client_id\", \"secret\": "
    "\"any:client_secret\", \"order\": 4, \"algorithm\": \"token-bucket\","
    " \"match\": [{\"method\": \"GET|POST\", \"path\": \"/(a|b)+/.*[0-9]+x?\"}]},"
    "{\"policy\": \"rate-limiting\", \"limits\": [\"100/1m\"], \"key\": \"header:x-user\", "
    "\"order\": 5}]},"
    "\"body\": {\"policies\": [{\"policy\": \"client-id-enforcement\", \"id\": \"form:client_id\", "
    "\"secret\": \"form:client_secret\"}]}}}";

static const struct {
    const char *api, *raw;
} requests[] = {
    {"orders", "GET /a/b/17?client_id=app&client_secret=right HTTP/1.1\r\nX-User: u\r\n\r\n"},
    {"orders", "GET /%61/../a/b/17?client%5Fid=a%70p&client_secret=right HTTP/1.1\r\n\r\n"},
    {"orders", "GET /c HTTP/1.1\r\nAuthorization: Basic YXBwOnJpZ2h0\r\n\r\n"},
    {"orders", "GET /c HTTP/1.1\r\nAuthorization: Basic YXBwOndyb25n\r\n\r\n"},
    {"orders", "GET /c?client_id=nobody&client_secret=x HTTP/1.1\r\n\r\n"},
    {"orders",
     "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
     "HTTP/1.1\r\n\r\n"},
    {"body",
     "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
     "33\r\n\r\nclient_id=app&client_secret=right"},
    {"unknown", "GET / HTTP/1.1\r\n\r\n"},
};

enum { COUNT = sizeof(requests) / sizeof(requests[0]), ROUNDS = 300 };

static void prepare(struct support_world *w, const clientid_api *apis[COUNT])
{
    support_world_new(w, config);
    support_tier(w, 1, "gold", 100, 60000);
    support_contract(w, &(struct support_contract){
                            .api = "orders", .client_id = "app", .secret = "right", .tier_id = 1});
    support_contract(
        w, &(struct support_contract){
               .api = "body", .client_id = "app", .secret = "right", .tier_id = 1, .id = 2});
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(clientid_api_get(w->gateway,
                                          (clientid_str){requests[i].api, strlen(requests[i].api)},
                                          &apis[i]),
                         0);
}

/* Everything that a host calls for a request. */
static void serve(struct support_world *w, const clientid_api *api, const char *text)
{
    clientid_str raw = {text, strlen(text)};
    clientid_decision decision = {.size = sizeof(decision)};
    clientid_answer answer = {.size = sizeof(answer)};
    char query[256];
    size_t len = sizeof(query);

    support_request_parse(&w->request, raw, w->now_ns);
    w->now_ns += 100000000;
    if (support_request_check(&w->request, w->worker, api, raw, &decision) != 0)
        return;
    if (decision.verdict == CLIENTID_DELAY)
        (void)clientid_resume(w->worker, &w->request.request, &decision);
    clientid_cancel(&decision);
    (void)clientid_render(&decision, &answer);
    (void)clientid_strip(&decision, w->request.request.query, query, &len);
    (void)clientid_refund(w->worker, &decision.receipt, w->now_ns);
    clientid_worker_latency(w->worker, 1000);
}

static void serve_all(struct support_world *w, const clientid_api *apis[COUNT])
{
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < COUNT; i++)
            serve(w, apis[i], requests[i].raw);
}

static void test_no_allocation_no_lock(void **state)
{
    const clientid_api *apis[COUNT];
    struct support_world w;

    (void)state;
    prepare(&w, apis);
    watch(1);
    serve_all(&w, apis);
    watch(0);
    assert_int_equal(forbidden_calls, 0);
    support_world_del(&w);
}

static void mark(const char *text)
{
    if (write(-1, text, strlen(text)) >= 0)
        abort();
}

#if INTERPOSE /* a sanitizer's own calls would be found */
static void test_no_system_call(void **state)
{
    char command[512], self[256], line[512];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    int inside = 0, marks = 0;
    FILE *trace;

    (void)state;
    assert_true(len > 0);
    self[len] = '\0';
    snprintf(command, sizeof(command), "strace -o '|cat >&3' '%s' --marked 3>&1 >/dev/null", self);
    trace = popen(command, "r");
    assert_non_null(trace);
    while (fgets(line, sizeof(line), trace) != NULL) {
        if (strstr(line, "\"first mark\"") != NULL || strstr(line, "\"second mark\"") != NULL) {
            inside = !inside;
            marks++;
        } else if (inside) {
            fail_msg("a system call on the request path: %s", line);
        }
    }
    pclose(trace);
    assert_int_equal(marks, 2);
}
#endif

static void serve_marked(void **state)
{
    const clientid_api *apis[COUNT];
    struct support_world w;

    (void)state;
    prepare(&w, apis);
    serve_all(&w, apis); /* the first touch of memory is the kernel's business */
    mark("first mark");
    serve_all(&w, apis);
    mark("second mark");
    support_world_del(&w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_allocation_no_lock),
#if INTERPOSE
        cmocka_unit_test(test_no_system_call),
#endif
    };
    const struct CMUnitTest marked[] = {cmocka_unit_test(serve_marked)};

    if (argc > 1 && strcmp(argv[1], "--marked") == 0)
        return cmocka_run_group_tests(marked, NULL, NULL);
    return cmocka_run_group_tests_name("request path", tests, NULL, NULL);
}
