/* SPDX-License-Identifier: Apache-2.0 */
/* A mail server that is away, or not configured rightly, is tried again; an address that it does not take is not. */
#include "mail.h"

#include "transfer.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 60000L

/* A password, and what a notice says, does not go over a network in the clear. */
static bool is_loopback(const char *server)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    bool loopback = parts != NULL && curl_url_set(parts, CURLUPART_URL, server, 0) == CURLUE_OK &&
                    curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                    (strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0 ||
                     strcmp(host, "localhost") == 0);
    curl_free(host);
    curl_url_cleanup(parts);
    return loopback;
}

const char *mail_fault(const struct config_mail *mail)
{
    if (mail->server == NULL)
        return NULL;
    if (mail_address_of(mail->from).len == 0 || strpbrk(mail->from, "\r\n\t") != NULL)
        return "mail.from must be an address, or a name and an <address>";
    if (strncmp(mail->server, "smtp://", 7) != 0 && strncmp(mail->server, "smtps://", 8) != 0)
        return "mail.server must begin with smtp:// or smtps://";
    if (mail->plain && !is_loopback(mail->server))
        return "mail.plain is for a server on this machine";
    return NULL;
}

static size_t read_text(char *buffer, size_t size, size_t count, void *self)
{
    struct transfer *transfer = self;
    size_t len = transfer->text_len - transfer->text_at;
    if (len > size * count)
        len = size * count;
    memcpy(buffer, transfer->text + transfer->text_at, len);
    transfer->text_at += len;
    return len;
}

/* libcurl writes "<...>" around what has none. */
static bool set_envelope(struct transfer *transfer, const struct config *config,
                         const clientid_delivery *delivery)
{
    char recipient[300];
    (void)snprintf(recipient, sizeof recipient, "<%.*s>", (int)delivery->recipient.len,
                   delivery->recipient.ptr);
    transfer->list = curl_slist_append(NULL, recipient);
    return transfer->list != NULL &&
           curl_easy_setopt(transfer->easy, CURLOPT_MAIL_RCPT, transfer->list) == CURLE_OK &&
           transfer_set(transfer->easy, CURLOPT_MAIL_FROM, mail_address_of(config->mail.from));
}

static bool set_server(CURL *easy, const struct outlet *outlet)
{
    const struct config_mail *mail = &outlet->config->mail;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_USE_SSL, mail->plain ? (long)CURLUSESSL_NONE : CURLUSESSL_ALL);
    if (mail->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, mail->ca_file);
    if (outlet->mail_password != NULL &&
        (curl_easy_setopt(easy, CURLOPT_USERNAME, mail->username) != CURLE_OK ||
         curl_easy_setopt(easy, CURLOPT_PASSWORD, outlet->mail_password) != CURLE_OK))
        return false;
    return curl_easy_setopt(easy, CURLOPT_URL, mail->server) == CURLE_OK;
}

void mail_prepare(struct transfer *transfer, const struct outlet *outlet,
                  const clientid_delivery *delivery)
{
    const struct config *config = outlet->config;
    if (config->mail.server == NULL) { /* it was there when the notice was written */
        transfer_end(transfer, CLIENTID_DELIVERY_LATER, "no mail server is configured");
        return;
    }
    (void)snprintf(transfer->peer, sizeof transfer->peer, "%s", config->mail.server);
    if (!mail_address_is_plain(delivery->recipient)) {
        transfer_end(transfer, CLIENTID_DELIVERY_REFUSED, "not an address that mail can go to");
        return;
    }
    transfer->text = mail_text(config->mail.from, delivery, &transfer->text_len);
    if (transfer->text == NULL || !transfer_open(transfer, config) ||
        !set_server(transfer->easy, outlet) || !set_envelope(transfer, config, delivery)) {
        transfer_end(transfer, CLIENTID_DELIVERY_LATER, "out of memory");
        return;
    }
    curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(transfer->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(transfer->easy, CURLOPT_READFUNCTION, read_text);
    curl_easy_setopt(transfer->easy, CURLOPT_READDATA, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->text_len);
}

void mail_judge(struct transfer *transfer, CURLcode code)
{
    long status = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK) {
        transfer_end(transfer, CLIENTID_DELIVERY_DONE, "SMTP %ld", status);
        return;
    }
    /* 550 to 559 in answer to an envelope or a text are about this mail; 530, 535 and the like about us. */
    bool about_mail = code == CURLE_SEND_ERROR || code == CURLE_WEIRD_SERVER_REPLY;
    transfer_end(transfer,
                 about_mail && status >= 550 && status <= 559 ? CLIENTID_DELIVERY_REFUSED
                                                              : CLIENTID_DELIVERY_LATER,
                 "SMTP %ld: %s", status,
                 transfer->reason[0] != '\0' ? transfer->reason : curl_easy_strerror(code));
}
