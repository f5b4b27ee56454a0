/* SPDX-License-Identifier: Apache-2.0 */
/* What a new gateway does first: all pages of the feed, from the first link to the last. */
#include "portal.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *data;
    size_t len, cap;
};

static size_t keep(char *data, size_t size, size_t count, void *self)
{
    struct text *text = self;
    size_t len = size * count;

    if (text->len + len + 1 > text->cap) {
        text->cap = (text->len + len + 1) * 2;
        text->data = realloc(text->data, text->cap);
        if (text->data == NULL)
            die("memory");
    }
    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
    return len;
}

static size_t count_items(const char *text)
{
    size_t count = 0;

    while ((text = strstr(text, "\"contractId\":")) != NULL) {
        count++;
        text++;
    }
    return count;
}

static bool next_path(const char *text, char *path, size_t size)
{
    const char *next = strstr(text, "\"next\":\"");
    size_t len;

    if (next == NULL)
        return false;
    next += strlen("\"next\":\"");
    len = strcspn(next, "\"");
    if (len >= size)
        return false;
    memcpy(path, next, len);
    path[len] = '\0';
    return true;
}

struct feed feed_run(const struct subject *subject)
{
    struct feed out = {0};
    struct text text = {NULL, 0, 0};
    struct curl_slist *headers = NULL;
    CURL *curl = curl_easy_init();
    char path[512], url[600], header[128];
    double start_s = seconds_now();
    size_t items = 1;

    if (curl == NULL)
        die("curl");
    snprintf(path, sizeof path,
             "/apigateway/ccs/v3/organizations/%s/environments/%s/apis/%lu/contracts",
             BENCH_ORGANIZATION, BENCH_ENVIRONMENT, (unsigned long)subject->api);
    snprintf(header, sizeof header, "Authorization: Bearer %s", subject->token);
    headers = curl_slist_append(headers, header);
    headers = curl_slist_append(headers, "X-Accept-Hash-Algorithm: sha256");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
    while (items != 0) {
        snprintf(url, sizeof url, "http://127.0.0.1:%u%s", subject->port, path);
        text.len = 0;
        curl_easy_setopt(curl, CURLOPT_URL, url);
        if (curl_easy_perform(curl) != CURLE_OK || text.data == NULL ||
            !next_path(text.data, path, sizeof path)) {
            fprintf(stderr, "the feed failed: %.200s\n", text.data != NULL ? text.data : "");
            exit(1);
        }
        items = count_items(text.data);
        out.contracts += items;
        out.bytes += text.len;
        out.pages++;
    }
    out.seconds = seconds_now() - start_s;
    free(text.data);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return out;
}
