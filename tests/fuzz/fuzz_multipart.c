/* SPDX-License-Identifier: Apache-2.0 */
/* clientid__parts_read: the first line is the Content-Type, the rest the body. */
#include "extract/body.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) ((condition) ? (void)0 : abort())

static int header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    *value = *(const clientid_str *)host;
    return nth == 0 && name.len == 12; /* content-type */
}

static void read_id(clientid_str type, clientid_str body, struct clientid__param *param)
{
    static const struct clientid__caps caps = {64, 64, 16, 1 << 20};
    clientid_request request = {
        .header = header, .host = &type, .body = body, .flags = CLIENTID_BODY_GIVEN};
    const struct clientid__reader reader = {&request, &caps, NULL, 0};

    *param = (struct clientid__param){.name = {"client_id", 9}};
    CHECK(clientid__parts_read(&reader, param, 1) == 0);
}

static void check_found(clientid_str type, clientid_str body, const struct clientid__value *v)
{
    struct clientid__param cut;
    const char *end = v->text.ptr + v->text.len;

    CHECK(v->text.ptr > body.ptr && end < body.ptr + body.len);
    CHECK(v->text.len >= 1 && v->text.len <= 64 && !clientid__has_control(v->text));
    /* The value stands between an empty line and a delimiter. */
    CHECK(memcmp(v->text.ptr - 4, "\r\n\r\n", 4) == 0);
    CHECK(body.ptr + body.len - end >= 4 && memcmp(end, "\r\n--", 4) == 0);
    /* A body cut off behind the value is refused. */
    read_id(type, (clientid_str){body.ptr, (size_t)(end - body.ptr)}, &cut);
    CHECK(cut.value.reason == CLIENTID_REASON_CREDENTIALS_MALFORMED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t type_len = newline != NULL ? (size_t)(newline - data) : size;
    size_t body_len = newline != NULL ? size - type_len - 1 : 0;
    char *type = malloc(type_len > 0 ? type_len : 1), *body = malloc(body_len > 0 ? body_len : 1);
    struct clientid__param param;

    CHECK(type != NULL && body != NULL);
    if (type_len > 0)
        memcpy(type, data, type_len);
    if (body_len > 0)
        memcpy(body, newline + 1, body_len);
    read_id((clientid_str){type, type_len}, (clientid_str){body, body_len}, &param);
    if (clientid__value_there(&param.value))
        check_found((clientid_str){type, type_len}, (clientid_str){body, body_len}, &param.value);
    free(type);
    free(body);
    return 0;
}
