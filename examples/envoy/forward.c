/* SPDX-License-Identifier: Apache-2.0 */
/* An upstream, and later filters, see an identity only when a decision verified it. */
#include "forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- who ------------------------------------------------------------------------------------- */

/* Length of the UTF-8 sequence (RFC 3629) at |at|, 0 when it is none. */
static size_t utf8_len(const unsigned char *at, size_t room)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (len == 1)
        return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4 || len > room)
        return 0;
    unsigned code = at[0] & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fU);
    }
    return code >= least[len] && code <= 0x10ffff && (code & ~0x7ffU) != 0xd800 ? len : 0;
}

/* Without control characters, which could end a header line, and in UTF-8, which protocol buffers insist on. */
static struct abi_bytes clean(char out[IDENTITY_VALUE_BYTES], clientid_str in)
{
    if (in.len > IDENTITY_VALUE_BYTES)
        return (struct abi_bytes){NULL, 0};
    for (size_t i = 0; i < in.len;) {
        const unsigned char *at = (const unsigned char *)in.ptr + i;
        size_t len = utf8_len(at, in.len - i);
        if (len == 0 || (len == 1 && (*at < 0x20 || *at == 0x7f))) {
            out[i++] = '?';
            continue;
        }
        memcpy(out + i, at, len);
        i += len;
    }
    return (struct abi_bytes){out, in.len};
}

void forward_who(struct who *who, const clientid_decision *decision, bool claimed)
{
    memset(who->value, 0, sizeof who->value);
    if (decision->verified || claimed)
        who->value[IDENTITY_ID] = clean(who->text[IDENTITY_ID], decision->client_id);
    if (!decision->verified)
        return;
    who->value[IDENTITY_NAME] = clean(who->text[IDENTITY_NAME], decision->client_name);
    who->value[IDENTITY_TIER] = clean(who->text[IDENTITY_TIER], decision->tier);
}

/* ---- request --------------------------------------------------------------------------------- */

/* CGI, WSGI and PHP make '_' of '-', PHP of '.' too: what they would take for an identity line is one. */
static char folded(char c)
{
    return c == '_' || c == '.' ? '-' : c;
}

static bool names_alike(struct abi_bytes name, struct abi_bytes other)
{
    if (name.len != other.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (folded(name.ptr[i]) != folded(other.ptr[i]))
            return false;
    }
    return true;
}

static bool stays(const struct filter *filter, const clientid_decision *decision,
                  struct abi_bytes name)
{
    for (size_t i = 0; i < IDENTITY_COUNT; i++) {
        if (filter->identity[i].len != 0 && names_alike(name, filter->identity[i]))
            return false;
    }
    return decision == NULL || name.ptr[0] == ':' ||
           !clientid_strips_header(decision, (clientid_str){name.ptr, name.len});
}

/* Names to be removed, copied: Envoy's bytes are its own again with the first thing that is set. */
struct removals {
    struct abi_bytes *names;
    size_t count;
    struct abi_bytes room[8];
    char text[512];
    char *more; /* when |room| or |text| are too small */
};

static bool collect(struct removals *out, const struct filter *filter, const struct lines *lines,
                    const clientid_decision *decision)
{
    size_t len = 0;
    out->names = out->room;
    out->count = 0;
    out->more = NULL;
    for (size_t i = 0; i < lines->count; i++) {
        struct abi_bytes name = lines->at[i].name;
        if (name.len == 0 || stays(filter, decision, name))
            continue;
        if (out->more == NULL && (out->count == 8 || len + name.len > sizeof out->text)) {
            size_t rest = 0;
            for (size_t j = 0; j < lines->count; j++)
                rest += lines->at[j].name.len;
            out->more = malloc(lines->count * sizeof *out->names + len + rest);
            if (out->more == NULL)
                return false;
            out->names = (struct abi_bytes *)(void *)out->more;
            memcpy(out->names, out->room, out->count * sizeof *out->names);
            len = 0;
        }
        char *to = out->more != NULL ? out->more + lines->count * sizeof *out->names : out->text;
        memcpy(to + len, name.ptr, name.len);
        out->names[out->count++] = (struct abi_bytes){to + len, name.len};
        len += name.len;
    }
    return true;
}

/* The target without credentials in its query; empty when it stays as it is. */
struct target {
    struct abi_bytes bytes;
    char *more;
    char room[4096];
};

static bool strip(struct target *out, const struct lines *lines, const clientid_decision *decision)
{
    clientid_request request;
    out->bytes = (struct abi_bytes){NULL, 0};
    out->more = NULL;
    lines_request(lines, &request);
    if (decision == NULL || request.query.len == 0)
        return true;
    char *to = out->room;
    if (request.path.len + 1 + request.query.len > sizeof out->room)
        to = out->more = malloc(request.path.len + 1 + request.query.len);
    if (to == NULL)
        return false;
    size_t len = request.query.len;
    char *query = to + request.path.len + 1;
    if (clientid_strip(decision, request.query, query, &len) < 0)
        return false;
    if (len == request.query.len)
        return true;
    memcpy(to, request.path.ptr, request.path.len);
    to[request.path.len] = '?';
    out->bytes = (struct abi_bytes){to, len != 0 ? request.path.len + 1 + len : request.path.len};
    return true;
}

static bool remove_all(void *envoy, int type, const struct removals *removals)
{
    bool good = true;
    for (size_t i = 0; good && i < removals->count; i++)
        good = CALL(http_set_header)(envoy, type, removals->names[i], ABI_BYTES(""));
    return good;
}

bool forward_request(void *envoy, const struct filter *filter, const struct lines *lines,
                     const clientid_decision *decision, const struct who *who)
{
    struct removals removals;
    struct target target = {.more = NULL};
    bool good = collect(&removals, filter, lines, decision) && strip(&target, lines, decision) &&
                remove_all(envoy, ABI_REQUEST_HEADERS, &removals);
    if (good && target.bytes.len != 0)
        good = CALL(http_set_header)(envoy, ABI_REQUEST_HEADERS, ABI_BYTES(":path"), target.bytes);
    for (size_t i = 0; good && decision != NULL && i < IDENTITY_COUNT; i++) {
        if (filter->identity[i].len != 0 && who->value[i].len != 0)
            good = CALL(http_set_header)(envoy, ABI_REQUEST_HEADERS, filter->identity[i],
                                         who->value[i]);
    }
    free(removals.more);
    free(target.more);
    return good;
}

bool forward_trailers(void *envoy, const struct filter *filter)
{
    struct lines lines;
    struct removals removals;
    if (!lines_read(&lines, envoy, ABI_REQUEST_TRAILERS))
        return false;
    bool good = collect(&removals, filter, &lines, NULL) &&
                remove_all(envoy, ABI_REQUEST_TRAILERS, &removals);
    free(removals.more);
    lines_free(&lines);
    return good;
}

void forward_refused(void *envoy, const struct lines *lines, const clientid_decision *decision)
{
    struct target target;
    if (strip(&target, lines, decision) && target.bytes.len != 0)
        (void)CALL(http_set_header)(envoy, ABI_REQUEST_HEADERS, ABI_BYTES(":path"), target.bytes);
    free(target.more);
}

/* ---- what is known of it --------------------------------------------------------------------- */

/* The least that any limit in force leaves; UINT64_MAX without limits. */
static uint64_t remaining(const clientid_decision *decision)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < decision->limit_count; i++) {
        const clientid_limit_report *limit = &decision->limits[i];
        if (!(limit->flags & CLIENTID_LIMIT_SHADOW) && limit->remaining < least)
            least = limit->remaining;
    }
    return least;
}

static struct abi_bytes decimal(char out[24], uint64_t number)
{
    return (struct abi_bytes){out, (size_t)snprintf(out, 24, "%llu", (unsigned long long)number)};
}

/* Numbers go as text: with all in one call, Envoy looks its maps up and merges once. */
void forward_metadata(void *envoy, const struct filter *filter, const clientid_decision *decision,
                      const struct who *who, uint64_t delayed_ns)
{
    static const struct abi_bytes keys[IDENTITY_COUNT] = {{"id", 2}, {"name", 4}, {"tier", 4}};
    struct abi_pair pairs[IDENTITY_COUNT + 3];
    char left_text[24];
    char delay_text[24];
    const char *reason = clientid_reason_label(decision->reason);
    uint64_t left = remaining(decision);
    size_t count = 0;
    if (filter->metadata.len == 0)
        return;
    pairs[count++] = (struct abi_pair){ABI_BYTES("reason"), {reason, strlen(reason)}};
    for (size_t i = 0; i < IDENTITY_COUNT; i++) {
        if (who->value[i].len != 0)
            pairs[count++] = (struct abi_pair){keys[i], who->value[i]};
    }
    if (left != UINT64_MAX)
        pairs[count++] = (struct abi_pair){ABI_BYTES("remaining"), decimal(left_text, left)};
    if (delayed_ns != 0)
        pairs[count++] =
            (struct abi_pair){ABI_BYTES("delay"), decimal(delay_text, delayed_ns / 1000000)};
    if (CALL(http_set_dynamic_metadata_string_batch) != NULL) {
        CALL(http_set_dynamic_metadata_string_batch)(envoy, filter->metadata, pairs, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        CALL(http_set_dynamic_metadata_string)
    (envoy, filter->metadata, pairs[i].name, pairs[i].value);
}

void forward_state(void *envoy, const struct filter *filter, const struct who *who)
{
    if (filter->state.len != 0 && who->value[IDENTITY_ID].len != 0)
        (void)CALL(http_set_filter_state_bytes)(envoy, filter->state, who->value[IDENTITY_ID]);
}
