/* SPDX-License-Identifier: Apache-2.0 */
/* An option that is not given leaves its field as it is. */
#include "fields.h"

#include <string.h>

clientid_str slice(const char *text)
{
    return (clientid_str){text, text != NULL ? strlen(text) : 0};
}

void field_text(const struct options *options, const char *name, clientid_str *field, unsigned bit,
                unsigned *mask)
{
    if (!option_given(options, name))
        return;
    *field = slice(option_value(options, name));
    *mask |= bit;
}

int field_list(struct ctl *ctl, const char *name, clientid_str *list, size_t *count, unsigned bit,
               unsigned *mask)
{
    const char *value;
    *count = 0;
    for (size_t i = 0; (value = option_nth(&ctl->options, name, i)) != NULL; i++) {
        if (i == FIELD_LIST_MAX)
            return report(ctl, CTL_USAGE, ctl->options.what, "more than %d times --%s",
                          (int)FIELD_LIST_MAX, name);
        list[(*count)++] = slice(value);
        *mask |= bit;
    }
    if (*count == 1 && list[0].len == 0)
        *count = 0;
    return 0;
}
