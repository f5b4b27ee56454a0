/* SPDX-License-Identifier: Apache-2.0 */
/* A webhook is told once, at the URL that was registered and nowhere else: no redirects, certificates are checked. */
#include "transfer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_AFTER_MAX_S 86400

static bool put_peer(struct transfer *transfer, clientid_str url)
{
    CURLU *parts = curl_url();
    char *text = strndup(url.ptr, url.len);
    char *host = NULL, *port = NULL;
    bool good = parts != NULL && text != NULL &&
                curl_url_set(parts, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (good)
        (void)snprintf(transfer->peer, sizeof transfer->peer, "%.255s:%.8s", host, port);
    curl_free(host);
    curl_free(port);
    free(text);
    curl_url_cleanup(parts);
    return good;
}

/* ---- client certificates --------------------------------------------------------------------- */

static bool is_file_name(clientid_str name)
{
    return name.len != 0 && name.len < 256 && name.ptr[0] != '.' &&
           memchr(name.ptr, '/', name.len) == NULL && memchr(name.ptr, '\0', name.len) == NULL;
}

/* PKCS#12 is DER, which begins with a SEQUENCE; "-----BEGIN" does not.  NULL: it cannot be read. */
static const char *kind_of_file(const char *path)
{
    unsigned char first = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = fd >= 0 ? read(fd, &first, 1) : -1;
    if (fd >= 0)
        (void)close(fd);
    if (got != 1)
        return NULL;
    return first == 0x30 ? "P12" : "PEM";
}

static bool set_certificate(struct transfer *transfer, const struct config *config,
                            const clientid_delivery *delivery)
{
    char path[4400];
    const char *folder = config->hooks.certificates;
    CURL *easy = transfer->easy;
    if (folder == NULL || !is_file_name(delivery->file_id)) {
        transfer_end(transfer, CLIENTID_DELIVERY_LATER, "%s",
                     folder == NULL ? "hooks.certificates is not configured"
                                    : "file_id is not the name of a file");
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/%.*s", folder, (int)delivery->file_id.len,
                   delivery->file_id.ptr);
    const char *kind = kind_of_file(path);
    if (kind == NULL) {
        transfer_end(transfer, CLIENTID_DELIVERY_LATER, "certificate %.*s cannot be read",
                     (int)delivery->file_id.len, delivery->file_id.ptr);
        return false;
    }
    curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, kind);
    curl_easy_setopt(easy, CURLOPT_SSLCERT, path);
    if (strcmp(kind, "PEM") == 0) /* the key is in the same file */
        curl_easy_setopt(easy, CURLOPT_SSLKEY, path);
    return delivery->password.len == 0 || transfer_set(easy, CURLOPT_KEYPASSWD, delivery->password);
}

/* ---- one request ----------------------------------------------------------------------------- */

/* What a callback answers is its status; the time-out bounds how long it may go on. */
static size_t ignore(char *bytes, size_t size, size_t count, void *self)
{
    (void)bytes;
    (void)self;
    return size * count;
}

static bool set_headers(struct transfer *transfer)
{
    static const char *const lines[] = {"Content-Type: application/json",
                                        "Accept: application/json", "Expect:"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct curl_slist *longer = curl_slist_append(transfer->list, lines[i]);
        if (longer == NULL)
            return false;
        transfer->list = longer;
    }
    return curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->list) == CURLE_OK;
}

static bool set_authentication(struct transfer *transfer, const struct config *config,
                               const clientid_delivery *delivery)
{
    CURL *easy = transfer->easy;
    if (delivery->authentication == CLIENTID_HOOK_SSL)
        return set_certificate(transfer, config, delivery);
    if (delivery->authentication != CLIENTID_HOOK_BASIC)
        return true;
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    return transfer_set(easy, CURLOPT_USERNAME, delivery->username) &&
           transfer_set(easy, CURLOPT_PASSWORD, delivery->password);
}

void hook_prepare(struct transfer *transfer, const struct outlet *outlet,
                  const clientid_delivery *delivery)
{
    const struct config *config = outlet->config;
    if (delivery->locked) {
        transfer_end(transfer, CLIENTID_DELIVERY_LATER,
                     "its password cannot be opened with this sealing key");
        return;
    }
    if (!put_peer(transfer, delivery->url)) {
        transfer_end(transfer, CLIENTID_DELIVERY_REFUSED, "the URL is not one");
        return;
    }
    bool good = transfer_open(transfer, config) && set_headers(transfer) &&
                transfer_set(transfer->easy, CURLOPT_URL, delivery->url) &&
                set_authentication(transfer, config, delivery);
    if (!good) {
        transfer_end(transfer, CLIENTID_DELIVERY_LATER, "out of memory");
        return;
    }
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    if (config->hooks.ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, config->hooks.ca_file);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)delivery->body.len);
    if (curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, delivery->body.ptr) != CURLE_OK)
        transfer_end(transfer, CLIENTID_DELIVERY_LATER, "out of memory");
}

/* The same request will be answered with the same status: it is not worth another attempt. */
static bool is_final(long status)
{
    static const long final[] = {400, 405, 410, 413, 415, 422};
    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++) {
        if (status == final[i])
            return true;
    }
    return false;
}

static uint64_t retry_after_ns(CURL *easy)
{
    curl_off_t seconds = 0;
    struct timespec now;
    (void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds <= 0)
        return 0;
    if (seconds > RETRY_AFTER_MAX_S)
        seconds = RETRY_AFTER_MAX_S;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec + (uint64_t)seconds) * 1000000000 + (uint64_t)now.tv_nsec;
}

void hook_judge(struct transfer *transfer, CURLcode code)
{
    long status = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK) {
        transfer_end(transfer, CLIENTID_DELIVERY_LATER, "%s",
                     transfer->reason[0] != '\0' ? transfer->reason : curl_easy_strerror(code));
        return;
    }
    transfer->not_before_ns = retry_after_ns(transfer->easy);
    transfer_end(transfer,
                 status >= 200 && status < 300 ? CLIENTID_DELIVERY_DONE
                 : is_final(status)            ? CLIENTID_DELIVERY_REFUSED
                                               : CLIENTID_DELIVERY_LATER,
                 "HTTP %ld", status);
}
