/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/str.h"
#include "registry/body.h"

#include <string.h>

void clientid__names_clear(struct clientid__registry *registry)
{
    for (size_t n = 0; n < registry->name_capacity; n++) {
        if (registry->names[n] == NULL)
            continue;
        clientid__free(registry->mem, registry->names[n]->members);
        clientid__free(registry->mem, registry->names[n]);
    }
    clientid__free(registry->mem, registry->names);
}

static int grow(struct clientid__registry *registry, uint32_t number)
{
    size_t capacity = registry->name_capacity != 0 ? registry->name_capacity : 16;
    struct clientid__name **names;

    while (capacity <= number)
        capacity *= 2;
    names = clientid__alloc(registry->mem, capacity, sizeof(struct clientid__name *));
    if (names == NULL)
        return CLIENTID_ERR_NOMEM;
    if (registry->name_capacity > 0)
        memcpy(names, registry->names, registry->name_capacity * sizeof(struct clientid__name *));
    clientid__free(registry->mem, registry->names);
    registry->name_bytes += (capacity - registry->name_capacity) * sizeof(struct clientid__name *);
    registry->names = names;
    registry->name_capacity = capacity;
    return 0;
}

int clientid__names_get(struct clientid__registry *registry, clientid_str text, uint32_t *number)
{
    struct clientid__name *name;
    uint32_t n = registry->last_name;

    if (registry->loading.on && n < registry->name_capacity && registry->names[n] != NULL &&
        clientid__str_eq(registry->names[n]->text, text)) {
        *number = n;
        return 0;
    }
    n = registry->intern(registry->intern_self, text);
    if (n == UINT32_MAX || (n >= registry->name_capacity && grow(registry, n) != 0))
        return CLIENTID_ERR_NOMEM;
    *number = registry->last_name = n;
    if (registry->names[n] != NULL)
        return 0;
    name = clientid__alloc(registry->mem, 1, sizeof(*name) + text.len);
    if (name == NULL)
        return CLIENTID_ERR_NOMEM;
    memcpy(name->bytes, text.ptr, text.len);
    name->text = (clientid_str){name->bytes, text.len};
    registry->name_bytes += sizeof(*name) + text.len;
    registry->names[n] = name;
    return 0;
}
