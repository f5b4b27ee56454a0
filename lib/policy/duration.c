/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/duration.h"

#include "base/str.h"

static const struct {
    const char *name;
    uint64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

enum { UNITS = sizeof(units) / sizeof(units[0]) };

/* Takes leading digits off |*text|; false when there are none or they overflow. */
static bool take_number(clientid_str *text, uint64_t *number)
{
    size_t digits = 0;

    *number = 0;
    for (; digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9'; digits++) {
        uint64_t digit = (uint64_t)(text->ptr[digits] - '0');

        if (*number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    *text = clientid__str(text->ptr + digits, text->len - digits);
    return digits > 0;
}

static uint64_t unit_ms(clientid_str name)
{
    for (size_t i = 0; i < UNITS; i++)
        if (clientid__str_eq(name, clientid__cstr(units[i].name)))
            return units[i].ms;
    return 0;
}

int clientid__duration_parse(clientid_str text, uint64_t *ns)
{
    uint64_t number, ms;

    if (clientid__str_eq(text, CLIENTID_STR("0"))) {
        *ns = 0;
        return 0;
    }
    if (!take_number(&text, &number))
        return CLIENTID_ERR_SYNTAX;
    ms = unit_ms(text);
    if (ms == 0 || number > UINT64_MAX / (ms * 1000000))
        return CLIENTID_ERR_SYNTAX;
    *ns = number * ms * 1000000;
    return 0;
}

int clientid__limit_parse(clientid_str text, uint64_t *maximum, uint64_t *period_ms)
{
    uint64_t count = 1, ms;

    if (!take_number(&text, maximum) || text.len == 0 || text.ptr[0] != '/')
        return CLIENTID_ERR_SYNTAX;
    text = clientid__str(text.ptr + 1, text.len - 1);
    if (text.len > 0 && text.ptr[0] >= '0' && text.ptr[0] <= '9' && !take_number(&text, &count))
        return CLIENTID_ERR_SYNTAX;
    ms = unit_ms(text);
    if (ms == 0 || *maximum == 0 || count == 0 || count > UINT64_MAX / ms)
        return CLIENTID_ERR_SYNTAX;
    *period_ms = count * ms;
    return 0;
}

size_t clientid__decimal_write(uint64_t number, char *out)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    return count;
}

size_t clientid__duration_write(uint64_t ns, char out[CLIENTID__DURATION_TEXT])
{
    uint64_t ms = ns / 1000000 + (ns % 1000000 != 0);
    size_t unit = UNITS - 1, len;

    while (unit > 0 && (ms == 0 || ms % units[unit].ms != 0))
        unit--;
    len = clientid__decimal_write(ms / units[unit].ms, out);
    for (const char *name = units[unit].name; *name != '\0'; name++)
        out[len++] = *name;
    return len;
}
