/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the keys that all drivers read. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s FILE COUNT\n", argv[0]);
        return 2;
    }
    work_write_keys(argv[1], strtoul(argv[2], NULL, 10));
    return 0;
}
