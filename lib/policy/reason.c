/* SPDX-License-Identifier: Apache-2.0 */
#include <clientid/check.h>

const char *clientid_reason_label(clientid_reason reason)
{
    switch (reason) {
#define CLIENTID_REASON_CASE(name, label, verdict, text)                                           \
    case CLIENTID_REASON_##name:                                                                   \
        return label;
        CLIENTID_REASON_MAP(CLIENTID_REASON_CASE)
#undef CLIENTID_REASON_CASE
    case CLIENTID_REASON_COUNT:
        break;
    }
    return "?";
}

const char *clientid_reason_text(clientid_reason reason)
{
    switch (reason) {
#define CLIENTID_REASON_CASE(name, label, verdict, text)                                           \
    case CLIENTID_REASON_##name:                                                                   \
        return text;
        CLIENTID_REASON_MAP(CLIENTID_REASON_CASE)
#undef CLIENTID_REASON_CASE
    case CLIENTID_REASON_COUNT:
        break;
    }
    return "?";
}

const char *clientid_verdict_label(clientid_verdict verdict)
{
    switch (verdict) {
    case CLIENTID_ALLOW:
        return "allow";
    case CLIENTID_DENY:
        return "deny";
    case CLIENTID_DELAY:
        return "delay";
    case CLIENTID_NEED_BODY:
        return "need-body";
    }
    return "?";
}
