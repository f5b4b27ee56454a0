/* SPDX-License-Identifier: Apache-2.0 */
/* clientid__event_decode, _encode: what decodes has one spelling. */
#include "base/mem.h"
#include "sync/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clientid__decoded decoded = {.mem = &clientid__malloc};
    struct clientid__bytes again = {.mem = &clientid__malloc};

    if (clientid__event_decode(&decoded, data, size) == 0 &&
        (clientid__event_encode(&again, &decoded.event) != 0 || again.len != size ||
         memcmp(again.data, data, size) != 0))
        abort();
    clientid__bytes_free(&again);
    clientid__decoded_free(&decoded);
    return 0;
}
