/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A limits table of arbitrary bytes behind a valid header.  Targets: clientid__limits_decide, clientid__limits_refund,
 * clientid__table_use, clientid__table_used_minute, clientid__table_see, clientid__table_state.
 *
 * Input: struct head, then cells of 16 bytes that are repeated over the regions.  A cell whose first byte is MINE gets the
 * tag of the key that is charged, since chance would never find it.
 */
#include "base/mem.h"
#include "limit/table.h"

#include <stdlib.h>
#include <string.h>

#define MINE 0xee
#define T0   UINT64_C(1700000000000000000)

struct head {
    uint64_t late_ns; /* of now, after T0 */
    uint32_t maximum;
    uint32_t period_ms;
    uint8_t algorithm;
    uint8_t cost;
    uint8_t place;
    uint8_t minute;
    clientid_receipt receipt;
};

struct input {
    struct head head;
    const uint8_t *cells;
    size_t count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static union clientid__cell cell_at(const struct input *in, size_t i, uint64_t identity)
{
    union clientid__cell cell = {.word = {0, 0}};

    if (in->count == 0)
        return cell;
    memcpy(&cell, in->cells + i % in->count * sizeof(cell), sizeof(cell));
    if ((cell.word[0] & 0xff) == MINE)
        cell.word[0] = identity << CLIENTID__EXTRA_BITS | (cell.word[0] >> 8 & CLIENTID__EXTRA_MAX);
    return cell;
}

static void spread(struct clientid__table *table, const struct input *in,
                   const struct clientid__charge *c)
{
    for (int region = 0; region < CLIENTID__REGION_COUNT; region++) {
        const uint64_t *key = region == CLIENTID__REGION_OVERFLOW ? c->rule->salt : c->key;
        uint64_t identity = clientid__cell_identity(key, c->rule->algorithm);

        for (uint64_t i = 0; i < table->header->entries[region]; i++)
            table->region[region].cells[i] = cell_at(in, i, identity);
    }
    table->header->seen = cell_at(in, 0, 1);
}

static void work(struct clientid__table *table, const struct input *in, struct clientid__charge *c)
{
    uint64_t now = T0 + in->head.late_ns;
    struct clientid__charge charges[3] = {*c, *c, *c};
    struct clientid__table_state state;
    clientid_receipt receipt;
    uint64_t identity, revision;

    charges[1].key[0] ^= 8;
    charges[2].shadow = true;
    clientid__limits_decide(table, charges, 3, in->head.cost, now, true, NULL);
    for (int i = 0; i < 4; i++) {
        bool admitted =
            clientid__limits_decide(table, charges, 3, in->head.cost, now, false, &receipt);

        require(admitted || receipt.count == 0);
        require(charges[0].remaining <= c->rule->maximum);
        require(admitted || charges[0].refused || charges[1].refused);
        if (i == 2)
            clientid__limits_refund(table, &receipt, now);
    }
    clientid__limits_refund(table, &in->head.receipt, now);
    clientid__table_use(table, c->key, now);
    clientid__table_used_minute(table, c->key);
    clientid__table_see(table, 1, in->head.minute);
    clientid__table_seen(table, &identity, &revision);
    require(identity == 1 && revision >= in->head.minute);
    clientid__table_state(table, now, &state);
    require(state.live[0] <= state.cells[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const clientid_algorithm algorithms[] = {CLIENTID_FIXED_WINDOW, CLIENTID_SLIDING_WINDOW,
                                                    CLIENTID_TOKEN_BUCKET};
    struct clientid__table_options options = {.cells = 64, .key_cells = 64, .use_cells = 64};
    struct input in = {0};
    struct clientid__table *table;
    struct clientid__rule rule;
    struct clientid__charge c = {.rule = &rule};
    uint64_t identity[2];

    if (size < sizeof(in.head))
        return 0;
    memcpy(&in.head, data, sizeof(in.head));
    in.cells = data + sizeof(in.head);
    in.count = (size - sizeof(in.head)) / sizeof(union clientid__cell);
    if (clientid__rule_init(&rule, algorithms[in.head.algorithm % 3], in.head.maximum,
                            in.head.period_ms, 0, 1, NULL) != 0)
        return 0;
    if (clientid__table_open(&table, &clientid__malloc, &options, NULL) != 0)
        return 0;
    identity[0] = in.head.place ^ rule.salt[0];
    identity[1] = UINT64_C(0x123456789abcdef0);
    clientid__charge_key(&c, identity);
    spread(table, &in, &c);
    work(table, &in, &c);
    clientid__table_close(table);
    return 0;
}
