/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void say(int level, const char *format, ...)
{
    char text[1024] = "clientid: ";
    size_t len = strlen(text);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text + len, sizeof text - len, format, args);
    va_end(args);
    if (n > 0)
        len += (size_t)n < sizeof text - len ? (size_t)n : sizeof text - len - 1;
    CALL(log)(level, (struct abi_bytes){text, len});
}

void say_error(int level, const char *what, const clientid_error *error)
{
    char place[32] = "";
    const char *text = error->text[0] != '\0' ? error->text : clientid_strerror(error->code);
    if (error->line != 0)
        (void)snprintf(place, sizeof place, "%u:%u: ", error->line, error->column);
    say(level, "%s: %s%s%s%s%s%s", what, error->file, error->file[0] != '\0' ? ": " : "", place,
        error->pointer, error->pointer[0] != '\0' ? ": " : "", text);
}
