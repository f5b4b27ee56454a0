/* SPDX-License-Identifier: Apache-2.0 */
/* A contract under a group is in force under every member, whichever of the two was heard of first. */
#include "base/mem.h"
#include "registry/body.h"

#include <string.h>

/* A new list of members, and which of them the group did not have before. */
struct plan {
    struct clientid__members *members;
    uint32_t *added;
    size_t added_count;
};

static int plan_new(struct clientid__registry *registry, const clientid_group_event *event,
                    struct plan *plan)
{
    size_t entry = sizeof(clientid_str) + sizeof(uint32_t);
    struct clientid__members *m;

    *plan = (struct plan){0};
    if (event->member_count > (SIZE_MAX - sizeof(*m)) / entry)
        return CLIENTID_ERR_NOMEM;
    m = clientid__alloc(registry->mem, 1, sizeof(*m) + event->member_count * entry);
    plan->added = clientid__alloc(registry->mem, event->member_count, sizeof(uint32_t));
    plan->members = m;
    if (m == NULL || plan->added == NULL)
        return CLIENTID_ERR_NOMEM;
    m->numbers = (uint32_t *)(void *)(m->names + event->member_count);
    return 0;
}

static void plan_del(struct clientid__registry *registry, struct plan *plan)
{
    clientid__free(registry->mem, plan->members);
    clientid__free(registry->mem, plan->added);
}

/* Reads the members, each once.  The group itself is none: its contracts are under its name anyway. */
static int plan_fill(struct clientid__registry *registry, const clientid_group_event *event,
                     uint32_t group, struct plan *plan)
{
    const struct clientid__members *before = registry->names[group]->members;
    uint64_t had = ++registry->mark, has = ++registry->mark;

    for (size_t i = 0; before != NULL && i < before->count; i++)
        registry->names[before->numbers[i]]->mark = had;
    registry->names[group]->mark = has;
    for (size_t i = 0; i < event->member_count; i++) {
        struct clientid__name *name;
        uint32_t n;

        if (clientid__names_get(registry, event->members[i], &n) != 0)
            return CLIENTID_ERR_NOMEM;
        name = registry->names[n];
        if (name->mark == has)
            continue;
        if (name->mark != had)
            plan->added[plan->added_count++] = n;
        name->mark = has;
        plan->members->names[plan->members->count] = name->text;
        plan->members->numbers[plan->members->count++] = n;
    }
    return 0;
}

/* Copies of the group's contracts for the members that are new, linked by |next|.  |*count| of them. */
static int make_copies(struct clientid__registry *registry, uint32_t group, const struct plan *plan,
                       struct clientid__record **list, uint64_t *count)
{
    const struct clientid__record *master;
    uint64_t at = 0;

    *list = NULL;
    *count = 0;
    if (plan->added_count == 0)
        return 0;
    while ((master = clientid__contracts_of(registry, group, &at)) != NULL) {
        for (size_t i = 0; i < plan->added_count; i++) {
            struct clientid__record *copy =
                clientid__record_copy(&registry->records, master, plan->added[i]);

            if (copy == NULL)
                return CLIENTID_ERR_NOMEM;
            copy->next = *list;
            *list = copy;
            ++*count;
        }
    }
    return 0;
}

static void put_copies(struct clientid__registry *registry, struct clientid__record *list)
{
    while (list != NULL) {
        struct clientid__record *next = list->next;

        clientid__rivals_change(registry, NULL, list);
        list = next;
    }
}

/* Takes the copies from the members of |before| whose mark is not |keep|. */
static void take_copies(struct clientid__registry *registry, uint32_t group,
                        const struct clientid__members *before, uint64_t keep)
{
    const struct clientid__record *master;
    bool all_stay = true;
    uint64_t at = 0;

    for (size_t i = 0; i < before->count && all_stay; i++)
        all_stay = registry->names[before->numbers[i]]->mark == keep;
    if (all_stay)
        return;
    while ((master = clientid__contracts_of(registry, group, &at)) != NULL) {
        clientid_str client_id = clientid__record_client_id(master);

        for (size_t i = 0; i < before->count; i++) {
            uint32_t n = before->numbers[i];

            if (registry->names[n]->mark != keep)
                clientid__rivals_change(
                    registry, clientid__rivals_find(registry, n, client_id, master->id), NULL);
        }
    }
}

static uint64_t members_bytes(const struct clientid__members *members)
{
    return members == NULL
               ? 0
               : sizeof(*members) + members->count * (sizeof(clientid_str) + sizeof(uint32_t));
}

/* Puts |members| in the place of what the group had; NULL: it is no group any more.  Marks: as take_copies. */
static void swap_members(struct clientid__registry *registry, uint32_t group,
                         struct clientid__members *members)
{
    struct clientid__name *name = registry->names[group];
    struct clientid__members *before = name->members;

    if (before != NULL)
        take_copies(registry, group, before, registry->mark);
    name->members = members;
    registry->name_bytes += members_bytes(members) - members_bytes(before);
    atomic_fetch_add_explicit(&registry->group_count,
                              (uint64_t)(members != NULL) - (uint64_t)(before != NULL),
                              memory_order_relaxed);
    clientid__free(registry->mem, before);
}

static bool valid(const clientid_group_event *event)
{
    if (!clientid__api_name_valid(event->name) ||
        (event->member_count > 0 && event->members == NULL))
        return false;
    for (size_t i = 0; i < event->member_count; i++)
        if (!clientid__api_name_valid(event->members[i]))
            return false;
    return true;
}

int clientid__groups_put(struct clientid__registry *registry, const clientid_group_event *event)
{
    struct clientid__record *copies = NULL;
    struct plan plan;
    uint64_t count;
    uint32_t group;

    if (!valid(event))
        return CLIENTID_ERR_ARG;
    if (clientid__names_get(registry, event->name, &group) != 0)
        return CLIENTID_ERR_NOMEM;
    if (plan_new(registry, event, &plan) != 0 || plan_fill(registry, event, group, &plan) != 0 ||
        make_copies(registry, group, &plan, &copies, &count) != 0 ||
        clientid__rivals_reserve(registry, count) != 0)
        goto fail;
    put_copies(registry, copies);
    swap_members(registry, group, plan.members);
    plan.members = NULL;
    plan_del(registry, &plan);
    return 0;
fail:
    clientid__records_give(registry, copies);
    plan_del(registry, &plan);
    return CLIENTID_ERR_NOMEM;
}

int clientid__groups_remove(struct clientid__registry *registry, clientid_str name)
{
    uint32_t group;

    if (!clientid__api_name_valid(name))
        return CLIENTID_ERR_ARG;
    if (clientid__names_get(registry, name, &group) != 0)
        return CLIENTID_ERR_NOMEM;
    ++registry->mark; /* which no member has */
    swap_members(registry, group, NULL);
    return 0;
}
