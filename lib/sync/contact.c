/* SPDX-License-Identifier: Apache-2.0 */
/* At every moment at least one slot is sound, once one was written. */
#include "sync/contact.h"

#include "base/hash.h"
#include "sync/file.h"
#include "sync/wire.h"

#include <string.h>

#define SECTOR_BYTES 512u
#define SLOT_BYTES   48u

static const char magic[8] = {'C', 'L', 'I', 'D', 'C', 'T', 'C', '1'};

static struct clientid__contact get_slot(int fd, uint64_t offset)
{
    unsigned char slot[SLOT_BYTES];
    size_t got;

    if (clientid__file_read(fd, slot, sizeof(slot), offset, &got) != 0 || got < sizeof(slot) ||
        memcmp(slot, magic, sizeof(magic)) != 0 ||
        clientid__get64(slot + 40) != clientid__hash64(slot, 40, 0))
        return (struct clientid__contact){0};
    return (struct clientid__contact){
        .serial = clientid__get64(slot + 8),
        .position = {clientid__get64(slot + 16), clientid__get64(slot + 24)},
        .time_ns = clientid__get64(slot + 32),
    };
}

struct clientid__contact clientid__contact_read(int fd)
{
    struct clientid__contact a, b;

    if (fd < 0)
        return (struct clientid__contact){0};
    a = get_slot(fd, 0);
    b = get_slot(fd, SECTOR_BYTES);
    return a.serial > b.serial ? a : b;
}

int clientid__contact_write(int fd, struct clientid__contact *contact)
{
    unsigned char slot[SLOT_BYTES];

    contact->serial++;
    memcpy(slot, magic, sizeof(magic));
    clientid__put64(slot + 8, contact->serial);
    clientid__put64(slot + 16, contact->position.identity);
    clientid__put64(slot + 24, contact->position.revision);
    clientid__put64(slot + 32, contact->time_ns);
    clientid__put64(slot + 40, clientid__hash64(slot, 40, 0));
    return clientid__file_write(fd, slot, sizeof(slot), (contact->serial & 1) * SECTOR_BYTES);
}
