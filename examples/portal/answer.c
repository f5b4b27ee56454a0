/* SPDX-License-Identifier: Apache-2.0 */
/* What another portal is answered.  It is said until that portal takes it: nobody else has the credentials. */
#include "transfer.h"

#include <stdio.h>

static size_t ignore(char *bytes, size_t size, size_t count, void *self)
{
    (void)bytes;
    (void)self;
    return size * count;
}

static bool set_request(struct transfer *transfer, const struct outlet *outlet,
                        const clientid_delivery *delivery)
{
    const struct config_gateway *gateway = &outlet->config->gateway;
    CURL *easy = transfer->easy;
    char url[1600];
    (void)snprintf(url, sizeof url, "%s%.*s", gateway->portal, (int)delivery->url.len,
                   delivery->url.ptr);
    transfer->list = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)delivery->body.len);
    return transfer->list != NULL &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->list) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERNAME, gateway->username) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PASSWORD, outlet->portal_password) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
                            delivery->body.len != 0 ? delivery->body.ptr : "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT") == CURLE_OK;
}

void answer_prepare(struct transfer *transfer, const struct outlet *outlet,
                    const clientid_delivery *delivery)
{
    const struct config *config = outlet->config;
    if (outlet->portal_password == NULL) {
        transfer_end(transfer, CLIENTID_DELIVERY_LATER, "this portal is no gateway");
        return;
    }
    if (delivery->locked) {
        transfer_end(transfer, CLIENTID_DELIVERY_LATER,
                     "it cannot be opened with this sealing key");
        return;
    }
    (void)snprintf(transfer->peer, sizeof transfer->peer, "%.255s", config->gateway.portal);
    if (!transfer_open(transfer, config) || !set_request(transfer, outlet, delivery)) {
        transfer_end(transfer, CLIENTID_DELIVERY_LATER, "out of memory");
        return;
    }
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    if (config->gateway.ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, config->gateway.ca_file);
}

void answer_judge(struct transfer *transfer, CURLcode code)
{
    long status = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        transfer_end(transfer, CLIENTID_DELIVERY_LATER, "%s",
                     transfer->reason[0] != '\0' ? transfer->reason : curl_easy_strerror(code));
    else
        transfer_end(transfer,
                     status >= 200 && status < 300 ? CLIENTID_DELIVERY_DONE
                                                   : CLIENTID_DELIVERY_LATER,
                     "HTTP %ld", status);
}
