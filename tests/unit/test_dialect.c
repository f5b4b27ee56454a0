/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "policy/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FITS ((size_t)-1)

static void test_dialect(void **state)
{
    static const struct {
        const char *name, *pattern;
        size_t offset; /* of the refusal */
    } rows[] = {
        {"plain", "/v1/orders", FITS},
        {"the usual", "/api/v[0-9]+/(orders|items)/.*", FITS},
        {"quantifiers", "a{2}b{2,}c{2,5}", FITS},
        {"escaped brace", "/orders/\\{id}", FITS},
        {"brace in a class", "[{]", FITS},
        {"quoted", "\\Q{(*[\\E.*", FITS},
        {"quotation without an end", "\\Q(*", FITS},
        {"quotation in a class", "[\\Q[&&\\E]", FITS},
        {"lookaround", "(?!/admin)(?=/)(?<=x)(?<!y)(?>a)(?:b).*", FITS},
        {"named group", "(?<id>[^/]+)", FITS},
        {"flags", "(?i)/v1(?-i:x)", FITS},
        {"escaped parenthesis before a star", "\\(*", FITS},
        {"parenthesis in a class", "[(*]", FITS},
        {"single ampersand", "[a&b]", FITS},
        {"escaped bracket in a class", "[\\]\\[]", FITS},
        {"class without an end is left to PCRE2", "[a", FITS},
        {"backslash at the end is left to PCRE2", "a\\", FITS},
        {"empty", "", FITS},
        {"placeholder", "/orders/{id}", 8},
        {"empty braces", "a{}", 1},
        {"upper bound only", "a{,5}", 1},
        {"brace without an end", "a{2", 1},
        {"brace at the end", "a{", 1},
        {"verb", "(*UTF)a", 0},
        {"verb inside", "a(*ACCEPT)", 1},
        {"recursion", "(?R)", 0},
        {"conditional", "(?(1)a)", 0},
        {"callout", "(?C1)", 0},
        {"comment group", "(?#x)", 0},
        {"python name", "(?P<a>b)", 0},
        {"branch reset", "(?|a)", 0},
        {"comments mode", "(?x)a", 0},
        {"ungreedy in PCRE2, Unicode in Java", "(?U)a", 0},
        {"question at the end", "(?", 0},
        {"union", "[a[bc]]", 0},
        {"posix class", "[[:alpha:]]", 0},
        {"intersection", "[a-z&&[^b]]", 0},
        {"bracket first", "[]a]", 0},
        {"bracket first, negated", "x[^]a]", 1},
        {"octal", "a\\0101", 1},
        {"octal in a class", "[\\07]", 0},
        {"reset of the start", "a\\Kb", 1},
        {"no newline", "\\N", 0},
        {"subroutine", "\\g1", 0},
        {"end of last match", "\\Ga", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *reason = NULL;
        size_t offset = FITS;
        int rv = clientid__dialect_check(clientid__cstr(rows[i].pattern), &offset, &reason);

        if (rows[i].offset == FITS
                ? rv != 0 || reason != NULL
                : rv != CLIENTID_ERR_SYNTAX || reason == NULL || offset != rows[i].offset)
            fail_msg("%s: %d at %zu, %s", rows[i].name, rv, offset, reason != NULL ? reason : "-");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dialect)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
