/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/dialect.h"

#include "base/str.h"

/* A place in a pattern and, once something is wrong, why. */
struct scan {
    clientid_str pattern;
    size_t at;
    const char *reason;
};

/* The byte |ahead| of the place, NUL behind the end. */
static char peek(const struct scan *scan, size_t ahead)
{
    return scan->at + ahead < scan->pattern.len ? scan->pattern.ptr[scan->at + ahead] : '\0';
}

static bool ended(const struct scan *scan)
{
    return scan->at >= scan->pattern.len || scan->reason != NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_quotation(struct scan *scan)
{
    while (!ended(scan) && !(peek(scan, 0) == '\\' && peek(scan, 1) == 'E'))
        scan->at++;
    scan->at += 2;
}

static void scan_escape(struct scan *scan)
{
    switch (peek(scan, 1)) {
    case '0': /* Java: an octal number of up to three digits; PCRE2: two */
    case 'g': /* PCRE2: a reference or a call */
    case 'K': /* PCRE2: the match begins here */
    case 'N': /* Java: a character by name; PCRE2: no newline */
    case 'G': /* the end of a match before, which there is none */
        scan->reason = "this escape differs between Java and PCRE2";
        return;
    case 'Q':
        scan->at += 2;
        skip_quotation(scan);
        return;
    default:
        scan->at += 2;
    }
}

/* Java reads a bracket in a class as a union and && as an intersection; PCRE2 reads both as characters. */
static void scan_class(struct scan *scan)
{
    scan->at += peek(scan, 1) == '^' ? 2 : 1;
    if (peek(scan, 0) == ']') {
        scan->reason = "a character class may not begin with ']', write \\]";
        return;
    }
    while (!ended(scan) && peek(scan, 0) != ']') {
        if (peek(scan, 0) == '\\')
            scan_escape(scan);
        else if (peek(scan, 0) == '[')
            scan->reason = "'[' inside a character class differs between Java and PCRE2, write \\[";
        else if (peek(scan, 0) == '&' && peek(scan, 1) == '&')
            scan->reason = "'&&' inside a character class is not supported";
        else
            scan->at++;
    }
    scan->at++;
}

/* What both know: (?:x) (?=x) (?!x) (?>x) (?<=x) (?<!x) (?<name>x) (?i) (?s) (?m). */
static void scan_group(struct scan *scan)
{
    char c = peek(scan, 2);

    if (peek(scan, 1) == '*')
        scan->reason = "'(*' is not supported";
    else if (peek(scan, 1) == '?' && (c == '\0' || strchr(":=!><ims-", c) == NULL))
        scan->reason = "this kind of group is not supported";
    scan->at++;
}

/* PCRE2 takes a brace that is no quantifier for itself: /orders/{id} would then match no request at all. */
static void scan_brace(struct scan *scan)
{
    size_t ahead = 1;

    while (is_digit(peek(scan, ahead)))
        ahead++;
    if (ahead > 1 && peek(scan, ahead) == ',')
        for (ahead++; is_digit(peek(scan, ahead));)
            ahead++;
    if (ahead == 1 || peek(scan, ahead) != '}')
        scan->reason = "'{' is no quantifier here; {placeholders} are not supported, write [^/]+";
    scan->at += ahead;
}

int clientid__dialect_check(clientid_str pattern, size_t *offset, const char **reason)
{
    struct scan scan = {pattern, 0, NULL};

    while (!ended(&scan)) {
        *offset = scan.at;
        switch (peek(&scan, 0)) {
        case '\\':
            scan_escape(&scan);
            break;
        case '[':
            scan_class(&scan);
            break;
        case '(':
            scan_group(&scan);
            break;
        case '{':
            scan_brace(&scan);
            break;
        default:
            scan.at++;
        }
    }
    *reason = scan.reason;
    return scan.reason == NULL ? 0 : CLIENTID_ERR_SYNTAX;
}
