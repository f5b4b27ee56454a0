/* SPDX-License-Identifier: Apache-2.0 */
/* A URL that this lets pass has the scheme, host and port of the base, byte for byte. */
#include "anypoint/url.h"

#include "base/str.h"

#include <stdio.h>
#include <strings.h>

static size_t scheme_len(const char *url)
{
    if (strncmp(url, "https://", 8) == 0)
        return 8;
    return strncmp(url, "http://", 7) == 0 ? 7 : 0;
}

/* Up to where the path begins. */
static size_t origin_len(const char *url)
{
    size_t scheme = scheme_len(url);

    return scheme + strcspn(url + scheme, "/?#");
}

/* What no URL has, and "..", which would be removed behind our back. */
static bool harmless(const char *url)
{
    for (const char *at = url; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f || *at == '\\' || *at == '#')
            return false;
    return strstr(url, "/..") == NULL;
}

bool clientid__url_valid(const char *url)
{
    size_t scheme = scheme_len(url), origin = origin_len(url);

    if (scheme == 0 || origin == scheme || strlen(url) >= CLIENTID__URL_MAX / 2 || !harmless(url))
        return false;
    return strpbrk(url + scheme, "@?#%") == NULL;
}

bool clientid__url_is_https(const char *url)
{
    return scheme_len(url) == 8;
}

static bool all_of(const char *text, size_t len, const char *set)
{
    return strspn(text, set) >= len;
}

bool clientid__url_is_loopback(const char *url)
{
    const char *host = url + scheme_len(url);
    size_t len = strcspn(host, "/?#");

    if (strncmp(host, "[::1]", 5) == 0)
        return len == 5 || host[5] == ':';
    len = strcspn(host, ":/?#");
    if (len == 9 && strncasecmp(host, "localhost", 9) == 0)
        return true;
    /* A name such as 127.0.0.1.example.com is none. */
    return len > 4 && strncmp(host, "127.", 4) == 0 && all_of(host, len, "0123456789.");
}

static bool same_origin(const char *a, const char *b)
{
    size_t len = origin_len(a);

    return scheme_len(b) != 0 && origin_len(b) == len && strncasecmp(a, b, len) == 0;
}

/* Vendors write links below their own base path without it. */
static bool below(const char *base, const char *link)
{
    const char *path = base + origin_len(base);
    size_t len = strlen(path);

    return len > 0 && strncmp(link, path, len) == 0 &&
           (link[len] == '/' || link[len] == '?' || link[len] == '\0');
}

bool clientid__url_resolve(const char *base, const char *page, const char *link,
                           char out[CLIENTID__URL_MAX])
{
    size_t keep;
    int len;

    if (link[0] == '\0' || !harmless(link))
        return false;
    if (strstr(link, "://") != NULL && strcspn(link, ":") < strcspn(link, "/?")) {
        len = same_origin(base, link) ? snprintf(out, CLIENTID__URL_MAX, "%s", link) : -1;
        return len > 0 && len < CLIENTID__URL_MAX;
    }
    if (link[0] == '/' && link[1] == '/')
        return false; /* a host of its own */
    if (link[0] == '/') {
        keep = below(base, link) ? origin_len(base) : strlen(base);
        len = snprintf(out, CLIENTID__URL_MAX, "%.*s%s", (int)keep, base, link);
        return len < CLIENTID__URL_MAX;
    }
    if (strcspn(link, ":") < strcspn(link, "/?"))
        return false; /* another scheme */
    keep = strcspn(page, "?");
    while (link[0] != '?' && keep > origin_len(page) && page[keep - 1] != '/')
        keep--;
    len = snprintf(out, CLIENTID__URL_MAX, "%.*s%s", (int)keep, page, link);
    return len < CLIENTID__URL_MAX;
}

bool clientid__url_segment_valid(const char *segment)
{
    static const char set[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";
    size_t len = strlen(segment);

    return len > 0 && len <= 128 && all_of(segment, len, set) && strcmp(segment, ".") != 0 &&
           strcmp(segment, "..") != 0;
}
